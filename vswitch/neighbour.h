/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Neighbours: the stations on routed interfaces, and how they are found: by ARP (RFC 826) and
 * neighbour discovery (RFC 4861), with the states of the latter for both.
 *
 * A packet for a station that is not known waits, up to three of them per station, while it is
 * asked for three times in three seconds; then its sender is told. A station that has been found
 * gets a host route, so that workers need not ask again. After 30 seconds it is asked again if
 * packets have gone to it meanwhile - its own MAC first, with packets going on -, and forgotten if
 * it has been silent for a minute.
 *
 * Nobody who looks through a large network for stations keeps others from finding theirs: what
 * comes in by one rif may have stations asked for up to NEIGHBOUR_INCOMPLETE_MAX at a time, and a
 * rif has NEIGHBOURS_MAX stations, of which those that are used least go first. If the FIB is full,
 * the rif with the most of them loses one for each new one.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_NEIGHBOUR_H
#define VSWITCH_NEIGHBOUR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "prefix.h"

struct error;
struct rte_mbuf;
struct routing;
struct slow_frame;
struct switch_rif;
struct target;

#define NEIGHBOURS_MAX 4096          /* of a rif */
#define NEIGHBOURS_GUEST_MAX 256     /* of a guest's */
#define NEIGHBOUR_INCOMPLETE_MAX 128 /* on behalf of one rif */
#define NEIGHBOUR_QUEUE 3            /* packets that wait for one */
#define NEIGHBOUR_QUEUED_MAX 1024    /* for all */
#define NEIGHBOUR_PROBES 3
#define NEIGHBOUR_RETRY_MSEC 1000
#define NEIGHBOUR_REACHABLE_MSEC 30000
#define NEIGHBOUR_FORGET_SEC 60

enum neighbour_state {
	NEIGHBOUR_NEW,        /* nobody has asked for it */
	NEIGHBOUR_INCOMPLETE, /* it is asked for, MAC not known */
	NEIGHBOUR_REACHABLE,
	NEIGHBOUR_STALE, /* MAC known, perhaps right; asked when used */
	NEIGHBOUR_PROBE, /* MAC known, being asked */
	NEIGHBOUR_FAILED,
	NEIGHBOUR_PERMANENT, /* by the operator, or from the kernel */
	NEIGHBOUR_STATES
};
extern const char *const neighbour_state_names[NEIGHBOUR_STATES];

/* A packet that waits. */
struct neighbour_packet {
	struct rte_mbuf *pkt;
	uint16_t port; /* it came in by, and the port's generation */
	uint16_t generation;
	bool own; /* the router's own: only its MACs are missing */
};

struct neighbour {
	LIST_ENTRY(neighbour) list; /* the rif's */
	LIST_ENTRY(neighbour) busy;
	struct neighbour *hash_next;
	struct switch_rif *rif;
	struct ip_addr addr;
	enum neighbour_state state;
	uint8_t mac[6];
	bool is_busy;
	bool is_on_link;  /* routes lead to it on the rif's link, or the operator says so */
	bool has_route;   /* its host route is there */
	bool is_router;   /* it has said so (ND) */
	bool has_failed;  /* and not been heard of since: groups do without it */
	uint8_t probes;   /* sent since the state began */
	uint16_t asker;   /* port id of the rif that it is INCOMPLETE for */
	uint32_t refs;    /* targets by it: it stays */
	uint64_t due;     /* msec: busy: when to ask again; REACHABLE: until then */
	uint64_t updated; /* msec: when it was heard of last, or FAILED */
	uint32_t number;  /* of its next hop */
	struct target *target;
	struct neighbour_packet queue[NEIGHBOUR_QUEUE];
	unsigned int n_queued;
};

/** neighbour_find() - Return: it, or NULL. */
struct neighbour *neighbour_find(struct routing *routing, const struct switch_rif *rif,
				 const struct ip_addr *addr);

/**
 * neighbour_get() - find or make one.
 * Return: it, or NULL: no memory, or the rif has too many.
 */
struct neighbour *neighbour_get(struct switch_rif *rif, const struct ip_addr *addr);

/** neighbour_ref(), neighbour_unref() - keep it, whether anybody hears of it or not. */
void neighbour_ref(struct neighbour *neighbour);
void neighbour_unref(struct neighbour *neighbour);

/** neighbour_is_known() - may packets be sent to its MAC? */
bool neighbour_is_known(const struct neighbour *neighbour);

/** neighbour_need_route() - add its host route if it is not there. Return: whether it is. */
bool neighbour_need_route(struct neighbour *neighbour);

/**
 * neighbour_wait() - have a packet wait for a station, and ask for it.
 * @asker: the rif that the packet came in by.
 * @packet: taken over (its pkt included), in any case.
 * Return: 0; -EHOSTUNREACH: it has not answered a moment ago; -ENOBUFS: too many wait.
 */
int neighbour_wait(struct neighbour *neighbour, struct switch_rif *asker,
		   const struct neighbour_packet *packet);

/**
 * neighbour_heard() - a station has spoken.
 * @mac: its own.
 * @confirmed: it has answered us: it is reachable; else it may be.
 */
void neighbour_heard(struct neighbour *neighbour, const uint8_t mac[6], bool confirmed);

/** neighbour_set() - MAC by the operator; NULL: it is to be asked for again. */
void neighbour_set(struct neighbour *neighbour, const uint8_t *mac);

/** neighbour_del() - forget one, and what waits for it; targets by it ask again. */
void neighbour_del(struct neighbour *neighbour);

/** neighbours_flush() - forget all of a rif's but those by the operator. */
void neighbours_flush(struct switch_rif *rif, bool all);

/** neighbours_check() - forget those of a rif that no route leads to on its link any more. */
void neighbours_check(struct switch_rif *rif);

/** neighbours_check_soon() - the same of all, but those by the operator; a route has changed. */
void neighbours_check_soon(struct routing *routing);

/** neighbours_tick() - once a second: what is old. */
void neighbours_tick(struct routing *routing);

/** neighbours_create() - Return: 0 or -ENOMEM. */
int neighbours_create(struct routing *routing);

/** neighbours_destroy() - when there are none any more. */
void neighbours_destroy(struct routing *routing);

/* How a station is asked, and who is answered: neighbour_arp.c, neighbour_nd.c. */

/** neighbour_ask_arp(), neighbour_ask_nd() - send a request. @unicast: to its MAC. */
void neighbour_ask_arp(const struct neighbour *neighbour, bool unicast);
void neighbour_ask_nd(const struct neighbour *neighbour, bool unicast);

/** neighbour_receive_arp() - an ARP packet. */
void neighbour_receive_arp(struct switch_rif *rif, const struct slow_frame *frame);

/** neighbour_receive_nd() - a message of neighbour discovery, or what looks like one. */
void neighbour_receive_nd(struct switch_rif *rif, const struct slow_frame *frame);

/** neighbour_answers() - does a rif answer for an address, of its own or of others'? */
bool neighbour_answers(struct switch_rif *rif, const struct ip_addr *addr, bool *ret_own);

/** neighbour_is_on_link() - may a station with this address be on the rif's link? */
bool neighbour_is_on_link(struct switch_rif *rif, const struct ip_addr *addr);

#endif /* VSWITCH_NEIGHBOUR_H */
