# SPDX-License-Identifier: BSD-3-Clause
"""Packets for the generator ports, written as pcap files.

UDP over IPv4, one IP address per MAC. Side 1 sends flow i from station i of set A to station i
of set B, side 2 the reverse, so that a learning bridge has learnt everything after one round of
both files. A frame of N bytes is N on the wire, that is N - 4 in the file and in the mbuf: the
frame check sequence is the NIC's.
"""

import mmap
import socket
import struct

# High bytes of a set's MACs (locally administered) and its first IPv4 address.
SETS = {
    "a": (0x020A00, 0x0A000000),
    "b": (0x020B00, 0x0A400000),
    "table": (0x020C00, 0x0A800000),
}

# Of the pcap format, see pcap-savefile(5): microseconds, little endian.
FILE_HEAD = struct.Struct("<IHHiIII")
RECORD = struct.Struct("<IIII")

FCS_SIZE = 4
ETHER_IPV4_UDP_SIZE = 14 + 20 + 8

# Odd, so that multiplying by it modulo 2^24 maps station numbers one to one onto low MAC bytes
# which follow no order: consecutive MACs would flatter some hash functions.
SCRAMBLE = 0x9E3779


def mac(set_name, index):
    """The 6 bytes of the MAC of one station."""
    return (SETS[set_name][0] << 24 | (index * SCRAMBLE & 0xFFFFFF)).to_bytes(6, "big")


def _ip_checksum(length, source, destination):
    words = (0x4500 + length + 0x4000 + 0x4011
             + (source >> 16) + (source & 0xFFFF)
             + (destination >> 16) + (destination & 0xFFFF))
    words = (words & 0xFFFF) + (words >> 16)
    words = (words & 0xFFFF) + (words >> 16)
    return ~words & 0xFFFF


def write_pcap(path, wire_size, flows):
    """Write one frame per (source, destination) pair; each is a (set name, station number)."""
    size = wire_size - FCS_SIZE
    ip_length = size - 14
    payload = bytes(size - ETHER_IPV4_UDP_SIZE)
    record = RECORD.pack(0, 0, size, size)
    head = struct.Struct("!6s6sHBBHHHBBHIIHHHH")
    with open(path, "wb", buffering=1 << 20) as file:
        file.write(FILE_HEAD.pack(0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for (source_set, source), (destination_set, destination) in flows:
            source_ip = SETS[source_set][1] + source
            destination_ip = SETS[destination_set][1] + destination
            # UDP checksum 0: none
            file.write(record + head.pack(
                mac(destination_set, destination), mac(source_set, source), 0x0800,
                0x45, 0, ip_length, 0, 0x4000, 64, 17,
                _ip_checksum(ip_length, source_ip, destination_ip), source_ip, destination_ip,
                1024 + source % 50000, 9, ip_length - 20, 0) + payload)
    return path


def write_pair(directory, wire_size, n_flows):
    """Both sides' files for n_flows each way; returns their paths."""
    paths = []
    for here, there in (("a", "b"), ("b", "a")):
        path = directory / f"{here}-{wire_size}-{n_flows}.pcap"
        if not path.exists():
            write_pcap(path, wire_size, (((here, i), (there, i)) for i in range(n_flows)))
        paths.append(path)
    return paths


def split_pcap(path):
    """The frames of a file in turn in two files; returns their paths. All frames are of one size."""
    content = path.read_bytes()
    head, rest = content[:FILE_HEAD.size], content[FILE_HEAD.size:]
    step = RECORD.size + RECORD.unpack_from(rest)[2]
    paths = [path.with_suffix(f".{half}.pcap") for half in range(2)]
    for half, other in enumerate(paths):
        other.write_bytes(head + b"".join(rest[at:at + step]
                                          for at in range(half * step, len(rest), 2 * step)))
    return paths


def tag_pcap(path, vid):
    """A file of the same frames with a VLAN tag, and so much less at the end; returns its path."""
    content = path.read_bytes()
    tagged = bytearray(content[:FILE_HEAD.size])
    at = FILE_HEAD.size
    while at < len(content):
        size = RECORD.unpack_from(content, at)[2]
        frame = content[at + RECORD.size:at + RECORD.size + size]
        tagged += content[at:at + RECORD.size] + frame[:12] + struct.pack("!HH", 0x8100, vid)
        tagged += frame[12:-4]
        at += RECORD.size + size
    other = path.with_suffix(f".vlan{vid}.pcap")
    other.write_bytes(tagged)
    return other


# Routes of side "a" and "b": /24 networks, one after the other from here on.
ROUTES = {"a": 0x10000000, "b": 0x20000000}


def route(side, index):
    """The index-th route of a side: its first address."""
    return ROUTES[side] + (index << 8)


def write_routed(directory, wire_size, n_flows, n_routes, router_macs):
    """Both sides' files for n_flows each way, spread over n_routes of the other side's."""
    paths = []
    for here, there, router in (("a", "b", router_macs[0]), ("b", "a", router_macs[1])):
        path = directory / f"{here}-routed-{wire_size}-{n_flows}-{n_routes}.pcap"
        if not path.exists():
            flows = []
            for i in range(n_flows):
                # odd and coprime to the number of routes' powers of two: all over the table
                network = i * SCRAMBLE % n_routes
                flows.append((route(here, i % n_routes) + 1 + i // n_routes % 250,
                              route(there, network) + 1 + i // n_routes % 250,
                              1024 + i % 50000, 9))
            write_ip_pcap(path, wire_size, router, mac(here, 0), flows)
        paths.append(path)
    return paths


# Flows through NAT: many inside endpoints, of which each talks to several remote hosts, of which
# each is talked to by one. Their ports differ, so that each can be kept by the one external
# address, and the answers can be written before the switch has seen a packet. flow_port.c has the
# same.
NAT_INSIDE = 0x0A000000
NAT_REMOTE = 0x20000000
NAT_EXTERNAL = 0xC0000205
NAT_ENDPOINTS = 62500
NAT_REMOTE_PORT = 9


def nat_flow(index):
    """A flow: inside address, its port, remote address."""
    endpoint = index % NAT_ENDPOINTS
    return NAT_INSIDE + endpoint, 1024 + endpoint, NAT_REMOTE + index


def write_nat(directory, wire_size, n_flows, n_sessions, router_macs):
    """Files of n_flows from inside and of their answers, spread over n_sessions flows."""
    paths = []
    for side, router in zip(("inside", "outside"), router_macs):
        path = directory / f"{side}-nat-{wire_size}-{n_flows}-{n_sessions}.pcap"
        paths.append(path)
        if path.exists():
            continue
        flows = []
        for i in range(n_flows):
            inside, port, remote = nat_flow(i * (n_sessions // n_flows))
            flows.append((inside, remote, port, NAT_REMOTE_PORT) if side == "inside" else
                         (remote, NAT_EXTERNAL, NAT_REMOTE_PORT, port))
        write_ip_pcap(path, wire_size, router, mac("a" if side == "inside" else "b", 0), flows)
    return paths


def write_ip_pcap(path, wire_size, dst_mac, src_mac, flows):
    """Write one UDP packet per (source address, destination address, source port, port)."""
    size = wire_size - FCS_SIZE
    ip_length = size - 14
    payload = bytes(size - ETHER_IPV4_UDP_SIZE)
    record = RECORD.pack(0, 0, size, size)
    head = struct.Struct("!6s6sHBBHHHBBHIIHHHH")
    with open(path, "wb", buffering=1 << 20) as file:
        file.write(FILE_HEAD.pack(0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for source, destination, source_port, port in flows:
            file.write(record + head.pack(
                dst_mac, src_mac, 0x0800, 0x45, 0, ip_length, 0, 0x4000, 64, 17,
                _ip_checksum(ip_length, source, destination), source, destination,
                source_port, port, ip_length - 20, 0) + payload)


def write_table(directory, n_stations):
    """A file that teaches a bridge n_stations more MACs, all talking to the first of set A."""
    path = directory / f"table-{n_stations}.pcap"
    if not path.exists():
        write_pcap(path, 64, ((("table", i), ("a", 0)) for i in range(n_stations)))
    return path


def send_pcap(path, interface):
    """Send every frame of a file that write_pcap() made, all of one size, through a raw socket."""
    with open(path, "rb") as file, \
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content, \
            memoryview(content) as frames, \
            socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as out:
        out.bind((interface, 0))
        size = RECORD.unpack_from(frames, FILE_HEAD.size)[2]
        for at in range(FILE_HEAD.size + RECORD.size, len(frames), RECORD.size + size):
            out.send(frames[at:at + size])
