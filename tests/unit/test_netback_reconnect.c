/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Guests that connect anew: as often as any driver does it, that is nothing special; in a loop, it
 * is kept to a cost that others do not feel. Time passes when a test says so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_host.h"

#define AT_ONCE 8   /* times that a guest may connect anew without a pause */
#define EVERY 1000  /* ms; after that it may once in so long */
#define ROUNDS 1000 /* of a guest in a loop ... */
#define ROUND 10    /* ... each in so many ms */
#define LIMIT (AT_ONCE + ROUNDS * ROUND / EVERY + 1)

static const struct fake_frontend_config guest = { .domid = 1, .split = true, .ctrl = true };
static const struct fake_frontend_config other = { .domid = 2 };

struct bed {
	struct fake_host *host;
	struct fake_frontend *guest, *other;
};

static int
setup(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));

	bed->host = fake_host_create(1, 4);
	fake_host_pass(bed->host, 0);
	bed->guest = fake_host_connect(bed->host, &guest);
	bed->other = fake_host_connect(bed->host, &other);
	*state = bed;
	return bed->guest == NULL || bed->other == NULL;
}

static int
teardown(void **state)
{
	struct bed *bed = *state;

	fake_frontend_destroy(bed->guest);
	fake_frontend_destroy(bed->other);
	fake_host_destroy(bed->host);
	free(bed);
	return 0;
}

static enum xenbus_state
backend(struct bed *bed)
{
	return fake_backend_state(bed->host->fake, &guest);
}

static void
settle(struct bed *bed)
{
	fake_host_settle(bed->host, &bed->guest, 1);
}

/* What `vsctl vif show` says is wrong with it. */
static const char *
error_of(struct bed *bed)
{
	static struct vif_info info;

	vif_info(fake_host_vif(bed->host, &guest), &info);
	return info.error;
}

/* Use up what may be had without a pause, and ask for one time more. */
static void
exhaust(struct bed *bed)
{
	for (unsigned int i = 0; i <= AT_ONCE; i++) {
		assert_int_equal(backend(bed), XenbusStateConnected);
		fake_frontend_reset(bed->guest);
		settle(bed);
	}
	assert_int_equal(backend(bed), XenbusStateClosed);
}

/* A driver that is loaded again, a firmware and then a system that boots: nobody waits. */
static void
test_a_few_times(void **state)
{
	struct bed *bed = *state;
	unsigned int before = bed->host->n_connected;

	for (unsigned int i = 1; i <= AT_ONCE; i++) {
		fake_frontend_reset(bed->guest);
		settle(bed);
		assert_int_equal(backend(bed), XenbusStateConnected);
		assert_int_equal(bed->guest->state, XenbusStateConnected);
		assert_int_equal(bed->host->n_connected, before + i);
		assert_string_equal(error_of(bed), "");
	}
	/* and the same again after a while */
	fake_host_pass(bed->host, AT_ONCE * EVERY);
	for (unsigned int i = 1; i <= AT_ONCE; i++) {
		fake_frontend_reset(bed->guest);
		settle(bed);
		assert_int_equal(backend(bed), XenbusStateConnected);
	}
	assert_string_equal(error_of(bed), "");
}

/* It waits, the operator sees why, and then it goes on by itself. */
static void
test_once_too_often(void **state)
{
	struct bed *bed = *state;

	exhaust(bed);
	assert_non_null(strstr(error_of(bed), "connects too often"));
	assert_non_null(strstr(bed->host->message, "connects too often"));
	fake_host_pass(bed->host, EVERY - 1);
	settle(bed);
	assert_int_equal(backend(bed), XenbusStateClosed);
	fake_host_pass(bed->host, 1);
	settle(bed);
	assert_int_equal(backend(bed), XenbusStateConnected);
	assert_int_equal(bed->guest->state, XenbusStateConnected);
	assert_string_equal(error_of(bed), "");
}

/* In a loop for ten seconds: connections, store, and log are what they may be, and no more. */
static void
test_loop(void **state)
{
	struct bed *bed = *state;
	struct fake_store *store = fake_hypervisor_store(bed->host->fake);
	unsigned int n_messages = bed->host->n_messages;
	uint64_t maps = fake_calls(bed->host->fake, FAKE_OP_MAP), writes, mine;

	for (unsigned int i = 0; i < ROUNDS; i++) {
		if (bed->guest->state == XenbusStateConnected)
			fake_frontend_reset(bed->guest);
		settle(bed);
		fake_host_pass(bed->host, ROUND);
	}
	assert_in_range(bed->host->n_connected - 2, AT_ONCE + 1, LIMIT);
	/* two rings and a control ring each time */
	assert_true(fake_calls(bed->host->fake, FAKE_OP_MAP) - maps <= 3 * LIMIT);
	/* a line for each connection, and one about the whole */
	assert_true(bed->host->n_messages - n_messages <= LIMIT + 1);
	/* while it waits, whatever it writes makes us write nothing */
	fake_host_pass(bed->host, EVERY);
	settle(bed);
	fake_host_pass(bed->host, AT_ONCE * EVERY);
	exhaust(bed);
	writes = fake_store_writes(store);
	for (mine = 0; mine < ROUNDS; mine++) {
		fake_frontend_write(bed->guest, "state", mine % 2 ? "1" : "4");
		netback_process(bed->host->netback);
	}
	assert_int_equal(fake_store_writes(store), writes + mine);
	/* the other one has not noticed */
	assert_int_equal(fake_backend_state(bed->host->fake, &other), XenbusStateConnected);
	assert_int_equal(bed->other->state, XenbusStateConnected);
	fake_frontend_reset(bed->other);
	fake_host_settle(bed->host, &bed->other, 1);
	assert_int_equal(bed->other->state, XenbusStateConnected);
	/* and it is not held against it for ever */
	fake_host_pass(bed->host, AT_ONCE * EVERY);
	settle(bed);
	assert_int_equal(backend(bed), XenbusStateConnected);
	fake_host_pass(bed->host, AT_ONCE * EVERY);
	test_a_few_times(state);
}

/* It opens and closes without ever connecting, or says what makes no sense: the same. */
static void
test_other_loops(void **state)
{
	static const char *const loops[][2] = { { "6", "1" }, { "9", "6" }, { "2", "1" } };
	struct bed *bed = *state;
	struct fake_store *store = fake_hypervisor_store(bed->host->fake);

	for (unsigned int l = 0; l < sizeof(loops) / sizeof(loops[0]); l++) {
		unsigned int n_messages = bed->host->n_messages;
		uint64_t changes = 0, seen;

		for (unsigned int i = 0; i < ROUNDS; i++) {
			fake_frontend_write(bed->guest, "state", loops[l][i % 2]);
			seen = fake_store_writes(store);
			netback_process(bed->host->netback);
			fake_host_retire(bed->host);
			changes += fake_store_writes(store) - seen;
			fake_host_pass(bed->host, ROUND);
		}
		/* some states each time, and what is offered */
		assert_in_range(changes, 1, LIMIT * 16);
		assert_true(bed->host->n_messages - n_messages <= LIMIT + 1);
	}
	fake_host_pass(bed->host, AT_ONCE * EVERY);
	assert_int_equal(fake_backend_state(bed->host->fake, &other), XenbusStateConnected);
}

/* Waiting is no reason to keep anybody else waiting. */
static void
test_removed_while_it_waits(void **state)
{
	struct bed *bed = *state;

	exhaust(bed);
	fake_toolstack_detach(bed->host->fake, &guest);
	netback_process(bed->host->netback);
	assert_int_equal(backend(bed), XenbusStateClosed);
	fake_toolstack_remove(bed->host->fake, &guest);
	netback_process(bed->host->netback);
	assert_null(fake_host_vif(bed->host, &guest));
	/* a new device is a new one */
	fake_frontend_destroy(bed->guest);
	bed->guest = fake_host_connect(bed->host, &guest);
	assert_non_null(bed->guest);
	fake_frontend_reset(bed->guest);
	settle(bed);
	assert_int_equal(backend(bed), XenbusStateConnected);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_few_times), TEST(test_once_too_often),         TEST(test_loop),
		TEST(test_other_loops), TEST(test_removed_while_it_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
