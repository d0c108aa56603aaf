# SPDX-License-Identifier: BSD-3-Clause
"""Frames: building them, and putting them on and taking them off an interface, bit by bit."""

import collections
import select
import socket
import struct
import time

from .wait import TIMEOUT

SOL_PACKET = 263
PACKET_ADD_MEMBERSHIP = 1
PACKET_AUXDATA = 8
PACKET_IGNORE_OUTGOING = 23
PACKET_MR_PROMISC = 1
SO_RCVBUFFORCE = 33
TP_STATUS_CSUMNOTREADY = 1 << 3
TP_STATUS_VLAN_VALID = 1 << 4
TP_STATUS_VLAN_TPID_VALID = 1 << 6
AUXDATA = struct.Struct("=IIIHHHH")  # struct tpacket_auxdata, linux/if_packet.h
ETH_P_ALL = 3
FRAME_MAX = 1 << 17

ETHERTYPE = 0x88b5  # IEEE Std 802 local experimental
LOOP_PROBE = "03:80:c2:00:00:0f"  # where the switch's loop probes go
BROADCAST = "ff:ff:ff:ff:ff:ff"

# data: the frame with its tags. blank: its checksum is not filled in yet.
Frame = collections.namedtuple("Frame", "data blank")


def mac_bytes(text):
    """The six bytes of "00:16:3e:01:02:03"."""
    return bytes.fromhex(text.replace(":", ""))


def mac_of(number):
    """The number-th of a row of locally administered addresses."""
    return "02:%02x:%02x:%02x:%02x:%02x" % tuple((number >> shift) & 0xff
                                                 for shift in (32, 24, 16, 8, 0))


def frame(dst, src, size=60, tags=(), ethertype=ETHERTYPE, payload=b""):
    """An Ethernet frame of size bytes. tags: (TPID, TCI) from the outside to the inside."""
    head = mac_bytes(dst) + mac_bytes(src)
    for tpid, tci in tags:
        head += struct.pack("!HH", tpid, tci)
    head += struct.pack("!H", ethertype) + payload
    fill = max(0, size - len(head))
    return head + (bytes(range(256)) * (fill // 256 + 1))[:fill]


def tagged(data, vid, priority=0, tpid=0x8100):
    """The frame with a tag put in."""
    return data[:12] + struct.pack("!HH", tpid, priority << 13 | vid) + data[12:]


def difference(got, expected):
    """What a person wants to know of two frames that should be equal."""
    at = next((i for i, (a, b) in enumerate(zip(got, expected)) if a != b),
              min(len(got), len(expected)))
    return "%d bytes for %d, first difference at %d\ngot      %s\nexpected %s" % (
        len(got), len(expected), at, got[:64].hex(" "), expected[:64].hex(" "))


class Wire:
    """An interface of a host, seen as frames."""

    def __init__(self, host, ifname="eth0"):
        self.name = "%s/%s" % (host.name, ifname)
        with host.inside():
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
            self._socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
            self._socket.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
            self._socket.bind((ifname, ETH_P_ALL))
            index = self._interface_index(host, ifname)
            self._socket.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP,
                                    struct.pack("=iHH8s", index, PACKET_MR_PROMISC, 0, b""))
        except OSError:
            self._socket.close()
            raise
        self._socket.setblocking(False)
        self.probes = False  # loop probes are passed over

    @staticmethod
    def _interface_index(host, ifname):
        with host.inside():
            return socket.if_nametoindex(ifname)

    def close(self):
        """Let go of the interface."""
        self._socket.close()

    def send(self, *frames):
        """Put frames on the wire."""
        for data in frames:
            self._socket.setblocking(True)
            try:
                self._socket.send(data)
            finally:
                self._socket.setblocking(False)

    def recv(self, timeout=0):
        """The next Frame that came in, or None."""
        end = time.monotonic() + timeout
        while True:
            got = self._recv(max(0, end - time.monotonic()))
            if got is None or self.probes or not got.data.startswith(mac_bytes(LOOP_PROBE)):
                return got

    def _recv(self, timeout):
        if timeout > 0 and not select.select([self._socket], [], [], timeout)[0]:
            return None
        try:
            data, control, _, _ = self._socket.recvmsg(FRAME_MAX, 256)
        except BlockingIOError:
            return None
        blank = False
        for level, kind, value in control:
            if level != SOL_PACKET or kind != PACKET_AUXDATA:
                continue
            status, _, _, _, _, tci, tpid = AUXDATA.unpack(value[:AUXDATA.size])
            blank = bool(status & TP_STATUS_CSUMNOTREADY)
            if status & TP_STATUS_VLAN_VALID:  # the kernel has taken the tag out
                if not status & TP_STATUS_VLAN_TPID_VALID:
                    tpid = 0x8100
                data = data[:12] + struct.pack("!HH", tpid, tci) + data[12:]
        return Frame(data, blank)

    def drain(self):
        """All Frames that are there, without waiting."""
        return list(iter(self.recv, None))

    def expect(self, *frames, timeout=TIMEOUT):
        """The next frames must be these."""
        for expected in frames:
            got = self.recv(timeout)
            assert got is not None, "%s: nothing came for %s s; expected %s" % (
                self.name, timeout, expected[:64].hex(" "))
            assert got.data == expected, "%s: %s" % (self.name, difference(got.data, expected))

    def until(self, marker, timeout=TIMEOUT):
        """The frames (bytes) that came before the frame marker. This one must come."""
        end = time.monotonic() + timeout
        before = []
        while True:
            got = self.recv(max(0.001, end - time.monotonic()))
            assert got is not None, "%s: no %s within %s s, but %d others%s" % (
                self.name, marker[:64].hex(" "), timeout, len(before),
                "".join("\n" + data[:64].hex(" ") for data in before[:10]))
            if got.data == marker:
                return before
            before.append(got.data)

    def nothing_but(self, marker, timeout=TIMEOUT):
        """The frame marker comes, and none before it."""
        before = self.until(marker, timeout)
        assert not before, "%s: unwanted: %s" % (
            self.name, "".join("\n" + data[:64].hex(" ") for data in before[:10]))
