/* SPDX-License-Identifier: BSD-3-Clause */
/* Packet buffers that are pages: what they are like, and how guests' packets lie in them. */
#include <errno.h>

#include "netback_bed.h"

#include "hypervisor_xen_pages.h"

#define ROOM (PACKET_PAGE_SIZE - RTE_PKTMBUF_HEADROOM) /* of a packet's first buffer */
#define PAGE PACKET_PAGE_SIZE

/* Send a packet of slots of these lengths, as netfront does. Return: it, as received. */
static struct rte_mbuf *
send_slots(struct bed *bed, const uint16_t *lens, uint32_t n)
{
	struct rte_mbuf *pkts[VIF_BURST_MAX];
	uint32_t total = 0;

	for (uint32_t i = 0; i < n; i++)
		total += lens[i];
	for (uint32_t i = 0; i < n; i++)
		raw(bed, good_ref(bed), (uint16_t)(PAGE - lens[i]),
		    i + 1 < n ? NETTXF_more_data : 0, (uint16_t)i,
		    (uint16_t)(i == 0 ? total : lens[i]));
	fake_frontend_push(bed->frontend, 0);
	assert_int_equal(receive(bed, pkts, VIF_BURST_MAX), 1);
	assert_int_equal(pkts[0]->pkt_len, total);
	rte_mbuf_sanity_check(pkts[0], 1);
	/* made by hand: the driver knows nothing of them */
	bed->frontend->queues[0].tx_cons = bed->frontend->queues[0].tx->rsp_prod;
	return pkts[0];
}

static void
assert_segments(const struct rte_mbuf *pkt, const uint16_t *lens, uint32_t n)
{
	const struct rte_mbuf *seg = pkt;

	assert_int_equal(pkt->nb_segs, n);
	for (uint32_t i = 0; i < n; i++, seg = seg->next) {
		assert_int_equal(seg->data_len, lens[i]);
	}
}

static uint32_t
count(const uint16_t *lens, uint32_t max)
{
	uint32_t n = 0;

	while (n < max && lens[n] != 0)
		n++;
	return n;
}

/* A slot is a copy, and a large one a buffer, from which headers are taken that lie in it. */
static void
test_slots(void **state)
{
	static const struct {
		uint16_t slots[18], segs[20];
		uint32_t n_copies;
	} shapes[] = {
		{ { 60 }, { 60 }, 1 },
		{ { ROOM }, { ROOM }, 1 },
		{ { PAGE }, { ROOM, PAGE - ROOM }, 2 },
		{ { 66, 1448 }, { 1514 }, 2 },
		{ { 66, PAGE, PAGE }, { 256, PAGE - 190, PAGE }, 3 },
		{ { 256, PAGE }, { 256, PAGE }, 2 },
		{ { 300, PAGE }, { 300, PAGE }, 2 },
		/* where there is room, what follows is appended */
		{ { 66, 4000, 96 }, { 256, 3906 }, 3 },
		{ { 66, 4000, 97 }, { 256, 3810, 97 }, 3 },
		/* headers in slots of their own */
		{ { 14, 20, 32, PAGE }, { 256, PAGE - 190 }, 4 },
	};
	struct bed *bed = *state;

	for (unsigned int i = 0; i < RTE_DIM(shapes); i++) {
		uint64_t before = bed->vif->rings->queues[0].tx.stats.copies;
		struct rte_mbuf *pkt = send_slots(bed, shapes[i].slots,
						  count(shapes[i].slots, RTE_DIM(shapes[i].slots)));

		assert_segments(pkt, shapes[i].segs,
				count(shapes[i].segs, RTE_DIM(shapes[i].segs)));
		assert_int_equal(bed->vif->rings->queues[0].tx.stats.copies - before,
				 shapes[i].n_copies);
		rte_pktmbuf_free(pkt);
	}
}

/* Whatever the slots are like: headers lie in one piece, and no buffers are wasted. */
static void
test_headers(void **state)
{
	struct bed *bed = *state;
	uint16_t lens[18];

	srand(1);
	for (unsigned int i = 0; i < 2000; i++) {
		uint32_t n = 1 + (uint32_t)rand() % RTE_DIM(lens), most = i % 2 ? PAGE : 300;
		struct rte_mbuf *pkt;

		for (uint32_t k = 0; k < n; k++)
			lens[k] = (uint16_t)(14 + (uint32_t)rand() % (most - 13));
		/* the first request's length is the packet's: of 16 bits */
		for (uint32_t k = 0, left = 65535 - 18 * 14; k < n; left -= lens[k++] - 14)
			lens[k] = (uint16_t)RTE_MIN(lens[k], 14 + left);
		pkt = send_slots(bed, lens, n);
		assert_true(pkt->data_len >= RTE_MIN(pkt->pkt_len, PORT_HEADER_LEN));
		for (const struct rte_mbuf *seg = pkt->next; seg != NULL && seg->next != NULL;
		     seg = seg->next)
			assert_true(seg->data_off + seg->data_len + seg->next->data_len > PAGE);
		rte_pktmbuf_free(pkt);
	}
}

/* A packet in segments of these lengths. */
static struct rte_mbuf *
make_segments(const uint8_t *data, const uint16_t *lens, uint32_t n)
{
	struct rte_mbuf *pkt = NULL;

	for (uint32_t i = 0; i < n; data += lens[i++]) {
		struct rte_mbuf *seg = i == 0 ? rte_pktmbuf_alloc(pool) : packet_tail(pool);

		memcpy(rte_pktmbuf_append(seg, lens[i]), data, lens[i]);
		if (pkt == NULL)
			pkt = seg;
		else
			assert_int_equal(rte_pktmbuf_chain(pkt, seg), 0);
	}
	return pkt;
}

/* Towards a guest: a page for each segment where that saves copies, and the guest may take it. */
static void
test_layout(void **state)
{
	static const struct {
		uint16_t segs[20];
		uint32_t n_pages, n_copies;
	} shapes[] = {
		{ { 60 }, 1, 1 },
		{ { ROOM }, 1, 1 },
		{ { 100, 200 }, 1, 2 },
		{ { ROOM, 128 }, 1, 2 },
		{ { ROOM, 129 }, 2, 2 },
		{ { 256, PAGE - 190, PAGE, 700 }, 4, 4 },
		{ { ROOM, PAGE, 936 }, 3, 3 },
		/* 2 KiB buffers fill pages as well as they can */
		{ { 2048, 2048, 2048, 2048, 800 }, 3, 5 },
		/* more pages than what they save: filled in order */
		{ { 2000, 2000, 2000, 2000, 1000 }, 3, 7 },
		/* 17 pages, and one more behind headers alone */
		{ { ROOM, PAGE, PAGE, PAGE, PAGE, PAGE, PAGE, PAGE, PAGE, PAGE, PAGE, PAGE, PAGE,
		    PAGE, PAGE, PAGE, 127 },
		  17,
		  17 },
		{ { 256, 3900, PAGE, PAGE, PAGE, PAGE, PAGE, PAGE, PAGE, PAGE, PAGE, PAGE, PAGE,
		    PAGE, PAGE, PAGE, 3000, 900 },
		  18,
		  18 },
		{ { 257, 3900, PAGE, PAGE, PAGE, PAGE, PAGE, PAGE, PAGE, PAGE, PAGE, PAGE, PAGE,
		    PAGE, PAGE, PAGE, 3000, 900 },
		  16,
		  33 },
	};
	static uint8_t data[65536], buf[65536];
	struct bed *bed = *state;

	for (unsigned int i = 0; i < RTE_DIM(shapes); i++) {
		const struct vif_ring_stats *stats = &bed->vif->rings->queues[0].rx.stats;
		uint64_t slots = stats->slots, copies = stats->copies;
		uint32_t n = count(shapes[i].segs, RTE_DIM(shapes[i].segs)), len;
		struct rte_mbuf *pkt;

		fill(data, sizeof(data), i);
		pkt = make_segments(data, shapes[i].segs, n);
		len = pkt->pkt_len;
		assert_int_equal(transmit(bed, &pkt, 1), 1);
		assert_int_equal(stats->slots - slots, shapes[i].n_pages);
		assert_int_equal(stats->copies - copies, shapes[i].n_copies);
		assert_int_equal(fake_frontend_recv(bed->frontend, 0, buf, sizeof(buf), NULL), len);
		assert_memory_equal(buf, data, len);
	}
	assert_null(bed->frontend->broken);
}

/* Whose data is it? */
static void
test_writable(void **state)
{
	static uint8_t data[6000];
	struct rte_mempool *plain = rte_mempool_lookup("plain");
	struct rte_mbuf *pkt, *copy, *clone;

	(void)state;
	if (plain == NULL)
		plain = packet_pool_create("plain", 63, 0, NULL);
	assert_non_null(plain);
	fill(data, sizeof(data), 1);
	pkt = make_packet(data, sizeof(data), 3000);
	assert_true(packet_writable(pkt));
	rte_mbuf_refcnt_update(pkt, 1);
	assert_false(packet_writable(pkt));

	copy = packet_copy(pkt, pool);
	assert_packet(copy, data, sizeof(data));
	for (struct rte_mbuf *seg = copy; seg != NULL; seg = seg->next)
		assert_true(seg->ol_flags & RTE_MBUF_F_EXTERNAL);
	assert_true(packet_writable(copy));
	/* as a library of DPDK's might do */
	clone = rte_pktmbuf_clone(copy, plain);
	assert_packet(clone, data, sizeof(data));
	assert_false(packet_writable(copy));
	assert_false(packet_writable(clone));
	rte_pktmbuf_free(clone);
	assert_true(packet_writable(copy));
	rte_pktmbuf_free(copy);
	copy = packet_copy(pkt, plain);
	assert_true(packet_writable(copy));
	assert_int_equal(copy->ol_flags, 0);
	rte_pktmbuf_free(copy);

	rte_mbuf_refcnt_update(pkt, -1);
	assert_true(packet_writable(pkt));
	rte_pktmbuf_free(pkt);
	assert_int_equal(rte_mempool_in_use_count(plain), 0);
}

/* Of which memory there is a grant. */
static void
test_own_pages(void **state)
{
	struct own_pages *pages = own_pages_create(8, false, NULL);
	uint32_t refs[4] = { 100, 200, 300, 400 }, ref = 0;
	uint16_t offset = 0;
	uint8_t *at;

	(void)state;
	assert_non_null(pages);
	at = pages->base;
	memset(at, 1, 8 * PAGE);
	assert_int_equal(pages->n_granted, 0);
	assert_false(own_pages_ref(pages, at, 1, &ref, &offset));
	assert_false(own_pages_ref(NULL, at, 1, &ref, &offset));
	pages->refs = refs;
	pages->n_granted = RTE_DIM(refs);
	assert_true(own_pages_ref(pages, at, PAGE, &ref, &offset));
	assert_int_equal(ref, 100);
	assert_int_equal(offset, 0);
	assert_true(own_pages_ref(pages, at + 4 * PAGE - 1, 1, &ref, &offset));
	assert_int_equal(ref, 400);
	assert_int_equal(offset, PAGE - 1);
	assert_false(own_pages_ref(pages, at + PAGE - 1, 2, &ref, &offset));
	assert_false(own_pages_ref(pages, at + 4 * PAGE, 1, &ref, &offset));
	assert_false(own_pages_ref(pages, at - 1, 1, &ref, &offset));
	assert_false(own_pages_ref(pages, refs, 1, &ref, &offset));
	pages->refs = NULL;
	own_pages_destroy(pages);
	own_pages_destroy(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_slots),    TEST(test_headers),   TEST(test_layout),
		TEST(test_writable), TEST(test_own_pages),
	};

	setenv("VSWITCH_TEST_POOL", "pages", 1);
	start_eal();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
