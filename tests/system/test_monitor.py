# SPDX-License-Identifier: BSD-3-Clause
"""Events as they happen: each kind, slow clients, many clients; and shows that follow."""

import json
import os
import pathlib
import pty
import re
import select
import signal
import socket
import subprocess
import time

import pytest

from harness.daemon import ROOT, build_folder
from harness.monitor import Following, Monitor, pause
from harness.netns import die_with_parent
from harness.vhost_guest import VhostGuest
from harness.wait import TIMEOUT, wait_until
from harness.wire import BROADCAST, frame, mac_of
from test_bond import Bond
from test_loop import bridged

A, B = mac_of(1), mac_of(2)
COMMON = {"seq", "time", "kind", "object", "text", "left_out"}
KEPT = 2048      # events that vswitchd keeps
CLIENTS = 50
FOLLOWERS_MAX = 56


@pytest.fixture
def follow(tmp_path):
    """Start a vsctl that goes on; all are ended in the end."""
    made = []

    def start(daemon, *words, kind=Monitor, **how):
        made.append(kind(daemon, tmp_path / ("follow%d" % len(made)), *words, **how))
        return made[-1]
    yield start
    for one in made:
        one.close()


def documented():
    """{kind: members} that docs/monitoring.md names."""
    kinds = {}
    for line in (ROOT / "docs/monitoring.md").read_text().splitlines():
        row = re.fullmatch(r"\| `(\w+)` \| [^|]+ \|([^|]*)\|", line)
        if row:
            kinds[row[1]] = set(re.findall(r"`(\w+)`", row[2]))
    return kinds


def test_manual():
    """The manual page, which is read off the program's table, knows the same."""
    page = (build_folder() / "ctl/vsctl.8").read_text()
    part = page[page.index(".SH EVENTS"):].split(".SH ")[1]
    kinds = {row.split("\\fR", 1)[0]: set(re.findall(r"^\\fI(\w+)\\fR \(", row, re.M))
             for row in part.split(".TP\n\\fB")[1:]}
    assert kinds == documented()


def check(events):
    """Every event has what all have, and members that its kind has by the manual."""
    kinds = documented()
    last = 0
    for event in events:
        assert set(event) == COMMON | kinds[event["kind"]], event
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", event["time"]), event
        assert event["text"] and event["object"]
        if event["seq"] is None:
            assert event["state"] in ("gone", "back")
            last = 0
        else:
            assert event["seq"] > last, event
            last = event["seq"]


def test_link(bed, follow):
    """A cable is pulled, and put back."""
    station = bed.station(1)
    monitor = follow(bed.daemon)
    station.host.ip("link", "set", "eth0", "down")
    event = monitor.one("link", object="p1")
    assert event["state"] == "down" and event["bridge"] == "br0"
    assert event["reason"] == "interface p1 has no carrier"
    assert event["text"] == "is down: interface p1 has no carrier"
    station.host.ip("link", "set", "eth0", "up")
    event = monitor.one("link", state="up")
    assert event["object"] == "p1" and event["reason"] is None
    bed.daemon.vsctl("port", "set", "p1", "carrier", "off")
    assert monitor.find("link", 2, state="down")[1]["reason"] == "carrier off (set)"
    check(monitor.events)


def test_attach(bed, follow):
    """Ports come to bridges and go; to the router, too."""
    monitor = follow(bed.daemon)
    bed.daemon.vsctl("port", "add", "t0", "bridge", "br0", "type", "tap")
    assert monitor.one("attach", object="t0")["bridge"] == "br0"
    assert monitor.one("config", object="t0")["what"] == "port add t0 bridge br0 type tap"
    bed.daemon.vsctl("bridge", "add", "br1")
    bed.daemon.vsctl("port", "set", "t0", "bridge", "br1")
    assert monitor.one("detach", object="t0")["bridge"] == "br0"
    assert monitor.one("attach", bridge="br1")["object"] == "t0"
    bed.daemon.vsctl("port", "set", "t0", "bridge", "none", "mode", "route", "ip", "10.9.0.1")
    assert monitor.one("attach", mode="route")["text"] == "is routed (mode route)"
    bed.daemon.vsctl("port", "del", "t0")
    assert monitor.one("detach", mode="route")["bridge"] is None
    check(monitor.events)


def test_guest(bed, follow):
    """A guest connects to its interface, and leaves."""
    bed.daemon.vsctl("port", "add", "v1", "bridge", "br0", "type", "vhost")
    monitor = follow(bed.daemon, "v1")
    guest = VhostGuest(bed.daemon.port("v1")["path"])
    event = monitor.one("connect", object="v1")
    assert event["queues"] == 1 and event["text"] == "its guest has connected, with 1 queue"
    monitor.one("link", object="v1", state="up")
    guest.close()
    monitor.one("disconnect", object="v1")
    monitor.one("link", object="v1", state="down")
    check(monitor.events)


def test_move(bed, follow):
    """A station moves; one that moves all the time is no flood of lines."""
    one, two = bed.station(1), bed.station(2)
    monitor = follow(bed.daemon, "move")
    one.wire.send(frame(BROADCAST, A))
    wait_until(lambda: bed.daemon.fdb("br0").get((A, 0)) == "p1", what="A is learnt")
    two.wire.send(frame(BROADCAST, A))
    event = monitor.one("move", mac=A)
    assert (event["object"], event["from"], event["to"], event["bridge"], event["vid"]) == (
        "p2", "p1", "p2", "br0", 0)
    assert event["text"] == "%s is here now, not behind p1 (bridge br0)" % A

    n = 0
    started = time.monotonic()
    while sum(event["left_out"] for event in monitor.events) < 200:
        assert time.monotonic() - started < 60, monitor.text
        for station, port in ((one, "p1"), (two, "p2")):
            station.wire.send(*(frame(BROADCAST, mac_of(number)) for number in range(100, 150)))
            wait_until(lambda p=port: bed.daemon.fdb("br0").get((mac_of(149), 0)) == p,
                       what="they have moved")
        n += 2
    took = time.monotonic() - started
    # a burst of four and what was left out of each of two ports, each second
    assert len(monitor.events) <= 1 + 2 * 5 * (took + 2), (n, took)
    check(monitor.events)


def test_failover(bed, follow):
    """The active member of a bond loses its link."""
    bond = Bond(bed)
    monitor = follow(bed.daemon)
    bond.plug(0, False)
    event = monitor.one("failover", object="bond0")
    assert event["carried_by"] == ["p2"] and event["failovers"] == 1
    assert event["text"] == "p1 link down; carried by p2"
    monitor.one("link", object="p1", state="down")
    bond.plug(1, False)
    assert monitor.find("failover", 2)[1]["carried_by"] == []
    check(monitor.events)
    # by the name of a member, too
    other = follow(bed.daemon, "failover", "p2", "--last", "10")
    assert [event["carried_by"] for event in other.find("failover", 1)] == [["p2"]]


def test_loop(idle_bed, follow):
    """A loop is found, a port blocked, and let go when its link is gone."""
    bed = idle_bed.start("[bridge br0]\n")
    monitor = follow(bed.daemon, "loop")
    host = bridged(bed, "loop", (1, 2))
    host.ip("link", "set", "k", "up")
    event = monitor.one("loop", object="p2", state="blocked")
    assert event["text"] == "blocked: a loop with port p1"
    assert event["peer"] == "p1" and event["bridge"] == "br0"
    host.ip("link", "set", "eth1", "down")
    event = monitor.one("loop", object="p2", state="free")
    assert event["text"] == "not blocked any more: its link is gone"
    check(monitor.events)


def test_stp(idle_bed, follow):
    """A spanning tree blocks a port, opens it, and forgets stations."""
    bed = idle_bed.start("[bridge br0]\nstp = rstp\nhello = 1\nmax-age = 6\nforward-delay = 4\n")
    monitor = follow(bed.daemon, "br0")
    host = bridged(bed, "loop", (1, 2))
    host.ip("link", "set", "k", "up")
    monitor.one("stp", object="p1", state="forwarding")
    wait_until(lambda: bed.daemon.port("p2")["state"] == "blocked", what="p2 is blocked")
    host.ip("link", "set", "eth0", "down")
    assert monitor.one("stp", object="p2", state="forwarding")["bridge"] == "br0"
    host.ip("link", "set", "eth0", "up")
    monitor.one("stp", object="p2", state="blocked")
    assert monitor.one("topology", object="br0")["ports"] >= 1
    check(monitor.events)


def test_config(bed, follow, tmp_path):
    """Each change: what, by whom; one that failed in between, too; and nothing of what only reads."""
    monitor = follow(bed.daemon, "config")
    bed.daemon.vsctl("bridge", "add", "br1", "ageing", "60")
    event = monitor.one("config", object="br1")
    assert event["what"] == "bridge add br1 ageing 60" and event["uid"] == 0
    assert event["text"].startswith("bridge add br1 ageing 60, by root (uid 0, pid %d vsctl" %
                                    event["pid"])
    bed.daemon.vsctl("bridge", "show")
    batch = tmp_path / "batch"
    batch.write_text("bridge add br2\nbridge set br1 ageing 70\n")
    bed.daemon.vsctl("batch", batch)
    assert monitor.one("config", changes=2)["object"] == "config"
    batch.write_text("bridge add br3\nport add nosuch0 bridge br3\n")
    assert bed.daemon.vsctl_raw("batch", batch).returncode == 1
    event = monitor.find("config", 3)[2]
    assert "nosuch0" in event["error"] and "was taken back" in event["text"]
    bed.daemon.vsctl("config", "rollback")
    event = monitor.find("config", 4)[3]
    assert event["what"].startswith("config rollback") and event["changes"] == 2
    bed.daemon.vsctl("fdb", "flush", "br0")
    assert monitor.find("config", 5)[4]["what"] == "fdb flush br0"
    assert bed.daemon.vsctl_raw("bridge", "add", "br0").returncode == 1
    bed.daemon.vsctl("bridge", "del", "br0")
    assert [event["what"] for event in monitor.find("config", 6)[5:]] == ["bridge del br0"]
    check(monitor.events)


def test_restart(bed, follow):
    """vswitchd stops, dies and comes back: told, and nothing of the new one is missed."""
    monitor = follow(bed.daemon)
    assert bed.daemon.stop() == 0
    monitor.one("daemon", state="stopping")
    monitor.one("daemon", state="gone")
    bed.daemon.start("[bridge br0]\n[port t0]\nbridge = br0\ntype = tap\n")
    monitor.one("daemon", state="back")
    event = monitor.one("daemon", state="started")
    assert event["object"] == "vswitchd" and event["text"] == event["version"] + " has started"
    assert monitor.one("attach", object="t0")["seq"] < event["seq"]
    bed.daemon.stop(signal.SIGKILL)
    monitor.find("daemon", 2, state="gone")
    bed.daemon.start()
    monitor.find("daemon", 2, state="back")
    bed.daemon.vsctl("bridge", "add", "br1")
    monitor.one("config", object="br1")
    check(monitor.events)


def test_words(bed, follow):
    """Filters by kind and name, the last ones, and what is wrong."""
    bed.station(1)
    bed.daemon.vsctl("bridge", "add", "br1")
    rows = bed.daemon.vsctl("event", "show")
    check(rows)
    assert [row["what"] for row in rows if row["kind"] == "config"] == [
        "port add p1 bridge br0", "bridge add br1"]
    assert {row["kind"] for row in bed.daemon.vsctl("event", "show", "attach", "link")} == {
        "attach", "link"}
    assert [row["object"] for row in bed.daemon.vsctl("event", "show", "attach", "br0")] == ["p1"]
    assert bed.daemon.vsctl("event", "show", "config", "--last", "1") == rows[-1:]
    text = bed.daemon.vsctl_raw("event", "show", "attach").stdout
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} attach     p1 {14}is on bridge br0\n",
                        text), text
    odd = follow(bed.daemon, "lnik", "p1")
    assert "nothing is called 'lnik' at present; did you mean 'link'?\n" in odd.text
    for words in (("monitor", "--last"), ("monitor", "--last", "0"), ("monitor", "--lats", "3"),
                  ("event", "show", "--last", "9999"), ("-w", "bridge", "add", "x"),
                  ("-n", "0", "port", "show"), ("-n", "x", "port", "show"),
                  ("monitor", os.fsdecode(b"\xff")), ("event", "show", os.fsdecode(b"\xff"))):
        assert bed.daemon.vsctl_raw(*words).returncode == 2, words
    # a kind that is none, where nothing says that it is a name
    result = bed.daemon.vsctl_raw("event", "show", "lnik", "nosuchname")
    assert (result.returncode, result.stdout, result.stderr) == (
        0, "", "vsctl: there is no kind 'lnik'; did you mean 'link'?\n")
    assert bed.daemon.vsctl_raw("event", "show", "lnik", "p1").stderr == ""
    error = bed.daemon.rpc("event.follow", kinds=["lnik"])["error"]["message"]
    assert error == 'event: there is no kind "lnik"'
    for params in ({"kinds": "link"}, {"names": [1]}, {"names": ["x" * 64]}, {"names": [""]},
                   {"names": ["x"] * 33}, {"last": -1}, {"last": "1"},
                   {"epoch": "1", "since": "1"}):
        assert "error" in bed.daemon.rpc("event.follow", **params), params
    # a line for a person, that ends with who reads it
    with subprocess.Popen([build_folder() / "ctl/vsctl", "-s", bed.daemon.socket_path, "monitor",
                           "--last", "1"], stdout=subprocess.PIPE, text=True) as process:
        assert "bridge add br1, by root" in process.stdout.readline()
        process.stdout.close()
        assert process.wait(20) == 0


def test_interval_of_monitor(bed):
    """It has none."""
    result = bed.daemon.vsctl_raw("-n", 5, "monitor")
    assert (result.returncode, result.stdout) == (2, "")
    assert "-n goes with shows" in result.stderr


@pytest.mark.parametrize("words", [("monitor", "--last", "1"), ("-n", "1000", "bridge", "show")])
def test_nobody_reads(bed, words):
    """Who reads may be at a socket, as ssh has one: it ends when that goes, not at the next event."""
    near, far = socket.socketpair()
    with subprocess.Popen([build_folder() / "ctl/vsctl", "-s", bed.daemon.socket_path, *words],
                          stdin=subprocess.DEVNULL, stdout=near,
                          preexec_fn=die_with_parent) as process:
        near.close()
        far.settimeout(TIMEOUT)
        far.recv(1)
        bed.daemon.vsctl("bridge", "add", "br1")
        far.setblocking(False)
        # all is read, so that it waits
        wait_until(lambda: is_polling(process.pid) and not readable(far), what="it waits")
        far.close()
        try:
            process.wait(20)
        finally:
            process.kill()


def is_polling(pid):
    """Is a process in poll(2)?"""
    with open("/proc/%d/syscall" % pid) as file:
        return file.read().split()[0] == "7"


def readable(connection):
    """Take what there is. Return: was there something?"""
    try:
        return connection.recv(65536) != b""
    except BlockingIOError:
        return False


@pytest.mark.parametrize("words", [("monitor", "--last", "5"), ("-w", "bridge", "show"),
                                   ("top", "-b", "-d", "0.1")])
def test_full_disk(bed, words):
    """The reason why nothing more is written, whoever finds it out."""
    with open("/dev/full", "wb") as full:
        result = subprocess.run(
            [build_folder() / "ctl/vsctl", "-s", bed.daemon.socket_path, *words], stdout=full,
            stderr=subprocess.PIPE, text=True, check=False, timeout=60,
            preexec_fn=die_with_parent)
    assert (result.returncode, result.stderr) == (
        1, "vsctl: cannot write the output: No space left on device\n")


# --- many, and slow ones ---

def rss(pid):
    """Bytes of a process in memory."""
    status = pathlib.Path("/proc/%d/status" % pid).read_text()
    return 1024 * int(re.search(r"VmRSS:\s+(\d+)", status)[1])


def n_fds(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


def next_seq(daemon):
    return daemon.vsctl("event", "show", "--last", "1")[0]["seq"] + 1


def flood(daemon, n, watch=lambda: None):
    """Make so many events happen, all that there may be a second."""
    end = next_seq(daemon) + n
    line = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "bridge.set",
                       "params": {"name": "br0", "ageing": 300}}).encode() + b"\n"
    slowest = 0
    with daemon.connect() as client:
        file = client.makefile("rb")
        while next_seq(daemon) < end:
            client.sendall(line * 200)
            for _ in range(200):
                assert b"result" in file.readline()
            started = time.monotonic()
            assert daemon.rpc("version")["result"]
            slowest = max(slowest, time.monotonic() - started)
            watch()
    return slowest


class Tail:
    """The last event that a monitor has printed, without reading all again."""

    def __init__(self, path):
        self._path = path

    def seq(self):
        """Its number; 0: there is none yet."""
        with open(self._path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 65536))
            lines = [line for line in file.read().split(b"\n")[1:-1] if line.startswith(b"{")]
        return json.loads(lines[-1])["seq"] if lines else 0


def test_slow_client(bed, follow):
    """One that sleeps stalls nobody, costs no more memory, and is told how much it has missed."""
    quick, slow = follow(bed.daemon), follow(bed.daemon)
    begun = next_seq(bed.daemon)
    pause(slow.process)
    last = Tail(quick.path)

    def keep_up():
        """The quick one gets to run, however slow the machine is."""
        goal = next_seq(bed.daemon) - KEPT // 2
        wait_until(lambda: last.seq() >= goal, what="the quick one follows")
    slowest = flood(bed.daemon, 2 * KEPT, keep_up)
    before = rss(bed.daemon.pid)
    slowest = max(slowest, flood(bed.daemon, 2 * KEPT, keep_up))
    grown = rss(bed.daemon.pid) - before
    print("\nslow client: others are answered within %.1f ms; %d kB more memory of vswitchd after "
          "%d more events" % (1000 * slowest, grown >> 10, 2 * KEPT))
    assert grown < 1 << 20
    assert slowest < 5
    end = next_seq(bed.daemon)
    slow.signal(signal.SIGCONT)
    wait_until(lambda: slow.events and slow.events[-1]["seq"] >= end - 1, what="it has caught up")
    wait_until(lambda: quick.events and quick.events[-1]["seq"] >= end - 1, what="as the other")
    lost = slow.find("lost", object="monitor")
    assert [event["seq"] for event in quick.events] == list(
        range(quick.events[0]["seq"], quick.events[-1]["seq"] + 1))
    got = [event["seq"] for event in slow.events if event not in lost and event["seq"] >= begun]
    assert sum(event["count"] for event in lost) == slow.events[-1]["seq"] + 1 - begun - len(got)
    assert len(lost) == 1 and lost[0]["count"] > KEPT
    assert lost[0]["text"] == "%d: they came faster than they were read" % lost[0]["count"]
    print("slow client: got %d, was told of %d lost" % (len(got), lost[0]["count"]))
    check(slow.events)


def test_many_clients(bed, follow):
    """Fifty follow; those that are killed leave nothing behind."""
    bed.daemon.vsctl("version")
    fds = n_fds(bed.daemon.pid)
    monitors = [follow(bed.daemon) for _ in range(CLIENTS)]
    bed.daemon.vsctl("bridge", "add", "br1")
    for monitor in monitors:
        monitor.one("config", object="br1")
    # there is a limit, and others get in all the same
    clients = [bed.daemon.connect() for _ in range(FOLLOWERS_MAX - CLIENTS + 1)]
    replies = []
    for client in clients:
        client.sendall(b'{"jsonrpc":"2.0","id":1,"method":"event.follow"}\n')
        replies.append(json.loads(client.makefile("rb").readline()))
    assert ["error" in reply for reply in replies] == [False] * (len(clients) - 1) + [True]
    assert replies[-1]["error"]["message"] == "event: too many clients follow events"
    assert bed.daemon.vsctl("bridge", "show")
    for client in clients:
        client.close()
    for monitor in monitors[:CLIENTS // 2]:
        monitor.signal(signal.SIGKILL)
    flood(bed.daemon, 500)
    for monitor in monitors[CLIENTS // 2:]:
        monitor.signal(signal.SIGTERM)
    wait_until(lambda: n_fds(bed.daemon.pid) <= fds,
               what=lambda: "%d open files, and not %d" % (n_fds(bed.daemon.pid), fds))
    bed.daemon.vsctl("bridge", "del", "br1")


def test_same_connection(bed):
    """Requests are answered on a connection that follows; it follows once."""
    with bed.daemon.connect() as client:
        file = client.makefile("rb")
        for method in ("event.follow", "event.follow", "version"):
            client.sendall(json.dumps({"jsonrpc": "2.0", "id": method, "method": method}).encode()
                           + b"\n")
        replies = [json.loads(file.readline()) for _ in range(3)]
        assert replies[0]["result"]["next"] >= 2 and replies[0]["result"]["unknown"] == []
        assert "follows events already" in replies[1]["error"]["message"]
        assert "version" in replies[2]["result"]
        bed.daemon.vsctl("bridge", "add", "br1")
        event = json.loads(file.readline())
        assert event["method"] == "event" and "id" not in event
        assert event["params"]["what"] == "bridge add br1"


# --- shows that follow ---

def test_watch(bed, follow):
    """-w shows again what has changed, at once."""
    watch = follow(bed.daemon, "-n", "1000", "bridge", "show", kind=Following)
    wait_until(lambda: "br0" in watch.text, what="the first time")
    bed.daemon.vsctl("bridge", "add", "br1")
    wait_until(lambda: "br1" in watch.text, what="the second time")
    assert bed.daemon.vsctl("bridge", "set", "br1", "ageing", "10") is None
    wait_until(lambda: re.search("br1 +10", watch.text), what="the third time")
    assert len(re.findall("^BRIDGE", watch.text, re.M)) == 3
    as_json = follow(bed.daemon, "-w", "bridge", "show", kind=Following, options=("-j",))
    wait_until(lambda: as_json.text.count("\n") == 1, what="a line of JSON")
    bed.daemon.stop(signal.SIGKILL)
    wait_until(lambda: watch.text.endswith("start it: systemctl start vswitchd\n"),
               what="it says why there is nothing")
    bed.daemon.start("[bridge br7]\n")
    wait_until(lambda: "br7" in as_json.text and "br7" in watch.text, what="it goes on")
    assert [row["bridge"] for row in json.loads(as_json.text.splitlines()[-1])] == ["br7"]


def test_watch_interval(bed, follow):
    """Counters have no events."""
    station = bed.station(1)
    watch = follow(bed.daemon, "-n", "0.1", "stats", "show", kind=Following)
    wait_until(lambda: "p1" in watch.text, what="the first time")
    station.wire.send(*(frame(BROADCAST, A) for _ in range(77)))
    wait_until(lambda: re.search(r"^p1 +77 ", watch.text, re.M), what="packets are counted")


def test_watch_terminal(bed):
    """A terminal is drawn over, and no more is drawn than fits."""
    for number in range(30):
        bed.daemon.vsctl("bridge", "add", "b%d" % number)
    main, end = pty.openpty()
    with subprocess.Popen([build_folder() / "ctl/vsctl", "-s", bed.daemon.socket_path, "-w",
                           "bridge", "show"], stdin=end, stdout=end, stderr=end,
                          preexec_fn=die_with_parent) as process:
        os.close(end)
        text = ""

        def read():
            nonlocal text
            while select.select([main], [], [], 0)[0]:
                text += os.read(main, 65536).decode()
            return text

        wait_until(lambda: "b10 " in read(), what="the first time")
        assert text.startswith("\x1b[2J\x1b[H") and "every 2 s, and at events" in text
        assert text.count("\n") < 24
        bed.daemon.vsctl("bridge", "add", "a0")
        wait_until(lambda: "a0 " in read(), what="it is drawn again")
        assert text.count("\x1b[2J") == 1 and text.count("\x1b[H") >= 2
        process.terminate()
    os.close(main)
