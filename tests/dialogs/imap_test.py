"""Every IMAP dialog that one store can hold, held with one.

    bazel test //tests/dialogs:imap_test
"""

import glob
import json
import os
import unittest

from tests.dialogs.dialog import Dialog, Fault
from tests.dialogs.imap_target import ImapTarget, Store, settings_of
from tests.e2e import running

FOLDER = "mail/imap/testdata/dialogs"

_FAILS = "has a store that fails once and answers the next moment"
_FORGETS = "has a store that has forgotten its expunges, as after tombstone_window"
_CLOCK = "is about times to the second"

# Dialogs for the engine alone, and why.
ENGINE_ONLY = {
    "append-fails-half-way": _FAILS,
    "fetch-fails-before-it-has-begun": _FAILS,
    "idle-pauses-while-the-store-is-away": _FAILS,
    "login-when-nobody-can-tell": _FAILS,
    "noop-when-the-store-is-away-is-no": _FAILS,
    "select-when-the-store-is-away": _FAILS,
    "pipelined-commands-run-in-order-with-a-slow-backend": "says when each call is answered",
    "half-closed-client-gets-every-answer": "says when each call is answered",
    "half-closed-client-while-idle-is-let-go": "ends the stream under TLS and reads on, which Python's TLS cannot",
    "login-on-another-node-is-relayed": "ends where another node takes over",
    "qresync-select-after-the-expunges-were-forgotten": _FORGETS,
    "qresync-sequence-match-data-spare-what-the-client-knows": _FORGETS,
    "header-over-the-limit": "has a message that APPEND refuses, behind its back",
    "shutdown-in-the-midst-of-a-command-waits": "has octets that are surely read before the server is told to stop",
    "idle-without-a-mailbox-stays-alive": _CLOCK,
    "search-within": _CLOCK,
    "starttls-injection-before-the-handshake-closes":
        "has plain text behind the OK, which is no handshake: TLS ends the connection without a word",
}


def dialogs():
    """By their settings, so that the store is seldom started again."""
    found = {os.path.basename(path)[:-len(".dialog")]: Dialog(path, asterisk_is_itself=True)
             for path in glob.glob(f"{FOLDER}/*.dialog")}
    return dict(sorted(found.items(), key=lambda item: (json.dumps(settings_of(*item), sort_keys=True), item[0])))


class ImapDialogTest(unittest.TestCase):
    """A test for each dialog, made below."""

    @classmethod
    def setUpClass(cls):
        settings = {"auth": {"default_domain": "example.test", "failures_free": 1_000_000}}
        cls.store = Store(cls.enterClassContext(running.running(settings)))
        cls.store.cluster.admin("account", "passwd", "bob@example.test", input="secret\n")

    def hold(self, name, dialog):
        target = ImapTarget(self.store, name, dialog)
        self.addCleanup(target.close)
        dialog.run(target)

    def test_an_altered_reply_is_seen(self):
        for number, dialog in Dialog(f"{FOLDER}/store-keywords.dialog", asterisk_is_itself=True).altered():
            if number % 5 == 0:  # each takes an account of its own
                with self.assertRaisesRegex(Fault, rf"store-keywords\.dialog:{number}: wanted "):
                    self.hold("store-keywords", dialog)

    def test_dialogs_for_the_engine_alone_are_there_and_few(self):
        self.assertLessEqual(set(ENGINE_ONLY), set(dialogs()))
        for name, reason in sorted(ENGINE_ONLY.items()):
            print(f"engine alone: {name} {reason}")
        print(f"{len(dialogs()) - len(ENGINE_ONLY)} of {len(dialogs())} dialogs are held with the store")


def _add_tests():
    for number, (name, dialog) in enumerate(dialogs().items()):
        if name not in ENGINE_ONLY:
            test = lambda self, name=name, dialog=dialog: self.hold(name, dialog)
            setattr(ImapDialogTest, f"test_{number:03}_" + name.replace("-", "_"), test)


_add_tests()
