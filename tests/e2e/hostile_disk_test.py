"""Disks that are full or read-only, and a certificate that has expired: said plainly, nothing lost, and well again by itself.

    bazel test //tests/e2e:hostile_disk_test

The data folders are file systems of their own (tmpfs), in a mount namespace of the test: needs root.
"""

import contextlib
import ctypes
import itertools
import os
import subprocess
import tempfile
import time
import unittest

from tests.e2e import reading, running
from tests.e2e.exact_client import HELLO, Client
from tools.cluster.cluster import Place

MIB = 1 << 20
DISK = 512 * MIB
# Of the test's small disks; and an MX that is soon done with looking for a store with room.
RESERVES = {"store": {"disk_reserve_soft": "192MiB", "disk_reserve_hard": "128MiB"}, "mx": {"commit_wait": "3s"}}
SMALL = b"Subject: small\r\n\r\n\r\n"
# More than an MX keeps in memory.
LARGE = b"Subject: large\r\n\r\n" + b"large\r\n" * (MIB // 4)

_CLONE_NEWNS = 0x00020000
# Runs the rest of its arguments when there is a file system of its own below the data folder, named like the configuration.
_MOUNT = ('data=$(echo "$*" | sed "s/.*--config \\([^ ]*\\)\\.yaml.*/\\1/"); mountpoint -q "$data" || '
          f'mount -t tmpfs -o size={DISK},mode=700 none "$data"; exec "$@"')


def setUpModule():
    """What is mounted here is gone with this process, however it ends."""
    if os.geteuid() != 0:
        raise unittest.SkipTest("mounting needs root")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNS):
        raise unittest.SkipTest(f"no mount namespace: {os.strerror(ctypes.get_errno())}")
    run("mount", "--make-rprivate", "/")


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def wait_until(condition, what):
    end = time.monotonic() + running.PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"never came: {what}")
        time.sleep(0.1)


@contextlib.contextmanager
def small_disks(names, settings=None, **kwargs):
    places = {name: Place(command=["sh", "-c", _MOUNT, "sh"]) for name in names}
    with running.running(settings, places=places, **kwargs) as cluster:
        try:
            yield cluster
        finally:
            for one in cluster.processes.values():
                one.end(0)
            for name in names:
                run("umount", cluster.processes[name].data)


@contextlib.contextmanager
def unmounted(folder):
    """At the end."""
    try:
        yield
    finally:
        run("umount", folder)


class DiskTest(unittest.TestCase):

    numbers = itertools.count()

    def send(self, octets):
        """The codes of RCPT and of the message; 0 for what was not asked."""
        target = self.cluster.listeners("smtp")[0]
        with Client(target["host"], target["port"], local_hostname=HELLO, timeout=running.PATIENCE_SECONDS) as smtp:
            smtp.ehlo()
            smtp.mail(f"disk@{HELLO}")
            code, text = smtp.rcpt(self.alice["user"])
            if code != 250:
                return code, 0, text
            # Never the same octets twice: those could be a retry.
            code, text = smtp.data(b"Message-ID: <%d@disk>\r\n" % next(self.numbers) + octets)
            return 250, code, text

    def accepts(self, octets=SMALL):
        return self.send(octets)[:2] == (250, 250)

    def count(self):
        return len(reading.read(self.cluster, self.alice).messages)

    def test_a_full_disk_takes_no_mail_loses_none_and_takes_it_again(self):
        with small_disks(["store1"], RESERVES) as self.cluster:
            self.alice = self.cluster.accounts[0]
            store = self.cluster.processes["store1"]
            self.assertTrue(self.accepts())
            filler = os.path.join(store.data, "filler")
            for left, what in ((160 * MIB, "below the soft reserve"), (96 * MIB, "below the hard reserve"), (0, "full")):
                with self.subTest(what):
                    self.fill(filler, left)
                    wait_until(lambda: not self.accepts(LARGE), what)
                    kept = self.count()
                    rcpt, data, text = self.send(LARGE)
                    self.assertEqual((rcpt, data, text[:5]), (250, 452, b"4.3.1"))
                    with reading.login(self.cluster, self.alice) as imap:
                        self.assertRegex(str(imap.append("Archive", None, None, LARGE)), "'NO'.*UNAVAILABLE")
                    self.assertEqual(self.count(), kept, "what is there is read, and nothing was added")
                    self.assertRegex(store.get("/healthz")[1], r"(?m)^disk: \d+ bytes are free, less than")
                    os.unlink(filler)
                    wait_until(self.accepts, f"mail again after {what}")
                    self.assertEqual(self.count(), kept + 1)

    @staticmethod
    def fill(path, left):
        """Until so much is free."""
        free = os.statvfs(os.path.dirname(path))
        with open(path, "wb", buffering=0) as out:
            with contextlib.suppress(OSError):
                for _ in range((free.f_bavail * free.f_frsize - left) // MIB):
                    out.write(b"\0" * MIB)
                while not left:
                    out.write(b"\0" * 4096)

    def test_a_store_whose_data_folder_is_read_only_says_so_and_the_others_go_on(self):
        with small_disks(["store3"], stores=3) as self.cluster:
            self.alice = self.cluster.accounts[0]
            store = self.cluster.processes["store3"]
            self.assertTrue(self.accepts())
            self.cluster.kill("store3")
            run("mount", "-o", "remount,ro", store.data)
            self.cluster.restart("store3")
            self.assertNotEqual(store.child.wait(running.PATIENCE_SECONDS), 0)
            self.assertRegex(store.log_tail(3), "Read-only file system")
            wait_until(self.accepts, "mail with two of three")
            run("mount", "-o", "remount,rw", store.data)
            self.cluster.restart("store3")
            self.cluster.wait_ready()
            one = reading.read(self.cluster, self.alice, store="store1").messages
            self.assertEqual(reading.read(self.cluster, self.alice, store="store3").messages, one)

    def test_a_read_only_scratch_folder_refuses_for_now_what_needs_it(self):
        scratch = self.enterContext(tempfile.TemporaryDirectory(prefix="scratch-"))
        run("mount", "-t", "tmpfs", "none", scratch)
        self.enterContext(unmounted(scratch))
        with running.running({"mx": {"scratch": scratch}}, mxes=1) as self.cluster:
            self.alice = self.cluster.accounts[0]
            self.assertTrue(self.accepts(LARGE))
            run("mount", "-o", "remount,ro", scratch)
            rcpt, data, text = self.send(LARGE)
            self.assertEqual((rcpt, data), (250, 451), text)
            self.assertIn(b"4.3.5", text)
            self.assertTrue(self.accepts(), "a small one needs no scratch file")
            run("mount", "-o", "remount,rw", scratch)
            self.assertTrue(self.accepts(LARGE))


class CertificateTest(unittest.TestCase):

    def test_an_expired_certificate_is_said_on_health_and_stops_nothing_else(self):
        with running.running(mxes=1) as cluster:
            folder = os.path.dirname(cluster.ca)
            certificate, key = os.path.join(folder, "mail.pem"), os.path.join(folder, "mail.key")
            shown = [cluster.processes[name] for name in ("mx1", "store1")]
            with open(certificate, "rb") as file:
                good = file.read()
            # The same key, and a certificate that ended yesterday.
            request = os.path.join(folder, "old.csr")
            run("openssl", "req", "-new", "-key", key, "-subj", "/CN=localhost", "-out", request)
            run("openssl", "x509", "-req", "-in", request, "-signkey", key, "-days", "-1", "-out", certificate + ".new")
            os.replace(certificate + ".new", certificate)
            for process in shown:
                wait_until(lambda: "the certificate expired at" in process.get("/healthz")[1], f"health of {process.name}")
                self.assertEqual(process.get("/readyz")[0], 200, "most senders do not verify")
            with self.assertRaisesRegex(OSError, "certificate"):
                reading.login(cluster, cluster.accounts[0])
            target = cluster.listeners("smtp")[0]
            with Client(target["host"], target["port"], local_hostname=HELLO) as smtp:
                smtp.starttls()
                smtp.ehlo()
                self.assertEqual(smtp.send_one(cluster.accounts[0]["user"], b"Subject: still\r\n\r\n\r\n")[0], 250)
            with open(certificate + ".new", "wb") as out:
                out.write(good)
            os.replace(certificate + ".new", certificate)
            for process in shown:
                wait_until(lambda: "expired" not in process.get("/healthz")[1], f"health of {process.name}")
            self.assertEqual(len(reading.read(cluster, cluster.accounts[0]).messages), 1)


if __name__ == "__main__":
    unittest.main()
