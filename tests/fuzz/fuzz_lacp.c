/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Slow Protocols frames of any form, at any time, into a bond of three links. The input is a row of
 * steps: a byte that says what, and its operands.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lacp.h"

#define PORTS 3
#define STEPS_MAX 400

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum step {
	STEP_FRAME,  /* length, bytes: as they are */
	STEP_INFO,   /* 16 + 16 bytes: a PDU of this content */
	STEP_ECHO,   /* one: state of a partner that sees us as we are */
	STEP_LINK,   /* one: bit 0 up, bit 1 duplex, others speed */
	STEP_TIME,   /* one: in 100 ms */
	STEP_CONFIG, /* one: bits */
	STEP_AGAIN,  /* none: a port leaves and comes back, from what it saved */
	STEPS
};

struct input {
	const uint8_t *data;
	size_t size;
};

struct witness {
	bool distributing[PORTS];
	unsigned int n_sent; /* since time passed */
};

static uint8_t
take(struct input *in)
{
	if (in->size == 0)
		return 0;
	in->size--;
	return *in->data++;
}

static void
on_send(void *ctx, unsigned int port, const uint8_t *frame)
{
	struct witness *seen = ctx;
	struct lacp_pdu pdu;

	seen->n_sent++;
	if (port >= PORTS ||
	    (slow_parse(frame, LACP_FRAME_LEN, &pdu) == SLOW_OTHER && frame[14] != 2))
		abort();
}

static void
on_change(void *ctx, unsigned int port, bool collecting, bool distributing)
{
	struct witness *seen = ctx;

	if (port >= PORTS || (distributing && !collecting))
		abort();
	seen->distributing[port] = distributing;
}

static void
on_fallback(void *ctx, bool on)
{
	(void)ctx;
	(void)on;
}

static const struct lacp_ops ops = { on_send, on_change, on_fallback };

static struct lacp_config
config_of(uint8_t bits)
{
	return (struct lacp_config){
		.system = { 2, 0, 0, 0, 0, bits >> 7 },
		.system_priority = LACP_PRIORITY_DEFAULT,
		.key = 1,
		.active = bits & 1,
		.fast = bits & 2,
		.fallback = bits & 4,
		.min_links = 1 + (bits >> 3 & 3),
	};
}

static void
info_take(struct input *in, struct lacp_info *info)
{
	for (size_t i = 0; i < sizeof(info->system); i++)
		info->system[i] = take(in);
	info->system_priority = take(in);
	info->key = take(in);
	info->port_priority = take(in);
	info->port = take(in);
	info->state = take(in);
}

static void
receive_pdu(struct lacp *lacp, unsigned int port, const struct lacp_pdu *pdu, uint64_t now)
{
	uint8_t frame[LACP_FRAME_LEN];

	lacp_pdu_build(frame, pdu->actor.system, pdu);
	lacp_receive(lacp, port, frame, sizeof(frame), now);
}

static void
step_frame(struct lacp *lacp, unsigned int port, struct input *in, uint64_t now)
{
	size_t len = take(in);
	uint8_t *frame;

	len = len < in->size ? len : in->size;
	frame = malloc(len > 0 ? len : 1); /* of its exact size */
	if (frame == NULL)
		abort();
	memcpy(frame, in->data, len);
	in->data += len;
	in->size -= len;
	lacp_receive(lacp, port, frame, len, now);
	free(frame);
}

static void
step_again(struct lacp *lacp, unsigned int port, struct witness *seen, uint64_t now)
{
	const uint8_t mac[6] = { 2 };
	struct lacp_saved saved;
	const bool has = lacp_port_save(lacp, port, &saved);

	lacp_port_del(lacp, port, now);
	seen->distributing[port] = false;
	lacp_port_add(lacp, port, 1 + port, LACP_PRIORITY_DEFAULT, mac, now);
	if (has)
		lacp_port_restore(lacp, port, &saved, now);
}

static void
step(struct lacp *lacp, struct input *in, struct witness *seen, uint64_t *now)
{
	const uint8_t what = take(in);
	const unsigned int port = (what >> 4) % PORTS;
	struct lacp_pdu pdu = { 0 };
	struct lacp_config config;
	uint8_t byte;

	switch (what % 16 % STEPS) {
	case STEP_FRAME:
		step_frame(lacp, port, in, *now);
		break;
	case STEP_INFO:
		info_take(in, &pdu.actor);
		info_take(in, &pdu.partner);
		receive_pdu(lacp, port, &pdu, *now);
		break;
	case STEP_ECHO:
		pdu.actor = (struct lacp_info){ .system = { 2, 9 }, .key = 5, .port = 1 + port };
		pdu.actor.state = take(in);
		pdu.partner = lacp->ports[port].actor;
		receive_pdu(lacp, port, &pdu, *now);
		break;
	case STEP_LINK:
		byte = take(in);
		lacp_port_link(lacp, port, byte & 1, (byte >> 2) * 500, byte & 2, *now);
		break;
	case STEP_TIME:
		*now += 1 + take(in) * UINT64_C(100);
		seen->n_sent = 0;
		lacp_run(lacp, *now);
		break;
	case STEP_CONFIG:
		config = config_of(take(in));
		lacp_configure(lacp, &config, *now);
		break;
	default:
		step_again(lacp, port, seen, *now);
		break;
	}
}

/* What must hold after every step. */
static void
check(const struct lacp *lacp, const struct witness *seen, uint64_t now)
{
	unsigned int n = 0, n_mux = 0;

	for (int i = 0; i < PORTS; i++) {
		const struct lacp_port *port = &lacp->ports[i];

		n += seen->distributing[i];
		n_mux += port->mux == LACP_MUX_DISTRIBUTING || port->restoring;
		if (seen->distributing[i] && (!port->enabled || port->rx != LACP_RX_CURRENT ||
					      port->mux != LACP_MUX_DISTRIBUTING))
			abort();
	}
	if (n > 0 && n_mux < lacp->config.min_links)
		abort();
	/* a timer that is due has been served */
	if (lacp_next(lacp) <= now)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct lacp_config config = config_of(7);
	const uint8_t mac[6] = { 2 };
	struct input in = { data, size };
	struct witness seen = { 0 };
	struct lacp lacp;
	uint64_t now = 1;

	lacp_init(&lacp, &config, &ops, &seen);
	for (unsigned int i = 0; i < PORTS; i++) {
		lacp_port_add(&lacp, i, 1 + i, LACP_PRIORITY_DEFAULT, mac, now);
		lacp_port_link(&lacp, i, true, 1000, true, now);
	}
	for (int i = 0; i < STEPS_MAX && in.size > 0; i++) {
		step(&lacp, &in, &seen, &now);
		lacp_run(&lacp, now);
		check(&lacp, &seen, now);
	}
	return 0;
}
