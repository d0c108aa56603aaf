# SPDX-License-Identifier: BSD-3-Clause
"""Whatever the configuration and the frame: what explain tells is what then happens to the frame,
bit by bit, and what is counted."""

import collections
import os
import random
import struct

import pytest

from harness.wait import wait_until
from harness.wire import BROADCAST, mac_bytes, mac_of, tagged

scapy = pytest.importorskip("scapy.all")

N_CABLES = 6
N_FRAMES = int(os.environ.get("VSWITCH_EXPLAIN_FRAMES", "40"))
SEEDS = range(*map(int, os.environ.get("VSWITCH_EXPLAIN_SEEDS", "0 6").split()))
STATIONS = [mac_of(number) for number in range(0x10, 0x18)]
VIDS = (1, 10, 20, 30)
KEPT = 128  # bytes of a frame that explain tells


def port_words(rng):
    """Keys of a port."""
    words = []
    for key, value, share in (("isolated", "yes", .25), ("hairpin", "yes", .15),
                              ("flood-unknown", "no", .1), ("flood-multicast", "no", .1),
                              ("flood-broadcast", "no", .1), ("mtu", rng.choice((600, 1400)), .15),
                              ("carrier", "off", .05)):
        if rng.random() < share:
            words += [key, value]
    kind = rng.choice(("plain", "plain", "vid", "trunk", "trunk", "tunnel"))
    if kind == "trunk":
        words += ["trunk", rng.choice(("all", "10,20", "0,10,20", "1-30"))]
        if not words[-1].startswith("0") and rng.random() < .5:
            words += ["native", rng.choice(VIDS)]
        if rng.random() < .3:
            words += ["tpid", "0x88a8"]
    elif kind != "plain":
        words += [kind, rng.choice(VIDS)]
    return words


class Switch:
    """A switch with a random configuration, and wires."""

    def __init__(self, bed, rng):
        self.daemon = bed.daemon
        self.rng = rng
        self.vsctl = bed.daemon.vsctl
        self.ends = [bed.cable(number) for number in range(1, N_CABLES + 1)]
        self.wires = {end.port: end.wire for end in self.ends}
        self.bridges = ["br0", "br1"]
        self.words = {}
        self.routers = []  # MACs
        self.nets = {}
        self.vsctl("bridge", "add", "br1", "loop-detect", "no")
        for end in self.ends:
            self.add_port(end.port)
        self.add_vlan_port()
        self.add_statics()
        self.add_router()
        self.wait_links()

    def add_port(self, name):
        """A port somewhere."""
        bridge = self.rng.choice(("br0", "br0", "br0", "br1", "none"))
        words = port_words(self.rng) if bridge != "none" else []
        self.words[name] = ["bridge", bridge, *map(str, words)]
        self.vsctl("port", "add", name, *self.words[name])

    def add_vlan_port(self):
        """VLAN 10 of a port, as one of its own."""
        if self.rng.random() < .5:
            name = self.rng.choice(list(self.wires))
            self.words[name + ".10"] = ["bridge", self.rng.choice(self.bridges)]
            result = self.daemon.vsctl_raw("port", "add", name + ".10", *self.words[name + ".10"])
            if result.returncode != 0:
                del self.words[name + ".10"]

    def add_statics(self):
        """Stations that do not move."""
        for mac in self.rng.sample(STATIONS, 2):
            port = self.rng.choice(list(self.words))
            bridge = self.words[port][1]
            if bridge != "none":
                self.daemon.vsctl_raw("fdb", "add", bridge, "mac", mac, "port", port,
                                      *self.rng.choice(((), ("vid", "10"))))

    def add_router(self):
        """Networks 10.1.0.0/16 ..., each with stations that are known, and routes by them."""
        free = [name for name, words in self.words.items() if words[1] == "none"]
        places = [("port", name) for name in free] + [("bridge", name) for name in self.bridges]
        places += [("bridge", "br0", "vid", "10")]
        self.rng.shuffle(places)
        for number, place in enumerate(places[:self.rng.randint(0, 4)], 1):
            result = self.daemon.vsctl_raw("addr", "add", "10.%d.0.1/16" % number, *place)
            if result.returncode != 0:
                continue
            self.vsctl("addr", "add", "fd0%d::1/64" % number, *place)
            row, = [row for row in self.vsctl("addr", "show")
                    if row["addr"].startswith("10.%d." % number)]
            self.nets[number] = row["port"]
            self.routers.append(row["mac"])
            for host in (2, 3):
                for address in ("10.%d.0.%d" % (number, host), "fd0%d::%d" % (number, host)):
                    self.vsctl("neigh", "add", address, "mac", self.rng.choice(STATIONS))
            self.vsctl("route", "add", "10.%d.0.0/16" % (20 + number), "via", "10.%d.0.2" % number)
            if self.rng.random() < .3:
                self.vsctl("port", "set", row["port"], "mtu", 1000)
        self.vsctl("route", "add", "10.31.0.0/16", "blackhole")
        self.vsctl("route", "add", "10.32.0.0/16", "unreachable")
        if len(self.nets) > 1 and self.rng.random() < .6:
            self.vsctl("route", "add", "10.33.0.0/16", "via", ",".join(
                "10.%d.0.2" % number for number in self.nets))
        if self.nets and self.rng.random() < .5:
            self.add_nat()

    def add_nat(self):
        """The last network is outside."""
        number, port = list(self.nets.items())[-1]
        row, = [row for row in self.vsctl("addr", "show")
                if row["addr"].startswith("10.%d." % number)]
        place = row["bridge"] or port
        if row["vid"]:
            place += ".%d" % row["vid"]
        result = self.daemon.vsctl_raw("nat", "add", "out", "masquerade", place)
        if result.returncode == 0 and len(self.nets) > 1:
            self.vsctl("nat", "add", "web", "out", place, "dnat", "tcp 80 -> 10.%d.0.2:8080" %
                       list(self.nets)[0])

    def wait_links(self):
        """Ports are up but those that are said to be down."""
        for name, words in self.words.items():
            if "off" not in words[words.index("carrier"):][:2] if "carrier" in words else True:
                if "." in name and "off" in self.words[name.split(".")[0]]:
                    continue
                self.daemon.wait_link(name)

    def counters(self):
        """(drops by port and reason, packets that came in)"""
        rows = self.daemon.rpc("stats.show")["result"]
        drops = collections.Counter({(row["port"], reason): count for row in rows
                                     for reason, count in row["drops"].items() if count})
        return drops, sum(row["rx_packets"] for row in rows)


# --- frames ---

def payload(rng, switch):
    """(Ethertype, bytes): IP as a rule, by far not always as it should be."""
    kind = rng.random()
    if kind < .1:
        return 0x88b5, bytes(rng.randrange(256) for _ in range(rng.choice((0, 4, 46, 600, 1500))))
    number = rng.choice([*switch.nets, 1, 2])
    if kind < .2:
        return 0x0806, bytes(scapy.ARP(op=rng.choice((1, 2)), hwsrc=rng.choice(STATIONS),
                                       psrc="10.%d.0.%d" % (number, rng.choice((2, 9))),
                                       pdst="10.%d.0.%d" % (number, rng.choice((1, 2, 3)))))
    size = rng.choice((0, 8, 100, 560, 620, 970, 990, 1300, 1400, 1472, 1480))
    l4 = rng.choice((
        lambda: scapy.UDP(sport=rng.choice((5, 4000)), dport=rng.choice((53, 80, 67))),
        lambda: scapy.TCP(sport=rng.choice((5, 4000)), dport=rng.choice((80, 443)),
                          flags=rng.choice(("S", "A", "R"))),
        lambda: scapy.ICMP(type=rng.choice((0, 8, 3, 11)), id=7),
        lambda: scapy.Raw(b"")))()
    if kind < .35:
        src = rng.choice(("fd0%d::%d" % (number, rng.choice((2, 3, 7))), "fe80::2", "::", "ff02::1"))
        dst = rng.choice(("fd0%d::%d" % (rng.choice([*switch.nets, 1]), rng.choice((1, 2, 3))),
                          "fe80::1", "ff02::1", "2001:db8::1"))
        if isinstance(l4, scapy.ICMP):
            l4 = scapy.ICMPv6EchoRequest(id=7)
        return 0x86dd, bytes(scapy.IPv6(src=src, dst=dst, hlim=rng.choice((0, 1, 2, 64))) / l4 /
                             bytes(size))
    hosts = (1, 2, 3)
    src = "10.%d.0.%d" % (number, rng.choice((2, 3, 9)))
    dst = rng.choice(["10.%d.0.%d" % (rng.choice([*switch.nets, 1]), rng.choice(hosts))] * 4 +
                     ["10.%d.0.7" % rng.choice((21, 22, 23, 31, 32, 33, 40)), "224.0.0.5",
                      "239.1.1.1", "255.255.255.255", "127.0.0.1"])
    packet = scapy.IP(src=rng.choice((src, src, src, "0.0.0.0", "127.0.0.1")), dst=dst,
                      ttl=rng.choice((0, 1, 2, 64, 64, 64)), flags=rng.choice((0, 0, "DF", "MF")),
                      frag=rng.choice((0, 0, 0, 0, 10)), id=rng.randrange(4)) / l4 / bytes(size)
    data = bytearray(bytes(packet))
    if rng.random() < .1:
        data[rng.choice((0, 2, 3, 10))] ^= rng.choice((1, 0x10, 0xff))
    return 0x0800, bytes(data)[:rng.choice((len(data), len(data), len(data), 25, 19))]


def make_frame(rng, switch):
    """Any frame that a wire takes."""
    src = rng.choice(STATIONS * 4 + [BROADCAST, "00:00:00:00:00:00", *switch.routers])
    dst = rng.choice(STATIONS + switch.routers * 4 + [BROADCAST] * 2 + [
        "01:80:c2:00:00:00", "01:80:c2:00:00:0e", "01:00:5e:01:01:01", "33:33:00:00:00:01"])
    ethertype, rest = payload(rng, switch)
    data = mac_bytes(dst) + mac_bytes(src) + struct.pack("!H", ethertype) + rest
    if rng.random() < .6:
        data = data.ljust(60, b"\0")
    for _ in range(rng.choice((0, 0, 1, 1, 1, 2))):
        data = tagged(data, rng.choice(VIDS + (0, 10, 10, 4095)), priority=rng.choice((0, 5)),
                      tpid=rng.choice((0x8100, 0x8100, 0x8100, 0x88a8)))
    data = data.ljust(22, b"\0")  # Linux throws away what is nothing but a tag
    # what the station's kernel lets out
    return data[:1518 if data[12:14] == b"\x81\x00" else 1514]


# --- what is told, and what happens ---

def told(packet):
    """({port: Counter of (length, start)}, Counter of drops)"""
    frames = collections.defaultdict(list)
    for row in packet["sent"]:
        frames[row["port"]].append((row["packets"], row["length"], bytes.fromhex(row["frame"])))
    drops = collections.Counter((row["port"], row["reason"]) for row in packet["dropped"])
    return frames, drops


def is_own(data, switch):
    """Something that the router says by itself, when it asks, is asked, or has to refuse?"""
    if data[6:12] not in map(mac_bytes, switch.routers):
        return False
    packet = scapy.Ether(data)
    if scapy.ARP in packet:
        return True
    if scapy.ICMP in packet:
        return packet[scapy.ICMP].type in (0, 3, 11)
    return scapy.IPv6 in packet and packet[scapy.IPv6].nh == 58 and \
        bytes(packet[scapy.IPv6].payload)[:1] in b"\x01\x02\x03\x04\x81\x87\x88"


def try_frame(bed, switch, port, data):
    """Ask, do, compare. Return: what is wrong, or None."""
    reply = bed.daemon.rpc("packet.explain", port=port, frames=[data.hex()])
    packet, = reply["result"]
    frames, drops = told(packet)
    before, received = switch.counters()
    try:
        switch.wires[port].send(data)
    except OSError:  # longer than the MTU of the cable's other end
        return None
    wait_until(lambda: switch.counters()[1] > received, what="it came in")
    wait_until(lambda: len(set(bed.daemon.balance())) == 1, what=lambda: bed.daemon.vsctl("stats", "show"))
    after, _ = switch.counters()
    really = after - before
    faults = []
    for name, wire in switch.wires.items():
        got = []
        for many, length, start in frames.get(name, []):
            for i in range(many):
                one = wire.recv(1)
                while one is not None and is_own(one.data, switch) and one.data[:KEPT] != start:
                    one = wire.recv(1)
                if one is None:
                    faults.append("%s: did not come: %d bytes %s" % (name, length, start.hex(" ")))
                    continue
                got.append(one.data)
                if i == 0 and (len(one.data), one.data[:KEPT]) != (length, start):
                    faults.append("%s: %d bytes came, for %d\n  got  %s\n  told %s" % (
                        name, len(one.data), length, one.data[:KEPT].hex(" "), start.hex(" ")))
        faults += ["%s: nobody told of %d bytes %s" % (name, len(one.data), one.data[:64].hex(" "))
                   for one in wire.drain() if not is_own(one.data, switch)]
    for counter in (really, drops):  # of those that wait for a station
        for key in [key for key in counter if key[1] == "neighbour_unresolved" or
                    not key[0]]:
            del counter[key]
    if really != drops:
        faults.append("drops %s, told %s" % (dict(really), dict(drops)))
    if not faults:
        learn = [row for row in packet["steps"] if row["step"] == "learn"]
        if learn:
            def known():
                again, = bed.daemon.rpc("packet.explain", port=port, frames=[data.hex()])["result"]
                return not [row for row in again["steps"] if row["step"] == "learn"]
            try:
                wait_until(known, 3)
            except AssertionError:
                faults.append("never learnt")
    if faults:
        return "%s: %s\n%s\n%s\n%s" % (
            port, data[:80].hex(" "), "\n".join(faults), packet["verdict"], "\n".join(
                "  %-9s%s" % (row["step"], row["text"]) for row in packet["steps"]))
    return None


@pytest.mark.parametrize("seed", SEEDS)
def test_explain_is_right(bed, seed):
    """Random frames, each first asked for."""
    rng = random.Random(seed)
    switch = Switch(bed, rng)
    for wire in switch.wires.values():
        wire.drain()
    faults = []
    for number in range(N_FRAMES):
        data = make_frame(rng, switch)
        port = rng.choice(list(switch.wires))
        fault = try_frame(bed, switch, port, data)
        if fault:
            faults.append("frame %d: %s" % (number, fault))
    assert not faults, "seed %d\n%s\n%s" % (
            seed, "\n".join(faults), "\n".join("%s: %s" % (name, " ".join(words))
                                           for name, words in switch.words.items()))
