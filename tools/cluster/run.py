"""What `./run` does once everything is built: see `./run --help`."""

import argparse
import collections
import imaplib
import json
import os
import shutil
import signal
import smtplib
import sys
import tempfile
import time

from tests.e2e import history, reading, sending
from tests.e2e.leader_loss import first_250
from tools.cluster.cluster import Cluster, ClusterError

# How long a message that was answered 250 may take until IMAP shows it. Promise P1 says at once; the
# margin is for a machine that is busy with other things.
VISIBLE_SECONDS = 10

# The load under which the leader of alice's shard is killed.
SENDERS = 8
PROFILE = sending.Profile(users=("alice",), large_share=0.01, all_recipients_share=0)
# Before the kill, while the store is away, and after it is back.
LOAD_SECONDS = 3


def arguments():
    parser = argparse.ArgumentParser(
        prog="./run", description="Builds Packetboat and runs a cluster of it on loopback: two MXes, signer, auth "
        "and three stores, with mutual TLS, the domain example.test and the accounts alice and bob.")
    parser.add_argument("--check", action="store_true",
                        help="send messages through every MX and read them back through every store; kill the leader of "
                        "alice's shard under load and show that nothing acknowledged is lost; and end")
    parser.add_argument("--stores", type=int, default=3, help="how many stores (default: 3)")
    parser.add_argument("--endpoints", metavar="FILE",
                        help="once everything is ready, write what listens where to FILE, as JSON")
    parser.add_argument("--config", metavar="FILE", action="append", default=[],
                        help="settings that are merged into every process's configuration")
    parser.add_argument("--folder", metavar="DIR",
                        help="keep certificates, data and logs in DIR (default: a temporary folder)")
    parser.add_argument("--binaries", default="bazel-bin", help=argparse.SUPPRESS)
    return parser.parse_args()


def show(cluster):
    print(f"\n{'process':<10}{'protocol':<12}{'address':<22}tls")
    for one in cluster.listeners():
        print(f"{one['name']:<10}{one['protocol']:<12}{one['host'] + ':' + str(one['port']):<22}{one['tls']}")
    print()
    for account in cluster.accounts:
        print(f"log in as {account['user']} with password {account['password']}")
    imaps, smtp = cluster.listeners("imaps")[0], cluster.listeners("smtp")[0]
    print(f"trust     {cluster.ca}")
    print(f"read      curl --cacert {cluster.ca} --user '{cluster.accounts[0]['user']}:"
          f"{cluster.accounts[0]['password']}' imaps://localhost:{imaps['port']}/INBOX")
    print(f"send      swaks --server {smtp['host']}:{smtp['port']} --to {cluster.accounts[0]['user']}")
    print(f"logs      {cluster.folder}/*.log")
    print(f"leaders   {leaders(cluster)}")
    print(f"status    {cluster.packetboat} --config {cluster.operator_config} cluster status --watch\n", flush=True)


def leaders(cluster):
    shards = cluster.status()["shards"]
    led = collections.Counter(one["leader"] for one in shards)
    nobody = led.pop(None, 0)
    counts = [f"{name} of {led[name]}" for name in sorted(led)] + [f"nobody of {nobody}" for _ in range(bool(nobody))]
    return ", ".join(counts) + f" ({len(shards)} shards)"


def watch(cluster, until):
    """A line for each change of a process's health."""
    seen = {}
    while not until():
        for one in cluster.processes.values():
            state = one.state()
            if seen.get(one.name) != state:
                print(f"{time.strftime('%H:%M:%S')} {one.name:<9}{state}", flush=True)
                seen[one.name] = state
        time.sleep(0.5)


def write_endpoints(cluster, path):
    """Complete or not at all, since a script may be waiting for the file; it holds passwords."""
    mode = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    with open(os.open(path + ".new", mode, 0o600), "w", encoding="utf-8") as out:
        json.dump(cluster.endpoints(), out, indent=2)
        out.write("\n")
    os.replace(path + ".new", path)


def messages(user, via):
    """(name, octets, ESMTP options) of messages that differ in what they ask of the path."""
    head = (f"From: Check <check@sender.example>\r\nTo: {user}\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\n"
            f"Message-ID: <%s.{via}@sender.example>\r\nSubject: %s through {via}\r\n")

    def build(name, rest, options=()):
        return name, (head % (name, name)).encode() + rest, list(options)

    return [
        build("plain", b"\r\nHello,\r\nthis is a plain message.\r\n"),
        build("dots", b"\r\n.\r\n..\r\n.leading\r\nmiddle.\r\n...\r\n"),
        build("eight-bit", "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
              "Content-Transfer-Encoding: 8bit\r\n\r\nGr\u00fc\u00dfe aus K\u00f6ln\r\n".encode(),
              ["BODY=8BITMIME"]),
        build("multipart", b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n'
              b"--b\r\n\r\none\r\n--b\r\nContent-Type: application/octet-stream\r\n"
              b"Content-Transfer-Encoding: base64\r\n\r\nAAEC\r\n--b--\r\n"),
        build("international", "X-Greeting: K\u00f6ln\r\n\r\nGr\u00fc\u00dfe\r\n".encode(),
              ["SMTPUTF8", "BODY=8BITMIME"]),
        build("large", b"\r\n" + (b"0123456789abcdef" * 4 + b"\r\n") * 50000),
    ]


def missing(sent, mailbox):
    """The names of those that are not there exactly once, octet for octet below the trace fields."""
    stored = collections.Counter(reading.below_trace(octets) for _, octets in mailbox.messages)
    return [name for name, octets in sent if stored[octets] != 1]


def check_round_trip(cluster):
    """Real messages in through every MX, out through IMAPS of every store. Returns the text of a failure, or None."""
    for account in cluster.accounts:
        sent = []
        for mx in cluster.listeners("smtp"):
            for name, octets, options in messages(account["user"], mx["name"]):
                with smtplib.SMTP(mx["host"], mx["port"], local_hostname="sender.example") as smtp:
                    if len(sent) % 2:
                        smtp.starttls(context=cluster.tls())
                    smtp.ehlo()
                    sender = "j\u00f6rg@sender.example" if "SMTPUTF8" in options else "check@sender.example"
                    smtp.sendmail(sender, [account["user"]], octets, options)
                sent.append((f"{name} through {mx['name']}", octets))
        for imaps in cluster.listeners("imaps"):
            end = time.monotonic() + VISIBLE_SECONDS
            while (gone := missing(sent, reading.read(cluster, account, store=imaps["name"]))) and time.monotonic() < end:
                time.sleep(0.1)
            if gone:
                return f"{account['user']} at {imaps['name']}: not there exactly once: {', '.join(gone)}"
        print(f"{account['user']}: {len(sent)} messages ({sum(len(one[1]) for one in sent)} octets) through "
              f"{len(cluster.listeners('smtp'))} MXes, each read back octet for octet from every store", flush=True)
    return None


def check_leader_loss(cluster):
    """The leader of alice's shard is killed under load. Returns the text of a failure, or None."""
    alice = cluster.accounts[0]
    before = {content.store: len(content.messages) for content in reading.contents(cluster, alice)}
    with sending.Load(cluster, "check", SENDERS, PROFILE) as load:
        time.sleep(LOAD_SECONDS)
        name = cluster.leader_of(alice["user"])
        process = cluster.processes[name]
        os.kill(process.pid, signal.SIGKILL)
        killed = time.monotonic()
        waited = first_250(load, alice["user"], killed)
        print(f"{name}, the leader of alice's shard, was killed under a load of {SENDERS} senders: the next 250 came "
              f"after {waited:.3f} s", flush=True)
        time.sleep(LOAD_SECONDS)
        process.child.wait()
        restarted = time.monotonic()
        cluster.restart(name)
        cluster.wait_ready([name])
        print(f"{name} was started again and was ready after {time.monotonic() - restarted:.3f} s", flush=True)
        time.sleep(LOAD_SECONDS)
    if load.failure():
        return str(load.failure())
    contents = [history.Content(one.store, one.uid_validity, one.messages[before[one.store]:])
                for one in reading.contents(cluster, alice)]
    faults = history.faults(load.arrivals(alice["user"]), [], contents)
    if faults:
        return "\n".join(faults)
    print(f"{load.summary()}: each 250 is there exactly once, through every store")
    return None


def check(cluster):
    reason = check_round_trip(cluster)
    if reason is None and len(cluster.listeners("imaps")) > 1:
        reason = check_leader_loss(cluster)
    return reason


def main():
    args = arguments()
    folder = args.folder or tempfile.mkdtemp(prefix="packetboat-")
    stopping = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.append(True))
    status = 1
    try:
        with Cluster(folder, args.binaries, stores=args.stores, extra_configs=args.config) as cluster:
            cluster.start()
            show(cluster)
            if args.endpoints:
                write_endpoints(cluster, args.endpoints)
            if args.check:
                reason = check(cluster)
            else:
                watch(cluster, lambda: stopping)
                reason = None
            bad = cluster.stop()
            if reason is None and bad:
                reason = f"did not stop cleanly: {bad}"
            if reason:
                print(f"FAILED: {reason}", file=sys.stderr)
            elif args.check:
                print("OK: everything that was answered 250 is there, once, unchanged")
            status = 1 if reason else 0
    except (AssertionError, ClusterError, OSError, smtplib.SMTPException, imaplib.IMAP4.error) as error:
        print(f"FAILED: {error}", file=sys.stderr)
    if status == 0 and not args.folder:
        shutil.rmtree(folder, ignore_errors=True)
    elif status:
        print(f"certificates, data and logs are kept in {folder}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
