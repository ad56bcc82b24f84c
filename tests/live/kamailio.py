"""Kamailio as a server behind a proxy: registrar, presence server and proxy of its users (kamailio_backend.cfg). What it
keeps is in an SQLite file, so that it can be killed and started again."""

import os
import signal
import sqlite3

from stage import Failure, is_bound, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
TABLES = "/usr/share/kamailio/db_sqlite"
PORT, EDGE_PORT, COPY_PORT = 5060, 5061, 9060
LOG_ON_S = 10  # for how long a server logs on; it does so again four seconds before the end


class Backend:
    """One server: its name, its address, the transport between it and the proxy, the users it holds. log_on is its
    user name and password at the proxy, or None for a server that the proxy knows by its address. edge is the name in its
    certificate (files NAME.pem and .key in tls/ of the stage) if it is no backend but a partner of its own, which sends
    what is for others to the proxy by MTLS. users are patterns."""

    def __init__(self, name, domain, addr, transport, users, log_on=None, edge=None):
        self.name, self.domain, self.addr, self.transport = name, domain, addr, transport
        self.users, self.log_on, self.edge = users, log_on, edge
        self.program = None

    @property
    def uri(self):
        return uri(self.addr, self.transport)

    def prepare(self, stage, proxy_addr, collector_addr):
        """Makes its tables. Before the first start."""
        self.stage, self.proxy_addr, self.collector_addr = stage, proxy_addr, collector_addr
        self.folder = stage.path(self.name)
        self.database = os.path.join(self.folder, "kamailio.db")
        os.makedirs(self.folder)
        with sqlite3.connect(self.database) as tables:
            for name in ("standard", "usrloc", "presence", "uac"):
                with open(os.path.join(TABLES, name + "-create.sql"), encoding="utf-8") as script:
                    tables.executescript(script.read())
            if self.log_on:
                self.write_log_on(tables)

    def write_log_on(self, tables):
        username, password = self.log_on
        row = {"l_uuid": self.name, "l_username": self.name, "l_domain": self.domain, "r_username": username,
               "r_domain": self.domain, "auth_username": username, "auth_password": password,
               "auth_proxy": uri(self.proxy_addr, self.transport), "expires": LOG_ON_S,
               "contact_addr": self.uri.removeprefix("sip:"),
               "socket": f"{self.transport}:{self.addr}:{PORT}"}
        tables.execute(f"INSERT INTO uacreg ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",
                       list(row.values()))

    def words(self):
        """What kamailio_backend.cfg asks for."""
        words = {"SELF": f"{self.transport}:{self.addr}:{PORT}", "SELF_IP": self.addr,
                 "HEP_FROM": f"udp:{self.addr}:{COPY_PORT}",
                 "HEP_SOCKET": quoted(f"sip:{self.addr}:{COPY_PORT}"),
                 "HEP_TO": quoted(f"sip:{self.collector_addr}:{COPY_PORT}"), "CONTACT": quoted(self.uri),
                 "PROXY": quoted(uri(self.proxy_addr, self.transport)), "PROXY_IP": quoted(self.proxy_addr),
                 "DATABASE": quoted(f"sqlite:///{self.database}"), "DOMAIN": quoted(self.domain),
                 "USERS": quoted(f"^({'|'.join(self.users)})$")}
        if self.edge:
            tls = os.path.join(self.stage.path("tls"), self.name)
            words |= {"EDGE": f"tls:{self.addr}:{EDGE_PORT}", "EDGE_NAME": quoted(self.edge),
                      "CONTACT": quoted(f"sip:{self.edge}:{EDGE_PORT};transport=tls"),
                      "PROXY": quoted(f"sip:{self.proxy_addr}:{EDGE_PORT};transport=tls"),
                      "TLS_CERT": quoted(tls + ".pem"), "TLS_KEY": quoted(tls + ".key"),
                      "TLS_CA": quoted(os.path.join(self.stage.path("tls"), "root.pem"))}
        options = [f"{word}={value}" for word, value in words.items()]
        return options + (["LOGS_ON"] if self.log_on else [])

    def start(self):
        argv = ["kamailio", "-DD", "-E", "-m", "32", "-M", "8", "-Y", self.folder, "-w", self.folder,
                "-f", os.path.join(HERE, "kamailio_backend.cfg")]
        for word in self.words():
            argv += ["-A", word]
        self.program = self.stage.start(f"kamailio-{self.name}", argv)

    def wait_ready(self):
        def look():
            if not self.program.is_running():
                raise Failure(f"kamailio {self.name} ended:\n{self.program.text()[-3000:]}")
            return is_bound(self.transport, self.addr, PORT)
        wait_for(look, 15, f"kamailio {self.name}")

    def kill(self):
        """Ends all its processes without warning; they are a session of their own."""
        os.killpg(self.program.pid, signal.SIGKILL)
        self.program.wait()
        wait_for(lambda: not is_bound(self.transport, self.addr, PORT), 10, f"the end of {self.name}")


def uri(addr, transport):
    return f"sip:{addr}:{PORT};transport={transport}"


def quoted(text):
    return f'"{text}"'
