# SPDX-License-Identifier: BSD-3-Clause
"""Captures: clients of capture.start, and what they were sent, read block by block."""

import collections
import json
import socket
import struct
import subprocess

from .wait import TIMEOUT

SECTION, INTERFACE, STATISTICS, PACKET = 0x0a0d0d0a, 1, 5, 6
IN, OUT = 1, 2

Interface = collections.namedtuple("Interface", "name description mac length filter")
Packet = collections.namedtuple("Packet", "interface time length data direction comment lost")


def _options(data):
    """{code: value} of a block's options."""
    found = {}
    while len(data) >= 4:
        code, length = struct.unpack_from("=HH", data)
        if code == 0:
            break
        found[code] = data[4:4 + length]
        data = data[4 + (length + 3) // 4 * 4:]
    return found


class Stream:
    """A pcapng stream that is read. AssertionError if it is none."""

    def __init__(self):
        self.sections = 0
        self.interfaces = []
        self.packets = []
        self.totals = None  # {"seen", "matched", "missed", "delivered"}

    def feed(self, data):
        """Take whole blocks out of data. Return: what is left."""
        while len(data) >= 12:
            kind, length = struct.unpack_from("=II", data)
            assert length >= 12 and length % 4 == 0, "a block of %d bytes" % length
            if len(data) < length:
                break
            assert struct.unpack_from("=I", data, length - 4)[0] == length
            self._block(kind, data[8:length - 4])
            data = data[length:]
        return data

    def _block(self, kind, body):
        if kind == SECTION:
            assert struct.unpack_from("=IHH", body) == (0x1a2b3c4d, 1, 0)
            self.sections += 1
            self.interfaces = []
        elif kind == INTERFACE:
            link, _, length = struct.unpack_from("=HHI", body)
            options = _options(body[8:])
            assert link == 1 and options[9] == b"\x09"
            self.interfaces.append(Interface(
                options[2].decode(), options.get(3, b"").decode(), options.get(6), length,
                options.get(11, b"\0")[1:].decode()))
        elif kind == PACKET:
            number, high, low, size, length = struct.unpack_from("=IIIII", body)
            options = _options(body[20 + (size + 3) // 4 * 4:])
            self.packets.append(Packet(
                self.interfaces[number].name, (high << 32 | low) / 1e9, length,
                body[20:20 + size], struct.unpack("=I", options.get(2, bytes(4)))[0],
                options.get(1, b"").decode(), struct.unpack("=Q", options.get(4, bytes(8)))[0]))
        elif kind == STATISTICS:
            assert self.totals is None
            options = _options(body[12:])
            self.totals = {word: struct.unpack("=Q", options[code])[0] for word, code in
                           (("seen", 4), ("matched", 6), ("missed", 7), ("delivered", 8))}


def program(expression):
    """The instructions of a filter, as tcpdump makes them."""
    text = subprocess.run(["tcpdump", "-y", "EN10MB", "-ddd", expression], check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    return [[int(number) for number in line.split()] for line in text.splitlines()[1:]]


class Client(Stream):
    """A capture of a daemon's by its socket. It begins before this returns."""

    def __init__(self, daemon, **params):
        super().__init__()
        if "filter" in params:
            params["program"] = params.get("program") or program(params["filter"])
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(TIMEOUT)
        self.socket.connect(str(daemon.socket_path))
        request = {"jsonrpc": "2.0", "id": 1, "method": "capture.start", "params": params}
        self.socket.sendall(json.dumps(request).encode() + b"\n")
        self._data = b""
        while b"\n" not in self._data:
            self._receive()
        line, self._data = self._data.split(b"\n", 1)
        self.reply = json.loads(line)
        if "error" not in self.reply:
            self._data = self.feed(self._data)
            while self.sections == 0:
                self._receive()
                self._data = self.feed(self._data)

    def _receive(self):
        data = self.socket.recv(1 << 20)
        assert data, "the capture has ended"
        self._data += data

    def wait(self, n):
        """Read until there are n packets. Return: them."""
        while len(self.packets) < n:
            self._receive()
            self._data = self.feed(self._data)
        assert len(self.packets) == n
        return self.packets

    def finish(self):
        """Have enough: read the rest, and the totals. Return: all packets."""
        self.socket.shutdown(socket.SHUT_WR)
        while data := self.socket.recv(1 << 20):
            self._data = self.feed(self._data + data)
        assert not self._data, "half a block at the end"
        assert self.totals is not None
        self.close()
        return self.packets

    def close(self):
        """Be gone."""
        self.socket.close()
