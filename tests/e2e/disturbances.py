"""What happens to the stores of a cluster under load: each disturbance begins, holds, and is mended.

Those that leave a majority are mended only after mail has come through for every account: nobody has to do anything for that.
"""

import os
import signal
import tempfile
import time

from tests.e2e import running

# How long what is frozen, cut off or stalled stays so, at least.
HOLD_SECONDS = 5
# New messages of each account that must come through before a disturbance is over.
FLOWS = 3

KINDS = ("kill", "freeze", "cut", "part", "stall", "fail")
# Those that need a network of our own.
NETWORK_KINDS = ("cut", "part")


class FaultyDisks:
    """The control files of store.test.fault_file."""

    def __init__(self, stores):
        self._folder = tempfile.TemporaryDirectory(prefix="disks-")
        self._files = {f"store{n}": os.path.join(self._folder.name, f"store{n}") for n in range(1, stores + 1)}

    def settings(self):
        return {name: {"test": {"fault_file": path}} for name, path in self._files.items()}

    def say(self, name, fault):
        with open(self._files[name] + ".new", "w", encoding="ascii") as out:
            out.write(fault)
        os.replace(self._files[name] + ".new", self._files[name])

    def close(self):
        self._folder.cleanup()


class Disturber:
    """network may be None: then nothing is cut. `log` is told what happens."""

    def __init__(self, cluster, network, disks, load, log=print):
        self.cluster, self.network, self.disks, self.load = cluster, network, disks, load
        self._log = log
        self._users = [one["user"] for one in cluster.accounts]

    @property
    def stores(self):
        return [name for name, one in self.cluster.processes.items() if one.role == "store"]

    def kinds(self):
        return [one for one in KINDS if one not in NETWORK_KINDS or self.network]

    def disturb(self, kind, names):
        """At once to all of these stores; returns when they are back and mail flows."""
        begun = time.monotonic()
        for name in names:
            self.begin(kind, name)
        self._log(f"{kind} {' '.join(names)}")
        if 2 * len(names) < len(self.stores):
            self.wait_flow(begun, f"mail during {kind} of {names}")
        else:
            self._without_quorum(kind, begun)
        hold = 0 if kind in ("kill", "fail") else HOLD_SECONDS
        time.sleep(max(0, begun + hold - time.monotonic()))
        for name in names:
            self.mend(kind, name)
        mended = time.monotonic()
        self.cluster.wait_ready()
        self.wait_flow(mended, f"mail after {kind} of {names}")
        self._log(f"  it took {time.monotonic() - begun:.1f} s until all was well")

    def begin(self, kind, name):
        """The moment after which it has happened."""
        getattr(self, "_begin_" + kind)(name)
        return time.monotonic()

    def mend(self, kind, name):
        getattr(self, "_mend_" + kind)(name)

    def wait_flow(self, since, what):
        """Until messages that were complete after `since` were answered 250, for every account."""
        end = time.monotonic() + running.PATIENCE_SECONDS
        while any(self._flowed(user, since) < FLOWS for user in self._users):
            if self.load.failure():
                raise self.load.failure()
            if time.monotonic() > end:
                raise AssertionError(f"never came: {what}")
            time.sleep(0.05)

    def _flowed(self, user, since):
        return sum(user in one.acknowledged for one in self.load.since(since))

    def _without_quorum(self, kind, begun):
        """What is complete from now on may be answered 4xx alone. A frozen or stalled store may come back by itself."""
        if kind not in ("kill", "cut"):
            return
        lost = time.monotonic()
        time.sleep(HOLD_SECONDS)
        told = [one for one in self.load.answers(lost) if one.command == "DATA" and one.code // 100 != 4]
        if told:
            raise AssertionError(f"{len(told)} messages were not answered 4xx without a quorum, the first by {told[0].code} "
                                 f"{told[0].answered - lost:.3f} s after {kind}, {lost - begun:.3f} s after it began")

    # -- one store -----------------------------------------------------------------------------

    def _begin_kill(self, name):
        self.cluster.processes[name].signal(signal.SIGKILL)

    def _mend_kill(self, name):
        self.cluster.kill(name)  # Which waits until it is gone.
        self.cluster.restart(name)

    def _begin_freeze(self, name):
        self.cluster.kill(name, signal.SIGSTOP)

    def _mend_freeze(self, name):
        self.cluster.kill(name, signal.SIGCONT)

    def _begin_cut(self, name):
        self.network.cut(name)

    def _mend_cut(self, name):
        self.network.mend(name)

    def _begin_part(self, name):
        """This store and the next one no longer hear each other; the others hear both."""
        self.network.cut_between(name, self._next(name))

    def _mend_part(self, name):
        self.network.mend_between(name, self._next(name))

    def _next(self, name):
        return self.stores[(self.stores.index(name) + 1) % len(self.stores)]

    def _begin_stall(self, name):
        self.disks.say(name, "stall")

    def _mend_stall(self, name):
        self.disks.say(name, "")

    def _begin_fail(self, name):
        self.disks.say(name, "fail")

    def _mend_fail(self, name):
        # A store whose disk failed does not trust it again until it is restarted (SEMANTICS.md s5).
        self.disks.say(name, "")
        self.cluster.kill(name)
        self.cluster.restart(name)
