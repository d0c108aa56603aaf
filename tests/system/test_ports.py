# SPDX-License-Identifier: BSD-3-Clause
"""Ports that come, go and change while others work; and many of them."""

import socket

import pytest

from harness import traffic
from harness.daemon import VsctlError
from harness.netns import run
from harness.wait import wait_until
from harness.wire import BROADCAST, ETH_P_ALL, frame, mac_of

from test_stats import wait_balance

A, B = mac_of(1), mac_of(2)
MANY_NETDEVS, MANY_TAPS = 100, 500


def test_churn_costs_others_nothing(bed):
    """Ports of all kinds come and go, fifty times; a stream between two others loses nothing."""
    one, two = bed.pair()
    bed.cable(3)
    kinds = [("p3", "type", "netdev"), ("t0", "type", "tap"),
             ("null0", "devargs", "net_null0,no-rx=1")]
    one.host.ping(two.address)
    stream = traffic.Stream(one.host, two.host, two.address)
    for _ in range(50):
        for name, *keys in kinds:
            bed.daemon.vsctl("port", "add", name, "bridge", "br0", *keys)
        bed.daemon.vsctl("port", "set", "p3", "vid", 7)
        bed.daemon.vsctl("bridge", "add", "br1", "loop-detect", "no")
        bed.daemon.vsctl("port", "set", "p3", "bridge", "br1")
        for name, *_ in kinds:
            bed.daemon.vsctl("port", "del", name)
        bed.daemon.vsctl("bridge", "del", "br1")
    numbers, sent = stream.stop()
    assert sent > 500
    assert numbers == list(range(sent))
    assert {row["port"] for row in bed.daemon.vsctl("port", "show")} == {"p1", "p2"}


def test_port_that_takes_traffic_goes(bed):
    """A port is deleted and added again while packets go through it; nothing stays behind."""
    one, two = bed.pair()
    one.host.ping(two.address)
    stream = traffic.Stream(one.host, two.host, two.address)
    for _ in range(20):
        bed.daemon.vsctl("port", "del", "p2")
        bed.daemon.vsctl("port", "add", "p2", "bridge", "br0")
        bed.daemon.wait_link("p2")
        before = stream.sent
        wait_until(lambda: max(stream.received(), default=0) > before, what="traffic goes on")
    stream.stop()
    traffic.tcp(one.host, two.host, two.address)


def test_no_descriptor_is_left(bed):
    """What a port opened is closed with it."""
    bed.cable(1)
    fds = "/proc/%d/fd" % bed.daemon.pid

    def count():
        return int(run("sh", "-c", "ls %s | wc -l" % fds).stdout)

    def cycle():
        for name, *keys in (("p1",), ("t0", "type", "tap", "queues", 4),
                            ("null0", "devargs", "net_null0,no-rx=1")):
            bed.daemon.vsctl("port", "add", name, "bridge", "br0", *keys)
        for name in ("p1", "t0", "null0"):
            bed.daemon.vsctl("port", "del", name)
    cycle()
    before = count()
    for _ in range(20):
        cycle()
    wait_until(lambda: count() <= before, what=lambda: "%d descriptors: %d" % (before, count()))


def test_deleted_port_is_closed(bed):
    """When "port del" returns: its interface may go, and others may have it, under any name."""
    bed.pair()
    for number in range(20):
        bed.daemon.vsctl("port", "add", "x%d" % number, "bridge", "br0", "devargs",
                         "net_null0,no-rx=1")
        bed.daemon.vsctl("port", "add", "t0", "bridge", "br0", "type", "tap")
        reply = bed.daemon.rpc("port.del", name="x%d" % number)
        assert reply["result"] is None
        bed.daemon.vsctl("port", "del", "t0")
        assert bed.sw.link("t0") is None
        bed.sw.ip("tuntap", "add", "t0", "mode", "tap")
        bed.sw.ip("link", "del", "t0")
    bed.daemon.vsctl("port", "del", "p1")
    assert "clsact" not in bed.sw.run("tc", "qdisc", "show", "dev", "p1").stdout
    assert bed.daemon.rpc("port.add", name="p1", bridge="br0")["result"] is None


def test_interface_that_goes_and_comes_back(bed):
    """By name, without a restart; the port and its counters stay."""
    one = bed.speak(bed.station(1, plain=False), 1)
    two = bed.station(2, plain=False)
    bed.speak(two, 2)
    one.host.ping(two.address)
    before, mac = bed.daemon.port("p2"), two.mac
    bed.sw.ip("link", "del", "p2")
    # the first that is heard of it may be that its link is down
    wait_until(lambda: "interface p2 is gone" in (bed.daemon.port("p2")["reason"] or ""),
               what=lambda: bed.daemon.port("p2"))
    assert bed.daemon.port("p2")["link"] == "down"
    wait_until(lambda: "p2" not in bed.daemon.fdb("br0").values(), what="nobody is behind it")
    run("ip", "link", "add", "p2", "netns", bed.sw.name, "type", "veth", "peer", "eth0",
        "netns", two.host.name, "address", mac)
    two.host.ip("link", "set", "eth0", "up")
    bed.speak(two, 2)
    row = bed.daemon.wait_link("p2")
    assert row["mac"] == bed.sw.mac("p2") != before["mac"]
    one.host.ping(two.address)
    traffic.tcp(one.host, two.host, two.address)
    assert bed.daemon.stats("p2")["rx_packets"] > before["rx_packets"]


def test_interface_that_is_renamed(bed):
    """The port is the name: it loses its interface, and takes the next that is called so."""
    bed.station(1)
    bed.sw.ip("link", "set", "p1", "down")
    bed.sw.ip("link", "set", "p1", "name", "other")
    bed.daemon.wait_link("p1", "down")
    bed.sw.ip("link", "set", "other", "name", "p1")
    bed.daemon.wait_link("p1")


def test_link(bed):
    """Down at either end, or up again, is told; dropped packets say why."""
    one, two = bed.pair()
    one.host.ping(two.address)
    two.host.ip("link", "set", "eth0", "down")
    assert "no carrier" in bed.daemon.wait_link("p2", "down")["reason"]
    two.host.ip("link", "set", "eth0", "up")
    assert bed.daemon.wait_link("p2")["reason"] is None
    bed.sw.ip("link", "set", "p2", "down")
    assert "ip link set p2 up" in bed.daemon.wait_link("p2", "down")["reason"]
    bed.sw.ip("link", "set", "p2", "up")
    bed.daemon.wait_link("p2")
    one.host.ping(two.address)


def test_packets_for_a_port_without_link(bed):
    """Known by a static entry, so not flooded."""
    one, two = bed.station(1), bed.station(2)
    bed.daemon.vsctl("fdb", "add", "br0", "mac", B, "port", "p2")
    two.host.ip("link", "set", "eth0", "down")
    bed.daemon.wait_link("p2", "down")
    one.wire.send(frame(B, A))
    wait_until(lambda: bed.daemon.drops("p2", "port_down") == 1,
               what=lambda: "a drop: %s" % bed.daemon.stats("p2"))


def test_host_stack_is_kept_off(bed):
    """The host's kernel does not answer on an interface that belongs to the switch."""
    one = bed.speak(bed.station(1, plain=False), 1)
    bed.sw.ip("addr", "add", "192.168.7.1/32", "dev", "lo")
    one.host.ip("route", "add", "192.168.7.0/24", "dev", "eth0")
    result = one.host.run("ping", "-c", 2, "-i", "0.02", "-W", 1, "192.168.7.1", check=False)
    assert result.returncode != 0
    bed.daemon.vsctl("port", "add", "br0", "bridge", "br0", "type", "tap")
    bed.daemon.wait_link("br0")
    bed.sw.ip("addr", "add", "10.0.0.9/24", "dev", "br0")
    one.host.ping("192.168.7.1")


class Ends:
    """All interfaces of a host, seen at once: who got a frame."""

    def __init__(self, host):
        with host.inside():
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                                         socket.htons(ETH_P_ALL))
        self._socket.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
        self._seen = []

    def seen(self, data):
        """Names of the interfaces that received this frame so far, sorted, one for each time."""
        while True:
            try:
                got, address = self._socket.recvfrom(1 << 16, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return sorted(self._seen)
            if got == data and address[2] != socket.PACKET_OUTGOING:
                self._seen.append(address[0])

    def close(self):
        """Close the socket."""
        self._socket.close()


def many_cables(bed, far, count):
    """count cables p0.. (at the switch) to e0.. (at the host far)."""
    bed.sw.ip_batch("link add name p%d type veth peer name e%d netns %s" % (n, n, far.name)
                    for n in range(count))
    bed.sw.ip_batch("link set p%d up" % n for n in range(count))
    far.ip_batch("link set e%d up" % n for n in range(count))


def wait_links(bed, count):
    """All ports are up."""
    def down():
        return [row["port"] for row in bed.daemon.vsctl("port", "show") if row["link"] != "up"]
    wait_until(lambda: not down(), what=lambda: "up: %s" % down())
    assert len(bed.daemon.vsctl("port", "show")) == count


def check_flood(bed, far, source, data):
    """A frame sent by interface source of the host far reaches all ports but its own, once."""
    ends, taps = Ends(far), Ends(bed.sw)
    netdevs = sorted("e%d" % n for n in range(MANY_NETDEVS) if "e%d" % n != source)
    hosts = sorted(row["port"] for row in bed.daemon.vsctl("port", "show")
                   if row["type"] == "tap")
    with far.inside():
        sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    sender.bind((source, 0))
    sender.send(data)
    wait_until(lambda: len(ends.seen(data)) >= len(netdevs), what=lambda: "%d ports: %s" % (
        len(netdevs), ends.seen(data)))
    wait_until(lambda: len([n for n in taps.seen(data) if n in hosts]) >= len(hosts),
               what=lambda: "%d taps: %s" % (len(hosts), taps.seen(data)))
    assert ends.seen(data) == netdevs
    assert [name for name in taps.seen(data) if name in hosts] == hosts
    for socket_ in (ends, taps, sender):
        socket_.close()


def test_a_hundred_ports(bed):
    far = bed.host("far")
    many_cables(bed, far, MANY_NETDEVS)
    for number in range(MANY_NETDEVS):
        bed.daemon.vsctl("port", "add", "p%d" % number, "bridge", "br0")
    wait_links(bed, MANY_NETDEVS)
    check_flood(bed, far, "e0", frame(BROADCAST, A))
    check_flood(bed, far, "e99", frame(BROADCAST, B, 1514))
    for number in range(MANY_NETDEVS):
        bed.daemon.vsctl("port", "del", "p%d" % number)
    assert bed.daemon.vsctl("port", "show") == []


def test_six_hundred_ports(idle_bed):
    """A hundred netdevs and five hundred host ports, all from one configuration file."""
    bed = idle_bed
    far = bed.host("far")
    many_cables(bed, far, MANY_NETDEVS)
    lines = ["[bridge br0]"]
    lines += ["[port p%d]\nbridge = br0" % number for number in range(MANY_NETDEVS)]
    lines += ["[port t%d]\nbridge = br0\ntype = tap" % number for number in range(MANY_TAPS)]
    bed.start("\n".join(lines) + "\n")
    wait_links(bed, MANY_NETDEVS + MANY_TAPS)
    check_flood(bed, far, "e50", frame(BROADCAST, A))
    wait_balance(bed)
    wait_until(lambda: bed.daemon.vsctl("bridge", "show", "br0")[0]["fdb_entries"] == 1,
               what="the sender is learnt")
    bed.daemon.vsctl("port", "del", "t499")
    with pytest.raises(VsctlError, match="t499"):
        bed.daemon.vsctl("port", "show", "t499")
