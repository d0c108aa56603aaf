# SPDX-License-Identifier: BSD-3-Clause
"""vsctl capture, and what tshark and tcpdump make of its files."""

import contextlib
import json
import os
import shutil
import signal
import struct
import subprocess

import pytest

from .capture import Stream
from .daemon import build_folder
from .netns import die_with_parent
from .wait import TIMEOUT, wait_until


class Capture:
    """A vsctl capture that goes on. It begins before this returns."""

    def __init__(self, daemon, folder, *words, env=None, out=None, within=()):
        """
        out: file that it writes to, instead of lines
        within: words in front of the command
        """
        self.out, self.err = folder / "capture.out", folder / "capture.err"
        command = [*within, str(build_folder() / "ctl/vsctl"), "-s", str(daemon.socket_path),
                   "capture", *map(str, words)]
        with open(self.out, "wb") as lines, open(self.err, "wb") as err:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                            stdout=lines if out is None else out, stderr=err, preexec_fn=die_with_parent,
                                            env=env or os.environ)
        wait_until(self._begun, what=lambda: "a capture: " + self.err.read_text())

    def _begun(self):
        assert self.process.poll() is None or self.process.returncode == 0, self.err.read_text()
        return "capturing" in self.err.read_text()

    @property
    def lines(self):
        """The lines that it has printed so far; one that is half written is none."""
        text = self.out.read_bytes()
        return text[:text.rfind(b"\n") + 1].decode().splitlines()

    def wait_lines(self, n):
        """Wait for n lines. Return: them."""
        wait_until(lambda: len(self.lines) >= n,
                   what=lambda: "%d lines: %s" % (n, self.out.read_text()))
        return self.lines

    def wait(self, status=0):
        """It ends by itself. Return: (captured, matched, missed)."""
        assert self.process.wait(TIMEOUT) == status, self.err.read_text()
        words = next(line.split() for line in self.err.read_text().splitlines()
                     if "captured, " in line)
        return int(words[0]), int(words[3]), int(words[5])

    def interrupt(self):
        """Ctrl-C. Return: as wait()."""
        self.process.send_signal(signal.SIGINT)
        return self.wait()


def read(path):
    """A file's blocks."""
    stream = Stream()
    assert not stream.feed(path.read_bytes())
    return stream


def so_far(path):
    """The packets in a file that is being written: of the last block there may be a piece."""
    stream = Stream()
    stream.feed(path.read_bytes() if path.exists() else b"")
    return stream.packets


def tshark(path, *fields, words=()):
    """Fields of each packet of a file, as tshark reads them. No warnings."""
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed")
    options = [word for field in fields for word in ("-e", field)]
    done = subprocess.run(["tshark", "-n", "-r", path, "-T", "fields", *options, *words],
                          check=False, timeout=TIMEOUT, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)
    said = [line for line in done.stderr.splitlines() if "Running as user" not in line]
    assert done.returncode == 0 and not said, done.stderr
    return [line.split("\t") for line in done.stdout.splitlines()]


def tshark_bytes(path):
    """The packets of a file, as tshark reads them."""
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed")
    done = subprocess.run(["tshark", "-n", "-r", path, "-T", "jsonraw"], check=True,
                          timeout=TIMEOUT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return [bytes.fromhex(packet["_source"]["layers"]["frame_raw"][0])
            for packet in json.loads(done.stdout)]


def tcpdump_bytes(path):
    """The same by tcpdump."""
    done = subprocess.run(["tcpdump", "-n", "-xx", "-t", "-r", path], check=True, timeout=TIMEOUT,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    packets = []
    for line in done.stdout.splitlines():
        if line.startswith("\t0x"):
            packets[-1] += bytes.fromhex(line.split(":", 1)[1])
        elif not line[:1].isspace():
            packets.append(b"")
    return packets


def extcap_folder():
    """Where tshark looks for programs such as ours."""
    folders = subprocess.run(["tshark", "-G", "folders"], check=True, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, text=True).stdout
    return next(line.split("\t")[-1] for line in folders.splitlines()
                if line.startswith("Extcap path"))


@contextlib.contextmanager
def stop_and_go(pid, really=True):
    """A process that does nothing meanwhile."""
    if really:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        if really:
            os.kill(pid, signal.SIGCONT)


def write_numbered(path, n, head):
    """A pcap file with n frames of 60 bytes, numbered behind their addresses and type."""
    record = struct.pack("=IIII", 0, 0, 60, 60) + head + b"\x88\xb5"
    with open(path, "wb") as file:
        file.write(struct.pack("=IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        file.writelines(record + struct.pack("!I", number) + bytes(42) for number in range(n))
