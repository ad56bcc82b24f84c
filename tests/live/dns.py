"""Name servers for live tests: nsd with zones, and one that is slow for some names. In a network namespace of their
own, as they take port 53 and addresses that are not loopback's."""

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

    def __init__(self, stage, name, addr, zones):
        folder = stage.path(name)
        os.makedirs(folder, exist_ok=True)
        lines = [f"""server:
  ip-address: {addr}
  port: 53
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
