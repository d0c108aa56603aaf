/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Unaligned: words of headers, wherever they lie, in the order that they have in memory.
 *
 * Thread-safety: plain functions on the caller's memory. Any thread.
 */
#ifndef DATAPATH_UNALIGNED_H
#define DATAPATH_UNALIGNED_H

#include <stdint.h>
#include <string.h>

/** get16() - read 16 bits. */
static inline uint16_t
get16(const uint8_t *at)
{
	uint16_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

/** get32() - read 32 bits. */
static inline uint32_t
get32(const uint8_t *at)
{
	uint32_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

/** put16() - write 16 bits. */
static inline void
put16(uint8_t *at, uint16_t word)
{
	memcpy(at, &word, sizeof(word));
}

/** put32() - write 32 bits. */
static inline void
put32(uint8_t *at, uint32_t word)
{
	memcpy(at, &word, sizeof(word));
}

#endif /* DATAPATH_UNALIGNED_H */
