/* SPDX-License-Identifier: BSD-3-Clause */
/* One LACP port and a partner made by hand: every byte of a PDU, every transition of the mux. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lacp_bed.h"

#define ALL (LACP_ACTIVITY | LACP_TIMEOUT | LACP_AGGREGATION)

static struct bed bed; /* large */
static struct lacp_pdu partner;

/* System 0 with a port that has link, and nobody at the cable's end. */
static int
setup(void **state)
{
	const uint8_t mac[6] = { 0x02, 0xaa, 0xbb, 0xcc, 0xdd, 0xee };

	(void)state;
	bed_create(&bed);
	lacp_port_add(&bed.systems[0].lacp, 0, 0x0102, 0x0304, mac, bed.now);
	bed_link(&bed, 0, 0, true);
	partner = (struct lacp_pdu){ .actor = { .system = { 0x02, 9, 9, 9, 9, 9 },
						.system_priority = 0x1112,
						.key = 0x1314,
						.port_priority = 0x1516,
						.port = 0x1718,
						.state = ALL } };
	return 0;
}

static struct lacp_port *
port(void)
{
	return &bed.systems[0].lacp.ports[0];
}

/* The partner says this, and sees us as we are. */
static void
hear(uint8_t state)
{
	uint8_t frame[LACP_FRAME_LEN];

	partner.actor.state = state;
	partner.partner = port()->actor;
	lacp_pdu_build(frame, partner.actor.system, &partner);
	lacp_receive(&bed.systems[0].lacp, 0, frame, sizeof(frame), bed.now);
}

static void
expect(enum lacp_mux mux, bool collecting, bool distributing)
{
	assert_int_equal(port()->mux, mux);
	assert_int_equal(bed.systems[0].ports[0].collecting, collecting);
	assert_int_equal(bed.systems[0].ports[0].distributing, distributing);
}

/* Into state ATTACHED. */
static void
attach(void)
{
	hear(ALL);
	expect(LACP_MUX_WAITING, false, false);
	assert_int_equal(port()->reason, LACP_REASON_WAITING);
	bed_run(&bed, LACP_AGGREGATE_WAIT - 1);
	expect(LACP_MUX_WAITING, false, false);
	bed_run(&bed, 1);
	expect(LACP_MUX_ATTACHED, false, false);
	assert_int_equal(port()->reason, LACP_REASON_PARTNER);
}

static void
test_mux(void **state)
{
	(void)state;
	attach();
	hear(ALL | LACP_SYNC);
	expect(LACP_MUX_COLLECTING, true, false);
	hear(ALL | LACP_SYNC | LACP_COLLECTING);
	expect(LACP_MUX_DISTRIBUTING, true, true);
	/* back, step by step */
	hear(ALL | LACP_SYNC);
	expect(LACP_MUX_COLLECTING, true, false);
	hear(ALL);
	expect(LACP_MUX_ATTACHED, false, false);
	/* and at once */
	hear(ALL | LACP_SYNC | LACP_COLLECTING | LACP_DISTRIBUTING);
	expect(LACP_MUX_DISTRIBUTING, true, true);
	hear(ALL);
	expect(LACP_MUX_ATTACHED, false, false);
	/* another partner: all from the start */
	hear(ALL | LACP_SYNC | LACP_COLLECTING);
	partner.actor.key++;
	hear(ALL | LACP_SYNC | LACP_COLLECTING);
	expect(LACP_MUX_WAITING, false, false);
	bed_run(&bed, LACP_AGGREGATE_WAIT);
	hear(ALL | LACP_SYNC | LACP_COLLECTING);
	expect(LACP_MUX_DISTRIBUTING, true, true);
	/* silence, from there to the beginning */
	bed_run(&bed, LACP_SHORT_TIMEOUT);
	expect(LACP_MUX_ATTACHED, false, false);
	assert_int_equal(port()->actor.state, ALL | LACP_SYNC | LACP_EXPIRED);
	bed_run(&bed, LACP_SHORT_TIMEOUT);
	expect(LACP_MUX_DETACHED, false, false);
	assert_int_equal(port()->actor.state, ALL | LACP_DEFAULTED);
	/* deselected while waiting */
	hear(ALL);
	expect(LACP_MUX_WAITING, false, false);
	bed.systems[0].config.min_links = 2;
	lacp_configure(&bed.systems[0].lacp, &bed.systems[0].config, bed.now);
	bed_run(&bed, 2500);
	expect(LACP_MUX_WAITING, false, false);
	assert_int_equal(port()->selected, LACP_STANDBY);
	lacp_port_link(&bed.systems[0].lacp, 0, true, 10000, false, bed.now);
	expect(LACP_MUX_DETACHED, false, false);
}

/* When the partner's word of being in sync counts, 6.4.9 recordPDU. */
static void
test_sync(void **state)
{
	const uint8_t synced = LACP_AGGREGATION | LACP_SYNC;
	uint8_t frame[LACP_FRAME_LEN];

	(void)state;
	attach();
	hear(ALL | LACP_SYNC);
	assert_true(port()->partner.state & LACP_SYNC);
	/* neither side keeps it alive: a passive partner that takes us for passive */
	partner.actor.state = synced;
	partner.partner = port()->actor;
	partner.partner.state &= ~LACP_ACTIVITY;
	lacp_pdu_build(frame, partner.actor.system, &partner);
	lacp_receive(&bed.systems[0].lacp, 0, frame, sizeof(frame), bed.now);
	assert_false(port()->partner.state & LACP_SYNC);
	hear(synced);
	assert_true(port()->partner.state & LACP_SYNC);
	/* it speaks of somebody else */
	for (int i = 0; i < 5; i++) {
		struct lacp_info *us = &partner.partner;

		partner.actor.state = ALL | LACP_SYNC;
		*us = port()->actor;
		us->port += i == 0;
		us->key += i == 1;
		us->system[5] += i == 2;
		us->system_priority += i == 3;
		us->port_priority += i == 4;
		lacp_pdu_build(frame, partner.actor.system, &partner);
		lacp_receive(&bed.systems[0].lacp, 0, frame, sizeof(frame), bed.now);
		assert_false(port()->partner.state & LACP_SYNC);
		assert_true(port()->rx == LACP_RX_CURRENT);
		/* it is told, but not faster than LACP_TX_BURST in a second */
		bed_run(&bed, LACP_FAST_PERIODIC);
		hear(ALL | LACP_SYNC);
		expect(LACP_MUX_COLLECTING, true, false);
	}
	/* one that is individual need not know us */
	partner.actor.state = LACP_ACTIVITY | LACP_SYNC;
	partner.partner = (struct lacp_info){ 0 };
	lacp_pdu_build(frame, partner.actor.system, &partner);
	lacp_receive(&bed.systems[0].lacp, 0, frame, sizeof(frame), bed.now);
	assert_true(port()->partner.state & LACP_SYNC);
}

static void
test_bytes(void **state)
{
	static const uint8_t head[] = { 0x01, 0x80, 0xc2, 0, 0, 2, 0x02, 0xaa, 0xbb, 0xcc, 0xdd,
					0xee, 0x88, 0x09, 1, 1,
					/* actor: key 1, 10 Gbit/s full duplex */
					1, 20, 0x80, 0, 0x02, 0, 0, 0, 0, 0x10, 0,
					1 << 6 | 6 << 1 | 1, 3, 4, 1, 2, ALL | LACP_EXPIRED, 0, 0,
					0,
					/* partner */
					2, 20, 0x11, 0x12, 0x02, 9, 9, 9, 9, 9, 0x13, 0x14, 0x15,
					0x16, 0x17, 0x18, ALL, 0, 0, 0, 3, 16 };
	uint8_t expected[LACP_FRAME_LEN] = { 0 };
	struct lacp_pdu pdu;

	(void)state;
	memcpy(expected, head, sizeof(head));
	assert_int_equal(port()->counters.tx_pdus, 1);
	/* the partner is heard of: its information is sent back */
	hear(ALL);
	expected[16 + 16] = ALL;
	assert_int_equal(slow_parse(bed.systems[0].ports[0].last, LACP_FRAME_LEN, &pdu), SLOW_LACP);
	bed_run(&bed, 1000);
	assert_memory_equal(bed.systems[0].ports[0].last, expected, LACP_FRAME_LEN);
}

static void
test_parse(void **state)
{
	uint8_t frame[LACP_FRAME_LEN + 40] = { 0 };
	struct lacp_pdu pdu;
	static const struct {
		unsigned int at;
		uint8_t value;
	} damages[] = { { 0, 0 },  { 5, 3 },  { 12, 8 },  { 13, 0 }, { 14, 0 },  { 14, 3 },
			{ 14, 2 }, { 16, 2 }, { 17, 19 }, { 36, 1 }, { 37, 21 }, { 37, 0 } };

	(void)state;
	lacp_pdu_build(frame, partner.actor.system, &partner);
	assert_int_equal(slow_parse(frame, LACP_FRAME_LEN, &pdu), SLOW_LACP);
	assert_int_equal(slow_parse(frame, sizeof(frame), &pdu), SLOW_LACP);
	assert_int_equal(pdu.actor.key, 0x1314);
	for (size_t len = 0; len < LACP_FRAME_LEN; len++)
		assert_int_equal(slow_parse(frame, len, &pdu), SLOW_OTHER);
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		lacp_pdu_build(frame, partner.actor.system, &partner);
		frame[damages[i].at] = damages[i].value;
		assert_int_equal(slow_parse(frame, LACP_FRAME_LEN, &pdu), SLOW_OTHER);
	}
	/* a later version, and what is reserved, is none of our business */
	lacp_pdu_build(frame, partner.actor.system, &partner);
	frame[15] = 2;
	memset(frame + 33, 0xff, 3);
	memset(frame + 74, 0xff, LACP_FRAME_LEN - 74);
	assert_int_equal(slow_parse(frame, LACP_FRAME_LEN, &pdu), SLOW_LACP);
	lacp_receive(&bed.systems[0].lacp, 0, frame, 20, bed.now);
	assert_int_equal(port()->counters.rx_bad, 1);
}

static void
test_marker(void **state)
{
	static const uint8_t mac[6] = { 0x02, 0xaa, 0xbb, 0xcc, 0xdd, 0xee };
	struct bed_port *end = &bed.systems[0].ports[0];
	uint8_t marker[LACP_FRAME_LEN], expected[LACP_FRAME_LEN];
	unsigned int sent;

	(void)state;
	lacp_pdu_build(marker, partner.actor.system, &partner);
	marker[14] = 2;
	marker[16] = 1;
	marker[17] = 16;
	memset(marker + 32, 0, LACP_FRAME_LEN - 32);
	memcpy(expected, marker, LACP_FRAME_LEN);
	memcpy(expected + 6, mac, 6);
	expected[16] = 2;
	sent = end->n_sent;
	for (int i = 0; i < 1000; i++)
		lacp_receive(&bed.systems[0].lacp, 0, marker, LACP_FRAME_LEN, bed.now);
	assert_int_equal(end->n_sent - sent, LACP_MARKER_BURST);
	assert_memory_equal(end->last, expected, LACP_FRAME_LEN);
	bed_run(&bed, 1000);
	lacp_receive(&bed.systems[0].lacp, 0, marker, LACP_FRAME_LEN, bed.now);
	assert_int_equal(port()->counters.tx_marker_answers, LACP_MARKER_BURST + 1);
	/* an answer is not answered */
	marker[16] = 2;
	lacp_receive(&bed.systems[0].lacp, 0, marker, LACP_FRAME_LEN, bed.now);
	assert_int_equal(port()->counters.tx_marker_answers, LACP_MARKER_BURST + 1);
	assert_int_equal(port()->rx, LACP_RX_EXPIRED);
}

static void
test_words(void **state)
{
	char text[LACP_WORDS_SIZE];

	(void)state;
	assert_string_equal(lacp_state_words(0, text), "passive long individual");
	assert_string_equal(lacp_state_words(0xff, text),
			    "active short aggregation sync collecting distributing defaulted "
			    "expired");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_mux, setup),
		cmocka_unit_test_setup(test_sync, setup),
		cmocka_unit_test_setup(test_bytes, setup),
		cmocka_unit_test_setup(test_parse, setup),
		cmocka_unit_test_setup(test_marker, setup),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
