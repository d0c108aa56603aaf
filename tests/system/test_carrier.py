# SPDX-License-Identifier: BSD-3-Clause
"""Ports that an operator unplugs."""

import pytest

from harness.daemon import VsctlError
from harness.wait import wait_until
from harness.wire import BROADCAST, frame, mac_of

from test_stats import wait_balance
from test_tap import add_tap

A, B = mac_of(1), mac_of(2)


def cannot_ping(host, address):
    """One request gets no answer."""
    result = host.run("ping", "-c", 1, "-W", 1, address, check=False)
    assert result.returncode != 0


def plug(bed, port, word):
    """carrier on or off; what port show says then."""
    bed.daemon.vsctl("port", "set", port, "carrier", word)
    row = bed.daemon.wait_link(port, "up" if word == "on" else "down")
    assert row["carrier"] == word
    assert row.get("reason") == (None if word == "on" else "carrier off (set)")
    return row


def test_netdev_off_and_on(bed):
    one, two = bed.pair()
    assert bed.daemon.port("p1")["carrier"] == "on"
    one.host.ping("10.0.0.2")
    plug(bed, "p1", "off")
    assert "p1" not in bed.daemon.fdb("br0").values()
    cannot_ping(one.host, "10.0.0.2")
    cannot_ping(two.host, "10.0.0.1")
    assert bed.daemon.drops("p1", "port_down") > 0
    plug(bed, "p1", "on")
    one.host.ping("10.0.0.2")
    wait_balance(bed)


def test_frames_are_counted_both_ways(bed):
    """In: all of them. Out: those that only this port leads to."""
    one, two = bed.station(1).wire, bed.station(2).wire
    bed.daemon.vsctl("fdb", "add", "br0", "mac", A, "port", "p1")
    plug(bed, "p1", "off")
    two.send(*(frame(A, B, 60) for _ in range(7)))
    wait_until(lambda: bed.daemon.drops("p1", "port_down") == 7,
               what=lambda: "7 out: %s" % bed.daemon.stats("p1"))
    one.send(*(frame(BROADCAST, A, 60) for _ in range(5)))
    wait_until(lambda: bed.daemon.drops("p1", "port_down") == 12,
               what=lambda: "5 in: %s" % bed.daemon.stats("p1"))
    assert bed.daemon.stats("p1")["rx_packets"] == 5
    assert bed.daemon.stats("p1")["tx_packets"] == 0
    assert not one.drain() and not two.drain()
    wait_balance(bed)


def test_link_goes_and_comes_while_off(bed):
    """What the cable does is not forgotten, and not mistaken for the operator's word."""
    station = bed.station(1)
    plug(bed, "p1", "off")
    station.host.ip("link", "set", "eth0", "down")
    wait_until(lambda: "LOWER_UP" not in bed.sw.link("p1")["flags"], what="no carrier")
    assert bed.daemon.port("p1")["reason"] == "carrier off (set)"
    bed.daemon.vsctl("port", "set", "p1", "carrier", "on")
    wait_until(lambda: "no carrier" in (bed.daemon.port("p1")["reason"] or ""),
               what=lambda: "reason: %s" % bed.daemon.port("p1"))
    plug(bed, "p1", "off")
    station.host.ip("link", "set", "eth0", "up")
    plug(bed, "p1", "on")


def test_tap_sees_it(bed):
    """The host's interface loses its carrier, keeps it lost when made again, and gets it back."""
    add_tap(bed)
    station = bed.speak(bed.station(1, plain=False), 1)
    bed.sw.ping("10.0.0.1")
    plug(bed, "br0", "off")
    wait_until(lambda: "NO-CARRIER" in bed.sw.link("br0")["flags"], what="no carrier")
    cannot_ping(station.host, "10.0.0.9")
    index = bed.sw.link("br0")["ifindex"]
    bed.sw.ip("link", "del", "br0")
    wait_until(lambda: (bed.sw.link("br0") or {}).get("ifindex", index) != index,
               what="br0 is there again")
    wait_until(lambda: "NO-CARRIER" in bed.sw.link("br0")["flags"], what="no carrier again")
    plug(bed, "br0", "on")
    bed.sw.ip("addr", "add", "10.0.0.9/24", "dev", "br0")
    wait_until(lambda: "LOWER_UP" in bed.sw.link("br0")["flags"], what="carrier")
    bed.sw.ping("10.0.0.1")


def test_eth(bed):
    bed.daemon.vsctl("port", "add", "n0", "bridge", "br0", "devargs", "net_null0,no-rx=1",
                     "carrier", "off")
    assert bed.daemon.port("n0")["reason"] == "carrier off (set)"
    wire = bed.station(1).wire
    wire.send(frame(BROADCAST, A, 60))
    wait_until(lambda: bed.daemon.drops("p1", "no_destination") == 1, what="nobody is there")
    plug(bed, "n0", "on")
    wire.send(frame(BROADCAST, A, 60))
    wait_until(lambda: bed.daemon.stats("n0")["tx_packets"] == 1, what="it gets out")


def test_in_the_configuration_file(idle_bed):
    idle_bed.cable(1)
    idle_bed.start("[bridge br0]\nannounce = no\n[port p1]\nbridge = br0\ncarrier = off\n")
    assert idle_bed.daemon.port("p1")["reason"] == "carrier off (set)"
    assert idle_bed.daemon.vsctl("bridge", "show", "br0")[0]["announce"] is False
    plug(idle_bed, "p1", "on")
    idle_bed.daemon.vsctl("bridge", "set", "br0", "announce", "yes")
    assert idle_bed.daemon.vsctl("bridge", "show", "br0")[0]["announce"] is True


def test_bad_word(bed):
    bed.station(1)
    with pytest.raises(VsctlError, match="carrier: .* one of on, off"):
        bed.daemon.vsctl("port", "set", "p1", "carrier", "maybe")
    assert bed.daemon.port("p1")["carrier"] == "on"
