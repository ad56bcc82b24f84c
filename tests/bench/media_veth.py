"""Networks for tests/bench/media: on loopback, or namespaces with veths between callers, relay and callees, which is what the
kernel path needs. One for each program that is measured."""

import ctypes
import glob
import os
import subprocess

from stage import Failure

CLONE_NEWNET = 0x40000000


class Loopback:
    """Everything is on addresses of the stage's own loopback net."""

    def __init__(self, stage):
        self.relays = (stage.addr(1), stage.addr(1))
        self.callers, self.callees = stage.addr(2), stage.addr(3)
        self.prefix, self.load_options = [], []

    def inside(self, action):
        return action()


def softirq_threads():
    """ksoftirqd: they do what is more than the sender's turn holds."""
    pids = []
    for path in glob.glob("/proc/[0-9]*/comm"):
        try:
            with open(path, encoding="ascii", errors="replace") as comm:
                pids += [path.split("/")[2]] if comm.read().startswith("ksoftirqd/") else []
        except FileNotFoundError:  # it has ended meanwhile
            pass
    return pids


class Veths:
    """callers - relay - callees, or, without a relay, callers - callees."""

    n_made = 0

    def __init__(self, has_relay):
        Veths.n_made += 1
        number = Veths.n_made
        self.names = [f"{role}{number}" for role in ("callers", "callees", "relay")]
        callers, callees, relay = self.names
        near, far = f"10.{number}.1.", f"10.{number}.2."
        self.relays = (near + "1", far + "1")
        self.callers, self.callees = near + "2", (far if has_relay else near) + "3"
        for name in self.names if has_relay else self.names[:2]:
            self.run("ip", "netns", "add", name)
            self.run(*self.at(name), "ip", "link", "set", "lo", "up")
        if has_relay:
            self.link(callers, self.callers, relay, "near", self.relays[0])
            self.link(callees, self.callees, relay, "far", self.relays[1])
        else:
            self.link(callers, self.callers, callees, "eth1", self.callees)
        self.prefix = self.at(relay)
        self.relay = relay
        self.load_options = ["--max-nap", "1000", "--caller-net", f"/run/netns/{callers}", "--callee-net", f"/run/netns/{callees}"]
        for pid in softirq_threads():
            self.load_options += ["--also", pid]

    @staticmethod
    def at(name):
        return ["nsenter", f"--net=/run/netns/{name}"]

    @staticmethod
    def run(*command):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failure(f"{' '.join(command)}: {done.stdout}{done.stderr}")

    def link(self, outer, outer_addr, inner, device, inner_addr):
        self.run(*self.at(outer), "ip", "link", "add", "eth0", "type", "veth", "peer", "name", device, "netns", inner)
        for name, its, addr in ((outer, "eth0", outer_addr), (inner, device, inner_addr)):
            self.run(*self.at(name), "ip", "addr", "add", f"{addr}/24", "dev", its)
            self.run(*self.at(name), "ip", "link", "set", its, "up")

    def inside(self, action):
        """Does something with sockets where the relay is."""
        libc = ctypes.CDLL(None, use_errno=True)

        def enter(path):
            fd = os.open(path, os.O_RDONLY)
            try:
                if libc.setns(fd, CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns")
            finally:
                os.close(fd)

        enter(f"/run/netns/{self.relay}")
        try:
            return action()
        finally:
            enter("/run/netns/home")


def why_not():
    """What keeps us from namespaces with veths and the kernel path in them; empty: nothing."""
    probe = ("mount -t tmpfs tmpfs /run && ip netns add a && nsenter --net=/run/netns/a ip link add x0 type veth peer name x1 && "
             "nsenter --net=/run/netns/a nft add table netdev x")
    made = subprocess.run(["unshare", "-rnm", "sh", "-c", probe], capture_output=True, text=True, check=False)
    return (made.stderr.strip() or f"exit {made.returncode}") if made.returncode else ""


def enter_namespaces(argv):
    """Becomes the same program below an `unshare` of its own, once; then there is a /run/netns for Veths."""
    if os.environ.get("NUNCIO_BENCH_INSIDE") != "1":
        os.environ["NUNCIO_BENCH_INSIDE"] = "1"
        os.execvp("unshare", ["unshare", "-nm" if os.geteuid() == 0 else "-rnm", *argv])
    Veths.run("mount", "-t", "tmpfs", "tmpfs", "/run")
    os.makedirs("/run/netns")
    with open("/run/netns/home", "w", encoding="ascii"):
        Veths.run("mount", "--bind", "/proc/self/ns/net", "/run/netns/home")
    Veths.run("ip", "link", "set", "lo", "up")
