"""Stopping, restarting and starting wrongly: what is under way ends well, dialogs outlive a restart, and a start
that cannot work says why."""

import signal
import subprocess
import time

from sip import Datagrams, request, response
from sites import federation
from stage import is_bound, nuncio_binary


def next_request(agent, method):
    """Waits for a request of that method (repeats of others are passed over)."""
    while True:
        message, source = agent.receive(10)
        if message.method == method:
            return message, source


def final(agent):
    while True:
        message, _ = agent.receive(10)
        if message.status >= 200:
            return message


def dialog_request(method, answer, sender, to, local, cseq):
    """A request inside the dialog that `answer` (a 2xx that the caller got) confirmed: its route set is the
    Record-Route in reverse (RFC 3261 12.1.2)."""
    values = [value.strip() for line in answer.headers.get("record-route", []) for value in line.split(",")]
    routes = "".join(f"Route: {value}\r\n" for value in reversed(values))
    target = answer.header("Contact").partition("<")[2].partition(">")[0]
    text = request(method, to, sender, local, call_id=answer.header("Call-ID"), cseq=cseq, uri=target,
                   to_tag=answer.header("To").partition(";tag=")[2], extra=routes)
    sender_line = "From: " + answer.header("From")
    return "\r\n".join(sender_line if line.startswith("From:") else line for line in text.split("\r\n"))


def invite(both, caller):
    return request("INVITE", f"bob@{both.b.domain}", f"anna@{both.a.domain}", caller.local)


def message(both, caller):
    return request("MESSAGE", f"bob@{both.b.domain}", f"anna@{both.a.domain}", caller.local, body="x",
                   extra="Content-Type: text/plain\r\n")


def set_up(both, caller, called):
    """A call that stands; returns the caller's 200."""
    contact = f"Contact: <sip:bob@{called.local[0]}:{called.local[1]}>\r\n"
    caller.send(invite(both, caller), (both.a.lan, 5060))
    asked, source = next_request(called, "INVITE")
    called.send(response(asked, "200 OK", extra=contact), source)
    answer = final(caller)
    caller.send(dialog_request("ACK", answer, f"anna@{both.a.domain}", f"bob@{both.b.domain}",
                               caller.local, 1), (both.a.lan, 5060))
    next_request(called, "ACK")
    return answer


def hang_up(both, caller, called, answer, cseq=2):
    caller.send(dialog_request("BYE", answer, f"anna@{both.a.domain}", f"bob@{both.b.domain}",
                               caller.local, cseq), (both.a.lan, 5060))
    asked, source = next_request(called, "BYE")
    called.send(response(asked, "200 OK"), source)
    return final(caller)


def test_drain(tally, stage, both, caller, called):
    print("SIGTERM while a call rings")
    contact = f"Contact: <sip:bob@{called.local[0]}:{called.local[1]}>\r\n"
    caller.send(invite(both, caller), (both.a.lan, 5060))
    asked, source = next_request(called, "INVITE")
    called.send(response(asked, "180 Ringing", extra=contact), source)
    ringing, _ = caller.receive()
    while ringing.status != 180:
        ringing, _ = caller.receive()
    both.a.proxy.signal(signal.SIGTERM)
    time.sleep(0.5)
    tally.check("the proxy waits for it", both.a.proxy.is_running(), both.a.proxy.text()[-1500:])
    called.send(response(asked, "200 OK", extra=contact), source)
    answer = final(caller)
    tally.check("the 200 still comes through", answer.status == 200, answer.text)
    caller.send(dialog_request("ACK", answer, f"anna@{both.a.domain}", f"bob@{both.b.domain}",
                               caller.local, 1), (both.a.lan, 5060))
    status = tally.attempt("then the proxy ends by itself", both.a.proxy.wait, 45)
    tally.check("with exit status 0", status == 0, f"{status}\n{both.a.proxy.text()[-1500:]}")


def restart(stage, both, site, other):
    site.proxy = stage.nuncio(f"proxy-{site.name}-{time.monotonic_ns()}", both.config(site, other),
                              workers=both.workers, state=site.proxy.state)
    return site.proxy


def test_restart(tally, stage, both, caller, called):
    print("a call outlives a restart of both proxies")
    restart(stage, both, both.a, both.b)
    answer = set_up(both, caller, called)
    for site, other in ((both.a, both.b), (both.b, both.a)):
        status = site.proxy.stop(40)
        tally.check(f"proxy {site.name} stops with exit status 0", status == 0, site.proxy.text()[-1500:])
        restart(stage, both, site, other)
    bye = hang_up(both, caller, called, answer)
    tally.check("its BYE goes through: the route set is still ours", bye.status == 200, bye.text)


def test_kill(tally, stage, both, caller, called):
    print("killed without warning")
    both.a.proxy.signal(signal.SIGKILL)
    both.a.proxy.wait()
    restart(stage, both, both.a, both.b)
    tally.check("it starts again over the old control socket", both.a.proxy.is_running())
    caller.send(message(both, caller), (both.a.lan, 5060))
    asked, source = next_request(called, "MESSAGE")
    called.send(response(asked, "200 OK"), source)
    tally.check("and works", final(caller).status == 200)
    tally.check("the other proxy took the lost connection well", both.b.proxy.is_running())


def test_wrong_starts(tally, stage, both):
    print("starts that cannot work")
    good = both.config(both.a, both.b)

    def start(config, name):
        path = stage.write(f"{name}.yaml", config + f"service:\n  state_dir: {stage.path(name)}\n"
                           f"  control: {stage.path(name + '.sock')}\nadmin:\n  http: \"\"\n")
        done = subprocess.run([nuncio_binary(), "run", "-c", path], capture_output=True, text=True,
                              check=False, timeout=20)
        return done.returncode, done.stdout + done.stderr

    status, said = start(good, "second")
    tally.check("a port in use: exit 1, the port is named", status == 1 and "5061" in said or "5060" in said,
                f"{status}: {said}")
    status, said = start(good.replace("tls/a.key", "tls/nothing.key"), "keyless")
    tally.check("no key: exit 1, FILE:LINE and the key's name",
                status == 1 and "keyless.yaml:" in said and "nothing.key" in said, f"{status}: {said}")
    done = subprocess.run([nuncio_binary(), "run", "-c", stage.path("none.yaml")], capture_output=True, text=True,
                          check=False, timeout=20)
    tally.check("no file: exit 1, the file is named", done.returncode == 1 and "none.yaml" in done.stderr,
                f"{done.returncode}: {done.stderr}")
    done = subprocess.run([nuncio_binary(), "status", "--control", stage.path("nobody.sock")],
                          capture_output=True, text=True, check=False, timeout=20)
    tally.check("no daemon: `nuncio status` exits 3", done.returncode == 3, f"{done.returncode}: {done.stderr}")


def tests(tally, workers):
    with federation("stop", workers=workers) as (stage, both):
        caller, called = Datagrams(both.a.backend, 5060), Datagrams(both.b.backend, 5060)
        try:
            tally.section(test_drain, stage, both, caller, called)
            tally.check("its ports are free", not is_bound("tcp", both.a.wan, 5061))
            tally.section(test_restart, stage, both, caller, called)
            tally.section(test_kill, stage, both, caller, called)
            tally.section(test_wrong_starts, stage, both)
        finally:
            caller.close()
            called.close()
