/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the tests of large packets from guest to guest share: three guests that know each other, and
 * a port that is no guest's.
 *
 * Thread-safety: one thread.
 */
#ifndef TESTS_DIRECT_BED_H
#define TESTS_DIRECT_BED_H

#include "vif_bed.h"

#include "bridge.h"

#define MTU 65000
#define MSS 1448
#define SINK_ID 1000
#define SINK_MAX 128

static const struct fake_frontend_config configs[GUESTS] = {
	{ .domid = 1, .split = true },
	{ .domid = 2 },
	{ .domid = 3 },
};

/* A port that is no guest's: its packets are looked at. */
static struct sink {
	struct port port;
	uint32_t n;
	struct rte_mbuf *pkts[SINK_MAX];
	uint32_t published; /* by guest 0 when a packet came out */
	bool force;         /* then guest 0's device is removed, too */
} sink;

static struct bed *the_bed;

static inline uint16_t
sink_tx(struct worker *worker, struct port *port, uint16_t queue, struct rte_mbuf **pkts,
	uint16_t n)
{
	sink.published = the_bed->guests[0]->queues[0].tx->rsp_prod;
	/* the control thread's doings in the middle of the worker's turn */
	if (sink.force) {
		fake_toolstack_force(the_bed->fake, &configs[0]);
		for (int i = 0; i < 10; i++) {
			event_base_loop(the_bed->base, EVLOOP_NONBLOCK);
			rcu_poll(the_bed->sw->rcu);
		}
		assert_null(netback_find(the_bed->sw->netback, "vif1.0")->rings);
	}
	for (uint16_t i = 0; i < n; i++) {
		assert_false(pkts[i]->ol_flags & PORT_PENDING);
		assert_true(sink.n < SINK_MAX);
		sink.pkts[sink.n++] = pkts[i];
	}
	return n;
}

static const struct port_type sink_type = { .name = "sink", .tx_burst = sink_tx };

static inline struct port *
vif_dp(struct bed *bed, int guest)
{
	char name[SWITCH_NAME_SIZE];

	snprintf(name, sizeof(name), "vif%u.0", configs[guest].domid);
	return switch_port_find(bed->sw, name)->dp;
}

/* Guests that have talked to each other, so that all are known; and the sink, if wanted. */
static inline void
start(struct bed *bed, bool with_sink)
{
	struct bridge *bridge;
	uint8_t frame[128], got[128];

	start_guests(bed);
	for (int i = 0; i < GUESTS; i++) {
		port_mtu_set(vif_dp(bed, i), MTU);
		send_frame(bed, i, frame, make_frame(frame, -1, i, 60));
		for (int k = 0; k < GUESTS; k++)
			if (k != i)
				assert_int_equal(recv_frame(bed, k, got, sizeof(got)), 60);
	}
	run(bed);
	memset(&sink, 0, sizeof(sink));
	sink.port = (struct port){
		.type = &sink_type,
		.id = SINK_ID,
		.generation = 1,
		.vlan = &vlan_default,
		.n_txq = 1,
		.up = true,
		.open = true,
	};
	port_mtu_set(&sink.port, MTU);
	if (!with_sink)
		return;
	bridge = switch_bridge_find(bed->sw, "xenbr0")->dp;
	sink.port.bridge = bridge;
	bed->dp->ports[SINK_ID] = &sink.port;
	assert_int_equal(bridge_flood_add(bridge, bed->sw->rcu, SINK_ID), 0);
}

static inline int
setup_direct(void **state)
{
	int ret = setup(state);

	the_bed = *state;
	return ret;
}

static inline int
teardown_direct(void **state)
{
	struct bed *bed = *state;

	for (uint32_t i = 0; i < sink.n; i++)
		rte_pktmbuf_free(sink.pkts[i]);
	sink.n = 0;
	bed->dp->ports[SINK_ID] = NULL;
	for (int i = 0; i < GUESTS; i++)
		if (bed->guests[i] != NULL)
			assert_null(bed->guests[i]->broken);
	return teardown(state);
}

static inline uint64_t
foreign(struct bed *bed)
{
	return fake_hypervisor_counts(bed->fake).copy_foreign;
}

static inline uint64_t
drops(struct bed *bed, int guest, enum drop_reason reason)
{
	return bed->worker->stats[vif_dp(bed, guest)->id].drops[reason];
}

static inline struct fake_queue *
tx(struct bed *bed, int guest)
{
	return &bed->guests[guest]->queues[0];
}

/* Guest 0 leaves its next large packet pending, wherever those before went. */
static inline void
forget(struct bed *bed)
{
	netback_find(bed->sw->netback, "vif1.0")->rings->queues[0].tx.direct_skip = 0;
}

/* In = out + drops, over guests and sink. */
static inline void
assert_balance(struct bed *bed)
{
	uint64_t in = 0, out = 0;

	for (uint32_t id = 0; id < PORT_MAX; id++) {
		const struct port_stats *stats = &bed->worker->stats[id];

		in += stats->rx_packets + stats->copies;
		out += stats->tx_packets + stats->merged + stats->punted;
		for (unsigned int r = 0; r < DROP_REASONS; r++)
			out += stats->drops[r];
	}
	assert_int_equal(in, out);
}

static inline void
assert_bytes(const struct rte_mbuf *pkt, const uint8_t *data, uint32_t len)
{
	assert_int_equal(pkt->pkt_len, len);
	for (const struct rte_mbuf *seg = pkt; seg != NULL; seg = seg->next) {
		assert_memory_equal(rte_pktmbuf_mtod(seg, void *), data, seg->data_len);
		data += seg->data_len;
	}
}

/* Take back the grant of a page of what guest 0 has sent last; 0 is its first slot. */
static inline void
ungrant_sent(struct bed *bed, uint32_t slot)
{
	const struct netif_tx_request *request =
		&tx(bed, 0)->tx->ring[(tx(bed, 0)->tx_cons + slot) & NETIF_RING_MASK].req;

	fake_ungrant(bed->fake, configs[0].domid, request->gref);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_direct, teardown_direct)

#endif
