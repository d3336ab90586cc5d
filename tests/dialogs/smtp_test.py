"""Every SMTP dialog that an mx of today can hold, held with one.

    bazel test //tests/dialogs:smtp_test
"""

import glob
import os
import unittest

from tests.dialogs.dialog import Dialog, Fault
from tests.dialogs.smtp_target import MxPool, SmtpTarget
from tests.e2e import running

FOLDER = "mail/smtp/testdata/dialogs"
ACCOUNTS = ("bob", "carol", "böb", '"quoted string"')
PASSWORD = "password-of-the-dialogs"

_SUBMISSION = "is about submission, and no listener of the mx is one yet"
_JUDGES = "is about a question that the mx answers with yes"
_WORDS = "is about an answer that no part of the cluster gives"
_SETTING = "is about a setting of the engine that the mx does not have"

# Dialogs for the engine alone, and why.
ENGINE_ONLY = {
    "auth-bad-base64": _SUBMISSION,
    "auth-cancelled": _SUBMISSION,
    "auth-failures-limit": _SUBMISSION,
    "auth-line-limit": _SUBMISSION,
    "auth-line-limit-in-octets": _SUBMISSION,
    "auth-unknown-mechanism": _SUBMISSION,
    "submission-auth-plain": _SUBMISSION,
    "submission-wants-tls-first": _SUBMISSION,
    "submissions-auth-login": _SUBMISSION,
    "xclient-login-in-submission": _SUBMISSION,
    "connect-asked-and-accepted": _JUDGES,
    "connect-dropped": _JUDGES,
    "connect-turned-away": _JUDGES,
    "hello-asked-for": _JUDGES,
    "data-asked-for": _JUDGES,
    "xclient-client-is-turned-away": _JUDGES,
    "bdat-lmtp": _WORDS,
    "errors-of-ours-do-not-count": _WORDS,
    "lmtp": _WORDS,
    "lmtp-a-wrong-number-of-verdicts-is-451": _WORDS,
    "pipelining-answers-in-order": _WORDS,
    "smtputf8-replies": _WORDS,
    "transaction-id": _WORDS,
    "verdict-in-its-own-words": _WORDS,
    "verdict-that-disconnects": _WORDS,
    "verdict-without-sense": _WORDS,
    "bdat-not-offered": _SETTING,
    "pipelining-borne-where-configured": _SETTING,
    "commit-goes-on-without-the-client": "has a client that goes away, and when an mx hears of that is TCP's affair",
    "paths": "has recipients at address literals, which are nobody's here",
}


def dialogs():
    return {os.path.basename(path)[:-len(".dialog")]: Dialog(path) for path in glob.glob(f"{FOLDER}/*.dialog")}


class SmtpDialogTest(unittest.TestCase):
    """A test for each dialog, made below."""

    @classmethod
    def setUpClass(cls):
        # Equal messages of different dialogs are different messages.
        cls.cluster = cls.enterClassContext(running.running({"store": {"dedup_window": "1ms"}}))
        cls.cluster.dialog_accounts = [
            {"user": f"{name}@example.test", "password": PASSWORD} for name in ACCOUNTS]
        for account in cls.cluster.dialog_accounts[1:]:
            cls.cluster.admin("account", "add", account["user"], input=PASSWORD + "\n")
        cls.cluster.admin("account", "passwd", cls.cluster.dialog_accounts[0]["user"], input=PASSWORD + "\n")
        cls.pool = MxPool(cls.cluster)
        cls.addClassCleanup(cls.pool.stop)

    def hold(self, name, dialog):
        target = SmtpTarget(self.pool, name, dialog)
        self.addCleanup(target.close)
        dialog.run(target)
        target.check_nevers()

    def test_an_altered_reply_is_seen(self):
        for number, dialog in Dialog(f"{FOLDER}/basic-esmtp.dialog").altered():
            with self.assertRaisesRegex(Fault, rf"basic-esmtp\.dialog:{number}: wanted "):
                self.hold("basic-esmtp", dialog)

    def test_dialogs_for_the_engine_alone_are_there_and_few(self):
        self.assertLessEqual(set(ENGINE_ONLY), set(dialogs()))
        for name, reason in sorted(ENGINE_ONLY.items()):
            print(f"engine alone: {name} {reason}")
        print(f"{len(dialogs()) - len(ENGINE_ONLY)} of {len(dialogs())} dialogs are held with the mx")


def _add_tests():
    for name, dialog in dialogs().items():
        if name not in ENGINE_ONLY:
            test = lambda self, name=name, dialog=dialog: self.hold(name, dialog)
            setattr(SmtpDialogTest, "test_" + name.replace("-", "_"), test)


_add_tests()
