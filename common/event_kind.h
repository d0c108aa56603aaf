/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Kinds of events: what vswitchd tells of as it happens (vsctl monitor), as one const table.
 *
 * How: each kind has a word, members of its own in the JSON of an event, and how many of it there
 * may be. Filters, rate limits, help, the man page and docs/monitoring.md say what the table says.
 *
 * Thread-safety: const table and pure functions, any thread.
 */
#ifndef COMMON_EVENT_KIND_H
#define COMMON_EVENT_KIND_H

#include <stdbool.h>
#include <stdint.h>

enum event_kind {
	EVENT_LINK,
	EVENT_ATTACH,
	EVENT_DETACH,
	EVENT_CONNECT,
	EVENT_DISCONNECT,
	EVENT_MOVE,
	EVENT_FAILOVER,
	EVENT_STP,
	EVENT_TOPOLOGY,
	EVENT_LOOP,
	EVENT_CONFIG,
	EVENT_DAEMON,
	EVENT_LOST,
	EVENT_KINDS
};

#define EVENT_FIELDS_MAX 6
#define EVENT_KINDS_ALL ((1u << EVENT_KINDS) - 1)

/* A member of an event's JSON, which is always there. */
struct event_field {
	const char *name; /* NULL: there are no more */
	const char
		*type; /* string, integer, array of strings; with "?": or null, if there is none */
	const char *help;
	bool is_name; /* of a bridge, a port or a station: "vsctl monitor NAME" looks at it */
};

/**
 * struct event_kind_info - a row of the table.
 * @name: the word for it.
 * @help: one line.
 * @burst: how many of one object are told within a second; of what is beyond, the last one, with
 *	the number of the others.
 * @budget: how many of all objects, within a second; what is beyond is counted.
 * @fields: members besides seq, time, kind, object, text and left_out, which all have.
 */
struct event_kind_info {
	const char *name;
	const char *help;
	uint16_t burst;
	uint16_t budget;
	struct event_field fields[EVENT_FIELDS_MAX];
};

extern const struct event_kind_info event_kinds[EVENT_KINDS];

/** event_kind_find() - a kind by its word. Return: it, or -ENOENT. */
int event_kind_find(const char *name);

#endif
