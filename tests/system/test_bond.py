# SPDX-License-Identifier: BSD-3-Clause
"""Bonds: what each mode sends and takes, changes while it runs, and what an operator sees."""

import pytest

from harness import failover
from harness.daemon import VsctlError
from harness.wait import wait_until
from harness.wire import BROADCAST, frame, mac_bytes, mac_of, tagged

from test_stats import wait_balance

A, B, C, X, Y = (mac_of(number) for number in (1, 2, 3, 24, 25))


class Bond:
    """Members p1, p2, ... of bond0 with a wire each, and a station behind p9 of the same bridge."""

    def __init__(self, bed, n=2, *keys, bridge="br0"):
        self.bed = bed
        self.ends = [bed.cable(number) for number in range(1, n + 1)]
        self.wires = [end.wire for end in self.ends]
        self.names = [end.port for end in self.ends]
        bed.daemon.vsctl("bond", "add", "bond0", "members", ",".join(self.names), "bridge", bridge,
                         *keys)
        self.host = bed.station(9)
        wait_until(lambda: all(row["link"] == "up" for row in self.show()["members"]),
                   what=self.show)

    def show(self):
        """bond show bond0"""
        return self.bed.daemon.vsctl("bond", "show", "bond0")[0]

    def set(self, *words):
        """bond set bond0"""
        self.bed.daemon.vsctl("bond", "set", "bond0", *words)

    def plug(self, index, on):
        """The far end of a member's cable goes up or down; until the bond has seen it."""
        self.ends[index].host.ip("link", "set", "eth0", "up" if on else "down")
        wait_until(lambda: self.member(self.names[index])["link"] == ("up" if on else "down"),
                   what=self.show)

    def member(self, name):
        """A row of its members."""
        return next(row for row in self.show()["members"] if row["port"] == name)

    def by(self, mac):
        """The index of the wire that a station is carried by."""
        def row():
            return next((row for row in self.show()["stations"] if row["mac"] == mac), None)
        return self.names.index(wait_until(row, what=self.show)["member"])

    def learn(self, *macs):
        """Let the station's host speak as these, until they are known."""
        def known():
            unknown = set(macs) - {mac for mac, _ in self.bed.daemon.fdb("br0")}
            self.host.wire.send(*(frame(BROADCAST, mac) for mac in sorted(unknown)))
            return not unknown
        wait_until(known, what=lambda: self.bed.daemon.fdb("br0"))
        self.quiesce(macs[-1])

    def quiesce(self, mac):
        """Throw away what is on the wires by now. mac: a station of the host's."""
        end = frame(BROADCAST, mac, 1000)
        self.host.wire.send(end)
        # whatever was sent before has left before it
        wait_until(lambda: any(untagged(got.data) == end for wire in self.wires
                               for got in wire.drain()),
                   what=lambda: "the last frame: %s" % self.show())
        wait_balance(self.bed)
        for wire in (*self.wires, self.host.wire):
            wire.drain()


def only_rarps(frames):
    """Nothing among these but the switch's own announcements."""
    return all(is_rarp(getattr(got, "data", got)) for got in frames)


def is_rarp(data):
    """Is it a RARP?"""
    return untagged(data)[12:14] == b"\x80\x35"


def untagged(data):
    """A frame without its tag."""
    return data[:12] + data[16:] if data[12:14] == b"\x81\0" else data


def test_active_backup(bed):
    """One sends and receives; the other takes over with RARPs for whoever is behind the bond."""
    bond = Bond(bed)
    one, two = bond.wires
    assert bond.show()["active"] == "p1"
    bond.learn(A)
    data = frame(BROADCAST, A, 80)
    bond.host.wire.send(data)
    assert only_rarps(one.until(data))
    assert not two.drain()
    reply = frame(A, X, 81)
    two.send(reply)
    one.send(frame(A, Y, 82))
    bond.host.wire.nothing_but(frame(A, Y, 82))
    wait_until(lambda: bed.daemon.drops("p2", "bond_inactive") == 1, what="refused")
    assert ((X, 0) not in bed.daemon.fdb("br0")) and bed.daemon.fdb("br0")[(Y, 0)] == "bond0"

    bond.plug(0, False)
    assert bond.show()["active"] == "p2"
    assert bond.show()["failovers"] == 1
    assert "p1 link down" in bond.show()["last_reason"]
    rarps = set()
    wait_until(lambda: rarps.update(got.data[6:12] for got in two.drain() if is_rarp(got.data)) or
               mac_bytes(A) in rarps, what="RARP for A")
    assert mac_bytes(Y) not in rarps
    # stations behind the bond are where they were
    assert bed.daemon.fdb("br0")[(Y, 0)] == "bond0"
    two.send(frame(A, Y, 83))
    bond.host.wire.until(frame(A, Y, 83))

    # no way back by itself, and by the operator's word at once
    bond.plug(0, True)
    assert bond.show()["active"] == "p2"
    bond.set("active", "p1")
    assert bond.show()["active"] == "p1"
    assert bond.show()["failovers"] == 1
    wait_balance(bed)


def test_all_down(bed):
    bond = Bond(bed)
    bond.plug(0, False)
    bond.plug(1, False)
    row = bed.daemon.wait_link("bond0", "down")
    assert row["reason"] == "no member of bond bond0 has a link"
    bond.plug(1, True)
    bed.daemon.wait_link("bond0")
    assert bond.show()["active"] == "p2"


def test_slb(bed):
    """Each station by one member; nothing comes twice, and nothing comes back."""
    bond = Bond(bed, 2, "mode", "balance-slb")
    stations = [mac_of(number) for number in range(100, 140)]
    bond.learn(*stations)
    by = {mac: bond.by(mac) for mac in stations[:10]}
    rows = {row["mac"]: bond.names.index(row["member"]) for row in bond.show()["stations"]}
    first = [mac for mac in stations if rows[mac] == 0]
    second = [mac for mac in stations if rows[mac] == 1]
    assert first and second and all(rows[mac] == by[mac] for mac in by)
    for mac in stations:
        data = frame(X, mac, 90)
        bond.host.wire.send(data)
        assert only_rarps(bond.wires[rows[mac]].until(data))
        assert only_rarps(bond.wires[1 - rows[mac]].drain())

    # the switch floods to both members what it does not know; what goes to a station of ours comes
    # once, by its member, and what goes to all by the active one
    active = bond.names.index(bond.show()["active"])
    for mac, member in ((first[0], 0), (second[0], 1), (BROADCAST, active)):
        data = frame(mac, X, 91)
        refused = bed.daemon.drops(bond.names[1 - member], "bond_inactive")
        for wire in bond.wires:
            wire.send(data)
        wait_until(lambda: bed.daemon.drops(bond.names[1 - member], "bond_inactive") > refused,
                   what=lambda: "%s is refused on the other: %s" % (mac, bond.show()))
        bond.host.wire.expect(data)
        assert not bond.host.wire.drain()

    # our own broadcast comes back by the other member
    mac = first[0] if active == 1 else second[0]
    data = frame(BROADCAST, mac, 95)
    bond.host.wire.send(data)
    assert only_rarps(bond.wires[rows[mac]].until(data))
    bond.wires[active].send(data)
    wait_until(lambda: bed.daemon.drops("bond0", "bond_echo") == 1,
               what=lambda: bed.daemon.stats("bond0"))
    assert bed.daemon.fdb("br0")[(mac, 0)] == "p9"
    # and that of a station which is not known yet
    data = frame(BROADCAST, C, 96)
    bond.host.wire.send(data)
    wait_until(lambda: any(got.data == data for wire in bond.wires for got in wire.drain()),
               what="sent")
    # by the shortest way: this is remembered for three seconds
    assert "error" not in bed.daemon.rpc("fdb.flush", name="br0")
    bond.wires[active].send(data)
    wait_until(lambda: bed.daemon.drops("bond0", "bond_echo") == 2,
               what=lambda: bed.daemon.stats("bond0"))
    assert not bond.host.wire.drain()
    wait_balance(bed)


def test_xor(bed):
    """Flows are spread over both, and taken from both; what one carried the other takes over."""
    bond = Bond(bed, 2, "mode", "balance-xor", "hash", "l2")
    bond.learn(A)
    frames = [frame(mac_of(1000 + number), A, 90) for number in range(64)]
    got = [[], []]

    def collected(n):
        for wire, seen in zip(bond.wires, got):
            seen += [f.data for f in wire.drain() if f.data in frames]
        return len(got[0]) + len(got[1]) >= n
    bond.host.wire.send(*frames)
    wait_until(lambda: collected(64), what=lambda: "64 frames: %s" % got)
    wait_balance(bed)
    assert collected(64) and sorted(got[0] + got[1]) == sorted(frames) and 10 < len(got[0]) < 54
    for wire in bond.wires:
        data = frame(A, X, 91)
        wire.send(data)
        bond.host.wire.expect(data)
    bond.plug(0, False)
    bond.wires[1].drain()
    bond.host.wire.send(*frames)
    for data in frames:
        assert only_rarps(bond.wires[1].until(data))
    bond.plug(0, True)
    wait_until(lambda: bond.member("p1")["buckets"] == 128, what=bond.show)


def test_members_come_and_go(bed):
    """Under way, by the list of members; nobody else loses a station."""
    bond = Bond(bed)
    bond.learn(A)
    bond.wires[0].send(frame(A, X))
    wait_until(lambda: bed.daemon.fdb("br0").get((X, 0)) == "bond0", what="learnt")
    third = bed.cable(3)
    bond.set("members", "p2,p3")
    assert {row["port"]: row["state"] for row in bond.show()["members"]} == {
        "p2": "active", "p3": "backup"}
    assert bed.daemon.fdb("br0")[(X, 0)] == "bond0"
    assert bond.show()["failovers"] == 0
    # the first was opened for the bond, and is the host's again
    assert "p1" not in {row["port"] for row in bed.daemon.vsctl("port", "show")}
    data = frame(X, A, 80)
    bond.host.wire.send(data)
    bond.wires[1].until(data)
    third.wire.drain()
    # all others at once
    bond.set("members", "p1,p3")
    assert bond.show()["active"] == "p1"
    bond.host.wire.send(data)
    bond.wires[0].until(data)
    # a port that was one before stays one
    bond.set("members", "p3")
    bed.daemon.vsctl("port", "add", "p1", "bridge", "none")
    bond.set("members", "p1,p3")
    with pytest.raises(VsctlError, match="is a member of bond bond0"):
        bed.daemon.vsctl("port", "del", "p1")
    with pytest.raises(VsctlError, match="is a member of bond bond0"):
        bed.daemon.vsctl("port", "set", "p1", "bridge", "br0")
    bed.daemon.vsctl("bond", "del", "bond0")
    assert {row["port"] for row in bed.daemon.vsctl("port", "show")} == {"p1", "p9"}
    bed.daemon.vsctl("port", "set", "p1", "bridge", "br0")
    bond.wires[0].send(data)
    bond.host.wire.until(data)
    wait_balance(bed)


def test_mode_changes(bed):
    bond = Bond(bed)
    bond.learn(A)
    for mode, states in (("balance-slb", {"carrying"}), ("balance-xor", {"carrying"}),
                         ("active-backup", {"active", "backup"})):
        bond.set("mode", mode)
        row = bond.show()
        assert row["mode"] == mode
        assert {member["state"] for member in row["members"]} == states
        assert row["failovers"] == 0 and row["link"] == "up"
        data = frame(X, A, 80)
        bond.host.wire.send(data)
        wait_until(lambda: any(got.data == data for wire in bond.wires for got in wire.drain()),
                   what="it leaves")
    wait_balance(bed)


def test_delays(bed):
    """A link is waited with, but not when there is no other."""
    bond = Bond(bed, 2, "updelay", 600000)
    bond.plug(0, False)
    assert bond.show()["active"] == "p2"
    bond.plug(0, True)
    assert bond.member("p1")["state"] == "updelay"
    with pytest.raises(VsctlError, match="member p1 is down"):
        bond.set("active", "p1")
    bond.plug(1, False)
    bed.daemon.wait_link("bond0", "down")
    bond.plug(1, True)
    bed.daemon.wait_link("bond0")
    assert bond.show()["active"] == "p2"
    bond.set("updelay", 0, "downdelay", 600000)
    bond.plug(1, False)
    assert bond.show()["active"] == "p2" and bond.member("p2")["link"] == "down"
    bond.set("downdelay", 50)
    bond.plug(1, True)
    bond.plug(1, False)
    bed.daemon.wait_link("bond0", "down")


def test_arp_monitor(bed):
    """A member whose link is up, but behind which nobody answers, is not used."""
    # 1.5 s without an answer are too many
    bond = Bond(bed, 2, "arp-targets", "10.0.0.1,10.0.0.2", "arp-interval", 500)
    bed.daemon.wait_link("bond0", "down")
    assert bond.show()["arp_targets"] == ["10.0.0.1", "10.0.0.2"]
    assert {row["state"] for row in bond.show()["members"]} == {"no-arp-answer"}
    bed.speak(bond.ends[1], 2)
    bed.daemon.wait_link("bond0")
    wait_until(lambda: bond.show()["active"] == "p2", what=bond.show)
    bed.speak(bond.ends[0], 1)
    wait_until(lambda: bond.member("p1")["state"] == "backup", what=bond.show)
    bond.ends[1].host.ip("addr", "flush", "dev", "eth0")
    wait_until(lambda: bond.show()["active"] == "p1", what=bond.show)
    assert "no answer from arp-targets" in bond.show()["last_reason"]
    bond.set("arp-targets", "none")
    wait_until(lambda: bond.member("p2")["state"] == "backup", what=bond.show)
    wait_balance(bed)


def test_rebalance(bed):
    """Stations that send much move from the busier member, and are announced there."""
    bond = Bond(bed, 2, "mode", "balance-slb", "rebalance", 1)
    stations = [mac_of(number) for number in range(100, 132)]
    bond.learn(*stations)
    busy = [mac for mac in stations if bond.by(mac) == 0][:4]
    assert len(busy) == 4
    data = [frame(X, mac, 1500) for mac in busy]

    def moved():
        bond.host.wire.send(*(data * 25))
        return bond.show()["bucket_moves"] > 0 and len({bond.by(mac) for mac in busy}) == 2
    wait_until(moved, what=bond.show)
    gone = next(mac for mac in busy if bond.by(mac) == 1)
    wait_until(lambda: any(is_rarp(got.data) and got.data[6:12] == mac_bytes(gone)
                           for got in bond.wires[1].drain()), what="RARP by the new member")
    # until the network has heard it, frames still come the old way; then no more
    bond.host.wire.drain()
    for wire, taken in ((0, True), (1, True), (0, False)):
        probe = frame(gone, Y, 100 + wire)
        refused = bed.daemon.drops("p1", "bond_inactive")
        bond.wires[wire].send(probe)
        if taken:
            bond.host.wire.until(probe)
        else:
            wait_until(lambda: bed.daemon.drops("p1", "bond_inactive") > refused, what="refused")


def test_vlans_in_announcements(bed):
    """Each station in its VLAN."""
    bond = Bond(bed)
    ten = bed.station(5, "vid", 10)
    ten.wire.send(frame(BROADCAST, B))
    wait_until(lambda: (B, 10) in bed.daemon.fdb("br0"), what="learnt")
    bond.learn(A)
    bond.wires[1].drain()
    bond.plug(0, False)
    rarps = {}

    def announced():
        rarps.update({got.data[6:12]: got.data[12:18] for got in bond.wires[1].drain()
                      if is_rarp(got.data)})
        return {mac_bytes(A), mac_bytes(B)} <= set(rarps)
    wait_until(announced, what=lambda: rarps)
    assert rarps[mac_bytes(B)] == bytes.fromhex("8100000a8035")
    assert rarps[mac_bytes(A)][:2] == bytes.fromhex("8035")


def test_mtu(bed):
    """The bond's is its members' smallest; set, it is all of theirs, or nobody's."""
    bond = Bond(bed)
    assert bond.show()["mtu"] == 1500
    bed.daemon.vsctl("port", "set", "bond0", "mtu", 9000)
    assert [bed.daemon.port(name)["mtu"] for name in ("p1", "p2", "bond0")] == [9000] * 3
    bed.sw.ip("link", "set", "p2", "mtu", 1400)
    wait_until(lambda: bed.daemon.port("bond0")["mtu"] == 1400, what=bond.show)
    bond.set("members", "p1")
    assert bed.daemon.port("bond0")["mtu"] == 9000


def test_configuration_file(idle_bed):
    """A bond, its port's VLAN, a member with settings of its own; all of it comes back."""
    for number in (1, 2, 3, 4):
        idle_bed.cable(number)
    config = """
[port bond0]
bridge = br0
vid = 7
[bond bond0]
members = p1,p2
mode = balance-slb
updelay = 5
[bond bond1]
members = p3
bridge = br0
mode = balance-xor
[bridge br0]
[port p2]
bridge = none
mtu = 1300
[port p4]
bridge = br0
"""
    idle_bed.start(config)
    for _ in range(2):
        idle_bed.daemon.wait_link("bond0")
        row = idle_bed.daemon.port("bond0")
        assert (row["bridge"], row["type"], row["vid"], row["mtu"]) == ("br0", "bond", 7, 1300)
        rows = {row["bond"]: row for row in idle_bed.daemon.vsctl("bond", "show")}
        assert rows["bond0"]["mode"] == "balance-slb" and rows["bond0"]["updelay"] == 5
        assert [row["port"] for row in rows["bond1"]["members"]] == ["p3"]
        assert "bond0" in idle_bed.daemon.vsctl_raw("bond", "show").stdout
        assert idle_bed.daemon.stop() == 0
        idle_bed.daemon.start()


def test_many_nics(idle_bed):
    """16 NICs in 4 bonds of 4, each on a bridge of its own, and the bonds keep to themselves."""
    hosts = [idle_bed.cable(number) for number in range(1, 17)]
    modes = ["active-backup", "balance-slb", "balance-xor", "active-backup"]
    config = "".join("[bridge br%d]\n[bond bond%d]\nbridge = br%d\nmode = %s\nmembers = %s\n" % (
        n, n, n, mode, ",".join("p%d" % (4 * n + i) for i in range(1, 5)))
        for n, mode in enumerate(modes))
    idle_bed.start(config)
    rows = {row["bond"]: row for row in idle_bed.daemon.vsctl("bond", "show")}
    assert [rows["bond%d" % n]["mode"] for n in range(4)] == modes
    assert sum(len(row["members"]) for row in rows.values()) == 16
    for n in range(4):
        idle_bed.daemon.wait_link("bond%d" % n)
        for host in hosts[4 * n:4 * n + 4]:  # whichever is the active one
            host.wire.send(frame(BROADCAST, mac_of(n)))
        wait_until(lambda: idle_bed.daemon.fdb("br%d" % n) == {(mac_of(n), 0): "bond%d" % n},
                   what=lambda: idle_bed.daemon.fdb("br%d" % n))
    text = idle_bed.daemon.vsctl_raw("show").stdout
    assert "member of bond3" in text


@pytest.mark.parametrize("words, fault", [
    ("members p1,p1", "members: 'p1,p1' is not a list of 1-8 names, each once"),
    ("members p1,nothere", "bond bond0: members: port nothere: there is no interface nothere"),
    ("members p1,p9", "bond bond0: members: p9 is on bridge br0; .*bridge none"),
    ("members p1,p2 mode fast", "one of active-backup, balance-slb, balance-xor, lacp"),
    ("members p1,p2 bridge br7", "bridge br7: there is no such bridge"),
    ("members p1,p2 arp-targets 10.0.0", "arp-targets: '10.0.0' is not a list of up to 8 IPv4"),
    ("members p1,p2 updelay 1s", "updelay: '1s' is not a number from 0"),
    ("mode balance-slb", "members is missing"),
])
def test_bad_input(bed, words, fault):
    """Refused with a reason, and nothing is left of it."""
    for number in (1, 2):
        bed.cable(number)
    bed.station(9)
    before = bed.daemon.state()
    with pytest.raises(VsctlError, match=fault):
        bed.daemon.vsctl("bond", "add", "bond0", *words.split())
    wait_until(lambda: bed.daemon.state() == before, what=bed.daemon.state)
    assert bed.daemon.vsctl("bond", "show") == []


@pytest.mark.parametrize("words, fault", [
    ("members p1,p9", "p9 is on bridge br0"),
    ("members p1,nothere", "no interface nothere"),
    ("mode balance-xor active p2", "its mode has no active member"),
    ("active p9", "p9 is not a member of it"),
])
def test_bad_change(bed, words, fault):
    """Refused as a whole."""
    bond = Bond(bed)
    before = bond.show()
    with pytest.raises(VsctlError, match=fault):
        bond.set(*words.split())
    after = bond.show()
    for key in ("mode", "active", "failovers"):
        assert after[key] == before[key]
    assert [row["port"] for row in after["members"]] == ["p1", "p2"]


@pytest.mark.parametrize("mode", (*failover.MODES, failover.LOSS))
def test_failover_under_traffic(bed, mode, capsys):
    """Carrier pulled under probes of 1 ms: few are lost, none comes twice or out of order."""
    result = failover.run_mode(bed, mode)
    with capsys.disabled():
        print("\n%(mode)s: %(victim)s pulled: gap %(gap_ms)s ms, %(lost)d of %(sent)d lost" %
              result)
    assert result["doubled"] == 0 and result["reordered"] == 0, result
    # milliseconds; in lacp-loss the three seconds of the fast rate. More is the load's
    assert result["gap_ms"] < (10000 if mode == failover.LOSS else 2500), result
    wait_balance(bed)


def test_vlans_of_a_bond(bed):
    """VLAN 100 of the bond is another bridge's: both ways, and announced there on failover."""
    bond = Bond(bed, 2, bridge="none")
    one, two = bond.wires
    bed.daemon.vsctl("port", "add", "bond0.100", "bridge", "br0")
    bed.daemon.wait_link("bond0.100")
    with pytest.raises(VsctlError, match="VLAN port"):
        bed.daemon.vsctl("bond", "del", "bond0")
    with pytest.raises(VsctlError, match="p1"):
        bed.daemon.vsctl("port", "add", "p1.7", "bridge", "br0")
    bond.learn(A)
    data, reply = frame(BROADCAST, A, 80), frame(A, X, 1514)
    bond.host.wire.send(data)
    assert only_rarps(one.until(tagged(data, 100)))
    one.send(reply, tagged(frame(A, X, 70), 30), tagged(reply, 100))
    bond.host.wire.nothing_but(reply)
    bond.quiesce(A)
    bond.plug(0, False)
    wait_until(lambda: bond.show()["active"] == "p2", what=bond.show)
    rarp = wait_until(lambda: next((got.data for got in two.drain()
                                    if got.data[6:12] == mac_bytes(A)), None), what="a RARP")
    assert rarp[12:18] == b"\x81\x00\x00\x64\x80\x35"
    bond.host.wire.send(data)
    two.until(tagged(data, 100))
    assert {row["mac"]: row["vid"] for row in bond.show()["stations"]} == {A: None}
    wait_balance(bed)
    bond.plug(1, False)
    bed.daemon.wait_link("bond0.100", "down")
    bed.daemon.vsctl("port", "del", "bond0.100")
    bed.daemon.vsctl("bond", "del", "bond0")


def test_trunk_of_a_bond(bed):
    """The bond's port is a trunk like any other, from the file too."""
    bond = Bond(bed, 2, "mode", "balance-xor")
    bed.daemon.vsctl("port", "set", "bond0", "trunk", "10,20", "native", 10)
    bed.daemon.vsctl("port", "set", "p9", "vid", 20)
    assert bed.daemon.port("bond0")["vlan"] == "trunk 10,20 native 10"
    data = frame(BROADCAST, A, 1514)
    bond.host.wire.send(data)
    got = wait_until(lambda: [got.data for wire in bond.wires for got in wire.drain()
                              if not is_rarp(got.data)], what="the frame")
    assert got == [tagged(data, 20)]
    bond.wires[0].send(frame(BROADCAST, X), tagged(frame(BROADCAST, X, 70), 30),
                       tagged(frame(BROADCAST, X, 80), 20))
    bond.host.wire.nothing_but(frame(BROADCAST, X, 80))
    bed.daemon.stop()
    bed.daemon.start("[port bond0.7]\nbridge = br1\n[bridge br0]\n[bridge br1]\n"
                     "[bond bond0]\nmembers = p1,p2\n[port bond0]\nbridge = br0\nvid = 5\n")
    assert bed.daemon.port("bond0")["vid"] == 5
    assert bed.daemon.port("bond0.7")["parent"] == "bond0"
