"""baresip as a phone out on the internet, in the network behind a router: it registers at a proxy there."""

import socket
import subprocess
import threading
import time

from baresip import CONTROL_PORT, Phone, module_path
from nat_lab import NUNCIO, In, inside
from stage import Failure, nuncio_binary

PASSWORD = "green-Ladder-7-stone"

CONFIG = """poll_method epoll
sip_listen {addr}:5060
net_interface {addr}
call_max_calls 4
dns_server 127.0.0.1:53
audio_source ausine,440
ausrc_srate 48000
ausrc_channels 2
audio_player aubridge,nil
audio_alert aubridge,nil
audio_level no
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
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{control}
"""


def write_users(stage, users, domain):
    """users.yaml of the stage: who may come in from the internet, all with one password."""
    for user in users:
        done = subprocess.run([nuncio_binary(), "passwd", user, "--stdin", "--internet", "yes", "--realm", domain, "--file",
                               stage.path("users.yaml")], input=PASSWORD + "\n", text=True, capture_output=True, check=False)
        if done.returncode:
            raise Failure(done.stdout + done.stderr)


class FarPhone(Phone):
    """A phone in the network behind a router (nat_lab.Site) that comes in at that port of NUNCIO."""

    def __init__(self, user, site, transport, port, domain="corp.example", contact="bob@partner.example"):
        self.site, self.transport, self.port, self.domain = site, transport, port, domain
        super().__init__(user, None, "127.0.0.1", "", contact)

    aor = property(lambda self: f"{self.user}@{self.domain}")

    def config(self, folder):
        """The text of baresip's configuration; the folder is where it lies."""
        return CONFIG.format(addr=self.site.addr, modules=module_path(), control=CONTROL_PORT)

    def start(self, stage):
        folder = f"phone-{self.user}"
        stage.write(f"{folder}/config", self.config(stage.path(folder)))
        stage.write(f"{folder}/accounts", f'<sip:{self.aor};transport={self.transport}>;auth_user={self.user};auth_pass={PASSWORD};'
                    f'regint={10 if self.transport == "udp" else 60};answermode=auto;outbound="sip:{NUNCIO}:{self.port};transport={self.transport}"\n')
        stage.write(f"{folder}/contacts", f'"{self.contact}" <sip:{self.contact}>\n')
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
