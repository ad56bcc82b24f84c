"""Every method from a phone system of a.example to one of b.example and back, through two proxies that are
federated by MTLS; sipp plays the servers behind them, over UDP and over TCP."""

from sipp import Conversation, play
from sites import federation

CALLER, CALLED = "anna@a.example", "bob@b.example"

CONVERSATIONS = {
    "message": [(">", "MESSAGE"), ("<", "200 MESSAGE")],
    "options": [(">", "OPTIONS"), ("<", "200 OPTIONS")],
    "publish": [(">", "PUBLISH"), ("<", "200 PUBLISH")],
    "unknown method": [(">", "FROBNICATE"), ("<", "200 FROBNICATE")],
    "message to nobody": [(">", "MESSAGE"), ("<", "404 MESSAGE")],
    "presence": [(">", "SUBSCRIBE"), ("<", "200 SUBSCRIBE"), ("<", "NOTIFY"), (">", "200 NOTIFY"),
                 ("<", "NOTIFY"), (">", "200 NOTIFY")],
    "call": [(">", "INVITE"), ("<", "180 INVITE"), ("<", "200 INVITE"), (">", "ACK"),
             (">", "BYE"), ("<", "200 BYE")],
    "call, ended by the called": [(">", "INVITE"), ("<", "180 INVITE"), ("<", "200 INVITE"),
                                  (">", "ACK"), ("<", "BYE"), (">", "200 BYE")],
    "call refused": [(">", "INVITE"), ("<", "180 INVITE"), ("<", "486 INVITE"), (">", "ACK")],
    "call cancelled": [(">", "INVITE"), ("<", "180 INVITE"), (">", "CANCEL"), ("<", "200 CANCEL"),
                       ("<", "487 INVITE"), (">", "ACK")],
    "info in a call": [(">", "INVITE"), ("<", "200 INVITE"), (">", "ACK"), (">", "INFO"),
                       ("<", "200 INFO"), ("<", "INFO"), (">", "200 INFO"), (">", "BYE"),
                       ("<", "200 BYE")],
    "early media: PRACK and UPDATE": [(">", "INVITE"), ("<", "183 INVITE"), (">", "PRACK"),
                                      ("<", "200 PRACK"), (">", "UPDATE"), ("<", "200 UPDATE"),
                                      ("<", "200 INVITE"), (">", "ACK"), (">", "BYE"), ("<", "200 BYE")],
    "transfer: REFER": [(">", "INVITE"), ("<", "200 INVITE"), (">", "ACK"), (">", "REFER"),
                        ("<", "202 REFER"), ("<", "NOTIFY"), (">", "200 NOTIFY"), (">", "BYE"),
                        ("<", "200 BYE")],
}


def trace(steps):
    """The conversation on one line, as a person reads it."""
    return "  ".join(f"{what} {'>' if arrow == '>' else '<'}" for arrow, what in steps)


def tests(tally, workers):
    for transport in ("udp", "tcp"):
        print(f"methods over {transport}, mtls between the proxies")
        with federation(f"methods-{transport}", lan_transport=transport, workers=workers) as (stage, both):
            for number, (name, steps) in enumerate(CONVERSATIONS.items()):
                conversation = Conversation(steps, CALLER, CALLED)
                tally.attempt(f"{name}: {trace(steps)}", play, stage, f"{transport}-{number}",
                              conversation, (both.a.backend, both.a.lan), both.b.backend,
                              transport=transport)
            for site in (both.a, both.b):
                tally.check(f"proxy {site.name} still runs", site.proxy.is_running(),
                            site.proxy.text()[-1500:])
