/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the router's control side (routing.c, rif.c, route.c, target.c, neighbour.c)
 * share with each other alone.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_ROUTING_PRIV_H
#define VSWITCH_ROUTING_PRIV_H

#include <event2/event.h>

#include "neighbour.h"
#include "routing.h"
#include "switch_priv.h"

#define NEXT_HOP_NUMBER_NONE 0

/*
 * Where routes lead, and the number of that in the datapath. There is one for the router itself,
 * blackhole and unreachable each, one per rif (its network), one per neighbour, and one for each
 * struct route_config that routes have.
 */
struct target {
	LIST_ENTRY(target) list; /* routing.targets, if it has a config */
	uint32_t refs;           /* routes */
	uint32_t number;         /* NEXT_HOP_NUMBER_NONE: it leads nowhere now */
	enum next_hop_kind kind; /* NEIGHBOUR, GROUP: of one or more neighbours */
	struct switch_rif *rif;  /* CONNECTED; NULL: not there now */
	struct neighbour *owner; /* NEIGHBOUR: of a neighbour's own */
	bool has_config;         /* what follows is used */
	bool owns_number;        /* GROUP */
	const char *reason;      /* why it leads nowhere */
	struct route_config config;
	struct neighbour *neighbours[ROUTE_VIAS_MAX]; /* by via; NULL: not to be reached */
};

struct route {
	struct route *next; /* in its bucket */
	struct target *target;
	struct ip_prefix prefix; /* 0 behind its length */
	uint8_t origin;
	uint8_t mark;    /* KERNEL: round that it was seen in last */
	uint32_t metric; /* KERNEL */
};

/* The routes of a family: a hash table by prefix, in which all origins of one are in one bucket. */
struct route_table {
	struct route **buckets;
	uint32_t n_buckets; /* power of two; 0: no route yet */
	uint32_t n;
	uint32_t n_by_origin[ROUTE_ORIGINS];
	uint32_t n_by_len[129];
};

/* What a number in the datapath is of. */
struct next_hop_slot {
	struct rcu_item retired;
	struct routing *routing;     /* while it is retired */
	struct neighbour *neighbour; /* NULL: of none */
};

struct routing {
	struct rcu_item retired;
	struct vswitch *sw;
	struct router *dp;
	uint32_t max_routes;
	LIST_HEAD(, switch_rif) rifs;
	struct switch_rif *by_port[PORT_MAX];
	struct route_table tables[2]; /* IPv4, IPv6 */
	LIST_HEAD(, target) targets;
	struct target local, blackhole, unreachable;
	struct next_hop_slot *slots; /* NEXT_HOPS_MAX; memory is taken where they are used */
	uint32_t *free_numbers;
	uint32_t n_free, next_number;
	struct neighbour **neighbours; /* hash table */
	uint32_t n_neighbours;
	LIST_HEAD(, neighbour) busy; /* those that are being asked */
	uint32_t n_queued;
	struct event *timer; /* while some are */
	struct event *check; /* routes have changed: are stations still on their links? */
	uint16_t next_id;    /* IPv4 identification of what it sends */
	struct {
		addr_changed_fn fn;
		void *arg;
	} on_change[4];
	unsigned int n_on_change;
	struct route_import *import; /* route_import.c; NULL: none */
	bool import_watches;
};

static inline struct route_table *
route_table(struct routing *routing, uint8_t family)
{
	return &routing->tables[family == AF_INET6];
}

/** routing_now() - milliseconds. */
uint64_t routing_now(void);

/* --- target.c --- */

/** number_new() - a number for a next hop of this kind. Return: it, or NEXT_HOP_NUMBER_NONE. */
uint32_t number_new(struct routing *routing, enum next_hop_kind kind, uint16_t rif);

/** number_free() - give it back when no worker can know it any more. NONE is legal. */
void number_free(struct routing *routing, uint32_t number);

/** target_connected() - make the target of a rif's network. Return: it, or NULL. */
struct target *target_connected(struct switch_rif *rif);

/** target_get() - the target of a config, one more reference. Return: it, or NULL (no memory). */
struct target *target_get(struct routing *routing, const struct route_config *config);

/** target_put() - one reference less. */
void target_put(struct routing *routing, struct target *target);

/** targets_renew() - see where all of them lead now, and change routes where that has changed. */
void targets_renew(struct routing *routing);

/** targets_neighbour_changed() - a neighbour has failed, or is back: groups use others, or it. */
void targets_neighbour_changed(struct routing *routing, const struct neighbour *neighbour);

/** target_rif() - the rif that a target leads to, the first of several; NULL: none. */
struct switch_rif *target_rif(const struct target *target);

/* --- route.c --- */

/** routes_destroy() - remove all of them. */
void routes_destroy(struct routing *routing);

/** routes_renew() - tell the datapath where the routes of a target lead. */
void routes_renew(struct routing *routing, const struct target *target);

/**
 * route_install() - add a route to a target, which gets one more reference.
 * Return: 0, -EEXIST, -ENOSPC, -ENOMEM.
 */
int route_install(struct routing *routing, const struct ip_prefix *prefix, enum route_origin origin,
		  struct target *target);

/** route_uninstall() - Return: 0 or -ENOENT. */
int route_uninstall(struct routing *routing, const struct ip_prefix *prefix,
		    enum route_origin origin);

/** route_find() - the route of a prefix and origin. Return: it, or NULL. */
struct route *route_find(struct routing *routing, const struct ip_prefix *prefix,
			 enum route_origin origin);

/** route_leads() - does a route lead where this says? */
bool route_leads(struct routing *routing, const struct route *route,
		 const struct route_config *config);

/** routes_sweep() - remove all routes of an origin that have not this mark. */
void routes_sweep(struct routing *routing, enum route_origin origin, uint8_t mark);

/** route_lookup() - the target of the best route to an address; NULL: none. */
struct target *route_lookup(struct routing *routing, const struct ip_addr *addr);

/** route_lookup_but() - the same without the routes of an origin. */
struct target *route_lookup_but(struct routing *routing, const struct ip_addr *addr,
				enum route_origin but);

/* --- rif.c --- */

/** rif_gateway() - the rif on whose network an address is; NULL: none. */
struct switch_rif *rif_gateway(struct routing *routing, const struct ip_addr *addr);

/** rif_has_addr() - is it one of the rif's own, its link-local one included? */
bool rif_has_addr(const struct switch_rif *rif, const struct ip_addr *addr);

/** rif_send() - send a complete frame by a rif; @pkt is gone in any case. */
void rif_send(struct switch_rif *rif, struct rte_mbuf *pkt);

/** rif_send_bytes() - the same with a copy of bytes. */
void rif_send_bytes(struct switch_rif *rif, const uint8_t *frame, uint32_t len);

/** rif_renew_side() - let workers know if it is on another side of NAT now. */
void rif_renew_side(struct switch_rif *rif);

/* --- announcing: rif_announce.c --- */

/** rif_announce() - tell the link of an address of the rif's, or of one that it answers for. */
void rif_announce(struct switch_rif *rif, const struct ip_addr *addr);

/** rif_announce_guest() - tell the link that it answers for a guest's address from now on. */
void rif_announce_guest(struct switch_rif *rif, const struct ip_addr *addr);

/* --- routing.c --- */

/**
 * routing_output() - route a packet of the router's own, and send it.
 * @rif: for link-local destinations; else NULL.
 * @pkt: frame whose MACs are not filled in; gone in any case.
 */
void routing_output(struct routing *routing, struct switch_rif *rif, struct rte_mbuf *pkt);

/** routing_tell() - send an ICMP error about a frame that came in by a rif, if that is right. */
void routing_tell(struct switch_rif *in, const uint8_t *frame, uint32_t len, int fault,
		  uint32_t mtu);

#endif /* VSWITCH_ROUTING_PRIV_H */
