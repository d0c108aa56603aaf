/* SPDX-License-Identifier: BSD-3-Clause */
#include "capture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <rte_cycles.h>

#include "egress.h"
#include "worker.h"

static_assert(CAPTURE_RING_MIN > sizeof(struct capture_record) + CAPTURE_LENGTH_MAX,
	      "a ring holds any packet");

/* --- the writer's side of a ring --- */

static struct capture_record *
record_at(const struct capture_ring *ring, uint64_t place)
{
	return (struct capture_record *)(ring->data + (place & (ring->size - 1)));
}

/* Is there room up to a place? */
static bool
has_room(struct capture_ring *ring, uint64_t end)
{
	if (likely(end <= ring->room_to))
		return true;
	ring->room_to = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE) + ring->size;
	return end <= ring->room_to;
}

/* Room for a record, in one piece. Return: it, or NULL. */
static struct capture_record *
record_make(struct capture_ring *ring, uint32_t size)
{
	const uint32_t left = ring->size - (ring->place & (ring->size - 1));
	const uint32_t skip = left < size ? left : 0;
	struct capture_record *record;

	if (!has_room(ring, ring->place + skip + size))
		return NULL;
	if (skip > 0) {
		record = record_at(ring, ring->place);
		record->size = skip;
		record->captures = 0;
		ring->place += skip;
	}
	ring->last = ring->place;
	ring->place += size;
	record = record_at(ring, ring->last);
	record->size = size;
	return record;
}

/* Let the reader have what is there. */
static void
ring_publish(struct capture_ring *ring)
{
	if (ring->n_open == 0)
		__atomic_store_n(&ring->head, ring->place, __ATOMIC_RELEASE);
}

static void
data_copy(uint8_t *to, const struct rte_mbuf *pkt, uint32_t len)
{
	for (; len > 0; pkt = pkt->next) {
		const uint32_t n = RTE_MIN(len, (uint32_t)pkt->data_len);

		memcpy(to, rte_pktmbuf_mtod(pkt, const uint8_t *), n);
		to += n;
		len -= n;
	}
}

/* How much of a packet somebody wants. */
static uint32_t
length_wanted(const struct capture_set *set, uint32_t wanted, const struct rte_mbuf *pkt)
{
	/* of one that is pending there is no more than its first segment */
	const uint32_t here = pkt->ol_flags & PORT_PENDING ? pkt->data_len : pkt->pkt_len;
	uint32_t length = 0;

	for (; wanted != 0; wanted &= wanted - 1)
		length = RTE_MAX(length, set->captures[__builtin_ctz(wanted)]->length);
	return RTE_MIN(length, here);
}

/* What the records of a burst have in common. */
struct capture_scene {
	struct worker *worker;
	const struct capture_set *set;
	const struct port *port;
	uint64_t tsc;
	uint8_t point;
	uint8_t reason;
};

/* Return: is there a record? */
static bool
record_put(const struct capture_scene *scene, const struct rte_mbuf *pkt, uint32_t wanted)
{
	struct capture_ring *ring = scene->set->rings[scene->worker->id];
	const uint32_t data_len = length_wanted(scene->set, wanted, pkt);
	const uint32_t size = RTE_ALIGN(sizeof(struct capture_record) + data_len, 8);
	struct capture_record *record = record_make(ring, size);

	if (record == NULL)
		return false;
	record->captures = wanted;
	record->tsc = scene->tsc;
	record->len = pkt->pkt_len;
	record->data_len = data_len;
	record->port = scene->port->id;
	record->generation = scene->port->generation;
	record->point = scene->point;
	record->reason = scene->reason;
	record->worker = scene->worker->id;
	data_copy(record->data, pkt, data_len);
	return true;
}

static void
count_wanted(const struct capture_scene *scene, uint32_t wanted, bool stored)
{
	for (; wanted != 0; wanted &= wanted - 1) {
		struct capture *capture = scene->set->captures[__builtin_ctz(wanted)];
		struct capture_count *count = &capture->count[scene->worker->id];

		count->matched++;
		count->missed += !stored;
	}
}

/* --- filters --- */

/*
 * Who wants which packets of a burst.
 * @ret_wanted: captures, by packet; of packets that nobody wants nothing is put there.
 * Return: a bit for each packet that somebody wants.
 */
static uint64_t
burst_match(struct worker *worker, const struct capture_set *set, uint32_t looking,
	    struct rte_mbuf *const *pkts, uint16_t n, uint32_t *ret_wanted)
{
	struct filter_burst *burst = &set->rings[worker->id]->burst;
	uint64_t all = 0;

	filter_load(burst, pkts, n);
	for (; looking != 0; looking &= looking - 1) {
		const unsigned int c = __builtin_ctz(looking);
		struct capture *capture = set->captures[c];
		uint64_t matched = UINT64_MAX >> (PORT_BURST_MAX - n);

		capture->count[worker->id].seen += n;
		if (capture->filter != NULL)
			matched = filter_run(capture->filter, burst);
		for (uint64_t left = matched; left != 0; left &= left - 1) {
			const unsigned int i = __builtin_ctzll(left);

			ret_wanted[i] = (all >> i & 1 ? ret_wanted[i] : 0) | 1u << c;
		}
		all |= matched;
	}
	return all;
}

/* --- points --- */

/* Close up what is left of a burst. */
static uint16_t
burst_close_up(struct rte_mbuf **pkts, uint16_t n, uint64_t lost)
{
	uint16_t n_kept = 0;

	for (uint16_t i = 0; i < n; i++)
		if (!(lost >> i & 1))
			pkts[n_kept++] = pkts[i];
	return n_kept;
}

uint64_t
capture_look(struct worker *worker, const struct capture_set *set, enum capture_point point,
	     const struct port *port, struct rte_mbuf *const *pkts, uint16_t n)
{
	struct capture_scene scene = {
		.worker = worker,
		.set = set,
		.port = port,
		.point = point,
	};
	uint64_t left, lost = 0;
	uint32_t wanted[PORT_BURST_MAX];

	left = burst_match(worker, set, set->wanted[point][port->id], pkts, n, wanted);
	if (likely(left == 0))
		return 0;
	scene.tsc = rte_rdtsc();
	for (; left != 0; left &= left - 1) {
		const unsigned int i = __builtin_ctzll(left);

		if (likely(egress_fill(worker, pkts[i])))
			count_wanted(&scene, wanted[i], record_put(&scene, pkts[i], wanted[i]));
		else
			lost |= UINT64_C(1) << i;
	}
	ring_publish(set->rings[worker->id]);
	return lost;
}

uint16_t
capture_burst(struct worker *worker, const struct capture_set *set, enum capture_point point,
	      const struct port *port, struct rte_mbuf **pkts, uint16_t n)
{
	const uint64_t lost = capture_look(worker, set, point, port, pkts, n);

	return likely(lost == 0) ? n : burst_close_up(pkts, n, lost);
}

void
capture_tx_begin(struct worker *worker, const struct capture_set *set, const struct port *port,
		 struct rte_mbuf *const *pkts, uint16_t n, struct capture_sent *ret_sent)
{
	struct capture_scene scene = {
		.worker = worker,
		.set = set,
		.port = port,
		.point = CAPTURE_TX,
	};
	struct capture_ring *ring = set->rings[worker->id];

	ret_sent->stored = ret_sent->lost = 0;
	ret_sent->matched = burst_match(worker, set, set->wanted[CAPTURE_TX][port->id], pkts, n,
					ret_sent->wanted);
	if (likely(ret_sent->matched == 0))
		return;
	scene.tsc = rte_rdtsc();
	ring->n_open++;
	ret_sent->outer = ring->sent;
	/* what is handed on may be another packet by the time that somebody drops it */
	ring->sent = port->type->hands_on ? NULL : ret_sent;
	for (uint64_t left = ret_sent->matched; left != 0; left &= left - 1) {
		const unsigned int i = __builtin_ctzll(left);

		ret_sent->pkts[i] = pkts[i];
		if (!record_put(&scene, pkts[i], ret_sent->wanted[i]))
			continue;
		ret_sent->stored |= UINT64_C(1) << i;
		ret_sent->place[i] = ring->last;
	}
}

void
capture_tx_end(struct worker *worker, const struct capture_set *set, const struct port *port,
	       const struct capture_sent *sent, uint16_t n_sent)
{
	const struct capture_scene scene = { .worker = worker, .set = set, .port = port };
	struct capture_ring *ring = set->rings[worker->id];

	if (likely(sent->matched == 0))
		return;
	for (uint64_t left = sent->matched; left != 0; left &= left - 1) {
		const unsigned int i = __builtin_ctzll(left);
		const bool stored = sent->stored >> i & 1;

		if (i < n_sent && !(sent->lost >> i & 1))
			count_wanted(&scene, sent->wanted[i], stored);
		else if (stored)
			record_at(ring, sent->place[i])->captures = 0; /* it was not sent */
	}
	ring->sent = sent->outer;
	ring->n_open--;
	ring_publish(ring);
}

/* A packet is dropped by the port that was to send it. */
static __rte_noinline void
sent_lose(struct capture_sent *sent, const struct rte_mbuf *pkt)
{
	for (uint64_t left = sent->matched; left != 0; left &= left - 1) {
		const unsigned int i = __builtin_ctzll(left);

		if (sent->pkts[i] == pkt)
			sent->lost |= UINT64_C(1) << i;
	}
}

void
capture_drop(struct worker *worker, const struct capture_set *set, const struct port *port,
	     struct rte_mbuf *pkt, unsigned int reason)
{
	const uint32_t looking = set->wanted[CAPTURE_DROP][port->id];
	struct capture_scene scene = {
		.worker = worker,
		.set = set,
		.port = port,
		.point = CAPTURE_DROP,
		.reason = reason,
	};
	struct capture_ring *ring = set->rings[worker->id];
	uint32_t wanted;

	if (unlikely(ring->sent != NULL))
		sent_lose(ring->sent, pkt);
	if (likely(looking == 0) || burst_match(worker, set, looking, &pkt, 1, &wanted) == 0)
		return;
	scene.tsc = rte_rdtsc();
	count_wanted(&scene, wanted, record_put(&scene, pkt, wanted));
	ring_publish(ring);
}

/* --- rings --- */

struct capture_ring *
capture_ring_create(uint32_t size)
{
	struct capture_ring *ring = NULL;

	if (posix_memalign((void **)&ring, RTE_CACHE_LINE_SIZE, sizeof(*ring)) != 0)
		goto err;
	memset(ring, 0, sizeof(*ring));
	ring->data = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (ring->data == MAP_FAILED)
		goto err;
	ring->size = size;
	ring->room_to = size;
	return ring;

err:
	free(ring);
	errno = ENOMEM;
	return NULL;
}

void
capture_ring_destroy(struct capture_ring *ring)
{
	if (ring == NULL)
		return;
	munmap(ring->data, ring->size);
	free(ring);
}

const struct capture_record *
capture_ring_peek(struct capture_ring *ring)
{
	while (ring->tail != __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE)) {
		const struct capture_record *record = record_at(ring, ring->tail);

		if (record->captures != 0)
			return record;
		capture_ring_next(ring);
	}
	return NULL;
}

void
capture_ring_next(struct capture_ring *ring)
{
	const uint64_t next = ring->tail + record_at(ring, ring->tail)->size;

	__atomic_store_n(&ring->tail, next, __ATOMIC_RELEASE);
}

void
capture_count(const struct capture *capture, struct capture_count *ret_sum)
{
	*ret_sum = (struct capture_count){ 0 };
	for (unsigned int i = 0; i < WORKER_MAX; i++) {
		const struct capture_count *count = &capture->count[i];

		ret_sum->seen += __atomic_load_n(&count->seen, __ATOMIC_RELAXED);
		ret_sum->matched += __atomic_load_n(&count->matched, __ATOMIC_RELAXED);
		ret_sum->missed += __atomic_load_n(&count->missed, __ATOMIC_RELAXED);
	}
}
