/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Capture: workers copy packets for those who want to see them.
 *
 * Who wants what is one immutable *set*, published by RCU in datapath.captures; NULL is nobody, and
 * then a burst costs one load and one branch at each point. A set says for each point and port
 * which captures look there, a capture has a filter (filter.h) and a largest length, and what one
 * of them matches becomes a *record* in the worker's ring: what, where, when, and the data, cut to
 * the largest length that one of these captures wants. The capture thread takes the records out.
 *
 * A worker never waits: if there is no room the record is not made, and each capture that wanted it
 * counts it as missed.
 *
 * A packet is seen as it is at that point: at CAPTURE_RX as its port has brought it - and once more
 * at the port that this one stands for, a bond or a VLAN of a NIC - at CAPTURE_TX
 * as its port takes it (packets that it does not take are not seen there, but as dropped), at
 * CAPTURE_DROP as it was when it was dropped. What a port loses before there is a packet (a request
 * of a guest's that says nonsense) is counted by the port and cannot be seen.
 *
 * Thread-safety: functions say whose they are. A ring has one writer, its worker, and one reader,
 * the capture thread. A worker's counters of a capture are read by others, relaxed.
 */
#ifndef DATAPATH_CAPTURE_H
#define DATAPATH_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "datapath.h"
#include "filter.h"

struct rcu;

#define CAPTURES_MAX 32
#define CAPTURE_RING_MIN (256 * 1024)
#define CAPTURE_LENGTH_MAX (128 * 1024) /* of a packet's data: longer than any packet */

enum capture_point {
	CAPTURE_RX,
	CAPTURE_TX,
	CAPTURE_DROP,
	CAPTURE_PRE_NAT,  /* where there is NAT: routed packets, before addresses are translated */
	CAPTURE_POST_NAT, /* and after */
	CAPTURE_POINTS
};

/* What a worker has done for a capture. worker: rw, others: ro (relaxed). */
struct capture_count {
	uint64_t seen;    /* packets that the filter was asked about */
	uint64_t matched; /* of these, those that it wants */
	uint64_t missed;  /* of these, those for which there was no room in the ring */
} __rte_cache_aligned;

/* What somebody wants to see. Immutable but for the counters. */
struct capture {
	struct filter *filter; /* NULL: everything */
	uint32_t length;       /* bytes of each packet, at most; 1 .. CAPTURE_LENGTH_MAX */
	struct capture_count count[WORKER_MAX];
};

/* A packet in a ring; its data follow. */
struct capture_record {
	uint32_t size;       /* bytes from here to the next record: a multiple of 8 */
	uint32_t captures;   /* bits: who wants it; 0: nobody, it is only room that is not used */
	uint64_t tsc;        /* when */
	uint32_t len;        /* bytes of the packet */
	uint32_t data_len;   /* bytes of it that follow */
	uint16_t port;       /* id */
	uint16_t generation; /* of the port */
	uint8_t point;       /* enum capture_point */
	uint8_t reason;      /* CAPTURE_DROP: enum drop_reason */
	uint16_t worker;
	uint8_t data[];
};
static_assert(sizeof(struct capture_record) == 32, "records are whole words");

struct capture_sent;

/* Worker -> capture thread. Places are counted from the beginning of time. */
struct capture_ring {
	uint64_t head; /* worker: rw (release), capture thread: ro (acquire) */
	/* worker */
	uint64_t place; /* where the next record goes; head, but while something is being sent */
	uint64_t last;  /* where the last record is */
	struct capture_sent *sent; /* the innermost of those, where packets can be lost; or NULL */
	uint32_t n_open;           /* capture_tx_begin() without capture_tx_end() */
	uint64_t room_to;          /* where the reader was when the worker looked, and the size */
	struct filter_burst burst; /* what it is looking at */
	/* constant */
	uint32_t size; /* a power of two */
	uint8_t *data;
	uint64_t tail __rte_cache_aligned; /* capture thread: rw (release), worker: ro (acquire) */
} __rte_cache_aligned;

struct capture_set {
	struct capture *captures[CAPTURES_MAX];    /* NULL: there is no such one */
	struct capture_ring *rings[WORKER_MAX];    /* by worker */
	uint32_t wanted[CAPTURE_POINTS][PORT_MAX]; /* bits: which captures look there */
};

/* What is being sent, until the port has said how much of it it takes. */
struct capture_sent {
	uint64_t matched;           /* a bit for each packet: does anybody want it? */
	uint64_t stored;            /* and is there a record of it? */
	uint64_t lost;              /* and is it not sent after all? */
	struct capture_sent *outer; /* what ring.sent was before */
	struct rte_mbuf *pkts[PORT_BURST_MAX];
	uint64_t place[PORT_BURST_MAX];  /* of its record */
	uint32_t wanted[PORT_BURST_MAX]; /* and who does */
};

/** capture_set_of() - what is captured now. Worker. Return: it, or NULL. */
static inline const struct capture_set *
capture_set_of(const struct datapath *dp)
{
	return __atomic_load_n(&dp->captures, __ATOMIC_ACQUIRE);
}

/**
 * capture_look() - show a burst to those who look at a point. Worker.
 * @port: whose it is there; before and after NAT that by which it came in.
 * @pkts, @n: 1 .. PORT_BURST_MAX. The data of pending packets (PORT_PENDING) that somebody wants
 *	are brought here. Those that cannot be had are freed, and counted as dropped.
 * Return: a bit for each that is gone.
 */
uint64_t capture_look(struct worker *worker, const struct capture_set *set,
		      enum capture_point point, const struct port *port,
		      struct rte_mbuf *const *pkts, uint16_t n);

/** capture_burst() - the same; the others close up. Return: how many are left. Worker. */
uint16_t capture_burst(struct worker *worker, const struct capture_set *set,
		       enum capture_point point, const struct port *port, struct rte_mbuf **pkts,
		       uint16_t n);

/** capture_wants() - does anybody look at a point of a port? Worker. */
static inline bool
capture_wants(const struct capture_set *set, enum capture_point point, const struct port *port)
{
	return set->wanted[point][port->id] != 0;
}

/**
 * capture_tx_begin() - show a burst to those who look at what a port sends, before it does. Worker.
 * @pkts, @n: 1 .. PORT_BURST_MAX; none of them pending.
 * @ret_sent: for capture_tx_end(), which must follow. What is captured meanwhile - dropped by the
 *	port, or sent by another one that it hands packets on to - comes behind these packets. What
 *	the port drops of them (capture_drop()) has not been sent.
 */
void capture_tx_begin(struct worker *worker, const struct capture_set *set, const struct port *port,
		      struct rte_mbuf *const *pkts, uint16_t n, struct capture_sent *ret_sent);

/** capture_tx_end() - the port has taken the first @n_sent packets. Worker. */
void capture_tx_end(struct worker *worker, const struct capture_set *set, const struct port *port,
		    const struct capture_sent *sent, uint16_t n_sent);

/**
 * capture_drop() - show a packet that is about to be dropped. Worker.
 * @port: that counts it.
 * @reason: enum drop_reason.
 */
void capture_drop(struct worker *worker, const struct capture_set *set, const struct port *port,
		  struct rte_mbuf *pkt, unsigned int reason);

/**
 * capture_ring_create() - a ring. Control thread.
 * @size: bytes, a power of two, at least CAPTURE_RING_MIN. They are touched here, so that the
 *	worker need not wait for the kernel.
 * Return: it, or NULL with errno ENOMEM.
 */
struct capture_ring *capture_ring_create(uint32_t size);

/** capture_ring_destroy() - free it; nobody uses it any more. NULL is legal. Control thread. */
void capture_ring_destroy(struct capture_ring *ring);

/**
 * capture_ring_peek() - the oldest record. Capture thread.
 * Return: it, the reader's until capture_ring_next(); or NULL: there is none.
 */
const struct capture_record *capture_ring_peek(struct capture_ring *ring);

/** capture_ring_next() - give back the record that capture_ring_peek() gave. Capture thread. */
void capture_ring_next(struct capture_ring *ring);

/** capture_count() - what all workers have done for a capture. Any thread. */
void capture_count(const struct capture *capture, struct capture_count *ret_sum);

#endif /* DATAPATH_CAPTURE_H */
