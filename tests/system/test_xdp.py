# SPDX-License-Identifier: BSD-3-Clause
"""netdev ports over AF_XDP.

A veth offers XDP in its driver, without zero-copy: "xdp on" takes it. The stations have no
checksum offload, as a wire would have it.
"""

import contextlib
import ctypes
import os
import pathlib
import re
import signal
import socket
import struct

import pytest

from harness import traffic
from harness.daemon import VsctlError
from harness.netns import cable, run
from harness.wait import wait_until
from harness.wire import BROADCAST, frame, mac_of, tagged

from test_stats import wait_balance
from test_tap import add_tap

A, B = mac_of(1), mac_of(2)
COPY = "af_xdp, copy"


def stations(bed, *keys, **kwargs):
    """Two plain stations with addresses, behind AF_XDP ports."""
    pair = [bed.speak(bed.station(n, "xdp", "on", *keys, **kwargs), n) for n in (1, 2)]
    assert [bed.daemon.port(name)["driver"] for name in ("p1", "p2")] == [COPY, COPY]
    return pair


def program(bed, ifname):
    """The XDP program on an interface of the switch's host, or None."""
    return bed.sw.link(ifname).get("xdp")


def vlan_offload(bed, ifname):
    """Does the interface take tags out of frames?"""
    text = bed.sw.run("ethtool", "-k", ifname).stdout
    return re.search(r"^rx-vlan-offload: (\w+)", text, re.MULTILINE)[1] == "on"


def check_traffic(one, two, number=2):
    """All that IP has."""
    for address in ("10.0.0.%d" % number, "fd00::%d" % number):
        one.ping(address, count=1)
        traffic.tcp(one, two, address, size=1 << 20)
        traffic.udp(one, two, address)
    traffic.udp(one, two, "10.0.0.%d" % number, sizes=(9000,))


def test_mode_is_shown(bed):
    """What a port uses, and why, for programs and for people."""
    bed.station(1)
    bed.station(2, "xdp", "off")
    bed.station(3, "xdp", "on")
    shown = {"p1": "af_packet: veth has no zero-copy", "p2": "af_packet: xdp is off", "p3": COPY}
    for name, mode in shown.items():
        assert bed.daemon.port(name)["driver"] == mode
        assert mode in bed.daemon.vsctl_raw("port", "show", name).stdout
    assert program(bed, "p1") is None and program(bed, "p2") is None
    assert program(bed, "p3")["mode"] == 1  # in the driver
    with pytest.raises(VsctlError, match="xdp"):
        bed.daemon.vsctl("port", "add", "x", "bridge", "br0", "xdp", "maybe")


def test_frames(bed):
    """Of every length, with tags, both ways, to and from an AF_PACKET port, bit by bit."""
    wires = [bed.station(1, "xdp", "on").wire, bed.station(2, "xdp", "on").wire,
             bed.station(3).wire]
    for length in (60, 61, 64, 127, 128, 1023, 1506, 1513, 1514):
        for number, wire in enumerate(wires):
            data = frame(BROADCAST, mac_of(10 + number), length)
            frames = [data, tagged(data, 7, 5)]
            if length <= 1506:  # the kernel sends one tag beyond the MTU
                frames.append(tagged(tagged(data, 9), 3, tpid=0x88a8))
            wire.send(*frames)
            for other in wires:
                if other is not wire:
                    other.expect(*frames)
    short = frame(BROADCAST, A, 42)
    wires[2].send(short)
    wires[0].expect(short + bytes(18))
    wait_balance(bed)


def test_vlans(bed):
    """An access port and a trunk."""
    access, trunk = bed.station(1, "xdp", "on", "vid", 7).wire, bed.station(2, "xdp", "on").wire
    access.send(frame(BROADCAST, A, 100))
    trunk.expect(tagged(frame(BROADCAST, A, 100), 7))
    trunk.send(frame(A, B, 200), tagged(frame(A, B, 300), 7))
    access.expect(frame(A, B, 300))


def test_ip(bed):
    one, two = stations(bed)
    check_traffic(one.host, two.host)


def is_fragment(data):
    """Is it a piece of a larger IPv4 packet?"""
    return data[12:14] == b"\x08\x00" and int.from_bytes(data[20:22], "big") & 0x3fff != 0


@pytest.mark.parametrize("kind", ["tap", "af_packet"])
def test_offloads_of_others_are_completed(bed, kind):
    """A sender that leaves checksums and segments to its interface, towards AF_XDP."""
    one = bed.speak(bed.station(1, "xdp", "on"), 1)
    if kind == "tap":
        add_tap(bed, "tap2", 2)
        two = bed.sw
    else:
        two = bed.speak(bed.station(2, plain=False), 2).host
    wire = one.wire
    check_traffic(two, one.host, 1)
    check_traffic(one.host, two)
    frames = wire.drain()
    assert max(len(data) for data, _ in frames) == 1514
    assert not any(blank for _, blank in frames)
    whole = [data for data, _ in frames if not is_fragment(data)]
    assert all(traffic.checksums_right(data) for data in whole[::10])


def test_segments_become_super_packets(bed):
    """From a wire to one who takes super-packets: merged on the way."""
    one = bed.speak(bed.station(1, "xdp", "on"), 1)
    two = bed.speak(bed.station(2, plain=False), 2)
    wire = two.wire
    traffic.tcp(one.host, two.host, two.address, size=8 << 20)
    assert max(len(data) for data, _ in wire.drain()) > 3000


def test_host_stack_is_kept_off(bed):
    one = bed.speak(bed.station(1, "xdp", "on"), 1)
    bed.sw.ip("addr", "add", "192.168.7.1/32", "dev", "lo")
    one.host.ip("route", "add", "192.168.7.0/24", "dev", "eth0")
    result = one.host.run("ping", "-c", 2, "-i", "0.02", "-W", 1, "192.168.7.1", check=False)
    assert result.returncode != 0
    bed.daemon.vsctl("port", "add", "br0", "bridge", "br0", "type", "tap")
    bed.daemon.wait_link("br0")
    bed.sw.ip("addr", "add", "10.0.0.9/24", "dev", "br0")
    one.host.ping("192.168.7.1", count=1)


def test_comes_and_goes(bed):
    """Fifty times; a stream between two others loses nothing, and nothing is left."""
    one, two = stations(bed)
    bed.cable(3)
    one.host.ping(two.address, count=1)
    fds = "/proc/%d/fd" % bed.daemon.pid

    def count():
        return int(run("sh", "-c", "ls %s | wc -l" % fds).stdout)

    def memory():
        text = pathlib.Path("/proc/%d/status" % bed.daemon.pid).read_text()
        return int(re.search(r"VmSize:\s+(\d+)", text)[1])

    def cycle():
        bed.daemon.vsctl("port", "add", "p3", "bridge", "br0", "xdp", "on")
        assert bed.daemon.port("p3")["driver"] == COPY
        bed.daemon.vsctl("port", "del", "p3")
    cycle()
    before = count(), memory()
    stream = traffic.Stream(one.host, two.host, two.address)
    for _ in range(50):
        cycle()
    numbers, sent = stream.stop()
    assert numbers == list(range(sent))
    wait_until(lambda: count() <= before[0], what=lambda: "%d: %d" % (before[0], count()))
    wait_until(lambda: memory() <= before[1] + 8192,
               what=lambda: "%d kB: %d" % (before[1], memory()))
    assert program(bed, "p3") is None
    assert bed.sw.link("p3")["promiscuity"] == 0
    assert vlan_offload(bed, "p3")


def test_closed_with_the_daemon(bed):
    """A regular end gives the interface back as it was."""
    one, _ = stations(bed)
    assert not vlan_offload(bed, "p1")
    assert bed.daemon.stop() == 0
    assert program(bed, "p1") is None and vlan_offload(bed, "p1")
    bed.sw.ip("addr", "add", "10.0.0.9/24", "dev", "p1")
    one.host.ping("10.0.0.9", count=1)


def test_killed(bed):
    """The kernel takes the program off; the next daemon goes on; so can the host."""
    one, two = stations(bed)
    one.host.ping(two.address, count=1)
    bed.daemon.stop(signal.SIGKILL)
    wait_until(lambda: program(bed, "p1") is None, what="no program")
    assert bed.sw.link("p1")["promiscuity"] == 0
    bed.daemon.start("[bridge br0]\n[port p1]\nbridge = br0\nxdp = on\n"
                     "[port p2]\nbridge = br0\n")
    bed.daemon.wait_link("p1")
    mode_is(bed, "p1", COPY)
    check_traffic(one.host, two.host)
    bed.daemon.stop(signal.SIGKILL)
    bed.sw.run("tc", "qdisc", "del", "dev", "p1", "clsact")
    bed.sw.ip("addr", "add", "10.0.0.9/24", "dev", "p1")
    one.host.ping("10.0.0.9", count=1)


def test_link_and_interface(bed):
    """Down and up, renamed, gone and back."""
    one, two = stations(bed)
    one.host.ping(two.address, count=1)
    two.host.ip("link", "set", "eth0", "down")
    assert "no carrier" in bed.daemon.wait_link("p2", "down")["reason"]
    two.host.ip("link", "set", "eth0", "up")
    bed.daemon.wait_link("p2")
    bed.sw.ip("link", "set", "p2", "down")
    bed.daemon.wait_link("p2", "down")
    bed.sw.ip("link", "set", "p2", "up")
    bed.daemon.wait_link("p2")
    one.host.ping(two.address, count=1)
    bed.sw.ip("link", "set", "p2", "down")
    bed.sw.ip("link", "set", "p2", "name", "other")
    bed.daemon.wait_link("p2", "down")
    wait_until(lambda: program(bed, "other") is None and vlan_offload(bed, "other"),
               what="the interface is left alone")
    bed.sw.ip("link", "set", "other", "name", "p2")
    bed.daemon.wait_link("p2")
    mode_is(bed, "p2", COPY)
    one.host.ping(two.address, count=1)
    mac = two.mac
    bed.sw.ip("link", "del", "p2")
    bed.daemon.wait_link("p2", "down")
    wait_until(lambda: bed.daemon.port("p2")["driver"] is None, what="it is gone")
    run("ip", "link", "add", "p2", "netns", bed.sw.name, "type", "veth", "peer", "eth0",
        "netns", two.host.name, "address", mac)
    two.host.offloads("eth0", "off")
    two.host.ip("link", "set", "eth0", "up")
    bed.speak(two, 2)
    bed.daemon.wait_link("p2")
    mode_is(bed, "p2", COPY)
    check_traffic(one.host, two.host)


def mode_is(bed, name, start):
    """Wait until a port's mode starts so."""
    def reached():
        mode = bed.daemon.port(name)["driver"] or ""
        return mode if mode.startswith(start) else None
    return wait_until(reached, what=lambda: "%s: %s" % (start, bed.daemon.port(name)))


SYS_BPF, BPF_PROG_LOAD, BPF_LINK_CREATE, BPF_PROG_TYPE_XDP, BPF_XDP = 321, 5, 28, 6, 37
XDP_FLAGS_SKB_MODE = 2


def bpf(command, attributes):
    """bpf(2). Return: a descriptor."""
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.syscall(SYS_BPF, command, attributes, len(attributes))
    if fd < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return fd


@contextlib.contextmanager
def foreign_program(bed, ifname):
    """Somebody else's XDP program, which lets all frames pass, in the kernel's receive path."""
    code = ctypes.create_string_buffer(struct.pack("<BBhi", 0xb7, 0, 0, 2) +  # r0 = XDP_PASS
                                       struct.pack("<BBhi", 0x95, 0, 0, 0))  # exit
    text = ctypes.create_string_buffer(b"GPL")
    program_fd = bpf(BPF_PROG_LOAD, struct.pack(
        "<IIQQ", BPF_PROG_TYPE_XDP, 2, ctypes.addressof(code), ctypes.addressof(text)))
    try:
        with bed.sw.inside():
            link = bpf(BPF_LINK_CREATE, struct.pack(
                "<IIII", program_fd, socket.if_nametoindex(ifname), BPF_XDP, XDP_FLAGS_SKB_MODE))
        try:
            yield
        finally:
            os.close(link)
    finally:
        os.close(program_fd)


def test_program_of_others(bed):
    """It stays; the message says what is in the way. Without it, the interface is taken."""
    bed.cable(1)
    with foreign_program(bed, "p1"):
        with pytest.raises(VsctlError, match="another XDP program.*ip link set p1 xdp off"):
            bed.daemon.vsctl("port", "add", "p1", "bridge", "br0", "xdp", "on")
        assert program(bed, "p1") is not None and vlan_offload(bed, "p1")
    wait_until(lambda: program(bed, "p1") is None, what="no program")
    bed.daemon.vsctl("port", "add", "p1", "bridge", "br0", "xdp", "on")
    assert bed.daemon.port("p1")["driver"] == COPY


def test_mtu_of_the_interface(bed):
    """Too large for a frame: AF_PACKET goes on, and AF_XDP when it fits again."""
    one, two = stations(bed)
    for _ in range(3):
        for mtu, mode in ((9000, "af_packet: mtu 9000"), (3000, COPY), (1500, COPY)):
            for station in (one, two):
                # a veth's XDP depends on the other end's MTU as well
                ends = [(station.host, "eth0"), (bed.sw, station.port)]
                for host, ifname in reversed(ends) if mtu == 9000 else ends:
                    host.ip("link", "set", ifname, "mtu", mtu)
                    if mtu == 9000:
                        mode_is(bed, station.port, mode)
                mode_is(bed, station.port, mode)
                wait_until(lambda: bed.daemon.port(station.port)["mtu"] == mtu, what="mtu")
            one.host.ping(two.address, size=mtu - 28, count=1)
            check_traffic(one.host, two.host)
    wait_balance(bed)


def test_mtu_under_load(bed):
    """New sockets while workers may still look at the old ones: AF_PACKET stands in meanwhile."""
    one, two = stations(bed)
    stream = traffic.Stream(one.host, two.host, two.address)
    for _ in range(10):
        for mtu in (9000, 1500):
            bed.daemon.vsctl("port", "set", "p1", "mtu", mtu)
        mode_is(bed, "p1", COPY)
    numbers, sent = stream.stop()
    assert numbers[-1] == sent - 1 and numbers == sorted(set(numbers))
    check_traffic(one.host, two.host)


def test_mtu_by_the_operator(bed):
    """The same through vsctl, and what does not fit from the start."""
    one = bed.station(1, "xdp", "on")
    bed.daemon.vsctl("port", "set", "p1", "mtu", 9000)
    assert bed.daemon.port("p1")["driver"].startswith("af_packet: mtu 9000")
    assert bed.sw.link("p1")["mtu"] == bed.daemon.port("p1")["mtu"] == 9000
    bed.daemon.vsctl("port", "set", "p1", "mtu", 1500)
    mode_is(bed, "p1", COPY)
    assert one.mac
    bed.cable(2, mtu=9000)
    with pytest.raises(VsctlError, match="mtu 9000.*xdp auto"):
        bed.daemon.vsctl("port", "add", "p2", "bridge", "br0", "xdp", "on")
    bed.daemon.vsctl("port", "add", "p2", "bridge", "br0", "xdp", "on", "mtu", 1500)
    # the other end's MTU is too large for a veth's XDP
    bed.sw.ip("link", "set", "p2", "mtu", 9000)
    mode_is(bed, "p2", "af_packet: mtu 9000")


def test_generic(bed):
    """A driver that knows nothing of XDP: a bridge of the kernel. The kernel's GRO is off there."""
    one = bed.speak(bed.station(1, "xdp", "on"), 1)
    two = bed.speak(bed.cable(2), 2)
    bed.sw.ip("link", "add", "kb0", "type", "bridge")
    bed.sw.ip("link", "set", "p2", "master", "kb0")
    bed.sw.ip("link", "set", "kb0", "up")
    bed.daemon.vsctl("port", "add", "kb0", "bridge", "br0", "xdp", "on")
    assert bed.daemon.wait_link("kb0")["driver"] == "af_xdp, generic copy"
    check_traffic(one.host, two.host)
    bed.daemon.vsctl("port", "del", "kb0")
    wait_until(lambda: program(bed, "kb0") is None, what="no program")


def multi_queue(bed, number, queues):
    """A station whose cable has so many queues."""
    host = bed.host("h%d" % number)
    run("ip", "link", "add", "p%d" % number, "netns", bed.sw.name, "numrxqueues", queues,
        "numtxqueues", queues, "type", "veth", "peer", "name", "eth0", "numrxqueues", queues,
        "numtxqueues", queues, "netns", host.name)
    bed.sw.ip("link", "set", "p%d" % number, "up")
    host.ip("link", "set", "eth0", "up")
    host.offloads("eth0", "off")
    return host


def test_queues(idle_bed):
    """A NIC with more queues than workers: all are served. One with too many is refused."""
    bed = idle_bed.start("[vswitchd]\nworkers = 2\n[bridge br0]\n")
    hosts = [multi_queue(bed, number, 5) for number in (1, 2)]
    for number, host in enumerate(hosts, 1):
        bed.daemon.vsctl("port", "add", "p%d" % number, "bridge", "br0", "xdp", "on")
        assert bed.daemon.wait_link("p%d" % number)["driver"] == COPY
        host.sysctl("ipv6/conf/eth0/disable_ipv6", 0)
        host.ip("addr", "add", "10.0.0.%d/24" % number, "dev", "eth0")
        host.ip("addr", "add", "fd00::%d/64" % number, "dev", "eth0", "nodad")
    for _ in range(10):  # flows
        check_traffic(*hosts)
    multi_queue(bed, 3, 20)
    with pytest.raises(VsctlError, match="more queues than 16"):
        bed.daemon.vsctl("port", "add", "p3", "bridge", "br0", "xdp", "on")


def test_queues_change(idle_bed):
    """More queues than at first, or fewer: those that the NIC has are served."""
    bed = idle_bed.start("[bridge br0]\n")
    hosts = [multi_queue(bed, number, 20) for number in (1, 2)]
    for number, host in enumerate(hosts, 1):
        host.run("ethtool", "-L", "eth0", "tx", 2)
        bed.sw.run("ethtool", "-L", "p%d" % number, "rx", 2)
        host.sysctl("ipv6/conf/eth0/disable_ipv6", 0)
        host.ip("addr", "add", "10.0.0.%d/24" % number, "dev", "eth0")
        host.ip("addr", "add", "fd00::%d/64" % number, "dev", "eth0", "nodad")
        bed.daemon.vsctl("port", "add", "p%d" % number, "bridge", "br0", "xdp", "on")
        assert bed.daemon.wait_link("p%d" % number)["driver"] == COPY
    sockets = "ls -l /proc/%d/fd | grep -c socket:" % bed.daemon.pid

    def count():
        return int(run("sh", "-c", sockets).stdout)
    before = count()
    bed.sw.run("ethtool", "-L", "p1", "rx", 5)
    wait_until(lambda: count() == before + 3, what=lambda: "%d: %d" % (before, count()))
    hosts[0].run("ethtool", "-L", "eth0", "tx", 5)
    for _ in range(10):  # flows
        check_traffic(*hosts)
    bed.sw.run("ethtool", "-L", "p1", "rx", 20)
    mode_is(bed, "p1", "af_packet: it has more queues than 16")
    bed.sw.run("ethtool", "-L", "p1", "rx", 8)
    mode_is(bed, "p1", COPY)
    check_traffic(*hosts)


def test_flood_with_few_buffers(idle_bed):
    """Frames come back to the driver whatever becomes of the packets."""
    bed = idle_bed.start("[vswitchd]\nmbufs = 1024\n[bridge br0]\n")
    one, two = stations(bed)
    for _ in range(20):
        one.wire.send(*[frame(BROADCAST, A, 1514)] * 1000)
        two.wire.send(*[frame(BROADCAST, B, 60)] * 1000)
    for port in ("p1", "p2"):
        wait_until(lambda: bed.daemon.stats(port)["rx_packets"] >= 20000,
                   what=lambda: "all received or counted: %s" % bed.daemon.stats(port))
    for station in (one, two):
        station.wire.drain()
    check_traffic(one.host, two.host)
    wait_balance(bed)


def test_idle_workers_sleep(bed):
    """On the sockets, as on others."""
    stations(bed)
    tasks = pathlib.Path("/proc/%d/task" % bed.daemon.pid)

    def asleep():
        return all(task.read_text().rsplit(")", 1)[1].split()[0] == "S"
                   for task in tasks.glob("*/stat"))
    wait_until(lambda: all(asleep() for _ in range(50)), what="all threads sleep")
