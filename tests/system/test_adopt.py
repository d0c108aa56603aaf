# SPDX-License-Identifier: BSD-3-Clause
"""Adopting a NIC that carries the host's addresses, and giving it back."""

import re
import signal
import socket
import struct
import time

import pytest

from harness.daemon import VsctlError, build_folder
from harness.lan import FAR, FAR6, HOST, HOST6, NIC, OTHER, ROUTER, ROUTER6, Lan, Pings, Talk, \
    differences, renamed
from harness.netns import cable
from harness.wait import wait_until

BRIDGE = "xenbr0"


@pytest.fixture
def lan(idle_bed):
    """A LAN with the host's addresses on eth0, and a vswitchd that has nothing."""
    made = Lan(idle_bed)
    idle_bed.start("")
    return made


def adopt(bed, *words):
    """Adopt eth0. Return: the reply."""
    reply = bed.daemon.vsctl("bridge", "adopt", BRIDGE, NIC, *words)
    bed.daemon.wait_link(NIC)
    return reply


def config(bed, *words):
    """`vsctl config`, in words."""
    result = bed.daemon.vsctl_raw("config", *words)
    assert result.returncode == 0, result.stderr
    return result.stdout


def release(bed):
    """Release eth0."""
    return bed.daemon.vsctl("bridge", "release", BRIDGE, NIC)


def reaches_all(lan):
    """The host and its network speak, both ways."""
    for address in (ROUTER, ROUTER6, FAR, FAR6):
        lan.sw.ping(address, count=1)
    for address in (HOST, HOST6):
        lan.router.ping(address, count=1)


def nothing(differs):
    """Two states are the same; the kernel takes its time with routes to link-local addresses."""
    wait_until(lambda: differs() == "", what=differs)


def is_same(lan, before):
    """The host's addresses and all are as they were."""
    nothing(lambda: differences(before, lan.seen()))


def is_moved(lan, before):
    """They are the same on the tap."""
    nothing(lambda: differences(renamed(before["nic"], NIC, BRIDGE), lan.state(BRIDGE)))


def is_as(lan, before):
    """All is as it was; of vswitchd nothing is left on eth0."""
    is_same(lan, before)
    assert "vswitch" not in lan.sw.ip("-d", "link").stdout
    assert lan.sw.run("tc", "qdisc", "show", "dev", NIC, "clsact").stdout == ""


class Flows:
    """TCP and pings, IPv4 and IPv6, both ways."""

    def __init__(self, lan):
        self.lan = lan
        self.talks = [Talk(lan, address) for address in (HOST, HOST6)]
        self.pings = [Pings(lan.router, HOST), Pings(lan.router, HOST6), Pings(lan.sw, FAR),
                      Pings(lan.sw, FAR6)]
        self.go_on()

    def go_on(self):
        """Until more has passed."""
        for talk in self.talks:
            talk.wait()

    def end(self):
        """Return: the longest gap of TCP in ms; and what Pings.end() says of each ping."""
        gaps = [talk.end() for talk in self.talks]
        return max(gaps) * 1000, [pings.end() for pings in self.pings]


# --- nobody notices ---

@pytest.mark.parametrize("xdp", ["off", "on"])
def test_connections_survive(lan, xdp):
    """TCP goes on, and next to no ping is lost, while eth0 is adopted and released."""
    lan.simple()
    if xdp == "on":
        lan.router.offloads("eth0", "off")  # what is left to do of a frame does not get across
    flows = Flows(lan)
    change = -time.monotonic()
    if xdp == "off":
        adopt(lan.bed)
    else:
        lan.bed.daemon.vsctl("bridge", "add", BRIDGE)
        lan.bed.daemon.vsctl("port", "add", BRIDGE, "bridge", BRIDGE, "type", "tap")
        lan.bed.daemon.vsctl("port", "add", NIC, "bridge", BRIDGE, "xdp", "on", "adopt", BRIDGE)
    change += time.monotonic()
    flows.go_on()
    reaches_all(lan)
    assert lan.addrs(NIC) == []
    assert lan.bed.daemon.fdb(BRIDGE)[(lan.sw.mac(NIC), 0)] == BRIDGE
    change -= time.monotonic()
    release(lan.bed)
    change += time.monotonic()
    flows.go_on()
    gap, pings = flows.end()
    print("longest gap of TCP: %.1f ms; changes: %.1f ms; pings (sent, lost, doubled, s): %s" % (
        gap, change * 1000, pings))
    for sent, lost, _, outage in pings:
        # how long a change takes is the load's; an outage would be longer than the changes
        assert lost <= sent // 10 or outage < change, "%d of %d" % (lost, sent)


def test_stop_and_start(lan):
    """While vswitchd is away, the host is on eth0 again; TCP survives both."""
    lan.simple()
    before = lan.seen()
    adopt(lan.bed)
    config(lan.bed, "save")
    flows = Flows(lan)
    assert lan.bed.daemon.stop() == 0
    is_same(lan, before)
    flows.go_on()
    lan.bed.daemon.start()
    lan.bed.daemon.wait_link(NIC)
    is_moved(lan, before)
    flows.go_on()
    gap, pings = flows.end()
    print("longest gap of TCP: %.1f ms; pings (sent, lost, doubled, s): %s" % (gap, pings))
    assert "[port eth0]\nbridge = xenbr0\ntype = netdev\nadopt = xenbr0\n" in \
        lan.bed.daemon.config.read_text()


# --- all of it ---

def test_everything_is_moved(lan):
    """Addresses, routes, rules and neighbours, in their order, with all that is set of them."""
    lan.rich()
    before = lan.seen()
    adopt(lan.bed)
    assert "tentative" not in lan.sw.ip("addr", "show", "dev", BRIDGE).stdout
    is_moved(lan, before)
    assert lan.addrs(NIC) == [] and lan.addrs(OTHER) == before["other"]
    assert lan.sw.mac(BRIDGE) == before["mac"]
    assert lan.sw.run("sysctl", "-n", "net.ipv4.conf.%s.arp_announce" % BRIDGE).stdout == "2\n"
    assert lan.sw.run("sysctl", "-n", "net.ipv4.conf.%s.rp_filter" % BRIDGE).stdout == "1\n"
    reaches_all(lan)
    release(lan.bed)
    is_as(lan, before)
    reaches_all(lan)


def test_mtu(lan):
    """The host's interface has the NIC's, then and later."""
    lan.simple()
    lan.sw.ip("link", "set", NIC, "mtu", 1400)
    adopt(lan.bed)
    assert lan.sw.link(BRIDGE)["mtu"] == 1400
    lan.bed.daemon.vsctl("port", "set", NIC, "mtu", 1300)
    wait_until(lambda: lan.sw.link(BRIDGE)["mtu"] == 1300, what="mtu of the tap")
    release(lan.bed)
    assert lan.sw.link(NIC)["mtu"] == 1400


def test_router_advertisements(lan):
    """A default route of a router's advertisement is one for the kernel on the tap as well."""
    lan.simple()
    lan.sw.ip("-6", "route", "del", "default")
    gateway = next(row["local"] for row in lan.router.link("eth0")["addr_info"]
                   if row["local"].startswith("fe80"))
    lan.advertise(600)
    wait_until(lambda: "proto ra" in lan.default6(), what="a route of an advertisement")
    adopt(lan.bed)
    route = lan.default6()
    assert re.search(r"via %s dev %s .*expires [56]\d\dsec pref high" % (gateway, BRIDGE), route)
    # it is known again: made longer, and taken away by the next one
    lan.advertise(1800, prefix=True)
    wait_until(lambda: "2001:db8:77:" in str(lan.addrs(BRIDGE)), what="an address of its prefix")
    assert lan.default6().count("via " + gateway) == 1
    lan.advertise(0)
    wait_until(lambda: "via " + gateway not in lan.default6(), what="the route is gone")
    release(lan.bed)


# --- taking back ---

def start_with_faults(bed):
    """A vswitchd with netlink_fault.c. Return: its file."""
    fault = bed.daemon.folder / "fault"
    fault.write_bytes(struct.pack("=iii", -1, 0, 0))
    bed.daemon.limits = ["env", "LD_PRELOAD=%s" % (build_folder() / "tests/libnetlink_fault.so"),
                         "NETLINK_FAULT=%s" % fault]
    bed.start("")
    return fault


def test_fault_at_each_step(idle_bed):
    """Whatever change the kernel refuses: all is as before, and the host speaks."""
    lan = Lan(idle_bed).rich()
    fault = start_with_faults(idle_bed)
    before, state = lan.seen(), idle_bed.daemon.state()
    refused = number = 0
    while True:
        with open(fault, "r+b") as file:
            file.write(struct.pack("=ii", number, 0))
        result = idle_bed.daemon.vsctl_raw("bridge", "adopt", BRIDGE, NIC)
        with open(fault, "r+b") as file:
            left, seen = struct.unpack("=ii", file.read(8))
            if left >= 0:
                break  # there are not as many
            file.seek(0)
            file.write(struct.pack("=ii", -1, 0))
        if result.returncode == 0:
            # aliases, and neighbours that are asked for again
            is_moved(lan, before)
            release(idle_bed)
            idle_bed.daemon.vsctl("bridge", "del", BRIDGE)
        else:
            refused += 1
            assert result.stderr.startswith("vsctl: "), result.stderr
        wait_until(lambda: lan.sw.link(BRIDGE) is None, what="the tap is gone")
        assert idle_bed.daemon.state() == state, "change %d" % number
        is_same(lan, before)
        number += 1
    print("%d of %d changes refused, and taken back" % (refused, number))
    assert result.returncode == 0 and refused > 50
    reaches_all(lan)


def test_nic_that_cannot_be_opened(lan):
    """It is another vswitchd's: seen when the tap has the addresses already."""
    lan.rich()
    before = lan.seen()
    with lan.sw.inside():
        claim = socket.socket(socket.AF_UNIX)
        claim.bind("\0vswitchd/interface/%d" % lan.sw.link(NIC)["ifindex"])
        claim.listen()
    with pytest.raises(VsctlError, match="in use by another vswitchd"):
        adopt(lan.bed)
    claim.close()
    wait_until(lambda: lan.sw.link(BRIDGE) is None, what="the tap is gone")
    is_as(lan, before)
    assert lan.bed.daemon.vsctl("bridge", "show") == []


def test_confirm(lan):
    """Not confirmed: undone. Undone by hand, too; and the history knows of it."""
    lan.rich()
    before = lan.seen()
    reply = lan.bed.daemon.vsctl("bridge", "adopt", BRIDGE, NIC, "--confirm", 1)
    assert reply["confirm"] in (0, 1)
    wait_until(lambda: lan.bed.daemon.vsctl("port", "show") == [], what="it is undone")
    wait_until(lambda: lan.sw.link(BRIDGE) is None, what="the tap is gone")
    is_as(lan, before)
    adopt(lan.bed)
    history = lan.bed.daemon.vsctl("config", "history")
    assert history[-1]["what"] == "bridge adopt xenbr0 eth0"
    config(lan.bed, "rollback")
    wait_until(lambda: lan.sw.link(BRIDGE) is None, what="the tap is gone")
    is_as(lan, before)
    config(lan.bed, "rollback")
    is_moved(lan, before)
    released = lan.bed.daemon.vsctl_raw("bridge", "release", BRIDGE, NIC, "--confirm", 60).stdout
    assert "unless \"vsctl config confirm\" comes within" in released
    config(lan.bed, "confirm")
    assert adopt(lan.bed)["confirm"] is None
    release(lan.bed)


@pytest.mark.parametrize("setup, words, message", [
    ([], ["nothere"], "there is no such interface here, in vswitchd's network namespace"),
    ([], ["lo"], "is not an Ethernet interface"),
    ([], [BRIDGE], "choose another one for the bridge"),
    (["vsctl bridge add br1", "vsctl port add eth0 bridge br1"], [NIC],
     "is a port already, on bridge br1"),
    (["ip link add b0 type bridge", "ip link set eth0 master b0"], [NIC],
     "belongs to b0; \"ip link set eth0 nomaster\""),
    (["ip link add b0 type bridge"], ["b0"], "is a bridge of the kernel"),
    (["ip tuntap add t0 mode tap"], ["t0"], "is a tap"),
    (["ip link add mv0 link eth0 type macvlan"], [NIC], "interface mv0 stands on it"),
    (["ip link add xenbr0 type bridge"], [NIC], "interface xenbr0 exists and is no"),
    (["vsctl bridge add br1", "vsctl port add xenbr0 bridge br1 type tap"], [NIC],
     "which is not its host's interface"),
    (["vsctl bridge add xenbr0", "vsctl port add xenbr0 bridge xenbr0 type tap",
      "ip addr add 10.7.0.1/24 dev xenbr0"], [NIC],
     "has an address of its own, 10.7.0.1/24"),
    (["vsctl bridge adopt xenbr0 eth9"], [NIC], "has the addresses of eth9 already"),
    (["ip nexthop add id 7 via 192.0.2.1 dev eth0", "ip route add 10.6.0.0/16 nhid 7"], [NIC],
     "10.6.0.0/16 by eth0 is one of a nexthop object"),
    (["ip tuntap add xenbr0 mode tap vnet_hdr"], [NIC], "was not made by vswitchd"),
])
def test_refused(lan, setup, words, message):
    """With the reason and the remedy, and nothing has changed."""
    lan.simple()
    for line in setup:
        program, *rest = line.split()
        result = lan.bed.daemon.vsctl_raw(*rest) if program == "vsctl" else \
            lan.sw.ip(*rest, check=False)
        if "Unknown device type" in result.stderr or "not supported" in result.stderr:
            pytest.skip("this kernel has no such interfaces: " + line)
        assert result.returncode == 0, result.stderr
    before, state = lan.seen(), lan.bed.daemon.state()
    result = lan.bed.daemon.vsctl_raw("bridge", "adopt", BRIDGE, *words)
    assert result.returncode == 1 and message in result.stderr, result.stderr
    assert lan.seen() == before and lan.bed.daemon.state() == state


def test_veth_with_both_ends_here(idle_bed):
    """The far end of a cable does not stand on the near one."""
    idle_bed.start("")
    idle_bed.sw.ip("link", "add", "v0", "type", "veth", "peer", "name", "v1")
    idle_bed.sw.ip("addr", "add", "10.9.0.1/24", "dev", "v0")
    idle_bed.daemon.vsctl("bridge", "adopt", BRIDGE, "v0")
    assert "10.9.0.1" in str(idle_bed.sw.link(BRIDGE)["addr_info"])
    result = idle_bed.daemon.vsctl_raw("port", "set", BRIDGE, "bridge", "none")
    assert result.returncode == 1 and "has the host's addresses of v0" in result.stderr


def test_release_refused(lan):
    """What was not adopted is not released; a tap that has addresses is not deleted."""
    lan.simple()
    daemon = lan.bed.daemon
    for words, message in ((("br7", NIC), "no such bridge"),):
        with pytest.raises(VsctlError, match=message):
            daemon.vsctl("bridge", "release", *words)
    daemon.vsctl("bridge", "add", "br7")
    daemon.vsctl("port", "add", OTHER, "bridge", "br7")
    with pytest.raises(VsctlError, match="has not adopted eth9"):
        daemon.vsctl("bridge", "release", "br7", OTHER)
    adopt(lan.bed)
    with pytest.raises(VsctlError, match="bridge release xenbr0 eth0"):
        daemon.vsctl("port", "del", BRIDGE)
    reaches_all(lan)
    assert daemon.vsctl_raw("bridge", "adopt", BRIDGE).returncode == 2
    # the NIC's port alone may go: the host is not cut off
    daemon.vsctl("port", "del", NIC)
    reaches_all(lan)
    daemon.vsctl("port", "del", BRIDGE)


# --- later ---

def test_what_comes_later(lan):
    """An address that a DHCP client, or an administrator, gives eth0 goes to the tap."""
    lan.simple()
    adopt(lan.bed)
    lan.ip_lines(["addr add 192.0.2.50/24 dev eth0 valid_lft 900 preferred_lft 900",
                  "route add 100.64.9.0/24 via %s dev eth0 onlink" % ROUTER,
                  "addr add 2001:db8::50/64 dev eth0"])
    wait_until(lambda: lan.addrs(NIC) == [], what="eth0 has no addresses")
    rows = {row["local"]: row for row in lan.addrs(BRIDGE)}
    assert rows["192.0.2.50"]["valid_life_time"] == "some" and "2001:db8::50" in rows
    wait_until(lambda: any("100.64.9.0/24" in row and BRIDGE in row for row in lan.routes()),
               what=lan.routes)
    # a lease that is renewed
    lan.ip_lines(["addr replace 192.0.2.50/24 dev eth0"])
    wait_until(lambda: lan.addrs(NIC) == [], what="eth0 has no addresses")
    rows = {row["local"]: row for row in lan.addrs(BRIDGE)}
    assert rows["192.0.2.50"]["valid_life_time"] == 4294967295
    reaches_all(lan)
    release(lan.bed)
    assert "192.0.2.50" in str(lan.addrs(NIC))


def test_tap_is_deleted(lan):
    """By somebody else: it is made again, with all that it had."""
    lan.simple()
    lan.ip_lines(["addr add 198.51.100.5/32 scope link dev eth0",
                  "addr add 2001:db8:5::1/64 dev eth0 nodad",
                  "route add 203.0.113.0/24 via %s mtu 1400" % ROUTER,
                  "route add 100.64.0.1 dev eth0 scope link",
                  "neigh add 192.0.2.99 lladdr 02:00:00:00:00:99 dev eth0 nud permanent"])
    before = lan.seen()
    adopt(lan.bed)
    for times in (1, 2):
        lan.sw.ip("link", "del", BRIDGE)
        wait_until(lambda: lan.bed.daemon.log.count("are on it again") == times,
                   what=lambda: lan.bed.daemon.log)
        is_moved(lan, before)
        lan.bed.daemon.wait_link(BRIDGE)
        reaches_all(lan)
    release(lan.bed)
    is_as(lan, before)
    reaches_all(lan)


def is_stopped(daemon):
    """By SIGSTOP."""
    with open("/proc/%d/stat" % daemon.pid, encoding="ascii") as file:
        return file.read().rsplit(")", 1)[1].split()[0] == "T"


@pytest.mark.parametrize("part", range(4))
def test_tap_is_deleted_twice(idle_bed, part):
    """Again, before any request by which the first one is looked after; here every fourth."""
    lan = Lan(idle_bed).simple()
    fault, daemon = start_with_faults(idle_bed), idle_bed.daemon
    lan.ip_lines(["route add 203.0.113.0/24 via %s mtu 1400" % ROUTER,
                  "rule add iif eth0 lookup 100"])
    before = lan.seen()
    adopt(idle_bed)

    def given():
        return daemon.log.count("are on it again")

    number, twice = part, 0
    while True:
        daemon.vsctl("port", "show")  # it has done all that it has begun
        times = given()
        with open(fault, "r+b") as file:
            file.write(struct.pack("=iii", number, 0, 1))
        lan.sw.ip("link", "del", BRIDGE)
        wait_until(lambda: is_stopped(daemon) or given() > times, what=lambda: daemon.log)
        stopped = is_stopped(daemon)
        with open(fault, "r+b") as file:
            file.write(struct.pack("=iii", -1, 0, 0))
        if stopped:
            lan.sw.ip("link", "del", BRIDGE, check=False)  # it may not be there yet
            times = given()
            daemon.process.send_signal(signal.SIGCONT)
            twice += 1
        wait_until(lambda: given() > times, what=lambda: daemon.log)
        try:
            is_moved(lan, before)
        except AssertionError as error:
            raise AssertionError("request %d; log:\n%s" % (number, daemon.log)) from error
        if not stopped:
            break  # there are not as many
        number += 4
    print("deleted twice %d times" % twice)
    assert twice >= 5
    release(idle_bed)
    is_same(lan, before)


@pytest.mark.parametrize("number", range(0, 36, 3))
def test_tap_is_deleted_and_vswitchd_stops(idle_bed, number):
    """Before it has seen that, or has made the tap again, or has given it all: eth0 gets it."""
    lan = Lan(idle_bed).simple()
    fault, daemon = start_with_faults(idle_bed), idle_bed.daemon
    lan.ip_lines(["route add 203.0.113.0/24 via %s mtu 1400" % ROUTER,
                  "rule add iif eth0 lookup 100"])
    before = lan.seen()
    adopt(idle_bed)
    if number == 0:
        daemon.process.send_signal(signal.SIGSTOP)
    else:
        with open(fault, "r+b") as file:
            file.write(struct.pack("=iii", number, 0, 1))
        lan.sw.ip("link", "del", BRIDGE)
    wait_until(lambda: is_stopped(daemon), what=lambda: daemon.log)
    lan.sw.ip("link", "del", BRIDGE, check=False)
    process = daemon.process
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGCONT)
    assert process.wait(60) == 0
    daemon.process = None
    print(daemon.log)
    is_same(lan, before)


FILE = """[bridge xenbr0]
[port nic7]
bridge = xenbr0
adopt = xenbr0
[port xenbr0]
bridge = xenbr0
type = tap
"""


def test_nic_comes_later(idle_bed):
    """A NIC that is there only when vswitchd runs, and is given its address then, by ifupdown say."""
    peer = idle_bed.host("peer")
    idle_bed.start(FILE)
    cable(idle_bed.sw, "nic7", peer)
    peer.ip("addr", "add", "10.0.0.2/24", "dev", "eth0")
    idle_bed.sw.ip("addr", "add", "10.0.0.1/24", "dev", "nic7")
    wait_until(lambda: "10.0.0.1" in str(idle_bed.sw.link("xenbr0")["addr_info"]),
               what="the tap has the address")
    wait_until(lambda: idle_bed.sw.mac("xenbr0") == idle_bed.sw.mac("nic7"), what="its MAC")
    for name in ("nic7", "xenbr0"):
        idle_bed.daemon.wait_link(name)
    peer.ping("10.0.0.1")
    assert "nothing" in config(idle_bed, "diff")
    # it is pulled out, and put back in
    idle_bed.sw.ip("link", "del", "nic7")
    with pytest.raises(VsctlError, match="nic7 is not there to be given anything back"):
        idle_bed.daemon.vsctl("bridge", "release", BRIDGE, "nic7")
    assert "10.0.0.1" in str(idle_bed.sw.link("xenbr0")["addr_info"])
    cable(idle_bed.sw, "nic7", peer)
    peer.ip("addr", "add", "10.0.0.2/24", "dev", "eth0")
    wait_until(lambda: idle_bed.sw.mac("xenbr0") == idle_bed.sw.mac("nic7"), what="its MAC")
    idle_bed.daemon.wait_link("nic7")
    peer.ping("10.0.0.1")


def test_file_that_cannot_be(idle_bed):
    """A file whose tap is missing is no start; nothing is left."""
    lan = Lan(idle_bed).simple()
    before = lan.seen()
    idle_bed.daemon.config.write_text(FILE.replace("nic7", NIC).replace("adopt = xenbr0",
                                                                        "adopt = other"))
    result = idle_bed.daemon.run_to_end()
    assert result.returncode == 1
    assert "vswitch.conf:4: port eth0: adopt: there is no section [port other]" in result.stderr
    is_same(lan, before)
    reaches_all(lan)


def test_file_is_applied(lan):
    """By `config apply`: there, and back."""
    lan.rich()
    before = lan.seen()
    lan.bed.daemon.config.write_text(FILE.replace("nic7", NIC))
    config(lan.bed, "apply")
    is_moved(lan, before)
    # the tap is made anew: the NIC's port goes before and comes after
    lan.bed.daemon.config.write_text(FILE.replace("nic7", NIC) + "queues = 2\n")
    config(lan.bed, "apply")
    is_moved(lan, before)
    reaches_all(lan)
    lan.bed.daemon.config.write_text("[bridge xenbr0]\n")
    config(lan.bed, "apply")
    wait_until(lambda: lan.sw.link(BRIDGE) is None, what="the tap is gone")
    is_as(lan, before)


# --- killed ---

def test_killed_and_started_again(lan):
    """The tap keeps the addresses; with the file saved, the next one goes on with it."""
    lan.rich()
    lan.without_carrier()
    before = lan.seen()
    adopt(lan.bed)
    config(lan.bed, "save")
    talk = Talk(lan, HOST)
    talk.wait()
    lan.bed.daemon.stop(signal.SIGKILL)
    lan.bed.daemon.start()
    lan.bed.daemon.wait_link(NIC)
    is_moved(lan, before)
    talk.end()
    reaches_all(lan)
    release(lan.bed)
    is_as(lan, before)


@pytest.mark.parametrize("how", ["start", "start that fails", "give back"])
def test_killed_and_not_saved(lan, how):
    """Whoever comes next and does not know of it gives the NIC back."""
    lan.rich()
    lan.without_carrier()
    before = lan.seen()
    adopt(lan.bed)
    lan.bed.daemon.stop(signal.SIGKILL)
    assert lan.addrs(NIC) == []
    if how == "start":
        lan.bed.daemon.start()
    elif how == "start that fails":
        lan.bed.daemon.config.write_text("[bridge b]\n[port eth9]\nbridge = b\ntype = tap\n")
        assert lan.bed.daemon.run_to_end().returncode == 1
    else:
        assert lan.bed.daemon.run_to_end("--give-back").returncode == 0
    is_same(lan, before)
    assert lan.sw.run("tc", "qdisc", "show", "dev", NIC, "clsact").stdout == ""
    reaches_all(lan)


def test_killed_midway(lan):
    """Policy rules that are on both interfaces are not there twice afterwards."""
    lan.simple()
    rule = ("rule", "add", "iif", NIC, "table", "77", "pref", "1000")
    if lan.sw.ip(*rule, check=False).returncode != 0:
        pytest.skip("this kernel has no policy rules")
    before = lan.seen()
    adopt(lan.bed)
    lan.bed.daemon.stop(signal.SIGKILL)
    lan.sw.ip(*rule)
    assert lan.bed.daemon.run_to_end("--give-back").returncode == 0
    assert lan.sw.ip("rule", "show", "pref", "1000").stdout.count("lookup 77") == 1
    is_same(lan, before)


def test_give_back_leaves_others_alone(lan):
    """What belongs to a vswitchd that runs stays as it is."""
    lan.simple()
    adopt(lan.bed)
    state = lan.state(BRIDGE)
    assert lan.bed.daemon.run_to_end("--give-back").returncode == 0
    assert lan.state(BRIDGE) == state
    reaches_all(lan)
