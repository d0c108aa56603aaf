/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The packet buffers of tests: of DPDK's usual kind, or, with VSWITCH_TEST_POOL=pages in the
 * environment, pages (packet.h). The same tests are run with either.
 *
 * Thread-safety: the main thread.
 */
#ifndef TESTS_TEST_POOL_H
#define TESTS_TEST_POOL_H

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "packet.h"

/* Flags that packets have on account of the pool they are from. */
#define POOL_FLAGS RTE_MBUF_F_EXTERNAL

static inline struct rte_mempool *
test_pool_pages(const char *name, uint32_t n)
{
	void *pages = mmap(NULL, (size_t)n * PACKET_PAGE_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return pages == MAP_FAILED ? NULL : packet_pool_create(name, n, 0, pages);
}

/** test_pool_create() - @n buffers, no cache. Return: the pool, or NULL. */
static inline struct rte_mempool *
test_pool_create(const char *name, uint32_t n)
{
	const char *kind = getenv("VSWITCH_TEST_POOL");

	if (kind != NULL && strcmp(kind, "pages") == 0)
		return test_pool_pages(name, n);
	return packet_pool_create(name, n, 0, NULL);
}

#endif /* TESTS_TEST_POOL_H */
