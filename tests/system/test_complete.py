# SPDX-License-Identifier: BSD-3-Clause
"""The shell completes vsctl's command lines: its words, and names of what there is."""

import os
import subprocess

import pytest

from harness import bash
from harness.daemon import build_folder
from harness.wait import wait_until

MAC = "00:16:3e:00:00:0%d"

BRIDGES = ["br0", "guests", "xenbr0"]
PORTS = ["p1", "tap0", "tap1"]

# what is typed; what may be there then: exactly, or among others
LINES = [
    ("vsctl bri", ["bridge"]),
    ("vsctl b", ["batch", "bond", "brctl", "bridge"]),
    ("vsctl bridge ", ["add", "adopt", "del", "help", "release", "set", "show"]),
    ("vsctl bridge adopt g", ["guests"]),
    ("vsctl bridge adopt guests ni", ["nic2"]),
    ("vsctl bridge adopt guests nic2 -", ["--confirm", "--help"]),
    ("vsctl bridge d", ["del"]),
    ("vsctl bridge del ", BRIDGES),
    ("vsctl bridge del x", ["xenbr0"]),
    ("vsctl bridge add ", []),
    ("vsctl bridge set br0 stp", ["stp", "stp-priority"]),
    ("vsctl bridge set br0 stp ", ["off", "rstp", "stp"]),
    ("vsctl bridge set br0 snooping ", ["no", "yes"]),
    ("vsctl bridge set br0 stp rstp st", ["stp-priority"]),
    ("vsctl br sh ", BRIDGES),
    ("vsctl -j bridge show g", ["guests"]),
    ("vsctl port add ", ["br0", "guests", "host1", "nic2", "xenbr0"]),
    ("vsctl port add n", ["nic2"]),
    ("vsctl port add nic2 br", ["bridge"]),
    ("vsctl port add nic2 bridge ", [*BRIDGES, "none"]),
    ("vsctl port add nic2 bridge br0 type ", ["auto", "eth", "netdev", "tap", "vhost", "vif", "vlan"]),
    ("vsctl port add nic2 bridge br0 mt", ["mtu"]),
    ("vsctl port add nic2 bridge br0 mtu ", ["keep"]),
    ("vsctl port add nic2 bridge br0 bri", []),
    ("vsctl port del ", PORTS),
    ("vsctl port set p1 trunk ", ["all", "none"]),
    ("vsctl port set p1 typ", []),
    ("vsctl port show ", ["bridge", *PORTS]),
    ("vsctl port show bridge g", ["guests"]),
    ("vsctl port show p1 ", ["bridge"]),
    ("vsctl bond add bond0 members ", ["host1", "nic2", *PORTS]),
    ("vsctl bond add bond0 members nic2,p", ["nic2,p1"]),
    ("vsctl bond add bond0 members nic2,nic", []),
    ("vsctl bond add bond0 mode b", ["balance-slb", "balance-xor"]),
    ("vsctl bond set ", []),
    ("vsctl fdb flush xenbr0 port ", ["tap1"]),
    ("vsctl addr del ", ["10.1.0.1/24"]),
    ("vsctl addr add ", []),
    ("vsctl addr add 10.2.0.1/24 bridge ", BRIDGES),
    ("vsctl route del ", ["10.9.0.0/16"]),
    ("vsctl route add 10.8.0.0/16 ", ["blackhole", "port", "unreachable", "via"]),
    ("vsctl route add 10.8.0.0/16 blackhole p", ["port"]),
    ("vsctl route import ", ["kernel", "none"]),
    ("vsctl nat del ", ["out1"]),
    ("vsctl nat add web out ", [*BRIDGES, *PORTS]),
    ("vsctl nat add web dnat ", ["any", "icmp", "tcp", "udp"]),
    ("vsctl nat add web dnat tcp 80 ", ["to"]),
    ("vsctl nat add web dnat tcp 80 to 10.0.0.2:80 o", ["out"]),
    ("vsctl network set ", ["10.1.0.0/24"]),
    ("vsctl network add 10.7.0.0/16 dhcp ", ["off", "on"]),
    ("vsctl stats show t", ["tap0", "tap1"]),
    ("vsctl config ", ["apply", "check", "confirm", "diff", "help", "history", "rollback", "save",
                       "show"]),
    ("vsctl config apply changes --con", ["--confirm"]),
    ("vsctl config apply changes --confirm ", []),
    ("vsctl help po", ["port"]),
    ("vsctl help port ", ["add", "del", "set", "show"]),
    ("vsctl help com", ["commands"]),
    ("vsctl -", ["--color", "--help", "--interval", "--json", "--socket", "--version", "--watch",
                 "-V", "-h", "-j", "-n", "-s", "-w"]),
    ("vsctl --color a", ["always", "auto"]),
    ("vsctl monitor f", ["failover"]),
    ("vsctl top --so", ["--sort"]),
    ("vsctl top --sort=dom", ["domid"]),
    ("vsctl top --sort drop", ["drop/s", "drops"]),
    ("vsctl top bridge gu", ["guests"]),
    ("vsctl top type ", ["bond", "eth", "gateway", "netdev", "tap", "vhost", "vif", "vlan",
                         "vxlan"]),
    ("vsctl --color=", ["always", "auto", "never"]),
    ("vsctl --color=al", ["always"]),
    ("vsctl monitor link gu", ["guests"]),
    ("vsctl monitor link p1 tap", ["tap0", "tap1"]),
    ("vsctl event show link -", ["--help", "--last", "-j", "-w"]),
    ("vsctl --s", ["--socket"]),
    ("vsctl bridge show -", ["--help", "-j", "-w"]),
    ("vsctl brctl set", ["setageing", "setbridgeprio", "setfd", "sethello", "setmaxage",
                         "setpathcost", "setportprio"]),
    ("vsctl brctl delbr ", BRIDGES),
    ("vsctl brctl addif br0 ", ["host1", "nic2", "p1", "tap0", "tap1"]),
    ("vsctl brctl delif br0 ", ["p1", "tap0"]),
    ("vsctl brctl stp br0 ", ["off", "on"]),
    ("vsctl brctl hairpin br0 p1 o", ["off", "on"]),
    ("vsctl nosuch ", []),
    ("vsctl bridge nosuch ", []),
    ("vsctl version ", []),
    ("vsctl show bridge ", []),
    # readline puts in what is behind the last colon only
    ("vsctl fdb del xenbr0 mac 00:16:3e:00:00:", ["01", "02"]),
    ("vsctl fdb del xenbr0 mac 00:16:3e:00:00:01", ["01"]),
    ("vsctl fdb del xenbr0 mac 0", [MAC % 1, MAC % 2]),
    ("vsctl fdb del xenbr0 mac 00:16:3e:00:00:01 ", ["vid"]),
    ("vsctl fdb del br0 mac ", []),
]


@pytest.fixture(scope="module")
def named_bed(module_bed):
    """A switch with something of each kind."""
    if not os.path.exists(bash.BASH_COMPLETION):
        pytest.skip("bash-completion is not installed")
    daemon = module_bed.daemon
    module_bed.station(1)
    module_bed.sw.ip("link", "add", "nic2", "type", "veth", "peer", "name", "host1")
    for line in ("bridge add xenbr0", "bridge add guests", "port add tap0 bridge br0 type tap",
                 "port add tap1 bridge xenbr0 type tap", "addr add 10.1.0.1/24 bridge guests",
                 "route add 10.9.0.0/16 blackhole", "network add 10.1.0.0/24 domain guests.test",
                 "nat add out1 masquerade guests"):
        daemon.vsctl(*line.split())
    for number in (1, 2):
        daemon.vsctl("fdb", "add", "xenbr0", "mac", MAC % number, "port", "tap1")
    # of the bridge that has an address, which comes and goes by itself
    auto = sorted({row["port"] for row in daemon.vsctl("port", "show")} - set(PORTS))
    return module_bed, auto


@pytest.fixture(scope="module")
def complete(named_bed):
    """COMPREPLY of a line, without what the router has made for itself."""
    bed, auto = named_bed
    completer = bash.Completer(bed.daemon)
    yield lambda line: [word for word in completer(line) if word not in auto and word != "ifb0"
                        and word != "ifb1"]
    completer.close()


def completes(complete, line, words):
    """Names that vswitchd does not tell in half a second are left out: it is asked again."""
    wait_until(lambda: complete(line) == words,
               what=lambda: "%r: %s, but %s" % (line, words, complete(line)))


@pytest.mark.parametrize("line,words", LINES)
def test_line(complete, line, words):
    completes(complete, line, sorted(words))


def test_words_that_break_elsewhere(named_bed):
    """A shell whose words end at blanks alone gets all of an address."""
    completer = bash.Completer(named_bed[0].daemon, breaks="")
    completes(completer, "vsctl fdb del xenbr0 mac 00:16:3e:00:00:", [MAC % 1, MAC % 2])
    completer.close()


def test_files(complete, tmp_path):
    (tmp_path / "changes.txt").touch()
    (tmp_path / "changes.d").mkdir()
    for line in ("vsctl batch %s/ch", "vsctl config apply %s/ch", "vsctl -s %s/ch"):
        assert complete(line % tmp_path) == ["%s/changes.%s" % (tmp_path, end)
                                             for end in ("d", "txt")]


def test_no_daemon(idle_bed):
    """Words without names, and no word of what is missing."""
    completer = bash.Completer(idle_bed.daemon)
    assert completer("vsctl bridge del ") == []
    assert completer("vsctl port set p1 bridge ") == ["none"]
    assert completer("vsctl bridge s") == ["set", "show"]
    completer.close()
    result = idle_bed.daemon.vsctl_raw("complete", "--", "bridge", "del", "")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_stuck_daemon(complete, named_bed):
    """One that does not answer is waited for, but not for long."""
    daemon = named_bed[0].daemon
    os.kill(daemon.pid, 19)
    try:
        assert complete("vsctl bridge del ") == []
        assert complete("vsctl bridge set br0 stp r") == ["rstp"]
    finally:
        os.kill(daemon.pid, 18)
    completes(complete, "vsctl bridge del ", BRIDGES)


def test_every_command(complete):
    """Whatever there is in "vsctl help commands" can be completed, letter by letter."""
    text = subprocess.run([build_folder() / "ctl/vsctl", "help", "commands"], check=True,
                          stdout=subprocess.PIPE, text=True).stdout
    objects = {line.split()[0] for line in text.splitlines() if line[:3].strip()}
    assert len(objects) > 15
    for word in objects:
        assert word in complete("vsctl " + word[:-1])
    for line in text.splitlines():
        words = line.split()
        if line[:3].strip() and len(words) > 2 and words[1].islower() and \
                "help" in complete("vsctl %s " % words[0]):
            assert words[1] in complete("vsctl %s %s" % (words[0], words[1][:1]))


def test_tab_key(named_bed):
    """A person at a terminal: the TAB key, and what the line is then."""
    terminal = bash.Terminal(named_bed[0].daemon)
    try:
        for keys, words in (
                ("vsctl bri\td\tx\t", "vsctl bridge del xenbr0"),
                ("vsctl bridge set gu\tsno\tn\t", "vsctl bridge set guests snooping no"),
                ("vsctl fdb del xen\tma\t0\t1\t", "vsctl fdb del xenbr0 mac " + MAC % 1),
                ("vsctl bond add bond0 mem\tnic2,p\t", "vsctl bond add bond0 members nic2,p1"),
                ("vsctl conf\tap\tx --con\t60", "vsctl config apply x --confirm 60"),
        ):
            completes(terminal.completed, keys, words.split())
    finally:
        terminal.close()
