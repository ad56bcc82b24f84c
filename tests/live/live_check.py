"""`nuncio selfcheck` and `nuncio partner check` against real name servers (nsd) and real certificates: a good zone
without a false alarm, a zone for each fault of DNS, and a matrix of certificates; each fault named by its code."""

import json
import os
import re
import subprocess
import sys

import dns
from live_tls import FIRST_PORT, OUTBOUND, PARTNER, FakeServer, make_pki, outbound_domain, start_server, tls_server
from pki import EXPIRED, NOT_YET, Pki
from stage import Failure, Stage, Tally, nuncio_binary

PUBLIC, PUBLIC6, NOBODY = "203.0.113.7", "2001:db8::7", "203.0.113.99"
NSD, NSD2 = "127.0.0.53", "127.0.0.54"
LONG = "a-host-with-a-name-that-is-as-long-as-names-seldom-are.so-that-fourteen-records-of-it-do-not-fit"
GOOD = f"_sipfederationtls._tcp SRV 100 1 5061 sip\nsip A {PUBLIC}"


def records(count, host):
    return "\n".join(f"_sipfederationtls._tcp SRV {n} 1 5061 {host}" for n in range(count))


# The zone of each fault: name, its lines, what selfcheck and partner check (as if allowed) must name, what the
# evidence must say. None: the zone is served lame. The partner's checks name what the traffic would.
ZONES = [
    ("good", GOOD, [], [], ""),
    ("twice", "_sipfederationtls._tcp SRV 10 1 5061 sip\n_sipfederationtls._tcp SRV 20 5 5061 sip2\n"
              f"sip A {PUBLIC}\nsip2 A {PUBLIC}", [], [], ""),
    ("missing", "_sipfederationtls._tcp TXT nothing", ["srv-missing"], ["srv-missing"], "NODATA"),
    ("outside", "_sipfederationtls._tcp SRV 100 1 5061 sip.elsewhere.example.", ["srv-outside"], ["srv-outside"],
     "sip.elsewhere.example is not in outside.example"),
    ("no-address", "_sipfederationtls._tcp SRV 100 1 5061 sip\nsip TXT nothing", ["address-missing"],
     ["address-missing"], "neither A nor AAAA"),
    ("alias", f"_sipfederationtls._tcp SRV 100 1 5061 sip\nsip CNAME edge\nedge A {PUBLIC}", ["srv-cname"],
     ["srv-cname"], "sip.alias.example is a CNAME of edge.alias.example"),
    ("port", f"_sipfederationtls._tcp SRV 100 1 5999 sip\nsip A {PUBLIC}", ["srv-port"], ["connect-refused"], "5999"),
    ("lame", None, ["dns-servfail"], ["dns-servfail"], "SERVFAIL"),
    ("cut", records(14, LONG) + f"\n{LONG} A {PUBLIC}", ["dns-truncated"], ["dns-truncated"], "by TCP it is whole"),
    ("many", records(40, "sip") + f"\nsip A {PUBLIC}", ["dns-truncated", "srv-many"], ["dns-truncated", "srv-many"],
     "40 records"),
    ("wrong", f"_sipfederationtls._tcp SRV 100 1 5061 sip\nsip A {NOBODY}", ["address-wrong"],
     ["connect-unreachable"], NOBODY),
    ("gone", "", ["srv-missing"], ["srv-missing"], "NXDOMAIN"),
    ("none", "_sipfederationtls._tcp SRV 0 0 0 .", ["srv-none"], ["srv-none"], "\".\""),
    ("inner", "_sipfederationtls._tcp SRV 100 1 5061 sip\nsip A 10.1.2.3", ["address-private"],
     ["connect-unreachable"], "10.1.2.3"),
    ("six", f"_sipfederationtls._tcp SRV 100 1 5061 sip\nsip AAAA {PUBLIC6}", ["address-ipv6-only"],
     ["address-ipv6-only"], "AAAA only"),
    ("differ", GOOD, ["dns-disagree"], ["dns-disagree"], f"{NSD2} says 5 1 5061 sip2.differ.example"),
    ("slow", GOOD, ["dns-slow"], ["dns-slow"], f"{NSD2} answers late"),
]
OTHER_ZONES = {"elsewhere.example": f"sip A {PUBLIC}", "example": ""}


def domain(name):
    return name + ".example"


def start_dns(stage):
    zones = {domain(name): lines for name, lines, *_ in ZONES} | OTHER_ZONES
    dns.Nsd(stage, "nsd", NSD, zones)
    other = {domain("differ"): f"_sipfederationtls._tcp SRV 5 1 5061 sip2\nsip2 A {PUBLIC}"}
    dns.Nsd(stage, "nsd2", "127.0.0.55", zones | other)
    dns.SlowResolver(NSD2, "127.0.0.55", "slow", 1.5).start()


def config(stage, domains, more_listeners="", partners=""):
    return f"""version: 1
domains: [{", ".join(domains)}]
listeners:
  - {{ name: wan, network: wan, bind: {PUBLIC}, port: 5061, transport: mtls, certificate: edge }}
{more_listeners}
certificates:
  edge: {{ chain: tls/edge.pem, key: tls/edge.key }}
tls:
  trust: [tls/root.pem]
dns: {{ servers: ["{NSD}", "{NSD2}"] }}
{partners}
limits: {{ requests: 10000/s, handshakes: 1000/s }}
"""


def codes(answer):
    return sorted({row["code"] for row in answer["rows"] if row["code"]})


def shown(answer):
    return "\n".join(f"{row['state']:8} {row['fact']} {row['code']}: {row['evidence']}" for row in answer["rows"])


def check_rows(tally, name, answer, wanted, evidence):
    found = codes(answer)
    said = [row for row in answer["rows"] if row["code"] and evidence in row["evidence"]]
    tally.check(f"{name}: {', '.join(wanted) or 'no alarm'}",
                found == sorted(wanted) and (said or not wanted or not evidence), shown(answer))
    for row in answer["rows"]:
        if row["code"] and not (row["act"] and row["means"]):
            tally.check(f"{name}: {row['code']} says who must act", False, row)


def offline(proxy, *names):
    """The same by a process of its own that looks into the file and asks no daemon; it dials nobody."""
    done = subprocess.run([nuncio_binary(), "selfcheck", *names, "--config", proxy.config_path, "--json"], timeout=15,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    try:
        return json.loads(done.stdout)
    except ValueError:
        raise Failure(f"nuncio selfcheck --config: exit {done.returncode}: {done.stdout}{done.stderr}") from None


def test_selfcheck(tally, stage, proxy):
    print("selfcheck: a zone for each fault of DNS")
    for name, _, wanted, _, evidence in ZONES:
        check_rows(tally, name, proxy.ask_json("selfcheck", domain(name)), wanted, evidence)
        if name != "slow":
            check_rows(tally, f"{name}, without the daemon", offline(proxy, domain(name)), wanted, evidence)
    answer = offline(proxy, domain("good"))
    tally.check("what nobody dialled is not green", {row["fact"] for row in answer["rows"] if row["state"] == "untested"} >=
                {"OPTIONS", "SERVED"}, shown(answer))
    status, out, err = proxy.ask("selfcheck", domain("good"))
    tally.check("the good zone ends with 0", status == 0 and " 0 failures, 0 warnings" in out, out + err)
    status, out, err = proxy.ask("selfcheck", domain("missing"))
    tally.check("a fault ends with 1, with the line to publish",
                status == 1 and "_sipfederationtls._tcp.missing.example. 300 IN SRV 100 1 5061 sip.missing.example." in out,
                out + err)
    status, out, err = proxy.ask("selfcheck", "nobody.example")
    tally.check("a domain that is none of ours", status == 1 and "none of ours" in err, out + err)
    status, out, err = proxy.ask("selfcheck", timeout=30)
    tally.check("all domains in one go, in the order of the configuration",
                re.findall(r"^(\S+\.example)$", out, re.M) == [domain(zone[0]) for zone in ZONES[:16]], out + err)


def test_hairpin(tally, stage, proxy):
    print("selfcheck: behind a router")
    proxy.configure(config(stage, [domain("wrong")]).replace("port: 5061,", f"port: 5061, advertise: {NOBODY},"))
    status, out, err = proxy.ask("reload")
    if status:
        raise Failure(out + err)
    answer = proxy.ask_json("selfcheck")
    tally.check("the public address cannot be dialled: not tested, and no failure",
                answer["ok"] and any(row["fact"] == "HAIRPIN" and row["state"] == "untested" for row in answer["rows"])
                and any(row["fact"] == "OPTIONS" and row["state"] == "ok" for row in answer["rows"]), shown(answer))


def test_dead_dns(tally, stage, proxy):
    print("selfcheck: no resolver answers")
    proxy.configure(config(stage, [domain("good")]).replace(f'"{NSD}", "{NSD2}"', '"127.0.0.99"'))
    proxy.ask("reload")
    status, out, err = proxy.ask("selfcheck")
    tally.check("nobody knows: 5", status == 5 and "DNS-UNREACHABLE" in out, f"{status} {out}{err}")


def test_partner_zones(tally, stage, proxy):
    print("partner check: the same zones, looked at by another site")
    for name, _, _, wanted, evidence in ZONES:
        if name == "twice":
            continue  # it has a route
        answer = proxy.ask_json("partner", "check", "--as-if-allowed", domain(name))
        check_rows(tally, name, answer, wanted + ["not-a-partner"], evidence)
    status, out, err = proxy.ask("partner", "check", domain("good"))
    tally.check("without being allowed it ends at the policy", status == 1 and "NOT-A-PARTNER" in out and "1 fact," in out,
                out + err)


def test_partner_route(tally, stage, proxy):
    print("partner check: a partner with a route")
    status, out, err = proxy.ask("partner", "check", domain("twice"))
    stages = re.findall(r"^  (?:ok  |FAIL|warn|--  )  (\S+)", out, re.M)
    tally.check("all stages, and what would come from there",
                status == 0 and stages == ["POLICY", "ADDRESS", "CONNECT", "TLS", "IDENTITY", "OUR-CERT", "OPTIONS", "INBOUND"]
                and "classified as partner (certificate-names-domain" in " ".join(out.split()), out + err)


SOON = {"expiration_days": "20"}
SELF_CERTIFICATES = [
    ("another host", {"dns": ("www.good.example", "good.example")}, ["cert-name"]),
    ("without the domain", {"dns": ("sip.good.example",)}, ["cert-domain"]),
    ("a wildcard", {"dns": ("*.good.example", "good.example")}, ["cert-wildcard"]),
    ("serverAuth only", {"usage": ("tls_www_server",)}, ["cert-no-client-auth"]),
    ("clientAuth only", {"usage": ("tls_www_client",)}, ["cert-no-server-auth"]),
    ("neither of both", {"usage": ("email_protection_key",)}, ["cert-no-server-auth"]),
    ("expired", {"dates": EXPIRED}, ["cert-expired"]),
    ("not yet valid", {"dates": NOT_YET}, ["cert-not-yet-valid"]),
    ("valid for 20 days", {"dates": SOON}, ["cert-expires"]),
    ("a key of 1024 bits", {"bits": 1024}, ["cert-weak-key"]),
    ("signed with SHA-1", {"digest": "SHA1"}, ["cert-weak-signature"]),
    ("signed with MD5", {"issuer": "old", "chain": ("old",), "digest": "MD5"}, ["cert-weak-signature"]),
    ("revoked", {"name": "revoked"}, ["cert-revoked"]),
    ("its CA may name other domains only", {"issuer": "narrow", "chain": ("narrow",)}, ["cert-constraints"]),
    ("signed by one that is no CA", {"issuer": "case0", "chain": ("case0",)}, ["cert-constraints"]),
    ("key usage without signatures", {"key_usage": "encryption_key", "bits": 2048}, ["cert-key-usage"]),
    ("the root is in the file: it is not sent", {"chain": ("root",)}, []),
    ("self-signed", {"issuer": None}, ["cert-self-signed"]),
    ("without its intermediate", {"issuer": "middle"}, ["cert-chain"]),
    ("with its intermediate", {"issuer": "middle", "chain": ("middle",)}, []),
]


def test_self_certificates(tally, stage, proxy):
    print("selfcheck: certificates of ours")
    pki = Pki(stage.path("tls"))
    pki.ca("middle", "root")
    pki.ca("old", "root", bits=2048)
    pki.ca("narrow", "root", more=('nc_permit_dns = "other.example"',))
    names = {"dns": ("sip.good.example", "good.example")}
    pki.leaf("revoked", "root", **names)
    pki.crl("root", "root", "revoked")
    text = config(stage, [domain("good")]).replace("tls/root.pem]", "tls/root.pem]\n  crl: [tls/root.crl]")
    for number, (name, options, wanted) in enumerate(SELF_CERTIFICATES):
        options = {"issuer": "root"} | names | options
        file = options.pop("name", None)
        if not file:
            file = f"case{number}"
            pki.leaf(file, options.pop("issuer"), **options)
        proxy.configure(text.replace("tls/edge", f"tls/{file}"))
        status, out, err = proxy.ask("reload")
        if status:
            tally.check(f"{name}: is loaded", False, out + err)
            continue
        check_rows(tally, name, proxy.ask_json("selfcheck"), wanted, "")
        check_rows(tally, f"{name}, without the daemon", offline(proxy), wanted, "")
    for name, minimum, wanted in (("TLS 1.0 is offered", "1.0", ["tls-old"]), ("TLS 1.2 is not", "1.3", ["tls-missing"])):
        proxy.configure(text.replace("tls/edge", "tls/good").replace("port: 5061,", f'port: 5061, minimum: "{minimum}",'))
        status, out, err = proxy.ask("reload")
        tally.check(f"{name}: is loaded", status == 0, out + err)
        check_rows(tally, name, proxy.ask_json("selfcheck"), wanted, "")


def test_partner_certificates(tally, stage):
    """The servers of live_tls, whose every fault partner check must name as the traffic does."""
    print("partner check: certificates and servers of partners")
    pki = make_pki(stage)
    lines = []
    for number, (_, options, _) in enumerate([*OUTBOUND, ("", {}, "")]):
        kind = options.get("route", "mtls")
        certificate = ", certificate: edge" if kind == "mtls" else ", trustworthy: true"
        lines.append(f"    - {{ domain: {outbound_domain(number)}, server: {stage.addr(9)}, port: {FIRST_PORT + number}, "
                     f"transport: {kind}, identity: [{PARTNER}], probe: 0s{certificate} }}")
    text = config(stage, ["corp.example"],
                  f"  - {{ name: wan-tls, network: wan, bind: {PUBLIC}, port: 5062, transport: tls, certificate: edge }}",
                  "partners:\n  routes:\n" + "\n".join(lines))
    proxy = stage.nuncio("edge2", text.replace("tls/root.pem]", "tls/root.pem]\n  crl: [tls/root.crl]"))
    for number, (name, options, code) in enumerate(OUTBOUND):
        # OpenSSL sends the root along that it verifies with.
        wanted = [code, "cert-root"] if "route" in options else [code]
        server = start_server(stage, pki, FIRST_PORT + number, options)
        answer = proxy.ask_json("partner", "check", outbound_domain(number))
        check_rows(tally, name, answer, wanted, "")
        server.close()
    server = FakeServer(stage.addr(9), FIRST_PORT + len(OUTBOUND), tls_server(pki, certificate="good"))
    server.start()
    answer = proxy.ask_json("partner", "check", outbound_domain(len(OUTBOUND)))
    check_rows(tally, "a good one that asks for no certificate", answer, ["not-asked"], "")
    plain = text.replace(f"port: {FIRST_PORT + len(OUTBOUND)}, transport: mtls",
                         f"port: {FIRST_PORT + len(OUTBOUND)}, transport: tcp, trustworthy: true")
    proxy.configure(plain.replace("port: 5062, transport: tls, certificate: edge", "port: 5060, transport: tcp"))
    status, out, err = proxy.ask("reload")
    answer = proxy.ask_json("partner", "check", outbound_domain(len(OUTBOUND)))
    check_rows(tally, "TLS at a port that the route calls plain", answer, ["speaks-tls"], "")
    tally.check("the route is loaded", status == 0, out + err)
    server.close()
    proxy.stop()


def play(workers):
    dns.own_network(f"{PUBLIC}/32", f"{PUBLIC6}/128")
    tally = Tally()
    with Stage("check") as stage:
        start_dns(stage)
        pki = Pki(stage.path("tls"))
        pki.ca("root")
        names = [domain(zone[0]) for zone in ZONES]
        hosts = names + ["sip." + name for name in names] + ["sip2.twice.example", "sip.elsewhere.example",
                                                             LONG + ".cut.example", "sip2.differ.example"]
        pki.leaf("edge", "root", dns=hosts)
        pki.leaf("good", "root", dns=("sip.good.example", "good.example"))
        pki.leaf("seeker", "root", dns=("seeker.example", "sip.seeker.example"))
        known = ("partners:\n  routes:\n    - { domain: seeker.example, server: 127.0.0.9, port: 5061, "
                 "transport: mtls, certificate: edge, probe: 0s }")
        ours = stage.nuncio("edge", config(stage, names, "  - { name: wan6, network: wan, bind: \"" + PUBLIC6 +
                                           "\", port: 5061, transport: mtls, certificate: edge }", known), workers=workers)
        route = (f"partners:\n  routes:\n    - {{ domain: twice.example, server: sip.twice.example, port: 5061, "
                 "transport: mtls, certificate: edge, probe: 0s }")
        seeker = stage.nuncio("seeker", config(stage, ["seeker.example"], "", route).replace("tls/edge", "tls/seeker")
                              .replace(f"bind: {PUBLIC}", "bind: 127.0.0.9"), workers=workers)
        for test, proxy in ((test_selfcheck, ours), (test_partner_zones, seeker), (test_partner_route, seeker),
                            (test_self_certificates, ours), (test_hairpin, ours), (test_dead_dns, ours)):
            tally.section(test, stage, proxy)
        ours.stop()
    with Stage("check-tls") as stage:
        tally.section(test_partner_certificates, stage)
    return tally.end()


def tests(tally, workers):
    """In a process of its own, which has a network of its own."""
    done = subprocess.run([sys.executable, os.path.abspath(__file__), str(workers)], stdout=subprocess.PIPE, text=True,
                          check=False)
    lines = done.stdout.splitlines()
    print("\n".join(lines[:-1]))
    count = re.match(r"(\d+) passed, (\d+) failed", lines[-1] if lines else "")
    if count:
        tally.n_passed += int(count.group(1))
        tally.n_failed += int(count.group(2))
    else:
        tally.check("the checks went to their end", False, done.stdout)


if __name__ == "__main__":
    sys.exit(play(int(sys.argv[1]) if len(sys.argv) > 1 else 1))
