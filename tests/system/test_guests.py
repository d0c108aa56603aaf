# SPDX-License-Identifier: BSD-3-Clause
"""Guests in route mode: ports whose every packet is the router's, as vif-route has them."""

import re
import socket

import pytest

from harness.daemon import VsctlError
from harness.netns import cable
from harness.traffic import tcp, udp
from harness.wait import TIMEOUT, wait_until
from harness.wire import mac_bytes
from test_router import balance, ping_output, settle

scapy = pytest.importorskip("scapy.all")

# by the number of the cable; 1 is a host on the LAN
GUESTS = {2: ("10.0.1.77", "fd00:1::77"), 3: ("10.9.0.3", "fd00:9::3")}
LAN, LAN6 = "10.0.1.2", "fd00:1::2"
ROUTER, ROUTER6 = "10.0.1.1", "fd00:1::1"
BROADCAST = "ff:ff:ff:ff:ff:ff"


def settle_guest(host, addresses, gateways=(ROUTER, ROUTER6)):
    """Make a host a guest: addresses without networks, and a way out by a gateway on its link."""
    host.sysctl("ipv6/conf/eth0/disable_ipv6", 0)
    for address, gateway, family in zip(addresses, gateways, ("-4", "-6")):
        length = "/128" if family == "-6" else "/32"
        host.ip("addr", "add", address + length, "dev", "eth0",
                        *(("nodad",) if family == "-6" else ()))
        host.ip(family, "route", "add", gateway + length, "dev", "eth0")
        host.ip(family, "route", "add", "default", "via", gateway, "dev", "eth0")


def guest_keys(number):
    """Words for "port add" and "port set"."""
    return ("mode", "route", "ip", ",".join(GUESTS[number]), "gateway",
            "%s,%s" % (ROUTER, ROUTER6))


def add_uplink(bed, plain=False, bridge="none", proxy="no"):
    """h1 on a LAN with the router: its port's addresses, or its bridge's."""
    station = bed.station(1, "proxy", proxy, plain=plain, bridge=bridge)
    place = ("port", "p1") if bridge == "none" else ("bridge", bridge)
    bed.daemon.vsctl("addr", "add", ROUTER + "/24", *place)
    bed.daemon.vsctl("addr", "add", ROUTER6 + "/64", *place)
    settle(station, 1)
    return station


def add_guest(bed, number, plain=False):
    """A guest behind a port."""
    station = bed.cable(number, plain=plain)
    bed.daemon.vsctl("port", "add", station.port, *guest_keys(number))
    bed.daemon.wait_link(station.port)
    settle_guest(station.host, GUESTS[number])
    return station


@pytest.fixture
def lan(bed):
    """A LAN and two guests, one with addresses of the LAN: by the number of the cable."""
    stations = {1: add_uplink(bed, proxy="guests"), 2: add_guest(bed, 2), 3: add_guest(bed, 3)}
    # no gateway of h1's for the LAN's own addresses: proxy ARP and ND it is
    return stations


def guest_routes(daemon):
    """Where guests' addresses lead."""
    return {row["route"]: row["ports"] for row in daemon.vsctl("route", "show")
            if row["origin"] == "guest"}


def test_everybody_reaches_everybody(bed, lan):
    addresses = {1: (LAN, LAN6), **GUESTS}
    for here in lan:
        for there in lan:
            if here != there:
                for address in addresses[there]:
                    lan[here].host.ping(address, count=1)
        for address in (ROUTER, ROUTER6):
            lan[here].host.ping(address, count=1)
    for number in GUESTS:
        row = bed.daemon.port("p%d" % number)
        assert (row["mode"], row["bridge"], row["ip"]) == ("route", None, list(GUESTS[number]))
        assert row["gateway"] == [ROUTER, ROUTER6]
    assert guest_routes(bed.daemon) == {
        address + ("/128" if ":" in address else "/32"): ["p%d" % number]
        for number, pair in GUESTS.items() for address in pair}
    wait_until(lambda: balance(bed.daemon) == 0, what=lambda: "balance: %d" % balance(bed.daemon))


def test_overview(bed, lan):
    """They have a table of their own in "vsctl show"."""
    text = bed.daemon.vsctl_raw("show").stdout
    part = text[text.index("\nrouted\n"):]
    for number, addresses in GUESTS.items():
        assert re.search("p%d +netdev +up +route +%s" % (number, ",".join(addresses)), part)
    assert len(lan) == 3 and not re.search("p[23] ", text[:-len(part)])


def test_without_gateway(bed, lan):
    """IPv6 guests need none: the router's link-local address does."""
    bed.daemon.vsctl("port", "set", "p3", "gateway", "none")
    mac = mac_bytes(bed.daemon.port("p3")["mac"])
    link_local = "fe80::%x:%xff:fe%02x:%x" % (
        (mac[0] ^ 2) << 8 | mac[1], mac[2], mac[3], mac[4] << 8 | mac[5])
    lan[3].host.ip("-6", "route", "replace", "default", "via", link_local, "dev", "eth0")
    lan[3].host.ping(LAN6, count=1)
    lan[3].host.ping(GUESTS[2][1], count=1)


@pytest.mark.parametrize("v6", [False, True])
@pytest.mark.parametrize("here,there", [(1, 2), (2, 1), (2, 3)])
def test_traffic(bed, lan, here, there, v6):
    addresses = {1: (LAN, LAN6), **GUESTS}
    tcp(lan[here].host, lan[there].host, addresses[there][v6], size=2 << 20)
    udp(lan[here].host, lan[there].host, addresses[there][v6])
    wait_until(lambda: balance(bed.daemon) == 0, what=lambda: "balance: %d" % balance(bed.daemon))


def test_path_mtu(bed, lan):
    """A guest that is narrower than the LAN: senders learn it, from the router's own address."""
    bed.daemon.vsctl("port", "set", "p2", "mtu", 1300)
    lan[2].host.ip("link", "set", "eth0", "mtu", 1300)
    for sender in (1, 3):
        host = lan[sender].host
        out = ping_output(host, GUESTS[2][0], "-M", "do", "-s", 1400)
        assert "From %s icmp_seq=1 Frag needed and DF set (mtu = 1300)" % ROUTER in out
        out = ping_output(host, GUESTS[2][1], "-s", 1400)
        assert re.search("From %s icmp_seq=1 Packet too big: mtu=1300" % ROUTER6, out)
        tcp(host, lan[2].host, GUESTS[2][0], size=1 << 20)
        tcp(host, lan[2].host, GUESTS[2][1], size=1 << 20)
    # the other way: the guest is told, though it has no network in common with anybody
    bed.daemon.vsctl("port", "set", "p1", "mtu", 1280)
    lan[1].host.ip("link", "set", "eth0", "mtu", 1280)
    out = ping_output(lan[3].host, LAN, "-M", "do", "-s", 1400)
    assert "From %s icmp_seq=1 Frag needed and DF set (mtu = 1280)" % ROUTER in out


def test_hops(lan):
    """A guest sees the router, and others see one behind it."""
    out = ping_output(lan[2].host, LAN, "-t", 1)
    assert "From %s icmp_seq=1 Time to live exceeded" % ROUTER in out
    out = ping_output(lan[1].host, GUESTS[3][1], "-t", 1)
    assert "From %s icmp_seq=1 Time exceeded: Hop limit" % ROUTER6 in out


# --- sources ---

def spoofed(daemon, port="p2"):
    """How many of a guest's packets were another's."""
    return daemon.drops(port, "spoofed_source")


def guest_frames(lan):
    """From guest 2: (whose address, frame)."""
    from scapy.all import IP, UDP, Ether, IPv6
    head = Ether(src=lan[2].mac, dst=router_mac(lan))
    data = UDP(sport=7, dport=7) / b"x"
    return [
        ("the LAN's", head / IP(src=LAN, dst=GUESTS[3][0]) / data),
        ("the other guest's", head / IP(src=GUESTS[3][0], dst=LAN) / data),
        ("the router's", head / IP(src=ROUTER, dst=LAN) / data),
        ("nobody's", head / IP(src="198.51.100.1", dst=LAN) / data),
        ("to the router", head / IP(src="198.51.100.1", dst=ROUTER) / data),
        ("IPv6, the other guest's", head / IPv6(src=GUESTS[3][1], dst=LAN6) / data),
        ("IPv6, next to its own", head / IPv6(src="fd00:1::78", dst=LAN6) / data),
    ]


def router_mac(lan):
    """What guest 2 knows its gateway by."""
    lan[2].host.ping(ROUTER, count=1)
    out = lan[2].host.run("ip", "neigh", "show", ROUTER).stdout
    return re.search("lladdr ([0-9a-f:]+)", out).group(1)


def test_foreign_sources_are_dropped(bed, lan):
    """With a reason, counted, and nobody hears of them."""
    for station in lan.values():
        station.wire.drain()
    packets = guest_frames(lan)
    for number, (name, packet) in enumerate(packets, 1):
        lan[2].wire.send(bytes(packet))
        wait_until(lambda n=number: spoofed(bed.daemon) == n, what="%s is dropped" % name)
    assert spoofed(bed.daemon, "p3") == spoofed(bed.daemon, "p1") == 0
    for number in (1, 3):
        while (frame := lan[number].wire.recv(0.1)) is not None:
            assert b"\0\7\0\7" not in frame.data
    # its own still pass
    lan[2].host.ping(LAN, count=1)
    lan[2].host.ping(LAN6, count=1)
    # without addresses there is nothing to compare with
    bed.daemon.vsctl("port", "set", "p2", "ip", "none")
    before = bed.daemon.vsctl("stats", "show", "p3")[0]["tx_packets"]
    lan[2].wire.send(bytes(packets[0][1]))
    wait_until(lambda: bed.daemon.vsctl("stats", "show", "p3")[0]["tx_packets"] > before,
               what="it is routed")


def arp_request(src, sender, target, dst=BROADCAST):
    """An ARP request as a frame."""
    from scapy.all import ARP, Ether
    return bytes(Ether(src=src, dst=dst) / ARP(hwsrc=src, psrc=sender, pdst=target))


def neighbour_of(daemon, address):
    """(port, mac) that a station is known by; None."""
    return next(((row["port"], row["mac"]) for row in daemon.vsctl("neigh", "show")
                 if row["neighbour"] == address), None)


def test_foreign_addresses_are_not_claimed(bed, lan):
    """By ARP and ND a guest cannot take what is another's: it is neither heard nor answered."""
    from scapy.all import Ether, ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6NDOptDstLLAddr, IPv6
    from scapy.all import ICMPv6NDOptSrcLLAddr
    lan[1].host.ping(GUESTS[3][0], count=1)
    lan[1].host.ping(GUESTS[3][1], count=1)
    before = {a: neighbour_of(bed.daemon, a) for a in (*GUESTS[3], LAN, LAN6)}
    assert before[GUESTS[3][0]] == ("p3", lan[3].mac) and before[LAN] == ("p1", lan[1].mac)
    wire, mac = lan[2].wire, lan[2].mac
    wire.drain()
    for victim in (GUESTS[3][0], LAN, "10.0.1.99"):
        wire.send(arp_request(mac, victim, victim))
        wire.send(arp_request(mac, victim, LAN))
    for victim in (GUESTS[3][1], LAN6):
        wire.send(bytes(Ether(src=mac, dst="33:33:00:00:00:01") /
                        IPv6(src=victim, dst="ff02::1", hlim=255) /
                        ICMPv6ND_NA(tgt=victim, R=0, S=0, O=1) / ICMPv6NDOptDstLLAddr(lladdr=mac)))
        wire.send(bytes(Ether(src=mac, dst="33:33:ff:00:00:02") /
                        IPv6(src=victim, dst="ff02::1:ff00:2", hlim=255) /
                        ICMPv6ND_NS(tgt=LAN6) / ICMPv6NDOptSrcLLAddr(lladdr=mac)))
    # behind them one that is answered
    wire.send(arp_request(mac, GUESTS[2][0], ROUTER))
    while True:
        frame = wire.recv(TIMEOUT)
        assert frame is not None, "the router does not answer"
        if frame.data[12:14] == b"\x08\x06" and frame.data[21] == 2:
            assert socket.inet_ntoa(frame.data[28:32]) == ROUTER, "a liar is answered"
            assert socket.inet_ntoa(frame.data[38:42]) == GUESTS[2][0]
            break
        assert b"\x88" != frame.data[54:55] or frame.data[12:14] != b"\x86\xdd", "liar is answered"
    for address, known in before.items():
        now = neighbour_of(bed.daemon, address)
        assert now == known, address
    lan[1].host.ping(GUESTS[3][0], count=1)
    lan[1].host.ping(GUESTS[3][1], count=1)


# --- whom it is announced to ---

def announced(wire, *addresses):
    """Wait until each address was announced three times. Return: MACs that were given."""
    from scapy.all import ARP, Ether, ICMPv6ND_NA, ICMPv6NDOptDstLLAddr, IPv6
    count, macs = dict.fromkeys(addresses, 0), set()
    while min(count.values()) < 3:
        frame = wire.recv(TIMEOUT)
        assert frame is not None, "announced: %s" % count
        packet = Ether(frame.data)
        if ARP in packet and packet.psrc == packet.pdst and packet.psrc in count:
            assert (packet.op, packet.dst) == (1, BROADCAST)
            count[packet.psrc] += 1
            macs |= {packet.hwsrc, packet.src}
        elif ICMPv6ND_NA in packet and packet[ICMPv6ND_NA].tgt in count:
            advert = packet[ICMPv6ND_NA]
            assert (packet[IPv6].dst, packet[IPv6].hlim) == ("ff02::1", 255)
            assert packet[IPv6].src.startswith("fe80::")
            assert (advert.R, advert.S, advert.O) == (0, 0, 1)
            count[advert.tgt] += 1
            macs |= {packet[ICMPv6NDOptDstLLAddr].lladdr, packet.src}
    return macs


def test_announced(bed):
    """When a guest comes, when its addresses change, when the uplink comes up."""
    lan = add_uplink(bed, plain=True)
    lan.wire.drain()
    guest = add_guest(bed, 2)
    mac = {bed.daemon.port("p1")["mac"]}
    assert announced(lan.wire, *GUESTS[2]) == mac
    bed.daemon.vsctl("port", "set", "p2", "ip", "10.0.1.88,10.0.2.0/24")
    assert announced(lan.wire, "10.0.1.88") == mac
    bed.daemon.vsctl("port", "set", "p1", "carrier", "off")
    bed.daemon.vsctl("port", "set", "p1", "carrier", "on")
    assert announced(lan.wire, "10.0.1.88") == mac
    guest.host.ip("link", "set", "eth0", "down")
    bed.daemon.wait_link("p2", "down")
    lan.wire.drain()
    guest.host.ip("link", "set", "eth0", "up")
    assert announced(lan.wire, "10.0.1.88") == mac


def test_moves_within_the_lan(bed, lan):
    """What the LAN and the router knew of an address before a guest got it is void."""
    lan[1].host.ip("addr", "add", "10.0.1.99/24", "dev", "eth0")
    lan[3].host.ping("10.0.1.99", count=1)
    assert neighbour_of(bed.daemon, "10.0.1.99") == ("p1", lan[1].mac)
    lan[1].host.ip("addr", "del", "10.0.1.99/24", "dev", "eth0")
    bed.daemon.vsctl("port", "set", "p2", "ip", "10.0.1.77,10.0.1.99")
    lan[2].host.ip("addr", "add", "10.0.1.99/32", "dev", "eth0")
    lan[3].host.ping("10.0.1.99", count=1)
    lan[1].host.ping("10.0.1.99", count=1)
    assert neighbour_of(bed.daemon, "10.0.1.99") == ("p2", lan[2].mac)


# --- uplinks ---

def proxies(daemon):
    """Whom uplinks answer for, by port."""
    return {row["port"]: row["proxy"] for row in daemon.vsctl("addr", "show")}


def test_uplink_answers_for_whom_it_is_the_gateway(bed):
    """Without being told so; and as long as there is one."""
    add_uplink(bed)
    bed.cable(2)
    bed.cable(3)
    vsctl = bed.daemon.vsctl
    assert proxies(bed.daemon) == {"p1": "no"}
    vsctl("port", "add", "p2", "mode", "route", "ip", "10.0.1.77")
    assert proxies(bed.daemon)["p1"] == "no"
    vsctl("port", "set", "p2", "gateway", ROUTER)
    vsctl("port", "add", "p3", "mode", "nat", "ip", "10.0.1.78", "gateway", "10.0.1.1")
    assert proxies(bed.daemon) == {"p1": "guests", "p2": "all", "p3": "all"}
    vsctl("port", "del", "p2")
    assert proxies(bed.daemon) == {"p1": "guests", "p3": "all"}
    vsctl("port", "set", "p3", "gateway", "10.0.77.1")
    assert proxies(bed.daemon)["p1"] == "no"
    vsctl("addr", "add", "10.0.77.1/32", "port", "p1")
    assert proxies(bed.daemon)["p1"] == "guests"
    vsctl("addr", "del", "10.0.77.1/32", "port", "p1")
    assert proxies(bed.daemon)["p1"] == "no"
    vsctl("port", "set", "p1", "proxy", "all")
    vsctl("port", "del", "p3")
    assert proxies(bed.daemon) == {"p1": "all"}


# --- what the operator may do ---

def state(daemon):
    """All that a change may touch."""
    rows = daemon.vsctl("port", "show")
    ports = {row["port"]: {key: row[key] for key in ("bridge", "mode", "ip", "gateway", "mtu")}
             for row in rows}
    routes = sorted((row["route"], row["origin"], tuple(row["ports"]))
                    for row in daemon.vsctl("route", "show") if row["origin"] != "neighbour")
    addrs = sorted((row["addr"], row["port"], row["proxy"]) for row in daemon.vsctl("addr", "show"))
    return ports, routes, addrs


def test_refusals(bed, lan):
    """All or nothing, and why."""
    for number in (4, 5):
        bed.cable(number)
    vsctl = bed.daemon.vsctl
    vsctl("port", "add", "p4", "bridge", "br0")
    before = state(bed.daemon)
    for words, reason in (
            (("port", "add", "p5", "mode", "route", "ip", "10.9.0.3"), "ip 10.9.0.3.*: port p3 has"),
            (("port", "add", "p5", "mode", "route", "ip", "10.7.0.0/24,10.9.0.3"), "port p3 has it"),
            (("port", "add", "p5", "mode", "nat", "ip", "10.0.1.1"), "of the router itself"),
            (("port", "add", "p5", "mode", "nat", "ip", "10.7.0.1", "gateway", "10.7.0.1"),
             "of the router itself"),
            (("port", "add", "p5", "mode", "route", "gateway", "10.9.0.3"), "guest's at port p3"),
            (("port", "add", "p5", "mode", "route", "ip", "224.0.0.1"), "no guest can have"),
            (("port", "add", "p5", "mode", "route", "ip", "fe80::1"), "no guest can have"),
            (("port", "add", "p5", "mode", "route", "ip", "0.0.0.0/0"), "no guest can have"),
            (("port", "add", "p5", "mode", "route", "gateway", "ff02::1"), "no router can have"),
            (("port", "add", "p5", "mode", "route", "ip", "10.7.0.1,10.7.0.1"), "each once"),
            (("port", "add", "p5", "mode", "route", "ip", "10.7.0"), "is not a list"),
            (("port", "add", "p5", "mode", "router"), "bridge, route, nat"),
            (("port", "add", "p5", "mode", "route", "bridge", "br0"), "on no bridge"),
            (("port", "add", "p5", "bridge", "none", "ip", "10.7.0.1"), "for mode route and mode"),
            (("port", "add", "p5", "ip", "10.7.0.1"), "bridge is missing"),
            (("port", "set", "p4", "ip", "10.7.0.1"), "ip is for mode route"),
            (("port", "set", "p4", "mode", "route", "ip", "10.7.0.1"), "is on bridge br0; give br"),
            (("port", "set", "p4", "mode", "route", "bridge", "none", "ip", "10.9.0.3"), "p3 has"),
            (("port", "set", "p4", "mode", "route", "bridge", "none", "ip", "10.7.0.1", "mtu", 67),
             "mtu"),
            (("port", "set", "p2", "bridge", "br0"), "is in mode route; give mode bridge"),
            (("port", "set", "p2", "mode", "bridge", "bridge", "nix"), "no such bridge"),
            (("port", "set", "p2", "mode", "bridge", "bridge", "br0", "ip", "10.7.0.1"), "mode"),
            (("port", "set", "p2", "ip", "10.7.0.1,10.9.0.3"), "p3 has it"),
            (("port", "set", "p2", "ip", "10.7.0.1", "stp-priority", 5), "not a multiple of 16"),
            (("port", "set", "p4", "mode", "route", "bridge", "none", "ip", "10.7.0.1", "gateway",
              ROUTER, "stp-priority", 5), "not a multiple of 16"),
            (("bond", "add", "bond0", "members", "p2", "bridge", "br0"), "p2 is a routed port"),
            (("addr", "add", "10.9.0.3/24", "port", "p1"), "is the guest's at port p3"),
            (("addr", "del", "10.0.1.1", "port", "p2"), "is the gateway of the guest at port p2"),
            (("route", "del", "10.9.0.3/32"), "no such static route"),
    ):
        with pytest.raises(VsctlError, match=reason):
            vsctl(*words)
        assert state(bed.daemon) == before, words
    lan[2].host.ping(LAN, count=1)
    lan[2].host.ping(GUESTS[3][1], count=1)


def test_changes(bed, lan):
    """Live: addresses, gateways, and between the modes; what is gone leaves nothing."""
    vsctl = bed.daemon.vsctl
    lan[2].host.ping(LAN, count=1)
    vsctl("port", "set", "p2", "ip", "10.0.1.77,10.0.1.78/24,10.6.0.0/28")
    assert bed.daemon.port("p2")["ip"] == ["10.0.1.77", "10.0.1.78", "10.6.0.0/28"]
    lan[2].host.ip("addr", "add", "10.0.1.78/32", "dev", "eth0")
    lan[1].host.ping("10.0.1.78", count=1)
    lan[1].host.ping("10.0.1.77", count=1)
    assert set(guest_routes(bed.daemon)) == {"10.0.1.77/32", "10.0.1.78/32", "10.6.0.0/28",
                                             "10.9.0.3/32", "fd00:9::3/128"}
    vsctl("port", "set", "p2", "gateway", "10.6.0.1", "ip", "10.0.1.77")
    lan[2].host.ip("route", "add", "10.6.0.1", "dev", "eth0")
    lan[2].host.ip("route", "replace", "default", "via", "10.6.0.1")
    lan[2].host.ping(LAN, count=1)
    assert [row["addr"] for row in vsctl("addr", "show", "port", "p2")] == ["10.6.0.1/32"]
    vsctl("port", "set", "p2", "mode", "nat")
    assert bed.daemon.port("p2")["mode"] == "nat"
    lan[2].host.ping("10.6.0.1", count=1)

    vsctl("port", "set", "p2", "mode", "bridge", "bridge", "br0")
    row = bed.daemon.port("p2")
    assert (row["mode"], row["bridge"], row["ip"], row["gateway"]) == ("bridge", "br0", [], [])
    assert vsctl("addr", "show", "port", "p2") == []
    assert "10.0.1.77/32" not in guest_routes(bed.daemon)
    vsctl("port", "set", "p2", "bridge", "none", *guest_keys(2))
    lan[2].host.ip("route", "replace", "default", "via", ROUTER)
    lan[2].host.ping(LAN, count=1)
    lan[1].host.ping(GUESTS[2][1], count=1)

    vsctl("port", "del", "p2")
    vsctl("port", "set", "p3", "mode", "bridge")
    assert guest_routes(bed.daemon) == {}
    assert {row["port"] for row in vsctl("addr", "show")} == {"p1"}
    vsctl("port", "set", "p3", "bridge", "br0")
    wait_until(lambda: balance(bed.daemon) == 0, what=lambda: "balance: %d" % balance(bed.daemon))


def test_addresses_of_the_operators_stay(bed):
    """A port with addresses of its own becomes a guest's and no guest's again."""
    bed.cable(2)
    vsctl = bed.daemon.vsctl
    vsctl("port", "add", "p2", "bridge", "none")
    vsctl("addr", "add", "10.8.0.1/24", "port", "p2")
    vsctl("port", "set", "p2", "mode", "route", "ip", "10.9.0.3", "gateway", "10.9.0.1")
    assert len(vsctl("addr", "show", "port", "p2")) == 2
    for words in (("port", "del", "p2"), ("port", "set", "p2", "mode", "bridge", "bridge", "br0")):
        with pytest.raises(VsctlError, match="has 1 address.* such as 10.8.0.1/24"):
            vsctl(*words)
    vsctl("port", "set", "p2", "mode", "bridge")
    assert [row["addr"] for row in vsctl("addr", "show")] == ["10.8.0.1/24"]


def test_from_the_file(idle_bed):
    """The same by sections of the configuration; a gateway before there is the uplink's address."""
    stations = [idle_bed.cable(number, plain=False) for number in (1, 2)]
    idle_bed.start("""
[port p2]
mode = route
ip = 10.0.1.77, fd00:1::77
gateway = 10.0.1.1,fd00:1::1
[port p1]
bridge = none
[addr 10.0.1.1/24]
port = p1
[addr fd00:1::1/64]
port = p1
""".replace(", fd", ",fd"))
    for station in stations:
        idle_bed.daemon.wait_link(station.port)
    settle(stations[0], 1)
    settle_guest(stations[1].host, GUESTS[2])
    for address in GUESTS[2]:
        stations[0].host.ping(address, count=1)
    assert proxies(idle_bed.daemon)["p1"] == "guests"


def test_emulated_nic_comes_first(bed):
    """While it is there, as vif-route's metrics have it; then the vif has the addresses."""
    add_uplink(bed)
    stations = {}
    for name, label in (("vif7.1", "pv"), ("vif7.1-emu", "qemu")):
        stations[label] = bed.host(label)
        cable(bed.sw, name, stations[label])
        settle_guest(stations[label], GUESTS[2])
    vsctl, keys = bed.daemon.vsctl, guest_keys(2)
    vsctl("port", "add", "vif7.1", "type", "netdev", *keys)
    bed.daemon.wait_link("vif7.1")
    stations["pv"].ping(LAN, count=1)
    vsctl("port", "add", "vif7.1-emu", "type", "netdev", *keys)
    bed.daemon.wait_link("vif7.1-emu")
    stations["qemu"].ping(LAN, count=1)
    assert set(map(tuple, guest_routes(bed.daemon).values())) == {("vif7.1-emu",)}
    # it meets the router by the address that the vif knows it by
    mac = {row["mac"] for row in vsctl("addr", "show", "port", "vif7.1-emu")}
    assert mac == {"fe:ff:ff:ff:ff:ff"}
    vsctl("port", "set", "vif7.1", "ip", ",".join((*GUESTS[2], "10.0.1.78")))
    assert guest_routes(bed.daemon)["10.0.1.78/32"] == ["vif7.1"]
    vsctl("port", "del", "vif7.1-emu")
    stations["pv"].ping(LAN, count=1)
    assert set(map(tuple, guest_routes(bed.daemon).values())) == {("vif7.1",)}
