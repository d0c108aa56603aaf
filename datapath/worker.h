/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Worker: a thread that polls receive queues and forwards each burst to completion.
 *
 * A worker owns a list of active queues. A turn polls each of them once, forwards what came,
 * flushes what is to be sent and reports quiescence. A queue that stays empty is armed and leaves
 * the list; its fd, its event channel, or a message of the control thread brings it back. With no
 * active queue left the worker sleeps in epoll_wait(), offline to RCU; queues that can only be
 * polled make it sleep in short naps instead. A queue that is not to be polled for a while leaves
 * the list until then (worker_queue_sleep()).
 *
 * Queues are named by cookies (port id, queue), never by pointers: what an fd or a message names is
 * looked up in datapath.ports each time, and a port that is gone is simply not found. So adding or
 * removing a port needs nobody to stop.
 *
 * Thread-safety: struct worker belongs to its thread, except for the fields marked otherwise.
 * worker_wake(), worker_activate(), worker_inject() and worker_watch() are for the control thread.
 */
#ifndef DATAPATH_WORKER_H
#define DATAPATH_WORKER_H

#include "capture.h"
#include "datapath.h"
#include "drop.h"
#include "port.h"
#include "sleepers.h"

#define WORKER_OVERFLOW_SIZE 65600 /* bytes: the largest packet with its header and tags */
#define WORKER_SPARES_MAX 32       /* packet buffers that hold as much */

/* Counters of one port on one worker. worker: rw, control: ro (relaxed; never reset). */
struct port_stats {
	uint64_t rx_packets;
	uint64_t rx_bytes; /* frames without FCS */
	uint64_t tx_packets;
	uint64_t tx_bytes;
	uint64_t cycles; /* TSC ticks that bursts received by it have cost; not what is left of a
			    turn: small bursts are sent together at its end */
	uint64_t copies; /* packets that the switch added: by flooding, or for a station
			    (worker_inject()), on the port they came in by; by segmentation, or of
			    its own (worker_send()), on the port they leave by */
	uint64_t merged; /* became part of another packet (gro.h), on the port they leave by */
	uint64_t punted; /* taken by the control thread (punt.h) */
	uint64_t drops[DROP_REASONS];
	uint64_t learn_lost; /* sources that could not be reported: too many at once */
} __rte_cache_aligned;

/* Packets on their way to one port, sent at the end of a burst. */
struct tx_batch {
	uint16_t n;
	bool dirty;     /* listed in worker.dirty */
	uint64_t bytes; /* of the packets in it */
	struct rte_mbuf *pkts[PORT_BURST_MAX];
};

/* Names a receive queue: port id in bits 8.., queue in bits 0..7. */
typedef uint32_t rxq_cookie;
#define RXQ_COOKIE(port_id, queue) (((uint32_t)(port_id) << 8) | (queue))
#define RXQ_COOKIE_PORT(cookie) ((cookie) >> 8)
#define RXQ_COOKIE_QUEUE(cookie) ((cookie)&0xff)

struct worker_active {
	rxq_cookie cookie;
	uint16_t generation; /* of the port, when the queue became active */
};

/* A recently reported source, so that one unknown MAC does not send an event per packet. */
struct learn_cache {
	uint64_t key;
	uint32_t bridge_port; /* bridge id << 16 | port id */
	uint32_t when;        /* seconds */
};
#define LEARN_CACHE_SIZE 256

/* How much of something a port may still have. */
struct budget {
	uint64_t msec; /* when it was filled up last */
	uint64_t left;
	uint64_t until; /* TSC: none before, if there is none left */
};

/* What the control thread wants of a worker. */
enum worker_call {
	WORKER_CALL_RESCAN = 1 << 0, /* queues wait to be activated */
	WORKER_CALL_INJECT = 1 << 1, /* packets wait in worker.injected */
};

/* What a worker does with a packet of the control thread's. */
enum inject_how {
	INJECT_FORWARD, /* as if it had come in by the port */
	INJECT_FLOOD,   /* the same, but to all other ports */
	INJECT_TO,      /* the same, but to one other port */
	INJECT_SEND,    /* send it by the port as it is */
	INJECT_TAGGED,  /* send it by the port, with the tag that it needs there */
	INJECT_VLAN,    /* the same by all ports of the port's bridge */
	INJECT_ROUTE,   /* the router's, as if it had come in by the port */
	INJECT_DROP,    /* nobody's: it is counted */
};

/* Control -> worker: a packet and the port that it comes in, or leaves by. */
struct worker_inject {
	struct rte_mbuf *pkt;
	uint16_t port;
	uint16_t generation; /* of the port: it may be gone when the worker looks */
	uint16_t to; /* INJECT_TO: port id; INJECT_TAGGED, _VLAN: VLAN; INJECT_DROP: reason */
	uint16_t to_generation;
	uint32_t how; /* enum inject_how */
};
static_assert(sizeof(struct worker_inject) == 24, "rings want multiples of four bytes");

/**
 * worker_event_fn - an fd that a worker waits on beside its queues' is readable.
 * @worker: the worker, online to RCU. Activates queues by worker_queue_active().
 * @arg: as given to worker_event_source().
 */
typedef void (*worker_event_fn)(struct worker *worker, void *arg);

/**
 * worker_fill_fn - bring the data of pending packets (PORT_PENDING) here.
 * @pkts, @n: up to PORT_BURST_MAX packets, pending or not. Those whose data cannot be had are freed
 *	and counted as dropped; the others close up, in order.
 * @bytes: of the packets together; changed with them.
 * Return: how many are left.
 */
typedef uint16_t (*worker_fill_fn)(struct worker *worker, struct rte_mbuf **pkts, uint16_t n,
				   uint64_t *bytes);

/** worker_pending_done_fn - there are no pending packets any more: see worker.pending. */
typedef void (*worker_pending_done_fn)(struct worker *worker);

struct drop_log;
struct mirror_held;

struct worker {
	struct datapath *dp;
	struct drop_log *drop_log; /* worker: rw, control: ro; NULL: notes nothing (drop_log.h) */
	struct rte_mempool *pool;  /* mbufs for what this worker receives and copies */
	struct trace *trace;       /* of the packet that is under way alone; NULL: none (trace.h) */
	struct mirror_held *held;  /* what is being sent and is to be copied; NULL: nothing */
	void *hypervisor;          /* netback's context: grant copy, event channels */
	uint16_t id;               /* 0 .. dp->n_workers - 1; or WORKER_DRY */
	uint32_t now;              /* seconds of CLOCK_MONOTONIC, coarse; renewed every 50 ms */
	uint64_t tsc;              /* when this turn began; 0: see for yourself */
	uint64_t charged;          /* TSC: what comes after it is on nobody's account yet */

	uint32_t n_active; /* worker: rw, control: ro */
	uint16_t n_dirty;  /* ports with packets in their batch */
	uint8_t depth;     /* bursts that are being routed, one within the other */
	uint32_t tx_lost;  /* of the tx_burst under way: see port_tx_lost() */
	uint64_t tx_lost_bytes;
	bool wire;    /* packets came from a wire since all batches were sent: see gro.h */
	bool told;    /* events or punts were queued in this turn: wake the control thread */
	bool pending; /* packets with PORT_PENDING may be in a batch; set by rx_burst */
	bool slept;   /* the queue that is being polled is to leave the list */

	int epoll_fd;
	int wake_fd;               /* eventfd: control thread -> worker */
	uint32_t calls;            /* enum worker_call; control: sets bits, worker: takes them */
	struct rte_ring *injected; /* struct worker_inject: control -> worker */
	struct rte_ring *events;   /* struct learn_event: worker -> control */
	struct rte_ring *punts;    /* struct punt: worker -> control */
	worker_fill_fn fill;       /* of the type that sets pending; before the thread runs */
	worker_pending_done_fn pending_done;
	worker_event_fn event_fn; /* the one extra fd (event channels), or NULL */
	void *event_arg;
	uint64_t sleeps;       /* worker: rw, control: ro: times it went to sleep */
	uint64_t busy_turns;   /* worker: rw, control: ro: turns that received packets */
	uint64_t busy_cycles;  /* and TSC ticks that they took */
	uint64_t busy_packets; /* and packets that they received */
	bool stop;             /* control: rw, worker: ro */

	uint16_t dirty[PORT_MAX];
	struct worker_active active[PORT_MAX * PORT_QUEUES_MAX];
	struct learn_cache learn[LEARN_CACHE_SIZE];
	struct budget learn_budget[PORT_MAX];
	struct budget punt_budget[PORT_MAX][4]; /* by what they are for: punt.c */
	struct tx_batch tx[PORT_MAX];
	struct port_stats stats[PORT_MAX];
	struct sleepers sleepers;
	/* worker: where rx_burst puts what a big packet's first mbuf does not hold (vnet_io.h) */
	uint8_t rx_overflow[PORT_BURST_MAX][WORKER_OVERFLOW_SIZE];
	/* worker: empty ones, to receive the next big packet into (vnet_io.h); they are kept */
	struct rte_mbuf *spares[WORKER_SPARES_MAX];
	uint16_t n_spares;
} __rte_cache_aligned;

/**
 * worker_create() - make a worker; its thread is started by the caller with worker_run().
 * @dp: the datapath; the worker is entered as dp->workers[id].
 * @id: 0 .. WORKER_MAX - 1.
 * @pool: mbuf pool, shared or its own.
 *
 * Return: the worker, or NULL with errno set. Control thread, before the worker's thread runs.
 */
struct worker *worker_create(struct datapath *dp, uint16_t id, struct rte_mempool *pool);

/**
 * worker_destroy() - free a worker whose thread has ended. NULL is legal. Control thread.
 */
void worker_destroy(struct worker *worker);

/**
 * worker_run() - the body of a worker's thread; returns when worker_stop() was called.
 * @arg: the worker.
 *
 * Return: 0.
 */
int worker_run(void *arg);

/**
 * worker_turn() - one turn without sleeping: poll, forward, flush. For worker_run() and tests.
 *
 * Return: packets received in this turn. Worker.
 */
unsigned int worker_turn(struct worker *worker);

/** worker_stop() - ask the worker's thread to end. Control thread. */
void worker_stop(struct worker *worker);

/** worker_wake() - end the worker's sleep, if it sleeps. Control thread. */
void worker_wake(struct worker *worker);

/**
 * worker_activate() - have the worker poll a queue from now on, and wake it. Control thread.
 * @worker: the worker that the queue is assigned to (port->rxq[queue].worker).
 * @cookie: RXQ_COOKIE().
 */
void worker_activate(struct worker *worker, rxq_cookie cookie);

/**
 * worker_inject() - forward a packet as if it had come in by a port: it is learnt from, it has the
 * port's VLAN, and it reaches other ports only. Counted as a copy, not as received. Control thread.
 * @worker: any; best the one that polls the port.
 * @port: the port; if it is gone when the worker comes to it the packet is freed, uncounted.
 * @pkt: canonical form (port.h), from any pool; the worker's from now on if 0 is returned.
 * Return: 0, or -ENOBUFS: too many wait already.
 */
int worker_inject(struct worker *worker, const struct port *port, struct rte_mbuf *pkt);

/**
 * worker_send() - send a packet by a port as it is, whatever state the port is in, if it is up.
 * Counted as a copy on the port. Control thread, or another that keeps @port from being closed
 * meanwhile.
 * @worker, @port, @pkt: as for worker_inject(); no checksum blank, no super-packet.
 * Return: 0, or -ENOBUFS: too many wait already.
 */
int worker_send(struct worker *worker, const struct port *port, struct rte_mbuf *pkt);

/**
 * worker_pass() - forward a packet that was punted (punt.h), wherever its destination is; otherwise
 * as worker_inject(). Control thread.
 * @in: the port it came in by.
 * @out: the port that it goes to; NULL: all others.
 */
int worker_pass(struct worker *worker, const struct port *in, const struct port *out,
		struct rte_mbuf *pkt);

/**
 * worker_send_vlan() - send an untagged frame in a VLAN, with the tag it needs there, if the port
 * forwards. Otherwise as worker_send(). Control thread.
 * @all: by all ports of the port's bridge; else by the port.
 */
int worker_send_vlan(struct worker *worker, const struct port *port, struct rte_mbuf *pkt,
		     uint16_t vid, bool all);

/**
 * worker_route() - give a packet to the router, as if it had come in by a routed port, and had not
 * been looked at before. Counted as worker_inject() does. Control thread.
 * @pkt: a packet that was punted: its destination MAC is the router's.
 * Return: 0, or -ENOBUFS: too many wait already.
 */
int worker_route(struct worker *worker, const struct port *port, struct rte_mbuf *pkt);

/**
 * worker_drop() - have a packet that was punted counted, and shown, as one that is dropped after
 * all. Counted as worker_inject() does. Control thread.
 * @port: it came in by.
 * Return: 0, or -ENOBUFS: too many wait already.
 */
int worker_drop(struct worker *worker, const struct port *port, struct rte_mbuf *pkt,
		enum drop_reason reason);

/**
 * worker_enter() - forward packets that came in by a port, wherever they were counted. Worker.
 * For struct port_demux, with the port that they belong to.
 */
void worker_enter(struct worker *worker, struct port *port, struct rte_mbuf **pkts, uint16_t n);

/**
 * worker_forward() - the same, past the port's demux: for those that are the port's own. Worker.
 */
void worker_forward(struct worker *worker, struct port *port, struct rte_mbuf **pkts, uint16_t n);

/**
 * worker_watch() - let an fd activate a queue whenever it is readable. Control thread.
 * @fd: level-triggered fd of the queue.
 * @cookie: RXQ_COOKIE().
 * Return: 0 or -errno.
 */
int worker_watch(struct worker *worker, int fd, rxq_cookie cookie);

/** worker_unwatch() - forget an fd, before it is closed. Control thread. */
void worker_unwatch(struct worker *worker, int fd);

/**
 * worker_event_source() - set the one extra fd of a worker (netback's event channels).
 * Control thread, before the worker's thread runs.
 * Return: 0 or -errno.
 */
int worker_event_source(struct worker *worker, int fd, worker_event_fn fn, void *arg);

/**
 * worker_queue_active() - put a queue on the list of those to poll, from an event. Worker.
 * Unknown ports, queues and queues of other workers are ignored.
 */
void worker_queue_active(struct worker *worker, rxq_cookie cookie);

/**
 * worker_queue_sleep() - poll a queue no more until @usec have passed, or somebody activates it.
 * Worker, from its rx_burst, which may return packets all the same.
 */
void worker_queue_sleep(struct worker *worker, rxq_cookie cookie, uint64_t usec);

/**
 * worker_queues_wake() - put those queues back on the list that have slept long enough. For
 * worker_run() and tests. Worker.
 * @tsc: now.
 */
void worker_queues_wake(struct worker *worker, uint64_t tsc);

/**
 * budget_take() - take one, if there is one. Worker.
 * @budget: its owner's; zeroed at first.
 * @per_msec: how many it gets in a millisecond; @burst: how many it holds.
 */
bool budget_take(const struct worker *worker, struct budget *budget, uint64_t per_msec,
		 uint64_t burst);

/** worker_is_dry() - is it to leave all that others can see as it is (trace.h)? Worker. */
static inline bool
worker_is_dry(const struct worker *worker)
{
	return worker->id == WORKER_DRY;
}

/** worker_stats() - the worker's counters of a port. Worker. */
static inline struct port_stats *
worker_stats(struct worker *worker, const struct port *port)
{
	return &worker->stats[port->id];
}

/**
 * port_drop_seen() - a packet is about to be dropped: note it (drop_log.h), and show it to those
 * who want to see that. For those who count and free it themselves. Worker.
 * @pkt: NULL: there is none any more.
 */
void port_drop_seen(struct worker *worker, const struct port *port, struct rte_mbuf *pkt,
		    enum drop_reason reason);

/**
 * port_drop() - free a packet and count why. Worker.
 * @port: the port it is counted on (see drop.h).
 * @pkt: NULL: there is none any more.
 */
void port_drop(struct worker *worker, const struct port *port, struct rte_mbuf *pkt,
	       enum drop_reason reason);

/**
 * port_drop_tag() - the same of one whose VLAN cannot be told by the frame and the port.
 * @tag: tag word (vlan.h).
 */
void port_drop_tag(struct worker *worker, const struct port *port, struct rte_mbuf *pkt,
		   enum drop_reason reason, uint16_t tag);

/**
 * port_rx_drop() - count packets that rx_burst had to throw away: as received, and as dropped.
 * Worker, from rx_burst.
 */
static inline void
port_rx_drop(struct worker *worker, const struct port *port, enum drop_reason reason, uint32_t n)
{
	struct port_stats *stats = worker_stats(worker, port);

	stats->rx_packets += n;
	stats->drops[reason] += n;
}

/**
 * port_tx_lost() - count packets that tx_burst took and could not deliver: as dropped, not as sent.
 * Each is to be shown to port_drop_seen(), if that is possible. Worker, from tx_burst.
 * @bytes: of the @n packets together.
 */
void port_tx_lost(struct worker *worker, const struct port *port, enum drop_reason reason,
		  uint32_t n, uint64_t bytes);

/**
 * port_tx_handed_on() - packets that tx_burst took are in another port's batch: that port counts
 * them as sent. Worker, from tx_burst, after they are queued.
 * @bytes: of the @n packets together.
 */
static inline void
port_tx_handed_on(struct worker *worker, uint32_t n, uint64_t bytes)
{
	worker->tx_lost += n;
	worker->tx_lost_bytes += bytes;
}

/** port_passed_in() - count packets that enter by a port, which another one has received. Worker.
 */
static inline void
port_passed_in(const struct worker *worker, const struct port *port, uint32_t n, uint64_t bytes)
{
	struct port_passed *passed = &port->passed[worker->id];

	passed->rx_packets += n;
	passed->rx_bytes += bytes;
}

/** port_passed_out() - the same of packets that leave by it, and which another one sends. */
static inline void
port_passed_out(const struct worker *worker, const struct port *port, uint32_t n, uint64_t bytes)
{
	struct port_passed *passed = &port->passed[worker->id];

	passed->tx_packets += n;
	passed->tx_bytes += bytes;
}

#endif /* DATAPATH_WORKER_H */
