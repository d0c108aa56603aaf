# SPDX-License-Identifier: BSD-3-Clause
"""Mirrors: to a port, into a VXLAN tunnel, to softflowd; what comes and goes; the file."""

import os
import shutil
import signal
import socket
import struct

import pytest

from harness.netns import run
from harness.traffic import udp
from harness.wait import wait_until
from harness.wire import BROADCAST, Wire, frame, mac_of, tagged

A, B = mac_of(1), mac_of(2)


def mirror(daemon, name="m"):
    """A row of mirror show."""
    return daemon.vsctl("mirror", "show", name)[0]


@pytest.fixture
def span(bed):
    """Two stations, and the wire of a port for copies."""
    left, right = (bed.station(n).wire for n in (1, 2))
    bed.end = bed.cable(3)
    bed.daemon.vsctl("port", "add", "p3", "bridge", "none")
    bed.daemon.wait_link("p3")
    return bed, left, right, bed.end.wire


def balanced(daemon):
    """What came in and was copied is what left and was dropped."""
    wait_until(lambda: len(set(daemon.balance())) == 1, what=daemon.balance)


def test_port(span):
    """What comes in and what leaves, bit by bit; one way alone; whatever tags they have."""
    bed, left, right, end = span
    bed.daemon.vsctl("mirror", "add", "m", "port", "p1", "to", "p3")
    frames = [frame(BROADCAST, A, size) for size in (60, 61, 62, 200, 1514)]
    frames += [tagged(frames[3], 7), frame(BROADCAST, A, 100, [(0x88a8, 200), (0x8100, 100)])]
    for data in frames:
        left.send(data)
        right.expect(data)
        end.expect(data)
    for data in frames:
        right.send(data)
        left.expect(data)
        end.expect(data)
    row = mirror(bed.daemon)
    assert row["packets"] == 2 * len(frames) and row["drops"] == {} and row["reason"] is None
    assert row["bytes"] == 2 * sum(len(data) for data in frames)
    for way, inward, outward in (("in", True, False), ("out", False, True), ("both", True, True)):
        bed.daemon.vsctl("mirror", "set", "m", "direction", way)
        for wire, far, seen in ((left, right, inward), (right, left, outward)):
            data = frame(BROADCAST, A, 90 if seen else 91)
            wire.send(data)
            far.expect(data)
            if seen:
                end.expect(data)
    bed.daemon.vsctl("mirror", "del", "m")
    left.send(frames[0])
    right.expect(frames[0])
    bed.daemon.vsctl("port", "set", "p3", "bridge", "br0")
    left.send(frames[1])
    end.expect(frames[1])
    balanced(bed.daemon)


def test_vlan_and_bridge(bed):
    """Of a bridge each frame once, with its VLAN's tag; of a VLAN nothing else."""
    left = bed.station(1).wire
    access = bed.station(2, "vid", 10).wire
    ends = []
    for number, name, words in ((3, "all", ("bridge", "br0")),
                                (4, "ten", ("bridge", "br0", "vlan", 10)),
                                (5, "wire", ("port", "p2", "vlan", 10)),
                                (6, "none", ("port", "p2", "vlan", 11))):
        ends.append(bed.cable(number).wire)
        bed.daemon.vsctl("port", "add", "p%d" % number, "bridge", "none")
        bed.daemon.wait_link("p%d" % number)
        bed.daemon.vsctl("mirror", "add", name, *words, "to", "p%d" % number)
    every, ten, wire, none = ends
    plain, other, own = frame(BROADCAST, A), frame(BROADCAST, A, 70), frame(BROADCAST, B, 80)
    left.send(plain)
    every.expect(plain)
    left.send(tagged(other, 10, priority=5))
    access.expect(other)
    every.expect(tagged(other, 10, priority=5))
    ten.expect(tagged(other, 10, priority=5))
    wire.expect(other)
    access.send(own)
    left.expect(tagged(own, 10))
    every.expect(tagged(own, 10))
    ten.expect(tagged(own, 10))
    wire.expect(own)
    left.send(plain)
    every.nothing_but(plain)
    assert not [*ten.drain(), *wire.drain(), *none.drain()]
    balanced(bed.daemon)


def test_offloads(bed):
    """TCP between stations with offloads: what is seen are frames as on a wire, each of them right."""
    left, right = bed.pair()
    end = bed.cable(3).wire
    bed.daemon.vsctl("port", "add", "p3", "bridge", "none")
    bed.daemon.wait_link("p3")
    bed.daemon.vsctl("mirror", "add", "m", "port", "p2", "direction", "in", "to", "p3")
    udp(right.host, left.host, left.address, sizes=(1, 700, 1472))
    frames = []

    def enough():
        frames.extend(got for got in end.drain() if got.data[12:14] == b"\x08\x00")
        return len(frames) >= 3
    wait_until(enough, what=lambda: mirror(bed.daemon))
    assert not any(got.blank for got in frames)
    assert max(len(got.data) for got in frames) == 1514
    balanced(bed.daemon)


def test_ends(span):
    """The other port is down, or gone, and so is the one that is copied: said, and waited for."""
    bed, left, right, end = span
    daemon = bed.daemon
    daemon.vsctl("mirror", "add", "m", "port", "p1", "to", "p3")
    for words, message in (
            (("port", "set", "p3", "bridge", "br0"), "mirror m sends to it"),
            (("addr", "add", "192.0.2.1/24", "port", "p3"), "mirror m sends to it"),
            (("bond", "add", "bond0", "members", "p3"), "mirror m sends to it"),
            (("port", "add", "p3.99", "bridge", "br0"), "mirror m sends to it"),
            (("mirror", "add", "m", "port", "p2", "to", "p3"), "exists already"),
            (("mirror", "add", "n", "port", "p3", "to", "p2"), "where mirror m sends to"),
            (("mirror", "add", "n", "port", "p2", "to", "p1"), "is what mirror m copies"),
            (("mirror", "add", "n", "port", "p1", "to", "p2"), "is on bridge br0"),
            (("mirror", "add", "n", "port", "p1", "to", "p1"), "copies of itself"),
            (("mirror", "add", "n", "port", "p7", "to", "p3"), "there is no such port"),
            (("mirror", "add", "n", "bridge", "br7", "to", "p3"), "there is no such bridge"),
            (("mirror", "add", "n", "port", "p1", "to", "p9"), "there is no such port"),
            (("mirror", "add", "n", "port", "p1", "bridge", "br0", "to", "p3"), "not both"),
            (("mirror", "add", "n", "port", "p1"), "give one of to, vxlan and ipfix"),
            (("mirror", "add", "n", "port", "p1", "vxlan", "10.1.1.1"), "vni is missing"),
            (("mirror", "add", "n", "port", "p1", "vxlan", "224.0.0.1", "vni", 1), "a host can"),
            (("mirror", "add", "n", "port", "p1", "vxlan", "::", "vni", 1), "a host can have"),
            (("mirror", "add", "n", "port", "p1", "ipfix", "host"), "is not HOST:PORT"),
            (("mirror", "set", "m", "to", "p2"), "can only be given when"),
            (("mirror", "set", "n", "vlan", 3), "there is no such mirror"),
            (("mirror", "del", "mm"), "did you mean 'm'")):
        result = daemon.vsctl_raw(*words)
        assert result.returncode != 0 and message in result.stderr, result.stderr
    daemon.vsctl("port", "set", "p3", "carrier", "off")
    left.send(frame(BROADCAST, A))
    right.expect(frame(BROADCAST, A))
    assert "port p3 is down" in mirror(daemon)["reason"]
    assert mirror(daemon)["drops"] == {"port_down": 1}
    daemon.vsctl("port", "set", "p3", "carrier", "on")
    daemon.wait_link("p3")
    left.send(frame(BROADCAST, A, 70))
    end.expect(frame(BROADCAST, A, 70))
    for port, place in (("p3", "none"), ("p1", "br0")):
        daemon.vsctl("port", "del", port)
        assert mirror(daemon)["reason"] == "there is no port " + port
        right.send(frame(BROADCAST, B))
        daemon.vsctl("port", "add", port, "bridge", place)
        daemon.wait_link(port)
        assert mirror(daemon)["reason"] is None
        left.send(frame(BROADCAST, A, 80))
        right.drain()
        end.until(frame(BROADCAST, A, 80))
    balanced(daemon)


def test_end_with_vlans(span):
    """What has VLAN ports is no mirror's end, until they are gone."""
    daemon = span[0].daemon
    daemon.vsctl("port", "add", "p3.99", "bridge", "none")
    words = "mirror", "add", "m", "port", "p1", "to", "p3"
    result = daemon.vsctl_raw(*words)
    assert result.returncode == 1 and "port p3 has VLAN ports such as p3.99" in result.stderr
    daemon.vsctl("mirror", "add", "n", "port", "p1", "to", "p3.99")
    daemon.vsctl("mirror", "del", "n")
    daemon.vsctl("port", "del", "p3.99")
    daemon.vsctl(*words)
    assert mirror(daemon)["reason"] is None
    # a file from when that was allowed: it starts, and the mirror waits
    daemon.vsctl("config", "save")
    assert daemon.stop() == 0
    with daemon.config.open("a") as file:
        file.write("[port p3.99]\nbridge = none\n")
    daemon.start()
    assert "port p3 has VLAN ports such as p3.99" in mirror(daemon)["reason"]
    daemon.vsctl("port", "del", "p3.99")
    assert mirror(daemon)["reason"] is None


def test_no_loop(span):
    """What comes in by the other port goes nowhere."""
    bed, left, right, end = span
    bed.daemon.vsctl("mirror", "add", "m", "bridge", "br0", "to", "p3")
    end.send(frame(BROADCAST, B))
    wait_until(lambda: bed.daemon.drops("p3", "no_bridge") == 1, what="it is dropped")
    left.send(frame(BROADCAST, A))
    right.nothing_but(frame(BROADCAST, A))
    end.nothing_but(frame(BROADCAST, A))
    assert mirror(bed.daemon)["drops"] == {}


def test_snaplen(span):
    bed, left, _, end = span
    bed.daemon.vsctl("mirror", "add", "m", "port", "p1", "to", "p3", "snaplen", 64)
    for size in (60, 64, 65, 1514):
        data = frame(BROADCAST, A, size)
        left.send(data)
        end.expect(data[:64])
    bed.daemon.vsctl("mirror", "set", "m", "snaplen", "none")
    left.send(data)
    end.expect(data)


# --- VXLAN ---


@pytest.fixture(params=[4, 6])
def tunnel(bed, request):
    """Two stations, and a host whose kernel ends a VXLAN tunnel. Its wire is what is within."""
    family = request.param
    left, right = (bed.station(n).wire for n in (1, 2))
    far = bed.station(3, bridge="none", mtu=1600)
    own, other, length = ("10.9.0.1", "10.9.0.2", 24) if family == 4 else ("fd09::1", "fd09::2", 64)
    bed.daemon.vsctl("addr", "add", "%s/%d" % (own, length), "port", "p3")
    far.host.sysctl("ipv6/conf/eth0/disable_ipv6", 0)
    far.host.ip("addr", "add", "%s/%d" % (other, length), "dev", "eth0",
                *(["nodad"] if family == 6 else []))
    made = far.host.ip("link", "add", "vx0", "type", "vxlan", "id", "7", "dstport", "4789",
                       "local", other, check=False)
    if made.returncode != 0:
        pytest.skip("the kernel has no vxlan: " + made.stderr)
    far.host.ip("link", "set", "vx0", "mtu", "1500", "up")
    inner = Wire(far.host, "vx0")
    yield bed, left, right, far, inner, other
    inner.close()


def test_vxlan(tunnel):
    bed, left, right, far, inner, other = tunnel
    daemon = bed.daemon
    daemon.vsctl("mirror", "add", "m", "port", "p1", "vxlan", other, "vni", 7)
    wait_until(lambda: mirror(daemon)["reason"] is None, what=lambda: mirror(daemon))
    frames = [frame(BROADCAST, A, size) for size in (60, 61, 200, 1514)]
    frames.append(tagged(frames[3], 7))
    for data in frames:
        left.send(data)
        right.expect(data)
        inner.expect(data)
    for data in frames:
        right.send(data)
        left.expect(data)
        inner.expect(data)
    row = mirror(daemon)
    assert row["packets"] == 2 * len(frames) and row["drops"] == {}
    assert (row["vxlan"], row["vni"], row["vxlan_port"]) == (other, 7, 4789)
    # what is of a flow has one port, and the tunnel itself is not looked into
    daemon.vsctl("mirror", "add", "up", "port", "p3", "vxlan", other, "vni", 8)
    left.send(frames[0])
    inner.expect(frames[0])
    wait_until(lambda: mirror(daemon, "up")["reason"] is None)
    assert mirror(daemon, "up")["packets"] < 5
    balanced(daemon)
    daemon.vsctl("mirror", "del", "up")
    daemon.vsctl("mirror", "del", "m")
    assert [row["port"] for row in daemon.vsctl("port", "show") if row["type"] == "vxlan"] == []


def test_vxlan_too_long(tunnel):
    """What does not fit is never cut into fragments: counted, and there is snaplen."""
    bed, left, right, far, inner, other = tunnel
    daemon = bed.daemon
    daemon.vsctl("port", "set", "p3", "mtu", 1500)
    daemon.vsctl("mirror", "add", "m", "port", "p1", "vxlan", other, "vni", 7)
    overhead = 70 if ":" in other else 50
    fits, long = frame(BROADCAST, A, 1514 - overhead), frame(BROADCAST, A, 1514 - overhead + 1)
    for data in (fits, long, fits):
        left.send(data)
        right.expect(data)
    inner.expect(fits, fits)
    assert mirror(daemon)["drops"] == {"mtu_exceeded": 1}
    daemon.vsctl("mirror", "set", "m", "snaplen", 200)
    left.send(long)
    inner.expect(long[:200])
    balanced(daemon)


def test_vxlan_no_way(tunnel):
    """Without a route nothing leaves, and that is said; with one it does, without a word."""
    bed, left, right, far, inner, other = tunnel
    daemon = bed.daemon
    net = "24" if ":" not in other else "64"
    own = other[:-1] + "1/" + net
    daemon.vsctl("addr", "del", own)
    daemon.vsctl("mirror", "add", "m", "port", "p1", "vxlan", other, "vni", 7)
    assert mirror(daemon)["reason"] == "the router has no route to " + other
    left.send(frame(BROADCAST, A))
    right.expect(frame(BROADCAST, A))
    assert mirror(daemon)["drops"] == {"port_down": 1}
    daemon.vsctl("addr", "add", own, "port", "p3")
    wait_until(lambda: mirror(daemon)["reason"] is None)
    left.send(frame(BROADCAST, A, 70))
    inner.expect(frame(BROADCAST, A, 70))
    name = mirror(daemon)["to"]
    result = daemon.vsctl_raw("port", "del", name)
    assert result.returncode != 0 and "mirror m sends to it" in result.stderr
    balanced(daemon)


# --- IPFIX ---


class Collector:
    """Takes IPFIX (RFC 7011) by UDP: flows as {element: bytes}."""

    ELEMENTS = {1: "bytes", 2: "packets", 4: "proto", 7: "sport", 8: "src", 11: "dport", 12: "dst",
                27: "src", 28: "dst", 58: "vlan", 85: "bytes", 86: "packets", 243: "vlan"}

    def __init__(self, host, address):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with host.inside():
            self.socket = socket.socket(family, socket.SOCK_DGRAM)
            self.socket.bind((address, 0))
        self.socket.setblocking(False)
        self.port = self.socket.getsockname()[1]
        self.templates = {}
        self.flows = []

    def _set(self, number, body):
        """One set: templates, or flows of one."""
        while number == 2 and len(body) >= 8:
            template, count = struct.unpack_from("!HH", body)
            fields = [struct.unpack_from("!HH", body, 4 + 4 * i) for i in range(count)]
            assert not any(element & 0x8000 for element, _ in fields)
            self.templates[template] = fields
            body = body[4 + 4 * count:]
        fields = self.templates.get(number, [])
        size = sum(length for _, length in fields)
        while fields and len(body) >= size:
            flow = {}
            for element, length in fields:
                flow[self.ELEMENTS.get(element, element)] = body[:length]
                body = body[length:]
            self.flows.append(flow)

    def read(self):
        """Take what has come. Return: all flows until now."""
        while True:
            try:
                message = self.socket.recv(65536)
            except BlockingIOError:
                return self.flows
            version, length = struct.unpack_from("!HH", message)
            assert (version, length) == (10, len(message))
            at = 16
            while at < len(message):
                number, size = struct.unpack_from("!HH", message, at)
                self._set(number, message[at + 4:at + size])
                at += size

    def total(self, **match):
        """(packets, bytes, number of flows) of those whose elements are these."""
        packets = octets = n = 0
        for flow in self.read():
            if all(int.from_bytes(flow[key], "big") == value if isinstance(value, int)
                   else flow[key] == value for key, value in match.items()):
                packets += int.from_bytes(flow["packets"], "big")
                octets += int.from_bytes(flow["bytes"], "big")
                n += 1
        return packets, octets, n


def udp_frame(source, sport, dport, size, vid=None):
    """An IPv4 datagram of so many bytes behind the Ethernet header."""
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, size, 1, 0, 64, 17, 0, socket.inet_aton(source),
                     socket.inet_aton("10.0.0.99"))
    data = frame(BROADCAST, A, 14 + size, ethertype=0x0800,
                 payload=ip + struct.pack("!HHHH", sport, dport, size - 20, 0))
    return data if vid is None else tagged(data, vid)


needs_softflowd = pytest.mark.skipif(shutil.which("softflowd", path="/usr/sbin:/usr/bin") is None,
                                     reason="softflowd is not installed")


@needs_softflowd
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_ipfix(bed, address):
    """One command, and a collector hears of all flows what was sent; with tags and without."""
    left, right = (bed.station(n).wire for n in (1, 2))
    bed.sw.sysctl("ipv6/conf/lo/disable_ipv6", 0)
    bed.sw.ip("link", "set", "lo", "up")
    collector = Collector(bed.sw, address)
    where = "%s:%d" % ("[%s]" % address if ":" in address else address, collector.port)
    bed.daemon.vsctl("mirror", "add", "flows", "bridge", "br0", "ipfix", where, "ipfix-timeout", 1)
    row = wait_until(lambda: mirror(bed.daemon, "flows"))
    assert row["pid"] and row["reason"] is None
    wait_until(lambda: "data collection" in bed.daemon.log)
    sent = {}
    for flow, (size, n, vid) in enumerate(((28, 3, None), (600, 10, None), (1500, 20, None),
                                           (300, 7, 10))):
        for _ in range(n):
            left.send(udp_frame("10.0.0.%d" % (flow + 1), 1000 + flow, 53, size, vid))
        sent[flow] = (n, n * size)

    for flow, (n, octets) in sent.items():
        match = {"src": socket.inet_aton("10.0.0.%d" % (flow + 1)), "sport": 1000 + flow,
                 "dport": 53, "proto": 17}
        wait_until(lambda: collector.total(**match)[:2] == (n, octets),
                   what=lambda: (match, collector.total(**match), collector.flows[:5]))
    assert collector.total()[0] == 40, collector.flows
    assert collector.total(vlan=10)[0] == 7
    assert mirror(bed.daemon, "flows")["drops"] == {}


@needs_softflowd
def test_ipfix_process(bed):
    """It is kept running, ends with the mirror, and leaves nothing; nobody else takes its tap."""
    bed.sw.ip("link", "set", "lo", "up")
    vsctl = bed.daemon.vsctl
    vsctl("mirror", "add", "flows", "bridge", "br0", "ipfix", "127.0.0.1:4739")
    row = mirror(bed.daemon, "flows")
    killed = set()

    def is_missed():
        """Each time it takes longer until it is started again: once somebody looks before that."""
        now = mirror(bed.daemon, "flows")
        if now["pid"] and now["pid"] not in killed:
            os.kill(now["pid"], signal.SIGKILL)
            killed.add(now["pid"])
        return "ended" in (now["reason"] or "")
    wait_until(is_missed, what=lambda: mirror(bed.daemon, "flows"))
    again = wait_until(lambda: mirror(bed.daemon, "flows")["pid"])
    assert again not in killed
    for words in (("port", "del", row["to"]), ("port", "set", row["to"], "bridge", "br0")):
        result = bed.daemon.vsctl_raw(*words)
        assert result.returncode != 0 and "mirror flows sends to it" in result.stderr

    def rights():
        with open("/proc/%d/status" % again, encoding="ascii") as file:
            status = dict(line.split(":\t", 1) for line in file if ":\t" in line)
        return status["Name"].strip(), int(status["CapEff"], 16), status["Uid"].split()[0] != "0"
    # setpriv gives up the others before it becomes that
    wait_until(lambda: rights()[0] == "softflowd", what=rights)
    assert rights() == ("softflowd", 1 << 13, True)
    vsctl("mirror", "del", "flows")
    wait_until(lambda: bed.sw.link(row["to"]) is None)
    wait_until(lambda: not os.path.exists("/proc/%d" % again))


@needs_softflowd
def test_ipfix_hangs(bed):
    """One that does not end is killed; nothing else waits for that."""
    vsctl = bed.daemon.vsctl
    vsctl("mirror", "add", "flows", "bridge", "br0", "ipfix", "127.0.0.1:4739")
    pid = mirror(bed.daemon, "flows")["pid"]
    os.kill(pid, signal.SIGSTOP)
    vsctl("mirror", "del", "flows")
    wait_until(lambda: not os.path.exists("/proc/%d" % pid))
    log = bed.daemon.log
    assert 0 < log.index("mirror del flows: done") < log.index("softflowd does not end, and is")
    vsctl("mirror", "add", "flows", "bridge", "br0", "ipfix", "127.0.0.1:4739")
    pid = wait_until(lambda: mirror(bed.daemon, "flows")["pid"])
    os.kill(pid, signal.SIGSTOP)
    assert bed.daemon.stop() == 0
    assert not os.path.exists("/proc/%d" % pid)


def test_no_softflowd(idle_bed):
    """It is not installed: that is said at once, and nothing is made."""
    hidden = [path for path in ("/usr/sbin/softflowd", "/usr/bin/softflowd")
              if os.path.exists(path)]
    for path in hidden:
        run("mount", "--bind", "/dev/null", path)
    bed = idle_bed.start()
    result = bed.daemon.vsctl_raw("mirror", "add", "m", "bridge", "br0", "ipfix", "127.0.0.1:4739")
    for path in hidden:
        run("umount", path)
    assert result.returncode != 0
    assert "softflowd is not installed; \"apt-get install softflowd\"" in result.stderr
    assert bed.daemon.vsctl("mirror", "show") == [] and bed.daemon.vsctl("port", "show") == []


# --- configuration ---

FILE = """[bridge br0]
loop-detect = no
[port p1]
bridge = br0
[port p2]
bridge = br0
[port p3]
bridge = none
[mirror span]
port = p1
direction = in
vlan = 7
to = p3
snaplen = 100
[mirror tunnel]
bridge = br0
vxlan = 192.0.2.1
vni = 5
"""


def test_configuration(idle_bed):
    """The file makes them; what is saved is the file; changes are applied, and taken back."""
    for number in (1, 2, 3):
        idle_bed.cable(number)
    bed = idle_bed.start(FILE)
    daemon = bed.daemon
    for port in ("p1", "p2", "p3"):
        daemon.wait_link(port)
    assert {row["mirror"]: row["to"] for row in daemon.vsctl("mirror", "show")} == {
        "span": "p3", "tunnel": "mirror0"}
    assert daemon.vsctl("config", "diff")["changes"] == []
    daemon.vsctl("mirror", "set", "span", "vlan", "any", "snaplen", 200)
    daemon.vsctl("mirror", "del", "tunnel")
    daemon.vsctl("config", "save")
    saved = daemon.vsctl_raw("config", "show").stdout
    assert "[mirror span]" in saved and "snaplen = 200" in saved and "tunnel" not in saved
    daemon.vsctl("mirror", "add", "other", "bridge", "br0", "vlan", 9, "to", "p3")
    daemon.vsctl("mirror", "del", "span")
    before = daemon.vsctl("mirror", "show")
    daemon.vsctl("config", "apply")
    assert [(row["mirror"], row["snaplen"], row["vlan"]) for row in daemon.vsctl("mirror", "show")] \
        == [("span", 200, None)]
    daemon.vsctl("config", "rollback")
    after = daemon.vsctl("mirror", "show")
    assert [row["mirror"] for row in after] == [row["mirror"] for row in before] == ["other"]
    # a port that was a mirror's joins a bridge, and a mirror to another, in one go
    daemon.vsctl("config", "apply")
    text = daemon.vsctl_raw("config", "show").stdout
    path = bed.daemon.folder / "next.conf"
    path.write_text(text.replace("bridge = none", "bridge = br0").replace(
        "[port p2]\nbridge = br0", "[port p2]\nbridge = none").replace("to = p3", "to = p2"))
    daemon.vsctl("config", "apply", path)
    assert mirror(daemon, "span")["to"] == "p2" and mirror(daemon, "span")["reason"] is None
    assert daemon.port("p3")["bridge"] == "br0"
    daemon.vsctl("config", "rollback")
    assert mirror(daemon, "span")["to"] == "p3" and daemon.port("p3")["bridge"] is None


def test_restart(span):
    """What waits for its ports is in the file, and starts."""
    bed, left, right, end = span
    daemon = bed.daemon
    daemon.vsctl("mirror", "add", "m", "port", "p1", "to", "p3")
    daemon.vsctl("port", "del", "p3")
    daemon.vsctl("config", "save")
    assert daemon.stop() == 0
    daemon.start()
    assert mirror(daemon)["reason"] == "there is no port p3"
    daemon.vsctl("port", "add", "p3", "bridge", "none")
    for port in ("p1", "p2", "p3"):
        daemon.wait_link(port)
    left.send(frame(BROADCAST, A))
    end.expect(frame(BROADCAST, A))
    right.expect(frame(BROADCAST, A))
