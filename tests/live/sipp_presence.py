"""sipp as publisher and as watchers of a presence server: each message is asked for, and what stands in it."""

import os
import subprocess

from sipp import errors_in
from stage import Failure

DOCUMENT = ('<?xml version="1.0"?>\n<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:{0}">'
            '<tuple id="t1"><status><basic>{1}</basic></status></tuple></presence>')


KEPT = ("From", "To", "Call-ID", "CSeq")


def request(method, to, sender, cseq, extra, body="", target=None, tag=""):
    return (f"<send retrans=\"500\"><![CDATA[\n{method} {target or 'sip:' + to} SIP/2.0\n"
            f"Via: SIP/2.0/[transport] [local_ip]:[local_port];rport;branch=[branch]\n"
            f"{'[routes]' + chr(10) if tag else ''}Max-Forwards: 70\nFrom: <sip:{sender}>;tag=w[call_number]\n"
            f"To: <sip:{to}>{tag}\nCall-ID: [call_id]\nCSeq: {cseq} {method}\n"
            f"Contact: <sip:live@[local_ip]:[local_port];transport=[transport]>\nEvent: presence\n"
            f"{extra}\nContent-Length: [len]\n\n{body}\n]]></send>\n")


def answer(status, *checks, options=""):
    return f'<recv response="{status}" {options}><action>{"".join(checks)}</action></recv>\n'


def notified(*checks):
    """A NOTIFY comes, with what is asked for, and what its answer needs is kept."""
    keep = ('<ereg regexp="((Via|Record-Route): [[:print:]]+[[:cntrl:]]+)+" search_in="msg" assign_to="vias"/>' +
            "".join(f'<ereg regexp=".*" search_in="hdr" header="{name}:" assign_to="{name}"/>' for name in KEPT))
    return f'<recv request="NOTIFY"><action>{"".join(checks)}{keep}</action></recv>\n'


def answered_and_notified(number, *checks):
    """The 200 to a SUBSCRIBE and the NOTIFY, in whatever order they come (RFC 6665 section 4.1.2.4), and the answer to the
    NOTIFY, for which sipp must not be in a hurry: it takes nothing while it sends. number: of this pair in the scenario,
    from 1."""
    first, end = 2 * number - 1, 2 * number
    lines = "".join(f"{name}:[${name}]\n" for name in KEPT)
    return (answer(200, options=f'rrs="true" optional="true" next="{first}"') + notified(*checks) +
            answer(200, options=f'rrs="true" next="{end}"') + f'<label id="{first}"/>\n' + notified(*checks) +
            f'<label id="{end}"/>\n<send><![CDATA[\nSIP/2.0 200 OK\n[$vias]{lines}Content-Length: 0\n\n]]></send>\n')


def header(name, pattern):
    return (f'<ereg regexp="{pattern}" search_in="hdr" header="{name}:" check_it="true" assign_to="seen"/>')


def body(pattern):
    return f'<ereg regexp="{pattern}" search_in="body" check_it="true" assign_to="seen"/>'


def scenario(name, *steps):
    return (f'<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="{name}">\n{"".join(steps)}'
            '<Reference variables="seen"/>\n</scenario>\n')


def publisher(user):
    """Publishes, changes what it published, and takes it away (RFC 3903 section 4)."""
    document = "Content-Type: application/pidf+xml"
    keep = '<ereg regexp="[^ ]+" search_in="hdr" header="SIP-ETag:" check_it="true" assign_to="tag"/>'

    def publish(cseq, extra, status="open"):
        return request("PUBLISH", user, user, cseq, extra, DOCUMENT.format(user, status) if status else "")
    return scenario("publisher", publish(1, f"Expires: 600\n{document}"), answer(200, keep, header("Expires", "[1-9]")),
                    publish(2, f"Expires: 600\nSIP-If-Match: [$tag]\n{document}", "closed"), answer(200, keep),
                    publish(3, "Expires: 0\nSIP-If-Match: [$tag]", None), answer(200))


def watcher(user, watched):
    """Subscribes, is told; subscribes again in the dialog, is told again; ends it, and is told the end (RFC 6665)."""
    watch, dialog = "Accept: application/pidf+xml\nExpires: ", {"target": "[next_url]", "tag": "[peer_tag_param]"}
    told = (header("Event", "presence"), header("Subscription-State", "active;expires=[1-9]"),
            header("Content-Type", "application/pidf.xml"), body(f"entity=.sip:{watched}."), body("open"))
    return scenario("watcher", request("SUBSCRIBE", watched, user, 1, watch + "600"), answered_and_notified(1, *told),
                    request("SUBSCRIBE", watched, user, 2, watch + "300", **dialog), answered_and_notified(2, *told),
                    request("SUBSCRIBE", watched, user, 3, watch + "0", **dialog),
                    answered_and_notified(3, header("Subscription-State", "terminated")))


def play(stage, name, text, addr, server, count=1, rate=10, timeout=20):
    """Plays the scenario count times from addr to the server over UDP. Raises Failure with what sipp wrote."""
    path, folder = stage.write(f"{name}.xml", text), stage.path(name)
    os.makedirs(folder, exist_ok=True)
    done = subprocess.run(["sipp", "-nostdin", "-sf", path, "-i", addr, "-p", "5060", "-t", "u1", "-m", str(count),
                           "-r", str(rate), "-trace_err", "-timeout", str(timeout), "-timeout_error",
                           "-recv_timeout", "10000", f"{server}:5060"],
                          cwd=folder, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
                          timeout=timeout + 15)
    if done.returncode:
        raise Failure(f"sipp {name} ended with {done.returncode}\n{errors_in(folder)}")
