/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rte_eal.h>
#include <rte_ether.h>
#include <rte_rcu_qsbr.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "fake_port.h"
#include "test_pool.h"

#define MEMORY_ARG 7

static uint16_t
fake_rx(struct worker *worker, struct port *port, uint16_t queue, struct rte_mbuf **pkts,
	uint16_t n)
{
	struct fake_port *fake = port->priv;
	uint16_t i = 0;

	while (i < n && fake->in_head != fake->in_tail)
		pkts[i++] = fake->in[fake->in_head++ % FAKE_PORT_QUEUE];
	return i;
}

static uint16_t
fake_tx(struct worker *worker, struct port *port, uint16_t queue, struct rte_mbuf **pkts,
	uint16_t n)
{
	struct fake_port *fake = port->priv;
	uint16_t i;

	for (i = 0; i < n && fake->room > 0 && fake->n_out < FAKE_PORT_QUEUE; i++) {
		/* what a port keeps must not change under it: keep a copy, as a wire would */
		struct rte_mbuf *copy = packet_copy(pkts[i], worker->pool);

		assert_non_null(copy);
		rte_pktmbuf_free(pkts[i]);
		fake->out[fake->n_out++] = copy;
		if (fake->room != UINT32_MAX)
			fake->room--;
	}
	return i;
}

static const struct port_type fake_type = {
	.name = "test",
	.wait = PORT_WAIT_NONE,
	.rx_burst = fake_rx,
	.tx_burst = fake_tx,
};

void
fake_eal_start(void)
{
	fake_eal_start_memory("64");
}

void
fake_eal_start_memory(const char *mib)
{
	static char text[][24] = {
		"test",           "--no-huge",         "--no-shconf", "--no-pci",
		"--no-telemetry", "--log-level=error", "-m",          "64",
		"--lcores=0",
	};
	char *args[RTE_DIM(text) + 1] = { NULL };

	snprintf(text[MEMORY_ARG], sizeof(text[0]), "%s", mib);
	for (unsigned int i = 0; i < RTE_DIM(text); i++)
		args[i] = text[i];
	if (rte_eal_init(RTE_DIM(text), args) < 0)
		exit(1);
}

int
fake_switch_setup(struct fake_switch *sw)
{
	sw->pool = rte_mempool_lookup("mbufs");
	if (sw->pool == NULL)
		sw->pool = test_pool_create("mbufs", 8191);
	assert_non_null(sw->pool);
	sw->dp = datapath_create();
	assert_non_null(sw->dp);
	sw->worker = worker_create(sw->dp, 0, sw->pool);
	assert_non_null(sw->worker);
	sw->rcu = rcu_create(sw->dp->qsbr);
	assert_non_null(sw->rcu);
	sw->bridge = bridge_create(1, sw->rcu, FDB_LIMIT_DEFAULT);
	assert_non_null(sw->bridge);
	rte_rcu_qsbr_thread_online(sw->dp->qsbr, 0);
	return 0;
}

void
fake_switch_teardown(struct fake_switch *sw)
{
	for (uint32_t id = 0; id < PORT_MAX; id++)
		if (sw->dp->ports[id] != NULL)
			fake_port_del(sw, sw->dp->ports[id]->priv);
	rte_rcu_qsbr_thread_offline(sw->dp->qsbr, 0);
	rcu_destroy(sw->rcu);
	bridge_destroy(sw->bridge);
	worker_destroy(sw->worker);
	datapath_destroy(sw->dp);
	/* nothing was leaked */
	assert_int_equal(rte_mempool_in_use_count(sw->pool), 0);
}

const struct vlan_settings *
fake_vlan(uint16_t vid)
{
	static struct vlan_settings access[VLAN_VID_MAX + 1];

	if (vid == 0)
		return &vlan_default;
	if (access[vid].untagged == 0)
		vlan_set_access(&access[vid], vid);
	return &access[vid];
}

struct fake_port *
fake_port_add(struct fake_switch *sw, uint16_t id, uint16_t vid)
{
	struct fake_port *fake = aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_ALIGN(sizeof(*fake), 64));

	assert_non_null(fake);
	memset(fake, 0, sizeof(*fake));
	fake->room = UINT32_MAX;
	fake->port.type = &fake_type;
	fake->port.priv = fake;
	fake->port.id = id;
	fake->port.generation = 1;
	fake->port.vlan = fake_vlan(vid);
	fake->port.n_rxq = fake->port.n_txq = 1;
	port_state_set(&fake->port, true, PORT_FORWARDING);
	fake->port.bridge = sw->bridge;
	port_mtu_set(&fake->port, PORT_MTU_DEFAULT);
	assert_int_equal(bridge_flood_add(sw->bridge, sw->rcu, id), 0);
	sw->dp->ports[id] = &fake->port;
	worker_activate(sw->worker, RXQ_COOKIE(id, 0));
	return fake;
}

void
fake_port_del(struct fake_switch *sw, struct fake_port *fake)
{
	struct rte_mbuf *pkt;

	bridge_flood_remove(sw->bridge, sw->rcu, fake->port.id);
	fdb_flush(sw->bridge->fdb, fake->port.id, true);
	sw->dp->ports[fake->port.id] = NULL;
	while ((pkt = fake_take(fake)) != NULL)
		rte_pktmbuf_free(pkt);
	free(fake);
}

struct rte_mbuf *
fake_frame(struct fake_switch *sw, const char *dst, const char *src, uint16_t vid, uint32_t len)
{
	struct rte_mbuf *pkt = rte_pktmbuf_alloc(sw->pool);
	struct rte_ether_addr mac;
	uint8_t *frame;

	assert_non_null(pkt);
	frame = (uint8_t *)rte_pktmbuf_append(pkt, len);
	assert_non_null(frame);
	for (uint32_t i = 0; i < len; i++)
		frame[i] = i;
	if (len < 18)
		return pkt;
	assert_int_equal(rte_ether_unformat_addr(dst, &mac), 0);
	memcpy(frame, &mac, 6);
	assert_int_equal(rte_ether_unformat_addr(src, &mac), 0);
	memcpy(frame + 6, &mac, 6);
	memcpy(frame + 12, vid != 0 ? "\x81\x00" : "\x08\x00", 2);
	if (vid != 0) {
		frame[14] = vid >> 8;
		frame[15] = vid & 0xff;
		memcpy(frame + 16, "\x08\x00", 2);
	}
	return pkt;
}

void
fake_send(struct fake_switch *sw, struct fake_port *fake, struct rte_mbuf *pkt)
{
	assert_true(fake->in_tail - fake->in_head < FAKE_PORT_QUEUE);
	fake->in[fake->in_tail++ % FAKE_PORT_QUEUE] = pkt;
}

void
fake_run(struct fake_switch *sw)
{
	struct learn_event event;

	do {
		while (rte_ring_sc_dequeue_elem(sw->worker->events, &event, sizeof(event)) == 0)
			fdb_set(sw->bridge->fdb, event.key, event.port, 0, sw->worker->now);
		rcu_poll(sw->rcu);
	} while (worker_turn(sw->worker) > 0);
}

struct rte_mbuf *
fake_take(struct fake_port *fake)
{
	struct rte_mbuf *pkt;

	if (fake->n_out == 0)
		return NULL;
	pkt = fake->out[0];
	memmove(fake->out, fake->out + 1, --fake->n_out * sizeof(fake->out[0]));
	return pkt;
}

uint64_t
fake_drops(struct fake_switch *sw, struct fake_port *fake, enum drop_reason reason)
{
	return sw->worker->stats[fake->port.id].drops[reason];
}

void
fake_assert_balance(struct fake_switch *sw)
{
	uint64_t in = 0, out = 0;

	for (uint32_t id = 0; id < PORT_MAX; id++) {
		const struct port_stats *stats = &sw->worker->stats[id];

		in += stats->rx_packets + stats->copies;
		out += stats->tx_packets + stats->merged + stats->punted;
		for (unsigned int r = 0; r < DROP_REASONS; r++)
			out += stats->drops[r];
	}
	assert_int_equal(in, out);
}
