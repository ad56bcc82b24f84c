"""The load generator of tests/bench, as traffic behind other tests."""

import json
import os
import subprocess

from stage import Failure, build_dir


def arguments(site_from, site_to, kind="call", transport="udp", count=500, rate=100, timeout=10):
    """From the backend of one site through both proxies to the backend of the other."""
    caller_port = 5060 if transport == "udp" else 0
    argv = [os.path.join(build_dir(), "tests", "bench", "load"), "--transport", transport,
            "--proxy", f"{site_from.lan}:5060", "--uac", f"{site_from.backend}:{caller_port}",
            "--uas", f"{site_to.backend}:5060", "--from", f"sip:anna@{site_from.domain}",
            "--to", f"sip:bob@{site_to.domain}", "--count", str(count), "--rate", str(rate),
            "--timeout", str(timeout)]
    return argv + (["--calls"] if kind == "call" else [])


def complaint(result):
    """What is wrong with a result of load, "" if nothing."""
    wrong = {key: result[key] for key in ("failures", "unexpected", "never_acked", "lost_connections")
             if result[key]}
    return f"{wrong} statuses {result['statuses']}" if wrong else ""


def read(stdout, stderr, status):
    try:
        return json.loads(stdout)
    except ValueError:
        raise Failure(f"load: exit {status}: {stderr[-1000:]}") from None


def run(*args, **options):
    """Runs it to its end; Failure if anything went wrong."""
    done = subprocess.run(arguments(*args, **options), capture_output=True, text=True, check=False,
                          timeout=300)
    result = read(done.stdout, done.stderr, done.returncode)
    if complaint(result):
        raise Failure(complaint(result))
    return result


class Background:
    """Runs it beside what the test does; `finish` gives its result."""

    def __init__(self, *args, **options):
        self.popen = subprocess.Popen(arguments(*args, **options), stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, text=True)

    def finish(self, timeout=120):
        try:
            out, err = self.popen.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.communicate()
            raise Failure("load did not end") from None
        return read(out, err, self.popen.returncode)

    def stop(self):
        if self.popen.poll() is None:
            self.popen.terminate()
            self.popen.communicate()
