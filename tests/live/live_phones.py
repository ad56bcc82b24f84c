"""Phones out on the internet: baresip behind routers (network namespaces, nft) registers at a listener of the network remote by UDP, TCP
and TLS; calls and messages go both ways across to a partner, whom the test plays; the router forgets its mapping; a connection
dies. And STUN, as phones keep their mappings with it."""

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time

from baresip import CONTROL_PORT, Phone, module_path
from nat_lab import NUNCIO, OPEN, SYMMETRIC, In, Lab, Site, inside, run
from sip import Datagrams, request, response
from stage import Failure, Stage, Tally, nuncio_binary, wait_for

PASSWORD = "green-Ladder-7-stone"
PARTNER_PORT = 5060

CONFIG = f"""version: 1
domains: [corp.example]
listeners:
  - {{ name: phones, network: remote, bind: {NUNCIO}, port: 5070, transport: udp }}
  - {{ name: phones-tcp, network: remote, bind: {NUNCIO}, port: 5070, transport: tcp }}
  - {{ name: phones-tls, network: remote, bind: {NUNCIO}, port: 5071, transport: tls, certificate: edge }}
  - {{ name: wan, network: wan, bind: {NUNCIO}, port: 5060, transport: udp }}
certificates: {{ edge: {{ chain: tls/edge.pem, key: tls/edge.key }} }}
users_file: users.yaml
digest_algorithms: [md5]
registrar: {{ min_expires: 5s, max_expires: 1h, default_expires: 5m }}
media: {{ relay: [remote], srtp: {{ remote: off, wan: off }} }}
partners:
  routes:
    - {{ domain: partner.example, server: {OPEN}, port: {PARTNER_PORT}, transport: udp, trustworthy: true, probe: 0 }}
"""

PHONE = """poll_method epoll
sip_listen {addr}:5060
net_interface {addr}
call_max_calls 4
dns_server 127.0.0.1:53
audio_source ausine,440
ausrc_srate 48000
ausrc_channels 2
audio_player aubridge,nil
audio_alert aubridge,nil
module_path {modules}
module stdio.so
module g711.so
module ausine.so
module aubridge.so
module_tmp account.so
module_app contact.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{control}
"""


class FarPhone(Phone):
    """A phone in the network behind a router."""

    def __init__(self, user, site, transport, port):
        self.user, self.site, self.transport, self.port = user, site, transport, port
        super().__init__(user, None, "127.0.0.1", "", "bob@partner.example")

    aor = property(lambda self: f"{self.user}@corp.example")

    def start(self, stage):
        folder = f"phone-{self.user}"
        stage.write(f"{folder}/config", PHONE.format(addr=self.site.addr, modules=module_path(), control=CONTROL_PORT))
        stage.write(f"{folder}/accounts", f'<sip:{self.aor};transport={self.transport}>;auth_user={self.user};auth_pass={PASSWORD};'
                    f'regint={10 if self.transport == "udp" else 60};answermode=auto;outbound="sip:{NUNCIO}:{self.port};transport={self.transport}"\n')
        stage.write(f"{folder}/contacts", '"bob" <sip:bob@partner.example>\n')
        self.program = stage.start(folder, inside(self.site.name) + ["stdbuf", "-oL", "baresip", "-4", "-f", stage.path(folder)],
                                   stdin=subprocess.PIPE)
        self.connect()

    def connect(self):
        deadline = time.monotonic() + 15
        while True:
            try:
                with In(self.site.name):
                    self.control = socket.create_connection(("127.0.0.1", CONTROL_PORT), 5)
                break
            except OSError:
                if time.monotonic() > deadline or not self.program.is_running():
                    raise Failure(f"baresip of {self.user}:\n{self.program.text()[-2000:]}") from None
                time.sleep(0.1)
        self.control.settimeout(None)
        threading.Thread(target=self.read, args=(self.control,), daemon=True).start()


class House:
    def __init__(self, stage, workers):
        self.stage = stage
        stage.certs("edge=corp.example")
        for user in ("168", "169", "170"):
            done = subprocess.run([nuncio_binary(), "passwd", user, "--stdin", "--file",
                                   stage.path("users.yaml"), "--realm", "corp.example"], input=PASSWORD + "\n", text=True,
                                  capture_output=True, check=False)
            if done.returncode:
                raise Failure(done.stdout + done.stderr)
        users = open(stage.path("users.yaml"), encoding="ascii").read()
        stage.write("users.yaml", re.sub(r"(- user: .*\n)", r"\1  internet: true\n", users))
        self.proxy = stage.nuncio("proxy", CONFIG, workers=workers, prefix=inside("inet"))
        with In("inet"):
            self.partner = Datagrams(OPEN, PARTNER_PORT)

    def n_phones(self):
        return {row["name"]: row["phones"] for row in self.proxy.ask_json("status")["listeners"] if row["network"] == "remote"}

    def ask(self, method, user, timeout=8, **more):
        """The partner asks for a phone; its final response."""
        return self.partner.ask(request(method, f"{user}@corp.example", "bob@partner.example", self.partner.local, **more),
                                (NUNCIO, 5060), timeout)

    def take(self, method):
        """What a phone asks of the partner, answered."""
        while True:
            message, source = self.partner.receive(10)
            if message.method == method:
                self.partner.send(response(message, "200 OK"), source)
                return message


def write_to(house, phone, text, timeout=8):
    answer = house.ask("MESSAGE", phone.user, timeout, extra="Content-Type: text/plain\r\n", body=text)
    if answer.status != 200:
        raise Failure(answer.text)
    phone.wait_text(text)


def call(house, phone):
    """From the partner, who offers SDP; the BYE finds the phone by the signed Route, over its flow."""
    sdp = f"v=0\r\no=- 1 1 IN IP4 {OPEN}\r\ns=-\r\nc=IN IP4 {OPEN}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
    text = request("INVITE", f"{phone.user}@corp.example", "bob@partner.example", house.partner.local,
                   extra="Content-Type: application/sdp\r\n", body=sdp)
    answer = house.partner.ask(text, (NUNCIO, 5060), 10)
    if answer.status != 200 or NUNCIO not in answer.body or phone.site.addr in answer.body.split("c=")[1]:
        raise Failure(f"not relayed: {answer.text}")
    contact = re.search(r"<([^>]+)>", answer.header("Contact")).group(1)
    routes = "".join(f"Route: {route}\r\n" for value in reversed(answer.headers.get("record-route", []))
                     for route in value.split(","))
    tag = re.search(r"tag=([^;]+)", answer.header("To")).group(1)
    sender_tag = re.search(r"From:[^\r]*;(tag=\S+)", text).group(1)
    call_id = answer.header("Call-ID")

    def inside_dialog(method, cseq):
        made = request(method, f"{phone.user}@corp.example", "bob@partner.example", house.partner.local, call_id=call_id,
                       extra=routes, cseq=cseq, to_tag=tag, uri=contact)
        return re.sub(r"(From: <[^>]+>);tag=\S+", r"\1;" + sender_tag, made)
    house.partner.send(inside_dialog("ACK", 1), (NUNCIO, 5060))
    return contact, lambda: house.partner.ask(inside_dialog("BYE", 2), (NUNCIO, 5060), 8)


def calls_and_hangs_up(house, phone):
    _, hang_up = call(house, phone)
    answer = hang_up()
    if answer.status != 200:
        raise Failure(answer.text)


def writes_out(house, phone):
    phone.tell("message", "sip:bob@partner.example good day")
    message = house.take("MESSAGE")
    if f"sip:{phone.aor}" not in message.header("From") or "Proxy-Authorization" in message.text:
        raise Failure(message.text)


def stun_answers(site):
    with In(site.name):
        asker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    asker.settimeout(3)
    asker.sendto(b"\0\1\0\0\x21\x12\xa4\x42" + b"n" * 12, (NUNCIO, 5070))
    answer = asker.recv(600)
    asker.close()
    return answer[:2] == b"\1\1"


def flush(site):
    """The router forgets whom it had let through, as after a power cut."""
    run(*inside(site.router), "ip", "addr", "flush", "dev", "out")
    site.public = site.seen = site.public.rsplit(".", 1)[0] + "." + str(100 + int(site.public.rsplit(".", 1)[1]))
    run(*inside(site.router), "ip", "addr", "add", site.public + "/24", "dev", "out")


def phones(tally, workers):
    with Stage("phones") as stage:
        Lab(stage)
        house = House(stage, workers)
        there = [FarPhone("168", Site(1, SYMMETRIC), "udp", 5070), FarPhone("169", Site(2, SYMMETRIC), "tcp", 5070),
                 FarPhone("170", Site(3, SYMMETRIC), "tls", 5071)]
        for phone in there:
            phone.start(stage)
        for phone in there:
            tally.attempt(f"{phone.transport}: a phone behind a router registers", phone.wait_registered)
        tally.check("status counts them by listener", house.n_phones() == {"phones": 1, "phones-tcp": 1, "phones-tls": 1},
                    house.n_phones())
        if sum(house.n_phones().values()) < len(there):
            raise Failure("".join(phone.program.text()[-600:] for phone in there))
        for phone in there:
            tally.attempt(f"{phone.transport}: it gets a message of a partner", write_to, house, phone, f"for {phone.user}")
            tally.attempt("... a call, relayed, and its end", calls_and_hangs_up, house, phone)
            tally.attempt("... and writes to the partner", writes_out, house, phone)
        tally.check("STUN is answered where phones come in", stun_answers(there[0].site))
        moved(tally, house, there[0])
        dead(tally, house, there[1])


def moved(tally, house, phone):
    """Another public address: what was is gone, until the phone registers anew."""
    flush(phone.site)
    tally.attempt("the router has another address: the next REGISTER brings the phone back",
                  lambda: wait_for(lambda: can_write(house, phone), 40, "the phone"))
    tally.attempt("... and a message gets there", write_to, house, phone, "after the move")


def can_write(house, phone):
    try:
        write_to(house, phone, "are you there?", 1)
        return True
    except Failure:
        return False


def dead(tally, house, phone):
    """Its connection ends in the middle of a call: 430, and nobody dials its port."""
    contact, hang_up = call(house, phone)
    phone.program.signal(9)
    tally.attempt("a dead connection takes the phone out of the table",
                  lambda: wait_for(lambda: house.n_phones()["phones-tcp"] == 0, 60, "the end of the flow"))
    answer = hang_up()
    tally.check("a request inside its dialog gets 430", answer.status == 430, answer.text)
    answer = house.ask("MESSAGE", phone.user)
    tally.check("... a new one 404, as nobody is registered", answer.status == 404, answer.text)
    log = house.proxy.text()
    port = contact.rsplit(":", 1)[-1].split(";")[0]
    tally.check("... and nobody dialled its port", f"{phone.site.public}:{port}" not in re.sub(r"(?m)^.*registered.*$", "", log) and
                "connect-" not in log, log[-2000:])


def tests(tally, workers):
    probe = "mount -t tmpfs tmpfs /run && ip netns add a && nsenter --net=/run/netns/a nft add table ip x && " \
            "nsenter --net=/run/netns/a nft add chain ip x y '{ type nat hook postrouting priority 100; }' && command -v baresip"
    made = subprocess.run(["unshare", "-rnm", "sh", "-c", probe], capture_output=True, text=True, check=False)
    if made.returncode:
        print(f"  phones: LEFT OUT, this kernel or host makes no NAT in a namespace, or has no baresip ({made.stderr.strip()}); "
              f"the scenarios phones and phones_calls play all but the routers")
        return
    done = subprocess.run(["unshare", "-rnm", sys.executable, os.path.abspath(__file__), str(workers)], stdout=subprocess.PIPE,
                          text=True, check=False)
    lines = done.stdout.splitlines()
    print("\n".join(lines[:-1]), flush=True)
    try:
        passed, failed = json.loads(lines[-1])
    except (IndexError, ValueError):
        passed, failed = 0, 1
    tally.n_passed += passed
    tally.n_failed += failed


def main():
    counts = Tally()
    counts.section(phones, int(sys.argv[1]))
    print(json.dumps([counts.n_passed, counts.n_failed]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
