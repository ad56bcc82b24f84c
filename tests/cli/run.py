#!/usr/bin/env python3
"""The command line as people and scripts meet it: exit codes, what goes to which stream, JSON, a daemon on loopback.

    tests/cli/run.py NUNCIO [NAME...]

NUNCIO is the program; NAMEs choose tests. Python's standard library and openssl only. Everything is made in a folder of its
own; the daemons that are started are stopped by their process id.
"""

import contextlib
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import traceback

import validate

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NUNCIO = os.path.abspath(sys.argv[1])
VERBS = "run check reload confirm status explain why selfcheck nat partner passwd trace schema completion help version".split()
TIMEOUT = 30


class Failed(Exception):
    pass


def check(condition, text):
    if not condition:
        raise Failed(text)


SCHEMAS = {}


def check_output(verb, text):
    """What VERB --json printed is what `nuncio schema --output VERB` says."""
    if verb not in SCHEMAS:
        done = subprocess.run([NUNCIO, "schema", "--output", verb], capture_output=True, text=True, timeout=TIMEOUT)
        SCHEMAS[verb] = json.loads(done.stdout) if done.returncode == 0 else None
    if SCHEMAS[verb] and text:
        found = list(validate.faults(SCHEMAS[verb], json.loads(text)))
        check(not found, f"{verb} --json is not what its schema says:\n" + "\n".join(found[:20]))


def call(*words, stdin="", env=None, want=None):
    """Runs nuncio with words; checks the exit code if one is wanted, and any JSON against its schema."""
    done = subprocess.run([NUNCIO, *words], input=stdin, capture_output=True, text=True, timeout=TIMEOUT,
                          env={**os.environ, "NO_COLOR": "1", **(env or {})})
    if want is not None:
        check(done.returncode == want,
              f"nuncio {' '.join(words)}: exit {done.returncode}, wanted {want}\n{done.stdout}{done.stderr}")
    if "--json" in words:
        check_output(words[0], done.stdout)
    return done


def free_port():
    """A port that is free, and stays so until the daemon takes it: below those that the kernel gives to whoever asks
    for any, so that no test beside us is given it."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        end = max(int(file.read().split()[0]), 20100)
    while True:
        with socket.socket() as sock, contextlib.suppress(OSError):
            sock.bind(("127.0.0.1", random.randrange(20000, end)))
            return sock.getsockname()[1]


CONFIG = """version: 1
domains: [corp.example]
listeners:
  - {{ name: wan, network: wan, bind: 127.0.0.1, port: {wan}, transport: mtls, certificate: edge }}
  - {{ name: lan, network: lan, bind: 127.0.0.1, port: {lan}, transport: tcp }}
  - {{ name: spare, network: lan, bind: 127.0.0.1, port: {spare}, transport: udp, enabled: false }}
certificates:
  edge: {{ chain: edge.pem, key: edge.key }}
tls: {{ trust: [edge.pem] }}
backends:
  - {{ name: berlin, address: "sip:127.0.0.1:{backend};transport=tcp", listener: lan, probe: 0, users: ["*"] }}
partners:
  routes:
    - {{ domain: partner.example, server: 127.0.0.2, port: {wan}, transport: mtls, certificate: edge, probe: 0s }}
    - {{ domain: off.example, server: 127.0.0.3, port: {wan}, transport: mtls, certificate: edge, enabled: false }}
users_file: users.yaml
service: {{ workers: 2, state_dir: state, control: control.sock }}
admin: {{ http: "127.0.0.1:{http}" }}
"""


class Site:
    """A folder with a configuration and a certificate, and the daemon that runs on it."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="nuncio-cli-")
        self.config = os.path.join(self.dir, "nuncio.yaml")
        self.control = os.path.join(self.dir, "control.sock")
        self.ports = {name: free_port() for name in ("wan", "lan", "spare", "backend", "http")}
        self.process = None
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "365",
                        "-subj", "/CN=sip.corp.example", "-addext", "subjectAltName=DNS:sip.corp.example,DNS:corp.example",
                        "-keyout", self.path("edge.key"), "-out", self.path("edge.pem")],
                       check=True, capture_output=True)
        os.chmod(self.path("edge.key"), 0o600)
        self.write(CONFIG.format(**self.ports))
        call("passwd", "168", "--stdin", "--file", self.path("users.yaml"), "--realm", "corp.example",
             stdin="Correct-horse-7\n", want=0)

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def write(self, text):
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(text)

    def read(self):
        with open(self.config, encoding="utf-8") as file:
            return file.read()

    def start(self):
        self.log = open(self.path("log"), "ab")
        self.process = subprocess.Popen([NUNCIO, "run", "-c", self.config], stderr=self.log, stdout=self.log)
        end = time.monotonic() + TIMEOUT
        while call("status", "--control", self.control).returncode > 1:
            check(self.process.poll() is None and time.monotonic() < end, "the daemon did not start:\n" + self.text())
            time.sleep(0.05)

    def text(self):
        with open(self.path("log"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def ask(self, *words, want=None, **more):
        return call(*words, env={"NUNCIO_CONTROL": self.control}, want=want, **more)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(TIMEOUT)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process:
            self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)


@contextlib.contextmanager
def site(runs=True):
    made = Site()
    try:
        if runs:
            made.start()
        yield made
    finally:
        made.stop()


def by_unix(path, method, url, body=None, headers=None):
    """One HTTP request over the control socket."""
    connection = http.client.HTTPConnection("nuncio", timeout=TIMEOUT)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(TIMEOUT)
    connection.sock.connect(path)
    connection.request(method, url, body, headers or {})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def by_tcp(port, url, headers=None, method="GET"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    connection.request(method, url, headers=headers or {})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


# --- without a daemon

def test_help_of_every_verb():
    listed = call("help", want=0).stdout
    for verb in VERBS:
        check(re.search(rf"^  {verb} ", listed, re.M), f"help does not list {verb}")
        text = call(verb, "--help", want=0).stdout
        check(text == call("help", verb, want=0).stdout, f"{verb}: --help and help differ")
        for title in ("Options", "Examples", "Exit codes"):
            check(title in text, f"{verb}: no {title}")
        check(text.count("\n      ") >= 1 and "  2  wrong usage" in text, f"{verb}: {text}")
        options, examples = text.split("\nOptions\n")[1].split("\nExamples\n")
        for line in text.split("\nExamples\n")[0].splitlines():
            check(len(line) <= 80, f"{verb}: longer than 80 columns: {line}")


def test_examples_are_accepted():
    """The words of every example are known verbs and options."""
    for verb in VERBS:
        examples = call("help", verb, want=0).stdout.split("\nExamples\n")[1].split("\nExit codes\n")[0]
        options = set(re.findall(r"--[a-z-]+", call("help", verb, want=0).stdout.split("\nOptions\n")[1]
                                 .split("\nExamples\n")[0]))
        for part in re.split(r"\n|&&|\|", examples):
            words = part.split()
            if words[:1] != ["nuncio"]:
                continue
            check(words[1] in VERBS, f"{verb}: example names verb {words[1]}")
            if words[1] == verb and "words" not in words:
                for option in re.findall(r"--[a-z-]+", part):
                    check(option in options, f"{verb}: example uses {option}")


def test_wrong_usage():
    rows = [
        (["chek"], "did you mean 'check'?"),
        (["stat"], "did you mean 'status'?"),
        (["frobnicate"], "unknown verb 'frobnicate'"),
        (["check", "--jsn"], "did you mean '--json'?"),
        (["check", "--js"], "unknown option '--js'"),
        (["explain", "a@b"], "something is missing"),
        (["status", "partner"], "listeners, partners, backends or certs"),
        (["trace", "maybe"], "'on' or 'off'"),
        (["trace", "off", "tls"], "'off' ends all areas"),
        (["passwd", "x", "--lock", "--remove"], "exclude each other"),
        (["help", "identity-mismach"], "did you mean 'identity-mismatch'?"),
        (["status", "--color", "pink"], "auto, always or never"),
        (["completion", "fish"], "there is one for bash"),
        (["help", "check", "--as", "markdown"], "no markdown of that"),
    ]
    for words, text in rows:
        done = call(*words, want=2)
        check(text in done.stderr and not done.stdout, f"{words}: {done.stderr}{done.stdout}")
    done = call(want=2)
    check("nuncio VERB" in done.stderr and not done.stdout, "bare nuncio")


def test_codes():
    for line in call("help", "reasons", want=0).stdout.splitlines():
        if line.startswith("  "):
            text = call("help", line.split()[0], want=0).stdout
            check(len(text) > 60 and line.split()[0] in text, text)


def test_reasons_page_is_current():
    with open(os.path.join(ROOT, "docs", "reasons.md"), encoding="utf-8") as file:
        committed = file.read()
    check(call("help", "reasons", "--as", "markdown", want=0).stdout == committed,
          "docs/reasons.md is old: nuncio help reasons --as markdown > docs/reasons.md")


def test_checks_page_is_current():
    with open(os.path.join(ROOT, "docs", "checks.md"), encoding="utf-8") as file:
        committed = file.read()
    text = call("help", "checks", "--as", "markdown", want=0).stdout
    check(text == committed, "docs/checks.md is old: nuncio help checks --as markdown > docs/checks.md")
    for code in re.findall(r"^## (\S+)$", text, re.M):
        check(code in call("help", code, want=0).stdout, code)


def test_catalog():
    text = call("help", "reasons", "--as", "catalog", want=0).stdout
    ids = re.findall(r"^-- ([0-9a-f]{32})$", text, re.M)
    subjects = re.findall(r"^Subject: nuncio: (\S+)$", text, re.M)
    codes = [line.split("## ")[1] for line in call("help", "reasons", "--as", "markdown").stdout.splitlines()
             if line.startswith("## ")]
    check(len(ids) == len(set(ids)) == len(subjects), "ids are not unique")
    check(subjects == codes, "catalogue and page differ")


def test_man_pages():
    scdoc = shutil.which("scdoc")
    for topic in [*VERBS, "reasons", "keys"]:
        text = call("help", topic, "--as", "scdoc", want=0).stdout
        if scdoc:
            done = subprocess.run([scdoc], input=text, capture_output=True, text=True)
            check(done.returncode == 0, f"{topic}: {done.stderr}")


def test_version():
    text = call("version", want=0).stdout
    check(text == call("--version", want=0).stdout and text.startswith("nuncio "), text)
    check(json.loads(call("version", "--json", want=0).stdout)["program"] in text, "json")


def test_allocator():
    """What an answered INVITE keeps costs a fifth of a call with the C library's allocator; a linker drops jemalloc easily."""
    libraries = subprocess.run(["ldd", NUNCIO], capture_output=True, text=True, check=True, timeout=TIMEOUT).stdout
    check(any(name in libraries for name in ("libjemalloc", "libasan", "libtsan", "libubsan")), f"no jemalloc in {libraries}")


def test_schema():
    check("listeners.transport" in call("schema", want=0).stdout, "text")
    check("properties" in json.loads(call("schema", "--json", want=0).stdout), "json")


def test_output_schemas():
    """Each verb with --json has one, and what is undocumented, missing or of another type is found."""
    for verb in VERBS:
        has_json = "--json" in call(verb, "--help", want=0).stdout
        done = call("schema", "--output", verb, want=0 if has_json and verb != "schema" else 2)
        check(bool(done.stdout) == (done.returncode == 0) != bool(done.stderr), f"{verb}: {done.stdout}{done.stderr}")
    check("--json prints a JSON Schema" in call("schema", "--output", "schema", want=2).stderr, "schema of schema")
    check("no verb 'nonsense'" in call("schema", "--output", "nonsense", want=2).stderr, "nonsense")
    schema = json.loads(call("schema", "--output", "version", want=0).stdout)
    good = json.loads(call("version", "--json", want=0).stdout)
    rows = [({}, 0), ({"more": 1}, 1), ({"ok": 1}, 1), ({"ok": None}, 1), ({"program": 1}, 1), ({"version": 2}, 1),
            ({"version": True}, 1), ({"problems": {}}, 1), ({"problems": [{}]}, 6), ({"problems": [1]}, 1)]
    for change, n in rows:
        found = list(validate.faults(schema, {**good, **change}))
        check(len(found) == n, f"{change}: {found}")
    for key in good:
        check(list(validate.faults(schema, {name: value for name, value in good.items() if name != key})), f"without {key}")
    numbers = {"type": "object", "additionalProperties": {"type": "integer"}}
    check(not list(validate.faults(numbers, {"a": 1})) and list(validate.faults(numbers, {"a": "x"})), "counts")
    time_of_day = {"type": "string", "format": "date-time"}
    check(not list(validate.faults(time_of_day, "2026-11-21T09:12:04.112+01:00")) and
          list(validate.faults(time_of_day, "yesterday")), "times")
    check(list(validate.faults({"minimum": 1}, 5)), "what the validator does not know is no pass")


def test_outputs():
    """What each verb prints with --json, in good and in bad days; call() holds it against the schema."""
    with site(runs=False) as made:
        good = made.read()
        call("check", "--json", made.config, want=0)
        call("check", "--json", made.path("missing.yaml"), want=1)
        for words in (["--cert-name", "partner.example"], ["--cert-name", "evil.example"]):
            call("explain", "--config", made.config, "bob@partner.example", "anna@corp.example", "--json", *words)
        made.write(good.replace("server: 127.0.0.2, port: %d, transport: mtls, certificate: edge, probe: 0s" % made.ports["wan"],
                                "server: 127.0.0.1, port: %d, transport: tcp, trustworthy: true, probe: 0s"
                                % made.ports["spare"]))
        made.start()
        for words in (["status"], ["why", "last"], ["why", "none@example"], ["confirm"], ["reload"], ["reload", "--confirm", "5m"],
                      ["reload"], ["status"], ["confirm"], ["trace", "on"], ["trace", "off"],
                      ["explain", "bob@partner.example", "anna@corp.example"], ["explain", "anna@corp.example", "bob@partner.example"]):
            made.ask(*words, "--json")
        made.write(made.read() + "nonsens: 1\n")
        made.ask("reload", "--json", want=1)
        # A partner that refuses connections: a decision with hops, and a row of status with a server that was tried.
        for branch in ("m1", "m2"):
            with socket.create_connection(("127.0.0.1", made.ports["lan"])) as backend:
                backend.sendall(b"MESSAGE sip:bob@partner.example SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK%s\r\n"
                                b"Max-Forwards: 70\r\nFrom: <sip:anna@corp.example>;tag=1\r\nTo: <sip:bob@partner.example>\r\n"
                                b"Call-ID: out@example\r\nCSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n" % branch.encode())
                backend.settimeout(TIMEOUT)
                answer = b""
                while b"SIP/2.0 5" not in answer and b"SIP/2.0 4" not in answer:
                    answer += backend.recv(4096)
        facts = json.loads(made.ask("why", "out@example", "--json", want=0).stdout)
        check(facts["decisions"][-1]["hops"][0]["reason"] == "connect-refused", str(facts))
        told = made.ask("explain", "anna@corp.example", "bob@partner.example", want=0).stdout
        check(re.search(r"health +server .*tcp 127\.0\.0\.1:\d+ rests for \d+ s: connect-refused", told), told)
        facts = json.loads(made.ask("status", "--json", want=1).stdout)
        check(facts["partners"][0]["tried"] and facts["partners"][0]["failures_by_reason"], str(facts["partners"]))
        check_output("status", by_unix(made.control, "GET", "/v1/status?summary=1")[1])
        made.write(good)
        made.ask("reload", "--confirm", "1s", "--json", want=0)
        end = time.monotonic() + TIMEOUT
        while "reverted" not in json.loads(made.ask("status", "--json").stdout)["configuration"]:
            check(time.monotonic() < end, "it is not reverted")
            time.sleep(0.1)


def test_check():
    with site(runs=False) as made:
        done = call("check", made.config, want=0)
        check("no faults" in done.stdout, done.stdout)
        good = made.read()
        made.write(good + "nonsens: 1\n" + "realm: [a]\n")
        done = call("check", made.config, want=1)
        places = re.findall(rf"^{re.escape(made.config)}:(\d+):(\d+): error: ", done.stdout, re.M)
        check([int(line) for line, _ in places] == [good.count("\n") + 1, good.count("\n") + 2], done.stdout)
        check("\n\n2 errors" in done.stdout, done.stdout)
        facts = json.loads(call("check", "--json", made.config, want=1).stdout)
        check(facts["version"] == 1 and facts["ok"] is False and len(facts["problems"]) == 2, str(facts))
        check("\033[" in call("check", "--color=always", made.config, want=1).stdout, "no colour")
        check("\033[" not in call("check", made.config, want=1).stdout, "colour in a pipe")
        call("check", made.path("missing.yaml"), want=1)
        made.write(good.replace("edge.key", "users.yaml"))
        check("[E0" in call("check", made.config, want=1).stdout, "a key that is none")


def test_check_tells_all_at_once():
    """A fault of the text hides none of the files that it names, nor of what can be reached by which listener."""
    with site(runs=False) as made:
        good = made.read()
        subprocess.run(["openssl", "genrsa", "-out", made.path("other.key"), "2048"], check=True, capture_output=True)
        os.chmod(made.path("other.key"), 0o600)
        with open(made.path("users.yaml"), "a", encoding="utf-8") as file:
            file.write("- user: \"169\"\n")
        made.write(good.replace("edge.key", "other.key") + "nonsens: 1\n")
        codes = re.findall(r" error: .*\[(E\d+)\]", call("check", made.config, want=1).stdout)
        check(sorted(codes) == ["E012", "E015", "E052"], str(codes))
        made.write(good.replace("edge.key", "gone.key").replace("transport: tcp }", "transport: udp }") + "nonsens: 1\n")
        codes = re.findall(r" error: .*\[(E\d+)\]", call("check", made.config, want=1).stdout)
        check("E061" in codes and codes.count("E040") == 1, str(codes))


def test_check_key_and_passphrase():
    with site(runs=False) as made:
        good = made.read()
        with open(made.path("edge.pass"), "w", encoding="utf-8") as file:
            file.write("secret-1\n")
        subprocess.run(["openssl", "pkcs8", "-topk8", "-in", made.path("edge.key"), "-out", made.path("locked.key"), "-passout",
                        "file:" + made.path("edge.pass")], check=True, capture_output=True)
        os.chmod(made.path("edge.pass"), 0o600)
        made.write(good.replace("edge.key", "locked.key"))
        check("add passphrase_file:" in call("check", made.config, want=1).stdout, "an encrypted key")
        made.write(good.replace("edge.key", "locked.key, passphrase_file: edge.pass"))
        call("check", made.config, want=0)
        made.write(good.replace("edge.pem", "edge.key"))
        check("are chain and key exchanged?" in call("check", made.config, want=1).stdout, "a key as chain")


def test_check_of_a_certificate_of_others():
    """Valid, and no partner takes it for us (RFC 5922)."""
    with site(runs=False) as made:
        for names, n_warnings in (("DNS:sip.other.example,DNS:corp.example.org", 1), ("DNS:*.corp.example", 0), ("URI:sip:corp.example", 0)):
            subprocess.run(["openssl", "req", "-x509", "-key", made.path("edge.key"), "-days", "365", "-subj", "/CN=x", "-addext",
                            "subjectAltName=" + names, "-out", made.path("edge.pem")], check=True, capture_output=True)
            said = call("check", made.config, want=0).stdout
            check(said.count("W056") == n_warnings and ("it names sip.other.example, corp.example.org" in said) == bool(n_warnings), said)


def test_check_of_a_pipe_among_certificates():
    """Opening a named pipe would wait for a writer for ever."""
    with site(runs=False) as made:
        os.mkdir(made.path("trust"))
        shutil.copy(made.path("edge.pem"), made.path("trust", "ca.pem"))
        os.mkfifo(made.path("trust", "pipe"))
        made.write(made.read().replace("trust: [edge.pem]", "trust: [trust]"))
        call("check", made.config, want=0)


def test_check_of_a_listener_that_is_off():
    """Each listener is switched on and off by itself (mission 10): what cannot be reached meanwhile is a warning."""
    with site(runs=False) as made:
        good = made.read()
        made.write(good.replace("certificate: edge }\n  - { name: lan", "certificate: edge, enabled: false }\n  - { name: lan"))
        done = call("check", made.config, want=0)
        check("only listener 'wan' speaks mtls, which is not enabled: partner 'partner.example'" in done.stdout, done.stdout)
        told = call("explain", "--config", made.config, "anna@corp.example", "bob@partner.example").stdout
        check("no-listener" in told, told)


def test_check_opens_nothing():
    with site(runs=False) as made:
        with socket.create_server(("127.0.0.1", made.ports["lan"])):
            call("check", made.config, want=0)
        check(not os.path.exists(made.control), "a control socket was made")


def test_check_strict():
    with site(runs=False) as made:
        call("check", "--strict", made.config, want=0)
        made.write(made.read().replace("network: lan, bind: 127.0.0.1, port: %d, transport: tcp" % made.ports["lan"],
                                       "network: wan, bind: 127.0.0.1, port: %d, transport: tcp" % made.ports["lan"]))
        done = call("check", made.config)
        check("warning" in done.stdout, "a wan listener without TLS is worth a warning: " + done.stdout)
        call("check", "--strict", made.config, want=1)


def test_check_media_ports():
    """Ports that the system may give to anybody are missing when a call wants them."""
    with open("/proc/sys/net/ipv4/ip_local_port_range") as file:
        first = int(file.read().split()[0])
    with open("/proc/sys/net/ipv4/ip_local_reserved_ports") as file:
        is_plain = not file.read().strip()
    with site(runs=False) as made:
        made.write(made.read() + f"media: {{ relay: [wan], channels: 20, ports: {first - 40}-{first + 19} }}\n")
        said = call("check", made.config, want=0).stdout
        check(not is_plain or "20 of them lie in net.ipv4.ip_local_port_range" in said, said)
        made.write(made.read().replace(f"{first - 40}-{first + 19}", f"{first - 60}-{first - 1}"))
        said = call("check", made.config, want=0).stdout
        check("ip_local_port_range" not in said, said)


def test_explain_offline():
    with site(runs=False) as made:
        def explain(*words, want):
            return call("explain", "--config", made.config, *words, want=want)
        done = explain("bob@partner.example", "anna@corp.example", "--cert-name", "partner.example", want=0)
        check("nothing was sent" in done.stdout and "accepted" in done.stdout, done.stdout)
        check("backend:berlin" in done.stdout, done.stdout)
        done = explain("bob@partner.example", "anna@corp.example", "--cert-name", "evil.example", want=1)
        check("refused: identity-mismatch" in done.stdout and "who must act" in done.stdout, done.stdout)
        facts = json.loads(explain("bob@off.example", "anna@corp.example", "--cert-name", "off.example", "--json",
                                   want=1).stdout)
        check(facts["version"] == 1 and not facts["ok"] and facts["problems"][0]["code"] == "route-disabled", str(facts))
        check(facts["decision"]["steps"], str(facts))
        done = explain("anna@corp.example", "bob@partner.example", "--method", "INVITE", "--listener", "lan",
                       "--from-ip", "127.0.0.1", want=0)
        check("partner:partner.example" in done.stdout, done.stdout)
        explain("x@nowhere.example", "y@elsewhere.example", "--cert-name", "nowhere.example", want=1)
        for to, shown in (("sipuser@corp.example:5061", "sip:sipuser@corp.example"), ("SIP:anna@corp.example", "anna@corp.example")):
            done = explain("bob@partner.example", to, "--cert-name", "partner.example", want=0)
            check(shown in done.stdout and "SIP@" not in done.stdout, done.stdout)
        done = explain("bob@partner.example", "im:anna@corp.example", "--cert-name", "partner.example", want=1)
        check("uri-scheme" in done.stdout, done.stdout)
        done = explain("bob@partner.example", "anna@corp.example", "--method", "CANCEL", want=2)
        check("follow the request that they belong to" in done.stderr, done.stderr)
        made.write(made.read().replace("  routes:\n", """  routes:
    - domain: several.example
      servers:
        - { host: 127.0.0.21, port: 5061, transport: mtls, priority: 2 }
        - { host: 127.0.0.22, port: 5061, transport: mtls, priority: 1 }
        - { host: 127.0.0.23, port: 5061, transport: mtls, priority: 3 }
"""))
        done = explain("anna@corp.example", "bob@several.example", "--listener", "lan", want=0)
        order = done.stdout[done.stdout.index("in this order"):]
        check(order.index("127.0.0.22") < order.index("127.0.0.21") < order.index("127.0.0.23"),
              "all servers, by priority: " + done.stdout)
        check("--from-ip" in explain("a@b.example", "c@corp.example", "--from-ip", "nonsense", want=2).stderr, "ip")
        explain("a@b.example", "c@corp.example", "--listener", "nonsense", want=2)
        short = explain("bob@partner.example", "anna@corp.example", "--cert-name", "partner.example", want=0).stdout
        long = explain("bob@partner.example", "anna@corp.example", "--cert-name", "partner.example", "--all",
                       want=0).stdout
        check(len(long) >= len(short), "--all tells less")


def test_passwd():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "users.yaml")
        base = ["--file", path, "--realm", "corp.example"]
        for weak in ("short\n", "alllowercaseletters\n", "168-Abcdefghij\n", "\n", ""):
            done = call("passwd", "168", "--stdin", *base, stdin=weak, want=1)
            check(done.stderr and not os.path.exists(path), weak)
        secret = "Correct-horse-7"
        done = call("passwd", "168", "--stdin", *base, stdin=secret + "\n", want=0)
        check("user 168 added" in done.stdout, done.stdout)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        check(secret not in text and secret not in done.stdout, "the password itself was written")
        check(os.stat(path).st_mode & 0o077 == 0, "others can read it")
        # RFC 7616 §3.4.2: H(auth_user:realm:password)
        import hashlib
        for name in ("md5", "sha256"):
            want = hashlib.new(name, f"168:corp.example:{secret}".encode()).hexdigest()
            check(want in text, f"no {name} of the secret")
        call("passwd", "168", "--lock", *base, want=0)
        call("passwd", "168", "--stdin", "--auth-user", "SIP-168", *base, stdin="Other-horse-88\n", want=0)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        check("SIP-168" in text and "true" in text, text)
        hashes = [line for line in text.splitlines() if "ha1" in line]
        call("passwd", "168", "--internet", "yes", "--class", "inside", "--max-contacts", "2", *base, want=0)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        check("internet: true" in text and "class: inside" in text and "max_contacts: 2" in text, text)
        check(hashes == [line for line in text.splitlines() if "ha1" in line], "the password changed as well")
        for wrong in (["--internet", "maybe"], ["--max-contacts", "9"], ["--max-contacts", "x"], ["--class", "a: b"]):
            call("passwd", "168", *wrong, *base, want=1)
        call("passwd", "168", "--internet", "no", "--lock", *base, want=2)
        call("passwd", "168", "--internet", "no", "--class", "", *base, want=0)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        check("internet" not in text and "class" not in text, text)
        call("passwd", "nobody", "--remove", *base, want=1)
        call("passwd", "168", "--remove", *base, want=0)
        call("passwd", "168", "--unlock", *base, want=1)


def test_no_daemon():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "none.sock")
        for words in (["status"], ["reload"], ["confirm"], ["why", "last"], ["trace", "on"], ["explain", "a@b.example", "c@d.example"],
                      ["selfcheck"], ["partner", "check", "a.example"]):
            done = call(*words, "--control", path, want=3)
            check(path in done.stderr and not done.stdout, done.stderr)
        check(call("completion", "words", "--", "nuncio", "explain", "--listener", "", want=0,
                   env={"NUNCIO_CONTROL": path}).stdout == "", "completion is not silent")


def test_a_daemon_that_does_not_answer():
    """Completion gives up within its 0.3 s; garbage is no answer."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "mute.sock")
        with socket.socket(socket.AF_UNIX) as mute:
            mute.bind(path)
            mute.listen(8)
            began = time.monotonic()
            call("completion", "words", "--", "nuncio", "explain", "--listener", "", env={"NUNCIO_CONTROL": path}, want=0)
            check(time.monotonic() - began < 5, "completion waited too long")


def test_completion():
    def words(*line):
        return call("completion", "words", "--", "nuncio", *line, want=0).stdout.split()
    check(words("") == VERBS, "verbs")
    check(words("ch") == ["check"], "ch")
    check(words("check", "--st") == ["--strict"], "--st")
    check(words("check", "") == [":files:"], "files")
    check(words("status", "p") == ["partners"], "objects")
    check(words("explain", "--method", "INV") == ["INVITE"], "methods")
    check(words("nonsense", "") == [], "unknown verb")
    script = call("completion", "bash", want=0).stdout
    with tempfile.NamedTemporaryFile("w", suffix=".bash") as file:
        file.write(script)
        file.flush()
        line = (f"PATH={os.path.dirname(NUNCIO)}:$PATH; source {file.name}; "
                "COMP_WORDS=(nuncio check --s); COMP_CWORD=2; _nuncio; printf '%s\\n' \"${COMPREPLY[@]}\"")
        done = subprocess.run(["bash", "-c", line], capture_output=True, text=True)
        check(done.stdout.split() == ["--strict"], done.stdout + done.stderr)


def test_faulty_configuration_does_not_start():
    with site(runs=False) as made:
        made.write(made.read() + "nonsens: 1\nalso_nonsens: 2\n")
        done = call("run", "-c", made.config, want=1)
        check(done.stderr.count(": error: ") == 2 and "2 errors" in done.stderr and not done.stdout, done.stderr)


def test_a_state_directory_that_is_none_is_named():
    with site(runs=False) as made:
        with open(made.path("state"), "w", encoding="utf-8") as file:
            file.write("no directory")
        done = call("run", "-c", made.config, want=1)
        check(re.search(r"nuncio\.yaml:\d+:\d+: error: service\.state_dir: .* in %s: " % re.escape(made.path("state")), done.stderr),
              done.stderr)


# --- with a daemon

def test_status():
    with site() as made:
        done = made.ask("status", want=0)
        check("no problems" in done.stdout.splitlines()[0], done.stdout)
        for text in ("wan", "partner.example", "berlin", "edge"):
            check(text in done.stdout, f"{text}: {done.stdout}")
        facts = json.loads(made.ask("status", "--json", want=0).stdout)
        check(facts["version"] == 1 and facts["ok"] is True and facts["problems"] == [], str(facts))
        check(facts["workers"] == 2 and facts["pid"] == made.process.pid, str(facts))
        states = {row["name"]: row["state"] for row in facts["listeners"]}
        check(states == {"wan": "up", "lan": "up", "spare": "off"}, str(states))
        partners = {row["domain"]: row["state"] for row in facts["partners"]}
        check(partners == {"partner.example": "unknown", "off.example": "off"}, str(partners))
        certificate = facts["certificates"][0]
        check(certificate["name"] == "edge" and 360 <= certificate["days_left"] <= 365, str(certificate))
        check("listener wan" in certificate["used_by"] and "partner partner.example" in certificate["used_by"],
              str(certificate))
        check(facts["counters"]["requests"] == 0 and facts["counters"]["connections"] == 0, str(facts["counters"]))
        check("0 requests, 0 refused" in done.stdout, done.stdout)
        check(made.ask("status", "--plugin", want=0).stdout == "NUNCIO OK: 0 problems\n", "--plugin")
        check("wan" not in made.ask("status", "partners", want=0).stdout, "only partners were asked for")


def test_status_of_many():
    """One screen, whatever there is; the sections and --all tell all of it."""
    with site(runs=False) as made:
        subprocess.run(["openssl", "req", "-x509", "-key", made.path("edge.key"), "-days", "20", "-subj",
                        "/CN=sip.corp.example", "-addext", "subjectAltName=DNS:corp.example", "-out", made.path("old.pem")],
                       check=True, capture_output=True)
        made.write(made.read().replace("tls: {", "".join(
            f"  old{i:02}: {{ chain: old.pem, key: edge.key }}\n" for i in range(12)) + "tls: {").replace(
            "users_file:", "".join(
                f"    - {{ domain: p{i:03}.example, server: 127.0.0.2, port: 5061, transport: mtls, certificate: edge,"
                f" probe: 0s }}\n" for i in range(100)) + "users_file:"))
        made.start()
        done = made.ask("status", want=1)
        lines = done.stdout.splitlines()
        check(len(lines) <= 24, f"{len(lines)} lines:\n{done.stdout}")
        check("12 problems" in lines[0] and "warn certificate old00" in lines[1], done.stdout)
        check("9 more problems" in done.stdout or "8 more problems" in done.stdout, done.stdout)
        check("partners: 101 unknown, 1 off" in done.stdout and "certificates: 1 ok, 12 warn" in done.stdout, done.stdout)
        facts = json.loads(made.ask("status", "--json", want=1).stdout)
        check(len(facts["partners"]) == 102 and len(facts["problems"]) == 12 and not facts["summary"], str(facts)[:500])
        check(facts["certificates"][0]["n_used_by"] == 103 == len(facts["certificates"][0]["used_by"]), str(facts)[:500])
        numbers = {int(number) for number in re.findall(r"\d+", json.dumps(facts))}
        for line in lines[1:]:
            for number in re.findall(r"(?<![\w.])\d+(?= (?:up|down|unknown|off|ok|warn|fail|requests|refused|malformed|over|"
                                     r"repeated|connections|transactions|d left))", line):
                check(int(number) in numbers, f"{number} is not in the JSON: {line}")
        done = made.ask("status", "partners", want=1)
        check(done.stdout.count("\n") == 103 and "p099.example" in done.stdout, done.stdout)
        done = made.ask("status", "--all", want=1)
        check("p099.example" in done.stdout and done.stdout.count("[certificate-expires]") == 12, done.stdout)
        check(", and 7 more" in made.ask("status", "--plugin", want=1).stdout, "--plugin")
        summary = json.loads(by_unix(made.control, "GET", "/v1/status?summary=1")[1])
        check(summary["counts"] == facts["counts"] and summary["summary"], "the summary counts otherwise")
        check(len(summary["partners"]) == 16 == len(summary["certificates"][0]["used_by"]), str(summary))


def test_reload():
    with site() as made:
        good = made.read()
        done = made.ask("reload", want=0)
        check("0 changes" in done.stdout, done.stdout)
        check("kept: 0 connections, 0 requests" in done.stdout, done.stdout)
        made.write(good.replace("domain: partner.example", "domain: other.example"))
        done = made.ask("reload", want=0)
        check("other.example" in done.stdout and "partner.example" in done.stdout, done.stdout)
        made.write(good + "nonsens: 1\n")
        done = made.ask("reload", want=1)
        check(f"{made.config}:{good.count(chr(10)) + 1}:1: error: " in done.stderr, done.stderr)
        check("unchanged" in done.stderr and not done.stdout, done.stderr)
        check(" | nonsens: 1\n     | ^^^^^^^" in done.stderr, f"the line with a caret: {done.stderr}")
        check(made.ask("status", "--plugin", want=1).stdout.startswith("NUNCIO WARNING: 1 problem: reload"), "--plugin")
        facts = json.loads(made.ask("status", "--json", want=1).stdout)
        check([row["code"] for row in facts["problems"]] == ["reload-rejected"], str(facts["problems"]))
        check(any(row.get("domain") == "other.example" for row in facts["partners"]), "the old one did not stay")
        facts = json.loads(made.ask("reload", "--json", want=1).stdout)
        check(not facts["ok"] and facts["problems"][0]["code"].startswith("E0"), str(facts))
        made.write(good)
        made.process.send_signal(signal.SIGHUP)
        end = time.monotonic() + TIMEOUT
        while (done := made.ask("status")).returncode != 0:
            check(time.monotonic() < end, f"SIGHUP did not reload:\n{done.stdout}{done.stderr}{made.text()}")
            time.sleep(0.05)
        text = by_tcp(made.ports["http"], "/metrics")[1]
        check('nuncio_config_reloads_total{result="rejected"} 2' in text, "rejected are not counted")
        check('nuncio_config_reloads_total{result="unchanged"} 1' in text, "unchanged are not counted")
        check('nuncio_config_reloads_total{result="applied"} 2' in text, "applied are not counted")


def test_reload_on_trial():
    with site() as made:
        good = made.read()
        changed = good.replace("domain: partner.example", "domain: other.example")

        def wait_for(text, want):
            end = time.monotonic() + TIMEOUT
            while text not in (done := made.ask("status", want=want)).stdout:
                check(time.monotonic() < end, f"no '{text}' in:\n{done.stdout}{made.text()}")
                time.sleep(0.1)
            return done.stdout
        done = made.ask("confirm", want=1)
        check("nothing waits for a confirmation" in done.stderr and not done.stdout, done.stderr)
        for wrong in ("5", "0s", "25h", "soon", "", '5m","x":"'):
            check("from 1s to 24h" in made.ask("reload", "--confirm", wrong, want=2).stderr, wrong)
        for body in ('{"confirm":"soon"}', '{"confirm":5}', '{"confirm":"5m","x":1}', "x", "[]"):
            check(by_unix(made.control, "POST", "/v1/reload", body)[0] == 400, body)
        # Kept.
        made.write(changed)
        done = made.ask("reload", "--confirm", "5m", want=0)
        check("reverts in 5 min unless confirmed: nuncio confirm" in done.stdout and "other.example" in done.stdout, done.stdout)
        text = made.ask("status", want=1).stdout
        check(re.search(r"warn reload: reverts in (4 min \d+ s|5 min) unless confirmed", text), text)
        done = made.ask("reload", want=1)
        check("waits for its confirmation" in done.stderr and "is unchanged" in done.stderr, done.stderr)
        made.process.send_signal(signal.SIGHUP)
        end = time.monotonic() + TIMEOUT
        while "warning reload refused" not in made.text().partition("waits for its confirmation")[2]:
            check(time.monotonic() < end, made.text())
            time.sleep(0.05)
        facts = json.loads(made.ask("status", "--json", want=1).stdout)
        check(290 <= facts["configuration"]["confirm"]["left_s"] <= 300, str(facts["configuration"]))
        done = made.ask("confirm", want=0)
        check("the configuration stays, 2 changes" in done.stdout and "+ partner other.example" in done.stdout, done.stdout)
        made.ask("status", want=0)
        made.ask("confirm", want=1)
        # Reverted: the file keeps what was on trial.
        made.write(good)
        made.ask("reload", "--confirm", "1s", "--json", want=0)
        text = wait_for("is back (2 changes)", 1)
        check("not confirmed within 1 s" in text and "[reload-reverted] who must act: you" in text, text)
        check("other.example" in text and "partner.example" not in text, text)
        facts = json.loads(made.ask("status", "--json", want=1).stdout)
        check([row["name"] for row in facts["configuration"]["reverted"]] == ["other.example", "partner.example"], str(facts))
        done = made.ask("confirm", want=1)
        check("not confirmed within 1 s" in done.stderr, done.stderr)
        metrics = by_tcp(made.ports["http"], "/metrics")[1]
        check('nuncio_config_reloads_total{result="reverted"} 1' in metrics, "it is not counted")
        # A listener that had gone comes back with its socket.
        made.ask("reload", want=0)
        made.ask("status", want=0)
        made.write(good.replace(f"port: {made.ports['lan']}, transport: tcp }}", f"port: {made.ports['spare']}, transport: tcp }}"))
        made.ask("reload", "--confirm", "1s", want=0)
        wait_for("is back", 1)
        socket.create_connection(("127.0.0.1", made.ports["lan"]), timeout=TIMEOUT).close()
        # It ends while one waits; the next start reads the file.
        made.ask("reload", "--confirm", "5m", want=0)
        made.process.send_signal(signal.SIGTERM)
        check(made.process.wait(TIMEOUT) == 0 and "was not confirmed: the next start reads it" in made.text(), made.text())


def test_explain_and_why():
    with site() as made:
        offline = call("explain", "--config", made.config, "bob@partner.example", "anna@corp.example", "--cert-name",
                       "evil.example", "--json", want=1)
        online = made.ask("explain", "bob@partner.example", "anna@corp.example", "--cert-name", "evil.example", "--json",
                          want=1)
        check(json.loads(offline.stdout) == json.loads(online.stdout), "daemon and file differ")
        done = made.ask("explain", "bob@partner.example", "anna@corp.example", "--from-ip", "x", want=2)
        check("--from-ip" in done.stderr, done.stderr)
        made.ask("why", "last", want=1)
        call_id = "cli-test-\udcff@example".encode("utf-8", "surrogateescape")
        with socket.create_connection(("127.0.0.1", made.ports["lan"])) as stranger:
            stranger.sendall(b"OPTIONS sip:x@elsewhere.example SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bKx1\r\n"
                             b"Max-Forwards: 70\r\nFrom: <sip:x@nowhere.example>;tag=1\r\nTo: <sip:x@elsewhere.example>\r\n"
                             b"Call-ID: cli-test@example\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n")
            stranger.settimeout(TIMEOUT)
            check(stranger.recv(4096).startswith(b"SIP/2.0 4"), "was not refused")
        last = made.ask("why", "last", want=0).stdout
        check("refused: " in last and "who must act" in last and "what to do" in last and "cli-test@example" in last, last)
        check(made.ask("why", "cli-test@example", want=0).stdout == last, "by Call-ID and last differ")
        facts = json.loads(made.ask("why", "cli-test@example", "--json", want=0).stdout)
        check(facts["version"] == 1 and facts["decisions"][0]["call_id"] == "cli-test@example", str(facts))
        code = facts["decisions"][0]["reason"]
        check(code in made.ask("help", code, want=0).stdout, code)
        made.ask("why", "other@example", want=1)
        names = made.ask("completion", "words", "--", "nuncio", "why", "").stdout.split()
        check(names == ["last", "tls", "cli-test@example"], str(names))
        names = made.ask("completion", "words", "--", "nuncio", "explain", "--listener", "").stdout.split()
        check(sorted(names) == ["lan", "spare", "wan"], str(names))
        names = made.ask("completion", "words", "--", "nuncio", "explain", "x@part").stdout.split()
        check(names == ["x@partner.example"], str(names))


def test_why_tls():
    """A handshake that failed, in and out, and which of both kinds is the last refusal."""
    def shake(port, source):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT, source_address=(source, 0)) as plain:
            try:
                with context.wrap_socket(plain, server_hostname="sip.corp.example") as secure:
                    secure.settimeout(TIMEOUT)
                    secure.recv(1)
            except OSError:
                pass

    with site() as made:
        made.ask("why", "tls", want=1)
        made.ask("why", "last", want=1)
        for _ in range(3):
            shake(made.ports["wan"], "127.0.0.77")
        end = time.monotonic() + TIMEOUT
        while (done := made.ask("why", "tls")).returncode != 0:
            check(time.monotonic() < end, made.text())
            time.sleep(0.05)
        text = done.stdout
        for word in ("TLS handshake  from 127.0.0.77:", "listener", "wan", "sip.corp.example", "at least TLS 1.2",
                     "refused: tls-no-client-certificate", "who must act   the partner", "what to do"):
            check(word in text, f"no '{word}' in\n{text}")
        check(made.ask("why", "127.0.0.77", want=0).stdout.startswith("TLS handshake  from 127.0.0.77:"), "by address")
        check(made.ask("why", "last", want=0).stdout.startswith("TLS handshake"), "it is the last refusal")
        made.ask("why", "127.0.0.78", want=1)
        facts = json.loads(made.ask("why", "tls", "--json", want=0).stdout)
        # Each of the workers has a record of its own.
        check(1 <= len(facts["decisions"]) <= 2 and
              sum(1 + row["tls"]["n_similar"] for row in facts["decisions"]) <= 3, str(facts))
        check(all(row["kind"] == "handshake" and row["tls"]["direction"] == "in" for row in facts["decisions"]), str(facts))
        # A refused request is newer, and then the last one.
        with socket.create_connection(("127.0.0.1", made.ports["lan"])) as stranger:
            stranger.sendall(b"OPTIONS sip:x@elsewhere.example SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bKx1\r\n"
                             b"Max-Forwards: 70\r\nFrom: <sip:x@nowhere.example>;tag=1\r\nTo: <sip:x@elsewhere.example>\r\n"
                             b"Call-ID: tls\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n")
            stranger.settimeout(TIMEOUT)
            check(stranger.recv(4096).startswith(b"SIP/2.0 4"), "was not refused")
        check(made.ask("why", "last", want=0).stdout.startswith("OPTIONS "), "the request is the last refusal")
        check(made.ask("why", "127.0.0.1", want=0).stdout.startswith("OPTIONS "), "requests by address")
        check(made.ask("why", "tls", want=0).stdout.startswith("OPTIONS "), "a Call-ID comes first")
        # A partner that does not speak TLS: the request's record names the code, and so does the handshake's.
        with socket.create_server(("127.0.0.2", made.ports["wan"])) as partner:
            with socket.create_connection(("127.0.0.1", made.ports["lan"])) as backend:
                backend.sendall(b"MESSAGE sip:bob@partner.example SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bKo1\r\n"
                                b"Max-Forwards: 70\r\nFrom: <sip:anna@corp.example>;tag=1\r\nTo: <sip:bob@partner.example>\r\n"
                                b"Call-ID: out@example\r\nCSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n")
                partner.settimeout(TIMEOUT)
                with partner.accept()[0] as plain:
                    plain.sendall(b"SIP/2.0 400 Bad Request\r\n\r\n")
                    backend.settimeout(TIMEOUT)
                    answer = b""
                    while b"SIP/2.0 5" not in answer:
                        answer += backend.recv(4096)
        text = made.ask("why", "partner.example", want=0).stdout
        check("TLS handshake  to partner:partner.example at 127.0.0.2:" in text and "refused: tls-peer-not-tls" in text, text)
        check("MESSAGE  sip:anna@corp.example -> sip:bob@partner.example" in text, text)
        check("tls-peer-not-tls" in made.ask("why", "out@example", want=0).stdout, "the request's record")
        check("out@example" in made.ask("why", "last", want=0).stdout, "the request ended last, and says more")
        names = made.ask("completion", "words", "--", "nuncio", "why", "").stdout.split()
        check(names[:2] == ["last", "tls"] and "out@example" in names, str(names))


def test_nat():
    """Behind no NAT: the daemon is its own STUN server, at another listener."""
    with site(runs=False) as made:
        text = made.read()
        made.write(text.replace("certificates:", f"  - {{ name: seen, network: wan, bind: 127.0.0.1, port: {free_port()}, "
                                f"transport: udp, advertise: stun }}\n  - {{ name: stun, network: wan, bind: 127.0.0.1, "
                                f"port: {made.ports['spare']}, transport: udp }}\ncertificates:", 1) +
                   f"nat: {{ stun_servers: [\"127.0.0.1:{made.ports['spare']}\"], serve: true, monitor: 1s }}\n")
        made.start()
        facts = json.loads(made.ask("nat", "--json", want=1).stdout)["nat"]
        check(facts["type"] == "Unknown" and facts["inconclusive"] and not facts["behind_nat"] and
              facts["address"] == "127.0.0.1" and "from another address" in facts["reason"], str(facts))
        check(facts["addresses"][0]["state"] == "known" and facts["addresses"][0]["listener"] == "seen", str(facts))
        check(facts["servers"][0]["tests"][0]["outcome"] == "answered", str(facts))
        text = made.ask("nat", "--again", want=1).stdout
        check(text.startswith("Unknown  at 127.0.0.1\n") and "asked plainly" in text and "known  seen" in text, text)
        status = json.loads(made.ask("status", "--json").stdout)
        check(status["nat"]["looked"] and "servers" not in status["nat"], str(status["nat"]))
        check("nat: Unknown, confidence none; seen at 127.0.0.1:" in made.ask("status").stdout, "status")
        metrics = by_tcp(made.ports["http"], "/metrics")[1]
        check('nuncio_public_address_changes_total{listener="seen"} 0' in metrics, metrics)
        check(re.search(r'nuncio_stun_checks_total\{result="answered"\} [1-9]', metrics), metrics)
        check(re.search(r'nuncio_stun_requests_total\{result="answered"\} [1-9]', metrics), metrics)


def test_checks():
    """selfcheck and partner check where there is no resolver, and nobody at the partner's address."""
    with site(runs=False) as made:
        made.write(made.read() + f'dns: {{ servers: ["127.0.0.1:{free_port()}"] }}\n')
        made.start()
        text = made.ask("selfcheck", want=5).stdout
        check("DNS-UNREACHABLE" in text and "OPTIONS" in text and "not tested" in text.splitlines()[-1], text)
        facts = json.loads(made.ask("selfcheck", "corp.example", "--json", want=5).stdout)
        check(not facts["known"] and facts["rows"][0]["subject"] == "corp.example", str(facts))
        check(facts["counts"]["facts"] == len(facts["rows"]), str(facts["counts"]))
        check("none of ours" in made.ask("selfcheck", "other.example", want=1).stderr, "another's domain")
        text = made.ask("partner", "check", "partner.example", want=1).stdout
        check("CONNECT-REFUSED" in text and "act: you or the partner" in text, text)
        facts = json.loads(made.ask("partner", "check", "Partner.Example.", "--json", want=1).stdout)
        check([row["code"] for row in facts["rows"] if row["code"]] == ["connect-refused"], str(facts))
        check("ROUTE-DISABLED" in made.ask("partner", "check", "off.example", want=1).stdout, "off.example")
        check("NOT-A-PARTNER" in made.ask("partner", "check", "none.example", want=1).stdout, "none.example")
        check(made.ask("partner", "check", "--as-if-allowed", "none.example", want=5).stdout.count("DNS-UNREACHABLE") == 1,
              "none.example as if allowed")
        made.ask("partner", "check", "no domain", want=2)
        made.ask("partner", "nonsense", "partner.example", want=2)
        made.ask("partner", "check", want=2)
        check(by_unix(made.control, "GET", "/v1/partners/a/b/check")[0] == 400, "a path with too many parts")
        check(by_unix(made.control, "POST", "/v1/selfcheck")[0] == 405, "POST")


def test_trace():
    with site() as made:
        check("trace: tls dns (was: off)" in made.ask("trace", "on", "tls", "dns", want=0).stdout, "on")
        check("(was: tls dns)" in made.ask("trace", "off", want=0).stdout, "off")
        facts = json.loads(made.ask("trace", "on", "--json", want=0).stdout)
        check(facts["areas"] == ["registration", "interconnection", "media", "tls", "dns"], str(facts))
        check("areas are" in made.ask("trace", "on", "nonsense", want=2).stderr, "an unknown area")
        made.ask("reload", want=0)
        check("(was: off)" in made.ask("trace", "on", want=0).stdout, "a reload restores log.trace")


def test_partner():
    with site() as made:
        listed = made.ask("partner", "list", want=0).stdout
        check("2 with a route, 0 discovered" in listed and re.search(r"partner.example +route", listed), listed)
        check("spam.example" in made.ask("partner", "show", "spam.example", want=1).stderr, "nothing is known")
        done = made.ask("partner", "block", "Spam.example.", "--reason", "tries out names", want=0)
        check(done.stdout == "spam.example: blocked, because: tries out names (was: not known)\n", done.stdout)
        done = made.ask("partner", "approve", "spam.example", "--until", "2131-12-31", want=0)
        check(done.stdout.startswith("spam.example: approved until 2131-12-31T23:59:59") and
              "(was: blocked, because: tries out names)" in done.stdout and "federation.open" in done.stdout, done.stdout)
        for words in (["list"], ["show", "spam.example"], ["show", "partner.example"], ["block", "b.example"],
                      ["approve", "c.example", "--reason", "\u00fc"], ["forget", "b.example"]):
            made.ask("partner", *words, "--json", want=0)
        made.ask("partner", "forget", "b.example", "--json", want=1)
        check("approved" in made.ask("partner", "show", "spam.example", want=0).stdout, "show")
        check("c.example" in made.ask("partner", "list", want=0).stdout, "list")
        rows = [
            (["approve", "partner.example"], 1, "has a route, which decides"), (["block", "x.partner.example"], 0, ""),
            (["approve", "corp.example"], 1, "our own domain"), (["forget", "nobody.example"], 1, "nothing is known"),
            (["approve", "a.example", "--until", "2001-12-31"], 2, "until is a day to come"),
            (["approve", "a.example", "--until", "soon"], 2, "until is a day to come"),
            (["approve", "no domain"], 2, "the name of a domain"), (["approve", "192.0.2.1"], 2, "the name of a domain"), (["approve", "*.example"], 2, "the name of a domain"),
            (["block", "a.example", "--reason", "x" * 300], 2, "at most 255 bytes"),
            (["block", "a.example", "--reason", "a\nb"], 2, "at most 255 bytes"),
            (["block", "a.example", "--until", "2131-12-31"], 2, "takes no --until"),
            (["show"], 2, "which DOMAIN?"), (["list", "a.example"], 2, "takes no domain"), (["chek", "a"], 2, "not 'chek'"),
        ]
        for words, code, text in rows:
            done = made.ask("partner", *words, want=code)
            check(text in done.stderr, f"{words}: {done.stderr}{done.stdout}")
        words = made.ask("completion", "words", "--", "nuncio", "partner", "").stdout.split()
        check(words == ["list", "show", "check", "approve", "block", "forget"], str(words))
        words = made.ask("completion", "words", "--", "nuncio", "partner", "show", "").stdout.split()
        check(words == ["partner.example", "off.example", "c.example", "spam.example", "x.partner.example"], str(words))
        check("2 approved" in made.ask("status").stdout, "status counts them")


def test_partner_over_a_restart():
    with site() as made:
        made.ask("partner", "block", "spam.example", want=0)
        made.process.send_signal(signal.SIGTERM)
        made.process.wait(TIMEOUT)
        made.log.close()
        made.start()
        check("blocked" in made.ask("partner", "show", "spam.example", want=0).stdout, "it is forgotten")


def test_control_socket():
    with site() as made:
        check(os.stat(made.control).st_mode & 0o777 == 0o660, oct(os.stat(made.control).st_mode))
        rows = [
            ("GET", "/v1/status", None, 200), ("HEAD", "/v1/status", None, 200), ("POST", "/v1/status", None, 405),
            ("GET", "/v1/reload", None, 405), ("GET", "/v1/confirm", None, 405), ("POST", "/v1/confirm", None, 409), ("GET", "/v1/nonsense", None, 404), ("GET", "/", None, 404),
            ("GET", "/v1/../v1/status", None, 404), ("GET", "/v1/explain", None, 400),
            ("POST", "/v1/trace", "nonsense", 400), ("POST", "/v1/trace", '{"areas":[1]}', 400),
            ("POST", "/v1/trace", "[" * 8000, 400), ("POST", "/v1/trace", "x" * 100000, 413),
            ("GET", "/v1/partners", None, 200), ("GET", "/v1/partners?domain=nobody.example", None, 404),
            ("GET", "/v1/partners?domain=%00", None, 404), ("POST", "/v1/partners", "{}", 405),
            ("POST", "/v1/partners/approve", None, 400), ("POST", "/v1/partners/approve", "[]", 400),
            ("POST", "/v1/partners/block", '{"domain":1}', 400), ("POST", "/v1/partners/block", '{"domain":"a"}', 400),
            ("POST", "/v1/partners/block", '{"domain":"a.example","until":"2131-12-31"}', 400),
            ("POST", "/v1/partners/forget", '{"domain":"a.example","reason":"x"}', 400),
            ("POST", "/v1/partners/forget", '{"domain":"a.example"}', 404), ("GET", "/v1/partners/forget", None, 405),
            ("GET", "/healthz", None, 200), ("GET", "/readyz", None, 200), ("GET", "/metrics", None, 200),
        ]
        for method, url, body, want in rows:
            try:
                status, text = by_unix(made.control, method, url, body)
            except (BrokenPipeError, ConnectionResetError):
                check(want == 413, f"{method} {url}: was cut off")
                continue
            check(status == want, f"{method} {url}: {status} {text[:200]}")
            if text and url.startswith("/v1/") and status != 413:
                check(json.loads(text)["version"] == 1, text)
        made.ask("status", want=0)


def test_rights():
    """Root may change; a stranger may not even open the socket, and if the mode lets it, is told so."""
    if os.geteuid() != 0:
        print("     not tested: needs root")
        return
    with site() as made:
        program = shutil.copy(NUNCIO, made.path("nuncio"))  # the tree may be where a stranger cannot look

        def as_user(words, uid, groups):
            def become():
                os.setgroups(groups)
                os.setgid(uid)
                os.setuid(uid)
            return subprocess.run([program, *words, "--control", made.control], preexec_fn=become, capture_output=True,
                                  text=True, timeout=TIMEOUT, cwd="/")
        os.chmod(made.dir, 0o755)
        import grp
        adm = grp.getgrnam("adm").gr_gid
        done = as_user(["status"], 65534, [])
        check(done.returncode == 4 and not done.stdout, f"a stranger: {done.returncode} {done.stderr}")
        os.chmod(made.control, 0o666)
        done = as_user(["status"], 65534, [])
        check(done.returncode == 4 and "group adm may look" in done.stderr, f"a stranger: {done.returncode} {done.stderr}")
        check(as_user(["status"], 65534, [adm]).returncode == 0, "group adm may look")
        check(as_user(["reload"], 65534, [adm]).returncode == 4, "group adm may not change")
        check(as_user(["confirm"], 65534, [adm]).returncode == 4, "group adm may not confirm")
        check(as_user(["partner", "list"], 65534, [adm]).returncode == 0, "group adm may list")
        for word in ("approve", "block", "forget"):
            check(as_user(["partner", word, "a.example"], 65534, [adm]).returncode == 4, f"group adm may not {word}")
        check(as_user(["reload"], 65534, [os.getegid()]).returncode == 0, "our own group may change")


def test_admin_http():
    with site() as made:
        port = made.ports["http"]
        check(by_tcp(port, "/healthz") == (200, "ok\n"), "healthz")
        check(by_tcp(port, "/readyz") == (200, "ok\n"), "readyz")
        for url in ("/v1/status", "/v1/reload", "/"):
            check(by_tcp(port, url)[0] == 404, url)
        check(by_tcp(port, "/metrics", method="POST")[0] == 405, "POST")
        check(by_tcp(port, "/metrics", {"Host": "evil.example"})[0] == 421, "Host")
        check(by_tcp(port, "/metrics", {"Host": "localhost:1"})[0] == 200, "localhost")


METRIC = re.compile(r'^[a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-z_]+="([^"\\\n]|\\.)*",?)*\})? [-+0-9.eEInfNa]+$')


def test_metrics():
    with site() as made:
        status, text = by_tcp(made.ports["http"], "/metrics")
        check(status == 200, text)
        heads = re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M)
        check(len(heads) == len(set(heads)) and len(heads) > 20, "families")
        with open(os.path.join(ROOT, "docs", "operations.md"), encoding="utf-8") as page:
            told = re.findall(r"^\| `(\w+)` \| (gauge|counter|histogram) \|", page.read(), re.M)
        check(told == heads, f"docs/operations.md has not these metrics: {set(heads) ^ set(told)}")
        for line in text.splitlines():
            check(line.startswith("# ") or METRIC.match(line), line)
        for line in ("nuncio_config_last_reload_successful 1", 'nuncio_listener_up{listener="wan",transport="mtls"} 1',
                     'nuncio_listener_up{listener="spare",transport="udp"} 0', "nuncio_banned_sources 0",
                     'nuncio_discovered_partners{state="new"} 0'):
            check(line in text, f"no {line}")
        text = by_tcp(made.ports["http"], "/metrics", {"Accept": "application/openmetrics-text; version=1.0.0"})[1]
        check(text.endswith("# EOF\n"), "OpenMetrics ends with # EOF")
        if shutil.which("promtool"):
            done = subprocess.run(["promtool", "check", "metrics"], input=by_tcp(made.ports["http"], "/metrics")[1],
                                  text=True, capture_output=True)
            check(done.returncode == 0, done.stdout + done.stderr)


def test_an_address_that_disappears():
    """Needs a network namespace of its own; where that is not allowed, it is left out."""
    if subprocess.run(["unshare", "-rn", "ip", "link", "set", "lo", "up"], capture_output=True).returncode != 0:
        return
    with site(runs=False) as made:
        made.write(made.read().replace("network: lan, bind: 127.0.0.1", "network: lan, bind: 192.0.2.77"))
        script = """ip link set lo up; ip addr add 192.0.2.77/32 dev lo
            "$1" run -c "$2" & daemon=$!
            until "$1" status --control "$3"; do sleep 0.05; kill -0 $daemon || exit 9; done >/dev/null 2>&1
            ip addr del 192.0.2.77/32 dev lo
            "$1" status --control "$3"; echo "exit $?"
            kill $daemon; wait $daemon"""
        done = subprocess.run(["unshare", "-rn", "sh", "-c", script, "sh", NUNCIO, made.config, made.control],
                              capture_output=True, text=True, timeout=TIMEOUT)
        check("listener lan: this host does not have its address any more" in done.stdout and "exit 1" in done.stdout,
              done.stdout + done.stderr)
        check("down" in done.stdout, done.stdout)


def test_a_second_daemon_is_refused():
    with site() as made:
        done = call("run", "-c", made.config, want=1)
        check("another nuncio answers" in done.stderr, done.stderr)
        made.ask("status", want=0)


def test_a_killed_daemon_leaves_no_harm():
    with site() as made:
        made.process.kill()
        made.process.wait()
        check(os.path.exists(made.control), "SIGKILL cannot clean up")
        made.ask("status", want=3)
        made.log.close()
        made.start()
        made.ask("status", want=0)


def test_ends_cleanly():
    with site() as made:
        made.process.send_signal(signal.SIGTERM)
        check(made.process.wait(TIMEOUT) == 0, made.text())
        check(not os.path.exists(made.control), "the control socket stays")
    with site() as made:
        made.process.send_signal(signal.SIGINT)
        check(made.process.wait(TIMEOUT) == 0, made.text())


def test_service_manager():
    """sd_notify: READY, STATUS, RELOADING, WATCHDOG, STOPPING."""
    with site(runs=False) as made:
        path = made.path("notify.sock")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(path)
            manager.settimeout(TIMEOUT)
            seen = []

            def wait_for(word):
                end = time.monotonic() + TIMEOUT
                while not any(line.startswith(word) for line in seen):
                    check(time.monotonic() < end, f"no {word} in {seen}")
                    seen.extend(manager.recv(4096).decode().splitlines())
            before = {name: os.environ.get(name) for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC")}
            os.environ.update(NOTIFY_SOCKET=path, WATCHDOG_USEC="3000000")
            try:
                made.start()
            finally:
                for name, value in before.items():
                    os.environ.pop(name) if value is None else os.environ.update({name: value})
            wait_for("READY=1")
            wait_for("STATUS=0 partners up, 0 down")
            wait_for("WATCHDOG=1")
            made.ask("reload", want=0)
            wait_for("RELOADING=1")
            wait_for("MONOTONIC_USEC=")
            made.process.send_signal(signal.SIGTERM)
            wait_for("STOPPING=1")
            check(made.process.wait(TIMEOUT) == 0, made.text())


def test_service_user():
    """As root the ports are opened, then the daemon is somebody who may less, for good."""
    if os.geteuid() != 0:
        print("     not tested: needs root")
        return
    with site(runs=False) as made:
        os.chmod(made.dir, 0o755)
        for name in ("edge.key", "users.yaml"):
            shutil.chown(made.path(name), "nobody")
        made.control = made.path("run", "control.sock")
        made.write(made.read().replace("control: control.sock", "control: run/control.sock, user: nobody"))
        made.start()
        with open(f"/proc/{made.process.pid}/status", encoding="utf-8") as file:
            facts = dict(line.strip().split(":", 1) for line in file if ":" in line)
        check(facts["Uid"].split() == ["65534"] * 4 and facts["Gid"].split() == ["65534"] * 4, facts["Uid"] + facts["Gid"])
        check(facts["Groups"].split() == ["65534"] and facts["NoNewPrivs"].strip() == "1", str(facts))
        check(int(facts["CapEff"], 16) == 0 and int(facts["CapPrm"], 16) == 0, facts["CapEff"])
        check(os.stat(made.control).st_uid == 65534, "whose socket")
        made.ask("reload", want=0)
        made.process.send_signal(signal.SIGTERM)
        check(made.process.wait(TIMEOUT) == 0 and not os.path.exists(made.control), made.text())
        made.write(made.read().replace("user: nobody", "user: nobody-of-that-name"))
        done = call("run", "-c", made.config)
        check(done.returncode in (1, 4) and "user" in done.stderr, f"{done.returncode} {done.stderr}")


def main():
    wanted = sys.argv[2:]
    tests = [(name[5:], fn) for name, fn in globals().items() if name.startswith("test_")]
    passed = failed = 0
    for name, fn in tests:
        if wanted and name not in wanted:
            continue
        try:
            fn()
            passed += 1
            print(f"ok   {name}", flush=True)
        except Exception as error:  # a broken test is a failed one
            failed += 1
            print(f"FAIL {name}: {error if isinstance(error, Failed) else traceback.format_exc()}", flush=True)
    print(f"[  PASSED  ] {passed} test(s).")
    if failed:
        print(f"[  FAILED  ] {failed} test(s).")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
