# SPDX-License-Identifier: BSD-3-Clause
"""Loops without a spanning tree: found by the switch's own probes, one port blocked, and told."""

import time

import pytest

from harness.netns import cable
from harness.wait import wait_until
from harness.wire import BROADCAST, LOOP_PROBE, Wire, frame, mac_bytes, mac_of

from test_stats import wait_balance
from test_tap import add_tap

A, B = mac_of(1), mac_of(2)


@pytest.fixture
def loop_bed(idle_bed):
    """A bridge br0 that watches for loops, as bridges do by default."""
    return idle_bed.start("[bridge br0]\n")


def bridged(bed, name, numbers):
    """A host whose eth0 and eth1, at ports pN of the switch, are bridged by its kernel, without STP.

    The bridge is down at first. Return: the host.
    """
    host = bed.host(name)
    host.ip("link", "add", "name", "k", "type", "bridge")
    for index, number in enumerate(numbers):
        cable(bed.sw, "p%d" % number, host, "eth%d" % index)
        host.ip("link", "set", "eth%d" % index, "master", "k")
    for number in numbers:
        bed.daemon.vsctl("port", "add", "p%d" % number, "bridge", "br0")
        bed.daemon.wait_link("p%d" % number)
    return host


def blocked(bed):
    """Names of the ports that are blocked."""
    return {row["port"] for row in bed.daemon.vsctl("port", "show") if row["state"] == "blocked"}


def probe_of(wire):
    """The next probe that a station is sent; older ones mean nothing to the switch."""
    wire.probes = True
    wire.drain()

    def next_one():
        got = wire.recv(1)
        return got.data if got and got.data.startswith(mac_bytes(LOOP_PROBE)) else None
    return wait_until(next_one, what="a probe")


def test_two_uplinks(loop_bed):
    """A cable too many: found before or by the first broadcast, and the storm ends."""
    bed = loop_bed
    wire = bed.station(3).wire
    host = bridged(bed, "loop", (1, 2))
    started = time.monotonic()
    host.ip("link", "set", "k", "up")
    wire.send(frame(BROADCAST, A))
    wait_until(lambda: blocked(bed) == {"p2"}, what=lambda: "p2 is blocked: %s" % blocked(bed))
    print("\nloop of two uplinks: one blocked after %.3f s, %d frames went round" % (
        time.monotonic() - started, bed.daemon.stats("p1")["rx_packets"]))
    row = bed.daemon.port("p2")
    assert row["reason"] == "blocked: a loop with port p1" and row["loops"] == 1
    assert row["link"] == "up"
    assert "port p2: blocked: a loop with port p1" in bed.daemon.log
    wait_until(lambda: received_soon(bed, "p1") < 5, what="nothing goes round any more")
    assert bed.daemon.port("p1")["state"] == "forwarding"
    wait_balance(bed)
    # still there after a while; gone when the loop is gone
    host.ip("link", "set", "k", "down")
    wait_until(lambda: not blocked(bed), 60, "p2 is free")
    assert bed.daemon.port("p2").get("reason") is None
    # again, and soon: it takes longer to be trusted
    host.ip("link", "set", "k", "up")
    wait_until(lambda: blocked(bed) == {"p2"}, what="p2 is blocked again")
    assert "until that has not been seen for 60 s" in bed.daemon.log
    assert bed.daemon.port("p2")["loops"] == 2
    # the operator knows better
    host.ip("link", "set", "k", "down")
    bed.daemon.vsctl("port", "set", "p2", "carrier", "on")
    assert not blocked(bed)


def test_gateways_are_not_probed(loop_bed):
    """The router ends every loop: it is sent no probes, which it would count as dropped for ever."""
    bed = loop_bed
    wire = bed.station(1).wire
    bed.station(2)  # of two NICs, each is asked about every second
    bed.daemon.vsctl("addr", "add", "10.0.0.254/24", "bridge", "br0")
    for _ in range(3):
        probe_of(wire)
    assert bed.daemon.drops("gw0", "not_routed") == 0
    assert bed.daemon.stats("gw0")["tx_packets"] == 0


def received_soon(bed, port):
    """How many packets come by a port in the next moment."""
    before = bed.daemon.stats(port)["rx_packets"]
    time.sleep(0.05)
    return bed.daemon.stats(port)["rx_packets"] - before


def test_uplink_is_kept(loop_bed):
    """The host's tap is bridged to the uplink behind our back: the tap is blocked."""
    bed = loop_bed
    add_tap(bed)
    cable(bed.sw, "p1", bed.sw, "q1")
    bed.sw.ip("link", "add", "name", "k", "type", "bridge")
    for name in ("q1", "br0"):
        bed.sw.ip("link", "set", name, "master", "k")
    bed.daemon.vsctl("port", "add", "p1", "bridge", "br0")
    bed.daemon.wait_link("p1")
    bed.sw.ip("link", "set", "k", "up")
    wait_until(lambda: blocked(bed) == {"br0"}, what=lambda: "the tap is blocked: %s" % blocked(bed))
    assert bed.daemon.port("br0")["reason"] == "blocked: a loop with port p1"


def test_reflector(loop_bed):
    """Who sends back what an uplink sends shuts nobody out; it is told and counted."""
    bed = loop_bed
    one, two = bed.station(1).wire, bed.station(2).wire
    for _ in range(3):
        one.send(probe_of(one))
    wait_until(lambda: bed.daemon.port("p1")["loops"] == 1, what="it is counted")
    assert not blocked(bed)
    assert "port p1: something behind it sends back" in bed.daemon.log
    two.send(frame(BROADCAST, B))
    one.until(frame(BROADCAST, B))


def test_forged(loop_bed):
    """No probe but one of this process's own, sent a moment ago, blocks anything."""
    bed = loop_bed
    one, two, three = (bed.station(number).wire for number in (1, 2, 3))
    probe = probe_of(one)
    punted = bed.daemon.stats("p2")["punted"]
    n_sent = 0
    for at in (22, 30, 32, 34, 36, 43, 44, 51):
        two.send(probe[:at] + bytes([probe[at] ^ 1]) + probe[at + 1:])
        n_sent += at >= 30  # of another bridge: a frame like any other
    wait_until(lambda: bed.daemon.stats("p2")["punted"] >= punted + n_sent, what="they are read")
    assert not blocked(bed)
    # of another bridge: forwarded, as others' probes are
    foreign = probe[:22] + bytes([probe[22] ^ 1]) + probe[23:]
    three.probes = True
    three.until(foreign)
    # a probe that went astray at another bridge of ours is none of that one's
    bed.daemon.vsctl("bridge", "add", "br1", "loop-detect", "no")
    bed.daemon.vsctl("port", "set", "p3", "bridge", "br1")
    three.drain()
    three.send(probe_of(one))
    assert not blocked(bed)


def test_replayed(loop_bed):
    """Two that exchange their probes have but one of themselves blocked."""
    bed = loop_bed
    one, two, three = (bed.station(number).wire for number in (1, 2, 3))

    def is_blocked():
        two.send(probe_of(one))
        return blocked(bed) == {"p2"}
    wait_until(is_blocked, what="p2 is blocked")
    three.send(frame(BROADCAST, A))
    one.until(frame(BROADCAST, A))


def test_vlans(loop_bed):
    """A loop in one VLAN of trunks is found by frames of that VLAN."""
    bed = loop_bed
    for number in (1, 2):
        bed.cable(number)
        bed.daemon.vsctl("port", "add", "p%d" % number, "bridge", "br0", "trunk", "10,20")
        bed.daemon.wait_link("p%d" % number)
    three = bed.station(3, "vid", 20).wire
    wires = [station.wire for station in bed.stations[:2]]
    for wire in wires:
        wire.probes = True
    three.send(frame(BROADCAST, A))
    tagged = [wire.recv(10) for wire in wires]
    # what comes by one trunk goes back by the other, as a switch out there would send it
    end = time.monotonic() + 20
    while not blocked(bed) and time.monotonic() < end:
        for index, wire in enumerate(wires):
            for got in wire.drain():
                if got.data[12:16] == b"\x81\0\0\x14":
                    wires[1 - index].send(got.data)
        if tagged[0] is not None:
            wires[1].send(tagged[0].data)
    assert blocked(bed) == {"p2"}


def test_off(bed):
    """Nothing is sent, nothing is blocked; frames like probes are forwarded."""
    one, two = bed.station(1).wire, bed.station(2).wire
    one.probes = two.probes = True
    data = frame(LOOP_PROBE, A)
    one.send(data, frame("03:80:c2:00:00:00", A))
    two.expect(data, frame("03:80:c2:00:00:00", A))
    assert not one.drain() and not two.drain()
    assert bed.daemon.stats("p1")["punted"] == 0


def test_quiet_bridge(loop_bed):
    """With one uplink probes end soon after the link is up."""
    bed = loop_bed
    wire = Wire(bed.cable(1).host, "eth0")
    try:
        bed.daemon.vsctl("port", "add", "p1", "bridge", "br0")
        n_probes = 0
        wire.probes = True
        end = time.monotonic() + 60
        last = None
        while time.monotonic() < end and (last is None or time.monotonic() - last < 4):
            got = wire.recv(1)
            if got is not None and got.data.startswith(mac_bytes(LOOP_PROBE)):
                n_probes += 1
                last = time.monotonic()
        assert 1 <= n_probes <= 8, n_probes
        assert time.monotonic() < end, "probes go on"
    finally:
        wire.close()
