# SPDX-License-Identifier: BSD-3-Clause
"""DPDK devices by devargs."""

import pytest

from harness import traffic
from harness.daemon import VsctlError
from harness.wait import wait_until
from harness.wire import BROADCAST, frame, mac_of, tagged

A, B = mac_of(1), mac_of(2)

ETHPORTS = 32  # Debian's RTE_MAX_ETHPORTS


def test_pcap_file_in(bed, tmp_path):
    """What is in the file comes out at a station, bit by bit."""
    scapy = pytest.importorskip("scapy.all")
    frames = [frame(B, A, size) for size in (60, 61, 1514)]
    frames += [tagged(frames[0], 5), frame(BROADCAST, A, 100, [(0x88a8, 6), (0x8100, 7)])]
    path = tmp_path / "in.pcap"
    scapy.wrpcap(str(path), [scapy.Ether(data) for data in frames])
    far = bed.station(1).wire
    bed.daemon.vsctl("port", "add", "file0", "bridge", "br0", "devargs",
                     "net_pcap0,rx_pcap=%s" % path)
    far.expect(*frames)
    row = bed.daemon.port("file0")
    assert (row["type"], row["rx_packets"], row["drops"]) == ("eth", len(frames), 0)
    assert row["rx_bytes"] == sum(map(len, frames))


def test_relative_path(bed, tmp_path, monkeypatch):
    """It is relative to where vsctl is run; the daemon itself wants absolute ones."""
    scapy = pytest.importorskip("scapy.all")
    data = frame(B, A)
    scapy.wrpcap(str(tmp_path / "in.pcap"), [scapy.Ether(data)])
    far = bed.station(1).wire
    before = bed.daemon.state()
    reply = bed.daemon.rpc("port.add", name="file0", bridge="br0",
                           devargs="net_pcap0,rx_pcap=in.pcap")
    assert "the path 'in.pcap' is not absolute" in reply["error"]["message"]
    assert bed.daemon.state() == before
    monkeypatch.chdir(tmp_path)
    bed.daemon.vsctl("port", "add", "file0", "bridge", "br0", "devargs",
                     "net_pcap0,rx_pcap=in.pcap")
    far.expect(data)


def test_pcap_file_out(bed, tmp_path):
    """What a station sends is in the file when the port is deleted, bit by bit."""
    scapy = pytest.importorskip("scapy.all")
    frames = [frame(B, A, size) for size in (60, 61, 1514)] + [tagged(frame(B, A), 5)]
    path = tmp_path / "out.pcap"
    station = bed.station(1)
    bed.daemon.vsctl("port", "add", "file0", "bridge", "br0", "devargs",
                     "net_pcap0,tx_pcap=%s" % path)
    bed.daemon.wait_link("file0")
    station.wire.send(*frames)
    wait_until(lambda: bed.daemon.stats("file0")["tx_packets"] == len(frames), what="all are sent")
    bed.daemon.vsctl("port", "del", "file0")
    wait_until(lambda: path.exists() and
               [bytes(packet) for packet in scapy.rdpcap(str(path))] == frames,
               what="they are in the file")


def test_frames_between_netdev_and_eth(bed):
    """Through a device on a cable, both ways."""
    near = bed.station(1).wire
    far = bed.cable(2).wire
    bed.daemon.vsctl("port", "add", "eth2", "bridge", "br0", "devargs",
                     "net_af_packet0,iface=p2")
    bed.daemon.wait_link("eth2")
    for size in (60, 512, 1514):
        for _ in range(2):
            near.send(frame(B, A, size))
            far.expect(frame(B, A, size))
            far.send(frame(A, B, size))
            near.expect(frame(A, B, size))
    assert bed.daemon.fdb("br0") == {(A, 0): "p1", (B, 0): "eth2"}


def test_chained_buffers(bed):
    """A jumbo frame, held in several buffers, to a device that may know only one."""
    near = bed.station(1, mtu=9000).wire
    far = bed.cable(2, mtu=9000).wire
    bed.daemon.vsctl("port", "add", "eth2", "bridge", "br0", "mtu", 9000, "devargs",
                     "net_pcap0,rx_iface_in=p2,tx_iface=p2")
    bed.daemon.wait_link("eth2")
    near.send(frame(B, A, 9014), frame(B, A, 4000))
    far.expect(frame(B, A, 9014), frame(B, A, 4000))
    far.send(frame(A, B, 9014), frame(A, B, 4000))
    near.expect(frame(A, B, 9014), frame(A, B, 4000))


def test_mtu_of_a_device_that_minds_none(bed, tmp_path):
    """The switch itself keeps the MTU."""
    wire = bed.station(1, mtu=9000).wire
    bed.daemon.vsctl("port", "add", "file0", "bridge", "br0", "mtu", 1400, "devargs",
                     "net_pcap0,tx_pcap=%s" % (tmp_path / "out.pcap"))
    bed.daemon.wait_link("file0")
    fits = [frame(B, A, 1414), tagged(frame(B, A, 1414), 5)]
    wire.send(frame(B, A, 1415), fits[0], tagged(frame(B, A, 1415), 5), fits[1])
    wait_until(lambda: bed.daemon.stats("file0")["tx_packets"] == 2, what="those that fit are sent")
    assert bed.daemon.drops("file0", "mtu_exceeded") == 2
    bed.daemon.vsctl("port", "set", "file0", "mtu", 1500)
    wire.send(frame(B, A, 1514))
    wait_until(lambda: bed.daemon.stats("file0")["tx_packets"] == 3, what="now it fits")


def test_as_many_as_dpdk_has_room_for(bed):
    """The 33rd is refused with the reason; other kinds of ports go on; a free place is used."""
    def add(number):
        bed.daemon.vsctl("port", "add", "null%d" % number, "bridge", "br0", "devargs",
                         "net_null%d,no-rx=1" % number)
    for number in range(ETHPORTS):
        add(number)
    before = bed.daemon.state()
    with pytest.raises(VsctlError, match="room for 32 devices.*netdev"):
        add(ETHPORTS)
    assert bed.daemon.state() == before
    one, two = bed.pair()
    one.host.ping(two.address)
    bed.daemon.vsctl("port", "del", "null7")
    add(ETHPORTS)
    one.host.ping(two.address)


@pytest.mark.parametrize("devargs, text", [
    ("net_nosuch0", "net_nosuch0"),
    ("net_pcap0,rx_pcap=/nonexistent.pcap", "net_pcap0"),
    ("net_af_packet0,iface=nosuch", "net_af_packet0"),
    ("net_null0,nonsense=1", "net_null0"),
    ("0000:ff:1f.7", "0000:ff:1f.7"),
    ("crypto_null0", "crypto_null0"),
    ("mem", "mem"),
])
def test_bad_devargs(bed, devargs, text):
    """A clear error that names port and device, and the name is free for another try."""
    before = bed.daemon.state()
    for _ in range(2):
        with pytest.raises(VsctlError) as error:
            bed.daemon.vsctl("port", "add", "x0", "bridge", "br0", "devargs", devargs)
        assert error.value.status == 1
        assert "port x0" in error.value.text and text in error.value.text
        assert bed.daemon.state() == before
    bed.daemon.vsctl("port", "add", "x0", "bridge", "br0", "devargs", "net_null0,no-rx=1")


def test_pci_device_without_hugepages(idle_bed):
    """What is lacking, and how to get it."""
    idle_bed.start("[vswitchd]\nhugepages = no\n[bridge br0]\n")
    for devargs in ("0000:ff:1f.7", "0000:ff:1f.7,option=1"):
        with pytest.raises(VsctlError, match="0000:ff:1f.7 needs hugepages.*vm.nr_hugepages"):
            idle_bed.daemon.vsctl("port", "add", "x0", "bridge", "br0", "devargs", devargs)


def test_device_in_use(bed):
    bed.daemon.vsctl("port", "add", "x0", "bridge", "br0", "devargs", "net_null0,no-rx=1")
    before = bed.daemon.state()
    with pytest.raises(VsctlError, match="port x1.*in use"):
        bed.daemon.vsctl("port", "add", "x1", "bridge", "br0", "devargs", "net_null0,no-rx=1")
    assert bed.daemon.state() == before


def test_traffic_beside_a_device_that_floods(bed):
    """net_null makes packets as fast as it is asked; others still get their share."""
    one, two = bed.pair()
    bed.daemon.vsctl("bridge", "add", "br1", "loop-detect", "no")
    bed.daemon.vsctl("port", "add", "null0", "bridge", "br1", "devargs", "net_null0")
    one.host.ping(two.address)
    traffic.tcp(one.host, two.host, two.address, size=1 << 20)
    bed.daemon.vsctl("port", "del", "null0")
