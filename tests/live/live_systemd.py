"""The unit that is shipped, under a real systemd: it starts and says so, its sandbox lets everything through that a service
needs, a reload that fails is seen to fail, a crash and a hang are mended, it stops in good order, and the drop-ins do what
they say."""

import os
import signal
import subprocess
import sys
import time

from nat_lab import count, print_counts, run
from sip import Datagrams, new_call_id, request, response
from stage import Failure, Stage, Tally, wait_for
from systemd_house import House, packaging, why_not

LAN, ONE, TWO, WAN = "127.77.0.1", "127.77.0.2", "127.77.0.3", "127.77.0.4"
SDP = "v=0\r\no=- 1 1 IN IP4 {0}\r\ns=-\r\nc=IN IP4 {0}\r\nt=0 0\r\nm=audio 20000 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
SDP_TYPE = "Content-Type: application/sdp\r\n"


def config(port=5060, kernel="off", more=""):
    return f"""version: 1
domains: [a.example]
listeners:
  - {{ name: lan, network: lan, bind: {LAN}, port: {port}, transport: udp }}
  - {{ name: wan, network: wan, bind: {WAN}, port: 5060, transport: tcp }}
backends:
  - {{ name: one, address: "sip:{ONE}:5060;transport=udp", listener: lan, probe: 0, users: [anna] }}
  - {{ name: two, address: "sip:{TWO}:5060;transport=udp", listener: lan, probe: 0, users: [bob] }}
media: {{ relay: [lan], ports: 20000-20099, kernel: {kernel} }}
partners: {{ routes: [] }}
{more}"""


class Users:
    def __init__(self):
        self.anna, self.bob = Datagrams(ONE, 5060), Datagrams(TWO, 5060)

    def ask(self, method, port=5060, **more):
        """anna asks bob, who says 200; returns what bob got and what anna was answered."""
        extra = more.pop("extra", "")
        call_id = new_call_id()
        self.anna.send(request(method, "bob@a.example", "anna@a.example", self.anna.local, call_id=call_id, extra=extra, **more),
                       (LAN, port))
        asked, source = self.bob.receive(5)
        described = {"extra": f"Contact: <sip:bob@{TWO}:5060>\r\n{SDP_TYPE}", "body": SDP.format(TWO)} if method == "INVITE" else {}
        self.bob.send(response(asked, "200 OK", **described), source)
        while True:
            answered, _ = self.anna.receive(5)
            if answered.status >= 200 and answered.headers["call-id"][0] == call_id:
                return asked, answered

    def message(self, port=5060):
        _, answered = self.ask("MESSAGE", port, body="hello", extra="Content-Type: text/plain\r\n")
        if answered.status != 200:
            raise Failure(answered)

    def close(self):
        self.anna.close()
        self.bob.close()


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as text:
        return dict(line.rstrip("\n").split(":\t", 1) for line in text if ":\t" in line)


def open_files(pid):
    """How many it may have: now, and at most."""
    with open(f"/proc/{pid}/limits", encoding="ascii") as limits:
        return [int(word) for word in next(line for line in limits if line.startswith("Max open files")).split()[3:5]]


def start(tally, house, users):
    tally.check("systemctl start returns when it is ready", house.systemctl("start", "nuncio") == 0, house.said)
    tally.check("... it is active", house.show("ActiveState") == "active", house.show("ActiveState"))
    tally.check("... and tells how it is", "0 partners up" in house.show("StatusText"), house.show("StatusText"))
    tally.attempt("a MESSAGE passes", users.message)
    asked, answered = users.ask("INVITE", body=SDP.format(ONE), extra=SDP_TYPE)
    tally.check("a call is relayed", answered.status == 200 and f"c=IN IP4 {LAN}" in asked.body and f"c=IN IP4 {LAN}" in answered.body,
                asked.body + answered.body)
    pid = house.main_pid()
    status = status_of(pid)
    tally.check("it is no root, and has no capability", "0" not in status["Uid"].split() and int(status["CapBnd"], 16) == 0 and
                int(status["CapEff"], 16) == 0, status)
    tally.check("... gets no new ones, and its system calls are filtered", status["NoNewPrivs"] == "1" and status["Seccomp"] == "2", status)
    wanted = min(1048576, open_files(house.init)[1])  # where systemd itself may not raise its limit
    tally.check("it may open a million files", open_files(pid)[0] >= wanted, open_files(pid))
    for name, mode in (("/var/lib/nuncio", 0o40750), ("/run/nuncio/control.sock", 0o140660), ("/etc/nuncio/tls", 0o40750)):
        seen = os.stat(house.path(name)).st_mode
        tally.check(f"{name} has its rights", seen == mode, oct(seen))


def clients(tally, house):
    adm, nobody = (["--reuid=65534", "--regid=65534", f"--groups={groups}"] for groups in ("4", "65534"))
    for name, user, verb, wanted in (("root may look", None, "status", 0), ("root may reload", None, "reload", 0),
                                     ("group adm may look", adm, "status", 0), ("... and change nothing", adm, "reload", 4),
                                     ("others may not even look", nobody, "status", 4)):
        status, said = house.nuncio(verb, user=user)
        tally.check(name, status == wanted, f"{status}: {said}")


def reload(tally, house, users):
    pid = house.show("MainPID")
    house.configure(config(more="limits: { ban: 6m }\n"))
    tally.check("systemctl reload takes a good file", house.systemctl("reload", "nuncio") == 0, house.said)
    tally.check("... and the journal has what changed", "ban" in house.journal("-n", "8"), house.journal("-n", "8"))
    house.configure(config(more="limits: { bann: 6m }\n"))
    tally.check("a faulty file fails visibly", house.systemctl("reload", "nuncio") == 1, house.said)
    said = house.journal("-n", "8")
    tally.check("... the journal has the line, and what was meant", "nuncio.yaml:" in said and "did you mean 'ban'?" in said, said)
    tally.check("... and it goes on", house.show("ActiveState") == "active" and house.show("MainPID") == pid)
    tally.attempt("... with its traffic", users.message)


def journal(tally, house):
    warnings = house.journal("-p", "warning")
    everything = house.journal()
    tally.check("the journal knows the level of each line", "listener up" not in warnings and "listener" in everything and "<" not in
                everything[:1], everything[:600])


def dies(tally, house, users):
    before = int(house.show("NRestarts"))
    os.kill(house.main_pid(), signal.SIGKILL)
    tally.attempt("killed: it is started again", wait_for, lambda: int(house.show("NRestarts")) == before + 1 and
                  house.show("ActiveState") == "active", 15, "a restart")
    tally.attempt("... and serves", users.message)
    os.kill(house.main_pid(), signal.SIGSTOP)
    tally.attempt("it hangs: the watchdog ends it, and it is started again", wait_for,
                  lambda: int(house.show("NRestarts")) == before + 2 and house.show("ActiveState") == "active", 30, "a restart")
    tally.attempt("... and serves", users.message)
    time.sleep(6)
    tally.check("while it is well the watchdog is content", int(house.show("NRestarts")) == before + 2)


def stop(tally, house):
    begun = time.monotonic()
    done = house.systemctl("stop", "nuncio")
    tally.check("systemctl stop", done == 0 and house.show("Result") == "success" and time.monotonic() - begun < 40, house.said)
    tally.check("... leaves no socket", not os.path.exists(house.path("/run/nuncio/control.sock")))


def fails(tally, house):
    house.configure(config(more="limits: { bann: 6m }\n"))
    tally.check("with a faulty file it does not start", house.systemctl("start", "nuncio") != 0 and
                "did you mean 'ban'?" in house.journal("-n", "8"), house.journal("-n", "8"))
    house.systemctl("stop", "nuncio")
    house.systemctl("reset-failed", "nuncio")
    house.configure(config())
    os.chmod(house.path("/etc/nuncio/nuncio.yaml"), 0o600)
    tally.check("a file that it may not read: it says what lets it in", house.systemctl("start", "nuncio") != 0 and
                "chgrp nuncio /etc/nuncio/nuncio.yaml && chmod g+r" in house.journal("-n", "8"), house.journal("-n", "8"))
    house.systemctl("stop", "nuncio")
    house.systemctl("reset-failed", "nuncio")
    os.rename(house.path("/etc/nuncio/nuncio.yaml"), house.path("/etc/nuncio/kept"))
    house.systemctl("start", "nuncio")
    tally.check("without a file it waits for one, and has not failed", house.show("ActiveState") == "inactive" and
                house.show("ConditionResult") == "no", house.show("ActiveState"))
    os.rename(house.path("/etc/nuncio/kept"), house.path("/etc/nuncio/nuncio.yaml"))
    os.chmod(house.path("/etc/nuncio/nuncio.yaml"), 0o644)


def low_port(tally, house, users):
    house.configure(config(port=506))
    tally.check("a port below 1024: it does not start", house.systemctl("start", "nuncio") != 0, house.said)
    said = house.journal("-n", "12")
    tally.check("... and says which listener, and what is missing", "lan" in said and "506" in said and
                "CAP_NET_BIND_SERVICE" in said, said)
    house.systemctl("stop", "nuncio")
    house.systemctl("reset-failed", "nuncio")
    house.drop_in("port", "[Service]\nAmbientCapabilities=CAP_NET_BIND_SERVICE\nCapabilityBoundingSet=CAP_NET_BIND_SERVICE\n")
    tally.check("with the drop-in it does", house.systemctl("start", "nuncio") == 0, house.said + house.journal("-n", "5"))
    tally.attempt("... and serves", users.message, 506)
    house.systemctl("stop", "nuncio")
    house.drop_in("port", "")


def fast_path(tally, house):
    tables = lambda: subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=False).stdout
    house.configure(config(kernel="auto"))
    house.systemctl("start", "nuncio")
    status, said = house.nuncio("status")
    tally.check("media.kernel without the drop-in: it runs, and status says what to do", house.show("ActiveState") == "active" and
                "media-kernel" in said and "nuncio" not in tables(), said)
    house.systemctl("stop", "nuncio")
    house.drop_in("fastpath", packaging("nuncio-fastpath.conf"))
    tally.check("with it, it starts", house.systemctl("start", "nuncio") == 0, house.said)
    status, said = house.nuncio("status")
    tally.check("... and the kernel has its table", "media-kernel" not in said and "nuncio" in tables(), said + tables())
    house.systemctl("stop", "nuncio")
    tally.check("which goes with it", "nuncio" not in tables(), tables())


def inside(tally):
    run("ip", "link", "set", "lo", "up")
    with Stage("systemd") as stage:
        users = Users()
        house = House(stage, config())
        house.drop_in("quick", "[Service]\nWatchdogSec=5s\nRestartSec=100ms\n")
        tally.section(start, house, users)
        tally.section(clients, house)
        tally.section(reload, house, users)
        tally.section(journal, house)
        house.configure(config())
        tally.section(dies, house, users)
        tally.section(stop, house)
        tally.section(fails, house)
        tally.section(low_port, house, users)
        tally.section(fast_path, house)
        tally.attempt("the system halts", house.halt)
        users.close()


def tests(tally, workers):
    missing = why_not()
    if missing:
        print(f"  systemd: LEFT OUT, no systemd can be booted here ({missing}); script/test unitfile scores the unit")
        return
    done = subprocess.run(["unshare", "-nm", sys.executable, os.path.abspath(__file__)], stdout=subprocess.PIPE, text=True, check=False)
    count(tally, done.stdout.splitlines())


if __name__ == "__main__":
    TALLY = Tally()
    inside(TALLY)
    print_counts(TALLY)
