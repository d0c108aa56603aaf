/* SPDX-License-Identifier: BSD-3-Clause */
#include "stp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <event2/event.h>
#include <rte_random.h>

#include "agree.h"
#include "error.h"
#include "events.h"
#include "port_types.h"
#include "rstp.h"
#include "slow.h"
#include "switch_priv.h"

#define BPDU_PER_SEC 32 /* of one port; a neighbour sends 6 at most */
#define BPDU_BURST 64
#define TIMER_STEP 20        /* ms: ports' timers that are as near to each other run together */
#define COST_SPEED 20000000u /* 802.1D-2004 table 17-3: path cost times Mb/s */
#define COST_MAX 200000000u
#define SPEED_VIRTUAL 10000 /* Mb/s: of what does not say */

struct stp_bridge {
	struct vswitch *sw;
	struct switch_bridge *bridge;
	struct rstp *rstp;
	struct event *timer;
	uint8_t mac[6];     /* in use */
	uint8_t own_mac[6]; /* at random, while no port has a better one */
	bool flush;         /* some of: */
	bool flush_ports[PORT_MAX];
	uint32_t age; /* seconds, until: */
	uint32_t age_until;
	bool numbers[RSTP_PORT_NUMBER_MAX + 1];
};

struct stp_port {
	struct switch_port *port;
	struct rstp_port *rstp;
	uint64_t bucket_when; /* ms */
	uint64_t bucket;      /* thousandths of BPDUs */
	uint64_t limited;     /* BPDUs */
};

static uint64_t
now_msec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * UINT64_C(1000) + ts.tv_nsec / 1000000;
}

/* --- settings --- */

int
stp_config_check(const struct stp_bridge_config *config, const char *name, struct error *err)
{
	const struct agree_tree tree = {
		.runs = config->mode != STP_OFF,
		.priority = config->priority,
		.hello = config->hello,
		.max_age = config->max_age,
		.forward_delay = config->forward_delay,
	};

	return agree_tree(&tree, name, err);
}

int
stp_port_config_check(const struct stp_port_config *config, const char *name, struct error *err)
{
	return agree_tree_port(config->priority, name, err);
}

static bool
choose(uint8_t word, bool automatic)
{
	return word == TRISTATE_AUTO ? automatic : word == TRISTATE_YES;
}

static uint32_t
cost_of_speed(uint32_t speed)
{
	return RTE_MAX(1u, RTE_MIN(COST_MAX, COST_SPEED / (speed != 0 ? speed : SPEED_VIRTUAL)));
}

static void
port_config(const struct switch_port *port, struct rstp_port_config *ret_config)
{
	const struct stp_port_config *config = &port->config.stp;
	const bool guest = switch_port_is_guest(port), tap = port->config.kind == PORT_KIND_TAP;
	bool full_duplex;
	const uint32_t speed = port_device_speed(port, &full_duplex);

	*ret_config = (struct rstp_port_config){
		.cost = config->cost,
		.priority = config->priority,
		.edge = choose(config->edge, guest || tap),
		.auto_edge = config->edge != TRISTATE_NO,
		.p2p = choose(config->p2p, full_duplex),
		.restricted = choose(config->restricted, guest),
	};
	if (config->cost == 0)
		ret_config->cost = cost_of_speed(speed);
	memcpy(ret_config->mac, port->bridge->stp->mac, sizeof(ret_config->mac));
	if (switch_port_has_mac(port))
		memcpy(ret_config->mac, port->dp->mac, sizeof(ret_config->mac));
}

static void
bridge_config(const struct stp_bridge *stp, const struct stp_bridge_config *config,
	      struct rstp_config *ret_config)
{
	*ret_config = (struct rstp_config){
		.rstp = config->mode == STP_RSTP,
		.priority = config->priority,
		.hello = config->hello,
		.max_age = config->max_age,
		.forward_delay = config->forward_delay,
	};
	memcpy(ret_config->mac, stp->mac, sizeof(ret_config->mac));
}

/* The host's own interface, or the router's: of this machine, but no NIC. */
static bool
is_host(const struct switch_port *port)
{
	return port->config.kind == PORT_KIND_TAP || port->config.kind == PORT_KIND_GATEWAY;
}

/*
 * The bridge's address, as the kernel's bridge has it: the least of its NICs', or else of the
 * host's interfaces', which are as good as unique. A bridge with neither has guests only, and may
 * be called anything: @own_mac.
 */
static void
choose_mac(struct vswitch *sw, const struct switch_bridge *bridge, const uint8_t own_mac[6],
	   uint8_t ret_mac[6])
{
	const struct switch_port *port, *best = NULL;

	LIST_FOREACH(port, &sw->ports, list) {
		if (port->bridge != bridge || switch_port_is_guest(port) ||
		    !switch_port_has_mac(port))
			continue;
		if (best != NULL && is_host(port) && !is_host(best))
			continue;
		if (best == NULL || (!is_host(port) && is_host(best)) ||
		    memcmp(port->dp->mac, best->dp->mac, sizeof(port->dp->mac)) < 0)
			best = port;
	}
	memcpy(ret_mac, best != NULL ? best->dp->mac : own_mac, 6);
}

/* --- what the machines want --- */

static void
tell(struct switch_port *port, bool forwarding)
{
	log_limited(&port->log_limit, LOG_INFO, "port %s: spanning tree: %s", port->config.name,
		    forwarding ? "forwarding" : "discarding");
	events_emit(port->sw->events, EVENT_STP, port->config.name,
		    json_pack("{s:s, s:s*}", "state", forwarding ? "forwarding" : "blocked",
			      "bridge", port->bridge != NULL ? port->bridge->name : NULL),
		    "spanning tree: %s", forwarding ? "forwarding" : "blocked");
}

static void
tell_topology(const struct stp_bridge *stp)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < PORT_MAX; i++)
		n += stp->flush_ports[i];
	events_emit(stp->sw->events, EVENT_TOPOLOGY, stp->bridge->name,
		    json_pack("{s:i}", "ports", (int)n),
		    "topology changed: stations behind %u port%s are learnt anew", n,
		    n == 1 ? "" : "s");
}

static void
on_state(void *ctx, void *user, enum rstp_state state)
{
	static const enum port_state states[] = {
		[RSTP_DISCARDING] = PORT_BLOCKED,
		[RSTP_LEARNING] = PORT_LEARNING,
		[RSTP_FORWARDING] = PORT_FORWARDING,
	};
	struct stp_port *stp_port = user;
	struct switch_port *port = stp_port->port;

	(void)ctx;
	if (port->stp_state == states[state])
		return;
	port->stp_state = states[state];
	if (port->dp->up && state != RSTP_LEARNING)
		tell(port, state == RSTP_FORWARDING);
	switch_port_judge(port);
}

static void
on_flush(void *ctx, void *user)
{
	const struct stp_port *stp_port = user;
	struct stp_bridge *stp = ctx;

	stp->flush = true;
	stp->flush_ports[stp_port->port->dp->id] = true;
}

static void
on_age(void *ctx, unsigned int seconds)
{
	struct stp_bridge *stp = ctx;

	stp->age = seconds;
	stp->age_until = switch_now() + seconds;
}

static void
on_send(void *ctx, void *user, const uint8_t *frame, size_t len)
{
	const struct stp_port *stp_port = user;
	const struct stp_bridge *stp = ctx;

	/* what there is no room for now is said again in two seconds */
	slow_send(stp->sw, stp_port->port, frame, len);
}

static const struct rstp_ops ops = {
	.state = on_state,
	.flush = on_flush,
	.age = on_age,
	.send = on_send,
};

/* After the machines have run: one walk through the FDB, and when to run next. */
static void
settle(struct stp_bridge *stp)
{
	uint64_t next = rstp_next(stp->rstp), now = now_msec();

	if (stp->flush) {
		fdb_flush_ports(stp->bridge->dp->fdb, stp->flush_ports);
		tell_topology(stp);
		memset(stp->flush_ports, 0, sizeof(stp->flush_ports));
		stp->flush = false;
		snoop_resync(stp->bridge);
	}
	if (next == RSTP_NEVER) {
		evtimer_del(stp->timer);
	} else {
		uint64_t msec = (next > now ? next - now : 0) + TIMER_STEP;
		struct timeval wait = { .tv_sec = msec / 1000, .tv_usec = msec % 1000 * 1000 };

		evtimer_add(stp->timer, &wait);
	}
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct stp_bridge *stp = arg;

	(void)fd;
	(void)what;
	rstp_tick(stp->rstp, now_msec());
	settle(stp);
}

/* --- bridges --- */

static void
stp_destroy(struct stp_bridge *stp)
{
	if (stp == NULL)
		return;
	rstp_destroy(stp->rstp);
	if (stp->timer != NULL)
		event_free(stp->timer);
	free(stp);
}

static struct stp_bridge *
stp_create(struct vswitch *sw, struct switch_bridge *bridge, const struct stp_bridge_config *config)
{
	struct stp_bridge *stp = calloc(1, sizeof(*stp));
	struct rstp_config rstp_config;

	if (stp == NULL)
		return NULL;
	stp->sw = sw;
	stp->bridge = bridge;
	rte_eth_random_addr(stp->own_mac);
	choose_mac(sw, bridge, stp->own_mac, stp->mac);
	bridge_config(stp, config, &rstp_config);
	stp->rstp = rstp_create(&ops, stp, &rstp_config);
	stp->timer = evtimer_new(sw->base, on_timer, stp);
	if (stp->rstp != NULL && stp->timer != NULL)
		return stp;
	stp_destroy(stp);
	return NULL;
}

/* Does the workers' part have to give us what comes in for the bridge group address? */
static void
set_punts(struct switch_port *port)
{
	bool wanted =
		port->stp != NULL || (port->bridge != NULL && port->config.stp.bpdu == BPDU_GUARD);
	uint8_t punts = port->dp->punts & ~PORT_PUNT_LINK_LOCAL;

	__atomic_store_n(&port->dp->punts, punts | (wanted ? PORT_PUNT_LINK_LOCAL : 0),
			 __ATOMIC_RELAXED);
}

/* A port that is to be in the tree, and cannot for want of memory, stays blocked: no loop. */
static void
tree_join(struct switch_port *port)
{
	struct stp_bridge *stp = port->bridge->stp;
	struct stp_port *stp_port = calloc(1, sizeof(*stp_port));
	struct rstp_port_config config;
	uint16_t number = 1;

	port->stp_state = PORT_BLOCKED;
	while (number <= RSTP_PORT_NUMBER_MAX && stp->numbers[number])
		number++;
	port_config(port, &config);
	if (stp_port != NULL && number <= RSTP_PORT_NUMBER_MAX) {
		stp_port->port = port;
		stp_port->bucket = BPDU_BURST * 1000;
		stp_port->bucket_when = now_msec();
		stp_port->rstp = rstp_port_add(stp->rstp, number, &config, stp_port, now_msec());
	}
	if (stp_port == NULL || stp_port->rstp == NULL) {
		log_line(LOG_ERR, "port %s: cannot be in the spanning tree of bridge %s: blocked",
			 port->config.name, port->bridge->name);
		free(stp_port);
		return;
	}
	stp->numbers[number] = true;
	port->stp = stp_port;
}

static void
tree_leave(struct switch_port *port)
{
	struct stp_port *stp_port = port->stp;
	struct stp_bridge *stp = port->bridge->stp;

	if (stp_port != NULL) {
		stp->numbers[rstp_port_number(stp_port->rstp)] = false;
		rstp_port_remove(stp_port->rstp, now_msec());
		free(stp_port);
		port->stp = NULL;
		settle(stp);
	}
	port->stp_state = PORT_FORWARDING;
}

/* Let the tree know of the port what is to be known, itself in it or out of it. */
static void
refresh(struct switch_port *port)
{
	struct stp_bridge *stp = port->bridge->stp;
	bool wanted = stp != NULL && port->config.stp.bpdu != BPDU_FILTER;
	struct rstp_port_config config;

	if (wanted && port->stp == NULL)
		tree_join(port);
	else if (!wanted && (port->stp != NULL || port->stp_state != PORT_FORWARDING))
		tree_leave(port);
	set_punts(port);
	switch_port_judge(port);
	if (port->stp == NULL)
		return;
	port_config(port, &config);
	rstp_port_set(port->stp->rstp, &config, now_msec());
	rstp_port_enable(port->stp->rstp, port->dp->up, now_msec());
	settle(stp);
}

void
stp_bridge_address(struct switch_bridge *bridge)
{
	struct stp_bridge *stp = bridge->stp;
	struct rstp_config config;
	uint8_t mac[6];

	if (stp == NULL)
		return;
	choose_mac(stp->sw, bridge, stp->own_mac, mac);
	if (memcmp(mac, stp->mac, sizeof(mac)) == 0)
		return;
	memcpy(stp->mac, mac, sizeof(mac));
	bridge_config(stp, &stp->bridge->config.stp, &config);
	rstp_set(stp->rstp, &config, now_msec());
	settle(stp);
}

static void
refresh_ports(struct vswitch *sw, const struct switch_bridge *bridge)
{
	struct switch_port *port;

	LIST_FOREACH(port, &sw->ports, list)
		if (port->bridge == bridge)
			refresh(port);
}

int
stp_bridge_set(struct vswitch *sw, struct switch_bridge *bridge,
	       const struct stp_bridge_config *config)
{
	struct stp_bridge *stp = bridge->stp;
	struct rstp_config rstp_config;
	struct switch_port *port;

	if (config->mode == STP_OFF) {
		if (stp == NULL)
			return 0;
		/* all at once: nobody has to learn of each that goes */
		LIST_FOREACH(port, &sw->ports, list) {
			if (port->bridge != bridge)
				continue;
			free(port->stp);
			port->stp = NULL;
			port->stp_state = PORT_FORWARDING;
		}
		bridge->stp = NULL;
		stp_destroy(stp);
		refresh_ports(sw, bridge);
		return 0;
	}
	if (stp == NULL) {
		bridge->stp = stp_create(sw, bridge, config);
		if (bridge->stp == NULL)
			return -ENOMEM;
		refresh_ports(sw, bridge);
		return 0;
	}
	bridge_config(stp, config, &rstp_config);
	rstp_set(stp->rstp, &rstp_config, now_msec());
	settle(stp);
	return 0;
}

void
stp_bridge_end(struct switch_bridge *bridge)
{
	stp_destroy(bridge->stp);
	bridge->stp = NULL;
}

/* --- ports --- */

void
stp_port_join(struct switch_port *port)
{
	stp_bridge_address(port->bridge);
	refresh(port);
}

void
stp_port_leave(struct switch_port *port)
{
	tree_leave(port);
	__atomic_store_n(&port->dp->punts, port->dp->punts & ~PORT_PUNT_LINK_LOCAL,
			 __ATOMIC_RELAXED);
}

void
stp_port_changed(struct switch_port *port)
{
	if (port->bridge == NULL)
		return;
	stp_bridge_address(port->bridge);
	refresh(port);
}

/* May one more BPDU of this port be looked at? */
static bool
take_one(struct stp_port *stp_port)
{
	uint64_t now = now_msec();

	stp_port->bucket = RTE_MIN((uint64_t)BPDU_BURST * 1000,
				   stp_port->bucket + (now - stp_port->bucket_when) * BPDU_PER_SEC);
	stp_port->bucket_when = now;
	if (stp_port->bucket < 1000)
		return false;
	stp_port->bucket -= 1000;
	return true;
}

void
stp_receive(struct switch_port *port, const uint8_t *frame, uint32_t len)
{
	if (port->bridge == NULL)
		return;
	if (port->config.stp.bpdu == BPDU_GUARD) {
		char reason[SWITCH_REASON_SIZE];

		snprintf(
			reason, sizeof(reason),
			"BPDU guard: a BPDU has come in; \"vsctl port set %s carrier on\" opens it",
			port->config.name);
		switch_port_shut(port, reason);
		return;
	}
	if (port->stp == NULL)
		return;
	if (!take_one(port->stp)) {
		port->stp->limited++;
		return;
	}
	rstp_port_receive(port->stp->rstp, frame, len, now_msec());
	settle(port->bridge->stp);
}

uint32_t
stp_ageing(const struct switch_bridge *bridge, uint32_t now)
{
	const struct stp_bridge *stp = bridge->stp;
	const uint32_t ageing = bridge->config.ageing;

	if (stp == NULL || (int32_t)(stp->age_until - now) <= 0 ||
	    (ageing != 0 && ageing < stp->age))
		return ageing;
	return stp->age;
}

bool
stp_status(const struct switch_bridge *bridge, struct rstp_status *ret_status)
{
	if (bridge->stp == NULL)
		return false;
	rstp_status(bridge->stp->rstp, now_msec(), ret_status);
	/* as a time that has passed */
	ret_status->last_change = now_msec() - ret_status->last_change;
	return true;
}

uint64_t
stp_bridge_id(struct vswitch *sw, const struct switch_bridge *bridge)
{
	static const uint8_t none[6];
	uint64_t id = bridge->config.stp.priority;
	uint8_t mac[6];

	choose_mac(sw, bridge, bridge->stp != NULL ? bridge->stp->own_mac : none, mac);
	for (size_t i = 0; i < sizeof(mac); i++)
		id = id << 8 | mac[i];
	return id;
}

uint16_t
stp_port_number(const struct switch_port *port)
{
	return port->stp != NULL ? rstp_port_number(port->stp->rstp) : port->dp->id + 1;
}

uint32_t
stp_port_cost(const struct switch_port *port)
{
	const uint32_t cost = port->config.stp.cost;
	bool full_duplex;

	return cost != 0 ? cost : cost_of_speed(port_device_speed(port, &full_duplex));
}

bool
stp_port_status(const struct switch_port *port, struct rstp_port_status *ret_status,
		uint64_t *ret_limited)
{
	if (port->stp == NULL)
		return false;
	rstp_port_status(port->stp->rstp, now_msec(), ret_status);
	*ret_limited = port->stp->limited;
	return true;
}

const struct switch_port *
stp_root_port(const struct switch_bridge *bridge)
{
	const struct stp_port *stp_port;
	struct rstp_status status;

	if (!stp_status(bridge, &status) || status.root_port == NULL)
		return NULL;
	stp_port = rstp_port_user(status.root_port);
	return stp_port->port;
}
