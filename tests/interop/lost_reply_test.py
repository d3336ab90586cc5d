"""The connection breaks between the final dot and the 250: the retry through the other MX makes no second copy; the
same octets in another session, once the first has ended in order, make one.

    bazel test //tests/interop:lost_reply_test                        some dozens of messages
    python3 -m tests.interop.lost_reply_test --messages 1000          a thousand, half by Postfix and half by smtplib
"""

import argparse
import collections
import concurrent.futures
import re
import smtplib
import sys
import time
import unittest

from tests.e2e import reading, running
from tests.e2e.exact_client import HELLO, Client
from tests.interop import cutting_proxy, postfix, tools

MESSAGES = 60
STORES = 3
SENDERS = 8
# By Postfix: the first hop loses the reply, the second is the other MX.
SENDER = "cut{}@sender.example"
_ID = re.compile(rb"(?m)^Message-ID: <([^>]+)@sender\.example>\r$")


def message(name):
    return (f"From: <cut@{HELLO}>\r\nSubject: {name}\r\nMessage-ID: <{name}@sender.example>\r\n\r\n"
            f"{name} arrives once\r\n").encode()


class Scene:
    """A cluster, and before each MX a proxy that loses the replies."""

    def __init__(self, stack):
        self.cluster = stack.enter_context(running.running(stores=STORES))
        self.alice, self.bob = self.cluster.accounts
        self.mxes = [(one["host"], one["port"]) for one in self.cluster.listeners("smtp")]
        self.proxies = [cutting_proxy.CuttingProxy(one) for one in self.mxes]
        for one in self.proxies:
            stack.callback(one.close)
        # First through a proxy, then through the other MX.
        self.hops = [(self.proxies[0].endpoint, self.mxes[1]), (self.proxies[1].endpoint, self.mxes[0])]

    def cuts(self):
        return sum(one.cuts for one in self.proxies)

    def send_with_smtplib(self, names):
        """Sends again through the other MX what had no answer."""

        def send(number, name):
            lossy, other = self.hops[number % 2]
            options = {"local_hostname": HELLO, "timeout": running.PATIENCE_SECONDS}
            try:
                with smtplib.SMTP(*lossy, **options) as smtp:
                    smtp.sendmail("cut@" + HELLO, [self.alice["user"]], message(name))
            except (smtplib.SMTPServerDisconnected, ConnectionError):
                with smtplib.SMTP(*other, **options) as smtp:
                    smtp.sendmail("cut@" + HELLO, [self.alice["user"]], message(name))
                return
            raise AssertionError(f"{name}: the reply was not lost")

        with concurrent.futures.ThreadPoolExecutor(SENDERS) as pool:
            list(pool.map(send, range(len(names)), names))

    def send_with_postfix(self, names):
        """Returns when Postfix has nothing left."""
        routes = {SENDER.format(n): list(hops) for n, hops in enumerate(self.hops)}
        with postfix.Postfix(self.cluster.ca, routes, {}) as mta:
            with Client(postfix.HOST, mta.port, local_hostname=HELLO) as smtp:
                smtp.ehlo()
                for number, name in enumerate(names):
                    code, text = smtp.send_one(self.bob["user"], message(name), sender=SENDER.format(number % 2))
                    if code != 250:
                        raise AssertionError(f"Postfix answered {code} {text}")
            end = time.monotonic() + running.PATIENCE_SECONDS + len(names)
            while (sent := mta.log().count("status=sent")) < len(names):
                if time.monotonic() > end:
                    raise AssertionError(f"Postfix sent {sent} of {len(names)}:\n" + mta.log()[-3000:])
                time.sleep(0.2)

    def copies(self, account):
        """{name: copies}, through every store alike."""
        found = []
        for one in self.cluster.listeners("imaps"):
            stored = [octets for _, octets in reading.read(self.cluster, account, store=one["name"]).messages]
            names = [_ID.search(octets).group(1).decode() for octets in stored]
            for name, octets in zip(names, stored):
                if not octets.endswith(b"\r\n" + message(name)):
                    raise AssertionError(f"{name} was altered")
            found.append(collections.Counter(names))
        if any(one != found[0] for one in found):
            raise AssertionError(f"the stores differ: {found}")
        return found[0]


class LostReplyTest(unittest.TestCase):
    messages = MESSAGES

    @classmethod
    def setUpClass(cls):
        cls.scene = Scene(cls)

    # What Scene asks of a stack of contexts.
    enter_context = classmethod(unittest.TestCase.enterClassContext.__func__)
    callback = classmethod(unittest.TestCase.addClassCleanup.__func__)

    def once_each(self, names, account, before):
        self.assertGreaterEqual(self.scene.cuts() - before, len(names))
        copies = self.scene.copies(account)
        self.assertEqual({name: copies[name] for name in names}, dict.fromkeys(names, 1))
        print(f"{len(names)} messages whose first reply was lost: one copy each", file=sys.stderr)

    def test_what_smtplib_sends_again_through_the_other_mx_is_there_once(self):
        names, before = [f"smtplib-{n}" for n in range(self.messages // 2)], self.scene.cuts()
        self.scene.send_with_smtplib(names)
        self.once_each(names, self.scene.alice, before)

    def test_what_postfix_sends_again_through_the_other_mx_is_there_once(self):
        tools.need("postfix")
        names, before = [f"postfix-{n}" for n in range(self.messages // 2)], self.scene.cuts()
        self.scene.send_with_postfix(names)
        self.once_each(names, self.scene.bob, before)

    def test_the_same_octets_in_two_clean_sessions_arrive_twice(self):
        """One right behind the other, through the same MX and through the other one."""

        def send(number, name):
            self.send_cleanly(number % 2, name)
            self.send_cleanly(number // 2 % 2, name)

        names = [f"twice-{n}" for n in range(self.messages)]
        with concurrent.futures.ThreadPoolExecutor(SENDERS) as pool:
            list(pool.map(send, range(len(names)), names))
        copies = self.scene.copies(self.scene.alice)
        self.assertEqual({name: copies[name] for name in names}, dict.fromkeys(names, 2))
        print(f"{len(names)} messages sent twice in clean sessions: two copies each", file=sys.stderr)

    def send_cleanly(self, mx, name):
        with Client(*self.scene.mxes[mx], local_hostname=HELLO) as smtp:
            smtp.ehlo()
            self.assertEqual(smtp.send_one(self.scene.alice["user"], message(name))[0], 250)
            self.assertEqual(smtp.quit()[0], 221)


def main():
    parser = argparse.ArgumentParser(prog="python3 -m tests.interop.lost_reply_test")
    parser.add_argument("--messages", type=int, default=1000)
    args = parser.parse_args()
    LostReplyTest.messages = args.messages
    unittest.main(argv=[sys.argv[0]])


if __name__ == "__main__":
    main()
