/* SPDX-License-Identifier: BSD-3-Clause */
/* A guest's control ring while a worker moves its packets. */
#include "vif_bed.h"

#include <jansson.h>

#include "fake_ctrl.h"
#include "rpc_methods_priv.h"

#define ROUNDS 20
#define PAGES 64 /* of 512 */

static const struct fake_frontend_config configs[GUESTS] = {
	{ .domid = 1 },
	{ .domid = 2, .ctrl = true, .mcast = true },
	{ .domid = 3 },
};

/* Each guest sends to all, and takes what comes. */
static void
traffic(struct bed *bed)
{
	uint8_t frame[1514];

	for (int i = 0; i < GUESTS; i++) {
		struct fake_frame f = { .data = frame, .len = make_frame(frame, -1, i, 1514) };

		for (int k = 0; k < 20; k++)
			fake_frontend_send(bed->guests[i], 0, &f);
		while (fake_frontend_recv(bed->guests[i], 0, frame, sizeof(frame), NULL) > 0)
			;
		fake_frontend_reap(bed->guests[i], 0);
	}
}

/* A request that must succeed, with traffic until it is answered. */
static void
call(struct bed *bed, uint16_t type, uint32_t a, uint32_t b, uint32_t c)
{
	struct xen_netif_ctrl_response response = { .status = UINT32_MAX };

	fake_ctrl_put(bed->guests[1], type, a, b, c);
	fake_ctrl_push(bed->guests[1]);
	for (int try = 0; try < TRIES && !fake_ctrl_take(bed->guests[1], &response); try++) {
		traffic(bed);
		run_once(bed);
	}
	assert_int_equal(response.status, XEN_NETIF_CTRL_STATUS_SUCCESS);
}

/* Pages and hashes come and go while the worker uses them. */
static void
test_in_traffic(void **state)
{
	struct bed *bed = *state;
	struct xen_netif_gref *list;
	struct vif_info info;
	struct fake_ctrl *ctrl;

	start_guests(bed);
	ctrl = &bed->guests[1]->ctrl;
	list = ctrl->page;
	fake_ctrl_list(bed->guests[1], 0);
	/* some buffers of each direction */
	memcpy(&list[PAGES / 2], &list[NETIF_RING_SLOTS], PAGES / 2 * sizeof(*list));
	for (uint32_t round = 0; round < ROUNDS; round++) {
		call(bed, XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM, 1, 0, 0);
		call(bed, XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS, 15, 0, 0);
		call(bed, XEN_NETIF_CTRL_TYPE_ADD_GREF_MAPPING, 0, ctrl->page_ref, PAGES);
		call(bed, XEN_NETIF_CTRL_TYPE_DEL_GREF_MAPPING, 0, ctrl->page_ref, PAGES);
		call(bed, XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM, 0, 0, 0);
	}
	vif_info(netback_find(bed->sw->netback, "vif2.0"), &info);
	assert_true(info.static_copies > 0);
	assert_int_equal(info.n_static_grants, 0);
	assert_int_equal(info.ctrl_requests, ROUNDS * 5);
	for (unsigned int i = 0; i < GUESTS; i++)
		assert_null(bed->guests[i]->broken);
}

/* The guest goes away, or connects anew, with its pages mapped and a request waiting. */
static void
test_end_in_traffic(void **state)
{
	struct bed *bed = *state;
	struct fake_frontend *guest;
	struct fake_ctrl *ctrl;

	start_guests(bed);
	guest = bed->guests[1];
	ctrl = &guest->ctrl;
	for (uint32_t round = 0; round < ROUNDS; round++) {
		fake_ctrl_list(guest, 0);
		call(bed, XEN_NETIF_CTRL_TYPE_ADD_GREF_MAPPING, 0, ctrl->page_ref, PAGES);
		fake_ctrl_put(guest, XEN_NETIF_CTRL_TYPE_DEL_GREF_MAPPING, 0, ctrl->page_ref,
			      PAGES);
		fake_ctrl_push(guest);
		traffic(bed);
		if (round & 1)
			event_base_loop(bed->base, EVLOOP_NONBLOCK);
		fake_frontend_reset(guest);
		for (int try = 0; try < TRIES && guest->reset; try++)
			wait_once(bed);
		for (int try = 0; try < TRIES && !all_connected(bed); try++)
			wait_once(bed);
		assert_true(all_connected(bed));
		assert_int_equal(guest->state, XenbusStateConnected);
	}
	/* two rings each, and the control ring */
	assert_int_equal(fake_hypervisor_counts(bed->fake).maps, GUESTS * 2 + 1);
}

static bool
has_feature(const json_t *features, const char *wanted)
{
	const json_t *feature;
	size_t i;

	json_array_foreach(features, i, feature)
		if (strcmp(json_string_value(feature), wanted) == 0)
			return true;
	return false;
}

/* An operator sees what the guest has set up. */
static void
test_show(void **state)
{
	struct bed *bed = *state;
	json_t *params = json_pack("{s:s}", "name", "vif2.0"), *rows, *row, *features;
	struct fake_ctrl *ctrl;
	struct error err;

	start_guests(bed);
	ctrl = &bed->guests[1]->ctrl;
	fake_ctrl_list(bed->guests[1], 0);
	call(bed, XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM, 1, 0, 0);
	call(bed, XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS, 3, 0, 0);
	call(bed, XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE, 64, 0, 0);
	call(bed, XEN_NETIF_CTRL_TYPE_ADD_GREF_MAPPING, 0, ctrl->page_ref, PAGES);
	assert_int_equal(rpc_vif_show(bed->sw, params, &rows, &err), 0);
	assert_int_equal(json_array_size(rows), 1);
	row = json_array_get(rows, 0);
	features = json_object_get(row, "features");
	assert_true(has_feature(features, "ctrl-ring"));
	assert_true(has_feature(features, "hash-toeplitz"));
	assert_true(has_feature(features, "mcast-filter:0"));
	assert_true(has_feature(features, "static-grants:64"));
	assert_int_equal(json_integer_value(json_object_get(row, "hash_types")), 3);
	assert_int_equal(json_integer_value(json_object_get(row, "hash_mapping_size")), 64);
	assert_int_equal(json_integer_value(json_object_get(row, "ctrl_requests")), 4);
	assert_true(json_is_false(json_object_get(row, "mcast_unknown")));
	json_decref(rows);
	json_decref(params);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_in_traffic, setup_threaded, teardown),
		cmocka_unit_test_setup_teardown(test_end_in_traffic, setup_threaded, teardown),
		cmocka_unit_test_setup_teardown(test_show, setup, teardown),
	};

	start_eal();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
