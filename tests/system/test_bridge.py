# SPDX-License-Identifier: BSD-3-Clause
"""Flooding, learning, ageing, moves, static entries and limits."""

import pytest

from harness.daemon import VsctlError
from harness.wait import wait_until
from harness.wire import BROADCAST, frame, mac_of

A, B, C, NOBODY = (mac_of(number) for number in (1, 2, 3, 99))


@pytest.fixture
def wires(bed):
    """Three stations' wires."""
    return [bed.station(number).wire for number in (1, 2, 3)]


def learn(bed, wires, speaker, *macs, bridge="br0"):
    """Let stations behind a wire speak, until they are known and the other wires have heard it."""
    def known():
        unknown = set(macs) - {mac for mac, _ in bed.daemon.fdb(bridge)}
        # who was not taken up is only reported again after a second: speak until it is
        wires[speaker].send(*(frame(BROADCAST, mac) for mac in sorted(unknown)))
        return not unknown
    wait_until(known, what=lambda: "%s learnt: %s" % (macs, bed.daemon.fdb(bridge)))
    end = frame(BROADCAST, macs[-1], 100)
    wires[speaker].send(end)
    for number, wire in enumerate(wires):
        if number != speaker:
            wire.until(end)


@pytest.mark.parametrize("dst", [BROADCAST, "01:00:5e:00:00:01", "33:33:00:00:00:01", NOBODY])
def test_flooding(bed, wires, dst):
    """To every port but the one it came in by."""
    data, marker = frame(dst, A), frame(BROADCAST, B)
    wires[0].send(data)
    wires[1].expect(data)
    wires[2].expect(data)
    wires[1].send(marker)
    wires[0].nothing_but(marker)
    wires[2].nothing_but(marker)


def test_bridges_are_apart(bed, wires):
    bed.daemon.vsctl("bridge", "add", "br1", "loop-detect", "no")
    other = [bed.station(number, bridge="br1").wire for number in (4, 5)]
    data, marker = frame(BROADCAST, A), frame(BROADCAST, C)
    wires[0].send(data)
    wires[1].expect(data)
    other[0].send(marker)
    other[1].nothing_but(marker)
    assert (A, 0) not in bed.daemon.fdb("br1")


def test_learning(bed, wires):
    """A known address is sent to its port alone."""
    learn(bed, wires, 1, B)
    data, marker = frame(B, A), frame(BROADCAST, A)
    wires[0].send(data, marker)
    wires[1].expect(data, marker)
    wires[2].nothing_but(marker)
    assert bed.daemon.fdb("br0") == {(A, 0): "p1", (B, 0): "p2"}
    rows = bed.daemon.vsctl("fdb", "show", "br0", "mac", B)
    assert [(row["bridge"], row["port"], row["static"]) for row in rows] == [("br0", "p2", False)]


def test_own_port(bed, wires):
    """A frame between two stations behind one port does not come back."""
    learn(bed, wires, 0, A, B)
    marker = frame(BROADCAST, A)
    wires[0].send(frame(B, A), marker)
    wires[1].nothing_but(marker)
    wires[2].nothing_but(marker)
    assert not wires[0].drain()
    assert bed.daemon.drops("p1", "same_port") == 1


def test_alone(bed):
    """A flooded frame that no port wants is counted."""
    left = bed.station(1).wire
    left.send(frame(BROADCAST, A))
    wait_until(lambda: bed.daemon.drops("p1", "no_destination") == 1, what="no_destination")


def test_move(bed, wires):
    """A station that speaks behind another port has moved."""
    learn(bed, wires, 0, A)
    wires[2].send(frame(BROADCAST, A))
    wait_until(lambda: bed.daemon.fdb("br0")[A, 0] == "p3", what="A has moved to p3")
    wires[0].until(frame(BROADCAST, A))
    wires[1].until(frame(BROADCAST, A))
    data, marker = frame(A, B), frame(BROADCAST, B)
    wires[1].send(data, marker)
    wires[2].expect(data, marker)
    wires[0].nothing_but(marker)


def test_ageing(bed, wires):
    """Who is silent is forgotten, who speaks is not."""
    bed.daemon.vsctl("bridge", "set", "br0", "ageing", 2)
    learn(bed, wires, 0, A)
    learn(bed, wires, 1, B)

    def only_b():
        wires[1].send(frame(NOBODY, B))
        return set(bed.daemon.fdb("br0")) == {(B, 0)}
    wait_until(only_b, what=lambda: "A is forgotten, B is not: %s" % bed.daemon.fdb("br0"))
    wait_until(lambda: not bed.daemon.fdb("br0"), what="B is forgotten")


def test_ageing_off(bed, wires):
    """ageing 0: only flushing makes it forget."""
    bed.daemon.vsctl("bridge", "set", "br0", "ageing", 0)
    learn(bed, wires, 0, A)
    wait_until(lambda: bed.daemon.vsctl("fdb", "show", "br0")[0]["age"] >= 2,
               what="an age of 2 seconds")
    assert bed.daemon.vsctl("bridge", "show", "br0")[0]["ageing"] == 0


def test_static(bed, wires):
    """Static entries neither age nor move, and go with fdb del alone."""
    bed.daemon.vsctl("bridge", "set", "br0", "ageing", 1)
    bed.daemon.vsctl("fdb", "add", "br0", "mac", A, "port", "p1")
    learn(bed, wires, 1, B)
    wires[2].send(frame(BROADCAST, A))  # claims to be A
    wires[0].until(frame(BROADCAST, A))
    wires[1].until(frame(BROADCAST, A))
    wait_until(lambda: set(bed.daemon.fdb("br0")) == {(A, 0)}, what="B has aged")
    bed.daemon.vsctl("fdb", "flush", "br0")
    rows = bed.daemon.vsctl("fdb", "show", "br0")
    assert [(row["mac"], row["port"], row["static"], row["age"]) for row in rows] == \
        [(A, "p1", True, 0)]
    data, marker = frame(A, B), frame(BROADCAST, B)
    wires[1].send(data, marker)
    wires[0].expect(data, marker)
    wires[2].nothing_but(marker)
    bed.daemon.vsctl("fdb", "del", "br0", "mac", A)
    assert (A, 0) not in bed.daemon.fdb("br0")
    with pytest.raises(VsctlError, match=A):
        bed.daemon.vsctl("fdb", "del", "br0", "mac", A)


def test_static_replaces_learnt(bed, wires):
    learn(bed, wires, 0, A)
    bed.daemon.vsctl("fdb", "add", "br0", "mac", A, "port", "p2")
    assert bed.daemon.fdb("br0") == {(A, 0): "p2"}
    bed.daemon.vsctl("fdb", "add", "br0", "mac", A, "port", "p2")
    with pytest.raises(VsctlError, match="static behind port p2"):
        bed.daemon.vsctl("fdb", "add", "br0", "mac", A, "port", "p3")
    assert bed.daemon.fdb("br0") == {(A, 0): "p2"}
    bed.daemon.vsctl("fdb", "del", "br0", "mac", A)
    bed.daemon.vsctl("fdb", "add", "br0", "mac", A, "port", "p3")
    assert bed.daemon.fdb("br0") == {(A, 0): "p3"}


def test_flush(bed, wires):
    learn(bed, wires, 0, A)
    learn(bed, wires, 1, B)
    assert bed.daemon.fdb("br0", port="p2") == {(B, 0): "p2"}
    bed.daemon.vsctl("fdb", "flush", "br0", "port", "p1")
    assert bed.daemon.fdb("br0") == {(B, 0): "p2"}
    learn(bed, wires, 0, A)
    bed.daemon.vsctl("fdb", "flush", "br0")
    assert bed.daemon.fdb("br0") == {}
    assert bed.daemon.vsctl("bridge", "show", "br0")[0]["fdb_entries"] == 0


def test_learnt_again_after_flush(bed, wires):
    """The same source, at once: what a worker remembers of it must not keep it unknown."""
    learn(bed, wires, 0, A)
    bed.daemon.vsctl("fdb", "flush", "br0")

    def again():
        wires[0].send(frame(BROADCAST, A))
        return (A, 0) in bed.daemon.fdb("br0")
    wait_until(again, what="A is learnt again")


def test_fdb_limit_of_bridge(bed, wires):
    """Who does not fit is flooded to, and gets in when there is room."""
    bed.daemon.vsctl("bridge", "set", "br0", "fdb-limit", 4)
    known = [mac_of(number) for number in range(1, 5)]
    learn(bed, wires, 0, *known)
    wires[1].send(*(frame(BROADCAST, mac_of(number)) for number in range(5, 50)))
    wires[0].until(frame(BROADCAST, mac_of(49)))
    wires[2].until(frame(BROADCAST, mac_of(49)))
    assert {mac for mac, _ in bed.daemon.fdb("br0")} == set(known)
    data = frame(mac_of(30), A)
    wires[0].send(data)
    wires[1].expect(data)
    wires[2].expect(data)
    with pytest.raises(VsctlError, match="fdb-limit"):
        bed.daemon.vsctl("fdb", "add", "br0", "mac", NOBODY, "port", "p3")
    bed.daemon.vsctl("fdb", "flush", "br0", "port", "p1")
    learn(bed, wires, 1, mac_of(30))


def test_fdb_limit_of_port(bed, wires):
    """One port's crowd does not take the others' room."""
    bed.daemon.vsctl("port", "set", "p1", "fdb-limit", 3)
    wires[0].send(*(frame(BROADCAST, mac_of(number)) for number in range(1, 50)))
    wires[1].until(frame(BROADCAST, mac_of(49)))
    learn(bed, wires, 1, *(mac_of(number) for number in range(100, 110)))
    fdb = bed.daemon.fdb("br0")
    assert bed.daemon.stats("p1")["unlearnt"] >= 46
    assert bed.daemon.stats("p2")["unlearnt"] == 0
    assert list(fdb.values()).count("p1") == 3
    assert list(fdb.values()).count("p2") == 10
    bed.daemon.vsctl("port", "set", "p1", "fdb-limit", "bridge")
    learn(bed, wires, 0, *(mac_of(number) for number in range(1, 50)))


def test_port_that_goes_is_forgotten(bed, wires):
    learn(bed, wires, 0, A)
    learn(bed, wires, 1, B)
    bed.daemon.vsctl("fdb", "add", "br0", "mac", C, "port", "p1")
    bed.daemon.vsctl("port", "del", "p1")
    assert bed.daemon.fdb("br0") == {(B, 0): "p2"}
    data = frame(A, B)
    wires[1].send(data)
    wires[2].expect(data)


def test_port_changes_bridge(bed, wires):
    bed.daemon.vsctl("bridge", "add", "br1", "loop-detect", "no")
    learn(bed, wires, 0, A)
    bed.daemon.vsctl("port", "set", "p1", "bridge", "br1")
    assert bed.daemon.port("p1")["bridge"] == "br1"
    assert bed.daemon.fdb("br0") == {}
    marker = frame(BROADCAST, B)
    wires[1].send(marker)
    wires[2].nothing_but(marker)
    learn(bed, wires[:1], 0, A, bridge="br1")
    wires[1].send(marker)
    wires[2].expect(marker)
    assert not wires[0].drain()
    with pytest.raises(VsctlError, match="br1"):
        bed.daemon.vsctl("bridge", "del", "br1")
    bed.daemon.vsctl("port", "set", "p1", "bridge", "br0")
    bed.daemon.vsctl("bridge", "del", "br1")
    wires[1].send(marker)
    wires[0].expect(marker)


def test_many_addresses(bed, wires):
    """fdb show goes page by page; so large a table hurts neither the daemon nor vsctl."""
    n = 20000
    bed.daemon.vsctl("bridge", "set", "br0", "ageing", 0)
    macs = [mac_of(number) for number in range(1, n + 1)]

    def all_known():
        known = {mac for mac, _ in bed.daemon.fdb("br0")}
        missing = [mac for mac in macs if mac not in known][:2000]
        for mac in missing:
            wires[0].send(frame(NOBODY, mac))
        return not missing
    wait_until(all_known, timeout=300, what=lambda: "%d addresses: %s" % (
        n, bed.daemon.vsctl("bridge", "show", "br0")))
    rows = bed.daemon.vsctl("fdb", "show", "br0")
    assert sorted(row["mac"] for row in rows) == macs
    assert bed.daemon.vsctl("bridge", "show", "br0")[0]["fdb_entries"] == n
    text = bed.daemon.vsctl_raw("fdb", "show", "br0").stdout.splitlines()
    assert len(text) == n + 1
