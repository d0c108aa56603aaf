/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * EAL: start DPDK with what this machine has - hugepages or none, the cores that are there - so
 * that nobody has to tune anything first.
 *
 * Thread-safety: the main thread, once, before anything else of DPDK is used.
 */
#ifndef VSWITCH_EAL_H
#define VSWITCH_EAL_H

#include <stdint.h>

#include "datapath.h"
#include "schema.h"

struct error;
struct object;
struct own_pages;
struct rte_mempool;

/* What was found and chosen. */
struct eal_plan {
	uint16_t n_workers;
	uint16_t cores[WORKER_MAX]; /* of the workers */
	bool hugepages;
	uint32_t mbufs;            /* packet buffers */
	uint32_t memory;           /* MiB; without hugepages, or asked for */
	uint32_t spare;            /* MiB; address space for tables that there may never be */
	struct own_pages *pages;   /* that the packet buffers are in, or NULL; the caller's, to
				    * destroy after eal_stop() */
	enum vswitchd_key culprit; /* if it fails: the setting to blame */
};

/**
 * eal_start() - choose and start.
 * Without hugepages the packet buffers are pages of their own outside of DPDK's memory.
 * @settings: the [vswitchd] section (vswitchd_schema) with defaults filled.
 * @xen: there will be guests: those pages should be granted.
 * @ret_plan: what was chosen, or what could not be.
 * @ret_pool: the packet buffers.
 *
 * Return: 0, or -errno with @err naming the setting and what would be right.
 */
int eal_start(const struct object *settings, bool xen, struct eal_plan *ret_plan,
	      struct rte_mempool **ret_pool, struct error *err);

/** eal_stop() - give everything back. */
void eal_stop(void);

#endif /* VSWITCH_EAL_H */
