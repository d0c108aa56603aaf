# SPDX-License-Identifier: BSD-3-Clause
"""A LACP partner made by hand: it says what it is told to, and hears what the switch says."""

import collections
import struct
import threading
import time

from .wire import Wire, mac_bytes

SLOW_MAC = "01:80:c2:00:00:02"
SLOW_ETHERTYPE = 0x8809
ACTIVITY, SHORT, AGGREGATION, SYNC, COLLECTING, DISTRIBUTING, DEFAULTED, EXPIRED = (
    1 << bit for bit in range(8))
READY = ACTIVITY | SHORT | AGGREGATION | SYNC | COLLECTING | DISTRIBUTING

Info = collections.namedtuple("Info", "system_priority system key port_priority port state")
INFO = struct.Struct("!BBH6sHHHB3x")
NOBODY = Info(0, bytes(6), 0, 0, 0, 0)


def _tlv(kind, info):
    return INFO.pack(kind, INFO.size, info.system_priority, info.system, info.key,
                     info.port_priority, info.port, info.state)


def lacpdu(src, actor, partner):
    """A LACPDU, as IEEE 802.1AX-2014 6.4.2 has it."""
    return (mac_bytes(SLOW_MAC) + mac_bytes(src) + struct.pack("!HBB", SLOW_ETHERTYPE, 1, 1) +
            _tlv(1, actor) + _tlv(2, partner) + bytes((3, 16))).ljust(124, b"\0")


def read_lacpdu(data):
    """Actor and partner of a LACPDU; None if it is none."""
    if data[:6] != mac_bytes(SLOW_MAC) or data[12:15] != b"\x88\x09\x01":
        return None
    return tuple(Info(*INFO.unpack_from(data, at)[2:]) for at in (16, 36))


def marker(src, transaction):
    """A Marker PDU, 6.5.3.3."""
    return (mac_bytes(SLOW_MAC) + mac_bytes(src) + struct.pack("!HBB", SLOW_ETHERTYPE, 2, 1) +
            struct.pack("!BBH6sI2x", 1, 16, 7, mac_bytes(src), transaction)).ljust(124, b"\0")


class Partner:
    """Answers at a station, every half second and when the switch says something new. A thread."""

    def __init__(self, station, port, system="02:00:00:00:99:99", key=9):
        self.wire = station.wire  # the test's, to send
        self._wire = Wire(station.host, station.ifname)
        self.mac = system
        self.info = Info(0x8000, mac_bytes(system), key, 0x8000, port, READY)
        self.heard = None       # of the switch: its last LACPDU, as (actor, partner)
        self.n_heard = 0
        self.states = set()     # all that the switch has said of itself
        self.others = []        # frames that are no LACPDUs: (time, data)
        self.silent = False
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        due = 0
        while not self._stop.is_set():
            got = self._wire.recv(0.01)
            now = time.monotonic()
            pdu = read_lacpdu(got.data) if got is not None else None
            if got is not None and pdu is None:
                self.others.append((now, got.data))
            if pdu is not None:
                fresh = self.heard is None or pdu[0] != self.heard[0]
                self.heard = pdu
                self.n_heard += 1
                self.states.add(pdu[0].state)
                due = 0 if fresh else due
            if now >= due:
                self._say()
                due = now + 0.5

    def _say(self):
        with self._lock:
            if self.silent:
                return
            self._wire.send(lacpdu(self.mac, self.info, self.heard[0] if self.heard else NOBODY))

    def fall_silent(self):
        """Say nothing more, from now on."""
        with self._lock:
            self.silent = True

    def set(self, **fields):
        """Change what it says of itself."""
        self.info = self.info._replace(**fields)

    @property
    def state(self):
        """The switch's state, as heard last."""
        return self.heard[0].state if self.heard else 0

    def close(self):
        """End the thread."""
        self._stop.set()
        self._thread.join()
        self._wire.close()
