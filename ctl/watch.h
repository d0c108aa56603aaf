/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Watch: -w, a show that is shown again as things change.
 *
 * How: the show is run into memory: when it starts, when the daemon tells of an event (four times a
 * second at most), and at an interval, for what there are no events of: counters. A terminal is
 * drawn over; elsewhere only what differs from the last time is printed, after a line with the
 * time, or with -j as a line of JSON.
 *
 * Thread-safety: none needed.
 */
#ifndef CTL_WATCH_H
#define CTL_WATCH_H

#include <stdbool.h>

#include "terminal.h"

struct client;
struct error;
struct request;

#define WATCH_SECONDS_DEFAULT 2
#define WATCH_SECONDS_MIN 0.1
#define WATCH_SECONDS_MAX 86400

/** watch_can() - is it a command that shows something? */
bool watch_can(const struct request *request);

/**
 * watch_run() - show until it is interrupted, or nobody reads
 * @seconds: the interval
 * @color: for terminal_init(), which is called again when the terminal has another size
 *
 * Return: 0; or -errno with @err filled, if not even the first show succeeds.
 */
int watch_run(struct client *client, const struct request *request, double seconds,
	      enum color_when color, struct error *err);

#endif
