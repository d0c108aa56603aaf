/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Egress: the last steps of a packet - VLAN tag, MTU, offloads - and its place in the batch of the
 * port that it leaves by.
 *
 * Nearly every packet needs none of these steps: egress_packet() finds that out with one test and
 * queues it; the rest is in egress.c.
 *
 * Thread-safety: workers, each on its own struct worker.
 */
#ifndef DATAPATH_EGRESS_H
#define DATAPATH_EGRESS_H

#include "offload.h"
#include "vlan.h"
#include "worker.h"

/**
 * egress_slow() - egress_packet() for a packet that needs work, or cannot leave.
 */
void egress_slow(struct worker *worker, const struct port *in, struct port *out,
		 struct rte_mbuf *pkt, uint16_t tag);

/**
 * egress_writable() - a packet that the caller may write to: itself, or a copy in its place.
 * Return: the packet, or NULL: no buffers, and @pkt is freed.
 */
struct rte_mbuf *egress_writable(struct worker *worker, struct rte_mbuf *pkt);

/**
 * egress_fill() - have the data of a packet here, since it is to be read.
 * Return: false if it cannot be had; then the packet is gone, and counted.
 */
bool egress_fill(struct worker *worker, struct rte_mbuf *pkt);

/**
 * egress_copy() - send a copy by a port as it is, whatever VLANs the port has. What it leaves to be
 * done - checksum, segments - is done. Worker.
 * @pkt: none of its data pending; the caller's no more.
 */
void egress_copy(struct worker *worker, struct port *out, struct rte_mbuf *pkt);

/** egress_flush_port() - send a port's batch; what the port does not take is dropped. */
void egress_flush_port(struct worker *worker, uint16_t port_id);

/** egress_flush() - send the batches of all ports. */
void egress_flush(struct worker *worker);

/** egress_queue() - put a finished packet in a port's batch. */
static inline void
egress_queue(struct worker *worker, const struct port *out, struct rte_mbuf *pkt)
{
	struct tx_batch *batch = &worker->tx[out->id];

	if (!batch->dirty) {
		batch->dirty = true;
		worker->dirty[worker->n_dirty++] = out->id;
	}
	batch->bytes += pkt->pkt_len;
	batch->pkts[batch->n++] = pkt;
	if (unlikely(batch->n == PORT_BURST_MAX))
		egress_flush_port(worker, out->id);
}

/**
 * egress_plain() - may the packet leave as it is?
 * Between two ports with the same VLAN settings no tag changes, but of odd frames.
 */
static inline bool
egress_plain(const struct port *in, const struct port *out, const struct rte_mbuf *pkt,
	     uint16_t tag)
{
	return out->vlan == in->vlan && ((in->isolated & out->isolated) | (tag & VLAN_ODD)) == 0 &&
	       out->open && pkt->pkt_len <= out->max_frame + VLAN_TAGGED_LEN(tag) &&
	       (pkt->ol_flags & OFFLOAD_BLANK_MASK) == 0;
}

/**
 * egress_packet() - send a packet by a port, with the other packets of this burst.
 * @in: the port it came in by.
 * @tag: its tag word (vlan.h): the VLAN it was classified to at ingress.
 */
static inline void
egress_packet(struct worker *worker, const struct port *in, struct port *out, struct rte_mbuf *pkt,
	      uint16_t tag)
{
	if (likely(egress_plain(in, out, pkt, tag)))
		egress_queue(worker, out, pkt);
	else
		egress_slow(worker, in, out, pkt, tag);
}

/**
 * egress_burst() - send packets of the switch's own making, or the router's: untagged ones, and not
 * from another port.
 * @n: 1 .. PORT_BURST_MAX.
 * @bytes: of all of them.
 * @flags: ol_flags of all of them, or'ed together.
 * @fit: none of them is longer than the port's max_frame, as far as one has looked.
 */
void egress_burst(struct worker *worker, struct port *out, struct rte_mbuf **pkts, uint16_t n,
		  uint64_t bytes, uint64_t flags, bool fit);

#endif /* DATAPATH_EGRESS_H */
