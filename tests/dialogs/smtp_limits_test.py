"""What an mx does about clients that are many, slow or not what they say; with real sockets and real mailboxes.

    bazel test //tests/dialogs:smtp_limits_test
"""

import resource
import select
import shutil
import socket
import ssl
import struct
import subprocess
import unittest

from tests.dialogs.dialog import Connection, wait_for
from tests.dialogs.smtp_target import MxPool
from tests.e2e import reading, running
from tests.e2e.running import PATIENCE_SECONDS

FLOOD, FLOODER = 2000, "127.0.0.9"
V2_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
PLAIN = {"protocol": "smtp", "tls": "none"}
LOCAL = ["127.0.0.1"]


def connect(listener, source):
    return socket.create_connection((listener["host"], listener["port"]), PATIENCE_SECONDS, (source, 0))


def first_line(one):
    """What a connection is greeted with, b"" if it was closed without a word."""
    one.settimeout(PATIENCE_SECONDS)
    received = b""
    while not received.endswith(b"\r\n"):
        try:
            octets = one.recv(4096)
        except ConnectionResetError:
            octets = b""
        if not octets:
            break
        received += octets
    return received


def is_closed(one):
    return first_line(one) == b""


def deliver(connection, user, subject):
    """One message over a connection that was just opened."""
    def say(octets, code):
        connection.send(octets)
        lines = [connection.read_line()]
        while lines[-1][3:4] == b"-":
            lines.append(connection.read_line())
        assert lines[-1].startswith(code), lines
        return lines
    connection.read_line()
    say(b"EHLO client.example.org\r\n", b"250")
    say(b"MAIL FROM:<alice@example.org>\r\n", b"250")
    say(b"RCPT TO:<%s>\r\n" % user.encode(), b"250")
    say(b"DATA\r\n", b"354")
    say(b"Subject: %s\r\n\r\nbody\r\n.\r\n" % subject.encode(), b"250")


def proxy_v2(source, port, extra=b""):
    block = socket.inet_aton(source) + socket.inet_aton("198.51.100.25") + struct.pack("!HH", port, 25) + extra
    return V2_SIGNATURE + struct.pack("!BBH", 0x21, 0x11, len(block)) + block


class SmtpLimitsTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft < 2 * FLOOD and hard >= 2 * FLOOD:
            resource.setrlimit(resource.RLIMIT_NOFILE, (2 * FLOOD, hard))
        cls.cluster = cls.enterClassContext(running.running())
        cls.bob = cls.cluster.accounts[1]
        cls.pool = MxPool(cls.cluster)
        cls.addClassCleanup(cls.pool.stop)

    def connection(self, mx, tls=None):
        connection = Connection(mx.listener, tls)
        self.addCleanup(connection.close)
        return connection

    def newest_trace(self):
        octets = reading.read(self.cluster, self.bob).messages[-1][1]
        return b" ".join(octets.partition(b"\r\n\r\n")[0].split())

    def open_sockets(self, mx, count, source):
        found = [connect(mx.listener, source) for _ in range(count)]
        for one in found:
            self.addCleanup(one.close)
        return found

    def test_two_thousand_connections_from_one_address_hurt_nobody_else(self):
        mx = self.pool.get(listener=PLAIN, own={
            "connections_max": 100, "address_limits": {"exempt": LOCAL, "connections": 50, "connection_rate": 10 * FLOOD}})
        flood = self.open_sockets(mx, FLOOD, FLOODER)
        greetings = [first_line(one) for one in flood]
        self.assertEqual(sum(line.startswith(b"220 ") for line in greetings), 50)
        refused = b"421 4.7.0 mx.example.test too many connections from your address\r\n"
        self.assertEqual(set(greetings) - {b"220 mx.example.test ESMTP Packetboat\r\n"}, {refused})
        deliver(self.connection(mx), self.bob["user"], "in the middle of a flood")
        self.assertEqual(mx.metric(
            'packetboat_mx_connections_refused_total{protocol="smtp",reason="address_connections"}'), FLOOD - 50)
        lines = [line for line in mx.lines(0) if line["event"] == "connections are refused"]
        self.assertEqual(len(lines), 1, "one line says it")
        self.assertEqual(lines[0]["limit"], "address_connections")

    def test_all_listeners_together_have_connections_max_and_one_more_is_told_421(self):
        mx = self.pool.get(listener=PLAIN, own={"connections_max": 3, "address_limits": {"exempt": LOCAL}})
        held = self.open_sockets(mx, 3, "127.0.0.1")
        self.assertTrue(all(first_line(one).startswith(b"220 ") for one in held))
        self.assertEqual(first_line(self.open_sockets(mx, 1, FLOODER)[0]),
                         b"421 4.3.2 mx.example.test too many connections, try again later\r\n")
        held[0].close()
        wait_for(lambda: first_line(self.open_sockets(mx, 1, FLOODER)[0]).startswith(b"220 "), "a free place")

    def test_address_that_connects_too_often_is_told_421(self):
        mx = self.pool.get(listener=PLAIN, own={
            "address_limits": {"exempt": LOCAL, "connection_rate": 5, "window": "1h"}})
        for _ in range(5):
            with connect(mx.listener, FLOODER) as one:
                self.assertTrue(first_line(one).startswith(b"220 "))
        with connect(mx.listener, FLOODER) as one:
            self.assertEqual(first_line(one), b"421 4.7.0 mx.example.test your address connects too often\r\n")
        with connect(mx.listener, "127.0.0.1") as one:
            self.assertTrue(first_line(one).startswith(b"220 "))

    def test_bad_commands_of_an_address_end_its_sessions_and_keep_it_out(self):
        mx = self.pool.get(listener=PLAIN, own={"address_limits": {"exempt": LOCAL, "errors": 7, "window": "1h"}})
        answers = []
        for _ in range(2):
            one = self.open_sockets(mx, 1, FLOODER)[0]
            first_line(one)
            for _ in range(4):
                one.sendall(b"NONSENSE\r\n")
                answers.append(first_line(one))
        self.assertEqual([line[:3] for line in answers[:7]], [b"500"] * 7)
        self.assertTrue(answers[7].endswith(b"421 4.7.0 mx.example.test too many errors from your address\r\n"), answers[7])
        self.assertEqual(first_line(self.open_sockets(mx, 1, FLOODER)[0]),
                         b"421 4.7.0 mx.example.test too many errors from your address\r\n")
        with connect(mx.listener, "127.0.0.1") as other:
            self.assertTrue(first_line(other).startswith(b"220 "))

    def test_lmtp_is_for_configured_networks(self):
        mx = self.pool.get(listener={"protocol": "lmtp", "tls": "none", "allow_from": ["127.0.0.1/32"]})
        with connect(mx.listener, FLOODER) as stranger:
            self.assertEqual(first_line(stranger), b"554 5.7.1 mx.example.test does not serve your address\r\n")
        with connect(mx.listener, "127.0.0.1") as known:
            self.assertTrue(first_line(known).startswith(b"220 "))

    def test_proxy_header_of_version_1_names_the_client_in_the_trace(self):
        mx = self.pool.get(listener=dict(PLAIN, proxy_from=LOCAL))
        connection = self.connection(mx)
        connection.send(b"PROXY TCP4 203.0.113.77 198.51.100.25 4711 25\r\n")
        deliver(connection, self.bob["user"], "through a balancer")
        self.assertIn(b"from client.example.org ([203.0.113.77]) by mx.example.test with ESMTP", self.newest_trace())

    def test_implicit_tls_begins_behind_a_proxy_header_of_version_2(self):
        mx = self.pool.get(listener={"protocol": "smtp", "tls": "implicit", "proxy_from": LOCAL})
        connection = self.connection(mx)
        connection.send(proxy_v2("203.0.113.78", 4711, b"\x01\x00\x02h2"))
        connection.start_tls(self.cluster.tls())
        deliver(connection, self.bob["user"], "through a balancer, encrypted")
        self.assertIn(b"from client.example.org ([203.0.113.78]) by mx.example.test with ESMTPS (TLSv1.3", self.newest_trace())

    def swaks(self, mx, *options):
        """Sends a message to bob by swaks, and returns its trace fields; another program's idea of these protocols."""
        program = shutil.which("swaks")
        if program is None:
            print("SKIPPED: swaks is not installed (tools/install)", flush=True)
            self.skipTest("swaks is not installed")
        done = subprocess.run(
            [program, "--server", f"{mx.listener['host']}:{mx.listener['port']}", "--helo", "client.example.org",
             "--from", "alice@example.org", "--to", self.bob["user"], *options],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE_SECONDS, check=False)
        self.assertEqual(done.returncode, 0, done.stdout.decode(errors="replace"))
        return self.newest_trace()

    def test_swaks_names_its_client_by_both_versions_of_proxy(self):
        mx = self.pool.get(listener=dict(PLAIN, proxy_from=LOCAL))
        ends = ["--proxy-source-port", "4711", "--proxy-dest-port", "25"]
        families = {
            "1": [("TCP4", "203.0.113.81", "198.51.100.25"), ("TCP6", "2001:db8::81", "2001:db8::25")],
            "2": [("AF_INET", "203.0.113.82", "198.51.100.25"), ("AF_INET6", "2001:db8::82", "2001:db8::25")],
        }
        for version, cases in families.items():
            for family, source, to in cases:
                trace = self.swaks(mx, "--proxy-version", version, "--proxy-family", family, "--proxy-source", source,
                                   "--proxy-dest", to, *ends)
                literal = f"[IPv6:{source}]" if ":" in source else f"[{source}]"
                self.assertIn(f"from client.example.org ({literal}) by".encode(), trace)

    def test_swaks_names_its_client_by_xclient(self):
        mx = self.pool.get(listener=dict(PLAIN, xclient_from=LOCAL))
        trace = self.swaks(mx, "--xclient-addr", "203.0.113.83", "--xclient-port", "4711",
                           "--xclient-name", "mail.example.org", "--xclient-delim", "--xclient-login", "some one+else")
        self.assertIn(b"from client.example.org (mail.example.org [203.0.113.83]) by mx.example.test with ESMTPA", trace)

    def test_swaks_speaks_lmtp(self):
        mx = self.pool.get(listener={"protocol": "lmtp", "tls": "none"})
        self.assertIn(b"by mx.example.test with LMTP", self.swaks(mx, "--protocol", "LMTP"))

    def test_limits_count_the_client_that_the_proxy_header_names(self):
        mx = self.pool.get(listener=dict(PLAIN, proxy_from=LOCAL),
                           own={"address_limits": {"exempt": LOCAL, "connections": 2}})
        greetings = []
        for _ in range(3):
            one = self.open_sockets(mx, 1, "127.0.0.1")[0]
            one.sendall(proxy_v2("203.0.113.79", 4711))
            greetings.append(first_line(one)[:3])
        self.assertEqual(greetings, [b"220", b"220", b"421"])
        other = self.open_sockets(mx, 1, "127.0.0.1")[0]
        other.sendall(proxy_v2("203.0.113.80", 4711))
        self.assertTrue(first_line(other).startswith(b"220 "))

    def test_balancer_with_a_bad_header_or_none_is_closed(self):
        mx = self.pool.get(listener=dict(PLAIN, proxy_from=LOCAL), own={"proxy_timeout": "1s"})
        for octets in (b"EHLO client.example.org\r\n", b"PROXY TCP4 a b 1 2\r\n", V2_SIGNATURE + b"\x31\x11\0\0", b"PROXY TCP4"):
            one = self.open_sockets(mx, 1, "127.0.0.1")[0]
            one.sendall(octets)
            self.assertTrue(is_closed(one), octets)
        self.assertEqual(mx.metric('packetboat_net_proxy_headers_refused_total{listener="smtp"}'), 4)

    def test_proxy_header_from_a_stranger_is_bad_syntax_and_has_no_effect(self):
        mx = self.pool.get(listener=dict(PLAIN, proxy_from=LOCAL))
        stranger = self.open_sockets(mx, 1, FLOODER)[0]
        self.assertTrue(first_line(stranger).startswith(b"220 "))
        stranger.sendall(b"PROXY TCP4 203.0.113.77 198.51.100.25 4711 25\r\n")
        self.assertTrue(first_line(stranger).startswith(b"500 5.5.1 "))
        opened = [line["peer"] for line in mx.lines(0) if "peer" in line]
        self.assertFalse([peer for peer in opened if peer.startswith("203.0.113.77")])

    def test_tls_handshakes_that_stop_half_way_end_with_handshake_timeout(self):
        hello = self._client_hello()
        mx = self.pool.get(listener={"protocol": "smtp", "tls": "implicit"}, handshake_timeout="2s")
        half, none = self.open_sockets(mx, 2, "127.0.0.1")
        half.sendall(hello[:len(hello) // 2])
        deliver(self.connection(mx, self.cluster.tls()), self.bob["user"], "while others hang")
        self.assertTrue(is_closed(half))
        self.assertTrue(is_closed(none))

    @staticmethod
    def _client_hello():
        out = ssl.MemoryBIO()
        session = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), out, server_hostname="localhost")
        try:
            session.do_handshake()
        except ssl.SSLWantReadError:
            pass
        return out.read()

    def test_a_client_that_never_reads_is_closed_after_write_timeout(self):
        mx = self.pool.get(listener=PLAIN, limits={"write_timeout": "2s", "command_timeout": "1h", "junk_commands": 10 ** 6})
        one = socket.socket()
        self.addCleanup(one.close)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.connect((mx.listener["host"], mx.listener["port"]))
        one.setblocking(False)
        flight = b"HELP\r\n" * 10000

        def was_closed():
            try:
                one.send(flight)
            except BlockingIOError:
                # It takes no more from who does not read.
                return bool(select.select([one], [], [], 0)[0]) and self._ended(mx)
            except (BrokenPipeError, ConnectionResetError):
                return True
            return False
        wait_for(was_closed, "an end")
        deliver(self.connection(mx), self.bob["user"], "while another does not read")

    @staticmethod
    def _ended(mx):
        return mx.metric('packetboat_mx_sessions{protocol="smtp"}') == 0
