# SPDX-License-Identifier: BSD-3-Clause
"""Every VLAN mode with every kind of frame, on real interfaces; and what Open vSwitch makes of it."""

import pytest

from harness import ovs
from harness.netns import Host, cable
from harness.vlan_table import MODES, build, describe, payload, rows
from harness.wait import wait_until
from harness.wire import Wire, mac_of

KEYS = {
    "plain": (),
    "access": ("vid", 10),
    "trunk": ("trunk", "10,20"),
    "zero": ("trunk", "0,10"),
    "native": ("trunk", 20, "native", 10),
    "tunnel": ("tunnel", 10),
    "service": ("trunk", "10,20", "tpid", "0x88a8"),
    "snative": ("trunk", 20, "native", 10, "tpid", "0x88a8"),
}
OVS_SETTINGS = {
    "plain": ("other_config:priority-tags=if-nonzero",),
    "access": ("tag=10",),
    "trunk": ("trunks=10,20",),
    "zero": ("trunks=0,10", "other_config:priority-tags=if-nonzero"),
    "native": ("vlan_mode=native-untagged", "tag=10", "trunks=20"),
    "tunnel": ("vlan_mode=dot1q-tunnel", "tag=10", "other_config:qinq-ethtype=802.1q"),
}
MARKER = "10p7"
FLUSHER = mac_of(998)  # of a frame that shows that those before it have been taken


class Table:
    """Two wires of each mode, and one to mark the end of what came before."""

    def __init__(self, wires, marker):
        self.wires = wires
        self.marker = marker

    def marks(self, mode):
        """How the marker leaves by a port."""
        row = next(row for row in rows() if row.way_in == "trunk" and row.tags == "10p3")
        return build(row.out[mode].replace("p3", "p7"), mac_of(999))

    def pass_through(self, cases):
        """Send all cases (rows of one way in). Return: {mode: {tags that went in: tags out}}."""
        way_in = cases[0].way_in
        source = {mac_of(100 + number): row for number, row in enumerate(cases)}
        for mac, row in source.items():
            self.wires[way_in][0].send(build(row.tags, mac))
        self.marker(way_in, len(cases), build(MARKER, mac_of(999)))
        got = {}
        for mode, (first, second) in self.wires.items():
            there = {}
            for data in second.until(self.marks(mode)):
                if data[6:12].hex(":") == FLUSHER:
                    continue
                row = source[data[6:12].hex(":")]
                assert row.tags not in there, "%s -> %s: %s twice" % (way_in, mode, row.tags)
                there[row.tags] = describe(data)
                assert payload(data) == payload(build(row.tags, data[6:12].hex(":")))
            got[mode] = there
            alike = [data for data in first.until(self.marks(mode))
                     if data[6:12].hex(":") != FLUSHER]
            assert len(alike) == (0 if mode == way_in else len(there))
        return got


@pytest.fixture(name="ours", scope="module")
def _ours(module_bed):
    wires = {}
    for number, mode in enumerate(MODES):
        wires[mode] = [module_bed.station(2 * number + i, *KEYS[mode]).wire for i in (0, 1)]
    plain = module_bed.station(99)

    seen = {}

    def marker(way_in, sent, data):
        # what was sent before has been taken: then the marker is behind it everywhere
        name = "p%d" % (2 * MODES.index(way_in))
        seen[name] = seen.get(name, 0) + sent
        wait_until(lambda: module_bed.daemon.stats(name)["rx_packets"] == seen[name],
                   what="%s has taken all frames" % name)
        plain.wire.send(data)

    return Table(wires, marker)


@pytest.mark.parametrize("way_in", MODES)
def test_table(ours, way_in):
    """Flooded, frame by frame."""
    cases = [row for row in rows() if row.way_in == way_in]
    got = ours.pass_through(cases)
    for mode in MODES:
        expected = {row.tags: row.out[mode] for row in cases if row.out[mode] is not None}
        assert got[mode] == expected, "%s -> %s" % (way_in, mode)


def differs(row, mode):
    """Where Open vSwitch does something else, and why; None: it does the same."""
    inner = row.tags.split()[1:] if row.way_in != "tunnel" else row.tags.split()
    if row.tags.startswith("s"):
        return "it takes S-tags for VLANs wherever it takes C-tags"
    if row.tags == "4095":
        return "it takes VLAN 4095"
    if row.way_in == "tunnel" and row.tags != "-":
        if mode == "access":
            return "it delivers no customer's tag to an access port, and takes priority tags off"
        if mode in ("plain", "zero") and "p" in row.tags:
            return "where it keeps priority tags, it copies a customer's priority"
    if mode == "native" and inner and row.vid == 10 and row.tags != "-":
        return "it lets a tag of the payload show on a native VLAN"
    return None


@pytest.fixture(name="theirs")
def _theirs(request, tmp_path):
    if request.config.lacking or ovs.lacking():
        pytest.skip(request.config.lacking or ovs.lacking())
    hosts = [Host("ovs").quiet()]
    switch = ovs.Ovs(hosts[0], tmp_path / "ovs")
    wires = []

    def wire(name, *settings):
        hosts.append(Host(name).quiet())
        cable(hosts[0], name, hosts[-1])
        hosts[-1].offloads("eth0", "off")
        switch.add_port("br0", name, *settings)
        wires.append(Wire(hosts[-1]))
        return wires[-1]

    try:
        switch.start().add_bridge("br0", "other-config:mac-aging-time=15")
        table = {mode: [wire("%s%d" % (mode, i), *OVS_SETTINGS[mode]) for i in (0, 1)]
                 for mode in OVS_SETTINGS}
        plain = wire("mark")

        def marker(way_in, sent, data):
            del sent
            # a frame of the way in's own goes the same way as those before it
            own = {"access": "-", "tunnel": "-"}.get(way_in, "10")
            table[way_in][0].send(build(own, FLUSHER))
            plain.until(build("10", FLUSHER))
            plain.send(data)

        yield Table(table, marker)
    finally:
        for open_wire in wires:
            open_wire.close()
        for host in reversed(hosts):
            host.close()


def test_open_vswitch(theirs):
    """The same table, where it has the same modes; differences are known and few."""
    wrong = []
    for way_in in OVS_SETTINGS:
        cases = [row for row in rows() if row.way_in == way_in]
        got = theirs.pass_through(cases)
        wrong += ["%s -> %s, [%s]: [%s], not [%s]" % (
            way_in, mode, row.tags, got[mode].get(row.tags), row.out[mode])
            for mode in OVS_SETTINGS for row in cases
            if differs(row, mode) is None and got[mode].get(row.tags) != row.out[mode]]
    assert not wrong, "\n".join(wrong)
