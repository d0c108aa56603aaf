/* SPDX-License-Identifier: BSD-3-Clause */
/* Large packets from guest to guest without a stop in between, and where they have to stop. */
#include "vif_bed.h"

#include "bridge.h"
#include "capture.h"
#include "fake_port.h"
#include "l4_frame.h"
#include "mirror.h"

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

static uint16_t
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

static struct port *
vif_dp(struct bed *bed, int guest)
{
	char name[SWITCH_NAME_SIZE];

	snprintf(name, sizeof(name), "vif%u.0", configs[guest].domid);
	return switch_port_find(bed->sw, name)->dp;
}

/* Guests that have talked to each other, so that all are known; and the sink, if wanted. */
static void
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

static int
setup_direct(void **state)
{
	int ret = setup(state);

	the_bed = *state;
	return ret;
}

static int
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

static uint64_t
foreign(struct bed *bed)
{
	return fake_hypervisor_counts(bed->fake).copy_foreign;
}

static uint64_t
drops(struct bed *bed, int guest, enum drop_reason reason)
{
	return bed->worker->stats[vif_dp(bed, guest)->id].drops[reason];
}

static struct fake_queue *
tx(struct bed *bed, int guest)
{
	return &bed->guests[guest]->queues[0];
}

/* Guest 0 leaves its next large packet pending, wherever those before went. */
static void
forget(struct bed *bed)
{
	netback_find(bed->sw->netback, "vif1.0")->rings->queues[0].tx.direct_skip = 0;
}

/* In = out + drops, over guests and sink. */
static void
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

static void
assert_bytes(const struct rte_mbuf *pkt, const uint8_t *data, uint32_t len)
{
	assert_int_equal(pkt->pkt_len, len);
	for (const struct rte_mbuf *seg = pkt; seg != NULL; seg = seg->next) {
		assert_memory_equal(rte_pktmbuf_mtod(seg, void *), data, seg->data_len);
		data += seg->data_len;
	}
}

/* Packets of many shapes, to a guest: whole, and never by way of an mbuf but for the headers. */
static void
test_to_guest(void **state)
{
	static const struct {
		uint32_t len;
		uint16_t slot_len, offset;
	} shapes[] = {
		{ 4097, 0, 0 },       { 4100, 4090, 3 }, { 9014, 0, 0 },      { 9014, 100, 7 },
		{ 9014, 2048, 2048 }, { 16384, 0, 0 },   { 60000, 0, 0 },     { 65000, 4000, 96 },
		{ 8192, 256, 0 },     { 4400, 255, 1 },  { 4400, 257, 3839 }, { 30000, 3000, 17 },
	};
	static uint8_t frame[65536], got[65536];
	struct bed *bed = *state;

	start(bed, false);
	for (size_t i = 0; i < RTE_DIM(shapes); i++) {
		struct fake_frame f = {
			.data = frame,
			.len = shapes[i].len,
			.slot_len = shapes[i].slot_len,
			.offset = shapes[i].offset,
		};
		uint64_t before = foreign(bed), okay = tx(bed, 0)->tx_okay;
		int n_slots;

		if (shapes[i].slot_len > 0 && shapes[i].len / shapes[i].slot_len > 17)
			f.slot_len = (uint16_t)(shapes[i].len / 17);
		make_frame(frame, 1, 0, f.len);
		n_slots = fake_frontend_send(bed->guests[0], 0, &f);
		assert_true(n_slots > 0);
		assert_int_equal(recv_frame(bed, 1, got, sizeof(got)), f.len);
		assert_memory_equal(got, frame, f.len);
		assert_true(foreign(bed) > before);
		fake_frontend_reap(bed->guests[0], 0);
		assert_int_equal(tx(bed, 0)->tx_okay, okay + n_slots);
	}
	assert_int_equal(tx(bed, 0)->tx_error, 0);
	assert_balance(bed);
}

/* To a station behind the same guest: from the guest to itself, and to all as well. */
static void
test_hairpin(void **state)
{
	static uint8_t frame[9014], got[9014];
	struct bed *bed = *state;

	start(bed, false);
	vif_dp(bed, 0)->hairpin = true;
	send_frame(bed, 0, frame, make_frame(frame, 0, 0, sizeof(frame)));
	assert_int_equal(recv_frame(bed, 0, got, sizeof(got)), sizeof(frame));
	assert_memory_equal(got, frame, sizeof(frame));
	assert_true(foreign(bed) > 0);
	send_frame(bed, 0, frame, make_frame(frame, -1, 0, sizeof(frame)));
	for (int i = 0; i < GUESTS; i++) {
		assert_int_equal(recv_frame(bed, i, got, sizeof(got)), sizeof(frame));
		assert_memory_equal(got, frame, sizeof(frame));
	}
	fake_frontend_reap(bed->guests[0], 0);
	assert_int_equal(tx(bed, 0)->tx_cons, tx(bed, 0)->tx_prod);
	assert_int_equal(tx(bed, 0)->tx_error, 0);
	assert_balance(bed);
}

/* What fits an mbuf takes fewer copies by way of it. */
static void
test_small(void **state)
{
	static uint8_t frame[VIF_DIRECT_MIN], got[VIF_DIRECT_MIN];
	struct bed *bed = *state;

	start(bed, false);
	send_frame(bed, 0, frame, make_frame(frame, 1, 0, sizeof(frame)));
	assert_int_equal(recv_frame(bed, 1, got, sizeof(got)), sizeof(frame));
	assert_memory_equal(got, frame, sizeof(frame));
	assert_int_equal(foreign(bed), 0);
}

/* One that keeps no record of it - too many are under way - is copied at once. */
static void
test_no_room(void **state)
{
	static uint8_t frame[9014], got[9014];
	struct bed *bed = *state;
	struct vif_thread *thread = bed->worker->hypervisor;

	start(bed, false);
	for (int i = 0; i < 2; i++) {
		send_frame(bed, 0, frame, make_frame(frame, 1, 0, sizeof(frame)));
		if (i == 0)
			thread->pending.n_packets = VIF_PENDING_PACKETS;
		else
			thread->pending.n_fragments = VIF_PENDING_FRAGMENTS - 1;
		assert_int_equal(recv_frame(bed, 1, got, sizeof(got)), sizeof(frame));
		assert_memory_equal(got, frame, sizeof(frame));
		vif_pending_done(thread);
	}
	assert_int_equal(foreign(bed), 0);
}

/* A burst of small and large ones, super-packets too: all in order, also their answers. */
static void
test_order(void **state)
{
	static struct l4_frame super = { .payload = 20000 };
	static uint8_t frame[9014], got[65536];
	struct netif_extra_info extra = {
		.type = XEN_NETIF_EXTRA_TYPE_GSO,
		.u.gso = { .size = MSS, .type = XEN_NETIF_GSO_TYPE_TCPV4 },
	};
	struct fake_frame f = { .flags = NETTXF_csum_blank, .extra = &extra };
	struct bed *bed = *state;
	uint16_t ids[NETIF_RING_SLOTS];
	struct fake_packet packet;
	uint32_t first;

	start(bed, false);
	l4_frame_build(&super);
	memcpy(super.bytes, (const uint8_t[]){ 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1 }, 12);
	f.data = super.bytes;
	f.len = super.len;
	for (int round = 0; round < 20; round++) {
		first = tx(bed, 0)->tx_prod;
		for (int i = 0; i < 12; i++) {
			if (i % 3 == 2)
				assert_true(fake_frontend_send(bed->guests[0], 0, &f) > 0);
			else
				send_frame(bed, 0, frame,
					   make_frame(frame, 1, 0, i % 3 == 0 ? 60 : 9014));
		}
		for (uint32_t i = first; i != tx(bed, 0)->tx_prod; i++)
			ids[i - first] = tx(bed, 0)->tx->ring[i & NETIF_RING_MASK].req.id;
		for (int i = 0; i < 12; i++) {
			run_once(bed);
			assert_int_equal(
				fake_frontend_recv(bed->guests[1], 0, got, sizeof(got), &packet),
				i % 3 == 0 ? 60 :
				i % 3 == 1 ? 9014 :
					     super.len);
			assert_int_equal(packet.mss, i % 3 == 2 ? MSS : 0);
			if (i % 3 == 2)
				assert_memory_equal(got + super.data, super.bytes + super.data,
						    super.payload);
		}
		for (uint32_t i = first; i != tx(bed, 0)->tx_prod; i++) {
			const struct netif_tx_response *rsp =
				&tx(bed, 0)->tx->ring[i & NETIF_RING_MASK].rsp;

			if (!tx(bed, 0)->tx_extra[i & NETIF_RING_MASK])
				assert_int_equal(rsp->id, ids[i - first]);
			assert_true(rsp->status >= 0);
		}
		fake_frontend_reap(bed->guests[0], 0);
		assert_int_equal(tx(bed, 0)->tx_cons, tx(bed, 0)->tx_prod);
	}
	assert_true(foreign(bed) > 0);
	assert_balance(bed);
}

/* No answer is seen before the turn is over; then all are. */
static void
test_answers_late(void **state)
{
	static uint8_t frame[9014];
	struct bed *bed = *state;
	uint32_t before;

	start(bed, true);
	run(bed);
	before = tx(bed, 0)->tx->rsp_prod;
	send_frame(bed, 0, frame, make_frame(frame, -1, 0, sizeof(frame)));
	run(bed);
	assert_int_equal(sink.n, 1);
	assert_int_equal(sink.published, before);
	assert_int_equal(tx(bed, 0)->tx->rsp_prod, tx(bed, 0)->tx_prod);
	/* but what is small waits for nothing */
	before = tx(bed, 0)->tx_prod;
	send_frame(bed, 0, frame, make_frame(frame, -1, 0, 60));
	run(bed);
	assert_int_equal(sink.n, 2);
	assert_int_equal(sink.published, before + 1);
}

/* Flooded: to two guests from the third's pages, and to a port that wants it here. */
static void
test_flood(void **state)
{
	static uint8_t frame[60000], got[60000];
	struct bed *bed = *state;

	start(bed, true);
	for (int i = 0; i < 3; i++) {
		forget(bed);
		send_frame(bed, 0, frame,
			   make_frame(frame, -1, 0, (uint32_t)sizeof(frame) - 8 * i));
		for (int k = 1; k < GUESTS; k++) {
			assert_int_equal(recv_frame(bed, k, got, sizeof(got)),
					 sizeof(frame) - 8 * i);
			assert_memory_equal(got, frame, sizeof(frame) - 8 * i);
		}
		assert_int_equal(sink.n, i + 1);
		assert_bytes(sink.pkts[i], frame, (uint32_t)sizeof(frame) - 8 * i);
		fake_frontend_reap(bed->guests[0], 0);
	}
	assert_int_equal(tx(bed, 0)->tx_error, 0);
	assert_balance(bed);
}

/* To a port that is no guest's: filled, by one call for all that go there. */
static void
test_fill(void **state)
{
	static uint8_t frame[9014];
	struct bed *bed = *state;
	struct bridge *bridge;
	uint64_t calls;

	start(bed, true);
	/* only the sink is left to flood to */
	bridge = switch_bridge_find(bed->sw, "xenbr0")->dp;
	for (int i = 1; i < GUESTS; i++)
		bridge_flood_remove(bridge, bed->sw->rcu, vif_dp(bed, i)->id);
	for (int i = 0; i < 20; i++)
		send_frame(bed, 0, frame, make_frame(frame, -1, 0, sizeof(frame)));
	calls = fake_hypervisor_counts(bed->fake).copy_calls;
	run(bed);
	assert_int_equal(sink.n, 20);
	for (int i = 0; i < 20; i++)
		assert_bytes(sink.pkts[i], frame, sizeof(frame));
	assert_int_equal(fake_hypervisor_counts(bed->fake).copy_calls - calls, 2);
	assert_int_equal(foreign(bed), 0);
}

/* Who sends to no guest leaves its packets pending for a try now and then only. */
static void
test_skip(void **state)
{
	static uint8_t frame[9014], got[9014];
	struct bed *bed = *state;
	struct vif_queue *queue;
	struct bridge *bridge;
	uint64_t calls;
	int n = 0;

	start(bed, true);
	queue = &netback_find(bed->sw->netback, "vif1.0")->rings->queues[0];
	bridge = switch_bridge_find(bed->sw, "xenbr0")->dp;
	for (int i = 1; i < GUESTS; i++)
		bridge_flood_remove(bridge, bed->sw->rcu, vif_dp(bed, i)->id);
	calls = fake_hypervisor_counts(bed->fake).copy_calls;
	for (n = 0; n < SINK_MAX; n++) {
		send_frame(bed, 0, frame, make_frame(frame, -1, 0, sizeof(frame)));
		run_once(bed);
		fake_frontend_reap(bed->guests[0], 0);
	}
	assert_int_equal(sink.n, n);
	/* one for each, and one more for packets 1, 3, 7, 15, 31, 63 and 127 */
	assert_int_equal(fake_hypervisor_counts(bed->fake).copy_calls - calls, n + 7);
	/* the next try goes to a guest, and so do those after it */
	queue->tx.direct_skip = 1;
	for (int i = 0; i < 5; i++) {
		send_frame(bed, 0, frame, make_frame(frame, 1, 0, sizeof(frame)));
		assert_int_equal(recv_frame(bed, 1, got, sizeof(got)), sizeof(frame));
		assert_memory_equal(got, frame, sizeof(frame));
	}
	assert_int_equal(foreign(bed), 4 * 3);
}

/* Cut into segments by software, and given its checksum: both read the data. */
static void
test_offloads(void **state)
{
	static struct l4_frame super = { .payload = 20000 }, got;
	struct netif_extra_info extra = {
		.type = XEN_NETIF_EXTRA_TYPE_GSO,
		.u.gso = { .size = MSS, .type = XEN_NETIF_GSO_TYPE_TCPV4 },
	};
	struct fake_frame f = { .flags = NETTXF_csum_blank };
	struct bed *bed = *state;
	uint32_t done = 0;

	start(bed, true);
	l4_frame_build(&super);
	memcpy(super.bytes, (const uint8_t[]){ 2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1 }, 12);
	f.data = super.bytes;
	f.len = super.len;
	assert_true(fake_frontend_send(bed->guests[0], 0, &f) > 0);
	run(bed);
	assert_int_equal(sink.n, 1);
	l4_frame_read(&got, sink.pkts[0], &super);
	assert_int_equal(l4_frame_field(&got), l4_frame_checksum(&got));
	assert_memory_equal(got.bytes + got.data, super.bytes + super.data, super.payload);
	f.extra = &extra;
	forget(bed);
	assert_true(fake_frontend_send(bed->guests[0], 0, &f) > 0);
	run(bed);
	assert_int_equal(sink.n, 1 + (super.payload + MSS - 1) / MSS);
	for (uint32_t i = 1; i < sink.n; i++) {
		struct l4_frame like = super;

		like.payload = RTE_MIN(super.payload - done, (uint32_t)MSS);
		like.len = like.data + like.payload;
		l4_frame_read(&got, sink.pkts[i], &like);
		assert_int_equal(l4_frame_field(&got), l4_frame_checksum(&got));
		assert_memory_equal(got.bytes + got.data, super.bytes + super.data + done,
				    like.payload);
		done += like.payload;
	}
	assert_int_equal(done, super.payload);
	assert_balance(bed);
}

/* Into a VLAN, for one guest of two: its copy changes, the other's does not. */
static void
test_vlan(void **state)
{
	static uint8_t frame[9014], got[9018];
	struct bed *bed = *state;
	const uint8_t tag[] = { 0x81, 0, 0, 7 };

	start(bed, true);
	vif_dp(bed, 0)->vlan = fake_vlan(7);
	vif_dp(bed, 2)->vlan = fake_vlan(7);
	send_frame(bed, 0, frame, make_frame(frame, -1, 0, sizeof(frame)));
	assert_int_equal(recv_frame(bed, 1, got, sizeof(got)), sizeof(frame) + 4);
	assert_memory_equal(got, frame, 12);
	assert_memory_equal(got + 12, tag, 4);
	assert_memory_equal(got + 16, frame + 12, sizeof(frame) - 12);
	assert_int_equal(recv_frame(bed, 2, got, sizeof(got)), sizeof(frame));
	assert_memory_equal(got, frame, sizeof(frame));
	assert_int_equal(sink.n, 1);
	assert_int_equal(sink.pkts[0]->pkt_len, sizeof(frame) + 4);
	assert_balance(bed);
}

/* Take back the grant of a page of what guest 0 has sent last; 0 is its first slot. */
static void
ungrant_sent(struct bed *bed, uint32_t slot)
{
	const struct netif_tx_request *request =
		&tx(bed, 0)->tx->ring[(tx(bed, 0)->tx_cons + slot) & NETIF_RING_MASK].req;

	fake_ungrant(bed->fake, configs[0].domid, request->gref);
}

/*
 * The sender's pages cannot be read: every slot says so. Nobody gets half a packet, or an error for
 * what another guest has done (NetBSD takes a negative status for a length).
 */
static void
test_source_fails(void **state)
{
	static uint8_t frame[9014], got[9014];
	struct bed *bed = *state;

	start(bed, true);
	for (int to = 1; to >= -1; to -= 2) {
		uint64_t errors = tx(bed, 0)->tx_error;

		forget(bed);
		fake_frontend_reap(bed->guests[0], 0);
		send_frame(bed, 0, frame, make_frame(frame, to, 0, sizeof(frame)));
		ungrant_sent(bed, 1);
		assert_int_equal(recv_frame(bed, 1, got, sizeof(got)), 0);
		assert_int_equal(recv_frame(bed, 2, got, sizeof(got)), 0);
		fake_frontend_reap(bed->guests[0], 0);
		assert_int_equal(tx(bed, 0)->tx_error, errors + 3);
		assert_balance(bed);
	}
	assert_int_equal(drops(bed, 1, DROP_TX_ERROR), 2);
	assert_int_equal(drops(bed, 2, DROP_TX_ERROR), 1);
	assert_int_equal(drops(bed, 0, DROP_RX_ERROR), 1);
	assert_int_equal(sink.n, 0);
	/* not even the headers */
	forget(bed);
	send_frame(bed, 0, frame, make_frame(frame, 1, 0, sizeof(frame)));
	ungrant_sent(bed, 0);
	assert_int_equal(recv_frame(bed, 1, got, sizeof(got)), 0);
	fake_frontend_reap(bed->guests[0], 0);
	assert_int_equal(tx(bed, 0)->tx_error, 9);
	assert_int_equal(drops(bed, 0, DROP_RX_ERROR), 2);
	assert_balance(bed);
}

/* A good packet before and one behind a bad one, in a burst: they arrive, without a gap. */
static void
test_source_fails_between(void **state)
{
	static uint8_t frame[9014], got[9014];
	struct bed *bed = *state;
	uint64_t okay;

	start(bed, false);
	fake_frontend_reap(bed->guests[0], 0);
	okay = tx(bed, 0)->tx_okay;
	for (uint32_t i = 0; i < 3; i++)
		send_frame(bed, 0, frame, make_frame(frame, 1, 0, sizeof(frame) - i));
	ungrant_sent(bed, 4);
	assert_int_equal(recv_frame(bed, 1, got, sizeof(got)), sizeof(frame));
	assert_memory_equal(got, frame, sizeof(frame));
	assert_int_equal(recv_frame(bed, 1, got, sizeof(got)), sizeof(frame) - 2);
	assert_memory_equal(got, frame, sizeof(frame) - 2);
	assert_int_equal(recv_frame(bed, 1, got, sizeof(got)), 0);
	fake_frontend_reap(bed->guests[0], 0);
	assert_int_equal(tx(bed, 0)->tx_okay, okay + 6);
	assert_int_equal(tx(bed, 0)->tx_error, 3);
	assert_int_equal(drops(bed, 1, DROP_TX_ERROR), 1);
	assert_balance(bed);
}

/* All of a batch of copies fails: the sender hears of it, and what is sent next is all right. */
static void
test_call_fails(void **state)
{
	static uint8_t frame[9014], got[9014];
	struct bed *bed = *state;

	start(bed, true);
	for (int i = 0; i < 3; i++) {
		/* that of the headers; all of them */
		forget(bed);
		send_frame(bed, 0, frame, make_frame(frame, -1, 0, sizeof(frame)));
		fake_fail(bed->fake, FAKE_OP_COPY, i == 0 ? 1 : 4, ENOMEM);
		run(bed);
		fake_fail(bed->fake, FAKE_OP_COPY, 0, 0);
		while (fake_frontend_recv(bed->guests[1], 0, got, sizeof(got), NULL) != 0)
			;
		fake_frontend_reap(bed->guests[0], 0);
		assert_int_equal(tx(bed, 0)->tx_error, 3 * (i + 1));
		assert_balance(bed);
	}
	assert_int_equal(sink.n, 0);
	send_frame(bed, 0, frame, make_frame(frame, -1, 0, sizeof(frame)));
	assert_int_equal(recv_frame(bed, 1, got, sizeof(got)), sizeof(frame));
	assert_int_equal(sink.n, 1);
}

/* A taker whose buffer is bad loses its copy; the other gets its own. */
static void
test_destination_fails(void **state)
{
	static uint8_t frame[9014], got[9014];
	struct bed *bed = *state;
	struct fake_queue *rx;

	start(bed, true);
	rx = &bed->guests[1]->queues[0];
	fake_ungrant(bed->fake, configs[1].domid,
		     rx->rx->ring[(rx->rx_cons + 1) & NETIF_RING_MASK].req.gref);
	send_frame(bed, 0, frame, make_frame(frame, -1, 0, sizeof(frame)));
	assert_int_equal(recv_frame(bed, 1, got, sizeof(got)), -EIO);
	assert_int_equal(recv_frame(bed, 2, got, sizeof(got)), sizeof(frame));
	assert_memory_equal(got, frame, sizeof(frame));
	assert_int_equal(sink.n, 1);
	assert_bytes(sink.pkts[0], frame, sizeof(frame));
	assert_int_equal(drops(bed, 1, DROP_TX_ERROR), 1);
	assert_int_equal(drops(bed, 0, DROP_RX_ERROR), 0);
	fake_frontend_reap(bed->guests[0], 0);
	assert_int_equal(tx(bed, 0)->tx_error, 0);
	assert_balance(bed);
}

/* Dropped before anybody took it: the sender need not know. */
static void
test_dropped(void **state)
{
	static uint8_t frame[9014], got[9014];
	struct bed *bed = *state;
	uint64_t okay;

	start(bed, false);
	okay = tx(bed, 0)->tx_okay;
	port_mtu_set(vif_dp(bed, 1), 1500);
	send_frame(bed, 0, frame, make_frame(frame, 1, 0, sizeof(frame)));
	send_frame(bed, 0, frame, make_frame(frame, 0, 0, sizeof(frame)));
	assert_int_equal(recv_frame(bed, 1, got, sizeof(got)), 0);
	fake_frontend_reap(bed->guests[0], 0);
	assert_int_equal(tx(bed, 0)->tx_okay, okay + 6);
	assert_int_equal(drops(bed, 1, DROP_MTU_EXCEEDED), 1);
	assert_int_equal(drops(bed, 0, DROP_SAME_PORT), 1);
	/* a taker without buffers */
	port_mtu_set(vif_dp(bed, 1), MTU);
	for (int i = 0; i < 90; i++) {
		send_frame(bed, 0, frame, make_frame(frame, 1, 0, sizeof(frame)));
		run_once(bed);
		fake_frontend_reap(bed->guests[0], 0);
	}
	assert_int_equal(drops(bed, 1, DROP_TX_FULL), 90 - NETIF_RING_SLOTS / 3);
	assert_int_equal(tx(bed, 0)->tx_error, 0);
	assert_balance(bed);
}

/* A record of a whole frame, at one of the guests' ports. */
static void
expect_record(struct bed *bed, struct capture_ring *ring, enum capture_point point, int guest,
	      const uint8_t *frame, uint32_t len)
{
	const struct capture_record *record = capture_ring_peek(ring);

	assert_non_null(record);
	assert_int_equal(record->point, point);
	assert_int_equal(record->port, vif_dp(bed, guest)->id);
	assert_int_equal(record->len, len);
	assert_int_equal(record->data_len, len);
	assert_memory_equal(record->data, frame, len);
	capture_ring_next(ring);
}

/* Who is captured is fetched before it is passed on, at either end; the guests do not notice. */
static void
test_captured(void **state)
{
	static uint8_t frame[9014], got[9014];
	struct bed *bed = *state;
	struct capture_set *set = calloc(1, sizeof(*set));
	struct capture *capture = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*capture));
	struct capture_ring *ring = capture_ring_create(CAPTURE_RING_MIN);

	start(bed, false);
	memset(capture, 0, sizeof(*capture));
	capture->length = CAPTURE_LENGTH_MAX;
	set->captures[0] = capture;
	set->rings[bed->worker->id] = ring;
	bed->dp->captures = set;
	for (int end = 0; end < 2; end++) {
		set->wanted[CAPTURE_RX][vif_dp(bed, 0)->id] = end == 0;
		set->wanted[CAPTURE_TX][vif_dp(bed, 1)->id] = end == 1;
		forget(bed);
		send_frame(bed, 0, frame, make_frame(frame, 1, 0, sizeof(frame)));
		assert_int_equal(recv_frame(bed, 1, got, sizeof(got)), sizeof(frame));
		assert_memory_equal(got, frame, sizeof(frame));
		expect_record(bed, ring, end == 0 ? CAPTURE_RX : CAPTURE_TX, end, frame,
			      sizeof(frame));
	}
	assert_null(capture_ring_peek(ring));
	/* data that is not there */
	set->wanted[CAPTURE_RX][vif_dp(bed, 0)->id] = 1;
	forget(bed);
	fake_frontend_reap(bed->guests[0], 0);
	send_frame(bed, 0, frame, make_frame(frame, 1, 0, sizeof(frame)));
	ungrant_sent(bed, 1);
	assert_int_equal(recv_frame(bed, 1, got, sizeof(got)), 0);
	assert_int_equal(drops(bed, 0, DROP_RX_ERROR), 1);
	assert_null(capture_ring_peek(ring));
	assert_balance(bed);
	bed->dp->captures = NULL;
	capture_ring_destroy(ring);
	free(capture);
	free(set);
}

/* The same of who is mirrored: the copy is whole. */
static void
test_mirrored(void **state)
{
	static uint8_t frame[9014], got[9014];
	struct bed *bed = *state;
	struct mirror_set *set = calloc(1, sizeof(*set));
	struct mirror_count *counts =
		aligned_alloc(RTE_CACHE_LINE_SIZE, WORKER_MAX * sizeof(*counts));

	start(bed, false);
	bed->dp->ports[SINK_ID] = &sink.port;
	memset(counts, 0, WORKER_MAX * sizeof(*counts));
	set->mirrors[0] = (struct mirror){
		.out = SINK_ID,
		.generation = sink.port.generation,
		.vid = MIRROR_VID_ANY,
		.counts = counts,
	};
	bed->dp->mirrors = set;
	for (uint32_t end = 0; end < 2; end++) {
		set->wanted[MIRROR_IN][vif_dp(bed, 0)->id] = end == 0;
		set->wanted[MIRROR_OUT][vif_dp(bed, 1)->id] = end == 1;
		forget(bed);
		send_frame(bed, 0, frame, make_frame(frame, 1, 0, sizeof(frame)));
		assert_int_equal(recv_frame(bed, 1, got, sizeof(got)), sizeof(frame));
		assert_memory_equal(got, frame, sizeof(frame));
		assert_int_equal(sink.n, end + 1);
		assert_bytes(sink.pkts[end], frame, sizeof(frame));
	}
	/* data that is not there */
	set->wanted[MIRROR_IN][vif_dp(bed, 0)->id] = 1;
	forget(bed);
	fake_frontend_reap(bed->guests[0], 0);
	send_frame(bed, 0, frame, make_frame(frame, 1, 0, sizeof(frame)));
	ungrant_sent(bed, 1);
	assert_int_equal(recv_frame(bed, 1, got, sizeof(got)), 0);
	assert_int_equal(drops(bed, 0, DROP_RX_ERROR), 1);
	assert_int_equal(sink.n, 2);
	assert_balance(bed);
	bed->dp->mirrors = NULL;
	free(counts);
	free(set);
}

/* No mbufs for the data to come: an error, and nothing is left behind. */
static void
test_no_mbufs(void **state)
{
	static struct rte_mbuf *all[4096];
	static uint8_t frame[60000], got[60000];
	struct bed *bed = *state;
	unsigned int n = 0;

	start(bed, false);
	while ((all[n] = rte_pktmbuf_alloc(pool)) != NULL)
		n++;
	for (unsigned int i = 0; i < 10; i++)
		rte_pktmbuf_free(all[--n]);
	send_frame(bed, 0, frame, make_frame(frame, 1, 0, sizeof(frame)));
	assert_int_equal(recv_frame(bed, 1, got, sizeof(got)), 0);
	rte_pktmbuf_free_bulk(all, n);
	assert_int_equal(drops(bed, 0, DROP_NO_BUFFER), 1);
	fake_frontend_reap(bed->guests[0], 0);
	assert_true(tx(bed, 0)->tx_error > 0);
	send_frame(bed, 0, frame, make_frame(frame, 1, 0, sizeof(frame)));
	assert_int_equal(recv_frame(bed, 1, got, sizeof(got)), sizeof(frame));
	assert_memory_equal(got, frame, sizeof(frame));
}

/*
 * Killed in the middle of a turn, with answers written and not published: the next backend answers
 * them, with errors and with the right ids, and the guest goes on.
 */
static void
test_takeover(void **state)
{
	static uint8_t frame[9014], got[9014];
	struct bed *bed = *state;
	struct rte_mbuf *pkts[PORT_BURST_MAX];
	struct vif_lost lost = { 0 };
	struct vif *vif;
	uint16_t n;

	start(bed, false);
	vif = netback_find(bed->sw->netback, "vif1.0");
	for (int i = 0; i < 5; i++)
		send_frame(bed, 0, frame, make_frame(frame, 1, 0, i & 1 ? 60 : 9014));
	n = vif_rx_burst(bed->worker->hypervisor, vif_queue(vif, 0, false), pool, pkts,
			 PORT_BURST_MAX, &lost);
	assert_int_equal(n, 5);
	rte_pktmbuf_free_bulk(pkts, n);
	assert_int_equal(fake_frontend_reap(bed->guests[0], 0), 0);
	stop_switch(bed);
	start_switch(bed);
	add_bridge(bed, "xenbr0");
	for (int try = 0; try < TRIES && !all_connected(bed); try++)
		wait_once(bed);
	assert_true(all_connected(bed));
	run(bed);
	assert_int_equal(fake_frontend_reap(bed->guests[0], 0), 3 * 3 + 2);
	assert_int_equal(tx(bed, 0)->tx_error, 3 * 3 + 2);
	assert_null(bed->guests[0]->broken);
	for (int i = 0; i < GUESTS; i++)
		port_mtu_set(vif_dp(bed, i), MTU);
	send_frame(bed, 0, frame, make_frame(frame, 1, 0, sizeof(frame)));
	assert_int_equal(recv_frame(bed, 1, got, sizeof(got)), sizeof(frame));
	assert_memory_equal(got, frame, sizeof(frame));
}

/* The sender's connection goes while its packets are under way: the turn ends as any other. */
static void
test_source_gone(void **state)
{
	static uint8_t frame[9014], got[9014];
	struct bed *bed = *state;

	start(bed, true);
	sink.force = true;
	send_frame(bed, 0, frame, make_frame(frame, -1, 0, sizeof(frame)));
	run_once(bed);
	assert_int_equal(sink.n, 1);
	sink.force = false;
	assert_int_equal(tx(bed, 0)->tx->rsp_prod, tx(bed, 0)->tx_prod);
	fake_toolstack_remove(bed->fake, &configs[0]);
	run(bed);
	assert_int_equal(fake_hypervisor_counts(bed->fake).maps, 2 * 2);
	fake_frontend_destroy(bed->guests[0]);
	bed->guests[0] = bed->guests[2];
	bed->guests[2] = NULL;
	make_frame(frame, 1, 2, sizeof(frame));
	send_frame(bed, 0, frame, sizeof(frame));
	while (recv_frame(bed, 1, got, sizeof(got)) > 0)
		;
	assert_memory_equal(got, frame, sizeof(frame));
	assert_balance(bed);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_direct, teardown_direct)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_to_guest),
		TEST(test_hairpin),
		TEST(test_small),
		TEST(test_no_room),
		TEST(test_order),
		TEST(test_answers_late),
		TEST(test_flood),
		TEST(test_fill),
		TEST(test_skip),
		TEST(test_offloads),
		TEST(test_vlan),
		TEST(test_source_fails),
		TEST(test_source_fails_between),
		TEST(test_call_fails),
		TEST(test_destination_fails),
		TEST(test_dropped),
		TEST(test_captured),
		TEST(test_mirrored),
		TEST(test_no_mbufs),
		TEST(test_takeover),
		TEST(test_source_gone),
	};

	start_eal();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
