/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a hostile guest can do at any time, even in the middle of a call of its backend's: steps
 * that take their operands from the fuzzer's input. See fuzz_guest.c.
 *
 * Thread-safety: none; as guest_bed.h.
 */
#ifndef TESTS_GUEST_STEPS_H
#define TESTS_GUEST_STEPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fake_frontend.h"

#define GUEST_REFS 8    /* grants for requests made by hand */
#define GUEST_GRANTS 64 /* more that it may make */

/* What a guest can do at any time. */
enum guest_step {
	TX_REQUEST,
	TX_ENTRY,
	TX_FRAME,
	TX_PUSH,
	TX_REAP,
	RX_REQUEST,
	RX_POST,
	RX_TAKE,
	RING_WORD,
	RING_INDEX,
	EVENTS,
	CTRL_REQUEST,
	CTRL_LIST,
	CTRL_PUSH,
	CTRL_TAKE,
	PAGE_BYTES,
	STORE_KEY,
	STORE_STATE,
	GRANT,
	CHANNEL,
};

/* What is left of the fuzzer's input. */
struct input {
	const uint8_t *data;
	size_t left;
};

struct guest {
	struct fake_hypervisor *fake;
	struct fake_frontend_config config;
	struct fake_frontend *frontend;
	uint32_t refs[GUEST_REFS]; /* the page behind each is a secret */
	uint8_t *pages[GUEST_REFS];
	unsigned int n_grants;
	uint32_t n_listed; /* on the page that control requests refer to */
	uint64_t n_steps;
	uint64_t n_ring_steps; /* of these, on rings that there are */
};

/** take8() and so on - the next bytes of the input; 0 when there are none left. */
uint8_t take8(struct input *input);
uint16_t take16(struct input *input);
uint32_t take32(struct input *input);

/** guest_step() - do one step. */
void guest_step(struct guest *guest, enum guest_step step, struct input *input);

/**
 * guest_send() - send a frame that is mostly in order, or many of them.
 * @frontend: of the hostile guest, or of any other.
 * @behave: in slots and extras, it is.
 */
void guest_send(struct fake_frontend *frontend, uint16_t queue, struct input *input, bool behave);

#endif /* TESTS_GUEST_STEPS_H */
