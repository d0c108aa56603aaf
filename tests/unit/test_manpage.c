/* SPDX-License-Identifier: BSD-3-Clause */
/* The man pages as $MANPAGE writes them: every key is in them, and groff has nothing to say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "command.h"
#include "help.h"

static const char *const pages[] = { "vsctl", "vswitchd", "conf" };
#define N_PAGES (sizeof(pages) / sizeof(pages[0]))

/* What a command prints, to be freed; @ret_status: as of pclose(). */
static char *
output(const char *command, int *ret_status)
{
	char *text = NULL, chunk[4096];
	size_t size = 0, n;
	FILE *out = open_memstream(&text, &size), *in = popen(command, "r");

	assert_non_null(in);
	while ((n = fread(chunk, 1, sizeof(chunk), in)) > 0)
		fwrite(chunk, 1, n, out);
	fclose(out);
	*ret_status = pclose(in);
	return text;
}

static char *
page_text(const char *page)
{
	char command[64], *text;
	int status;

	snprintf(command, sizeof(command), "\"$MANPAGE\" %s", page);
	text = output(command, &status);
	assert_int_equal(status, 0);
	return text;
}

/* "\fBfdb\\-limit\fR": what is to be typed */
static const char *
bold(const char *word, char *ret_text, size_t size)
{
	size_t len = snprintf(ret_text, size, "\\fB");

	for (; *word != '\0' && len + 3 < size; word++)
		len += snprintf(ret_text + len, size - len, "%s%c", *word == '-' ? "\\" : "",
				*word);
	snprintf(ret_text + len, size - len, "\\fR");
	return ret_text;
}

/* A section: from its heading to the next one of the same kind, or of a higher one. To be freed. */
static char *
section(const char *text, const char *macro, const char *title)
{
	char heading[96];
	const char *begin, *end;
	size_t len;

	snprintf(heading, sizeof(heading), "\n%s %s", macro, title);
	for (begin = strstr(text, heading); begin != NULL; begin = strstr(begin + 1, heading))
		if (strchr("\n ]", begin[strlen(heading)]) != NULL)
			break;
	if (begin == NULL)
		fail_msg("there is no section%s", heading);
	end = strstr(begin + 1, "\n.S");
	while (end != NULL && end[3] != 'H' && strcmp(macro, ".SS") != 0)
		end = strstr(end + 1, "\n.S");
	len = end != NULL ? (size_t)(end - begin) : strlen(begin);
	return strndup(begin, len);
}

static const char *
title_of(const char *word, char *ret_text, size_t size)
{
	size_t len = 0;

	for (; *word != '\0' && len + 3 < size; word++)
		len += snprintf(ret_text + len, size - len, "%s%c", *word == '-' ? "\\" : "",
				*word);
	return ret_text;
}

static void
expect_key(const char *text, const struct object_schema *schema, const struct schema_key *key)
{
	char word[64], heading[80];

	snprintf(heading, sizeof(heading), "\n.TP\n%s", bold(key->name, word, sizeof(word)));
	if (strstr(text, heading) == NULL)
		fail_msg("%s: %s is not explained", schema->kind, key->name);
}

/* Every object, verb and key that can be typed is in vsctl(8), below its object. */
static void
test_vsctl(void **state)
{
	char *text = page_text("vsctl"), *part, word[80], title[64];

	for (size_t i = 0; i < n_commands; i++) {
		const struct command *command = &commands[i];

		snprintf(word, sizeof(word), "\n.TP\n\\fBvsctl %s%s",
			 command->object != NULL ? command->object : "",
			 command->object != NULL ? " " : "");
		assert_non_null(strstr(text, word));
		if (command->object == NULL)
			continue;
		part = section(text, ".SS", title_of(command->object, title, sizeof(title)));
		assert_non_null(strstr(part, command->verb));
		for (unsigned int k = 0; k < command->schema->n_keys; k++)
			if (!command->schema->keys[k].internal)
				expect_key(part, command->schema, &command->schema->keys[k]);
		free(part);
	}
	for (const struct option_text *option = vsctl_options; option->words != NULL; option++)
		assert_non_null(strstr(text, title_of(option->words, word, sizeof(word))));
	free(text);
}

/* Every kind of section and its keys are in vswitch.conf(5). */
static void
test_conf(void **state)
{
	char *text = page_text("conf"), *part, kind[64], title[72];

	for (unsigned int i = 0; i < OBJECT_SCHEMAS; i++) {
		const struct object_schema *schema = object_schemas[i];

		if (!schema->in_config)
			continue;
		snprintf(title, sizeof(title), "[%s", title_of(schema->kind, kind, sizeof(kind)));
		part = section(text, ".SH", title);
		for (unsigned int k = 0; k < schema->n_keys; k++)
			if (schema->keys[k].verbs & VERB_CONFIG)
				expect_key(part, schema, &schema->keys[k]);
		free(part);
	}
	free(text);
}

static void
test_sections(void **state)
{
	static const char *const everywhere[] = { "NAME",  "SYNOPSIS", "DESCRIPTION",
						  "FILES", "EXAMPLES", "SEE ALSO" };
	static const char *const programs[] = { "OPTIONS", "EXIT STATUS", "ENVIRONMENT" };
	char *text;

	for (size_t i = 0; i < N_PAGES; i++) {
		text = page_text(pages[i]);
		for (size_t j = 0; j < sizeof(everywhere) / sizeof(everywhere[0]); j++)
			free(section(text, ".SH", everywhere[j]));
		for (size_t j = 0; i < 2 && j < sizeof(programs) / sizeof(programs[0]); j++)
			free(section(text, ".SH", programs[j]));
		free(text);
	}
}

/* No warning of any kind, and no line that leaves a terminal. */
static void
test_groff(void **state)
{
	char command[128], *text;
	int status;

	if (system("command -v groff > /dev/null") != 0)
		skip();
	for (size_t i = 0; i < N_PAGES; i++) {
		snprintf(command, sizeof(command),
			 "\"$MANPAGE\" %s | groff -man -Tutf8 -ww -z 2>&1", pages[i]);
		text = output(command, &status);
		assert_string_equal(text, "");
		free(text);
		snprintf(command, sizeof(command),
			 "\"$MANPAGE\" %s | groff -man -Tascii -rLL=80n -P-cbou 2>&1", pages[i]);
		text = output(command, &status);
		for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
			if (strcspn(line, "\n") > 80)
				fail_msg("%s: %.*s", pages[i], (int)strcspn(line, "\n"), line);
		assert_true(strlen(text) > 2000);
		free(text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vsctl),
		cmocka_unit_test(test_conf),
		cmocka_unit_test(test_sections),
		cmocka_unit_test(test_groff),
	};

	if (getenv("MANPAGE") == NULL) {
		fputs("skipped: $MANPAGE does not name the program that writes them\n", stderr);
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
