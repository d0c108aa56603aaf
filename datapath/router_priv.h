/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the steps of routing (router.c: in, and which way; router_out.c: out) share with each other
 * alone.
 *
 * Thread-safety: workers, each on its own burst.
 */
#ifndef DATAPATH_ROUTER_PRIV_H
#define DATAPATH_ROUTER_PRIV_H

#include <rte_ether.h>

#include "router.h"
#include "worker.h"

/* Where packets to one next hop go. */
struct router_way {
	const struct rif *rif;
	struct port *out;
	/* the frame's first twelve bytes, as two little-endian words */
	uint64_t macs;
	uint32_t macs_end;
	uint32_t mtu;      /* bytes of an IP packet */
	uint32_t next_hop; /* its number */
	uint16_t id;       /* of the port */
	uint8_t flags;     /* IP_SNAT, or none */
} __rte_aligned(64);

#define WAYS_CACHED 32 /* a power of two */
#define WAY_NONE 0     /* number of a way that leads nowhere */

/* The ways of a burst: many packets share few. ip_meta.way is a number of theirs. */
struct router_ways {
	uint16_t n;
	uint8_t cached[WAYS_CACHED]; /* ways by number of next hop, its last bits */
	struct router_way ways[PORT_BURST_MAX + 1];
};

/**
 * router_output() - send packets their ways: one hop less to go, MACs, in pieces if need be.
 * @in: counts what NAT has refused.
 * @metas: of @n packets, which are writable; those that do not fit have IP_CUT.
 */
void router_output(struct worker *worker, const struct port *in, const struct ip_meta *metas,
		   const struct router_ways *ways, uint16_t n);

#endif /* DATAPATH_ROUTER_PRIV_H */
