"""Judges what several sessions did to one mailbox and saw of it: a model of its own, without a cluster.

Every session has a keyword that it alone sets and removes, on any message. So each pair of message and keyword is a register with
one writer and many readers, and a history of it is linearizable if each look sees a write that is neither older than one that had
ended before, or than one that an earlier look saw, nor later than the look. Messages are followed by UID and by name: what was there
and nobody removed is there, what was removed is not, COPY adds one, MOVE none.

Times are of one clock, in seconds; what never ended ends at NEVER.
"""

import bisect
import collections
import dataclasses
import math

NEVER = math.inf
_TOLD = 10


@dataclasses.dataclass(frozen=True)
class Write:
    """A keyword was set or removed. `ended` is when OK was read."""
    begun: float
    ended: float
    value: bool


@dataclasses.dataclass(frozen=True)
class Look:
    begun: float
    ended: float
    value: bool
    where: str


@dataclasses.dataclass(frozen=True)
class Removal:
    """UID EXPUNGE, or MOVE, which has a copy elsewhere."""
    begun: float
    ended: float
    moved: bool


@dataclasses.dataclass(frozen=True)
class Sight:
    """A message was shown as one that is there, by a session whose last word from the others was sent after `begun`."""
    begun: float
    where: str


def register_faults(writes, looks, what):
    """`writes` in the order of their one writer; the register begins unset."""
    found, seen_ends, seen_places = [], [], []
    values = [False] + [one.value for one in writes]
    for look in sorted(looks, key=lambda one: one.begun):
        ended = [n for n, one in enumerate(writes, 1) if one.ended < look.begun]
        low = max(ended[-1:] + [0])
        at = bisect.bisect_left(seen_ends, look.begun)
        low = max([low] + seen_places[:at])
        high = sum(one.begun <= look.ended for one in writes)
        place = next((n for n in range(low, high + 1) if values[n] == look.value), None)
        if place is None:
            found.append(f"{what}: {look.where} showed it {'set' if look.value else 'not set'} from {look.begun:.6f} to "
                         f"{look.ended:.6f}, which it was in none of {values[low:high + 1]}")
            continue
        at = bisect.bisect_left(seen_ends, look.ended)
        seen_ends.insert(at, look.ended)
        seen_places.insert(at, place)
    return found


class History:
    """What the sessions noted. Each method is called by many threads; lists and dictionaries of Python bear that."""

    def __init__(self):
        self.writes = collections.defaultdict(list)  # (uid, keyword)
        self.looks = collections.defaultdict(list)
        self.removals = collections.defaultdict(list)  # uid
        self.sights = collections.defaultdict(list)  # uid: the last one of each session is enough, all are kept
        self.names = {}  # uid: name
        self.added = {}  # name: whether it was told OK or 250
        self.copies = collections.defaultdict(dict)  # name: {attempt: whether a COPY was told OK}
        self.copied_uids = {}  # uid in the other mailbox: (uid here, begun, ended)
        self.renamed = []

    def name(self, uid, name):
        if self.names.setdefault(uid, name) != name:
            self.renamed.append(f"UID {uid} was {self.names[uid]} and is {name}")

    def look(self, uid, flags, keywords, begun, ended, where):
        for keyword in keywords:
            self.looks[uid, keyword].append(Look(begun, ended, keyword in flags, where))
        self.sights[uid].append(Sight(begun, where))

    # -- judging -----------------------------------------------------------------------------

    def faults(self, here, elsewhere):
        """`here`, `elsewhere`: {store: {uid: (name, flags)}} of both mailboxes in the end."""
        found = list(self.renamed)
        for both in (here, elsewhere):
            first = next(iter(both))
            found += [f"{store} shows another mailbox than {first}: {_difference(content, both[first])}"
                      for store, content in both.items() if content != both[first]]
        here, elsewhere = next(iter(here.values())), next(iter(elsewhere.values()))
        self._note_what_was_moved(elsewhere)
        for (uid, keyword), looks in sorted(self.looks.items()):
            found += register_faults(self.writes.get((uid, keyword), []), looks, f"{keyword} of UID {uid}")
        return found + self._presence_faults(here) + self._count_faults(here, elsewhere)

    def _note_what_was_moved(self, elsewhere):
        """A copy has the flags that the message had when it was copied."""
        for uid, (source, begun, ended) in self.copied_uids.items():
            if uid in elsewhere:
                flags = elsewhere[uid][1]
                for (one, keyword) in list(self.writes):
                    if one == source:
                        self.looks[one, keyword].append(Look(begun, ended, keyword in flags, f"copy as UID {uid}"))

    def _presence_faults(self, here):
        found = []
        for uid, (name, _) in here.items():
            self.name(uid, name)
        for uid in sorted(set(self.names) | set(self.sights)):
            removals = self.removals.get(uid, [])
            gone = min((one.ended for one in removals), default=NEVER)
            if uid not in here and not removals:
                found.append(f"UID {uid} ({self.names.get(uid)}) is lost")
            if uid in here and gone != NEVER:
                found.append(f"UID {uid} ({self.names.get(uid)}) was removed and is there")
            found += [f"UID {uid} was removed at {gone:.6f} and shown by {one.where} after {one.begun:.6f}"
                      for one in self.sights.get(uid, []) if one.begun > gone][:1]
        return found[:_TOLD]

    def _count_faults(self, here, elsewhere):
        found = []
        counts = collections.Counter(name for name, _ in [*here.values(), *elsewhere.values()])
        expunged = collections.defaultdict(list)
        for uid, removals in self.removals.items():
            tried = [one for one in removals if not one.moved]
            if tried and uid in self.names:
                expunged[self.names[uid]].append(any(one.ended != NEVER for one in tried)
                                                 and not any(one.moved for one in removals))
        for name in sorted(set(self.added) | set(counts)):
            if name not in self.added:
                found.append(f"nobody sent {name}")
                continue
            copies, gone = self.copies.get(name, {}).values(), expunged.get(name, [])
            least = self.added[name] + sum(copies) - len(gone)
            most = 1 + len(copies) - sum(gone)
            if not least <= counts[name] <= most:
                found.append(f"{name} is there {counts[name]} times and not {least} to {most} times")
        return found[:_TOLD]


def _difference(one, other):
    return str(sorted(set(one.items()) ^ set(other.items()), key=str)[:4])
