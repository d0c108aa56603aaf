# SPDX-License-Identifier: BSD-3-Clause
"""brctl: ours on vswitchd beside bridge-utils' own on the kernel's bridge, by the same script."""

import os
import re
import shlex
import shutil

import pytest

from harness.daemon import build_folder
from harness.netns import Host, cable
from harness.wait import wait_until
from harness.wire import BROADCAST, Wire, frame, mac_of

from test_bridge import learn

PORTS = ("p1", "p2", "p3", "p10")
LEARNT = mac_of(0x77)
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"

# What differs by nature, and nothing else: name: (pattern, what to put there).
MASKS = {
    "MAC addresses, and so bridge ids": (r"\b([0-9a-f]{4})\.[0-9a-f]{12}\b", r"\1.MAC"),
    "timers that run": (
        r"((?:hello|tcn|topology change|gc|message age|forward delay|hold) timer\t+|\tno\t\t)"
        r" *\d+\.\d\d", r"\1TIME"),
    "path cost of a port for which none is set": (r"(\tpath cost\t\t) *(?:2|2000)\n", r"\1COST\n"),
    "port numbers: by themselves": (r"(?m)^(\w+) \(\d+\)$|^ +\d+(?=\t[0-9a-f]{2}:)", r"\1 NUMBER"),
    "port numbers: in identifiers": (r"( (?:port id|designated port)\t+[0-9a-f])[0-9a-f]{3}",
                                     r"\1NUM"),
}

# A line is a command for both; "!" a command that is not compared, "@" a step below.
SCRIPT = r"""
brctl
brctl --help
brctl -h
brctl show --help
brctl --version
brctl -V
brctl -x
brctl --nonsense
brctl frobnicate
brctl SHOW
brctl sho
brctl setgcint br0 4
brctl -
brctl show
brctl show nope
brctl addbr
brctl addbr br0
brctl addbr br0
brctl addbr p1
brctl addbr lo
brctl addbr a/b
brctl addbr ''
brctl show
brctl addbr br1 ignored
brctl -- show
brctl show br0
brctl show br1 br0
brctl show br0 nope br1
brctl show nope p1 br0
brctl show p1
brctl show lo
brctl setfd br0 0
brctl setfd br1 0
! ip link set br0 up
! ip link set br1 up
brctl addif
brctl addif br0
brctl addif nope p1
brctl addif br0 nope
brctl addif nope nope
brctl addif p1 p2
brctl addif lo p2
brctl addif br0 p2
brctl addif br0 p2
brctl addif br1 p2
brctl addif br0 br1
brctl addif br0 br0
brctl addif br0 lo
brctl addif br0 p1 p1 p3
brctl show
brctl addif br0 p10
brctl addif br1 p3
brctl show
brctl show br0
@ up p1 p2 p3 p10
brctl showmacs
brctl showmacs nope
brctl showmacs p1
brctl showmacs lo
@ learn p1
brctl showmacs br0
brctl showmacs br1 br0
brctl showstp
brctl showstp nope
brctl showstp p1
brctl showstp lo
brctl showstp br0
brctl showstp br1 br0
@ down p2
brctl showstp br0
@ up p2
brctl delif
brctl delif br0
brctl delif nope p1
brctl delif br0 nope
brctl delif nope nope
brctl delif p2 p1
brctl delif lo p1
brctl delif br0 p3
brctl delif br0 br0
brctl delif br0 br1
brctl delif br0 lo
brctl delif br0 p10 p3 p2
brctl delif br0 p10
brctl show
brctl hairpin
brctl hairpin br0
brctl hairpin br0 p1
brctl hairpin br0 p1 maybe
brctl hairpin br0 p1 ON
brctl hairpin nope p1 on
brctl hairpin br0 nope on
brctl hairpin nope nope on
brctl hairpin br0 p10 on
brctl hairpin br0 br1 on
brctl hairpin br0 lo yes
brctl hairpin br0 p1 on
brctl showstp br0
brctl hairpin br1 p1 0
brctl hairpin lo p1 yes
brctl hairpin br0 p1 off more
brctl showstp br0
brctl setpathcost
brctl setpathcost br0 p1
brctl setpathcost br0 p1 x
brctl setpathcost br0 p1 -1
brctl setpathcost br0 p1 0
brctl setpathcost br0 p1 65536
brctl setpathcost br0 p1 99999999999
brctl setpathcost br0 nope 10
brctl setpathcost br0 p10 10
brctl setpathcost br0 br0 10
brctl setpathcost br0 p1 100
brctl setpathcost nope p2 0x20 more
brctl showstp br0
brctl setportprio
brctl setportprio br0 p1
brctl setportprio br0 p1 x
brctl setportprio br0 p1 64
brctl setportprio -- br0 p1 -1
brctl setportprio br0 nope 8
brctl setportprio br0 p10 8
brctl setportprio br0 p1 8
brctl setportprio br0 p2 60x
brctl setportprio br1 p2 0
brctl setageing
brctl setageing br0
brctl setageing br0 x
brctl setageing br0 ''
brctl setageing nope 10
brctl setageing p1 10
brctl setageing br0 10
brctl setageing br0 1e2
brctl setageing br0 0x10 more
brctl setageing br0 -1
brctl showstp br0
brctl setageing br0 86400s
brctl setbridgeprio
brctl setbridgeprio br0
brctl setbridgeprio br0 x
brctl setbridgeprio nope 4096
brctl setbridgeprio p1 4096
brctl setbridgeprio br1 0
brctl setbridgeprio br1 0x2000
brctl setbridgeprio br1 4096x more
brctl show
brctl setfd
brctl setfd br0
brctl setfd br0 x
brctl setfd nope 10
brctl setfd p1 10
brctl setfd br1 4.000
brctl sethello
brctl sethello br1
brctl sethello br1 x
brctl sethello nope 2
brctl sethello p1 2
brctl sethello br1 0
brctl sethello br1 0.99
brctl sethello br1 11
brctl sethello br1 99999999999
brctl sethello br1 10.001
brctl setmaxage
brctl setmaxage br1
brctl setmaxage br1 x
brctl setmaxage nope 20
brctl setmaxage p1 20
brctl setmaxage br1 5
brctl setmaxage br1 41
brctl setmaxage br1 6 more
brctl showstp br1
brctl stp
brctl stp br0
brctl stp br0 maybe
brctl stp br0 On
brctl stp nope on
brctl stp p1 on
brctl stp nope maybe
brctl stp br0 off
brctl stp br0 no
brctl stp br0 0 more
brctl delbr
brctl delbr nope
brctl delbr p1
brctl delbr lo
brctl delbr br1
! ip link set br1 down
brctl delbr br1 br0
brctl delbr br1
brctl show
brctl addbr br2
! ip link set br2 up
brctl sethello br2 3
brctl setmaxage br2 18
brctl setfd br2 30
brctl setbridgeprio br2 8192
brctl stp br2 on
brctl stp br2 yes
brctl addif br2 p3
@ up p3
brctl show
brctl showstp br2
brctl setfd br2 31
brctl setfd br2 1
brctl sethello br2 2
brctl setmaxage br2 20
brctl setportprio br2 p3 4
brctl setpathcost br2 p3 4000
brctl hairpin br2 p3 1
brctl showstp br2
@ down p3
brctl showstp br2
brctl delif br2 p3
brctl stp br2 off
! ip link set br2 down
! ip link set br0 down
brctl delbr br2
brctl delbr br0
brctl show
brctl addbr br3
brctl addif br3 p1
brctl delbr br3
brctl addbr averyveryverylongname
brctl show
brctl delbr averyveryverylo
brctl addbr averyveryverylongname
brctl addbr averyveryverylongname
brctl show averyveryverylongname
brctl setfd averyveryverylo 0
! ip link set averyveryverylo up
brctl addif averyveryverylongname p1
brctl addif averyveryverylongname averyveryverylo
brctl addif averyveryverylo averyveryverylongname
brctl setbridgeprio averyveryverylongname 4096
brctl setpathcost averyveryverylongname p1 5
brctl setportprio averyveryverylongname p1 4
brctl setportprio averyveryverylongname p1longerthan15char 4
brctl hairpin averyveryverylongname p1 on
@ up p1
brctl stp averyveryverylongname off
brctl showmacs averyveryverylongname
brctl delif averyveryverylongname p1
brctl delif averyveryverylongname p1
! ip link set averyveryverylo down
brctl delbr averyveryverylongname
brctl delbr averyveryverylongname
brctl show
"""

# What scripts do with the output.
PARSERS = (
    # the first bridge: Xen's vif-bridge
    "brctl show | awk 'NR==2{print $1}'",
    # all bridges
    r"brctl show | awk 'NR > 1 && !/^\t/ {print $1}'",
    "brctl show | grep -v '^bridge name' | cut -f 1 | grep .",
    # all interfaces
    "brctl show | awk 'NR > 1 {if (NF == 1) print $1; else if (NF == 4) print $4}'",
    # those of one bridge
    "brctl show br0 | sed 1d | awk '{print $NF}'",
    "brctl show br0 | tail -n +2 | cut -f 6-  | tr -d '\\t'",
    # the bridge of an interface
    r"brctl show | awk -v i=p3 '/^[^\t]/ {b=$1} $NF == i {print b}'",
    # is it a bridge? has it a spanning tree?
    "brctl show | grep -q '^br0[[:space:]]' && echo yes",
    "brctl show | awk '$3 == \"yes\" {print $1}'",
    "brctl show br1 | awk 'NR == 2 {print $3}'",
    "brctl show | wc -l",
    # addresses of stations, ports that forward, by name
    "brctl showmacs br0 | awk '$3 == \"no\" {print $2}'",
    "brctl showmacs br0 | grep -c yes",
    r"brctl showstp br0 | awk '/^[^ ].*\(/ {p=$1} /state/ {print p, $NF}'",
    "brctl showstp br0 | sed -n 's/.*bridge hello time[[:space:]]*//p'",
)


def masked(text):
    """The text without what differs by nature."""
    for pattern, replacement in MASKS.values():
        text = re.sub(pattern, replacement, text)
    return text


class Side:
    """A host with a brctl, some interfaces, and stations behind them."""

    def __init__(self, host, environment):
        self.host = host
        self.environment = environment
        self.far = Host(host.name + "-far").quiet()
        for number, port in enumerate(PORTS):
            cable(host, port, self.far, port)
            # the same on both sides: so is the order of addresses
            host.ip("link", "set", port, "address", mac_of(0xff00 + number))
        self.wires = {port: Wire(self.far, port) for port in PORTS}

    def run(self, *command):
        """Whatever comes of a command."""
        result = self.host.run("env", *self.environment, *command, check=False)
        return result.returncode, result.stdout, result.stderr

    def step(self, words):
        """A step that is not compared."""
        if words[0] == "learn":
            self.wires[words[1]].send(frame(BROADCAST, LEARNT))
            wait_until(lambda: LEARNT in self.run("brctl", "showmacs", "br0")[1],
                       what="the address is learnt")
        else:
            for port in words[1:]:
                self.far.ip("link", "set", port, words[0])
            wait_until(lambda: all(self.is_up(port) == (words[0] == "up") for port in words[1:]),
                       what="%s are %s" % (words[1:], words[0]))

    def is_up(self, port):
        """Does the bridge of the port know that it has a link?"""
        raise NotImplementedError

    def close(self):
        """Take away what is not the bed's."""
        for wire in self.wires.values():
            wire.close()
        self.far.close()


class KernelSide(Side):
    """bridge-utils."""

    def is_up(self, port):
        state = self.run("cat", "/sys/class/net/%s/brport/state" % port)[1]
        return state not in ("", "0\n")


class OurSide(Side):
    """vsctl, called brctl."""

    def __init__(self, bed, folder):
        folder.mkdir()
        os.symlink(build_folder() / "ctl/vsctl", folder / "brctl")
        super().__init__(bed.sw, ["PATH=%s:%s" % (folder, PATH),
                                  "VSWITCH_RUN_DIR=%s" % bed.daemon.run_dir])
        self.daemon = bed.daemon

    def is_up(self, port):
        return self.daemon.port(port)["link"] == "up"


@pytest.fixture
def sides(idle_bed, tmp_path):
    """(bridge-utils', ours)"""
    if shutil.which("brctl", path=PATH) is None:
        pytest.skip("bridge-utils is not installed")
    made = []
    kernel = Host("kernel").quiet()
    try:
        if kernel.ip("link", "add", "name", "try", "type", "bridge", check=False).returncode != 0:
            pytest.skip("this kernel has no bridge")
        kernel.ip("link", "del", "try")
        idle_bed.start("")
        made.append(KernelSide(kernel, ["PATH=" + PATH]))
        made.append(OurSide(idle_bed, tmp_path / "bin"))
        yield made
    finally:
        for side in made:
            side.close()
        kernel.close()


def play(sides, script):
    """Do what a script says on both sides. Return: how many were compared, what differs."""
    compared, differences = 0, []
    for line in script.strip().splitlines():
        kind, *words = shlex.split(line)
        if kind == "@":
            for side in sides:
                side.step(words)
        elif kind == "!":
            results = [side.run(*words) for side in sides]
            assert all(result[0] == 0 for result in results), (line, results)
        else:
            compared += 1
            theirs, ours = ([status, masked(out), masked(err)] for status, out, err in
                            (side.run(kind, *words) for side in sides))
            if theirs != ours:
                differences.append("%s\n  theirs %s\n  ours   %s" % (line, theirs, ours))
    return compared, differences


def test_the_same(sides):
    """Every subcommand, as it should be and as it should not: streams and exit statuses."""
    compared, differences = play(sides, SCRIPT)
    assert differences == [], "\n".join(["%d of %d differ" % (len(differences), compared),
                                         *differences])
    assert compared >= 60
    print("\n%d invocations of brctl compared, no difference; masks: %s" % (
        compared, "; ".join(MASKS)))


def test_scripts_that_parse(sides):
    """Pipelines as scripts have them get the same of both."""
    play(sides, """
        brctl addbr br0
        brctl addbr br1
        brctl addbr empty
        brctl setfd br0 0
        ! ip link set br0 up
        brctl addif br0 p10 p2 p1
        brctl addif br1 p3
        brctl stp br1 on
        @ up p1 p2 p10
        @ learn p1
        """)
    for parser in PARSERS:
        theirs, ours = (side.run("sh", "-c", parser) for side in sides)
        assert theirs == ours, parser
        assert theirs[1].strip() != "", parser


@pytest.fixture
def brctl(bed):
    """Run ours by vsctl; bed has a bridge br0 already. Return: (status, stdout, stderr)."""
    def run(*words):
        result = bed.sw.run(build_folder() / "ctl/vsctl", "-s", bed.daemon.socket_path, "brctl",
                            *words, check=False)
        return result.returncode, result.stdout, result.stderr
    return run


OUT_OF_RANGE = "Numerical result out of range"


CANNOT = (
    (("setageing", "br0", "0"), "set ageing time failed: "),
    (("setageing", "br0", "1.5"), "set ageing time failed: "),
    (("setageing", "br0", "1000001"), "set ageing time failed: "),
    (("setageing", "br0", "inf"), "set ageing time failed: "),
    (("setageing", "br0", "nan"), "set ageing time failed: "),
    (("setfd", "br0", "31"), "set forward delay failed: "),
    (("setfd", "br0", "0.01"), "set forward delay failed: "),
    (("sethello", "br0", "1.5"), "set hello timer failed: "),
    (("setmaxage", "br0", "20.5"), "set max age failed: "),
    (("setbridgeprio", "br0", "100"), "set bridge priority failed: "),
    (("setbridgeprio", "br0", "65536"), "set bridge priority failed: "),
    (("setportprio", "br0", "p1", "33"), "set port priority failed: "),
)


def test_what_vswitchd_cannot_do(bed, brctl):
    """The kernel can; here it is refused, with the kernel's words, and changes nothing."""
    def settings():
        return bed.daemon.vsctl("bridge", "show"), bed.daemon.port("p1")["stp_priority"]

    bed.station(1)
    before = settings()
    for words, message in CANNOT:
        assert brctl(*words) == (1, "", message + OUT_OF_RANGE + "\n"), words
        assert settings() == before, words


def test_timers_must_agree_with_a_tree(bed, brctl):
    """One after the other while there is no tree; then the forward delay is made to fit."""
    for words in (("setfd", "br0", "0"), ("sethello", "br0", "2"), ("setmaxage", "br0", "12")):
        assert brctl(*words) == (0, "", "")
    assert brctl("stp", "br0", "on") == (0, "", "")
    row = bed.daemon.vsctl("bridge", "show", "br0")[0]
    assert (row["stp"], row["hello"], row["max_age"], row["forward_delay"]) == ("stp", 2, 12, 7)
    assert brctl("setfd", "br0", "6") == (1, "", "set forward delay failed: %s\n" % OUT_OF_RANGE)
    # RSTP is a tree, too, and goes on
    bed.daemon.vsctl("bridge", "set", "br0", "stp", "rstp")
    assert brctl("stp", "br0", "on") == (0, "", "")
    assert bed.daemon.vsctl("bridge", "show", "br0")[0]["stp"] == "rstp"
    # too long for any: no tree
    assert brctl("stp", "br0", "off") == brctl("sethello", "br0", "9") == (0, "", "")
    assert brctl("stp", "br0", "on") == (1, "", "set stp status failed: Invalid argument\n")
    assert bed.daemon.vsctl("bridge", "show", "br0")[0]["stp"] == "off"


def test_host_interface(bed, brctl):
    """addbr makes the interface that a Linux bridge is by itself; brctl counts it as no port."""
    one = bed.station(1, plain=False)
    bed.speak(one, 1)
    assert brctl("addbr", "xenbr0") == (0, "", "")
    assert brctl("addif", "xenbr0", "p1")[0] == 1  # it is on br0
    assert brctl("delif", "br0", "p1") == brctl("addif", "xenbr0", "p1") == (0, "", "")
    bed.sw.ip("addr", "add", "10.0.0.9/24", "dev", "xenbr0")
    bed.sw.ip("link", "set", "xenbr0", "up")
    bed.daemon.wait_link("xenbr0")
    bed.daemon.wait_link("p1")
    one.host.ping("10.0.0.9")
    assert brctl("show", "xenbr0")[1].split()[-3:] == [
        "8000." + bed.sw.mac("p1").replace(":", ""), "no", "p1"]
    macs = brctl("showmacs", "xenbr0")[1]
    assert bed.sw.mac("xenbr0") not in macs and one.mac in macs
    assert "xenbr0 (" not in brctl("showstp", "xenbr0")[1]
    assert brctl("delbr", "xenbr0") == (
        1, "", "bridge xenbr0 is still up; can't delete it\n")
    bed.sw.ip("link", "set", "xenbr0", "down")
    assert brctl("delbr", "xenbr0") == (0, "", "")
    assert bed.sw.link("xenbr0") is None
    assert bed.daemon.vsctl("port", "show") == []
    assert bed.sw.link("p1")["operstate"] == "UP"  # the kernel's again


def test_router(bed, brctl):
    """The router's own port is none to brctl; its addresses keep the bridge, and all that is on it."""
    bed.station(1)
    assert brctl("addbr", "br1") == brctl("delif", "br0", "p1") == (0, "", "")
    assert brctl("addif", "br1", "p1") == (0, "", "")
    before = brctl("show", "br1"), brctl("showmacs", "br1")
    bed.daemon.vsctl("addr", "add", "10.0.0.1/24", "bridge", "br1")
    assert len(bed.daemon.vsctl("port", "show", "bridge", "br1")) == 3
    assert (brctl("show", "br1"), brctl("showmacs", "br1")) == before
    assert brctl("delbr", "br1") == (
        1, "", "can't delete bridge br1: Device or resource busy\n")
    assert len(bed.daemon.vsctl("port", "show", "bridge", "br1")) == 3
    bed.daemon.vsctl("addr", "del", "10.0.0.1/24", "bridge", "br1")
    assert brctl("delbr", "br1") == (0, "", "")


def test_ports_that_stay(bed, brctl):
    """What vswitchd itself made stays when it leaves its bridge; a bond's members are busy."""
    bed.daemon.vsctl("port", "add", "t0", "type", "tap", "bridge", "br0")
    for number in (1, 2):
        bed.cable(number)
    bed.daemon.vsctl("bond", "add", "bond0", "members", "p1,p2", "bridge", "br0")
    assert brctl("addif", "br0", "p1") == (
        1, "", "device p1 is already a member of a bridge; can't add it to bridge br0.\n")
    assert brctl("show")[1].splitlines()[1:] == [
        "br0\t\t%s\tno\t\tbond0" % bed.daemon.vsctl("bridge", "show")[0]["id"],
        "\t\t\t\t\t\t\tt0"]
    assert brctl("delif", "br0", "t0", "bond0") == (0, "", "")
    assert {row["port"]: row["bridge"] for row in bed.daemon.vsctl("port", "show")
            if row["port"] in ("t0", "bond0")} == {"t0": None, "bond0": None}
    assert brctl("addif", "br0", "t0", "bond0") == (0, "", "")
    assert brctl("delbr", "br0") == (0, "", "")
    assert bed.sw.link("t0") is not None
    assert bed.daemon.vsctl("bond", "show")[0]["bond"] == "bond0"


def test_hairpin(bed, brctl):
    """On the wire: what comes in by the port leaves by it, and no more when it is off."""
    one, two = (bed.station(number).wire for number in (1, 2))
    to_all, known = frame(BROADCAST, mac_of(1)), frame(mac_of(1), mac_of(3))
    assert brctl("hairpin", "br0", "p1", "on") == (0, "", "")
    one.send(to_all)
    one.expect(to_all)
    two.expect(to_all)
    wait_until(lambda: (mac_of(1), 0) in bed.daemon.fdb("br0"), what="it is learnt")
    one.send(known)
    one.expect(known)
    assert " hairpin mode\t\t   1\n" in brctl("showstp", "br0")[1]
    assert brctl("hairpin", "br0", "p1", "off") == (0, "", "")
    one.send(known)
    wait_until(lambda: bed.daemon.drops("p1", "same_port") == 1, what="it is dropped")
    assert not bed.daemon.port("p1")["hairpin"]


def test_many_addresses(bed, brctl):
    """More than a page of the FDB, static ones among them."""
    wire = bed.station(1).wire
    numbers = range(0x1000, 0x1000 + 1500)
    learn(bed, [wire], 0, *map(mac_of, numbers))
    bed.daemon.vsctl("fdb", "add", "br0", "mac", mac_of(5), "port", "p1")
    rows = [line.split() for line in brctl("showmacs", "br0")[1].splitlines()[1:]]
    assert [row[1] for row in rows] == sorted(
        [mac_of(number) for number in (5, *numbers)] + [bed.sw.mac("p1")])
    assert {row[2]: 0 for row in rows} == {"no": 0, "yes": 0}


def test_names_that_are_no_text(bed, brctl):
    """Bytes that are no UTF-8 name nothing: not some bridge that there is."""
    name = os.fsdecode(b"\xff")
    for words, message in (
            (("show", name), "bridge %s does not exist!\n"),
            (("showstp", name), "bridge %s does not exist!\n"),
            (("delbr", name), "bridge %s doesn't exist; can't delete it\n"),
            (("addif", name, "lo"), "bridge %s does not exist!\n")):
        result = bed.sw.run(build_folder() / "ctl/vsctl", "-s", bed.daemon.socket_path, "brctl",
                            *words, check=False, errors="surrogateescape")
        assert (result.returncode, result.stdout, result.stderr) == (
            1, "", message % name), words
    assert brctl("stp", name, "on")[0] == 1


def test_nobody_there(bed):
    """Without vswitchd, and what needs none."""
    command = [build_folder() / "ctl/vsctl", "-s", "/nowhere/sock", "brctl"]
    result = bed.sw.run(*command, "show", check=False)
    assert (result.returncode, result.stdout) == (1, "")
    assert re.fullmatch("can't setup bridge control: vswitchd is not running.*\n", result.stderr)
    assert bed.sw.run(*command, "--version").stdout == "bridge-utils, 1.7\n"
