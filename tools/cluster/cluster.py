"""A Packetboat cluster of real processes, for `./run` and for the tests.

    with Cluster(folder, binaries="bazel-bin", stores=3) as cluster:
        cluster.start()
        cluster.kill("store1")
        cluster.restart("store1")

Everything that the cluster writes stands in `folder`: certificates, configuration, data, logs. Processes listen on loopback, or
where `places` says.
"""

import json
import os
import random
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


def _merge(into, settings):
    """Settings over a configuration; a list replaces a list."""
    for key, value in settings.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value


class Ports:
    """TCP ports that stay this object's until it is closed, also while nothing listens on them.

    They lie below those that the kernel gives to outgoing connections: else a connection could take the port of a process that
    is being restarted. Among clusters a name in the abstract namespace of Unix sockets, which a dead process loses, says whose a
    port is.
    """

    _FIRST, _END = 12_000, 32_000

    def __init__(self):
        self._held = []
        self._candidates = list(range(self._FIRST, self._END))
        random.SystemRandom().shuffle(self._candidates)

    def take(self):
        while self._candidates:
            port = self._candidates.pop()
            name = socket.socket(socket.AF_UNIX)
            try:
                name.bind(f"\0packetboat/port/{port}")
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("0.0.0.0", port))
            except OSError:
                name.close()
                continue
            self._held.append(name)
            return port
        raise ClusterError(f"no port of {self._FIRST} to {self._END} is free")

    def close(self):
        for one in self._held:
            one.close()
        self._held = []


class Place:
    """Where a process runs and listens: an address, and a command that runs its argument there."""

    def __init__(self, host=HOST, command=()):
        self.host, self.command = host, list(command)


def processes_with(argv):
    """The pids of processes with exactly this command line."""
    wanted = b"".join(os.fsencode(one) + b"\0" for one in argv)
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as cmdline:
                if cmdline.read() == wanted:
                    found.append(int(pid))
        except OSError:
            continue  # It ended.
    return found


class Process:
    """One role's process: its own configuration, its log, and its pid while it runs.

    Somebody else may have killed it and started it again by `argv`; what runs then is not our child but is found and stopped.
    """

    def __init__(self, cluster, role, name, listeners, settings, place):
        self.role, self.name, self.listeners = role, name, listeners
        self.data = os.path.join(cluster.folder, name)
        self.config = os.path.join(cluster.folder, name + ".yaml")
        self.log = os.path.join(cluster.folder, name + ".log")
        self.http = next(one for one in listeners if one["protocol"] == "http")
        self.place = place
        binary = os.path.join(cluster.binaries, _BINARY[role])
        self.command = [binary, "--config", self.config]
        for extra in cluster.extra_configs:
            self.command += ["--config", extra]
        self.child = None
        os.makedirs(self.data, mode=0o700, exist_ok=True)
        with open(self.config, "w", encoding="utf-8") as out:
            out.write(_yaml(settings) + "\n")

    @property
    def argv(self):
        """What starts it, from anywhere."""
        return self.place.command + self.command

    @property
    def pid(self):
        return self.child.pid if self.child else None

    def strangers(self):
        """The pids of what somebody else started in its place."""
        return [pid for pid in processes_with(self.command) if pid != self.pid]

    def end(self, seconds):
        """Returns when nothing of it runs: whether it had to be killed because it took longer than `seconds`."""
        killed = False
        end = time.monotonic() + seconds
        while self.child.poll() is None or self.strangers():
            if time.monotonic() > end:
                self.signal(signal.SIGKILL)
                killed = True
            time.sleep(0.01)
        return killed

    def signal(self, number):
        for pid in self.strangers() + ([self.pid] if self.child.poll() is None else []):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def start(self):
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def get(self, path):
        """(status, body) of an HTTP request to the process; status 0 when it does not answer."""
        try:
            with urllib.request.urlopen(f"http://{self.http['host']}:{self.http['port']}{path}", timeout=2) as reply:
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
        if code is not None and not self.strangers():
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
    """MXes, signer, auth and stores, with a CA of their own.

    settings: {role or name of a process: what is merged into that part of its configuration}
    places: {name of a process: Place}, for those that do not run on loopback
    """

    def __init__(self, folder, binaries, stores=1, mxes=2, extra_configs=(), settings=None, places=None):
        self.folder = os.path.abspath(folder)
        self.binaries = os.path.abspath(binaries)
        self.extra_configs = [os.path.abspath(one) for one in extra_configs]
        self.packetboat = os.path.join(self.binaries, "cli/packetboat")
        self.ca = os.path.join(self.folder, "ca", "ca.pem")
        self.accounts = [
            {"user": f"{user}@{DOMAIN}", "password": secrets.token_urlsafe(12)} for user in USERS]
        self.processes = {}
        self._places = places or {}
        self._ports = Ports()
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
        ips = [word for host in sorted({HOST} | {one.host for one in self._places.values()})
               for word in ("--ip", host)]
        self._run("cluster", "ca", "issue", ca, "--mail", "--name", "mail", *dns, *ips)

    def _certificate(self, name):
        folder = os.path.dirname(self.ca)
        return {"certificate": f"{folder}/{name}.pem", "key": f"{folder}/{name}.key"}

    def _make_processes(self, stores, mxes, settings):
        def place(name):
            return self._places.get(name, Place())

        def listener(role, name, protocol, tls):
            return {"role": role, "name": name, "protocol": protocol, "host": place(name).host,
                    "port": self._ports.take(), "tls": tls}

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
                # Wherever it is started from.
                "log": {"file": os.path.join(self.folder, name + ".log")},
            }
            for key in (role, name):
                _merge(config[role], settings.get(key, {}))
            self.processes[name] = Process(self, role, name, listeners + [http], config, place(name))

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
            # The clients of tests connect from where the mx is.
            here = [place(name).host]
            add("mx", name, [smtp, lmtp], {
                "hostname": f"{name}.{DOMAIN}",
                "address_limits": {"exempt": here},
                "listeners": [
                    {"address": address(smtp), "protocol": "smtp", "tls": "starttls"},
                    {"address": address(lmtp), "protocol": "lmtp", "tls": "none", "allow_from": here}]})
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
        self._wait_leaders()
        self.admin("domain", "add", DOMAIN)
        for account in self.accounts:
            self.admin("account", "add", account["user"], input=account["password"] + "\n")
        self.wait_ready()

    def admin(self, *args, **kwargs):
        """Runs `packetboat ARGS` as the operator of this cluster; returns what it printed."""
        return self._run("--config", self.operator_config, *args, **kwargs)

    def status(self):
        """What `packetboat cluster status --json` says; its exit status tells how well the cluster is."""
        command = [self.packetboat, "--config", self.operator_config, "cluster", "status", "--json"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        try:
            return json.loads(done.stdout)
        except ValueError as error:
            raise ClusterError(f"cluster status: {done.stdout}{done.stderr}") from error

    def leader_of(self, user):
        """The store that leads the shard of this account."""
        accounts = json.loads(self.admin("account", "list", "--json"))
        shard = next(one["shard"] for one in accounts if one["address"] == user)
        end = time.monotonic() + READY_SECONDS
        while time.monotonic() < end:
            for one in self.status()["shards"]:
                if one["shard"] == shard and one["leader"]:
                    return one["leader"]
            time.sleep(0.05)
        raise ClusterError(f"shard {shard} of {user} has no leader")

    def _wait_leaders(self):
        """Until every shard has a leader; a store is ready as soon as one has."""
        end = time.monotonic() + READY_SECONDS
        while not (shards := self.status()["shards"]) or not all(one["leader"] for one in shards):
            if time.monotonic() > end:
                raise ClusterError(f"shards without a leader: {shards}")
            time.sleep(0.05)

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
        process.signal(number)
        if number == signal.SIGKILL:
            process.end(STOP_SECONDS)

    def restart(self, name):
        self.processes[name].start()

    def stop(self):
        """SIGTERM to all: MXes first, stores last. Returns {name: exit status} of those not 0."""
        bad = {}
        for role in ("mx", "signer", "auth", "store"):
            group = [one for one in self.processes.values() if one.role == role and one.child]
            # How a stranger ends is its parent's to know, and how our child did, its killer's.
            replaced = {one.name for one in group if one.strangers()}
            for one in group:
                one.signal(signal.SIGTERM)
            for one in group:
                if one.end(STOP_SECONDS):
                    bad[one.name] = "killed, it did not end by itself"
                elif one.child.returncode and one.name not in replaced:
                    bad[one.name] = one.child.returncode
        return bad

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for one in self.processes.values():
            if one.child:
                one.end(0)
        self._ports.close()

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
