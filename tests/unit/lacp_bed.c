/* SPDX-License-Identifier: BSD-3-Clause */
#include "lacp_bed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SPEED 10000
#define ROUNDS_MAX 1000 /* within one millisecond */

static void
on_send(void *ctx, unsigned int index, const uint8_t *frame)
{
	struct bed_system *system = ctx;
	struct bed_port *port = &system->ports[index];
	struct bed *bed = system->bed;
	struct bed_frame *out;

	/* never more than a burst in a second */
	assert_true(port->sent_at[port->n_sent % LACP_TX_BURST] == 0 ||
		    bed->now - port->sent_at[port->n_sent % LACP_TX_BURST] >= LACP_FAST_PERIODIC ||
		    !system->lacp.ports[index].used || frame[14] != 1);
	port->sent_at[port->n_sent++ % LACP_TX_BURST] = bed->now;
	memcpy(port->last, frame, LACP_FRAME_LEN);
	if (port->peer_system < 0 || bed->systems[port->peer_system].ports[port->peer_port].deaf)
		return;
	assert_true(bed->n_frames < BED_FRAMES);
	out = &bed->frames[bed->n_frames++];
	out->system = port->peer_system;
	out->port = port->peer_port;
	memcpy(out->bytes, frame, LACP_FRAME_LEN);
}

static void
on_change(void *ctx, unsigned int index, bool collecting, bool distributing)
{
	struct bed_system *system = ctx;
	struct bed_port *port = &system->ports[index];

	assert_true(port->collecting != collecting || port->distributing != distributing);
	assert_true(collecting || !distributing);
	port->collecting = collecting;
	port->distributing = distributing;
	port->n_changes++;
}

static void
on_fallback(void *ctx, bool on)
{
	struct bed_system *system = ctx;

	assert_true(system->fallback != on);
	system->fallback = on;
}

static const struct lacp_ops ops = {
	.send = on_send,
	.change = on_change,
	.fallback = on_fallback,
};

struct lacp_config
bed_config(int system)
{
	return (struct lacp_config){
		.system = { 0x02, 0, 0, 0, 0, 0x10 + system },
		.system_priority = LACP_PRIORITY_DEFAULT,
		.key = 1 + system,
		.active = true,
		.fast = true,
		.min_links = 1,
	};
}

void
bed_create(struct bed *bed)
{
	memset(bed, 0, sizeof(*bed));
	bed->now = 100000;
	for (int s = 0; s < BED_SYSTEMS; s++) {
		struct bed_system *system = &bed->systems[s];

		system->bed = bed;
		system->config = bed_config(s);
		lacp_init(&system->lacp, &system->config, &ops, system);
		for (int p = 0; p < LACP_PORTS_MAX; p++)
			system->ports[p].peer_system = -1;
	}
}

static void
port_make(struct bed *bed, int s, int p)
{
	const uint8_t mac[6] = { 0x02, 1, 0, 0, s, p };

	if (!bed->systems[s].lacp.ports[p].used)
		lacp_port_add(&bed->systems[s].lacp, p, 1 + p, LACP_PRIORITY_DEFAULT, mac,
			      bed->now);
}

void
bed_link(struct bed *bed, int system, int port, bool up)
{
	if (!bed->systems[system].stopped)
		lacp_port_link(&bed->systems[system].lacp, port, up, SPEED, true, bed->now);
}

void
bed_wire(struct bed *bed, int system_a, int port_a, int system_b, int port_b)
{
	bed->systems[system_a].ports[port_a].peer_system = system_b;
	bed->systems[system_a].ports[port_a].peer_port = port_b;
	bed->systems[system_b].ports[port_b].peer_system = system_a;
	bed->systems[system_b].ports[port_b].peer_port = port_a;
	port_make(bed, system_a, port_a);
	port_make(bed, system_b, port_b);
	bed_link(bed, system_a, port_a, true);
	bed_link(bed, system_b, port_b, true);
}

void
bed_cable(struct bed *bed, int system, int port, bool up)
{
	const struct bed_port *end = &bed->systems[system].ports[port];

	bed_link(bed, system, port, up);
	bed_link(bed, end->peer_system, end->peer_port, up);
}

void
bed_deliver(struct bed *bed)
{
	unsigned int rounds = 0;

	while (bed->n_frames > 0) {
		struct bed_frame frame = bed->frames[0];
		struct bed_system *to = &bed->systems[frame.system];

		assert_true(rounds++ < ROUNDS_MAX);
		memmove(bed->frames, bed->frames + 1, --bed->n_frames * sizeof(frame));
		if (!to->stopped)
			lacp_receive(&to->lacp, frame.port, frame.bytes, LACP_FRAME_LEN, bed->now);
	}
}

/* To the next event, or to @end. */
static void
step(struct bed *bed, uint64_t end)
{
	uint64_t next = end;

	bed_deliver(bed);
	for (int s = 0; s < BED_SYSTEMS; s++) {
		const uint64_t at = lacp_next(&bed->systems[s].lacp);

		if (!bed->systems[s].stopped && at < next)
			next = at;
	}
	/* nothing keeps the processor busy */
	bed->n_steps = next > bed->now ? 0 : bed->n_steps + 1;
	assert_true(bed->n_steps < BED_SYSTEMS * 2 || bed->now == end);
	bed->now = next > bed->now ? next : bed->now;
	for (int s = 0; s < BED_SYSTEMS; s++)
		if (!bed->systems[s].stopped && lacp_next(&bed->systems[s].lacp) <= bed->now)
			lacp_run(&bed->systems[s].lacp, bed->now);
	bed_deliver(bed);
}

void
bed_run(struct bed *bed, uint64_t msec)
{
	const uint64_t end = bed->now + msec;

	do {
		step(bed, end);
	} while (bed->now < end);
}

uint64_t
bed_until(struct bed *bed, int system, int port, bool distributing, uint64_t limit)
{
	const struct bed_port *end = &bed->systems[system].ports[port];
	const uint64_t start = bed->now;

	bed_deliver(bed);
	while (end->distributing != distributing) {
		if (bed->now >= start + limit)
			fail_msg("system %d port %d: %s after %u ms", system, port,
				 distributing ? "not distributing" : "still distributing",
				 (unsigned int)limit);
		step(bed, start + limit);
	}
	return bed->now - start;
}

unsigned int
bed_distributing(const struct bed *bed, int system)
{
	unsigned int n = 0;

	for (int p = 0; p < LACP_PORTS_MAX; p++)
		n += bed->systems[system].ports[p].distributing;
	return n;
}

void
bed_restart(struct bed *bed, int s, uint64_t gap)
{
	struct bed_system *system = &bed->systems[s];
	struct lacp_saved saved[LACP_PORTS_MAX];
	bool has[LACP_PORTS_MAX], used[LACP_PORTS_MAX];
	int p;

	for (p = 0; p < LACP_PORTS_MAX; p++) {
		used[p] = system->lacp.ports[p].used;
		has[p] = lacp_port_save(&system->lacp, p, &saved[p]);
	}
	system->stopped = true;
	bed_run(bed, gap);
	system->stopped = false;
	system->fallback = false;
	lacp_init(&system->lacp, &system->config, &ops, system);
	/* ports come one after the other; some links are seen a moment later */
	lacp_hold(&system->lacp, true, bed->now);
	for (p = 0; p < LACP_PORTS_MAX; p++) {
		system->ports[p].collecting = system->ports[p].distributing = false;
		memset(system->ports[p].sent_at, 0, sizeof(system->ports[p].sent_at));
		if (!used[p])
			continue;
		port_make(bed, s, p);
		if (has[p])
			lacp_port_restore(&system->lacp, p, &saved[p], bed->now);
		if (p % 2 == 0)
			bed_link(bed, s, p, true);
	}
	lacp_hold(&system->lacp, false, bed->now);
	for (p = 0; p < LACP_PORTS_MAX; p++) {
		if (!used[p])
			continue;
		bed_run(bed, 10);
		bed_link(bed, s, p, true);
	}
	bed_deliver(bed);
}
