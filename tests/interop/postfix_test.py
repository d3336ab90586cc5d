"""Postfix sends: through both MXes, with and without TLS, 8-bit and SMTPUTF8; and again when a reply is lost."""

import collections
import re
import sys
import time
import unittest

from tests.e2e import reading, real_messages, running
from tests.e2e.exact_client import HELLO, Client
from tests.interop import cutting_proxy, postfix, tools

# What Postfix takes for a header; of other messages it alters the beginning.
_HEADER = re.compile(rb"(?:[!-9;-~]+[ \t]*:.*\r\n(?:[ \t]+.*\r\n)*)+\Z")
# The field that Postfix writes above a message.
_RECEIVED = re.compile(rb"Received: (?:.*\r\n\t)*?.*\d\d:\d\d:\d\d [+-]\d{4} \(\w+\)\r\n")

VIA = "via-{}@sender.example"
CUT = "cut@sender.example"
UTF8 = "jörg@sender.example"


def is_well_formed(octets):
    end = real_messages.header_end(octets)
    return _HEADER.match(octets[:end]) is not None and b"\r" not in octets.replace(b"\r\n", b"\n")


class PostfixTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.cluster = cls.enterClassContext(running.running())
        cls.alice, cls.bob = cls.cluster.accounts
        mx1, mx2 = [(one["host"], one["port"]) for one in cls.cluster.listeners("smtp")]
        cls.proxy = cutting_proxy.CuttingProxy(mx1)
        cls.addClassCleanup(cls.proxy.close)
        routes = {VIA.format("mx1"): [mx1, mx2], VIA.format("mx2"): [mx2, mx1], UTF8: [mx1],
                  CUT: [cls.proxy.endpoint, mx2]}
        policies = {mx2: "secure match=mx2.example.test"}
        cls.postfix = cls.enterClassContext(postfix.Postfix(cls.cluster.ca, routes, policies))

    def submit(self, sender, recipient, octets, options=()):
        with Client(postfix.HOST, self.postfix.port, local_hostname=HELLO) as smtp:
            smtp.ehlo()
            code, text = smtp.send_one(recipient, octets, options, sender=sender)
            self.assertEqual(code, 250, text)

    def wait_for(self, account, count):
        """What stands below the fields of Postfix and ours, once there are so many messages."""
        end = time.monotonic() + running.PATIENCE_SECONDS
        while len(stored := reading.read(self.cluster, account).messages) < count:
            if time.monotonic() > end:
                self.fail(f"{len(stored)} of {count} messages arrived; Postfix says:\n"
                          + "\n".join(self.postfix.log().splitlines()[-20:]))
            time.sleep(0.2)
        bodies = [reading.below_trace(octets) for _, octets in stored]
        for body in bodies:
            self.assertRegex(body, _RECEIVED)
        return [body[_RECEIVED.match(body).end():] for body in bodies]

    def test_real_messages_arrive_through_both_mxes_plain_and_with_verified_tls(self):
        try:
            messages = [real_messages.as_crlf(octets) for _, octets in real_messages.collect()]
        except real_messages.Missing as missing:
            tools.skip(str(missing))
        messages = [one for one in messages if is_well_formed(one)]
        for number, octets in enumerate(messages):
            options = () if octets.isascii() else ("BODY=8BITMIME",)
            self.submit(VIA.format(f"mx{1 + number % 2}"), self.alice["user"], octets, options)
        found = collections.Counter(self.wait_for(self.alice, len(messages)))
        expected = collections.Counter(map(real_messages.without_return_path, messages))
        self.assertEqual(found - expected, collections.Counter())
        self.assertEqual(expected - found, collections.Counter())
        log = self.postfix.log()
        self.assertIn("Verified TLS connection established to 127.0.0.1", log)
        print(f"Postfix delivered {found.total()} real messages", file=sys.stderr)

    def test_a_reply_that_is_lost_makes_no_second_copy_through_the_other_mx(self):
        before = len(reading.read(self.cluster, self.bob).messages)
        octets = b"Message-ID: <cut@sender.example>\r\nSubject: once\r\n\r\nonly once\r\n"
        self.submit(CUT, self.bob["user"], octets)
        end = time.monotonic() + running.PATIENCE_SECONDS
        while f"from=<{CUT}>" not in self.postfix.log() or "status=sent" not in self.log_of(CUT):
            self.assertLess(time.monotonic(), end, self.postfix.log())
            time.sleep(0.2)
        self.assertEqual(self.proxy.cuts, 1)
        bodies = self.wait_for(self.bob, before + 1)
        self.assertEqual(bodies.count(octets), 1)

    def log_of(self, sender):
        """The lines of the message that this sender sent."""
        log = self.postfix.log()
        queue_id = re.search(rf"(\w+): from=<{re.escape(sender)}>", log).group(1)
        return "\n".join(line for line in log.splitlines() if queue_id in line)

    def test_smtputf8_addresses_and_headers_arrive(self):
        before = len(reading.read(self.cluster, self.bob).messages)
        octets = "From: Jörg <jörg@sender.example>\r\nSubject: Grüße\r\n\r\nKöln\r\n".encode()
        self.submit(UTF8, self.bob["user"], octets, ("SMTPUTF8", "BODY=8BITMIME"))
        self.assertIn(octets, self.wait_for(self.bob, before + 1))
        stored = [one for _, one in reading.read(self.cluster, self.bob).messages if one.endswith(octets)]
        self.assertTrue(stored[0].startswith(f"Return-Path: <{UTF8}>\r\n".encode()), stored[0])
        self.assertIn(b"with UTF8SMTP", b" ".join(reading.trace(stored[0]).split()))


if __name__ == "__main__":
    unittest.main()
