"""swaks sends; mbsync, curl and imaplib read: octet for octet below the trace fields."""

import collections
import glob
import imaplib
import os
import re
import sys
import tempfile
import unittest

from tests.e2e import reading, real_messages, running
from tests.e2e.exact_client import HELLO, Client
from tests.interop import tools

EIGHT_BIT = ("From: Jörg <joerg@sender.example>\r\nTo: alice@example.test\r\nSubject: Grüße\r\n"
             "Message-ID: <%s@sender.example>\r\nMIME-Version: 1.0\r\n"
             "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
             "Grüße aus Köln\r\n.\r\n..\r\n.dots\r\n\r\n")

MBSYNC = """
IMAPAccount cluster
Host localhost
Port {port}
User {user}
Pass {password}
SSLType IMAPS
CertificateFile {ca}
AuthMechs LOGIN

IMAPStore cluster
Account cluster

MaildirStore local
Path {folder}/
Inbox {folder}/INBOX
SubFolders Verbatim

Channel all
Far :cluster:
Near :local:
Patterns INBOX
Create Near
Sync Pull
SyncState *
"""


def real():
    try:
        return [real_messages.as_crlf(octets) for _, octets in real_messages.collect()]
    except real_messages.Missing as missing:
        return tools.skip(str(missing))


class ClientsTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.cluster = cls.enterClassContext(running.running())
        cls.alice, cls.bob = cls.cluster.accounts
        cls.imaps = cls.cluster.listeners("imaps")[0]

    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())

    def send(self, account, messages):
        targets = self.cluster.listeners("smtp")
        for number, octets in enumerate(messages):
            target = targets[number % len(targets)]
            with Client(target["host"], target["port"], local_hostname=HELLO) as smtp:
                smtp.ehlo()
                self.assertEqual(smtp.send_one(account["user"], octets)[0], 250)

    def bodies(self, account):
        return collections.Counter(
            reading.below_trace(octets) for _, octets in reading.read(self.cluster, account).messages)

    def test_swaks_delivers_through_both_mxes_plain_with_tls_and_pipelined(self):
        swaks = tools.need("swaks")
        before, sent = self.bodies(self.alice), collections.Counter()
        for target in self.cluster.listeners("smtp"):
            ways = {"plain": [], "tls": ["--tls", "--tls-verify", "--tls-ca-path", self.cluster.ca],
                    "pipelined": ["--pipeline"], "both": ["--tls", "--pipeline"]}
            for way, options in ways.items():
                octets = (EIGHT_BIT % f"{way}.{target['name']}").encode()
                path = os.path.join(self.folder, way)
                with open(path, "wb") as out:
                    out.write(octets)
                said = tools.run(swaks, "--server", f"{target['host']}:{target['port']}",
                                 "--helo", HELLO, "--from", "swaks@sender.example",
                                 "--to", self.alice["user"], "--data", f"@{path}", *options)
                self.assertIn(b"queued as", said)
                sent[octets] += 1
        # swaks ends the data with an empty line of its own.
        found = collections.Counter({octets.removesuffix(b"\r\n"): count for octets, count in
                                     (self.bodies(self.alice) - before).items()})
        self.assertEqual(found, sent)

    def test_mbsync_fetches_real_messages_into_a_maildir(self):
        mbsync, messages = tools.need("mbsync"), real()
        self.send(self.bob, messages)
        config = os.path.join(self.folder, "mbsyncrc")
        with open(config, "w", encoding="utf-8") as out:
            out.write(MBSYNC.format(port=self.imaps["port"], ca=self.cluster.ca, folder=self.folder,
                                    user=self.bob["user"], password=self.bob["password"]))
        for _ in range(2):  # The second time nothing is new.
            tools.run(mbsync, "-c", config, "all", env={"HOME": self.folder, "PATH": os.environ["PATH"]})
        fetched = collections.Counter()
        for path in glob.glob(f"{self.folder}/INBOX/*/*"):
            with open(path, "rb") as message:
                # A Maildir has Unix's line ends.
                octets = message.read().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
            # The mark by which mbsync finds a message again.
            fetched[re.sub(rb"(?m)^X-TUID: .*\r\n", b"", reading.below_trace(octets), count=1)] += 1
        # A header that no empty line ends is "incomplete" to mbsync, which skips such a message, and says so.
        whole = [one for one in messages if b"\r\n\r\n" in b"\r\n" + one]
        expected = collections.Counter(real_messages.without_return_path(one) for one in whole)
        self.assertEqual(fetched - expected, collections.Counter())
        self.assertEqual(expected - fetched, collections.Counter())
        print(f"mbsync fetched {fetched.total()} real messages; {len(messages) - len(whole)} without an "
              "end of header are none to it", file=sys.stderr)

    def test_curl_lists_and_reads_over_imaps(self):
        curl = tools.need("curl")
        octets = (EIGHT_BIT % "curl").encode()
        self.send(self.alice, [octets])
        stored = reading.read(self.cluster, self.alice).messages
        uid = next(uid for uid, one in stored if reading.below_trace(one) == octets)
        common = [curl, "--silent", "--show-error", "--cacert", self.cluster.ca,
                  "--user", f"{self.alice['user']}:{self.alice['password']}"]
        url = f"imaps://localhost:{self.imaps['port']}"
        self.assertIn(b"INBOX", tools.run(*common, url))
        self.assertEqual(dict(stored)[uid], tools.run(*common, f"{url}/INBOX;UID={uid}"))

    def test_imaplib_walks_through_a_session(self):
        octets = b"Subject: draft\r\n\r\nnot finished\r\n"
        with reading.login(self.cluster, self.alice) as imap:
            self.assertIn(b"UIDPLUS", imap.capability()[1][0].split())
            self.assertEqual(imap.append("Drafts", r"(\Draft)", None, octets)[0], "OK")
            self.assertEqual(imap.select("Drafts")[0], "OK")
            uid = imap.uid("SEARCH", "SUBJECT", "draft")[1][0].split()[-1].decode()
            self.assertEqual(imap.uid("FETCH", uid, "(BODY.PEEK[])")[1][0][1], octets)
            self.assertEqual(imap.uid("STORE", uid, "+FLAGS", r"(\Flagged)")[0], "OK")
            self.assertIn(rb"\Flagged", imap.uid("FETCH", uid, "(FLAGS)")[1][0])
            self.assertEqual(imap.uid("MOVE", uid, "Trash")[0], "OK")
            self.assertEqual(imap.uid("SEARCH", "ALL")[1], [b""])
            self.assertEqual(imap.select("Trash")[0], "OK")
            self.assertEqual(imap.search(None, "FLAGGED")[1][0], b"1")
            self.assertEqual(imap.store("1", "+FLAGS", r"(\Deleted)")[0], "OK")
            self.assertEqual(imap.expunge(), ("OK", [b"1"]))

    def test_imap_without_tls_takes_no_password(self):
        imap = self.cluster.listeners("imap")[0]
        with imaplib.IMAP4(imap["host"], imap["port"]) as plain:
            self.assertIn("LOGINDISABLED", plain.capabilities)
            with self.assertRaisesRegex(imaplib.IMAP4.error, "PRIVACYREQUIRED"):
                plain.login(self.alice["user"], self.alice["password"])
            plain.starttls(ssl_context=self.cluster.tls())
            self.assertEqual(plain.login(self.alice["user"], self.alice["password"])[0], "OK")


if __name__ == "__main__":
    unittest.main()
