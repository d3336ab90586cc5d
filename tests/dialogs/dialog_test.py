"""The rules of dialog files, as mail/testing/dialog_test.cc has them.

    bazel test //tests/dialogs:dialog_test
"""

import os
import tempfile
import unittest

from tests.dialogs.dialog import Dialog, Fault, matches, unescape


class Echo:
    """Says every flight's first line, and records what it was told."""

    def __init__(self):
        self.log, self.lines = [], []

    def send(self, octets):
        self.log.append(octets)
        self.lines.append(octets.partition(b"\r\n")[0])

    def matches(self, pattern, line):
        return matches(pattern, line)

    def read_line(self):
        if not self.lines:
            raise Fault("silence")
        return self.lines.pop(0)

    def expect_closed(self):
        raise Fault("open")

    def expect_message(self, octets):
        self.log.append(("message", octets))

    def direct(self, word, text):
        self.log.append((word, text))


class DialogTest(unittest.TestCase):

    def run_text(self, text):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "file")
            with open(path, "wb") as file:
                file.write(text)
            echo = Echo()
            try:
                Dialog(path).run(echo)
            except Fault as fault:
                echo.log.append(str(fault).replace(path, "file"))
            return echo.log

    def test_consecutive_client_lines_are_one_flight(self):
        self.assertEqual(self.run_text(b"# comment\nC: a\nC- b\n\nC{2}: c\nS: a\nC: d\nflight\nC:\n"),
                         [b"a\r\nbc\r\nc\r\n", b"d\r\n", b"\r\n"])

    def test_escapes_are_resolved(self):
        self.assertEqual(unescape(rb"\r\n\t\0\\\x41\{3:ab\n}\*"), b"\r\n\t\0\\Aab\nab\nab\n*")

    def test_a_fault_names_file_and_line(self):
        self.assertEqual(self.run_text(b"\nC: a\nS: b\n")[-1], "file:3: wanted b'b', got b'a'")
        self.assertEqual(self.run_text(b"S: b\n")[-1], "file:1: silence")
        self.assertEqual(self.run_text(b"C: a\nclosed\n")[-1], "file:2: open")

    def test_messages_and_other_words_go_to_the_target(self):
        self.assertEqual(self.run_text(b"answer rcpt 550 no\nM: a\nM- b\nwait 3s\n"),
                         [("answer", "rcpt 550 no"), ("message", b"a\r\nb"), ("wait", "3s")])

    def test_patterns_match_whole_lines(self):
        self.assertTrue(matches(b"250 Ok", b"250 Ok"))
        self.assertFalse(matches(b"250 Ok", b"250 Ok!"))
        self.assertTrue(matches(b"250 *", b"250 "))
        self.assertTrue(matches(b"* a * c", b"x a b c"))
        self.assertFalse(matches(b"* a * c", b"x a b d"))
        self.assertTrue(matches(rb"\* OK \{3:x}", b"* OK xxx"))
