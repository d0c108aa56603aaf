/* SPDX-License-Identifier: BSD-3-Clause */
/* Where multicast goes on a bridge that snoops, and what the control thread gets and sends. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_port.h"
#include "group.h"
#include "mcast_frames.h"
#include "punt.h"

#define N_GROUPS 300

static struct fake_port *ports[4];

static int
setup(void **state)
{
	struct fake_switch *sw = calloc(1, sizeof(*sw));

	*state = sw;
	if (fake_switch_setup(sw) != 0)
		return -1;
	for (uint16_t i = 0; i < 4; i++)
		ports[i] = fake_port_add(sw, i, 0);
	sw->bridge->snooping = true;
	return 0;
}

static int
teardown(void **state)
{
	fake_assert_balance(*state);
	fake_switch_teardown(*state);
	free(*state);
	return 0;
}

static uint64_t
key_of(const uint8_t *mac, uint16_t vid)
{
	uint64_t word = 0;

	memcpy(&word, mac, 6);
	return fdb_key(word, vid);
}

static void
set(struct fake_switch *sw, uint64_t key, uint16_t port)
{
	assert_int_equal(group_set(sw->bridge, sw->rcu, key, &port, 1), 0);
}

/* Send a frame by port 0 and say who got it: a bit for each port. */
static unsigned int
push(struct fake_switch *sw, const uint8_t *frame, uint32_t len, uint16_t vid)
{
	struct rte_mbuf *pkt = rte_pktmbuf_alloc(sw->pool);
	uint32_t tag_len = vid != 0 ? 4 : 0;
	uint8_t *data = (uint8_t *)rte_pktmbuf_append(pkt, len + tag_len);
	unsigned int got = 0;

	memcpy(data, frame, 12);
	if (vid != 0) {
		mcast_frames_put16(data + 12, 0x8100);
		mcast_frames_put16(data + 14, vid);
	}
	memcpy(data + 12 + tag_len, frame + 12, len - 12);
	fake_send(sw, ports[0], pkt);
	fake_run(sw);
	for (unsigned int i = 0; i < 4; i++) {
		while ((pkt = fake_take(ports[i])) != NULL) {
			assert_int_equal(got & 1 << i, 0);
			got |= 1 << i;
			rte_pktmbuf_free(pkt);
		}
	}
	return got;
}

static unsigned int
send_ipv4(struct fake_switch *sw, const char *dst, uint16_t vid)
{
	uint8_t frame[MCAST_FRAME_MAX] = { 0 };

	return push(sw, frame, mcast_frames_ipv4(frame, "10.0.0.1", dst, 17, 30), vid);
}

static unsigned int
send_ipv6(struct fake_switch *sw, const char *dst)
{
	uint8_t frame[MCAST_FRAME_MAX] = { 0 };
	uint32_t len = mcast_frames_icmpv6(frame, "fe80::1", dst, 30);

	frame[20] = 17; /* UDP, as far as this goes */
	return push(sw, frame, len, 0);
}

static void
test_lists(void **state)
{
	static const uint8_t group[6] = { 0x01, 0x00, 0x5e, 0x01, 0x02, 0x03 };
	static const uint8_t group6[6] = { 0x33, 0x33, 0, 0, 0x12, 0x34 };
	struct fake_switch *sw = *state;

	/* no querier: flood */
	assert_int_equal(send_ipv4(sw, "239.1.2.3", 0), 0xe);
	set(sw, key_of(group, 0), 1);
	set(sw, key_of(group6, 0), 2);
	assert_int_equal(send_ipv4(sw, "239.1.2.3", 0), 0x2);
	assert_int_equal(send_ipv4(sw, "239.1.2.3", 9), 0xe); /* another VLAN */
	assert_int_equal(send_ipv4(sw, "239.9.9.9", 0), 0xe);
	assert_int_equal(send_ipv6(sw, "ff05::1234"), 0x4);
	/* a querier: the unknown go to the routers */
	set(sw, fdb_key(GROUP_OTHER_IPV4, 0), 3);
	assert_int_equal(send_ipv4(sw, "239.9.9.9", 0), 0x8);
	assert_int_equal(send_ipv4(sw, "239.1.2.3", 0), 0x2);
	assert_int_equal(send_ipv4(sw, "239.9.9.9", 9), 0xe);
	assert_int_equal(send_ipv6(sw, "ff05::9999"), 0xe);
	set(sw, fdb_key(GROUP_OTHER_IPV6, 0), 0);
	assert_int_equal(send_ipv6(sw, "ff05::9999"), 0);
	assert_int_equal(fake_drops(sw, ports[0], DROP_NO_DESTINATION), 1);
	/* a member that sends hears nothing of its own */
	set(sw, key_of(group, 0), 0);
	assert_int_equal(send_ipv4(sw, "239.1.2.3", 0), 0);
	group_unset(sw->bridge, sw->rcu, key_of(group, 0));
	assert_int_equal(send_ipv4(sw, "239.1.2.3", 0), 0x8);
	/* not asked any more */
	sw->bridge->snooping = false;
	assert_int_equal(send_ipv6(sw, "ff05::1234"), 0xe);
}

/* What is flooded though its MAC has members, or there is a querier. */
static void
test_always_flooded(void **state)
{
	static const uint8_t same_as_mdns[6] = { 0x01, 0x00, 0x5e, 0, 0, 0xfb };
	static const uint8_t same_as_mdns6[6] = { 0x33, 0x33, 0, 0, 0, 0xfb };
	struct fake_switch *sw = *state;
	uint8_t frame[MCAST_FRAME_MAX] = { 0 };
	uint32_t len;

	set(sw, fdb_key(GROUP_OTHER_IPV4, 0), 3);
	set(sw, fdb_key(GROUP_OTHER_IPV6, 0), 3);
	set(sw, key_of(same_as_mdns, 0), 1);
	set(sw, key_of(same_as_mdns6, 0), 1);
	assert_int_equal(send_ipv4(sw, "224.0.0.251", 0), 0xe);
	assert_int_equal(send_ipv4(sw, "239.0.0.251", 0), 0x2); /* the same MAC */
	assert_int_equal(send_ipv6(sw, "ff02::fb"), 0xe);
	assert_int_equal(send_ipv6(sw, "ff05::fb"), 0x2);
	assert_int_equal(send_ipv6(sw, "ff02::1"), 0xe);
	assert_int_equal(send_ipv6(sw, "ff02::1:ff00:1234"), 0xe);
	assert_int_equal(send_ipv6(sw, "ff11::1234"), 0xe);
	/* not IP, or cut: by no rule of ours */
	len = mcast_frames_ipv4(frame, "10.0.0.1", "239.1.1.1", 17, 30);
	mcast_frames_put16(frame + 12, 0x88b5);
	assert_int_equal(push(sw, frame, len, 0), 0xe);
	mcast_frames_put16(frame + 12, 0x0800);
	for (uint32_t cut = 14; cut < 34; cut++)
		assert_int_equal(push(sw, frame, cut, 0), 0xe);
	assert_int_equal(push(sw, frame, 34, 0), 0x8);
	/* a tag in the VLAN's own */
	memmove(frame + 16, frame + 12, len - 12);
	mcast_frames_put16(frame + 12, 0x8100);
	mcast_frames_put16(frame + 14, 5);
	assert_int_equal(push(sw, frame, len + 4, 9), 0xe);
	/* a cluster's unicast address behind a group's MAC: to its nodes, or to all */
	len = mcast_frames_ipv4(frame, "10.0.0.1", "239.1.1.1", 17, 30);
	inet_pton(AF_INET, "10.0.0.99", frame + 30);
	assert_int_equal(push(sw, frame, len, 0), 0xe);
	set(sw, key_of(frame, 0), 2);
	assert_int_equal(push(sw, frame, len, 0), 0x4);
	/* broadcast */
	memset(frame, 0xff, 6);
	assert_int_equal(push(sw, frame, len, 0), 0xe);
}

static void
test_punted(void **state)
{
	struct fake_switch *sw = *state;
	uint8_t frame[MCAST_FRAME_MAX];
	struct punt punt;

	assert_int_equal(
		push(sw, frame, mcast_frames_igmp(frame, "10.0.0.1", 0x16, 0, "239.1.1.1"), 9), 0);
	assert_int_equal(punts_take(sw->worker, &punt, 1), 1);
	assert_int_equal(punt.kind, PUNT_MEMBERSHIP);
	assert_int_equal(punt.vid, 9);
	/* as if it had been looked at: to a router, and to all */
	rte_pktmbuf_refcnt_update(punt.pkt, 1);
	assert_int_equal(worker_pass(sw->worker, &ports[0]->port, &ports[2]->port, punt.pkt), 0);
	fake_run(sw);
	assert_int_equal(ports[1]->n_out + ports[3]->n_out, 0);
	rte_pktmbuf_free(fake_take(ports[2]));
	assert_int_equal(worker_pass(sw->worker, &ports[0]->port, NULL, punt.pkt), 0);
	fake_run(sw);
	for (int i = 1; i < 4; i++) {
		assert_int_equal(ports[i]->n_out, 1);
		rte_pktmbuf_free(fake_take(ports[i]));
	}
	assert_int_equal(ports[0]->n_out, 0);
	/* of MLD, each type; other ICMPv6 is not touched */
	for (unsigned int type = 128; type < 160; type++) {
		bool wanted =
			(type >= 130 && type <= 132) || type == 143 || (type >= 151 && type <= 153);

		memset(frame, 0, sizeof(frame));
		frame[62] = type;
		push(sw, frame, mcast_frames_icmpv6(frame, "fe80::1", "ff05::1", 24), 0);
		assert_int_equal(punts_take(sw->worker, &punt, 1), wanted);
		if (wanted)
			rte_pktmbuf_free(punt.pkt);
	}
	sw->bridge->snooping = false;
	assert_int_equal(
		push(sw, frame, mcast_frames_igmp(frame, "10.0.0.1", 0x16, 0, "239.1.1.1"), 0),
		0xe);
}

/* A frame of the switch's own wears the tag that each port wants. */
static void
test_own(void **state)
{
	struct fake_switch *sw = *state;
	struct fake_port *ten = fake_port_add(sw, 10, 10), *twenty = fake_port_add(sw, 20, 20);
	struct rte_mbuf *pkt;
	const uint8_t *frame;

	port_state_set(&ports[3]->port, true, PORT_BLOCKED);
	assert_int_equal(
		worker_send_vlan(sw->worker, &twenty->port,
				 fake_frame(sw, "01:00:5e:00:00:01", "02:00:00:00:00:01", 0, 64),
				 10, true),
		0);
	fake_run(sw);
	pkt = fake_take(ten);
	assert_non_null(pkt);
	assert_int_equal(pkt->pkt_len, 64);
	rte_pktmbuf_free(pkt);
	assert_int_equal(twenty->n_out + ports[3]->n_out, 0);
	for (int i = 0; i < 3; i++) {
		pkt = fake_take(ports[i]);
		assert_non_null(pkt);
		frame = rte_pktmbuf_mtod(pkt, const uint8_t *);
		assert_int_equal(pkt->pkt_len, 68);
		assert_memory_equal(frame + 12, "\x81\x00\x00\x0a", 4);
		rte_pktmbuf_free(pkt);
	}
	assert_int_equal(
		worker_send_vlan(sw->worker, &ports[1]->port,
				 fake_frame(sw, "01:00:5e:00:00:01", "02:00:00:00:00:01", 0, 64),
				 10, false),
		0);
	fake_run(sw);
	assert_int_equal(ports[0]->n_out + ports[2]->n_out + ten->n_out, 0);
	rte_pktmbuf_free(fake_take(ports[1]));
}

/* Many groups beside many stations: neither takes the other's place, nor do they age or flush. */
static void
test_many(void **state)
{
	struct fake_switch *sw = *state;
	struct fdb *fdb = sw->bridge->fdb;
	uint32_t cursor = 0, n = 0;
	uint64_t key;

	fdb_set_limit(fdb, 100);
	for (uint32_t i = 0; i < N_GROUPS; i++)
		set(sw, fdb_key(UINT64_C(0x5e0001) | (uint64_t)(i + 1) << 32, 0), i % 4);
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(fdb_set(fdb, fdb_key(2 | (uint64_t)i << 16, 0), 1, 0, 1), 0);
	assert_int_equal(fdb_set(fdb, fdb_key(2 | UINT64_C(999) << 16, 0), 1, 0, 1), -ENOSPC);
	assert_int_equal(fdb_count(fdb), 100);
	while (fdb_next(fdb, &cursor, &key) != NULL)
		n++;
	assert_int_equal(n, 100);
	fdb_flush(fdb, 1, true);
	fdb_flush(fdb, FDB_DEST_NONE, true);
	fdb_age(fdb, 1, 1000);
	assert_int_equal(fdb_count(fdb), 0);
	assert_int_equal(sw->bridge->n_groups, N_GROUPS);
	assert_int_equal(send_ipv4(sw, "239.0.2.0", 0), 0x2);
	for (uint32_t i = 0; i < N_GROUPS; i += 2)
		group_unset(sw->bridge, sw->rcu,
			    fdb_key(UINT64_C(0x5e0001) | (uint64_t)(i + 1) << 32, 0));
	for (uint32_t i = 0; i < N_GROUPS; i += 2)
		set(sw, fdb_key(UINT64_C(0x5e0001) | (uint64_t)(i + 1) << 32, 0), 2);
	assert_int_equal(send_ipv4(sw, "239.0.1.0", 0), 0x4);
	for (uint32_t i = 0; i < N_GROUPS; i++)
		group_unset(sw->bridge, sw->rcu,
			    fdb_key(UINT64_C(0x5e0001) | (uint64_t)(i + 1) << 32, 0));
	assert_int_equal(sw->bridge->n_groups, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_lists, setup, teardown),
		cmocka_unit_test_setup_teardown(test_always_flooded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_punted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_own, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
	};

	fake_eal_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
