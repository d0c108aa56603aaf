/* SPDX-License-Identifier: BSD-3-Clause */
#include "filter.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_vect.h>

#include "filter_sign.h"

#ifndef BPF_MOD
#define BPF_MOD 0x90
#define BPF_XOR 0xa0
#endif

/*
 * "Load at a place, jump if equal to a number" is nearly all that filters do. Where nobody needs
 * the loaded value any more, and nobody else jumps to the jump, both are done at once: the load's
 * code has this bit, which no instruction has.
 */
#define FUSED 0x8000

struct filter {
	uint32_t n;
	struct filter_signs signs;
	struct sock_filter ops[];
};

/* --- programs --- */

static bool
is_alu(uint16_t code)
{
	switch (BPF_OP(code)) {
	case BPF_ADD:
	case BPF_SUB:
	case BPF_MUL:
	case BPF_OR:
	case BPF_AND:
	case BPF_LSH:
	case BPF_RSH:
	case BPF_XOR:
	case BPF_DIV:
	case BPF_MOD:
		return (code & ~(BPF_OP(code) | BPF_SRC(code))) == BPF_ALU;
	default:
		return code == (BPF_ALU | BPF_NEG);
	}
}

static bool
is_jump(uint16_t code)
{
	switch (BPF_OP(code)) {
	case BPF_JEQ:
	case BPF_JGT:
	case BPF_JGE:
	case BPF_JSET:
		return (code & ~(BPF_OP(code) | BPF_SRC(code))) == BPF_JMP;
	default:
		return code == (BPF_JMP | BPF_JA);
	}
}

static bool
is_known(uint16_t code)
{
	switch (code) {
	case BPF_LD | BPF_W | BPF_ABS:
	case BPF_LD | BPF_H | BPF_ABS:
	case BPF_LD | BPF_B | BPF_ABS:
	case BPF_LD | BPF_W | BPF_IND:
	case BPF_LD | BPF_H | BPF_IND:
	case BPF_LD | BPF_B | BPF_IND:
	case BPF_LD | BPF_W | BPF_LEN:
	case BPF_LDX | BPF_W | BPF_LEN:
	case BPF_LD | BPF_IMM:
	case BPF_LDX | BPF_IMM:
	case BPF_LDX | BPF_B | BPF_MSH:
	case BPF_LD | BPF_MEM:
	case BPF_LDX | BPF_MEM:
	case BPF_ST:
	case BPF_STX:
	case BPF_RET | BPF_K:
	case BPF_RET | BPF_A:
	case BPF_MISC | BPF_TAX:
	case BPF_MISC | BPF_TXA:
		return true;
	default:
		return is_alu(code) || is_jump(code);
	}
}

/* Is an instruction one that can be carried out, and leads to another one behind it, or ends? */
static bool
is_legal(const struct sock_filter *op, size_t left)
{
	if (!is_known(op->code))
		return false;
	switch (BPF_CLASS(op->code)) {
	case BPF_RET:
		return true;
	case BPF_JMP:
		if (BPF_OP(op->code) == BPF_JA)
			return op->k < left;
		return op->jt < left && op->jf < left;
	case BPF_ST:
	case BPF_STX:
		return left > 0 && op->k < FILTER_WORDS;
	case BPF_LD:
	case BPF_LDX:
		return left > 0 && (BPF_MODE(op->code) != BPF_MEM || op->k < FILTER_WORDS);
	case BPF_ALU:
		if (BPF_SRC(op->code) == BPF_K && op->k == 0 &&
		    (BPF_OP(op->code) == BPF_DIV || BPF_OP(op->code) == BPF_MOD))
			return false;
		return left > 0;
	default:
		return left > 0;
	}
}

/* Does an instruction not care what has been loaded before? */
static bool
forgets(const struct sock_filter *op)
{
	const uint16_t code = op->code & ~FUSED;

	return BPF_CLASS(code) == BPF_LD || code == (BPF_RET | BPF_K);
}

static bool
can_fuse(const struct sock_filter *ops, uint32_t i)
{
	const struct sock_filter *jump = &ops[i + 1];

	return BPF_CLASS(ops[i].code) == BPF_LD && BPF_MODE(ops[i].code) == BPF_ABS &&
	       jump->code == (BPF_JMP | BPF_JEQ | BPF_K) && forgets(jump + 1 + jump->jt) &&
	       forgets(jump + 1 + jump->jf);
}

static void
fuse(struct filter *filter)
{
	bool is_target[FILTER_OPS_MAX] = { false };

	for (uint32_t i = 0; i < filter->n; i++) {
		const struct sock_filter *op = &filter->ops[i];

		if (op->code == (BPF_JMP | BPF_JA)) {
			is_target[i + 1 + op->k] = true;
		} else if (BPF_CLASS(op->code) == BPF_JMP) {
			is_target[i + 1 + op->jt] = true;
			is_target[i + 1 + op->jf] = true;
		}
	}
	for (uint32_t i = 0; i + 1 < filter->n; i++)
		if (!is_target[i + 1] && can_fuse(filter->ops, i))
			filter->ops[i].code |= FUSED;
}

struct filter *
filter_create(const struct sock_filter *ops, size_t n)
{
	struct filter *filter;

	errno = EINVAL;
	if (n == 0 || n > FILTER_OPS_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (!is_legal(&ops[i], n - 1 - i))
			return NULL;
	filter = malloc(sizeof(*filter) + n * sizeof(ops[0]));
	if (filter == NULL)
		return NULL;
	filter->n = n;
	memcpy(filter->ops, ops, n * sizeof(ops[0]));
	filter_signs_find(ops, n, &filter->signs);
	fuse(filter);
	return filter;
}

/* --- packets --- */

void
filter_load(struct filter_burst *burst, struct rte_mbuf *const *pkts, uint16_t n)
{
	burst->pkts = pkts;
	burst->n = n;
	burst->is_found = false;
}

/* Find where the data of all packets are, once for all filters. */
static void
data_find(struct filter_burst *burst)
{
	uint32_t shortest = UINT32_MAX;

	for (uint16_t i = 0; i < burst->n; i++) {
		const struct rte_mbuf *pkt = burst->pkts[i];

		burst->data[i] = rte_pktmbuf_mtod(pkt, const uint8_t *);
		shortest = RTE_MIN(shortest, (uint32_t)pkt->data_len);
	}
	burst->shortest = shortest;
	burst->is_found = true;
}

static inline uint32_t
value_at(const uint8_t *p, uint16_t size)
{
	uint32_t word;
	uint16_t half;

	switch (size) {
	case BPF_W:
		memcpy(&word, p, sizeof(word));
		return rte_be_to_cpu_32(word);
	case BPF_H:
		memcpy(&half, p, sizeof(half));
		return rte_be_to_cpu_16(half);
	default:
		return *p;
	}
}

static inline uint32_t
size_of(uint16_t size)
{
	return size == BPF_W ? 4 : size == BPF_H ? 2 : 1;
}

/* One that may be too short, or in pieces. False: there is no such place in the packet. */
static bool
value_read(const struct rte_mbuf *pkt, uint64_t offset, uint16_t size, uint32_t *ret_value)
{
	const uint64_t len = pkt->ol_flags & PORT_PENDING ? pkt->data_len : pkt->pkt_len;
	uint8_t copy[4];
	const uint8_t *p;

	if (offset + size_of(size) > len)
		return false;
	p = rte_pktmbuf_read(pkt, offset, size_of(size), copy);
	*ret_value = value_at(p, size);
	return true;
}

/* Loads at the same place of all packets, which is in the first segment of them all. */
static inline void
load_all(struct filter_burst *burst, uint32_t offset, uint16_t size)
{
	for (uint16_t i = 0; i < burst->n; i++)
		burst->a[i] = value_at(burst->data[i] + offset, size);
}

/* The same of some, while others wait elsewhere with what they have. */
static inline void
load_some(struct filter_burst *burst, uint64_t here, uint32_t offset, uint16_t size)
{
	for (; here != 0; here &= here - 1) {
		const unsigned int i = __builtin_ctzll(here);

		burst->a[i] = value_at(burst->data[i] + offset, size);
	}
}

/* The same, wherever that place is. Return: those that have it. */
static uint64_t
load_each(struct filter_burst *burst, uint64_t here, uint32_t k, bool indirect, uint16_t size)
{
	uint64_t found = 0;

	for (; here != 0; here &= here - 1) {
		const unsigned int i = __builtin_ctzll(here);
		const uint64_t offset = (uint64_t)k + (indirect ? burst->x[i] : 0);

		if (value_read(burst->pkts[i], offset, size, &burst->a[i]))
			found |= UINT64_C(1) << i;
	}
	return found;
}

/* @live: those that the program has not ended for. */
static uint64_t
load(struct filter_burst *burst, const struct sock_filter *op, uint64_t here, uint64_t live)
{
	const uint16_t size = BPF_SIZE(op->code);
	const uint64_t end = (uint64_t)op->k + size_of(size);

	if (unlikely(end > burst->shortest))
		return load_each(burst, here, op->k, false, size);
	if (here != live)
		load_some(burst, here, op->k, size);
	else if (size == BPF_W)
		load_all(burst, op->k, BPF_W);
	else if (size == BPF_H)
		load_all(burst, op->k, BPF_H);
	else
		load_all(burst, op->k, BPF_B);
	return here;
}

/* The length of an IPv4 header: 4 * ([k] & 15). */
static uint64_t
load_header_len(struct filter_burst *burst, const struct sock_filter *op, uint64_t here)
{
	uint64_t found = 0;

	for (; here != 0; here &= here - 1) {
		const unsigned int i = __builtin_ctzll(here);
		uint32_t value;

		if (value_read(burst->pkts[i], op->k, BPF_B, &value)) {
			burst->x[i] = (value & 15) * 4;
			found |= UINT64_C(1) << i;
		}
	}
	return found;
}

/* --- instructions --- */

/* Return: the packets that go on. */
static uint64_t
calculate(struct filter_burst *burst, const struct sock_filter *op, uint64_t here)
{
	const bool by_x = BPF_SRC(op->code) == BPF_X;

	for (uint64_t left = here; left != 0; left &= left - 1) {
		const unsigned int i = __builtin_ctzll(left);
		const uint32_t b = by_x ? burst->x[i] : op->k;
		uint32_t a = burst->a[i];

		switch (BPF_OP(op->code)) {
		case BPF_ADD:
			a += b;
			break;
		case BPF_SUB:
			a -= b;
			break;
		case BPF_MUL:
			a *= b;
			break;
		case BPF_OR:
			a |= b;
			break;
		case BPF_AND:
			a &= b;
			break;
		case BPF_XOR:
			a ^= b;
			break;
		case BPF_LSH:
			a = b < 32 ? a << b : 0;
			break;
		case BPF_RSH:
			a = b < 32 ? a >> b : 0;
			break;
		case BPF_DIV:
		case BPF_MOD:
			if (b == 0) {
				here &= ~(UINT64_C(1) << i);
				continue;
			}
			a = BPF_OP(op->code) == BPF_DIV ? a / b : a % b;
			break;
		default:
			a = -a;
		}
		burst->a[i] = a;
	}
	return here;
}

/* Of all packets: is A equal to a number? */
static uint64_t
equal(const struct filter_burst *burst, uint32_t k)
{
	uint64_t bits = 0;
#ifdef RTE_ARCH_X86
	const __m128i want = _mm_set1_epi32((int)k);

	for (uint16_t i = 0; i < burst->n; i += 4) {
		const __m128i a = _mm_load_si128((const __m128i *)&burst->a[i]);
		const int four = _mm_movemask_ps(_mm_castsi128_ps(_mm_cmpeq_epi32(a, want)));

		bits |= (uint64_t)four << i;
	}
#else
	for (uint16_t i = 0; i < burst->n; i++)
		bits |= (uint64_t)(burst->a[i] == k) << i;
#endif
	return bits;
}

/* The bytes of a packet that are compared: a number of the machine's, but not of its order. */
static inline uint32_t
raw_at(const uint8_t *p, uint16_t size)
{
	uint32_t word;
	uint16_t half;

	if (size == BPF_W)
		return memcpy(&word, p, sizeof(word)), word;
	if (size == BPF_H)
		return memcpy(&half, p, sizeof(half)), half;
	return *p;
}

/* Of all packets: is there a number at a place, which all have? */
static inline uint64_t
equal_at(const struct filter_burst *burst, uint32_t offset, uint16_t size, uint32_t k)
{
	const uint8_t *const *data = burst->data;
	uint64_t bits = 0;
	uint16_t i = 0;
#ifdef RTE_ARCH_X86
	const __m128i want = _mm_set1_epi32((int)k);

	for (; i + 4 <= burst->n; i += 4) {
		const __m128i four = _mm_set_epi32((int)raw_at(data[i + 3] + offset, size),
						   (int)raw_at(data[i + 2] + offset, size),
						   (int)raw_at(data[i + 1] + offset, size),
						   (int)raw_at(data[i] + offset, size));
		const __m128i yes = _mm_cmpeq_epi32(four, want);

		bits |= (uint64_t)_mm_movemask_ps(_mm_castsi128_ps(yes)) << i;
	}
#endif
	for (; i < burst->n; i++)
		bits |= (uint64_t)(raw_at(data[i] + offset, size) == k) << i;
	return bits;
}

/* Load and jump at once. False: not all have that place; nothing was done. */
static bool
load_jump(const struct filter_burst *burst, const struct sock_filter *op, uint64_t here,
	  uint64_t *next)
{
	const struct sock_filter *jump = op + 1;
	const uint16_t size = BPF_SIZE(op->code);
	uint64_t yes;

	if (unlikely((uint64_t)op->k + size_of(size) > burst->shortest))
		return false;
	if (size == BPF_W)
		yes = equal_at(burst, op->k, BPF_W, rte_cpu_to_be_32(jump->k));
	else if (jump->k >> (8 * size_of(size)) != 0)
		yes = 0;
	else if (size == BPF_H)
		yes = equal_at(burst, op->k, BPF_H, rte_cpu_to_be_16((uint16_t)jump->k));
	else
		yes = equal_at(burst, op->k, BPF_B, jump->k);
	next[jump->jt] |= here & yes;
	next[jump->jf] |= here & ~yes;
	return true;
}

/* Return: the packets for which a jump's condition holds, and maybe some that are not here. */
static uint64_t
test(const struct filter_burst *burst, const struct sock_filter *op, uint64_t here)
{
	const bool by_x = BPF_SRC(op->code) == BPF_X;
	uint64_t bits = 0;

	if (likely(op->code == (BPF_JMP | BPF_JEQ | BPF_K)))
		return equal(burst, op->k);
	for (; here != 0; here &= here - 1) {
		const unsigned int i = __builtin_ctzll(here);
		const uint32_t a = burst->a[i], b = by_x ? burst->x[i] : op->k;
		bool yes;

		switch (BPF_OP(op->code)) {
		case BPF_JEQ:
			yes = a == b;
			break;
		case BPF_JGT:
			yes = a > b;
			break;
		case BPF_JGE:
			yes = a >= b;
			break;
		default:
			yes = (a & b) != 0;
		}
		bits |= (uint64_t)yes << i;
	}
	return bits;
}

static void
jump(struct filter_burst *burst, const struct sock_filter *op, uint64_t here, uint64_t *next)
{
	uint64_t yes;

	if (BPF_OP(op->code) == BPF_JA) {
		next[op->k] |= here;
		return;
	}
	yes = here & test(burst, op, here);
	next[op->jt] |= yes;
	next[op->jf] |= here & ~yes;
}

/* Packets that are elsewhere keep what they have. */
static void
copy_each(uint32_t *to, const uint32_t *from, uint64_t here)
{
	for (; here != 0; here &= here - 1) {
		const unsigned int i = __builtin_ctzll(here);

		to[i] = from[i];
	}
}

static void
set_each(uint32_t *to, uint32_t value, uint64_t here)
{
	for (; here != 0; here &= here - 1)
		to[__builtin_ctzll(here)] = value;
}

static void
set_len(const struct filter_burst *burst, uint32_t *to, uint64_t here)
{
	for (; here != 0; here &= here - 1) {
		const unsigned int i = __builtin_ctzll(here);

		to[i] = burst->pkts[i]->pkt_len;
	}
}

/* All but jumps and ends. Return: the packets that go on. */
static uint64_t
carry_out(struct filter_burst *burst, const struct sock_filter *op, uint64_t here)
{
	switch (op->code) {
	case BPF_LD | BPF_W | BPF_IND:
	case BPF_LD | BPF_H | BPF_IND:
	case BPF_LD | BPF_B | BPF_IND:
		return load_each(burst, here, op->k, true, BPF_SIZE(op->code));
	case BPF_LDX | BPF_B | BPF_MSH:
		return load_header_len(burst, op, here);
	case BPF_LD | BPF_W | BPF_LEN:
		set_len(burst, burst->a, here);
		break;
	case BPF_LDX | BPF_W | BPF_LEN:
		set_len(burst, burst->x, here);
		break;
	case BPF_LD | BPF_IMM:
		set_each(burst->a, op->k, here);
		break;
	case BPF_LDX | BPF_IMM:
		set_each(burst->x, op->k, here);
		break;
	case BPF_LD | BPF_MEM:
		copy_each(burst->a, burst->words[op->k], here);
		break;
	case BPF_LDX | BPF_MEM:
		copy_each(burst->x, burst->words[op->k], here);
		break;
	case BPF_ST:
		copy_each(burst->words[op->k], burst->a, here);
		break;
	case BPF_STX:
		copy_each(burst->words[op->k], burst->x, here);
		break;
	case BPF_MISC | BPF_TAX:
		copy_each(burst->x, burst->a, here);
		break;
	case BPF_MISC | BPF_TXA:
		copy_each(burst->a, burst->x, here);
		break;
	default:
		return calculate(burst, op, here);
	}
	return here;
}

/* Those of the packets here whose A is not 0. */
static uint64_t
not_zero(const struct filter_burst *burst, uint64_t here)
{
	return here & ~equal(burst, 0);
}

static __rte_noinline uint64_t
program_run(const struct filter *filter, struct filter_burst *burst)
{
	uint64_t *const at = burst->at;
	uint64_t matched = 0, live = UINT64_MAX >> (PORT_BURST_MAX - burst->n);

	if (!burst->is_found)
		data_find(burst);
	at[0] = live;
	for (uint32_t i = 0; live != 0; i++) {
		const struct sock_filter *op = &filter->ops[i];
		const uint64_t here = at[i];
		uint64_t on = 0;

		if (here == 0)
			continue;
		at[i] = 0;
		if (likely(op->code & FUSED) && load_jump(burst, op, here, &at[i + 2]))
			continue;
		switch (op->code & ~FUSED) {
		case BPF_LD | BPF_W | BPF_ABS:
		case BPF_LD | BPF_H | BPF_ABS:
		case BPF_LD | BPF_B | BPF_ABS:
			on = load(burst, op, here, live);
			break;
		case BPF_RET | BPF_K:
			matched |= op->k != 0 ? here : 0;
			break;
		case BPF_RET | BPF_A:
			matched |= not_zero(burst, here);
			break;
		default:
			if (BPF_CLASS(op->code) == BPF_JMP) {
				jump(burst, op, here, &at[i + 1]);
				continue;
			}
			on = carry_out(burst, op, here);
		}
		/* the others have ended, or looked behind their end, which ends them */
		live &= ~here | on;
		if (on != 0)
			at[i + 1] |= on;
	}
	return matched;
}

uint64_t
filter_run(const struct filter *filter, struct filter_burst *burst)
{
	if (filter->signs.n > 0 &&
	    likely(!filter_signs_seen(&filter->signs, burst->pkts, burst->n)))
		return 0;
	return program_run(filter, burst);
}
