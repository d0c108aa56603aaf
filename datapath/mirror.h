/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mirror: workers send copies of packets by another port, so that somebody there sees them.
 *
 * Which mirrors there are is one immutable *set*, published by RCU in datapath.mirrors; NULL is
 * none, and then a burst costs one load and one branch where packets come in and where they leave.
 * A set says for each way and port which mirrors copy there. It looks at the same two places as
 * captures do (capture.h): as a port has brought a packet, and as a port has taken it - one that it
 * did not take is not copied.
 *
 * A copy is what was on the wire: whole, with its checksums, and not as a super-packet, since ports
 * that mirrors send to have no caps. A mirror of a bridge has no wire: it copies what comes in by
 * any port of the bridge, once, with an 802.1Q tag if the packet is of a VLAN. Where nothing is to
 * be changed the copy is the same mbuf once more; see "Floods" in docs/architecture.md.
 *
 * No copy is copied: the set never says that a port which mirrors send to is to be looked at, and
 * packets that go on from there to other ports (a tunnel, a VLAN of a NIC) are marked
 * PORT_MIRRORED.
 *
 * In the balance of drop.h a copy counts as one on the port that it leaves by, which also counts
 * what becomes of it.
 *
 * Thread-safety: mirror_in(), mirror_hold(), mirror_lose() and mirror_out() are for workers; a set
 * is immutable but for the counters, each of which one worker writes and others read, relaxed.
 */
#ifndef DATAPATH_MIRROR_H
#define DATAPATH_MIRROR_H

#include <stdbool.h>
#include <stdint.h>

#include "datapath.h"

#define MIRRORS_MAX 32
#define MIRROR_VID_ANY 0xffff

enum mirror_way { MIRROR_IN, MIRROR_OUT, MIRROR_WAYS };

/* What a worker has done for a mirror. worker: rw, others: ro (relaxed). */
struct mirror_count {
	uint64_t packets; /* that it was to copy */
	uint64_t bytes;   /* of these, whole */
	uint64_t lost;    /* of these, could not be copied for want of buffers */
} __rte_cache_aligned;

/* Immutable but for the counters. */
struct mirror {
	uint16_t out;                /* port id */
	uint16_t generation;         /* of that port */
	uint16_t vid;                /* only of this VLAN; or MIRROR_VID_ANY */
	bool is_bridge;              /* of a bridge: what has no place in it is not copied; tags */
	bool marks;                  /* copies go on from @out to other ports */
	uint32_t length;             /* bytes of each packet; 0: all */
	struct mirror_count *counts; /* by worker */
};

struct mirror_set {
	uint32_t wanted[MIRROR_WAYS][PORT_MAX]; /* bits: which mirrors copy there */
	struct mirror mirrors[MIRRORS_MAX];
};

/* What is being sent and is to be copied, until the port has said how much of it it takes. */
struct mirror_held {
	uint64_t any; /* a bit for each packet */
	uint16_t n;
	struct rte_mbuf *pkts[PORT_BURST_MAX];
	uint32_t wanted[PORT_BURST_MAX]; /* who copies it */
};

/** mirror_set_of() - what is mirrored now. Worker. Return: it, or NULL. */
static inline const struct mirror_set *
mirror_set_of(const struct datapath *dp)
{
	return __atomic_load_n(&dp->mirrors, __ATOMIC_ACQUIRE);
}

/** mirror_wants() - is anything of a port copied? Worker. */
static inline bool
mirror_wants(const struct mirror_set *set, enum mirror_way way, const struct port *port)
{
	return set->wanted[way][port->id] != 0;
}

/**
 * mirror_in() - copy what has come in by a port. Worker.
 * @pkts, @n: 1 .. PORT_BURST_MAX. The data of pending packets (PORT_PENDING) that are copied are
 *	brought here. Those that cannot be had are freed, and counted as dropped; the others close
 *	up.
 * Return: how many are left.
 */
uint16_t mirror_in(struct worker *worker, const struct mirror_set *set, const struct port *port,
		   struct rte_mbuf **pkts, uint16_t n);

/**
 * mirror_hold() - keep what is to be copied of a burst that a port is about to send. Worker.
 * @pkts, @n: 1 .. PORT_BURST_MAX; none of them pending.
 * @ret_held: for mirror_out(), which must follow.
 */
void mirror_hold(const struct mirror_set *set, const struct port *port,
		 struct rte_mbuf *const *pkts, uint16_t n, struct mirror_held *ret_held);

/**
 * mirror_out() - the port has taken the first @n_sent packets: copy these, but for those that it
 * has dropped itself (mirror_lose()), and let go of all.
 * Worker. Packets may be put into any batch.
 */
void mirror_out(struct worker *worker, const struct mirror_set *set, struct mirror_held *held,
		uint16_t n_sent);

/** mirror_lose() - a packet that is held is dropped by the port that took it. Worker. */
void mirror_lose(struct mirror_held *held, const struct rte_mbuf *pkt);

/** mirror_count() - what all workers have done for a mirror. Any thread. */
void mirror_count(const struct mirror_count *counts, struct mirror_count *ret_sum);

#endif /* DATAPATH_MIRROR_H */
