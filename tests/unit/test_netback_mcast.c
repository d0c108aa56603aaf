/* SPDX-License-Identifier: BSD-3-Clause */
/* Multicast control. */
#include "netback_bed.h"

#include "vif_mcast.h"

static const uint8_t group[6] = { 0x01, 0x00, 0x5e, 0x00, 0x00, 0x01 };
static const uint8_t other[6] = { 0x33, 0x33, 0x00, 0x00, 0x00, 0x01 };
static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
static const uint8_t unicast[6] = { 0x00, 0x16, 0x3e, 0x00, 0x01, 0x00 };

static int
setup_filter(void **state)
{
	static const struct fake_frontend_config config = { .domid = 1, .mcast = true };

	return setup_config(state, &config);
}

/* A message of the guest. Return: the response's status. */
static int
message(struct bed *bed, uint8_t type, const uint8_t address[6])
{
	struct fake_queue *queue = &bed->frontend->queues[0];
	uint32_t first = queue->tx->rsp_prod;
	struct netif_extra_info extra = { .type = type };
	struct rte_mbuf *pkts[VIF_BURST_MAX];

	memcpy(extra.u.mcast.addr, address, 6);
	raw(bed, 0, 0, NETTXF_extra_info, 7, 14);
	raw_extra(bed, &extra);
	fake_frontend_push(bed->frontend, 0);
	assert_int_equal(receive(bed, pkts, VIF_BURST_MAX), 0);
	assert_int_equal(queue->tx->rsp_prod - first, 2);
	assert_response(bed, first + 1, -1, NETIF_RSP_NULL);
	queue->tx_cons = queue->tx_prod;
	return queue->tx->ring[first & NETIF_RING_MASK].rsp.status;
}

/* Does a packet reach the guest? Otherwise it is counted. */
static bool
reaches(struct bed *bed, const uint8_t destination[6])
{
	uint8_t frame[60] = { 0 }, buf[256];
	uint32_t filtered = bed->lost.filtered;
	uint64_t bytes = bed->lost.filtered_bytes;
	struct rte_mbuf *pkt;
	bool reached;

	memcpy(frame, destination, 6);
	pkt = make_packet(frame, sizeof(frame), 2000);
	assert_int_equal(transmit(bed, &pkt, 1), 1);
	reached = fake_frontend_recv(bed->frontend, 0, buf, sizeof(buf), NULL) > 0;
	assert_int_equal(bed->lost.filtered - filtered, reached ? 0 : 1);
	assert_int_equal(bed->lost.filtered_bytes - bytes, reached ? 0 : 60);
	return reached;
}

static void
test_filter(void **state)
{
	struct bed *bed = *state;
	struct vif_info info;

	assert_true(reaches(bed, broadcast));
	assert_true(reaches(bed, unicast));
	assert_false(reaches(bed, group));
	assert_int_equal(message(bed, XEN_NETIF_EXTRA_TYPE_MCAST_ADD, group), NETIF_RSP_OKAY);
	assert_true(reaches(bed, group));
	assert_false(reaches(bed, other));
	assert_int_equal(message(bed, XEN_NETIF_EXTRA_TYPE_MCAST_ADD, other), NETIF_RSP_OKAY);
	assert_true(reaches(bed, other));
	vif_info(bed->vif, &info);
	assert_true(info.mcast_filter);
	assert_int_equal(info.n_mcast, 2);
	assert_int_equal(info.rx_errors, 0);
	assert_int_equal(message(bed, XEN_NETIF_EXTRA_TYPE_MCAST_DEL, group), NETIF_RSP_OKAY);
	assert_false(reaches(bed, group));
	assert_true(reaches(bed, other));
	/* one that is not there */
	assert_int_equal(message(bed, XEN_NETIF_EXTRA_TYPE_MCAST_DEL, group), NETIF_RSP_OKAY);
}

/* A burst with some that are filtered: the others are taken, in order. */
static void
test_burst(void **state)
{
	struct bed *bed = *state;
	struct rte_mbuf *pkts[4];
	uint8_t frame[60] = { 0 }, buf[256];

	for (uint8_t i = 0; i < 4; i++) {
		memcpy(frame, i & 1 ? group : unicast, 6);
		frame[20] = i;
		pkts[i] = make_packet(frame, sizeof(frame), 2000);
	}
	assert_int_equal(transmit(bed, pkts, 4), 4);
	assert_int_equal(bed->lost.filtered, 2);
	for (uint8_t i = 0; i < 4; i += 2) {
		assert_int_equal(fake_frontend_recv(bed->frontend, 0, buf, sizeof(buf), NULL), 60);
		assert_int_equal(buf[20], i);
	}
	assert_int_equal(fake_frontend_recv(bed->frontend, 0, buf, sizeof(buf), NULL), 0);
}

static void
test_limit(void **state)
{
	struct bed *bed = *state;
	uint8_t address[6] = { 0x01, 0, 0x5e, 0, 0, 0 };

	for (uint8_t i = 0; i < VIF_MCAST_MAX; i++) {
		address[5] = i;
		assert_int_equal(message(bed, XEN_NETIF_EXTRA_TYPE_MCAST_ADD, address),
				 NETIF_RSP_OKAY);
	}
	address[5] = VIF_MCAST_MAX;
	assert_int_equal(message(bed, XEN_NETIF_EXTRA_TYPE_MCAST_ADD, address), NETIF_RSP_ERROR);
	assert_false(reaches(bed, address));
	address[5] = VIF_MCAST_MAX - 1;
	assert_true(reaches(bed, address));
	/* those that leave make room */
	address[5] = 3;
	assert_int_equal(message(bed, XEN_NETIF_EXTRA_TYPE_MCAST_DEL, address), NETIF_RSP_OKAY);
	assert_false(reaches(bed, address));
	address[5] = VIF_MCAST_MAX;
	assert_int_equal(message(bed, XEN_NETIF_EXTRA_TYPE_MCAST_ADD, address), NETIF_RSP_OKAY);
	assert_true(reaches(bed, address));
	assert_null(vif_rings_broken(bed->vif->rings));
}

static void
write_request(struct bed *bed, const char *value)
{
	fake_frontend_write(bed->frontend, "request-multicast-control", value);
	netback_process(bed->host->netback);
}

/* The guest may change its mind; the list is kept meanwhile. */
static void
test_dynamic(void **state)
{
	struct bed *bed = *state;

	assert_true(reaches(bed, group));
	assert_int_equal(message(bed, XEN_NETIF_EXTRA_TYPE_MCAST_ADD, group), NETIF_RSP_OKAY);
	assert_true(reaches(bed, other));
	write_request(bed, "1");
	assert_true(reaches(bed, group));
	assert_false(reaches(bed, other));
	write_request(bed, "nonsense");
	assert_true(reaches(bed, other));
	write_request(bed, "1");
	assert_false(reaches(bed, other));
	/* the store fails when the change is to be read: it is read later */
	fake_fail(bed->host->fake, FAKE_OP_READ, 2, EIO);
	write_request(bed, "0");
	fake_fail(bed->host->fake, FAKE_OP_READ, 0, 0);
	fake_host_pass(bed->host, FAKE_HOST_ANYTHING);
	assert_true(reaches(bed, other));
	write_request(bed, NULL);
	assert_true(reaches(bed, other));
	assert_int_equal(bed->frontend->state, XenbusStateConnected);
}

/* A new connection starts with an empty list. */
static void
test_reconnect(void **state)
{
	struct bed *bed = *state;

	assert_int_equal(message(bed, XEN_NETIF_EXTRA_TYPE_MCAST_ADD, group), NETIF_RSP_OKAY);
	fake_frontend_reset(bed->frontend);
	fake_host_settle(bed->host, &bed->frontend, 1);
	assert_int_equal(bed->frontend->state, XenbusStateConnected);
	assert_false(reaches(bed, group));
}

/* After a restart the list is unknown: the guest gets everything until it connects anew. */
static void
test_restart(void **state)
{
	struct bed *bed = *state;
	struct vif_info info;

	assert_int_equal(message(bed, XEN_NETIF_EXTRA_TYPE_MCAST_ADD, group), NETIF_RSP_OKAY);
	fake_host_stop(bed->host);
	fake_host_start(bed->host);
	fake_host_settle(bed->host, &bed->frontend, 1);
	bed->vif = fake_host_vif(bed->host, &bed->frontend->config);
	assert_true(reaches(bed, other));
	vif_info(bed->vif, &info);
	assert_false(info.mcast_filter);
	assert_true(info.mcast_unknown);
	write_request(bed, "0");
	write_request(bed, "1");
	assert_true(reaches(bed, other));
	fake_frontend_reset(bed->frontend);
	fake_host_settle(bed->host, &bed->frontend, 1);
	assert_false(reaches(bed, other));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_filter, setup_filter, teardown),
		cmocka_unit_test_setup_teardown(test_burst, setup_filter, teardown),
		cmocka_unit_test_setup_teardown(test_limit, setup_filter, teardown),
		TEST(test_dynamic),
		cmocka_unit_test_setup_teardown(test_reconnect, setup_filter, teardown),
		cmocka_unit_test_setup_teardown(test_restart, setup_filter, teardown),
	};

	start_eal();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
