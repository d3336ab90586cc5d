"""A load of SMTP senders that behave as MTAs do: what is uncertain is sent again, octet for octet."""

import collections
import dataclasses
import hashlib
import random
import smtplib
import threading
import time

from tests.e2e.exact_client import quoted
from tests.e2e.history import NEVER, Arrival
from tools.cluster.cluster import DOMAIN

HELLO = "sender.example"
# Longer than an MX may wait for a commit (mx.commit_wait).
REPLY_SECONDS = 90


@dataclasses.dataclass(frozen=True)
class Profile:
    """What a load is made of."""
    users: tuple = ("alice", "bob")
    small_bytes: tuple = (1_000, 20_000)
    # Beyond what travels in one piece, so that chunks and scratch files take part.
    large_bytes: tuple = (300_000, 3_000_000)
    large_share: float = 0.05
    all_recipients_share: float = 0.2
    retry_pause: tuple = (0.02, 0.3)


# An answer to RCPT or to the end of data; code 0: the connection broke. `asked` is when the command went out.
Answer = collections.namedtuple("Answer", "asked answered command code")


class Message:
    """One message and what its sender was told. Written by one sender's thread."""

    def __init__(self, name, recipients, octets):
        self.name, self.recipients, self.octets = name, recipients, octets
        self.size, self.digest = len(octets), hashlib.sha256(octets).digest()
        self.begun = None  # just before the end of data went out for the first time
        self.acknowledged = {}  # recipient: when its 250 was read
        self.tries = 0

    def settled(self):
        return len(self.acknowledged) == len(self.recipients)

    def arrival(self, recipient):
        return Arrival(self.name, self.digest, NEVER if self.begun is None else self.begun,
                       self.acknowledged.get(recipient, NEVER), self.tries)


def make_message(rng, name, profile):
    everybody = rng.random() < profile.all_recipients_share
    users = profile.users if everybody else [rng.choice(profile.users)]
    recipients = [f"{user}@{DOMAIN}" for user in users]
    size = rng.randint(*(profile.large_bytes if rng.random() < profile.large_share else profile.small_bytes))
    head = (f"From: load@{HELLO}\r\nTo: {', '.join(recipients)}\r\nMessage-ID: <{name}@{HELLO}>\r\n"
            f"Subject: {name}\r\n\r\n").encode()
    line = bytes(rng.choices(b"abcdefghijklmnopqrstuvwxyz .", k=70)) + b"\r\n"
    body = b"".join(b"%06d%s" % (n, line) for n in range(size // 78 + 1))
    return Message(name, recipients, head + body)


class Refused(Exception):
    """A permanent refusal of a message that nothing is wrong with."""


class Sender(threading.Thread):
    """Sends one message after the other until told to stop; what is then uncertain stays so."""

    def __init__(self, cluster, seed, name, stop, profile):
        super().__init__(name=name)
        self.rng = random.Random(f"{seed}.{name}")
        self.tls = cluster.tls()
        self.targets = [(one["host"], one["port"]) for one in cluster.listeners("smtp")]
        self.stop = stop
        self.profile = profile
        self.sent = []
        self.answers = []
        self.failure = None

    def run(self):
        try:
            while not self.stop.is_set():
                message = make_message(self.rng, f"{self.name}-{len(self.sent)}", self.profile)
                self.sent.append(message)
                self._deliver(message)
                message.octets = None  # The digest will do.
        except Exception as error:  # Told by the test, which has no other way to see it.
            self.failure = error

    def _deliver(self, message):
        while not self.stop.is_set():
            message.tries += 1
            try:
                self._try(message)
            except (OSError, smtplib.SMTPException):
                pass  # No verdict; nor is 421.
            if message.settled():
                return
            self.stop.wait(self.rng.uniform(*self.profile.retry_pause))

    def _try(self, message):
        host, port = self.rng.choice(self.targets)
        with smtplib.SMTP(host, port, local_hostname=HELLO, timeout=REPLY_SECONDS) as smtp:
            if self.rng.random() < 0.3:
                smtp.starttls(context=self.tls)
            smtp.ehlo_or_helo_if_needed()
            smtp.mail(f"load@{HELLO}")
            accepted = [one for one in message.recipients if one not in message.acknowledged
                        and self._ask("RCPT", message, lambda one=one: smtp.rcpt(one)) == 250]
            if not accepted or smtp.docmd("DATA")[0] != 354:
                return
            smtp.sock.sendall(quoted(message.octets))
            if message.begun is None:
                message.begun = time.monotonic()
            if self._ask("DATA", message, lambda: smtp.docmd(".")) == 250:
                told = time.monotonic()
                message.acknowledged.update((one, told) for one in accepted)

    def _ask(self, command, message, ask):
        asked, code, text = time.monotonic(), 0, b""
        try:
            code, text = ask()
        finally:
            self.answers.append(Answer(asked, time.monotonic(), command, max(code, 0)))
        if code >= 500:
            raise Refused(f"{message.name}: {code} {text}")
        return code


class Load:
    """Several senders at once."""

    def __init__(self, cluster, seed, senders, profile=Profile()):
        self._stop = threading.Event()
        self._senders = [Sender(cluster, seed, f"s{seed}-{n}", self._stop, profile) for n in range(senders)]

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

    def since(self, moment):
        """Messages that were first complete after this moment, or are not yet."""
        for one in self._senders:
            for message in reversed(list(one.sent)):
                if message.begun is not None and message.begun <= moment:
                    break
                yield message

    def acknowledged(self):
        return sum(len(one.acknowledged) for one in self.messages())

    def arrivals(self, recipient):
        return [one.arrival(recipient) for one in self.messages() if recipient in one.recipients]

    def answers(self, since=-NEVER):
        """Answers to what was asked since then, in the order of asking."""
        return sorted(answer for one in self._senders for answer in list(one.answers) if answer.asked >= since)

    def summary(self):
        messages = self.messages()
        return (f"{len(messages)} messages, {sum(one.tries for one in messages)} tries, {self.acknowledged()} copies "
                f"answered 250, {sum(one.size for one in messages)} octets")
