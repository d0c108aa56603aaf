/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Monitor: events of the daemon, a line each, as they happen or as they were.
 *
 * How: words choose them: kinds (common/event_kind.h) and names of bridges, ports and stations; an
 * event is shown if it is of one of the kinds and about one of the names, where any are given. If
 * the daemon goes, it is waited for, and what has happened meanwhile is shown when it is back.
 *
 * Thread-safety: none needed.
 */
#ifndef CTL_MONITOR_H
#define CTL_MONITOR_H

#include "schema.h"

struct client;
struct error;
struct request;

extern const struct object_schema event_schema; /* for the help: no object */

/** monitor_run() - "monitor": until it is interrupted, or nobody reads. Return: 0 or -errno. */
int monitor_run(struct client *client, const struct request *request, struct error *err);

/** event_show() - "event show": the last ones. Return: 0 or -errno. */
int event_show(struct client *client, const struct request *request, struct error *err);

#endif
