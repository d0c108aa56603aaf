/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a hostile guest can try: what is checked, by which test, and those that are nowhere else.
 * Test programs are named by their last part: rings is test_netback_rings.c, and so on. Of
 * everything together there is tests/fuzz/fuzz_guest.c.
 *
 * Requests (a broken ring disables the vif, an error is answered, and the next packet goes on):
 *
 *	more requests than the ring has slots	rings: requests_overflow, requests_backwards;
 *						to_guest: buffers_overflow; ctrl: ring_overflow
 *	the same when the ring is mapped	states: bad_indices; here: ctrl_indices;
 *						failures: reattach_hostile
 *	fewer slots than the packet needs	rings: more_data_missing
 *	extra info without a slot, type unknown	rings: extra_missing, extra_chain_missing,
 *						extra_unknown, extra_none
 *	fragment larger than the packet		rings: fragment_larger_than_packet
 *	offset + size beyond the page		rings: first_crosses_page,
 *						first_crosses_page_wrapped, fragment_crosses_page
 *	first fragment without an Ethernet	rings: short_packets
 *		header
 *	GSO of size 0 or an unknown type	rings: gso_size_0, gso_unknown; gso: from_guest_bad
 *	18 fragments and more, 20 and more	rings: slot_counts, too_many_slots,
 *						far_too_many_slots
 *	fragments of no length			rings: empty_fragment; here: empty_fragment_pending
 *	grants that cannot be copied or mapped	rings: bad_grant; to_guest: to_guest_bad_grant;
 *						ctrl: copy_fails; grants: add_refused;
 *						direct: source_fails, destination_fails;
 *						states: bad_keys
 *	credit exceeded				rate: limited, shared
 *	requests that change while they are	here: changes_from_guest, changes_to_guest,
 *		read				scribbler
 *	data that changes after it was checked	here: headers_kept, scribbler
 *	more than a turn's work			rings: budget; vif_hostile: ring_flood;
 *						ctrl: flood, flood_and_reconnect
 *	ids of any value, and repeated		here: any_id; to_guest: to_guest_echoes_id
 *	grants named twice, of rings, of other	rings: strange_grants; here: own_rings_as_buffers;
 *		devices				grants: add_refused
 *	rings named twice, channels named twice	failures: shared_ring_page; here: channel_twice
 *	buffers that are never posted		to_guest: to_guest_full; vif_hostile: hoarder
 *	one free buffer, and a packet for two	to_guest: to_guest_full; gso: to_guest_full;
 *						hash: no_slot_for_hash
 *	more headers than are looked at		here: long_headers
 *	all static grants for one guest		grants: share_of_a_vif, all_in_use
 *	connecting in a loop			reconnect: loop, other_loops;
 *						ctrl: flood_and_reconnect;
 *						vif_hostile: breaks_for_ever
 *
 * What security advisories teach (XSA-):
 *
 *   39          loops end, nothing is kept after errors    rings: no_buffers, far_too_many_slots
 *   90          workers do not close what they use         rings: broken_after_good;
 *                                                          vif_port: threaded_churn
 *   155         shared memory is read once                 here: changes_*, scribbler
 *   175, 178    the frontend's directory is not believed   here: lies; states: bad_keys
 *   216         answers hold nothing but the answer        here: answers_leak_nothing
 *   270         hash tables: copied, checked, then used    ctrl: mapping
 *   332         events are taken late, and few at a time   rings: notifications; ctrl: event_storm;
 *                                                          vif_hostile: event_flood
 *   349         guests make no watch events at will        states: watch_storm; here: other_keys
 *   361 to 367  every grant operation has a status         rings: bad_grant;
 *                                                          restart: copy_call_fails;
 *                                                          to_guest: to_guest_bad_grant,
 *                                                          to_guest_copy_call_fails
 *   374         what is down can be taken down again       here: closed_twice;
 *                                                          states: stop_while_closing
 *   391         no notifications that nobody asked for     rings: notifications
 *   392         guests do not hoard our memory             vif_hostile: hoarder
 *   396         unmapped before it is answered             grants: grace; direct: answers_late
 *   423         headers are in the first segment           rings: frames; here: headers_kept
 *   424         no lock is held when packets are dropped   vif_port: threaded_churn
 *   432         few bytes in many slots                    rings: frames, slot_counts
 *   448         fragments of no length                     as above
 *   others      403, 405, 457 and 465 are the frontend's
 */
#include "netback_bed.h"

#include <pthread.h>
#include <poll.h>

#include "l4_frame.h"
#include "vif_pending.h"

static const struct fake_frontend_config second = { .domid = 2, .n_queues = 2 };

/* Overwrite all entries of a ring. */
static void
overwrite_tx(void *arg)
{
	struct bed *bed = arg;

	memset(bed->frontend->queues[0].tx->ring, 0xff,
	       sizeof(bed->frontend->queues[0].tx->ring[0]) * NETIF_RING_SLOTS);
}

static void
overwrite_rx(void *arg)
{
	struct bed *bed = arg;

	memset(bed->frontend->queues[0].rx->ring, 0xff,
	       sizeof(bed->frontend->queues[0].rx->ring[0]) * NETIF_RING_SLOTS);
}

/* All of the requests change between their being checked and the copy of what they name. */
static void
test_changes_from_guest(void **state)
{
	struct bed *bed = *state;
	uint8_t data[3000];
	struct fake_frame frame = { .data = data, .len = sizeof(data), .slot_len = 1000 };
	struct rte_mbuf *pkts[VIF_BURST_MAX];

	fill(data, sizeof(data), 1);
	assert_int_equal(fake_frontend_send(bed->frontend, 0, &frame), 3);
	fake_before(bed->host->fake, FAKE_OP_COPY, overwrite_tx, bed);
	assert_int_equal(receive(bed, pkts, VIF_BURST_MAX), 1);
	assert_packet(pkts[0], data, sizeof(data));
	rte_pktmbuf_free(pkts[0]);
	for (uint32_t i = 0; i < 3; i++)
		assert_response(bed, i, (int)i, NETIF_RSP_OKAY);
	assert_int_equal(bed->frontend->queues[0].tx->rsp_prod, 3);
	assert_null(vif_rings_broken(bed->vif->rings));
}

static void
test_changes_to_guest(void **state)
{
	struct bed *bed = *state;
	uint8_t data[9000], got[9000];
	struct rte_mbuf *pkt;

	fill(data, sizeof(data), 2);
	pkt = make_packet(data, sizeof(data), 2000);
	fake_before(bed->host->fake, FAKE_OP_COPY, overwrite_rx, bed);
	assert_int_equal(transmit(bed, &pkt, 1), 1);
	assert_int_equal(fake_frontend_recv(bed->frontend, 0, got, sizeof(got), NULL),
			 sizeof(data));
	assert_memory_equal(got, data, sizeof(data));
	assert_null(bed->frontend->broken);
}

/* A guest that writes to its rings and buffers without end, on a processor of its own. */
struct scribbler {
	struct fake_queue *queue;
	uint8_t *page;
	bool stop;
};

static void *
scribble(void *arg)
{
	struct scribbler *scribbler = arg;
	uint32_t *rings[2] = { (uint32_t *)scribbler->queue->tx, (uint32_t *)scribbler->queue->rx };
	uint32_t random = 1;

	while (!__atomic_load_n(&scribbler->stop, __ATOMIC_RELAXED)) {
		random = random * 1664525 + 1013904223;
		/* an entry's words: small numbers make sense in most places */
		__atomic_store_n(&rings[random >> 31][16 + (random >> 8) % 700],
				 random >> 20 & 15 ? random >> 24 & 63 : random >> 12,
				 __ATOMIC_RELAXED);
		__atomic_store_n(&scribbler->page[random >> 16 & 4095], (uint8_t)random,
				 __ATOMIC_RELAXED);
	}
	return NULL;
}

/* Offer what is in the ring, and look at what the backend makes of it. */
static void
scribbled_bursts(struct bed *bed, struct scribbler *scribbler)
{
	struct fake_queue *queue = scribbler->queue;
	struct rte_mbuf *pkts[VIF_BURST_MAX];
	uint8_t data[1500] = { 0 };

	for (unsigned int i = 0; i < 100 && vif_rings_broken(bed->vif->rings) == NULL; i++) {
		uint16_t n;

		__atomic_store_n(&queue->tx->req_prod, queue->tx->rsp_prod + i % 32,
				 __ATOMIC_RELEASE);
		__atomic_store_n(&queue->rx->req_prod, queue->rx->rsp_prod + i % 32,
				 __ATOMIC_RELEASE);
		n = receive(bed, pkts, VIF_BURST_MAX);
		for (uint16_t k = 0; k < n; k++) {
			rte_mbuf_sanity_check(pkts[k], 1);
			assert_true(pkts[k]->data_len >= RTE_MIN(pkts[k]->pkt_len, 256u));
		}
		rte_pktmbuf_free_bulk(pkts, n);
		pkts[0] = make_packet(data, sizeof(data), 700);
		rte_pktmbuf_free_bulk(pkts, 1 - transmit(bed, pkts, 1));
	}
}

static void
test_scribbler(void **state)
{
	struct bed *bed = *state;

	for (unsigned int round = 0; round < 200; round++) {
		struct scribbler scribbler = { .queue = &bed->frontend->queues[0] };
		uint32_t ref;
		pthread_t thread;

		scribbler.page = fake_grant(bed->host->fake, guest.domid, &ref);
		assert_int_equal(pthread_create(&thread, NULL, scribble, &scribbler), 0);
		scribbled_bursts(bed, &scribbler);
		__atomic_store_n(&scribbler.stop, true, __ATOMIC_RELAXED);
		pthread_join(thread, NULL);

		fake_toolstack_remove(bed->host->fake, &guest);
		fake_frontend_destroy(bed->frontend);
		fake_ungrant(bed->host->fake, guest.domid, ref);
		fake_host_settle(bed->host, NULL, 0);
		bed->frontend = fake_host_connect(bed->host, &guest);
		assert_non_null(bed->frontend);
		bed->vif = fake_host_vif(bed->host, &guest);
	}
}

static void
leave_pending(struct bed *bed)
{
	bed->host->threads[0]->direct_min = VIF_DIRECT_MIN;
}

/* What was looked at is what goes out, though the guest's page holds something else by now. */
static void
test_headers_kept(void **state)
{
	struct bed *bed = *state;
	struct fake_queue *queue = &bed->frontend->queues[0];
	uint8_t data[9000];
	struct fake_frame frame = { .data = data, .len = sizeof(data) };
	struct rte_mbuf *pkts[VIF_BURST_MAX];

	leave_pending(bed);
	fill(data, sizeof(data), 3);
	assert_int_equal(fake_frontend_send(bed->frontend, 0, &frame), 3);
	assert_int_equal(receive(bed, pkts, VIF_BURST_MAX), 1);
	assert_true(pkts[0]->ol_flags & PORT_PENDING);
	for (unsigned int i = 0; i < 3; i++)
		memset(queue->tx_pages[i], 0xee, HYPERVISOR_PAGE_SIZE);
	overwrite_tx(bed);
	vif_pending_fill(bed->host->threads[0], pkts, 1);
	assert_false(pkts[0]->ol_flags & PORT_PENDING);
	assert_int_equal(pkts[0]->pkt_len, sizeof(data));
	assert_true(pkts[0]->data_len >= PORT_HEADER_LEN);
	assert_memory_equal(rte_pktmbuf_mtod(pkts[0], void *), data, pkts[0]->data_len);
	assert_int_equal(*rte_pktmbuf_mtod(pkts[0]->next, uint8_t *), 0xee);
	rte_mbuf_sanity_check(pkts[0], 1);
	rte_pktmbuf_free(pkts[0]);
	vif_pending_done(bed->host->threads[0]);
	assert_int_equal(queue->tx->rsp_prod, 3);
}

/* IPv6 with so many bytes of destination options. Return: packets that came. */
static uint16_t
send_long_headers(struct bed *bed, int options, uint32_t payload, uint16_t flags)
{
	static struct l4_frame frame;
	struct fake_frame sent = { .data = frame.bytes, .flags = flags };
	struct rte_mbuf *pkts[VIF_BURST_MAX];
	uint16_t n;

	frame = (struct l4_frame){ .ipv6 = true, .ip_options = options, .payload = payload };
	l4_frame_build(&frame);
	sent.len = frame.len;
	assert_true(fake_frontend_send(bed->frontend, 0, &sent) > 0);
	n = receive(bed, pkts, VIF_BURST_MAX);
	for (uint16_t i = 0; i < n; i++) {
		assert_int_equal(!!(pkts[i]->ol_flags & PORT_PENDING), payload > VIF_DIRECT_MIN);
		assert_int_equal(!!(pkts[i]->ol_flags & RTE_MBUF_F_TX_TCP_CKSUM), flags != 0);
		rte_pktmbuf_free(pkts[i]);
	}
	vif_pending_done(bed->host->threads[0]);
	assert_true(fake_frontend_reap(bed->frontend, 0) > 0);
	return n;
}

/*
 * More headers than are looked at (port.h): a large packet whose checksum cannot be found is
 * dropped and counted. One that needs nothing done, or that is here as a whole, goes on.
 */
static void
test_long_headers(void **state)
{
	static const int fits = 176, too_many = 192; /* 14 + 40 + 20 bytes besides */
	struct bed *bed = *state;

	leave_pending(bed);
	assert_int_equal(send_long_headers(bed, fits, 8000, NETTXF_csum_blank), 1);
	assert_int_equal(send_long_headers(bed, too_many, 1000, NETTXF_csum_blank), 1);
	assert_int_equal(send_long_headers(bed, too_many, 8000, 0), 1);
	assert_int_equal(bed->lost.bad_frame, 0);
	assert_int_equal(send_long_headers(bed, too_many, 8000, NETTXF_csum_blank), 0);
	assert_int_equal(bed->lost.bad_frame, 1);
	assert_null(bed->frontend->broken);
	assert_null(vif_rings_broken(bed->vif->rings));
}

static void
test_empty_fragment_pending(void **state)
{
	struct bed *bed = *state;
	struct rte_mbuf *pkts[VIF_BURST_MAX];
	uint32_t ref = good_ref(bed);

	leave_pending(bed);
	raw(bed, ref, 0, NETTXF_more_data, 5, 5000);
	raw(bed, UINT32_MAX, 4096, NETTXF_more_data, 6, 0);
	raw(bed, ref, 1000, NETTXF_more_data, 7, 3000);
	raw(bed, UINT32_MAX, 0, NETTXF_more_data, 8, 0);
	raw(bed, ref, 0, 0, 9, 1986);
	fake_frontend_push(bed->frontend, 0);
	assert_int_equal(receive(bed, pkts, VIF_BURST_MAX), 1);
	assert_true(pkts[0]->ol_flags & PORT_PENDING);
	vif_pending_fill(bed->host->threads[0], pkts, 1);
	assert_false(pkts[0]->ol_flags & PORT_PENDING);
	assert_int_equal(pkts[0]->pkt_len, 5000);
	rte_mbuf_sanity_check(pkts[0], 1);
	rte_pktmbuf_free(pkts[0]);
	vif_pending_done(bed->host->threads[0]);
	for (uint32_t i = 0; i < 5; i++)
		assert_response(bed, i, (int)i + 5, NETIF_RSP_OKAY);
	assert_int_equal(fake_hypervisor_counts(bed->host->fake).copy_errors, 0);
}

static void
test_any_id(void **state)
{
	struct bed *bed = *state;
	struct rte_mbuf *pkts[VIF_BURST_MAX];
	static const uint16_t ids[] = { 0xffff, 0x3ff, 0, 256, 0xffff, 0xffff, 0x8000 };
	uint32_t ref = good_ref(bed);

	for (uint32_t i = 0; i < RTE_DIM(ids); i++)
		raw(bed, ref, 0, 0, ids[i], 60);
	fake_frontend_push(bed->frontend, 0);
	assert_int_equal(receive(bed, pkts, VIF_BURST_MAX), RTE_DIM(ids));
	rte_pktmbuf_free_bulk(pkts, RTE_DIM(ids));
	for (uint32_t i = 0; i < RTE_DIM(ids); i++)
		assert_response(bed, i, ids[i], NETIF_RSP_OKAY);
}

/* Of an answer's slot only id and status are written, of a buffer only what the packet fills. */
static void
test_answers_leak_nothing(void **state)
{
	struct bed *bed = *state;
	struct fake_queue *queue = &bed->frontend->queues[0];
	uint8_t request[12], data[60], untouched[HYPERVISOR_PAGE_SIZE];
	struct rte_mbuf *pkts[VIF_BURST_MAX];

	memset(untouched, 0xa5, sizeof(untouched));
	raw(bed, good_ref(bed), 77, 0, 9, 60);
	memcpy(request, &queue->tx->ring[0], sizeof(request));
	memset(&queue->tx->ring[1], 0xa5, 12);
	fake_frontend_push(bed->frontend, 0);
	assert_int_equal(receive(bed, pkts, VIF_BURST_MAX), 1);
	assert_memory_equal((uint8_t *)&queue->tx->ring[0] + 4, request + 4, 8);
	assert_memory_equal(&queue->tx->ring[1], untouched, 12);
	rte_pktmbuf_free(pkts[0]);

	memset(queue->rx_pages[0], 0xa5, HYPERVISOR_PAGE_SIZE);
	memset(queue->rx_pages[1], 0xa5, HYPERVISOR_PAGE_SIZE);
	memset(data, 1, sizeof(data));
	pkts[0] = make_packet(data, sizeof(data), sizeof(data));
	assert_int_equal(transmit(bed, pkts, 1), 1);
	assert_memory_equal(queue->rx_pages[0], data, sizeof(data));
	assert_memory_equal(queue->rx_pages[0] + 60, untouched, HYPERVISOR_PAGE_SIZE - 60);
	assert_memory_equal(queue->rx_pages[1], untouched, HYPERVISOR_PAGE_SIZE);
	assert_int_equal(queue->rx->ring[0].rsp.status, 60);
	assert_int_equal(queue->rx->ring[0].rsp.flags, 0);
	assert_int_equal(queue->rx->ring[0].rsp.offset, 0);
}

/* Packets that land in the rings themselves: the guest's own loss. */
static void
test_own_rings_as_buffers(void **state)
{
	struct bed *bed = *state;
	struct fake_queue *queue = &bed->frontend->queues[0];
	struct fake_frontend *other = fake_host_connect(bed->host, &second);
	struct vif *other_vif = fake_host_vif(bed->host, &second);
	struct vif_lost lost = { 0 };
	uint8_t data[4096];
	struct rte_mbuf *pkt;

	assert_non_null(other);
	memset(data, 0xc3, sizeof(data));
	for (unsigned int i = 0; i < NETIF_RING_SLOTS; i++)
		queue->rx->ring[i].req.gref = i % 2 ? queue->tx_ref : queue->rx_ref;
	for (unsigned int i = 0; i < 8; i++) {
		struct rte_mbuf *pkts[VIF_BURST_MAX];

		pkt = make_packet(data, sizeof(data), 1000);
		rte_pktmbuf_free_bulk(&pkt, 1 - transmit(bed, &pkt, 1));
		assert_int_equal(receive(bed, pkts, VIF_BURST_MAX), 0);
	}
	assert_non_null(vif_rings_broken(bed->vif->rings));
	pkt = make_packet(data, sizeof(data), 1000);
	assert_int_equal(
		vif_tx_burst(bed->host->threads[0], vif_queue(other_vif, 0, false), &pkt, 1, &lost),
		1);
	assert_int_equal(fake_frontend_recv(other, 0, data, sizeof(data), NULL), sizeof(data));
	fake_frontend_destroy(other);
}

static void
test_channel_twice(void **state)
{
	struct bed *bed = *state;
	struct fake_counts before = fake_hypervisor_counts(bed->host->fake), after;
	struct fake_frontend *other;
	char port[16];

	assert_int_equal(fake_toolstack_attach(bed->host->fake, &second), 0);
	other = fake_frontend_create(bed->host->fake, &second);
	fake_host_settle(bed->host, &other, 1);
	snprintf(port, sizeof(port), "%u", other->queues[0].tx_port);
	fake_frontend_write(other, "queue-1/event-channel", port);
	fake_toolstack_hotplug(bed->host->fake, &second, "connected");
	fake_host_settle(bed->host, NULL, 0);
	assert_int_equal(fake_backend_state(bed->host->fake, &second), XenbusStateClosing);
	after = fake_hypervisor_counts(bed->host->fake);
	assert_int_equal(after.maps, before.maps);
	assert_int_equal(after.bound, before.bound);
	fake_frontend_destroy(other);
}

/* A control ring with more requests than slots, before it is mapped. */
static void
test_ctrl_indices(void **state)
{
	static const struct fake_frontend_config config = { .domid = 3, .ctrl = true };
	struct bed *bed = *state;
	struct fake_counts before = fake_hypervisor_counts(bed->host->fake), after;
	struct fake_frontend *other;

	assert_int_equal(fake_toolstack_attach(bed->host->fake, &config), 0);
	other = fake_frontend_create(bed->host->fake, &config);
	fake_host_settle(bed->host, &other, 1);
	other->ctrl.ring->req_prod = other->ctrl.ring->rsp_prod + FAKE_CTRL_SLOTS + 1;
	fake_toolstack_hotplug(bed->host->fake, &config, "connected");
	fake_host_settle(bed->host, NULL, 0);
	assert_int_equal(fake_backend_state(bed->host->fake, &config), XenbusStateClosing);
	after = fake_hypervisor_counts(bed->host->fake);
	assert_int_equal(after.maps, before.maps);
	assert_int_equal(after.bound, before.bound);
	fake_frontend_destroy(other);
}

/* The frontend's directory names another guest's device as its own. */
static void
test_lies(void **state)
{
	struct bed *bed = *state;
	struct fake_frontend *other = fake_host_connect(bed->host, &second);
	static const uint8_t mac[6] = { 0x00, 0x16, 0x3e, 0x00, 0x01, 0x00 };

	assert_non_null(other);
	fake_frontend_write(bed->frontend, "backend", other->backend);
	fake_frontend_write(bed->frontend, "backend-id", "2");
	fake_frontend_write(bed->frontend, "mac", "00:16:3e:00:02:00");
	fake_frontend_write(bed->frontend, "handle", "7");
	fake_frontend_write(bed->frontend, "vifname", "../2/0");
	fake_frontend_reset(bed->frontend);
	fake_host_settle(bed->host, &bed->frontend, 1);
	assert_int_equal(bed->frontend->state, XenbusStateConnected);
	bed->vif = fake_host_vif(bed->host, &guest);
	assert_memory_equal(bed->vif->mac, mac, sizeof(mac));
	send_one(bed, 60, 0, 0);
	assert_int_equal(bed->host->n_disconnected, 1);
	assert_int_equal(fake_backend_state(bed->host->fake, &second), XenbusStateConnected);
	fake_frontend_destroy(other);
}

/* Only two keys of the frontend's are watched; the others make no work, however often written. */
static void
test_other_keys(void **state)
{
	static const char *const keys[] = { "feature-sg", "mac", "tx-ring-ref", "queue-0/x",
					    "zzz" };
	struct bed *bed = *state;
	struct pollfd fd = { .fd = netback_fd(bed->host->netback), .events = POLLIN };

	netback_process(bed->host->netback);
	assert_int_equal(poll(&fd, 1, 0), 0);
	for (unsigned int i = 0; i < 5000; i++)
		fake_frontend_write(bed->frontend, keys[i % RTE_DIM(keys)], i % 3 ? "1" : NULL);
	assert_int_equal(poll(&fd, 1, 0), 0);
}

static void
test_closed_twice(void **state)
{
	struct bed *bed = *state;
	struct fake_counts counts;

	vif_rings_close(bed->vif->rings);
	vif_rings_close(bed->vif->rings);
	counts = fake_hypervisor_counts(bed->host->fake);
	assert_int_equal(counts.maps + counts.bound, 0);
	/* and again */
	fake_toolstack_remove(bed->host->fake, &guest);
	fake_host_settle(bed->host, NULL, 0);
	assert_null(netback_next(bed->host->netback, NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_changes_from_guest),
		TEST(test_changes_to_guest),
		TEST(test_scribbler),
		TEST(test_headers_kept),
		TEST(test_long_headers),
		TEST(test_empty_fragment_pending),
		TEST(test_any_id),
		TEST(test_answers_leak_nothing),
		TEST(test_own_rings_as_buffers),
		TEST(test_channel_twice),
		TEST(test_lies),
		TEST(test_ctrl_indices),
		TEST(test_other_keys),
		TEST(test_closed_twice),
	};

	start_eal();
	if (vif_pending_register() < 0)
		return EXIT_FAILURE;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
