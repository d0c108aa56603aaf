# SPDX-License-Identifier: BSD-3-Clause
"""VLANs of a port as ports of their own, "eth0.100", and the host's addresses on VLANs."""

import re

import pytest

from harness import traffic
from harness.daemon import VsctlError
from harness.netns import run
from harness.wait import TIMEOUT, wait_until
from harness.wire import BROADCAST, frame, mac_of, tagged

from test_stats import wait_balance

A, B, C = (mac_of(number) for number in (1, 2, 3))


@pytest.fixture(name="two")
def _two(bed):
    """p1 on br0, its VLANs 100 and 200 on br1 and br2, where p2 and p3 are; p4 on br0."""
    for bridge in ("br1", "br2"):
        bed.daemon.vsctl("bridge", "add", bridge, "loop-detect", "no")
    wires = {"trunk": bed.station(1).wire}
    bed.daemon.vsctl("port", "add", "p1.100", "bridge", "br1")
    bed.daemon.vsctl("port", "add", "other", "bridge", "br2", "type", "vlan", "parent", "p1",
                     "parent-vid", 200)
    wires["hundred"] = bed.station(2, bridge="br1").wire
    wires["other"] = bed.station(3, bridge="br2").wire
    wires["plain"] = bed.station(4).wire
    return wires


def test_tags_come_and_go(bed, two):
    """Tagged on the parent, untagged on the bridge of the VLAN, both ways, of every length."""
    for size in (60, 61, 1514):
        there, back = frame(B, A, size), frame(A, B, size)
        for _ in range(2):  # flooded, then learnt
            two["trunk"].send(tagged(there, 100, priority=3), tagged(there, 200))
            two["hundred"].expect(there)
            two["other"].expect(there)
            two["hundred"].send(back)
            two["trunk"].expect(tagged(back, 100))
            two["other"].send(back)
            two["trunk"].expect(tagged(back, 200))
    wait_until(lambda: bed.daemon.fdb("br1") == {(A, 0): "p1.100", (B, 0): "p2"} and
               bed.daemon.fdb("br2") == {(A, 0): "other", (B, 0): "p3"}, what="all are learnt")
    wait_balance(bed)
    row = bed.daemon.port("p1.100")
    assert (row["type"], row["parent"], row["parent_vid"]) == ("vlan", "p1", 100)
    assert row["rx_packets"] == 6 and row["tx_packets"] >= 6  # and what looks for loops
    assert sorted(bed.daemon.port("p1")["subports"]) == ["other", "p1.100"]


def test_the_rest_is_the_parents(bed, two):
    """Its bridge has the other VLANs, and not those that are ports of their own."""
    data, marker = frame(BROADCAST, A), frame(BROADCAST, B)
    two["trunk"].send(tagged(data, 100), data, tagged(data, 30), tagged(data, 0, priority=5))
    two["plain"].expect(data, tagged(data, 30), tagged(data, 0, priority=5))
    two["hundred"].expect(data)
    two["plain"].send(tagged(marker, 100), tagged(marker, 200), marker)
    two["trunk"].nothing_but(marker)
    two["hundred"].send(marker)
    two["trunk"].expect(tagged(marker, 100))
    bed.daemon.vsctl("port", "del", "p1.100")
    two["plain"].send(tagged(data, 100))
    two["trunk"].expect(tagged(data, 100))


def test_tags_behind_the_tag(bed, two):
    """A VLAN port is like any other: tags that are left are its bridge's."""
    data = frame(BROADCAST, A)
    two["trunk"].send(tagged(tagged(data, 7, priority=2), 100))
    two["hundred"].expect(tagged(data, 7, priority=2))
    bed.daemon.vsctl("port", "set", "p1.100", "vid", 20)
    bed.daemon.vsctl("port", "set", "p2", "trunk", "20,30")
    two["trunk"].send(tagged(tagged(data, 7), 100), tagged(data, 100))
    two["hundred"].expect(tagged(data, 20))
    two["hundred"].send(tagged(data, 20), tagged(data, 30))
    two["trunk"].expect(tagged(data, 100))
    assert bed.daemon.drops("p1.100", "vlan_mismatch") == 1


def test_flood_to_vlans_of_one_parent(bed, two):
    """Each has its own tag on the one wire: copies are apart."""
    bed.daemon.vsctl("port", "set", "other", "bridge", "br1")
    data = [frame(BROADCAST, mac_of(20 + number), 64 + number) for number in range(200)]
    two["hundred"].send(*data)
    expected = sorted(tagged(one, vid) for one in data for vid in (100, 200))
    got = []
    while len(got) < len(expected):
        one = two["trunk"].recv(TIMEOUT)
        assert one is not None, "%d of %d came" % (len(got), len(expected))
        got.append(one.data)
    assert sorted(got) == expected
    wait_balance(bed)


def test_service_tags(bed, two):
    """The parent's TPID is that of its VLAN ports, at once."""
    data = frame(BROADCAST, A)
    bed.daemon.vsctl("port", "set", "p1", "tpid", "0x88a8")
    two["hundred"].send(data)
    two["trunk"].expect(tagged(data, 100, tpid=0x88a8))
    two["trunk"].send(tagged(data, 100), tagged(tagged(data, 7), 100, tpid=0x88a8))
    two["hundred"].expect(tagged(data, 7))
    # a C-tag is payload there, and must not become a tag here
    two["plain"].expect(tagged(tagged(data, 100), 0))


def test_link_and_mtu_are_the_parents(bed, two):
    bed.hosts["h1"].ip("link", "set", "eth0", "down")
    bed.daemon.wait_link("p1", "down")
    row = bed.daemon.wait_link("p1.100", "down")
    assert row["reason"] == "p1 is down"
    two["hundred"].send(frame(BROADCAST, A))
    wait_until(lambda: bed.daemon.drops("p2", "no_destination") == 1, what="the drop is counted")
    bed.hosts["h1"].ip("link", "set", "eth0", "up")
    bed.daemon.wait_link("p1.100")
    with pytest.raises(VsctlError, match="parent has 1500"):
        bed.daemon.vsctl("port", "set", "p1.100", "mtu", 1501)
    bed.daemon.vsctl("port", "set", "p1", "mtu", 1400)
    assert bed.daemon.port("p1.100")["mtu"] == 1400
    bed.daemon.vsctl("port", "set", "p1.100", "mtu", 1300)
    two["hundred"].send(frame(BROADCAST, A, 1315))
    wait_until(lambda: bed.daemon.drops("p1.100", "mtu_exceeded") == 1, what="the drop is counted")
    bed.daemon.vsctl("port", "set", "p1", "carrier", "off")
    assert bed.daemon.port("p1.100")["link"] == "down"


@pytest.mark.parametrize("words, text", [
    (("add", "p1.100", "bridge", "br1"), "exists already"),
    (("add", "x", "bridge", "br1", "type", "vlan", "parent", "p1", "parent-vid", 100),
     "VLAN 100 of p1 is the port p1.100 already"),
    (("add", "x", "bridge", "br1", "type", "vlan"), "not PARENT.VID"),
    (("add", "x", "bridge", "br1", "type", "vlan", "parent", "p1"), "parent-vid is missing"),
    (("add", "x", "bridge", "br1", "parent-vid", 3), "parent is missing"),
    (("add", "x.7", "bridge", "br1", "type", "vlan"), "there is no port x"),
    (("add", "p1.4095", "bridge", "br1", "type", "vlan"), "not PARENT.VID"),
    (("add", "p1.100.7", "bridge", "br1"), "of type vlan"),
    (("add", "p9.7", "bridge", "br1"), "p9.7"),
    (("add", "y", "bridge", "br1", "type", "tap", "parent", "p1", "parent-vid", 3),
     "for type vlan, not tap"),
    (("add", "p1.7", "bridge", "br1", "mtu", 9000), "its parent p1 has 1500"),
    (("add", "p5.10", "bridge", "br1"), "untagged frames of p5"),
    (("del", "p1"), "2 VLAN port.s. such as .* are on it"),
    (("set", "p1", "vid", 100), "VLAN 100 cannot be that of its untagged frames: it is the port "
     "p1.100"),
    (("set", "p1", "trunk", "20", "native", 200), "it is the port other"),
    (("set", "p1", "tunnel", 3), "a tunnel has no VLANs to give away"),
    (("set", "p5", "trunk", "7"), "it can have vid or trunk, not both"),
    (("set", "p5", "tunnel", "7"), "it can have vid or tunnel, not both"),
    (("set", "p1", "trunk", "7", "tunnel", 9), "it can have trunk or tunnel, not both"),
    (("set", "p1", "native", 9), "native is for trunks"),
    (("set", "p5", "tpid", "0x88a8"), "tpid is for trunks"),
    (("set", "p1", "trunk", "0,9", "native", 9), "not to both"),
    (("set", "p1", "trunk", "9,9"), "each once"),
    (("set", "p1", "trunk", "9-8"), "each once"),
    (("set", "p1", "trunk", "4095"), "a list of VLANs 1-4094"),
    (("set", "p1", "tpid", "0x9100"), "one of 0x8100, 0x88a8"),
    (("set", "p1", "isolated", "maybe"), "yes or no"),
])
def test_refused(bed, two, words, text):
    """Each with the reason, and nothing has changed."""
    bed.station(5, "vid", 10)
    before = bed.daemon.state()
    with pytest.raises(VsctlError, match=text):
        bed.daemon.vsctl("port", *words)
    assert bed.daemon.state() == before
    data = frame(BROADCAST, A)
    two["trunk"].send(tagged(data, 100))
    two["hundred"].expect(data)


def test_static_entries_hold_their_vlan(bed, two):
    """What an operator has said is not lost in passing."""
    bed.daemon.vsctl("fdb", "add", "br0", "mac", A, "port", "p1", "vid", 30)
    with pytest.raises(VsctlError, match="static FDB entries in VLAN 30"):
        bed.daemon.vsctl("port", "add", "p1.30", "bridge", "br1")
    with pytest.raises(VsctlError, match="static FDB entries in VLAN 30"):
        bed.daemon.vsctl("port", "set", "p1", "trunk", "31-40")
    bed.daemon.vsctl("port", "set", "p1", "trunk", "30-40")
    assert bed.daemon.fdb("br0") == {(A, 30): "p1"}
    assert two


def test_on_no_bridge(bed):
    """A port that only has VLANs."""
    bed.daemon.vsctl("bridge", "add", "br1", "loop-detect", "no")
    trunk, plain = bed.station(1, bridge="none").wire, bed.station(2).wire
    assert bed.daemon.port("p1")["bridge"] is None
    bed.daemon.vsctl("port", "add", "p1.7", "bridge", "br0")
    data = frame(BROADCAST, A)
    trunk.send(data, tagged(data, 8), tagged(data, 7))
    plain.nothing_but(data)
    assert bed.daemon.drops("p1", "no_bridge") == 2
    bed.daemon.vsctl("port", "set", "p1", "bridge", "br1")
    bed.daemon.vsctl("port", "set", "p1", "bridge", "none")
    bed.daemon.vsctl("bridge", "del", "br1")
    plain.send(data)
    trunk.expect(tagged(data, 7))


def test_one_trunk_between_two_bridges(bed):
    """TCP with the kernels' offloads: stations on br0 and br1, whose VLAN 100 is on one cable."""
    bed.daemon.vsctl("bridge", "add", "br1", "loop-detect", "no")
    run("ip", "link", "add", "name", "left", "netns", bed.sw.name, "type", "veth",
        "peer", "name", "right", "netns", bed.sw.name)
    for name in ("left", "right"):
        bed.sw.ip("link", "set", name, "up")
    for name, bridge in (("left", "br0"), ("right", "br1")):
        bed.daemon.vsctl("port", "add", name, "bridge", "none")
        bed.daemon.vsctl("port", "add", name + ".100", "bridge", bridge)
        bed.daemon.wait_link(name + ".100")
    pair = [bed.speak(bed.station(number, plain=False, bridge=bridge), number)
            for number, bridge in ((1, "br0"), (2, "br1"))]
    pair[0].host.ping(pair[1].address, size=1472)
    traffic.tcp(pair[0].host, pair[1].host, pair[1].address)
    traffic.tcp(pair[1].host, pair[0].host, pair[0].address6)
    traffic.udp(pair[0].host, pair[1].host, pair[1].address)
    wait_balance(bed)


def test_host_addresses_on_two_vlans(bed):
    """The host has a tap in VLAN 10 and another in VLAN 20, and speaks to both over one trunk."""
    trunk = bed.station(1).wire
    stations = {}
    for vid in (10, 20):
        name = "vlan%d" % vid
        bed.daemon.vsctl("port", "add", name, "type", "tap", "bridge", "br0", "vid", vid)
        bed.daemon.wait_link(name)
        bed.sw.ip("addr", "add", "192.168.%d.1/24" % vid, "dev", name)
        stations[vid] = bed.station(vid, "vid", vid, plain=False)
        stations[vid].host.ip("addr", "add", "192.168.%d.2/24" % vid, "dev", "eth0")
    for vid, station in stations.items():
        bed.sw.ping("192.168.%d.2" % vid, size=1472)
        station.host.ping("192.168.%d.1" % vid, size=20000)
        traffic.tcp(bed.sw, station.host, "192.168.%d.2" % vid)
    seen = {data.data[14:16] for data in trunk.drain()}
    assert seen == {b"\x00\x0a", b"\x00\x14"}, "ARP of both VLANs, tagged: %s" % seen


def test_isolated_and_floods(bed):
    """Private ports reach the uplink alone; floods can be kept from a port."""
    wires = {number: bed.station(number, "isolated", "yes" if number < 3 else "no").wire
             for number in (1, 2, 3)}
    data, marker = frame(BROADCAST, A), frame(BROADCAST, B)
    wires[1].send(data)
    wires[3].expect(data)
    wires[3].send(marker)
    wires[2].nothing_but(marker)
    wires[1].expect(marker)
    wires[2].send(frame(A, C))  # known, and not to be reached
    wait_until(lambda: bed.daemon.drops("p2", "isolated") == 1, what="the drop is counted")
    bed.daemon.vsctl("port", "set", "p1", "flood-broadcast", "no", "flood-unknown", "no")
    row = bed.daemon.port("p1")
    assert (row["isolated"], row["flood_broadcast"], row["flood_unknown"],
            row["flood_multicast"]) == (True, False, False, True)
    group, known = frame("01:00:5e:00:00:05", B), frame(A, B)
    wires[3].send(marker, frame(mac_of(77), B), group, known)
    wires[1].expect(group, known)
    bed.daemon.vsctl("port", "set", "p1", "flood-broadcast", "yes", "isolated", "no")
    wires[2].send(marker)
    wires[1].expect(marker)  # one of the two is not private any more


def test_service_tag_wants_room(bed, two):
    """A packet socket takes one C-tag for nothing; for an S-tag the interface's MTU has 4 more."""
    data = frame(BROADCAST, A, 1514)
    bed.daemon.vsctl("port", "set", "p1", "tpid", "0x88a8")
    two["hundred"].send(data)
    wait_until(lambda: bed.daemon.drops("p1", "mtu_exceeded") == 1, what="the drop is counted")
    for host, name in ((bed.sw, "p1"), (bed.hosts["h1"], "eth0")):
        host.ip("link", "set", name, "mtu", 1504)
    wait_until(lambda: bed.daemon.port("p1.100")["mtu"] == 1504, what="the new MTU")
    two["hundred"].send(data)
    two["trunk"].expect(tagged(data, 100, tpid=0x88a8))


def test_many_nics_and_vlans(idle_bed):
    """16 NICs: trunks, access ports, tunnels, and 200 VLANs with a bridge of their own each."""
    config = ["[bridge br0]"]
    # VLAN ports in front of their parents, which is legal
    for vid in range(100, 300):
        config += ["[bridge vlan%d]" % vid, "[port n%d.%d]" % (vid % 4, vid),
                   "bridge = vlan%d" % vid]
    modes = [[], [], ["trunk = 300-400"], ["trunk = all", "native = 7"]] + [
        ["vid = %d" % (400 + number)] for number in range(4)] + [
        ["tunnel = %d" % (500 + number)] for number in range(4)] + [
        ["trunk = " + ",".join(str(vid) for vid in range(1000 + number, 1400 + number, 2)),
         "tpid = 0x88a8", "isolated = yes", "flood-unknown = no"] for number in range(4)]
    for number, words in enumerate(modes):
        idle_bed.sw.ip("link", "add", "n%d" % number, "type", "veth", "peer", "f%d" % number)
        idle_bed.sw.ip("link", "set", "n%d" % number, "up")
        idle_bed.sw.ip("link", "set", "f%d" % number, "up")
        config += ["[port n%d]" % number, "bridge = br0", *words]
    daemon = idle_bed.daemon.start("\n".join(config) + "\n")
    ports = {row["port"]: row for row in daemon.vsctl("port", "show")}
    assert len(ports) == 216
    assert ports["n3"]["trunk"] == "all" and ports["n3"]["native"] == 7
    assert ports["n12"]["trunk"] == ",".join(str(vid) for vid in range(1000, 1400, 2))
    assert ports["n2.102"]["bridge"] == "vlan102" and len(ports["n2"]["subports"]) == 50
    assert len(daemon.vsctl_raw("show").stdout.splitlines()) > 600
    before = daemon.state()
    daemon.stop()
    assert daemon.start().state() == before


@pytest.mark.parametrize("words, text", [
    (["[port p1]", "bridge = br0", "vid = 5", "trunk = 6"], "vswitch.conf:2: .*vid or trunk"),
    (["[port p1.7]", "bridge = br0", "[port p1]", "bridge = br0", "tunnel = 7"],
     "vswitch.conf:2: .*untagged frames of p1"),
    (["[port x]", "bridge = br0", "parent = p1"], "vswitch.conf:2: .*parent-vid is missing"),
    (["[port p1]", "bridge = br0", "trunk = 5-"], "vswitch.conf:4: .*a list of VLANs"),
])
def test_bad_configuration(idle_bed, words, text):
    """Said with its line; nothing is left of the rest."""
    idle_bed.cable(1)
    idle_bed.daemon.config.write_text("\n".join(["[bridge br0]", *words]) + "\n")
    result = idle_bed.daemon.run_to_end()
    assert result.returncode != 0
    assert re.search(text, result.stderr), result.stderr
