# SPDX-License-Identifier: BSD-3-Clause
"""The usual bed: a host "sw" that runs vswitchd, and stations behind its ports."""

import functools

from .daemon import Daemon
from .netns import Host, cable
from .wire import Wire


class Station:
    """A host with an interface eth0 whose cable ends in a port of the switch."""

    def __init__(self, host, port, ifname="eth0"):
        self.host = host
        self.port = port
        self.ifname = ifname
        self._wire = None
        self.address = None

    @functools.cached_property
    def mac(self):
        """The kernel's address of the interface, as it was at first."""
        return self.host.mac(self.ifname)

    @property
    def wire(self):
        """The interface as frames; opened at the first use."""
        if self._wire is None:
            self._wire = Wire(self.host, self.ifname)
        return self._wire

    def set_address(self, number):
        """Give it 10.0.0.number/24 and fd00::number/64."""
        self.address = "10.0.0.%d" % number
        self.host.ip("addr", "add", self.address + "/24", "dev", self.ifname)
        self.host.ip("addr", "add", "fd00::%d/64" % number, "dev", self.ifname, "nodad")
        return self

    @property
    def address6(self):
        """Its IPv6 address."""
        return "fd00::" + self.address.rsplit(".", 1)[1]

    def close(self):
        """Close what is open; the host is the bed's."""
        if self._wire is not None:
            self._wire.close()


class Bed:
    """A switch and its stations; close() leaves nothing."""

    def __init__(self, folder):
        self.sw = Host("sw").quiet()
        self.hosts = {}
        self.stations = []
        self.daemon = Daemon(self.sw, folder)

    def start(self, config="[bridge br0]\nloop-detect = no\n"):
        """Start vswitchd with this configuration file: by itself one that sends nothing."""
        self.daemon.start(config)
        return self

    def host(self, name):
        """Another host, quiet."""
        self.hosts[name] = Host(name).quiet()
        return self.hosts[name]

    def cable(self, number, mtu=1500, plain=True):
        """A station N: host hN, its eth0 connected to the interface pN of the switch's host.

        plain: no checksum or segmentation offload at the station, so that frames are whole.
        """
        host = self.host("h%d" % number)
        port = "p%d" % number
        cable(self.sw, port, host, mtu=mtu)
        if plain:
            host.offloads("eth0", "off")
        station = Station(host, port)
        self.stations.append(station)
        return station

    def station(self, number, *keys, bridge="br0", mtu=1500, plain=True):
        """A station whose cable is a netdev port. keys: more words for "port add"."""
        station = self.cable(number, mtu, plain)
        self.daemon.vsctl("port", "add", station.port, "bridge", bridge, *keys)
        self.daemon.wait_link(station.port)
        return station

    def pair(self, **kwargs):
        """Two stations that speak IP, with the kernel's default offloads."""
        pair = [self.station(number, plain=False, **kwargs) for number in (1, 2)]
        for number, station in enumerate(pair, 1):
            self.speak(station, number)
        return pair

    @staticmethod
    def speak(station, number):
        """Let a station speak IPv4 and IPv6."""
        station.host.sysctl("ipv6/conf/%s/disable_ipv6" % station.ifname, 0)
        return station.set_address(number)

    def close(self):
        """Stop and take everything away. AssertionError if vswitchd does not end well."""
        try:
            if self.daemon.process is not None:
                status = self.daemon.stop()
                assert status == 0, "vswitchd: exit status %d; log:\n%s" % (
                    status, self.daemon.log)
        finally:
            for station in self.stations:
                station.close()
            for host in [*self.hosts.values(), self.sw]:
                host.close()
