/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * VLAN lists: sets of VLANs as an operator writes them, "10,20-30".
 *
 * How: a set is an array of words with a bit for each VLAN, 0 to 4094. VLAN 0 stands for untagged
 * frames that belong to no VLAN. "all" is all that have a number, 1 to 4094.
 *
 * Thread-safety: pure functions, any thread.
 */
#ifndef COMMON_VLANS_H
#define COMMON_VLANS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VLANS_WORDS 64
#define VLANS_MAX 4094
#define VLANS_ALL "all"

/* The longest list is two of each three VLANs, five characters each. */
#define VLANS_TEXT_SIZE 14336

/**
 * vlans_parse() - read a list of VLANs
 * @text: "10,20-30", in any order, or "all"
 * @ret_set: the set; NULL: only check
 *
 * Return: 0, -EINVAL (also if a VLAN is named twice), or -ERANGE for one above 4094. Context: any
 * thread.
 */
int vlans_parse(const char *text, uint64_t ret_set[VLANS_WORDS]);

/**
 * vlans_format() - write a set: ascending, with ranges, or "all"
 * @set: the set
 * @ret_text: the text; cut at the end of a number if @size is too small
 * @size: bytes at @ret_text, VLANS_TEXT_SIZE for any set
 *
 * Return: @ret_text. Context: any thread.
 */
const char *vlans_format(const uint64_t set[VLANS_WORDS], char *ret_text, size_t size);

/* vlans_has() - is a VLAN in the set? */
static inline bool
vlans_has(const uint64_t set[VLANS_WORDS], unsigned int vid)
{
	return set[vid / 64] >> vid % 64 & 1;
}

/* vlans_add() - put a VLAN into the set. */
static inline void
vlans_add(uint64_t set[VLANS_WORDS], unsigned int vid)
{
	set[vid / 64] |= UINT64_C(1) << vid % 64;
}

/* vlans_remove() - take a VLAN out of the set. */
static inline void
vlans_remove(uint64_t set[VLANS_WORDS], unsigned int vid)
{
	set[vid / 64] &= ~(UINT64_C(1) << vid % 64);
}

#endif
