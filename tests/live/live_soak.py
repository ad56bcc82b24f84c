"""Thousands of reloads while calls go through: none is lost, and nothing is left of what a reload put aside.

Not among the tests that run without being named, since it takes minutes: `tests/live/run soak`, with SOAK=N reloads
(10000) and SOAK_RATE=R of them a second (25). A reload's old configuration is kept for as long as a request that
began with it may need it (32 s), so a proxy holds some R * 32 of them once it has run for a while, and no more."""

import os
import time

import hostile
import load
from sites import federation

N_RELOADS = int(os.environ.get("SOAK", "10000"))
RATE = float(os.environ.get("SOAK_RATE", "25"))
KEPT_S = 32  # RFC 3261 timers, the longest that hold a configuration
CALLS_A_SECOND = 10
LOOKS = 24


def variants(both):
    """The site's configuration in four forms: of listeners, partners, backends' users and limits, all come and go."""
    good = both.config(both.a, both.b)
    listener = (f"listeners:\n  - {{ name: more, network: wan, bind: {both.a.wan}, port: 5071, transport: mtls, "
                "certificate: edge }\n")
    partner = (f"  routes:\n    - {{ domain: new.example, server: {both.stage.addr(99)}, port: 5061, transport: mtls, "
               "certificate: edge, probe: 0 }\n")
    return [good, good.replace("listeners:\n", listener), good.replace("  routes:\n", partner),
            good.replace('users: ["*"]', 'users: ["anna", "*"]').replace("requests: 100000/s", "requests: 90000/s")]


class Calls:
    """Calls from a to b, again and again until the end."""

    def __init__(self, both):
        self.both, self.n, self.complaints = both, 0, []
        self.begin()

    def begin(self):
        self.load = load.Background(self.both.a, self.both.b, kind="call", count=30 * CALLS_A_SECOND,
                                    rate=CALLS_A_SECOND, timeout=30)

    def collect(self):
        result = self.load.finish(timeout=300)
        self.n += result["transactions"]
        if load.complaint(result):
            self.complaints.append(load.complaint(result))

    def go_on(self):
        if self.load.popen.poll() is not None:
            self.collect()
            self.begin()


def reload_all(proxy, forms, calls, began):
    """All reloads at the pace; returns (the refused ones, RSS in KiB at even distances)."""
    refused, rss = [], []
    for turn in range(N_RELOADS):
        calls.go_on()
        proxy.configure(forms[turn % len(forms)])
        status, out, err = proxy.ask("reload")
        if status:
            refused.append(out + err)
        if (turn + 1) * LOOKS // N_RELOADS > len(rss):
            rss.append(hostile.rss_kib(proxy.pid))
            print(f"        {turn + 1:6} reloads, {time.monotonic() - began:5.0f} s, RSS {rss[-1] / 1024:.1f} MiB",
                  flush=True)
        time.sleep(max(0.0, began + (turn + 1) / RATE - time.monotonic()))
    return refused, rss


def tests(tally, workers):
    print(f"soak: {N_RELOADS} reloads, {RATE:g} a second, beside {CALLS_A_SECOND} calls a second")
    with federation("soak", workers=workers, log_level="warning") as (stage, both):
        fds = hostile.n_fds(both.a.proxy.pid)
        calls = Calls(both)
        try:
            refused, rss = reload_all(both.a.proxy, variants(both), calls, time.monotonic())
            calls.collect()
        finally:
            calls.load.stop()
        tally.check(f"{N_RELOADS} reloads took effect", not refused, refused[:1])
        tally.check(f"{calls.n} calls went through them", calls.n and not calls.complaints, calls.complaints[:3])
        # From the middle on everything that is kept for a time is there, if the first half lasted longer than it.
        middle, end = max(rss[LOOKS // 2:LOOKS * 3 // 4]), max(rss[LOOKS * 3 // 4:])
        tally.check(f"RSS stays: {middle / 1024:.1f} MiB in the third quarter, {end / 1024:.1f} in the last",
                    N_RELOADS / RATE / 2 < KEPT_S or end <= middle * 1.1 + 1024, rss)
        time.sleep(KEPT_S + 3)
        both.a.proxy.configure(variants(both)[0])
        both.a.proxy.ask("reload")
        tally.check("no descriptor is left", hostile.n_fds(both.a.proxy.pid) <= fds + 4,
                    f"{fds} before, {hostile.n_fds(both.a.proxy.pid)} now")
        tally.check("both end in peace", both.a.proxy.stop() == 0 and both.b.proxy.stop() == 0, both.a.proxy.text()[-3000:])
