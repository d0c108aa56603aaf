/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * BPDU: the messages of the spanning tree protocols, IEEE 802.1D-2004 clause 9.
 *
 * How: bpdu_parse() checks all of a received message (9.3.4) and gives it as numbers that compare
 * as the standard compares them; bpdu_build() is its reverse. Both work on whole Ethernet frames:
 * destination 01:80:c2:00:00:00, an 802.3 length, LLC 42 42 03. What a message says of times is
 * brought into the ranges of table 17-1, so that nobody can make a bridge wait for hours.
 *
 * Thread-safety: pure functions, any thread.
 */
#ifndef PROTOCOL_BPDU_H
#define PROTOCOL_BPDU_H

#include <stddef.h>
#include <stdint.h>

#define BPDU_FRAME_MAX 60 /* bytes of a frame that bpdu_build() makes, without padding */
#define BPDU_SECOND 256   /* times are in units of 1/256 s */
#define BPDU_MAC "\x01\x80\xc2\x00\x00\x00"

enum bpdu_type {
	BPDU_CONFIG, /* 9.3.1: STP */
	BPDU_TCN,    /* 9.3.2: STP, topology change notification */
	BPDU_RST,    /* 9.3.3: RSTP; what MSTP sends reads as this, too */
};

/* 9.3.3: octet 5; of BPDU_CONFIG only the first and the last */
enum bpdu_flag {
	BPDU_FLAG_TC = 1 << 0,
	BPDU_FLAG_PROPOSAL = 1 << 1,
	BPDU_FLAG_LEARNING = 1 << 4,
	BPDU_FLAG_FORWARDING = 1 << 5,
	BPDU_FLAG_AGREEMENT = 1 << 6,
	BPDU_FLAG_TC_ACK = 1 << 7,
};

/* 9.2.9: encoded in bits 2 and 3 of the flags */
enum bpdu_role {
	BPDU_ROLE_UNKNOWN,
	BPDU_ROLE_ALTERNATE, /* or backup */
	BPDU_ROLE_ROOT,
	BPDU_ROLE_DESIGNATED,
};

/* 17.6: what is compared, in this order; less is better. */
struct bpdu_vector {
	uint64_t root;   /* bridge identifier: priority in the upper 16 bits, then the address */
	uint32_t cost;   /* root path cost */
	uint64_t bridge; /* designated bridge */
	uint16_t port;   /* designated port: priority in the upper 4 bits, then the number */
};

/* 17.16; in units of 1/256 s. */
struct bpdu_times {
	uint16_t message_age;
	uint16_t max_age;
	uint16_t hello;
	uint16_t forward_delay;
};

struct bpdu {
	enum bpdu_type type;
	enum bpdu_role role; /* of the sender; BPDU_CONFIG: designated */
	uint8_t flags;       /* enum bpdu_flag */
	struct bpdu_vector vector;
	struct bpdu_times times;
};

/**
 * bpdu_parse() - read a received frame
 * @frame: from the destination MAC on
 * @len: bytes of it; what is behind the message (padding) does not matter
 * @ret_bpdu: what it says; of a BPDU_TCN only the type is set
 *
 * Return: 0, or -EINVAL: not a BPDU, or not one that may be heeded. Context: any thread.
 */
int bpdu_parse(const uint8_t *frame, size_t len, struct bpdu *ret_bpdu);

/**
 * bpdu_build() - write a frame
 * @bpdu: what it is to say
 * @src: source address, 6 bytes
 * @ret_frame: room for BPDU_FRAME_MAX
 *
 * Return: bytes, without padding. Context: any thread.
 */
size_t bpdu_build(const struct bpdu *bpdu, const uint8_t src[6], uint8_t *ret_frame);

/**
 * bpdu_vector_compare() - which of two priority vectors is better
 *
 * Return: less than 0 if @a is better, 0 if they are the same, more than 0 if @b is better.
 * Context: any thread.
 */
int bpdu_vector_compare(const struct bpdu_vector *a, const struct bpdu_vector *b);

#endif
