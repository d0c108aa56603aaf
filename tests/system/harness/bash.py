# SPDX-License-Identifier: BSD-3-Clause
"""bash with its completion, asked by a program or by the TAB key."""

import os
import pty
import re
import select
import subprocess
import time

from .daemon import ROOT, build_folder

BASH_COMPLETION = "/usr/share/bash-completion/bash_completion"
FILE = ROOT / "ctl/vsctl.bash-completion"
TIMEOUT = 30

# reads "COMP_CWORD WORD..." with \x1f between words, a line each; answers in kind
ASK = r"""
while IFS= read -r line; do
    IFS=$'\x1f' read -r -a all <<< "$line"
    COMP_LINE=${all[0]} COMP_POINT=${#all[0]} COMP_CWORD=${all[1]} COMP_WORDS=("${all[@]:2}")
    COMPREPLY=()
    _vsctl vsctl "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}" 2>&1
    (IFS=$'\x1f'; printf '%s\n' "${COMPREPLY[*]}")
done
"""


def split(line, breaks):
    """The words of a line that is being typed, as readline has them: it breaks at more than blanks."""
    words = []
    for word in line.split(" "):
        parts = re.split("([%s]+)" % re.escape(breaks), word) if breaks else [word]
        words.extend([part for part in parts if part] or [""])
    return words


def environment(daemon):
    """vsctl in the PATH, and whose names it asks for."""
    return {"PATH": "%s:%s" % (build_folder() / "ctl", os.environ["PATH"]), "HOME": "/nonexistent",
            "TERM": "dumb", "VSWITCH_RUN_DIR": str(daemon.run_dir), "LC_ALL": "C.UTF-8"}


class Completer:
    """COMPREPLY for lines."""

    def __init__(self, daemon, breaks=":=@"):
        self.breaks = breaks
        setup = "COMP_WORDBREAKS=$' \\t\\n\"\\'><;|&(%s'\n. %s\n. %s\n" % (
            breaks, BASH_COMPLETION, FILE)
        self.process = subprocess.Popen(
            daemon.host.command("bash", "--noprofile", "--norc", "-c", setup + ASK),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=environment(daemon))

    def __call__(self, line):
        """What may stand at the end of the line: a list, each once."""
        words = split(line, self.breaks)
        fields = [line, str(len(words) - 1), *words]
        # a last empty field would be lost
        self.process.stdin.write("\x1f".join(fields) + "\x1f\n")
        self.process.stdin.flush()
        reply = self.process.stdout.readline().rstrip("\n")
        return sorted(set(reply.split("\x1f"))) if reply else []

    def close(self):
        """End bash."""
        self.process.stdin.close()
        self.process.wait(TIMEOUT)


class Terminal:
    """An interactive bash on a terminal of its own."""

    PROMPT = "ready> "

    def __init__(self, daemon):
        master, slave = pty.openpty()
        self.fd = master
        self.rest = ""  # printed, but not asked for yet
        self.process = subprocess.Popen(
            daemon.host.command("bash", "--noprofile", "--norc", "-i"), stdin=slave, stdout=slave,
            stderr=slave, env={**environment(daemon), "PS1": self.PROMPT}, start_new_session=True)
        os.close(slave)
        self.read_until(self.PROMPT)
        self.type("bind 'set enable-bracketed-paste off'; . %s; . %s\n" % (BASH_COMPLETION, FILE))
        self.read_until(self.PROMPT)

    def type(self, text):
        """Press keys."""
        os.write(self.fd, text.encode())

    def read_until(self, text):
        """What it prints until a text has come."""
        end = time.monotonic() + TIMEOUT
        while text not in self.rest:
            ready, _, _ = select.select([self.fd], [], [], max(0, end - time.monotonic()))
            assert ready, "no %r after: %r" % (text, self.rest)
            self.rest += os.read(self.fd, 4096).decode(errors="replace")
        seen, _, self.rest = self.rest.partition(text)
        return seen

    def completed(self, keys):
        """The words of the line that keys make."""
        self.type(keys)
        # to the front of the line, and its end: it is printed, not run
        self.type("\x01printf '[%s]' \x05 END\n")
        seen = self.read_until("[END]")
        self.read_until(self.PROMPT)
        return re.findall(r"\[([^][%]*)\]", seen)

    def close(self):
        """End bash."""
        self.process.terminate()
        self.process.kill()
        self.process.wait(TIMEOUT)
        os.close(self.fd)
