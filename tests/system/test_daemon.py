# SPDX-License-Identifier: BSD-3-Clause
"""The daemon's life: start, stop, crash, and a second one."""

import fcntl
import json
import os
import pathlib
import re
import signal
import socket
import stat
import subprocess

import pytest

from harness import traffic
from harness.daemon import VsctlError, build_folder
from harness.netns import die_with_parent, run
from harness.wait import wait_until
from harness.wire import BROADCAST, frame, mac_of

from test_tap import add_tap

CONFIG = """
[vswitchd]
workers = 1

[bridge br0]
ageing = 100

[port br0]
bridge = br0
type = tap

[port p1]   ; a station
bridge = br0
"""


@pytest.fixture
def configured(idle_bed):
    """A bed that is started by a configuration file: the host br0 and a station."""
    station = idle_bed.cable(1, plain=False)
    idle_bed.speak(station, 1)
    idle_bed.start(CONFIG)
    idle_bed.daemon.wait_link("br0")
    idle_bed.daemon.wait_link("p1")
    idle_bed.sw.ip("addr", "add", "10.0.0.9/24", "dev", "br0")
    return idle_bed, station


def test_configuration_file(configured):
    bed, station = configured
    bridge, = bed.daemon.vsctl("bridge", "show")
    expected = {"bridge": "br0", "ageing": 100, "fdb_limit": 65536, "announce": True}
    assert {key: bridge[key] for key in expected} == expected
    assert {row["port"]: row["type"] for row in bed.daemon.vsctl("port", "show")} == \
        {"br0": "tap", "p1": "netdev"}
    station.host.ping("10.0.0.9")


def test_crash_and_restart(configured):
    """kill -9: the host keeps its interface, address and neighbours; traffic goes on by itself."""
    bed, station = configured
    station.host.ping("10.0.0.9")
    before = bed.sw.link("br0")
    stream = traffic.Stream(station.host, bed.sw, "10.0.0.9", per_second=200)
    wait_until(lambda: stream.received(), what="traffic")
    assert bed.daemon.stop(signal.SIGKILL) == -signal.SIGKILL
    gone = bed.sw.link("br0")
    assert gone["address"] == before["address"] and gone["ifindex"] == before["ifindex"]
    bed.start(CONFIG)
    bed.daemon.wait_link("br0")
    stream.received()
    wait_until(lambda: stream.received(), what="traffic goes on")
    stream.stop()
    after = bed.sw.link("br0")
    for key in ("address", "ifindex", "addr_info"):
        assert after[key] == before[key]
    station.host.ping("10.0.0.9")
    bed.sw.ping("10.0.0.1")


def test_stop_and_restart(configured):
    """SIGTERM: exit status 0, nothing in the way of the next start; the host's interface stays."""
    bed, station = configured
    before = bed.sw.link("br0")
    assert bed.daemon.stop() == 0
    assert not bed.daemon.socket_path.exists()
    assert (bed.daemon.run_dir / "vswitchd.pid").read_text() == ""
    assert bed.sw.link("br0")["addr_info"] == before["addr_info"]
    bed.start(CONFIG)
    bed.daemon.wait_link("br0")
    assert bed.sw.link("br0")["ifindex"] == before["ifindex"]
    station.host.ping("10.0.0.9")
    assert bed.daemon.stop(signal.SIGINT) == 0


def test_stopped_interface_is_the_hosts_again(idle_bed):
    """What the daemon did to an interface of the host's it takes back."""
    bed = idle_bed
    station = bed.speak(bed.cable(1, plain=False), 1)
    bed.sw.ip("addr", "add", "10.0.0.9/24", "dev", "p1")
    station.host.ping("10.0.0.9")
    bed.start(CONFIG)
    bed.daemon.wait_link("p1")
    assert bed.daemon.stop() == 0
    station.host.ping("10.0.0.9")


def test_second_daemon_is_refused(bed):
    """It names the first, which does not notice."""
    result = bed.daemon.run_to_end()
    assert result.returncode == 1
    assert str(bed.daemon.pid) in result.stderr and str(bed.daemon.run_dir) in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert bed.daemon.vsctl("bridge", "show")[0]["bridge"] == "br0"


def test_two_daemons_side_by_side(bed, tmp_path):
    """Another run directory is another switch."""
    other = type(bed.daemon)(bed.sw, tmp_path / "other").start("[bridge other0]\n")
    try:
        assert [row["bridge"] for row in other.vsctl("bridge", "show")] == ["other0"]
        assert [row["bridge"] for row in bed.daemon.vsctl("bridge", "show")] == ["br0"]
    finally:
        assert other.stop() == 0


def test_interface_of_another_daemon(bed, tmp_path):
    """It is refused, by name and pid, and the first does not notice; it is free when that goes."""
    one = bed.speak(bed.station(1, plain=False), 1)
    bed.sw.ip("addr", "add", "192.168.7.1/32", "dev", "lo")
    one.host.ip("route", "add", "192.168.7.0/24", "dev", "eth0")
    other = type(bed.daemon)(bed.sw, tmp_path / "other").start("[bridge other0]\n")
    try:
        for _ in range(2):
            with pytest.raises(VsctlError, match="p1 is in use by another vswitchd.*pid %d" %
                               bed.daemon.pid):
                other.vsctl("port", "add", "p1", "bridge", "other0")
        assert other.vsctl("port", "show") == []
        # the host's stack is still kept off
        ping = one.host.run("ping", "-c", 2, "-i", "0.02", "-W", 1, "192.168.7.1", check=False)
        assert ping.returncode != 0
        bed.daemon.vsctl("port", "del", "p1")
        other.vsctl("port", "add", "p1", "bridge", "other0")
        other.wait_link("p1")
        with pytest.raises(VsctlError, match="pid %d" % other.pid):
            bed.daemon.vsctl("port", "add", "p1", "bridge", "br0")
    finally:
        assert other.stop(signal.SIGKILL) == -signal.SIGKILL
    bed.daemon.vsctl("port", "add", "p1", "bridge", "br0")


@pytest.mark.parametrize("queues", [1, 2])
def test_tap_of_another_daemon(bed, tmp_path, queues):
    """The same for taps, of which the kernel gives queues to whoever asks."""
    add_tap(bed, "t0", 9, "br0", "queues", queues)
    other = type(bed.daemon)(bed.sw, tmp_path / "other").start("[bridge other0]\n")
    try:
        with pytest.raises(VsctlError, match="t0 is in use by another vswitchd.*pid %d" %
                           bed.daemon.pid):
            other.vsctl("port", "add", "t0", "bridge", "other0", "type", "tap", "queues", queues)
        assert bed.daemon.port("t0")["link"] == "up"
        bed.daemon.vsctl("port", "del", "t0")
        assert bed.sw.link("t0") is None
        add_tap_to(other, queues)
        with pytest.raises(VsctlError, match="pid %d" % other.pid):
            add_tap_to(bed.daemon, queues)
    finally:
        assert other.stop() == 0
    add_tap_to(bed.daemon, queues)


def add_tap_to(daemon, queues):
    """A tap on the first bridge of a daemon."""
    bridge = daemon.vsctl("bridge", "show")[0]["bridge"]
    daemon.vsctl("port", "add", "t0", "bridge", bridge, "type", "tap", "queues", queues)


def test_socket_is_for_its_group_alone(bed):
    assert stat.S_IMODE(bed.daemon.socket_path.stat().st_mode) == 0o660
    assert (bed.daemon.run_dir / "vswitchd.pid").read_text() == "%d\n" % bed.daemon.pid


def is_unlocked(path):
    """Has the daemon of this pid file ended?"""
    with open(path, encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def test_background(idle_bed):
    """Without --foreground the command returns when the switch is ready, or with the error."""
    daemon = idle_bed.daemon
    daemon.config.write_text("[bridge br0]\n")
    command = [word for word in daemon.command() if word != "--foreground"]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    assert (result.returncode, result.stdout) == (0, "")
    pid = int((daemon.run_dir / "vswitchd.pid").read_text())
    try:
        assert daemon.vsctl("bridge", "show")[0]["bridge"] == "br0"
        second = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, check=False, timeout=60)
        assert second.returncode == 1 and str(pid) in second.stderr
        assert os.readlink("/proc/%d/cwd" % pid) == "/"
    finally:
        os.kill(pid, signal.SIGTERM)
    wait_until(lambda: is_unlocked(daemon.run_dir / "vswitchd.pid"), what="it ends")
    daemon.config.write_text("[bridge br0]\n[port lo]\nbridge = br0\n")
    result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    assert result.returncode == 1 and "port lo" in result.stderr


def test_readiness_is_told(idle_bed, tmp_path):
    """systemd's protocol: READY=1 when the socket is served, STOPPING=1 at the end."""
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(path))
        notify.settimeout(60)
        process = subprocess.Popen(idle_bed.daemon.command(), stderr=subprocess.DEVNULL,
                                   env={**os.environ, "NOTIFY_SOCKET": str(path)},
                                   preexec_fn=die_with_parent)
        assert b"READY=1" in notify.recv(4096)
        assert "result" in idle_bed.daemon.rpc("version")
        process.terminate()
        assert b"STOPPING=1" in notify.recv(4096)
        assert process.wait(60) == 0


@pytest.mark.parametrize("options, status, text", [
    (["--version"], 0, "vswitchd "),
    (["--help"], 0, "--run-dir"),
    (["--nonsense"], 2, "--help"),
    (["extra"], 2, "extra"),
    (["--config"], 2, "--help"),
    (["--config", "/nonexistent/file"], 1, "/nonexistent/file"),
    (["--config", "/"], 1, "directory"),
    (["--run-dir", "/proc/nosuch"], 1, "/proc/nosuch"),
    (["--run-dir", "/tmp/" + 120 * "x"], 1, "too long|longer than"),
])
def test_arguments(idle_bed, options, status, text):
    vswitchd = build_folder() / "vswitch/vswitchd"
    result = idle_bed.sw.run(vswitchd, "--foreground", "--no-xen", "--run-dir",
                             idle_bed.daemon.run_dir, *options, check=False)
    assert result.returncode == status
    assert re.search(text, result.stdout if status == 0 else result.stderr)
    if len(options) > 1 and len(options[1]) > 100:
        os.remove(options[1] + "/vswitchd.pid")
        os.rmdir(options[1])


def test_no_xen_here(idle_bed):
    """Without --no-xen on a machine without Xen: an error that tells what to do."""
    if os.path.exists("/proc/xen/capabilities"):
        pytest.skip("this is a Xen host")
    idle_bed.daemon.config.write_text("[bridge br0]\n[port lo]\nbridge = br0\n")
    command = [word for word in idle_bed.daemon.command() if word != "--no-xen"]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    assert result.returncode == 1
    assert "--no-xen" in result.stderr
    assert "port lo" not in result.stderr  # it is not tried: no interface was touched


def test_few_descriptors(idle_bed):
    """A service's soft limit on descriptors is no limit on ports."""
    bed = idle_bed
    count = 200
    lines = ["[bridge br0]"]
    lines += ["[port t%d]\nbridge = br0\ntype = tap" % number for number in range(count)]
    bed.daemon.limits = ["prlimit", "--nofile=128:4096"]
    bed.start("\n".join(lines) + "\n")
    assert len(bed.daemon.vsctl("port", "show")) == count


def test_hugepages_of_others(idle_bed):
    """Free ones that another program has reserved are not there for vswitchd."""
    if not os.path.isdir("/sys/kernel/mm/hugepages"):
        pytest.skip("this kernel has no hugepages")
    # the harness has put an empty folder there
    idle_bed.daemon.limits = ["sh", "-c", "mkdir /sys/kernel/mm/hugepages/hugepages-2048kB && "
                              "cd /sys/kernel/mm/hugepages/hugepages-2048kB && "
                              "echo 512 > free_hugepages && echo 500 > resv_hugepages && "
                              'exec "$@"', "sh"]
    idle_bed.start()
    assert ", no hugepages," in idle_bed.daemon.log


# epoll_wait, epoll_pwait and epoll_pwait2 of x86-64, and what no time-out is to them
EPOLL_FOREVER = {"232": 0xffffffff, "281": 0xffffffff, "441": 0}


def sleeps(worker):
    """Does it wait for descriptors, and for nothing else?"""
    number, *arguments = (worker / "syscall").read_text().split()
    return number in EPOLL_FOREVER and \
        int(arguments[3], 16) & 0xffffffff == EPOLL_FOREVER[number]


def test_sleeps_and_wakes(bed):
    """With nothing to do the worker sleeps until there is a packet, and is not late for it."""
    one, two = (bed.station(number).wire for number in (1, 2))
    bed.daemon.vsctl("port", "add", "host0", "bridge", "br0", "type", "tap")
    bed.daemon.wait_link("host0")
    tasks = pathlib.Path("/proc/%d/task" % bed.daemon.pid)
    worker = next(task for task in tasks.iterdir() if "worker" in (task / "comm").read_text())
    if os.uname().machine != "x86_64" or not (worker / "syscall").exists():
        pytest.skip("/proc does not tell in which system call a thread is")
    for number in range(5):
        wait_until(lambda: sleeps(worker), what=lambda: "the worker sleeps: " +
                   (worker / "syscall").read_text())
        data = frame(BROADCAST, mac_of(number + 1))
        one.send(data)
        two.expect(data)


def test_overview(bed):
    """"vsctl show" for people."""
    bed.station(1)
    add_tap(bed)
    text = bed.daemon.vsctl_raw("show").stdout
    assert "bridge br0" in text and "p1" in text and "netdev" in text and "tap" in text
    assert json.loads(bed.daemon.vsctl_raw("-j", "show").stdout)
    assert run(build_folder() / "ctl/vsctl", "--version").stdout.startswith("vsctl ")
