# SPDX-License-Identifier: BSD-3-Clause
"""vsctl health: each fault is found, with its object and a remedy, and gone when it is mended."""

import json
import os
import re
import signal
import subprocess
import time

import pytest

from harness.daemon import ROOT, build_folder
from harness.netns import die_with_parent
from harness.vhost_guest import VhostGuest
from harness.wait import TIMEOUT, wait_until
from harness.wire import BROADCAST, frame, mac_of, tagged

from test_bond import Bond
from test_guests import add_guest, add_uplink
from test_loop import bridged
from test_tap import add_tap
from test_terminal import SGR, on_terminal

scapy = pytest.importorskip("scapy.all")

A, B = mac_of(1), mac_of(2)
OK, WARNING, ERROR = 0, 3, 4


def health(bed):
    """vsctl -j health: (exit status, what it says)."""
    result = bed.daemon.vsctl_raw("-j", "health")
    assert result.returncode in (OK, WARNING, ERROR), result.stderr
    reply = bed.daemon.rpc("health.show")["result"]
    assert len(reply["checks"]) > 20
    for finding in reply["findings"]:
        assert finding["text"] and finding["remedy"], finding
    return reply


def findings(bed, check):
    """[(severity, object, text)] of a check."""
    return [(row["severity"], row["object"], row["text"])
            for row in health(bed)["findings"] if row["check"] == check]


def wait_found(bed, check, severity, name, pattern):
    """Wait until a check tells of an object. Return: the finding."""
    def found():
        return next((row for row in findings(bed, check)
                     if row[:2] == (severity, name) and re.search(pattern, row[2])), None)
    return wait_until(found, what=lambda: "%s of %s: %s" % (check, name, health(bed)["findings"]))


def wait_gone(bed, check, *names):
    """Wait until a check finds no fault any more (with these); notes may stay."""
    def gone():
        return not [row for row in findings(bed, check)
                    if row[0] != "note" and (not names or row[1] in names)]
    wait_until(gone, what=lambda: "%s is silent: %s" % (check, health(bed)["findings"]))


def calm(bed, *words):
    """vsctl health when no machine is to blame: that the control thread had to wait for its turn
    is told for a minute. Return: as vsctl_raw().
    """
    def run():
        result = bed.daemon.vsctl_raw(*words, "health")
        return None if "was held up for" in result.stdout else result
    return wait_until(run, timeout=3 * TIMEOUT, what="nothing held the control thread up")


def sends(station, *frames):
    """A condition's help: a station goes on sending."""
    station.wire.send(*frames)
    return True


def test_healthy(bed):
    bed.station(1)
    bed.station(2)
    result = calm(bed)
    assert (result.returncode, result.stderr) == (OK, "")
    n = len(health(bed)["checks"])
    assert re.fullmatch(r"all %d checks passed; counters: of the last \d+ s\n" % n, result.stdout)
    # the counters of before are used, and not such of a second that it has waited
    time.sleep(2)
    assert json.loads(bed.daemon.vsctl_raw("-j", "health").stdout)["seconds"] >= 2
    verbose = bed.daemon.vsctl_raw("health", "-v").stdout
    assert re.search("duplicate-mac +ok +guests with one MAC", verbose)
    assert bed.daemon.vsctl_raw("health", "nonsense").returncode == 2


def test_documented(bed):
    """docs/troubleshooting.md has all checks, in their words."""
    text = (ROOT / "docs/troubleshooting.md").read_text()
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| (.*?) \|", text, re.MULTILINE))
    for check in health(bed)["checks"]:
        assert rows.get(check["check"]) == check["looks_at"]


def test_statuses_and_width(bed):
    """Warnings 3, errors 4; lines fit; a program sees the same."""
    bed.station(1, "vid", 7)
    result = calm(bed)
    assert result.returncode == WARNING
    assert "warning: p1 (vlan)\n  is the only port in VLAN 7 of bridge br0" in result.stdout
    assert "\n  remedy: " in result.stdout
    assert re.search(r"\n\d+ checks: 1 warning; counters: of the last \d+ s\n$", result.stdout)
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert bed.daemon.vsctl_raw("-j", "health").returncode == WARNING
    bed.stations[0].host.ip("link", "set", "eth0", "down")
    bed.daemon.wait_link("p1", "down")
    assert bed.daemon.vsctl_raw("health").returncode == ERROR
    bed.daemon.stop(signal.SIGKILL)
    assert bed.daemon.vsctl_raw("health").returncode == 1
    bed.daemon.start()


def test_carrier(bed):
    station = bed.station(1)
    station.host.ip("link", "set", "eth0", "down")
    wait_found(bed, "carrier", "error", "p1", "link|carrier")
    station.host.ip("link", "set", "eth0", "up")
    wait_gone(bed, "carrier")
    bed.daemon.vsctl("port", "set", "p1", "carrier", "off")
    wait_found(bed, "carrier", "note", "p1", "unplugged")
    bed.daemon.vsctl("port", "set", "p1", "carrier", "on")
    add_tap(bed, "tap0")
    bed.sw.ip("link", "set", "tap0", "down")
    wait_found(bed, "carrier", "warning", "tap0", "down|link")
    bed.sw.ip("link", "set", "tap0", "up")
    wait_gone(bed, "carrier")
    assert not findings(bed, "carrier")


def test_carrier_of_a_dpdk_device(bed):
    """The host's tools do not help with it."""
    bed.daemon.vsctl("port", "add", "nic0", "bridge", "br0", "devargs", "net_tap0,iface=dtap0")
    bed.daemon.wait_link("nic0")
    bed.sw.ip("link", "set", "dtap0", "down")
    wait_found(bed, "carrier", "error", "nic0", "link")
    remedy = next(row["remedy"] for row in health(bed)["findings"] if row["object"] == "nic0")
    assert "cable" in remedy and "vsctl port show nic0" in remedy
    assert not re.search(r"\bip link|ethtool", remedy)


def test_mtu(bed):
    """What is configured, and the packets that vanish for it: once they are none, that is a note."""
    wide = bed.station(1, mtu=9000)
    bed.station(2)
    bed.station(3, "vid", 5, mtu=4000)
    bed.daemon.vsctl("port", "set", "p1", "trunk", "1,10", "native", "1")
    bed.daemon.vsctl("port", "set", "p2", "vid", "1")
    wait_found(bed, "mtu", "warning", "br0", "MTU 9000 at p1, but 1500 at p2: what is larger")
    big = frame(BROADCAST, A) + bytes(3000)
    found = []

    def dropped():
        wide.wire.send(big)
        found[:] = [row for row in findings(bed, "mtu") if row[1] == "p2"]
        return found and found[0][0] == "warning"
    wait_until(dropped, what=lambda: "p2: %s" % found)
    assert re.match(r"\d+ packets? w.* dropped in the last \d+ s, \d+ in all: larger than the "
                    "port's MTU of 1500", found[0][2])
    bed.daemon.vsctl("port", "set", "p1", "mtu", 1500)
    wait_gone(bed, "mtu")
    wait_found(bed, "mtu", "note", "p2", r"\d+ packet.* dropped since it was added, none in the")


def test_vlan(bed):
    bed.station(1, "trunk", "10,20")
    bed.station(2, "vid", 10)
    assert not findings(bed, "vlan")
    bed.daemon.vsctl("port", "set", "p2", "vid", 11)
    wait_found(bed, "vlan", "warning", "p2", "only port in VLAN 11 of bridge br0")
    bed.daemon.vsctl("port", "set", "p1", "trunk", "10,11,20")
    wait_gone(bed, "vlan")
    refused = tagged(frame(BROADCAST, A), 99)

    def found(severity):
        wait_until(lambda: sends(bed.stations[0], refused) and [
            row for row in findings(bed, "vlan") if row[:2] == (severity, "p1")],
                   what=lambda: "a refused tag: %s" % health(bed)["findings"])
    found("warning")
    wait_gone(bed, "vlan")
    # a switch that has more VLANs than the trunk, and stations in one that it has
    bed.stations[0].wire.send(tagged(frame(BROADCAST, B), 11))
    wait_until(lambda: (B, 11) in bed.daemon.fdb("br0"))
    found("note")
    assert json.loads(calm(bed, "-j").stdout)["status"] == "note"
    # a trunk whose native VLAN nobody is in
    bed.daemon.vsctl("port", "set", "p1", "trunk", "10,11,20", "native", 20)
    assert not [row for row in findings(bed, "vlan") if row[0] != "note"]


def test_flapping(bed):
    """Two stations with one MAC."""
    bed.station(1)
    bed.station(2)

    def found():
        for _ in range(3):
            for station in bed.stations:
                station.wire.send(frame(BROADCAST, A))
                time.sleep(0.02)
        return [row for row in findings(bed, "flapping") if A in row[2]]
    row = wait_until(found, what=lambda: health(bed)["findings"])[0]
    assert row[0] == "warning" and re.match("station %s moves between it and p[12]: " % A, row[2])
    bed.daemon.vsctl("port", "del", "p2")
    wait_gone(bed, "flapping")


def test_duplicate_mac_of_host(bed):
    """A station that sends with the MAC of the host's tap."""
    add_tap(bed, "tap0")
    mac = bed.sw.mac("tap0")
    station = bed.station(1)
    wait_until(lambda: sends(station, frame(BROADCAST, mac)) and (
        "error", "tap0", "its MAC %s sends from port p1, too" % mac) in findings(
            bed, "duplicate-mac"), what=lambda: health(bed)["findings"])
    bed.daemon.vsctl("port", "del", "p1")
    wait_gone(bed, "duplicate-mac")


def test_loop(idle_bed):
    bed = idle_bed.start("[bridge br0]\n")
    wire = bed.station(3).wire
    host = bridged(bed, "loop", (1, 2))
    host.ip("link", "set", "k", "up")
    wire.send(frame(BROADCAST, A))
    wait_found(bed, "loop", "error", "p2", "is blocked: a loop with port p1")
    host.ip("link", "set", "k", "down")
    bed.daemon.vsctl("port", "set", "p2", "carrier", "on")
    wait_gone(bed, "loop")


def test_bpdu_guard(idle_bed):
    bed = idle_bed.start("[bridge br0]\nstp = rstp\n")
    station = bed.station(1, "bpdu", "guard")
    bpdu = bytes.fromhex("0180c2000000") + bytes.fromhex(A.replace(":", "")) + bytes.fromhex(
        "0026424203" "0000000000" "8000" + A.replace(":", "") + "00000000" "8000" +
        A.replace(":", "") + "8001" "0000" "1400" "0200" "0f00")
    station.wire.send(bpdu)
    wait_found(bed, "loop", "error", "p1", "is out of use: ")
    bed.daemon.vsctl("port", "set", "p1", "carrier", "on")
    wait_gone(bed, "loop")


def test_bond(bed):
    bond = Bond(bed)
    bond.plug(0, False)
    wait_found(bed, "bond", "warning", "bond0", "1 of 2 members carry packets; p1: ")
    bond.plug(1, False)
    wait_found(bed, "bond", "error", "bond0", "0 of 2 members carry packets; p1: .*; p2: ")
    for index in (0, 1):
        bond.plug(index, True)
    wait_gone(bed, "bond")
    assert not findings(bed, "bond")
    bond.set("members", "p1")
    wait_found(bed, "bond", "note", "bond0", "has one member")
    assert calm(bed).returncode == OK


def test_port_and_routed_guest(bed):
    """Spoofed sources, wrong checksums, no route; a port on no bridge."""
    add_uplink(bed)
    guest = add_guest(bed, 2, plain=True)
    router = bed.daemon.port("p2")["mac"]

    def packet(source, target="10.0.1.2", **fields):
        return bytes(scapy.Ether(dst=router, src=guest.mac) /
                     scapy.IP(src=source, dst=target, **fields) / scapy.UDP())
    bed.daemon.vsctl("port", "set", "p1", "mtu", 1300)
    long = packet("10.0.1.77", flags="DF")[:14] + bytes(scapy.IP(
        src="10.0.1.77", dst="10.0.1.2", flags="DF") / scapy.UDP() / bytes(1350))
    wait_until(lambda: sends(guest, long) and [
        row for row in findings(bed, "mtu") if row[:2] == ("note", "p2") and
        "as their senders are told" in row[2]], what=lambda: health(bed)["findings"])
    cases = (("spoofed", "warning", packet("10.66.0.1")),
             ("checksum", "warning", packet("10.0.1.77", chksum=1)),
             ("route", "note", packet("10.0.1.77", "203.0.113.9")))
    for check, severity, data in cases:
        wait_until(lambda c=check, s=severity, d=data: sends(guest, d) and [
            row for row in findings(bed, c) if row[:2] == (s, "p2")],
                   what=lambda c=check: "%s: %s" % (c, health(bed)["findings"]))
    for check, _, _ in cases:
        wait_gone(bed, check)
    loose = bed.cable(3)
    bed.daemon.vsctl("port", "add", "p3", "bridge", "none")
    bed.daemon.wait_link("p3")
    wait_until(lambda: sends(loose, frame(BROADCAST, B)) and [
        row for row in findings(bed, "port") if row[:2] == ("warning", "p3")], what="no bridge")
    bed.daemon.vsctl("port", "set", "p3", "bridge", "br0")
    wait_gone(bed, "port")


def test_no_bridge(bed):
    """A NIC that only has VLANs gets others, and a mirror's end may speak: no faults."""
    stations = [bed.station(number, bridge="none") for number in (1, 2)]
    bed.station(3)
    bed.daemon.vsctl("port", "add", "p1.7", "bridge", "br0")
    bed.daemon.vsctl("mirror", "add", "m", "port", "p3", "to", "p2")

    def counted():
        for station in stations:
            station.wire.send(tagged(frame(BROADCAST, A), 8))
        return all(bed.daemon.drops(name, "no_bridge") for name in ("p1", "p2"))
    health(bed)
    wait_until(counted)
    wait_found(bed, "port", "note", "p1", "VLAN that no port takes")
    assert not [row for row in findings(bed, "port") if row[:2] != ("note", "p1")]
    bed.daemon.vsctl("port", "del", "p1.7")
    wait_until(lambda: counted() and [
        row for row in findings(bed, "port") if row[:2] == ("warning", "p1")],
               what=lambda: health(bed)["findings"])


def test_nat(bed):
    """A guest that uses up its NAT sessions, and then the table's caps."""
    bed.station(1, bridge="none")
    bed.daemon.vsctl("addr", "add", "192.0.2.9/24", "port", "p1")
    guest = bed.cable(2)
    bed.daemon.vsctl("port", "add", "p2", "mode", "nat", "ip", "10.0.0.2", "gateway", "10.0.0.1",
                     "nat-sessions", 20)
    bed.daemon.wait_link("p2")
    bed.daemon.vsctl("nat", "add", "out", "masquerade", "p1")
    bed.daemon.vsctl("neigh", "add", "192.0.2.77", "mac", B, "port", "p1")
    router = bed.daemon.port("p2")["mac"]
    flows = [bytes(scapy.Ether(dst=router, src=guest.mac) /
                   scapy.IP(src="10.0.0.2", dst="192.0.2.77") /
                   scapy.UDP(sport=port, dport=53)) for port in range(2000, 2100)]
    wait_until(lambda: sends(guest, *flows) and [
        row for row in findings(bed, "nat") if row[:2] == ("warning", "p2")],
               what=lambda: health(bed)["findings"])
    wait_found(bed, "table", "error", "p2", "20 of 20 NAT sessions that it may have are in use")
    bed.daemon.vsctl("port", "set", "p2", "nat-sessions", 2000)
    wait_gone(bed, "nat")
    wait_gone(bed, "table")


def test_nat_table_full(bed):
    """One guest takes all of the table; it is named."""
    bed.daemon.vsctl("nat-table", "set", "sessions-max", 1024)
    bed.station(1, bridge="none")
    bed.daemon.vsctl("addr", "add", "192.0.2.9/24", "port", "p1")
    guest = bed.cable(2)
    bed.daemon.vsctl("port", "add", "p2", "mode", "nat", "ip", "10.0.0.2", "gateway", "10.0.0.1")
    bed.daemon.wait_link("p2")
    bed.daemon.vsctl("nat", "add", "out", "masquerade", "p1")
    bed.daemon.vsctl("neigh", "add", "192.0.2.77", "mac", B, "port", "p1")
    router = bed.daemon.port("p2")["mac"]
    flows = [bytes(scapy.Ether(dst=router, src=guest.mac) /
                   scapy.IP(src="10.0.0.2", dst="192.0.2.77") /
                   scapy.UDP(sport=port, dport=53)) for port in range(2000, 3100)]
    row = wait_until(lambda: sends(guest, *flows) and [
        row for row in findings(bed, "nat") if row[:2] == ("error", "p2")],
                     what=lambda: health(bed)["findings"])[0]
    assert "the table of NAT sessions is full" in row[2]
    wait_found(bed, "table", "error", "nat-table", "1024 of 1024 NAT sessions are in use")
    bed.daemon.vsctl("nat", "flush", "guest", "p2")
    wait_gone(bed, "nat")
    wait_gone(bed, "table")


def test_table(bed):
    bed.daemon.vsctl("bridge", "set", "br0", "fdb-limit", 20)
    station = bed.station(1)
    station.wire.send(*(frame(BROADCAST, mac_of(number)) for number in range(1, 19)))
    wait_found(bed, "table", "warning", "br0", "18 of 20 addresses")
    station.wire.send(*(frame(BROADCAST, mac_of(number)) for number in range(19, 25)))
    wait_found(bed, "table", "error", "br0", "20 of 20 addresses")
    bed.daemon.vsctl("bridge", "set", "br0", "fdb-limit", 200)
    wait_gone(bed, "table")


def test_one_address(bed):
    """A port that may have one address, has it, and is well; until another one comes."""
    station = bed.station(1, "fdb-limit", 1)
    station.wire.send(frame(BROADCAST, A))
    wait_until(lambda: A in [mac for mac, _ in bed.daemon.fdb("br0")])
    assert not findings(bed, "table")
    station.wire.send(frame(BROADCAST, B))
    wait_found(bed, "table", "error", "p1", "1 of 1 addresses")


def test_control(bed):
    """The control thread is stopped for a while."""
    calm(bed)
    os.kill(bed.daemon.pid, signal.SIGSTOP)
    time.sleep(2.5)
    os.kill(bed.daemon.pid, signal.SIGCONT)
    # by its tick, which was due within a second
    wait_found(bed, "control", "warning", "control thread", r"was held up for [1-9]\d*\.\d s")


def test_config(bed, tmp_path):
    """A confirmation that is due, a change that has failed."""
    target = tmp_path / "new.conf"
    target.write_text("[bridge br0]\nloop-detect = no\n[bridge br1]\n")
    bed.daemon.vsctl("config", "apply", target, "--confirm", 300)
    wait_found(bed, "config", "warning", "configuration", r"is undone in \d+ s")
    bed.daemon.vsctl("config", "confirm")
    wait_gone(bed, "config")
    target.write_text("[bridge br0]\nloop-detect = no\n[bridge br1]\n"
                      "[port nic9]\nbridge = br1\ntype = eth\ndevargs = net_nothing0\n")
    assert bed.daemon.vsctl_raw("config", "apply", target).returncode == 1
    wait_found(bed, "config", "warning", "configuration", "has failed and was taken back: ")
    bed.daemon.vsctl("bridge", "set", "br1", "ageing", 100)
    wait_gone(bed, "config")


def test_history_cannot_be_written(bed):
    """Nor read, by the way: a file is where its folder was."""
    folder = bed.daemon.run_dir / "state/history"
    folder.rename(folder.with_name("kept"))
    folder.write_text("")
    bed.daemon.vsctl("bridge", "set", "br0", "ageing", 100)
    wait_found(bed, "config", "warning", "configuration",
               "noted nowhere: .*state/history: Not a directory")
    folder.unlink()
    folder.with_name("kept").rename(folder)
    bed.daemon.vsctl("bridge", "set", "br0", "ageing", 110)
    wait_gone(bed, "config")
    assert not findings(bed, "config")


def test_vhost(bed):
    """A port whose guest has not come yet is no fault."""
    bed.daemon.vsctl("port", "add", "vh0", "type", "vhost", "bridge", "br0")
    wait_found(bed, "guest", "note", "vh0", ".")
    assert calm(bed).returncode == OK


def test_stalled_guest(bed):
    """A virtual machine that does not take its packets, until it does."""
    bed.daemon.vsctl("port", "add", "vh0", "type", "vhost", "bridge", "br0")
    station = bed.station(1)
    guest = VhostGuest(bed.daemon.port("vh0")["path"])
    try:
        bed.daemon.wait_link("vh0")
        wait_until(lambda: sends(station, *[frame(BROADCAST, A)] * 20) and [
            row for row in findings(bed, "ring") if row[:2] == ("error", "vh0") and
            "has stalled: it took none of" in row[2]], what=lambda: health(bed)["findings"])
        wait_until(lambda: sends(station, frame(BROADCAST, A)) and guest.drain() is not None and
                   not findings(bed, "ring"), what=lambda: health(bed)["findings"])
    finally:
        guest.close()


def test_many(bed, tmp_path):
    """A switch with 500 ports: it answers soon, and shows some of what is the same."""
    lines = tmp_path / "ports"
    lines.write_text("".join("port add vh%d type vhost bridge br0 vid %d\n" % (number, number)
                             for number in range(1, 501)))
    bed.daemon.vsctl("batch", lines)
    health(bed)
    time.sleep(1)
    started = time.monotonic()
    reply = bed.daemon.rpc("health.show")["result"]
    took = time.monotonic() - started
    print("\nhealth of 500 ports, %d findings: %.1f ms" % (len(reply["findings"]), took * 1000))
    text = bed.daemon.vsctl_raw("health").stdout
    assert text.count("(vlan)") == 8 and "and 492 more of vlan: -v shows them" in text
    assert bed.daemon.vsctl_raw("health", "-v").stdout.count("(vlan)") == 500


def test_terminal(bed):
    """It fits, and is coloured."""
    bed.station(1, "vid", 7)
    text = on_terminal(bed.daemon, 40, "-j", "health", status=WARNING)
    assert json.loads(text)["status"] == "warning"
    text = on_terminal(bed.daemon, 40, "health", status=WARNING)
    assert text.startswith("\x1b[") and "warning\x1b[" in text
    assert max(len(SGR.sub("", line)) for line in text.splitlines()) <= 40


def test_watch(bed):
    """-w: shown again as things change, whatever there is to tell."""
    station = bed.station(1)
    command = [build_folder() / "ctl/vsctl", "-s", bed.daemon.socket_path, "-w", "-j", "health"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True,
                          preexec_fn=die_with_parent) as watch:
        assert any(json.loads(line)["status"] == "ok" for line in watch.stdout)
        station.host.ip("link", "set", "eth0", "down")
        assert any(json.loads(line)["status"] == "error" for line in watch.stdout)
        watch.terminate()


PLACEHOLDERS = (("%s", "p1"), ("%u", "1500"), ("PORT", "p1"), ("UPLINK", "p1"), ("BRIDGE", "br0"),
                ("IP/LEN", "10.0.0.0/8"), ("LOW-HIGH", "auto"), ("GATEWAY", "10.0.0.1"),
                ("RULE", "out"), ("POOL", "192.0.2.1"), ("ip LIST", "ip 10.0.0.2"), ("LIST", "10"),
                (" N", " 100"))


def test_remedies_are_commands(bed):
    """What a remedy has in quotes can be typed; names apart."""
    commands = set()
    for path in (ROOT / "vswitch").glob("health*.c"):
        text = re.sub(r'"\s*\n\s*"', "", path.read_text())
        commands |= set(re.findall(r'\\"vsctl ([^\\]*)\\"', text))
    assert len(commands) > 20
    bed.daemon.stop()
    for command in commands:
        for placeholder, value in PLACEHOLDERS:
            command = command.replace(placeholder, value)
        result = bed.daemon.vsctl_raw(*command.split())
        assert "vswitchd" in result.stderr and result.returncode == 1, command + result.stderr
