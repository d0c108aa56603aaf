/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Membership: which ports of a bridge want which multicast groups - snooping of IGMP and MLD as by
 * RFC 4541 - and the querier that makes hosts tell it.
 *
 * How: each VLAN and family is a *domain*. It is active while a querier is known, another's or our
 * own, and its hosts have had the time to answer; only then are groups confined to their members,
 * and all else that is not local to the link to the routers. Before and after, nothing is entered,
 * so that the bridge floods. A port is a member of a group from a report until the hosts there have
 * left, or have not answered for the membership interval. Ports where queries, or other signs of a
 * router, come from get all.
 *
 * What must never happen is that a host misses a group. So a port gets all too
 *  - for some seconds after it has come up; it is sent the queries that make its hosts report, in
 *    the querier's name;
 *  - for a membership interval, when a group could not be entered: a limit was reached.
 *
 * Inputs are functions: a port changed, a message was received, time has passed. What is to be done
 * is told by the functions of struct membership_ops. Time is what the caller says, in milliseconds.
 *
 * Thread-safety: none; one thread at a time for a bridge. The functions of struct membership_ops
 * must not call back into the same bridge.
 */
#ifndef PROTOCOL_MEMBERSHIP_H
#define PROTOCOL_MEMBERSHIP_H

#include <stdbool.h>
#include <stdint.h>

#include "mcast.h"

#define MEMBERSHIP_NEVER UINT64_MAX
#define MEMBERSHIP_VID_NONE 0xffff

struct membership;
struct membership_port;

/**
 * struct membership_config - settings of a bridge; times in milliseconds.
 * @querier: send queries where no other querier is.
 * @interval: between queries.
 * @response: in which hosts have to answer.
 * @last_response: the same, when hosts have left a group.
 * @robustness: 1 .. 7: how many messages in a row may be lost, and one more.
 * @group_limit: groups of the bridge.
 * @mac: of the queries; their IPv6 source is made from it.
 * @address: source of the IPv4 queries; zero: none, which loses any election.
 */
struct membership_config {
	bool querier;
	uint32_t interval;
	uint32_t response;
	uint32_t last_response;
	uint8_t robustness;
	uint32_t group_limit;
	uint8_t mac[MCAST_MAC_LEN];
	uint8_t address[4];
};

enum membership_router {
	MEMBERSHIP_ROUTER_AUTO, /* by what comes in */
	MEMBERSHIP_ROUTER_YES,  /* always: the port gets all */
	MEMBERSHIP_ROUTER_NO,   /* never: its queries are not believed, and go nowhere */
};

/**
 * struct membership_port_config - settings of a port.
 * @id: what the lists of ports have.
 * @user: what membership_ops.send() is given.
 * @vid: VLAN of its untagged frames, where our own queries go from the start, or _VID_NONE.
 * @router: whether a multicast router is behind it.
 * @fast_leave: one host only is behind it: a leave needs no question.
 * @group_limit: groups that it may be a member of.
 */
struct membership_port_config {
	uint16_t id;
	void *user;
	uint16_t vid;
	enum membership_router router;
	bool fast_leave;
	uint32_t group_limit;
};

/**
 * struct membership_ops - what a bridge wants done; @ctx is the bridge's.
 * @set_group: packets to @mac in @vid go to these ports. Return: 0, or below 0: it cannot be; then
 *	the domain floods.
 * @unset_group: they have no entry any more.
 * @set_other: IP multicast to groups that have no entry goes to these ports. As @set_group.
 * @unset_other: it is flooded again.
 * @send: send an untagged frame in @vid: by the port with this @user, or if it is NULL by all.
 */
struct membership_ops {
	int (*set_group)(void *ctx, uint16_t vid, const uint8_t mac[MCAST_MAC_LEN],
			 const uint16_t *ports, uint32_t n);
	void (*unset_group)(void *ctx, uint16_t vid, const uint8_t mac[MCAST_MAC_LEN]);
	int (*set_other)(void *ctx, uint16_t vid, enum mcast_family family, const uint16_t *ports,
			 uint32_t n);
	void (*unset_other)(void *ctx, uint16_t vid, enum mcast_family family);
	void (*send)(void *ctx, void *user, uint16_t vid, const uint8_t *frame, uint32_t len);
};

/* Where a message that was received goes on to. */
enum membership_way {
	MEMBERSHIP_FLOOD,      /* to all */
	MEMBERSHIP_TO_ROUTERS, /* see membership_routers() */
	MEMBERSHIP_DROP,
};

/**
 * membership_create() - snooping for one bridge.
 * @seed: random, so that nobody can choose groups that collide.
 * Return: it, or NULL with errno ENOMEM.
 */
struct membership *membership_create(const struct membership_config *config,
				     const struct membership_ops *ops, void *ctx, uint64_t seed);

/** membership_destroy() - take all entries back and free it, its ports too. NULL is legal. */
void membership_destroy(struct membership *m);

/** membership_set() - change settings. */
void membership_set(struct membership *m, const struct membership_config *config, uint64_t now);

/**
 * membership_port_add() - a port, closed at first.
 * Return: it, or NULL with errno ENOMEM.
 */
struct membership_port *membership_port_add(struct membership *m,
					    const struct membership_port_config *config);

/** membership_port_del() - forget a port and free it. */
void membership_port_del(struct membership_port *port, uint64_t now);

/** membership_port_set() - change settings; another @vid makes it close and open again. */
void membership_port_set(struct membership_port *port, const struct membership_port_config *config,
			 uint64_t now);

/**
 * membership_port_open() - the port forwards from now on, or does not any more: then nobody is
 * behind it.
 */
void membership_port_open(struct membership_port *port, bool open, uint64_t now);

/** membership_resync() - stations may be elsewhere now: ask all, and let all hear all meanwhile. */
void membership_resync(struct membership *m, uint64_t now);

/**
 * membership_renew() - let all hosts say again, and soon, what they want: what is behind a port has
 * to hear it, since it has lost what it knew.
 * @except: the port; its hosts are not asked.
 */
void membership_renew(struct membership *m, const struct membership_port *except, uint64_t now);

/**
 * membership_receive() - a message came in; hostile.
 * @frame: from the destination MAC on, with the tag it came with.
 * @vid: the VLAN that it was classified to.
 * @ret_family: for MEMBERSHIP_TO_ROUTERS.
 */
enum membership_way membership_receive(struct membership_port *port, uint16_t vid,
				       const uint8_t *frame, uint32_t len, uint64_t now,
				       enum mcast_family *ret_family);

/**
 * membership_cut() - a message came in that is too long to be read: the port gets all.
 */
void membership_cut(struct membership_port *port, uint64_t now);

/**
 * membership_routers() - ports where routers are.
 * @except: not this one; or NULL.
 * @ret_ids: ids of up to @max ports.
 * Return: how many.
 */
uint32_t membership_routers(const struct membership *m, uint16_t vid, enum mcast_family family,
			    const struct membership_port *except, uint16_t *ret_ids, uint32_t max);

/**
 * membership_tick() - do what is due, and tell what has changed. To be called when the time has
 * come, and after any other call here.
 * Return: when it is to be called next, or MEMBERSHIP_NEVER.
 */
uint64_t membership_tick(struct membership *m, uint64_t now);

/* A group on a port, as an operator sees it. */
struct membership_member_info {
	uint16_t vid;
	enum mcast_family family;
	const struct mcast_addr *group;
	uint16_t port;
	uint8_t version;  /* of the protocol that the host spoke last */
	bool leaving;     /* a host has left; others have not answered yet */
	uint64_t expires; /* milliseconds from now */
};

typedef void (*membership_member_fn)(void *arg, const struct membership_member_info *info);

/** membership_each_member() - all members, group by group. */
void membership_each_member(const struct membership *m, uint64_t now, membership_member_fn fn,
			    void *arg);

enum membership_querier {
	MEMBERSHIP_QUERIER_NONE,
	MEMBERSHIP_QUERIER_SELF,
	MEMBERSHIP_QUERIER_OTHER
};

/* A VLAN and family, as an operator sees it. */
struct membership_domain_info {
	uint16_t vid;
	enum mcast_family family;
	enum membership_querier querier;
	struct mcast_addr address; /* of the querier; may be zero */
	int port;                  /* id of the port that another querier is behind, or -1 */
	uint8_t version;           /* of its queries */
	uint32_t interval;         /* between queries, as far as known */
	uint64_t expires;          /* another querier: milliseconds from now */
	bool active;               /* groups are confined to their members */
	uint32_t n_groups;
};

typedef void (*membership_domain_fn)(void *arg, const struct membership_domain_info *info);

/** membership_each_domain() - all VLANs and families. */
void membership_each_domain(const struct membership *m, uint64_t now, membership_domain_fn fn,
			    void *arg);

/* What a port has counted. */
struct membership_port_info {
	uint32_t n_groups; /* that it is a member of */
	bool router;       /* in some VLAN */
	bool all;          /* gets all groups for now: it came up, or a limit was reached */
	uint64_t refused;  /* groups that were not entered: a limit was reached */
	uint64_t invalid;  /* messages that were malformed, or queries where none may come from */
};

/** membership_port_info() - see above. */
void membership_port_info(const struct membership_port *port,
			  struct membership_port_info *ret_info);

#endif /* PROTOCOL_MEMBERSHIP_H */
