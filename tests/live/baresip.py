"""baresip as a phone: it registers, publishes whether it is there, watches others, calls and writes. Driven over
the connection of its module ctrl_tcp: commands in, answers and events out, JSON in netstrings."""

import itertools
import json
import os
import queue
import re
import socket
import subprocess
import threading

from stage import Failure, is_bound, wait_for

CONTROL_PORT = 4444

CONFIG = """poll_method epoll
sip_listen {addr}:5060
net_interface {addr}
call_max_calls 4
audio_source ausine,440
ausrc_srate 48000
ausrc_channels 2
audio_player aubridge,nil
audio_alert aubridge,nil
audio_level no
rtp_ports {rtp_ports}
rtp_stats yes
jitter_buffer_delay 5-10
module_path {modules}
module stdio.so
module g711.so
module ausine.so
module aubridge.so
module_tmp account.so
module_app contact.so
module_app menu.so
module_app presence.so
module_app ctrl_tcp.so
ctrl_tcp_listen {addr}:{control}
"""


def module_path():
    for folder in ("/usr/lib/baresip/modules", "/usr/lib64/baresip/modules"):
        if os.path.isdir(folder):
            return folder
    raise Failure("there are no modules of baresip")


class Phone:
    """A user of a server, with one contact, to whom it writes, and whom it watches if it is so told."""

    def __init__(self, user, backend, addr, rtp_ports, contact, is_watching=False):
        self.user, self.backend, self.addr, self.rtp_ports = user, backend, addr, rtp_ports
        self.contact, self.is_watching = contact, is_watching
        self.events, self.answers = queue.Queue(), queue.Queue()
        self.tokens = itertools.count(1)
        self.control = None

    @property
    def aor(self):
        return f"{self.user}@{self.backend.domain}"

    def start(self, stage):
        folder = f"phone-{self.user}"
        transport = self.backend.transport
        stage.write(f"{folder}/config", CONFIG.format(addr=self.addr, rtp_ports=self.rtp_ports,
                                                      modules=module_path(), control=CONTROL_PORT))
        stage.write(f"{folder}/accounts", f'<sip:{self.aor};transport={transport}>;regint=600;pubint=600;'
                    f'answermode=auto;outbound="{self.backend.uri}"\n')
        stage.write(f"{folder}/contacts", f'"{self.contact}" <sip:{self.contact}>'
                    f"{';presence=p2p' if self.is_watching else ''}\n")
        stage.write(f"{folder}/current_contact", f"sip:{self.contact}")
        # It shows messages on its terminal only, for which a pipe is good enough.
        self.program = stage.start(folder, ["stdbuf", "-oL", "baresip", "-4", "-f", stage.path(folder)],
                                   stdin=subprocess.PIPE)
        wait_for(lambda: self.is_listening(), 15, f"the phone of {self.user}")
        self.control = socket.create_connection((self.addr, CONTROL_PORT), 5)
        self.control.settimeout(None)
        threading.Thread(target=self.read, args=(self.control,), daemon=True).start()

    def is_listening(self):
        if not self.program.is_running():
            raise Failure(f"baresip of {self.user} ended:\n{self.program.text()[-2000:]}")
        return is_bound("tcp", self.addr, CONTROL_PORT)

    def read(self, control):
        kept = b""
        while True:
            head, colon, rest = kept.partition(b":")
            if colon and len(rest) > int(head):
                length = int(head)
                self.take(json.loads(rest[:length].decode("utf-8", "replace")))
                kept = rest[length + 1:]  # a comma ends it
                continue
            try:
                more = control.recv(65536)
            except OSError:
                return
            if not more:
                return
            kept += more

    def take(self, message):
        (self.answers if message.get("response") else self.events).put(message)

    def tell(self, command, params=None):
        """A command of baresip's menu; returns what it prints."""
        token = str(next(self.tokens))
        text = json.dumps({"command": command, "token": token, **({"params": params} if params else {})})
        self.control.sendall(f"{len(text)}:{text},".encode())
        while True:
            try:
                answer = self.answers.get(timeout=10)
            except queue.Empty:
                raise Failure(f"the phone of {self.user} does not answer '{command}'") from None
            if answer.get("token") == token:
                return re.sub(r"\x1b\[[0-9;]*m", "", answer.get("data", ""))

    def wait_event(self, kind, timeout=15):
        """The next event of that type; others before it are forgotten."""
        def look():
            while not self.events.empty():
                event = self.events.get()
                if event.get("type") == kind:
                    return event
            return None
        return wait_for(look, timeout, f"{kind} at the phone of {self.user}")

    def wait_registered(self):
        wait_for(lambda: "OK" in self.tell("reginfo"), 15, f"the registration of {self.user}")

    def sees(self):
        """What it shows of its contact: "Online", "Offline", "Unknown"..."""
        found = re.search(rf"(\w+)\s+\S*\s*\S*<sip:{re.escape(self.contact)}>", self.tell("contacts"))
        return found.group(1) if found else ""

    def n_heard(self):
        """How many RTP packets came in the current call."""
        found = re.search(r"psent=\d+ rcvd=(\d+)", self.tell("audio_debug"))
        return int(found.group(1)) if found else 0

    def wait_text(self, text, after=0, timeout=10):
        """Waits until it shows a message with that text."""
        self.program.wait_text(re.escape(text), timeout, after)
