/* SPDX-License-Identifier: BSD-3-Clause */
/* Events: the ring as the queue of those who follow, filters, and limits. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <event2/event.h>

#include "events.h"

#define TURNS_MAX 500 /* of the event loop, 10 ms each, until a test gives up */

/* What is sent to a follower. */
struct sink {
	size_t room;      /* events that it takes */
	json_t *received; /* events */
};

static struct event_base *base;
static struct events *events;

static int
setup(void **state)
{
	base = event_base_new();
	events = events_create(base);
	return base != NULL && events != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
	events_destroy(events);
	event_base_free(base);
	return 0;
}

static int
sink_send(void *arg, const char *line, size_t len)
{
	struct sink *sink = arg;
	json_t *message;

	if (sink->room == 0)
		return -ENOBUFS;
	sink->room--;
	assert_int_equal(line[len - 1], '\n');
	message = json_loadb(line, len, 0, NULL);
	assert_non_null(message);
	assert_string_equal(json_string_value(json_object_get(message, "method")), "event");
	json_array_append(sink->received, json_object_get(message, "params"));
	json_decref(message);
	return 0;
}

static struct events_follower *
follow(struct sink *sink, uint32_t kinds, const char *name, uint64_t since)
{
	struct events_filter filter = { .kinds = kinds };

	if (name != NULL)
		snprintf(filter.names[filter.n_names++], EVENTS_NAME_SIZE, "%s", name);
	sink->received = json_array();
	return events_follow(events, &filter, since, sink_send, sink);
}

static void
unfollow(struct events_follower *follower, struct sink *sink)
{
	events_unfollow(follower);
	json_decref(sink->received);
}

static void
link_event(const char *port, bool up)
{
	events_emit(events, EVENT_LINK, port,
		    json_pack("{s:s, s:s}", "state", up ? "up" : "down", "bridge", "br0"), "is %s",
		    up ? "up" : "down");
}

/* Many that no limit holds back: of as many ports. */
static void
link_events(unsigned int n)
{
	char port[16];

	for (unsigned int i = 0; i < n; i++) {
		snprintf(port, sizeof(port), "p%u", i);
		link_event(port, true);
	}
}

static const char *
text_of(const struct sink *sink, size_t i, const char *member)
{
	return json_string_value(json_object_get(json_array_get(sink->received, i), member));
}

static long long
number_of(const struct sink *sink, size_t i, const char *member)
{
	return json_integer_value(json_object_get(json_array_get(sink->received, i), member));
}

static void
wait_received(const struct sink *sink, size_t n)
{
	const struct timespec pause = { .tv_nsec = 10000000 };

	for (unsigned int turn = 0; turn < TURNS_MAX; turn++) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		if (json_array_size(sink->received) >= n)
			return;
		nanosleep(&pause, NULL);
	}
	fail_msg("%zu events, and not %zu", json_array_size(sink->received), n);
}

static void
test_event(void **state)
{
	static const char *const members[] = { "seq",      "time",  "kind",   "object", "text",
					       "left_out", "state", "bridge", "reason" };
	struct sink sink = { .room = 10 };
	struct events_follower *follower = follow(&sink, EVENT_KINDS_ALL, NULL, 1);
	const char *member;
	json_t *value;
	size_t i = 0;

	link_event("eth0", true);
	assert_int_equal(json_array_size(sink.received), 1);
	json_object_foreach(json_array_get(sink.received, 0), member, value)
		assert_string_equal(member, members[i++]);
	assert_int_equal(i, sizeof(members) / sizeof(members[0]));
	assert_int_equal(number_of(&sink, 0, "seq"), 1);
	assert_string_equal(text_of(&sink, 0, "kind"), "link");
	assert_string_equal(text_of(&sink, 0, "object"), "eth0");
	assert_string_equal(text_of(&sink, 0, "text"), "is up");
	assert_int_equal(strlen(text_of(&sink, 0, "time")), strlen("2026-11-21T16:00:00.123456Z"));
	/* what is no UTF-8 becomes JSON all the same */
	events_emit(events, EVENT_CONFIG, "a\xff", NULL, "b\xc3");
	assert_string_equal(text_of(&sink, 1, "object"), "a?");
	assert_string_equal(text_of(&sink, 1, "text"), "b?");
	unfollow(follower, &sink);
	events_emit(NULL, EVENT_LINK, "eth0", json_object(), "nobody is told");
}

static void
test_filters(void **state)
{
	struct sink all = { .room = 100 }, kind = { .room = 100 }, name = { .room = 100 };
	struct sink list = { .room = 100 };
	struct events_follower *followers[] = {
		follow(&all, EVENT_KINDS_ALL, NULL, 1),
		follow(&kind, 1u << EVENT_MOVE | 1u << EVENT_FAILOVER, NULL, 1),
		follow(&name, EVENT_KINDS_ALL, "p2", 1),
		follow(&list, 1u << EVENT_FAILOVER, "eth1", 1),
	};

	link_event("p1", true);
	link_event("p2", true);
	link_event("p22", true);
	events_emit(events, EVENT_MOVE, "p1", json_pack("{s:s, s:s}", "from", "p2", "to", "p1"),
		    "moved");
	events_emit(events, EVENT_FAILOVER, "bond0",
		    json_pack("{s:[s, s]}", "carried_by", "eth0", "eth1"), "eth2 is down");
	/* "p2" is no name here */
	events_emit(events, EVENT_CONFIG, "br0", json_pack("{s:s}", "what", "p2"), "changed");
	assert_int_equal(json_array_size(all.received), 6);
	assert_int_equal(json_array_size(kind.received), 2);
	assert_int_equal(json_array_size(name.received), 2);
	assert_string_equal(text_of(&name, 1, "kind"), "move");
	assert_int_equal(json_array_size(list.received), 1);
	unfollow(followers[0], &all);
	unfollow(followers[1], &kind);
	unfollow(followers[2], &name);
	unfollow(followers[3], &list);
}

/* One that does not read costs nothing more, loses the oldest, and is told how many. */
static void
test_slow(void **state)
{
	struct sink slow = { .room = 3 }, picky = { .room = 0 }, quick = { .room = SIZE_MAX };
	struct events_follower *followers[] = {
		follow(&slow, EVENT_KINDS_ALL, NULL, 1),
		follow(&picky, EVENT_KINDS_ALL, "p7", 1),
		follow(&quick, EVENT_KINDS_ALL, NULL, 1),
	};

	link_events(EVENTS_KEPT + 100);
	assert_int_equal(json_array_size(quick.received), EVENTS_KEPT + 100);
	assert_int_equal(json_array_size(slow.received), 3);
	slow.room = SIZE_MAX;
	events_pump(followers[0]);
	assert_int_equal(json_array_size(slow.received), 3 + 1 + EVENTS_KEPT);
	assert_string_equal(text_of(&slow, 3, "kind"), "lost");
	assert_int_equal(number_of(&slow, 3, "count"), 97);
	assert_int_equal(number_of(&slow, 3, "seq"), 100);
	assert_int_equal(number_of(&slow, 4, "seq"), 101);
	assert_int_equal(number_of(&slow, 3 + EVENTS_KEPT, "seq"), EVENTS_KEPT + 100);
	events_pump(followers[0]);
	assert_int_equal(json_array_size(slow.received), 3 + 1 + EVENTS_KEPT);
	/* what it has not asked for it has not lost */
	picky.room = SIZE_MAX;
	events_pump(followers[1]);
	assert_int_equal(json_array_size(picky.received), 1);
	assert_int_equal(number_of(&picky, 0, "count"), 1);
	unfollow(followers[0], &slow);
	unfollow(followers[1], &picky);
	unfollow(followers[2], &quick);
}

static void
test_since(void **state)
{
	const struct events_filter filter = { .kinds = EVENT_KINDS_ALL };
	struct sink sink = { .room = SIZE_MAX };
	struct events_follower *follower;
	json_t *list;

	link_events(10);
	follower = follow(&sink, EVENT_KINDS_ALL, NULL, 8);
	assert_int_equal(json_array_size(sink.received), 0); /* the reply goes first */
	events_pump(follower);
	assert_int_equal(json_array_size(sink.received), 3);
	unfollow(follower, &sink);
	/* of another daemon's time */
	follower = follow(&sink, EVENT_KINDS_ALL, NULL, 1000);
	link_event("x", true);
	assert_int_equal(json_array_size(sink.received), 1);
	unfollow(follower, &sink);
	link_events(EVENTS_KEPT);
	follower = follow(&sink, EVENT_KINDS_ALL, NULL, 5);
	events_pump(follower);
	assert_string_equal(text_of(&sink, 0, "kind"), "lost");
	assert_int_equal(number_of(&sink, 0, "count"), events_next(events) - EVENTS_KEPT - 5);
	unfollow(follower, &sink);

	list = events_list(events, &filter, 2);
	assert_int_equal(json_array_size(list), 2);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 1), "seq")),
			 events_next(events) - 1);
	json_decref(list);
	list = events_list(events, &filter, SIZE_MAX);
	assert_int_equal(json_array_size(list), EVENTS_KEPT);
	json_decref(list);
}

static void
test_many(void **state)
{
	struct events_follower *followers[EVENTS_FOLLOWERS_MAX];
	struct sink sinks[EVENTS_FOLLOWERS_MAX + 1];

	for (unsigned int i = 0; i < EVENTS_FOLLOWERS_MAX; i++) {
		sinks[i].room = 1;
		followers[i] = follow(&sinks[i], EVENT_KINDS_ALL, NULL, 1);
		assert_non_null(followers[i]);
	}
	assert_null(follow(&sinks[EVENTS_FOLLOWERS_MAX], EVENT_KINDS_ALL, NULL, 1));
	assert_int_equal(errno, EUSERS);
	json_decref(sinks[EVENTS_FOLLOWERS_MAX].received);
	link_event("eth0", true);
	for (unsigned int i = 0; i < EVENTS_FOLLOWERS_MAX; i++) {
		assert_int_equal(json_array_size(sinks[i].received), 1);
		unfollow(followers[i], &sinks[i]);
	}
}

/* What flaps is told some times, and then how it is in the end. */
static void
test_burst(void **state)
{
	const unsigned int burst = event_kinds[EVENT_LINK].burst;
	struct sink sink = { .room = SIZE_MAX };
	struct events_follower *follower = follow(&sink, EVENT_KINDS_ALL, NULL, 1);

	for (unsigned int i = 0; i < 1000; i++)
		link_event("eth0", i % 2 != 0);
	link_event("eth1", true);
	assert_int_equal(json_array_size(sink.received), burst + 1);
	assert_string_equal(text_of(&sink, burst, "object"), "eth1");
	wait_received(&sink, burst + 2);
	assert_string_equal(text_of(&sink, burst + 1, "object"), "eth0");
	assert_string_equal(text_of(&sink, burst + 1, "state"), "up");
	assert_int_equal(number_of(&sink, burst + 1, "left_out"), 1000 - burst - 1);
	/* and that is all; when it is calm, the timer ends */
	assert_int_equal(event_base_dispatch(base), 1);
	assert_int_equal(json_array_size(sink.received), burst + 2);
	link_event("eth0", false);
	assert_int_equal(json_array_size(sink.received), burst + 3);
	unfollow(follower, &sink);
}

/* Of all objects: as much as a person can look at, and the number of the others. */
static void
test_budget(void **state)
{
	const struct event_kind_info *info = &event_kinds[EVENT_MOVE];
	struct sink sink = { .room = SIZE_MAX }, links = { .room = SIZE_MAX };
	struct events_follower *follower = follow(&sink, 1u << EVENT_MOVE, NULL, 1);
	struct events_follower *other = follow(&links, 1u << EVENT_LINK, NULL, 1);
	uint64_t n = 0, told = 0;
	char port[16];

	for (unsigned int turn = 0; turn < 100; turn++)
		for (unsigned int i = 0; i < 1000; i++, n++) {
			snprintf(port, sizeof(port), "p%u", i);
			if (!events_is_over(events, EVENT_MOVE, port))
				events_emit(events, EVENT_MOVE, port, NULL, "has a station");
		}
	assert_int_equal(json_array_size(sink.received), info->budget);
	/* another kind is told of meanwhile */
	link_event("eth0", true);
	assert_int_equal(json_array_size(links.received), 1);
	/* a second later: as many again, and what all others were */
	wait_received(&sink, 2 * info->budget + 1);
	assert_int_equal(event_base_dispatch(base), 1);
	for (size_t i = 0; i < json_array_size(sink.received); i++)
		told += strcmp(text_of(&sink, i, "kind"), "lost") == 0 ?
				(uint64_t)number_of(&sink, i, "count") :
				1 + (uint64_t)number_of(&sink, i, "left_out");
	assert_int_equal(told, n);
	assert_int_equal(json_array_size(sink.received), 2 * info->budget + 1);
	assert_string_equal(text_of(&sink, 2 * info->budget, "of"), "move");
	assert_int_equal(json_array_size(links.received), 1);
	unfollow(follower, &sink);
	unfollow(other, &links);
}

static void
test_kinds(void **state)
{
	for (int kind = 0; kind < EVENT_KINDS; kind++) {
		assert_non_null(event_kinds[kind].help);
		assert_true(event_kinds[kind].burst > 0);
		assert_true(event_kinds[kind].budget >= event_kinds[kind].burst);
		assert_int_equal(event_kind_find(event_kinds[kind].name), kind);
	}
	assert_int_equal(event_kind_find("lnik"), -ENOENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_event, setup, teardown),
		cmocka_unit_test_setup_teardown(test_filters, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slow, setup, teardown),
		cmocka_unit_test_setup_teardown(test_since, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_burst, setup, teardown),
		cmocka_unit_test_setup_teardown(test_budget, setup, teardown),
		cmocka_unit_test(test_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
