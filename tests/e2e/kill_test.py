"""Every process is killed at random points of a load: each 250 is kept, exactly once.

    bazel test //tests/e2e:kill_test                              a minute of it, with a fixed seed
    python3 -m tests.e2e.kill_test --seconds 1800                 more of it, another seed each time
    python3 -m tests.e2e.kill_test --seed 7 --hold-back           a seed again, with power cuts
"""

import argparse
import os
import random
import sys
import time
import unittest

from tests.e2e import history, reading, running, sending, watching

SEED = 20261123
SECONDS = 15
SENDERS = 4
READERS = 1  # of each account

# How often a process is killed, compared to the others.
WEIGHTS = {"store1": 4, "mx1": 2, "mx2": 2, "auth1": 1, "signer1": 1}
# Between a restart and the next kill: often before the process is ready again.
UP_SECONDS = (0.1, 2.0)
DOWN_SECONDS = (0.0, 0.5)

# Kills within which a store that does not sync its log must have been caught.
KILLS_UNTIL_CAUGHT = 10
ACKNOWLEDGED_PER_KILL = 30

HOLD_BACK = {"store": {"test": {"hold_back_unsynced": True}}}
SKIP_LOG_SYNC = "store:\n  test:\n    hold_back_unsynced: true\n    skip_log_sync: true\n"


def kill_for(cluster, rng, seconds, log):
    """Kills one process after the other; each at least once. Returns how often each was killed."""
    kills = dict.fromkeys(WEIGHTS, 0)
    end = time.monotonic() + seconds
    pending = rng.sample(sorted(WEIGHTS), len(WEIGHTS))
    while pending or time.monotonic() < end:
        name = pending.pop() if pending else rng.choices(list(WEIGHTS), WEIGHTS.values())[0]
        time.sleep(rng.uniform(*UP_SECONDS))
        cluster.kill(name)
        kills[name] += 1
        log(f"killed {name}")
        time.sleep(rng.uniform(*DOWN_SECONDS))
        cluster.restart(name)
    return kills


def faults(cluster, loads, watch=None):
    """What is wrong with the mailboxes after these loads, through every store; one line per fault."""
    found = [str(one.failure()) for one in loads if one.failure()]
    for account in cluster.accounts:
        user = account["user"]
        arrivals = [arrival for one in loads for arrival in one.arrivals(user)]
        watched = watch.watched[user] if watch else watching.Watched(account)
        if not arrivals and not watched.looks:
            continue
        seen = history.faults(arrivals + watched.appended, watched.looks, reading.contents(cluster, account),
                              watched.flag_writes, watched.flag_looks)
        found += [f"{user}: {one}" for one in seen]
    return found


def run(settings, seed, seconds, log=print):
    """One run. Returns the faults."""
    log(f"seed {seed}, {seconds} s")
    rng = random.Random(seed)
    with running.running(settings) as cluster:
        with sending.Load(cluster, seed, SENDERS) as load, watching.Watch(cluster, seed, READERS) as watch:
            kills = kill_for(cluster, rng, seconds, log)
            cluster.wait_ready()
        log(f"killed {kills}; {load.summary()}; {watch.summary()}")
        found = faults(cluster, [load], watch)
        if not load.acknowledged():
            found.append("nothing was answered 250")
        if found:
            raise AssertionError("\n".join(found[:20]))


def stop_syncing(cluster, stores=("store1",)):
    """From here on these stores claim to sync their logs. What they wrote before stays, else they would not start again."""
    path = os.path.join(cluster.folder, "skip_log_sync.yaml")
    with open(path, "w", encoding="utf-8") as out:
        out.write(SKIP_LOG_SYNC)
    for name in stores:
        cluster.kill(name)
        cluster.processes[name].command += ["--config", path]
        cluster.restart(name)
    cluster.wait_ready()


def kills_until_loss(seed, log=print):
    """Kills of a store that does not sync its log, until an acknowledged message is gone: (kill, faults)."""
    with running.running(HOLD_BACK) as cluster:
        stop_syncing(cluster)
        loads = []
        for kill in range(1, KILLS_UNTIL_CAUGHT + 1):
            with sending.Load(cluster, f"{seed}.{kill}", SENDERS) as load:
                end = time.monotonic() + running.PATIENCE_SECONDS
                while load.acknowledged() < ACKNOWLEDGED_PER_KILL and time.monotonic() < end:
                    time.sleep(0.01)
                cluster.kill("store1")
                cluster.restart("store1")
                cluster.wait_ready(["store1"])
            loads.append(load)
            found = faults(cluster, loads)
            log(f"kill {kill}: {len(found)} faults")
            if found:
                return kill, found
    return None, []


class KillTest(unittest.TestCase):
    def test_every_250_survives_sigkill_of_any_process_exactly_once(self):
        run(None, SEED, SECONDS)

    def test_every_250_survives_the_loss_of_what_was_not_synced(self):
        run(HOLD_BACK, SEED + 1, SECONDS)

    def test_a_store_that_skips_the_sync_of_its_log_is_caught(self):
        kill, found = kills_until_loss(SEED + 2)
        self.assertIsNotNone(kill, "no acknowledged message was seen to be lost")
        self.assertTrue(any("lost" in one for one in found), found)


def main():
    parser = argparse.ArgumentParser(prog="python3 -m tests.e2e.kill_test")
    parser.add_argument("--seconds", type=float, default=600, help="how long processes are killed")
    parser.add_argument("--seed", type=int, default=random.randrange(10**9))
    parser.add_argument("--hold-back", action="store_true", help="a kill of the store is a power cut")
    parser.add_argument("--planted", action="store_true", help="the store skips syncs; ends when caught")
    args = parser.parse_args()
    if args.planted:
        kill, found = kills_until_loss(args.seed)
        print("\n".join(found[:5]))
        return 0 if kill else 1
    try:
        run(HOLD_BACK if args.hold_back else None, args.seed, args.seconds)
    except AssertionError as error:
        print(f"FAILED with seed {args.seed}:\n{error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
