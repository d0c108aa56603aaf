# SPDX-License-Identifier: BSD-3-Clause
"""Whom the router answers for: the kernel as vif-route sets it up, and vswitchd, field by field."""

import pytest

from harness.wait import TIMEOUT
from harness.wire import BROADCAST
from test_guests import announced
from test_router import settle

scapy = pytest.importorskip("scapy.all")

ROUTER, ROUTER6 = "10.0.1.1", "fd00:1::1"
LAN, LAN6, LAST_LAN = "10.0.1.2", "fd00:1::2", "10.0.1.3"
GUEST, GUEST6, LAST_GUEST = "10.0.1.77", "fd00:1::77", "10.0.1.79"
FAR, FAR6 = "10.9.0.3", "fd00:9::3"  # another address of the guest's, in no network
IPS, IPS6 = (GUEST, LAST_GUEST, FAR), (GUEST6, FAR6)


def arp(sender, target, **fields):
    """An ARP request, but for its MACs."""
    from scapy.all import ARP
    return ARP(psrc=sender, pdst=target, **fields)


def solicit(sender, target, to=None):
    """A neighbour solicitation, but for its MACs."""
    from scapy.all import ICMPv6ND_NS, IPv6, in6_getnsma
    import socket
    group = socket.inet_ntop(socket.AF_INET6, in6_getnsma(socket.inet_pton(socket.AF_INET6,
                                                                         target)))
    return IPv6(src=sender, dst=to or group, hlim=255) / ICMPv6ND_NS(tgt=target)


def cases(side):
    """Name: what a station of a side asks."""
    if side == "lan":
        return {
            "router": arp(LAN, ROUTER),
            "guest": arp(LAN, GUEST),
            "guest, to the router's own MAC": ("unicast", arp(LAN, GUEST)),
            "guest that is in no network": arp(LAN, FAR),
            "nobody": arp(LAN, "10.0.1.78"),
            "itself": arp(LAN, LAN),
            "no route": arp(LAN, "10.77.0.1"),
            "probe for the router's": arp("0.0.0.0", ROUTER),
            "probe for the guest's": arp("0.0.0.0", GUEST),
            "from elsewhere": arp("10.66.0.1", GUEST),
            "from the guest's address": arp(GUEST, ROUTER),
            "reply": arp(LAN, GUEST, op=2),
            "6 router": solicit(LAN6, ROUTER6),
            "6 guest": solicit(LAN6, GUEST6),
            "6 guest, by unicast": ("unicast", solicit(LAN6, GUEST6, GUEST6)),
            "6 guest, by link-local": solicit("fe80::2", GUEST6),
            "6 guest that is in no network": solicit(LAN6, FAR6),
            "6 nobody": solicit(LAN6, "fd00:1::78"),
            "6 probe for the guest's": solicit("::", GUEST6),
        }
    return {
        "gateway": arp(GUEST, ROUTER),
        "lan": arp(GUEST, LAN),
        "lan, to the router's own MAC": ("unicast", arp(GUEST, LAN)),
        "by its other address": arp(FAR, LAN),
        "itself": arp(GUEST, GUEST),
        "its other address": arp(GUEST, FAR),
        "no route": arp(GUEST, "10.77.0.1"),
        "probe for its own": arp("0.0.0.0", GUEST),
        "probe for the gateway's": arp("0.0.0.0", ROUTER),
        "from the lan's address": arp(LAN, ROUTER),
        "from nobody's address": arp("10.66.0.1", LAN),
        "6 gateway": solicit(GUEST6, ROUTER6),
        "6 lan": solicit(GUEST6, LAN6),
        "6 lan, by its other address": solicit(FAR6, LAN6),
        "6 lan, by link-local": solicit("fe80::2", LAN6),
        "6 probe for its own": solicit("::", GUEST6),
    }


def answer_of(frame, mac, targets):
    """An answer to a station as it can be compared: without padding; None: it is none.

    Stations that speak by themselves are answered as well, about other targets.
    """
    from scapy.all import ARP, Ether, ICMPv6ND_NA
    packet = Ether(frame)
    if packet.src == mac:
        return None
    if ARP in packet and packet[ARP].op == 2 and packet[ARP].psrc in targets:
        return frame[:42]
    if ICMPv6ND_NA in packet and packet[ICMPv6ND_NA].tgt in targets:
        return frame
    return None


class Lab:
    """The LAN's host and the guest, on two cables of a router."""

    def __init__(self, bed):
        self.sides = {"lan": bed.cable(1), "guest": bed.cable(2)}
        self.last = {"lan": LAST_LAN, "guest": LAST_GUEST}
        self.bed = bed

    def ask(self, side, question):
        """The answers to a question, sorted."""
        from scapy.all import ARP, Ether, ICMPv6ND_NS, ICMPv6NDOptSrcLLAddr, IPv6, in6_getnsmac
        import socket
        station = self.sides[side]
        station.wire.drain()
        router = self.bed.sw.mac(station.port)
        unicast, packet = question if isinstance(question, tuple) else (None, question.copy())
        if ARP in packet:
            packet.hwsrc = station.mac
            dst, targets = BROADCAST, {packet.pdst, ROUTER}
        else:
            targets = {packet[ICMPv6ND_NS].tgt, ROUTER}
            dst = in6_getnsmac(socket.inet_pton(socket.AF_INET6, packet.dst))
            if packet[IPv6].src != "::":
                packet = packet / ICMPv6NDOptSrcLLAddr(lladdr=station.mac)
        station.wire.send(bytes(Ether(src=station.mac, dst=router if unicast else dst) / packet))
        # behind it, one that is always answered
        station.wire.send(bytes(Ether(src=station.mac, dst=BROADCAST) / ARP(
            hwsrc=station.mac, psrc=self.last[side], pdst=ROUTER)))
        answers = []
        while True:
            frame = station.wire.recv(TIMEOUT)
            assert frame is not None, "%s: the last answer is missing" % packet.summary()
            answer = answer_of(frame.data, station.mac, targets)
            if answer is None:
                continue
            if answer[12:14] == b"\x08\x06" and \
                    answer[38:42] == bytes(map(int, self.last[side].split("."))):
                return sorted(answers)
            answers.append(answer)

    def run(self):
        """All questions: what was answered to each."""
        for station in self.sides.values():
            # whatever they answer is not the router's
            station.host.run("ip", "neigh", "flush", "all")
        return {(side, name): self.ask(side, question) for side in self.sides
                for name, question in cases(side).items()}


def kernel_up(sw):
    """What vif-route does, and proxy_ndp beside it, which Xen leaves to the administrator."""
    for path, value in (("ipv4/ip_forward", 1), ("ipv4/conf/all/rp_filter", 1),
                        # first of all: link-local addresses that it may speak by at once
                        ("ipv6/conf/all/accept_dad", 0), ("ipv6/conf/p1/accept_dad", 0),
                        ("ipv6/conf/p2/accept_dad", 0), ("ipv6/conf/all/disable_ipv6", 0),
                        ("ipv6/conf/all/forwarding", 1)):
        sw.sysctl(path, value)
    for port, length in (("p1", 24), ("p2", 32)):
        sw.ip("addr", "add", "%s/%d" % (ROUTER, length), "dev", port)
        sw.sysctl("ipv6/conf/%s/disable_ipv6" % port, 0)
        sw.ip("addr", "add", ROUTER6 + ("/64" if length == 24 else "/128"), "dev", port, "nodad")
        for name in ("ipv4/conf/%s/proxy_arp", "ipv6/conf/%s/proxy_ndp", "ipv4/conf/%s/rp_filter"):
            sw.sysctl(name % port, 1)
        for family in ("ipv4", "ipv6"):
            sw.sysctl("%s/neigh/%s/proxy_delay" % (family, port), 0)
    for address in (*IPS, *IPS6):
        sw.ip("route", "add", address, "dev", "p2", "metric", 2)
    for address in IPS6:
        sw.ip("neigh", "add", "proxy", address, "dev", "p1")
    sw.ip("neigh", "add", "proxy", LAN6, "dev", "p2")


def kernel_down(sw):
    """And no more."""
    for port in ("p1", "p2"):
        sw.ip("neigh", "flush", "proxy", "dev", port)
        sw.ip("addr", "flush", "dev", port)
    sw.quiet()
    sw.sysctl("ipv4/ip_forward", 0)


def settle_quiet(lab):
    """The stations have addresses, so that others find them, and say nothing of their own."""
    settle(lab.sides["lan"], 1)
    guest = lab.sides["guest"].host
    guest.sysctl("ipv6/conf/eth0/disable_ipv6", 0)
    for address in IPS:
        guest.ip("addr", "add", address + "/32", "dev", "eth0")
    for address in IPS6:
        guest.ip("addr", "add", address + "/128", "dev", "eth0", "nodad")


def test_same_as_the_kernel(idle_bed):
    """Every question is answered the same, bit by bit, or by neither."""
    lab = Lab(idle_bed)
    settle_quiet(lab)
    kernel_up(idle_bed.sw)
    expected = lab.run()
    kernel_down(idle_bed.sw)
    daemon = idle_bed.start().daemon
    daemon.vsctl("port", "add", "p1", "bridge", "none")
    daemon.wait_link("p1")
    daemon.vsctl("addr", "add", ROUTER + "/24", "port", "p1")
    daemon.vsctl("addr", "add", ROUTER6 + "/64", "port", "p1")
    daemon.vsctl("port", "add", "p2", "mode", "route", "ip", ",".join((*IPS, *IPS6)), "gateway",
                 "%s,%s" % (ROUTER, ROUTER6))
    daemon.wait_link("p2")
    announced(lab.sides["lan"].wire, *IPS, *IPS6)
    got = lab.run()
    # how a station checks what it knows (RFC 4861 7.3.3): some kernels do not answer
    asked, checked = ("lan", "6 guest"), ("lan", "6 guest, by unicast")
    assert got[checked] == got[asked] and expected[checked] in ([], expected[asked])
    expected[checked] = got[checked]
    differences = [
        "%s asks: %s\n  kernel   %s\n  vswitchd %s" % (
            side, name, "\n           ".join(f.hex() for f in theirs) or "nothing",
            "\n           ".join(f.hex() for f in got[side, name]) or "nothing")
        for (side, name), theirs in expected.items() if theirs != got[side, name]]
    assert not differences, "\n".join(differences)
    # and it was worth comparing
    assert sum(map(len, expected.values())) > 15
