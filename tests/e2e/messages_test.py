"""Hundreds of real messages go in through SMTP and LMTP, and come out of IMAP octet for octet.

    bazel test //tests/e2e:messages_test
"""

import collections
import re
import sys
import unittest

from tests.e2e import reading, real_messages, running
from tests.e2e.exact_client import HELLO, Client, LmtpClient

LEAST_MESSAGES = 300
NUL = (550, b"5.6.0")
BARE_NEWLINE = (550, b"5.6.11")

_QUEUED = re.compile(rb"(?:queued|delivered) as (\w+)")
_RECEIVED_ID = re.compile(rb"\sid\s+(\w+)")


def options_for(octets, server):
    """The ESMTP options that a sender would use."""
    header = octets[:real_messages.header_end(octets)]
    options = [f"SIZE={len(octets)}"]
    if not octets.isascii():
        options.append("BODY=8BITMIME")
    if not header.isascii():
        options.append("SMTPUTF8")
    for one in options:
        name = "8BITMIME" if one.startswith("BODY") else one.split("=")[0]
        assert server.has_extn(name), name
    return options


def summary(counts):
    return ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))


def stored_by_id(cluster, account):
    """{the id that the 250 named: octets}"""
    stored = {}
    for _, octets in reading.read(cluster, account).messages:
        stored[_RECEIVED_ID.search(reading.trace(octets)).group(1)] = octets
    return stored


class MessagesTest(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        try:
            cls.messages = real_messages.collect()
        except real_messages.Missing as missing:
            print(f"SKIPPED: {missing}", flush=True)
            raise unittest.SkipTest(str(missing))
        cls.cluster = cls.enterClassContext(running.running())

    def compare(self, account, expected):
        """expected: {id: (name, octets)}"""
        stored = stored_by_id(self.cluster, account)
        self.assertEqual(set(stored), set(expected))
        for identifier, (name, octets) in expected.items():
            body = reading.below_trace(stored[identifier])
            self.assertEqual(body, real_messages.without_return_path(octets), name)

    def test_real_messages_pass_through_both_mxes_octet_for_octet(self):
        self.assertGreaterEqual(len(self.messages), LEAST_MESSAGES)
        alice = self.cluster.accounts[0]
        targets = self.cluster.listeners("smtp")
        expected, counts = {}, collections.Counter()
        for number, (name, octets) in enumerate(self.messages):
            octets = real_messages.as_crlf(octets)
            target = targets[number % len(targets)]
            with Client(target["host"], target["port"], local_hostname=HELLO) as smtp:
                tls = number % 3 == 0
                if tls:
                    smtp.starttls(context=self.cluster.tls())
                smtp.ehlo()
                options, pipelined = options_for(octets, smtp), number % 4 < 2
                code, text = smtp.send_one(alice["user"], octets, options, pipelined)
            how = [*("STARTTLS" for _ in range(tls)), *("PIPELINING" for _ in range(pipelined)),
                   *(one for one in options if "SIZE" not in one), target["name"]]
            wanted = self.refusal(octets)
            if wanted:
                self.assertEqual(self.reply_code((code, text)), wanted, name)
                counts[f"refused with {code} {text.decode()}"] += 1
                continue
            self.assertEqual(code, 250, (name, text))
            expected[_QUEUED.search(text).group(1)] = (name, octets)
            counts.update(["accepted", *(f"accepted with {one}" for one in how)])
        print(f"{len(self.messages)} real messages through SMTP: {summary(counts)}", file=sys.stderr)
        self.assertGreaterEqual(counts["accepted"], LEAST_MESSAGES)
        self.compare(alice, expected)

    @staticmethod
    def reply_code(reply):
        return reply[0], reply[1].split()[0]

    @staticmethod
    def refusal(octets):
        """The reply that port 25 owes to a message, if it is not 250; what stands first in the message decides."""
        faults = [(at, reply) for at, reply in [
            (octets.find(b"\0"), NUL),
            (getattr(re.search(rb"\r(?!\n)|(?<!\r)\n", octets), "start", lambda: -1)(), BARE_NEWLINE),
        ] if at >= 0]
        return min(faults)[1] if faults else None

    def test_port_25_refuses_real_messages_with_bare_newlines(self):
        target, recipient = self.cluster.listeners("smtp")[0], self.cluster.accounts[0]["user"]
        refused = 0
        for name, octets in self.messages:
            raw = real_messages.ended_by_crlf(octets)
            if not real_messages.has_bare_newline(raw):
                continue
            # A session each: port 25 closes one with many errors.
            with Client(target["host"], target["port"], local_hostname=HELLO) as smtp:
                smtp.ehlo()
                self.assertEqual(self.reply_code(smtp.send_one(recipient, raw)), self.refusal(raw), name)
            refused += 1
        print(f"{refused} real messages with bare newlines through SMTP: all refused with 550 5.6.11",
              file=sys.stderr)
        self.assertTrue(refused)

    def test_lmtp_takes_bare_newlines_and_makes_them_crlf(self):
        bob = self.cluster.accounts[1]
        targets = self.cluster.listeners("lmtp")
        expected, counts = {}, collections.Counter()
        for number, (name, octets) in enumerate(self.messages):
            target = targets[number % len(targets)]
            raw = real_messages.ended_by_crlf(octets)
            with LmtpClient(target["host"], target["port"], local_hostname=HELLO) as lmtp:
                lmtp.ehlo()
                code, text = lmtp.send_one(bob["user"], raw)
            if b"\0" in raw:
                self.assertEqual(self.reply_code((code, text)), NUL, name)
                counts[f"refused with {code} {text.decode()}"] += 1
                continue
            self.assertEqual(code, 250, (name, text))
            counts["with bare newlines" if real_messages.has_bare_newline(raw) else "with CRLF"] += 1
            expected[_QUEUED.search(text).group(1)] = (name, real_messages.normalized(raw))
        print(f"{len(self.messages)} real messages through LMTP: {summary(counts)}", file=sys.stderr)
        self.compare(bob, expected)


if __name__ == "__main__":
    unittest.main()
