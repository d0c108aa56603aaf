/* SPDX-License-Identifier: BSD-3-Clause */
/* BPDUs and loop probes, byte by byte. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bpdu.h"
#include "loop_probe.h"

static const uint8_t src[6] = { 2, 0, 0, 0, 0, 0xaa };

static const struct bpdu sample = {
	.type = BPDU_RST,
	.role = BPDU_ROLE_DESIGNATED,
	.flags = BPDU_FLAG_PROPOSAL | BPDU_FLAG_LEARNING,
	.vector = { .root = UINT64_C(0x1000020000000001),
		    .cost = 20000,
		    .bridge = UINT64_C(0x8000020000000002),
		    .port = 0x8003 },
	.times = { .message_age = 256,
		   .max_age = 20 * 256,
		   .hello = 512,
		   .forward_delay = 15 * 256 },
};

/* As tshark shows it. */
static const uint8_t sample_frame[] = {
	0x01, 0x80, 0xc2, 0, 0,    0, 2,  0, 0,    0, 0,    0xaa, 0, 39, 0x42, 0x42, 3, /* LLC */
	0,    0,    2,    2, 0x1e, /* protocol, version, type, flags */
	0x10, 0,    2,    0, 0,    0, 0,  1, 0,    0, 0x4e, 0x20, /* root, cost */
	0x80, 0,    2,    0, 0,    0, 0,  2, 0x80, 3,             /* bridge, port */
	1,    0,    20,   0, 2,    0, 15, 0, 0,                   /* times, version 1 length */
};

static void
test_build(void **state)
{
	uint8_t frame[BPDU_FRAME_MAX];
	struct bpdu bpdu;

	(void)state;
	assert_int_equal(bpdu_build(&sample, src, frame), sizeof(sample_frame));
	assert_memory_equal(frame, sample_frame, sizeof(sample_frame));
	assert_int_equal(bpdu_parse(frame, sizeof(sample_frame), &bpdu), 0);
	assert_int_equal(bpdu_vector_compare(&bpdu.vector, &sample.vector), 0);
	assert_memory_equal(&bpdu.times, &sample.times, sizeof(bpdu.times));
	assert_int_equal(bpdu.flags, sample.flags);
	assert_int_equal(bpdu.role, sample.role);
}

static int
parse_changed(size_t offset, uint8_t value, struct bpdu *ret_bpdu)
{
	uint8_t frame[sizeof(sample_frame)];

	memcpy(frame, sample_frame, sizeof(frame));
	frame[offset] = value;
	return bpdu_parse(frame, sizeof(frame), ret_bpdu);
}

static void
test_parse(void **state)
{
	uint8_t frame[100];
	struct bpdu bpdu, config = sample;
	size_t len;

	(void)state;
	for (len = 0; len < sizeof(sample_frame); len++)
		assert_int_equal(bpdu_parse(sample_frame, len, &bpdu), -EINVAL);
	assert_int_equal(parse_changed(5, 1, &bpdu), -EINVAL);     /* another group */
	assert_int_equal(parse_changed(12, 0x81, &bpdu), -EINVAL); /* a tag */
	assert_int_equal(parse_changed(13, 38, &bpdu), -EINVAL);   /* too short by its own word */
	assert_int_equal(parse_changed(14, 0xaa, &bpdu), -EINVAL); /* SNAP */
	assert_int_equal(parse_changed(18, 1, &bpdu), -EINVAL);    /* protocol */
	assert_int_equal(parse_changed(19, 1, &bpdu), -EINVAL);    /* version */
	assert_int_equal(parse_changed(20, 1, &bpdu), -EINVAL);    /* type */
	/* MSTP */
	assert_int_equal(parse_changed(19, 3, &bpdu), 0);
	assert_int_equal(bpdu.type, BPDU_RST);
	/* unknown role: STP */
	assert_int_equal(parse_changed(21, 0x12, &bpdu), 0);
	assert_int_equal(bpdu.type, BPDU_CONFIG);
	assert_int_equal(bpdu.role, BPDU_ROLE_DESIGNATED);
	assert_int_equal(bpdu.flags, 0);
	/* times out of range: 0 s of hello, 255 s of forward delay */
	assert_int_equal(parse_changed(48, 0, &bpdu), 0);
	assert_int_equal(bpdu.times.hello, 256);
	assert_int_equal(parse_changed(50, 0xff, &bpdu), 0);
	assert_int_equal(bpdu.times.forward_delay, 30 * 256);

	config.type = BPDU_CONFIG;
	config.flags = BPDU_FLAG_TC_ACK | BPDU_FLAG_PROPOSAL;
	len = bpdu_build(&config, src, frame);
	memset(frame + len, 0xff, sizeof(frame) - len); /* padding */
	assert_int_equal(bpdu_parse(frame, sizeof(frame), &bpdu), 0);
	assert_int_equal(bpdu.type, BPDU_CONFIG);
	assert_int_equal(bpdu.flags, BPDU_FLAG_TC_ACK);
	config.times.message_age = config.times.max_age;
	len = bpdu_build(&config, src, frame);
	assert_int_equal(bpdu_parse(frame, len, &bpdu), -EINVAL);

	config.type = BPDU_TCN;
	len = bpdu_build(&config, src, frame);
	assert_int_equal(len, 21);
	assert_int_equal(bpdu_parse(frame, len, &bpdu), 0);
	assert_int_equal(bpdu.type, BPDU_TCN);
}

static void
test_compare(void **state)
{
	struct bpdu_vector other = sample.vector;

	(void)state;
	assert_int_equal(bpdu_vector_compare(&sample.vector, &other), 0);
	other.port++;
	assert_true(bpdu_vector_compare(&sample.vector, &other) < 0);
	other.bridge--;
	assert_true(bpdu_vector_compare(&sample.vector, &other) > 0);
	other.cost++;
	assert_true(bpdu_vector_compare(&sample.vector, &other) < 0);
	other.root--;
	assert_true(bpdu_vector_compare(&sample.vector, &other) > 0);
}

/* The vectors of the authors' own program: key 00..0f, message 00, 01, ... */
static void
test_siphash(void **state)
{
	const struct loop_key key = { { UINT64_C(0x0706050403020100),
					UINT64_C(0x0f0e0d0c0b0a0908) } };
	uint8_t bytes[15];

	(void)state;
	for (unsigned int i = 0; i < sizeof(bytes); i++)
		bytes[i] = i;
	assert_true(siphash(&key, bytes, 15) == UINT64_C(0xa129ca6149be45e5));
	assert_true(siphash(&key, bytes, 0) == UINT64_C(0x726fdb47dd0e0e31));
	assert_true(siphash(&key, bytes, 8) == UINT64_C(0x93f5f5799a932462));
}

static void
test_probe(void **state)
{
	const struct loop_key key = { { 1, 2 } }, other_key = { { 1, 3 } };
	const struct loop_probe probe = {
		.bridge = UINT64_C(0xfedcba9876543210),
		.port = 7,
		.generation = 9,
		.vid = 100,
		.msec = 1000000,
	};
	uint8_t frame[LOOP_PROBE_FRAME_SIZE], provider[LOOP_PROBE_FRAME_SIZE + 4];
	struct loop_probe got;
	size_t len;

	(void)state;
	for (int tagged = 0; tagged < 2; tagged++) {
		len = loop_probe_build(&key, &probe, tagged ? 0x8100 : 0, src, frame);
		assert_int_equal(loop_probe_parse(&key, frame, len, 1000001, &got), 0);
		assert_true(got.bridge == probe.bridge && got.msec == probe.msec);
		assert_int_equal(got.port, probe.port);
		assert_int_equal(got.generation, probe.generation);
		assert_int_equal(got.vid, probe.vid);
		assert_int_equal(frame[12], tagged ? 0x81 : 0x88);
		/* of another process, too old, of tomorrow, cut off, changed anywhere */
		assert_int_equal(loop_probe_parse(&other_key, frame, len, 1000001, &got), -EINVAL);
		assert_int_equal(loop_probe_parse(&key, frame, len, 1005001, &got), -EINVAL);
		assert_int_equal(loop_probe_parse(&key, frame, len, 999999, &got), -EINVAL);
		for (size_t short_len = 0; short_len < 14 + tagged * 4 + 38u; short_len++)
			assert_int_equal(loop_probe_parse(&key, frame, short_len, 1000001, &got),
					 -EINVAL);
		for (size_t i = 14 + tagged * 4; i < 14 + tagged * 4 + 38u; i++) {
			frame[i] ^= 0x10;
			assert_int_equal(loop_probe_parse(&key, frame, len, 1000001, &got),
					 -EINVAL);
			frame[i] ^= 0x10;
		}
	}
	/* a provider has put his tag in front */
	memcpy(provider, frame, 12);
	memcpy(provider + 12, "\x88\xa8\0\x05", 4);
	memcpy(provider + 16, frame + 12, len - 12);
	assert_int_equal(loop_probe_parse(&key, provider, len + 4, 1000001, &got), 0);
	memcpy(frame, "\xff\xff\xff\xff\xff\xff", 6);
	assert_int_equal(loop_probe_parse(&key, frame, len, 1000001, &got), -EINVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_build),   cmocka_unit_test(test_parse),
		cmocka_unit_test(test_compare), cmocka_unit_test(test_siphash),
		cmocka_unit_test(test_probe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
