"""How long a store takes to be of use again after SIGKILL, once much mail was delivered to it.

    python3 -m tests.e2e.restart_time --megabytes 1000 [--stores 3] [--restarts 3] [--hold-back]
    bazel test //tests/e2e:restart_time                                  with little mail

Printed for each restart: the seconds until the store is ready, and until a session at it has read an INBOX that is up to date.
The times are printed, never judged; afterwards every 250 must be there exactly once.
"""

import argparse
import sys
import time
import unittest

from tests.e2e import reading, running, sending
from tests.e2e.kill_test import HOLD_BACK, faults

SENDERS = 8
PROFILE = sending.Profile(small_bytes=(20_000, 100_000), large_share=0.02, all_recipients_share=0)
VICTIM = "store1"


def deliver(load, megabytes):
    """Waits until so much was acknowledged."""
    while sum(one.size for one in load.messages() if one.settled()) < megabytes * 1_000_000:
        if load.failure():
            raise load.failure()
        time.sleep(0.05)


def restart(cluster):
    """Kills the store under way and starts it again: (seconds until it is ready, until it has shown an INBOX)."""
    cluster.kill(VICTIM)
    begun = time.monotonic()
    cluster.restart(VICTIM)
    cluster.wait_ready([VICTIM])
    ready = time.monotonic() - begun
    with reading.login(cluster, cluster.accounts[0], VICTIM) as imap:
        imap.select("INBOX", readonly=True)
    return ready, time.monotonic() - begun


def run(stores, megabytes, restarts, hold_back=False, log=print):
    """Returns the faults."""
    with running.running(HOLD_BACK if hold_back else None, stores=stores) as cluster:
        begun = time.monotonic()
        loads = []
        for number in range(1, restarts + 1):
            with sending.Load(cluster, f"restart.{number}", SENDERS, PROFILE) as load:
                deliver(load, megabytes / restarts)
                told = next(one for one in cluster.status()["stores"] if one["name"] == VICTIM)
                ready, shown = restart(cluster)
            loads.append(load)
            log(f"{number}: {time.monotonic() - begun:.0f} s, log {told['log_bytes'] / 1e6:.0f} MB, state "
                f"{told['state_bytes'] / 1e6:.0f} MB: ready after {ready:.3f} s, an INBOX after {shown:.3f} s", flush=True)
        return faults(cluster, loads)


class RestartTimeTest(unittest.TestCase):

    def test_a_store_is_of_use_again(self):
        self.assertEqual(run(1, 20, 2), [])


def main():
    parser = argparse.ArgumentParser(prog="python3 -m tests.e2e.restart_time")
    parser.add_argument("--megabytes", type=float, default=1000, help="of mail, over all restarts")
    parser.add_argument("--stores", type=int, default=1)
    parser.add_argument("--restarts", type=int, default=3)
    parser.add_argument("--hold-back", action="store_true", help="a kill is a power cut")
    args = parser.parse_args()
    found = run(args.stores, args.megabytes, args.restarts, args.hold_back)
    if found:
        print("FAILED: " + "\n".join(found[:20]), file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
