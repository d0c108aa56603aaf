# SPDX-License-Identifier: BSD-3-Clause
"""What the switch tells: counters that balance, and shows that programs can read."""

import json
import random

import pytest

from harness import traffic
from harness.daemon import ROOT, build_folder
from harness.wait import wait_until
from harness.wire import BROADCAST, frame, mac_of, tagged

from test_tap import add_tap

A, B = mac_of(1), mac_of(2)


def wait_balance(bed):
    """Everything that came in has left, or was dropped for a reason."""
    def balanced():
        into, out = bed.daemon.balance()
        return into == out
    wait_until(balanced, what=lambda: "in = out: %s %s" % (
        bed.daemon.balance(), bed.daemon.vsctl("stats", "show")))


def test_balance_of_all_sorts(bed):
    """Every kind of frame, good and bad, to and from every kind of port, in a random order."""
    add_tap(bed, "tap0")
    bed.daemon.vsctl("port", "add", "null0", "bridge", "br0", "devargs", "net_null0,no-rx=1")
    stations = [bed.station(1, mtu=9000), bed.station(2), bed.station(3, "vid", 5),
                bed.station(4), bed.station(5)]
    stations[4].host.ip("link", "set", "eth0", "down")
    bed.daemon.wait_link("p5", "down")
    bed.daemon.vsctl("fdb", "add", "br0", "mac", mac_of(5), "port", "p5")
    chance = random.Random(1)
    for _ in range(2000):
        data = frame(chance.choice([mac_of(chance.randrange(9)), BROADCAST, "01:00:5e:00:00:01",
                                    "01:80:c2:00:00:0e"]),
                     chance.choice([mac_of(chance.randrange(9)), "01:00:00:00:00:01",
                                    "00:00:00:00:00:00"]),
                     chance.choice([16, 60, 200, 1514]))
        if chance.random() < 0.3:
            data = tagged(data[:1510], chance.choice([0, 5, 6, 4095]))
        stations[chance.randrange(4)].wire.send(data)
    stations[0].wire.send(*(frame(BROADCAST, A, 9000) for _ in range(10)))
    wait_until(lambda: sum(row["rx_packets"] for row in bed.daemon.vsctl("stats", "show")) >= 2010,
               what="all have arrived")
    wait_balance(bed)
    rows = bed.daemon.vsctl("stats", "show")
    reasons = {reason for row in rows for reason in row["drops"]}
    assert {"bad_source", "reserved_mac", "vlan_mismatch", "same_port", "mtu_exceeded",
            "port_down"} <= reasons
    assert sum(row["copies"] for row in rows) > 100


def test_balance_of_tcp(bed):
    """Super-packets that one port cuts count as the packets they become."""
    one = bed.speak(bed.station(1, plain=False), 1).host
    bed.speak(bed.cable(2), 2)
    bed.daemon.vsctl("port", "add", "eth2", "bridge", "br0", "devargs",
                     "net_af_packet0,iface=p2")
    bed.daemon.wait_link("eth2")
    traffic.tcp(one, bed.hosts["h2"], "10.0.0.2")
    wait_balance(bed)
    assert bed.daemon.stats("eth2")["copies"] > 500


def test_balance_when_ports_go(bed):
    """What a port counted stays in the sum when it is deleted."""
    one, two = bed.pair()
    traffic.tcp(one.host, two.host, two.address, size=1 << 20)
    add_tap(bed)
    bed.sw.ping(one.address)
    for name in ("p2", "br0"):
        bed.daemon.vsctl("port", "del", name)
    wait_until(lambda: len(bed.daemon.vsctl("stats", "show")) == 2, what="both are gone")
    wait_balance(bed)
    rows = {row["port"]: row for row in bed.daemon.vsctl("stats", "show")}
    assert set(rows) == {"p1", "(removed)"}
    assert rows["(removed)"]["tx_packets"] > 50


def test_counters_are_exact(bed):
    left, right = (bed.station(number).wire for number in (1, 2))
    frames = [frame(B, A, size) for size in range(60, 160)]
    left.send(*frames)
    right.expect(*frames)
    size = sum(map(len, frames))
    nothing = {"rx_packets": 0, "rx_bytes": 0, "tx_packets": 0, "tx_bytes": 0, "copies": 0,
               "merged": 0, "punted": 0, "unlearnt": 0, "drops": {}}
    two = {**nothing, "port": "p2", "tx_packets": 100, "tx_bytes": size}
    # a packet is counted when it has been sent
    wait_until(lambda: bed.daemon.stats("p2") == two, what=lambda: bed.daemon.stats("p2"))
    assert bed.daemon.stats("p1") == {**nothing, "port": "p1", "rx_packets": 100, "rx_bytes": size}
    bed.daemon.vsctl("port", "del", "p1")
    bed.daemon.vsctl("port", "add", "p1", "bridge", "br0")
    assert bed.daemon.stats("p1")["rx_packets"] == 0


@pytest.fixture(scope="module")
def shown(module_bed):
    """A bed with something of everything."""
    wire = module_bed.station(1).wire
    module_bed.station(2, "vid", 7)
    add_tap(module_bed)
    module_bed.daemon.vsctl("bridge", "add", "empty0")
    module_bed.daemon.vsctl("fdb", "add", "br0", "mac", B, "port", "p2")
    wire.send(frame(BROADCAST, A), frame("01:80:c2:00:00:00", A))
    wait_until(lambda: module_bed.daemon.drops("p1", "reserved_mac"), what="a drop")
    wait_until(lambda: (A, 0) in module_bed.daemon.fdb("br0"), what="A is learnt")
    return module_bed.daemon


SHOWS = {
    "bridge show": {"bridge", "ageing", "fdb_limit", "fdb_entries", "announce", "ports",
                    "snooping", "querier", "querier_address", "query_interval",
                    "query_response", "last_member_interval", "robustness", "group_limit"},
    "bridge show empty0": {"bridge", "ageing", "fdb_limit", "fdb_entries", "ports"},
    "port show": {"port", "bridge", "type", "link", "vid", "mtu", "mac", "rx_packets",
                  "tx_packets", "rx_bytes", "tx_bytes", "drops"},
    "port show p1": {"port", "type"},
    "port show bridge empty0": None,
    "fdb show": {"bridge", "vid", "mac", "port", "static", "age"},
    "fdb show br0 port p2": {"mac"},
    "fdb show empty0": None,
    "stats show": {"port", "rx_packets", "tx_packets", "rx_bytes", "tx_bytes", "copies", "merged",
                   "punted", "drops"},
    "stats show p1": {"port"},
    "group show": None,
    "group show empty0": None,
    "querier show": {"bridge", "vid", "family", "querier", "protocol", "address", "port", "active",
                     "groups", "routers"},
    "querier show empty0": None,
    "vif show": None,
    "worker show": {"worker", "state", "rx_packets", "busy_turns", "busy_cycles", "cycles_per_second",
                    "sleeps"},
}


@pytest.mark.parametrize("words", SHOWS)
def test_json(shown, words):
    """Each show gives a JSON array of objects, -j before or after; and text without it."""
    before = shown.vsctl_raw("-j", *words.split())
    after = shown.vsctl_raw(*words.split(), "-j")
    text = shown.vsctl_raw(*words.split())
    assert before.returncode == after.returncode == text.returncode == 0
    rows = json.loads(before.stdout)
    assert [set(row) for row in rows] == [set(row) for row in json.loads(after.stdout)]
    assert isinstance(rows, list) and bool(rows) == (SHOWS[words] is not None)
    for row in rows:
        assert SHOWS[words] <= set(row)
        assert str(row[words.split()[0] if words[:3] not in ("fdb", "sta") else
                       {"fdb": "mac", "sta": "port"}[words[:3]]]) in text.stdout


def test_version(shown):
    reply = shown.vsctl("version")
    reply = reply[0] if isinstance(reply, list) else reply
    assert reply["version"] and reply["dpdk"].startswith("DPDK")


def test_drops_are_explained(shown):
    text = shown.vsctl_raw("stats", "show").stdout
    assert "reserved_mac" in text


def test_vif_bridge_finds_the_only_bridge(bed, tmp_path):
    """The hotplug script reads vsctl's own JSON, not what a test made up."""
    script = (ROOT / "scripts/vif-bridge").read_text()
    start = script.index("default_bridge()")
    function = script[start:script.index("\n}\n", start) + 3]
    (tmp_path / "vsctl").symlink_to(build_folder() / "ctl/vsctl")
    result = bed.sw.run("env", "PATH=%s:/usr/bin:/bin" % tmp_path,
                        "VSWITCH_RUN_DIR=%s" % bed.daemon.run_dir, "sh", "-c",
                        ". %s\n%s\ndefault_bridge" % (
                            ROOT / "scripts/vif-vswitch-common.sh", function))
    assert result.stdout == "br0\n"
