"""What strangers send to port 25 to do harm: the protocol's own error, bounded memory, and no effect on others.

    bazel test //tests/e2e:hostile_smtp_test

Sizes, counts and limits are those of a production system; where an attack takes minutes, time limits are seconds instead.
"""

import contextlib
import threading
import time
import unittest

from tests.e2e import hostile, reading
from tests.e2e.hostile import MIB

CONNECTIONS = 2000
RECIPIENTS = 10_000
NESTED_PARTS = 1000
SIDE_BY_SIDE_PARTS = 11_000
# What an attacker sends when there is no end to it.
ENDLESS = 64 * MIB
# Without an answer to them.
COMMANDS_UNREAD = 2_000_000

# Minutes, in production.
SLOW = {"mx": {"limits": {"command_timeout": "6s", "data_timeout": "6s"}}}
SHORT_HANDSHAKE = {"mail": {"tls": {"handshake_timeout": "6s"}}}
DRIP_SECONDS = 0.5
TRICKLERS = 50


def begin(raw, recipient):
    """Up to the recipient."""
    assert raw.ask("MAIL FROM:<stranger@sender.example>").startswith("250")
    assert raw.ask(f"RCPT TO:<{recipient}>").startswith("250")


class SmtpTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.scene = cls.enterClassContext(hostile.attacked())
        cls.alice = cls.scene.alice["user"]

    def received(self):
        return [reading.below_trace(octets) for _, octets in reading.read(self.scene.cluster, self.scene.alice).messages]

    # -- floods ------------------------------------------------------------------------------

    def test_two_thousand_connections_from_one_address_shut_nobody_else_out(self):
        with contextlib.ExitStack() as stack, self.scene.attack("2,000 connections, closed"):
            open_ones = []
            for _ in range(CONNECTIONS):
                # Who is over a limit may find the connection closed at once.
                with contextlib.suppress(ConnectionError):
                    open_ones.append(stack.enter_context(self.scene.raw("smtp")))
            greetings = [one.line()[:3] for one in open_ones]
            self.assertLessEqual(set(greetings), {"220", "421", ""})
            self.assertIn("421", greetings, "an address may have only so many")
            self.assertIn("220", greetings)
            self.scene.check(f"2,000 connections, {greetings.count('220')} served")

    def test_endless_headers(self):
        with self.scene.attack("a header without end"), self.scene.hello() as raw:
            begin(raw, self.alice)
            self.assertEqual(raw.ask("DATA")[:3], "354")
            line = b"X-More: " + b"x" * 990 + b"\r\n"
            for _ in range(ENDLESS // len(line)):
                raw.send(line)
            raw.say(".")
            self.assertEqual(raw.reply()[:9], "554 5.6.0")
            self.assertEqual(raw.ask("NOOP")[:3], "250")

    def test_a_header_line_without_end(self):
        with self.scene.attack("a header line without end"), self.scene.hello() as raw:
            begin(raw, self.alice)
            raw.ask("DATA")
            raw.send(b"X-Long: ")
            for _ in range(ENDLESS // MIB):
                raw.send(b"x" * MIB)
            raw.send(b"\r\n.\r\n")
            self.assertEqual(raw.reply()[:9], "554 5.6.0")

    def test_a_command_line_without_end(self):
        with self.scene.attack("a command line without end"), self.scene.hello() as raw:
            for _ in range(ENDLESS // MIB):
                raw.send(b"x" * MIB)
            raw.send(b"\r\n")
            self.assertEqual(raw.reply()[:9], "500 5.5.2")
            self.assertEqual(raw.ask("NOOP")[:3], "250")

    def test_an_auth_line_over_the_limit_where_auth_is_not_offered(self):
        with self.scene.attack("a long AUTH line"), self.scene.hello() as raw:
            self.assertRegex(raw.ask("AUTH PLAIN " + "A" * 12_288), "^500 5.5.2")
            self.assertRegex(raw.ask("AUTH PLAIN !!!!"), "^5")
            self.assertEqual(raw.ask("NOOP")[:3], "250")

    def test_ten_thousand_recipients(self):
        with self.scene.attack("10,000 RCPTs"), self.scene.hello() as raw:
            raw.ask("MAIL FROM:<stranger@sender.example>")
            command = f"RCPT TO:<{self.alice}>\r\n".encode()
            sender = threading.Thread(target=raw.send, args=(command * RECIPIENTS,))
            sender.start()
            codes = [raw.reply()[:9] for _ in range(RECIPIENTS)]
            sender.join()
            self.assertEqual(codes, ["250 2.1.5"] * 1000 + ["452 4.5.3"] * 9000)
            self.assertEqual(raw.ask("DATA")[:3], "354")
            before = len(self.received())
            raw.send(b"Subject: once\r\n\r\n.\r\n")
            self.assertEqual(raw.reply()[:3], "250")
            self.assertEqual(len(self.received()), before + 1, "a thousand recipients that are one mailbox")

    def test_a_message_over_the_size_limit_that_goes_on_and_on(self):
        with self.scene.attack("a message without end"), self.scene.hello() as raw:
            begin(raw, self.alice)
            raw.ask("DATA")
            raw.send(b"Subject: large\r\n\r\n")
            line = (b"x" * 998 + b"\r\n") * 1000
            for _ in range(60):
                raw.send(line)
            raw.say(".")
            self.assertEqual(raw.reply()[:9], "552 5.3.4")

    def test_a_client_that_never_reads(self):
        with self.scene.attack("replies that nobody reads"), self.scene.hello() as raw:
            raw.socket.settimeout(3)
            sent = 0
            with contextlib.suppress(OSError):  # It stops being read from, or is cut off.
                while sent < COMMANDS_UNREAD:
                    raw.send(b"NOOP\r\n" * 1000)
                    sent += 1000
            self.assertLess(sent, COMMANDS_UNREAD, "a client that reads nothing is read from for ever")

    # -- wrong octets ------------------------------------------------------------------------

    def test_nul_in_commands_and_in_data(self):
        with self.scene.attack("NUL"), self.scene.hello() as raw:
            self.assertRegex(raw.ask("NOOP \0"), "^5")
            begin(raw, self.alice)
            before = self.received()
            raw.ask("DATA")
            raw.send(b"Subject: nul\r\n\r\nhere:\0\r\n.\r\n")
            self.assertEqual(raw.reply()[:9], "550 5.6.0")
            begin(raw, self.alice)
            raw.send(b"BDAT 18 LAST\r\nSubject: x\r\n\r\n\0\0\r\n")
            self.assertEqual(raw.reply()[:9], "550 5.6.0")
            self.assertEqual(self.received(), before)

    def test_bdat_sizes_that_overflow(self):
        with self.scene.attack("BDAT sizes"):
            for size in ("18446744073709551615", "18446744073709551616", "9223372036854775808", "4294967296", "-1",
                         "99999999999999999999999999", "0x10", "1e3"):
                with self.scene.hello() as raw:
                    begin(raw, self.alice)
                    self.assertRegex(raw.ask(f"BDAT {size} LAST"), "^(501 5.5.4|552 5.3.4)", size)

    def test_commands_within_a_chunk_are_content(self):
        with self.scene.attack("commands in a chunk"), self.scene.hello() as raw:
            begin(raw, self.alice)
            octets = b"Subject: chunk\r\n\r\n.\r\nMAIL FROM:<smuggled@sender.example>\r\nQUIT\r\n"
            raw.send(b"BDAT %d LAST\r\n" % len(octets) + octets)
            self.assertEqual(raw.reply()[:3], "250")
            self.assertIn(octets, self.received())
            self.assertEqual(raw.ask("NOOP")[:3], "250")

    def test_bytes_behind_starttls_are_never_commands(self):
        with self.scene.attack("pipelining across STARTTLS"):
            with self.scene.hello() as raw:
                raw.send(b"STARTTLS\r\nMAIL FROM:<injected@sender.example>\r\n")
                self.assertEqual(raw.reply()[:9], "554 5.5.0")
                raw.expect_closed()
            # What was said before TLS is forgotten, RFC 3207 s4.2.
            with self.scene.hello() as raw:
                self.assertEqual(raw.ask("STARTTLS")[:3], "220")
                raw.start_tls(self.scene.cluster.tls())
                self.assertEqual(raw.ask("MAIL FROM:<stranger@sender.example>")[:3], "503")

    def test_a_transaction_pipelined_behind_data_is_not_carried_out(self):
        with self.scene.attack("pipelining across DATA"), self.scene.hello() as raw:
            before = self.received()
            begin(raw, self.alice)
            raw.send(b"DATA\r\nMAIL FROM:<smuggled@sender.example>\r\n" + f"RCPT TO:<{self.alice}>\r\n".encode())
            self.assertEqual(raw.reply()[:9], "554 5.5.0")
            raw.expect_closed()
            self.assertEqual(self.received(), before)

    def test_ends_of_data_that_only_others_see(self):
        with self.scene.attack("smuggling"):
            before = self.received()
            for end in (b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r.\r\n", b"\r\n\0.\r\n"):
                with self.scene.hello() as raw:
                    begin(raw, self.alice)
                    raw.ask("DATA")
                    raw.send(b"Subject: first\r\n\r\none" + end + b"MAIL FROM:<smuggled@sender.example>\r\n"
                             + f"RCPT TO:<{self.alice}>\r\nDATA\r\nSubject: second\r\n\r\ntwo\r\n.\r\n".encode())
                    self.assertEqual(raw.reply()[:3], "550", end)
                    self.assertEqual(raw.ask("NOOP")[:3], "250", end)
            self.assertEqual(self.received(), before)

    def test_twenty_errors_end_the_session(self):
        with self.scene.attack("nothing but errors"), self.scene.hello() as raw:
            replies = [raw.ask("NONSENSE")[:3] for _ in range(21)]
            self.assertEqual(replies, ["500"] * 20 + ["421"])
            raw.expect_closed()

    # -- MIME --------------------------------------------------------------------------------

    def deliver(self, octets):
        with hostile.HonestSmtp(self.scene.cluster.listeners("smtp")[0]) as smtp:
            smtp.ehlo()
            self.assertEqual(smtp.send_one(self.alice, octets)[0], 250)

    def structure(self, subject):
        with reading.login(self.scene.cluster, self.scene.alice) as imap:
            imap.select("INBOX")
            number = imap.search(None, "SUBJECT", subject)[1][0].split()[-1].decode()
            status, answer = imap.fetch(number, "(BODYSTRUCTURE ENVELOPE)")
            self.assertEqual(status, "OK")
            self.assertEqual(imap.search(None, "TEXT", "innermost")[0], "OK")
            return answer[0] if isinstance(answer[0], bytes) else b"".join(answer[0])

    def test_a_thousand_nested_parts_are_accepted_and_shown(self):
        with self.scene.attack("1,000 nested parts"):
            boundary = "Content-Type: multipart/mixed; boundary=b{0}\r\n\r\n--b{0}\r\n"
            octets = "Subject: nested\r\nMIME-Version: 1.0\r\n" + "".join(boundary.format(n) for n in range(NESTED_PARTS))
            self.deliver(octets.encode() + b"\r\ninnermost\r\n")
            structure = self.structure("nested")
            self.assertLess(structure.count(b"("), 5 * 100 + 50, "deeper than mime_depth is one part")

    def test_eleven_thousand_parts_side_by_side_are_accepted_and_shown(self):
        with self.scene.attack("11,000 parts"):
            part = b"--b\r\n\r\ninnermost\r\n"
            self.deliver(b"Subject: side-by-side\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
                         + part * SIDE_BY_SIDE_PARTS + b"--b--\r\n")
            self.assertIn(b"BODYSTRUCTURE", self.structure("side-by-side"))


class SlowTest(unittest.TestCase):
    """Time limits of seconds instead of minutes."""

    @classmethod
    def setUpClass(cls):
        cls.scene = cls.enterClassContext(hostile.attacked(SLOW))
        cls.alice = cls.scene.alice["user"]

    def drip(self, raw, octets):
        """An octet now and then until the server has had enough; what it said."""
        with contextlib.suppress(OSError):
            for octet in octets:
                raw.send(bytes([octet]))
                time.sleep(DRIP_SECONDS)
        return raw.line()

    def all_drip(self, make, octets):
        """Many at once. What each was told in the end."""
        told = []

        def one():
            with make() as raw:
                told.append(self.drip(raw, octets))

        threads = [threading.Thread(target=one) for _ in range(TRICKLERS)]
        for thread in threads:
            thread.start()
        self.scene.check("octet by octet, during it")
        for thread in threads:
            thread.join()
        return told

    def test_a_command_octet_by_octet_is_not_waited_for(self):
        with self.scene.attack("a command octet by octet"):
            told = self.all_drip(self.scene.hello, b"NOOP " + b"x" * 40)
            self.assertEqual({one[:9] for one in told}, {"421 4.4.2"})

    def test_a_message_octet_by_octet_is_not_waited_for(self):
        def data():
            raw = self.scene.hello()
            begin(raw, self.alice)
            raw.ask("DATA")
            return raw

        with self.scene.attack("a message octet by octet"):
            told = self.all_drip(data, b"Subject: slow\r\n\r\n" + b"x" * 40)
            self.assertEqual({one[:9] for one in told}, {"421 4.4.2"})


class HandshakeTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.scene = cls.enterClassContext(hostile.attacked(overlay=SHORT_HANDSHAKE))

    def test_tls_that_stops_half_way_is_closed(self):
        with self.scene.attack("half a handshake"), contextlib.ExitStack() as stack:
            halves = []
            for _ in range(TRICKLERS):
                raw = stack.enter_context(self.scene.hello())
                self.assertEqual(raw.ask("STARTTLS")[:3], "220")
                raw.send(b"\x16\x03\x01\x02\x00\x01\x00")
                halves.append(raw)
            self.scene.check("half a handshake, during it")
            for raw in halves:
                raw.expect_closed()

    def test_what_is_no_tls_at_all_is_closed(self):
        with self.scene.attack("no handshake"), self.scene.hello() as raw:
            self.assertEqual(raw.ask("STARTTLS")[:3], "220")
            raw.send(b"EHLO plain\r\n" * 100)
            with contextlib.suppress(AssertionError):  # An alert is no line.
                raw.expect_closed()


if __name__ == "__main__":
    unittest.main()
