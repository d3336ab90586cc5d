"""The same messages to Debian's Dovecot: both say the same of them, or what docs/interop/dovecot.md explains.

The short form of tests/interop/dovecot_compare.py.
"""

import sys
import unittest

from tests.e2e import reading, real_messages, running
from tests.interop import dovecot, dovecot_compare, tools

MESSAGES, SEED = 420, 7


class DovecotTest(unittest.TestCase):

    def test_real_and_odd_messages_are_shown_found_and_sorted_as_by_dovecot(self):
        try:
            chosen = dovecot_compare.messages(MESSAGES, SEED)
        except real_messages.Missing as missing:
            tools.skip(str(missing))
        with dovecot.mailboxes() as connect_to_dovecot, running.running() as cluster:
            comparison = dovecot_compare.compare(lambda: reading.login(cluster, cluster.accounts[0]), connect_to_dovecot, chosen)
        comparison.report(show=3, out=sys.stderr)
        self.assertEqual(comparison.left, [])
        self.assertGreater(comparison.compared, 20 * MESSAGES)


if __name__ == "__main__":
    unittest.main()
