/* SPDX-License-Identifier: BSD-3-Clause */
#include "moves.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "event_kind.h"
#include "events.h"
#include "switch.h"

static const char *
member(const json_t *json, const char *name)
{
	const char *text = json_string_value(json_object_get(json, name));

	return text != NULL ? text : "";
}

/* When MOVES_SECONDS ago was, as events have it. */
static void
moves_since(char *ret_text, size_t size)
{
	const time_t then = time(NULL) - MOVES_SECONDS;
	struct tm tm;

	strftime(ret_text, size, "%Y-%m-%dT%H:%M:%S", gmtime_r(&then, &tm));
}

json_t *
moves_find(const struct vswitch *sw, const char *mac)
{
	struct events_filter moves = { .kinds = 1u << EVENT_MOVE, .n_names = mac != NULL };
	json_t *events, *stations = json_object(), *event, *was;
	char since[32], key[96];
	json_int_t n;
	size_t i;

	snprintf(moves.names[0], sizeof(moves.names[0]), "%s", mac != NULL ? mac : "");
	events = events_list(sw->events, &moves, EVENTS_KEPT);
	moves_since(since, sizeof(since));
	json_array_foreach(events, i, event) {
		if (strcmp(member(event, "time"), since) < 0)
			continue;
		snprintf(key, sizeof(key), "%s %lld %s", member(event, "mac"),
			 (long long)json_integer_value(json_object_get(event, "vid")),
			 member(event, "bridge"));
		was = json_object_get(stations, key);
		n = json_integer_value(json_object_get(was, "moves")) + 1 +
		    json_integer_value(json_object_get(event, "left_out"));
		json_object_set_new(event, "moves", json_integer(n));
		json_object_set(stations, key, event);
	}
	json_decref(events);
	return stations;
}
