"""A Maildir as mail clients leave it: what is in it, and changes to it as a mail reader makes them."""

import collections
import email.parser
import glob
import os
import re

# What clients write into messages that they carry from one side to the other, to find them again.
_MARKS = re.compile(rb"(?mi)^X-(?:TUID|OfflineIMAP|getmail-retrieved-from-mailbox): .*\r\n")

# One file: flags as the letters of its name, sorted. `name` is the Subject, by which the tests know a message.
Entry = collections.namedtuple("Entry", "path name flags octets")


def canonical(octets):
    """The message as on the wire, without the marks of clients."""
    octets = octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    header, end, body = octets.partition(b"\r\n\r\n")
    return _MARKS.sub(b"", header + b"\r\n") + end.removeprefix(b"\r\n") + body


def subject(octets):
    return email.parser.BytesHeaderParser().parsebytes(octets)["Subject"] or ""


class Maildir:

    def __init__(self, path):
        self.path = path

    def entries(self):
        found = []
        for path in glob.glob(f"{glob.escape(self.path)}/cur/*") + glob.glob(f"{glob.escape(self.path)}/new/*"):
            with open(path, "rb") as file:
                octets = canonical(file.read())
            # offlineimap gives flags also to what is in new/.
            flags = path.partition(":2,")[2]
            # Letters below Z are the flags of IMAP; the others stand for keywords, each client's own way.
            found.append(Entry(path, subject(octets), "".join(sorted(one for one in flags if one < "a")), octets))
        return found

    def content(self):
        """What two Maildirs must share to be the same: each message, how often it is there, and its flags."""
        return collections.Counter((one.name, one.flags, one.octets) for one in self.entries())

    def find(self, name):
        return next(one for one in self.entries() if one.name == name)

    def set_flag(self, name, letter, on):
        """As a mail reader does: the file gets another name."""
        entry = self.find(name)
        base = os.path.basename(entry.path).partition(":2,")[0]
        kept = set(os.path.basename(entry.path).partition(":2,")[2])
        flags = "".join(sorted(kept | {letter} if on else kept - {letter}))
        os.rename(entry.path, os.path.join(self.path, "cur", f"{base}:2,{flags}"))

    def remove(self, name):
        os.unlink(self.find(name).path)

    def add(self, name, octets):
        """A message that is written here, and not yet on any server. Lines end as files' do."""
        for folder in ("tmp", "new", "cur"):
            os.makedirs(os.path.join(self.path, folder), exist_ok=True)
        file = f"1700000000.{name}.here"
        with open(os.path.join(self.path, "tmp", file), "wb") as out:
            out.write(octets.replace(b"\r\n", b"\n"))
        os.rename(os.path.join(self.path, "tmp", file), os.path.join(self.path, "cur", file + ":2,S"))
