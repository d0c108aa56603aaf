/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include <rte_ether.h>
#include <rte_spinlock.h>

#include "egress.h"
#include "gro.h"
#include "mirror.h"
#include "packet.h"
#include "trace.h"
#include "vlan.h"

struct rte_mbuf *
egress_writable(struct worker *worker, struct rte_mbuf *pkt)
{
	struct rte_mbuf *copy;

	if (packet_writable(pkt))
		return pkt;
	copy = packet_copy(pkt, worker->pool);
	rte_pktmbuf_free(pkt);
	return copy;
}

/* Does a frame that may be tagged fit the port's MTU? A tag is not payload. */
static bool
egress_fits(const struct port *out, const struct rte_mbuf *pkt, uint32_t frame_len)
{
	return frame_len <= out->max_frame + vlan_tags_len(pkt);
}

/*
 * The common case of ports with different settings: an ordinary packet, which nobody shares if it
 * is to be changed. False: it is anything else, and untouched.
 */
static inline bool
egress_ordinary(struct worker *worker, const struct vlan_settings *vlan, struct port *out,
		struct rte_mbuf *pkt, uint16_t tag, enum vlan_change change)
{
	if (unlikely(pkt->pkt_len > out->max_frame + VLAN_TAGGED_LEN(tag) ||
		     (pkt->ol_flags & (OFFLOAD_BLANK_MASK | PORT_PENDING)) != 0))
		return false;
	if (change != VLAN_KEEP) {
		if (unlikely(!packet_writable(pkt) || rte_pktmbuf_headroom(pkt) < VLAN_TAG_LEN))
			return false;
		vlan_egress(vlan, pkt, tag, change);
	}
	egress_queue(worker, out, pkt);
	return true;
}

/* What the port can carry in a frame like this one. */
static uint32_t
egress_caps(const struct port *out, const struct rte_mbuf *pkt)
{
	/* Linux's netfront drops what is checksum-blank behind a tag */
	if (!(out->caps & PORT_CAP_TAGGED) && pkt->l2_len > RTE_ETHER_HDR_LEN)
		return 0;
	return out->caps;
}

static void
egress_segments(struct worker *worker, struct port *out, struct rte_mbuf *pkt)
{
	uint32_t csum_cap =
		(pkt->ol_flags & RTE_MBUF_F_TX_IPV4) ? PORT_CAP_CSUM_IPV4 : PORT_CAP_CSUM_IPV6;
	const uint64_t mirrored = pkt->ol_flags & PORT_MIRRORED;
	struct rte_mbuf *segments[OFFLOAD_SEGMENTS_MAX];
	int n;

	n = offload_segment(pkt, worker->pool, (egress_caps(out, pkt) & csum_cap) != 0, segments,
			    OFFLOAD_SEGMENTS_MAX);
	if (n <= 0) {
		port_drop(worker, out, pkt, n == -ENOBUFS ? DROP_NO_BUFFER : DROP_OFFLOAD);
		return;
	}
	rte_pktmbuf_free(pkt);
	if (unlikely(worker->trace != NULL))
		trace_add(worker, TRACE_SEGMENTS, out, NULL, n, 0, 0, 0);
	worker_stats(worker, out)->copies += n - 1;
	for (int i = 0; i < n; i++) {
		segments[i]->ol_flags |= mirrored;
		egress_queue(worker, out, segments[i]);
	}
}

bool
egress_fill(struct worker *worker, struct rte_mbuf *pkt)
{
	uint64_t bytes = 0;

	return likely(!(pkt->ol_flags & PORT_PENDING)) ||
	       worker->fill(worker, &pkt, 1, &bytes) == 1;
}

/* Send a packet that may be too long, or unfinished. @tag: for port_drop_tag(); its tags are right.
 */
static void
egress_finish(struct worker *worker, struct port *out, struct rte_mbuf *pkt, uint16_t tag)
{
	const bool super = pkt->ol_flags & OFFLOAD_SEG_MASK;

	if (!egress_fits(out, pkt, offload_frame_len(pkt))) {
		port_drop_tag(worker, out, pkt, DROP_MTU_EXCEEDED, tag);
		return;
	}
	if (!offload_wanted(pkt, egress_caps(out, pkt))) {
		egress_queue(worker, out, pkt);
		return;
	}
	if (!egress_fill(worker, pkt))
		return;
	if (super) {
		egress_segments(worker, out, pkt);
		return;
	}
	pkt = egress_writable(worker, pkt);
	if (pkt == NULL) {
		port_drop_tag(worker, out, pkt, DROP_NO_BUFFER, tag);
		return;
	}
	if (offload_complete(pkt) < 0) {
		port_drop_tag(worker, out, pkt, DROP_OFFLOAD, tag);
		return;
	}
	if (unlikely(worker->trace != NULL))
		trace_add(worker, TRACE_CHECKSUM, out, NULL, 0, 0, 0, 0);
	egress_queue(worker, out, pkt);
}

void
egress_copy(struct worker *worker, struct port *out, struct rte_mbuf *pkt)
{
	if (unlikely(!out->open))
		port_drop(worker, out, pkt, out->up ? DROP_BLOCKED : DROP_PORT_DOWN);
	else if (likely(pkt->pkt_len <= out->max_frame && !(pkt->ol_flags & OFFLOAD_BLANK_MASK)))
		egress_queue(worker, out, pkt);
	else
		egress_finish(worker, out, pkt, VLAN_NONE);
}

void
egress_slow(struct worker *worker, const struct port *in, struct port *out, struct rte_mbuf *pkt,
	    uint16_t tag)
{
	const struct vlan_settings *vlan = vlan_of(out);
	enum vlan_change change;

	if (!vlan_allowed(vlan, tag)) {
		port_drop_tag(worker, in, pkt, DROP_VLAN_MISMATCH, tag);
		return;
	}
	/* not those of the switch's own, which come in by the port that they leave by */
	if ((in->isolated & out->isolated) && in != out) {
		port_drop_tag(worker, in, pkt, DROP_ISOLATED, tag);
		return;
	}
	if (!out->open) {
		port_drop_tag(worker, out, pkt, out->up ? DROP_BLOCKED : DROP_PORT_DOWN, tag);
		return;
	}
	change = vlan_egress_change(vlan, pkt, tag);
	if (likely(egress_ordinary(worker, vlan, out, pkt, tag, change)))
		return;
	if (change != VLAN_KEEP) {
		if (!egress_fill(worker, pkt))
			return;
		pkt = egress_writable(worker, pkt);
		if (pkt == NULL || vlan_egress(vlan, pkt, tag, change) < 0) {
			port_drop_tag(worker, out, pkt, DROP_NO_BUFFER, tag);
			return;
		}
	}
	egress_finish(worker, out, pkt, tag);
}

void
egress_burst(struct worker *worker, struct port *out, struct rte_mbuf **pkts, uint16_t n,
	     uint64_t bytes, uint64_t flags, bool fit)
{
	struct tx_batch *batch = &worker->tx[out->id];

	if (unlikely((flags & OFFLOAD_BLANK_MASK) != 0 || !fit || !out->open)) {
		for (uint16_t i = 0; i < n; i++)
			egress_packet(worker, out, out, pkts[i], 0);
		return;
	}
	if (batch->n + n > PORT_BURST_MAX)
		egress_flush_port(worker, out->id);
	if (!batch->dirty) {
		batch->dirty = true;
		worker->dirty[worker->n_dirty++] = out->id;
	}
	memcpy(&batch->pkts[batch->n], pkts, n * sizeof(pkts[0]));
	batch->n += n;
	batch->bytes += bytes;
	if (batch->n == PORT_BURST_MAX)
		egress_flush_port(worker, out->id);
}

/* Merge segments that came from a wire, if the port takes super-packets. */
static void
egress_merge(struct worker *worker, const struct port *out, struct tx_batch *batch)
{
	const uint16_t n = batch->n;

	if (n > 1 && gro_wanted(out)) {
		batch->n = gro_merge(out->caps, batch->pkts, n, &batch->bytes);
		worker_stats(worker, out)->merged += n - batch->n;
	}
}

static inline uint16_t
egress_send(struct worker *worker, struct port *port, struct rte_mbuf **pkts, uint16_t n)
{
	const uint16_t queue = worker->id % port->n_txq;
	uint16_t sent;

	if (port->tx_shared)
		rte_spinlock_lock(&port->tx_lock[queue]);
	sent = port->type->tx_burst(worker, port, queue, pkts, n);
	if (port->tx_shared)
		rte_spinlock_unlock(&port->tx_lock[queue]);
	return sent;
}

/* The same, while somebody looks at what is sent. */
static __rte_noinline uint16_t
egress_send_seen(struct worker *worker, const struct capture_set *captures, struct port *port,
		 struct rte_mbuf **pkts, uint16_t n)
{
	const bool seen = capture_wants(captures, CAPTURE_TX, port) && n > 0;
	struct capture_sent records;
	uint16_t sent;

	if (seen)
		capture_tx_begin(worker, captures, port, pkts, n, &records);
	sent = egress_send(worker, port, pkts, n);
	if (seen)
		capture_tx_end(worker, captures, port, &records, sent);
	return sent;
}

/* What a dry worker's packets would be dropped for by the port that they leave by. */
static void
egress_refusals(struct worker *worker, const struct port *port, struct rte_mbuf **pkts, uint16_t n)
{
	if (port->type->refuses == NULL)
		return;
	for (uint16_t i = 0; i < n; i++) {
		const enum drop_reason reason = port->type->refuses(port, pkts[i]);

		if (reason < DROP_REASONS)
			trace_add(worker, TRACE_DROP, port, NULL, reason, 1, 0, 0);
	}
}

/* The same while the packet that is sent is traced; a dry worker's does not leave the switch. */
static __rte_noinline uint16_t
egress_send_traced(struct worker *worker, const struct capture_set *captures, struct port *port,
		   struct rte_mbuf **pkts, uint16_t n)
{
	const uint16_t step = worker->trace->n_steps;
	uint64_t drops[DROP_REASONS];
	uint16_t sent;

	trace_add(worker, TRACE_OUT, port, pkts[0], n, pkts[0]->pkt_len, port->type->hands_on, 0);
	if (worker_is_dry(worker) && !port->type->hands_on) {
		egress_refusals(worker, port, pkts, n);
		rte_pktmbuf_free_bulk(pkts, n);
		return n;
	}
	memcpy(drops, worker_stats(worker, port)->drops, sizeof(drops));
	sent = captures != NULL ? egress_send_seen(worker, captures, port, pkts, n) :
				  egress_send(worker, port, pkts, n);
	trace_lost(worker, port, drops, step);
	return sent;
}

/* Is the data of pending packets needed, since the port cannot do without, or somebody looks? */
static bool
egress_wants_data(const struct port *port, const struct capture_set *captures, bool mirrored)
{
	return !port->type->takes_pending || mirrored ||
	       (captures != NULL && capture_wants(captures, CAPTURE_TX, port));
}

/* @held: what of it is to be copied is put there; or NULL. Return: how many were sent. */
static inline uint16_t
egress_flush_batch(struct worker *worker, uint16_t port_id, struct port *port,
		   const struct mirror_set *mirrors, struct mirror_held *held)
{
	const struct capture_set *captures = capture_set_of(worker->dp);
	struct tx_batch *batch = &worker->tx[port_id];
	struct port_stats *stats = &worker->stats[port_id];
	uint16_t n, sent = 0;
	uint64_t bytes;

	if (unlikely(worker->pending) && port != NULL &&
	    egress_wants_data(port, captures, held != NULL))
		batch->n = worker->fill(worker, batch->pkts, batch->n, &batch->bytes);
	if (worker->wire && likely(port != NULL))
		egress_merge(worker, port, batch);
	n = batch->n;
	bytes = batch->bytes;
	batch->n = 0;
	batch->bytes = 0;
	if (held != NULL) {
		mirror_hold(mirrors, port, batch->pkts, n, held);
		/* what is handed on may be another packet by the time that somebody drops it */
		worker->held = port->type->hands_on ? NULL : held;
	}
	if (unlikely(worker->trace != NULL) && port != NULL && n > 0)
		sent = egress_send_traced(worker, captures, port, batch->pkts, n);
	else if (unlikely(captures != NULL) && port != NULL)
		sent = egress_send_seen(worker, captures, port, batch->pkts, n);
	else if (likely(port != NULL))
		sent = egress_send(worker, port, batch->pkts, n);
	worker->held = NULL;
	for (uint16_t i = sent; i < n; i++) {
		bytes -= batch->pkts[i]->pkt_len;
		if (likely(port != NULL))
			port_drop_seen(worker, port, batch->pkts[i], DROP_TX_FULL);
		rte_pktmbuf_free(batch->pkts[i]);
	}
	stats->tx_packets += sent - worker->tx_lost;
	stats->tx_bytes += bytes - worker->tx_lost_bytes;
	worker->tx_lost = 0;
	worker->tx_lost_bytes = 0;
	if (unlikely(sent < n))
		stats->drops[port != NULL ? DROP_TX_FULL : DROP_PORT_DOWN] += n - sent;
	return sent;
}

/* The same of a port of which copies are made. These may fill its batch anew, so they come last. */
static __rte_noinline void
egress_flush_mirrored(struct worker *worker, struct port *port, const struct mirror_set *mirrors)
{
	struct mirror_held held;
	const uint16_t sent = egress_flush_batch(worker, port->id, port, mirrors, &held);

	mirror_out(worker, mirrors, &held, sent);
}

void
egress_flush_port(struct worker *worker, uint16_t port_id)
{
	const struct mirror_set *mirrors = mirror_set_of(worker->dp);
	struct port *port = datapath_port(worker->dp, port_id);

	if (unlikely(mirrors != NULL) && port != NULL && mirror_wants(mirrors, MIRROR_OUT, port))
		egress_flush_mirrored(worker, port, mirrors);
	else
		egress_flush_batch(worker, port_id, port, NULL, NULL);
}

void
egress_flush(struct worker *worker)
{
	/* sending by one port can fill the batch of another */
	while (worker->n_dirty > 0) {
		uint16_t port_id = worker->dirty[--worker->n_dirty];

		worker->tx[port_id].dirty = false;
		if (worker->tx[port_id].n > 0)
			egress_flush_port(worker, port_id);
	}
	worker->wire = false;
	if (unlikely(worker->pending)) {
		worker->pending = false;
		worker->pending_done(worker);
	}
}
