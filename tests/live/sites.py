"""Two organisations, a.example and b.example, each with a proxy and a backend behind it, federated by
MTLS on loopback addresses: what most live tests begin with."""

import time

from stage import Stage


class Site:
    """One organisation. wan: the proxy's side to partners; lan: its side to the backend; backend: the
    address where the test plays the server (port 5060)."""

    def __init__(self, name, domain, first):
        self.name, self.domain = name, domain
        self.wan, self.lan, self.backend = first, first + 1, first + 2


class Federation:
    def __init__(self, stage, lan_transport="udp", workers=1, **options):
        self.stage, self.transport = stage, lan_transport
        self.workers, self.options = workers, options
        self.a = Site("a", "a.example", 10)
        self.b = Site("b", "b.example", 20)
        for site in (self.a, self.b):
            for part in ("wan", "lan", "backend"):
                setattr(site, part, stage.addr(getattr(site, part)))
            stage.certs(f"{site.name}={site.domain},sip.{site.domain}")
        self.a.proxy = stage.nuncio("proxy-a", self.config(self.a, self.b), workers=workers, **options)
        self.b.proxy = stage.nuncio("proxy-b", self.config(self.b, self.a), workers=workers, **options)
        self.forget_probe()

    def forget_probe(self):
        """Proxy a may have asked for b before there was one, if b took long: then a tries again after two seconds, not before."""
        if any(partner["state"] == "down" for partner in self.a.proxy.ask_json("status")["partners"]):
            time.sleep(2.5)

    def config(self, ours, theirs, more="", route_more="", users='"*"'):
        return f"""version: 1
domains: [{ours.domain}]
listeners:
  - {{ name: wan, network: wan, bind: {ours.wan}, port: 5061, transport: mtls, certificate: edge }}
  - {{ name: lan, network: lan, bind: {ours.lan}, port: 5060, transport: {self.transport} }}
{self.listeners(ours)}certificates:
  edge: {{ chain: tls/{ours.name}.pem, key: tls/{ours.name}.key }}
tls:
  trust: [tls/ca.pem]
{self.backends(ours, users)}partners:
  routes:
    - {{ domain: {theirs.domain}, server: {theirs.wan}, port: 5061, transport: mtls, certificate: edge{route_more} }}
limits: {{ requests: 100000/s, handshakes: 1000/s }}
{more}"""

    def listeners(self, ours):
        """Lines of more listeners."""
        return ""

    def backends(self, ours, users):
        """The section of whom a site has behind it."""
        return f"""backends:
  - name: server
    address: "sip:{ours.backend}:5060;transport={self.transport}"
    listener: lan
    probe: 0
    users: [{users}]
"""


def federation(name, **options):
    """A stage with both sites on it: use it as `with federation("x") as (stage, both):`."""
    return _Opened(name, options)


class _Opened:
    def __init__(self, name, options):
        self.name, self.options = name, options

    def __enter__(self):
        self.stage = Stage(self.name)
        try:
            return self.stage, Federation(self.stage, **self.options)
        except BaseException:
            self.stage.close()
            raise

    def __exit__(self, *error):
        self.stage.__exit__(*error)
