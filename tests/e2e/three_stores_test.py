"""Three stores, one thing at a time: quorum, IDLE and changes through every store, rolling restarts.

    bazel test //tests/e2e:three_stores_test
"""

import contextlib
import signal
import smtplib
import time
import unittest

from tests.e2e import reading, running, sending
from tests.e2e.exact_client import HELLO, Client
from tests.e2e.kill_test import faults
from tests.e2e.operations_test import deliver, wait_until

STORES = ("store1", "store2", "store3")
SENDERS = 3
ACKNOWLEDGED_BETWEEN = 20


def message(subject):
    return f"Subject: {subject}\r\n\r\n\r\n".encode()


def three(settings=None):
    return running.running(settings, stores=3)


class Idle:
    """A session in IDLE in INBOX."""

    def __init__(self, cluster, account, store):
        self.imap = reading.login(cluster, account, store, running.PATIENCE_SECONDS)
        self.count = int(self.imap.select("INBOX")[1][0])
        self.imap.send(b"idle IDLE\r\n")
        self._line(b"+")

    def _line(self, start):
        while True:
            line = self.imap.readline()
            if line.startswith(start):
                return line
            if not line or line.startswith(b"* BYE"):
                raise AssertionError(f"the session ended: {line}")

    def wait_for(self, count):
        while self.count < count:
            line = self._line(b"* ")
            if line.rstrip().endswith(b"EXISTS"):
                self.count = int(line.split()[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.imap.send(b"DONE\r\n")
        self._line(b"idle OK")
        self.imap.logout()


class ThreeStoresTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.cluster = cls.enterClassContext(three())
        cls.alice, cls.bob = cls.cluster.accounts

    def test_mail_through_any_mx_wakes_idle_at_every_store(self):
        with contextlib.ExitStack() as stack:
            sessions = [stack.enter_context(Idle(self.cluster, self.alice, store)) for store in STORES]
            before = sessions[0].count
            for number, mx in enumerate(("mx1", "mx2"), 1):
                deliver(self.cluster, mx, self.alice, message(f"wakes through {mx}"))
                for one in sessions:
                    one.wait_for(before + number)

    def test_what_was_told_ok_through_one_store_is_seen_at_once_through_every_other(self):
        for writer in STORES:
            with reading.login(self.cluster, self.bob, writer) as imap:
                name = f"by-{writer}"
                self.assertEqual(imap.create(name)[0], "OK", writer)
                self.assertEqual(imap.append(name, r"(\Flagged)", None, message(name))[0], "OK", writer)
                for reader in STORES:
                    with reading.login(self.cluster, self.bob, reader) as other:
                        self.assertEqual(other.select(name, readonly=True), ("OK", [b"1"]), (writer, reader))
                        self.assertEqual(other.search(None, "FLAGGED")[1], [b"1"], (writer, reader))
                imap.select(name)
                self.assertEqual(imap.store("1", "+FLAGS", r"(\Deleted)")[0], "OK", writer)
                self.assertEqual(imap.expunge()[1], [b"1"], writer)
                for reader in STORES:
                    with reading.login(self.cluster, self.bob, reader) as other:
                        self.assertEqual(other.select(name, readonly=True), ("OK", [b"0"]), (writer, reader))

    def test_idle_goes_on_at_a_store_that_lives_whichever_other_dies(self):
        for victim in STORES:
            with contextlib.ExitStack() as stack:
                sessions = [stack.enter_context(Idle(self.cluster, self.alice, store))
                            for store in STORES if store != victim]
                before = sessions[0].count
                self.cluster.kill(victim)
                self.deliver_when_possible(message(f"without {victim}"))
                for one in sessions:
                    one.wait_for(before + 1)
            self.cluster.restart(victim)
            self.cluster.wait_ready()

    def deliver_when_possible(self, octets):
        """As an MTA would."""
        target = self.cluster.listeners("smtp")[0]
        end = time.monotonic() + running.PATIENCE_SECONDS
        while time.monotonic() < end:
            with contextlib.suppress(smtplib.SMTPException), \
                    Client(target["host"], target["port"], local_hostname=HELLO) as smtp:
                smtp.ehlo()
                if smtp.send_one(self.alice["user"], octets)[0] == 250:
                    return
            time.sleep(0.05)
        self.fail("never answered 250")


class QuorumTest(unittest.TestCase):

    def rcpt(self, mx):
        with smtplib.SMTP(mx["host"], mx["port"], local_hostname=HELLO) as smtp:
            smtp.ehlo()
            smtp.mail(f"load@{HELLO}")
            return smtp.rcpt(self.alice["user"])[0]

    def test_without_a_quorum_every_answer_is_4xx_and_mail_flows_when_one_store_is_back(self):
        with three({"mx": {"commit_wait": "3s"}}) as cluster:
            self.alice = cluster.accounts[0]
            mxes = cluster.listeners("smtp")
            with sending.Load(cluster, "quorum", SENDERS) as load:
                wait_until(lambda: load.acknowledged() >= ACKNOWLEDGED_BETWEEN or load.failure(), "mail flows")
                for name in STORES[:2]:
                    cluster.kill(name)
                lost = time.monotonic()
                wait_until(lambda: {self.rcpt(one) for one in mxes} == {451}, "451 at RCPT")
                settled = time.monotonic()
                # A sender that waits between its messages would be asked for nothing.
                wait_until(lambda: sum(one.command == "RCPT" for one in load.answers(settled)) >= ACKNOWLEDGED_BETWEEN,
                           "answers without a quorum")
                answers = load.answers(lost)
                self.assertEqual({one.code for one in answers if one.command == "DATA"} - {451}, set())
                self.assertEqual({one.code for one in load.answers(settled) if one.command == "RCPT"}, {451})
                cluster.restart(STORES[0])
                goal = load.acknowledged() + ACKNOWLEDGED_BETWEEN
                wait_until(lambda: load.acknowledged() >= goal or load.failure(), "mail flows again with two of three")
            cluster.restart(STORES[1])
            cluster.wait_ready()
            self.assertEqual(faults(cluster, [load]), [])


class RollingRestartTest(unittest.TestCase):

    def test_stores_restart_one_after_the_other_under_load_and_nothing_is_lost(self):
        with three() as cluster:
            with sending.Load(cluster, "rolling", SENDERS) as load:
                for name in STORES:
                    goal = load.acknowledged() + ACKNOWLEDGED_BETWEEN
                    wait_until(lambda: load.acknowledged() >= goal or load.failure(), "mail flows")
                    cluster.kill(name, signal.SIGTERM)
                    self.assertEqual(cluster.processes[name].child.wait(running.PATIENCE_SECONDS), 0, name)
                    cluster.restart(name)
                    cluster.wait_ready([name])
            self.assertEqual(faults(cluster, [load]), [])
            self.assertEqual(cluster.stop(), {})


if __name__ == "__main__":
    unittest.main()
