/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * FDB: the forwarding database of one bridge, (VLAN, MAC) -> destination.
 *
 * A key is one 64-bit word. The table is an array of buckets, a cache line of four entries each; a
 * key lives in one of two buckets, given by two halves of a keyed hash (so that a guest cannot
 * choose MACs that collide). A lookup reads the first bucket, and the second only if the key is not
 * there. When both are full the writer moves an entry to its other bucket; when that does not help,
 * or the table is half full, it builds a table of twice the size and publishes it. Entries hold no
 * pointers.
 *
 * Thread-safety: the control thread is the only writer. Workers look up without locks, between two
 * quiescent states: fdb_table() first, then fdb_lookup() on that table. While the writer moves an
 * entry a worker may miss it once; the packet is then flooded. While it gives a place to another
 * key a worker may read that key's destination: one frame then goes to one wrong port of the same
 * bridge, as a flood would have sent it to all. The only thing a worker writes is the time in
 * `seen`, at most once a second and entry.
 */
#ifndef DATAPATH_FDB_H
#define DATAPATH_FDB_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>
#include <rte_prefetch.h>

#include "rcu.h"

struct rcu;

#define FDB_LIMIT_MAX 4194304u
#define FDB_LIMIT_DEFAULT 65536u

#define FDB_VALID (UINT64_C(1) << 63) /* no key is 0: an empty entry is */
#define FDB_MAC_MASK UINT64_C(0x0000ffffffffffff)
#define FDB_VID_SHIFT 48

/* Where an entry leads: a port id, and flags. */
#define FDB_DEST_PORT 0xffffu
#define FDB_DEST_STATIC (1u << 16)
#define FDB_DEST_GROUP (1u << 17) /* not a port id but the index of a list of ports: group.h */
#define FDB_DEST_NONE UINT32_MAX

struct fdb_entry {
	uint32_t dest; /* control: rw, worker: ro */
	uint32_t seen; /* seconds of CLOCK_MONOTONIC; worker and control: rw */
};

#define FDB_BUCKET_ENTRIES 4

struct fdb_bucket {
	uint64_t keys[FDB_BUCKET_ENTRIES]; /* 0: empty; control: rw (release), worker: ro */
	struct fdb_entry entries[FDB_BUCKET_ENTRIES];
} __rte_aligned(64);

struct fdb_table {
	uint64_t seed[2];
	uint32_t mask; /* buckets - 1 */
	size_t size;   /* bytes of the mapping */
	struct fdb_bucket *buckets;
	struct rcu_item retired; /* control */
};

struct fdb;

#define FDB_HASH_MIX UINT64_C(0x9e3779b97f4a7c15) /* 2^64 / golden ratio, odd */

/**
 * fdb_key() - the key of a MAC on a VLAN.
 * @mac: the MAC as the first six bytes of a little-endian word; higher bits are ignored.
 * @vid: 0 .. 4094.
 */
static inline uint64_t
fdb_key(uint64_t mac, uint16_t vid)
{
	return (mac & FDB_MAC_MASK) | (uint64_t)vid << FDB_VID_SHIFT | FDB_VALID;
}

static inline uint64_t
fdb_hash(const struct fdb_table *table, uint64_t key)
{
	__uint128_t product = (__uint128_t)(key ^ table->seed[0]) * table->seed[1];
	uint64_t hash = (uint64_t)product ^ (uint64_t)(product >> 64);

	/* one product alone spreads the MACs of a series badly under some seeds */
	hash *= FDB_HASH_MIX;
	return hash ^ hash >> 32;
}

static inline struct fdb_bucket *
fdb_bucket_first(const struct fdb_table *table, uint64_t hash)
{
	return &table->buckets[(uint32_t)hash & table->mask];
}

static inline struct fdb_bucket *
fdb_bucket_second(const struct fdb_table *table, uint64_t hash)
{
	return &table->buckets[(uint32_t)(hash >> 32) & table->mask];
}

static inline void
fdb_prefetch(const struct fdb_table *table, uint64_t hash)
{
	rte_prefetch0(fdb_bucket_first(table, hash));
}

/*
 * Which of the four it is depends on chance, so a loop that stops at the match would be
 * mispredicted for every other packet: compare with all, and branch on "found" alone.
 */
static inline struct fdb_entry *
fdb_bucket_find(struct fdb_bucket *bucket, uint64_t key)
{
	unsigned int i = (__atomic_load_n(&bucket->keys[1], __ATOMIC_RELAXED) == key) |
			 (__atomic_load_n(&bucket->keys[2], __ATOMIC_RELAXED) == key) << 1 |
			 (__atomic_load_n(&bucket->keys[3], __ATOMIC_RELAXED) == key) * 3u;

	return likely(__atomic_load_n(&bucket->keys[i], __ATOMIC_ACQUIRE) == key) ?
		       &bucket->entries[i] :
		       NULL;
}

/**
 * fdb_lookup() - find a key's entry.
 * @hash: fdb_hash() of @key in this table; prefetch its bucket some packets ahead.
 *
 * Return: the entry, or NULL. Worker or control. Read dest once; the entry may change any time.
 */
static inline struct fdb_entry *
fdb_lookup(const struct fdb_table *table, uint64_t key, uint64_t hash)
{
	struct fdb_entry *entry = fdb_bucket_find(fdb_bucket_first(table, hash), key);

	return likely(entry != NULL) ? entry : fdb_bucket_find(fdb_bucket_second(table, hash), key);
}

/**
 * fdb_table() - the table as it is now; valid until the next quiescent state. Worker or control.
 */
static inline struct fdb_table *
fdb_table(struct fdb_table *const *published)
{
	return __atomic_load_n(published, __ATOMIC_ACQUIRE);
}

/**
 * fdb_create() - an empty FDB.
 * @published: where workers find the table; written with a release store whenever it changes.
 * @rcu: retires old tables.
 * @limit: entries, 1 .. FDB_LIMIT_MAX. A table for more than FDB_LIMIT_DEFAULT is made at once.
 *
 * Return: the FDB, or NULL with errno ENOMEM. Control, like all below.
 */
struct fdb *fdb_create(struct fdb_table **published, struct rcu *rcu, uint32_t limit);

/** fdb_destroy() - free it; no worker may use it any more. NULL is legal. */
void fdb_destroy(struct fdb *fdb);

/**
 * fdb_set() - add an entry, or change where it leads.
 * @key: fdb_key().
 * @dest: port id, with FDB_DEST_STATIC for an entry that neither moves nor ages; or a group's, with
 *	FDB_DEST_GROUP too, for which there are no limits here.
 * @port_limit: most learnt entries of that port; 0: no such limit. Static entries count for the
 *	bridge's limit alone.
 * @now: seconds.
 *
 * Learning (@dest without FDB_DEST_STATIC) does not change a static entry.
 * Return: 0, -EEXIST (static entry kept), -ENOSPC (a limit is reached), -ENOMEM.
 */
int fdb_set(struct fdb *fdb, uint64_t key, uint32_t dest, uint32_t port_limit, uint32_t now);

/** fdb_remove() - remove an entry. Return: 0 or -ENOENT. */
int fdb_remove(struct fdb *fdb, uint64_t key);

/**
 * fdb_flush() - remove many.
 * @port: only entries that lead to this port id; FDB_DEST_NONE: all.
 * @statics: static ones too. Groups stay.
 */
void fdb_flush(struct fdb *fdb, uint32_t port, bool statics);

/**
 * fdb_flush_ports() - remove the learnt entries that lead to any of many ports.
 * @ports: by port id, PORT_MAX of them.
 */
void fdb_flush_ports(struct fdb *fdb, const bool *ports);

/**
 * fdb_age() - remove learnt entries not seen for @ageing seconds, a part of the table per call.
 *
 * To be called once a second: tables of up to 65536 buckets are looked through each time, larger
 * ones over several calls.
 */
void fdb_age(struct fdb *fdb, uint32_t ageing, uint32_t now);

/** fdb_set_limit() - change the limit; entries beyond it stay until they age. A table is made
 * for a large limit at once, so that learning is not held up by growth later. */
void fdb_set_limit(struct fdb *fdb, uint32_t limit);

/** fdb_count() - stations in it. */
uint32_t fdb_count(const struct fdb *fdb);

/** fdb_port_learnt() - learnt entries that lead to a port id. */
uint32_t fdb_port_learnt(const struct fdb *fdb, uint32_t port);

/** fdb_port_statics() - static entries that lead to a port id. */
uint32_t fdb_port_statics(const struct fdb *fdb, uint32_t port);

/**
 * fdb_next() - walk through the stations' entries.
 * @cursor: in: 0 at first; out: where to go on.
 * @ret_key: the entry's key.
 * Return: an entry, or NULL at the end. A table that grows meanwhile may show entries twice or not
 * at all.
 */
const struct fdb_entry *fdb_next(const struct fdb *fdb, uint32_t *cursor, uint64_t *ret_key);

#endif /* DATAPATH_FDB_H */
