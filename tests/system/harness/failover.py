# SPDX-License-Identifier: BSD-3-Clause
"""A bond whose member loses its carrier under traffic: how long is nothing delivered?

Two switches with a bond or a bridge between them, a station behind each. Both stations send
numbered frames every millisecond, of several flows; then the far end of the member that carries
most is pulled; or, in lacp-loss, the path behind it falls silent and its carrier stays. As a
program it prints the result of one mode as JSON, for the benchmark.
"""

import json
import pathlib
import socket
import struct
import sys
import tempfile
import threading
import time

from .bed import Bed
from .daemon import Daemon
from .netns import cable, isolate
from .wait import wait_until
from .wire import BROADCAST, ETHERTYPE, frame, mac_bytes, mac_of

FLOWS = 8
PERIOD = 0.001
LAST_SECONDS = 5  # for which the last frames are waited for, if they are not there
MAGIC = b"bond-failover-01"
PAYLOAD = struct.Struct("!16sBIQ")  # magic, flow, number, time of sending in ns
SO_RCVBUFFORCE = 33

MODES = ("active-backup", "balance-slb", "balance-xor", "lacp")
LOSS = "lacp-loss"


def near(flow):
    """Address of a flow's station behind the bond under test."""
    return mac_of(0x1000 + flow)


def far(flow):
    """Address of its partner."""
    return mac_of(0x2000 + flow)


class Probes:
    """Frames from one station to another, and what became of them."""

    def __init__(self, sender, receiver, addresses):
        self.addresses = addresses  # (source, destination) by flow
        self.sockets = []
        for station in (sender, receiver):
            with station.host.inside():
                sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
            sock.bind((station.ifname, ETHERTYPE if station is receiver else 0))
            self.sockets.append(sock)
        self.sent = 0           # of each flow
        self.received = []      # (flow, number, time of sending)
        self.stop_sending = threading.Event()
        self.stop_receiving = threading.Event()
        self.threads = [threading.Thread(target=self._receive), threading.Thread(target=self._send)]

    def start(self):
        """Begin to send."""
        self.sockets[1].settimeout(0.05)
        for thread in self.threads:
            thread.start()

    def stop(self):
        """End sending, and let what is on its way arrive."""
        self.stop_sending.set()
        self.threads[1].join()
        end = time.monotonic() + LAST_SECONDS
        while not self.has_arrived(self.sent - 1) and time.monotonic() < end:
            time.sleep(0.01)
        self.stop_receiving.set()
        self.threads[0].join()
        for sock in self.sockets:
            sock.close()

    def has_arrived(self, number):
        """Has each flow come as far as this frame?"""
        last = {flow: number for flow, number, _ in self.received[-20 * FLOWS:]}
        return all(last.get(flow, -1) >= number for flow in range(FLOWS))

    def _send(self):
        heads = [mac_bytes(dst) + mac_bytes(src) + struct.pack("!H", ETHERTYPE)
                 for src, dst in self.addresses]
        due = time.monotonic()
        while not self.stop_sending.is_set():
            now = time.monotonic_ns()
            for flow, head in enumerate(heads):
                self.sockets[0].send(head + PAYLOAD.pack(MAGIC, flow, self.sent, now) + bytes(30))
            self.sent += 1
            due += PERIOD
            time.sleep(max(0, due - time.monotonic()))
            due = max(due, time.monotonic() - PERIOD)

    def _receive(self):
        while not self.stop_receiving.is_set():
            try:
                data = self.sockets[1].recv(2048)
            except TimeoutError:
                continue
            if len(data) >= 14 + PAYLOAD.size and data[14:14 + len(MAGIC)] == MAGIC:
                _, flow, number, when = PAYLOAD.unpack_from(data, 14)
                self.received.append((flow, number, when))

    def judge(self):
        """The longest outage in ms, and the numbers of lost, doubled and reordered frames."""
        result = {"gap_ms": 0.0, "sent": self.sent * FLOWS, "lost": 0, "doubled": 0,
                  "reordered": 0}
        for flow in range(FLOWS):
            rows = [(number, when) for f, number, when in self.received if f == flow]
            result["doubled"] += len(rows) - len({number for number, _ in rows})
            result["lost"] += self.sent - len({number for number, _ in rows})
            for (before, sent), (number, later) in zip(rows, rows[1:]):
                if number < before:
                    result["reordered"] += 1
                elif number > before + 1:
                    result["gap_ms"] = max(result["gap_ms"], (later - sent) / 1e6)
        return result


class Pair:
    """The bond under test, and what it is connected to."""

    def __init__(self, bed, mode):
        self.bed = bed
        self.mode = mode
        self.far_host = bed.host("far")
        self.between = {}  # hosts by the member whose cable they are in
        for number in (1, 2):
            self._cable("p%d" % number, "e%d" % number)
        self.keys = ["mode", mode.split("-")[0], "lacp-rate", "fast"] \
            if mode in ("lacp", LOSS) else ["mode", mode]
        self.far_daemon = None
        self.far_station = self._far_station()
        bed.daemon.vsctl("bond", "add", "bond0", "members", "p1,p2", "bridge", "br0",
                         "rebalance", "never", *self.keys)
        self.station = bed.station(9)
        for daemon in (bed.daemon, self.far_daemon):
            if daemon is not None:
                daemon.wait_link("bond0")
        wait_until(lambda: all(row["state"] in ("active", "backup", "carrying")
                               for row in self.show()["members"]), what=self.show)
        self._learn()

    def _cable(self, near_end, far_end):
        """A cable; with a host in it that can cut it and leave both ends their carrier."""
        if self.mode != LOSS:
            cable(self.bed.sw, near_end, self.far_host, far_end)
            return
        host = self.between[near_end] = self.bed.host("between")
        host.ip("link", "add", "name", "mbr", "type", "bridge", "mcast_snooping", "0")
        host.ip("link", "set", "mbr", "up")
        cable(self.bed.sw, near_end, host, "m1")
        cable(host, "m2", self.far_host, far_end)
        for name in ("m1", "m2"):
            host.ip("link", "set", name, "master", "mbr")
            # frames to 01:80:c2:00:00:02 pass as well
            host.ip("link", "set", name, "type", "bridge_slave", "group_fwd_mask", "4")

    def _pull(self, victim):
        if victim in self.between:
            self.between[victim].ip("link", "set", "m2", "nomaster")
        else:
            self.far_host.ip("link", "set", "e" + victim[1:], "down")

    def show(self):
        """bond show bond0"""
        return self.bed.daemon.vsctl("bond", "show", "bond0")[0]

    def _far_station(self):
        """Behind a kernel bridge that knows nothing of bonds, or behind a bond like this one."""
        if self.mode in ("active-backup", "balance-slb"):
            self.far_host.ip("link", "add", "fbr", "type", "bridge")
            self.far_host.ip("link", "set", "fbr", "up")
        peer = self.bed.host("fh")
        cable(self.far_host, "q1", peer)
        peer.offloads("eth0", "off")
        if self.mode in ("active-backup", "balance-slb"):
            for name in ("e1", "e2", "q1"):
                self.far_host.ip("link", "set", name, "master", "fbr")
        else:
            self.far_daemon = Daemon(self.far_host, pathlib.Path(self.bed.daemon.folder) / "far")
            self.far_daemon.start("[bridge br0]\n[port q1]\nbridge = br0\n[bond bond0]\n"
                                  "members = e1,e2\nbridge = br0\n" +
                                  "".join("%s = %s\n" % pair for pair in
                                          zip(self.keys[::2], self.keys[1::2])))
        station = type("Far", (), {"host": peer, "ifname": "eth0"})
        return station

    def _learn(self):
        """Both sides know all stations."""
        probes = [Probes(self.station, self.far_station, [(near(f), BROADCAST)
                                                          for f in range(FLOWS)]),
                  Probes(self.far_station, self.station, [(far(f), BROADCAST)
                                                          for f in range(FLOWS)])]
        wanted = {near(f) for f in range(FLOWS)} | {far(f) for f in range(FLOWS)}

        def known():
            for probe in probes:
                for src, dst in probe.addresses:
                    probe.sockets[0].send(frame(dst, src))
            return wanted <= {mac for mac, _ in self.bed.daemon.fdb("br0")}
        wait_until(known, what=lambda: self.bed.daemon.fdb("br0"))
        for probe in probes:
            for sock in probe.sockets:
                sock.close()

    def carried(self):
        """Packets sent and received by each member."""
        return {row["port"]: row["tx_packets"] + row["rx_packets"]
                for row in self.show()["members"]}

    def measure(self, before=300, after=700):
        """Pull the member that carries most, under traffic.

        before, after: frames of each flow until then, and from when all of them arrive again.
        """
        probes = [Probes(self.station, self.far_station,
                         [(near(f), far(f)) for f in range(FLOWS)]),
                  Probes(self.far_station, self.station,
                         [(far(f), near(f)) for f in range(FLOWS)])]
        start = self.carried()
        for probe in probes:
            probe.start()
        try:
            self._all_arrive(probes, before)
            now = self.carried()
            victim = max(now, key=lambda name: now[name] - start[name])
            self._pull(victim)
            self._all_arrive(probes, 1)
            self._all_arrive(probes, after)
        finally:
            for probe in probes:
                probe.stop()
        results = [probe.judge() for probe in probes]
        return {"mode": self.mode, "victim": victim,
                "gap_ms": round(max(result["gap_ms"] for result in results), 1),
                **{key: sum(result[key] for result in results)
                   for key in ("sent", "lost", "doubled", "reordered")}}

    @staticmethod
    def _all_arrive(probes, more):
        """Wait until each flow of all has come so much further than it has been sent by now."""
        goals = [(probe, probe.sent + more) for probe in probes]
        wait_until(lambda: all(probe.has_arrived(goal) for probe, goal in goals),
                   what=lambda: "frames arrive: %s" % [probe.judge() for probe in probes])

    def close(self):
        """End the second daemon."""
        if self.far_daemon is not None:
            assert self.far_daemon.stop() == 0, self.far_daemon.log


def run_mode(bed, mode):
    """Measure a failover of a mode in a bed that is started."""
    pair = Pair(bed, mode)
    try:
        return pair.measure()
    finally:
        pair.close()


def main():
    """failover.py MODE"""
    isolate()
    with tempfile.TemporaryDirectory(prefix="vswitch-failover-") as folder:
        bed = Bed(folder)
        try:
            print(json.dumps(run_mode(bed.start(), sys.argv[1])))
        finally:
            bed.close()


if __name__ == "__main__":
    main()
