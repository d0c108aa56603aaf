/* SPDX-License-Identifier: BSD-3-Clause */
/* Flow hashes, and steering packets to a guest's queues by them. */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "netback_bed.h"

#include "fake_ctrl.h"
#include "l4_frame.h"
#include "offload.h"
#include "vif_steer.h"

/* "Verifying the RSS Hash Calculation", Windows driver documentation */
static const uint8_t rss_key[VIF_HASH_KEY_MAX] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
	0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
	0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

static const struct vector {
	const char *destination, *source;
	uint16_t destination_port, source_port;
	uint32_t ip, tcp;
} vectors[] = {
	{ "161.142.100.80", "66.9.149.187", 1766, 2794, 0x323e8fc2, 0x51ccc178 },
	{ "65.69.140.83", "199.92.111.2", 4739, 14230, 0xd718262a, 0xc626b0ea },
	{ "12.22.207.184", "24.19.198.95", 38024, 12898, 0xd2d0a5de, 0x5c2b394a },
	{ "209.142.163.6", "38.27.205.30", 2217, 48228, 0x82989176, 0xafc7327f },
	{ "202.188.127.2", "153.39.163.191", 1303, 44251, 0x5d1809c5, 0x10e828a2 },
	{ "3ffe:2501:200:3::1", "3ffe:2501:200:1fff::7", 1766, 2794, 0x2cc18cd5, 0x40207d3d },
	{ "ff02::1", "3ffe:501:8::260:97ff:fe40:efab", 4739, 14230, 0x0f0c461c, 0xdde51bbf },
	{ "fe80::200:f8ff:fe21:67cf", "3ffe:1900:4545:3:200:f8ff:fe21:67cf", 38024, 44251,
	  0x4b61e985, 0x02d1feef },
};

static void
put16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* A frame between a vector's ends. @tags: VLAN tags; @proto: of the transport. */
static struct rte_mbuf *
vector_packet(const struct vector *vector, unsigned int tags, uint8_t proto)
{
	bool ipv6 = strchr(vector->source, ':') != NULL;
	struct rte_mbuf *pkt = rte_pktmbuf_alloc(pool);
	uint32_t l3 = 14 + tags * 4, l4 = l3 + (ipv6 ? 40 : 20);
	uint8_t *frame = (uint8_t *)rte_pktmbuf_append(pkt, (uint16_t)(l4 + 20));

	memset(frame, 0, l4 + 20);
	for (unsigned int i = 0; i < tags; i++)
		put16(frame + 12 + i * 4, 0x8100);
	put16(frame + l3 - 2, ipv6 ? 0x86dd : 0x0800);
	frame[l3] = ipv6 ? 0x60 : 0x45;
	put16(frame + l3 + (ipv6 ? 4 : 2), ipv6 ? 20 : 40);
	frame[l3 + (ipv6 ? 6 : 9)] = proto;
	inet_pton(ipv6 ? AF_INET6 : AF_INET, vector->source, frame + l3 + (ipv6 ? 8 : 12));
	inet_pton(ipv6 ? AF_INET6 : AF_INET, vector->destination, frame + l3 + (ipv6 ? 24 : 16));
	put16(frame + l4, vector->source_port);
	put16(frame + l4 + 2, vector->destination_port);
	return pkt;
}

static struct vif_hash *
rss_hash(uint32_t types)
{
	struct vif_hash_config config = {
		.algorithm = XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ,
		.types = types,
	};

	memcpy(config.key, rss_key, sizeof(config.key));
	return vif_hash_create(&config);
}

static void
assert_hash(const struct vif_hash *hash, struct rte_mbuf *pkt, uint8_t type, uint32_t value)
{
	struct vif_hash_value got = vif_hash_packet(hash, pkt);

	assert_int_equal(got.type, type);
	assert_int_equal(got.value, value);
	rte_pktmbuf_free(pkt);
}

static void
test_vectors(void **state)
{
	struct vif_hash *all = rss_hash(VIF_HASH_TYPES);
	struct vif_hash *ip =
		rss_hash(XEN_NETIF_CTRL_HASH_TYPE_IPV4 | XEN_NETIF_CTRL_HASH_TYPE_IPV6);
	struct vif_hash *tcp =
		rss_hash(XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP | XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP);

	for (unsigned int i = 0; i < RTE_DIM(vectors); i++) {
		const struct vector *vector = &vectors[i];
		bool ipv6 = strchr(vector->source, ':') != NULL;
		uint8_t ip_type =
			ipv6 ? _XEN_NETIF_CTRL_HASH_TYPE_IPV6 : _XEN_NETIF_CTRL_HASH_TYPE_IPV4;
		uint8_t tcp_type = ipv6 ? _XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP :
					  _XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP;

		for (unsigned int tags = 0; tags < 3; tags++) {
			assert_hash(all, vector_packet(vector, tags, IPPROTO_TCP), tcp_type,
				    vector->tcp);
			assert_hash(all, vector_packet(vector, tags, IPPROTO_UDP), ip_type,
				    vector->ip);
		}
		assert_hash(ip, vector_packet(vector, 0, IPPROTO_TCP), ip_type, vector->ip);
		assert_hash(tcp, vector_packet(vector, 0, IPPROTO_TCP), tcp_type, vector->tcp);
		assert_hash(tcp, vector_packet(vector, 0, IPPROTO_UDP), VIF_HASH_TYPE_NONE, 0);
	}
	free(all);
	free(ip);
	free(tcp);
}

/* Fragments have no ports, and what is not IP, or is cut short, has no hash. */
static void
test_other_packets(void **state)
{
	struct vif_hash *hash = rss_hash(VIF_HASH_TYPES);
	struct rte_mbuf *pkt = vector_packet(&vectors[0], 0, IPPROTO_TCP);

	put16(rte_pktmbuf_mtod(pkt, uint8_t *) + 14 + 6, 0x2000);
	assert_hash(hash, pkt, _XEN_NETIF_CTRL_HASH_TYPE_IPV4, vectors[0].ip);
	pkt = vector_packet(&vectors[0], 0, IPPROTO_TCP);
	put16(rte_pktmbuf_mtod(pkt, uint8_t *) + 12, 0x0806);
	assert_hash(hash, pkt, VIF_HASH_TYPE_NONE, 0);
	for (uint16_t len = 14; len < 74; len++) {
		pkt = vector_packet(&vectors[5], 0, IPPROTO_TCP);
		rte_pktmbuf_trim(pkt, (uint16_t)(pkt->pkt_len - len));
		if (len < 54)
			assert_hash(hash, pkt, VIF_HASH_TYPE_NONE, 0);
		else if (len < 58)
			assert_hash(hash, pkt, _XEN_NETIF_CTRL_HASH_TYPE_IPV6, vectors[5].ip);
		else
			assert_hash(hash, pkt, _XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP, vectors[5].tcp);
	}
	free(hash);
}

static struct rte_mbuf *
flow_packet(uint32_t flow, uint8_t seq)
{
	struct vector vector = vectors[0];
	struct rte_mbuf *pkt;

	vector.source_port = (uint16_t)(flow + 1000);
	pkt = vector_packet(&vector, 0, IPPROTO_UDP);
	*rte_pktmbuf_mtod_offset(pkt, uint8_t *, pkt->data_len - 1) = seq;
	return pkt;
}

static int
setup_queues(void **state)
{
	static const struct fake_frontend_config config = { .domid = 1,
							    .n_queues = 4,
							    .ctrl = true };

	return setup_config(state, &config);
}

static uint16_t
steer(struct bed *bed, struct rte_mbuf **pkts, uint16_t n)
{
	return vif_send(bed->host->threads[0], vif_rings(bed->vif), pkts, n, &bed->lost);
}

/* Flows spread over all queues, and each stays on one, in order. */
static void
test_spread(void **state)
{
	struct bed *bed = *state;
	uint8_t next[64] = { 0 }, queue_of[64], buf[256];
	uint32_t per_queue[4] = { 0 };

	memset(queue_of, 0xff, sizeof(queue_of));
	for (uint8_t seq = 0; seq < 8; seq++) {
		struct rte_mbuf *pkts[64];

		for (uint32_t flow = 0; flow < 64; flow++)
			pkts[flow] = flow_packet(flow, seq);
		assert_int_equal(steer(bed, pkts, 64), 64);
		for (uint16_t i = 0; i < 4; i++) {
			while (fake_frontend_recv(bed->frontend, i, buf, sizeof(buf), NULL) > 0) {
				uint32_t flow = (uint32_t)(buf[34] << 8 | buf[35]) - 1000;

				assert_in_range(flow, 0, 63);
				assert_int_equal(buf[53], next[flow]++);
				assert_true(queue_of[flow] == 0xff || queue_of[flow] == i);
				queue_of[flow] = (uint8_t)i;
				per_queue[i]++;
			}
		}
	}
	for (unsigned int flow = 0; flow < 64; flow++)
		assert_int_equal(next[flow], 8);
	for (unsigned int i = 0; i < 4; i++)
		assert_true(per_queue[i] >= 8 * 64 / 4 / 3);
	assert_null(bed->frontend->broken);
	assert_int_equal(bed->lost.full, 0);
}

/* A burst of none is for no queue. */
static void
test_nothing(void **state)
{
	assert_int_equal(steer(*state, NULL, 0), 0);
}

/* One queue is full: its packets are lost and counted, those of others arrive. */
static void
test_one_queue_full(void **state)
{
	struct bed *bed = *state;
	uint32_t received = 0;
	uint8_t buf[256];

	for (unsigned int round = 0; round < 40; round++) {
		struct rte_mbuf *pkts[64];

		for (uint32_t flow = 0; flow < 64; flow++)
			pkts[flow] = flow_packet(flow, 0);
		assert_int_equal(steer(bed, pkts, 64), 64);
		/* queue 2 is never emptied */
		for (uint16_t i = 0; i < 4; i++)
			while (i != 2 &&
			       fake_frontend_recv(bed->frontend, i, buf, sizeof(buf), NULL) > 0)
				received++;
	}
	assert_true(bed->lost.full > 0);
	assert_int_equal(bed->lost.full_bytes, (uint64_t)bed->lost.full * 54);
	assert_int_equal(received + NETIF_RING_SLOTS + bed->lost.full, 40 * 64);
}

static void
ctrl_ok(struct bed *bed, uint16_t type, uint32_t a, uint32_t b, uint32_t c)
{
	struct xen_netif_ctrl_response response;

	fake_ctrl_put(bed->frontend, type, a, b, c);
	fake_ctrl_push(bed->frontend);
	netback_process(bed->host->netback);
	assert_true(fake_ctrl_take(bed->frontend, &response));
	assert_int_equal(response.status, XEN_NETIF_CTRL_STATUS_SUCCESS);
}

/* As Windows does it: all of it by the control ring. */
static void
configure(struct bed *bed)
{
	struct fake_ctrl *ctrl = &bed->frontend->ctrl;
	uint32_t *mapping = ctrl->page;

	ctrl_ok(bed, XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM, XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ,
		0, 0);
	ctrl_ok(bed, XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS, VIF_HASH_TYPES, 0, 0);
	memcpy(ctrl->page, rss_key, sizeof(rss_key));
	ctrl_ok(bed, XEN_NETIF_CTRL_TYPE_SET_HASH_KEY, ctrl->page_ref, sizeof(rss_key), 0);
	ctrl_ok(bed, XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE, 128, 0, 0);
	for (uint32_t i = 0; i < 128; i++)
		mapping[i] = i * 7 % bed->frontend->n_queues;
	ctrl_ok(bed, XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, ctrl->page_ref, 128, 0);
	assert_null(bed->frontend->broken);
}

/* Packets come on the queue that the guest's table says, and with their hash. */
static void
test_guest_table(void **state)
{
	struct bed *bed = *state;
	struct rte_mbuf *pkts[RTE_DIM(vectors)];
	struct fake_packet packet;
	struct vif_info info;
	uint8_t buf[256];

	configure(bed);
	for (unsigned int i = 0; i < RTE_DIM(vectors); i++)
		pkts[i] = vector_packet(&vectors[i], 0, IPPROTO_TCP);
	assert_int_equal(steer(bed, pkts, RTE_DIM(vectors)), RTE_DIM(vectors));
	for (unsigned int i = 0; i < RTE_DIM(vectors); i++) {
		uint16_t queue = vectors[i].tcp % 128 * 7 % 4;

		assert_true(fake_frontend_recv(bed->frontend, queue, buf, sizeof(buf), &packet) >
			    0);
		assert_true(packet.has_hash);
		assert_int_equal(packet.hash, vectors[i].tcp);
		assert_int_equal(packet.hash_type, i < 5 ? _XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP :
							   _XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP);
	}
	assert_null(bed->frontend->broken);
	vif_info(bed->vif, &info);
	assert_int_equal(info.hash_types, VIF_HASH_TYPES);
	assert_int_equal(info.hash_mapping_size, 128);
	/* switched off again: no hashes any more */
	ctrl_ok(bed, XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM, XEN_NETIF_CTRL_HASH_ALGORITHM_NONE, 0,
		0);
	bed->frontend->ctrl.hash_asked = false;
	fake_host_retire(bed->host);
	pkts[0] = vector_packet(&vectors[0], 0, IPPROTO_TCP);
	assert_int_equal(steer(bed, pkts, 1), 1);
	for (uint16_t i = 0; i < 4; i++)
		fake_frontend_recv(bed->frontend, i, buf, sizeof(buf), NULL);
	assert_null(bed->frontend->broken);
}

static int
setup_ctrl(void **state)
{
	static const struct fake_frontend_config config = { .domid = 1, .ctrl = true };

	return setup_config(state, &config);
}

/* A super-packet has both extras, and needs the slots for them. */
static void
test_super_packet(void **state)
{
	static struct l4_frame frame;
	static uint8_t buf[65535];
	struct bed *bed = *state;
	struct fake_packet packet;
	struct rte_mbuf *pkt;
	uint32_t before;

	configure(bed);
	frame = (struct l4_frame){ .payload = 9000 };
	l4_frame_build(&frame);
	put16(frame.bytes + frame.l4 + 16, l4_frame_pseudo(&frame));
	pkt = l4_frame_mbuf(&frame, pool, 256, 2000);
	assert_int_equal(offload_describe_gso(pkt, 1448, false), 0);
	before = bed->frontend->queues[0].rx->rsp_prod;
	assert_int_equal(steer(bed, &pkt, 1), 1);
	assert_int_equal(bed->frontend->queues[0].rx->rsp_prod - before, 3 + 2);
	assert_int_equal(fake_frontend_recv(bed->frontend, 0, buf, sizeof(buf), &packet),
			 frame.len);
	assert_null(bed->frontend->broken);
	assert_int_equal(packet.mss, 1448);
	assert_true(packet.has_hash);
	assert_memory_equal(buf, frame.bytes, frame.len);
}

/* A page and its hash need two slots: with one free, the packet is not taken. */
static void
test_no_slot_for_hash(void **state)
{
	static const uint8_t plain[60] = { [12] = 0x88, [13] = 0xb5 };
	struct bed *bed = *state;
	struct fake_packet packet;
	struct rte_mbuf *pkt;
	uint8_t buf[256];

	configure(bed);
	for (unsigned int i = 0; i < NETIF_RING_SLOTS / 2 - 1; i++) {
		pkt = vector_packet(&vectors[0], 0, IPPROTO_TCP);
		assert_int_equal(steer(bed, &pkt, 1), 1);
	}
	pkt = make_packet(plain, sizeof(plain), sizeof(plain));
	assert_int_equal(steer(bed, &pkt, 1), 1);
	assert_int_equal(bed->frontend->queues[0].rx->rsp_prod, NETIF_RING_SLOTS - 1);
	pkt = vector_packet(&vectors[0], 0, IPPROTO_TCP);
	assert_int_equal(steer(bed, &pkt, 1), 0);
	rte_pktmbuf_free(pkt);
	assert_int_equal(bed->frontend->queues[0].rx->rsp_prod, NETIF_RING_SLOTS - 1);
	for (unsigned int i = 0; i < NETIF_RING_SLOTS / 2 - 1; i++) {
		assert_true(fake_frontend_recv(bed->frontend, 0, buf, sizeof(buf), &packet) > 0);
		assert_true(packet.has_hash);
	}
	assert_int_equal(fake_frontend_recv(bed->frontend, 0, buf, sizeof(buf), &packet),
			 sizeof(plain));
	assert_false(packet.has_hash);
	assert_null(bed->frontend->broken);
}

/* Small hashes are not told: see vif_hash_is_told(). */
static void
test_small_hash(void **state)
{
	struct vif_hash_value value = { .value = 65535, .type = 0 };
	struct bed *bed = *state;
	struct rte_mbuf *pkt = vector_packet(&vectors[0], 0, IPPROTO_TCP);
	struct fake_packet packet;
	uint8_t buf[256];

	assert_false(vif_hash_is_told(&value));
	value.value++;
	assert_true(vif_hash_is_told(&value));
	configure(bed);
	/* no key: all hashes are 0 */
	ctrl_ok(bed, XEN_NETIF_CTRL_TYPE_SET_HASH_KEY, 0, 0, 0);
	assert_int_equal(steer(bed, &pkt, 1), 1);
	assert_true(fake_frontend_recv(bed->frontend, 0, buf, sizeof(buf), &packet) > 0);
	assert_false(packet.has_hash);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_other_packets),
		cmocka_unit_test_setup_teardown(test_spread, setup_queues, teardown),
		cmocka_unit_test_setup_teardown(test_nothing, setup_queues, teardown),
		cmocka_unit_test_setup_teardown(test_one_queue_full, setup_queues, teardown),
		cmocka_unit_test_setup_teardown(test_guest_table, setup_queues, teardown),
		cmocka_unit_test_setup_teardown(test_super_packet, setup_ctrl, teardown),
		cmocka_unit_test_setup_teardown(test_no_slot_for_hash, setup_ctrl, teardown),
		cmocka_unit_test_setup_teardown(test_small_hash, setup_ctrl, teardown),
	};

	start_eal();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
