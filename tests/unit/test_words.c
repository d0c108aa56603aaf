/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "words.h"

#define N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

static void
test_nearest(void **state)
{
	static const char *const words[] = { "bridge",     "port",   "fdb",    "show", "set",
					     "masquerade", "xenbr0", "vif1.0", "eth0" };
	static const struct {
		const char *text, *nearest;
	} cases[] = {
		{ "brigde", "bridge" }, /* two letters changed places */
		{ "prot", "port" },
		{ "fdbs", "fdb" },
		{ "birgde", "bridge" },
		{ "Bridge", "bridge" },
		{ "SHOW", "show" },
		{ "masq", "masquerade" }, /* its beginning */
		{ "ma", NULL },
		{ "xenbr", "xenbr0" },
		{ "xnebr0", "xenbr0" },
		{ "XENBR0", "xenbr0" },
		{ "xenbr1", NULL }, /* another number is another thing */
		{ "xenbr00", NULL },
		{ "vif2.0", NULL },
		{ "vif10.0", NULL },
		{ "vif10", "vif1.0" },
		{ "eht0", "eth0" },
		{ "b", NULL }, /* nothing of it is right */
		{ "fd", "fdb" },
		{ "interface", NULL },
		{ "", NULL },
		{ "a word that is longer than any word could ever be", NULL },
	};

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		const char *nearest = word_nearest(cases[i].text, words, N_ELEMENTS(words));

		if (nearest == NULL || cases[i].nearest == NULL) {
			if (nearest != cases[i].nearest)
				fail_msg("%s: %s", cases[i].text, nearest != NULL ? nearest : "-");
			continue;
		}
		assert_string_equal(nearest, cases[i].nearest);
	}
}

/* The nearest of several, and the first of those that are as near. */
static void
test_best(void **state)
{
	static const char *const words[] = { "shows", "shop", "show", "slow" };

	assert_string_equal(word_nearest("shwo", words, 4), "show");
	assert_string_equal(word_nearest("shoq", words, 4), "shop");
	assert_null(word_nearest("show", words, 0));
}

static void
test_hint(void **state)
{
	char text[WORD_HINT_SIZE];

	assert_string_equal(word_hint("xenbr0", "look", text, sizeof(text)),
			    "did you mean 'xenbr0'?");
	assert_string_equal(word_hint(NULL, "look", text, sizeof(text)), "look");
}

static void
test_join(void **state)
{
	static const char *const words[] = { "bridge", "port", "fdb" };
	char text[32];

	assert_string_equal(words_join(words, 3, text, 18), "bridge, port, fdb");
	assert_string_equal(words_join(words, 3, text, 17), "bridge, ...");
	assert_string_equal(words_join(words, 3, text, 8), ", ...");
	assert_string_equal(words_join(words, 0, text, 8), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_best),
		cmocka_unit_test(test_hint),
		cmocka_unit_test(test_join),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
