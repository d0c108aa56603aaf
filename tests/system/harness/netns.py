# SPDX-License-Identifier: BSD-3-Clause
"""Hosts: network namespaces, and the cables (veth pairs) between them.

isolate() puts this process into mount and network namespaces of its own, where "ip netns" keeps its
names too; so whatever way the tests end, the kernel takes all of it away with the last process.
"""

import contextlib
import ctypes
import fcntl
import itertools
import json
import os
import signal
import socket
import struct
import subprocess

from .wait import wait_until

CLONE_NEWNS = 0x00020000
CLONE_NEWNET = 0x40000000
MS_REC = 0x4000
MS_PRIVATE = 1 << 18
PR_SET_PDEATHSIG = 1
SIOCGIFFLAGS = 0x8913
IFF_RUNNING = 1 << 6
NETNS_FOLDER = "/run/netns"
COMMAND_TIMEOUT = 120

_libc = ctypes.CDLL(None, use_errno=True)


def _check(ret, what):
    if ret != 0:
        error = ctypes.get_errno()
        raise OSError(error, "%s: %s" % (what, os.strerror(error)))


def isolate():
    """Leave the machine's namespaces; for the whole process, before it has threads."""
    _check(_libc.unshare(CLONE_NEWNS | CLONE_NEWNET), "unshare")
    _check(_libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None), "mount /")
    os.makedirs(NETNS_FOLDER, exist_ok=True)
    _check(_libc.mount(b"netns", NETNS_FOLDER.encode(), b"tmpfs", 0, None), "mount " + NETNS_FOLDER)


def die_with_parent():
    """For preexec_fn: no process outlives the tests."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def run(*command, check=True, timeout=COMMAND_TIMEOUT, **kwargs):
    """Run a command to its end; the result has text in stdout and stderr."""
    result = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, check=False, timeout=timeout,
                            preexec_fn=die_with_parent, **kwargs)
    if check and result.returncode != 0:
        raise AssertionError("%s: exit status %d\n%s%s" % (
            " ".join(map(str, command)), result.returncode, result.stdout, result.stderr))
    return result


class Host:
    """A network namespace. label: what a test calls it; name: what "ip netns" calls it."""

    _numbers = itertools.count(1)

    def __init__(self, label):
        self.name = name = "%s-%d" % (label, next(self._numbers))
        run("ip", "netns", "add", name)
        self._fd = os.open("%s/%s" % (NETNS_FOLDER, name), os.O_RDONLY | os.O_CLOEXEC)
        self._processes = []
        self.ip("link", "set", "lo", "up")

    def close(self):
        """End what runs in it and let the kernel take it away."""
        for process in self._processes:
            process.kill()
            process.wait()
        run("ip", "netns", "del", self.name)
        os.close(self._fd)

    @contextlib.contextmanager
    def inside(self):
        """Sockets made meanwhile by this thread belong to this host, for good."""
        back = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _check(_libc.setns(self._fd, CLONE_NEWNET), "setns " + self.name)
            try:
                yield self
            finally:
                _check(_libc.setns(back, CLONE_NEWNET), "setns back")
        finally:
            os.close(back)

    def command(self, *command):
        """The words that run a command on this host."""
        return ["ip", "netns", "exec", self.name, *map(str, command)]

    def run(self, *command, **kwargs):
        """Run a command on this host to its end."""
        return run(*self.command(*command), **kwargs)

    def spawn(self, *command, **kwargs):
        """Start a command on this host; it is ended with the host at the latest."""
        process = subprocess.Popen(self.command(*command), preexec_fn=die_with_parent, **kwargs)
        self._processes.append(process)
        return process

    def ip(self, *arguments, **kwargs):
        """ip(8) on this host."""
        return run("ip", "-n", self.name, *arguments, **kwargs)

    def ip_batch(self, lines, *options):
        """Many ip commands at once."""
        run("ip", *options, "-n", self.name, "-batch", "-", input="\n".join(lines) + "\n")

    def sysctl(self, path, value):
        """Write a setting under /proc/sys/net, such as "ipv6/conf/all/disable_ipv6"."""
        with self.inside(), open("/proc/sys/net/" + path, "w", encoding="ascii") as file:
            file.write(str(value))

    def quiet(self):
        """No frames but those that a test sends: no IPv6, so no neighbour discovery."""
        self.sysctl("ipv6/conf/all/disable_ipv6", 1)
        self.sysctl("ipv6/conf/default/disable_ipv6", 1)
        return self

    def offloads(self, ifname, value):
        """Checksum and segmentation offloads of an interface: "on" or "off"."""
        self.run("ethtool", "-K", ifname, "tx", value, "tso", value, "gso", value, "gro", value)

    def link(self, ifname):
        """What the kernel knows of an interface, or None if there is none."""
        result = self.ip("-j", "-d", "addr", "show", "dev", ifname, check=False)
        return json.loads(result.stdout)[0] if result.returncode == 0 else None

    def is_running(self, ifname):
        """Does the kernel send by an interface, and say that it has a carrier?"""
        with self.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            reply = fcntl.ioctl(sock, SIOCGIFFLAGS, struct.pack("16sH22x", ifname.encode(), 0))
        return bool(struct.unpack_from("16xH", reply)[0] & IFF_RUNNING)

    def mac(self, ifname="eth0"):
        """The address of an interface."""
        return self.link(ifname)["address"]

    def ping(self, address, count=3, size=56):
        """Ping; every packet must be answered."""
        # one at a time: of several, ping(8) gives the last but twice the time of those before
        for _ in range(count):
            result = self.run("ping", "-n", "-c", 1, "-W", 5, "-s", size, address, check=False)
            assert result.returncode == 0, \
                "%s: ping %s:\n%s%s" % (self.name, address, result.stdout, result.stderr)


def cable(host, ifname, peer, peer_ifname="eth0", mtu=1500, up=True):
    """A veth pair between two hosts; up: both ends can send when this returns."""
    state = ["up"] if up else []
    run("ip", "link", "add", "name", ifname, "netns", host.name, "mtu", mtu, *state, "type", "veth",
        "peer", "name", peer_ifname, "netns", peer.name, "mtu", mtu)
    if up:
        host.ip("link", "set", ifname, "up")
        peer.ip("link", "set", peer_ifname, "up")
        # the kernel does this later, and until then throws away what is sent
        wait_until(lambda: host.is_running(ifname) and peer.is_running(peer_ifname),
                   what="%s and %s are running" % (ifname, peer_ifname))
