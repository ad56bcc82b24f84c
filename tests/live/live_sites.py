"""Two sites, each with two presence servers in one domain (presence_sites.py): who is where is in no configuration.
Phones (baresip), sipp and clients of our own talk; a server is killed and comes back; the proxies are restarted.
script/demo --backends plays the same and draws the conversations."""

import time

import sipp_presence
from baresip import Phone
from client import Client
from presence_sites import PROBE_S, PresenceSites
from sip import new_call_id
from stage import wait_for
from story import Story

BUSY_S = 3  # what a busy machine may take longer

NOTE = ('<?xml version="1.0"?>\r\n<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:{0}"><tuple id="c">'
        "<status><basic>open</basic></status><note>{1}</note></tuple></presence>\r\n")


class Cast:
    """Everybody who takes part: four phones, and clients that look at each message."""

    def __init__(self, both, story):
        corp, partner = both.corp.backends, both.partner.backends
        self.stage = both.stage
        self.anna = Phone("anna", corp["berlin"], "127.0.11.21", "41000-41098", "bob@partner.example", is_watching=True)
        self.otto = Phone("otto", corp["munich"], "127.0.11.22", "41100-41198", "dora@partner.example")
        self.dora = Phone("dora", partner["vienna"], "127.0.12.21", "41200-41298", "otto@corp.example")
        self.bob = Phone("bob", partner["graz"], "127.0.12.22", "41300-41398", "anna@corp.example")
        self.clients = (Client("carl", corp["berlin"], "127.0.11.31"), Client("ida", corp["munich"], "127.0.11.32"),
                        Client("emil", partner["vienna"], "127.0.12.31"), Client("eva", partner["graz"], "127.0.12.32"))
        self.carl, self.ida, self.emil, self.eva = self.clients
        for phone in (self.anna, self.otto, self.dora, self.bob):
            story.meet(phone.user, phone.backend, phone.addr)
        for client in self.clients:
            story.meet(client.user, client.backend, client.agent.addr)

    def start(self, phone):
        phone.start(self.stage)
        phone.wait_registered()

    def close(self):
        for client in self.clients:
            client.close()


def note_of(message):
    """What a line of a ladder is about, beside its method."""
    if message.method == "MESSAGE":
        return f'"{message.body}"'
    if message.method == "NOTIFY" and "<basic>" in message.body:
        return message.body.partition("<basic>")[2].partition("<")[0]
    return ""


def test_logged_on(tally, both, story, cast):
    story.title("The servers log on, and their users register with them")
    tally.attempt("both proxies reach their partner and their servers", both.wait_up)
    register = story.copy(what="REGISTER", source=cast.anna.backend.addr, target=both.corp.lan)
    story.ladder("berlin logs on", register.message.header("Call-ID"), "berlin corp")
    said = story.command(both.corp, "status", "backends")
    tally.check("the status tells who logged on", "logged on" in said, said)
    for client in cast.clients:
        client.register()


def test_presence(tally, both, story, cast):
    story.title("anna wants to know whether bob is there; nobody said at which server bob is")
    cast.start(cast.bob)
    rule, said = both.partner.home_of("bob", cast.anna.aor, "--cert-name", both.corp.domain)[-1]
    tally.check("nuncio explain: it would search", rule == "search" and "vienna, graz" in said, f"{rule}: {said}")
    cast.start(cast.anna)
    tally.attempt("anna's phone shows bob online", wait_for, lambda: cast.anna.sees() == "Online", 15, "bob to be online")
    call_id = story.copy(what="SUBSCRIBE", to=cast.bob.aor).message.header("Call-ID")
    servers = asked_servers(both, both.partner, call_id, "SUBSCRIBE")
    tally.check("vienna was asked first, then graz", servers == ["vienna", "graz"], servers)
    cast.bob.tell("presence_offline")
    tally.attempt("bob goes away: a PUBLISH there is a NOTIFY here", wait_for, lambda: cast.anna.sees() == "Offline", 10,
                  "bob to be offline")
    cast.bob.tell("presence_online")
    tally.attempt("and comes back", wait_for, lambda: cast.anna.sees() == "Online", 10, "bob to be online")
    wait_for(lambda: len(both.collector.find(method="NOTIFY", status=200, target=cast.bob.backend.addr)) >= 3, 5,
             "anna's answers")
    story.ladder("SUBSCRIBE and NOTIFY", call_id, "anna berlin corp partner vienna graz", note_of)
    story.decisions(call_id, both.corp, both.partner)
    rule, said = both.partner.home_of("bob", cast.anna.aor, "--cert-name", both.corp.domain)[0]
    tally.check("nuncio explain: it has learned where bob is", rule == "learned" and "graz" in said, f"{rule}: {said}")


def write(tally, story, sender, receiver, words, columns):
    """A message from phone to phone."""
    mark, began = receiver.program.mark(), time.time()
    sender.tell("message", words)
    tally.attempt(f"{sender.user} writes to {receiver.user}: it arrives", receiver.wait_text, words, mark)
    answer = story.copy(method="MESSAGE", status=200, to=receiver.aor, source=sender.backend.addr, since=began)
    call_id = answer.message.header("Call-ID")
    story.ladder(f"{sender.user} writes to {receiver.user}", call_id, columns, note_of)
    return call_id


def test_messages(tally, both, story, cast):
    story.title("Messages, both ways, over tcp and udp")
    cast.start(cast.dora)
    cast.start(cast.otto)
    write(tally, story, cast.anna, cast.bob, "Lunch at twelve?", "anna berlin corp partner vienna graz bob")
    write(tally, story, cast.bob, cast.anna, "With pleasure.", "anna berlin corp partner graz bob")
    write(tally, story, cast.dora, cast.otto, "The contract is signed.", "otto munich corp partner vienna dora")


def test_call(tally, both, story, cast):
    story.title("anna calls bob")
    cast.anna.tell("dial", f"sip:{cast.bob.aor}")
    event = tally.attempt("the call is answered", cast.anna.wait_event, "CALL_ESTABLISHED")
    cast.bob.wait_event("CALL_ESTABLISHED")
    for phone in (cast.anna, cast.bob):
        tally.attempt(f"{phone.user} hears the other one, directly", wait_for, phone.n_heard, 10, "sound")
    cast.bob.tell("hangup")
    tally.attempt("bob hangs up, and anna's phone knows", cast.anna.wait_event, "CALL_CLOSED")
    story.copy(method="BYE", status=200, source=cast.bob.backend.addr)
    story.ladder("INVITE to BYE", event["id"], "anna berlin corp partner graz bob")


def test_sipp(tally, both, story, cast):
    story.title("sipp: twenty watchers at munich and a publisher at vienna")
    tally.attempt("PUBLISH, change, removal", sipp_presence.play, both.stage, "publisher",
                  sipp_presence.publisher("emil@partner.example"), "127.0.12.41", cast.emil.backend.addr)
    cast.emil.publish(NOTE.format(cast.emil.aor, "here"))
    began, vienna = time.time(), cast.emil.backend.addr
    tally.attempt("SUBSCRIBE, refresh, end: each with its NOTIFY, word by word", sipp_presence.play, both.stage, "watchers",
                  sipp_presence.watcher("otto@corp.example", "emil@partner.example"), "127.0.11.41",
                  cast.otto.backend.addr, 20, 20)
    tally.attempt("each of the 60 NOTIFY requests is answered", wait_for, lambda: len(both.collector.find(
        method="NOTIFY", status=200, target=vienna, since=began)) >= 60, 5, "60 answers")


def test_large(tally, both, story, cast):
    story.title("Documents that are longer than usual")
    for publisher, watcher, size, way in ((cast.eva, cast.carl, 100000, "tcp, mtls, tcp"),
                                          (cast.emil, cast.ida, 5000, "udp, mtls, udp")):
        text = "".join(chr(97 + number * 7919 % 26) for number in range(size))
        publisher.publish(NOTE.format(publisher.aor, text))
        watcher.subscribe(publisher.aor)
        tally.attempt(f"a presence document of {size // 1000} KB over {way}", watcher.wait_notified,
                      f"<note>{text}</note>")


def ask(both, sender, to):
    """A short message; returns its call, and the final response of the proxy to the sender's server."""
    call_id, lan = new_call_id(), next(site.lan for site in both.sites if site.domain == sender.backend.domain)
    sender.ask("MESSAGE", to, call_id=call_id, body="Are you there?", extra="Content-Type: text/plain\r\n")
    return call_id, wait_for(lambda: [copy.message for copy in both.collector.of_call(call_id)
                                      if (copy.source, copy.target) == (lan, sender.backend.addr)
                                      and copy.message.status >= 200], 5, f"the answer to {sender.aor}")[0]


def asked_servers(both, site, call_id, method="MESSAGE"):
    """The servers that the site's proxy asked for that call, each as often as it was asked."""
    names = {backend.addr: backend.name for backend in site.backends.values()}
    return [names[copy.target] for copy in both.collector.of_call(call_id)
            if copy.source == site.lan and copy.target in names and copy.what == method]


def test_one_domain(tally, both, story, cast):
    story.title("Two servers, one domain")
    call_id, answer = ask(both, cast.carl, cast.otto.aor)
    tally.check("carl at berlin writes to otto at munich", answer.status == 200, answer.text)
    story.ladder("carl writes to otto", call_id, "carl berlin corp munich otto", note_of)
    call_id, answer = ask(both, cast.carl, "nobody@corp.example")
    servers = asked_servers(both, both.corp, call_id)
    tally.check("a user whom no server has is not found: munich is asked once, berlin, who asks, is not",
                answer.status == 404 and servers == ["munich"], f"{servers}\n{answer.text}")
    call_id, answer = ask(both, cast.carl, "nobody@partner.example")
    servers = asked_servers(both, both.partner, call_id)
    tally.check("nor is one whom no server of the partner has: each is asked once",
                answer.status == 404 and sorted(servers) == ["graz", "vienna"], f"{servers}\n{answer.text}")
    story.ladder("carl writes to nobody", call_id, "carl berlin corp partner vienna graz")
    story.decisions(call_id, both.partner)


def test_killed(tally, both, story, cast):
    story.title("graz is killed")
    graz, site = cast.bob.backend, both.partner
    cast.carl.subscribe(cast.bob.aor)
    cast.carl.wait_notified("entity")
    graz.kill()
    tally.attempt("the status says so within a probe interval", wait_for, lambda: site.state_of("graz") == "down",
                  PROBE_S + BUSY_S, "graz to be down")
    call_id, answer = ask(both, cast.emil, cast.bob.aor)
    tally.check("who asks for bob gets 503 with Retry-After",
                answer.status == 503 and answer.header("Retry-After"), answer.text)
    story.ladder("emil writes to bob", call_id, "emil vienna partner graz")
    story.command(site, "status", "backends")
    story.command(site, "why", call_id)
    again = cast.carl.subscribe_again()
    tally.check("carl's subscription cannot be refreshed", again.status >= 500, again.text)
    write(tally, story, cast.otto, cast.dora, "Is bob ill?", "otto munich corp partner vienna dora")


def test_back(tally, both, story, cast):
    story.title("graz comes back")
    graz, site = cast.bob.backend, both.partner
    graz.start()
    graz.wait_ready()
    tally.attempt("the status says so within a probe interval, and nobody restarted the proxy", wait_for,
                  lambda: site.state_of("graz") == "up", PROBE_S + BUSY_S, "graz to be up")
    n_told = len(cast.carl.notifications)
    again = cast.carl.subscribe_again()
    tally.check("carl's subscription goes on within its dialog", again.status == 200, again.text)
    tally.attempt("and carl is told", cast.carl.wait_notified, "<basic>open", n_told)
    cast.bob.tell("presence_offline")
    tally.attempt("bob goes away, and carl is told", cast.carl.wait_notified, "<basic>closed", n_told)
    cast.bob.tell("presence_online")
    write(tally, story, cast.anna, cast.bob, "Welcome back.", "anna berlin corp partner vienna graz bob")


def test_restart(tally, both, story, cast):
    story.title("The proxies are restarted")
    for site in both.sites:
        status = site.proxy.stop(40)
        tally.check(f"that of {site.domain} ends well", status == 0, site.proxy.text()[-2000:])
        site.start_proxy(both.stage, both.other(site), both.workers)
    for site in both.sites:
        wait_for(lambda site=site: site.state_of(both.other(site).domain) == "up", 15, f"the partner of {site.domain}")
    rule, said = both.partner.home_of("bob", cast.anna.aor, "--cert-name", both.corp.domain)[0]
    tally.check("nuncio explain: it has not forgotten where bob is", rule == "learned" and "graz" in said,
                f"{rule}: {said}")
    call_id, answer = ask(both, cast.emil, cast.bob.aor)
    servers = asked_servers(both, both.partner, call_id)
    tally.check("nobody is searched, and vienna, which logged on by udp, is still known",
                answer.status == 200 and servers == ["graz"], f"{servers}\n{answer.text}")
    _, answer = ask(both, cast.eva, cast.carl.aor)
    tally.check("berlin, which logged on by tcp, is dialled", answer.status == 200, answer.text)
    _, answer = ask(both, cast.carl, cast.bob.aor)
    tally.check("and may speak before it has logged on again", answer.status == 200, answer.text)
    write(tally, story, cast.anna, cast.bob, "Still there?", "anna berlin corp partner vienna graz bob")


def test_log_on_lost(tally, both, story, cast):
    story.title("berlin, which had logged on, is killed and comes back")
    berlin, site = cast.anna.backend, both.corp
    berlin.kill()
    call_id, _ = ask(both, cast.eva, cast.carl.aor)
    record = story.record(site, call_id)
    tally.check("who asks for carl gets 503", record["status"] == 503, record)
    tally.attempt("the status says that berlin is down", wait_for, lambda: site.state_of("berlin") == "down", 5,
                  "berlin to be down")
    story.command(site, "status", "backends")
    write(tally, story, cast.dora, cast.otto, "Is berlin on strike?", "otto munich corp partner vienna dora")
    berlin.start()
    tally.attempt("it logs on again", wait_for, lambda: site.state_of("berlin") == "up", 15, "berlin to be up")
    _, answer = ask(both, cast.eva, cast.carl.aor)
    tally.check("and carl is reached", answer.status == 200, answer.text)


def show_logs(both):
    """What the servers and phones said, when something went wrong; the proxies' traces are too long (KEEP=always)."""
    for program in both.stage.programs:
        if not program.name.startswith("nuncio-"):
            print(f"--- {program.name}\n" + "\n".join(program.text().strip().splitlines()[-12:]))


TESTS = (test_logged_on, test_presence, test_messages, test_call, test_one_domain, test_sipp, test_large, test_killed,
         test_back, test_restart, test_log_on_lost)


def tests(tally, workers, is_traced=False):
    with PresenceSites(workers) as both:
        story = Story(both, tally, is_traced)
        cast = Cast(both, story)
        story.introduce()
        try:
            for test in TESTS:
                tally.section(test, both, story, cast)
        finally:
            cast.close()
            if tally.n_failed:
                show_logs(both)
