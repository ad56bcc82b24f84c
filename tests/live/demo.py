"""Two organisations talk through their two proxies, and you see what happens at each hop.

script/demo [--keep] starts it.

corp.example and partner.example, each with a proxy and two backends, all on loopback addresses, run on
conf/examples/two-sites with certificates made for the occasion. A presence subscription, a message and a call go
across, and one request is refused. Exits 1 if anything did not happen as it should: the demo is a test, too.
--keep leaves the directory with configurations and logs."""

import os
import shutil
import sys
import time

from agent import Agent, Dialog
from sip import new_call_id, response
from stage import Failure, Nuncio, Stage, nuncio_binary, wait_for

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

SDP = ("v=0\r\no=- 1 1 IN IP4 {0}\r\ns=-\r\nc=IN IP4 {0}\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n"
       "a=rtpmap:0 PCMU/8000\r\n")
PIDF = ('<?xml version="1.0"?>\r\n<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:{0}">'
        "<tuple id=\"1\"><status><basic>open</basic></status><note>{1}</note></tuple></presence>\r\n")
COLUMN = 22

IS_COLOURED = sys.stdout.isatty() and "NO_COLOR" not in os.environ


def paint(code, text):
    return f"\033[{code}m{text}\033[0m" if IS_COLOURED else text


def bold(text):
    return paint("1", text)


def grey(text):
    return paint("2", text)


class Site:
    """One organisation: its running proxy, where its backends find it, and how it is called in the ladders."""

    def __init__(self, stage, name, domain, net, backends):
        self.name, self.domain = name, domain
        self.lan = (net + "2", 15060)
        self.socket = stage.path("run", name + ".sock")
        self.agents = {backend: Agent(net + last, 15060, transport)
                       for backend, (last, transport) in backends.items()}
        self.program = stage.start(f"proxy-{name}", [nuncio_binary(), "run", "-c", stage.path(name + ".yaml")])

    def ask(self, *verb):
        return Nuncio.ask(self, *verb)

    def ask_json(self, *verb):
        return Nuncio.ask_json(self, *verb)

    def is_ready(self):
        if not self.program.is_running():
            raise Failure(f"the proxy of {self.domain} ended:\n{self.program.text()}")
        return os.path.exists(self.socket) and self.ask("status")[0] == 0


class Ladder:
    """Prints the messages of one conversation as they pass: backend, proxy, proxy, backend."""

    def __init__(self, title, left, right, sites):
        self.began = time.monotonic()
        print(f"\n{bold(title)}\n")
        names = [left, sites[0].domain, sites[1].domain, right]
        print("           " + "".join(name.center(COLUMN) for name in names))

    def line(self, went, came, what, rightwards, note=""):
        gap = COLUMN - 1
        parts = []
        for number in range(3):
            label = "mtls" if number == 1 else what
            body = f" {label} ".center(gap - 1, "-")
            parts.append(body + ">" if rightwards else "<" + body)
        text = "|" + "|".join(parts) + "|"
        took = (came - went) * 1000
        print(f"{(went - self.began) * 1000:7.1f} ms " + " " * (COLUMN // 2) + text +
              grey(f"  {took:4.1f} ms" + (f"  {note}" if note else "")), flush=True)


class Talk:
    """Sends messages from one side to the other through both proxies, and draws each."""

    def __init__(self, ladder, left, right):
        self.ladder = ladder
        self.left, self.right = left, right  # (agent, site)

    def sides(self, rightwards):
        return (self.left, self.right) if rightwards else (self.right, self.left)

    def request(self, rightwards, text, method, note=""):
        """Returns what arrived at the far end."""
        (agent, site), (other, _) = self.sides(rightwards)
        went = agent.send(text, site.lan)
        arrived = other.expect(method)
        self.ladder.line(went, arrived.at, method, rightwards, note)
        return arrived

    def respond(self, rightwards, asked, status, extra="", body=""):
        """The end that got `asked` answers; returns the answer that arrived."""
        (_, _), (other, _) = self.sides(rightwards)
        text = response(asked.message, status, to_tag="demo", extra=extra, body=body)
        went = time.monotonic()
        asked.reply(text)
        arrived = other.expect(int(status.split()[0]))
        self.ladder.line(went, arrived.at, status, rightwards)
        return arrived


def contact(user, agent):
    return f"Contact: <sip:{user}@{agent.addr}:{agent.port};transport={agent.transport}>\r\n"


def what_happened(call_id, sites):
    """What each proxy decided about the first request of that call: from its own records."""
    print()
    for site in sites:
        # The newest comes first; the first request is what the conversation began with.
        record = wait_for(lambda site=site: site.ask_json("why", call_id).get("decisions"), 5,
                          f"the record of {call_id} at {site.domain}")[-1]
        sender = record.get("partner", record["origin"]).replace(":", " ")
        by = record.get("cert_names")
        print(f"  {bold(site.domain)}: {record['method']} from {record.get('peer', '?')} on {record.get('listener', '?')}")
        print(grey(f"    who    {sender}" + (f", by the certificate of {by}" if by else ", by its address")))
        for hop in record["hops"]:
            print(grey(f"    where  {record.get('target', '?').replace(':', ' ')}, {hop['to']}: {hop['status'] or hop.get('reason')}"))
        print(grey(f"    took   {record['took_us'] / 1000:.1f} ms until its final response"))
        if not record["accepted"]:
            raise Failure(f"{site.domain} refused: {record}")


def presence(corp, partner):
    anna, bob = (corp.agents["berlin"], corp), (partner.agents["vienna"], partner)
    talk = Talk(Ladder("Presence: anna wants to know whether bob is there", "anna (berlin)", "bob (vienna)",
                       (corp, partner)), anna, bob)
    call_id = new_call_id()
    asked = talk.request(True, anna[0].request(
        "SUBSCRIBE", "bob@partner.example", "anna@corp.example", call_id=call_id,
        extra="Event: presence\r\nAccept: application/pidf+xml\r\nExpires: 600\r\n"), "SUBSCRIBE")
    talk.respond(False, asked, "200 OK", "Expires: 600\r\n" + contact("bob", bob[0]))
    dialog = Dialog.of_called(asked.message, "demo")
    for note in ("at his desk", "in a meeting"):
        text = dialog.request("NOTIFY", bob[0].local, "TCP", body=PIDF.format("bob@partner.example", note),
                              extra="Event: presence\r\nSubscription-State: active;expires=600\r\n"
                                    "Content-Type: application/pidf+xml\r\n")
        told = talk.request(False, text, "NOTIFY", f"bob is {note}")
        if note not in told.message.body:
            raise Failure("the notification came without what it says")
        talk.respond(True, told, "200 OK")
    what_happened(call_id, (corp, partner))


def message(corp, partner):
    dora, otto = (partner.agents["graz"], partner), (corp.agents["munich"], corp)
    talk = Talk(Ladder("Instant message: dora writes to otto", "otto (munich)", "dora (graz)", (corp, partner)),
                otto, dora)
    call_id, words = new_call_id(), "Lunch at twelve?"
    told = talk.request(False, dora[0].request("MESSAGE", "otto@corp.example", "dora@partner.example",
                                               call_id=call_id, body=words,
                                               extra="Content-Type: text/plain\r\n"), "MESSAGE", words)
    if told.message.body != words:
        raise Failure("the message came with other words")
    talk.respond(True, told, "200 OK")
    what_happened(call_id, (partner, corp))


def call(corp, partner):
    anna, bob = (corp.agents["berlin"], corp), (partner.agents["vienna"], partner)
    talk = Talk(Ladder("Call: anna calls bob", "anna (berlin)", "bob (vienna)", (corp, partner)), anna, bob)
    call_id = new_call_id()
    asked = talk.request(True, anna[0].request("INVITE", "bob@partner.example", "anna@corp.example",
                                               call_id=call_id, body=SDP.format(anna[0].addr),
                                               extra="Content-Type: application/sdp\r\n"), "INVITE")
    talk.respond(False, asked, "180 Ringing", contact("bob", bob[0]))
    answer = talk.respond(False, asked, "200 OK", contact("bob", bob[0]) + "Content-Type: application/sdp\r\n",
                          SDP.format(bob[0].addr))
    dialog = Dialog.of_caller(answer.message)
    talk.request(True, dialog.request("ACK", anna[0].local, "TCP", cseq=dialog.cseq), "ACK", "they talk")
    bye = Dialog.of_called(asked.message, "demo").request("BYE", bob[0].local, "TCP")
    hung_up = talk.request(False, bye, "BYE", "bob hangs up")
    talk.respond(True, hung_up, "200 OK")
    what_happened(call_id, (corp, partner))


def refusal(corp):
    print(f"\n{bold('And one that is refused: anna writes to somebody at nowhere.example')}\n")
    anna, call_id = corp.agents["berlin"], new_call_id()
    anna.send(anna.request("MESSAGE", "carl@nowhere.example", "anna@corp.example", call_id=call_id, body="Hello",
                           extra="Content-Type: text/plain\r\n"), corp.lan)
    answer = anna.expect(*range(300, 700)).message
    print(f"  anna's server gets: {answer.first}")
    for line in ("Reason", "Warning"):
        if answer.header(line):
            print(f"                      {line}: {answer.header(line)}")
    status, out, err = corp.ask("why", call_id)
    print("\n  $ nuncio why " + call_id)
    print("\n".join("  " + grey(line) for line in (out + err).rstrip().splitlines()))
    if status or answer.status != 404 or "no-route" not in out:
        raise Failure("that is not the refusal that was expected")


def play(stage):
    source = os.path.join(ROOT, "conf", "examples", "two-sites")
    for name in ("a.yaml", "b.yaml"):
        shutil.copy(os.path.join(source, name), stage.path(name))
    for folder in ("run", "run/a", "run/b"):
        os.makedirs(stage.path(folder), exist_ok=True)
    stage.certs("a=corp.example,sip.corp.example", "b=partner.example,sip.partner.example")
    corp = Site(stage, "a", "corp.example", "127.0.1.", {"berlin": ("3", "tcp"), "munich": ("4", "udp")})
    partner = Site(stage, "b", "partner.example", "127.0.2.", {"vienna": ("3", "tcp"), "graz": ("4", "udp")})
    for site in (corp, partner):
        wait_for(site.is_ready, 15, f"the proxy of {site.domain}; its log: {site.program.log_path}")
    print("Two organisations, each with a proxy and two servers behind it; mutual TLS between the proxies.")
    presence(corp, partner)
    message(corp, partner)
    call(corp, partner)
    refusal(corp)
    for site in (corp, partner):
        if site.program.stop() != 0:
            raise Failure(f"the proxy of {site.domain} did not end well:\n{site.program.text()[-2000:]}")


def main():
    if not os.path.exists(nuncio_binary()):
        print(f"script/demo: there is no {nuncio_binary()}", file=sys.stderr)
        return 2
    stage, is_kept = Stage("demo"), "--keep" in sys.argv[1:]
    try:
        play(stage)
    except Failure as failure:
        print(f"\nthe demo broke off: {failure}", file=sys.stderr)
        for program in stage.programs:
            print(f"--- {program.name}\n{program.text()[-2000:]}", file=sys.stderr)
        return 1
    finally:
        stage.close(keep=is_kept)
    print(f"\n{bold('Everything arrived.')} Try it yourself: script/server")
    return 0


if __name__ == "__main__":
    sys.exit(main())
