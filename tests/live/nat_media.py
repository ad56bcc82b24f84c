"""The media of a call from behind a router that gives other port numbers: what stands in the SDP is what the world sees."""

import re
import socket
import struct

from nat_lab import COTURN, OPEN, PORT_CHANGING, In, Lab, Site, inside
from sip import Datagrams, new_call_id, request, response
from stage import Stage, wait_for

SDP = "v=0\r\no=- 1 1 IN IP4 {0}\r\ns=-\r\nc=IN IP4 {0}\r\nt=0 0\r\nm=audio {1} RTP/AVP 0\r\n"
TYPE = "Content-Type: application/sdp\r\n"


def udp(addr, port):
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((addr, port))
    made.settimeout(3)
    return made


def rtp(sequence):
    return struct.pack("!BBHII", 0x80, 0, sequence, 160 * sequence, 4711) + bytes(160)


RTCP = struct.pack("!BBHI", 0x80, 201, 1, 4711)


def receive(agent, wanted):
    """The next message whose first line begins so, and where it came from."""
    while True:
        message, source = agent.receive(5)
        if message.first.startswith(wanted):
            return message, source


def described(message):
    """Host, port of RTP, port of RTCP that an SDP names."""
    host = re.search(r"^c=IN IP4 (\S+)", message.body, re.M).group(1)
    port = int(re.search(r"^m=audio (\d+)", message.body, re.M).group(1))
    rtcp = re.search(r"^a=rtcp:(\d+)", message.body, re.M)
    return host, port, int(rtcp.group(1)) if rtcp else port + 1


def media(tally, workers):
    with Stage("nat-media") as stage:
        lab = Lab(stage)
        lab.coturn()
        site = Site(20, PORT_CHANGING)
        proxy = stage.nuncio("proxy", f"""version: 1
domains: [inner.example]
listeners:
  - {{ name: lan, network: lan, bind: 127.0.0.1, port: 5060, transport: udp }}
  - {{ name: wan, network: wan, bind: {site.addr}, port: 5060, transport: udp, advertise: stun }}
backends:
  - {{ name: server, address: "sip:127.0.0.2:5060;transport=udp", listener: lan, probe: 0, users: ["*"] }}
partners:
  routes: [ {{ domain: open.example, server: {OPEN}, port: 5060, transport: udp, trustworthy: true, probe: 0 }} ]
nat: {{ stun_servers: [{COTURN}], monitor: 2s }}
media: {{ relay: [wan] }}
""", prefix=inside(site.name), workers=workers)
        with In(site.name):
            anna, voice, reports = Datagrams("127.0.0.2", 5060), udp("127.0.0.2", 6000), udp("127.0.0.2", 6001)
        with In("inet"):
            bob, ear, far_reports = Datagrams(OPEN, 5060), udp(OPEN, 4000), udp(OPEN, 4001)
        wait_for(lambda: proxy.ask_json("status")["nat"]["addresses"][0]["address"].startswith(site.seen), 10, "the public address")
        anna.send(request("INVITE", "bob@open.example", "anna@inner.example", anna.local, call_id=new_call_id(), extra=TYPE,
                          body=SDP.format("127.0.0.2", 6000)), ("127.0.0.1", 5060))
        invite, source = receive(bob, "INVITE ")
        host, port, rtcp = described(invite)
        tally.check("the SDP names the router's address and a port of its own", host == site.seen and 40000 <= port <= 49999, invite.body)
        bob.send(response(invite, "200 OK", extra=TYPE + f"Contact: <sip:bob@{OPEN}>\r\n", body=SDP.format(OPEN, 4000)), source)
        answer, _ = receive(anna, "SIP/2.0 200")
        _, inner, inner_rtcp = described(answer)
        voice.sendto(rtp(1), ("127.0.0.1", inner))
        _, seen = ear.recvfrom(2048)
        tally.check("media come from that very port", seen == (host, port), f"{seen}, the SDP says {host}:{port}")
        reports.sendto(RTCP, ("127.0.0.1", inner_rtcp))
        _, seen = far_reports.recvfrom(2048)
        tally.check("... and RTCP from the one of a=rtcp", seen == (host, rtcp), f"{seen}, the SDP says {host}:{rtcp}")
        ear.sendto(rtp(1000), (host, port))
        packet, _ = voice.recvfrom(2048)
        tally.check("what is sent to the port of the SDP arrives", packet == rtp(1000), packet[:16])
        tally.check("the proxy is well", proxy.is_running() and "Sanitizer" not in proxy.text(), proxy.text()[-2000:])
