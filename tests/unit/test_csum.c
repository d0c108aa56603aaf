/* SPDX-License-Identifier: BSD-3-Clause */
/* Checksums that change with what they cover. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "csum.h"

/* RFC 1624 section 4: the example on which the older equation failed. */
static void
test_rfc1624(void **state)
{
	uint16_t delta = csum_fold(csum_delta16(0, 0x5555, 0x3285));

	assert_int_equal(csum_apply(0xdd2f, delta), 0x0000);
	assert_int_equal(csum_apply(0x0000, ~delta), 0xdd2f);
}

/* All changes of a word, from each of some sums. */
static void
test_all_words(void **state)
{
	static const uint16_t rests[] = { 0, 1, 0x00ff, 0x7fff, 0x8000, 0xfffe, 0xffff };

	for (unsigned int r = 0; r < sizeof(rests) / sizeof(rests[0]); r++) {
		for (uint32_t to = 0; to < 65536; to++) {
			const uint16_t from = to * 40503u >> 3;
			const uint16_t old = ~csum_fold((uint64_t)rests[r] + from);
			const uint16_t new = ~csum_fold((uint64_t)rests[r] + to);
			const uint16_t delta = csum_fold(csum_delta16(0, from, to));

			/* a sum of nothing but zeros has no positive zero to come back to */
			if (rests[r] == 0 && (to == 0 || from == 0))
				continue;
			if (csum_apply(old, delta) != new || csum_apply(new, ~delta) != old)
				fail_msg("rest %04x: %04x -> %04x", rests[r], from, to);
		}
	}
}

/* Addresses and ports of random packets, against the whole sum; and a sum that is one. */
static void
test_packets(void **state)
{
	uint16_t words[20];

	srandom(1);
	for (int round = 0; round < 100000; round++) {
		struct csum before = { 0 }, after = { 0 };
		uint32_t from, to;
		uint64_t delta = 0;
		uint16_t folded;

		for (unsigned int i = 0; i < 20; i++)
			words[i] = random() >> 4;
		csum_add(&before, words, sizeof(words));
		memcpy(&from, &words[6], 4);
		to = round % 3 == 0 ? from : (uint32_t)random() << 1;
		delta = csum_delta32(delta, from, to);
		memcpy(&words[6], &to, 4);
		delta = csum_delta16(delta, words[10], 0xffff);
		words[10] = 0xffff;
		csum_add(&after, words, sizeof(words));
		folded = csum_fold(delta);
		assert_int_equal(csum_apply((uint16_t)~csum_fold(before.sum), folded),
				 (uint16_t)~csum_fold(after.sum));
		assert_int_equal(csum_apply_sum(csum_fold(before.sum), folded),
				 csum_fold(after.sum));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc1624),
		cmocka_unit_test(test_all_words),
		cmocka_unit_test(test_packets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
