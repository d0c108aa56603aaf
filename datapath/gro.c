/* SPDX-License-Identifier: BSD-3-Clause */
#include "gro.h"

#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>

#include "csum.h"
#include "l4.h"
#include "offload.h"
#include "packet.h"
#include "unaligned.h"

#define IPV4_LEN sizeof(struct rte_ipv4_hdr)
#define IPV6_LEN sizeof(struct rte_ipv6_hdr)
#define TCP_LEN sizeof(struct rte_tcp_hdr)
#define PACKET_MAX 65535 /* bytes, also with the Ethernet header: Xen's and IP's 16 bits */

/* A complete packet; what has any other mark is not for this step, whatever the mark says. */
#define MARKS_ALLOWED (RTE_MBUF_F_RX_L4_CKSUM_GOOD | RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL)

#define FLAGS_NEVER (RTE_TCP_SYN_FLAG | RTE_TCP_RST_FLAG | RTE_TCP_URG_FLAG)
#define FLAGS_LAST (RTE_TCP_PSH_FLAG | RTE_TCP_FIN_FLAG) /* end a merged packet */

/* What a packet means for the flows that are open. */
enum gro_kind {
	GRO_PASS,    /* belongs to none of them */
	GRO_BARRIER, /* may belong to any of them (a fragment): nothing may overtake it */
	GRO_SEGMENT, /* of TCP, with the flow and all lengths known */
};

/* A TCP segment as it came in. */
struct segment {
	struct rte_mbuf *pkt;
	const uint8_t *ip;
	const struct rte_tcp_hdr *tcp;
	struct l4 l4;
	uint32_t hash;       /* of the flow */
	uint16_t header_len; /* of all headers */
	uint16_t payload;
	bool mergeable; /* by what it says itself */
};

/* A packet that segments may be appended to. */
struct flow {
	struct segment first;
	struct rte_mbuf *last; /* mbuf of the chain */
	uint32_t seq;          /* of the next segment */
	uint16_t n;            /* segments in it */
	uint8_t flags;         /* of the last one, those of FLAGS_LAST */
};

struct gro {
	uint32_t n;       /* flows open */
	uint32_t oldest;  /* the next to make room */
	uint64_t removed; /* bytes of headers and padding that are no longer sent */
	struct flow flows[GRO_FLOWS];
};

/* The bytes of the addresses, and where they are; source and destination port follow in TCP. */
static uint32_t
addresses(const struct segment *seg, const uint8_t **ret_at)
{
	if (seg->l4.is_ipv6) {
		*ret_at = seg->ip + offsetof(struct rte_ipv6_hdr, src_addr);
		return 32;
	}
	*ret_at = seg->ip + offsetof(struct rte_ipv4_hdr, src_addr);
	return 8;
}

static uint32_t
flow_hash(const struct segment *seg)
{
	const uint8_t *at;
	uint32_t len = addresses(seg, &at), hash = get32((const uint8_t *)seg->tcp);

	/* only to tell most flows apart in one comparison */
	for (uint32_t i = 0; i < len; i += sizeof(hash))
		hash = (hash ^ get32(at + i)) * UINT32_C(0x9e3779b1);
	return hash;
}

/* Can the segment be part of a merged packet, as far as that can be told from it alone? */
static bool
is_mergeable(const struct segment *seg, uint32_t caps)
{
	const uint16_t tcp_len = seg->header_len - seg->l4.l2_len - seg->l4.l3_len;
	const struct rte_mbuf *pkt = seg->pkt;
	const uint32_t cap = seg->l4.is_ipv6 ? PORT_CAP_TSO_IPV6 : PORT_CAP_TSO_IPV4;

	if ((caps & cap) == 0 ||
	    (seg->l4.l2_len > RTE_ETHER_HDR_LEN && (caps & PORT_CAP_TAGGED) == 0))
		return false;
	if (seg->l4.l3_len != (seg->l4.is_ipv6 ? IPV6_LEN : IPV4_LEN))
		return false;
	/* of the fragment field, l4_parse() has refused all but the evil bit (RFC 3514) */
	if (!seg->l4.is_ipv6 && (seg->ip[offsetof(struct rte_ipv4_hdr, fragment_offset)] & 0x80))
		return false;
	if (tcp_len < TCP_LEN || tcp_len >= seg->l4.l4_len || seg->header_len >= pkt->data_len)
		return false;
	if ((seg->tcp->tcp_flags & FLAGS_NEVER) || !(seg->tcp->tcp_flags & RTE_TCP_ACK_FLAG))
		return false;
	/* padding can be cut off where it is easy */
	if (pkt->nb_segs > 1 && pkt->pkt_len != (uint32_t)seg->header_len + seg->payload)
		return false;
	return rte_mbuf_refcnt_read(pkt) == 1;
}

static enum gro_kind
parse(struct rte_mbuf *pkt, uint32_t caps, struct segment *seg)
{
	const uint8_t *frame = rte_pktmbuf_mtod(pkt, const uint8_t *);
	uint32_t start;

	/* left undone by a guest or a host: of no flow that comes from a wire */
	if (pkt->ol_flags & ~MARKS_ALLOWED)
		return GRO_PASS;
	if (l4_parse(pkt, &seg->l4) != 0)
		return GRO_BARRIER;
	if (seg->l4.proto != IPPROTO_TCP)
		return GRO_PASS;
	start = (uint32_t)seg->l4.l2_len + seg->l4.l3_len;
	if (seg->l4.l4_len < TCP_LEN || start + TCP_LEN > pkt->data_len)
		return GRO_BARRIER;
	seg->pkt = pkt;
	seg->ip = frame + seg->l4.l2_len;
	seg->tcp = (const struct rte_tcp_hdr *)(frame + start);
	seg->hash = flow_hash(seg);
	seg->header_len = start + (seg->tcp->data_off >> 4) * 4;
	seg->payload = start + seg->l4.l4_len - seg->header_len;
	seg->mergeable = is_mergeable(seg, caps);
	return GRO_SEGMENT;
}

static bool
same_flow(const struct flow *flow, const struct segment *seg)
{
	const struct segment *first = &flow->first;
	const uint8_t *ours, *its;
	uint32_t len;

	if (first->hash != seg->hash || first->l4.is_ipv6 != seg->l4.is_ipv6)
		return false;
	len = addresses(first, &ours);
	addresses(seg, &its);
	return memcmp(ours, its, len) == 0 &&
	       get32((const uint8_t *)first->tcp) == get32((const uint8_t *)seg->tcp);
}

/* All of the IP headers that must agree in one packet. */
static bool
same_ip(const struct flow *flow, const struct segment *seg)
{
	const uint8_t *first = flow->first.ip, *ip = seg->ip;
	uint16_t id, fragment;

	if (seg->l4.is_ipv6)
		return get32(first) == get32(ip) &&
		       first[offsetof(struct rte_ipv6_hdr, hop_limits)] ==
			       ip[offsetof(struct rte_ipv6_hdr, hop_limits)];
	fragment = get16(ip + offsetof(struct rte_ipv4_hdr, fragment_offset));
	if (get16(first) != get16(ip) ||
	    first[offsetof(struct rte_ipv4_hdr, time_to_live)] !=
		    ip[offsetof(struct rte_ipv4_hdr, time_to_live)] ||
	    fragment != get16(first + offsetof(struct rte_ipv4_hdr, fragment_offset)))
		return false;
	if (fragment & RTE_BE16(RTE_IPV4_HDR_DF_FLAG))
		return true; /* RFC 6864 4.1: the id says nothing */
	id = rte_be_to_cpu_16(get16(first + offsetof(struct rte_ipv4_hdr, packet_id)));
	return rte_be_to_cpu_16(get16(ip + offsetof(struct rte_ipv4_hdr, packet_id))) ==
	       (uint16_t)(id + flow->n);
}

static bool
same_tcp(const struct flow *flow, const struct segment *seg)
{
	const struct rte_tcp_hdr *first = flow->first.tcp, *tcp = seg->tcp;
	const uint8_t differ = first->tcp_flags ^ tcp->tcp_flags;
	const uint16_t tcp_len = seg->header_len - seg->l4.l2_len - seg->l4.l3_len;

	/* the sender has reduced its window once: that is for the first segment to say */
	if ((tcp->tcp_flags & RTE_TCP_CWR_FLAG) || (differ & ~(FLAGS_LAST | RTE_TCP_CWR_FLAG)) != 0)
		return false;
	return rte_be_to_cpu_32(tcp->sent_seq) == flow->seq && first->recv_ack == tcp->recv_ack &&
	       first->rx_win == tcp->rx_win && first->data_off == tcp->data_off &&
	       memcmp(first + 1, tcp + 1, tcp_len - TCP_LEN) == 0;
}

/* Are the checksums of IP and TCP right? They would be lost. */
static bool
verify(struct segment *seg)
{
	struct csum csum = { 0 };

	if (!seg->l4.is_ipv6) {
		csum_add(&csum, seg->ip, IPV4_LEN);
		if (csum_fold(csum.sum) != 0xffff)
			return false;
	}
	return offload_verify(seg->pkt, &seg->l4);
}

static bool
may_append(struct flow *flow, struct segment *seg)
{
	const struct segment *first = &flow->first;
	const uint32_t len = first->pkt->pkt_len + seg->payload;

	if (!seg->mergeable || seg->header_len != first->header_len ||
	    seg->payload > first->payload || seg->l4.l2_len != first->l4.l2_len)
		return false;
	if (len > PACKET_MAX || first->pkt->nb_segs + seg->pkt->nb_segs > GRO_MBUFS_MAX)
		return false;
	if (!same_tcp(flow, seg) || !same_ip(flow, seg) ||
	    memcmp(rte_pktmbuf_mtod(first->pkt, const void *),
		   rte_pktmbuf_mtod(seg->pkt, const void *), seg->l4.l2_len) != 0)
		return false;
	return (flow->n > 1 || verify(&flow->first)) && verify(seg);
}

static void
cut_padding(struct gro *gro, struct segment *seg)
{
	uint32_t padding = seg->pkt->pkt_len - seg->header_len - seg->payload;

	if (padding == 0)
		return;
	rte_pktmbuf_trim(seg->pkt, padding);
	gro->removed += padding;
}

static void
append(struct gro *gro, struct flow *flow, struct segment *seg)
{
	struct rte_mbuf *head = flow->first.pkt, *pkt = seg->pkt;

	flow->seq += seg->payload;
	flow->flags = seg->tcp->tcp_flags & FLAGS_LAST;
	if (flow->n++ == 1)
		cut_padding(gro, &flow->first);
	cut_padding(gro, seg);
	rte_pktmbuf_adj(pkt, seg->header_len);
	gro->removed += seg->header_len;
	head->nb_segs += pkt->nb_segs;
	head->pkt_len += pkt->pkt_len;
	flow->last->next = pkt;
	flow->last = rte_pktmbuf_lastseg(pkt);
}

/* Nothing more is appended: write the headers, if anything was. */
static void
finish(const struct flow *flow)
{
	struct rte_mbuf *pkt = flow->first.pkt;
	struct l4 l4 = flow->first.l4;
	struct rte_tcp_hdr *tcp =
		rte_pktmbuf_mtod_offset(pkt, struct rte_tcp_hdr *, l4.l2_len + l4.l3_len);

	if (flow->n == 1)
		return;
	l4.l4_len = pkt->pkt_len - l4.l2_len - l4.l3_len;
	tcp->tcp_flags |= flow->flags;
	offload_mark_gso(pkt, &l4, flow->first.header_len - l4.l2_len - l4.l3_len,
			 flow->first.payload);
}

static void
finish_all(struct gro *gro)
{
	for (uint32_t i = 0; i < gro->n; i++)
		finish(&gro->flows[i]);
	gro->n = 0;
	gro->oldest = 0;
}

static void
open_flow(const struct segment *seg, struct flow *flow)
{
	flow->first = *seg;
	flow->last = rte_pktmbuf_lastseg(seg->pkt);
	flow->seq = rte_be_to_cpu_32(seg->tcp->sent_seq) + seg->payload;
	flow->n = 1;
	flow->flags = 0;
}

/* May a merged packet begin with this segment? */
static bool
may_open(const struct segment *seg)
{
	return seg->mergeable && seg->payload >= OFFLOAD_MSS_MIN &&
	       (seg->tcp->tcp_flags & FLAGS_LAST) == 0 && packet_writable(seg->pkt);
}

/* A place for a new flow: a free one, or that of the one that was opened first. */
static struct flow *
free_flow(struct gro *gro)
{
	struct flow *flow;

	if (gro->n < GRO_FLOWS)
		return &gro->flows[gro->n++];
	flow = &gro->flows[gro->oldest];
	gro->oldest = (gro->oldest + 1) % GRO_FLOWS;
	finish(flow);
	return flow;
}

static void
close_flow(struct gro *gro, struct flow *flow)
{
	*flow = gro->flows[--gro->n];
	if (gro->oldest >= gro->n)
		gro->oldest = 0;
}

/* Append the segment to its flow, or leave it in the batch. Return: appended. */
static bool
take_segment(struct gro *gro, struct segment *seg)
{
	struct flow *flow = NULL;

	for (uint32_t i = 0; i < gro->n && flow == NULL; i++)
		if (same_flow(&gro->flows[i], seg))
			flow = &gro->flows[i];
	if (flow == NULL) {
		if (may_open(seg))
			open_flow(seg, free_flow(gro));
		return false;
	}
	if (may_append(flow, seg)) {
		append(gro, flow, seg);
		if (flow->flags != 0 || seg->payload < flow->first.payload) {
			finish(flow);
			close_flow(gro, flow);
		}
		return true;
	}
	finish(flow);
	if (may_open(seg))
		open_flow(seg, flow);
	else
		close_flow(gro, flow);
	return false;
}

uint16_t
gro_merge(uint32_t caps, struct rte_mbuf **pkts, uint16_t n, uint64_t *bytes)
{
	struct gro gro;
	uint16_t left = 0;

	gro.n = 0;
	gro.oldest = 0;
	gro.removed = 0;
	for (uint16_t i = 0; i < n; i++) {
		struct segment seg;

		switch (parse(pkts[i], caps, &seg)) {
		case GRO_SEGMENT:
			if (take_segment(&gro, &seg))
				continue;
			break;
		case GRO_BARRIER:
			finish_all(&gro);
			break;
		case GRO_PASS:
			break;
		}
		pkts[left++] = pkts[i];
	}
	finish_all(&gro);
	*bytes -= gro.removed;
	return left;
}
