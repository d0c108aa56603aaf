# SPDX-License-Identifier: BSD-3-Clause
"""DHCP and DNS for guests by dnsmasq: real clients on a bridge with a gateway, and routed guests."""

import json
import os
import pathlib
import shutil
import signal
import socket

import pytest

from harness import netns
from harness.daemon import VsctlError
from harness.dhcp import Client, ask, frame, is_reply, message
from harness.wait import TIMEOUT, wait_until
from harness.wire import mac_bytes

NET, GATEWAY = "10.1.0.0/24", "10.1.0.1"
LOW, HIGH = "10.1.0.100", "10.1.0.119"
ROUTED, ROUTED_GATEWAY = "10.9.0.0/16", "10.9.255.1"
DOMAIN = "guests.test"
FIRST, SECOND = b"\x02\0\0\0\x11\x01", b"\x02\0\0\0\x11\x02"

pytestmark = pytest.mark.skipif(
    shutil.which("dnsmasq", path="/usr/sbin:/usr/bin") is None or shutil.which("busybox") is None,
    reason="dnsmasq-base or busybox-static is not installed")


def add_network(daemon, *keys, net=NET):
    """A network with DHCP; dnsmasq runs when this returns."""
    daemon.vsctl("network", "add", net, "dhcp", "on", *keys)
    return running(daemon, net)


def network(daemon, net=NET):
    """The row of a network."""
    return daemon.vsctl("network", "show", net)[0]


def running(daemon, net=NET, other_than=None):
    """Wait until a dnsmasq is listening; its pid."""
    def listens():
        pid = network(daemon, net)["pid"]
        if pid in (None, other_than):
            return None
        sockets = daemon.host.run("ss", "-Hlnu", "sport", "=", "67").stdout
        return pid if sockets.strip() else None
    return wait_until(listens, what=lambda: "dnsmasq runs: %s" % network(daemon, net))


def leases(daemon, net=NET):
    """Leases by address."""
    return {row["address"]: row for row in network(daemon, net)["leases"]}


def is_gone(pid):
    """Has a process ended? Whoever is to wait for it may not do so."""
    try:
        return pathlib.Path("/proc/%d/stat" % pid).read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.fixture
def folder(idle_bed, tmp_path):
    """Where clients keep their notes; dnsmasq, which is not root, gets to its own files."""
    for path in (idle_bed.daemon.folder, *idle_bed.daemon.folder.parents):
        if len(path.parts) > 2:  # below /tmp
            path.chmod(path.stat().st_mode | 0o011)
    return tmp_path


@pytest.fixture
def lan(folder, bed):
    """A bridge with a gateway and a network; a function that adds stations."""
    bed.daemon.vsctl("addr", "add", GATEWAY + "/24", "bridge", "br0")
    add_network(bed.daemon, "range", LOW + "-" + HIGH, "domain", DOMAIN, "lease", "30m")
    return bed


def add_guest(bed, number, address, gateway=ROUTED_GATEWAY):
    """A routed guest."""
    station = bed.cable(number, plain=False)
    bed.daemon.vsctl("port", "add", station.port, "mode", "nat", "ip", address, "gateway", gateway)
    bed.daemon.wait_link(station.port)
    return station


def in_range(address):
    """Is it one of those that are to be given out?"""
    number = socket.inet_aton(address)
    return socket.inet_aton(LOW) <= number <= socket.inet_aton(HIGH)


def test_lease(lan, folder):
    """Two guests of a bridge: an address each, all that belongs to it, renewed, and again."""
    clients = [Client(lan.station(number, plain=False), folder, "-x", "hostname:guest%d" % number)
               for number in (1, 2)]
    told = [client.wait() for client in clients]
    for got in told:
        assert in_range(got["ip"])
        assert (got["mask"], got["router"], got["dns"], got["domain"], got["lease"],
                got["serverid"]) == ("24", GATEWAY, GATEWAY, DOMAIN, "1800", GATEWAY)
    assert told[0]["ip"] != told[1]["ip"]
    clients[0].station.host.ping(told[1]["ip"], count=1)
    clients[0].station.host.ping(GATEWAY, count=1)
    rows = leases(lan.daemon)
    assert {address: (row["mac"], row["name"]) for address, row in rows.items()} == {
        got["ip"]: (client.station.mac, "guest%d" % number)
        for number, (client, got) in enumerate(zip(clients, told), 1)}
    assert clients[0].renew()["ip"] == told[0]["ip"]
    clients[1].stop()
    again = Client(clients[1].station, folder)
    assert again.wait()["ip"] == told[1]["ip"]
    clients[0].release()
    wait_until(lambda: told[0]["ip"] not in leases(lan.daemon), what="the lease is given back")
    text = lan.daemon.vsctl_raw("network", "show").stdout
    assert told[1]["ip"] in text and NET in text
    assert all(count == 0 for count in network(lan.daemon)["refused"].values())


def test_no_offloads(lan, folder):
    """A guest that fills in its checksums itself."""
    client = Client(lan.station(1), folder)
    assert in_range(client.wait()["ip"])
    client.renew()


def test_vlan(lan, folder):
    """The gateway of a VLAN is a link of its own."""
    lan.daemon.vsctl("addr", "add", "10.2.0.1/24", "bridge", "br0", "vid", 10)
    add_network(lan.daemon, net="10.2.0.0/24")
    plain, tagged = lan.station(1, plain=False), lan.station(2, "vid", 10, plain=False)
    assert in_range(Client(plain, folder).wait()["ip"])
    told = Client(tagged, folder).wait()
    assert told["ip"].startswith("10.2.0.") and told["router"] == "10.2.0.1"
    # auto: the upper half
    assert int(told["ip"].rsplit(".", 1)[1]) >= 128


def test_routed(folder, bed):
    """Guests in NAT mode, all with one gateway: each gets its own address, whatever it asks for."""
    daemon = bed.daemon
    stations = [add_guest(bed, number, "10.9.0.%d" % number) for number in (1, 2)]
    add_network(daemon, "domain", DOMAIN, net=ROUTED)
    clients = [Client(station, folder, "-r", "10.9.0.77", "-x", "hostname:nat%d" % number)
               for number, station in enumerate(stations, 1)]
    for number, client in enumerate(clients, 1):
        told = client.wait()
        assert (told["ip"], told["mask"], told["router"], told["dns"], told["serverid"]) == (
            "10.9.0.%d" % number, "16", ROUTED_GATEWAY, ROUTED_GATEWAY, ROUTED_GATEWAY)
    stations[0].host.ping("10.9.0.2", count=1)
    assert clients[0].renew()["ip"] == "10.9.0.1"
    assert ask(stations[0].host, ROUTED_GATEWAY, "nat2." + DOMAIN) == (0, ["10.9.0.2"])
    assert ask(stations[0].host, ROUTED_GATEWAY, "nat2." + DOMAIN, tcp=True) == (0, ["10.9.0.2"])
    # a guest that is another: its address at once, not when the lease of the one before is over
    clients[1].stop()
    stations[1].host.ip("link", "set", "eth0", "address", "02:00:00:00:99:01")
    now = Client(stations[1], folder)
    assert now.wait()["ip"] == "10.9.0.2"
    assert leases(daemon, ROUTED)["10.9.0.2"]["mac"] == "02:00:00:00:99:01"


def test_beside_nat(folder, bed):
    """The router's own services are not translated, whatever else is."""
    bed.station(3, plain=False, bridge="none")
    bed.daemon.vsctl("addr", "add", "192.0.2.1/24", "port", "p3")
    bed.daemon.vsctl("nat", "add", "out", "masquerade", "p3")
    station = add_guest(bed, 1, "10.9.0.1")
    add_network(bed.daemon, "domain", DOMAIN, net=ROUTED)
    client = Client(station, folder, "-x", "hostname:nat")
    assert client.wait()["ip"] == client.renew()["ip"] == "10.9.0.1"
    for tcp in (False, True):
        assert ask(station.host, ROUTED_GATEWAY, "nat." + DOMAIN, tcp) == (0, ["10.9.0.1"])
    assert bed.daemon.vsctl("nat", "sessions") == []


def test_routed_port(folder, bed):
    """A port with the router's address on it: a network like that of a bridge."""
    station = bed.station(1, plain=False, bridge="none")
    bed.daemon.vsctl("addr", "add", GATEWAY + "/24", "port", station.port)
    add_network(bed.daemon, "range", LOW + "-" + HIGH, "dns", "192.0.2.1,192.0.2.2")
    told = Client(station, folder).wait()
    assert in_range(told["ip"]) and told["dns"] == "192.0.2.1 192.0.2.2"
    assert network(bed.daemon)["links"] == [station.port]


def test_gateway_elsewhere(folder, bed):
    """A guest whose gateway is on another network: the way to it is told as well."""
    station = add_guest(bed, 1, "10.9.0.1", gateway="192.0.2.1")
    add_network(bed.daemon, net=ROUTED)
    told = Client(station, folder, "-O", "staticroutes").wait()
    assert told["staticroutes"] == "192.0.2.1/32 0.0.0.0 0.0.0.0/0 192.0.2.1"
    station.host.ping("192.0.2.1", count=1)


@pytest.fixture
def upstream(idle_bed, folder):
    """A host with a name server, and that it is the one of resolv.conf."""
    host = idle_bed.host("up")
    netns.cable(idle_bed.sw, "eth9", host)
    idle_bed.sw.ip("addr", "add", "192.0.2.1/24", "dev", "eth9")
    host.ip("addr", "add", "192.0.2.53/24", "dev", "eth0")
    host.spawn("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv",
               "--no-hosts", "--pid-file=", "--address=/upstream.test/198.51.100.7",
               "--local=/nowhere.test/", "--log-facility=/dev/null")
    wait_until(lambda: host.run("ss", "-Hlnu", "sport", "=", "53").stdout.strip(),
               what="the name server listens")
    resolv = folder / "resolv.conf"
    resolv.write_text("nameserver 192.0.2.53\n")
    netns.run("mount", "--bind", resolv, "/etc/resolv.conf")
    yield host
    netns.run("umount", "/etc/resolv.conf")


def test_names(upstream, lan, folder):
    """Names of guests, of the world, and of nobody."""
    one, two = (lan.station(number, plain=False) for number in (1, 2))
    Client(one, folder, "-x", "hostname:one").wait()
    told = Client(two, folder, "-F", "two.elsewhere.example").wait()
    for tcp in (False, True):
        assert ask(one.host, GATEWAY, "two." + DOMAIN, tcp) == (0, [told["ip"]])
        assert ask(one.host, GATEWAY, "upstream.test", tcp) == (0, ["198.51.100.7"])
        assert ask(one.host, GATEWAY, "three." + DOMAIN, tcp)[0] == 3
    assert ask(one.host, GATEWAY, "x.nowhere.test")[0] == 3
    # the host's other interfaces are its own
    listeners = lan.sw.run("ss", "-Hlntu", "sport", "=", "53").stdout.split("\n")
    assert {line.split()[4] for line in listeners if line} == {"169.254.53.2:53"}
    # and nothing else of the host is there for guests
    with one.host.inside():
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    with sock:
        sock.settimeout(5)
        with pytest.raises(OSError):
            sock.connect((GATEWAY, 67))


def test_name_of_another(lan, folder):
    """Who takes the name of another guest, or one that machines look for, has none."""
    one, two, three = (lan.station(number, plain=False) for number in (1, 2, 3))
    told = Client(one, folder, "-x", "hostname:db").wait()
    assert Client(two, folder, "-x", "hostname:db").wait()["ip"] != told["ip"]
    Client(three, folder, "-x", "hostname:wpad").wait()
    names = sorted(row["name"] or "-" for row in leases(lan.daemon).values())
    assert names == ["-", "-", "db"]
    assert ask(two.host, GATEWAY, "db." + DOMAIN) == (0, [told["ip"]])
    assert ask(two.host, GATEWAY, "wpad." + DOMAIN)[0] == 3


def expect_reply(wire, xid):
    """Wait for the reply to a transaction."""
    while True:
        got = wire.recv(TIMEOUT)
        assert got is not None, "no reply to %#x" % xid
        if is_reply(got.data, xid):
            return got.data


def test_spoofed(lan):
    """Who speaks for others is refused, and so is what is no message at all."""
    wire = lan.station(1).wire
    mac = FIRST
    bad = {
        "spoofed": [
            message(mac, giaddr="10.1.0.9"),
            message(mac, hops=1),
            message(SECOND),
            message(mac, options=b"\x52\x06\x01\x04\0\0\0\0"),
            message(b"\x01" + mac[1:]),
        ],
        "malformed": [
            message(mac)[:200],
            message(mac, op=2),
            message(mac, kind=10),
            message(mac, kind=2),
            message(mac, options=b"\x0c\xff\x61"),
            message(mac).replace(b"\x63\x82", b"\0\0"),
        ],
    }
    for data in bad["spoofed"] + bad["malformed"]:
        wire.send(frame(mac, data))
    wire.send(frame(mac, message(mac, xid=7)))
    reply = expect_reply(wire, 7)
    assert reply[:6] == b"\xff" * 6 and in_range(socket.inet_ntoa(reply[58:62]))
    assert reply[66:70] == bytes(4), "where it came from is nobody's business"
    refused = network(lan.daemon)["refused"]
    assert {key: refused[key] for key in bad} == {key: len(bad[key]) for key in bad}
    # a renewal with the address of another
    wire.send(frame(mac, message(mac, kind=3, ciaddr="10.1.0.101"), src_ip="10.1.0.102",
                    dst=mac_bytes(lan.daemon.vsctl("addr", "show")[0]["mac"]), dst_ip=GATEWAY))
    wait_until(lambda: network(lan.daemon)["refused"]["spoofed"] == len(bad["spoofed"]) + 1,
               what=lambda: network(lan.daemon)["refused"])


def test_storm(lan, folder):
    """One guest that asks without end keeps the others neither from addresses nor from names."""
    storm = lan.station(1)
    frames = [frame(FIRST, message(FIRST, xid=number)) for number in range(64)]
    others = [lan.station(number, plain=False) for number in (2, 3)]
    # a station that hears a storm of broadcasts drowns by itself; the router is what is asked
    for number in (1, 2, 3):
        lan.daemon.vsctl("port", "set", "p%d" % number, "isolated", "yes")
    child = os.fork()
    if child == 0:
        try:
            wire = storm.wire
            while True:
                wire.send(*frames)
        finally:
            os._exit(0)
    try:
        wait_until(lambda: network(lan.daemon)["refused"]["too_many"] > 100, what="it is too much")
        for number, station in enumerate(others, 2):
            told = Client(station, folder, "-x", "hostname:calm%d" % number).wait()
            assert in_range(told["ip"])
            assert ask(station.host, GATEWAY, "calm%d.%s" % (number, DOMAIN)) == (
                0, [told["ip"]])
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_range_is_used_up(lan, folder):
    """No address is left: health names the range, and what it says to do helps."""
    def finding():
        rows = json.loads(lan.daemon.vsctl_raw("-j", "health").stdout)["findings"]
        return next((row for row in rows if (row["check"], row["object"]) == ("table", NET)), None)
    lan.daemon.vsctl("network", "set", NET, "range", LOW + "-" + LOW)
    assert Client(lan.station(1, plain=False), folder).wait()["ip"] == LOW
    fault = wait_until(finding)
    assert fault["severity"] == "error"
    assert fault["text"] == "1 of 1 addresses of its DHCP range are in use"
    assert "vsctl network set IP/LEN range LOW-HIGH" in fault["remedy"]
    late = Client(lan.station(2, plain=False), folder)
    lan.daemon.vsctl("network", "set", NET, "range", LOW + "-" + HIGH)
    assert in_range(late.wait()["ip"])
    assert finding() is None


def test_restart(lan, folder):
    """vswitchd starts again: dnsmasq ends with it, leases and what they say are still there."""
    client = Client(lan.station(1, plain=False), folder, "-x", "hostname:stays")
    told = client.wait()
    config = ("[bridge br0]\nloop-detect = no\n[port p1]\nbridge = br0\n"
              "[addr %s/24]\nbridge = br0\n"
              "[network %s]\ndhcp = on\nrange = %s-%s\ndomain = %s\nlease = 30m\n" % (
                  GATEWAY, NET, LOW, HIGH, DOMAIN))
    for number in (signal.SIGTERM, signal.SIGKILL):
        pid = network(lan.daemon)["pid"]
        lan.daemon.stop(number)
        wait_until(lambda pid=pid: is_gone(pid), what="dnsmasq has ended, too")
        lan.daemon.start(config)
        lan.daemon.wait_link("p1")
        running(lan.daemon)
        assert leases(lan.daemon)[told["ip"]]["name"] == "stays"
        assert client.renew()["ip"] == told["ip"]
        assert ask(client.station.host, GATEWAY, "stays." + DOMAIN) == (0, [told["ip"]])


def test_dnsmasq_dies(lan, folder):
    """It is started again, later each time, and knows its leases."""
    client = Client(lan.station(1, plain=False), folder)
    told = client.wait()
    pid, reasons = network(lan.daemon)["pid"], []

    def ended():
        row = network(lan.daemon)
        if row["pid"] is None:
            reasons.append(row["reason"])
        return row["pid"] != pid
    # a short while without it may pass unseen: the next one is longer
    while lan.daemon.log.count("it is started again in") < 2 or not reasons:
        os.kill(pid, signal.SIGKILL)
        wait_until(ended, what="it is gone")
        pid = running(lan.daemon, other_than=pid)
    assert all("dnsmasq was ended: Killed" in reason for reason in reasons)
    assert "it is started again in 0.5 s" in lan.daemon.log
    assert "it is started again in 1.0 s" in lan.daemon.log
    assert client.renew()["ip"] == told["ip"]


def test_dnsmasq_hangs(lan, folder):
    """One that does not end is killed, and the next one starts when it is gone."""
    client = Client(lan.station(1, plain=False), folder)
    told = client.wait()
    for changes in ((("domain", "new.test"),), (("dhcp", "off"), ("dhcp", "on"))):
        pid = running(lan.daemon)
        os.kill(pid, signal.SIGSTOP)
        for change in changes:
            lan.daemon.vsctl("network", "set", NET, *change)
        running(lan.daemon, other_than=pid)
        assert is_gone(pid)
    assert lan.daemon.log.count("dnsmasq does not end, and is killed") == 2
    assert "it is started again" not in lan.daemon.log
    assert client.renew()["ip"] == told["ip"]


def test_rights(lan):
    """The child is not root, and has the rights that it needs."""
    pid = network(lan.daemon)["pid"]
    status = dict(line.split(":\t", 1) for line in
                  pathlib.Path("/proc/%d/status" % pid).read_text().splitlines() if ":\t" in line)
    assert set(status["Uid"].split()) != {"0"} and "0" not in status["Uid"].split()
    assert status["CapEff"] == status["CapBnd"] == "0000000000001400"
    assert status["NoNewPrivs"] == "1"
    files = {os.readlink(path) for path in pathlib.Path("/proc/%d/fd" % pid).iterdir()}
    assert not [path for path in files if path.startswith(("/dev/net", "/dev/xen", "/dev/hugepages"))]


def test_off(lan, folder):
    """No network with DHCP: no dnsmasq, no interface, no answer; and back."""
    station = lan.station(1, plain=False)
    told = Client(station, folder).wait()
    pid = network(lan.daemon)["pid"]
    assert lan.sw.link("vswitch0") is not None
    lan.daemon.vsctl("network", "set", NET, "dhcp", "off")
    wait_until(lambda: is_gone(pid))
    assert lan.sw.link("vswitch0") is None
    assert "169.254.53" not in lan.sw.ip("rule", "show").stdout
    assert network(lan.daemon)["pid"] is None
    wire = station.wire
    wire.send(frame(FIRST, message(FIRST, xid=9)))
    wire.send(frame(FIRST, message(FIRST, xid=9)))
    wait_until(lambda: lan.daemon.drops(
        next(row["port"] for row in lan.daemon.vsctl("addr", "show")), "not_routed") >= 2,
        what="nobody wants them")
    lan.daemon.vsctl("network", "set", NET, "dhcp", "on")
    running(lan.daemon)
    assert Client(station, folder).wait()["ip"] == told["ip"]
    lan.daemon.vsctl("network", "del", NET)
    assert lan.daemon.vsctl("network", "show") == [] and lan.sw.link("vswitch0") is None


def test_changes(lan, folder):
    """Settings change while guests are there."""
    station = lan.station(1, plain=False)
    client = Client(station, folder)
    told = client.wait()
    pid = network(lan.daemon)["pid"]
    lan.daemon.vsctl("network", "set", NET, "domain", "new.test", "lease", "2h")
    running(lan.daemon, other_than=pid)
    now = client.renew()
    assert (now["ip"], now["domain"], now["lease"]) == (told["ip"], "new.test", "7200")
    pid = network(lan.daemon)["pid"]
    lan.daemon.vsctl("network", "set", NET, "dns", "192.0.2.9")
    wait_until(lambda: client.renew()["dns"] == "192.0.2.9", what="another server")
    assert network(lan.daemon)["pid"] == pid, "for this it need not start again"


def test_private_umask(folder, idle_bed):
    """dnsmasq, another user, gets to its files whatever umask vswitchd was started with."""
    idle_bed.daemon.limits = ["sh", "-c", 'umask 077; exec "$@"', "sh"]
    bed = idle_bed.start()
    bed.daemon.vsctl("addr", "add", GATEWAY + "/24", "bridge", "br0")
    add_network(bed.daemon, "range", LOW + "-" + HIGH)
    assert in_range(Client(bed.station(1, plain=False), folder).wait()["ip"])


def test_refusals(folder, bed):
    """What cannot be is refused with a reason."""
    vsctl = bed.daemon.vsctl
    vsctl("network", "add", NET)
    for words, reason in (
            (("add", NET), "exists already"),
            (("add", "10.1.0.128/25"), "overlaps with network 10.1.0.0/24"),
            (("add", "10.0.0.0/8"), "overlaps"),
            (("add", "fd00::/64"), "no IPv4 network"),
            (("add", "10.5.0.0/24", "range", "10.5.1.1-10.5.1.9"), "range does not lie in it"),
            (("add", "10.5.0.0/24", "range", "10.5.0.9-10.5.0.1"), "range is not LOW-HIGH"),
            (("add", "10.5.0.0/24", "domain", "a..b"), "domain is not a name"),
            (("add", "10.5.0.0/24", "domain", "x\naddress=/#/1.2.3.4"), "domain"),
            (("add", "10.5.0.0/24", "dns", "fd00::1"), "IPv4"),
            (("add", "10.5.0.0/24", "lease", "1m"), "lease"),
            (("del", "10.5.0.0/24"), "no such network"),
            (("set", "10.5.0.0/24", "dhcp", "on"), "no such network")):
        with pytest.raises(VsctlError, match=reason):
            vsctl("network", *words)
    assert [row["network"] for row in vsctl("network", "show")] == [NET]


def test_not_installed(folder, idle_bed):
    """Without dnsmasq there is a clear word, and nothing else changes."""
    program = shutil.which("dnsmasq", path="/usr/sbin:/usr/bin")
    empty = folder / "empty"
    empty.write_text("")
    empty.chmod(0o644)
    netns.run("mount", "--bind", empty, program)
    try:
        daemon = idle_bed.start().daemon
        with pytest.raises(VsctlError, match="dnsmasq is not installed; .apt-get install dnsmasq"):
            daemon.vsctl("network", "add", NET, "dhcp", "on")
        assert daemon.vsctl("network", "show") == []
        daemon.vsctl("network", "add", NET)
        with pytest.raises(VsctlError, match="dnsmasq is not installed"):
            daemon.vsctl("network", "set", NET, "dhcp", "on")
        assert network(daemon)["dhcp"] == "off"
        daemon.stop()
        daemon.config.write_text("[network %s]\ndhcp = on\n" % NET)
        result = daemon.run_to_end()
        assert result.returncode == 1
        assert "vswitch.conf:1: network %s: dnsmasq is not installed" % NET in result.stderr
    finally:
        netns.run("umount", program)
