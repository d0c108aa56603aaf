/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IP: what the headers of a packet say, read once.
 *
 * The router keeps an array of struct ip_meta beside the packets of a burst. ip_parse() fills an
 * element from the packet; the later steps (NAT, FIB, rewriting) read and write the element and do
 * not parse again. Addresses, ports and ids are in network order, as in the packet.
 *
 * A packet that a step refuses is not freed by that step: it gets a reason in `drop`, which
 * the router's loop looks at before it goes on.
 *
 * Thread-safety: plain functions on packets that the caller owns. Any thread.
 */
#ifndef DATAPATH_IP_H
#define DATAPATH_IP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <netinet/in.h>
#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_mbuf.h>

#include "csum.h"
#include "drop.h"
#include "unaligned.h"

#define IP_KEEP DROP_REASONS /* ip_meta.drop of a packet that goes on */

#define IPV4_HEADER_LEN 20
#define IPV4_FRAGMENT_BE RTE_BE16(0x3fff) /* more fragments, or not the first */
#define IPV4_OFFSET_BE RTE_BE16(0x1fff)

/* Transport headers that the datapath can change; the order is that of ip_l4_fields[]. */
enum ip_l4 {
	IP_L4_NONE, /* any other protocol, or no transport header here */
	IP_L4_TCP,
	IP_L4_UDP,  /* and UDP-Lite, whose checksum lies at the same place */
	IP_L4_ICMP, /* ICMPv4 queries: sport and dport are the identifier */
	IP_L4_KINDS
};

enum ip_flags {
	IP_IS_IPV6 = 1 << 0,     /* else IPv4 */
	IP_FRAG_FIRST = 1 << 1,  /* of several; has the transport header */
	IP_FRAG_LATER = 1 << 2,  /* has none */
	IP_HAS_OPTIONS = 1 << 3, /* IPv4 options */
	IP_ICMP_ERROR = 1 << 4,  /* ICMPv4 message that quotes a packet */
	IP_NO_L4 = 1 << 5,       /* transport header of a protocol of enum ip_l4 cut short */
	IP_SNAT = 1 << 6,        /* router: leaves by an interface that is NAT outside */
	IP_CUT = 1 << 7,         /* router: is too long for where it goes */
};

/* How NAT sees a packet: nat.h. */
enum ip_nat {
	IP_NAT_NONE,    /* does not concern it, so far */
	IP_NAT_OUT,     /* of a session, from inside: the source changes */
	IP_NAT_IN,      /* of a session, from outside: the destination changes */
	IP_NAT_HAIRPIN, /* of two sessions: both change */
	IP_NAT_MISS,    /* to an external address, and no session or rule matches */
};

struct ip_meta {
	struct rte_mbuf *pkt;
	uint32_t src;       /* IPv4; 0 for IPv6, read it from the packet */
	uint32_t dst;       /* as it is in the packet */
	uint16_t sport;     /* 0 if kind is IP_L4_NONE */
	uint16_t dport;     /* the two are next to each other, as in the packet */
	uint16_t l3;        /* offset of the IP header in the frame */
	uint16_t l4;        /* offset of what follows it, IPv6 extension headers skipped */
	uint16_t l4_len;    /* bytes from there to the end of the IP packet */
	uint8_t proto;      /* IP protocol; of what lies at l4 */
	uint8_t kind;       /* enum ip_l4 */
	uint8_t flags;      /* enum ip_flags */
	uint8_t tcp_flags;  /* if kind is IP_L4_TCP */
	uint8_t drop;       /* enum drop_reason, or IP_KEEP */
	uint8_t nat;        /* enum ip_nat; nat_classify() */
	uint32_t route_dst; /* the destination to route by: dst, or what NAT makes of it */
	uint32_t session;   /* NAT session that the packet belongs to; 0: none */
	uint32_t session2;  /* IP_NAT_HAIRPIN: the session of the other end */
	uint16_t out;       /* router: id of the interface that it leaves by */
	uint16_t way;       /* router: its way, among those of the burst */
	uint32_t next_hop;  /* router: result of the FIB */
	uint8_t ttl;        /* TTL or hop limit, as it is in the packet */
	uint8_t tos;        /* IPv4 TOS or IPv6 traffic class */
} __rte_aligned(64);
static_assert(sizeof(struct ip_meta) == 64, "one cache line");

/* What the steps ask again and again - flags, drop and nat - as one word, to be masked and compared
 */
#define IP_STATE(flags, drop, nat) \
	((uint32_t)(uint8_t)(flags) | (uint32_t)(drop) << 16 | (uint32_t)(nat) << 24)

static inline uint32_t
ip_state(const struct ip_meta *meta)
{
	uint32_t state;

	static_assert(offsetof(struct ip_meta, drop) == offsetof(struct ip_meta, flags) + 2 &&
			      offsetof(struct ip_meta, nat) == offsetof(struct ip_meta, flags) + 3,
		      "the word is made for this layout");
	memcpy(&state, &meta->flags, sizeof(state));
	return state;
}

/**
 * ip_parse_slow() - ip_parse() for whatever ip_parse_plain() leaves.
 */
void ip_parse_slow(struct ip_meta *ret_meta, struct rte_mbuf *pkt, uint16_t l3);

/*
 * Is the header's checksum right? @ip: 20 bytes without options. A one's complement sum is one
 * modulo 65535, and that it is 0 takes one multiplication to tell; it is not the zero of all zeros.
 */
static inline bool
ipv4_header_ok(const uint8_t *ip)
{
	const uint64_t sum = (uint64_t)get32(ip) + get32(ip + 4) + get32(ip + 8) + get32(ip + 12) +
			     get32(ip + 16);

	/* sum % 0xffff == 0, by the inverse of 0xffff modulo 2^64 */
	return sum * UINT64_C(0xfffefffefffeffff) <= UINT64_MAX / 0xffff;
}

/* The words of an ip_meta that ip_parse() writes as such: a store for each field costs more. */
static inline void
ip_meta_fill(struct ip_meta *meta, struct rte_mbuf *pkt, const uint8_t *ip, uint16_t l3,
	     uint16_t l4_len, bool tcp)
{
	const uint8_t *l4 = ip + IPV4_HEADER_LEN;
	const uint64_t kind = tcp ? IP_L4_TCP : IP_L4_UDP, tcp_flags = tcp ? l4[13] : 0;
	const uint64_t offsets = l3 | (uint32_t)(l3 + IPV4_HEADER_LEN) << 16;
	const uint64_t about = l4_len | (uint64_t)ip[9] << 16 | kind << 24 | tcp_flags << 40 |
			       (uint64_t)IP_KEEP << 48;
	const uint64_t route_dst = get32(ip + 16), none = 0;
	const uint64_t hops = (uint64_t)ip[8] << 32 | (uint64_t)ip[1] << 40;

	static_assert(
		RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN && offsetof(struct ip_meta, sport) == 16 &&
			offsetof(struct ip_meta, l3) == 20 &&
			offsetof(struct ip_meta, l4_len) == 24 &&
			offsetof(struct ip_meta, proto) == 26 &&
			offsetof(struct ip_meta, kind) == 27 &&
			offsetof(struct ip_meta, tcp_flags) == 29 &&
			offsetof(struct ip_meta, drop) == 30 &&
			offsetof(struct ip_meta, route_dst) == 32 &&
			offsetof(struct ip_meta, session2) == 40 &&
			offsetof(struct ip_meta, next_hop) == 48 &&
			offsetof(struct ip_meta, ttl) == 52 && offsetof(struct ip_meta, tos) == 53,
		"the words are made for this layout");
	meta->pkt = pkt;
	memcpy(&meta->src, ip + 12, 8);
	memcpy(&meta->sport, l4, 4);
	memcpy(&meta->l3, &offsets, 4);
	memcpy(&meta->l4_len, &about, 8);
	memcpy(&meta->route_dst, &route_dst, 8);
	memcpy(&meta->session2, &none, 8);
	memcpy(&meta->next_hop, &hops, 8);
}

/**
 * ip_parse_plain() - ip_parse() for a sound IPv4 packet with TCP or UDP, no options, no fragment.
 * Return: false: it is anything else, and nothing is written.
 */
static inline bool
ip_parse_plain(struct ip_meta *ret_meta, struct rte_mbuf *pkt, uint16_t l3)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(pkt, const uint8_t *, l3);
	uint16_t total;
	uint8_t proto;

	/* 20 bytes of either transport header: a shorter UDP packet takes the slow way */
	if (unlikely(pkt->data_len < l3 + IPV4_HEADER_LEN + 20 || ip[0] != 0x45 ||
		     (get16(ip + 6) & IPV4_FRAGMENT_BE) != 0))
		return false;
	proto = ip[9];
	total = rte_be_to_cpu_16(get16(ip + 2));
	if (unlikely(((proto != IPPROTO_TCP) & (proto != IPPROTO_UDP)) || total < 40 ||
		     (uint32_t)l3 + total > pkt->pkt_len || !ipv4_header_ok(ip)))
		return false;
	ip_meta_fill(ret_meta, pkt, ip, l3, total - IPV4_HEADER_LEN, proto == IPPROTO_TCP);
	return true;
}

/**
 * ip_parse() - read the headers of an IP packet.
 * @ret_meta: all of it is written; drop is IP_KEEP, DROP_BAD_FRAME or DROP_BAD_CHECKSUM; what the
 *	router fills is 0.
 * @pkt: frame, its headers in the first segment (port.h).
 * @l3: offset of the IP header. Whether it is IPv4 or IPv6 is read from there; the caller has
 *	looked at the Ethertype and compares.
 *
 * TTL, addresses and the like are judged by the router.
 */
static inline void
ip_parse(struct ip_meta *ret_meta, struct rte_mbuf *pkt, uint16_t l3)
{
	if (unlikely(!ip_parse_plain(ret_meta, pkt, l3)))
		ip_parse_slow(ret_meta, pkt, l3);
}

#endif /* DATAPATH_IP_H */
