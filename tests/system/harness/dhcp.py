# SPDX-License-Identifier: BSD-3-Clause
"""DHCP clients and questions for names, as guests have them."""

import json
import os
import pathlib
import signal
import socket
import struct

from .wait import TIMEOUT, wait_until

# What udhcpc calls: it does what a guest's system would, and notes what it was told.
SCRIPT = """#!/bin/sh
busybox=/bin/busybox
case $1 in
deconfig)
	ip addr flush dev "$interface"
	;;
bound|renew)
	[ "$1" = renew ] || ip addr flush dev "$interface"
	ip addr replace "$ip/$mask" dev "$interface"
	for gateway in $router; do
		ip route replace "$gateway" dev "$interface"
		ip route replace default via "$gateway" dev "$interface"
	done
	;;
esac
{ echo "event $1"; for name in ip mask router dns domain lease serverid hostname staticroutes; do
	eval "echo $name \\"\\$$name\\""
done; echo end; } >> "$NOTES"
"""


class Client:
    """A udhcpc at a station's interface."""

    def __init__(self, station, folder, *options):
        self.station = station
        folder = pathlib.Path(folder)
        self.notes = folder / ("%s.notes" % station.host.name)
        script = folder / "udhcpc.sh"
        script.write_text(SCRIPT)
        script.chmod(0o755)
        self.notes.write_text("")
        self.process = station.host.spawn(
            "busybox", "udhcpc", "-f", "-i", station.ifname, "-s", script, "-t", 20, "-T", 1,
            *options, env={**os.environ, "NOTES": str(self.notes)})

    @property
    def events(self):
        """All that it was told, in order."""
        told, now = [], {}
        for line in self.notes.read_text().splitlines():
            key, _, value = line.partition(" ")
            if key == "end":
                told.append(now)
                now = {}
            else:
                now[key] = value
        return told

    def wait(self, event="bound", count=1):
        """What it was told with the count-th event of this name."""
        def come():
            found = [told for told in self.events if told["event"] == event]
            return found[count - 1] if len(found) >= count else None
        return wait_until(come, what=lambda: "%s: %d. %s; events: %s" % (
            self.station.host.name, count, event, json.dumps(self.events)))

    def renew(self):
        """Have it ask again now; what it is told then."""
        count = self.count("renew")
        self.signal(signal.SIGUSR1)
        return self.wait("renew", count + 1)

    def count(self, event):
        """How many events of a name there were so far."""
        return len([told for told in self.events if told["event"] == event])

    def release(self):
        """Have it give its address back."""
        count = self.count("deconfig")
        self.signal(signal.SIGUSR2)
        self.wait("deconfig", count + 1)

    def signal(self, number):
        """A signal to the client, which "ip netns exec" has become."""
        self.process.send_signal(number)

    def stop(self):
        """It ends without a word."""
        self.process.kill()
        self.process.wait()


def question(name, number=1):
    """A question for the IPv4 address of a name."""
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return struct.pack("!HHHHHH", number, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(
        "!HH", 1, 1)


def answer(data):
    """(rcode, addresses) of a reply."""
    flags, questions, answers = struct.unpack_from("!HHH", data, 2)
    at = 12
    for _ in range(questions):
        while data[at]:
            at += data[at] + 1
        at += 5
    addresses = []
    for _ in range(answers):
        at += 2 if data[at] & 0xc0 else len(data)  # dnsmasq always points back
        kind, _, _, size = struct.unpack_from("!HHIH", data, at)
        at += 10
        if kind == 1:
            addresses.append(socket.inet_ntoa(data[at:at + 4]))
        at += size
    return flags & 15, addresses


def ask(host, server, name, tcp=False, timeout=5, tries=4):
    """Ask a server for a name; (rcode, addresses), or None if nobody answers.

    timeout: seconds of a try by UDP; there is one by TCP.
    """
    with host.inside():
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
    with sock:
        sock.settimeout(TIMEOUT if tcp else timeout)
        sock.connect((server, 53))
        if tcp:
            data = question(name)
            sock.sendall(struct.pack("!H", len(data)) + data)
            with sock.makefile("rb") as file:
                size, = struct.unpack("!H", file.read(2))
                return answer(file.read(size))
        for _ in range(tries):
            sock.send(question(name))
            try:
                return answer(sock.recv(4096))
            except socket.timeout:
                continue
    return None


# --- messages made by hand ---

COOKIE = bytes((99, 130, 83, 99))


def message(mac, kind=1, op=1, hops=0, xid=0x12345678, flags=0x8000, ciaddr="0.0.0.0",
            giaddr="0.0.0.0", options=b""):
    """A message of DHCP."""
    return struct.pack("!BBBBIHH4s4s4s4s16s192s", op, 1, 6, hops, xid, 0, flags,
                       socket.inet_aton(ciaddr), bytes(4), bytes(4), socket.inet_aton(giaddr),
                       mac, b"") + COOKIE + bytes((53, 1, kind)) + options + b"\xff"


def checksum(data):
    """RFC 1071."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def frame(source, data, dst=b"\xff" * 6, src_ip="0.0.0.0", dst_ip="255.255.255.255"):
    """Such a message from a client to a server, as a frame without a UDP checksum."""
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28 + len(data), 0, 0, 64, 17, 0,
                       socket.inet_aton(src_ip), socket.inet_aton(dst_ip))
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return dst + source + b"\x08\x00" + head + struct.pack(
        "!HHHH", 68, 67, 8 + len(data), 0) + data


def is_reply(data, xid=None):
    """Is a frame the reply of a server (with this transaction)?"""
    return (data[12:14] == b"\x08\x00" and data[23] == 17 and data[34:38] == b"\0\x43\0\x44" and
            (xid is None or data[46:50] == struct.pack("!I", xid)))
