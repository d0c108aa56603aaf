/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_cycles.h>
#include <rte_random.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "bridge.h"
#include "egress.h"
#include "group.h"
#include "lag.h"
#include "punt.h"
#include "rcu.h"
#include "trace.h"
#include "vlan.h"
#include "worker.h"

#define ETHER_HEADER_LEN 14
#define PREFETCH_AHEAD 4
#define LEARN_PER_MSEC 64 /* of one port and worker */
#define LEARN_BURST 1024

/* As read from a frame in a little-endian word: the group bit is bit 0 of the first byte. */
#define MAC_GROUP_BIT UINT64_C(1)
/* 01:80:c2:00:00:00 .. 0f, IEEE 802.1Q-2018 table 8-1 */
#define MAC_RESERVED UINT64_C(0x000000c28001)
#define MAC_RESERVED_MASK UINT64_C(0xf0ffffffffff)
/* These, and BRIDGE_PROBE_MAC with its neighbours. */
#define MAC_SPECIAL_MASK UINT64_C(0xf0fffffffffd)

/* What a burst's packets say, read once. */
struct bridge_frames {
	uint16_t n;
	uint16_t tag[PORT_BURST_MAX]; /* tag words: vlan.h */
	uint64_t src[PORT_BURST_MAX]; /* FDB keys */
	uint64_t dst[PORT_BURST_MAX];
	uint64_t src_hash[PORT_BURST_MAX];
	uint64_t dst_hash[PORT_BURST_MAX];
	struct rte_mbuf *pkts[PORT_BURST_MAX];
};

/*
 * Why a frame may not enter the bridge, or DROP_REASONS. @words: the two words of the header. Taken
 * for all frames whose header is unusual in any way; the caller's test is cheap and not exact.
 */
static enum drop_reason
bridge_refuse(const struct rte_mbuf *pkt, uint64_t dst, uint64_t src, uint16_t tag)
{
	if (pkt->data_len < ETHER_HEADER_LEN)
		return DROP_BAD_FRAME;
	if ((src & MAC_GROUP_BIT) != 0 || (src & FDB_MAC_MASK) == 0)
		return DROP_BAD_SOURCE;
	if ((dst & MAC_RESERVED_MASK) == MAC_RESERVED)
		return DROP_RESERVED_MAC;
	if (tag == VLAN_NONE)
		return DROP_VLAN_MISMATCH;
	return DROP_REASONS;
}

/* Is it a loop probe that this bridge has sent? Tags in front of it do not matter. */
static bool
bridge_is_probe(const struct bridge *bridge, const struct rte_mbuf *pkt, uint64_t dst)
{
	uint32_t offset = 12 + vlan_tags_len(pkt);
	const uint8_t *type = rte_pktmbuf_mtod_offset(pkt, const uint8_t *, offset);
	uint64_t id;

	if (dst != BRIDGE_PROBE_MAC ||
	    offset + 2 + BRIDGE_PROBE_ID_OFFSET + sizeof(id) > pkt->data_len ||
	    (type[0] << 8 | type[1]) != BRIDGE_PROBE_ETHERTYPE)
		return false;
	memcpy(&id, type + 2 + BRIDGE_PROBE_ID_OFFSET, sizeof(id));
	return rte_be_to_cpu_64(id) == bridge->probe_id;
}

/*
 * A frame whose header is unusual: drop it, or give it to the control thread, or find that there is
 * nothing wrong with it. Return: is it gone?
 */
static __rte_noinline bool
bridge_special(struct worker *worker, const struct bridge *bridge, const struct port *in,
	       struct rte_mbuf *pkt, uint64_t dst, uint64_t src, uint16_t tag)
{
	enum drop_reason reason = bridge_refuse(pkt, dst, src, tag);

	if (reason == DROP_RESERVED_MAC && (in->punts & PORT_PUNT_LINK_LOCAL))
		punt(worker, in, pkt, PUNT_LINK_LOCAL, tag);
	else if (reason != DROP_REASONS)
		port_drop(worker, in, pkt, reason);
	else if ((in->punts & PORT_PUNT_PROBE) && bridge_is_probe(bridge, pkt, dst))
		punt(worker, in, pkt, PUNT_PROBE, tag);
	else
		return false;
	return true;
}

/* Ingress: read every header once, throw out what may not enter, start fetching FDB buckets. */
static void
bridge_ingress(struct worker *worker, const struct bridge *bridge, const struct fdb_table *table,
	       const struct port *in, struct rte_mbuf **pkts, uint16_t n,
	       struct bridge_frames *frames)
{
	const struct vlan_settings *vlan = vlan_of(in);
	uint16_t k = 0;

	for (uint16_t i = 0; i < RTE_MIN(n, PREFETCH_AHEAD); i++)
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], const void *));
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *pkt = pkts[i];
		const uint8_t *frame = rte_pktmbuf_mtod(pkt, const uint8_t *);
		uint64_t dst, src;
		uint16_t tag;

		if (i + PREFETCH_AHEAD < n)
			rte_prefetch0(rte_pktmbuf_mtod(pkts[i + PREFETCH_AHEAD], const void *));
		/* bytes 0..7 and 6..13: a buffer holds a header even if the frame does not */
		memcpy(&dst, frame, sizeof(dst));
		memcpy(&src, frame + 6, sizeof(src));
		dst &= FDB_MAC_MASK;
		tag = vlan_ingress(vlan, frame, pkt->data_len, src >> 48);
		if (unlikely((src & MAC_GROUP_BIT) != 0 || (src & FDB_MAC_MASK) == 0 ||
			     (dst & MAC_SPECIAL_MASK) == MAC_RESERVED || tag == VLAN_NONE ||
			     pkt->data_len < ETHER_HEADER_LEN) &&
		    bridge_special(worker, bridge, in, pkt, dst, src, tag))
			continue;
		frames->pkts[k] = pkt;
		frames->tag[k] = tag;
		frames->src[k] = fdb_key(src, tag & VLAN_VID_MASK);
		frames->dst[k] = fdb_key(dst, tag & VLAN_VID_MASK);
		frames->src_hash[k] = fdb_hash(table, frames->src[k]);
		frames->dst_hash[k] = fdb_hash(table, frames->dst[k]);
		fdb_prefetch(table, frames->src_hash[k]);
		fdb_prefetch(table, frames->dst_hash[k]);
		k++;
	}
	frames->n = k;
}

/*
 * A port may report LEARN_BURST sources at once and LEARN_PER_MSEC in the long run: enough for an
 * uplink with a hundred thousand stations behind it, too little for one port that makes up MACs to
 * fill the ring, or the control thread's time, before the others get their turn.
 */
static bool
bridge_may_report(const struct worker *worker, struct budget *budget)
{
	return budget_take(worker, budget, LEARN_PER_MSEC, LEARN_BURST);
}

/* Report a source to the control thread; one that is not taken up, about once a second. */
static __rte_noinline void
bridge_report(struct worker *worker, const struct bridge *bridge, const struct port *in,
	      uint64_t key, uint64_t hash)
{
	struct learn_cache *cache = &worker->learn[hash % LEARN_CACHE_SIZE];
	uint32_t bridge_port = (uint32_t)bridge->id << 16 | in->id;
	struct learn_event event = {
		.key = key,
		.port = in->id,
		.generation = in->generation,
		.bridge = bridge->id,
	};

	if (unlikely(worker->trace != NULL))
		trace_add(worker, TRACE_LEARN, in, NULL, key, 0, 0, 0);
	if (worker_is_dry(worker))
		return;
	if (cache->key == key && cache->bridge_port == bridge_port && cache->when == worker->now)
		return;
	if (!bridge_may_report(worker, &worker->learn_budget[in->id])) {
		worker_stats(worker, in)->learn_lost++;
		return;
	}
	if (rte_ring_sp_enqueue_elem(worker->events, &event, sizeof(event)) != 0) {
		worker_stats(worker, in)->learn_lost++;
		return;
	}
	cache->key = key;
	cache->bridge_port = bridge_port;
	cache->when = worker->now;
	worker->told = true;
}

/* Return: false: the packet is one of ours that came back, and is none of the source's. */
static inline bool
bridge_learn(struct worker *worker, const struct bridge *bridge, const struct fdb_table *table,
	     const struct port *in, const struct bridge_frames *frames, uint16_t i)
{
	const uint64_t key = frames->src[i], hash = frames->src_hash[i];
	struct fdb_entry *entry = fdb_lookup(table, key, hash);
	bool is_static = false;

	if (likely(entry != NULL)) {
		uint32_t dest = __atomic_load_n(&entry->dest, __ATOMIC_RELAXED);

		if (likely(dest == in->id)) {
			/* at most one write a second keeps the cache line shared between workers */
			if (unlikely(__atomic_load_n(&entry->seen, __ATOMIC_RELAXED) !=
				     worker->now) &&
			    !worker_is_dry(worker))
				__atomic_store_n(&entry->seen, worker->now, __ATOMIC_RELAXED);
			return true;
		}
		is_static = dest & FDB_DEST_STATIC;
	}
	if (unlikely(in->echo != NULL) && lag_echoes(worker, in, frames->pkts[i], entry != NULL))
		return false;
	if (!is_static)
		bridge_report(worker, bridge, in, key, hash);
	return true;
}

/* May a port be given a flood? */
static inline enum flood_skip
flood_skip(const struct bridge *bridge, const struct port *in, const struct port *out, uint16_t tag,
	   unsigned int kind)
{
	if (out == NULL)
		return FLOOD_GONE;
	if (out == in && !in->hairpin)
		return FLOOD_SELF;
	if (!out->open)
		return FLOOD_CLOSED;
	if (!vlan_member(out, tag))
		return FLOOD_VLAN;
	if (in->isolated & out->isolated)
		return FLOOD_ISOLATED;
	if (out->no_flood & kind)
		return FLOOD_REFUSED;
	/* gone to another bridge: the list is from before */
	return __atomic_load_n(&out->bridge, __ATOMIC_RELAXED) != bridge ? FLOOD_GONE : FLOOD_GIVEN;
}

/* @kind: enum port_floods, which ports may refuse; 0: no such. */
static __rte_noinline void
bridge_flood_list(struct worker *worker, const struct bridge *bridge, const struct flood_list *list,
		  const struct port *in, struct rte_mbuf *pkt, uint16_t tag, unsigned int kind)
{
	struct port *last = NULL;

	if (unlikely(worker->trace != NULL))
		trace_add(worker, TRACE_FLOOD, in, NULL, kind, 0, 0, 0);
	for (uint32_t i = 0; i < list->n; i++) {
		struct port *out = datapath_port(worker->dp, list->ports[i]);
		const enum flood_skip skip = flood_skip(bridge, in, out, tag, kind);

		if (skip != FLOOD_GIVEN) {
			if (unlikely(worker->trace != NULL) && skip > FLOOD_GONE)
				trace_add(worker, TRACE_SKIP, out, NULL, skip, 0, 0, 0);
			continue;
		}
		/* one behind, so that the last port takes the packet itself */
		if (last != NULL) {
			rte_pktmbuf_refcnt_update(pkt, 1);
			worker_stats(worker, in)->copies++;
			egress_packet(worker, in, last, pkt, tag);
		}
		last = out;
	}
	if (last == NULL)
		port_drop(worker, in, pkt, DROP_NO_DESTINATION);
	else
		egress_packet(worker, in, last, pkt, tag);
}

static void
bridge_flood(struct worker *worker, const struct bridge *bridge, const struct port *in,
	     struct rte_mbuf *pkt, uint16_t tag, unsigned int kind)
{
	const struct flood_list *list = __atomic_load_n(&bridge->floods, __ATOMIC_ACQUIRE);

	bridge_flood_list(worker, bridge, list, in, pkt, tag, kind);
}

static __rte_noinline void
bridge_multicast(struct worker *worker, const struct bridge *bridge, const struct fdb_table *table,
		 const struct port *in, const struct bridge_frames *frames, uint16_t i)
{
	struct rte_mbuf *pkt = frames->pkts[i];
	enum group_verdict verdict = GROUP_FLOOD;
	const struct flood_list *list;

	if (__atomic_load_n(&bridge->snooping, __ATOMIC_RELAXED))
		verdict = group_judge(bridge, table, pkt, frames->tag[i], frames->dst[i],
				      frames->dst_hash[i], &list);
	if (verdict == GROUP_FLOOD)
		bridge_flood(worker, bridge, in, pkt, frames->tag[i],
			     (frames->dst[i] & FDB_MAC_MASK) == FDB_MAC_MASK ?
				     PORT_FLOOD_BROADCAST :
				     PORT_FLOOD_MULTICAST);
	else if (verdict == GROUP_LIST)
		bridge_flood_list(worker, bridge, list, in, pkt, frames->tag[i], 0);
	else
		punt(worker, in, pkt, PUNT_MEMBERSHIP, frames->tag[i]);
}

static inline void
bridge_forward(struct worker *worker, const struct bridge *bridge, const struct fdb_table *table,
	       const struct port *in, const struct bridge_frames *frames, uint16_t i)
{
	struct rte_mbuf *pkt = frames->pkts[i];
	const struct fdb_entry *entry;
	struct port *out;
	uint32_t dest;

	if (unlikely(frames->dst[i] & MAC_GROUP_BIT)) {
		bridge_multicast(worker, bridge, table, in, frames, i);
		return;
	}
	entry = fdb_lookup(table, frames->dst[i], frames->dst_hash[i]);
	if (unlikely(entry == NULL)) {
		bridge_flood(worker, bridge, in, pkt, frames->tag[i], PORT_FLOOD_UNKNOWN);
		return;
	}
	dest = __atomic_load_n(&entry->dest, __ATOMIC_RELAXED) & FDB_DEST_PORT;
	/* an isolated port does not reach itself either */
	if (unlikely(dest == in->id) && (!in->hairpin || in->isolated)) {
		port_drop(worker, in, pkt, DROP_SAME_PORT);
		return;
	}
	out = datapath_port(worker->dp, dest);
	/* the port may have left between the entry and now, and its id may serve another bridge */
	if (unlikely(out == NULL || __atomic_load_n(&out->bridge, __ATOMIC_RELAXED) != bridge)) {
		bridge_flood(worker, bridge, in, pkt, frames->tag[i], PORT_FLOOD_UNKNOWN);
		return;
	}
	egress_packet(worker, in, out, pkt, frames->tag[i]);
}

/* A port that does not forward: stations may be learnt. */
static __rte_noinline void
bridge_block(struct worker *worker, const struct bridge *bridge, const struct fdb_table *table,
	     const struct port *in, const struct bridge_frames *frames)
{
	for (uint16_t i = 0; i < frames->n; i++) {
		if (in->state == PORT_LEARNING)
			bridge_learn(worker, bridge, table, in, frames, i);
		port_drop(worker, in, frames->pkts[i], DROP_BLOCKED);
	}
}

void
bridge_burst(struct worker *worker, struct bridge *bridge, struct port *in, struct rte_mbuf **pkts,
	     uint16_t n)
{
	const struct fdb_table *table = fdb_table(&bridge->table);
	struct bridge_frames frames;
	uint64_t last_src = 0;

	bridge_ingress(worker, bridge, table, in, pkts, n, &frames);
	if (unlikely(worker->trace != NULL) && frames.n > 0)
		trace_bridge(worker, table, in, frames.tag[0], frames.src[0], frames.dst[0]);
	if (unlikely(__atomic_load_n(&in->state, __ATOMIC_RELAXED) != PORT_FORWARDING)) {
		bridge_block(worker, bridge, table, in, &frames);
		return;
	}
	for (uint16_t i = 0; i < frames.n; i++) {
		if (frames.src[i] != last_src) {
			if (unlikely(!bridge_learn(worker, bridge, table, in, &frames, i))) {
				port_drop(worker, in, frames.pkts[i], DROP_BOND_ECHO);
				continue;
			}
			last_src = frames.src[i];
		}
		bridge_forward(worker, bridge, table, in, &frames, i);
	}
}

void
bridge_pass(struct worker *worker, struct bridge *bridge, struct port *in, struct port *out,
	    struct rte_mbuf *pkt)
{
	const struct fdb_table *table = fdb_table(&bridge->table);
	struct bridge_frames frames;

	bridge_ingress(worker, bridge, table, in, &pkt, 1, &frames);
	if (frames.n == 0)
		return;
	if (!in->open)
		port_drop(worker, in, pkt, in->up ? DROP_BLOCKED : DROP_PORT_DOWN);
	else if (out == NULL)
		bridge_flood(worker, bridge, in, pkt, frames.tag[0], 0);
	else if ((out == in && !in->hairpin) ||
		 __atomic_load_n(&out->bridge, __ATOMIC_RELAXED) != bridge)
		port_drop(worker, in, pkt, DROP_NO_DESTINATION);
	else
		egress_packet(worker, in, out, pkt, frames.tag[0]);
}

void
bridge_send(struct worker *worker, const struct bridge *bridge, struct rte_mbuf *pkt, uint16_t vid)
{
	const struct flood_list *list = __atomic_load_n(&bridge->floods, __ATOMIC_ACQUIRE);

	for (uint32_t i = 0; i < list->n; i++) {
		struct port *out = datapath_port(worker->dp, list->ports[i]);

		if (out == NULL || !out->open || !vlan_member(out, vid) ||
		    __atomic_load_n(&out->bridge, __ATOMIC_RELAXED) != bridge)
			continue;
		rte_pktmbuf_refcnt_update(pkt, 1);
		worker_stats(worker, out)->copies++;
		egress_slow(worker, out, out, pkt, vid);
	}
	rte_pktmbuf_free(pkt);
}

struct bridge *
bridge_create(uint16_t id, struct rcu *rcu, uint32_t fdb_limit)
{
	struct bridge *bridge = calloc(1, sizeof(*bridge));

	if (bridge == NULL)
		return NULL;
	bridge->id = id;
	bridge->probe_id = rte_rand();
	bridge->floods = calloc(1, sizeof(*bridge->floods));
	bridge->fdb = fdb_create(&bridge->table, rcu, fdb_limit);
	if (bridge->floods == NULL || bridge->fdb == NULL) {
		bridge_destroy(bridge);
		errno = ENOMEM;
		return NULL;
	}
	return bridge;
}

void
bridge_destroy(void *arg)
{
	struct bridge *bridge = arg;

	if (bridge == NULL)
		return;
	fdb_destroy(bridge->fdb);
	group_table_free(bridge->groups);
	free(bridge->floods);
	free(bridge);
}

static int
bridge_flood_change(struct bridge *bridge, struct rcu *rcu, uint16_t port_id, bool add)
{
	struct flood_list *old = bridge->floods;
	struct flood_list *new = malloc(sizeof(*new) + (old->n + 1) * sizeof(new->ports[0]));

	if (new == NULL)
		return -ENOMEM;
	new->n = 0;
	for (uint32_t i = 0; i < old->n; i++)
		if (old->ports[i] != port_id)
			new->ports[new->n++] = old->ports[i];
	if (add)
		new->ports[new->n++] = port_id;
	__atomic_store_n(&bridge->floods, new, __ATOMIC_RELEASE);
	rcu_retire(rcu, &old->retired, free, old);
	return 0;
}

int
bridge_flood_add(struct bridge *bridge, struct rcu *rcu, uint16_t port_id)
{
	return bridge_flood_change(bridge, rcu, port_id, true);
}

int
bridge_flood_remove(struct bridge *bridge, struct rcu *rcu, uint16_t port_id)
{
	return bridge_flood_change(bridge, rcu, port_id, false);
}
