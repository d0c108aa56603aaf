# SPDX-License-Identifier: BSD-3-Clause
"""What would become of a packet: each kind of step, against what the switch then does; and that
nothing of it happens."""

import json
import signal
import struct
import subprocess

import pytest

from harness.capture_ctl import Capture
from harness.daemon import VsctlError, build_folder
from harness.nat_lab import INET, LAN, UPLINK, NatLab
from harness.traffic import tcp, udp
from harness.wait import TIMEOUT, wait_until
from harness.wire import BROADCAST, frame, mac_bytes, mac_of, tagged

from test_bond import Bond
from test_nat import datagrams
from test_stats import wait_balance
from test_terminal import SGR, on_terminal

A, B, C = (mac_of(number) for number in (1, 2, 3))


def snapshot(daemon):
    """All that a packet could have changed."""
    fdb = [{key: row[key] for key in ("mac", "vid", "port", "static")}
           for row in daemon.vsctl("fdb", "show")]
    table = daemon.vsctl("nat-table", "show")
    sessions = [{key: row[key] for key in row if key not in ("age", "idle", "expires")}
                for row in daemon.vsctl("nat", "sessions")]
    return (daemon.rpc("stats.show")["result"], fdb, table, sessions,
            [row["neighbour"] for row in daemon.vsctl("neigh", "show")])


def explain_all(daemon, port, *words):
    """What is told of packets; nothing is changed by it."""
    for _ in range(20):  # hosts say something by themselves, too, but not every time
        before = snapshot(daemon)
        result = daemon.vsctl_raw("-j", "explain", port, *words)
        if result.returncode != 0:
            raise VsctlError(words, result)
        after = snapshot(daemon)
        if after == before:
            break
    assert after == before
    return [json.loads(line) for line in result.stdout.splitlines()]


def explain(daemon, port, *words):
    """The same of one packet."""
    packet, = explain_all(daemon, port, *words)
    return packet


def hexed(data):
    """A frame as an operator types it."""
    return data.hex(":")


def texts(packet, step):
    """What is told of the steps of a kind."""
    return [row["text"] for row in packet["steps"] if row["step"] == step]


def sent(packet):
    """Frames by the port that they leave by."""
    return {row["port"]: bytes.fromhex(row["frame"]) for row in packet["sent"]}


def reasons(packet):
    """Why it is dropped, and by whom."""
    return [(row["port"], row["reason"]) for row in packet["dropped"]]


# --- a bridge ---

def test_bridge(bed):
    """Learnt, unknown, broadcast; and then it is as was said."""
    left, right, third = (bed.station(n).wire for n in (1, 2, 3))
    data = frame(B, A, 80)
    packet = explain(bed.daemon, "p1", hexed(data))
    assert texts(packet, "source") == ["source %s is not known yet" % A]
    assert texts(packet, "learn") == ["%s would be learnt here" % A]
    assert texts(packet, "fdb") == ["%s in no VLAN: not known" % B]
    assert "as the destination is not known, on bridge br0" in texts(packet, "flood")[0]
    assert sent(packet) == {"p2": data, "p3": data}
    assert packet["verdict"] in ("sent by p2, p3", "sent by p3, p2")
    left.send(data)
    right.expect(data)
    third.expect(data)
    right.send(frame(A, B, 80))
    left.expect(frame(A, B, 80))
    wait_until(lambda: len(bed.daemon.vsctl("fdb", "show")) == 2)
    packet = explain(bed.daemon, "p1", hexed(data))
    assert texts(packet, "source")[0].startswith("source %s is known here, heard " % A)
    assert texts(packet, "learn") == []
    assert texts(packet, "fdb")[0].startswith("%s in no VLAN: p2, learnt, " % B)
    assert sent(packet) == {"p2": data}
    packet = explain(bed.daemon, "p3", hexed(frame(BROADCAST, A)))
    assert "is known behind p1, heard there" in texts(packet, "source")[0]
    assert "as it is a broadcast" in texts(packet, "flood")[0]
    bed.daemon.vsctl("fdb", "add", "br0", "mac", C, "port", "p3")
    packet = explain(bed.daemon, "p1", hexed(frame(C, A)))
    assert texts(packet, "fdb") == ["%s in no VLAN: p3, static" % C]
    assert reasons(explain(bed.daemon, "p3", hexed(frame(C, B)))) == [("p3", "same_port")]
    assert reasons(explain(bed.daemon, "p1", hexed(frame("01:80:c2:00:00:05", A)))) == [
        ("p1", "reserved_mac")]
    assert reasons(explain(bed.daemon, "p1", hexed(frame(B, BROADCAST)))) == [
        ("p1", "bad_source")]


def test_vlans(bed):
    """Tags come and go; who is left out, and why."""
    for number, keys in ((1, ("vid", 10)), (2, ("trunk", "10,20")), (3, ("vid", 20)),
                         (4, ("vid", 10))):
        bed.station(number, *keys)
    data = frame(BROADCAST, A, 80)
    packet = explain(bed.daemon, "p1", hexed(data))
    assert texts(packet, "vlan") == ["untagged: VLAN 10, the port's own"]
    assert texts(packet, "skip") == ["not p3: it is not in this VLAN"]
    assert sent(packet) == {"p2": tagged(data, 10), "p4": data}
    assert any(row.endswith(", tag 10") and row.startswith("p2: 84 bytes")
               for row in texts(packet, "out"))
    packet = explain(bed.daemon, "p2", hexed(tagged(data, 20)))
    assert texts(packet, "vlan") == ["tagged: VLAN 20"]
    assert sent(packet) == {"p3": data}
    for port, vid in (("p2", 30), ("p1", 20)):
        packet = explain(bed.daemon, port, hexed(tagged(data, vid)))
        assert reasons(packet) == [(port, "vlan_mismatch")]
    # nobody else is in the VLAN
    bed.daemon.vsctl("port", "set", "p4", "vid", 30)
    packet = explain(bed.daemon, "p4", hexed(data))
    assert reasons(packet) == [("p4", "no_destination")]
    assert len(texts(packet, "skip")) == 3
    bed.daemon.vsctl("port", "set", "p3", "isolated", "yes")
    bed.daemon.vsctl("port", "set", "p2", "isolated", "yes")
    packet = explain(bed.daemon, "p3", hexed(data))
    assert "not p2: it is isolated, as the port that it came in by is" in texts(packet, "skip")


def test_private_ports_alone(bed):
    """Nobody but private ports: it is not for the VLAN that a flood reaches nobody."""
    for number in (1, 2):
        bed.station(number, "isolated", "yes")
    packet = explain(bed.daemon, "p1", hexed(frame(BROADCAST, A)))
    dropped, = packet["dropped"]
    assert dropped["reason"] == "no_destination"
    assert dropped["detail"] == "port p1 is isolated, and so are all others of bridge br0 that are up"
    assert "'vsctl port set OTHER isolated no'" in dropped["remedy"]


def test_mtu_and_states(bed):
    """What does not fit, and ports that do not forward."""
    bed.station(1, mtu=9000)
    right = bed.station(2)
    bed.daemon.vsctl("fdb", "add", "br0", "mac", B, "port", "p2")
    packet = explain(bed.daemon, "p1", hexed(frame(B, A, 1515)))
    assert reasons(packet) == [("p2", "mtu_exceeded")]
    assert sent(explain(bed.daemon, "p1", hexed(frame(B, A, 1514))))["p2"]
    assert reasons(explain(bed.daemon, "p1", hexed(frame(B, A, 5000)))) == [
        ("p2", "mtu_exceeded")]
    right.host.ip("link", "set", "eth0", "down")
    bed.daemon.wait_link("p2", "down")
    packet = explain(bed.daemon, "p1", hexed(frame(B, A)))
    assert reasons(packet) == [("p2", "port_down")]
    assert "; " in texts(explain(bed.daemon, "p2", hexed(frame(A, B))), "in")[0]
    bed.daemon.vsctl("port", "set", "p1", "carrier", "off")
    assert reasons(explain(bed.daemon, "p1", hexed(frame(B, A)))) == [("p1", "port_down")]


def test_tags_beyond_the_mtu(bed):
    """A kernel NIC takes one C-tag more than its MTU, but neither an S-tag nor two tags."""
    left = bed.station(1).wire
    bed.station(2, "trunk", "10", "tpid", "0x88a8")
    bed.station(3, "trunk", "10")
    full = tagged(frame(BROADCAST, A, 1514), 10)
    packet = explain(bed.daemon, "p3", hexed(full))
    assert sent(packet)["p1"] == full[:128]
    assert reasons(packet) == [("p2", "mtu_exceeded")] and "p2" not in packet["verdict"]
    bed.station(4).wire.send(full)
    left.expect(full)
    wait_until(lambda: bed.daemon.drops("p2", "mtu_exceeded") == 1)
    packet = explain(bed.daemon, "p3", hexed(tagged(frame(BROADCAST, A, 1510), 10)))
    assert reasons(packet) == [] and len(sent(packet)) == 3


def test_many_drops(bed):
    """Each reason is said once, and the remedy has the port's name."""
    bed.station(1, mtu=9000)
    bed.station(2)
    bed.station(3)
    data = frame(BROADCAST, A, 3000)
    packet = explain(bed.daemon, "p1", hexed(data))
    assert reasons(packet) == [("p2", "mtu_exceeded"), ("p3", "mtu_exceeded")]
    assert packet["verdict"] == "dropped: mtu_exceeded"
    assert "vsctl port set p3 mtu" in packet["dropped"][1]["remedy"]
    lines = bed.daemon.vsctl_raw("explain", "p1", hexed(data)).stdout.splitlines()
    assert [line.split("'")[1] for line in lines if line.startswith("  to do")] == [
        "vsctl port set p2 mtu 9000"]


def test_vlan_ports_and_bonds(bed):
    """A bond, its member, and a VLAN of it on another bridge."""
    bond = Bond(bed, 2, "mode", "active-backup")
    data = frame(A, B, 80)
    packet = explain(bed.daemon, "p9", hexed(frame(BROADCAST, C, 80)))
    active = bond.show()["active"]
    assert texts(packet, "bond") == ["bond0 sends all by %s, its active member" % active]
    assert sent(packet) == {active: frame(BROADCAST, C, 80)}
    packet = explain(bed.daemon, active, hexed(data))
    assert [row["port"] for row in packet["steps"] if row["step"] == "in"] == [active, "bond0"]
    assert list(sent(packet)) == ["p9"]
    other, = set(bond.names) - {active}
    assert reasons(explain(bed.daemon, other, hexed(data))) == [(other, "bond_inactive")]
    bond.set("mode", "balance-xor")
    packet = explain(bed.daemon, "p9", hexed(frame(BROADCAST, C, 80)))
    assert "bucket" in texts(packet, "bond")[0]
    leaves, = sent(packet)
    bond.host.wire.send(frame(BROADCAST, C, 80))
    bond.wires[bond.names.index(leaves)].expect(frame(BROADCAST, C, 80))
    bed.daemon.vsctl("bridge", "add", "br1", "loop-detect", "no")
    bed.daemon.vsctl("port", "add", "bond0.7", "bridge", "br1")
    bed.station(5, bridge="br1")
    packet = explain(bed.daemon, "p5", hexed(data))
    (port, got), = sent(packet).items()
    assert port in bond.names and got == tagged(data, 7)
    packet = explain(bed.daemon, port, hexed(tagged(data, 7)))
    assert [row["port"] for row in packet["steps"] if row["step"] == "in"] == [
        port, "bond0", "bond0.7"]
    assert sent(packet) == {"p5": data}


# --- the router ---

def test_router(bed):
    """Routes, neighbours, what is told to senders; from a port, a bridge and to both."""
    for number in (1, 2):
        bed.station(number, bridge="none", plain=False)
        bed.daemon.vsctl("addr", "add", "10.0.%d.1/24" % number, "port", "p%d" % number)
    bed.station(3)
    bed.daemon.vsctl("addr", "add", "10.0.3.1/24", "bridge", "br0")
    bed.daemon.vsctl("neigh", "add", "10.0.2.2", "mac", B)
    packet = explain(bed.daemon, "p1", "tcp 10.0.1.2:5 -> 10.0.2.2:80")
    assert any("as the port is routed" in line for line in packet["assumed"])
    assert texts(packet, "router") == ["the router gets it by p1"]
    assert texts(packet, "route") == ["10.0.2.2 is a station on the link of p2"]
    assert texts(packet, "neigh") == ["10.0.2.2 is %s, permanent by p2" % B]
    data = sent(packet)["p2"]
    assert data[:6] == mac_bytes(B) and data[22] == 63
    assert "tcp 10.0.1.2:5 -> 10.0.2.2:80" in texts(packet, "out")[0]
    packet = explain(bed.daemon, "p1", "udp", "10.0.1.2", "to", "10.0.2.99:7")
    assert texts(packet, "route") == [
        "to 10.0.2.99: 10.0.2.0/24, connected, on the link of p2"]
    assert packet["verdict"] == "given to the control thread"
    assert "until the station's MAC is known" in texts(packet, "control")[0]
    packet = explain(bed.daemon, "p1", "icmp 10.0.1.2 -> 203.0.113.9")
    assert texts(packet, "route") == ["no route to 203.0.113.9"]
    assert reasons(packet) == [("p1", "no_route")]
    assert "the sender is told by ICMP" in texts(packet, "control")[0]
    assert packet["verdict"].startswith("dropped: ")
    bed.daemon.vsctl("route", "add", "203.0.113.0/24", "via", "10.0.2.2")
    packet = explain(bed.daemon, "p1", "icmp 10.0.1.2 -> 203.0.113.9")
    assert texts(packet, "route") == [
        "to 203.0.113.9: 203.0.113.0/24, static, via 10.0.2.2 by p2"]
    assert list(sent(packet)) == ["p2"]
    # from a bridge, by its gateway
    packet = explain(bed.daemon, "p3", "icmp 10.0.3.2 -> 10.0.2.2")
    assert any("the router's on this network" in line for line in packet["assumed"])
    assert list(sent(packet)) == ["p2"]
    assert [row["step"] for row in packet["steps"]].count("router") == 1
    # and to it
    bed.daemon.vsctl("neigh", "add", "10.0.3.2", "mac", C)
    packet = explain(bed.daemon, "p1", "ip 10.0.1.2 -> 10.0.3.2")
    assert list(sent(packet)) == ["p3"]
    packet = explain(bed.daemon, "p1", "icmp 10.0.1.2 -> 10.0.1.1")
    assert texts(packet, "control") == ["to the router's own address"]
    with pytest.raises(VsctlError, match="who has 10.0.3.77 is not known here"):
        explain(bed.daemon, "p3", "ip 10.0.3.2 -> 10.0.3.77")
    assert sent(explain(bed.daemon, "p3", "arp 10.0.3.2 -> 10.0.3.77")) == {}


def test_routed_mtu(bed):
    """It is the port that a packet leaves by whose MTU is too small, not the one that counts."""
    for number in (1, 2):
        bed.station(number, bridge="none", plain=False)
        bed.daemon.vsctl("addr", "add", "10.0.%d.1/24" % number, "port", "p%d" % number)
    bed.daemon.vsctl("neigh", "add", "10.0.2.2", "mac", B)
    bed.daemon.vsctl("port", "set", "p2", "mtu", 1000)
    scapy = pytest.importorskip("scapy.all")
    data = bytes(scapy.Ether(src=A, dst=bed.daemon.port("p1")["mac"]) /
                 scapy.IP(src="10.0.1.2", dst="10.0.2.2", flags="DF") / scapy.UDP() / bytes(1200))
    bed.stations[0].wire.send(data)
    wait_until(lambda: bed.daemon.drops("p1", "mtu_exceeded") == 1)
    row, = [row for row in bed.daemon.vsctl("drops") if row["reason"] == "mtu_exceeded"]
    dropped, = explain(bed.daemon, "p1", hexed(data))["dropped"]
    for told, remedy in ((row, row["mend"]), (dropped, dropped["remedy"])):
        assert told["port"] == "p1" and told["detail"].startswith("routed: the port that it was")
        assert "'vsctl port set OTHER mtu 9000'" in remedy
    assert "at_fault" not in row


def test_router6(bed):
    """IPv6, with a VLAN's gateway."""
    bed.station(1, bridge="none", plain=False)
    bed.daemon.vsctl("addr", "add", "fd01::1/64", "port", "p1")
    bed.station(2, "trunk", "10", plain=False)
    bed.daemon.vsctl("addr", "add", "fd02::1/64", "bridge", "br0", "vid", 10)
    bed.daemon.vsctl("neigh", "add", "fd01::2", "mac", A)
    packet = explain(bed.daemon, "p2", "tcp [fd02::2]:7 -> [fd01::2]:80 vlan 10 from " + B)
    data = sent(packet)["p1"]
    assert data[:6] == mac_bytes(A) and data[21] == 63
    assert texts(packet, "neigh") == ["fd01::2 is %s, permanent by p1" % A]


def test_nat(bed):
    """Sessions that are there, such that would begin, forwardings, and what is refused."""
    lab = NatLab(bed).route(("host", "masquerade", "p3"),
                            ("web", "out", "p3", "dnat", "tcp 8080 -> 10.1.1.2:80"))
    lab.g1.ping(INET)
    packet = explain(bed.daemon, "p1", "udp 10.1.1.2:4001 -> %s:9" % INET)
    assert texts(packet, "nat") == [
        "source 10.1.1.2:4001 becomes %s:4001 (a session would begin, rule host)" % UPLINK]
    data = sent(packet)["p3"]
    assert data[26:30] == bytes(map(int, UPLINK.split(".")))
    packet = explain(bed.daemon, "p3", "tcp %s:77 -> %s:8080" % (LAN, UPLINK))
    assert texts(packet, "nat") == [
        "destination %s:8080 becomes 10.1.1.2:80 (a session would begin, rule web)" % UPLINK]
    assert sent(packet)["p1"][30:34] == bytes((10, 1, 1, 2))
    packet = explain(bed.daemon, "p3", "tcp %s:77 -> %s:99" % (LAN, UPLINK))
    assert "neither session nor forwarding matches" in texts(packet, "nat")[0]
    udp(lab.g1, lab.inet, INET)
    session = next(row for row in bed.daemon.vsctl("nat", "sessions") if row["proto"] == "udp")
    packet = explain(bed.daemon, "p1", "udp %s:%d -> %s:%d" % (
        session["inside"], session["inside_port"], session["remote"], session["remote_port"]))
    assert "session of " in texts(packet, "nat")[0]
    # back in
    packet = explain(bed.daemon, "p3", "udp %s:%d -> %s:%d" % (
        session["remote"], session["remote_port"], session["ext"], session["ext_port"]))
    assert texts(packet, "nat")[0].startswith("destination ")
    assert list(sent(packet)) == ["p1"]
    # a hairpin: both ends change
    packet = explain(bed.daemon, "p2", "tcp 10.1.2.2:5 -> %s:8080" % UPLINK)
    assert [line.split()[0] for line in texts(packet, "nat")] == ["source", "destination"]
    # the caps
    bed.daemon.vsctl("port", "set", "p1", "nat-sessions", 1)
    wait_until(lambda: len(bed.daemon.vsctl("nat", "sessions", "guest", "p1")) >= 1)
    packet = explain(bed.daemon, "p1", "udp 10.1.1.2:4002 -> %s:9" % INET)
    assert reasons(packet) == [("p1", "nat_sessions")]


# --- the words ---

def test_files(bed, tmp_path):
    """Frames from pcap and pcapng files, up to a bound."""
    from scapy.utils import PcapNgWriter, wrpcap  # pylint: disable=import-outside-toplevel
    bed.station(1)
    bed.station(2)
    frames = [frame(BROADCAST, A, 60 + n) for n in range(5)]
    plain, new = tmp_path / "some.pcap", tmp_path / "some.pcapng"
    wrpcap(str(plain), frames, linktype=1)
    with PcapNgWriter(str(new)) as writer:
        writer.linktype = 1
        for data in frames:
            writer.write(data)
    for path in (plain, new):
        packets = explain_all(bed.daemon, "p1", path)
        assert [sent(packet)["p2"] for packet in packets] == frames
    assert len(explain_all(bed.daemon, "p1", plain, "-c", 2)) == 2
    result = bed.daemon.vsctl_raw("explain", "p1", plain, "-c", 2)
    assert "has more packets than these 2" in result.stderr


def test_files_of_odd_packets(bed, tmp_path):
    """Cut ones have their whole length; empty and huge ones do not keep the others from it."""
    bed.station(1)
    bed.station(2)
    data = frame(BROADCAST, A, 60)
    records = ((60, 100, data), (60, 1600, data), (0, 0, b""), (40000, 40000, data + bytes(39940)),
               (60, 60, data))
    path = tmp_path / "odd.pcap"
    path.write_bytes(struct.pack("=IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 1 << 18, 1) + b"".join(
        struct.pack("=IIII", 0, 0, kept, size) + bytes_ for kept, size, bytes_ in records))
    result = bed.daemon.vsctl_raw("-j", "explain", "p1", path)
    assert result.returncode == 0, result.stderr
    packets = [json.loads(line) for line in result.stdout.splitlines()]
    assert sent(packets[0]) == {"p2": data + bytes(40)}
    assert packets[0]["assumed"] == ["zeros for the last 40 bytes, which the file has not kept"]
    assert reasons(packets[1]) == [("p2", "mtu_exceeded")]
    assert sent(packets[2]) == {"p2": data} and packets[2]["assumed"] == []
    assert len(packets) == 3
    assert "packet 3 is left out: it has 0 bytes" in result.stderr
    assert "packet 4 is left out: it has 40000 bytes" in result.stderr


@pytest.mark.parametrize("words, fault", [
    (("p1",), "say by which port"),
    (("p1", "nothing.pcap"), "neither a flow"),
    (("p7", "tcp 10.0.0.1:1 -> 10.0.0.2:2"), "there is no such port"),
    (("p1", "tcp 10.0.0.1:1 -> 10.0.0.2:2"), "add \"to MAC\""),
    (("p1", "tcp", "10.0.0.1:1", "-"), "the shell has taken -> away"),
    (("p1", "tcp 10.0.0.1:0 -> 10.0.0.2"), "this is no port"),
    (("p1", "icmp 10.0.0.1 -> fd00::1"), "one address is IPv4 and one IPv6"),
    (("p1", "tcp 10.0.0.1 -> 10.0.0.2 vlan 5000"), "vlan needs a number"),
    (("p1", "-c", "x", "tcp 10.0.0.1 -> 10.0.0.2"), "-c needs a number"),
])
def test_faults(bed, words, fault):
    """What is wrong, and what would be right."""
    bed.station(1)
    result = bed.daemon.vsctl_raw("explain", *words)
    assert result.returncode != 0 and fault in result.stderr, result.stderr


def test_lines(bed):
    """What an operator reads."""
    bed.station(1, "vid", 10)
    bed.station(2, "trunk", "10")
    result = bed.daemon.vsctl_raw("explain", "p1", "tcp 10.0.0.1:5 -> 10.0.0.2:80 from", A,
                                  "to", B)
    assert result.stdout.splitlines() == [
        "tcp 10.0.0.1:5 -> 10.0.0.2:80, %s > %s" % (A, B),
        "  in       p1, bridge br0, 60 bytes",
        "  vlan     untagged: VLAN 10, the port's own",
        "  source   source %s is not known yet" % A,
        "  fdb      %s in VLAN 10: not known" % B,
        "  learn    %s would be learnt here" % A,
        "  flood    to all other ports, as the destination is not known, on bridge br0",
        "  out      p2: 64 bytes, tcp 10.0.0.1:5 -> 10.0.0.2:80, %s > %s, tag 10" % (A, B),
        "  verdict  sent by p2"]


# --- live ---

class Trace:
    """vsctl trace while something happens."""

    def __init__(self, daemon, *words):
        self.daemon = daemon
        others = self.show()
        self.process = subprocess.Popen(
            [str(build_folder() / "ctl/vsctl"), "-s", str(daemon.socket_path), "-j", "trace",
             *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.number, = wait_until(lambda: self.show() - others)

    def show(self):
        """Numbers of those who trace."""
        return {row["id"] for row in self.daemon.rpc("trace.show")["result"]}

    def end(self, interrupt=False):
        """(packets, what is said of them)"""
        if interrupt:
            self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=TIMEOUT)
        assert self.process.returncode == 0, err
        wait_until(lambda: self.number not in self.show())
        return [json.loads(line) for line in out.splitlines()], err


def test_trace_ping(bed):
    """Both directions of a ping, through a bridge with VLANs; other packets are left alone."""
    left, right = bed.pair()
    trace = Trace(bed.daemon, "icmp", "-c", 6)
    left.host.ping(right.address, count=3)
    packets, said = trace.end()
    assert said == "6 traced, 6 matched, 0 missed by trace\n"
    assert [packet["verdict"] for packet in packets] == ["sent by p2", "sent by p1"] * 3
    assert ["icmp %s -> %s" % pair in packet["packet"] for packet, pair in zip(
        packets, [(left.address, right.address), (right.address, left.address)] * 3)] == [True] * 6
    assert texts(packets[1], "fdb")[0].startswith("%s in no VLAN: p1, learnt" % left.mac)
    wait_balance(bed)


def test_trace_router_and_nat(bed):
    """A session begins, goes on and leads back."""
    lab = NatLab(bed).route(("host", "masquerade", "p3"))
    lab.g1.ping(INET, count=1)
    trace = Trace(bed.daemon, "udp")
    with datagrams(lab.inet, (INET, 0)) as into, datagrams(lab.g1, ("", 4001)) as out:
        for _ in range(2):
            out.sendto(b"x", into.getsockname())
            data, seen = into.recvfrom(10)
            into.sendto(data, seen)
            assert out.recv(10) == b"x"
        port = into.getsockname()[1]
    packets, _ = trace.end(interrupt=True)
    assert len(packets) == 4
    assert texts(packets[0], "nat") == [
        "source 10.1.1.2:4001 becomes %s:4001 (a new session, rule host)" % UPLINK]
    assert "udp %s:4001 -> %s:%d" % (UPLINK, INET, port) in texts(packets[0], "out")[0]
    for packet in packets[1:]:
        assert "session of " in texts(packet, "nat")[0]
    assert [packet["verdict"] for packet in packets] == ["sent by p3", "sent by p1"] * 2


def test_trace_keeps_order_and_nothing_is_lost(bed):
    """Bursts of which some are traced arrive as they were sent; what is missed is counted."""
    left, right = (bed.station(n).wire for n in (1, 2))
    trace = Trace(bed.daemon, "ether[14] & 3 = 0")
    frames = [frame(BROADCAST, A, 100, payload=bytes((n % 256, n // 256))) for n in range(600)]
    for at in range(0, len(frames), 60):
        left.send(*frames[at:at + 60])
        right.expect(*frames[at:at + 60])
    packets, said = trace.end(interrupt=True)
    traced, matched, missed = (int(word) for word in said.split() if word.isdigit())
    assert matched == 150 and traced == len(packets) and traced + missed <= matched
    assert traced > 0
    wait_balance(bed)


def test_trace_mirrored(bed, tmp_path):
    """Copies of both ways are told as such, and the sums are right with a capture beside it."""
    left, right, copies = (bed.station(n, **keys).wire for n, keys in (
        (1, {}), (2, {}), (3, {"bridge": "none"})))
    bed.daemon.vsctl("mirror", "add", "m", "port", "p1", "to", "p3")
    capture = Capture(bed.daemon, tmp_path, "any", "-w", tmp_path / "all.pcapng")
    trace = Trace(bed.daemon, "-c", 2)
    for data, by, to in ((frame(BROADCAST, A), left, right), (frame(A, B), right, left)):
        by.send(data)
        to.expect(data)
        copies.expect(data)
    packets, _ = trace.end()
    assert capture.interrupt() == (6, 6, 0)
    for packet, port in zip(packets, ("p2", "p1")):
        assert texts(packet, "mirror") == ["a mirror sends a copy by p3"]
        assert sent(packet).keys() == {port, "p3"}
    wait_balance(bed)


def test_trace_tcp(bed):
    """Offloads, merging and a filter that matches all: it goes on as before."""
    left, right = (bed.speak(bed.station(n, plain=False), n) for n in (1, 2))
    trace = Trace(bed.daemon)
    tcp(left.host, right.host, right.address)
    packets, _ = trace.end(interrupt=True)
    assert any("tcp " in packet["packet"] for packet in packets)
    wait_balance(bed)


def test_trace_clients(bed):
    """Four at a time, each with its own; who is gone is noticed; not for everybody."""
    left, right = bed.pair()
    filters = ("icmp[0] = 8", "icmp", "tcp", "udp")
    traces = [Trace(bed.daemon, text) for text in filters]
    result = bed.daemon.vsctl_raw("trace", "icmp")
    assert result.returncode == 1 and "4 trace already" in result.stderr
    traces[2].process.kill()
    traces[2].process.communicate()
    wait_until(lambda: traces[2].number not in traces[0].show())
    traces[2] = Trace(bed.daemon, "icmp[0] = 0")
    left.host.ping(right.address, count=3)
    for trace, n in zip(traces, (3, 6, 3, 0)):
        packets, said = trace.end(interrupt=True)
        assert said == "%d traced, %d matched, 0 missed by trace\n" % (n, n)
        assert [packet["verdict"] for packet in packets] == {
            6: ["sent by p2", "sent by p1"] * 3, 0: []}.get(
                n, ["sent by p2" if trace is traces[0] else "sent by p1"] * 3)
    result = bed.daemon.vsctl_raw("trace", "no", "filter")
    assert result.returncode != 0 and "filter \"no filter\"" in result.stderr


@pytest.mark.parametrize("width", [40, 60, 80])
def test_lines_fit(bed, width):
    """Long steps are wrapped at blanks, behind the name of the step."""
    bed.station(1)
    bed.station(2)
    words = ("explain", "p1", "tcp [2001:db8:1111:2222:3333:4444:5555:6666]:50000 -> "
             "[2001:db8:1111:2222:3333:4444:5555:7777]:443 to " + B)
    lines = SGR.sub("", on_terminal(bed.daemon, width, *words)).splitlines()
    whole = bed.daemon.vsctl_raw(*words).stdout
    assert " ".join(lines).split() == whole.split()
    # an address and its port are one word
    assert all(len(line) <= max(width, 62) for line in lines), lines
