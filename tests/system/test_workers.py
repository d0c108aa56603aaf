# SPDX-License-Identifier: BSD-3-Clause
"""More than one worker: the same switch, only faster."""

import os
import socket
import struct

import pytest

from harness import traffic
from harness.wait import TIMEOUT, wait_until
from harness.wire import BROADCAST, frame, mac_of

from test_stats import wait_balance
from test_tap import add_tap

CONFIG = "[vswitchd]\nworkers = 2\n[bridge br0]\n"


@pytest.fixture
def two(idle_bed):
    """A bed whose vswitchd has two workers."""
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("there is one CPU core only")
    return idle_bed.start(CONFIG)


def threads(bed):
    """CPU time of each worker, in ticks."""
    folder = "/proc/%d/task" % bed.daemon.pid
    times = []
    for task in os.listdir(folder):
        with open("%s/%s/stat" % (folder, task), encoding="ascii") as file:
            name, fields = file.read().split("(", 1)[1].rsplit(")", 1)
        if "worker" in name:
            times.append(sum(map(int, fields.split()[11:13])))
    return times


@pytest.mark.parametrize("queues", [1, 2])
def test_tcp(two, queues):
    """Many connections at once, over ports with one queue or several."""
    stations = [two.station(number, "queues", queues, plain=False) for number in (1, 2, 3)]
    for number, station in enumerate(stations, 1):
        two.speak(station, number)
    add_tap(two, "br0", 9, "br0", "queues", queues)
    ends = [(station.host, "10.0.0.%d" % number) for number, station in enumerate(stations, 1)]
    ends.append((two.sw, "10.0.0.9"))
    for client, _ in ends:
        for server, address in ends:
            if client is not server:
                traffic.tcp(client, server, address, size=1 << 20)
                traffic.udp(client, server, address)
    wait_balance(two)
    assert len(threads(two)) == 2


def test_counters(two):
    """What each worker has received; ports that go take nothing away."""
    one, other = two.pair()
    one.host.ping(other.address)

    def received():
        rows = two.daemon.vsctl("worker", "show")
        assert [row["worker"] for row in rows] == [0, 1]
        return sum(row["rx_packets"] for row in rows)
    wait_until(lambda: received() >= 8, what="two ARP packets and six of ICMP")
    # one after the other is counted
    wait_until(lambda: all(row["busy_turns"] <= row["rx_packets"]
                           for row in two.daemon.vsctl("worker", "show")),
               what=lambda: two.daemon.vsctl("worker", "show"))
    before = received()
    for name in ("p1", "p2"):
        two.daemon.vsctl("port", "del", name)
        two.daemon.vsctl("port", "add", name, "bridge", "br0")
    assert received() >= before


def test_one_flow_stays_in_order(two):
    """However many queues a port has."""
    one, other = two.pair()
    two.daemon.vsctl("port", "del", "p1")
    two.daemon.vsctl("port", "add", "p1", "bridge", "br0", "queues", 4)
    two.daemon.wait_link("p1")
    one.host.ping(other.address)
    with other.host.inside():
        into = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with one.host.inside():
        out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with into, out:
        into.bind((other.address, 0))
        into.settimeout(TIMEOUT)
        into.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
        # as fast as it goes, but no more at once than buffers hold while a worker does not run
        for start in range(0, 10000, 500):
            numbers = [struct.pack("!I", number) + bytes(60) for number in range(start, start + 500)]
            for number in numbers:
                out.sendto(number, into.getsockname())
            assert [into.recv(100) for _ in numbers] == numbers


def test_floods_from_all_sides(two):
    """All stations shout at once; each hears every other's every word once."""
    stations = [two.station(number) for number in range(1, 5)]
    count = 500

    def shout(number):
        for word in range(count):
            stations[number].wire.send(frame(BROADCAST, mac_of(number + 1), 100,
                                             payload=struct.pack("!HH", number, word)))
    for station in stations:
        assert station.wire
    for thread in [traffic.Background(shout, number) for number in range(len(stations))]:
        thread.join()
    for number, station in enumerate(stations):
        heard = [[] for _ in stations]
        for _ in range(count * (len(stations) - 1)):
            got = station.wire.recv(20)
            assert got is not None, [len(words) for words in heard]
            speaker, word = struct.unpack("!HH", got.data[14:18])
            heard[speaker].append(word)
        assert station.wire.recv() is None
        assert heard == [[] if speaker == number else list(range(count))
                         for speaker in range(len(stations))]
    wait_balance(two)


def test_churn_while_workers_never_rest(two):
    """A device that always has packets keeps a worker from sleeping; ports still come and go."""
    one, other = two.pair()
    two.cable(3)
    two.daemon.vsctl("bridge", "add", "br1", "loop-detect", "no")
    for number in range(2):
        two.daemon.vsctl("port", "add", "null%d" % number, "bridge", "br1", "devargs",
                         "net_null%d" % number)
    one.host.ping(other.address)
    stream = traffic.Stream(one.host, other.host, other.address, per_second=500)
    for _ in range(10):
        for name, *keys in (("p3",), ("t0", "type", "tap", "queues", 2),
                            ("null9", "devargs", "net_null9")):
            two.daemon.vsctl("port", "add", name, "bridge", "br1", *keys)
        two.daemon.vsctl("fdb", "flush", "br1")
        for name in ("p3", "t0", "null9"):
            two.daemon.vsctl("port", "del", name)
    numbers, sent = stream.stop()
    assert numbers == list(range(sent))
    for number in range(2):
        two.daemon.vsctl("port", "del", "null%d" % number)
    two.daemon.vsctl("bridge", "del", "br1")
