/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Delays: how late something was, or how long it took, counted in buckets.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_DELAY_H
#define VSWITCH_DELAY_H

#include <stdint.h>

#define DELAY_BUCKETS 14 /* the last one: all that took longer */

struct delay_histogram {
	uint64_t buckets[DELAY_BUCKETS]; /* not summed up */
	uint64_t nsec;                   /* all delays together */
};

/* The longest delay of each bucket. */
struct delay_bound {
	uint64_t nsec;
	const char *text; /* in seconds */
};
extern const struct delay_bound delay_bounds[DELAY_BUCKETS];

/** delay_count() - count one. */
void delay_count(struct delay_histogram *histogram, uint64_t nsec);

#endif /* VSWITCH_DELAY_H */
