"""A store as the target of IMAP dialogs: alice's account, made anew for each."""

import copy
import imaplib
import json
import os
import re
import signal

from tests.dialogs.dialog import Connection, Fault, matches, wait_for
from tests.e2e.running import PATIENCE_SECONDS

USER, PASSWORD = "alice@example.test", "secret"
# When the messages of the dialogs arrive.
DELIVERED = '"14-Nov-2023 22:13:20 +0000"'
# How long a server is listened to that has nothing to say.
SILENCE_SECONDS = 0.2

# Which limit of the configuration a setting of the dialogs is.
LIMITS = {
    "append_interval_octets": "append_interval_bytes",
    "login_max_argument_literal_octets": "login_literal_bytes",
    "login_max_line_octets": "login_line_bytes",
    "login_max_literals": "login_literals",
    "login_max_skipped_octets": "login_skipped_bytes",
    "max_argument_literal_octets": "literal_bytes",
    "max_bad_commands": "bad_commands",
    "max_continuation_line_octets": "continuation_line_bytes",
    "max_failed_logins": "failed_logins",
    "max_fetch_items": "fetch_items",
    "max_flags": "flags",
    "max_header_fields": "header_fields",
    "max_header_octets": "header_bytes",
    "max_id_pairs": "id_pairs",
    "max_keyword_octets": "keyword_bytes",
    "max_line_octets": "line_bytes",
    "max_list_patterns": "list_patterns",
    "max_literals": "literals",
    "max_mailbox_octets": "mailbox_name_bytes",
    "max_mailbox_keywords": "mailbox_keywords",
    "max_search_depth": "search_depth",
    "max_search_keys": "search_keys",
    "max_section_depth": "section_depth",
    "max_sequence_ranges": "sequence_ranges",
    "max_skipped_octets": "skipped_bytes",
    "max_sort_octets": "sort_bytes",
    "max_tag_octets": "tag_bytes",
}

# The engine runs on a clock of its own, here it is the real one: these dialogs wait for the end of a shorter time.
SHORT_TIMES = {
    "append-comes-too-slowly": {"imap_limits": {"append_interval": "2s"}},
    "autologout-after-thirty-minutes": {"imap_idle_timeout": "5s"},
    "idle-ends-after-thirty-minutes": {"imap_idle_timeout": "5s"},
    "login-takes-too-long": {"imap_login_timeout": "5s"},
}


_UID_VALIDITY = re.compile(rb"(UIDVALIDITY|APPENDUID|COPYUID) (\d+)")


def settings_of(name, dialog):
    """The part `store` of the configuration that a dialog wants."""
    store = copy.deepcopy(SHORT_TIMES.get(name, {}))
    for key, value in dialog.settings:
        if key == "literals":
            store["imap_literal_minus"] = value == "minus"
        elif key == "limit":
            limit, _, number = value.partition(" ")
            if limit == "max_message_octets":
                store["append_bytes"] = int(number)
            else:
                store.setdefault("imap_limits", {})[LIMITS[limit]] = int(number)
    return store


class Store:
    """The cluster's store, started again when a dialog wants other settings or has stopped it."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.process = cluster.processes["store1"]
        self._command, self._settings = self.process.command, {}

    def shut_down(self):
        self.process.child.send_signal(signal.SIGTERM)
        self._settings = None

    def configure(self, settings):
        if settings == self._settings:
            return
        if self._settings is not None:
            self.shut_down()
        self.process.child.wait(PATIENCE_SECONDS)
        overlay = os.path.join(self.process.data, "overlay.yaml")
        with open(overlay, "w", encoding="utf-8") as out:
            json.dump({"store": settings}, out)
        self.process.command = self._command + ["--config", overlay]
        self._settings = settings
        self.process.start()
        self.cluster.wait_ready()

    def listener(self, protocol):
        return next(one for one in self.process.listeners if one["protocol"] == protocol)

    def login(self):
        """For what a dialog does not show."""
        listener = self.listener("imaps")
        imap = imaplib.IMAP4_SSL(listener["host"], listener["port"], ssl_context=self.cluster.tls(),
                                 timeout=PATIENCE_SECONDS)
        imap.login("alice", PASSWORD)
        return imap

    def make_account_anew(self, quota):
        """Returns when log-in leads to the new one: when the auth service has seen the change."""
        self.cluster.admin("account", "remove", USER)
        wait_for(lambda: self._resolves().startswith(b"550 "), "an address that nobody has")
        words = ("--quota", quota) if quota else ()
        self.cluster.admin("account", "add", USER, *words, input=PASSWORD + "\n")
        wait_for(lambda: self._resolves().startswith(b"250 "), "the new account")

    def _resolves(self):
        """What an mx is told by the same auth service."""
        connection = Connection(self.cluster.listeners("lmtp")[0])
        try:
            connection.read_line()
            connection.send(b"LHLO localhost\r\n")
            while not connection.read_line().startswith(b"250 "):
                pass
            connection.send(f"MAIL FROM:<>\r\nRCPT TO:<{USER}>\r\n".encode())
            connection.read_line()
            return connection.read_line()
        finally:
            connection.close()


class ImapTarget:
    """`deliver` is an APPEND with the date of the engine's clock; times pass by themselves."""

    def __init__(self, store, name, dialog):
        self._store = store
        store.configure(settings_of(name, dialog))
        store.make_account_anew(dialog.setting("quota"))
        self._login = dialog.setting("login", "yes") != "no"
        self._tls = dialog.setting("tls", "yes") != "no"
        self._connections, self._uid_validities = {}, {}
        self._connect("1")

    def close(self):
        for one in self._connections.values():
            one.close()

    def _connect(self, name):
        if name not in self._connections:
            tls = self._store.cluster.tls() if self._tls else None
            connection = Connection(self._store.listener("imaps" if self._tls else "imap"), tls)
            self._connections[name] = connection
            if self._login:
                connection.read_line()
                connection.send(f"login LOGIN alice {PASSWORD}\r\n".encode())
                line = connection.read_line()
                if not line.startswith(b"login OK "):
                    raise Fault(f"cannot log in: {line!r}")
        self._current = self._connections[name]

    def send(self, octets):
        """A UIDVALIDITY that the client names is the store's, as `matches` knows it."""
        known = lambda found: b"(QRESYNC (%d " % self._uid_validities.get(int(found[1]), int(found[1]))
        self._current.send(re.sub(rb"\(QRESYNC \((\d+) ", known, octets))

    def matches(self, pattern, line):
        """In an engine UIDVALIDITY counts from 1, in a store from the time on: a number of the dialog stands for one of the
        store's, always for the same, and a larger one for a larger."""
        if not matches(_UID_VALIDITY.sub(rb"\1 *", pattern), line):
            return False
        for (_, ours), (_, theirs) in zip(_UID_VALIDITY.findall(pattern), _UID_VALIDITY.findall(line)):
            if self._uid_validities.setdefault(int(ours), int(theirs)) != int(theirs):
                return False
        known = [theirs for _, theirs in sorted(self._uid_validities.items())]
        return known == sorted(set(known))

    def read_line(self):
        return self._current.read_line()

    def expect_closed(self):
        self._current.expect_closed()

    def expect_message(self, octets):
        raise Fault(f"messages are looked at with FETCH, not {octets!r}")

    def direct(self, word, text):
        if word == "session":
            self._connect(text)
        elif word == "deliver":
            self._deliver(*text.split(" "))
        elif word == "tls":
            self._current.start_tls(self._store.cluster.tls())
        elif word == "end":
            self._current.end()
        elif word == "shutdown":
            self._store.shut_down()
        elif word == "silent":
            if not self._current.is_silent(SILENCE_SECONDS):
                raise Fault("the server is not silent")
        elif word != "advance":
            raise Fault(f"unknown directive {word}")

    def _deliver(self, mailbox, name):
        with open(f"mail/imap/testdata/messages/{name}", "rb") as file:
            message = file.read()
        with self._store.login() as imap:
            status, answer = imap.append(mailbox, None, DELIVERED, message)
            if status != "OK":
                raise Fault(f"APPEND: {answer}")
