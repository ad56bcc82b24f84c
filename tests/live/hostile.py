"""Strangers, and friends gone mad: what live_hostile.py sends at a proxy, and the pulse of honest traffic that must
not notice. Only the standard library."""

import os
import random
import resource
import socket
import ssl
import struct
import sys
import threading
import time

from sip import Datagrams, Message, request, response
from stage import ROOT, Failure

CORPUS = os.path.join(ROOT, "tests", "fuzz", "corpus", "message")


def corpus():
    """(name, bytes) of the messages of RFC 4475 and RFC 5118."""
    for name in sorted(os.listdir(CORPUS)):
        with open(os.path.join(CORPUS, name), "rb") as file:
            yield name, file.read()


def allow_descriptors(n):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(n, hard)), hard))


# ---- the proxy from outside: memory, descriptors, its own counters ----

def rss_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def n_fds(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def n_unread(addr, port):
    """Bytes of datagrams to that address that the kernel holds and nobody has read yet."""
    local = "%08X:%04X" % (int.from_bytes(socket.inet_aton(addr), sys.byteorder), port)
    with open("/proc/net/udp", encoding="ascii") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    return sum(int(row[4].partition(":")[2], 16) for row in rows if row[1] == local)


def has_sanitizer(pid):
    """True under a sanitizer, whose memory says nothing of the program's."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
        text = maps.read()
    return any(name in text for name in ("libasan", "libtsan", "libubsan", "_asan", "_tsan"))


def metrics(control):
    """The samples of /metrics on the control socket: {name with labels: value}."""
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(10)
        asking.connect(control)
        asking.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = b""
        while more := asking.recv(65536):
            answer += more
    lines = answer.partition(b"\r\n\r\n")[2].decode().splitlines()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if line and line[0] != "#"}


def n_server_transactions(proxy):
    return metrics(proxy.socket)['nuncio_transactions{kind="server"}']


# ---- honest traffic ----

class Pulse:
    """A MESSAGE from b's server through both proxies to a's server and its 200 back, each 100 ms, all the time."""

    def __init__(self, both, every_s=0.1):
        self.both, self.every_s = both, every_s
        self.caller, self.called = Datagrams(both.b.backend, 5060), Datagrams(both.a.backend, 5060)
        self.n_sent = self.n_answered = 0
        self.slowest_s, self.wrong = 0.0, []
        self.is_over = threading.Event()
        self.threads = [threading.Thread(target=run, daemon=True) for run in (self.call, self.answer)]
        for thread in self.threads:
            thread.start()

    def answer(self):
        """Answers all that comes, also what strangers should not have brought here: `seen` holds the rest."""
        self.seen = []
        while not self.is_over.is_set():
            try:
                message, source = self.called.receive(0.5)
            except Failure:
                continue
            if not message.method or message.method == "ACK":
                continue
            if "pulse" not in message.header("Call-ID"):
                self.seen.append(message.text)
            self.called.send(response(message, "200 OK"), source)

    def call(self):
        lan = (self.both.b.lan, 5060)
        while not self.is_over.is_set():
            began = time.monotonic()
            text = request("MESSAGE", f"bob@{self.both.a.domain}", f"anna@{self.both.b.domain}", self.caller.local,
                           call_id=f"pulse-{self.n_sent}-{began}", body="x", extra="Content-Type: text/plain\r\n")
            self.n_sent += 1
            try:
                answer = self.await_answer(text, lan, f"pulse-{self.n_sent - 1}-{began}")
            except Failure as failure:
                self.wrong.append(f"no answer to number {self.n_sent}: {failure}")
                continue
            took = time.monotonic() - began
            self.slowest_s = max(self.slowest_s, took)
            if answer.status == 200:
                self.n_answered += 1
            else:
                self.wrong.append(answer.first + " " + answer.header("Warning"))
            self.is_over.wait(max(0, self.every_s - took))

    def await_answer(self, text, lan, call_id):
        """Repeats as RFC 3261 17.1.2.2 does, up to 10 s."""
        wait_s, end = 0.5, time.monotonic() + 10
        self.caller.send(text, lan)
        while time.monotonic() < end:
            try:
                message, _ = self.caller.receive(wait_s)
            except Failure:
                wait_s = min(4, 2 * wait_s)
                self.caller.send(text, lan)
                continue
            if message.method and message.method != "ACK":
                self.caller.send(response(message, "480 Temporarily Unavailable"), lan)
            if message.status >= 200 and message.header("Call-ID") == call_id:
                return message
        raise Failure("10 s passed")

    def stop(self):
        self.is_over.set()
        for thread in self.threads:
            thread.join(15)
        self.caller.close()
        self.called.close()

    def summary(self):
        return (f"{self.n_answered} of {self.n_sent} answered, the slowest in {1000 * self.slowest_s:.0f} ms"
                + "".join("\n" + line for line in self.wrong[:5]))


# ---- strangers ----

def udp(addr, port=0):
    agent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    agent.bind((addr, port))
    agent.settimeout(1)
    return agent


def tcp(addr, to, timeout=5):
    return socket.create_connection(to, timeout, source_address=(addr, 0))


def tls_context(pem=None, key=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if pem:
        context.load_cert_chain(pem, key)
    return context


def client_hello():
    """The first flight of a TLS client."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = tls_context().wrap_bio(incoming, outgoing, server_hostname="a.example")
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def close_all(connections):
    """At once, without waiting for the other side (RST)."""
    for connection in connections:
        try:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
        except OSError:
            pass


def crowd(addrs, to, n, first=b""):
    """n connections spread over the sources; what is refused is not in the list that comes back."""
    connections = []
    for i in range(n):
        try:
            connection = tcp(addrs[i % len(addrs)], to, 2)
            if first:
                connection.sendall(first)
            connections.append(connection)
        except OSError:
            pass
    return connections


def drained(agent, limit=100000):
    """What came to a UDP socket until now."""
    agent.setblocking(False)
    messages = []
    try:
        while len(messages) < limit:
            messages.append(agent.recv(65535))
    except (BlockingIOError, ConnectionError):
        pass
    agent.settimeout(1)
    return messages


def drained_to_the_end(agent, quiet=0.5):
    """What arrives until nothing has arrived for that many seconds: the proxy may lag on a busy machine."""
    texts, end = [], time.monotonic() + quiet
    while time.monotonic() < end:
        more = drained(agent)
        texts += more
        if more:
            end = time.monotonic() + quiet
        time.sleep(0.02)
    return texts


# ---- mutations ----

WORDS = [b"\r\n", b"\r\n\r\n", b"\0", b" ", b"\t", b";", b",", b"<", b">", b'"', b"@", b"%00", b"%", b"sip:", b"sips:",
         b"tel:", b"[::1]", b"[", b"4294967296", b"-1", b"99999999999999999999", b";lr", b";maddr=127.0.0.1",
         b";transport=", b";branch=z9hG4bK", b";rport", b";tag=", b"\xff\xfe", b"Via: SIP/2.0/UDP x\r\n", b"CSeq: 0 X\r\n",
         b"Content-Length: 5\r\n", b"l: -1\r\n", b"Route: <sip:x;lr>\r\n", b"To: \r\n", b"From: *\r\n", b"Contact: *\r\n",
         b"Max-Breadth: 0\r\n", b"CANCEL", b"ACK", b"SIP/2.0", b"(((", b"\\\"", b"=?", b"\r", b"\n"]


def mutate(chance, text):
    """One to four small wounds."""
    out = bytearray(text)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(out) + 1)
        kind = chance.randrange(6)
        if kind == 0 and at < len(out):
            out[at] = chance.randrange(256)
        elif kind == 1:
            out[at:at] = chance.choice(WORDS)
        elif kind == 2:
            del out[at:at + chance.choice((1, 2, 8, 40))]
        elif kind == 3:
            end = min(len(out), at + chance.choice((4, 16, 64)))
            out[at:at] = out[at:end] * chance.choice((1, 2, 20))
        elif kind == 4:
            out = out[:at] if chance.randrange(8) == 0 else out
        else:
            lines = bytes(out).split(b"\r\n")
            i, j = chance.randrange(len(lines)), chance.randrange(len(lines))
            lines[i], lines[j] = lines[j], lines[i]
            out = bytearray(b"\r\n".join(lines))
    return bytes(out[:60000]) or b"x"


def seeds(local, from_domain, to_domain, transport="UDP"):
    """Valid requests of all kinds from a user of one domain to one of the other, and odd but valid headers."""
    extra = ("Route: <sip:nobody@127.0.0.9;lr>\r\nRecord-Route: <sip:127.0.0.8;lr>\r\nP-Asserted-Identity: <sip:x@y>\r\n"
             "Supported: 100rel, timer\r\nk: path\r\nSubject: \r\n folded\r\nEvent: presence;id=7\r\nExpires: 60\r\n"
             "Proxy-Authorization: Digest username=\"u\", realm=\"r\", nonce=\"n\", uri=\"sip:x\", response=\"0\"\r\n")
    sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n"
    out = []
    for method in ("MESSAGE", "INVITE", "SUBSCRIBE", "OPTIONS", "CANCEL", "ACK", "NOTIFY", "REFER", "STRANGE"):
        for more, body in (("", ""), (extra, ""), ("Content-Type: application/sdp\r\n", sdp)):
            out.append(request(method, f"bob@{to_domain}", f"anna@{from_domain}", local, transport, extra=more,
                               body=body).encode())
    return out


def fresh(chance, text):
    """The same with another branch and Call-ID, so that it is no repeat."""
    number = b"%x" % chance.getrandbits(48)
    return text.replace(b"branch=z9hG4bKlive", b"branch=z9hG4bK" + number).replace(b"Call-ID: ", b"Call-ID: " + number)


class MadServer(threading.Thread):
    """Plays a backend that answers each request with none or some wounded responses. Calls that ring end when it stops,
    so that no Timer C has to be waited for."""

    def __init__(self, addr, port=5060, seed=1):
        super().__init__(daemon=True)
        self.agent, self.chance, self.n, self.is_over = udp(addr, port), random.Random(seed), 0, False
        self.calls = {}
        self.start()

    def run(self):
        statuses = ("100 Trying", "180 Ringing", "200 OK", "302 Moved", "404 Not Found", "503 No", "603 No", "199 x")
        while not self.is_over:
            try:
                text, source = self.agent.recvfrom(65535)
            except OSError:
                continue
            try:
                message = Message(text.decode("utf-8", "replace"))
                if message.status or not message.first:
                    continue
            except (IndexError, ValueError):
                continue
            if message.method == "INVITE":
                self.calls[message.header("Via")] = message, source
            for _ in range(self.chance.randint(0, 3)):
                answer = response(message, self.chance.choice(statuses), to_tag=f"{self.chance.random()}").encode()
                self.agent.sendto(mutate(self.chance, answer) if self.chance.randrange(3) else answer, source)
                self.n += 1

    def stop(self):
        self.is_over = True
        self.join(5)
        for n, (message, source) in enumerate(self.calls.values()):
            self.agent.sendto(response(message, "480 Temporarily Unavailable", to_tag=f"end{n}").encode(), source)
            if n % 50 == 0:
                time.sleep(0.01)
        self.agent.close()
