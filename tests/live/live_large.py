"""Requests that are too large for a datagram (RFC 3261 18.1.1), in a network namespace whose loopback has the MTU of
Ethernet: by TCP where the server listens, else by UDP in fragments."""

import json
import os
import socket
import subprocess
import sys

from sip import Datagrams, Stream, new_call_id, request, response
from stage import Failure, Stage, Tally

LARGE, SMALL = "x" * 3000, "x" * 100


def config(lan, caller, called):
    return f"""version: 1
domains: [a.example]
listeners:
  - {{ name: lan, network: lan, bind: {lan}, port: 5060, transport: udp }}
  - {{ name: lan-tcp, network: lan, bind: {lan}, port: 5060, transport: tcp }}
backends:
  - {{ name: one, address: "sip:{caller}:5060;transport=udp", listener: lan, users: [anna] }}
  - {{ name: two, address: "sip:{called}:5060;transport=udp", listener: lan, users: [bob] }}
partners: {{ routes: [] }}
"""


class Play:
    def __init__(self, stage, workers):
        self.lan, one, two = (stage.addr(number) for number in (1, 2, 3))
        self.proxy = stage.nuncio("proxy", config(self.lan, one, two), workers=workers)
        self.caller, self.called = Datagrams(one, 5060), Datagrams(two, 5060)
        self.call_id = ""

    def ask(self, body):
        self.call_id = new_call_id()
        self.caller.send(request("MESSAGE", "bob@a.example", "anna@a.example", self.caller.local, body=body,
                                 call_id=self.call_id, extra="Content-Type: text/plain\r\n"), (self.lan, 5060))

    def answered(self):
        while True:
            message, _ = self.caller.receive(5)
            if message.status >= 200:
                return message.status == 200

    def came(self, asked, transport, body):
        via = asked.headers["via"][0]
        if f"SIP/2.0/{transport}" not in via or asked.body != body or not self.answered():
            raise Failure(f"{via}, {len(asked.body)} bytes\n{self.proxy.text()[-1500:]}")

    def by_udp(self, body):
        self.ask(body)
        asked, source = self.called.receive(5)
        self.called.send(response(asked, "200 OK"), source)
        self.came(asked, "UDP", body)

    def by_tcp(self, body, listener):
        self.ask(body)
        listener.settimeout(5)
        stream = Stream(listener.accept()[0])
        asked = stream.receive()
        stream.send(response(asked, "200 OK"))
        self.came(asked, "TCP", body)


def inside(tally, workers):
    with Stage("large") as stage:
        play = Play(stage, workers)
        tally.attempt("what fits goes by UDP", play.by_udp, SMALL)
        with socket.create_server((stage.addr(3), 5060)) as listener:
            tally.attempt("what does not fit goes by TCP", play.by_tcp, LARGE, listener)


def refused(tally, workers):
    with Stage("large-refused") as stage:
        play = Play(stage, workers)
        for number in (1, 2, 3):
            tally.attempt(f"where no TCP is, it goes by UDP in fragments ({number})", play.by_udp, LARGE)
        tally.attempt("... which the log says", play.proxy.wait_text, "no TCP for large requests")
        said = play.proxy.text()
        tally.check("... once", said.count("no TCP for large requests") == 1, said)
        status, said, fault = play.proxy.ask("why", play.call_id, "--all")
        tally.check("nuncio why knows it", status == 0 and "tcp failed lately" in said, said + fault)


def tests(tally, workers):
    """Runs itself in a namespace: the MTU of our own loopback is 65536, and not ours to change."""
    made = subprocess.run(["unshare", "-rn", "true"], capture_output=True, check=False)
    if made.returncode:
        print("  large: no network namespace can be made here; left out")
        return
    script = "ip link set lo up mtu 1500 && exec \"$@\""
    done = subprocess.run(["unshare", "-rn", "sh", "-c", script, "sh", sys.executable, os.path.abspath(__file__),
                           str(workers)], stdout=subprocess.PIPE, text=True, check=False)
    lines = done.stdout.splitlines()
    print("\n".join(lines[:-1]))
    try:
        passed, failed = json.loads(lines[-1])
    except (IndexError, ValueError):
        passed, failed = 0, 1
    tally.n_passed += passed
    tally.n_failed += failed


if __name__ == "__main__":
    counts = Tally()
    for test in (inside, refused):
        counts.section(test, int(sys.argv[1]))
    print(json.dumps([counts.n_passed, counts.n_failed]))
