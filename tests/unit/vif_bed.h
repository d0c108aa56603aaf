/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the tests of vif ports share: a real switch with guests on the fake hypervisor. The test
 * says who they are: configs[GUESTS].
 *
 * Thread-safety: one thread, beside the worker's if the bed is threaded.
 */
#ifndef TESTS_VIF_BED_H
#define TESTS_VIF_BED_H

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
#include <event2/event.h>
#include <rte_eal.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_mempool.h>
#include <rte_rcu_qsbr.h>

#include "error.h"
#include "fake_frontend.h"
#include "fdb.h"
#include "netlink.h"
#include "port_vif.h"
#include "switch.h"
#include "test_pool.h"
#include "vif.h"

#define GUESTS 3
#ifndef VIF_BED_MEMORY
#define VIF_BED_MEMORY "64" /* MB */
#endif
#define TRIES 20000 /* of a condition, up to a millisecond each */

static const struct fake_frontend_config configs[GUESTS];

struct bed {
	struct fake_hypervisor *fake;
	struct event_base *base;
	struct datapath *dp;
	struct worker *worker;
	struct vswitch *sw;
	bool threaded;
	struct fake_frontend *guests[GUESTS];
};

static struct rte_mempool *pool;

static inline void
start_switch(struct bed *bed)
{
	struct error err = { 0 };

	bed->base = event_base_new();
	bed->dp = datapath_create();
	bed->worker = worker_create(bed->dp, 0, pool);
	bed->sw = switch_create(bed->base, bed->dp, pool, &err);
	assert_non_null(bed->sw);
	bed->sw->netlink = netlink_monitor_create(bed->base, &err);
	assert_non_null(bed->sw->netlink);
	assert_int_equal(port_vif_init(bed->sw, fake_hypervisor_get(bed->fake), &err), 0);
	if (bed->threaded)
		assert_int_equal(rte_eal_remote_launch(worker_run, bed->worker,
						       rte_get_next_lcore(-1, 1, 0)),
				 0);
	else
		rte_rcu_qsbr_thread_online(bed->dp->qsbr, 0);
}

static inline void
stop_switch(struct bed *bed)
{
	struct netlink_monitor *netlink = bed->sw->netlink;

	if (bed->threaded) {
		worker_stop(bed->worker);
		rte_eal_mp_wait_lcore();
	} else {
		rte_rcu_qsbr_thread_offline(bed->dp->qsbr, 0);
	}
	port_vif_fini(bed->sw);
	switch_destroy(bed->sw);
	netlink_monitor_destroy(netlink);
	worker_destroy(bed->worker);
	datapath_destroy(bed->dp);
	event_base_free(bed->base);
}

static inline void
add_bridge(struct bed *bed, const char *name)
{
	struct bridge_config config = { .ageing = 300, .fdb_limit = FDB_LIMIT_DEFAULT };
	struct error err;

	assert_int_equal(switch_bridge_add(bed->sw, name, &config, &err), 0);
	port_vif_bridge_added(bed->sw, name);
}

/* One round of everything there is: guests, control thread, and the worker if it has no thread. */
static inline void
run_once(struct bed *bed)
{
	for (unsigned int i = 0; i < GUESTS; i++)
		if (bed->guests[i] != NULL)
			fake_frontend_step(bed->guests[i]);
	event_base_loop(bed->base, EVLOOP_NONBLOCK);
	if (bed->threaded) {
		usleep(1000);
	} else {
		bed->worker->event_fn(bed->worker, bed->worker->event_arg);
		worker_turn(bed->worker);
	}
	rcu_poll(bed->sw->rcu);
}

/* The same while waiting for something that takes a timer. */
static inline void
wait_once(struct bed *bed)
{
	run_once(bed);
	if (!bed->threaded)
		usleep(100);
}

static inline void
run(struct bed *bed)
{
	for (unsigned int i = 0; i < 50; i++)
		run_once(bed);
}

static inline bool
all_connected(struct bed *bed)
{
	for (unsigned int i = 0; i < GUESTS; i++) {
		char name[SWITCH_NAME_SIZE];
		struct switch_port *port;

		snprintf(name, sizeof(name), "vif%u.0", configs[i].domid);
		port = switch_port_find(bed->sw, name);
		if (port == NULL || !port->dp->up)
			return false;
	}
	return true;
}

static inline void
attach(struct bed *bed, const char *name, const char *bridge, int expected)
{
	struct port_config config = { .kind = PORT_KIND_VIF, .n_queues = 1 };
	struct error err = { 0 };

	snprintf(config.name, sizeof(config.name), "%s", name);
	assert_int_equal(switch_port_add(bed->sw, bridge, &config, &err), expected);
	assert_int_equal(err.msg[0] != '\0', expected != 0);
}

/* What xl and scripts/vif-bridge do for each guest. */
static inline void
start_guests(struct bed *bed)
{
	for (unsigned int i = 0; i < GUESTS; i++) {
		char name[SWITCH_NAME_SIZE];

		assert_int_equal(fake_toolstack_attach(bed->fake, &configs[i]), 0);
		bed->guests[i] = fake_frontend_create(bed->fake, &configs[i]);
		for (int try = 0; try < TRIES &&
				  fake_backend_state(bed->fake, &configs[i]) != XenbusStateInitWait;
		     try++)
			wait_once(bed);
		snprintf(name, sizeof(name), "vif%u.0", configs[i].domid);
		attach(bed, name, "xenbr0", 0);
		fake_toolstack_hotplug(bed->fake, &configs[i], "connected");
	}
	for (int try = 0; try < TRIES && !all_connected(bed); try++)
		wait_once(bed);
	assert_true(all_connected(bed));
}

static inline int
setup_bed(void **state, bool threaded)
{
	struct bed *bed = calloc(1, sizeof(*bed));

	bed->fake = fake_hypervisor_create();
	bed->threaded = threaded;
	start_switch(bed);
	add_bridge(bed, "xenbr0");
	*state = bed;
	return 0;
}

static inline int
setup(void **state)
{
	return setup_bed(state, false);
}

static inline int
setup_threaded(void **state)
{
	return setup_bed(state, true);
}

static inline int
teardown(void **state)
{
	struct bed *bed = *state;
	struct fake_counts counts;

	stop_switch(bed);
	counts = fake_hypervisor_counts(bed->fake);
	assert_int_equal(counts.maps + counts.bound + counts.watches + counts.threads, 0);
	for (unsigned int i = 0; i < GUESTS; i++)
		fake_frontend_destroy(bed->guests[i]);
	fake_hypervisor_destroy(bed->fake);
	free(bed);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
	return 0;
}

/* An Ethernet frame from guest @from (0..) to guest @to, or to all (-1). */
static inline uint32_t
make_frame(uint8_t *frame, int to, int from, uint32_t len)
{
	memset(frame, 0, len);
	memset(frame, 0xff, 6);
	if (to >= 0)
		memcpy(frame, (const uint8_t[]){ 2, 0, 0, 0, 0, (uint8_t)(to + 1) }, 6);
	memcpy(frame + 6, (const uint8_t[]){ 2, 0, 0, 0, 0, (uint8_t)(from + 1) }, 6);
	frame[12] = 0x88;
	frame[13] = 0xb5;
	for (uint32_t i = 14; i < len; i++)
		frame[i] = (uint8_t)(i + (uint32_t)from);
	return len;
}

static inline void
send_frame(struct bed *bed, int from, const uint8_t *frame, uint32_t len)
{
	struct fake_frame f = { .data = frame, .len = len };

	assert_true(fake_frontend_send(bed->guests[from], 0, &f) > 0);
}

/* Whatever comes first on any queue of the guest. Return: its length; 0: none came. */
static inline int
recv_frame(struct bed *bed, int guest, uint8_t *frame, size_t size)
{
	struct fake_frontend *frontend = bed->guests[guest];
	int len = 0;

	for (int try = 0; try < (bed->threaded ? TRIES : 50) && len == 0; try++) {
		for (uint16_t q = 0; q < frontend->n_queues && len == 0; q++)
			len = fake_frontend_recv(frontend, q, frame, size, NULL);
		if (len == 0)
			run_once(bed);
	}
	for (uint16_t q = 0; q < frontend->n_queues; q++)
		fake_frontend_reap(frontend, q);
	return len;
}

static inline void
start_eal(void)
{
	static char text[][24] = {
		"test",     "--no-huge",      "--no-shconf",
		"--no-pci", "--no-telemetry", "--log-level=error",
		"-m",       VIF_BED_MEMORY,   "--lcores=0,1@0",
	};
	char *args[RTE_DIM(text) + 1] = { NULL };

	for (unsigned int i = 0; i < RTE_DIM(text); i++)
		args[i] = text[i];
	if (rte_eal_init(RTE_DIM(text), args) < 0)
		exit(EXIT_FAILURE);
	pool = test_pool_create("mbufs", 4095);
	if (pool == NULL)
		exit(EXIT_FAILURE);
}

#endif /* TESTS_VIF_BED_H */
