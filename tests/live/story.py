"""Tells what happens between two sites (presence_sites.py): the headings of a test and, where a trace is asked for, each
conversation as a ladder, what the proxies decided about it, and what their commands print."""

from ladder import bold, draw, grey, hops_of_log
from stage import Failure, wait_for


class Story:
    """columns: for each name its heading, its organisation, and the addresses by which it is recognised."""

    def __init__(self, both, tally, is_traced):
        self.both, self.tally, self.is_traced = both, tally, is_traced
        self.columns = {}
        for site in both.sites:
            self.columns[site.name] = ("nuncio", site.domain, {site.wan, site.lan})
            for backend in site.backends.values():
                self.columns[backend.name] = (backend.name, site.domain, {backend.addr})

    def introduce(self):
        """Who is who, before it begins."""
        if not self.is_traced:
            return
        print("Two organisations. Their proxies trust each other by their certificates; behind each stand two presence\n"
              "servers (Kamailio) that hold different users of one domain. No proxy is told where a user is.\n")
        for site in self.both.sites:
            print(f"  {bold(site.domain)}  nuncio at {site.wan} towards the partner, at {site.lan} towards its servers")
            for backend in site.backends.values():
                way = "logs on with a password" if backend.log_on else "is known by its address"
                print(grey(f"    {backend.name:8} {backend.addr}  {backend.transport}  {way:24}  "
                           f"{', '.join(backend.users)}"))

    def meet(self, user, backend, addr):
        self.columns[user] = (user, backend.domain, {addr})

    def title(self, text):
        print(f"\n{bold(text)}" if self.is_traced else text)

    def copy(self, timeout=10, **wanted):
        """Waits for the copy of a message that one of the servers saw; see Collector.find."""
        return wait_for(lambda: self.both.collector.find(**wanted), timeout, f"a message {wanted}")[0]

    def ladder(self, title, call_id, names, note_of=lambda message: ""):
        """Draws the conversation; names are those of the columns, from left to right."""
        if not self.is_traced:
            return
        chosen = [self.columns[name] for name in names.split()]

        def column_of(addr, copy):
            if addr == "127.0.0.1":  # a phone's own connection: its Via names it
                addr = copy.message.header("Via").partition(" ")[2].partition(":")[0]
            return next((number for number, (_, _, addrs) in enumerate(chosen) if addr in addrs), None)

        print(f"\n  {title}\n")
        print(draw(self.hops(call_id), [(name, domain) for name, domain, _ in chosen], column_of,
                   lambda start, end: self.transport(names.split()[start], names.split()[end]), note_of), flush=True)

    def hops(self, call_id):
        between = [hop for site in self.both.sites for hop in hops_of_log(site.proxy.log_path, call_id)]
        return self.both.collector.of_call(call_id) + between

    def transport(self, start, end):
        backends = [backend for backend in self.both.backends() if backend.name in (start, end)]
        return backends[0].transport if backends else "mtls"

    def decisions(self, call_id, *sites):
        """What each proxy decided about the first request of that call, from its own records."""
        for site in sites:
            record = self.record(site, call_id)
            if not self.is_traced:
                continue
            print(f"\n  {bold('nuncio of ' + site.domain)}: {record['method']} from {record.get('peer', '?')}")
            for step in record["steps"]:
                if step["step"] in ("classify", "route"):
                    print(grey(f"    {step['step']:9} {step['rule']}: {step['result']}"))
            for hop in record["hops"]:
                print(grey(f"    {'asked':9} {hop['to']}: {hop['status'] or hop.get('reason')}"))

    def record(self, site, call_id):
        """The record of the first request of that call."""
        return wait_for(lambda: site.ask_json("why", call_id).get("decisions"), 5,
                        f"the record of {call_id} at {site.domain}")[-1]

    def command(self, site, *verb):
        """Runs a verb of the command line; returns what it printed."""
        status, out, err = site.ask(*verb)
        if self.is_traced:
            print(f"\n  {site.domain}$ nuncio {' '.join(verb)}")
            print("\n".join("    " + grey(line) for line in (out + err).rstrip().splitlines()))
        if status > 1:
            raise Failure(f"nuncio {' '.join(verb)}: exit {status}: {out}{err}")
        return out
