"""A border in network namespaces: the proxy between a house and, behind a router, a partner; and RTP streams of both ends that
are looked at packet by packet. Everything is below one `unshare -rnm`, so nothing of the machine is touched."""

import array
import fcntl
import os
import re
import socket
import struct
import subprocess
import threading
import time

from nat_lab import In, inside, run
from sip import Datagrams, new_call_id, request, response
from stage import Failure, wait_for

LAN, HOUSE = "10.9.0.1", "10.9.0.2"
WAN, ROUTER, ROUTER_2, PARTNER, STRANGER = "198.51.100.11", "198.51.100.1", "198.51.100.2", "203.0.113.2", "203.0.113.66"
LAN_6, HOUSE_6 = "fd00:9::1", "fd00:9::2"
WAN_6, ROUTER_6, PARTNER_6 = "2001:db8:1::11", "2001:db8:1::1", "2001:db8:2::2"
RTP_HEADER = 12
SIOCETHTOOL, ETHTOOL_STXCSUM = 0x8946, 0x17
PACKET_S = 0.02


def why_not():
    """What this kernel or host lacks for it; empty: nothing."""
    # nft 1.0.6 cannot make a table that has an owner, so the probe is of the family and of the expressions alone.
    probe = ("mount -t tmpfs tmpfs /run && ip netns add a && nsenter --net=/run/netns/a ip link add x0 type veth peer name x1 && "
             "nsenter --net=/run/netns/a nft add table netdev x && "
             "nsenter --net=/run/netns/a nft add chain netdev x y '{ type filter hook ingress device x0 priority 0; }' && "
             "nsenter --net=/run/netns/a nft add rule netdev x y udp checksum != 0 fwd ip to 10.0.0.1 device x1")
    made = subprocess.run(["unshare", "-rnm", "sh", "-c", probe], capture_output=True, text=True, check=False)
    return (made.stderr.strip() or f"exit {made.returncode}") if made.returncode else ""


def checksums_by_software(name, device):
    """What leaves there has its whole checksum, as on a real wire, and not the promise of one that veths pass on."""
    with In(name), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        value = array.array("I", [ETHTOOL_STXCSUM, 0])
        fcntl.ioctl(any_socket, SIOCETHTOOL, struct.pack("16sP", device.encode(), value.buffer_info()[0]))


def link(one, name, other, other_name, addr, other_addr):
    run(*inside(one), "ip", "link", "add", name, "type", "veth", "peer", "name", other_name, "netns", other)
    for where, device, its in ((one, name, addr), (other, other_name, other_addr)):
        run(*inside(where), "ip", "addr", "add", f"{its}/24", "dev", device)
        run(*inside(where), "ip", "link", "set", device, "up")


class Border:
    def __init__(self):
        run("mount", "-t", "tmpfs", "tmpfs", "/run")
        os.makedirs("/run/netns", exist_ok=True)
        with open("/run/netns/home", "w", encoding="ascii"):
            run("mount", "--bind", "/proc/self/ns/net", "/run/netns/home")
        for name in ("proxy", "house", "router", "partner"):
            run("ip", "netns", "add", name)
            run(*inside(name), "ip", "link", "set", "lo", "up")
        link("house", "eth0", "proxy", "lan", HOUSE, LAN)
        link("proxy", "wan", "router", "net", WAN, ROUTER)
        link("router", "far", "partner", "eth0", "203.0.113.1", PARTNER)
        run(*inside("router"), "ip", "addr", "add", f"{ROUTER_2}/24", "dev", "net")
        run(*inside("partner"), "ip", "addr", "add", f"{STRANGER}/24", "dev", "eth0")
        run(*inside("router"), "sysctl", "-wq", "net.ipv4.ip_forward=1")
        checksums_by_software("house", "eth0")
        for name, device, addr in (("house", "eth0", HOUSE_6), ("proxy", "lan", LAN_6), ("proxy", "wan", WAN_6), ("router", "net", ROUTER_6),
                                   ("router", "far", "2001:db8:2::1"), ("partner", "eth0", PARTNER_6)):
            run(*inside(name), "ip", "-6", "addr", "add", f"{addr}/64", "dev", device, "nodad")
        run(*inside("router"), "sysctl", "-wq", "net.ipv6.conf.all.forwarding=1")
        run(*inside("proxy"), "ip", "-6", "route", "add", "default", "via", ROUTER_6)
        run(*inside("partner"), "ip", "-6", "route", "add", "default", "via", "2001:db8:2::1")
        run(*inside("proxy"), "ip", "route", "add", "default", "via", ROUTER)
        run(*inside("partner"), "ip", "route", "add", "default", "via", "203.0.113.1")

    def tables(self):
        """What `nft` shows at the proxy. It has no words for all that stands there, and complains beside it."""
        return run(*inside("proxy"), "nft", "list", "ruleset")

    def counts(self):
        """Packets by flow: (source, its port) to what the kernel counted."""
        flows = re.findall(r"([\da-f.:]+) \. [\da-f.:]+ \. (\d+) \. \d+ counter packets (\d+)", self.tables())
        return {(addr, int(port)): int(n) for addr, port, n in flows}


class Media:
    """One end's RTP: what it sends carries its own number, and what it hears must be what the other sent, from where it was told."""

    def __init__(self, name, addr, port, ssrc):
        with In(name):
            self.socket = socket.socket(socket.AF_INET6 if ":" in addr else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((addr, port))
        self.socket.settimeout(0.2)
        if ":" in addr:
            self.mark = (socket.IPPROTO_IPV6, socket.IPV6_TCLASS)
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)
        else:
            self.mark = (socket.IPPROTO_IP, socket.IP_TOS)
            self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
        self.local, self.ssrc = (addr, port), ssrc
        self.target = None
        self.is_talking = False
        self.n_sent, self.heard, self.odd, self.marks = 0, [], [], set()
        self.extra = []  # what is no RTP, and came
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=work, daemon=True) for work in (self.talk, self.listen)]
        for thread in self.threads:
            thread.start()

    def packet(self, number):
        return struct.pack("!BBHII", 0x80, 0, number & 0xffff, number * 160, self.ssrc) + bytes((number + self.ssrc) & 0xff for _ in range(160))

    def talk(self):
        while not self.ended.wait(PACKET_S):
            if self.is_talking and self.target:
                self.n_sent += 1
                self.socket.sendto(self.packet(self.n_sent), self.target)

    def listen(self):
        while not self.ended.is_set():
            try:
                data, more, _, source = self.socket.recvmsg(2048, 64)
                source = source[:2]
            except OSError:
                continue
            if data[0] >> 6 != 2 or 192 <= data[1] <= 223:
                self.extra.append((data, source))
                continue
            self.marks |= {value[0] >> 2 for level, kind, value in more if (level, kind) == self.mark}
            number, _, ssrc = struct.unpack("!HII", data[2:RTP_HEADER])
            good = source == self.target and data[RTP_HEADER:] == bytes((number + ssrc) & 0xff for _ in range(160))
            (self.heard if good else self.odd).append((number, ssrc, source))

    def end(self):
        self.ended.set()
        for thread in self.threads:
            thread.join()
        self.socket.close()


def sdp(media, direction="sendrecv", version=1, more=""):
    addr, port = media.local
    return (f"v=0\r\no=- 7 {version} IN IP4 {addr}\r\ns=-\r\nc=IN IP4 {addr}\r\nt=0 0\r\n"
            f"m=audio {port} RTP/{'SAVP' if 'a=crypto' in more else 'AVP'} 0\r\na=rtpmap:0 PCMU/8000\r\na={direction}\r\n{more}")


def told(body):
    """Where SDP wants media."""
    return re.search(r"^c=IN IP4 (\S+)", body, re.M).group(1), int(re.search(r"^m=audio (\d+)", body, re.M).group(1))


class Call:
    """house calls partner; ends are Media of each."""

    SDP = "Content-Type: application/sdp\r\n"

    def __init__(self, house, partner, media, far_media, more="", far_more=""):
        self.house, self.partner, self.media, self.far_media = house, partner, media, far_media
        self.call_id, self.cseq, self.more, self.far_more = new_call_id(), 1, more, far_more
        self.invite()

    def invite(self, direction="sendrecv", answer="sendrecv"):
        """The first INVITE, or another one."""
        again = self.cseq > 1
        text = request("INVITE", "bob@partner.example", "anna@corp.example", self.house.local, call_id=self.call_id, cseq=self.cseq,
                       extra=self.SDP + (self.route() if again else ""), body=sdp(self.media, direction, self.cseq, self.more),
                       to_tag="far" if again else "", uri=self.target if again else None)
        if again:
            text = re.sub(r"From: .*(?=\r)", self.from_line, text)
        else:
            self.from_line = re.search(r"From: .*(?=\r)", text).group(0)
        self.house.send(text, (LAN, 5060))
        offer, proxy = self.partner.receive()
        self.partner.send(response(offer, "200 OK", "far", f"Contact: <sip:bob@{PARTNER}:5060>\r\n" + self.SDP,
                                   sdp(self.far_media, answer, self.cseq, self.far_more)), proxy)
        while True:
            final, _ = self.house.receive()
            if final.status >= 200:
                break
        if final.status != 200:
            raise Failure(final.text)
        self.target = re.search(r"<([^>]*)>", final.header("Contact")).group(1)
        self.routes = list(reversed(final.headers.get("record-route", [])))
        self.offered, self.answered = offer.body, final.body
        self.media.target, self.far_media.target = told(final.body), told(offer.body)
        self.within("ACK")
        self.partner.receive()
        self.cseq += 1

    def route(self):
        return "".join(f"Route: {route}\r\n" for route in self.routes)

    def within(self, method):
        text = request(method, "bob@partner.example", "anna@corp.example", self.house.local, call_id=self.call_id,
                       cseq=self.cseq, extra=self.route(), to_tag="far", uri=self.target)
        self.house.send(re.sub(r"From: .*(?=\r)", self.from_line, text), (LAN, 5060))

    def bye(self):
        self.cseq += 1
        self.within("BYE")
        bye, proxy = self.partner.receive()
        self.partner.send(response(bye, "200 OK", "far"), proxy)
        self.house.receive()


def agents():
    with In("house"):
        house = Datagrams(HOUSE, 5060)
    with In("partner"):
        partner = Datagrams(PARTNER, 5060)
    return house, partner


def hears(media, n, timeout=5.0):
    """So many more packets come, each as it should be."""
    before = len(media.heard)
    wait_for(lambda: len(media.heard) >= before + n, timeout, f"{n} more packets at {media.local}; {media.odd[-3:]}")


def send_as(name, source, target, packets):
    with In(name):
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.bind(source)
    for packet in packets:
        sender.sendto(packet, target)
        time.sleep(0.001)
    sender.close()
