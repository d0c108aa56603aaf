/* SPDX-License-Identifier: BSD-3-Clause */
#include "filter_sign.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_common.h>
#include <rte_vect.h>

#define OFFSET_MAX 256 /* what is behind is no sign: many packets are shorter */
#define ETHER_TYPE_OFFSET 12
#define ANYTHING (FILTER_SIGNS_MAX + 1)

/* What is in A when a program comes to an instruction. */
struct holding {
	enum {
		HOLDS_NOTHING, /* it does not come there */
		HOLDS_FIELD,   /* bytes of the packet, masked */
		HOLDS_OTHER,
	} what;
	uint32_t offset, size; /* of the field, bytes */
	uint32_t mask;
};

/*
 * What a packet has that comes to an instruction and matches in the end: one of n signs. None:
 * nothing that comes there matches; ANYTHING: no signs are known.
 */
struct need {
	uint32_t n;
	struct filter_sign signs[FILTER_SIGNS_MAX];
};

struct place {
	struct holding a;
	struct need need;
};

/* --- forwards: what is in A --- */

static void
holding_merge(struct holding *to, const struct holding *from)
{
	if (to->what == HOLDS_NOTHING)
		*to = *from;
	else if (to->what != from->what || to->offset != from->offset || to->size != from->size ||
		 to->mask != from->mask)
		to->what = HOLDS_OTHER;
}

/* Behind an instruction that neither jumps nor ends. */
static struct holding
holding_after(const struct sock_filter *op, struct holding a)
{
	static const uint8_t sizes[] = { [BPF_W] = 4, [BPF_H] = 2, [BPF_B] = 1 };
	const uint16_t class = BPF_CLASS(op->code);

	if (class == BPF_LD && BPF_MODE(op->code) == BPF_ABS && op->k <= OFFSET_MAX) {
		a.what = HOLDS_FIELD;
		a.offset = op->k;
		a.size = sizes[BPF_SIZE(op->code)];
		a.mask = UINT32_MAX >> (32 - 8 * a.size);
	} else if (op->code == (BPF_ALU | BPF_AND | BPF_K)) {
		a.mask &= op->k;
	} else if (class == BPF_LD || class == BPF_ALU || op->code == (BPF_MISC | BPF_TXA)) {
		a.what = HOLDS_OTHER;
	}
	return a;
}

static void
holdings_find(const struct sock_filter *ops, size_t n, struct place *places)
{
	places[0].a.what = HOLDS_OTHER;
	for (size_t i = 0; i < n; i++) {
		const struct sock_filter *op = &ops[i];
		struct place *next = &places[i + 1];
		const struct holding a = places[i].a;

		if (op->code == (BPF_JMP | BPF_JA)) {
			holding_merge(&next[op->k].a, &a);
		} else if (BPF_CLASS(op->code) == BPF_JMP) {
			holding_merge(&next[op->jt].a, &a);
			holding_merge(&next[op->jf].a, &a);
		} else if (BPF_CLASS(op->code) != BPF_RET) {
			const struct holding after = holding_after(op, a);

			holding_merge(&next->a, &after);
		}
	}
}

/* --- backwards: what a packet needs to match --- */

/* A number that the larger is, the more packets have one of these signs. */
static uint64_t
need_cost(const struct need *need)
{
	uint64_t cost = 0;

	if (need->n == ANYTHING)
		return UINT64_MAX;
	for (uint32_t i = 0; i < need->n; i++) {
		const uint32_t mask = rte_be_to_cpu_32(need->signs[i].mask);

		if (need->signs[i].offset + 2 == ETHER_TYPE_OFFSET && mask == UINT16_MAX)
			cost += UINT64_C(1) << 28; /* nearly all packets have the same one or two */
		else
			cost += UINT64_C(1) << (32 - __builtin_popcount(mask));
	}
	return cost;
}

/* What packets have for which A is @k. */
static struct need
need_equal(const struct holding *a, uint32_t k)
{
	const uint32_t end = a->offset + a->size;
	const uint32_t offset = RTE_MAX(end, FILTER_SIGN_SIZE) - FILTER_SIGN_SIZE;
	const uint32_t shift = 8 * (offset + FILTER_SIGN_SIZE - end);

	if (a->what != HOLDS_FIELD)
		return (struct need){ .n = ANYTHING };
	return (struct need){
		.n = 1,
		.signs[0] = {
			.offset = offset,
			.mask = rte_cpu_to_be_32(a->mask << shift),
			.value = rte_cpu_to_be_32(k << shift),
		},
	};
}

static bool
need_has(const struct need *need, const struct filter_sign *sign)
{
	for (uint32_t i = 0; i < need->n; i++)
		if (memcmp(&need->signs[i], sign, sizeof(*sign)) == 0)
			return true;
	return false;
}

/* One or the other. */
static struct need
need_either(struct need need, const struct need *other)
{
	if (need.n == ANYTHING || other->n == ANYTHING)
		return (struct need){ .n = ANYTHING };
	for (uint32_t i = 0; i < other->n; i++) {
		if (need_has(&need, &other->signs[i]))
			continue;
		if (need.n == FILTER_SIGNS_MAX)
			return (struct need){ .n = ANYTHING };
		need.signs[need.n++] = other->signs[i];
	}
	return need;
}

static struct need
need_at(const struct sock_filter *op, const struct place *place)
{
	const struct place *next = place + 1;
	struct need yes, equal;

	if (BPF_CLASS(op->code) == BPF_RET)
		return (struct need){
			.n = op->code == (BPF_RET | BPF_K) && op->k == 0 ? 0 : ANYTHING,
		};
	if (BPF_CLASS(op->code) != BPF_JMP)
		return next->need;
	if (BPF_OP(op->code) == BPF_JA)
		return next[op->k].need;
	yes = next[op->jt].need;
	if (op->code == (BPF_JMP | BPF_JEQ | BPF_K)) {
		/* both have to be: one of them will do, that which fewer packets have */
		equal = need_equal(&place->a, op->k);
		if (need_cost(&equal) < need_cost(&yes))
			yes = equal;
	}
	return need_either(yes, &next[op->jf].need);
}

void
filter_signs_find(const struct sock_filter *ops, size_t n, struct filter_signs *ret_signs)
{
	struct place *places = calloc(n, sizeof(*places));
	struct need need;

	*ret_signs = (struct filter_signs){ 0 };
	if (places == NULL)
		return;
	holdings_find(ops, n, places);
	for (size_t i = n; i-- > 0;)
		places[i].need = need_at(&ops[i], &places[i]);
	need = places[0].need;
	free(places);
	if (need.n == 0 || need.n == ANYTHING)
		return;
	ret_signs->n = need.n;
	for (uint32_t i = 0; i < FILTER_SIGNS_MAX; i++) {
		/* the last one again, where there are no more: as many can be looked for at once */
		const struct filter_sign *sign = &need.signs[RTE_MIN(i, need.n - 1)];

		ret_signs->signs[i] = *sign;
		ret_signs->end = RTE_MAX(ret_signs->end, sign->offset + FILTER_SIGN_SIZE);
	}
}

/* --- looking for them --- */

static inline uint32_t
word_at(const uint8_t *data, uint32_t offset)
{
	uint32_t word;

	memcpy(&word, data + offset, sizeof(word));
	return word;
}

static inline bool
is_short(const struct filter_signs *signs, const struct rte_mbuf *pkt)
{
	return unlikely(pkt->data_len < signs->end);
}

static bool
seen_in(const struct filter_signs *signs, const struct rte_mbuf *pkt)
{
	const uint8_t *data = rte_pktmbuf_mtod(pkt, const uint8_t *);

	if (is_short(signs, pkt))
		return true;
	for (uint32_t s = 0; s < signs->n; s++) {
		const struct filter_sign *sign = &signs->signs[s];

		if ((word_at(data, sign->offset) & sign->mask) == sign->value)
			return true;
	}
	return false;
}

#ifdef RTE_ARCH_X86
/* The same four bytes of four packets. */
static inline __m128i
words_at(const uint8_t *const data[4], uint32_t offset)
{
	return _mm_set_epi32((int)word_at(data[3], offset), (int)word_at(data[2], offset),
			     (int)word_at(data[1], offset), (int)word_at(data[0], offset));
}

/* @n: a multiple of 4. @n_signs: a constant, so that its loops are none. */
static __rte_always_inline bool
seen_in_fours(const struct filter_signs *signs, const uint32_t n_signs,
	      struct rte_mbuf *const *pkts, uint16_t n)
{
	__m128i masks[FILTER_SIGNS_MAX], values[FILTER_SIGNS_MAX], yes = _mm_setzero_si128();

	for (uint32_t s = 0; s < n_signs; s++) {
		masks[s] = _mm_set1_epi32((int)signs->signs[s].mask);
		values[s] = _mm_set1_epi32((int)signs->signs[s].value);
	}
	for (struct rte_mbuf *const *end = pkts + n; pkts < end; pkts += 4) {
		const uint8_t *data[4];

		if (is_short(signs, pkts[0]) || is_short(signs, pkts[1]) ||
		    is_short(signs, pkts[2]) || is_short(signs, pkts[3]))
			return true;
		for (uint32_t i = 0; i < 4; i++)
			data[i] = rte_pktmbuf_mtod(pkts[i], const uint8_t *);
		for (uint32_t s = 0; s < n_signs; s++) {
			const __m128i words = words_at(data, signs->signs[s].offset) & masks[s];

			yes |= _mm_cmpeq_epi32(words, values[s]);
		}
	}
	return _mm_movemask_epi8(yes) != 0;
}
#endif

bool
filter_signs_seen(const struct filter_signs *signs, struct rte_mbuf *const *pkts, uint16_t n)
{
	uint16_t i = 0;

#ifdef RTE_ARCH_X86
	i = n & ~3;
	if (signs->n <= 2 ? seen_in_fours(signs, 2, pkts, i) :
			    seen_in_fours(signs, FILTER_SIGNS_MAX, pkts, i))
		return true;
#endif
	for (; i < n; i++)
		if (seen_in(signs, pkts[i]))
			return true;
	return false;
}
