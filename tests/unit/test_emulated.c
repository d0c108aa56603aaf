/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The NIC that QEMU emulates beside a guest's vif: a real tap, held by the test as QEMU holds it,
 * in a network namespace of its own.
 */
#define VIF_BED_MEMORY "256" /* a FIB is large */
#include "vif_bed.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>

/* after net/if.h, which it would clash with the other way round */
#include <linux/if_tun.h>

#include "routing.h"

#define EMULATED "vif2.0-emu"
#define SKIP 77

static const struct fake_frontend_config configs[GUESTS] = {
	{ .domid = 1 },
	{ .domid = 2 },
	{ .domid = 3 },
};

static int
tap_open(const char *name)
{
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return -1;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (ioctl(fd, TUNSETIFF, &request) == 0)
		return fd;
	close(fd);
	return -1;
}

static int
add_tap(struct bed *bed, const char *name)
{
	struct port_config config = { .kind = PORT_KIND_NETDEV, .vlan.vid = 5, .n_queues = 1 };
	struct error err;

	snprintf(config.name, sizeof(config.name), "%s", name);
	return switch_port_add(bed->sw, "xenbr0", &config, &err);
}

static bool
is_up(struct bed *bed, const char *name)
{
	const struct switch_port *port = switch_port_find(bed->sw, name);

	return port != NULL && port->dp->up;
}

static void
wait_port(struct bed *bed, const char *name, bool there)
{
	for (int try = 0;
	     try < TRIES && (there ? !is_up(bed, name) : switch_port_find(bed->sw, name) != NULL);
	     try++)
		wait_once(bed);
	assert_int_equal(switch_port_find(bed->sw, name) != NULL, there);
}

static void
assert_noted(struct bed *bed, bool noted)
{
	char *note = vif_note_read(netback_find(bed->sw->netback, "vif2.0"), "emulated");

	assert_int_equal(note != NULL, noted);
	free(note);
}

static int
setup_tap(void **state)
{
	setup_threaded(state);
	start_guests(*state);
	return 0;
}

/* Frames to guest 2's address come out of the tap. */
static bool
tap_gets(struct bed *bed, int tap)
{
	uint8_t frame[1514];
	struct fake_frame out = { .data = frame };
	ssize_t n;

	out.len = make_frame(frame, 1, 0, 60);
	assert_true(fake_frontend_send(bed->guests[0], 0, &out) > 0);
	for (int try = 0; try < 100; try++) {
		run_once(bed);
		while ((n = read(tap, frame, sizeof(frame))) > 0)
			/* others are the kernel's own */
			if (n >= 14 && frame[12] == 0x88 && frame[13] == 0xb5 && frame[5] == 2)
				return true;
	}
	return false;
}

/* The guest has one address on two ports: it is where it spoke last. */
static void
test_one_address(void **state)
{
	struct bed *bed = *state;
	uint8_t frame[1514];
	uint32_t len;
	int tap = tap_open(EMULATED), tries;

	assert_int_equal(add_tap(bed, EMULATED), 0);
	/* in one VLAN with the guests */
	switch_port_set(bed->sw, EMULATED, PORT_SET_VLAN, NULL, &(struct port_config){ 0 }, NULL);
	wait_port(bed, EMULATED, true);
	assert_noted(bed, true);

	/* it boots from the emulated NIC */
	len = make_frame(frame, -1, 1, 60);
	for (tries = 0; tries < TRIES; tries++) {
		assert_int_equal(write(tap, frame, len), len);
		run_once(bed);
		if (tap_gets(bed, tap))
			break;
	}
	assert_true(tries < TRIES);

	/* its own driver has taken over */
	for (tries = 0; tries < TRIES; tries++) {
		len = make_frame(frame, -1, 1, 60);
		send_frame(bed, 1, frame, len);
		run(bed);
		fake_frontend_reap(bed->guests[1], 0);
		if (!tap_gets(bed, tap))
			break;
		fake_frontend_reap(bed->guests[0], 0);
	}
	assert_true(tries < TRIES);
	close(tap);
	wait_port(bed, EMULATED, false);
}

static void
test_unplugged(void **state)
{
	struct bed *bed = *state;
	int tap = tap_open(EMULATED);

	assert_int_equal(add_tap(bed, EMULATED), 0);
	wait_port(bed, EMULATED, true);
	assert_noted(bed, true);
	close(tap);
	wait_port(bed, EMULATED, false);
	assert_noted(bed, false);
	/* once more, as after a reset of the guest */
	tap = tap_open(EMULATED);
	for (int try = 0; try < TRIES && add_tap(bed, EMULATED) == -EAGAIN; try++)
		wait_once(bed);
	wait_port(bed, EMULATED, true);
	assert_int_equal(switch_port_del(bed->sw, EMULATED, NULL), 0);
	assert_noted(bed, false);
	close(tap);
}

/* The guest ends and nobody runs the script. */
static void
test_goes_with_its_vif(void **state)
{
	struct bed *bed = *state;
	int tap = tap_open(EMULATED);

	assert_int_equal(add_tap(bed, EMULATED), 0);
	fake_toolstack_remove(bed->fake, &configs[1]);
	wait_port(bed, "vif2.0", false);
	wait_port(bed, EMULATED, false);
	close(tap);
}

static void
restart(struct bed *bed)
{
	stop_switch(bed);
	start_switch(bed);
	add_bridge(bed, "xenbr0");
	for (int try = 0; try < TRIES && !all_connected(bed); try++)
		wait_once(bed);
	assert_true(all_connected(bed));
}

static void
test_restart(void **state)
{
	struct bed *bed = *state;
	int tap = tap_open(EMULATED);

	assert_int_equal(add_tap(bed, EMULATED), 0);
	switch_port_set(bed->sw, "vif2.0", PORT_SET_VLAN, NULL,
			&(struct port_config){ .vlan.vid = 7 }, NULL);
	wait_port(bed, EMULATED, true);
	restart(bed);
	wait_port(bed, EMULATED, true);
	assert_int_equal(switch_port_find(bed->sw, EMULATED)->config.vlan.vid, 7);
	assert_non_null(switch_port_find(bed->sw, EMULATED)->bridge);

	/* unplugged while nobody looked */
	stop_switch(bed);
	close(tap);
	start_switch(bed);
	add_bridge(bed, "xenbr0");
	for (int try = 0; try < TRIES && !all_connected(bed); try++)
		wait_once(bed);
	assert_null(switch_port_find(bed->sw, EMULATED));
	assert_noted(bed, false);
}

static void
start_router(struct bed *bed)
{
	struct error err;

	bed->sw->routing = routing_create(bed->sw, 1024, &err);
	assert_non_null(bed->sw->routing);
}

/* The port that the guest's address leads to. */
static const char *
way(struct bed *bed)
{
	struct route_info info;
	struct ip_addr addr;

	assert_int_equal(ip_addr_parse("10.0.0.2", &addr), 0);
	return route_match(bed->sw->routing, &addr, &info) ? info.ports[0] : "";
}

/* In route mode the guest's address leads to the emulated NIC as long as it is there. */
static void
test_restart_routed(void **state)
{
	struct bed *bed = *state;
	struct port_config vif = { .kind = PORT_KIND_VIF, .name = "vif2.0", .n_queues = 1 };
	struct port_config emulated = { .kind = PORT_KIND_NETDEV, .name = EMULATED, .n_queues = 1 };
	struct error err;
	int tap = tap_open(EMULATED);

	start_router(bed);
	vif.guest.mode = PORT_MODE_ROUTE;
	guest_config_set_ips(&vif.guest, "10.0.0.2");
	guest_config_set_gateways(&vif.guest, "10.0.0.1");
	emulated.guest = vif.guest;
	assert_int_equal(switch_port_del(bed->sw, "vif2.0", &err), 0);
	assert_int_equal(switch_port_add(bed->sw, NULL, &vif, &err), 0);
	assert_string_equal(way(bed), "vif2.0");
	assert_int_equal(switch_port_add(bed->sw, NULL, &emulated, &err), 0);
	assert_string_equal(way(bed), EMULATED);
	stop_switch(bed);

	start_switch(bed);
	start_router(bed);
	add_bridge(bed, "xenbr0");
	wait_port(bed, EMULATED, true);
	assert_true(guest_is(switch_port_find(bed->sw, EMULATED)));
	assert_string_equal(way(bed), EMULATED);
	close(tap);
	wait_port(bed, EMULATED, false);
	assert_string_equal(way(bed), "vif2.0");
	assert_noted(bed, false);
}

/* What only looks like one is a NIC like any other: it is waited for. */
static void
test_not_emulated(void **state)
{
	static const char *const names[] = { "vif9.0-emu", "vif2.0x", "eth-emu", "-emu" };
	struct bed *bed = *state;

	for (unsigned int i = 0; i < RTE_DIM(names); i++) {
		int tap = tap_open(names[i]);

		assert_int_equal(add_tap(bed, names[i]), 0);
		wait_port(bed, names[i], true);
		assert_noted(bed, false);
		close(tap);
		for (int try = 0; try < TRIES && is_up(bed, names[i]); try++)
			wait_once(bed);
		assert_non_null(switch_port_find(bed->sw, names[i]));
		assert_int_equal(switch_port_del(bed->sw, names[i], NULL), 0);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_tap, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one_address), TEST(test_unplugged),      TEST(test_goes_with_its_vif),
		TEST(test_restart),     TEST(test_restart_routed), TEST(test_not_emulated),
	};
	int tap;

	if (unshare(CLONE_NEWNET) < 0) {
		printf("1..0 # SKIP a network namespace needs root\n");
		return SKIP;
	}
	tap = tap_open("probe");
	if (tap < 0) {
		printf("1..0 # SKIP no taps here\n");
		return SKIP;
	}
	close(tap);
	start_eal();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
