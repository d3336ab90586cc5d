"""Several sessions at three stores change one mailbox at once, while mail comes in and leaders change.

    bazel test //tests/e2e:shared_mailbox_test                         half a minute
    python3 -m tests.e2e.shared_mailbox_test --seconds 600             more of it, another seed each time

STORE by number and by UID, UID EXPUNGE, MOVE, COPY, APPEND, IDLE. Each session holds what it is told to the rules of the protocol
(imap_wire.py); shared_mailbox.py judges what all of them saw together.
"""

import argparse
import contextlib
import random
import re
import signal
import smtplib
import sys
import threading
import time
import unittest

from tests.e2e import imap_wire, running
from tests.e2e.exact_client import HELLO, Client
from tests.e2e.shared_mailbox import NEVER, History, Look, Removal, Sight, Write, register_faults

SEED = 20261123
SECONDS = 20
SESSIONS = 6
MESSAGES_MAX = 60
COMMANDS_PER_SESSION = 60
PAUSE_SECONDS = (0.0, 0.05)
DELIVERY_PAUSE = (0.05, 0.3)
# What happens to leaders, in turn.
KINDS = (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM)
STILL_SECONDS = 1.5
STALE_READS = {"store": {"test": {"read_without_round": True}}}
PLANTED_TRIES = 10
HERE, ELSEWHERE = "INBOX", "Elsewhere"

_SUBJECT = re.compile(rb"(?mi)^Subject: (\S+)\r$")
_ALL = "(UID FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])"


def message(name):
    return f"Subject: {name}\r\n\r\nshared\r\n".encode()


def subject(header):
    return _SUBJECT.search(header).group(1).decode()


def copied_uid(code):
    """The UID of the only copy, if the response code names one."""
    return int(code.split()[-1]) if code.startswith(b"COPYUID ") else None


def connect(scene, store, on_response):
    listener = next(one for one in scene.cluster.listeners("imaps") if one["name"] == store)
    return imap_wire.Wire(listener, scene.cluster.tls(), scene.account, on_response)


class Session(threading.Thread):
    """One client: at one store after the other. Its keyword is its own."""

    def __init__(self, scene, number):
        super().__init__(name=f"S{number}")
        self.scene, self.history = scene, scene.history
        self.rng = random.Random(f"{scene.seed}.{number}")
        self.keyword = f"$S{number}"
        # UIDs of which it does not know whether its last STORE was done: it leaves those alone.
        self.unsure = set()
        self.set_on = set()
        self.appends = self.commands = self.sessions = 0
        self.moved_to = None
        self.failure = None

    def run(self):
        while not self.scene.stop.is_set():
            try:
                self._session()
            except imap_wire.Gone:
                self.scene.stop.wait(self.rng.uniform(0, 0.2))
            except Exception as error:  # Told by the test, which has no other way to see it.
                self.failure = error
                return

    # -- what is told ------------------------------------------------------------------------

    def _take(self, command, response):
        if response.text.startswith(b"OK [COPYUID "):  # Of MOVE, RFC 6851 s4.3.
            self.moved_to = copied_uid(response.text[4:response.text.index(b"]")])
        fetched = self.view.take(command, response)
        if fetched is None or fetched.uid is None:
            return
        if fetched.literal is not None:
            self.history.name(fetched.uid, subject(fetched.literal))
        if fetched.flags is not None:
            self.history.look(fetched.uid, fetched.flags, self.scene.keywords, self.barrier, time.monotonic(),
                              f"{self.name} at {self.store} during {command.decode()}")

    def _session(self):
        self.store = self.rng.choice(self.scene.stores)
        self.view = imap_wire.View()
        self.barrier = time.monotonic()
        with connect(self.scene, self.store, lambda command, response: self._take(command, response)) as self.wire:
            self.sessions += 1
            self._barrier(f"SELECT {HERE}")
            if self.view.uid_validity != self.scene.uid_validity:
                raise imap_wire.Illegal(f"UIDVALIDITY is {self.view.uid_validity} at {self.store}")
            for _ in range(COMMANDS_PER_SESSION):
                if self.scene.stop.wait(self.rng.uniform(*PAUSE_SECONDS)):
                    return
                self.commands += 1
                self._act()

    def _barrier(self, command):
        """After this the session knows all that was told OK to anybody before."""
        begun = time.monotonic()
        answer = self.wire.command(command)
        if answer.status != b"OK":
            raise imap_wire.Gone(f"{command}: {answer}")
        self.barrier = begun

    # -- what is done ------------------------------------------------------------------------

    def _act(self):
        choices = [(self._look, 4), (self._look_by_number, 2), (self._store, 6), (self._append, 1), (self._copy, 1),
                   (self._move, 1), (self._expunge, 1), (self._idle, 1), (self._search, 1), (self._think, 1)]
        action = self.rng.choices([one for one, _ in choices], [weight for _, weight in choices])[0]
        action()

    def _look(self):
        self._barrier("NOOP")
        self.wire.command(f"UID FETCH 1:* {_ALL}")

    def _look_by_number(self):
        self._barrier("NOOP")
        if self.view.uids:
            first = self.rng.randint(1, len(self.view.uids))
            self.wire.command(f"FETCH {first}:{len(self.view.uids)} (UID FLAGS)")

    def _idle(self):
        self.wire.idle(lambda: self.scene.stop.wait(self.rng.uniform(0, 0.3)))

    def _think(self):
        """Long enough to ask a leader that stood still meanwhile, and is none any more."""
        self.scene.stop.wait(self.rng.uniform(0, STILL_SECONDS))
        self._look()

    def _search(self):
        self.wire.command(f"UID SEARCH KEYWORD {self.keyword}")

    def _pick(self):
        """(number, UID) of a message that this session was told of, or nothing."""
        known = [(n, uid) for n, uid in enumerate(self.view.uids, 1) if uid is not None]
        return self.rng.choice(known) if known else (None, None)

    def _store(self):
        number, uid = self._pick()
        if uid is None or uid in self.unsure:
            return
        on = uid not in self.set_on
        which = f"STORE {number}" if self.rng.random() < 0.5 else f"UID STORE {uid}"
        silent = ".SILENT" if self.rng.random() < 0.3 else ""
        begun, ended = time.monotonic(), NEVER
        writes = self.history.writes[uid, self.keyword]
        # In the list before anybody can see it; what never ends is the last of this writer.
        writes.append(Write(begun, NEVER, on))
        self.unsure.add(uid)
        if self.wire.command(f"{which} {'+' if on else '-'}FLAGS{silent} ({self.keyword})").status == b"OK":
            ended = time.monotonic()
            writes[-1] = Write(begun, ended, on)
            self.unsure.discard(uid)
            (self.set_on.add if on else self.set_on.discard)(uid)

    def _append(self):
        if len(self.view.uids) >= MESSAGES_MAX:
            return
        self.appends += 1
        name = f"{self.name}-appended-{self.appends}"
        self.history.added[name] = False
        answer = self.wire.command(f"APPEND {HERE}", message(name))
        if answer.status == b"OK":
            self.history.added[name] = True
            self.history.name(int(answer.code.split()[-1]), name)

    def _name_of(self, uid):
        """The view knows UIDs before anybody has told their names."""
        if uid not in self.history.names:
            self.wire.command(f"UID FETCH {uid} {_ALL}")
        return self.history.names.get(uid)

    def _copy(self):
        number, uid = self._pick()
        if uid is None or (name := self._name_of(uid)) is None or self.view.uids[number - 1:number] != [uid]:
            return
        attempt, begun = object(), time.monotonic()
        self.history.copies[name][attempt] = False
        answer = self.wire.command(f"COPY {number} {ELSEWHERE}")
        copied = copied_uid(answer.code)
        if answer.status == b"OK" and copied:
            self.history.copies[name][attempt] = True
            self.history.copied_uids[copied] = uid, begun, time.monotonic()
        elif answer.status == b"OK":
            del self.history.copies[name][attempt]  # Somebody had removed the message.

    def _remove(self, uid, moved, action):
        begun = time.monotonic()
        removals = self.history.removals[uid]
        removals.append(Removal(begun, NEVER, moved))
        answer = action()
        if answer.status == b"OK":
            # Also what somebody else had removed is gone by now; the lists are short, and each entry is its thread's own.
            removals.append(Removal(begun, time.monotonic(), moved))
        return answer

    def _move(self):
        _, uid = self._pick()
        if uid is None or self._name_of(uid) is None:
            return
        begun, self.moved_to = time.monotonic(), None
        self._remove(uid, True, lambda: self.wire.command(f"UID MOVE {uid} {ELSEWHERE}"))
        if self.moved_to:
            self.history.copied_uids[self.moved_to] = uid, begun, time.monotonic()

    def _expunge(self):
        _, uid = self._pick()
        if uid is None or self._name_of(uid) is None:
            return

        def expunge():
            answer = self.wire.command(f"UID STORE {uid} +FLAGS.SILENT (\\Deleted)")
            return self.wire.command(f"UID EXPUNGE {uid}") if answer.status == b"OK" else answer

        self._remove(uid, False, expunge)


class Deliverer(threading.Thread):
    """An MTA: what is uncertain goes again, through either MX."""

    def __init__(self, scene):
        super().__init__(name="smtp")
        self.scene, self.rng = scene, random.Random(f"{scene.seed}.smtp")
        self.failure = None

    def run(self):
        number = 0
        while not self.scene.stop.wait(self.rng.uniform(*DELIVERY_PAUSE)):
            number += 1
            self._deliver(f"delivered-{number}")

    def _deliver(self, name):
        self.scene.history.added[name] = False
        while not self.scene.stop.is_set():
            target = self.rng.choice(self.scene.cluster.listeners("smtp"))
            with contextlib.suppress(OSError, smtplib.SMTPException), \
                    Client(target["host"], target["port"], local_hostname=HELLO, timeout=60) as smtp:
                smtp.ehlo()
                if smtp.send_one(self.scene.account["user"], message(name))[0] == 250:
                    self.scene.history.added[name] = True
                    return
            time.sleep(0.05)


class Scene:

    def __init__(self, cluster, seed):
        self.cluster, self.seed = cluster, seed
        self.account = cluster.accounts[0]
        self.stores = [one["name"] for one in cluster.listeners("imaps")]
        self.stop = threading.Event()
        self.history = History()
        self.sessions = [Session(self, n) for n in range(SESSIONS)]
        self.keywords = [one.keyword for one in self.sessions]
        view = imap_wire.View()
        with connect(self, self.stores[0], view.take) as wire:
            wire.command(f"CREATE {ELSEWHERE}")
            wire.command(f"SELECT {HERE}")
        self.uid_validity = view.uid_validity

    def disturb(self, seconds, log, kinds=KINDS):
        threads = [*self.sessions, Deliverer(self)]
        for one in threads:
            one.start()
        changes, end = 0, time.monotonic() + seconds
        try:
            while time.monotonic() < end and not self.failure():
                self._wait_for_commands(SESSIONS * 20)
                self._lose_leader(kinds[changes % len(kinds)], log)
                changes += 1
        finally:
            self.stop.set()
            for one in threads:
                one.join()
        if self.failure():
            raise self.failure()
        log(f"{sum(one.commands for one in self.sessions)} commands in {sum(one.sessions for one in self.sessions)} "
            f"sessions, {sum(map(len, self.history.writes.values()))} writes, "
            f"{sum(map(len, self.history.looks.values()))} looks, {len(self.history.removals)} removed, "
            f"{len(self.history.copied_uids)} copied or moved, {changes} new leaders")

    def _lose_leader(self, number, log):
        """It dies, hands over and ends, or stands still until there is another, and then answers what it was asked meanwhile."""
        leader = self.cluster.leader_of(self.account["user"])
        log(f"{signal.Signals(number).name} to {leader}")
        self.cluster.kill(leader, number)
        if number == signal.SIGSTOP:
            time.sleep(STILL_SECONDS)
            self.cluster.kill(leader, signal.SIGCONT)
            return
        self.cluster.processes[leader].child.wait(running.PATIENCE_SECONDS)
        self._wait_for_commands(SESSIONS * 5)
        self.cluster.restart(leader)
        self.cluster.wait_ready()

    def failure(self):
        return next((one.failure for one in self.sessions if one.failure), None)

    def _wait_for_commands(self, count):
        goal = sum(one.commands for one in self.sessions) + count
        while sum(one.commands for one in self.sessions) < goal and not self.failure():
            time.sleep(0.02)

    def content(self, name):
        """{store: {uid: (name, flags)}}"""
        return {store: self._content(store, name) for store in self.stores}

    def _content(self, store, name):
        """Asks again while a shard changes its leader."""
        end = time.monotonic() + running.PATIENCE_SECONDS
        while True:
            try:
                return self._read(store, name)
            except imap_wire.Gone:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)

    def _read(self, store, name):
        view, found = imap_wire.View(), {}

        def take(command, response):
            fetched = view.take(command, response)
            if fetched:
                found[fetched.uid] = subject(fetched.literal), fetched.flags - {"\\Recent"}

        with connect(self, store, take) as wire:
            for command in (f"EXAMINE {name}", f"UID FETCH 1:* {_ALL}"):
                answer = wire.command(command)
                if answer.status != b"OK":
                    raise imap_wire.Gone(f"{command} at {store}: {answer}")
        if len(found) != len(view.uids):
            raise AssertionError(f"{store} shows {len(view.uids)} messages in {name} and gives {len(found)}")
        return found


def faults(seed, seconds, settings=None, kinds=KINDS, log=print):
    with running.running(settings, stores=3) as cluster:
        scene = Scene(cluster, seed)
        scene.disturb(seconds, log, kinds)
        return scene.history.faults(scene.content(HERE), scene.content(ELSEWHERE))


def run(seed, seconds):
    found = faults(seed, seconds)
    if found:
        raise AssertionError("\n".join(found[:30]))


class SharedMailboxTest(unittest.TestCase):

    def test_every_view_is_legal_and_no_flag_is_lost_while_leaders_change(self):
        run(SEED, SECONDS)

    def test_stores_that_read_without_asking_a_majority_are_caught(self):
        for attempt in range(PLANTED_TRIES):
            found = faults(SEED + attempt, SECONDS, STALE_READS, [signal.SIGSTOP])
            if found:
                print(f"attempt {attempt + 1}: {found[0]}", file=sys.stderr)
                return
        self.fail("nothing stale was seen")


class JudgeTest(unittest.TestCase):
    """What it must not let pass."""

    def check(self, looks, right, writes=(Write(1, 2, True), Write(5, 6, False))):
        self.assertEqual(not register_faults(list(writes), [Look(*one, "S") for one in looks], ""), right, looks)

    def test_a_flag_that_was_told_ok_is_seen_by_every_later_look(self):
        self.check([(3, 4, True)], True)
        self.check([(3, 4, False)], False)
        self.check([(7, 8, True)], False)

    def test_a_look_beside_a_write_sees_either_and_the_next_one_no_less(self):
        for value in (False, True):
            self.check([(1.2, 1.8, value)], True)
        self.check([(1.1, 1.2, True), (1.3, 1.4, False)], False)
        self.check([(1.1, 1.2, False), (1.3, 1.4, True)], True)

    def test_a_write_that_was_not_answered_happens_at_any_time_or_never_but_once(self):
        unanswered = [Write(1, NEVER, True)]
        self.check([(2, 3, False), (9, 9, False)], True, unanswered)
        self.check([(2, 3, False), (9, 9, True)], True, unanswered)
        self.check([(2, 3, True), (9, 9, False)], False, unanswered)

    def test_messages_are_neither_lost_nor_back_nor_doubled(self):
        def faults(here, elsewhere=None, removals=(), copies=()):
            history = History()
            history.added["m"] = True
            history.name(1, "m")
            history.removals[1] += removals
            history.copies["m"].update((object(), one) for one in copies)
            both = [{"store1": {uid: ("m", frozenset()) for uid in one}} for one in (here, elsewhere or [])]
            return history.faults(*both)

        gone, moved = [Removal(1, 2, False)], [Removal(1, 2, True)]
        self.assertEqual(faults([1]), [])
        self.assertTrue(faults([]))
        self.assertTrue(faults([1, 2]))
        self.assertTrue(faults([1], [7]))
        self.assertEqual(faults([1], [7], copies=[True]), [])
        self.assertTrue(faults([1], [], copies=[True]))
        self.assertEqual(faults([], [], gone), [])
        self.assertTrue(faults([1], [], gone))
        self.assertEqual(faults([], [7], moved), [])
        self.assertTrue(faults([], [], moved))
        self.assertTrue(faults([], [7, 8], moved))

    def test_a_removed_message_is_shown_no_more(self):
        history = History()
        history.added["m"] = True
        history.name(1, "m")
        history.removals[1].append(Removal(1, 2, False))
        history.sights[1].append(Sight(1.5, "S"))
        self.assertEqual(history.faults({"store1": {}}, {"store1": {}}), [])
        history.sights[1].append(Sight(2.5, "S"))
        self.assertTrue(history.faults({"store1": {}}, {"store1": {}}))


class ViewTest(unittest.TestCase):
    """What a session must not be shown."""

    def check(self, right, *responses):
        view = imap_wire.View()
        try:
            for command, text in responses:
                view.take(command, imap_wire.Response(text, []))
        except imap_wire.Illegal:
            self.assertFalse(right, responses)
        else:
            self.assertTrue(right, responses)

    def test_rules_of_views(self):
        three = (b"SELECT", b"3 EXISTS")
        uids = [(b"FETCH", b"%d FETCH (UID %d)" % (n, 10 * n)) for n in (1, 2, 3)]
        self.check(True, three, *uids, (b"NOOP", b"1 EXPUNGE"), (b"NOOP", b"3 EXISTS"), (b"FETCH", b"3 FETCH (UID 40)"))
        self.check(False, three, (b"NOOP", b"2 EXISTS"))
        self.check(False, three, (b"NOOP", b"4 EXPUNGE"))
        for command in imap_wire.KEEP_NUMBERS:
            self.check(False, three, (command, b"1 EXPUNGE"))
            self.check(True, three, (b"UID " + command, b"1 EXPUNGE"))
        self.check(False, three, (b"", b"1 EXPUNGE"))
        self.check(False, three, *uids, (b"FETCH", b"1 FETCH (UID 20)"))
        self.check(False, three, *uids, (b"NOOP", b"4 EXISTS"), (b"FETCH", b"4 FETCH (UID 29)"))
        self.check(False, three, *uids, (b"NOOP", b"3 EXPUNGE"), (b"NOOP", b"3 EXISTS"), (b"FETCH", b"3 FETCH (UID 30)"))
        self.check(False, three, *uids, (b"NOOP", b"3 EXPUNGE"), (b"NOOP", b"3 EXISTS"), (b"FETCH", b"3 FETCH (UID 25)"))
        self.check(False, three, *uids[:1], (b"FETCH", b"2 FETCH (UID 9)"))
        self.check(False, three, (b"FETCH", b"4 FETCH (FLAGS ())"))
        self.check(False, three, (b"FETCH", b"1 FETCH (UID 1 MODSEQ (9))"), (b"FETCH", b"1 FETCH (MODSEQ (8))"))


def main():
    parser = argparse.ArgumentParser(prog="python3 -m tests.e2e.shared_mailbox_test")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=random.randrange(10**9))
    args = parser.parse_args()
    print(f"seed {args.seed}", flush=True)
    run(args.seed, args.seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
