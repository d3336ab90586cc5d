"""A Packetboat cluster of real processes on loopback, for `./run` and for the tests.

    with Cluster(folder, binaries="bazel-bin") as cluster:
        cluster.start()
        cluster.kill("store1")
        cluster.restart("store1")

Everything that the cluster writes stands in `folder`: certificates, configuration, data, logs.
"""

import json
import os
import secrets
import signal
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request

DOMAIN = "example.test"
USERS = ("alice", "bob")
CLUSTER = "demo"
HOST = "127.0.0.1"

# How long a process may take until it says that it is ready.
READY_SECONDS = 60
# How long a process may take to end after SIGTERM.
STOP_SECONDS = 40

_BINARY = {"mx": "mx/mx", "store": "store/store", "auth": "auth/auth", "signer": "signer/signer"}


class ClusterError(Exception):
    """Something did not come up; the text says what and where to look."""


def _yaml(value, indent=0):
    """Dictionaries, lists, strings, numbers and booleans as YAML."""
    pad = "  " * indent
    if isinstance(value, dict):
        lines = []
        for key, item in value.items():
            nested = isinstance(item, (dict, list)) and item
            text = "\n" + _yaml(item, indent + 1) if nested else " " + json.dumps(item)
            lines.append(f"{pad}{key}:{text}")
        return "\n".join(lines)
    if isinstance(value, list):
        return "\n".join(f"{pad}- {_yaml(item, indent + 1).lstrip()}" for item in value)
    return pad + json.dumps(value)


def free_ports(count):
    """Ports that nobody listens on now; held together while choosing, so that all differ."""
    held = [socket.socket() for _ in range(count)]
    for one in held:
        one.bind((HOST, 0))
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


class Process:
    """One role's process: its own configuration, its log, and its pid while it runs."""

    def __init__(self, cluster, role, name, listeners, settings):
        self.role, self.name, self.listeners = role, name, listeners
        self.data = os.path.join(cluster.folder, name)
        self.config = os.path.join(cluster.folder, name + ".yaml")
        self.log = os.path.join(cluster.folder, name + ".log")
        self.http = next(one["port"] for one in listeners if one["protocol"] == "http")
        binary = os.path.join(cluster.binaries, _BINARY[role])
        self.argv = [binary, "--config", self.config]
        for extra in cluster.extra_configs:
            self.argv += ["--config", extra]
        self.child = None
        os.makedirs(self.data, mode=0o700, exist_ok=True)
        with open(self.config, "w", encoding="utf-8") as out:
            out.write(_yaml(settings) + "\n")

    @property
    def pid(self):
        return self.child.pid if self.child else None

    def start(self):
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def get(self, path):
        """(status, body) of an HTTP request to the process; status 0 when it does not answer."""
        try:
            with urllib.request.urlopen(f"http://{HOST}:{self.http}{path}", timeout=2) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as reply:
            return reply.code, reply.read().decode()
        except OSError:
            return 0, ""

    def ready(self):
        return self.get("/readyz")[0] == 200

    def state(self):
        """One word for the line that is printed when it changes."""
        if self.child is None:
            return "not started"
        code = self.child.poll()
        if code is not None:
            return f"ended with {code}" if code >= 0 else f"killed by signal {-code}"
        status, body = self.get("/readyz")
        if status == 200:
            return "ready"
        if status == 0:
            return "starting"
        return "not ready: " + " ".join(body.split())

    def log_tail(self, lines=15):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return "".join(log.readlines()[-lines:])


class Cluster:
    """Two MXes, signer, auth and stores on loopback, with a CA of its own."""

    def __init__(self, folder, binaries, stores=1, mxes=2, extra_configs=(), settings=None):
        self.folder = os.path.abspath(folder)
        self.binaries = os.path.abspath(binaries)
        self.extra_configs = [os.path.abspath(one) for one in extra_configs]
        self.packetboat = os.path.join(self.binaries, "cli/packetboat")
        self.ca = os.path.join(self.folder, "ca", "ca.pem")
        self.accounts = [
            {"user": f"{user}@{DOMAIN}", "password": secrets.token_urlsafe(12)} for user in USERS]
        self.processes = {}
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        self._make_certificates(stores, mxes)
        self._make_processes(stores, mxes, settings or {})

    # -- making ------------------------------------------------------------------------------

    def _run(self, *args, **kwargs):
        done = subprocess.run(
            [self.packetboat, *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            check=False, **kwargs)
        if done.returncode:
            raise ClusterError(f"packetboat {' '.join(args)} failed:\n{done.stdout}")
        return done.stdout

    def _make_certificates(self, stores, mxes):
        ca = os.path.dirname(self.ca)
        self._run("cluster", "ca", "init", ca, "--cluster", CLUSTER)
        names = [("signer", "signer1"), ("auth", "auth1"), ("admin", "operator")]
        names += [("store", f"store{n}") for n in range(1, stores + 1)]
        names += [("mx", f"mx{n}") for n in range(1, mxes + 1)]
        for role, name in names:
            self._run("cluster", "ca", "issue", ca, "--role", role, "--name", name)
        hosts = [f"mx{n}.{DOMAIN}" for n in range(1, mxes + 1)] + [f"imap.{DOMAIN}", "localhost"]
        dns = [word for host in hosts for word in ("--dns", host)]
        self._run("cluster", "ca", "issue", ca, "--mail", "--name", "mail", *dns, "--ip", HOST)

    def _certificate(self, name):
        folder = os.path.dirname(self.ca)
        return {"certificate": f"{folder}/{name}.pem", "key": f"{folder}/{name}.key"}

    def _make_processes(self, stores, mxes, settings):
        ports = iter(free_ports(8 + 4 * stores + 5 * mxes))

        def listener(role, name, protocol, tls):
            return {"role": role, "name": name, "protocol": protocol, "host": HOST,
                    "port": next(ports), "tls": tls}

        def address(one):
            return f"{one['host']}:{one['port']}"

        grpc = {name: listener(role, name, "grpc", "implicit") for role, name in
                [("signer", "signer1"), ("auth", "auth1")] +
                [("store", f"store{n}") for n in range(1, stores + 1)]}
        peers = {
            "name": CLUSTER,
            "stores": [address(grpc[f"store{n}"]) for n in range(1, stores + 1)],
            "auths": [address(grpc["auth1"])],
            "signers": [address(grpc["signer1"])],
        }

        def add(role, name, listeners, own):
            http = listener(role, name, "http", "none")
            config = {
                "node": {"name": name, "data": os.path.join(self.folder, name),
                         "http": address(http)},
                "cluster": dict(peers, tls=dict(ca=self.ca, **self._certificate(name))),
                "mail": {"tls": self._certificate("mail")},
                role: own,
            }
            for key, value in settings.get(role, {}).items():
                config[role][key] = value
            self.processes[name] = Process(self, role, name, listeners + [http], config)

        for n in range(1, stores + 1):
            name = f"store{n}"
            imap = listener("store", name, "imap", "starttls")
            imaps = listener("store", name, "imaps", "implicit")
            add("store", name, [grpc[name], imap, imaps], {
                "address": address(grpc[name]),
                "imap": [{"address": address(imap), "tls": "starttls"},
                         {"address": address(imaps), "tls": "implicit"}]})
        add("auth", "auth1", [grpc["auth1"]], {"address": address(grpc["auth1"])})
        keys = os.path.join(self.folder, "signer1", "keys")
        os.makedirs(keys, mode=0o700, exist_ok=True)
        add("signer", "signer1", [grpc["signer1"]],
            {"address": address(grpc["signer1"]), "keys": keys})
        for n in range(1, mxes + 1):
            name = f"mx{n}"
            smtp = listener("mx", name, "smtp", "starttls")
            lmtp = listener("mx", name, "lmtp", "none")
            add("mx", name, [smtp, lmtp], {
                "hostname": f"{name}.{DOMAIN}",
                "listeners": [
                    {"address": address(smtp), "protocol": "smtp", "tls": "starttls"},
                    {"address": address(lmtp), "protocol": "lmtp", "tls": "none"}]})
        self.operator_config = os.path.join(self.folder, "operator.yaml")
        with open(self.operator_config, "w", encoding="utf-8") as out:
            out.write(_yaml({
                "node": {"name": "operator"},
                "cluster": dict(peers, tls=dict(ca=self.ca, **self._certificate("operator"))),
            }) + "\n")

    # -- running -----------------------------------------------------------------------------

    def start(self):
        """Starts everything, makes the domain and the accounts, returns when all are ready."""
        for process in self.processes.values():
            process.start()
        self.wait_ready([name for name, one in self.processes.items() if one.role == "store"])
        self.admin("domain", "add", DOMAIN)
        for account in self.accounts:
            self.admin("account", "add", account["user"], input=account["password"] + "\n")
        self.wait_ready()

    def admin(self, *args, **kwargs):
        """Runs `packetboat ARGS` as the operator of this cluster; returns what it printed."""
        return self._run("--config", self.operator_config, *args, **kwargs)

    def wait_ready(self, names=None, seconds=READY_SECONDS):
        end = time.monotonic() + seconds
        waiting = [self.processes[name] for name in names or self.processes]
        while waiting:
            for one in waiting:
                code = one.child.poll() if one.child else None
                if code is not None:
                    raise ClusterError(f"{one.name} ended with {code}; the end of {one.log}:\n"
                                       + one.log_tail())
            waiting = [one for one in waiting if not one.ready()]
            if waiting and time.monotonic() > end:
                one = waiting[0]
                raise ClusterError(f"{one.name} is {one.state()} after {seconds} s; the end of "
                                   f"{one.log}:\n{one.log_tail()}")
            if waiting:
                time.sleep(0.05)

    def kill(self, name, number=signal.SIGKILL):
        process = self.processes[name]
        process.child.send_signal(number)
        if number == signal.SIGKILL:
            process.child.wait()

    def restart(self, name):
        self.processes[name].start()

    def stop(self):
        """SIGTERM to all: MXes first, stores last. Returns {name: exit status} of those not 0."""
        order = ["mx", "signer", "auth", "store"]
        bad = {}
        for role in order:
            group = [one for one in self.processes.values() if one.role == role and one.child]
            for one in group:
                if one.child.poll() is None:
                    one.child.send_signal(signal.SIGTERM)
            for one in group:
                try:
                    code = one.child.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    one.child.kill()
                    one.child.wait()
                    code = "killed, it did not end by itself"
                if code != 0:
                    bad[one.name] = code
        return bad

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for one in self.processes.values():
            if one.child and one.child.poll() is None:
                one.child.kill()
                one.child.wait()

    # -- describing --------------------------------------------------------------------------

    def listeners(self, protocol=None, role=None):
        return [one for process in self.processes.values() for one in process.listeners
                if protocol in (None, one["protocol"]) and role in (None, one["role"])]

    def endpoints(self):
        return {
            "domain": DOMAIN,
            "ca": self.ca,
            "listeners": self.listeners(),
            "accounts": self.accounts,
            "processes": [
                {"role": one.role, "name": one.name, "pid": one.pid, "data": one.data,
                 "restart": one.argv} for one in self.processes.values()],
        }

    def tls(self):
        """A client's context that trusts this cluster's CA."""
        return ssl.create_default_context(cafile=self.ca)
