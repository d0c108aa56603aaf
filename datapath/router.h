/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Router: IPv4 and IPv6 forwarding of one burst between routed interfaces, with NAT on the way.
 *
 * A *routed interface* (struct rif) is a port that has addresses. It is one of two kinds:
 *  - direct: the port is on no bridge, and all that comes in by it is the router's (port.rif);
 *  - gateway: a port of type `gateway` on a bridge. What the bridge sends by it the router takes
 *    (router_burst() is its tx_burst); what the router sends by it enters the bridge as if it had
 *    come in there.
 * Its number is the port's id. Either kind is what port.rif is set to.
 *
 * Routes name *next hops* by number (fib.h). A next hop that is a neighbour keeps its number while
 * its MAC comes and goes, so that a route never changes because a neighbour does.
 *
 * What the datapath cannot decide goes to the control thread (punt.h): ARP, neighbour discovery,
 * packets to the router's own addresses, packets for neighbours whose MAC is not known. Packets
 * that cannot be forwarded are dropped with a reason; where their sender is to be told (ICMP), the
 * control thread gets a copy of their start.
 *
 * Thread-safety: struct router, rifs and next hops are written by the control thread;
 * router_burst() is for workers, between two quiescent states.
 */
#ifndef DATAPATH_ROUTER_H
#define DATAPATH_ROUTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ip.h"
#include "nat.h"
#include "port.h"
#include "rcu.h"

struct fib;
struct worker;

#define NEXT_HOPS_MAX 65536u
#define NEXT_HOP_MEMBERS_MAX 16
#define ROUTER_QUOTE_LEN 1294 /* bytes of a packet that an ICMP error is made of */

enum next_hop_kind {
	NEXT_HOP_NONE,        /* no route: the sender is told */
	NEXT_HOP_BLACKHOLE,   /* dropped silently */
	NEXT_HOP_UNREACHABLE, /* the sender is told: it cannot be reached, by order */
	NEXT_HOP_LOCAL,       /* the router's own address */
	NEXT_HOP_CONNECTED,   /* a station on the interface's network that is not known yet */
	NEXT_HOP_NEIGHBOUR,   /* a station, whose MAC may be known */
	NEXT_HOP_GROUP,       /* several: one of them by flow */
};

#define NEXT_HOP_RESOLVED (UINT64_C(1) << 63) /* mac is known */

struct next_hop_members {
	struct rcu_item retired;                  /* control */
	uint32_t n;                               /* 1 .. NEXT_HOP_MEMBERS_MAX */
	uint32_t next_hops[NEXT_HOP_MEMBERS_MAX]; /* numbers, none of them a group's */
};

/* control: rw, worker: ro but for used. Number 0 is NEXT_HOP_NONE. */
struct next_hop {
	uint64_t mac; /* first six bytes of a little-endian word, and NEXT_HOP_RESOLVED (atomic) */
	const struct next_hop_members *members; /* GROUP (RCU) */
	uint32_t used; /* NEIGHBOUR: worker.now of its last packet; worker: rw, control: ro */
	uint16_t rif;  /* CONNECTED, NEIGHBOUR: the interface */
	uint8_t kind;  /* enum next_hop_kind; of a number in use it never changes */
} __rte_aligned(32);

/* A prefix that packets of a guest may come from. */
struct rif_source {
	uint8_t family; /* AF_INET, AF_INET6 */
	uint8_t len;
	uint8_t prefix[16]; /* network order, zero behind len */
};

/* A routed interface. Immutable once published; replaced as a whole. */
struct rif {
	struct rcu_item retired; /* control */
	struct router *router;
	uint16_t port;      /* id */
	uint16_t guest;     /* for NAT: whose sessions those of its stations are */
	uint8_t mac[6];     /* the router's on it */
	bool gateway;       /* its port is of type gateway */
	uint8_t side;       /* enum nat_side */
	bool check_sources; /* only packets from @sources may come in */
	uint16_t n_sources;
	struct rif_source sources[];
};

struct router {
	struct fib *fib4;           /* control: rw (release), worker: ro; NULL: no routes */
	struct fib *fib6;           /* the same */
	struct nat *nat;            /* the same; NULL: no NAT */
	struct next_hop *next_hops; /* NEXT_HOPS_MAX of them; constant */
	bool dhcp;                  /* there is a server: control: rw, worker: ro */
};

/**
 * router_create() - a router without interfaces and routes. Control thread.
 * Return: it, or NULL with errno ENOMEM.
 */
struct router *router_create(void);

/** router_destroy() - free it; interfaces, FIBs and NAT are the caller's. NULL is legal. */
void router_destroy(struct router *router);

/**
 * rif_create() - an interface, to be filled, and published as port->rif. Freed with free(). Control
 * thread.
 * Return: it, or NULL (ENOMEM).
 */
struct rif *rif_create(struct router *router, const struct port *port, uint16_t n_sources);

/**
 * router_burst() - route a burst that came in by an interface. Worker.
 * @in: its port, which counts what is dropped.
 * @pkts: canonical form (port.h), the caller's no more; @n: 1 .. PORT_BURST_MAX.
 */
void router_burst(struct worker *worker, const struct rif *rif, struct port *in,
		  struct rte_mbuf **pkts, uint16_t n);

/**
 * next_hop_set_mac() - a neighbour's MAC is known, or, NULL, no more. Control thread.
 */
void next_hop_set_mac(struct next_hop *next_hop, const uint8_t *mac);

#endif /* DATAPATH_ROUTER_H */
