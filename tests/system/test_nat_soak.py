# SPDX-License-Identifier: BSD-3-Clause
"""60 s of 10 000 flows: sessions expire, ports are used again, and the configuration changes."""

import json
import os
import subprocess
import time

import pytest

from harness.daemon import build_folder
from harness.nat_lab import LAN, UPLINK, NatLab

SECONDS = int(os.environ.get("VSWITCH_SOAK_SECONDS", "60"))
FLOWS = 10000
TIMEOUT = 4
PORTS = "20000-21999"  # of each protocol, for 1750 inside endpoints that speak UDP, or TCP
POOL = ["192.0.2.10", "192.0.2.11", "192.0.2.12"]


def changes(lab):
    """What an operator does meanwhile, none of which is the flows' business; again and again."""
    vsctl = lab.daemon.vsctl
    turn = 0
    while True:
        turn += 1
        vsctl("nat", "add", "web", "dnat", "tcp", "8080", "to", "10.1.1.2:80")
        yield
        vsctl("nat", "add", "more", "dnat", "udp 192.0.2.99:5000-5999 -> 10.1.2.2:6000")
        vsctl("nat", "set", "web", "dnat", "tcp", 8000 + turn % 1000, "to", "10.1.2.2:80")
        yield
        vsctl("nat", "add", "extra", "snat", "192.0.2.30-192.0.2.40", "from", "10.9.0.0/16")
        vsctl("addr", "add", "192.0.2.50/32", "port", "p3")
        yield
        vsctl("nat", "del", "web")
        vsctl("nat-table", "set", "other", 100 + turn % 100, "guest-rate", 5000 + turn)
        vsctl("port", "set", "p1", "nat-sessions", 100000 + turn)
        yield
        vsctl("route", "add", "10.77.0.0/16", "via", LAN)
        vsctl("nat", "del", "more")
        vsctl("nat", "flush", "inside", "10.9.0.0/16")
        yield
        vsctl("addr", "del", "192.0.2.50/32")
        vsctl("nat", "del", "extra")
        vsctl("route", "del", "10.77.0.0/16")
        yield


def test_soak(idle_bed):
    """No session is lost, and no packet is translated wrongly, on either side."""
    program = build_folder() / "tests/nat_soak"
    if not program.exists():
        pytest.skip("no nat_soak in the build folder")
    lab = NatLab(idle_bed, plain=True)
    idle_bed.start()
    lab.daemon.vsctl("nat-table", "set", "mapping", "endpoint-independent", "udp", TIMEOUT,
                     "udp-new", TIMEOUT, "icmp", TIMEOUT, "tcp-established", TIMEOUT,
                     "tcp-transitory", TIMEOUT)
    # the flows' own networks are nobody's but the program's
    lab.route(("host", "masquerade", "p3", "ports", PORTS),
              ("pool", "snat", "%s-%s" % (POOL[0], POOL[-1]), "from", "10.6.0.0/16",
               "ports", PORTS))
    lab.lan.sysctl("ipv4/ip_forward", 0)
    lab.daemon.vsctl("route", "add", "10.5.0.0/16", "via", "10.1.1.2")
    lab.daemon.vsctl("route", "add", "10.6.0.0/16", "via", "10.1.2.2")
    for host in (lab.g1, lab.g2):
        host.ping(LAN, count=1)
    # neighbours are known, whatever the kernels say about packets that are not theirs
    for number, address in ((1, "10.1.1.2"), (2, "10.1.2.2"), (3, LAN)):
        lab.daemon.vsctl("neigh", "add", address, "mac", lab.stations[number].mac)
    sides = ["%s:eth0:%s" % (lab.stations[number].host.name, lab.bed.sw.mac("p%d" % number))
             for number in (3, 1, 2)]
    soak = subprocess.Popen([program, str(SECONDS), str(FLOWS), str(TIMEOUT), PORTS,
                             ",".join([UPLINK] + POOL), *sides],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        change = changes(lab)
        n_changes = most = 0
        end = time.monotonic() + SECONDS + 300
        while soak.poll() is None and time.monotonic() < end:
            next(change)
            n_changes += 1
            most = max(most, lab.table()["sessions"])
            time.sleep(0.1)
        out, err = soak.communicate(timeout=60)
    finally:
        soak.kill()
    assert soak.returncode in (0, 1), err
    counts = json.loads(out)
    table = lab.table()
    print(counts, "sessions at most:", most, "changes:", n_changes, table, err)
    assert soak.returncode == 0, (counts, err)
    assert not any(table["refused"].values()), table
    # it was worth its time
    assert counts["answered"] > SECONDS * FLOWS / 10 and counts["resent"] < counts["asked"] / 10
    assert counts["silences"] > 1000 and counts["ports_reused"] > 1000 and most > FLOWS / 2
    assert n_changes >= 12  # all of them, twice
