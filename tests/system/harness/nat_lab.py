# SPDX-License-Identifier: BSD-3-Clause
"""Guests, a LAN and the internet around a router: what the NAT cases have in common.

    g1 10.1.1.2 -- p1 (10.1.1.1)  \\
    g2 10.1.2.2 -- p2 (10.1.2.1)  -- router -- p3 (192.0.2.1) -- lan 192.0.2.254 -- inet 198.51.100.2

The LAN's host is also the internet's gateway. Neither it nor the internet has a route to guests, so
that what leaves untranslated is never answered.
"""

from .netns import cable

GUESTS = {1: "10.1.1.2", 2: "10.1.2.2"}
UPLINK = "192.0.2.1"
LAN = "192.0.2.254"
INET = "198.51.100.2"
INET_GATEWAY = "198.51.100.1"


class NatLab:
    """The hosts; what the router is, a case says."""

    def __init__(self, bed, plain=False):
        self.bed = bed
        self.daemon = bed.daemon
        self.stations = {number: bed.cable(number, plain=plain) for number in (1, 2, 3)}
        self.g1, self.g2, self.lan = (self.stations[number].host for number in (1, 2, 3))
        self.inet = bed.host("inet")
        cable(self.lan, "eth1", self.inet)
        for number, address in GUESTS.items():
            host = self.stations[number].host
            host.ip("addr", "add", address + "/24", "dev", "eth0")
            host.ip("route", "add", "default", "via", address[:-1] + "1")
        self.lan.ip("addr", "add", LAN + "/24", "dev", "eth0")
        self.lan.ip("addr", "add", INET_GATEWAY + "/24", "dev", "eth1")
        self.lan.sysctl("ipv4/ip_forward", 1)
        self.lan.sysctl("ipv4/icmp_ratelimit", 0)
        self.inet.ip("addr", "add", INET + "/24", "dev", "eth0")
        self.inet.ip("route", "add", "default", "via", INET_GATEWAY)
        if plain:
            self.lan.offloads("eth1", "off")
            self.inet.offloads("eth0", "off")

    def route(self, *rules):
        """Let vswitchd be the router. rules: each the words after "nat add"."""
        for number in (1, 2, 3):
            port = "p%d" % number
            self.daemon.vsctl("port", "add", port, "bridge", "none")
            self.daemon.wait_link(port)
        for number, address in GUESTS.items():
            self.daemon.vsctl("addr", "add", address[:-1] + "1/24", "port", "p%d" % number)
        self.daemon.vsctl("addr", "add", UPLINK + "/24", "port", "p3")
        self.daemon.vsctl("route", "add", "default", "via", LAN)
        for rule in rules:
            self.daemon.vsctl("nat", "add", *rule)
        return self

    def rules(self):
        """Rules by name."""
        return {row["nat"]: row for row in self.daemon.vsctl("nat", "show")}

    def sessions(self, *words):
        """Rows of "nat sessions"."""
        return self.daemon.vsctl("nat", "sessions", *words)

    def table(self):
        """What "nat-table show" says."""
        return self.daemon.vsctl("nat-table", "show")
