"""Two organisations, corp.example and partner.example, each with a proxy and two presence servers (Kamailio) in one
domain behind it, federated by MTLS:

    corp.example     127.0.11.x                     partner.example  127.0.12.x
      .1  proxy, mtls 5061                            .1  proxy, mtls 5061
      .2  proxy, tcp and udp 5060                     .2  proxy, tcp and udp 5060
      .3  berlin, tcp, logs on: anna, carl            .3  vienna, udp, logs on: dora, emil
      .4  munich, udp, by its address: otto, ida      .4  graz, tcp, by its address: bob, eva

Nobody tells the proxies which server has which user. The addresses are fixed, so that a trace reads well; the socket that
takes the copies of messages is the lock that lets one such test run at a time."""

import os

from hep import Collector
from kamailio import COPY_PORT, Backend
from stage import Failure, Stage, wait_for

PROBE_S = 2  # how often the proxies ask whether somebody is there

CONFIG = """version: 1
domains: [{ours.domain}]
listeners:
  - {{ name: wan, network: wan, bind: {ours.wan}, port: 5061, transport: mtls, certificate: edge }}
  - {{ name: lan-tcp, network: lan, bind: {ours.lan}, port: 5060, transport: tcp }}
  - {{ name: lan-udp, network: lan, bind: {ours.lan}, port: 5060, transport: udp }}
certificates:
  edge: {{ chain: tls/{ours.name}.pem, key: tls/{ours.name}.key }}
tls:
  trust: [tls/ca.pem]
{backends}
partners:
  routes:
    - {{ domain: {theirs.domain}, server: {theirs.wan}, port: 5061, transport: mtls, bind: {ours.wan},
        certificate: edge, probe: {probe}s }}
registrar: {{ min_expires: 5s }}
limits: {{ message_size: 256KB }}
log: {{ level: info, format: json, trace: [interconnection] }}
"""


class Site:
    """One organisation. Asked like a proxy (Nuncio), which it is over its restarts."""

    def __init__(self, name, domain, net, backends):
        self.name, self.domain, self.net = name, domain, net
        self.wan, self.lan = net + "1", net + "2"
        self.backends = {backend.name: backend for backend in backends}
        self.proxy = None
        self.n_starts = 0

    def backends_text(self):
        lines = ["placement: search", "backends:"]
        for backend in self.backends.values():
            listener = f"lan-{backend.transport}"
            if backend.log_on:
                lines.append(f"  - {{ name: {backend.name}, username: {backend.log_on[0]}, "
                             f"password_file: secrets/{backend.name}, listener: {listener}, probe: {PROBE_S}s }}")
            else:
                lines.append(f'  - {{ name: {backend.name}, address: "{backend.uri}", listener: {listener}, '
                             f"probe: {PROBE_S}s }}")
        return "\n".join(lines)

    def start_proxy(self, stage, theirs, workers):
        state = self.proxy.state if self.proxy else None
        self.n_starts += 1
        self.proxy = stage.nuncio(f"nuncio-{self.name}-{self.n_starts}",
                                  CONFIG.format(ours=self, theirs=theirs, backends=self.backends_text(), probe=PROBE_S),
                                  workers=workers, state=state)

    def state_of(self, name):
        """The word of the status for a backend or the partner's domain: up, down, unknown."""
        status = self.ask_json("status", "--all")
        return next(row["state"] for kind in ("backends", "partners") for row in status[kind]
                    if name in (row.get("name"), row.get("domain")))

    def home_of(self, user, sender, *options):
        """By which rule the proxy would find that user of ours, and where: the step "route" of `nuncio explain`."""
        steps = self.ask_json("explain", sender, f"{user}@{self.domain}", *options)["decision"]["steps"]
        return [(step["rule"], step["result"]) for step in steps if step["step"] == "route"]

    def ask(self, *verb):
        return self.proxy.ask(*verb)

    def ask_json(self, *verb):
        return self.proxy.ask_json(*verb)


class PresenceSites:
    """with PresenceSites() as both: ... everything runs."""

    def __init__(self, workers=1):
        self.workers = workers
        self.corp = Site("corp", "corp.example", "127.0.11.", (
            Backend("berlin", "corp.example", "127.0.11.3", "tcp", ("anna", "carl"), ("ucserver-berlin", "Spree-8")),
            Backend("munich", "corp.example", "127.0.11.4", "udp", ("otto", "ida"))))
        self.partner = Site("partner", "partner.example", "127.0.12.", (
            Backend("vienna", "partner.example", "127.0.12.3", "udp", ("dora", "emil"), ("ucserver-vienna", "Prater-2")),
            Backend("graz", "partner.example", "127.0.12.4", "tcp", ("bob", "eva"))))
        self.sites = (self.corp, self.partner)
        self.collector_addr = "127.0.11.9"

    def __enter__(self):
        self.collector = wait_for(self.take_addresses, 120,
                                  f"{self.collector_addr}, which another run of this test may have")
        self.stage = Stage("sites")
        try:
            self.open()
        except BaseException:
            self.__exit__(Failure, None, None)
            raise
        return self

    def take_addresses(self):
        try:
            return Collector(self.collector_addr, COPY_PORT)
        except OSError:
            return None

    def open(self):
        self.stage.certs(*(f"{site.name}={site.domain},sip.{site.domain}" for site in self.sites))
        for site, other in ((self.corp, self.partner), (self.partner, self.corp)):
            for backend in site.backends.values():
                backend.prepare(self.stage, site.lan, self.collector_addr)
                if backend.log_on:
                    secret = self.stage.write(f"secrets/{backend.name}", backend.log_on[1] + "\n")
                    os.chmod(secret, 0o600)
            site.start_proxy(self.stage, other, self.workers)
        for site in self.sites:
            for backend in site.backends.values():
                backend.start()
        for backend in self.backends():
            backend.wait_ready()

    def wait_up(self):
        """Until each proxy has reached its partner and both servers, or was reached by them."""
        for site in self.sites:
            for name in (self.other(site).domain, *site.backends):
                wait_for(lambda site=site, name=name: site.state_of(name) == "up", 20, f"{name} to be up for {site.domain}")

    def backends(self):
        return [backend for site in self.sites for backend in site.backends.values()]

    def other(self, site):
        return self.partner if site is self.corp else self.corp

    def __exit__(self, kind, value, traceback):
        self.stage.__exit__(kind, value, traceback)
        self.collector.close()  # the next run may begin
