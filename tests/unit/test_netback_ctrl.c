/* SPDX-License-Identifier: BSD-3-Clause */
/* The control ring: its life, its requests, and guests that abuse it. */
#include <errno.h>
#include <poll.h>
#include <time.h>

#include "netback_bed.h"

#include "fake_ctrl.h"
#include "vif_ctrl.h"

#define WAIT_MSEC 10000

static int
setup_ctrl(void **state)
{
	static const struct fake_frontend_config config = { .domid = 1,
							    .n_queues = 3,
							    .ctrl = true };

	return setup_config(state, &config);
}

/* Let netback act when it says that it has work, until a response is there. */
static void
await(struct bed *bed, struct xen_netif_ctrl_response *response)
{
	struct pollfd poll_fd = { .fd = netback_fd(bed->host->netback), .events = POLLIN };

	while (!fake_ctrl_take(bed->frontend, response)) {
		assert_int_equal(poll(&poll_fd, 1, WAIT_MSEC), 1);
		netback_process(bed->host->netback);
	}
}

static struct xen_netif_ctrl_response
call(struct bed *bed, uint16_t type, uint32_t a, uint32_t b, uint32_t c)
{
	struct xen_netif_ctrl_response response = { 0 };

	fake_ctrl_put(bed->frontend, type, a, b, c);
	fake_ctrl_push(bed->frontend);
	await(bed, &response);
	assert_null(bed->frontend->broken);
	return response;
}

static uint32_t
status(struct bed *bed, uint16_t type, uint32_t a, uint32_t b, uint32_t c)
{
	return call(bed, type, a, b, c).status;
}

#define OK XEN_NETIF_CTRL_STATUS_SUCCESS
#define UNSUPPORTED XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED
#define INVALID XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER
#define OVERFLOW XEN_NETIF_CTRL_STATUS_BUFFER_OVERFLOW

static void
toeplitz(struct bed *bed)
{
	assert_int_equal(status(bed, XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM, 1, 0, 0), OK);
	assert_int_equal(status(bed, XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS, 15, 0, 0), OK);
}

static void
test_algorithm_and_flags(void **state)
{
	struct bed *bed = *state;
	struct xen_netif_ctrl_response response;

	/* before there is an algorithm */
	response = call(bed, XEN_NETIF_CTRL_TYPE_GET_HASH_FLAGS, 0, 0, 0);
	assert_int_equal(response.status, UNSUPPORTED);
	assert_int_equal(response.data, 0);
	assert_int_equal(status(bed, XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS, 1, 0, 0), INVALID);
	assert_int_equal(status(bed, XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM, 2, 0, 0), INVALID);
	assert_null(bed->vif->rings->hash);

	assert_int_equal(status(bed, XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM, 1, 0, 0), OK);
	assert_null(bed->vif->rings->hash);
	response = call(bed, XEN_NETIF_CTRL_TYPE_GET_HASH_FLAGS, 0, 0, 0);
	assert_int_equal(response.status, OK);
	assert_int_equal(response.data, 15);
	assert_int_equal(status(bed, XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS, 16, 0, 0), INVALID);
	assert_int_equal(status(bed, XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS, 3, 0, 0), OK);
	assert_non_null(bed->vif->rings->hash);
	assert_int_equal(bed->vif->rings->hash->types, 3);
	/* no types: no hashing */
	assert_int_equal(status(bed, XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS, 0, 0, 0), OK);
	assert_null(bed->vif->rings->hash);
}

static void
test_key(void **state)
{
	struct bed *bed = *state;
	struct fake_ctrl *ctrl = &bed->frontend->ctrl;
	static const uint8_t bytes[36] = { 0x80 };

	toeplitz(bed);
	memset(ctrl->page, 0xff, HYPERVISOR_PAGE_SIZE);
	assert_int_equal(status(bed, XEN_NETIF_CTRL_TYPE_SET_HASH_KEY, ctrl->page_ref, 41, 0),
			 OVERFLOW);
	assert_int_equal(
		status(bed, XEN_NETIF_CTRL_TYPE_SET_HASH_KEY, ctrl->page_ref, UINT32_MAX, 0),
		OVERFLOW);
	assert_int_equal(status(bed, XEN_NETIF_CTRL_TYPE_SET_HASH_KEY, 0, 40, 0), INVALID);
	assert_int_equal(status(bed, XEN_NETIF_CTRL_TYPE_SET_HASH_KEY, 99999, 40, 0), INVALID);
	assert_int_equal(vif_hash_toeplitz(bed->vif->rings->hash, bytes, 36), 0);
	/* what is not given is 0 */
	assert_int_equal(status(bed, XEN_NETIF_CTRL_TYPE_SET_HASH_KEY, ctrl->page_ref, 2, 0), OK);
	assert_int_equal(vif_hash_toeplitz(bed->vif->rings->hash, bytes, 36), 0xffff0000);
	assert_int_equal(status(bed, XEN_NETIF_CTRL_TYPE_SET_HASH_KEY, ctrl->page_ref, 40, 0), OK);
	assert_int_equal(vif_hash_toeplitz(bed->vif->rings->hash, bytes, 36), 0xffffffff);
	assert_int_equal(status(bed, XEN_NETIF_CTRL_TYPE_SET_HASH_KEY, 0, 0, 0), OK);
	assert_int_equal(vif_hash_toeplitz(bed->vif->rings->hash, bytes, 36), 0);
}

/* XSA-270: what is checked is what is used, and nothing lies outside the table. */
static void
test_mapping(void **state)
{
	struct bed *bed = *state;
	struct fake_ctrl *ctrl = &bed->frontend->ctrl;
	uint32_t *mapping = ctrl->page;
	static const uint32_t bad[][2] = {
		/* entries, offset */
		{ 65, 0 },
		{ 64, 1 },
		{ 1, 64 },
		{ 1, UINT32_MAX },
		{ 2, UINT32_MAX },
		{ 0, 65 },
		{ 64, UINT32_MAX - 62 },
	};

	toeplitz(bed);
	assert_int_equal(call(bed, XEN_NETIF_CTRL_TYPE_GET_HASH_MAPPING_SIZE, 0, 0, 0).data, 128);
	assert_int_equal(status(bed, XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE, 129, 0, 0),
			 INVALID);
	assert_int_equal(status(bed, XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE, 64, 0, 0), OK);
	memset(mapping, 0, HYPERVISOR_PAGE_SIZE);
	for (unsigned int i = 0; i < RTE_DIM(bad); i++)
		assert_int_equal(status(bed, XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, ctrl->page_ref,
					bad[i][0], bad[i][1]),
				 INVALID);
	assert_int_equal(status(bed, XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, ctrl->page_ref, 129, 0),
			 OVERFLOW);
	assert_int_equal(
		status(bed, XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, ctrl->page_ref, UINT32_MAX, 0),
		OVERFLOW);
	mapping[0] = 2;
	mapping[1] = 1;
	assert_int_equal(status(bed, XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, ctrl->page_ref, 2, 62),
			 OK);
	assert_int_equal(bed->vif->rings->hash->mapping[61], 0);
	assert_int_equal(bed->vif->rings->hash->mapping[62], 2);
	assert_int_equal(bed->vif->rings->hash->mapping[63], 1);
	/* one bad entry: none is taken */
	mapping[0] = 0;
	mapping[1] = 3;
	assert_int_equal(status(bed, XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, ctrl->page_ref, 2, 62),
			 INVALID);
	mapping[1] = 0x100;
	assert_int_equal(status(bed, XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, ctrl->page_ref, 2, 62),
			 INVALID);
	assert_int_equal(status(bed, XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, 7, 2, 62), INVALID);
	assert_int_equal(bed->vif->rings->hash->mapping[62], 2);
	/* a new size: a new table, of zeroes */
	assert_int_equal(status(bed, XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE, 64, 0, 0), OK);
	assert_int_equal(bed->vif->rings->hash->mapping[62], 0);
}

static void
test_unknown_types(void **state)
{
	static const uint16_t types[] = { 0, 11, 12, 255, UINT16_MAX };

	for (unsigned int i = 0; i < RTE_DIM(types); i++)
		assert_int_equal(status(*state, types[i], 1, 2, 3), UNSUPPORTED);
}

/* A grant copy that fails as a whole is no reason to use what was not copied. */
static void
test_copy_fails(void **state)
{
	struct bed *bed = *state;

	toeplitz(bed);
	fake_fail(bed->host->fake, FAKE_OP_COPY, 1, EIO);
	assert_int_equal(
		status(bed, XEN_NETIF_CTRL_TYPE_SET_HASH_KEY, bed->frontend->ctrl.page_ref, 40, 0),
		INVALID);
}

/* A ring full of requests is answered in parts, and other vifs get their turn between them. */
static void
test_flood(void **state)
{
	static const struct fake_frontend_config config = { .domid = 2, .ctrl = true };
	struct bed *bed = *state;
	struct fake_frontend *second = fake_host_connect(bed->host, &config);
	struct xen_netif_ctrl_response response;
	uint32_t n = 0;

	assert_non_null(second);
	for (unsigned int i = 0; i < FAKE_CTRL_SLOTS; i++)
		fake_ctrl_put(bed->frontend, XEN_NETIF_CTRL_TYPE_GET_HASH_MAPPING_SIZE, 0, 0, 0);
	fake_ctrl_push(bed->frontend);
	fake_ctrl_put(second, XEN_NETIF_CTRL_TYPE_GET_HASH_MAPPING_SIZE, 0, 0, 0);
	fake_ctrl_push(second);
	netback_process(bed->host->netback);
	while (fake_ctrl_take(bed->frontend, &response))
		n++;
	assert_in_range(n, 1, FAKE_CTRL_SLOTS - 1);
	assert_true(fake_ctrl_take(second, &response));
	/* the rest comes without further ado */
	for (; n < FAKE_CTRL_SLOTS; n++)
		await(bed, &response);
	assert_null(bed->frontend->broken);
	fake_frontend_destroy(second);
}

static uint64_t
now_msec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Events without requests cost credit as well: their channel stays masked for a while. */
static void
test_event_storm(void **state)
{
	struct bed *bed = *state;
	uint64_t before = fake_hypervisor_counts(bed->host->fake).unmasks, start = now_msec(), n;

	for (unsigned int i = 0; i < 20000; i++) {
		fake_channel_notify(bed->host->fake, 1, bed->frontend->ctrl.port);
		netback_process(bed->host->netback);
	}
	/* 64 at once, and in each period of 20 ms */
	n = fake_hypervisor_counts(bed->host->fake).unmasks - before;
	assert_true(n <= 64 + (now_msec() - start + 1) * 64 / 20 + 1);
	assert_int_equal(status(bed, XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM, 1, 0, 0), OK);
}

static void
test_ring_overflow(void **state)
{
	struct bed *bed = *state;

	bed->frontend->ctrl.ring->req_prod += FAKE_CTRL_SLOTS + 1;
	fake_channel_notify(bed->host->fake, 1, bed->frontend->ctrl.port);
	netback_process(bed->host->netback);
	assert_null(bed->vif->rings);
	assert_null(bed->vif->ctrl);
	fake_host_settle(bed->host, &bed->frontend, 1);
	assert_int_equal(bed->vif->state, XenbusStateClosed);
	assert_string_equal(bed->vif->error, "more requests than the control ring has slots");
	assert_int_equal(bed->vif->ring_errors, 1);
}

static void
test_lost_events(void **state)
{
	struct bed *bed = *state;

	fake_fail(bed->host->fake, FAKE_OP_EVENTS, 1, EFBIG);
	assert_int_equal(status(bed, XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM, 1, 0, 0), OK);
	assert_int_equal(status(bed, XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS, 1, 0, 0), OK);
}

/* All starts anew with a connection. */
static void
test_reconnect(void **state)
{
	struct bed *bed = *state;
	struct vif_info info;

	toeplitz(bed);
	fake_frontend_reset(bed->frontend);
	fake_host_settle(bed->host, &bed->frontend, 1);
	assert_int_equal(bed->frontend->state, XenbusStateConnected);
	assert_null(bed->vif->rings->hash);
	vif_info(bed->vif, &info);
	assert_true(info.ctrl_ring);
	assert_int_equal(info.hash_types, 0);
	assert_int_equal(status(bed, XEN_NETIF_CTRL_TYPE_GET_HASH_FLAGS, 0, 0, 0), UNSUPPORTED);
}

/*
 * The backend is killed with two requests waiting, of which one is overlaid by an answer that was
 * not published. Both are refused by the next one, and the ring goes on.
 */
static void
test_restart(void **state)
{
	struct bed *bed = *state;
	struct fake_ctrl *ctrl = &bed->frontend->ctrl;
	struct xen_netif_ctrl_response response;

	toeplitz(bed);
	fake_host_stop(bed->host);
	memset(ctrl->page, 0x5a, HYPERVISOR_PAGE_SIZE);
	fake_ctrl_put(bed->frontend, XEN_NETIF_CTRL_TYPE_DEL_GREF_MAPPING, 0, ctrl->page_ref, 3);
	ctrl->ring->ring[(ctrl->prod - 1) % FAKE_CTRL_SLOTS].rsp.status = 0;
	fake_ctrl_put(bed->frontend, XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS, 15, 0, 0);
	fake_ctrl_push(bed->frontend);
	fake_host_start(bed->host);
	fake_host_settle(bed->host, &bed->frontend, 1);
	bed->vif = fake_host_vif(bed->host, &bed->frontend->config);
	for (unsigned int i = 0; i < 2; i++) {
		assert_true(fake_ctrl_take(bed->frontend, &response));
		assert_int_equal(response.status, INVALID);
	}
	assert_int_equal(*(uint8_t *)ctrl->page, 0x5a);
	assert_null(bed->vif->rings->hash);
	assert_int_equal(status(bed, XEN_NETIF_CTRL_TYPE_GET_HASH_FLAGS, 0, 0, 0), UNSUPPORTED);
	toeplitz(bed);
	assert_non_null(bed->vif->rings->hash);
}

/* The guest's index goes away from where it was checked: the last channel is the ring's. */
static void
claim_more(void *arg)
{
	struct bed *bed = arg;

	if (fake_calls(bed->host->fake, FAKE_OP_BIND) % 4 == 0)
		bed->frontend->ctrl.ring->req_prod += 1000;
	else
		fake_before(bed->host->fake, FAKE_OP_BIND, claim_more, bed);
}

/* A guest that claims more requests than fit, once those that wait have been counted. */
static void
test_restart_index_moves(void **state)
{
	struct bed *bed = *state;
	struct xen_netif_ctrl_sring *ring = bed->frontend->ctrl.ring;

	toeplitz(bed);
	fake_host_stop(bed->host);
	fake_before(bed->host->fake, FAKE_OP_BIND, claim_more, bed);
	fake_host_start(bed->host);
	netback_process(bed->host->netback);
	assert_int_equal(ring->req_prod, 1002);
	assert_int_equal(ring->rsp_prod, 2);
	fake_host_settle(bed->host, &bed->frontend, 1);
	bed->vif = fake_host_vif(bed->host, &bed->frontend->config);
	assert_null(bed->vif->rings);
}

/* A guest that connects anew again and again may not ask for more than one that stays. */
static void
test_flood_and_reconnect(void **state)
{
	struct bed *bed = *state;
	struct xen_netif_ctrl_response response;
	unsigned int n = 0;

	/* no time passes */
	fake_host_pass(bed->host, FAKE_HOST_ANYTHING);
	for (unsigned int round = 0; round < 6; round++) {
		for (unsigned int i = 0; i < FAKE_CTRL_SLOTS; i++)
			fake_ctrl_put(bed->frontend, XEN_NETIF_CTRL_TYPE_GET_HASH_MAPPING_SIZE, 0,
				      0, 0);
		fake_ctrl_push(bed->frontend);
		netback_process(bed->host->netback);
		while (fake_ctrl_take(bed->frontend, &response))
			n++;
		fake_frontend_reset(bed->frontend);
		fake_host_settle(bed->host, &bed->frontend, 1);
		assert_int_equal(bed->frontend->state, XenbusStateConnected);
	}
	assert_in_range(n, 1, 64);
}

/* What is wrong with the ring at connect is wrong with the device. */
static void
test_bad_keys(void **state)
{
	static const struct {
		const char *key, *value, *error;
	} cases[] = {
		{ "event-channel-ctrl", NULL, "frontend has no event-channel-ctrl" },
		{ "event-channel-ctrl", "x", "frontend's event-channel-ctrl is not a number" },
		{ "event-channel-ctrl", "63", "cannot bind event channel 63" },
		{ "ctrl-ring-ref", "-1", "frontend's ctrl-ring-ref is not a number" },
		{ "ctrl-ring-ref", "1", "cannot map ctrl-ring-ref 1" },
	};
	struct fake_counts before;

	for (unsigned int i = 0; i < RTE_DIM(cases); i++) {
		struct fake_frontend_config config = { .domid = 1, .ctrl = true };
		struct fake_host *host = fake_host_create(1, 4);
		struct fake_frontend *frontend;
		struct vif *vif;

		before = fake_hypervisor_counts(host->fake);
		fake_toolstack_attach(host->fake, &config);
		frontend = fake_frontend_create(host->fake, &config);
		netback_process(host->netback);
		fake_frontend_step(frontend);
		assert_int_equal(frontend->state, XenbusStateConnected);
		fake_frontend_write(frontend, cases[i].key, cases[i].value);
		fake_toolstack_hotplug(host->fake, &config, "connected");
		netback_process(host->netback);
		vif = fake_host_vif(host, &config);
		assert_int_equal(strncmp(vif->error, cases[i].error, strlen(cases[i].error)), 0);
		fake_host_settle(host, &frontend, 1);
		assert_int_equal(vif->state, XenbusStateClosed);
		assert_int_equal(fake_hypervisor_counts(host->fake).maps, before.maps);
		assert_int_equal(fake_hypervisor_counts(host->fake).bound, before.bound);
		fake_frontend_destroy(frontend);
		fake_host_destroy(host);
	}
}

/* A frontend without one is none the worse for it. */
static void
test_no_ring(void **state)
{
	struct bed *bed = *state;
	struct vif_info info;

	assert_null(bed->vif->ctrl);
	vif_info(bed->vif, &info);
	assert_false(info.ctrl_ring);
	send_one(bed, 60, 0, 0);
}

/* Nothing is left behind, whatever end the connection takes. */
static void
test_leaves_nothing(void **state)
{
	struct bed *bed = *state;
	struct fake_counts counts;

	toeplitz(bed);
	fake_toolstack_force(bed->host->fake, &bed->frontend->config);
	fake_host_settle(bed->host, NULL, 0);
	counts = fake_hypervisor_counts(bed->host->fake);
	assert_int_equal(counts.maps, 0);
	assert_int_equal(counts.bound, 0);
}

#define CTRL_TEST(name) cmocka_unit_test_setup_teardown(name, setup_ctrl, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CTRL_TEST(test_algorithm_and_flags),
		CTRL_TEST(test_key),
		CTRL_TEST(test_mapping),
		CTRL_TEST(test_unknown_types),
		CTRL_TEST(test_copy_fails),
		CTRL_TEST(test_flood),
		CTRL_TEST(test_event_storm),
		CTRL_TEST(test_ring_overflow),
		CTRL_TEST(test_lost_events),
		CTRL_TEST(test_reconnect),
		CTRL_TEST(test_restart),
		CTRL_TEST(test_restart_index_moves),
		CTRL_TEST(test_flood_and_reconnect),
		cmocka_unit_test(test_bad_keys),
		TEST(test_no_ring),
		CTRL_TEST(test_leaves_nothing),
	};

	start_eal();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
