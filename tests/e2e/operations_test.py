"""Running a cluster: health, metrics, logs, stopping, certificates, log-in.

    bazel test //tests/e2e:operations_test
"""

import base64
import imaplib
import json
import os
import signal
import smtplib
import socket
import ssl
import subprocess
import tempfile
import time
import unittest

from tests.e2e import reading, running, sending
from tests.e2e.exact_client import HELLO, Client
from tests.e2e.kill_test import faults

# Enough that each process is told to stop while senders are at it.
SENDERS = 3
ACKNOWLEDGED_BETWEEN = 20

CAROL = {"user": "carol@example.test", "password": "first-of-carols-passwords"}
CAROL_LATER = {"user": "carol@example.test", "password": "second-of-carols-passwords"}
WRONG = "not-the-password-%d"
FAILURES_FREE = 2


def wait_until(condition, what):
    end = time.monotonic() + running.PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"never came: {what}")
        time.sleep(0.05)


def hash_of(password):
    """As in Dovecot's passwd-file."""
    done = subprocess.run(["openssl", "passwd", "-6", "-stdin"], input=password + "\n",
                          stdout=subprocess.PIPE, text=True, check=True)
    return "{SHA512-CRYPT}" + done.stdout.strip()


def log_lines(process):
    with open(process.log, encoding="utf-8") as log:
        return [json.loads(line) for line in log if line.strip()]


class ImapFrom(imaplib.IMAP4_SSL):
    """Comes from an address of its own on loopback, which is another network to the auth service."""

    def __init__(self, address, cluster):
        self._address = address
        super().__init__("localhost", cluster.listeners("imaps")[0]["port"], ssl_context=cluster.tls())

    def _create_socket(self, timeout):
        plain = socket.create_connection(("127.0.0.1", self.port), source_address=(self._address, 0))
        return self.ssl_context.wrap_socket(plain, server_hostname=self.host)


def logs_in(cluster, account, address="127.0.0.1"):
    with ImapFrom(address, cluster) as imap:
        try:
            return imap.login(account["user"], account["password"])[0] == "OK"
        except imaplib.IMAP4.error:
            return False


def deliver(cluster, mx, account, octets):
    """The id that the 250 named."""
    target = next(one for one in cluster.listeners("smtp") if one["name"] == mx)
    with Client(target["host"], target["port"], local_hostname=HELLO) as smtp:
        smtp.ehlo()
        code, text = smtp.send_one(account["user"], octets)
    assert code == 250, text
    return text.split()[-1].decode()


class OperationsTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.cluster = cls.enterClassContext(running.running())
        cls.alice, cls.bob = cls.cluster.accounts

    def test_every_role_tells_health_and_metrics(self):
        for process in self.cluster.processes.values():
            self.assertEqual(process.get("/healthz")[0], 200, process.name)
            self.assertEqual(process.get("/readyz")[0], 200, process.name)
            status, metrics = process.get("/metrics")
            self.assertEqual(status, 200, process.name)
            self.assertRegex(metrics, r"(?m)^# TYPE packetboat_\w+ (counter|gauge|histogram)$")
        mx = self.cluster.processes["mx1"]
        name = 'packetboat_mx_messages_total{outcome="accepted",protocol="smtp"}'

        def accepted():
            return next((float(line.split()[-1]) for line in mx.get("/metrics")[1].splitlines()
                         if line.startswith("packetboat_mx_messages_total") and '"accepted"' in line
                         and '"smtp"' in line), None)

        before = accepted()
        self.assertIsNotNone(before, name)
        deliver(self.cluster, "mx1", self.alice, b"Subject: counted\r\n\r\n\r\n")
        self.assertEqual(accepted(), before + 1)

    def test_the_id_of_the_250_stands_in_the_lines_of_mx_and_store(self):
        identifier = deliver(self.cluster, "mx2", self.alice, b"Subject: followed\r\n\r\n\r\n")
        for name, events in [("mx2", {"transaction", "message received", "message committed"}),
                             ("store1", {"delivered"})]:
            lines = log_lines(self.cluster.processes[name])
            self.assertEqual({one["event"] for one in lines if one.get("id") == identifier}, events)
            for one in lines:
                self.assertEqual(one["node"], name)
                self.assertLessEqual({"time", "level", "event", "role"}, set(one))

    def test_a_new_certificate_is_shown_without_a_restart_and_sessions_go_on(self):
        imaps, smtp = self.cluster.listeners("imaps")[0], self.cluster.listeners("smtp")[0]
        folder = os.path.dirname(self.cluster.ca)

        def shown_by_imaps():
            with socket.create_connection((imaps["host"], imaps["port"])) as plain, \
                    self.cluster.tls().wrap_socket(plain, server_hostname="localhost") as tls:
                return tls.getpeercert(binary_form=True)

        def shown_by_smtp():
            with smtplib.SMTP(smtp["host"], smtp["port"], local_hostname=HELLO) as client:
                client._host = "localhost"  # What the certificate is checked against.
                client.starttls(context=self.cluster.tls())
                return client.sock.getpeercert(binary_form=True)

        old = shown_by_imaps()
        self.assertEqual(shown_by_smtp(), old)
        pids = {name: one.pid for name, one in self.cluster.processes.items()}
        with reading.login(self.cluster, self.alice) as session:
            subprocess.run([self.cluster.packetboat, "cluster", "ca", "issue", folder, "--mail", "--name",
                            "mail", "--dns", "localhost", "--dns", "renewed.example.test", "--force"],
                           check=True, stdout=subprocess.DEVNULL)
            with open(f"{folder}/mail.pem", encoding="ascii") as pem:
                new = ssl.PEM_cert_to_DER_cert(pem.read().split("-----END CERTIFICATE-----")[0]
                                               + "-----END CERTIFICATE-----\n")
            self.assertNotEqual(new, old)
            wait_until(lambda: shown_by_imaps() == new, "the store shows the new certificate")
            wait_until(lambda: shown_by_smtp() == new, "the MX shows the new certificate")
            self.assertEqual(session.noop()[0], "OK")
        self.assertEqual(pids, {name: one.pid for name, one in self.cluster.processes.items()})


class ReadinessTest(unittest.TestCase):

    def test_an_mx_without_a_store_lives_but_is_not_ready_and_says_why(self):
        with running.running({"mx": {"ready_grace": "100ms"}}) as cluster:
            mx = cluster.processes["mx1"]
            cluster.kill("store1")
            wait_until(lambda: mx.get("/readyz")[0] == 503, "not ready")
            self.assertIn("stores: ", mx.get("/readyz")[1])
            self.assertEqual(mx.get("/healthz")[0], 200)
            target = cluster.listeners("smtp")[0]
            with smtplib.SMTP(target["host"], target["port"], local_hostname=HELLO) as smtp:
                smtp.ehlo()
                smtp.mail("someone@sender.example")
                self.assertEqual(smtp.rcpt(cluster.accounts[0]["user"])[0], 451)
            # Auth goes on from its copy.
            self.assertIn("auth: OK", mx.get("/healthz")[1])
            cluster.restart("store1")
            wait_until(lambda: mx.get("/readyz")[0] == 200, "ready again")

    def test_an_mx_whose_auth_has_no_copy_of_the_directory_is_not_ready_and_says_why(self):
        with running.running({"mx": {"ready_grace": "100ms"}}) as cluster:
            mx, auth, store = (cluster.processes[name] for name in ("mx1", "auth1", "store1"))
            with open(auth.config, encoding="utf-8") as config:
                usual = config.read()
            stores = next(one for one in store.listeners if one["protocol"] == "grpc")

            def restart(text):
                with open(auth.config, "w", encoding="utf-8") as out:
                    out.write(text)
                cluster.kill("auth1")
                cluster.restart("auth1")

            # It finds no store.
            restart(usual.replace(f":{stores['port']}", ":9"))
            wait_until(lambda: mx.get("/readyz")[0] == 503, "not ready")
            told = mx.get("/readyz")[1]
            self.assertIn("stores: OK", told)
            self.assertRegex(told, "auth: .*no auth is connected and able to serve")
            self.assertEqual(auth.get("/readyz")[0], 503)
            self.assertNotIn("directory: OK", auth.get("/readyz")[1])
            # Who has logged in goes on, and others may come once it is back: a store stays ready, and names it.
            self.assertEqual(store.get("/readyz")[0], 200)
            self.assertRegex(store.get("/healthz")[1], "auth: .*no auth is connected and able to serve")
            restart(usual)
            wait_until(lambda: mx.get("/readyz")[0] == 200, "ready again")


class StopTest(unittest.TestCase):

    def test_a_transaction_in_flight_is_answered_after_sigterm(self):
        with running.running() as cluster:
            alice, mx = cluster.accounts[0], cluster.processes["mx1"]
            target = cluster.listeners("smtp")[0]
            head, tail = b"Subject: in flight\r\n\r\nbefore\r\n", b"after\r\n"
            smtp = Client(target["host"], target["port"], local_hostname=HELLO)
            self.addCleanup(smtp.close)
            smtp.ehlo()
            smtp.mail("someone@sender.example")
            smtp.rcpt(alice["user"])
            self.assertEqual(smtp.docmd("DATA")[0], 354)
            smtp.sock.sendall(head)
            cluster.kill("mx1", signal.SIGTERM)
            wait_until(lambda: not self.listens(target), "no new connections")
            self.assertIsNone(mx.child.poll())
            smtp.sock.sendall(tail + b".\r\n")
            self.assertEqual(smtp.getreply()[0], 250)
            self.assertEqual(smtp.getreply()[0], 421)
            self.assertEqual(mx.child.wait(running.PATIENCE_SECONDS), 0)
            stored = [reading.below_trace(octets) for _, octets in reading.read(cluster, alice).messages]
            self.assertEqual(stored, [head + tail])

    @staticmethod
    def listens(target):
        try:
            socket.create_connection((target["host"], target["port"])).close()
            return True
        except OSError:
            return False

    def test_every_process_restarts_cleanly_under_load_and_nothing_is_lost(self):
        with running.running() as cluster:
            with sending.Load(cluster, "stop", SENDERS) as load:
                for name, process in cluster.processes.items():
                    goal = load.acknowledged() + ACKNOWLEDGED_BETWEEN
                    wait_until(lambda: load.acknowledged() >= goal or load.failure(), "mail goes on")
                    cluster.kill(name, signal.SIGTERM)
                    self.assertEqual(process.child.wait(running.PATIENCE_SECONDS), 0, name)
                    cluster.restart(name)
                    cluster.wait_ready([name])
            self.assertEqual(faults(cluster, [load]), [])
            self.assertEqual(cluster.stop(), {})


    def test_what_a_script_killed_and_started_again_is_stopped_with_the_rest(self):
        with running.running() as cluster:
            endpoints = json.loads(json.dumps(cluster.endpoints()))
            mx = next(one for one in endpoints["processes"] if one["name"] == "mx1")
            os.kill(mx["pid"], signal.SIGKILL)
            cluster.processes["mx1"].child.wait()
            stranger = subprocess.Popen(mx["restart"], stderr=subprocess.DEVNULL)
            self.addCleanup(stranger.wait)
            self.addCleanup(stranger.kill)
            wait_until(lambda: cluster.processes["mx1"].state() == "ready", "a stranger in the place of mx1")
            deliver(cluster, "mx1", cluster.accounts[0], b"Subject: by a stranger\r\n\r\n\r\n")
            self.assertEqual(cluster.stop(), {})
            self.assertEqual(stranger.wait(), 0)


class LogInTest(unittest.TestCase):

    def setUp(self):
        self.users = os.path.join(self.enterContext(tempfile.TemporaryDirectory()), "users")
        self.write()
        self.cluster = self.enterContext(running.running({"auth": {
            "user_files": [{"file": self.users, "format": "passwd"}], "failures_free": FAILURES_FREE,
            "failure_delay": "1h", "failure_delay_max": "1h"}}))
        self.write(CAROL)
        wait_until(lambda: CAROL["user"] in self.cluster.admin("account", "list"), "an account for the user")

    def write(self, *accounts):
        with open(self.users + ".new", "w", encoding="ascii") as out:
            for account in accounts:
                out.write(f"{account['user']}:{hash_of(account['password'])}\n")
        os.replace(self.users + ".new", self.users)

    def test_a_passwd_file_is_read_again_when_it_changes(self):
        self.assertTrue(logs_in(self.cluster, CAROL))
        deliver(self.cluster, "mx1", CAROL, b"Subject: to a file's user\r\n\r\n\r\n")
        self.assertEqual(len(reading.read(self.cluster, CAROL).messages), 1)
        before = len(self.auth_lines("user file read"))
        self.write(CAROL_LATER)
        # Guessing until it is right would be slowed down.
        wait_until(lambda: len(self.auth_lines("user file read")) > before, "the file is read again")
        self.assertTrue(logs_in(self.cluster, CAROL_LATER))
        self.assertFalse(logs_in(self.cluster, CAROL))
        self.assertEqual(len(reading.read(self.cluster, CAROL_LATER).messages), 1)

    def test_a_guesser_is_slowed_down_and_cannot_lock_the_owner_out(self):
        alice = self.cluster.accounts[0]
        for number in range(FAILURES_FREE + 1):
            self.assertFalse(logs_in(self.cluster, dict(alice, password=WRONG % number), "127.66.0.1"))
        # Not even the right password is looked at from there.
        self.assertFalse(logs_in(self.cluster, alice, "127.66.0.1"))
        self.assertTrue(logs_in(self.cluster, alice, "127.77.0.1"))
        self.assertIn("slowed down", [one["result"] for one in self.auth_lines("log-in")])

    def auth_lines(self, event):
        return [one for one in log_lines(self.cluster.processes["auth1"]) if one["event"] == event]

    def test_no_password_is_in_any_log(self):
        words = []
        for account in [*self.cluster.accounts, CAROL]:
            self.assertTrue(logs_in(self.cluster, account))
            with ImapFrom("127.0.0.1", self.cluster) as imap:
                secret = f"\0{account['user']}\0{account['password']}".encode()
                self.assertEqual(imap.authenticate("PLAIN", lambda _, secret=secret: secret)[0], "OK")
            wrong = dict(account, password=WRONG % 0)
            self.assertFalse(logs_in(self.cluster, wrong))
            words += [account["password"], wrong["password"], base64.b64encode(secret).decode()]
        for process in self.cluster.processes.values():
            with open(process.log, encoding="utf-8") as log:
                text = log.read()
            for word in words:
                self.assertNotIn(word, text, process.name)


if __name__ == "__main__":
    unittest.main()
