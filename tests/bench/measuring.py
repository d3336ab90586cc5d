"""What the processes of a cluster have used: processor time and written bytes as the kernel counts them, synced writes as the stores
count them."""

import os
import signal
import statistics
import time

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
# How long a store may take to write out what it holds and end.
STOP_SECONDS = 60

_SYNCS = 'packetboat_store_disk_syncs_total{database="log"}'
_SYNC_SECONDS = 'packetboat_store_disk_sync_seconds_total{database="log"}'


def cpu_seconds(pid):
    """User and system time of all threads so far."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def written_bytes(pid):
    """Handed to the disk so far, without what was deleted before it got there."""
    with open(f"/proc/{pid}/io", encoding="ascii") as io:
        counts = dict(line.split(": ") for line in io.read().splitlines())
    return int(counts["write_bytes"]) - int(counts["cancelled_write_bytes"])


def metrics(process):
    status, body = process.get("/metrics")
    if status != 200:
        raise RuntimeError(f"{process.name} shows no metrics: {status}")
    lines = (line.rpartition(" ") for line in body.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


class Sample:
    """A cluster's counters at one moment."""

    def __init__(self, cluster):
        self.time = time.monotonic()
        self.roles = {name: one.role for name, one in cluster.processes.items()}
        self.cpu = {name: cpu_seconds(one.pid) for name, one in cluster.processes.items()}
        stores = [one for one in cluster.processes.values() if one.role == "store"]
        self.written = {one.name: written_bytes(one.pid) for one in stores}
        counted = {one.name: metrics(one) for one in stores}
        self.syncs = {name: one[_SYNCS] for name, one in counted.items()}
        self.sync_seconds = {name: one[_SYNC_SECONDS] for name, one in counted.items()}


class Use:
    """What was used between two samples."""

    def __init__(self, begin, end):
        self.seconds = end.time - begin.time
        self.roles = end.roles
        self.cpu = {name: end.cpu[name] - begin.cpu[name] for name in end.cpu}
        self.written = {name: end.written[name] - begin.written[name] for name in end.written}
        self.syncs = {name: end.syncs[name] - begin.syncs[name] for name in end.syncs}
        self.sync_seconds = {
            name: end.sync_seconds[name] - begin.sync_seconds[name] for name in end.syncs}

    def cpu_of(self, *roles):
        return sum(used for name, used in self.cpu.items() if not roles or self.roles[name] in roles)

    def syncs_per_second(self):
        """Of one store, on average."""
        return sum(self.syncs.values()) / len(self.syncs) / self.seconds

    def sync_milliseconds(self):
        return 1000 * sum(self.sync_seconds.values()) / max(1, sum(self.syncs.values()))


def written_until_the_end(cluster):
    """Stops the stores, which writes out what they hold, and tells what all of them have written since they began."""
    stores = [one for one in cluster.processes.values() if one.role == "store"]
    for one in stores:
        one.child.send_signal(signal.SIGTERM)
    total = 0
    end = time.monotonic() + STOP_SECONDS
    for one in stores:
        # The kernel keeps the counters of a process that has ended until somebody asks how.
        while not os.waitid(os.P_PID, one.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG):
            if time.monotonic() > end:
                raise RuntimeError(f"{one.name} does not end")
            time.sleep(0.02)
        total += written_bytes(one.pid)
    return total


def disk_sync_milliseconds(folder, size=12288, count=100):
    """The median time of an append with fdatasync in `folder`, by nobody else's code."""
    path = os.path.join(folder, "sync")
    times = []
    with open(path, "wb", buffering=0) as file:
        for _ in range(count):
            begin = time.perf_counter()
            file.write(os.urandom(size))
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - begin)
    os.unlink(path)
    return 1000 * statistics.median(times)
