"""fetchmail (over IMAPS and STARTTLS) and getmail6 (which knows IMAPS alone) fetch all, what is new, and delete it on the server."""

import collections
import glob
import os
import stat
import subprocess
import tempfile
import unittest

from tests.e2e import reading, running
from tests.e2e.exact_client import HELLO, Client
from tests.interop import maildir, tools

MESSAGES = 25
_LINES = b"Gr\xc3\xbc\xc3\x9fe\r\n.\r\n..\r\n.dots\r\nFrom the beginning of a line\r\n" + b"long " * 180 + b"\r\n\r\n"

# fetchmail's own: nothing there to fetch is exit status 1.
_NOTHING_NEW = 1

FETCHMAIL = """
set invisible
poll localhost protocol IMAP service {port}
  username "{user}" password "{password}"
  {tls} sslcertck sslcertfile "{ca}"
  mda "{folder}/deliver"
  no rewrite no mimedecode
"""

# What a message is handed to: a file for each.
DELIVER = """#!/bin/sh
exec cat >"$(mktemp {folder}/fetched/XXXXXXXX)"
"""

GETMAIL = """
[retriever]
type = SimpleIMAPSSLRetriever
server = localhost
port = {port}
username = {user}
password = {password}
ca_certs = {ca}
mailboxes = ("INBOX",)

[destination]
type = MDA_external
path = {folder}/deliver
allow_root_commands = true

[options]
delivered_to = false
received = false
read_all = {read_all}
delete = {delete}
verbose = 2
"""


def message(name):
    return (f"From: Jörg <joerg@sender.example>\r\nTo: fetched@example.test\r\nSubject: {name}\r\n"
            f"Message-ID: <{name}@sender.example>\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\n"
            "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n").encode() + _LINES


class FetchersTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.cluster = cls.enterClassContext(running.running())
        cls.alice, cls.bob = cls.cluster.accounts

    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        self.env = {"HOME": self.folder, "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
        os.mkdir(os.path.join(self.folder, "fetched"))
        self.write("deliver", DELIVER.format(folder=self.folder), stat.S_IRWXU)

    def deliver(self, account, names):
        target = self.cluster.listeners("smtp")[0]
        with Client(target["host"], target["port"], local_hostname=HELLO) as smtp:
            smtp.ehlo()
            for name in names:
                self.assertEqual(smtp.send_one(account["user"], message(name))[0], 250)

    def stored(self, account):
        """{octets: how often}"""
        return collections.Counter(octets for _, octets in reading.read(self.cluster, account).messages)

    def write(self, name, text, mode=0o600):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        os.chmod(path, mode)
        return path

    def port(self, protocol):
        return self.cluster.listeners(protocol)[0]["port"]

    def take_fetched(self):
        """{octets: how often} of what was handed over since."""
        found = collections.Counter()
        for path in glob.glob(f"{self.folder}/fetched/*"):
            with open(path, "rb") as file:
                found[maildir.canonical(file.read())] += 1
            os.unlink(path)
        return found

    # -- fetchmail ---------------------------------------------------------------------------

    def fetchmail(self, account, protocol, *options):
        """What one run fetched."""
        program = tools.need("fetchmail")
        # `sslproto` without `ssl` insists on STARTTLS.
        tls = "ssl" if protocol == "imaps" else 'sslproto "TLS1.2+"'
        config = self.write("fetchmailrc", FETCHMAIL.format(
            port=self.port(protocol), tls=tls, ca=self.cluster.ca, folder=self.folder, **account))
        done = subprocess.run([program, "-f", config, "--pidfile", f"{self.folder}/pid", *options], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=tools.SECONDS, check=False,
                              env={**self.env, "FETCHMAILHOME": self.folder})
        self.assertIn(done.returncode, (0, _NOTHING_NEW), done.stdout.decode(errors="replace"))
        return self.take_fetched()

    def check_fetchmail(self, account, protocol):
        self.deliver(account, [f"fetchmail-{protocol}-{n}" for n in range(MESSAGES)])
        stored = self.stored(account)
        self.assertEqual(self.fetchmail(account, protocol, "--keep"), stored)
        self.assertEqual(self.fetchmail(account, protocol, "--keep"), collections.Counter(), "read ones are not new")
        self.deliver(account, [f"fetchmail-{protocol}-later"])
        self.assertEqual(self.fetchmail(account, protocol, "--keep"), self.stored(account) - stored)
        stored = self.stored(account)
        self.assertEqual(self.fetchmail(account, protocol, "--keep", "--all"), stored)
        self.assertEqual(self.fetchmail(account, protocol, "--nokeep", "--all"), stored)
        self.assertEqual(self.stored(account), collections.Counter())

    def test_fetchmail_over_imaps(self):
        self.check_fetchmail(self.alice, "imaps")

    def test_fetchmail_over_starttls(self):
        self.check_fetchmail(self.bob, "imap")

    # -- getmail6 ----------------------------------------------------------------------------

    def getmail(self, account, read_all=False, delete=False):
        """What one run fetched."""
        program = tools.need("getmail")
        config = self.write("getmailrc", GETMAIL.format(
            port=self.port("imaps"), ca=self.cluster.ca, folder=self.folder, read_all=str(read_all).lower(),
            delete=str(delete).lower(), **account))
        tools.run(program, "--getmaildir", self.folder, "--rcfile", config, env=self.env)
        return self.take_fetched()

    def test_getmail_over_imaps(self):
        self.deliver(self.alice, [f"getmail-{n}" for n in range(MESSAGES)])
        stored = self.stored(self.alice)
        self.assertEqual(self.getmail(self.alice), stored)
        self.assertEqual(self.getmail(self.alice), collections.Counter())
        self.deliver(self.alice, ["getmail-later"])
        self.assertEqual(self.getmail(self.alice), self.stored(self.alice) - stored)
        stored = self.stored(self.alice)
        self.assertEqual(self.getmail(self.alice, read_all=True, delete=True), stored)
        self.assertEqual(self.stored(self.alice), collections.Counter())


if __name__ == "__main__":
    unittest.main()
