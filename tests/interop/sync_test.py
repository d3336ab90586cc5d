"""Maildirs that are kept the same as one account by several programs, each through another store, while much happens to it.

    bazel test //tests/interop:sync_test                          a minute
    python3 -m tests.interop.sync_test --seconds 600              more of it, another seed each time

Mail comes in by SMTP, imaplib changes flags and moves messages, each program's user changes flags and removes messages in the
Maildir, and the store that leads the account's shard is killed or restarted again and again. Each message has one owner, who alone
changes it: so it is known how it has to end. In the end all Maildirs are the same, and what every store shows: no message lost, none
doubled, every flag as its owner left it.
"""

import argparse
import collections
import imaplib
import os
import random
import re
import signal
import smtplib
import sys
import tempfile
import threading
import time
import unittest
import zlib

from tests.e2e import reading, running
from tests.e2e.exact_client import HELLO, Client
from tests.interop import maildir, sync_clients

SEED = 20261123
SECONDS = 20
CLIENTS = (sync_clients.Mbsync, sync_clients.Offlineimap, sync_clients.Interimap)
MAILBOXES = ("INBOX", "Work")

DELIVERY_PAUSE = (0.1, 0.4)
CHANGE_PAUSE = (0.05, 0.3)
CHANGES_PER_SYNC = 3
REMOVAL_SHARE = 0.1
MOVE_SHARE = 0.2
# Without a change of leaders.
CALM_SECONDS = 3
# After the last change, rounds of all programs until they must agree: each may carry on what the one before brought.
ROUNDS = 4

# IMAP's flags and the letters of file names.
LETTERS = {r"\Seen": "S", r"\Answered": "R", r"\Flagged": "F", r"\Deleted": "T", r"\Draft": "D"}
CHANGED = (r"\Seen", r"\Answered", r"\Flagged")

_FLAGS = re.compile(rb"FLAGS \(([^)]*)\)")


def message(name):
    return f"From: <sync@{HELLO}>\r\nSubject: {name}\r\nMessage-ID: <{name}@{HELLO}>\r\n\r\n{name}\r\n".encode()


class Ledger:
    """What has to be there in the end. `owners`: those who change messages. Thread-safe: an owner alone writes about its own."""

    def __init__(self, owners):
        self.owners = owners
        self.acknowledged, self.uncertain = set(), set()
        self.flags = collections.defaultdict(set)
        self.removed = set()
        self.mailbox = {}  # where it is not in INBOX

    def owner(self, name):
        return self.owners[zlib.crc32(name.encode()) % len(self.owners)]

    def mine(self, owner, names):
        return [one for one in sorted(names) if self.owner(one) == owner and one not in self.removed]

    def faults(self, content):
        """What is wrong with {mailbox: content of a Maildir}."""
        found = []
        there = collections.defaultdict(list)
        for mailbox, messages in content.items():
            for (name, flags, _), count in messages.items():
                there[name] += [(mailbox, flags)] * count
        for name in sorted(self.acknowledged - self.removed - set(there)):
            found.append(f"{name} is lost")
        for name, places in sorted(there.items()):
            wanted = (self.mailbox.get(name, "INBOX"), "".join(sorted(LETTERS[one] for one in self.flags[name])))
            if name in self.removed:
                found.append(f"{name} was removed by {self.owner(name)} and is in {places}")
            elif len(places) > 1:
                found.append(f"{name} is there {len(places)} times: {places}")
            elif name not in self.acknowledged | self.uncertain:
                found.append(f"nobody sent {name}")
            elif places[0] != wanted:
                found.append(f"{name} of {self.owner(name)} is in {places[0]} and not in {wanted}")
        return found


class Actor(threading.Thread):
    """Does something again and again until told to stop."""

    def __init__(self, name, scene):
        super().__init__(name=name)
        self.scene, self.ledger = scene, scene.ledger
        self.rng = random.Random(f"{scene.seed}.{name}")
        self.rounds = 0
        self.failure = None

    def run(self):
        try:
            while not self.scene.stop.is_set():
                self.act()
                self.rounds += 1
        except Exception as error:  # Told by the test, which has no other way to see it.
            self.failure = error

    def act(self):
        raise NotImplementedError

    def pause(self, seconds):
        self.scene.stop.wait(self.rng.uniform(*seconds))

    def until_it_works(self, action):
        """Tries again what a store could not do; what is tried must be the same when done twice."""
        while True:
            try:
                return action()
            except (imaplib.IMAP4.error, OSError, smtplib.SMTPException):
                time.sleep(0.1)


class Deliverer(Actor):

    def act(self):
        name = f"delivered-{self.rounds}"
        self.ledger.uncertain.add(name)
        self.until_it_works(lambda: self._send(name))
        self.ledger.acknowledged.add(name)
        self.pause(DELIVERY_PAUSE)

    def _send(self, name):
        target = self.rng.choice(self.scene.cluster.listeners("smtp"))
        with Client(target["host"], target["port"], local_hostname=HELLO, timeout=running.PATIENCE_SECONDS) as smtp:
            smtp.ehlo()
            code, text = smtp.send_one(self.scene.account["user"], message(name))
            if code != 250:
                raise smtplib.SMTPResponseException(code, text)


class Imaplib(Actor):
    """Changes flags, and moves messages, through one store after the other."""

    def act(self):
        names = self.ledger.mine(self.name, self.ledger.acknowledged)
        if names:
            name = self.rng.choice(names)
            if self.rng.random() < MOVE_SHARE and name not in self.ledger.mailbox:
                self.until_it_works(lambda: self._move(name))
                self.ledger.mailbox[name] = "Work"
            else:
                flag, on = self.rng.choice(CHANGED), self.rng.random() < 0.7
                self.until_it_works(lambda: self._store(name, flag, on))
                (self.ledger.flags[name].add if on else self.ledger.flags[name].discard)(flag)
        self.pause(CHANGE_PAUSE)

    def _session(self):
        store = self.rng.choice(self.scene.cluster.listeners("imaps"))["name"]
        return reading.login(self.scene.cluster, self.scene.account, store)

    @staticmethod
    def _find(imap, mailbox, name):
        must(imap.select(mailbox))
        return must(imap.uid("SEARCH", "HEADER", "Message-ID", f"<{name}@"))[0].split()

    def _store(self, name, flag, on):
        with self._session() as imap:
            uids = self._find(imap, self.ledger.mailbox.get(name, "INBOX"), name)
            answer = must(imap.uid("STORE", uids[0].decode(), "+FLAGS" if on else "-FLAGS", f"({flag})"))
            if answer == [None]:
                raise imaplib.IMAP4.error(f"{name} has no flags")

    def _move(self, name):
        with self._session() as imap:
            for uid in self._find(imap, "INBOX", name):
                must(imap.uid("MOVE", uid.decode(), "Work"))


def must(answer):
    status, data = answer
    if status != "OK":
        raise imaplib.IMAP4.error(f"{status} {data}")
    return data


class User(Actor):
    """Changes the Maildir of one program, and runs it."""

    def __init__(self, client, scene):
        super().__init__(client.program, scene)
        self.client = client
        self.failed = 0

    def act(self):
        inbox = self.client.maildir("INBOX")
        mine = self.ledger.mine(self.name, {one.name for one in inbox.entries()} & self.ledger.acknowledged)
        for name in self.rng.sample(mine, min(CHANGES_PER_SYNC, len(mine))):
            self._change(inbox, name)
        if not self.client.sync():
            self.failed += 1
        self.pause(CHANGE_PAUSE)

    def _change(self, inbox, name):
        if self.rng.random() < REMOVAL_SHARE:
            inbox.remove(name)
            self.ledger.removed.add(name)
            return
        flag, on = self.rng.choice(CHANGED), self.rng.random() < 0.7
        inbox.set_flag(name, LETTERS[flag], on)
        (self.ledger.flags[name].add if on else self.ledger.flags[name].discard)(flag)


class Scene:
    """A cluster of three stores, an account with two mailboxes, and a program at each store."""

    def __init__(self, cluster, folder, seed):
        self.cluster, self.seed = cluster, seed
        self.account = cluster.accounts[0]
        self.stop = threading.Event()
        stores = [one["name"] for one in cluster.listeners("imaps")]
        self.clients = [kind(folder, cluster, self.account, stores[n % len(stores)]) for n, kind in enumerate(CLIENTS)]
        self.ledger = Ledger(["imaplib"] + [one.program for one in self.clients])
        with reading.login(cluster, self.account) as imap:
            must(imap.create("Work"))

    def disturb(self, seconds, log):
        """All at once, and a new leader again and again."""
        actors = [Deliverer("smtp", self), Imaplib("imaplib", self)] + [User(one, self) for one in self.clients]
        for one in actors:
            one.start()
        try:
            end, kills = time.monotonic() + seconds, 0
            while time.monotonic() < end or kills < 2:
                self._wait_a_round(actors)
                self._change_leader(signal.SIGTERM if kills % 2 else signal.SIGKILL, log)
                kills += 1
            self._wait_a_round(actors)
        finally:
            self.stop.set()
            for one in actors:
                one.join()
        for one in actors:
            if one.failure:
                raise one.failure
        log(f"{len(self.ledger.acknowledged)} messages, {len(self.ledger.removed)} removed, "
            f"{len(self.ledger.mailbox)} moved, {kills} new leaders; "
            + ", ".join(f"{one.name} ran {one.rounds} times" + (f", {one.failed} failed" if isinstance(one, User) else "")
                        for one in actors))

    @staticmethod
    def _wait_a_round(actors):
        """Until each has done something since, however slow it is."""
        goals = {one: one.rounds + 1 for one in actors}
        while any(one.rounds < goal and one.is_alive() for one, goal in goals.items()):
            time.sleep(0.05)

    def _change_leader(self, number, log):
        leader = self.cluster.leader_of(self.account["user"])
        log(f"{signal.Signals(number).name} to {leader}")
        self.cluster.kill(leader, number)
        self.cluster.processes[leader].child.wait(running.PATIENCE_SECONDS)
        self.cluster.restart(leader)
        self.cluster.wait_ready()

    def wait_for_calm(self):
        """Until leaders have stayed where they are for a while: after a restart they are spread again."""
        leaders, since = None, time.monotonic()
        end = since + running.PATIENCE_SECONDS
        while time.monotonic() < since + CALM_SECONDS:
            now = [(one["shard"], one["leader"]) for one in self.cluster.status()["shards"]]
            if now != leaders:
                leaders, since = now, time.monotonic()
            if time.monotonic() > end:
                raise AssertionError(f"leaders never rest: {now}")
            time.sleep(0.1)

    def upload(self, when):
        """A new message in every Maildir. While leaders change a program cannot know whether an APPEND worked."""
        for one in self.clients:
            name = f"written-{one.program}-{when}"
            one.maildir("INBOX").add(name, message(name))
            self.ledger.acknowledged.add(name)
            self.ledger.flags[name].add(r"\Seen")
            one.must_sync()

    def settle(self):
        for _ in range(ROUNDS):
            for one in self.clients:
                one.must_sync()

    def of_client(self, client):
        return {one: client.maildir(one).content() for one in MAILBOXES}

    def of_store(self, store):
        return {one: self._mailbox(store, one) for one in MAILBOXES}

    def _mailbox(self, store, name):
        content = collections.Counter()
        with reading.login(self.cluster, self.account, store) as imap:
            must(imap.select(name, readonly=True))
            for item in must(imap.uid("FETCH", "1:*", "(FLAGS BODY.PEEK[])")):
                if isinstance(item, tuple):
                    flags = _FLAGS.search(item[0]).group(1).decode().split()
                    letters = "".join(sorted(LETTERS[one] for one in flags if one in LETTERS))
                    content[maildir.subject(item[1]), letters, maildir.canonical(item[1])] += 1
        return content


def run(seed, seconds, log=print):
    """Returns the faults."""
    # Not below a home, where the user nobody may not look.
    with running.running(stores=3) as cluster, tempfile.TemporaryDirectory(prefix="sync-", dir="/tmp") as folder:
        os.chmod(folder, 0o711)
        scene = Scene(cluster, folder, seed)
        for one in scene.clients:
            one.must_sync()
        scene.upload("before")
        scene.disturb(seconds, log)
        scene.wait_for_calm()
        scene.upload("after")
        scene.settle()
        contents = {one.program: scene.of_client(one) for one in scene.clients}
        contents.update((one["name"], scene.of_store(one["name"])) for one in cluster.listeners("imaps"))
        found = [f"{who}: {fault}" for who, content in contents.items() for fault in scene.ledger.faults(content)]
        first = contents["store1"]
        for who, content in contents.items():
            for mailbox in MAILBOXES:
                differing = {one[:2] for one in (content[mailbox] - first[mailbox]) + (first[mailbox] - content[mailbox])}
                if differing:
                    found.append(f"{who} differs from store1 in {mailbox}: {sorted(differing)[:10]}")
        if found:
            raise AssertionError("\n".join(found[:30]))


class SyncTest(unittest.TestCase):

    def test_programs_at_three_stores_agree_in_the_end_on_every_message_and_flag(self):
        run(SEED, SECONDS)


class LedgerTest(unittest.TestCase):
    """What it must not let pass."""

    def test_messages_lost_doubled_back_elsewhere_and_flags_that_are_not_their_owners(self):
        ledger = Ledger(["imaplib"])
        ledger.acknowledged |= {"kept", "removed", "moved"}
        ledger.uncertain |= {"perhaps"}
        ledger.removed.add("removed")
        ledger.flags["kept"].add(r"\Flagged")
        ledger.mailbox["moved"] = "Work"

        def right(inbox, work=("moved",)):
            content = {"INBOX": collections.Counter((name, flags, b"") for name, flags in inbox),
                       "Work": collections.Counter((name, "", b"") for name in work)}
            return not ledger.faults(content)

        self.assertTrue(right([("kept", "F")]))
        self.assertTrue(right([("kept", "F"), ("perhaps", "")]))
        self.assertFalse(right([]))
        self.assertFalse(right([("kept", "")]))
        self.assertFalse(right([("kept", "FS")]))
        self.assertFalse(right([("kept", "F"), ("kept", "F")]))
        self.assertFalse(right([("kept", "F"), ("removed", "")]))
        self.assertFalse(right([("kept", "F"), ("unknown", "")]))
        self.assertFalse(right([("kept", "F"), ("moved", "")]))
        self.assertFalse(right([("kept", "F")], work=()))


def main():
    parser = argparse.ArgumentParser(prog="python3 -m tests.interop.sync_test")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=random.randrange(10**9))
    args = parser.parse_args()
    print(f"seed {args.seed}", flush=True)
    run(args.seed, args.seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
