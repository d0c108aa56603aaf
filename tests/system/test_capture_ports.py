# SPDX-License-Identifier: BSD-3-Clause
"""Captures of bonds, VLANs of ports, super-packets, two workers; and that the sums are honest."""

import os
import pathlib
import signal
import struct

import pytest

from harness import thread_stop, traffic
from harness.capture_ctl import (Capture, read, so_far, stop_and_go, tcpdump_bytes, tshark,
                                 tshark_bytes, write_numbered)
from harness.wait import TIMEOUT, wait_until
from harness.wire import BROADCAST, frame, mac_bytes, mac_of, tagged

from test_bond import Bond
from test_stats import wait_balance

A, B = mac_of(1), mac_of(2)


def seen(path):
    """(port, direction, frame) of each packet of a file."""
    return [(packet.interface, {1: "in", 2: "out"}[packet.direction], packet.data)
            for packet in read(path).packets]


def wait_packets(path, n):
    """Wait until there are n packets in a file that is being written. Return: them."""
    return wait_until(lambda: len(so_far(path)) >= n and so_far(path),
                      what=lambda: "%d packets: %s" % (n, so_far(path)))


def test_vlan_port(bed, tmp_path):
    """On the NIC with the tag, on its VLAN without; both ways."""
    trunk = bed.station(1).wire
    bed.daemon.vsctl("bridge", "add", "br1", "loop-detect", "no")
    bed.daemon.vsctl("port", "add", "p1.100", "bridge", "br1")
    host = bed.station(2, bridge="br1").wire
    path = tmp_path / "a.pcapng"
    capture = Capture(bed.daemon, tmp_path, "any", "-w", path)
    there, back = frame(B, A, 60), frame(A, B, 61)
    trunk.send(tagged(there, 100))
    host.expect(there)
    host.send(back)
    trunk.expect(tagged(back, 100))
    assert capture.interrupt() == (6, 6, 0)
    assert seen(path) == [
        ("p1", "in", tagged(there, 100)), ("p1.100", "in", there), ("p2", "out", there),
        ("p2", "in", back), ("p1.100", "out", back), ("p1", "out", tagged(back, 100))]
    assert tshark_bytes(path) == tcpdump_bytes(path) == [data for _, _, data in seen(path)]


def test_bond(bed, tmp_path):
    """On the bond, and on the member that carries it."""
    bond = Bond(bed, 2)
    path = tmp_path / "a.pcapng"
    capture = Capture(bed.daemon, tmp_path, "any", "-w", path, "ether proto 0x88b5")
    out, back = frame(BROADCAST, B, 70), frame(BROADCAST, A, 80)
    bond.host.wire.send(out)
    member = wait_packets(path, 3)[2].interface
    bond.wires[bond.names.index(member)].send(back)
    bond.host.wire.expect(back)
    assert capture.interrupt() == (6, 6, 0)
    assert seen(path) == [
        ("p9", "in", out), ("bond0", "out", out), (member, "out", out),
        (member, "in", back), ("bond0", "in", back), ("p9", "out", back)]


def test_bond_without_carrier(bed, tmp_path):
    """What has no way out has not been sent: it is dropped, and seen as that alone."""
    bond = Bond(bed, 2)
    for index in range(2):
        bond.plug(index, False)
    path = tmp_path / "a.pcapng"
    capture = Capture(bed.daemon, tmp_path, "any", "at", "tx", "at", "drop", "-w", path,
                      "ether proto 0x88b5")
    bond.host.wire.send(frame(BROADCAST, A, 70))
    wait_packets(path, 1)
    capture.interrupt()
    packet, = read(path).packets
    assert packet.comment.startswith("drop: ")


def test_super_packets(bed, tmp_path):
    """As long as they are, bit by bit what the other host is given."""
    one, other = bed.pair()
    wire = other.wire
    path = tmp_path / "a.pcapng"
    # not the last acknowledgements: they may come later than the end of the data
    capture = Capture(bed.daemon, tmp_path, "p2", "dir", "out", "-w", path,
                      "(ip proto \\tcp and greater 100) or ether proto 0x88b5")
    traffic.tcp(one.host, other.host, other.address, size=1 << 20)
    # TCP may send something again that has arrived: what comes behind this is not looked at
    end = frame(other.mac, one.mac, 100)
    one.wire.send(end)
    frames = [data for data in wire.until(end) if data[12:14] == b"\x08\x00" and data[23] == 6 and
              len(data) >= 100] + [end]
    captured, matched, missed = capture.interrupt()
    assert (captured, missed) == (matched, 0)
    assert max(map(len, frames)) > 9000
    n = len(frames)
    assert [packet.data for packet in read(path).packets[:n]] == frames
    assert tshark_bytes(path)[:n] == frames
    assert tcpdump_bytes(path)[:n] == frames


def capture_thread(daemon):
    """The id of the thread that takes packets from the workers."""
    tasks = pathlib.Path("/proc/%d/task" % daemon.pid)
    return next(int(task.name) for task in tasks.iterdir()
                if (task / "comm").read_text() == "capture\n")


def test_two_workers(idle_bed, tmp_path):
    """In the order of time, whoever of the workers saw them."""
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("there is one CPU core only")
    bed = idle_bed.start("[vswitchd]\nworkers = 2\n[bridge br0]\nloop-detect = no\n")
    wires = [bed.station(number).wire for number in range(1, 5)]
    path = tmp_path / "a.pcapng"
    capture = Capture(bed.daemon, tmp_path, "any", "at", "rx", "-w", path, "ether proto 0x88b5")
    sent = set()
    # what one of them is still writing may be older than what is taken of the other one
    with thread_stop.stopped(capture_thread(bed.daemon)):
        for number in range(200):
            for side, wire in enumerate(wires):
                data = frame(BROADCAST, mac_of(10 + side), 64, payload=struct.pack("!I", number))
                sent.add(("p%d" % (side + 1), data))
                wire.send(data)
        wait_until(lambda: sum(row["rx_packets"] for row in bed.daemon.vsctl("stats", "show")) ==
                   len(sent), what="all have come")
        wait_balance(bed)
    wait_packets(path, len(sent))
    assert capture.interrupt() == (len(sent), len(sent), 0)
    assert {(packet.interface, packet.data) for packet in read(path).packets} == sent
    times = [int(row[0].replace(".", "")) for row in tshark(path, "frame.time_epoch")]
    assert times == sorted(times)
    rows = bed.daemon.rpc("worker.show")["result"]
    assert sum(row["rx_packets"] > 0 for row in rows) == 2


@pytest.mark.parametrize("slow", [False, True], ids=["reads", "does not read"])
def test_what_is_missed_is_told(bed, tmp_path, slow):
    """As fast as the switch is, to a file; each packet is in it, or has been counted as missed."""
    n = 100_000
    source, path = tmp_path / "in.pcap", tmp_path / "a.pcapng"
    write_numbered(source, n, mac_bytes(BROADCAST) + mac_bytes(A))
    bed.daemon.vsctl("port", "add", "out", "bridge", "br0", "devargs", "net_null0,no-rx=1")
    bed.daemon.wait_link("out")
    capture = Capture(bed.daemon, tmp_path, "out", "at", "tx", "-B", 512, "-w", path,
                      "ether src " + A)
    with stop_and_go(capture.process.pid, slow):
        bed.daemon.vsctl("port", "add", "in", "bridge", "br0", "devargs",
                         "net_pcap0,rx_pcap=%s" % source)
        wait_until(lambda: bed.daemon.stats("out")["tx_packets"] >= n, timeout=60)
    captured, matched, missed = capture.interrupt()
    packets = read(path).packets
    numbers = [struct.unpack_from("!I", packet.data, 14)[0] for packet in packets]
    assert matched == bed.daemon.stats("out")["tx_packets"] == n
    assert captured == len(packets) == n - missed
    assert numbers == sorted(set(numbers)) and numbers[-1] < n
    assert missed > 0 or not slow
    # where the gaps of a slow reader are is told in the file, too
    assert sum(packet.lost for packet in packets) <= missed


def test_no_daemon_any_more(bed, tmp_path):
    """What has been captured is there; how much was missed nobody knows, and so it is said."""
    wire = bed.station(1).wire
    path = tmp_path / "a.pcapng"
    capture = Capture(bed.daemon, tmp_path, "p1", "dir", "in", "-w", path)
    wire.send(frame(BROADCAST, A))
    wait_packets(path, 1)
    bed.daemon.stop(signal.SIGKILL)
    assert capture.process.wait(TIMEOUT) == 1
    assert "1 packet captured; how many were missed is not known" in capture.err.read_text()
    assert tcpdump_bytes(path) == [frame(BROADCAST, A)]


def test_full_disk(bed):
    """The file system is named as the cause, and the capture ends in the daemon, too."""
    done = bed.daemon.vsctl_raw("capture", "any", "-w", "/dev/full")
    assert done.returncode == 1
    assert "/dev/full: No space left on device" in done.stderr
    wait_until(lambda: bed.daemon.rpc("capture.show")["result"] == [])


def test_while_a_change_waits(bed, tmp_path):
    """It changes nothing that is configured: neither a confirmation nor a batch is in its way."""
    wire = bed.station(1).wire
    bed.daemon.vsctl("bridge", "add", "br1")
    bed.daemon.vsctl("config", "save")
    batch = tmp_path / "batch"
    batch.write_text("bridge set br1 ageing 100\n")
    bed.daemon.vsctl("batch", batch, "--confirm", 100)
    capture = Capture(bed.daemon, tmp_path, "p1", "-c", 1, "-w", tmp_path / "a.pcapng")
    wire.send(frame(BROADCAST, A))
    assert capture.wait()[0] == 1
    bed.daemon.vsctl("config", "confirm")
