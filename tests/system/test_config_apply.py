# SPDX-License-Identifier: BSD-3-Clause
"""The configuration as a whole: shown, saved, compared, applied, undone; batches of commands."""

import json
import os
import re
import signal
import stat

import pytest

from harness import traffic
from harness.configuration import objects, switch_state, write
from harness.daemon import VsctlError
from harness.wait import wait_until

BASE = """\
# what this host has

[bridge br0]
loop-detect = no ; quiet
ageing = 100

# two stations
[port p1]
bridge = br0
[port p2]
bridge = br0
"""


class Datagrams:
    """Datagrams a millisecond apart, both ways, none of which may be lost."""

    def __init__(self, bed):
        one, two = bed.two
        self.streams = [traffic.Stream(one.host, two.host, two.address, 1000),
                        traffic.Stream(two.host, one.host, one.address, 1000)]

    def all_came(self):
        """End them. Return: how many there were from each station, at least."""
        wait_until(lambda: all(stream.sent >= 300 for stream in self.streams), what="300 are sent")
        totals = []
        for stream in self.streams:
            numbers, sent = stream.stop()
            assert numbers == list(range(sent)), "lost: %s of %d" % (
                sorted(set(range(sent)) - set(numbers))[:20], sent)
            totals.append(sent)
        return min(totals)


@pytest.fixture
def two(idle_bed):
    """BASE, and two stations that speak to each other."""
    stations = [idle_bed.cable(number, plain=False) for number in (1, 2)]
    idle_bed.start(BASE)
    for number, station in enumerate(stations, 1):
        idle_bed.speak(station, number)
        idle_bed.daemon.wait_link(station.port)
    stations[0].host.ping("10.0.0.2")
    idle_bed.two = stations
    return idle_bed


# --- doing nothing ---


def test_same_file_does_nothing(two):
    """No port is touched, no packet lost, and nothing is noted."""
    daemon = two.daemon
    before = {row["port"]: row for row in daemon.vsctl("stats", "show")}
    history = daemon.vsctl("config", "history")
    datagrams = Datagrams(two)
    for _ in range(5):
        assert daemon.vsctl("config", "diff")["changes"] == []
        result = daemon.vsctl("config", "apply")
        assert (result["changes"], result["done"], result["guests"]) == ([], 0, [])
    n_datagrams = datagrams.all_came()
    after = {row["port"]: row for row in daemon.vsctl("stats", "show")}
    assert set(before) == set(after)
    for port, row in after.items():
        assert row["rx_packets"] >= before[port]["rx_packets"] + n_datagrams  # it is the same port
        assert row["drops"] == before[port]["drops"]
    assert daemon.vsctl("config", "history") == history
    assert daemon.vsctl_raw("config", "apply").stdout == "nothing had to be changed\n"


def test_defaults_are_no_difference(two):
    """A key that says what is so anyway changes nothing, but is kept."""
    daemon = two.daemon
    path = write(daemon, BASE + "vid = none\nmtu = keep\ntype = netdev\n")
    assert daemon.vsctl("config", "apply", path)["done"] == 0
    assert objects(daemon)["port", "p2"] == {"bridge": "br0", "vid": "none", "mtu": "keep",
                                             "type": "netdev"}


# --- saving ---


def test_save_makes_a_file(idle_bed):
    """What has never been saved is saved, though nothing is configured; -j keeps text off stdout."""
    daemon = idle_bed.start("").daemon
    path = daemon.folder / "new.conf"
    assert daemon.vsctl_raw("config", "save", path).stdout == "%s: saved\n" % path
    assert path.read_text() == ""
    assert "says so already" in daemon.vsctl_raw("config", "save", path).stdout
    daemon.vsctl("bridge", "add", "br0")
    changes = daemon.folder / "changes"
    changes.write_text("bridge set br0 ageing 9\n")
    for words in (("config", "save", path), ("config", "save", path), ("config", "check", path),
                  ("batch", changes, "--confirm", "60"), ("config", "confirm")):
        result = daemon.vsctl_raw("-j", *words)
        assert (result.returncode, result.stdout, result.stderr) == (0, "", ""), words


def test_save_and_apply_are_inverse(two):
    """What is saved is what runs; a file that says so already is not touched at all."""
    daemon = two.daemon
    daemon.config.chmod(0o640)
    before = daemon.config.stat()
    assert "says so already" in daemon.vsctl_raw("config", "save").stdout
    assert daemon.config.read_text() == BASE
    assert daemon.config.stat().st_ino == before.st_ino

    daemon.vsctl("bridge", "set", "br0", "ageing", "50")
    daemon.vsctl("bridge", "add", "br1")
    daemon.vsctl("port", "del", "p2")
    daemon.vsctl("port", "set", "p1", "vid", "7")
    assert daemon.vsctl_raw("config", "save").returncode == 0
    assert daemon.config.read_text() == """\
# what this host has

[bridge br0]
loop-detect = no ; quiet
ageing = 50

[bridge br1]

# two stations
[port p1]
bridge = br0
vid = 7
"""
    assert stat.S_IMODE(daemon.config.stat().st_mode) == 0o640
    assert [path.name for path in daemon.folder.glob("vswitch.conf*")] == ["vswitch.conf"]
    assert daemon.vsctl("config", "apply")["done"] == 0
    state = switch_state(daemon)
    assert daemon.stop() == 0
    daemon.start()
    daemon.wait_link("p1")
    assert switch_state(daemon) == state


def test_save_elsewhere(two):
    """Another file, by a symbolic link, which stays one; and a folder that is not there."""
    daemon = two.daemon
    target = write(daemon, "", "target.conf")
    link = daemon.folder / "link.conf"
    link.symlink_to("target.conf")
    assert daemon.vsctl_raw("config", "save", link).returncode == 0
    assert link.is_symlink()
    assert target.read_text() == daemon.vsctl_raw("config", "show").stdout
    target.unlink()
    result = daemon.vsctl_raw("config", "save", link)
    assert (result.returncode, "is a link to what is not there" in result.stderr) == (1, True)
    assert link.is_symlink() and not target.exists()
    assert daemon.vsctl_raw("config", "save", target).returncode == 0
    assert daemon.vsctl("config", "diff", target)["changes"] == []
    result = daemon.vsctl_raw("config", "save", daemon.folder / "none/x.conf")
    assert (result.returncode, "none/x.conf: No such file" in result.stderr) == (1, True)


# --- what is wrong ---


def test_save_leaves_devices_alone(two):
    """/dev/null is not made a file, and nobody waits for a pipe."""
    path = two.daemon.folder / "pipe"
    os.mkfifo(path)
    result = two.daemon.vsctl_raw("config", "save", path)
    assert result.returncode == 1 and "is a device or pipe" in result.stderr, result.stderr
    assert stat.S_ISFIFO(path.stat().st_mode)


def test_check_finds_all(two):
    """Each error with its line, the key, and what would be right; and nothing is applied."""
    daemon = two.daemon
    path = write(daemon, """\
[bridge br1]
agein = 3
[port p1]
bridge = br1
vid = 4095
mtu = much
[prot p2]
bridge = br1
[port p3]
nonsense
[port p4]
mtu = 1500
""")
    result = daemon.vsctl_raw("config", "check", path)
    assert result.returncode == 1
    lines = result.stderr.splitlines()
    for number, (line, text) in enumerate((
            (2, "bridge br1: unknown key 'agein'; did you mean 'ageing'?"),
            (5, "port p1: vid: '4095' is not a number from 1 to 4094 or none"),
            (6, "port p1: mtu: 'much' is not a number from 68 to 65517 or keep"),
            (7, "unknown section 'prot'; did you mean 'port'?"),
            (10, "this is neither KEY = VALUE nor a [section]"),
            (9, "port p3: bridge is missing: the bridge that the port is on, or none"),
            (11, "port p4: bridge is missing: the bridge that the port is on, or none"))):
        assert lines[number].endswith("other.conf:%d: %s" % (line, text))
    assert re.fullmatch(r"vsctl: .*other.conf: 7 errors; nothing was done with it", lines[7])
    assert daemon.vsctl_raw("config", "apply", path).stderr == result.stderr
    assert "br1" not in daemon.vsctl_raw("config", "show").stdout


def test_check_without_daemon(idle_bed):
    """A file can be checked before vswitchd is started."""
    path = write(idle_bed.daemon, BASE)
    result = idle_bed.daemon.vsctl_raw("config", "check", path)
    assert (result.returncode, result.stdout) == (0, "%s: 3 sections, no errors\n" % path)


# --- changing ---


def test_diff_says_what_apply_does(two):
    """As commands; and then it is so."""
    daemon = two.daemon
    path = write(daemon, BASE.replace("ageing = 100", "").replace(
        "[port p2]\nbridge = br0\n", "[port t0]\ntype = tap\nbridge = br1\n[bridge br1]\n"))
    expected = "+ port add t0 bridge br1 type tap\n+ bridge add br1\n- port del p2\n"
    expected = "~ bridge set br0 ageing 300 (was ageing 100)\n" + expected
    assert daemon.vsctl_raw("config", "diff", path).stdout == expected
    assert len(switch_state(daemon)["ports"]) == 2
    assert daemon.vsctl_raw("config", "apply", path).stdout == expected
    assert set(switch_state(daemon)["ports"]) == {"p1", "t0"}


def test_diff_names_guests(two):
    """Routed ones when something of the router changes, and only then."""
    daemon = two.daemon
    two.cable(3)
    routed = BASE + "[port p3]\nmode = nat\nip = 10.9.0.3\ngateway = 10.9.0.1\n"
    daemon.vsctl("config", "apply", write(daemon, routed))
    for text, guests in (("[route 10.7.0.0/16]\nblackhole = yes\n", ["p3"]),
                         ("[bridge br1]\n", [])):
        path = write(daemon, routed + text)
        assert daemon.vsctl("config", "diff", path)["guests"] == guests


def test_stays_while_others_change(two):
    """Ports that a change is not about lose nothing while others come, move and go."""
    daemon = two.daemon
    two.cable(3)
    paths = [write(daemon, BASE + text, name) for name, text in (
        ("a.conf", "[port p3]\nbridge = br0\n[port t0]\ntype = tap\nbridge = br0\nvid = 3\n"),
        ("b.conf", "[bridge br1]\n[bond bond0]\nmembers = p3\nbridge = br1\n"
                   "[addr 10.1.0.1/24]\nbridge = br1\n"))]
    datagrams = Datagrams(two)
    for _ in range(2):
        for path in paths:
            assert daemon.vsctl("config", "apply", path)["done"] > 0
    datagrams.all_came()


FAILURES = {
    "no Ethernet": "[port t0]\ntype = tap\nbridge = br0\n[port lo]\nbridge = br0\n",
    "device that is not there": "[port x0]\nbridge = br0\ndevargs = net_nosuch0\n",
    "member that is a port of a bridge": "[bond bond0]\nmembers = p1\nbridge = br0\n",
    "keys that do not agree": "[port t0]\ntype = tap\nbridge = br0\nvid = 3\ntrunk = 4\n",
    "address of a network": "[bridge br1]\n[addr 10.1.0.0/24]\nbridge = br1\n",
    "address on a port of a bridge": "[addr 10.1.0.1/24]\nport = p1\n",
    "neighbour on no network": "[neigh 10.7.0.1]\nmac = 02:00:00:00:00:01\n",
    "route by no port": "[route 10.7.0.0/16]\nport = p77\n",
    "MTU of a tap": "[port t0]\ntype = tap\nbridge = br0\nmtu = 65500\n[port lo]\nbridge = br0\n",
}


@pytest.mark.parametrize("name", FAILURES)
@pytest.mark.parametrize("ports", ["kept", "gone"])
def test_failure_leaves_all_as_it_was(two, name, ports):
    """Even where the file would have taken the stations' ports away."""
    daemon = two.daemon
    daemon.vsctl("fdb", "add", "br0", "mac", "02:00:00:00:00:77", "port", "p1")
    before = (objects(daemon), switch_state(daemon), daemon.fdb("br0"),
              daemon.vsctl("config", "history"))
    base = BASE if ports == "kept" or "p1" in FAILURES[name] else "[bridge br0]\nageing = 3\n"
    path = write(daemon, base + FAILURES[name])
    datagrams = Datagrams(two)
    with pytest.raises(VsctlError) as failure:
        daemon.vsctl("config", "apply", path)
    assert failure.value.status == 1
    assert re.search(r"other.conf:\d+: ", failure.value.text), failure.value.text
    datagrams.all_came()
    assert daemon.fdb("br0") == before[2]
    assert (objects(daemon), switch_state(daemon)) == before[:2]
    assert daemon.vsctl("config", "history") == before[3]
    two.two[0].host.ping("10.0.0.2")


def test_failure_before_ports_go(two):
    """What cannot be opened is found before anything that runs is touched."""
    path = write(two.daemon, "[bridge br0]\n[port lo]\nbridge = br0\n")
    datagrams = Datagrams(two)
    with pytest.raises(VsctlError):
        two.daemon.vsctl("config", "apply", path)
    datagrams.all_came()


def test_static_stations(two):
    """Entries of the FDB that somebody has set, with what they stand on."""
    daemon = two.daemon
    mac, other = "02:00:00:00:00:05", "02:00:00:00:00:06"
    daemon.vsctl("port", "set", "p2", "trunk", "5-6")
    daemon.vsctl("fdb", "add", "br0", "mac", mac.upper(), "port", "p1")
    daemon.vsctl("fdb", "add", "br0", "mac", other, "vid", 5, "port", "p2")
    assert daemon.vsctl_raw("config", "save").returncode == 0
    saved = daemon.config.read_text()
    assert "\n[fdb br0 %s]\nport = p1\n" % mac in saved
    assert "\n[fdb br0 %s 5]\nport = p2\n" % other in saved
    state = switch_state(daemon)
    assert len(state["stations"]) == 2
    daemon.stop()
    daemon.start()
    assert switch_state(daemon)["stations"] == state["stations"]
    assert daemon.vsctl_raw("config", "diff").stdout == "nothing differs\n"

    # into another VLAN, and away
    path = write(daemon, saved.replace("5-6", "6-7").replace(other + " 5", other + " 7").replace(
        "[fdb br0 %s]\nport = p1\n" % mac, ""), "moved")
    assert daemon.vsctl_raw("config", "apply", path).stdout.splitlines() == [
        "~ port set p2 trunk 6-7 (was trunk 5-6)",
        "+ fdb add br0 mac %s vid 7 port p2" % other,
        "- fdb del br0 mac %s" % mac,
        "- fdb del br0 mac %s vid 5" % other]
    assert switch_state(daemon)["stations"] == {("br0", other, 7): "p2"}
    assert daemon.vsctl_raw("config", "rollback").returncode == 0
    assert switch_state(daemon) == state

    path.write_text(saved + "[fdb br0]\nport = p1\n[fdb br0 %s]\nport = p2\n"
                    "[fdb br0 02:zz]\n[fdb br0 %s 9 x]\n[fdb br0 %s 5]\n" % (
                        mac, mac, mac))
    faults = [line.split(": ", 1)[1] for line in
              daemon.vsctl_raw("config", "check", path).stderr.splitlines()]
    assert faults == [
        "[fdb br0] lacks the address: [fdb br0 MAC]",
        "[fdb br0 %s] is given twice, first in line %d" % (
            mac, saved[:saved.index("[fdb br0 %s]" % mac)].count("\n") + 1),
        "fdb br0: mac: '02:zz' is not a MAC address such as 00:16:3e:01:02:03",
        "fdb br0: there is text after what names it: 'x'",
        "fdb br0: port is missing: the port that the address is behind",
        "%s: 5 errors; nothing was done with it" % path]
    path.write_text(saved + "[fdb br9 %s]\nport = p1\n" % mac)
    assert daemon.vsctl_raw("config", "check", path).stderr.splitlines()[0].endswith(
        ": fdb br9: there is no section [bridge br9]")
    assert switch_state(daemon) == state


# --- undoing ---


def test_confirm(two):
    """Unconfirmed, a change that cuts the stations off undoes itself."""
    daemon = two.daemon
    before = objects(daemon)
    path = write(daemon, "[bridge br0]\nloop-detect = no\n[port p1]\nbridge = br0\nvid = 9\n")
    # a second may be over before somebody has looked
    reply = daemon.vsctl("config", "apply", path, "--confirm", "1")
    assert ("del", "port", "p2") in [(row["change"], row["kind"], row["name"])
                                     for row in reply["changes"]]
    assert 0 <= reply["confirm"] <= 1
    wait_until(lambda: objects(daemon) == before, what="it is undone")
    daemon.wait_link("p2")
    two.two[0].host.ping("10.0.0.2")
    assert [row["what"] for row in daemon.vsctl("config", "history")[-2:]] == [
        "config apply %s" % path, "config rollback: nobody confirmed"]

    assert daemon.vsctl("config", "apply", path, "--confirm=600")["confirm"] > 500
    assert "p2" not in switch_state(daemon)["ports"]
    assert 500 < daemon.vsctl("config", "show")["confirm"] <= 600
    # who changes something else meanwhile is told that this goes with it
    assert daemon.vsctl("config", "apply", path)["confirm"] > 500
    assert re.search(r'^unless "vsctl config confirm" comes within \d+ s, all is as before an',
                     daemon.vsctl_raw("config", "apply", path).stdout, re.MULTILINE)
    daemon.vsctl("config", "confirm")
    assert daemon.vsctl("config", "apply", path)["confirm"] is None
    assert daemon.vsctl("config", "show")["confirm"] is None
    with pytest.raises(VsctlError, match="nothing waits to be confirmed"):
        daemon.vsctl("config", "confirm")
    assert "p2" not in switch_state(daemon)["ports"]

    # what changes nothing needs no confirmation
    assert daemon.vsctl("config", "apply", path, "--confirm", "60")["confirm"] is None
    assert daemon.vsctl_raw("config", "apply", path, "--confirm", "60").stdout == \
        "nothing had to be changed\n"

    daemon.vsctl("config", "apply", "--confirm", "60")
    daemon.vsctl("config", "rollback")
    assert "p2" not in switch_state(daemon)["ports"]
    with pytest.raises(VsctlError) as failure:
        daemon.vsctl("config", "apply", "--confirm", "soon")
    assert failure.value.status == 2


def test_save_waits_for_confirmation(two):
    """What may be undone does not get into the file that the next start reads."""
    daemon = two.daemon
    path = write(daemon, "[bridge br0]\nloop-detect = no\n[port p1]\nbridge = br0\nvid = 9\n")
    daemon.vsctl("config", "apply", path, "--confirm", "60")
    link = daemon.folder / "link.conf"
    link.symlink_to(daemon.config)
    for words in ([], [daemon.config], ["/%s" % daemon.config], [link]):
        with pytest.raises(VsctlError, match='waits to be confirmed.*"vsctl config confirm"'):
            daemon.vsctl("config", "save", *words)
    assert daemon.config.read_text() == BASE
    other = daemon.folder / "elsewhere.conf"
    daemon.vsctl("config", "save", other)
    assert "vid = 9" in other.read_text()
    daemon.vsctl("config", "confirm")
    daemon.vsctl("config", "save")
    assert "vid = 9" in daemon.config.read_text()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_confirm_outlives_vswitchd(two, number):
    """Who locks himself out and has the host restarted is let in again, too."""
    daemon = two.daemon
    before = objects(daemon)
    daemon.config.write_text("[bridge br0]\nloop-detect = no\n[port p1]\nbridge = br0\nvid = 9\n")
    daemon.vsctl("config", "apply", "--confirm", "600")
    daemon.stop(number)
    daemon.start()
    assert "p2" not in switch_state(daemon)["ports"]
    assert 0 <= daemon.vsctl("config", "show")["confirm"] <= 600
    daemon.vsctl("config", "rollback")
    assert objects(daemon) == before
    # before or after it has started again: undone it is
    daemon.vsctl("config", "apply", "--confirm", "4")
    daemon.stop(number)
    daemon.start()
    wait_until(lambda: objects(daemon) == before, what="it is undone")
    assert daemon.vsctl("config", "show")["confirm"] is None
    daemon.wait_link("p2")
    two.two[0].host.ping("10.0.0.2")
    # and what was confirmed stays so
    daemon.vsctl("config", "apply", "--confirm", "60")
    daemon.vsctl("config", "confirm")
    daemon.stop(number)
    daemon.start()
    assert daemon.vsctl("config", "show")["confirm"] is None


def test_confirm_that_cannot_all_be_undone(two):
    """Nobody can come in and help: what can be undone is, whatever else cannot."""
    daemon = two.daemon
    folder = daemon.folder / "guests"
    folder.mkdir()
    daemon.vsctl("port", "add", "a0", "bridge", "br0", "type", "vhost", "path", folder / "a0")
    before = objects(daemon)
    path = write(daemon, "[bridge br0]\nloop-detect = no\n[port p1]\nbridge = br0\nvid = 9\n")
    daemon.vsctl("config", "apply", path, "--confirm", "10")
    folder.rmdir()
    # all or nothing, as somebody says it; and the time goes on. No vsctl, which takes time, too
    assert "port a0: cannot listen" in daemon.rpc("config.rollback")["error"]["message"]
    assert "p2" not in {row["port"] for row in daemon.rpc("port.show")["result"]}
    assert daemon.rpc("config.show")["result"]["confirm"] is not None
    wait_until(lambda: "p2" in switch_state(daemon)["ports"], what="it is undone")
    del before["port", "a0"]
    wait_until(lambda: switch_state(daemon)["ports"]["p1"]["vid"] is None, what="all of it is")
    assert {name: keys["bridge"] for (kind, name), keys in objects(daemon).items()
            if kind == "port"} == {"p1": "br0", "p2": "br0"}
    assert set(objects(daemon)) == set(before)
    assert daemon.vsctl("config", "show")["confirm"] is None
    assert "rollback: port a0: cannot listen" in daemon.log and "but not all" in daemon.log
    daemon.wait_link("p2")
    two.two[0].host.ping("10.0.0.2")


def test_rollback_without_history(two):
    """What cannot be written, as the disk is full, can be undone all the same."""
    daemon = two.daemon
    daemon.vsctl("port", "set", "p1", "vid", 5)
    (daemon.run_dir / "state/history/new").mkdir()  # where entries are written at first
    for vid in (6, 7):
        daemon.vsctl("port", "set", "p1", "vid", vid)
    assert daemon.vsctl("config", "history")[-1]["what"] == "port set p1 vid 5"
    daemon.vsctl("config", "rollback")
    assert daemon.port("p1")["vid"] == 6
    (daemon.run_dir / "state/history/new").rmdir()
    daemon.vsctl("config", "rollback")
    assert daemon.port("p1")["vid"] == 7
    assert daemon.vsctl("config", "history")[-1]["what"] == "config rollback"
    daemon.vsctl("config", "rollback")
    assert daemon.port("p1")["vid"] == 6


def test_history_and_rollback(two):
    """Numbered, of live commands as well; back to any of them, also after a restart."""
    daemon = two.daemon
    for vid in (5, 6, 7):
        daemon.vsctl("port", "set", "p1", "vid", vid)
    daemon.vsctl("port", "set", "p1", "vid", 7)  # is so already
    rows = daemon.vsctl("config", "history")
    assert [(row["number"], row["what"]) for row in rows] == [
        (1, "start"), (2, "port set p1 vid 5"), (3, "port set p1 vid 6"), (4, "port set p1 vid 7")]
    assert [row["uid"] for row in rows] == [None, 0, 0, 0]
    assert "vid = 6" in daemon.vsctl_raw("config", "history", 3).stdout
    assert "root" in daemon.vsctl_raw("config", "history").stdout
    daemon.vsctl("config", "rollback")
    assert daemon.port("p1")["vid"] == 6
    daemon.vsctl("config", "rollback", 2)
    assert daemon.port("p1")["vid"] == 5
    with pytest.raises(VsctlError, match="no number 77"):
        daemon.vsctl("config", "rollback", 77)
    assert daemon.stop() == 0
    daemon.start()
    assert daemon.port("p1")["vid"] is None
    daemon.vsctl("config", "rollback", 4)
    assert daemon.port("p1")["vid"] == 7
    assert daemon.vsctl("config", "history")[-1]["what"] == "config rollback 4"


def test_history_leaves_out_what_is_the_same(two):
    """A file that says what runs in another order is no change that a rollback would undo."""
    daemon = two.daemon
    daemon.vsctl("bridge", "add", "br1")
    path = write(daemon, "[bridge br1]\n" + BASE)
    rows = daemon.vsctl("config", "history")
    assert daemon.vsctl_raw("config", "apply", path).stdout == "nothing had to be changed\n"
    assert daemon.vsctl("config", "history") == rows
    daemon.vsctl("config", "rollback")
    assert "br1" not in switch_state(daemon)["bridges"]


def test_history_is_bounded(two):
    """The last hundred are kept."""
    for number in range(120):
        two.daemon.rpc("port.set", name="p1", vid=number + 1)
    rows = two.daemon.vsctl("config", "history")
    assert [row["number"] for row in rows] == list(range(22, 122))


# --- batches ---


def test_batch(two):
    """All of them; or none, and the line that is wrong."""
    daemon = two.daemon
    two.cable(3)
    path = write(daemon, """\
# moves a port to another bridge
bridge add br1 ageing 7
port del p2
port add p2 bridge br1 vid 5   # by a port of the same name
port add "p3" bridge br0

addr add 10.5.0.1/24 bridge br1
fdb add br0 mac 02:00:00:00:00:05 port p3
""", "batch")
    before = objects(daemon), switch_state(daemon)
    daemon.vsctl("batch", path)
    assert daemon.port("p2")["bridge"] == "br1"
    assert daemon.fdb("br0")["02:00:00:00:00:05", 0] == "p3"
    assert daemon.vsctl("config", "history")[-1]["what"] == "batch %s" % path
    daemon.vsctl("config", "rollback")
    assert (objects(daemon), switch_state(daemon)) == before

    path.write_text(path.read_text() + "port add lo bridge br0\n")
    result = daemon.vsctl_raw("batch", path)
    assert result.returncode == 1
    assert re.search(r"batch:9: port lo: ", result.stderr), result.stderr
    assert (objects(daemon), switch_state(daemon)) == before
    assert ("02:00:00:00:00:05", 0) not in daemon.fdb("br0")
    daemon.wait_link("p2")
    two.two[0].host.ping("10.0.0.2")

    path.write_text("bridge add\nport show\nfdb flush br0\nport add 'p3 bridge br0\n")
    lines = daemon.vsctl_raw("batch", path).stderr.splitlines()
    assert [line.split(": ", 1)[0][-1] for line in lines[:3]] == ["1", "2", "4"], lines
    assert "quote" in lines[2] and "3 errors; nothing was done" in lines[3]
    path.write_text("vsctl bridge add br9\nhelp\n")
    lines = daemon.vsctl_raw("batch", path).stderr.splitlines()
    assert "what stands behind vsctl" in lines[0] and "nothing that a batch can do" in lines[1]
    path.write_text("fdb flush br0\n")
    assert "could not be taken back" in daemon.vsctl_raw("batch", path).stderr


def test_batch_too_long(idle_bed):
    """vswitchd hangs up on what is longer than it takes, and vsctl says why it did."""
    daemon = idle_bed.start("").daemon
    path = write(daemon, "".join("bridge add b%d\n" % number for number in range(60000)), "batch")
    result = daemon.vsctl_raw("batch", path)
    assert result.returncode == 1 and "longer than" in result.stderr, result.stderr
    assert objects(daemon) == {}


def test_batch_from_stdin(two):
    """And with a confirmation."""
    daemon = two.daemon
    reply = daemon.rpc("batch.run", confirm=1, source="-", commands=[
        {"method": "port.set", "params": {"name": "p1", "vid": 5}}])
    assert reply["result"]["done"] == 1
    wait_until(lambda: daemon.port("p1")["vid"] is None, what="it is undone")
    assert [row["what"] for row in daemon.vsctl("config", "history")[-2:]] == [
        "batch -", "config rollback: nobody confirmed"]


# --- what is asked of the socket ---


def test_bad_requests(two):
    """Parameters that make no sense are refused, and nothing happens."""
    daemon = two.daemon
    before = objects(daemon)
    for method, params in (
            ("config.apply", {}), ("config.apply", {"objects": [3]}),
            ("config.apply", {"objects": [{"kind": "fdb"}]}),
            ("config.apply", {"objects": [{"kind": "bridge", "name": "b", "keys": {"x": 1}}]}),
            ("config.apply", {"objects": [{"kind": "bridge", "name": "b"}] * 2}),
            ("config.apply", {"objects": [{"kind": "port", "name": "vif1.0",
                                           "keys": {"bridge": "br0"}}]}),
            ("config.apply", {"objects": [], "confirm": 0}),
            ("batch.run", {}), ("batch.run", {"commands": [{}]}),
            ("batch.run", {"commands": [{"method": "config.apply", "params": {}}]}),
            ("config.history", {"number": 99}), ("config.rollback", {"number": -1}),
            ("config.rollback", {"number": "one"}), ("config.rollback", {"number": 2 ** 32}),
            ("config.rollback", {"number": None}), ("config.history", {"number": 0})):
        assert "error" in daemon.rpc(method, **params), (method, params)
    assert objects(daemon) == before


def test_client_that_leaves(two):
    """What it has begun is done all the same."""
    daemon = two.daemon
    with daemon.connect() as client:
        client.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "config.apply", "params": {
            "objects": [{"kind": "bridge", "name": "br9"}]}}).encode() + b"\n")
    wait_until(lambda: set(objects(daemon)) == {("bridge", "br9")}, what="it is done")
    assert os.path.exists(daemon.run_dir / "state/history")
