"""Stores die, freeze, are cut off and lose their disks under fifty SMTP sessions: each 250 is kept, exactly once.

    bazel test //tests/e2e:cluster_kill_test                                  a minute each of three and of five stores
    python3 -m tests.e2e.cluster_kill_test --seconds 1800 --stores 5          more of it, another seed each time
    python3 -m tests.e2e.cluster_kill_test --hold-back                        a kill is a power cut
    python3 -m tests.e2e.cluster_kill_test --planted                          stores that skip syncs are caught

Senders behave as MTAs; readers look through every store, set flags and APPEND; history.py judges what they saw.
"""

import argparse
import contextlib
import random
import signal
import sys
import time
import unittest

from tests.e2e import disturbances, running, sending, watching
from tests.e2e.kill_test import ACKNOWLEDGED_PER_KILL, KILLS_UNTIL_CAUGHT, faults, stop_syncing
from tests.e2e.network import Missing, Network

SEED = 20261123
SENDERS = 50
READERS = 2  # of each account
SENDERS_PLANTED = 8
# Many sessions on small machines: most messages are small.
PROFILE = sending.Profile(small_bytes=(500, 8_000), large_share=0.01)

HOLD_BACK = {"store": {"test": {"hold_back_unsynced": True}}}


@contextlib.contextmanager
def disturbed(stores, seed, hold_back=False, log=print):
    """A cluster under load; yields what disturbs it. Afterwards the history is judged."""
    with contextlib.ExitStack() as stack:
        try:
            network = stack.enter_context(Network(stores))
        except Missing as missing:
            log(f"nothing is cut off: {missing}")
            network = None
        disks = disturbances.FaultyDisks(stores)
        stack.callback(disks.close)
        settings = {**(HOLD_BACK if hold_back else {}), **disks.settings()}
        cluster = stack.enter_context(running.running(
            settings, stores=stores, places=network.places if network else None))
        with sending.Load(cluster, seed, SENDERS, PROFILE) as load, \
                watching.Watch(cluster, seed, READERS) as watch:
            yield disturbances.Disturber(cluster, network, disks, load, log)
        log(f"{load.summary()}; {watch.summary()}")
        found = faults(cluster, [load], watch) + relayed(cluster)
        if found:
            raise AssertionError("\n".join(found[:20]))


def relayed(cluster):
    """Sessions that a store took to another one although each has a replica of every shard; one line per store."""
    found = []
    for one in cluster.processes.values():
        if one.role == "store":
            with open(one.log, encoding="utf-8") as log:
                count = sum('"relayed":true' in line for line in log)
            found += [f"{one.name} relayed {count} sessions"] if count else []
    return found


def one_of_each(disturber, rng):
    """Every store is killed; every other kind hits one; then two at once, and all."""
    stores = disturber.stores
    for name in stores:
        disturber.disturb("kill", [name])
    for kind in disturber.kinds():
        if kind != "kill":
            disturber.disturb(kind, [rng.choice(stores)])
    disturber.disturb("kill", rng.sample(stores, 2))
    disturber.disturb("kill", stores)


def at_random(disturber, rng, seconds):
    """One after the other: mostly one store, sometimes two or all."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        count = rng.choices([1, 2, len(disturber.stores)], [8, 2, 1])[0]
        kind = rng.choice(disturber.kinds())
        disturber.disturb(kind, rng.sample(disturber.stores, count))


def power_cuts_until_loss(seed, log=print):
    """Power cuts of three stores that do not sync their logs, until an acknowledged message is gone: (cut, faults)."""
    with running.running(HOLD_BACK, stores=3) as cluster:
        stores = [name for name, one in cluster.processes.items() if one.role == "store"]
        stop_syncing(cluster, stores)
        loads = []
        for cut in range(1, KILLS_UNTIL_CAUGHT + 1):
            with sending.Load(cluster, f"{seed}.{cut}", SENDERS_PLANTED, PROFILE) as load:
                end = time.monotonic() + running.PATIENCE_SECONDS
                while load.acknowledged() < ACKNOWLEDGED_PER_KILL and time.monotonic() < end:
                    time.sleep(0.01)
                for name in stores:
                    cluster.processes[name].signal(signal.SIGKILL)
                for name in stores:
                    cluster.kill(name)
                    cluster.restart(name)
                cluster.wait_ready(stores)
            loads.append(load)
            found = faults(cluster, loads)
            log(f"power cut {cut}: {len(found)} faults")
            if found:
                return cut, found
    return None, []


class ClusterKillTest(unittest.TestCase):

    def test_three_stores_lose_nothing_whatever_happens_to_them(self):
        with disturbed(3, SEED) as disturber:
            one_of_each(disturber, random.Random(SEED))

    def test_five_stores_lose_nothing_over_a_file_system_that_forgets_what_was_not_synced(self):
        with disturbed(5, SEED, hold_back=True) as disturber:
            one_of_each(disturber, random.Random(SEED))

    def test_three_stores_that_skip_the_sync_of_their_logs_are_caught(self):
        cut, found = power_cuts_until_loss(SEED)
        self.assertIsNotNone(cut, "no acknowledged message was seen to be lost")
        self.assertTrue(any("lost" in one for one in found), found)


def main():
    parser = argparse.ArgumentParser(prog="python3 -m tests.e2e.cluster_kill_test")
    parser.add_argument("--stores", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=600, help="how long they are disturbed, after once each")
    parser.add_argument("--seed", type=int, default=random.randrange(10**9))
    parser.add_argument("--hold-back", action="store_true", help="a kill is a power cut")
    parser.add_argument("--planted", action="store_true", help="stores skip syncs; ends when caught")
    args = parser.parse_args()
    if args.planted:
        cut, found = power_cuts_until_loss(args.seed)
        print("\n".join(found[:5]))
        return 0 if cut else 1
    print(f"seed {args.seed}, {args.stores} stores", flush=True)
    rng = random.Random(args.seed)
    try:
        with disturbed(args.stores, args.seed, args.hold_back) as disturber:
            one_of_each(disturber, rng)
            at_random(disturber, rng, args.seconds)
    except AssertionError as error:
        print(f"FAILED with seed {args.seed}:\n{error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
