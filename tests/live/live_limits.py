"""limits: what is too much gets an answer that says so, and is counted."""

import json
import socket
import threading
import time

from sip import Datagrams, Stream, request, response
from sites import federation
from stage import Failure, wait_for

TEXT = "Content-Type: text/plain\r\n"


def counters(proxy):
    return json.loads(proxy.ask("status", "--json")[1])["counters"]


def text_to_b(both, local, transport="UDP", body="x"):
    return request("MESSAGE", f"bob@{both.b.domain}", f"anna@{both.a.domain}", local, transport, body=body,
                   extra="Content-Type: text/plain\r\n")


def test_message_size(tally, stage, both):
    print("a message over limits.message_size")
    agent = Datagrams(both.a.backend, 5060)
    answer = agent.ask(text_to_b(both, agent.local, body="x" * 9000), (both.a.lan, 5060))
    tally.check("by UDP it is refused with 513", answer.status == 513, answer.text)
    stream = Stream(socket.create_connection((both.a.lan, 5060), timeout=5))
    answer = stream.ask(text_to_b(both, stream.local, "TCP", body="x" * 9000))
    tally.check("by TCP too, before its body is there", answer is not None and answer.status == 513, answer)
    tally.check("and the connection ends", stream.receive() is None)
    status, said, _ = both.a.proxy.ask("why", "last")
    tally.check("nuncio why knows it", status == 0 and "message-too-large" in said, said)
    tally.check("it is counted", counters(both.a.proxy)["malformed"] == 2, counters(both.a.proxy))
    agent.close()
    stream.close()


def test_transactions(tally, stage, both):
    print("more requests at once than limits.transactions allow a partner")
    agent = Datagrams(both.a.backend, 5060)
    for _ in range(8):
        agent.send(text_to_b(both, agent.local), (both.a.lan, 5060))
    answer, _ = agent.receive()
    tally.check("are refused with 503 and Retry-After", answer.status == 503 and answer.header("Retry-After"),
                answer.text)
    time.sleep(0.2)
    tally.check("and counted", counters(both.a.proxy)["limited"] > 2, counters(both.a.proxy))
    agent.close()


def receive_within(stream, seconds):
    """The next final response, None if there is none in time."""
    stream.socket.settimeout(seconds)
    try:
        while True:
            answer = stream.receive()
            if answer is None or answer.status >= 200:
                return answer
    except Failure:
        return None


def test_partner_that_does_not_read(tally, stage, both):
    print("a partner that takes connections and reads nothing")
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.bind((stage.addr(40), 5060))
    slow.listen()
    stream = Stream(socket.create_connection((both.a.lan, 5060), timeout=5, source_address=(both.a.backend, 0)))

    def ask(method, size=0, extra=""):
        stream.send(request(method, "x@slow.example", f"anna@{both.a.domain}", stream.local, "TCP", body="x" * size,
                            extra="Content-Type: text/plain\r\n" + extra))

    notify = "Event: presence\r\nSubscription-State: active\r\n"
    answer, n = None, 0
    while answer is None and n < 1500:  # what the kernels hold comes first
        for _ in range(50):
            ask("MESSAGE", 20000)
        n += 50
        ask("NOTIFY", extra=notify)
        answer = receive_within(stream, 0.2)
    tally.check("NOTIFY is shed with 503, Retry-After and the reason",
                answer is not None and answer.status == 503 and "NOTIFY" in answer.header("CSeq") and
                answer.header("Retry-After") and "send-queue-full" in answer.header("Warning"), answer and answer.text)
    ask("MESSAGE")
    tally.check("when MESSAGE still finds room", receive_within(stream, 0.2) is None)
    shown = both.a.proxy.ask_json("partner", "show", "slow.example")["routes"][0]
    tally.check("it has further connections by then, and no more than it may", 1 < shown["connections_out"] <= 4, shown)
    status, said, _ = both.a.proxy.ask("partner", "show", "slow.example")
    tally.check("partner show tells how many", status == 0 and "connections" in said, said)
    answer = Stream(socket.create_connection((both.a.lan, 5060), timeout=5, source_address=(both.a.backend, 0))).ask(
        request("OPTIONS", f"{both.b.domain}", f"anna@{both.a.domain}", stream.local, "TCP", uri=f"sip:{both.b.domain}"))
    tally.check("and the way to others is free", answer is not None and answer.status == 200, answer)
    stream.close()
    slow.close()


class Partner:
    """Takes connections, answers every request with 200, and counts: what it has been given, and what is open."""

    def __init__(self, addr):
        self.lock, self.n_accepted, self.open, self.n_most, self.n_requests = threading.Lock(), 0, set(), 0, 0
        self.listening = socket.create_server((addr, 5060))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connected, _ = self.listening.accept()
            except OSError:
                return
            with self.lock:
                self.n_accepted += 1
                self.open.add(connected)
                self.n_most = max(self.n_most, len(self.open))
            threading.Thread(target=self.serve, args=(connected,), daemon=True).start()

    def serve(self, connected):
        stream = Stream(connected, timeout=60)
        try:
            while (asked := stream.receive()) is not None:
                self.n_requests += 1
                stream.send(response(asked, "200 OK"))
        except OSError:
            pass
        with self.lock:
            self.open.discard(connected)
        connected.close()

    def hang_up(self):
        with self.lock:
            for connected in self.open:
                connected.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.listening.close()
        self.hang_up()


def ask_from_everywhere(both, n_sockets, n_rounds):
    """Requests from so many ports that the kernel gives some to each worker; all of a round at once. Returns the statuses."""
    senders, statuses = [Datagrams(both.a.backend) for _ in range(n_sockets)], []
    for _ in range(n_rounds):
        for sender in senders:
            sender.send(request("MESSAGE", "x@one.example", f"anna@{both.a.domain}", sender.local, body="x",
                                extra=TEXT), (both.a.lan, 5060))
        for sender in senders:
            answer, _ = sender.receive()
            while answer.status < 200:
                answer, _ = sender.receive()
            statuses.append(answer.status)
    for sender in senders:
        sender.close()
    return statuses


def test_one_connection(tally, stage, both):
    print("four workers, and a partner that may have one connection")
    partner = Partner(stage.addr(40))
    statuses = ask_from_everywhere(both, 24, 4)
    tally.check("all requests of all workers are answered", statuses == [200] * 96, statuses)
    tally.check("over one connection", (partner.n_accepted, partner.n_most) == (1, 1),
                (partner.n_accepted, partner.n_most))
    shown = both.a.proxy.ask_json("partner", "show", "one.example")["routes"][0]
    tally.check("partner show knows one", shown["connections_out"] == 1, shown)
    partner.hang_up()
    wait_for(lambda: not partner.open, 5, "the connection to be closed")
    time.sleep(0.2)
    statuses = ask_from_everywhere(both, 24, 2)
    tally.check("it ends: all are answered over the next one", statuses == [200] * 48, statuses)
    tally.check("of which there is one", (partner.n_accepted, partner.n_most) == (2, 1),
                (partner.n_accepted, partner.n_most))
    partner.close()


def test_bound(tally):
    with federation("bound", workers=4) as (stage, both):
        route = (f"    - {{ domain: one.example, server: {stage.addr(40)}, transport: tcp, trustworthy: true, "
                 "connections: 1, probe: 0 }\n")
        plain = f"  - {{ name: plain, network: wan, bind: {both.a.wan}, port: 5060, transport: tcp }}\n"
        config = both.config(both.a, both.b).replace("certificates:\n", plain + "certificates:\n", 1)
        both.a.proxy.configure(config.replace("limits:", route + "limits:", 1))
        status, said, wrong = both.a.proxy.ask("reload")
        tally.check("a partner with one connection is taken by a reload", status == 0, said + wrong)
        tally.section(test_one_connection, stage, both)


def tests(tally, workers):
    test_bound(tally)
    with federation("limits", workers=workers) as (stage, both):
        plain = f"  - {{ name: plain, network: lan, bind: {both.a.lan}, port: 5060, transport: tcp }}\n"
        config = both.config(both.a, both.b).replace("certificates:\n", plain + "certificates:\n", 1)
        both.a.proxy.configure(config.replace("limits: {", "limits: { message_size: 8KB, transactions: 4,"))
        status, said, wrong = both.a.proxy.ask("reload")
        tally.check("limits are taken by a reload", status == 0 and "message_size 8KB" in said, said + wrong)
        for test in (test_message_size, test_transactions):
            tally.section(test, stage, both)
        route = f"    - {{ domain: slow.example, server: {stage.addr(40)}, transport: tcp, trustworthy: true, probe: 0 }}\n"
        both.a.proxy.configure(config.replace("limits:", route + "limits:", 1))
        status, said, wrong = both.a.proxy.ask("reload")
        tally.check("a further partner is taken by a reload", status == 0, said + wrong)
        tally.section(test_partner_that_does_not_read, stage, both)
