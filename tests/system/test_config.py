# SPDX-License-Identifier: BSD-3-Clause
"""Configuration files that are wrong: FILE:LINE, status 1, and the host is as it was."""

import json
import re

import pytest

# text of the file; the line that is wrong; what the message must say
FILES = {
    "key with a typo": ("[bridge br0]\nagein = 3\n", 2, "agein.*ageing"),
    "value out of range": ("[bridge br0]\n\n; comment\nageing = 1000001\n", 4, "1000000"),
    "value that is no number": ("[bridge br0]\nageing = soon\n", 2, "soon"),
    "empty value": ("[bridge br0]\nageing =\n", 2, "ageing"),
    "key twice": ("[bridge br0]\nageing = 1\nageing = 2\n", 3, "ageing"),
    "section with a typo": ("[brigde br0]\n", 1, "brigde.*bridge"),
    "section without a name": ("[bridge]\n", 1, "name"),
    "section that is not closed": ("[bridge br0\n", 1, "]"),
    "section twice": ("[bridge br0]\n[bridge br1]\n[bridge br0]\n", 3, "twice.*line 1"),
    "key without a section": ("ageing = 1\n", 1, "section"),
    "neither key nor section": ("[bridge br0]\nhello world\n", 2, "KEY = VALUE"),
    "bridge that has no section": ("[bridge br0]\n[port p1]\nbridge = br1\n", 3, "br1"),
    "port without a bridge": ("[bridge br0]\n[port p1]\nmtu = 1500\n", 2, "bridge"),
    "type with a typo": ("[bridge br0]\n[port p1]\nbridge = br0\ntype = nettdev\n", 4,
                         "nettdev.*netdev"),
    "name that is too long": ("[bridge br0]\n[port a-name-that-is-too-long]\nbridge = br0\n", 2,
                              "too-long"),
    "no text": ("[bridge br0]\nageing\0 = 1\n", 2, "text"),
    "long line": ("[bridge br0]\n" + "x" * 100000 + "\n", 2, "long"),
    "workers out of range": ("[vswitchd]\nworkers = 65\n", 2, "workers.*64"),
    "cores that make no sense": ("[vswitchd]\ncores = 3-1\n", 2, "cores"),
    "core twice": ("[vswitchd]\ncores = 0,0\n", 2, "cores.*once"),
    "path that is relative": ("[bridge br0]\n[port x0]\nbridge = br0\n"
                              "devargs = net_pcap0,rx_pcap=a\n", 2, "port x0.*'a'.*absolute"),
}

# the same, found when it is carried out: other lines may stand before that of the error
STARTS = {
    "interface that is no Ethernet": ("[bridge br0]\n[port p1]\nbridge = br0\n"
                                      "[port lo]\nbridge = br0\n", 4, "port lo"),
    "device that is not there": ("[bridge br0]\n[port p1]\nbridge = br0\n[port t0]\nbridge = br0\n"
                                 "type = tap\n[port x0]\nbridge = br0\ndevargs = net_nosuch0\n",
                                 7, "port x0"),
    "core that is not there": ("[vswitchd]\n\ncores = 1000\n", 3, "core 1000"),
    "more workers than cores": ("[vswitchd]\ncores = 0\nworkers = 2\n", 3, "workers is 2"),
    "memory that is too small": ("[vswitchd]\nmemory = 33\n", 2, "memory is 33"),
    "memory that is not there": ("[vswitchd]\nhugepages = no\nmemory = 1048576\n", 3,
                                 "memory is 1048576 MiB, but there are .* available"),
}


@pytest.mark.parametrize("name", [*FILES, *STARTS])
def test_bad_file(idle_bed, name):
    text, line, message = {**FILES, **STARTS}[name]
    daemon = idle_bed.daemon
    idle_bed.cable(1)
    before = host_state(idle_bed)  # p1 is running
    daemon.config.write_text(text)
    result = daemon.run_to_end()
    assert result.returncode == 1
    assert re.search(message, result.stderr), result.stderr
    assert "%s:%d: " % (daemon.config, line) in result.stderr or \
        re.search(r"\.\.\.\S*%s:%d: " % (daemon.config.name, line), result.stderr), \
        result.stderr
    assert name in STARTS or len(result.stderr.splitlines()) == 1, result.stderr
    assert host_state(idle_bed) == before
    daemon.start("[bridge br0]\n[port p1]\nbridge = br0\n")
    assert daemon.state()["ports"][0]["port"] == "p1"


def host_state(bed):
    """The interfaces of the switch's host."""
    links = json.loads(bed.sw.ip("-j", "-d", "link", "show").stdout)
    return [(link["ifname"], link["mtu"], link["promiscuity"], link["flags"]) for link in links]


@pytest.mark.parametrize("existed", [False, True], ids=["made anew", "from before"])
def test_failed_start_and_host_port(idle_bed, existed):
    """A host port that the failed start made is taken back; one from before keeps its address."""
    good = "[bridge br0]\n[port br0]\nbridge = br0\ntype = tap\n"
    if existed:
        idle_bed.start(good)
        idle_bed.sw.ip("addr", "add", "10.0.0.9/24", "dev", "br0")
        before = idle_bed.sw.link("br0")
        assert idle_bed.daemon.stop() == 0
    idle_bed.daemon.config.write_text(good + "[port lo]\nbridge = br0\n")
    assert idle_bed.daemon.run_to_end().returncode == 1
    after = idle_bed.sw.link("br0")
    if existed:
        assert all(after[key] == before[key] for key in ("ifindex", "address", "addr_info"))
    else:
        assert after is None


def test_interface_that_comes_later(idle_bed):
    """A NIC that the kernel finds late is no reason not to start."""
    idle_bed.start("[bridge br0]\n[port p1]\nbridge = br0\n[port p2]\nbridge = br0\n")
    assert "p1" in idle_bed.daemon.port("p1")["reason"]
    assert idle_bed.daemon.port("p1")["link"] == "down"
    for number in (1, 2):
        station = idle_bed.speak(idle_bed.cable(number, plain=False), number)
        idle_bed.daemon.wait_link("p%d" % number)
    station.host.ping("10.0.0.1")


def test_missing_default_is_fine(idle_bed):
    """No file was asked for, and there is none: an empty switch."""
    idle_bed.daemon.start()
    assert idle_bed.daemon.vsctl("bridge", "show") == []
    assert idle_bed.daemon.vsctl("show") is not None


def test_everything_that_can_be_said(idle_bed):
    """All keys; what port show says of them."""
    idle_bed.cable(1, mtu=2000)
    idle_bed.start("""
# a comment
[vswitchd]
workers = auto
cores = 0
mbufs = 4096
hugepages = no
memory = auto

[bridge br0]
ageing = 17
fdb-limit = 100

   [port p1] ; indented
   bridge = br0
   type = netdev
   vid = 5
   mtu = 1600
   fdb-limit = 10
   queues = 2

[port t0]
bridge=br0
type=tap
vid=none
mtu=keep
[port x0]
bridge: br0
devargs = net_null0,no-rx=1
""")
    daemon = idle_bed.daemon
    bridge = daemon.vsctl("bridge", "show", "br0")[0]
    assert (bridge["ageing"], bridge["fdb_limit"], sorted(bridge["ports"])) == \
        (17, 100, ["p1", "t0", "x0"])
    rows = {row["port"]: (row["type"], row["vid"], row["mtu"])
            for row in daemon.vsctl("port", "show")}
    assert rows == {"p1": ("netdev", 5, 1600), "t0": ("tap", None, 1500),
                    "x0": ("eth", None, 1500)}
    assert idle_bed.sw.link("p1")["mtu"] == 1600
