/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packet sockets as the netdev port wants them: every frame that comes in by an interface, whoever
 * it is for (promiscuous for as long as the socket lives), none that the host sends, a
 * virtio_net_hdr with each (PACKET_VNET_HDR), the VLAN tag beside it (PACKET_AUXDATA),
 * non-blocking; several of them share the frames by flow (PACKET_FANOUT_HASH). See packet(7).
 *
 * The virtio_net_hdr carries partial checksums and GSO both ways. The tag that the kernel takes out
 * of received frames is put back from the auxiliary data (tp_vlan_*).
 *
 * Thread-safety: open and close are for the control thread; one worker receives, any may send: the
 * kernel sees to it.
 */
#ifndef VSWITCH_PACKET_SOCKET_H
#define VSWITCH_PACKET_SOCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "vnet_io.h"
#include "worker.h"

struct packet_socket {
	int fd;
	struct vnet_pace pace; /* worker: rw */
	uint32_t stats_read;   /* worker: rw; second in which the socket's losses were read last */
} __rte_cache_aligned;

/**
 * packet_socket_open() - open a socket on an interface, which should be up.
 * @ifindex: the interface.
 * @first: the first socket of the group that shares the frames, @ps itself to found one; NULL: this
 *	one gets them all.
 * Return: 0 or -errno.
 */
int packet_socket_open(struct packet_socket *ps, int ifindex, const struct packet_socket *first);

/** packet_socket_close() - close it, if it is open. */
void packet_socket_close(struct packet_socket *ps);

/**
 * packet_socket_promiscuous() - receive nothing, but have the interface take in all frames.
 * Return: an fd to be closed when that is to end, or -errno.
 */
int packet_socket_promiscuous(int ifindex);

/**
 * packet_socket_losses() - packets that the kernel had no room for in the socket since the last
 * call. Any thread; each packet is told once.
 */
uint64_t packet_socket_losses(const struct packet_socket *ps);

/** packet_socket_rx() - as rx_burst of struct port_type. */
uint16_t packet_socket_rx(struct worker *worker, struct port *port, struct packet_socket *ps,
			  struct rte_mbuf **pkts, uint16_t n);

/**
 * packet_socket_refuses() - is an ordinary packet, which fits the MTU, too large for the interface
 * with its tags? Any thread.
 */
bool packet_socket_refuses(const struct port *port, const struct rte_mbuf *pkt);

/**
 * packet_socket_tx() - as tx_burst of struct port_type.
 */
uint16_t packet_socket_tx(struct worker *worker, struct port *port, struct packet_socket *ps,
			  struct rte_mbuf **pkts, uint16_t n);

#endif /* VSWITCH_PACKET_SOCKET_H */
