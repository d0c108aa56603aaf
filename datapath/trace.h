/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Trace: what becomes of one packet, step by step, as the datapath's own functions decide it.
 *
 * A worker whose `trace` is set notes each step that it takes in a struct trace. While it is set a
 * packet travels alone, in bursts of one: so the places where a step is noted are those of whole
 * bursts, and cost a load and a branch there when nothing is traced. Steps are numbers; the control
 * thread makes sentences of them (vswitch/explain_text.h).
 *
 * There are two kinds:
 *  - *explain* runs a packet that somebody has made up on a worker of the control thread's own,
 *    which is *dry*: it goes all the way but for the last step. Nothing is sent, learnt, begun,
 *    given to the control thread or counted, and nothing that others can see is written.
 *  - *live*: filters (filter.h) say which of the packets that come in are traced on their way. Each
 *    has rings of its own. A worker writes into the next free place of its ring; if there is none
 *    the packet goes untraced and is counted as missed.
 *
 * Thread-safety: a trace belongs to the worker that writes it, then to the reader of its ring. The
 * dry worker is the control thread's. A trace_job is immutable but for its rings, which have one
 * writer and one reader each.
 */
#ifndef DATAPATH_TRACE_H
#define DATAPATH_TRACE_H

#include "datapath.h"
#include "filter.h"
#include "rcu.h"
#include "worker.h"

struct fdb_table;
struct ip_meta;
struct lag;
struct lag_table;
struct nat;

#define TRACE_STEPS_MAX 192
#define TRACE_FRAMES_MAX 24
#define TRACE_FRAME_LEN 128 /* bytes of a frame that are kept */
#define TRACE_RING 32       /* packets of a worker that wait for the reader; a power of two */
#define TRACE_FRAME_NONE 0xffff
#define TRACE_JOBS_MAX 4

/* What happens at a step; what arg[] holds. The port is the one it happens at. */
enum trace_kind {
	TRACE_IN,      /* enters by a port: bytes of the packet; frame */
	TRACE_VLAN,    /* a bridge's: tag word; vlan_settings.untagged */
	TRACE_SOURCE,  /* its source in the FDB: key, destination or FDB_DEST_NONE, seconds ago */
	TRACE_LEARN,   /* the control thread is told of it */
	TRACE_STATION, /* its destination in the FDB; as TRACE_SOURCE */
	TRACE_FLOOD,   /* to all ports: enum port_floods, or 0: those of a group's list */
	TRACE_SKIP,    /* but not to this one: enum flood_skip */
	TRACE_ROUTER,  /* the router's, as from this port */
	TRACE_NAT,     /* of a session: its three ends; age in seconds << 8 | enum trace_nat */
	TRACE_ROUTE,   /* number of the next hop, bytes of the destination (2), family */
	TRACE_WAY,     /* leaves by this rif: MAC, number of the next hop, MTU, is cut */
	TRACE_LAG, /* the bond's member: port id or LAG_PORT_NONE, bucket or LAG_BUCKETS, hash */
	TRACE_SEGMENTS, /* is cut into so many, for this port */
	TRACE_CHECKSUM, /* its checksum is completed, for this port */
	TRACE_MIRROR,   /* this port is given a copy of it (mirror.h) */
	TRACE_OUT,      /* a port sends: packets, bytes of the first, handed on; frame */
	TRACE_PUNT,     /* the control thread gets it: enum punt_kind; next_hop, dst */
	TRACE_DROP,     /* enum drop_reason; packets */
	TRACE_KINDS
};

/* Why a flood leaves a port out. */
enum flood_skip {
	FLOOD_GIVEN, /* it does not */
	FLOOD_SELF,  /* it came in by it */
	FLOOD_GONE,  /* it is on this bridge no more */
	FLOOD_CLOSED,
	FLOOD_VLAN,
	FLOOD_ISOLATED,
	FLOOD_REFUSED, /* port.no_flood */
};

/* What NAT makes of a packet: enum ip_nat, and */
enum trace_nat {
	TRACE_NAT_IS = 0x0f,  /* bits of enum ip_nat */
	TRACE_NAT_NEW = 0x10, /* the session begins with this packet */
	TRACE_NAT_DRY = 0x20, /* it would begin; its port may be another one then */
};

struct trace_step {
	uint8_t kind;  /* enum trace_kind */
	uint16_t port; /* id */
	uint16_t generation;
	uint16_t frame; /* its number, or TRACE_FRAME_NONE */
	uint64_t arg[4];
};

struct trace_frame {
	uint16_t len; /* bytes of it that are kept */
	uint8_t data[TRACE_FRAME_LEN];
};

struct trace {
	uint64_t tsc; /* when it began */
	uint16_t n_steps;
	uint16_t n_frames;
	uint32_t n_lost; /* steps that there was no room for */
	struct trace_step steps[TRACE_STEPS_MAX];
	struct trace_frame frames[TRACE_FRAMES_MAX];
};

/* Worker -> control thread. */
struct trace_ring {
	uint32_t head;   /* worker: rw (release), control: ro (acquire) */
	uint64_t missed; /* worker: rw, control: ro (relaxed) */
	uint64_t seen;   /* the same: packets that the filter has matched */
	struct filter_burst burst;
	uint32_t tail __rte_cache_aligned; /* control: rw (release), worker: ro (acquire) */
	struct trace traces[TRACE_RING];
} __rte_cache_aligned;

/* What somebody traces. */
struct trace_job {
	struct rcu_item retired;              /* control */
	struct filter *filter;                /* NULL: everything */
	struct trace_ring *rings[WORKER_MAX]; /* by worker */
};

/* All that is traced. */
struct trace_set {
	struct rcu_item retired;                /* control */
	struct trace_job *jobs[TRACE_JOBS_MAX]; /* control: rw (release), worker: ro (acquire) */
};

/* --- explain: control thread --- */

/* A dry worker, and what it works on. */
struct explainer {
	struct datapath dp; /* the switch's ports, and nobody who looks on */
	struct worker *worker;
	struct trace trace;
};

/**
 * explainer_create() - a dry worker for the datapath as it is now: no port may come or go, and no
 * event be handled, until explainer_destroy().
 * @pool: for copies of packets.
 * Return: it, or NULL with errno ENOMEM.
 */
struct explainer *explainer_create(const struct datapath *dp, struct rte_mempool *pool);

/** explainer_destroy() - NULL is legal. */
void explainer_destroy(struct explainer *explainer);

/**
 * explain() - what would become of a packet that comes in by a port.
 * @pkt: canonical form; gone afterwards.
 * Return: the steps, until the next call.
 */
const struct trace *explain(struct explainer *explainer, struct port *port, struct rte_mbuf *pkt);

/* --- live --- */

/** trace_set_of() - what is traced now. Worker. Return: it, or NULL. */
static inline const struct trace_set *
trace_set_of(const struct datapath *dp)
{
	return __atomic_load_n(&dp->traced, __ATOMIC_ACQUIRE);
}

/**
 * trace_enter() - worker_enter() for a burst that came in by a port while packets are traced.
 * Those that match go alone. Worker.
 */
void trace_enter(struct worker *worker, const struct trace_set *set, struct port *port,
		 struct rte_mbuf **pkts, uint16_t n);

/**
 * trace_job_create() - rings for so many workers.
 * @filter: taken over; NULL: everything.
 * Return: it, or NULL with errno ENOMEM, and @filter is the caller's. Control thread.
 */
struct trace_job *trace_job_create(struct filter *filter, uint16_t n_workers);

/** trace_job_destroy() - no worker knows it any more. Fits rcu_retire(). Control thread. */
void trace_job_destroy(void *job);

/** trace_ring_peek() - the oldest trace, the caller's until trace_ring_next(); or NULL. Control. */
const struct trace *trace_ring_peek(const struct trace_ring *ring);

/** trace_ring_next() - give it back. Control thread. */
void trace_ring_next(struct trace_ring *ring);

/* --- steps: worker, if worker->trace is not NULL --- */

/** trace_add() - note a step. @port: NULL: at none. @pkt: that is shown with it, or NULL. */
void trace_add(struct worker *worker, enum trace_kind kind, const struct port *port,
	       const struct rte_mbuf *pkt, uint64_t arg0, uint64_t arg1, uint64_t arg2,
	       uint64_t arg3);

/** trace_bridge() - VLAN, and what the FDB knows. @src, @dst: keys. */
void trace_bridge(struct worker *worker, const struct fdb_table *table, const struct port *in,
		  uint16_t tag, uint64_t src, uint64_t dst);

/** trace_nat() - the session, or the two, of a packet. @begun: it has begun it. */
void trace_nat(struct worker *worker, const struct nat *nat, const struct ip_meta *meta,
	       bool begun);

/** trace_route() - what the FIB says. */
void trace_route(struct worker *worker, const struct port *in, const struct ip_meta *meta);

/**
 * trace_lost() - note what a port has taken, or not, and has not told of by itself.
 * @before: its drops before. @step: number of steps before.
 */
void trace_lost(struct worker *worker, const struct port *port, const uint64_t before[DROP_REASONS],
		uint16_t step);

/** trace_lag() - which member a packet leaves by. */
void trace_lag(struct worker *worker, const struct port *port, const struct lag *lag,
	       const struct lag_table *table, const struct rte_mbuf *pkt);

#endif /* DATAPATH_TRACE_H */
