# SPDX-License-Identifier: BSD-3-Clause
"""vsctl on a terminal: tables that fit, colours; and neither where it is none."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios

import pytest

from harness.daemon import build_folder
from harness.netns import die_with_parent
from harness.wait import wait_until

SGR = re.compile(r"\x1b\[[0-9;]*m")
SHOWS = ("show", "bridge show", "port show", "bond show bond0", "fdb show", "stats show",
         "vif show", "addr show", "route show", "nat show", "network show", "mirror show", "worker show",
         "querier show", "group show", "neigh show", "nat sessions")
NAMES = ("p1", "p2", "a-very-long-br", "tap-with-a-name", "bond0", "eth8", "eth9", "p1.100")


def on_terminal(daemon, width, *words, status=0, **variables):
    """What vsctl shows on a terminal of this width."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    environment = {key: value for key, value in os.environ.items()
                   if key not in ("COLUMNS", "NO_COLOR")}
    environment.update({"TERM": "xterm"}, **variables)
    process = subprocess.Popen(
        [build_folder() / "ctl/vsctl", "-s", daemon.socket_path, *words], env=environment,
        stdin=subprocess.DEVNULL, stdout=follower, stderr=subprocess.PIPE,
        preexec_fn=die_with_parent)
    os.close(follower)
    text = b""
    try:
        while True:
            text += os.read(leader, 65536)
    except OSError:  # it is closed
        pass
    os.close(leader)
    message = process.communicate(timeout=60)[1]
    assert process.returncode == status, message
    return text.decode().replace("\r\n", "\n")


@pytest.fixture
def daemon(bed):
    """A switch with something of much."""
    bed.station(1)
    bed.station(2, "trunk", "1-10,20,30-40", "native", "5")
    vsctl = bed.daemon.vsctl
    vsctl("bridge", "add", "a-very-long-br", "stp", "rstp")
    vsctl("port", "add", "tap-with-a-name", "type", "tap", "bridge", "a-very-long-br")
    vsctl("port", "add", "p1.100", "bridge", "a-very-long-br")
    for name in ("eth8", "eth9"):
        bed.sw.ip("tuntap", "add", name, "mode", "tap")
    vsctl("bond", "add", "bond0", "members", "eth8,eth9", "bridge", "br0")
    vsctl("addr", "add", "10.9.0.1/24", "bridge", "br0")
    vsctl("route", "add", "10.77.0.0/16", "via", "10.9.0.2")
    # what is shown twice is to be the same
    wait_until(lambda: bed.daemon.port("p1.100")["state"] == "forwarding", what="the tree is calm")
    return bed.daemon


def words_of(text):
    """All that is said, however it is laid out."""
    return sorted(re.split(r"[\s,;-]+", SGR.sub("", text)))


@pytest.mark.parametrize("width", (200, 120, 80, 60, 40))
def test_tables_fit(daemon, width):
    """No line of a table is wider than the terminal, and nothing that is said is lost."""

    def shown(words):
        """Both, and what the terminal does not say; workers may have woken up in between."""
        plain = daemon.vsctl_raw(*words.split()).stdout
        text = SGR.sub("", on_terminal(daemon, width, *words.split()))
        # columns may go that say nothing; counters go on
        lost = set(words_of(plain)) - set(words_of(text))
        return plain, text, [word for word in lost
                             if not re.fullmatch(r"[A-Z]+|\d+(\.\d+)?", word)]
    for words in SHOWS:
        wait_until(lambda: not shown(words)[2], what=lambda: (words, shown(words)))
        plain, text, _ = shown(words)
        if os.environ.get("SHOW"):
            print("--- %s, %d\n%s" % (words, width, text))
        for line in text.splitlines():
            is_prose = "   " in line.strip() and re.match(r" *(bridge|bond|mode|failovers) ", line)
            assert is_prose or len(line) <= width or len(line.split()) == 1, (words, line)
        for name in NAMES:
            assert plain.count(name) == text.count(name), (words, name, text)


def test_spanning_tree_fits(daemon):
    """What is no table fits the usual terminal: "-w stp show" would cut it."""
    daemon.vsctl("bridge", "set", "br0", "stp", "rstp")
    text = SGR.sub("", on_terminal(daemon, 80, "stp", "show"))
    assert "designated root" in text and max(map(len, text.splitlines())) < 80, text


def test_width_of_columns(daemon):
    """$COLUMNS counts more than what the terminal says."""
    text = SGR.sub("", on_terminal(daemon, 200, "port", "show", COLUMNS="70"))
    assert max(map(len, text.splitlines())) <= 70
    text = SGR.sub("", on_terminal(daemon, 70, "port", "show", COLUMNS="400"))
    assert text.splitlines()[0] == daemon.vsctl_raw("port", "show").stdout.splitlines()[0]


def test_colors(daemon):
    """Where somebody looks at it, unless they do not want it."""
    vsctl = daemon.vsctl_raw
    assert "\x1b[31mdown\x1b[0m" in on_terminal(daemon, 200, "port", "show")
    assert "\x1b[32mup\x1b[0m" in on_terminal(daemon, 200, "show")
    assert "\x1b" not in vsctl("port", "show").stdout
    assert "\x1b[32mup\x1b[0m" in vsctl("--color", "always", "port", "show").stdout
    assert SGR.sub("", vsctl("--color", "always", "bridge", "show").stdout) == vsctl(
        "bridge", "show").stdout
    for words, variables in ((("--color", "never"), {}), ((), {"NO_COLOR": "1"}),
                             ((), {"TERM": "dumb"}), (("-j",), {})):
        assert "\x1b" not in on_terminal(daemon, 200, *words, "port", "show", **variables)
    assert "\x1b" in on_terminal(daemon, 200, "port", "show", NO_COLOR="")
    refused = vsctl("--color", "blue", "show")
    assert (refused.returncode, refused.stderr) == (
        2, "vsctl: --color is auto, always or never, not 'blue'\n")
