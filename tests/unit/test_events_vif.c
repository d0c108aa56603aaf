/* SPDX-License-Identifier: BSD-3-Clause */
/* Events of guests on the fake hypervisor: they connect and leave, and their stations move. */
#include "vif_bed.h"

#include <jansson.h>

#include "events.h"

#define FLOOD 2000 /* frames */

static const struct fake_frontend_config configs[GUESTS] = {
	{ .domid = 1 },
	{ .domid = 2 },
	{ .domid = 3 },
};

/* Events of a kind about a port so far. */
static json_t *
events_of(const struct bed *bed, enum event_kind kind, const char *name)
{
	struct events_filter filter = { .kinds = 1u << kind, .n_names = 1 };

	snprintf(filter.names[0], sizeof(filter.names[0]), "%s", name);
	return events_list(bed->sw->events, &filter, EVENTS_KEPT);
}

static void
expect(const struct bed *bed, enum event_kind kind, const char *name, size_t n, const char *text)
{
	json_t *list = events_of(bed, kind, name);
	const json_t *last = json_array_get(list, json_array_size(list) - 1);

	assert_int_equal(json_array_size(list), n);
	assert_string_equal(json_string_value(json_object_get(last, "text")), text);
	json_decref(list);
}

static void
test_life(void **state)
{
	struct bed *bed = *state;
	struct fake_frontend *guest;

	start_guests(bed);
	expect(bed, EVENT_ATTACH, "vif1.0", 1, "is on bridge xenbr0");
	expect(bed, EVENT_CONNECT, "vif1.0", 1, "its guest has connected, with 1 queue");
	expect(bed, EVENT_LINK, "vif1.0", 1, "is up");
	expect(bed, EVENT_ATTACH, "xenbr0", GUESTS, "is on bridge xenbr0");

	guest = bed->guests[0];
	fake_frontend_reset(guest);
	for (int try = 0; try < TRIES && guest->reset; try++)
		wait_once(bed);
	for (int try = 0; try < TRIES && !all_connected(bed); try++)
		wait_once(bed);
	expect(bed, EVENT_DISCONNECT, "vif1.0", 1, "its guest has left");
	expect(bed, EVENT_CONNECT, "vif1.0", 2, "its guest has connected, with 1 queue");
	expect(bed, EVENT_LINK, "vif1.0", 3, "is up");

	fake_toolstack_force(bed->fake, &guest->config);
	run(bed);
	fake_toolstack_remove(bed->fake, &guest->config);
	run(bed);
	assert_null(switch_port_find(bed->sw, "vif1.0"));
	expect(bed, EVENT_DISCONNECT, "vif1.0", 2, "its guest has left");
	expect(bed, EVENT_LINK, "vif1.0", 4, "is down: guest is not connected");
	expect(bed, EVENT_DETACH, "vif1.0", 1, "has left bridge xenbr0");
	expect(bed, EVENT_CONNECT, "vif2.0", 1, "its guest has connected, with 1 queue");
}

/* @from sends as @as. */
static void
speak(struct bed *bed, int from, int as)
{
	uint8_t frame[64];
	uint32_t len = make_frame(frame, -1, as, sizeof(frame));

	send_frame(bed, from, frame, len);
	run(bed);
	for (int i = 0; i < GUESTS; i++) {
		while (fake_frontend_recv(bed->guests[i], 0, frame, sizeof(frame), NULL) > 0)
			;
		fake_frontend_reap(bed->guests[i], 0);
	}
}

static void
test_move(void **state)
{
	struct bed *bed = *state;

	start_guests(bed);
	speak(bed, 0, 0);
	speak(bed, 1, 1);
	speak(bed, 1, 0);
	expect(bed, EVENT_MOVE, "vif2.0", 1,
	       "02:00:00:00:00:01 is here now, not behind vif1.0 (bridge xenbr0)");
	expect(bed, EVENT_MOVE, "vif1.0", 1,
	       "02:00:00:00:00:01 is here now, not behind vif1.0 (bridge xenbr0)");
	expect(bed, EVENT_MOVE, "02:00:00:00:00:01", 1,
	       "02:00:00:00:00:01 is here now, not behind vif1.0 (bridge xenbr0)");
}

/* A guest that takes another's address again and again fills neither the ring nor a screen. */
static void
test_flood(void **state)
{
	const struct events_filter all = { .kinds = EVENT_KINDS_ALL };
	struct bed *bed = *state;
	uint64_t begun, seconds, n = 0;
	struct timespec before, after;
	json_t *list, *event;
	size_t i;

	start_guests(bed);
	begun = events_next(bed->sw->events);
	clock_gettime(CLOCK_MONOTONIC, &before);
	for (unsigned int k = 0; k < FLOOD; k++)
		speak(bed, k % 2, 0);
	clock_gettime(CLOCK_MONOTONIC, &after);
	seconds = (uint64_t)(after.tv_sec - before.tv_sec) + 2;
	/* of each of two ports the burst, and what was left out */
	assert_in_range(events_next(bed->sw->events) - begun, 1,
			2 * seconds * (event_kinds[EVENT_MOVE].burst + 1));
	for (int try = 0; try < TRIES && n < FLOOD / 2; try++) {
		n = 0;
		list = events_list(bed->sw->events, &all, EVENTS_KEPT);
		json_array_foreach(list, i, event)
			if (strcmp(json_string_value(json_object_get(event, "kind")), "move") == 0)
				n += 1 + (uint64_t)json_integer_value(
						 json_object_get(event, "left_out"));
		json_decref(list);
		wait_once(bed);
		usleep(1000);
	}
	/* a source that has moved is reported again a moment later at the earliest */
	assert_in_range(n, 1, FLOOD);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_life, setup, teardown),
		cmocka_unit_test_setup_teardown(test_move, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flood, setup, teardown),
	};

	start_eal();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
