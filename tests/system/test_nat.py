# SPDX-License-Identifier: BSD-3-Clause
"""NAT with real hosts around: masquerade, pools, forwardings, caps, and what an operator does to it."""

import contextlib
import json
import re
import shutil
import socket
import time

import pytest

from harness.daemon import VsctlError
from harness.nat_lab import GUESTS, INET, LAN, UPLINK, NatLab
from harness.traffic import Background, Stream, tcp, udp
from harness.wait import TIMEOUT, wait_until

HOST = ("host", "masquerade", "p3")


@pytest.fixture
def lab(bed):
    """g1 and g2 behind the uplink's address."""
    return NatLab(bed).route(HOST)


def listen(host, address, port=0, backlog=256):
    """A TCP server's socket on a host."""
    with host.inside():
        listener = socket.create_server((address, port), backlog=backlog)
    listener.settimeout(TIMEOUT)
    return listener


def dial(host, address, port, source=("", 0), timeout=TIMEOUT):
    """A TCP connection from a host."""
    with host.inside():
        out = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        out.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        out.bind(source)
        out.settimeout(timeout)
        out.connect((address, port))
        return out
    except OSError:
        out.close()
        raise


def connected(client, listener, address, port=None, source=("", 0)):
    """A connection and what the server has of it: (client's socket, server's, client as seen)."""
    out = dial(client, address, port or listener.getsockname()[1], source)
    accepted, seen = listener.accept()
    accepted.settimeout(TIMEOUT)
    return out, accepted, seen


def talk(out, accepted):
    """A word each way."""
    out.sendall(b"there")
    assert accepted.recv(10) == b"there"
    accepted.sendall(b"back")
    assert out.recv(10) == b"back"


def datagrams(host, source=("", 0)):
    """A UDP socket on a host."""
    with host.inside():
        out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    out.bind(source)
    out.settimeout(TIMEOUT)
    return out


def seen_as(client, server, address=INET, source=("", 0)):
    """The address and port that a server sees a client's datagram come from."""
    with datagrams(server, (address, 0)) as into, datagrams(client, source) as out:
        out.sendto(b"x", into.getsockname())
        data, seen = into.recvfrom(10)
        into.sendto(data, seen)
        assert out.recv(10) == b"x"
        return seen


# --- source NAT ---

def test_masquerade(lab):
    """Everything that guests do, and nobody outside sees who they are."""
    for guest in (lab.g1, lab.g2):
        guest.ping(INET)
        guest.ping(INET, count=1, size=4000)  # in fragments
        guest.ping(LAN, count=1)
        tcp(guest, lab.inet, INET)
        udp(guest, lab.inet, INET, sizes=(1, 512, 1400, 5000))
    # the port is kept where it can be, and its parity where it cannot
    assert seen_as(lab.g1, lab.inet, source=("", 4001)) == (UPLINK, 4001)
    seen = seen_as(lab.g2, lab.inet, source=("", 4001))
    assert seen[0] == UPLINK and seen[1] != 4001 and seen[1] % 2 == 1
    # guests reach each other as they are
    assert seen_as(lab.g1, lab.g2, GUESTS[2], ("", 4001)) == (GUESTS[1], 4001)
    stats = lab.daemon.stats("p1")["drops"]
    assert not any(reason.startswith("nat") for reason in stats), stats
    table = lab.table()
    assert table["sessions"] > 10 and table["fragments"] > 0 and table["bytes_per_session"] <= 128
    wait_until(lambda: len(set(lab.daemon.balance())) == 1, what=lambda: lab.daemon.balance())


@pytest.mark.parametrize("options", [[], ["-R"], ["-u", "-b", "50M"], ["-P", "4"]])
def test_iperf3(lab, options):
    """A real program, with the kernel's offloads: nothing is lost over TCP."""
    lab.inet.spawn("iperf3", "-s", "-1", "-B", INET, stdout=-3, stderr=-3)
    wait_until(lambda: ":5201" in lab.inet.run("ss", "-tln").stdout, what="iperf3 listens")
    result = json.loads(lab.g1.run("iperf3", "-J", "-t", 2, "-c", INET, *options).stdout)
    end = result["end"]
    received = end.get("sum_received") or end["sum"]
    assert received["bytes"] > 1 << 20, end


def test_traceroute(lab):
    """Each hop answers, and its word comes back to who asked."""
    if shutil.which("traceroute") is None:
        pytest.skip("traceroute is not installed")
    lab.g1.ping(INET, count=1)  # it sends too much at once to wait for neighbours
    for kind in ("-I", "-U", "-T"):
        out = lab.g1.run("traceroute", "-n", "-q", 1, "-w", TIMEOUT, kind, INET).stdout
        assert re.findall(r"^ *\d+ +([\d.]+)", out, re.M) == ["10.1.1.1", LAN, INET], out


def test_errors_from_outside(lab):
    """ICMP errors find their way inside."""
    with datagrams(lab.g1) as out:
        out.connect((INET, 9))
        out.send(b"x")
        with pytest.raises(ConnectionRefusedError):
            out.recv(10)
    out = lab.g1.run("ping", "-n", "-c", 1, "-W", TIMEOUT, "203.0.113.1", check=False).stdout
    assert "From %s icmp_seq=1 Destination Net Unreachable" % LAN in out
    assert lab.table()["errors"] >= 2


def test_path_mtu_outside(lab):
    """A narrow way far out: guests are told, and adapt."""
    # only on the way, so that TCP's ends do not know
    lab.lan.ip("route", "add", INET, "dev", "eth1", "mtu", "lock", 1300)
    out = lab.g1.run("ping", "-n", "-c", 1, "-W", TIMEOUT, "-M", "do", "-s", 1400, INET, check=False)
    assert "From %s icmp_seq=1 Frag needed and DF set (mtu = 1300)" % LAN in out.stdout
    lab.g1.ip("route", "flush", "cache")
    tcp(lab.g1, lab.inet, INET, size=1 << 20)
    assert "mtu 1300" in lab.g1.ip("route", "get", INET).stdout


def test_path_mtu_inside(lab):
    """A narrow way to a guest: who sends to it from outside is told about what it has sent."""
    lab.daemon.vsctl("nat", "add", "web", "dnat", "tcp", "8080", "to", GUESTS[1] + ":80")
    lab.daemon.vsctl("nat", "add", "echo", "dnat", "icmp", "to", GUESTS[1])
    lab.daemon.vsctl("port", "set", "p1", "mtu", 1300)
    out = lab.inet.run("ping", "-n", "-c", 1, "-W", TIMEOUT, "-M", "do", "-s", 1400, UPLINK, check=False)
    assert "From %s icmp_seq=1 Frag needed and DF set (mtu = 1300)" % UPLINK in out.stdout, out
    lab.inet.ip("route", "flush", "cache")
    with listen(lab.g1, GUESTS[1], 80) as listener:
        out, accepted, _ = connected(lab.inet, listener, UPLINK, 8080)
        with out, accepted:
            send = Background(out.sendall, bytes(1 << 20))
            size = 0
            while size < 1 << 20:
                size += len(accepted.recv(1 << 16))
            send.join()
    assert "mtu 1300" in lab.inet.ip("route", "get", UPLINK).stdout


def test_pool(lab):
    """Addresses of a pool are answered for, shared out, and each guest's stays the same."""
    wire = lab.stations[3].wire
    wire.drain()
    lab.daemon.vsctl("nat", "add", "pool", "snat", "192.0.2.10-192.0.2.12,192.0.2.20",
                     "out", "p3", "from", "10.1.0.0/16")
    announced = set()
    while len(announced) < 4:
        frame = wire.recv(TIMEOUT)
        assert frame is not None, announced
        if frame.data[12:14] == b"\x08\x06":
            announced |= {socket.inet_ntoa(frame.data[28:32])} - {UPLINK}
    pool = {"192.0.2.10", "192.0.2.11", "192.0.2.12", "192.0.2.20"}
    assert announced == pool
    for number, guest in ((1, lab.g1), (2, lab.g2)):
        for extra in range(3, 12):
            guest.ip("addr", "add", "10.1.%d.%d/24" % (number, extra), "dev", "eth0")
    seen = {}
    for turn in range(2):
        for extra in range(2, 12):
            source = ("10.1.1.%d" % extra, 5000 + turn)
            address = seen_as(lab.g1, lab.inet, source=source)[0]
            assert seen.setdefault(source[0], address) == address
    assert set(seen.values()) <= pool and len(set(seen.values())) > 1
    lab.lan.run("ip", "neigh", "flush", "all")
    lab.g1.ping(INET, count=1)
    # the longest prefix is the rule, and others' sources are the uplink's
    assert lab.rules()["pool"]["to"] == "192.0.2.10-192.0.2.12,192.0.2.20"
    lab.daemon.vsctl("nat", "del", "pool")
    assert seen_as(lab.g1, lab.inet)[0] == UPLINK
    wait_until(lambda: {row["ext"] for row in lab.sessions()} == {UPLINK},
               what=lambda: "the pool's sessions have ended: %s" % lab.sessions())


def test_ports_of_a_guest(lab):
    """A range for one guest: its ports are in it; more flows than ports are refused and counted."""
    lab.daemon.vsctl("nat", "add", "g1", "masquerade", "p3", "guest", "p1", "ports", "2000-2019")
    ports = {seen_as(lab.g1, lab.inet, source=("", 3000 + number))[1] for number in range(20)}
    assert ports == set(range(2000, 2020))
    with datagrams(lab.g1) as out:
        out.sendto(b"x", (INET, 9))
        wait_until(lambda: lab.daemon.drops("p1", "nat_ports") == 1, what="it is refused")
    assert lab.table()["refused"]["ports"] == 1
    assert seen_as(lab.g2, lab.inet, source=("", 3000))[1] == 3000


def test_mapping_and_filtering(lab):
    """Endpoint-independent: one port for all remote hosts, and, if so set, open to all of them."""
    with datagrams(lab.g1) as out, datagrams(lab.inet, (INET, 0)) as first, \
            datagrams(lab.inet, (INET, 0)) as second:
        def meet():
            out.sendto(b"x", first.getsockname())
            return first.recvfrom(10)[1]
        seen = meet()
        out.sendto(b"x", second.getsockname())
        assert second.recvfrom(10)[1] == seen
        lab.daemon.vsctl("nat", "flush")
        before = lab.table()["misses"]
        meet()
        second.sendto(b"no", seen)
        wait_until(lambda: lab.table()["misses"] == before + 1, what="it is dropped")
        lab.daemon.vsctl("nat", "flush")
        lab.daemon.vsctl("nat", "set", "host", "filtering", "endpoint-independent")
        assert meet() == seen
        second.sendto(b"yes", seen)
        assert out.recv(10) == b"yes"


# --- destination NAT ---

FORWARDINGS = (("web", "dnat", "tcp", "8080", "to", GUESTS[1] + ":80"),
               ("range", "dnat", "udp 9000-9009 -> %s:7000" % GUESTS[2]),
               ("game", "dnat", "tcp", "7777", "to", GUESTS[2]))


def test_forwarding(bed):
    """From the internet and the LAN to guests; they see who calls."""
    lab = NatLab(bed).route(HOST, *FORWARDINGS)
    with listen(lab.g1, GUESTS[1], 80) as web, listen(lab.g2, GUESTS[2], 7777) as game:
        for client, address in ((lab.inet, INET), (lab.lan, LAN)):
            for listener, port in ((web, 8080), (game, 7777)):
                out, accepted, seen = connected(client, listener, UPLINK, port)
                with out, accepted:
                    assert seen[0] == address
                    talk(out, accepted)
    for port in (9000, 9004, 9009):
        with datagrams(lab.g2, (GUESTS[2], port - 2000)) as into, datagrams(lab.inet) as out:
            out.connect((UPLINK, port))
            out.send(b"there")
            data, back = into.recvfrom(10)
            into.sendto(data, back)
            assert back[0] == INET and out.recv(10) == b"there"
    # what is not forwarded is the router's own, and closed
    with pytest.raises(ConnectionRefusedError):
        dial(lab.inet, UPLINK, 8081)
    lab.inet.ping(UPLINK, count=1)
    lab.daemon.vsctl("nat", "del", "web")
    with pytest.raises(ConnectionRefusedError):
        dial(lab.inet, UPLINK, 8080)


def test_one_to_one(lab):
    """An address of its own for a guest, both ways."""
    lab.daemon.vsctl("nat", "add", "in", "dnat", "any", "192.0.2.30", "to", GUESTS[1])
    lab.daemon.vsctl("nat", "add", "out", "snat", "192.0.2.30", "from", GUESTS[1] + "/32")
    lab.inet.ping("192.0.2.30")
    assert seen_as(lab.g1, lab.inet, source=("", 4444)) == ("192.0.2.30", 4444)
    with listen(lab.g1, GUESTS[1], 22) as listener:
        out, accepted, _ = connected(lab.inet, listener, "192.0.2.30")
        with out, accepted:
            talk(out, accepted)
    assert seen_as(lab.g2, lab.inet)[0] == UPLINK


def test_hairpin(bed):
    """Guests reach forwarded ports by the outside address: others', and their own."""
    lab = NatLab(bed).route(HOST, *FORWARDINGS)
    for number, client in ((2, lab.g2), (1, lab.g1)):
        with listen(lab.g1, GUESTS[1], 80) as listener:
            out, accepted, seen = connected(client, listener, UPLINK, 8080)
            with out, accepted:
                talk(out, accepted)
            # RFC 4787 REQ-9: the external source is presented
            assert seen[0] == UPLINK, (number, seen)
    assert lab.table()["hairpin"] > 0


# --- what changes ---

def test_address_changes_under_load(lab):
    """Flows go on by the new address; nothing leaves by the old one any more."""
    stream = Stream(lab.g1, lab.inet, INET)
    wait_until(lambda: len(stream.received()) > 0, what="the stream flows")
    lab.daemon.vsctl("addr", "del", UPLINK + "/24")
    assert lab.rules()["host"]["reason"] == "p3 is not routed: it has no address"
    lab.daemon.vsctl("addr", "add", "192.0.2.7/24", "port", "p3")
    assert lab.rules()["host"]["active"] and lab.rules()["host"]["to"] == "192.0.2.7"
    wait_until(lambda: len(stream.received()) > 0, what="the stream flows again")
    wait_until(lambda: {row["ext"] for row in lab.sessions()} == {"192.0.2.7"},
               what=lambda: "the old sessions have ended: %s" % lab.sessions())
    wire = lab.stations[3].wire
    wire.drain()
    for _ in range(200):
        frame = wire.recv(TIMEOUT)
        if frame.data[12:14] == b"\x08\x00":
            assert socket.inet_ntoa(frame.data[26:30]) == "192.0.2.7"
    numbers, sent = stream.stop()
    assert numbers[-1] == sent - 1
    # a second address changes nothing for as long as the first is there
    lab.daemon.vsctl("addr", "add", "192.0.2.8/32", "port", "p3")
    assert seen_as(lab.g1, lab.inet)[0] == "192.0.2.7"
    lab.daemon.vsctl("addr", "del", "192.0.2.7/24")
    assert lab.rules()["host"]["to"] == "192.0.2.8"


def test_ports_that_come_and_go(lab):
    """Rules of what is gone wait for it."""
    lab.daemon.vsctl("nat", "add", "web", "dnat", "tcp", "8080", "to", GUESTS[1] + ":80")
    lab.daemon.vsctl("nat", "add", "one", "masquerade", "p3", "guest", "p1", "ports", "2000-2999")
    assert all(rule["active"] for rule in lab.rules().values())
    assert 2000 <= seen_as(lab.g1, lab.inet)[1] < 3000
    lab.daemon.vsctl("addr", "del", "10.1.1.1/24")
    lab.daemon.vsctl("port", "del", "p1")
    rules = lab.rules()
    assert rules["web"]["reason"] == "10.1.1.2 is not inside: it is reached by p3"
    assert rules["one"]["reason"] == "guest p1 is not there"
    # which keeps nothing else from being set
    lab.daemon.vsctl("nat-table", "set", "udp-new", 77)
    assert lab.table()["set"]["udp_new"] == 77
    lab.daemon.vsctl("nat", "set", "one", "ports", "2000-2499")
    lab.daemon.vsctl("nat", "set", "one", "ports", "2000-2999")
    wait_until(lambda: lab.sessions("inside", GUESTS[1]) == [], what="its sessions have ended")
    lab.daemon.vsctl("port", "add", "p1", "bridge", "none")
    lab.daemon.vsctl("addr", "add", "10.1.1.1/24", "port", "p1")
    lab.daemon.wait_link("p1")
    assert all(rule["active"] for rule in lab.rules().values())
    assert 2000 <= seen_as(lab.g1, lab.inet)[1] < 3000
    with listen(lab.g1, GUESTS[1], 80) as listener:
        out, accepted, _ = connected(lab.inet, listener, UPLINK, 8080)
        with out, accepted:
            talk(out, accepted)


def test_bridges(bed):
    """The uplink and the guests may be on bridges, where the router is a station."""
    lab = NatLab(bed)
    daemon = bed.daemon
    daemon.vsctl("bridge", "add", "wan", "loop-detect", "no")
    for number, bridge in ((1, "br0"), (2, "br0"), (3, "wan")):
        daemon.vsctl("port", "add", "p%d" % number, "bridge", bridge)
        daemon.wait_link("p%d" % number)
    daemon.vsctl("nat", "add", "host", "masquerade", "wan")
    assert lab.rules()["host"]["reason"] == "wan is not routed: it has no address"
    for address, bridge in (("10.1.1.1/24", "br0"), ("10.1.2.1/24", "br0"), (UPLINK + "/24", "wan")):
        daemon.vsctl("addr", "add", address, "bridge", bridge)
    daemon.vsctl("route", "add", "default", "via", LAN)
    for guest in (lab.g1, lab.g2):
        guest.ping(INET, count=1)
        assert seen_as(guest, lab.inet)[0] == UPLINK
        tcp(guest, lab.inet, INET, size=1 << 20)


def test_guests_modes(bed):
    """A guest in NAT mode leaves as the host; one in route mode as itself, but is forwarded to."""
    lab = NatLab(bed)
    daemon = bed.daemon
    daemon.vsctl("port", "add", "p1", "mode", "nat", "ip", GUESTS[1], "gateway", "10.1.1.1")
    daemon.vsctl("port", "add", "p2", "mode", "route", "ip", "192.0.2.77", "gateway", UPLINK)
    daemon.vsctl("port", "add", "p3", "bridge", "none", "proxy", "guests")
    for port in ("p1", "p2", "p3"):
        daemon.wait_link(port)
    lab.g2.ip("addr", "flush", "dev", "eth0")
    lab.g2.ip("addr", "add", "192.0.2.77/32", "dev", "eth0")
    lab.g2.ip("route", "add", UPLINK, "dev", "eth0")
    lab.g2.ip("route", "add", "default", "via", UPLINK)
    daemon.vsctl("addr", "add", UPLINK + "/24", "port", "p3")
    daemon.vsctl("route", "add", "default", "via", LAN)
    daemon.vsctl("nat", "add", *HOST)
    daemon.vsctl("nat", "add", "web", "dnat", "tcp", "8080", "to", "192.0.2.77:80")
    daemon.vsctl("nat", "add", "two", "masquerade", "p3", "guest", "p2")
    assert lab.rules()["two"]["reason"] == "guest p2 is in mode route"
    assert seen_as(lab.g1, lab.inet)[0] == UPLINK
    assert seen_as(lab.g2, lab.inet)[0] == "192.0.2.77"
    lab.inet.ping("192.0.2.77", count=1)
    with listen(lab.g2, "192.0.2.77", 80) as listener:
        for client in (lab.inet, lab.g1):
            out, accepted, _ = connected(client, listener, UPLINK, 8080)
            with out, accepted:
                talk(out, accepted)
    # the other way round
    daemon.vsctl("port", "set", "p2", "mode", "nat")
    assert lab.rules()["two"]["active"]
    assert seen_as(lab.g2, lab.inet)[0] == UPLINK


# --- the table ---

def test_sessions_and_flush(lab):
    """What is shown is what was asked for, and what is flushed is gone."""
    for number, guest in ((1, lab.g1), (2, lab.g2)):
        for port in (5001, 5002):
            seen_as(guest, lab.inet, source=("", port))
        guest.ping(LAN, count=1)
    assert len(lab.sessions()) == 6

    def count(*words):
        return len(lab.sessions(*words))
    assert count("proto", "udp") == 4 and count("proto", "icmp") == 2 and count("proto", "tcp") == 0
    assert count("inside", GUESTS[1] + "/32") == 3 and count("inside", "10.1.0.0/16") == 6
    assert count("remote", "198.51.100.0/24") == 4 and count("remote", LAN) == 2
    assert count("ext", UPLINK) == 6 and count("ext", LAN) == 0
    assert count("port", 5001) == 2 and count("guest", "p2", "proto", "udp") == 2
    row, = lab.sessions("port", 5001, "guest", "p1")
    assert (row["proto"], row["inside"], row["inside_port"], row["ext"], row["remote"],
            row["guest"], row["state"]) == (
                "udp", GUESTS[1], 5001, UPLINK, INET, "p1", "both-ways")
    assert 0 < row["expires"] <= 300
    lab.daemon.vsctl("nat", "flush", "port", 5001)
    assert count() == 4
    lab.daemon.vsctl("nat", "flush", "guest", "p1")
    assert count() == 2 and count("guest", "p2") == 2
    lab.daemon.vsctl("nat", "flush")
    assert count() == 0
    wait_until(lambda: lab.table()["sessions"] == 0, what="slots are given back")


def test_sessions_age(lab):
    """Timeouts are for sessions that exist, too; the table goes with the last rule and session."""
    with listen(lab.inet, INET) as listener:
        out, accepted, _ = connected(lab.g1, listener, INET)
        with out, accepted:
            seen_as(lab.g1, lab.inet)
            lab.daemon.vsctl("nat-table", "set", "udp", 1, "udp-new", 1)
            wait_until(lambda: [row["proto"] for row in lab.sessions()] == ["tcp"],
                       what=lambda: "the UDP session has aged: %s" % lab.sessions())
            talk(out, accepted)
        lab.daemon.vsctl("nat-table", "set", "tcp-transitory", 1)
    wait_until(lambda: lab.table()["sessions"] == 0, what="the TCP session has aged")
    with pytest.raises(VsctlError, match="neither rules nor sessions"):
        lab.daemon.vsctl("nat-table", "set", "sessions-max", 4096)
    lab.daemon.vsctl("nat", "del", "host")
    wait_until(lambda: lab.table()["table"].startswith("not made"), what="the table is gone")
    lab.daemon.vsctl("nat-table", "set", "sessions-max", 4096)
    lab.daemon.vsctl("nat", "add", *HOST)
    assert lab.table()["sessions_max"] == 4096
    lab.g1.ping(INET, count=1)


def spray(host, n, first=10000):
    """Begin n flows as fast as it goes: datagrams from n ports, from a socket each in turn."""
    with datagrams(host) as out:
        for number in range(n):
            out.sendto(b"x", (INET, first + number))


def test_one_guest_exhausts_itself(lab):
    """One guest opens all that it can; every connection of the other succeeds."""
    lab.lan.run("sysctl", "-qw", "net.ipv4.icmp_msgs_per_sec=1")
    lab.daemon.vsctl("port", "set", "p1", "nat-sessions", 500, "nat-rate", 20000)
    stop = []

    def flood():
        turn = 0
        with contextlib.ExitStack() as stack:
            outs = [stack.enter_context(datagrams(lab.g1)) for _ in range(50)]
            while not stop:
                for out in outs:
                    out.sendto(b"x", (INET, 10000 + turn % 40000))
                    turn += 1
        return turn

    flooding = Background(flood)
    try:
        wait_until(lambda: lab.table()["refused"]["guest_sessions"] > 1000, what="it is refused")
        with listen(lab.inet, INET) as listener:
            for _ in range(300):
                out, accepted, _ = connected(lab.g2, listener, INET)
                with out, accepted:
                    talk(out, accepted)
    finally:
        stop.append(True)
        sent = flooding.join()
    assert sent > 1000
    assert len(lab.sessions("guest", "p1")) <= 500
    assert lab.daemon.drops("p1", "nat_sessions") > 1000
    assert not any(r.startswith("nat") for r in lab.daemon.stats("p2")["drops"])


def test_new_sessions_per_second(lab):
    """No more than set, and a tenth of them at once."""
    lab.g1.ping(INET, count=1)
    lab.daemon.vsctl("nat", "flush")
    lab.daemon.vsctl("port", "set", "p1", "nat-rate", 100)
    began = time.monotonic()
    spray(lab.g1, 500)
    wait_until(lambda: len(lab.sessions("guest", "p1")) + lab.daemon.drops("p1", "nat_rate") == 500,
               what=lambda: lab.table())
    took = time.monotonic() - began
    n_sessions = len(lab.sessions("guest", "p1"))
    assert 10 <= n_sessions <= min(500, 11 + 100 * took), took
    assert lab.table()["refused"]["guest_rate"] == 500 - n_sessions
    lab.daemon.vsctl("port", "set", "p1", "nat-rate", "default")
    lab.daemon.vsctl("nat", "flush")
    spray(lab.g1, 500)
    wait_until(lambda: len(lab.sessions("guest", "p1")) == 500, what=lambda: lab.table())


def test_full_table(bed):
    """A full table refuses, with a counter; flows that it has go on."""
    lab = NatLab(bed)
    bed.daemon.vsctl("nat-table", "set", "sessions-max", 1024)
    lab.route(HOST)
    with listen(lab.inet, INET) as listener:
        out, accepted, _ = connected(lab.g1, listener, INET)
        with out, accepted:
            spray(lab.g2, 2000)
            wait_until(lambda: lab.daemon.drops("p2", "nat_full") > 800, what=lambda: lab.table())
            talk(out, accepted)
            assert lab.table()["refused"]["full"] > 800 and lab.table()["sessions"] <= 1024
            lab.daemon.vsctl("nat", "flush", "guest", "p2")
            wait_until(lambda: lab.table()["sessions"] < 100, what="slots are given back")
            seen_as(lab.g2, lab.inet)
            talk(out, accepted)


def test_ten_thousand_flows(bed):
    """Paged, shown and flushed; each of them answered."""
    lab = NatLab(bed)
    lab.route(HOST)
    lab.daemon.vsctl("nat-table", "set", "udp", 3600, "udp-new", 3600)
    # the answers' limits are the kernels', not ours
    with datagrams(lab.inet, (INET, 0)) as into, contextlib.ExitStack() as stack:
        into.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
        outs = []
        for number in range(10000):
            guest = (lab.g1, lab.g2)[number % 2]
            outs.append(stack.enter_context(datagrams(guest)))
        for number, out in enumerate(outs):
            for _ in range(5):
                out.sendto(b"%d" % number, into.getsockname())
                data, seen = into.recvfrom(10)
                if data == b"%d" % number:
                    break
            into.sendto(data, seen)
            assert out.recv(10) == b"%d" % number
        rows = lab.sessions()
        assert len(rows) == 10000
        assert len({(row["ext"], row["ext_port"]) for row in rows}) == 10000
        for number, out in enumerate(outs):
            out.sendto(b"%d" % number, into.getsockname())
            data, seen = into.recvfrom(10)
            assert data == b"%d" % number
            into.sendto(data, seen)
            assert out.recv(10) == data
    assert len(lab.sessions()) == 10000
    began = time.monotonic()
    lab.daemon.vsctl("nat", "flush")
    assert time.monotonic() - began < TIMEOUT and lab.sessions() == []


# --- the operator ---

CONFIG = """
[bridge br0]
loop-detect = no
[port p1]
bridge = none
nat-sessions = 1000
[port p2]
bridge = none
[port p3]
bridge = none
[addr 10.1.1.1/24]
port = p1
[addr 10.1.2.1/24]
port = p2
[addr 192.0.2.1/24]
port = p3
[route default]
via = 192.0.2.254
[nat-table]
sessions-max = 65536
udp = 100
guest-rate = none
mapping = address-port-dependent
[nat host]
masquerade = p3
[nat web]
dnat = tcp 8080 -> 10.1.1.2:80
[nat pool]
snat = 192.0.2.40-192.0.2.43
out = p3
guest = vif7.0
ports = 4000-4999
"""


def connections(lab, listener, number):
    """Many connections, of both guests in turn, by the same source ports."""
    made = []
    for port in range(20000, 20000 + number // 2):
        for guest in (lab.g1, lab.g2):
            made.append(connected(guest, listener, INET, source=("", port))[:2])
    return made


def test_config_and_restart(idle_bed):
    """From a file; and TCP connections whose ports could be kept live through a restart."""
    lab = NatLab(idle_bed)
    idle_bed.start(CONFIG)
    for number in (1, 2, 3):
        lab.daemon.wait_link("p%d" % number)
    assert [rule["nat"] for rule in lab.daemon.vsctl("nat", "show")] == ["host", "web", "pool"]
    assert lab.rules()["pool"]["reason"] == "guest vif7.0 is not there"
    table = lab.table()
    assert (table["sessions_max"], table["set"]["udp"], table["set"]["guest_rate"],
            table["set"]["mapping"]) == (65536, 100, None, "address-port-dependent")
    with listen(lab.inet, INET) as listener, contextlib.ExitStack() as stack:
        made = [(stack.enter_context(a), stack.enter_context(b))
                for a, b in connections(lab, listener, 200)]
        for pair in made:
            talk(*pair)
        kept = {(row["inside"], row["inside_port"]) for row in lab.sessions("proto", "tcp")
                if row["inside_port"] == row["ext_port"]}
        keep = [pair for pair in made if pair[0].getsockname() in kept]
        assert len(keep) >= 90  # of 100; some had been given away at random
        assert lab.daemon.stop() == 0
        lab.daemon.start()
        for number in (1, 2, 3):
            lab.daemon.wait_link("p%d" % number)
        assert lab.sessions() == []
        # these first: whoever speaks first gets a port that two of them want
        for out, _ in keep:
            out.sendall(b"again")
        for _, accepted in keep:
            assert accepted.recv(10) == b"again"
        for out, accepted in keep:
            talk(out, accepted)
        print("%d of %d connections had kept their ports, and live on" % (len(keep), len(made)))


@pytest.mark.parametrize("text,fault", [
    ("[nat a]\n", "line|what does it do"),
    ("[nat a]\ndnat = tcp 0 -> 10.0.0.1\nout = p1\n", "not a number from 1 to 65535"),
    ("[nat-table]\nudp = 0\n", "a number of seconds from 1 to"),
    ("[nat-table x]\nudp = 10\n", "takes no name"),
    ("[nat-table]\nmapping = address-port-dependent\nfiltering = address-dependent\n",
     "need mapping endpoint-independent"),
])
def test_bad_config(idle_bed, text, fault):
    """It does not start, and says in which line."""
    idle_bed.cable(1)
    idle_bed.daemon.config.write_text("[port p1]\nbridge = none\n" + text)
    result = idle_bed.daemon.run_to_end()
    assert result.returncode == 1 and re.search(fault, result.stderr), result.stderr
    assert re.search(r"vswitch\.conf:\d+: ", result.stderr), result.stderr


def test_apply_rules_above_what_they_need(idle_bed):
    """The order of a file's sections is nothing to who applies it."""
    daemon = idle_bed.daemon
    idle_bed.cable(1)
    idle_bed.start("")
    daemon.config.write_text("[nat web]\ndnat = tcp 80 -> 10.1.1.2:80\n"
                             "[nat host]\nmasquerade = p1\n"
                             "[addr 10.1.1.1/24]\nport = p1\n[port p1]\nbridge = none\n")
    daemon.vsctl("config", "apply", str(daemon.config))
    assert {rule["nat"] for rule in daemon.vsctl("nat", "show")} == {"host", "web"}
    daemon.config.write_text("")
    daemon.vsctl("config", "apply", str(daemon.config))
    assert daemon.vsctl("nat", "show") == []


def test_names_that_are_gone(idle_bed):
    """What rules and routes name may go, and be saved so: that is no reason not to start."""
    daemon = idle_bed.daemon
    idle_bed.cable(1)
    idle_bed.start("[port p1]\nbridge = none\n[addr 10.1.1.1/24]\nport = p1\n"
                   "[route 10.2.0.0/16]\nport = p1\n"
                   "[nat host]\nmasquerade = p1\n[nat web]\ndnat = tcp 80 -> 10.1.1.2:80\n")
    for words in (("addr", "del", "10.1.1.1/24"), ("port", "del", "p1"), ("config", "save")):
        daemon.vsctl(*words)
    saved = daemon.config.read_text()
    assert daemon.stop() == 0
    daemon.start()
    assert {rule["nat"]: rule["reason"] for rule in daemon.vsctl("nat", "show")} == {
        "host": "there is no port p1", "web": "there is no port p1"}
    assert [route["route"] for route in daemon.vsctl("route", "show")] == ["10.2.0.0/16"]
    daemon.vsctl("config", "save")
    assert daemon.config.read_text() == saved
    # who reads the file is told
    said = daemon.vsctl_raw("config", "check").stderr
    assert "there is no section [port p1] or [bridge p1]" in said, said
    # but it is what runs, and can be changed
    assert daemon.vsctl("config", "diff")["changes"] == []
    daemon.config.write_text(saved + "[bridge br9]\n")
    assert daemon.vsctl("config", "apply")["done"] == 1
    # and it all comes to life with the port
    daemon.vsctl("port", "add", "p1", "bridge", "none")
    daemon.vsctl("addr", "add", "10.1.1.1/24", "port", "p1")
    assert daemon.vsctl("nat", "show", "host")[0]["reason"] is None


@pytest.mark.parametrize("words,fault", [
    ("add x", "what does it do"),
    ("add x masquerade p9", "there is no port p9"),
    ("add x masquerade p3 out p3", "out is not for masquerade"),
    ("add x masquerade p3 snat 192.0.2.9", "rules of their own"),
    ("add x masquerade p3 guest p9", "there is no port p9"),
    ("add x masquerade p3 from 10.0.0.1/24", "from: '10.0.0.1/24' is not"),
    ("add x masquerade p3 from fd00::/64", "from: 'fd00::/64' is not"),
    ("add x masquerade p3 ports 0-10", "ports: '0-10' is not"),
    ("add x masquerade p3 ports 10-9", "ports: '10-9' is not"),
    ("add x masquerade p3 mapping address-port-dependent filtering address-dependent",
     "need mapping endpoint-independent"),
    ("add host masquerade p3", "exists already"),
    ("add x snat 192.0.2.9-192.0.2.1 out p3", "is not up to 1024"),
    ("add x snat 192.0.2.1,192.0.2.1 out p3", "is not up to 1024"),
    ("add x snat 10.0.0.0-10.0.255.255 out p3", "is not up to 1024"),
    ("add x snat 224.0.0.1 out p3", "is not up to 1024"),
    ("add x dnat tcp 8080 -", "the shell has taken"),
    ("add x dnat tcp 8080", "where to"),
    ("add x dnat sctp 8080 to 10.1.1.2", "begins with tcp, udp, icmp or any"),
    ("add x dnat tcp 8080 to 10.1.1.2:0", "inside port is not a number"),
    ("add x dnat tcp 8080-8081 to 10.1.1.2:65535", "beyond 65535"),
    ("add x dnat tcp to 10.1.1.2:80", "external port is missing"),
    ("add x dnat tcp 192.0.2.1 to 10.1.1.2:80", "cannot stand for all"),
    ("add x dnat icmp 192.0.2.1:7 to 10.1.1.2", "have no ports"),
    ("add x dnat tcp 8080 to fe80::1", "inside address is not an IPv4"),
    ("add x dnat tcp 8080 to 10.1.1.2 from 10.0.0.0/8", "from is for source NAT"),
    ("add x dnat tcp 8000-9000 to 10.1.1.2", "overlaps with nat web"),
    ("set host dnat tcp 1 to 10.1.1.2", "it is a rule of kind masquerade"),
    ("set web dnat tcp 7000 to 10.1.1.2", "overlaps with nat other"),
    ("set host", "nothing to set"),
    ("set nope ports 1-2", "there is no such rule"),
    ("del nope", "there is no such rule"),
    ("show nope", "there is no such rule"),
    ("sessions proto icmp6", "is not one of any, tcp"),
    ("sessions guest p9", "there is no such port"),
    ("flush inside 10.1.1.2/24", "is not an IPv4 network"),
])
def test_refused(module_lab, words, fault):
    """Whatever is wrong is said, and nothing has changed."""
    daemon = module_lab.daemon
    before = daemon.vsctl("nat", "show"), module_lab.table()["set"]
    result = daemon.vsctl_raw("nat", *words.split())
    assert result.returncode in (1, 2) and fault in result.stderr, result.stderr
    assert (daemon.vsctl("nat", "show"), module_lab.table()["set"]) == before


@pytest.fixture(scope="module")
def module_lab(module_bed):
    """For cases that change nothing."""
    return NatLab(module_bed).route(
        HOST, ("web", "dnat", "tcp", "8080", "to", GUESTS[1] + ":80"),
        ("other", "dnat", "tcp", "7000", "to", GUESTS[2]))
