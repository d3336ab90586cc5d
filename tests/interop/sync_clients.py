"""Programs that keep a Maildir and an account the same: mbsync, offlineimap, and interimap with Dovecot's imap on this side.

Each has a folder of its own and is connected to one store. `sync` runs it once and says whether it went well: while leaders change
it may not, and is run again, as a user's timer would.
"""

import os
import pwd
import subprocess
import time

from tests.e2e import running
from tests.interop import tools
from tests.interop.maildir import Maildir

class SyncClient:
    """`program`: what it is called, and where; the test is skipped without it."""

    program = None

    def __init__(self, folder, cluster, account, store):
        self._path = tools.need(self.program)
        self.folder = os.path.join(folder, self.program)
        os.makedirs(self.folder)
        self.store = store
        self.said = ""
        self._env = {"HOME": self.folder, "USER": "root", "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
        listener = next(one for one in cluster.listeners("imaps") if one["name"] == store)
        self._configure({"folder": self.folder, "port": listener["port"], "ca": cluster.ca, **account})

    def _configure(self, values):
        raise NotImplementedError

    def _command(self):
        raise NotImplementedError

    def maildir(self, mailbox):
        return Maildir(os.path.join(self.folder, "mail", mailbox))

    def _write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        os.chmod(path, 0o600)
        return path

    def sync(self):
        with open(os.path.join(self.folder, "said"), "w+b") as said:
            done = subprocess.run(self._command(), stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=self._env,
                                  cwd=self.folder, timeout=tools.SECONDS, check=False)
            said.seek(0)
            self.said = said.read().decode(errors="replace")
        return done.returncode == 0

    def must_sync(self):
        """Once it went well; a store may still say that it cannot just now."""
        end = time.monotonic() + running.PATIENCE_SECONDS
        while not self.sync():
            if "UNAVAILABLE" not in self.said or time.monotonic() > end:
                raise AssertionError(f"{self.program} failed:\n{self.said}")
            time.sleep(0.5)


class Mbsync(SyncClient):
    program = "mbsync"

    _CONFIG = """
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
Path {folder}/mail/
Inbox {folder}/mail/INBOX
SubFolders Verbatim

Channel all
Far :cluster:
Near :local:
Patterns INBOX Work
Create Both
Expunge Both
SyncState *
"""

    def _configure(self, values):
        os.makedirs(os.path.join(self.folder, "mail"))
        self._config = self._write("mbsyncrc", self._CONFIG.format(**values))

    def _command(self):
        return [self._path, "-c", self._config, "all"]


class Offlineimap(SyncClient):
    program = "offlineimap"

    _CONFIG = """
[general]
accounts = cluster
metadata = {folder}/state
ui = basic
socktimeout = 60

[Account cluster]
localrepository = local
remoterepository = remote

[Repository local]
type = Maildir
localfolders = {folder}/mail
sep = /

[Repository remote]
type = IMAP
remotehost = localhost
remoteport = {port}
remoteuser = {user}
remotepass = {password}
auth_mechanisms = PLAIN, LOGIN
ssl = yes
sslcacertfile = {ca}
folderfilter = lambda name: name in ("INBOX", "Work")
"""

    def _configure(self, values):
        # A per cent sign is a reference in this file.
        values["password"] = values["password"].replace("%", "%%")
        self._config = self._write("offlineimaprc", self._CONFIG.format(**values))

    def _command(self):
        return [self._path, "-o", "-c", self._config]


class Interimap(SyncClient):
    """It keeps two IMAP servers the same by QRESYNC; the one on this side is Dovecot over a Maildir.

    `folder` lies where the user nobody may go.
    """

    program = "interimap"

    _CONFIG = """
database = {folder}/interimap.db
list-mailbox = INBOX Work

[local]
type = tunnel
command = {doveadm} -c {folder}/dovecot.conf exec imap | cat

[remote]
type = imaps
host = localhost
port = {port}
username = {user}
password = {password}
SSL_CAfile = {ca}
"""

    _DOVECOT = """
mail_location = maildir:{folder}/mail:LAYOUT=fs:INBOX={folder}/mail/INBOX
mail_home = {folder}
log_path = {folder}/dovecot.log
ssl = no
mail_uid = {uid}
mail_gid = {gid}
first_valid_uid = 1
first_valid_gid = 1
namespace inbox {{
  inbox = yes
  separator = /
}}
"""

    def _configure(self, values):
        values["doveadm"] = tools.need("doveadm")
        # Dovecot reads no mail as root.
        user = pwd.getpwuid(os.getuid()) if os.getuid() else pwd.getpwnam("nobody")
        values["uid"], values["gid"] = user.pw_uid, user.pw_gid
        os.chown(self.folder, user.pw_uid, user.pw_gid)
        self._write("dovecot.conf", self._DOVECOT.format(**values))
        self._config = self._write("interimaprc", self._CONFIG.format(**values))

    def _command(self):
        return [self._path, "--config", self._config]
