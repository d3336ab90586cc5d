"""LMTP where one shard has no leader: each recipient has the answer of its own shard, and a retry makes no second copy.

    bazel test //tests/dialogs:lmtp_shards_test
"""

import signal
import unittest

from tests.dialogs.dialog import Connection
from tests.e2e import reading, running

PASSWORD = "password-of-the-dialogs"
# No other store is elected before an mx has given up.
SETTINGS = {"store": {"election_timeout": "8s", "heartbeat": "500ms"}, "mx": {"commit_wait": "2s"}}


class LmtpShardsTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.cluster = cls.enterClassContext(running.running(SETTINGS, stores=3))
        cls.users = [f"user{number}@example.test" for number in range(10)]
        for user in cls.users:
            cls.cluster.admin("account", "add", user, input=PASSWORD + "\n")

    def two_leaders(self):
        """Two stores, each with a user whose shard it leads."""
        led_by = {}
        for user in self.users:
            led_by.setdefault(self.cluster.leader_of(user), user)
        self.assertGreater(len(led_by), 1, "one store leads the shards of ten accounts")
        return list(led_by.items())[:2]

    def connect(self, protocol, hello):
        listener = next(one for one in self.cluster.listeners(protocol, "mx"))
        connection = Connection(listener)
        self.addCleanup(connection.close)
        connection.read_line()
        connection.send(hello + b" client.example.org\r\n")
        while not connection.read_line().startswith(b"250 "):
            pass
        return connection

    def replies(self, connection, octets, count):
        connection.send(octets)
        return [connection.read_line()[:9] for _ in range(count)]

    def envelope(self, connection, *users):
        recipients = b"".join(b"RCPT TO:<%s>\r\n" % user.encode() for user in users)
        self.assertEqual(self.replies(connection, b"MAIL FROM:<s@example.org>\r\n" + recipients, 1 + len(users)),
                         [b"250 2.1.0"] + [b"250 2.1.5"] * len(users))

    def copies(self, user, body):
        mailbox = reading.read(self.cluster, {"user": user, "password": PASSWORD})
        return sum(body in octets for _, octets in mailbox.messages)

    def with_a_store_that_stands_still(self, name, action):
        process = self.cluster.processes[name].child
        process.send_signal(signal.SIGSTOP)
        try:
            return action()
        finally:
            process.send_signal(signal.SIGCONT)

    def hold(self, protocol, hello, finish, body, while_still, again):
        """A message whose end is sent by finish() while the store of the first recipient stands still, and once more after."""
        (store, lost), (_, kept) = self.two_leaders()
        connection = self.connect(protocol, hello)
        self.envelope(connection, lost, kept)
        self.assertEqual(self.with_a_store_that_stands_still(store, lambda: finish(connection, body)), while_still)
        self.cluster.leader_of(lost)
        self.envelope(connection, lost, kept)
        self.assertEqual(finish(connection, body), again)
        self.assertEqual([self.copies(user, body) for user in (lost, kept)], [1, 1])

    def data(self, count):
        def finish(connection, body):
            self.assertEqual(self.replies(connection, b"DATA\r\n", 1)[0][:4], b"354 ")
            return self.replies(connection, body + b".\r\n", count)
        return finish

    def bdat(self, count):
        def finish(connection, body):
            return self.replies(connection, b"BDAT %d LAST\r\n" % len(body) + body, count)
        return finish

    def test_lmtp_answers_the_final_dot_recipient_by_recipient(self):
        self.hold("lmtp", b"LHLO", self.data(2), b"Subject: by DATA\r\n\r\nlmtp\r\n",
                  [b"451 4.3.0", b"250 2.0.0"], [b"250 2.0.0"] * 2)

    def test_lmtp_answers_the_last_chunk_recipient_by_recipient(self):
        self.hold("lmtp", b"LHLO", self.bdat(2), b"Subject: by BDAT\r\n\r\nlmtp\r\n",
                  [b"451 4.3.0", b"250 2.0.0"], [b"250 2.0.0"] * 2)

    def test_smtp_defers_the_whole_transaction(self):
        self.hold("smtp", b"EHLO", self.data(1), b"Subject: whole\r\n\r\nsmtp\r\n", [b"451 4.3.0"], [b"250 2.0.0"])
