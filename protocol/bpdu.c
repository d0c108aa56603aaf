/* SPDX-License-Identifier: BSD-3-Clause */
#include "bpdu.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "wire.h"

#define HEADER_LEN 14 /* Ethernet */
#define LLC_LEN 3
#define LENGTH_MAX 1500 /* more is an Ethertype */

/* 9.3.1 to 9.3.3: octets counted from the protocol identifier, which is octet 1 there */
#define OFFSET_VERSION 2
#define OFFSET_TYPE 3
#define OFFSET_FLAGS 4
#define OFFSET_ROOT 5
#define OFFSET_COST 13
#define OFFSET_BRIDGE 17
#define OFFSET_PORT 25
#define OFFSET_MESSAGE_AGE 27
#define OFFSET_MAX_AGE 29
#define OFFSET_HELLO 31
#define OFFSET_FORWARD_DELAY 33
#define OFFSET_VERSION_1_LEN 35

#define TCN_LEN 4
#define CONFIG_LEN 35
#define RST_LEN 36
static_assert(HEADER_LEN + LLC_LEN + RST_LEN <= BPDU_FRAME_MAX, "the longest fits");

#define TYPE_CONFIG 0x00
#define TYPE_RST 0x02
#define TYPE_TCN 0x80
#define VERSION_RSTP 2

#define ROLE_SHIFT 2
#define ROLE_MASK 3
#define CONFIG_FLAGS (BPDU_FLAG_TC | BPDU_FLAG_TC_ACK)
#define RST_FLAGS                                                                        \
	(BPDU_FLAG_TC | BPDU_FLAG_PROPOSAL | BPDU_FLAG_LEARNING | BPDU_FLAG_FORWARDING | \
	 BPDU_FLAG_AGREEMENT)

static const uint8_t llc[LLC_LEN] = { 0x42, 0x42, 0x03 };

/* A time, and what table 17-1 allows, in seconds. */
static uint16_t
get_time(const uint8_t *bytes, unsigned int min, unsigned int max)
{
	uint64_t value = wire_get(bytes, 2);

	if (value < min * BPDU_SECOND)
		return min * BPDU_SECOND;
	return value > max * BPDU_SECOND ? max * BPDU_SECOND : value;
}

static void
parse_config(const uint8_t *body, struct bpdu *bpdu)
{
	bpdu->vector = (struct bpdu_vector){
		.root = wire_get(body + OFFSET_ROOT, 8),
		.cost = wire_get(body + OFFSET_COST, 4),
		.bridge = wire_get(body + OFFSET_BRIDGE, 8),
		.port = wire_get(body + OFFSET_PORT, 2),
	};
	/* the kernel's bridge takes a forward delay of 2 s, which the standard does not */
	bpdu->times = (struct bpdu_times){
		.message_age = wire_get(body + OFFSET_MESSAGE_AGE, 2),
		.max_age = get_time(body + OFFSET_MAX_AGE, 6, 40),
		.hello = get_time(body + OFFSET_HELLO, 1, 10),
		.forward_delay = get_time(body + OFFSET_FORWARD_DELAY, 2, 30),
	};
}

int
bpdu_parse(const uint8_t *frame, size_t len, struct bpdu *ret_bpdu)
{
	const uint8_t *body = frame + HEADER_LEN + LLC_LEN;
	struct bpdu bpdu = { 0 };
	size_t length;

	if (len < HEADER_LEN + LLC_LEN + TCN_LEN || memcmp(frame, BPDU_MAC, 6) != 0 ||
	    memcmp(frame + HEADER_LEN, llc, LLC_LEN) != 0)
		return -EINVAL;
	length = wire_get(frame + 12, 2);
	if (length > LENGTH_MAX || length > len - HEADER_LEN || length < LLC_LEN + TCN_LEN)
		return -EINVAL;
	length -= LLC_LEN;
	if (wire_get(body, 2) != 0)
		return -EINVAL;
	if (body[OFFSET_TYPE] == TYPE_TCN) {
		bpdu.type = BPDU_TCN;
		*ret_bpdu = bpdu;
		return 0;
	}
	if (body[OFFSET_TYPE] == TYPE_RST && body[OFFSET_VERSION] >= VERSION_RSTP &&
	    length >= RST_LEN) {
		bpdu.type = BPDU_RST;
		bpdu.role = body[OFFSET_FLAGS] >> ROLE_SHIFT & ROLE_MASK;
		bpdu.flags = body[OFFSET_FLAGS] & RST_FLAGS;
	} else if (body[OFFSET_TYPE] != TYPE_CONFIG || length < CONFIG_LEN) {
		return -EINVAL;
	}
	/* 9.2.9: a role that is unknown makes it what an STP bridge would have said */
	if (bpdu.role == BPDU_ROLE_UNKNOWN) {
		bpdu.type = BPDU_CONFIG;
		bpdu.role = BPDU_ROLE_DESIGNATED;
		bpdu.flags = body[OFFSET_FLAGS] & CONFIG_FLAGS;
	}
	parse_config(body, &bpdu);
	if (bpdu.type == BPDU_CONFIG && bpdu.times.message_age >= bpdu.times.max_age)
		return -EINVAL;
	*ret_bpdu = bpdu;
	return 0;
}

static size_t
build_body(const struct bpdu *bpdu, uint8_t *body)
{
	memset(body, 0, RST_LEN);
	if (bpdu->type == BPDU_TCN) {
		body[OFFSET_TYPE] = TYPE_TCN;
		return TCN_LEN;
	}
	wire_put(body + OFFSET_ROOT, 8, bpdu->vector.root);
	wire_put(body + OFFSET_COST, 4, bpdu->vector.cost);
	wire_put(body + OFFSET_BRIDGE, 8, bpdu->vector.bridge);
	wire_put(body + OFFSET_PORT, 2, bpdu->vector.port);
	wire_put(body + OFFSET_MESSAGE_AGE, 2, bpdu->times.message_age);
	wire_put(body + OFFSET_MAX_AGE, 2, bpdu->times.max_age);
	wire_put(body + OFFSET_HELLO, 2, bpdu->times.hello);
	wire_put(body + OFFSET_FORWARD_DELAY, 2, bpdu->times.forward_delay);
	if (bpdu->type == BPDU_CONFIG) {
		body[OFFSET_FLAGS] = bpdu->flags & CONFIG_FLAGS;
		return CONFIG_LEN;
	}
	body[OFFSET_VERSION] = VERSION_RSTP;
	body[OFFSET_TYPE] = TYPE_RST;
	body[OFFSET_FLAGS] = (bpdu->flags & RST_FLAGS) | bpdu->role << ROLE_SHIFT;
	body[OFFSET_VERSION_1_LEN] = 0;
	return RST_LEN;
}

size_t
bpdu_build(const struct bpdu *bpdu, const uint8_t src[6], uint8_t *ret_frame)
{
	size_t len = build_body(bpdu, ret_frame + HEADER_LEN + LLC_LEN);

	memcpy(ret_frame, BPDU_MAC, 6);
	memcpy(ret_frame + 6, src, 6);
	wire_put(ret_frame + 12, 2, LLC_LEN + len);
	memcpy(ret_frame + HEADER_LEN, llc, LLC_LEN);
	return HEADER_LEN + LLC_LEN + len;
}

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

int
bpdu_vector_compare(const struct bpdu_vector *a, const struct bpdu_vector *b)
{
	if (a->root != b->root)
		return COMPARE(a->root, b->root);
	if (a->cost != b->cost)
		return COMPARE(a->cost, b->cost);
	if (a->bridge != b->bridge)
		return COMPARE(a->bridge, b->bridge);
	return COMPARE(a->port, b->port);
}
