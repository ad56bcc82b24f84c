"""sipp streams RTP through two proxies that relay, and the other sipp sends every packet back: as many as went out must have been
counted in each direction, at both proxies."""

from stage import wait_for

SDP = "v=0\no=- 1 1 IN IP4 [media_ip]\ns=-\nc=IN IP4 [media_ip]\nt=0 0\nm=audio [{}] RTP/AVP 0\na=rtpmap:0 PCMU/8000\n"
HEAD = """Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
From: <sip:anna@{a}>;tag=[call_number]
To: <sip:bob@{b}>{tag}
Call-ID: [call_id]
CSeq: {number} {method}
Contact: <sip:anna@[local_ip]:[local_port]>
Max-Forwards: 70
"""
SECONDS = 2

CALLER = """<?xml version="1.0" encoding="UTF-8"?>
<scenario name="stream">
<send retrans="500"><![CDATA[
INVITE sip:bob@{b} SIP/2.0
{invite}Content-Type: application/sdp
Content-Length: [len]

{sdp}]]></send>
<recv response="100" optional="true"/>
<recv response="200" rrs="true"/>
<send><![CDATA[
ACK [next_url] SIP/2.0
[routes]
{ack}Content-Length: 0

]]></send>
<nop><action><exec rtp_stream="{sound},1,0"/></action></nop>
<pause milliseconds="{ms}"/>
<send retrans="500"><![CDATA[
BYE [next_url] SIP/2.0
[routes]
{bye}Content-Length: 0

]]></send>
<recv response="200"/>
</scenario>
"""

CALLED = """<?xml version="1.0" encoding="UTF-8"?>
<scenario name="echo">
<recv request="INVITE" rrs="true"/>
<send retrans="500"><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_Record-Route:]
[last_From:]
[last_To:];tag=bob
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:bob@[local_ip]:[local_port]>
Content-Type: application/sdp
Content-Length: [len]

{sdp}]]></send>
<recv request="ACK"/>
<recv request="BYE"/>
<send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
</scenario>
"""


def start(stage, name, scenario, addr, port, media_port, more):
    path = stage.path(f"{name}.xml")
    stage.write(f"{name}.xml", scenario)
    return stage.start(name, [*stage.at(addr), "sipp", "-sf", path, "-i", addr, "-p", str(port), "-mi", addr, "-mp", str(media_port), "-m", "1", "-nostdin",
                              "-timeout", "20s", "-timeout_error", *more])


def stream(tally, stage, both):
    """A call of some seconds; both are the federation, each with the address of its backend."""
    sound = stage.path("sound.raw")
    with open(sound, "wb") as out:
        out.write(bytes(range(256)) * (8000 * SECONDS // 256))
    head = lambda method, number, tag="": HEAD.format(a=both.a.domain, b=both.b.domain, method=method, number=number, tag=tag)
    start(stage, "echo", CALLED.format(sdp=SDP.format("media_port")), both.b.backend, 5060, 20000, ["-rtp_echo"])
    caller = start(stage, "stream", CALLER.format(
        b=both.b.domain, sdp=SDP.format("media_port"), sound=sound, ms=1000 * SECONDS + 500, invite=head("INVITE", 1),
        ack=head("ACK", 1, "[peer_tag_param]"), bye=head("BYE", 2, "[peer_tag_param]")), both.a.backend, 5060, 21000,
        [f"{both.a.lan}:5060"])
    wait_for(lambda: not caller.is_running(), 20, "the end of the stream")
    n_sent = 50 * SECONDS  # 20 ms each
    for site in (both.a, both.b):
        site.proxy.wait_text("media ended", 10)
        call_id = site.proxy.wait_text(r"media ended.* call=(\S+)", 5).group(1)
        record = next(r for r in site.proxy.ask_json("why", call_id)["decisions"] if r["kind"] == "media")
        sides = record["media"]["streams"][0]["sides"]
        tally.check(f"sipp's stream is counted at {site.name}, both ways",
                    all(n_sent - 5 <= side["received_packets"] <= n_sent + 5 and side["lost_packets"] <= 2 and
                        side["sent_packets"] <= n_sent + 5 for side in sides) and
                    abs(sides[0]["received_packets"] - sides[1]["received_packets"]) <= 3, sides)
    tally.check("sipp is content", caller.popen.returncode == 0, caller.text()[-1500:])
