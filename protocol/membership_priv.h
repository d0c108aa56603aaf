/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What membership.c (ports, groups, members), membership_query.c (domains and queriers) and
 * membership_tick.c (time) share with each other alone.
 *
 * Thread-safety: as membership.h.
 */
#ifndef PROTOCOL_MEMBERSHIP_PRIV_H
#define PROTOCOL_MEMBERSHIP_PRIV_H

#include <sys/queue.h>

#include "membership.h"

#define GROUP_BUCKETS 1024
#define DOMAIN_BUCKETS 256
#define PORTS_MAX 65536

/* A host on a port wants a group. */
struct member {
	LIST_ENTRY(member) of_group;
	LIST_ENTRY(member) of_port;
	struct group *group;
	struct membership_port *port;
	uint64_t expires;
	uint64_t old_until;  /* an IGMPv1 host is there, which cannot leave */
	uint64_t next_query; /* while asked whether others are left */
	uint8_t queries_left;
	bool leaving;
	uint8_t version;
};

LIST_HEAD(member_list, member);

struct group {
	LIST_ENTRY(group) chain; /* of a bucket: groups with the same MAC are in the same */
	LIST_ENTRY(group) of_domain;
	struct domain *domain;
	struct mcast_addr addr;
	uint8_t mac[MCAST_MAC_LEN];
	struct member_list members;
};

LIST_HEAD(group_list, group);

/* A router is behind a port. */
struct router {
	LIST_ENTRY(router) of_domain;
	LIST_ENTRY(router) of_port;
	struct membership_port *port;
	struct domain *domain;
	uint64_t expires;
};

LIST_HEAD(router_list, router);

/* Another querier than we. */
struct querier {
	uint64_t until; /* 0: there is none */
	struct membership_port *port;
	struct mcast_addr address;
	uint8_t mac[MCAST_MAC_LEN];
	uint8_t version;
	uint8_t robustness;
	uint32_t interval; /* milliseconds, as these */
	uint32_t response;
};

struct domain {
	LIST_ENTRY(domain) chain;
	uint16_t vid;
	enum mcast_family family;
	uint32_t n_pins; /* ports whose untagged frames belong to it */
	uint32_t n_groups;
	struct group_list groups;
	struct router_list routers;
	struct querier other;
	uint64_t next_query;  /* of our own */
	uint8_t startup_left; /* of our own: queries that follow each other faster */
	bool asking;          /* we are the querier */
	uint64_t active_from; /* hosts have had time to answer; 0: nobody asks */
	bool published;       /* its entries are made */
	bool changed;         /* and are to be made anew */
};

LIST_HEAD(domain_list, domain);

struct membership_port {
	LIST_ENTRY(membership_port) list;
	LIST_ENTRY(membership_port) special_list;
	struct membership *m;
	struct membership_port_config config;
	bool open;
	bool special;       /* on the list of those that get all */
	uint64_t all_until; /* gets all; 0: no */
	uint64_t next_query;
	uint8_t queries_left; /* that make its hosts report */
	bool quick;           /* these give hosts less time to answer */
	uint32_t n_members;
	struct member_list members;
	struct router_list routers;
	uint64_t refused;
	uint64_t invalid;
};

LIST_HEAD(membership_port_list, membership_port);

struct membership {
	struct membership_config config;
	const struct membership_ops *ops;
	void *ctx;
	uint64_t seed;
	uint32_t n_groups;
	uint64_t next;                         /* when something is due, at the latest */
	struct mcast_addr own[MCAST_FAMILIES]; /* sources of our queries */
	struct membership_port_list ports;
	struct membership_port_list specials;
	struct domain_list domains[DOMAIN_BUCKETS];
	struct group_list groups[GROUP_BUCKETS];
	/* for the list under way: who is in it already */
	uint8_t marks[PORTS_MAX / 8];
	uint16_t ids[PORTS_MAX];
};

/* membership_soon() - something is due at @when. */
static inline void
membership_soon(struct membership *m, uint64_t when)
{
	if (when < m->next)
		m->next = when;
}

/* membership_domain_asked() - see to it that hosts are asked. When it is due again. */
uint64_t membership_domain_asked(struct membership *m, struct domain *domain, uint64_t now);

/* membership_domain() - the domain, made if it is not there. NULL: no memory. */
struct domain *membership_domain(struct membership *m, uint16_t vid, enum mcast_family family);

/* membership_domain_find() - the domain, or NULL. */
struct domain *membership_domain_find(const struct membership *m, uint16_t vid,
				      enum mcast_family family);

/* membership_domain_free() - free one that has no groups, routers or pins. */
void membership_domain_free(struct domain *domain);

/* membership_domain_entries() - make the entries of an active domain, or take them all back. */
void membership_domain_entries(struct membership *m, struct domain *domain, bool make);

/* membership_port_special() - set who gets all; entries change at the next tick. */
void membership_port_special(struct membership_port *port);

/* membership_member_del() - it wants the group no more. */
void membership_member_del(struct member *member);

/* membership_interval() - how long a member stays without another report. */
uint64_t membership_interval(const struct domain *domain, const struct membership *m);

/* membership_query() - a query was received. Where it goes. */
enum membership_way membership_query(struct membership_port *port, struct domain *domain,
				     const struct mcast_message *msg, uint64_t now);

/* membership_router() - a router is behind the port. */
void membership_router(struct membership_port *port, struct domain *domain, uint64_t now);

/* membership_router_del() - not any more. */
void membership_router_del(struct router *router);

/*
 * membership_ask() - send a query in a domain; @group NULL: a general one. @port NULL: by all.
 * @response: milliseconds to answer in.
 */
void membership_ask(struct membership *m, struct domain *domain, struct membership_port *port,
		    const struct mcast_addr *group, uint32_t response);

/* membership_asked() - who asks the domain's hosts. */
enum membership_querier membership_asked(const struct domain *domain, const struct membership *m,
					 uint64_t now);

#endif /* PROTOCOL_MEMBERSHIP_PRIV_H */
