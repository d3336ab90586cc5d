"""MXes as the targets of SMTP dialogs."""

import ipaddress
import itertools
import json
import os
import re
import signal
import subprocess
import urllib.request

from tests.dialogs.dialog import Connection, Fault, matches, wait_for
from tests.e2e import reading
from tests.e2e.running import PATIENCE_SECONDS
from tools.cluster.cluster import HOST, Ports

# Which limit of the configuration a setting of the dialogs is.
LIMITS = {
    "max_message_bytes": "message_bytes",
    "max_recipients": "recipients",
    "max_transactions": "transactions",
    "max_header_bytes": "header_bytes",
    "max_received": "received_fields",
    "max_errors": "errors",
    "max_junk_commands": "junk_commands",
    "max_discarded_bytes": "discarded_bytes",
}

# The engine runs on a clock of its own, here it is the real one: these dialogs wait for the end of a shorter time.
SHORT_TIMES = {
    "timeout-command": {"limits": {"command_timeout": "5s"}},
    "timeout-command-octet-by-octet": {"limits": {"command_timeout": "5s"}},
    "timeout-data": {"limits": {"data_timeout": "5s"}},
    "timeout-data-octet-by-octet": {"limits": {"data_timeout": "5s"}},
    "timeout-bdat": {"limits": {"data_timeout": "5s"}},
    "timeout-bdat-octet-by-octet": {"limits": {"data_timeout": "5s"}},
    "starttls-handshake-that-never-ends": {"handshake_timeout": "5s"},
    "implicit-tls-handshake-that-never-ends": {"handshake_timeout": "5s"},
}
SHORT_COMMIT_WAIT = "1s"

# The client of the engine's dialogs, and the one here.
ENGINE_CLIENT, CLIENT = "192.0.2.25", "127.0.0.1"

# An engine numbers its transactions, an mx draws their names.
_TRANSACTION = re.compile(rb" as S1\.\d+$")
_RECIPIENT = re.compile(rb"RCPT TO:<([^>]+)>", re.IGNORECASE)


class Mx:
    """A process of the mx with one listener, made for those that want these settings; `own` is more of its part `mx`."""

    def __init__(self, cluster, ports, number, listener, limits=None, handshake_timeout="30s", commit_wait="60s", own=None):
        http, port = ports.take(), ports.take()
        data = os.path.join(cluster.folder, f"dialogs{number}")
        os.makedirs(data)
        self.listener = {"host": HOST, "port": port}
        self._is_lmtp = listener["protocol"] == "lmtp"
        self._tls = cluster.tls() if listener["tls"] == "implicit" else None
        self.log = os.path.join(data, "log")
        self._http = f"http://{HOST}:{http}"
        overlay = os.path.join(data, "overlay.yaml")
        config = {
            "node": {"data": data, "http": f"{HOST}:{http}"},
            "mail": {"tls": {"handshake_timeout": handshake_timeout}},
            "mx": dict(own or {}, hostname="mx.example.test", limits=limits or {}, commit_wait=commit_wait,
                       listeners=[dict(listener, address=f"{HOST}:{port}")]),
            "log": {"file": self.log},
        }
        with open(overlay, "w", encoding="utf-8") as out:
            json.dump(config, out)
        self.child = subprocess.Popen(
            cluster.processes["mx1"].argv + ["--config", overlay], stdin=subprocess.DEVNULL)
        wait_for(self._is_ready, f"mx for {config['mx']}; see {self.log}")

    def _is_ready(self):
        if self.child.poll() is not None:
            raise Fault(f"mx ended with {self.child.returncode}; see {self.log}")
        try:
            self.get("/readyz")
        except OSError:
            return False
        return True

    def get(self, path):
        with urllib.request.urlopen(self._http + path, timeout=PATIENCE_SECONDS) as reply:
            return reply.read().decode()

    def metric(self, sample):
        """The value of `name{labels}`, 0 if there is none."""
        return next((float(line.rpartition(" ")[2]) for line in self.get("/metrics").splitlines()
                     if line.rpartition(" ")[0] == sample), 0)

    def lines(self, offset):
        with open(self.log, "rb") as log:
            log.seek(offset)
            return [json.loads(line) for line in log.read().splitlines() if line.startswith(b"{")]

    def log_size(self):
        return os.path.getsize(self.log)

    def accepts_mail(self):
        connection = Connection(self.listener, self._tls)
        hello = b"LHLO" if self._is_lmtp else b"HELO"
        try:
            connection.read_line()
            connection.send(hello + b" localhost\r\n")
            while not connection.read_line().startswith(b"250 "):
                pass
            connection.send(b"MAIL FROM:<>\r\nRCPT TO:<bob@example.test>\r\n")
            connection.read_line()
            return connection.read_line().startswith(b"250 ")
        except Fault:
            return False
        finally:
            connection.close()

    def drain(self):
        self.child.send_signal(signal.SIGTERM)

    def stop(self):
        self.child.kill()
        self.child.wait()


class MxPool:
    """One Mx per distinct settings; those that a dialog has told to stop are replaced."""

    def __init__(self, cluster):
        self.cluster, self._by_settings, self._made = cluster, {}, []
        self._numbers = itertools.count()
        self._ports = Ports()

    def get(self, **settings):
        key = json.dumps(settings, sort_keys=True)
        mx = self._by_settings.pop(key, None)
        if mx is None or mx.child.poll() is not None:
            mx = Mx(self.cluster, self._ports, next(self._numbers), **settings)
            self._made.append(mx)
        self._by_settings[key] = mx
        return mx

    def forget(self, mx):
        self._by_settings = {key: one for key, one in self._by_settings.items() if one is not mx}

    def wait_for_the_store(self):
        """Until every mx that goes on can deliver again."""
        for mx in self._by_settings.values():
            wait_for(mx.accepts_mail, f"an accepted recipient; see {mx.log}")

    def stop(self):
        for mx in self._made:
            mx.stop()
        self._ports.close()


def settings_of(name, dialog):
    """What MxPool.get needs for a dialog."""
    lmtp = dialog.setting("mode", "mx") == "lmtp"
    tls = "implicit" if dialog.setting("implicit_tls") else "starttls" if dialog.setting("starttls") else "none"
    listener = {"protocol": "lmtp" if lmtp else "smtp", "tls": tls}
    proxies = dialog.setting("xclient_from")
    if proxies:
        with_client = ipaddress.ip_address(ENGINE_CLIENT) in ipaddress.ip_network(proxies)
        listener["xclient_from"] = [CLIENT if with_client else proxies]
    newline = dialog.setting("bare_newline", "reject")
    if newline != ("normalize" if lmtp else "reject"):
        listener["bare_newline"] = newline
    limits = {LIMITS[key]: int(value) for key, value in dialog.settings if key in LIMITS}
    short = SHORT_TIMES.get(name, {})
    fails = any(one.startswith("message 4") for one in dialog.directives("answer"))
    return {"listener": listener, "limits": dict(limits, **short.get("limits", {})),
            "handshake_timeout": short.get("handshake_timeout", "30s"),
            "commit_wait": SHORT_COMMIT_WAIT if fails else "60s"}


class SmtpTarget:
    """What the engine's runner answers itself, the cluster does here: `answer rcpt 550 5.1.1` for an address that nobody has,
    `answer message hold` and `451` by a store that stands still. Times pass by themselves. Of the events those are looked for
    that the mx logs; M lines are compared with what IMAP shows below the trace fields."""

    def __init__(self, pool, name, dialog):
        self._cluster = pool.cluster
        self._pool = pool
        self._mx = pool.get(**settings_of(name, dialog))
        self._log_offset = self._mx.log_size()
        self._connection = Connection(self._mx.listener)
        self._message_answers = []
        self._froze = self._frozen = self._starttls = False
        self._recipient = None
        self._nevers = []

    def close(self):
        self._connection.close()
        if self._froze:
            self._thaw()
            self._pool.wait_for_the_store()

    def check_nevers(self):
        """At the end of the dialog."""
        for text in self._nevers:
            found = self._find(text)
            if found:
                raise Fault(f"there was {found}")

    def send(self, octets):
        recipients = _RECIPIENT.findall(octets)
        if recipients:
            self._recipient = recipients[-1].decode()
        self._starttls = octets.upper() == b"STARTTLS\r\n"
        if octets.endswith((b"\r\n.\r\n", b"\r\n.\r\nQUIT\r\n")) and self._message_answers:
            if self._message_answers.pop(0) != "ok":
                self._freeze()
        self._connection.send(octets)

    def matches(self, pattern, line):
        return matches(_TRANSACTION.sub(b" as *", pattern), line)

    def read_line(self):
        line = self._connection.read_line()
        if self._frozen and line.startswith(b"451 "):
            self._thaw()
        return line

    def expect_closed(self):
        if self._starttls:  # the engine gives the 220 together with the handshake
            self._connection.read_line()
        self._connection.expect_closed()

    def expect_message(self, octets):
        account = next(one for one in self._cluster.dialog_accounts if one["user"] == self._recipient)
        mailbox = reading.read(self._cluster, account)
        if not mailbox.messages:
            raise Fault(f"{self._recipient} has no message")
        message = reading.below_trace(mailbox.messages[-1][1])
        if message != octets:
            raise Fault(f"the message is {message!r}")

    def direct(self, word, text):
        if word == "answer":
            kind, _, verdict = text.partition(" ")
            if kind == "message":
                self._message_answers.append(verdict)
        elif word == "release":
            self._thaw()
        elif word == "tls":
            if self._starttls:
                self._connection.start_tls_behind_a_line(self._cluster.tls())
                self._starttls = False
            else:
                self._connection.start_tls(self._cluster.tls())
        elif word == "drain":
            self._pool.forget(self._mx)
            self._mx.drain()
        elif word == "hangup":
            self._connection.close()
        elif word == "expect":
            wait_for(lambda: self._find(text) or not self._is_logged(text), text)
        elif word == "never":
            self._nevers.append(text)
        elif word != "wait":
            raise Fault(f"unknown directive {word}")

    # -- the store that stands still ----------------------------------------------------------

    def _freeze(self):
        self._froze = self._frozen = True
        self._cluster.processes["store1"].child.send_signal(signal.SIGSTOP)

    def _thaw(self):
        if self._frozen:
            self._cluster.processes["store1"].child.send_signal(signal.SIGCONT)
        self._frozen = False

    # -- events in the log --------------------------------------------------------------------

    @staticmethod
    def _is_logged(text):
        if text.startswith("ask connect "):
            # The connection itself is not said to be one.
            return text != f"ask connect {ENGINE_CLIENT}:*"
        return text.startswith(("close ", "ask mail ", "abort-body "))

    @staticmethod
    def _named(line):
        words = [line["client"]]
        if line["name"]:
            words.append("name-deferred" if line["name"] == "[TEMPUNAVAIL]" else f"name={line['name']}")
        if line["login"]:
            words.append(f"login={line['login']}")
        return " ".join(words)

    def _find(self, text):
        """The first line of the log that shows this event."""
        word, _, about = text.partition(" ")
        for line in self._mx.lines(self._log_offset):
            event = line["event"]
            if word == "close" and event == "session ended" and about in ("*", line["reason"]):
                return line
            if text.startswith("ask mail") and event == "transaction":
                address = re.search(r"<(.*)>", text)
                if not address or address.group(1) == line["from"].strip("<>"):
                    return line
            if text.startswith("ask connect") and event == "client named by proxy":
                pattern = text.replace(ENGINE_CLIENT, CLIENT).encode()
                if matches(pattern, f"ask connect {self._named(line)}".encode()):
                    return line
            if text.startswith("ask message") and event == "message received":
                return line
            if word == "abort-body" and event == "message refused" and about in ("*", str(line["code"])):
                return line
        return None
