# SPDX-License-Identifier: BSD-3-Clause
"""Captures by the daemon's socket: bit by bit, several at once, slow clients, ports that go."""

import signal
import socket
import struct
import time

import pytest

from harness.capture import IN, OUT, Client
from harness.capture_ctl import write_numbered
from harness.wait import wait_until
from harness.wire import BROADCAST, frame, mac_bytes, mac_of, tagged

A, B = mac_of(1), mac_of(2)
SIZES = (15, 60, 61, 62, 63, 64, 200, 1514)


def started(daemon, **params):
    """A capture that workers know of."""
    client = Client(daemon, **params)
    assert "result" in client.reply, client.reply
    return client


def captures(daemon):
    """What capture.show tells."""
    return daemon.rpc("capture.show")["result"]


def test_bit_exact(bed):
    left, right = (bed.station(n).wire for n in (1, 2))
    client = started(bed.daemon)
    frames = [frame(BROADCAST, A, size) for size in SIZES]
    frames += [tagged(frames[-2], 7), frame(BROADCAST, A, 100, [(0x88a8, 200), (0x8100, 100)])]
    before = time.time()
    for data in frames:
        left.send(data)
        right.expect(data)
    packets = client.wait(2 * len(frames))
    for way, port in ((IN, "p1"), (OUT, "p2")):
        got = [packet for packet in packets if packet.direction == way]
        assert [packet.data for packet in got] == frames
        assert [packet.length for packet in got] == [len(data) for data in frames]
        assert {packet.interface for packet in got} == {port}
    assert all(before - 1 < packet.time < time.time() + 1 for packet in packets)
    client.finish()
    n = 2 * len(frames)
    assert client.totals == {"seen": n, "matched": n, "missed": 0, "delivered": n}
    assert sorted(interface.name for interface in client.interfaces) == ["p1", "p2"]
    assert all("bridge br0" in interface.description for interface in client.interfaces)
    wait_until(lambda: captures(bed.daemon) == [])


def test_filter_and_length(bed):
    left, right = (bed.station(n).wire for n in (1, 2))
    client = started(bed.daemon, port="p1", points=["rx"], length=20,
                     filter="vlan 7 and ether src " + A)
    wanted = tagged(frame(BROADCAST, A, 300), 7)
    for data in (frame(BROADCAST, A, 300), wanted, tagged(frame(BROADCAST, B, 300), 7),
                 tagged(frame(BROADCAST, A, 300), 8), wanted):
        left.send(data)
        right.expect(data)
    packets = client.finish()
    assert [(packet.data, packet.length) for packet in packets] == [(wanted[:20], 304)] * 2
    assert client.totals == {"seen": 5, "matched": 2, "missed": 0, "delivered": 2}
    assert client.interfaces[0].filter == "vlan 7 and ether src " + A
    assert client.interfaces[0].length == 20


def test_drops_tell_why(bed):
    left, right = (bed.station(n).wire for n in (1, 2))
    client = started(bed.daemon, points=["drop"])
    refused = frame("01:80:c2:00:00:00", A)
    left.send(refused)
    right.send(frame(A, BROADCAST))
    packets = client.wait(2)
    assert {(packet.data[:12], packet.interface, packet.comment) for packet in packets} == {
        (refused[:12], "p1", "drop: reserved_mac"),
        (mac_bytes(A) + mac_bytes(BROADCAST), "p2", "drop: bad_source")}
    client.finish()


def test_several(bed):
    """Each sees what it has asked for, whoever else is there, comes or goes."""
    left, right = (bed.station(n).wire for n in (1, 2))
    everything = started(bed.daemon, bridge="br0", points=["rx"])
    short = started(bed.daemon, port="p1", length=14, points=["rx"])
    others = started(bed.daemon, port="p1", filter="vlan", points=["rx"])
    assert len(captures(bed.daemon)) == 3
    sent = [frame(BROADCAST, A, 100 + n) for n in range(50)]
    left.send(*sent)
    right.expect(*sent)
    assert [packet.data for packet in everything.wait(50)] == sent
    assert [packet.data for packet in short.finish()] == [data[:14] for data in sent]
    wait_until(lambda: len(captures(bed.daemon)) == 2)
    left.send(tagged(sent[0], 5))
    assert everything.wait(51)[-1].data == tagged(sent[0], 5)
    assert [packet.data for packet in others.finish()] == [tagged(sent[0], 5)]
    everything.close()
    wait_until(lambda: captures(bed.daemon) == [])


def test_client_killed(bed):
    """Who is gone without a word is noticed, though nothing is captured."""
    client = started(bed.daemon, filter="vlan 4000")
    client.close()
    wait_until(lambda: captures(bed.daemon) == [])


def test_slow_client(bed):
    """What a client does not read it has missed, and is told so; nobody else has."""
    left, right = (bed.station(n).wire for n in (1, 2))
    slow = started(bed.daemon, port="p1", points=["rx"], buffer=512 << 10)
    quick = started(bed.daemon, port="p1", points=["rx"], length=64)
    n = 0
    while captures(bed.daemon)[0]["missed"] == 0:
        sent = [frame(BROADCAST, A, 1514, payload=struct.pack("!I", n + i)) for i in range(50)]
        left.send(*sent)
        right.expect(*sent)
        n += len(sent)
        quick.wait(n)
        assert n < 20000
    packets = slow.finish()
    assert slow.totals["matched"] == n
    assert slow.totals["delivered"] == len(packets)
    assert slow.totals["missed"] == n - len(packets) > 0
    assert len(quick.finish()) == n
    assert quick.totals["missed"] == 0


def test_full_to_the_end(bed, tmp_path):
    """Who has no room left for packets is told the totals, and no other one waits for him."""
    n = 100_000
    source = tmp_path / "in.pcap"
    write_numbered(source, n, mac_bytes(BROADCAST) + mac_bytes(A))
    bed.daemon.vsctl("port", "add", "out", "bridge", "br0", "devargs", "net_null0,no-rx=1")
    bed.daemon.wait_link("out")
    slow = started(bed.daemon, port="out", points=["tx"], buffer=512 << 10)
    bed.daemon.vsctl("port", "add", "in", "bridge", "br0", "devargs",
                     "net_pcap0,rx_pcap=%s" % source)
    wait_until(lambda: bed.daemon.stats("out")["tx_packets"] >= n, timeout=60)
    wait_until(lambda: captures(bed.daemon)[0]["missed"] > 0)
    slow.socket.shutdown(socket.SHUT_WR)
    for _ in range(100):  # the daemon has said all that it can
        captures(bed.daemon)
    packets = slow.finish()
    assert slow.totals["matched"] == n == len(packets) + slow.totals["missed"]
    numbers = [struct.unpack_from("!I", packet.data, 14)[0] for packet in packets]
    assert numbers == sorted(set(numbers))


def test_ports_come_and_go(bed):
    left, right = (bed.station(n).wire for n in (1, 2))
    of_port = started(bed.daemon, port="p1")
    of_all = started(bed.daemon, points=["rx"])
    left.send(frame(BROADCAST, A))
    of_port.wait(1)
    bed.daemon.vsctl("port", "del", "p1")
    bed.daemon.vsctl("port", "add", "p1", "bridge", "br0")
    bed.daemon.wait_link("p1")
    third = bed.station(3).wire
    left.send(frame(BROADCAST, A, 70))
    third.expect(frame(BROADCAST, A, 70))
    third.send(frame(BROADCAST, B, 80))
    assert [packet.length for packet in of_port.wait(3)] == [60, 70, 80]
    assert [interface.name for interface in of_port.interfaces] == ["p1", "p1"]
    packets = of_all.finish()
    assert [(packet.interface, packet.length) for packet in packets] == [
        ("p1", 60), ("p1", 70), ("p3", 80)]
    of_port.finish()


def test_refused(bed):
    for params, word in (({"port": "nix"}, "nix"), ({"bridge": "nix"}, "nix"),
                         ({"points": ["nowhere"]}, "nowhere"), ({"length": 0}, "length"),
                         ({"port": "p1", "bridge": "br0"}, "not of both"),
                         ({"points": []}, "points"), ({"points": "rx"}, "points"),
                         ({"points": [1]}, "point"), ({"length": 1 << 40}, "length"),
                         ({"length": "1"}, "length"), ({"buffer": 1}, "buffer"),
                         ({"program": []}, "1 to 4096"), ({"program": {}}, "1 to 4096"),
                         ({"program": "tcp"}, "1 to 4096"),
                         ({"program": [[4, 0, 0, 1]] * 4096 + [[6, 0, 0, 1]]}, "1 to 4096"),
                         ({"program": [6]}, "instruction 0"),
                         ({"program": [[6, 0, 0, 1 << 32]]}, "instruction 0"),
                         ({"program": [[6, 0, 0, -1]]}, "instruction 0"),
                         ({"program": [[6, 0, 0, 1.5]]}, "instruction 0"),
                         ({"program": [[21, 256, 0, 1], [6, 0, 0, 1]]}, "instruction 0"),
                         ({"program": [[5, 0, 0, 7], [6, 0, 0, 1]]}, "filter"),
                         ({"program": [[0x34, 0, 0, 0], [6, 0, 0, 1]]}, "filter"),
                         ({"program": [[6, 0, 0]]}, "instruction"),
                         ({"program": [[0, 0, 0, 0]]}, "filter")):
        client = Client(bed.daemon, **params)
        assert word in client.reply["error"]["message"]
        client.close()
    assert captures(bed.daemon) == []


def test_long_filter_text(bed):
    """A text that is cut, if need be before a letter of two bytes, is shown."""
    client = started(bed.daemon, program=[[6, 0, 0, 1]], filter=600 * "\u00fc")
    assert captures(bed.daemon)[0]["filter"] == 511 * "\u00fc"
    client.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_daemon_ends(bed, number):
    client = started(bed.daemon)
    bed.daemon.stop(number)
    assert client.socket.recv(1) == b""
    client.close()
