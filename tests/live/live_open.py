"""Open federation with real programs: three organisations (open_sites.py) that know nothing of each other but what DNS and
certificates say talk both ways; a resolver that says nothing, lies or is late disturbs nobody else; a harvester of 10,000
names learns nothing."""

import os
import random
import re
import socket
import ssl
import statistics
import threading
import time

import dns
from agent import Dialog
from client import Client
from live_tls import tls_context
from open_sites import BUDGET_S, DNS_PORT, OpenSites
from sip import Stream, new_call_id, request, response
from sipp import SDP
from stage import Failure, wait_for

TEXT = "Content-Type: text/plain\r\n"
NOTE = ('<?xml version="1.0"?>\r\n<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:{0}"><tuple id="c">'
        "<status><basic>{1}</basic></status></tuple></presence>\r\n")


# ---- a resolver that is no help ----

def elsewhere(question):
    """The right answer to the question of another one, as far as the number goes."""
    number = (int.from_bytes(question[:2], "big") + 1) & 0xffff
    return [(0, dns.forge(question, dns.name_in(question), "sip.evil.example", number=number))]


WAYS = {
    "silent.example": lambda question: [],
    "late.example": lambda question: [(10, dns.forge(question, dns.name_in(question), "sip.paris.example"))],
    "wrong-number.example": elsewhere,
    "wrong-name.example": lambda question: [(0, dns.forge(question, "_sipfederationtls._tcp.evil.example",
                                                          "sip.evil.example"))],
    "garbage.example": lambda question: [(0, question[:2] + os.urandom(200)), (0, os.urandom(40))],
    "liar.example": lambda question: [(0, dns.forge(question, dns.name_in(question), "sip.paris.example"))],
}
# What a message to each comes to. The lie about liar.example is one that only the certificate shows.
FATES = {"silent": ("dns-timeout",), "late": ("dns-timeout",), "wrong-number": ("dns-timeout",),
         "wrong-name": ("dns-timeout", "dns-failed"), "garbage": ("dns-timeout", "dns-failed"),
         "liar": ("tls-name-mismatch",)}


# ---- talking ----

class Caller(Client):
    """A client that answers calls, and keeps what it was asked inside them."""

    def __init__(self, *args):
        self.inside = []
        super().__init__(*args)

    def take(self, arrived):
        if arrived.message.method == "INVITE":
            host, port = self.agent.local
            arrived.reply(response(arrived.message, "200 OK", to_tag=self.user, body=SDP.replace("\n", "\r\n"), extra=(
                f"Contact: <sip:{self.user}@{host}:{port};transport={self.agent.transport}>\r\n"
                "Content-Type: application/sdp\r\n")))
            return
        if arrived.message.method in ("ACK", "BYE"):
            self.inside.append(arrived.message)
        super().take(arrived)


def write(sender, receiver):
    """A message that must arrive; returns its call."""
    call_id, words = new_call_id(), f"{random.random()}"
    answer = sender.ask("MESSAGE", receiver.aor, call_id=call_id, body=words, extra=TEXT)
    if answer.status != 200:
        raise Failure(answer.text)
    wait_for(lambda: any(message.body == words for message in receiver.messages), 5, f"the message at {receiver.aor}")
    return call_id


def call(caller, called):
    """INVITE, ACK, BYE; each must arrive."""
    answer = caller.ask("INVITE", called.aor, call_id=new_call_id(), body=SDP.replace("\n", "\r\n"),
                        extra="Content-Type: application/sdp\r\n")
    if answer.status != 200:
        raise Failure(answer.text)
    dialog, transport = Dialog.of_caller(answer), caller.agent.transport.upper()
    caller.agent.send(dialog.request("ACK", caller.agent.local, transport, cseq=dialog.cseq),
                      (caller.backend.addr, 5060))
    wait_for(lambda: heard(called, dialog, "ACK"), 5, f"the ACK at {called.aor}")
    ended = caller.send(dialog.request("BYE", caller.agent.local, transport))
    if ended.status != 200 or not heard(called, dialog, "BYE"):
        raise Failure(ended.text)


def heard(client, dialog, method):
    return any(message.method == method and message.header("Call-ID") == dialog.call_id for message in client.inside)


def watch(watcher, watched):
    """Presence: asked for, told, told of a change, refreshed and ended, in one dialog."""
    watched.publish(NOTE.format(watched.aor, "open"))
    n_told = len(watcher.notifications)
    answer = watcher.subscribe(watched.aor)
    if answer.status not in (200, 202):
        raise Failure(answer.text)
    watcher.wait_notified("<basic>open", n_told)
    watched.publish(NOTE.format(watched.aor, "closed"))
    watcher.wait_notified("<basic>closed", n_told)
    for expires, state in ((300, "active"), (0, "terminated")):
        n_told = len(watcher.notifications)
        answer = watcher.subscribe_again(expires)
        if answer.status not in (200, 202):
            raise Failure(answer.text)
        watcher.wait_notified("", n_told, state=state)


def rule_of(record, step="classify"):
    return next(row["rule"] for row in record["steps"] if row["step"] == step)


def test_talk(tally, sites):
    print("corp, paris and lyon find each other: no route is configured at corp and paris")
    for sender, receiver, site, rule in ((sites.anna, sites.paula, sites.paris, "certificate-names-domain"),
                                         (sites.paula, sites.anna, sites.corp, "srv-target"),
                                         (sites.louis, sites.anna, sites.corp, "certificate-names-domain"),
                                         (sites.anna, sites.louis, None, None)):
        pair = f"{sender.aor} and {receiver.aor}"
        call_id = tally.attempt(f"a message: {pair}", write, sender, receiver)
        if site and call_id:
            record = site.record(call_id)
            tally.check(f"the record at {site.domain} says {rule}", record["origin"] == "discovered" and
                        rule_of(record) == rule, record)
        if site is not sites.paris and call_id and sender is sites.anna:
            record = sites.corp.record(call_id)
            tally.check("the record of the sender says that DNS found it", rule_of(record, "route") == "open-federation", record)
        tally.attempt(f"presence: {pair}", watch, sender, receiver)
        tally.attempt(f"a call: {pair}", call, sender, receiver)


def test_outgoing_identity(tally, sites):
    print("what is told of partners that were found")
    for site, domain, rule, names in ((sites.corp, "paris.example", "srv-target", "sip.paris.example"),
                                      (sites.corp, "lyon.example", "certificate-names-domain", "lyon.example"),
                                      (sites.paris, "corp.example", "certificate-names-domain", "corp.example")):
        listed = {row["domain"]: row["state"] for row in site.proxy.ask_json("partner", "list")["discovered"]}
        tally.check(f"partner list of {site.domain} has {domain}", listed.get(domain) == "new", listed)
        row = site.partner(domain)
        certificate = row.get("certificate", {})
        tally.check(f"partner show: {domain} by {rule}, with its certificate, issuer and end",
                    row["rule"] == rule and names in certificate.get("names", "") and "CN=root" in certificate["issuer"]
                    and certificate["not_after"].startswith("2049-12-31"), row)


def test_words(tally, sites):
    print("approved and blocked, over restarts")
    for verb, domain in (("approve", "paris.example"), ("block", "lyon.example")):
        status, out, err = sites.corp.proxy.ask("partner", verb, domain)
        tally.check(f"partner {verb} {domain}", status == 0, out + err)
    tally.check("corp is restarted", sites.corp.proxy.stop(40) == 0, sites.corp.proxy.text()[-1000:])
    sites.corp.start(sites.workers)
    states = {domain: sites.corp.partner(domain)["state"] for domain in ("paris.example", "lyon.example")}
    tally.check("both words are kept", states == {"paris.example": "approved", "lyon.example": "blocked"}, states)
    tally.attempt("the approved one is heard", write, sites.paula, sites.anna)
    call_id = new_call_id()
    answer = sites.louis.ask("MESSAGE", sites.anna.aor, call_id=call_id, body="x", extra=TEXT)
    record = sites.corp.record(call_id)
    tally.check("the blocked one is refused: partner-blocked", answer.status >= 400 and record["reason"] == "partner-blocked",
                f"{answer.first}\n{record}")
    call_id = new_call_id()
    answer = sites.anna.ask("MESSAGE", sites.louis.aor, call_id=call_id, body="x", extra=TEXT)
    record = sites.corp.record(call_id)
    tally.check("nor is anything sent to it", answer.status >= 400 and record["reason"] == "partner-blocked",
                f"{answer.first}\n{record}")
    sites.corp.proxy.ask("partner", "forget", "lyon.example")
    tally.attempt("forgotten, it is a new one", write, sites.louis, sites.anna)


# ---- a resolver that is no help, and the others ----

def burst(sites, n=20):
    """Messages to partners that are well, one after the other; returns their calls."""
    calls = []
    for number in range(n):
        calls.append(new_call_id())
        answer = sites.anna.ask("MESSAGE", (sites.paula.aor, sites.louis.aor)[number % 2], call_id=calls[-1], body="x",
                                extra=TEXT)
        if answer.status != 200:
            raise Failure(answer.text)
    return calls


def took(sites, calls):
    """How long the proxy had each, in seconds."""
    return [sites.corp.record(call_id)["took_us"] / 1e6 for call_id in calls]


def milliseconds(took):
    return f"median {1000 * statistics.median(took):.1f} ms, longest {1000 * max(took):.1f} ms"


class Vain:
    """Messages to domains of which no resolver tells anything good, all at once; a thread notes when each is answered."""

    def __init__(self, sites, number):
        self.answered, self.calls = {}, {}
        self.carl = sites.carl
        self.began = len(sites.carl.answers)
        for name in FATES:
            for copy in range(3):
                # Each a name of its own: what failed once is remembered.
                to, call_id = f"x@d{number}-{copy}.{name}.example", new_call_id()
                self.calls[call_id] = name
                sites.carl.agent.send(sites.carl.agent.request("MESSAGE", to, sites.carl.aor, call_id=call_id, body="x", extra=TEXT),
                                    (sites.carl.backend.addr, 5060))

    def finals(self):
        return {answer.header("Call-ID"): answer for answer in list(self.carl.answers)[self.began:]
                if answer.status >= 200 and answer.header("Call-ID") in self.calls}

    def waiting(self):
        """Those that DNS alone keeps waiting and that have no answer yet."""
        finals = self.finals()
        return {call_id for call_id, name in self.calls.items() if "dns-timeout" in FATES[name] and len(FATES[name]) == 1
                and call_id not in finals}


def test_resolver(tally, sites):
    print("a resolver that says nothing, lies or is late")
    alone = took(sites, burst(sites))
    vain, beside = None, []
    for number in range(5):  # on a machine that stands still for the budget a burst proves nothing
        vain = Vain(sites, number)
        wait_for(lambda vain=vain: len(sites.resolver.asked) > 0, 5, "the first question")
        n_waiting = len(vain.waiting())
        beside = burst(sites)
        if n_waiting and len(vain.waiting()) == n_waiting:
            break
    tally.check(f"others are answered while {n_waiting} requests wait for DNS: {milliseconds(took(sites, beside))} "
                f"(without them {milliseconds(alone)})", n_waiting and len(vain.waiting()) <= n_waiting and number < 4, vain.waiting())
    wait_for(lambda: len(vain.finals()) == len(vain.calls), BUDGET_S + 10, "the answers of the others")
    for name, codes in FATES.items():
        seen = {sites.corp.record(call_id)["reason"] for call_id, of in vain.calls.items() if of == name}
        tally.check(f"{name}: {' or '.join(codes)}", seen <= set(codes), seen)
    silence = took(sites, [call_id for call_id, name in vain.calls.items() if name == "silent"])
    tally.check(f"silence costs one budget ({BUDGET_S} s), not two", all(BUDGET_S * 0.9 < one < BUDGET_S * 2 for one in silence), silence)


def test_dead_resolver(tally, sites):
    print("the first of two resolvers says nothing, ever")
    dead = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)  # bound, so that nobody says that there is none, and never read
    dead.bind((sites.stage.addr(55), DNS_PORT))
    resolver, sites.corp.resolver, sites.corp.dead = sites.corp.resolver, sites.stage.addr(54), sites.stage.addr(55)
    tally.check("corp begins anew, with nsd as the second", sites.corp.proxy.stop(40) == 0, sites.corp.proxy.text()[-1000:])
    sites.corp.start(sites.workers)
    try:
        for sender, receiver, what in ((sites.anna, sites.paula, "out: the partner's servers are looked up"),
                                       (sites.louis, sites.anna, "in: who the sender is")):
            call_id = tally.attempt(f"a message {what}", write, sender, receiver)
            seconds = took_of(sites, call_id) if call_id else BUDGET_S
            tally.check(f"... in {1000 * seconds:.0f} ms of {BUDGET_S} s: the silent one costs 0.4 s twice at most", seconds < 1.2, seconds)
        asked = 0
        dead.setblocking(False)
        try:
            while dead.recv(2000):
                asked += 1
        except BlockingIOError:
            pass
        tally.check(f"the silent one was asked first, and passed over afterwards ({asked} questions)",
                    1 <= asked <= 12 * sites.workers, asked)
        calls = [tally.attempt("another message, when all is known", write, sites.anna, sites.paula)]
        tally.check("waits for nobody", calls[0] and took_of(sites, calls[0]) < 0.4, calls)
    finally:
        sites.corp.resolver, sites.corp.dead = resolver, None
        dead.close()


def took_of(sites, call_id):
    return took(sites, [call_id])[0]


# ---- names ----

class Eve:
    """A domain that open federation believes, and that tries out names: an mtls connection, as many requests at once."""

    def __init__(self, sites, domain):
        context = tls_context(sites.pki, ssl.PROTOCOL_TLS_CLIENT, certificate="eve")
        self.domain, self.answers = domain, {}
        plain = socket.create_connection((sites.corp.wan, 5061), 5, source_address=(sites.eve_addr, 0))
        self.stream = Stream(context.wrap_socket(plain, server_hostname="sip.corp.example"), timeout=30)
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        try:
            while (message := self.stream.receive()) is not None:
                if message.status >= 200:
                    self.answers[message.header("Call-ID")] = (time.monotonic(), message)
        except (OSError, Failure):
            pass

    def text(self, user):
        call_id = new_call_id()
        return call_id, request("MESSAGE", f"{user}@corp.example", f"eve@{self.domain}", self.stream.local, "TLS",
                                call_id=call_id, body="x", extra=TEXT)

    def ask(self, user):
        """Returns the answer and how long it took."""
        call_id, text = self.text(user)
        began = time.monotonic()
        self.stream.send(text)
        wait_for(lambda: call_id in self.answers, 10, f"the answer for {user}")
        at, message = self.answers[call_id]
        return call_id, message, at - began

    def harvest(self, users):
        """All of them, as fast as they are taken; returns the answers in the order of the users."""
        calls = []
        for user in users:
            call_id, text = self.text(user)
            calls.append(call_id)
            self.stream.send(text)
        wait_for(lambda: len(self.answers.keys() & set(calls)) == len(calls), 60, "all answers")
        return [self.answers[call_id][1] for call_id in calls]

    def close(self):
        self.stream.close()


def looks(message):
    """What a harvester can look at in an answer: all but what is of its own request."""
    lines = [line for line in message.text.split("\r\n") if not re.match(r"(?i)(via|from|call-id|cseq):", line)]
    lines = [re.sub("^(Retry-After: ).*", r"\\1...", line) for line in lines]  # how long it is depends on when it is
    return re.sub(r"(?m)^(To: .*;tag=).*$", r"\1...", re.sub(r"(?m)^To: <[^>]*>", "To: <>", "\n".join(lines)))


def steps(sites, call_id):
    """What the proxy did for it: rules, servers, and whom it asked how often."""
    record = sites.corp.record(call_id)
    n_asked = sum(copy.target == sites.corp.backend.addr and copy.message.method == "MESSAGE"
                  for copy in sites.collector.of_call(call_id))
    return [step["rule"] for step in record["steps"]], [hop["to"] for hop in record["hops"]], n_asked


def test_concealed(tally, sites):
    print("who exists is not told")
    eve = Eve(sites, "evil.example")
    try:
        there, missing = [], []
        for number in range(9):  # in turns, so that a busy machine is busy for both
            there.append(eve.ask(f"u{number}"))
            missing.append(eve.ask(f"nobody{number}"))
        for kind, asked in (("there", there), ("missing", missing)):
            said = {status for call_id, *_ in asked for copy in sites.collector.of_call(call_id) if (status := copy.message.status)}
            tally.check(f"the server says of them: {'480' if kind == 'there' else '404'}",
                        said == ({480} if kind == "there" else {404}), said)
        tally.check("status, headers and body are the same", {looks(one[1]) for one in there} == {looks(one[1]) for one in missing},
                    looks(there[0][1]) + "\n" + looks(missing[0][1]))
        tally.check("the same length, but for the name", len({len(message.text) for _, message, _ in there}) == 1 and
                    {len(one[1].text) for one in missing} == {len(there[0][1].text) + len("nobody0") - len("u0")}, "")
        tally.check("the same steps: rules, servers, questions to them", len({repr(steps(sites, one[0])) for one in there + missing}) == 1,
                    (steps(sites, there[0][0]), steps(sites, missing[0][0])))
        print(f"        there {milliseconds([one[2] for one in there])}; missing {milliseconds([one[2] for one in missing])}")
    finally:
        eve.close()


def test_harvest(tally, sites):
    print("10,000 names")
    n_before = sum(copy.target == sites.corp.backend.addr for copy in list(sites.collector.copies))
    eve = Eve(sites, "worse.example")
    try:
        began = time.monotonic()
        users = [f"{('u', 'nobody')[number % 2]}{number}" for number in range(10000)]
        answers = eve.harvest(users)
        took = time.monotonic() - began
        statuses = {status: sum(answer.status == status for answer in answers) for status in {a.status for a in answers}}
        row = sites.corp.partner("worse.example")
        n_asked = sum(copy.target == sites.corp.backend.addr for copy in list(sites.collector.copies)) - n_before
        tally.check(f"in {took:.1f} s: {statuses}; {row['users']} users, {n_asked} messages at the server",
                    set(statuses) == {480, 503} and statuses[480] <= 1000 and row["users"] <= 1000, row)
        wanted = f'nuncio_partner_requests_total{{partner="worse.example",direction="received"}} {row["requests_received"]}'
        tally.check("metrics have it, by its name", wanted in metrics(sites.corp), metrics(sites.corp)[:3000])
        tally.check("it is limited", row["state"] == "limited" and row["why"] in ("partner-too-many-users", "partner-suspicious"),
                    row)
        refused = [answer for answer in answers if answer.status == 503]
        tally.check("each 503 says when to come again", all(answer.header("Retry-After") for answer in refused), "")
        kinds = [{looks(answer) for user, answer in zip(users, answers) if user.startswith(kind)} for kind in ("u", "nobody")]
        tally.check("and of those who exist nothing else than of those who do not", kinds[0] == kinds[1], kinds)
        tally.attempt("meanwhile others are heard", write, sites.paula, sites.anna)
    finally:
        eve.close()


def metrics(site):
    """What /metrics of the control socket says."""
    with socket.socket(socket.AF_UNIX) as control:
        control.settimeout(5)
        control.connect(site.proxy.socket)
        control.sendall(b"GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n")
        text = b""
        while piece := control.recv(65536):
            text += piece
    return text.decode()


def tests(tally, workers):
    with OpenSites(workers, WAYS, Caller) as sites:
        for test in (test_talk, test_outgoing_identity, test_resolver, test_concealed, test_harvest, test_dead_resolver, test_words):
            tally.section(test, sites)
        for site in (sites.corp, sites.paris):
            tally.check(f"nuncio of {site.domain} still runs", site.proxy.is_running(), site.proxy.text()[-1500:])
        if tally.n_failed:
            for program in sites.stage.programs:
                print(f"--- {program.name}\n" + "\n".join(program.text().strip().splitlines()[-6:]))
