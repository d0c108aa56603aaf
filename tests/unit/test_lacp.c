/* SPDX-License-Identifier: BSD-3-Clause */
/* LACP machines wired to each other: what they agree on, how long it takes, and what ends it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lacp_bed.h"

static struct bed bed; /* large */

static int
setup(void **state)
{
	(void)state;
	bed_create(&bed);
	return 0;
}

static struct lacp_port *
port_of(int system, int port)
{
	return &bed.systems[system].lacp.ports[port];
}

static void
configure(int s)
{
	lacp_configure(&bed.systems[s].lacp, &bed.systems[s].config, bed.now);
}

static void
test_two_links(void **state)
{
	(void)state;
	bed_wire(&bed, 0, 0, 1, 0);
	bed_wire(&bed, 0, 1, 1, 1);
	assert_true(bed_until(&bed, 0, 0, true, 5000) <= LACP_AGGREGATE_WAIT);
	bed_run(&bed, 100);
	for (int s = 0; s < 2; s++) {
		assert_int_equal(bed_distributing(&bed, s), 2);
		for (int p = 0; p < 2; p++) {
			assert_int_equal(port_of(s, p)->actor.state,
					 LACP_ACTIVITY | LACP_TIMEOUT | LACP_AGGREGATION |
						 LACP_SYNC | LACP_COLLECTING | LACP_DISTRIBUTING);
			assert_int_equal(port_of(s, p)->partner.state, port_of(s, p)->actor.state);
			assert_int_equal(port_of(s, p)->partner.port, 1 + p);
			assert_int_equal(port_of(s, p)->reason, LACP_REASON_NONE);
		}
	}
	/* and so it stays */
	bed_run(&bed, 200000);
	assert_int_equal(port_of(0, 0)->counters.expiries, 0);
	assert_int_equal(bed.systems[0].ports[0].n_changes, 2);
}

static void
test_passive(void **state)
{
	(void)state;
	bed.systems[1].config.active = false;
	configure(1);
	bed_wire(&bed, 0, 0, 1, 0);
	bed_until(&bed, 1, 0, true, 5000);
	bed_until(&bed, 0, 0, true, 5000);
}

static void
test_both_passive(void **state)
{
	(void)state;
	for (int s = 0; s < 2; s++) {
		bed.systems[s].config.active = false;
		configure(s);
	}
	bed_wire(&bed, 0, 0, 1, 0);
	bed_run(&bed, 100000);
	assert_int_equal(bed.systems[0].ports[0].n_sent, 0);
	assert_int_equal(bed.systems[1].ports[0].n_sent, 0);
	assert_int_equal(port_of(0, 0)->reason, LACP_REASON_SILENT);
}

/* Each side sends at the rate that the other one asks for. */
static void
test_rates(void **state)
{
	unsigned int sent[2];

	(void)state;
	bed.systems[1].config.fast = false;
	configure(1);
	bed_wire(&bed, 0, 0, 1, 0);
	bed_until(&bed, 0, 0, true, 5000);
	bed_run(&bed, 10000);
	for (int s = 0; s < 2; s++)
		sent[s] = bed.systems[s].ports[0].n_sent;
	bed_run(&bed, 300000);
	assert_int_equal(bed.systems[0].ports[0].n_sent - sent[0], 10);
	assert_int_equal(bed.systems[1].ports[0].n_sent - sent[1], 300);
	/* a change is taken up at once */
	bed.systems[1].config.fast = true;
	configure(1);
	sent[0] = bed.systems[0].ports[0].n_sent;
	bed_run(&bed, 10000);
	assert_in_range(bed.systems[0].ports[0].n_sent - sent[0], 10, 12);
	assert_int_equal(bed.systems[0].ports[0].n_changes, 2);
}

static void
silent(bool fast, uint64_t timeout)
{
	uint64_t last;

	bed.systems[0].config.fast = fast;
	configure(0);
	bed_wire(&bed, 0, 0, 1, 0);
	bed_wire(&bed, 0, 1, 1, 1);
	bed_until(&bed, 0, 1, true, 5000);
	bed_run(&bed, 45678);
	last = port_of(0, 0)->last_rx;
	bed.systems[0].ports[0].deaf = true;
	bed_until(&bed, 0, 0, false, timeout + 1);
	assert_int_equal(bed.now - last, timeout);
	assert_int_equal(port_of(0, 0)->rx, LACP_RX_EXPIRED);
	assert_int_equal(port_of(0, 0)->reason, LACP_REASON_SILENT);
	assert_int_equal(port_of(0, 0)->counters.expiries, 1);
	assert_true(bed.systems[0].ports[1].distributing);
	/* the partner hears that we no longer hear it */
	bed_deliver(&bed);
	assert_false(bed.systems[1].ports[0].distributing);
	bed_run(&bed, LACP_SHORT_TIMEOUT);
	assert_int_equal(port_of(0, 0)->rx, LACP_RX_DEFAULTED);
	assert_int_equal(port_of(0, 0)->mux, LACP_MUX_DETACHED);
	assert_false(bed.systems[0].fallback);
	bed.systems[0].ports[0].deaf = false;
	bed_until(&bed, 0, 0, true, 40000);
}

static void
test_silent_fast(void **state)
{
	(void)state;
	silent(true, LACP_SHORT_TIMEOUT);
}

static void
test_silent_slow(void **state)
{
	(void)state;
	silent(false, LACP_LONG_TIMEOUT);
}

/* A link that was down a moment needs no waiting: nothing else has changed. */
static void
test_link(void **state)
{
	(void)state;
	bed_wire(&bed, 0, 0, 1, 0);
	bed_wire(&bed, 0, 1, 1, 1);
	bed_until(&bed, 0, 1, true, 5000);
	bed_run(&bed, 5000);
	bed_cable(&bed, 0, 0, false);
	assert_false(bed.systems[0].ports[0].distributing);
	assert_false(bed.systems[0].ports[0].collecting);
	assert_int_equal(port_of(0, 0)->reason, LACP_REASON_LINK);
	assert_true(bed.systems[0].ports[1].distributing);
	bed_run(&bed, 500);
	bed_cable(&bed, 0, 0, true);
	assert_true(bed_until(&bed, 0, 0, true, 2000) <= 1000);
	/* the same if only one side saw it */
	bed_link(&bed, 0, 0, false);
	bed_run(&bed, 100);
	bed_link(&bed, 0, 0, true);
	assert_true(bed_until(&bed, 0, 0, true, 2000) <= 1000);
}

static void
test_min_links(void **state)
{
	(void)state;
	bed.systems[0].config.min_links = 2;
	configure(0);
	bed_wire(&bed, 0, 0, 1, 0);
	bed_run(&bed, 10000);
	assert_int_equal(bed_distributing(&bed, 0), 0);
	assert_int_equal(bed_distributing(&bed, 1), 0);
	assert_int_equal(port_of(0, 0)->reason, LACP_REASON_MIN_LINKS);
	bed_wire(&bed, 0, 1, 1, 1);
	bed_until(&bed, 0, 0, true, 5000);
	bed_until(&bed, 0, 1, true, 5000);
	bed_run(&bed, 1000);
	assert_int_equal(bed_distributing(&bed, 1), 2);
	/* one link gone: the partner does not send into the other one */
	bed_cable(&bed, 0, 1, false);
	bed_deliver(&bed);
	assert_int_equal(bed_distributing(&bed, 0), 0);
	assert_int_equal(bed_distributing(&bed, 1), 0);
	bed.systems[0].config.min_links = 1;
	configure(0);
	bed_until(&bed, 0, 0, true, 5000);
}

static void
test_fallback(void **state)
{
	struct bed_port *first = &bed.systems[0].ports[0];

	(void)state;
	bed.systems[0].config.fallback = true;
	configure(0);
	first->deaf = bed.systems[0].ports[1].deaf = true;
	bed_wire(&bed, 0, 0, 1, 0);
	bed_wire(&bed, 0, 1, 1, 1);
	bed_run(&bed, LACP_SHORT_TIMEOUT - 1);
	assert_false(bed.systems[0].fallback);
	bed_run(&bed, 1);
	assert_true(bed.systems[0].fallback);
	/* it survives a link that flaps, and another one that comes up */
	bed_link(&bed, 0, 0, false);
	bed_link(&bed, 0, 1, false);
	bed_run(&bed, 1000);
	bed_link(&bed, 0, 1, true);
	bed_run(&bed, 1000);
	bed_link(&bed, 0, 0, true);
	bed_run(&bed, 10000);
	assert_true(bed.systems[0].fallback);
	/* and ends when a partner has agreed, not before */
	first->deaf = bed.systems[0].ports[1].deaf = false;
	while (!first->distributing) {
		assert_true(bed.systems[0].fallback);
		bed_run(&bed, 1);
	}
	assert_false(bed.systems[0].fallback);
	/* silence on one link is no reason */
	first->deaf = true;
	bed_run(&bed, 10000);
	assert_false(bed.systems[0].fallback);
	bed.systems[0].ports[1].deaf = true;
	bed_run(&bed, 10000);
	assert_true(bed.systems[0].fallback);
	/* switched off, it ends */
	bed.systems[0].config.fallback = false;
	configure(0);
	assert_false(bed.systems[0].fallback);
}

/* A partner that speaks and never agrees ends it too. */
static void
test_fallback_grace(void **state)
{
	(void)state;
	bed.systems[0].config.fallback = true;
	configure(0);
	bed.systems[1].config.min_links = 2;
	configure(1);
	bed.systems[0].ports[0].deaf = true;
	bed_wire(&bed, 0, 0, 1, 0);
	bed_run(&bed, 5000);
	assert_true(bed.systems[0].fallback);
	bed.systems[0].ports[0].deaf = false;
	bed_run(&bed, 1000 + LACP_FALLBACK_GRACE);
	assert_false(bed.systems[0].fallback);
	assert_int_equal(bed_distributing(&bed, 0), 0);
	assert_int_equal(port_of(0, 0)->reason, LACP_REASON_PARTNER);
}

/* Links to two partners: the one with more links is used, and kept while it works. */
static void
test_two_partners(void **state)
{
	(void)state;
	bed_wire(&bed, 0, 2, 2, 0);
	bed_run(&bed, 500);
	bed_wire(&bed, 0, 0, 1, 0);
	bed_wire(&bed, 0, 1, 1, 1);
	bed_until(&bed, 0, 0, true, 5000);
	bed_run(&bed, 5000);
	assert_int_equal(bed_distributing(&bed, 0), 2);
	assert_int_equal(bed_distributing(&bed, 2), 0);
	assert_int_equal(port_of(0, 2)->reason, LACP_REASON_GROUP);
	bed_cable(&bed, 0, 0, false);
	bed_wire(&bed, 0, 3, 2, 1);
	bed_run(&bed, 10000);
	assert_true(bed.systems[0].ports[1].distributing);
	assert_int_equal(bed_distributing(&bed, 0), 1);
	/* nothing left of it: on to the other one */
	bed_cable(&bed, 0, 1, false);
	bed_until(&bed, 0, 2, true, 5000);
	bed_run(&bed, 1000);
	assert_int_equal(bed_distributing(&bed, 0), 2);
	/* which is kept */
	bed_cable(&bed, 0, 0, true);
	bed_cable(&bed, 0, 1, true);
	bed_run(&bed, 10000);
	assert_true(bed.systems[0].ports[2].distributing);
	assert_int_equal(bed_distributing(&bed, 0), 2);
}

/* A partner with fewer links than min-links does not keep one away that has them. */
static void
test_partner_with_enough(void **state)
{
	(void)state;
	bed.systems[0].config.min_links = 2;
	configure(0);
	bed_wire(&bed, 0, 0, 1, 0);
	bed_wire(&bed, 0, 1, 1, 1);
	bed_until(&bed, 0, 0, true, 5000);
	bed_wire(&bed, 0, 2, 2, 0);
	bed_wire(&bed, 0, 3, 2, 1);
	bed_run(&bed, 10000);
	assert_true(bed.systems[0].ports[0].distributing);
	bed_cable(&bed, 0, 0, false);
	bed_until(&bed, 0, 2, true, 5000);
	bed_run(&bed, 1000);
	assert_int_equal(bed_distributing(&bed, 0), 2);
}

static void
test_loop(void **state)
{
	(void)state;
	bed_wire(&bed, 0, 0, 0, 1);
	bed_run(&bed, 10000);
	assert_int_equal(bed_distributing(&bed, 0), 0);
	assert_int_equal(port_of(0, 0)->reason, LACP_REASON_LOOP);
	/* into itself, as well */
	bed_wire(&bed, 1, 0, 1, 0);
	bed_run(&bed, 10000);
	assert_int_equal(bed_distributing(&bed, 1), 0);
	assert_int_equal(port_of(1, 0)->reason, LACP_REASON_LOOP);
}

static void
test_speed_and_duplex(void **state)
{
	(void)state;
	for (int p = 0; p < 3; p++)
		bed_wire(&bed, 0, p, 1, p);
	lacp_port_link(&bed.systems[0].lacp, 2, true, 1000, true, bed.now);
	bed_run(&bed, 10000);
	assert_int_equal(bed_distributing(&bed, 0), 2);
	assert_int_equal(port_of(0, 2)->reason, LACP_REASON_GROUP);
	lacp_port_link(&bed.systems[0].lacp, 2, true, 10000, false, bed.now);
	bed_run(&bed, 10000);
	assert_int_equal(bed_distributing(&bed, 0), 2);
	assert_int_equal(port_of(0, 2)->reason, LACP_REASON_DUPLEX);
	lacp_port_link(&bed.systems[0].lacp, 2, true, 10000, true, bed.now);
	bed_run(&bed, 10000);
	assert_int_equal(bed_distributing(&bed, 0), 3);
}

static void
test_leave(void **state)
{
	(void)state;
	bed_wire(&bed, 0, 0, 1, 0);
	bed_wire(&bed, 0, 1, 1, 1);
	bed_until(&bed, 1, 1, true, 5000);
	bed_run(&bed, 3000);
	lacp_port_del(&bed.systems[0].lacp, 0, bed.now);
	bed_deliver(&bed);
	assert_false(bed.systems[1].ports[0].distributing);
	assert_true(bed.systems[1].ports[1].distributing);
	bed_run(&bed, 10000);
	assert_true(bed.systems[1].ports[1].distributing);
}

/* A cable is moved to another port of ours: what was known of the partner there is forgotten. */
static void
test_moved(void **state)
{
	(void)state;
	bed_wire(&bed, 0, 0, 1, 0);
	bed_until(&bed, 0, 0, true, 5000);
	bed_cable(&bed, 0, 0, false);
	assert_int_equal(port_of(0, 0)->partner.port, 1);
	bed_wire(&bed, 0, 1, 1, 0);
	bed_until(&bed, 0, 1, true, 5000);
	assert_int_equal(port_of(0, 0)->partner.port, 0);
	assert_int_equal(port_of(0, 0)->mux, LACP_MUX_DETACHED);
}

static void
test_settings_live(void **state)
{
	(void)state;
	bed_wire(&bed, 0, 0, 1, 0);
	bed_until(&bed, 0, 0, true, 5000);
	/* these cost nothing */
	bed.systems[0].config.active = false;
	bed.systems[0].config.fast = false;
	configure(0);
	bed_run(&bed, 100000);
	assert_int_equal(bed.systems[0].ports[0].n_changes, 2);
	/* these are another system */
	bed.systems[0].config.system_priority = 1;
	configure(0);
	assert_false(bed.systems[0].ports[0].distributing);
	bed_until(&bed, 0, 0, true, 40000);
	assert_int_equal(port_of(1, 0)->partner.system_priority, 1);
	lacp_port_priority(&bed.systems[0].lacp, 0, 77, bed.now);
	bed_run(&bed, 10000);
	assert_int_equal(port_of(1, 0)->partner.port_priority, 77);
	assert_true(bed.systems[0].ports[0].distributing);
}

/* Whatever happens, no more than LACP_TX_BURST in a second. */
static void
test_tx_limit(void **state)
{
	unsigned int sent;

	(void)state;
	bed_wire(&bed, 0, 0, 1, 0);
	bed_until(&bed, 0, 0, true, 5000);
	bed_run(&bed, 2000);
	sent = bed.systems[0].ports[0].n_sent;
	for (int i = 0; i < 900; i++) {
		bed.systems[0].config.fast = i % 2 == 0;
		configure(0);
		bed_run(&bed, 1);
	}
	assert_in_range(bed.systems[0].ports[0].n_sent - sent, 1, LACP_TX_BURST);
	bed.systems[0].config.fast = false;
	configure(0);
	/* the last word is said all the same */
	bed_run(&bed, 1000);
	assert_false(port_of(1, 0)->partner.state & LACP_TIMEOUT);
}

static void
test_churn(void **state)
{
	(void)state;
	bed.systems[1].config.min_links = 2;
	configure(1);
	bed_wire(&bed, 0, 0, 1, 0);
	bed_run(&bed, LACP_CHURN_TIME - 1);
	assert_int_equal(port_of(0, 0)->actor_churn, LACP_CHURN_NONE);
	assert_int_equal(port_of(0, 0)->partner_churn, LACP_CHURN_MONITOR);
	bed_run(&bed, 1000);
	assert_int_equal(port_of(0, 0)->partner_churn, LACP_CHURN_FOUND);
	assert_int_equal(port_of(0, 0)->counters.partner_churns, 1);
	assert_int_equal(port_of(1, 0)->actor_churn, LACP_CHURN_FOUND);
	bed_wire(&bed, 0, 1, 1, 1);
	bed_until(&bed, 0, 0, true, 5000);
	assert_int_equal(port_of(0, 0)->partner_churn, LACP_CHURN_NONE);
	assert_int_equal(port_of(1, 0)->actor_churn, LACP_CHURN_NONE);
}

/* A restart that is over in time: the partner sees none of it. */
static void
test_restart(void **state)
{
	unsigned int changes[2];

	(void)state;
	bed.systems[0].config.min_links = 2;
	configure(0);
	for (int p = 0; p < 3; p++)
		bed_wire(&bed, 0, p, 1, p);
	bed_until(&bed, 0, 0, true, 5000);
	bed_run(&bed, 12345);
	for (int p = 0; p < 2; p++)
		changes[p] = bed.systems[1].ports[p].n_changes;
	for (int i = 0; i < 5; i++) {
		bed_restart(&bed, 0, 1900);
		assert_int_equal(bed_distributing(&bed, 0), 3);
		bed_run(&bed, 10000 + i * 100);
	}
	assert_int_equal(bed_distributing(&bed, 0), 3);
	for (int p = 0; p < 2; p++)
		assert_int_equal(bed.systems[1].ports[p].n_changes, changes[p]);
	assert_int_equal(port_of(1, 0)->counters.expiries, 0);
}

static void
test_restart_too_late(void **state)
{
	(void)state;
	bed_wire(&bed, 0, 0, 1, 0);
	bed_until(&bed, 0, 0, true, 5000);
	bed_restart(&bed, 0, 3500);
	assert_int_equal(bed_distributing(&bed, 0), 0);
	assert_int_equal(bed_distributing(&bed, 1), 0);
	bed_until(&bed, 0, 0, true, 5000);
	/* other settings: what was agreed on is void */
	bed.systems[0].config.key = 99;
	bed_restart(&bed, 0, 100);
	assert_int_equal(bed_distributing(&bed, 0), 0);
	bed_until(&bed, 0, 0, true, 5000);
}

/* One of the links does not come back: the rest does not wait for it longer than the partner. */
static void
test_restart_without_a_link(void **state)
{
	struct lacp_saved saved[2];
	const uint8_t mac[6] = { 2 };

	(void)state;
	bed.systems[0].config.min_links = 2;
	configure(0);
	bed_wire(&bed, 0, 0, 1, 0);
	bed_wire(&bed, 0, 1, 1, 1);
	bed_until(&bed, 0, 0, true, 5000);
	bed_until(&bed, 0, 1, true, 5000);
	for (int p = 0; p < 2; p++)
		assert_true(lacp_port_save(&bed.systems[0].lacp, p, &saved[p]));
	lacp_init(&bed.systems[0].lacp, &bed.systems[0].config, bed.systems[0].lacp.ops,
		  &bed.systems[0]);
	for (int p = 0; p < 2; p++) {
		bed.systems[0].ports[p].collecting = bed.systems[0].ports[p].distributing = false;
		memset(bed.systems[0].ports[p].sent_at, 0, sizeof(uint64_t[LACP_TX_BURST]));
		lacp_port_add(&bed.systems[0].lacp, p, 1 + p, LACP_PRIORITY_DEFAULT, mac, bed.now);
		lacp_port_restore(&bed.systems[0].lacp, p, &saved[p], bed.now);
	}
	bed_link(&bed, 0, 0, true);
	assert_true(bed.systems[0].ports[0].distributing);
	bed_run(&bed, LACP_SHORT_TIMEOUT + 1);
	assert_false(bed.systems[0].ports[0].distributing);
	assert_int_equal(port_of(0, 0)->reason, LACP_REASON_MIN_LINKS);
}

/* Whatever a file says, nothing breaks. */
static void
test_restore_rubbish(void **state)
{
	struct lacp_saved saved;
	uint8_t *bytes = (uint8_t *)&saved;
	const uint8_t mac[6] = { 2 };

	(void)state;
	srand(1);
	for (int i = 0; i < 2000; i++) {
		bed_create(&bed);
		for (size_t b = 0; b < sizeof(saved); b++)
			bytes[b] = rand();
		if (i % 2) {
			saved.mux = LACP_MUX_DISTRIBUTING;
			saved.actor.state &= 63;
			saved.last_tx = bed.now - rand() % 4000 + 500;
		}
		lacp_port_add(&bed.systems[0].lacp, 0, 1, LACP_PRIORITY_DEFAULT, mac, bed.now);
		lacp_port_restore(&bed.systems[0].lacp, 0, &saved, bed.now);
		lacp_run(&bed.systems[0].lacp, bed.now);
		bed_wire(&bed, 0, 0, 1, 0);
		bed_until(&bed, 0, 0, true, 100000);
	}
}

/* Cables flap and lose frames at random; afterwards all is well. */
static void
test_chaos(void **state)
{
	(void)state;
	srand(2);
	for (int p = 0; p < 4; p++)
		bed_wire(&bed, 0, p, 1, p);
	for (int i = 0; i < 20000; i++) {
		const int p = rand() % 4, s = rand() % 2;

		switch (rand() % 40) {
		case 0:
			bed_link(&bed, s, p, rand() % 2);
			break;
		case 1:
			bed.systems[s].ports[p].deaf = rand() % 2;
			break;
		case 2:
			bed.systems[s].config.fast = rand() % 2;
			bed.systems[s].config.active = rand() % 2;
			bed.systems[s].config.fallback = rand() % 2;
			bed.systems[s].config.min_links = 1 + rand() % 2;
			configure(s);
			break;
		default:
			bed_run(&bed, rand() % 500);
		}
	}
	for (int s = 0; s < 2; s++) {
		bed.systems[s].config = bed_config(s);
		configure(s);
	}
	for (int p = 0; p < 4; p++) {
		bed.systems[0].ports[p].deaf = bed.systems[1].ports[p].deaf = false;
		bed_cable(&bed, 0, p, true);
	}
	bed_run(&bed, 10000);
	assert_int_equal(bed_distributing(&bed, 0), 4);
	assert_int_equal(bed_distributing(&bed, 1), 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_two_links, setup),
		cmocka_unit_test_setup(test_passive, setup),
		cmocka_unit_test_setup(test_both_passive, setup),
		cmocka_unit_test_setup(test_rates, setup),
		cmocka_unit_test_setup(test_silent_fast, setup),
		cmocka_unit_test_setup(test_silent_slow, setup),
		cmocka_unit_test_setup(test_link, setup),
		cmocka_unit_test_setup(test_min_links, setup),
		cmocka_unit_test_setup(test_fallback, setup),
		cmocka_unit_test_setup(test_fallback_grace, setup),
		cmocka_unit_test_setup(test_two_partners, setup),
		cmocka_unit_test_setup(test_partner_with_enough, setup),
		cmocka_unit_test_setup(test_loop, setup),
		cmocka_unit_test_setup(test_speed_and_duplex, setup),
		cmocka_unit_test_setup(test_leave, setup),
		cmocka_unit_test_setup(test_moved, setup),
		cmocka_unit_test_setup(test_settings_live, setup),
		cmocka_unit_test_setup(test_tx_limit, setup),
		cmocka_unit_test_setup(test_churn, setup),
		cmocka_unit_test_setup(test_restart, setup),
		cmocka_unit_test_setup(test_restart_too_late, setup),
		cmocka_unit_test_setup(test_restart_without_a_link, setup),
		cmocka_unit_test_setup(test_restore_rubbish, setup),
		cmocka_unit_test_setup(test_chaos, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
