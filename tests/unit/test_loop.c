/* SPDX-License-Identifier: BSD-3-Clause */
/* Guests and loops, guests and spanning trees: what a hostile one can do to his own port alone. */
#include "vif_bed.h"

#include "bpdu.h"
#include "loop_probe.h"
#include "rstp.h"
#include "stp.h"

#define HOSTILE 1

static const struct fake_frontend_config configs[GUESTS] = {
	{ .domid = 1 },
	{ .domid = 2 },
	{ .domid = 3 },
};

static struct switch_port *
port_of(struct bed *bed, unsigned int guest)
{
	char name[SWITCH_NAME_SIZE];

	snprintf(name, sizeof(name), "vif%u.0", configs[guest].domid);
	return switch_port_find(bed->sw, name);
}

static void
set_bridge(struct bed *bed, enum stp_word mode)
{
	struct bridge_config config = {
		.ageing = 300,
		.fdb_limit = FDB_LIMIT_DEFAULT,
		.stp = { .mode = mode,
			 .priority = 32768,
			 .hello = 2,
			 .max_age = 20,
			 .forward_delay = 15,
			 .loop_detect = true },
	};
	struct error err;

	assert_int_equal(switch_bridge_set(bed->sw, "xenbr0", &config, &err), 0);
}

static void
set_port(struct bed *bed, unsigned int guest, struct stp_port_config stp)
{
	struct port_config config = { .stp = stp };
	struct error err;

	assert_int_equal(switch_port_set(bed->sw, port_of(bed, guest)->config.name, PORT_SET_STP,
					 NULL, &config, &err),
			 0);
}

/* The next frame to a guest whose destination is @mac. */
static void
expect_to(struct bed *bed, int guest, const char *mac, uint8_t *frame, size_t size)
{
	for (int try = 0; try < 20; try++)
		if (recv_frame(bed, guest, frame, size) > 0 && memcmp(frame, mac, 6) == 0)
			return;
	fail_msg("guest %d was not sent what it should be", guest);
}

/* Do the guests but @but reach each other? */
static void
expect_traffic(struct bed *bed, int but)
{
	const int from = but == 0 ? 1 : 0, to = but == 2 ? 1 : 2;
	uint8_t frame[100], got[100];

	make_frame(frame, -1, from, 90);
	send_frame(bed, from, frame, 90);
	expect_to(bed, to, "\xff\xff\xff\xff\xff\xff", got, sizeof(got));
	assert_memory_equal(frame, got, 90);
}

static void
expect_blocked(struct bed *bed, unsigned int guest, const char *reason)
{
	for (unsigned int i = 0; i < GUESTS; i++)
		assert_int_equal(port_of(bed, i)->dp->state,
				 i == guest ? PORT_BLOCKED : PORT_FORWARDING);
	assert_string_equal(port_of(bed, guest)->reason, reason);
}

/* He repeats what he is sent: his port is blocked, and no other one. */
static void
test_own_probe(void **state)
{
	struct bed *bed = *state;
	uint8_t probe[100];

	set_bridge(bed, STP_OFF);
	start_guests(bed);
	expect_to(bed, HOSTILE, LOOP_PROBE_MAC, probe, sizeof(probe));
	/* as a guest's: no guest learns the addresses of NICs by it */
	assert_memory_equal(probe + 6, bed->sw->loop_mac, 6);
	send_frame(bed, HOSTILE, probe, LOOP_PROBE_FRAME_SIZE);
	run(bed);
	expect_blocked(bed, HOSTILE, "blocked: what it is sent comes back");
	assert_int_equal(port_of(bed, HOSTILE)->loop.n_loops, 1);
	expect_traffic(bed, HOSTILE);
	assert_int_equal(
		fdb_port_learnt(port_of(bed, 0)->bridge->dp->fdb, port_of(bed, HOSTILE)->dp->id),
		0);
	/* to everybody instead: no other guest's port is any concern of it */
	memset(probe, 0xff, 6);
	send_frame(bed, HOSTILE, probe, LOOP_PROBE_FRAME_SIZE);
	run(bed);
	expect_blocked(bed, HOSTILE, "blocked: what it is sent comes back");
}

/* Two guests, or one with two vifs: the second one's port. */
static void
test_two_guests(void **state)
{
	struct bed *bed = *state;
	uint8_t probe[100];

	set_bridge(bed, STP_OFF);
	start_guests(bed);
	expect_to(bed, 0, LOOP_PROBE_MAC, probe, sizeof(probe));
	send_frame(bed, HOSTILE, probe, LOOP_PROBE_FRAME_SIZE);
	run(bed);
	expect_blocked(bed, HOSTILE, "blocked: a loop with port vif1.0");
	expect_traffic(bed, HOSTILE);
}

/* What is not proven, or not of this bridge, or not of now, is nothing. */
static void
test_nothing_proven(void **state)
{
	struct bed *bed = *state;
	uint8_t probe[100];

	set_bridge(bed, STP_OFF);
	start_guests(bed);
	expect_to(bed, 0, LOOP_PROBE_MAC, probe, sizeof(probe));
	for (unsigned int at = 14; at < LOOP_PROBE_FRAME_SIZE; at++) {
		if (at >= 52) /* padding */
			break;
		probe[at] ^= 4;
		send_frame(bed, HOSTILE, probe, LOOP_PROBE_FRAME_SIZE);
		run_once(bed);
		probe[at] ^= 4;
	}
	run(bed);
	for (unsigned int i = 0; i < GUESTS; i++)
		assert_int_equal(port_of(bed, i)->dp->state, PORT_FORWARDING);
	/* with loop detection off the very probe is a frame like any other */
	set_bridge(bed, STP_RSTP);
	send_frame(bed, HOSTILE, probe, LOOP_PROBE_FRAME_SIZE);
	run(bed);
	for (unsigned int i = 0; i < GUESTS; i++)
		assert_int_equal(port_of(bed, i)->dp->state, PORT_FORWARDING);
}

static uint32_t
superior(uint8_t *frame)
{
	const struct bpdu bpdu = {
		.type = BPDU_RST,
		.role = BPDU_ROLE_DESIGNATED,
		.flags = BPDU_FLAG_PROPOSAL | BPDU_FLAG_TC,
		.vector = { .root = 1, .bridge = 1, .port = 1 },
		.times = { .max_age = 20 * 256, .hello = 512, .forward_delay = 15 * 256 },
	};

	return bpdu_build(&bpdu, (const uint8_t[]){ 2, 0, 0, 0, 0, HOSTILE + 1 }, frame);
}

/* He says that he is the root: his port is blocked; the tree is ours, and no address is forgotten.
 */
static void
test_guest_as_root(void **state)
{
	struct bed *bed = *state;
	uint8_t frame[BPDU_FRAME_MAX];
	struct rstp_status before, after;
	struct switch_bridge *bridge;

	set_bridge(bed, STP_RSTP);
	start_guests(bed);
	expect_traffic(bed, HOSTILE); /* guests forward at once */
	bridge = port_of(bed, 0)->bridge;
	assert_true(stp_status(bridge, &before));
	send_frame(bed, HOSTILE, frame, superior(frame));
	run(bed);
	expect_blocked(bed, HOSTILE, "");
	assert_true(stp_status(bridge, &after));
	assert_true(after.root == before.id && after.root_port == NULL);
	assert_int_equal(after.n_changes, before.n_changes);
	assert_int_equal(fdb_port_learnt(bridge->dp->fdb, port_of(bed, 0)->dp->id), 1);
	expect_traffic(bed, HOSTILE);
	/* trusted, he is */
	set_port(bed, HOSTILE, (struct stp_port_config){ .restricted = TRISTATE_NO });
	send_frame(bed, HOSTILE, frame, superior(frame));
	run(bed);
	assert_ptr_equal(stp_root_port(bridge), port_of(bed, HOSTILE));
}

/* Settings of a guest's port are found again after a restart; so the guard is still there. */
static void
test_restart(void **state)
{
	const struct stp_port_config stp = { .cost = 7,
					     .priority = 16,
					     .edge = TRISTATE_NO,
					     .p2p = TRISTATE_YES,
					     .restricted = TRISTATE_NO,
					     .bpdu = BPDU_GUARD };
	struct bed *bed = *state;
	uint8_t frame[BPDU_FRAME_MAX];
	struct stp_port_config *got;

	start_guests(bed);
	set_port(bed, HOSTILE, stp);
	stop_switch(bed);
	start_switch(bed);
	add_bridge(bed, "xenbr0");
	for (int try = 0; try < TRIES && !all_connected(bed); try++)
		wait_once(bed);
	got = &port_of(bed, HOSTILE)->config.stp;
	assert_int_equal(got->cost, 7);
	assert_int_equal(got->priority, 16);
	assert_int_equal(got->edge, TRISTATE_NO);
	assert_int_equal(got->p2p, TRISTATE_YES);
	assert_int_equal(got->restricted, TRISTATE_NO);
	assert_int_equal(got->bpdu, BPDU_GUARD);
	send_frame(bed, HOSTILE, frame, superior(frame));
	run(bed);
	assert_false(port_of(bed, HOSTILE)->dp->up);
	assert_non_null(strstr(port_of(bed, HOSTILE)->reason, "BPDU guard"));
	expect_traffic(bed, HOSTILE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_own_probe, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two_guests, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing_proven, setup, teardown),
		cmocka_unit_test_setup_teardown(test_guest_as_root, setup, teardown),
		cmocka_unit_test_setup_teardown(test_restart, setup, teardown),
	};

	start_eal();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
