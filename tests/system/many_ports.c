/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * 600 ports on one bridge: fake guests, host taps and kernel interfaces, many more than DPDK has
 * room for. A broadcast from one guest must reach each of the others, and a frame for a guest that
 * has spoken must reach it alone.
 *
 * Run as root; everything is in a network namespace of its own.
 */
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include "eal.h"
#include "error.h"
#include "fake_frontend.h"
#include "netlink.h"
#include "object.h"
#include "port_vif.h"
#include "switch.h"

#define N_GUESTS 300
#define N_TAPS 200
#define N_NETDEVS 100
#define N_PORTS (N_GUESTS + N_TAPS + N_NETDEVS)
#define WAIT_SEC 60
#define FRAME_LEN 100
#define ETHER_TYPE_TEST 0x88b5 /* IEEE 802 local experimental */

struct house {
	struct event_base *base;
	struct datapath *dp;
	struct vswitch *sw;
	struct fake_hypervisor *fake;
	struct fake_frontend *guests[N_GUESTS];
	int taps[N_TAPS];        /* packet sockets that listen on the taps */
	int far_ends[N_NETDEVS]; /* and beyond the kernel interfaces */
};

static void
run(const char *command)
{
	if (system(command) != 0)
		fail_msg("%s: failed", command);
}

/* A socket that hears the test's frames as an interface receives them. */
static int
listen_on(const char *name)
{
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETHER_TYPE_TEST),
		.sll_ifindex = if_nametoindex(name),
	};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	assert_int_not_equal(addr.sll_ifindex, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static void
turn(struct house *h)
{
	event_base_loop(h->base, EVLOOP_NONBLOCK);
	for (int i = 0; i < N_GUESTS; i++)
		if (h->guests[i] != NULL)
			fake_frontend_step(h->guests[i]);
}

static void
add_port(struct house *h, const char *name, enum port_kind kind)
{
	struct port_config config = { .kind = kind, .n_queues = 1, .sw = h->sw };
	struct error err = { 0 };

	snprintf(config.name, sizeof(config.name), "%s", name);
	if (switch_port_add(h->sw, "br0", &config, &err) < 0)
		fail_msg("%s: %s", name, err.msg);
}

static int
setup(void **state)
{
	struct rlimit files = { .rlim_cur = 8192, .rlim_max = 8192 };
	struct bridge_config bridge = { .ageing = 300, .fdb_limit = 65536 };
	struct house *h = calloc(1, sizeof(*h));
	struct rte_mempool *pool;
	struct object settings;
	struct error err = { 0 };
	struct eal_plan plan;
	char command[128], name[SWITCH_NAME_SIZE];

	*state = h;
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
	object_init(&settings, &vswitchd_schema);
	assert_int_equal(object_set(&settings, VERB_CONFIG, "hugepages", "no", &err), 0);
	if (eal_start(&settings, false, &plan, &pool, &err) < 0)
		fail_msg("%s", err.msg);
	h->base = event_base_new();
	h->dp = datapath_create();
	assert_non_null(worker_create(h->dp, 0, pool));
	h->sw = switch_create(h->base, h->dp, pool, &err);
	assert_non_null(h->sw);
	h->sw->netlink = netlink_monitor_create(h->base, &err);
	assert_non_null(h->sw->netlink);
	h->fake = fake_hypervisor_create();
	if (port_vif_init(h->sw, fake_hypervisor_get(h->fake), &err) < 0)
		fail_msg("%s", err.msg);
	rte_eal_remote_launch(worker_run, h->dp->workers[0], rte_get_next_lcore(-1, 1, 0));
	assert_int_equal(switch_bridge_add(h->sw, "br0", &bridge, &err), 0);
	/* 300 kernel interfaces that look for neighbours are another test */
	run("sysctl -q net.ipv6.conf.default.disable_ipv6=1");
	for (int i = 0; i < N_NETDEVS; i++) {
		snprintf(command, sizeof(command),
			 "ip link add eth%d type veth peer name far%d && "
			 "ip link set far%d up",
			 i, i, i);
		run(command);
		snprintf(name, sizeof(name), "eth%d", i);
		add_port(h, name, PORT_KIND_NETDEV);
		snprintf(name, sizeof(name), "far%d", i);
		h->far_ends[i] = listen_on(name);
	}
	for (int i = 0; i < N_TAPS; i++) {
		snprintf(name, sizeof(name), "tap%d", i);
		add_port(h, name, PORT_KIND_TAP);
		h->taps[i] = listen_on(name);
	}
	return 0;
}

static int
teardown(void **state)
{
	struct house *h = *state;
	struct netlink_monitor *netlink = h->sw->netlink;

	worker_stop(h->dp->workers[0]);
	rte_eal_mp_wait_lcore();
	h->sw->stopping = true;
	port_vif_fini(h->sw);
	switch_destroy(h->sw);
	netlink_monitor_destroy(netlink);
	for (int i = 0; i < N_GUESTS; i++)
		fake_frontend_destroy(h->guests[i]);
	fake_hypervisor_destroy(h->fake);
	worker_destroy(h->dp->workers[0]);
	datapath_destroy(h->dp);
	event_base_free(h->base);
	free(h);
	eal_stop();
	return 0;
}

/* Create the guests, as xl and the hotplug script do. */
static void
guests_connect(struct house *h)
{
	time_t end = time(NULL) + WAIT_SEC;
	int connected;

	for (int i = 0; i < N_GUESTS; i++) {
		struct fake_frontend_config config = { .domid = i + 1, .split = true };
		char name[SWITCH_NAME_SIZE];

		assert_int_equal(fake_toolstack_attach(h->fake, &config), 0);
		snprintf(name, sizeof(name), "vif%d.0", i + 1);
		while (switch_port_find(h->sw, name) == NULL) {
			assert_true(time(NULL) < end);
			turn(h);
		}
		add_port(h, name, PORT_KIND_VIF);
		fake_toolstack_hotplug(h->fake, &config, "connected");
		h->guests[i] = fake_frontend_create(h->fake, &config);
	}
	do {
		assert_true(time(NULL) < end);
		turn(h);
		connected = 0;
		for (int i = 0; i < N_GUESTS; i++) {
			char name[SWITCH_NAME_SIZE];

			snprintf(name, sizeof(name), "vif%d.0", i + 1);
			connected += switch_port_find(h->sw, name)->dp->up;
		}
	} while (connected < N_GUESTS);
	for (int i = 0; i < N_GUESTS; i++)
		fake_frontend_post(h->guests[i], 0, 16);
}

static void
guest_send(struct fake_frontend *guest, const char *dst, uint8_t src)
{
	uint8_t frame[FRAME_LEN] = { 0 };
	struct fake_frame what = { .data = frame, .len = sizeof(frame) };

	memcpy(frame, dst, 6);
	memcpy(frame + 6, "\x02\x00\x00\x00\x00", 5);
	frame[11] = src;
	frame[12] = ETHER_TYPE_TEST >> 8;
	frame[13] = ETHER_TYPE_TEST & 0xff;
	assert_true(fake_frontend_send(guest, 0, &what) > 0);
}

/* How many have received a frame by now; each is asked for one more. */
static int
received(struct house *h, bool *heard)
{
	uint8_t frame[2048];
	int n = 0;

	for (int i = 0; i < N_PORTS; i++) {
		ssize_t len;

		if (!heard[i] && i < N_GUESTS)
			len = fake_frontend_recv(h->guests[i], 0, frame, sizeof(frame), NULL);
		else if (!heard[i] && i < N_GUESTS + N_TAPS)
			len = recv(h->taps[i - N_GUESTS], frame, sizeof(frame), 0);
		else if (!heard[i])
			len = recv(h->far_ends[i - N_GUESTS - N_TAPS], frame, sizeof(frame), 0);
		else
			len = 0;
		if (len == FRAME_LEN)
			heard[i] = true;
		n += heard[i];
	}
	return n;
}

static void
test_flood_reaches_all(void **state)
{
	struct house *h = *state;
	bool heard[N_PORTS] = { false };
	time_t end;
	int n;

	guests_connect(h);
	guest_send(h->guests[0], "\xff\xff\xff\xff\xff\xff", 1);
	for (end = time(NULL) + WAIT_SEC; (n = received(h, heard)) < N_PORTS - 1;) {
		if (time(NULL) >= end)
			fail_msg("%d of %d ports were reached", n, N_PORTS - 1);
		turn(h);
	}
	assert_false(heard[0]);
	for (end = time(NULL) + WAIT_SEC;
	     fdb_count(switch_bridge_find(h->sw, "br0")->dp->fdb) == 0;) {
		assert_true(time(NULL) < end);
		turn(h);
	}
	/* an answer to the guest that has spoken reaches it alone */
	memset(heard, 0, sizeof(heard));
	guest_send(h->guests[N_GUESTS - 1], "\x02\x00\x00\x00\x00\x01", 2);
	for (end = time(NULL) + WAIT_SEC; !heard[0]; turn(h)) {
		assert_true(time(NULL) < end);
		received(h, heard);
	}
	assert_int_equal(received(h, heard), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_flood_reaches_all, setup, teardown),
	};

	if (geteuid() != 0) {
		fputs("skipped: needs root, for network namespaces\n", stderr);
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
