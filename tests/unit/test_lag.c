/* SPDX-License-Identifier: BSD-3-Clause */
/* A bond as workers see it: hashing, admission, what comes back, and the balance of packets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rte_ether.h>

#include "fake_port.h"
#include "fdb.h"
#include "l4_frame.h"
#include "lag.h"
#include "punt.h"

#define BROADCAST "ff:ff:ff:ff:ff:ff"
#define SLOW_PROTOCOLS "01:80:c2:00:00:02"
#define BPDU_MAC "01:80:c2:00:00:00"
#define MAC_A "02:00:00:00:00:0a"
#define MAC_X "02:00:00:00:00:18"
#define MAC_FAR "06:00:00:00:00:01"
#define BOND_ID 10

/* A bond of two members, and a port beside it. */
struct bed {
	struct fake_switch sw;
	struct fake_port *members[2];
	struct fake_port *bond;
	struct fake_port *other;
	struct lag *lag;
	struct lag_member *demuxes[2];
};

static const struct port_type lag_type = {
	.name = "bond",
	.wait = PORT_WAIT_NONE,
	.takes_pending = true,
	.rx_burst = lag_rx_burst,
	.tx_burst = lag_tx_burst,
};

static int
setup(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));
	struct fake_switch *sw = &bed->sw;

	*state = bed;
	fake_switch_setup(sw);
	bed->bond = fake_port_add(sw, BOND_ID, 0);
	bed->other = fake_port_add(sw, 3, 0);
	bed->lag = lag_create(&bed->bond->port, 1);
	assert_non_null(bed->lag);
	bed->bond->port.type = &lag_type;
	bed->bond->port.priv = bed->lag;
	bed->bond->port.echo = &bed->lag->echo;
	for (uint8_t i = 0; i < 2; i++) {
		bed->members[i] = fake_port_add(sw, i + 1, 0);
		bed->members[i]->port.bridge = NULL;
		bed->members[i]->port.mac[0] = 2;
		bed->members[i]->port.mac[5] = 0xe0 + i;
		bed->demuxes[i] = lag_member_create(bed->lag, i);
		bed->members[i]->port.demux = &bed->demuxes[i]->demux;
		bed->lag->table->ports[i] = i + 1;
	}
	bed->lag->table->collecting = 3;
	bed->lag->table->hash = LAG_HASH_L2;
	for (uint32_t b = 0; b < LAG_BUCKETS; b++)
		bed->lag->table->slots[b] = b % 2;
	return 0;
}

static int
teardown(void **state)
{
	struct bed *bed = *state;

	fake_assert_balance(&bed->sw);
	bed->bond->port.priv = bed->bond;
	fake_switch_teardown(&bed->sw);
	lag_destroy(bed->lag);
	free(bed->demuxes[0]);
	free(bed->demuxes[1]);
	free(bed);
	return 0;
}

static void
send(struct bed *bed, struct fake_port *in, const char *dst, const char *src, uint16_t vid)
{
	fake_send(&bed->sw, in, fake_frame(&bed->sw, dst, src, vid, 64));
	fake_run(&bed->sw);
}

/* How many came out; they are gone. */
static unsigned int
count(struct fake_port *fake)
{
	struct rte_mbuf *pkt;
	unsigned int n = 0;

	for (; (pkt = fake_take(fake)) != NULL; n++)
		rte_pktmbuf_free(pkt);
	return n;
}

static const char *
mac_text(char text[18], uint32_t number)
{
	snprintf(text, 18, "02:00:00:00:%02x:%02x", number >> 8 & 0xff, number & 0xff);
	return text;
}

static uint64_t
mac_word(const char *text)
{
	struct rte_ether_addr mac;
	uint64_t word = 0;

	assert_int_equal(rte_ether_unformat_addr(text, &mac), 0);
	memcpy(&word, &mac, 6);
	return word;
}

/* --- hashing --- */

static uint32_t
bucket_of_frame(struct bed *bed, const struct l4_frame *frame)
{
	struct rte_mbuf *pkt = l4_frame_mbuf(frame, bed->sw.pool, frame->len, frame->len);
	uint32_t bucket = lag_bucket(bed->lag, LAG_HASH_L34, pkt);

	rte_pktmbuf_free(pkt);
	assert_in_range(bucket, 0, LAG_BUCKETS - 1);
	return bucket;
}

/* Flows differ by their ports, tags or not; fragments of a flow do not. */
static void
test_hash_l34(void **state)
{
	static struct l4_frame frame;
	struct bed *bed = *state;

	for (int tags = 0; tags <= 2; tags++)
		for (int ipv6 = 0; ipv6 <= 1; ipv6++)
			for (int udp = 0; udp <= 1; udp++) {
				bool seen[LAG_BUCKETS] = { false };
				unsigned int n = 0;

				frame = (struct l4_frame){
					.tags = tags, .ipv6 = ipv6, .udp = udp, .payload = 40
				};
				l4_frame_build(&frame);
				for (uint32_t flow = 0; flow < 256; flow++) {
					uint32_t bucket;

					l4_frame_put(&frame, frame.l4, 1000 + flow, 2);
					bucket = bucket_of_frame(bed, &frame);
					n += !seen[bucket];
					seen[bucket] = true;
				}
				/* 256 balls into 256 bins: 162 on average, s = 6 */
				assert_in_range(n, 120, 200);
			}
	frame = (struct l4_frame){ .udp = true, .payload = 40 };
	l4_frame_build(&frame);
	for (uint32_t offset = 0; offset < 2; offset++) {
		uint32_t first, second;

		/* the first one says that more follow, the second where it belongs */
		l4_frame_put(&frame, frame.l3 + 6, offset == 0 ? 0x2000 : 0x00b9, 2);
		first = bucket_of_frame(bed, &frame);
		l4_frame_put(&frame, frame.l4, 0x1234 + offset, 2);
		second = bucket_of_frame(bed, &frame);
		assert_int_equal(first, second);
	}
}

static void
test_hash_l2_and_source(void **state)
{
	unsigned int by_mac[LAG_BUCKETS] = { 0 }, by_source[LAG_BUCKETS] = { 0 };
	struct bed *bed = *state;
	unsigned int n_mac = 0, n_source = 0;
	char text[18];

	for (uint32_t i = 0; i < 1024; i++) {
		struct rte_mbuf *pkt =
			fake_frame(&bed->sw, MAC_X, mac_text(text, i), i % 3 * 5, 64);
		uint32_t source = lag_bucket(bed->lag, LAG_HASH_SOURCE, pkt);

		n_mac += by_mac[lag_bucket(bed->lag, LAG_HASH_L2, pkt)]++ == 0;
		n_source += by_source[source]++ == 0;
		assert_int_equal(source, lag_bucket_source(mac_word(text), i % 3 * 5));
		rte_pktmbuf_free(pkt);
	}
	assert_in_range(n_mac, 230, LAG_BUCKETS);
	assert_in_range(n_source, 230, LAG_BUCKETS);
}

/* --- sending --- */

/* Members' batches are sent while the bond's is: each packet counts once, as sent by a member. */
static void
test_send(void **state)
{
	struct bed *bed = *state;
	const struct port_stats *stats = bed->sw.worker->stats;
	unsigned int one, two;
	char text[18];

	for (uint32_t i = 0; i < 1000; i++)
		fake_send(&bed->sw, bed->other,
			  fake_frame(&bed->sw, MAC_FAR, mac_text(text, i), 0, 64));
	fake_run(&bed->sw);
	one = count(bed->members[0]);
	two = count(bed->members[1]);
	assert_int_equal(one + two, 1000);
	assert_in_range(one, 300, 700);
	assert_int_equal(stats[1].tx_packets, one);
	assert_int_equal(stats[2].tx_bytes, 64 * two);
	assert_int_equal(stats[BOND_ID].tx_packets, 0);
	assert_int_equal(stats[BOND_ID].tx_bytes, 0);
	/* to one member only */
	bed->lag->table->only = 1;
	for (uint32_t i = 0; i < 100; i++)
		fake_send(&bed->sw, bed->other,
			  fake_frame(&bed->sw, MAC_FAR, mac_text(text, i), 0, 64));
	fake_run(&bed->sw);
	assert_int_equal(count(bed->members[0]), 0);
	assert_int_equal(count(bed->members[1]), 100);
}

static void
test_send_nowhere(void **state)
{
	struct bed *bed = *state;
	char text[18];

	for (uint32_t b = 0; b < LAG_BUCKETS; b += 2)
		bed->lag->table->slots[b] = LAG_NONE;
	bed->members[1]->room = 10;
	for (uint32_t i = 0; i < 200; i++)
		fake_send(&bed->sw, bed->other,
			  fake_frame(&bed->sw, MAC_FAR, mac_text(text, i), 0, 64));
	fake_run(&bed->sw);
	assert_int_equal(count(bed->members[1]), 10);
	assert_in_range(fake_drops(&bed->sw, bed->bond, DROP_PORT_DOWN), 60, 140);
	assert_int_equal(fake_drops(&bed->sw, bed->bond, DROP_PORT_DOWN) +
				 fake_drops(&bed->sw, bed->members[1], DROP_TX_FULL) + 10,
			 200);
	assert_int_equal(bed->sw.worker->stats[BOND_ID].tx_packets, 0);
}

/* --- receiving --- */

static void
test_receive(void **state)
{
	struct bed *bed = *state;

	bed->lag->table->collecting = 1 << 1;
	send(bed, bed->members[0], BROADCAST, MAC_X, 0);
	assert_int_equal(count(bed->other), 0);
	assert_int_equal(fake_drops(&bed->sw, bed->members[0], DROP_BOND_INACTIVE), 1);
	send(bed, bed->members[1], BROADCAST, MAC_X, 0);
	assert_int_equal(count(bed->other), 1);
	/* learnt behind the bond */
	send(bed, bed->other, MAC_X, MAC_A, 0);
	assert_int_equal(count(bed->members[0]) + count(bed->members[1]), 1);
	bed->members[1]->port.carrier_off = true;
	send(bed, bed->members[1], BROADCAST, MAC_X, 0);
	assert_int_equal(fake_drops(&bed->sw, bed->members[1], DROP_PORT_DOWN), 1);
}

/* The control thread hears slow protocols by each member, and other link-local frames by the bond.
 */
static void
test_punts(void **state)
{
	struct bed *bed = *state;
	struct punt punts[3];
	struct rte_mbuf *arp;

	bed->lag->table->collecting = 1 << 1;
	bed->members[0]->port.punts = PORT_PUNT_LINK_LOCAL | PORT_PUNT_ARP;
	bed->members[1]->port.punts = bed->bond->port.punts = PORT_PUNT_LINK_LOCAL;
	send(bed, bed->members[0], SLOW_PROTOCOLS, MAC_X, 0);
	send(bed, bed->members[1], BPDU_MAC, MAC_X, 0);
	arp = fake_frame(&bed->sw, "02:00:00:00:00:e0", MAC_X, 7, 64);
	memcpy(rte_pktmbuf_mtod_offset(arp, char *, 16), "\x08\x06", 2);
	fake_send(&bed->sw, bed->members[0], arp);
	fake_run(&bed->sw);
	assert_int_equal(punts_take(bed->sw.worker, punts, 3), 3);
	assert_int_equal(punts[0].port, 1);
	assert_int_equal(punts[1].port, BOND_ID);
	assert_int_equal(punts[2].port, 1);
	assert_int_equal(punts[2].kind, PUNT_ARP);
	for (int i = 0; i < 3; i++)
		rte_pktmbuf_free(punts[i].pkt);
	/* ARP to somebody else is not */
	arp = fake_frame(&bed->sw, MAC_A, MAC_X, 0, 64);
	memcpy(rte_pktmbuf_mtod_offset(arp, char *, 12), "\x08\x06", 2);
	fake_send(&bed->sw, bed->members[0], arp);
	fake_run(&bed->sw);
	assert_int_equal(fake_drops(&bed->sw, bed->members[0], DROP_BOND_INACTIVE), 1);
}

/* --- SLB --- */

static void
set_slb(struct bed *bed)
{
	bed->lag->table->by_bucket = true;
	bed->lag->table->hash = LAG_HASH_SOURCE;
	bed->lag->table->groups = 0;
	bed->lag->echo.until = UINT32_MAX;
}

static void
test_slb_admission(void **state)
{
	struct bed *bed = *state;
	const uint32_t bucket = lag_bucket_source(mac_word(MAC_A), 5);
	uint8_t *slot = &bed->lag->table->slots[bucket];

	set_slb(bed);
	send(bed, bed->other, BROADCAST, MAC_A, 5);
	count(bed->members[0]);
	count(bed->members[1]);
	for (int i = 0; i < 2; i++) {
		send(bed, bed->members[i], BROADCAST, MAC_X, 5);
		assert_int_equal(count(bed->other), i == 0);
		send(bed, bed->members[i], MAC_A, MAC_X, 5);
		assert_int_equal(count(bed->other), i == *slot);
	}
	assert_int_equal(fake_drops(&bed->sw, bed->members[0], DROP_BOND_INACTIVE) +
				 fake_drops(&bed->sw, bed->members[1], DROP_BOND_INACTIVE),
			 2);
}

/* A bucket moves: from the member before until one comes by the new one, and not back again. */
static void
test_slb_move(void **state)
{
	struct bed *bed = *state;
	const uint32_t bucket = lag_bucket_source(mac_word(MAC_A), 0);
	const uint8_t before = bed->lag->table->slots[bucket], after = 1 - before;

	set_slb(bed);
	send(bed, bed->other, BROADCAST, MAC_A, 0);
	bed->lag->table->slots[bucket] = after;
	bed->lag->table->before[bucket] = before;
	bed->lag->table->moved[bucket] = 1;
	for (int i = 0; i < 2; i++) {
		send(bed, bed->members[before], MAC_A, MAC_X, 0);
		assert_int_equal(count(bed->other), 1);
	}
	send(bed, bed->members[after], MAC_A, MAC_X, 0);
	assert_int_equal(count(bed->other), 1);
	send(bed, bed->members[before], MAC_A, MAC_X, 0);
	assert_int_equal(count(bed->other), 0);
	/* the next move begins anew */
	bed->lag->table->slots[bucket] = before;
	bed->lag->table->before[bucket] = after;
	bed->lag->table->moved[bucket] = 2;
	send(bed, bed->members[after], MAC_A, MAC_X, 0);
	assert_int_equal(count(bed->other), 1);
	count(bed->members[0]);
	count(bed->members[1]);
}

static struct rte_mbuf *
garp_frame(struct bed *bed, const char *src, uint16_t vid)
{
	struct rte_mbuf *pkt = fake_frame(&bed->sw, BROADCAST, src, vid, 64);

	/* RARP */
	memcpy(rte_pktmbuf_mtod_offset(pkt, char *, vid != 0 ? 16 : 12), "\x80\x35", 2);
	return pkt;
}

static const char *
learnt_at(struct bed *bed, const char *mac)
{
	const struct fdb_table *table = bed->sw.bridge->table;
	uint64_t key = fdb_key(mac_word(mac), 0);
	const struct fdb_entry *entry = fdb_lookup(table, key, fdb_hash(table, key));

	return entry == NULL ? "nowhere" : entry->dest == BOND_ID ? "bond" : "other";
}

/* What comes back is refused, of stations that are known and of those that are not yet. */
static void
test_slb_echo(void **state)
{
	struct bed *bed = *state;

	set_slb(bed);
	send(bed, bed->other, BROADCAST, MAC_A, 0);
	send(bed, bed->members[0], BROADCAST, MAC_A, 0);
	assert_int_equal(fake_drops(&bed->sw, bed->bond, DROP_BOND_ECHO), 1);
	assert_string_equal(learnt_at(bed, MAC_A), "other");
	fdb_flush(bed->sw.bridge->fdb, FDB_DEST_NONE, true);
	send(bed, bed->members[0], BROADCAST, MAC_A, 0);
	assert_int_equal(fake_drops(&bed->sw, bed->bond, DROP_BOND_ECHO), 2);
	assert_string_equal(learnt_at(bed, MAC_A), "nowhere");
	/* later it is somebody who is really there */
	bed->sw.worker->now += 10;
	send(bed, bed->members[0], BROADCAST, MAC_A, 0);
	assert_int_equal(count(bed->other), 1);
	assert_string_equal(learnt_at(bed, MAC_A), "bond");
	count(bed->members[0]);
	count(bed->members[1]);
}

/* A station that has moved away says so; unless it is our own announcement that comes back. */
static void
test_slb_garp(void **state)
{
	struct bed *bed = *state;

	set_slb(bed);
	fake_send(&bed->sw, bed->other, garp_frame(bed, MAC_A, 0));
	fake_run(&bed->sw);
	fake_send(&bed->sw, bed->members[0], garp_frame(bed, MAC_A, 0));
	fake_run(&bed->sw);
	assert_int_equal(fake_drops(&bed->sw, bed->bond, DROP_BOND_ECHO), 1);
	assert_string_equal(learnt_at(bed, MAC_A), "other");
	bed->sw.worker->now += 6;
	/* not by anything else, however long ago */
	send(bed, bed->members[0], BROADCAST, MAC_A, 0);
	assert_int_equal(fake_drops(&bed->sw, bed->bond, DROP_BOND_ECHO), 2);
	fake_send(&bed->sw, bed->members[0], garp_frame(bed, MAC_A, 0));
	fake_run(&bed->sw);
	assert_string_equal(learnt_at(bed, MAC_A), "bond");
	/* and without balance-slb anything says so */
	bed->lag->echo.until = 0;
	bed->lag->table->by_bucket = false;
	send(bed, bed->other, BROADCAST, MAC_A, 0);
	assert_string_equal(learnt_at(bed, MAC_A), "other");
	send(bed, bed->members[0], BROADCAST, MAC_A, 0);
	assert_string_equal(learnt_at(bed, MAC_A), "bond");
	count(bed->members[0]);
	count(bed->members[1]);
	count(bed->other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_hash_l34, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hash_l2_and_source, setup, teardown),
		cmocka_unit_test_setup_teardown(test_send, setup, teardown),
		cmocka_unit_test_setup_teardown(test_send_nowhere, setup, teardown),
		cmocka_unit_test_setup_teardown(test_receive, setup, teardown),
		cmocka_unit_test_setup_teardown(test_punts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slb_admission, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slb_move, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slb_echo, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slb_garp, setup, teardown),
	};

	fake_eal_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
