/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A switch with guests on the fake hypervisor, for a guest that does its worst: two guests that
 * behave talk to each other on the same bridge, and the bed sees to it that they can, that nothing
 * which was not granted is touched, and that nothing is left behind.
 *
 * What is not as it must be aborts the program.
 *
 * Thread-safety: one thread, which is control thread, workers and guests in turn.
 */
#ifndef TESTS_GUEST_BED_H
#define TESTS_GUEST_BED_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "fake_frontend.h"
#include "switch.h"

#define BED_WORKERS 2      /* so guests have as many queues */
#define BED_GOOD 2         /* guests that behave */
#define BED_GOOD_DOMID 100 /* of the first one */
#define BED_PACKETS 4      /* of each, in each check */

#define REQUIRE(condition)                                                                      \
	do {                                                                                    \
		if (!(condition)) {                                                             \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                                \
		}                                                                               \
	} while (0)

struct guest_bed {
	struct fake_hypervisor *fake;
	struct event_base *base;
	struct datapath *dp;
	struct worker *workers[BED_WORKERS];
	struct vswitch *sw;
	struct fake_frontend *good[BED_GOOD];
	uint32_t n_checks;
	uint64_t n_delivered; /* to guests that behave, by each other */
};

/** guest_bed_create() - a switch with one bridge, and the guests that behave connected. */
void guest_bed_create(struct guest_bed *bed);

/**
 * guest_bed_destroy() - stop. Guests but those that behave must have been removed from the store;
 * nothing may be left of any of them.
 */
void guest_bed_destroy(struct guest_bed *bed);

/** guest_bed_restart() - the switch ends and starts again; no guest notices. */
void guest_bed_restart(struct guest_bed *bed);

/** guest_bed_add() - put a guest's vif on the bridge, as its hotplug script does, if it exists. */
void guest_bed_add(struct guest_bed *bed, const struct fake_frontend_config *config);

/** guest_bed_control() - let the control thread do what has come up. */
void guest_bed_control(struct guest_bed *bed);

/** guest_bed_retry() - as much time has passed as anything waits for. */
void guest_bed_retry(struct guest_bed *bed);

/** guest_bed_work() - one turn of each worker. Return: packets received. */
unsigned int guest_bed_work(struct guest_bed *bed);

/**
 * guest_bed_quiet() - go on until everything rests. The guests that behave take all they get. It
 * must not take long, and then no packet is kept, nor does a worker poll.
 */
void guest_bed_quiet(struct guest_bed *bed);

/** guest_bed_check() - after guest_bed_quiet(): the guests that behave reach each other. */
void guest_bed_check(struct guest_bed *bed);

/** guest_bed_seconds() - the clock of guests' rates goes on. */
void guest_bed_seconds(uint32_t n);

#endif /* TESTS_GUEST_BED_H */
