/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sleepers: receive queues that are not to be polled before a time, the earliest first.
 *
 * A binary heap, in an array that has room for all queues of a switch. Entries are never taken out
 * before their time: whoever wakes up finds by the port's generation whether the queue is still the
 * one that went to sleep.
 *
 * Thread-safety: one thread; each worker has its own.
 */
#ifndef DATAPATH_SLEEPERS_H
#define DATAPATH_SLEEPERS_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "port.h"

#define SLEEPERS_MAX (PORT_MAX * PORT_QUEUES_MAX)

struct sleeper {
	uint64_t until;      /* TSC */
	uint32_t cookie;     /* RXQ_COOKIE() */
	uint16_t generation; /* of the port */
};

struct sleepers {
	uint64_t next; /* when the first is to wake up, TSC; UINT64_MAX: none sleeps */
	uint32_t n;
	struct sleeper heap[SLEEPERS_MAX];
};

/** sleepers_init() - none sleeps. */
void sleepers_init(struct sleepers *sleepers);

/** sleepers_add() - Return: 0, or -ENOSPC. */
int sleepers_add(struct sleepers *sleepers, const struct sleeper *sleeper);

/**
 * sleepers_take() - wake up the one whose time came first.
 * @tsc: now.
 * Return: true with @ret_sleeper filled, or false: nobody's time has come.
 */
bool sleepers_take(struct sleepers *sleepers, uint64_t tsc, struct sleeper *ret_sleeper);

#endif /* DATAPATH_SLEEPERS_H */
