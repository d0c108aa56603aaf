/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * XDP socket: one queue of a NIC, each way, in memory that is shared with the kernel (AF_XDP).
 *
 * Each socket has a UMEM of its own: XDP_RX_FRAMES frames that go round between the fill and the
 * receive ring, and XDP_TX_FRAMES between the transmit and the completion ring. Packets are copied
 * between frames and mbufs. That costs some cycles per packet, and has these reasons: the fill ring
 * is full again after each burst, whatever a slow guest does with the packets; mbufs need not lie
 * in one registered piece of memory; and packets of several mbufs, or shared ones, are no special
 * case. Zero-copy is between the NIC and the UMEM.
 *
 * Frames are bare: there are no offloads, and no verdict on checksums.
 *
 * need_wakeup (linux/if_xdp.h) saves the system calls that the driver does not need. A worker that
 * sleeps on the descriptor wakes the driver by that, too.
 *
 * Thread-safety: one worker receives; any may send (a lock inside); open, close, losses and fd are
 * for the control thread.
 */
#ifndef VSWITCH_XDP_SOCKET_H
#define VSWITCH_XDP_SOCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "worker.h"

#define XDP_RX_FRAMES 2048 /* also the length of the fill ring and of the receive ring */
#define XDP_TX_FRAMES 1024 /* also of the transmit ring and of the completion ring */

struct xdp_socket;

/** xdp_socket_mtu_max() - the largest MTU whose frames, with two tags, fit a frame. */
uint32_t xdp_socket_mtu_max(void);

/**
 * xdp_socket_open() - bind to a queue.
 * @ifname: the interface, which should be up.
 * @queue: of the NIC.
 * @mtu: 1 .. xdp_socket_mtu_max(): decides on the size of frames.
 * @zero_copy: between NIC and UMEM, or nothing; else the kernel copies.
 *
 * Return: 0; -EOPNOTSUPP: no zero-copy; -EBUSY: has a socket already (that of a closed one for a
 * moment); -EINVAL: there is no such queue; or another -errno.
 */
int xdp_socket_open(const char *ifname, uint16_t queue, uint32_t mtu, bool zero_copy,
		    struct xdp_socket **ret_xsk);

/** xdp_socket_close() - close it; no worker may use it any more. NULL is legal. */
void xdp_socket_close(struct xdp_socket *xsk);

/** xdp_socket_fd() - readable while frames wait. */
int xdp_socket_fd(const struct xdp_socket *xsk);

/** xdp_socket_losses() - frames that the kernel dropped for this socket since the last call. */
uint64_t xdp_socket_losses(struct xdp_socket *xsk);

/** xdp_socket_mtu() - the largest MTU that the frames of this socket have room for. */
uint32_t xdp_socket_mtu(const struct xdp_socket *xsk);

/** xdp_socket_rx() - as rx_burst of struct port_type. */
uint16_t xdp_socket_rx(struct worker *worker, struct port *port, struct xdp_socket *xsk,
		       struct rte_mbuf **pkts, uint16_t n);

/** xdp_socket_tx() - as tx_burst of struct port_type. Packets with offloads are lost. */
uint16_t xdp_socket_tx(struct worker *worker, struct port *port, struct xdp_socket *xsk,
		       struct rte_mbuf **pkts, uint16_t n);

#endif /* VSWITCH_XDP_SOCKET_H */
