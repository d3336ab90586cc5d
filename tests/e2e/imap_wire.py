"""An IMAP session that keeps what the server says in its order, and a view that holds it to the rules.

imaplib gathers untagged responses by their kind; whether a session is shown a legal mailbox (RFC 3501 s5.5 and s7.4) can be seen in
their order alone.
"""

import collections
import re
import socket

SECONDS = 60

# A response without its "* ": literals stand as {n} in the text.
Response = collections.namedtuple("Response", "text literals")
# `code` is the response code in brackets, or nothing.
Tagged = collections.namedtuple("Tagged", "status code text")

_LITERAL = re.compile(rb"\{(\d+)\}$")
_CODE = re.compile(rb"\[([^\]]*)\]")
_NUMBERED = re.compile(rb"(\d+) (EXISTS|RECENT|EXPUNGE|FETCH)\b(.*)", re.DOTALL)
_UID = re.compile(rb"\bUID (\d+)")
_FLAGS = re.compile(rb"\bFLAGS \(([^)]*)\)")
_MODSEQ = re.compile(rb"\bMODSEQ \((\d+)\)")

# During these sequence numbers must keep their meaning, RFC 3501 s7.4.1.
KEEP_NUMBERS = (b"FETCH", b"STORE", b"SEARCH")


class Gone(Exception):
    """The connection is no more; what was asked last may have been done."""


class Illegal(Exception):
    """The server broke a rule."""


class Wire:
    """A connection over TLS, logged in."""

    def __init__(self, listener, tls, account, on_response):
        self._on_response = on_response
        self._tags = 0
        self.command_name = b""
        try:
            plain = socket.create_connection((listener["host"], listener["port"]), timeout=SECONDS)
            self._socket = tls.wrap_socket(plain, server_hostname="localhost")
            self._file = self._socket.makefile("rb")
            self._line()
            answer = self.command(f'LOGIN "{account["user"]}" "{account["password"]}"')
        except OSError as error:
            raise Gone(str(error)) from error
        if answer.status != b"OK":
            self.close()
            raise Gone(f"{answer}")

    def close(self):
        self._file.close()
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def command(self, text, literal=None):
        """Tells every untagged response to `on_response`, in their order; returns the tagged one."""
        self._tags += 1
        tag = b"t%d" % self._tags
        words = text.encode().split(b" ", 2)
        self.command_name = b" ".join(words[:2]) if words[0] == b"UID" else words[0]
        try:
            self._socket.sendall(tag + b" " + text.encode() + (b"" if literal is not None else b"\r\n"))
            if literal is not None:
                self._socket.sendall(b" {%d}\r\n" % len(literal))
            while True:
                line, literals = self._response()
                if line.startswith(b"+"):
                    self._socket.sendall(literal + b"\r\n")
                elif line.startswith(b"* "):
                    self._take(Response(line[2:], literals))
                elif line.startswith(tag + b" "):
                    return self._tagged(line[len(tag) + 1:])
                else:
                    raise Illegal(f"{line!r} answers nothing")
        except OSError as error:
            raise Gone(str(error)) from error
        finally:
            self.command_name = b""

    def idle(self, pause):
        """IDLE until `pause()` returns."""
        self._tags += 1
        tag = b"t%d" % self._tags
        self.command_name = b"IDLE"
        try:
            self._socket.sendall(tag + b" IDLE\r\n")
            while True:
                line, literals = self._response()
                if line.startswith(b"+"):
                    pause()
                    self._socket.sendall(b"DONE\r\n")
                elif line.startswith(b"* "):
                    self._take(Response(line[2:], literals))
                elif line.startswith(tag + b" "):
                    return self._tagged(line[len(tag) + 1:])
                else:
                    raise Illegal(f"{line!r} answers nothing")
        except OSError as error:
            raise Gone(str(error)) from error
        finally:
            self.command_name = b""

    def _take(self, response):
        if response.text.startswith(b"BYE"):
            raise Gone(response.text.decode(errors="replace"))
        self._on_response(self.command_name, response)

    @staticmethod
    def _tagged(text):
        status, _, rest = text.partition(b" ")
        code = _CODE.match(rest)
        if status == b"BAD":
            raise Illegal(f"{text!r} to a command that is right")
        return Tagged(status, code.group(1) if code else b"", rest)

    def _response(self):
        line, literals = self._line(), []
        while size := _LITERAL.search(line):
            literals.append(self._file.read(int(size.group(1))))
            line += self._line()
        return line, literals

    def _line(self):
        line = self._file.readline()
        if not line.endswith(b"\r\n"):
            raise Gone("the connection was closed")
        return line[:-2]


Fetched = collections.namedtuple("Fetched", "number uid flags modseq literal")


class View:
    """The mailbox as one session was told of it since SELECT: UIDs by sequence number, None where not yet told."""

    def __init__(self):
        self.uids, self.gone, self.modseqs = [], set(), {}
        # The highest UID that was known when the message at this place came.
        self._above = []
        self._highest = 0
        self.uid_validity = None

    def take(self, command, response):
        """Returns what was fetched, if it was that. Raises Illegal."""
        numbered = _NUMBERED.match(response.text)
        if not numbered:
            self._take_status(response.text)
            return None
        number, kind, rest = int(numbered[1]), numbered[2], numbered[3]
        if kind == b"EXISTS":
            self._exists(number)
        elif kind == b"EXPUNGE":
            self._expunge(command, number)
        elif kind == b"FETCH":
            return self._fetch(number, rest, response.literals)
        return None

    def _take_status(self, text):
        validity = re.search(rb"\[UIDVALIDITY (\d+)\]", text)
        if validity:
            self.uid_validity = int(validity[1])

    def _exists(self, count):
        if count < len(self.uids):
            raise Illegal(f"{count} EXISTS where {len(self.uids)} messages were")
        added = count - len(self.uids)
        self.uids += [None] * added
        self._above += [self._highest] * added

    def _expunge(self, command, number):
        if command in KEEP_NUMBERS or not command:
            raise Illegal(f"EXPUNGE during {command!r}")
        if not 1 <= number <= len(self.uids):
            raise Illegal(f"{number} EXPUNGE of {len(self.uids)} messages")
        self.gone.add(self.uids.pop(number - 1))
        self._above.pop(number - 1)

    def _fetch(self, number, rest, literals):
        if not 1 <= number <= len(self.uids):
            raise Illegal(f"{number} FETCH of {len(self.uids)} messages")
        uid, flags, modseq = (one.search(rest) for one in (_UID, _FLAGS, _MODSEQ))
        if uid:
            self._learn(number - 1, int(uid[1]))
        known = self.uids[number - 1]
        if modseq and known:
            if int(modseq[1]) < self.modseqs.get(known, 0):
                raise Illegal(f"MODSEQ of UID {known} falls from {self.modseqs[known]} to {int(modseq[1])}")
            self.modseqs[known] = int(modseq[1])
        return Fetched(number, known, flags and frozenset(flags[1].decode().split()), modseq and int(modseq[1]),
                       literals[0] if literals else None)

    def _learn(self, place, uid):
        if self.uids[place] == uid:
            return
        if self.uids[place] is not None:
            raise Illegal(f"message {place + 1} was UID {self.uids[place]} and is {uid}")
        if uid in self.gone:
            raise Illegal(f"UID {uid} is back")
        before = [one for one in self.uids[:place] if one is not None]
        behind = [one for one in self.uids[place + 1:] if one is not None]
        if uid <= max(before[-1:] + [self._above[place]]) or (behind and uid >= behind[0]):
            raise Illegal(f"message {place + 1} is UID {uid}, between {before[-1:]} and {behind[:1]}, "
                          f"and came when {self._above[place]} was known")
        self.uids[place] = uid
        self._highest = max(self._highest, uid)
