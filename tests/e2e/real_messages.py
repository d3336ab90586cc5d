"""Real messages, from Debian packages that carry them as test mail (tools/packages.txt names them).

Bounces of thirty mail systems, MIME of every shape, spam, digests, wrong and missing charsets, broken structure, 8-bit
headers. Nothing of it is copied into this repository.
"""

import glob
import os
import pwd
import re
import tarfile

_FOLDERS = [
    ("libpython3.11-testsuite", "/usr/lib/python3.11/test/test_email/data/*.txt"),
    ("python3-flufl.bounce", "/usr/lib/python3/dist-packages/flufl/bounce/tests/data/*.txt"),
    ("golang-github-jhillyerd-enmime-dev",
     "/usr/share/gocode/src/github.com/jhillyerd/enmime/testdata/*/*.raw"),
]
_TARBALLS = [
    ("libmail-deliverystatus-bounceparser-perl",
     "libmail-deliverystatus-bounceparser-perl_1.543+repacked.orig.tar.xz", "/t/corpus/"),
]


class Missing(Exception):
    """A collection is not on this machine."""


def _sources():
    """Where tools/install keeps source tarballs."""
    home = os.environ.get("HOME") or pwd.getpwuid(os.getuid()).pw_dir
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(home, ".cache")
    return os.environ.get("PACKETBOAT_SOURCES") or os.path.join(cache, "packetboat", "sources")


def collect():
    """[(name, octets)] as they are in the packages, without those that would be retries of one another."""
    found = []
    for package, pattern in _FOLDERS:
        paths = sorted(glob.glob(pattern))
        if not paths:
            raise Missing(f"{package} is not installed (tools/install)")
        for path in paths:
            with open(path, "rb") as message:
                found.append((f"{package}/{os.path.basename(path)}", message.read()))
    for package, name, folder in _TARBALLS:
        path = os.path.join(_sources(), name)
        if not os.path.exists(path):
            raise Missing(f"{name} is not in {_sources()} (tools/install)")
        with tarfile.open(path) as tar:
            for member in sorted(tar.getmembers(), key=lambda one: one.name):
                if member.isfile() and folder in "/" + member.name:
                    found.append((f"{package}/{os.path.basename(member.name)}",
                                  tar.extractfile(member).read()))
    unique = {normalized(octets): (name, octets) for name, octets in reversed(found) if octets}
    return list(reversed(unique.values()))


def as_crlf(octets):
    """Files of a Unix system as messages: LF becomes CRLF; what else is wrong with the line ends stays."""
    octets = re.sub(rb"(?<!\r)\n", b"\r\n", octets)
    return octets if octets.endswith(b"\r\n") else octets + b"\r\n"


def ended_by_crlf(octets):
    """As it is, but for the last line's end, which SMTP needs."""
    return re.sub(rb"\r?\n\Z", b"", octets) + b"\r\n"


def normalized(octets):
    """Every CR, LF and CRLF as one CRLF: what `bare_newline: normalize` makes of a message."""
    octets = re.sub(rb"\r\n|\r|\n", b"\r\n", octets)
    return octets if octets.endswith(b"\r\n") else octets + b"\r\n"


def has_bare_newline(octets):
    return re.search(rb"\r(?!\n)|(?<!\r)\n", octets) is not None


def header_end(octets):
    """Where the header ends, behind its last CRLF."""
    if octets.startswith(b"\r\n"):
        return 0
    at = octets.find(b"\r\n\r\n")
    return len(octets) if at < 0 else at + 2


def without_return_path(octets):
    """Without foreign Return-Path fields, which final delivery removes (SEMANTICS.md s6, RFC 5321 s4.4)."""
    end = header_end(octets)
    header = re.sub(rb"(?im)^return-path[ \t]*:.*\r\n(?:[ \t].*\r\n)*", b"", octets[:end])
    return header + octets[end:]
