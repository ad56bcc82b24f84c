"""Name servers for live tests: nsd with zones, one that is slow for some names, and one that says nothing or lies about
some. At port 53 in a network namespace of their own; at another one anywhere."""

import ctypes
import os
import socket
import struct
import subprocess
import threading
import time

CLONE_NEWNET, CLONE_NEWUSER = 0x40000000, 0x10000000


def own_network(*addresses):
    """Moves this process, which has one thread still, into a network of its own where lo has these addresses too."""
    libc = ctypes.CDLL(None, use_errno=True)
    flags = CLONE_NEWNET if os.geteuid() == 0 else CLONE_NEWNET | CLONE_NEWUSER
    if libc.unshare(flags):
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for address in addresses:
        subprocess.run(["ip", "addr", "add", address, "dev", "lo", *(["nodad"] if ":" in address else [])], check=True)


class Nsd:
    """An nsd that serves these zones: {"corp.example": "lines of a zone file" or None (lame: SERVFAIL)}."""

    def __init__(self, stage, name, addr, zones, port=53):
        folder = stage.path(name)
        os.makedirs(folder, exist_ok=True)
        lines = [f"""server:
  ip-address: {addr}
  port: {port}
  username: ""
  chroot: ""
  pidfile: "{folder}/pid"
  zonelistfile: "{folder}/zone.list"
  xfrdfile: "{folder}/xfrd.state"
  xfrdir: "{folder}"
  zonesdir: "{folder}"
  database: ""
  server-count: 1
remote-control:
  control-enable: no
"""]
        for zone, text in zones.items():
            lines.append(f'zone:\n  name: "{zone}"\n  zonefile: "{zone}.zone"\n')
            if text is None:
                continue
            stage.write(f"{name}/{zone}.zone", f"$ORIGIN {zone}.\n$TTL 300\n"
                        f"@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n{text}\n")
        config = stage.write(f"{name}/nsd.conf", "".join(lines))
        self.program = stage.start(name, ["nsd", "-d", "-c", config])
        self.program.wait_text("nsd started", 10)


class SlowResolver(threading.Thread):
    """Passes questions on to another one, by UDP and TCP; those with a word in their name late."""

    def __init__(self, addr, to, word, delay):
        super().__init__(daemon=True)
        self.to, self.word, self.delay = to, word, delay
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((addr, 53))
        self.tcp = socket.create_server((addr, 53))
        threading.Thread(target=self.serve_tcp, daemon=True).start()

    def wait(self, question):
        if self.word.encode() in question:
            time.sleep(self.delay)

    def pass_on(self, question, source):
        self.wait(question)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ask:
            ask.settimeout(5)
            ask.sendto(question, (self.to, 53))
            try:
                self.udp.sendto(ask.recv(65535), source)
            except OSError:
                pass

    def run(self):
        while True:
            question, source = self.udp.recvfrom(65535)
            threading.Thread(target=self.pass_on, args=(question, source), daemon=True).start()

    def serve_tcp(self):
        while True:
            client, _ = self.tcp.accept()
            threading.Thread(target=self.pass_on_tcp, args=(client,), daemon=True).start()

    def pass_on_tcp(self, client):
        with client, socket.create_connection((self.to, 53), timeout=5) as ask:
            head = client.recv(2)
            question = head + client.recv(struct.unpack("!H", head)[0])
            self.wait(question)
            ask.sendall(question)
            while piece := ask.recv(65535):
                client.sendall(piece)
                if len(piece) < 2:
                    continue
                break


def name_in(question):
    """The name that a question asks for, in lower case."""
    labels, at = [], 12
    while question[at]:
        labels.append(question[at + 1:at + 1 + question[at]].decode("ascii").lower())
        at += 1 + question[at]
    return ".".join(labels)


def forge(question, name, host, port=None, number=None):
    """An answer to the question's number, or another one, that says SRV 1 0 PORT HOST of that name."""
    def encoded(text):
        return b"".join(bytes([len(label)]) + label.encode("ascii") for label in text.split(".")) + b"\0"
    srv = struct.pack("!HHH", 1, 0, port or 5061) + encoded(host)
    head = struct.pack("!HHHHHH", (struct.unpack("!H", question[:2])[0] if number is None else number), 0x8180, 1, 1, 0, 0)
    return head + encoded(name) + struct.pack("!HH", 33, 1) + encoded(name) + struct.pack("!HHIH", 33, 1, 300, len(srv)) + srv


class BadResolver(threading.Thread):
    """Passes questions on to another one by UDP, but for names that end in a key of `ways`: what that function of the
    question returns are the datagrams to send instead, each behind its delay in seconds: [(0, b"...")]."""

    def __init__(self, at, to, ways):
        super().__init__(daemon=True)
        self.to, self.ways, self.asked = to, ways, []
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(at)

    def run(self):
        while True:
            try:
                question, source = self.udp.recvfrom(65535)
            except OSError:
                return
            name = name_in(question)
            way = next((way for end, way in self.ways.items() if name.endswith(end)), None)
            if way:
                self.asked.append(name)
                for delay, answer in way(question):
                    threading.Timer(delay, self.udp.sendto, (answer, source)).start()
            else:
                threading.Thread(target=self.pass_on, args=(question, source), daemon=True).start()

    def pass_on(self, question, source):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ask:
            ask.settimeout(5)
            ask.sendto(question, self.to)
            try:
                self.udp.sendto(ask.recv(65535), source)
            except OSError:
                pass

    def close(self):
        self.udp.close()
