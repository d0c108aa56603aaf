# SPDX-License-Identifier: BSD-3-Clause
"""Snooping of IGMP and MLD: the kernel's hosts, its bridge as another querier, exact frames."""

import itertools
import socket
import struct
import time

import pytest
import scapy.config

scapy.config.conf.ipv6_enabled = True
# pylint: disable=wrong-import-position
from scapy.contrib.igmp import IGMP
from scapy.contrib.igmpv3 import IGMPv3, IGMPv3mq
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import (ICMPv6MLQuery2, ICMPv6MLReport2, ICMPv6MLDMultAddrRec, IPv6,
                                IPv6ExtHdrHopByHop, RouterAlert)
from scapy.layers.l2 import Ether

from harness.daemon import VsctlError
from harness.netns import run
from harness.wait import wait_until
from harness.wire import BROADCAST, frame, mac_of, tagged

from test_stats import wait_balance

GROUP, GROUP6 = "239.1.2.3", "ff05::1234"
SOURCE = "10.0.0.1"
UDP_PORT = 5001
MCAST_JOIN_SOURCE_GROUP, MCAST_LEAVE_SOURCE_GROUP = 46, 47

# quick enough for a test: hosts answer within a second
ASKING = ("[bridge br0]\nquerier = yes\nquery-interval = 3\nquery-response = 1\n"
          "last-member-interval = 100\n")
LISTENING = "[bridge br0]\nquery-interval = 30\nquery-response = 1\n"

LONG = 90  # s

_markers = itertools.count(1)


def group_frame(group, source_mac, payload=b"data"):
    """A UDP packet to a group, as it is on the wire."""
    if ":" in group:
        dst = "33:33:%02x:%02x:%02x:%02x" % tuple(socket.inet_pton(socket.AF_INET6, group)[12:])
        network = IPv6(src="fd00::1", dst=group)
    else:
        _, second, third, fourth = socket.inet_aton(group)
        dst = "01:00:5e:%02x:%02x:%02x" % (second & 0x7f, third, fourth)
        network = IP(src=SOURCE, dst=group, ttl=4)
    return bytes(Ether(dst=dst, src=source_mac) / network / UDP(sport=1, dport=UDP_PORT) / payload)


def arrives(sender, receivers, data):
    """Which of the receivers (wires) get a frame. A broadcast behind it says that it is over."""
    marker = frame(BROADCAST, mac_of(99), payload=struct.pack("!I", next(_markers)))
    sender.send(data, marker)
    return [data in wire.until(marker) for wire in receivers]


def igmp(kind, group, source_mac, source="10.0.0.50", code=0):
    """A frame of IGMPv1 or v2."""
    packet = Ether(src=source_mac) / IP(src=source) / IGMP(type=kind, mrcode=code, gaddr=group)
    packet[IGMP].igmpize()
    return bytes(Ether(bytes(packet)))


def passes(sender, receivers, data):
    """As arrives(), for messages, which take the way through the control thread."""
    number = next(_markers)
    marker = bytes(Ether(dst="01:00:5e:00:00:99", src=mac_of(99)) /
                   IP(src="10.0.0.99", dst="224.0.0.153", ttl=1, proto=2) /
                   struct.pack("!HHI", 0xff00, ~(0xff00 + number) & 0xffff, number))
    sender.send(data, marker)
    return [data in wire.until(marker) for wire in receivers]


class Member:
    """A socket on a station that is a member of a group, by the kernel."""

    def __init__(self, station, group, source=None):
        family = socket.AF_INET6 if ":" in group else socket.AF_INET
        with station.host.inside():
            self._socket = socket.socket(family, socket.SOCK_DGRAM)
            index = socket.if_nametoindex(station.ifname)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((group, UDP_PORT))
        self._socket.settimeout(20)
        if source is not None:
            self._level = socket.IPPROTO_IPV6 if ":" in group else socket.IPPROTO_IP
            self._request = struct.pack("=I4x", index) + self._storage(group) + \
                self._storage(source)
            self._socket.setsockopt(self._level, MCAST_JOIN_SOURCE_GROUP, self._request)
        elif family == socket.AF_INET6:
            self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                                    socket.inet_pton(family, group) + struct.pack("=I", index))
        else:
            self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                                    struct.pack("=4s4si", socket.inet_aton(group), b"\0" * 4,
                                                index))

    @staticmethod
    def _storage(address):
        """struct sockaddr_storage"""
        if ":" in address:
            return struct.pack("=HHI16s104x", socket.AF_INET6, 0, 0,
                               socket.inet_pton(socket.AF_INET6, address))
        return struct.pack("=HH4s120x", socket.AF_INET, 0, socket.inet_aton(address))

    def leave_source(self):
        """Leave the only source."""
        self._socket.setsockopt(self._level, MCAST_LEAVE_SOURCE_GROUP, self._request)

    def recv(self):
        """What was sent to the group."""
        return self._socket.recv(2048)

    def close(self):
        """Leave."""
        self._socket.close()


def groups(bed, bridge="br0", **filters):
    """{(vid, group): ports}"""
    words = [word for key, value in filters.items() for word in (key, value)]
    return {(row["vid"] or 0, row["group"]): set(row["ports"])
            for row in bed.daemon.vsctl("group", "show", bridge, *words)}


def domain(bed, family="ipv4", vid=None):
    """A row of querier show, or None."""
    return next((row for row in bed.daemon.vsctl("querier", "show", "br0")
                 if row["family"] == family and row["vid"] == vid), None)


def is_settled(bed, family="ipv4", vid=None):
    """Are groups confined to their members, and does no port hear all any more?"""
    row = domain(bed, family, vid)
    return row is not None and row["active"] and not any(
        port["all_groups"] for port in bed.daemon.vsctl("port", "show"))


def wait_settled(bed, family="ipv4", vid=None):
    """Wait until that is so."""
    wait_until(lambda: is_settled(bed, family, vid),
               what=lambda: "settled: %s" % bed.daemon.vsctl("querier", "show"))


def wait_member(bed, group, ports, vid=0):
    """Wait until a group's members are these ports."""
    wait_until(lambda: groups(bed).get((vid, group), set()) == set(ports),
               what=lambda: "%s at %s: %s" % (group, ports, groups(bed)))


def group_row(bed, group):
    """A row of group show."""
    return next(row for row in bed.daemon.vsctl("group", "show") if row["group"] == group)


def wait_renewed(bed, group):
    """Wait until the hosts of a group have said again that they want it."""
    left = []

    def renewed():
        left.append(min(member["expires"] for member in group_row(bed, group)["members"]))
        return len(left) > 1 and left[-1] > left[-2]
    wait_until(renewed, what=lambda: "%s is renewed: %s" % (group, left))


@pytest.fixture
def stations(idle_bed):
    """Three stations that speak IP, on a bridge that asks; nobody hears all any more."""
    idle_bed.start(ASKING)
    made = [idle_bed.station(number) for number in (1, 2, 3)]
    for number, station in enumerate(made, 1):
        idle_bed.speak(station, number)
    wait_settled(idle_bed)
    wait_settled(idle_bed, "ipv6")
    return made


@pytest.mark.parametrize("group", (GROUP, GROUP6))
def test_members_only(idle_bed, stations, group):
    one, two, three = stations
    data = group_frame(group, mac_of(1))
    wires = [two.wire, three.wire]
    assert arrives(one.wire, wires, data) == [False, False]
    member = Member(two, group)
    wait_member(idle_bed, group, {"p2"})
    assert arrives(one.wire, wires, data) == [True, False]
    assert member.recv() == b"data"
    another = Member(three, group)
    wait_member(idle_bed, group, {"p2", "p3"})
    assert arrives(one.wire, wires, data) == [True, True]
    row = group_row(idle_bed, group)
    assert row["protocol"] == ("MLDv2" if ":" in group else "IGMPv3")
    # it stays, since it answers: more often than once in the membership interval
    for _ in range(3):
        wait_renewed(idle_bed, group)
    assert groups(idle_bed)[0, group] == {"p2", "p3"}
    member.close()
    wait_member(idle_bed, group, {"p3"})
    assert arrives(one.wire, wires, data) == [False, True]
    another.close()
    wait_member(idle_bed, group, ())
    assert arrives(one.wire, wires, data) == [False, False]
    wait_balance(idle_bed)


@pytest.mark.parametrize("group, source", (("232.1.2.3", SOURCE), ("ff35::4321", "fd00::1")))
def test_source_specific(idle_bed, stations, group, source):
    one, two, three = stations
    member = Member(two, group, source)
    wait_member(idle_bed, group, {"p2"})
    assert arrives(one.wire, [two.wire, three.wire], group_frame(group, mac_of(1))) == [True, False]
    member.leave_source()
    wait_member(idle_bed, group, ())
    member.close()


def test_always_flooded(idle_bed, stations):
    """Groups of the link, what is not IP, and MACs shared with them."""
    one, two, three = stations
    member = Member(two, "239.0.0.251")
    wait_member(idle_bed, "239.0.0.251", {"p2"})
    wires = [two.wire, three.wire]
    assert arrives(one.wire, wires, group_frame("239.0.0.251", mac_of(1))) == [True, False]
    for group in ("224.0.0.251", "224.0.0.5", "ff02::fb", "ff02::1:ff00:1234", "ff02::1"):
        assert arrives(one.wire, wires, group_frame(group, mac_of(1))) == [True, True], group
    assert arrives(one.wire, wires, frame("01:00:5e:01:02:03", mac_of(1))) == [True, True]
    assert arrives(one.wire, wires, frame("01:00:0c:cc:cc:cc", mac_of(1))) == [True, True]
    member.close()


def test_settings(idle_bed, stations):
    """Off and on again, router by hand, fast leave, limits: all while it runs."""
    one, two, three = stations
    vsctl = idle_bed.daemon.vsctl
    wires = [two.wire, three.wire]
    data = group_frame(GROUP, mac_of(1))
    vsctl("port", "set", "p3", "mrouter", "yes")
    wait_until(lambda: domain(idle_bed)["routers"] == ["p3"], what="a router")
    wait_until(lambda: arrives(one.wire, wires, data) == [False, True], what="a router hears all")
    vsctl("port", "set", "p3", "mrouter", "no")
    wait_until(lambda: arrives(one.wire, wires, data) == [False, False], what="no router")
    vsctl("bridge", "set", "br0", "snooping", "no")
    assert arrives(one.wire, wires, data) == [True, True]
    assert idle_bed.daemon.vsctl("querier", "show") == []
    since = time.monotonic()
    vsctl("bridge", "set", "br0", "snooping", "yes")
    got = arrives(one.wire, wires, data)
    # for as long as the hosts have to answer, all is flooded
    assert got == [True, True] or time.monotonic() - since > 1, got
    wait_settled(idle_bed)
    assert arrives(one.wire, wires, data) == [False, False]
    # one group more than the limit: all of them
    vsctl("port", "set", "p2", "group-limit", 1)
    members = [Member(two, "239.4.4.%d" % number) for number in (1, 2)]
    wait_until(lambda: idle_bed.daemon.port("p2")["groups_refused"], what="a group is refused")
    wait_until(lambda: arrives(one.wire, wires, data) == [True, False], what="p2 hears all")
    assert "group-limit" in idle_bed.daemon.log
    for member in members:
        member.close()
    row = idle_bed.daemon.port("p2")
    assert (row["group_limit"], row["mrouter"], row["fast_leave"]) == (1, "auto", False)
    before = vsctl("bridge", "show", "br0")
    for words in (("query-response", 3), ("query-interval", 1), ("robustness", 8),
                  ("querier-address", "239.1.1.1"), ("querier-address", "10.0.0.256"),
                  ("group-limit", 0), ("last-member-interval", 99)):
        with pytest.raises(VsctlError) as refused:
            vsctl("bridge", "set", "br0", *words)
        assert words[0] in refused.value.text
    after = vsctl("bridge", "show", "br0")
    assert before[0]["query_response"] == after[0]["query_response"]
    assert before[0]["query_interval"] == after[0]["query_interval"]
    with pytest.raises(VsctlError):
        vsctl("port", "set", "p2", "mrouter", "perhaps")


def test_private_ports(idle_bed, stations):
    """Isolated ports, and those that are flooded nothing, are asked, and members, all the same."""
    one, two, three = stations
    for port in ("p1", "p2"):
        idle_bed.daemon.vsctl("port", "set", port, "isolated", "yes", "flood-multicast", "no")
    member = Member(two, GROUP)
    wait_member(idle_bed, GROUP, {"p2"})
    wait_renewed(idle_bed, GROUP)
    data = group_frame(GROUP, mac_of(3))
    assert arrives(three.wire, [one.wire, two.wire], data) == [False, True]
    data = group_frame(GROUP, mac_of(1))
    marker = frame(BROADCAST, mac_of(98), payload=b"over")
    one.wire.send(data)
    three.wire.send(marker)
    assert data not in two.wire.until(marker)
    member.close()


def test_vlans(idle_bed):
    """Members of one VLAN are no members of another; queries wear the tags that ports want."""
    idle_bed.start(ASKING)
    trunk = idle_bed.station(1)
    ten = idle_bed.station(2, "vid", 10)
    twenty = idle_bed.station(3, "vid", 20)
    for station, number in ((ten, 2), (twenty, 3)):
        idle_bed.speak(station, number)
    wires = [trunk.wire, ten.wire, twenty.wire]
    wait_settled(idle_bed, vid=10)
    wait_settled(idle_bed, vid=20)
    member = Member(ten, GROUP)
    wait_member(idle_bed, GROUP, {"p2"}, vid=10)
    assert groups(idle_bed, vid=20) == {}
    data = group_frame(GROUP, mac_of(1))
    seen = set()

    def both():
        seen.update(Ether(got.data).vlan for got in trunk.wire.drain()
                    if got.data[12:14] == b"\x81\x00" and
                    got.data[:6] == bytes.fromhex("01005e000001"))
        return {10, 20} <= seen
    wait_until(both, what=lambda: "queries in both VLANs: %s" % seen)
    assert seen == {10, 20}
    # the marker goes to all VLANs, since it is sent in each
    marker = frame(BROADCAST, mac_of(99), payload=b"over")
    trunk.wire.send(tagged(data, 10), tagged(data, 20), tagged(marker, 10), tagged(marker, 20))
    assert data in wires[1].until(marker)
    assert data not in wires[2].until(marker)
    member.close()


def queries(wire, family):
    """The general queries that have come in."""
    found = []
    for got in wire.drain():
        packet = Ether(got.data)
        if family == 4 and got.data[:6] == bytes.fromhex("01005e000001") and IP in packet:
            found.append(packet)
        if family == 6 and ICMPv6MLQuery2 in packet:
            found.append(packet)
    return found


def test_query_frames(idle_bed):
    """What we ask, bit by bit, and that it is asked when it should be: soon, and then every 20 s."""
    idle_bed.start("[bridge br0]\nquerier = yes\nquerier-address = 10.0.0.77\n"
                   "query-interval = 20\nquery-response = 3\n")
    wire = idle_bed.station(1).wire
    found = []

    def enough():
        found.extend(queries(wire, 4))
        return found
    packet = wait_until(enough, LONG, "an IGMP query")[0]
    assert (packet.dst, packet.type, len(packet)) == ("01:00:5e:00:00:01", 0x800, 60)
    ip = packet[IP]
    assert (ip.src, ip.dst, ip.ttl, ip.tos, ip.proto, ip.ihl) == \
        ("10.0.0.77", "224.0.0.1", 1, 0xc0, 2, 6)
    assert bytes(ip)[20:24] == b"\x94\x04\0\0"
    checksum = ip.chksum
    del ip.chksum
    assert IP(bytes(ip)).chksum == checksum
    query = IGMPv3(bytes(ip)[24:36])
    assert (query.type, query.mrcode) == (0x11, 30)
    fields = query[IGMPv3mq]
    assert (fields.gaddr, fields.qrv, fields.qqic, fields.numsrc) == ("0.0.0.0", 2, 20, 0)
    idle_bed.daemon.vsctl("port", "set", "p1", "carrier", "off")
    idle_bed.daemon.vsctl("port", "set", "p1", "carrier", "on")
    found = []

    def enough6():
        found.extend(queries(wire, 6))
        return found
    packet = wait_until(enough6, LONG, "an MLD query")[0]
    assert packet.dst == "33:33:00:00:00:01"
    assert packet[IPv6].dst == "ff02::1" and packet[IPv6].hlim == 1
    assert packet[IPv6].src.startswith("fe80::")
    assert RouterAlert in packet
    query = packet[ICMPv6MLQuery2]
    assert (query.type, query.mladdr, query.mrd, query.QRV, query.QQIC) == (130, "::", 3000, 2, 20)
    checksum = query.cksum
    rebuilt = packet[IPv6].copy()
    del rebuilt[ICMPv6MLQuery2].cksum
    assert IPv6(bytes(rebuilt))[ICMPv6MLQuery2].cksum == checksum


def test_other_querier_frames(idle_bed):
    """Another querier on p1; reports go to it alone, queries to all, exactly as they came."""
    idle_bed.start(LISTENING)
    up, two, three = (idle_bed.station(number).wire for number in (1, 2, 3))
    report = igmp(0x16, GROUP, mac_of(2))
    # nobody is known to ask: to all
    assert passes(two, [up, three], report) == [True, True]
    query = igmp(0x11, "0.0.0.0", mac_of(1), "10.0.0.9", 10)
    assert passes(up, [two, three], query) == [True, True]
    row = domain(idle_bed)
    assert (row["querier"], row["address"], row["port"], row["protocol"], row["routers"]) == \
        ("other", "10.0.0.9", "p1", "IGMPv2", ["p1"])
    wait_settled(idle_bed)
    assert passes(two, [up, three], report) == [True, False]
    wait_member(idle_bed, GROUP, {"p2"})
    assert arrives(three, [up, two], group_frame(GROUP, mac_of(3))) == [True, True]
    assert arrives(three, [up, two], group_frame("239.9.9.9", mac_of(3))) == [True, False]
    # the host leaves; the querier asks, nobody answers
    assert passes(two, [up, three], igmp(0x17, GROUP, mac_of(2))) == [True, False]
    assert groups(idle_bed) == {(0, GROUP): {"p2"}}
    assert passes(up, [two, three], igmp(0x11, GROUP, mac_of(1), "10.0.0.9", 1)) == [True, True]
    wait_member(idle_bed, GROUP, ())
    # a port that is told to have no router behind it: its queries go nowhere
    idle_bed.daemon.vsctl("port", "set", "p3", "mrouter", "no")
    assert passes(three, [up, two], igmp(0x11, "0.0.0.0", mac_of(3), "10.0.0.1", 10)) == \
        [False, False]
    assert idle_bed.daemon.port("p3")["group_messages_invalid"] == 1
    assert domain(idle_bed)["address"] == "10.0.0.9"
    # a broken one
    broken = bytearray(report)
    broken[-1] ^= 1
    assert passes(two, [up, three], bytes(broken)) == [False, False]
    # its link goes: flood at once
    idle_bed.daemon.vsctl("port", "set", "p1", "carrier", "off")
    assert arrives(three, [two], group_frame("239.9.9.9", mac_of(3))) == [True]


def test_spanning_tree(idle_bed):
    """A port that the tree lets forward later than its link is up is heard, and asked, from then."""
    idle_bed.start(ASKING + "stp = rstp\n")
    one, two = (idle_bed.speak(idle_bed.station(number), number) for number in (1, 2))
    member = Member(two, GROUP)
    wait_member(idle_bed, GROUP, {"p2"})
    wait_settled(idle_bed)
    assert arrives(one.wire, [two.wire], group_frame(GROUP, mac_of(1))) == [True]
    assert arrives(one.wire, [two.wire], group_frame("239.9.9.9", mac_of(1))) == [False]
    wait_renewed(idle_bed, GROUP)
    member.close()


def test_link_flap(idle_bed, stations):
    """A member whose link comes back hears its group at once, though it has not said so again."""
    one, two, three = stations
    member = Member(two, GROUP)
    wait_member(idle_bed, GROUP, {"p2"})
    idle_bed.daemon.vsctl("port", "set", "p2", "carrier", "off")
    wait_member(idle_bed, GROUP, ())
    idle_bed.daemon.vsctl("port", "set", "p2", "carrier", "on")
    data = group_frame(GROUP, mac_of(1))
    end = time.monotonic() + 8
    lost = sent = 0
    while time.monotonic() < end:  # through the grace, the report, and the end of the grace
        sent += 1
        lost += not arrives(one.wire, [two.wire], data)[0]
    assert lost == 0, "%d of %d" % (lost, sent)
    assert arrives(one.wire, [three.wire], data) == [False]
    member.close()


def test_kernel_bridge(idle_bed):
    """The kernel's bridge as querier next door; hosts behind both hear each other's groups."""
    idle_bed.start(LISTENING)
    link = idle_bed.station(1)
    here = idle_bed.station(2)
    bystander = idle_bed.station(3)
    kernel = link.host
    there = idle_bed.host("there")
    run("ip", "link", "add", "name", "down0", "netns", kernel.name, "up", "type", "veth",
        "peer", "name", "eth0", "netns", there.name)
    there.ip("link", "set", "eth0", "up")
    kernel.ip("link", "add", "name", "kbr", "up", "type", "bridge", "forward_delay", 0,
              "mcast_snooping", 1, "mcast_querier", 1, "mcast_query_response_interval", 100,
              "mcast_query_interval", 300, "mcast_startup_query_interval", 100,
              "mcast_membership_interval", 1000, "mcast_querier_interval", 700)
    for ifname in ("eth0", "down0"):
        kernel.ip("link", "set", ifname, "master", "kbr")
    idle_bed.speak(here, 2)
    there.sysctl("ipv6/conf/eth0/disable_ipv6", 0)
    there.ip("addr", "add", "10.0.0.4/24", "dev", "eth0")
    far = type(here)(there, "eth0")
    try:
        wait_settled(idle_bed)
        assert domain(idle_bed)["querier"] == "other" and domain(idle_bed)["port"] == "p1"
        mine, theirs = Member(here, GROUP), Member(far, "239.7.7.7")
        wait_member(idle_bed, GROUP, {"p2"})

        def kernel_knows(group):
            return group in kernel.run("bridge", "mdb", "show").stdout
        wait_until(lambda: kernel_knows(GROUP), what="our report reaches the kernel's bridge")
        wait_until(lambda: kernel_knows("239.7.7.7"), what="the other host's report")
        # from there to here, and from here to there: by the router port
        far.wire.send(group_frame(GROUP, mac_of(4)))
        assert mine.recv() == b"data"
        here.wire.send(group_frame("239.7.7.7", mac_of(2)))
        assert theirs.recv() == b"data"
        assert arrives(here.wire, [bystander.wire], group_frame("239.7.7.7", mac_of(2))) == [False]
        mine.close()
        theirs.close()
    finally:
        far.close()


def test_election_with_kernel(idle_bed):
    """We ask, with an address; the kernel's bridge, which has none, gives way."""
    idle_bed.start("[bridge br0]\nquerier = yes\nquerier-address = 10.0.0.2\nquery-interval = 3\n"
                   "query-response = 1\n")
    link = idle_bed.station(1)
    kernel = link.host
    kernel.ip("link", "add", "name", "kbr", "up", "type", "bridge", "forward_delay", 0,
              "mcast_querier", 1, "mcast_query_response_interval", 100, "mcast_query_interval",
              300, "mcast_startup_query_interval", 100, "mcast_querier_interval", 700)
    kernel.ip("link", "set", "eth0", "master", "kbr")
    wait_until(lambda: domain(idle_bed)["active"], what="we ask")
    # it asks at its start; then, it hears us and is silent, so that we forget it
    wait_until(lambda: "eth0" in kernel.run("bridge", "-d", "mdb", "show").stdout,
               what="the kernel's bridge knows that we ask")
    wait_until(lambda: domain(idle_bed)["routers"] == [], what="the kernel's bridge is silent")
    assert domain(idle_bed)["querier"] == "self"


def test_hostile(idle_bed, stations):
    """A station floods us with joins of many groups: it is heard in part, and others go on."""
    one, two, three = stations
    idle_bed.daemon.vsctl("port", "set", "p1", "group-limit", 100)
    member = Member(two, GROUP)
    wait_member(idle_bed, GROUP, {"p2"})
    records = [ICMPv6MLDMultAddrRec(rtype=4, dst="ff05::%x" % number) for number in range(1, 60)]
    report = bytes(Ether(src=mac_of(1), dst="33:33:00:00:00:16") /
                   IPv6(src="fe80::1", dst="ff02::16", hlim=1) /
                   IPv6ExtHdrHopByHop(options=[RouterAlert()]) / ICMPv6MLReport2(records=records))
    joins = [igmp(0x16, "239.%d.%d.1" % (200 + number // 256, number % 256), mac_of(1))
             for number in range(2000)]
    one.wire.send(report, *joins)
    wait_until(lambda: idle_bed.daemon.port("p1")["groups_refused"] > 0, what="a refusal")
    assert idle_bed.daemon.port("p1")["groups"] <= 100
    data = group_frame(GROUP, mac_of(3))
    assert arrives(three.wire, [two.wire], data) == [True]
    member.close()
    wait_member(idle_bed, GROUP, ())
    wait_balance(idle_bed)
