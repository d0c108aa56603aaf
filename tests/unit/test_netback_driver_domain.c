/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vswitchd in a domain of its own (backend= in xl.cfg): devices are in that domain's directory, and
 * nothing of domain 0 is read or written.
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
#include "vif_link.h"

#define SELF 5
#define HOME "/local/domain/5"

static const struct fake_frontend_config guest = { .domid = 7, .split = true };

struct bed {
	struct fake_host *host;
	struct fake_store *store;
	struct fake_frontend *frontend;
};

static int
setup(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));

	bed->host = fake_host_create(2, 4);
	bed->store = fake_hypervisor_store(bed->host->fake);
	fake_host_stop(bed->host);
	fake_store_set_self(bed->store, SELF);
	/* of dom0's own switch, in the way if anything is mixed up */
	fake_store_write(bed->store, 0, "/local/domain/0/backend/vif/7/0/state", "1");
	fake_host_start(bed->host);
	bed->frontend = fake_host_connect(bed->host, &guest);
	assert_non_null(bed->frontend);
	*state = bed;
	return 0;
}

static void
assert_value(struct bed *bed, const char *path, const char *value)
{
	char *text = fake_store_read(bed->store, 0, path);

	if (value == NULL)
		assert_null(text);
	else
		assert_string_equal(text, value);
	free(text);
}

static int
teardown(void **state)
{
	struct bed *bed = *state;
	char **names = fake_store_directory(bed->store, 0, "/local/domain/0/backend/vif/7/0");

	assert_value(bed, "/local/domain/0/backend/vif/7/0/state", "1");
	assert_string_equal(names[0], "state");
	assert_null(names[1]);
	free(names);
	assert_value(bed, "/local/domain/0/error", NULL);
	fake_frontend_destroy(bed->frontend);
	fake_host_destroy(bed->host);
	free(bed);
	return 0;
}

static void
test_connects(void **state)
{
	struct bed *bed = *state;
	struct vif *vif = fake_host_vif(bed->host, &guest);

	assert_value(bed, HOME "/backend/vif/7/0/state", "4");
	assert_value(bed, HOME "/backend/vif/7/0/feature-rx-copy", "1");
	assert_value(bed, "/local/domain/7/device/vif/0/backend-id", "5");
	assert_string_equal(vif->name, "vif7.0");
	assert_int_equal(bed->host->n_added, 1);
}

static void
test_settings(void **state)
{
	struct bed *bed = *state;
	struct vif *vif = fake_host_vif(bed->host, &guest);
	char *text;

	assert_int_equal(vif_note_write(vif, "bridge", "xenbr0"), 0);
	assert_value(bed, HOME "/backend/vif/7/0/vswitch/bridge", "xenbr0");
	text = vif_note_read(vif, "bridge");
	assert_string_equal(text, "xenbr0");
	free(text);
	assert_int_equal(vif_link_carrier(vif, false), 0);
	assert_value(bed, HOME "/backend/vif/7/0/carrier", "0");
	/* a change is seen, by the watch with a relative path */
	fake_store_write(bed->store, 0, HOME "/backend/vif/7/0/rate", "6250,50000");
	fake_host_settle(bed->host, &bed->frontend, 1);
	assert_int_equal(vif->rate->rate.bytes, 6250);
}

static void
test_error(void **state)
{
	struct bed *bed = *state;

	fake_frontend_write(bed->frontend, "state", "99");
	fake_host_settle(bed->host, NULL, 0);
	assert_value(bed, HOME "/error/backend/vif/7/0/error",
		     "-71 frontend's state makes no sense");
	fake_frontend_write(bed->frontend, "state", "6");
	fake_toolstack_detach(bed->host->fake, &guest);
	fake_host_settle(bed->host, NULL, 0);
	fake_toolstack_remove(bed->host->fake, &guest);
	fake_host_settle(bed->host, NULL, 0);
	assert_value(bed, HOME "/error/backend/vif/7/0/error", NULL);
}

static void
test_restart(void **state)
{
	struct bed *bed = *state;

	fake_host_stop(bed->host);
	fake_host_start(bed->host);
	fake_host_settle(bed->host, &bed->frontend, 1);
	assert_value(bed, HOME "/backend/vif/7/0/state", "4");
	assert_null(bed->frontend->broken);
	assert_int_not_equal(fake_hypervisor_counts(bed->host->fake).maps, 0);
}

/* xl devd, in this domain, removes the directory when it sees 6 and online=0. */
static void
test_detach(void **state)
{
	struct bed *bed = *state;

	fake_toolstack_detach(bed->host->fake, &guest);
	fake_host_settle(bed->host, &bed->frontend, 1);
	assert_value(bed, HOME "/backend/vif/7/0/state", "6");
	fake_store_rm(bed->store, 0, HOME "/backend/vif/7/0");
	fake_host_settle(bed->host, NULL, 0);
	assert_null(fake_host_vif(bed->host, &guest));
	assert_value(bed, HOME "/backend/vif/7/0/state", NULL);
	assert_int_equal(fake_hypervisor_counts(bed->host->fake).maps, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_connects), TEST(test_settings), TEST(test_error),
		TEST(test_restart),  TEST(test_detach),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
