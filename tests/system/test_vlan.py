# SPDX-License-Identifier: BSD-3-Clause
"""Access ports (vid), trunks, and that VLANs are apart."""

import pytest

from harness.daemon import VsctlError
from harness.wait import wait_until
from harness.wire import BROADCAST, frame, mac_of, tagged

A, B, C = (mac_of(number) for number in (1, 2, 3))


@pytest.fixture
def wires(bed):
    """p1 in VLAN 10, p2 a trunk, p3 in VLAN 10, p4 in VLAN 20."""
    return {"ten": bed.station(1, "vid", 10).wire, "trunk": bed.station(2).wire,
            "ten2": bed.station(3, "vid", 10).wire, "twenty": bed.station(4, "vid", 20).wire}


def test_flooding_stays_in_the_vlan(bed, wires):
    """Untagged on access ports, tagged on trunks, and nowhere else."""
    data, twenty = frame(BROADCAST, A, 90), frame(BROADCAST, C, 90)
    wires["ten"].send(data)
    wires["ten2"].expect(data)
    wires["trunk"].expect(tagged(data, 10))
    wires["twenty"].send(twenty)
    wires["trunk"].expect(tagged(twenty, 20))
    wires["trunk"].send(tagged(twenty, 20), tagged(data, 10))
    wires["ten"].nothing_but(data)
    wires["ten2"].nothing_but(data)
    wires["twenty"].nothing_but(twenty)


def test_untagged_of_a_trunk_reaches_no_access_port(bed, wires):
    data, marker = frame(BROADCAST, A), frame(BROADCAST, B)
    wires["trunk"].send(data, tagged(data, 30), tagged(marker, 10), tagged(marker, 20))
    for name in ("ten", "ten2", "twenty"):
        wires[name].nothing_but(marker)
    assert bed.daemon.drops("p2", "no_destination") == 2


@pytest.mark.parametrize("size", [60, 90, 1514])
def test_tag_and_back(bed, wires, size):
    """Both ways, flooded and learnt."""
    there, back = frame(B, A, size), frame(A, B, size)
    for _ in range(2):
        wires["ten"].send(there)
        wires["trunk"].expect(tagged(there, 10))
        wires["trunk"].send(tagged(back, 10))
        wires["ten"].expect(back)
    wait_until(lambda: bed.daemon.fdb("br0") == {(A, 10): "p1", (B, 10): "p2"},
               what=lambda: bed.daemon.fdb("br0"))


def test_priority_is_kept(bed, wires):
    """Of a priority tag (VLAN 0) the priority goes on into the tag of the trunk."""
    data = frame(BROADCAST, A)
    wires["ten"].send(tagged(data, 0, priority=5))
    wires["trunk"].expect(tagged(data, 10, priority=5))
    wires["trunk"].send(tagged(data, 10, priority=3))
    wires["ten2"].until(data)


def test_access_port_refuses_tags(bed, wires):
    """Also its own: no guest reaches another VLAN, or hides in its own."""
    data, marker = frame(BROADCAST, A), frame(BROADCAST, B)
    wires["ten"].send(tagged(data, 10), tagged(data, 20), tagged(data, 4094), tagged(data, 4095),
                      tagged(tagged(data, 20), 10), marker)
    wires["ten2"].nothing_but(marker)
    wires["trunk"].nothing_but(tagged(marker, 10))
    assert bed.daemon.drops("p1", "vlan_mismatch") == 5
    assert (A, 20) not in bed.daemon.fdb("br0")


def test_provider_tag_is_payload(bed, wires):
    """An access port carries 802.1ad frames as they are, tagged on the trunk."""
    data = frame(BROADCAST, A, 90, tags=[(0x88a8, 7)])
    wires["ten"].send(data)
    wires["ten2"].expect(data)
    wires["trunk"].expect(tagged(data, 10))


def test_one_address_in_two_vlans(bed, wires):
    """The VLAN is part of the key: the same address may be behind different ports."""
    wires["ten"].send(frame(BROADCAST, A))
    wires["trunk"].send(tagged(frame(BROADCAST, A), 20))
    expected = {(A, 10): "p1", (A, 20): "p2"}
    wait_until(lambda: bed.daemon.fdb("br0") == expected,
               what=lambda: "%s: %s" % (expected, bed.daemon.fdb("br0")))
    assert bed.daemon.fdb("br0", vid=20) == {(A, 20): "p2"}
    wires["trunk"].until(tagged(frame(BROADCAST, A), 10))
    to_a = frame(A, B)
    wires["twenty"].send(to_a)
    wires["trunk"].expect(tagged(to_a, 20))
    wires["ten2"].send(to_a)
    wires["ten"].until(to_a)


def test_static_of_another_vlan(bed, wires):
    """A known address of another VLAN gives no way into it."""
    bed.daemon.vsctl("fdb", "add", "br0", "mac", A, "port", "p1")
    assert bed.daemon.fdb("br0") == {(A, 10): "p1"}
    with pytest.raises(VsctlError, match="VLAN"):
        bed.daemon.vsctl("fdb", "add", "br0", "mac", B, "vid", 20, "port", "p1")
    data, marker = frame(A, C), frame(BROADCAST, B)
    wires["twenty"].send(data)
    wires["trunk"].expect(tagged(data, 20))
    wires["trunk"].send(tagged(marker, 10))
    wires["ten"].nothing_but(marker)
    bed.daemon.vsctl("fdb", "del", "br0", "mac", A)  # in one VLAN only: no need to say which
    assert (A, 10) not in bed.daemon.fdb("br0")
    bed.daemon.vsctl("fdb", "add", "br0", "mac", A, "port", "p1")
    bed.daemon.vsctl("fdb", "add", "br0", "mac", A, "vid", 20, "port", "p2")
    with pytest.raises(VsctlError, match="2 VLANs"):
        bed.daemon.vsctl("fdb", "del", "br0", "mac", A)
    bed.daemon.vsctl("fdb", "del", "br0", "mac", A, "vid", 20)
    assert bed.daemon.fdb("br0")[A, 10] == "p1"


def test_set_vid(bed, wires):
    """A running port changes its VLAN; what was learnt behind it goes."""
    data, marker = frame(BROADCAST, A), frame(BROADCAST, B)
    wires["ten"].send(data)
    wait_until(lambda: (A, 10) in bed.daemon.fdb("br0"), what="A is learnt")
    wires["trunk"].until(tagged(data, 10))
    wires["ten2"].until(data)
    bed.daemon.vsctl("port", "set", "p1", "vid", 20)
    assert bed.daemon.port("p1")["vid"] == 20
    assert (A, 10) not in bed.daemon.fdb("br0")
    wires["ten"].send(data)
    wires["twenty"].expect(data)
    wires["trunk"].send(tagged(marker, 10))
    wires["ten2"].nothing_but(marker)
    bed.daemon.vsctl("port", "set", "p1", "vid", "none")
    assert bed.daemon.port("p1")["vid"] is None
    wires["trunk"].until(tagged(data, 20))
    wires["trunk"].send(data)
    wires["ten"].nothing_but(data)


def test_mtu_counts_no_tag(bed, wires):
    """The tag that a trunk gets is no payload."""
    data = frame(BROADCAST, A, 1514)
    wires["ten"].send(data)
    wires["trunk"].expect(tagged(data, 10))
    assert bed.daemon.drops("p2", "mtu_exceeded") == 0


def test_flooded_copies_are_apart(bed, wires):
    """What one port's tag costs is not seen on another: long frames, many of them."""
    frames = [frame(BROADCAST, mac_of(10 + number), 1000 + number) for number in range(64)]
    wires["ten"].send(*frames)
    wires["ten2"].expect(*frames)
    wires["trunk"].expect(*(tagged(data, 10) for data in frames))
