/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packet sockets as the netdev port wants them: every frame that comes in by an interface, whoever
 * it is for (promiscuous for as long as the socket lives), none that the host sends, a
 * virtio_net_hdr with each (PACKET_VNET_HDR), the VLAN tag beside it (PACKET_AUXDATA),
 * non-blocking; several of them share the frames by flow (PACKET_FANOUT_HASH). See packet(7).
 *
 * Thread-safety: control thread; the sockets themselves are for anyone.
 */
#ifndef VSWITCH_PACKET_SOCKET_H
#define VSWITCH_PACKET_SOCKET_H

#include <stdbool.h>

/**
 * packet_socket_open() - open a socket on an interface, which should be up.
 * @ifindex: the interface.
 * @grouped: several sockets share the frames.
 * @first: the first socket of the group, or -1 to open that. Does not matter if not grouped.
 * Return: the fd, or -errno.
 */
int packet_socket_open(int ifindex, bool grouped, int first);

#endif /* VSWITCH_PACKET_SOCKET_H */
