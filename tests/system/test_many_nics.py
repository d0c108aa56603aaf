# SPDX-License-Identifier: BSD-3-Clause
"""A host with many NICs: 16 of them, 4 bonds, 200 VLANs with a bridge of their own each."""

from harness.wait import wait_until
from harness.wire import BROADCAST, frame, mac_of, tagged

NICS, BONDS, VLANS = 16, 4, 200
MEMBERS = 3  # of each bond; the other NICs are ports


def configuration():
    """Bonds carry the VLANs in turn; what is left of each bond, and the other NICs, are on br0."""
    lines = ["[bridge br0]"]
    for number, mode in zip(range(BONDS), ("active-backup", "balance-slb", "balance-xor", "lacp")):
        members = ",".join(f"p{number * MEMBERS + i + 1}" for i in range(MEMBERS))
        lines += [f"[bond bond{number}]", f"mode = {mode}", f"members = {members}"]
        if mode == "lacp":
            lines.append("fallback = yes")
        lines += [f"[port bond{number}]", "bridge = br0", "trunk = 2-4000", "native = 1"]
    for number in range(BONDS * MEMBERS, NICS):
        lines += [f"[port p{number + 1}]", "bridge = br0", f"vid = {number}"]
    for vid in range(1001, 1001 + VLANS):
        lines += [f"[bridge vlan{vid}]", f"[port bond{vid % BONDS}.{vid}]", f"bridge = vlan{vid}"]
    return "\n".join(lines) + "\n"


def test_loads_shows_and_reloads(idle_bed):
    hosts = [idle_bed.cable(number) for number in range(1, NICS + 1)]
    daemon = idle_bed.start(configuration()).daemon
    ports = {row["port"]: row for row in daemon.vsctl("port", "show")}
    assert len(ports) == NICS + BONDS + VLANS
    assert sum(row["type"] == "vlan" for row in ports.values()) == VLANS
    assert len(ports["bond1"]["subports"]) == VLANS // BONDS
    bonds = {row["bond"]: row for row in daemon.vsctl("bond", "show")}
    assert sum(len(row["members"]) for row in bonds.values()) == BONDS * MEMBERS
    assert len(daemon.vsctl_raw("show").stdout.splitlines()) > NICS + BONDS + 2 * VLANS
    # a station behind VLAN 1001 of bond1's active member is learnt there and nowhere else
    daemon.wait_link("bond1")
    active = next(row for row in daemon.vsctl("bond", "show") if row["bond"] == "bond1")["active"]
    hosts[int(active[1:]) - 1].wire.send(tagged(frame(BROADCAST, mac_of(5)), 1001))
    wait_until(lambda: daemon.fdb("vlan1001") == {(mac_of(5), 0): "bond1.1001"},
               what=lambda: daemon.fdb("vlan1001"))
    before = daemon.state()
    assert daemon.stop() == 0
    assert daemon.start().state() == before
