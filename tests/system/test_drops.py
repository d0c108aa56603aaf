# SPDX-License-Identifier: BSD-3-Clause
"""vsctl drops: each reason with its port and VLAN, sums, what is kept of the packets, who may look."""

import json
import re
import shutil
import subprocess
import time

import pytest

from harness.capture import Stream
from harness.daemon import build_folder
from harness.vhost_guest import SLOTS, VhostGuest
from harness.wait import wait_until
from harness.wire import BROADCAST, frame, mac_of, tagged
from test_access import READER, house  # noqa: F401
from test_terminal import on_terminal

A, B, C = mac_of(1), mac_of(2), mac_of(3)
KEPT = 128  # bytes of a packet


def rows(daemon):
    """What the daemon says, by port, reason and VLAN: packets."""
    reply = daemon.rpc("drops.show")["result"]
    return {(row["port"], row["reason"], row["vlan"]): row["packets"] for row in reply["rows"]}


def check_sums(daemon):
    """The rows of a port and reason are its counter, wherever that is shown."""
    sums, ports = {}, {}
    for (port, reason, _), packets in rows(daemon).items():
        sums.setdefault(port, {}).setdefault(reason, 0)
        sums[port][reason] += packets
        ports[port] = ports.get(port, 0) + packets
    assert sums == {row["port"]: row["drops"] for row in daemon.vsctl("stats", "show")
                    if row["drops"] and row["port"] != "(removed)"}
    assert sums == {row["port"]: row["drops"]
                    for row in daemon.rpc("top.show")["result"]["ports"] if row["drops"]}
    for row in daemon.vsctl("port", "show"):
        assert row["drops"] == ports.get(row["port"], 0)


def command(daemon, *words):
    """To be run meanwhile."""
    return [build_folder() / "ctl/vsctl", "-s", daemon.socket_path, *words]


def text_of(daemon, *words):
    """What a person reads, in one line."""
    return re.sub(r"\s+", " ", daemon.vsctl_raw("drops", *words).stdout)


def check_looks(daemon):
    """What they say to look at is there."""
    for row in daemon.vsctl("drops"):
        result = daemon.vsctl_raw(*row["look"].split()[1:])
        assert result.returncode == 0, (row, result.stderr)


@pytest.fixture
def lan(bed):
    """p1 in VLAN 10, p2 a trunk of 10 and 20, p3 in VLAN 77: their wires."""
    wires = [bed.station(1, "vid", "10").wire, bed.station(2, "trunk", "10,20").wire,
             bed.station(3, "vid", "77").wire]
    for wire in wires:
        wire.drain()
    return wires


def quiet(daemon, expected):
    """Wait until these rows are there, and no others."""
    wait_until(lambda: rows(daemon) == expected, what=lambda: "the rows: %s" % rows(daemon))


def wait_kept(daemon, n):
    """Wait until so many packets are kept: they are counted first."""
    wait_until(lambda: len(daemon.rpc("drops.last")["result"]) == n,
               what=lambda: "%d kept: %s" % (n, daemon.rpc("drops.last")))


def test_reasons(bed, lan):
    """Every fault is shown where it is, with a sentence and a remedy."""
    daemon, expected = bed.daemon, {}
    assert rows(daemon) == {}
    assert daemon.vsctl_raw("drops").stdout == "No packets were dropped.\n"
    cases = [
        (0, tagged(frame(BROADCAST, A), 30), "p1", "vlan_mismatch", 30),
        (1, frame(BROADCAST, B), "p2", "vlan_mismatch", 0),  # a trunk without native VLAN
        (1, tagged(frame(BROADCAST, B), 40), "p2", "vlan_mismatch", 40),
        (0, tagged(frame(BROADCAST, A), 31), "p1", "vlan_mismatch", 31),
        (2, frame(BROADCAST, C), "p3", "no_destination", 77),
        (0, frame("01:80:c2:00:00:00", A), "p1", "reserved_mac", 10),
        (1, tagged(frame(A, BROADCAST), 20), "p2", "bad_source", 20),
    ]
    for n, (wire, data, port, reason, vlan) in enumerate(cases, 1):
        lan[wire].send(*[data] * n)
        expected[port, reason, vlan] = n
        quiet(daemon, expected)
    # larger than the port that it leaves by: counted there, in the VLAN that it is of
    daemon.vsctl("port", "set", "p2", "mtu", "1000")
    lan[0].send(frame(BROADCAST, A, 1400))
    expected["p2", "mtu_exceeded", 10] = 1
    quiet(daemon, expected)
    # to a station that must not be reached
    daemon.vsctl("fdb", "add", "br0", "mac", C, "port", "p2", "vid", "10")
    daemon.vsctl("port", "set", "p1", "isolated", "yes")
    daemon.vsctl("port", "set", "p2", "isolated", "yes")
    lan[0].send(frame(C, A))
    expected["p1", "isolated", 10] = 1
    quiet(daemon, expected)
    check_sums(daemon)

    text = text_of(daemon)
    for port, reason, vlan in expected:
        assert re.search(r"%s %s +%d %d " % (reason, port, vlan, expected[port, reason, vlan]), text)
    assert "The packet is larger than the MTU of the port that it was to leave by." in text
    assert "'vsctl port set p2 mtu 9000'" in text
    assert "'vsctl port set p2 vid 40'" in text_of(daemon, "vlan_mismatch", "p2")
    assert "mtu_exceeded" not in text_of(daemon, "p1") and "p1" in text_of(daemon, "p1")
    assert "p1" not in text_of(daemon, "mtu_exceeded")
    # for a program
    found = daemon.vsctl("drops", "p2", "mtu_exceeded")
    assert [(row["port"], row["reason"], row["vlan"], row["packets"], row["per_second"])
            for row in found] == [("p2", "mtu_exceeded", 10, 1, 0)]
    assert found[0]["look"] == "vsctl port show p2" and found[0]["age"] >= 0
    check_looks(daemon)
    # no line is wider than a terminal
    output = daemon.vsctl_raw("drops").stdout
    assert max(len(line) for line in output.splitlines()) <= 80


def test_is_it_dropping_now(bed, lan):
    """The rate of the last second, and the worst first."""
    lan[0].send(*[tagged(frame(BROADCAST, A), 30)] * 50)
    wait_until(lambda: rows(bed.daemon).get(("p1", "vlan_mismatch", 30)) == 50)
    sender = subprocess.Popen(command(bed.daemon, "-j", "drops"), stdout=subprocess.PIPE)
    sent = 0
    while sender.poll() is None:
        lan[2].send(frame(BROADCAST, C))
        sent += 1
        time.sleep(0.01)
    found = json.loads(sender.stdout.read())
    assert [row["reason"] for row in found] == ["no_destination", "vlan_mismatch"]
    assert found[0]["per_second"] > 0 and found[1]["per_second"] == 0


def test_full_ring(bed, lan):
    """A guest that fetches nothing: its VLAN and packets are known, too."""
    daemon = bed.daemon
    daemon.vsctl("port", "add", "vh0", "bridge", "br0", "type", "vhost", "vid", "10")
    guest = VhostGuest(daemon.port("vh0")["path"])
    try:
        daemon.wait_link("vh0")
        n = 2 * SLOTS
        for _ in range(n):
            lan[0].send(frame(BROADCAST, A, 100))
        wait_until(lambda: daemon.stats("vh0")["tx_packets"] + daemon.drops("vh0", "tx_full") == n)
        assert rows(daemon)["vh0", "tx_full", 10] == daemon.drops("vh0", "tx_full") > 0
        check_sums(daemon)
        last = daemon.rpc("drops.last", reason="tx_full")["result"]
        assert {row["data"] for row in last} == {frame(BROADCAST, A, 100).hex()}
        check_looks(daemon)
    finally:
        guest.close()


def test_spoofed(bed):
    """A guest that uses another's address."""
    station = bed.cable(1)
    bed.daemon.vsctl("port", "add", "p1", "mode", "route", "ip", "10.0.0.2", "gateway", "10.0.0.1")
    bed.daemon.wait_link("p1")
    from scapy.all import IP, UDP, Ether
    mac = bed.daemon.port("p1")["mac"]
    packet = bytes(Ether(src=station.mac, dst=mac) / IP(src="10.9.9.9", dst="10.0.0.1") /
                   UDP(sport=5, dport=7) / b"x")
    station.wire.send(packet)
    wait_until(lambda: rows(bed.daemon).get(("p1", "spoofed_source", 0)) == 1,
               what=lambda: str(rows(bed.daemon)))
    check_sums(bed.daemon)
    line = bed.daemon.vsctl_raw("drops", "last", "spoofed_source", "p1").stdout
    assert re.match(r"\d\d:\d\d:\d\d\.\d{6} p1 +- +%s > %s, " % (station.mac, mac), line), line
    assert "10.9.9.9.5 > 10.0.0.1.7: UDP" in line
    assert line.endswith(" [drop: spoofed_source, VLAN 0]\n")
    assert "'vsctl port set p1 ip 10.0.0.2,10.0.0.3'" in text_of(bed.daemon)
    check_looks(bed.daemon)


def test_port_goes(bed, lan):
    """Its rows and packets go with it, and the next one of that name has none."""
    lan[0].send(tagged(frame(BROADCAST, A), 30))
    wait_until(lambda: rows(bed.daemon) == {("p1", "vlan_mismatch", 30): 1})
    wait_kept(bed.daemon, 1)
    bed.daemon.vsctl("port", "del", "p1")
    bed.daemon.vsctl("port", "add", "p1", "bridge", "br0", "vid", "10")
    assert rows(bed.daemon) == {} and bed.daemon.rpc("drops.last")["result"] == []
    assert bed.daemon.vsctl_raw("drops", "last").stdout == "No dropped packet is kept.\n"
    check_sums(bed.daemon)


def test_kept_packets_fit(bed, lan):
    """On a terminal lines go on below; a program has one for each packet."""
    from scapy.all import IP, UDP, Ether
    packet = Ether(src=A, dst=BROADCAST) / IP(src="10.9.9.9", dst="10.0.0.1") / UDP(dport=7)
    lan[0].send(tagged(bytes(packet), 30))
    wait_until(lambda: rows(bed.daemon) == {("p1", "vlan_mismatch", 30): 1})
    line, = bed.daemon.vsctl_raw("drops", "last").stdout.splitlines()
    for width in (40, 80):
        lines = on_terminal(bed.daemon, width, "drops", "last").splitlines()
        assert len(lines) > 1 and max(map(len, lines)) <= width
        assert [len(text) - len(text.lstrip()) for text in lines[1:]] == [4] * (len(lines) - 1)
        assert " ".join(lines).split()[1:] == line.split()[1:]


def test_kept_packets_in_a_file(bed, lan, tmp_path):
    """Bit by bit what was sent, as tshark and tcpdump read it."""
    sent = [tagged(frame(BROADCAST, A, 60 + 40 * n), 30) for n in range(6)]
    other = tagged(frame(BROADCAST, B, 300), 40)
    before = time.time()
    for n, data in enumerate(sent, 1):
        lan[0].send(data)
        wait_until(lambda n=n: rows(bed.daemon).get(("p1", "vlan_mismatch", 30)) == n)
    lan[1].send(other)
    wait_until(lambda: ("p2", "vlan_mismatch", 40) in rows(bed.daemon))
    wait_kept(bed.daemon, len(sent) + 1)
    path = tmp_path / "last.pcapng"
    bed.daemon.vsctl_raw("drops", "last", "-w", str(path))

    def comment(port):
        return "drop: vlan_mismatch, VLAN %d" % (30 if port == "p1" else 40)

    stream = Stream()
    stream.feed(path.read_bytes())
    expected = [("p1", data) for data in sent] + [("p2", other)]
    assert [(p.interface, p.data, p.length, p.comment) for p in stream.packets] == [
        (port, data[:KEPT], len(data), comment(port)) for port, data in expected]
    assert all(before - 1 < p.time < time.time() + 1 for p in stream.packets)

    if shutil.which("tshark"):
        result = subprocess.run(
            ["tshark", "-n", "-r", path, "-T", "fields", "-e", "frame.len", "-e", "frame.cap_len",
             "-e", "frame.interface_name", "-e", "frame.comment", "-e", "vlan.id"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=True)
        assert [line.split("\t") for line in result.stdout.splitlines()] == [
            [str(len(data)), str(min(len(data), KEPT)), port, comment(port),
             "30" if port == "p1" else "40"] for port, data in expected]
    if shutil.which("tcpdump"):
        result = subprocess.run(["tcpdump", "-nxx", "-r", path], stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL, text=True, check=True)
        dumps = re.split(r"(?m)^\d", result.stdout)[1:]
        assert [bytes.fromhex("".join(re.findall(r"0x[0-9a-f]{4}:([ 0-9a-f]*)", dump)))
                for dump in dumps] == [data[:KEPT] for _, data in expected]
    assert bed.daemon.vsctl_raw("drops", "last", "p2", "-w", str(tmp_path / "no" / "x")).returncode == 1


def test_words(bed):
    """What is wrong is said; nothing is guessed."""
    for words, message in (
            (["p9"], "p9"),
            (["vlan_mismach"], "did you mean 'vlan_mismatch'?"),
            (["tx_full", "mtu_exceeded"], "unexpected 'mtu_exceeded'"),
            (["-w", "x"], "unexpected '-w'"),
            (["last", "-w"], "-w goes with"), (["last", "-w", "f", "-w", "g"], "unexpected '-w'")):
        result = bed.daemon.vsctl_raw("drops", *words)
        assert result.returncode != 0 and message in result.stderr, (words, result.stderr)
    for params in ({"reason": "x"}, {"reason": 5}, {"port": "nil"}, {"vlan": 5}):
        for method in ("drops.show", "drops.last"):
            assert "error" in bed.daemon.rpc(method, **params)


def test_readers(house):  # noqa: F811
    """The group sees the counters, and not what was in the packets; looking is logged, no change."""
    result = house.reader.vsctl("drops")
    assert (result.returncode, result.stderr) == (0, "")
    result = house.reader.vsctl("drops", "last")
    assert result.returncode == 1
    assert result.stderr == ("vsctl: drops last: only root may see what guests send; you are uid %d (?)\n"
                             % READER)
    house.daemon.vsctl_raw("drops", "last")
    assert re.search(r"look: root \(.*\): drops last\n", house.daemon.log)
    assert "change: root" not in house.daemon.log
    assert not [event for event in house.daemon.vsctl("event", "show") if event["kind"] == "config"]


def test_watch(bed, lan):
    """-w: shown again, with the rate since the last time."""
    watch = subprocess.Popen(command(bed.daemon, "-j", "-n", "0.2", "drops"),
                             stdout=subprocess.PIPE, text=True)
    try:
        assert json.loads(watch.stdout.readline()) == []
        lan[0].send(*[tagged(frame(BROADCAST, A), 30)] * 5)
        found, rates = [], []
        while not found or found[0]["packets"] < 5:  # it may look while they come
            found = json.loads(watch.stdout.readline())
            rates += [row["per_second"] for row in found]
        assert (found[0]["reason"], found[0]["packets"]) == ("vlan_mismatch", 5)
        assert rates[-1] > 0
    finally:
        watch.kill()
        watch.wait()
