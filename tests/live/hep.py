"""Copies of the messages that Kamailio sees, as its module siptrace sends them: HEP3 in datagrams."""

import socket
import struct
import threading

from sip import Message

# Chunks of HEP3 that are read (type in the header of each; vendor 0).
SOURCE, TARGET, SECONDS, MICROSECONDS, PAYLOAD = 3, 4, 9, 10, 15


class Copy:
    """A message on its way from one address to the next, and when it was seen."""

    def __init__(self, at, source, target, message):
        self.at, self.source, self.target, self.message = at, source, target, message

    @property
    def what(self):
        """The method, or the status with its phrase."""
        return self.message.method or self.message.first.partition(" ")[2]

    @property
    def step(self):
        """What stays the same from hop to hop: the number and method of the transaction, and the status."""
        return self.message.header("CSeq"), self.message.status

    def __str__(self):
        return f"{self.source} -> {self.target}: {self.what}"


def read(datagram):
    """The copy in a datagram; None if it is none."""
    if datagram[:4] != b"HEP3":
        return None
    chunks, at = {}, 6
    while at + 6 <= len(datagram):
        _, kind, length = struct.unpack(">HHH", datagram[at:at + 6])
        chunks[kind] = datagram[at + 6:at + length]
        at += max(length, 6)
    text = chunks[PAYLOAD].decode("utf-8", "replace").rstrip("\0")
    if not text.strip():
        return None  # a keepalive
    seconds, microseconds = (struct.unpack(">I", chunks[kind])[0] for kind in (SECONDS, MICROSECONDS))
    return Copy(seconds + microseconds / 1e6, socket.inet_ntoa(chunks[SOURCE]), socket.inet_ntoa(chunks[TARGET]),
                Message(text))


class Collector:
    """Takes the copies of all servers at one address; a thread reads."""

    def __init__(self, addr, port):
        self.copies = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind((addr, port))
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                copy = read(self.socket.recv(65535))
            except OSError:
                return
            if copy:
                self.copies.append(copy)

    def of_call(self, call_id):
        """In the order of time."""
        return sorted((copy for copy in list(self.copies) if copy.message.header("Call-ID") == call_id),
                      key=lambda copy: copy.at)

    def find(self, since=0.0, **wanted):
        """Copies after that time whose source, target, what or header agree: find(what="NOTIFY", to="bob@")."""
        def agrees(copy):
            seen = {"source": copy.source, "target": copy.target, "what": copy.what,
                    "method": copy.message.header("CSeq").partition(" ")[2], "status": copy.message.status,
                    "from": copy.message.header("From"), "to": copy.message.header("To")}
            return all(value in seen[name] if name in ("from", "to") else value == seen[name]
                       for name, value in wanted.items())
        return [copy for copy in list(self.copies) if copy.at >= since and agrees(copy)]

    def close(self):
        self.socket.close()
