/* SPDX-License-Identifier: BSD-3-Clause */
/* Members of groups: who gets what, by all that hosts say; limits, and what is no message. */
#include "membership_bed.h"

/* Without a querier all is flooded, whoever reports; reports too. */
static void
test_no_querier(void **state)
{
	struct bridge *bridge = bridge_add(false, 1);
	struct station *a = port_add(bridge), *b = port_add(bridge);

	say_igmp(a, "10.0.0.1", 0x16, 0, GROUP);
	pass(30 * SECOND);
	assert_int_equal(b->n_reports, 1);
	assert_int_equal(bridge->n_entries, 0);
	/* another's query: not before its hosts have had time to answer */
	say_igmp(b, "10.0.0.9", 0x11, 100, "0.0.0.0");
	assert_int_equal(a->n_queries, 1);
	pass(9 * SECOND);
	assert_int_equal(bridge->n_entries, 0);
	pass(3 * SECOND);
	assert_int_equal(where(bridge, 0, GROUP), 3);
	assert_int_equal(where(bridge, 0, "239.9.9.9"), 2);
	assert_int_equal(where(bridge, 0, GROUP6), NOT_THERE); /* nobody asks for those */
	/* reports go to the querier alone */
	port_add(bridge);
	say_igmp(a, "10.0.0.1", 0x16, 0, GROUP);
	assert_int_equal(b->n_reports, 2);
	assert_int_equal(bridge->stations[2].n_reports, 0);
	/* it is gone: all is flooded again */
	pass(600 * SECOND);
	assert_int_equal(bridge->n_entries, 0);
}

/* Each version and kind of report, both ways. */
static void
test_versions(void **state)
{
	struct bridge *bridge = active_bridge(2);
	struct station *a = &bridge->stations[0];

	say_igmp(a, "10.0.0.1", 0x12, 0, GROUP);
	assert_int_equal(where(bridge, 0, GROUP), 1);
	/* an IGMPv1 host cannot leave, so nobody's leave counts */
	say_igmp(a, "10.0.0.1", 0x17, 0, GROUP);
	pass(10 * SECOND);
	assert_int_equal(where(bridge, 0, GROUP), 1);
	for (int type = IS_IN; type <= BLOCK; type++) {
		say_report(a, type, "239.5.0.1", 1, 0);
		assert_int_equal(where(bridge, 0, "239.5.0.1"), type == IS_EX || type == TO_EX);
		say_report(a, TO_IN, "239.5.0.1", 1, 0);
		pass(3 * SECOND);
		assert_int_equal(where(bridge, 0, "239.5.0.1"), 0);
		/* sources */
		say_report(a, type, "ff05::77", 1, 2);
		assert_int_equal(where(bridge, 0, "ff05::77"), type != BLOCK);
		say_report(a, BLOCK, "ff05::77", 1, 2);
		assert_int_equal(where(bridge, 0, "ff05::77"), type != BLOCK);
		pass(3 * SECOND);
		assert_int_equal(where(bridge, 0, "ff05::77"), 0);
	}
	say_mld(a, "fe80::1", 131, 0, GROUP6);
	assert_int_equal(where(bridge, 0, GROUP6), 1);
	say_mld(a, "fe80::1", 132, 0, GROUP6);
	pass(3 * SECOND);
	assert_int_equal(where(bridge, 0, GROUP6), 0);
	/* many in one report */
	say_report(a, TO_EX, "239.6.0.1", 100, 0);
	assert_int_equal(where(bridge, 0, "239.6.0.1"), 1);
	assert_int_equal(where(bridge, 0, "239.6.0.100"), 1);
	assert_int_equal(where(bridge, 0, "239.6.0.101"), 0);
}

/* A host leaves; another one on the same port answers the question. */
static void
test_leave(void **state)
{
	struct bridge *bridge = active_bridge(2);
	struct station *a = &bridge->stations[0], *b = &bridge->stations[1];
	uint32_t before;

	say_igmp(a, "10.0.0.1", 0x16, 0, GROUP);
	say_igmp(b, "10.0.0.2", 0x16, 0, GROUP);
	before = a->n_queries;
	say_igmp(b, "10.0.0.2", 0x17, 0, GROUP);
	pass(100);
	assert_int_equal(b->n_queries, before + 1); /* group-specific, and to that port alone */
	assert_int_equal(a->n_queries, before);
	pass(1700);
	assert_int_equal(where(bridge, 0, GROUP), 3);
	pass(300);
	assert_int_equal(where(bridge, 0, GROUP), 1);
	assert_int_equal(b->n_queries, before + 2);
	a->groups[MCAST_IPV4] = GROUP;
	say_igmp(a, "10.0.0.1", 0x17, 0, GROUP);
	pass(10 * SECOND);
	assert_int_equal(where(bridge, 0, GROUP), 1);
	/* at once, where it is so set */
	a->config.fast_leave = true;
	membership_port_set(a->port, &a->config, now);
	say_igmp(a, "10.0.0.1", 0x17, 0, GROUP);
	assert_int_equal(where(bridge, 0, GROUP), 0);
}

/* Groups that share a MAC: a member of one hears the other, and stays when that ends. */
static void
test_same_mac(void **state)
{
	struct bridge *bridge = active_bridge(2);
	struct station *a = &bridge->stations[0], *b = &bridge->stations[1];

	say_igmp(a, "10.0.0.1", 0x16, 0, "239.1.2.3");
	say_igmp(b, "10.0.0.2", 0x16, 0, "224.129.2.3");
	assert_int_equal(where(bridge, 0, "239.1.2.3"), 3);
	say_igmp(b, "10.0.0.2", 0x17, 0, "224.129.2.3");
	pass(3 * SECOND);
	assert_int_equal(where(bridge, 0, "239.1.2.3"), 1);
	/* groups of the link are none of this */
	say_igmp(a, "10.0.0.1", 0x16, 0, "224.0.0.251");
	say_mld(a, "fe80::1", 131, 0, "ff02::1:ff00:1");
	assert_int_equal(bridge->n_entries, 3);
}

/* Another querier's last-member query counts; a stranger's does not. */
static void
test_other_leave(void **state)
{
	struct bridge *bridge = bridge_add(false, 1);
	struct station *up = port_add(bridge), *a = port_add(bridge), *bad = port_add(bridge);

	say_igmp(up, "10.0.0.9", 0x11, 100, "0.0.0.0");
	say_igmp(a, "10.0.0.1", 0x16, 0, GROUP);
	pass(20 * SECOND);
	assert_int_equal(where(bridge, 0, GROUP), 3);
	say_igmp(bad, "10.0.0.66", 0x11, 1, GROUP);
	say_igmp(bad, "10.0.0.9", 0x11, 1, GROUP);
	say_igmp(a, "10.0.0.1", 0x17, 0, GROUP);
	pass(10 * SECOND);
	assert_int_equal(where(bridge, 0, GROUP), 3);
	assert_int_equal(up->n_reports, 2);
	say_igmp(up, "10.0.0.9", 0x11, 10, GROUP);
	pass(1900);
	assert_int_equal(where(bridge, 0, GROUP), 3);
	pass(200);
	assert_int_equal(where(bridge, 0, GROUP), 1);
}

/* Whoever wants more groups than there is room for gets all; nobody else is touched. */
static void
test_limits(void **state)
{
	struct bridge *bridge = active_bridge(3);
	struct station *greedy = &bridge->stations[0], *b = &bridge->stations[1];
	struct membership_port_info info;

	greedy->config.group_limit = 10;
	membership_port_set(greedy->port, &greedy->config, now);
	say_report(greedy, TO_EX, "239.6.0.1", 100, 0);
	say_igmp(b, "10.0.0.2", 0x16, 0, GROUP);
	pass(0);
	membership_port_info(greedy->port, &info);
	assert_int_equal(info.n_groups, 10);
	assert_int_equal(info.refused, 90);
	assert_true(info.all);
	assert_int_equal(where(bridge, 0, "239.6.0.100"), 1);
	assert_int_equal(where(bridge, 0, GROUP), 3);
	pass(262 * SECOND);
	assert_int_equal(where(bridge, 0, "239.6.0.100"), 0);
	/* of the bridge */
	bridge->config.group_limit = 20;
	membership_set(bridge->m, &bridge->config, now);
	say_report(b, TO_EX, "239.7.0.1", 100, 0);
	pass(0);
	assert_int_equal(where(bridge, 0, "239.7.0.100"), 2);
	/* a report that is too long to be read */
	membership_cut(bridge->stations[2].port, now);
	pass(0);
	assert_int_equal(where(bridge, 0, "239.7.0.100"), 6);
}

/* Without memory for an entry the VLAN is flooded, until there is some. */
static void
test_no_memory(void **state)
{
	struct bridge *bridge = active_bridge(2);

	bridge->no_memory = true;
	say_igmp(&bridge->stations[0], "10.0.0.1", 0x16, 0, GROUP);
	assert_int_equal(where(bridge, 0, GROUP), NOT_THERE);
	pass(5 * SECOND);
	assert_int_equal(where(bridge, 0, GROUP), NOT_THERE);
	bridge->no_memory = false;
	pass(60 * SECOND);
	assert_int_equal(where(bridge, 0, GROUP), 1);
	assert_int_equal(where(bridge, 0, "239.9.9.9"), 0);
}

/* What is wrong is dropped and counted, whatever byte it is. */
static void
test_malformed(void **state)
{
	struct bridge *bridge = active_bridge(2);
	struct station *a = &bridge->stations[0];
	struct membership_port_info info;
	uint8_t frame[MCAST_FRAME_MAX];
	uint32_t len = mcast_frames_igmp(frame, "10.0.0.1", 0x16, 0, GROUP);

	for (uint32_t at = 34; at < len; at++) {
		frame[at] ^= 0x10;
		station_receive(a, 0, frame, len);
		frame[at] ^= 0x10;
	}
	for (uint32_t cut = 0; cut < len; cut++)
		station_receive(a, 0, frame, cut);
	membership_port_info(a->port, &info);
	assert_int_equal(info.invalid, 8 + len);
	assert_int_equal(info.n_groups, 0);
	assert_int_equal(bridge->stations[1].n_reports, 0);
	/* a query that is not to all hosts, and one of MLD without an address */
	len = mcast_frames_igmp(frame, "10.0.0.1", 0x11, 100, "0.0.0.0");
	memcpy(frame + 30, "\xef\x01\x01\x01", 4);
	station_receive(a, 0, frame, len);
	say_mld(a, "::", 130, 1000, "::");
	say_mld(a, "2001:db8::1", 130, 1000, "::");
	assert_int_equal(querier_of(bridge), MEMBERSHIP_QUERIER_SELF);
	/* a report whose records end in the middle: what is whole counts */
	len = mcast_frames_report(frame, false, TO_EX, GROUP, 2, 0);
	mcast_frames_put16(frame + 34 + 8 + 8 + 2, 500);
	mcast_frames_put16(frame + 36, 0);
	mcast_frames_put16(frame + 36, mcast_frames_sum(frame + 34, len - 34, 0));
	station_receive(a, 0, frame, len);
	membership_port_info(a->port, &info);
	assert_int_equal(info.n_groups, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_no_querier, setup, teardown),
		cmocka_unit_test_setup_teardown(test_versions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_leave, setup, teardown),
		cmocka_unit_test_setup_teardown(test_same_mac, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_leave, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_malformed, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
