/* SPDX-License-Identifier: BSD-3-Clause */
/* What completion says without a vswitchd: of each row of the tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "command.h"
#include "complete.h"
#include "usage.h"

/* The answer, with a newline in front of each word as well; to be freed. @words: NULL at the end.
 */
static char *
complete(const char *const *words)
{
	char *argv[16], *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	int argc = 0;

	for (; words[argc] != NULL; argc++)
		argv[argc] = (char *)(uintptr_t)words[argc];
	fputc('\n', out);
	complete_print(argc, argv, "/nonexistent/vswitchd.sock", out);
	fclose(out);
	return text;
}

static void
expect_word(const char *const *words, const char *word, bool expected)
{
	char line[96], *text = complete(words);

	snprintf(line, sizeof(line), "\n%s\n", word);
	if ((strstr(text, line) != NULL) != expected)
		fail_msg("%s %s %s: %s: %s", words[0], words[1], words[2], word, text);
	free(text);
}

static void
expect(const char *const *words, const char *answer)
{
	char *text = complete(words);

	assert_string_equal(text + 1, answer);
	free(text);
}

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* Each command is found by its words, and its keys and their words behind it. */
static void
test_tables(void **state)
{
	for (size_t i = 0; i < n_commands; i++) {
		const struct command *command = &commands[i];
		const struct object_schema *schema = command->schema;
		const char *name = command->name == NAME_REQUIRED ? "x1" : NULL;

		if (command->object == NULL) {
			expect_word(WORDS(""), command->verb, true);
			continue;
		}
		expect_word(WORDS(""), command->object, true);
		expect_word(WORDS(command->object, ""), command->verb, true);
		expect_word(WORDS("help", command->object, ""), command->verb, true);
		for (unsigned int k = 0; schema != NULL && k < schema->n_keys; k++) {
			const struct schema_key *key = &schema->keys[k];
			const bool takes = !key->internal && (key->verbs & command->schema_verb);

			expect_word(WORDS(command->object, command->verb, name != NULL ? name : "",
					  name != NULL ? "" : NULL),
				    key->name, takes);
			for (const char *const *word = key->words; takes && word && *word; word++)
				expect_word(WORDS(command->object, command->verb,
						  name != NULL ? name : key->name,
						  name != NULL ? key->name : "",
						  name != NULL ? "" : NULL),
					    *word, true);
		}
	}
}

static void
test_lines(void **state)
{
	expect(WORDS("bridge", "s"), "set\nshow\n");
	expect(WORDS("br", "se", "b", "stp", "rstp", "st"), "stp-priority\n");
	expect(WORDS("-j", "--socket", "x", "vers"), "version\n");
	expect(WORDS("--socket", ""), ":files\n");
	expect(WORDS("--j"), "--json\n");
	expect(WORDS("batch", ""), ":files\n");
	expect(WORDS("config", "apply", "f", "--"), "--help\n--confirm\n");
	expect(WORDS("config", "apply", "--confirm", ""), "");
	expect(WORDS("config", "apply", "--confirm", "60", ""), ":files\n");
	expect(WORDS("nat", "add", "r", "dnat", "tcp", "80", "to", "10.0.0.1", "ma"),
	       "masquerade\nmapping\n");
	expect(WORDS("nat", "add", "r", "dnat", "tcp 80 to 10.0.0.1", "ma"),
	       "masquerade\nmapping\n");
	expect(WORDS("brctl", "stp", "br0", ""), "on\noff\n");
	expect(WORDS("fdb", "show", "cur"), ""); /* for programs */
	expect(WORDS("n", "add", ""), "");       /* short for several */
	expect(WORDS("help", "help", ""), "");
	expect((const char *const[]){ NULL }, "");
}

static void
test_usage(void **state)
{
	struct usage_item items[USAGE_ITEMS_MAX];

	assert_int_equal(usage_read("", items), 0);
	assert_int_equal(usage_read("BRIDGE NIC", items), 2);
	assert_string_equal(items[0].text, "BRIDGE");
	assert_string_equal(items[1].text, "NIC");
	assert_false(items[0].literal || items[1].literal || items[1].repeats);

	assert_int_equal(usage_read("FILE|- [--confirm SECONDS]", items), 2);
	assert_string_equal(items[0].text, "FILE|-");
	assert_false(items[0].literal);
	assert_string_equal(items[1].text, "--confirm");
	assert_string_equal(items[1].value, "SECONDS");
	assert_true(items[1].literal);

	/* a flag is not given what stands behind its bracket */
	assert_int_equal(usage_read("[--all] [link|attach]... [PORT]", items), 3);
	assert_string_equal(items[0].value, "");
	assert_true(items[1].repeats);
	assert_false(items[1].literal);
	assert_string_equal(items[1].text, "link|attach");
	assert_string_equal(items[2].text, "PORT");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_usage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
