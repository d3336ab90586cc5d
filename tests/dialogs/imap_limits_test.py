"""What a store bears of IMAP clients that want too much: many of them, large messages, replies that nobody reads.

    bazel test //tests/dialogs:imap_limits_test
"""

import re
import socket
import unittest

from tests.dialogs.dialog import Connection, Fault, wait_for
from tests.e2e import running

STRANGERS, SESSIONS = 3, 2
LARGE, LARGE_APPENDS = 50_000_000, 6
# What the store may need for all of them, its databases' buffers and caches among it.
GROWTH = 256 << 20
USERS = "alice", "bob"


def megabytes(octets):
    return f"{octets / (1 << 20):.0f} MiB"


class ImapLimitsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        settings = {"auth": {"default_domain": "example.test"},
                    "store": {"imap_strangers_per_address": STRANGERS, "imap_sessions_per_user": SESSIONS,
                              "imap_limits": {"write_timeout": "2s"}}}
        cls.cluster = cls.enterClassContext(running.running(settings, mxes=1))
        cls.store = cls.cluster.processes["store1"]
        for user in USERS:
            cls.cluster.admin("account", "passwd", f"{user}@example.test", input="secret\n")

    def connect(self, protocol="imap"):
        listener = next(one for one in self.store.listeners if one["protocol"] == protocol)
        connection = Connection(listener, self.cluster.tls() if protocol == "imaps" else None)
        self.addCleanup(connection.close)
        return connection

    def greeted(self, protocol="imap"):
        connection = self.connect(protocol)
        line = connection.read_line()
        self.assertTrue(line.startswith(b"* OK "), line)
        return connection

    def answer(self, connection, command):
        connection.send(b"a " + command + b"\r\n")
        while not (line := connection.read_line()).startswith(b"a "):
            pass
        return line[2:]

    def logged_in(self, user="alice"):
        connection = self.greeted("imaps")
        line = self.answer(connection, f"LOGIN {user} secret".encode())
        self.assertTrue(line.startswith(b"OK "), line)
        return connection

    def sessions(self):
        return sum(float(number) for number in re.findall(r"(?m)^packetboat_store_imap_sessions\{[^}]*\} (\S+)",
                                                          self.store.get("/metrics")[1]))

    def tearDown(self):
        self.doCleanups()
        wait_for(lambda: self.sessions() == 0, "the end of all sessions")

    def test_strangers_from_one_address_are_as_many_as_allowed(self):
        strangers = [self.greeted() for _ in range(STRANGERS)]
        refused = self.connect()
        self.assertTrue(refused.read_line().startswith(b"* BYE [UNAVAILABLE] "))
        refused.expect_closed()
        with self.assertRaises((Fault, OSError)):
            self.greeted("imaps")
        strangers.pop().close()
        wait_for(lambda: self.sessions() == STRANGERS - 1, "a free place")
        self.logged_in()  # and gives its place back
        self.greeted()

    def test_sessions_of_one_user_are_as_many_as_allowed(self):
        sessions = [self.logged_in() for _ in range(SESSIONS)]
        refused = self.greeted("imaps")
        self.assertRegex(self.answer(refused, b"LOGIN alice secret"), rb"^NO \[LIMIT\] ")
        self.assertRegex(self.answer(refused, b"LOGIN bob secret"), b"^OK ")
        self.answer(sessions.pop(), b"LOGOUT")
        wait_for(lambda: self.sessions() == SESSIONS, "a free place")
        self.logged_in()

    def test_large_appends_take_bounded_memory(self):
        before = self.peak()
        connection = self.logged_in()
        for number in range(LARGE_APPENDS):
            connection.send(b"b APPEND INBOX {%d}\r\n" % LARGE)
            self.assertTrue(connection.read_line().startswith(b"+ "))
            head = b"Subject: large %d\r\n\r\n" % number
            connection.send(head + (b"0123456789abcdef" * (LARGE // 16 + 1))[:LARGE - len(head) - 2] + b"\r\n\r\n")
            line = connection.read_line()
            self.assertRegex(line, rb"^b OK \[APPENDUID ")
        grown = self.peak() - before
        print(f"{LARGE_APPENDS} messages of {megabytes(LARGE)}: {megabytes(grown)} more at most")
        self.assertLess(grown, GROWTH)
        connection.send(b"b APPEND INBOX {%d}\r\n" % (LARGE + 1))
        self.assertRegex(connection.read_line(), rb"^b NO \[TOOBIG\] ")

    def peak(self):
        with open(f"/proc/{self.store.pid}/status", encoding="ascii") as status:
            return int(re.search(r"VmHWM:\s+(\d+) kB", status.read())[1]) << 10

    def test_a_client_that_never_reads_is_let_go(self):
        connection = self.logged_in("bob")
        connection.send(b"b APPEND INBOX {%d}\r\n" % LARGE)
        connection.read_line()
        connection.send(b"Subject: x\r\n\r\n" + b"x" * (LARGE - 16) + b"\r\n\r\n")
        self.assertRegex(connection.read_line(), b"^b OK ")
        self.answer(connection, b"SELECT INBOX")
        before = self.peak()
        connection.send(b"c FETCH 1 BODY.PEEK[]\r\n" * 20)
        wait_for(lambda: self.sessions() == 0, "the end of the session")
        self.assertLess(self.peak() - before, GROWTH)
        self.logged_in("bob")

    def test_tls_that_stops_half_way_hurts_nobody(self):
        listener = next(one for one in self.store.listeners if one["protocol"] == "imaps")
        half = [socket.create_connection((listener["host"], listener["port"])) for _ in range(STRANGERS - 1)]
        for one in half:
            self.addCleanup(one.close)
            one.sendall(b"\x16\x03\x01\x02\x00\x01")
        self.logged_in()
