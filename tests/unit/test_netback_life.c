/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Life cycles: guests come and go, reconnect, map pages, die, and the switch restarts, in random
 * order with traffic in between. Nothing may be left of a device that is gone: neither with the
 * hypervisor - mapped grants, event channels, watches -, nor packets, memory, descriptors, nor in
 * xenstore.
 */
#include "vif_bed.h"

#include <dirent.h>
#include <malloc.h>

#include <rte_malloc.h>

#include "events.h"
#include "fake_ctrl.h"
#include "fake_host.h"

#define STEPS 1000
#define TUNABLES "GLIBC_TUNABLES"
#define CUT_OFF 512            /* bytes: malloc() counts what is left of blocks, too */
#define STEPS_PER_CLEARING 100 /* then everybody goes, and nothing may be left */
#define SEED 1
#define MANY 512
#define ROUNDS 200      /* of everything, in which what was begun must be over */
#define RESTART_ODDS 16 /* one step of so many is one */

/* Not used here: these guests change. */
static const struct fake_frontend_config configs[GUESTS] = {
	{ .domid = 1 },
	{ .domid = 2 },
	{ .domid = 3 },
};

static struct fake_frontend_config guests[GUESTS];
static uint32_t n_mapped[GUESTS]; /* pages that it has the backend keep mapped */
static uint32_t random_state;

/* What is in use while no guest is there. */
struct footprint {
	unsigned int n_fds;
	unsigned int n_nodes; /* of xenstore */
	size_t n_bytes;       /* of malloc(); 0 with ASan, which tells of leaks itself */
	size_t n_bytes_dpdk;
};

static uint32_t
pick(uint32_t n)
{
	random_state = random_state * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)random_state * n >> 32);
}

/* As run_once(), and what waits for a time to come need not. */
static void
turn(struct bed *bed)
{
	fake_host_pass_for(bed->sw->netback, FAKE_HOST_ANYTHING);
	run_once(bed);
}

static struct switch_port *
port_of(struct bed *bed, int i)
{
	char name[SWITCH_NAME_SIZE];

	snprintf(name, sizeof(name), "vif%u.0", guests[i].domid);
	return switch_port_find(bed->sw, name);
}

static bool
is_connected(struct bed *bed, int i)
{
	const struct switch_port *port = port_of(bed, i);

	return bed->guests[i] != NULL && port != NULL && port->dp->up && port->bridge != NULL &&
	       fake_backend_state(bed->fake, &guests[i]) == XenbusStateConnected;
}

static void
await_state(struct bed *bed, int i, enum xenbus_state state)
{
	for (int n = 0; n < ROUNDS && fake_backend_state(bed->fake, &guests[i]) != state; n++)
		turn(bed);
	assert_int_equal(fake_backend_state(bed->fake, &guests[i]), state);
}

static void
await_connected(struct bed *bed, int i)
{
	for (int n = 0; n < ROUNDS && !is_connected(bed, i); n++)
		turn(bed);
	assert_true(is_connected(bed, i));
}

/* A device for the guest, of a random kind, with script and all. */
static void
life_attach(struct bed *bed, int i)
{
	char name[SWITCH_NAME_SIZE];

	guests[i] = (struct fake_frontend_config){
		.domid = (uint16_t)(i + 1),
		.devid = 0,
		.n_queues = (uint16_t)(1 + pick(2)),
		.split = pick(2),
		.ctrl = pick(2),
		.no_sg = pick(4) == 0,
	};
	assert_int_equal(fake_toolstack_attach(bed->fake, &guests[i]), 0);
	bed->guests[i] = fake_frontend_create(bed->fake, &guests[i]);
	await_state(bed, i, XenbusStateInitWait);
	snprintf(name, sizeof(name), "vif%u.0", guests[i].domid);
	attach(bed, name, "xenbr0", 0);
	fake_toolstack_hotplug(bed->fake, &guests[i], "connected");
	await_connected(bed, i);
}

/* Is there anything at a path, or below it? */
static bool
store_has(struct bed *bed, const char *dir, uint16_t domid)
{
	char path[STORE_PATH_SIZE], *value;

	snprintf(path, sizeof(path), "%s/%u", dir, domid);
	value = fake_store_read(fake_hypervisor_store(bed->fake), 0, path);
	free(value);
	return value != NULL;
}

/* The toolstack takes away what it has made; what then is left was made by the backend. */
static void
life_remove(struct bed *bed, int i)
{
	struct fake_store *store = fake_hypervisor_store(bed->fake);
	uint16_t domid = guests[i].domid;
	char path[STORE_PATH_SIZE];

	await_state(bed, i, XenbusStateClosed);
	fake_toolstack_remove(bed->fake, &guests[i]);
	for (int n = 0; n < ROUNDS && port_of(bed, i) != NULL; n++)
		turn(bed);
	assert_null(port_of(bed, i));
	run(bed);
	fake_frontend_destroy(bed->guests[i]);
	bed->guests[i] = NULL;
	n_mapped[i] = 0;

	assert_false(store_has(bed, "/local/domain/0/error/backend/vif", domid));
	snprintf(path, sizeof(path), "/local/domain/0/backend/vif/%u/0", domid);
	assert_null(fake_store_read(store, 0, path));
	snprintf(path, sizeof(path), "/local/domain/%u/device/vif/0", domid);
	assert_null(fake_store_read(store, 0, path));
	fake_domain_destroy(bed->fake, domid);
}

static void
life_detach(struct bed *bed, int i)
{
	fake_toolstack_detach(bed->fake, &guests[i]);
	life_remove(bed, i);
}

static void
life_destroy(struct bed *bed, int i)
{
	fake_toolstack_force(bed->fake, &guests[i]);
	life_remove(bed, i);
}

/* The domain dies first, and the toolstack notices later. */
static void
life_kill(struct bed *bed, int i)
{
	fake_domain_kill(bed->fake, guests[i].domid);
	for (unsigned int n = pick(3); n > 0; n--)
		turn(bed);
	life_destroy(bed, i);
}

/* Pages of its first queue stay mapped as long as the connection lasts. */
static void
life_map(struct bed *bed, int i)
{
	struct fake_frontend *frontend = bed->guests[i];
	struct xen_netif_ctrl_response response;
	uint32_t n;
	int round;

	if (!guests[i].ctrl || n_mapped[i] > 0)
		return;
	n = fake_ctrl_list(frontend, 0);
	fake_ctrl_put(frontend, XEN_NETIF_CTRL_TYPE_ADD_GREF_MAPPING, 0, frontend->ctrl.page_ref,
		      n);
	fake_ctrl_push(frontend);
	for (round = 0; round < ROUNDS && !fake_ctrl_take(frontend, &response); round++)
		turn(bed);
	assert_true(round < ROUNDS);
	assert_int_equal(response.status, XEN_NETIF_CTRL_STATUS_SUCCESS);
	n_mapped[i] = n;
}

/* The guest loads its driver again, or the ring breaks first. */
static void
life_reconnect(struct bed *bed, int i)
{
	struct netif_tx_request bad = { .offset = 4095, .size = 100 };

	if (pick(4) == 0) {
		fake_frontend_raw(bed->guests[i], 0, &bad);
		fake_frontend_push(bed->guests[i], 0);
		for (int n = 0; n < ROUNDS && is_connected(bed, i); n++)
			turn(bed);
		assert_false(is_connected(bed, i));
	}
	fake_frontend_reset(bed->guests[i]);
	while (bed->guests[i]->reset)
		turn(bed);
	await_connected(bed, i);
	n_mapped[i] = 0;
}

static void
life_restart(struct bed *bed)
{
	stop_switch(bed);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
	start_switch(bed);
	add_bridge(bed, "xenbr0");
	for (int i = 0; i < GUESTS; i++) {
		if (bed->guests[i] != NULL)
			await_connected(bed, i);
		n_mapped[i] = 0;
	}
}

/* Everybody who is connected reaches the next one, in packets of one slot and of several. */
static void
traffic(struct bed *bed, unsigned int step)
{
	uint8_t frame[1514], got[1514];

	for (int i = 0; i < GUESTS; i++) {
		int to = (i + 1) % GUESTS;
		uint32_t len = 60 + step * 131 % 1400;

		if (bed->guests[i] == NULL || bed->guests[to] == NULL)
			continue;
		make_frame(frame, step % 2 ? to : -1, i, len);
		frame[20] = (uint8_t)step;
		/* what came for it before is not what it waits for */
		while (recv_frame(bed, to, got, sizeof(got)) > 0)
			;
		send_frame(bed, i, frame, len);
		assert_int_equal(recv_frame(bed, to, got, sizeof(got)), len);
		assert_memory_equal(got, frame, len);
		assert_null(bed->guests[i]->broken);
		assert_null(bed->guests[to]->broken);
	}
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

/* As much is open as the guests that are there need. */
static void
assert_open(struct bed *bed)
{
	struct fake_counts counts = fake_hypervisor_counts(bed->fake);
	unsigned int n_maps = 0, n_bound = 0, n_guests = 0, n_ports = 0;
	const struct switch_port *port;

	for (int i = 0; i < GUESTS; i++) {
		const struct fake_frontend *frontend = bed->guests[i];

		if (frontend == NULL)
			continue;
		n_guests++;
		n_maps += 2u * frontend->n_queues + frontend->config.ctrl + n_mapped[i];
		n_bound += (frontend->config.split ? 2u : 1u) * frontend->n_queues +
			   frontend->config.ctrl;
	}
	LIST_FOREACH(port, &bed->sw->ports, list)
		n_ports++;
	assert_int_equal(counts.maps, n_maps);
	assert_int_equal(counts.bound, n_bound);
	assert_int_equal(n_ports, n_guests);
	/* two of its own; of each guest the state and request-multicast-control */
	assert_int_equal(counts.watches, 2 + 2 * n_guests);
	/* a worker, and control rings */
	assert_int_equal(counts.threads, 2);
}

static void
life_step(struct bed *bed)
{
	int i = (int)pick(GUESTS);

	if (pick(RESTART_ODDS) == 0)
		life_restart(bed);
	else if (bed->guests[i] == NULL)
		life_attach(bed, i);
	else
		(void (*const[])(struct bed * bed, int i)){
			life_detach,    life_destroy,   life_kill,
			life_reconnect, life_reconnect, life_map,
		}[pick(6)](bed, i);
}

static unsigned int
count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

/* All nodes below a path, of whomever. */
static unsigned int
count_nodes(struct bed *bed, const char *path)
{
	char **names = fake_store_directory(fake_hypervisor_store(bed->fake), 0, path);
	char below[STORE_PATH_SIZE];
	unsigned int n = 0;

	for (char **name = names; name != NULL && *name != NULL; name++) {
		assert_true(snprintf(below, sizeof(below), "%s/%s", path, *name) <
			    (int)sizeof(below));
		n += 1 + count_nodes(bed, below);
	}
	free(names);
	return n;
}

static struct footprint
footprint(struct bed *bed)
{
	struct rte_malloc_socket_stats dpdk;

	assert_int_equal(rte_malloc_get_socket_stats(0, &dpdk), 0);
	return (struct footprint){
		.n_fds = count_fds(),
		.n_nodes = count_nodes(bed, "/local"),
		.n_bytes = CUT_OFF + mallinfo2().uordblks,
		.n_bytes_dpdk = dpdk.heap_allocsz_bytes,
	};
}

/* Everybody goes: all is as it was when that happened first. */
static void
clear(struct bed *bed, struct footprint *first)
{
	struct footprint now;

	for (int i = 0; i < GUESTS; i++)
		if (bed->guests[i] != NULL)
			life_detach(bed, i);
	run(bed);
	assert_open(bed);
	/* events are kept for a while, whoever goes */
	events_destroy(bed->sw->events);
	bed->sw->events = NULL;
	now = footprint(bed);
	/* the first time there is nothing to compare with */
	if (first->n_fds == 0)
		*first = now;
	assert_int_equal(now.n_fds, first->n_fds);
	assert_int_equal(now.n_nodes, first->n_nodes);
	assert_in_range(now.n_bytes, first->n_bytes - CUT_OFF, first->n_bytes + CUT_OFF);
	assert_int_equal(now.n_bytes_dpdk, first->n_bytes_dpdk);
}

static void
test_random_lives(void **state)
{
	struct footprint first = { 0 };
	struct bed *bed = *state;

	random_state = SEED;
	for (unsigned int step = 1; step <= STEPS; step++) {
		life_step(bed);
		traffic(bed, step);
		run(bed);
		assert_open(bed);
		if (step % STEPS_PER_CLEARING == 0)
			clear(bed, &first);
	}
}

/* Many guests at once. How long it takes and what they need is the benchmark's to tell. */
static void
test_many(void **state)
{
	static struct fake_frontend *many[MANY];
	struct bed *bed = *state;

	for (unsigned int i = 0; i < MANY; i++) {
		struct fake_frontend_config config = { .domid = (uint16_t)(i + 1), .n_buffers = 8 };
		char name[SWITCH_NAME_SIZE];

		assert_int_equal(fake_toolstack_attach(bed->fake, &config), 0);
		many[i] = fake_frontend_create(bed->fake, &config);
		run_once(bed);
		snprintf(name, sizeof(name), "vif%u.0", i + 1);
		attach(bed, name, "xenbr0", 0);
		fake_frontend_step(many[i]);
		fake_toolstack_hotplug(bed->fake, &config, "connected");
		run_once(bed);
		assert_int_equal(fake_backend_state(bed->fake, &config), XenbusStateConnected);
	}
	for (unsigned int i = 0; i < MANY; i++) {
		fake_toolstack_force(bed->fake, &many[i]->config);
		run_once(bed);
		fake_toolstack_remove(bed->fake, &many[i]->config);
		run_once(bed);
		fake_frontend_destroy(many[i]);
	}
	run(bed);
	assert_open(bed);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_random_lives, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
	};

	/* what free() keeps for later counts as in use */
	if (getenv(TUNABLES) == NULL) {
		setenv(TUNABLES, "glibc.malloc.tcache_count=0", 1);
		execv("/proc/self/exe", argv);
		return EXIT_FAILURE;
	}
	start_eal();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
