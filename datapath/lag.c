/* SPDX-License-Identifier: BSD-3-Clause */
#include "lag.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <rte_arp.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_random.h>

#include "egress.h"
#include "fdb.h"
#include "punt.h"
#include "trace.h"
#include "worker.h"

#define PREFETCH_AHEAD 4
#define MAC_GROUP_BIT UINT64_C(1) /* of a MAC in a little-endian word */
/* 01:80:c2:00:00:02, IEEE 802.3 annex 57A */
#define MAC_SLOW_PROTOCOLS UINT64_C(0x020000c28001)
#define ICMP6_NEIGHBOR_ADVERT 136
#define GARP_SECONDS 5   /* for which a reflection of a gratuitous ARP is reckoned with */
#define SOURCE_SECONDS 3 /* for which one of another packet is, of a station not learnt yet */

static_assert(LAG_MEMBERS_MAX <= 8, "collecting has a bit for each slot");

/* --- where a packet belongs --- */

static inline uint64_t
mix(uint64_t a, uint64_t b)
{
	__uint128_t product = (__uint128_t)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* The upper bits of a product depend on all of its factors. */
static inline uint32_t
bucket_of(uint64_t hash)
{
	return hash * FDB_HASH_MIX >> 56;
}
static_assert(LAG_BUCKETS == 256, "bucket_of() gives eight bits");

static inline uint64_t
mac_at(const uint8_t *p)
{
	uint64_t mac;

	memcpy(&mac, p, sizeof(mac));
	return mac & FDB_MAC_MASK;
}

static inline bool
is_tag(rte_be16_t type)
{
	return type == RTE_BE16(RTE_ETHER_TYPE_VLAN) || type == RTE_BE16(RTE_ETHER_TYPE_QINQ);
}

static inline rte_be16_t
type_at(const uint8_t *frame, uint32_t at)
{
	rte_be16_t type;

	memcpy(&type, frame + at, sizeof(type));
	return type;
}

/* The VLAN of the outer tag; 0: none. A buffer holds a header even if the frame does not. */
static inline uint16_t
vid_of(const uint8_t *frame)
{
	return likely(!is_tag(type_at(frame, 12))) ? 0 : (frame[14] << 8 | frame[15]) & 0xfff;
}

/*
 * The same at every start: so the stations of a bond that is made again are where the switch on
 * the other side has seen them last. Nobody gains by choosing a bucket: load is balanced.
 */
static inline uint32_t
bucket_source(uint64_t mac, uint16_t vid)
{
	return bucket_of(mix(mac ^ UINT64_C(0x9fb21c651e98df25), vid + FDB_HASH_MIX));
}

static inline uint64_t
hash_l2(const struct lag *lag, const uint8_t *frame)
{
	return mix(mac_at(frame) ^ lag->seed[0],
		   (mac_at(frame + 6) | (uint64_t)vid_of(frame) << 48) ^ lag->seed[1]);
}

static inline bool
has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP ||
	       proto == IPPROTO_DCCP || proto == IPPROTO_UDPLITE;
}

static uint64_t
hash_ipv4(const struct lag *lag, const uint8_t *ip, uint32_t len)
{
	const uint32_t header = (ip[0] & 0x0f) * 4u;
	uint64_t addresses, ports = ip[9];
	uint32_t word;

	memcpy(&addresses, ip + 12, sizeof(addresses));
	/* neither a fragment nor followed by one: bits of offset and "more fragments" */
	if ((ip[6] & 0x3f) == 0 && ip[7] == 0 && has_ports(ip[9]) && len >= header + 4) {
		memcpy(&word, ip + header, sizeof(word));
		ports |= (uint64_t)word << 16;
	}
	return mix(addresses ^ lag->seed[0], ports ^ lag->seed[1]);
}

/* Extension headers are not walked: such packets are few. */
static uint64_t
hash_ipv6(const struct lag *lag, const uint8_t *ip, uint32_t len)
{
	uint64_t words[4], ports = 0;
	uint32_t word;

	memcpy(words, ip + 8, sizeof(words));
	if (has_ports(ip[6]) && len >= 44) {
		memcpy(&word, ip + 40, sizeof(word));
		ports = (uint64_t)word << 16 | ip[6];
	}
	return mix(mix(words[0] ^ lag->seed[0], words[1] ^ lag->seed[1]) ^ words[2],
		   mix(words[3] ^ lag->seed[1], ports ^ lag->seed[0]));
}

static uint64_t
hash_l34(const struct lag *lag, const struct rte_mbuf *pkt)
{
	const uint8_t *frame = rte_pktmbuf_mtod(pkt, const uint8_t *);
	uint32_t at = 12, len = pkt->data_len;

	for (int tags = 0; tags < 2 && unlikely(is_tag(type_at(frame, at))) && at + 6 <= len;
	     tags++)
		at += 4;
	at += 2;
	if (type_at(frame, at - 2) == RTE_BE16(RTE_ETHER_TYPE_IPV4) && len >= at + 20)
		return hash_ipv4(lag, frame + at, len - at);
	if (type_at(frame, at - 2) == RTE_BE16(RTE_ETHER_TYPE_IPV6) && len >= at + 40)
		return hash_ipv6(lag, frame + at, len - at);
	return hash_l2(lag, frame);
}

uint32_t
lag_bucket(const struct lag *lag, enum lag_hash hash, const struct rte_mbuf *pkt)
{
	const uint8_t *frame = rte_pktmbuf_mtod(pkt, const uint8_t *);

	switch (hash) {
	case LAG_HASH_SOURCE:
		return bucket_source(mac_at(frame + 6), vid_of(frame));
	case LAG_HASH_L34:
		return bucket_of(hash_l34(lag, pkt));
	case LAG_HASH_L2:
		break;
	}
	return bucket_of(hash_l2(lag, frame));
}

uint32_t
lag_bucket_source(uint64_t mac, uint16_t vid)
{
	return bucket_source(mac & FDB_MAC_MASK, vid);
}

/* --- what comes back --- */

static inline uint32_t
echo_slot(const struct lag_echo *echo, uint64_t mac)
{
	return mix(mac ^ echo->seed, FDB_HASH_MIX) >> 32;
}

static bool
is_gratuitous_arp(const uint8_t *arp, uint32_t len)
{
	const struct rte_arp_hdr *header = (const struct rte_arp_hdr *)arp;

	if (len < sizeof(*header))
		return false;
	return header->arp_opcode == RTE_BE16(RTE_ARP_OP_REPLY) ||
	       memcmp(&header->arp_data.arp_sip, &header->arp_data.arp_tip, 4) == 0;
}

/* Does a frame to a group tell that its sender is where the frame comes from? */
static bool
is_announcement(const struct rte_mbuf *pkt)
{
	const uint8_t *frame = rte_pktmbuf_mtod(pkt, const uint8_t *);
	uint32_t len = pkt->data_len, at = is_tag(type_at(frame, 12)) ? 18 : 14;
	const uint8_t *payload = frame + at;

	if (len < at || !(frame[0] & 1))
		return false;
	switch (rte_be_to_cpu_16(type_at(frame, at - 2))) {
	case RTE_ETHER_TYPE_RARP:
		return true;
	case RTE_ETHER_TYPE_ARP:
		return is_gratuitous_arp(payload, len - at);
	case RTE_ETHER_TYPE_IPV6: /* unsolicited: to all nodes */
		return len >= at + 41 && payload[6] == IPPROTO_ICMPV6 &&
		       payload[40] == ICMP6_NEIGHBOR_ADVERT &&
		       memcmp(frame, "\x33\x33\0\0\0\1", 6) == 0;
	default:
		return false;
	}
}

/* Remember a packet that leaves. Mostly finds that its sender is remembered already. */
static inline void
echo_note(struct lag_echo *echo, const struct rte_mbuf *pkt, uint32_t now)
{
	const uint8_t *frame = rte_pktmbuf_mtod(pkt, const uint8_t *);
	const uint64_t mac = mac_at(frame + 6), entry = mac | (uint64_t)(uint16_t)now << 48;
	const uint32_t hash = echo_slot(echo, mac);
	uint64_t *source = &echo->sources[hash % LAG_SOURCES];

	if (__atomic_load_n(source, __ATOMIC_RELAXED) != entry)
		__atomic_store_n(source, entry, __ATOMIC_RELAXED);
	if (unlikely(frame[0] & 1) && is_announcement(pkt))
		__atomic_store_n(&echo->garps[hash % LAG_BUCKETS], now, __ATOMIC_RELAXED);
}

bool
lag_echoes(const struct worker *worker, const struct port *in, const struct rte_mbuf *pkt,
	   bool known)
{
	const struct lag_echo *echo = __atomic_load_n(&in->echo, __ATOMIC_ACQUIRE);
	const uint64_t mac = mac_at(rte_pktmbuf_mtod(pkt, const uint8_t *) + 6);
	uint32_t hash, now = worker->now, garp;
	uint64_t source;

	if (echo == NULL || now > __atomic_load_n(&echo->until, __ATOMIC_RELAXED))
		return false;
	hash = echo_slot(echo, mac);
	if (!known) {
		source = __atomic_load_n(&echo->sources[hash % LAG_SOURCES], __ATOMIC_RELAXED);
		return (source & FDB_MAC_MASK) == mac &&
		       (uint16_t)(now - (source >> 48)) < SOURCE_SECONDS;
	}
	garp = __atomic_load_n(&echo->garps[hash % LAG_BUCKETS], __ATOMIC_RELAXED);
	return !is_announcement(pkt) || (garp != 0 && now - garp < GARP_SECONDS);
}

/* --- sending --- */

static void
lag_resolve(const struct worker *worker, const struct lag_table *table,
	    struct port *outs[LAG_MEMBERS_MAX])
{
	for (uint8_t slot = 0; slot < LAG_MEMBERS_MAX; slot++)
		outs[slot] = table->ports[slot] != LAG_PORT_NONE ?
				     datapath_port(worker->dp, table->ports[slot]) :
				     NULL;
}

/* The member's port that a packet leaves by, or NULL. */
static inline struct port *
lag_choose(const struct lag *lag, const struct lag_table *table, struct lag_counters *counters,
	   struct port *const *outs, const struct rte_mbuf *pkt)
{
	uint8_t slot = table->only;
	uint32_t bucket;

	if (slot == LAG_NONE) {
		bucket = lag_bucket(lag, table->hash, pkt);
		counters->bytes[bucket] += pkt->pkt_len;
		slot = table->slots[bucket];
	}
	return likely(slot < LAG_MEMBERS_MAX) ? outs[slot] : NULL;
}

uint16_t
lag_tx_burst(struct worker *worker, struct port *port, uint16_t queue, struct rte_mbuf **pkts,
	     uint16_t n)
{
	struct lag *lag = port->priv;
	const struct lag_table *table = __atomic_load_n(&lag->table, __ATOMIC_ACQUIRE);
	const bool notes = table->by_bucket && !worker_is_dry(worker);
	struct lag_counters *counters = lag->counters[worker->id];
	uint64_t bytes = 0, lost_bytes = 0;
	struct port *outs[LAG_MEMBERS_MAX];
	uint32_t lost = 0;

	lag_resolve(worker, table, outs);
	if (unlikely(worker->trace != NULL))
		trace_lag(worker, port, lag, table, pkts[0]);
	for (uint16_t i = 0; i < n; i++) {
		struct port *out = lag_choose(lag, table, counters, outs, pkts[i]);

		if (unlikely(out == NULL)) {
			lost_bytes += pkts[i]->pkt_len;
			lost++;
			port_drop_seen(worker, port, pkts[i], DROP_PORT_DOWN);
			rte_pktmbuf_free(pkts[i]);
			continue;
		}
		if (notes)
			echo_note(&lag->echo, pkts[i], worker->now);
		bytes += pkts[i]->pkt_len;
		egress_queue(worker, out, pkts[i]);
	}
	/* last: sending a member's full batch counts for the member, and starts afresh */
	port_tx_handed_on(worker, n - lost, bytes);
	if (unlikely(lost > 0))
		port_tx_lost(worker, port, DROP_PORT_DOWN, lost, lost_bytes);
	return n;
}

/* --- receiving --- */

uint16_t
lag_rx_burst(struct worker *worker, struct port *port, uint16_t queue, struct rte_mbuf **pkts,
	     uint16_t n)
{
	return 0;
}

/* Is a frame that came by a member the bond's, by the member's bucket? */
static inline bool
lag_admits_slb(const struct worker *worker, struct lag *lag, const struct lag_table *table,
	       uint8_t slot, const uint8_t *frame)
{
	const uint64_t dst = mac_at(frame);
	uint32_t bucket;

	if (dst & MAC_GROUP_BIT)
		return slot == table->groups;
	bucket = bucket_source(dst, vid_of(frame));
	if (likely(table->slots[bucket] == slot)) {
		if (unlikely(__atomic_load_n(&lag->settled[bucket], __ATOMIC_RELAXED) !=
			     table->moved[bucket]) &&
		    !worker_is_dry(worker))
			__atomic_store_n(&lag->settled[bucket], table->moved[bucket],
					 __ATOMIC_RELAXED);
		return true;
	}
	return table->before[bucket] == slot &&
	       __atomic_load_n(&lag->settled[bucket], __ATOMIC_RELAXED) != table->moved[bucket];
}

/* The control thread's part of what comes by a member. True: it is gone. */
static inline bool
lag_punts(struct worker *worker, struct port *port, struct rte_mbuf *pkt, const uint8_t *frame)
{
	const uint64_t dst = mac_at(frame);

	if (dst == MAC_SLOW_PROTOCOLS && (port->punts & PORT_PUNT_LINK_LOCAL)) {
		punt(worker, port, pkt, PUNT_LINK_LOCAL, vid_of(frame));
		return true;
	}
	if (dst == mac_at(port->mac) && (port->punts & PORT_PUNT_ARP) &&
	    type_at(frame, is_tag(type_at(frame, 12)) ? 16 : 12) == RTE_BE16(RTE_ETHER_TYPE_ARP)) {
		punt(worker, port, pkt, PUNT_ARP, vid_of(frame));
		return true;
	}
	return false;
}

/* Look at each packet of a burst. Return: how many are the bond's; they close up. */
static uint16_t
lag_sort(struct worker *worker, struct port *port, const struct lag_member *member,
	 const struct lag_table *table, struct rte_mbuf **pkts, uint16_t n)
{
	const bool collecting = table->collecting >> member->slot & 1, punts = port->punts != 0;
	uint16_t n_kept = 0;

	for (uint16_t i = 0; i < RTE_MIN(n, PREFETCH_AHEAD); i++)
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], const void *));
	for (uint16_t i = 0; i < n; i++) {
		const uint8_t *frame = rte_pktmbuf_mtod(pkts[i], const uint8_t *);

		if (i + PREFETCH_AHEAD < n)
			rte_prefetch0(rte_pktmbuf_mtod(pkts[i + PREFETCH_AHEAD], const void *));
		if (punts && unlikely(lag_punts(worker, port, pkts[i], frame)))
			continue;
		if (collecting && (!table->by_bucket ||
				   lag_admits_slb(worker, member->lag, table, member->slot, frame)))
			pkts[n_kept++] = pkts[i];
		else
			port_drop(worker, port, pkts[i], DROP_BOND_INACTIVE);
	}
	return n_kept;
}

static void
lag_member_burst(struct worker *worker, struct port *port, const struct port_demux *demux,
		 struct rte_mbuf **pkts, uint16_t n)
{
	const struct lag_member *member = container_of(demux, const struct lag_member, demux);
	const struct lag_table *table = __atomic_load_n(&member->lag->table, __ATOMIC_ACQUIRE);

	if (unlikely(__atomic_load_n(&port->carrier_off, __ATOMIC_RELAXED))) {
		for (uint16_t i = 0; i < n; i++)
			port_drop(worker, port, pkts[i], DROP_PORT_DOWN);
		return;
	}
	if (table->by_bucket || port->punts != 0 || !(table->collecting >> member->slot & 1))
		n = lag_sort(worker, port, member, table, pkts, n);
	if (n > 0)
		worker_enter(worker, member->lag->port, pkts, n);
}

/* --- control --- */

void
lag_table_init(struct lag_table *table)
{
	memset(table, 0, sizeof(*table)); /* with its padding: tables are compared */
	table->only = table->groups = LAG_NONE;
	memset(table->slots, LAG_NONE, sizeof(table->slots));
	memset(table->before, LAG_NONE, sizeof(table->before));
	for (uint8_t slot = 0; slot < LAG_MEMBERS_MAX; slot++)
		table->ports[slot] = LAG_PORT_NONE;
}

struct lag *
lag_create(struct port *port, uint16_t n_workers)
{
	struct lag *lag = calloc(1, sizeof(*lag));

	if (lag == NULL)
		return NULL;
	lag->port = port;
	lag->seed[0] = rte_rand();
	lag->seed[1] = rte_rand();
	lag->echo.seed = rte_rand();
	lag->table = malloc(sizeof(*lag->table));
	if (lag->table == NULL)
		goto err;
	lag_table_init(lag->table);
	for (uint16_t w = 0; w <= WORKER_DRY; w++) {
		if (w >= n_workers && w != WORKER_DRY)
			continue;
		if (posix_memalign((void **)&lag->counters[w], RTE_CACHE_LINE_SIZE,
				   sizeof(*lag->counters[w])) != 0)
			goto err;
		memset(lag->counters[w], 0, sizeof(*lag->counters[w]));
	}
	return lag;

err:
	lag_destroy(lag);
	errno = ENOMEM;
	return NULL;
}

void
lag_destroy(struct lag *lag)
{
	if (lag == NULL)
		return;
	for (uint16_t w = 0; w <= WORKER_DRY; w++)
		free(lag->counters[w]);
	free(lag->table);
	free(lag);
}

struct lag_member *
lag_member_create(struct lag *lag, uint8_t slot)
{
	struct lag_member *member = calloc(1, sizeof(*member));

	if (member == NULL)
		return NULL;
	member->demux.burst = lag_member_burst;
	member->lag = lag;
	member->slot = slot;
	return member;
}

void
lag_bytes(const struct lag *lag, uint64_t ret_bytes[LAG_BUCKETS])
{
	memset(ret_bytes, 0, LAG_BUCKETS * sizeof(ret_bytes[0]));
	for (uint16_t w = 0; w < WORKER_MAX && lag->counters[w] != NULL; w++)
		for (uint32_t b = 0; b < LAG_BUCKETS; b++)
			ret_bytes[b] +=
				__atomic_load_n(&lag->counters[w]->bytes[b], __ATOMIC_RELAXED);
}
