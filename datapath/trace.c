/* SPDX-License-Identifier: BSD-3-Clause */
#include "trace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>

#include <rte_cycles.h>

#include "egress.h"
#include "fdb.h"
#include "lag.h"
#include "nat_impl.h"
#include "router.h"

/* --- steps --- */

/* Keep the start of a packet. Return: its number, or TRACE_FRAME_NONE. */
static uint16_t
frame_keep(struct trace *trace, const struct rte_mbuf *pkt)
{
	struct trace_frame *frame = &trace->frames[trace->n_frames];

	if (pkt == NULL || trace->n_frames == TRACE_FRAMES_MAX)
		return TRACE_FRAME_NONE;
	frame->len = RTE_MIN(pkt->data_len, TRACE_FRAME_LEN);
	memcpy(frame->data, rte_pktmbuf_mtod(pkt, const uint8_t *), frame->len);
	return trace->n_frames++;
}

void
trace_add(struct worker *worker, enum trace_kind kind, const struct port *port,
	  const struct rte_mbuf *pkt, uint64_t arg0, uint64_t arg1, uint64_t arg2, uint64_t arg3)
{
	struct trace *trace = worker->trace;

	if (trace->n_steps == TRACE_STEPS_MAX) {
		trace->n_lost++;
		return;
	}
	trace->steps[trace->n_steps++] = (struct trace_step){
		.kind = kind,
		.port = port != NULL ? port->id : PORT_MAX,
		.generation = port != NULL ? port->generation : 0,
		.frame = frame_keep(trace, pkt),
		.arg = { arg0, arg1, arg2, arg3 },
	};
}

static void
trace_fdb(struct worker *worker, enum trace_kind kind, const struct fdb_table *table,
	  const struct port *in, uint64_t key)
{
	const struct fdb_entry *entry = fdb_lookup(table, key, fdb_hash(table, key));
	uint32_t dest = FDB_DEST_NONE, seen = worker->now;

	if (entry != NULL) {
		dest = __atomic_load_n(&entry->dest, __ATOMIC_RELAXED);
		seen = __atomic_load_n(&entry->seen, __ATOMIC_RELAXED);
	}
	trace_add(worker, kind, in, NULL, key, dest,
		  (int32_t)(worker->now - seen) > 0 ? worker->now - seen : 0, 0);
}

void
trace_bridge(struct worker *worker, const struct fdb_table *table, const struct port *in,
	     uint16_t tag, uint64_t src, uint64_t dst)
{
	trace_add(worker, TRACE_VLAN, in, NULL, tag, vlan_of(in)->untagged, 0, 0);
	trace_fdb(worker, TRACE_SOURCE, table, in, src);
	/* groups are told of where it is decided what becomes of them */
	if (!(dst & 1) && in->state == PORT_FORWARDING)
		trace_fdb(worker, TRACE_STATION, table, in, dst);
}

static void
trace_session(struct worker *worker, const struct nat *nat, uint32_t ref, uint64_t what)
{
	const struct nat_session *session = &nat->sessions[ref];
	const bool copy = ref > nat->max_sessions + NAT_DRY_IN;

	if (ref > nat->max_sessions && !copy)
		what |= TRACE_NAT_DRY;
	trace_add(worker, TRACE_NAT, NULL, NULL, session->end[0], session->end[1], session->remote,
		  (uint64_t)(worker->now - session->created) << 8 | what);
}

void
trace_nat(struct worker *worker, const struct nat *nat, const struct ip_meta *meta, bool begun)
{
	const uint64_t what = begun ? TRACE_NAT_NEW : 0;

	switch ((enum ip_nat)meta->nat) {
	case IP_NAT_NONE:
		return;
	case IP_NAT_MISS:
		trace_add(worker, TRACE_NAT, NULL, NULL, 0, meta->dst, 0, IP_NAT_MISS);
		return;
	case IP_NAT_HAIRPIN:
		trace_session(worker, nat, meta->session, what | IP_NAT_OUT);
		trace_session(worker, nat, meta->session2, what | IP_NAT_IN);
		return;
	default:
		trace_session(worker, nat, meta->session, what | meta->nat);
	}
}

void
trace_route(struct worker *worker, const struct port *in, const struct ip_meta *meta)
{
	uint64_t dst[2] = { meta->route_dst, 0 };
	uint64_t family = AF_INET;

	if (meta->flags & IP_IS_IPV6) {
		memcpy(dst, rte_pktmbuf_mtod_offset(meta->pkt, const uint8_t *, meta->l3 + 24), 16);
		family = AF_INET6;
	}
	trace_add(worker, TRACE_ROUTE, in, NULL, meta->next_hop, dst[0], dst[1], family);
}

void
trace_lag(struct worker *worker, const struct port *port, const struct lag *lag,
	  const struct lag_table *table, const struct rte_mbuf *pkt)
{
	uint32_t bucket = LAG_BUCKETS;
	uint8_t slot = table->only;

	if (slot == LAG_NONE) {
		bucket = lag_bucket(lag, table->hash, pkt);
		slot = table->slots[bucket];
	}
	trace_add(worker, TRACE_LAG, port, NULL,
		  slot < LAG_MEMBERS_MAX ? table->ports[slot] : LAG_PORT_NONE, bucket, table->hash,
		  0);
}

void
trace_lost(struct worker *worker, const struct port *port, const uint64_t before[DROP_REASONS],
	   uint16_t step)
{
	const uint64_t *now = worker_stats(worker, port)->drops;

	for (unsigned int reason = 0; reason < DROP_REASONS; reason++) {
		uint64_t lost = now[reason] - before[reason];

		for (uint16_t i = step; i < worker->trace->n_steps && lost > 0; i++) {
			const struct trace_step *told = &worker->trace->steps[i];

			if (told->kind == TRACE_DROP && told->port == port->id &&
			    told->arg[0] == reason)
				lost -= told->arg[1];
		}
		if (lost > 0)
			trace_add(worker, TRACE_DROP, port, NULL, reason, lost, 0, 0);
	}
}

static void
trace_begin(struct worker *worker, struct trace *trace)
{
	trace->tsc = rte_rdtsc();
	trace->n_steps = 0;
	trace->n_frames = 0;
	trace->n_lost = 0;
	worker->trace = trace;
}

/* --- explain --- */

struct explainer *
explainer_create(const struct datapath *dp, struct rte_mempool *pool)
{
	struct explainer *explainer = calloc(1, sizeof(*explainer));
	struct timespec now;
	struct worker *worker;

	if (explainer == NULL)
		return NULL;
	/* megabytes, of which hardly any is touched */
	worker = mmap(NULL, sizeof(*worker), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		      -1, 0);
	if (worker == MAP_FAILED) {
		free(explainer);
		errno = ENOMEM;
		return NULL;
	}
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	memcpy(explainer->dp.ports, dp->ports, sizeof(dp->ports));
	explainer->worker = worker;
	worker->dp = &explainer->dp;
	worker->pool = pool;
	worker->id = WORKER_DRY;
	worker->now = now.tv_sec;
	return explainer;
}

void
explainer_destroy(struct explainer *explainer)
{
	if (explainer == NULL)
		return;
	munmap(explainer->worker, sizeof(*explainer->worker));
	free(explainer);
}

const struct trace *
explain(struct explainer *explainer, struct port *port, struct rte_mbuf *pkt)
{
	struct worker *worker = explainer->worker;

	trace_begin(worker, &explainer->trace);
	worker_enter(worker, port, &pkt, 1);
	egress_flush(worker);
	return &explainer->trace;
}

/* --- live --- */

/* A job that packets of a burst are looked at for. */
struct look {
	struct trace_ring *ring;
	const struct filter *filter;
	uint64_t matched; /* a bit for each packet */
};

static unsigned int
looks_take(const struct trace_set *set, const struct worker *worker,
	   struct look looks[TRACE_JOBS_MAX])
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < TRACE_JOBS_MAX; i++) {
		const struct trace_job *job = __atomic_load_n(&set->jobs[i], __ATOMIC_ACQUIRE);

		if (job != NULL)
			looks[n++] = (struct look){ .ring = job->rings[worker->id],
						    .filter = job->filter };
	}
	return n;
}

/* Return: a bit for each packet that any of them matches. */
static uint64_t
looks_match(struct look *looks, unsigned int n_looks, struct rte_mbuf **pkts, uint16_t n)
{
	struct filter_burst *burst = NULL;
	uint64_t any = 0;

	for (unsigned int i = 0; i < n_looks; i++) {
		looks[i].matched = UINT64_MAX >> (PORT_BURST_MAX - n);
		if (looks[i].filter != NULL && burst == NULL) {
			burst = &looks[i].ring->burst;
			filter_load(burst, pkts, n);
		}
		if (looks[i].filter != NULL)
			looks[i].matched = filter_run(looks[i].filter, burst);
		any |= looks[i].matched;
	}
	return any;
}

/* The next free place of a ring; NULL: there is none. */
static struct trace *
ring_place(struct trace_ring *ring)
{
	const uint32_t head = ring->head;

	ring->seen++;
	if (head - __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE) < TRACE_RING)
		return &ring->traces[head % TRACE_RING];
	ring->missed++;
	return NULL;
}

static void
trace_copy(struct trace *to, const struct trace *from)
{
	memcpy(to, from, offsetof(struct trace, steps) + from->n_steps * sizeof(from->steps[0]));
	memcpy(to->frames, from->frames, from->n_frames * sizeof(from->frames[0]));
}

/* Packet @i on its own, its steps into the next free places; if there are none, as any other. */
static void
enter_alone(struct worker *worker, struct look *looks, unsigned int n_looks, struct port *port,
	    struct rte_mbuf **pkts, uint16_t i)
{
	struct trace *places[TRACE_JOBS_MAX], *first = NULL;

	for (unsigned int k = 0; k < n_looks; k++) {
		places[k] = looks[k].matched >> i & 1 ? ring_place(looks[k].ring) : NULL;
		first = first != NULL ? first : places[k];
	}
	if (first == NULL) {
		worker_enter(worker, port, &pkts[i], 1);
		return;
	}
	/* what is under way is not its */
	egress_flush(worker);
	trace_begin(worker, first);
	worker->wire |= port->wire;
	worker_enter(worker, port, &pkts[i], 1);
	egress_flush(worker);
	worker->trace = NULL;
	worker->wire |= port->wire;
	for (unsigned int k = 0; k < n_looks; k++) {
		struct trace_ring *ring = looks[k].ring;

		if (places[k] == NULL)
			continue;
		if (places[k] != first)
			trace_copy(places[k], first);
		__atomic_store_n(&ring->head, ring->head + 1, __ATOMIC_RELEASE);
	}
}

void
trace_enter(struct worker *worker, const struct trace_set *set, struct port *port,
	    struct rte_mbuf **pkts, uint16_t n)
{
	struct look looks[TRACE_JOBS_MAX];
	const unsigned int n_looks = looks_take(set, worker, looks);
	uint64_t matched = looks_match(looks, n_looks, pkts, n), bytes = 0;
	uint16_t done = 0;

	if (likely(matched == 0)) {
		worker_enter(worker, port, pkts, n);
		return;
	}
	if (worker->pending) {
		/* their data is theirs only until all that is under way is sent: egress_flush() */
		n = worker->fill(worker, pkts, n, &bytes);
		if (n > 0)
			matched = looks_match(looks, n_looks, pkts, n);
	}
	for (uint16_t i = 0; i < n; i++) {
		if (!(matched >> i & 1))
			continue;
		if (i > done)
			worker_enter(worker, port, &pkts[done], i - done);
		enter_alone(worker, looks, n_looks, port, pkts, i);
		done = i + 1;
	}
	if (n > done)
		worker_enter(worker, port, &pkts[done], n - done);
}

struct trace_job *
trace_job_create(struct filter *filter, uint16_t n_workers)
{
	struct trace_job *job = calloc(1, sizeof(*job));

	if (job == NULL)
		return NULL;
	for (uint16_t w = 0; w < n_workers; w++) {
		void *ring;

		if (posix_memalign(&ring, RTE_CACHE_LINE_SIZE, sizeof(struct trace_ring)) != 0) {
			trace_job_destroy(job);
			errno = ENOMEM;
			return NULL;
		}
		memset(ring, 0, sizeof(struct trace_ring));
		job->rings[w] = ring;
	}
	job->filter = filter;
	return job;
}

void
trace_job_destroy(void *arg)
{
	struct trace_job *job = arg;

	if (job == NULL)
		return;
	for (uint16_t w = 0; w < WORKER_MAX; w++)
		free(job->rings[w]);
	free(job->filter);
	free(job);
}

const struct trace *
trace_ring_peek(const struct trace_ring *ring)
{
	return ring->tail != __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE) ?
		       &ring->traces[ring->tail % TRACE_RING] :
		       NULL;
}

void
trace_ring_next(struct trace_ring *ring)
{
	__atomic_store_n(&ring->tail, ring->tail + 1, __ATOMIC_RELEASE);
}
