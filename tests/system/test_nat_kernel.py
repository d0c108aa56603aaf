# SPDX-License-Identifier: BSD-3-Clause
"""The same packets through the kernel's NAT (nftables) and through ours: what crosses the wire.

All of every frame is compared, but for the IP identification of what the routers say themselves
(ICMP errors, echo replies): each counts for itself. Ports and ids are kept by both, since they are
in range and free. What differs by nature is not sent: packets that conntrack takes for invalid
(wrong checksums, sequence numbers out of its window) leave the kernel untranslated, and fragments
that are cut once more are put together by it first.
"""

import shutil

import pytest

from harness.nat_lab import LAN, UPLINK, NatLab
from harness.wait import TIMEOUT

scapy = pytest.importorskip("scapy.all")
G1, G2, REMOTE, OTHER = "10.1.1.9", "10.1.2.9", "198.51.100.9", "198.51.100.10"
OWN = (UPLINK, "10.1.1.1", "10.1.2.1")
MARK = b"the last one"

NFT = """
table ip nat {
	chain pre {
		type nat hook prerouting priority dstnat;
		ip daddr 192.0.2.1 tcp dport 8080 dnat to 10.1.1.9:80
		ip daddr 192.0.2.1 udp dport 9003 dnat to 10.1.2.9:7003
		ip daddr 192.0.2.1 udp dport 9009 dnat to 10.1.2.9:7009
		ip daddr 192.0.2.30 dnat to 10.1.2.9
	}
	chain post {
		type nat hook postrouting priority srcnat;
		oifname "p3" ip saddr 10.1.1.100 snat to 192.0.2.40
		oifname "p3" ip saddr 10.1.2.9 udp sport 5300 snat to 192.0.2.1:5300
		oifname "p3" ip saddr 10.1.0.0/16 masquerade
		ip saddr 10.1.0.0/16 ct status dnat snat to 192.0.2.1
	}
}
"""
RULES = (("web", "dnat", "tcp", "8080", "to", G1 + ":80", "out", "p3"),
         ("games", "dnat", "udp", "9000-9009", "to", G2 + ":7000", "out", "p3"),
         ("one", "dnat", "any", "192.0.2.30", "to", G2, "out", "p3"),
         ("pool", "snat", "192.0.2.40", "from", "10.1.1.100/32", "out", "p3"),
         ("host", "masquerade", "p3", "from", "10.1.0.0/16"))


def tcp_cases():
    """A connection from inside: each (name, side, packet)."""
    from scapy.all import IP, TCP, Raw
    out = {"src": G1, "dst": REMOTE, "id": 0x1111}
    back = {"src": REMOTE, "dst": UPLINK, "id": 0x2222}
    a, b = {"sport": 4001, "dport": 80}, {"sport": 80, "dport": 4001}
    options = [("MSS", 1460), ("SAckOK", b""), ("Timestamp", (1, 0)), ("NOP", None), ("WScale", 7)]
    return [
        ("tcp syn", 1, IP(**out, flags="DF") / TCP(**a, flags="S", seq=100, options=options)),
        ("tcp syn ack", 3, IP(**back, flags="DF", tos=0xb8) / TCP(
            **b, flags="SA", seq=900, ack=101, options=options)),
        ("tcp ack", 1, IP(**out) / TCP(**a, flags="A", seq=101, ack=901)),
        ("tcp data", 1, IP(**out) / TCP(**a, flags="PA", seq=101, ack=901) / Raw(bytes(777))),
        ("tcp answer", 3, IP(**back) / TCP(**b, flags="PA", seq=901, ack=878) / Raw(bytes(99))),
        ("tcp urgent, ecn", 1, IP(**out, tos=3) / TCP(
            **a, flags="PAUE", seq=878, ack=1000, urgptr=3) / Raw(bytes(9))),
        ("tcp fin", 1, IP(**out) / TCP(**a, flags="FA", seq=887, ack=1000)),
        ("tcp fin back", 3, IP(**back) / TCP(**b, flags="FA", seq=1000, ack=888)),
        ("tcp last ack", 1, IP(**out) / TCP(**a, flags="A", seq=888, ack=1001)),
        ("tcp again", 1, IP(**out) / TCP(**a, flags="S", seq=70000)),
        ("tcp refused", 3, IP(**back) / TCP(**b, flags="RA", seq=0, ack=70001)),
        ("tcp picked up", 1, IP(**out) / TCP(sport=4002, dport=80, flags="PA", seq=5, ack=6) / b"x"),
        ("tcp picked up, back", 3, IP(**back) / TCP(
            sport=80, dport=4002, flags="A", seq=6, ack=6, window=1000)),
    ]


def udp_cases():
    """Datagrams, fragments, other protocols."""
    from scapy.all import IP, UDP, IPOption_NOP, IPOption_Router_Alert, Raw, fragment
    data = Raw(bytes(range(200)))
    out, back = {"src": G1, "dst": REMOTE, "id": 7}, {"src": REMOTE, "dst": UPLINK, "id": 8}
    a, b = {"sport": 5001, "dport": 53}, {"sport": 53, "dport": 5001}
    pieces = fragment(IP(**out) / UDP(**a) / Raw(bytes(range(250)) * 12), 1400)
    parts = fragment(IP(src=REMOTE, dst=UPLINK, id=9) / UDP(**b) / Raw(bytes(range(250)) * 9), 1000)
    cases = [
        ("udp", 1, IP(**out) / UDP(**a) / data),
        ("udp back", 3, IP(**back) / UDP(**b) / data),
        ("udp without checksum", 1, IP(**out) / UDP(**a, chksum=0) / data),
        ("udp without checksum, back", 3, IP(**back) / UDP(**b, chksum=0) / data),
        ("udp without data", 1, IP(**out) / UDP(**a)),
        ("udp ttl 2", 1, IP(**out, ttl=2) / UDP(**a) / data),
        ("udp ttl 1", 1, IP(**out, ttl=1, tos=0xb8) / UDP(**a) / data),
        ("udp ttl 1, back", 3, IP(**back, ttl=1) / UDP(**b) / data),
        ("udp options", 1, IP(**out, options=[IPOption_Router_Alert(), IPOption_NOP()]) / UDP(
            **a) / data),
        ("udp too big", 1, IP(**out, flags="DF") / UDP(**a) / Raw(bytes(1470))),
        ("udp of the other guest", 2, IP(src=G2, dst=REMOTE) / UDP(sport=5300, dport=53) / data),
        ("udp too big, back", 3, IP(**back, flags="DF") / UDP(sport=53, dport=5300) / Raw(
            bytes(1450))),
        ("udp of a pool", 1, IP(src="10.1.1.100", dst=REMOTE) / UDP(sport=5100, dport=53) / data),
        ("udp of a pool, back", 3, IP(src=REMOTE, dst="192.0.2.40") / UDP(
            sport=53, dport=5100) / data),
        ("between guests", 1, IP(src=G1, dst=G2) / UDP(**a) / data),
        ("to the router inside", 1, IP(src=G1, dst="10.1.1.1") / UDP(sport=5002, dport=9) / data),
        ("to the router outside, from inside", 1, IP(src=G1, dst=UPLINK) / UDP(
            sport=5002, dport=9) / data),
        ("to the router, from outside", 3, IP(src=REMOTE, dst=UPLINK) / UDP(
            sport=5002, dport=9) / data),
        ("another protocol", 1, IP(src=G1, dst=REMOTE, proto=200) / data),
        ("another protocol, back", 3, IP(src=REMOTE, dst=UPLINK, proto=200) / data),
    ]
    return cases + [("fragments", 1, pieces), ("fragments back", 3, parts)]


def icmp_cases():
    """Queries, and errors about what went before."""
    from scapy.all import ICMP, IP, TCP, UDP, Raw
    data = Raw(bytes(range(56)))
    seen = IP(src=UPLINK, dst=REMOTE, id=7, ttl=60) / UDP(sport=5001, dport=53) / Raw(
        bytes(range(200)))
    syn = IP(src=UPLINK, dst=REMOTE, id=7, ttl=60) / TCP(sport=4002, dport=80, seq=5, flags="A")
    asked = IP(src=UPLINK, dst=REMOTE, id=7, ttl=60) / ICMP(type=8, id=5555, seq=1) / data
    got = IP(src=REMOTE, dst=G1, id=8, ttl=62) / UDP(sport=53, dport=5001) / Raw(
        bytes(range(200)))
    game = IP(src=REMOTE, dst=G2, id=8, ttl=62) / UDP(sport=9999, dport=7003) / data

    def error(**fields):
        return IP(src="203.0.113.7", dst=UPLINK, id=9, tos=0xc0) / ICMP(**fields)

    def cut(packet, length):
        return Raw(bytes(packet)[:length])
    return [
        ("echo", 1, IP(src=G1, dst=REMOTE) / ICMP(type=8, id=5555, seq=1) / data),
        ("echo reply", 3, IP(src=REMOTE, dst=UPLINK) / ICMP(type=0, id=5555, seq=1) / data),
        ("echo ttl 1", 1, IP(src=G1, dst=REMOTE, ttl=1) / ICMP(type=8, id=5555, seq=2) / data),
        ("echo to the router", 3, IP(src=REMOTE, dst=UPLINK) / ICMP(type=8, id=1, seq=1) / data),
        ("error, no port", 3, error(type=3, code=3) / cut(seen, 228)),
        ("error, 8 bytes", 3, error(type=3, code=1) / cut(seen, 28)),
        ("error, too big", 3, error(type=3, code=4, nexthopmtu=1300) / cut(seen, 100)),
        ("error, ttl", 3, error(type=11, code=0) / cut(seen, 28)),
        ("error about tcp, 8 bytes", 3, error(type=3, code=4, nexthopmtu=1200) / cut(syn, 28)),
        ("error about tcp", 3, error(type=3, code=13) / cut(syn, 40)),
        ("error about an echo", 3, error(type=3, code=0) / cut(asked, 84)),
        ("error from inside", 1, IP(src=G1, dst=REMOTE, id=3) / ICMP(type=3, code=3) / cut(
            got, 128)),
        ("game", 3, IP(src=REMOTE, dst=UPLINK) / UDP(sport=9999, dport=9003) / data),
        ("game's error", 2, IP(src=G2, dst=REMOTE, id=3) / ICMP(type=3, code=3) / cut(game, 60)),
    ]


def forwarding_cases():
    """From outside, hairpins, one to one."""
    from scapy.all import ICMP, IP, TCP, UDP, Raw
    data = Raw(b"data")
    web, seen = {"sport": 3001, "dport": 8080}, {"sport": 80, "dport": 3001}
    pin = {"sport": 3100, "dport": 8080}
    return [
        ("web syn", 3, IP(src=REMOTE, dst=UPLINK) / TCP(**web, flags="S", seq=1)),
        ("web syn ack", 1, IP(src=G1, dst=REMOTE) / TCP(**seen, flags="SA", seq=7, ack=2)),
        ("web data", 3, IP(src=REMOTE, dst=UPLINK) / TCP(**web, flags="PA", seq=2, ack=8) / data),
        ("web reset", 1, IP(src=G1, dst=REMOTE) / TCP(**seen, flags="R", seq=8)),
        ("web of another", 3, IP(src=OTHER, dst=UPLINK) / TCP(**web, flags="S", seq=1)),
        ("game to the last port", 3, IP(src=REMOTE, dst=UPLINK) / UDP(
            sport=3002, dport=9009) / data),
        ("game's answer", 2, IP(src=G2, dst=REMOTE) / UDP(sport=7009, dport=3002) / data),
        ("hairpin", 2, IP(src=G2, dst=UPLINK) / TCP(**pin, flags="S", seq=1)),
        ("hairpin, answered", 1, IP(src=G1, dst=UPLINK) / TCP(
            sport=80, dport=3100, flags="SA", seq=5, ack=2)),
        ("hairpin, on", 2, IP(src=G2, dst=UPLINK) / TCP(**pin, flags="PA", seq=2, ack=6) / data),
        ("one to one", 3, IP(src=REMOTE, dst="192.0.2.30") / TCP(
            sport=3003, dport=22, flags="S", seq=1)),
        ("one to one, answer", 2, IP(src=G2, dst=REMOTE) / TCP(
            sport=22, dport=3003, flags="SA", seq=1, ack=2)),
        ("one to one, echo", 3, IP(src=REMOTE, dst="192.0.2.30") / ICMP(type=8, id=5) / data),
        ("one to one, echo reply", 2, IP(src=G2, dst=REMOTE) / ICMP(type=0, id=5) / data),
    ]


def normal(data):
    """A frame as it can be compared: without padding, and the id of what the router says."""
    from scapy.all import IP, TCP, UDP, Ether
    packet = Ether(data)
    right = Ether(data)
    del right[IP].chksum
    assert Ether(bytes(right))[IP].chksum == packet[IP].chksum, "wrong checksum: " + data.hex()
    if TCP in right and packet[IP].frag == 0 and "ICMP" not in packet.summary():
        del right[TCP].chksum
        assert Ether(bytes(right))[TCP].chksum == packet[TCP].chksum, data.hex()
    if UDP in right and not packet[IP].flags.MF and packet[IP].frag == 0 and packet[
            UDP].chksum != 0 and "ICMP" not in packet.summary():
        del right[UDP].chksum
        assert Ether(bytes(right))[UDP].chksum == packet[UDP].chksum, data.hex()
    length = 14 + packet[IP].len
    if packet[IP].src in OWN and packet[IP].proto == 1 and data[34] in (0, 3, 11):
        packet[IP].id = packet[IP].chksum = 0
    return bytes(packet)[:length]


class Lab:
    """The three wires of a router."""

    def __init__(self, bed):
        self.lab = NatLab(bed, plain=True)
        self.sw = bed.sw
        for host in (self.lab.g1, self.lab.g2, self.lab.lan):
            host.sysctl("ipv4/ip_forward", 0)
        self.stations = self.lab.stations
        self.wires = {number: station.wire for number, station in self.stations.items()}

    def neighbours(self):
        """Stations that the program plays: (address, port's number)."""
        return ((G1, 1), ("10.1.1.100", 1), (G2, 2), (LAN, 3))

    def put(self, side, packet):
        """Send an IP packet from a side."""
        from scapy.all import Ether
        station = self.stations[side]
        self.wires[side].send(bytes(Ether(dst=self.sw.mac("p%d" % side), src=station.mac) / packet))

    def put_marks(self, side):
        """Packets that follow on all three wires, by the same queue and the same ways."""
        from scapy.all import ICMP, IP, UDP
        guest, router = {1: (G1, "10.1.1.1"), 2: (G2, "10.1.2.1"), 3: (REMOTE, UPLINK)}[side]
        if side == 3:
            for port in (60001, 60002):
                self.put(3, IP(src=REMOTE, dst=UPLINK) / UDP(sport=60000, dport=port) / MARK)
        else:
            other = G2 if side == 1 else G1
            self.put(side, IP(src=guest, dst=other) / UDP(sport=60000, dport=60000) / MARK)
            self.put(side, IP(src=guest, dst=REMOTE) / UDP(
                sport=60000 + side, dport=60000) / MARK)
        self.put(side, IP(src=guest, dst=router) / ICMP(type=8, id=60000) / MARK)

    def collect(self, name):
        """What comes by each wire before the mark."""
        got = []
        for number, wire in self.wires.items():
            frames = []
            while True:
                frame = wire.recv(TIMEOUT)
                assert frame is not None, "%s: no mark comes by p%d" % (name, number)
                if MARK in frame.data:
                    break
                if frame.data[12:14] == b"\x08\x00" and frame.data[:6] != b"\xff" * 6:
                    frames.append(normal(frame.data))
            got.append(sorted(frames))
        return got

    def step(self, name, side, packets):
        """What comes of a packet, or of some."""
        for packet in packets if isinstance(packets, list) else [packets]:
            self.put(side, packet)
        self.put_marks(side)
        return self.collect(name)

    def run(self):
        """All cases: what came of each."""
        for side in (1, 2):  # the marks' own sessions
            self.put_marks(side)
            self.collect("the marks of p%d" % side)
        results = {}
        for name, side, packets in tcp_cases() + udp_cases() + icmp_cases() + forwarding_cases():
            results[name] = self.step(name, side, packets)
        return results


def kernel_up(lab):
    """Let the kernel of the switch's host be the router."""
    sw = lab.sw
    for path, value in (("ipv4/ip_forward", 1), ("ipv4/icmp_ratelimit", 0),
                        ("ipv4/icmp_msgs_per_sec", 100000), ("ipv4/conf/all/send_redirects", 0),
                        ("ipv4/conf/all/rp_filter", 0)):
        sw.sysctl(path, value)
    for number, address in ((1, "10.1.1.1"), (2, "10.1.2.1"), (3, UPLINK)):
        sw.ip("addr", "add", address + "/24", "dev", "p%d" % number)
        sw.offloads("p%d" % number, "off")
    sw.ip("route", "add", "default", "via", LAN)
    sw.ip("link", "set", "p3", "mtu", 1480)
    sw.ip("link", "set", "p2", "mtu", 1460)
    for address, number in lab.neighbours():
        sw.ip("neigh", "replace", address, "lladdr", lab.stations[number].mac, "dev",
              "p%d" % number)
    sw.run("nft", "-f", "-", input=NFT)


def kernel_down(lab):
    """And no more."""
    lab.sw.run("nft", "flush", "ruleset")
    for number in (1, 2, 3):
        lab.sw.ip("addr", "flush", "dev", "p%d" % number)
        lab.sw.ip("neigh", "flush", "dev", "p%d" % number)
    lab.sw.sysctl("ipv4/ip_forward", 0)


def test_same_as_the_kernel(idle_bed):
    """Every packet comes out the same, on every wire."""
    if shutil.which("nft") is None:
        pytest.skip("nftables is not installed")
    lab = Lab(idle_bed)
    kernel_up(lab)
    expected = lab.run()
    kernel_down(lab)
    idle_bed.start()
    lab.lab.route(*RULES)
    for address, number in lab.neighbours():
        idle_bed.daemon.vsctl("neigh", "add", address, "mac", lab.stations[number].mac,
                              "port", "p%d" % number)
    got = lab.run()
    differences = []
    for name, wires in expected.items():
        for number, (theirs, mine) in enumerate(zip(wires, got[name]), 1):
            if theirs != mine:
                differences.append("%s, at p%d:\n  kernel   %s\n  vswitchd %s" % (
                    name, number, "\n           ".join(f.hex() for f in theirs) or "nothing",
                    "\n           ".join(f.hex() for f in mine) or "nothing"))
    assert not differences, "\n".join(differences)
    # and it was worth comparing
    assert sum(len(frames) for wires in expected.values() for frames in wires) > 60
