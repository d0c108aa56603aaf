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

/* Where a packet goes. */
struct router_way {
	const struct rif *rif;
	struct port *out;
	/* the frame's first twelve bytes, as two little-endian words */
	uint64_t macs;
	uint32_t macs_end;
	uint32_t mtu; /* bytes of an IP packet */
};

/**
 * router_output() - send packets their ways: one hop less to go, MACs, in pieces if need be.
 * @in: counts what NAT has refused.
 * @metas, @ways: of @n packets, which are writable; those that do not fit have IP_CUT.
 */
void router_output(struct worker *worker, const struct port *in, const struct ip_meta *metas,
		   const struct router_way *ways, uint16_t n);

#endif /* DATAPATH_ROUTER_PRIV_H */
