# SPDX-License-Identifier: BSD-3-Clause
"""The same packets through the kernel's router and through ours: what comes out, bit by bit."""

import pytest

from harness.wait import TIMEOUT, wait_until
from test_router import host_address, settle

scapy = pytest.importorskip("scapy.all")
H1, H2, R1, R2 = "10.0.1.2", "10.0.2.2", "10.0.1.1", "10.0.2.1"
H16, H26, R16, R26 = "fd00:1::2", "fd00:2::2", "fd00:1::1", "fd00:2::1"
NARROW = 1300


def cases():
    """Name: an IP packet from h1."""
    from scapy.all import (ICMP, IP, UDP, ICMPv6EchoRequest, IPOption_NOP, IPOption_Router_Alert,
                           IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, PadN, Raw)
    data = Raw(bytes(range(100)))
    much = Raw(bytes(range(256)) * 5 + bytes(90))
    udp = UDP(sport=4000, dport=9)

    def v4(dst=H2, **fields):
        return IP(src=H1, dst=dst, id=0x4321, **fields)

    def v6(dst=H26, **fields):
        return IPv6(src=H16, dst=dst, **fields)

    quoted = IP(src=H2, dst=H1) / UDP(sport=1, dport=2) / Raw(bytes(20))
    return {
        # first: beyond the limits that are set below, the kernel has one for these alone
        "no route": v4("10.99.0.1") / udp / data,
        "unreachable": v4("10.98.0.1") / udp / data,
        "blackhole": v4("10.97.0.1") / udp / data,
        "plain": v4(tos=0xb8) / udp / data,
        "no data": v4() / udp,
        "ttl 2": v4(ttl=2) / udp / data,
        "ttl 1": v4(ttl=1, tos=0xb8) / udp / data,
        "ttl 1, long": v4(ttl=1) / udp / much,
        "ttl 1, echo": v4(ttl=1) / ICMP(type=8, id=5) / data,
        "ttl 1, first fragment": v4(ttl=1, flags="MF") / udp / Raw(bytes(96)),
        "ttl 1, later fragment": v4(ttl=1, frag=10, proto=17) / data,
        "ttl 1, of an error": v4(ttl=1) / ICMP(type=3, code=1) / quoted,
        "ttl 1, of an echo reply": v4(ttl=1) / ICMP(type=0, id=5) / data,
        "too big": v4(flags="DF") / udp / much,
        "cut": v4() / udp / much,
        "cut, of a fragment": v4(flags="MF", frag=100, proto=17) / Raw(much.load[:1360]),
        "cut, with options": v4(options=[IPOption_Router_Alert(), IPOption_NOP()]) / udp / much,
        "options": v4(options=[IPOption_Router_Alert()]) / udp / data,
        "nobody there": v4("10.0.2.77") / udp / data,
        "own, closed port": v4(R1) / udp / data,
        "own of the other side, closed port": v4(R2) / udp / data,
        "own, echo": v4(R1, tos=0x10) / ICMP(type=8, id=7, seq=3) / data,
        "own of the other side, echo": v4(R2) / ICMP(type=8, id=7, seq=4) / data,
        "own, protocol": v4(R1, proto=200) / data,
        "own, ttl 1": v4(R1, ttl=1) / ICMP(type=8, id=8) / data,
        "broadcast of the other side": v4("10.0.2.255") / udp / data,
        "network of the other side, nobody there": v4("10.0.2.0") / udp / data,
        "loopback": v4("127.0.0.1") / udp / data,
        "from loopback": IP(src="127.0.0.1", dst=H2) / udp / data,
        "from a group": IP(src="224.0.0.5", dst=H2) / udp / data,
        "multicast": v4("239.1.1.1") / udp / data,
        "wrong checksum": v4(chksum=0x1234) / udp / data,
        "6 plain": v6(tc=0xb8, fl=0x12345) / udp / data,
        "6 hop limit 2": v6(hlim=2) / udp / data,
        "6 hop limit 1": v6(hlim=1) / udp / data,
        "6 hop limit 1, long": v6(hlim=1) / udp / much,
        "6 too big": v6() / udp / much,
        "6 fragment": v6() / IPv6ExtHdrFragment(offset=20, m=1, nh=17) / data,
        "6 options": v6() / IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(4))]) / udp / data,
        "6 no route": v6("fd99::1") / udp / data,
        "6 nobody there": v6("fd00:2::77") / udp / data,
        "6 own, closed port": v6(R16) / udp / data,
        "6 own, echo": v6(R16) / ICMPv6EchoRequest(id=7, seq=3, data=bytes(60)),
        "6 own of the other side, echo": v6(R26) / ICMPv6EchoRequest(id=7, seq=4, data=bytes(60)),
        "6 own, next header": v6(R16, nh=200) / data,
        "6 from loopback": IPv6(src="::1", dst=H26) / udp / data,
        "6 to a group": v6("ff0e::1") / udp / data,
    }


def normal(data):
    """A frame as it can be compared: without what every router chooses for itself."""
    from scapy.all import IP, Ether, IPv6
    packet = Ether(data)
    assert bytes(Ether(data)) == data
    if IP in packet:
        right = Ether(data)
        del right[IP].chksum
        assert Ether(bytes(right))[IP].chksum == packet[IP].chksum, "wrong checksum: " + data.hex()
        length = 14 + packet[IP].len
        if packet[IP].src in (R1, R2):
            packet[IP].id = packet[IP].chksum = 0
        return bytes(packet)[:length]
    if packet[IPv6].src in (R16, R26):
        packet[IPv6].fl = 0
    return bytes(packet)


def without_ttl(data):
    """An ICMP error without the TTL of what it quotes, and the checksums over that.

    Looking for a station, the kernel has counted the hop already.
    """
    data = bytearray(data)
    is_ipv4 = data[12:14] == b"\x08\x00"
    icmp = 34 if is_ipv4 else 54
    for offset in (2, 3, *((16, 18, 19) if is_ipv4 else (15,))):
        data[icmp + offset] = 0
    return bytes(data)


def relevant(frame, ours, mac):
    """Is it what the router made of our packets: to the station, from one of these addresses?"""
    from scapy.all import IP, Ether, ICMPv6ND_NA, ICMPv6ND_NS, IPv6
    packet = Ether(frame)
    if packet.dst != mac:
        return False
    if IP in packet:
        return packet[IP].src in ours
    return IPv6 in packet and packet[IPv6].src in ours and not (
        ICMPv6ND_NA in packet or ICMPv6ND_NS in packet)


class Lab:
    """h1 and h2 on two cables of a router."""

    def __init__(self, bed):
        self.bed = bed
        self.h1, self.h2 = bed.cable(1), bed.cable(2)
        for net, station in ((1, self.h1), (2, self.h2)):
            settle(station, net)
            # whatever they answer is not the router's
            station.host.sysctl("ipv4/icmp_echo_ignore_all", 1)

    def send(self, packet):
        """What comes of a packet: (at h1, at h2), sorted."""
        from scapy.all import ICMP, IP, Ether, ICMPv6EchoRequest, IPv6
        wires = (self.h1.wire, self.h2.wire)
        for wire in wires:
            wire.drain()
        macs = self.h1.mac, self.h2.mac
        router = self.bed.sw.mac("p1")
        dst = "01:00:5e:01:01:01" if packet.dst == "239.1.1.1" else router
        if packet.dst == "ff0e::1":
            dst = "33:33:00:00:00:01"
        self.h1.wire.send(bytes(Ether(dst=dst, src=macs[0]) / packet))
        # then one that is always forwarded, and one that is always answered, by the same queues
        last = IP(src=H1, dst=H2, id=1, proto=253) / b"last"
        self.h1.wire.send(bytes(Ether(dst=router, src=macs[0]) / last))
        echo = IP(src=H1, dst=R1, id=1) / ICMP(type=8, id=99) / b"last"
        self.h1.wire.send(bytes(Ether(dst=router, src=macs[0]) / echo))
        got = [], []
        sources = ((R1, R2, R16, R26), (H1, H16, "127.0.0.1", "::1", "224.0.0.5"))
        waits = "nobody" in self.name
        for side, wire in enumerate(wires):
            while True:
                frame = wire.recv(TIMEOUT)
                assert frame is not None, "%s: the last frame is missing" % self.name
                if not relevant(frame.data, sources[side], macs[side]):
                    continue
                if b"last" in frame.data:
                    if not (waits and side == 0 and not got[0]):
                        break
                    continue
                got[side].append(normal(frame.data))
                if waits and side == 0:
                    break
        return [sorted(frames) for frames in got]

    def run(self, extra_routes):
        """All cases: what came of each."""
        results = {}
        extra_routes()
        # both stations are known
        self.h1.host.ping(R2, count=1)
        self.h2.host.ping(R1, count=1)
        self.h1.host.ping(R26, count=1)
        self.h2.host.ping(R16, count=1)
        for name, packet in cases().items():
            self.name = name
            results[name] = self.send(packet)
        return results


def kernel_up(bed):
    """Let the kernel of the switch's host be the router."""
    sw = bed.sw
    for path, value in (("ipv4/ip_forward", 1), ("ipv6/conf/all/disable_ipv6", 0),
                        ("ipv6/conf/default/disable_ipv6", 0), ("ipv6/conf/p1/disable_ipv6", 0),
                        ("ipv6/conf/p2/disable_ipv6", 0), ("ipv6/conf/all/forwarding", 1),
                        ("ipv4/icmp_ratelimit", 0), ("ipv4/icmp_msgs_per_sec", 100000),
                        ("ipv6/icmp/ratelimit", 0), ("ipv4/conf/all/send_redirects", 0)):
        sw.sysctl(path, value)
    for net in (1, 2):
        sw.ip("addr", "add", host_address(net, host=1) + "/24", "dev", "p%d" % net)
        sw.ip("addr", "add", host_address(net, True, 1) + "/64", "dev", "p%d" % net, "nodad")
    sw.ip("link", "set", "p2", "mtu", NARROW)
    for port in ("p1", "p2"):
        sw.offloads(port, "off")


def kernel_down(bed):
    """And no more."""
    for net in (1, 2):
        bed.sw.ip("addr", "flush", "dev", "p%d" % net)
    bed.sw.quiet()
    bed.sw.sysctl("ipv4/ip_forward", 0)
    for route in ("10.97.0.0/16", "10.98.0.0/16"):
        bed.sw.ip("route", "flush", route)


def test_same_as_the_kernel(idle_bed):
    """Every packet comes out the same, and its sender is told the same."""
    lab = Lab(idle_bed)
    kernel_up(idle_bed)
    expected = lab.run(lambda: (idle_bed.sw.ip("route", "add", "blackhole", "10.97.0.0/16"),
                                idle_bed.sw.ip("route", "add", "unreachable", "10.98.0.0/16")))
    kernel_down(idle_bed)
    daemon = idle_bed.start().daemon

    def ours():
        for net in (1, 2):
            port = "p%d" % net
            daemon.vsctl("port", "add", port, "bridge", "none")
            daemon.wait_link(port)
            daemon.vsctl("addr", "add", host_address(net, host=1) + "/24", "port", port)
            daemon.vsctl("addr", "add", host_address(net, True, 1) + "/64", "port", port)
        daemon.vsctl("route", "add", "10.97.0.0/16", "blackhole")
        daemon.vsctl("route", "add", "10.98.0.0/16", "unreachable")
        wait_until(lambda: daemon.port("p2")["mtu"] == NARROW, what="p2 is narrow")
        for station in (lab.h1, lab.h2):
            station.host.run("ip", "neigh", "flush", "all")

    got = lab.run(ours)
    differences = []
    for name, (at_h1, at_h2) in expected.items():
        for side, (theirs, mine) in enumerate(zip((at_h1, at_h2), got[name]), 1):
            if "nobody" in name:
                theirs, mine = ([without_ttl(f) for f in some] for some in (theirs, mine))
            if theirs != mine:
                differences.append("%s, at h%d:\n  kernel   %s\n  vswitchd %s" % (
                    name, side, "\n           ".join(f.hex() for f in theirs) or "nothing",
                    "\n           ".join(f.hex() for f in mine) or "nothing"))
    assert not differences, "\n".join(differences)
    # and it was worth comparing
    assert sum(len(frames) for sides in expected.values() for frames in sides) > 35
