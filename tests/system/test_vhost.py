# SPDX-License-Identifier: BSD-3-Clause
"""Virtual machines with virtio, behind vhost ports."""

import os
import socket
import stat
import struct

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether

from harness.daemon import VsctlError
from harness.vhost_guest import (BASE, CSUM, GSO_NONE, GSO_TCPV4, GUEST_CSUM, GUEST_TSO4, HOST_TSO4,
                                 MRG_RXBUF, NEEDS_CSUM, NEXT, OFFLOADS, SLOT_SIZE, WRITE,
                                 VhostGuest)
from harness.wait import wait_until
from harness.wire import BROADCAST, frame, mac_of, tagged

from test_stats import wait_balance

A, B, C = mac_of(1), mac_of(2), mac_of(3)
IP_CSUM = 14 + 20  # where the transport header of an IPv4 frame starts
TCP_FIELD, UDP_FIELD = 16, 6


class Guests:
    """The guests of a test, each behind a port; all are closed in the end."""

    def __init__(self, bed):
        self.bed, self.all = bed, []

    def add(self, name, *keys, **how):
        """A port on br0 and a guest at it."""
        self.bed.daemon.vsctl("port", "add", name, "bridge", "br0", "type", "vhost", *keys)
        return self.connect(name, **how)

    def connect(self, name, up=True, **how):
        """A guest at a port that is there."""
        guest = VhostGuest(self.bed.daemon.port(name)["path"], **how)
        self.all.append(guest)
        if up:
            self.bed.daemon.wait_link(name)
        else:
            wait_until(lambda: not self.is_empty(name), what="the guest is known")
        return guest

    def is_empty(self, name):
        """Does the port know of no machine? One whose link is up still has no reason for that."""
        return (self.bed.daemon.port(name)["reason"] or "").startswith("no guest")

    def gone(self, guest, name=None):
        """The machine ends, and the port it was at knows."""
        self.all.remove(guest)
        guest.close()
        if name is not None:
            wait_until(lambda: self.is_empty(name), what="the guest is gone")


@pytest.fixture
def guests(bed):
    """Guests on the bridge of a bed."""
    made = Guests(bed)
    yield made
    for guest in list(made.all):
        made.gone(guest)


def tcp(dst, src, size, **fields):
    """A TCP segment with a payload of so many bytes, complete."""
    return bytes(Ether(dst=dst, src=src) / IP(src="10.0.0.1", dst="10.0.0.2")
                 / TCP(sport=1, dport=2, seq=1000, flags="PA", **fields) / bytes(size))


def blank(data, offset):
    """The same with only the pseudo header summed up in the checksum field, as senders leave it."""
    length = len(data) - IP_CSUM
    total = sum(struct.unpack("!4H", data[26:34])) + data[23] + length
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    at = IP_CSUM + offset
    return data[:at] + struct.pack("!H", total) + data[at + 2:]


def is_complete(data):
    """Are the checksums of a frame right?"""
    packet = Ether(data)
    again = Ether(data)
    del again[IP].chksum
    transport = again[TCP] if TCP in again else again[UDP]
    del transport.chksum
    return bytes(packet) == bytes(again)


def test_frames_bit_exact(bed, guests):
    """Between two guests, and to and from a wire."""
    one, two = guests.add("v1"), guests.add("v2")
    far = bed.station(3).wire
    one.send(frame(BROADCAST, A))
    assert two.expect()[0] == frame(BROADCAST, A)
    far.expect(frame(BROADCAST, A))
    wait_until(lambda: (A, 0) in bed.daemon.fdb("br0"), what="A is learnt")
    for data in (frame(A, B, 60), frame(A, B, 1514), tagged(frame(A, B, 60), 7), frame(A, B, 14),
                 frame(A, B, 200, [(0x88a8, 3), (0x8100, 4)])):
        two.send(data)
        got, header = one.expect()
        assert got == data and header[:2] == (0, GSO_NONE)
        if data[12] == 0x81:
            far.expect(data)  # A is not known in that VLAN
    wait_until(lambda: (B, 0) in bed.daemon.fdb("br0"), what="B is learnt")
    far.send(frame(A, C, 1000))
    assert one.expect()[0] == frame(A, C, 1000)
    wait_until(lambda: (C, 0) in bed.daemon.fdb("br0"), what="C is learnt")
    one.send(frame(C, A, 1000))
    far.expect(frame(C, A, 1000))
    assert two.drain() == []
    assert bed.daemon.fdb("br0") == {(A, 0): "v1", (B, 0): "v2", (B, 7): "v2", (C, 0): "p3"}
    wait_balance(bed)


def test_many_packets(guests):
    """More than the rings hold, with both ends at work."""
    one, two = guests.add("v1"), guests.add("v2")
    one.send(frame(BROADCAST, A))
    two.expect()
    for start in range(0, 1000, 32):
        for number in range(start, start + 32):
            two.send(frame(A, B, 60 + number))
        for number in range(start, start + 32):
            assert one.expect()[0] == frame(A, B, 60 + number)


def test_port_show(bed, guests):
    bed.daemon.vsctl("port", "add", "v1", "bridge", "br0", "type", "vhost")
    row = bed.daemon.port("v1")
    assert row["type"] == "vhost" and row["link"] == "down"
    assert row["reason"] == "no guest is connected to its socket"
    assert row["path"] == str(bed.daemon.run_dir / "v1.sock")
    assert stat.S_IMODE(os.stat(row["path"]).st_mode) == 0o660
    guest = guests.connect("v1", up=False, ready=False)
    wait_until(lambda: bed.daemon.port("v1")["reason"] == "the guest has not set up its interface")
    guest.set_up()
    row = bed.daemon.wait_link("v1")
    assert row["guest_queues"] == 1


def test_checksum_blank_stays(guests):
    """What a guest leaves blank another takes as it is."""
    one, two = guests.add("v1"), guests.add("v2")
    one.send(frame(BROADCAST, A))
    two.expect()
    data = blank(tcp(A, B, 100), TCP_FIELD)
    two.send(data, NEEDS_CSUM, csum_start=IP_CSUM, csum_offset=TCP_FIELD)
    got, header = one.expect()
    assert got == data
    assert header[:2] == (NEEDS_CSUM, GSO_NONE) and header[4:6] == (IP_CSUM, TCP_FIELD)


def test_checksum_completed(guests):
    """For a guest that cannot, and for one that is set so."""
    one = guests.add("v1", features=(CSUM, MRG_RXBUF))
    two = guests.add("v2", "checksum", "full")
    three = guests.add("v3")
    whole = tcp(BROADCAST, B, 100)
    three.send(blank(whole, TCP_FIELD), NEEDS_CSUM, csum_start=IP_CSUM, csum_offset=TCP_FIELD)
    for guest in (one, two):
        got, header = guest.expect()
        assert got == whole and header[:2] == (0, GSO_NONE)


def test_super_packet_stays(guests):
    one, two = guests.add("v1"), guests.add("v2")
    one.send(frame(BROADCAST, A))
    two.expect()
    data = blank(tcp(A, B, 60000), TCP_FIELD)
    two.send(data, NEEDS_CSUM, GSO_TCPV4, 1448, IP_CSUM, TCP_FIELD)
    got, header = one.expect()
    assert got == data
    assert header[:2] == (NEEDS_CSUM, GSO_TCPV4) and header[3:6] == (1448, IP_CSUM, TCP_FIELD)


def test_super_packet_cut(guests):
    """For a guest without segmentation: whole segments, all of the payload."""
    one = guests.add("v1", features=(CSUM, GUEST_CSUM, MRG_RXBUF))
    two = guests.add("v2")
    three = guests.add("v3", features=(MRG_RXBUF,))
    data = blank(tcp(BROADCAST, B, 10000), TCP_FIELD)
    two.send(data, NEEDS_CSUM, GSO_TCPV4, 1448, IP_CSUM, TCP_FIELD)
    for guest, flags in ((one, NEEDS_CSUM), (three, 0)):
        segments = [guest.expect() for _ in range(7)]
        assert sum(len(got) - 54 for got, _ in segments) == 10000
        assert all(header[:2] == (flags, GSO_NONE) for _, header in segments)
        assert all(is_complete(got) == (flags == 0) for got, _ in segments)


def test_tunnel_checksum(bed, guests):
    """A blank checksum that is not the outer packet's is filled in."""
    one = guests.add("v1")
    far = bed.station(2).wire
    inner = tcp(C, B, 100)
    outer = bytes(Ether(dst=BROADCAST, src=A) / IP(src="10.0.0.1", dst="10.0.0.2")
                  / UDP(sport=1, dport=4789, chksum=0) / bytes(8))
    start = len(outer) + IP_CSUM
    one.send(outer + blank(inner, TCP_FIELD), NEEDS_CSUM, csum_start=start, csum_offset=TCP_FIELD)
    far.expect(outer + inner)


def test_queues(bed, guests):
    """Four queues: all are served, and received on."""
    one, two = guests.add("v1", pairs=4), guests.add("v2")
    assert wait_until(lambda: bed.daemon.port("v1")["guest_queues"] == 4)
    for pair in range(4):
        one.send(frame(BROADCAST, A, 100 + pair), pair=pair)
        assert two.expect()[0] == frame(BROADCAST, A, 100 + pair)
    two.send(frame(A, B))
    assert one.expect()[0] == frame(A, B)
    for ring in one.rings[2:]:
        one.enable(ring, 0)
    wait_until(lambda: bed.daemon.port("v1")["guest_queues"] == 1)
    one.send(frame(BROADCAST, A))
    assert two.expect()[0] == frame(BROADCAST, A)


def test_guest_restarts(bed, guests):
    """A driver that is loaded again, with other features; then another machine."""
    one, two = guests.add("v1"), guests.add("v2")
    for features in ((), OFFLOADS, (GUEST_CSUM,)):
        assert one.stop() == [one.rings[0].used, one.rings[1].avail]
        wait_until(lambda: bed.daemon.port("v1")["link"] == "down")
        guests.gone(one, "v1")
        one = guests.connect("v1", features=(*features, MRG_RXBUF))
        one.send(frame(BROADCAST, A))
        assert two.expect()[0] == frame(BROADCAST, A)
        data = tcp(A, B, 100)
        two.send(blank(data, TCP_FIELD), NEEDS_CSUM, csum_start=IP_CSUM, csum_offset=TCP_FIELD)
        got, header = one.expect()
        if GUEST_CSUM in features:
            assert header[0] == NEEDS_CSUM
        else:
            assert (got, header[0]) == (data, 0)


def test_machine_dies_under_load(bed, guests):
    """Again and again, while packets for it keep coming; the others never notice."""
    one, two, three = guests.add("v1"), guests.add("v2"), guests.add("v3")
    for number in range(30):
        one.send(frame(BROADCAST, A))
        for _ in range(20):
            two.send(frame(A, B))
        guests.gone(one, "v1")
        for _ in range(20):
            two.send(frame(A, B))
        one = guests.connect("v1")
        three.drain()
        two.drain()
    two.send(frame(BROADCAST, B))
    assert one.expect()[0] == frame(BROADCAST, B)


def test_one_guest_to_a_port(bed, guests):
    one = guests.add("v1")
    second = guests.connect("v1", ready=False)
    assert second.sock.recv(1) == b""
    two = guests.add("v2")
    one.send(frame(BROADCAST, A))
    assert two.expect()[0] == frame(BROADCAST, A)


def test_port_del(bed, guests):
    """The machine is let go, and the socket is removed."""
    one = guests.add("v1", "path", bed.daemon.folder / "other.sock")
    path = bed.daemon.port("v1")["path"]
    assert path == str(bed.daemon.folder / "other.sock")
    bed.daemon.vsctl("port", "del", "v1")
    assert not os.path.exists(path)
    assert one.sock.recv(1) == b""
    guests.add("v1", "path", path)


def test_stale_socket(bed, guests):
    """What a daemon that was killed left behind is no obstacle; what is in use stays."""
    path = bed.daemon.run_dir / "v1.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
        left.listen()
        with pytest.raises(VsctlError, match="in use by another program"):
            bed.daemon.vsctl("port", "add", "v1", "bridge", "br0", "type", "vhost")
    guests.add("v1")
    with pytest.raises(VsctlError, match="path .*v1.sock is port v1's"):
        bed.daemon.vsctl("port", "add", "v2", "bridge", "br0", "type", "vhost", "path", path)
    (bed.daemon.folder / "file").write_text("keep")
    with pytest.raises(VsctlError, match="is no socket"):
        bed.daemon.vsctl("port", "add", "v2", "bridge", "br0", "type", "vhost", "path",
                         bed.daemon.folder / "file")
    assert (bed.daemon.folder / "file").read_text() == "keep"


def test_refusals(bed):
    for keys, text in ((("path", "v.sock", "type", "vhost"), "not absolute"),
                       (("path", "/tmp/v.sock", "type", "tap"), "path is for type vhost"),
                       (("path", "/nowhere/v.sock", "type", "vhost"), "cannot listen")):
        with pytest.raises(VsctlError, match=text):
            bed.daemon.vsctl("port", "add", "v1", "bridge", "br0", *keys)
    assert bed.daemon.vsctl("port", "show") == []


def test_config_file_and_restart(idle_bed):
    """A machine that connects again finds the port of the next daemon."""
    config = "[bridge br0]\n[port v1]\nbridge = br0\ntype = vhost\n"
    idle_bed.start(config)
    made = Guests(idle_bed)
    made.connect("v1")
    idle_bed.daemon.stop(9)
    made.gone(made.all[0])
    idle_bed.start(config)
    made.connect("v1")
    path = idle_bed.daemon.port("v1")["path"]
    assert idle_bed.daemon.stop() == 0
    assert not os.path.exists(path)
    made.gone(made.all[0])


def test_sleeps(bed, guests):
    """An idle worker waits for a kick."""
    one, two = guests.add("v1"), guests.add("v2")
    for _ in range(20):
        wait_until(lambda: one.rings[1].wants_kick and two.rings[1].wants_kick,
                   what="the switch asks for a kick")
        one.send(frame(BROADCAST, A))
        assert two.expect()[0] == frame(BROADCAST, A)


HOSTILE = [
    dict(flags=NEEDS_CSUM, csum_start=65535, csum_offset=65535),
    dict(flags=NEEDS_CSUM, csum_start=99, csum_offset=0),
    dict(flags=NEEDS_CSUM, csum_start=0, csum_offset=98),
    dict(flags=255, csum_start=IP_CSUM, csum_offset=TCP_FIELD),
    dict(flags=NEEDS_CSUM, gso=GSO_TCPV4, gso_size=0, csum_start=IP_CSUM, csum_offset=TCP_FIELD),
    dict(flags=NEEDS_CSUM, gso=GSO_TCPV4, gso_size=1, csum_start=IP_CSUM, csum_offset=TCP_FIELD),
    dict(flags=0, gso=GSO_TCPV4, gso_size=65535),
    dict(gso=3, gso_size=100), dict(gso=255, gso_size=100), dict(gso=0x84, gso_size=100),
]


def test_hostile_headers(bed, guests):
    """Whatever is in the header; also for frames that are none, or too long."""
    one, two = guests.add("v1"), guests.add("v2")
    sizes = (1, 13, 14, 15, 40, 100, 2048, 60000, 130000)
    for fields in HOSTILE:
        for size in sizes:
            whole = tcp(BROADCAST, A, 46)
            one.send((whole + bytes(size))[:size], **fields)
            one.send(bytes(size), **fields)
        two.drain()
    one.send(frame(BROADCAST, A))
    wait_until(lambda: any(got == frame(BROADCAST, A) for got, _ in two.drain()))


def test_hostile_rings(bed, guests):
    """Descriptors that point anywhere, chains without end, indices that run away."""
    two = guests.add("v2")
    bed.daemon.vsctl("port", "add", "v1", "bridge", "br0", "type", "vhost")

    def beyond(ring):
        ring.describe(0, 0xfffffffffffff000, 0xffffffff)
        ring.offer(0)

    def edge(ring):
        ring.describe(0, BASE + ring.guest.size - 10, 4096)
        ring.offer(0)

    def loop(ring):
        ring.describe(0, BASE, 100, NEXT, 1)
        ring.describe(1, BASE, 100, NEXT, 0)
        ring.offer(0)

    def far_next(ring):
        ring.describe(0, BASE, 100, NEXT, 65535)
        ring.offer(0)

    def no_such(ring):
        ring.offer(65535)

    def huge(ring):
        for number in range(60):
            ring.describe(number, BASE, ring.guest.size, NEXT, number + 1)
        ring.describe(60, BASE, ring.guest.size)
        for _ in range(64):
            ring.offer(0)

    def empty(ring):
        ring.describe(0, BASE, 0)
        ring.offer(0)

    def run_away(ring):
        ring.describe(0, BASE, 100)
        for _ in range(40000):
            ring.offer(0)

    def not_ours(ring):
        ring.describe(0, BASE, SLOT_SIZE, WRITE)
        ring.offer(0)

    for way in (beyond, edge, loop, far_next, no_such, huge, empty, run_away, not_ours):
        for index in (1, 0):
            one = guests.connect("v1")
            way(one.rings[index])
            two.send(frame(BROADCAST, B))
            two.drain()
            guests.gone(one, "v1")
    one = guests.connect("v1")
    one.send(frame(BROADCAST, A))
    wait_until(lambda: any(got == frame(BROADCAST, A) for got, _ in two.drain()))


def test_hostile_messages(bed, guests):
    """Nonsense on the socket ends the connection at most."""
    bed.daemon.vsctl("port", "add", "v1", "bridge", "br0", "type", "vhost")
    for payload in (bytes(12), b"\xff" * 4096, struct.pack("<III", 5, 1, 8) + b"\xff" * 8,
                    struct.pack("<III", 8, 1, 8) + struct.pack("<II", 250, 64),
                    struct.pack("<III", 18, 1, 8) + struct.pack("<II", 255, 1)):
        guest = guests.connect("v1", up=False, ready=False)
        guest.sock.sendall(payload)
        guests.gone(guest, "v1")
    guest, other = guests.connect("v1"), guests.add("v2")
    guest.send(frame(BROADCAST, A))
    assert other.expect()[0] == frame(BROADCAST, A)
