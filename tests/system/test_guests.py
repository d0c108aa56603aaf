# SPDX-License-Identifier: BSD-3-Clause
"""Guests in route mode: ports whose every packet is the router's, as vif-route has them."""

import re
import socket

import pytest

from harness.daemon import VsctlError
from harness.traffic import tcp, udp
from harness.wait import wait_until
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


@pytest.mark.parametrize("v6", [False, True])
@pytest.mark.parametrize("here,there", [(1, 2), (2, 1), (2, 3)])
def test_traffic(bed, lan, here, there, v6):
    addresses = {1: (LAN, LAN6), **GUESTS}
    tcp(lan[here].host, lan[there].host, addresses[there][v6], size=2 << 20)
    udp(lan[here].host, lan[there].host, addresses[there][v6])
    wait_until(lambda: balance(bed.daemon) == 0, what=lambda: "balance: %d" % balance(bed.daemon))
