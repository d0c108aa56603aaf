# SPDX-License-Identifier: BSD-3-Clause
"""What vsctl -j says is what docs/json.md says: every field, its type, and nothing else."""

import collections
import contextlib
import json
import os
import re
import signal
import subprocess

import pytest

from harness.daemon import build_folder
from harness.dhcp import Client
from harness.nat_lab import GUESTS, INET, NatLab
from harness.wait import wait_until
from harness.wire import BROADCAST

from test_snoop import Member

# What no switch of this test has, and why. tests/unit/test_vif_fields.c sees the vifs'.
UNSEEN = {
    "vif show": "guests of Xen",
    "show: vifs[]": "guests of Xen",
    "event show": "each kind has its own; test_monitor.py sees them",
    "port show: rate": "guests of Xen",
    "port show: adopt": "a NIC with addresses of the host's; test_adopt.py has it",
    "bridge adopt": "the same",
    "bridge release": "the same",
    "top: ports[].domid": "guests of Xen",
    "top: ports[].guest": "guests of Xen",
    "top: ports[].rx_ring_percent": "guests of Xen",
    "top: ports[].tx_ring_percent": "guests of Xen",
    "top: ports[].drop_reason": "drops meanwhile; test_top.py has them",
    "top: total.drop_reason": "the same",
    "metrics show: reason": "an address that is not to be had; test_metrics.py has it",
    "trace": "as explain; test_explain.py has it",
    "config rollback: guests[]": "as of config apply",
    "config rollback: confirm": "the same",
}

SHOWS = ("bridge show", "port show", "bond show", "vif show", "fdb show", "stp show", "group show",
         "querier show", "addr show", "route show", "neigh show", "nat show", "nat sessions",
         "nat-table show", "network show", "mirror show", "stats show", "worker show", "metrics show",
         "config show", "config history", "version", "show")

CONFIG = """\
[bridge br0]
stp = rstp
snooping = yes
querier = yes
querier-address = 10.0.0.250
[bridge br1]
loop-detect = no
[bridge br2]
stp = rstp
stp-priority = 4096
[port q2]
bridge = br2
[port q1]
bridge = br0
trunk = 1-10
native = 5
[port q1.100]
bridge = br1
[port q3]
bridge = br0
vid = 7
stp-cost = 100
group-limit = 5
[port q5]
bridge = br0
bpdu = filter
[port tap0]
type = tap
bridge = br1
[port vh0]
type = vhost
path = RUN/vh0.sock
bridge = br1
[port gone0]
bridge = br1
[bond lag1]
members = a1,a2
mode = lacp
bridge = br0
[bond lag2]
members = b1,b2
mode = lacp
bridge = br1
[bond lag3]
members = c3
mode = lacp
bridge = br1
[bond act0]
members = c1,gone1
mode = active-backup
bridge = br1
[bond ab0]
members = q7,q9
mode = active-backup
arp-targets = 10.0.0.9
arp-vid = 7
bridge = br0
"""


def documented():
    """{show: {path: type}}, as the program that writes docs/json.md has it."""
    lines = subprocess.run([build_folder() / "ctl/jsondoc", "fields"], check=True,
                           stdout=subprocess.PIPE, text=True).stdout.splitlines()
    found = collections.defaultdict(dict)
    for line in lines:
        show, path, type_name = line.split("\t")
        found[show][path] = type_name
    return found


KINDS = {type(None): "null", bool: "boolean", int: "integer", float: "number", str: "string",
         list: "array", dict: "object"}


class Reader:
    """Compares what is said with what is documented."""

    def __init__(self):
        self.fields = documented()
        self.seen = set()  # (show, path) that had a value
        self.faults = set()

    def read(self, daemon, *words):
        """A command's JSON."""
        said = daemon.vsctl(*words)
        show = " ".join(map(str, words[:2]))
        for row in said if isinstance(said, list) else [said]:
            self.row(show, row)
        return said

    def row(self, show, row):
        """All of a row is documented, and all that is documented is there."""
        self.members(show, row, "")
        for path in self.fields[show]:
            self.is_there(show, path, [row], path.split("."))

    def is_there(self, show, path, objects, names):
        """Does each of the objects have it?"""
        name = names[0].removesuffix("[]")
        found = []
        for each in objects:
            if name not in each:
                self.faults.add("%s: %s is lacking" % (show, path))
            elif names[0] != name:
                found += each[name]
            elif each[name] is not None:
                found.append(each[name])
        if len(names) > 1:
            self.is_there(show, path, found, names[1:])

    def members(self, show, value, path):
        """The members of an object."""
        for name, member in value.items():
            is_list = isinstance(member, list)
            full = path + name + ("[]" if is_list else "")
            self.member(show, member if is_list else [member], full)

    def member(self, show, values, path):
        """A value, or those of an array."""
        type_name = self.fields[show].get(path)
        if type_name is None:
            self.faults.add("%s: %s is not documented" % (show, path))
            return
        for value in values:
            if value is not None:
                self.seen.add((show, path))
            if type_name in self.fields:
                self.row(type_name, value)
            elif type_name.startswith("map of "):
                for member in value.values():
                    self.kind(show, path, type_name.removeprefix("map of "), member)
            else:
                self.kind(show, path, type_name, value)
                if isinstance(value, dict):
                    self.members(show, value, path + ".")

    def kind(self, show, path, type_name, value):
        """Is it of the type?"""
        kind = KINDS[type(value)]
        if type_name == "any" or kind == type_name.removesuffix("?") or (
                kind == "null" and type_name.endswith("?")):
            return
        self.faults.add("%s: %s is %s, not %s" % (show, path, kind, type_name))

    def unseen(self):
        """What is documented and has had no value so far."""
        return sorted("%s: %s" % (show, path) for show, fields in self.fields.items()
                      for path in fields if (show, path) not in self.seen)


@pytest.fixture
def house(idle_bed, tmp_path):
    """A switch that has one of everything, but guests of Xen."""
    bed = idle_bed
    for path in (bed.daemon.folder, *bed.daemon.folder.parents):
        if len(path.parts) > 2:  # dnsmasq, which is not root, gets to its files
            path.chmod(path.stat().st_mode | 0o011)
    for one, other in (("a1", "b1"), ("a2", "b2"), ("q1", "q2"), ("q3", "q4"), ("q5", "q6"),
                       ("q7", "q8"), ("q9", "q10"), ("c1", "d1"), ("c3", "d3")):
        bed.sw.ip("link", "add", one, "type", "veth", "peer", "name", other)
        for name in (one, other):
            bed.sw.ip("link", "set", name, "up")
    bed.daemon.run_dir.mkdir(parents=True, exist_ok=True)
    bed.start(CONFIG.replace("RUN", str(bed.daemon.run_dir)))
    return bed


def populate(bed, tmp_path, stack):
    """Traffic, leases, members of groups, sessions, a history: what comes of use."""
    daemon = bed.daemon
    lab = NatLab(bed).route(("out", "masquerade", "p3", "from", "10.1.0.0/16"),
                            ("pool", "snat", "192.0.2.10-192.0.2.12", "from", GUESTS[2] + "/32"),
                            ("web", "dnat", "tcp", "8080", "to", GUESTS[1] + ":80"),
                            ("off", "masquerade", "gone0"),
                            ("one", "masquerade", "p3", "guest", "p1"))
    daemon.vsctl("fdb", "add", "br0", "mac", "02:00:00:00:00:77", "port", "q3", "vid", "7")
    daemon.vsctl("addr", "add", "10.5.0.1/24", "bridge", "br1")
    daemon.vsctl("network", "add", "10.5.0.0/24", "dhcp", "on", "range", "10.5.0.100-10.5.0.110",
                 "domain", "x.test", "dns", "10.5.0.1")
    daemon.vsctl("metrics", "set", "listen", "127.0.0.1:9477")
    daemon.vsctl("neigh", "add", "10.5.0.9", "port", "gw0", "mac", "02:00:00:00:00:09")
    daemon.vsctl("addr", "add", "10.8.0.1/24", "bridge", "br0", "vid", "7")
    daemon.vsctl("network", "add", "10.55.0.0/24", "dhcp", "on")
    daemon.vsctl("route", "add", "10.8.0.0/24", "via", "10.5.0.7")
    daemon.vsctl("port", "add", "tap7", "type", "tap", "bridge", "none", "carrier", "off")
    daemon.vsctl("mirror", "add", "span", "port", "q1", "direction", "in", "vlan", "7",
                 "snaplen", "99", "to", "tap7")
    daemon.vsctl("mirror", "add", "far", "bridge", "br0", "vxlan", "10.5.0.50", "vni", "7")
    daemon.vsctl("mirror", "add", "flows", "bridge", "br0", "ipfix", "127.0.0.1:4739")
    guest = bed.cable(9, plain=False)
    daemon.vsctl("port", "add", "p9", "bridge", "br1")
    daemon.wait_link("p9")
    wait_until(lambda: daemon.vsctl("network", "show")[0]["pid"], what="dnsmasq runs")
    Client(guest, tmp_path, "-x", "hostname:guest9").wait()
    routed = bed.cable(8, plain=False)
    daemon.vsctl("port", "add", routed.port, "mode", "nat", "ip", "10.6.0.2",
                 "gateway", "10.6.0.1")
    bed.station(6, "tunnel", "99")
    member = bed.station(7, "vid", "7")
    bed.speak(member, 7)
    stack.callback(Member(member, "239.1.1.1").close)
    wait_until(lambda: daemon.vsctl("group", "show"), what="a group is joined")
    wait_until(lambda: any(m["lacp"]["partner"] for m in daemon.vsctl("bond", "show", "lag1")[0][
        "members"]), what="LACP has a partner")
    wait_until(lambda: any(row["root_port"] and row["since_change"] is not None
                           for row in daemon.vsctl("stp", "show")), what="there is a root port")
    # last, since their sessions end in a minute
    lab.g1.ping(INET, count=1)
    lab.g1.run("bash", "-c", "echo hello > /dev/udp/%s/9" % INET)


def dnsmasq_is_missed(daemon, reader):
    """Kill it, until somebody has looked before it was started again: each time that takes longer."""
    pid = daemon.vsctl("network", "show")[0]["pid"]
    if pid:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return reader.read(daemon, "network", "show")[0]["reason"]


def test_json_is_as_documented(house, tmp_path):
    """Every field of every show, and no other; each has had a value."""
    daemon = house.daemon
    reader = Reader()
    with contextlib.ExitStack() as stack:
        populate(house, tmp_path, stack)
        path = daemon.folder / "other.conf"
        path.write_text("[vswitchd]\nmbufs = 9999\n[bridge br0]\n[bridge br1]\n[port p9]\n"
                        "bridge = br1\n")
        reader.read(daemon, "config", "diff", path)
        for show in SHOWS:
            reader.read(daemon, *show.split())
        reader.row("health", json.loads(daemon.vsctl_raw("-j", "health").stdout))
        reader.read(daemon, "drops")
        reader.read(daemon, "drops", "last")
        reader.row("top", daemon.vsctl("top", "-n", 1, "-d", "0.2"))
        for port in daemon.vsctl("port", "show"):
            for mac in (BROADCAST, "01:80:c2:00:00:05"):
                reader.row("explain", daemon.vsctl("explain", port["port"],
                                                   "ip 10.99.0.2 -> 10.99.0.3 to " + mac))
        wait_until(lambda: dnsmasq_is_missed(daemon, reader), what="dnsmasq is missed")
        reader.read(daemon, "config", "apply", path, "--confirm", "60")
        reader.read(daemon, "config", "show")
        reader.read(daemon, "config", "rollback")
        number = daemon.vsctl("config", "history")[-2]["number"]
        path.write_text("[bridge br0]\n")
        daemon.vsctl("config", "apply", path)
        reader.read(daemon, "config", "rollback", number)
    assert not reader.faults, "\n".join(sorted(reader.faults))
    unseen = [line for line in reader.unseen()
              if line not in UNSEEN and line.split(":")[0] not in UNSEEN]
    assert not unseen, "\n".join(unseen)


def test_every_show_is_documented(bed):
    """Whatever prints JSON has its table, and each table a command."""
    fields = documented()
    text = bed.daemon.vsctl_raw("help").stdout
    shows = {" ".join(words) for words in re.findall(r"^  (\S+) (show|sessions)\b", text, re.M)}
    assert shows | {"show", "version"} <= set(fields)
    for show in fields:
        if show.split()[-1] in ("show", "sessions", "history", "version"):
            bed.daemon.vsctl(*show.split())
    assert json.loads(bed.daemon.vsctl_raw("-j", "config", "history", "1").stdout).startswith("#")
