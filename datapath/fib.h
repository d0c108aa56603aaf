/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * FIB: longest-prefix match for one address family: prefix -> number of a next hop.
 *
 * DPDK's rte_fib for IPv4 and rte_lpm6 for IPv6 behind what the switch needs of them: a table of
 * 2^24 entries, and groups of 256 for what is longer, so that a lookup of IPv4 takes one or two
 * reads. It costs 64 MiB, which is why there is none before the first route. rte_lpm was not used,
 * since it looks through all routes of a length to add one; nor was rte_fib6, which (22.11) never
 * gives back what it has reserved for a route, and is full after so many that came and went.
 *
 * Two mistakes of rte_fib's (22.11) are kept away from here. A route that leads where the one
 * around it does is not counted among those that need a group, but is when it goes: so each length
 * has values of its own (FIB_NEXT_HOP() takes the number out of them). And one that ends where the
 * address space does makes the next change of a route around it write over the whole table: so
 * such a route is entered as the pieces of it that are not in the space of multicast and above,
 * which is never looked up. With rte_lpm6 the pieces are also how there is a default route.
 *
 * While a route is changed, a worker may see the new or the old next hop. While a group of 256 is
 * given to other prefixes, it may see a next hop of theirs, once: a number that is in use.
 *
 * Thread-safety: fib_lookup4() and fib_lookup6() are for workers; the rest for the control thread.
 */
#ifndef DATAPATH_FIB_H
#define DATAPATH_FIB_H

#include <stdint.h>

#include <rte_fib.h>
#include <rte_lpm6.h>

#include "rcu.h"

#define FIB_NEXT_HOP_NONE 0 /* no route */
#define FIB_NEXT_HOP_BITS 16
/* the number in the result of a lookup */
#define FIB_NEXT_HOP(value) ((uint32_t)(value) & ((1u << FIB_NEXT_HOP_BITS) - 1))
#define FIB_PIECES_MAX 8
#define FIB_ROUTES_MAX 4194304u

struct fib {
	struct rcu_item retired; /* control */
	int family;              /* AF_INET or AF_INET6 */
	union {
		struct rte_fib *v4;
		struct rte_lpm6 *v6;
	};
	/* Of prefixes by the edge of the address space: numbers, or NONE; control */
	uint32_t ends[FIB_PIECES_MAX];    /* all @index bits are 1 */
	uint32_t pieces[FIB_PIECES_MAX];  /* @index bits are 1, one more is 0 */
	uint32_t entered[FIB_PIECES_MAX]; /* for the pieces, in the table now */
};

/**
 * fib_create() - an empty FIB.
 * @family: AF_INET or AF_INET6.
 * @max_routes: 1 .. FIB_ROUTES_MAX.
 * @max_groups: groups of 256: a quarter of max_routes is plenty unless most are host routes spread
 *	all over.
 * Return: the FIB, or NULL with errno ENOMEM.
 */
struct fib *fib_create(int family, uint32_t max_routes, uint32_t max_groups);

/** fib_destroy() - free it; no worker may use it any more. NULL is legal. Fits rcu_retire(). */
void fib_destroy(void *fib);

/**
 * fib_set() - add a route, or change its next hop.
 * @prefix: 4 or 16 bytes, network order; bits behind @len are ignored.
 * @len: 0 .. 32 or 128.
 * @next_hop: not FIB_NEXT_HOP_NONE; less than 1 << FIB_NEXT_HOP_BITS.
 * Return: 0, or -ENOSPC: there is no room for it.
 */
int fib_set(struct fib *fib, const void *prefix, uint8_t len, uint32_t next_hop);

/** fib_remove() - remove a route. Return: 0 or -ENOENT. */
int fib_remove(struct fib *fib, const void *prefix, uint8_t len);

/**
 * fib_lookup4() - the next hops of some addresses. Worker.
 * @ips: IPv4 addresses below 224.0.0.0, host order; rte_fib takes them as not const.
 * @ret_next_hops: FIB_NEXT_HOP() of them are the numbers.
 * @n: any.
 */
static inline void
fib_lookup4(const struct fib *fib, uint32_t *ips, uint64_t *ret_next_hops, uint16_t n)
{
	rte_fib_lookup_bulk(fib->v4, ips, ret_next_hops, n);
}

/** fib_lookup6() - the same for IPv6, below ff00::. Worker. */
void fib_lookup6(const struct fib *fib, uint8_t ips[][16], uint64_t *ret_next_hops, uint16_t n);

#endif /* DATAPATH_FIB_H */
