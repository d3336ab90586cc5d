"""Judges what senders and readers saw of one mailbox: pure functions over records, without a cluster.

Senders note for each message when it was first complete and when they were told 250; readers note what they saw, through which
store, from when to when. Nothing is expunged meanwhile, so a mailbox is a list that only grows, and every look sees a beginning
of it. The rules (SEMANTICS.md s1 to s4):

- what was answered 250 is there once; what was not, at most once; nothing else is there;
- every store shows the same in the end; UIDs ascend; UIDVALIDITY stays;
- the history is linearizable: there is one order of all arrivals and looks that agrees with the UIDs, with what each look saw,
  and with the clock. This holds the order of messages (A's 250 came before B's end of data was sent: A's UID is lower) and of
  reads (what anybody was told is seen by the next look through any store).

Times are of one clock, in seconds; an operation that never ended ends at NEVER.
"""

import collections
import dataclasses
import itertools
import math

NEVER = math.inf
# Faults of one kind that are told.
_TOLD = 10


@dataclasses.dataclass(frozen=True)
class Arrival:
    """One message to the mailbox. `begun`: just before its end of data was sent for the first time."""
    name: str
    digest: bytes
    begun: float
    acknowledged: float = NEVER
    tries: int = 1


@dataclasses.dataclass(frozen=True)
class Look:
    """What a session was shown after SELECT or NOOP: so many messages; their UIDs, if it asked."""
    store: str
    begun: float
    ended: float
    count: int
    uid_validity: int
    uids: tuple = None


@dataclasses.dataclass(frozen=True)
class Content:
    """All of the mailbox through one store, after the load: (UID, digest) in the order of the server."""
    store: str
    uid_validity: int
    messages: tuple


@dataclasses.dataclass(frozen=True)
class FlagWrite:
    """A flag was set on a message that did not have it; `ended` is when OK was read."""
    uid: int
    begun: float
    ended: float = NEVER


@dataclasses.dataclass(frozen=True)
class FlagLook:
    store: str
    uid: int
    begun: float
    ended: float
    seen: bool


@dataclasses.dataclass(frozen=True)
class Operation:
    """Something that took effect at one moment between `begun` and `ended`, before everything of a higher position."""
    position: int
    begun: float
    ended: float
    what: str


def contradictions(operations):
    """Pairs of which the later in position had ended before the earlier began: (earlier, later).

    There is an order that agrees with positions and clock exactly if there is no such pair. For each operation the one before it
    that began last is looked at.
    """
    found, lower = [], []
    for _, group in itertools.groupby(sorted(operations, key=_position), _position):
        group = list(group)
        for last in lower:
            found += [(last, one) for one in group if one.ended < last.begun]
        lower = [max(lower + group, key=lambda one: one.begun)]
    return found


def _position(operation):
    return operation.position


def faults(arrivals, looks, contents, flag_writes=(), flag_looks=()):
    """What is wrong, one line per fault."""
    found = _content_faults(arrivals, contents)
    found += _uid_validity_faults(looks, contents)
    if not contents:
        return found
    found += _look_faults(looks, contents[0])
    found += _order_faults(arrivals, looks, contents[0])
    found += _flag_faults(flag_writes, flag_looks)
    return found


def _some(lines):
    more = [f"... and {len(lines) - _TOLD} more such"] if len(lines) > _TOLD else []
    return lines[:_TOLD] + more


def _content_faults(arrivals, contents):
    found = []
    for content in contents:
        uids = [uid for uid, _ in content.messages]
        descents = [(a, b) for a, b in zip(uids, uids[1:]) if a >= b]
        found += [f"{content.store}: UID {a} is followed by {b}" for a, b in descents[:_TOLD]]
        found += _some([f"{content.store}: {one}" for one in _count_faults(arrivals, content)])
        if content.messages != contents[0].messages:
            found.append(f"{content.store} shows another mailbox ({len(content.messages)} messages) than "
                         f"{contents[0].store} ({len(contents[0].messages)})")
    return found


def _count_faults(arrivals, content):
    found = []
    copies = collections.Counter(digest for _, digest in content.messages)
    for one in arrivals:
        count = copies.pop(one.digest, 0)
        if count > 1:
            found.append(f"{one.name} is there {count} times ({one.tries} tries)")
        if count == 0 and one.acknowledged != NEVER:
            found.append(f"{one.name} was answered 250 and is lost ({one.tries} tries)")
    return found + [f"{count} of what nobody sent: {digest.hex()}" for digest, count in copies.items()]


def _uid_validity_faults(looks, contents):
    seen = collections.defaultdict(set)
    for one in (*looks, *contents):
        seen[one.uid_validity].add(one.store)
    if len(seen) <= 1:
        return []
    return ["UIDVALIDITY changes: " + ", ".join(f"{value} at {sorted(stores)}" for value, stores in seen.items())]


def _look_faults(looks, content):
    """Looks that saw no beginning of the mailbox."""
    uids = tuple(uid for uid, _ in content.messages)
    found = []
    for one in looks:
        if one.count > len(uids):
            found.append(f"{one.store} showed {one.count} messages, of which {len(uids)} are left")
        elif one.uids is not None and one.uids != uids[:len(one.uids)]:
            at = next(n for n, (a, b) in enumerate(zip(one.uids, uids + (None,))) if a != b)
            found.append(f"{one.store} showed UID {one.uids[at]} as message {at + 1}, where UID {(uids + (None,))[at]} is")
    return _some(found)


def _order_faults(arrivals, looks, content):
    by_digest = {one.digest: one for one in arrivals}
    operations = []
    for place, (uid, digest) in enumerate(content.messages, 1):
        one = by_digest.get(digest)
        if one is not None:
            operations.append(Operation(2 * place, one.begun, one.acknowledged, f"arrival of {one.name} as UID {uid}"))
    for one in looks:
        operations.append(Operation(2 * one.count + 1, one.begun, one.ended,
                                    f"look at {one.count} messages through {one.store}"))
    return _some([_contradiction(*pair) for pair in contradictions(operations)])


def _flag_faults(writes, looks):
    found = []
    by_uid = collections.defaultdict(list)
    for one in writes:
        by_uid[one.uid].append(Operation(1, one.begun, one.ended, f"flag on UID {one.uid}"))
    written = set(by_uid)
    for one in looks:
        what = f"look at UID {one.uid} {'with' if one.seen else 'without'} the flag through {one.store}"
        if one.seen and one.uid not in written:
            found.append(f"{what}, which nobody set")
        by_uid[one.uid].append(Operation(2 if one.seen else 0, one.begun, one.ended, what))
    for operations in by_uid.values():
        found += [_contradiction(*pair) for pair in contradictions(operations)]
    return _some(found)


def _contradiction(earlier, later):
    return (f"{later.what} ended at {later.ended:.6f}, before {earlier.what} began at {earlier.begun:.6f}, "
            "yet must come after it")
