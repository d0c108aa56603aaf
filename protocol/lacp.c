/* SPDX-License-Identifier: BSD-3-Clause */
#include "lacp.h"

#include <string.h>

#include "lacp_priv.h"

/* What others are told. */

static unsigned int
n_distributing(struct lacp *lacp)
{
	unsigned int n = 0;

	FOREACH_USED(port, lacp)
		n += port->restoring || port->mux == LACP_MUX_DISTRIBUTING;
	return n;
}

static void
report(struct lacp *lacp)
{
	const bool enough = n_distributing(lacp) >= lacp->config.min_links;

	FOREACH_USED(port, lacp) {
		const bool collecting = port->mux >= LACP_MUX_COLLECTING;
		const bool distributing = port->mux == LACP_MUX_DISTRIBUTING && enough;

		port->reason = port_reason(port);
		if (collecting == port->reported_collecting &&
		    distributing == port->reported_distributing)
			continue;
		port->reported_collecting = collecting;
		port->reported_distributing = distributing;
		lacp->ops->change(lacp->ctx, (unsigned int)(port - lacp->ports), collecting,
				  distributing);
	}
}

/* Is it for a bond whose partners are all silent to use a link without consent? */
static bool
wants_fallback(struct lacp *lacp, uint64_t now)
{
	bool silent = false, heard = false, distributing = false;

	if (!lacp->config.fallback)
		return false;
	FOREACH_USED(port, lacp) {
		silent |= port->rx == LACP_RX_DEFAULTED;
		heard |=
			port->restoring || (port->enabled && !(port->actor.state & LACP_DEFAULTED));
		distributing |= port->reported_distributing;
	}
	if (!heard) {
		lacp->fallback_end = LACP_NEVER;
		return lacp->fallback || silent;
	}
	if (!lacp->fallback || distributing)
		return false;
	/* a link that works is not given up before another one works */
	if (lacp->fallback_end == LACP_NEVER)
		lacp->fallback_end = now + LACP_FALLBACK_GRACE;
	return now < lacp->fallback_end;
}

static void
fallback_update(struct lacp *lacp, uint64_t now)
{
	const bool on = wants_fallback(lacp, now);

	if (!on)
		lacp->fallback_end = LACP_NEVER;
	if (on == lacp->fallback)
		return;
	lacp->fallback = on;
	lacp->ops->fallback(lacp->ctx, on);
}

static void
transmit(struct lacp *lacp, struct lacp_port *port, uint64_t now)
{
	const struct lacp_pdu pdu = { .actor = port->actor, .partner = port->partner };
	uint8_t frame[LACP_FRAME_LEN];

	lacp_pdu_build(frame, port->mac, &pdu);
	port_sent(port, now);
	lacp->ops->send(lacp->ctx, (unsigned int)(port - lacp->ports), frame);
}

/* Run the machines until nothing changes. */
static void
settle(struct lacp *lacp, uint64_t now)
{
	bool changed;

	if (lacp->held)
		return;
	FOREACH_USED(port, lacp)
		port_timers(port, now);
	/* a port that is UNSELECTED is to be detached before it is selected again */
	do {
		const bool ready = selection_ready(lacp);

		changed = false;
		FOREACH_USED(port, lacp)
			changed |= port_mux(port, ready, now);
		changed |= select_ports(lacp);
	} while (changed);
	report(lacp);
	fallback_update(lacp, now);
	FOREACH_USED(port, lacp) {
		port_timers(port, now);
		if (port_transmit_at(port) <= now)
			transmit(lacp, port, now);
	}
}

/* Calls. */

static void
actor_update(struct lacp *lacp, struct lacp_port *port)
{
	const struct lacp_config *config = &lacp->config;
	const struct lacp_info before = port->actor;

	memcpy(port->actor.system, config->system, sizeof(port->actor.system));
	port->actor.system_priority = config->system_priority;
	port->actor.key = port_key(config, port);
	port->actor.state &= ~(LACP_ACTIVITY | LACP_TIMEOUT);
	port->actor.state |= LACP_AGGREGATION | (config->active ? LACP_ACTIVITY : 0) |
			     (config->fast ? LACP_TIMEOUT : 0);
	if (!port->full_duplex)
		port->actor.state &= ~LACP_AGGREGATION;
	if (memcmp(&before, &port->actor, sizeof(before)) != 0)
		port->ntt = true;
}

void
lacp_init(struct lacp *lacp, const struct lacp_config *config, const struct lacp_ops *ops,
	  void *ctx)
{
	*lacp = (struct lacp){
		.ops = ops, .ctx = ctx, .config = *config, .lead = -1, .fallback_end = LACP_NEVER
	};
}

void
lacp_configure(struct lacp *lacp, const struct lacp_config *config, uint64_t now)
{
	const bool anew =
		memcmp(lacp->config.system, config->system, sizeof(config->system)) != 0 ||
		lacp->config.system_priority != config->system_priority ||
		lacp->config.key != config->key;

	lacp->config = *config;
	FOREACH_USED(port, lacp) {
		actor_update(lacp, port);
		if (anew)
			port->selected = LACP_UNSELECTED;
	}
	settle(lacp, now);
}

void
lacp_port_add(struct lacp *lacp, unsigned int index, uint16_t number, uint16_t priority,
	      const uint8_t mac[6], uint64_t now)
{
	struct lacp_port *port = &lacp->ports[index];

	*port = (struct lacp_port){
		.used = true,
		.full_duplex = true,
		.actor = { .port = number, .port_priority = priority },
		.periodic_timer = LACP_NEVER,
		.wait_while = LACP_NEVER,
		.actor_churn_timer = LACP_NEVER,
		.partner_churn_timer = LACP_NEVER,
		.reason = LACP_REASON_LINK,
	};
	memcpy(port->mac, mac, sizeof(port->mac));
	actor_update(lacp, port);
	port_rx_begin(port);
	settle(lacp, now);
}

void
lacp_port_del(struct lacp *lacp, unsigned int index, uint64_t now)
{
	struct lacp_port *port = &lacp->ports[index];

	port->selected = LACP_UNSELECTED;
	if (port_mux(port, false, now) && port->periodic != LACP_PERIODIC_NONE)
		transmit(lacp, port, now);
	port->used = false;
	if (lacp->lead == (int)index)
		lacp->lead = -1;
	settle(lacp, now);
}

void
lacp_port_mac(struct lacp *lacp, unsigned int index, const uint8_t mac[6])
{
	memcpy(lacp->ports[index].mac, mac, sizeof(lacp->ports[index].mac));
}

void
lacp_port_priority(struct lacp *lacp, unsigned int index, uint16_t priority, uint64_t now)
{
	struct lacp_port *port = &lacp->ports[index];

	if (port->actor.port_priority == priority)
		return;
	port->actor.port_priority = priority;
	port->ntt = true;
	settle(lacp, now);
}

void
lacp_port_link(struct lacp *lacp, unsigned int index, bool up, uint32_t speed, bool full_duplex,
	       uint64_t now)
{
	struct lacp_port *port = &lacp->ports[index];
	const uint16_t key = port->actor.key;

	/* the key of a port without link stays: its speed is unknown, and may come back */
	if (up) {
		port->speed = speed;
		port->full_duplex = full_duplex;
		actor_update(lacp, port);
		if (port->actor.key != key)
			port->selected = LACP_UNSELECTED;
	}
	if (up != port->enabled && !(up && port_take_over(port, now)))
		port_link(port, up, now);
	settle(lacp, now);
}

/* The same port of the partner was heard elsewhere: its cable was moved. 6.4.12, port_moved */
static void
ports_moved(struct lacp *lacp, const struct lacp_port *port)
{
	FOREACH_USED(other, lacp)
		if (other != port && !other->enabled && !other->restoring &&
		    !(other->actor.state & LACP_DEFAULTED) &&
		    other->partner.port == port->partner.port &&
		    partner_compare(&other->partner, &port->partner) == 0)
			port_rx_begin(other);
}

static bool
limit_take(struct lacp_limit *limit, uint8_t max, uint64_t now)
{
	if (now - limit->from >= 1000)
		*limit = (struct lacp_limit){ .from = now };
	if (limit->n >= max)
		return false;
	limit->n++;
	return true;
}

void
lacp_receive(struct lacp *lacp, unsigned int index, const uint8_t *frame, size_t len, uint64_t now)
{
	struct lacp_port *port = &lacp->ports[index];
	uint8_t answer[LACP_FRAME_LEN];
	struct lacp_pdu pdu;

	if (!port->used || !port->enabled)
		return;
	switch (slow_parse(frame, len, &pdu)) {
	case SLOW_LACP:
		port->counters.rx_pdus++;
		port->last_rx = now;
		port_rx_pdu(port, &pdu, now);
		ports_moved(lacp, port);
		settle(lacp, now);
		break;
	case SLOW_MARKER:
		port->counters.rx_markers++;
		if (!limit_take(&port->marker_limit, LACP_MARKER_BURST, now))
			break;
		port->counters.tx_marker_answers++;
		marker_answer(answer, port->mac, frame);
		lacp->ops->send(lacp->ctx, index, answer);
		break;
	default:
		port->counters.rx_bad++;
		break;
	}
}

void
lacp_run(struct lacp *lacp, uint64_t now)
{
	FOREACH_USED(port, lacp)
		if (!lacp->held)
			port_expire(port, now);
	settle(lacp, now);
}

void
lacp_hold(struct lacp *lacp, bool on, uint64_t now)
{
	lacp->held = on;
	settle(lacp, now);
}

void
lacp_repeat(struct lacp *lacp, uint64_t now)
{
	FOREACH_USED(port, lacp)
		if (port->mux >= LACP_MUX_ATTACHED && port->periodic != LACP_PERIODIC_NONE)
			transmit(lacp, port, now);
}

static uint64_t
earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t
lacp_next(const struct lacp *lacp)
{
	uint64_t next = lacp->fallback_end;

	if (lacp->held)
		return LACP_NEVER;
	for (unsigned int i = 0; i < LACP_PORTS_MAX; i++) {
		const struct lacp_port *port = &lacp->ports[i];

		if (!port->used)
			continue;
		next = earlier(next, port->current_while);
		next = earlier(next, port->periodic_timer);
		next = earlier(next, port->wait_while);
		next = earlier(next, port->actor_churn_timer);
		next = earlier(next, port->partner_churn_timer);
		next = earlier(next, port_transmit_at(port));
		if (port->restoring)
			next = earlier(next, lacp_saved_end(&port->saved));
	}
	return next;
}

bool
lacp_port_save(const struct lacp *lacp, unsigned int index, struct lacp_saved *ret_saved)
{
	const struct lacp_port *port = &lacp->ports[index];

	memset(ret_saved, 0, sizeof(*ret_saved));
	if (port->used && port->restoring) {
		*ret_saved = port->saved;
		return true;
	}
	if (!port->used || port->mux < LACP_MUX_COLLECTING)
		return false;
	ret_saved->actor = port->actor;
	ret_saved->partner = port->partner;
	ret_saved->last_rx = port->last_rx;
	ret_saved->last_tx = port->last_tx;
	ret_saved->mux = port->mux;
	return true;
}

void
lacp_port_restore(struct lacp *lacp, unsigned int index, const struct lacp_saved *saved,
		  uint64_t now)
{
	struct lacp_port *port = &lacp->ports[index];
	const uint8_t silent = LACP_DEFAULTED | LACP_EXPIRED;

	if (!port->used || port->enabled || saved->mux < LACP_MUX_COLLECTING ||
	    saved->mux > LACP_MUX_DISTRIBUTING || saved->actor.state & silent ||
	    !lacp_saved_alive(saved, now))
		return;
	port->saved = *saved;
	port->restoring = true;
}
