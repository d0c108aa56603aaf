/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Capture: what passes ports, as packets; with tcpdump's habits.
 *
 * How: the filter is compiled here, by libpcap, so that name servers are asked and wait here; it
 * goes to the daemon as a program. What comes back is pcapng, which is read block by block and goes
 * to a file, a ring of files or stdout - or to tcpdump or tshark, whose lines are printed with the
 * port and the direction in front. Ctrl-C tells the daemon that it is enough; what has been
 * captured until then still comes, and then the totals.
 *
 * Thread-safety: none needed.
 */
#ifndef CTL_CAPTURE_H
#define CTL_CAPTURE_H

#include <stdbool.h>

#include "option.h"
#include "schema.h"

struct capture_words;
struct client;
struct error;
struct request;

extern const struct option_text capture_options[];

/**
 * capture_words_run() - capture what was read from words
 * @words: unchanged; the filter is compiled here
 * @is_quiet: say nothing on stderr
 *
 * Return: 0 or -errno; also 0 if who reads has had enough.
 */
int capture_words_run(struct client *client, const struct capture_words *words, bool is_quiet,
		      struct error *err);

/** capture_run() - "capture": until there are enough packets, or Ctrl-C. Return: 0 or -errno. */
int capture_run(struct client *client, const struct request *request, struct error *err);

#endif
