"""Debian's Dovecot, single sessions of it, without a listener or a user of its own."""

import contextlib
import imaplib
import os
import pwd
import shutil
import tempfile

from tests.interop import tools

IMAP = "/usr/lib/dovecot/imap"

CONFIG = """
mail_location = maildir:{folder}/mail
protocols = imap
ssl = no
log_path = {folder}/log
base_dir = {folder}/run
state_dir = {folder}/run
mail_uid = {uid}
mail_gid = {gid}
first_valid_uid = 1
first_valid_gid = 1
imap_max_line_length = 256k
"""


class _Session(imaplib.IMAP4_stream):
    """Logged in from the start."""

    def __init__(self, folder):
        super().__init__(f"env USER=dovecot HOME={folder} {IMAP} -c {folder}/dovecot.conf 2>{folder}/errors")
        self.state = "AUTH"  # It greets with PREAUTH.

    def shutdown(self):
        with contextlib.suppress(OSError):  # It may have ended by itself.
            super().shutdown()


@contextlib.contextmanager
def mailboxes():
    """A function that opens an IMAP session; all of them on the same mailboxes, empty at first. Without Dovecot the test is
    skipped."""
    if not os.path.exists(IMAP):
        tools.skip("dovecot-imapd is not installed (tools/install)")
    folder = tempfile.mkdtemp(prefix="dovecot-")
    try:
        # It refuses mailboxes of root.
        owner = pwd.getpwnam("nobody") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
        os.mkdir(f"{folder}/mail")
        with open(f"{folder}/dovecot.conf", "w", encoding="utf-8") as out:
            out.write(CONFIG.format(folder=folder, uid=owner.pw_uid, gid=owner.pw_gid))
        for path in (folder, f"{folder}/mail"):
            os.chown(path, owner.pw_uid, owner.pw_gid)
        yield lambda: _Session(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
