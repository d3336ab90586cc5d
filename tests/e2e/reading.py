"""Reading mailboxes back over IMAPS."""

import hashlib
import imaplib
import re
import time

from tests.e2e.history import Content

# One message of the answer to UID FETCH.
_FETCHED = re.compile(rb"\d+ \(UID (\d+) ")
# Messages of one FETCH: imaplib keeps a whole answer in memory.
_BATCH = 200

# For an answer while leaders change, however busy the machine is.
_READ_SECONDS = 60

# The fields that the MX writes above a message (SEMANTICS.md s6); Received ends with its date. A message may begin with
# white space, so that the end of our fields is not to be found by folding.
_TRACE = re.compile(rb"Return-Path: <.*>\r\nDelivered-To: .+\r\nReceived: (?:.*\r\n\t)*?.*:\d\d [+-]\d{4}\r\n")


class Mailbox:
    """What one mailbox held when it was read: UIDVALIDITY, and (uid, octets) in the order of the server."""

    def __init__(self, uid_validity, messages):
        self.uid_validity, self.messages = uid_validity, messages


def _when_available(seconds, action):
    """Tries again, as clients do, what a store cannot do while a shard changes its leader."""
    end = time.monotonic() + seconds
    while True:
        try:
            return action()
        except imaplib.IMAP4.error as error:
            if "[UNAVAILABLE]" not in str(error) or time.monotonic() > end:
                raise
            time.sleep(0.05)


def login(cluster, account, store=None, timeout=60):
    """A session at the store of this name, or at the first."""
    return _when_available(timeout, lambda: _login(cluster, account, store, timeout))


def _login(cluster, account, store, timeout):
    imaps = next(one for one in cluster.listeners("imaps") if store in (None, one["name"]))
    imap = imaplib.IMAP4_SSL(imaps["host"], imaps["port"], ssl_context=cluster.tls(), timeout=timeout)
    try:
        imap.login(account["user"], account["password"])
    except BaseException:
        imap.shutdown()
        raise
    return imap


def read(cluster, account, name="INBOX", store=None):
    return _when_available(_READ_SECONDS, lambda: _read(cluster, account, name, store))


def _read(cluster, account, name, store):
    with login(cluster, account, store) as imap:
        status, answer = imap.select(name, readonly=True)
        if status != "OK":
            raise imaplib.IMAP4.error(f"SELECT {name}: {answer}")
        uid_validity = int(imap.response("UIDVALIDITY")[1][0])
        uids = imap.uid("SEARCH", "ALL")[1][0].split()
        messages = []
        for at in range(0, len(uids), _BATCH):
            part = b",".join(uids[at:at + _BATCH]).decode()
            _, data = imap.uid("FETCH", part, "(UID BODY.PEEK[])")
            for item in data:
                if isinstance(item, tuple):
                    messages.append((int(_FETCHED.match(item[0]).group(1)), item[1]))
    return Mailbox(uid_validity, messages)


def content(cluster, account, store):
    """The INBOX through one store, for history.py."""
    mailbox = read(cluster, account, store=store)
    return Content(store, mailbox.uid_validity,
                   tuple((uid, hashlib.sha256(without_trace(octets)).digest()) for uid, octets in mailbox.messages))


def contents(cluster, account):
    """Through every store."""
    return [content(cluster, account, one["name"]) for one in cluster.listeners("imaps")]


def trace(octets):
    """The trace fields of this delivery: Return-Path, Delivered-To, one Received."""
    match = _TRACE.match(octets)
    if not match:
        raise ValueError(f"no trace fields: {octets[:300]!r}")
    return match.group()


def below_trace(octets):
    return octets[len(trace(octets)):]


def without_trace(octets):
    """Also of what did not come by delivery, and has no trace fields."""
    return below_trace(octets) if _TRACE.match(octets) else octets
