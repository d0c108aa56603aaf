# SPDX-License-Identifier: BSD-3-Clause
"""vsctl top: a live screen of what passes the ports, and the same as text and as JSON."""

import json
import re
import signal
import time

import pytest

from harness.daemon import build_folder
from harness.monitor import Following
from harness.screen import Screen
from harness.traffic import Background
from harness.wait import wait_until
from harness.wire import BROADCAST, frame, mac_of, tagged

A, B = mac_of(1), mac_of(2)
UNITS = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18}
KNOWN = re.compile(r"^(-?[0-9.]+)([kMGTPE]?)$")


def number(text):
    """A number as it is on the screen; None: not known."""
    found = KNOWN.match(text)
    return float(found.group(1)) * UNITS[found.group(2)] if found else None


def rows(lines):
    """[{heading: text}] of a screen or of printed text."""
    at = next((i for i, line in enumerate(lines) if line.startswith("PORT ")), None)
    if at is None:
        return []
    headings, found = lines[at].split(), []
    for line in lines[at + 1:]:
        words = line.split()
        if len(words) != len(headings):
            break
        found.append(dict(zip(headings, words)))
    return found


def row_of(lines, port):
    """The row of a port; empty: it is not there, or not drawn yet."""
    return next((row for row in rows(lines) if row["PORT"] == port), {})


def first(lines):
    """The row at the top, or an empty one."""
    return (rows(lines) or [{}])[0]


def rate(row, heading):
    """A number of a row; 0: it is not known, or not there."""
    return number(row.get(heading, "-")) or 0


def ports(lines):
    """The names, from above."""
    return [row["PORT"] for row in rows(lines)]


def command(bed, *words):
    """The words that run vsctl top."""
    return [build_folder() / "ctl/vsctl", "-s", bed.daemon.socket_path, "top", *words]


@pytest.fixture
def top(bed):
    """Starts vsctl top on terminals."""
    made = []

    def start(*words, **kwargs):
        made.append(Screen(command(bed, *words), **kwargs))
        return made[-1]
    yield start
    for screen in made:
        screen.close()


class Flood:
    """Frames of 1000 bytes, so many a second, from a station until it is stopped."""

    def __init__(self, wire, data, rate):
        self.sent = 0
        self._wire, self._data, self._rate = wire, data, rate
        self._going = True
        self._thread = Background(self._run)

    def _run(self):
        due = time.monotonic()
        while self._going:
            burst = max(1, self._rate // 100)
            self._wire.send(*[self._data] * burst)
            self.sent += burst
            due += burst / self._rate
            time.sleep(max(0, due - time.monotonic()))

    def stop(self):
        """Stop, and wait for the last frame."""
        self._going = False
        self._thread.join()


def test_rate_and_order(bed, top):
    """The port with the traffic is the first one, and its rate is that of what was sent."""
    stations = [bed.station(number) for number in (1, 2, 3)]
    stations[1].wire.send(frame(A, B))
    wait_until(lambda: (B, 0) in bed.daemon.fdb("br0"), what="B is learnt")
    screen = top("-d", "1", "--sort", "rx-pps")
    screen.wait(lambda lines: len(ports(lines)) == 3)
    started = time.monotonic()
    flood = Flood(stations[0].wire, frame(B, A, 1000), 1000)
    try:
        def plausible(lines):
            """All of one round; in another one the machine may have been late."""
            top_row, mean = first(lines), flood.sent / (time.monotonic() - started)
            pps, second, third = rate(top_row, "RX-PPS"), row_of(lines, "p2"), row_of(lines, "p3")
            return (top_row.get("PORT") == "p1" and pps > 100 and 0.5 * mean < pps < 2 * mean and
                    rate(top_row, "RX-BPS") == pytest.approx(8000 * pps, rel=0.05) and
                    rate(top_row, "CPU%") > 0 and
                    rate(second, "TX-PPS") == pytest.approx(pps, rel=0.2) and
                    rate(second, "RX-PPS") < 50 and third and rate(third, "TX-PPS") < 50)
        screen.wait(plausible)
        screen.wait_text("workers busy: 0 ")
        screen.press("r")
        screen.wait(lambda lines: ports(lines)[-1:] == ["p1"])
        screen.press("o")
        screen.wait(lambda lines: ports(lines)[-1:] == ["p2"])
        screen.press("r")
        screen.wait(lambda lines: ports(lines)[:1] == ["p2"])
    finally:
        flood.stop()
    # and what was, is over
    screen.wait(lambda lines: rows(lines) and all(number(row["RX-PPS"]) == 0 for row in rows(lines)))
    screen.press("q")
    assert screen.wait_end() == 0
    assert screen.is_restored


def test_counts(bed):
    """In one round of JSON, all that was sent meanwhile."""
    left, right = (bed.station(number).wire for number in (1, 2))
    process = bed.sw.spawn(*command(bed, "-j", "-d", 1), stdout=-1, text=True)
    frames = [frame(B, A, 1000)] * 300

    def count():
        """Send; read rounds until all has been counted. Return: these rounds, and rows by port."""
        json.loads(process.stdout.readline())  # what comes now is in the next ones
        left.send(*frames)
        right.expect(*frames)
        found, goal = [], (count.sent + 300, count.sent + 300)
        while not found or (found[-1][1]["p1"]["rx_packets"],
                            found[-1][1]["p2"]["tx_packets"]) != goal:
            assert len(found) < 20, found
            seen = json.loads(process.stdout.readline())
            found.append((seen, {port["port"]: port for port in seen["ports"]}))
        count.sent += 300
        return found

    def total(rounds, port, field):
        return sum(row[port][field] * seen["interval_seconds"] for seen, row in rounds)
    count.sent = 0
    rounds = count()
    assert rounds[0][0]["interval_seconds"] >= 0.9
    assert total(rounds, "p1", "rx_packets_per_second") == pytest.approx(300, abs=2)
    assert total(rounds, "p1", "rx_bits_per_second") == pytest.approx(300 * 8000, rel=0.01)
    assert total(rounds, "p2", "tx_packets_per_second") == pytest.approx(300, abs=2)
    for seen, row in rounds:
        assert seen["total"]["rx_packets_per_second"] == row["p1"]["rx_packets_per_second"]
        assert row["p1"]["workers"] == [0] and row["p1"]["queues"] == 1

    def fair(rounds):
        """All that the worker did, it did for p1, unless somebody else had its core in between."""
        return all(row["p1"]["cpu_percent"] >= row["p2"]["cpu_percent"] and
                   row["p1"]["cpu_percent"] == pytest.approx(seen["workers"][0]["busy_percent"],
                                                             abs=0.2) for seen, row in rounds)
    wait_until(lambda: fair(rounds) or fair(count()), 60)


def test_chief_reason(bed, top):
    """Why packets are dropped, by the reason that drops most of them now."""
    wire = bed.station(1, "trunk", "10,20").wire
    bed.station(2)
    wire.send(*[frame("01:80:c2:00:00:0e", A)] * 400)
    wait_until(lambda: bed.daemon.drops("p1", "reserved_mac") == 400, what="they are dropped")
    screen = top("-d", "0.5", "--sort", "drop/s")
    screen.wait(lambda lines: len(ports(lines)) == 2)
    flood = Flood(wire, tagged(frame(BROADCAST, A, 1000), 30), 200)
    try:
        def told(lines):
            row = first(lines)
            return row.get("REASON") == "vlan_mismatch" and rate(row, "DROP/S") > 50 and \
                row["PORT"] == "p1"
        screen.wait(told)
        screen.wait_text("(vlan_mismatch)")
    finally:
        flood.stop()
    screen.wait(lambda lines: first(lines).get("REASON") == "-")


def test_keys(bed, top):
    """Order, filter, pause, interval, help, pages; q ends it."""
    bed.station(1)
    bed.daemon.vsctl("bridge", "add", "br1")
    for name in ("tap7", "tap30"):
        bed.daemon.vsctl("port", "add", name, "bridge", "br1", "type", "tap")
    screen = top("-d", "1")
    screen.wait_text("by bps")
    for keys, text in (("n", "by port"), (">", "by bridge"), ("\x1b[D", "by port"),
                       ("\x1bOD", "by bps"), ("r", "by bps reversed"), ("rn", "by port,")):
        screen.press(keys)
        screen.wait(lambda lines: (lines[0] + ",").find(text) >= 0 or
                    (text.endswith(",") and lines[0].endswith(text[:-1])))
    screen.wait(lambda lines: ports(lines) == ["p1", "tap7", "tap30"])
    screen.press("r")
    screen.wait(lambda lines: ports(lines) == ["tap30", "tap7", "p1"])
    screen.press("/")
    screen.wait_text("filter (")
    screen.press("type tap 3x\x7f\r")
    screen.wait(lambda lines: ports(lines) == ["tap30"] and "1 of 3 ports" in lines[0])
    screen.wait_text("only type tap name 3; / and Enter for all")
    screen.press("/bridge\r")
    screen.wait_text("bridge: its value is missing")
    screen.press("/bridge nosuch\r")
    screen.wait_text("bridge nosuch: there is no such bridge")
    screen.press("/bridge br0\r")
    screen.wait(lambda lines: ports(lines) == ["p1"])
    screen.press("/none")
    screen.wait_text(": none")
    screen.press("\x1b")
    screen.wait(lambda lines: ports(lines) == ["p1"] and "filter (" not in lines[-1])
    screen.press("/\r")
    screen.wait(lambda lines: len(ports(lines)) == 3)
    screen.press("--")
    screen.wait_text("every 0.2 s")
    screen.press("+")
    screen.wait_text("every 0.5 s")
    screen.press(" ")
    screen.wait_text("paused")
    bed.daemon.vsctl("port", "del", "tap7")
    time.sleep(1)
    assert len(ports(screen.text)) == 3
    screen.press(" ")
    screen.wait(lambda lines: len(ports(lines)) == 2)
    screen.press("?")
    screen.wait_text("Any key goes back.")
    screen.press("q")
    screen.wait_text("q quit")
    screen.press("\x1b[99~\x1b")
    screen.press("q")
    assert screen.wait_end() == 0
    assert screen.is_restored


def test_resize(bed, top):
    """Columns come and go with the window; nothing is ever written beyond its edges."""
    bed.pair()
    screen = top("-d", "0.5")
    screen.wait(lambda lines: len(ports(lines)) == 2)
    screen.press(" ")  # so that nothing is drawn but by the change
    screen.wait_text("paused")
    headings = {}
    for lines, columns in ((50, 200), (10, 40), (6, 20), (3, 8), (1, 1), (24, 80)):
        screen.resize(lines, columns)
        if lines >= 6:
            screen.wait(lambda seen: len(ports(seen)) == 2 or (lines == 6 and ports(seen)))
            headings[columns] = next(line for line in screen.text if line.startswith("PORT "))
        else:
            screen.wait(lambda seen: seen[0].startswith("v"))
    assert [len(headings[columns].split()) for columns in (20, 40, 80, 200)] == [2, 5, 10, 16]
    assert "RX-BPS" in headings[20] and "REASON" in headings[80] and "WORKERS" in headings[200]
    screen.press("q")
    assert screen.wait_end() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT])
def test_ended_by_a_signal(bed, top, number):
    """The terminal is as it was before, and who started it sees the signal."""
    screen = top("-d", "60")
    screen.wait_text("PORT")
    assert not screen.is_restored and screen.alternate
    screen.signal(number)
    assert screen.wait_end() == -number
    assert screen.is_restored


def test_ctrl_c_and_ctrl_z(bed, top):
    """Keys of the terminal are signals still; a stopped one gives the screen back."""
    screen = top("-d", "60")
    screen.wait_text("PORT")
    screen.press("\x1a")
    wait_until(lambda: screen.is_restored, what="the screen is given back")
    with open("/proc/%d/stat" % screen.process.pid, encoding="ascii") as file:
        assert wait_until(lambda: file.seek(0) or file.read().split()[2] == "T", what="it stops")
    screen.signal(signal.SIGCONT)
    wait_until(lambda: not screen.is_restored and screen.alternate, what="it goes on")
    screen.press("\x03")
    assert screen.wait_end() == -signal.SIGINT
    assert screen.is_restored


def test_daemon_restarts(bed, top):
    """It says that the daemon is gone, and goes on with the next one."""
    one, _ = bed.pair()
    one.host.ping("10.0.0.2", count=20)
    config = "[bridge br0]\n[port p1]\nbridge = br0\n[port p2]\nbridge = br0\n"
    screen = top("-d", "0.5", "--sort", "port")
    screen.wait(lambda lines: number(first(lines).get("RX-PPS", "-")) is not None)
    bed.daemon.stop(signal.SIGKILL)
    screen.wait_text("trying again")
    screen.wait_text("not connected")
    screen.wait(lambda lines: ports(lines) == ["p1", "p2"])
    bed.daemon.start(config)
    # 20 pings are nothing that the new one could know of; what it does not know it does not say
    screen.wait(lambda lines: "trying again" not in lines[-1] and len(ports(lines)) == 2)
    known = []

    def is_known(lines):
        known.append(number(first(lines).get("RX-PPS", "-")))
        return known[-1] is not None
    screen.wait(is_known)
    assert known[-1] < 1000
    # one that does not answer
    bed.daemon.process.send_signal(signal.SIGSTOP)
    screen.wait_text("vswitchd did not answer within 2 seconds")
    bed.daemon.process.send_signal(signal.SIGCONT)
    screen.wait(lambda lines: "trying again" not in lines[-1])
    screen.press("q")
    assert screen.wait_end() == 0
    assert screen.is_restored


def test_no_daemon(idle_bed):
    """It does not begin without one."""
    result = idle_bed.sw.run(*command(idle_bed, "-n", 1), check=False)
    assert result.returncode == 1
    assert result.stderr.startswith("vsctl: vswitchd is not running (no socket ")


def test_port_added_again(bed, tmp_path):
    """Counters that begin anew are no rate, neither a huge one nor one below zero."""
    one, two = (bed.station(number).wire for number in (1, 2))
    frames = [frame(B, A, 1000)] * 500
    one.send(*frames)
    two.expect(*frames)
    top = Following(bed.daemon, tmp_path / "rounds", "top", "-d", "0.1", options=("-j",))

    def rounds():
        """Rows of p1 and p2 of each round so far; a line that is half written is none."""
        return [{row["port"]: row for row in json.loads(line)["ports"]}
                for line in top.text.splitlines(keepends=True) if line.endswith("\n")]
    try:
        wait_until(rounds, what="the first round")
        for _ in range(5):
            bed.daemon.vsctl("port", "del", "p1")
            wait_until(lambda: "p1" not in rounds()[-1], what="it is gone")
            bed.daemon.vsctl("port", "add", "p1", "bridge", "br0")
            bed.daemon.wait_link("p1")
            one.send(*frames[:10])
            wait_until(lambda: rounds()[-1].get("p1", {}).get("rx_packets") == 10, what="it counts")
            count = len(rounds())
            wait_until(lambda: len(rounds()) > count, what="one more round")
    finally:
        top.close()
    seen = [row for each in rounds() for row in each.values()]
    assert {row["port"] for row in seen} == {"p1", "p2"}
    # nobody knows when those of the first round of a port came
    assert sum(row["rx_packets_per_second"] is None for row in seen) >= 5
    # 10 packets at a time, in rounds of a tenth of a second, which may be late and so come closer
    assert all(0 <= (row["rx_packets_per_second"] or 0) < 1e7 for row in seen)
    assert all(0 <= (row["rx_bits_per_second"] or 0) < 1e11 for row in seen)


def test_batch(bed):
    """Rounds one below the other; asked for, or because stdout is no terminal."""
    bed.pair()
    for words in (["-b"], []):
        result = bed.daemon.vsctl_raw("top", *words, "-n", 3, "-d", "0.2", "type", "netdev", "p")
        assert result.returncode == 0 and result.stderr == ""
        blocks = [block.split("\n") for block in result.stdout.rstrip("\n").split("\n\n")]
        assert len(blocks) == 3
        for block in blocks:
            assert "2 ports, every 0.2 s, by bps" in block[0]
            assert [row["PORT"] for row in rows(block)] == ["p1", "p2"]
            assert number(rows(block)[0]["RX-PPS"]) is not None
            assert not any(line != line.rstrip() for line in block)
        assert "\x1b" not in result.stdout
    lines = bed.daemon.vsctl_raw("top", "-n", 2, "-d", "0.2", "-j").stdout.splitlines()
    assert [len(json.loads(line)["ports"]) for line in lines] == [2, 2]
    for words, status in ((["-x"], 2), (["-d", "0"], 2), (["--sort", "cups"], 2)):
        assert bed.daemon.vsctl_raw("top", *words).returncode == status
    bed.daemon.vsctl("bridge", "add", "empty")
    assert bed.daemon.vsctl("top", "-n", 1, "-d", "0.1", "bridge", "empty")["ports"] == []
    for words, text in ((["bridge", "emtpy"], "there is no such bridge; did you mean 'empty'?"),
                        (["bridge", "nosuch"], "bridge nosuch: there is no such bridge"),
                        (["nosuch"], "no port and no guest has 'nosuch' in its name"),
                        (["bridge", "br0", "name", "pp1"], "did you mean 'p1'?")):
        result = bed.daemon.vsctl_raw("top", "-n", 1, *words)
        assert (result.returncode, result.stdout) == (1, "") and text in result.stderr
    assert "--rounds N" in bed.daemon.vsctl_raw("help", "top").stdout
    assert "--rounds N" in bed.daemon.vsctl_raw("top", "--help").stdout
    assert bed.daemon.rpc("top.show", x=1)["error"]["code"] == -32602


def test_batch_without_daemon(bed):
    """A log goes on with the next daemon; a number of rounds ends in any case."""
    process = bed.sw.spawn(*command(bed, "-d", "0.2", "-j"), stdout=-1, stderr=-1, text=True)
    assert json.loads(process.stdout.readline())["ports"] == []
    bed.daemon.stop(signal.SIGKILL)
    assert process.stderr.readline().startswith("vsctl: vswitchd ")
    bed.daemon.start("[bridge br0]\n[port t0]\nbridge = br0\ntype = tap\n")
    wait_until(lambda: json.loads(process.stdout.readline())["ports"], what="it goes on")
    bounded = bed.sw.spawn(*command(bed, "-d", "0.5", "-n", 20), stdout=-1, stderr=-1, text=True)
    bounded.stdout.readline()
    bed.daemon.stop(signal.SIGKILL)
    _, errors = bounded.communicate(timeout=60)
    assert bounded.returncode == 1 and "vsctl: vswitchd " in errors
    process.kill()
    process.communicate()


def test_500_ports(idle_bed):
    """All of them in one reply; the screen pages through them."""
    names = ["t%d" % n for n in range(500)]
    idle_bed.start("[bridge br0]\nloop-detect = no\n" + "".join(
        "[port %s]\ntype = tap\nbridge = br0\n" % name for name in names))
    seen = json.loads(idle_bed.daemon.vsctl_raw("top", "-j", "-n", 1, "-d", 0.5).stdout)
    assert {port["port"] for port in seen["ports"]} == set(names)
    times = []
    for _ in range(20):
        start = time.monotonic()
        idle_bed.daemon.rpc_line(b'{"jsonrpc":"2.0","id":1,"method":"top.show"}')
        times.append(time.monotonic() - start)
    print("top.show of 500 ports: %.1f ms" % (1000 * min(times)))
    screen = Screen(command(idle_bed, "-d", "0.5", "--sort", "port"))
    try:
        page = 24 - 5
        screen.wait(lambda lines: ports(lines) == names[:page])
        screen.press("\x1b[6~")
        screen.wait(lambda lines: ports(lines)[:1] == ["t%d" % page])
        screen.press("\x1b[B")
        screen.wait(lambda lines: ports(lines)[:1] == ["t%d" % (page + 1)])
        screen.press("\x1b[F")
        screen.wait(lambda lines: ports(lines) == names[-page:])
        screen.press("\x1b[H")
        screen.wait(lambda lines: ports(lines)[:1] == ["t0"])
        screen.press("q")
        assert screen.wait_end() == 0
    finally:
        screen.close()
