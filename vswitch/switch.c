/* SPDX-License-Identifier: BSD-3-Clause */
/* The switch as a whole, and its bridges; ports are in switch_port.c, the FDB in switch_fdb.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <event2/event.h>
#include <rte_errno.h>
#include <rte_mempool.h>

#include "bond.h"
#include "captures.h"
#include "carrier.h"
#include "error.h"
#include "events.h"
#include "health.h"
#include "lacp_bond.h"
#include "log.h"
#include "mirrors.h"
#include "nat_control.h"
#include "packet.h"
#include "neighbour.h"
#include "network.h"
#include "port_vif.h"
#include "routing.h"
#include "switch_priv.h"
#include "unknown.h"

#define DEVICE_POOL "devices"
#define TICK_USEC UINT64_C(1000000)
#define CLOSE_USEC 5000 /* of a turn, for closing ports; the last one may take longer */

static void
switch_rcu_timer(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval msec = { .tv_usec = 1000 }, now = { 0 };
	struct vswitch *sw = arg;
	bool pending;

	(void)fd;
	(void)what;
	pending = rcu_poll(sw->rcu);
	/* between two of them others have their turn */
	if (switch_ports_close(sw, CLOSE_USEC))
		evtimer_add(sw->rcu_timer, &now);
	else if (pending)
		evtimer_add(sw->rcu_timer, &msec);
}

static void
switch_rcu_pending(void *arg)
{
	static const struct timeval soon = { .tv_usec = 100 };
	struct vswitch *sw = arg;

	evtimer_add(sw->rcu_timer, &soon);
}

static void
switch_beat(struct switch_beat *beat, uint64_t now, uint64_t late)
{
	if (late < SWITCH_LATE_USEC)
		return;
	beat->late_at = now;
	beat->late_usec = late;
	beat->worst_usec = RTE_MAX(beat->worst_usec, late);
	beat->n_late++;
}

/* What is due now comes as late as this: a measure of the control thread that wakes nobody. */
static void
tick_delay(struct vswitch *sw)
{
	const uint64_t now = switch_usec();
	const uint64_t late = sw->tick_due != 0 && now > sw->tick_due ? now - sw->tick_due : 0;

	if (sw->tick_due != 0)
		delay_count(&sw->timer_delay, late * 1000);
	switch_beat(&sw->beat, now, late);
	/* libevent counts from when it was due, or from now if it is late by a whole round */
	if (sw->tick_due == 0 || late >= TICK_USEC)
		sw->tick_due = now;
	sw->tick_due += TICK_USEC;
}

static void
switch_tick(evutil_socket_t fd, short what, void *arg)
{
	const uint32_t now = switch_now();
	struct vswitch *sw = arg;
	struct switch_bridge *bridge;

	(void)fd;
	(void)what;
	tick_delay(sw);
	LIST_FOREACH(bridge, &sw->bridges, list)
		fdb_age(bridge->dp->fdb, stp_ageing(bridge, now), now);
	loop_tick(sw);
	if (sw->routing != NULL)
		neighbours_tick(sw->routing);
	nat_control_tick(sw);
	mirrors_tick(sw);
}

uint64_t
switch_usec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

struct vswitch *
switch_create(struct event_base *base, struct datapath *dp, struct rte_mempool *pool,
	      struct error *err)
{
	static const struct timeval second = { .tv_sec = 1 };
	struct vswitch *sw = calloc(1, sizeof(*sw));

	if (sw == NULL)
		goto err;
	LIST_INIT(&sw->bridges);
	LIST_INIT(&sw->ports);
	STAILQ_INIT(&sw->closing);
	LIST_INIT(&sw->bonds);
	LIST_INIT(&sw->adoptions);
	LIST_INIT(&sw->vlans);
	children_init(&sw->children, base);
	sw->base = base;
	sw->dp = dp;
	sw->pool = pool;
	sw->created = switch_usec();
	sw->rcu = rcu_create(dp->qsbr);
	sw->events = events_create(base);
	sw->rcu_timer = evtimer_new(base, switch_rcu_timer, sw);
	sw->tick = event_new(base, -1, EV_PERSIST, switch_tick, sw);
	sw->learn_event = event_new(base, dp->event_fd, EV_READ | EV_PERSIST, switch_learn, sw);
	if (loop_init(sw) < 0 || sw->rcu == NULL || sw->events == NULL || sw->rcu_timer == NULL ||
	    sw->tick == NULL || sw->learn_event == NULL || event_add(sw->tick, &second) < 0 ||
	    event_add(sw->learn_event, NULL) < 0)
		goto err;
	rcu_on_pending(sw->rcu, switch_rcu_pending, sw);
	return sw;

err:
	switch_destroy(sw);
	error_set(err, ENOMEM, "no memory for the switch");
	return NULL;
}

static void
switch_event_free(struct event *event)
{
	if (event != NULL)
		event_free(event);
}

void
switch_destroy(struct vswitch *sw)
{
	struct switch_bridge *bridge;

	if (sw == NULL)
		return;
	sw->stopping = true;
	captures_destroy(sw->captures);
	health_destroy(sw->health);
	sw->captures = NULL;
	mirrors_destroy(sw->mirrors);
	sw->mirrors = NULL;
	networks_destroy(sw->networks);
	sw->networks = NULL;
	children_end(&sw->children);
	bonds_destroy(sw);
	lacp_bonds_destroy(sw);
	nat_control_destroy(sw->nat);
	while (!LIST_EMPTY(&sw->ports))
		switch_port_remove(sw, LIST_FIRST(&sw->ports));
	routing_destroy(sw->routing);
	sw->routing = NULL;
	while ((bridge = LIST_FIRST(&sw->bridges)) != NULL) {
		LIST_REMOVE(bridge, list);
		stp_bridge_end(bridge);
		snoop_bridge_gone(bridge);
		rcu_retire(sw->rcu, &bridge->dp->retired, bridge_destroy, bridge->dp);
		free(bridge);
	}
	rcu_destroy(sw->rcu);
	switch_ports_close(sw, UINT64_MAX);
	events_destroy(sw->events);
	carrier_watch_destroy(sw->carrier);
	switch_event_free(sw->rcu_timer);
	switch_event_free(sw->tick);
	switch_event_free(sw->learn_event);
	free(sw);
}

struct rte_mempool *
switch_device_pool(struct vswitch *sw, const char *port, struct error *err)
{
	if (sw->device_pool == NULL && packet_pool_flags(sw->pool) == 0)
		sw->device_pool = sw->pool;
	/* it stays until the process ends: packets of it may be anywhere */
	if (sw->device_pool == NULL)
		sw->device_pool = rte_mempool_lookup(DEVICE_POOL);
	if (sw->device_pool == NULL)
		sw->device_pool =
			packet_pool_create(DEVICE_POOL, sw->pool->size, sw->pool->cache_size, NULL);
	if (sw->device_pool == NULL)
		error_set(err, rte_errno,
			  "port %s: no memory for %u more packet buffers; set fewer mbufs, or more "
			  "memory, of [vswitchd]",
			  port, sw->pool->size);
	return sw->device_pool;
}

struct switch_bridge *
switch_bridge_find(struct vswitch *sw, const char *name)
{
	struct switch_bridge *bridge;

	LIST_FOREACH(bridge, &sw->bridges, list)
		if (strcmp(bridge->name, name) == 0)
			return bridge;
	return NULL;
}

struct switch_bridge *
switch_bridge_need(struct vswitch *sw, const char *name, struct error *err)
{
	struct switch_bridge *bridge = switch_bridge_find(sw, name);

	if (bridge == NULL)
		unknown_bridge(sw, name, err);
	return bridge;
}

/* An id that no bridge has: events of a bridge that is gone must not reach another. */
static uint16_t
switch_bridge_new_id(struct vswitch *sw)
{
	struct switch_bridge *bridge;

again:
	sw->next_bridge_id++;
	LIST_FOREACH(bridge, &sw->bridges, list)
		if (bridge->dp->id == sw->next_bridge_id)
			goto again;
	return sw->next_bridge_id;
}

int
switch_bridge_add(struct vswitch *sw, const char *name, const struct bridge_config *config,
		  struct error *err)
{
	struct switch_bridge *bridge;
	unsigned int n = 0;
	int ret;

	if (switch_bridge_find(sw, name) != NULL)
		return error_set(err, EEXIST, "bridge %s: exists already", name);
	ret = snoop_check(name, &config->snoop, err);
	if (ret < 0)
		return ret;
	LIST_FOREACH(bridge, &sw->bridges, list)
		n++;
	if (n >= SWITCH_BRIDGES_MAX)
		return error_set(err, ENOSPC, "bridge %s: the switch has all of its %u bridges",
				 name, SWITCH_BRIDGES_MAX);
	bridge = calloc(1, sizeof(*bridge));
	if (bridge != NULL)
		bridge->dp = bridge_create(switch_bridge_new_id(sw), sw->rcu, config->fdb_limit);
	if (bridge == NULL || bridge->dp == NULL || stp_bridge_set(sw, bridge, &config->stp) < 0) {
		if (bridge != NULL)
			bridge_destroy(bridge->dp);
		free(bridge);
		return error_set(err, ENOMEM, "bridge %s: no memory for it", name);
	}
	snprintf(bridge->name, sizeof(bridge->name), "%s", name);
	bridge->config = *config;
	if (snoop_bridge_set(sw, bridge) < 0) {
		stp_bridge_end(bridge);
		bridge_destroy(bridge->dp);
		free(bridge);
		return error_set(err, ENOMEM, "bridge %s: no memory for it", name);
	}
	LIST_INSERT_HEAD(&sw->bridges, bridge, list);
	port_vif_bridge_added(sw, name);
	return 0;
}

int
switch_bridge_del(struct vswitch *sw, const char *name, struct error *err)
{
	struct switch_bridge *bridge = switch_bridge_need(sw, name, err);
	struct switch_port *port;

	if (bridge == NULL)
		return -ENOENT;
	LIST_FOREACH(port, &sw->ports, list)
		if (port->bridge == bridge)
			return error_set(err, EBUSY,
					 "bridge %s: has %u port(s) such as %s; delete them first",
					 name, bridge->n_ports, port->config.name);
	LIST_REMOVE(bridge, list);
	stp_bridge_end(bridge);
	snoop_bridge_gone(bridge);
	rcu_retire(sw->rcu, &bridge->dp->retired, bridge_destroy, bridge->dp);
	free(bridge);
	return 0;
}

int
switch_bridge_set(struct vswitch *sw, const char *name, const struct bridge_config *config,
		  struct error *err)
{
	struct switch_bridge *bridge = switch_bridge_need(sw, name, err);
	struct switch_port *port;
	struct snoop_config old;
	bool watch;
	int ret;

	if (bridge == NULL)
		return -ENOENT;
	ret = snoop_check(name, &config->snoop, err);
	if (ret < 0)
		return ret;
	old = bridge->config.snoop;
	bridge->config.snoop = config->snoop;
	if (snoop_bridge_set(sw, bridge) < 0) {
		bridge->config.snoop = old;
		return error_set(err, ENOMEM, "bridge %s: no memory for snooping", name);
	}
	if (stp_bridge_set(sw, bridge, &config->stp) < 0) {
		bridge->config.snoop = old;
		snoop_bridge_set(sw, bridge); /* at worst it floods */
		return error_set(err, ENOMEM, "bridge %s: no memory for its spanning tree", name);
	}
	watch = config->stp.mode != bridge->config.stp.mode ||
		config->stp.loop_detect != bridge->config.stp.loop_detect;
	bridge->config = *config;
	fdb_set_limit(bridge->dp->fdb, config->fdb_limit);
	LIST_FOREACH(port, &sw->ports, list)
		if (watch && port->bridge == bridge)
			loop_port_changed(port);
	return 0;
}
