# SPDX-License-Identifier: BSD-3-Clause
"""Spanning trees: of our own, with the kernel's bridge, with Open vSwitch; guards; what is shown."""

import datetime
import time

import pytest

from harness import ovs
from harness.daemon import VsctlError
from harness.mesh import settled
from harness.netns import cable
from harness.traffic import Stream
from harness.wait import TIMEOUT, wait_until
from harness.wire import BROADCAST, frame, mac_of, mac_bytes

A, B = mac_of(1), mac_of(2)
GROUP = "01:80:c2:00:00:00"
FAST = "hello = 1\nmax-age = 6\nforward-delay = 4\n"  # the least that both ends take
MARK = b"storm?"


def bpdu(priority=0, src=B, kind=0):
    """A Config BPDU of a bridge that takes itself for the root."""
    ident = priority.to_bytes(2, "big") + mac_bytes(src)
    body = bytes([0, 0, 0, kind, 0]) + ident + bytes(4) + ident + b"\x80\x01" + \
        b"\0\0\x14\0\x02\0\x0f\0"
    return mac_bytes(GROUP) + mac_bytes(src) + (38).to_bytes(2, "big") + b"\x42\x42\x03" + \
        body + bytes(8)


def marked(number):
    return frame(BROADCAST, A, 100, payload=MARK + number.to_bytes(4, "big"))


def seen(wire):
    """The numbers of marked frames that a station has got."""
    return [int.from_bytes(got.data[20:24], "big") for got in wire.drain()
            if got.data[14:20] == MARK]


def sent_frames(switches):
    """Frames that the switches have sent to each other so far."""
    names = {switch.name for switch in switches}
    return sum(row["tx_packets"] for switch in switches
               for row in switch.daemon.vsctl("stats", "show") if row["port"] in names)


def ring(mesh, keys):
    """Three switches in a ring with a station at each."""
    switches = [mesh.switch("s%d" % number, keys) for number in (1, 2, 3)]
    stations = [mesh.station(switch, number)
                for number, switch in enumerate(switches, 1)]
    for one, other in ((0, 1), (1, 2), (2, 0)):
        mesh.link(switches[one], switches[other])
    return switches, stations


def no_storm(switches, stations, numbers):
    """Broadcasts arrive once or not at all, and the ring is quiet after them."""
    before = sent_frames(switches)
    for number in numbers:
        stations[0].wire.send(marked(number))
    wait_until(lambda: sent_frames(switches) >= before + 2 * len(numbers), what="broadcasts pass")
    for station in stations[1:]:
        station.host.ping(stations[0].address, count=1)
        got = seen(station.wire)
        assert len(got) == len(set(got)), "frames came more than once"
    return sent_frames(switches) - before


def cut_under_traffic(switch, port, client, server, address):
    """Take a link down that a stream of datagrams crosses, and print what is lost."""
    stream = Stream(client, server, address, per_second=1000)
    numbers = []

    def flows(number):
        numbers.extend(stream.received())
        return any(got > number for got in numbers)

    wait_until(lambda: flows(100), 60, "the stream flows")
    cut_at = stream.sent
    switch.host.ip("link", "set", port, "down")
    wait_until(lambda: flows(cut_at + 500), 60, "the stream flows again")
    rest, sent = stream.stop()
    numbers += rest
    assert len(numbers) == len(set(numbers)), "duplicates"
    print("a link cut: %d datagrams lost, one a millisecond" % (
        len(set(range(sent)) - set(numbers))))


def test_ring(mesh):
    """Three in a ring converge, never storm, and heal when a link is cut."""
    switches, stations = ring(mesh, "stp = rstp\n")
    started = time.monotonic()
    # from the first moment on: whatever passes may not pass twice
    number = 0
    deadline = time.monotonic() + 60
    while True:
        stations[0].wire.send(marked(number))
        number += 1
        trees = [switch.tree() for switch in switches]
        states = [port["state"] for _, ports in trees for name, port in ports.items()
                  if name[0] == "s" and name[1] != "t"]
        if sorted(states) == ["discarding"] + 5 * ["forwarding"] and \
                len({tree["root"] for tree, _ in trees}) == 1:
            break
        assert time.monotonic() < deadline, trees
    print("\n3 vswitchd in a ring: converged %.2f s after the last link" % (
        time.monotonic() - started))
    for station in stations[1:]:
        got = seen(station.wire)
        assert len(got) == len(set(got)), "a storm while converging"
    roles = settled(switches, 1)
    assert sum(role == "root" for role in roles.values()) == 2
    n_sent = no_storm(switches, stations, range(10000, 10050))
    assert n_sent < 50 * 3 + 100, "%d frames between the switches" % n_sent

    # cut a link that carries, under traffic that crosses it
    cut = next(name for name, role in roles.items() if role == "root")
    switch = next(switch for switch in switches if switch.name == cut[0])
    leaf = stations[switches.index(switch)]
    other = stations[[s.name for s in switches].index(cut[1])]
    cut_under_traffic(switch, cut[1], other.host, leaf.host, leaf.address)
    # three stations, four ends of links
    wait_until(lambda: len(settled(switches, 0)) == 7, what="both ends are down")
    # and mended
    switch.host.ip("link", "set", cut[1], "up")
    settled(switches, 1)
    n_sent = no_storm(switches, stations, range(20000, 20050))
    assert n_sent < 50 * 3 + 100, "%d frames between the switches" % n_sent


def test_ring_of_stp(mesh):
    """The same with STP alone, whose timers decide."""
    switches, stations = ring(mesh, "stp = stp\n" + FAST)
    started = time.monotonic()
    roles = settled(switches, 1)
    print("\n3 vswitchd in a ring, STP: converged after %.1f s" % (time.monotonic() - started))
    n_sent = no_storm(switches, stations, range(50))
    assert n_sent < 50 * 3 + 100, "%d frames between the switches" % n_sent
    ports = [port for switch in switches for port in switch.tree()[0]["ports"]]
    assert all(port["rx_rst"] == port["tx_rst"] == 0 for port in ports)
    cut = next(name for name, role in roles.items() if role == "root")
    switch = next(switch for switch in switches if switch.name == cut[0])
    switch.host.ip("link", "set", cut[1], "down")
    started = time.monotonic()
    settled(switches, 0)
    print("a link cut: %.1f s" % (time.monotonic() - started))
    no_storm(switches, stations, range(100, 110))


def kernel_bridge(host, priority, ports):
    """A bridge of the kernel's, with STP and short times."""
    host.ip("link", "add", "name", "k", "type", "bridge", "stp_state", 1, "priority", priority,
            "forward_delay", 400, "hello_time", 100, "max_age", 600)
    for port in ports:
        host.ip("link", "set", port, "master", "k", "up")
    host.ip("link", "set", "k", "up")


def kernel_states(host, ports):
    """State of each port by the kernel: forwarding, blocking, ..."""
    return [host.link(port)["linkinfo"]["info_slave_data"]["state"] for port in ports]


@pytest.mark.parametrize("root", ["kernel", "vswitchd"])
@pytest.mark.parametrize("mode", ["rstp", "stp"])
def test_kernel(mesh, mode, root):
    """The kernel's bridge (802.1D) by two cables: STP is spoken, and one of the two blocks."""
    switch = mesh.switch("s1", "stp = %s\nstp-priority = 8192\n" % mode + FAST)
    station = mesh.station(switch, 1)
    kernel = mesh.host("kernel")
    for port in ("k1", "k2"):
        cable(switch.host, port, kernel, port)
        switch.add(port)
    kernel_bridge(kernel, 4096 if root == "kernel" else 61440, ("k1", "k2"))
    started = time.monotonic()
    kernel.ip("addr", "add", "10.0.0.9/24", "dev", "k")
    ours = ["discarding", "forwarding"] if root == "kernel" else ["forwarding", "forwarding"]
    theirs = ["forwarding", "forwarding"] if root == "kernel" else ["blocking", "forwarding"]

    def converged():
        ports = switch.tree()[1]
        return sorted(ports[name]["state"] for name in ("k1", "k2")) == ours and \
            sorted(kernel_states(kernel, ("k1", "k2"))) == theirs

    wait_until(converged, 60, lambda: "%s, kernel: %s" % (
        switch.tree(), kernel_states(kernel, ("k1", "k2"))))
    print("\nkernel's bridge, %s, root %s: converged after %.1f s" % (
        mode, root, time.monotonic() - started))
    tree, ports = switch.tree()
    assert ports["k1"]["protocol"] == "stp" and ports["k1"]["rx_bad"] == 0
    assert (tree["root_port"] is None) == (root == "vswitchd")
    station.host.ping("10.0.0.9")
    before = switch.daemon.stats("k1")["tx_packets"] + switch.daemon.stats("k2")["tx_packets"]
    station.wire.send(*(marked(number) for number in range(20)))
    station.host.ping("10.0.0.9")
    after = switch.daemon.stats("k1")["tx_packets"] + switch.daemon.stats("k2")["tx_packets"]
    assert after - before < 60, "%d frames for 20 broadcasts" % (after - before)
    # the cable in use is cut: the other takes over, by the clock of STP
    used = next(name for name in ("k1", "k2") if ports[name]["role"] in ("root", "designated")
                and kernel_states(kernel, (name,)) == ["forwarding"])
    switch.host.ip("link", "set", used, "down")
    started = time.monotonic()
    other = "k2" if used == "k1" else "k1"
    wait_until(lambda: switch.tree()[1][other]["state"] == "forwarding" and
               kernel_states(kernel, (other,)) == ["forwarding"], 60, "the other cable forwards")
    print("a cable cut: %.1f s" % (time.monotonic() - started))
    station.host.ping("10.0.0.9")


def test_kernel_hears_of_changes(mesh):
    """A change behind us is told by TCN and acknowledged; one of the kernel's reaches us."""
    switch = mesh.switch("s1", "stp = rstp\n" + FAST)
    kernel = mesh.host("kernel")
    cable(switch.host, "k1", kernel, "k1")
    switch.add("k1")
    kernel_bridge(kernel, 4096, ("k1",))
    wait_until(lambda: switch.tree()[1]["k1"]["state"] == "forwarding", 60, "k1 forwards")
    wait_until(lambda: not switch.tree()[0]["topology_change"], 60, "all is calm")
    before = switch.tree()[0]["topology_changes"]
    sent = switch.tree()[1]["k1"]["tx_tcn"]
    mesh.station(switch, 1, "stp-edge", "no")
    wait_until(lambda: switch.tree()[1]["st1"]["state"] == "forwarding", 60, "st1 forwards")
    wait_until(lambda: switch.tree()[1]["k1"]["tx_tcn"] > sent, what="a TCN is sent")
    assert switch.tree()[0]["topology_changes"] > before
    wait_until(lambda: switch.tree()[1]["k1"]["topology_change_timer"] == 0 and
               kernel.link("k")["linkinfo"]["info_data"]["topology_change"] == 0, 60,
               "it is acknowledged, and over")


@pytest.mark.parametrize("root", ["ovs", "vswitchd"])
def test_ovs(mesh, root):
    """Open vSwitch's RSTP by two cables: agreed in no time, one of the two blocks."""
    if ovs.lacking() is not None:
        pytest.skip(ovs.lacking())
    switch = mesh.switch("s1", "stp = rstp\nstp-priority = 8192\n")
    station = mesh.station(switch, 1)
    host = mesh.host("ovs")
    peer = ovs.Ovs(host, mesh.folder / "ovs").start()
    peer.add_bridge("o", "rstp_enable=true",
                    "other_config:rstp-priority=%d" % (4096 if root == "ovs" else 61440))
    for port in ("o1", "o2"):
        cable(switch.host, port, host, port)
        peer.add_port("o", port)
    far = mesh.host("far")
    cable(host, "leaf", far)
    far.offloads("eth0", "off")
    far.ip("addr", "add", "10.0.0.9/24", "dev", "eth0")
    peer.add_port("o", "leaf")
    started = time.monotonic()
    for port in ("o1", "o2"):
        switch.add(port)

    def theirs(port):
        return peer.vsctl("get", "port", port, "rstp_status")

    def converged():
        ports = switch.tree()[1]
        if root == "ovs":
            return sorted((ports[name]["role"], ports[name]["state"]) for name in ("o1", "o2")) == \
                [("alternate", "discarding"), ("root", "forwarding")] and \
                all("Forwarding" in theirs(name) for name in ("o1", "o2"))
        return all(ports[name]["state"] == "forwarding" for name in ("o1", "o2")) and \
            sorted("Forwarding" in theirs(name) for name in ("o1", "o2")) == [False, True]

    wait_until(converged, 60, lambda: "%s\n%s %s" % (switch.tree(), theirs("o1"), theirs("o2")))
    print("\nOpen vSwitch, root %s: converged after %.1f s" % (root, time.monotonic() - started))
    ports = switch.tree()[1]
    assert all(ports[name]["protocol"] == "rstp" and ports[name]["rx_bad"] == 0
               for name in ("o1", "o2"))
    wait_until(lambda: far.run("ping", "-c", 1, "-W", 1, "10.0.0.1", check=False).returncode == 0,
               60, "the far station is reached")
    station.host.ping("10.0.0.9")
    used = next(name for name in ("o1", "o2") if "Forwarding" in theirs(name) and
                ports[name]["state"] == "forwarding")
    cut_under_traffic(switch, used, far, station.host, station.address)


@pytest.mark.parametrize("mode", ["active-backup", "balance-xor"])
def test_bond(mesh, mode):
    """A bond is one port of the tree; a link beside it, that is worse, waits for it to fail."""
    switches = [mesh.switch("s%d" % number, "stp = rstp\n") for number in (1, 2)]
    stations = [mesh.station(switch, number) for number, switch in enumerate(switches, 1)]
    for port in ("m1", "m2"):
        cable(switches[0].host, port, switches[1].host, port)
    for switch in switches:
        switch.daemon.vsctl("bond", "add", "bond0", "mode", mode, "members", "m1,m2", "bridge",
                            "br0")
    mesh.link(*switches, "stp-cost", "20000")
    roles = settled(switches, 1)
    assert sorted(roles[name, "bond0"] for name in ("s1", "s2")) == ["designated", "root"]
    assert "alternate" in (roles["s1", "s2"], roles["s2", "s1"])
    stations[0].host.ping(stations[1].address)
    for member in ("m1", "m2"):
        switches[0].host.ip("link", "set", member, "down")
    for switch in switches:
        switch.daemon.wait_link("bond0", "down")
    settled(switches, 0)
    stations[0].host.ping(stations[1].address)


def happened(bed, kind, port, state):
    """When there was an event of a port for the first time, by the switch's clock; or None."""
    return next((datetime.datetime.strptime(row["time"], "%Y-%m-%dT%H:%M:%S.%fZ")
                 for row in bed.daemon.vsctl("event", "show", kind, port)
                 if row["state"] == state), None)


def test_edge_is_at_once_or_after_three_seconds(bed):
    bed.daemon.vsctl("bridge", "set", "br0", "stp", "rstp")
    bed.station(1, "stp-edge", "yes")
    row = bed.daemon.port("p1")
    assert row["state"] == "forwarding"
    bed.station(2)
    wait_until(lambda: happened(bed, "stp", "p2", "forwarding"), what="p2 forwards")
    assert bed.daemon.port("p2")["state"] == "forwarding"
    up, forwarding = happened(bed, "link", "p2", "up"), happened(bed, "stp", "p2", "forwarding")
    assert (forwarding - up).total_seconds() > 2
    bed.daemon.vsctl("bridge", "set", "br0", "stp", "off")
    bed.station(3)
    assert bed.daemon.port("p3")["state"] == "forwarding"


def test_superior_is_believed_unless_restricted(bed):
    """A root behind a port: taken for it; behind a restricted port: that port blocks."""
    bed.daemon.vsctl("bridge", "set", "br0", "stp", "rstp")
    one = bed.station(1, "stp-edge", "yes").wire
    bed.station(2, "stp-edge", "yes", "stp-restricted", "yes").wire.send(bpdu())
    wait_until(lambda: bed.daemon.port("p2")["state"] == "blocked", what="p2 is blocked")
    tree = bed.daemon.vsctl("stp", "show", "br0")[0]
    assert tree["root_port"] is None and tree["root"] == tree["id"]
    one.send(bpdu())

    def by_p1():
        """Told once, it is believed for 6 s: sent again and again, as a bridge does."""
        one.send(bpdu())
        tree = bed.daemon.vsctl("stp", "show", "br0")[0]
        return tree if tree["root_port"] == "p1" else None
    assert wait_until(by_p1, what="p1 leads to the root")["root"] == "0000.020000000002"


@pytest.mark.parametrize("stp", ["off", "rstp"])
def test_guard(bed, stp):
    """A BPDU shuts the port, with or without a tree; carrier on, or its link, opens it."""
    bed.daemon.vsctl("bridge", "set", "br0", "stp", stp)
    station = bed.station(1, "stp-edge", "yes", "bpdu", "guard")
    other = bed.station(2, "stp-edge", "yes").wire
    station.wire.send(bpdu())
    row = bed.daemon.wait_link("p1", "down")
    assert row["carrier"] == "on" and "BPDU guard" in row["reason"], row
    dropped = bed.daemon.drops("p1", "port_down")
    station.wire.send(frame(BROADCAST, A))
    wait_until(lambda: bed.daemon.drops("p1", "port_down") == dropped + 1, what="nothing enters")
    bed.daemon.vsctl("port", "set", "p1", "carrier", "on")
    assert bed.daemon.wait_link("p1").get("reason") is None
    station.wire.send(frame(BROADCAST, A))
    other.until(frame(BROADCAST, A))
    station.wire.send(bpdu())
    bed.daemon.wait_link("p1", "down")
    station.host.ip("link", "set", "eth0", "down")
    wait_until(lambda: "no carrier" in bed.daemon.port("p1")["reason"], what="the link is gone")
    station.host.ip("link", "set", "eth0", "up")
    bed.daemon.wait_link("p1")


def test_filter(bed):
    """Neither heard nor sent, and the port forwards."""
    bed.daemon.vsctl("bridge", "set", "br0", "stp", "rstp", "hello", 1)
    filtering = bed.station(1, "bpdu", "filter").wire
    normal = bed.station(2, "stp-edge", "yes").wire
    assert bed.daemon.port("p1")["state"] == "forwarding"
    filtering.send(bpdu())
    wait_until(lambda: bed.daemon.drops("p1", "reserved_mac") == 1, what="it is dropped")
    for _ in range(2):
        assert normal.recv(TIMEOUT).data.startswith(mac_bytes(GROUP))
    assert not filtering.drain()
    tree = bed.daemon.vsctl("stp", "show", "br0")[0]
    assert tree["root"] == tree["id"]
    assert not happened(bed, "stp", "p1", "forwarding")
    bed.daemon.vsctl("port", "set", "p1", "bpdu", "normal")
    # again: it has been blocked
    wait_until(lambda: happened(bed, "stp", "p1", "forwarding"), what="p1 forwards")
    assert filtering.recv(TIMEOUT).data.startswith(mac_bytes(GROUP))


def test_off_drops_bpdus(bed):
    one, two = bed.station(1).wire, bed.station(2).wire
    one.send(bpdu(), frame(BROADCAST, A))
    two.nothing_but(frame(BROADCAST, A))
    assert bed.daemon.drops("p1", "reserved_mac") == 1


def test_tagged_bpdus_are_none(bed):
    bed.daemon.vsctl("bridge", "set", "br0", "stp", "rstp")
    wire = bed.station(1, "stp-edge", "yes").wire
    data = bpdu()
    wire.send(data[:12] + b"\x81\0\0\x0a" + data[12:], b"\x01\x80\xc2\0\0\x02" + data[6:])
    wait_until(lambda: bed.daemon.stats("p1")["punted"] == 2, what="they have come in")
    port = bed.daemon.vsctl("stp", "show", "br0")[0]["ports"][0]
    wait_until(lambda: bed.daemon.vsctl("stp", "show", "br0")[0]["ports"][0]["rx_bad"] == 1,
               what="one is refused")
    assert port["rx_config"] == 0


def test_too_many(bed):
    """A port that floods BPDUs is heard in part, and the daemon answers all the while."""
    bed.daemon.vsctl("bridge", "set", "br0", "stp", "rstp")
    wire = bed.station(1, "stp-edge", "yes").wire
    for number in range(400):
        wire.send(bpdu(src=mac_of(number)))
    wait_until(lambda: bed.daemon.stats("p1")["rx_packets"] >= 400, what="all are in")
    wait_until(lambda: bed.daemon.vsctl("stp", "show", "br0")[0]["ports"][0]["rx_too_many"] > 0,
               what="some are too many")


def test_settings(bed):
    """Shown as set; refused with what would be right; nothing is changed by a refusal."""
    vsctl = bed.daemon.vsctl
    vsctl("bridge", "set", "br0", "stp", "rstp", "stp-priority", 4096, "hello", 1, "max-age", 8,
          "forward-delay", 6)
    bed.station(1, "stp-cost", 77, "stp-priority", 32, "stp-edge", "no", "stp-p2p", "no")
    bridge = vsctl("bridge", "show", "br0")[0]
    assert (bridge["stp"], bridge["stp_priority"], bridge["hello"], bridge["max_age"],
            bridge["forward_delay"], bridge["loop_detect"]) == ("rstp", 4096, 1, 8, 6, False)
    port = bed.daemon.port("p1")
    assert (port["stp_cost"], port["stp_priority"], port["stp_edge"], port["stp_p2p"],
            port["stp_restricted"], port["bpdu"]) == (77, 32, "no", "no", "auto", "normal")
    tree = vsctl("stp", "show", "br0")[0]
    assert tree["id"] == "1000." + bed.sw.mac("p1").replace(":", "")
    assert tree["ports"][0]["id"] == "2001" and tree["ports"][0]["cost"] == 77
    assert not tree["ports"][0]["p2p"]
    for words, text in (
            (("bridge", "set", "br0", "stp-priority", 5000), "stp-priority 5000.*4096"),
            (("bridge", "set", "br0", "max-age", 40), "max-age 40.*10 at most"),
            (("bridge", "set", "br0", "hello", 9), "max-age 8 with hello 9.*20 at least"),
            (("bridge", "set", "br0", "forward-delay", 3), "forward-delay 3: it is 4 at least"),
            (("bridge", "set", "br0", "stp", "mstp"), "off, stp, rstp"),
            (("port", "set", "p1", "stp-priority", 33), "stp-priority 33.*16"),
            (("port", "set", "p1", "bpdu", "drop"), "normal, guard, filter"),
            (("stp", "show", "br9"), "no such bridge")):
        with pytest.raises(VsctlError, match=text):
            vsctl(*words)
    assert vsctl("bridge", "show", "br0")[0] == bridge
    text = bed.daemon.vsctl_raw("stp", "show").stdout
    for word in ("bridge br0   rstp", "it is the root", "port p1 (2001)", "designated bridge",
                 "shared"):
        assert word in text, text
    vsctl("bridge", "set", "br0", "stp", "off")
    assert [port["role"] for port in vsctl("stp", "show")[0]["ports"]] == ["none"]


def test_in_the_configuration_file(idle_bed):
    idle_bed.cable(1)
    idle_bed.start("[bridge br0]\nstp = stp\nstp-priority = 12288\n"
                   "[port p1]\nbridge = br0\nbpdu = guard\nstp-edge = yes\n")
    assert idle_bed.daemon.vsctl("stp", "show")[0]["id"].startswith("3000.")
    assert idle_bed.daemon.port("p1")["bpdu"] == "guard"
