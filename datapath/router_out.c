/* SPDX-License-Identifier: BSD-3-Clause */
/* The last step of routing: headers are rewritten, packets leave. */
#include <errno.h>
#include <string.h>

#include <rte_ether.h>

#include "egress.h"
#include "ip_frag.h"
#include "router_priv.h"

/* Packets in a row for one interface; their frames are complete. They leave together. */
struct gather {
	const struct router_way *way;
	uint16_t n;
	bool cut; /* there are pieces, whose flags are not looked at */
	uint64_t bytes, flags;
	struct rte_mbuf *pkts[PORT_BURST_MAX];
};

static void
gather_end(struct worker *worker, struct gather *gather)
{
	const struct router_way *way = gather->way;
	const uint64_t bytes = gather->bytes;
	const uint16_t n = gather->n;

	gather->n = 0;
	gather->bytes = 0;
	if (n == 0)
		return;
	if (way->rif->gateway) {
		port_passed_in(worker, way->out, n, bytes);
		worker_enter(worker, way->out, gather->pkts, n);
	} else {
		egress_burst(worker, way->out, gather->pkts, n, bytes, gather->flags,
			     !gather->cut && way->mtu + RTE_ETHER_HDR_LEN <= way->out->max_frame);
	}
}

static void
gather_add(struct worker *worker, struct gather *gather, struct rte_mbuf *pkt)
{
	if (unlikely(gather->n == PORT_BURST_MAX))
		gather_end(worker, gather);
	gather->pkts[gather->n++] = pkt;
	gather->bytes += pkt->pkt_len;
}

/* Cut an ordinary packet for the port's MTU and send the pieces. */
static void
send_pieces(struct worker *worker, struct gather *gather, struct rte_mbuf *pkt, uint16_t l3)
{
	const struct router_way *way = gather->way;
	struct rte_mbuf *pieces[IP_FRAG_MAX];
	int n;

	if (offload_wanted(pkt, 0) && offload_complete(pkt) < 0) {
		port_drop(worker, way->out, pkt, DROP_OFFLOAD);
		return;
	}
	n = ip_frag(pkt, l3, way->mtu, worker->pool, pieces);
	if (n < 0) {
		port_drop(worker, way->out, pkt,
			  n == -ENOBUFS ? DROP_NO_BUFFER : DROP_MTU_EXCEEDED);
		return;
	}
	rte_pktmbuf_free(pkt);
	worker_stats(worker, way->out)->copies += n - 1;
	for (int i = 0; i < n; i++)
		gather_add(worker, gather, pieces[i]);
}

/* The same for whatever is too long, super-packets with too large segments included. */
static __rte_noinline void
router_send_cut(struct worker *worker, struct gather *gather, struct rte_mbuf *pkt, uint16_t l3)
{
	const struct router_way *way = gather->way;
	struct rte_mbuf *segments[OFFLOAD_SEGMENTS_MAX];
	int n;

	if (!egress_fill(worker, pkt))
		return;
	if (!(pkt->ol_flags & OFFLOAD_SEG_MASK)) {
		send_pieces(worker, gather, pkt, l3);
		return;
	}
	n = offload_segment(pkt, worker->pool, false, segments, OFFLOAD_SEGMENTS_MAX);
	if (n <= 0) {
		port_drop(worker, way->out, pkt, n == -ENOBUFS ? DROP_NO_BUFFER : DROP_OFFLOAD);
		return;
	}
	rte_pktmbuf_free(pkt);
	worker_stats(worker, way->out)->copies += n - 1;
	for (int i = 0; i < n; i++) {
		if (segments[i]->pkt_len - l3 > way->mtu)
			send_pieces(worker, gather, segments[i], l3);
		else
			gather_add(worker, gather, segments[i]);
	}
}

/* One hop less to go. */
static inline void
ttl_decrement(uint8_t *ip, bool is_ipv6)
{
	uint16_t sum;

	if (is_ipv6) {
		ip[7]--;
		return;
	}
	ip[8]--;
	/* RFC 1624: the word whose high byte is the TTL is less by 1, so its complement is more */
	sum = get16(ip + 10) + RTE_BE16(0x0100);
	put16(ip + 10, sum + (sum < RTE_BE16(0x0100)));
}

/* Write what changes at every hop. */
static inline void
rewrite(const struct router_way *way, const struct ip_meta *meta)
{
	uint8_t *frame = rte_pktmbuf_mtod(meta->pkt, uint8_t *);

	ttl_decrement(frame + meta->l3, meta->flags & IP_IS_IPV6);
	memcpy(frame, &way->macs, sizeof(way->macs));
	memcpy(frame + sizeof(way->macs), &way->macs_end, sizeof(way->macs_end));
}

/* Rewrite packets that go the same way, as far as that is all. Return: how many from the start. */
static inline uint16_t
rewrite_run(struct gather *gather, const struct ip_meta *metas, uint16_t n)
{
	const struct router_way way = *gather->way;
	const uint32_t mask = IP_STATE(IP_CUT, UINT8_MAX, 0);
	const uint16_t number = metas[0].way;
	uint64_t bytes = 0, flags = 0;
	uint16_t i;

	for (i = 0; i < n; i++) {
		const struct ip_meta *meta = &metas[i];

		if (unlikely((meta->way != number) |
			     ((ip_state(meta) & mask) != IP_STATE(0, IP_KEEP, 0))))
			break;
		rewrite(&way, meta);
		bytes += meta->pkt->pkt_len;
		flags |= meta->pkt->ol_flags;
		gather->pkts[i] = meta->pkt;
	}
	gather->n = i;
	gather->bytes = bytes;
	gather->flags = flags;
	gather->cut = false;
	return i;
}

void
router_output(struct worker *worker, const struct port *in, const struct ip_meta *metas,
	      const struct router_ways *ways, uint16_t n)
{
	struct gather gather;
	uint16_t done;

	for (uint16_t i = 0; i < n; i += done) {
		const struct ip_meta *meta = &metas[i];

		gather.way = &ways->ways[meta->way];
		done = rewrite_run(&gather, meta, n - i);
		if (unlikely(done == 0)) {
			done = 1;
			if (meta->drop != IP_KEEP) {
				port_drop(worker, in, meta->pkt, meta->drop);
				continue;
			}
			rewrite(gather.way, meta);
			gather.cut = true;
			router_send_cut(worker, &gather, meta->pkt, meta->l3);
		}
		gather_end(worker, &gather);
	}
}
