"""mutt in a terminal: opens a mailbox, reads, flags, searches, deletes, and is told of new mail."""

import os
import re
import tempfile
import unittest

from tests.e2e import reading, running
from tests.e2e.exact_client import HELLO, Client
from tests.interop import terminal, tools

MUTTRC = """
set folder = "imaps://localhost:{port}/"
set spoolfile = "imaps://localhost:{port}/INBOX"
set imap_user = "{user}"
set imap_pass = "{password}"
set ssl_ca_certificates_file = "{ca}"
set ssl_verify_host = yes
set ssl_force_tls = yes
set imap_idle = yes
# How often it looks whether the server has said something.
set timeout = 1
set mail_check = 1
set imap_check_subscribed = no
{more}
set sort = mailbox-order
set delete = yes
set confirmappend = no
set mark_old = no
set quit = yes
set beep = no
set wait_key = no
set help = no
set use_domain = no
set send_charset = utf-8
"""

QRESYNC = """
set imap_condstore = yes
set imap_qresync = yes
set header_cache = "{folder}/headers"
"""

SUBJECTS = ("apples", "pears", "plums", "quinces")


def message(subject):
    return (f"From: Anna <anna@{HELLO}>\r\nTo: alice@example.test\r\nSubject: {subject}\r\n"
            f"Message-ID: <{subject}@{HELLO}>\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\n"
            f"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nAll about {subject}, schön.\r\n").encode()


class MuttTest(unittest.TestCase):

    def setUp(self):
        self.cluster = self.enterContext(running.running())
        self.alice = self.cluster.accounts[0]
        self.folder = self.enterContext(tempfile.TemporaryDirectory())

    def deliver(self, subject):
        target = self.cluster.listeners("smtp")[0]
        with Client(target["host"], target["port"], local_hostname=HELLO) as smtp:
            smtp.ehlo()
            self.assertEqual(smtp.send_one(self.alice["user"], message(subject), ("BODY=8BITMIME",))[0], 250)

    def mutt(self, more=""):
        program = tools.need("mutt")
        config = os.path.join(self.folder, "muttrc")
        with open(config, "w", encoding="utf-8") as out:
            out.write(MUTTRC.format(port=self.cluster.listeners("imaps")[0]["port"], ca=self.cluster.ca,
                                    more=more.format(folder=self.folder), **self.alice))
        env = {"HOME": self.folder, "TERM": "screen", "LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]}
        return terminal.Terminal([program, "-n", "-d", "2", "-F", config], env)

    def said(self):
        """What the last mutt and the server said to one another."""
        with open(os.path.join(self.folder, ".muttdebug0"), encoding="utf-8", errors="replace") as log:
            return log.read()

    def flags(self):
        """{subject: flags} on the server."""
        found = {}
        with reading.login(self.cluster, self.alice) as imap:
            imap.select("INBOX", readonly=True)
            for subject in SUBJECTS:
                for uid in imap.uid("SEARCH", "SUBJECT", subject)[1][0].split():
                    answer = imap.uid("FETCH", uid.decode(), "(FLAGS)")[1][0].decode()
                    found[subject] = set(answer[answer.index("FLAGS (") + 7:answer.rindex("))")].split()) - {r"\Recent"}
        return found

    def test_a_session_in_the_terminal(self):
        for subject in SUBJECTS[:3]:
            self.deliver(subject)
        with self.mutt() as mutt:
            mutt.wait_for(*SUBJECTS[:3])
            mutt.press("Enter")
            mutt.wait_for("All about apples, schön.")
            mutt.type("i")
            mutt.wait_until_gone("All about")
            # Flag the second, ask for the third.
            mutt.type("jF")
            mutt.type("l=b plums\n")  # The server searches.
            mutt.wait_until_gone("pears")
            mutt.wait_for("plums")
            mutt.type("lall\n")
            mutt.wait_for(*SUBJECTS[:3])
            mutt.type("$")
            tools.wait_until(lambda: self.flags() == {"apples": {r"\Seen"}, "pears": {r"\Flagged"}, "plums": set()},
                               "flags on the server")
            # New mail is told to who waits in IDLE.
            tools.wait_until(lambda: re.search(r"> a\d+ IDLE\b", self.said()), "IDLE")
            self.deliver(SUBJECTS[3])
            mutt.wait_for(SUBJECTS[3])
            # Another client's flag is seen, and what is deleted here is gone there.
            mutt.press("Home")
            mutt.type("d")
            mutt.type("$")
            mutt.wait_until_gone("apples")
            tools.wait_until(lambda: "apples" not in self.flags(), "a message that is gone")
            mutt.type("s=Archive\n")
            mutt.type("$")
            mutt.wait_until_gone("pears")
            mutt.type("q")
            mutt.wait_for("ended with 0")
        self.assertEqual(len(reading.read(self.cluster, self.alice, "Archive").messages), 1)
        self.assertEqual(set(self.flags()), {"plums", "quinces"})

    def test_with_condstore_and_qresync_it_sees_what_happened_meanwhile(self):
        for subject in SUBJECTS:
            self.deliver(subject)
        with self.mutt(QRESYNC) as mutt:
            mutt.wait_for(*SUBJECTS)
            mutt.type("q")
            mutt.wait_for("ended with 0")
        with reading.login(self.cluster, self.alice) as imap:
            imap.select("INBOX")
            imap.store("1", "+FLAGS", r"(\Deleted)")
            imap.store("2", "+FLAGS", r"(\Flagged)")
            imap.expunge()
        with self.mutt(QRESYNC) as mutt:
            screen = mutt.wait_for(*SUBJECTS[1:])
            self.assertNotIn("apples", screen)
            line = next(one for one in screen.splitlines() if "pears" in one)
            self.assertIn("!", line)
            mutt.type("q")
            mutt.wait_for("ended with 0")
        said = self.said()
        self.assertRegex(said, r"> a\d+ UID FETCH 1:\d+ \(FLAGS\) \(CHANGEDSINCE \d+ VANISHED\)")
        self.assertRegex(said, r"< \* VANISHED \(EARLIER\) 1\b")


if __name__ == "__main__":
    unittest.main()
