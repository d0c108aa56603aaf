# SPDX-License-Identifier: BSD-3-Clause
"""TCP and UDP of hosts that keep their offloads, through every pair of port types.

Kernels leave checksums and segmentation to the interface. Between ports that carry such packets
they go on as they are; where a port has no such offload, what is on the wire must be finished.
"""

import contextlib
import socket

import pytest

from harness import traffic
from harness.wait import wait_until
from harness.wire import Wire

from test_tap import add_tap


def netdev(bed, number):
    """A station with the kernel's default offloads, behind a netdev port."""
    return bed.speak(bed.station(number, plain=False), number).host


def tap(bed, number):
    """The switch's own host, by a tap."""
    add_tap(bed, "tap%d" % number, number)
    return bed.sw


def af_packet(bed, number):
    """A station behind a DPDK device that knows no offloads: like a cable to another machine."""
    return dpdk(bed, number, "net_af_packet{0},iface=p{0}")


def pcap(bed, number):
    """The same with another driver."""
    return dpdk(bed, number, "net_pcap{0},rx_iface_in=p{0},tx_iface=p{0}")


def dpdk(bed, number, devargs):
    """A station whose cable is a DPDK device; the station's frames are finished, as a NIC's are."""
    station = bed.cable(number)
    bed.daemon.vsctl("port", "add", "eth%d" % number, "bridge", "br0", "devargs",
                     devargs.format(number))
    bed.daemon.wait_link("eth%d" % number)
    return bed.speak(station, number).host


def net_tap(bed, number):
    """The switch's own host, by DPDK's tap driver, which has no vnet header."""
    bed.daemon.vsctl("port", "add", "eth%d" % number, "bridge", "br0", "devargs",
                     "net_tap%d,iface=dtap%d" % (number, number))
    bed.sw.ip("link", "set", "dtap%d" % number, "up")
    bed.sw.sysctl("ipv6/conf/dtap%d/disable_ipv6" % number, 0)
    bed.sw.ip("addr", "add", "10.0.0.%d/24" % number, "dev", "dtap%d" % number)
    bed.sw.ip("addr", "add", "fd00::%d/64" % number, "dev", "dtap%d" % number, "nodad")
    bed.daemon.wait_link("eth%d" % number)
    return bed.sw


PAIRS = [(netdev, netdev), (netdev, tap), (netdev, af_packet), (netdev, pcap), (netdev, net_tap),
         (tap, af_packet), (tap, pcap), (af_packet, pcap), (af_packet, net_tap)]


@pytest.mark.parametrize("left, right", PAIRS, ids=lambda kind: kind.__name__)
def test_tcp_and_udp(bed, left, right):
    """Four ways of speaking, all content checked."""
    one, two = left(bed, 1), right(bed, 2)
    for prefix in ("10.0.0.", "fd00::"):
        traffic.tcp(one, two, prefix + "2")
        traffic.udp(one, two, prefix + "2")
        traffic.udp(two, one, prefix + "1", sizes=(1, 1472 - 20))
    if af_packet not in (left, right):  # that driver puts fragments together and cuts the result
        traffic.udp(one, two, "10.0.0.2", sizes=(9000,))
    one.ping("10.0.0.2")
    two.ping("fd00::1")


@contextlib.contextmanager
def sniffed(host, ifname):
    """The Frames that reach an interface; they are in the list afterwards."""
    wire, frames = Wire(host, ifname), []
    try:
        yield frames
        frames += wire.drain()
    finally:
        wire.close()


@pytest.mark.parametrize("right", [af_packet, pcap], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("left", [netdev, tap], ids=lambda kind: kind.__name__)
def test_finished_on_the_wire(bed, left, right):
    """Behind a device without offloads: right checksums, and no packet above the MTU."""
    one, two = left(bed, 1), right(bed, 2)
    with sniffed(two, "eth0") as frames:
        for prefix in ("10.0.0.", "fd00::"):
            traffic.tcp(one, two, prefix + "2", size=1 << 20)
            traffic.udp(one, two, prefix + "2")
    assert len(frames) > 1000
    assert max(len(data) for data, _ in frames) == 1514
    assert not any(blank for _, blank in frames)
    wrong = [data for data, _ in frames if not traffic.checksums_right(data)]
    assert not wrong, "%d of %d frames, such as\n%s" % (
        len(wrong), len(frames), wrong[0][:100].hex(" "))


def test_super_packets_stay_whole(bed):
    """Between kernels that take them they are passed on as they are: that makes it fast."""
    one, two = netdev(bed, 1), netdev(bed, 2)
    with sniffed(two, "eth0") as frames:
        traffic.tcp(one, two, "10.0.0.2")
    assert max(len(data) for data, _ in frames) > 10000
    assert any(blank for _, blank in frames)


@pytest.mark.parametrize("right, port, ifname", [(netdev, "p2", "eth0"), (tap, "tap2", "tap2")],
                         ids=lambda kind: getattr(kind, "__name__", None))
def test_merged_from_the_wire(bed, right, port, ifname):
    """Segments that a device delivers are merged for who takes super-packets, and wants them."""
    one, two = pcap(bed, 1), right(bed, 2)
    for prefix in ("10.0.0.", "fd00::"):
        before = bed.daemon.stats(port)["merged"]
        traffic.tcp(one, two, prefix + "2")
        assert bed.daemon.stats(port)["merged"] - before > 100
    merged = bed.daemon.stats(port)["merged"]
    bed.daemon.vsctl("port", "set", port, "checksum", "full")
    with sniffed(two, ifname) as frames:
        traffic.tcp(one, two, "10.0.0.2", size=1 << 20)
    assert len(frames) > 700
    assert max(len(data) for data, _ in frames) == 1514
    assert not any(blank for _, blank in frames)
    assert bed.daemon.stats(port)["merged"] == merged
    assert bed.daemon.vsctl("port", "show", port)[0]["checksum"] == "full"


def test_super_packets_through_a_small_mtu(bed):
    """Larger than the MTU as a whole; it is the size of its segments that counts."""
    one, two = netdev(bed, 1), netdev(bed, 2)
    for host in (one, two):
        host.run("ip", "route", "replace", "10.0.0.0/24", "dev", "eth0", "advmss", 1000)
    with sniffed(two, "eth0") as frames:
        traffic.tcp(one, two, "10.0.0.2", size=1 << 20)
    assert max(len(data) for data, _ in frames) > 3000
    assert bed.daemon.drops("p2", "mtu_exceeded") == 0


def test_access_vlan_with_offloads(bed):
    """A tag put in front of a packet that is not finished moves what its description points at."""
    one = bed.speak(bed.station(1, "vid", 7, plain=False), 1).host
    trunk = bed.cable(2)
    bed.daemon.vsctl("port", "add", "eth2", "bridge", "br0", "devargs",
                     "net_af_packet2,iface=p2")
    two = bed.speak(bed.station(3, "vid", 7, plain=False), 3).host
    bed.daemon.wait_link("eth2")
    with sniffed(trunk.host, "eth0") as frames:
        traffic.tcp(one, two, "10.0.0.3")
        # to a station that nobody knows: flooded to the trunk as well
        one.ip("neigh", "replace", "10.0.0.9", "lladdr", "02:00:00:00:00:99", "dev", "eth0")
        before = bed.daemon.stats("eth2")["tx_packets"]
        with one.inside():
            speaker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with speaker:
            for size in (1, 700, 1401):
                speaker.sendto(bytes(number % 251 for number in range(size)), ("10.0.0.9", 9))
        wait_until(lambda: bed.daemon.stats("eth2")["tx_packets"] >= before + 3,
                   what="flooded packets")
    tagged = [data for data, _ in frames if data[12:14] == b"\x81\x00"]
    assert len(tagged) >= 3
    assert all(traffic.checksums_right(data) for data in tagged)
