"""Readers that look into the INBOXes through every store while mail comes in, and note what they were shown, for history.py."""

import hashlib
import imaplib
import random
import re
import threading
import time
import warnings

from tests.e2e import reading
from tests.e2e.history import NEVER, Arrival, FlagLook, FlagWrite, Look

# Without an answer for so long a reader gives a session up and goes to another store.
ANSWER_SECONDS = 15
NOOPS_PER_SESSION = 10
PAUSE_SECONDS = (0.0, 0.2)
# Of an account; each look reads all of them.
FLAGGED_MAX = 20
FLAG_SHARE = 0.05
APPEND_SHARE = 0.03
SEARCH_SHARE = 0.1

_FLAGS = re.compile(rb"UID (\d+) FLAGS \(([^)]*)\)|FLAGS \(([^)]*)\) UID (\d+)")


class Watched:
    """What all readers of one account noted. Thread-safe by the interpreter's lock on lists."""

    def __init__(self, account):
        self.account = account
        self.looks, self.flag_writes, self.flag_looks, self.appended = [], [], [], []
        self.flagged = {}  # by UID: whose attempt it is


class Watcher(threading.Thread):
    """One reader of one account: a session at one store after the other."""

    def __init__(self, cluster, watched, seed, number, stop):
        super().__init__(name=f"watcher-{watched.account['user']}-{number}")
        self.cluster, self.watched, self.stop = cluster, watched, stop
        self.rng = random.Random(f"{seed}.{self.name}")
        self.stores = [one["name"] for one in cluster.listeners("imaps")]
        self.appends = 0

    def run(self):
        while not self.stop.is_set():
            try:
                store = self.rng.choice(self.stores)
                with reading.login(self.cluster, self.watched.account, store, ANSWER_SECONDS) as imap:
                    self._session(imap, store)
            except (imaplib.IMAP4.error, OSError):
                self.stop.wait(self.rng.uniform(*PAUSE_SECONDS))

    def _session(self, imap, store):
        begun = time.monotonic()
        status, answer = imap.select("INBOX", readonly=False)
        if status != "OK":
            return
        validity = int(imap.response("UIDVALIDITY")[1][0])
        count = int(answer[0])
        self.watched.looks.append(Look(store, begun, time.monotonic(), count, validity))
        for _ in range(NOOPS_PER_SESSION):
            if self.stop.wait(self.rng.uniform(*PAUSE_SECONDS)):
                return
            begun = time.monotonic()
            if imap.noop()[0] != "OK":
                return
            count = int(imap.untagged_responses.pop("EXISTS", [count])[-1])
            ended, uids = time.monotonic(), None
            if self.rng.random() < SEARCH_SHARE:
                uids = self._uids(imap)
            self.watched.looks.append(Look(store, begun, ended, count, validity, uids))
            self._look_at_flags(imap, store, begun)
            self._change(imap, uids)

    @staticmethod
    def _uids(imap):
        status, answer = imap.uid("SEARCH", "ALL")
        return tuple(map(int, answer[0].split())) if status == "OK" and answer[0] is not None else None

    def _look_at_flags(self, imap, store, begun):
        uids = sorted(self.watched.flagged)
        if not uids:
            return
        status, answer = imap.uid("FETCH", ",".join(map(str, uids)), "(FLAGS)")
        ended = time.monotonic()
        if status != "OK":
            return
        for item in filter(None, answer):
            match = _FLAGS.search(item)
            if match:
                uid, flags = int(match[1] or match[4]), match[2] or match[3] or b""
                if uid in self.watched.flagged:
                    self.watched.flag_looks.append(FlagLook(store, uid, begun, ended, rb"\Flagged" in flags))

    def _change(self, imap, uids):
        if uids and len(self.watched.flagged) < FLAGGED_MAX and self.rng.random() < FLAG_SHARE / SEARCH_SHARE:
            self._flag(imap, self.rng.choice(uids))
        if self.rng.random() < APPEND_SHARE:
            self._append(imap)

    def _flag(self, imap, uid):
        mine = object()
        if self.watched.flagged.setdefault(uid, mine) is not mine:
            return  # Each is flagged once.
        begun, ended = time.monotonic(), NEVER
        try:
            if imap.uid("STORE", str(uid), "+FLAGS", r"(\Flagged)")[0] == "OK":
                ended = time.monotonic()
        finally:
            self.watched.flag_writes.append(FlagWrite(uid, begun, ended))

    def _append(self, imap):
        self.appends += 1
        name = f"{self.name}-append-{self.appends}"
        octets = f"Subject: {name}\r\n\r\nappended\r\n".encode()
        begun, ended = time.monotonic(), NEVER
        try:
            if imap.append("INBOX", None, None, octets)[0] == "OK":
                ended = time.monotonic()
        finally:
            self.watched.appended.append(Arrival(name, hashlib.sha256(octets).digest(), begun, ended))


class Watch:
    """Several readers of every account at once."""

    def __init__(self, cluster, seed, readers):
        self._stop = threading.Event()
        self.watched = {one["user"]: Watched(one) for one in cluster.accounts}
        self._readers = [Watcher(cluster, one, seed, number, self._stop)
                         for one in self.watched.values() for number in range(readers)]

    def __enter__(self):
        # imaplib leaves a socket to the garbage collector when there is nobody to greet it.
        warnings.simplefilter("ignore", ResourceWarning)
        for one in self._readers:
            one.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for one in self._readers:
            one.join()

    def summary(self):
        all_of = self.watched.values()
        return (f"{sum(len(one.looks) for one in all_of)} looks, {sum(len(one.appended) for one in all_of)} APPENDs, "
                f"{sum(len(one.flag_writes) for one in all_of)} flags set and "
                f"{sum(len(one.flag_looks) for one in all_of)} looked at")
