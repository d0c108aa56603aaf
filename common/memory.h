/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory that must be there: the small pieces of records, plans and texts of the configuration. A
 * host without room for these has none for the switch either, so the process ends; its guests stay
 * connected, and the next one goes on. A request cannot bring that about by its size: it has a
 * megabyte at most, 128 KiB if it is not root's (RPC_LINE_MAX, vswitch/rpc.h), and the worst - a
 * config.diff of 33000 bridges - takes vswitchd 90 MiB for as long as it runs, one at a time.
 *
 * Thread-safety: none needed.
 */
#ifndef COMMON_MEMORY_H
#define COMMON_MEMORY_H

#include <stdio.h>
#include <stdlib.h>

/** memory_need() - what an allocation has given, which is not NULL or the process ends. */
static inline void *
memory_need(void *memory)
{
	if (memory == NULL) {
		fputs("out of memory\n", stderr);
		abort();
	}
	return memory;
}

#endif /* COMMON_MEMORY_H */
