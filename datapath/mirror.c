/* SPDX-License-Identifier: BSD-3-Clause */
#include "mirror.h"

#include <errno.h>

#include <rte_ether.h>

#include "egress.h"
#include "packet.h"
#include "trace.h"
#include "vlan.h"
#include "worker.h"

/* --- copies --- */

/* Have no more than this of a packet that nobody else has. */
static void
cut(struct rte_mbuf *pkt, uint32_t length)
{
	struct rte_mbuf *last = pkt;
	uint32_t left = length;

	if (length == 0 || pkt->pkt_len <= length)
		return;
	while (left > last->data_len) {
		left -= last->data_len;
		last = last->next;
	}
	for (struct rte_mbuf *rest = last->next; rest != NULL; rest = rest->next)
		pkt->nb_segs--;
	rte_pktmbuf_free(last->next);
	last->next = NULL;
	last->data_len = (uint16_t)left;
	pkt->pkt_len = length;
}

static void
send_own(struct worker *worker, const struct mirror *mirror, struct port *out, struct rte_mbuf *pkt)
{
	cut(pkt, mirror->length);
	if (mirror->marks)
		pkt->ol_flags |= PORT_MIRRORED;
	egress_copy(worker, out, pkt);
}

/* A super-packet that is to be cut: its segments are. Return: 0 or -errno. */
static int
send_segments(struct worker *worker, const struct mirror *mirror, struct port *out,
	      const struct rte_mbuf *pkt)
{
	struct rte_mbuf *segments[OFFLOAD_SEGMENTS_MAX];
	const int n = offload_segment(pkt, worker->pool, false, segments, OFFLOAD_SEGMENTS_MAX);

	worker_stats(worker, out)->copies += n > 0 ? n : 0;
	for (int i = 0; i < n; i++)
		send_own(worker, mirror, out, segments[i]);
	return n > 0 ? 0 : n;
}

/* The same with a copy that may be changed. @change: what its tag needs. */
static int
send_changed(struct worker *worker, const struct mirror *mirror, struct port *out,
	     const struct rte_mbuf *pkt, uint16_t tag, enum vlan_change change)
{
	const bool is_cut = mirror->length != 0 && pkt->pkt_len > mirror->length;
	struct rte_mbuf *copy = packet_copy(pkt, worker->pool);
	int ret = 0;

	if (copy == NULL)
		return -ENOBUFS;
	ret = vlan_egress(&vlan_default, copy, tag, change);
	if (ret == 0 && is_cut && (copy->ol_flags & OFFLOAD_SEG_MASK)) {
		ret = send_segments(worker, mirror, out, copy);
		rte_pktmbuf_free(copy);
		return ret;
	}
	if (ret == 0 && is_cut && offload_wanted(copy, 0))
		ret = offload_complete(copy);
	if (ret < 0) {
		rte_pktmbuf_free(copy);
		return ret;
	}
	worker_stats(worker, out)->copies++;
	send_own(worker, mirror, out, copy);
	return 0;
}

/* Copy a packet, which stays the caller's, and is here as a whole. */
static void
copy_send(struct worker *worker, const struct mirror *mirror, struct rte_mbuf *pkt, uint16_t tag)
{
	struct mirror_count *count = &mirror->counts[worker->id];
	struct port *out = datapath_port(worker->dp, mirror->out);
	enum vlan_change change = VLAN_KEEP;

	if (unlikely(out == NULL || out->generation != mirror->generation))
		return;
	if (unlikely(worker->trace != NULL))
		trace_add(worker, TRACE_MIRROR, out, NULL, 0, 0, 0, 0);
	count->packets++;
	count->bytes += pkt->pkt_len;
	if (mirror->is_bridge)
		change = vlan_egress_change(&vlan_default, pkt, tag);
	if (change == VLAN_KEEP && !mirror->marks &&
	    (mirror->length == 0 || pkt->pkt_len <= mirror->length)) {
		rte_pktmbuf_refcnt_update(pkt, 1);
		worker_stats(worker, out)->copies++;
		egress_copy(worker, out, pkt);
	} else if (send_changed(worker, mirror, out, pkt, tag, change) < 0) {
		count->lost++;
	}
}

/* --- which --- */

static uint16_t
tag_of(const struct port *port, const struct rte_mbuf *pkt)
{
	const uint8_t *frame = rte_pktmbuf_mtod(pkt, const uint8_t *);

	if (unlikely(pkt->data_len < RTE_ETHER_HDR_LEN))
		return VLAN_NONE;
	return vlan_ingress(vlan_of(port), frame, pkt->data_len, vlan_type_at(pkt, VLAN_OFFSET));
}

/* Which of the mirrors that look at a port copy this packet of it. @ret_tag: its tag word. */
static inline uint32_t
packet_wanted(const struct mirror_set *set, uint32_t looking, const struct port *port,
	      const struct rte_mbuf *pkt, uint16_t *ret_tag)
{
	const uint16_t tag = tag_of(port, pkt);
	uint32_t wanted = 0;

	*ret_tag = tag;
	if (unlikely(pkt->ol_flags & PORT_MIRRORED))
		return 0;
	for (; looking != 0; looking &= looking - 1) {
		const struct mirror *mirror = &set->mirrors[__builtin_ctz(looking)];

		if (mirror->is_bridge && (tag == VLAN_NONE || !port->open))
			continue;
		if (mirror->vid == MIRROR_VID_ANY ||
		    (tag != VLAN_NONE && (tag & VLAN_VID_MASK) == mirror->vid))
			wanted |= looking & -looking;
	}
	return wanted;
}

static void
send_all(struct worker *worker, const struct mirror_set *set, uint32_t wanted, struct rte_mbuf *pkt,
	 uint16_t tag)
{
	for (; wanted != 0; wanted &= wanted - 1)
		copy_send(worker, &set->mirrors[__builtin_ctz(wanted)], pkt, tag);
}

uint16_t
mirror_in(struct worker *worker, const struct mirror_set *set, const struct port *port,
	  struct rte_mbuf **pkts, uint16_t n)
{
	const uint32_t looking = set->wanted[MIRROR_IN][port->id];
	uint16_t n_kept = 0;

	for (uint16_t i = 0; i < n; i++) {
		uint16_t tag;
		const uint32_t wanted = packet_wanted(set, looking, port, pkts[i], &tag);

		if (wanted != 0) {
			if (unlikely(!egress_fill(worker, pkts[i])))
				continue;
			send_all(worker, set, wanted, pkts[i], tag);
		}
		pkts[n_kept++] = pkts[i];
	}
	return n_kept;
}

void
mirror_hold(const struct mirror_set *set, const struct port *port, struct rte_mbuf *const *pkts,
	    uint16_t n, struct mirror_held *ret_held)
{
	const uint32_t looking = set->wanted[MIRROR_OUT][port->id];
	uint16_t tag;

	ret_held->any = 0;
	ret_held->n = n;
	for (uint16_t i = 0; i < n; i++) {
		ret_held->wanted[i] = packet_wanted(set, looking, port, pkts[i], &tag);
		if (ret_held->wanted[i] == 0)
			continue;
		ret_held->any |= UINT64_C(1) << i;
		ret_held->pkts[i] = pkts[i];
		rte_pktmbuf_refcnt_update(pkts[i], 1);
	}
}

void
mirror_lose(struct mirror_held *held, const struct rte_mbuf *pkt)
{
	for (uint64_t left = held->any; left != 0; left &= left - 1) {
		const unsigned int i = __builtin_ctzll(left);

		if (held->pkts[i] == pkt)
			held->wanted[i] = 0;
	}
}

void
mirror_out(struct worker *worker, const struct mirror_set *set, struct mirror_held *held,
	   uint16_t n_sent)
{
	for (uint64_t left = held->any; left != 0; left &= left - 1) {
		const unsigned int i = __builtin_ctzll(left);

		/* only ports' mirrors look at what is sent, and these have no use for a tag word */
		if (i < n_sent)
			send_all(worker, set, held->wanted[i], held->pkts[i], 0);
		rte_pktmbuf_free(held->pkts[i]);
	}
}

void
mirror_count(const struct mirror_count *counts, struct mirror_count *ret_sum)
{
	*ret_sum = (struct mirror_count){ 0 };
	for (unsigned int i = 0; i < WORKER_MAX; i++) {
		ret_sum->packets += __atomic_load_n(&counts[i].packets, __ATOMIC_RELAXED);
		ret_sum->bytes += __atomic_load_n(&counts[i].bytes, __ATOMIC_RELAXED);
		ret_sum->lost += __atomic_load_n(&counts[i].lost, __ATOMIC_RELAXED);
	}
}
