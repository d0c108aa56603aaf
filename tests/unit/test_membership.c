/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Snooping bridges and hosts wired to each other, all in one thread and with a clock of the test's
 * own: who gets a group is asked of the entries that the machines make.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mcast_frames.h"
#include "membership.h"

#define PORTS 8
#define ENTRIES 600
#define NOT_THERE UINT32_MAX
#define SECOND 1000u

#define GROUP "239.1.2.3"
#define GROUP6 "ff05::1234"

/* Ports as a set of bits; NOT_THERE: no entry. */
struct entry {
	uint16_t vid;
	uint8_t mac[6];
	uint32_t ports;
};

struct bridge;

/* A port: a cable to another bridge's, or to a host that is a member of some groups. */
struct station {
	struct bridge *bridge;
	struct membership_port *port;
	struct membership_port_config config;
	struct station *peer;
	const char *groups[2]; /* of a host that answers queries: IPv4, IPv6 */
	uint32_t n_frames, n_queries, n_reports;
	uint8_t last[MCAST_FRAME_MAX];
	uint32_t last_len;
};

struct bridge {
	struct membership *m;
	struct membership_config config;
	struct entry entries[ENTRIES];
	uint32_t n_entries;
	struct station stations[PORTS];
	uint32_t n_stations;
	bool no_memory;
	struct bridge *next;
};

static uint64_t now;
static struct bridge *bridges;

static void station_receive(struct station *station, uint16_t vid, const uint8_t *frame,
			    uint32_t len);

static struct entry *
entry_find(struct bridge *bridge, uint16_t vid, const uint8_t mac[6])
{
	for (uint32_t i = 0; i < bridge->n_entries; i++)
		if (bridge->entries[i].vid == vid && memcmp(bridge->entries[i].mac, mac, 6) == 0)
			return &bridge->entries[i];
	return NULL;
}

static int
set_group(void *ctx, uint16_t vid, const uint8_t mac[6], const uint16_t *ports, uint32_t n)
{
	struct bridge *bridge = ctx;
	struct entry *entry = entry_find(bridge, vid, mac);

	if (bridge->no_memory)
		return -1;
	if (entry == NULL) {
		assert_true(bridge->n_entries < ENTRIES);
		entry = &bridge->entries[bridge->n_entries++];
		entry->vid = vid;
		memcpy(entry->mac, mac, 6);
	}
	entry->ports = 0;
	for (uint32_t i = 0; i < n; i++) {
		assert_false(entry->ports & 1u << ports[i]); /* nobody is on it twice */
		entry->ports |= 1u << ports[i];
	}
	return 0;
}

static void
unset_group(void *ctx, uint16_t vid, const uint8_t mac[6])
{
	struct bridge *bridge = ctx;
	struct entry *entry = entry_find(bridge, vid, mac);

	if (entry != NULL)
		*entry = bridge->entries[--bridge->n_entries];
}

static const uint8_t other_macs[MCAST_FAMILIES][6] = { { 4 }, { 6 } };

static int
set_other(void *ctx, uint16_t vid, enum mcast_family family, const uint16_t *ports, uint32_t n)
{
	return set_group(ctx, vid, other_macs[family], ports, n);
}

static void
unset_other(void *ctx, uint16_t vid, enum mcast_family family)
{
	unset_group(ctx, vid, other_macs[family]);
}

/* What leaves by a port. */
static void
station_hear(struct station *station, uint16_t vid, const uint8_t *frame, uint32_t len)
{
	struct mcast_message msg;
	uint8_t report[MCAST_FRAME_MAX];
	int family;

	if (station->peer != NULL) {
		station_receive(station->peer, vid, frame, len);
		return;
	}
	station->n_frames++;
	memcpy(station->last, frame, len);
	station->last_len = len;
	if (mcast_parse(frame, len, &msg) < 0)
		return;
	station->n_reports += msg.kind == MCAST_REPORT;
	if (msg.kind != MCAST_QUERY)
		return;
	station->n_queries++;
	family = msg.family;
	if (station->groups[family] != NULL) {
		len = mcast_frames_report(report, family == MCAST_IPV6, IS_EX,
					  station->groups[family], 1, 0);
		station_receive(station, vid, report, len);
	}
}

static void
bridge_send(void *ctx, void *user, uint16_t vid, const uint8_t *frame, uint32_t len)
{
	struct bridge *bridge = ctx;

	for (uint32_t i = 0; i < bridge->n_stations; i++)
		if (user == NULL || user == &bridge->stations[i])
			station_hear(&bridge->stations[i], vid, frame, len);
}

static const struct membership_ops ops = {
	.set_group = set_group,
	.unset_group = unset_group,
	.set_other = set_other,
	.unset_other = unset_other,
	.send = bridge_send,
};

/* What comes in by a port: it goes on as the bridge says. */
static void
station_receive(struct station *station, uint16_t vid, const uint8_t *frame, uint32_t len)
{
	struct bridge *bridge = station->bridge;
	enum mcast_family family;
	uint16_t routers[PORTS];
	uint32_t n = 0;

	switch (membership_receive(station->port, vid, frame, len, now, &family)) {
	case MEMBERSHIP_FLOOD:
		for (uint32_t i = 0; i < bridge->n_stations; i++)
			if (&bridge->stations[i] != station)
				station_hear(&bridge->stations[i], vid, frame, len);
		break;
	case MEMBERSHIP_TO_ROUTERS:
		n = membership_routers(bridge->m, vid, family, station->port, routers, PORTS);
		break;
	case MEMBERSHIP_DROP:
		break;
	}
	for (uint32_t i = 0; i < n; i++)
		station_hear(&bridge->stations[routers[i]], vid, frame, len);
}

/* Let time pass, with every machine woken when it wants to be. */
static void
pass(uint64_t msec)
{
	uint64_t end = now + msec;

	for (;;) {
		uint64_t next = MEMBERSHIP_NEVER;

		for (struct bridge *bridge = bridges; bridge != NULL; bridge = bridge->next) {
			uint64_t due = membership_tick(bridge->m, now);

			next = due < next ? due : next;
		}
		assert_true(next > now);
		if (next > end)
			break;
		now = next;
	}
	now = end;
}

static struct bridge *
bridge_add(bool querier, uint8_t number)
{
	struct bridge *bridge = calloc(1, sizeof(*bridge));

	bridge->config = (struct membership_config){
		.querier = querier,
		.interval = 125 * SECOND,
		.response = 10 * SECOND,
		.last_response = 1 * SECOND,
		.robustness = 2,
		.group_limit = 512,
		.mac = { 0x02, 0, 0, 0, 0, number },
	};
	bridge->m = membership_create(&bridge->config, &ops, bridge, 12345);
	assert_non_null(bridge->m);
	bridge->next = bridges;
	bridges = bridge;
	return bridge;
}

static struct station *
port_add(struct bridge *bridge)
{
	struct station *station = &bridge->stations[bridge->n_stations];

	station->bridge = bridge;
	station->config = (struct membership_port_config){
		.id = bridge->n_stations++,
		.user = station,
		.group_limit = 256,
	};
	station->port = membership_port_add(bridge->m, &station->config);
	assert_non_null(station->port);
	membership_port_open(station->port, true, now);
	return station;
}

/* A bridge that asks and has listened long enough, with some ports. */
static struct bridge *
active_bridge(uint32_t n_ports)
{
	struct bridge *bridge = bridge_add(true, 1);

	for (uint32_t i = 0; i < n_ports; i++)
		port_add(bridge);
	pass(20 * SECOND);
	return bridge;
}

static void
wire(struct station *a, struct station *b)
{
	a->peer = b;
	b->peer = a;
}

/* The ports that packets to a group go to. NOT_THERE: flooded. */
static uint32_t
where(struct bridge *bridge, uint16_t vid, const char *group)
{
	bool ipv6 = strchr(group, ':') != NULL;
	struct mcast_addr addr = { 0 };
	struct entry *entry;
	uint8_t mac[6];

	inet_pton(ipv6 ? AF_INET6 : AF_INET, group, addr.bytes);
	mcast_mac(ipv6, &addr, mac);
	entry = entry_find(bridge, vid, mac);
	if (entry == NULL)
		entry = entry_find(bridge, vid, other_macs[ipv6]);
	return entry != NULL ? entry->ports : NOT_THERE;
}

static void
say_igmp(struct station *station, const char *src, uint8_t type, uint8_t code, const char *group)
{
	uint8_t frame[MCAST_FRAME_MAX];

	station_receive(station, 0, frame, mcast_frames_igmp(frame, src, type, code, group));
}

static void
say_mld(struct station *station, const char *src, uint8_t type, uint16_t code, const char *group)
{
	uint8_t frame[MCAST_FRAME_MAX];

	station_receive(station, 0, frame, mcast_frames_mld(frame, src, type, code, group));
}

static void
say_report(struct station *station, uint8_t type, const char *group, uint16_t n, uint16_t n_sources)
{
	bool ipv6 = strchr(group, ':') != NULL;
	uint8_t frame[MCAST_FRAME_MAX];

	station_receive(station, 0, frame,
			mcast_frames_report(frame, ipv6, type, group, n, n_sources));
}

static int
setup(void **state)
{
	now = 1000000;
	return 0;
}

static int
teardown(void **state)
{
	while (bridges != NULL) {
		struct bridge *bridge = bridges;

		bridges = bridge->next;
		membership_destroy(bridge->m);
		assert_int_equal(bridge->n_entries, 0);
		free(bridge);
	}
	return 0;
}

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

static enum membership_querier found_querier;
static int found_port;

static void
find_ipv4(void *arg, const struct membership_domain_info *info)
{
	if (info->family != MCAST_IPV4 || info->vid != 0)
		return;
	found_querier = info->querier;
	found_port = info->port;
}

static enum membership_querier
querier_of(struct bridge *bridge)
{
	membership_each_domain(bridge->m, now, find_ipv4, NULL);
	return found_querier;
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
		cmocka_unit_test_setup_teardown(test_no_querier, setup, teardown),
		cmocka_unit_test_setup_teardown(test_own_querier, setup, teardown),
		cmocka_unit_test_setup_teardown(test_versions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_leave, setup, teardown),
		cmocka_unit_test_setup_teardown(test_same_mac, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_leave, setup, teardown),
		cmocka_unit_test_setup_teardown(test_election, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two_bridges, setup, teardown),
		cmocka_unit_test_setup_teardown(test_new_port, setup, teardown),
		cmocka_unit_test_setup_teardown(test_renew, setup, teardown),
		cmocka_unit_test_setup_teardown(test_routers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_malformed, setup, teardown),
		cmocka_unit_test(test_query_codes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
