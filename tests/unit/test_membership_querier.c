/* SPDX-License-Identifier: BSD-3-Clause */
/* Queriers: who asks, what, when and whom; and the ports that routers are behind. */
#include "membership_bed.h"

static void
test_own_querier(void **state)
{
	struct bridge *bridge = active_bridge(3);
	struct station *a = &bridge->stations[0], *b = &bridge->stations[1];

	/* to the bridge's untagged VLAN in both families, at the start and to each port that opens
	 */
	assert_in_range(a->n_queries, 4, 8);
	assert_int_equal(where(bridge, 0, GROUP), 0);
	assert_int_equal(where(bridge, 0, GROUP6), 0);
	assert_int_equal(where(bridge, 7, GROUP), NOT_THERE);
	say_igmp(a, "10.0.0.1", 0x16, 0, GROUP);
	say_mld(b, "fe80::2", 131, 0, GROUP6);
	assert_int_equal(where(bridge, 0, GROUP), 1);
	assert_int_equal(where(bridge, 0, GROUP6), 2);
	assert_int_equal(b->n_reports + bridge->stations[2].n_reports, 0);
	/* one who does not answer: gone after the membership interval, 2 * 125 + 10 s */
	a->groups[MCAST_IPV4] = GROUP;
	pass(259 * SECOND);
	assert_int_equal(where(bridge, 0, GROUP6), 2);
	pass(2 * SECOND);
	assert_int_equal(where(bridge, 0, GROUP6), 0);
	assert_int_equal(where(bridge, 0, GROUP), 1);
	/* no queries any more: flood */
	bridge->config.querier = false;
	membership_set(bridge->m, &bridge->config, now);
	pass(0);
	assert_int_equal(bridge->n_entries, 0);
}

static void
test_election(void **state)
{
	struct bridge *bridge = active_bridge(3);

	memcpy(bridge->config.address, (uint8_t[]){ 10, 0, 0, 5 }, 4);
	membership_set(bridge->m, &bridge->config, now);
	pass(0);
	/* a higher one, and one without an address, are not elected, but get what they ask for */
	say_igmp(&bridge->stations[0], "10.0.0.6", 0x11, 100, "0.0.0.0");
	say_igmp(&bridge->stations[1], "0.0.0.0", 0x11, 100, "0.0.0.0");
	pass(0);
	assert_int_equal(querier_of(bridge), MEMBERSHIP_QUERIER_SELF);
	assert_int_equal(where(bridge, 0, GROUP), 3);
	say_igmp(&bridge->stations[2], "10.0.0.4", 0x11, 100, "0.0.0.0");
	assert_int_equal(querier_of(bridge), MEMBERSHIP_QUERIER_OTHER);
	assert_int_equal(found_port, 2);
	/* it is silent: we go on, and no moment is without a querier */
	pass(250 * SECOND);
	assert_int_equal(querier_of(bridge), MEMBERSHIP_QUERIER_OTHER);
	assert_int_equal(where(bridge, 0, "239.9.9.9"), 7);
	pass(6 * SECOND);
	assert_int_equal(querier_of(bridge), MEMBERSHIP_QUERIER_SELF);
	assert_int_equal(where(bridge, 0, "239.9.9.9"), 0);
	/* its link goes: at once */
	say_igmp(&bridge->stations[2], "10.0.0.4", 0x11, 100, "0.0.0.0");
	membership_port_open(bridge->stations[2].port, false, now);
	pass(0);
	assert_int_equal(querier_of(bridge), MEMBERSHIP_QUERIER_SELF);
}

/* Two bridges that both ask: one goes on; members behind the other hear what is sent anywhere. */
static void
test_two_bridges(void **state)
{
	struct bridge *low = bridge_add(true, 1), *high = bridge_add(true, 2);
	struct station *low_link = port_add(low), *low_host = port_add(low);
	struct station *high_link = port_add(high), *high_host = port_add(high);

	wire(low_link, high_link);
	low_host->groups[MCAST_IPV4] = "239.1.1.1";
	high_host->groups[MCAST_IPV4] = "239.2.2.2";
	high_host->groups[MCAST_IPV6] = GROUP6;
	/* both have asked at first, and get all from the other for so long */
	pass(400 * SECOND);
	assert_int_equal(querier_of(low), MEMBERSHIP_QUERIER_SELF);
	assert_int_equal(querier_of(high), MEMBERSHIP_QUERIER_OTHER);
	assert_int_equal(where(low, 0, "239.1.1.1"), 2);
	assert_int_equal(where(low, 0, "239.2.2.2"), 1);
	assert_int_equal(where(low, 0, GROUP6), 1);
	/* the other gives all to the querier, which alone knows its own members */
	assert_int_equal(where(high, 0, "239.1.1.1"), 1);
	assert_int_equal(where(high, 0, "239.2.2.2"), 3);
	/* for a day nobody is lost */
	for (int hour = 0; hour < 24; hour++) {
		pass(3600 * SECOND);
		assert_int_equal(where(low, 0, "239.2.2.2"), 1);
		assert_int_equal(where(low, 0, GROUP6), 1);
	}
	/* the cable is cut: both go on by themselves */
	membership_port_open(low_link->port, false, now);
	membership_port_open(high_link->port, false, now);
	pass(0);
	assert_int_equal(querier_of(high), MEMBERSHIP_QUERIER_SELF);
	assert_int_equal(where(high, 0, "239.2.2.2"), 2);
	assert_int_equal(where(low, 0, "239.2.2.2"), 0);
}

/* A port that comes up hears all, is asked in the querier's name, and then what it asked for. */
static void
test_new_port(void **state)
{
	struct bridge *bridge = bridge_add(false, 1);
	struct station *up = port_add(bridge), *late;
	struct mcast_message msg;

	say_igmp(up, "10.0.0.9", 0x11, 100, "0.0.0.0");
	pass(60 * SECOND);
	late = port_add(bridge);
	late->groups[MCAST_IPV4] = GROUP;
	pass(0);
	assert_int_equal(where(bridge, 0, "239.9.9.9"), 3);
	assert_int_equal(mcast_parse(late->last, late->last_len, &msg), 0);
	assert_int_equal(msg.kind, MCAST_QUERY);
	assert_memory_equal(msg.source.bytes, ((uint8_t[]){ 10, 0, 0, 9 }), 4);
	assert_int_equal(up->n_queries, 0); /* the querier itself is left alone */
	pass(15 * SECOND);
	assert_int_equal(where(bridge, 0, "239.9.9.9"), 1);
	assert_int_equal(where(bridge, 0, GROUP), 3);
	/* it goes to another VLAN: nothing of it is left */
	late->groups[MCAST_IPV4] = NULL;
	late->config.vid = 7;
	membership_port_set(late->port, &late->config, now);
	pass(15 * SECOND);
	assert_int_equal(where(bridge, 0, GROUP), 1);
	membership_resync(bridge->m, now);
	pass(0);
	assert_int_equal(where(bridge, 0, GROUP), 3);
}

/* Hosts say again what they want, to the router's port, within the last member's time. */
static void
test_renew(void **state)
{
	struct bridge *bridge = bridge_add(false, 1);
	struct station *up = port_add(bridge), *host = port_add(bridge);
	struct mcast_message msg;
	uint32_t before;

	host->groups[MCAST_IPV4] = GROUP;
	say_igmp(up, "10.0.0.9", 0x11, 100, "0.0.0.0");
	pass(60 * SECOND);
	before = up->n_reports;
	up->n_queries = 0;
	membership_renew(bridge->m, up->port, now);
	pass(0);
	assert_int_equal(up->n_reports, before + 1);
	assert_int_equal(up->n_queries, 0);
	assert_int_equal(mcast_parse(host->last, host->last_len, &msg), 0);
	assert_int_equal(msg.response, 1000);
	assert_int_equal(where(bridge, 0, "239.9.9.9"), 1); /* nobody hears more for that */
	pass(60 * SECOND);
	assert_int_equal(up->n_reports, before + 1);
}

static void
test_routers(void **state)
{
	static const uint8_t mrd[8] = { 0x30, 20, 0xcf, 0xeb }, pim_hello[4] = { 0x20 };
	struct bridge *bridge = active_bridge(4);
	uint8_t frame[MCAST_FRAME_MAX];

	memcpy(frame + 34, mrd, sizeof(mrd));
	station_receive(&bridge->stations[0], 0, frame,
			mcast_frames_ipv4(frame, "10.0.0.1", "224.0.0.106", 2, sizeof(mrd)));
	memcpy(frame + 34, pim_hello, sizeof(pim_hello));
	station_receive(&bridge->stations[1], 0, frame,
			mcast_frames_ipv4(frame, "10.0.0.2", "224.0.0.13", 103, sizeof(pim_hello)));
	pass(0);
	assert_int_equal(where(bridge, 0, GROUP), 3);
	/* by hand, for both families and all VLANs */
	bridge->stations[2].config.router = MEMBERSHIP_ROUTER_YES;
	membership_port_set(bridge->stations[2].port, &bridge->stations[2].config, now);
	pass(0);
	assert_int_equal(where(bridge, 0, GROUP), 7);
	assert_int_equal(where(bridge, 0, GROUP6), 4);
	/* never: its queries go nowhere */
	bridge->stations[0].config.router = MEMBERSHIP_ROUTER_NO;
	membership_port_set(bridge->stations[0].port, &bridge->stations[0].config, now);
	bridge->stations[3].n_queries = 0;
	say_igmp(&bridge->stations[0], "1.1.1.1", 0x11, 100, "0.0.0.0");
	pass(0);
	assert_int_equal(bridge->stations[3].n_queries, 0);
	assert_int_equal(querier_of(bridge), MEMBERSHIP_QUERIER_SELF);
	assert_int_equal(where(bridge, 0, GROUP), 6);
	/* they are forgotten if they are silent */
	pass(300 * SECOND);
	assert_int_equal(where(bridge, 0, GROUP), 4);
}

/* What we say is what others read, at all values that a message can have. */
static void
test_query_codes(void **state)
{
	static const uint32_t times[] = { 100, 1000, 12700, 12800, 25500, 100000, 3000000 };
	uint8_t frame[MCAST_QUERY_FRAME_MAX];
	struct mcast_message msg;

	for (unsigned int i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		for (int family = 0; family < MCAST_FAMILIES; family++) {
			struct mcast_query query = {
				.family = family,
				.response = times[i],
				.interval = times[i],
				.robustness = 3,
				.source = { { 0xfe, 0x80, [15] = 1 } },
			};
			uint32_t len = mcast_build_query(&query, frame);

			assert_int_equal(mcast_parse(frame, len, &msg), 0);
			assert_int_equal(msg.kind, MCAST_QUERY);
			assert_int_equal(msg.version, family == MCAST_IPV4 ? 3 : 2);
			assert_in_range(msg.response, times[i] - times[i] / 16, times[i]);
			assert_in_range(msg.interval, times[i] / 1000 - times[i] / 16000,
					times[i] / 1000);
			assert_int_equal(msg.robustness, 3);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_own_querier, setup, teardown),
		cmocka_unit_test_setup_teardown(test_election, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two_bridges, setup, teardown),
		cmocka_unit_test_setup_teardown(test_new_port, setup, teardown),
		cmocka_unit_test_setup_teardown(test_renew, setup, teardown),
		cmocka_unit_test_setup_teardown(test_routers, setup, teardown),
		cmocka_unit_test(test_query_codes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
