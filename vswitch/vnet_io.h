/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packet buffers for system calls that carry a virtio_net_hdr: what the netdev and the tap ports
 * have in common.
 *
 * Receiving scatters into the header, one mbuf, and a slot of the worker's overflow area. Nearly
 * all packets end in the mbuf; what a super-packet or a jumbo frame leaves in the slot is copied on
 * into further mbufs. So a burst needs one mbuf per packet beforehand and not thirty, and a system
 * call three pieces.
 *
 * Where big packets are what comes, and come one at a time, the copy is saved: they are received
 * into a chain, from a stock of spare mbufs that each worker has.
 *
 * Thread-safety: worker; the overflow area and the stock are the worker's own.
 */
#ifndef VSWITCH_VNET_IO_H
#define VSWITCH_VNET_IO_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "vnet_hdr.h"
#include "worker.h"

#define VNET_RX_IOV 3 /* header, mbuf, overflow */
#define VNET_CHAIN_IOV (2 + WORKER_SPARES_MAX)
#define VNET_BATCH_MIN 4 /* packets that a quiet queue has buffers for */
#define VNET_BATCH_BIG \
	8 /* packets per burst while they are big: their slots should stay in cache */

/* How many buffers the next burst of a queue is worth. worker: rw */
struct vnet_pace {
	uint16_t want;
};

/**
 * vnet_pace_next() - buffers to have ready. @max: that the caller has room for.
 */
static inline uint16_t
vnet_pace_next(const struct vnet_pace *pace, uint16_t max)
{
	return RTE_MIN(RTE_MAX(pace->want, VNET_BATCH_MIN), max);
}

/**
 * vnet_pace_learn() - after a burst. @had: buffers it had; @got: packets received; @big: some of
 * them went into the overflow.
 */
static inline void
vnet_pace_learn(struct vnet_pace *pace, uint16_t had, uint16_t got, bool big)
{
	if (got == had)
		pace->want = RTE_MIN(had * 2, PORT_BURST_MAX);
	else
		pace->want = got + 1;
	if (big)
		pace->want = RTE_MIN(pace->want, VNET_BATCH_BIG);
}

/**
 * vnet_tx_refused() - is it the packet that cannot be sent, rather than the interface that cannot
 * send? Then count it as lost; it is the caller's to free. Worker, from tx_burst.
 * @error: errno of the system call.
 */
bool vnet_tx_refused(struct worker *worker, const struct port *port, struct rte_mbuf *pkt,
		     int error);

/**
 * vnet_rx_alloc() - buffers for a burst: @n, or fewer if the pool is nearly empty.
 * Return: how many, 0 .. @n.
 */
uint16_t vnet_rx_alloc(struct worker *worker, struct rte_mbuf **pkts, uint16_t n);

/**
 * vnet_rx_discard() - there are no buffers: read a burst of packets off @fd and count them as
 * dropped. If they were left waiting, the worker would never sleep.
 */
void vnet_rx_discard(struct worker *worker, struct port *port, int fd);

/** vnet_rx_iov() - where to receive packet @slot (0 .. PORT_BURST_MAX - 1) of a burst. */
void vnet_rx_iov(struct worker *worker, uint16_t slot, struct virtio_net_hdr *hdr,
		 struct rte_mbuf *pkt, struct iovec iov[VNET_RX_IOV]);

/**
 * vnet_rx_finish() - make an mbuf of what was received by vnet_rx_iov().
 * @len: bytes of the frame, without the virtio_net_hdr.
 * Return: 0, or -ENOBUFS (then @pkt is still one empty mbuf).
 */
int vnet_rx_finish(struct worker *worker, uint16_t slot, struct rte_mbuf *pkt, uint32_t len);

/**
 * vnet_chain_iov() - where to receive one packet of any size without copying.
 * Return: entries of @iov used, or 0: there are no buffers for that, use vnet_rx_iov().
 */
uint16_t vnet_chain_iov(struct worker *worker, struct virtio_net_hdr *hdr, struct rte_mbuf *pkt,
			struct iovec iov[VNET_CHAIN_IOV]);

/**
 * vnet_chain_finish() - make a packet of what was received by vnet_chain_iov().
 * @len: bytes of the frame, without the virtio_net_hdr.
 */
void vnet_chain_finish(struct worker *worker, struct rte_mbuf *pkt, uint32_t len);

/**
 * vnet_tx_iov() - gather a packet and its header.
 * @max: entries of @iov. The header is written by vnet_hdr_write().
 * Return: entries used, or 0 if @max is too small.
 */
uint16_t vnet_tx_iov(const struct rte_mbuf *pkt, struct virtio_net_hdr *hdr, struct iovec *iov,
		     uint16_t max);

#endif /* VSWITCH_VNET_IO_H */
