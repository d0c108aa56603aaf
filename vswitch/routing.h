/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Routing: the router's control side - routed interfaces and their addresses, routes, neighbours.
 * The packets' side is datapath/router.h.
 *
 * One router per switch. A port gets a *routed interface* (rif) with its first address, or because
 * it is a guest's (rif_set()): a port that is on no bridge, or the port of type `gateway` that is
 * made for a bridge, or for one of its VLANs.
 *
 * A *route* is a prefix and where it leads, by *origin*: of several origins of one prefix the first
 * one counts. Static routes stay while what they lead to is gone, and are inactive then; routes by
 * a port go with the port. Where routes lead is shared by all that lead there (struct target), and
 * is what has a number in the datapath: so a million routes by one gateway are one thing to change.
 *
 * A *neighbour* is a station on a rif, known by ARP or ND (neighbour.h).
 *
 * There is no FIB, and no memory taken, before the first address or route of a family.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_ROUTING_H
#define VSWITCH_ROUTING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "prefix.h"
#include "router.h"
#include "schema.h"
#include "slow.h"
#include "switch.h"

#define ROUTES_MAX_DEFAULT 16384
#define RIF_SOURCES_MAX PORT_IPS_MAX
#define ROUTE_VIAS_MAX NEXT_HOP_MEMBERS_MAX

struct neighbour;
struct route;
struct target;
struct routing;

/* Whose addresses a rif answers ARP and neighbour solicitations for, beside its own. */
enum proxy { /* as enum proxy_word */
	     PROXY_NO,
	     PROXY_GUESTS, /* for uplinks: addresses that are routed to guests' rifs */
	     PROXY_ALL,    /* towards guests: whatever is routed elsewhere */
};

/* An address of the router's own. */
struct rif_addr {
	LIST_ENTRY(rif_addr) list;
	struct ip_prefix prefix; /* with the bits behind its length */
	struct switch_rif *rif;
	bool is_gateway; /* of a guest's port, by its key: it goes with that alone */
};

/* A routed interface. */
struct switch_rif {
	LIST_ENTRY(switch_rif) list;
	struct routing *routing;
	struct switch_port *port;
	struct rif *dp; /* what workers see; replaced as a whole */
	uint8_t mac[6];
	bool is_gateway;
	bool is_guest; /* rif_set() made it: it stays without addresses */
	bool is_open;  /* its port was, when last looked at */
	uint8_t proxy; /* enum proxy */
	bool keeps_source;
	uint8_t side; /* enum nat_side: what the rules of NAT make of it */
	bool check_sources;
	unsigned int n_sources;
	struct ip_prefix sources[RIF_SOURCES_MAX];
	struct ip_addr link_local; /* fe80::, from the MAC */
	LIST_HEAD(, rif_addr) addrs;
	unsigned int n_addrs;
	LIST_HEAD(, neighbour) neighbours;
	unsigned int n_neighbours;
	uint32_t n_incomplete; /* neighbours that have not answered, on behalf of this rif's senders
				*/
	struct target *connected;
	uint64_t icmp_tokens; /* errors that it may still cause: icmp_out.c */
	uint64_t icmp_msec;
	uint64_t conflicts; /* stations that claim an address of ours */
	struct {
		uint64_t msec; /* 0: never */
		struct ip_addr addr;
		uint8_t mac[6];
	} conflict;        /* the last one of these */
	uint32_t defended; /* seconds: when we last answered one */
	struct log_limit log_limit;
};

/* What may be set of a rif beside its addresses. */
struct rif_config {
	uint8_t proxy;      /* enum proxy */
	bool keeps_source;  /* source NAT leaves its stations alone: guests in route mode */
	bool check_sources; /* packets from elsewhere than @sources are dropped as spoofed */
	bool leaves_bridge; /* the port may still be on one, which it is about to leave */
	unsigned int n_sources;
	struct ip_prefix sources[RIF_SOURCES_MAX];
};

/* Where a route comes from; of one prefix the first one counts. */
enum route_origin {
	ROUTE_LOCAL,     /* own addresses; broadcast addresses */
	ROUTE_CONNECTED, /* networks of own addresses */
	ROUTE_GUEST,     /* addresses of guests in route or NAT mode */
	ROUTE_STATIC,    /* by the operator */
	ROUTE_KERNEL,    /* taken from the host's kernel */
	ROUTE_NEIGHBOUR, /* stations that are known */
	ROUTE_ORIGINS
};
extern const char *const route_origin_names[ROUTE_ORIGINS];

enum route_kind {
	ROUTE_VIA,  /* by one or more gateways */
	ROUTE_PORT, /* the stations are on a port's link */
	ROUTE_BLACKHOLE,
	ROUTE_UNREACHABLE,
};

/* Where a route is to lead. */
struct route_config {
	enum route_kind kind;
	unsigned int n_via;
	struct ip_addr via[ROUTE_VIAS_MAX];
	char port[SWITCH_NAME_SIZE]; /* PORT; VIA: the gateways are on its link; else empty */
};

/**
 * routing_create() - a router without anything, for sw->routing.
 * @max_routes: of each family.
 * Return: it, or NULL with @err filled.
 */
struct routing *routing_create(struct vswitch *sw, uint32_t max_routes, struct error *err);

/** routing_destroy() - ports are gone, or go without it. NULL is legal. */
void routing_destroy(struct routing *routing);

/* --- interfaces --- */

/** rif_find() - a port's rif, or NULL. */
struct switch_rif *rif_find(struct routing *routing, const struct switch_port *port);

/** rif_of() - the rif of a port's id, or NULL. */
struct switch_rif *rif_of(struct routing *routing, uint16_t port);

/** rif_on_link() - the rif that the best route to an address leads to; NULL: none. */
struct switch_rif *rif_on_link(struct routing *routing, const struct ip_addr *addr);

/** rif_next() - walk through the rifs. @last: NULL at first. Return: the next one, or NULL. */
struct switch_rif *rif_next(const struct routing *routing, const struct switch_rif *last);

/**
 * rif_set() - make a port a routed one, with or without addresses, or change what is set of it.
 * Its routes are added by route_add(). For guests' ports (guest.h), and for what NAT wants of an
 * uplink.
 * Return: 0, -EBUSY (the port is on a bridge, or a bond's), -ENOMEM.
 */
int rif_set(struct routing *routing, struct switch_port *port, const struct rif_config *config,
	    struct error *err);

/** rif_config_get() - what is set of a rif now. */
void rif_config_get(const struct switch_rif *rif, struct rif_config *ret_config);

/**
 * rif_clear() - undo rif_set(): back to the defaults; without addresses the port is routed no more.
 */
void rif_clear(struct routing *routing, struct switch_port *port);

/* --- addresses --- */

/* Where an address belongs: a port, or a bridge and VLAN. */
struct addr_place {
	const char *port;   /* NULL: see bridge */
	const char *bridge; /* its gateway port is made, if it must be */
	uint16_t vid;       /* of the bridge; 0: none */
};

/**
 * addr_add() - give the router an address, and so the network behind it.
 * @prefix: the address with its network's length.
 * Return: 0, -EEXIST (the rif has it; another rif has the same network), -EINVAL, -ENOENT, -EBUSY
 * (the port is on a bridge), -ENOSPC, -ENOMEM.
 */
int addr_add(struct routing *routing, const struct ip_prefix *prefix,
	     const struct addr_place *place, struct error *err);

/**
 * addr_del() - take an address away. @place: all NULL: wherever it is, if that is one place.
 * Return: 0, -ENOENT, -EINVAL (several have it).
 */
int addr_del(struct routing *routing, const struct ip_prefix *prefix,
	     const struct addr_place *place, struct error *err);

/**
 * addr_add_gateway() - give the router an address towards one guest, which others may have as well.
 * @port: is a routed one.
 * Return: as addr_add().
 */
int addr_add_gateway(struct switch_port *port, const struct ip_addr *addr, struct error *err);

/** addr_del_gateway() - take it away. */
void addr_del_gateway(struct switch_port *port, const struct ip_addr *addr);

/** addr_is_own() - has any rif this address? */
bool addr_is_own(const struct routing *routing, const struct ip_addr *addr);

/**
 * addr_source() - the address that the router speaks to a destination by: of the rif, best on the
 * same network; if the rif has none, of any other.
 * Return: false: there is none of that family.
 */
bool addr_source(const struct routing *routing, const struct switch_rif *rif,
		 const struct ip_addr *to, struct ip_addr *ret_addr);

/** addr_changed_fn - an address has come (@added) or gone. */
typedef void (*addr_changed_fn)(void *arg, const struct rif_addr *addr, bool added);

/** addr_on_change() - be told of all addresses that come and go, one after the other. */
void addr_on_change(struct routing *routing, addr_changed_fn fn, void *arg);

/* --- routes --- */

/**
 * route_add() - add a route, or refuse if the origin has one of this prefix.
 * A gateway need not be reachable now.
 * Return: 0, -EEXIST, -EINVAL, -ENOENT (no such port), -ENOSPC (routes-max), -ENOMEM.
 */
int route_add(struct routing *routing, const struct ip_prefix *prefix, enum route_origin origin,
	      const struct route_config *config, struct error *err);

/** route_set() - route_add(), or change where the one there is leads. */
int route_set(struct routing *routing, const struct ip_prefix *prefix, enum route_origin origin,
	      const struct route_config *config, struct error *err);

/** route_del() - Return: 0 or -ENOENT. */
int route_del(struct routing *routing, const struct ip_prefix *prefix, enum route_origin origin,
	      struct error *err);

/** route_flush() - remove all routes of an origin. */
void route_flush(struct routing *routing, enum route_origin origin);

/* A route as it is shown. */
struct route_info {
	struct ip_prefix prefix;
	enum route_origin origin;
	enum next_hop_kind kind; /* LOCAL, BLACKHOLE, UNREACHABLE, CONNECTED; NEIGHBOUR: by @via */
	bool active;             /* in the FIB */
	const char *reason;      /* why it is not active; or NULL */
	unsigned int n_via;
	struct ip_addr via[ROUTE_VIAS_MAX];
	const char *ports[ROUTE_VIAS_MAX]; /* n_via of them, or one; NULL: not known */
};

/**
 * route_next() - walk through the routes, in no order.
 * @cursor: in: 0 at first; out: where to go on. Routes that come or go meanwhile may be left out,
 *	or come twice.
 * Return: false: there are no more.
 */
bool route_next(const struct routing *routing, uint64_t *cursor, struct route_info *ret_info);

/** route_match() - the route that packets to an address take. Return: false: none. */
bool route_match(const struct routing *routing, const struct ip_addr *addr,
		 struct route_info *ret_info);

/** route_count() - routes of a family, all origins. */
uint32_t route_count(const struct routing *routing, uint8_t family);

/* --- what others tell it --- */

/** routing_receive() - a packet that workers have punted (datapath/punt.h). */
void routing_receive(struct vswitch *sw, struct switch_port *port, const struct slow_frame *frame);

/** routing_set_proxy() - whom a port answers for (enum proxy), now or when it is routed. */
void routing_set_proxy(struct switch_port *port, uint8_t proxy);

/** routing_may_go() - may the operator delete a port, or put it on a bridge? 0 or -EBUSY. */
int routing_may_go(const struct switch_port *port, struct error *err);

/** routing_port_removed() - a port goes: its addresses, routes and neighbours go first. */
void routing_port_removed(struct switch_port *port);

/** routing_port_changed() - a port's link, MTU or MAC has changed. */
void routing_port_changed(struct switch_port *port);

#endif /* VSWITCH_ROUTING_H */
