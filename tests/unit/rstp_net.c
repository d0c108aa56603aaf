/* SPDX-License-Identifier: BSD-3-Clause */
#include "rstp_net.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define LATENCY 1         /* ms */
#define CALM 45000        /* ms without a change: settled, also with STP */
#define SETTLE_MAX 400000 /* ms */
#define NODES (NET_BRIDGES_MAX + NET_LANS_MAX)

static uint64_t last_change; /* of any port's state; simulated networks come one after the other */

static void
on_state(void *ctx, void *user, enum rstp_state state)
{
	struct net_port *port = user;
	bool opens = state == RSTP_FORWARDING;

	(void)ctx;
	if (port->state == state)
		return;
	port->state = state;
	last_change = port->net->now;
	if (opens && net_has_loop(port->net))
		port->net->n_loops++;
}

static void
on_flush(void *ctx, void *user)
{
	struct net_port *port = user;

	(void)ctx;
	port->n_flushes++;
}

static void
on_age(void *ctx, unsigned int seconds)
{
	struct net_bridge *bridge = ctx;

	assert(seconds >= 2 && seconds <= 30);
	bridge->n_fast_ages++;
}

static void
deliver_later(struct net *net, struct net_port *to, const uint8_t *frame, size_t len)
{
	struct net_frame *entry = &net->frames[net->n_frames++];

	assert(net->n_frames < NET_FRAMES_MAX && len <= BPDU_FRAME_MAX);
	entry->when = net->now + LATENCY;
	entry->to = to;
	entry->len = len;
	memcpy(entry->bytes, frame, len);
}

static void
on_send(void *ctx, void *user, const uint8_t *frame, size_t len)
{
	struct net_port *from = user;
	struct net *net = from->net;

	(void)ctx;
	from->n_sent++;
	if (from->lan < 0 || !net->lans[from->lan].up)
		return;
	for (unsigned int b = 0; b < net->n_bridges; b++)
		for (unsigned int p = 0; p < net->bridges[b].n_ports; p++) {
			struct net_port *to = &net->bridges[b].ports[p];

			if (to->lan == from->lan && (to != from || net->lans[from->lan].echo))
				deliver_later(net, to, frame, len);
		}
}

static const struct rstp_ops ops = {
	.state = on_state,
	.flush = on_flush,
	.age = on_age,
	.send = on_send,
};

struct net *
net_create(void)
{
	struct net *net = calloc(1, sizeof(*net));

	assert(net != NULL);
	net->now = 1000;
	last_change = net->now;
	return net;
}

void
net_destroy(struct net *net)
{
	for (unsigned int b = 0; b < net->n_bridges; b++)
		rstp_destroy(net->bridges[b].rstp);
	free(net);
}

struct net_bridge *
net_bridge(struct net *net, bool rstp, uint16_t priority)
{
	struct net_bridge *bridge = &net->bridges[net->n_bridges++];
	struct rstp_config config = {
		.rstp = rstp,
		.priority = priority,
		.mac = { 2, 0, 0, 0, 0, net->n_bridges },
		.hello = 2,
		.max_age = 20,
		.forward_delay = 15,
	};

	assert(net->n_bridges <= NET_BRIDGES_MAX);
	bridge->net = net;
	bridge->rstp = rstp_create(&ops, bridge, &config);
	assert(bridge->rstp != NULL);
	return bridge;
}

struct net_port *
net_port(struct net_bridge *bridge, int lan)
{
	struct net_port *port = &bridge->ports[bridge->n_ports++];
	struct rstp_port_config config = {
		.cost = 20000,
		.priority = 128,
		.auto_edge = true,
		.p2p = true,
		.mac = { 2, 1, 0, 0, bridge->net->n_bridges, bridge->n_ports },
	};

	assert(bridge->n_ports <= NET_PORTS_MAX);
	port->net = bridge->net;
	port->bridge = bridge - bridge->net->bridges;
	port->lan = lan;
	port->port = rstp_port_add(bridge->rstp, bridge->n_ports, &config, port, port->net->now);
	assert(port->port != NULL);
	if (lan < 0 || port->net->lans[lan].up)
		rstp_port_enable(port->port, true, port->net->now);
	return port;
}

int
net_lan(struct net *net)
{
	assert(net->n_lans < NET_LANS_MAX);
	net->lans[net->n_lans].up = true;
	return net->n_lans++;
}

int
net_link(struct net_bridge *a, struct net_bridge *b)
{
	int lan = net_lan(a->net);

	a->net->lans[lan].up = false;
	net_port(a, lan);
	net_port(b, lan);
	net_lan_set(a->net, lan, true);
	return lan;
}

void
net_lan_set(struct net *net, int lan, bool up)
{
	net->lans[lan].up = up;
	last_change = net->now;
	for (unsigned int b = 0; b < net->n_bridges; b++)
		for (unsigned int p = 0; p < net->bridges[b].n_ports; p++)
			if (net->bridges[b].ports[p].lan == lan)
				rstp_port_enable(net->bridges[b].ports[p].port, up, net->now);
}

/* Take the first frame that has arrived. Return: was there one? */
static bool
deliver_one(struct net *net)
{
	struct net_frame frame = net->frames[0];

	if (net->n_frames == 0 || frame.when > net->now)
		return false;
	memmove(&net->frames[0], &net->frames[1], --net->n_frames * sizeof(frame));
	if (!frame.to->deaf && net->lans[frame.to->lan].up)
		rstp_port_receive(frame.to->port, frame.bytes, frame.len, net->now);
	return true;
}

void
net_run(struct net *net, uint64_t msec)
{
	const uint64_t end = net->now + msec;

	for (;;) {
		uint64_t next = net->n_frames > 0 ? net->frames[0].when : end;

		while (deliver_one(net))
			;
		for (unsigned int b = 0; b < net->n_bridges; b++) {
			uint64_t due = rstp_next(net->bridges[b].rstp);

			if (due <= net->now)
				rstp_tick(net->bridges[b].rstp, net->now);
			due = rstp_next(net->bridges[b].rstp);
			assert(due > net->now);
			next = due < next ? due : next;
		}
		if (net->n_frames > 0 && net->frames[0].when < next)
			next = net->frames[0].when;
		if (net->now >= end)
			return;
		net->now = next <= net->now ? net->now + 1 : next > end ? end : next;
	}
}

uint64_t
net_settle(struct net *net)
{
	const uint64_t start = net->now;

	while (net->now - last_change < CALM || net->now - start < CALM) {
		assert(net->now - start < SETTLE_MAX);
		net_run(net, 1000);
	}
	return last_change > start ? last_change - start : 0;
}

/* Bridges and LANs as nodes of a graph, in sets that are connected. */
static unsigned int
find(unsigned int *sets, unsigned int node)
{
	while (sets[node] != node)
		node = sets[node];
	return node;
}

/* Join what ports connect: all of them, or those that forward. Return: ways round. */
static unsigned int
join(const struct net *net, bool all, unsigned int *sets)
{
	unsigned int n_loops = 0;

	for (unsigned int i = 0; i < NODES; i++)
		sets[i] = i;
	for (unsigned int b = 0; b < net->n_bridges; b++)
		for (unsigned int p = 0; p < net->bridges[b].n_ports; p++) {
			const struct net_port *port = &net->bridges[b].ports[p];
			unsigned int x, y;

			if (port->lan < 0 || !net->lans[port->lan].up ||
			    (!all && port->state != RSTP_FORWARDING))
				continue;
			x = find(sets, b);
			y = find(sets, NET_BRIDGES_MAX + port->lan);
			if (x == y)
				n_loops++;
			sets[x] = y;
		}
	return n_loops;
}

bool
net_has_loop(const struct net *net)
{
	unsigned int sets[NODES];

	return join(net, false, sets) > 0;
}

bool
net_is_tree(const struct net *net)
{
	unsigned int wanted[NODES], sets[NODES];

	join(net, true, wanted);
	if (join(net, false, sets) > 0)
		return false;
	for (unsigned int i = 0; i < NODES; i++)
		for (unsigned int j = 0; j < i; j++)
			if ((find(wanted, i) == find(wanted, j)) !=
			    (find(sets, i) == find(sets, j)))
				return false;
	return true;
}

struct rstp_port_status
net_status(const struct net_port *port)
{
	struct rstp_port_status status;

	rstp_port_status(port->port, port->net->now, &status);
	return status;
}
