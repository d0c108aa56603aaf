# SPDX-License-Identifier: BSD-3-Clause
"""Routes of the host's kernel: what it does not say, says twice, or says when nobody listens."""

import os
import signal

import pytest

from harness.wait import wait_until
from test_router import hosts  # pylint: disable=unused-import


@pytest.fixture
def kernel(bed, hosts):
    """The host has addresses on p1 and p2, and the switch takes its routes."""
    for number in (1, 2):
        bed.sw.sysctl("ipv6/conf/p%d/disable_ipv6" % number, 0)
        bed.sw.ip("addr", "add", "10.0.%d.100/24" % number, "dev", "p%d" % number)
        bed.sw.ip("addr", "add", "fd00:%d::100/64" % number, "dev", "p%d" % number, "nodad")
    bed.daemon.vsctl("route", "import", "kernel")
    return Kernel(bed)


class Kernel:
    """The host's routes to 10.7x and fd7x, and what the switch has of them."""

    def __init__(self, bed):
        self.bed = bed
        self.ip = bed.sw.ip

    def taken(self):
        """Gateways by prefix."""
        return {r["route"]: sorted(r["via"]) for r in self.bed.daemon.vsctl("route", "show")
                if r["origin"] == "kernel" and r["route"][:3] in ("10.", "fd7")
                and r["route"][:5] != "10.0."}

    def expect(self, routes):
        """That the switch has these, soon."""
        wait_until(lambda: self.taken() == routes,
                   what=lambda: "%s: %s" % (routes, self.taken()))


def test_interface_goes(kernel):
    """IPv4 routes by an interface that is taken down go without a message of their own."""
    kernel.ip("link", "add", "other", "type", "veth", "peer", "name", "other2")
    for name in ("other", "other2"):
        kernel.ip("link", "set", name, "up")
    kernel.ip("addr", "add", "10.9.0.1/24", "dev", "other")
    kernel.ip("route", "add", "10.71.0.0/16", "via", "10.9.0.2")
    kernel.ip("route", "add", "10.72.0.0/16", "via", "10.0.2.2")
    both = {"10.71.0.0/16": ["10.9.0.2"], "10.72.0.0/16": ["10.0.2.2"]}
    kernel.expect(both)
    kernel.ip("link", "set", "other", "down")
    del both["10.71.0.0/16"]
    kernel.expect(both)


def test_several_of_one_prefix(kernel):
    """The first of equal metrics counts; what is behind it comes when it goes."""
    kernel.ip("route", "add", "10.71.0.0/16", "via", "10.0.1.2")
    kernel.ip("route", "append", "10.71.0.0/16", "via", "10.0.2.2")
    kernel.ip("route", "add", "10.72.0.0/16", "via", "10.0.1.2")
    kernel.expect({"10.71.0.0/16": ["10.0.1.2"], "10.72.0.0/16": ["10.0.1.2"]})
    kernel.ip("route", "del", "10.71.0.0/16", "via", "10.0.1.2")
    kernel.ip("route", "prepend", "10.72.0.0/16", "via", "10.0.2.2")
    kernel.expect({"10.71.0.0/16": ["10.0.2.2"], "10.72.0.0/16": ["10.0.2.2"]})
    kernel.ip("route", "del", "10.72.0.0/16", "via", "10.0.2.2")
    # not for all kinds of service, and by nothing that is here
    kernel.ip("route", "add", "10.73.0.0/16", "tos", "0x10", "via", "10.0.2.2")
    kernel.ip("route", "replace", "10.71.0.0/16", "dev", "lo")
    kernel.expect({"10.72.0.0/16": ["10.0.1.2"]})


def test_gateways_of_ipv6(kernel):
    """Gateways of IPv6 that come and go one by one."""
    for number in (1, 2):
        kernel.ip("-6", "route", "append", "fd71::/64", "via", "fd00:%d::2" % number)
    kernel.expect({"fd71::/64": ["fd00:1::2", "fd00:2::2"]})
    kernel.ip("-6", "route", "del", "fd71::/64", "via", "fd00:1::2")
    kernel.expect({"fd71::/64": ["fd00:2::2"]})
    kernel.ip("-6", "route", "del", "fd71::/64")
    kernel.expect({})


def test_lost_messages(bed, kernel):
    """After more changes than the socket holds, the switch has what the kernel has."""
    kernel.ip("route", "add", "10.70.0.0/16", "via", "10.0.2.2")
    kernel.expect({"10.70.0.0/16": ["10.0.2.2"]})
    os.kill(bed.daemon.pid, signal.SIGSTOP)
    try:
        kernel.ip("route", "del", "10.70.0.0/16")
        changes = ["route add 10.%d.%d.0/24 via 10.0.1.2" % (100 + n // 256, n % 256)
                   for n in range(12000)]
        changes += ["route del 10.%d.%d.0/24" % (100 + n // 256, n % 256)
                    for n in range(12000) if n % 2]
        changes += ["route replace 10.%d.%d.0/24 via 10.0.2.2" % (100 + n // 256, n % 256)
                    for n in range(0, 12000, 4)]
        bed.sw.ip_batch(changes)
    finally:
        os.kill(bed.daemon.pid, signal.SIGCONT)
    kernel.expect({"10.%d.%d.0/24" % (100 + n // 256, n % 256): ["10.0.1.2" if n % 4 else "10.0.2.2"]
                   for n in range(0, 12000, 2)})
