/* SPDX-License-Identifier: BSD-3-Clause */
/* VLANs of a port as ports of their own: what enters by which, in what order, and who counts it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_port.h"
#include "subport.h"

#define A "02:00:00:00:00:01"
#define BROADCAST "ff:ff:ff:ff:ff:ff"
#define PARENT 1
#define PLAIN 2  /* on the bridge, with nothing but frames of VLAN 0 of interest */
#define FAR 3    /* the same on the other bridge */
#define FIRST 10 /* the subport of VLAN 100, on the other bridge */

static const struct port_type subport_type = { .name = "vlan", .tx_burst = subport_tx_burst };

struct fixture {
	struct fake_switch sw;
	struct bridge *other;
	struct fake_port *parent, *plain, *far;
	struct subport_table table;
	struct port *subs[2];
};

static void
move(struct fixture *f, struct port *port, struct bridge *bridge)
{
	bridge_flood_remove(f->sw.bridge, f->sw.rcu, port->id);
	bridge_flood_remove(f->other, f->sw.rcu, port->id);
	bridge_flood_add(bridge, f->sw.rcu, port->id);
	port->bridge = bridge;
}

static struct port *
sub_add(struct fixture *f, uint16_t id, uint16_t vid)
{
	struct subport *subport = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*subport));
	struct port *port = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*port));

	assert_non_null(subport);
	assert_non_null(port);
	memset(subport, 0, sizeof(*subport));
	memset(port, 0, sizeof(*port));
	subport->parent = &f->parent->port;
	subport->vid = vid;
	port->type = &subport_type;
	port->priv = subport;
	port->passed = subport->passed;
	port->vlan = &vlan_default;
	port->id = id;
	port->generation = 1;
	port->n_rxq = port->n_txq = 1;
	port_state_set(port, true, PORT_FORWARDING);
	port_mtu_set(port, PORT_MTU_DEFAULT);
	f->sw.dp->ports[id] = port;
	move(f, port, f->other);
	subport_table_set(&f->table, vid, id);
	return port;
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	fake_switch_setup(&f->sw);
	f->other = bridge_create(2, f->sw.rcu, FDB_LIMIT_DEFAULT);
	assert_non_null(f->other);
	f->parent = fake_port_add(&f->sw, PARENT, 0);
	f->plain = fake_port_add(&f->sw, PLAIN, 0);
	f->far = fake_port_add(&f->sw, FAR, 0);
	move(f, &f->far->port, f->other);
	subport_table_init(&f->table);
	f->subs[0] = sub_add(f, FIRST, 100);
	f->subs[1] = sub_add(f, FIRST + 1, 200);
	f->parent->port.demux = &f->table.demux;
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	fake_assert_balance(&f->sw);
	for (unsigned int i = 0; i < 2; i++) {
		f->sw.dp->ports[f->subs[i]->id] = NULL;
		free(f->subs[i]->priv);
		free(f->subs[i]);
	}
	bridge_destroy(f->other);
	fake_switch_teardown(&f->sw);
	free(f);
	return 0;
}

/* A frame whose length tells its number. */
static struct rte_mbuf *
numbered(struct fixture *f, uint16_t vid, unsigned int number)
{
	return fake_frame(&f->sw, BROADCAST, A, vid, 100 + number);
}

static unsigned int
number_of(const struct rte_mbuf *pkt, uint32_t tags)
{
	return pkt->pkt_len - 100 - tags;
}

static const struct port_passed *
counts(const struct port *port)
{
	return &port->passed[0];
}

/* A burst of three kinds: each gets its own, in order, without the tag. */
static void
test_sorted(void **state)
{
	static const uint16_t vids[] = { 100, 0, 200, 30 };
	struct fixture *f = *state;
	struct rte_mbuf *pkt;
	unsigned int n = 0;

	move(f, f->subs[1], f->sw.bridge); /* VLAN 200 to the parent's own bridge */
	for (unsigned int i = 0; i < 60; i++)
		fake_send(&f->sw, f->parent, numbered(f, vids[i % 4], i));
	fake_run(&f->sw);
	while ((pkt = fake_take(f->far)) != NULL) {
		assert_int_equal(number_of(pkt, 0) + 4, 4 * n++);
		rte_pktmbuf_free(pkt);
	}
	assert_int_equal(n, 15);
	assert_int_equal(f->plain->n_out, 45);
	/* what is of VLAN 200 leaves untagged by the parent, whose bridge it is; the rest tagged */
	assert_int_equal(f->parent->n_out, 45);
	assert_int_equal(counts(f->subs[0])->rx_packets, 15);
	assert_int_equal(counts(f->subs[1])->rx_packets, 15);
	assert_int_equal(f->sw.worker->stats[PARENT].rx_packets, 60);
	assert_int_equal(f->sw.worker->stats[FIRST].rx_packets, 0);
}

/* More than a batch: the parent's is sent in between, and nothing is counted twice. */
static void
test_many_out(void **state)
{
	struct fixture *f = *state;
	struct rte_mbuf *pkt;
	unsigned int n = 0;

	for (unsigned int i = 0; i < 1000; i++)
		fake_send(&f->sw, f->far, numbered(f, 0, i));
	fake_run(&f->sw);
	/* each to both VLANs: every frame twice, on one wire */
	while ((pkt = fake_take(f->parent)) != NULL) {
		const uint8_t *frame = rte_pktmbuf_mtod(pkt, const uint8_t *);

		assert_int_equal(frame[12] << 8 | frame[13], 0x8100);
		n += (frame[14] << 8 | frame[15]) == 100;
		assert_true(number_of(pkt, 4) < 1000);
		rte_pktmbuf_free(pkt);
	}
	assert_int_equal(n, 1000);
	assert_int_equal(f->sw.worker->stats[PARENT].tx_packets, 2000);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(f->sw.worker->stats[FIRST + i].tx_packets, 0);
		assert_int_equal(f->sw.worker->stats[FIRST + i].tx_bytes, 0);
		assert_int_equal(counts(f->subs[i])->tx_packets, 1000);
	}
}

/* The parent's queue is full, or it has no link: counted where it happens. */
static void
test_losses(void **state)
{
	struct fixture *f = *state;
	struct rte_mbuf *pkt;

	subport_table_set(&f->table, 200, SUBPORT_NONE);
	f->sw.dp->ports[FIRST + 1] = NULL;
	f->parent->room = 50;
	for (unsigned int i = 0; i < 200; i++)
		fake_send(&f->sw, f->far, numbered(f, 0, i));
	fake_run(&f->sw);
	assert_int_equal(fake_drops(&f->sw, f->parent, DROP_TX_FULL), 150);
	assert_int_equal(f->sw.worker->stats[PARENT].tx_packets, 50);
	fake_assert_balance(&f->sw);
	while ((pkt = fake_take(f->parent)) != NULL)
		rte_pktmbuf_free(pkt);

	port_state_set(&f->parent->port, false, PORT_FORWARDING);
	fake_send(&f->sw, f->far, numbered(f, 0, 1));
	fake_run(&f->sw);
	assert_int_equal(f->sw.worker->stats[FIRST].drops[DROP_PORT_DOWN], 1);
	fake_assert_balance(&f->sw);

	/* the spanning tree of the parent's bridge says nothing about its VLANs */
	port_state_set(&f->parent->port, true, PORT_BLOCKED);
	f->parent->room = UINT32_MAX;
	fake_send(&f->sw, f->far, numbered(f, 0, 1));
	fake_send(&f->sw, f->parent, numbered(f, 100, 2));
	fake_run(&f->sw);
	assert_int_equal(f->parent->n_out, 1);
	assert_int_equal(f->far->n_out, 1);

	f->sw.dp->ports[FIRST + 1] = f->subs[1];
}

/* What looks like a tag and is none goes the parent's way; a port that is gone gets nothing. */
static void
test_odd_frames(void **state)
{
	struct fixture *f = *state;
	struct rte_mbuf *pkt = fake_frame(&f->sw, BROADCAST, A, 100, 60);

	rte_pktmbuf_trim(pkt, pkt->pkt_len - 16);
	fake_send(&f->sw, f->parent, pkt);
	fake_send(&f->sw, f->parent, fake_frame(&f->sw, BROADCAST, A, 4095, 60));
	fake_run(&f->sw);
	assert_int_equal(fake_drops(&f->sw, f->parent, DROP_VLAN_MISMATCH), 2);
	f->sw.dp->ports[FIRST] = NULL;
	fake_send(&f->sw, f->parent, fake_frame(&f->sw, BROADCAST, A, 100, 60));
	fake_run(&f->sw);
	assert_int_equal(fake_drops(&f->sw, f->parent, DROP_NO_BRIDGE), 1);
	f->sw.dp->ports[FIRST] = f->subs[0];
	/* unplugged: nothing enters, by whatever VLAN */
	f->parent->port.carrier_off = true;
	fake_send(&f->sw, f->parent, fake_frame(&f->sw, BROADCAST, A, 100, 60));
	fake_run(&f->sw);
	assert_int_equal(fake_drops(&f->sw, f->parent, DROP_PORT_DOWN), 1);
	assert_int_equal(f->far->n_out + f->plain->n_out, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sorted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_out, setup, teardown),
		cmocka_unit_test_setup_teardown(test_losses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_odd_frames, setup, teardown),
	};

	fake_eal_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
