/* SPDX-License-Identifier: BSD-3-Clause */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "eal.h"
#include "error.h"
#include "hypervisor_xen_pages.h"
#include "log.h"
#include "object.h"
#include "packet.h"

#define HUGEPAGES_DIR "/sys/kernel/mm/hugepages"
#define MBUF_SIZE (RTE_MBUF_DEFAULT_BUF_SIZE + sizeof(struct rte_mbuf) + RTE_CACHE_LINE_SIZE)
#define MBUF_HEAD_SIZE 512 /* of an mbuf whose buffer is elsewhere: twelve or so to a page */
#define MBUF_CACHE 512
#define MBUFS_MIN 1024u
#define MBUFS_AUTO_HUGE 65536u /* about 160 MiB */
#define MBUFS_AUTO_PLAIN 16384u
#define MEMORY_TABLES 32u /* MiB for rings and DPDK's own tables */
/* MiB for the routing tables of both families, and bytes per route: next hops, groups and DPDK's
 * own notes of routes */
#define MEMORY_FIBS 160u
#define MEMORY_ROUTE 2048u
#define EAL_ARGS_MAX 16

struct eal_args {
	int argc;
	char *argv[EAL_ARGS_MAX];    /* DPDK changes it */
	char *strings[EAL_ARGS_MAX]; /* what is to be freed */
};

/* A number that the kernel tells of hugepages of a size; 0 if it does not. */
static unsigned long long
eal_hugepages_read(const char *size, const char *name)
{
	unsigned long long pages = 0;
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s/%s", HUGEPAGES_DIR, size, name);
	file = fopen(path, "re");
	if (file == NULL)
		return 0;
	if (fscanf(file, "%llu", &pages) != 1)
		pages = 0;
	fclose(file);
	return pages;
}

/* Free hugepages of all sizes, in bytes, but for those that others have reserved. */
static uint64_t
eal_hugepages_free(void)
{
	DIR *dir = opendir(HUGEPAGES_DIR);
	const struct dirent *entry;
	uint64_t bytes = 0;

	if (dir == NULL)
		return 0;
	while ((entry = readdir(dir)) != NULL) {
		unsigned long long kib, pages, reserved;

		if (sscanf(entry->d_name, "hugepages-%llukB", &kib) != 1)
			continue;
		pages = eal_hugepages_read(entry->d_name, "free_hugepages");
		reserved = eal_hugepages_read(entry->d_name, "resv_hugepages");
		bytes += kib * 1024 * (pages > reserved ? pages - reserved : 0);
	}
	closedir(dir);
	return bytes;
}

/* Without a list of cores the workers take the highest ones: interrupts like the lowest. */
static int
eal_plan_cores(const struct object *settings, struct eal_plan *plan, struct error *err)
{
	const char *list = settings->values[VSWITCHD_KEY_CORES].text;
	uint64_t workers = settings->values[VSWITCHD_KEY_WORKERS].number;
	int n_cores = 0;
	cpu_set_t allowed;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0)
		return error_set(err, errno, "cannot read which cores it may use: %s",
				 strerror(errno));
	plan->culprit = list[0] != '\0' ? VSWITCHD_KEY_CORES : VSWITCHD_KEY_WORKERS;
	if (list[0] != '\0') {
		n_cores = cores_parse(list, plan->cores, WORKER_MAX);
		if (n_cores > WORKER_MAX)
			return error_set(err, ERANGE,
					 "[vswitchd] cores names %d cores; %d is the most", n_cores,
					 WORKER_MAX);
		for (int i = 0; i < n_cores; i++)
			if (!CPU_ISSET(plan->cores[i], &allowed))
				return error_set(
					err, EINVAL,
					"[vswitchd] cores: there is no core %u here, or it "
					"may not be used",
					plan->cores[i]);
		plan->culprit = VSWITCHD_KEY_WORKERS;
		if (workers == 0)
			workers = n_cores;
		if (workers > (uint64_t)n_cores)
			return error_set(err, EINVAL,
					 "[vswitchd] workers is %llu, but cores names %d",
					 (unsigned long long)workers, n_cores);
	} else {
		if (workers == 0)
			workers = 1;
		for (int core = CPU_SETSIZE - 1; core >= 0 && n_cores < (int)workers; core--)
			if (CPU_ISSET(core, &allowed))
				plan->cores[n_cores++] = core;
		if ((uint64_t)n_cores < workers)
			return error_set(err, EINVAL,
					 "[vswitchd] workers is %llu, but there are %d cores",
					 (unsigned long long)workers, n_cores);
	}
	plan->n_workers = workers;
	return 0;
}

/* What the machine can give without hugepages, in MiB. */
static uint64_t
eal_memory_free(void)
{
	unsigned long long kib = ULLONG_MAX;
	FILE *file = fopen("/proc/meminfo", "re");
	char line[128];

	if (file == NULL)
		return UINT64_MAX;
	while (fgets(line, sizeof(line), file) != NULL &&
	       sscanf(line, "MemAvailable: %llu kB", &kib) != 1)
		;
	fclose(file);
	return kib >> 10;
}

/* More than there is would end in a message of DPDK's that tells nothing, or the OOM killer. */
static int
eal_check_memory(const struct object *settings, struct eal_plan *plan, uint64_t huge,
		 struct error *err)
{
	uint64_t there = plan->hugepages ? huge >> 20 : eal_memory_free();
	const char *kind = plan->hugepages ? "free hugepages" : "available memory";

	if (plan->memory <= there)
		return 0;
	if (settings->values[VSWITCHD_KEY_MEMORY].number != 0)
		return error_set(err, ENOMEM,
				 "[vswitchd] memory is %u MiB, but there are %llu MiB of %s",
				 plan->memory, (unsigned long long)there, kind);
	plan->culprit = VSWITCHD_KEY_MBUFS;
	return error_set(err, ENOMEM,
			 "[vswitchd] mbufs: %u of them need %u MiB, but there are %llu MiB of %s",
			 plan->mbufs, plan->memory, (unsigned long long)there, kind);
}

static int
eal_plan_memory(const struct object *settings, struct eal_plan *plan, struct error *err)
{
	uint64_t wish = settings->values[VSWITCHD_KEY_HUGEPAGES].number;
	uint64_t huge = wish == HUGEPAGES_NO ? 0 : eal_hugepages_free();
	uint64_t tables = (uint64_t)MEMORY_TABLES << 20;
	uint32_t asked = settings->values[VSWITCHD_KEY_MBUFS].number;
	uint64_t needed;

	plan->mbufs = asked;
	plan->memory = settings->values[VSWITCHD_KEY_MEMORY].number;
	plan->hugepages = huge >= tables + (uint64_t)RTE_MAX(asked, MBUFS_MIN) * MBUF_SIZE;
	plan->culprit = VSWITCHD_KEY_HUGEPAGES;
	if (wish == HUGEPAGES_YES && !plan->hugepages)
		return error_set(
			err, ENOMEM,
			"[vswitchd] hugepages is yes, but too few of them are free (%llu MiB); "
			"\"sysctl vm.nr_hugepages=128\" reserves 256 MiB",
			(unsigned long long)(huge >> 20));
	if (plan->mbufs == 0 && plan->hugepages)
		plan->mbufs = RTE_MIN((huge - tables) / MBUF_SIZE, (uint64_t)MBUFS_AUTO_HUGE);
	else if (plan->mbufs == 0)
		plan->mbufs = MBUFS_AUTO_PLAIN;
	/*
	 * Without hugepages: the mbufs, and room for as many with buffers behind them, each in a
	 * page, for devices of DPDK's (switch_device_pool()). If there are none, nothing of that
	 * room is ever touched; the pages of the first ones are as much, and allocated apart.
	 */
	needed = ((uint64_t)plan->mbufs *
			  (plan->hugepages ? MBUF_SIZE : MBUF_HEAD_SIZE + PACKET_PAGE_SIZE) >>
		  20) +
		 MEMORY_TABLES;
	if (plan->memory == 0 && !plan->hugepages)
		plan->memory = needed;
	plan->culprit = VSWITCHD_KEY_MEMORY;
	if (plan->memory != 0 && plan->memory < needed)
		return error_set(err, ENOMEM, "[vswitchd] memory is %u MiB, but %u mbufs need %llu",
				 plan->memory, plan->mbufs, (unsigned long long)needed);
	if (!plan->hugepages && settings->values[VSWITCHD_KEY_MEMORY].number == 0)
		plan->spare =
			MEMORY_FIBS +
			(settings->values[VSWITCHD_KEY_ROUTES_MAX].number * MEMORY_ROUTE >> 20);
	return eal_check_memory(settings, plan, huge, err);
}

static int
eal_add(struct eal_args *args, const char *arg)
{
	char *copy = strdup(arg);

	if (copy == NULL || args->argc == EAL_ARGS_MAX) {
		free(copy);
		return -ENOMEM;
	}
	args->strings[args->argc] = copy;
	args->argv[args->argc++] = copy;
	return 0;
}

static void
eal_free_args(struct eal_args *args)
{
	for (int i = 0; i < args->argc; i++)
		free(args->strings[i]);
}

/* lcore 0 is the control thread, on any core; lcore 1.. are the workers, each on its own. */
static void
eal_lcores(const struct eal_plan *plan, char *text, size_t size)
{
	cpu_set_t allowed;
	size_t used;

	sched_getaffinity(0, sizeof(allowed), &allowed);
	used = snprintf(text, size, "0@(");
	for (int core = 0; core < CPU_SETSIZE && used < size; core++)
		if (CPU_ISSET(core, &allowed))
			used += snprintf(text + used, size - used, "%s%d",
					 text[used - 1] == '(' ? "" : ",", core);
	if (used < size)
		used += snprintf(text + used, size - used, ")");
	for (uint16_t w = 0; w < plan->n_workers && used < size; w++)
		used += snprintf(text + used, size - used, ",%u@%u", w + 1, plan->cores[w]);
}

static int
eal_build_args(const struct eal_plan *plan, struct eal_args *args)
{
	char lcores[4096], memory[16];
	int ret = 0;

	eal_lcores(plan, lcores, sizeof(lcores));
	snprintf(memory, sizeof(memory), "%u", plan->memory + plan->spare);
	ret |= eal_add(args, "vswitchd");
	ret |= eal_add(args, "--lcores");
	ret |= eal_add(args, lcores);
	ret |= eal_add(args, "--no-telemetry");
	ret |= eal_add(args, "--log-level=error");
	if (plan->hugepages) {
		/* leaves nothing in the file system, whatever way the process ends */
		ret |= eal_add(args, "--in-memory");
		/* a device that nobody has: no NIC is taken before a port asks for it */
		ret |= eal_add(args, "-a");
		ret |= eal_add(args, "ffff:ff:1f.7");
	} else {
		ret |= eal_add(args, "--no-huge");
		ret |= eal_add(args, "--no-shconf");
		ret |= eal_add(args, "--no-pci");
	}
	if (plan->memory != 0) {
		ret |= eal_add(args, "-m");
		ret |= eal_add(args, memory);
	}
	return ret;
}

static void
eal_report(const struct eal_plan *plan, bool xen, const struct error *reason)
{
	const struct own_pages *pages = plan->pages;

	if (pages == NULL) {
		log_line(LOG_INFO, "%u worker(s), %u packet buffers, hugepages", plan->n_workers,
			 plan->mbufs);
		return;
	}
	log_line(LOG_INFO, "%u worker(s), %u packet buffers, no hugepages, %u buffers granted",
		 plan->n_workers, plan->mbufs, pages->n_granted);
	if (xen && pages->n_granted < pages->n)
		log_line(LOG_NOTICE,
			 "guests' packets take more time where buffers are not granted: %s",
			 reason->msg);
}

/* The packet buffers. Without hugepages: in pages of their own. NULL with rte_errno. */
static struct rte_mempool *
eal_pool_create(struct eal_plan *plan, bool xen)
{
	struct error reason = { 0 };
	struct rte_mempool *pool;
	void *memory = NULL;

	if (!plan->hugepages) {
		plan->pages = own_pages_create(plan->mbufs, xen, &reason);
		if (plan->pages == NULL) {
			rte_errno = errno;
			return NULL;
		}
		memory = plan->pages->base;
	}
	pool = packet_pool_create("mbufs", plan->mbufs, MBUF_CACHE, memory);
	if (pool != NULL)
		eal_report(plan, xen, &reason);
	return pool;
}

int
eal_start(const struct object *settings, bool xen, struct eal_plan *ret_plan,
	  struct rte_mempool **ret_pool, struct error *err)
{
	struct eal_args args = { 0 };
	struct eal_plan plan = { 0 };
	int ret;

	ret = eal_plan_cores(settings, &plan, err);
	if (ret == 0)
		ret = eal_plan_memory(settings, &plan, err);
	*ret_plan = plan;
	if (ret < 0)
		return ret;
	ret = eal_build_args(&plan, &args);
	if (ret < 0)
		error_set(err, ENOMEM, "no memory to start DPDK");
	else if ((ret = rte_eal_init(args.argc, args.argv)) < 0)
		ret = error_set(err, rte_errno, "DPDK does not start: %s", rte_strerror(rte_errno));
	eal_free_args(&args);
	if (ret < 0)
		return ret;
	*ret_pool = eal_pool_create(&plan, xen);
	ret_plan->pages = plan.pages;
	if (*ret_pool == NULL)
		return error_set(err, rte_errno, "no memory for %u mbufs: %s", plan.mbufs,
				 rte_strerror(rte_errno));
	return 0;
}

void
eal_stop(void)
{
	rte_eal_cleanup();
}
