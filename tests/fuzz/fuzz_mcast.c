/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IGMP and MLD messages of any form, in any order, with ports that come and go and time that
 * passes: a snooping bridge keeps its limits, and takes back every entry that it made.
 *
 * Input: steps of an action byte - bits 0..1 what, 2..3 by which port, 4..5 in which VLAN - and
 * what the action needs. Checksums are made right in one action, since chance would not.
 */
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "membership.h"

#define PORTS 4
#define GROUP_LIMIT 64
#define PORT_LIMIT 24
#define ENTRIES (GROUP_LIMIT + 2 * 4) /* and two for each VLAN */
#define QUERY_MIN 58

enum action { FRAME, FRAME_SUMMED, TIME, PORT };

struct entry {
	uint64_t key;
	bool used;
};

struct state {
	struct membership *m;
	struct membership_port *ports[PORTS];
	struct entry entries[ENTRIES];
	uint64_t now;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool ok)
{
	if (!ok)
		abort();
}

static uint64_t
key_of(uint16_t vid, const uint8_t mac[6])
{
	uint64_t key = vid;

	for (int i = 0; i < 6; i++)
		key = key << 8 | mac[i];
	return key;
}

static int
set_group(void *ctx, uint16_t vid, const uint8_t mac[6], const uint16_t *ports, uint32_t n)
{
	struct state *state = ctx;
	struct entry *free_one = NULL;
	uint32_t seen = 0;

	check(n <= PORTS);
	for (uint32_t i = 0; i < n; i++) {
		check(ports[i] < PORTS && !(seen & 1u << ports[i]));
		seen |= 1u << ports[i];
	}
	for (unsigned int i = 0; i < ENTRIES; i++) {
		struct entry *entry = &state->entries[i];

		if (entry->used && entry->key == key_of(vid, mac))
			return 0;
		if (!entry->used)
			free_one = entry;
	}
	check(free_one != NULL);
	*free_one = (struct entry){ .key = key_of(vid, mac), .used = true };
	return 0;
}

static void
unset_group(void *ctx, uint16_t vid, const uint8_t mac[6])
{
	struct state *state = ctx;

	for (unsigned int i = 0; i < ENTRIES; i++)
		if (state->entries[i].key == key_of(vid, mac))
			state->entries[i].used = false;
}

static int
set_other(void *ctx, uint16_t vid, enum mcast_family family, const uint16_t *ports, uint32_t n)
{
	return set_group(ctx, vid, (uint8_t[6]){ 4 + family }, ports, n);
}

static void
unset_other(void *ctx, uint16_t vid, enum mcast_family family)
{
	unset_group(ctx, vid, (uint8_t[6]){ 4 + family });
}

/* What we say has to make sense. */
static void
query_sent(void *ctx, void *user, uint16_t vid, const uint8_t *frame, uint32_t len)
{
	struct mcast_message msg;

	(void)ctx;
	(void)user;
	check(vid < 4095 && len >= QUERY_MIN - 8 && len <= MCAST_QUERY_FRAME_MAX);
	check(mcast_parse(frame, len, &msg) == 0 && msg.kind == MCAST_QUERY);
}

static const struct membership_ops ops = {
	.set_group = set_group,
	.unset_group = unset_group,
	.set_other = set_other,
	.unset_other = unset_other,
	.send = query_sent,
};

static uint16_t
sum(const uint8_t *bytes, uint32_t len, uint32_t start)
{
	for (uint32_t i = 0; i < len; i++)
		start += i % 2 == 0 ? bytes[i] << 8 : bytes[i];
	start = (start & 0xffff) + (start >> 16);
	return ~(start + (start >> 16));
}

/* Make lengths and checksums right, of untagged frames without options. */
static void
repair(uint8_t *frame, uint32_t len)
{
	uint32_t at = 2;
	uint8_t *ip = frame + 14, *message;
	uint16_t value;

	if (len >= 34 && frame[12] == 0x08 && frame[13] == 0) {
		ip[0] = 0x45;
		ip[2] = (len - 14) >> 8;
		ip[3] = len - 14;
		ip[6] = ip[7] = 0;
		message = ip + 20;
		at += 34;
	} else if (len >= 70 && frame[12] == 0x86 && frame[13] == 0xdd) {
		ip[0] = 0x60;
		ip[4] = (len - 54) >> 8;
		ip[5] = len - 54;
		ip[6] = IPPROTO_HOPOPTS;
		ip[40] = IPPROTO_ICMPV6;
		ip[41] = 0;
		message = ip + 48;
		at += 62;
	} else {
		return;
	}
	if (at + 2 > len)
		return;
	message[2] = message[3] = 0;
	value = sum(message, len - (message - frame),
		    message == ip + 48 ?
			    (0xffffu & ~sum(ip + 8, 32, 0)) + (len - 62) + IPPROTO_ICMPV6 :
			    0);
	message[2] = value >> 8;
	message[3] = value;
}

static void
receive(struct state *state, unsigned int port, uint16_t vid, const uint8_t *bytes, uint32_t len,
	bool summed)
{
	uint8_t *frame = malloc(len > 0 ? len : 1); /* of its exact size, for ASan */
	struct membership_port_info info;
	enum mcast_family family;
	uint16_t routers[PORTS];

	check(frame != NULL);
	if (len > 0)
		memcpy(frame, bytes, len);
	if (summed)
		repair(frame, len);
	if (membership_receive(state->ports[port], vid, frame, len, state->now, &family) ==
	    MEMBERSHIP_TO_ROUTERS)
		check(membership_routers(state->m, vid, family, state->ports[port], routers,
					 PORTS) < PORTS);
	free(frame);
	membership_port_info(state->ports[port], &info);
	check(info.n_groups <= PORT_LIMIT);
}

static void
change_port(struct state *state, unsigned int number, uint8_t how)
{
	struct membership_port_config config = {
		.id = number,
		.vid = how >> 6,
		.router = (how >> 2 & 3) % 3,
		.fast_leave = how >> 4 & 1,
		.group_limit = PORT_LIMIT,
	};
	const struct membership_config bridge = {
		.querier = how & 1,
		.interval = 10000,
		.response = 1000,
		.last_response = 500,
		.robustness = 2,
		.group_limit = GROUP_LIMIT,
		.mac = { 2 },
	};

	if (how & 2) {
		membership_port_set(state->ports[number], &config, state->now);
		membership_port_open(state->ports[number], how & 1, state->now);
	} else if (how & 32) {
		membership_port_del(state->ports[number], state->now);
		state->ports[number] = membership_port_add(state->m, &config);
		check(state->ports[number] != NULL);
	} else if (how & 16) {
		membership_resync(state->m, state->now);
	} else {
		membership_set(state->m, &bridge, state->now);
	}
}

static void
count(void *arg, const struct membership_member_info *info)
{
	check(info->port < PORTS && info->vid < 4);
	++*(unsigned int *)arg;
}

static void
ignore(void *arg, const struct membership_domain_info *info)
{
	(void)arg;
	check(info->port < PORTS);
}

static size_t
step(struct state *state, const uint8_t *data, size_t size)
{
	unsigned int port = data[0] >> 2 & 3, n_members = 0;
	uint16_t vid = data[0] >> 4 & 3;
	size_t used = 2;

	if (size < 2)
		return size;
	switch (data[0] & 3) {
	case TIME:
		state->now += data[1] * 100;
		break;
	case PORT:
		change_port(state, port, data[1]);
		break;
	default:
		used += data[1] < size - used ? data[1] : size - used;
		receive(state, port, vid, data + 2, used - 2, (data[0] & 3) == FRAME_SUMMED);
	}
	check(membership_tick(state->m, state->now) > state->now);
	membership_each_member(state->m, state->now, count, &n_members);
	check(n_members <= PORTS * PORT_LIMIT);
	membership_each_domain(state->m, state->now, ignore, NULL);
	return used;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct membership_config config = {
		.querier = size % 2 == 1,
		.interval = 10000,
		.response = 1000,
		.last_response = 500,
		.robustness = 2,
		.group_limit = GROUP_LIMIT,
		.mac = { 2 },
	};
	struct state *state = calloc(1, sizeof(*state));

	check(state != NULL);
	state->now = 1000;
	state->m = membership_create(&config, &ops, state, 1);
	check(state->m != NULL);
	for (uint16_t i = 0; i < PORTS; i++) {
		const struct membership_port_config port = { .id = i, .group_limit = PORT_LIMIT };

		state->ports[i] = membership_port_add(state->m, &port);
		check(state->ports[i] != NULL);
		membership_port_open(state->ports[i], true, state->now);
	}
	while (size > 0) {
		size_t used = step(state, data, size);

		data += used;
		size -= used;
	}
	membership_destroy(state->m);
	for (unsigned int i = 0; i < ENTRIES; i++)
		check(!state->entries[i].used);
	free(state);
	return 0;
}
