/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "nat_index.h"

#define HUGE_SIZE (UINT64_C(2) << 20)
#define BUCKETS_START 64u   /* in use at first */
#define CROWDED 5           /* entries of a bucket; where a table that grows has 4 on average */
#define LONG 2              /* spare buckets of a row: only where splitting does not keep up */
#define SPARE_RESERVE 1024u /* spare buckets that splitting leaves to inserting */

/* Small tables stay small: a huge page would be all theirs at the first touch. */
static size_t
memory_size(size_t size)
{
	return size >= HUGE_SIZE ? RTE_ALIGN_CEIL(size, HUGE_SIZE) : size;
}

void *
nat_memory_map(size_t size, bool huge)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS;
	void *memory = MAP_FAILED;

	size = memory_size(size);
	if (huge && size >= HUGE_SIZE)
		memory = mmap(NULL, size, PROT_READ | PROT_WRITE, flags | MAP_HUGETLB, -1, 0);
	if (memory == MAP_FAILED)
		memory = mmap(NULL, size, PROT_READ | PROT_WRITE, flags | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return NULL;
	if (size >= HUGE_SIZE)
		madvise(memory, size, MADV_HUGEPAGE);
	return memory;
}

void
nat_memory_unmap(void *memory, size_t size)
{
	if (memory != NULL)
		munmap(memory, memory_size(size));
}

/* Two entries a session leave the buckets half full, three of endpoint-independent mapping three
 * quarters; spare buckets are for a load beyond that, and are touched only then. */
static uint32_t
bucket_count(uint32_t max_sessions)
{
	return max_sessions / 2;
}

static uint32_t
spare_count(uint32_t max_sessions)
{
	return max_sessions / 4 + SPARE_RESERVE;
}

static size_t
index_size(const struct nat_index *index)
{
	return ((size_t)index->n_buckets + index->n_spare) * sizeof(struct nat_bucket);
}

/* What is published for @n buckets in use. */
static uint64_t
extent_of(uint32_t n)
{
	const uint32_t half = 1u << (31 - __builtin_clz(n));

	return n | (uint64_t)(2 * half - 1) << 32;
}

int
nat_index_create(struct nat_index *index, uint32_t max_sessions, bool huge,
		 struct nat_session *sessions)
{
	index->n_buckets = bucket_count(max_sessions);
	index->n_spare = spare_count(max_sessions);
	index->sessions = sessions;
	index->extent = extent_of(RTE_MIN(BUCKETS_START, index->n_buckets));
	rte_spinlock_init(&index->split_lock);
	rte_spinlock_init(&index->spare_lock);
	if (getrandom(index->seed, sizeof(index->seed), 0) != sizeof(index->seed))
		return -errno;
	index->buckets = nat_memory_map(index_size(index), huge);
	return index->buckets == NULL ? -ENOMEM : 0;
}

void
nat_index_destroy(struct nat_index *index)
{
	nat_memory_unmap(index->buckets, index_size(index));
}

/* Is session @ref the one that the key asks for? */
static bool
matches(const struct nat_session *session, uint32_t ref, const struct nat_key *key)
{
	switch ((enum nat_key_kind)(key->local >> NAT_KEY_KIND_SHIFT)) {
	case NAT_KEY_INSIDE:
	case NAT_KEY_EXTERNAL:
		return nat_session_is(session, key);
	case NAT_KEY_MAPPING:
		return session->end[0] == nat_as(NAT_KEY_INSIDE, key->local) &&
		       nat_end_ip(session->end[1]) == nat_end_ip(key->remote) &&
		       session->map == ref;
	case NAT_KEY_PEER:
		return session->end[1] == nat_as(NAT_KEY_EXTERNAL, key->local) &&
		       nat_end_ip(session->remote) == nat_end_ip(key->remote) &&
		       session->peer == ref;
	}
	return false;
}

static uint32_t
bucket_next(const struct nat_bucket *bucket)
{
	return __atomic_load_n(&bucket->next, __ATOMIC_ACQUIRE);
}

uint32_t
nat_index_find(const struct nat_index *index, const struct nat_key *key, uint64_t hash)
{
	const struct nat_bucket *bucket = nat_index_bucket(index, hash);
	const uint16_t tag = nat_index_tag(hash);
	uint32_t next;

	for (;;) {
		for (uint32_t m = nat_bucket_match(bucket, tag); m != 0; m &= m - 1) {
			uint32_t ref =
				__atomic_load_n(&bucket->refs[__builtin_ctz(m)], __ATOMIC_ACQUIRE);

			if (matches(&index->sessions[ref], ref, key))
				return ref;
		}
		next = bucket_next(bucket);
		if (likely(next == 0))
			return 0;
		bucket = &index->buckets[next];
	}
}

/* Lock the row of a hash. Return: its first bucket, which holds the lock. */
static struct nat_bucket *
row_lock(const struct nat_index *index, uint64_t hash)
{
	for (;;) {
		struct nat_bucket *bucket = nat_index_bucket(index, hash);

		rte_spinlock_lock(&bucket->lock);
		/* it may have been split meanwhile */
		if (likely(bucket == nat_index_bucket(index, hash)))
			return bucket;
		rte_spinlock_unlock(&bucket->lock);
	}
}

uint32_t
nat_index_find_sure(const struct nat_index *index, const struct nat_key *key, uint64_t hash)
{
	struct nat_bucket *bucket = row_lock(index, hash);
	uint32_t ref = nat_index_find(index, key, hash);

	rte_spinlock_unlock(&bucket->lock);
	return ref;
}

static uint32_t
spare_take(struct nat_index *index)
{
	uint32_t spare;

	rte_spinlock_lock(&index->spare_lock);
	spare = index->spare_first;
	if (spare != 0)
		index->spare_first = index->buckets[spare].limbo;
	else
		spare = index->n_buckets + index->spare_fresh++;
	__atomic_store_n(&index->spare_used, index->spare_used + 1, __ATOMIC_RELAXED);
	rte_spinlock_unlock(&index->spare_lock);
	return spare;
}

void
nat_index_spare_free(struct nat_index *index, uint32_t spare)
{
	rte_spinlock_lock(&index->spare_lock);
	index->buckets[spare].limbo = index->spare_first;
	index->spare_first = spare;
	__atomic_store_n(&index->spare_used, index->spare_used - 1, __ATOMIC_RELAXED);
	rte_spinlock_unlock(&index->spare_lock);
}

/* Readers take the tag first, the number then, and judge by the session. */
static void
entry_write(struct nat_bucket *bucket, unsigned int i, uint16_t tag, uint32_t ref)
{
	__atomic_store_n(&bucket->refs[i], ref, __ATOMIC_RELEASE);
	__atomic_store_n(&bucket->tags[i], tag, __ATOMIC_RELEASE);
}

static void
entry_clear(struct nat_bucket *bucket, unsigned int i)
{
	__atomic_store_n(&bucket->tags[i], 0, __ATOMIC_RELEASE);
	__atomic_store_n(&bucket->refs[i], 0, __ATOMIC_RELEASE);
}

/* With the lock of the first bucket. Return: how many spare buckets behind that it went. */
static uint32_t
insert_locked(struct nat_index *index, struct nat_bucket *bucket, uint16_t tag, uint32_t ref)
{
	for (uint32_t behind = 0;; behind++) {
		uint32_t room = nat_bucket_match(bucket, 0);

		if (likely(room != 0)) {
			entry_write(bucket, __builtin_ctz(room), tag, ref);
			return behind;
		}
		if (bucket->next == 0) {
			uint32_t spare = spare_take(index);

			/* it is empty: it was when it was given back */
			index->buckets[spare].next = 0;
			entry_write(&index->buckets[spare], 0, tag, ref);
			__atomic_store_n(&bucket->next, spare, __ATOMIC_RELEASE);
			return behind + 1;
		}
		bucket = &index->buckets[bucket->next];
	}
}

/* Fill the gap at @i with an entry of the spare bucket behind, so that rows stay short. */
static void
entry_refill(struct nat_index *index, struct nat_bucket *bucket, unsigned int i)
{
	struct nat_bucket *behind = &index->buckets[bucket->next];
	uint32_t used = ~nat_bucket_match(behind, 0) & 0xff;
	unsigned int last;

	if (used == 0)
		return;
	last = 31 - __builtin_clz(used);
	entry_write(bucket, i, behind->tags[last], behind->refs[last]);
	entry_clear(behind, last);
}

/*
 * Which halves of a row an entry belongs in, as bits: the hash is not in it, but follows from the
 * session, by one of the keys that lead to it. By two, once in a while; by none if it is left over
 * from such a case.
 * @at: number of the row; @bit: of the hash, that tells the halves.
 */
static unsigned int
entry_halves(const struct nat_index *index, uint16_t tag, uint32_t ref, uint32_t at, uint32_t bit)
{
	const struct nat_session *session = &index->sessions[ref];
	const uint64_t remote = session->remote & ~NAT_REMOTE_SHELL;
	const struct nat_key keys[] = {
		{ session->end[0], remote },
		{ session->end[1], remote },
		nat_mapping_key(session->end[0], nat_end_ip(session->end[1])),
		{ nat_as(NAT_KEY_PEER, session->end[1]), nat_end_ip(remote) },
	};
	unsigned int halves = 0;

	for (unsigned int i = 0; i < RTE_DIM(keys); i++) {
		const uint64_t hash = nat_index_hash(index, &keys[i]);

		if (nat_index_tag(hash) == tag && ((uint32_t)hash & (bit - 1)) == at)
			halves |= (hash & bit) != 0 ? 2 : 1;
	}
	return halves;
}

/* Move the entries of the upper half of a row, whose lock is held, to a bucket in nobody's way. */
static void
row_split(struct nat_index *index, uint32_t at, uint32_t bit)
{
	struct nat_bucket *row = &index->buckets[at];

	for (;; row = &index->buckets[row->next]) {
		uint32_t used = ~nat_bucket_match(row, 0) & 0xff;

		while (used != 0) {
			const unsigned int i = __builtin_ctz(used);
			const uint16_t tag = row->tags[i];
			const uint32_t ref = row->refs[i];
			const unsigned int halves = entry_halves(index, tag, ref, at, bit);

			if (halves & 2)
				insert_locked(index, &index->buckets[at + bit], tag, ref);
			used &= used - 1;
			if (halves & 1)
				continue;
			entry_clear(row, i);
			if (row->next == 0)
				continue;
			entry_refill(index, row, i);
			used |= (row->tags[i] != 0) << i;
		}
		if (row->next == 0)
			return;
	}
}

/* Spare buckets of a row: as many as its halves may need more, together. */
static uint32_t
row_spares(const struct nat_index *index, const struct nat_bucket *row)
{
	uint32_t n = 0;

	for (; row->next != 0; row = &index->buckets[row->next])
		n++;
	return n;
}

/*
 * Have one bucket more in use, unless somebody else is about it. Who finds a long row waits for
 * that: the other worker may have lost its CPU, and till it comes back rows would eat up all spare
 * buckets.
 */
static __rte_noinline void
split_next(struct nat_index *index, bool is_long)
{
	uint32_t n, bit;

	if (is_long && (uint32_t)nat_index_extent(index) < index->n_buckets)
		rte_spinlock_lock(&index->split_lock);
	else if (!rte_spinlock_trylock(&index->split_lock))
		return;
	n = (uint32_t)index->extent;
	if (n < index->n_buckets) {
		struct nat_bucket *row;

		bit = 1u << (31 - __builtin_clz(n));
		row = &index->buckets[n - bit];
		rte_spinlock_lock(&row->lock);
		if (__atomic_load_n(&index->spare_used, __ATOMIC_RELAXED) + row_spares(index, row) +
			    SPARE_RESERVE <=
		    index->n_spare) {
			row_split(index, n - bit, bit);
			__atomic_store_n(&index->extent, extent_of(n + 1), __ATOMIC_RELEASE);
		}
		rte_spinlock_unlock(&row->lock);
	}
	rte_spinlock_unlock(&index->split_lock);
}

static bool
is_crowded(const struct nat_bucket *bucket)
{
	return __builtin_popcount(nat_bucket_match(bucket, 0)) <= NAT_BUCKET_ENTRIES - CROWDED;
}

void
nat_index_insert(struct nat_index *index, uint64_t hash, uint32_t ref)
{
	struct nat_bucket *bucket = row_lock(index, hash);
	uint32_t behind;
	bool crowded;

	behind = insert_locked(index, bucket, nat_index_tag(hash), ref);
	crowded = is_crowded(bucket);
	rte_spinlock_unlock(&bucket->lock);
	if (crowded)
		split_next(index, behind >= LONG);
}

bool
nat_index_insert_new(struct nat_index *index, const struct nat_key *key, uint64_t hash,
		     uint32_t ref)
{
	struct nat_bucket *bucket = row_lock(index, hash);
	uint32_t behind = 0;
	bool is_new, crowded;

	is_new = nat_index_find(index, key, hash) == 0;
	if (is_new)
		behind = insert_locked(index, bucket, nat_index_tag(hash), ref);
	crowded = is_new && is_crowded(bucket);
	rte_spinlock_unlock(&bucket->lock);
	if (crowded)
		split_next(index, behind >= LONG);
	return is_new;
}

static uint32_t
remove_locked(struct nat_index *index, struct nat_bucket *bucket, uint16_t tag, uint32_t ref)
{
	struct nat_bucket *gap = NULL, *before;
	uint32_t spare;

	for (before = bucket; gap == NULL; before = &index->buckets[before->next]) {
		for (uint32_t m = nat_bucket_match(before, tag); m != 0 && gap == NULL;
		     m &= m - 1) {
			if (before->refs[__builtin_ctz(m)] != ref)
				continue;
			gap = before;
			entry_clear(gap, __builtin_ctz(m));
			if (gap->next != 0)
				entry_refill(index, gap, __builtin_ctz(m));
		}
		if (gap == NULL && before->next == 0)
			return 0; /* not there */
	}
	/* the one behind the gap, or the gap itself, may be empty now */
	for (before = bucket; before->next != 0; before = &index->buckets[before->next]) {
		struct nat_bucket *empty = &index->buckets[before->next];

		if (nat_bucket_match(empty, 0) != 0xff)
			continue;
		spare = before->next;
		__atomic_store_n(&before->next, empty->next, __ATOMIC_RELEASE);
		return spare;
	}
	return 0;
}

uint32_t
nat_index_remove(struct nat_index *index, uint64_t hash, uint32_t ref)
{
	struct nat_bucket *bucket = row_lock(index, hash);
	uint32_t spare;

	spare = remove_locked(index, bucket, nat_index_tag(hash), ref);
	rte_spinlock_unlock(&bucket->lock);
	return spare;
}
