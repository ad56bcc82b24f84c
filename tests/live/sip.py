"""Enough SIP for a test that wants to say something odd or look at one answer closely; conversations
with timers are sipp's work, traffic is load's."""

import itertools
import re
import socket

from stage import Failure

_numbers = itertools.count(1)


class Message:
    """A received message: first line, headers by lower-case name, body."""

    def __init__(self, text):
        head, _, self.body = text.partition("\r\n\r\n")
        lines = head.split("\r\n")
        self.text = text
        self.first = lines[0]
        self.headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.headers.setdefault(name.strip().lower(), []).append(value.strip())
        self.status = int(self.first.split()[1]) if self.first.startswith("SIP/2.0 ") else 0
        self.method = "" if self.status else self.first.split()[0]

    def header(self, name):
        return ", ".join(self.headers.get(name.lower(), []))


def request(method, to, sender, local, transport="UDP", call_id=None, extra="", body="", cseq=1,
            to_tag="", uri=None):
    """The text of a request from `sender` to `to` (user@domain each), sent from local (address, port)."""
    number = next(_numbers)
    host = f"{local[0]}:{local[1]}"
    return (f"{method} {uri or 'sip:' + to} SIP/2.0\r\n"
            f"Via: SIP/2.0/{transport} {host};rport;branch=z9hG4bKlive{number}x{local[1]}\r\n"
            f"Max-Forwards: 70\r\n"
            f"From: <sip:{sender}>;tag=l{number}\r\n"
            f"To: <sip:{to}>{';tag=' + to_tag if to_tag else ''}\r\n"
            f"Call-ID: {call_id or new_call_id()}\r\n"
            f"CSeq: {cseq} {method}\r\n"
            f"Contact: <sip:live@{host};transport={transport.lower()}>\r\n"
            f"{extra}Content-Length: {len(body)}\r\n\r\n{body}")


def new_call_id():
    return f"live-{next(_numbers)}-{id(_numbers) & 0xffff:x}"


def response(to_request, status, to_tag="live", extra="", body=""):
    """The text of a response to a received request."""
    lines = [f"SIP/2.0 {status}"]
    for name in ("Via", "Record-Route", "From", "To", "Call-ID", "CSeq"):
        for value in to_request.headers.get(name.lower(), []):
            if name == "To" and ";tag=" not in value:
                value += f";tag={to_tag}"
            lines.append(f"{name}: {value}")
    return "\r\n".join(lines) + f"\r\n{extra}Content-Length: {len(body)}\r\n\r\n{body}"


class Datagrams:
    """A user agent on UDP."""

    def __init__(self, addr, port=0, timeout=5.0):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((addr, port))
        self.socket.settimeout(timeout)
        self.local = self.socket.getsockname()

    def send(self, text, to):
        self.socket.sendto(text.encode(), to)

    def receive(self, timeout=None):
        """The next message and where it came from."""
        if timeout is not None:
            self.socket.settimeout(timeout)
        try:
            data, source = self.socket.recvfrom(65535)
        except TimeoutError:
            raise Failure("no SIP message came in time") from None
        return Message(data.decode("utf-8", "replace")), source

    def ask(self, text, to, timeout=None):
        """Sends a request and returns its final response."""
        self.send(text, to)
        while True:
            message, _ = self.receive(timeout)
            if message.status >= 200:
                return message

    def close(self):
        self.socket.close()


class Stream:
    """A user agent on a connected socket, plain or TLS."""

    def __init__(self, connected, timeout=5.0):
        self.socket = connected
        self.socket.settimeout(timeout)
        self.local = connected.getsockname()
        self.kept = b""

    def send(self, text):
        self.socket.sendall(text.encode())

    def receive(self):
        """The next message; None when the other side has closed."""
        while True:
            head = self.kept.lstrip(b"\r\n")
            end = head.find(b"\r\n\r\n")
            if end >= 0:
                length = re.search(rb"(?im)^(?:content-length|l)\s*:\s*(\d+)", head[:end + 2])
                size = end + 4 + (int(length.group(1)) if length else 0)
                if len(head) >= size:
                    self.kept = head[size:]
                    return Message(head[:size].decode("utf-8", "replace"))
            try:
                more = self.socket.recv(65536)
            except TimeoutError:
                raise Failure("no SIP message came in time") from None
            if not more:
                return None
            self.kept += more

    def ask(self, text):
        self.send(text)
        while True:
            message = self.receive()
            if message is None or message.status >= 200:
                return message

    def close(self):
        self.socket.close()
