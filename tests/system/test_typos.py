# SPDX-License-Identifier: BSD-3-Clause
"""What is nearly right: vsctl and vswitchd say what was probably meant."""

import pytest

# a command, its exit status, and what it asks; None: nothing is near enough
COMMANDS = [
    ("brigde show", 2, "bridge"),
    ("bridge shwo", 2, "show"),
    ("Bridge show", 2, "bridge"),
    ("bridge add b1 agein 3", 2, "ageing"),
    ("bridge set xenbr0 stp rtsp", 1, "rstp"),
    ("bridge set xenbr0 snooping yse", 1, "yes"),
    ("port set p1 vid nnoe", 1, "none"),
    ("nat add x masq xenbr0", 2, "masquerade"),
    ("config apply --confrim 60", 2, "--confirm"),
    ("port show brigde guests", 2, "bridge"),
    ("fdb show prot uplink", 2, "port"),
    ("port show uplink guests", 2, None),
    ("help brdige", 2, "bridge"),
    # names that vswitchd has
    ("bridge show xenbr", 1, "xenbr0"),
    ("bridge del XENBR0", 1, "xenbr0"),
    ("bridge set gusets ageing 3", 1, "guests"),
    ("bridge del nosuch", 1, None),
    ("bridge del xenbr1", 1, None),
    ("port add p2 bridge xenb0", 1, "xenbr0"),
    ("port set uplnik mtu 1400", 1, "uplink"),
    ("port del uplin", 1, "uplink"),
    ("port show bridge geusts", 1, "guests"),
    ("stats show uplinc", 1, "uplink"),
    ("fdb show xenbr0 port upplink", 1, "uplink"),
    ("fdb flush geusts", 1, "guests"),
    ("stp show xnebr0", 1, "xenbr0"),
    ("group show guest", 1, "guests"),
    ("bond show bnd0", 1, "bond0"),
    ("bond set bodn0 hash l2", 1, "bond0"),
    ("bond add b2 members p9 bridge gusts", 1, "guests"),
    ("nat del otu", 1, "out"),
    ("nat show outt", 1, "out"),
    ("nat add in masquerade guets", 1, "guests"),
    ("nat sessions guest uplnk", 1, "uplink"),
    ("addr add 10.8.0.1/24 bridge gests", 1, "guests"),
    ("addr add 10.8.0.1/24 port uplnk", 1, "uplink"),
    ("route add 10.9.0.0/16 port uplnk", 1, "uplink"),
    ("vif show vif1.0", 1, None),
    # of the kernel
    ("port add spaer bridge xenbr0", 1, "spare"),
    ("port add nothing bridge xenbr0", 1, None),
]


@pytest.fixture(scope="module")
def named_bed(module_bed):
    """A switch whose names can be mistyped."""
    sw = module_bed.sw
    sw.ip("link", "add", "spare", "type", "veth", "peer", "name", "other")
    for line in ("bridge add xenbr0", "bridge add guests", "port add uplink bridge xenbr0 type tap",
                 "port add m1 bridge none type tap", "bond add bond0 members m1 bridge guests",
                 "addr add 10.1.0.1/24 bridge guests", "nat add out masquerade guests"):
        module_bed.daemon.vsctl(*line.split())
    return module_bed


@pytest.mark.parametrize("line,status,meant", COMMANDS)
def test_command(named_bed, line, status, meant):
    result = named_bed.daemon.vsctl_raw(*line.split())
    assert result.returncode == status, result
    assert result.stderr.count("\n") == 1
    if meant is None:
        assert "did you mean" not in result.stderr
    else:
        assert result.stderr.endswith("did you mean '%s'?\n" % meant)


def test_file(named_bed, tmp_path):
    """All of a file at once, with the lines."""
    path = tmp_path / "typos.conf"
    path.write_text("[bridge xenbr0]\nagein = 300\nstp = rtsp\n"
                    "[prot eth1]\nbridge = xenbr0\n"
                    "[port tap1]\ntype = tpa\nbridge = xenbr0\n")
    result = named_bed.daemon.vsctl_raw("config", "check", path)
    assert result.returncode == 1
    found = [line.split(": ", 1) for line in result.stderr.splitlines()[:-1]]
    assert [(int(place.rsplit(":", 1)[1]), text.split("; ")[-1]) for place, text in found] == [
        (2, "did you mean 'ageing'?"), (3, "did you mean 'rstp'?"), (4, "did you mean 'port'?"),
        (7, "did you mean 'tap'?")]


def test_file_names(named_bed, tmp_path):
    """A port on a bridge that has no section."""
    path = tmp_path / "typos.conf"
    path.write_text("[bridge xenbr0]\n[port tap1]\nbridge = xenbr\ntype = tap\n")
    result = named_bed.daemon.vsctl_raw("config", "check", path)
    assert "there is no section [bridge xenbr]; did you mean 'xenbr0'?" in result.stderr


def test_short_words(named_bed):
    """Objects and verbs may be shortened; what is short for several is refused."""
    daemon = named_bed.daemon
    assert daemon.vsctl("br", "sh", "guests") == daemon.vsctl("bridge", "show", "guests")
    result = daemon.vsctl_raw("b", "show")
    assert (result.returncode, "bridge, bond, batch" in result.stderr) == (2, True)


def test_late_options(named_bed):
    """Options behind the command, where one thinks of them last."""
    daemon = named_bed.daemon
    assert daemon.vsctl_raw("bridge", "show", "--json").stdout == \
        daemon.vsctl_raw("--json", "bridge", "show").stdout
    result = daemon.vsctl_raw("bridge", "add", "x", "--watch")
    assert (result.returncode, "-w goes with" in result.stderr) == (2, True)


def test_help(named_bed):
    """Help of all kinds, for a terminal and for a pipe."""
    daemon = named_bed.daemon
    words = ["help"], ["help", "bridge"], ["bridge", "help"], ["help", "br", "add"], \
        ["bridge", "add", "--help"], ["bridge", "add", "x", "-h"], ["--help"], ["help", "brctl"]
    texts = [daemon.vsctl_raw(*line) for line in words]
    assert all(result.returncode == 0 and not result.stderr for result in texts)
    assert texts[1].stdout == texts[2].stdout
    assert texts[3].stdout == texts[4].stdout == texts[5].stdout
    assert texts[0].stdout == texts[6].stdout
    assert {row["bridge"] for row in daemon.vsctl("bridge", "show")} == {"br0", "guests", "xenbr0"}
