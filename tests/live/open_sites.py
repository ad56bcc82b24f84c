"""Three organisations that found each other by DNS, on the loopback addresses of a stage:

    corp.example    nuncio, open    its certificate names the domain         backend: Kamailio, tcp
    paris.example   nuncio, open    its certificate names the server alone   backend: Kamailio, udp
    lyon.example    Kamailio, MTLS, with a static route to corp              users of its own

nsd serves their zones; corp asks it through a resolver that says nothing, or lies, about some names. No nuncio has a route."""

import dns
from client import Client
from hep import Collector
from kamailio import COPY_PORT, Backend
from pki import Pki
from stage import Stage, wait_for

DNS_PORT, BUDGET_S = 5353, 2
USERS_THERE = "u[0-9]+"  # users of corp's server who exist and have not registered: nobody else does

CONFIG = """version: 1
domains: [{ours.domain}]
listeners:
  - {{ name: wan, network: wan, bind: {ours.wan}, port: 5061, transport: mtls, certificate: edge }}
  - {{ name: lan, network: lan, bind: {ours.lan}, port: 5060, transport: {ours.backend.transport} }}
certificates:
  edge: {{ chain: tls/{ours.name}.pem, key: tls/{ours.name}.key }}
tls:
  trust: [tls/root.pem]
dns: {{ servers: [{ours.resolvers}], budget: {budget}s }}
backends:
  - {{ name: server, address: "{ours.backend.uri}", listener: lan, users: ["*"], probe: 0 }}
federation:
  open: true
  listener: wan
  discovered: {{ rate: 10000/s, suspicious_rate: 1/s, max_users: 1000 }}
limits: {{ requests: 100000/s, handshakes: 1000/s }}
"""


def zone(host, addr):
    return f"_sipfederationtls._tcp SRV 100 1 5061 {host}\n{host} A {addr}"


class Site:
    """One organisation with a nuncio; first is the last number of its first address."""

    def __init__(self, stage, name, first, resolver, transport, users):
        self.stage, self.name, self.domain, self.resolver = stage, name, f"{name}.example", resolver
        self.wan, self.lan = stage.addr(first), stage.addr(first + 1)
        self.dead = None  # a resolver that says nothing and is asked first
        self.backend = Backend(f"{name}-server", self.domain, stage.addr(first + 2), transport, users)
        self.proxy = None
        self.n_starts = 0

    @property
    def resolvers(self):
        return ", ".join(f'"{addr}:{DNS_PORT}"' for addr in (self.dead, self.resolver) if addr)

    @property
    def config(self):
        return CONFIG.format(ours=self, budget=BUDGET_S)

    def start(self, workers):
        state = self.proxy.state if self.proxy else None
        self.n_starts += 1
        self.proxy = self.stage.nuncio(f"{self.name}-{self.n_starts}", self.config, workers=workers, state=state)

    def partner(self, domain):
        """What `partner show` says of it."""
        return self.proxy.ask_json("partner", "show", domain)["discovered"][0]

    def record(self, call_id, method=None):
        """The decision about a request of that call; the newest one."""
        def look():
            return next((record for record in self.proxy.ask_json("why", call_id)["decisions"]
                         if method in (None, record.get("method"))), None)
        return wait_for(look, 5, f"the record of {call_id}")


class OpenSites:
    """with OpenSites() as all: ... everything runs. ways: what the resolver of corp does (dns.BadResolver); client: the class
    of the users."""

    def __init__(self, workers=1, ways=None, client=Client):
        self.workers, self.ways, self.client = workers, ways or {}, client

    def __enter__(self):
        self.stage = Stage("open")
        try:
            self.open()
        except BaseException:
            self.__exit__(RuntimeError, None, None)
            raise
        return self

    def open(self):
        stage, addr = self.stage, self.stage.addr
        self.collector = Collector(addr(9), COPY_PORT)
        self.corp = Site(stage, "corp", 11, addr(53), "tcp", ("anna", "carl", USERS_THERE))
        self.paris = Site(stage, "paris", 21, addr(54), "udp", ("paula", "pierre"))
        self.lyon = Backend("lyon", "lyon.example", addr(31), "udp", ("louis", "lea"), edge="sip.lyon.example")
        self.eve_addr = addr(41)
        self.make_certificates()
        self.start_dns()
        for server, proxy in ((self.corp.backend, self.corp.lan), (self.paris.backend, self.paris.lan),
                              (self.lyon, self.corp.wan)):
            server.prepare(stage, proxy, self.collector.socket.getsockname()[0])
            server.start()
        for site in (self.corp, self.paris):
            site.start(self.workers)
        for server in (self.corp.backend, self.paris.backend, self.lyon):
            server.wait_ready()
        self.anna = self.client("anna", self.corp.backend, addr(61))
        self.carl = self.client("carl", self.corp.backend, addr(62))
        self.paula = self.client("paula", self.paris.backend, addr(63))
        self.louis = self.client("louis", self.lyon, addr(64))
        self.clients = (self.anna, self.carl, self.paula, self.louis)
        for client in self.clients:
            client.register()

    def make_certificates(self):
        self.pki = Pki(self.stage.path("tls"))
        self.pki.ca("root")
        self.pki.leaf("corp", "root", dns=("corp.example", "sip.corp.example"))
        self.pki.leaf("paris", "root", dns=("sip.paris.example",))
        self.pki.leaf("lyon", "root", dns=("lyon.example", "sip.lyon.example"))
        self.pki.leaf("eve", "root", dns=("evil.example", "worse.example", "sip.evil.example"))

    def start_dns(self):
        to = (self.stage.addr(54), DNS_PORT)
        zones = {"corp.example": zone("sip", self.corp.wan), "paris.example": zone("sip", self.paris.wan),
                 "lyon.example": zone("sip", self.lyon.addr), "evil.example": zone("sip", self.eve_addr), "example": ""}
        dns.Nsd(self.stage, "nsd", to[0], zones, DNS_PORT)
        self.resolver = dns.BadResolver((self.stage.addr(53), DNS_PORT), to, self.ways)
        self.resolver.start()

    def __exit__(self, kind, value, traceback):
        for client in getattr(self, "clients", ()):
            client.close()
        self.stage.__exit__(kind, value, traceback)
        self.collector.close()
        if hasattr(self, "resolver"):
            self.resolver.close()
