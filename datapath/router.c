/* SPDX-License-Identifier: BSD-3-Clause */
#include "router_priv.h"

#include <assert.h>
#include <errno.h>
#include <netinet/icmp6.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include "egress.h"
#include "fib.h"
#include "packet.h"
#include "punt.h"
#include "trace.h"
#include "unaligned.h"

#define PREFETCH_AHEAD 4
#define MAC_MASK UINT64_C(0x0000ffffffffffff)
#define MAC_GROUP_BIT UINT64_C(1)
#define IPV6_NEXT_HEADER (RTE_ETHER_HDR_LEN + 6)
#define IPV6_HOP_LIMIT (RTE_ETHER_HDR_LEN + 7)
#define IPV6_PAYLOAD (RTE_ETHER_HDR_LEN + 40)
#define IPV4_DONT_FRAGMENT 0x40 /* in the byte of the flags */
#define DHCP_SERVER_PORT 67
#define DEPTH_MAX 4 /* gateways that lead to gateways, in one go */

static_assert(NEXT_HOPS_MAX <= 1u << FIB_NEXT_HOP_BITS, "what a FIB can hold");

struct router *
router_create(void)
{
	struct router *router = calloc(1, sizeof(*router));
	void *next_hops;

	if (router == NULL)
		return NULL;
	/* touched only where there are next hops */
	next_hops = mmap(NULL, NEXT_HOPS_MAX * sizeof(struct next_hop), PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (next_hops == MAP_FAILED) {
		free(router);
		errno = ENOMEM;
		return NULL;
	}
	router->next_hops = next_hops;
	return router;
}

void
router_destroy(struct router *router)
{
	if (router == NULL)
		return;
	munmap(router->next_hops, NEXT_HOPS_MAX * sizeof(struct next_hop));
	free(router);
}

void
next_hop_set_mac(struct next_hop *next_hop, const uint8_t *mac)
{
	uint64_t word = 0;

	if (mac != NULL) {
		memcpy(&word, mac, RTE_ETHER_ADDR_LEN);
		word |= NEXT_HOP_RESOLVED;
	}
	__atomic_store_n(&next_hop->mac, word, __ATOMIC_RELAXED);
}

struct rif *
rif_create(struct router *router, const struct port *port, uint16_t n_sources)
{
	struct rif *rif = calloc(1, sizeof(*rif) + n_sources * sizeof(rif->sources[0]));

	if (rif == NULL)
		return NULL;
	rif->router = router;
	rif->port = port->id;
	rif->n_sources = n_sources;
	return rif;
}

/* --- in: what is for the router, and what is not --- */

/* A burst that is being routed. */
struct router_step {
	struct worker *worker;
	const struct router *router;
	const struct rif *rif; /* it came in by */
	struct port *in;       /* its port */
};

/* What the control thread is to know of a packet that it gets. */
static struct punt
punt_of(const struct router_step *step, const struct ip_meta *meta, const struct next_hop *next_hop,
	enum punt_kind kind)
{
	return (struct punt){
		.pkt = meta->pkt,
		.kind = kind,
		.next_hop = (uint32_t)(next_hop - step->router->next_hops),
		.dst = meta->route_dst,
	};
}

/* Have the control thread tell the sender why its packet goes no further; the packet stays. */
static void
tell_sender(const struct router_step *step, const struct ip_meta *meta,
	    const struct next_hop *next_hop, enum punt_kind kind)
{
	struct punt entry = punt_of(step, meta, next_hop, kind);
	struct rte_mempool *pool = step->worker->pool;
	const struct rte_mbuf *pkt = meta->pkt;
	/* of a pending packet only the first segment is here */
	uint32_t len = pkt->ol_flags & PORT_PENDING ? pkt->data_len : pkt->pkt_len;

	if (!punt_allowed(step->worker, step->in, kind))
		return;
	entry.pkt = rte_pktmbuf_copy(pkt, pool, 0, RTE_MIN(len, (uint32_t)ROUTER_QUOTE_LEN));
	if (entry.pkt == NULL)
		return;
	entry.pkt->ol_flags = packet_pool_flags(pool);
	worker_stats(step->worker, step->in)->copies++;
	punt_queue(step->worker, step->in, &entry);
}

static bool
source_matches(const struct rif_source *source, const uint8_t *address, uint8_t bytes)
{
	uint8_t whole = source->len / 8, bits = source->len % 8;

	if (memcmp(source->prefix, address, whole) != 0)
		return false;
	return whole == bytes ||
	       ((address[whole] ^ source->prefix[whole]) & (0xff00 >> bits) & 0xff) == 0;
}

static inline bool
is_link_local(const uint8_t *address)
{
	return address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
}

/* Where the addresses of an IPv6 packet are: 16 bytes of source, then the destination. */
static inline const uint8_t *
ipv6_addresses(const struct ip_meta *meta)
{
	return rte_pktmbuf_mtod_offset(meta->pkt, const uint8_t *, meta->l3 + 8);
}

/* May an IPv4 packet of this source come in by the interface? */
static inline bool
source_allowed4(const struct rif *rif, uint32_t src)
{
	for (uint16_t i = 0; i < rif->n_sources; i++) {
		const struct rif_source *source = &rif->sources[i];
		const uint64_t differs = rte_be_to_cpu_32(src ^ get32(source->prefix));

		if (source->family == AF_INET && differs >> (32 - source->len) == 0)
			return true;
	}
	return false;
}

static bool
source_allowed6(const struct rif *rif, const uint8_t *address)
{
	for (uint16_t i = 0; i < rif->n_sources; i++)
		if (rif->sources[i].family == AF_INET6 &&
		    source_matches(&rif->sources[i], address, 16))
			return true;
	/* link-local ones speak to the router alone */
	return is_link_local(address);
}

/* May a packet of this source come in by the interface? */
static inline bool
source_allowed(const struct rif *rif, const struct ip_meta *meta)
{
	if (meta->flags & IP_IS_IPV6)
		return source_allowed6(rif, ipv6_addresses(meta));
	return source_allowed4(rif, meta->src);
}

/* Have they a meaning beyond a link, or at least to the router (RFC 4291 2.5.2, 2.5.3)? */
static __rte_noinline bool
ipv6_addresses_ok(const uint8_t *src)
{
	const uint8_t *dst = src + 16;
	uint64_t src_high, src_low, dst_high, dst_low;

	memcpy(&src_high, src, 8);
	memcpy(&src_low, src + 8, 8);
	memcpy(&dst_high, dst, 8);
	memcpy(&dst_low, dst + 8, 8);
	/* unspecified and loopback are 0 and 1 */
	return src[0] != 0xff && dst[0] != 0xff &&
	       (src_high != 0 || rte_be_to_cpu_64(src_low) > 1) &&
	       (dst_high != 0 || rte_be_to_cpu_64(dst_low) > 1);
}

/* Are they those of stations (RFC 1812 5.3.7)? The first bytes of the addresses decide. */
static inline bool
ipv4_addresses_ok(const uint8_t *src)
{
	static const bool bad[256] = { [0] = true, [127] = true, [224 ... 255] = true };

	return !(bad[src[0]] | bad[src[4]]);
}

/*
 * Neighbour discovery (RFC 4861): what nobody forwards, and whose hop limit proves that nobody has.
 * By proxy, the router is asked for addresses that are not its own, too.
 */
static bool
is_nd(const struct rte_mbuf *pkt)
{
	const uint8_t *frame = rte_pktmbuf_mtod(pkt, const uint8_t *);

	return pkt->data_len > IPV6_PAYLOAD && frame[IPV6_NEXT_HEADER] == IPPROTO_ICMPV6 &&
	       frame[IPV6_HOP_LIMIT] == 255 &&
	       (frame[IPV6_PAYLOAD] == ND_NEIGHBOR_SOLICIT ||
		frame[IPV6_PAYLOAD] == ND_NEIGHBOR_ADVERT);
}

/* A message to whatever DHCP servers there are (RFC 2131 4.1)? */
static bool
is_dhcp(const struct rte_mbuf *pkt, uint64_t dst)
{
	const uint8_t *frame = rte_pktmbuf_mtod(pkt, const uint8_t *);
	const uint8_t *ip = frame + RTE_ETHER_HDR_LEN;
	const uint32_t l4 = RTE_ETHER_HDR_LEN + (ip[0] & 0xf) * 4u;

	return dst == MAC_MASK &&
	       pkt->data_len >= RTE_ETHER_HDR_LEN + sizeof(struct rte_ipv4_hdr) &&
	       pkt->data_len >= l4 + sizeof(struct rte_udp_hdr) && ip[9] == IPPROTO_UDP &&
	       frame[l4 + 2] == DHCP_SERVER_PORT >> 8 && frame[l4 + 3] == DHCP_SERVER_PORT;
}

/* A frame that is not plain unicast IP to the router. Its own reasons, or the control thread. */
static __rte_noinline void
take_other(const struct router_step *step, struct rte_mbuf *pkt, uint64_t dst, uint16_t type)
{
	if (pkt->data_len < RTE_ETHER_HDR_LEN)
		port_drop(step->worker, step->in, pkt, DROP_BAD_FRAME);
	else if (type == RTE_BE16(RTE_ETHER_TYPE_ARP))
		punt(step->worker, step->in, pkt, PUNT_ARP, 0);
	else if (type == RTE_BE16(RTE_ETHER_TYPE_IPV6) && (dst & MAC_GROUP_BIT) && is_nd(pkt))
		punt(step->worker, step->in, pkt, PUNT_ND, 0);
	else if (type == RTE_BE16(RTE_ETHER_TYPE_IPV4) &&
		 __atomic_load_n(&step->router->dhcp, __ATOMIC_RELAXED) && is_dhcp(pkt, dst))
		punt(step->worker, step->in, pkt, PUNT_DHCP, 0);
	else
		port_drop(step->worker, step->in, pkt, DROP_NOT_ROUTED);
}

/* IPv6 that stays on this link: in no FIB. Return: whether it was that; then it is gone. */
static __rte_noinline bool
take_link_local(const struct router_step *step, const struct ip_meta *meta)
{
	const bool nd = is_nd(meta->pkt);

	if (!nd && !is_link_local(ipv6_addresses(meta) + 16))
		return false;
	punt(step->worker, step->in, meta->pkt, nd ? PUNT_ND : PUNT_LOCAL, 0);
	return true;
}

/* Why a packet is not to be routed, or IP_KEEP. @is_ipv6: the Ethertype says so. */
static uint8_t
router_refuse(const struct rif *rif, const struct ip_meta *meta, bool is_ipv6)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(meta->pkt, const uint8_t *, meta->l3);

	if (meta->drop != IP_KEEP)
		return meta->drop;
	if (is_ipv6 != ((meta->flags & IP_IS_IPV6) != 0))
		return DROP_BAD_FRAME;
	if (is_ipv6 ? !ipv6_addresses_ok(ip + 8) : !ipv4_addresses_ok(ip + 12))
		return DROP_NOT_ROUTED;
	if (rif->check_sources && !source_allowed(rif, meta))
		return DROP_SPOOFED;
	return IP_KEEP;
}

/* A packet that is not plain, or not sound. Return: whether it goes on; else it is dealt with. */
static __rte_noinline bool
router_parse_slow(const struct router_step *step, struct rte_mbuf *pkt, struct ip_meta *meta)
{
	const uint8_t *frame = rte_pktmbuf_mtod(pkt, const uint8_t *);
	const uint16_t type = get16(frame + 12);
	const bool is_ipv6 = type == RTE_BE16(RTE_ETHER_TYPE_IPV6);
	uint64_t own = 0, dst = 0;
	uint8_t drop;

	memcpy(&own, step->rif->mac, sizeof(step->rif->mac));
	memcpy(&dst, frame, RTE_ETHER_ADDR_LEN);
	if (dst != own || (type != RTE_BE16(RTE_ETHER_TYPE_IPV4) && !is_ipv6)) {
		take_other(step, pkt, dst, type);
		return false;
	}
	ip_parse(meta, pkt, RTE_ETHER_HDR_LEN);
	drop = router_refuse(step->rif, meta, is_ipv6);
	if (drop != IP_KEEP) {
		port_drop(step->worker, step->in, pkt, drop);
		return false;
	}
	return !is_ipv6 || !take_link_local(step, meta);
}

/* Read the headers of a burst. Return: how many packets go on; the others are dealt with. */
static uint16_t
router_parse(const struct router_step *step, struct rte_mbuf **pkts, uint16_t n,
	     struct ip_meta *metas)
{
	const struct rif *rif = step->rif;
	const bool check_sources = rif->check_sources;
	uint64_t own = 0;
	uint16_t k = 0;

	memcpy(&own, rif->mac, sizeof(rif->mac));
	for (uint16_t i = 0; i < RTE_MIN(n, PREFETCH_AHEAD); i++)
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], const void *));
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *pkt = pkts[i];
		const uint8_t *frame = rte_pktmbuf_mtod(pkt, const uint8_t *);
		const uint8_t *ip = frame + RTE_ETHER_HDR_LEN;
		uint64_t dst;

		if (i + PREFETCH_AHEAD < n)
			rte_prefetch0(rte_pktmbuf_mtod(pkts[i + PREFETCH_AHEAD], const void *));
		/* a buffer holds a header even if the frame does not */
		memcpy(&dst, frame, sizeof(dst));
		if (likely(((dst ^ own) & MAC_MASK) == 0 &&
			   get16(frame + 12) == RTE_BE16(RTE_ETHER_TYPE_IPV4) &&
			   ip_parse_plain(&metas[k], pkt, RTE_ETHER_HDR_LEN) &&
			   ipv4_addresses_ok(ip + 12) &&
			   (!check_sources || source_allowed4(rif, get32(ip + 12)))))
			k++;
		else if (router_parse_slow(step, pkt, &metas[k]))
			k++;
	}
	return k;
}

/* --- which way --- */

static void
router_lookup6(const struct fib *fib, struct ip_meta *metas, uint16_t n)
{
	uint64_t next_hops[PORT_BURST_MAX];
	uint8_t ips[PORT_BURST_MAX][16];

	for (uint16_t i = 0; i < n; i++)
		if (metas[i].flags & IP_IS_IPV6)
			memcpy(ips[i], ipv6_addresses(&metas[i]) + 16, 16);
		else
			memset(ips[i], 0, 16);
	if (fib != NULL)
		fib_lookup6(fib, ips, next_hops, n);
	for (uint16_t i = 0; i < n; i++)
		if (metas[i].flags & IP_IS_IPV6)
			metas[i].next_hop =
				fib != NULL ? FIB_NEXT_HOP(next_hops[i]) : FIB_NEXT_HOP_NONE;
}

static void
router_lookup(const struct router *router, struct ip_meta *metas, uint16_t n)
{
	const struct fib *fib4 = __atomic_load_n(&router->fib4, __ATOMIC_ACQUIRE);
	uint64_t next_hops[PORT_BURST_MAX];
	uint32_t ips[PORT_BURST_MAX];
	uint16_t n6 = 0;

	/* those of the other family are looked up in vain: fewer branches than two lists */
	for (uint16_t i = 0; i < n; i++) {
		ips[i] = rte_be_to_cpu_32(metas[i].route_dst);
		n6 += metas[i].flags & IP_IS_IPV6;
	}
	if (likely(fib4 != NULL && n6 < n)) {
		fib_lookup4(fib4, ips, next_hops, n);
		for (uint16_t i = 0; i < n; i++)
			metas[i].next_hop = FIB_NEXT_HOP(next_hops[i]);
	}
	if (n6 > 0)
		router_lookup6(__atomic_load_n(&router->fib6, __ATOMIC_ACQUIRE), metas, n);
}

/* All packets of a flow the same way: by what is the same for all of them, fragments included. */
static uint32_t
flow_hash(const struct ip_meta *meta)
{
	uint64_t hash = ((uint64_t)meta->src << 32 | meta->dst) ^ meta->proto;

	if (meta->flags & IP_IS_IPV6) {
		uint64_t words[4];

		memcpy(words, ipv6_addresses(meta), sizeof(words));
		hash ^= words[0] ^ (words[1] * 3) ^ (words[2] * 5) ^ (words[3] * 7);
	}
	if (!(meta->flags & (IP_FRAG_FIRST | IP_FRAG_LATER)))
		hash ^= ((uint64_t)meta->sport << 16 | meta->dport) * 11;
	hash = (hash ^ hash >> 32) * UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)(hash >> 32);
}

static __rte_noinline struct next_hop *
group_member(const struct router *router, const struct next_hop *group, const struct ip_meta *meta)
{
	const struct next_hop_members *members = __atomic_load_n(&group->members, __ATOMIC_ACQUIRE);

	return &router->next_hops[members->next_hops[flow_hash(meta) % members->n]];
}

static inline struct next_hop *
router_next_hop(const struct router *router, const struct ip_meta *meta)
{
	struct next_hop *next_hop = &router->next_hops[meta->next_hop];

	if (unlikely(next_hop->kind == NEXT_HOP_GROUP))
		return group_member(router, next_hop, meta);
	return next_hop;
}

/* Not to a neighbour whose MAC is known. The packet is gone in any case. */
static __rte_noinline void
take_next_hop(const struct router_step *step, const struct ip_meta *meta,
	      const struct next_hop *next_hop)
{
	struct punt entry;

	switch (next_hop->kind) {
	case NEXT_HOP_LOCAL:
		punt(step->worker, step->in, meta->pkt, PUNT_LOCAL, 0);
		return;
	case NEXT_HOP_CONNECTED:
	case NEXT_HOP_NEIGHBOUR:
		if (!punt_allowed(step->worker, step->in, PUNT_NEIGHBOUR)) {
			port_drop(step->worker, step->in, meta->pkt, DROP_NEIGHBOUR);
			return;
		}
		entry = punt_of(step, meta, next_hop, PUNT_NEIGHBOUR);
		punt_queue(step->worker, step->in, &entry);
		return;
	case NEXT_HOP_BLACKHOLE:
		break;
	default:
		tell_sender(step, meta, next_hop, PUNT_NO_ROUTE);
		break;
	}
	port_drop(step->worker, step->in, meta->pkt, DROP_NO_ROUTE);
}

/* A packet too big for where it is to go. Return: whether it may go on, to be cut. */
static __rte_noinline bool
take_big(const struct router_step *step, const struct ip_meta *meta,
	 const struct next_hop *next_hop)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(meta->pkt, const uint8_t *, meta->l3);

	if (!(meta->flags & IP_IS_IPV6) && !(ip[6] & IPV4_DONT_FRAGMENT))
		return true;
	tell_sender(step, meta, next_hop, PUNT_TOO_BIG);
	port_drop(step->worker, step->in, meta->pkt, DROP_MTU_EXCEEDED);
	return false;
}

/* Why a packet whose way is known goes no further, or IP_KEEP. */
static inline uint8_t
way_refuse(const struct ip_meta *meta, const struct next_hop *next_hop)
{
	if (unlikely(meta->drop != IP_KEEP))
		return meta->drop;
	if (next_hop->kind == NEXT_HOP_LOCAL)
		return IP_KEEP;
	if (unlikely(meta->nat == IP_NAT_MISS))
		return DROP_NAT_NO_SESSION;
	/* RFC 4291 2.5.6: it stays on its link */
	if (unlikely((meta->flags & IP_IS_IPV6) && is_link_local(ipv6_addresses(meta))))
		return DROP_NOT_ROUTED;
	return unlikely(meta->ttl <= 1) ? DROP_TTL : IP_KEEP;
}

/* Where packets to a neighbour go. Return: false: nowhere now. */
static bool
way_fill(const struct router_step *step, const struct next_hop *next_hop, uint64_t mac,
	 struct router_way *way)
{
	uint64_t own = 0;

	way->out = datapath_port(step->worker->dp, next_hop->rif);
	if (unlikely(way->out == NULL))
		return false;
	way->rif = __atomic_load_n(&way->out->rif, __ATOMIC_ACQUIRE);
	if (unlikely(way->rif == NULL))
		return false;
	memcpy(&own, way->rif->mac, sizeof(way->rif->mac));
	way->macs = (mac & MAC_MASK) | own << 48;
	way->macs_end = (uint32_t)(own >> 16);
	way->mtu = __atomic_load_n(&way->out->max_frame, __ATOMIC_RELAXED) - RTE_ETHER_HDR_LEN;
	way->next_hop = (uint32_t)(next_hop - step->router->next_hops);
	way->id = way->rif->port;
	way->flags = way->rif->side == NAT_OUTSIDE ? IP_SNAT : 0;
	return true;
}

/* The way of this burst to a next hop, or WAY_NONE. */
static inline uint16_t
way_cached(const struct router_ways *ways, uint32_t number)
{
	const uint16_t way = ways->cached[number % WAYS_CACHED];

	return ways->ways[way].next_hop == number ? way : WAY_NONE;
}

/* A way to a next hop that is not cached. Return: WAY_NONE: there is none, the packet is gone. */
static __rte_noinline uint16_t
way_new(const struct router_step *step, const struct ip_meta *meta, struct next_hop *next_hop,
	struct router_ways *ways)
{
	const uint64_t mac = __atomic_load_n(&next_hop->mac, __ATOMIC_RELAXED);
	const uint16_t way = ways->n;

	if (unlikely(next_hop->kind != NEXT_HOP_NEIGHBOUR || !(mac & NEXT_HOP_RESOLVED))) {
		take_next_hop(step, meta, next_hop);
		return WAY_NONE;
	}
	if (unlikely(__atomic_load_n(&next_hop->used, __ATOMIC_RELAXED) != step->worker->now) &&
	    !worker_is_dry(step->worker))
		__atomic_store_n(&next_hop->used, step->worker->now, __ATOMIC_RELAXED);
	if (unlikely(!way_fill(step, next_hop, mac, &ways->ways[way]))) {
		port_drop(step->worker, step->in, meta->pkt, DROP_PORT_DOWN);
		return WAY_NONE;
	}
	ways->cached[ways->ways[way].next_hop % WAYS_CACHED] = way;
	ways->n++;
	return way;
}

/* The way of a packet whose next hop is not cached, or that is not plain. Return: as decide(). */
static __rte_noinline bool
find_other_way(const struct router_step *step, struct ip_meta *meta, struct router_ways *ways)
{
	struct next_hop *next_hop = router_next_hop(step->router, meta);
	const uint8_t drop = way_refuse(meta, next_hop);

	if (unlikely(drop != IP_KEEP)) {
		if (drop == DROP_TTL)
			tell_sender(step, meta, next_hop, PUNT_TTL);
		port_drop(step->worker, step->in, meta->pkt, drop);
		return false;
	}
	meta->next_hop = (uint32_t)(next_hop - step->router->next_hops);
	meta->way = way_cached(ways, meta->next_hop);
	if (meta->way == WAY_NONE)
		meta->way = way_new(step, meta, next_hop, ways);
	return meta->way != WAY_NONE;
}

/* Have a packet to oneself. Return: whether one has; else it is dealt with. */
static bool
make_writable(const struct router_step *step, struct ip_meta *meta)
{
	if (!egress_fill(step->worker, meta->pkt))
		return false;
	meta->pkt = egress_writable(step->worker, meta->pkt);
	if (meta->pkt == NULL)
		port_drop(step->worker, step->in, NULL, DROP_NO_BUFFER);
	return meta->pkt != NULL;
}

/* decide() for whatever is not as most packets are. */
static __rte_noinline bool
decide_slow(const struct router_step *step, struct ip_meta *meta, struct router_ways *ways)
{
	if (!find_other_way(step, meta, ways))
		return false;
	if (offload_frame_len(meta->pkt) - meta->l3 > ways->ways[meta->way].mtu) {
		meta->flags |= IP_CUT;
		if (!take_big(step, meta, &step->router->next_hops[meta->next_hop]))
			return false;
	}
	return packet_writable(meta->pkt) || make_writable(step, meta);
}

/*
 * Decide where a packet goes, and have it to oneself. Return: whether it goes on; else it is dealt
 * with.
 */
static inline bool
decide(const struct router_step *step, struct ip_meta *meta, struct router_ways *ways)
{
	const uint16_t cached = way_cached(ways, meta->next_hop);
	const struct rte_mbuf *pkt = meta->pkt;
	const struct router_way *way = &ways->ways[cached];
	/* IPv4, not dropped, not IP_NAT_MISS */
	const uint32_t mask = IP_STATE(IP_IS_IPV6, UINT8_MAX, IP_NAT_MISS);

	static_assert((IP_NAT_MISS & (IP_NAT_OUT | IP_NAT_IN | IP_NAT_HAIRPIN)) == 0, "a bit");
	if (likely((cached != WAY_NONE) & ((ip_state(meta) & mask) == IP_STATE(0, IP_KEEP, 0)) &
		   (meta->ttl > 1) & ((pkt->ol_flags & OFFLOAD_SEG_MASK) == 0) &
		   (pkt->pkt_len - meta->l3 <= way->mtu)) &&
	    likely(packet_writable(pkt))) {
		meta->way = cached;
	} else {
		if (!decide_slow(step, meta, ways))
			return false;
		way = &ways->ways[meta->way];
	}
	meta->out = way->id;
	meta->flags |= way->flags;
	return true;
}

/*
 * The same for a burst. Return: how many go on, in front. Nothing is written before, since what
 * senders are told quotes packets as they were.
 */
static uint16_t
router_decide(const struct router_step *step, struct ip_meta *metas, uint16_t n,
	      struct router_ways *ways)
{
	uint16_t k = 0;

	ways->n = WAY_NONE + 1;
	ways->ways[WAY_NONE].next_hop = NEXT_HOPS_MAX; /* that of no packet */
	memset(ways->cached, WAY_NONE, sizeof(ways->cached));
	for (uint16_t i = 0; i < n; i++) {
		if (unlikely(!decide(step, &metas[i], ways)))
			continue;
		if (unlikely(k != i))
			metas[k] = metas[i];
		k++;
	}
	return k;
}

/*
 * Show packets that go on to those who look at them before or after NAT. Return: how many are left,
 * in front.
 */
static __rte_noinline uint16_t
router_show(const struct router_step *step, const struct capture_set *captures,
	    enum capture_point point, struct ip_meta *metas, uint16_t n)
{
	struct rte_mbuf *pkts[PORT_BURST_MAX];
	uint8_t which[PORT_BURST_MAX];
	uint16_t shown = 0, k = 0;
	uint64_t lost;

	for (uint16_t i = 0; i < n; i++) {
		if (metas[i].drop != IP_KEEP)
			continue;
		pkts[shown] = metas[i].pkt;
		which[shown++] = (uint8_t)i;
	}
	lost = shown > 0 ? capture_look(step->worker, captures, point, step->in, pkts, shown) : 0;
	if (likely(lost == 0))
		return n;
	for (; lost != 0; lost &= lost - 1)
		metas[which[__builtin_ctzll(lost)]].pkt = NULL;
	for (uint16_t i = 0; i < n; i++)
		if (metas[i].pkt != NULL)
			metas[k++] = metas[i];
	return k;
}

/* Translate what has been decided. Return: how many are left, in front. */
static inline uint16_t
router_translate(const struct router_step *step, struct nat *nat, struct ip_meta *metas, uint16_t n)
{
	const struct capture_set *captures = capture_set_of(step->worker->dp);
	const struct rif *rif = step->rif;

	if (unlikely(captures != NULL) && capture_wants(captures, CAPTURE_PRE_NAT, step->in))
		n = router_show(step, captures, CAPTURE_PRE_NAT, metas, n);
	if (likely(n > 0)) {
		const uint8_t found = metas[0].nat;

		nat_translate(nat, step->worker->id, step->worker->now, rif->side, rif->guest,
			      metas, n);
		if (unlikely(step->worker->trace != NULL) && metas[0].nat != found)
			trace_nat(step->worker, nat, metas, true);
	}
	if (unlikely(captures != NULL) && capture_wants(captures, CAPTURE_POST_NAT, step->in))
		n = router_show(step, captures, CAPTURE_POST_NAT, metas, n);
	return n;
}

/* --- what a trace is told (trace.h): of the only packet that there is --- */

static __rte_noinline void
trace_routed(const struct router_step *step, const struct nat *nat, const struct ip_meta *meta)
{
	if (nat != NULL && meta->nat != IP_NAT_NONE)
		trace_nat(step->worker, nat, meta, false);
	if (meta->drop == IP_KEEP)
		trace_route(step->worker, step->in, meta);
}

static __rte_noinline void
trace_way(const struct router_step *step, const struct ip_meta *meta,
	  const struct router_ways *ways)
{
	const struct router_way *way = &ways->ways[meta->way];

	trace_add(step->worker, TRACE_WAY, way->out, NULL, way->macs & MAC_MASK, way->next_hop,
		  way->mtu, (meta->flags & IP_CUT) != 0);
}

void
router_burst(struct worker *worker, const struct rif *rif, struct port *in, struct rte_mbuf **pkts,
	     uint16_t n)
{
	const struct router_step step = {
		.worker = worker,
		.router = rif->router,
		.rif = rif,
		.in = in,
	};
	struct nat *nat = __atomic_load_n(&rif->router->nat, __ATOMIC_ACQUIRE);
	struct router_ways ways;
	struct ip_meta metas[PORT_BURST_MAX];

	/* a packet that goes from gateway to gateway has its TTL; the stack has less patience */
	if (unlikely(worker->depth >= DEPTH_MAX)) {
		for (uint16_t i = 0; i < n; i++)
			port_drop(worker, in, pkts[i], DROP_TTL);
		return;
	}
	worker->depth++;
	if (unlikely(worker->trace != NULL))
		trace_add(worker, TRACE_ROUTER, in, NULL, 0, 0, 0, 0);
	n = router_parse(&step, pkts, n, metas);
	if (nat != NULL && n > 0)
		nat_classify(nat, worker->id, worker->now, rif->side, rif->guest, metas, n);
	if (likely(n > 0)) {
		router_lookup(step.router, metas, n);
		if (unlikely(worker->trace != NULL))
			trace_routed(&step, nat, metas);
		n = router_decide(&step, metas, n, &ways);
	}
	if (unlikely(worker->trace != NULL) && n > 0)
		trace_way(&step, metas, &ways);
	if (nat != NULL && n > 0)
		n = router_translate(&step, nat, metas, n);
	router_output(worker, in, metas, &ways, n);
	worker->depth--;
}
