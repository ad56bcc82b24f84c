"""What goes wrong in a TLS handshake, both ways, and that each fault gets its own code in the log with the side
that must act, and in `nuncio why`. OpenSSL (Python's ssl) plays the strangers: another library than ours."""

import itertools
import re
import socket
import ssl
import threading
import time
import warnings

from pki import EXPIRED, NOT_YET, Pki
from sip import Datagrams, Stream, new_call_id, request, response
from stage import Failure, Stage, is_bound, wait_for

warnings.filterwarnings("ignore", category=DeprecationWarning)  # TLS 1.1 is what is to be refused

OURS, PARTNER = "corp.example", "im.partner.example"
WHO_ACTS = r"\b(You|The other side|Either side) (must|can) act\b"
# A suite that OpenSSL has and GnuTLS has not.
FOREIGN_CIPHER = "ECDHE-ECDSA-ARIA128-GCM-SHA256"


def make_pki(stage):
    pki = Pki(stage.path("tls"))
    names = {"dns": (PARTNER, "sip." + PARTNER)}
    pki.ca("root")
    pki.ca("stranger-root", organisation="Nobody's Trust")
    pki.ca("middle", "root")
    pki.leaf("edge", "root", dns=(OURS, "sip." + OURS))
    pki.leaf("good", "root", **names)
    pki.leaf("expired", "root", dates=EXPIRED, **names)
    pki.leaf("not-yet", "root", dates=NOT_YET, **names)
    pki.leaf("wrong-name", "root", dns=("other.example",))
    pki.leaf("wildcard", "root", dns=("*.partner.example",))
    pki.leaf("unknown-ca", "stranger-root", **names)
    pki.leaf("self-signed", None, **names)
    pki.leaf("incomplete", "middle", **names)
    pki.leaf("complete", "middle", chain=("middle",), **names)
    pki.leaf("usage", "root", usage=("email_protection_key",), **names)
    pki.leaf("weak-key", "root", bits=1024, **names)
    pki.leaf("revoked", "root", **names)
    pki.leaf("client-only", "root", usage=("tls_www_client",), **names)
    pki.leaf("key-usage", "root", key_usage="encryption_key", bits=2048, **names)
    pki.ca("old", "root", bits=2048)  # with ECDSA nobody signs MD5
    pki.leaf("sha1", "root", digest="SHA1", **names)
    pki.leaf("md5", "old", digest="MD5", chain=("old",), **names)
    pki.ca("narrow", "root", more=('nc_permit_dns = "other.example"',))
    pki.leaf("constrained", "narrow", chain=("narrow",), **names)
    pki.leaf("no-ca", "good", chain=("good",), **names)
    pki.crl("root", "root", "revoked")
    return pki


def tls_context(pki, end, certificate=None, ca=None, oldest=None, newest=None, ciphers=None):
    """An OpenSSL context that allows everything that is not the point of the case."""
    context = ssl.SSLContext(end)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    # Level 0 lets this side, not ours, use short keys and old versions.
    context.set_ciphers((ciphers or "ALL") + ":@SECLEVEL=0")
    context.minimum_version = oldest or ssl.TLSVersion.TLSv1_2
    if newest:
        context.maximum_version = newest
    if certificate:
        context.load_cert_chain(pki.path(certificate + ".pem"), pki.path(certificate + ".key"))
    if ca:
        context.load_verify_locations(pki.path(ca + ".pem"))
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def only(version):
    return {"oldest": version, "newest": version}


TLS_1_0, TLS_1_1, TLS_1_2 = (only(version) for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1,
                                                           ssl.TLSVersion.TLSv1_2))


# Inbound: name, what the stranger's context is made of, the code that we must name.
INBOUND = [
    ("certificate expired", {"certificate": "expired"}, "tls-expired"),
    ("certificate not yet valid", {"certificate": "not-yet"}, "tls-not-yet-valid"),
    ("no client certificate", {}, "tls-no-client-certificate"),
    ("no client certificate, TLS 1.2", TLS_1_2, "tls-no-client-certificate"),
    ("CA unknown to us", {"certificate": "unknown-ca"}, "tls-unknown-ca"),
    ("self-signed", {"certificate": "self-signed"}, "tls-self-signed"),
    ("incomplete chain", {"certificate": "incomplete"}, "tls-incomplete-chain"),
    ("usage: e-mail only", {"certificate": "usage"}, "tls-usage"),
    ("RSA key of 1024 bits", {"certificate": "weak-key"}, "tls-weak-key"),
    ("revoked", {"certificate": "revoked"}, "tls-revoked"),
    ("signed with SHA-1", {"certificate": "sha1"}, "tls-weak-signature"),
    ("signed with MD5", {"certificate": "md5"}, "tls-weak-signature"),
    ("its CA may name other domains only", {"certificate": "constrained"}, "tls-constraints"),
    ("signed by one that is no CA", {"certificate": "no-ca"}, "tls-constraints"),
    ("key usage without signatures", {"certificate": "key-usage"}, "tls-usage"),
    ("TLS 1.0 only", dict(TLS_1_0, certificate="good"), "tls-version"),
    ("TLS 1.1 only", dict(TLS_1_1, certificate="good"), "tls-version"),
    ("no common cipher", dict(TLS_1_2, certificate="good", ciphers=FOREIGN_CIPHER), "tls-no-cipher"),
    ("our CA unknown to them", {"certificate": "good", "ca": "stranger-root"}, "tls-peer-unknown-ca"),
]


_strangers = itertools.count(1)


def stranger():
    """An address of its own: of one code and address one line is logged, and one record kept, in ten seconds."""
    return f"127.0.{next(_strangers)}.1"


def shake(pki, proxy, source, options):
    """Connects as the stranger; what it sees is of no interest, what we log is."""
    context = tls_context(pki, ssl.PROTOCOL_TLS_CLIENT, **options)
    with socket.create_connection(proxy, timeout=5, source_address=(source, 0)) as plain:
        try:
            with context.wrap_socket(plain, server_hostname="sip." + OURS) as secure:
                secure.settimeout(2)
                secure.recv(1)  # with TLS 1.3 the refusal comes after the client's own handshake is over
        except OSError:
            pass


def send_plain(proxy, source):
    with socket.create_connection(proxy, timeout=5, source_address=(source, 0)) as plain:
        plain.sendall(b"OPTIONS sip:corp.example SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1\r\n\r\n")
        plain.settimeout(2)
        try:
            plain.recv(100)
        except OSError:
            pass


def break_off(proxy, source):
    """A ClientHello that stops in its middle, and a reset."""
    with socket.create_connection(proxy, timeout=5, source_address=(source, 0)) as plain:
        plain.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(32))
        time.sleep(0.1)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")


class FakeServer(threading.Thread):
    """A partner's server that takes one connection after the other and does `serve` with each."""

    def __init__(self, addr, port, serve):
        super().__init__(daemon=True)
        self.listener = socket.create_server((addr, port))
        self.serve = serve

    def run(self):
        while True:
            try:
                plain, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve_one, args=(plain,), daemon=True).start()

    def serve_one(self, plain):
        plain.settimeout(30)
        try:
            self.serve(plain)
        except OSError:
            pass
        finally:
            plain.close()

    def close(self):
        self.listener.close()


def tls_server(pki, alert=None, **options):
    context = tls_context(pki, ssl.PROTOCOL_TLS_SERVER, **options)
    if alert is not None:
        context.sni_callback = lambda *_: alert

    def serve(plain):
        with context.wrap_socket(plain, server_side=True) as secure:
            stream = Stream(secure)
            while (message := stream.receive()) is not None:
                if not message.status:
                    stream.send(response(message, "200 OK"))
    return serve


class Announcer:
    """A server that names the CAs which it accepts, as Python's ssl cannot."""

    def __init__(self, stage, pki, addr, port, certificate, announces):
        self.process = stage.start("announcer", [
            "openssl", "s_server", "-accept", f"{addr}:{port}", "-www", "-cert", pki.path(certificate + ".pem"),
            "-key", pki.path(certificate + ".key"), "-CAfile", pki.path(announces + ".pem"), "-Verify", "1",
            "-verify_return_error"])

    def close(self):
        self.process.stop()


def start_server(stage, pki, port, options):
    """A partner's server that does what a row of OUTBOUND says."""
    options = {key: value for key, value in options.items() if key != "route"}
    if "announces" in options:
        server = Announcer(stage, pki, stage.addr(9), port, **options)
        wait_for(lambda: is_bound("tcp", stage.addr(9), port), what="openssl s_server")
        return server
    server = FakeServer(stage.addr(9), port, options["raw"] if "raw" in options else tls_server(pki, **options))
    server.start()
    return server


def answer_plainly(plain):
    plain.recv(1000)
    plain.sendall(b"SIP/2.0 400 Bad Request\r\n\r\n")
    time.sleep(0.5)


def be_silent(plain):
    time.sleep(60)


def close_at_once(plain):
    plain.recv(1000)


def reset_at_once(plain):
    plain.recv(1000)
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")


# Outbound: name, the partner's server, the code. {"raw": f} is no TLS at all.
ALERT = ssl.AlertDescription
OUTBOUND = [
    ("certificate expired", {"certificate": "expired"}, "tls-expired"),
    ("certificate not yet valid", {"certificate": "not-yet"}, "tls-not-yet-valid"),
    ("wrong name", {"certificate": "wrong-name"}, "tls-name-mismatch"),
    ("wildcard", {"certificate": "wildcard"}, "tls-wildcard"),
    ("CA unknown to us", {"certificate": "unknown-ca"}, "tls-unknown-ca"),
    ("self-signed", {"certificate": "self-signed"}, "tls-self-signed"),
    ("incomplete chain", {"certificate": "incomplete"}, "tls-incomplete-chain"),
    ("usage: e-mail only", {"certificate": "usage"}, "tls-usage"),
    ("RSA key of 1024 bits", {"certificate": "weak-key"}, "tls-weak-key"),
    ("revoked", {"certificate": "revoked"}, "tls-revoked"),
    ("usage: client only", {"certificate": "client-only"}, "tls-usage"),
    ("signed with SHA-1", {"certificate": "sha1"}, "tls-weak-signature"),
    ("signed with MD5", {"certificate": "md5"}, "tls-weak-signature"),
    ("its CA may name other domains only", {"certificate": "constrained"}, "tls-constraints"),
    ("signed by one that is no CA", {"certificate": "no-ca"}, "tls-constraints"),
    ("key usage without signatures", {"certificate": "key-usage"}, "tls-usage"),
    ("TLS 1.0 only", dict(TLS_1_0, certificate="good"), "tls-peer-version"),
    ("TLS 1.1 only", dict(TLS_1_1, certificate="good"), "tls-peer-version"),
    ("no common cipher", dict(TLS_1_2, certificate="good", ciphers=FOREIGN_CIPHER), "tls-peer-no-cipher"),
    ("our CA unknown to them", {"certificate": "good", "ca": "stranger-root"}, "tls-peer-unknown-ca"),
    ("our CA unknown to them, TLS 1.2", dict(TLS_1_2, certificate="good", ca="stranger-root"),
     "tls-peer-unknown-ca"),
    ("they name the CAs that they accept", {"certificate": "good", "announces": "stranger-root"}, "tls-peer-unknown-ca"),
    ("they want a certificate, the route has none", {"certificate": "good", "ca": "root", "route": "tls"},
     "tls-peer-wants-certificate"),
    ("a plain TCP port", {"raw": answer_plainly}, "tls-peer-not-tls"),
    ("closed in the handshake", {"raw": close_at_once}, "tls-peer-closed"),
    ("reset in the handshake", {"raw": reset_at_once}, "tls-peer-closed"),
    ("silence", {"raw": be_silent}, "tls-timeout"),
    ("alert: name unknown", {"certificate": "good", "alert": ALERT.ALERT_DESCRIPTION_UNRECOGNIZED_NAME},
     "tls-peer-unknown-name"),
    ("alert: expired", {"certificate": "good", "alert": ALERT.ALERT_DESCRIPTION_CERTIFICATE_EXPIRED},
     "tls-peer-expired"),
    ("alert: revoked", {"certificate": "good", "alert": ALERT.ALERT_DESCRIPTION_CERTIFICATE_REVOKED},
     "tls-peer-revoked"),
    ("alert: bad certificate", {"certificate": "good", "alert": ALERT.ALERT_DESCRIPTION_BAD_CERTIFICATE},
     "tls-peer-bad-certificate"),
    ("alert: access denied", {"certificate": "good", "alert": ALERT.ALERT_DESCRIPTION_ACCESS_DENIED},
     "tls-peer-access-denied"),
    ("alert: another", {"certificate": "good", "alert": ALERT.ALERT_DESCRIPTION_INTERNAL_ERROR},
     "tls-alert"),
]
FIRST_PORT = 6001


def outbound_domain(number):
    """The partner of case `number`; the name in the good certificate is pinned in its route."""
    return f"case{number}.example"


def routes(stage):
    lines = []
    for number, (_, options, _) in enumerate(OUTBOUND):
        kind = options.get("route", "mtls")
        certificate = ", certificate: edge" if kind == "mtls" else ", trustworthy: true"
        # The good name is pinned, so that what is wrong with each certificate is one thing only.
        lines.append(f"    - {{ domain: {outbound_domain(number)}, server: {stage.addr(9)}, "
                     f"port: {FIRST_PORT + number}, transport: {kind}, identity: [{PARTNER}], probe: 0s{certificate} }}")
    return "\n".join(lines)


def config(stage):
    return f"""version: 1
domains: [{OURS}]
listeners:
  - {{ name: wan, network: wan, bind: {stage.addr(1)}, port: 5061, transport: mtls, certificate: edge }}
  - {{ name: wan-tls, network: wan, bind: {stage.addr(1)}, port: 5062, transport: tls, certificate: edge }}
  - {{ name: lan, network: lan, bind: {stage.addr(2)}, port: 5060, transport: udp }}
certificates:
  edge: {{ chain: tls/edge.pem, key: tls/edge.key }}
tls:
  trust: [tls/root.pem]
  crl: [tls/root.crl]
backends:
  - {{ name: server, address: "sip:{stage.addr(3)}:5060;transport=udp", listener: lan, probe: 0, users: ["*"] }}
partners:
  routes:
    - {{ domain: {PARTNER}, server: {stage.addr(8)}, port: 5061, transport: mtls, certificate: edge }}
{routes(stage)}
limits: {{ requests: 10000/s, handshakes: 1000/s, auth_failures: 10000/m }}
"""


# What `nuncio why` shows beside the code: of the certificate that failed, of ours, and who said what.
SHOWN = {
    ("from", "certificate expired"): [r"our alert\s+certificate_expired", r"\bcertificate\s+CN=expired", r"its issuer\s+CN=root",
                                      r"valid until\s+2020-12-31", r"serial number\s+[0-9a-f]+", r"SHA-256\s+[0-9a-f]{64}"],
    ("from", "certificate not yet valid"): [r"valid from\s+2048-01-01"],
    ("from", "incomplete chain"): [r"its issuer\s+CN=middle"],
    ("from", "no client certificate"): [r"our alert\s+certificate_required", r"versions offered\s+TLS1.3, TLS1.2"],
    ("from", "TLS 1.1 only"): [r"our alert\s+protocol_version", r"versions offered\s+TLS1.1"],
    ("from", "our CA unknown to them"): [r"their alert\s+unknown_ca", r"our issuer\s+CN=root", r"our names\s+corp\.example"],
    ("to", "wrong name"): [r"names wanted\s+.*im\.partner\.example", r"names shown\s+other\.example"],
    ("to", "our CA unknown to them"): [r"their alert\s+unknown_ca", r"our issuer\s+CN=root",
                                       r"asked for ours\s+and it was sent"],
    ("to", "they name the CAs that they accept"): [r"issuers accepted\s+.*CN=stranger-root", r"ours is of another\s+CN=root"],
    ("to", "they want a certificate, the route has none"): [r"asked for ours\s+there was none to send"],
}


def line_with(proxy, mark, code):
    """The log line that names the code, or None."""
    found = re.search(rf"^.*\b{re.escape(code)}\b.*$", proxy.text_after(mark), re.M)
    return found.group(0) if found else None


def check_line(tally, name, code, line, log):
    if not line:
        tally.check(f"{name}: {code}", False, "no line of the log has the code; the log says:\n" + log)
        return
    tally.check(f"{name}: {code}", re.search(WHO_ACTS, line), f"the line does not say which side must act: {line}")


def check_why(tally, name, code, proxy, about, direction):
    """`nuncio why ADDRESS` or PARTNER tells of the handshake, with its code, who must act and what to do."""
    status, out, err = proxy.ask("why", about)
    shown = [record for record in out.split("\n----\n") if record.strip().startswith(f"TLS handshake  {direction} ")]
    tally.check(f"{name}: nuncio why {about} names {code}",
                status == 0 and any(f"refused: {code}\n" in record and "who must act" in record and "what to do" in record
                                    for record in shown), f"{status}\n{out}{err}")
    for pattern in SHOWN.get((direction, name), ()):
        tally.check(f"{name}: nuncio why {about} shows {pattern}", any(re.search(pattern, record) for record in shown), out)


def test_inbound(tally, stage, pki, proxy):
    print("TLS refusals, inbound: a stranger connects to our mtls listener")
    wan = (stage.addr(1), 5061)
    silent_source = stranger()
    silent = socket.create_connection(wan, source_address=(silent_source, 0))  # its time runs while the others are tried
    silent_mark = proxy.mark()
    cases = [(name, code, lambda source, options=options: shake(pki, wan, source, options))
             for name, options, code in INBOUND]
    cases += [("plain SIP on the TLS port", "tls-not-tls", lambda source: send_plain(wan, source)),
              ("reset in the handshake", "tls-peer-closed", lambda source: break_off(wan, source))]
    for name, code, act in cases:
        mark, source = proxy.mark(), stranger()
        act(source)
        try:
            line = wait_for(lambda: line_with(proxy, mark, code), 3, code)
        except Failure:
            line = None
        check_line(tally, name, code, line, proxy.text_after(mark))
        check_why(tally, name, code, proxy, source, "from")
    try:
        line = wait_for(lambda: line_with(proxy, silent_mark, "tls-timeout"), 40, "tls-timeout")
    except Failure:
        line = None
    check_line(tally, "silence", "tls-timeout", line, "")
    check_why(tally, "silence", "tls-timeout", proxy, silent_source, "from")
    silent.close()


def ask_as(stage, pki, certificate, port, sender, to):
    """A request over TLS with that certificate; returns the final response or None."""
    context = tls_context(pki, ssl.PROTOCOL_TLS_CLIENT, certificate=certificate)
    plain = socket.create_connection((stage.addr(1), port), timeout=5)
    with context.wrap_socket(plain, server_hostname="sip." + OURS) as secure:
        stream = Stream(secure)
        return stream.ask(request("MESSAGE", to, sender, stream.local, "TLS", body="x",
                                  extra="Content-Type: text/plain\r\n"))


def test_identity(tally, stage, pki, proxy):
    """The handshake is fine, but the certificate does not speak for the domain in From (RFC 5922)."""
    print("certificates that do not speak for the sender's domain")
    rows = [
        ("wrong name", "wrong-name", 5061, "bob@" + PARTNER, "identity-mismatch"),
        ("wildcard", "wildcard", 5061, "bob@" + PARTNER, "wildcard-certificate"),
        ("our own domain from outside", "good", 5061, "anna@" + OURS, "own-domain-from-outside"),
        ("a domain without a route", "wrong-name", 5061, "eve@other.example", "not-a-partner"),
        ("no certificate on the tls listener", None, 5062, "bob@" + PARTNER, "no-certificate"),
    ]
    for name, certificate, port, sender, code in rows:
        try:
            answer = ask_as(stage, pki, certificate, port, sender, "anna@" + OURS)
        except OSError as error:
            tally.check(f"{name}: {code}", False, error)
            continue
        status, out, err = proxy.ask("why", "last")
        tally.check(f"{name}: 403, {code}", answer and answer.status == 403 and code in out,
                    f"{answer.first if answer else 'closed'}\nnuncio why: {status} {out}{err}")


def test_outbound(tally, stage, pki, proxy):
    print("TLS refusals, outbound: our proxy connects to a partner's server")
    servers = []
    for number, (_, options, _) in enumerate(OUTBOUND):
        servers.append(start_server(stage, pki, FIRST_PORT + number, options))
    agent = Datagrams(stage.addr(3), 5060, timeout=45)
    try:
        calls = {}
        mark = proxy.mark()
        for number, (name, _, code) in enumerate(OUTBOUND):
            calls[new_call_id()] = (name, code, number)
        for call_id, (_, _, number) in calls.items():
            agent.send(request("MESSAGE", f"bob@{outbound_domain(number)}", "anna@" + OURS, agent.local,
                               call_id=call_id, body="x", extra="Content-Type: text/plain\r\n"),
                       (stage.addr(2), 5060))
        finals = {}
        while len(finals) < len(calls):
            answer, _ = agent.receive()
            if answer.status >= 200:
                finals[answer.header("Call-ID")] = answer
        for call_id, (name, code, number) in calls.items():
            _, out, err = proxy.ask("why", call_id)
            answer = finals[call_id]
            tally.check(f"{name}: {answer.status}, {code}", answer.status in (503, 500, 408, 403) and code in out,
                        f"{answer.first}\nnuncio why says:\n{out}{err}\nlog: {line_with(proxy, mark, code)}")
            check_why(tally, name, code, proxy, outbound_domain(number), "to")
    finally:
        agent.close()
        for server in servers:
            server.close()


def tests(tally, workers):
    with Stage("tls") as stage:
        pki = make_pki(stage)
        proxy = stage.nuncio("proxy", config(stage), workers=workers)
        for test in (test_inbound, test_identity, test_outbound):
            tally.section(test, stage, pki, proxy)
        tally.check("the proxy still runs", proxy.is_running(), proxy.text()[-1500:])
