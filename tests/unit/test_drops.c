/* SPDX-License-Identifier: BSD-3-Clause */
/* "vsctl drops": rates, order, what it says of each reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "command.h"
#include "drop.h"
#include "drops.h"
#include "error.h"

#define WORDS_MAX 16
#define LINE_SIZE 256

/* A command of a text, as somebody would type it. */
static void
check_command(const char *reason, const char *command, size_t len)
{
	static const struct {
		const char *place, *word;
	} places[] = { { "PORT.100", "vif1.0" }, { "PORT", "vif1.0" },   { "VID", "10" },
		       { "OTHER", "vif2.0" },    { "BRIDGE", "xenbr0" }, { "RULE", "web" } };
	char line[LINE_SIZE], *words[WORDS_MAX];
	struct request request;
	struct error err = { 0 };
	int n = 0;

	assert_true(len < sizeof(line));
	snprintf(line, sizeof(line), "%.*s", (int)len, command);
	for (char *word = strtok(line, " "); word != NULL; word = strtok(NULL, " ")) {
		assert_true(n < WORDS_MAX);
		words[n] = word;
		for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
			if (strcmp(word, places[i].place) == 0)
				words[n] = (char *)(uintptr_t)places[i].word;
		n++;
	}
	if (request_parse(n, words, &request, &err) < 0)
		fail_msg("%s: vsctl %.*s: %s", reason, (int)len, command, err.msg);
}

/* Each has a sentence, and its commands can be typed. */
static void
test_texts(void **state)
{
	static const char vsctl[] = "'vsctl ";

	(void)state;
	for (unsigned int i = 0; i < DROP_REASONS; i++) {
		const struct drop_text *text = &drop_texts[i];
		const char *const all[] = { text->what, text->cause, text->mend };
		const char *at;

		assert_non_null(drop_reason_names[i]);
		assert_int_equal(drop_reason_find(drop_reason_names[i]), i);
		for (size_t k = 0; k < sizeof(all) / sizeof(all[0]); k++)
			if (all[k] == NULL || strchr(".;", all[k][strlen(all[k]) - 1]) == NULL)
				fail_msg("%s: no sentence: %s", drop_reason_names[i],
					 all[k] != NULL ? all[k] : "none");
		assert_non_null(text->show);
		check_command(drop_reason_names[i], text->show, strlen(text->show));
		for (at = strstr(text->mend, vsctl); at != NULL; at = strstr(at, vsctl)) {
			at += strlen(vsctl);
			check_command(drop_reason_names[i], at, strcspn(at, "'"));
		}
	}
	assert_int_equal(drop_reason_find("nonsense"), DROP_REASONS);
	assert_int_equal(drop_reason_find(NULL), DROP_REASONS);
}

static json_t *
reply_of(const char *text)
{
	json_t *reply = json_loads(text, 0, NULL);

	assert_non_null(reply);
	return reply;
}

static double
rate_of(const json_t *reply, size_t i)
{
	const json_t *rate =
		json_object_get(json_array_get(json_object_get(reply, "rows"), i), "per_second");

	return json_is_null(rate) ? -1 : json_real_value(rate);
}

static void
test_rates(void **state)
{
	json_t *before = reply_of("{\"time_usec\": 1000000, \"started_usec\": 5, \"rows\": ["
				  "{\"instance\": 1, \"reason\": \"tx_full\", \"vlan\": 10,"
				  " \"packets\": 100},"
				  "{\"instance\": 1, \"reason\": \"tx_full\", \"vlan\": null,"
				  " \"packets\": 7}]}");
	json_t *now = reply_of("{\"time_usec\": 3000000, \"started_usec\": 5, \"rows\": ["
			       "{\"instance\": 1, \"reason\": \"tx_full\", \"vlan\": null,"
			       " \"packets\": 6},"
			       "{\"instance\": 2, \"reason\": \"tx_full\", \"vlan\": 10,"
			       " \"packets\": 1000},"
			       "{\"instance\": 1, \"reason\": \"tx_full\", \"vlan\": 10,"
			       " \"packets\": 120},"
			       "{\"instance\": 1, \"reason\": \"mtu_exceeded\", \"vlan\": 10,"
			       " \"packets\": 50}]}");
	json_t *rows = json_object_get(now, "rows");

	(void)state;
	drops_rate(now, before);
	assert_true(rate_of(now, 0) == 0); /* gone back: packets of a VLAN that is known now */
	assert_true(rate_of(now, 1) == 500);
	assert_true(rate_of(now, 2) == 10);
	assert_true(rate_of(now, 3) == 25);
	drops_sort(rows);
	assert_true(rate_of(now, 0) == 500 && rate_of(now, 1) == 25 && rate_of(now, 2) == 10);
	/* of another daemon, or without an earlier one: not known, most packets first */
	json_object_set_new(before, "started_usec", json_integer(6));
	drops_rate(now, before);
	assert_true(rate_of(now, 0) == -1);
	drops_rate(now, NULL);
	drops_sort(rows);
	assert_true(rate_of(now, 0) == -1);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(rows, 1), "packets")),
			 120);
	json_decref(before);
	json_decref(now);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_rates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
