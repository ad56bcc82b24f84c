"""Behind routers of every kind that STUN tells apart: which one it is, again and again (NAT_ROUNDS=10 tests/live/run nat: ten
times each), also with a tenth of the packets lost; and a site behind each of them that federates with an open one, before and after its router
got another public address."""

import concurrent.futures
import json
import os
import re
import shutil
import socket
import ssl
import struct
import sys
import time

from agent import Dialog
from client import Client
from nat_lab import BLOCKED, COTURN, DNS, KINDS, NUNCIO, OPEN, TRANSLATING, In, Lab, Site, count, in_namespaces, inside, print_counts, why_not
from nat_media import media
from sip import Datagrams, Stream, request
from stage import Failure, Stage, Tally, free_port, wait_for

ROUNDS = int(os.environ.get("NAT_ROUNDS", "3"))  # script/test has no time for the ten that are meant
MONITOR_S = 2


# ---- which kind it is ----

def detecting(site, stage, servers):
    site.proxy = stage.nuncio(site.name, f"""version: 1
domains: [{site.name}.example]
listeners:
  - {{ name: wan, network: wan, bind: {site.addr}, port: 5060, transport: udp, advertise: stun }}
nat: {{ stun_servers: [{", ".join(servers)}], monitor: 1s }}
""", prefix=inside(site.name))


def look(site):
    """One look: what it came to, and how many requests were sent again."""
    status, out, err = site.proxy.ask("nat", "--again", "--json", timeout=60)
    try:
        nat = json.loads(out)["nat"]
    except (ValueError, KeyError):
        raise Failure(f"{site.name}: exit {status}: {out}{err}") from None
    return nat


def judge(tally, site, rounds):
    """Every look is right; with packets lost, it may say that it does not know, but nothing else."""
    wrong = [nat for nat in rounds if nat["type"] != site.kind and not (site.loss and nat["inconclusive"])]
    right = [nat for nat in rounds if nat["type"] == site.kind]
    addresses = {nat["address"] for nat in right}
    repeated = sum(test["requests"] - 1 for nat in rounds for server in nat["servers"] for test in server["tests"]
                   if test["outcome"] == "answered")
    name = f"{site.kind}{f' with {site.loss} % loss' if site.loss else ''}: {len(right)} of {len(rounds)} looks right, " \
           f"{len(rounds) - len(right) - len(wrong)} inconclusive, {repeated} requests repeated"
    tally.check(name, not wrong and right and addresses == {site.seen} and
                all(nat["reason"] and nat["behind_nat"] == site.is_translated for nat in right),
                json.dumps(wrong or rounds[0], indent=1))
    if not site.loss:
        tally.check("... and each with high confidence", all(nat["confidence"] == "high" for nat in right) or
                    site.kind == BLOCKED, rounds)


def kinds(tally, workers):
    with Stage("nat") as stage:
        lab = Lab(stage)
        lab.coturn()
        lab.stun()
        sites = [Site(1 + i + len(KINDS) * bool(loss), kind, loss) for loss in (0, 10) for i, kind in enumerate(KINDS)]
        for site in sites:
            detecting(site, stage, [COTURN, NUNCIO])
        with concurrent.futures.ThreadPoolExecutor(len(sites)) as pool:
            runs = list(pool.map(lambda site: [look(site) for _ in range(rounds_for(site))], sites))
        for site, rounds in zip(sites, runs):
            judge(tally, site, rounds)


def rounds_for(site):
    """Where UDP is blocked a look takes ten seconds."""
    return 1 if site.kind == BLOCKED and "NAT_ROUNDS" not in os.environ else ROUNDS


# ---- federation ----

class Names:
    """A name server with one zone, whose one address changes as a provider's DynDNS does."""

    def __init__(self, stage, addr):
        self.zone = stage.path("zone")
        self.set(addr)
        self.program = stage.start("names", inside("inet") + [sys.executable, os.path.abspath(__file__), "names", self.zone])
        self.program.wait_text("ready", 10)

    def set(self, addr):
        with open(self.zone + ".new", "w", encoding="ascii") as out:
            out.write(addr)
        os.replace(self.zone + ".new", self.zone)


def serve_names(zone):
    """Answers every question of A with what stands in the file, for a second; everything else with nothing."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((DNS, 53))
    print("ready", flush=True)
    while True:
        question, source = server.recvfrom(512)
        end = question.index(b"\0", 12) + 5
        with open(zone, encoding="ascii") as addr:
            rdata = bytes(int(part) for part in addr.read().split("."))
        is_a = question[end - 4:end - 2] == b"\0\1"
        answer = (b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4" + rdata) if is_a else b""
        server.sendto(question[:2] + b"\x84\0\0\1\0" + bytes([is_a]) + b"\0\0\0\0" + question[12:end] + answer, source)


class Side:
    """A proxy in a namespace with a server behind it, which the test plays."""

    def __init__(self, stage, name, domain, user, config, transport="udp"):
        self.name, self.domain, self.transport, self.addr = name, domain, transport, "127.0.0.1"
        self.user = user
        stage.certs(f"{name}={domain},sip.{domain}")
        self.proxy = stage.nuncio(f"proxy-{name}", f"""version: 1
domains: [{domain}]
certificates:
  edge: {{ chain: tls/{name}.pem, key: tls/{name}.key }}
tls: {{ trust: [tls/ca.pem] }}
backends:
  - {{ name: server, address: "sip:127.0.0.2:5060;transport=udp", listener: lan, probe: 0, users: ["*"] }}
sip: {{ t1: 100ms }}
{config}""", prefix=inside(name))
        with In(name):
            self.client = Client(user, self, "127.0.0.2")

    @property
    def aor(self):
        return f"{self.user}@{self.domain}"


def listeners(bind, advertise):
    return f"""listeners:
  - {{ name: lan, network: lan, bind: 127.0.0.1, port: 5060, transport: udp }}
  - {{ name: wan, network: wan, bind: {bind}, port: 5061, transport: mtls, certificate: edge{advertise} }}
"""


class Pair:
    """A site behind a router, and one that is open: what the one has of the other is its name in DNS."""

    def __init__(self, stage, site, servers):
        self.site = site
        self.names = Names(stage, site.seen)
        self.inner = Side(stage, site.name, "inner.example", "anna", listeners(site.addr, ", advertise: stun") + f"""
partners: {{ routes: [ {{ domain: open.example, server: {OPEN}, port: 5061, transport: mtls, certificate: edge, identity: [sip.open.example], probe: 0 }} ] }}
nat: {{ stun_servers: [{", ".join(servers)}], monitor: {MONITOR_S}s }}
""")
        self.open = Side(stage, "inet", "open.example", "bob", listeners(OPEN, "") + f"""
partners: {{ routes: [ {{ domain: inner.example, server: sip.inner.example, port: 5061, transport: mtls, certificate: edge, probe: 0 }} ] }}
dns: {{ servers: ["{DNS}:53"], negative_ttl: 0s }}
""")

    def public(self):
        """What the site's proxy says it is seen as; the name server learns it, as from a DynDNS client."""
        addresses = self.inner.proxy.ask_json("status")["nat"]["addresses"]
        return addresses[0]["address"].rpartition(":")[0]

    def publish(self, addr, timeout):
        wait_for(lambda: self.public() == addr, timeout, f"{addr} as public address")
        self.names.set(addr)

    def message(self, one, other, timeout=12):
        before = len(other.client.messages)
        answer = one.client.send(one.client.agent.request("MESSAGE", other.aor, one.aor, body="hello",
                                                          extra="Content-Type: text/plain\r\n"), timeout)
        if answer.status != 200:
            raise Failure(f"MESSAGE {one.aor} -> {other.aor}: {answer.first}\n{one.proxy.ask('why', 'last')[1]}")
        wait_for(lambda: len(other.client.messages) > before, 5, f"the MESSAGE at {other.aor}")
        return other.client.messages[-1]

    def presence(self, one, other):
        answer = one.client.subscribe(other.aor)
        if answer.status not in (200, 202):
            raise Failure(f"SUBSCRIBE {one.aor} -> {other.aor}: {answer.first}\n{one.proxy.ask('why', 'last')[1]}")

    def call(self, one, other):
        """Set up, and ended by the called side, whose BYE goes the way of the Record-Route."""
        asked = one.client.agent.request("INVITE", other.aor, one.aor)
        answer = one.client.send(asked)
        if answer.status != 200:
            raise Failure(f"INVITE {one.aor} -> {other.aor}: {answer.first}")
        dialog = Dialog.of_caller(answer)
        one.client.agent.send(dialog.request("ACK", one.client.agent.local, "UDP", cseq=1), ("127.0.0.1", 5060))
        answer = one.client.send(dialog.request("BYE", one.client.agent.local, "UDP"))
        if answer.status != 200:
            raise Failure(f"BYE {one.aor} -> {other.aor}: {answer.first}")
        return dialog

    def works(self):
        for one, other in ((self.inner, self.open), (self.open, self.inner)):
            self.message(one, other)
            self.presence(one, other)
            self.call(one, other)

    def names_public(self):
        """What the open side gets names the public address, and not the inner one."""
        message = self.message(self.inner, self.open)
        via = message.headers["via"]
        if not any(self.site.seen in line for line in via) or any(self.site.addr in line for line in via) and self.site.is_translated:
            raise Failure(f"Via: {via}, expected {self.site.seen}")

    def close(self):
        self.inner.client.close()
        self.open.client.close()


def move(tally, pair, site):
    """Another public address: what is measured begins with it, and ends when a message went either way."""
    began, steps = time.monotonic(), []
    site.move()

    def back():
        pair.publish(site.seen, 10)
        steps.append(time.monotonic() - began)
        pair.message(pair.inner, pair.open, 3)
        steps.append(time.monotonic() - began)
        pair.message(pair.open, pair.inner, 3)
        return True
    ok = tally.attempt(f"{site.kind}: it federates again after its router got another public address", back)
    took = time.monotonic() - began
    known, out = (steps + [0, 0])[:2]
    tally.check(f"... within two monitor intervals ({took:.1f} s of {2 * MONITOR_S}; the address after {known:.1f}, out after "
                f"{out:.1f})", ok and took <= 2 * MONITOR_S,
                pair.inner.proxy.text()[-1500:])
    tally.attempt("... and names the new address", pair.names_public)


def federate(tally, number, kind):
    with Stage("nat-site") as stage:
        lab = Lab(stage)
        lab.coturn()
        site = Site(number, kind)
        pair = Pair(stage, site, [COTURN])
        try:
            pair.publish(site.seen, 15)
            tally.attempt(f"{kind}: presence, messages and calls both ways", pair.works)
            tally.attempt("... and it names its public address", pair.names_public)
            if kind in TRANSLATING:
                move(tally, pair, site)
        finally:
            pair.close()


# ---- a router that rewrites SIP ----

def rewritten(tally, workers):
    with Stage("nat-alg") as stage:
        lan, server = stage.addr(1), stage.addr(2)
        proxy = stage.nuncio("proxy", f"""version: 1
domains: [a.example]
listeners: [ {{ name: lan, network: lan, bind: {lan}, port: 5060, transport: udp }} ]
backends: [ {{ name: one, address: "sip:{server}:5060;transport=udp", listener: lan, probe: 0, users: [anna] }} ]
partners: {{ routes: [] }}
""", workers=workers)
        backend = Datagrams(server, 5060)

        def ask(method, change=lambda text: text):
            backend.ask(change(request(method, "nobody@a.example", "anna@a.example", backend.local)), (lan, 5060))

        def problems():
            status = proxy.ask_json("status")
            return [p for p in status["problems"] if p["code"] == "sip-alg"], status["backends"][0].get("alg")
        ask("MESSAGE")
        tally.check("an honest backend is not suspected", problems() == ([], None), problems())
        ask("INVITE", lambda text: text.replace(";rport;", ";rport=4711;received=192.168.1.1;"))
        found, alg = problems()
        tally.check("a Via with received and rport in it on arrival is a sign of a SIP ALG",
                    len(found) == 1 and found[0]["where"] == "backend:one" and "came from" in alg, problems())
        tally.check("... which is a warning that says what to do", found and "SIP ALG off" in found[0]["remedy"], found)
        ask("MESSAGE")
        tally.check("... and stands, as a message that begins nothing is not looked at", problems()[0] == found, problems())
        ask("INVITE")
        tally.check("... until one comes as it was sent", problems() == ([], None), problems())


# ---- STUN over TCP ----

COOKIE = 0x2112A442


def binding(extra=b""):
    """A Binding request, and its transaction ID."""
    number = os.urandom(12)
    return struct.pack("!HHI", 1, len(extra), COOKIE) + number + extra, number


def mapped_of(answer):
    """XOR-MAPPED-ADDRESS of a success response, as (host, port)."""
    at = 20
    while at < len(answer):
        kind, length = struct.unpack("!HH", answer[at:at + 4])
        value = answer[at + 4:at + 4 + length]
        if kind == 0x0020:
            key = struct.pack("!I", COOKIE) + answer[8:20]
            family = socket.AF_INET if value[1] == 1 else socket.AF_INET6
            host = bytes(a ^ b for a, b in zip(value[4:], key))
            return socket.inet_ntop(family, host), struct.unpack("!H", value[2:4])[0] ^ (COOKIE >> 16)
        at += 4 + (length + 3 & ~3)
    return None


def read_stun(stream, number):
    """The next message on a connection, which must be the answer to that."""
    stream.settimeout(5)
    answer = b""
    while len(answer) < 20 or len(answer) < 20 + struct.unpack("!H", answer[2:4])[0]:
        piece = stream.recv(1)  # what is behind it is somebody else's
        if not piece:
            raise Failure(f"closed after {answer!r}")
        answer += piece
    if answer[8:20] != number:
        raise Failure(f"not our transaction: {answer!r}")
    return answer


def ask_stun(stream, extra=b""):
    question, number = binding(extra)
    stream.sendall(question)
    return read_stun(stream, number)


def served_by_tcp(tally, workers):
    print("nuncio as STUN server over TCP and TLS, among SIP (RFC 8489, section 6.2.2)")
    with Stage("nat-serve") as stage:
        wan = stage.addr(1)
        stage.certs("a=a.example")
        config = f"""version: 1
domains: [a.example]
listeners:
  - {{ name: four, network: wan, bind: {wan}, port: 5060, transport: tcp }}
  - {{ name: six, network: wan, bind: "::1", port: {free_port("::1")}, transport: tcp }}
  - {{ name: tls, network: wan, bind: {wan}, port: 5061, transport: tls, certificate: edge }}
certificates: {{ edge: {{ chain: tls/a.pem, key: tls/a.key }} }}
tls: {{ trust: [tls/ca.pem] }}
nat: {{ serve: true }}
"""
        proxy = stage.nuncio("proxy", config, workers=workers)
        six = ("::1", int(re.search(r'"::1", port: (\d+)', config).group(1)))
        context = ssl.create_default_context(cafile=stage.path("tls", "ca.pem"))
        for name, to, is_tls in (("IPv4", (wan, 5060), False), ("IPv6", six, False), ("TLS", (wan, 5061), True)):
            plain = socket.create_connection(to, timeout=5)
            stream = context.wrap_socket(plain, server_hostname="a.example") if is_tls else plain
            local = stream.getsockname()[:2]
            tally.check(f"{name}: the answer names our address and port", mapped_of(ask_stun(stream)) == local, local)
            question, number = binding()
            options = request("OPTIONS", "a.example", "x@a.example", local if ":" not in local[0] else (f"[{local[0]}]", local[1]),
                              "TLS" if is_tls else "TCP", uri="sip:a.example")
            for piece in (question[:7], question[7:] + options.encode()):
                stream.sendall(piece)
                time.sleep(0.05)
            tally.check(f"{name}: one in two pieces, with a SIP request behind it", mapped_of(read_stun(stream, number)) == local)
            answer = Stream(stream).receive()
            tally.check("... which is answered as well", answer is not None and answer.status >= 200, answer)
            refused = ask_stun(stream, struct.pack("!HHI", 3, 4, 6))
            tally.check("... CHANGE-REQUEST is refused with 420: there is no other address over a connection",
                        refused[:2] == b"\x01\x11" and b"\0\0\4\x14" in refused, refused)
            stream.close()
        flood = socket.create_connection((wan, 5060), timeout=5)
        questions = [binding()[0] for _ in range(200)]
        flood.sendall(b"".join(questions))
        flood.settimeout(0.5)
        heard = b""
        try:
            while piece := flood.recv(65536):
                heard += piece
        except TimeoutError:
            pass
        n_answers = len(heard) // 32
        tally.check(f"of 200 at once {n_answers} are answered: as many as a source gets in a second, and fewer bytes than it sent",
                    1 <= n_answers <= 45 and len(heard) < 200 * 20, n_answers)
        flood.close()
        proxy.configure(config.replace("serve: true", "serve: false"))
        proxy.ask("reload")
        stream = socket.create_connection((wan, 5060), timeout=5)
        stream.sendall(binding()[0])
        tally.check("not served: the connection ends", stream.recv(100) == b"")
        stream.close()


def seen_by_tcp(tally, workers):
    print("our address by coturn, which speaks TCP alone")
    with Stage("nat-tcp") as stage:
        for name, ours, server in (("IPv4", stage.addr(1), stage.addr(2)), ("IPv6", "::1", "::1")):
            port = free_port(server)
            coturn = stage.start(f"coturn-{name}", ["turnserver", "-n", "--listening-ip", server, "--listening-port", str(port),
                                 "--stun-only", "--no-tls", "--no-dtls", "--no-udp", "--no-cli", "--log-file", "stdout",
                                 "--simple-log", "--pidfile", stage.path(f"{name}.pid"), "--userdb", stage.path(f"{name}.db")])
            coturn.wait_text("Total General servers", 10)
            at = f"[{server}]:{port}" if ":" in server else f"{server}:{port}"
            proxy = stage.nuncio(f"proxy-{name}", f"""version: 1
domains: [a.example]
listeners: [ {{ name: wan, network: wan, bind: "{ours}", port: {free_port(ours)}, transport: tcp, advertise: stun }} ]
nat: {{ stun_servers: ["{at}"], monitor: 1s }}
""", workers=workers)

            def seen(asked=proxy):
                addresses = asked.ask_json("status")["nat"]["addresses"]
                return addresses and addresses[0].get("address", "").rpartition(":")[0].strip("[]")
            tally.attempt(f"{name}: it is found", wait_for, lambda ours=ours, seen=seen: seen() == ours, 20, f"{ours} as seen address")
            tally.check("... and the proxy runs", proxy.is_running(), proxy.text()[-1000:])


def tests(tally, workers):
    """Each part in namespaces of its own, so that none leaves anything behind."""
    tally.section(rewritten, workers)
    tally.section(served_by_tcp, workers)
    if shutil.which("turnserver"):
        tally.section(seen_by_tcp, workers)
    missing = why_not("turnserver")
    if missing:
        print(f"  nat: LEFT OUT, this kernel or host makes no NAT in a namespace, or has no coturn ({missing}); "
              f"the unit test nat_detect plays all of them in user space")
        return
    parts = [["kinds"], ["media"]] + [["federate", str(i + 1), kind] for i, kind in enumerate(KINDS)]
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        for lines in pool.map(lambda part: in_namespaces(__file__, workers, *part), parts):
            count(tally, lines)


def main():
    if sys.argv[1] == "names":
        return serve_names(sys.argv[2])
    counts = Tally()
    if sys.argv[2] == "kinds":
        counts.section(kinds, int(sys.argv[1]))
    elif sys.argv[2] == "media":
        counts.section(media, int(sys.argv[1]))
    else:
        counts.section(federate, int(sys.argv[3]), sys.argv[4])
    print_counts(counts)
    return 0


if __name__ == "__main__":
    sys.exit(main())
