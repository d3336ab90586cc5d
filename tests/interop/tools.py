"""Other people's programs: finding them, running them."""

import shutil
import subprocess
import time
import unittest

SECONDS = 120


def need(program):
    """The path of a program; without it the test is skipped, and says so."""
    path = shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if path is None:
        skip(f"{program} is not installed (tools/install)")
    return path


def skip(reason):
    print(f"SKIPPED: {reason}", flush=True)
    raise unittest.SkipTest(reason)


def run(*command, **kwargs):
    """What it printed, as octets. Fails with all of it if the program does."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=SECONDS,
                          check=False, **kwargs)
    if done.returncode:
        raise AssertionError(f"{command}: exit {done.returncode}\n{done.stdout.decode(errors='replace')}\n"
                             f"{done.stderr.decode(errors='replace')}")
    return done.stdout


def wait_until(condition, what):
    end = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"never came: {what}")
        time.sleep(0.05)
