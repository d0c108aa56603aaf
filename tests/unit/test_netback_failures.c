/* SPDX-License-Identifier: BSD-3-Clause */
/* What fails at the wrong time: a guest that lives must not lose its device for it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake_host.h"
#include "store.h"

static const struct fake_frontend_config guest = { .domid = 1, .split = true };

static int
setup(void **state)
{
	*state = fake_host_create(4, 4);
	return 0;
}

static int
teardown(void **state)
{
	fake_host_destroy(*state);
	return 0;
}

static enum xenbus_state
backend(struct fake_host *host)
{
	return fake_backend_state(host->fake, &guest);
}

static void
restart(struct fake_host *host, struct fake_frontend *frontend)
{
	fake_host_stop(host);
	fake_host_start(host);
	fake_host_settle(host, &frontend, 1);
}

static void
write_backend(struct fake_host *host, const char *key, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "/local/domain/0/backend/vif/1/0/%s", key);
	if (value != NULL)
		fake_store_write(fake_hypervisor_store(host->fake), 0, path, value);
	else
		fake_store_rm(fake_hypervisor_store(host->fake), 0, path);
}

static bool
store_has(struct fake_host *host, const char *path)
{
	char *value = fake_store_read(fake_hypervisor_store(host->fake), 0, path);

	free(value);
	return value != NULL;
}

/* A guest up to where it waits for the script. */
static struct fake_frontend *
almost_connected(struct fake_host *host)
{
	struct fake_frontend *frontend;

	fake_toolstack_attach(host->fake, &guest);
	frontend = fake_frontend_create(host->fake, &guest);
	fake_host_settle(host, &frontend, 1);
	assert_int_equal(backend(host), XenbusStateInitWait);
	return frontend;
}

/* Back with fewer workers: the guest has more queues than it would be offered today. */
static void
test_fewer_workers(void **state)
{
	struct fake_host *host = *state;
	struct fake_frontend_config config = guest;
	struct fake_frontend *frontend;

	config.n_queues = 4;
	frontend = fake_host_connect(host, &config);
	assert_int_equal(frontend->n_queues, 4);
	fake_host_stop(host);
	host->n_threads = 1;
	host->max_queues = 1;
	fake_host_start(host);
	fake_host_settle(host, &frontend, 1);
	assert_int_equal(backend(host), XenbusStateConnected);
	assert_int_equal(host->n_connected, 2);
	assert_int_equal(fake_hypervisor_counts(host->fake).bound, 8);
	/* a new connection gets what is offered today */
	fake_frontend_reset(frontend);
	fake_host_settle(host, &frontend, 1);
	assert_int_equal(backend(host), XenbusStateConnected);
	assert_int_equal(frontend->n_queues, 1);
	fake_frontend_destroy(frontend);
}

/* The same in the moment before state 4 was written, or while it waited for the script. */
static void
test_fewer_workers_unsaid(void **state)
{
	struct fake_host *host = *state;
	struct fake_frontend_config config = guest;
	struct fake_frontend *frontend;
	uint8_t data[60] = { 0 };
	struct fake_frame frame = { .data = data, .len = sizeof(data) };

	config.n_queues = 4;
	fake_toolstack_attach(host->fake, &config);
	frontend = fake_frontend_create(host->fake, &config);
	fake_host_settle(host, &frontend, 1);
	assert_int_equal(frontend->n_queues, 4);
	fake_frontend_send(frontend, 1, &frame);
	fake_host_stop(host);
	host->n_threads = 1;
	host->max_queues = 1;
	fake_toolstack_hotplug(host->fake, &config, "connected");
	fake_host_start(host);
	fake_host_settle(host, &frontend, 1);
	assert_int_equal(backend(host), XenbusStateConnected);
	assert_int_equal(fake_hypervisor_counts(host->fake).bound, 8);
	/* nobody knows how far the backend before came with it */
	assert_int_equal(fake_frontend_reap(frontend, 1), 1);
	assert_int_equal(frontend->queues[1].tx_error, 1);
	fake_frontend_destroy(frontend);
}

static const struct {
	enum fake_op op;
	int error;
} transient[] = {
	{ FAKE_OP_MAP, ENOMEM },  { FAKE_OP_BIND, EINVAL }, { FAKE_OP_BIND, ENOSPC },
	{ FAKE_OP_READ, ENOMEM }, { FAKE_OP_READ, EIO },    { FAKE_OP_WATCH, ENOSPC },
};

/* At every call there is, in a restart under a guest: it notices nothing, and is back in the end.
 */
static void
test_reattach_fails(void **state)
{
	struct fake_host *host = *state;
	struct fake_frontend *frontend = fake_host_connect(host, &guest);
	struct fake_store *store = fake_hypervisor_store(host->fake);
	uint64_t writes = fake_store_writes(store);

	for (size_t i = 0; i < sizeof(transient) / sizeof(transient[0]); i++) {
		for (unsigned int n = 1; n < 30; n++) {
			fake_host_stop(host);
			fake_host_start(host);
			fake_fail(host->fake, transient[i].op, n, transient[i].error);
			for (unsigned int try = 0; try < 40; try++) {
				fake_host_settle(host, &frontend, 1);
				assert_int_equal(backend(host), XenbusStateConnected);
				fake_host_pass(host, FAKE_HOST_ANYTHING);
			}
			fake_fail(host->fake, transient[i].op, 0, 0);
			fake_host_pass(host, FAKE_HOST_ANYTHING);
			assert_int_equal(frontend->state, XenbusStateConnected);
			assert_non_null(fake_host_vif(host, &guest)->rings);
			assert_string_equal(fake_host_vif(host, &guest)->error, "");
			assert_int_equal(fake_store_writes(store), writes);
		}
	}
	fake_frontend_destroy(frontend);
}

/* It says why it is not back yet, and the timer does the rest. */
static void
test_reattach_reports(void **state)
{
	struct fake_host *host = *state;
	struct fake_frontend *frontend = fake_host_connect(host, &guest);
	struct vif_info info;

	fake_host_stop(host);
	fake_host_start(host);
	fake_fail(host->fake, FAKE_OP_MAP, 1000000, ENOMEM);
	fake_host_settle(host, &frontend, 1);
	assert_non_null(strstr(host->message, "Cannot allocate memory; trying again"));
	vif_info(fake_host_vif(host, &guest), &info);
	assert_non_null(strstr(info.error, "cannot map tx-ring-ref"));
	/* an event of the guest is no reason to try sooner */
	fake_frontend_write(frontend, "state", "4");
	fake_host_settle(host, &frontend, 1);
	assert_int_equal(fake_calls(host->fake, FAKE_OP_MAP), 3);
	fake_fail(host->fake, FAKE_OP_MAP, 0, 0);
	for (int try = 0; try < 20000 && host->n_connected < 2; try++) {
		usleep(1000);
		fake_host_settle(host, &frontend, 1);
	}
	assert_int_equal(host->n_connected, 2);
	fake_frontend_destroy(frontend);
}

/* What the guest itself has broken is fatal at a restart as at any other time. */
static void
test_reattach_hostile(void **state)
{
	struct fake_host *host = *state;
	struct fake_frontend *frontend = fake_host_connect(host, &guest);

	fake_frontend_write(frontend, "tx-ring-ref", "none");
	fake_host_stop(host);
	fake_host_start(host);
	fake_host_settle(host, NULL, 0);
	assert_int_equal(backend(host), XenbusStateClosing);
	fake_frontend_destroy(frontend);
}

/* The owner cannot have it at a restart: no word to the guest, and asked again. */
static void
test_owner_fails_at_restart(void **state)
{
	struct fake_host *host = *state;
	struct fake_frontend *frontend = fake_host_connect(host, &guest);

	host->added_result = -ENOMEM;
	restart(host, frontend);
	assert_int_equal(backend(host), XenbusStateConnected);
	assert_string_equal(host->message, "vif1.0: owner says no; trying again");
	host->added_result = 0;
	fake_host_pass(host, FAKE_HOST_ANYTHING);
	assert_int_equal(host->n_connected, 2);
	/* and if it goes meanwhile, that is followed */
	host->added_result = -ENOMEM;
	restart(host, frontend);
	fake_toolstack_detach(host->fake, &guest);
	fake_host_settle(host, &frontend, 1);
	assert_int_equal(backend(host), XenbusStateClosed);
	fake_frontend_destroy(frontend);
}

/* A refused vif answers the toolstack all the same. */
static void
test_refused_detach(void **state)
{
	struct fake_host *host = *state;

	host->added_result = -ENOSPC;
	fake_toolstack_attach(host->fake, &guest);
	fake_host_settle(host, NULL, 0);
	assert_int_equal(backend(host), XenbusStateClosing);
	fake_toolstack_detach(host->fake, &guest);
	fake_host_settle(host, NULL, 0);
	assert_int_equal(backend(host), XenbusStateClosed);
	fake_toolstack_remove(host->fake, &guest);
	fake_host_settle(host, NULL, 0);
	assert_int_equal(fake_hypervisor_counts(host->fake).watches, 2);

	fake_toolstack_attach(host->fake, &guest);
	fake_host_settle(host, NULL, 0);
	fake_toolstack_force(host->fake, &guest);
	fake_host_settle(host, NULL, 0);
	assert_int_equal(backend(host), XenbusStateClosed);

	/* made again before we looked: asked again */
	host->added_result = 0;
	fake_toolstack_remove(host->fake, &guest);
	fake_toolstack_attach(host->fake, &guest);
	fake_host_settle(host, NULL, 0);
	assert_int_equal(backend(host), XenbusStateInitWait);
}

static void
detach(void *arg)
{
	fake_toolstack_detach(((struct fake_host *)arg)->fake, &guest);
}

/* The toolstack's 5 comes while rings are mapped, or the state is written: not overwritten. */
static void
test_detach_while_connecting(void **state)
{
	static const enum fake_op ops[] = { FAKE_OP_MAP, FAKE_OP_BIND, FAKE_OP_TRANSACTION };
	struct fake_host *host = *state;

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		struct fake_frontend *frontend = almost_connected(host);

		fake_before(host->fake, ops[i], detach, host);
		fake_toolstack_hotplug(host->fake, &guest, "connected");
		netback_process(host->netback);
		assert_int_equal(backend(host), XenbusStateClosing);
		fake_host_settle(host, &frontend, 1);
		assert_int_equal(backend(host), XenbusStateClosed);
		assert_int_equal(fake_hypervisor_counts(host->fake).maps, 0);
		fake_toolstack_remove(host->fake, &guest);
		fake_host_settle(host, NULL, 0);
		fake_frontend_destroy(frontend);
	}
}

/* Only "online" says that the device is to go; absent is 0. */
static void
test_not_online(void **state)
{
	static const char *const values[] = { "0", NULL };
	struct fake_host *host = *state;

	for (size_t i = 0; i < 2; i++) {
		struct fake_frontend *frontend = fake_host_connect(host, &guest);

		write_backend(host, "online", values[i]);
		fake_host_settle(host, NULL, 0);
		assert_int_equal(backend(host), XenbusStateClosing);
		fake_host_settle(host, &frontend, 1);
		assert_int_equal(backend(host), XenbusStateClosed);
		fake_toolstack_remove(host->fake, &guest);
		fake_host_settle(host, NULL, 0);
		fake_frontend_destroy(frontend);
	}
}

/* State 4 cannot be written: rings are opened once. */
static void
test_store_busy_at_connect(void **state)
{
	struct fake_host *host = *state;
	struct fake_frontend *frontend = almost_connected(host);

	fake_toolstack_hotplug(host->fake, &guest, "connected");
	fake_store_interfere(fake_hypervisor_store(host->fake), 100);
	netback_process(host->netback);
	assert_int_equal(backend(host), XenbusStateInitWait);
	assert_int_equal(fake_hypervisor_counts(host->fake).maps, 2);
	fake_frontend_write(frontend, "state", "4");
	netback_process(host->netback);
	fake_host_pass(host, FAKE_HOST_ANYTHING);
	assert_int_equal(backend(host), XenbusStateConnected);
	assert_int_equal(host->n_connected, 1);
	assert_int_equal(fake_hypervisor_counts(host->fake).maps, 2);
	assert_string_equal(fake_host_vif(host, &guest)->error, "");
	fake_frontend_destroy(frontend);
}

/* A first connection that fails for no fault of the guest. */
static void
test_connect_fails(void **state)
{
	struct fake_host *host = *state;
	struct fake_frontend *frontend = almost_connected(host);

	fake_toolstack_hotplug(host->fake, &guest, "connected");
	fake_fail(host->fake, FAKE_OP_MAP, 1, ENOMEM);
	fake_host_settle(host, &frontend, 1);
	assert_int_equal(backend(host), XenbusStateInitWait);
	fake_host_pass(host, FAKE_HOST_ANYTHING);
	assert_int_equal(backend(host), XenbusStateConnected);
	fake_frontend_destroy(frontend);
}

/* Many domains end at once: one look, one question per domain; no answer is not "dead". */
static void
test_releases(void **state)
{
	struct fake_host *host = *state;
	struct fake_store *store = fake_hypervisor_store(host->fake);
	const struct fake_frontend_config second = { .domid = 1, .devid = 1 };
	struct fake_frontend *frontends[2];
	uint64_t calls;

	frontends[0] = fake_host_connect(host, &guest);
	frontends[1] = fake_host_connect(host, &second);
	calls = fake_calls(host->fake, FAKE_OP_ALIVE);
	for (unsigned int i = 0; i < 100; i++)
		fake_store_fire(store, "@releaseDomain");
	netback_process(host->netback);
	assert_int_equal(fake_calls(host->fake, FAKE_OP_ALIVE) - calls, 1);

	fake_fail(host->fake, FAKE_OP_ALIVE, 1, EIO);
	fake_store_fire(store, "@releaseDomain");
	netback_process(host->netback);
	assert_false(fake_host_vif(host, &guest)->domain_dead);
	assert_int_equal(backend(host), XenbusStateConnected);
	/* asked again, without another event */
	fake_domain_kill(host->fake, 1);
	fake_fail(host->fake, FAKE_OP_ALIVE, 1, EIO);
	netback_process(host->netback);
	assert_false(fake_host_vif(host, &guest)->domain_dead);
	fake_host_pass(host, FAKE_HOST_ANYTHING);
	assert_true(fake_host_vif(host, &guest)->domain_dead);
	fake_host_settle(host, NULL, 0);
	assert_int_equal(backend(host), XenbusStateClosed);
	fake_frontend_destroy(frontends[0]);
	fake_frontend_destroy(frontends[1]);
}

/* Messages for the operator go with the device, and when it works again. */
static void
test_error_nodes(void **state)
{
	static const char error[] = "/local/domain/0/error/backend/vif/1/0/error";
	struct fake_host *host = *state;
	struct fake_frontend *frontend = fake_host_connect(host, &guest);

	fake_frontend_write(frontend, "state", "9");
	fake_host_settle(host, NULL, 0);
	assert_true(store_has(host, error));
	frontend->state = XenbusStateConnected;
	fake_frontend_reset(frontend);
	fake_host_settle(host, &frontend, 1);
	/* not at once: a guest could do that all day */
	assert_int_equal(backend(host), XenbusStateClosed);
	fake_host_pass(host, FAKE_HOST_ANYTHING);
	fake_host_settle(host, &frontend, 1);
	assert_int_equal(backend(host), XenbusStateConnected);
	assert_false(store_has(host, error));

	fake_frontend_write(frontend, "state", "9");
	fake_host_settle(host, NULL, 0);
	assert_true(store_has(host, error));
	fake_toolstack_remove(host->fake, &guest);
	fake_host_settle(host, NULL, 0);
	assert_false(store_has(host, "/local/domain/0/error/backend/vif/1"));
	fake_frontend_destroy(frontend);
}

/* The device goes while no backend is there: the next one removes what the last one has said of it.
 */
static void
test_error_nodes_restart(void **state)
{
	static const struct fake_frontend_config other = { .domid = 2 };
	struct fake_host *host = *state;
	struct fake_frontend *frontends[2] = { fake_host_connect(host, &guest),
					       fake_host_connect(host, &other) };

	for (unsigned int i = 0; i < 2; i++)
		fake_frontend_write(frontends[i], "state", "9");
	fake_host_settle(host, NULL, 0);
	assert_true(store_has(host, "/local/domain/0/error/backend/vif/1/0/error"));
	fake_host_stop(host);
	fake_toolstack_remove(host->fake, &guest);
	fake_host_start(host);
	/* not while the store keeps to itself which devices there are */
	fake_fail(host->fake, FAKE_OP_READ, 1, EIO);
	fake_host_settle(host, NULL, 0);
	assert_true(store_has(host, "/local/domain/0/error/backend/vif/1/0/error"));
	fake_host_pass(host, FAKE_HOST_ANYTHING);
	assert_false(store_has(host, "/local/domain/0/error/backend/vif/1"));
	assert_true(store_has(host, "/local/domain/0/error/backend/vif/2/0/error"));
	for (unsigned int i = 0; i < 2; i++)
		fake_frontend_destroy(frontends[i]);
}

/* Two queues with one ring page: two mappings of it, and each queue keeps to its own indices. */
static void
test_shared_ring_page(void **state)
{
	struct fake_host *host = *state;
	struct fake_frontend_config config = guest;
	struct fake_frontend *frontend;
	char ref[16];

	config.n_queues = 2;
	fake_toolstack_attach(host->fake, &config);
	frontend = fake_frontend_create(host->fake, &config);
	fake_host_settle(host, &frontend, 1);
	snprintf(ref, sizeof(ref), "%u", frontend->queues[0].tx_ref);
	fake_frontend_write(frontend, "queue-1/tx-ring-ref", ref);
	fake_toolstack_hotplug(host->fake, &config, "connected");
	fake_host_settle(host, &frontend, 1);
	assert_int_equal(backend(host), XenbusStateConnected);
	assert_int_equal(fake_hypervisor_counts(host->fake).maps, 4);
	restart(host, frontend);
	assert_int_equal(backend(host), XenbusStateConnected);
	fake_toolstack_remove(host->fake, &config);
	fake_host_settle(host, NULL, 0);
	assert_int_equal(fake_hypervisor_counts(host->fake).maps, 0);
	fake_frontend_destroy(frontend);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_fewer_workers),    TEST(test_fewer_workers_unsaid),
		TEST(test_reattach_fails),   TEST(test_reattach_reports),
		TEST(test_reattach_hostile), TEST(test_owner_fails_at_restart),
		TEST(test_refused_detach),   TEST(test_detach_while_connecting),
		TEST(test_not_online),       TEST(test_store_busy_at_connect),
		TEST(test_connect_fails),    TEST(test_releases),
		TEST(test_error_nodes),      TEST(test_error_nodes_restart),
		TEST(test_shared_ring_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
