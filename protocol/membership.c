/* SPDX-License-Identifier: BSD-3-Clause */
/* Ports, groups and members; where their packets go. */
#include "membership.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "membership_priv.h"

#define HASH_MIX UINT64_C(0x9e3779b97f4a7c15)
#define PORT_ALL_MARGIN 2000 /* a port that came up hears all this much longer than it is asked */
#define PORT_QUERIES 2       /* how often a port that came up is asked */

static struct group_list *
group_bucket(struct membership *m, uint16_t vid, const uint8_t mac[MCAST_MAC_LEN])
{
	uint64_t key = (uint64_t)vid << 48;

	for (unsigned int i = 0; i < MCAST_MAC_LEN; i++)
		key |= (uint64_t)mac[i] << (8 * i);
	key = (key ^ m->seed) * HASH_MIX;
	key = (key ^ key >> 29 ^ m->seed) * HASH_MIX;
	return &m->groups[(key >> 40) % GROUP_BUCKETS];
}

static bool
group_has_mac(const struct group *group, uint16_t vid, const uint8_t mac[MCAST_MAC_LEN])
{
	return group->domain->vid == vid && memcmp(group->mac, mac, MCAST_MAC_LEN) == 0;
}

/* Put a port in the list under way, once. */
static void
collect(struct membership *m, const struct membership_port *port, uint32_t *n)
{
	uint8_t *mark = &m->marks[port->config.id / 8], bit = 1 << port->config.id % 8;

	if ((*mark & bit) || !port->open)
		return;
	*mark |= bit;
	m->ids[(*n)++] = port->config.id;
}

/* Those who get all of a domain. */
static void
collect_all(struct membership *m, const struct domain *domain, uint32_t *n)
{
	const struct membership_port *port;
	const struct router *router;

	LIST_FOREACH(port, &m->specials, special_list)
		collect(m, port, n);
	LIST_FOREACH(router, &domain->routers, of_domain)
		collect(m, router->port, n);
}

static void
collect_end(struct membership *m, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		m->marks[m->ids[i] / 8] = 0;
}

/* Make, change or remove the entry of a MAC: of all groups that have it. */
static int
publish_mac(struct membership *m, struct domain *domain, const uint8_t mac[MCAST_MAC_LEN])
{
	const struct group *group;
	const struct member *member;
	bool any = false;
	uint32_t n = 0;
	int ret = 0;

	LIST_FOREACH(group, group_bucket(m, domain->vid, mac), chain) {
		if (!group_has_mac(group, domain->vid, mac))
			continue;
		any = true;
		LIST_FOREACH(member, &group->members, of_group)
			collect(m, member->port, &n);
	}
	if (any) {
		collect_all(m, domain, &n);
		ret = m->ops->set_group(m->ctx, domain->vid, mac, m->ids, n);
		collect_end(m, n);
	} else {
		m->ops->unset_group(m->ctx, domain->vid, mac);
	}
	return ret;
}

static int
publish_other(struct membership *m, struct domain *domain)
{
	uint32_t n = 0;
	int ret;

	collect_all(m, domain, &n);
	ret = m->ops->set_other(m->ctx, domain->vid, domain->family, m->ids, n);
	collect_end(m, n);
	return ret;
}

/* The groups come before the rule for others, and go after it: no member misses a packet. */
void
membership_domain_entries(struct membership *m, struct domain *domain, bool make)
{
	struct group *group;
	int ret = 0;

	domain->changed = false;
	if (make) {
		LIST_FOREACH(group, &domain->groups, of_domain)
			if (ret == 0)
				ret = publish_mac(m, domain, group->mac);
		if (ret == 0)
			ret = publish_other(m, domain);
	}
	if (make && ret == 0) {
		domain->published = true;
		return;
	}
	if (domain->published || make) {
		m->ops->unset_other(m->ctx, domain->vid, domain->family);
		LIST_FOREACH(group, &domain->groups, of_domain)
			m->ops->unset_group(m->ctx, domain->vid, group->mac);
	}
	domain->published = false;
}

/* One group has changed. */
static void
publish_group(struct membership *m, struct domain *domain, const uint8_t mac[MCAST_MAC_LEN])
{
	if (domain->published && publish_mac(m, domain, mac) < 0)
		membership_domain_entries(m, domain, false);
}

static struct group *
group_find(struct membership *m, const struct domain *domain, const struct mcast_addr *addr)
{
	uint8_t mac[MCAST_MAC_LEN];
	struct group *group;

	mcast_mac(domain->family, addr, mac);
	LIST_FOREACH(group, group_bucket(m, domain->vid, mac), chain)
		if (group->domain == domain && memcmp(&group->addr, addr, sizeof(*addr)) == 0)
			return group;
	return NULL;
}

static struct group *
group_add(struct membership *m, struct domain *domain, const struct mcast_addr *addr)
{
	struct group *group;

	if (m->n_groups >= m->config.group_limit)
		return NULL;
	group = calloc(1, sizeof(*group));
	if (group == NULL)
		return NULL;
	group->domain = domain;
	group->addr = *addr;
	mcast_mac(domain->family, addr, group->mac);
	LIST_INIT(&group->members);
	LIST_INSERT_HEAD(group_bucket(m, domain->vid, group->mac), group, chain);
	LIST_INSERT_HEAD(&domain->groups, group, of_domain);
	domain->n_groups++;
	m->n_groups++;
	return group;
}

static void
group_del(struct membership *m, struct group *group)
{
	LIST_REMOVE(group, chain);
	LIST_REMOVE(group, of_domain);
	group->domain->n_groups--;
	m->n_groups--;
	free(group);
}

static struct member *
member_find(const struct group *group, const struct membership_port *port)
{
	struct member *member;

	LIST_FOREACH(member, &group->members, of_group)
		if (member->port == port)
			return member;
	return NULL;
}

static struct member *
member_add(struct membership_port *port, struct domain *domain, const struct mcast_addr *addr)
{
	struct membership *m = port->m;
	struct group *group = group_find(m, domain, addr);
	struct member *member = NULL;
	bool is_new = group == NULL;

	if (port->n_members < port->config.group_limit)
		member = calloc(1, sizeof(*member));
	if (member != NULL && is_new)
		group = group_add(m, domain, addr);
	if (member == NULL || group == NULL) {
		free(member);
		return NULL;
	}
	member->group = group;
	member->port = port;
	LIST_INSERT_HEAD(&group->members, member, of_group);
	LIST_INSERT_HEAD(&port->members, member, of_port);
	port->n_members++;
	publish_group(m, domain, group->mac);
	return member;
}

void
membership_member_del(struct member *member)
{
	struct group *group = member->group;
	struct domain *domain = group->domain;
	struct membership *m = member->port->m;
	uint8_t mac[MCAST_MAC_LEN];

	memcpy(mac, group->mac, sizeof(mac));
	member->port->n_members--;
	LIST_REMOVE(member, of_group);
	LIST_REMOVE(member, of_port);
	free(member);
	if (LIST_EMPTY(&group->members))
		group_del(m, group);
	publish_group(m, domain, mac);
}

/* A group could not be entered: rather all than nothing. */
static void
port_overflow(struct membership_port *port, uint64_t until)
{
	port->refused++;
	if (port->all_until < until)
		port->all_until = until;
	membership_soon(port->m, port->all_until);
	membership_port_special(port);
}

static void
member_join(struct membership_port *port, struct domain *domain, const struct mcast_addr *addr,
	    uint8_t version, uint64_t now)
{
	uint64_t until = now + membership_interval(domain, port->m);
	struct group *group = group_find(port->m, domain, addr);
	struct member *member = group != NULL ? member_find(group, port) : NULL;

	if (member == NULL)
		member = member_add(port, domain, addr);
	if (member == NULL) {
		port_overflow(port, until);
		return;
	}
	member->version = version;
	member->expires = until;
	member->leaving = false;
	member->queries_left = 0;
	membership_soon(port->m, until);
	if (domain->family == MCAST_IPV4 && version == 1)
		member->old_until = until;
}

/* A host has left, or @sure is false: perhaps. Others may be there. */
static void
member_leave(struct membership_port *port, struct domain *domain, const struct mcast_addr *addr,
	     bool sure, uint64_t now)
{
	struct membership *m = port->m;
	struct group *group = group_find(m, domain, addr);
	struct member *member = group != NULL ? member_find(group, port) : NULL;
	uint64_t until;

	if (member == NULL || member->old_until > now)
		return;
	if (sure && port->config.fast_leave) {
		membership_member_del(member);
		return;
	}
	/* another querier asks, and is heard (membership_query()) */
	if (membership_asked(domain, m, now) != MEMBERSHIP_QUERIER_SELF || member->queries_left > 0)
		return;
	until = now + (uint64_t)m->config.last_response * m->config.robustness;
	member->leaving = true;
	member->queries_left = m->config.robustness;
	member->next_query = now;
	if (member->expires > until)
		member->expires = until;
	membership_soon(m, now);
}

static void
receive_report(struct membership_port *port, struct domain *domain, struct mcast_message *msg,
	       uint64_t now)
{
	struct mcast_record record;

	while (mcast_next(msg, &record)) {
		if (mcast_is_local(msg->family, &record.group))
			continue;
		if (record.change == MCAST_JOIN)
			member_join(port, domain, &record.group, msg->version, now);
		else if (record.change != MCAST_NONE)
			member_leave(port, domain, &record.group, record.change == MCAST_LEAVE,
				     now);
	}
}

enum membership_way
membership_receive(struct membership_port *port, uint16_t vid, const uint8_t *frame, uint32_t len,
		   uint64_t now, enum mcast_family *ret_family)
{
	struct mcast_message msg;
	struct domain *domain;
	int ret = mcast_parse(frame, len, &msg);

	*ret_family = msg.family;
	if (!port->open)
		return MEMBERSHIP_DROP;
	if (ret == -EBADMSG) {
		port->invalid++;
		return MEMBERSHIP_DROP;
	}
	if (ret < 0 || msg.kind == MCAST_OTHER)
		return MEMBERSHIP_FLOOD;
	domain = membership_domain(port->m, vid, msg.family);
	if (domain == NULL) {
		port_overflow(port, now + port->m->config.interval);
		return MEMBERSHIP_FLOOD;
	}
	if (msg.kind == MCAST_QUERY)
		return membership_query(port, domain, &msg, now);
	if (msg.kind == MCAST_ROUTER) {
		if (port->config.router == MEMBERSHIP_ROUTER_NO) {
			port->invalid++;
			return MEMBERSHIP_DROP;
		}
		membership_router(port, domain, now);
		return MEMBERSHIP_FLOOD;
	}
	receive_report(port, domain, &msg, now);
	/* without a querier there is nobody to report to, or nobody we know of */
	return membership_asked(domain, port->m, now) == MEMBERSHIP_QUERIER_NONE ?
		       MEMBERSHIP_FLOOD :
		       MEMBERSHIP_TO_ROUTERS;
}

void
membership_cut(struct membership_port *port, uint64_t now)
{
	port_overflow(port, now + (uint64_t)port->m->config.interval * port->m->config.robustness +
				    port->m->config.response);
}

uint32_t
membership_routers(const struct membership *m, uint16_t vid, enum mcast_family family,
		   const struct membership_port *except, uint16_t *ret_ids, uint32_t max)
{
	const struct domain *domain = membership_domain_find(m, vid, family);
	const struct membership_port *port;
	const struct router *router;
	uint32_t n = 0;

	LIST_FOREACH(port, &m->specials, special_list)
		if (port != except && port->config.router == MEMBERSHIP_ROUTER_YES && n < max)
			ret_ids[n++] = port->config.id;
	if (domain == NULL)
		return n;
	LIST_FOREACH(router, &domain->routers, of_domain)
		if (router->port != except &&
		    router->port->config.router != MEMBERSHIP_ROUTER_YES && n < max)
			ret_ids[n++] = router->port->config.id;
	return n;
}

void
membership_port_special(struct membership_port *port)
{
	bool special = port->open &&
		       (port->all_until != 0 || port->config.router == MEMBERSHIP_ROUTER_YES);
	struct domain *domain;

	if (special == port->special)
		return;
	port->special = special;
	if (special)
		LIST_INSERT_HEAD(&port->m->specials, port, special_list);
	else
		LIST_REMOVE(port, special_list);
	for (unsigned int b = 0; b < DOMAIN_BUCKETS; b++)
		LIST_FOREACH(domain, &port->m->domains[b], chain)
			domain->changed = true;
	membership_soon(port->m, 0);
}

/* A port's VLAN is there from the start; without memory it is when somebody speaks in it. */
static void
port_pin(struct membership_port *port, bool on)
{
	if (port->config.vid == MEMBERSHIP_VID_NONE)
		return;
	for (unsigned int family = 0; family < MCAST_FAMILIES; family++) {
		struct domain *domain =
			on ? membership_domain(port->m, port->config.vid, family) :
			     membership_domain_find(port->m, port->config.vid, family);

		if (domain != NULL && on)
			domain->n_pins++;
		else if (domain != NULL && domain->n_pins > 0)
			domain->n_pins--;
	}
}

struct membership_port *
membership_port_add(struct membership *m, const struct membership_port_config *config)
{
	struct membership_port *port = calloc(1, sizeof(*port));

	if (port == NULL)
		return NULL;
	port->m = m;
	port->config = *config;
	LIST_INIT(&port->members);
	LIST_INIT(&port->routers);
	LIST_INSERT_HEAD(&m->ports, port, list);
	port_pin(port, true);
	return port;
}

/* Let the port's hosts report, and hear all until they have. */
static void
port_ask(struct membership_port *port, uint64_t now)
{
	port->all_until = now + (PORT_QUERIES - 1) * (uint64_t)port->m->config.last_response +
			  port->m->config.response + PORT_ALL_MARGIN;
	port->queries_left = PORT_QUERIES;
	port->quick = false;
	port->next_query = now;
	membership_soon(port->m, now);
	membership_port_special(port);
}

/* Nobody is behind the port any more. */
static void
port_close(struct membership_port *port, uint64_t now)
{
	struct domain *domain;

	while (!LIST_EMPTY(&port->members))
		membership_member_del(LIST_FIRST(&port->members));
	while (!LIST_EMPTY(&port->routers))
		membership_router_del(LIST_FIRST(&port->routers));
	for (unsigned int b = 0; b < DOMAIN_BUCKETS; b++)
		LIST_FOREACH(domain, &port->m->domains[b], chain)
			if (domain->other.port == port) {
				domain->other.port = NULL;
				domain->other.until = now;
			}
	membership_soon(port->m, now);
	port->all_until = 0;
	port->queries_left = 0;
	port->open = false;
	membership_port_special(port);
}

void
membership_port_open(struct membership_port *port, bool open, uint64_t now)
{
	if (port->open == open)
		return;
	port->open = open;
	if (open)
		port_ask(port, now);
	else
		port_close(port, now);
}

void
membership_port_del(struct membership_port *port, uint64_t now)
{
	port_close(port, now);
	port_pin(port, false);
	LIST_REMOVE(port, list);
	free(port);
}

void
membership_port_set(struct membership_port *port, const struct membership_port_config *config,
		    uint64_t now)
{
	bool reopen = port->open && config->vid != port->config.vid;

	if (reopen)
		port_close(port, now);
	if (config->vid != port->config.vid) {
		port_pin(port, false);
		port->config.vid = config->vid;
		port_pin(port, true);
	}
	port->config = *config;
	if (config->router == MEMBERSHIP_ROUTER_NO)
		while (!LIST_EMPTY(&port->routers))
			membership_router_del(LIST_FIRST(&port->routers));
	membership_port_special(port);
	if (reopen)
		membership_port_open(port, true, now);
}

void
membership_resync(struct membership *m, uint64_t now)
{
	struct membership_port *port;

	LIST_FOREACH(port, &m->ports, list)
		if (port->open)
			port_ask(port, now);
}

void
membership_renew(struct membership *m, const struct membership_port *except, uint64_t now)
{
	struct membership_port *port;

	LIST_FOREACH(port, &m->ports, list) {
		if (!port->open || port == except || port->queries_left > 0)
			continue;
		port->queries_left = 1;
		port->quick = true;
		port->next_query = now;
	}
	membership_soon(m, now);
}

/* Where our queries come from. */
static void
set_own(struct membership *m)
{
	const uint8_t *mac = m->config.mac;
	/* RFC 4291 2.5.1, appendix A */
	const struct mcast_addr link_local = { { 0xfe, 0x80, 0, 0, 0, 0, 0, 0, mac[0] ^ 2, mac[1],
						 mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5] } };

	m->own[MCAST_IPV4] = (struct mcast_addr){ 0 };
	memcpy(m->own[MCAST_IPV4].bytes, m->config.address, 4);
	m->own[MCAST_IPV6] = link_local;
}

struct membership *
membership_create(const struct membership_config *config, const struct membership_ops *ops,
		  void *ctx, uint64_t seed)
{
	struct membership *m = calloc(1, sizeof(*m));

	if (m == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	m->config = *config;
	m->ops = ops;
	m->ctx = ctx;
	m->seed = seed;
	set_own(m);
	return m;
}

void
membership_set(struct membership *m, const struct membership_config *config, uint64_t now)
{
	struct domain *domain;

	m->config = *config;
	set_own(m);
	membership_soon(m, now);
	/* membership_tick() decides anew who asks */
	for (unsigned int b = 0; b < DOMAIN_BUCKETS; b++)
		LIST_FOREACH(domain, &m->domains[b], chain)
			if (domain->asking && config->querier)
				domain->next_query = now;
}

void
membership_destroy(struct membership *m)
{
	struct domain *domain;

	if (m == NULL)
		return;
	for (unsigned int b = 0; b < DOMAIN_BUCKETS; b++)
		LIST_FOREACH(domain, &m->domains[b], chain)
			membership_domain_entries(m, domain, false);
	while (!LIST_EMPTY(&m->ports))
		membership_port_del(LIST_FIRST(&m->ports), 0);
	for (unsigned int b = 0; b < DOMAIN_BUCKETS; b++)
		while (!LIST_EMPTY(&m->domains[b]))
			membership_domain_free(LIST_FIRST(&m->domains[b]));
	free(m);
}
