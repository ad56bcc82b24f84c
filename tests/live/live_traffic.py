"""Messages and calls in some number through two federated proxies, both ways, over UDP and TCP behind them:
nothing fails, nothing is lost, nothing comes twice."""

import load
from sites import federation


def exchange(both, there, kind, transport, count, rate):
    pair = (both.a, both.b) if there else (both.b, both.a)
    result = load.run(*pair, kind=kind, transport=transport, count=count, rate=rate, timeout=32)
    return (f"{result['transactions']} in {result['wall_s']:.1f} s, median {result['p50_us']} us, "
            f"{result['retransmissions']} retransmissions")


def tests(tally, workers):
    for transport in ("udp", "tcp"):
        with federation(f"traffic-{transport}", lan_transport=transport, workers=workers) as (_, both):
            for kind, count, rate in (("message", 1000, 250), ("call", 300, 75)):
                for there in (True, False):
                    way = "a to b" if there else "b to a"
                    said = tally.attempt(f"{kind}s over {transport}, {way}, {workers} worker(s)",
                                         exchange, both, there, kind, transport, count, rate)
                    if said:
                        print(f"          {said}")
            for site in (both.a, both.b):
                report = site.proxy.text()
                tally.check(f"proxy {site.name} runs and no sanitizer spoke",
                            site.proxy.is_running() and "Sanitizer" not in report, report[-3000:])
