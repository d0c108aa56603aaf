/* SPDX-License-Identifier: BSD-3-Clause */
/* Routed interfaces and their addresses. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agree.h"
#include "bond.h"
#include "emulated.h"
#include "error.h"
#include "guest.h"
#include "mirrors.h"
#include "nat_control.h"
#include "nd.h"
#include "network.h"
#include "port_gateway.h"
#include "routing_priv.h"
#include "stable_mac.h"
#include "unknown.h"

/* What guests have seen of Linux' backend ever since. */
static const uint8_t guest_side_mac[6] = { 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff };

struct switch_rif *
rif_of(struct routing *routing, uint16_t port)
{
	return port < PORT_MAX ? routing->by_port[port] : NULL;
}

struct switch_rif *
rif_find(struct routing *routing, const struct switch_port *port)
{
	return rif_of(routing, port->dp->id);
}

struct switch_rif *
rif_next(const struct routing *routing, const struct switch_rif *last)
{
	return last == NULL ? LIST_FIRST(&routing->rifs) : LIST_NEXT(last, list);
}

/* --- what workers see --- */

/* Build the workers' part anew and publish it. Return: 0 or -ENOMEM. */
static int
rif_publish(struct switch_rif *rif)
{
	struct rif *new = rif_create(rif->routing->dp, rif->port->dp, rif->n_sources),
		   *old = rif->dp;

	if (new == NULL)
		return -ENOMEM;
	memcpy(new->mac, rif->mac, sizeof(new->mac));
	new->gateway = rif->is_gateway;
	new->side = rif->side = nat_control_side(rif);
	new->guest = rif->port->dp->id + 1;
	new->check_sources = rif->check_sources;
	for (unsigned int i = 0; i < rif->n_sources; i++) {
		const struct ip_prefix net = ip_prefix_net(&rif->sources[i]);

		new->sources[i].family = net.addr.family;
		new->sources[i].len = net.len;
		memcpy(new->sources[i].prefix, net.addr.bytes, sizeof(net.addr.bytes));
	}
	nat_control_changed(rif->routing->sw);
	rif->dp = new;
	__atomic_store_n(&rif->port->dp->rif, new, __ATOMIC_RELEASE);
	if (old != NULL)
		rcu_retire(rif->routing->sw->rcu, &old->retired, free, old);
	return 0;
}

void
rif_renew_side(struct switch_rif *rif)
{
	if (nat_control_side(rif) != rif->side)
		rif_publish(rif);
}

/* The MAC that stations on a port's link know the router by. */
static void
rif_choose_mac(const struct switch_port *port, uint8_t mac[6])
{
	static const uint8_t none[6];
	char name[SWITCH_NAME_SIZE + 16];

	/* the emulated NIC is the same guest's */
	if (emulated_is_named(port)) {
		memcpy(mac, guest_side_mac, 6);
		return;
	}
	switch (port->config.kind) {
	case PORT_KIND_VIF:
	case PORT_KIND_VHOST:
		memcpy(mac, guest_side_mac, 6);
		return;
	case PORT_KIND_TAP: /* its own is the host's */
		break;
	default:
		memcpy(mac, port->dp->mac, 6);
		if (memcmp(mac, none, 6) != 0)
			return;
	}
	snprintf(name, sizeof(name), "rif/%s", port->config.name);
	stable_mac(name, mac);
}

static int
rif_may_be(const struct switch_port *port, bool leaves_bridge, struct error *err)
{
	if (port->member != NULL)
		return error_set(err, EBUSY, "port %s: is a member of bond %s", port->config.name,
				 port->member->bond->name);
	if (port->is_mirror_end && !port->config.is_auto)
		return mirror_end_is_busy(port, err);
	if (port->bridge != NULL && port->config.kind != PORT_KIND_GATEWAY && !leaves_bridge)
		return error_set(err, EBUSY,
				 "port %s: is on bridge %s; give the address to the bridge (addr "
				 "add ... bridge %s), or take the port off it",
				 port->config.name, port->bridge->name, port->bridge->name);
	return 0;
}

static struct switch_rif *
rif_make(struct routing *routing, struct switch_port *port, struct error *err)
{
	struct switch_rif *rif;

	rif = calloc(1, sizeof(*rif));
	if (rif == NULL)
		goto err;
	rif->routing = routing;
	rif->port = port;
	rif->is_gateway = port->config.kind == PORT_KIND_GATEWAY;
	rif->proxy = PROXY_NO; /* until it has an address: guests_uplink_changed() */
	rif_choose_mac(port, rif->mac);
	rif->link_local.family = AF_INET6;
	nd_link_local(rif->mac, rif->link_local.bytes);
	rif->connected = target_connected(rif);
	if (rif->connected == NULL || rif_publish(rif) < 0)
		goto err;
	LIST_INSERT_HEAD(&routing->rifs, rif, list);
	routing->by_port[port->dp->id] = rif;
	return rif;
err:
	if (rif != NULL && rif->connected != NULL) {
		number_free(routing, rif->connected->number);
		free(rif->connected);
	}
	free(rif);
	error_set(err, ENOMEM, "port %s: no memory for routing", port->config.name);
	return NULL;
}

/* Take a rif without addresses away, with all that leads to it. */
static void
rif_remove(struct switch_rif *rif)
{
	struct routing *routing = rif->routing;

	LIST_REMOVE(rif, list);
	routing->by_port[rif->port->dp->id] = NULL;
	nat_control_changed(routing->sw);
	__atomic_store_n(&rif->port->dp->rif, NULL, __ATOMIC_RELEASE);
	targets_renew(routing);
	neighbours_flush(rif, true);
	number_free(routing, rif->connected->number);
	free(rif->connected);
	rcu_retire(routing->sw->rcu, &rif->dp->retired, free, rif->dp);
	free(rif);
	networks_changed(routing->sw);
}

/* It is no longer wanted: neither addresses nor settings. */
static void
rif_done(struct switch_rif *rif)
{
	struct switch_port *port = rif->port;
	struct vswitch *sw = rif->routing->sw;
	bool made_here = rif->is_gateway && port->config.is_auto;

	if (rif->n_addrs > 0 || rif->is_guest)
		return;
	rif_remove(rif);
	if (made_here)
		switch_port_remove(sw, port);
}

int
rif_set(struct routing *routing, struct switch_port *port, const struct rif_config *config,
	struct error *err)
{
	struct switch_rif *rif = rif_find(routing, port);
	const bool is_new = rif == NULL;
	int ret = is_new ? rif_may_be(port, config->leaves_bridge, err) : 0;

	if (ret < 0)
		return ret;
	if (is_new)
		rif = rif_make(routing, port, err);
	if (rif == NULL)
		return -ENOMEM;
	rif->is_guest = true;
	rif->proxy = config->proxy;
	rif->keeps_source = config->keeps_source;
	rif->check_sources = config->check_sources;
	rif->n_sources = RTE_MIN(config->n_sources, (unsigned int)RIF_SOURCES_MAX);
	memcpy(rif->sources, config->sources, sizeof(rif->sources));
	if (rif_publish(rif) < 0) {
		if (is_new) {
			rif->is_guest = false;
			rif_done(rif);
		}
		return error_set(err, ENOMEM, "port %s: no memory for routing", port->config.name);
	}
	if (is_new)
		targets_renew(routing);
	networks_changed(routing->sw);
	return 0;
}

void
rif_config_get(const struct switch_rif *rif, struct rif_config *ret_config)
{
	*ret_config = (struct rif_config){
		.proxy = rif->proxy,
		.keeps_source = rif->keeps_source,
		.check_sources = rif->check_sources,
		.n_sources = rif->n_sources,
	};
	memcpy(ret_config->sources, rif->sources, sizeof(rif->sources));
}

void
rif_clear(struct routing *routing, struct switch_port *port)
{
	const struct rif_config defaults = { .proxy = port->config.proxy };
	struct switch_rif *rif = rif_find(routing, port);

	if (rif == NULL)
		return;
	rif_set(routing, port, &defaults, NULL);
	rif->is_guest = false;
	rif_done(rif);
}

/* --- addresses --- */

bool
rif_has_addr(const struct switch_rif *rif, const struct ip_addr *addr)
{
	const struct rif_addr *own;

	if (ip_addr_equal(&rif->link_local, addr))
		return true;
	LIST_FOREACH(own, &rif->addrs, list)
		if (ip_addr_equal(&own->prefix.addr, addr))
			return true;
	return false;
}

bool
addr_is_own(const struct routing *routing, const struct ip_addr *addr)
{
	const struct switch_rif *rif;

	LIST_FOREACH(rif, &routing->rifs, list)
		if (rif_has_addr(rif, addr))
			return true;
	return false;
}

struct switch_rif *
rif_gateway(struct routing *routing, const struct ip_addr *addr)
{
	struct switch_rif *rif, *best = NULL;
	const struct rif_addr *own;
	int len = -1;

	if (addr == NULL)
		return NULL;
	LIST_FOREACH(rif, &routing->rifs, list)
		LIST_FOREACH(own, &rif->addrs, list)
			if (own->prefix.len > len && !ip_prefix_is_host(&own->prefix) &&
			    ip_prefix_has(&own->prefix, addr)) {
				len = own->prefix.len;
				best = rif;
			}
	return best;
}

struct switch_rif *
rif_on_link(struct routing *routing, const struct ip_addr *addr)
{
	const struct target *target = route_lookup(routing, addr);

	return target != NULL ? target_rif(target) : NULL;
}

static const struct rif_addr *
source_of(const struct switch_rif *rif, const struct ip_addr *to)
{
	const struct rif_addr *own, *best = NULL;

	LIST_FOREACH(own, &rif->addrs, list) {
		if (own->prefix.addr.family != to->family)
			continue;
		if (ip_prefix_has(&own->prefix, to))
			return own;
		best = own; /* the oldest, which is the last */
	}
	return best;
}

bool
addr_source(const struct routing *routing, const struct switch_rif *rif, const struct ip_addr *to,
	    struct ip_addr *ret_addr)
{
	const struct rif_addr *own = NULL;
	const struct switch_rif *other;

	if (rif != NULL && ip_addr_is_link_local(to)) {
		*ret_addr = rif->link_local;
		return true;
	}
	if (rif != NULL)
		own = source_of(rif, to);
	for (other = LIST_FIRST(&routing->rifs); own == NULL && other != NULL;
	     other = LIST_NEXT(other, list))
		own = source_of(other, to);
	if (own == NULL)
		return false;
	*ret_addr = own->prefix.addr;
	return true;
}

void
addr_on_change(struct routing *routing, addr_changed_fn fn, void *arg)
{
	if (routing->n_on_change == RTE_DIM(routing->on_change))
		return;
	routing->on_change[routing->n_on_change].fn = fn;
	routing->on_change[routing->n_on_change++].arg = arg;
}

static void
addr_tell(const struct rif_addr *addr, bool added)
{
	const struct routing *routing = addr->rif->routing;

	for (unsigned int i = 0; i < routing->n_on_change; i++)
		routing->on_change[i].fn(routing->on_change[i].arg, addr, added);
}

/* What packets to one address are: the router's, nobody's, or neither. */
static struct target *
local_target(struct routing *routing, const struct ip_addr *addr)
{
	struct target *target = NULL;
	const struct switch_rif *rif;
	const struct rif_addr *own;
	struct ip_prefix all;

	LIST_FOREACH(rif, &routing->rifs, list) {
		LIST_FOREACH(own, &rif->addrs, list) {
			if (ip_addr_equal(&own->prefix.addr, addr))
				return &routing->local;
			if (ip_prefix_broadcast(&own->prefix, &all) &&
			    ip_addr_equal(&all.addr, addr))
				target = &routing->blackhole;
		}
	}
	return target;
}

/* Have the route to one address be what the addresses that there are say. */
static int
local_renew(struct routing *routing, const struct ip_prefix *host)
{
	struct target *target = local_target(routing, &host->addr);

	/* it may be there already, and lead elsewhere */
	route_uninstall(routing, host, ROUTE_LOCAL);
	return target != NULL ? route_install(routing, host, ROUTE_LOCAL, target) : 0;
}

/* Add what follows from an address that is on its rif's list; or take away, if it is not any more.
 */
static int
addr_routes_renew(struct switch_rif *rif, const struct ip_prefix *prefix, bool add)
{
	const struct ip_prefix own = ip_prefix_host(&prefix->addr);
	int ret = local_renew(rif->routing, &own);
	struct ip_prefix all;

	if (ret == 0 && ip_prefix_broadcast(prefix, &all))
		ret = local_renew(rif->routing, &all);
	if (ret < 0 || ip_prefix_is_host(prefix))
		return ret;
	if (!add)
		return route_uninstall(rif->routing, prefix, ROUTE_CONNECTED);
	return route_install(rif->routing, prefix, ROUTE_CONNECTED, rif->connected);
}

/* The port that an address is to belong to; that of a bridge is made if it must be. */
static struct switch_port *
place_port(struct routing *routing, const struct addr_place *place, bool make, struct error *err)
{
	struct switch_port *port;

	if (place->port == NULL)
		return port_gateway_of(routing->sw, place->bridge, place->vid, make, err);
	port = switch_port_find(routing->sw, place->port);
	if (port == NULL)
		unknown_port(routing->sw, place->port, err);
	return port;
}

static struct rif_addr *
addr_find(struct switch_rif *rif, const struct ip_addr *addr)
{
	struct rif_addr *own;

	LIST_FOREACH(own, &rif->addrs, list)
		if (ip_addr_equal(&own->prefix.addr, addr))
			return own;
	return NULL;
}

static int
addr_check_guest(const struct routing *routing, const struct ip_prefix *prefix, const char *text,
		 struct error *err)
{
	const struct ip_prefix host = ip_prefix_host(&prefix->addr);
	const struct switch_port *port = guest_of_ip(routing->sw, &host);

	return port == NULL ? 0 :
			      error_set(err, EEXIST, "addr %s: is the guest's at port %s", text,
					port->config.name);
}

static int
addr_check(struct routing *routing, const struct ip_prefix *prefix, const char *text,
	   struct error *err)
{
	const struct ip_prefix net = ip_prefix_net(prefix);
	const struct switch_rif *rif;
	struct rif_addr *own;
	struct ip_prefix other;

	if (agree_addr(prefix, err) < 0)
		return -EINVAL;
	LIST_FOREACH(rif, &routing->rifs, list) {
		LIST_FOREACH(own, &rif->addrs, list) {
			other = ip_prefix_net(&own->prefix);
			if (!ip_prefix_is_host(prefix) && ip_prefix_equal(&other, &net))
				return error_set(err, EEXIST,
						 "addr %s: port %s has an address of this network; "
						 "give the length %u",
						 text, rif->port->config.name,
						 ip_addr_bits(prefix->addr.family));
		}
	}
	return addr_check_guest(routing, prefix, text, err);
}

/* Put an address on a rif. */
static int
addr_attach(struct switch_rif *rif, const struct ip_prefix *prefix, bool is_gateway,
	    const char *text, struct error *err)
{
	struct rif_addr *addr;
	int ret;

	if (addr_find(rif, &prefix->addr) != NULL)
		return error_set(err, EEXIST, "addr %s: port %s has it already", text,
				 rif->port->config.name);
	addr = calloc(1, sizeof(*addr));
	if (addr == NULL)
		return error_set(err, ENOMEM, "addr %s: no memory for it", text);
	addr->prefix = *prefix;
	addr->rif = rif;
	addr->is_gateway = is_gateway;
	LIST_INSERT_HEAD(&rif->addrs, addr, list);
	rif->n_addrs++;
	ret = addr_routes_renew(rif, prefix, true);
	if (ret == 0) {
		targets_renew(rif->routing);
		guests_uplink_changed(rif);
		rif_announce(rif, &addr->prefix.addr);
		addr_tell(addr, true);
		return 0;
	}
	LIST_REMOVE(addr, list);
	rif->n_addrs--;
	addr_routes_renew(rif, prefix, false);
	free(addr);
	return error_set(err, -ret,
			 ret == -ENOSPC ? "addr %s: the routing table is full; raise routes-max of "
					  "[vswitchd]" :
					  "addr %s: no memory for the routing table: it needs 64 "
					  "MiB and more of hugepages, or of memory of [vswitchd]",
			 text);
}

int
addr_add(struct routing *routing, const struct ip_prefix *prefix, const struct addr_place *place,
	 struct error *err)
{
	char text[IP_PREFIX_TEXT_SIZE];
	struct switch_port *port;
	struct switch_rif *rif;
	struct error local;
	int ret;

	err = err != NULL ? err : &local;
	ip_prefix_format(prefix, text);
	ret = addr_check(routing, prefix, text, err);
	if (ret < 0)
		return ret;
	port = place_port(routing, place, true, err);
	if (port == NULL)
		return err->code;
	rif = rif_find(routing, port);
	if (rif == NULL && rif_may_be(port, false, err) == 0)
		rif = rif_make(routing, port, err);
	if (rif == NULL) {
		if (port->config.is_auto)
			switch_port_remove(routing->sw, port);
		return err->code;
	}
	ret = addr_attach(rif, prefix, false, text, err);
	if (ret < 0)
		rif_done(rif);
	return ret;
}

int
addr_add_gateway(struct switch_port *port, const struct ip_addr *addr, struct error *err)
{
	const struct ip_prefix prefix = ip_prefix_host(addr);
	char text[IP_PREFIX_TEXT_SIZE];

	return addr_attach(rif_find(port->sw->routing, port), &prefix, true,
			   ip_prefix_format(&prefix, text), err);
}

static void
addr_detach(struct rif_addr *addr)
{
	struct switch_rif *rif = addr->rif;

	LIST_REMOVE(addr, list);
	rif->n_addrs--;
	addr_routes_renew(rif, &addr->prefix, false);
	targets_renew(rif->routing);
	neighbours_check(rif);
	guests_uplink_changed(rif);
	addr_tell(addr, false);
	free(addr);
}

/* The only address that is meant. */
static struct rif_addr *
addr_need(struct routing *routing, const struct ip_prefix *prefix, const struct addr_place *place,
	  struct error *err)
{
	char text[IP_PREFIX_TEXT_SIZE];
	struct rif_addr *own, *found = NULL;
	struct switch_port *port = NULL;
	struct switch_rif *rif;
	unsigned int n = 0;

	ip_prefix_format(prefix, text);
	if (place->port != NULL || place->bridge != NULL) {
		port = place_port(routing, place, false, err);
		if (port == NULL)
			return NULL;
	}
	LIST_FOREACH(rif, &routing->rifs, list) {
		if (port != NULL && rif->port != port)
			continue;
		LIST_FOREACH(own, &rif->addrs, list) {
			if (!ip_addr_equal(&own->prefix.addr, &prefix->addr))
				continue;
			if (!ip_prefix_is_host(prefix) && own->prefix.len != prefix->len)
				continue;
			found = own;
			n++;
		}
	}
	if (n == 0)
		error_set(err, ENOENT, "addr %s: there is no such address; see \"vsctl addr show\"",
			  text);
	if (n > 1)
		error_set(err, EINVAL, "addr %s: %u ports have it; say which: port NAME", text, n);
	return n == 1 ? found : NULL;
}

int
addr_del(struct routing *routing, const struct ip_prefix *prefix, const struct addr_place *place,
	 struct error *err)
{
	struct error local;
	struct rif_addr *addr;
	struct switch_rif *rif;

	err = err != NULL ? err : &local;
	addr = addr_need(routing, prefix, place, err);
	if (addr == NULL)
		return err->code;
	rif = addr->rif;
	if (addr->is_gateway)
		return error_set(
			err, EBUSY,
			"addr: is the gateway of the guest at port %s: \"vsctl port set %s "
			"gateway none\" takes it away",
			rif->port->config.name, rif->port->config.name);
	addr_detach(addr);
	rif_done(rif);
	return 0;
}

void
addr_del_gateway(struct switch_port *port, const struct ip_addr *addr)
{
	struct switch_rif *rif = rif_find(port->sw->routing, port);
	struct rif_addr *own = rif != NULL ? addr_find(rif, addr) : NULL;

	if (own != NULL && own->is_gateway)
		addr_detach(own);
}

/* --- sending --- */

void
rif_send(struct switch_rif *rif, struct rte_mbuf *pkt)
{
	const struct port *port = rif->port->dp;
	struct worker *worker = rif->routing->sw->dp->workers[port->rxq[0].worker];
	int ret =
		rif->is_gateway ? worker_inject(worker, port, pkt) : worker_send(worker, port, pkt);

	if (ret < 0)
		rte_pktmbuf_free(pkt);
}

void
rif_send_bytes(struct switch_rif *rif, const uint8_t *frame, uint32_t len)
{
	const uint32_t padded = RTE_MAX(len, (uint32_t)RTE_ETHER_MIN_LEN - RTE_ETHER_CRC_LEN);
	struct rte_mbuf *pkt = rte_pktmbuf_alloc(rif->routing->sw->pool);
	char *data = pkt != NULL ? rte_pktmbuf_append(pkt, padded) : NULL;

	if (data == NULL) {
		rte_pktmbuf_free(pkt);
		return;
	}
	memcpy(data, frame, len);
	memset(data + len, 0, padded - len);
	rif_send(rif, pkt);
}

/* --- ports that come, change and go --- */

int
routing_may_go(const struct switch_port *port, struct error *err)
{
	const struct routing *routing = port->sw->routing;
	const struct switch_rif *rif = routing != NULL ? routing->by_port[port->dp->id] : NULL;
	const struct rif_addr *addr, *last = NULL;
	char text[IP_PREFIX_TEXT_SIZE];
	unsigned int n = 0;

	if (rif == NULL)
		return 0;
	LIST_FOREACH(addr, &rif->addrs, list) {
		if (addr->is_gateway)
			continue;
		last = addr;
		n++;
	}
	if (last != NULL)
		return error_set(err, EBUSY,
				 "port %s: has %u address(es) such as %s; delete them first",
				 port->config.name, n, ip_prefix_format(&last->prefix, text));
	/* what made it a guest's goes with it */
	return guest_is(port) ?
		       0 :
		       error_set(err, EBUSY, "port %s: is a routed port", port->config.name);
}

void
routing_set_proxy(struct switch_port *port, uint8_t proxy)
{
	struct routing *routing = port->sw->routing;
	struct switch_rif *rif = routing != NULL ? rif_find(routing, port) : NULL;

	port->config.proxy = proxy;
	if (rif != NULL)
		guests_uplink_changed(rif);
}

void
routing_port_removed(struct switch_port *port)
{
	struct routing *routing = port->sw->routing;
	struct switch_rif *rif = routing != NULL ? rif_find(routing, port) : NULL;

	nat_control_port_removed(port);
	if (rif == NULL)
		return;
	guest_removed(port);
	rif = rif_find(routing, port);
	if (rif == NULL)
		return;
	while (!LIST_EMPTY(&rif->addrs))
		addr_detach(LIST_FIRST(&rif->addrs));
	rif_remove(rif);
}

void
routing_port_changed(struct switch_port *port)
{
	struct routing *routing = port->sw->routing;
	struct switch_rif *rif = routing != NULL ? rif_find(routing, port) : NULL;
	struct rif_addr *own;
	uint8_t mac[6];

	if (rif == NULL)
		return;
	rif_choose_mac(port, mac);
	if (memcmp(mac, rif->mac, sizeof(mac)) != 0) {
		memcpy(rif->mac, mac, sizeof(mac));
		nd_link_local(rif->mac, rif->link_local.bytes);
		rif_publish(rif);
	}
	targets_renew(routing);
	if (port->dp->open && memcmp(mac, rif->mac, sizeof(mac)) == 0)
		LIST_FOREACH(own, &rif->addrs, list)
			rif_announce(rif, &own->prefix.addr);
	if (port->dp->open && !rif->is_open && rif->proxy == PROXY_GUESTS)
		guests_announce(port->sw);
	rif->is_open = port->dp->open;
	guest_changed(port);
	if (port->dp->open)
		nat_control_announce(rif);
}
