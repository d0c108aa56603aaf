# SPDX-License-Identifier: BSD-3-Clause
"""vsctl capture: files that tshark and tcpdump read back bit by bit, lines, rings, Wireshark."""

import os
import pathlib
import re
import select
import shutil
import signal
import subprocess

import pytest

from harness.capture import Stream
from harness.capture_ctl import (Capture, extcap_folder, read, stop_and_go, tcpdump_bytes, tshark,
                                 tshark_bytes, write_numbered)
from harness.daemon import build_folder
from harness.nat_lab import GUESTS, INET, UPLINK, NatLab
from harness.wait import TIMEOUT, wait_until
from harness.wire import BROADCAST, frame, mac_bytes, mac_of, tagged

A, B = mac_of(1), mac_of(2)


def udp(src, dst, size=100, port=53):
    """A frame with a UDP datagram that tshark has nothing to say about."""
    from scapy.all import IP, UDP, Ether, Raw  # noqa: takes its time
    packet = Ether(src=src, dst=dst) / IP(src="10.0.0.1", dst="10.0.0.2", id=7) / \
        UDP(sport=4000, dport=port) / Raw(b"x" * (size - 42))
    return bytes(packet)


@pytest.fixture
def wires(bed):
    """The ends of a switch with two ports."""
    return tuple(bed.station(n).wire for n in (1, 2))


def test_read_back(bed, wires, tmp_path):
    """What was sent is in the file, as both programs read it; no warnings."""
    left, right = wires
    path = tmp_path / "a.pcapng"
    capture = Capture(bed.daemon, tmp_path, "p1", "dir", "in", "-w", path)
    frames = [frame(BROADCAST, A, size) for size in (60, 61, 62, 63, 200, 1514)]
    frames += [tagged(udp(A, BROADCAST), 7), frame(BROADCAST, A, 100, [(0x88a8, 2), (0x8100, 1)])]
    left.send(*frames)
    right.expect(*frames)
    assert capture.interrupt() == (len(frames),) * 2 + (0,)
    assert [packet.data for packet in read(path).packets] == frames
    assert tshark_bytes(path) == frames
    assert tcpdump_bytes(path) == frames
    rows = tshark(path, "frame.interface_name", "frame.interface_description",
                  "frame.packet_flags_direction", "frame.len", "frame.comment")
    assert [row[0] for row in rows] == ["p1"] * len(frames)
    assert all("bridge br0" in row[1] for row in rows)
    assert [int(row[2], 0) for row in rows] == [1] * len(frames)
    assert [int(row[3]) for row in rows] == [len(data) for data in frames]


def test_drop_reason_is_a_comment(bed, wires, tmp_path):
    path = tmp_path / "a.pcapng"
    capture = Capture(bed.daemon, tmp_path, "any", "at", "drop", "-c", 1, "-w", path)
    wires[0].send(frame("01:80:c2:00:00:00", A))
    assert capture.wait() == (1, 1, 0)
    assert tshark(path, "frame.interface_name", "frame.comment") == [["p1", "drop: reserved_mac"]]


def test_nothing_captured(bed, wires, tmp_path):
    """An empty capture is a file that can be read, too."""
    path = tmp_path / "a.pcapng"
    capture = Capture(bed.daemon, tmp_path, "bridge", "br0", "-w", path, "vlan 4000")
    wires[0].send(frame(BROADCAST, A))
    wires[1].expect(frame(BROADCAST, A))
    assert capture.interrupt() == (0, 0, 0)
    assert tshark(path, "frame.len") == []
    assert tcpdump_bytes(path) == []


def test_lines(bed, wires, tmp_path):
    """Through tcpdump, with port and direction in front."""
    capture = Capture(bed.daemon, tmp_path, "any", "udp port 53")
    wires[0].send(udp(A, BROADCAST, port=80), udp(A, BROADCAST))
    lines = capture.wait_lines(2)
    assert " p1 in  IP 10.0.0.1.4000 > 10.0.0.2.53: " in lines[0]
    assert " p2 out IP 10.0.0.1.4000 > 10.0.0.2.53: " in lines[1]
    assert capture.interrupt() == (2, 2, 0)
    assert len(capture.lines) == 2


def test_options_anywhere(bed, wires, tmp_path):
    """As tcpdump takes them, behind the filter, too; and what a packet says is no line of ours."""
    capture = Capture(bed.daemon, tmp_path, "-nA", "port", "p1", "udp port 53", "-c", 2)
    text = b"\n12:00:00.000000 p9 in  lies\n"
    lied = udp(A, BROADCAST)[:-len(text)] + text
    wires[0].send(lied, udp(A, BROADCAST))
    assert capture.wait() == (2, 2, 0)
    assert [" p1 in  IP 10.0.0.1.4000" in line for line in capture.lines].count(True) == 2
    assert "12:00:00.000000 p9 in  lies" in capture.lines


def test_lines_of_drops(bed, wires, tmp_path):
    capture = Capture(bed.daemon, tmp_path, "p1", "at", "drop", "-v")
    wires[0].send(frame("01:80:c2:00:00:00", A))
    assert "p1 in " in capture.wait_lines(1)[0]
    assert capture.lines[0].endswith("[drop: reserved_mac]")
    capture.interrupt()


def test_lines_without_programs(bed, wires, tmp_path):
    """Neither tcpdump nor tshark: the Ethernet header at least."""
    capture = Capture(bed.daemon, tmp_path, "p1", env={"PATH": str(tmp_path)})
    wires[0].send(frame(BROADCAST, A))
    line = capture.wait_lines(1)[0]
    assert "p1 in  %s > %s, ethertype 0x88b5, length 60" % (A, BROADCAST) in line
    capture.interrupt()


def test_count(bed, wires, tmp_path):
    """-c is exact, whatever comes meanwhile."""
    path = tmp_path / "a.pcapng"
    capture = Capture(bed.daemon, tmp_path, "p1", "dir", "in", "-c", 3, "-w", path)
    wires[0].send(*[frame(BROADCAST, A, 60 + n) for n in range(10)])
    captured, matched, missed = capture.wait()
    assert (captured, missed) == (3, 0) and 3 <= matched <= 10
    assert [packet.length for packet in read(path).packets] == [60, 61, 62]


def test_ring(bed, wires, tmp_path):
    """Each file of a ring can be read by itself; the oldest ones are gone."""
    left, right = wires
    path = tmp_path / "ring"
    capture = Capture(bed.daemon, tmp_path, "p1", "dir", "in", "-C", 1, "-W", 3, "-w", path)
    n = 0
    while n < 4000:  # 6 MB
        sent = [frame(BROADCAST, A, 1514, payload=n.to_bytes(4, "big")) for n in range(n, n + 50)]
        left.send(*sent)
        right.expect(*sent)
        n += 50
    assert capture.interrupt() == (n, n, 0)
    files = sorted(tmp_path.glob("ring*"))
    assert [file.name for file in files] == ["ring0", "ring1", "ring2"]
    assert all(file.stat().st_size <= 1_000_000 + 1000 for file in files)
    numbers = [int.from_bytes(packet.data[14:18], "big")
               for file in sorted(files, key=lambda file: file.stat().st_mtime_ns)
               for packet in read(file).packets]
    assert numbers == list(range(n - len(numbers), n))
    assert all(tshark(file, "frame.interface_name") for file in files)


def test_pipe(bed, wires, tmp_path):
    """-w - into a program; when that has had enough, vsctl ends."""
    command = "%s -s %s capture p1 -w - | tcpdump -n -c 1 -r -" % (
        build_folder() / "ctl/vsctl", bed.daemon.socket_path)
    with subprocess.Popen(["/bin/sh", "-c", command], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True) as shell:
        def ended():
            wires[0].send(udp(A, BROADCAST))
            return shell.poll() is not None
        wait_until(ended)
        assert "10.0.0.2.53" in shell.stdout.read()


def test_full_disk(bed, wires, tmp_path):
    """It ends; the file holds what it says, and what did not go into it is called missed."""
    path = tmp_path / "a.pcapng"
    capture = Capture(bed.daemon, tmp_path, "p1", "dir", "in", "-w", path,
                      within=("prlimit", "--fsize=20000"))

    def ended():
        wires[0].send(*[frame(BROADCAST, A, 1000) for _ in range(10)])
        return capture.process.poll() is not None
    wait_until(ended)
    captured, matched, missed = capture.wait(1)
    assert "%s: File too large" % path in capture.err.read_text()
    assert captured > 0 and missed > 0 and captured + missed == matched
    assert len(tshark(path, "frame.len")) == captured


def test_full_disk_lines(bed, wires, tmp_path):
    """The same where lines go to."""
    with open("/dev/full", "wb") as full:
        capture = Capture(bed.daemon, tmp_path, "p1", "dir", "in", out=full)
        wires[0].send(udp(A, BROADCAST))
        captured, matched, missed = capture.wait(1)
    assert "stdout: No space left on device" in capture.err.read_text()
    assert (captured, matched, missed) == (0, 1, 1)


@pytest.fixture
def full_pipe(bed, tmp_path):
    """Starts a capture whose reader has stopped. Return: it, and where it can be read."""
    n = 20_000
    source = tmp_path / "in.pcap"
    write_numbered(source, n, mac_bytes(BROADCAST) + mac_bytes(A))
    bed.daemon.vsctl("port", "add", "out", "bridge", "br0", "devargs", "net_null0,no-rx=1")
    bed.daemon.wait_link("out")
    reader, writer = os.pipe()
    captures = []

    def start(*words):
        capture = Capture(bed.daemon, tmp_path, "any", *words, out=writer)
        captures.append(capture)
        bed.daemon.vsctl("port", "add", "in", "bridge", "br0", "devargs",
                         "net_pcap0,rx_pcap=%s" % source)
        wait_until(lambda: bed.daemon.rpc("capture.show")["result"][0]["matched"] >= 2 * n)
        wait_until(lambda: not select.select([], [writer], [], 0)[1])
        os.close(writer)
        return capture, reader
    yield start
    for capture in captures:
        capture.process.kill()
    os.close(reader)


@pytest.mark.parametrize("words", [("-w", "-"), ()], ids=["file", "lines"])
def test_interrupt_of_a_full_pipe(bed, full_pipe, tmp_path, words):
    """It ends though nobody reads what it writes any more, and says what of it is lost."""
    capture, reader = full_pipe(*words)
    capture.process.terminate()
    captured, matched, missed = capture.wait(1)
    assert "nobody reads" in capture.err.read_text()
    assert captured + missed == matched >= 40_000 and captured < matched
    with open(os.dup(reader), "rb") as file:
        text = file.read()
    if words:
        stream = Stream()
        stream.feed(text)
        assert len(stream.packets) == captured
    else:
        assert text.count(b"\n") >= captured
    wait_until(lambda: bed.daemon.rpc("capture.show")["result"] == [])


def test_second_interrupt(bed, tmp_path):
    """It ends at once though vswitchd does not say what was missed."""
    capture = Capture(bed.daemon, tmp_path, "any", "-w", tmp_path / "a.pcapng")
    status = pathlib.Path("/proc/%d/status" % capture.process.pid)
    with stop_and_go(bed.daemon.pid):
        capture.process.send_signal(signal.SIGINT)
        wait_until(lambda: not int(re.search("SigCgt:\\s*(.*)", status.read_text())[1], 16) & 2)
        capture.process.send_signal(signal.SIGINT)
        assert capture.process.wait(TIMEOUT) == -signal.SIGINT
    wait_until(lambda: bed.daemon.rpc("capture.show")["result"] == [])


def test_before_and_after_nat(bed, tmp_path):
    lab = NatLab(bed).route(("host", "masquerade", "p3"))
    path = tmp_path / "a.pcapng"
    capture = Capture(bed.daemon, tmp_path, "p1", "at", "pre-nat", "at", "post-nat", "-w", path,
                      "icmp")
    lab.g1.ping(INET, count=1)
    capture.interrupt()
    rows = tshark(path, "ip.src", "ip.dst", "frame.comment")
    assert rows == [[GUESTS[1], INET, "pre-nat"], [UPLINK, INET, "post-nat"]]


@pytest.mark.parametrize("words, text", [
    ([], "say of what"), (["nix"], "nix"), (["bridge", "nix"], "nix"), (["p1", "-c", "0"], "-c"),
    (["p1", "dir", "up"], "dir is"), (["p1", "at", "home"], "at is"), (["p1", "-Z"], "-Z"),
    (["p1", "no", "such", "filter"], "filter"), (["p1", "-W", "3"], "-C"),
    (["p1", "ip6", "protochain", "58"], "filter"),
    (["p1", "-w", "/nowhere/at/all"], "/nowhere/at/all"), (["port"], "port needs a name"),
    (["p1", "at", "rx", "-c"], "-c"), (["p1", "-j"], "tshark")])
def test_refused(bed, wires, words, text):
    result = bed.daemon.vsctl_raw("capture", *words)
    assert result.returncode in (1, 2) and text in result.stderr


# --- Wireshark ---


@pytest.fixture
def wireshark(bed, tmp_path):
    """Runs tshark so that it finds the program of the build alone."""
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed")
    folder = tmp_path / "extcap"
    folder.mkdir()
    shutil.copy(build_folder() / "ctl/vswitch-extcap", folder)
    env = dict(os.environ, HOME=str(tmp_path), VSWITCH_RUN_DIR=str(bed.daemon.run_dir))
    # from root tshark 4.0 takes no other folder than its own: ours is mounted there
    command = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" "$1" && shift && exec "$@"',
               folder, extcap_folder(), "tshark", "-n"]

    def run(*words):
        return subprocess.Popen([*map(str, command), *map(str, words)], env=env,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)
    return run


def test_wireshark_lists_ports(bed, wires, wireshark):
    out, _ = wireshark("-D").communicate(timeout=TIMEOUT)
    for name in ("vswitch-any", "vswitch-bridge-br0", "vswitch-port-p1", "vswitch-port-p2"):
        assert " %s (" % name in out, out


def test_wireshark_captures(bed, wires, wireshark, tmp_path):
    path = tmp_path / "a.pcapng"
    tshark_process = wireshark("-i", "vswitch-port-p1", "-f", "udp port 53", "-c", "2", "-w", path)
    wait_until(lambda: bed.daemon.rpc("capture.show")["result"])
    sent = [udp(A, BROADCAST, size) for size in (100, 200)]
    wires[0].send(udp(A, BROADCAST, port=80), *sent)
    _, said = tshark_process.communicate(timeout=TIMEOUT)
    assert tshark_process.returncode == 0, said
    assert tshark_bytes(path) == sent
    wait_until(lambda: bed.daemon.rpc("capture.show")["result"] == [])


def test_wireshark_without_daemon(tmp_path):
    """No vswitchd is no error of Wireshark's."""
    done = subprocess.run([build_folder() / "ctl/vswitch-extcap", "--extcap-interfaces"],
                          check=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          env={"VSWITCH_RUN_DIR": str(pathlib.Path(tmp_path))}, timeout=TIMEOUT)
    assert (done.returncode, done.stderr, done.stdout.count("\n")) == (0, "", 1)


def test_extcap_questions(bed, wires):
    def ask(*words):
        return subprocess.run([build_folder() / "ctl/vswitch-extcap", *words], check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=TIMEOUT)
    port = "--extcap-interface=vswitch-port-p1"
    assert ask(port, "--extcap-dlts").stdout == "dlt {number=1}{name=EN10MB}{display=Ethernet}\n"
    assert "{call=--points}" in ask(port, "--extcap-config").stdout
    assert ask(port, "--extcap-capture-filter=tcp port 80").returncode == 0
    wrong = ask(port, "--extcap-capture-filter=no such thing")
    assert wrong.returncode != 0 and "no such thing" in wrong.stdout


def test_extcap_port_called_any(bed, wires, tmp_path):
    """It is that port, not all of them."""
    bed.daemon.vsctl("port", "add", "any", "bridge", "br0", "type", "tap")
    fifo = tmp_path / "fifo"
    with subprocess.Popen([build_folder() / "ctl/vswitch-extcap", "--capture", "--fifo", fifo,
                           "--extcap-interface=vswitch-port-any"],
                          env=dict(os.environ, VSWITCH_RUN_DIR=str(bed.daemon.run_dir))) as extcap:
        row = wait_until(lambda: bed.daemon.rpc("capture.show")["result"])[0]
        extcap.terminate()
    assert row["port"] == "any"
