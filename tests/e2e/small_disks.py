"""A small file system of its own for each store, which a test fills and empties. Needs root.

    with SmallDisks(octets) as disks, running.running(stores=3, prepare=disks.mount) as cluster:
        disks.leave_free("store1", 10_000_000)
        disks.give_back("store1")

They are tmpfs, in a mount namespace of this thread and of what it starts: whatever happens, nothing stays behind.
"""

import ctypes
import os
import subprocess

from tests.e2e.network import Missing

_CLONE_NEWNS = 0x00020000
_BALLAST = "ballast"


def _run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise Missing(f"{' '.join(command)}: {done.stdout.strip()}")


def _libc(call, *args):
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, call)(*args):
        raise Missing(f"{call}: {os.strerror(ctypes.get_errno())}")


class SmallDisks:

    def __init__(self, octets):
        self._octets = octets
        self._folders = {}
        self._before = None

    def __enter__(self):
        if os.geteuid() != 0:
            raise Missing("mounting needs root")
        self._before = os.open("/proc/thread-self/ns/mnt", os.O_RDONLY)
        _libc("unshare", _CLONE_NEWNS)
        try:
            _run("mount", "--make-rprivate", "/")
        except Missing:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        here = os.getcwd()
        _libc("setns", self._before, _CLONE_NEWNS)
        os.close(self._before)
        os.chdir(here)

    def mount(self, cluster):
        """Under the data folder of every store; before they run."""
        for name, one in cluster.processes.items():
            if one.role == "store":
                _run("mount", "-t", "tmpfs", "-o", f"size={self._octets},mode=700", "none", one.data)
                self._folders[name] = one.data

    def free(self, name):
        space = os.statvfs(self._folders[name])
        return space.f_bavail * space.f_frsize

    def leave_free(self, name, octets):
        """Takes so much of the room that about this is left."""
        path = os.path.join(self._folders[name], _BALLAST)
        with open(path, "ab") as ballast:
            missing = self.free(name) - octets
            if missing > 0:
                os.posix_fallocate(ballast.fileno(), ballast.tell(), missing)
            else:
                ballast.truncate(max(0, ballast.tell() + missing))

    def give_back(self, name):
        os.remove(os.path.join(self._folders[name], _BALLAST))
