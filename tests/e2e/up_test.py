"""`packetboat up`: one process from one configuration, driven by what `--endpoints` says; killed and started again.

    bazel test //tests/e2e:up_test
"""

import json
import os
import secrets
import signal
import ssl
import subprocess
import tempfile
import time
import unittest

from tests.e2e import reading, running
from tests.e2e.exact_client import HELLO, Client

CONFIG = """
node:
  data: {folder}/data
  http: 127.0.0.1:0
mx:
  hostname: mail.example.test
  listeners:
    - address: 127.0.0.1:0
store:
  imap:
    - address: 127.0.0.1:0
"""
DOMAIN = "example.test"


class Up:
    """The running process, as `reading` wants a cluster."""

    def __init__(self, folder):
        self.binary = os.path.join(os.path.abspath(running.binaries()), "cli/packetboat")
        self.config = os.path.join(folder, "packetboat.yaml")
        self.endpoints_file = os.path.join(folder, "endpoints.json")
        self.log = os.path.join(folder, "log")
        with open(self.config, "w", encoding="utf-8") as out:
            out.write(CONFIG.format(folder=folder))
        self.start([self.binary, "up", "--config", self.config, "--endpoints", self.endpoints_file])

    def start(self, argv):
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        end = time.monotonic() + running.PATIENCE_SECONDS
        while not os.path.exists(self.endpoints_file):
            if self.child.poll() is not None or time.monotonic() > end:
                self.kill()
                with open(self.log, encoding="utf-8") as log:
                    raise AssertionError(f"up is not ready:\n{log.read()[-3000:]}")
            time.sleep(0.05)
        with open(self.endpoints_file, encoding="utf-8") as endpoints:
            self.endpoints = json.load(endpoints)

    def restart(self):
        """As a script would that has nothing but the endpoints file."""
        os.remove(self.endpoints_file)
        self.start(self.endpoints["processes"][0]["restart"])

    def kill(self):
        self.child.kill()
        self.child.wait()

    def end(self, number):
        os.kill(self.endpoints["processes"][0]["pid"], number)
        return self.child.wait(running.PATIENCE_SECONDS)

    def admin(self, *args, **kwargs):
        return subprocess.run([self.binary, *args, "--config", self.config], check=True, text=True,
                              stdout=subprocess.PIPE, **kwargs).stdout

    def listeners(self, protocol):
        return [one for one in self.endpoints["listeners"] if one["protocol"] == protocol]

    def tls(self):
        return ssl.create_default_context(cafile=self.endpoints["ca"])


class UpTest(unittest.TestCase):

    def setUp(self):
        self.up = Up(self.enterContext(tempfile.TemporaryDirectory()))
        self.addCleanup(self.up.kill)
        self.account = {"user": f"anna@{DOMAIN}", "password": secrets.token_urlsafe(12)}
        self.up.admin("domain", "add", DOMAIN)
        self.up.admin("account", "add", self.account["user"], input=self.account["password"] + "\n")

    def deliver(self, octets):
        target = self.up.listeners("smtp")[0]
        with Client(target["host"], target["port"], local_hostname=HELLO) as smtp:
            smtp.ehlo()
            self.assertEqual(smtp.send_one(self.account["user"], octets)[0], 250)

    def bodies(self):
        mailbox = reading.read(self.up, self.account)
        return mailbox.uid_validity, [(uid, reading.below_trace(octets)) for uid, octets in mailbox.messages]

    def test_mail_outlives_sigkill_and_sigterm_with_its_uids(self):
        octets = [b"Subject: %d\r\n\r\n\r\n" % n for n in range(3)]
        self.deliver(octets[0])
        validity, found = self.bodies()
        self.assertEqual([body for _, body in found], octets[:1])
        self.assertEqual(self.up.end(signal.SIGKILL), -signal.SIGKILL)
        self.up.restart()
        self.deliver(octets[1])
        self.assertEqual(self.up.end(signal.SIGTERM), 0)
        self.up.restart()
        self.deliver(octets[2])
        later_validity, later = self.bodies()
        self.assertEqual((later_validity, later[:1]), (validity, found))
        self.assertEqual([body for _, body in later], octets)
        self.assertEqual(sorted({uid for uid, _ in later}), [uid for uid, _ in later])


if __name__ == "__main__":
    unittest.main()
