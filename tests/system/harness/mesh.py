# SPDX-License-Identifier: BSD-3-Clause
"""Several switches, each a host with a vswitchd, with cables between them."""

from .bed import Station
from .daemon import Daemon
from .netns import Host, cable
from .wait import wait_until


class Switch:
    """A host with a vswitchd that has a bridge br0."""

    def __init__(self, name, folder, config):
        self.name = name
        self.host = Host(name).quiet()
        self.daemon = Daemon(self.host, folder)
        self.daemon.start(config)

    def add(self, port, *keys):
        """An interface of the host becomes a port."""
        self.daemon.vsctl("port", "add", port, "bridge", "br0", *keys)

    def tree(self):
        """stp show of its bridge, and its ports by name."""
        bridge = self.daemon.vsctl("stp", "show", "br0")[0]
        return bridge, {port["port"]: port for port in bridge["ports"]}


class Mesh:
    """Switches, stations and other hosts; close() leaves nothing."""

    def __init__(self, folder):
        self.folder = folder
        self.switches = []
        self.hosts = []
        self.stations = []

    def switch(self, name, keys="stp = rstp\n"):
        """Another switch. keys: of its bridge, as in the configuration file."""
        switch = Switch(name, self.folder / name, "[bridge br0]\n" + keys)
        self.switches.append(switch)
        return switch

    def host(self, name):
        """Another host, quiet."""
        host = Host(name).quiet()
        self.hosts.append(host)
        return host

    def station(self, switch, number, *keys):
        """A station 10.0.0.N behind a switch, at its port stN."""
        host = self.host("h%d" % number)
        port = "st%d" % number
        cable(switch.host, port, host)
        host.offloads("eth0", "off")
        switch.add(port, *keys)
        host.ip("addr", "add", "10.0.0.%d/24" % number, "dev", "eth0")
        station = Station(host, port)
        station.address = "10.0.0.%d" % number
        self.stations.append(station)
        switch.daemon.wait_link(port)
        return station

    def link(self, one, other, *keys):
        """A cable between two switches; each calls its port by the other's name."""
        ports = (other.name, one.name)
        cable(one.host, ports[0], other.host, ports[1], up=False)
        for switch, port in zip((one, other), ports):
            switch.host.ip("link", "set", port, "up")
            switch.add(port, *keys)

    def close(self):
        """Stop all of it. AssertionError if a vswitchd does not end well."""
        try:
            for switch in self.switches:
                status = switch.daemon.stop()
                assert status == 0, "vswitchd: exit status %d; log:\n%s" % (
                    status, switch.daemon.log)
        finally:
            for station in self.stations:
                station.close()
            for host in [*self.hosts, *(switch.host for switch in self.switches)]:
                host.close()

    @property
    def log(self):
        """What all of them have said."""
        return "\n".join("%s:\n%s" % (switch.name, switch.daemon.log) for switch in self.switches)


def settled(switches, blocked, timeout=60):
    """Wait until every port of these has its final state, and so many of them block.

    Return: {(switch, port): role}.
    """
    def state():
        roles = {}
        for switch in switches:
            for name, port in switch.tree()[1].items():
                wanted = {"root": "forwarding", "designated": "forwarding",
                          "alternate": "discarding", "backup": "discarding"}.get(port["role"])
                if port["link"] != "up":
                    continue
                if port["state"] != wanted:
                    return None
                roles[switch.name, name] = port["role"]
        n_blocked = sum(role in ("alternate", "backup") for role in roles.values())
        return roles if n_blocked == blocked else None

    return wait_until(state, timeout, lambda: "trees settle: %s" % [
        (switch.name, [(p["port"], p["role"], p["state"]) for p in switch.tree()[0]["ports"]])
        for switch in switches])
