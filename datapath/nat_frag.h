/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * NAT fragments: which session the later fragments of a datagram belong to.
 *
 * Only a first fragment has ports. It notes its session under (source, destination, id, protocol),
 * as they are in the packet, and later fragments follow; one that comes before the first is
 * refused. A small table with sets of four: a note replaces one that is over, else one of the same
 * guest, else the oldest, so that a guest that sends first fragments only gets no more than the
 * others.
 *
 * Thread-safety: any worker; a spinlock per set. Fragments are rare.
 */
#ifndef DATAPATH_NAT_FRAG_H
#define DATAPATH_NAT_FRAG_H

#include <rte_spinlock.h>

#include "nat_session.h"

#define NAT_FRAG_SETS 1024
#define NAT_FRAG_WAYS 4
#define NAT_FRAG_SECONDS 30 /* RFC 791 says 15, Linux' reassembly waits 30 */

struct nat_frag {
	uint32_t src, dst;
	uint16_t id;
	uint8_t proto;
	uint8_t nat; /* enum ip_nat; IP_NAT_NONE: empty */
	uint16_t guest;
	uint16_t generation; /* of the session */
	uint32_t session, session2;
	uint32_t route_dst;
	uint32_t when; /* seconds */
};
static_assert(sizeof(struct nat_frag) == 32, "two in a cache line");

struct nat_frag_set {
	struct nat_frag ways[NAT_FRAG_WAYS];
	rte_spinlock_t lock;
} __rte_cache_aligned;

struct nat_frags {
	uint64_t seed;
	struct nat_frag_set sets[NAT_FRAG_SETS];
};

/**
 * nat_frag_note() - remember the session of a first fragment.
 * @sessions: by number.
 */
void nat_frag_note(struct nat_frags *frags, const struct nat_session *sessions,
		   const struct ip_meta *meta, uint16_t guest, uint32_t now);

/**
 * nat_frag_find() - the session of a later fragment: fills nat, session, session2, route_dst.
 * Return: true if there is one.
 */
bool nat_frag_find(struct nat_frags *frags, const struct nat_session *sessions,
		   struct ip_meta *meta, uint32_t now);

#endif /* DATAPATH_NAT_FRAG_H */
