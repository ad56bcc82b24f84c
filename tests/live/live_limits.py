"""limits: what is too much gets an answer that says so, and is counted."""

import json
import socket
import time

from sip import Datagrams, Stream, request
from sites import federation


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


def tests(tally, workers):
    with federation("limits", workers=workers) as (stage, both):
        plain = f"  - {{ name: plain, network: lan, bind: {both.a.lan}, port: 5060, transport: tcp }}\n"
        config = both.config(both.a, both.b).replace("certificates:\n", plain + "certificates:\n", 1)
        both.a.proxy.configure(config.replace("limits: {", "limits: { message_size: 8KB, transactions: 4,"))
        status, said, wrong = both.a.proxy.ask("reload")
        tally.check("limits are taken by a reload", status == 0 and "message_size 8192" in said, said + wrong)
        for test in (test_message_size, test_transactions):
            tally.section(test, stage, both)
