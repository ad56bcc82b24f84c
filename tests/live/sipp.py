"""Conversations as tables, played by two sipp programs: one line of a table is one message, ">" from the
caller, "<" from the called. sipp's two scenario files are made from it."""

import os
import subprocess

from stage import Failure

SDP = """v=0
o=- 1 1 IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=audio 40000 RTP/AVP 0
a=rtpmap:0 PCMU/8000"""

# Headers and bodies that belong to a method or a response.
WORDS = {
    "INVITE": ("Allow: INVITE, ACK, CANCEL, BYE, PRACK, UPDATE, INFO, REFER, NOTIFY\n"
               "Supported: 100rel\nContent-Type: application/sdp", SDP),
    "UPDATE": ("Content-Type: application/sdp", SDP),
    "MESSAGE": ("Content-Type: text/plain", "Shall we have lunch at twelve?"),
    "SUBSCRIBE": ("Event: presence\nAccept: application/pidf+xml\nExpires: 600", ""),
    "NOTIFY": ("Event: presence\nSubscription-State: active;expires=600\n"
               "Content-Type: application/pidf+xml",
               '<?xml version="1.0"?>\n<presence xmlns="urn:ietf:params:xml:ns:pidf" '
               'entity="sip:bob@b.example"><tuple id="t1"><status><basic>open</basic></status>'
               "</tuple></presence>"),
    "PUBLISH": ("Event: presence\nExpires: 600\nContent-Type: application/pidf+xml",
                '<?xml version="1.0"?>\n<presence xmlns="urn:ietf:params:xml:ns:pidf" '
                'entity="sip:anna@a.example"/>'),
    "INFO": ("Content-Type: application/dtmf-relay", "Signal=5\nDuration=160"),
    "REFER": ("Refer-To: <sip:carl@b.example>", ""),
    "PRACK": ("RAck: 1 1 INVITE", ""),
    "183": ("Require: 100rel\nRSeq: 1\nContent-Type: application/sdp", SDP),
    "200 INVITE": ("Content-Type: application/sdp", SDP),
    "200 UPDATE": ("Content-Type: application/sdp", SDP),
    "200 SUBSCRIBE": ("Expires: 600", ""),
    "200 PUBLISH": ("SIP-ETag: e1\nExpires: 600", ""),
}
PHRASES = {"180": "Ringing", "183": "Session Progress", "200": "OK", "202": "Accepted",
           "404": "Not Found", "486": "Busy Here", "487": "Request Terminated", "603": "Decline"}


class Conversation:
    """Turns a table into the scenario of one side. Each step is (arrow, what): what is a method, or a status
    followed by the method of its request: "200 INVITE"."""

    def __init__(self, steps, caller, called):
        self.steps = steps
        self.caller, self.called = caller, called

    def scenario(self, is_caller):
        out = ['<?xml version="1.0" encoding="UTF-8"?>', '<scenario name="live">']
        seen_dialog, cseq = False, 0
        for position, (arrow, what) in enumerate(self.steps):
            is_ours = (arrow == ">") == is_caller
            is_response = what[0].isdigit()
            if not is_ours:
                out.append(self.receive(what, is_response, is_caller, position))
            elif is_response:
                out.append(self.send(self.response(what, is_caller, position),
                                     'retrans="500"' if what == "200 INVITE" else ""))
            else:
                # ACK and CANCEL carry the number of their INVITE, which is the caller's first.
                number = 1 if what in ("ACK", "CANCEL") else (cseq := cseq + 1)
                text = self.request(what, number, is_caller, seen_dialog, position)
                out.append(self.send(text, "" if what == "ACK" else 'retrans="500"'))
            seen_dialog = True
        out.append("</scenario>")
        return "\n".join(out) + "\n"

    def receive(self, what, is_response, is_caller, position):
        """The 100 of a proxy may come before any response to an INVITE, or not at all."""
        out = ""
        if is_response and what.endswith(" INVITE") and is_caller:
            out = '<recv response="100" optional="true"/>\n'
        if is_response:
            out += f'<recv response="{what.split()[0]}" rrs="true"'
        else:
            out += f'<recv request="{what}" rrs="true"'
        actions = self.actions() if position == 0 and not is_caller else ""
        return f"{out}>\n<action>{actions}</action>\n</recv>" if actions else out + "/>"

    def actions(self):
        """What the called side must remember of the first request. sipp ends itself over a variable that
        is set and never used, so each is set only where it is needed."""
        out = ""
        if any(arrow == "<" and not what[0].isdigit() for arrow, what in self.steps):
            # sipp has no word for the peer's From with its tag, which requests of ours need as To.
            out += ('<ereg regexp="&lt;.*" search_in="hdr" header="From:" assign_to="1"/>'
                    '<ereg regexp="sip:[^&gt;]*" search_in="hdr" header="Contact:" assign_to="2"/>')
        if any(self.is_late(position) for position in range(len(self.steps))):
            out += ('<ereg regexp="((Via|Record-Route): [[:print:]]+[[:cntrl:]]+)+" search_in="msg" '
                    'assign_to="3"/>')
        return out

    @staticmethod
    def send(text, options):
        return f"<send {options}>\n<![CDATA[\n{text}\n]]>\n</send>"

    def is_late(self, position):
        """True if the called side answers the INVITE here after having received another request: the
        [last_...] words of sipp are then not the INVITE's."""
        arrow, what = self.steps[position]
        if arrow == ">" or not what.endswith(" INVITE"):
            return False
        received = [step for side, step in self.steps[:position] if side == ">" and not step[0].isdigit()]
        return received[-1] != "INVITE"

    def is_refused(self, position):
        """True if the ACK at `position` belongs to a final response that is no 2xx."""
        before = [what for _, what in self.steps[:position] if what.endswith(" INVITE")]
        return before and before[-1][0] not in "12"

    def request(self, method, number, is_caller, in_dialog, position):
        head, body = WORDS.get(method, ("", ""))
        target, routes, branch = f"sip:{self.called}", "", "[branch]"
        ours, theirs = (self.caller, self.called) if is_caller else (self.called, self.caller)
        to = f"<sip:{theirs}>[peer_tag_param]" if in_dialog else f"<sip:{theirs}>"
        if method == "CANCEL" or (method == "ACK" and self.is_refused(position)):
            # Hop by hop: the Request-URI and the branch of the INVITE (RFC 3261 9.1, 17.1.1.3).
            branch = f"[branch-{self.distance(position)}]"
            to = f"<sip:{theirs}>" if method == "CANCEL" else to
        elif in_dialog:
            target, routes = ("[next_url]" if is_caller else "[$2]"), "[routes]\n"
        if not is_caller:
            to = "[$1]"
        lines = (f"{method} {target} SIP/2.0\n"
                 f"Via: SIP/2.0/[transport] [local_ip]:[local_port];rport;branch={branch}\n"
                 f"{routes}"
                 f"Max-Forwards: 70\n"
                 f"From: <sip:{ours}>;tag={'c' if is_caller else 'd'}[call_number]\n"
                 f"To: {to}\n"
                 f"Call-ID: [call_id]\n"
                 f"CSeq: {number} {method}\n"
                 f"Contact: <sip:live@[local_ip]:[local_port];transport=[transport]>\n")
        return lines + self.tail(head, body)

    def distance(self, position):
        """How many steps of sipp's scenario lie between the INVITE and this step: [branch-N]."""
        steps = 0
        for place in range(position - 1, -1, -1):
            what = self.steps[place][1]
            steps += 1
            if what == "INVITE":
                return steps
            steps += what.endswith(" INVITE")  # the optional 100 before it
        return steps

    def response(self, what, is_caller, position):
        status, method = what.split()
        head, body = WORDS.get(what, WORDS.get(status, ("", "")))
        to = "[last_To:]" if is_caller else f"To: <sip:{self.called}>;tag=d[call_number]"
        above = "[last_Via:]\n[last_Record-Route:]\n[last_CSeq:]\n"
        if self.is_late(position):
            above = "[$3]CSeq: 1 INVITE\n"  # the kept lines have their ends with them
        return (f"SIP/2.0 {status} {PHRASES.get(status, 'Status')}\n"
                f"{above}[last_From:]\n{to}\n[last_Call-ID:]\n"
                f"Contact: <sip:live@[local_ip]:[local_port];transport=[transport]>\n"
                + self.tail(head, body))

    @staticmethod
    def tail(head, body):
        head = head + "\n" if head else ""
        # sipp puts lines of a scenario on the wire with CRLF and counts [len] itself.
        return f"{head}Content-Length: [len]\n\n{body}"


def play(stage, name, conversation, caller, called, n_calls=10, rate=20, transport="udp", timeout=30):
    """Plays it n_calls times. caller is (address, proxy address), called is its address. Raises Failure with what
    sipp wrote if one call went wrong."""
    mode = {"udp": "u1", "tcp": "t1"}[transport]
    files = {}
    for side, is_caller in (("caller", True), ("called", False)):
        files[side] = stage.write(f"{name}-{side}.xml", conversation.scenario(is_caller))
    common = ["-nostdin", "-t", mode, "-p", "5060", "-m", str(n_calls), "-trace_err",
              "-timeout", str(timeout), "-timeout_error", *os.environ.get("SIPP_ARGS", "").split(), "-max_retrans", "8", "-recv_timeout", "15000"]
    os.makedirs(stage.path(name), exist_ok=True)
    server = stage.start(f"{name}-called", ["sipp", "-sf", files["called"], "-i", called, *common],
                         cwd=stage.path(name))
    try:
        client = subprocess.run(["sipp", "-sf", files["caller"], "-i", caller[0], *common,
                                 "-r", str(rate), f"{caller[1]}:5060"],
                                cwd=stage.path(name), capture_output=True, text=True, check=False,
                                stdin=subprocess.DEVNULL, timeout=timeout + 15)
        status = server.wait(timeout)
    finally:
        server.stop()
    if client.returncode or status:
        raise Failure(f"sipp: caller ended with {client.returncode}, called with {status}\n"
                      + errors_in(stage.path(name)))


def errors_in(directory):
    text = ""
    for name in sorted(os.listdir(directory)):
        if name.endswith("_errors.log"):
            with open(os.path.join(directory, name), encoding="utf-8", errors="replace") as log:
                text += f"{name}:\n{log.read()[:2500]}\n"
    return text
