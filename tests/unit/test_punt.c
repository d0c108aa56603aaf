/* SPDX-License-Identifier: BSD-3-Clause */
/* Port states, what the control thread takes and sends, and ports whose packets are others'. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_port.h"
#include "punt.h"
#include "vlan.h"

#define BPDU_MAC "01:80:c2:00:00:00"
#define PROBE_MAC "03:80:c2:00:00:0f"
#define BROADCAST "ff:ff:ff:ff:ff:ff"
#define MAC_A "02:00:00:00:00:0a"
#define MAC_B "02:00:00:00:00:0b"

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
send(struct fake_switch *sw, struct fake_port *in, const char *dst, const char *src)
{
	fake_send(sw, in, fake_frame(sw, dst, src, 0, 64));
	fake_run(sw);
}

static void
take_one(struct fake_port *out)
{
	struct rte_mbuf *pkt = fake_take(out);

	assert_non_null(pkt);
	rte_pktmbuf_free(pkt);
}

static void
test_blocked(void **state)
{
	struct fake_switch *sw = *state;
	struct fake_port *a = fake_port_add(sw, 1, 0), *b = fake_port_add(sw, 2, 0);
	struct fake_port *c = fake_port_add(sw, 3, 0);

	send(sw, b, BROADCAST, MAC_B);
	take_one(a);
	take_one(c);
	port_state_set(&b->port, true, PORT_BLOCKED);
	/* nothing enters, and nothing is learnt */
	send(sw, b, BROADCAST, MAC_A);
	assert_int_equal(fake_drops(sw, b, DROP_BLOCKED), 1);
	assert_int_equal(a->n_out + c->n_out, 0);
	/* nothing leaves: what is known to be there is dropped, floods pass by */
	send(sw, a, MAC_B, MAC_A);
	assert_int_equal(fake_drops(sw, b, DROP_BLOCKED), 2);
	send(sw, a, BROADCAST, MAC_A);
	take_one(c);
	assert_int_equal(b->n_out, 0);
}

static void
test_learning(void **state)
{
	struct fake_switch *sw = *state;
	struct fake_port *a = fake_port_add(sw, 1, 0), *b = fake_port_add(sw, 2, 0);
	struct fake_port *c = fake_port_add(sw, 3, 0);

	port_state_set(&b->port, true, PORT_LEARNING);
	send(sw, b, BROADCAST, MAC_B);
	assert_int_equal(fake_drops(sw, b, DROP_BLOCKED), 1);
	port_state_set(&b->port, true, PORT_FORWARDING);
	send(sw, a, MAC_B, MAC_A);
	take_one(b);
	assert_int_equal(c->n_out, 0);
}

static void
test_link_local(void **state)
{
	struct fake_switch *sw = *state;
	struct fake_port *a = fake_port_add(sw, 1, 0), *b = fake_port_add(sw, 2, 10);
	struct punt punts[2];

	send(sw, a, BPDU_MAC, MAC_A);
	assert_int_equal(fake_drops(sw, a, DROP_RESERVED_MAC), 1);
	a->port.punts = b->port.punts = PORT_PUNT_LINK_LOCAL;
	/* also on a port that is blocked, which is how it learns that it need not be */
	port_state_set(&a->port, true, PORT_BLOCKED);
	send(sw, a, BPDU_MAC, MAC_A);
	send(sw, b, "01:80:c2:00:00:02", MAC_B);
	assert_int_equal(punts_take(sw->worker, punts, 2), 2);
	assert_int_equal(punts[0].port, 1);
	assert_int_equal(punts[0].kind, PUNT_LINK_LOCAL);
	assert_int_equal(punts[0].vid, 0);
	assert_int_equal(punts[1].port, 2);
	assert_int_equal(punts[1].generation, b->port.generation);
	assert_int_equal(punts[1].vid, 10);
	assert_int_equal(punts[1].pkt->pkt_len, 64);
	rte_pktmbuf_free(punts[0].pkt);
	rte_pktmbuf_free(punts[1].pkt);
	assert_int_equal(sw->worker->stats[1].punted, 1);
}

/* A port that floods the control thread is heard in part, and others are heard all the same. */
static void
test_budget(void **state)
{
	struct fake_switch *sw = *state;
	struct fake_port *a = fake_port_add(sw, 1, 0), *b = fake_port_add(sw, 2, 0);
	uint64_t dropped;
	struct punt punt;

	a->port.punts = b->port.punts = PORT_PUNT_LINK_LOCAL;
	for (int i = 0; i < 4 * PUNT_BURST; i++)
		fake_send(sw, a, fake_frame(sw, BPDU_MAC, MAC_A, 0, 64));
	send(sw, b, BPDU_MAC, MAC_B);
	dropped = fake_drops(sw, a, DROP_PUNT);
	assert_in_range(dropped, 1, 3 * PUNT_BURST);
	assert_int_equal(sw->worker->stats[1].punted + dropped, 4 * PUNT_BURST);
	assert_int_equal(sw->worker->stats[2].punted, 1);
	while (punts_take(sw->worker, &punt, 1) == 1)
		rte_pktmbuf_free(punt.pkt);
}

static uint16_t
fill(struct worker *worker, struct rte_mbuf **pkts, uint16_t n, uint64_t *bytes)
{
	for (uint16_t i = 0; i < n; i++)
		pkts[i]->ol_flags &= ~PORT_PENDING;
	return n;
}

/* What is elsewhere yet would not be there any more when the control thread looks. */
static void
test_pending(void **state)
{
	struct fake_switch *sw = *state;
	struct fake_port *a = fake_port_add(sw, 1, 0);
	struct rte_mbuf *pkt = fake_frame(sw, BPDU_MAC, MAC_A, 0, 64);
	struct punt punted;

	sw->worker->fill = fill;
	a->port.punts = PORT_PUNT_LINK_LOCAL;
	pkt->ol_flags |= PORT_PENDING;
	fake_send(sw, a, pkt);
	fake_run(sw);
	assert_int_equal(punts_take(sw->worker, &punted, 1), 1);
	assert_int_equal(punted.pkt->ol_flags & PORT_PENDING, 0);
	rte_pktmbuf_free(punted.pkt);
}

static void
test_send(void **state)
{
	struct fake_switch *sw = *state;
	struct fake_port *a = fake_port_add(sw, 1, 0), *b = fake_port_add(sw, 2, 0);

	port_state_set(&a->port, true, PORT_BLOCKED);
	assert_int_equal(worker_send(sw->worker, &a->port, fake_frame(sw, BPDU_MAC, MAC_A, 0, 64)),
			 0);
	fake_run(sw);
	take_one(a);
	assert_int_equal(b->n_out, 0);
	assert_int_equal(sw->worker->stats[1].copies, 1);
	port_state_set(&a->port, false, PORT_BLOCKED);
	assert_int_equal(worker_send(sw->worker, &a->port, fake_frame(sw, BPDU_MAC, MAC_A, 0, 64)),
			 0);
	fake_run(sw);
	assert_int_equal(fake_drops(sw, a, DROP_PORT_DOWN), 1);
}

/* A loop probe, by what workers look at. */
static struct rte_mbuf *
make_probe(struct fake_switch *sw, const char *dst, uint16_t vid, uint64_t id)
{
	const uint32_t offset = (vid != 0 ? 18 : 14) + BRIDGE_PROBE_ID_OFFSET;
	struct rte_mbuf *pkt = fake_frame(sw, dst, MAC_A, vid, 64);
	uint8_t *frame = rte_pktmbuf_mtod(pkt, uint8_t *);

	frame[offset - BRIDGE_PROBE_ID_OFFSET - 2] = BRIDGE_PROBE_ETHERTYPE >> 8;
	frame[offset - BRIDGE_PROBE_ID_OFFSET - 1] = BRIDGE_PROBE_ETHERTYPE & 0xff;
	id = rte_cpu_to_be_64(id);
	memcpy(frame + offset, &id, sizeof(id));
	return pkt;
}

static void
expect_probe(struct fake_switch *sw, struct fake_port *in, struct rte_mbuf *pkt, uint16_t vid)
{
	struct punt got;

	fake_send(sw, in, pkt);
	fake_run(sw);
	assert_int_equal(punts_take(sw->worker, &got, 1), 1);
	assert_int_equal(got.kind, PUNT_PROBE);
	assert_int_equal(got.port, in->port.id);
	assert_int_equal(got.vid, vid);
	rte_pktmbuf_free(got.pkt);
}

/* The bridge's own probes come to the control thread, and are not learnt from; others pass. */
static void
test_probes(void **state)
{
	struct fake_switch *sw = *state;
	struct fake_port *a = fake_port_add(sw, 1, 0), *b = fake_port_add(sw, 2, 0);
	const uint64_t id = sw->bridge->probe_id;

	a->port.punts = PORT_PUNT_PROBE;
	expect_probe(sw, a, make_probe(sw, PROBE_MAC, 0, id), 0);
	expect_probe(sw, a, make_probe(sw, PROBE_MAC, 10, id), 10);
	port_state_set(&a->port, true, PORT_BLOCKED);
	expect_probe(sw, a, make_probe(sw, PROBE_MAC, 0, id), 0);
	port_state_set(&a->port, true, PORT_FORWARDING);
	assert_int_equal(b->n_out, 0);
	/* nobody was learnt behind it */
	send(sw, b, MAC_A, MAC_B);
	take_one(a);
	/* of another bridge, to an address beside it, by a port that is not watched */
	fake_send(sw, a, make_probe(sw, PROBE_MAC, 0, id + 1));
	fake_send(sw, a, make_probe(sw, "03:80:c2:00:00:0e", 0, id));
	fake_run(sw);
	assert_int_equal(b->n_out, 2);
	take_one(b);
	take_one(b);
	a->port.punts = 0;
	fake_send(sw, a, make_probe(sw, PROBE_MAC, 0, id));
	fake_run(sw);
	take_one(b);
}

/* A demultiplexer that gives all to one other port. */
struct to_one {
	struct port_demux demux;
	struct port *owner;
};

static void
to_one(struct worker *worker, struct port *port, const struct port_demux *demux,
       struct rte_mbuf **pkts, uint16_t n)
{
	worker_enter(worker, container_of(demux, const struct to_one, demux)->owner, pkts, n);
}

static void
test_demux(void **state)
{
	struct fake_switch *sw = *state;
	struct fake_port *member = fake_port_add(sw, 1, 0), *owner = fake_port_add(sw, 2, 0);
	struct fake_port *other = fake_port_add(sw, 3, 0);
	struct to_one demux = { .demux.burst = to_one, .owner = &owner->port };

	member->port.bridge = NULL;
	member->port.demux = &demux.demux;
	send(sw, member, BROADCAST, MAC_A);
	take_one(other);
	assert_int_equal(owner->n_out + member->n_out, 0);
	assert_int_equal(sw->worker->stats[1].rx_packets, 1);
	assert_int_equal(sw->worker->stats[2].rx_packets, 0);
	/* learnt where it belongs */
	send(sw, other, MAC_A, MAC_B);
	take_one(owner);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_blocked, setup, teardown),
		cmocka_unit_test_setup_teardown(test_learning, setup, teardown),
		cmocka_unit_test_setup_teardown(test_link_local, setup, teardown),
		cmocka_unit_test_setup_teardown(test_probes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_budget, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pending, setup, teardown),
		cmocka_unit_test_setup_teardown(test_send, setup, teardown),
		cmocka_unit_test_setup_teardown(test_demux, setup, teardown),
	};

	fake_eal_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
