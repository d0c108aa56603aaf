/* SPDX-License-Identifier: BSD-3-Clause */
#include "guest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "emulated.h"
#include "error.h"
#include "events.h"
#include "log.h"
#include "routing_priv.h"

#define ANNOUNCE_APART_USEC 200 /* between guests, when an uplink comes up for all of them */

/* Between the first and the second time, and the second and the third. */
static const struct timeval pauses[] = { { .tv_usec = 300000 }, { .tv_usec = 600000 } };

/* What a port in route or NAT mode has beside its rif. */
struct guest {
	struct switch_port *port;
	struct event *timer; /* announcing */
	unsigned int round;  /* times announced */
	bool is_reachable;   /* as of the last announcement */
};

bool
guest_is(const struct switch_port *port)
{
	return port->config.guest.mode != PORT_MODE_BRIDGE;
}

/* --- what the operator says --- */

static bool
config_has_ip(const struct guest_config *config, const struct ip_prefix *ip)
{
	for (unsigned int i = 0; i < config->n_ips; i++)
		if (ip_prefix_equal(&config->ips[i], ip))
			return true;
	return false;
}

static bool
config_has_gateway(const struct guest_config *config, const struct ip_addr *addr)
{
	for (unsigned int i = 0; i < config->n_gateways; i++)
		if (ip_addr_equal(&config->gateways[i], addr))
			return true;
	return false;
}

void
guest_config_set_ips(struct guest_config *config, const char *text)
{
	struct ip_prefix ips[PORT_IPS_MAX];
	const int n = ip_prefixes_parse(text, ips, PORT_IPS_MAX);

	config->n_ips = 0;
	for (int i = 0; i < n; i++) {
		const struct ip_prefix net = ip_prefix_net(&ips[i]);

		if (!ip_prefix_equal(&net, &ips[i]))
			ips[i] = ip_prefix_host(&ips[i].addr);
		if (!config_has_ip(config, &ips[i]))
			config->ips[config->n_ips++] = ips[i];
	}
}

void
guest_config_set_gateways(struct guest_config *config, const char *text)
{
	struct ip_addr gateways[PORT_GATEWAYS_MAX];
	const int n = ip_addrs_parse(text, gateways, PORT_GATEWAYS_MAX);

	config->n_gateways = 0;
	for (int i = 0; i < n; i++)
		if (!config_has_gateway(config, &gateways[i]))
			config->gateways[config->n_gateways++] = gateways[i];
}

static void
text_append(char *text, const char *word)
{
	const size_t len = strlen(text);

	snprintf(text + len, VALUE_TEXT_SIZE - len, "%s%s", len > 0 ? "," : "", word);
}

char *
guest_ips_text(const struct guest_config *config, char ret_text[VALUE_TEXT_SIZE])
{
	char word[IP_PREFIX_TEXT_SIZE];

	ret_text[0] = '\0';
	for (unsigned int i = 0; i < config->n_ips; i++)
		text_append(ret_text, ip_prefix_is_host(&config->ips[i]) ?
					      ip_addr_format(&config->ips[i].addr, word) :
					      ip_prefix_format(&config->ips[i], word));
	if (config->n_ips == 0)
		text_append(ret_text, "none");
	return ret_text;
}

char *
guest_gateways_text(const struct guest_config *config, char ret_text[VALUE_TEXT_SIZE])
{
	char word[IP_ADDR_TEXT_SIZE];

	ret_text[0] = '\0';
	for (unsigned int i = 0; i < config->n_gateways; i++)
		text_append(ret_text, ip_addr_format(&config->gateways[i], word));
	if (config->n_gateways == 0)
		text_append(ret_text, "none");
	return ret_text;
}

/* --- whose an address is --- */

/* Is @port the emulated NIC beside @vif? */
static bool
is_emulated_of(const struct switch_port *port, const struct switch_port *vif)
{
	const size_t len = strlen(vif->config.name);

	return strncmp(port->config.name, vif->config.name, len) == 0 &&
	       strcmp(port->config.name + len, EMULATED_SUFFIX) == 0;
}

/* The port other than @except that has an address; the emulated NIC, if two have. */
static struct switch_port *
ip_owner(const struct vswitch *sw, const struct ip_prefix *ip, const struct switch_port *except)
{
	struct switch_port *port, *owner = NULL;

	LIST_FOREACH(port, &sw->ports, list)
		if (port != except && config_has_ip(&port->config.guest, ip) &&
		    (owner == NULL || is_emulated_of(port, owner)))
			owner = port;
	return owner;
}

struct switch_port *
guest_of_ip(const struct vswitch *sw, const struct ip_prefix *prefix)
{
	return ip_owner(sw, prefix, NULL);
}

static int
ip_check(const struct switch_port *port, const struct guest_config *config,
	 const struct ip_prefix *ip, struct error *err)
{
	const struct switch_port *other = ip_owner(port->sw, ip, port);
	char text[IP_PREFIX_TEXT_SIZE];
	const char *name = port->config.name;

	ip_prefix_format(ip, text);
	if (ip->len == 0 || !ip_addr_is_station(&ip->addr) || ip_addr_is_link_local(&ip->addr))
		return error_set(err, EINVAL, "port %s: ip %s: no guest can have this address",
				 name, text);
	if (ip_prefix_is_host(ip) &&
	    (config_has_gateway(config, &ip->addr) || addr_is_own(port->sw->routing, &ip->addr)))
		return error_set(err, EEXIST, "port %s: ip %s: is an address of the router itself",
				 name, text);
	if (other != NULL && !is_emulated_of(other, port) && !is_emulated_of(port, other))
		return error_set(err, EEXIST, "port %s: ip %s: port %s has it", name, text,
				 other->config.name);
	return 0;
}

static int
gateway_check(const struct switch_port *port, const struct ip_addr *addr, struct error *err)
{
	const struct ip_prefix host = ip_prefix_host(addr);
	const struct switch_port *other = ip_owner(port->sw, &host, port);
	char text[IP_ADDR_TEXT_SIZE];

	ip_addr_format(addr, text);
	if (!ip_addr_is_station(addr) || ip_addr_is_link_local(addr))
		return error_set(err, EINVAL,
				 "port %s: gateway %s: no router can have this address",
				 port->config.name, text);
	if (other != NULL)
		return error_set(err, EEXIST, "port %s: gateway %s: is the guest's at port %s",
				 port->config.name, text, other->config.name);
	return 0;
}

static int
config_check(const struct switch_port *port, const struct guest_config *config, struct error *err)
{
	int ret = 0;

	if (config->mode == PORT_MODE_BRIDGE) {
		if (config->n_ips == 0 && config->n_gateways == 0)
			return 0;
		return error_set(err, EINVAL, "port %s: %s is for mode route and mode nat",
				 port->config.name, config->n_ips > 0 ? "ip" : "gateway");
	}
	if (port->config.kind == PORT_KIND_GATEWAY)
		return error_set(err, EINVAL, "port %s: is the router's own on a bridge",
				 port->config.name);
	if (port->sw->routing == NULL)
		return error_set(err, ENOTSUP, "port %s: there is no router here",
				 port->config.name);
	for (unsigned int i = 0; i < config->n_gateways && ret == 0; i++)
		ret = gateway_check(port, &config->gateways[i], err);
	for (unsigned int i = 0; i < config->n_ips && ret == 0; i++)
		ret = ip_check(port, config, &config->ips[i], err);
	return ret;
}

/* --- routes to it --- */

static int
ip_route_to(const struct switch_port *port, const struct ip_prefix *ip, struct error *err)
{
	struct route_config route = { .kind = ROUTE_PORT };

	memcpy(route.port, port->config.name, sizeof(route.port));
	return route_set(port->sw->routing, ip, ROUTE_GUEST, &route, err);
}

/* Route an address that is new to a port. */
static int
ip_claim(struct switch_port *port, const struct ip_prefix *ip, struct error *err)
{
	const struct switch_port *other = ip_owner(port->sw, ip, port);
	int ret = 0;

	if (other == NULL || !is_emulated_of(other, port))
		ret = ip_route_to(port, ip, err);
	if (ret < 0 && err != NULL)
		error_prefix(err, "port %s: ip: ", port->config.name);
	return ret;
}

/* A port is to have an address no more; its other NIC may. */
static void
ip_release(struct switch_port *port, const struct ip_prefix *ip)
{
	const struct switch_port *other = ip_owner(port->sw, ip, port);

	if (other == NULL || ip_route_to(other, ip, NULL) < 0)
		route_del(port->sw->routing, ip, ROUTE_GUEST, NULL);
}

/* Whoever else was known by the guest's addresses is so no more. */
static void
forget_others(const struct switch_port *port, const struct guest_config *config)
{
	struct switch_rif *rif = NULL;
	struct neighbour *neighbour;

	while ((rif = rif_next(port->sw->routing, rif)) != NULL) {
		for (unsigned int i = 0; i < config->n_ips && rif->port != port; i++) {
			neighbour = neighbour_find(rif->routing, rif, &config->ips[i].addr);
			if (neighbour != NULL && ip_prefix_is_host(&config->ips[i]))
				neighbour_del(neighbour);
		}
	}
}

/* --- the routed interface --- */

static int
rif_configure(struct switch_port *port, const struct guest_config *config, struct error *err)
{
	struct rif_config rif = {
		.proxy = PROXY_ALL,
		.keeps_source = config->mode == PORT_MODE_ROUTE,
		.check_sources = config->n_ips > 0,
		.leaves_bridge = true,
		.n_sources = config->n_ips,
	};

	memcpy(rif.sources, config->ips, config->n_ips * sizeof(rif.sources[0]));
	return rif_set(port->sw->routing, port, &rif, err);
}

static void announce_tick(evutil_socket_t fd, short what, void *arg);

static struct guest *
guest_create(struct switch_port *port, struct error *err)
{
	struct guest *guest = calloc(1, sizeof(*guest));

	if (guest != NULL)
		guest->timer = evtimer_new(port->sw->base, announce_tick, guest);
	if (guest == NULL || guest->timer == NULL) {
		free(guest);
		error_set(err, ENOMEM, "port %s: no memory for its mode", port->config.name);
		return NULL;
	}
	guest->port = port;
	return guest;
}

static void
guest_destroy(struct switch_port *port)
{
	if (port->guest == NULL)
		return;
	event_free(port->guest->timer);
	free(port->guest);
	port->guest = NULL;
}

/* Take back what was added of @config beyond the port's own, up to @n_gateways and @n_ips. */
static void
config_take_back(struct switch_port *port, const struct guest_config *config,
		 unsigned int n_gateways, unsigned int n_ips)
{
	const struct guest_config *old = &port->config.guest;

	while (n_ips-- > 0)
		if (!config_has_ip(old, &config->ips[n_ips]))
			ip_release(port, &config->ips[n_ips]);
	while (n_gateways-- > 0)
		if (!config_has_gateway(old, &config->gateways[n_gateways]))
			addr_del_gateway(port, &config->gateways[n_gateways]);
}

/* Put the rif back to what it was. */
static void
rif_restore(struct switch_port *port)
{
	if (guest_is(port))
		rif_configure(port, &port->config.guest, NULL);
	else
		rif_clear(port->sw->routing, port);
}

/* --- uplinks --- */

/* Is one of a rif's addresses a guest's gateway? */
static bool
rif_is_gateway(const struct switch_rif *rif)
{
	const struct switch_port *port;
	const struct rif_addr *addr;

	LIST_FOREACH(port, &rif->routing->sw->ports, list)
		LIST_FOREACH(addr, &rif->addrs, list)
			if (config_has_gateway(&port->config.guest, &addr->prefix.addr))
				return true;
	return false;
}

void
guests_uplink_changed(struct switch_rif *rif)
{
	uint8_t proxy = rif->port->config.proxy;

	/* guests' own are answered everything, whatever is set */
	if (rif->port->guest != NULL)
		return;
	if (proxy == PROXY_NO && rif_is_gateway(rif))
		proxy = PROXY_GUESTS;
	if (proxy == rif->proxy)
		return;
	rif->proxy = proxy;
	if (proxy == PROXY_GUESTS && rif->port->dp->open)
		guests_announce(rif->routing->sw);
}

static void
uplinks_changed(struct routing *routing)
{
	struct switch_rif *rif = NULL;

	while (routing != NULL && (rif = rif_next(routing, rif)) != NULL)
		guests_uplink_changed(rif);
}

int
guest_begin(struct switch_port *port, const struct guest_config *config, struct error *err)
{
	const struct guest_config *old = &port->config.guest;
	unsigned int n_gateways = 0, n_ips = 0;
	int ret = config_check(port, config, err);

	if (ret < 0 || config->mode == PORT_MODE_BRIDGE)
		return ret;
	if (port->guest == NULL && (port->guest = guest_create(port, err)) == NULL)
		return -ENOMEM;
	ret = rif_configure(port, config, err);
	if (ret < 0)
		goto err_guest;
	for (; n_gateways < config->n_gateways; n_gateways++) {
		if (config_has_gateway(old, &config->gateways[n_gateways]))
			continue;
		ret = addr_add_gateway(port, &config->gateways[n_gateways], err);
		if (ret < 0)
			goto err_rif;
	}
	for (; n_ips < config->n_ips; n_ips++) {
		if (config_has_ip(old, &config->ips[n_ips]))
			continue;
		ret = ip_claim(port, &config->ips[n_ips], err);
		if (ret < 0)
			goto err_rif;
	}
	return 0;

err_rif:
	config_take_back(port, config, n_gateways, n_ips);
	rif_restore(port);
err_guest:
	if (!guest_is(port))
		guest_destroy(port);
	return ret;
}

void
guest_abort(struct switch_port *port, const struct guest_config *config)
{
	if (config->mode == PORT_MODE_BRIDGE)
		return;
	config_take_back(port, config, config->n_gateways, config->n_ips);
	rif_restore(port);
	if (!guest_is(port))
		guest_destroy(port);
}

/* Not a guest's any more: without what made it one. */
static void
guest_end(struct switch_port *port, const struct guest_config *old)
{
	guest_destroy(port);
	if (old->mode != PORT_MODE_BRIDGE)
		rif_clear(port->sw->routing, port);
}

/* Its routes lead to it by now. */
static void
guest_settle(struct switch_port *port)
{
	struct switch_rif *rif = rif_find(port->sw->routing, port);

	if (rif != NULL)
		neighbours_check(rif);
	forget_others(port, &port->config.guest);
	port->guest->is_reachable = false;
	guest_changed(port);
}

/* It is routed from now on, or not any more. */
static void
tell(const struct switch_port *port, enum port_mode_word old)
{
	static const char *const words[] = {
		[PORT_MODE_BRIDGE] = "bridge",
		[PORT_MODE_ROUTE] = "route",
		[PORT_MODE_NAT] = "nat",
	};
	const bool is_guest = guest_is(port);
	const char *mode = words[is_guest ? port->config.guest.mode : old];

	events_emit(port->sw->events, is_guest ? EVENT_ATTACH : EVENT_DETACH, port->config.name,
		    json_pack("{s:s}", "mode", mode), "is %s (mode %s)",
		    is_guest ? "routed" : "not routed any more", mode);
}

void
guest_commit(struct switch_port *port, const struct guest_config *config)
{
	const struct guest_config old = port->config.guest;

	port->config.guest = *config;
	for (unsigned int i = 0; i < old.n_ips; i++)
		if (!config_has_ip(config, &old.ips[i]))
			ip_release(port, &old.ips[i]);
	for (unsigned int i = 0; i < old.n_gateways; i++)
		if (!config_has_gateway(config, &old.gateways[i]))
			addr_del_gateway(port, &old.gateways[i]);
	if (guest_is(port))
		guest_settle(port);
	else
		guest_end(port, &old);
	uplinks_changed(port->sw->routing);
	if (config->mode != old.mode)
		tell(port, old.mode);
}

void
guest_removed(struct switch_port *port)
{
	const struct guest_config none = { .mode = PORT_MODE_BRIDGE };

	if (guest_is(port))
		guest_commit(port, &none);
}

/* --- saying where it is --- */

static bool
announces_guests(const struct switch_rif *rif)
{
	return rif->proxy == PROXY_GUESTS && rif->port->dp->open;
}

static void
guest_announce(const struct switch_port *port)
{
	const struct guest_config *config = &port->config.guest;
	struct switch_rif *rif = NULL;

	while ((rif = rif_next(port->sw->routing, rif)) != NULL) {
		if (!announces_guests(rif) || rif->port == port)
			continue;
		for (unsigned int i = 0; i < config->n_ips; i++)
			if (ip_prefix_is_host(&config->ips[i]))
				rif_announce_guest(rif, &config->ips[i].addr);
	}
}

static void
announce_tick(evutil_socket_t fd, short what, void *arg)
{
	struct guest *guest = arg;

	(void)fd;
	(void)what;
	if (!guest->port->dp->open)
		return;
	guest_announce(guest->port);
	if (guest->round < RTE_DIM(pauses))
		evtimer_add(guest->timer, &pauses[guest->round++]);
}

/* Announce it after @usec, and twice again. */
static void
announce_begin(struct guest *guest, unsigned int usec)
{
	const struct timeval delay = { .tv_sec = usec / 1000000, .tv_usec = usec % 1000000 };

	guest->round = 0;
	evtimer_add(guest->timer, &delay);
}

void
guest_changed(struct switch_port *port)
{
	struct guest *guest = port->guest;

	if (guest == NULL || !guest_is(port) || guest->is_reachable == port->dp->open)
		return;
	guest->is_reachable = port->dp->open;
	if (guest->is_reachable)
		announce_begin(guest, 0);
	else
		evtimer_del(guest->timer);
}

void
guests_announce(struct vswitch *sw)
{
	struct switch_port *port;
	unsigned int n = 0;

	LIST_FOREACH(port, &sw->ports, list)
		if (port->guest != NULL && port->guest->is_reachable)
			announce_begin(port->guest, n++ * ANNOUNCE_APART_USEC);
}
