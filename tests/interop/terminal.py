"""A program in a terminal of its own (tmux): keys go in, and what it shows is read."""

import shlex
import tempfile
import time

from tests.e2e import running
from tests.interop import tools

_COLUMNS, _ROWS = 120, 40


class Terminal:

    def __init__(self, command, env):
        self._tmux = tools.need("tmux")
        self._folder = tempfile.TemporaryDirectory(prefix="terminal-")
        words = ["env", *(f"{key}={value}" for key, value in env.items()), *command]
        # The last words stay on the screen when the program has ended.
        self._run("new-session", "-d", "-s", "only", "-x", str(_COLUMNS), "-y", str(_ROWS),
                  shlex.join(words) + "; echo ended with $?; sleep infinity")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._run("kill-server")
        self._folder.cleanup()

    def _run(self, *words):
        return tools.run(self._tmux, "-S", f"{self._folder.name}/socket", "-f", "/dev/null", *words)

    def type(self, text):
        """Each character as it is."""
        self._run("send-keys", "-t", "only", "-l", text)

    def press(self, *keys):
        """Keys by their names: Enter, Escape, Down."""
        self._run("send-keys", "-t", "only", *keys)

    def screen(self):
        return self._run("capture-pane", "-t", "only", "-p").decode(errors="replace")

    def wait_for(self, *texts):
        """Until all of this is on the screen, which is returned."""
        return self._wait(lambda screen: all(one in screen for one in texts), f"{texts}")

    def wait_until_gone(self, text):
        return self._wait(lambda screen: text not in screen, f"a screen without {text!r}")

    def _wait(self, condition, what):
        end = time.monotonic() + running.PATIENCE_SECONDS
        while not condition(screen := self.screen()):
            if time.monotonic() > end:
                raise AssertionError(f"never shown: {what}; the screen:\n{screen}")
            time.sleep(0.05)
        return screen
