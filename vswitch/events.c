/* SPDX-License-Identifier: BSD-3-Clause */
#include "events.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

#include <event2/event.h>

#define TEXT_SIZE 768
#define SLOT_LISTS 256
#define SLOTS_MAX 8192
#define NAMES_SIZE 256 /* bytes of all names of an event */

#define LINE_HEAD "{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":"
#define LINE_TAIL "}\n"

/* An event in the ring. */
struct entry {
	enum event_kind kind; /* for filters: of "lost", what was lost */
	bool of_all;          /* it concerns any name */
	char *line;           /* of len bytes; the names are behind it, "a\0b\0\0" */
	size_t len;
};

/* How much an object has told of in this second. */
struct slot {
	LIST_ENTRY(slot) list;
	enum event_kind kind;
	char object[EVENTS_NAME_SIZE];
	unsigned int n;
	unsigned int n_held;
	json_t *held; /* the last one beyond the burst */
};

struct events_follower {
	LIST_ENTRY(events_follower) list;
	struct events *events;
	struct events_filter filter;
	uint64_t cursor; /* next event to look at */
	uint64_t lost;   /* that it is to be told of */
	bool full;       /* it takes no more until events_pump() */
	int (*send)(void *arg, const char *line, size_t len);
	void *arg;
};

struct events {
	struct entry ring[EVENTS_KEPT];
	uint64_t next;
	char epoch[24];
	LIST_HEAD(, events_follower) followers;
	unsigned int n_followers;
	struct event *tick;
	LIST_HEAD(, slot) slots[SLOT_LISTS];
	unsigned int n_slots;
	unsigned int n_told[EVENT_KINDS]; /* in this second */
	uint64_t n_over[EVENT_KINDS];     /* beyond the budget, not told of yet */
};

/* --- entries --- */

json_t *
events_text(const char *text)
{
	json_t *json = json_string(text);
	char ascii[TEXT_SIZE];
	size_t i;

	if (json != NULL)
		return json;
	for (i = 0; i < sizeof(ascii) - 1 && text[i] != '\0'; i++)
		ascii[i] = text[i] > 0 ? text[i] : '?';
	ascii[i] = '\0';
	return json_string(ascii);
}

static json_t *
time_json(void)
{
	struct timespec now;
	char text[48];
	struct tm tm;
	size_t len;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	len = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + len, sizeof(text) - len, ".%06ldZ", now.tv_nsec / 1000);
	return json_string(text);
}

/* An event with all members that its kind has. @fields is taken over. NULL: no memory. */
static json_t *
event_json(enum event_kind kind, const char *object, const char *text, json_t *fields)
{
	const struct event_field *field = event_kinds[kind].fields;
	json_t *json;

	json = json_pack("{s:i, s:o, s:s, s:o, s:o, s:i}", "seq", 0, "time", time_json(), "kind",
			 event_kinds[kind].name, "object", events_text(object), "text",
			 events_text(text), "left_out", 0);
	if (fields != NULL)
		json_object_update_new(json, fields);
	for (unsigned int i = 0; i < EVENT_FIELDS_MAX && field[i].name != NULL; i++)
		if (json_object_get(json, field[i].name) == NULL)
			json_object_set_new(json, field[i].name, json_null());
	return json;
}

static size_t
name_add(const json_t *name, char names[NAMES_SIZE], size_t len)
{
	const char *text = json_string_value(name);
	size_t size = text != NULL ? strlen(text) + 1 : 0;

	if (size == 0 || len + size + 1 > NAMES_SIZE)
		return len;
	memcpy(names + len, text, size);
	return len + size;
}

/* The names that an event is about. Return: bytes, with the empty name at the end. */
static size_t
names_of(enum event_kind kind, const json_t *json, char names[NAMES_SIZE])
{
	const struct event_field *field = event_kinds[kind].fields;
	size_t len = name_add(json_object_get(json, "object"), names, 0), i;
	const json_t *value, *element;

	for (unsigned int f = 0; f < EVENT_FIELDS_MAX && field[f].name != NULL; f++) {
		if (!field[f].is_name)
			continue;
		value = json_object_get(json, field[f].name);
		len = name_add(value, names, len);
		json_array_foreach(value, i, element)
			len = name_add(element, names, len);
	}
	names[len] = '\0';
	return len + 1;
}

static bool
matches(const struct events_filter *filter, const struct entry *entry)
{
	const uint32_t kinds = 1u << entry->kind | (entry->of_all ? 1u << EVENT_LOST : 0);

	if (!(filter->kinds & kinds))
		return false;
	if (filter->n_names == 0 || entry->of_all)
		return true;
	for (const char *name = entry->line + entry->len; *name != '\0'; name += strlen(name) + 1)
		for (unsigned int i = 0; i < filter->n_names; i++)
			if (strcmp(filter->names[i], name) == 0)
				return true;
	return false;
}

/* A notification's line, with @extra bytes behind it. NULL: no memory. */
static char *
line_make(const json_t *json, size_t extra, size_t *ret_len)
{
	char *text = json_dumps(json, JSON_COMPACT), *line = NULL;
	size_t size;

	if (text == NULL)
		return NULL;
	size = strlen(LINE_HEAD) + strlen(text) + strlen(LINE_TAIL) + 1;
	line = malloc(size + extra);
	if (line != NULL)
		*ret_len = (size_t)snprintf(line, size, "%s%s%s", LINE_HEAD, text, LINE_TAIL);
	free(text);
	return line;
}

/* --- the ring --- */

static uint64_t
first_kept(const struct events *events)
{
	return events->next > EVENTS_KEPT ? events->next - EVENTS_KEPT : 1;
}

static struct entry *
entry_at(const struct events *events, uint64_t number)
{
	return (struct entry *)(uintptr_t)&events->ring[number % EVENTS_KEPT];
}

/* Make room for the next event. Whoever has not seen the oldest one yet never will. */
static struct entry *
ring_advance(struct events *events)
{
	struct entry *entry = entry_at(events, events->next);
	struct events_follower *follower;

	LIST_FOREACH(follower, &events->followers, list) {
		if (follower->cursor + EVENTS_KEPT != events->next)
			continue;
		follower->lost += matches(&follower->filter, entry);
		follower->cursor++;
	}
	free(entry->line);
	*entry = (struct entry){ .line = NULL };
	return entry;
}

/* Put an event into the ring and send it. @json is taken over. */
static void
deliver(struct events *events, enum event_kind kind, json_t *json)
{
	enum event_kind filter_kind = kind;
	struct events_follower *follower;
	struct entry *entry;
	char names[NAMES_SIZE], *line;
	size_t n_names, len;

	if (kind == EVENT_LOST)
		filter_kind = (enum event_kind)event_kind_find(
			json_string_value(json_object_get(json, "of")));
	json_object_set_new(json, "seq", json_integer((json_int_t)events->next));
	n_names = names_of(kind, json, names);
	line = line_make(json, n_names, &len);
	json_decref(json);
	if (line == NULL)
		return;
	memcpy(line + len, names, n_names);
	entry = ring_advance(events);
	*entry = (struct entry){
		.kind = filter_kind,
		.of_all = kind == EVENT_LOST,
		.line = line,
		.len = len,
	};
	events->next++;
	events->n_told[kind]++;
	LIST_FOREACH(follower, &events->followers, list)
		if (!follower->full)
			events_pump(follower);
}

/* --- limits --- */

static unsigned int
slot_list(enum event_kind kind, const char *object)
{
	uint32_t hash = 2166136261u + (uint32_t)kind; /* FNV-1a */

	for (; *object != '\0'; object++)
		hash = (hash ^ (unsigned char)*object) * 16777619u;
	return (hash ^ hash >> 16) % SLOT_LISTS;
}

static struct slot *
slot_find(struct events *events, enum event_kind kind, const char *object)
{
	struct slot *slot;

	LIST_FOREACH(slot, &events->slots[slot_list(kind, object)], list)
		if (slot->kind == kind && strcmp(slot->object, object) == 0)
			return slot;
	return NULL;
}

static void
tick_start(struct events *events)
{
	static const struct timeval second = { .tv_sec = 1 };

	if (!evtimer_pending(events->tick, NULL))
		evtimer_add(events->tick, &second);
}

static struct slot *
slot_need(struct events *events, enum event_kind kind, const char *object)
{
	struct slot *slot = slot_find(events, kind, object);

	if (slot != NULL || events->n_slots == SLOTS_MAX)
		return slot;
	slot = calloc(1, sizeof(*slot));
	if (slot == NULL)
		return NULL;
	slot->kind = kind;
	snprintf(slot->object, sizeof(slot->object), "%s", object);
	LIST_INSERT_HEAD(&events->slots[slot_list(kind, slot->object)], slot, list);
	events->n_slots++;
	tick_start(events);
	return slot;
}

static void
slot_free(struct events *events, struct slot *slot)
{
	LIST_REMOVE(slot, list);
	events->n_slots--;
	json_decref(slot->held);
	free(slot);
}

static void
count_over(struct events *events, enum event_kind kind, unsigned int n)
{
	events->n_over[kind] += n;
	tick_start(events);
}

/* At the end of a second: tell what was held back. */
static void
slot_end(struct events *events, struct slot *slot)
{
	json_t *held = slot->held;

	slot->held = NULL;
	if (held == NULL) {
		if (slot->n == 0)
			slot_free(events, slot);
		else
			slot->n = 0;
		return;
	}
	if (events->n_told[slot->kind] >= event_kinds[slot->kind].budget) {
		json_decref(held);
		count_over(events, slot->kind, slot->n_held);
		slot->n = 0;
	} else {
		if (slot->n_held > 1)
			json_object_set_new(held, "left_out",
					    json_integer((json_int_t)slot->n_held - 1));
		deliver(events, slot->kind, held);
		slot->n = 1;
	}
	slot->n_held = 0;
}

static void
tell_over(struct events *events, enum event_kind kind)
{
	const uint64_t n = events->n_over[kind];
	char text[96];

	events->n_over[kind] = 0;
	snprintf(text, sizeof(text), "%llu more of kind %s: too many at once",
		 (unsigned long long)n, event_kinds[kind].name);
	deliver(events, EVENT_LOST,
		event_json(EVENT_LOST, "vswitchd", text,
			   json_pack("{s:I, s:s}", "count", (json_int_t)n, "of",
				     event_kinds[kind].name)));
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct events *events = arg;
	struct slot *slot, *next;

	(void)fd;
	(void)what;
	memset(events->n_told, 0, sizeof(events->n_told));
	for (unsigned int i = 0; i < SLOT_LISTS; i++)
		for (slot = LIST_FIRST(&events->slots[i]); slot != NULL; slot = next) {
			next = LIST_NEXT(slot, list);
			slot_end(events, slot);
		}
	for (unsigned int kind = 0; kind < EVENT_KINDS; kind++)
		if (events->n_over[kind] > 0)
			tell_over(events, kind);
	if (events->n_slots > 0)
		tick_start(events);
}

bool
events_is_over(struct events *events, enum event_kind kind, const char *object)
{
	struct slot *slot = events != NULL ? slot_find(events, kind, object) : NULL;

	if (slot == NULL || slot->held == NULL)
		return false;
	slot->n_held++;
	return true;
}

void
events_emit(struct events *events, enum event_kind kind, const char *object, json_t *fields,
	    const char *fmt, ...)
{
	const struct event_kind_info *info = &event_kinds[kind];
	char text[TEXT_SIZE];
	struct slot *slot;
	json_t *json;
	va_list args;

	if (events == NULL) {
		json_decref(fields);
		return;
	}
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	json = event_json(kind, object, text, fields);
	slot = slot_need(events, kind, object);
	if (json == NULL || slot == NULL) {
		json_decref(json);
		count_over(events, kind, 1);
	} else if (slot->n < info->burst && events->n_told[kind] < info->budget) {
		slot->n++;
		deliver(events, kind, json);
	} else {
		json_decref(slot->held);
		slot->held = json;
		slot->n_held++;
	}
}

/* --- followers --- */

/* Tell how many it has missed. Return: 0, or -ENOBUFS: not now. */
static int
follower_tell_lost(struct events_follower *follower)
{
	char text[96];
	json_t *json;
	char *line;
	size_t len;
	int ret;

	if (follower->lost == 0)
		return 0;
	snprintf(text, sizeof(text), "%llu: they came faster than they were read",
		 (unsigned long long)follower->lost);
	json = event_json(EVENT_LOST, "monitor", text,
			  json_pack("{s:I}", "count", (json_int_t)follower->lost));
	json_object_set_new(json, "seq", json_integer((json_int_t)follower->cursor - 1));
	line = line_make(json, 0, &len);
	json_decref(json);
	if (line == NULL)
		return -ENOBUFS;
	ret = follower->send(follower->arg, line, len);
	free(line);
	if (ret == 0)
		follower->lost = 0;
	return ret;
}

void
events_pump(struct events_follower *follower)
{
	struct events *events = follower->events;

	follower->full = follower_tell_lost(follower) < 0;
	for (; !follower->full && follower->cursor < events->next; follower->cursor++) {
		const struct entry *entry = entry_at(events, follower->cursor);

		if (!matches(&follower->filter, entry))
			continue;
		follower->full = follower->send(follower->arg, entry->line, entry->len) < 0;
		if (follower->full)
			return;
	}
}

struct events_follower *
events_follow(struct events *events, const struct events_filter *filter, uint64_t since,
	      int (*send)(void *arg, const char *line, size_t len), void *arg)
{
	struct events_follower *follower;

	if (events->n_followers >= EVENTS_FOLLOWERS_MAX) {
		errno = EUSERS;
		return NULL;
	}
	follower = calloc(1, sizeof(*follower));
	if (follower == NULL)
		return NULL;
	follower->events = events;
	follower->filter = *filter;
	follower->send = send;
	follower->arg = arg;
	follower->cursor = since < events->next ? since : events->next;
	if (follower->cursor < first_kept(events)) {
		follower->lost = first_kept(events) - follower->cursor;
		follower->cursor = first_kept(events);
	}
	LIST_INSERT_HEAD(&events->followers, follower, list);
	events->n_followers++;
	return follower;
}

void
events_unfollow(struct events_follower *follower)
{
	if (follower == NULL)
		return;
	LIST_REMOVE(follower, list);
	follower->events->n_followers--;
	free(follower);
}

/* --- what there was --- */

uint64_t
events_back(const struct events *events, const struct events_filter *filter, size_t n)
{
	uint64_t number = events->next;

	while (n > 0 && number > first_kept(events))
		n -= matches(filter, entry_at(events, --number));
	return number;
}

json_t *
events_list(const struct events *events, const struct events_filter *filter, size_t max)
{
	json_t *list = json_array(), *json;

	for (uint64_t number = events_back(events, filter, max); number < events->next; number++) {
		const struct entry *entry = entry_at(events, number);

		if (!matches(filter, entry))
			continue;
		json = json_loadb(entry->line, entry->len, 0, NULL);
		json_array_append(list, json_object_get(json, "params"));
		json_decref(json);
	}
	return list;
}

const char *
events_epoch(const struct events *events)
{
	return events->epoch;
}

uint64_t
events_next(const struct events *events)
{
	return events->next;
}

struct events *
events_create(struct event_base *base)
{
	struct events *events = calloc(1, sizeof(*events));
	struct timespec now;

	if (events == NULL)
		return NULL;
	LIST_INIT(&events->followers);
	for (unsigned int i = 0; i < SLOT_LISTS; i++)
		LIST_INIT(&events->slots[i]);
	events->next = 1;
	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(events->epoch, sizeof(events->epoch), "%lld%09ld", (long long)now.tv_sec,
		 now.tv_nsec);
	events->tick = evtimer_new(base, on_tick, events);
	if (events->tick != NULL)
		return events;
	free(events);
	return NULL;
}

void
events_destroy(struct events *events)
{
	if (events == NULL)
		return;
	for (unsigned int i = 0; i < SLOT_LISTS; i++)
		while (!LIST_EMPTY(&events->slots[i]))
			slot_free(events, LIST_FIRST(&events->slots[i]));
	for (unsigned int i = 0; i < EVENTS_KEPT; i++)
		free(events->ring[i].line);
	event_free(events->tick);
	free(events);
}
