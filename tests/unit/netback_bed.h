/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the tests of a vif's rings share: a connected guest, and packets to move.
 *
 * Thread-safety: one thread.
 */
#ifndef TESTS_NETBACK_BED_H
#define TESTS_NETBACK_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rte_eal.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "fake_host.h"
#include "test_pool.h"

static const struct fake_frontend_config guest = { .domid = 1, .split = true };
static struct rte_mempool *pool;

struct bed {
	struct fake_host *host;
	struct fake_frontend *frontend;
	struct vif *vif;
	struct vif_lost lost;
};

static inline int
setup_config(void **state, const struct fake_frontend_config *config)
{
	struct bed *bed = calloc(1, sizeof(*bed));

	bed->host = fake_host_create(1, 4);
	bed->frontend = fake_host_connect(bed->host, config);
	assert_non_null(bed->frontend);
	bed->vif = fake_host_vif(bed->host, config);
	*state = bed;
	return 0;
}

static inline int
setup(void **state)
{
	return setup_config(state, &guest);
}

static inline int
teardown(void **state)
{
	struct bed *bed = *state;

	fake_frontend_destroy(bed->frontend);
	fake_host_destroy(bed->host);
	free(bed);
	/* not one mbuf is left out */
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
	return 0;
}

static inline uint16_t
receive(struct bed *bed, struct rte_mbuf **pkts, uint16_t n)
{
	struct vif_queue *queue = vif_queue(bed->vif, 0, false);

	return queue == NULL ?
		       0 :
		       vif_rx_burst(bed->host->threads[0], queue, pool, pkts, n, &bed->lost);
}

static inline uint16_t
transmit(struct bed *bed, struct rte_mbuf **pkts, uint16_t n)
{
	return vif_tx_burst(bed->host->threads[0], vif_queue(bed->vif, 0, true), pkts, n,
			    &bed->lost);
}

/* A frame with an Ethernet header and a pattern that tells bytes apart. */
static inline void
fill(uint8_t *data, uint32_t len, uint32_t seed)
{
	for (uint32_t i = 0; i < len; i++)
		data[i] = (uint8_t)(i * 7 + (i >> 8) + seed);
}

static inline void
assert_packet(struct rte_mbuf *pkt, const uint8_t *data, uint32_t len)
{
	uint32_t done = 0;
	unsigned int n_segs = 0;

	assert_int_equal(pkt->pkt_len, len);
	assert_true(pkt->data_len >= RTE_MIN(len, 256u));
	for (struct rte_mbuf *seg = pkt; seg != NULL; seg = seg->next, n_segs++) {
		assert_memory_equal(rte_pktmbuf_mtod(seg, void *), data + done, seg->data_len);
		done += seg->data_len;
	}
	assert_int_equal(done, len);
	assert_int_equal(n_segs, pkt->nb_segs);
	rte_mbuf_sanity_check(pkt, 1);
}

/* Send one frame and receive it. */
static inline void
send_one(struct bed *bed, uint32_t len, uint16_t slot_len, uint16_t offset)
{
	static uint8_t data[65535];
	struct fake_frame frame = {
		.data = data, .len = len, .slot_len = slot_len, .offset = offset
	};
	struct rte_mbuf *pkts[VIF_BURST_MAX];
	int n_slots;

	fill(data, len, len + offset);
	n_slots = fake_frontend_send(bed->frontend, 0, &frame);
	assert_true(n_slots > 0);
	assert_int_equal(receive(bed, pkts, VIF_BURST_MAX), 1);
	assert_packet(pkts[0], data, len);
	rte_pktmbuf_free(pkts[0]);
	assert_int_equal(fake_frontend_reap(bed->frontend, 0), n_slots);
	assert_null(bed->frontend->broken);
	assert_int_equal(bed->frontend->queues[0].tx_error, 0);
}

static const uint8_t udp_frame[] = {
	0x02, 0,    0,  0,  0, 2,  0x02, 0,    0,   0,   0,    1,    0x08, 0x00, /* Ethernet */
	0x45, 0,    0,  32, 0, 0,  0x40, 0,    64,  17,  0x26, 0xcb, 10,   0,
	0,    1,    10, 0,  0, 2,                                   /* IPv4 */
	0x12, 0x34, 0,  53, 0, 12, 0x14, 0x1d, 'a', 'b', 'c',  'd', /* UDP; pseudo header's sum */
};

/* A packet of @len bytes in segments of at most @seg_len. */
static inline struct rte_mbuf *
make_packet(const uint8_t *data, uint32_t len, uint16_t seg_len)
{
	struct rte_mbuf *pkt = NULL, *seg;

	for (uint32_t done = 0, part; done < len; done += part) {
		part = RTE_MIN(len - done, seg_len);
		seg = rte_pktmbuf_alloc(pool);
		memcpy(rte_pktmbuf_append(seg, (uint16_t)part), data + done, part);
		if (pkt == NULL)
			pkt = seg;
		else
			assert_int_equal(rte_pktmbuf_chain(pkt, seg), 0);
	}
	return pkt;
}

/* A grant that is good, for requests made by hand. */
static inline uint32_t
good_ref(struct bed *bed)
{
	static uint32_t ref;

	fake_grant(bed->host->fake, guest.domid, &ref);
	return ref;
}

static inline void
raw(struct bed *bed, uint32_t gref, uint16_t offset, uint16_t flags, uint16_t id, uint16_t size)
{
	struct netif_tx_request request = {
		.gref = gref, .offset = offset, .flags = flags, .id = id, .size = size
	};

	fake_frontend_raw(bed->frontend, 0, &request);
}

static inline void
raw_extra(struct bed *bed, const struct netif_extra_info *extra)
{
	uint8_t entry[12] = { 0 };

	memcpy(entry, extra, sizeof(*extra));
	fake_frontend_raw(bed->frontend, 0, entry);
}

static inline void
assert_response(struct bed *bed, uint32_t index, int id, int status)
{
	const struct netif_tx_response *response =
		&bed->frontend->queues[0].tx->ring[index & NETIF_RING_MASK].rsp;

	if (id >= 0)
		assert_int_equal(response->id, id);
	assert_int_equal(response->status, status);
}

static inline void
start_eal(void)
{
	static char text[][24] = {
		"test",           "--no-huge",         "--no-shconf", "--no-pci",
		"--no-telemetry", "--log-level=error", "-m",          "64",
		"--lcores=0",
	};
	char *args[RTE_DIM(text) + 1] = { NULL };

	for (unsigned int i = 0; i < RTE_DIM(text); i++)
		args[i] = text[i];
	if (rte_eal_init(RTE_DIM(text), args) < 0)
		exit(EXIT_FAILURE);
	pool = test_pool_create("mbufs", 4095);
	if (pool == NULL)
		exit(EXIT_FAILURE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif /* TESTS_NETBACK_BED_H */
