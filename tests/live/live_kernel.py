"""The kernel path of media: calls between a house and a partner behind a router, whose plain RTP passes by the kernel alone once it
has settled. Every packet is looked at: what it says, from where it comes, how it is marked; and what must not pass, or not
there, is tried: strangers, RTCP, STUN, the end of hops, SRTP, a hold, another route, a reload, the end of the program."""

import os
import re
import signal
import socket
import sys
import time

from kernel_lab import (HOUSE, HOUSE_6, LAN, LAN_6, PARTNER, PARTNER_6, ROUTER_2, STRANGER, WAN, WAN_6, Border, Call, Media, agents,
                        hears, send_as, why_not)
from nat_lab import In, count, in_namespaces, inside, print_counts, run
from stage import Failure, Stage, Tally, build_dir, wait_for

CONFIG = f"""version: 1
domains: [corp.example]
listeners:
  - {{ name: wan, network: wan, bind: {WAN}, port: 5060, transport: udp }}
  - {{ name: lan, network: lan, bind: {LAN}, port: 5060, transport: udp }}
backends:
  - {{ name: house, address: "sip:{HOUSE}:5060;transport=udp", listener: lan, probe: 0, users: ["*"] }}
media: {{ relay: [wan], ports: 40000-40099, timeout: 10s, kernel: auto, srtp: {{ wan: off, lan: passthrough }} }}
partners:
  routes:
    - {{ domain: partner.example, server: {PARTNER}, port: 5060, transport: udp, trustworthy: true, probe: 0 }}
"""
STUN = bytes.fromhex("000100002112a442") + bytes(range(12))
KEY = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + "QUJD" * 10 + "\r\n"


class Ends:
    """Two ends of one call each, on ports of their own."""

    def __init__(self, agents_of_both, number, **options):
        self.media = Media("house", HOUSE, 20000 + 2 * number, 0x1000 + number)
        self.far = Media("partner", PARTNER, 21000 + 2 * number, 0x2000 + number)
        self.call = Call(*agents_of_both, self.media, self.far, **options)

    def talk(self, is_talking=True):
        self.media.is_talking = self.far.is_talking = is_talking

    def end(self):
        self.media.end()
        self.far.end()


def kernel(proxy):
    return proxy.ask_json("status")["media"]["kernel"]


def by_program(proxy):
    """Packets that the program itself has passed on."""
    media = proxy.ask_json("status")["media"]
    return media["packets"] - media["kernel"]["packets"]


def flows(proxy, n, timeout=5.0):
    wait_for(lambda: kernel(proxy)["flows"] == n, timeout, f"{n} flows in the kernel, {kernel(proxy)}")


def passes(tally, border, proxy, ends):
    """Both directions are in; the program sees nothing any more, and everything arrives."""
    before, counted, heard = by_program(proxy), border.counts(), [len(media.heard) for media in (ends.media, ends.far)]
    time.sleep(1.0)
    for media, its_before in zip((ends.media, ends.far), heard):
        tally.check(f"RTP goes on arriving at {media.local[0]}", len(media.heard) - its_before > 30, (media.heard[-3:], media.odd[-3:]))
        tally.check("... each packet as it was sent, from our port", not media.odd, media.odd[-3:])
        numbers = [number for number, _, _ in media.heard]
        tally.check("... none twice, and none lost", numbers == list(range(numbers[0], numbers[0] + len(numbers))), numbers[-20:])
        tally.check("... and marked as media.dscp says", media.marks == {46}, media.marks)
    now = border.counts()
    tally.check("the kernel counts it, at each flow", all(now[media.local] - counted.get(media.local, 0) > 30 for media in (ends.media, ends.far)),
                (counted, now))
    tally.check("and the program sees none of it", by_program(proxy) == before, (before, by_program(proxy)))


def falls(tally, border, proxy, ends):
    """What the kernel does not take goes through the program as ever."""
    before, rejected = by_program(proxy), proxy.ask_json("status")["media"]["rejected_sources"]
    for name, packet in (("RTCP on the port of RTP", bytes((0x81, 201)) + bytes(30)), ("STUN", STUN)):
        ends.media.socket.sendto(packet, ends.media.target)
        tally.attempt(f"{name} takes the program's way", wait_for,
                      lambda packet=packet: (packet, ends.far.target) in ends.far.extra, 3, f"{name}: {ends.far.extra}")
    before = by_program(proxy)
    ends.media.socket.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 20)
    hears(ends.far, 5)
    ends.media.socket.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 64)
    tally.check("packets with few hops left are sent anew by the program", by_program(proxy) >= before + 3, (before, by_program(proxy)))
    packets = [ends.far.packet(number) for number in range(30)]
    send_as("partner", (STRANGER, ends.far.local[1]), ends.far.target, packets)
    send_as("partner", (PARTNER, 4321), ends.far.target, packets)
    send_as("house", (HOUSE, 4321), ends.media.target, packets)
    time.sleep(0.2)
    seen = proxy.ask_json("status")["media"]
    tally.check("a stranger's packets, and those from other ports, are turned away and counted", seen["rejected_sources"] == rejected + 90,
                (rejected, seen))
    tally.check("... and nobody hears them", not ends.media.odd and not ends.far.odd, (ends.media.odd, ends.far.odd))


def changes(tally, proxy, ends, n_others):
    """Signalling takes it out, and it comes back."""
    entered = kernel(proxy)["entered"]
    ends.call.invite("sendonly", "recvonly")
    tally.attempt("a hold takes the call out of the kernel", flows, proxy, n_others, 0.8)
    ends.call.invite()
    tally.attempt("after it both directions come back", flows, proxy, n_others + 2)
    hears(ends.media, 10)
    hears(ends.far, 10)
    tally.check("... and all that time nothing odd was heard", not ends.media.odd and not ends.far.odd, (ends.media.odd, ends.far.odd))
    tally.check("flows entered anew", kernel(proxy)["entered"] >= entered + 2, kernel(proxy))


def ends_with_bye(tally, border, proxy, ends, n_others):
    sent = ends.media.n_sent
    ends.call.bye()
    tally.attempt("BYE takes it out", flows, proxy, n_others, 2)
    left = [local for local in border.counts() if local in (ends.media.local, ends.far.local)]
    tally.check("... nft shows no element of it", not left, border.tables())
    time.sleep(0.1)
    heard = len(ends.far.heard)
    time.sleep(0.3)
    tally.check("... and nothing passes any more", len(ends.far.heard) == heard)
    proxy.wait_text(f"media ended.*{ends.call.call_id}", 5)
    record = next(record for record in proxy.ask_json("why", ends.call.call_id)["decisions"] if record["kind"] == "media")
    side = record["media"]["streams"][0]["sides"][0]
    tally.check("its record has what the kernel passed", 0 < side["kernel_packets"] < side["received_packets"] and
                sent <= side["received_packets"] <= sent + 20 and side["lost_packets"] == 0 and
                side["received_bytes"] >= 172 * side["received_packets"] - 200, (sent, side))
    _, text, _ = proxy.ask("why", ends.call.call_id)
    tally.check("... for people, too", "by the kernel" in text, text)


def srtp(tally, proxy, both, n_others):
    """Encrypted towards the house: that is the program's."""
    ends = Ends(both, 5, more=KEY)
    tally.check("a call with SRTP on one side", "a=crypto" in ends.call.answered and "a=crypto" not in ends.call.offered,
                ends.call.answered + ends.call.offered)
    ends.far.is_talking = True
    wait_for(lambda: len(ends.media.odd) > 20, 5, "SRTP at the house")
    time.sleep(1.2)
    tally.check("... does not enter the kernel", kernel(proxy)["flows"] == n_others, kernel(proxy))
    ends.call.bye()
    ends.end()


def moves(tally, proxy, ends):
    """Another route to the partner."""
    before = kernel(proxy)["evicted"]
    run(*inside("proxy"), "ip", "route", "replace", "default", "via", ROUTER_2)
    tally.attempt("a route that changes takes out whom it concerns", wait_for, lambda: kernel(proxy)["evicted"] > before, 3, "eviction")
    tally.attempt("... who come back by the new one", flows, proxy, 2)
    hears(ends.far, 20)
    tally.check("... and nothing odd is heard", not ends.far.odd and not ends.media.odd, ends.far.odd)
    at = kernel(proxy)["evicted"]
    run(*inside("proxy"), "ip", "route", "add", "192.0.2.0/24", "via", ROUTER_2)
    time.sleep(0.4)
    tally.check("a route that does not concern them takes out nobody", kernel(proxy)["evicted"] == at and kernel(proxy)["flows"] == 2, kernel(proxy))


def reloads(tally, border, proxy, ends):
    proxy.configure(CONFIG.replace("kernel: auto", "kernel: off"))
    status, said, complaint = proxy.ask("reload")
    tally.check("reload with kernel: off", status == 0, said + complaint)
    tally.attempt("... takes all flows out", flows, proxy, 0, 2)
    tally.check("... and our table away", not border.tables().strip(), border.tables())
    before = by_program(proxy)
    hears(ends.far, 20)
    tally.check("... the call goes on by the program", by_program(proxy) >= before + 20)
    proxy.configure(CONFIG)
    proxy.ask("reload")
    tally.attempt("reload with kernel: auto lets it in again", flows, proxy, 2)


def dies(tally, border, proxy):
    tally.check("there is a table of ours", "table netdev nuncio_" in border.tables(), border.tables())
    os.killpg(proxy.pid, signal.SIGKILL)
    proxy.wait()
    tally.check("killed, the program leaves nothing in the kernel", not border.tables().strip(), border.tables())


def ipv6(tally, stage, border):
    """The media workers alone, told by the bench's program of a call whose ends have IPv6."""
    workers = stage.start("rtp_nuncio", [*inside("proxy"), os.path.join(build_dir(), "tests", "bench", "rtp_nuncio"), "--relay", f"[{LAN_6}]",
                                         "--relay-callee", f"[{WAN_6}]", "--ports", "24000-24099", "--caller", f"[{HOUSE_6}]:22000",
                                         "--callee", f"[{PARTNER_6}]:23000", "--calls", "1", "--kernel"])
    ports = workers.wait_text(r"^\S+:(\d+) \S+:(\d+)", 5)
    workers.wait_text("ready", 5)
    ends = [Media("house", HOUSE_6, 22000, 0x1006), Media("partner", PARTNER_6, 23000, 0x2006)]
    for media, relay, port in zip(ends, (LAN_6, WAN_6), ports.groups()):
        media.target, media.is_talking = (relay, int(port)), True
    tally.attempt("IPv6: both directions enter", wait_for, lambda: all(border.counts().get(media.local, 0) > 20 for media in ends), 8,
                  "IPv6 in the kernel")
    numbers = [[number for number, _, _ in media.heard] for media in ends]
    tally.check("... every packet as it was sent, none lost", not any(media.odd for media in ends) and all(
        its and its == list(range(its[0], its[0] + len(its))) for its in numbers), [media.odd[-3:] for media in ends])
    tally.check("... and marked as ours are", all(media.marks == {0} for media in ends), [media.marks for media in ends])
    for media in ends:
        media.end()
    workers.stop()


def may_not(tally, stage):
    """Without the right it goes on as ever, and says why."""
    config = CONFIG.replace("port: 5060, transport: udp }", "port: 5070, transport: udp }", 2)
    proxy = stage.nuncio("powerless", config, prefix=[*inside("proxy"), "setpriv", "--bounding-set=-net_admin"])
    tally.attempt("without CAP_NET_ADMIN it starts, and says so", proxy.wait_text, "cannot take the kernel path.*CAP_NET_ADMIN", 3)
    seen = proxy.ask_json("status")
    problem = next((problem for problem in seen["problems"] if problem["code"] == "media-kernel"), {})
    tally.check("... status, too, with what to do", seen["media"]["kernel"]["state"] == "failed" and "fastpath" in problem.get("remedy", ""), seen)
    proxy.stop()


def inside_lab(tally, workers):
    border = Border()
    with Stage("kernel") as stage:
        may_not(tally, stage)
        ipv6(tally, stage, border)
        proxy = stage.nuncio("proxy", CONFIG, workers=workers, prefix=inside("proxy"))
        both = agents()
        silent, steady, busy = (Ends(both, number) for number in range(3))
        for ends in (silent, steady, busy):
            ends.talk()
        tally.attempt("three calls: six flows enter the kernel", flows, proxy, 6)
        passes(tally, border, proxy, busy)
        silent.talk(False)
        silent_at = time.monotonic()
        falls(tally, border, proxy, busy)
        changes(tally, proxy, busy, 4)
        srtp(tally, proxy, both, 6)
        ends_with_bye(tally, border, proxy, busy, 4)
        busy.end()
        tally.attempt("a call whose media stop in the kernel ends after media.timeout", proxy.wait_text,
                      f"no media came any more.*{silent.call.call_id}", 14)
        waited = time.monotonic() - silent_at
        tally.check("... not before it", 9.5 < waited < 13, waited)
        flows(proxy, 2)
        silent.end()
        moves(tally, proxy, steady)
        reloads(tally, border, proxy, steady)
        tally.check("the call that went on talking lives", len(re.findall("no media came any more", proxy.text())) == 1, proxy.text()[-2000:])
        tally.check("the proxy is well", proxy.is_running() and "Sanitizer" not in proxy.text(), proxy.text()[-3000:])
        dies(tally, border, proxy)
        steady.end()


def tests(tally, workers):
    lacking = why_not()
    if lacking:
        print(f"  skipped: the kernel path of media cannot be tried here: {lacking}", flush=True)
        return
    count(tally, in_namespaces(__file__, workers))


if __name__ == "__main__":
    TALLY = Tally()
    try:
        inside_lab(TALLY, int(sys.argv[1]))
    except (Failure, OSError) as failure:
        TALLY.check("the test went to its end", False, repr(failure))
    print_counts(TALLY)
