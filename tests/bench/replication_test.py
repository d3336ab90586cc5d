"""That the benchmark of replication runs, and that its tables show what was measured."""

import os
import unittest

from tests.bench import replication, report


class ReplicationTest(unittest.TestCase):
    def test_measures_real_processes(self):
        options = replication.arguments(["--quick", "--seconds", "1", "--stores", "1"])
        options.idle_seconds = 1
        if not os.environ.get("TEST_SRCDIR"):
            options.binaries = os.environ.get("PACKETBOAT_BINARIES", "bazel-bin")
        bench = replication.Bench(options)
        bench.run()
        self.assertEqual([(cell["stores"], cell["senders"]) for cell in bench.cells], [(1, 1), (1, 16)])
        for cell in bench.cells:
            for figure, value in cell.items():
                self.assertGreater(value, 0, figure)
            # A message is at least once in the log, and nothing is answered before it is synced.
            self.assertGreater(cell["written_per_byte"], 1)
            self.assertLessEqual(cell["deliveries_per_second"] / cell["deliveries_per_sync"], 1.5 * cell["syncs_per_second"] + 1)
        self.assertGreater(bench.flushed[1, 10], 1)
        self.assertEqual(set(bench.idle[1]), {"store1", "auth1", "signer1", "mx1", "mx2"})


def cell(stores, rate):
    figures = {figure: 1.0 for _, figure, _ in report.COLUMNS}
    return dict(figures, stores=stores, kilobytes=10, senders=16, deliveries_per_second=rate)


class ReportTest(unittest.TestCase):
    def test_rounds_become_medians(self):
        rounds = [cell(1, rate) for rate in (100.0, 900.0, 300.0)] + [cell(3, 50.0)]
        self.assertEqual([(one["stores"], one["deliveries_per_second"]) for one in report.medians(rounds)],
                         [(1, 300.0), (3, 50.0)])

    def test_ratios_are_over_the_same_load_with_one_store(self):
        lines = report.ratios_table([cell(1, 300.0), cell(3, 75.0)]).splitlines()
        self.assertEqual(len(lines), 2)
        self.assertRegex(lines[1], r"3 stores / 1 store +10 +16 +0\.25 +1\.00")

    def test_without_one_store_there_are_no_ratios(self):
        self.assertEqual(report.ratios_table([cell(3, 75.0)]), "")


if __name__ == "__main__":
    unittest.main()
