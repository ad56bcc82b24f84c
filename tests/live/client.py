"""A user agent of our own at a server behind a proxy, where a test looks at each message: it asks, subscribes, publishes,
and answers what it is asked. Built on agent.Agent, which keeps the socket."""

import socket
import threading
import time

from agent import Agent, Dialog
from sip import new_call_id, response
from stage import Failure, wait_for


class Client:
    """A user at a server. notifications and messages hold the requests that came, in their order; a thread takes and
    answers them."""

    def __init__(self, user, backend, addr):
        self.user, self.backend = user, backend
        self.agent = Agent(addr, 5060, backend.transport)
        self.notifications, self.messages, self.answers = [], [], []
        self.dialog = None
        threading.Thread(target=self.run, daemon=True).start()

    @property
    def aor(self):
        return f"{self.user}@{self.backend.domain}"

    def run(self):
        while True:
            arrived = self.agent.arrivals.get()
            if arrived is None:
                return
            self.take(arrived)

    def take(self, arrived):
        message = arrived.message
        if message.status:
            self.answers.append(message)
        elif message.method != "ACK":
            kept = {"NOTIFY": self.notifications, "MESSAGE": self.messages}.get(message.method, [])
            if not any(is_repeat(message, other) for other in kept):
                kept.append(message)
            try:
                arrived.reply(response(message, "200 OK", to_tag=self.user))
            except OSError:
                pass  # its server was killed meanwhile

    def send(self, text, timeout=12):
        """Sends a request to its server, over UDP again and again until an answer comes; returns the final response."""
        def key(lines):
            return [line for line in lines if line.startswith(("Call-ID:", "CSeq:"))]
        wanted = key(text.split("\r\n"))

        def final():
            return next((answer for answer in self.answers
                         if answer.status >= 200 and key(answer.text.split("\r\n")) == wanted), None)
        if self.agent.connection and is_closed(self.agent.connection.socket):
            self.agent.connection = None  # its server was killed
        end, pause = time.monotonic() + timeout, 0.5
        while True:
            self.agent.send(text, (self.backend.addr, 5060))
            rest = end - time.monotonic()
            if self.agent.transport != "udp" or rest <= pause:
                return wait_for(final, max(rest, 0.1), f"the answer to {wanted[-1]} of {self.aor}")
            try:
                return wait_for(final, pause)
            except Failure:
                pause = min(2 * pause, 4)

    def ask(self, method, to, **options):
        """A request outside a dialog; returns its final response. Options as those of sip.request."""
        return self.send(self.agent.request(method, to, self.aor, **options))

    def register(self):
        answer = self.ask("REGISTER", self.aor, uri=f"sip:{self.backend.domain}", extra="Expires: 600\r\n")
        if answer.status != 200:
            raise Failure(f"REGISTER of {self.aor}: {answer.first}")

    def publish(self, document, etag=None):
        """Publishes it as its presence; returns the entity tag."""
        answer = self.ask("PUBLISH", self.aor, body=document, extra="Event: presence\r\nExpires: 600\r\n"
                          "Content-Type: application/pidf+xml\r\n" + (f"SIP-If-Match: {etag}\r\n" if etag else ""))
        if answer.status != 200:
            raise Failure(f"PUBLISH of {self.aor}: {answer.first}")
        return answer.header("SIP-ETag")

    def subscribe(self, to):
        """Asks for somebody's presence; returns the final response, and keeps the dialog."""
        answer = self.ask("SUBSCRIBE", to, call_id=new_call_id(), extra=WATCH.format(600))
        if answer.status in (200, 202):
            self.dialog = Dialog.of_caller(answer)
        return answer

    def subscribe_again(self, expires=600):
        """Refreshes the subscription, within its dialog; returns the final response."""
        return self.send(self.dialog.request("SUBSCRIBE", self.agent.local, self.agent.transport.upper(),
                                             extra=WATCH.format(expires)))

    def wait_notified(self, text="", since=0, timeout=10, state="active"):
        """Waits for a notification, the since-th or a later one, with that text in its body and that state."""
        def look():
            return next((told for told in self.notifications[since:]
                         if text in told.body and told.header("Subscription-State").startswith(state)), None)
        return wait_for(look, timeout, f"a NOTIFY to {self.aor} with '{text[:40]}'")

    def close(self):
        self.agent.arrivals.put(None)
        self.agent.close()


WATCH = "Event: presence\r\nAccept: application/pidf+xml\r\nExpires: {0}\r\n"


def is_closed(connected):
    try:
        return connected.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def is_repeat(one, other):
    """The same branch; the number in CSeq proves nothing: Kamailio counts from an older one after it was killed."""
    return one.header("Via") == other.header("Via")
