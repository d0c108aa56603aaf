/* SPDX-License-Identifier: BSD-3-Clause */
#include "fib.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <rte_byteorder.h>
#include <rte_memory.h>

#include "unaligned.h"

struct fib *
fib_create(int family, uint32_t max_routes, uint32_t max_groups)
{
	struct rte_fib6_conf v6 = {
		.type = RTE_FIB6_TRIE,
		.default_nh = FIB_NEXT_HOP_NONE,
		.max_routes = (int)max_routes,
		.trie = { .nh_sz = RTE_FIB6_TRIE_4B, .num_tbl8 = max_groups },
	};
	struct rte_fib_conf v4 = {
		.type = RTE_FIB_DIR24_8,
		.default_nh = FIB_NEXT_HOP_NONE,
		.max_routes = (int)max_routes,
		.dir24_8 = { .nh_sz = RTE_FIB_DIR24_8_4B, .num_tbl8 = max_groups },
	};
	struct fib *fib = calloc(1, sizeof(*fib));
	static unsigned int n_made; /* names must differ while an old one is retired */
	char name[16];

	if (fib == NULL)
		return NULL;
	snprintf(name, sizeof(name), "fib%u", n_made++);
	fib->family = family;
	if (family == AF_INET)
		fib->v4 = rte_fib_create(name, SOCKET_ID_ANY, &v4);
	else
		fib->v6 = rte_fib6_create(name, SOCKET_ID_ANY, &v6);
	if (fib->v4 != NULL)
		return fib;
	free(fib);
	errno = ENOMEM;
	return NULL;
}

void
fib_destroy(void *arg)
{
	struct fib *fib = arg;

	if (fib == NULL)
		return;
	if (fib->family == AF_INET)
		rte_fib_free(fib->v4);
	else
		rte_fib6_free(fib->v6);
	free(fib);
}

static uint32_t
host_order(const void *prefix)
{
	return rte_be_to_cpu_32(get32(prefix));
}

int
fib_set(struct fib *fib, const void *prefix, uint8_t len, uint32_t next_hop)
{
	int ret = fib->family == AF_INET ? rte_fib_add(fib->v4, host_order(prefix), len, next_hop) :
					   rte_fib6_add(fib->v6, prefix, len, next_hop);

	return ret < 0 ? -ENOSPC : 0;
}

int
fib_remove(struct fib *fib, const void *prefix, uint8_t len)
{
	int ret = fib->family == AF_INET ? rte_fib_delete(fib->v4, host_order(prefix), len) :
					   rte_fib6_delete(fib->v6, prefix, len);

	return ret < 0 ? -ENOENT : 0;
}
