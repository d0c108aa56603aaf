/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Events: what happens, told at once to who follows it (vsctl monitor), and kept for a while.
 *
 * How: whoever changes something that an operator watches for calls events_emit() with a kind of
 * common/event_kind.h. An event is one line of JSON in a ring of the last EVENTS_KEPT. The ring is
 * the queue of all followers: each has a place in it and takes events as fast as its client reads.
 * Where the ring overtakes a follower, what the follower has missed is counted, and told when it
 * reads again. So a client that sleeps costs the ring's memory once, whoever else does, and stalls
 * nobody.
 *
 * What others can trigger is limited by kind and object: some a second at once; of those beyond,
 * the last one at the end of the second, with their number. There is a timer as long as there is
 * such an object, and none if nothing happens.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_EVENTS_H
#define VSWITCH_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "event_kind.h"

struct event_base;
struct events;
struct events_follower;

#define EVENTS_KEPT 2048        /* that are kept */
#define EVENTS_FOLLOWERS_MAX 56 /* fewer than RPC_CLIENTS_MAX: others must get in, too */
#define EVENTS_NAMES_MAX 32     /* of a filter */
#define EVENTS_NAME_SIZE 64     /* bytes */

/* What a follower wants. All zero but @kinds: all of these kinds. */
struct events_filter {
	uint32_t kinds; /* bits by enum event_kind */
	unsigned int n_names;
	char names[EVENTS_NAMES_MAX][EVENTS_NAME_SIZE]; /* any of these */
};

/** events_create() - Return: it, with an empty ring, or NULL. */
struct events *events_create(struct event_base *base);

/** events_destroy() - followers must have gone. NULL is legal. */
void events_destroy(struct events *events);

/**
 * events_emit() - something has happened
 * @events: NULL: nobody is told
 * @object: whom it is about: a port, a bridge, ...
 * @fields: members that the kind has by the table; taken over. Those that are not in it are null.
 *	NULL: none is, or no memory
 * @fmt: what has happened, to be read behind the object's name: "is up"
 */
void events_emit(struct events *events, enum event_kind kind, const char *object, json_t *fields,
		 const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/**
 * events_is_over() - has an object used up its share, so that another event need not be made?
 * It is counted then. For what may happen thousands of times a second.
 */
bool events_is_over(struct events *events, enum event_kind kind, const char *object);

/** events_text() - any bytes as a JSON string. */
json_t *events_text(const char *text);

/** events_epoch() - tells one start of the daemon from another. */
const char *events_epoch(const struct events *events);

/** events_next() - number of the event to come; the first one has 1. */
uint64_t events_next(const struct events *events);

/**
 * events_follow() - have events sent from now on
 * @filter: copied
 * @since: number of the first one to send; of those that are not kept any more, those that cannot
 *	have been meant for others are lost
 * @send: is given a line of JSON, a notification. Return 0, or -ENOBUFS: it is to come again after
 *	events_pump()
 *
 * Nothing is sent before events_pump(). Return: the follower; or NULL, with errno EUSERS: there
 * are too many, or ENOMEM.
 */
struct events_follower *events_follow(struct events *events, const struct events_filter *filter,
				      uint64_t since,
				      int (*send)(void *arg, const char *line, size_t len),
				      void *arg);

/** events_pump() - send what there is: at first, and when there is room again. */
void events_pump(struct events_follower *follower);

/** events_unfollow() - NULL is legal. */
void events_unfollow(struct events_follower *follower);

/** events_list() - the last @max events that a filter lets through, as an array, oldest first. */
json_t *events_list(const struct events *events, const struct events_filter *filter, size_t max);

/** events_back() - where to follow from so that the last @n that a filter lets through come. */
uint64_t events_back(const struct events *events, const struct events_filter *filter, size_t n);

#endif /* VSWITCH_EVENTS_H */
