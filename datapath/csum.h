/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Internet checksum (RFC 1071) over pieces of a packet, eight bytes at a time.
 *
 * A struct csum takes pieces of any length one after the other, as if they lay next to each other:
 * csum_add() sums, csum_copy() sums what it copies. The sums are of 16-bit words in memory order,
 * so results are stored into headers without swapping bytes. (rte_raw_cksum() adds 16 bits at a
 * time, which costs several times as much on a full-sized packet; here four words are added next to
 * each other, as each carry waits for its sum.)
 *
 * A header that changes has its checksum changed by a *delta*, the one's complement sum of
 * what came less what went (RFC 1624 eqn. 3), without looking at the rest: csum_delta16() and
 * csum_delta32() gather it, csum_apply() brings it into a checksum field, and csum_apply_sum() into
 * a field that holds a sum itself, as that of a blank checksum does. The delta back is ~delta.
 *
 * Thread-safety: plain functions on the caller's memory. Any thread.
 */
#ifndef DATAPATH_CSUM_H
#define DATAPATH_CSUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <rte_byteorder.h>

struct csum {
	uint64_t sum; /* one's complement sum so far, 64 bits wide */
	bool odd;     /* an odd number of bytes was added */
};

/** csum_fold() - 64-bit one's complement sum to 16 bits. Return: the sum, not complemented. */
static inline uint16_t
csum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

/* One's complement addition: the carry comes back in. */
static inline uint64_t
csum_plus(uint64_t sum, uint64_t word)
{
	sum += word;
	return sum + (sum < word);
}

/* Add the sum of a piece, which began at an even address of its own, where it belongs. */
static inline void
csum_join(struct csum *csum, uint64_t piece, size_t len)
{
	if (csum->odd)
		piece = rte_bswap16(csum_fold(piece));
	csum->sum = csum_plus(csum->sum, piece);
	csum->odd ^= len & 1;
}

/** csum_word() - add one 16-bit word, in memory (network) order, to an even number of bytes. */
static inline void
csum_word(struct csum *csum, uint16_t word)
{
	csum->sum = csum_plus(csum->sum, word);
}

/** csum_copy() - copy @len bytes to @dst and add them. */
static inline void
csum_copy(struct csum *csum, void *dst, const void *src, size_t len)
{
	const uint8_t *from = src;
	uint8_t *to = dst;
	uint64_t a = 0, b = 0, c = 0, d = 0, words[4], word;
	size_t left = len;

	for (; left >= 32; left -= 32, from += 32, to += 32) {
		memcpy(words, from, 32);
		memcpy(to, words, 32);
		a = csum_plus(a, words[0]);
		b = csum_plus(b, words[1]);
		c = csum_plus(c, words[2]);
		d = csum_plus(d, words[3]);
	}
	for (; left >= 8; left -= 8, from += 8, to += 8) {
		memcpy(&word, from, 8);
		memcpy(to, &word, 8);
		a = csum_plus(a, word);
	}
	if (left > 0) {
		word = 0;
		memcpy(&word, from, left);
		memcpy(to, &word, left);
		b = csum_plus(b, word);
	}
	csum_join(csum, csum_plus(csum_plus(a, b), csum_plus(c, d)), len);
}

/** csum_add() - add @len bytes at @data. */
static inline void
csum_add(struct csum *csum, const void *data, size_t len)
{
	const uint8_t *from = data;
	uint64_t a = 0, b = 0, c = 0, d = 0, words[4], word;
	size_t left = len;

	for (; left >= 32; left -= 32, from += 32) {
		memcpy(words, from, 32);
		a = csum_plus(a, words[0]);
		b = csum_plus(b, words[1]);
		c = csum_plus(c, words[2]);
		d = csum_plus(d, words[3]);
	}
	for (; left >= 8; left -= 8, from += 8) {
		memcpy(&word, from, 8);
		a = csum_plus(a, word);
	}
	if (left > 0) {
		word = 0;
		memcpy(&word, from, left);
		b = csum_plus(b, word);
	}
	csum_join(csum, csum_plus(csum_plus(a, b), csum_plus(c, d)), len);
}

/** csum_delta16() - note that a 16-bit word changes. @delta: 0 at first, folded at last. */
static inline uint64_t
csum_delta16(uint64_t delta, uint16_t from, uint16_t to)
{
	return delta + (uint16_t)~from + to;
}

/** csum_delta32() - note that a 32-bit word at an even offset changes. */
static inline uint64_t
csum_delta32(uint64_t delta, uint32_t from, uint32_t to)
{
	return delta + (uint32_t)~from + to;
}

/** csum_apply_sum() - a sum (not complemented), after what it sums has changed by @delta. */
static inline uint16_t
csum_apply_sum(uint16_t sum, uint16_t delta)
{
	uint32_t new = (uint32_t)sum + delta;

	return (new & 0xffff) + (new >> 16);
}

/**
 * csum_apply() - a checksum field, after what it covers has changed by @delta. What was wrong stays
 * wrong. Zero comes out only where RFC 1071 has it too: of a sum of 0xffff.
 */
static inline uint16_t
csum_apply(uint16_t field, uint16_t delta)
{
	return ~csum_apply_sum(~field, delta);
}

#endif /* DATAPATH_CSUM_H */
