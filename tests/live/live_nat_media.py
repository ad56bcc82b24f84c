"""Phones (baresip) behind routers of every kind call a phone of a partner, and are called by it, and each other: their proxy
relays, and learns from what it gets where their media come from. Each plays a tone of its own and records what it hears: the
right tone must arrive, both ways, while a stranger sends to every media port. The partner is another proxy, which relays, too."""

import concurrent.futures
import re
import socket
import sys
import threading
import time

from far_phone import FarPhone, write_users
from live_media import MediaPhone
from nat_lab import (BLOCKED, COTURN, FIREWALL, FULL_CONE, NUNCIO, NUNCIO_2, OPEN, OPEN_INTERNET, PORT_CHANGING, PORT_RESTRICTED,
                     RESTRICTED, SYMMETRIC, In, Lab, Site, count, in_namespaces, inside, print_counts, why_not)
from sites import Federation
from sound import Recorder, check_sound
from stage import Stage, Tally, wait_for

SECONDS = 1.3
AT_A_TIME = 3  # calls, on two processors
PORTS = range(40000, 40120)
STRANGER = COTURN

# kind, transport of the phone's signalling
ROUTERS = ((FULL_CONE, "udp"), (RESTRICTED, "udp"), (PORT_RESTRICTED, "udp"), (PORT_CHANGING, "tcp"), (SYMMETRIC, "tls"),
           (OPEN_INTERNET, "udp"), (FIREWALL, "udp"))
PHONE_PORTS = {"udp": 5070, "tcp": 5070, "tls": 5071}


class Segment(Stage):
    """Both proxies are on the segment of the lab; whoever is behind a router is reached in its namespace."""

    ADDRS = {10: NUNCIO, 11: "127.0.0.1", 12: "127.0.0.2", 20: OPEN, 21: NUNCIO_2, 22: "127.0.0.3"}

    def __init__(self, name):
        super().__init__(name)
        self.sites = {}

    def addr(self, number):
        return self.ADDRS[number]

    def site(self, kind):
        site = Site(len(self.sites) + 1, kind)
        self.sites[site.addr] = site
        return site

    def at(self, addr):
        return inside(self.sites[addr].name)

    def connect(self, addr, port):
        with In(self.sites[addr].name):
            return socket.create_connection((addr, port), 5)


class Abroad(Federation):
    """a has its phones on the internet, b has them behind itself, each with an address of its own (bobs: user to address)."""

    def __init__(self, stage, bobs, **options):
        self.bobs = bobs
        super().__init__(stage, prefix=inside("inet"), **options)

    def config(self, ours, theirs, more="", route_more="", users='"*"'):
        more = f"""users_file: users.yaml
digest_algorithms: [md5]
registrar: {{ min_expires: 5s }}
media: {{ relay: [remote], ports: {PORTS[0]}-{PORTS[-1]}, srtp: {{ remote: "off", wan: require }} }}
""" if ours is self.a else """media: { relay: [wan], ports: 41000-41119, srtp: { wan: require, lan: "off" } }
"""
        return super().config(ours, theirs, more, route_more, users)

    def listeners(self, ours):
        return "".join(f"  - {{ name: phones-{transport}, network: remote, bind: {ours.wan}, port: {port}, transport: {transport}"
                       f"{', certificate: edge' if transport == 'tls' else ''} }}\n"
                       for transport, port in PHONE_PORTS.items()) if ours is self.a else ""

    def backends(self, ours, users):
        if ours is self.a:
            return ""
        return "backends:\n" + "".join(
            f'  - {{ name: {user}, address: "sip:{addr}:5060;transport=udp", listener: lan, probe: 0, users: ["{user}"] }}\n'
            for user, addr in self.bobs.items())


class RoamingPhone(Recorder, FarPhone):
    def __init__(self, user, site, transport, tone):
        super().__init__(user, site, transport, PHONE_PORTS[transport], "a.example", f"{user.replace('anna', 'bob')}@b.example")
        self.tone = tone

    def config(self, folder):
        return self.with_sound(super().config(folder), self.tone, folder)


class Noise:
    """A stranger who sends to each media port of a proxy, again and again, what would be heard if it got through."""

    PACKET = bytes((0x80, 0)) + bytes(10) + bytes((0x80, 0)) * 80  # a square wave as loud as PCMU can

    def __init__(self, target, ports):
        with In("inet"):
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((STRANGER, 4000))
        self.socket.setblocking(False)
        self.target, self.ports, self.has_heard = target, ports, False
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.send, daemon=True)
        self.thread.start()

    def send(self):
        while not self.ended.wait(0.1):
            for port in self.ports:
                try:
                    self.socket.sendto(self.PACKET, (self.target, port))
                    self.has_heard |= bool(self.socket.recv(2048))
                except OSError:
                    pass

    def end(self):
        self.ended.set()
        self.thread.join()


def call(tally, caller, callee, what, meanwhile=None):
    """They hear each other's tone, in the end, whatever happens meanwhile; the caller hangs up."""
    heard = [len(phone.recordings()) for phone in (caller, callee)]
    caller.tell("dial", f"sip:{callee.aor}")
    for phone in (caller, callee):
        phone.wait_event("CALL_ESTABLISHED")
    wait_for(lambda: caller.n_heard() > 20 and callee.n_heard() > 20, 8, f"RTP both ways ({what})")
    if meanwhile:
        meanwhile()
    time.sleep(SECONDS)
    caller.tell("hangup")
    callee.wait_event("CALL_CLOSED")
    for phone, other, before in ((caller, callee, heard[0]), (callee, caller, heard[1])):
        wait_for(lambda phone=phone, before=before: len(phone.recordings()) > before, 5, f"a recording of {phone.user}")
        check_sound(tally, phone, other, what)


def both_ways(tally, one, other, what):
    tally.attempt(f"{what}: the phone calls", call, tally, one, other, f"{what}, outbound")
    tally.attempt(f"{what}: it is called", call, tally, other, one, f"{what}, inbound")
    if what == PORT_RESTRICTED:
        tally.attempt(f"{what}: another address of the router amid a call", call, tally, one, other, f"{what}, moved", moves(tally, one, other))


def moves(tally, phone, other):
    """Its router gets another address. From there nobody is heard without a word of signalling: a hold, and its end."""
    def meanwhile():
        phone.site.move()
        time.sleep(0.3)  # what is on its way
        heard = other.n_heard()
        time.sleep(0.3)
        tally.check("media from an address that is new amid a call are a stranger's", other.n_heard() == heard)
        phone.tell("hold")
        time.sleep(0.5)
        phone.tell("resume")
        heard = phone.n_heard()
        wait_for(lambda: phone.n_heard() > heard + 20, 8, f"RTP at {phone.user} after its move")
    return meanwhile


def voiceless(tally, phone, bob, proxy):
    """No UDP passes: the call is set up, nobody hears anything, it ends for both, and the record says why."""
    mark = proxy.mark()
    phone.tell("dial", f"sip:{bob.aor}")
    phone.wait_event("CALL_ESTABLISHED")
    bob.wait_event("CALL_ESTABLISHED")
    time.sleep(SECONDS)
    heard = phone.n_heard() + bob.n_heard()
    phone.tell("hangup")
    bob.wait_event("CALL_CLOSED")
    tally.check(f"{BLOCKED}: signalling by TLS gets through and media do not", heard == 0, heard)
    tally.attempt("... and the record shows on whose side nothing came", proxy.wait_text,
                  r'media ended.*caller: 0 packets in, 0 out.*callee: [1-9]\d* packets in', 5, mark)


def check_records(tally, proxy, n_calls):
    """What the stranger sent was turned away everywhere: whose tone is clear heard nothing of it."""
    def records():
        return re.findall(r"media ended.*", proxy.text())
    wait_for(lambda: len(records()) >= n_calls, 5, f"{n_calls} records of media")
    is_rejected = [any(map(int, re.findall(r"(\d+) rejected", record))) for record in records()]
    tally.check(f"a stranger's packets were turned away in each of {n_calls} calls", len(is_rejected) == n_calls and all(is_rejected),
                "\n".join(records()))


def stand(stage, workers):
    """Both proxies and all phones: (federation, rows of kind, phone, phone of the partner, two phones that call each other)."""
    rows = [*ROUTERS, (BLOCKED, "tls")]
    bob_sites = [stage.site(OPEN_INTERNET) for _ in rows]
    write_users(stage, [f"anna{i}" for i in range(len(rows) + 2)], "a.example")
    both = Abroad(stage, {f"bob{i}": site.addr for i, site in enumerate(bob_sites)}, workers=workers)
    cast = []
    for i, (kind, transport) in enumerate(rows):
        class Home:
            domain, lan, backend = both.b.domain, both.b.lan, bob_sites[i].addr
        cast.append((kind, RoamingPhone(f"anna{i}", stage.site(kind), transport, 400 + 40 * i),
                     MediaPhone(stage, f"bob{i}", Home, f"anna{i}@a.example", "", 1000 + 40 * i)))
    pair = [RoamingPhone(f"anna{len(rows) + i}", stage.site(SYMMETRIC), "udp", 1500 + 200 * i) for i in range(2)]
    return both, cast, pair


def nat_media(tally, workers):
    with Segment("nat-media-phones") as stage:
        Lab(stage)
        both, cast, pair = stand(stage, workers)
        phones = [phone for row in cast for phone in row[1:]] + pair
        for phone in phones:
            phone.start(stage)
        for phone in phones:
            if isinstance(phone, RoamingPhone):
                phone.wait_registered()
        noise = Noise(both.a.wan, PORTS)
        with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
            calls = [pool.submit(both_ways, tally, phone, bob, kind) for kind, phone, bob in cast if kind != BLOCKED]
            calls.append(pool.submit(both_ways, tally, *pair, "two phones, each behind its own symmetric router"))
            calls += [pool.submit(tally.attempt, f"{kind}: a call without media ends well", voiceless, tally, phone, bob, both.a.proxy)
                      for kind, phone, bob in cast if kind == BLOCKED]
        for done in calls:
            done.result()
        noise.end()
        check_records(tally, both.a.proxy, 2 * (len(ROUTERS) + 1) + 2)  # both ways with each router and of the pair; and without UDP
        tally.check("... and was sent nothing", not noise.has_heard)
        tally.check("no phone is taken for a stranger", "refused ACK" not in both.a.proxy.text(), both.a.proxy.text()[-3000:])
        for site in (both.a, both.b):
            said = site.proxy.text()
            tally.check(f"proxy {site.name} is well", site.proxy.is_running() and "Sanitizer" not in said, said[-3000:])


def tests(tally, workers):
    missing = why_not("baresip")
    if missing:
        print(f"  nat_media: LEFT OUT, this kernel or host makes no NAT in a namespace, or has no baresip ({missing}); "
              f"the unit tests latch and relay_attack play what routers do to media")
        return
    count(tally, in_namespaces(__file__, workers))


def main():
    counts = Tally()
    counts.section(nat_media, int(sys.argv[1]))
    print_counts(counts)
    return 0


if __name__ == "__main__":
    sys.exit(main())
