/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "nat_index.h"
#include "nat_port.h"

#define ODD_PORTS UINT64_C(0xaaaaaaaaaaaaaaaa)

bool
nat_port_claim(struct nat_ports *ports, uint16_t port)
{
	const uint64_t bit = UINT64_C(1) << (port % 64);

	if (__atomic_load_n(&ports->used[port / 64], __ATOMIC_RELAXED) & bit)
		return false;
	if (__atomic_fetch_or(&ports->used[port / 64], bit, __ATOMIC_ACQUIRE) & bit)
		return false;
	__atomic_fetch_add(&ports->n_used, 1, __ATOMIC_RELAXED);
	return true;
}

void
nat_port_release(struct nat_ports *ports, uint16_t port)
{
	__atomic_store_n(&ports->owner[port], 0, __ATOMIC_RELEASE);
	__atomic_fetch_and(&ports->used[port / 64], ~(UINT64_C(1) << (port % 64)),
			   __ATOMIC_RELEASE);
	__atomic_fetch_sub(&ports->n_used, 1, __ATOMIC_RELAXED);
}

/* The bits of a word that the range has. */
static uint64_t
word_mask(const struct nat_port_range *range, uint32_t word)
{
	uint64_t mask = UINT64_MAX;

	if (word == range->low / 64u)
		mask &= UINT64_MAX << range->low % 64;
	if (word == range->high / 64u)
		mask &= UINT64_MAX >> (63 - range->high % 64);
	if (range->parity)
		mask &= range->wanted % 2 != 0 ? ODD_PORTS : ~ODD_PORTS;
	return mask;
}

uint16_t
nat_port_search(struct nat_ports *ports, const struct nat_port_range *range, uint16_t start)
{
	const uint32_t first = range->low / 64, last = range->high / 64;
	uint32_t word = start / 64;
	uint64_t mask = UINT64_MAX << start % 64;

	/* the first word comes twice: what is before @start is looked at last */
	for (uint32_t i = 0; i <= last - first + 1; i++) {
		uint64_t free = ~__atomic_load_n(&ports->used[word], __ATOMIC_RELAXED) &
				word_mask(range, word) & mask;

		for (; free != 0; free &= free - 1) {
			uint32_t port = word * 64 + __builtin_ctzll(free);

			if (nat_port_claim(ports, port))
				return port;
		}
		word = word == last ? first : word + 1;
		mask = UINT64_MAX;
	}
	return 0;
}

int
nat_ext_find(const struct nat_exts *exts, uint32_t ip)
{
	for (int i = 0; i < NAT_EXT_MAX; i++)
		if (exts->slots[i].ip == ip)
			return i;
	return -1;
}

int
nat_ext_open(struct nat_exts *exts, uint32_t ip)
{
	int slot = nat_ext_find(exts, ip);
	struct nat_ext *ext;

	if (slot >= 0)
		return slot;
	slot = nat_ext_find(exts, 0);
	if (slot < 0)
		return -ENOSPC;
	ext = &exts->slots[slot];
	for (unsigned int i = 0; i < NAT_PORT_SETS; i++) {
		ext->ports[i] = nat_memory_map(sizeof(struct nat_ports), false);
		if (ext->ports[i] == NULL) {
			nat_ext_close(ext);
			return -ENOMEM;
		}
	}
	ext->ip = ip;
	return slot;
}

void
nat_ext_close(struct nat_ext *ext)
{
	for (unsigned int i = 0; i < NAT_PORT_SETS; i++)
		nat_memory_unmap(ext->ports[i], sizeof(struct nat_ports));
	*ext = (struct nat_ext){ 0 };
}

uint32_t
nat_ext_used(const struct nat_ext *ext)
{
	uint32_t n = 0;

	for (unsigned int i = 0; i < NAT_PORT_SETS; i++)
		n += __atomic_load_n(&ext->ports[i]->n_used, __ATOMIC_RELAXED);
	return n;
}
