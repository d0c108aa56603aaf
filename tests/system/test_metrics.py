# SPDX-License-Identifier: BSD-3-Clause
"""Metrics by HTTP: where, in which form, what they say; and clients that mean no good."""

import os
import re
import signal
import socket
import stat
import time

import pytest

from harness import many
from harness.daemon import VsctlError
from harness.metrics import ADDRESS, OPEN, URL, check, curl, parse, value
from harness.wait import wait_until
from harness.wire import BROADCAST, frame, mac_of

A, B = mac_of(1), mac_of(2)
COUNTERS = {"receive_packets": "rx_packets", "receive_bytes": "rx_bytes",
            "transmit_packets": "tx_packets", "transmit_bytes": "tx_bytes",
            "dropped_packets": "drops"}


@pytest.fixture
def path(bed):
    """A unix socket that metrics are at."""
    where = bed.daemon.run_dir / "metrics.sock"
    bed.daemon.vsctl("metrics", "set", "listen", "unix:%s" % where)
    return where


def by_path(bed, path, *words, **kwargs):
    """What curl gets there."""
    return curl(bed.sw, "--unix-socket", path, *words, "http://host/metrics", **kwargs)


def connect(path):
    """A client that can do what it likes."""
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(20)
    client.connect(str(path))
    return client


def rest(client):
    """All that it is sent until it is thrown out."""
    data = b""
    try:
        while True:
            more = client.recv(65536)
            if not more:
                return data
            data += more
    except ConnectionError:
        return data
    finally:
        client.close()


def fds(daemon):
    """How many files the daemon has open."""
    return len(os.listdir("/proc/%d/fd" % daemon.process.pid))


def test_where(bed, path):
    """On a loopback port or a unix socket, as the configuration says, and nowhere else."""
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert "vswitch_build_info{" in by_path(bed, path)
    assert curl(bed.sw, URL, check=False) == ""
    saved = bed.daemon.vsctl("config", "show")
    bed.sw.sysctl("ipv6/conf/lo/disable_ipv6", 0)
    for address, url in ((ADDRESS, URL), ("[::1]:9478", "http://[::1]:9478/metrics")):
        bed.daemon.config.write_text("[bridge br0]\nloop-detect = no\n"
                                     "[metrics]\nlisten = %s\n" % address)
        diff = bed.daemon.vsctl("config", "apply")
        assert diff["restart"] == []
        assert "vswitch_build_info{" in curl(bed.sw, url)
    assert not path.exists()
    assert bed.daemon.vsctl("metrics", "show")["listen"] == "[::1]:9478"
    for bad in ("0.0.0.0:9477", "192.0.2.1:9477", "[::]:9477", "9477", "unix:x", "localhost:1"):
        with pytest.raises(VsctlError, match="right is|is not 127.0.0.1:PORT"):
            bed.daemon.vsctl("metrics", "set", "listen", bad)
    with pytest.raises(VsctlError, match="somebody listens there"):
        bed.daemon.vsctl("metrics", "set", "listen", "unix:%s" % bed.daemon.socket_path)
    with pytest.raises(VsctlError, match="there is a file of this name"):
        bed.daemon.vsctl("metrics", "set", "listen", "unix:%s" % bed.daemon.config)
    assert "vswitch_build_info{" in curl(bed.sw, "http://[::1]:9478/metrics")
    bed.daemon.vsctl("config", "rollback", 2)
    assert bed.daemon.vsctl("config", "show") == saved
    bed.daemon.vsctl("metrics", "set", "listen", "off")
    assert bed.daemon.vsctl("metrics", "show")["listen"] is None
    assert not path.exists()


def test_address_in_use(idle_bed):
    """An address that cannot be had keeps nobody's network away, and is had as soon as it can."""
    other = idle_bed.sw.spawn("/usr/bin/python3", "-c", "import socket, time\n"
                              "s = socket.create_server(('127.0.0.1', 9477))\ntime.sleep(1000)")
    wait_until(lambda: "9477" in idle_bed.sw.run("ss", "-ltn").stdout)
    idle_bed.start("[bridge br0]\n[metrics]\nlisten = %s\n" % ADDRESS)
    shown = idle_bed.daemon.vsctl("metrics", "show")
    assert shown["listen"] == ADDRESS and "in use" in shown["reason"]
    other.kill()
    other.wait()
    wait_until(lambda: idle_bed.daemon.vsctl("metrics", "show")["reason"] is None)
    assert "vswitch_build_info{" in curl(idle_bed.sw, URL)


def test_killed(bed, path):
    """The socket that a killed vswitchd has left is in nobody's way."""
    bed.daemon.config.write_text("[bridge br0]\n[metrics]\nlisten = unix:%s\n" % path)
    bed.daemon.stop(9)
    assert path.exists()
    bed.daemon.start()
    assert "vswitch_build_info{" in by_path(bed, path)


def test_forms(bed, path):
    """Both formats as they are asked for; other requests are refused."""
    text = by_path(bed, path)
    check(text)
    assert not text.endswith("# EOF\n") and "# UNIT" not in text
    opened = by_path(bed, path, "-H", "Accept: " + OPEN)
    assert opened.endswith("# EOF\n") and "# TYPE vswitch_build info\n" in opened

    def ask(method, url, status):
        client = connect(path)
        client.sendall(("%s %s HTTP/1.1\r\nHost: x\r\n\r\n" % (method, url)).encode())
        head, _, body = rest(client).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 " + status) and b"\r\nContent-Type: text/plain" in head
        return int(re.search(br"\r\nContent-Length: (\d+)", head)[1]), body

    def alike(*request):
        length, body = ask("GET", *request)
        assert length == len(body)
        head, nothing = ask("HEAD", *request)
        assert nothing == b""
        return head == length
    for request in (("/metrics", b"200"), ("/", b"404")):
        # what is asked for long after the other may be another text
        wait_until(lambda: alike(*request), what="HEAD has the length of GET")
    status = ["-o", "/dev/null", "-w", "%{http_code}"]
    assert by_path(bed, path, *status, "-X", "DELETE") == "405"
    assert by_path(bed, path, *status, "-d", "x=1") == "405"
    assert by_path(bed, path, *status, "-d", "x" * 5000, check=False) in ("413", "000")
    assert curl(bed.sw, "--unix-socket", path, *status, "http://host/") == "404"
    assert curl(bed.sw, "--unix-socket", path, *status, "http://host/metrics/../x") == "404"


def test_values(bed, path):
    """They say what port show, stats show and bridge show say."""
    left, right = (bed.station(n).wire for n in (1, 2))
    for _ in range(20):
        left.send(frame(BROADCAST, A, 300))
        right.expect(frame(BROADCAST, A, 300))
    right.send(frame(A, B, 100), frame("01:80:c2:00:00:0e", B, 60), frame(A, "01:00:00:00:00:01", 60))
    left.expect(frame(A, B, 100))
    wait_until(lambda: bed.daemon.port("p2")["drops"] == 2)
    bed.daemon.vsctl("port", "del", "p1")
    wait_until(lambda: len(bed.daemon.vsctl("stats", "show")) == 2)
    # a worker counts its packets for itself when it is through with them
    wait_until(lambda: value(parse(by_path(bed, path)), "vswitch_worker_packets_total",
                             worker="0") == 23)
    text = by_path(bed, path)
    check(text)
    samples = parse(text)
    row = bed.daemon.port("p2")
    for name, field in COUNTERS.items():
        assert value(samples, "vswitch_port_%s_total" % name, port="p2") == row[field]
    assert row["rx_packets"] == 3 and row["tx_packets"] == 20
    for reason, packets in bed.daemon.stats("p2")["drops"].items():
        assert value(samples, "vswitch_port_drops_total", port="p2", reason=reason) == packets
    assert value(samples, "vswitch_port_receive_packets_total", port="(removed)") == 20
    assert value(samples, "vswitch_bridge_fdb_entries", bridge="br0") == \
        bed.daemon.vsctl("bridge", "show")[0]["fdb_entries"]
    assert value(samples, "vswitch_port_info", port="p2", type="netdev", bridge="br0", bond="",
                 guest="", domid="") == 1
    assert value(samples, "vswitch_control_request_seconds_count") > 5


def test_control_delay(bed, path):
    """A control thread that is held up is seen to be."""
    def late():
        samples = parse(by_path(bed, path))
        name = "vswitch_control_delay_seconds_"
        return value(samples, name + "count") - value(samples, name + "bucket", le="0.25")
    wait_until(lambda: value(parse(by_path(bed, path)), "vswitch_control_delay_seconds_count") > 0)
    before = late()
    os.kill(bed.daemon.process.pid, signal.SIGSTOP)
    time.sleep(1.5)  # a timer of one second is due meanwhile, 0.5 s before the end or earlier
    os.kill(bed.daemon.process.pid, signal.SIGCONT)
    wait_until(lambda: late() > before)


HOSTILE = {
    "garbage": bytes(range(256)) * 64,
    "no end": b"A" * 100000,
    "no host": b"GET /metrics HTTP/1.1\r\n\r\n",
    "long header": b"GET /metrics HTTP/1.1\r\nX: " + b"a" * (1 << 20) + b"\r\n\r\n",
    "many headers": b"GET /metrics HTTP/1.1\r\n" + b"a: b\r\n" * 100000 + b"\r\n",
    "long path": b"GET /" + b"a" * (1 << 20) + b" HTTP/1.1\r\n\r\n",
    "huge body": b"POST /metrics HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n" + b"x" * 100000,
    "negative body": b"POST /metrics HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    "chunks": b"POST /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n" +
              b"x" * 100000,
    "bad chunks": b"POST /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nx",
    "pipeline": b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 1000,
    "odd version": b"GET /metrics HTTP/9.9\r\n\r\n",
    "odd uri": b"GET http://[::1/%%%00 HTTP/1.1\r\n\r\n",
    "expect": b"POST /metrics HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
    "null": b"GET /metrics\0 HTTP/1.1\r\n\0\r\n\r\n",
    "connect": b"CONNECT 127.0.0.1:80 HTTP/1.1\r\n\r\n",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_bad_requests(bed, path, kind):
    """Whatever comes, its sender gets a short answer or none, and others are served."""
    before = fds(bed.daemon)
    for _ in range(20):
        client = connect(path)
        try:
            client.sendall(HOSTILE[kind])
            client.shutdown(socket.SHUT_WR)
        except ConnectionError:
            pass
        assert len(rest(client)) < 100000
        assert bed.daemon.rpc("version")["result"]
    assert "vswitch_build_info{" in by_path(bed, path)
    wait_until(lambda: fds(bed.daemon) <= before)


def test_crowd(bed, path):
    """A thousand who say nothing: all are thrown out, and who asks gets his turn."""
    before = fds(bed.daemon)
    crowd = [connect(path) for _ in range(1000)]
    wait_until(lambda: bed.daemon.vsctl("metrics", "show")["clients"] == 16)
    start = time.monotonic()
    for _ in range(20):
        assert bed.daemon.rpc("version")["result"]
    assert fds(bed.daemon) <= before + 20
    for client in crowd:
        client.close()
    assert "vswitch_build_info{" in by_path(bed, path)
    assert time.monotonic() - start < 60
    wait_until(lambda: fds(bed.daemon) <= before)


def test_slow_writers(bed, path):
    """A byte at a time for ever: not here."""
    clients = [connect(path) for _ in range(16)]
    request = b"GET /metrics HTTP/1.1\r\nX: " + b"a" * 1000
    sent = 0

    def all_out():
        nonlocal sent
        sent += 1
        for client in list(clients):
            try:
                client.sendall(request[sent % len(request):][:1])
            except OSError:
                clients.remove(client)
                client.close()
        assert bed.daemon.rpc("version")["result"]
        return not clients
    wait_until(all_out, 40, lambda: "%d are still there" % len(clients))
    assert "vswitch_build_info{" in by_path(bed, path)


def test_many_ports(idle_bed):
    """Hundreds of ports, and clients that ask and do not read."""
    idle_bed.start("[vswitchd]\nhugepages = no\n" + many.config(400))
    daemon, path = idle_bed.daemon, idle_bed.daemon.run_dir / "metrics.sock"
    daemon.vsctl("metrics", "set", "listen", "unix:%s" % path)
    text = by_path(idle_bed, path)
    check(text)
    assert len(re.findall("^vswitch_port_up{", text, re.M)) == 400
    # whichever formats they ask for: no more than a tenth of the control thread's time
    start, before, last = time.monotonic(), daemon.vsctl("metrics", "show"), {}
    after = before
    for _ in range(50):
        for form in ("text/plain", OPEN):
            by_path(idle_bed, path, "-H", "Accept: " + form)
            was, after = after, daemon.rpc("metrics.show")["result"]
            if after["render_usec"] != was["render_usec"]:
                last[form] = after["last_usec"]
    seconds = time.monotonic() - start
    # the last one of each has not been paid off
    used = after["render_usec"] - before["render_usec"] - sum(last.values())
    assert used / 1e6 < seconds / 10
    before = fds(daemon)
    requests = after["requests"] + 16
    readers = [connect(path) for _ in range(16)]
    for reader in readers:
        reader.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
    wait_until(lambda: daemon.vsctl("metrics", "show")["requests"] == requests)
    assert daemon.rpc("version")["result"]
    wait_until(lambda: daemon.vsctl("metrics", "show")["clients"] == 0, 40, "they are out")
    assert all(len(rest(reader)) < len(text) for reader in readers)
    assert by_path(idle_bed, path).count("\n") >= text.count("\n")
    wait_until(lambda: fds(daemon) <= before)
