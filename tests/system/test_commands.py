# SPDX-License-Identifier: BSD-3-Clause
"""docs/commands.md: every command in its tables works, and brctl's do the same as vsctl's."""

import os
import re
import shutil

import pytest

from harness import ovs
from harness.daemon import ROOT, Daemon, build_folder
from harness.netns import Host, cable

NICS = ("eth1", "eth2", "eth3", "eth4")
COLUMNS = ("brctl", "ip, bridge", "ovs-...", "vsctl")
# what a kernel may not have: how to find out; which rows of "ip, bridge" need it
FEATURES = (
    ("ip link add try type bridge vlan_filtering 1", r"vlan_filtering|bridge vlan"),
    ("ip link add link eth1 name try type vlan id 9", r"eth2\.100"),
    ("ip link add try type bond", r"\bbond0\b"),
)


def rows():
    """Of all tables, in order: (what for, {column: [command]})."""
    for line in (ROOT / "docs/commands.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) != len(COLUMNS) + 1 or cells[0] == "to" or set(cells[0]) == {"-"}:
            continue
        commands = {}
        for column, cell in zip(COLUMNS, cells[1:]):
            assert cell == "-" or re.fullmatch("`[^`]+`", cell), line
            commands[column] = cell.strip("`").split("; ") if cell != "-" else []
        yield cells[0], commands


class Place:
    """A host with NICs, where a column's commands are run."""

    def __init__(self, label, environment=()):
        self.host = Host(label).quiet()
        self.far = Host(label + "-far").quiet()
        self.environment = environment
        for nic in NICS:
            cable(self.host, nic, self.far, nic)

    def run(self, command, *more):
        """Run it; it has to work."""
        self.host.run("env", *self.environment, *command.split(), *more)

    def close(self):
        """Take it away."""
        self.host.close()
        self.far.close()


@pytest.fixture
def place(request):
    """Makes places."""
    if request.config.lacking is not None:
        pytest.skip(request.config.lacking)
    made = []

    def make(*arguments):
        made.append(Place(*arguments))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def switch(place, tmp_path):
    """Makes places with a vswitchd, whose vsctl and brctl are the ones on the PATH."""
    made = []
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("vsctl", "brctl"):
        os.symlink(build_folder() / "ctl/vsctl", folder / name)

    def make(label):
        run_dir = tmp_path / label / "run"
        one = place(label, ("PATH=%s:/usr/sbin:/usr/bin:/sbin:/bin" % folder,
                            "VSWITCH_RUN_DIR=%s" % run_dir))
        made.append(Daemon(one.host, tmp_path / label).start(""))
        return one, made[-1]

    yield make
    for daemon in made:
        assert daemon.stop() == 0, daemon.log


def settings(daemon):
    """What the operator has set."""
    bridges = {row["bridge"]: {key: value for key, value in row.items()
                               if key not in ("id", "fdb_entries", "ports")}
               for row in daemon.vsctl("bridge", "show")}
    ports = {row["port"]: {key: value for key, value in row.items()
                           if key in ("bridge", "type", "mtu") or key.startswith("stp_") or
                           key in ("hairpin", "isolated", "bpdu", "vlan")}
             for row in daemon.vsctl("port", "show")}
    return bridges, ports


def test_vsctl_and_brctl(switch):
    """vsctl's column; in another vswitchd brctl's, where there is one; the outcome is the same."""
    (one, daemon), (other, other_daemon) = switch("vsctl"), switch("brctl")
    tried = {"vsctl": 0, "brctl": 0}
    for what, commands in rows():
        by_brctl = commands["brctl"]
        # brctl's bridge comes with the host's interface, and goes with it
        implied = what in ("... and the host's interface on it", "remove the host's interface")
        for command in commands["vsctl"]:
            one.run(command)
            tried["vsctl"] += 1
        for command in by_brctl or (commands["vsctl"] if not implied else []):
            other.run(command)
            tried["brctl"] += bool(by_brctl)
        if what not in ("make a bridge", "remove the host's interface"):
            assert settings(daemon) == settings(other_daemon), what
    assert settings(daemon) == ({}, {})
    print("\ntried: %s" % tried)


def test_brctl_of_bridge_utils(place):
    """brctl's column, by the original."""
    if shutil.which("/usr/sbin/brctl") is None:
        pytest.skip("bridge-utils is not installed")
    kernel = place("kernel", ("PATH=/usr/sbin:/usr/bin:/sbin:/bin",))
    if kernel.host.ip("link", "add", "try", "type", "bridge", check=False).returncode != 0:
        pytest.skip("this kernel has no bridge")
    kernel.host.ip("link", "del", "try")
    for _, commands in rows():
        for command in commands["brctl"]:
            kernel.run(command)


def test_ip_and_bridge(place):
    """iproute2's column, but for what this kernel does not have."""
    kernel = place("kernel")
    lacking = []
    if kernel.host.ip("link", "add", "try", "type", "bridge", check=False).returncode != 0:
        pytest.skip("this kernel has no bridge")
    kernel.host.ip("link", "del", "try")
    for probe, needed_by in FEATURES:
        if kernel.host.run(*probe.split(), check=False).returncode != 0:
            lacking.append(needed_by)
        else:
            kernel.host.ip("link", "del", "try")
    tried, left_out = 0, []
    for what, commands in rows():
        for command in commands["ip, bridge"]:
            if any(re.search(pattern, command) for pattern in lacking):
                left_out.append(what)
                continue
            kernel.run(command)
            tried += 1
    print("\ntried: %d; this kernel cannot: %s" % (tried, ", ".join(left_out)))


def test_open_vswitch(place, tmp_path):
    """Open vSwitch's column, with its user-space datapath."""
    if ovs.lacking() is not None:
        pytest.skip(ovs.lacking())
    one = place("ovs", ("OVS_RUNDIR=%s" % (tmp_path / "ovs"),))
    peer = ovs.Ovs(one.host, tmp_path / "ovs").start()
    tried = 0
    for _, commands in rows():
        for command in commands["ovs-..."]:
            command = command.replace("ovs-appctl", "ovs-appctl -t %s" % peer.control)
            if command == "ovs-vsctl add-br br0":
                command += " -- set bridge br0 datapath_type=netdev"
            one.run(command)
            tried += 1
    print("\ntried: %d" % tried)
