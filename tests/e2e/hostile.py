"""Attacks on real processes, each of them in a memory cgroup of its own.

After every attack the same processes run, none was above its bound, and honest clients send and read as before.
"""

import contextlib
import json
import os
import re
import socket
import ssl
import sys
import tempfile
import time

from tests.e2e import reading, running
from tests.e2e.exact_client import HELLO, Client
from tools.cluster.cluster import Place

MIB = 1 << 20
# The bound of every process: the cgroup's limit. A process above it is killed, which the tests see.
MEMORY_BYTES = {"mx1": 96 * MIB, "store1": 320 * MIB, "auth1": 192 * MIB, "signer1": 64 * MIB}

# Clients that behave come from here, each attack from an address of its own.
HONEST = "127.0.0.77"
# The limits of addresses would not count for this machine.
_NOBODY = {"mx": {"address_limits": {"exempt": ["192.0.2.0/24"]}}}

_V1, _V2 = "/sys/fs/cgroup/memory", "/sys/fs/cgroup"


class Missing(Exception):
    """There are no memory cgroups here."""


class MemoryGroups:
    """A cgroup for each process, of version 1 or 2, below the root of the hierarchy. Needs root."""

    def __init__(self, limits):
        self._folders = {}
        self._v1 = os.path.isfile(f"{_V1}/memory.limit_in_bytes")
        try:
            for name, limit in limits.items():
                self._make(name, limit)
        except OSError as error:
            self.close()
            raise Missing(str(error)) from error
        self.places = {name: Place(command=["sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', folder])
                       for name, folder in self._folders.items()}

    def _make(self, name, limit):
        folder = os.path.join(_V1 if self._v1 else _V2, f"packetboat-{os.getpid()}-{name}")
        os.mkdir(folder)
        self._folders[name] = folder
        with open(os.path.join(folder, "memory.limit_in_bytes" if self._v1 else "memory.max"), "w", encoding="ascii") as out:
            out.write(str(limit))

    def close(self):
        for folder in self._folders.values():
            os.rmdir(folder)
        self._folders = {}


def peak_bytes(process):
    """The most that was resident at once since the process started."""
    with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read()).group(1)) * 1024


class HonestSmtp(Client):
    """From an address of its own."""

    def __init__(self, target):
        super().__init__(target["host"], target["port"], local_hostname=HELLO, timeout=running.PATIENCE_SECONDS,
                         source_address=(HONEST, 0))


class Attacked:
    """A cluster of one of each role, in cgroups."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.alice, self.bob = cluster.accounts
        self._pids = {name: one.pid for name, one in cluster.processes.items()}
        self._letters = self._attacks = 0

    def endpoint(self, protocol):
        one = self.cluster.listeners(protocol)[0]
        return one["host"], one["port"]

    def raw(self, protocol, tls=None):
        """A connection that says what it is told to; TLS at once with imaps, or as asked."""
        tls = protocol == "imaps" if tls is None else tls
        source = f"127.0.1.{self._attacks}"
        return Raw(self.endpoint(protocol), self.cluster.tls() if tls else None, source)

    def logged_in(self, account=None):
        account = account or self.alice
        raw = self.raw("imaps")
        raw.line()
        raw.say(f'in LOGIN "{account["user"]}" "{account["password"]}"')
        raw.expect("in OK")
        return raw

    def hello(self):
        """An SMTP session behind its EHLO."""
        raw = self.raw("smtp")
        raw.expect("220 ")
        raw.say(f"EHLO {HELLO}")
        raw.reply()
        return raw

    @contextlib.contextmanager
    def attack(self, name):
        self._attacks += 1
        yield
        self.check(name)

    def check(self, name):
        """All is as before."""
        for process in self.cluster.processes.values():
            if process.child.poll() is not None or process.pid != self._pids[process.name]:
                raise AssertionError(f"{name}: {process.name} ended with {process.child.poll()}:\n{process.log_tail()}")
        self._letters += 1
        octets = f"Subject: honest-{self._letters}\r\n\r\n{name}\r\n".encode()
        with HonestSmtp(self.cluster.listeners("smtp")[0]) as smtp:
            smtp.ehlo()
            code, text = smtp.send_one(self.bob["user"], octets)
            if code != 250:
                raise AssertionError(f"{name}: an honest client is told {code} {text}")
        with reading.login(self.cluster, self.bob) as imap:
            imap.select("INBOX")
            count = len(imap.search(None, "SUBJECT", f"honest-{self._letters}")[1][0].split())
            if count != 1:
                raise AssertionError(f"{name}: the honest message is there {count} times")
        peaks = {one.name: peak_bytes(one) for one in self.cluster.processes.values()}
        print(f"{name}: peaks " + ", ".join(f"{who} {peak // MIB} MiB" for who, peak in peaks.items()), file=sys.stderr)
        for who, peak in peaks.items():
            if peak > MEMORY_BYTES[who]:
                raise AssertionError(f"{name}: {who} took {peak} bytes")


def _with(settings):
    settings = settings or {}
    return {**settings, "mx": {**_NOBODY["mx"], **settings.get("mx", {})}}


@contextlib.contextmanager
def attacked(settings=None, overlay=None, **kwargs):
    """overlay: configuration for every process."""
    with contextlib.ExitStack() as stack:
        extra = []
        if overlay:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="overlay-"))
            extra = [os.path.join(folder, "overlay.yaml")]
            with open(extra[0], "w", encoding="ascii") as out:
                json.dump(overlay, out)
        places = {}
        try:
            groups = MemoryGroups(MEMORY_BYTES)
            stack.callback(groups.close)
            places = groups.places
        except Missing as missing:
            print(f"no memory cgroups ({missing}): peaks are watched, not bounded", file=sys.stderr)
        yield Attacked(stack.enter_context(running.running(_with(settings), extra, mxes=1, places=places, **kwargs)))


class Raw:
    """Octets over a socket."""

    def __init__(self, endpoint, tls, source):
        self.socket = socket.create_connection(endpoint, timeout=running.PATIENCE_SECONDS, source_address=(source, 0))
        self._received = b""
        if tls:
            self.start_tls(tls)

    def start_tls(self, tls):
        self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")

    def send(self, octets):
        self.socket.sendall(octets)

    def say(self, line):
        self.send(line.encode() + b"\r\n")

    def line(self):
        """The next line without its end; nothing when the server has closed."""
        while b"\r\n" not in self._received:
            if not self._receive():
                if self._received:
                    raise AssertionError(f"half a line: {self._received!r}")
                return ""
        line, _, self._received = self._received.partition(b"\r\n")
        return line.decode("utf-8", "replace")

    def _receive(self):
        """False at the end of the stream; a reset is one too."""
        try:
            octets = self.socket.recv(65536)
        except (ConnectionError, ssl.SSLError):
            octets = b""
        self._received += octets
        return bool(octets)

    def take(self, most):
        """Octets that are no line: at least one."""
        octets = self._received or self.socket.recv(65536)
        if not octets:
            raise AssertionError("the server has closed")
        self._received = octets[most:]
        return octets[:most]

    def expect(self, start):
        """Reads on until a line that begins so; untagged responses before it do not matter."""
        while True:
            line = self.line()
            if line.startswith(start):
                return line
            if not line.startswith("* ") or line.startswith("* BYE"):
                raise AssertionError(f"{line!r} where {start!r} was wanted")

    def reply(self):
        """The last line of an SMTP reply."""
        while (line := self.line())[3:4] == "-":
            pass
        return line

    def ask(self, line):
        self.say(line)
        return self.reply()

    def expect_closed(self):
        """Whatever is said before."""
        while self._receive():
            self._received = b""

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def wait_until(condition, what):
    end = time.monotonic() + running.PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"never came: {what}")
        time.sleep(0.05)
