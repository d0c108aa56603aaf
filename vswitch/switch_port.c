/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "adopt.h"
#include "bond.h"
#include "captures.h"
#include "emulated.h"
#include "error.h"
#include "events.h"
#include "log.h"
#include "mirrors.h"
#include "port_vif.h"
#include "port_vlan.h"
#include "routing.h"
#include "switch_priv.h"
#include "unknown.h"

struct switch_port *
switch_port_find(struct vswitch *sw, const char *name)
{
	struct switch_port *port;

	LIST_FOREACH(port, &sw->ports, list)
		if (strcmp(port->config.name, name) == 0)
			return port;
	return NULL;
}

struct switch_port *
switch_port_need(struct vswitch *sw, const char *name, struct error *err)
{
	struct switch_port *port = switch_port_find(sw, name);

	if (port == NULL)
		unknown_port(sw, name, err);
	return port;
}

struct switch_port *
switch_port_of(struct vswitch *sw, const struct port *dp)
{
	return sw->owners[dp->id];
}

/* @stats may be a worker's, who goes on counting. */
static void
stats_add(struct port_stats *sum, const struct port_stats *stats)
{
	sum->rx_packets += __atomic_load_n(&stats->rx_packets, __ATOMIC_RELAXED);
	sum->rx_bytes += __atomic_load_n(&stats->rx_bytes, __ATOMIC_RELAXED);
	sum->tx_packets += __atomic_load_n(&stats->tx_packets, __ATOMIC_RELAXED);
	sum->tx_bytes += __atomic_load_n(&stats->tx_bytes, __ATOMIC_RELAXED);
	sum->cycles += __atomic_load_n(&stats->cycles, __ATOMIC_RELAXED);
	sum->copies += __atomic_load_n(&stats->copies, __ATOMIC_RELAXED);
	sum->merged += __atomic_load_n(&stats->merged, __ATOMIC_RELAXED);
	sum->punted += __atomic_load_n(&stats->punted, __ATOMIC_RELAXED);
	for (unsigned int r = 0; r < DROP_REASONS; r++)
		sum->drops[r] += __atomic_load_n(&stats->drops[r], __ATOMIC_RELAXED);
	sum->learn_lost += __atomic_load_n(&stats->learn_lost, __ATOMIC_RELAXED);
}

void
switch_port_stats(const struct vswitch *sw, const struct switch_port *port,
		  struct port_stats *ret_sum)
{
	*ret_sum = (struct port_stats){ 0 };
	for (uint16_t w = 0; w < sw->dp->n_workers; w++) {
		const struct port_stats *stats = &sw->dp->workers[w]->stats[port->dp->id];

		stats_add(ret_sum, stats);
	}
}

/* An id that nobody has, and that no worker can remember. */
static int
switch_port_new_id(struct vswitch *sw, uint16_t *ret_id)
{
	for (uint32_t id = 0; id < PORT_MAX; id++) {
		if (sw->id_used[id])
			continue;
		sw->id_used[id] = true;
		for (uint16_t w = 0; w < sw->dp->n_workers; w++)
			memset(&sw->dp->workers[w]->stats[id], 0, sizeof(struct port_stats));
		*ret_id = id;
		return 0;
	}
	return -ENOSPC;
}

/*
 * Spread the ports over the workers by their first queues, which all guests and most ports have,
 * and the other queues of a port over the workers that follow.
 */
static void
switch_port_assign(struct vswitch *sw, struct port *port)
{
	uint16_t first = 0;

	for (uint16_t w = 1; w < sw->dp->n_workers; w++)
		if (sw->n_ports[w] < sw->n_ports[first])
			first = w;
	port->rxq[0].worker = first;
	if (port->n_rxq > 0)
		sw->n_ports[first]++;
	for (uint16_t queue = 0; queue < port->n_rxq; queue++)
		port->rxq[queue].worker = (first + queue) % sw->dp->n_workers;
	port->tx_shared = port->n_txq < sw->dp->n_workers && !port->type->hands_on;
	for (uint16_t queue = 0; queue < PORT_QUEUES_MAX; queue++)
		rte_spinlock_init(&port->tx_lock[queue]);
}

static void
switch_port_close(struct switch_port *owner)
{
	struct vswitch *sw = owner->sw;
	struct port *port = owner->dp;

	port->type->close(port);
	if (port->n_rxq > 0)
		sw->n_ports[port->rxq[0].worker]--;
	sw->id_used[port->id] = false;
	sw->owners[port->id] = NULL;
	free(owner);
	free(port);
}

/*
 * The kernel waits for its own RCU when a device goes, 30 ms for each tap: of many the control
 * thread closes one at a time, and does other things in between.
 */
static void
switch_port_retired(void *arg)
{
	static const struct timeval now = { 0 };
	struct switch_port *port = arg;
	struct vswitch *sw = port->sw;
	struct port_stats stats;

	switch_port_stats(sw, port, &stats);
	stats_add(&sw->removed, &stats);
	if (!port->dp->type->closes_slowly) {
		switch_port_close(port);
		return;
	}
	STAILQ_INSERT_TAIL(&sw->closing, port, closing);
	evtimer_add(sw->rcu_timer, &now);
}

bool
switch_ports_close(struct vswitch *sw, uint64_t usec)
{
	const uint64_t start = switch_usec();
	struct switch_port *port;

	while ((port = STAILQ_FIRST(&sw->closing)) != NULL) {
		STAILQ_REMOVE_HEAD(&sw->closing, closing);
		switch_port_close(port);
		if (switch_usec() - start >= usec)
			break;
	}
	return !STAILQ_EMPTY(&sw->closing);
}

/* One whose name is wanted needs not wait for the others. */
static void
switch_port_close_first(struct vswitch *sw, const char *name)
{
	struct switch_port *port;

	rcu_poll(sw->rcu);
	STAILQ_FOREACH(port, &sw->closing, closing)
		if (strcmp(port->config.name, name) == 0)
			break;
	if (port == NULL)
		return;
	STAILQ_REMOVE(&sw->closing, port, switch_port, closing);
	switch_port_close(port);
}

int
switch_port_announce(struct vswitch *sw, struct switch_port *port, struct switch_bridge *bridge,
		     struct error *err)
{
	if (port->is_mirror_end)
		return mirror_end_is_busy(port, err);
	if (bridge_flood_add(bridge->dp, sw->rcu, port->dp->id) < 0)
		return error_set(err, ENOMEM, "port %s: no memory for bridge %s", port->config.name,
				 bridge->name);
	return 0;
}

void
switch_port_join(struct switch_port *port, struct switch_bridge *bridge)
{
	port->bridge = bridge;
	bridge->n_ports++;
	stp_port_join(port);
	snoop_port_join(port);
	__atomic_store_n(&port->dp->bridge, bridge->dp, __ATOMIC_RELEASE);
	events_emit(port->sw->events, EVENT_ATTACH, port->config.name,
		    json_pack("{s:s, s:s}", "bridge", bridge->name, "mode", "bridge"),
		    "is on bridge %s", bridge->name);
	loop_port_changed(port);
	capture_ports_changed(port->sw);
	mirror_ports_changed(port->sw);
}

static int
switch_port_attach(struct vswitch *sw, struct switch_port *port, struct switch_bridge *bridge,
		   struct error *err)
{
	int ret = switch_port_announce(sw, port, bridge, err);

	if (ret == 0)
		switch_port_join(port, bridge);
	return ret;
}

void
switch_port_detach(struct vswitch *sw, struct switch_port *port)
{
	struct switch_bridge *bridge = port->bridge;

	if (bridge == NULL)
		return;
	__atomic_store_n(&port->dp->bridge, NULL, __ATOMIC_RELEASE);
	events_emit(sw->events, EVENT_DETACH, port->config.name,
		    json_pack("{s:s, s:s}", "bridge", bridge->name, "mode", "bridge"),
		    "has left bridge %s", bridge->name);
	/* without memory for a shorter list the port stays on it: floods skip what is not here */
	bridge_flood_remove(bridge->dp, sw->rcu, port->dp->id);
	fdb_flush(bridge->dp->fdb, port->dp->id, true);
	snoop_port_leave(port);
	bridge->n_ports--;
	stp_port_leave(port);
	port->bridge = NULL;
	stp_bridge_address(bridge);
	loop_port_changed(port);
	switch_port_unshut(port);
	switch_port_judge(port);
	capture_ports_changed(sw);
	mirror_ports_changed(sw);
}

/* Let workers poll the port. */
static int
switch_port_start(struct vswitch *sw, struct port *port)
{
	for (uint16_t queue = 0; queue < port->n_rxq; queue++) {
		struct worker *worker = sw->dp->workers[port->rxq[queue].worker];
		int fd = port->type->wait == PORT_WAIT_FD ? port->type->rx_fd(port, queue) : -1;

		if (fd >= 0) {
			int ret = worker_watch(worker, fd, RXQ_COOKIE(port->id, queue));

			if (ret < 0)
				return ret;
		} else {
			worker_activate(worker, RXQ_COOKIE(port->id, queue));
		}
	}
	return 0;
}

static void
switch_port_stop(struct vswitch *sw, struct port *port)
{
	if (port->type->wait != PORT_WAIT_FD)
		return;
	for (uint16_t queue = 0; queue < port->n_rxq; queue++) {
		int fd = port->type->rx_fd(port, queue);

		if (fd >= 0)
			worker_unwatch(sw->dp->workers[port->rxq[queue].worker], fd);
	}
}

void
switch_port_remove(struct vswitch *sw, struct switch_port *port)
{
	adopt_leaving(sw, port);
	bond_port_removed(port);
	port_vlan_removed(sw, port);
	routing_port_removed(port);
	switch_port_detach(sw, port);
	switch_port_stop(sw, port->dp);
	LIST_REMOVE(port, list);
	__atomic_store_n(&sw->dp->ports[port->dp->id], NULL, __ATOMIC_RELEASE);
	switch_vlan_put(sw, port->dp->vlan);
	adopt_left(sw, port);
	mirror_ports_changed(sw);
	rcu_retire(sw->rcu, &port->retired, switch_port_retired, port);
}

bool
switch_port_closing(struct vswitch *sw, const char *name)
{
	rcu_poll(sw->rcu);
	for (uint32_t id = 0; id < PORT_MAX; id++)
		if (sw->owners[id] != NULL && datapath_port(sw->dp, id) == NULL &&
		    strcmp(sw->owners[id]->config.name, name) == 0)
			return true;
	return false;
}

unsigned int
switch_ports_closing(struct vswitch *sw)
{
	unsigned int n = 0;

	rcu_poll(sw->rcu);
	for (uint32_t id = 0; id < PORT_MAX; id++)
		n += sw->owners[id] != NULL && datapath_port(sw->dp, id) == NULL;
	return n;
}

/* Open a port that does not exist yet: on no bridge, and nobody receives from it so far. */
static struct switch_port *
switch_port_open(struct vswitch *sw, const struct port_config *config, struct error *err,
		 int *ret_errno)
{
	struct switch_port *port;
	struct port *dp = NULL;

	switch_port_close_first(sw, config->name);
	if (switch_port_closing(sw, config->name)) {
		*ret_errno = error_set(err, EAGAIN, "port %s: is still being closed; try again",
				       config->name);
		return NULL;
	}
	port = calloc(1, sizeof(*port));
	if (port == NULL || posix_memalign((void **)&dp, RTE_CACHE_LINE_SIZE, sizeof(*dp)) != 0) {
		*ret_errno = error_set(err, ENOMEM, "port %s: no memory for it", config->name);
		goto err_free;
	}
	memset(dp, 0, sizeof(*dp));
	if (switch_port_new_id(sw, &dp->id) < 0) {
		*ret_errno = error_set(err, ENOSPC, "port %s: the switch has all of its %u ports",
				       config->name, PORT_MAX);
		goto err_free;
	}
	dp->vlan = switch_vlan_get(sw, &config->vlan, NULL);
	if (dp->vlan == NULL) {
		*ret_errno = error_set(err, ENOMEM, "port %s: no memory for it", config->name);
		goto err_id;
	}
	port->sw = sw;
	port->dp = dp;
	port->config = *config;
	port->config.sw = sw;
	port->config.guest = (struct guest_config){ 0 }; /* switch_port_route() */
	dp->type = port_types[config->kind];
	dp->generation = ++sw->next_generation;
	dp->isolated = config->isolated;
	dp->no_flood = config->no_flood;
	dp->hairpin = config->hairpin;
	dp->carrier_off = config->carrier_off;
	dp->n_rxq = dp->n_txq = 1;
	port_mtu_set(dp, config->mtu != 0 ? config->mtu : PORT_MTU_DEFAULT);
	sw->owners[dp->id] = port;
	*ret_errno = dp->type->open(dp, &port->config, err);
	if (*ret_errno < 0)
		goto err_vlan;
	if (config->carrier_off && dp->type->set_carrier != NULL)
		dp->type->set_carrier(dp, false);
	switch_port_assign(sw, dp);
	LIST_INSERT_HEAD(&sw->ports, port, list);
	capture_ports_changed(sw);
	mirror_ports_changed(sw);
	__atomic_store_n(&sw->dp->ports[dp->id], dp, __ATOMIC_RELEASE);
	return port;

err_vlan:
	switch_vlan_put(sw, dp->vlan);
err_id:
	sw->owners[dp->id] = NULL;
	sw->id_used[dp->id] = false;
err_free:
	free(dp);
	free(port);
	return NULL;
}

/* By its link, by the operator, and by what watches over it. */
static void
switch_port_judge_link(struct switch_port *port)
{
	bool off = port->config.carrier_off, shut = port->shut_reason[0] != '\0';
	bool up = port->link && !off && !shut, was_up = port->dp->up;
	const char *reason = off                      ? "carrier off (set)" :
			     shut                     ? port->shut_reason :
			     port->loop.blocked && up ? port->loop.reason :
							port->link_reason;

	snprintf(port->reason, sizeof(port->reason), "%s", reason);
	port_state_set(port->dp, up, switch_port_state(port));
	/* before the log: others wait for what follows from it; also its MTU may be another */
	bond_port_changed(port);
	snoop_port_changed(port);
	routing_port_changed(port);
	if (up == was_up)
		return;
	log_limited(&port->log_limit, LOG_INFO, "port %s: %s%s%s", port->config.name,
		    up ? "up" : "down", reason[0] != '\0' ? ": " : "", reason);
	events_emit(port->sw->events, EVENT_LINK, port->config.name,
		    json_pack("{s:s, s:s*, s:s*}", "state", up ? "up" : "down", "reason",
			      reason[0] != '\0' ? reason : NULL, "bridge",
			      port->bridge != NULL ? port->bridge->name : NULL),
		    "is %s%s%s", up ? "up" : "down", reason[0] != '\0' ? ": " : "", reason);
	/* stations behind it may have gone elsewhere: let them be learnt again */
	if (!up && port->bridge != NULL)
		fdb_flush(port->bridge->dp->fdb, port->dp->id, false);
	stp_port_changed(port);
	loop_port_changed(port);
}

void
switch_port_judge(struct switch_port *port)
{
	switch_port_judge_link(port);
	port_vlan_follow(port->sw, port);
}

void
switch_port_apply_caps(struct switch_port *port)
{
	uint32_t caps = port->caps;

	/* what a mirror shows is as on a wire */
	if (port->config.checksum_full || port->is_mirror_end)
		caps &= ~(uint32_t)PORT_CAPS_OFFLOAD;
	__atomic_store_n(&port->dp->caps, caps, __ATOMIC_RELAXED);
	bond_port_changed(port);
}

void
switch_port_caps(struct vswitch *sw, struct port *dp, uint32_t caps)
{
	struct switch_port *port = switch_port_of(sw, dp);

	port->caps = caps;
	switch_port_apply_caps(port);
	port_vlan_follow(sw, port);
}

/* The port of a vif (made by netback) or of a bond: put it on a bridge, or have it be routed. */
static int
switch_port_adopt(struct vswitch *sw, struct switch_port *port, struct switch_bridge *bridge,
		  const struct port_config *config, struct error *err)
{
	const unsigned int fields = PORT_SET_ATTACH | (config->has_rate ? PORT_SET_RATE : 0);
	const struct vlan_settings *vlan;
	int ret;

	if (port->bridge != NULL)
		return error_set(err, EEXIST, "port %s: is on bridge %s already", config->name,
				 port->bridge->name);
	if (guest_is(port))
		return error_set(err, EEXIST, "port %s: is in mode %s already", config->name,
				 port->config.guest.mode == PORT_MODE_NAT ? "nat" : "route");
	if ((ret = routing_may_go(port, err)) < 0)
		return ret;
	ret = guest_begin(port, &config->guest, err);
	if (ret < 0)
		return ret;
	ret = switch_port_prepare(sw, port, bridge, fields, config, &vlan, err);
	if (ret < 0) {
		guest_abort(port, &config->guest);
		return ret;
	}
	switch_port_apply(sw, port, fields, config, vlan);
	guest_commit(port, &config->guest);
	if (bridge != NULL)
		switch_port_join(port, bridge);
	if (config->kind == PORT_KIND_VIF)
		port_vif_attached(sw, port);
	return 0;
}

/* Is it made by others than switch_port_add(), and deleted by others? */
static bool
switch_kind_stays(enum port_kind kind)
{
	return kind == PORT_KIND_VIF || kind == PORT_KIND_BOND;
}

/* A new port's mode. */
static int
switch_port_route(struct switch_port *port, const struct guest_config *config, struct error *err)
{
	int ret = guest_begin(port, config, err);

	if (ret == 0)
		guest_commit(port, config);
	return ret;
}

int
switch_port_add(struct vswitch *sw, const char *bridge_name, const struct port_config *config,
		struct error *err)
{
	struct switch_port *port = switch_port_find(sw, config->name);
	struct switch_bridge *bridge = NULL;
	int ret;

	if (bridge_name != NULL) {
		bridge = switch_bridge_need(sw, bridge_name, err);
		if (bridge == NULL)
			return -ENOENT;
	}
	if (bridge != NULL && config->guest.mode != PORT_MODE_BRIDGE)
		return error_set(err, EINVAL, "port %s: is on a bridge in mode bridge only",
				 config->name);
	ret = switch_vlan_check(&config->vlan, config->name, err);
	if (ret == 0)
		ret = stp_port_config_check(&config->stp, config->name, err);
	if (ret < 0)
		return ret;
	if (port != NULL && (bridge != NULL || config->guest.mode != PORT_MODE_BRIDGE) &&
	    port->config.kind == config->kind && switch_kind_stays(config->kind))
		return switch_port_adopt(sw, port, bridge, config, err);
	if (port != NULL)
		return error_set(err, EEXIST, "port %s: exists already%s%s", config->name,
				 port->bridge != NULL ? ", on bridge " : "",
				 port->bridge != NULL ? port->bridge->name : "");
	port = switch_port_open(sw, config, err, &ret);
	if (port == NULL && ret == -ENODEV && config->kind == PORT_KIND_NETDEV &&
	    bridge_name != NULL && strcmp(config->name, bridge_name) == 0)
		error_set(err, ret,
			  "port %s: there is no interface %s here; did you mean type tap, the "
			  "host's own interface on its bridge?",
			  config->name, config->name);
	if (port == NULL)
		return ret;
	ret = bridge != NULL ? switch_port_attach(sw, port, bridge, err) :
			       switch_port_route(port, &config->guest, err);
	/* last, so that the first packet finds the bridge: a file that is read has no second one */
	if (ret == 0 && switch_port_start(sw, port->dp) < 0)
		ret = error_set(err, ENOMEM, "port %s: cannot wait for its packets", config->name);
	if (ret < 0)
		switch_port_remove(sw, port);
	else if (config->kind == PORT_KIND_VIF)
		port_vif_attached(sw, port);
	else
		emulated_added(sw, port);
	return ret;
}

int
switch_port_is_member(const struct switch_port *port, struct error *err)
{
	return error_set(err, EBUSY,
			 "port %s: is a member of bond %s; take it out of its members first",
			 port->config.name, port->member->bond->name);
}

int
switch_port_del(struct vswitch *sw, const char *name, struct error *err)
{
	struct switch_port *port = switch_port_need(sw, name, err);

	if (port == NULL)
		return -ENOENT;
	if (port->member != NULL)
		return switch_port_is_member(port, err);
	if (port->is_mirror_end && port->config.is_auto)
		return mirror_end_is_busy(port, err);
	if (routing_may_go(port, err) < 0 || adopt_may_go(sw, port, err) < 0)
		return -EBUSY;
	if (!switch_kind_stays(port->config.kind)) {
		const int ret = port_vlan_may_go(port, err);

		if (ret < 0)
			return ret;
		emulated_deleted(sw, port);
		switch_port_remove(sw, port);
		return 0;
	}
	/* a vif is the guest's: it goes when its domain's toolstack takes it away */
	if (port->bridge == NULL && port->bond != NULL)
		return error_set(err, ENOENT,
				 "port %s: is on no bridge; \"vsctl bond del %s\" takes the bond "
				 "apart",
				 name, name);
	if (port->bridge == NULL && !guest_is(port))
		return error_set(err, ENOENT, "port %s: is on no bridge", name);
	guest_removed(port);
	switch_port_detach(sw, port);
	if (port->config.kind == PORT_KIND_VIF)
		port_vif_detached(sw, port);
	return 0;
}

void
switch_port_status(struct vswitch *sw, struct port *dp, bool up, const char *reason)
{
	struct switch_port *port = switch_port_of(sw, dp);

	port->link = up;
	snprintf(port->link_reason, sizeof(port->link_reason), "%s", reason);
	if (!up)
		switch_port_unshut(port);
	switch_port_judge(port);
	if (port->bridge != NULL)
		stp_bridge_address(port->bridge);
}

void
switch_remove_vif(struct vswitch *sw, const char *name)
{
	struct switch_port *port = switch_port_find(sw, name);

	if (port != NULL)
		switch_port_remove(sw, port);
}
