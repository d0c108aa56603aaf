/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Drops: what was dropped, where, why, and what to do about it.
 *
 * How: the daemon tells of totals, twice with a second between, since what is asked for is whether
 * packets are being dropped now; when it is shown again (-w), the show before is the first time.
 * "last" shows how the last dropped packets began, as "capture" shows packets, or writes that to a
 * file.
 *
 * Thread-safety: none needed.
 */
#ifndef CTL_DROPS_H
#define CTL_DROPS_H

#include <stdbool.h>

#include <jansson.h>

struct client;
struct error;
struct request;

/** drops_run() - "drops". Return: 0, -errno; -ENOEXEC: of usage. */
int drops_run(struct client *client, const struct request *request, struct error *err);

/** drops_can_watch() - is it "drops", and not "drops last"? */
bool drops_can_watch(const struct request *request);

/**
 * drops_rate() - put into rows what they have grown by in a second, "per_second"
 * @reply, @before: of drops.show; without an earlier one of the same daemon's it is null
 */
void drops_rate(json_t *reply, const json_t *before);

/** drops_sort() - rows by what hurts most: the rate, then packets. */
void drops_sort(json_t *rows);

/** drops_last() - "drops last". @file: to write to; "-": stdout; NULL: show them. */
int drops_last(struct client *client, const struct request *request, json_t *params,
	       const char *file, struct error *err);

#endif
