/* SPDX-License-Identifier: BSD-3-Clause */
#include "fib.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <rte_byteorder.h>
#include <rte_common.h>
#include <rte_memory.h>

#include "unaligned.h"

#define LOOKUP_BATCH 64
#define LPM6_GROUPS_MAX (1 << 21) /* what rte_lpm6 can number */

struct fib *
fib_create(int family, uint32_t max_routes, uint32_t max_groups)
{
	struct rte_lpm6_config v6 = {
		.max_rules = max_routes + FIB_PIECES_MAX,
		.number_tbl8s = RTE_MIN(max_groups, (uint32_t)LPM6_GROUPS_MAX),
	};
	struct rte_fib_conf v4 = {
		.type = RTE_FIB_DIR24_8,
		.default_nh = FIB_NEXT_HOP_NONE,
		.max_routes = (int)(max_routes + FIB_PIECES_MAX),
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
		fib->v6 = rte_lpm6_create(name, SOCKET_ID_ANY, &v6);
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
		rte_lpm6_free(fib->v6);
	free(fib);
}

static uint32_t
host_order(const void *prefix)
{
	return rte_be_to_cpu_32(get32(prefix));
}

/* How many bits are 1 in all addresses that are never looked up: those of groups, and above. */
static unsigned int
edge_bits(const struct fib *fib)
{
	return fib->family == AF_INET ? 3 : 8;
}

/* How many bits of a prefix are 1, from the first one on; at most those of the edge. */
static unsigned int
leading_ones(const struct fib *fib, const uint8_t *prefix, uint8_t len)
{
	unsigned int n = 0, most = RTE_MIN((unsigned int)len, edge_bits(fib));

	while (n < most && (prefix[0] & 0x80 >> n))
		n++;
	return n;
}

static int
table_set(struct fib *fib, const void *prefix, uint8_t len, uint32_t next_hop)
{
	int ret = fib->family == AF_INET ?
			  rte_fib_add(fib->v4, host_order(prefix), len,
				      next_hop | (uint32_t)len << FIB_NEXT_HOP_BITS) :
			  rte_lpm6_add(fib->v6, prefix, len, next_hop);

	return ret < 0 ? -ENOSPC : 0;
}

static int
table_remove(struct fib *fib, const void *prefix, uint8_t len)
{
	int ret = fib->family == AF_INET ? rte_fib_delete(fib->v4, host_order(prefix), len) :
					   rte_lpm6_delete(fib->v6, prefix, len);

	return ret < 0 ? -ENOENT : 0;
}

/* Enter what the pieces lead to now: routes of their own, or the longest one around them. */
static int
pieces_renew(struct fib *fib)
{
	uint32_t around = FIB_NEXT_HOP_NONE;
	int ret = 0;

	for (unsigned int i = 0; i < edge_bits(fib); i++) {
		const uint8_t prefix[16] = { (uint8_t)(0xff00 >> i) };
		uint32_t wanted;
		int done = 0;

		if (fib->ends[i] != FIB_NEXT_HOP_NONE)
			around = fib->ends[i];
		wanted = fib->pieces[i] != FIB_NEXT_HOP_NONE ? fib->pieces[i] : around;
		if (wanted == fib->entered[i])
			continue;
		if (wanted != FIB_NEXT_HOP_NONE)
			done = table_set(fib, prefix, (uint8_t)(i + 1), wanted);
		else
			table_remove(fib, prefix, (uint8_t)(i + 1));
		if (done == 0)
			fib->entered[i] = wanted;
		else
			ret = done;
	}
	return ret;
}

/*
 * Where the number of a prefix by the edge of the address space is noted; NULL: it is not one of
 * those. @ret_beyond: it is beyond the edge.
 */
static uint32_t *
edge_note(struct fib *fib, const void *prefix, uint8_t len, bool *ret_beyond)
{
	const unsigned int ones = leading_ones(fib, prefix, len);

	*ret_beyond = ones == edge_bits(fib);
	if (*ret_beyond)
		return NULL;
	if (ones == len)
		return &fib->ends[ones];
	return ones + 1 == len ? &fib->pieces[ones] : NULL;
}

int
fib_set(struct fib *fib, const void *prefix, uint8_t len, uint32_t next_hop)
{
	bool beyond;
	uint32_t *note = edge_note(fib, prefix, len, &beyond), before;
	int ret;

	if (beyond)
		return 0;
	if (note == NULL)
		return table_set(fib, prefix, len, next_hop);
	before = *note;
	*note = next_hop;
	ret = pieces_renew(fib);
	if (ret < 0) {
		*note = before;
		pieces_renew(fib);
	}
	return ret;
}

int
fib_remove(struct fib *fib, const void *prefix, uint8_t len)
{
	bool beyond;
	uint32_t *note = edge_note(fib, prefix, len, &beyond);

	if (beyond)
		return 0;
	if (note == NULL)
		return table_remove(fib, prefix, len);
	if (*note == FIB_NEXT_HOP_NONE)
		return -ENOENT;
	*note = FIB_NEXT_HOP_NONE;
	pieces_renew(fib);
	return 0;
}

void
fib_lookup6(const struct fib *fib, uint8_t ips[][16], uint64_t *ret_next_hops, uint16_t n)
{
	int32_t found[LOOKUP_BATCH];

	for (uint16_t at = 0; at < n; at += LOOKUP_BATCH) {
		const uint16_t part = RTE_MIN(n - at, LOOKUP_BATCH);

		rte_lpm6_lookup_bulk_func(fib->v6, &ips[at], found, part);
		for (uint16_t i = 0; i < part; i++)
			ret_next_hops[at + i] =
				found[i] < 0 ? FIB_NEXT_HOP_NONE : (uint32_t)found[i];
	}
}
