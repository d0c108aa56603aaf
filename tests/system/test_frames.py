# SPDX-License-Identifier: BSD-3-Clause
"""Frames leave as they came in, bit by bit; those that must not leave are counted."""

import struct

import pytest

from harness.wait import wait_until
from harness.wire import BROADCAST, frame, mac_of, tagged

from test_stats import wait_balance

A, B = mac_of(1), mac_of(2)

C_TAG, S_TAG, OLD_S_TAG = 0x8100, 0x88a8, 0x9100

EXACT = {
    "shortest of Ethernet": frame(B, A, 60),
    "shorter than Ethernet": frame(B, A, 15),
    "header alone": frame(B, A, 14),
    "61 bytes": frame(B, A, 61),
    "512 bytes": frame(B, A, 512),
    "longest untagged": frame(B, A, 1514),
    "tagged": frame(B, A, 64, [(C_TAG, 100)]),
    "longest tagged": frame(B, A, 1518, [(C_TAG, 4094)]),
    "priority tagged": frame(B, A, 64, [(C_TAG, 5 << 13)]),
    "tag with priority and DEI": frame(B, A, 64, [(C_TAG, 7 << 13 | 1 << 12 | 7)]),
    "provider tag": frame(B, A, 64, [(S_TAG, 200)]),
    "QinQ": frame(B, A, 68, [(S_TAG, 200), (C_TAG, 100)]),
    "QinQ of old": frame(B, A, 68, [(OLD_S_TAG, 200), (C_TAG, 100)]),
    "QinQ by two C-tags": frame(B, A, 1400, [(C_TAG, 200), (C_TAG, 100)]),
    "three tags": frame(B, A, 200, [(S_TAG, 1), (C_TAG, 2), (C_TAG, 3)]),
    "length instead of type": frame(B, A, 60, ethertype=46),
    "IPv4 that lies about its length": frame(B, A, 60, ethertype=0x0800, payload=b"\x45\0\xff\xff"),
    "IPv6 that is cut short": frame(B, A, 60, ethertype=0x86dd, payload=b"\x60\0\0\0\0\x08\x06"),
    "broadcast": frame(BROADCAST, A, 60),
    "multicast": frame("01:00:5e:00:00:fb", A, 90),
}


@pytest.fixture(scope="module")
def pair_of_wires(module_bed):
    """The ends of a switch with two ports."""
    return module_bed.station(1).wire, module_bed.station(2).wire


@pytest.mark.parametrize("name", EXACT)
def test_bit_exact(pair_of_wires, name):
    left, right = pair_of_wires
    data = EXACT[name]
    back = data if data[0] & 1 else data[6:12] + data[:6] + data[12:]
    for _ in range(2):  # flooded at first, then learnt
        left.send(data)
        right.expect(data)
        right.send(back)
        left.expect(back)


@pytest.mark.parametrize("size", [1515, 4096, 9014])
def test_jumbo(bed, size):
    left, right = (bed.station(n, mtu=9000).wire for n in (1, 2))
    assert bed.daemon.port("p1")["mtu"] == 9000
    for data in (frame(B, A, size), tagged(frame(B, A, size), 9),
                 frame(B, A, size, [(S_TAG, 200), (C_TAG, 100)])):
        left.send(data)
        right.expect(data)
        right.send(data[6:12] + data[:6] + data[12:])
        left.expect(data[6:12] + data[:6] + data[12:])


def test_many_in_order(bed):
    left, right = (bed.station(n).wire for n in (1, 2))
    frames = [frame(B, A, 60 + number % 1400, payload=struct.pack("!I", number))
              for number in range(3000)]
    for start in range(0, len(frames), 100):
        left.send(*frames[start:start + 100])
        right.expect(*frames[start:start + 100])


def test_mtu_exceeded(bed):
    """What is larger than the MTU of its way out is dropped and counted there; others pass."""
    left, right = (bed.station(n, mtu=9000).wire for n in (1, 2))
    bed.daemon.vsctl("port", "set", "p2", "mtu", 1400)
    assert bed.daemon.port("p2")["mtu"] == 1400
    assert bed.sw.link("p2")["mtu"] == 1400
    fits = [frame(B, A, 1414), tagged(frame(B, A, 1414), 5), frame(B, A, 60)]
    left.send(frame(B, A, 1415), fits[0], tagged(frame(B, A, 1415), 5), fits[1],
              frame(B, A, 9014), fits[2])
    right.expect(*fits)
    assert bed.daemon.drops("p2", "mtu_exceeded") == 3
    assert bed.daemon.stats("p1")["rx_packets"] == 6


def test_mtu_of_flooded(bed):
    """A port with a small MTU costs the others nothing."""
    left, small, large = (bed.station(n, mtu=9000).wire for n in (1, 2, 3))
    bed.daemon.vsctl("port", "set", "p2", "mtu", 1400)
    big, marker = frame(BROADCAST, A, 9014), frame(BROADCAST, A, 60)
    left.send(big, marker)
    large.expect(big, marker)
    small.nothing_but(marker)
    assert bed.daemon.drops("p2", "mtu_exceeded") == 1


def test_mtu_follows_the_interface(bed):
    bed.station(1)
    bed.sw.ip("link", "set", "p1", "mtu", 1700)
    wait_until(lambda: bed.daemon.port("p1")["mtu"] == 1700,
               what=lambda: "mtu 1700: %s" % bed.daemon.port("p1"))


def test_a_frame_that_the_kernel_refuses_blocks_nothing(bed):
    """Three tags on top of a full packet are more than a kernel's interface of MTU 1500 takes."""
    left = bed.station(1, mtu=9000).wire
    right = bed.station(2, mtu=1500).wire
    too_big = frame(B, A, 1522, [(S_TAG, 200), (C_TAG, 100)])
    markers = [frame(B, A, 100 + n) for n in range(50)]
    left.send(too_big, *markers)
    got = right.until(markers[-1])
    assert got in (markers[:-1], [too_big] + markers[:-1])
    wait_balance(bed)


def test_reserved_addresses_stay(bed):
    """IEEE 802.1Q-2018 table 8-1: STP, LACP, LLDP and their kin end at a bridge."""
    left, right = (bed.station(n).wire for n in (1, 2))
    marker = frame(BROADCAST, A)
    for last in range(16):
        left.send(frame("01:80:c2:00:00:%02x" % last, A))
    left.send(marker)
    right.nothing_but(marker)
    assert bed.daemon.drops("p1", "reserved_mac") == 16
    beyond = [frame("01:80:c2:00:00:10", A), frame("01:80:c2:00:01:00", A)]
    left.send(*beyond)
    right.expect(*beyond)


def test_bad_sources_stay(bed):
    left, right = (bed.station(n).wire for n in (1, 2))
    marker = frame(BROADCAST, A)
    left.send(frame(B, "01:00:5e:00:00:01"), frame(B, BROADCAST), frame(B, "00:00:00:00:00:00"),
              marker)
    right.nothing_but(marker)
    assert bed.daemon.drops("p1", "bad_source") == 3
    assert set(bed.daemon.fdb("br0")) == {(A, 0)}


def test_tcpdump_sees_what_was_sent(bed, tmp_path):
    """The same with the eyes of an operator."""
    scapy = pytest.importorskip("scapy.all")
    left, right = bed.station(1), bed.station(2)
    path = tmp_path / "far.pcap"
    frames = [data for data in EXACT.values() if len(data) >= 15]
    with open(tmp_path / "tcpdump.log", "wb") as log:
        sniffer = right.host.spawn("tcpdump", "-i", "eth0", "-U", "-Z", "root", "-c", len(frames),
                                   "-w", path, stderr=log)
    wait_until(lambda: "listening" in (tmp_path / "tcpdump.log").read_text(),
               what=lambda: "tcpdump: " + (tmp_path / "tcpdump.log").read_text())
    left.wire.send(*frames)
    wait_until(lambda: sniffer.poll() is not None, what="tcpdump has %d frames" % len(frames))
    assert [bytes(packet) for packet in scapy.rdpcap(str(path))] == frames
