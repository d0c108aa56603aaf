# SPDX-License-Identifier: BSD-3-Clause
"""vsctl monitor, and what it has printed so far."""

import json
import os
import signal
import subprocess

from .daemon import build_folder
from .netns import die_with_parent
from .wait import wait_until


class Following:
    """A vsctl that goes on until it is stopped, its output in a file."""

    def __init__(self, daemon, path, *words, options=()):
        self.path = path
        command = [str(build_folder() / "ctl/vsctl"), "-s", str(daemon.socket_path), *options,
                   *map(str, words)]
        with open(path, "wb") as out:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=subprocess.STDOUT, preexec_fn=die_with_parent)

    @property
    def text(self):
        """All that it has printed."""
        return self.path.read_text()

    def signal(self, number):
        """Send it a signal."""
        self.process.send_signal(number)

    def close(self):
        """End it, whatever it does."""
        self.process.kill()
        self.process.wait()


class Monitor(Following):
    """vsctl -j monitor WORD..."""

    def __init__(self, daemon, path, *words):
        super().__init__(daemon, path, "monitor", *words, options=("-j",))
        wait_until(lambda: self._follows(daemon), what="vsctl monitor is connected")

    def _follows(self, daemon):
        """Is it heard? Its connection is the daemon's when vsctl waits for what comes."""
        assert self.process.poll() is None, self.text
        with open("/proc/%d/syscall" % self.process.pid) as file:
            words = file.read().split()
        fds = os.listdir("/proc/%d/fd" % self.process.pid)
        # in poll(2), with the socket that it has made: the reply has come
        return daemon.process is not None and words[0] == "7" and words[3] == "0xffffffff" \
            and len(fds) > 3

    @property
    def events(self):
        """All events so far; a line that is half written is none."""
        return [json.loads(line) for line in self.text.splitlines(keepends=True)
                if line.endswith("\n") and line.startswith("{")]

    def find(self, kind, count=1, **members):
        """Events of a kind with these members."""
        def found():
            got = [event for event in self.events if event["kind"] == kind and
                   all(event.get(key) == value for key, value in members.items())]
            return got if len(got) >= count else None
        return wait_until(found, what=lambda: "event %s %s: %s" % (kind, members, self.text))

    def one(self, kind, **members):
        """The first of these."""
        return self.find(kind, **members)[0]


def pause(process):
    """Stop a process, and wait until it is."""
    process.send_signal(signal.SIGSTOP)

    def stopped():
        with open("/proc/%d/stat" % process.pid) as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "T"
    wait_until(stopped, what="it is stopped")
