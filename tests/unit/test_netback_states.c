/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of a vif as xenstore sees it: states, keys, restarts; and nothing is left behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_host.h"
#include "store.h"

static const struct fake_frontend_config guest = { .domid = 1, .devid = 0, .split = true };
static const struct fake_frontend_config other = { .domid = 2, .devid = 3 };

static int
setup(void **state)
{
	*state = fake_host_create(2, 4);
	return 0;
}

static int
teardown(void **state)
{
	fake_host_destroy(*state);
	return 0;
}

static enum xenbus_state
backend(struct fake_host *host, const struct fake_frontend_config *config)
{
	return fake_backend_state(host->fake, config);
}

/* Everything that a connection opens is closed. */
static void
assert_nothing_open(struct fake_host *host)
{
	struct fake_counts counts = fake_hypervisor_counts(host->fake);

	assert_int_equal(counts.maps, 0);
	assert_int_equal(counts.bound, 0);
	assert_int_equal(counts.watches, host->netback != NULL ? 2 : 0);
}

static void
assert_key(struct fake_host *host, const struct fake_frontend_config *config, const char *key,
	   const char *value)
{
	char dir[64], *text;

	snprintf(dir, sizeof(dir), "backend/vif/%u/%u", config->domid, config->devid);
	text = store_read(fake_hypervisor_get(host->fake), dir, key);
	if (value == NULL)
		assert_null(text);
	else
		assert_string_equal(text, value);
	free(text);
}

static void
write_key(struct fake_host *host, const struct fake_frontend_config *config, const char *key,
	  const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "/local/domain/0/backend/vif/%u/%u/%s", config->domid,
		 config->devid, key);
	if (value != NULL)
		fake_store_write(fake_hypervisor_store(host->fake), 0, path, value);
	else
		fake_store_rm(fake_hypervisor_store(host->fake), 0, path);
}

static void
test_bring_up(void **state)
{
	struct fake_host *host = *state;
	struct fake_frontend *frontend;
	struct vif_info info;

	assert_int_equal(fake_toolstack_attach(host->fake, &guest), 0);
	netback_process(host->netback);
	assert_int_equal(backend(host, &guest), XenbusStateInitWait);
	assert_key(host, &guest, "feature-sg", "1");
	assert_key(host, &guest, "feature-rx-copy", "1");
	assert_key(host, &guest, "feature-rx-flip", "0");
	assert_key(host, &guest, "feature-split-event-channels", "1");
	assert_key(host, &guest, "multi-queue-max-queues", "4");
	assert_key(host, &guest, "feature-gso-tcpv4", "1");

	/* the guest is there first, the script comes later */
	frontend = fake_frontend_create(host->fake, &guest);
	fake_host_settle(host, &frontend, 1);
	assert_int_equal(frontend->state, XenbusStateConnected);
	assert_int_equal(backend(host, &guest), XenbusStateInitWait);
	assert_int_equal(host->n_connected, 0);
	fake_toolstack_hotplug(host->fake, &guest, "connected");
	fake_host_settle(host, &frontend, 1);
	assert_int_equal(backend(host, &guest), XenbusStateConnected);
	assert_int_equal(host->n_connected, 1);

	vif_info(fake_host_vif(host, &guest), &info);
	assert_string_equal(info.name, "vif1.0");
	assert_string_equal(info.state, "connected");
	assert_string_equal(info.frontend, "connected");
	assert_string_equal(info.hotplug, "connected");
	assert_int_equal(info.n_queues, 1);
	assert_true(info.split_channels && info.sg && info.csum_ipv4 && info.csum_ipv6);
	assert_int_equal(info.mac[4], 1);
	fake_frontend_destroy(frontend);
}

static void
test_script_fails(void **state)
{
	struct fake_host *host = *state;
	struct fake_frontend *frontend;

	fake_toolstack_attach(host->fake, &guest);
	frontend = fake_frontend_create(host->fake, &guest);
	fake_toolstack_hotplug(host->fake, &guest, "error");
	fake_host_settle(host, &frontend, 1);
	assert_int_equal(frontend->state, XenbusStateConnected);
	assert_int_equal(backend(host, &guest), XenbusStateInitWait);
	assert_int_equal(host->n_connected, 0);
	fake_toolstack_force(host->fake, &guest);
	fake_host_settle(host, NULL, 0);
	assert_int_equal(backend(host, &guest), XenbusStateClosed);
	fake_frontend_destroy(frontend);
}

static void
test_no_script(void **state)
{
	struct fake_host *host = *state;
	struct fake_frontend_config config = guest;
	struct fake_frontend *frontend;

	config.no_hotplug = true;
	frontend = fake_host_connect(host, &config);
	assert_non_null(frontend);
	fake_frontend_destroy(frontend);
}

/* A toolstack from before hotplug-status: there is a script, so it is waited for. */
static void
test_old_toolstack(void **state)
{
	struct fake_host *host = *state;
	struct fake_frontend *frontend;

	fake_toolstack_attach(host->fake, &guest);
	write_key(host, &guest, "hotplug-status", NULL);
	frontend = fake_frontend_create(host->fake, &guest);
	fake_host_settle(host, &frontend, 1);
	assert_int_equal(backend(host, &guest), XenbusStateInitWait);
	fake_toolstack_hotplug(host->fake, &guest, "connected");
	fake_host_settle(host, &frontend, 1);
	assert_int_equal(backend(host, &guest), XenbusStateConnected);
	fake_frontend_destroy(frontend);
}

static void
test_multi_queue(void **state)
{
	struct fake_host *host = *state;
	struct fake_frontend_config config = guest;
	struct fake_frontend *frontend;

	config.n_queues = 3;
	frontend = fake_host_connect(host, &config);
	assert_non_null(frontend);
	assert_int_equal(frontend->n_queues, 3);
	assert_int_equal(fake_hypervisor_counts(host->fake).maps, 6);
	assert_int_equal(fake_hypervisor_counts(host->fake).bound, 6);
	fake_toolstack_remove(host->fake, &config);
	fake_host_settle(host, NULL, 0);
	assert_nothing_open(host);
	fake_frontend_destroy(frontend);
}

/* A driver reload: 4 -> 5 -> 6 -> 1, and up again without a second run of the script. */
static void
test_reconnect(void **state)
{
	struct fake_host *host = *state;
	struct fake_frontend *frontend = fake_host_connect(host, &guest);

	fake_frontend_reset(frontend);
	netback_process(host->netback);
	/* invisible to workers, but mapped until their grace period is over; no state is skipped */
	assert_int_equal(host->n_disconnected, 1);
	assert_int_equal(fake_hypervisor_counts(host->fake).maps, 2);
	assert_int_equal(backend(host, &guest), XenbusStateConnected);
	fake_host_retire(host);
	assert_int_equal(fake_hypervisor_counts(host->fake).maps, 0);
	assert_int_equal(backend(host, &guest), XenbusStateClosing);
	fake_host_settle(host, &frontend, 1);
	assert_int_equal(frontend->state, XenbusStateConnected);
	assert_int_equal(backend(host, &guest), XenbusStateConnected);
	assert_int_equal(host->n_connected, 2);
	fake_frontend_destroy(frontend);
}

/* A crash kernel: straight from 4 to 1. The backend goes the whole way by itself. */
static void
test_frontend_starts_over(void **state)
{
	struct fake_host *host = *state;
	struct fake_frontend *frontend = fake_host_connect(host, &guest);

	fake_frontend_write(frontend, "state", "1");
	frontend->state = XenbusStateInitialising;
	fake_host_settle(host, NULL, 0);
	assert_int_equal(backend(host, &guest), XenbusStateInitWait);
	fake_host_settle(host, &frontend, 1);
	assert_int_equal(backend(host, &guest), XenbusStateConnected);
	assert_int_equal(host->n_connected, 2);
	fake_frontend_destroy(frontend);
}

static void
test_detach(void **state)
{
	struct fake_host *host = *state;
	struct fake_frontend *frontend = fake_host_connect(host, &guest);

	fake_toolstack_detach(host->fake, &guest);
	netback_process(host->netback);
	/* the guest is asked first */
	assert_int_equal(host->n_disconnected, 0);
	fake_host_settle(host, &frontend, 1);
	assert_int_equal(frontend->state, XenbusStateClosed);
	assert_int_equal(backend(host, &guest), XenbusStateClosed);
	fake_toolstack_remove(host->fake, &guest);
	fake_host_settle(host, NULL, 0);
	assert_int_equal(host->n_removed, 1);
	assert_null(fake_host_vif(host, &guest));
	assert_nothing_open(host);
	fake_frontend_destroy(frontend);
}

/* A guest that never loaded the driver does not make the toolstack wait. */
static void
test_detach_without_frontend(void **state)
{
	struct fake_host *host = *state;

	fake_toolstack_attach(host->fake, &guest);
	netback_process(host->netback);
	fake_toolstack_detach(host->fake, &guest);
	netback_process(host->netback);
	assert_int_equal(backend(host, &guest), XenbusStateClosed);
}

static void
test_destroy(void **state)
{
	struct fake_host *host = *state;
	struct fake_frontend *frontend = fake_host_connect(host, &guest);

	fake_toolstack_force(host->fake, &guest);
	fake_host_settle(host, NULL, 0);
	assert_int_equal(backend(host, &guest), XenbusStateClosed);
	assert_int_equal(fake_hypervisor_counts(host->fake).maps, 0);
	fake_toolstack_remove(host->fake, &guest);
	fake_host_settle(host, NULL, 0);
	assert_nothing_open(host);
	fake_frontend_destroy(frontend);
}

static void
test_crash(void **state)
{
	struct fake_host *host = *state;
	struct fake_frontend *frontend = fake_host_connect(host, &guest);
	struct fake_frontend *survivor = fake_host_connect(host, &other);

	fake_domain_kill(host->fake, guest.domid);
	fake_host_settle(host, NULL, 0);
	assert_int_equal(backend(host, &guest), XenbusStateClosed);
	assert_int_equal(backend(host, &other), XenbusStateConnected);
	assert_int_equal(fake_hypervisor_counts(host->fake).maps, 2);
	fake_frontend_destroy(frontend);
	fake_frontend_destroy(survivor);
}

/* The directory goes at once, with rings connected: no state is written, it would bring it back. */
static void
test_directory_vanishes(void **state)
{
	struct fake_host *host = *state;
	struct fake_frontend *frontend = fake_host_connect(host, &guest);

	fake_toolstack_remove(host->fake, &guest);
	fake_host_settle(host, NULL, 0);
	assert_int_equal(backend(host, &guest), XenbusStateUnknown);
	assert_int_equal(host->n_removed, 1);
	assert_nothing_open(host);
	fake_frontend_destroy(frontend);
}

/* Removed and made again before anyone looked. */
static void
test_directory_made_again(void **state)
{
	struct fake_host *host = *state;
	struct fake_frontend *frontend = fake_host_connect(host, &guest);

	fake_toolstack_remove(host->fake, &guest);
	fake_toolstack_attach(host->fake, &guest);
	fake_frontend_destroy(frontend);
	frontend = fake_frontend_create(host->fake, &guest);
	fake_host_settle(host, &frontend, 1);
	assert_int_equal(host->n_removed, 1);
	assert_int_equal(host->n_added, 2);
	assert_int_equal(backend(host, &guest), XenbusStateInitWait);
	fake_toolstack_hotplug(host->fake, &guest, "connected");
	fake_host_settle(host, &frontend, 1);
	assert_int_equal(backend(host, &guest), XenbusStateConnected);
	fake_frontend_destroy(frontend);
}

/* Keys of a frontend that must keep it from connecting. */
static const struct {
	const char *key, *value;
} bad_keys[] = {
	{ "tx-ring-ref", NULL },
	{ "tx-ring-ref", "" },
	{ "tx-ring-ref", "-1" },
	{ "tx-ring-ref", "0x10" },
	{ "tx-ring-ref", "4294967296" },
	{ "tx-ring-ref", "99999999999999999999999999" },
	{ "tx-ring-ref", "12 " },
	{ "tx-ring-ref", "4000000000" }, /* no such grant */
	{ "rx-ring-ref", NULL },
	{ "rx-ring-ref", "7" },
	{ "event-channel", NULL },
	{ "event-channel", "0" },
	{ "event-channel", "63" },
	{ "event-channel", "4294967295" },
	{ "event-channel-tx", "x" },
	{ "request-rx-copy", NULL },
	{ "request-rx-copy", "0" },
	{ "multi-queue-num-queues", "0" },
	{ "multi-queue-num-queues", "5" },
	{ "multi-queue-num-queues", "4294967295" },
	{ "multi-queue-num-queues", "two" },
	{ "multi-queue-num-queues", "2" }, /* no queue-0 */
	{ "feature-sg", "yes" },
};

static void
test_bad_keys(void **state)
{
	struct fake_host *host = *state;
	struct fake_frontend_config config = guest;
	struct fake_frontend *survivor = fake_host_connect(host, &other);

	config.split = false;
	for (size_t i = 0; i < sizeof(bad_keys) / sizeof(bad_keys[0]); i++) {
		struct fake_frontend *frontend;
		struct vif_info info;
		char *error;

		fake_toolstack_attach(host->fake, &config);
		frontend = fake_frontend_create(host->fake, &config);
		fake_host_settle(host, &frontend, 1);
		fake_frontend_write(frontend, bad_keys[i].key, bad_keys[i].value);
		fake_toolstack_hotplug(host->fake, &config, "connected");
		fake_host_settle(host, NULL, 0);
		assert_int_equal(backend(host, &config), XenbusStateClosing);
		assert_int_equal(fake_hypervisor_counts(host->fake).maps, 2);
		assert_int_equal(fake_hypervisor_counts(host->fake).bound, 1);
		vif_info(fake_host_vif(host, &config), &info);
		assert_string_not_equal(info.error, "");
		error = fake_store_read(fake_hypervisor_store(host->fake), 0,
					"/local/domain/0/error/backend/vif/1/0/error");
		assert_non_null(strstr(error, info.error));
		free(error);
		/* Linux gives up, and the toolstack can take it away */
		fake_host_settle(host, &frontend, 1);
		assert_int_equal(backend(host, &config), XenbusStateClosed);
		fake_toolstack_remove(host->fake, &config);
		fake_host_settle(host, NULL, 0);
		fake_frontend_destroy(frontend);
	}
	assert_int_equal(backend(host, &other), XenbusStateConnected);
	fake_frontend_destroy(survivor);
}

static void
test_senseless_state(void **state)
{
	static const char *const values[] = { "2", "8", "9", "4294967295", "-1", "x", "" };

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct fake_host *host = *state;
		struct fake_frontend *frontend = fake_host_connect(host, &guest);

		assert_non_null(frontend);
		fake_frontend_write(frontend, "state", values[i]);
		fake_host_settle(host, NULL, 0);
		assert_int_equal(backend(host, &guest), XenbusStateClosing);
		assert_int_equal(fake_hypervisor_counts(host->fake).maps, 0);
		fake_toolstack_remove(host->fake, &guest);
		fake_host_settle(host, NULL, 0);
		fake_frontend_destroy(frontend);
	}
}

/* Rings that make no sense when they are mapped. */
static void
test_bad_indices(void **state)
{
	struct fake_host *host = *state;
	struct fake_frontend *frontend;

	fake_toolstack_attach(host->fake, &guest);
	frontend = fake_frontend_create(host->fake, &guest);
	fake_host_settle(host, &frontend, 1);
	frontend->queues[0].tx->req_prod = NETIF_RING_SLOTS + 1;
	fake_toolstack_hotplug(host->fake, &guest, "connected");
	fake_host_settle(host, NULL, 0);
	assert_int_equal(backend(host, &guest), XenbusStateClosing);
	assert_int_equal(fake_hypervisor_counts(host->fake).maps, 0);
	fake_frontend_destroy(frontend);
}

/* The process ends and a new one comes: the store is untouched, the guest sees only a kick. */
static void
test_restart(void **state)
{
	struct fake_host *host = *state;
	struct fake_frontend *frontend = fake_host_connect(host, &guest);
	uint64_t writes = fake_store_writes(fake_hypervisor_store(host->fake));

	fake_channel_take(host->fake, guest.domid, frontend->queues[0].tx_port);
	fake_channel_take(host->fake, guest.domid, frontend->queues[0].rx_port);
	fake_host_stop(host);
	assert_nothing_open(host);
	assert_int_equal(host->n_removed, 0);
	fake_host_start(host);
	fake_host_settle(host, &frontend, 1);
	assert_int_equal(fake_store_writes(fake_hypervisor_store(host->fake)), writes);
	assert_int_equal(frontend->state, XenbusStateConnected);
	assert_int_equal(backend(host, &guest), XenbusStateConnected);
	assert_int_equal(host->n_connected, 2);
	assert_int_equal(fake_channel_take(host->fake, guest.domid, frontend->queues[0].tx_port),
			 1);
	assert_int_equal(fake_channel_take(host->fake, guest.domid, frontend->queues[0].rx_port),
			 1);
	fake_frontend_destroy(frontend);
}

/* What happened while no backend was there. */
static void
test_restart_in_other_states(void **state)
{
	struct fake_host *host = *state;
	struct fake_frontend *frontend = fake_host_connect(host, &guest);

	/* the guest wanted to close */
	fake_host_stop(host);
	fake_frontend_reset(frontend);
	fake_host_start(host);
	fake_host_settle(host, &frontend, 1);
	assert_int_equal(backend(host, &guest), XenbusStateConnected);

	/* the toolstack wanted it gone, the guest lives */
	fake_host_stop(host);
	fake_toolstack_detach(host->fake, &guest);
	fake_host_start(host);
	fake_host_settle(host, &frontend, 1);
	assert_int_equal(backend(host, &guest), XenbusStateClosed);
	fake_toolstack_remove(host->fake, &guest);
	fake_host_settle(host, NULL, 0);
	fake_frontend_destroy(frontend);

	/* the guest was destroyed */
	frontend = fake_host_connect(host, &guest);
	fake_host_stop(host);
	fake_toolstack_force(host->fake, &guest);
	fake_host_start(host);
	fake_host_settle(host, NULL, 0);
	assert_int_equal(backend(host, &guest), XenbusStateClosed);
	fake_toolstack_remove(host->fake, &guest);
	fake_host_settle(host, NULL, 0);
	fake_frontend_destroy(frontend);

	/* it waited for the script */
	fake_toolstack_attach(host->fake, &guest);
	frontend = fake_frontend_create(host->fake, &guest);
	fake_host_settle(host, &frontend, 1);
	fake_host_stop(host);
	fake_toolstack_hotplug(host->fake, &guest, "connected");
	fake_host_start(host);
	fake_host_settle(host, &frontend, 1);
	assert_int_equal(backend(host, &guest), XenbusStateConnected);
	fake_frontend_destroy(frontend);
}

/* Stopped in the middle of a grace period: all is closed, and nothing is used after its end. */
static void
test_stop_while_closing(void **state)
{
	struct fake_host *host = *state;
	struct fake_frontend *frontend = fake_host_connect(host, &guest);
	struct fake_frontend *gone = fake_host_connect(host, &other);

	host->hold_retired = true;
	fake_frontend_reset(frontend);
	fake_toolstack_remove(host->fake, &other);
	fake_host_settle(host, NULL, 0);
	assert_int_equal(host->n_retired, 2);
	fake_host_stop(host);
	assert_nothing_open(host);
	fake_frontend_destroy(frontend);
	fake_frontend_destroy(gone);
}

static void
test_store_is_busy(void **state)
{
	struct fake_host *host = *state;
	struct fake_frontend *frontend;

	fake_toolstack_attach(host->fake, &guest);
	fake_store_interfere(fake_hypervisor_store(host->fake), 20);
	netback_process(host->netback);
	assert_int_equal(backend(host, &guest), XenbusStateInitWait);
	frontend = fake_frontend_create(host->fake, &guest);
	fake_toolstack_hotplug(host->fake, &guest, "connected");
	fake_store_interfere(fake_hypervisor_store(host->fake), 20);
	fake_host_settle(host, &frontend, 1);
	assert_int_equal(backend(host, &guest), XenbusStateConnected);
	fake_frontend_destroy(frontend);
}

static void
test_owner_is_busy(void **state)
{
	struct fake_host *host = *state;

	host->added_result = -EAGAIN;
	fake_toolstack_attach(host->fake, &guest);
	fake_host_settle(host, NULL, 0);
	assert_int_equal(backend(host, &guest), XenbusStateInitialising);
	host->added_result = 0;
	fake_host_pass(host, FAKE_HOST_ANYTHING);
	assert_int_equal(backend(host, &guest), XenbusStateInitWait);

	host->added_result = -ENOSPC;
	fake_toolstack_attach(host->fake, &other);
	fake_host_settle(host, NULL, 0);
	assert_int_equal(backend(host, &other), XenbusStateClosing);
	assert_string_equal(host->message, "vif2.3: disabled: owner says no");
	fake_toolstack_remove(host->fake, &other);
	fake_host_settle(host, NULL, 0);
	assert_int_equal(host->n_removed, 0);
}

/* Directories that are none, or not complete. */
static void
test_strange_directories(void **state)
{
	struct fake_host *host = *state;
	struct fake_store *store = fake_hypervisor_store(host->fake);

	fake_store_write(store, 0, "/local/domain/0/backend/vif/x/y/state", "1");
	fake_store_write(store, 0, "/local/domain/0/backend/vif/1/65536/state", "1");
	fake_store_write(store, 0, "/local/domain/0/backend/vif/32752/0/state", "1");
	fake_store_write(store, 0, "/local/domain/0/backend/vif/1/9/state", "1");
	fake_store_write(store, 0, "/local/domain/0/backend/vif/1/9/frontend-id", "1");
	fake_store_write(store, 0, "/local/domain/0/backend/vif/1/9/frontend",
			 "/local/domain/5/device/vif/9");
	fake_host_settle(host, NULL, 0);
	assert_null(netback_next(host->netback, NULL));
	/* complete but for its state */
	fake_toolstack_attach(host->fake, &other);
	write_key(host, &other, "state", NULL);
	fake_host_settle(host, NULL, 0);
	assert_null(netback_next(host->netback, NULL));
	fake_toolstack_attach(host->fake, &guest);
	write_key(host, &guest, "mac", "00:16:3e:00:01");
	fake_host_settle(host, NULL, 0);
	assert_int_equal(backend(host, &guest), XenbusStateClosing);
	assert_int_equal(host->n_added, 0);
}

/* A guest that writes its state in a loop costs one look per turn, not one per event. */
static void
test_watch_storm(void **state)
{
	struct fake_host *host = *state;
	struct fake_frontend *frontend = fake_host_connect(host, &guest);
	uint64_t writes;

	for (int i = 0; i < 5000; i++)
		fake_frontend_write(frontend, "state", "4");
	writes = fake_store_writes(fake_hypervisor_store(host->fake));
	fake_host_settle(host, NULL, 0);
	for (int i = 0; i < 10; i++)
		netback_process(host->netback);
	assert_int_equal(fake_store_writes(fake_hypervisor_store(host->fake)), writes);
	assert_int_equal(backend(host, &guest), XenbusStateConnected);
	fake_frontend_destroy(frontend);
}

static void
test_reconfiguring(void **state)
{
	struct fake_host *host = *state;
	struct fake_frontend *frontend = fake_host_connect(host, &guest);

	fake_frontend_write(frontend, "state", "7");
	fake_host_settle(host, NULL, 0);
	assert_int_equal(backend(host, &guest), XenbusStateReconfigured);
	fake_frontend_write(frontend, "state", "4");
	fake_host_settle(host, NULL, 0);
	assert_int_equal(host->n_disconnected, 0);
	/* and a new backend takes 8 for connected */
	fake_host_stop(host);
	fake_host_start(host);
	fake_host_settle(host, &frontend, 1);
	assert_int_equal(host->n_connected, 2);
	fake_frontend_destroy(frontend);
}

static void
test_cycles(void **state)
{
	struct fake_host *host = *state;

	for (unsigned int i = 0; i < 200; i++) {
		struct fake_frontend_config config = guest;
		struct fake_frontend *frontend;

		config.n_queues = (uint16_t)(1 + i % 4);
		config.split = i % 3 != 0;
		frontend = fake_host_connect(host, &config);
		assert_non_null(frontend);
		if (i % 2 == 0) {
			fake_toolstack_detach(host->fake, &config);
			fake_host_settle(host, &frontend, 1);
		} else {
			fake_toolstack_force(host->fake, &config);
			fake_host_settle(host, NULL, 0);
		}
		assert_int_equal(backend(host, &config), XenbusStateClosed);
		fake_toolstack_remove(host->fake, &config);
		fake_host_settle(host, NULL, 0);
		fake_frontend_destroy(frontend);
		assert_nothing_open(host);
	}
	assert_int_equal(host->n_added, 200);
	assert_int_equal(host->n_removed, 200);
	assert_null(netback_next(host->netback, NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_bring_up, setup, teardown),
		cmocka_unit_test_setup_teardown(test_script_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_script, setup, teardown),
		cmocka_unit_test_setup_teardown(test_old_toolstack, setup, teardown),
		cmocka_unit_test_setup_teardown(test_multi_queue, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reconnect, setup, teardown),
		cmocka_unit_test_setup_teardown(test_frontend_starts_over, setup, teardown),
		cmocka_unit_test_setup_teardown(test_detach, setup, teardown),
		cmocka_unit_test_setup_teardown(test_detach_without_frontend, setup, teardown),
		cmocka_unit_test_setup_teardown(test_destroy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_crash, setup, teardown),
		cmocka_unit_test_setup_teardown(test_directory_vanishes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_directory_made_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(test_senseless_state, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_indices, setup, teardown),
		cmocka_unit_test_setup_teardown(test_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_restart_in_other_states, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stop_while_closing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_store_is_busy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_owner_is_busy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_strange_directories, setup, teardown),
		cmocka_unit_test_setup_teardown(test_watch_storm, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reconfiguring, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cycles, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
