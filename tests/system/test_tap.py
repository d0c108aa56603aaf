# SPDX-License-Identifier: BSD-3-Clause
"""The host's own interface on a bridge."""

import concurrent.futures

import pytest

from harness import traffic
from harness.daemon import VsctlError
from harness.wait import wait_until
from harness.wire import BROADCAST, Wire, frame, mac_of, tagged

A, B = mac_of(1), mac_of(2)


def add_tap(bed, name="br0", number=9, bridge="br0", *keys):
    """A host port with the addresses 10.0.0.number/24 and fd00::number/64."""
    bed.daemon.vsctl("port", "add", name, "bridge", bridge, "type", "tap", *keys)
    bed.sw.sysctl("ipv6/conf/%s/disable_ipv6" % name, 0)
    bed.sw.ip("addr", "add", "10.0.0.%d/24" % number, "dev", name)
    bed.sw.ip("addr", "add", "fd00::%d/64" % number, "dev", name, "nodad")
    return bed.daemon.wait_link(name)


def test_ping_between_host_and_station(bed):
    row = add_tap(bed)
    assert (row["type"], row["mtu"], row["mac"]) == ("tap", 1500, bed.sw.mac("br0"))
    station = bed.speak(bed.station(1, plain=False), 1)
    bed.sw.ping("10.0.0.1")
    station.host.ping("10.0.0.9")
    station.host.ping("fd00::9")
    station.host.ping("10.0.0.9", size=1472)
    station.host.ping("10.0.0.9", size=20000)


def test_frames_bit_exact(bed):
    """What the host's interface sends and gets is what the station gets and sends."""
    bed.daemon.vsctl("port", "add", "host0", "bridge", "br0", "type", "tap")
    bed.daemon.wait_link("host0")
    far = bed.station(1).wire
    near = Wire(bed.sw, "host0")
    for data in (frame(B, A, 60), frame(B, A, 1514), tagged(frame(B, A, 60), 7),
                 frame(B, A, 200, [(0x88a8, 3), (0x8100, 4)]), frame(BROADCAST, A, 15)):
        near.send(data)
        far.expect(data)
        far.send(data)
        near.expect(data)
        bed.daemon.vsctl("fdb", "flush", "br0")
    near.close()


def test_address_is_the_same_each_time(bed):
    """The host's neighbours need not notice that the port was made again."""
    before = add_tap(bed)["mac"]
    bed.daemon.vsctl("port", "del", "br0")
    assert bed.sw.link("br0") is None
    assert add_tap(bed)["mac"] == before


def test_many_deleted_at_once(bed, tmp_path):
    """The kernel is long about each of them. Meanwhile the daemon answers."""
    some, none = tmp_path / "some.conf", tmp_path / "none.conf"
    none.write_text("[bridge br0]\n")
    some.write_text("[bridge br0]\n" + "".join(
        "[port many%d]\nbridge = br0\ntype = tap\n" % number for number in range(60)))

    def left():
        return bed.sw.run("ip", "-o", "link").stdout.count(" many")

    bed.daemon.vsctl("config", "apply", some)
    assert left() == 60
    answered = 0
    with concurrent.futures.ThreadPoolExecutor() as pool:
        apply = pool.submit(bed.daemon.vsctl, "config", "apply", none)
        while not apply.done():
            before = left()
            bed.daemon.vsctl("bridge", "show")
            answered += before < 60 and left() > 0
        apply.result()
    assert left() == 0 and answered > 1


def test_jumbo(bed):
    add_tap(bed, "br0", 9, "br0", "mtu", 9000)
    assert bed.sw.link("br0")["mtu"] == 9000
    station = bed.speak(bed.station(1, mtu=9000, plain=False), 1)
    station.host.ping("10.0.0.9", size=8972)
    traffic.tcp(station.host, bed.sw, "10.0.0.9")
    bed.daemon.vsctl("port", "set", "br0", "mtu", 1500)
    assert bed.sw.link("br0")["mtu"] == 1500
    traffic.tcp(station.host, bed.sw, "10.0.0.9")


def test_access_vlan(bed):
    """The host in VLAN 5."""
    add_tap(bed, "br0", 9, "br0", "vid", 5)
    trunk = bed.station(1).wire
    station = bed.speak(bed.station(2, "vid", 5, plain=False), 2)
    other = bed.speak(bed.station(3, "vid", 6, plain=False), 3)
    bed.sw.ping("10.0.0.2")
    station.host.ping("10.0.0.9")
    result = other.host.run("ping", "-c", 1, "-W", 1, "10.0.0.9", check=False)
    assert result.returncode != 0
    assert all(data[12:16] in (b"\x81\x00\x00\x05", b"\x81\x00\x00\x06")
               for data, _ in trunk.drain())


def test_link_down_and_up(bed):
    add_tap(bed)
    station = bed.speak(bed.station(1, plain=False), 1)
    bed.sw.ip("link", "set", "br0", "down")
    assert "ip link set br0 up" in bed.daemon.wait_link("br0", "down")["reason"]
    bed.sw.ip("link", "set", "br0", "up")
    bed.daemon.wait_link("br0")
    station.host.ping("10.0.0.9")


def test_deleted_interface_is_made_again(bed):
    before = add_tap(bed)
    station = bed.speak(bed.station(1, plain=False), 1)
    bed.sw.ip("link", "del", "br0")
    wait_until(lambda: bed.sw.link("br0") and bed.daemon.port("br0")["link"] == "up",
               what="br0 is there again")
    assert bed.daemon.port("br0")["mac"] == before["mac"] == bed.sw.mac("br0")
    bed.sw.ip("addr", "add", "10.0.0.9/24", "dev", "br0")
    station.host.ping("10.0.0.9")


def test_interface_of_an_operator(bed):
    """One that was there before is used, and left behind."""
    bed.sw.ip("tuntap", "add", "mine", "mode", "tap", "multi_queue", "vnet_hdr")
    mac = bed.sw.mac("mine")
    assert add_tap(bed, "mine")["mac"] == mac
    station = bed.speak(bed.station(1, plain=False), 1)
    station.host.ping("10.0.0.9")
    bed.daemon.vsctl("port", "del", "mine")
    wait_until(lambda: "LOWER_UP" not in bed.sw.link("mine")["flags"], what="nobody uses it")


def test_interface_that_is_no_tap(bed):
    bed.cable(1)
    before = bed.daemon.state()
    with pytest.raises(VsctlError, match="interface p1 exists and is no"):
        bed.daemon.vsctl("port", "add", "p1", "bridge", "br0", "type", "tap")
    assert bed.daemon.state() == before
    assert bed.sw.link("p1") is not None


def test_tap_to_tap(bed):
    """Two host ports in one kernel: what leaves by one comes in by the other, through the switch.

    The kernel would hand packets between its own addresses over directly; so it asks the table of
    its own addresses only for what comes in by these interfaces.
    """
    for name, number in (("t1", 1), ("t2", 2)):
        add_tap(bed, name, number)
        bed.sw.sysctl("ipv4/conf/%s/accept_local" % name, 1)
    for family, prefix in (("-4", "10.0.0."), ("-6", "fd00::")):
        lines = ["rule add pref 30 lookup local", "rule del pref 0"]
        for here, there in ((1, 2), (2, 1)):
            lines = ["rule add pref 10 iif t%d lookup local" % here,
                     "rule add pref 20 from %s%d to %s%d lookup %d" % (
                         prefix, here, prefix, there, 100 + here),
                     "route add %s%d dev t%d table %d" % (prefix, there, here, 100 + here)] + lines
        bed.sw.ip_batch(lines, family)
    before = bed.daemon.stats("t1")["tx_packets"]
    traffic.tcp(bed.sw, bed.sw, "10.0.0.2", source="10.0.0.1")
    assert bed.daemon.stats("t1")["tx_packets"] > before + 50
    traffic.udp(bed.sw, bed.sw, "10.0.0.2", source="10.0.0.1")
    traffic.tcp(bed.sw, bed.sw, "fd00::2", source="fd00::1")
    traffic.udp(bed.sw, bed.sw, "fd00::2", source="fd00::1")
