"""How long mail for an account waits when the leader of its shard is lost.

    python3 -m tests.e2e.leader_loss --losses 100 [--stores 5]
    bazel test //tests/e2e:leader_loss                            a few of them

Under a load to alice the leader of her shard is lost again and again: half of the times by SIGKILL, else by SIGSTOP or, where
namespaces work, by packets that vanish. Printed for each loss: the time until the first 250 for a message whose end of data was
sent after the loss. Afterwards every 250 must be there exactly once, through every store. The times are printed, never judged.
"""

import argparse
import contextlib
import math
import random
import sys
import time
import unittest

from tests.e2e import disturbances, running, sending
from tests.e2e.kill_test import faults
from tests.e2e.network import Missing, Network

SEED = 20261123
LOSSES = 6
SENDERS = 8
PROFILE = sending.Profile(users=("alice",), small_bytes=(500, 2_000), large_share=0, all_recipients_share=0,
                          retry_pause=(0.01, 0.03))
# Between two losses, so that each meets a cluster at rest but for the load.
CALM_SECONDS = 1.0


def first_250(load, user, since):
    """Waits for a message that was complete after `since`: the seconds from then to the first 250."""
    end = time.monotonic() + running.PATIENCE_SECONDS
    while time.monotonic() < end:
        if load.failure():
            raise load.failure()
        told = [one.acknowledged[user] for one in load.since(since) if user in one.acknowledged]
        if told:
            return min(told) - since
        time.sleep(0.002)
    raise AssertionError(f"no 250 for {user} within {running.PATIENCE_SECONDS} s")


def lose(disturber, kind, user):
    """Loses the leader once and brings it back: (its name, seconds to the next 250)."""
    cluster, load = disturber.cluster, disturber.load
    name = cluster.leader_of(user)
    lost = disturber.begin(kind, name)
    waited = first_250(load, user, lost)
    disturber.mend(kind, name)
    cluster.wait_ready()
    time.sleep(CALM_SECONDS)
    return name, waited


def percentile(values, share):
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def report(waits, log=print):
    """waits: [(kind, store, seconds)]"""
    for kind in sorted({kind for kind, _, _ in waits}):
        of_kind = [seconds for each, _, seconds in waits if each == kind]
        log(f"{kind:<8}{' '.join(f'{one:.3f}' for one in of_kind)}")
    every = [seconds for _, _, seconds in waits]
    log(f"{len(every)} losses: max {max(every):.3f} s, p50 {percentile(every, 0.5):.3f} s, "
        f"p99 {percentile(every, 0.99):.3f} s")


def run(stores, losses, seed, log=print):
    """Returns the faults."""
    rng = random.Random(seed)
    with contextlib.ExitStack() as stack:
        try:
            network = stack.enter_context(Network(stores))
        except Missing as missing:
            log(f"nothing is cut off: {missing}")
            network = None
        cluster = stack.enter_context(running.running(
            stores=stores, places=network.places if network else None))
        others = ["freeze", "cut"] if network else ["freeze"]
        kinds = [("kill", others[n // 2 % len(others)])[n % 2] for n in range(losses)]
        rng.shuffle(kinds)
        alice, waits = cluster.accounts[0]["user"], []
        with sending.Load(cluster, seed, SENDERS, PROFILE) as load:
            disturber = disturbances.Disturber(cluster, network, None, load)
            for number, kind in enumerate(kinds, 1):
                name, seconds = lose(disturber, kind, alice)
                waits.append((kind, name, seconds))
                log(f"{number:>4} {time.strftime('%H:%M:%S')} {kind:<8}{name:<8}{seconds:.3f} s", flush=True)
        log(load.summary())
        report(waits, log)
        return faults(cluster, [load])


class LeaderLossTest(unittest.TestCase):

    def test_mail_flows_again_after_each_loss_of_a_leader(self):
        self.assertEqual(run(3, LOSSES, SEED), [])


def main():
    parser = argparse.ArgumentParser(prog="python3 -m tests.e2e.leader_loss")
    parser.add_argument("--stores", type=int, default=3)
    parser.add_argument("--losses", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.randrange(10**9))
    args = parser.parse_args()
    print(f"seed {args.seed}, {args.stores} stores, {args.losses} losses", flush=True)
    found = run(args.stores, args.losses, args.seed)
    if found:
        print("FAILED: " + "\n".join(found[:20]), file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
