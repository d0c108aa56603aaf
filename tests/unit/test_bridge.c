/* SPDX-License-Identifier: BSD-3-Clause */
/* Push a burst in, collect what comes out: learning, forwarding, flooding, VLANs, drops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rte_ether.h>
#include <rte_ring.h>

#include "fake_port.h"
#include "offload.h"

#define BROADCAST "ff:ff:ff:ff:ff:ff"
#define MAC_A "02:00:00:00:00:0a"
#define MAC_B "02:00:00:00:00:0b"
#define MAC_C "02:00:00:00:00:0c"
#define N_MANY 30 /* ports of test_many_ports */

static int
setup(void **state)
{
	struct fake_switch *sw = calloc(1, sizeof(*sw));

	*state = sw;
	return fake_switch_setup(sw);
}

static int
teardown(void **state)
{
	fake_assert_balance(*state);
	fake_switch_teardown(*state);
	free(*state);
	return 0;
}

static void
send(struct fake_switch *sw, struct fake_port *in, const char *dst, const char *src, uint16_t vid)
{
	fake_send(sw, in, fake_frame(sw, dst, src, vid, 64));
	fake_run(sw);
}

/* Take one packet that must be there, and check the tag it wears (0: none) and its payload. */
static void
expect(struct fake_port *out, uint16_t vid)
{
	struct rte_mbuf *pkt = fake_take(out);
	const uint8_t *frame;

	assert_non_null(pkt);
	frame = rte_pktmbuf_mtod(pkt, const uint8_t *);
	if (vid == 0) {
		assert_memory_equal(frame + 12, "\x08\x00", 2);
	} else {
		assert_memory_equal(frame + 12, "\x81\x00", 2);
		assert_int_equal((frame[14] << 8 | frame[15]) & 0xfff, vid);
	}
	assert_int_equal(frame[pkt->pkt_len - 1], 63);
	rte_pktmbuf_free(pkt);
}

static void
test_learn_and_forward(void **state)
{
	struct fake_switch *sw = *state;
	struct fake_port *a = fake_port_add(sw, 1, 0), *b = fake_port_add(sw, 2, 0);
	struct fake_port *c = fake_port_add(sw, 3, 0);

	send(sw, a, MAC_B, MAC_A, 0); /* unknown: flooded */
	assert_int_equal(a->n_out, 0);
	expect(b, 0);
	expect(c, 0);
	send(sw, b, MAC_A, MAC_B, 0); /* A is known */
	expect(a, 0);
	assert_int_equal(c->n_out, 0);
	send(sw, a, MAC_B, MAC_A, 0);
	expect(b, 0);
	assert_int_equal(c->n_out, 0);
	/* A moves to c: frames follow it */
	send(sw, c, MAC_B, MAC_A, 0);
	expect(b, 0);
	send(sw, b, MAC_A, MAC_B, 0);
	expect(c, 0);
	assert_int_equal(a->n_out, 0);
	/* a frame whose destination is behind its own port goes nowhere */
	send(sw, c, MAC_A, MAC_C, 0);
	assert_int_equal(fake_drops(sw, c, DROP_SAME_PORT), 1);
}

static void
test_flood(void **state)
{
	struct fake_switch *sw = *state;
	struct fake_port *a = fake_port_add(sw, 1, 0), *b = fake_port_add(sw, 2, 0);
	struct fake_port *c = fake_port_add(sw, 3, 0), *down = fake_port_add(sw, 4, 0);

	port_state_set(&down->port, false, PORT_FORWARDING);
	send(sw, a, BROADCAST, MAC_A, 0);
	send(sw, a, "01:00:5e:00:00:01", MAC_A, 0);
	assert_int_equal(b->n_out, 2);
	assert_int_equal(c->n_out, 2);
	assert_int_equal(a->n_out + down->n_out, 0);
	assert_int_equal(sw->worker->stats[1].copies, 2);
	fake_port_del(sw, b);
	fake_port_del(sw, c);
	send(sw, a, BROADCAST, MAC_A, 0);
	assert_int_equal(fake_drops(sw, a, DROP_NO_DESTINATION), 1);
}

/* Out again where it came in: broadcasts, what is unknown, and what is behind that port. */
static void
test_hairpin(void **state)
{
	struct fake_switch *sw = *state;
	struct fake_port *a = fake_port_add(sw, 1, 0), *b = fake_port_add(sw, 2, 0);

	a->port.hairpin = true;
	send(sw, a, BROADCAST, MAC_A, 0);
	send(sw, a, MAC_C, MAC_A, 0);
	for (int i = 0; i < 2; i++) {
		expect(a, 0);
		expect(b, 0);
	}
	send(sw, a, BROADCAST, MAC_C, 0);
	expect(a, 0);
	expect(b, 0);
	send(sw, a, MAC_C, MAC_A, 0);
	expect(a, 0);
	assert_int_equal(b->n_out, 0);
	/* the other port has none */
	send(sw, b, BROADCAST, MAC_B, 0);
	expect(a, 0);
	assert_int_equal(b->n_out, 0);
	/* nor has one that does not forward, or that reaches none of its kind */
	port_state_set(&a->port, true, PORT_BLOCKED);
	send(sw, a, MAC_C, MAC_A, 0);
	assert_int_equal(fake_drops(sw, a, DROP_BLOCKED), 1);
	port_state_set(&a->port, true, PORT_FORWARDING);
	a->port.isolated = 1;
	send(sw, a, MAC_C, MAC_A, 0);
	assert_int_equal(fake_drops(sw, a, DROP_SAME_PORT), 1);
	send(sw, a, BROADCAST, MAC_A, 0);
	expect(b, 0);
	assert_int_equal(a->n_out, 0);
}

static void
test_refused(void **state)
{
	struct fake_switch *sw = *state;
	struct fake_port *a = fake_port_add(sw, 1, 0), *b = fake_port_add(sw, 2, 0);

	for (int i = 0; i < 16; i++) {
		char mac[18];

		snprintf(mac, sizeof(mac), "01:80:c2:00:00:%02x", i);
		send(sw, a, mac, MAC_A, 0);
	}
	assert_int_equal(fake_drops(sw, a, DROP_RESERVED_MAC), 16);
	send(sw, a, "01:80:c2:00:00:10", MAC_A, 0); /* the first that is not reserved */
	expect(b, 0);
	send(sw, a, MAC_B, "03:00:00:00:00:01", 0);
	send(sw, a, MAC_B, "00:00:00:00:00:00", 0);
	assert_int_equal(fake_drops(sw, a, DROP_BAD_SOURCE), 2);
	for (uint32_t len = 1; len < 14; len++)
		fake_send(sw, a, fake_frame(sw, MAC_B, MAC_A, 0, len));
	fake_run(sw);
	assert_int_equal(b->n_out, 0);
	assert_int_equal(fake_drops(sw, a, DROP_BAD_FRAME) + fake_drops(sw, a, DROP_BAD_SOURCE),
			 15);
	a->port.bridge = NULL;
	send(sw, a, MAC_B, MAC_A, 0);
	assert_int_equal(fake_drops(sw, a, DROP_NO_BRIDGE), 1);
}

static void
test_access_vlan(void **state)
{
	struct fake_switch *sw = *state;
	struct fake_port *trunk = fake_port_add(sw, 1, 0), *ten = fake_port_add(sw, 2, 10);
	struct fake_port *also_ten = fake_port_add(sw, 3, 10), *twenty = fake_port_add(sw, 4, 20);

	send(sw, ten, BROADCAST, MAC_A, 0); /* tagged on the trunk, untagged in its VLAN only */
	expect(trunk, 10);
	expect(also_ten, 0);
	assert_int_equal(twenty->n_out, 0);
	send(sw, trunk, MAC_A, MAC_B, 10); /* learnt in VLAN 10: untagged to its port */
	expect(ten, 0);
	assert_int_equal(also_ten->n_out, 0);
	send(sw, trunk, MAC_A, MAC_B, 20); /* the same MAC is unknown in VLAN 20 */
	expect(twenty, 0);
	assert_int_equal(ten->n_out, 0);
	send(sw, trunk, MAC_C, MAC_B, 0); /* untagged is a network of its own: nobody is in it */
	assert_int_equal(ten->n_out + also_ten->n_out + twenty->n_out, 0);
	send(sw, ten, BROADCAST, MAC_A, 20); /* an access port takes no tagged frames */
	send(sw, trunk, BROADCAST, MAC_A, 4095);
	assert_int_equal(fake_drops(sw, ten, DROP_VLAN_MISMATCH), 1);
	assert_int_equal(fake_drops(sw, trunk, DROP_VLAN_MISMATCH), 1);
	assert_int_equal(trunk->n_out, 0);
}

static void
test_trunks_pass_tags(void **state)
{
	struct fake_switch *sw = *state;
	struct fake_port *a = fake_port_add(sw, 1, 0), *b = fake_port_add(sw, 2, 0);

	send(sw, a, BROADCAST, MAC_A, 7);
	expect(b, 7);
	send(sw, b, MAC_A, MAC_B, 7);
	expect(a, 7);
}

static void
test_mtu(void **state)
{
	struct fake_switch *sw = *state;
	struct fake_port *a = fake_port_add(sw, 1, 0), *b = fake_port_add(sw, 2, 0);
	struct rte_mbuf *pkt;

	fake_send(sw, a, fake_frame(sw, MAC_B, MAC_A, 0, 1514));
	fake_send(sw, a, fake_frame(sw, MAC_B, MAC_A, 5, 1518)); /* a tag is not payload */
	fake_send(sw, a, fake_frame(sw, MAC_B, MAC_A, 0, 1515));
	fake_send(sw, a, fake_frame(sw, MAC_B, MAC_A, 5, 1519));
	fake_run(sw);
	assert_int_equal(b->n_out, 2);
	assert_int_equal(fake_drops(sw, b, DROP_MTU_EXCEEDED), 2);
	while ((pkt = fake_take(b)) != NULL)
		rte_pktmbuf_free(pkt);
}

static void
test_full_and_gone(void **state)
{
	struct fake_switch *sw = *state;
	struct fake_port *a = fake_port_add(sw, 1, 0), *b = fake_port_add(sw, 2, 0);

	send(sw, b, BROADCAST, MAC_B, 0);
	rte_pktmbuf_free(fake_take(a));
	b->room = 10;
	for (int i = 0; i < 100; i++)
		fake_send(sw, a, fake_frame(sw, MAC_B, MAC_A, 0, 64));
	fake_run(sw);
	assert_int_equal(b->n_out, 10);
	assert_int_equal(fake_drops(sw, b, DROP_TX_FULL), 90);
	assert_int_equal(sw->worker->stats[2].tx_packets, 10);
	assert_int_equal(sw->worker->stats[2].tx_bytes, 640);
	port_state_set(&b->port, false, PORT_FORWARDING);
	send(sw, a, MAC_B, MAC_A, 0);
	assert_int_equal(fake_drops(sw, b, DROP_PORT_DOWN), 1);
}

/* A burst of the largest size to many ports: batches fill up and are sent in between. */
static void
test_many_ports(void **state)
{
	struct fake_switch *sw = *state;
	struct fake_port *ports[N_MANY];

	for (int i = 0; i < N_MANY; i++)
		ports[i] = fake_port_add(sw, i, i % 2 ? 10 : 0);
	for (int i = 0; i < 3 * PORT_BURST_MAX; i++)
		fake_send(sw, ports[1], fake_frame(sw, BROADCAST, MAC_A, 0, 64));
	fake_run(sw);
	for (int i = 0; i < N_MANY; i++) {
		struct rte_mbuf *pkt = ports[i]->n_out > 0 ? ports[i]->out[0] : NULL;

		assert_int_equal(ports[i]->n_out, i == 1 ? 0 : 3 * PORT_BURST_MAX);
		if (pkt != NULL)
			assert_int_equal(pkt->pkt_len, i % 2 ? 64 : 68);
		while ((pkt = fake_take(ports[i])) != NULL)
			rte_pktmbuf_free(pkt);
	}
}

static void
test_reported_once(void **state)
{
	struct fake_switch *sw = *state;
	struct fake_port *a = fake_port_add(sw, 1, 0);

	/* under chance's seeds the two share a place in the worker's cache once in a while */
	sw->bridge->table->seed[0] = 1;
	sw->bridge->table->seed[1] = FDB_HASH_MIX;
	fdb_set_limit(sw->bridge->fdb, 1);
	fdb_set(sw->bridge->fdb, fdb_key(0x0f0f0f0f0f0eULL, 0), 9, 0, sw->worker->now);
	/* a source that is never taken up is reported once a second, not once a packet */
	for (int i = 0; i < 1000; i++)
		fake_send(sw, a, fake_frame(sw, MAC_B, i % 2 ? MAC_A : MAC_C, 0, 64));
	while (worker_turn(sw->worker) > 0)
		assert_true(rte_ring_count(sw->worker->events) <= 4);
	assert_int_equal(sw->worker->stats[1].learn_lost, 0);
}

/* A port that makes up MACs takes no other port's chance to be learnt. */
static void
test_report_budget(void **state)
{
	struct fake_switch *sw = *state;
	struct fake_port *a = fake_port_add(sw, 1, 0), *b = fake_port_add(sw, 2, 0);
	struct rte_mbuf *pkt;
	char mac[18];

	for (int i = 0; i < 3000; i++) {
		snprintf(mac, sizeof(mac), "02:01:00:00:%02x:%02x", i >> 8, i & 0xff);
		fake_send(sw, a, fake_frame(sw, MAC_C, mac, 0, 64));
	}
	port_state_set(&b->port, false, PORT_FORWARDING);
	while (worker_turn(sw->worker) > 0)
		;
	assert_true(sw->worker->stats[1].learn_lost > 0);
	port_state_set(&b->port, true, PORT_FORWARDING);
	fake_send(sw, b, fake_frame(sw, MAC_C, MAC_B, 0, 64));
	while (worker_turn(sw->worker) > 0)
		;
	assert_int_equal(sw->worker->stats[2].learn_lost, 0);
	fake_run(sw);
	send(sw, a, MAC_B, MAC_A, 0);
	expect(b, 0);
	while ((pkt = fake_take(a)) != NULL)
		rte_pktmbuf_free(pkt);
}

/* A checksum left blank is completed where a frame is tagged and the port can't carry both. */
static void
test_blank_behind_a_tag(void **state)
{
	struct fake_switch *sw = *state;
	struct fake_port *access = fake_port_add(sw, 1, 10), *trunk = fake_port_add(sw, 2, 0);

	trunk->port.caps = PORT_CAP_CSUM_IPV4;
	for (int tagged = 0; tagged < 2; tagged++) {
		struct rte_mbuf *pkt = fake_frame(sw, BROADCAST, MAC_A, 0, 64);
		uint8_t *ip = rte_pktmbuf_mtod_offset(pkt, uint8_t *, 14);

		memset(ip, 0, 50);
		memcpy(ip, "\x45\0\0\x32\0\0\0\0\x40\x11", 10); /* UDP, 50 bytes */
		ip[25] = 30;
		assert_int_equal(offload_describe(pkt), 0);
		if (tagged)
			trunk->port.caps |= PORT_CAP_TAGGED;
		fake_send(sw, access, pkt);
		fake_run(sw);
		pkt = fake_take(trunk);
		assert_non_null(pkt);
		assert_int_equal(pkt->l2_len, 18);
		assert_int_equal((pkt->ol_flags & OFFLOAD_BLANK_MASK) != 0, tagged);
		rte_pktmbuf_free(pkt);
	}
}

/* A flood list from before a port moved to another bridge must not lead there. */
static void
test_flood_keeps_to_its_bridge(void **state)
{
	struct fake_switch *sw = *state;
	struct fake_port *a = fake_port_add(sw, 1, 0), *b = fake_port_add(sw, 2, 0);
	struct fake_port *moved = fake_port_add(sw, 3, 0);
	struct bridge *other = bridge_create(2, sw->rcu, FDB_LIMIT_DEFAULT);

	moved->port.bridge = other;
	send(sw, a, BROADCAST, MAC_A, 0);
	expect(b, 0);
	assert_int_equal(moved->n_out, 0);
	bridge_destroy(other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_learn_and_forward, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flood, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hairpin, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_access_vlan, setup, teardown),
		cmocka_unit_test_setup_teardown(test_trunks_pass_tags, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mtu, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_and_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_ports, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reported_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_report_budget, setup, teardown),
		cmocka_unit_test_setup_teardown(test_blank_behind_a_tag, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flood_keeps_to_its_bridge, setup, teardown),
	};

	fake_eal_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
