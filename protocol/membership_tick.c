/* SPDX-License-Identifier: BSD-3-Clause */
/* What time does to memberships, and what an operator sees of them. */
#include <stdlib.h>

#include "membership_priv.h"

/* milliseconds: timers that end close to each other are looked at together */
#define ASK_MAX 64 /* ports that are asked in one go */
#define TICK_MIN 100

static void
earlier(uint64_t *next, uint64_t when)
{
	if (when < *next)
		*next = when;
}

/* Ask the hosts of a port that came up, in all VLANs where somebody asks. */
static void
port_query(struct membership *m, struct membership_port *port, uint64_t now)
{
	struct domain *domain;

	for (unsigned int b = 0; b < DOMAIN_BUCKETS; b++)
		LIST_FOREACH(domain, &m->domains[b], chain)
			if (membership_asked(domain, m, now) != MEMBERSHIP_QUERIER_NONE &&
			    domain->other.port != port)
				membership_ask(m, domain, port, NULL,
					       port->quick ? m->config.last_response :
							     m->config.response);
}

static void
tick_port(struct membership *m, struct membership_port *port, uint64_t now, uint64_t *next,
	  unsigned int *asked)
{
	if (port->all_until != 0 && port->all_until <= now) {
		port->all_until = 0;
		membership_port_special(port);
	}
	if (port->all_until != 0)
		earlier(next, port->all_until);
	if (port->queries_left > 0 && port->next_query <= now && *asked < ASK_MAX) {
		++*asked;
		port->queries_left--;
		port->next_query = now + m->config.last_response;
		port_query(m, port, now);
	}
	if (port->queries_left > 0)
		earlier(next, port->next_query);
}

static void
tick_routers(struct domain *domain, uint64_t now, uint64_t *next)
{
	struct router *router = LIST_FIRST(&domain->routers), *after;

	for (; router != NULL; router = after) {
		after = LIST_NEXT(router, of_domain);
		if (router->expires <= now)
			membership_router_del(router);
		else
			earlier(next, router->expires);
	}
}

static void
tick_member(struct membership *m, struct domain *domain, struct member *member, uint64_t now,
	    uint64_t *next)
{
	if (member->expires <= now) {
		membership_member_del(member);
		return;
	}
	if (member->queries_left > 0 && member->next_query <= now) {
		member->queries_left--;
		member->next_query = now + m->config.last_response;
		membership_ask(m, domain, member->port, &member->group->addr,
			       m->config.last_response);
	}
	if (member->queries_left > 0)
		earlier(next, member->next_query);
	earlier(next, member->expires);
}

static void
tick_groups(struct membership *m, struct domain *domain, uint64_t now, uint64_t *next)
{
	struct group *group = LIST_FIRST(&domain->groups), *group_after;
	struct member *member, *after;

	for (; group != NULL; group = group_after) {
		group_after = LIST_NEXT(group, of_domain);
		/* the group goes with its last member */
		for (member = LIST_FIRST(&group->members); member != NULL; member = after) {
			after = LIST_NEXT(member, of_group);
			tick_member(m, domain, member, now, next);
		}
	}
}

/* Return: false if there is nothing more to know about it. */
static bool
tick_domain(struct membership *m, struct domain *domain, uint64_t now, uint64_t *next)
{
	bool active;

	earlier(next, membership_domain_asked(m, domain, now));
	tick_routers(domain, now, next);
	tick_groups(m, domain, now, next);
	active = domain->active_from != 0 && domain->active_from <= now;
	if (active != domain->published || (active && domain->changed))
		membership_domain_entries(m, domain, active);
	if (active && !domain->published)
		earlier(next, now + m->config.response); /* there was no memory for it */
	return domain->n_pins > 0 || domain->n_groups > 0 || domain->other.until != 0 ||
	       !LIST_EMPTY(&domain->routers);
}

uint64_t
membership_tick(struct membership *m, uint64_t now)
{
	uint64_t next = MEMBERSHIP_NEVER;
	struct membership_port *port;
	struct domain *domain, *after;
	unsigned int asked = 0;

	if (now < m->next)
		return m->next;
	LIST_FOREACH(port, &m->ports, list)
		tick_port(m, port, now, &next, &asked);
	for (unsigned int b = 0; b < DOMAIN_BUCKETS; b++) {
		for (domain = LIST_FIRST(&m->domains[b]); domain != NULL; domain = after) {
			after = LIST_NEXT(domain, chain);
			if (tick_domain(m, domain, now, &next))
				continue;
			membership_domain_entries(m, domain, false);
			membership_domain_free(domain);
		}
	}
	m->next = next < now + TICK_MIN ? now + TICK_MIN : next;
	return m->next;
}

void
membership_each_member(const struct membership *m, uint64_t now, membership_member_fn fn, void *arg)
{
	const struct domain *domain;
	const struct group *group;
	const struct member *member;

	for (unsigned int b = 0; b < DOMAIN_BUCKETS; b++) {
		LIST_FOREACH(domain, &m->domains[b], chain) {
			LIST_FOREACH(group, &domain->groups, of_domain) {
				LIST_FOREACH(member, &group->members, of_group) {
					const struct membership_member_info info = {
						.vid = domain->vid,
						.family = domain->family,
						.group = &group->addr,
						.port = member->port->config.id,
						.version = member->version,
						.leaving = member->leaving,
						.expires = member->expires > now ?
								   member->expires - now :
								   0,
					};

					fn(arg, &info);
				}
			}
		}
	}
}

void
membership_port_info(const struct membership_port *port, struct membership_port_info *ret_info)
{
	*ret_info = (struct membership_port_info){
		.n_groups = port->n_members,
		.router =
			port->config.router == MEMBERSHIP_ROUTER_YES || !LIST_EMPTY(&port->routers),
		.all = port->all_until != 0, /* ends with a tick */
		.refused = port->refused,
		.invalid = port->invalid,
	};
}
