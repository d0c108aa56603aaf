# SPDX-License-Identifier: BSD-3-Clause
"""Bonds: what each mode sends and takes, changes while it runs, and what an operator sees."""

import pytest

from harness import failover
from harness.daemon import VsctlError
from harness.wait import wait_until
from harness.wire import BROADCAST, frame, mac_of, tagged

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
        self.quiesce()

    def quiesce(self):
        """Throw away what is on the wires by now."""
        wait_balance(self.bed)
        for wire in (*self.wires, self.host.wire):
            wire.drain()


def only_rarps(frames):
    """Nothing among these but the switch's own announcements."""
    return all(is_rarp(getattr(got, "data", got)) for got in frames)


def is_rarp(data):
    """Is it a RARP?"""
    return data[12:14] == b"\x80\x35"


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
               bytes.fromhex(A.replace(":", "")) in rarps, what="RARP for A")
    assert bytes.fromhex(Y.replace(":", "")) not in rarps
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
    bed.daemon.vsctl("fdb", "flush", "br0")
    bond.wires[active].send(data)
    wait_until(lambda: bed.daemon.drops("bond0", "bond_echo") == 2,
               what=lambda: bed.daemon.stats("bond0"))
    assert not bond.host.wire.drain()
    wait_balance(bed)


@pytest.mark.parametrize("mode", failover.MODES)
def test_failover_under_traffic(bed, mode, capsys):
    """Carrier pulled under probes of 1 ms: few are lost, none comes twice or out of order."""
    result = failover.run_mode(bed, mode)
    with capsys.disabled():
        print("\n%(mode)s: %(victim)s pulled: gap %(gap_ms)s ms, %(lost)d of %(sent)d lost" %
              result)
    assert result["doubled"] == 0 and result["reordered"] == 0, result
    assert result["lost"] < result["sent"] / 2, result
    wait_balance(bed)
