/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "nat_index.h"

#define HUGE_SIZE (UINT64_C(2) << 20)

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
	return max_sessions / 4 + 1024;
}

static size_t
index_size(const struct nat_index *index)
{
	return ((size_t)index->n_buckets + index->n_spare) * sizeof(struct nat_bucket);
}

int
nat_index_create(struct nat_index *index, uint32_t max_sessions, bool huge,
		 struct nat_session *sessions)
{
	index->n_buckets = bucket_count(max_sessions);
	index->n_spare = spare_count(max_sessions);
	index->sessions = sessions;
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
		return session->end[0] == nat_as(NAT_KEY_INSIDE, key->local) && session->map == ref;
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

uint32_t
nat_index_find_sure(const struct nat_index *index, const struct nat_key *key, uint64_t hash)
{
	struct nat_bucket *bucket = nat_index_bucket(index, hash);
	uint32_t ref;

	rte_spinlock_lock(&bucket->lock);
	ref = nat_index_find(index, key, hash);
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

/* With the lock of the first bucket. */
static void
insert_locked(struct nat_index *index, struct nat_bucket *bucket, uint16_t tag, uint32_t ref)
{
	for (;;) {
		uint32_t room = nat_bucket_match(bucket, 0);

		if (likely(room != 0)) {
			entry_write(bucket, __builtin_ctz(room), tag, ref);
			return;
		}
		if (bucket->next == 0) {
			uint32_t spare = spare_take(index);

			/* it is empty: it was when it was given back */
			index->buckets[spare].next = 0;
			entry_write(&index->buckets[spare], 0, tag, ref);
			__atomic_store_n(&bucket->next, spare, __ATOMIC_RELEASE);
			return;
		}
		bucket = &index->buckets[bucket->next];
	}
}

void
nat_index_insert(struct nat_index *index, uint64_t hash, uint32_t ref)
{
	struct nat_bucket *bucket = nat_index_bucket(index, hash);

	rte_spinlock_lock(&bucket->lock);
	insert_locked(index, bucket, nat_index_tag(hash), ref);
	rte_spinlock_unlock(&bucket->lock);
}

bool
nat_index_insert_new(struct nat_index *index, const struct nat_key *key, uint64_t hash,
		     uint32_t ref)
{
	struct nat_bucket *bucket = nat_index_bucket(index, hash);
	bool is_new;

	rte_spinlock_lock(&bucket->lock);
	is_new = nat_index_find(index, key, hash) == 0;
	if (is_new)
		insert_locked(index, bucket, nat_index_tag(hash), ref);
	rte_spinlock_unlock(&bucket->lock);
	return is_new;
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
	struct nat_bucket *bucket = nat_index_bucket(index, hash);
	uint32_t spare;

	rte_spinlock_lock(&bucket->lock);
	spare = remove_locked(index, bucket, nat_index_tag(hash), ref);
	rte_spinlock_unlock(&bucket->lock);
	return spare;
}
