# SPDX-License-Identifier: BSD-3-Clause
"""LACP: with Open vSwitch as the partner, with another vswitchd, and with one made by hand."""

import signal
import time

import pytest

from harness import lacp, ovs
from harness.daemon import VsctlError
from harness.netns import cable
from harness.thread_stop import stopped
from harness.wait import wait_until
from harness.wire import BROADCAST, frame, mac_bytes, mac_of

from test_stats import wait_balance

STATE_READY = "active short aggregation sync collecting distributing"
PATIENCE = 2  # s that a partner at fast rate waits at least: 3, of which one may have passed already


class Bond:
    """bond0 of p1, p2, ... in mode lacp, and how it is shown."""

    def __init__(self, bed):
        self.bed = bed

    def add(self, *keys, n=2):
        """Make it, on br0."""
        names = ",".join("p%d" % number for number in range(1, n + 1))
        self.bed.daemon.vsctl("bond", "add", "bond0", "members", names, "bridge", "br0",
                              "mode", "lacp", *keys)
        return self

    def show(self):
        """bond show bond0"""
        return self.bed.daemon.vsctl("bond", "show", "bond0")[0]

    def set(self, *words):
        """bond set bond0"""
        self.bed.daemon.vsctl("bond", "set", "bond0", *words)

    def member(self, name):
        """The LACP part of a member's row."""
        return next(row["lacp"] for row in self.show()["members"] if row["port"] == name)

    def links(self):
        """How many links are in use."""
        return self.show()["lacp"]["links"]

    def wait_links(self, n):
        """Until so many are; a partner that knows of nobody may say something every 30 s only."""
        wait_until(lambda: self.links() == n, 90, self.show)


class OvsPartner:
    """A host with Open vSwitch: a bond of e1, e2, and a station behind it."""

    def __init__(self, bed, *settings):
        reason = ovs.lacking()
        if reason is not None:
            pytest.skip(reason)
        self.host = bed.host("ovs")
        for number in (1, 2):
            cable(bed.sw, "p%d" % number, self.host, "e%d" % number)
        self.ovs = ovs.Ovs(self.host, bed.daemon.folder / "ovs").start()
        self.ovs.add_bridge("ob")
        self.ovs.vsctl("add-bond", "ob", "obond", "e1", "e2", "bond_mode=balance-tcp", *settings)
        self.station = bed.host("oh")
        cable(self.host, "q1", self.station)
        self.station.offloads("eth0", "off")
        self.ovs.add_port("ob", "q1")

    def stats(self):
        """Numbers of lacp/show-stats by member."""
        rows, member = {}, None
        for line in self.ovs.appctl("lacp/show-stats", "obond").splitlines():
            words = line.strip().rstrip(":").split(": ")
            if words[0].startswith(("member ", "slave ")):
                member = rows.setdefault(words[0].split()[1], {})
            elif len(words) == 2 and member is not None:
                member[words[0].strip()] = int(words[1])
        return rows

    def ready(self):
        """Does it use both links?"""
        text = self.ovs.appctl("bond/show", "obond")
        return text.count(": enabled") == 2 and "lacp_status: negotiated" in text

    def wait_ready(self):
        """Until it does."""
        wait_until(self.ready, what=lambda: self.ovs.appctl("bond/show", "obond") +
                   self.ovs.appctl("lacp/show", "obond"))


def speak(bed, station):
    """Let the hosts on both sides of the bond ping each other."""
    near = bed.speak(bed.station(9), 1)
    station.sysctl("ipv6/conf/eth0/disable_ipv6", 0)
    station.ip("addr", "add", "10.0.0.2/24", "dev", "eth0")
    near.host.run("ping", "-c", "3", "-i", "0.1", "-W", "5", "10.0.0.2")
    return near


@pytest.mark.parametrize("ours, theirs", [("active", "active"), ("active", "passive"),
                                          ("passive", "active")])
def test_ovs(bed, ours, theirs):
    """Both agree whoever speaks first, and traffic passes; what is shown is what the other says."""
    partner = OvsPartner(bed, "lacp=" + theirs, "other_config:lacp-time=fast",
                         "other_config:lacp-system-priority=4660")
    bond = Bond(bed).add("lacp", ours, "lacp-rate", "fast", "system-priority", "77")
    bond.wait_links(2)
    partner.wait_ready()
    speak(bed, partner.station)
    # it says so after it does so
    wait_until(lambda: bond.member("p1")["partner"]["state"] ==
               STATE_READY.replace("active", theirs), what=bond.show)
    row = bond.member("p1")
    assert row["partner"]["system_priority"] == 4660
    assert row["actor"]["state"] == STATE_READY.replace("active", ours)
    assert (row["mux"], row["receive"]) == ("distributing", "current")
    shown = partner.ovs.appctl("lacp/show", "obond")
    assert "partner sys_priority: 77" in shown and bond.show()["mac"] in shown
    # carrier lost and back
    partner.host.ip("link", "set", "e1", "down")
    bond.wait_links(1)
    assert bond.member("p1")["reason"] == "no link"
    partner.host.ip("link", "set", "e1", "up")
    bond.wait_links(2)
    partner.wait_ready()
    wait_balance(bed)


def test_ovs_min_links(bed):
    """With too few links no side sends."""
    partner = OvsPartner(bed, "lacp=active", "other_config:lacp-time=fast")
    bond = Bond(bed).add("lacp-rate", "fast", "min-links", "2")
    bond.wait_links(2)
    partner.wait_ready()
    partner.host.ip("link", "set", "e2", "down")
    bond.wait_links(0)
    assert bond.member("p1")["reason"] == "fewer links than min-links"
    assert bed.daemon.wait_link("bond0", "down")["reason"] != ""
    wait_until(lambda: "lacp_status: negotiated" not in partner.ovs.appctl("bond/show", "obond") or
               ": enabled" not in partner.ovs.appctl("bond/show", "obond"),
               what=lambda: partner.ovs.appctl("lacp/show", "obond"))
    bond.set("min-links", "1")
    bond.wait_links(1)
    bed.daemon.wait_link("bond0")


CONFIG = ("[bridge br0]\n[bond bond0]\nmode = lacp\nmembers = p1,p2\nbridge = br0\n"
          "lacp-rate = fast\nmin-links = 2\n")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_ovs_restart(idle_bed, how):
    """A restart that is shorter than the partner's patience: the partner sees none of it."""
    bed = idle_bed
    partner = OvsPartner(bed, "lacp=active", "other_config:lacp-time=fast")
    bed.start(CONFIG)
    bond = Bond(bed)
    bond.wait_links(2)
    partner.wait_ready()
    before = partner.stats()
    numbers = {row["port"]: row["lacp"]["actor"]["port"] for row in bond.show()["members"]}
    for _ in range(2):
        began = time.monotonic()
        bed.daemon.stop(how)
        bed.daemon.start()
        gap = time.monotonic() - began
        print("restart by %s: %.1f s" % (how.name, gap))
        assert {row["port"]: row["lacp"]["actor"]["port"]
                for row in bond.show()["members"]} == numbers
        if gap > PATIENCE:
            pytest.skip("a restart takes %.1f s here: too long for a partner at fast rate" % gap)
        assert bond.links() == 2, bond.show()
        assert partner.ready(), partner.ovs.appctl("lacp/show", "obond")
    # the partner has heard us since, and has missed nothing
    wait_until(lambda: all(partner.stats()[name]["RX PDUs"] > before[name]["RX PDUs"] + 2
                           for name in before), what=partner.stats)
    after = partner.stats()
    for name in before:
        for number in ("Link Expired", "Link Defaulted", "Carrier Status Changed"):
            assert after[name][number] == before[name][number], (name, number, after)
    assert partner.ready()


def test_control_thread_busy(bed):
    """A control thread that is away for longer than the partner waits: the partner is told that
    we live, and is not given up for our own absence."""
    partner = OvsPartner(bed, "lacp=active", "other_config:lacp-time=fast")
    bond = Bond(bed).add("lacp-rate", "fast")
    bond.wait_links(2)
    partner.wait_ready()
    near = speak(bed, partner.station)
    before = partner.stats()
    with stopped(bed.daemon.pid):
        near.host.run("ping", "-c", "60", "-i", "0.1", "-W", "1", "10.0.0.2")
    bed.daemon.vsctl("bond", "show")
    after = partner.stats()
    for name in before:
        assert after[name]["Link Expired"] == before[name]["Link Expired"], after
    for name in ("p1", "p2"):
        row = bond.member(name)
        assert row["counters"]["tx_repeats"] > 0 and row["counters"]["expiries"] == 0, row
    assert bond.show()["lacp"]["timer_late_max_ms"] > 3000


@pytest.fixture(name="by_hand")
def by_hand_fixture(bed):
    """A function that makes n partners by hand, one for each of p1, p2, ..."""
    partners = []

    def make(n=2, **kwargs):
        for number in range(1, n + 1):
            partners.append(lacp.Partner(bed.cable(number), number, **kwargs))
        return partners
    yield make
    for partner in partners:
        partner.close()


def test_loss(bed, by_hand):
    """A partner that falls silent at fast rate: within 3.5 s nothing is sent to it any more.

    3.5 s of the switch's: not counted is how long it did not get to hear, and its timer was late.
    """
    partners = by_hand()
    bond = Bond(bed).add("lacp-rate", "fast", "hash", "l2")
    bond.wait_links(2)
    host = bed.station(9)
    # each wire carries some of the flows
    flows = [frame(mac_of(1000 + flow), mac_of(flow), 80) for flow in range(1, 33)]
    host.wire.send(*flows)
    def seen(partner, since=0):
        return {data for when, data in partner.others if when >= since} & set(flows)
    wait_until(lambda: len(seen(partners[0]) | seen(partners[1])) == len(flows), what="all flows")
    assert seen(partners[0]) and seen(partners[1])
    partners[0].fall_silent()
    # the last one can be told from the others, and means the same
    last = partners[0].info._replace(state=lacp.READY | lacp.DEFAULTED)
    partners[0].wire.send(lacp.lacpdu(partners[0].mac, last, partners[0].heard[0]))
    wait_until(lambda: "defaulted" in bond.member("p1")["partner"]["state"], what=bond.show)
    heard = used = time.monotonic()
    while used - heard < 20:
        begin = time.monotonic()
        host.wire.send(*flows)
        wait_until(lambda: len(seen(partners[0], begin) | seen(partners[1], begin)) == len(flows),
                   what="all flows")
        if not seen(partners[0], begin):
            break
        used = begin
        time.sleep(0.02)
    late = bond.show()["lacp"]["timer_late_max_ms"] / 1000
    print("a silent partner is sent to for %.2f s; a timer was late by %.2f s" % (
        used - heard, late))
    assert used - heard <= 3.5 + late
    row = bond.member("p1")
    assert row["reason"] == "no LACPDU from the partner" and row["counters"]["expiries"] == 1
    assert bond.show()["last_reason"] == "p1: no LACPDU from the partner"
    wait_until(lambda: any(state & lacp.EXPIRED for state in partners[0].states), what="it is told")
    partners[0].silent = False
    bond.wait_links(2)


def test_admission(bed, by_hand):
    """What a link brings that is not agreed on is refused; what is, enters."""
    partners = by_hand()
    partners[0].set(state=lacp.READY & ~(lacp.SYNC | lacp.COLLECTING | lacp.DISTRIBUTING))
    bond = Bond(bed).add("lacp-rate", "fast")
    host = bed.station(9)
    host.wire.drain()
    wait_until(lambda: partners[0].state & lacp.SYNC, what=bond.show)
    bond.wait_links(1)
    assert bond.member("p1")["reason"] == "the partner has not agreed yet"
    partners[0].wire.send(frame(BROADCAST, mac_of(1), 80))
    wait_until(lambda: bed.daemon.drops("p1", "bond_inactive") == 1, what="refused")
    # independent control: collecting comes first
    partners[0].set(state=lacp.READY & ~(lacp.COLLECTING | lacp.DISTRIBUTING))
    wait_until(lambda: bond.member("p1")["mux"] == "collecting", what=bond.show)
    partners[0].wire.send(frame(BROADCAST, mac_of(1), 81))
    host.wire.until(frame(BROADCAST, mac_of(1), 81))
    assert bond.links() == 1
    partners[0].set(state=lacp.READY)
    bond.wait_links(2)
    # LACPDUs themselves go nowhere
    assert not [got for got in host.wire.drain() if got.data[12:14] == b"\x88\x09"]
    wait_balance(bed)


def test_marker(bed, by_hand):
    partners = by_hand(1)
    bond = Bond(bed).add(n=1)
    bond.wait_links(1)
    asked = lacp.marker(partners[0].mac, 0x12345678)
    partners[0].wire.send(asked)
    own = mac_bytes(bed.daemon.port("p1")["mac"])
    answer = bytearray(asked)
    answer[6:12] = own
    answer[16] = 2
    wait_until(lambda: any(data == bytes(answer) for _, data in partners[0].others),
               what=lambda: partners[0].others)
    assert bond.member("p1")["counters"]["tx_marker_answers"] == 1
    # damaged ones are counted
    partners[0].wire.send(asked[:40].ljust(60, b"\0"))
    wait_until(lambda: bond.member("p1")["counters"]["rx_bad"] == 1, what=bond.show)


def test_fallback(bed, by_hand):
    """No partner: one link is used; a partner speaks up: all are."""
    partners = by_hand()
    for partner in partners:
        partner.fall_silent()
    bond = Bond(bed).add("lacp-rate", "fast", "fallback", "yes")
    wait_until(lambda: bond.show()["lacp"]["fallback_active"], what=bond.show)
    bed.daemon.wait_link("bond0")
    assert bond.show()["active"] == "p1"
    host = bed.station(9)
    data = frame(BROADCAST, mac_of(5), 90)
    host.wire.send(data)
    wait_until(lambda: data in [got for _, got in partners[0].others], what="by p1")
    assert data not in [got for _, got in partners[1].others]
    for partner in partners:
        partner.silent = False
    bond.wait_links(2)
    assert not bond.show()["lacp"]["fallback_active"]
    # without it the bond is down
    for partner in partners:
        partner.fall_silent()
    wait_until(lambda: bond.show()["lacp"]["fallback_active"], what=bond.show)
    bond.set("fallback", "no")
    bed.daemon.wait_link("bond0", "down")


def test_changes(bed, by_hand):
    """Members and modes change while it runs; a partner is told when a link leaves."""
    partners = by_hand()
    bond = Bond(bed).add("lacp-rate", "fast")
    bond.wait_links(2)
    bond.set("members", "p1")
    wait_until(lambda: not partners[1].state & lacp.SYNC, what="p2 has left")
    assert bond.links() == 1
    bond.set("members", "p1,p2", "lacp-rate", "slow", "lacp", "passive")
    bond.wait_links(2)
    wait_until(lambda: not partners[0].state & (lacp.SHORT | lacp.ACTIVITY), what="told")
    assert bond.member("p1")["counters"]["expiries"] == 0
    assert bond.member("p2")["actor"]["port_priority"] == 32769
    bond.set("mode", "active-backup")
    wait_until(lambda: not partners[0].state & lacp.SYNC, what="left")
    assert bond.show()["lacp"] is None
    bond.set("mode", "lacp")
    bond.wait_links(2)
    bed.daemon.vsctl("bond", "del", "bond0")
    wait_until(lambda: not any(partner.state & lacp.SYNC for partner in partners), what="left")


@pytest.mark.parametrize("words, fault", [
    ("min-links 9", "min-links"), ("min-links 0", "min-links"), ("lacp-rate medium", "lacp-rate"),
    ("lacp on", "'?lacp"), ("system-priority 65536", "system-priority"),
    ("port-priority x", "port-priority"), ("fallback maybe", "fallback"),
])
def test_refused(bed, words, fault):
    """The key is named, and nothing has changed."""
    bed.cable(1)
    bond = Bond(bed).add(n=1)

    def settings():
        return {key: value for key, value in bond.show()["lacp"].items()
                if key != "timer_late_max_ms"}
    before = settings()
    with pytest.raises(VsctlError, match=fault):
        bond.set(*words.split())
    assert settings() == before


def test_table(bed, by_hand):
    """What an operator reads."""
    by_hand(1)
    bond = Bond(bed).add("lacp-rate", "fast", n=1)
    bond.wait_links(1)
    text = bed.daemon.vsctl_raw("bond", "show", "bond0").stdout
    assert "lacp active   rate fast   system %s,32768" % bond.show()["mac"] in text
    assert "partner 02:00:00:00:99:99,32768   key 9" in text
    assert STATE_READY in text, text
