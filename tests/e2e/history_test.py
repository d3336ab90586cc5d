"""The judge of histories accepts what is right, and rejects each kind of wrong."""

import itertools
import random
import unittest

from tests.e2e import history
from tests.e2e.history import NEVER, Arrival, Content, FlagLook, FlagWrite, Look, Operation

VALIDITY = 7


def arrival(name, begun, acknowledged=NEVER):
    return Arrival(name, name.encode(), begun, acknowledged)


def look(count, begun, ended, store="store1", uids=None, uid_validity=VALIDITY):
    return Look(store, begun, ended, count, uid_validity, uids)


def content(*names, store="store1", uids=None, uid_validity=VALIDITY):
    uids = uids or range(1, len(names) + 1)
    return Content(store, uid_validity, tuple((uid, name.encode()) for uid, name in zip(uids, names)))


class HistoryTest(unittest.TestCase):

    def accepts(self, *args, **kwargs):
        self.assertEqual(history.faults(*args, **kwargs), [])

    def rejects(self, pattern, *args, **kwargs):
        found = history.faults(*args, **kwargs)
        self.assertRegex("\n".join(found), pattern)

    def test_a_plain_history_is_accepted(self):
        self.accepts([arrival("a", 1, 2), arrival("b", 3, 4)], [look(0, 0, 0.5), look(1, 2.5, 2.6), look(2, 5, 6)],
                     [content("a", "b"), content("a", "b", store="store2")])

    def test_what_was_not_acknowledged_may_be_there_or_not(self):
        self.accepts([arrival("a", 1)], [], [content("a")])
        self.accepts([arrival("a", 1)], [], [content()])

    def test_a_lost_message_is_rejected(self):
        self.rejects("a was answered 250 and is lost", [arrival("a", 1, 2)], [], [content()])

    def test_a_message_that_one_store_lacks_is_rejected(self):
        self.rejects("store2: a was answered 250 and is lost", [arrival("a", 1, 2)], [],
                     [content("a"), content(store="store2")])

    def test_a_second_copy_is_rejected_acknowledged_or_not(self):
        for acknowledged in (2, NEVER):
            self.rejects("a is there 2 times", [arrival("a", 1, acknowledged)], [], [content("a", "a")])

    def test_a_message_that_nobody_sent_is_rejected(self):
        self.rejects("1 of what nobody sent", [], [], [content("a")])

    def test_uids_that_do_not_ascend_are_rejected(self):
        self.rejects("UID 5 is followed by 5", [arrival("a", 1), arrival("b", 1)], [], [content("a", "b", uids=[5, 5])])
        self.rejects("UID 5 is followed by 4", [arrival("a", 1), arrival("b", 1)], [], [content("a", "b", uids=[5, 4])])

    def test_stores_with_different_uids_are_rejected(self):
        self.rejects("store2 shows another mailbox", [arrival("a", 1, 2)], [],
                     [content("a", uids=[1]), content("a", uids=[2], store="store2")])

    def test_another_uidvalidity_is_rejected(self):
        self.rejects("UIDVALIDITY changes", [], [look(0, 1, 2, uid_validity=8)], [content()])
        self.rejects("UIDVALIDITY changes", [], [], [content(), content(store="store2", uid_validity=8)])

    def test_concurrent_messages_have_no_order(self):
        for names in itertools.permutations("ab"):
            self.accepts([arrival("a", 1, 3), arrival("b", 2, 4)], [], [content(*names)])

    def test_a_message_before_one_that_was_acknowledged_before_it_began_is_rejected(self):
        sent = [arrival("a", 1, 2), arrival("b", 3, 4)]
        self.accepts(sent, [], [content("a", "b")])
        self.rejects("arrival of a as UID 2 ended .* before arrival of b as UID 1 began", sent, [], [content("b", "a")])

    def test_the_order_of_messages_holds_also_for_one_that_was_never_acknowledged(self):
        self.rejects("before arrival of b", [arrival("a", 1, 2), arrival("b", 3)], [], [content("b", "a")])
        self.accepts([arrival("a", 1), arrival("b", 3, 4)], [], [content("b", "a")])

    def test_a_look_that_misses_what_was_acknowledged_before_is_rejected(self):
        self.accepts([arrival("a", 1, 2)], [look(0, 1.5, 3)], [content("a")])
        self.rejects("arrival of a as UID 1 ended at 2.0.* before look at 0 messages through store2",
                     [arrival("a", 1, 2)], [look(0, 2.5, 3, store="store2")], [content("a")])

    def test_a_look_that_misses_what_another_store_showed_before_is_rejected(self):
        sent = [arrival("a", 1)]
        self.accepts(sent, [look(1, 2, 4), look(0, 3, 5, store="store2")], [content("a")])
        self.rejects("look at 1 messages through store1 ended .* before look at 0 messages through store2",
                     sent, [look(1, 2, 3), look(0, 4, 5, store="store2")], [content("a")])

    def test_a_look_at_what_was_not_sent_yet_is_rejected(self):
        self.rejects("look at 1 messages .* ended at 2.0.* before arrival of a", [arrival("a", 3, 4)], [look(1, 1, 2)],
                     [content("a")])

    def test_a_look_that_saw_more_than_there_is_is_rejected(self):
        self.rejects("showed 2 messages, of which 1 are left", [arrival("a", 1, 2)], [look(2, 3, 4)], [content("a")])

    def test_a_look_that_saw_other_uids_is_rejected(self):
        sent = [arrival("a", 1, 2), arrival("b", 1, 2)]
        self.accepts(sent, [look(2, 3, 4, uids=(1, 2))], [content("a", "b")])
        self.rejects("showed UID 2 as message 1, where UID 1 is", sent, [look(1, 1.5, 1.6, uids=(2,))], [content("a", "b")])

    def test_a_flag_that_was_set_is_seen_by_every_later_look(self):
        self.accepts([], [], [content()], [FlagWrite(1, 1, 2)],
                     [FlagLook("store1", 1, 1.5, 1.6, False), FlagLook("store2", 1, 1.7, 3, True)])
        self.rejects("flag on UID 1 ended .* before look at UID 1 without the flag through store2", [], [], [content()],
                     [FlagWrite(1, 1, 2)], [FlagLook("store2", 1, 3, 4, False)])

    def test_a_flag_that_was_seen_stays_also_when_its_ok_was_lost(self):
        self.rejects("look at UID 1 with the flag .* before look at UID 1 without", [], [], [content()], [FlagWrite(1, 1)],
                     [FlagLook("store1", 1, 2, 3, True), FlagLook("store2", 1, 4, 5, False)])

    def test_a_flag_that_nobody_set_is_rejected(self):
        self.rejects("which nobody set", [], [], [content()], [], [FlagLook("store1", 1, 2, 3, True)])

    def test_many_faults_of_a_kind_are_told_in_few_lines(self):
        found = history.faults([arrival(f"m{n}", 1, 2) for n in range(1000)], [], [content()])
        self.assertLess(len(found), 20)
        self.assertIn("and 990 more", found[-1])


class ContradictionsTest(unittest.TestCase):

    @staticmethod
    def has_order(operations):
        """By trying: puts the operations of each position at the earliest moment that is left."""
        now = -NEVER
        for _, group in itertools.groupby(sorted(operations, key=lambda one: one.position), lambda one: one.position):
            moments = [(max(now, one.begun), one.ended) for one in group]
            if any(moment > ended for moment, ended in moments):
                return False
            now = max(moment for moment, _ in moments)
        return True

    def test_there_is_a_contradiction_exactly_where_there_is_no_order(self):
        rng = random.Random(1)
        verdicts = set()
        for _ in range(5000):
            operations = []
            for n in range(rng.randint(1, 6)):
                begun = rng.randint(0, 12)
                ended = rng.choice([NEVER, begun + rng.randint(0, 8)])
                operations.append(Operation(rng.randint(0, 5), begun, ended, str(n)))
            verdict = self.has_order(operations)
            self.assertEqual(not history.contradictions(operations), verdict, operations)
            verdicts.add(verdict)
        self.assertEqual(verdicts, {True, False})


if __name__ == "__main__":
    unittest.main()
