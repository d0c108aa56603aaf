/* SPDX-License-Identifier: BSD-3-Clause */
/* Static grants. */
#include <errno.h>
#include <poll.h>

#include "netback_bed.h"

#include "fake_ctrl.h"
#include "vif_grants.h"

#define WAIT_MSEC 10000

static const struct fake_frontend_config mapping_guest = { .domid = 1, .ctrl = true };

static int
setup_ctrl(void **state)
{
	return setup_config(state, &mapping_guest);
}

/* Let netback act until there is a response, or one waits for a grace period. */
static bool
take(struct bed *bed, struct xen_netif_ctrl_response *response)
{
	struct pollfd poll_fd = { .fd = netback_fd(bed->host->netback), .events = POLLIN };

	/* a long list costs more credit than there is: it comes back */
	for (;;) {
		netback_process(bed->host->netback);
		if (fake_ctrl_take(bed->frontend, response))
			return true;
		if (bed->host->n_retired > 0)
			return false;
		assert_int_equal(poll(&poll_fd, 1, WAIT_MSEC), 1);
	}
}

static void
ask(struct bed *bed, uint16_t type, uint32_t queue, uint32_t ref, uint32_t n)
{
	fake_ctrl_put(bed->frontend, type, queue, ref, n);
	fake_ctrl_push(bed->frontend);
}

static struct xen_netif_ctrl_response
call(struct bed *bed, uint16_t type, uint32_t queue, uint32_t ref, uint32_t n)
{
	struct xen_netif_ctrl_response response = { 0 };

	ask(bed, type, queue, ref, n);
	if (!take(bed, &response)) {
		fake_host_retire(bed->host);
		assert_true(take(bed, &response));
	}
	assert_null(bed->frontend->broken);
	return response;
}

static uint32_t
add(struct bed *bed, uint32_t n)
{
	return call(bed, XEN_NETIF_CTRL_TYPE_ADD_GREF_MAPPING, 0, bed->frontend->ctrl.page_ref, n)
		.status;
}

static struct xen_netif_ctrl_response delete (struct bed *bed, uint32_t n)
{
	return call(bed, XEN_NETIF_CTRL_TYPE_DEL_GREF_MAPPING, 0, bed->frontend->ctrl.page_ref, n);
}

#define OK XEN_NETIF_CTRL_STATUS_SUCCESS
#define INVALID XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER

static uint64_t
copy_calls(struct bed *bed)
{
	return fake_hypervisor_counts(bed->host->fake).copy_calls;
}

static unsigned int
maps(struct bed *bed)
{
	return fake_hypervisor_counts(bed->host->fake).maps;
}

/* Packets both ways, of one slot and of several. */
static void
exchange(struct bed *bed)
{
	static uint8_t data[9000], got[9000];

	for (unsigned int i = 0; i < 300; i++) {
		uint32_t len = 60 + i * 29;
		struct rte_mbuf *pkt;

		send_one(bed, len, 0, 0);
		fill(data, len, i);
		pkt = make_packet(data, len, 2000);
		assert_int_equal(transmit(bed, &pkt, 1), 1);
		assert_int_equal(fake_frontend_recv(bed->frontend, 0, got, sizeof(got), NULL), len);
		assert_memory_equal(got, data, len);
	}
	assert_null(bed->frontend->broken);
}

/* With all buffers mapped no grant copies are made; with none, as ever. */
static void
test_no_copies(void **state)
{
	struct bed *bed = *state;
	struct vif_info info;
	unsigned int before = maps(bed);
	uint64_t calls;
	uint32_t n;

	exchange(bed);
	n = fake_ctrl_list(bed->frontend, 0);
	assert_int_equal(call(bed, XEN_NETIF_CTRL_TYPE_GET_GREF_MAPPING_SIZE, 0, 0, 0).data, n);
	assert_int_equal(add(bed, n), OK);
	assert_int_equal(maps(bed) - before, n);
	calls = copy_calls(bed);
	exchange(bed);
	assert_int_equal(copy_calls(bed), calls);
	vif_info(bed->vif, &info);
	assert_int_equal(info.n_static_grants, n);
	assert_true(info.static_copies >= 600);
	assert_int_equal(info.tx_packets, 600);
	assert_int_equal(info.rx_packets, 600);

	assert_int_equal(delete (bed, n).data, n);
	assert_int_equal(maps(bed), before);
	calls = copy_calls(bed);
	exchange(bed);
	assert_int_equal(copy_calls(bed) - calls, 600);
}

/* Some pages of a packet are mapped and some are not. */
static void
test_some(void **state)
{
	struct bed *bed = *state;
	struct xen_netif_gref *list = bed->frontend->ctrl.page;
	uint32_t n = fake_ctrl_list(bed->frontend, 0);
	uint64_t calls;

	for (uint32_t i = 0; i < n / 2; i++)
		list[i] = list[2 * i];
	assert_int_equal(add(bed, n / 2), OK);
	calls = copy_calls(bed);
	exchange(bed);
	assert_in_range(copy_calls(bed) - calls, 100, 599);
}

/* A copy that fails in a packet with mapped pages: all of its bytes are lost. */
static void
test_some_fail(void **state)
{
	struct bed *bed = *state;
	struct xen_netif_gref *list = bed->frontend->ctrl.page;
	static uint8_t data[9000];
	struct rte_mbuf *pkt = make_packet(data, sizeof(data), 2000);

	fake_ctrl_list(bed->frontend, 0);
	list[0].ref = bed->frontend->queues[0].rx_grefs[0];
	list[1].ref = bed->frontend->queues[0].rx_grefs[2];
	assert_int_equal(add(bed, 2), OK);
	fake_ungrant(bed->host->fake, 1, bed->frontend->queues[0].rx_grefs[1]);
	assert_int_equal(transmit(bed, &pkt, 1), 1);
	assert_int_equal(bed->lost.copy_failed, 1);
	assert_int_equal(bed->lost.copy_failed_bytes, sizeof(data));
	assert_int_equal(fake_frontend_recv(bed->frontend, 0, data, sizeof(data), NULL), -EIO);
}

/* The answer comes when no worker can use the pages, and not before. */
static void
test_grace(void **state)
{
	struct bed *bed = *state;
	struct xen_netif_gref *list = bed->frontend->ctrl.page;
	struct vif_grants *grants;
	struct xen_netif_ctrl_response response;
	uint32_t n = fake_ctrl_list(bed->frontend, 0), ref = list[3].ref;
	unsigned int before = maps(bed);
	const uint8_t *page;

	assert_int_equal(add(bed, n), OK);
	grants = bed->vif->rings->queues[0].grants;
	page = vif_grants_page(grants, ref, true);
	assert_non_null(page);
	bed->host->hold_retired = true;
	ask(bed, XEN_NETIF_CTRL_TYPE_DEL_GREF_MAPPING, 0, bed->frontend->ctrl.page_ref, n);
	ask(bed, XEN_NETIF_CTRL_TYPE_GET_GREF_MAPPING_SIZE, 0, 0, 0);
	assert_false(take(bed, &response));
	/* not found any more, and still there for those who had found it */
	assert_null(vif_grants_page(grants, ref, true));
	assert_int_equal(maps(bed), before + n);
	assert_true(*page == 0);
	fake_host_retire(bed->host);
	assert_true(take(bed, &response));
	assert_int_equal(response.type, XEN_NETIF_CTRL_TYPE_DEL_GREF_MAPPING);
	assert_int_equal(response.data, n);
	assert_int_equal(maps(bed), before);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(list[i].status, OK);
	assert_true(take(bed, &response));
	assert_int_equal(response.type, XEN_NETIF_CTRL_TYPE_GET_GREF_MAPPING_SIZE);
}

/* The connection ends while pages wait: they go with it. */
static void
test_end_in_grace(void **state)
{
	struct bed *bed = *state;
	struct xen_netif_ctrl_response response;
	uint32_t n = fake_ctrl_list(bed->frontend, 0);

	assert_int_equal(add(bed, n), OK);
	bed->host->hold_retired = true;
	ask(bed, XEN_NETIF_CTRL_TYPE_DEL_GREF_MAPPING, 0, bed->frontend->ctrl.page_ref, n / 2);
	assert_false(take(bed, &response));
	assert_int_equal(bed->host->n_retired, 1);
	fake_frontend_reset(bed->frontend);
	netback_process(bed->host->netback);
	assert_null(bed->vif->ctrl);
	bed->host->hold_retired = false;
	fake_host_settle(bed->host, &bed->frontend, 1);
	assert_int_equal(bed->frontend->state, XenbusStateConnected);
	assert_int_equal(maps(bed), 3);
	exchange(bed);
}

/* The same when the backend stops, with the grace period never over. */
static void
test_stop_in_grace(void **state)
{
	struct bed *bed = *state;
	struct xen_netif_ctrl_response response;
	uint32_t n = fake_ctrl_list(bed->frontend, 0);

	assert_int_equal(add(bed, n), OK);
	ask(bed, XEN_NETIF_CTRL_TYPE_DEL_GREF_MAPPING, 0, bed->frontend->ctrl.page_ref, n / 2);
	assert_false(take(bed, &response));
	fake_host_stop(bed->host);
	assert_int_equal(maps(bed), 0);
	/* taken over: no pages are known, and packets are copied */
	fake_host_start(bed->host);
	fake_host_settle(bed->host, &bed->frontend, 1);
	bed->vif = fake_host_vif(bed->host, &mapping_guest);
	assert_int_equal(maps(bed), 3);
	exchange(bed);
}

/* All or none. */
static void
test_add_refused(void **state)
{
	struct bed *bed = *state;
	struct xen_netif_gref *list = bed->frontend->ctrl.page, saved;
	uint32_t n = fake_ctrl_list(bed->frontend, 0), page = bed->frontend->ctrl.page_ref;
	unsigned int before = maps(bed);
	uint16_t type = XEN_NETIF_CTRL_TYPE_ADD_GREF_MAPPING;

	assert_int_equal(call(bed, type, 1, page, n).status, INVALID); /* no such queue */
	assert_int_equal(call(bed, type, 0, 5, n).status, INVALID);
	assert_int_equal(call(bed, type, 0, page, n + 1).status, INVALID);
	assert_int_equal(call(bed, type, 0, page, UINT32_MAX).status, INVALID);
	saved = list[n - 1];
	list[n - 1].ref = 99999; /* no such grant */
	assert_int_equal(add(bed, n), INVALID);
	list[n - 1].ref = 3; /* Xen's own */
	assert_int_equal(add(bed, n), INVALID);
	list[n - 1].ref = list[0].ref; /* twice */
	assert_int_equal(add(bed, n), INVALID);
	list[n - 1] = saved;
	list[n - 1].flags = 2; /* unknown */
	assert_int_equal(add(bed, n), INVALID);
	list[n - 1] = saved;
	fake_grant_readonly(bed->host->fake, 1, saved.ref);
	assert_int_equal(add(bed, n), INVALID);
	assert_int_equal(maps(bed), before);
	assert_null(vif_grants_page(bed->vif->rings->queues[0].grants, list[0].ref, false));
	list[n - 1].flags = XEN_NETIF_CTRLF_GREF_readonly;
	assert_int_equal(add(bed, n), OK);
	assert_int_equal(maps(bed), before + n);
	assert_non_null(vif_grants_page(bed->vif->rings->queues[0].grants, saved.ref, false));
	assert_null(vif_grants_page(bed->vif->rings->queues[0].grants, saved.ref, true));
	/* no more than that */
	list[0].ref = page;
	assert_int_equal(add(bed, 1), INVALID);
}

/* Each entry has its own status. */
static void
test_delete_some(void **state)
{
	struct bed *bed = *state;
	struct xen_netif_gref *list = bed->frontend->ctrl.page;
	uint32_t first;

	/* a queue that has never had any */
	fake_ctrl_list(bed->frontend, 0);
	first = list[0].ref;
	assert_int_equal(delete (bed, 2).data, 0);
	assert_int_equal(list[0].status, INVALID);
	assert_int_equal(add(bed, 4), OK);
	list[0].ref = 99999;
	list[2].ref = list[1].ref; /* twice */
	assert_int_equal(delete (bed, 3).data, 1);
	assert_int_equal(list[0].status, INVALID);
	assert_int_equal(list[1].status, OK);
	assert_int_equal(list[2].status, INVALID);
	assert_non_null(vif_grants_page(bed->vif->rings->queues[0].grants, first, true));
	assert_int_equal(vif_rings_grants(bed->vif->rings), 3);
	/* the statuses cannot be written: the pages are gone all the same */
	list[0].ref = first;
	fake_grant_readonly(bed->host->fake, 1, bed->frontend->ctrl.page_ref);
	assert_int_equal(delete (bed, 1).status, INVALID);
	assert_int_equal(vif_rings_grants(bed->vif->rings), 2);
	fake_ungrant(bed->host->fake, 1, bed->frontend->ctrl.page_ref);
	assert_int_equal(delete (bed, 1).status, INVALID);
}

/* Slots are used again and again, in any order. */
static void
test_churn(void **state)
{
	struct bed *bed = *state;
	struct xen_netif_gref *list = bed->frontend->ctrl.page;
	struct vif_grants *grants;
	uint32_t refs[64], total = 0, n = 0;

	fake_ctrl_list(bed->frontend, 0);
	for (uint32_t i = 0; i < 64; i++)
		refs[i] = list[i].ref;
	grants = vif_grants_create(fake_hypervisor_get(bed->host->fake), 1, 1, &total);
	for (uint32_t round = 0; round < 20000; round++) {
		struct xen_netif_gref entry = { .ref = refs[(round * 7919 + round / 64) % 64] };

		if (vif_grants_page(grants, entry.ref, true) == NULL) {
			assert_int_equal(vif_grants_add(grants, &entry, 1), 0);
			n++;
		} else {
			assert_int_equal(vif_grants_add(grants, &entry, 1), -EEXIST);
			assert_int_equal(vif_grants_remove(grants, &entry, 1), 1);
			vif_grants_unmap(grants);
			n--;
		}
		assert_int_equal(grants->n, n);
		assert_int_equal(total, n);
	}
	for (uint32_t i = 0; i < 64; i++) {
		struct xen_netif_gref entry = { .ref = refs[i] };

		vif_grants_remove(grants, &entry, 1);
	}
	vif_grants_unmap(grants);
	for (uint32_t i = 0; i < VIF_GRANTS_SLOTS; i++)
		assert_int_equal(grants->slots[i].ref, VIF_GRANTS_EMPTY);
	vif_grants_free(grants);
	assert_int_equal(total, 0);
}

/* A message of any guest, with time to pay for it. */
static struct xen_netif_ctrl_response
call_of(struct fake_host *host, struct fake_frontend *frontend, uint16_t type, uint16_t queue,
	uint32_t n)
{
	struct xen_netif_ctrl_response response = { 0 };

	fake_ctrl_put(frontend, type, queue, frontend->ctrl.page_ref, n);
	fake_ctrl_push(frontend);
	for (unsigned int i = 0; i < 100; i++) {
		fake_host_pass(host, 20);
		fake_host_retire(host);
		if (fake_ctrl_take(frontend, &response))
			return response;
	}
	fail();
	return response;
}

static uint32_t
room_of(struct fake_host *host, struct fake_frontend *frontend, uint16_t queue)
{
	struct xen_netif_ctrl_response response =
		call_of(host, frontend, XEN_NETIF_CTRL_TYPE_GET_GREF_MAPPING_SIZE, queue, 0);

	assert_int_equal(response.status, OK);
	return response.data;
}

static uint32_t
add_of(struct fake_host *host, struct fake_frontend *frontend, uint16_t queue, uint32_t n)
{
	fake_ctrl_list(frontend, queue);
	return call_of(host, frontend, XEN_NETIF_CTRL_TYPE_ADD_GREF_MAPPING, queue, n).status;
}

/* A vif has its share, whatever number of queues it is spread over, and is told so. */
static void
test_share_of_a_vif(void **state)
{
	struct bed *bed = *state;
	struct fake_frontend_config config = { .domid = 2, .ctrl = true, .n_queues = 4 };
	struct fake_frontend *frontend = fake_host_connect(bed->host, &config);
	uint32_t share = VIF_GRANTS_VIF_MAX / 4;

	assert_non_null(frontend);
	for (uint16_t queue = 0; queue < 4; queue++) {
		assert_int_equal(room_of(bed->host, frontend, queue), share);
		assert_int_equal(add_of(bed->host, frontend, queue, share + 1), INVALID);
		assert_int_equal(add_of(bed->host, frontend, queue, share), OK);
		assert_int_equal(room_of(bed->host, frontend, queue), share);
	}
	assert_int_equal(vif_rings_grants(fake_host_vif(bed->host, &config)->rings),
			 VIF_GRANTS_VIF_MAX);
	/* and others theirs */
	assert_int_equal(room_of(bed->host, bed->frontend, 0), VIF_GRANTS_MAX);
	fake_frontend_destroy(frontend);
}

/* Many guests use all there are: the next one is told, makes do without, and gets what is given up.
 */
static void
test_all_in_use(void **state)
{
	enum { GUESTS = VIF_GRANTS_TOTAL_MAX / VIF_GRANTS_VIF_MAX };
	struct bed *bed = *state;
	struct fake_frontend *frontends[GUESTS];

	for (uint16_t i = 0; i < GUESTS; i++) {
		struct fake_frontend_config config = { .domid = 2 + i,
						       .ctrl = true,
						       .n_queues = 2 };

		frontends[i] = fake_host_connect(bed->host, &config);
		assert_non_null(frontends[i]);
		for (uint16_t queue = 0; queue < 2; queue++)
			assert_int_equal(
				add_of(bed->host, frontends[i], queue, VIF_GRANTS_VIF_MAX / 2), OK);
	}
	assert_int_equal(room_of(bed->host, bed->frontend, 0), 0);
	assert_int_equal(add_of(bed->host, bed->frontend, 0, 1), INVALID);
	exchange(bed);
	fake_ctrl_list(frontends[3], 1);
	assert_int_equal(
		call_of(bed->host, frontends[3], XEN_NETIF_CTRL_TYPE_DEL_GREF_MAPPING, 1, 100).data,
		100);
	assert_int_equal(room_of(bed->host, bed->frontend, 0), 100);
	assert_int_equal(add_of(bed->host, bed->frontend, 0, 101), INVALID);
	assert_int_equal(add_of(bed->host, bed->frontend, 0, 100), OK);
	exchange(bed);
	for (uint16_t i = 0; i < GUESTS; i++)
		fake_frontend_destroy(frontends[i]);
}

#define CTRL_TEST(name) cmocka_unit_test_setup_teardown(name, setup_ctrl, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CTRL_TEST(test_no_copies),    CTRL_TEST(test_some),
		CTRL_TEST(test_some_fail),    CTRL_TEST(test_grace),
		CTRL_TEST(test_end_in_grace), CTRL_TEST(test_stop_in_grace),
		CTRL_TEST(test_add_refused),  CTRL_TEST(test_delete_some),
		CTRL_TEST(test_churn),        CTRL_TEST(test_share_of_a_vif),
		CTRL_TEST(test_all_in_use),
	};

	start_eal();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
