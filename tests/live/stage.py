"""The stage on which live tests and the bench play: a directory and a network of loopback addresses of
their own, programs that are started, waited for, read and stopped, and certificates. Only the standard
library. Nothing here knows what is tested."""

import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Failure(Exception):
    """What a test wanted did not happen; the text says what was seen."""


def build_dir():
    """Where the programs are: $NUNCIO_BUILD, else build/ in the tree."""
    return os.path.abspath(os.environ.get("NUNCIO_BUILD", os.path.join(ROOT, "build")))


def nuncio_binary():
    return os.environ.get("NUNCIO", os.path.join(build_dir(), "proxy", "nuncio"))


def wait_for(question, timeout=10.0, what="it"):
    """Asks until the answer is true, and returns it; Failure after timeout seconds."""
    end = time.monotonic() + timeout
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > end:
            raise Failure(f"waited {timeout:g} s in vain for {what}")
        time.sleep(0.02)


def is_bound(kind, addr, port, net="/proc/net"):
    """True if somebody listens there (kind: "udp" or "tcp"), as the kernel's table says."""
    wanted = "%08X:%04X" % (int.from_bytes(socket.inet_aton(addr), sys.byteorder), port)
    with open(f"{net}/{kind}", encoding="ascii") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    state = "0A" if kind == "tcp" else "07"
    return any(row[1] == wanted and row[3] == state for row in rows)


def free_port(addr="127.0.0.1"):
    with socket.socket(socket.AF_INET6 if ":" in addr else socket.AF_INET) as probe:
        probe.bind((addr, 0))
        return probe.getsockname()[1]


class Program:
    """A program that was started; what it prints goes to a file."""

    def __init__(self, name, argv, log_path, cpu=None, env=None, cwd=None, stdin=subprocess.DEVNULL):
        self.name = name
        self.log_path = log_path
        with open(log_path, "ab") as log:
            self.popen = subprocess.Popen(
                argv, stdin=stdin, stdout=log, stderr=log, cwd=cwd,
                env=dict(os.environ, **(env or {})), start_new_session=True,
                preexec_fn=(lambda: os.sched_setaffinity(0, {cpu})) if cpu is not None else None)
        self.pid = self.popen.pid

    def is_running(self):
        return self.popen.poll() is None

    def text(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def mark(self):
        """The length of the log now, for wait_text(after=...)."""
        return os.path.getsize(self.log_path)

    def text_after(self, mark):
        with open(self.log_path, "rb") as log:
            log.seek(mark)
            return log.read().decode("utf-8", "replace")

    def wait_text(self, pattern, timeout=10.0, after=0):
        """Waits for a line of the log that matches; returns the match."""
        def look():
            found = re.search(pattern, self.text_after(after), re.M)
            if not found and not self.is_running():
                raise Failure(f"{self.name} ended with {self.popen.returncode}:\n{self.text()[-2000:]}")
            return found
        return wait_for(look, timeout, f"/{pattern}/ in the log of {self.name}")

    def signal(self, number):
        os.kill(self.pid, number)

    def wait(self, timeout=10.0):
        try:
            return self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} still runs after {timeout:g} s") from None

    def stop(self, timeout=10.0):
        """SIGTERM, and SIGKILL to the whole session when that is not enough. Returns the status."""
        if self.is_running():
            self.popen.terminate()
            try:
                self.popen.wait(timeout)
            except subprocess.TimeoutExpired:
                os.killpg(self.pid, signal.SIGKILL)
                self.popen.wait()
        return self.popen.returncode


class Stage:
    """with Stage("name") as stage: ... everything started there ends there."""

    def __init__(self, name):
        self.dir = tempfile.mkdtemp(prefix=f"nuncio-{name}-")
        self.programs = []
        # A /24 of the loopback net that nobody else is likely to use: every port there is free.
        self.net = "127.%d.%d." % (random.randint(2, 250), random.randint(0, 255))

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        self.close(keep=os.environ.get("KEEP") and (kind is not None or os.environ["KEEP"] == "always"))

    def close(self, keep=False):
        for program in reversed(self.programs):
            program.stop()
        if keep:
            print(f"kept: {self.dir}", file=sys.stderr)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)

    def addr(self, number):
        return self.net + str(number)

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def write(self, name, text):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        return path

    def certs(self, *specs):
        """script/certs into tls/ of the stage: "edge=sip.a.example,127.0.0.1"."""
        command = [os.path.join(ROOT, "script", "certs"), "--keep", self.path("tls"), *specs]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def start(self, name, argv, **options):
        program = Program(name, argv, self.path(name + ".log"), **options)
        self.programs.append(program)
        return program

    def nuncio(self, name, config, **options):
        """Starts `nuncio run` on that text and waits until it is ready. The service and admin sections
        are added, with a state directory and a control socket of its own."""
        proxy = Nuncio(self, name, config, **options)
        self.programs.append(proxy)
        proxy.wait_ready()
        return proxy


class Nuncio(Program):
    def __init__(self, stage, name, config, workers=1, log_level="info", state=None, prefix=(), **options):
        self.state = state or stage.path(name + ".state")
        self.socket = stage.path(name + ".sock")
        self.config_path = stage.path(name + ".yaml")
        self.tail = (f"\nservice:\n  workers: {workers}\n  state_dir: {self.state}\n"
                     f"  control: {self.socket}\n"
                     f"admin:\n  http: \"\"\n")
        os.makedirs(self.state, exist_ok=True)
        if not re.search(r"^log:", config, re.M):
            self.tail += f"log: {{ level: {log_level} }}\n"
        self.configure(config)
        super().__init__(name, [*prefix, nuncio_binary(), "run", "-c", self.config_path],
                         stage.path(name + ".log"), **options)

    def configure(self, config):
        """Writes the configuration, without telling the proxy."""
        with open(self.config_path, "w", encoding="utf-8") as out:
            out.write(config + self.tail)

    def ask(self, *verb, timeout=10):
        """Runs a client verb; returns (exit status, stdout, stderr)."""
        done = subprocess.run([nuncio_binary(), *verb, "--control", self.socket], timeout=timeout,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    def ask_json(self, *verb):
        status, out, err = self.ask(*verb, "--json")
        try:
            return json.loads(out)
        except ValueError:
            raise Failure(f"nuncio {' '.join(verb)} --json: exit {status}, no JSON: {out}{err}") from None

    def wait_ready(self, timeout=15.0):
        def look():
            if not self.is_running():
                raise Failure(f"{self.name} ended with {self.popen.returncode}:\n{self.text()[-3000:]}")
            # 1: it runs, and has a problem to tell (a partner that is not up yet).
            return os.path.exists(self.socket) and self.ask("status")[0] in (0, 1)
        wait_for(look, timeout, f"{self.name} to be ready")


class Tally:
    """Counts checks and prints a line for each; the last line is for script/test to add up. Any thread."""

    def __init__(self):
        self.n_passed = self.n_failed = 0
        self.lock = threading.Lock()

    def check(self, name, fact, seen=""):
        """Prints and counts one check; returns fact as a bool."""
        lines = [f"  {'ok   ' if fact else 'FAIL '} {name}"]
        if not fact:
            lines += [f"          {line}" for line in str(seen).strip().splitlines()[-25:]]
        with self.lock:
            self.n_passed += bool(fact)
            self.n_failed += not fact
            print("\n".join(lines), flush=True)
        return bool(fact)

    def attempt(self, name, action, *args, **options):
        """One check that is an action: it passes if nothing is raised. Returns the action's result."""
        try:
            result = action(*args, **options)
        except (Failure, OSError, subprocess.SubprocessError) as failure:
            self.check(name, False, failure)
            return None
        self.check(name, True)
        return result

    def section(self, test, *args):
        """Runs a test function; one that breaks off counts as one failed check, and the next may go on."""
        try:
            test(self, *args)
        except (Failure, OSError, subprocess.SubprocessError, AttributeError) as failure:
            self.check(f"{test.__name__} went to its end", False, repr(failure))

    def end(self):
        """Prints the count; returns the exit status."""
        print(f"{self.n_passed} passed, {self.n_failed} failed", flush=True)
        return 1 if self.n_failed or not self.n_passed else 0
