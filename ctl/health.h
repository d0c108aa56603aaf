/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Health: what is wrong with the switch, and what to do about it, as its checks find it.
 *
 * How: vswitchd does the looking (health.show); here it is put in order, the worst first, and
 * wrapped to the terminal. The exit status says the worst, for monitoring.
 *
 * Thread-safety: none needed.
 */
#ifndef CTL_HEALTH_H
#define CTL_HEALTH_H

#include "help.h"

struct client;
struct error;
struct request;

/* Exit statuses beside those of all commands. */
enum { HEALTH_EXIT_WARNING = 3, HEALTH_EXIT_ERROR = 4 };

extern const struct option_text health_options[];

/** health_run() - "health [-v]". Return: 0, an exit status, or -errno with @err filled. */
int health_run(struct client *client, const struct request *request, struct error *err);

#endif
