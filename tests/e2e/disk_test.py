"""Disks that fill up, stall and fail, under load: nothing acknowledged is lost, and all is well again by itself (SEMANTICS.md s5).

    bazel test //tests/e2e:disk_test
"""

import contextlib
import imaplib
import unittest

from tests.e2e import disturbances, reading, running, sending
from tests.e2e.exact_client import HELLO, Client
from tests.e2e.kill_test import faults
from tests.e2e.network import Missing
from tests.e2e.operations_test import wait_until
from tests.e2e.small_disks import SmallDisks

STORES = ("store1", "store2", "store3")
SENDERS = 4
# Little is written meanwhile: the room is what the test leaves.
PROFILE = sending.Profile(small_bytes=(500, 4_000), large_share=0, retry_pause=(0.05, 0.2))

MIB = 1 << 20
# Of each store. RocksDB takes the room of a whole log file in advance.
DISK = 512 * MIB
SOFT, HARD = 128 * MIB, 64 * MIB
SETTINGS = {"store": {
    "disk_reserve_soft": f"{SOFT // MIB}MiB", "disk_reserve_hard": f"{HARD // MIB}MiB", "disk_stall": "1s",
    # Leaderships come back soon.
    "peers": {"spread_interval": "200ms", "spread_steady": "200ms", "spread_pause": "1s"}}}


# Whose mailbox is not judged.
PROBED = "probe@example.test"


def answer(cluster):
    """What a message to PROBED is told just now: the code and the enhanced code of the last reply."""
    target = cluster.listeners("smtp")[0]
    with Client(target["host"], target["port"], local_hostname=HELLO, timeout=running.PATIENCE_SECONDS) as smtp:
        smtp.ehlo()
        smtp.mail("someone@sender.example")
        code, text = smtp.rcpt(PROBED)
        if code == 250:
            code, text = smtp.data(b"Subject: is there room?\r\n\r\n\r\n")
        return code, text.split()[0].decode()


class DiskCase(unittest.TestCase):
    """What the tests ask a cluster under load."""

    def store(self, name):
        return next(one for one in self.cluster.status()["stores"] if one["name"] == name)

    def wait_flow(self):
        goal = self.load.acknowledged() + 20
        wait_until(lambda: self.load.acknowledged() >= goal or self.load.failure(), "mail flows")
        self.assertIsNone(self.load.failure())

    def wait_led(self, name, leads):
        wait_until(lambda: (self.store(name)["shards_led"] > 0) == leads, f"{name} leads {'some' if leads else 'nothing'}")

    def wait_healthy(self):
        wait_until(lambda: self.cluster.status()["health"] == "healthy", "healthy")


class FullDiskTest(DiskCase):

    def setUp(self):
        try:
            self.disks = self.enterContext(SmallDisks(DISK))
        except Missing as missing:
            self.skipTest(str(missing))
        self.cluster = self.enterContext(running.running(SETTINGS, stores=3, prepare=self.disks.mount))
        self.alice = self.cluster.accounts[0]
        self.cluster.admin("account", "add", PROBED, input="a-long-enough-password\n")
        self.load = sending.Load(self.cluster, "disk", SENDERS, PROFILE)

    def refused(self):
        return answer(self.cluster) == (452, "4.3.1")

    def test_disks_fill_up_and_are_given_back(self):
        with self.load:
            self.wait_flow()
            with self.subTest("one below the soft reserve leads nothing, and mail flows"):
                self.disks.leave_free("store1", SOFT - 8 * MIB)
                self.wait_led("store1", False)
                self.wait_flow()
                told = self.store("store1")
                self.assertTrue(any("disk_reserve_soft" in one for one in told["complaints"]), told)
                self.assertTrue(told["ready"], told)
            with self.subTest("a majority below it refuses bodies, and takes what is small"):
                self.disks.leave_free("store2", SOFT - 8 * MIB)
                wait_until(self.refused, "452 4.3.1")
                with reading.login(self.cluster, self.alice, "store3") as imap:
                    imap.select("INBOX")
                    self.assertEqual(imap.store("1", "+FLAGS", r"(\Flagged)")[0], "OK")
                    status, text = imap.append("INBOX", None, None, b"Subject: no room\r\n\r\n\r\n")
                    self.assertEqual(status, "NO")
                    self.assertIn(b"[UNAVAILABLE]", text[0])
            with self.subTest("below the hard reserve only what frees space passes"):
                for name in STORES:
                    self.disks.leave_free(name, HARD - 8 * MIB)
                wait_until(lambda: not self.flag_is_taken(), "a change of flags is refused")
                with reading.login(self.cluster, self.alice, "store3") as imap:
                    imap.select("INBOX")
                    self.assertEqual(imap.expunge()[0], "OK")
            with self.subTest("space is given back, and mail flows"):
                for name in STORES:
                    self.disks.give_back(name)
                self.wait_flow()
                for name in STORES:
                    self.wait_led(name, True)
            with self.subTest("a full follower stops, the majority goes on"):
                self.disks.leave_free("store3", 0)
                self.wait_led("store3", False)
                self.wait_flow()
                self.disks.give_back("store3")
                self.wait_flow()
        self.wait_healthy()
        self.assertEqual(faults(self.cluster, [self.load]), [])

    def flag_is_taken(self):
        with reading.login(self.cluster, self.alice, "store3") as imap:
            imap.select("INBOX")
            with contextlib.suppress(imaplib.IMAP4.error):
                return imap.store("1", "+FLAGS", r"(\Answered)")[0] == "OK"
        return False


class BadDiskTest(DiskCase):

    def setUp(self):
        self.disks = disturbances.FaultyDisks(3)
        self.addCleanup(self.disks.close)
        settings = {**SETTINGS, **self.disks.settings()}
        self.cluster = self.enterContext(running.running(settings, stores=3))
        self.load = sending.Load(self.cluster, "disk", SENDERS, PROFILE)

    def test_a_stalled_disk_leads_nothing_until_it_answers_again(self):
        with self.load:
            self.wait_flow()
            self.disks.say("store1", "stall")
            self.wait_led("store1", False)
            self.wait_flow()
            self.disks.say("store1", "")
            self.wait_led("store1", True)
            self.wait_flow()
        self.wait_healthy()
        self.assertEqual(faults(self.cluster, [self.load]), [])

    def test_a_store_whose_disk_failed_says_so_and_is_well_once_it_is_restarted(self):
        with self.load:
            self.wait_flow()
            self.disks.say("store2", "fail")
            wait_until(lambda: self.store("store2")["state"] == "failed", "failed")
            self.assertEqual(self.store("store2")["shards_led"], 0)
            self.assertEqual(self.cluster.processes["store2"].get("/readyz")[0], 503)
            self.wait_flow()
            self.disks.say("store2", "")
            self.wait_flow()
            self.assertEqual(self.store("store2")["state"], "failed", "a disk that failed is not trusted again")
            self.cluster.kill("store2")
            self.cluster.restart("store2")
            self.wait_led("store2", True)
        self.wait_healthy()
        self.assertEqual(faults(self.cluster, [self.load]), [])


if __name__ == "__main__":
    unittest.main()
