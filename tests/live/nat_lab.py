"""An internet in network namespaces: one segment with STUN servers on it, and routers of every kind that STUN tells apart
(RFC 3489 10.1), each with a site behind it. The routers are the kernel's own NAT, set up by nft. Everything is below one
`unshare -rnm`, so nothing of the machine is touched, and no root is needed."""

import ctypes
import json
import os
import subprocess
import sys

from stage import Failure

CLONE_NEWNET = 0x40000000
NET = "198.51.100."
COTURN, NUNCIO, OPEN, DNS = (NET + str(n) for n in (1, 11, 50, 53))
COTURN_2, NUNCIO_2 = NET + "2", NET + "12"

FULL_CONE, RESTRICTED, PORT_RESTRICTED, SYMMETRIC, OPEN_INTERNET, BLOCKED, FIREWALL = (
    "Full Cone", "Restricted Cone", "Port Restricted Cone", "Symmetric NAT", "Open Internet", "Firewall blocking UDP",
    "Symmetric UDP Firewall")
PORT_CHANGING = "Port Changing"  # one of the cones, which never keeps a number
KINDS = (FULL_CONE, RESTRICTED, PORT_RESTRICTED, SYMMETRIC, OPEN_INTERNET, BLOCKED, FIREWALL)
TRANSLATING = (FULL_CONE, RESTRICTED, PORT_RESTRICTED, SYMMETRIC, BLOCKED, PORT_CHANGING)


def run(*command, stdin=None):
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failure(f"{' '.join(command)}: {done.stdout}{done.stderr}")
    return done.stdout


def inside(name):
    """What stands before a command that is to run in that namespace."""
    return ["nsenter", f"--net=/run/netns/{name}"]


class In:
    """with In("site1"): sockets that are made belong to that namespace. One thread only."""

    libc = ctypes.CDLL(None, use_errno=True)

    def __init__(self, name):
        self.name = name

    def enter(self, path):
        fd = os.open(path, os.O_RDONLY)
        try:
            if self.libc.setns(fd, CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
        finally:
            os.close(fd)

    def __enter__(self):
        self.enter(f"/run/netns/{self.name}")

    def __exit__(self, *error):
        self.enter("/run/netns/home")


def rules(kind, site, loss):
    """The router as nft writes it: "out" leads to the internet, "in" to the site."""
    translate = {SYMMETRIC: "masquerade fully-random",
                 PORT_CHANGING: "meta l4proto udp masquerade to :40000-49999"}.get(kind, "masquerade")
    every_port = kind in (FULL_CONE, RESTRICTED)
    forward = []
    if loss:
        forward.append(f"meta l4proto udp numgen random mod 100 < {loss} drop")
    if kind == BLOCKED:
        forward.append("meta l4proto udp drop")
    if kind == RESTRICTED:
        forward += ['oifname "out" meta l4proto udp update @asked { ip daddr . udp sport }',
                    'iifname "out" meta l4proto udp ip saddr . udp dport != @asked drop']
    if kind == FIREWALL:
        forward += ["ct state established,related accept", 'iifname "out" meta l4proto udp drop']
    text = "flush ruleset\ntable ip router {\n"
    text += "  set asked { type ipv4_addr . inet_service; flags dynamic,timeout; timeout 60s; }\n"
    # Every router drops what nobody behind it asked for; the kernel would else keep the port for it.
    text += '  chain own { type filter hook input priority 0; iifname "out" meta l4proto udp drop; }\n'
    text += "  chain passing { type filter hook forward priority 0;\n" + "".join(f"    {line}\n" for line in forward) + "  }\n"
    if kind in TRANSLATING:
        # SIP over TLS is forwarded to the site, as the manuals of all such products ask for.
        inward = [f'iifname "out" tcp dport 5061 dnat to {site}']
        if every_port:
            inward.append(f'iifname "out" meta l4proto udp dnat to {site}')
        text += "  chain before { type nat hook prerouting priority -100;\n" + "".join(f"    {line}\n" for line in inward) + "  }\n"
        text += f'  chain after {{ type nat hook postrouting priority 100; oifname "out" {translate}; oifname "out" masquerade; }}\n'
    return text + "}\n"


class Site:
    """A router of some kind, and the network behind it. addr is the site's own address, public what the world sees."""

    def __init__(self, number, kind, loss=0):
        self.number, self.kind, self.loss = number, kind, loss
        self.router, self.name = f"r{number}", f"s{number}"
        self.public = NET + str(100 + number)
        self.is_translated = kind in TRANSLATING
        prefix = f"10.0.{number}." if self.is_translated else f"192.0.2.{4 * number}"
        self.gate, self.addr = ((prefix + "1", prefix + "2") if self.is_translated else
                                (f"192.0.2.{4 * number + 1}", f"192.0.2.{4 * number + 2}"))
        self.seen = self.public if self.is_translated else self.addr
        self.build()

    def build(self):
        for name in (self.router, self.name):
            run("ip", "netns", "add", name)
            run(*inside(name), "ip", "link", "set", "lo", "up")
        run(*inside("inet"), "ip", "link", "add", self.router, "type", "veth", "peer", "name", "out", "netns", self.router)
        run(*inside("inet"), "ip", "link", "set", self.router, "up", "master", "br0")
        run(*inside(self.router), "ip", "link", "add", "in", "type", "veth", "peer", "name", "eth0", "netns", self.name)
        size = "24" if self.is_translated else "30"
        for name, link, addr in ((self.router, "out", self.public + "/24"), (self.router, "in", f"{self.gate}/{size}"),
                                 (self.name, "eth0", f"{self.addr}/{size}")):
            run(*inside(name), "ip", "addr", "add", addr, "dev", link)
            run(*inside(name), "ip", "link", "set", link, "up")
        run(*inside(self.name), "ip", "route", "add", "default", "via", self.gate)
        if not self.is_translated:
            run(*inside("inet"), "ip", "route", "add", f"{self.addr}/30".replace(self.addr, f"192.0.2.{4 * self.number}"),
                "via", self.public)
        run(*inside(self.router), "sysctl", "-wq", "net.ipv4.ip_forward=1")
        self.set_rules()

    def set_rules(self):
        run(*inside(self.router), "nft", "-f", "-", stdin=rules(self.kind, self.addr, self.loss))

    def move(self):
        """The router gets another public address, as a provider gives one over night. With the old one the kernel forgets
        what it had translated to it."""
        public = NET + str(200 + self.number)
        run(*inside(self.router), "ip", "addr", "flush", "dev", "out")
        run(*inside(self.router), "ip", "addr", "add", public + "/24", "dev", "out")
        self.public = self.seen = public


class Lab:
    """The segment with its servers."""

    def __init__(self, stage):
        self.stage = stage
        run("mount", "-t", "tmpfs", "tmpfs", "/run")
        os.makedirs("/run/netns", exist_ok=True)
        run("ip", "netns", "add", "inet")
        with open("/run/netns/home", "w", encoding="ascii"):
            run("mount", "--bind", "/proc/self/ns/net", "/run/netns/home")
        run(*inside("inet"), "ip", "link", "set", "lo", "up")
        # A bridge without an address of its own takes another one with each router, and nobody would find it again.
        run(*inside("inet"), "ip", "link", "add", "br0", "address", "02:00:00:00:00:01", "type", "bridge")
        for addr in (COTURN, COTURN_2, NUNCIO, NUNCIO_2, OPEN, DNS):
            run(*inside("inet"), "ip", "addr", "add", addr + "/24", "dev", "br0")
        run(*inside("inet"), "ip", "link", "set", "br0", "up")

    def coturn(self):
        """coturn as STUN server on two addresses and ports (RFC 5780)."""
        program = self.stage.start("coturn", inside("inet") + [
            "turnserver", "-n", "--listening-ip", COTURN, "--listening-ip", COTURN_2, "--stun-only", "--no-tls", "--no-dtls",
            "--no-cli", "--log-file", "stdout", "--simple-log", "--pidfile", self.stage.path("coturn.pid"),
            "--userdb", self.stage.path("coturn.db")])
        program.wait_text("Total General servers", 10)
        return program

    def stun(self):
        """nuncio as STUN server on two addresses; the ports of RFC 5780 are 3478 and 3479 here, too."""
        return self.stage.nuncio("stun", f"""version: 1
domains: [stun.example]
listeners:
  - {{ name: one, network: wan, bind: {NUNCIO}, port: 3478, transport: udp }}
  - {{ name: two, network: wan, bind: {NUNCIO_2}, port: 3478, transport: udp }}
nat: {{ serve: true }}
""", prefix=inside("inet"))


# ---- in namespaces of its own ----

def why_not(*programs):
    """What this kernel or host lacks for such a lab with those programs in it; empty: nothing."""
    probe = "mount -t tmpfs tmpfs /run && ip netns add a && nsenter --net=/run/netns/a nft add table ip x && " \
            "nsenter --net=/run/netns/a nft add chain ip x y '{ type nat hook postrouting priority 100; }' && " \
            "nsenter --net=/run/netns/a ip link add x0 type veth peer name x1"
    probe += "".join(f" && {{ command -v {name} || {{ echo there is no {name} >&2; false; }} }}" for name in programs)
    made = subprocess.run(["unshare", "-rnm", "sh", "-c", probe], capture_output=True, text=True, check=False)
    return (made.stderr.strip() or f"exit {made.returncode}") if made.returncode else ""


def in_namespaces(script, *args):
    """Runs a script of ours below an `unshare -rnm` of its own, so that nothing is left behind; what it printed is for
    count. Threads may do so side by side."""
    done = subprocess.run(["unshare", "-rnm", sys.executable, os.path.abspath(script), *map(str, args)], stdout=subprocess.PIPE,
                          text=True, check=False)
    return done.stdout.splitlines()


def count(tally, lines):
    """Shows what such a script printed, and counts its checks: its last line is of print_counts."""
    print("\n".join(lines[:-1]), flush=True)
    try:
        passed, failed = json.loads(lines[-1])
    except (IndexError, ValueError):
        passed, failed = 0, 1
    tally.n_passed += passed
    tally.n_failed += failed


def print_counts(tally):
    print(json.dumps([tally.n_passed, tally.n_failed]))
