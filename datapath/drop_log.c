/* SPDX-License-Identifier: BSD-3-Clause */
#include "drop_log.h"

#include <string.h>

#include <rte_cycles.h>

#define KEPT_PER_MSEC 1 /* of one ring */
#define KEPT_BURST (2 * DROP_KEPT)
#define ETHER_HEADER_LEN 14

static_assert((DROP_ROWS & (DROP_ROWS - 1)) == 0 && DROP_ROWS % DROP_ROW_WAYS == 0, "buckets");
static_assert(DROP_REASONS < 64 && PORT_MAX <= 65536, "a key holds them");

/* --- VLANs --- */

/*
 * The VLAN of a frame that comes in, or is to leave, by a port: the same rules read both. One that
 * the port refuses has the VLAN of its tag.
 */
static uint16_t
vlan_read(const struct port *port, const struct rte_mbuf *pkt)
{
	const uint8_t *frame = rte_pktmbuf_mtod(pkt, const uint8_t *);
	uint16_t type, tag;

	if (pkt->data_len < ETHER_HEADER_LEN)
		return DROP_VLAN_UNKNOWN;
	type = vlan_type_at(pkt, VLAN_OFFSET);
	tag = vlan_ingress(vlan_of(port), frame, pkt->data_len, type);
	if (tag != VLAN_NONE)
		return tag & VLAN_VID_MASK;
	if (type != VLAN_TPID_BE && type != VLAN_TPID_SERVICE_BE)
		return 0;
	tag = rte_be_to_cpu_16(vlan_type_at(pkt, VLAN_OFFSET + 2)) & VLAN_VID_MASK;
	return tag <= VLAN_VID_MAX ? tag : DROP_VLAN_UNKNOWN;
}

/* --- rows --- */

static uint64_t
drop_key(uint16_t port, uint16_t generation, enum drop_reason reason, uint16_t vlan)
{
	return UINT64_C(1) << 63 | (uint64_t)reason << 48 | (uint64_t)vlan << 32 |
	       (uint32_t)generation << 16 | port;
}

static uint16_t
key_port(uint64_t key)
{
	return key & 0xffff;
}

/* Is its port still there? */
static bool
key_is_live(const struct datapath *dp, uint64_t key)
{
	const struct port *port = datapath_port(dp, key_port(key));

	return port != NULL && port->generation == (key >> 16 & 0xffff);
}

static struct drop_row *
row_bucket(struct drop_log *log, uint64_t key)
{
	const uint64_t hash = key * UINT64_C(0x9e3779b97f4a7c15); /* 2^64 by the golden ratio */

	return &log->rows[(hash >> 32 & (DROP_ROWS / DROP_ROW_WAYS - 1)) * DROP_ROW_WAYS];
}

/* A row that is free, or whose port is gone; or NULL. */
static struct drop_row *
row_spare(const struct datapath *dp, struct drop_row *bucket)
{
	for (unsigned int i = 0; i < DROP_ROW_WAYS; i++)
		if (bucket[i].key == 0 || !key_is_live(dp, bucket[i].key))
			return &bucket[i];
	return NULL;
}

static __rte_noinline struct drop_row *
row_make(struct worker *worker, const struct port *port, struct drop_row *bucket, uint64_t key)
{
	struct drop_log *log = worker->drop_log;
	struct drop_row *row;

	if (log->ports[port->id].generation != port->generation) {
		log->ports[port->id].generation = port->generation;
		log->ports[port->id].n = 0;
	}
	if (log->ports[port->id].n == DROP_PORT_ROWS)
		return NULL;
	row = row_spare(worker->dp, bucket);
	if (row == NULL)
		return NULL;
	log->ports[port->id].n++;
	__atomic_store_n(&row->key, 0, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	__atomic_store_n(&row->packets, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&row->key, key, __ATOMIC_RELEASE);
	return row;
}

void
drop_log_count(struct worker *worker, const struct port *port, enum drop_reason reason,
	       uint16_t vid, uint64_t n)
{
	const uint64_t key = drop_key(port->id, port->generation, reason, vid);
	struct drop_row *bucket = row_bucket(worker->drop_log, key), *row = NULL;

	for (unsigned int i = 0; i < DROP_ROW_WAYS && row == NULL; i++)
		if (bucket[i].key == key)
			row = &bucket[i];
	if (unlikely(row == NULL))
		row = row_make(worker, port, bucket, key);
	if (unlikely(row == NULL))
		return;
	__atomic_store_n(&row->packets, row->packets + n, __ATOMIC_RELAXED);
	__atomic_store_n(&row->when, worker->now, __ATOMIC_RELAXED);
}

void
drop_log_each(const struct worker *worker, drop_count_fn fn, void *arg)
{
	for (unsigned int i = 0; i < DROP_ROWS; i++) {
		const struct drop_row *row = &worker->drop_log->rows[i];
		const uint64_t key = __atomic_load_n(&row->key, __ATOMIC_ACQUIRE);
		const struct drop_count count = {
			.reason = (enum drop_reason)(key >> 48 & 0x3f),
			.vlan = key >> 32 & 0xffff,
			.packets = __atomic_load_n(&row->packets, __ATOMIC_RELAXED),
			.when = __atomic_load_n(&row->when, __ATOMIC_RELAXED),
		};

		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (key != 0 && __atomic_load_n(&row->key, __ATOMIC_RELAXED) == key &&
		    key_is_live(worker->dp, key))
			fn(arg, key_port(key), &count);
	}
}

/* --- kept packets --- */

static __rte_noinline void
packet_keep(const struct worker *worker, struct drop_ring *ring, const struct port *port,
	    const struct rte_mbuf *pkt, uint16_t vlan)
{
	/* of one that is pending there is no more than its first segment, which is enough */
	const uint16_t len = RTE_MIN(pkt->data_len, DROP_KEPT_LEN);
	struct drop_kept *kept = &ring->kept[ring->n++ % DROP_KEPT];

	__atomic_store_n(&kept->number, kept->number + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	kept->port = port->id;
	kept->generation = port->generation;
	kept->tsc = worker->tsc != 0 ? worker->tsc : rte_rdtsc();
	kept->len = pkt->pkt_len;
	kept->vlan = vlan;
	kept->data_len = len;
	memcpy(kept->data, rte_pktmbuf_mtod(pkt, const void *), len);
	__atomic_store_n(&kept->number, kept->number + 1, __ATOMIC_RELEASE);
}

void
drop_log_packet(struct worker *worker, const struct port *port, const struct rte_mbuf *pkt,
		enum drop_reason reason, uint16_t tag)
{
	struct drop_ring *ring = &worker->drop_log->rings[reason][port->id % DROP_KEPT_SETS];
	const uint16_t vlan = tag != VLAN_NONE ? tag & VLAN_VID_MASK : vlan_read(port, pkt);

	if (likely(vlan != DROP_VLAN_UNKNOWN))
		drop_log_count(worker, port, reason, vlan, 1);
	if (unlikely(budget_take(worker, &ring->budget, KEPT_PER_MSEC, KEPT_BURST)))
		packet_keep(worker, ring, port, pkt, vlan);
}

bool
drop_log_kept(const struct worker *worker, enum drop_reason reason, unsigned int set,
	      unsigned int i, struct drop_kept *ret_kept)
{
	const struct drop_kept *kept = &worker->drop_log->rings[reason][set].kept[i];
	const uint32_t number = __atomic_load_n(&kept->number, __ATOMIC_ACQUIRE);
	const struct port *port;

	memcpy(ret_kept, kept, sizeof(*ret_kept));
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	/* one that is written just now, or again: there are others */
	if (number == 0 || number % 2 != 0 ||
	    __atomic_load_n(&kept->number, __ATOMIC_RELAXED) != number)
		return false;
	port = datapath_port(worker->dp, ret_kept->port);
	return port != NULL && port->generation == ret_kept->generation;
}
