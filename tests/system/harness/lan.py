# SPDX-License-Identifier: BSD-3-Clause
"""A host whose NIC eth0 has its addresses, on a LAN with a router: what is adopted, and how it is seen."""

import difflib
import json
import re
import signal
import socket
import struct
import subprocess
import threading
import time

from .netns import cable
from .wait import TIMEOUT, wait_until

NIC = "eth0"
OTHER = "eth9"
ROUTER = "192.0.2.1"
ROUTER6 = "2001:db8::1"
HOST = "192.0.2.10"
HOST6 = "2001:db8::10"
FAR = "203.0.113.1"  # behind the router
FAR6 = "2001:db8:f::1"


class Lan:
    """The bed's switch host with eth0 towards the router "router", and eth9 towards "other"."""

    def __init__(self, bed):
        self.bed = bed
        self.sw = bed.sw
        self.router = bed.host("router")
        self.other = bed.host("other")
        for ifname, peer in ((NIC, self.router), (OTHER, self.other)):
            cable(self.sw, ifname, peer)
            for host, name in ((self.sw, ifname), (peer, "eth0")):
                host.sysctl("ipv6/conf/%s/accept_dad" % name, 0)
                host.sysctl("ipv6/conf/%s/disable_ipv6" % name, 0)
        self.sw.sysctl("ipv6/conf/lo/disable_ipv6", 0)
        self.router.ip_batch(["addr add %s/24 dev eth0" % ROUTER, "addr add %s/32 dev lo" % FAR,
                              "addr add %s/64 dev eth0 nodad" % ROUTER6])
        self.router.sysctl("ipv6/conf/lo/disable_ipv6", 0)
        self.router.ip("addr", "add", FAR6 + "/128", "dev", "lo", "nodad")
        self.other.ip_batch(["addr add 192.0.2.99/24 dev eth0",
                             "addr add 2001:db8:9::1/64 dev eth0 nodad"])
        # an address that the host may choose to send from
        self.router.ip("-6", "route", "add", "2001:db8:5::/64", "via", HOST6)

    def ip_lines(self, lines):
        """Lines for ip(8), those of IPv6 with -6 in front."""
        for line in lines:
            self.sw.ip(*line.split())

    def simple(self):
        """What most hosts have."""
        self.ip_lines(["addr add %s/24 brd + dev %s" % (HOST, NIC),
                          "addr add %s/64 dev %s nodad" % (HOST6, NIC),
                          "route add default via %s" % ROUTER,
                          "-6 route add default via %s" % ROUTER6])
        self.sw.sysctl("ipv4/conf/%s/rp_filter" % NIC, 1)
        return self

    def rich(self):
        """One of everything that moves."""
        self.simple()
        self.ip_lines([
            "addr add 192.0.2.11/24 brd + label eth0:1 dev eth0",
            "addr add 198.51.100.5/32 scope link dev eth0",
            "addr add 10.9.0.1 peer 10.9.0.2/32 dev eth0 noprefixroute",
            "addr add 10.8.0.1/16 metric 77 valid_lft 5000 preferred_lft 4000 dev eth0",
            "addr add 2001:db8::11/64 preferred_lft 0 valid_lft 5000 dev eth0 nodad",
            "addr add 2001:db8:5::1/64 dev eth0 nodad noprefixroute",
            "addr add 192.0.2.12/24 dev eth9",  # the same network on another NIC
            "addr add 2001:db8:9::2/64 dev eth9 nodad",
            "route add default via %s metric 100 proto static src 192.0.2.11" % ROUTER,
            "route add 203.0.113.0/24 via %s mtu 1400 advmss 1300" % ROUTER,
            "route add 100.64.0.1 dev eth0 scope link",
            "route add 100.65.0.0/16 via 100.64.0.1 dev eth0",
            "route add 100.66.0.0/16 via 172.16.0.1 dev eth0 onlink",
            "route add 100.67.0.0/16 proto bird nexthop via %s weight 3 "
            "nexthop via 192.0.2.99 dev eth9" % ROUTER,
            "route add 100.68.0.0/16 via inet6 %s dev eth0" % ROUTER6,
            "route add default via %s table 100" % ROUTER,
            "route add local 100.69.0.0/16 dev eth0 table 100",
            "-6 route add 2001:db8:a::/48 via %s metric 50" % ROUTER6,
            "-6 route add 2001:db8:b::/48 via fe80::1 dev eth0 expires 3000",
            "-6 route add 2001:db8:c::/48 dev eth0",
            "-6 route add 2001:db8:d::/48 nexthop via %s nexthop via 2001:db8:9::1 dev eth9"
            % ROUTER6,
            "-6 route add default via %s table 100" % ROUTER6,
            "-6 route add 2001:db8:e::/48 via %s src %s" % (ROUTER6, HOST6),
            "rule add pref 1000 iif eth0 lookup 100",
            "rule add pref 1001 oif eth0 not fwmark 7 lookup 100",
            "-6 rule add pref 1000 iif eth0 lookup 100",
            "neigh add 192.0.2.77 lladdr 02:00:00:00:00:77 dev eth0 nud permanent",
            "-6 neigh add 2001:db8::77 lladdr 02:00:00:00:00:77 dev eth0 nud permanent",
            "neigh add proxy 192.0.2.78 dev eth0",
        ])
        self.sw.sysctl("ipv4/conf/%s/arp_announce" % NIC, 2)
        self.sw.sysctl("ipv6/conf/%s/accept_dad" % NIC, 1)  # of addresses that come from now on
        return self

    def without_carrier(self):
        """Leave out what the kernel forgets of an interface without carrier."""
        self.ip_lines(["neigh del proxy 192.0.2.78 dev eth0"])

    def default6(self):
        """The IPv6 default routes."""
        return self.sw.ip("-6", "route", "show", "default").stdout

    def advertise(self, lifetime, prefix=False):
        """A router advertisement of the router's."""
        script = ("from scapy.all import *\n"
                  "p = IPv6(dst='ff02::1', hlim=255) / ICMPv6ND_RA(routerlifetime=%d)\n"
                  "p /= ICMPv6NDOptSrcLLAddr(lladdr=get_if_hwaddr('eth0'))\n" % lifetime)
        if prefix:
            script += "p /= ICMPv6NDOptPrefixInfo(prefix='2001:db8:77::', prefixlen=64)\n"
        script += ("p[IPv6].src = [a for a, s, i in in6_getifaddr() "
                   "if i == 'eth0' and a.startswith('fe80')][0]\n"
                   "sendp(Ether(src=get_if_hwaddr('eth0'), dst='33:33:00:00:00:01') / p, iface='eth0', verbose=False)\n")
        self.router.run("/usr/bin/python3", "-c", script)

    def _json(self, *words):
        return json.loads(self.sw.ip("-j", "-d", *words).stdout or "[]")

    def addrs(self, ifname):
        """The addresses of an interface, of both families, in order; lifetimes rounded."""
        rows = self._json("addr", "show", "dev", ifname)[0]["addr_info"]
        for row in rows:
            for key in ("valid_life_time", "preferred_life_time"):
                if row[key] not in (0, 4294967295):
                    row[key] = "some"
            row.pop("protocol", None)
        return rows

    def routes(self):
        """All routes of all tables, in the order in which they count; last, what the kernel makes."""
        rows, kernels = [], []
        for family in ("-4", "-6"):
            for row in self._json(family, "route", "show", "table", "all"):
                row.pop("expires", None)
                row["flags"] = [flag for flag in row.get("flags", []) if flag != "linkdown"]
                if row["dst"] == "ff00::/8":
                    continue  # of each interface that is up
                its = row["dst"] == "fe80::/64" or row.get("table") == "local"
                (kernels if its else rows).append(json.dumps([family, row], sort_keys=True))
        return rows + sorted(kernels)

    def rules(self):
        """All policy rules."""
        return [row for family in ("-4", "-6") for row in self._json(family, "rule")]

    def neighbours(self):
        """Those that are permanent, and proxies."""
        return (sorted(map(str, self._json("neigh", "show", "nud", "permanent"))) +
                sorted(map(str, self._json("neigh", "show", "proxy"))))

    def state(self, ifname):
        """All that is to be the same, or is to be on another interface."""
        # there is no DAD here, but a thread of the kernel's has to find that out
        wait_until(lambda: "tentative" not in self.sw.ip("addr", "show", "dev", ifname).stdout,
                   what="the addresses of %s can be used" % ifname)
        mine = self.addrs(ifname)
        return {"addrs": mine, "routes": self.routes(), "rules": self.rules(),
                "neighbours": self.neighbours()}

    def seen(self):
        """Everything of the host, for comparison."""
        return {"nic": self.state(NIC), "other": self.addrs(OTHER),
                "mtu": self.sw.link(NIC)["mtu"], "mac": self.sw.mac(NIC),
                "rp_filter": self.sw.run("sysctl", "-n", "net.ipv4.conf.%s.rp_filter" % NIC).stdout}


def differences(one, two):
    """What differs between two states, as text; empty: nothing."""
    lines = []
    for key in sorted({*one, *two}):
        if isinstance(one.get(key), dict):
            lines.append(differences(one[key], two[key]))
        elif one.get(key) != two.get(key):
            texts = [[json.dumps(row, sort_keys=True) for row in state[key]]
                     if isinstance(state[key], list) else [str(state[key])]
                     for state in (one, two)]
            lines += [key + ": " + line for line in difflib.unified_diff(*texts, lineterm="", n=0)]
    return "\n".join(line for line in lines if line)


def renamed(state, old, new):
    """A state as it is when one interface's name is another's."""
    moved = json.loads(re.sub(r"\b%s\b" % old, new, json.dumps(state)))
    moved["routes"] = [row for row in moved["routes"] if not _is_kernels(row)] + sorted(
        row for row in moved["routes"] if _is_kernels(row))
    return moved


def _is_kernels(text):
    row = json.loads(text)[1]
    return row["dst"] == "fe80::/64" or row.get("table") == "local"


class Pings:
    """ping(8) at short intervals, until it is looked at."""

    INTERVAL = 0.005

    def __init__(self, host, address):
        self.words = host.name, address
        self.began = time.monotonic()
        self.process = host.spawn("ping", "-n", "-q", "-i", self.INTERVAL, address,
                                  stdout=subprocess.PIPE, text=True)

    def end(self):
        """(sent, lost, duplicates, for how many seconds there was no answer)"""
        self.process.send_signal(signal.SIGINT)
        took = time.monotonic() - self.began
        text = self.process.communicate(timeout=TIMEOUT)[0]
        match = re.search(r"(\d+) packets transmitted, (\d+) received(?:, \+(\d+) dup)?", text)
        sent, received, doubled = (int(number or 0) for number in match.groups())
        # the last one may be under way
        lost = max(0, sent - received - 1)
        return sent, lost, doubled, took * lost / max(1, sent)


class Talk:
    """A TCP connection of a remote host with a service on the switch's host, as ssh is one.

    The remote end sends numbers, which come back; gap is the longest time without one.
    """

    INTERVAL = 0.002

    def __init__(self, lan, address):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with lan.sw.inside():
            listener = socket.create_server((address, 0), family=family)
        with lan.router.inside():
            self.near = socket.socket(family)
        self.near.connect((address, listener.getsockname()[1]))
        self.far = listener.accept()[0]
        listener.close()
        self.near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.gap = 0.0
        self.count = 0
        self.error = None
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=self._guarded, args=(work,), daemon=True)
                        for work in (self._echo, self._send, self._receive)]
        for thread in self.threads:
            thread.start()

    def _guarded(self, work):
        try:
            work()
        except OSError as error:
            self.error = self.error or "%s: %s" % (work.__name__, error)

    def _echo(self):
        while True:
            data = self.far.recv(65536)
            if not data:
                self.far.shutdown(socket.SHUT_WR)
                return
            self.far.sendall(data)

    def _send(self):
        number = 0
        while not self.ended.is_set():
            self.near.sendall(struct.pack("!Q", number))
            number += 1
            time.sleep(self.INTERVAL)
        self.near.shutdown(socket.SHUT_WR)
        self.sent = number

    def _receive(self):
        last, rest = time.monotonic(), b""
        while True:
            data = self.near.recv(65536)
            self.gap = max(self.gap, time.monotonic() - last)
            last = time.monotonic()
            rest += data
            while len(rest) >= 8:
                number = struct.unpack("!Q", rest[:8])[0]
                assert number == self.count, "not in order"
                self.count, rest = self.count + 1, rest[8:]
            if not data:
                return

    def wait(self, more=20):
        """Until so many more numbers have come back."""
        goal = self.count + more
        wait_until(lambda: self.count >= goal or self.error,
                   what=lambda: "TCP goes on: %d of %d" % (self.count, goal))
        assert self.error is None, self.error

    def end(self):
        """Everything that was sent has come back, in order. Return: the longest gap in seconds."""
        self.wait()
        self.ended.set()
        for thread in self.threads:
            thread.join(TIMEOUT)
            assert not thread.is_alive(), "TCP did not end"
        assert self.error is None, self.error
        assert self.count == self.sent
        self.near.close()
        self.far.close()
        return self.gap
