"""Strangers, broken peers and friends gone mad, while a partner's messages go on: nothing ends, nothing waits,
nothing stays. HOSTILE=N makes everything N times as much."""

import os
import random
import signal
import socket
import ssl
import time

import hostile
from sip import Datagrams, Message, Stream, new_call_id, request, response
from sites import federation
from stage import Failure, wait_for

TIMES = int(os.environ.get("HOSTILE", "1"))
SIP = "sip: { t1: 100ms }\n"  # what nobody answers ends within the test
HALF = ("INVITE sip:bob@a.example SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bKhalf\r\n"
        "Max-Forwards: 70\r\nFrom: <sip:x@x>;tag=1\r\n").encode()


class House:
    """Site a with open doors for strangers, site b, and the pulse between them."""

    def __init__(self, stage, both):
        self.stage, self.both, self.proxy = stage, both, both.a.proxy
        self.udp, self.tcp, self.tls = (both.a.wan, 5060), (both.a.wan, 5062), (both.a.wan, 5063)
        self.mtls = (both.a.wan, 5061)
        self.strangers = [stage.addr(100 + i) for i in range(30)]
        self.mad, self.untrusted, self.reckless = stage.addr(13), stage.addr(40), stage.addr(41)
        stage.certs("c=c.example")  # a verified partner of its own, so that b's account is the pulse's alone
        self.proxy.configure(self.config())
        status, out, err = self.proxy.ask("reload")
        if status:
            raise Failure(out + err)

    def config(self):
        both, wan = self.both, self.both.a.wan
        text = both.config(both.a, both.b, users='"bob"')
        doors = "".join(f"  - {{ name: {name}, network: wan, bind: {wan}, port: {port}, transport: {kind}{more} }}\n"
                        for name, port, kind, more in (("door", 5060, "udp", ""), ("door-tcp", 5062, "tcp", ""),
                                                       ("door-tls", 5063, "tls", ", certificate: edge")))
        doors += f"  - {{ name: lan-tcp, network: lan, bind: {both.a.lan}, port: 5062, transport: tcp }}\n"
        mad = f"""backends:
  - {{ name: mad, address: "sip:{self.mad}:5060;transport=udp", listener: lan, probe: 0, users: ["mad"] }}
  - {{ name: deaf, address: "sip:{self.mad}:5070;transport=tcp", listener: lan-tcp, probe: 0, users: ["deaf"] }}
"""
        text = text.replace("listeners:\n", "listeners:\n" + doors).replace("backends:\n", mad)
        route = f"  - {{ domain: u.example, server: {self.untrusted}, port: 5060, transport: udp, trustworthy: false, probe: 0 }}\n"
        route += (f"    - {{ domain: c.example, server: {self.reckless}, port: 5061, transport: mtls, certificate: edge, "
                  "probe: 0 }\n")
        text = text.replace("  routes:\n", "  routes:\n  " + route)
        return text.replace("requests: 100000/s, handshakes: 1000/s",
                            "requests: 500/s, handshakes: 300/s, auth_failures: 5/m, ban: 4s") + SIP

    def is_well(self):
        """Failure with the log's end if the proxy or a sanitizer has complained."""
        for site in (self.both.a, self.both.b):
            text = site.proxy.text()
            if not site.proxy.is_running() or "Sanitizer" in text or "runtime error" in text:
                raise Failure(f"proxy {site.name}: {text[-6000:]}")
        return True


def settle(house, fds_before, what):
    """Descriptors and server transactions come back to what they were."""
    wait_for(lambda: hostile.n_fds(house.proxy.pid) <= fds_before + 4, 25, f"descriptors after {what}: "
             f"{fds_before} before")


def test_connections(tally, house):
    print("connections that say nothing, half a thing, or rubbish")
    fds = hostile.n_fds(house.proxy.pid)
    hello = hostile.client_hello()
    crowds = (("nothing over tcp", house.tcp, b"", 1500), ("nothing over mtls", house.mtls, b"", 500),
              ("half a message", house.tcp, HALF, 500), ("half a ClientHello", house.mtls, hello[:50], 200),
              ("a ClientHello and silence", house.mtls, hello, 300), ("rubbish over mtls", house.mtls, b"\x16\x03\x01\xff" * 99, 200),
              ("SIP on a TLS port", house.tls, HALF, 100), ("a ClientHello on a TCP port", house.tcp, hello, 100))
    held = []
    for what, to, first, n in crowds:
        connections = hostile.crowd(house.strangers, to, n * min(TIMES, 3), first)
        held += connections
        tally.check(f"{what}: {len(connections)} connections", len(connections) >= n // 2)
    tally.attempt("the proxy lives", house.is_well)
    hostile.close_all(held)
    tally.attempt("their descriptors come back", settle, house, fds, "the crowd")


def test_one_source(tally, house):
    print("one source alone")
    held = []
    connections = hostile.crowd([house.stage.addr(150)], house.tcp, 260)
    held += connections
    time.sleep(0.3)
    open_ones = 0
    for connection in connections:
        connection.setblocking(False)
        try:
            open_ones += connection.recv(1) != b""
        except BlockingIOError:
            open_ones += 1
        except OSError:
            pass
    tally.check(f"of 260 connections 200 may stay (limits.connections_per_source): {open_ones}", open_ones == 200)
    hostile.close_all(held)


def test_rubbish(tally, house):
    print("rubbish in datagrams and streams")
    chance = random.Random(7)
    agents = [hostile.udp(addr) for addr in house.strangers[:8]]
    for n in range(4000 * TIMES):
        agents[n % 8].sendto(bytes(chance.randrange(256) for _ in range(chance.choice((1, 4, 30, 300)))), house.udp)
    agents[0].sendto(b"A" * 65000, house.udp)
    for n in range(60):
        try:
            connection = hostile.tcp(house.strangers[n % 30], house.tcp)
            connection.sendall(chance.choice((b"\r\n" * 5000, b"X" * 70000, b"\0" * 1000, b"A b SIP/2.0\r\n" * 3000,
                                              b"A b SIP/2.0\r\n" + b"x: y\r\n" * 12000, b"GET / HTTP/1.0\r\n\r\n")))
            connection.close()
        except OSError:
            pass
    for agent in agents:
        agent.close()
    tally.attempt("the proxy lives", house.is_well)


def test_corpus(tally, house):
    print("RFC 4475 and RFC 5118, from strangers, a backend and a partner")
    stranger = hostile.udp(house.strangers[0])
    backend = hostile.udp(house.mad, 5066)
    context = hostile.tls_context(house.stage.path("tls", "b.pem"), house.stage.path("tls", "b.key"))
    n = 0
    for name, text in hostile.corpus():
        ours = text.replace(b"example.com", b"b.example").replace(b"example.org", b"a.example")
        for agent, to in ((stranger, house.udp), (backend, (house.both.a.lan, 5060))):
            agent.sendto(text, to)
            agent.sendto(ours, to)
        for door, wrap in ((house.tcp, None), (house.mtls, context)):
            connection = hostile.tcp(house.strangers[1], door)
            try:
                if wrap:
                    connection = wrap.wrap_socket(connection)
                connection.sendall(text)
                connection.sendall(ours)
                n += 1
            except OSError:
                pass
            connection.close()
    stranger.close()
    backend.close()
    tally.check(f"{n} connections took them", n > 80)
    tally.attempt("the proxy lives", house.is_well)


def test_mutations(tally, house):
    print("valid messages with small wounds, from a stranger, a backend that answers madly, and a partner")
    chance = random.Random(int(os.environ.get("SEED", "11")))
    mad = hostile.MadServer(house.mad, seed=chance.random())
    stranger, backend = hostile.udp(house.strangers[2]), hostile.udp(house.both.a.backend, 5066)
    lan = (house.both.a.lan, 5060)
    from_inside = hostile.seeds(backend.getsockname(), "a.example", "b.example") + \
        [text.replace(b"bob@", b"mad@") for text in hostile.seeds(backend.getsockname(), "a.example", "a.example")]
    from_outside = [text.replace(b"bob@", b"mad@") for text in
                    hostile.seeds(stranger.getsockname(), "c.example", "a.example", "TLS")]
    context = hostile.tls_context(house.stage.path("tls", "c.pem"), house.stage.path("tls", "c.key"))
    partner, n_reopened = None, 0
    for n in range(6000 * TIMES):
        wounded = hostile.mutate(chance, hostile.fresh(chance, chance.choice(from_inside)))
        backend.sendto(wounded, lan)
        outside = hostile.fresh(chance, chance.choice(from_outside))
        if n % 2:
            stranger.sendto(hostile.mutate(chance, outside), house.udp)
        try:
            if partner is None:
                partner = context.wrap_socket(hostile.tcp(house.reckless, house.mtls))
                n_reopened += 1
            partner.sendall(hostile.mutate(chance, outside) if n % 3 == 0 else outside)
            partner.setblocking(False)
            try:
                if partner.recv(65536) == b"":
                    raise OSError
            except ssl.SSLWantReadError:
                pass
            partner.settimeout(5)
        except OSError:
            hostile.close_all([partner] if partner else [])
            partner = None
        if n % 64 == 0:
            hostile.drained(backend), hostile.drained(stranger)
            time.sleep(0.02)
    hostile.close_all([partner] if partner else [])
    mad.stop()
    backend.close()
    stranger.close()
    print(f"          {n + 1} from the backend and the partner, {mad.n} mad answers, {n_reopened} connections")
    tally.attempt("the proxy lives", house.is_well)


def stranger_floods(local, chance):
    """One message of each kind a stranger may flood with."""
    token = "".join(chance.choice("0123456789abcdefghijklmnopqrstuvwxyz") for _ in range(20))
    number = chance.getrandbits(48)
    options = request("OPTIONS", "a.example", "x@stranger.example", local, uri="sip:a.example")
    invite = request("INVITE", "bob@a.example", "anna@b.example", local)
    routed = request("BYE", "bob@a.example", "anna@b.example", local, to_tag="x",
                     extra=f"Route: <sip:1.1.{token}{token}{token}@{local[0]};lr>\r\n")
    answer = (f"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKn{chance.randrange(4):02x}.{token}.{number:x}\r\n"
              f"From: <sip:x@x>;tag=1\r\nTo: <sip:y@y>;tag=2\r\nCall-ID: {number}\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n")
    return [options, invite, invite.replace("INVITE", "CANCEL"), invite.replace("INVITE", "ACK"), routed, answer,
            invite.replace("Max-Forwards: 70", "Max-Forwards: 4000000000"),
            invite.replace("Max-Forwards", "Via: SIP/2.0/UDP 127.0.0.9;branch=z9hG4bKv\r\n" * 69 + "Max-Forwards"),
            invite.replace("Content-Length: 0", "Content-Length: 9999"),
            invite.replace("Content-Length: 0\r\n\r\n", "Content-Length: 60000\r\n\r\n" + "x" * 60000)]


def test_floods(tally, house):
    print("floods with random branches from 30 sources")
    chance = random.Random(3)
    agents = [hostile.udp(addr) for addr in house.strangers]
    rss = hostile.rss_kib(house.proxy.pid)
    held_most, n, texts = 0, 0, []
    for turn in range(40 * TIMES):
        for agent in agents:
            for text in stranger_floods(agent.getsockname(), chance):
                agent.sendto(text.encode(), house.udp)
                n += 1
        texts += [text for agent in agents for text in hostile.drained(agent)]
        if turn % 8 == 0:
            held_most = max(held_most, hostile.n_server_transactions(house.proxy))
    time.sleep(0.3)
    texts += [text for agent in agents for text in hostile.drained(agent)]
    answers = [Message(text.decode("utf-8", "replace")) for text in texts]
    for agent in agents:
        agent.close()
    statuses = sorted({message.status for message in answers})
    print(f"          {n} sent, {len(answers)} answers: {statuses}")
    tally.check(f"at most the pulse's own transactions are kept ({held_most:g})", held_most <= 60)
    tally.check("no 1xx, 2xx or 5xx but 503", all(300 <= s < 500 or s in (503, 513) for s in statuses), statuses)
    tally.check("a stranger learns a bare status: no Warning, no Server, no Reason",
                not any(set(m.headers) & {"warning", "server", "reason", "user-agent"} for m in answers))
    grown = hostile.rss_kib(house.proxy.pid) - rss
    tally.check(f"memory grew by {grown} KiB", hostile.has_sanitizer(house.proxy.pid) or grown < 40000)
    tally.attempt("the proxy lives", house.is_well)


def answers_to_1500(house, agent, method, to, sender):
    """Sends 1500 and gives back what was answered. The burst of limits.requests (500) is waited for, so that a busy machine
    loses none of it on the way; what comes after is sent as fast as the proxy reads."""
    texts = []
    for n in range(1, 1501):
        agent.sendto(request(method, to, sender, agent.getsockname()).encode(), house.udp)
        if n % 50:
            continue
        end = time.monotonic() + 2
        texts += hostile.drained(agent)
        while (len(texts) < min(n, 450) or hostile.n_unread(*house.udp)) and time.monotonic() < end:
            time.sleep(0.005)
            texts += hostile.drained(agent)
    texts += hostile.drained_to_the_end(agent)
    agent.close()
    return [Message(text.decode()) for text in texts]


def test_limits(tally, house):
    print("over the limit: 503 with Retry-After, then silence")
    answers = answers_to_1500(house, hostile.udp(house.stage.addr(151)), "MESSAGE", "bob@a.example", "x@stranger.example")
    refused = [message for message in answers if message.status == 503]
    tally.check(f"{len(answers) - len(refused)} times 403, then {len(refused)} times 503 with Retry-After, of 1500",
                400 < len(answers) < 1400 and len(refused) <= 60 and
                all(message.header("Retry-After") for message in refused), len(answers))
    # A sanitizer is too slow for the rate.
    tally.check("at least one of them", refused or hostile.has_sanitizer(house.proxy.pid))

    answers = answers_to_1500(house, hostile.udp(house.stage.addr(152)), "CANCEL", "bob@a.example", "anna@b.example")
    tally.check(f"CANCELs that nobody knows are charged, too: {len(answers)} answers to 1500", 400 < len(answers) < 1400)


def test_ban(tally, house):
    print("wrong passwords")
    agent = Datagrams(house.untrusted, 5060, timeout=1)
    statuses = []
    for n in range(9):
        if n:
            credentials = (f'Proxy-Authorization: Digest username="u", realm="{realm}", nonce="{nonce_now}", '
                           f'uri="sip:bob@a.example", response="{n:032x}", algorithm=MD5\r\n')
        try:
            answer = agent.ask(request("MESSAGE", "bob@a.example", "eve@u.example", agent.local,
                                       extra=credentials if n else ""), house.udp)
        except Failure:
            statuses.append(0)
            break
        statuses.append(answer.status)
        if n == 0:
            challenge = answer.header("Proxy-Authenticate")
            realm = challenge.partition('realm="')[2].partition('"')[0]
            nonce_now = challenge.partition('nonce="')[2].partition('"')[0]
    tally.check("407 first, then 403, after five failures silence", statuses[0] == 407 and 403 in statuses and
                statuses[-1] == 0, statuses)
    banned = house.proxy.ask_json("status")["banned_sources"]
    tally.check(f"`nuncio status` counts the ban: {banned}", banned == 1, statuses)

    def is_back():
        try:
            return agent.ask(request("MESSAGE", "bob@a.example", "eve@u.example", agent.local), house.udp).status == 407
        except Failure:
            return False

    tally.attempt("and ends after limits.ban", wait_for, is_back, 10, "the end of the ban")
    agent.close()


def relay_attempts(house, local):
    """(name, request) that would make of us an open relay for a partner, or for a stranger. Nobody is at `away`."""
    away = f"{house.stage.addr(77)}"
    def one(uri, extra="", sender="anna@b.example", to="bob@a.example", method="INVITE", to_tag=""):
        return request(method, to, sender, local, "TLS", "relay-" + new_call_id(), extra, uri=uri, to_tag=to_tag)
    wan = house.both.a.wan
    return [
        ("a foreign Request-URI", one("sip:x@victim.example")),
        ("a foreign address", one(f"sip:x@{away}")),
        ("a Route to a foreign host", one("sip:bob@a.example", f"Route: <sip:{away};lr>\r\n")),
        ("our Route, then a foreign one", one("sip:bob@a.example", f"Route: <sip:{wan}:5061;lr>,<sip:{away};lr>\r\n")),
        ("our Route and a foreign Request-URI", one("sip:x@victim.example", f"Route: <sip:{wan}:5061;lr>\r\n")),
        ("a strict Route", one(f"sip:{wan}:5061", f"Route: <sip:x@{away}>\r\n")),
        ("maddr", one(f"sip:bob@victim.example;maddr={away}")),
        ("our own name in maddr", one(f"sip:bob@victim.example;maddr={wan}")),
        ("a telephone number at a foreign host", one("sip:+4930123@victim.example;user=phone")),
        ("%-escapes in the host", one("sip:bob@%76ictim.example")),
        ("a user with our domain in it", one("sip:bob%40a.example@victim.example")),
        ("sips to a foreign domain", one("sips:x@victim.example")),
        ("a subdomain of ours", one("sip:bob@x.a.example")),
        ("a name that begins with ours", one("sip:bob@a.example.victim.example")),
        ("To says us, the Request-URI not", one("sip:x@victim.example", to="bob@a.example")),
        ("our own domain in From", one("sip:x@victim.example", sender="bob@a.example")),
        ("a To tag and no Route of ours", one("sip:x@victim.example", to_tag="dialog")),
        ("a forged Record-Route token", one("sip:x@victim.example", f"Route: <sip:1.00.{'A' * 64}@{wan}:5061;lr>\r\n",
                                            to_tag="dialog", method="BYE")),
        ("an Internet address as a number", one("sip:x@2130706433")),
    ]


def test_relay(tally, house, pulse):
    print("open relay attempts, from a verified partner and from a stranger")
    context = hostile.tls_context(house.stage.path("tls", "b.pem"), house.stage.path("tls", "b.key"))
    trap = hostile.udp(house.stage.addr(77), 5060)
    door = socket.create_server((house.stage.addr(77), 5060))
    door.settimeout(0.2)
    stranger = Datagrams(house.strangers[5], 0, timeout=2)
    pulse.seen = []
    for name, text in relay_attempts(house, (house.both.b.wan, 5099)):
        partner = Stream(context.wrap_socket(hostile.tcp(house.both.b.wan, house.mtls)), timeout=3)
        answer = partner.ask(text)
        partner.close()
        said = answer.first if answer else "closed"
        tally.check(f"{name}: {said}", answer is None or 400 <= answer.status < 500, answer.text if answer else "")
        answer = stranger.ask(text.replace("SIP/2.0/TLS", "SIP/2.0/UDP"), house.udp)
        if not 400 <= answer.status < 500:
            tally.check(f"a stranger: {name}: {answer.first}", False, answer.text)
    try:
        door.accept()
        came = ["a connection"]
    except TimeoutError:
        came = hostile.drained(trap)
    tally.check("nothing reached the foreign host", not came, came)
    # What was damaged on purpose before may still be repeated.
    came = [text for text in pulse.seen if "Call-ID: relay-" in text]
    tally.check("nor our own server", not came, came[:1])
    trap.close()
    door.close()
    stranger.close()


def test_deaf(tally, house):
    print("a backend that does not read")
    door = socket.socket()
    door.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    door.bind((house.mad, 5070))
    door.listen()
    agent = Datagrams(house.both.a.backend, 5067, timeout=2)
    rss = hostile.rss_kib(house.proxy.pid)
    body = "x" * 30000
    for n in range(1000):
        agent.send(request("MESSAGE", "deaf@a.example", "bob@a.example", agent.local, body=body,
                           extra="Content-Type: text/plain\r\n"), (house.both.a.lan, 5060))
        if n % 20 == 0:
            time.sleep(0.01)
    time.sleep(0.5)
    samples = hostile.metrics(house.proxy.socket)
    queued = samples['nuncio_send_queue_bytes{network="lan"}']
    workers = house.both.workers
    tally.check(f"the send queue is bounded ({queued / 1e6:.1f} MB, 4 MB each worker)",
                queued <= workers * 4.3e6, queued)
    refused = sum(Message(text.decode("utf-8", "replace")).status >= 400 for text in hostile.drained(agent.socket))
    print(f"          {refused} of 1000 refused so far, memory grew by {hostile.rss_kib(house.proxy.pid) - rss} KiB")
    door.close()
    agent.close()
    tally.attempt("the proxy lives", house.is_well)


def test_vanishing(tally, house):
    print("peers that close in the middle")
    chance = random.Random(5)
    context = hostile.tls_context(house.stage.path("tls", "b.pem"), house.stage.path("tls", "b.key"))
    fds = hostile.n_fds(house.proxy.pid)
    local = (house.both.b.wan, 5098)
    for n in range(60 * TIMES):
        plain = hostile.tcp(house.both.b.wan, house.mtls)
        try:
            if n % 4:
                connection = context.wrap_socket(plain)
            else:
                plain.sendall(hostile.client_hello()[:chance.randrange(1, 200)])
                connection = plain
            if n % 4 > 1:
                text = request(chance.choice(("INVITE", "MESSAGE")), chance.choice(("bob", "mad", "deaf")) + "@a.example",
                               "anna@b.example", local, "TLS").encode()
                connection.sendall(text if n % 4 == 2 else text[:chance.randrange(1, len(text))])
            if chance.randrange(2):
                hostile.close_all([connection])
            else:
                connection.close()
        except OSError:
            pass
    tally.attempt("the proxy lives", house.is_well)
    tally.attempt("their descriptors come back", settle, house, fds, "peers that vanished")


def test_lost_before_the_answer(tally, house):
    print("the connection is lost before the answer is there")
    server = Datagrams(house.mad, 5060)
    context = hostile.tls_context(house.stage.path("tls", "b.pem"), house.stage.path("tls", "b.key"))
    connection = context.wrap_socket(hostile.tcp(house.both.b.wan, house.mtls))
    call_id = new_call_id()
    connection.sendall(request("MESSAGE", "mad@a.example", "anna@b.example", (house.both.b.wan, 5061), "TLS",
                               call_id=call_id, body="x", extra="Content-Type: text/plain\r\n").encode())
    asked, source = server.receive(5)
    connection.close()
    time.sleep(0.2)
    server.send(response(asked, "200 OK"), source)
    time.sleep(0.5)
    tally.attempt("the answer goes to the partner's server, and harms nobody", house.is_well)
    server.close()


def n_reloads(house):
    return sum(value for name, value in hostile.metrics(house.proxy.socket).items()
               if name.startswith("nuncio_config_reloads_total"))


def test_reloads(tally, house):
    """A listener that the partner's connection was dialled for comes and goes, and each second file is broken."""
    n = 100 * TIMES
    print(f"{n} SIGHUPs, each second one with a broken file")
    good = house.config()
    doors = (f"listeners:\n  - {{ name: x, network: wan, bind: {house.both.a.wan}, port: 5071, transport: mtls, certificate: "
             f"edge }}\n  - {{ name: y, network: lan, bind: {house.both.a.lan}, port: 5072, transport: udp }}\n")
    more = good.replace("listeners:\n", doors)
    broken = (good.replace("certificate: edge }", "certificate: egde }"), good.replace("tls/a.key", "tls/b.key"),
              good[:400], "x: [", good.replace("tls/ca.pem", "tls/none.pem"))
    fds, before = hostile.n_fds(house.proxy.pid), n_reloads(house)
    for turn in range(n):
        house.proxy.configure(broken[turn // 2 % len(broken)] if turn % 2 else good if turn % 4 else more)
        house.proxy.signal(signal.SIGHUP)
        wait_for(lambda: n_reloads(house) > before + turn, 10, "the reload")
    samples = hostile.metrics(house.proxy.socket)
    applied = samples['nuncio_config_reloads_total{result="applied"}']
    tally.check(f"the good ones were applied, also where a port came back: {applied:g}", applied >= n / 2, samples)
    house.proxy.configure(good)
    status, out, err = house.proxy.ask("reload")
    tally.check("and the last", status == 0, out + err)
    tally.attempt("no descriptor is left", settle, house, fds, "the reloads")


def test_end(tally, house, pulse, start):
    rss, fds = start
    pulse.stop()
    tally.check("the partner's messages went on all the time", pulse.n_answered == pulse.n_sent and not pulse.wrong,
                pulse.summary())
    print(f"          {pulse.summary()}")
    tally.attempt("no transaction is left", wait_for, lambda: hostile.n_server_transactions(house.proxy) == 0, 40,
                  "the last server transaction to end")
    tally.attempt("no descriptor is left", settle, house, fds, "everything")
    grown = hostile.rss_kib(house.proxy.pid) - rss
    tally.check(f"memory: {rss} KiB before, {grown} KiB more now",
                hostile.has_sanitizer(house.proxy.pid) or grown < 60000)


def tests(tally, workers):
    hostile.allow_descriptors(20000)
    with federation("hostile", workers=workers) as (stage, both):
        house = House(stage, both)
        start = (hostile.rss_kib(house.proxy.pid), hostile.n_fds(house.proxy.pid))
        pulse = hostile.Pulse(both)
        only = os.environ.get("ONLY", "").split()
        for test in (test_connections, test_one_source, test_rubbish, test_corpus, test_floods, test_limits, test_ban,
                     test_reloads, test_deaf, test_vanishing, test_lost_before_the_answer, test_mutations):
            if not only or test.__name__ in only:
                began = time.monotonic()
                tally.section(test, house)
                print(f"          ({time.monotonic() - began:.1f} s)")
        if not only or "test_relay" in only:
            tally.section(test_relay, house, pulse)
        tally.section(test_end, house, pulse, start)
        tally.attempt("both proxies live, no sanitizer spoke", house.is_well)
        for site in (both.a, both.b):
            status = site.proxy.stop(40)
            tally.check(f"proxy {site.name} ends with exit status 0 (no leak)", status == 0,
                        f"{status}: {site.proxy.text()[-4000:]}")
