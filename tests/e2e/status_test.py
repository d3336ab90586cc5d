"""`packetboat cluster status` over three real stores: what it shows, and its exit status."""

import json
import math
import signal
import subprocess
import time
import unittest

from tests.e2e.disturbances import FaultyDisks
from tests.e2e.operations_test import deliver
from tests.e2e.running import PATIENCE_SECONDS, running

HEALTHY, DEGRADED, UNREACHABLE = 0, 1, 2
MESSAGES = 10
SHARDS = 16


class StatusTest(unittest.TestCase):
    def command(self, *options):
        return [self.cluster.packetboat, "--config", self.cluster.operator_config, "cluster", "status", *options]

    def status(self):
        """(exit status, what it says as JSON)."""
        done = subprocess.run(self.command("--json"), stdout=subprocess.PIPE, text=True, check=False, timeout=PATIENCE_SECONDS)
        return done.returncode, json.loads(done.stdout)

    def wait_for(self, wanted):
        """The first status that `wanted` is true of."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not wanted(*(last := self.status())):
            self.assertLess(time.monotonic(), end, last)
            time.sleep(0.1)
        return last[1]

    @staticmethod
    def replica(shard, store):
        return next(one for one in shard["replicas"] if one["store"] == store)

    def test_a_store_that_cannot_write_is_behind_its_leaders_whatever_it_thinks(self):
        disks = FaultyDisks(3)
        self.addCleanup(disks.close)
        with running({**disks.settings(), "store": {"disk_stall": "1s"}}, stores=3) as self.cluster:
            disks.say("store2", "stall")
            # The first write that it has to make tells it.
            for number in range(MESSAGES):
                deliver(self.cluster, "mx1", self.cluster.accounts[0], b"Subject: %d\r\n\r\n\r\n" % number)
            status = self.wait_for(lambda code, told: all(one["leader"] in ("store1", "store3") for one in told["shards"]) and any(
                (self.replica(one, "store2")["lag"] or 0) >= MESSAGES for one in told["shards"]))
            for shard in status["shards"]:
                self.assertEqual(self.replica(shard, shard["leader"])["lag"], 0)
            self.assertGreaterEqual(self.lag_metric("store1"), 0)
            disks.say("store2", "")
            self.wait_for(lambda code, told: all(one["lag"] == 0 for shard in told["shards"] for one in shard["replicas"]))
            for name in ("store1", "store3"):
                self.cluster.kill(name)
            self.wait_for(lambda code, told: "no store leads shards 0-15" in told["warnings"])
            self.assertTrue(math.isnan(self.lag_metric("store2")), "nobody tells it")

    def lag_metric(self, store):
        lines = self.cluster.processes[store].get("/metrics")[1].splitlines()
        return next(float(one.split()[-1]) for one in lines if one.startswith("packetboat_store_apply_lag_entries "))

    def test_stores_that_go_and_come_back(self):
        with running(stores=3) as self.cluster:
            with self.subTest("healthy"):
                status = self.wait_for(lambda code, _: code == HEALTHY)
                self.assertEqual(status["warnings"], [])
                self.assertEqual([(one["name"], one["state"]) for one in status["stores"]],
                                 [(f"store{n}", "up") for n in (1, 2, 3)])
                self.assertEqual([one["shard"] for one in status["shards"]], list(range(SHARDS)))
                self.assertEqual(sum(one["shards_led"] for one in status["stores"]), SHARDS)
                for shard in status["shards"]:
                    self.assertEqual([one["store"] for one in shard["replicas"]], ["store1", "store2", "store3"])
                    self.assertGreater(shard["commit"], 0)
                for store in status["stores"]:
                    self.assertGreater(store["log_bytes"], 0)
                    self.assertGreater(store["disk_total_bytes"], store["disk_free_bytes"])

            with self.subTest("watch"):
                with subprocess.Popen(self.command("--json", "--watch"), stdout=subprocess.PIPE, text=True) as watch:
                    # A leadership that moves just then is worth a warning.
                    for _ in range(3):
                        self.assertEqual(len(json.loads(watch.stdout.readline())["stores"]), 3)
                    watch.send_signal(signal.SIGINT)

            with self.subTest("for people"):
                text = subprocess.run(self.command(), stdout=subprocess.PIPE, text=True, check=True).stdout
                self.assertRegex(text, r"cluster demo: healthy, 3 of 3 stores answer, 16 shards\n")
                self.assertLessEqual(max(map(len, text.splitlines())), 100)

            with self.subTest("one is frozen"):
                self.cluster.kill("store2", signal.SIGSTOP)
                status = self.wait_for(lambda code, told: all(one["leader"] in ("store1", "store3") for one in told["shards"]))
                self.assertEqual([one["state"] for one in status["stores"]], ["up", "down", "up"])
                self.assertIn("no answer within", status["stores"][1]["silence"])
                for shard in status["shards"]:
                    self.assertIsNone(self.replica(shard, "store2")["lag"], "nobody knows how far it is")
                self.cluster.kill("store2", signal.SIGCONT)
                self.wait_for(lambda code, _: code == HEALTHY)

            with self.subTest("one is away"):
                self.cluster.kill("store2")
                status = self.wait_for(lambda code, told: code == DEGRADED and all(one["leader"] in ("store1", "store3")
                                                                                   for one in told["shards"]))
                self.assertEqual([one["state"] for one in status["stores"]], ["up", "down", "up"])
                self.assertEqual(status["stores"][1]["name"], "store2", "the others know its name")
                self.assertTrue(any(one.startswith("store2 does not answer: ") for one in status["warnings"]), status["warnings"])

            with self.subTest("no quorum"):
                self.cluster.kill("store3")
                status = self.wait_for(lambda code, told: "no store leads shards 0-15" in told["warnings"])
                self.assertEqual(status["health"], "degraded")

            with self.subTest("nobody answers"):
                self.cluster.kill("store1")
                code, status = self.status()
                self.assertEqual((code, status["health"]), (UNREACHABLE, "unreachable"))

            with self.subTest("all are back"):
                for name in ("store1", "store2", "store3"):
                    self.cluster.restart(name)
                self.wait_for(lambda code, _: code == HEALTHY)


if __name__ == "__main__":
    unittest.main()
