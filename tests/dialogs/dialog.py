"""Dialog files (mail/testing/dialog.h) over sockets: the parser, the matching and the runner, rule for rule as there."""

import copy
import re
import socket
import ssl
import threading
import time

from tests.e2e.running import PATIENCE_SECONDS

# What fits into the buffers of a connection on loopback at any time.
_SENT_AT_ONCE = 8192

_MARKED = re.compile(rb"([CSM])(?:\{(\d+)\})?([:-]) ?(.*)", re.DOTALL)
_NAMED = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"0": b"\0", b"\\": b"\\", b"*": b"*"}
_ESCAPE = re.compile(rb"\\(?:x([0-9A-Fa-f]{2})|\{(\d+):([^}]*)\}|(.))", re.DOTALL)


class Fault(Exception):
    """The server did otherwise than the dialog says."""


def wait_for(condition, what):
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > end:
            raise Fault(f"never came: {what}")
        time.sleep(0.02)


def unescape(text):
    def octets(match):
        code, count, unit, name = match.groups()
        if code:
            return bytes.fromhex(code.decode())
        if count:
            return unescape(unit) * int(count)
        return _NAMED[name]
    return _ESCAPE.sub(octets, text)


def matches(pattern, line):
    """Whether `line`, without its CRLF, is what an S line asks for."""
    at, wanted = 0, rb""
    while at < len(pattern):
        escape = _ESCAPE.match(pattern, at)
        if escape:
            wanted += re.escape(unescape(escape.group()))
            at = escape.end()
        else:
            wanted += rb".*" if pattern[at:at + 1] == b"*" else re.escape(pattern[at:at + 1])
            at += 1
    return re.fullmatch(wanted, line, re.DOTALL) is not None


class Dialog:
    """`settings` as (name, value) in order; `steps` as (kind, line number, word, octets), kind one of C, S, M and
    "directive"."""

    def __init__(self, path, asterisk_is_itself=False):
        self.path, self.settings, self.steps = path, [], []
        with open(path, "rb") as file:
            for number, line in enumerate(file.read().split(b"\n"), 1):
                if asterisk_is_itself and line.startswith(b"S: *"):
                    line = b"S: \\*" + line[4:]
                if line and not line.startswith(b"#"):
                    self._parse(number, line)

    def _parse(self, number, line):
        marked = _MARKED.fullmatch(line)
        if not marked:
            word, _, text = line.decode().partition(" ")
            if word == "set":
                name, _, value = text.partition(" ")
                self.settings.append((name, value))
            else:
                self.steps.append(("directive", number, word, text))
            return
        kind, count, end, text = marked.groups()
        if kind != b"S":
            text = unescape(text) + (b"\r\n" if end == b":" else b"")
        self.steps += [(kind.decode(), number, "", text)] * int(count or 1)

    def altered(self):
        """This dialog again and again, each time with one reply that the server does not give, as (line number, dialog)."""
        for index, (kind, number, word, text) in enumerate(self.steps):
            if kind == "S":
                other = copy.copy(self)
                other.steps = self.steps[:index] + [(kind, number, word, text + b"~")] + self.steps[index + 1:]
                yield number, other

    def setting(self, name, otherwise=None):
        return dict(self.settings).get(name, otherwise)

    def directives(self, word):
        return [text for kind, _, one, text in self.steps if kind == "directive" and one == word]

    def run(self, target):
        """Raises Fault with file and line. Consecutive C lines are one flight, consecutive M lines one message."""
        index = 0
        while index < len(self.steps):
            kind, number, word, text = self.steps[index]
            index += 1
            while kind in "CM" and index < len(self.steps) and self.steps[index][0] == kind:
                text += self.steps[index][3]
                index += 1
            try:
                self._step(target, kind, word, text)
            except (Fault, OSError) as fault:
                raise Fault(f"{self.path}:{number}: {fault}") from fault

    @staticmethod
    def _step(target, kind, word, text):
        if kind == "C":
            target.send(text)
        elif kind == "S":
            line = target.read_line()
            if not target.matches(text, line):
                raise Fault(f"wanted {text!r}, got {line!r}")
        elif kind == "M":
            target.expect_message(text)
        elif word == "closed":
            target.expect_closed()
        elif word != "flight":
            target.direct(word, text)


class Connection:
    """Lines over TCP, and TLS when it comes to that."""

    def __init__(self, listener, tls=None):
        self._socket = socket.create_connection((listener["host"], listener["port"]), timeout=PATIENCE_SECONDS)
        self._tls = False
        self._received = b""
        if tls:
            self.start_tls(tls)

    def start_tls(self, context):
        if self._received:
            raise Fault(f"in front of the handshake: {self._received!r}")
        self._socket = context.wrap_socket(self._socket, server_hostname="localhost")
        self._tls = True

    def start_tls_behind_a_line(self, context):
        """A line in plain text, and nothing else, is read before the handshake and given back after it."""
        line = self.read_line()
        self.start_tls(context)
        self._received = line + b"\r\n"

    def send(self, octets):
        """What is large is sent while the replies are read: the server reads no more than it may answer."""
        if self._tls or len(octets) <= _SENT_AT_ONCE:
            self._socket.sendall(octets)
        else:
            threading.Thread(target=self._socket.sendall, args=(octets,), daemon=True).start()

    def _receive(self):
        """False at the end of the stream; a reset is one too, and so is TLS without a farewell."""
        try:
            octets = self._socket.recv(65536)
        except (ConnectionResetError, BrokenPipeError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
            octets = b""
        except socket.timeout as timeout:
            raise Fault("the server is silent" + (f" behind {self._received!r}" if self._received else "")) from timeout
        self._received += octets
        return bool(octets)

    def read_line(self):
        while b"\r\n" not in self._received:
            if not self._receive():
                raise Fault(f"the server has closed behind {self._received!r}")
        line, _, self._received = self._received.partition(b"\r\n")
        return line

    def is_silent(self, seconds):
        """Whether nothing comes within so long; says little about what comes later."""
        self._socket.settimeout(seconds)
        try:
            return not self._received and not self._receive()
        except Fault:
            return True
        finally:
            self._socket.settimeout(PATIENCE_SECONDS)

    def expect_closed(self):
        while not self._received and self._receive():
            pass
        if self._received:
            raise Fault(f"more was said: {self._received!r}")

    def end(self):
        """Sends nothing more, and goes on reading."""
        self._socket.shutdown(socket.SHUT_WR)

    def close(self):
        self._socket.close()
