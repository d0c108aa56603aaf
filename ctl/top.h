/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * "vsctl top": what passes each port, what is dropped and why, and what it costs; again and again.
 *
 * How: one call of "top.show" per round brings all counters of a moment (top_round.h); the rates
 * are worked out here. They are drawn on a screen (top_screen.c) or, in batch mode, printed.
 * A daemon that is gone is waited for.
 *
 * Thread-safety: none needed.
 */
#ifndef CTL_TOP_H
#define CTL_TOP_H

#include <stdbool.h>

#include "error.h"
#include "option.h"
#include "top_round.h"
#include "top_table.h"

struct client;
struct request;

#define TOP_DELAY_MIN 0.1 /* seconds between two rounds */
#define TOP_DELAY_MAX 3600

/* What stands behind "top". */
struct top_options {
	bool is_batch;
	bool is_json;
	unsigned long rounds; /* 0: until it is told to end */
	double delay;         /* seconds */
	struct top_view view;
};

struct top {
	struct client *client;
	struct top_options options;
	char host[65];
	struct top_round round; /* the last one; no reply: there is none yet */
	bool is_lost;           /* no daemon answers */
	struct error error;     /* why */
};

extern const struct option_text top_options[];

/**
 * top_options_read() - read the words behind "top"
 * @request: argv has the command's own word in front of it
 *
 * Return: 0, -ENOEXEC with @err filled, or 1: help is wanted.
 */
int top_options_read(const struct request *request, struct top_options *ret_options,
		     struct error *err);

/**
 * top_sample() - have one more round
 *
 * A connection that is lost is made again.
 * Return: 0, or -errno: top->is_lost and top->error say that there is none; the last one stays.
 */
int top_sample(struct top *top);

/**
 * top_view_check() - is there what is asked for, now?
 *
 * Return: 0, also while no daemon answers; or -ENOENT, -EINVAL.
 */
int top_view_check(const struct top *top, const struct top_view *view, struct error *err);

/** top_msec() - of a clock that only goes on */
long long top_msec(void);

/** top_screen_run() - draw it on the terminal until it is told to end. Return: 0 or -errno. */
int top_screen_run(struct top *top, struct error *err);

/** top_run() - "top" */
int top_run(struct client *client, const struct request *request, struct error *err);

#endif
