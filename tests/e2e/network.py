"""A network of its own for a cluster: each store in a network namespace, all joined by a bridge. Needs root and iproute2.

    with Network(3) as network, running.running(stores=3, places=network.places) as cluster:
        network.cut("store1")       # Packets vanish both ways; nobody is told, no connection is reset.
        network.mend("store1")

This process itself moves into a fresh namespace, in which everything but the stores runs; other processes on the machine are
not disturbed. Threads that were started before stay where they were.
"""

import ctypes
import os
import shutil
import subprocess
import time

from tools.cluster.cluster import Place

_CLONE_NEWNET = 0x40000000
_HERE = "10.77.0.254"
_HERE_MAC = "02:00:00:00:00:fe"
_NOBODY_MAC = "02:00:00:00:00:ff"
_SETTLE_SECONDS = 10


class Missing(Exception):
    """This machine cannot do it; the text says why."""


def _run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise Missing(f"{' '.join(command)}: {done.stdout.strip()}")


def _neighbour(inside, device, address, mac):
    _run(*inside, "ip", "neigh", "replace", address, "lladdr", mac, "dev", device, "nud", "permanent")


def _libc(call, *args):
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, call)(*args):
        number = ctypes.get_errno()
        raise Missing(f"{call}: {os.strerror(number)}")


class Network:

    def __init__(self, stores):
        self._names = [f"store{n}" for n in range(1, stores + 1)]
        self._holders = {}
        self._before = None
        self.places = {}

    def __enter__(self):
        if os.geteuid() != 0:
            raise Missing("network namespaces need root")
        for tool in ("ip", "bridge", "unshare", "nsenter"):
            if not shutil.which(tool):
                raise Missing(f"{tool} is not installed (tools/install)")
        self._before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            _libc("unshare", _CLONE_NEWNET)
            self._build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for one in self._holders.values():
            one.kill()
            one.wait()
        _libc("setns", self._before, _CLONE_NEWNET)
        os.close(self._before)

    def cut(self, name):
        """Everything to and from this store is dropped, whatever it is connected to."""
        _run("bridge", "link", "set", "dev", name, "state", "0")

    def mend(self, name):
        _run("bridge", "link", "set", "dev", name, "state", "3")

    def cut_between(self, one, other):
        """These two stores no longer hear each other; everybody else hears both."""
        for a, b in ((one, other), (other, one)):
            self._neighbour(a, self._address(b), _NOBODY_MAC)

    def mend_between(self, one, other):
        for a, b in ((one, other), (other, one)):
            self._neighbour(a, self._address(b), self._mac(b))

    # -- making ------------------------------------------------------------------------------

    def _build(self):
        _run("ip", "link", "set", "lo", "up")
        _run("ip", "link", "add", "bridge", "address", _HERE_MAC, "type", "bridge")
        _run("ip", "addr", "add", f"{_HERE}/24", "dev", "bridge")
        _run("ip", "link", "set", "bridge", "up")
        for name in self._names:
            self._add(name)
        # Fixed neighbours: a store that is cut off is silence, not an error from the kernel.
        for name in self._names:
            _neighbour([], "bridge", self._address(name), self._mac(name))
            self._neighbour(name, _HERE, _HERE_MAC)
            for other in self._names:
                if other != name:
                    self._neighbour(name, self._address(other), self._mac(other))
        self.places = {name: Place(self._address(name), self._inside(name)) for name in self._names}
        self.places.update((name, Place(_HERE)) for name in ("auth1", "signer1", "mx1", "mx2"))

    def _add(self, name):
        here = os.readlink("/proc/thread-self/ns/net")
        holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        self._holders[name] = holder
        end = time.monotonic() + _SETTLE_SECONDS
        while os.readlink(f"/proc/{holder.pid}/ns/net") == here:
            if holder.poll() is not None or time.monotonic() > end:
                raise Missing("unshare --net does not work")
            time.sleep(0.01)
        _run("ip", "link", "add", name, "type", "veth", "peer", "name", "net", "address", self._mac(name),
             "netns", str(holder.pid))
        _run("ip", "link", "set", name, "master", "bridge", "up")
        inside = self._inside(name)
        _run(*inside, "ip", "link", "set", "lo", "up")
        _run(*inside, "ip", "addr", "add", f"{self._address(name)}/24", "dev", "net")
        _run(*inside, "ip", "link", "set", "net", "up")

    def _inside(self, name):
        return ["nsenter", f"--net=/proc/{self._holders[name].pid}/ns/net"]

    def _number(self, name):
        return self._names.index(name) + 1

    def _address(self, name):
        return f"10.77.0.{self._number(name)}"

    def _mac(self, name):
        return f"02:00:00:00:00:{self._number(name):02x}"

    def _neighbour(self, name, address, mac):
        _neighbour(self._inside(name), "net", address, mac)
