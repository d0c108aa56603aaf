/* SPDX-License-Identifier: BSD-3-Clause */
/* The routes: prefixes and targets, and what of that is in the FIBs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agree.h"
#include "error.h"
#include "fib.h"
#include "nat_control.h"
#include "routing_priv.h"
#include "unknown.h"
#include "words.h"

#define BUCKETS_MIN 1024u
/* Routes and groups of a FIB beside those of routes-max: for stations, and for own addresses */
#define STATIONS_ROUTES 8192u
#define STATIONS_GROUPS4 2048u
#define STATIONS_GROUPS6 8192u
#define OWN_ROUTES 1024u

const char *const route_origin_names[ROUTE_ORIGINS] = {
	[ROUTE_LOCAL] = "local",   [ROUTE_GUEST] = "guest",   [ROUTE_CONNECTED] = "connected",
	[ROUTE_STATIC] = "static", [ROUTE_KERNEL] = "kernel", [ROUTE_NEIGHBOUR] = "neighbour",
};

static uint32_t
prefix_hash(const struct ip_prefix *prefix)
{
	uint64_t words[2], hash;

	memcpy(words, prefix->addr.bytes, sizeof(words));
	hash = (words[0] + prefix->len) * UINT64_C(0x9e3779b97f4a7c15);
	hash = (hash ^ words[1] ^ hash >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
	return (uint32_t)(hash >> 32);
}

static struct route **
bucket_of(const struct route_table *table, const struct ip_prefix *prefix)
{
	return &table->buckets[prefix_hash(prefix) & (table->n_buckets - 1)];
}

/* Make room for one more. Return: 0 or -ENOMEM; a table that does not grow is only slower. */
static int
table_grow(struct route_table *table)
{
	struct route_table bigger = *table;

	if (table->n < table->n_buckets)
		return 0;
	bigger.n_buckets = RTE_MAX(BUCKETS_MIN, 2 * table->n_buckets);
	bigger.buckets = calloc(bigger.n_buckets, sizeof(bigger.buckets[0]));
	if (bigger.buckets == NULL)
		return table->n_buckets > 0 ? 0 : -ENOMEM;
	for (uint32_t i = 0; i < table->n_buckets; i++) {
		struct route *route, *next;

		for (route = table->buckets[i]; route != NULL; route = next) {
			struct route **bucket = bucket_of(&bigger, &route->prefix);

			next = route->next;
			route->next = *bucket;
			*bucket = route;
		}
	}
	free(table->buckets);
	*table = bigger;
	return 0;
}

struct route *
route_find(struct routing *routing, const struct ip_prefix *prefix, enum route_origin origin)
{
	const struct route_table *table = route_table(routing, prefix->addr.family);
	struct route *route;

	if (table->n_buckets == 0)
		return NULL;
	for (route = *bucket_of(table, prefix); route != NULL; route = route->next)
		if (route->origin == origin && ip_prefix_equal(&route->prefix, prefix))
			return route;
	return NULL;
}

/* The route of a prefix that counts: the first origin that leads anywhere. @but: without this one.
 */
static struct route *
route_best(const struct route_table *table, const struct ip_prefix *prefix, enum route_origin but)
{
	struct route *route, *best = NULL;

	if (table->n_buckets == 0)
		return NULL;
	for (route = *bucket_of(table, prefix); route != NULL; route = route->next)
		if (route->target->number != NEXT_HOP_NUMBER_NONE && route->origin != but &&
		    (best == NULL || route->origin < best->origin) &&
		    ip_prefix_equal(&route->prefix, prefix))
			best = route;
	return best;
}

/* --- the FIBs --- */

static struct fib **
fib_of(struct routing *routing, uint8_t family)
{
	return family == AF_INET ? &routing->dp->fib4 : &routing->dp->fib6;
}

static struct fib *
fib_need(struct routing *routing, uint8_t family)
{
	struct fib **fib = fib_of(routing, family);
	/* a host route apart from others needs one group with IPv4, eight or so with IPv6 */
	uint32_t groups = family == AF_INET ? routing->max_routes / 4 + STATIONS_GROUPS4 :
					      routing->max_routes + STATIONS_GROUPS6;
	struct fib *new;

	if (*fib != NULL)
		return *fib;
	new = fib_create(family, routing->max_routes + STATIONS_ROUTES + OWN_ROUTES, groups);
	if (new != NULL)
		__atomic_store_n(fib, new, __ATOMIC_RELEASE);
	return new;
}

/* Tell the FIB where a prefix leads now. Return: 0, -ENOMEM, -ENOSPC. */
static int
fib_renew(struct routing *routing, const struct ip_prefix *prefix)
{
	const struct route *best =
		route_best(route_table(routing, prefix->addr.family), prefix, ROUTE_ORIGINS);
	struct fib *fib = *fib_of(routing, prefix->addr.family);

	nat_control_routes_changed(routing->sw);
	if (best == NULL) {
		if (fib != NULL)
			fib_remove(fib, prefix->addr.bytes, prefix->len);
		return 0;
	}
	fib = fib_need(routing, prefix->addr.family);
	if (fib == NULL)
		return -ENOMEM;
	return fib_set(fib, prefix->addr.bytes, prefix->len, best->target->number);
}

void
routes_renew(struct routing *routing, const struct target *target)
{
	for (unsigned int t = 0; t < RTE_DIM(routing->tables); t++) {
		const struct route_table *table = &routing->tables[t];

		for (uint32_t i = 0; i < table->n_buckets; i++)
			for (struct route *route = table->buckets[i]; route != NULL;
			     route = route->next)
				if (route->target == target)
					fib_renew(routing, &route->prefix);
	}
	neighbours_check_soon(routing);
}

/* --- the table --- */

static void
route_unlink(struct routing *routing, struct route *route)
{
	struct route_table *table = route_table(routing, route->prefix.addr.family);
	struct route **at = bucket_of(table, &route->prefix);

	while (*at != route)
		at = &(*at)->next;
	*at = route->next;
	table->n--;
	table->n_by_origin[route->origin]--;
	table->n_by_len[route->prefix.len]--;
}

/* Is there room for one more of an origin? Neither stations nor routes take that of the others. */
static bool
table_has_room(const struct routing *routing, const struct route_table *table,
	       enum route_origin origin)
{
	const uint32_t *n = table->n_by_origin;

	switch (origin) {
	case ROUTE_NEIGHBOUR:
		return n[origin] < STATIONS_ROUTES;
	case ROUTE_LOCAL:
	case ROUTE_CONNECTED:
		return true; /* the FIB's limit does */
	default:
		return table->n - n[ROUTE_NEIGHBOUR] - n[ROUTE_LOCAL] - n[ROUTE_CONNECTED] <
		       routing->max_routes;
	}
}

int
route_install(struct routing *routing, const struct ip_prefix *prefix, enum route_origin origin,
	      struct target *target)
{
	const struct ip_prefix net = ip_prefix_net(prefix);
	struct route_table *table = route_table(routing, net.addr.family);
	struct route *route, **bucket;
	int ret;

	if (route_find(routing, &net, origin) != NULL)
		return -EEXIST;
	if (!table_has_room(routing, table, origin))
		return -ENOSPC;
	if (table_grow(table) < 0 || (route = malloc(sizeof(*route))) == NULL)
		return -ENOMEM;
	bucket = bucket_of(table, &net);
	*route = (struct route){
		.next = *bucket,
		.target = target,
		.prefix = net,
		.origin = origin,
	};
	*bucket = route;
	table->n++;
	table->n_by_origin[origin]++;
	table->n_by_len[net.len]++;
	target->refs++;
	ret = fib_renew(routing, &net);
	if (ret == 0) {
		if (origin != ROUTE_NEIGHBOUR)
			neighbours_check_soon(routing);
		return 0;
	}
	route_unlink(routing, route);
	free(route);
	target_put(routing, target);
	return ret;
}

int
route_uninstall(struct routing *routing, const struct ip_prefix *prefix, enum route_origin origin)
{
	const struct ip_prefix net = ip_prefix_net(prefix);
	struct route *route = route_find(routing, &net, origin);

	if (route == NULL)
		return -ENOENT;
	route_unlink(routing, route);
	fib_renew(routing, &net);
	if (origin != ROUTE_NEIGHBOUR)
		neighbours_check_soon(routing);
	target_put(routing, route->target);
	free(route);
	return 0;
}

static struct route *
route_match_entry(struct routing *routing, const struct ip_addr *addr, enum route_origin but)
{
	const struct route_table *table = route_table(routing, addr->family);
	struct ip_prefix prefix = ip_prefix_host(addr);

	for (int len = prefix.len; len >= 0; len--) {
		struct ip_prefix net;
		struct route *route;

		if (table->n_by_len[len] == 0)
			continue;
		prefix.len = (uint8_t)len;
		net = ip_prefix_net(&prefix);
		route = route_best(table, &net, but);
		if (route != NULL)
			return route;
	}
	return NULL;
}

struct target *
route_lookup_but(struct routing *routing, const struct ip_addr *addr, enum route_origin but)
{
	struct route *route = route_match_entry(routing, addr, but);

	return route != NULL ? route->target : NULL;
}

struct target *
route_lookup(struct routing *routing, const struct ip_addr *addr)
{
	return route_lookup_but(routing, addr, ROUTE_ORIGINS);
}

/* @mark: of those that stay; -1: none. */
static void
routes_remove(struct routing *routing, enum route_origin origin, int mark)
{
	for (unsigned int t = 0; t < RTE_DIM(routing->tables); t++) {
		struct route_table *table = &routing->tables[t];

		for (uint32_t i = 0; i < table->n_buckets; i++) {
			struct route *route = table->buckets[i], *next;

			for (; route != NULL; route = next) {
				next = route->next;
				if (route->origin == origin && route->mark != mark)
					route_uninstall(routing, &route->prefix, origin);
			}
		}
	}
}

void
route_flush(struct routing *routing, enum route_origin origin)
{
	routes_remove(routing, origin, -1);
}

void
routes_sweep(struct routing *routing, enum route_origin origin, uint8_t mark)
{
	routes_remove(routing, origin, mark);
}

/* All at once: the FIBs go as a whole. */
void
routes_destroy(struct routing *routing)
{
	struct rcu *rcu = routing->sw->rcu;

	for (unsigned int t = 0; t < RTE_DIM(routing->tables); t++) {
		struct route_table *table = &routing->tables[t];
		struct fib **fib = fib_of(routing, t == 0 ? AF_INET : AF_INET6), *old = *fib;

		__atomic_store_n(fib, NULL, __ATOMIC_RELEASE);
		if (old != NULL)
			rcu_retire(rcu, &old->retired, fib_destroy, old);
		for (uint32_t i = 0; i < table->n_buckets; i++) {
			struct route *route = table->buckets[i], *next;

			for (; route != NULL; route = next) {
				next = route->next;
				target_put(routing, route->target);
				free(route);
			}
		}
		free(table->buckets);
		memset(table, 0, sizeof(*table));
	}
}

/* --- what others ask for --- */

static int
config_check(struct routing *routing, const struct ip_prefix *prefix,
	     const struct route_config *config, const char *text, struct error *err)
{
	char addr[IP_ADDR_TEXT_SIZE], hint[WORD_HINT_SIZE];

	for (unsigned int i = 0; i < config->n_via; i++) {
		ip_addr_format(&config->via[i], addr);
		if (config->via[i].family != prefix->addr.family)
			return error_set(err, EINVAL, "route %s: via %s is of another family%s",
					 text, addr,
					 prefix->len == 0 && prefix->addr.family == AF_INET ?
						 "; the default route of IPv6 is ::/0" :
						 "");
		if (!ip_addr_is_station(&config->via[i]))
			return error_set(err, EINVAL, "route %s: via %s is no address of a station",
					 text, addr);
		if (addr_is_own(routing, &config->via[i]))
			return error_set(err, EINVAL, "route %s: via %s is the router itself", text,
					 addr);
		if (ip_addr_is_link_local(&config->via[i]) && config->port[0] == '\0')
			return error_set(err, EINVAL,
					 "route %s: via %s: which port's link is that on? give "
					 "port",
					 text, addr);
	}
	/* while the daemon starts: it had been there when the route was made */
	if (routing->sw->started && config->port[0] != '\0' &&
	    switch_port_find(routing->sw, config->port) == NULL)
		return error_set(err, ENOENT, "route %s: there is no port %s; %s", text,
				 config->port,
				 unknown_port_hint(routing->sw, config->port, false, hint));
	return 0;
}

static int
install_error(const struct routing *routing, const char *text, int ret, struct error *err)
{
	switch (ret) {
	case 0:
		return 0;
	case -ENOSPC:
		return error_set(err, ENOSPC,
				 "route %s: the table is full; raise routes-max (%u) of [vswitchd]",
				 text, routing->max_routes);
	default:
		return error_set(err, -ret,
				 "route %s: no memory for the table: it needs 64 MiB and more of "
				 "hugepages, or of memory of [vswitchd]",
				 text);
	}
}

/* A route to one station on a link leads to that station, as if it were its own gateway. */
static void
config_normalise(const struct ip_prefix *prefix, struct route_config *config)
{
	if (config->kind != ROUTE_PORT || !ip_prefix_is_host(prefix))
		return;
	config->kind = ROUTE_VIA;
	config->n_via = 1;
	config->via[0] = prefix->addr;
}

bool
route_leads(struct routing *routing, const struct route *route, const struct route_config *wanted)
{
	struct route_config config = *wanted;
	struct target *target;

	config_normalise(&route->prefix, &config);
	target = target_get(routing, &config);
	if (target == NULL)
		return false;
	target_put(routing, target);
	/* as it has its own reference, it is still there if it is this one */
	return target == route->target;
}

int
route_set(struct routing *routing, const struct ip_prefix *prefix, enum route_origin origin,
	  const struct route_config *wanted, struct error *err)
{
	const struct ip_prefix net = ip_prefix_net(prefix);
	struct route_config config = *wanted;
	char text[IP_PREFIX_TEXT_SIZE];
	struct target *target, *old;
	struct route *route;
	int ret;

	ip_prefix_format(&net, text);
	ret = config_check(routing, &net, &config, text, err);
	if (ret < 0)
		return ret;
	config_normalise(&net, &config);
	target = target_get(routing, &config);
	if (target == NULL)
		return install_error(routing, text, -ENOMEM, err);
	route = route_find(routing, &net, origin);
	if (route == NULL) {
		ret = route_install(routing, &net, origin, target);
	} else {
		old = route->target;
		route->target = target;
		target->refs++;
		ret = fib_renew(routing, &net);
		if (ret < 0) {
			route->target = old;
			old = target;
		}
		neighbours_check_soon(routing);
		target_put(routing, old);
	}
	target_put(routing, target);
	return install_error(routing, text, ret, err);
}

int
route_add(struct routing *routing, const struct ip_prefix *prefix, enum route_origin origin,
	  const struct route_config *config, struct error *err)
{
	const struct ip_prefix net = ip_prefix_net(prefix);
	char text[IP_PREFIX_TEXT_SIZE];

	if (agree_route(prefix, err) < 0)
		return -EINVAL;
	ip_prefix_format(&net, text);
	if (config_check(routing, &net, config, text, err) < 0)
		return err != NULL ? err->code : -EINVAL;
	if (route_find(routing, &net, origin) != NULL)
		return error_set(err, EEXIST, "route %s: exists already",
				 ip_prefix_format(&net, text));
	return route_set(routing, &net, origin, config, err);
}

int
route_del(struct routing *routing, const struct ip_prefix *prefix, enum route_origin origin,
	  struct error *err)
{
	char text[IP_PREFIX_TEXT_SIZE];

	if (route_uninstall(routing, prefix, origin) == 0)
		return 0;
	return error_set(err, ENOENT, "route %s: there is no such %s route",
			 ip_prefix_format(prefix, text), route_origin_names[origin]);
}

/* Why a route is not used though it leads somewhere. */
static const char *const shadow_reasons[ROUTE_ORIGINS] = {
	[ROUTE_LOCAL] = "the prefix is the router's own",
	[ROUTE_CONNECTED] = "the prefix is connected",
	[ROUTE_GUEST] = "the prefix is a guest's",
	[ROUTE_STATIC] = "a static route counts",
	[ROUTE_KERNEL] = "a kernel route counts",
};

static void
route_info(const struct route_table *table, const struct route *route, struct route_info *info)
{
	const struct route *best = route_best(table, &route->prefix, ROUTE_ORIGINS);
	const struct target *target = route->target;
	const struct switch_rif *rif = target_rif(target);

	*info = (struct route_info){
		.prefix = route->prefix,
		.origin = route->origin,
		.kind = target->kind,
		.active = route == best,
		.reason = target->number == NEXT_HOP_NUMBER_NONE ? target->reason :
			  route != best                          ? shadow_reasons[best->origin] :
								   NULL,
		.n_via = target->config.n_via,
	};
	info->ports[0] = rif != NULL ? rif->port->config.name : NULL;
	if (rif == NULL && target->config.port[0] != '\0')
		info->ports[0] = target->config.port;
	if (target->owner != NULL) {
		info->n_via = 1;
		info->via[0] = target->owner->addr;
		return;
	}
	for (unsigned int i = 0; i < info->n_via; i++) {
		const struct neighbour *neighbour = target->neighbours[i];

		info->via[i] = target->config.via[i];
		if (neighbour != NULL)
			info->ports[i] = neighbour->rif->port->config.name;
	}
}

/* A cursor is family << 40 | bucket, and a step within the bucket in the bits above 41. */
#define CURSOR_TABLE UINT64_C(0x10000000000)
#define CURSOR_STEP (2 * CURSOR_TABLE)

bool
route_next(const struct routing *routing, uint64_t *cursor, struct route_info *ret_info)
{
	uint64_t step = *cursor / CURSOR_STEP, bucket = *cursor % CURSOR_TABLE;

	for (unsigned int t = (*cursor & CURSOR_TABLE) != 0; t < RTE_DIM(routing->tables); t++) {
		const struct route_table *table = &routing->tables[t];

		for (; bucket < table->n_buckets; bucket++, step = 0) {
			const struct route *route = table->buckets[bucket];

			for (uint64_t i = 0; i < step && route != NULL; i++)
				route = route->next;
			if (route == NULL)
				continue;
			route_info(table, route, ret_info);
			*cursor = (step + 1) * CURSOR_STEP + t * CURSOR_TABLE + bucket;
			return true;
		}
		bucket = 0;
		step = 0;
	}
	return false;
}

bool
route_match(const struct routing *routing, const struct ip_addr *addr, struct route_info *ret_info)
{
	/* the lookup writes nothing */
	struct routing *unconst = (struct routing *)(uintptr_t)routing;
	const struct route *route = route_match_entry(unconst, addr, ROUTE_ORIGINS);

	if (route != NULL)
		route_info(route_table(unconst, addr->family), route, ret_info);
	return route != NULL;
}

uint32_t
route_count(const struct routing *routing, uint8_t family)
{
	return routing->tables[family == AF_INET6].n;
}
