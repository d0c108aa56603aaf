# SPDX-License-Identifier: BSD-3-Clause
"""The router: addresses on ports and bridges, routes, neighbours, ICMP; with real hosts around."""

import errno
import re
import socket

import pytest

from harness.daemon import VsctlError
from harness.traffic import tcp, udp
from harness.wait import TIMEOUT, wait_until
from harness.wire import mac_bytes

NETS = (1, 2, 3, 4)


def host_address(net, v6=False, host=2):
    """The address of the host of a network; host 1 is the router."""
    return "fd00:%d::%d" % (net, host) if v6 else "10.0.%d.%d" % (net, host)


def settle(station, net):
    """Make a station the host of a network, with the router as its way out."""
    station.host.sysctl("ipv6/conf/eth0/disable_ipv6", 0)
    station.host.ip("addr", "add", host_address(net) + "/24", "dev", "eth0")
    station.host.ip("addr", "add", host_address(net, True) + "/64", "dev", "eth0", "nodad")
    station.host.ip("route", "add", "default", "via", host_address(net, host=1))
    station.host.ip("-6", "route", "add", "default", "via", host_address(net, True, 1))


def give_addresses(daemon, net, *place):
    """Make the router a host of a network."""
    daemon.vsctl("addr", "add", host_address(net, host=1) + "/24", *place)
    daemon.vsctl("addr", "add", host_address(net, True, 1) + "/64", *place)


@pytest.fixture
def hosts(bed):
    """h1 and h2 behind routed ports, h3 on br0, h4 in VLAN 10 of br0: by the number of the net."""
    made = {}
    for net in (1, 2):
        made[net] = bed.station(net, plain=False, bridge="none")
        give_addresses(bed.daemon, net, "port", made[net].port)
    made[3] = bed.station(3, plain=False)
    give_addresses(bed.daemon, 3, "bridge", "br0")
    made[4] = bed.station(4, "vid", 10, plain=False)
    give_addresses(bed.daemon, 4, "bridge", "br0", "vid", 10)
    for net, station in made.items():
        settle(station, net)
    return made


def balance(daemon):
    """What came in less what went out, over all ports: 0, or netback's promise is broken."""
    total = 0
    for row in daemon.vsctl("stats", "show"):
        total += row["rx_packets"] + row["copies"] - row["tx_packets"] - row["merged"]
        total -= row["punted"] + sum(row["drops"].values())
    return total


def ping_output(host, address, *options):
    """What one ping says."""
    return host.run("ping", "-n", "-c", 1, "-W", TIMEOUT, *options, address, check=False).stdout


def neighbours(daemon):
    """State by address."""
    return {row["neighbour"]: row["state"] for row in daemon.vsctl("neigh", "show")}


def test_everybody_reaches_everybody(bed, hosts):
    """The router's own addresses as well, whatever side they are on."""
    for here in NETS:
        for there in NETS:
            for v6 in (False, True):
                hosts[here].host.ping(host_address(there, v6, 1), count=1)
                if there != here:
                    hosts[here].host.ping(host_address(there, v6), count=1)
    assert set(neighbours(bed.daemon).values()) <= {"reachable", "stale"}
    wait_until(lambda: balance(bed.daemon) == 0, what=lambda: "balance: %d" % balance(bed.daemon))
    gateways = [row for row in bed.daemon.vsctl("port", "show") if row["type"] == "gateway"]
    assert sorted((row["bridge"], row["vid"] or 0) for row in gateways) == [("br0", 0), ("br0", 10)]


def test_gateways_count_what_passes(bed, hosts):
    """To the router and from it, in all that shows ports; for the balance others count it."""
    def passed():
        rows = bed.daemon.rpc("top.show")["result"]["ports"]
        return {row["port"]: (row["rx_packets"], row["tx_packets"], row["rx_bytes"],
                              row["tx_bytes"]) for row in rows if row["type"] == "gateway"}

    hosts[3].host.ping(host_address(4), count=1)
    before = passed()
    hosts[3].host.ping(host_address(4), count=20, size=972)
    after = passed()
    assert len(after) == 2
    for port, counts in after.items():
        rx, tx, rx_bytes, tx_bytes = (now - then for now, then in zip(counts, before[port]))
        # asking for neighbours may add a few
        assert 20 <= rx < 40 and 20 <= tx < 40
        assert 20 * 1014 <= rx_bytes < 22 * 1014 and 20 * 1014 <= tx_bytes < 22 * 1014
        shown, = bed.daemon.vsctl("port", "show", port)
        assert (shown["rx_packets"], shown["tx_packets"]) >= counts[:2]
    for row in bed.daemon.vsctl("stats", "show"):
        assert row["port"] not in after or (row["rx_packets"], row["tx_packets"]) == (0, 0)
    wait_until(lambda: balance(bed.daemon) == 0, what=lambda: "balance: %d" % balance(bed.daemon))


@pytest.mark.parametrize("v6", [False, True])
@pytest.mark.parametrize("here,there", [(1, 2), (1, 3), (3, 4)])
def test_traffic(bed, hosts, here, there, v6):
    """With the kernel's offloads: super-packets and blank checksums are routed as they are."""
    address = host_address(there, v6)
    tcp(hosts[here].host, hosts[there].host, address, size=2 << 20)
    udp(hosts[here].host, hosts[there].host, address)
    wait_until(lambda: balance(bed.daemon) == 0, what=lambda: "balance: %d" % balance(bed.daemon))


def test_hops_are_counted(bed, hosts):
    """The router answers where a packet's life ends."""
    assert "ttl=63" in ping_output(hosts[1].host, host_address(3))
    assert "From 10.0.1.1 icmp_seq=1 Time to live exceeded" in ping_output(
        hosts[1].host, host_address(3), "-t", 1)
    assert re.search("From fd00:1::1 icmp_seq=1 Time exceeded: Hop limit", ping_output(
        hosts[1].host, host_address(2, True), "-t", 1))
    assert bed.daemon.drops("p1", "ttl_exceeded") == 2


def test_nobody_there(bed, hosts):
    """A network without the station; no network at all; networks that are closed."""
    bed.daemon.vsctl("route", "add", "10.8.0.0/16", "unreachable")
    bed.daemon.vsctl("route", "add", "10.9.0.0/16", "blackhole")
    host = hosts[1].host
    assert "From 10.0.1.1 icmp_seq=1 Destination Host Unreachable" in ping_output(host, "10.0.2.77")
    assert "Destination unreachable: Address unreachable" in ping_output(host, "fd00:2::77")
    assert "From 10.0.1.1 icmp_seq=1 Destination Net Unreachable" in ping_output(host, "10.7.0.1")
    assert "From 10.0.1.1 icmp_seq=1 Destination Host Unreachable" in ping_output(host, "10.8.0.1")
    assert "Destination unreachable: No route" in ping_output(host, "fd99::1")
    assert "From" not in ping_output(host, "10.9.0.1", "-W", 1)
    wait_until(lambda: bed.daemon.drops("p1", "no_route") == 4, what="all four are dropped")
    bed.daemon.vsctl("route", "add", "default", "via", host_address(2))
    with pytest.raises(VsctlError, match="exists already"):
        bed.daemon.vsctl("route", "add", "default", "via", host_address(1))


def test_closed_ports(hosts):
    """The router has no services: whoever tries is told at once."""
    with hosts[1].host.inside():
        out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        stream = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    with out, stream:
        out.settimeout(TIMEOUT)
        out.connect((host_address(2, host=1), 9))
        out.send(b"x")
        with pytest.raises(ConnectionRefusedError):
            out.recv(10)
        # connect() with a timeout may take the refusal for a connection: it comes that soon
        stream.setblocking(False)
        stream.connect_ex((host_address(1, host=1), 9))
        wait_until(lambda: stream.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) ==
                   errno.ECONNREFUSED, what="TCP is refused")


def test_path_mtu(bed, hosts):
    """A narrow way: senders are told how wide it is, and what may be cut is cut."""
    bed.daemon.vsctl("port", "set", "p2", "mtu", 1300)
    hosts[2].host.ip("link", "set", "eth0", "mtu", 1300)
    host = hosts[1].host
    assert "(mtu = 1300)" in ping_output(host, host_address(2), "-M", "do", "-s", 1400)
    host.ip("route", "flush", "cache")
    assert "mtu=1300" in ping_output(host, host_address(2, True), "-s", 1400)
    host.ip("-6", "route", "flush", "cache")
    # each pays with its first packets, then knows
    tcp(host, hosts[2].host, host_address(2), size=1 << 20)
    tcp(host, hosts[2].host, host_address(2, True), size=1 << 20)
    host.ip("route", "flush", "cache")
    with host.inside():
        out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with hosts[2].host.inside():
        into = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with out, into:
        out.setsockopt(socket.IPPROTO_IP, 10, 0)  # IP_MTU_DISCOVER: IP_PMTUDISC_DONT
        into.bind((host_address(2), 0))
        into.settimeout(TIMEOUT)
        for size in (1272, 1273, 1472, 8000, 60000):
            data = bytes(range(256)) * (size // 256 + 1)
            out.sendto(data[:size], into.getsockname())
            assert into.recv(65536) == data[:size]


def test_several_gateways(bed, hosts):
    """Flows are spread over the gateways, and go on by those that are left."""
    for net in (2, 3):
        for host in range(20):
            hosts[net].host.ip("addr", "add", "10.66.0.%d/32" % (host + 1), "dev", "lo")
    bed.daemon.vsctl("route", "add", "10.66.0.0/24", "via",
                     host_address(2) + "," + host_address(3))
    before = {port: bed.daemon.port(port)["tx_packets"] for port in ("p2", "p3")}
    for host in range(20):
        hosts[1].host.ping("10.66.0.%d" % (host + 1), count=1)
    for port in ("p2", "p3"):
        assert bed.daemon.port(port)["tx_packets"] - before[port] >= 3
    row = next(r for r in bed.daemon.vsctl("route", "show") if r["route"] == "10.66.0.0/24")
    assert row["kind"] == "stations" and row["active"] and sorted(row["ports"]) == ["gw0", "p2"]
    hosts[2].host.ip("link", "set", "eth0", "down")
    wait_until(lambda: bed.daemon.port("p2")["link"] == "down", what="p2 is down")
    for host in range(20):
        hosts[1].host.ping("10.66.0.%d" % (host + 1), count=1)


def test_gateway_that_comes_later(bed, hosts):
    """A route waits for the network of its gateway, and is taken up when that comes."""
    bed.daemon.vsctl("route", "add", "10.55.0.0/16", "via", "10.0.5.2")
    row = bed.daemon.vsctl("route", "show", "match", "10.55.0.1")
    assert row == []
    inactive = [r for r in bed.daemon.vsctl("route", "show") if not r["active"]]
    assert [(r["route"], r["reason"]) for r in inactive] == [
        ("10.55.0.0/16", "gateway is on no network of ours")]
    bed.daemon.vsctl("addr", "add", "10.0.5.1/24", "port", "p2")
    row, = bed.daemon.vsctl("route", "show", "match", "10.55.0.1")
    assert (row["route"], row["via"], row["ports"]) == ("10.55.0.0/16", ["10.0.5.2"], ["p2"])
    hosts[2].host.ip("addr", "add", "10.0.5.2/24", "dev", "eth0")
    hosts[2].host.ip("addr", "add", "10.55.0.1/32", "dev", "lo")
    hosts[1].host.ping("10.55.0.1", count=1)
    bed.daemon.vsctl("addr", "del", "10.0.5.1/24")
    assert bed.daemon.vsctl("route", "show", "match", "10.55.0.1") == []
    bed.daemon.vsctl("route", "del", "10.55.0.0/16")


def test_neighbour_moves(bed, hosts):
    """A station with another MAC is found again; one by order stays where it was put."""
    host, address = hosts[2].host, host_address(2)
    hosts[1].host.ping(address, count=1)
    host.ip("link", "set", "eth0", "address", "02:00:00:00:99:01")
    host.run("ip", "neigh", "flush", "all")
    bed.daemon.vsctl("neigh", "del", address)
    hosts[1].host.ping(address, count=1)
    row = next(r for r in bed.daemon.vsctl("neigh", "show") if r["neighbour"] == address)
    assert (row["mac"], row["port"], row["state"]) == ("02:00:00:00:99:01", "p2", "reachable")
    bed.daemon.vsctl("neigh", "add", address, "mac", "02:00:00:00:99:02")
    assert neighbours(bed.daemon)[address] == "permanent"
    assert "1 received" not in ping_output(hosts[1].host, address, "-W", 1)
    bed.daemon.vsctl("neigh", "flush")
    assert neighbours(bed.daemon)[address] == "permanent"
    bed.daemon.vsctl("neigh", "del", address)
    hosts[1].host.ping(address, count=1)


def test_first_packets_wait(bed, hosts):
    """None of the first packets is lost while their station is looked for: there is room for 3."""
    hosts[1].host.ping(host_address(1, host=1), count=1)
    with hosts[2].host.inside():
        into = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with hosts[1].host.inside():
        out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with into, out:
        into.bind((host_address(2), 0))
        into.settimeout(TIMEOUT)
        for number in range(10):
            words = [b"%d %d" % (number, place) for place in range(3)]
            bed.daemon.vsctl("neigh", "flush")
            for word in words:
                out.sendto(word, into.getsockname())
            assert [into.recv(100) for _ in words] == words


def test_scan(bed, hosts):
    """Who looks through a whole network keeps nobody from finding others."""
    with hosts[1].host.inside():
        out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    bed.daemon.vsctl("addr", "add", "10.128.0.1/9", "port", "p2")
    with out:
        for number in range(3000):
            out.sendto(b"x", ("10.129.%d.%d" % (number >> 8, number & 255), 9))
        states = list(neighbours(bed.daemon).values())
        assert states.count("incomplete") <= 128
        bed.daemon.vsctl("neigh", "flush", "port", "p2")
        for number in range(3000):
            out.sendto(b"x", ("10.130.%d.%d" % (number >> 8, number & 255), 9))
        hosts[3].host.ping(host_address(2), count=1)
        hosts[2].host.ping(host_address(3), count=1)


def test_proxy(bed, hosts):
    """A host that takes the whole world for its link."""
    bed.daemon.vsctl("port", "set", "p1", "proxy", "all")
    assert {r["proxy"] for r in bed.daemon.vsctl("addr", "show", "port", "p1")} == {"all"}
    host = hosts[1].host
    host.ip("route", "replace", "default", "dev", "eth0")
    host.ip("-6", "route", "replace", "default", "dev", "eth0")
    for net in (2, 3):
        host.ping(host_address(net), count=1)
        host.ping(host_address(net, True), count=1)
    # not for what is on its own link, and not for nothing
    wire = hosts[1].wire
    for target, answered in (("10.0.1.77", False), ("10.0.2.77", True), ("10.77.0.1", False)):
        wire.drain()
        request = mac_bytes("ffffffffffff") + mac_bytes(hosts[1].mac) + bytes.fromhex(
            "08060001080006040001") + mac_bytes(hosts[1].mac) + socket.inet_aton(
            "10.0.1.2") + bytes(6) + socket.inet_aton(target)
        wire.send(request)
        # the router's own address is always answered: what comes before that is the other answer
        wire.send(request[:38] + socket.inet_aton("10.0.1.1"))
        replies = []
        while not replies or replies[-1] != "10.0.1.1":
            frame = wire.recv(TIMEOUT)
            assert frame is not None, "no ARP reply"
            if frame.data[12:14] == b"\x08\x06" and frame.data[21] == 2:
                replies.append(socket.inet_ntoa(frame.data[28:32]))
        assert (target in replies) == answered


def test_conflict(bed, hosts):
    """Another station with our address is noticed, said, and answered."""
    wire, other = hosts[1].wire, mac_bytes("020000009999")
    wire.send(mac_bytes("ffffffffffff") + other + bytes.fromhex("08060001080006040001") + other +
              socket.inet_aton("10.0.1.1") + bytes(6) + socket.inet_aton("10.0.1.1"))
    row = wait_until(lambda: next((r for r in bed.daemon.vsctl("addr", "show", "port", "p1")
                                   if r["conflicts"] == 1), None), what="the conflict is noticed")
    assert row["port"] == "p1"
    assert "station 02:00:00:00:99:99 has our address 10.0.1.1" in bed.daemon.log
    while True:
        frame = wire.recv(TIMEOUT)
        assert frame is not None, "nobody defends the address"
        if frame.data[12:14] == b"\x08\x06" and frame.data[28:32] == socket.inet_aton("10.0.1.1"):
            break
    assert frame.data[22:28] == mac_bytes(row["mac"])


def test_announced(bed, hosts):
    """A new address is told to the link."""
    hosts[2].wire.drain()
    bed.daemon.vsctl("addr", "add", "10.0.22.1/24", "port", "p2")
    while True:
        frame = hosts[2].wire.recv(TIMEOUT)
        assert frame is not None, "no announcement"
        if frame.data[12:14] == b"\x08\x06" and frame.data[28:32] == socket.inet_aton("10.0.22.1"):
            assert frame.data[38:42] == frame.data[28:32]
            return


def test_refusals(bed, hosts):
    """What cannot be is refused with a reason, and changes nothing."""
    vsctl = bed.daemon.vsctl
    before = vsctl("addr", "show"), sorted(map(str, vsctl("route", "show")))
    for words, reason in (
            (("addr", "add", "10.0.1.9/24", "port", "p2"), "port p1 has an address of this net"),
            (("addr", "add", "10.0.1.1/32", "port", "p1"), "has it already"),
            (("addr", "add", "10.9.9.0/24", "port", "p1"), "address of the network itself"),
            (("addr", "add", "10.9.9.255/24", "port", "p1"), "broadcast"),
            (("addr", "add", "224.0.0.1/24", "port", "p1"), "no router can have"),
            (("addr", "add", "fe80::1/64", "port", "p1"), "no router can have"),
            (("addr", "add", "10.9.9.1/24", "port", "p3"), "is on bridge br0"),
            (("addr", "add", "10.9.9.1/24", "port", "nix"), "there is no port|no such port"),
            (("addr", "add", "10.9.9.1/24", "bridge", "nix"), "no such bridge"),
            (("addr", "del", "10.9.9.1/24"), "no such address"),
            (("addr", "del", "10.0.3.1", "bridge", "br0", "vid", 10), "no such address"),
            (("route", "add", "10.9.0.1/16", "via", "10.0.1.2"), "has bits set behind"),
            (("route", "add", "10.9.0.0/16", "via", "fd00:1::2"), "of another family"),
            (("route", "add", "10.9.0.0/16", "via", "10.0.1.1"), "is the router itself"),
            (("route", "add", "fd99::/64", "via", "fe80::1"), "give port"),
            (("route", "add", "10.9.0.0/16", "port", "nix"), "there is no port nix"),
            (("route", "del", "10.9.0.0/16"), "no such static route"),
            (("route", "del", "10.0.1.0/24"), "no such static route"),
            (("route", "import", "cisco"), "not kernel or none"),
            (("neigh", "add", "10.99.0.1", "mac", "02:00:00:00:00:01"), "on no network of ours"),
            (("neigh", "add", "10.0.1.9", "mac", "03:00:00:00:00:01"), "is a group's"),
            (("neigh", "del", "10.0.1.9"), "no such neighbour"),
            (("port", "del", "p1"), "has 2 address"),
            (("port", "del", "gw0"), "has 2 address"),
            (("port", "set", "p1", "bridge", "br0"), "has 2 address"),
            (("bridge", "del", "br0"), "has 4 port"),
            (("bond", "add", "bond0", "bridge", "none", "members", "p1"), "p1 is a routed port"),
            (("route", "add", "default", "via", host_address(1, True)), "of IPv6 is ::/0"),
    ):
        with pytest.raises(VsctlError, match=reason):
            vsctl(*words)
    assert before == (vsctl("addr", "show"), sorted(map(str, vsctl("route", "show"))))


def test_shadowed(bed, hosts):
    """Of several routes to one prefix one is used, and the others say which."""
    vsctl = bed.daemon.vsctl
    vsctl("route", "add", "10.0.2.0/24", "via", host_address(1))
    vsctl("route", "add", "10.66.0.0/16", "via", "10.99.0.1")

    def rows():
        return {(r["route"], r["origin"]): (r["active"], r["reason"])
                for r in vsctl("route", "show") if r["route"] in ("10.0.2.0/24", "10.66.0.0/16")}

    used = {("10.66.0.0/16", "static"): (False, "gateway is on no network of ours")}
    assert rows() == {**used, ("10.0.2.0/24", "connected"): (True, None),
                      ("10.0.2.0/24", "static"): (False, "the prefix is connected")}
    vsctl("addr", "del", "10.0.2.1")
    assert rows() == {**used, ("10.0.2.0/24", "static"): (True, None)}


def test_all_gone(bed, hosts):
    """Without addresses there is no router: ports are free, the gateway port goes."""
    hosts[1].host.ping(host_address(3), count=1)
    bed.daemon.vsctl("route", "add", "10.66.0.0/16", "via", host_address(2))
    for row in bed.daemon.vsctl("addr", "show"):
        bed.daemon.vsctl("addr", "del", row["addr"])
    assert bed.daemon.vsctl("neigh", "show") == []
    rest, = bed.daemon.vsctl("route", "show")
    assert (rest["route"], rest["active"]) == ("10.66.0.0/16", False)
    assert [p["port"] for p in bed.daemon.vsctl("port", "show") if p["type"] == "gateway"] == []
    bed.daemon.vsctl("port", "set", "p1", "bridge", "br0")
    bed.daemon.vsctl("port", "del", "p2")
    bed.daemon.vsctl("addr", "add", "10.0.3.1/24", "bridge", "br0")
    hosts[3].host.ping("10.0.3.1", count=1)


def test_from_the_file(idle_bed):
    """The same by sections of the configuration."""
    stations = [idle_bed.cable(number, plain=False) for number in (1, 2)]
    idle_bed.start("""
[bridge br0]
[port p1]
bridge = none
[port p2]
bridge = br0
[addr 10.0.1.1/24]
port = p1
[addr 10.0.2.1/24]
bridge = br0
[route 10.66.0.0/16]
via = 10.0.2.2
[route 10.67.0.0/16]
blackhole = yes
[neigh 10.0.1.2]
mac = %s
""" % stations[0].mac)
    for net, station in enumerate(stations, 1):
        idle_bed.daemon.wait_link(station.port)
        settle(station, net)
    stations[1].host.ip("addr", "add", "10.66.0.1/32", "dev", "lo")
    stations[0].host.ping("10.66.0.1", count=1)
    assert neighbours(idle_bed.daemon)["10.0.1.2"] == "permanent"
    result = idle_bed.daemon.run_to_end("--config", "/dev/null", "--run-dir", "/nonexistent/x")
    assert result.returncode != 0


def test_kernel_routes(bed, hosts):
    """What a routing daemon gives the kernel, the switch has; and follows."""
    for number in (1, 2):
        bed.sw.ip("addr", "add", "10.0.%d.100/24" % number, "dev", "p%d" % number)
    bed.sw.ip("route", "add", "10.71.0.0/16", "via", "10.0.2.2")
    bed.daemon.vsctl("route", "import", "kernel")

    def kernel():
        return {r["route"]: (r["kind"], sorted(r["via"]), sorted(set(r["ports"])))
                for r in bed.daemon.vsctl("route", "show") if r["origin"] == "kernel"}

    def expect(routes):
        # the kernel's own networks of p1 and p2 are there as well
        wait_until(lambda: {k: v for k, v in kernel().items() if k[:5] != "10.0."} == routes,
                   what=lambda: "%s: %s" % (routes, kernel()))

    one = {"10.71.0.0/16": ("station", ["10.0.2.2"], ["p2"])}
    expect(one)
    hosts[2].host.ip("addr", "add", "10.71.0.1/32", "dev", "lo")
    hosts[1].host.ping("10.71.0.1", count=1)
    bed.sw.ip("route", "add", "blackhole", "10.72.0.0/16")
    bed.sw.ip("route", "add", "10.73.0.0/16", "nexthop", "via", "10.0.1.2", "nexthop", "via",
              "10.0.2.2")
    two = dict(one, **{"10.72.0.0/16": ("blackhole", [], []),
                       "10.73.0.0/16": ("stations", ["10.0.1.2", "10.0.2.2"], ["p1", "p2"])})
    expect(two)
    # a better one comes and goes
    bed.sw.ip("route", "add", "10.74.0.0/16", "via", "10.0.1.2", "metric", 100)
    bed.sw.ip("route", "add", "10.74.0.0/16", "via", "10.0.2.2", "metric", 50)
    expect(dict(two, **{"10.74.0.0/16": ("station", ["10.0.2.2"], ["p2"])}))
    bed.sw.ip("route", "del", "10.74.0.0/16", "metric", 50)
    expect(dict(two, **{"10.74.0.0/16": ("station", ["10.0.1.2"], ["p1"])}))
    bed.sw.ip("route", "del", "10.74.0.0/16")
    bed.sw.ip("route", "del", "10.72.0.0/16")
    bed.sw.ip("route", "del", "10.73.0.0/16")
    expect(one)
    # many at once
    bed.sw.ip_batch(["route add 10.80.%d.0/24 via 10.0.2.2" % n for n in range(200)])
    wait_until(lambda: len(kernel()) >= 203, what=lambda: "203 routes: %d" % len(kernel()))
    bed.daemon.vsctl("route", "import", "none")
    assert kernel() == {}
