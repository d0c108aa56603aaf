/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * NAT index: from keys to session numbers.
 *
 * A hash table of cache-line buckets with eight entries each: a tag of 15 bits and a session
 * number. Which session it is, is decided by the session's own words, so an entry needs no key. A
 * bucket that is full goes on in one from a pool of spare buckets; entries come back when there is
 * room, and a spare bucket that is empty goes back when no worker can be in it. The table grows by
 * linear hashing: who inserts into a crowded bucket splits the next one in turn, so that a table
 * with few sessions in it stays in caches and TLBs, whatever it has room for. It does not shrink.
 * Both directions and the anchors of mappings are in this one table. The hash is keyed: a guest
 * cannot choose endpoints that collide.
 *
 * Thread-safety: any worker looks up without locks, between two quiescent states. A worker may miss
 * an entry that is being moved, within its row of buckets or to another: who acts on a miss looks
 * again by nat_index_find_sure(), or inserts by nat_index_insert_new(). These lock the row, as all
 * that changes it does. Removal is the control thread's.
 */
#ifndef DATAPATH_NAT_INDEX_H
#define DATAPATH_NAT_INDEX_H

#include <emmintrin.h>

#include <rte_prefetch.h>
#include <rte_spinlock.h>

#include "nat_session.h"

#define NAT_BUCKET_ENTRIES 8

struct nat_bucket {
	uint16_t tags[NAT_BUCKET_ENTRIES]; /* 0: empty; locked: rw (release), worker: ro */
	uint32_t refs[NAT_BUCKET_ENTRIES]; /* session numbers; written before the tag */
	uint32_t next;                     /* spare bucket that it goes on in; 0: none */
	rte_spinlock_t lock;               /* for writers; of a row of buckets: in the first */
	uint32_t limbo;                    /* control: next in a list, once it is empty */
	uint32_t pad;
} __rte_aligned(64);
static_assert(sizeof(struct nat_bucket) == 64, "one cache line");

struct nat_index {
	uint64_t seed[2];
	struct nat_session *sessions;
	struct nat_bucket *buckets; /* n_buckets of them, then the spare ones */
	uint32_t n_buckets;
	uint32_t n_spare;
	/* buckets in use, and in the high half what to mask hashes with for them; worker: rw
	 * (release, with the lock of the bucket that is split), control: ro */
	uint64_t extent;
	/* written by workers: away from what all read */
	rte_spinlock_t split_lock __rte_cache_aligned; /* before that of a bucket */
	rte_spinlock_t spare_lock;
	uint32_t spare_fresh; /* spare buckets that have ever been used */
	uint32_t spare_first; /* of those given back; linked by limbo; 0: none */
	uint32_t spare_used;
};

/** nat_index_hash() - of a key. */
static inline uint64_t
nat_index_hash(const struct nat_index *index, const struct nat_key *key)
{
	const uint64_t a = key->local ^ index->seed[0], b = key->remote ^ index->seed[1];
	/* the low half by itself: GCC takes both out of one product by way of the stack */
	uint64_t hash = a * b ^ (uint64_t)((__uint128_t)a * b >> 64);

	hash *= UINT64_C(0x9e3779b97f4a7c15); /* see FDB_HASH_MIX */
	return hash ^ hash >> 32;
}

/** nat_index_extent() - what nat_index_bucket_of() needs to know; of a burst, once. */
static inline uint64_t
nat_index_extent(const struct nat_index *index)
{
	return __atomic_load_n(&index->extent, __ATOMIC_ACQUIRE);
}

static inline struct nat_bucket *
nat_index_bucket_of(const struct nat_index *index, uint64_t extent, uint64_t hash)
{
	const uint32_t n = (uint32_t)extent, mask = extent >> 32, i = (uint32_t)hash & mask;

	return &index->buckets[i < n ? i : i & mask >> 1];
}

static inline struct nat_bucket *
nat_index_bucket(const struct nat_index *index, uint64_t hash)
{
	return nat_index_bucket_of(index, nat_index_extent(index), hash);
}

static inline uint16_t
nat_index_tag(uint64_t hash)
{
	return (uint16_t)(hash >> 48) | 1;
}

/** nat_bucket_match() - bits of the entries that have a tag. */
static inline uint32_t
nat_bucket_match(const struct nat_bucket *bucket, uint16_t tag)
{
	__m128i tags = _mm_load_si128((const __m128i *)(const void *)bucket->tags);
	__m128i equal = _mm_cmpeq_epi16(tags, _mm_set1_epi16((short)tag));

	return _mm_movemask_epi8(_mm_packs_epi16(equal, _mm_setzero_si128()));
}

/**
 * nat_index_guess() - the first session that a key of this hash may mean, or 0. To prefetch.
 * @bucket: nat_index_bucket() of the hash.
 */
static inline uint32_t
nat_index_guess(const struct nat_bucket *bucket, uint64_t hash)
{
	uint32_t match = nat_bucket_match(bucket, nat_index_tag(hash));

	/* an entry that does not match leads to session 0 or to a wrong one: both are no match */
	return match == 0 ? 0 :
			    __atomic_load_n(&bucket->refs[__builtin_ctz(match)], __ATOMIC_ACQUIRE);
}

/**
 * nat_index_find() - the session that a key asks for.
 * @hash: nat_index_hash() of it.
 * Return: its number, or 0. Worker or control.
 */
uint32_t nat_index_find(const struct nat_index *index, const struct nat_key *key, uint64_t hash);

/** nat_index_find_sure() - the same, and a miss is none of an entry under way. Worker or control.
 */
uint32_t nat_index_find_sure(const struct nat_index *index, const struct nat_key *key,
			     uint64_t hash);

/** nat_index_create() - for @max_sessions. Return: 0 or -ENOMEM. */
int nat_index_create(struct nat_index *index, uint32_t max_sessions, bool huge,
		     struct nat_session *sessions);

/** nat_index_destroy() - unmap it. */
void nat_index_destroy(struct nat_index *index);

/**
 * nat_index_has_room() - will @n more insertions succeed, whatever @workers others insert now?
 */
static inline bool
nat_index_has_room(const struct nat_index *index, uint32_t n, uint32_t workers)
{
	return __atomic_load_n(&index->spare_used, __ATOMIC_RELAXED) + n * workers <=
	       index->n_spare;
}

/** nat_index_insert() - enter a session under a hash. The caller has seen to the room. */
void nat_index_insert(struct nat_index *index, uint64_t hash, uint32_t ref);

/**
 * nat_index_insert_new() - the same, if no session is found by the key.
 * Return: true if it was entered.
 */
bool nat_index_insert_new(struct nat_index *index, const struct nat_key *key, uint64_t hash,
			  uint32_t ref);

/**
 * nat_index_remove() - take an entry out. Control.
 * Return: a spare bucket that has become empty, for nat_index_spare_free() after a grace period;
 * or 0.
 */
uint32_t nat_index_remove(struct nat_index *index, uint64_t hash, uint32_t ref);

/** nat_index_spare_free() - give a spare bucket back. Control. */
void nat_index_spare_free(struct nat_index *index, uint32_t spare);

/** nat_memory_map() - zeroed memory, on reserved hugepages if @huge and there are. NULL: none. */
void *nat_memory_map(size_t size, bool huge);

/** nat_memory_unmap() - of nat_memory_map(), same @size. NULL is legal. */
void nat_memory_unmap(void *memory, size_t size);

#endif /* DATAPATH_NAT_INDEX_H */
