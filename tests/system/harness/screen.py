# SPDX-License-Identifier: BSD-3-Clause
"""A program on a terminal of its own, and what can be read on it."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios

from .netns import die_with_parent
from .wait import TIMEOUT, wait_until

TOKEN = re.compile(rb"\x1b\[(\?)?([0-9;]*)([A-Za-z])|([\r\n\x08])|([ -~]+)|\x1b|[^\x1b]")


class Screen:
    """A program started on a terminal; knows as much of VT220 as it takes, and refuses the rest."""

    def __init__(self, command, lines=24, columns=80, env=None):
        self.master, self.slave = pty.openpty()
        self.raw = b""
        self._rest = b""
        self.alternate = False
        self.cursor_seen = True
        self.process = None
        self.resize(lines, columns)
        self.modes_before = termios.tcgetattr(self.slave)
        self.process = subprocess.Popen(
            [str(word) for word in command], stdin=self.slave, stdout=self.slave,
            stderr=self.slave, preexec_fn=self._child, env={**os.environ, "TERM": "vt220",
                                                            **(env or {})})

    def _child(self):
        """As a shell at a terminal starts it: tests in the background, or nohup, ignore these."""
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        die_with_parent()
        os.setsid()
        fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)

    def resize(self, lines, columns):
        """Another window size, once what was drawn for this one is here; the kernel tells."""
        if self.process is not None:
            wait_until(self._is_drawn, what="the program waits")
        self.lines, self.columns = lines, columns
        self.cells = [[" "] * columns for _ in range(lines)]
        self.row = self.column = 0
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def _is_drawn(self):
        """Does the program wait in poll(2), and has all that it had written been read?"""
        with open("/proc/%d/syscall" % self.process.pid, encoding="ascii") as file:
            waits = file.read().split()[0] == "7"
        seen = len(self.raw)
        self.read()
        return waits and len(self.raw) == seen

    def press(self, keys):
        """As if typed."""
        os.write(self.master, keys.encode())

    def read(self):
        """Take what the program has written so far."""
        while select.select([self.master], [], [], 0)[0]:
            try:
                data = os.read(self.master, 65536)
            except OSError:
                return
            self.raw += data
            self._feed(data)

    def _feed(self, data):
        data = self._rest + data
        # a sequence may come in two pieces
        cut = data.rfind(b"\x1b", max(0, len(data) - 16))
        if cut >= 0 and not re.match(rb"\x1b\[\??[0-9;]*[A-Za-z]", data[cut:]):
            data, self._rest = data[:cut], data[cut:]
        else:
            self._rest = b""
        for match in TOKEN.finditer(data):
            private, numbers, final, control, text = match.groups()
            if text is not None:
                self._write(text.decode())
            elif control == b"\r":
                self.column = 0
            elif control == b"\n":
                self.row = min(self.row + 1, self.lines - 1)
            elif final is not None:
                self._control(private, numbers.decode(), final.decode())
            else:
                raise AssertionError("unexpected on a terminal: %r" % match.group())

    def _write(self, text):
        for char in text:
            assert self.column < self.columns, "beyond the end of line %d: %r" % (self.row, text)
            self.cells[self.row][self.column] = char
            self.column += 1

    def _control(self, private, numbers, final):
        if private:
            if numbers == "1049":
                self.alternate = final == "h"
            elif numbers == "25":
                self.cursor_seen = final == "h"
        elif final == "H":
            row, column = (int(number) - 1 for number in numbers.split(";"))
            # of a size that is not there any more
            self.row, self.column = min(row, self.lines - 1), column
        elif final == "K":
            self.cells[self.row][self.column:] = [" "] * (self.columns - self.column)
        elif final == "J":
            for row in range(self.row, self.lines):
                self.cells[row] = [" "] * self.columns
        else:
            assert final == "m", "unexpected sequence: %s%s" % (numbers, final)

    @property
    def text(self):
        """The lines, without blanks at their ends."""
        self.read()
        return ["".join(row).rstrip() for row in self.cells]

    def wait(self, condition, timeout=TIMEOUT):
        """Wait until condition(lines) is true; what it returned."""
        return wait_until(lambda: condition(self.text), timeout,
                          lambda: "on the screen:\n" + "\n".join(self.text))

    def wait_text(self, text, timeout=TIMEOUT):
        """Wait until a text is somewhere on the screen."""
        return self.wait(lambda lines: any(text in line for line in lines), timeout)

    def wait_end(self, timeout=TIMEOUT):
        """Wait until the program has ended. Return: its exit status, as subprocess has it."""
        def ended():
            self.read()
            return self.process.poll() is not None
        wait_until(ended, timeout, lambda: "the program ends; on the screen:\n" +
                   "\n".join(self.text))
        self.read()
        return self.process.returncode

    @property
    def is_restored(self):
        """Is the terminal as the program had found it?"""
        self.read()
        return (termios.tcgetattr(self.slave) == self.modes_before and not self.alternate and
                self.cursor_seen)

    def signal(self, number):
        """Send it a signal."""
        self.process.send_signal(number)

    def close(self):
        """End it, however."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)
