"""Changing the configuration under traffic: what is valid takes effect at once, what is not changes nothing,
and no call is lost over either."""

import os
import re
import signal
import socket
import ssl
import subprocess
import time

import load
from sip import Datagrams, Stream, request, response
from sites import federation
from stage import ROOT, wait_for


def as_partner(stage, both, server_hostname):
    """A TLS connection to a's wan listener with b's certificate; its peer is not verified."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.load_cert_chain(stage.path("tls", "b.pem"), stage.path("tls", "b.key"))
    plain = socket.create_connection((both.a.wan, 5061), timeout=5)
    return context.wrap_socket(plain, server_hostname=server_hostname)


def ask_from_b(stream, both):
    return stream.ask(request("OPTIONS", f"{both.a.domain}", f"bob@{both.b.domain}", stream.local, "TLS",
                              uri=f"sip:{both.a.domain}"))


def change(proxy, config):
    """Writes it and reloads; returns (exit status, everything that was printed)."""
    proxy.configure(config)
    status, out, err = proxy.ask("reload")
    return status, out + err


def test_under_traffic(tally, stage, both):
    print("reloads under traffic, good and bad in turns")
    good = both.config(both.a, both.b)
    more = good.replace("partners:\n  routes:\n",
                        f"partners:\n  routes:\n    - {{ domain: new.example, server: {stage.addr(99)}, "
                        f"port: 5061, transport: mtls, certificate: edge }}\n")
    bad = good.replace("trustworthy", "trustworty").replace("certificate: edge }", "certificate: egde }")
    traffic = load.Background(both.a, both.b, kind="call", count=600, rate=60, timeout=20)
    outcomes = {"good": [], "bad": []}
    try:
        time.sleep(0.5)
        for turn in range(12):
            outcomes["good"].append(change(both.a.proxy, more if turn % 2 == 0 else good))
            outcomes["bad"].append(change(both.a.proxy, bad))
        both.a.proxy.configure(good)
        both.a.proxy.signal(signal.SIGHUP)
        both.b.proxy.signal(signal.SIGHUP)
        result = traffic.finish()
    finally:
        traffic.stop()
    tally.check(f"{result['transactions']} calls went through 24 reloads and a SIGHUP of each proxy",
                not load.complaint(result), load.complaint(result))
    tally.check("good ones answer with exit 0", all(status == 0 for status, _ in outcomes["good"]),
                outcomes["good"])
    tally.check("and tell what changed", "new.example" in outcomes["good"][0][1], outcomes["good"][0][1])
    tally.check("bad ones answer with exit 1", all(status == 1 for status, _ in outcomes["bad"]),
                outcomes["bad"])
    tally.check("and name the line and the nearest word",
                "proxy-a.yaml:" in outcomes["bad"][0][1] and "egde" in outcomes["bad"][0][1],
                outcomes["bad"][0][1])


def test_route_taken_away(tally, stage, both):
    print("a route is taken away and comes back")
    good = both.config(both.a, both.b)
    agent, server = Datagrams(both.a.backend, 5060), Datagrams(both.b.backend, 5060)
    text = lambda: request("MESSAGE", f"bob@{both.b.domain}", f"anna@{both.a.domain}", agent.local, body="x",
                           extra="Content-Type: text/plain\r\n")
    try:
        status, said = change(both.a.proxy, good.replace("certificate: edge }\nlimits",
                                                         "certificate: edge, enabled: false }\nlimits"))
        tally.check("the reload is accepted and names the partner", status == 0 and both.b.domain in said, said)
        answer = agent.ask(text(), (both.a.lan, 5060))
        tally.check("a message is now refused with 403", answer.status == 403, answer.text)
        status, said = change(both.a.proxy, good)
        tally.check("the old configuration is accepted", status == 0, said)
        agent.send(text(), (both.a.lan, 5060))
        asked, source = server.receive()
        server.send(response(asked, "200 OK"), source)
        answer, _ = agent.receive()
        tally.check("and the message goes through", answer.status == 200, answer.text)
    finally:
        agent.close()
        server.close()


def test_certificate(tally, stage, both):
    print("a new certificate, with a connection open")
    old = as_partner(stage, both, both.a.domain)
    old_der = old.getpeercert(binary_form=True)
    stream = Stream(old)
    tally.check("the connection is good for a request", ask_from_b(stream, both).status == 200)
    subprocess.run([os.path.join(ROOT, "script", "certs"), "--force", stage.path("tls"),
                    f"a={both.a.domain},sip.{both.a.domain}"], check=True, stdout=subprocess.DEVNULL)
    status, out, err = both.a.proxy.ask("reload")
    tally.check("the reload names the certificate", status == 0 and "edge" in out, out + err)
    with as_partner(stage, both, both.a.domain) as new:
        tally.check("a new handshake gets the new certificate",
                    new.getpeercert(binary_form=True) != old_der)
    answer = ask_from_b(stream, both)
    tally.check("the old connection goes on", answer is not None and answer.status == 200)
    with open(stage.path("tls", "a.key"), "r+", encoding="ascii") as key:
        kept = key.read()
        key.seek(0)
        key.write("this is no key\n")
        key.truncate()
    status, out, err = both.a.proxy.ask("reload")
    tally.check("a broken key is refused, with its file's name", status == 1 and "a.key" in out + err, out + err)
    with as_partner(stage, both, both.a.domain) as new:
        tally.check("and handshakes go on with what was", new.getpeercert(binary_form=True) != old_der)
    stage.write("tls/a.key", kept)
    stream.close()


def test_listener(tally, stage, both):
    print("a listener comes and goes")
    good = both.config(both.a, both.b)
    second = good.replace("listeners:\n", f"listeners:\n  - {{ name: second, network: wan, bind: {both.a.wan}, "
                          "port: 5071, transport: mtls, certificate: edge }\n")
    status, said = change(both.a.proxy, second)
    tally.check("the reload names the listener", status == 0 and "second" in said, said)
    connection = socket.create_connection((both.a.wan, 5071), timeout=5)
    tally.check("it takes connections", True)
    connection.close()
    status, said = change(both.a.proxy, good)

    def is_refused():
        try:
            socket.create_connection((both.a.wan, 5071), timeout=5).close()
        except ConnectionRefusedError:
            return True
        return False

    tally.attempt("and is gone after the next reload", wait_for, is_refused, 5, "the port to close")
    taken = socket.create_server((both.a.wan, 5072))
    status, said = change(both.a.proxy, second.replace("5071", "5072"))
    tally.check("a port that is taken refuses the reload and is named", status == 1 and "5072" in said, said)
    taken.close()
    both.a.proxy.configure(good)


def is_ended(connection):
    """True if the other side closed it within a second."""
    connection.settimeout(1)
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True
    except TimeoutError:
        return False


def test_connections(tally, stage, both):
    print("connections of what is taken away end, others stay")
    good = both.config(both.a, both.b)
    lan = f"  - {{ name: plain, network: lan, bind: {both.a.lan}, port: 5060, transport: tcp }}\n"
    with_tcp = good.replace("certificates:\n", lan + "certificates:\n", 1)
    status, said = change(both.a.proxy, with_tcp)
    tally.check("a tcp listener beside the udp one on the same port", status == 0 and "plain" in said, said)
    plain = socket.create_connection((both.a.lan, 5060), timeout=5)
    partner = as_partner(stage, both, both.a.domain)
    stream = Stream(partner)
    tally.check("the partner's connection is good", ask_from_b(stream, both).status == 200)
    status, said = change(both.a.proxy, with_tcp.replace("partners:\n", "partners:\n  enabled: true\n"))
    tally.check("a reload of something else ends none", status == 0 and not is_ended(plain), said)
    status, said = change(both.a.proxy, good)
    tally.check("without its listener the connection ends", status == 0 and is_ended(plain), said)
    tally.check("the partner's goes on", ask_from_b(stream, both).status == 200)
    agent = Datagrams(both.a.backend, 5060)
    answer = agent.ask(request("OPTIONS", both.a.domain, f"anna@{both.a.domain}", agent.local,
                               uri=f"sip:{both.a.domain}"), (both.a.lan, 5060))
    tally.check("and so does the udp listener", answer.status == 200, answer.text)
    agent.close()
    plain.close()
    stream.close()


def test_revoked(tally, stage, both):
    print("the partner's certificate is revoked while its connection is open")
    good = both.config(both.a, both.b)
    stream = Stream(as_partner(stage, both, both.a.domain))
    tally.check("the connection is good", ask_from_b(stream, both).status == 200)
    both.a.proxy.configure(good.replace("trust: [tls/ca.pem]", 'trust: [tls/ca.pem]\n  client_eku: any-tls'))
    both.a.proxy.ask("reload")
    tally.check("the same trust, written otherwise, ends nothing", ask_from_b(stream, both).status == 200)
    subprocess.run(["certtool", "--generate-crl", "--load-ca-privkey", "ca.key", "--load-ca-certificate", "ca.pem",
                    "--load-certificate", "b.pem", "--outfile", "b.crl", "--template", "/dev/stdin"],
                   input="crl_next_update = 10\ncrl_number = 1\n", text=True, cwd=stage.path("tls"), check=True,
                   capture_output=True)
    status, said = change(both.a.proxy, good.replace("trust: [tls/ca.pem]", "trust: [tls/ca.pem]\n  crl: [tls/b.crl]"))
    tally.check("the reload names the CRL", status == 0 and "b.crl" in said, said)
    tally.check("and the partner whom it breaks",
                re.search(rf"~ tls\.trust\s+partner {re.escape(both.b.domain)}\s+would no longer be trusted", said)
                and "revoked" in said, said)
    tally.check("the connection ends", stream.receive() is None)
    stream.close()
    both.a.proxy.configure(good)
    both.a.proxy.ask("reload")


def test_signal(tally, stage, both):
    print("SIGHUP, which has nobody to answer")
    good, proxy = both.config(both.a, both.b), both.a.proxy
    mark = proxy.mark()
    proxy.configure(good.replace("certificate: edge }\nlimits", "certificate: egde, trustworty: true }\nlimits"))
    proxy.signal(signal.SIGHUP)
    tally.attempt("the log holds each fault of a bad file", proxy.wait_text, "fault: certificate 'egde'(.|\n)*fault: unknown key",
                  5, mark)
    mark = proxy.mark()
    proxy.configure(good.replace("certificate: edge }\nlimits", "certificate: edge, enabled: false }\nlimits"))
    proxy.signal(signal.SIGHUP)
    tally.attempt("and what a good one changed", proxy.wait_text, "changed: .*disabled.* config=" + both.b.domain, 5, mark)
    proxy.configure(good)
    tally.check("the old one comes back", proxy.ask("reload")[0] == 0)


def tests(tally, workers):
    with federation("reload", workers=workers) as (stage, both):
        for test in (test_under_traffic, test_route_taken_away, test_certificate, test_listener,
                     test_connections, test_revoked, test_signal):
            tally.section(test, stage, both)
        for site in (both.a, both.b):
            text = site.proxy.text()
            tally.check(f"proxy {site.name} runs and no sanitizer spoke",
                        site.proxy.is_running() and "Sanitizer" not in text, text[-3000:])
