/* SPDX-License-Identifier: BSD-3-Clause */
/* The last step of routing: headers are rewritten, packets leave. */
#include <errno.h>
#include <string.h>

#include <rte_ether.h>

#include "egress.h"
#include "ip_frag.h"
#include "router_priv.h"

/* Packets in a row for one gateway: they enter its bridge together. */
struct gather {
	struct port *gateway;
	uint16_t n;
	struct rte_mbuf *pkts[PORT_BURST_MAX];
};

static void
gather_end(struct worker *worker, struct gather *gather)
{
	const uint16_t n = gather->n;

	gather->n = 0;
	if (n > 0)
		worker_enter(worker, gather->gateway, gather->pkts, n);
}

/* Send a packet by a routed interface; its frame is complete. */
static inline void
router_send(struct worker *worker, const struct router_way *way, struct gather *gather,
	    struct rte_mbuf *pkt)
{
	if (!way->rif->gateway) {
		egress_packet(worker, way->out, way->out, pkt, 0);
		return;
	}
	if (gather->gateway != way->out || gather->n == PORT_BURST_MAX)
		gather_end(worker, gather);
	gather->gateway = way->out;
	gather->pkts[gather->n++] = pkt;
}

/* Cut an ordinary packet for the port's MTU and send the pieces. */
static void
send_pieces(struct worker *worker, const struct router_way *way, struct gather *gather,
	    struct rte_mbuf *pkt, uint16_t l3)
{
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
		router_send(worker, way, gather, pieces[i]);
}

/* The same for whatever is too long, super-packets with too large segments included. */
static __rte_noinline void
router_send_cut(struct worker *worker, const struct router_way *way, struct gather *gather,
		struct rte_mbuf *pkt, uint16_t l3)
{
	struct rte_mbuf *segments[OFFLOAD_SEGMENTS_MAX];
	int n;

	if (!egress_fill(worker, pkt))
		return;
	if (!(pkt->ol_flags & OFFLOAD_SEG_MASK)) {
		send_pieces(worker, way, gather, pkt, l3);
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
			send_pieces(worker, way, gather, segments[i], l3);
		else
			router_send(worker, way, gather, segments[i]);
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

void
router_output(struct worker *worker, const struct port *in, const struct ip_meta *metas,
	      const struct router_way *ways, uint16_t n)
{
	struct gather gather = { .n = 0 };

	for (uint16_t i = 0; i < n; i++) {
		const struct router_way *way = &ways[i];
		const struct ip_meta *meta = &metas[i];
		uint8_t *frame = rte_pktmbuf_mtod(meta->pkt, uint8_t *);

		if (unlikely(meta->drop != IP_KEEP)) {
			port_drop(worker, in, meta->pkt, meta->drop);
			continue;
		}
		ttl_decrement(frame + meta->l3, meta->flags & IP_IS_IPV6);
		memcpy(frame, &way->macs, sizeof(way->macs));
		memcpy(frame + sizeof(way->macs), &way->macs_end, sizeof(way->macs_end));
		if (unlikely(meta->flags & IP_CUT))
			router_send_cut(worker, way, &gather, meta->pkt, meta->l3);
		else
			router_send(worker, way, &gather, meta->pkt);
	}
	gather_end(worker, &gather);
}
