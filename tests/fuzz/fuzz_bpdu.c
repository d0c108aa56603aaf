/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fuzz target: hostile BPDUs and loop probes, alone and as the life of a bridge with four ports.
 *
 * The input is a row of steps: a byte that says what and which port, a byte of length or of a
 * value, and for a BPDU that many bytes from its LLC on. What must hold after each step: one root
 * port at most, and no restricted one; ports without link discard; something is due only later; and
 * no more is sent than TxHoldCount allows.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loop_probe.h"
#include "rstp.h"

#define PORTS 4
#define FRAME_MAX (14 + 255)
#define HOLD_COUNT 6
#define MESSAGE_AGE_AT 44 /* whole seconds, in a frame */
#define MAX_AGE_AT 46

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct bed {
	uint64_t now;
	struct rstp *rstp;
	struct rstp_port *ports[PORTS];
	enum rstp_state states[PORTS];
	bool enabled[PORTS];
	unsigned int n_sent[PORTS];
};

static void
must(bool truth, const char *what)
{
	if (truth)
		return;
	fprintf(stderr, "fuzz_bpdu: %s\n", what);
	abort();
}

static void
on_state(void *ctx, void *user, enum rstp_state state)
{
	struct bed *bed = ctx;

	bed->states[(uintptr_t)user] = state;
}

static void
on_flush(void *ctx, void *user)
{
	(void)ctx;
	(void)user;
}

static void
on_age(void *ctx, unsigned int seconds)
{
	(void)ctx;
	must(seconds >= 2 && seconds <= 30, "ages in no time, or never");
}

static void
on_send(void *ctx, void *user, const uint8_t *frame, size_t len)
{
	struct bed *bed = ctx;
	struct bpdu bpdu;

	must(bed->enabled[(uintptr_t)user], "sent without link");
	/* what it was told may be too old to be told on */
	must(bpdu_parse(frame, len, &bpdu) == 0 ||
		     (len > MAX_AGE_AT && frame[MESSAGE_AGE_AT] >= frame[MAX_AGE_AT]),
	     "sent what it would refuse");
	bed->n_sent[(uintptr_t)user]++;
}

static const struct rstp_ops ops = {
	.state = on_state,
	.flush = on_flush,
	.age = on_age,
	.send = on_send,
};

static void
check(const struct bed *bed)
{
	unsigned int n_roots = 0;
	struct rstp_status status;

	rstp_status(bed->rstp, bed->now, &status);
	for (unsigned int i = 0; i < PORTS; i++) {
		struct rstp_port_status port;

		rstp_port_status(bed->ports[i], bed->now, &port);
		n_roots += port.role == RSTP_ROLE_ROOT;
		must(port.role != RSTP_ROLE_ROOT || !port.config.restricted,
		     "a root port that is restricted");
		must(port.state == bed->states[i], "states differ");
		must(bed->enabled[i] || port.state == RSTP_DISCARDING, "no link, but forwarding");
		must((port.role != RSTP_ROLE_ALTERNATE && port.role != RSTP_ROLE_BACKUP) ||
			     port.state == RSTP_DISCARDING,
		     "an alternate that forwards");
	}
	must(n_roots <= 1, "several root ports");
	must((n_roots == 1) == (status.root_port != NULL), "root port, but not known");
	must(rstp_next(bed->rstp) > bed->now, "due in the past");
}

static size_t
frame_of(const uint8_t *body, size_t len, uint8_t *ret_frame)
{
	memcpy(ret_frame, BPDU_MAC "\2\0\0\0\0\7", 12);
	ret_frame[12] = 0;
	ret_frame[13] = len;
	memcpy(ret_frame + 14, body, len);
	return 14 + len;
}

static void
pass(struct bed *bed, uint64_t msec)
{
	const uint64_t end = bed->now + msec;
	unsigned int before[PORTS];

	memcpy(before, bed->n_sent, sizeof(before));
	while (bed->now < end) {
		uint64_t next = rstp_next(bed->rstp);

		bed->now = next < end ? next : end;
		rstp_tick(bed->rstp, bed->now);
	}
	for (unsigned int i = 0; i < PORTS; i++)
		must(bed->n_sent[i] - before[i] <= HOLD_COUNT + msec / 1000 + 1, "sent too much");
}

static void
configure(struct bed *bed, uint8_t value, bool change)
{
	struct rstp_config config = {
		.rstp = !(value & 1),
		.priority = (value & 0xf0) << 8,
		.mac = { 2, 0, 0, 0, 0, value & 2 },
		.hello = 2,
		.max_age = 20,
		.forward_delay = 15,
	};

	if (change)
		rstp_set(bed->rstp, &config, bed->now);
	else
		bed->rstp = rstp_create(&ops, bed, &config);
	must(bed->rstp != NULL, "no memory");
}

static void
configure_port(struct bed *bed, unsigned int i, uint8_t value)
{
	const struct rstp_port_config config = {
		.cost = 1 + value * UINT32_C(700000),
		.priority = value & 0xf0,
		.edge = value & 1,
		.auto_edge = value & 2,
		.p2p = value & 4,
		.restricted = value & 8,
		.mac = { 2, 1 },
	};

	if (bed->ports[i] == NULL)
		bed->ports[i] =
			rstp_port_add(bed->rstp, i + 1, &config, (void *)(uintptr_t)i, bed->now);
	else
		rstp_port_set(bed->ports[i], &config, bed->now);
	must(bed->ports[i] != NULL, "no memory");
}

/* Return: bytes of @data that it took. */
static size_t
step(struct bed *bed, const uint8_t *data, size_t size)
{
	const uint8_t what = data[0] >> 2, i = data[0] % PORTS, value = data[1];
	uint8_t frame[FRAME_MAX];

	switch (what % 6) {
	case 0:
		bed->enabled[i] = value & 1;
		rstp_port_enable(bed->ports[i], value & 1, bed->now);
		return 2;
	case 1:
		pass(bed, value * UINT64_C(100));
		return 2;
	case 2:
		configure(bed, value, true);
		return 2;
	case 3:
		configure_port(bed, i, value);
		return 2;
	default:
		if (size < 2u + value)
			return size;
		rstp_port_receive(bed->ports[i], frame, frame_of(data + 2, value, frame), bed->now);
		return 2 + value;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct loop_key key = { { 1, 2 } };
	struct bed bed = { .now = 1000 };
	struct loop_probe probe;
	struct bpdu bpdu;

	bpdu_parse(data, size, &bpdu);
	loop_probe_parse(&key, data, size, 1000, &probe);
	configure(&bed, 0x80, false);
	for (unsigned int i = 0; i < PORTS; i++)
		configure_port(&bed, i, i == 3 ? 0x8c : 0x86);
	while (size >= 2) {
		size_t taken = step(&bed, data, size);

		check(&bed);
		data += taken;
		size -= taken;
	}
	rstp_destroy(bed.rstp);
	return 0;
}
