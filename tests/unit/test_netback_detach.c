/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Removing the device of a guest that does not answer: paused, hung, or crashed and kept. Nothing
 * here waits: fake_host_pass() lets the time pass that a guest gets.
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

static const struct fake_frontend_config guest = { .domid = 1, .split = true };
static const struct fake_frontend_config other = { .domid = 2, .devid = 3 };

struct bed {
	struct fake_host *host;
	struct fake_frontend *frontend;
};

static int
setup(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));

	bed->host = fake_host_create(2, 4);
	bed->frontend = fake_host_connect(bed->host, &guest);
	assert_non_null(bed->frontend);
	*state = bed;
	return 0;
}

static int
teardown(void **state)
{
	struct bed *bed = *state;

	fake_frontend_destroy(bed->frontend);
	fake_host_destroy(bed->host);
	free(bed);
	return 0;
}

static enum xenbus_state
backend(struct bed *bed)
{
	return fake_backend_state(bed->host->fake, &guest);
}

static unsigned int
mapped(struct bed *bed)
{
	return fake_hypervisor_counts(bed->host->fake).maps;
}

static void
write_backend(struct bed *bed, const char *key, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "/local/domain/0/backend/vif/1/0/%s", key);
	fake_store_write(fake_hypervisor_store(bed->host->fake), 0, path, value);
}

/* Time passes, and nobody but the backend does anything. */
static void
pass(struct bed *bed)
{
	fake_host_pass(bed->host, FAKE_HOST_ANYTHING);
	fake_host_settle(bed->host, NULL, 0);
}

/* The toolstack removes what it has been waiting for, and nothing is left. */
static void
assert_removed(struct bed *bed)
{
	struct fake_host *host = bed->host;

	assert_int_equal(backend(bed), XenbusStateClosed);
	assert_int_equal(mapped(bed), 0);
	fake_toolstack_remove(host->fake, &guest);
	fake_host_settle(host, NULL, 0);
	assert_null(fake_host_vif(host, &guest));
	assert_int_equal(fake_hypervisor_counts(host->fake).bound, 0);
	assert_int_equal(fake_hypervisor_counts(host->fake).watches, 2);
	/* the timer that is left over finds nothing to do */
	pass(bed);
}

static void
test_paused(void **state)
{
	struct bed *bed = *state;

	fake_toolstack_detach(bed->host->fake, &guest);
	fake_host_settle(bed->host, NULL, 0);
	/* it gets its time, with its rings, and looks at events do not make it shorter */
	for (int i = 0; i < 3; i++) {
		write_backend(bed, "online", "0");
		fake_host_settle(bed->host, NULL, 0);
	}
	assert_int_equal(backend(bed), XenbusStateClosing);
	assert_int_equal(bed->host->n_disconnected, 0);
	pass(bed);
	assert_int_equal(bed->host->n_disconnected, 1);
	assert_non_null(strstr(bed->host->message, "without an answer"));
	assert_removed(bed);
}

/* The guest's driver has begun to let go, and hangs. */
static void
test_hangs_while_closing(void **state)
{
	struct bed *bed = *state;

	fake_toolstack_detach(bed->host->fake, &guest);
	fake_frontend_write(bed->frontend, "state", "5");
	fake_host_settle(bed->host, NULL, 0);
	assert_int_equal(backend(bed), XenbusStateClosing);
	pass(bed);
	assert_removed(bed);
}

/* It comes to it later than it should: its driver still finds what it waits for. */
static void
test_slow(void **state)
{
	struct bed *bed = *state;

	fake_toolstack_detach(bed->host->fake, &guest);
	fake_host_settle(bed->host, NULL, 0);
	pass(bed);
	assert_int_equal(backend(bed), XenbusStateClosed);
	fake_host_settle(bed->host, &bed->frontend, 1);
	assert_int_equal(bed->frontend->state, XenbusStateClosed);
	assert_null(bed->frontend->broken);
	assert_removed(bed);
}

/* Whoever answers in time is not cut off, and nothing is said. */
static void
test_answers(void **state)
{
	struct bed *bed = *state;

	fake_toolstack_detach(bed->host->fake, &guest);
	fake_host_settle(bed->host, &bed->frontend, 1);
	assert_int_equal(backend(bed), XenbusStateClosed);
	pass(bed);
	assert_null(strstr(bed->host->message, "without an answer"));
	assert_removed(bed);
}

/* Frontends that have nothing to let go of: at once. */
static void
test_not_there(void **state)
{
	static const char *const states[] = { "1", "6", "8", "77", "no number", "" };
	struct bed *bed = *state;

	for (unsigned int i = 0; i < sizeof(states) / sizeof(*states); i++) {
		fake_toolstack_attach(bed->host->fake, &other);
		fake_host_settle(bed->host, NULL, 0);
		assert_int_equal(fake_backend_state(bed->host->fake, &other), XenbusStateInitWait);
		fake_toolstack_detach(bed->host->fake, &other);
		fake_store_write(fake_hypervisor_store(bed->host->fake), 0,
				 "/local/domain/2/device/vif/3/state", states[i]);
		fake_host_settle(bed->host, NULL, 0);
		assert_int_equal(fake_backend_state(bed->host->fake, &other), XenbusStateClosed);
		fake_toolstack_remove(bed->host->fake, &other);
		fake_host_settle(bed->host, NULL, 0);
	}
}

/* A guest cannot draw it out by going to and fro. */
static void
test_dawdles(void **state)
{
	struct bed *bed = *state;
	uint64_t answer_by;

	fake_toolstack_detach(bed->host->fake, &guest);
	fake_host_settle(bed->host, NULL, 0);
	answer_by = fake_host_vif(bed->host, &guest)->answer_by;
	assert_int_not_equal(answer_by, 0);
	for (int i = 0; i < 4; i++) {
		fake_frontend_write(bed->frontend, "state", i % 2 == 0 ? "5" : "4");
		fake_host_settle(bed->host, NULL, 0);
		assert_int_equal(fake_host_vif(bed->host, &guest)->answer_by, answer_by);
	}
	pass(bed);
	assert_removed(bed);
}

/* The toolstack thinks better of it, or has only said 5: the guest has all the time it wants. */
static void
test_still_wanted(void **state)
{
	struct bed *bed = *state;

	write_backend(bed, "state", "5");
	fake_host_settle(bed->host, NULL, 0);
	pass(bed);
	assert_int_equal(backend(bed), XenbusStateClosing);

	write_backend(bed, "online", "0");
	fake_host_settle(bed->host, NULL, 0);
	write_backend(bed, "online", "1");
	fake_host_settle(bed->host, NULL, 0);
	pass(bed);
	assert_int_equal(backend(bed), XenbusStateClosing);
}

/* vswitchd comes (back) to a removal under way. */
static void
test_restart(void **state)
{
	struct bed *bed = *state;

	fake_host_stop(bed->host);
	fake_toolstack_detach(bed->host->fake, &guest);
	fake_host_start(bed->host);
	fake_host_settle(bed->host, NULL, 0);
	assert_int_equal(backend(bed), XenbusStateClosing);
	assert_int_equal(mapped(bed), 0);
	pass(bed);
	assert_removed(bed);
}

/* The store fails at the moment: what was decided stays, and is done when it works again. */
static void
test_store_fails(void **state)
{
	struct bed *bed = *state;

	fake_toolstack_detach(bed->host->fake, &guest);
	fake_host_settle(bed->host, NULL, 0);
	fake_fail(bed->host->fake, FAKE_OP_TRANSACTION, 1, EIO);
	pass(bed);
	pass(bed);
	assert_removed(bed);
}

/* Grace periods of workers take longer than the guest's time. */
static void
test_workers_are_busy(void **state)
{
	struct bed *bed = *state;

	bed->host->hold_retired = true;
	fake_toolstack_detach(bed->host->fake, &guest);
	fake_host_settle(bed->host, NULL, 0);
	pass(bed);
	assert_int_equal(backend(bed), XenbusStateClosing);
	assert_int_not_equal(mapped(bed), 0);
	bed->host->hold_retired = false;
	fake_host_settle(bed->host, NULL, 0);
	assert_removed(bed);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_paused),       TEST(test_hangs_while_closing),
		TEST(test_slow),         TEST(test_answers),
		TEST(test_not_there),    TEST(test_dawdles),
		TEST(test_still_wanted), TEST(test_restart),
		TEST(test_store_fails),  TEST(test_workers_are_busy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
