/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Live names: what there is to be named at present, asked of vswitchd and the kernel.
 *
 * How: a table says which method knows what help calls BRIDGE, PORT, RULE and so on. Who completes
 * a command line must neither wait nor be told what is wrong: without an answer there are no names.
 *
 * Thread-safety: none needed.
 */
#ifndef CTL_LIVE_NAMES_H
#define CTL_LIVE_NAMES_H

#include <stdbool.h>
#include <stddef.h>

struct client;

/* A connection that is made when it is needed. */
struct live_names {
	const char *socket;
	struct client *client; /* NULL: none so far */
	bool failed;
};

/* What is to be named. */
struct name_query {
	const char *metavar; /* "BRIDGE" */
	size_t len;          /* of it */
	const char *object;  /* of the command: "addr" says what IP/LEN is; or NULL */
	const char *bridge;  /* ports of this one only; NULL: of all */
};

typedef void (*live_name_fn)(void *arg, const char *name);

/** live_names_start() - @socket: of vswitchd; stays the caller's. */
void live_names_start(struct live_names *names, const char *socket);

/** live_names_each() - call @fn with each name that there is. */
void live_names_each(struct live_names *names, const struct name_query *query, live_name_fn fn,
		     void *arg);

/** live_names_are_of() - are names of this metavar the own ones of this object, as BRIDGE of
 * bridge? */
bool live_names_are_of(const char *metavar, const char *object);

/** live_names_end() - close the connection. */
void live_names_end(struct live_names *names);

#endif
