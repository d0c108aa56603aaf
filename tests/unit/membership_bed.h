/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the tests of membership share: snooping bridges and hosts wired to each other, all in one
 * thread and with a clock of the test's own; who gets a group is asked of the entries that the
 * machines make.
 *
 * Thread-safety: one thread.
 */
#ifndef TESTS_MEMBERSHIP_BED_H
#define TESTS_MEMBERSHIP_BED_H

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

static inline void station_receive(struct station *station, uint16_t vid, const uint8_t *frame,
				   uint32_t len);

static inline struct entry *
entry_find(struct bridge *bridge, uint16_t vid, const uint8_t mac[6])
{
	for (uint32_t i = 0; i < bridge->n_entries; i++)
		if (bridge->entries[i].vid == vid && memcmp(bridge->entries[i].mac, mac, 6) == 0)
			return &bridge->entries[i];
	return NULL;
}

static inline int
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

static inline void
unset_group(void *ctx, uint16_t vid, const uint8_t mac[6])
{
	struct bridge *bridge = ctx;
	struct entry *entry = entry_find(bridge, vid, mac);

	if (entry != NULL)
		*entry = bridge->entries[--bridge->n_entries];
}

static const uint8_t other_macs[MCAST_FAMILIES][6] = { { 4 }, { 6 } };

static inline int
set_other(void *ctx, uint16_t vid, enum mcast_family family, const uint16_t *ports, uint32_t n)
{
	return set_group(ctx, vid, other_macs[family], ports, n);
}

static inline void
unset_other(void *ctx, uint16_t vid, enum mcast_family family)
{
	unset_group(ctx, vid, other_macs[family]);
}

/* What leaves by a port. */
static inline void
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

static inline void
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
static inline void
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
static inline void
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

static inline struct bridge *
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

static inline struct station *
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
static inline struct bridge *
active_bridge(uint32_t n_ports)
{
	struct bridge *bridge = bridge_add(true, 1);

	for (uint32_t i = 0; i < n_ports; i++)
		port_add(bridge);
	pass(20 * SECOND);
	return bridge;
}

static inline void
wire(struct station *a, struct station *b)
{
	a->peer = b;
	b->peer = a;
}

/* The ports that packets to a group go to. NOT_THERE: flooded. */
static inline uint32_t
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

static inline void
say_igmp(struct station *station, const char *src, uint8_t type, uint8_t code, const char *group)
{
	uint8_t frame[MCAST_FRAME_MAX];

	station_receive(station, 0, frame, mcast_frames_igmp(frame, src, type, code, group));
}

static inline void
say_mld(struct station *station, const char *src, uint8_t type, uint16_t code, const char *group)
{
	uint8_t frame[MCAST_FRAME_MAX];

	station_receive(station, 0, frame, mcast_frames_mld(frame, src, type, code, group));
}

static inline void
say_report(struct station *station, uint8_t type, const char *group, uint16_t n, uint16_t n_sources)
{
	bool ipv6 = strchr(group, ':') != NULL;
	uint8_t frame[MCAST_FRAME_MAX];

	station_receive(station, 0, frame,
			mcast_frames_report(frame, ipv6, type, group, n, n_sources));
}

static enum membership_querier found_querier;
static int found_port;

static inline void
find_ipv4(void *arg, const struct membership_domain_info *info)
{
	if (info->family != MCAST_IPV4 || info->vid != 0)
		return;
	found_querier = info->querier;
	found_port = info->port;
}

static inline enum membership_querier
querier_of(struct bridge *bridge)
{
	membership_each_domain(bridge->m, now, find_ipv4, NULL);
	return found_querier;
}

static inline int
setup(void **state)
{
	now = 1000000;
	return 0;
}

static inline int
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

#endif
