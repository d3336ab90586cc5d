"""A load of SMTP senders that behave as MTAs do: what is uncertain is sent again, octet for octet."""

import random
import smtplib
import threading
import time

from tools.cluster.cluster import DOMAIN

HELLO = "sender.example"
# Longer than an MX may wait for a commit (mx.commit_wait).
REPLY_SECONDS = 90
RETRY_PAUSE = (0.02, 0.3)

SMALL_BYTES = (1_000, 20_000)
# Beyond what travels in one piece, so that chunks and scratch files take part.
LARGE_BYTES = (300_000, 3_000_000)
LARGE_SHARE = 0.05
BOTH_RECIPIENTS_SHARE = 0.2


class Message:
    """One message and what its sender was told. Written by one sender's thread."""

    def __init__(self, name, recipients, octets):
        self.name, self.recipients, self.octets = name, recipients, octets
        self.acknowledged = set()  # recipients covered by a 250
        self.tries = 0


def make_message(rng, name):
    users = ["alice", "bob"] if rng.random() < BOTH_RECIPIENTS_SHARE else [rng.choice(["alice", "bob"])]
    recipients = [f"{user}@{DOMAIN}" for user in users]
    size = rng.randint(*(LARGE_BYTES if rng.random() < LARGE_SHARE else SMALL_BYTES))
    head = (f"From: load@{HELLO}\r\nTo: {', '.join(recipients)}\r\nMessage-ID: <{name}@{HELLO}>\r\n"
            f"Subject: {name}\r\n\r\n").encode()
    line = bytes(rng.choices(b"abcdefghijklmnopqrstuvwxyz .", k=70)) + b"\r\n"
    body = b"".join(b"%06d%s" % (n, line) for n in range(size // 78 + 1))
    return Message(name, recipients, head + body)


class Refused(Exception):
    """A permanent refusal of a message that nothing is wrong with."""


class Sender(threading.Thread):
    """Sends one message after the other until told to stop; what is then uncertain stays so."""

    def __init__(self, cluster, seed, name, stop):
        super().__init__(name=name)
        self.rng = random.Random(f"{seed}.{name}")
        self.tls = cluster.tls()
        self.targets = [(one["host"], one["port"]) for one in cluster.listeners("smtp")]
        self.stop = stop
        self.sent = []
        self.failure = None

    def run(self):
        try:
            while not self.stop.is_set():
                message = make_message(self.rng, f"{self.name}-{len(self.sent)}")
                self.sent.append(message)
                self._deliver(message)
        except Exception as error:  # Told by the test, which has no other way to see it.
            self.failure = error

    def _deliver(self, message):
        while not self.stop.is_set():
            message.tries += 1
            try:
                self._try(message)
            except smtplib.SMTPResponseException as reply:
                # 421 and "connection unexpectedly closed" (-1) are no verdicts either.
                if reply.smtp_code >= 500:
                    raise Refused(f"{message.name}: {reply}") from reply
            except (OSError, smtplib.SMTPException):
                pass
            if message.acknowledged == set(message.recipients):
                return
            time.sleep(self.rng.uniform(*RETRY_PAUSE))

    def _try(self, message):
        host, port = self.rng.choice(self.targets)
        with smtplib.SMTP(host, port, local_hostname=HELLO, timeout=REPLY_SECONDS) as smtp:
            if self.rng.random() < 0.3:
                smtp.starttls(context=self.tls)
            smtp.ehlo_or_helo_if_needed()
            smtp.mail(f"load@{HELLO}")
            accepted = []
            for recipient in message.recipients:
                if recipient in message.acknowledged:
                    continue
                code, text = smtp.rcpt(recipient)
                if code >= 500:
                    raise smtplib.SMTPResponseException(code, text)
                if code == 250:
                    accepted.append(recipient)
            if not accepted:
                return
            code, text = smtp.data(message.octets)
            if code != 250:
                raise smtplib.SMTPResponseException(code, text)
            message.acknowledged.update(accepted)


class Load:
    """Several senders at once."""

    def __init__(self, cluster, seed, senders):
        self._stop = threading.Event()
        self._senders = [Sender(cluster, seed, f"s{seed}-{n}", self._stop) for n in range(senders)]

    def __enter__(self):
        for one in self._senders:
            one.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for one in self._senders:
            one.join()

    def failure(self):
        return next((one.failure for one in self._senders if one.failure), None)

    def messages(self):
        return [message for one in self._senders for message in list(one.sent)]

    def acknowledged(self):
        return sum(len(one.acknowledged) for one in self.messages())
