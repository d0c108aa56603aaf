# SPDX-License-Identifier: BSD-3-Clause
"""The router among stations that wish it ill, and routes that change under what is known."""

import ipaddress
import socket
import struct

import pytest

from harness.daemon import VsctlError
from harness.traffic import Stream
from harness.wait import TIMEOUT, wait_until
from harness.wire import mac_bytes
from test_router import host_address, hosts, neighbours  # pylint: disable=unused-import

BROADCAST = b"\xff" * 6
FLOOD = 5000


def arp(mac, sender, target, operation=1):
    """An ARP request as a broadcast, or what else."""
    return BROADCAST + mac_bytes(mac) + bytes.fromhex("0806000108000604") + struct.pack(
        "!H", operation) + mac_bytes(mac) + socket.inet_aton(sender) + bytes(
            6) + socket.inet_aton(target)


def icmp6(macs, src, dst, message, hop_limit=255):
    """A frame with an ICMPv6 message, whose checksum is filled in."""
    addresses = ipaddress.ip_address(src).packed + ipaddress.ip_address(dst).packed
    words = addresses + struct.pack("!II", len(message), 58) + message + bytes(len(message) % 2)
    total = sum(struct.unpack("!%dH" % (len(words) // 2), words))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    message = message[:2] + struct.pack("!H", ~total & 0xffff) + message[4:]
    return macs + b"\x86\xdd" + struct.pack(
        "!IHBB", 6 << 28, len(message), 58, hop_limit) + addresses + message


def solicit(station, router_mac, src, target, dst=None):
    """A neighbour solicitation; by unicast to the router's MAC."""
    message = bytes.fromhex("8700000000000000") + ipaddress.ip_address(
        target).packed + b"\x01\x01" + mac_bytes(station.mac)
    return icmp6(mac_bytes(router_mac) + mac_bytes(station.mac), src, dst or target, message)


def router_mac(bed, port):
    """The router's MAC on a port."""
    return bed.daemon.vsctl("addr", "show", "port", port)[0]["mac"]


def link_local(mac):
    """The link-local address of a MAC (RFC 4291 appendix A)."""
    data = bytearray(mac_bytes(mac))
    data[0] ^= 2
    return str(ipaddress.IPv6Address(b"\xfe\x80" + bytes(6) + bytes(data[:3]) + b"\xff\xfe" +
                                     bytes(data[3:])))


def echoed(wire, what=b"\x80"):
    """Whether an echo reply comes, which is asked for last."""
    while True:
        frame = wire.recv(TIMEOUT)
        assert frame is not None, "no answer at all"
        if frame.data[12:14] == b"\x86\xdd" and frame.data[20] == 58 and frame.data[54] in what:
            return frame.data


def test_claims(bed, hosts):
    """A station with thousands of addresses loses those, and not the others theirs."""
    bed.daemon.vsctl("addr", "add", "10.3.0.1/16", "bridge", "br0")
    mine = bed.station(7, plain=False)
    mine.host.ip("addr", "add", "10.3.255.2/16", "dev", "eth0")
    mine.host.ip("route", "add", "default", "via", "10.3.0.1")
    hosts[1].host.ping("10.3.255.2", count=1)
    for number in range(FLOOD):
        hosts[3].wire.send(arp(hosts[3].mac, "10.3.%d.%d" % (number >> 8, number & 255),
                               "10.3.0.1"))
        if number % 1000 == 0:
            hosts[1].host.ping("10.3.255.2", count=1)
    known = neighbours(bed.daemon)
    assert sum(address.startswith("10.3.") for address in known) <= 4096
    assert known["10.3.255.2"] in ("reachable", "stale", "probe")
    hosts[2].host.ping("10.3.255.2", count=1)


def test_claims_of_ipv6(bed, hosts):
    """The same, where each station takes half a dozen groups of the FIB: there is room for more."""
    mac = router_mac(bed, "p1")
    seed = 1
    for number in range(FLOOD):
        seed = seed * 6364136223846793005 + 1442695040888963407 & (1 << 64) - 1
        src = str(ipaddress.ip_address("fd00:1::") + seed)
        hosts[1].wire.send(solicit(hosts[1], mac, src, "fd00:1::1"))
        if number % 500 == 0:
            hosts[2].host.ping(host_address(3, True), count=1)
    bed.daemon.vsctl("neigh", "flush", "port", "p2")
    hosts[3].host.ping(host_address(2, True), count=1)
    hosts[2].host.ping(host_address(4, True), count=1)


def test_more_specific(bed, hosts):
    """A station that is known is where routes say that it is, as soon as they do."""
    bed.daemon.vsctl("addr", "add", "10.5.0.1/16", "port", "p1")
    for net in (1, 2):
        hosts[net].host.ip("addr", "add", "10.5.6.7/24", "dev", "eth0")
    hosts[3].host.ping("10.5.6.7", count=1)

    def place():
        row = next((r for r in bed.daemon.vsctl("neigh", "show")
                    if r["neighbour"] == "10.5.6.7"), None)
        return row["port"] if row else None

    assert place() == "p1"
    bed.daemon.vsctl("addr", "add", "10.5.6.1/24", "port", "p2")
    wait_until(lambda: place() is None, what="it is forgotten")
    hosts[3].host.ping("10.5.6.7", count=1)
    assert place() == "p2"
    bed.daemon.vsctl("addr", "del", "10.5.6.1")
    hosts[3].host.ping("10.5.6.7", count=1)
    assert place() == "p1"
    bed.daemon.vsctl("route", "add", "10.5.6.0/28", "via", host_address(2))
    wait_until(lambda: place() is None, what="it is forgotten again")
    hosts[3].host.ping("10.5.6.7", count=1)
    assert place() is None


def test_gateway_off_any_network(bed, hosts):
    """A gateway that is on the port's link by order alone; and a station itself."""
    hosts[2].host.ip("addr", "add", "172.31.1.1/32", "dev", "eth0")
    hosts[2].host.ip("addr", "add", "10.77.0.1/32", "dev", "eth0")
    bed.daemon.vsctl("route", "add", "10.77.0.0/16", "via", "172.31.1.1", "port", "p2")
    hosts[1].host.ping("10.77.0.1", count=2)
    # and through changes of other routes
    bed.daemon.vsctl("route", "add", "10.78.0.0/16", "blackhole")
    hosts[1].host.ping("10.77.0.1", count=2)
    bed.daemon.vsctl("route", "add", "172.31.1.1/32", "port", "p2")
    hosts[1].host.ping("172.31.1.1", count=2)


def test_link_local_of_others(bed, hosts):
    """The router answers for its own link-local address, and for no other."""
    mac = router_mac(bed, "p1")
    wire, macs = hosts[1].wire, mac_bytes(mac) + mac_bytes(hosts[1].mac)
    wire.drain()
    for dst in ("fe80::abcd", link_local(mac)):
        wire.send(icmp6(macs, link_local(hosts[1].mac), dst, bytes.fromhex("8000000012340001"),
                        hop_limit=64))
    assert echoed(wire, b"\x81")[22:38] == ipaddress.ip_address(link_local(mac)).packed


def test_proxied_by_unicast(bed, hosts):
    """Who checks an address that the router answers for asks by unicast, and is answered."""
    bed.daemon.vsctl("port", "set", "p1", "proxy", "all")
    mac, wire = router_mac(bed, "p1"), hosts[1].wire
    hosts[1].host.ping(host_address(2, True), count=1)
    wire.drain()
    wire.send(solicit(hosts[1], mac, host_address(1, True), host_address(2, True)))
    while True:
        advert = echoed(wire, b"\x88")
        if advert[62:78] == ipaddress.ip_address(host_address(2, True)).packed:
            break
    assert advert[80:86] == mac_bytes(mac)


def test_unrelated_changes(bed, hosts):
    """Routes that come and go do not touch a stream that takes others."""
    hosts[1].host.ping(host_address(2), count=1)
    stream = Stream(hosts[1].host, hosts[2].host, host_address(2), per_second=1000)
    wait_until(lambda: stream.sent > 100, what="packets are sent")
    for number in range(60):
        prefix = "10.%d.0.0/16" % (100 + number)
        bed.daemon.vsctl("route", "add", prefix, "via", host_address(3))
        bed.daemon.vsctl("route", "add", "10.0.2.%d/32" % (100 + number), "blackhole")
        bed.daemon.vsctl("addr", "add", "10.%d.0.1/24" % (160 + number % 30), "port", "p2")
        if number % 2:
            bed.daemon.vsctl("route", "del", prefix)
        bed.daemon.vsctl("addr", "del", "10.%d.0.1" % (160 + number % 30))
    numbers, sent = stream.stop()
    assert numbers == list(range(sent))


def test_full_table(bed):
    """Routes that fill the table take nothing from stations, and the refusal says what to do."""
    bed.daemon.stop()
    bed.daemon.start("[vswitchd]\nroutes-max = 256\n[bridge br0]\nloop-detect = no\n")
    stations = [bed.station(net, plain=False, bridge="none") for net in (1, 2)]
    for net, station in enumerate(stations, 1):
        station.host.ip("addr", "add", host_address(net) + "/24", "dev", "eth0")
        station.host.ip("route", "add", "default", "via", host_address(net, host=1))
        bed.daemon.vsctl("addr", "add", host_address(net, host=1) + "/24", "port", station.port)
        bed.daemon.vsctl("addr", "add", host_address(net, True, 1) + "/64", "port", station.port)
    with pytest.raises(VsctlError, match="the table is full; raise routes-max"):
        for number in range(300):
            # most of them lead nowhere now, and count
            bed.daemon.vsctl("route", "add", "10.%d.0.0/16" % number if number < 256 else
                             "11.0.0.0/16", "via", "99.0.0.1")
    assert number == 256
    stations[0].host.ping(host_address(2), count=1)


def test_everything_changes(bed, hosts):
    """Ports, gateways, groups and rifs that come and go under traffic to them, numbers used again."""
    vsctl = bed.daemon.vsctl
    stream = Stream(hosts[1].host, hosts[2].host, host_address(2), per_second=500)
    with hosts[1].host.inside():
        out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    out.setblocking(False)

    def shoot():
        for target in ("10.40.0.2", "10.41.0.2", "10.42.0.9", "10.43.0.9", "10.0.3.2"):
            for port in range(1024, 1056):
                try:
                    out.sendto(bytes(200), (target, port))
                except OSError:
                    pass  # what the router says of the one before

    vsctl("bridge", "add", "br1", "loop-detect", "no")
    other = bed.station(8, plain=False, bridge="br1")
    other.host.ip("addr", "add", "10.40.0.2/24", "dev", "eth0")
    other.host.ip("addr", "add", "10.41.0.2/24", "dev", "eth0")
    with out:
        for number in range(20):
            vsctl("addr", "add", "10.40.0.1/24", "bridge", "br1")
            vsctl("route", "add", "10.42.0.0/16", "via", "10.40.0.2,10.0.2.2,10.0.3.2")
            shoot()
            vsctl("addr", "add", "10.41.0.1/24", "bridge", "br1")
            vsctl("route", "add", "10.43.0.0/16", "via", "10.41.0.2")
            shoot()
            vsctl("neigh", "add", "10.40.0.9", "mac", other.mac)
            vsctl("port", "set", "p1", "proxy", "all" if number % 2 else "no")
            vsctl("addr", "del", "10.40.0.1")
            shoot()
            vsctl("route", "del", "10.42.0.0/16")
            vsctl("addr", "del", "10.41.0.1")  # and the bridge's port with it
            shoot()
            vsctl("port", "set", other.port, "bridge", "none")
            vsctl("addr", "add", "10.40.0.1/24", "port", other.port)
            shoot()
            vsctl("neigh", "flush")
            vsctl("addr", "del", "10.40.0.1")
            vsctl("route", "del", "10.43.0.0/16")
            vsctl("port", "set", other.port, "bridge", "br1")
    numbers, sent = stream.stop()
    # packets that wait for their station after the flush are three
    assert numbers == sorted(numbers) and len(numbers) > sent * 0.9
    hosts[1].host.ping(host_address(3), count=1)
    vsctl("port", "set", other.port, "bridge", "none")
    vsctl("bridge", "del", "br1")
