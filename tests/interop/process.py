"""The programs of a run: each in a process group of its own, each waited for with a limit."""

import os
import re
import signal
import subprocess
import threading
import time

RUNNING = []

# Set when the run is to end: what has not begun by then does not begin.
ENDING = threading.Event()


class Trouble(Exception):
    """What keeps a run from a verdict."""


class Process:
    """A child whose output goes to a file."""

    def __init__(self, command, log):
        if ENDING.is_set():
            raise Trouble("the run has been ended")
        self.log = log
        with open(log, "wb") as out:
            self.child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )
        RUNNING.append(self)

    def status(self):
        """The exit status, None while it runs."""
        return self.child.poll()

    def output(self):
        """The whole lines that it has written."""
        text = self.log.read_text(errors="replace")
        return text[: text.rfind("\n") + 1]

    def wait_for(self, pattern, seconds, what, other=None):
        """The match of a pattern in what it writes, which must come in time, before it or the other ends."""
        until = time.monotonic() + seconds
        while True:
            found = re.search(pattern, self.output())
            if found:
                return found
            for each in filter(None, (other, self)):
                if each.status() is not None:
                    raise Trouble(f"{what} ended with status {each.status()} {each.last_words()}")
            if time.monotonic() > until:
                raise Trouble(f"{what} did not say {pattern!r} within {seconds} s {(other or self).last_words()}")
            time.sleep(0.02)

    def wait(self, seconds, what):
        """The exit status, which must come in time."""
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Trouble(f"{what} did not end within {seconds} s {self.last_words()}") from None

    def last_words(self):
        lines = self.log.read_text(errors="replace").split("\n")
        return "\n    | ".join([f"({self.log}):", *filter(None, lines[-8:])])

    def stop(self):
        """Ends the child and what it started, by the id of the group made for it."""
        for sign, seconds in ((signal.SIGTERM, 5), (signal.SIGKILL, 5)):
            if self.status() is not None:
                break
            os.killpg(self.child.pid, sign)
            try:
                self.child.wait(seconds)
            except subprocess.TimeoutExpired:
                pass
        if self in RUNNING:
            RUNNING.remove(self)


def stop_all():
    ENDING.set()
    for process in RUNNING[::-1]:
        process.stop()
