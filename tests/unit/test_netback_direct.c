/* SPDX-License-Identifier: BSD-3-Clause */
/* Large packets from guest to guest without a stop in between, and where they have to stop. */
#include "direct_bed.h"

#include "capture.h"
#include "fake_port.h"
#include "l4_frame.h"
#include "mirror.h"

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_to_guest), TEST(test_hairpin),      TEST(test_small), TEST(test_no_room),
		TEST(test_order),    TEST(test_answers_late), TEST(test_flood), TEST(test_fill),
		TEST(test_skip),     TEST(test_offloads),     TEST(test_vlan),  TEST(test_captured),
		TEST(test_mirrored),
	};

	start_eal();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
