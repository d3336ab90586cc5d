"""What is sent to the IMAP ports to do harm: the protocol's own error, bounded memory, and no effect on others.

    bazel test //tests/e2e:hostile_imap_test

Sizes, counts and limits are those of a production system; where an attack takes minutes, time limits are seconds instead.
"""

import contextlib
import hashlib
import random
import re
import threading
import time
import unittest

from tests.e2e import hostile
from tests.e2e.hostile import MIB

CONNECTIONS = 2000
ENDLESS = 64 * MIB
LARGE = 50_000_000
# How many at once do what takes memory.
LARGE_AT_ONCE = 8
DEAF_SESSIONS = 20
UNREAD_FETCHES = 200
BEFORE_LOGIN_LINE = 8 * 1024
NESTED_PARTS = 1000

SLOW = {"store": {"imap_login_timeout": "6s", "imap_limits": {"write_timeout": "6s"}}}
SHORT_HANDSHAKE = {"mail": {"tls": {"handshake_timeout": "6s"}}}
DRIP_SECONDS = 0.5
TRICKLERS = 50


class ImapTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.scene = cls.enterClassContext(hostile.attacked())

    def greeted(self):
        raw = self.scene.raw("imaps")
        self.assertRegex(raw.line(), r"^\* OK ")
        return raw

    def mailboxes(self, raw):
        raw.say('list LIST "" "*"')
        found = []
        while not (line := raw.line()).startswith("list OK"):
            found.append(line)
        return found

    # -- floods ------------------------------------------------------------------------------

    def test_two_thousand_connections_from_one_address_shut_nobody_else_out(self):
        with contextlib.ExitStack() as stack, self.scene.attack("2,000 connections, closed"):
            for _ in range(CONNECTIONS):
                with contextlib.suppress(ConnectionError):
                    stack.enter_context(self.scene.raw("imaps", tls=False))
            for _ in range(CONNECTIONS):
                with contextlib.suppress(ConnectionError):
                    stack.enter_context(self.scene.raw("imap", tls=False))
            self.scene.check("2,000 connections to each port")

    def test_a_command_line_without_end(self):
        with self.scene.attack("a command line without end"):
            for open_one in (self.greeted, self.scene.logged_in):
                with open_one() as raw:
                    with contextlib.suppress(OSError):
                        raw.send(b"a NOOP ")
                        for _ in range(ENDLESS // MIB):
                            raw.send(b"x" * MIB)
                        raw.send(b"\r\n")
                    self.assertRegex(raw.line(), r"^(a BAD|\* BYE|\* BAD)")

    def test_authenticate_lines_over_the_limit_and_wrong_base64(self):
        with self.scene.attack("AUTHENTICATE"), self.greeted() as raw:
            for line in ("A" * 12_289, "!!!!", "AGFsaWNl", "=AAA", "\xff\xfe"):
                raw.say("a AUTHENTICATE PLAIN")
                self.assertEqual(raw.line()[:1], "+")
                raw.say(line)
                self.assertEqual(raw.line()[:5], "a BAD", line[:10])
            raw.say("b NOOP")
            raw.expect("b OK")

    def test_a_client_that_never_reads(self):
        with self.scene.attack("answers that nobody reads"), contextlib.ExitStack() as stack:
            octets = b"Subject: large\r\n\r\n" + b"x" * (5 * MIB) + b"\r\n"
            raw = stack.enter_context(self.scene.logged_in())
            self.append(raw, "Archive", octets)
            deaf = [stack.enter_context(self.scene.logged_in()) for _ in range(DEAF_SESSIONS)]
            for raw in deaf:
                raw.socket.settimeout(0.5)
                with contextlib.suppress(OSError):  # It is read from no more.
                    raw.say("a EXAMINE Archive")
                    raw.send(b"f FETCH 1 BODY[]\r\n" * UNREAD_FETCHES)
                    for _ in range(1000):
                        raw.send(b"n NOOP\r\n" * 1000)
                    self.fail("a client that reads nothing is read from for ever")
            self.scene.check("answers that nobody reads, during it")

    # -- APPEND ------------------------------------------------------------------------------

    def append(self, raw, mailbox, octets):
        raw.say(f"ap APPEND {mailbox} {{{len(octets)}}}")
        raw.expect("+")
        raw.send(octets)
        raw.send(b"\r\n")
        return raw.expect("ap ")

    def test_an_append_of_fifty_megabytes_in_bounded_memory(self):
        with self.scene.attack("APPEND of 50 MB"):
            answers = []

            def one(number):
                head = b"Subject: fifty-%d\r\n\r\n" % number
                line = random.Random(number).randbytes(57).hex().encode() + b"\r\n"
                body = line * ((LARGE - len(head)) // len(line))
                octets = head + body + b"x" * (LARGE - len(head) - len(body))
                with self.scene.logged_in() as raw:
                    raw.say("c CREATE Large")
                    raw.expect("c ")
                    answer = self.append(raw, "Large", octets)
                    answers.append((answer, hashlib.sha256(octets).digest(), self.fetched(raw, answer)))

            threads = [threading.Thread(target=one, args=(n,)) for n in range(LARGE_AT_ONCE)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(len(answers), LARGE_AT_ONCE)
            for answer, sent, fetched in answers:
                self.assertRegex(answer, r"^ap OK \[APPENDUID ")
                self.assertEqual(sent, fetched)

    def fetched(self, raw, answer):
        """The digest of what is stored, read piece by piece."""
        uid = re.search(r"\[APPENDUID \d+ (\d+)\]", answer).group(1)
        raw.say("s EXAMINE Large")
        raw.expect("s OK")
        digest = hashlib.sha256()
        raw.say(f"f UID FETCH {uid} BODY.PEEK[]")
        size = int(re.search(r"\{(\d+)\}$", raw.line()).group(1))
        while size:
            octets = raw.take(min(size, MIB))
            digest.update(octets)
            size -= len(octets)
        raw.line()
        raw.expect("f OK")
        return digest.digest()

    def test_an_append_over_the_limit_is_refused_before_it_is_sent(self):
        with self.scene.attack("APPEND over the limit"), self.scene.logged_in() as raw:
            for size in (LARGE + 1, 2**31, 2**32 - 1, 2**32, 2**63, 2**64, 10**30):
                raw.say(f"a APPEND INBOX {{{size}}}")
                self.assertRegex(raw.line(), r"^a (NO \[TOOBIG\]|BAD)", size)
            raw.say("b NOOP")
            raw.expect("b OK")

    def test_literals_that_overflow_are_refused(self):
        with self.scene.attack("literal sizes"):
            for size in ("18446744073709551616+", "99999999999999999999999999+", "4294967296+", "2147483648+"):
                with self.scene.logged_in() as raw:
                    raw.say(f'a LIST "" {{{size}}}')
                    self.assertRegex(raw.line(), r"^(a BAD|\* BYE)", size)
                    with contextlib.suppress(AssertionError):
                        raw.expect_closed()
            with self.greeted() as raw:
                raw.say("a LOGIN {-1}")
                self.assertRegex(raw.line(), "^a BAD")
                raw.say("b LOGIN {5000} x")
                self.assertRegex(raw.line(), "^b BAD")

    def test_commands_within_literals_are_content(self):
        with self.scene.attack("commands in literals"), self.scene.logged_in() as raw:
            before = self.mailboxes(raw)
            octets = b"Subject: x\r\n\r\na CREATE injected\r\nb LOGOUT\r\n"
            self.assertRegex(self.append(raw, "Drafts", octets), "^ap OK")
            inside = "injected)\r\nx CREATE injected\r\n"
            raw.send(f"c STATUS {{{len(inside)}+}}\r\n{inside} (MESSAGES)\r\n".encode())
            self.assertRegex(raw.line(), "^c (NO|BAD)")
            # Refused as a whole: the literal behind the mistake is skipped.
            raw.send(f"d NONSENSE {{{len(octets)}+}}\r\n".encode() + octets + b"\r\n")
            self.assertRegex(raw.line(), "^d BAD")
            self.assertEqual(self.mailboxes(raw), before)
            with self.greeted() as stranger:
                stranger.say("a LOGIN {31}")
                stranger.expect("+")
                stranger.send(b"x y\r\nb CREATE injected-by-login  wrong\r\n")
                self.assertRegex(stranger.line(), "^a (NO|BAD)")
            self.assertEqual(self.mailboxes(raw), before)

    def test_nul_in_commands_literals_and_messages(self):
        with self.scene.attack("NUL"), self.scene.logged_in() as raw:
            raw.send(b'a LIST "" \0\r\n')
            self.assertRegex(raw.line(), "^a BAD")
            raw.send(b"b LIST \"\" {3+}\r\nx\0y\r\n")
            self.assertRegex(raw.line(), "^b BAD")
            raw.send(b"c APPEND Trash {16+}\r\nSubject: x\r\n\r\n\0\0\r\n")
            self.assertRegex(raw.line(), "^c BAD")
            raw.say("d STATUS Trash (MESSAGES)")
            self.assertRegex(raw.line(), r"MESSAGES 0\)")

    def test_bytes_behind_starttls_are_never_commands(self):
        with self.scene.attack("pipelining across STARTTLS"), self.scene.raw("imap") as raw:
            raw.line()
            raw.send(b"a STARTTLS\r\nb LOGIN x y\r\n")
            self.assertRegex(raw.line(), r"^\* BYE")
            raw.expect_closed()

    def test_nothing_but_bad_commands_ends_the_session(self):
        with self.scene.attack("nothing but errors"), self.scene.logged_in() as raw:
            raw.send(b"a NONSENSE\r\n" * 30)
            lines = []
            while line := raw.line():
                lines.append(line[:5])
            self.assertIn("* BYE", lines)
            self.assertLessEqual(lines.count("a BAD"), 21)

    def test_parentheses_without_end(self):
        with self.scene.attack("nesting"), self.scene.logged_in() as raw:
            raw.say("s SELECT INBOX")
            raw.expect("s OK")
            for command in ("a SEARCH " + "(" * 30_000 + "ALL" + ")" * 30_000, "a SEARCH " + "NOT " * 15_000 + "ALL",
                            "a SEARCH " + "OR ALL " * 9_000 + "ALL", "a FETCH 1 BODY[" + "1." * 15_000 + "1]",
                            "a FETCH " + "1,2:4," * 9_000 + "1 FLAGS", "a STORE 1 FLAGS (" + "x " * 30_000 + ")"):
                raw.say(command)
                self.assertRegex(raw.line(), "^a BAD", command[:20])

    def test_a_thousand_nested_parts_by_append(self):
        with self.scene.attack("1,000 nested parts"), self.scene.logged_in() as raw:
            boundary = "Content-Type: multipart/mixed; boundary=b{0}\r\n\r\n--b{0}\r\n"
            octets = ("Subject: nested\r\nMIME-Version: 1.0\r\n" + "".join(boundary.format(n) for n in range(NESTED_PARTS))
                      + "\r\ninnermost\r\n").encode()
            self.assertRegex(self.append(raw, "Junk", octets), "^ap OK")
            raw.say("s SELECT Junk")
            raw.expect("s OK")
            raw.say("b FETCH * (BODYSTRUCTURE BODY.PEEK[" + "1." * 90 + "1] BINARY.SIZE[1])")
            while not (line := raw.line()).startswith("b "):
                pass
            self.assertRegex(line, "^b (OK|NO)")


class SlowTest(unittest.TestCase):
    """Time limits of seconds instead of minutes."""

    @classmethod
    def setUpClass(cls):
        cls.scene = cls.enterClassContext(hostile.attacked(SLOW, overlay=SHORT_HANDSHAKE))

    def test_a_login_octet_by_octet_is_not_waited_for(self):
        told = []

        def one():
            with self.scene.raw("imaps") as raw:
                raw.line()
                with contextlib.suppress(OSError):
                    for octet in b"a NOOP" + b" " * 40:
                        raw.send(bytes([octet]))
                        time.sleep(DRIP_SECONDS)
                told.append(raw.line()[:5])

        with self.scene.attack("a login octet by octet"):
            threads = [threading.Thread(target=one) for _ in range(TRICKLERS)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(set(told), {"* BYE"})

    def test_tls_that_stops_half_way_is_closed(self):
        with self.scene.attack("half a handshake"), contextlib.ExitStack() as stack:
            halves = []
            for number in range(2 * TRICKLERS):
                raw = stack.enter_context(self.scene.raw("imap" if number % 2 else "imaps", tls=False))
                if number % 2:
                    raw.line()
                    raw.say("a STARTTLS")
                    raw.expect("a OK")
                raw.send(b"\x16\x03\x01\x02\x00\x01\x00")
                halves.append(raw)
            self.scene.check("half a handshake, during it")
            for raw in halves:
                raw.expect_closed()

    def test_who_does_not_read_is_let_go(self):
        with self.scene.attack("answers that nobody reads"), self.scene.logged_in() as raw:
            octets = b"Subject: large\r\n\r\n" + b"x" * (20 * MIB) + b"\r\n"
            raw.say(f"ap APPEND Archive {{{len(octets)}}}")
            raw.expect("+")
            raw.send(octets + b"\r\n")
            raw.expect("ap OK")
            sessions = self.sessions()
            with self.scene.logged_in() as other:
                other.say("a EXAMINE Archive")
                other.say("b FETCH 1 BODY[]")
                hostile.wait_until(lambda: self.sessions() > sessions, "one more session")
                hostile.wait_until(lambda: self.sessions() <= sessions, "its end, while it is not read from")

    def sessions(self):
        metrics = self.scene.cluster.processes["store1"].get("/metrics")[1]
        return sum(float(line.split()[-1]) for line in metrics.splitlines()
                   if line.startswith("packetboat_") and "imap_sessions" in line)


if __name__ == "__main__":
    unittest.main()
