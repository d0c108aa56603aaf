/* SPDX-License-Identifier: BSD-3-Clause */
/* Domains, queriers and routers. */
#include <stdlib.h>
#include <string.h>

#include "membership_priv.h"

#define ACTIVE_MARGIN 1000 /* milliseconds that a host's answer may take longer than asked for */

static struct domain_list *
domain_bucket(const struct membership *m, uint16_t vid, enum mcast_family family)
{
	const struct domain_list *bucket =
		&m->domains[(vid * MCAST_FAMILIES + family) % DOMAIN_BUCKETS];

	return (struct domain_list *)(uintptr_t)bucket;
}

struct domain *
membership_domain_find(const struct membership *m, uint16_t vid, enum mcast_family family)
{
	struct domain *domain;

	LIST_FOREACH(domain, domain_bucket(m, vid, family), chain)
		if (domain->vid == vid && domain->family == family)
			return domain;
	return NULL;
}

struct domain *
membership_domain(struct membership *m, uint16_t vid, enum mcast_family family)
{
	struct domain *domain = membership_domain_find(m, vid, family);

	if (domain != NULL)
		return domain;
	domain = calloc(1, sizeof(*domain));
	if (domain == NULL)
		return NULL;
	domain->vid = vid;
	domain->family = family;
	LIST_INIT(&domain->groups);
	LIST_INIT(&domain->routers);
	LIST_INSERT_HEAD(domain_bucket(m, vid, family), domain, chain);
	membership_soon(m, 0);
	return domain;
}

void
membership_domain_free(struct domain *domain)
{
	LIST_REMOVE(domain, chain);
	free(domain);
}

static uint64_t
max64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Another querier may ask less often than we would. */
static uint64_t
domain_silence(const struct domain *domain, const struct membership *m)
{
	const struct querier *other = &domain->other;

	return max64(m->config.robustness, other->robustness) *
	       max64(m->config.interval, other->interval);
}

uint64_t
membership_interval(const struct domain *domain, const struct membership *m)
{
	return domain_silence(domain, m) + max64(m->config.response, domain->other.response);
}

/* After this time without a query its querier is gone (RFC 3376 8.5). */
static uint64_t
other_interval(const struct domain *domain, const struct membership *m)
{
	return domain_silence(domain, m) + max64(m->config.response, domain->other.response) / 2;
}

enum membership_querier
membership_asked(const struct domain *domain, const struct membership *m, uint64_t now)
{
	if (domain->other.until > now)
		return MEMBERSHIP_QUERIER_OTHER;
	return m->config.querier ? MEMBERSHIP_QUERIER_SELF : MEMBERSHIP_QUERIER_NONE;
}

/* The lowest address is elected (RFC 3376 6.6.2); one that is zero never is (RFC 4541 2.1.1). */
static int
compare_queriers(const struct mcast_addr *addr_a, const uint8_t mac_a[MCAST_MAC_LEN],
		 const struct mcast_addr *addr_b, const uint8_t mac_b[MCAST_MAC_LEN])
{
	bool zero_a = mcast_addr_is_zero(addr_a), zero_b = mcast_addr_is_zero(addr_b);
	int ret = memcmp(addr_a, addr_b, sizeof(*addr_a));

	if (zero_a != zero_b)
		return zero_a ? 1 : -1;
	/* of two that have none, or the same, one at least must go on */
	return ret != 0 ? ret : memcmp(mac_a, mac_b, MCAST_MAC_LEN);
}

/* Does the sender of a general query ask from now on? */
static bool
query_elects(const struct membership *m, const struct domain *domain,
	     const struct mcast_message *msg, uint64_t now)
{
	switch (membership_asked(domain, m, now)) {
	case MEMBERSHIP_QUERIER_OTHER:
		/* a router that takes over an address has a MAC of its own */
		if (!mcast_addr_is_zero(&msg->source) &&
		    memcmp(&msg->source, &domain->other.address, sizeof(msg->source)) == 0)
			return true;
		return compare_queriers(&msg->source, msg->source_mac, &domain->other.address,
					domain->other.mac) <= 0;
	case MEMBERSHIP_QUERIER_SELF:
		return compare_queriers(&msg->source, msg->source_mac, &m->own[domain->family],
					m->config.mac) < 0;
	default:
		return true;
	}
}

static void
query_general(struct membership_port *port, struct domain *domain, const struct mcast_message *msg,
	      uint64_t now)
{
	struct querier *other = &domain->other;
	struct membership *m = port->m;

	if (query_elects(m, domain, msg, now)) {
		other->port = port;
		other->address = msg->source;
		memcpy(other->mac, msg->source_mac, MCAST_MAC_LEN);
		other->version = msg->version;
		other->robustness = msg->robustness;
		other->interval = msg->interval * 1000;
		other->response = msg->response;
		other->until = now + other_interval(domain, m);
		membership_soon(m, other->until);
	}
	if (domain->active_from == 0) {
		domain->active_from = now + msg->response + ACTIVE_MARGIN;
		membership_soon(m, domain->active_from);
	}
	/* also one that is not elected: what it asks for is to reach it */
	membership_router(port, domain, now);
}

/* Who does not answer has left (RFC 3376 6.6.1). Only the elected querier is believed. */
static void
query_group(struct membership_port *port, struct domain *domain, const struct mcast_message *msg,
	    uint64_t now)
{
	const struct querier *other = &domain->other;
	struct membership *m = port->m;
	uint64_t robustness = max64(m->config.robustness, other->robustness);
	uint64_t until = now + robustness * max64(msg->response, m->config.last_response);
	struct group *group;
	struct member *member;

	if (msg->suppress || other->until <= now || other->port != port ||
	    memcmp(&other->address, &msg->source, sizeof(msg->source)) != 0)
		return;
	LIST_FOREACH(group, &domain->groups, of_domain) {
		if (memcmp(&group->addr, &msg->group, sizeof(msg->group)) != 0)
			continue;
		LIST_FOREACH(member, &group->members, of_group) {
			if (member->port == port || member->expires <= until)
				continue;
			member->leaving = true;
			member->expires = until;
		}
		membership_soon(m, until);
	}
}

enum membership_way
membership_query(struct membership_port *port, struct domain *domain,
		 const struct mcast_message *msg, uint64_t now)
{
	if (port->config.router == MEMBERSHIP_ROUTER_NO) {
		port->invalid++;
		return MEMBERSHIP_DROP;
	}
	if (mcast_addr_is_zero(&msg->group))
		query_general(port, domain, msg, now);
	else
		query_group(port, domain, msg, now);
	return MEMBERSHIP_FLOOD;
}

void
membership_router(struct membership_port *port, struct domain *domain, uint64_t now)
{
	uint64_t until = now + other_interval(domain, port->m);
	struct router *router;

	LIST_FOREACH(router, &port->routers, of_port) {
		if (router->domain != domain)
			continue;
		router->expires = until;
		return;
	}
	router = calloc(1, sizeof(*router));
	if (router == NULL) {
		port->all_until = max64(port->all_until, until);
		membership_port_special(port);
		return;
	}
	router->port = port;
	router->domain = domain;
	router->expires = until;
	LIST_INSERT_HEAD(&domain->routers, router, of_domain);
	LIST_INSERT_HEAD(&port->routers, router, of_port);
	domain->changed = true;
	membership_soon(port->m, 0);
}

void
membership_router_del(struct router *router)
{
	LIST_REMOVE(router, of_domain);
	LIST_REMOVE(router, of_port);
	router->domain->changed = true;
	membership_soon(router->port->m, 0);
	free(router);
}

void
membership_ask(struct membership *m, struct domain *domain, struct membership_port *port,
	       const struct mcast_addr *group, uint32_t response)
{
	const struct querier *other = domain->other.until != 0 ? &domain->other : NULL;
	struct mcast_query query = {
		.family = domain->family,
		.source = other != NULL ? other->address : m->own[domain->family],
		.response = response,
		.interval = m->config.interval,
		.robustness = m->config.robustness,
	};
	uint8_t frame[MCAST_QUERY_FRAME_MAX];
	uint32_t len;

	memcpy(query.source_mac, m->config.mac, MCAST_MAC_LEN);
	if (group != NULL)
		query.group = *group;
	if (other != NULL && other->interval != 0)
		query.interval = other->interval;
	len = mcast_build_query(&query, frame);
	m->ops->send(m->ctx, port != NULL ? port->config.user : NULL, domain->vid, frame, len);
}

/* Our own queries, where nobody else asks. */
static uint64_t
domain_ask(struct membership *m, struct domain *domain, uint64_t now)
{
	if (!domain->asking) {
		domain->asking = true;
		domain->startup_left = m->config.robustness;
		domain->next_query = now;
	}
	if (domain->next_query <= now) {
		membership_ask(m, domain, NULL, NULL, m->config.response);
		if (domain->startup_left > 0)
			domain->startup_left--;
		domain->next_query = now + m->config.interval / (domain->startup_left > 0 ? 4 : 1);
		if (domain->active_from == 0)
			domain->active_from = now + m->config.response + ACTIVE_MARGIN;
	}
	return domain->next_query;
}

uint64_t
membership_domain_asked(struct membership *m, struct domain *domain, uint64_t now)
{
	enum membership_querier who = membership_asked(domain, m, now);
	uint64_t next = MEMBERSHIP_NEVER;

	if (who != MEMBERSHIP_QUERIER_OTHER)
		domain->other = (struct querier){ 0 };
	else
		next = domain->other.until;
	if (who == MEMBERSHIP_QUERIER_SELF)
		next = domain_ask(m, domain, now);
	else
		domain->asking = false;
	if (who == MEMBERSHIP_QUERIER_NONE)
		domain->active_from = 0;
	else if (domain->active_from > now && domain->active_from < next)
		next = domain->active_from;
	return next;
}

void
membership_each_domain(const struct membership *m, uint64_t now, membership_domain_fn fn, void *arg)
{
	const struct domain *domain;

	for (unsigned int b = 0; b < DOMAIN_BUCKETS; b++) {
		LIST_FOREACH(domain, &m->domains[b], chain) {
			struct membership_domain_info info = {
				.vid = domain->vid,
				.family = domain->family,
				.querier = membership_asked(domain, m, now),
				.port = -1,
				.active = domain->published,
				.n_groups = domain->n_groups,
			};

			if (info.querier == MEMBERSHIP_QUERIER_SELF) {
				info.address = m->own[domain->family];
				info.version = domain->family == MCAST_IPV4 ? 3 : 2;
				info.interval = m->config.interval;
			} else if (info.querier == MEMBERSHIP_QUERIER_OTHER) {
				info.address = domain->other.address;
				info.port = domain->other.port->config.id;
				info.version = domain->other.version;
				info.interval = domain->other.interval;
				info.expires = domain->other.until - now;
			}
			fn(arg, &info);
		}
	}
}
