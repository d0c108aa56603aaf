# SPDX-License-Identifier: BSD-3-Clause
"""TCP and UDP between hosts, with the content checked."""

import hashlib
import os
import socket
import struct
import threading
import time

from .wait import TIMEOUT

CHUNK = 1 << 16


def _family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


class Background:
    """A function in a thread; join() raises what it raised."""

    def __init__(self, function, *arguments):
        self._result = self._error = None
        self._thread = threading.Thread(target=self._run, args=(function, arguments), daemon=True)
        self._thread.start()

    def _run(self, function, arguments):
        try:
            self._result = function(*arguments)
        except BaseException as error:  # handed on by join()
            self._error = error

    def join(self, timeout=3 * TIMEOUT):
        """Wait for its end. Return: what it returned."""
        self._thread.join(timeout)
        assert not self._thread.is_alive(), "a thread does not end within %s s" % timeout
        if self._error is not None:
            raise self._error
        return self._result


def _send(connection, size):
    """Send random bytes, and say that this is all. Return: their digest."""
    digest = hashlib.sha256()
    while size > 0:
        chunk = os.urandom(min(size, CHUNK))
        digest.update(chunk)
        connection.sendall(chunk)
        size -= len(chunk)
    connection.shutdown(socket.SHUT_WR)
    return digest.hexdigest()


def _receive(connection):
    """Receive all. Return: (bytes, digest)."""
    digest = hashlib.sha256()
    total = 0
    while True:
        chunk = connection.recv(CHUNK)
        if not chunk:
            return total, digest.hexdigest()
        digest.update(chunk)
        total += len(chunk)


def tcp(client, server, address, size=4 << 20, source=None):
    """Both ways at once over one connection; assert that all arrives as it was sent.

    client, server: hosts. address: the server's. source: address that the client speaks from.
    """
    with server.inside():
        listener = socket.create_server((address, 0), family=_family(address))
    listener.settimeout(TIMEOUT)
    with client.inside():
        out = socket.socket(_family(address), socket.SOCK_STREAM)
    with listener, out:
        if source is not None:
            out.bind((source, 0))
        out.settimeout(TIMEOUT)
        out.connect((address, listener.getsockname()[1]))
        accepted, _ = listener.accept()
        with accepted:
            accepted.settimeout(TIMEOUT)
            sends = [Background(_send, end, size) for end in (out, accepted)]
            receives = [Background(_receive, end) for end in (accepted, out)]
            for send, receive in zip(sends, receives):
                assert receive.join() == (size, send.join()), "the data did not arrive unhurt"


def udp(client, server, address, sizes=(1, 17, 512, 1400), source=None):
    """Datagrams there and back; assert that they return as they were sent."""
    with server.inside():
        echo = socket.socket(_family(address), socket.SOCK_DGRAM)
    with client.inside():
        out = socket.socket(_family(address), socket.SOCK_DGRAM)
    with echo, out:
        echo.settimeout(TIMEOUT)
        out.settimeout(TIMEOUT)
        echo.bind((address, 0))
        if source is not None:
            out.bind((source, 0))
        out.connect((address, echo.getsockname()[1]))
        for size in sizes:
            sent = os.urandom(size)
            out.send(sent)
            there, back = echo.recvfrom(CHUNK)
            assert there == sent, "a datagram of %d bytes arrived hurt" % size
            echo.sendto(there, back)
            assert out.recv(CHUNK) == sent, "a datagram of %d bytes returned hurt" % size


class Stream:
    """Numbered datagrams at a steady pace from one host to another, until stop()."""

    def __init__(self, client, server, address, per_second=2000):
        with server.inside():
            self._in = socket.socket(_family(address), socket.SOCK_DGRAM)
        self._in.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
        self._in.bind((address, 0))
        with client.inside():
            self._out = socket.socket(_family(address), socket.SOCK_DGRAM)
        self._out.connect(self._in.getsockname()[:2])
        self._stopping = False
        self._pause = 1 / per_second
        self.sent = 0
        self._sender = Background(self._send)

    def _send(self):
        while not self._stopping:
            self._out.send(struct.pack("!I", self.sent) + bytes(60))
            self.sent += 1
            time.sleep(self._pause)

    def received(self):
        """The numbers that have arrived since the last call."""
        numbers = []
        while True:
            try:
                data = self._in.recv(CHUNK, socket.MSG_DONTWAIT)
                numbers.append(struct.unpack_from("!I", data)[0])
            except BlockingIOError:
                return numbers

    def stop(self):
        """Stop sending; wait for the last one. Return: (numbers that came, how many were sent)."""
        self._stopping = True
        self._sender.join()
        last, end, numbers = self.sent - 1, time.monotonic() + 10, self.received()
        while (not numbers or numbers[-1] != last) and time.monotonic() < end:
            time.sleep(0.01)
            numbers += self.received()
        self._in.close()
        self._out.close()
        return numbers, self.sent


def checksums_right(data):
    """Are the IP and TCP/UDP/ICMP checksums of a frame what they must be?"""
    from scapy.all import ICMP, IP, IPv6, TCP, UDP, Ether
    packet = Ether(data)
    fresh = Ether(data)
    for layer in (IP, TCP, UDP, ICMP):
        if layer in fresh:
            del fresh[layer].chksum
    for layer in (IPv6,):
        if layer in fresh and "ICMPv6" in fresh.summary():
            return True  # scapy names a layer per message; the kernels of both ends check those
    return bytes(fresh) == bytes(packet) == data
