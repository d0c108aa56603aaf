# SPDX-License-Identifier: BSD-3-Clause
"""A Xen host for the hotplug scripts: a store made of files, a vsctl that writes down what it is
asked and shows what it was told to.
"""

import fcntl
import json
import os
import pathlib
import shutil
import struct
import subprocess

import pytest

SCRIPTS = pathlib.Path(__file__).resolve().parents[3] / "scripts"
SHELLS = ("dash", "busybox")
BACKEND = "backend/vif/7/1"

STUBS = {
    "xenstore-read": '[ -f "$STORE/$1" ] || exit 1; cat "$STORE/$1"',
    "xenstore-write": """
        while [ $# -ge 2 ]; do
            mkdir -p "$(dirname "$STORE/$1")"; printf '%s' "$2" > "$STORE/$1"; shift 2
        done""",
    "vsctl": """
        [ "$1" = -j ] && { shift; cat "$STORE/$*"; exit; }
        { printf 'vsctl'; printf ' [%s]' "$@"; echo; } >> "$STORE/calls"
        [ -f "$STORE/vsctl-error" ] && { cat "$STORE/vsctl-error" >&2; exit 1; }
        exit 0""",
}


class Host:
    """A fake Xen host in a folder."""

    def __init__(self, folder, shell, script="vif-bridge"):
        self.store = folder / "store"
        self._bin = folder / "bin"
        self._shell = shell
        self.script = SCRIPTS / script
        (self.store / BACKEND).mkdir(parents=True)
        self._bin.mkdir()
        (self.store / "bridge show").write_text("[]")
        for name, body in STUBS.items():
            stub = self._bin / name
            stub.write_text("#!/bin/sh\n" + body + "\n")
            stub.chmod(0o755)
        self.set("frontend-id", "7")
        self.set("handle", "1")
        self.indent = None

    def shows(self, words, reply):
        """What vsctl shows from now on, by its words."""
        (self.store / words).write_text(json.dumps(reply, indent=self.indent))

    def set(self, key, value):
        """Write a key of the backend folder."""
        (self.store / BACKEND / key).write_text(value)

    def use_vsctl(self, program):
        """A real vsctl from now on."""
        stub = self._bin / "vsctl"
        stub.unlink()
        stub.symlink_to(program)

    def get(self, key):
        """A key of the backend folder, None if it is not there."""
        path = self.store / BACKEND / key
        return path.read_text() if path.exists() else None

    @property
    def calls(self):
        """The commands that were run, in order."""
        path = self.store / "calls"
        return path.read_text().splitlines() if path.exists() else []

    def run(self, *arguments, **environment):
        """Run the script as libxl does."""
        env = {"PATH": "%s:/usr/bin:/bin" % self._bin, "STORE": str(self.store),
               "XENBUS_PATH": BACKEND, "XENBUS_TYPE": "vif", "vif": "vif7.1",
               "INTERFACE": "vif7.1-emu", **environment}
        return subprocess.run([*self._shell, str(self.script), *arguments], env=env,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              stdin=subprocess.DEVNULL, check=False, timeout=60)

    def fails(self, text, *arguments):
        """Run; it must fail, say text, and leave it for xl."""
        result = self.run(*(arguments or ("online", "type_if=vif")))
        assert result.returncode == 1
        assert text in result.stderr
        assert text in self.get("hotplug-error")
        assert self.get("hotplug-status") == "error"

    def online(self):
        """Run online, which must work, and return the vsctl calls."""
        result = self.run("online", "type_if=vif")
        assert result.returncode == 0, result.stderr
        assert self.get("hotplug-status") == "connected"
        assert self.get("hotplug-error") is None
        return self.calls


def hosts(request, tmp_path, script):
    """For a fixture with SHELLS as its parameters: one host per shell."""
    if not shutil.which(request.param):
        pytest.skip("%s is not installed" % request.param)
    shell = [request.param, "sh"] if request.param == "busybox" else [request.param]
    return Host(tmp_path, shell, script)


IFF_TAP, IFF_NO_PI = 0x2, 0x1000
TUNSETIFF = 0x400454ca


def qemu_tap(host, name):
    """A tap as QEMU has it, in a namespace. Return: its file."""
    with host.inside():
        tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    return tap
