/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Punt: a worker gives a packet to the control thread, which runs the slow protocols (spanning
 * tree, LACP, group membership).
 *
 * The packet goes through the worker's ring and is the control thread's to free. A port may punt
 * PUNT_BURST packets at once and PUNT_PER_MSEC in the long run; the rest is dropped (DROP_PUNT), so
 * that no guest takes the control thread's time from the others. What keeps a link alive, what is
 * for the router itself, what is forwarded and DHCP have a budget each: who floods the router's
 * address from far away takes neither its neighbours nor its bonds. What comes by the gateway of a
 * bridge is charged to the port that its sender is behind.
 *
 * Thread-safety: punt() is for workers, punts_take() for the control thread.
 */
#ifndef DATAPATH_PUNT_H
#define DATAPATH_PUNT_H

#include "worker.h"

#define PUNT_PER_MSEC 2 /* of one port and worker, by what they are for */
#define PUNT_BURST 256

/* Why the control thread gets it. */
enum punt_kind {
	PUNT_LINK_LOCAL, /* to 01:80:c2:00:00:0x: never forwarded */
	PUNT_ARP,        /* to the MAC of a bond's member; or came by a routed interface */
	PUNT_ND,         /* the same of IPv6: neighbour discovery, whoever it is for */
	PUNT_PROBE,      /* a loop probe of this bridge's own */
	PUNT_MEMBERSHIP, /* IGMP, MLD, and what tells of multicast routers (group.h) */
	/* from anywhere, with a budget of its own */
	PUNT_LOCAL, /* to the router's own address */
	/* of packets that are forwarded, with another one */
	PUNT_NEIGHBOUR, /* to a station whose MAC is not known */
	PUNT_NO_ROUTE,  /* the start of a packet whose sender is to be told */
	PUNT_TTL,
	PUNT_TOO_BIG,
	PUNT_DHCP, /* a broadcast of DHCP's on a routed interface; with one more */
	PUNT_KINDS
};

/* Worker -> control. */
struct punt {
	struct rte_mbuf *pkt; /* canonical form, as it came in */
	uint16_t port;
	uint16_t generation; /* of the port: it may be gone when the control thread looks */
	uint16_t vid;        /* VLAN that it was classified to; VLAN_NONE: to none */
	uint16_t kind;       /* enum punt_kind */
	/* of packets that were to be forwarded */
	uint32_t next_hop; /* number; 0: none */
	uint32_t dst;      /* IPv4: the destination that they were routed by, network order */
};
static_assert(sizeof(struct punt) == 24, "rings want multiples of four bytes");

/**
 * punt() - give a packet to the control thread, or drop it. Worker.
 * @port: the port it came in by, which counts it.
 * @tag: its tag word (vlan.h), or VLAN_NONE: of no VLAN of the port's.
 */
void punt(struct worker *worker, const struct port *port, struct rte_mbuf *pkt, enum punt_kind kind,
	  uint16_t tag);

/**
 * punt_allowed() - take what one more packet of a port costs out of its budget. Worker.
 * Return: false if there is nothing left.
 */
bool punt_allowed(struct worker *worker, const struct port *port, enum punt_kind kind);

/** punt_queue() - punt() after punt_allowed(). @entry: all but port and generation. Worker. */
void punt_queue(struct worker *worker, const struct port *port, struct punt *entry);

/**
 * punts_take() - take packets that a worker has for the control thread. Control thread.
 * Return: how many, 0 .. @n.
 */
unsigned int punts_take(struct worker *worker, struct punt *ret_punts, unsigned int n);

#endif /* DATAPATH_PUNT_H */
