"""A QRESYNC client that comes back through another store each time, while leaders die, knows the mailbox as it is (RFC 7162 s3.2).

What it was told at one store it says at the next one: mod-sequences and expunged UIDs are replicated state.
"""

import random
import re
import signal
import unittest

from tests.e2e import imap_wire, running

ROUNDS = 12
MESSAGE = b"Subject: %d\r\n\r\nhello\r\n"

_UID = re.compile(rb"\bUID (\d+)")
_FLAGS = re.compile(rb"\bFLAGS \(([^)]*)\)")
_CODE = re.compile(rb"\[(HIGHESTMODSEQ|UIDVALIDITY) (\d+)\]")


def uids_of(text):
    for piece in text.split(b","):
        first, _, last = piece.partition(b":")
        yield from range(int(first), int(last or first) + 1)


class Known:
    """What a client knows of a mailbox."""

    def __init__(self):
        self.messages, self.codes = {}, {}

    def take(self, _, response):
        text = response.text
        if code := _CODE.search(text):
            self.codes[code[1].decode()] = int(code[2])
        if text.startswith(b"VANISHED "):
            for uid in uids_of(text.rpartition(b" ")[2]):
                self.messages.pop(uid, None)
        if b" FETCH (" in text and (flags := _FLAGS.search(text)):
            self.messages[int(_UID.search(text)[1])] = frozenset(flags[1].decode().split()) - {"\\Recent"}


class ResynchronizationTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = cls.enterClassContext(running.running(stores=3, mxes=1))
        cls.account = cls.cluster.accounts[0]
        cls.random = random.Random(1)

    def wire(self, store, take=lambda *_: None):
        listener = next(one for one in self.cluster.listeners("imaps") if one["name"] == store)
        return imap_wire.Wire(listener, self.cluster.tls(), self.account, take)

    def ok(self, wire, command, literal=None):
        answer = wire.command(command, literal)
        self.assertEqual(answer.status, b"OK", f"{command}: {answer}")
        return answer

    def disturb(self, store, number):
        with self.wire(store) as wire:
            self.ok(wire, "SELECT INBOX")
            for _ in range(self.random.randrange(1, 4)):
                self.ok(wire, "APPEND INBOX", MESSAGE % number)
            for _ in range(self.random.randrange(4)):
                first = self.random.randrange(1, 2 * number + 2)
                sign, flag = self.random.choice("+-"), self.random.choice(("\\Seen", "\\Flagged", "$word"))
                self.ok(wire, f"UID STORE {first}:{first + 3} {sign}FLAGS.SILENT ({flag})")
            gone = self.random.randrange(1, 2 * number + 2)
            if number % 3 == 0:
                self.ok(wire, f"UID MOVE {gone} Archive")
            else:
                self.ok(wire, f"UID STORE {gone} +FLAGS.SILENT (\\Deleted)")
                self.ok(wire, "EXPUNGE")

    def truth(self, store):
        known = Known()
        with self.wire(store, known.take) as wire:
            self.ok(wire, "EXAMINE INBOX")
            self.ok(wire, "UID FETCH 1:* (FLAGS)")
        return known.messages

    def resynchronize(self, store, known):
        with self.wire(store, known.take) as wire:
            self.ok(wire, "ENABLE QRESYNC")
            codes = known.codes
            since = f" (QRESYNC ({codes['UIDVALIDITY']} {codes['HIGHESTMODSEQ']}))" if codes else ""
            self.ok(wire, f"SELECT INBOX{since}")
            if not since:
                self.ok(wire, "UID FETCH 1:* (FLAGS)")

    def test_a_client_that_comes_back_elsewhere_knows_everything(self):
        known, stores = Known(), ["store1", "store2", "store3"]
        for number in range(1, ROUNDS + 1):
            self.disturb(stores[number % 3], number)
            if number % 3 == 0:
                dead = self.cluster.leader_of(self.account["user"])
                self.cluster.kill(dead, signal.SIGKILL)
                self.cluster.processes[dead].child.wait(running.PATIENCE_SECONDS)
                alive = [one for one in stores if one != dead]
            else:
                dead, alive = None, stores
            here = alive[number % len(alive)]
            self.resynchronize(here, known)
            self.assertEqual(known.messages, self.truth(alive[(number + 1) % len(alive)]), f"round {number}, at {here}")
            if dead:
                self.cluster.restart(dead)
                self.cluster.wait_ready()
        print(f"{ROUNDS} times, in the end {len(known.messages)} messages up to MODSEQ {known.codes['HIGHESTMODSEQ']}")
