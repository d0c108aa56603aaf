/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Counts hypercalls in what xentrace has written (standard input), by domain and kind:
 *
 *     xentrace -D -e 0x00221000 FILE       (PV entries, and who runs where)
 *     xen_hypercalls < FILE                prints "hypercall.dDOMAIN.KIND NUMBER" per line
 *
 * Hypercalls are those that Xen itself has seen, so programs in kernel and user space are counted
 * alike. Records: xen/include/public/trace.h. One thread.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* the numbers that guests use today: without it sched_op and event_channel_op are those of 2005 */
#define __XEN_INTERFACE_VERSION__ 0x00040900
#include <xen/grant_table.h>
#include <xen/trace.h>
#include <xen/xen.h>

#define CPUS 256
#define DOMAINS 64
#define NOBODY UINT32_MAX
#define RUNNING 0 /* the state of a runstate record, bits 4-7 */

enum kind {
	ALL,
	GRANT_COPY,
	GRANT_COPY_PIECES, /* not calls: what is asked for in them */
	GRANT_MAP,
	GRANT_UNMAP,
	EVENT, /* sent, unmasked, bound...: Xen does not say which */
	IRET,
	SCHED,
	MULTICALL,
	KINDS,
};

static const char *const kind_names[KINDS] = {
	[ALL] = "all",
	[GRANT_COPY] = "grant-copy",
	[GRANT_COPY_PIECES] = "grant-copy-pieces",
	[GRANT_MAP] = "grant-map",
	[GRANT_UNMAP] = "grant-unmap",
	[EVENT] = "event",
	[IRET] = "iret",
	[SCHED] = "sched",
	[MULTICALL] = "multicall",
};

struct counts {
	uint64_t n[DOMAINS][KINDS];
	uint64_t lost;
	uint32_t cpu;
	uint32_t running[CPUS]; /* domain */
};

/* The call's own first argument (a command) is the first that is recorded, if any is. */
static enum kind
hypercall_kind(uint32_t op, uint32_t command)
{
	switch (op) {
	case __HYPERVISOR_grant_table_op:
		if (command == GNTTABOP_copy)
			return GRANT_COPY;
		if (command == GNTTABOP_map_grant_ref)
			return GRANT_MAP;
		return command == GNTTABOP_unmap_grant_ref ? GRANT_UNMAP : ALL;
	case __HYPERVISOR_event_channel_op:
		return EVENT;
	case __HYPERVISOR_iret:
		return IRET;
	case __HYPERVISOR_sched_op:
		return SCHED;
	case __HYPERVISOR_multicall:
		return MULTICALL;
	default:
		return ALL;
	}
}

static void
count_hypercall(struct counts *counts, const uint32_t *extra, uint32_t n)
{
	uint32_t domain = counts->running[counts->cpu];
	enum kind kind;

	if (n == 0 || domain >= DOMAINS)
		return;
	kind = hypercall_kind(extra[0] & ~TRC_PV_HYPERCALL_V2_ARG_MASK, n > 1 ? extra[1] : 0);
	counts->n[domain][ALL]++;
	if (kind != ALL)
		counts->n[domain][kind]++;
	if (kind == GRANT_COPY && n > 2)
		counts->n[domain][GRANT_COPY_PIECES] += extra[2];
}

static void
count_record(struct counts *counts, uint32_t event, const uint32_t *extra, uint32_t n)
{
	if (event == TRC_TRACE_CPU_CHANGE && n > 0)
		counts->cpu = extra[0] % CPUS;
	else if (event == TRC_LOST_RECORDS && n > 0)
		counts->lost += extra[0];
	else if (event == TRC_PV_HYPERCALL_V2)
		count_hypercall(counts, extra, n);
	else if ((event & ~0xff0U) == TRC_SCHED_RUNSTATE_CHANGE && n > 0 &&
		 (event >> 4 & 0xf) == RUNNING)
		counts->running[counts->cpu] = extra[0] >> 16;
	else if (event == TRC_SCHED_CONTINUE_RUNNING && n > 0)
		counts->running[counts->cpu] = extra[0] >> 16;
}

/* One record; false at the end. */
static bool
read_record(struct counts *counts)
{
	uint32_t header, extra[TRACE_EXTRA_MAX], n;
	uint64_t cycles;

	if (fread(&header, sizeof(header), 1, stdin) != 1)
		return false;
	if (TRC_HD_INCLUDES_CYCLE_COUNT(header) && fread(&cycles, sizeof(cycles), 1, stdin) != 1)
		return false;
	n = TRC_HD_EXTRA(header);
	if (fread(extra, sizeof(extra[0]), n, stdin) != n)
		return false;
	count_record(counts, TRC_HD_TO_EVENT(header), extra, n);
	return true;
}

int
main(void)
{
	static struct counts counts;

	for (uint32_t i = 0; i < CPUS; i++)
		counts.running[i] = NOBODY;
	while (read_record(&counts))
		;
	for (uint32_t domain = 0; domain < DOMAINS; domain++) {
		for (uint32_t kind = 0; kind < KINDS; kind++) {
			if (counts.n[domain][ALL] != 0)
				printf("hypercall.d%u.%s %" PRIu64 "\n", domain, kind_names[kind],
				       counts.n[domain][kind]);
		}
	}
	printf("hypercall.lost %" PRIu64 "\n", counts.lost);
	return 0;
}
