"""Two phones (baresip) call each other through two federated proxies that relay: each plays a tone of its own and records what it
hears. The right tone must arrive, both ways, in the clear, encrypted on one side of a proxy or on both, by SDES and by DTLS,
and again after a hold."""

import os
import re
import socket
import subprocess
import sys
import threading
import time

import sipp_media
from baresip import CONFIG, CONTROL_PORT, Phone, module_path
from sites import Federation
from sound import Recorder, check_sound
from stage import Failure, Stage, Tally, wait_for

TONES = {"anna": 440, "bob": 1000}
SECONDS = 2.5

MODULES = "module g711.so\nmodule srtp.so\nmodule dtls_srtp.so\n"


class MediaPhone(Recorder, Phone):
    """A phone that registers nowhere: its proxy knows its address."""

    def __init__(self, stage, user, site, peer, encryption, tone):
        class Backend:
            domain, transport, uri = site.domain, "udp", f"sip:{site.lan}:5060;transport=udp"
        super().__init__(user, Backend, site.backend, "20000-20100", peer)
        self.stage, self.encryption, self.tone = stage, encryption, tone

    def start(self, stage):
        folder = f"phone-{self.user}"
        text = CONFIG.format(addr=self.addr, rtp_ports=self.rtp_ports, modules=module_path(), control=CONTROL_PORT)
        text = text.replace("module presence.so\n", "").replace("module_app presence.so\n", "")
        text = self.with_sound(text.replace("module g711.so\n", MODULES), self.tone, stage.path(folder))
        stage.write(f"{folder}/config", text)
        stage.write(f"{folder}/accounts", f'<sip:{self.aor};transport=udp>;regint=0;answermode=auto;'
                    f'outbound="{self.backend.uri}"' + (f";mediaenc={self.encryption}" if self.encryption else "") + "\n")
        stage.write(f"{folder}/contacts", f'"{self.contact}" <sip:{self.contact}>\n')
        self.program = stage.start(folder, [*stage.at(self.addr), "baresip", "-4", "-f", stage.path(folder)])
        self.control = wait_for(self.connect, 15, f"the phone of {self.user}")
        self.control.settimeout(None)
        threading.Thread(target=self.read, args=(self.control,), daemon=True).start()

    def connect(self):
        if not self.program.is_running():
            raise Failure(f"baresip of {self.user} ended:\n{self.program.text()[-2000:]}")
        try:
            return self.stage.connect(self.addr, CONTROL_PORT)
        except OSError:
            return None


class Houses(Stage):
    """Each phone has a network of its own: a host sends to its own addresses from whatever address it likes, and a relay
    that is told where media come from takes no others."""

    LINKS = {11: ("10.77.1.1", 0), 12: ("10.77.1.2", 0), 21: ("10.77.2.1", 1), 22: ("10.77.2.2", 1)}

    def __init__(self, name):
        super().__init__(name)
        self.houses = [self.start(f"house-{number}", ["unshare", "-n", "sleep", "infinity"]) for number in (0, 1)]
        mine = os.readlink("/proc/self/ns/net")
        for number, house in enumerate(self.houses):
            wait_for(lambda house=house: os.readlink(f"/proc/{house.pid}/ns/net") != mine, 5, "a network namespace")
            run = lambda *words: subprocess.run(words, check=True)
            enter = ["nsenter", "-t", str(house.pid), "-n"]
            run("ip", "link", "add", f"m{number}", "type", "veth", "peer", "name", "eth0", "netns", str(house.pid))
            run("ip", "addr", "add", f"10.77.{number + 1}.1/24", "dev", f"m{number}")
            run("ip", "link", "set", f"m{number}", "up")
            run(*enter, "ip", "addr", "add", f"10.77.{number + 1}.2/24", "dev", "eth0")
            run(*enter, "ip", "link", "set", "eth0", "up")
            run(*enter, "ip", "link", "set", "lo", "up")

    def addr(self, number):
        return self.LINKS[number][0] if number in self.LINKS else super().addr(number)

    def at(self, addr):
        """Before a command: it runs where that address is."""
        house = next(self.houses[number] for found, number in self.LINKS.values() if found == addr)
        return ["nsenter", "-t", str(house.pid), "-n"]

    def connect(self, addr, port):
        return socket.create_connection((addr, port), 5)

    def close(self, keep=False):
        super().close(keep)
        for number in range(len(self.houses)):
            subprocess.run(["ip", "link", "del", f"m{number}"], capture_output=True, check=False)


class Relaying(Federation):
    """media: what stands in the section of both."""

    def __init__(self, stage, media, **options):
        self.media = media
        super().__init__(stage, **options)

    def config(self, ours, theirs, more="", route_more="", users='"*"'):
        return super().config(ours, theirs, f"media: {{ relay: [wan], ports: 40000-40399, {self.media} }}\n", route_more, users)


def check_record(tally, site, what):
    """What `nuncio why` tells of the call's media: both phones talk twenty milliseconds a packet, and nothing is lost."""
    call_id = re.search(r"media ended.* call=(\S+)", site.proxy.text()).group(1)
    records = [record for record in site.proxy.ask_json("why", call_id)["decisions"] if record["kind"] == "media"]
    sides = [side for record in records for stream in record["media"]["streams"] for side in stream["sides"]]
    good = len(records) == 1 and len(sides) == 2 and records[0]["media"]["ended"] == "bye" and all(
        side["received_packets"] > 100 and side["received_bytes"] >= 172 * side["received_packets"] and
        side["sent_packets"] > 100 and side["lost_packets"] <= 2 and
        side["rejected_sources"] + side["srtp_failures"] <= 3 and  # what a phone sends before it has the answer
        0 < side["max_jitter_us"] < 200000 for side in sides)
    tally.check(f"{what}: nuncio why at {site.name} has the figures", good, f"{records}")
    _, text, _ = site.proxy.ask("why", call_id)
    tally.check(f"{what}: for people, too", f'{sides[0]["received_packets"]} packets' in text if sides else False, text)


def call(tally, what, media, workers, caller="", callee="", does_hold=False):
    with Houses("media") as stage:
        both = Relaying(stage, media, workers=workers)
        anna = MediaPhone(stage, "anna", both.a, f"bob@{both.b.domain}", caller, TONES["anna"])
        bob = MediaPhone(stage, "bob", both.b, f"anna@{both.a.domain}", callee, TONES["bob"])
        for phone in (anna, bob):
            phone.start(stage)
        anna.tell("dial", f"sip:bob@{both.b.domain}")
        anna.wait_event("CALL_ESTABLISHED")
        bob.wait_event("CALL_ESTABLISHED")
        wait_for(lambda: anna.n_heard() > 20 and bob.n_heard() > 20, 10, "RTP both ways")
        if does_hold:
            anna.tell("hold")
            time.sleep(0.7)  # sound takes its time, and so does silence
            anna.tell("resume")
            heard = bob.n_heard()
            wait_for(lambda: bob.n_heard() > heard + 50, 10, "RTP after the hold")
        time.sleep(SECONDS)
        anna.tell("hangup")
        for site in (both.a, both.b):
            site.proxy.wait_text("media ended", 10)
            said = site.proxy.text()
            check_record(tally, site, what)
            tally.check(f"{what}: proxy {site.name} is well", site.proxy.is_running() and "Sanitizer" not in said, said[-3000:])
        bob.wait_event("CALL_CLOSED")
        check_sound(tally, anna, bob, what)
        check_sound(tally, bob, anna, what)


def heal(tally, both, site, other, holder, listener):
    """The proxy of one side is started anew amid the call: nobody hears anything until that side holds and resumes."""
    status = site.proxy.stop(40)
    tally.check(f"proxy {site.name} stops amid the call", status == 0, site.proxy.text()[-1500:])
    site.proxy = both.stage.nuncio(f"proxy-{site.name}-again", both.config(site, other), workers=both.workers, state=site.proxy.state)
    time.sleep(0.3)  # what is on its way
    heard = listener.n_heard()
    time.sleep(0.3)
    tally.check(f"without the relay of {site.name} nothing is heard", listener.n_heard() == heard)
    holder.tell("hold")
    time.sleep(0.7)
    holder.tell("resume")
    heard = [phone.n_heard() for phone in (holder, listener)]
    wait_for(lambda: holder.n_heard() > heard[0] + 50 and listener.n_heard() > heard[1] + 50, 10,
             f"RTP both ways after {site.name} was started anew")
    tally.check(f"{site.name} was started anew, and the next hold and resume bring the sound back", True)


def restarts(tally, workers):
    """RFC 3264 §8: each proxy in turn forgets the call and takes it up again, for its caller and for its callee."""
    with Houses("media-restart") as stage:
        both = Relaying(stage, 'srtp: { wan: require, lan: "off" }', workers=workers)
        anna = MediaPhone(stage, "anna", both.a, f"bob@{both.b.domain}", "", TONES["anna"])
        bob = MediaPhone(stage, "bob", both.b, f"anna@{both.a.domain}", "", TONES["bob"])
        for phone in (anna, bob):
            phone.start(stage)
        anna.tell("dial", f"sip:bob@{both.b.domain}")
        anna.wait_event("CALL_ESTABLISHED")
        bob.wait_event("CALL_ESTABLISHED")
        wait_for(lambda: anna.n_heard() > 20 and bob.n_heard() > 20, 10, "RTP both ways")
        heal(tally, both, both.a, both.b, anna, bob)
        heal(tally, both, both.b, both.a, bob, anna)
        anna.tell("hangup")
        bob.wait_event("CALL_CLOSED")
        for site in (both.a, both.b):
            site.proxy.wait_text("media ended", 10)
            said = site.proxy.text()
            tally.check(f"proxy {site.name} is well", site.proxy.is_running() and "Sanitizer" not in said, said[-3000:])


CALLS = (
    # what, media, caller's and callee's way, hold
    ("plain", "srtp: { wan: off, lan: off }", "", "", False),
    ("SRTP between the proxies", "srtp: { wan: require, lan: off }", "", "", True),
    ("SRTP everywhere, with other keys on each leg", "srtp: { wan: require, lan: require }", "srtp-mand", "srtp-mand", False),
    ("SRTP of the phones passes through", "srtp: { wan: passthrough, lan: passthrough }", "srtp-mand", "srtp-mand", False),
    ("DTLS of the caller, SRTP between, plain at the other end", "srtp: { wan: require, lan: prefer }", "dtls_srtp", "", False),
)


def sipp(tally, workers):
    with Houses("media-sipp") as stage:
        sipp_media.stream(tally, stage, Relaying(stage, 'srtp: { wan: "off", lan: "off" }', workers=workers))


def inside(tally, workers):
    tally.attempt("RTP of sipp", sipp, tally, workers)
    tally.attempt("a call over restarts of both proxies", restarts, tally, workers)
    for what, media, caller, callee, does_hold in CALLS:
        tally.attempt(what, call, tally, what, media.replace(": off", ': "off"'), workers, caller, callee, does_hold)


def tests(tally, workers):
    made = subprocess.run(["unshare", "-rn", "true"], capture_output=True, check=False)
    if made.returncode:
        print(f"  media: LEFT OUT, no network namespace can be made here ({made.stderr.decode(errors='replace').strip()}); the "
              "scenarios media and phones_calls play calls, the unit tests relay and relay_threads the packets")
        return
    done = subprocess.run(["unshare", "-rn", "sh", "-c", "ip link set lo up && exec \"$@\"", "sh", sys.executable,
                           os.path.abspath(__file__), str(workers)], stdout=subprocess.PIPE, text=True, check=False)
    lines = done.stdout.splitlines()
    print("\n".join(lines[:-1]))
    tally.n_passed += sum(line.startswith("  ok ") for line in lines)
    tally.n_failed += sum(line.startswith("  FAIL") for line in lines) + (done.returncode not in (0, 1) or not lines)


if __name__ == "__main__":
    TALLY = Tally()
    inside(TALLY, int(sys.argv[1]))
    sys.exit(TALLY.end())
