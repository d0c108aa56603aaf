/* SPDX-License-Identifier: BSD-3-Clause */
#include "lacp_bond.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "bond_priv.h"
#include "error.h"
#include "lacp_bond_priv.h"
#include "log.h"
#include "slow.h"

#define KEY 1 /* each bond is a system of its own: see lacp_bond.h */

/* --- what all bonds share --- */

static struct lacp_state *
state_open(const struct vswitch *sw)
{
	const char *run_dir = sw->run_dir != NULL ? sw->run_dir : "/run/vswitch";
	struct lacp_state *state;
	struct error err = { 0 };
	char path[4096];

	snprintf(path, sizeof(path), "%s/lacp.state", run_dir);
	state = lacp_state_open(path, &err);
	if (state == NULL)
		log_line(LOG_WARNING, "%s: after a restart LACP will start anew", err.msg);
	return state;
}

static int
shared_need(struct vswitch *sw, struct error *err)
{
	struct lacp_shared *shared = sw->lacp;

	if (shared != NULL)
		return 0;
	shared = calloc(1, sizeof(*shared));
	if (shared != NULL)
		shared->keepalive = lacp_keepalive_create(sw);
	if (shared == NULL || shared->keepalive == NULL) {
		free(shared);
		return error_set(err, ENOMEM, "no memory for LACP");
	}
	shared->state = state_open(sw);
	sw->lacp = shared;
	return 0;
}

void
lacp_bonds_destroy(struct vswitch *sw)
{
	if (sw->lacp == NULL)
		return;
	lacp_keepalive_destroy(sw->lacp->keepalive);
	lacp_state_close(sw->lacp->state);
	free(sw->lacp);
	sw->lacp = NULL;
}

/* --- one bond --- */

/* Note what the next process needs to go on. */
static void
member_remember(struct lacp_member *member)
{
	const struct lacp_bond *bond = member->member->bond->protocol;
	struct lacp_state *state = member->member->bond->sw->lacp->state;
	const uint8_t slot = member->member->slot;
	struct lacp_record record;

	if (state == NULL)
		return;
	memset(&record, 0, sizeof(record)); /* padding as well: it is in the checksum */
	snprintf(record.bond, sizeof(record.bond), "%s", member->member->bond->name);
	snprintf(record.member, sizeof(record.member), "%s", member->member->port->config.name);
	record.number = bond->lacp.ports[slot].actor.port;
	record.has_saved = lacp_port_save(&bond->lacp, slot, &record.saved);
	lacp_state_put(state, &record, &member->cursor);
}

/* After every call of the machines: arm the timer, and remember. */
static void
bond_settle(struct lacp_bond *bond)
{
	const uint64_t next = lacp_next(&bond->lacp), now = bond_msec();
	const uint64_t msec = next > now ? next - now : 0;
	const struct timeval delay = { .tv_sec = msec / 1000, .tv_usec = msec % 1000 * 1000 };

	for (uint8_t slot = 0; slot < LAG_MEMBERS_MAX; slot++) {
		const struct bond_member *member = bond->bond->members[slot];

		if (member != NULL && member->protocol != NULL)
			member_remember(member->protocol);
	}
	if (next == bond->due)
		return;
	bond->due = next;
	if (next == LACP_NEVER)
		evtimer_del(bond->timer);
	else
		evtimer_add(bond->timer, &delay);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct lacp_bond *bond = arg;
	const uint64_t now = bond_msec();

	(void)fd;
	(void)what;
	if (now > bond->due)
		bond->late_max = RTE_MAX(bond->late_max, now - bond->due);
	bond->due = LACP_NEVER;
	/* what has come while this thread was busy was in time */
	slow_receive(bond->bond->sw);
	lacp_run(&bond->lacp, now);
	bond_settle(bond);
}

static void
on_send(void *ctx, unsigned int slot, const uint8_t *frame)
{
	struct lacp_bond *bond = ctx;
	const struct lacp_port *port = &bond->lacp.ports[slot];
	struct bond_member *member = bond->bond->members[slot];
	struct lacp_member *own = member->protocol;
	uint32_t period = 0;

	if (slow_send(bond->bond->sw, member->port, frame, LACP_FRAME_LEN) < 0)
		own->tx_failures++;
	if (!slow_is_lacp(frame))
		return;
	if (port->mux >= LACP_MUX_ATTACHED && port->rx == LACP_RX_CURRENT)
		period = port->partner.state & LACP_TIMEOUT ? LACP_FAST_PERIODIC :
							      LACP_SLOW_PERIODIC;
	lacp_keepalive_sent(bond->bond->sw->lacp->keepalive, own->kept, frame, period);
}

static void
on_change(void *ctx, unsigned int slot, bool collecting, bool distributing)
{
	struct lacp_bond *bond = ctx;
	struct bond_member *member = bond->bond->members[slot];
	const struct lacp_port *port = &bond->lacp.ports[slot];
	char reason[96];

	snprintf(reason, sizeof(reason), "%s: %s", member->port->config.name,
		 distributing                       ? "agreed with its partner" :
		 port->mux == LACP_MUX_DISTRIBUTING ? lacp_reason_texts[LACP_REASON_MIN_LINKS] :
						      lacp_reason_texts[port->reason]);
	bond_member_negotiated(member, collecting, distributing, reason);
}

static void
on_fallback(void *ctx, bool on)
{
	struct lacp_bond *bond = ctx;

	bond_fallback(bond->bond, on,
		      on ? "no partner answers: fallback to active-backup" :
			   "end of the fallback: a partner answers");
}

static const struct lacp_ops ops = {
	.send = on_send,
	.change = on_change,
	.fallback = on_fallback,
};

static struct lacp_config
config_of(const struct bond *bond)
{
	const struct bond_config *config = &bond->config;
	struct lacp_config lacp = {
		.system_priority = config->lacp_system_priority,
		.key = KEY,
		.active = !config->lacp_passive,
		.fast = config->lacp_fast,
		.fallback = config->lacp_fallback,
		.min_links = config->min_links,
	};

	memcpy(lacp.system, bond_mac(bond), sizeof(lacp.system));
	return lacp;
}

/* The preferred member first, as the operator has put them. */
static uint16_t
port_priority(const struct bond_member *member)
{
	const struct bond_config *config = &member->bond->config;
	uint32_t priority = config->lacp_port_priority;

	for (uint8_t i = 0; i < config->n_members; i++)
		if (strcmp(config->members[i], member->port->config.name) == 0)
			priority += i;
	return RTE_MIN(priority, (uint32_t)UINT16_MAX);
}

static int
lacp_bond_start(struct bond *bond, struct error *err)
{
	struct lacp_config config;
	struct lacp_bond *own;

	if (shared_need(bond->sw, err) < 0)
		return err->code;
	own = calloc(1, sizeof(*own));
	if (own != NULL)
		own->timer = evtimer_new(bond->sw->base, on_timer, own);
	if (own == NULL || own->timer == NULL) {
		free(own);
		return error_set(err, ENOMEM, "bond %s: no memory for LACP", bond->name);
	}
	own->bond = bond;
	own->due = LACP_NEVER;
	config = config_of(bond);
	lacp_init(&own->lacp, &config, &ops, own);
	if (!bond->sw->started) /* until lacp_bonds_ready() */
		lacp_hold(&own->lacp, true, bond_msec());
	bond->protocol = own;
	return 0;
}

static void
lacp_bond_stop(struct bond *bond)
{
	struct lacp_bond *own = bond->protocol;

	event_free(own->timer);
	free(own);
	bond->protocol = NULL;
}

static void
lacp_bond_configured(struct bond *bond)
{
	struct lacp_bond *own = bond->protocol;
	const struct lacp_config config = config_of(bond);

	for (uint8_t slot = 0; slot < LAG_MEMBERS_MAX; slot++)
		if (bond->members[slot] != NULL && bond->members[slot]->protocol != NULL)
			lacp_port_priority(&own->lacp, slot, port_priority(bond->members[slot]),
					   bond_msec());
	lacp_configure(&own->lacp, &config, bond_msec());
	bond_settle(own);
}

/* --- members --- */

/* A port number that no member has: the one it had, if there was one. */
static uint16_t
number_choose(const struct lacp *lacp, uint16_t wanted)
{
	uint16_t number = wanted != 0 ? wanted : 1;
	bool taken = true;

	while (taken) {
		taken = number == 0;
		for (unsigned int i = 0; i < LACP_PORTS_MAX; i++)
			taken |= lacp->ports[i].used && lacp->ports[i].actor.port == number;
		number += taken;
	}
	return number;
}

static int
lacp_member_start(struct bond_member *member, struct error *err)
{
	struct lacp_bond *bond = member->bond->protocol;
	struct lacp_shared *shared = member->bond->sw->lacp;
	struct lacp_record record = { 0 };
	struct lacp_member *own = calloc(1, sizeof(*own));
	const uint64_t now = bond_msec();

	if (own != NULL)
		own->kept = lacp_keepalive_add(shared->keepalive, member->port);
	if (own == NULL || own->kept == NULL) {
		free(own);
		return error_set(err, ENOMEM, "no memory for LACP");
	}
	own->member = member;
	own->cursor = -1;
	member->protocol = own;
	if (shared->state == NULL ||
	    !lacp_state_find(shared->state, member->bond->name, member->port->config.name, &record))
		memset(&record, 0, sizeof(record));
	lacp_port_add(&bond->lacp, member->slot, number_choose(&bond->lacp, record.number),
		      port_priority(member), member->port->dp->mac, now);
	if (record.has_saved && !member->bond->sw->started)
		lacp_port_restore(&bond->lacp, member->slot, &record.saved, now);
	bond_settle(bond);
	return 0;
}

static void
lacp_member_stop(struct bond_member *member)
{
	struct lacp_bond *bond = member->bond->protocol;
	struct lacp_shared *shared = member->bond->sw->lacp;
	struct lacp_member *own = member->protocol;
	/* it is an operator's wish, not the end of the process */
	const bool forget = member->bond->sw->started && !member->bond->sw->stopping;

	if (!forget) {
		/* the next process goes on: neither the partner nor the file is told anything */
		bond->lacp.ports[member->slot].used = false;
	} else {
		lacp_port_del(&bond->lacp, member->slot, bond_msec());
		slow_flush(member->bond->sw, member->port);
		if (shared->state != NULL)
			lacp_state_drop(shared->state, &own->cursor);
	}
	lacp_keepalive_del(shared->keepalive, own->kept);
	member->protocol = NULL;
	free(own);
	if (forget)
		bond_settle(bond);
}

static void
lacp_member_link(struct bond_member *member, bool up, uint32_t mbps, bool full_duplex)
{
	struct lacp_bond *bond = member->bond->protocol;

	/* an interface that came late brought its address, which may be the bond's */
	lacp_port_mac(&bond->lacp, member->slot, member->port->dp->mac);
	if (memcmp(bond->lacp.config.system, bond_mac(member->bond), RTE_ETHER_ADDR_LEN) != 0)
		lacp_bond_configured(member->bond);
	lacp_port_link(&bond->lacp, member->slot, up, mbps, full_duplex, bond_msec());
	bond_settle(bond);
}

static void
lacp_member_receive(struct bond_member *member, const uint8_t *frame, uint32_t len)
{
	struct lacp_bond *bond = member->bond->protocol;

	lacp_receive(&bond->lacp, member->slot, frame, len, bond_msec());
	bond_settle(bond);
}

void
lacp_bonds_ready(struct vswitch *sw)
{
	struct bond *bond;

	LIST_FOREACH(bond, &sw->bonds, list)
		if (bond->running == &lacp_bond_protocol) {
			struct lacp_bond *own = bond->protocol;

			lacp_hold(&own->lacp, false, bond_msec());
			bond_settle(own);
		}
	if (sw->lacp != NULL && sw->lacp->state != NULL)
		lacp_state_keep(sw->lacp->state);
}

void
lacp_bonds_stopping(struct vswitch *sw)
{
	struct bond *bond;

	LIST_FOREACH(bond, &sw->bonds, list)
		if (bond->running == &lacp_bond_protocol) {
			struct lacp_bond *own = bond->protocol;

			lacp_repeat(&own->lacp, bond_msec());
			bond_settle(own);
		}
}

const struct bond_protocol lacp_bond_protocol = {
	.start = lacp_bond_start,
	.stop = lacp_bond_stop,
	.configured = lacp_bond_configured,
	.member_start = lacp_member_start,
	.member_stop = lacp_member_stop,
	.member_link = lacp_member_link,
	.receive = lacp_member_receive,
	.show = lacp_bond_show,
	.member_show = lacp_member_show,
};
