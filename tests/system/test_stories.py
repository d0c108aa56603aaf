# SPDX-License-Identifier: BSD-3-Clause
"""Troubles as a user has them: traffic fails; drops, explain and health each name the cause, as text
and for programs; what they say to do is done to the letter; and it is over."""

import json
import re
import shlex
import socket
import time

import pytest

from harness.nat_lab import INET, INET_GATEWAY, NatLab
from harness.vhost_guest import SLOTS, VhostGuest
from harness.wait import wait_until
from harness.wire import BROADCAST, frame, mac_of, tagged

from test_loop import blocked, bridged
from test_stats import wait_balance

scapy = pytest.importorskip("scapy.all")

A, B, C = (mac_of(number) for number in (1, 2, 3))
LONG = 80  # s; health looks at the moves of the last minute


class Operator:
    """Who has nothing but vsctl."""

    def __init__(self, bed):
        self.daemon = bed.daemon

    def _ask(self, *words, statuses=(0,)):
        """What a command says: in words, on one line, and to a program."""
        text = self.daemon.vsctl_raw(*words)
        program = self.daemon.vsctl_raw("-j", *words)
        assert text.returncode in statuses and program.returncode in statuses, text.stderr
        if words[0] != "explain":  # which is wrapped on terminals alone
            assert max(map(len, text.stdout.splitlines())) <= 80, text.stdout
        return re.sub(r"\s+", " ", text.stdout), json.loads(program.stdout)

    def drops(self, *words):
        """(text, rows)"""
        return self._ask("drops", *words)

    def explain(self, port, *words):
        """(text, packet)"""
        return self._ask("explain", port, *words)

    def health(self):
        """(text, findings)"""
        text, reply = self._ask("health", statuses=(0, 3, 4))
        return text, reply["findings"]

    def finding(self, check, name, severity):
        """What a check says of an object, in words as well; or None."""
        text, findings = self.health()
        for row in findings:
            if (row["check"], row["object"], row["severity"]) == (check, name, severity):
                assert "%s: %s (%s) " % (severity, name, check) in text
                return row
        return None

    def wait_well(self, *checks, port=None):
        """Nothing is told of any more but what was: checks find no fault, nothing is dropped."""
        def is_well():
            faults = [row for row in self.health()[1]
                      if row["check"] in checks and row["severity"] != "note"]
            return not faults and not self.drops_now(*([port] if port else []))
        wait_until(is_well, LONG, lambda: "all is well: %s %s" % (self.health(), self.drops()))

    def drops_now(self, *words):
        """Rows of what is being dropped."""
        return [row for row in self.drops(*words)[1] if row["reason"] is None or row["per_second"]]

    def do(self, remedy, number=0, **names):
        """Type the number-th command of a remedy, with the names filled in."""
        command = re.findall(r"""["'](vsctl [^"']*)["']""", remedy)[number]
        words = [str(names.get(word, word)) for word in shlex.split(command)[1:]]
        result = self.daemon.vsctl_raw(*words)
        assert result.returncode == 0, (words, result.stderr)


def row_of(rows, port, reason, vlan=None):
    """The row of a port and reason (and VLAN)."""
    row, = [row for row in rows if (row["port"], row["reason"]) == (port, reason) and
            vlan in (None, row["vlan"])]
    return row


def texts(packet, step):
    """What explain says of the steps of a kind."""
    return [row["text"] for row in packet["steps"] if row["step"] == step]


def pings(host, address, size=56):
    """Is there an answer? Don't fragment."""
    return host.run("ping", "-n", "-c", 1, "-W", 1, "-M", "do", "-s", size, address,
                    check=False).returncode == 0


def test_wrong_vlan(bed):
    """A guest's port is set to VLAN 11, where it is to be in 10."""
    say = Operator(bed)
    server = bed.speak(bed.station(1, "vid", 10), 1)
    bed.station(2, "trunk", "10,20")
    guest = bed.speak(bed.station(3, "vid", 11), 3)
    assert not pings(guest.host, server.address)

    text, rows = say.drops("p3")
    row = row_of(rows, "p3", "no_destination", 11)
    assert row["packets"] >= 1
    assert row["detail"] == "no port of bridge br0 but p3 is up in VLAN 11" and row["detail"] in text
    assert "'vsctl port set p3 vid 10'" in text and "set to a wrong one" in row["cause"]

    text, packet = say.explain("p3", "arp", guest.address, "to", server.address, "from", guest.mac)
    assert set(texts(packet, "skip")) == {"not p%d: it is not in this VLAN" % n for n in (1, 2)}
    assert "untagged: VLAN 11, the port's own" in text and row["detail"] in text
    assert packet["dropped"][0]["reason"] == "no_destination"
    assert packet["dropped"][0]["detail"] == row["detail"]

    fault = say.finding("vlan", "p3", "warning")
    assert "is the only port in VLAN 11 of bridge br0" in fault["text"]

    say.do(fault["remedy"], N=10)
    wait_until(lambda: pings(guest.host, server.address), what="they talk")
    say.wait_well("vlan", port="p3")
    _, packet = say.explain("p3", "icmp", guest.address, "to", server.address, "from", guest.mac,
                            "to", server.mac)
    assert packet["verdict"] == "sent by p1"


def test_wrong_tag(bed):
    """A guest tags with a VLAN that its port is not in."""
    say = Operator(bed)
    guest, server = bed.station(1, "trunk", "10,20").wire, bed.station(2, "vid", 30).wire
    data = frame(BROADCAST, A)
    guest.send(tagged(data, 30))

    def dropped():
        return [row for row in say.drops("p1")[1] if row["reason"] == "vlan_mismatch"]
    row, = wait_until(dropped, what="it is counted")
    detail = "port p1 is set to VLAN trunk 10,20"
    assert row["vlan"] == 30 and row["detail"] == "it is of VLAN 30, but " + detail
    assert row["detail"] in say.drops("p1")[0]

    text, packet = say.explain("p1", tagged(data, 30).hex(":"))
    assert packet["dropped"][0]["reason"] == "vlan_mismatch"
    assert packet["dropped"][0]["detail"] == detail and detail in text and "tag 30" in text

    def found():
        guest.send(tagged(data, 30))
        return say.finding("vlan", "p1", "warning")
    fault = wait_until(found, what="health tells of it")
    assert "their VLAN is none of the port's; " + detail in fault["text"]

    say.do(fault["remedy"], number=1, LIST="10,20,30")
    server.drain()
    guest.send(tagged(data, 30))
    server.expect(data)
    say.wait_well("vlan", port="p1")
    assert say.explain("p1", tagged(data, 30).hex(":"))[1]["verdict"] == "sent by p2"


def test_silent_gateway(bed):
    """The router's next router is down: what is for it waits, and then is lost."""
    say = Operator(bed)
    guest = bed.speak(bed.station(1, plain=False), 1)
    uplink = bed.station(2, bridge="none", plain=False)
    bed.daemon.vsctl("addr", "add", "10.0.0.254/24", "bridge", "br0")
    bed.daemon.vsctl("addr", "add", "192.0.2.1/24", "port", "p2")
    bed.daemon.vsctl("route", "add", "default", "via", "192.0.2.254")
    guest.host.ip("route", "add", "default", "via", "10.0.0.254")
    assert not pings(guest.host, "198.51.100.9")
    row = wait_until(lambda: next((row for row in say.drops("gw0")[1]
                                   if row["reason"] == "neighbour_unresolved"), None))
    assert row["packets"] >= 1
    last = bed.daemon.vsctl("drops", "last", "neighbour_unresolved")
    assert any(row["port"] == "gw0" for row in last)
    wait_until(lambda: len(set(bed.daemon.balance())) == 1)

    text, packet = say.explain("p1", "icmp", guest.address, "to", "198.51.100.9")
    assert "192.0.2.254 by p2 has not answered" in text and "neighbour_unresolved" in text
    assert packet["verdict"] == "given to the control thread"
    fault = say.finding("route", "p2", "warning")
    assert "gateway 192.0.2.254 does not answer" in fault["text"]

    # it comes back
    uplink.host.ip("addr", "add", "192.0.2.254/24", "dev", "eth0")
    uplink.host.ip("addr", "add", "198.51.100.9/32", "dev", "lo")
    uplink.host.ip("route", "add", "default", "via", "192.0.2.1")
    wait_until(lambda: pings(guest.host, "198.51.100.9"), what="they talk")
    say.wait_well("route", port="gw0")
    _, packet = say.explain("p1", "icmp", guest.address, "to", "198.51.100.9")
    assert packet["verdict"] == "sent by p2"


def test_duplicate_address(bed):
    """A station has the router's address, too."""
    say = Operator(bed)
    station = bed.station(1)
    bed.daemon.vsctl("addr", "add", "10.0.0.254/24", "bridge", "br0")
    assert say.finding("duplicate-ip", "gw0", "error") is None
    claim = scapy.Ether(src=A, dst=BROADCAST) / scapy.ARP(
        op=1, hwsrc=A, psrc="10.0.0.254", pdst="10.0.0.254")
    station.wire.send(bytes(claim))
    fault = wait_until(lambda: say.finding("duplicate-ip", "gw0", "error"))
    assert "station %s has its address 10.0.0.254, too" % A in fault["text"]


def echo(guest, mac, address, peer):
    """A guest pings a station. Return: the frame."""
    return bytes(scapy.Ether(src=mac, dst=peer.mac) / scapy.IP(src=address, dst=peer.address) /
                 scapy.ICMP(type="echo-request", id=guest, seq=1) / bytes(32))


def is_answered(machine, number):
    """Has the guest of this number got an answer to its ping?"""
    for data, _ in machine.drain():
        packet = scapy.Ether(data)
        if scapy.ICMP in packet and packet[scapy.ICMP].type == 0 and packet[scapy.ICMP].id == number:
            return True
    return False


def test_two_guests_with_one_mac(bed):
    """A guest was cloned with its MAC: each misses packets, and none is dropped."""
    say = Operator(bed)
    peer = bed.speak(bed.station(3), 3)
    machines = {}
    try:
        for number in (1, 2):
            name = "vh%d" % number
            bed.daemon.vsctl("port", "add", name, "bridge", "br0", "type", "vhost")
            machines[number] = VhostGuest(bed.daemon.port(name)["path"])
            bed.daemon.wait_link(name)
            peer.host.ip("neigh", "add", "10.0.0.1%d" % number, "lladdr", A, "dev", "eth0")

        def ping_by(number, mac=A):
            machines[number].send(echo(number, mac, "10.0.0.1%d" % number, peer))
            wait_until(lambda: bed.daemon.fdb("br0").get((mac, 0)) == "vh%d" % number)

        # what is for the one gets the other: whoever spoke last
        for _ in range(4):
            ping_by(1)
            ping_by(2)
        for machine in machines.values():
            machine.drain()
        assert not pings(peer.host, "10.0.0.11")
        wait_until(lambda: any(scapy.IP in scapy.Ether(data) and
                               scapy.Ether(data)[scapy.IP].dst == "10.0.0.11"
                               for data, _ in machines[2].drain()), what="the wrong guest gets it")

        fault = say.finding("duplicate-mac", "vh2", "error") or say.finding(
            "duplicate-mac", "vh1", "error")
        assert re.match(r"sends from MAC %s, as vh[12] does: it has moved \d+ times" % A, fault["text"])
        assert "give each guest a MAC of its own" in fault["remedy"]

        text, rows = say.drops()
        assert "No port counts what is lost by these (vsctl health): vh" in text
        assert "vh%s (duplicate-mac): sends from MAC %s, as vh" % (fault["object"][2:], A) in text
        row, = [row for row in rows if row["reason"] is None]
        assert (row["port"], row["packets"]) == (fault["object"], 0)
        assert A in row["what"] and row["mend"] == fault["remedy"] and row["look"] == "vsctl health"
        for port in ("vh1", "vh2"):
            assert [row["port"] for row in say.drops(port)[1]] == [fault["object"]]
        assert all(row["reason"] for row in say.drops("p3")[1])

        text, packet = say.explain("p3", "icmp", peer.address, "to", "10.0.0.11", "from", peer.mac,
                                   "to", A)
        assert re.match(r"%s in no VLAN: vh[12], learnt, \d+ s ago; it has moved \d+ times in the last "
                        r"60 s, between vh[12] and vh[12]: two stations with one MAC" % A,
                        texts(packet, "fdb")[0])
        assert "two stations with one MAC" in text

        # the clone gets a MAC of its own
        peer.host.ip("neigh", "replace", "10.0.0.12", "lladdr", B, "dev", "eth0")
        for number, mac in ((2, B), (1, A), (2, B), (1, A)):
            ping_by(number, mac)  # the answer may still have gone where the other one was
            ping_by(number, mac)
            wait_until(lambda n=number: is_answered(machines[n], n), what="an answer")
        say.wait_well("duplicate-mac", "flapping")
        _, packet = say.explain("p3", "icmp", peer.address, "to", "10.0.0.11", "from", peer.mac,
                                "to", A)
        assert packet["verdict"] == "sent by vh1" and "moved" not in texts(packet, "fdb")[0]
    finally:
        for machine in machines.values():
            machine.close()


def test_mtu_black_hole(bed):
    """Both stations take 9000 bytes, and the port between them does not: small ones arrive."""
    say = Operator(bed)
    left, right = (bed.speak(bed.station(number, mtu=9000), number) for number in (1, 2))
    bed.daemon.vsctl("port", "set", "p2", "mtu", 1500)
    left.host.ping(right.address, count=1)
    assert not pings(left.host, right.address, 4000)

    detail = "larger than MTU 1500 of port p2; port p1 on bridge br0 has 9000"
    text, rows = say.drops("p2")
    row = row_of(rows, "p2", "mtu_exceeded")
    assert row["detail"] == detail and detail in text and row["packets"] >= 1
    assert row["mend"].startswith("Make both the same: 'vsctl port set p2 mtu 9000'")

    packet = scapy.Ether(src=left.mac, dst=right.mac) / scapy.IP(
        src=left.address, dst=right.address, flags="DF") / scapy.ICMP() / bytes(4000)
    text, packet = say.explain("p1", bytes(packet).hex())
    assert (packet["dropped"][0]["port"], packet["dropped"][0]["reason"]) == ("p2", "mtu_exceeded")
    assert packet["dropped"][0]["detail"] == detail and detail in text
    assert "'vsctl port set p2 mtu 9000'" in packet["dropped"][0]["remedy"]

    fault = say.finding("mtu", "br0", "warning")
    assert fault["text"].startswith("MTU 9000 at p1, but 1500 at p2: ")

    def found():
        assert not pings(left.host, right.address, 4000)
        return say.finding("mtu", "p2", "warning")
    assert "larger than the port's MTU of 1500" in wait_until(found)["text"]

    say.do(fault["remedy"], PORT="p2")
    wait_until(lambda: pings(left.host, right.address, 4000), what="large ones arrive")
    say.wait_well("mtu", port="p2")
    assert say.explain("p1", "icmp", left.address, "to", right.address, "from", left.mac, "to",
                       right.mac)[1]["verdict"] == "sent by p2"


def fill_sessions(host, n):
    """A guest scans: a session for each port."""
    with host.inside():
        out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with out:
        for port in range(1, n + 1):
            try:
                out.sendto(b"x", (INET_GATEWAY, port))
            except ConnectionRefusedError:
                pass
            time.sleep(0.0002)  # not faster than the machine


def nat_story(bed, keys, who, number):
    """g1 wants this many sessions, and then who gets none. keys: of p1."""
    say = Operator(bed)
    # as long as the story lasts, however slow the machine is
    bed.daemon.vsctl("nat-table", "set", "sessions-max", 1024, "udp-new", 600, "icmp", 600)
    lab = NatLab(bed).route(("out", "masquerade", "p3"))
    if keys:
        bed.daemon.vsctl("port", "set", "p1", *keys)
    guest = {"p1": lab.g1, "p2": lab.g2}[who]
    guest.ping(INET, count=1)
    fill_sessions(lab.g1, number)
    assert not pings(guest, INET)
    return say, lab, guest


def test_full_nat_table(bed):
    """One guest scans and has all of the table; it is another one that suffers."""
    say, lab, guest = nat_story(bed, (), "p2", 1200)
    wanted = re.compile(r"10\d\d of 1024 NAT sessions are in use, 1\d\d\d by port p1$")
    text, rows = say.drops("p2")
    row = row_of(rows, "p2", "nat_full")
    assert wanted.match(row["detail"]) and row["detail"] in text
    assert "'vsctl nat flush guest OTHER'" in row["mend"]

    text, packet = say.explain("p2", "udp 10.1.2.2:5 -> %s:53" % INET)
    assert (packet["dropped"][0]["port"], packet["dropped"][0]["reason"]) == ("p2", "nat_full")
    assert wanted.match(packet["dropped"][0]["detail"]) and "sessions are in use, 1" in text

    def found():
        assert not pings(guest, INET)
        return say.finding("nat", "p2", "error")
    fault = wait_until(found, what="health tells of it")
    assert "the table of NAT sessions is full; 10" in fault["text"] and "by port p1" in fault["text"]
    assert say.finding("table", "nat-table", "error")

    say.do(fault["remedy"], number=1, PORT="p1", N=100)
    say.do(fault["remedy"], PORT="p1")
    wait_until(lambda: pings(guest, INET), what="there is room")
    say.wait_well("nat", "table", port="p2")
    assert say.explain("p2", "udp 10.1.2.2:5 -> %s:53" % INET)[1]["verdict"] == "sent by p3"
    lab.g1.ping(INET)


def test_guest_without_nat_sessions(bed):
    """A guest has as many sessions as it may."""
    say, _, guest = nat_story(bed, ("nat-sessions", 50), "p1", 60)
    detail = "port p1 has 50 NAT sessions, and may have 50"
    text, rows = say.drops("p1")
    assert row_of(rows, "p1", "nat_sessions")["detail"] == detail and detail in text
    text, packet = say.explain("p1", "udp 10.1.1.2:5 -> %s:53" % INET)
    assert packet["dropped"][0]["reason"] == "nat_sessions" and detail in text

    def found():
        assert not pings(guest, INET)
        return say.finding("nat", "p1", "warning")
    fault = wait_until(found, what="health tells of it")
    assert "the guest has all NAT sessions that it may; " + detail in fault["text"]
    say.do(fault["remedy"], number=1, N=2000)
    wait_until(lambda: pings(guest, INET), what="there is room")
    say.wait_well("nat", "table", port="p1")
    assert say.explain("p1", "udp 10.1.1.2:5 -> %s:53" % INET)[1]["verdict"] == "sent by p3"


def test_loop(idle_bed):
    """A cable too many between two uplinks, without STP: one of them is blocked."""
    bed = idle_bed.start("[bridge br0]\n")
    say = Operator(bed)
    station = bed.station(3)
    host = bridged(bed, "loop", (1, 2))
    host.ip("link", "set", "k", "up")

    def is_blocked():
        station.wire.send(frame(BROADCAST, A))
        return blocked(bed) == {"p2"}
    wait_until(is_blocked, what="one is blocked")
    why = "blocked: a loop with port p1"

    def dropped():
        station.wire.send(frame(BROADCAST, A))
        return [row for row in say.drops("p2")[1] if row["reason"] == "blocked"]
    row, = wait_until(dropped, what="what comes by it is counted")
    assert row["detail"] == "port p2: " + why
    text, rows = say.drops()
    assert row["detail"] in text and "p2 (loop): is " + why in text
    assert [row["port"] for row in rows if row["reason"] is None] == ["p2"]

    text, packet = say.explain("p2", frame(BROADCAST, B).hex())
    assert packet["dropped"][0]["detail"] == "port p2: " + why and why in text
    text, packet = say.explain("p3", frame(BROADCAST, C).hex())
    assert texts(packet, "skip") == ["not p2: it is down, or does not forward (%s)" % why]
    assert why in text

    fault = say.finding("loop", "p2", "error")
    assert fault["text"] == "is " + why
    assert fault["remedy"].startswith("take the second way out: a cable")

    # the second way is a way to somebody else now
    host.ip("link", "set", "eth1", "nomaster")
    say.do(fault["remedy"])
    assert not blocked(bed)
    wait_until(lambda: bed.daemon.port("p2")["state"] == "forwarding")
    before = bed.daemon.stats("p2")["tx_packets"]
    station.wire.send(frame(BROADCAST, A))
    wait_until(lambda: bed.daemon.stats("p2")["tx_packets"] > before, what="it gets packets")
    say.wait_well("loop", "flapping")
    assert "p2" in say.explain("p3", frame(BROADCAST, C).hex())[1]["verdict"]


def test_stalled_guest(bed):
    """A guest hangs: it gives no buffers, and gets nothing."""
    say = Operator(bed)
    bed.daemon.vsctl("port", "add", "vh0", "type", "vhost", "bridge", "br0")
    station = bed.station(1)
    guest = VhostGuest(bed.daemon.port("vh0")["path"])
    data = frame(A, B, 80)
    try:
        bed.daemon.wait_link("vh0")
        guest.send(frame(BROADCAST, A))
        wait_until(lambda: bed.daemon.fdb("br0").get((A, 0)) == "vh0")
        for _ in range(2 * SLOTS):
            station.wire.send(data)
        wait_until(lambda: bed.daemon.drops("vh0", "tx_full") > 0, what="its ring is full")
        wait_until(lambda: bed.daemon.stats("p1")["rx_packets"] == 2 * SLOTS, what="all are in")
        wait_balance(bed)

        text, rows = say.drops("vh0")
        row = row_of(rows, "vh0", "tx_full")
        assert row["packets"] == bed.daemon.drops("vh0", "tx_full")
        assert "A guest that is stalled, paused or too slow" in text
        assert "Look at the guest: is it running" in row["mend"]

        station.wire.send(data)
        text, packet = say.explain("p1", data.hex())
        assert re.match(r"port vh0 had no room \d s ago \(tx_full\): what is behind it is stalled",
                        texts(packet, "room")[0])
        assert packet["verdict"] == "sent by vh0, if there is room" and "had no room" in text

        def found():
            for _ in range(20):
                station.wire.send(data)
            fault = say.finding("ring", "vh0", "error")
            return fault if fault and "has stalled: it took none of" in fault["text"] else None
        fault = wait_until(found, what=lambda: say.health()[0])
        assert "look at what is behind vh0: a guest that hangs" in fault["remedy"]

        # it goes on
        guest.drain()
        station.wire.send(data)
        wait_until(lambda: data in [got for got, _ in guest.drain()], what="it gets packets")
        say.wait_well("ring", port="vh0")
        wait_until(lambda: say.explain("p1", data.hex())[1]["verdict"] == "sent by vh0",
                   what="what was is forgotten")
    finally:
        guest.close()
