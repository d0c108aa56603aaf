/* SPDX-License-Identifier: BSD-3-Clause */
/* The machines of one port; clauses are those of IEEE 802.1AX-2014. */
#include "lacp_priv.h"

#include <string.h>

const char *const lacp_rx_names[LACP_RX_STATES] = {
	[LACP_RX_PORT_DISABLED] = "port-disabled",
	[LACP_RX_EXPIRED] = "expired",
	[LACP_RX_DEFAULTED] = "defaulted",
	[LACP_RX_CURRENT] = "current",
};

const char *const lacp_mux_names[LACP_MUX_STATES] = {
	[LACP_MUX_DETACHED] = "detached",         [LACP_MUX_WAITING] = "waiting",
	[LACP_MUX_ATTACHED] = "attached",         [LACP_MUX_COLLECTING] = "collecting",
	[LACP_MUX_DISTRIBUTING] = "distributing",
};

const char *const lacp_churn_names[LACP_CHURN_STATES] = {
	[LACP_CHURN_MONITOR] = "monitor",
	[LACP_CHURN_NONE] = "none",
	[LACP_CHURN_FOUND] = "churn",
};

/* The same port of the same system, with the same say in aggregation? */
static bool
info_same(const struct lacp_info *a, const struct lacp_info *b)
{
	return memcmp(a->system, b->system, sizeof(a->system)) == 0 &&
	       a->system_priority == b->system_priority && a->key == b->key &&
	       a->port_priority == b->port_priority && a->port == b->port &&
	       !((a->state ^ b->state) & LACP_AGGREGATION);
}

static uint64_t
timeout_of(uint8_t state)
{
	return state & LACP_TIMEOUT ? LACP_SHORT_TIMEOUT : LACP_LONG_TIMEOUT;
}

/* Receive machine, 6.4.12. */

/* recordDefault: the partner's administrative values are all zero */
static void
record_default(struct lacp_port *port)
{
	memset(&port->partner, 0, sizeof(port->partner));
	port->actor.state |= LACP_DEFAULTED;
}

void
port_rx_begin(struct lacp_port *port)
{
	port->selected = LACP_UNSELECTED;
	record_default(port);
	port->actor.state &= ~LACP_EXPIRED;
	port->rx = LACP_RX_PORT_DISABLED;
	port->current_while = LACP_NEVER;
}

static void
rx_expired(struct lacp_port *port, uint64_t now)
{
	port->rx = LACP_RX_EXPIRED;
	port->partner.state &= ~LACP_SYNC;
	port->partner.state |= LACP_TIMEOUT;
	port->current_while = now + LACP_SHORT_TIMEOUT;
	port->actor.state |= LACP_EXPIRED;
}

static void
rx_defaulted(struct lacp_port *port)
{
	static const struct lacp_info none;

	port->rx = LACP_RX_DEFAULTED;
	port->current_while = LACP_NEVER;
	if (!info_same(&port->partner, &none))
		port->selected = LACP_UNSELECTED;
	record_default(port);
	port->actor.state &= ~LACP_EXPIRED;
}

/* "LACP will actively maintain the link", 6.4.9 */
static bool
is_maintained(const struct lacp_port *port, const struct lacp_pdu *pdu)
{
	return pdu->actor.state & LACP_ACTIVITY ||
	       (port->actor.state & LACP_ACTIVITY && pdu->partner.state & LACP_ACTIVITY);
}

/* recordPDU, 6.4.9 */
static void
record_pdu(struct lacp_port *port, const struct lacp_pdu *pdu)
{
	const bool in_sync =
		pdu->actor.state & LACP_SYNC && is_maintained(port, pdu) &&
		(info_same(&pdu->partner, &port->actor) || !(pdu->actor.state & LACP_AGGREGATION));

	port->partner = pdu->actor;
	if (!in_sync)
		port->partner.state &= ~LACP_SYNC;
	port->actor.state &= ~LACP_DEFAULTED;
}

/* update_NTT: does the partner see us as we are? */
static bool
is_outdated(const struct lacp_port *port, const struct lacp_pdu *pdu)
{
	const uint8_t seen = LACP_ACTIVITY | LACP_TIMEOUT | LACP_SYNC | LACP_AGGREGATION;

	return !info_same(&pdu->partner, &port->actor) ||
	       (pdu->partner.state ^ port->actor.state) & seen;
}

void
port_rx_pdu(struct lacp_port *port, const struct lacp_pdu *pdu, uint64_t now)
{
	if (!info_same(&pdu->actor, &port->partner))
		port->selected = LACP_UNSELECTED;
	if (is_outdated(port, pdu))
		port->ntt = true;
	record_pdu(port, pdu);
	port->rx = LACP_RX_CURRENT;
	port->current_while = now + timeout_of(port->actor.state);
	port->actor.state &= ~LACP_EXPIRED;
}

void
port_link(struct lacp_port *port, bool up, uint64_t now)
{
	port->enabled = up;
	if (up) {
		rx_expired(port, now);
		/* the partner may have lost patience meanwhile: no waiting for the first period */
		port->ntt = true;
		return;
	}
	port->rx = LACP_RX_PORT_DISABLED;
	port->partner.state &= ~LACP_SYNC;
	port->current_while = LACP_NEVER;
}

void
port_expire(struct lacp_port *port, uint64_t now)
{
	if (!due(port->current_while, now))
		return;
	if (port->rx == LACP_RX_CURRENT) {
		port->counters.expiries++;
		rx_expired(port, now);
	} else {
		rx_defaulted(port);
	}
}

/* Periodic transmission machine, 6.4.13. */

static void
periodic(struct lacp_port *port, uint64_t now)
{
	const bool fast = port->partner.state & LACP_TIMEOUT;
	const enum lacp_periodic next = fast ? LACP_PERIODIC_FAST : LACP_PERIODIC_SLOW;

	if (!port->enabled || !((port->actor.state | port->partner.state) & LACP_ACTIVITY)) {
		port->periodic = LACP_PERIODIC_NONE;
		port->periodic_timer = LACP_NEVER;
		return;
	}
	if (port->periodic == next && !due(port->periodic_timer, now))
		return;
	/* at the end of a period, and at once when the partner starts to want more */
	if (due(port->periodic_timer, now) || (port->periodic == LACP_PERIODIC_SLOW && fast))
		port->ntt = true;
	port->periodic = next;
	port->periodic_timer = now + (fast ? LACP_FAST_PERIODIC : LACP_SLOW_PERIODIC);
}

/* Churn detection machines, 6.4.17: the actor's and the partner's alike. */

static void
churn(const struct lacp_port *port, const struct lacp_info *info, enum lacp_churn *state,
      uint64_t *timer, uint64_t *counter, uint64_t now)
{
	const bool sync = info->state & LACP_SYNC;

	if (!port->enabled) {
		*state = LACP_CHURN_MONITOR;
		*timer = LACP_NEVER;
	} else if (sync) {
		*state = LACP_CHURN_NONE;
		*timer = LACP_NEVER;
	} else if (*state == LACP_CHURN_NONE ||
		   (*state == LACP_CHURN_MONITOR && *timer == LACP_NEVER)) {
		*state = LACP_CHURN_MONITOR;
		*timer = now + LACP_CHURN_TIME;
	} else if (due(*timer, now)) {
		*state = LACP_CHURN_FOUND;
		*timer = LACP_NEVER;
		(*counter)++;
	}
}

void
port_timers(struct lacp_port *port, uint64_t now)
{
	periodic(port, now);
	churn(port, &port->actor, &port->actor_churn, &port->actor_churn_timer,
	      &port->counters.actor_churns, now);
	churn(port, &port->partner, &port->partner_churn, &port->partner_churn_timer,
	      &port->counters.partner_churns, now);
	if (due(port->wait_while, now))
		port->wait_while = LACP_NEVER;
	if (port->restoring && !lacp_saved_alive(&port->saved, now))
		port->restoring = false;
}

/* Mux machine with independent control, 6.4.15 (figure 6-21). */

static enum lacp_mux
mux_next(const struct lacp_port *port, bool ready)
{
	const bool selected = port->selected == LACP_SELECTED;
	const uint8_t partner = port->partner.state;

	switch (port->mux) {
	case LACP_MUX_DETACHED:
		return port->selected != LACP_UNSELECTED ? LACP_MUX_WAITING : LACP_MUX_DETACHED;
	case LACP_MUX_WAITING:
		if (port->selected == LACP_UNSELECTED)
			return LACP_MUX_DETACHED;
		return selected && ready ? LACP_MUX_ATTACHED : LACP_MUX_WAITING;
	case LACP_MUX_ATTACHED:
		if (!selected)
			return LACP_MUX_DETACHED;
		return partner & LACP_SYNC ? LACP_MUX_COLLECTING : LACP_MUX_ATTACHED;
	case LACP_MUX_COLLECTING:
		if (!selected || !(partner & LACP_SYNC))
			return LACP_MUX_ATTACHED;
		return partner & LACP_COLLECTING ? LACP_MUX_DISTRIBUTING : LACP_MUX_COLLECTING;
	default:
		return selected && partner & LACP_SYNC && partner & LACP_COLLECTING ?
			       LACP_MUX_DISTRIBUTING :
			       LACP_MUX_COLLECTING;
	}
}

static void
mux_enter(struct lacp_port *port, enum lacp_mux mux, uint64_t now)
{
	static const uint8_t states[LACP_MUX_STATES] = {
		[LACP_MUX_ATTACHED] = LACP_SYNC,
		[LACP_MUX_COLLECTING] = LACP_SYNC | LACP_COLLECTING,
		[LACP_MUX_DISTRIBUTING] = LACP_SYNC | LACP_COLLECTING | LACP_DISTRIBUTING,
	};

	port->mux = mux;
	port->actor.state &= ~(LACP_SYNC | LACP_COLLECTING | LACP_DISTRIBUTING);
	port->actor.state |= states[mux];
	port->wait_while = mux == LACP_MUX_WAITING ? now + LACP_AGGREGATE_WAIT : LACP_NEVER;
	if (mux != LACP_MUX_WAITING)
		port->ntt = true;
}

bool
port_mux(struct lacp_port *port, bool ready, uint64_t now)
{
	enum lacp_mux next;
	bool changed = false;

	while ((next = mux_next(port, ready)) != port->mux) {
		mux_enter(port, next, now);
		changed = true;
		/* whether it is ready is to be asked anew: it waits from now on */
		if (next == LACP_MUX_WAITING)
			break;
	}
	return changed;
}

/* Transmit machine, 6.4.16. */

uint64_t
port_transmit_at(const struct lacp_port *port)
{
	const uint64_t oldest = port->tx_times[port->tx_next];

	if (!port->used || !port->ntt || port->periodic == LACP_PERIODIC_NONE)
		return LACP_NEVER;
	return oldest != 0 ? oldest + LACP_FAST_PERIODIC : 0;
}

void
port_sent(struct lacp_port *port, uint64_t now)
{
	port->ntt = false;
	port->tx_times[port->tx_next] = now;
	port->tx_next = (port->tx_next + 1) % LACP_TX_BURST;
	port->last_tx = now;
	port->counters.tx_pdus++;
}

/* A restart. */

uint64_t
lacp_saved_end(const struct lacp_saved *saved)
{
	return saved->last_tx + timeout_of(saved->partner.state);
}

bool
lacp_saved_alive(const struct lacp_saved *saved, uint64_t now)
{
	return saved->last_tx <= now && now < lacp_saved_end(saved);
}

bool
port_take_over(struct lacp_port *port, uint64_t now)
{
	const struct lacp_saved *saved = &port->saved;

	if (!port->restoring)
		return false;
	port->restoring = false;
	if (!lacp_saved_alive(saved, now) || !info_same(&saved->actor, &port->actor))
		return false;
	port->enabled = true;
	port->partner = saved->partner;
	port->actor.state &= ~(LACP_DEFAULTED | LACP_EXPIRED);
	port->rx = LACP_RX_CURRENT;
	port->current_while = now + timeout_of(port->actor.state);
	mux_enter(port, saved->mux, now);
	port->selected = LACP_SELECTED;
	port->last_rx = saved->last_rx;
	port->last_tx = saved->last_tx;
	return true;
}
