# SPDX-License-Identifier: BSD-3-Clause
"""A virtual machine's virtio-net interface as the switch sees it: the other end of vhost-user.

What QEMU and the guest's driver do together, in small: split rings in a memfd, one slot of memory
per descriptor. Protocol: QEMU's docs/interop/vhost-user.rst; rings: VIRTIO 1.1 section 2.6.
"""

import array
import mmap
import os
import socket
import struct

from .wait import wait_until

CSUM, GUEST_CSUM, GUEST_TSO4, GUEST_TSO6, HOST_TSO4, HOST_TSO6 = 0, 1, 7, 8, 11, 12
MRG_RXBUF, MQ, EVENT_IDX, PROTOCOL, VERSION_1 = 15, 22, 29, 30, 32
OFFLOADS = (CSUM, GUEST_CSUM, GUEST_TSO4, GUEST_TSO6, HOST_TSO4, HOST_TSO6)

GET_FEATURES, SET_FEATURES, SET_OWNER, SET_MEM_TABLE = 1, 2, 3, 5
SET_VRING_NUM, SET_VRING_ADDR, SET_VRING_BASE, GET_VRING_BASE = 8, 9, 10, 11
SET_VRING_KICK, SET_VRING_CALL = 12, 13
GET_PROTOCOL_FEATURES, SET_PROTOCOL_FEATURES, SET_VRING_ENABLE = 15, 16, 18

NEEDS_CSUM = 1
GSO_NONE, GSO_TCPV4, GSO_TCPV6 = 0, 1, 4
HEADER = struct.Struct("<BBHHHHH")  # struct virtio_net_hdr_mrg_rxbuf
INDEX = struct.Struct("@H")  # native, so that both bytes of it are read at once

SLOTS = 64                 # of a ring
SLOT_SIZE = 2048           # memory of a descriptor to receive into
TX_SIZE = 1 << 17          # and of one to send from
DESC, AVAIL, USED, RING_SIZE = 0, 4096, 8192, 16384
BASE = 0x100000            # guest physical address of the memory
WRITE, NEXT = 2, 1


class Ring:
    """One virtqueue. Each descriptor has its own piece of memory."""

    def __init__(self, guest, index, offset, slot_size):
        self.guest, self.index, self.offset = guest, index, offset
        self.slot_size = slot_size
        self.data = offset + RING_SIZE
        self.size = RING_SIZE + SLOTS * slot_size
        self.avail = self.used = 0
        self.kick_fd = os.eventfd(0, os.EFD_NONBLOCK)
        self.call_fd = os.eventfd(0, os.EFD_NONBLOCK)

    def slot(self, number):
        """Where a slot's memory begins in the guest's."""
        return self.data + number * self.slot_size

    def describe(self, number, addr, length, flags=0, follow=0):
        """Write a descriptor."""
        struct.pack_into("<QIHH", self.guest.memory, self.offset + DESC + 16 * number,
                         addr, length, flags, follow)

    def offer(self, number):
        """Make a descriptor available, and kick if the switch asks for it."""
        memory, at = self.guest.memory, self.offset + AVAIL
        struct.pack_into("<H", memory, at + 4 + 2 * (self.avail % SLOTS), number)
        self.avail += 1
        # both bytes at once; pack_into() would show the switch a 0 before
        memoryview(memory)[at + 2:at + 4].cast("H")[0] = self.avail % 65536
        if self.wants_kick:
            os.eventfd_write(self.kick_fd, 1)

    @property
    def wants_kick(self):
        """The switch sleeps until this ring is kicked."""
        return not self.guest.unpack("<H", self.offset + USED)[0] & 1

    @property
    def used_index(self):
        """As the switch has written it."""
        return INDEX.unpack_from(self.guest.memory, self.offset + USED + 2)[0]

    def take(self):
        """The next used descriptor: its number and length, or None."""
        if self.used_index == self.used % 65536:
            return None
        at = self.offset + USED + 4 + 8 * (self.used % SLOTS)
        self.used += 1
        return self.guest.unpack("<II", at)

    def close(self):
        """Close its eventfds."""
        os.close(self.kick_fd)
        os.close(self.call_fd)


class VhostGuest:
    """Connects at once; with ready=False without setting up the rings."""

    def __init__(self, path, features=(*OFFLOADS, MRG_RXBUF), pairs=1, ready=True):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(str(path))
        self.wanted = sum(1 << bit for bit in (*features, VERSION_1, PROTOCOL))
        if pairs > 1:
            self.wanted |= 1 << MQ
        self.features = 0
        offset, self.rings = 0, []
        for index in range(2 * pairs):
            self.rings.append(Ring(self, index, offset, TX_SIZE if index & 1 else SLOT_SIZE))
            offset += self.rings[-1].size
        self.size = offset
        self.fd = os.memfd_create("guest")
        os.ftruncate(self.fd, self.size)
        self.memory = mmap.mmap(self.fd, self.size)
        if ready:
            self.set_up()

    def unpack(self, form, offset):
        """Read from the memory."""
        return struct.unpack_from(form, self.memory, offset)

    def message(self, request, payload=b"", fds=(), reply=False):
        """Send a message; with reply, return the payload of the answer."""
        self.sock.sendmsg([struct.pack("<III", request, 1, len(payload)) + payload],
                          [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))]
                          if fds else [])
        if not reply:
            return None
        size = struct.unpack("<III", self.sock.recv(12, socket.MSG_WAITALL))[2]
        return self.sock.recv(size, socket.MSG_WAITALL)

    def number(self, request, value=None):
        """A message that sets a 64-bit number, or gets one."""
        if value is not None:
            return self.message(request, struct.pack("<Q", value))
        return struct.unpack("<Q", self.message(request, reply=True))[0]

    def set_up(self):
        """What QEMU does when the guest's driver is ready."""
        self.message(SET_OWNER)
        offered = self.number(GET_FEATURES)
        self.features = offered & self.wanted
        self.number(SET_PROTOCOL_FEATURES, self.number(GET_PROTOCOL_FEATURES) & 1)
        self.number(SET_FEATURES, self.features)
        self.set_memory()
        for ring in self.rings:
            self.start(ring)
            self.enable(ring)
        for ring in self.rings[::2]:
            for number in range(SLOTS):
                self.post(ring, number)
        return offered

    def set_memory(self):
        """One region; user addresses are the guest's physical ones."""
        self.message(SET_MEM_TABLE,
                     struct.pack("<IIQQQQ", 1, 0, BASE, self.size, BASE, 0), [self.fd])

    def start(self, ring):
        """Tell the switch where a ring is."""
        base = BASE + ring.offset
        self.message(SET_VRING_NUM, struct.pack("<II", ring.index, SLOTS))
        self.message(SET_VRING_BASE, struct.pack("<II", ring.index, ring.used % 65536))
        self.message(SET_VRING_ADDR, struct.pack("<IIQQQQ", ring.index, 0, base + DESC,
                                                 base + USED, base + AVAIL, 0))
        self.message(SET_VRING_CALL, struct.pack("<Q", ring.index), [ring.call_fd])
        self.message(SET_VRING_KICK, struct.pack("<Q", ring.index), [ring.kick_fd])

    def enable(self, ring, on=1):
        """Let the switch use a ring, or not."""
        self.message(SET_VRING_ENABLE, struct.pack("<II", ring.index, on))

    def stop(self):
        """What QEMU does when the guest resets its driver. Returns the rings' last indices."""
        return [struct.unpack("<II", self.message(GET_VRING_BASE,
                                                  struct.pack("<II", ring.index, 0), reply=True))[1]
                for ring in self.rings]

    @staticmethod
    def post(ring, number):
        """Give a buffer to receive into."""
        ring.describe(number, BASE + ring.slot(number), ring.slot_size, WRITE)
        ring.offer(number)

    def send(self, frame, flags=0, gso=GSO_NONE, gso_size=0, csum_start=0, csum_offset=0, pair=0):
        """Send a frame; returns the ring."""
        ring = self.rings[2 * pair + 1]
        wait_until(lambda: ring.avail - self.reap(ring) < SLOTS, what="room in the ring")
        number = ring.avail % SLOTS
        data = HEADER.pack(flags, gso, 0, gso_size, csum_start, csum_offset, 0) + frame
        self.memory[ring.slot(number):ring.slot(number) + len(data)] = data
        ring.describe(number, BASE + ring.slot(number), len(data))
        ring.offer(number)
        return ring

    @staticmethod
    def reap(ring):
        """Take what was sent; returns how many ever."""
        while ring.take() is not None:
            pass
        return ring.used

    def receive(self, pair=0):
        """The next frame and its header's fields, or None."""
        ring = self.rings[2 * pair]
        used = ring.take()
        if used is None:
            return None
        data = self.collect(ring, used)
        header = HEADER.unpack_from(data)
        for _ in range(header[6] - 1):
            data += self.collect(ring, wait_until(ring.take, what="the rest of a packet"))
        return data[HEADER.size:], header

    def collect(self, ring, used):
        """Data of a buffer, which is posted again."""
        number, length = used
        data = bytes(self.memory[ring.slot(number):ring.slot(number) + length])
        self.post(ring, number)
        return data

    def expect(self, what="a frame", pair=0):
        """Wait for the next frame."""
        return wait_until(lambda: self.receive(pair), what=what)

    def drain(self, pair=0):
        """All frames that are there."""
        return list(iter(lambda: self.receive(pair), None))

    def close(self):
        """The machine is gone."""
        self.sock.close()
        for ring in self.rings:
            ring.close()
        self.memory.close()
        os.close(self.fd)
