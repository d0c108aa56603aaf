/* SPDX-License-Identifier: BSD-3-Clause */
#include "rstp_priv.h"

#include <stdlib.h>

/* Far more than any change needs; a machine that went round in circles would stop the caller. */
#define PASSES_MAX 1000

void
rstp_touch_all(struct rstp *rstp)
{
	struct rstp_port *port;

	TAILQ_FOREACH(port, &rstp->ports, list)
		rstp_touch(port);
}

/* One pass over the ports that were touched. Return: did anything change? */
static bool
run_pass(struct rstp *rstp)
{
	struct rstp_port *port;
	bool changed = false;

	TAILQ_FOREACH(port, &rstp->ports, list)
		if (port->dirty)
			changed |= rstp_step_receive(port);
	changed |= rstp_role_selection(rstp);
	TAILQ_FOREACH(port, &rstp->ports, list) {
		if (!port->dirty)
			continue;
		port->dirty = false;
		/* updtInfo is for the port information machine, in the next pass */
		if (!rstp_step_role(port) && !port->updt_info)
			continue;
		rstp_touch(port);
		changed = true;
	}
	if (!changed)
		return false;
	/* these wait for all the others (17.20.3); and what was received may have a next step */
	TAILQ_FOREACH(port, &rstp->ports, list)
		if (port->role != RSTP_ROLE_DESIGNATED || port->rcvd_bpdu || port->rcvd_msg)
			rstp_touch(port);
	return true;
}

void
rstp_run(struct rstp *rstp)
{
	struct rstp_port *port;

	for (unsigned int pass = 0; pass < PASSES_MAX && run_pass(rstp); pass++)
		;
	TAILQ_FOREACH(port, &rstp->ports, list)
		while (rstp_step_transmit(port))
			;
}

static void
set_now(struct rstp *rstp, uint64_t now)
{
	if (now > rstp->now)
		rstp->now = now;
}

static void
reselect_all(struct rstp *rstp)
{
	struct rstp_port *port;

	TAILQ_FOREACH(port, &rstp->ports, list) {
		port->reselect = true;
		port->selected = false;
		rstp_touch(port);
	}
}

/* What follows from the configuration. */
static void
apply_config(struct rstp *rstp, const struct rstp_config *config)
{
	uint64_t mac = 0;

	for (unsigned int i = 0; i < sizeof(config->mac); i++)
		mac = mac << 8 | config->mac[i];
	rstp->config = *config;
	rstp->bridge_id = (uint64_t)config->priority << 48 | mac;
	rstp->bridge_times = (struct bpdu_times){
		.max_age = config->max_age * BPDU_SECOND,
		.hello = config->hello * BPDU_SECOND,
		.forward_delay = config->forward_delay * BPDU_SECOND,
	};
}

struct rstp *
rstp_create(const struct rstp_ops *ops, void *ctx, const struct rstp_config *config)
{
	struct rstp *rstp = calloc(1, sizeof(*rstp));

	if (rstp == NULL)
		return NULL;
	TAILQ_INIT(&rstp->ports);
	rstp->ops = ops;
	rstp->ctx = ctx;
	apply_config(rstp, config);
	rstp->root_priority =
		(struct bpdu_vector){ .root = rstp->bridge_id, .bridge = rstp->bridge_id };
	rstp->root_times = rstp->bridge_times;
	return rstp;
}

void
rstp_destroy(struct rstp *rstp)
{
	struct rstp_port *port;

	if (rstp == NULL)
		return;
	while ((port = TAILQ_FIRST(&rstp->ports)) != NULL) {
		TAILQ_REMOVE(&rstp->ports, port, list);
		free(port);
	}
	free(rstp);
}

void
rstp_set(struct rstp *rstp, const struct rstp_config *config, uint64_t now)
{
	bool begin = config->rstp != rstp->config.rstp;
	uint64_t id_before = rstp->bridge_id;
	struct rstp_port *port;

	set_now(rstp, now);
	apply_config(rstp, config);
	TAILQ_FOREACH(port, &rstp->ports, list) {
		/* our own words by our name of before are no other bridge's */
		if (rstp->bridge_id != id_before && port->info_is == INFO_RECEIVED &&
		    port->port_priority.bridge == id_before)
			port->info_is = INFO_AGED;
		if (begin)
			rstp_port_begin(port);
	}
	reselect_all(rstp);
	if (TAILQ_EMPTY(&rstp->ports)) {
		rstp->root_priority =
			(struct bpdu_vector){ .root = rstp->bridge_id, .bridge = rstp->bridge_id };
		rstp->root_times = rstp->bridge_times;
	}
	rstp_run(rstp);
}

struct rstp_port *
rstp_port_add(struct rstp *rstp, uint16_t number, const struct rstp_port_config *config, void *user,
	      uint64_t now)
{
	struct rstp_port *port = calloc(1, sizeof(*port));

	if (port == NULL)
		return NULL;
	set_now(rstp, now);
	port->rstp = rstp;
	port->user = user;
	port->number = number;
	port->config = *config;
	TAILQ_INSERT_TAIL(&rstp->ports, port, list);
	rstp_port_begin(port);
	rstp->ops->state(rstp->ctx, user, RSTP_DISCARDING);
	rstp_run(rstp);
	return port;
}

void
rstp_port_remove(struct rstp_port *port, uint64_t now)
{
	struct rstp *rstp;

	if (port == NULL)
		return;
	rstp = port->rstp;
	set_now(rstp, now);
	TAILQ_REMOVE(&rstp->ports, port, list);
	if (rstp->root_port == port)
		rstp->root_port = NULL;
	free(port);
	reselect_all(rstp);
	rstp_run(rstp);
}

void
rstp_port_set(struct rstp_port *port, const struct rstp_port_config *config, uint64_t now)
{
	set_now(port->rstp, now);
	port->config = *config;
	port->reselect = true;
	port->selected = false;
	rstp_touch(port);
	rstp_run(port->rstp);
}

void
rstp_port_enable(struct rstp_port *port, bool enabled, uint64_t now)
{
	if (port->port_enabled == enabled)
		return;
	set_now(port->rstp, now);
	port->port_enabled = enabled;
	if (enabled) {
		port->edge_delay_while = port->rstp->now + MIGRATE_TIME;
		port->mdelay_while = port->rstp->now + MIGRATE_TIME;
		port->hello_when = port->rstp->now + TIME_MSEC(port->rstp->bridge_times.hello);
	}
	rstp_touch(port);
	rstp_run(port->rstp);
}

void
rstp_port_receive(struct rstp_port *port, const uint8_t *frame, size_t len, uint64_t now)
{
	if (bpdu_parse(frame, len, &port->msg) < 0) {
		port->rx_bad++;
		return;
	}
	port->rx[port->msg.type]++;
	set_now(port->rstp, now);
	port->rcvd_bpdu = true;
	rstp_touch(port);
	rstp_run(port->rstp);
}

void
rstp_tick(struct rstp *rstp, uint64_t now)
{
	set_now(rstp, now);
	rstp_touch_all(rstp);
	rstp_run(rstp);
}

uint64_t
rstp_next(const struct rstp *rstp)
{
	const struct rstp_port *port;
	uint64_t next = RSTP_NEVER;

	TAILQ_FOREACH(port, &rstp->ports, list) {
		const uint64_t timers[] = {
			port->edge_delay_while,
			port->fd_while,
			port->hello_when,
			port->mdelay_while,
			port->rb_while,
			port->rcvd_info_while,
			port->rr_while,
			port->tx_count > 0 && port->new_info ? port->tx_count_when : RSTP_NEVER,
		};

		if (!port->port_enabled)
			continue;
		for (unsigned int i = 0; i < sizeof(timers) / sizeof(timers[0]); i++)
			if (timers[i] > rstp->now && timers[i] < next)
				next = timers[i];
	}
	return next;
}

void
rstp_status(const struct rstp *rstp, uint64_t now, struct rstp_status *ret_status)
{
	const struct rstp_port *port;

	*ret_status = (struct rstp_status){
		.id = rstp->bridge_id,
		.root = rstp->root_priority.root,
		.root_cost = rstp->root_priority.cost,
		.root_port = rstp->root_port,
		.times = rstp->root_times,
		.own_times = rstp->bridge_times,
		.n_changes = rstp->n_changes,
		.last_change = rstp->last_change,
	};
	TAILQ_FOREACH(port, &rstp->ports, list)
		if (port->tc_while > now)
			ret_status->topology_change = true;
}

static uint64_t
left(uint64_t timer, uint64_t now)
{
	return timer > now ? timer - now : 0;
}

void
rstp_port_status(const struct rstp_port *port, uint64_t now, struct rstp_port_status *ret_status)
{
	*ret_status = (struct rstp_port_status){
		.id = rstp_port_id(port),
		.role = port->role,
		.state = port->forwarding ? RSTP_FORWARDING :
			 port->learning   ? RSTP_LEARNING :
					    RSTP_DISCARDING,
		.config = port->config,
		.vector = port->info_is == INFO_DISABLED ? port->designated_priority :
							   port->port_priority,
		.times = port->info_is == INFO_DISABLED ? port->designated_times : port->port_times,
		.enabled = port->port_enabled,
		.edge = port->oper_edge,
		.sends_rstp = port->send_rstp,
		.proposing = port->proposing,
		.agreed = port->agreed,
		.topology_change = port->tc_while > now,
		.info_left = port->info_is == INFO_RECEIVED ? left(port->rcvd_info_while, now) : 0,
		.forward_left = port->forward ? 0 : left(port->fd_while, now),
		.hello_left = port->port_enabled ? left(port->hello_when, now) : 0,
		.change_left = left(port->tc_while, now),
		.rx_bad = port->rx_bad,
		.n_forwarding = port->n_forwarding,
		.n_disputes = port->n_disputes,
	};
	for (unsigned int type = 0; type <= BPDU_RST; type++) {
		ret_status->rx[type] = port->rx[type];
		ret_status->tx[type] = port->tx[type];
	}
}

void *
rstp_port_user(const struct rstp_port *port)
{
	return port->user;
}

uint16_t
rstp_port_number(const struct rstp_port *port)
{
	return port->number;
}
