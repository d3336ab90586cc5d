"""What replication costs: deliveries through real processes with mutual TLS, with one, three and five stores in one run. See
README.md."""

import argparse
import concurrent.futures
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

from tests.bench import measuring, report
from tools.cluster.cluster import DOMAIN, Cluster

SHARDS = 16
WARM_UP_SECONDS = 2
# What a cluster does by itself after it has started is over by then.
SETTLE_SECONDS = 5
# Beyond the measured time, for connections and for the messages that are under way at its end.
GENERATOR_SECONDS = 120


def numbers(text):
    return [int(word) for word in text.split(",")]


def arguments(argv):
    parser = argparse.ArgumentParser(
        prog="bazel run //tests/bench:replication --",
        description="Deliveries per second, latency, processor time, synced writes and write amplification with one, three and "
        "five stores on this machine, side by side.")
    parser.add_argument("--seconds", type=float, default=10, help="measured time of one load (10)")
    parser.add_argument("--rounds", type=int, default=1, help="times that everything is measured; medians are shown (1)")
    parser.add_argument("--stores", type=numbers, default=[1, 3, 5], metavar="N,...", help="(1,3,5)")
    parser.add_argument("--kilobytes", type=numbers, default=[10, 100], metavar="N,...", help="of a message (10,100)")
    parser.add_argument("--senders", type=numbers, default=[1, 16, 128], metavar="N,...", help="connections (1,16,128)")
    parser.add_argument("--idle-seconds", type=float, default=20, help="for the cost of doing nothing; 0: not measured (20)")
    parser.add_argument("--quick", action="store_true", help="2 seconds each, 10 KB, 1 and 16 senders")
    parser.add_argument("--folder", help="where data goes (default: a temporary folder beside it all, /var/tmp)")
    parser.add_argument("--json", metavar="FILE", help="write all figures to FILE too")
    parser.add_argument("--binaries", default=".", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.quick:
        options.seconds, options.kilobytes, options.senders, options.idle_seconds = 2, [10], [1, 16], 5
    return options


def prepare(cluster):
    """Gives each shard an account: a new account goes to the shard that has the fewest. Returns the addresses."""
    more = [f"load{n}@{DOMAIN}" for n in range(SHARDS - len(cluster.accounts))]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda user: cluster.admin("account", "add", user, input="not to be used\n"), more))
    return [account["user"] for account in cluster.accounts] + more


class Bench:
    def __init__(self, options, say=print):
        self.options, self.say = options, say
        self.cells = []
        self.flushed = {}
        self.idle = {}

    def run(self):
        for _ in range(self.options.rounds):
            for kilobytes in self.options.kilobytes:
                for stores in self.options.stores:
                    self._measure_cluster(stores, kilobytes)

    def _measure_cluster(self, stores, kilobytes):
        folder = tempfile.mkdtemp(prefix="replication-", dir=self.options.folder or os.environ.get("TEST_TMPDIR", "/var/tmp"))
        with Cluster(folder, self.options.binaries, stores=stores, settings={"store": {"shards": SHARDS}}) as cluster:
            cluster.start()
            recipients = prepare(cluster)
            time.sleep(SETTLE_SECONDS)
            if self.options.idle_seconds and stores not in self.idle:
                self.idle[stores] = self._idle(cluster)
            before = sum(measuring.Sample(cluster).written.values())
            octets = 0
            for senders in self.options.senders:
                octets += self._load(cluster, recipients, stores, kilobytes, senders)
            written = measuring.written_until_the_end(cluster) - before
            self.flushed.setdefault((stores, kilobytes), written / octets)
            cluster.stop()
        shutil.rmtree(folder)

    def _idle(self, cluster):
        begin = measuring.Sample(cluster)
        time.sleep(self.options.idle_seconds)
        use = measuring.Use(begin, measuring.Sample(cluster))
        return {name: used / use.seconds for name, used in use.cpu.items()}

    def _load(self, cluster, recipients, stores, kilobytes, senders):
        """One load; returns the octets of all its messages, those outside of the measured time too."""
        targets = [f"{one['host']}:{one['port']}" for one in cluster.listeners("smtp")]
        argv = [os.path.join(self.options.binaries, "tests/bench/smtp_load"), ",".join(targets), ",".join(recipients),
                str(senders), str(kilobytes * 1000), str(WARM_UP_SECONDS), str(self.options.seconds)]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as generator:
            if generator.stdout.readline() != "measuring\n":
                raise RuntimeError("the load did not begin")
            begin = measuring.Sample(cluster)
            measured = generator.stdout.readline()
            end = measuring.Sample(cluster)
            total = generator.stdout.readline()
            if generator.wait(GENERATOR_SECONDS) != 0:
                raise RuntimeError("messages were refused or connections lost; see above")
        cell = dict(stores=stores, kilobytes=kilobytes, senders=senders,
                    **figures(json.loads(measured), measuring.Use(begin, end), kilobytes * 1000))
        self.cells.append(cell)
        self.say(report.cells_table([cell]).splitlines()[-1] if len(self.cells) > 1 else report.cells_table([cell]), flush=True)
        return json.loads(total)["delivered_in_all"] * kilobytes * 1000

    def result(self):
        return {"cells": report.medians(self.cells),
                "flushed": [{"stores": stores, "kilobytes": kilobytes, "written_per_byte": value}
                            for (stores, kilobytes), value in self.flushed.items()],
                "idle": self.idle}


def figures(load, use, message_bytes):
    """The figures of a cell, of what the generator has seen and the servers have used."""
    delivered = max(1, load["delivered"])
    return {
        "deliveries_per_second": load["delivered"] / load["seconds"],
        "p50_ms": load["p50_ms"],
        "p99_ms": load["p99_ms"],
        "max_ms": load["max_ms"],
        "cpu_seconds_per_1000": 1000 * use.cpu_of() / delivered,
        "store_cpu_seconds_per_1000": 1000 * use.cpu_of("store") / delivered,
        "mx_cpu_seconds_per_1000": 1000 * use.cpu_of("mx") / delivered,
        "cpu_cores": use.cpu_of() / use.seconds,
        "generator_cores": load["generator_cpu_seconds"] / load["seconds"],
        "syncs_per_second": use.syncs_per_second(),
        "sync_ms": use.sync_milliseconds(),
        "deliveries_per_sync": load["delivered"] / max(1, max(use.syncs.values())),
        "written_per_byte": sum(use.written.values()) / (delivered * message_bytes),
    }


def main(argv):
    options = arguments(argv)
    with tempfile.TemporaryDirectory(dir=options.folder or "/var/tmp") as folder:
        sync = measuring.disk_sync_milliseconds(folder)
    print(f"{os.cpu_count()} cores; an append of 12 KB with fdatasync takes {sync:.2f} ms here, so one after the other "
          f"{1000 / sync:.0f} a second\n", flush=True)
    bench = Bench(options)
    bench.run()
    cells = report.medians(bench.cells)
    print(f"\n{report.cells_table(cells)}\n\n{report.LEGEND}\n")
    if ratios := report.ratios_table(cells):
        print(f"{ratios}\n")
    print(f"Bytes written for a byte of message, all loads of a cluster together, once everything is written out:\n"
          f"{report.amplification_table(bench.flushed)}\n")
    for stores, idle in bench.idle.items():
        print(f"Doing nothing, {stores} stores, {SHARDS} shards:\n{report.idle_table(idle)}\n")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as out:
            json.dump(dict(bench.result(), sync_ms=sync), out, indent=2)


if __name__ == "__main__":
    main(sys.argv[1:])
