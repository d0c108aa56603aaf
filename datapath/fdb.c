/* SPDX-License-Identifier: BSD-3-Clause */
/* The writer's side of the FDB; lookups are inline in fdb.h. */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "fdb.h"
#include "port.h"
#include "rcu.h"

#define FDB_BUCKETS_MIN 256u
#define FDB_AGE_BUCKETS 65536u /* buckets that one call of fdb_age() looks through */

struct fdb {
	struct fdb_table **published;
	struct fdb_table *table;
	struct rcu *rcu;
	uint32_t limit;
	uint32_t count; /* with groups */
	uint32_t groups;
	uint32_t age_next;          /* bucket where ageing goes on */
	uint32_t move_next;         /* rotates the victim of a move */
	uint32_t learnt[PORT_MAX];  /* learnt entries by port id */
	uint32_t statics[PORT_MAX]; /* static ones */
};

static void
fdb_table_free(void *arg)
{
	struct fdb_table *table = arg;

	if (table == NULL)
		return;
	munmap(table->buckets, table->size);
	free(table);
}

static struct fdb_table *
fdb_table_create(uint32_t n_buckets)
{
	struct fdb_table *table = calloc(1, sizeof(*table));

	if (table == NULL)
		return NULL;
	if (getrandom(table->seed, sizeof(table->seed), 0) != sizeof(table->seed)) {
		free(table);
		return NULL;
	}
	table->seed[1] |= 1;
	table->mask = n_buckets - 1;
	table->size = (size_t)n_buckets * sizeof(struct fdb_bucket);
	/* a mapping of its own: zero pages cost nothing until used, huge pages save TLB misses */
	table->buckets =
		mmap(NULL, table->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (table->buckets == MAP_FAILED) {
		free(table);
		return NULL;
	}
	madvise(table->buckets, table->size, MADV_HUGEPAGE);
	return table;
}

/*
 * Buckets to start with. A table grows as it fills, which keeps a small one in the cache; but to
 * grow a large one takes the control thread tens of milliseconds, so that is made for its limit.
 */
static uint32_t
fdb_buckets_for(uint32_t limit)
{
	if (limit <= FDB_LIMIT_DEFAULT)
		return FDB_BUCKETS_MIN;
	return rte_align32pow2(limit) / (FDB_BUCKET_ENTRIES / 2);
}

struct fdb *
fdb_create(struct fdb_table **published, struct rcu *rcu, uint32_t limit)
{
	struct fdb *fdb = calloc(1, sizeof(*fdb));

	if (fdb == NULL)
		return NULL;
	fdb->table = fdb_table_create(fdb_buckets_for(limit));
	if (fdb->table == NULL) {
		free(fdb);
		errno = ENOMEM;
		return NULL;
	}
	fdb->published = published;
	fdb->rcu = rcu;
	fdb->limit = limit;
	__atomic_store_n(published, fdb->table, __ATOMIC_RELEASE);
	return fdb;
}

void
fdb_destroy(struct fdb *fdb)
{
	if (fdb == NULL)
		return;
	fdb_table_free(fdb->table);
	free(fdb);
}

/* A place in a table: the key and the entry that belong together. */
struct fdb_slot {
	uint64_t *key; /* NULL: no place */
	struct fdb_entry *entry;
};

static struct fdb_slot
fdb_slot_at(struct fdb_bucket *bucket, unsigned int i)
{
	return (struct fdb_slot){ .key = &bucket->keys[i], .entry = &bucket->entries[i] };
}

/* Readers must see the entry before the key makes it valid. */
static void
fdb_slot_write(struct fdb_slot slot, uint64_t key, uint32_t dest, uint32_t seen)
{
	__atomic_store_n(&slot.entry->dest, dest, __ATOMIC_RELAXED);
	__atomic_store_n(&slot.entry->seen, seen, __ATOMIC_RELAXED);
	__atomic_store_n(slot.key, key, __ATOMIC_RELEASE);
}

static struct fdb_slot
fdb_bucket_room(struct fdb_bucket *bucket)
{
	for (unsigned int i = 0; i < FDB_BUCKET_ENTRIES; i++)
		if (bucket->keys[i] == 0)
			return fdb_slot_at(bucket, i);
	return (struct fdb_slot){ .key = NULL };
}

/*
 * Make room in @bucket by moving entries, each to its other bucket. Bounded by @depth: a full
 * neighbourhood makes the table grow instead.
 */
static struct fdb_slot
fdb_make_room(struct fdb *fdb, struct fdb_table *table, struct fdb_bucket *bucket,
	      unsigned int depth)
{
	for (unsigned int i = 0; i < FDB_BUCKET_ENTRIES; i++) {
		struct fdb_slot victim =
			fdb_slot_at(bucket, (fdb->move_next + i) % FDB_BUCKET_ENTRIES);
		uint64_t hash = fdb_hash(table, *victim.key);
		struct fdb_bucket *other = fdb_bucket_first(table, hash);
		struct fdb_slot room;

		if (other == bucket)
			other = fdb_bucket_second(table, hash);
		if (other == bucket)
			continue;
		room = fdb_bucket_room(other);
		if (room.key == NULL && depth > 0)
			room = fdb_make_room(fdb, table, other, depth - 1);
		if (room.key == NULL)
			continue;
		fdb_slot_write(room, *victim.key, victim.entry->dest, victim.entry->seen);
		__atomic_store_n(victim.key, 0, __ATOMIC_RELEASE);
		fdb->move_next++;
		return victim;
	}
	return (struct fdb_slot){ .key = NULL };
}

static bool
fdb_table_insert(struct fdb *fdb, struct fdb_table *table, uint64_t key, uint32_t dest,
		 uint32_t seen)
{
	uint64_t hash = fdb_hash(table, key);
	struct fdb_slot room = fdb_bucket_room(fdb_bucket_first(table, hash));

	if (room.key == NULL)
		room = fdb_bucket_room(fdb_bucket_second(table, hash));
	if (room.key == NULL)
		room = fdb_make_room(fdb, table, fdb_bucket_first(table, hash), 2);
	if (room.key == NULL)
		return false;
	fdb_slot_write(room, key, dest, seen);
	return true;
}

/* A table of @n_buckets with all entries of the old one, published; the old one is retired. */
static int
fdb_rebuild(struct fdb *fdb, uint32_t n_buckets)
{
	struct fdb_table *old = fdb->table;
	struct fdb_table *new;

again:
	new = fdb_table_create(n_buckets);
	if (new == NULL)
		return -ENOMEM;
	for (uint32_t b = 0; b <= old->mask; b++) {
		for (unsigned int i = 0; i < FDB_BUCKET_ENTRIES; i++) {
			const struct fdb_entry *entry = &old->buckets[b].entries[i];
			uint64_t key = old->buckets[b].keys[i];

			if (key == 0)
				continue;
			if (!fdb_table_insert(fdb, new, key, entry->dest, entry->seen)) {
				fdb_table_free(new);
				n_buckets *= 2;
				goto again;
			}
		}
	}
	fdb->table = new;
	fdb->age_next = 0;
	__atomic_store_n(fdb->published, new, __ATOMIC_RELEASE);
	rcu_retire(fdb->rcu, &old->retired, fdb_table_free, old);
	return 0;
}

static struct fdb_entry *
fdb_find(const struct fdb *fdb, uint64_t key)
{
	return fdb_lookup(fdb->table, key, fdb_hash(fdb->table, key));
}

static uint32_t *
fdb_counter(struct fdb *fdb, uint32_t dest)
{
	if (dest & FDB_DEST_GROUP)
		return &fdb->groups;
	return (dest & FDB_DEST_STATIC) ? &fdb->statics[dest & FDB_DEST_PORT] :
					  &fdb->learnt[dest & FDB_DEST_PORT];
}

/* Keep the counts of entries when an entry's destination changes. */
static void
fdb_account(struct fdb *fdb, uint32_t old_dest, uint32_t new_dest)
{
	if (old_dest != FDB_DEST_NONE)
		(*fdb_counter(fdb, old_dest))--;
	if (new_dest != FDB_DEST_NONE)
		(*fdb_counter(fdb, new_dest))++;
}

int
fdb_set(struct fdb *fdb, uint64_t key, uint32_t dest, uint32_t port_limit, uint32_t now)
{
	struct fdb_entry *entry = fdb_find(fdb, key);
	bool learning = !(dest & FDB_DEST_STATIC);

	if (entry != NULL && learning) {
		if (entry->dest & FDB_DEST_STATIC)
			return -EEXIST;
		if (entry->dest == dest) {
			__atomic_store_n(&entry->seen, now, __ATOMIC_RELAXED);
			return 0;
		}
	}
	if (learning && port_limit != 0 && fdb->learnt[dest & FDB_DEST_PORT] >= port_limit)
		return -ENOSPC;
	if (entry != NULL) {
		fdb_account(fdb, entry->dest, dest);
		__atomic_store_n(&entry->dest, dest, __ATOMIC_RELAXED);
		__atomic_store_n(&entry->seen, now, __ATOMIC_RELAXED);
		return 0;
	}
	if (!(dest & FDB_DEST_GROUP) && fdb_count(fdb) >= fdb->limit)
		return -ENOSPC;
	/* half full: lookups stay in the first bucket nearly always; without memory it goes on */
	if (fdb->count >= (fdb->table->mask + 1) * (FDB_BUCKET_ENTRIES / 2))
		fdb_rebuild(fdb, (fdb->table->mask + 1) * 2);
	while (!fdb_table_insert(fdb, fdb->table, key, dest, now)) {
		int ret = fdb_rebuild(fdb, (fdb->table->mask + 1) * 2);

		if (ret < 0)
			return ret;
	}
	fdb_account(fdb, FDB_DEST_NONE, dest);
	fdb->count++;
	return 0;
}

static void
fdb_slot_clear(struct fdb *fdb, struct fdb_slot slot)
{
	fdb_account(fdb, slot.entry->dest, FDB_DEST_NONE);
	__atomic_store_n(slot.key, 0, __ATOMIC_RELEASE);
	fdb->count--;
}

int
fdb_remove(struct fdb *fdb, uint64_t key)
{
	uint64_t hash = fdb_hash(fdb->table, key);
	struct fdb_bucket *buckets[2] = { fdb_bucket_first(fdb->table, hash),
					  fdb_bucket_second(fdb->table, hash) };

	for (unsigned int b = 0; b < 2; b++) {
		struct fdb_entry *entry = fdb_bucket_find(buckets[b], key);

		if (entry == NULL)
			continue;
		fdb_slot_clear(fdb, fdb_slot_at(buckets[b], entry - buckets[b]->entries));
		return 0;
	}
	return -ENOENT;
}

void
fdb_flush_ports(struct fdb *fdb, const bool *ports)
{
	uint64_t n_left = 0;

	for (uint32_t port = 0; port < PORT_MAX; port++)
		if (ports[port])
			n_left += fdb->learnt[port];
	for (uint32_t b = 0; b <= fdb->table->mask && n_left > 0; b++) {
		for (unsigned int i = 0; i < FDB_BUCKET_ENTRIES; i++) {
			struct fdb_slot slot = fdb_slot_at(&fdb->table->buckets[b], i);

			if (*slot.key == 0 || (slot.entry->dest & FDB_DEST_STATIC) ||
			    !ports[slot.entry->dest & FDB_DEST_PORT])
				continue;
			fdb_slot_clear(fdb, slot);
			n_left--;
		}
	}
}

void
fdb_flush(struct fdb *fdb, uint32_t port, bool statics)
{
	/* links flap, and most ports have few entries in a large table */
	for (uint32_t b = 0; b <= fdb->table->mask; b++) {
		if (port != FDB_DEST_NONE && fdb->learnt[port] == 0 &&
		    (!statics || fdb->statics[port] == 0))
			break;
		for (unsigned int i = 0; i < FDB_BUCKET_ENTRIES; i++) {
			struct fdb_slot slot = fdb_slot_at(&fdb->table->buckets[b], i);

			if (*slot.key == 0 || (slot.entry->dest & FDB_DEST_GROUP) ||
			    (!statics && (slot.entry->dest & FDB_DEST_STATIC)))
				continue;
			if (port == FDB_DEST_NONE || (slot.entry->dest & FDB_DEST_PORT) == port)
				fdb_slot_clear(fdb, slot);
		}
	}
}

/* A worker's clock may be a moment ahead of @now: such an age is negative, not huge. */
static bool
fdb_slot_old(struct fdb_slot slot, uint32_t ageing, uint32_t now)
{
	uint32_t age = now - __atomic_load_n(&slot.entry->seen, __ATOMIC_RELAXED);

	return *slot.key != 0 && !(slot.entry->dest & FDB_DEST_STATIC) &&
	       (int32_t)age >= (int32_t)ageing;
}

void
fdb_age(struct fdb *fdb, uint32_t ageing, uint32_t now)
{
	uint32_t n = RTE_MIN(fdb->table->mask + 1, FDB_AGE_BUCKETS);

	if (ageing == 0)
		return;
	while (n-- > 0) {
		for (unsigned int i = 0; i < FDB_BUCKET_ENTRIES; i++) {
			struct fdb_slot slot = fdb_slot_at(&fdb->table->buckets[fdb->age_next], i);

			if (fdb_slot_old(slot, ageing, now))
				fdb_slot_clear(fdb, slot);
		}
		fdb->age_next = (fdb->age_next + 1) & fdb->table->mask;
	}
}

void
fdb_set_limit(struct fdb *fdb, uint32_t limit)
{
	fdb->limit = limit;
	if (fdb_buckets_for(limit) > fdb->table->mask + 1)
		fdb_rebuild(fdb, fdb_buckets_for(limit));
}

uint32_t
fdb_count(const struct fdb *fdb)
{
	return fdb->count - fdb->groups;
}

uint32_t
fdb_port_learnt(const struct fdb *fdb, uint32_t port)
{
	return fdb->learnt[port];
}

uint32_t
fdb_port_statics(const struct fdb *fdb, uint32_t port)
{
	return fdb->statics[port];
}

const struct fdb_entry *
fdb_next(const struct fdb *fdb, uint32_t *cursor, uint64_t *ret_key)
{
	uint32_t end = (fdb->table->mask + 1) * FDB_BUCKET_ENTRIES;

	while (*cursor < end) {
		uint32_t at = (*cursor)++;
		const struct fdb_bucket *bucket = &fdb->table->buckets[at / FDB_BUCKET_ENTRIES];

		*ret_key = bucket->keys[at % FDB_BUCKET_ENTRIES];
		if (*ret_key != 0 &&
		    !(bucket->entries[at % FDB_BUCKET_ENTRIES].dest & FDB_DEST_GROUP))
			return &bucket->entries[at % FDB_BUCKET_ENTRIES];
	}
	return NULL;
}
