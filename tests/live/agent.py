"""A server behind a proxy, as far as a test or the demo needs one: it sends and takes SIP on one address over UDP or
TCP, notes when each message came or went, and keeps the two halves of dialogs (RFC 3261 12)."""

import queue
import re
import socket
import threading
import time

from sip import Message, Stream, request, response
from stage import Failure


class Dialog:
    """One side of a dialog: what its next request is made of."""

    def __init__(self, call_id, ours, theirs, target, routes, cseq):
        self.call_id, self.ours, self.theirs = call_id, ours, theirs
        self.target, self.routes, self.cseq = target, routes, cseq

    @classmethod
    def of_caller(cls, answer):
        """From the 2xx that the caller got: its Record-Route in reverse."""
        return cls(answer.header("Call-ID"), answer.header("From"), answer.header("To"),
                   _target(answer), list(reversed(_routes(answer))), int(answer.header("CSeq").split()[0]))

    @classmethod
    def of_called(cls, asked, to_tag):
        """From the request that the called side got and answered with to_tag."""
        return cls(asked.header("Call-ID"), f"{asked.header('To')};tag={to_tag}", asked.header("From"),
                   _target(asked), _routes(asked), 0)

    def request(self, method, local, transport, extra="", body="", cseq=None):
        """The text of the next request; an ACK takes the number of its INVITE."""
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        text = request(method, "x@x", "x@x", local, transport, call_id=self.call_id, cseq=cseq, uri=self.target,
                       extra="".join(f"Route: {route}\r\n" for route in self.routes) + extra, body=body)
        text = re.sub(r"(?m)^From: .*\r$", lambda _: f"From: {self.ours}\r", text, count=1)
        return re.sub(r"(?m)^To: .*\r$", lambda _: f"To: {self.theirs}\r", text, count=1)


def _target(message):
    return message.header("Contact").partition("<")[2].partition(">")[0]


def _routes(message):
    return [value.strip() for line in message.headers.get("record-route", []) for value in line.split(",")]


class Arrived:
    """A message, when it came, and the way back."""

    def __init__(self, message, reply):
        self.message, self.reply, self.at = message, reply, time.monotonic()


class Agent:
    """Listens on addr:port; threads read, the test takes from a queue."""

    def __init__(self, addr, port, transport):
        self.addr, self.port, self.transport = addr, port, transport
        self.arrivals = queue.Queue()
        self.connection = None
        kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
        self.socket = socket.socket(socket.AF_INET, kind)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((addr, port))
        if transport != "udp":
            self.socket.listen()
        reader = self.read_datagrams if transport == "udp" else self.accept
        threading.Thread(target=reader, daemon=True).start()

    def read_datagrams(self):
        while True:
            try:
                text, source = self.socket.recvfrom(65535)
            except OSError:
                return
            if text.strip():
                reply = lambda answer, source=source: self.socket.sendto(answer.encode(), source)
                self.arrivals.put(Arrived(Message(text.decode("utf-8", "replace")), reply))

    def accept(self):
        while True:
            try:
                connected, _ = self.socket.accept()
            except OSError:
                return
            self.read_stream(connected)

    def read_stream(self, connected):
        stream = Stream(connected, timeout=None)

        def read():
            try:
                while (message := stream.receive()) is not None:
                    self.arrivals.put(Arrived(message, stream.send))
            except OSError:
                pass
        threading.Thread(target=read, daemon=True).start()
        return stream

    @property
    def local(self):
        return self.addr, self.port

    def send(self, text, to):
        """Sends a request to the proxy at `to`, over a connection that is kept. Returns when it went."""
        if self.transport == "udp":
            self.socket.sendto(text.encode(), to)
            return time.monotonic()
        if self.connection is None:
            self.connection = self.read_stream(socket.create_connection(to, 5, source_address=(self.addr, 0)))
        self.connection.send(text)
        return time.monotonic()

    def request(self, method, to, sender, **options):
        return request(method, to, sender, self.local, self.transport.upper(), **options)

    def expect(self, *wanted, timeout=10):
        """The next arrival that is one of these methods or statuses; provisional responses, repeats and the
        proxy's OPTIONS pass by (the latter answered). Failure if another final response comes."""
        end = time.monotonic() + timeout
        while True:
            try:
                arrived = self.arrivals.get(timeout=max(0, end - time.monotonic()))
            except queue.Empty:
                raise Failure(f"{self.addr} waited in vain for {' or '.join(map(str, wanted))}") from None
            message = arrived.message
            if message.status in wanted or message.method in wanted:
                return arrived
            if message.method == "OPTIONS":
                arrived.reply(response(message, "200 OK"))
            elif message.status >= 300:
                raise Failure(f"{self.addr} got {message.first} for {' or '.join(map(str, wanted))}")

    def close(self):
        self.socket.close()
        if self.connection:
            self.connection.close()
