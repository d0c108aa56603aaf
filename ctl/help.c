/* SPDX-License-Identifier: BSD-3-Clause */
#include "help.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "command.h"
#include "error.h"

#define SYNTAX_WIDTH 30
#define KEY_WIDTH 20
#define LINE_WIDTH 79
#define CONTINUE_INDENT 12

const struct option_text vsctl_options[] = {
	{ "-j, --json", NULL, "JSON for every show" },
	{ "-w, --watch", NULL,
	  "with a show: show it again as things change, and\nevery 2 seconds" },
	{ "-n, --interval", "SECONDS", "the same, every so many seconds" },
	{ "-s, --socket", "SOCKET",
	  "vswitchd's socket (default: vswitchd.sock in\n$VSWITCH_RUN_DIR or /run/vswitch)" },
	{ "--color", "WHEN",
	  "colours: auto (the default: on a terminal, unless\n$NO_COLOR is set), always or never" },
	{ "-h, --help", NULL, "a short help" },
	{ "-V, --version", NULL, "the version of vsctl" },
	{ NULL },
};

static void
print_command(const struct command *command, FILE *out)
{
	char syntax[96];

	snprintf(syntax, sizeof(syntax), "%s%s%s%s%s%s",
		 command->object != NULL ? command->object : "", command->object != NULL ? " " : "",
		 command->verb,
		 command->name == NAME_OPTIONAL ? " [" :
		 command->name == NAME_REQUIRED ? " " :
						  "",
		 command->metavar != NULL ? command->metavar : "",
		 command->name == NAME_OPTIONAL ? "]" : "");
	fprintf(out, "  %-*s %s\n", SYNTAX_WIDTH, syntax, command->help);
}

static void
print_all(FILE *out)
{
	size_t i;

	fputs("usage: vsctl [-jw] [-s SOCKET] OBJECT VERB [NAME] [KEY VALUE]...\n\n", out);
	for (i = 0; i < n_commands; i++)
		print_command(&commands[i], out);
	fprintf(out, "  %-*s %s\n", SYNTAX_WIDTH, "OBJECT help", "keys and values of an object");
	fprintf(out, "  %-*s %s\n", SYNTAX_WIDTH, "brctl [COMMAND [ARGUMENT]...]",
		"the same as brctl of bridge-utils, on vswitchd's bridges");
	putc('\n', out);
	option_print(vsctl_options, out);
	fputs("\n"
	      "Exit status: 0 done, 1 a bad value, vswitchd refused or is not running,\n"
	      "2 wrong usage.\n",
	      out);
}

/* Add a word to a line, or start the next one. */
static void
print_word(const char *word, int *column, FILE *out)
{
	if (*column + 1 + (int)strlen(word) > LINE_WIDTH) {
		fprintf(out, "\n%*s", CONTINUE_INDENT - 1, "");
		*column = CONTINUE_INDENT - 1;
	}
	*column += fprintf(out, " %s", word);
}

/* The keys that a command must have, or those that it may have. */
static void
print_keys(const struct command *command, bool required, int *column, FILE *out)
{
	const struct schema_key *key;
	char word[64];
	unsigned int i;

	for (i = 0; i < command->schema->n_keys; i++) {
		key = &command->schema->keys[i];
		if (!(key->verbs & command->schema_verb) || key->internal)
			continue;
		if (((key->required & command->schema_verb) != 0) != required)
			continue;
		snprintf(word, sizeof(word), required ? "%s%s%s" : "[%s%s%s]", key->name,
			 key->type == VALUE_FLAG ? "" : " ", key->metavar);
		print_word(word, column, out);
	}
}

static void
print_syntax(const struct command *command, FILE *out)
{
	int column;

	column = fprintf(out, "  vsctl %s %s", command->object, command->verb);
	if (command->metavar != NULL)
		column += fprintf(out, command->name == NAME_OPTIONAL ? " [%s]" : " %s",
				  command->metavar);
	print_keys(command, true, &column, out);
	print_keys(command, false, &column, out);
	fprintf(out, "\n      %s\n", command->help);
}

static void
print_key(const struct schema_key *key, FILE *out)
{
	char text[128];

	snprintf(text, sizeof(text), "%s %s", key->name, key->metavar);
	fprintf(out, "  %-*s %s\n", KEY_WIDTH, text, key->help);
	fprintf(out, "  %-*s %s", KEY_WIDTH, "", schema_describe(key, text, sizeof(text)));
	if (key->def != NULL)
		fprintf(out, "; default: %s", key->def);
	if ((key->verbs & VERB_ADD) && !(key->verbs & VERB_SET) && (key->verbs & VERB_CONFIG))
		fputs("; only when added", out);
	fputc('\n', out);
}

/* The keys of an object's commands; those of one schema stand together. */
static void
print_schemas(const char *object, FILE *out)
{
	const struct object_schema *last = NULL;

	for (size_t i = 0; i < n_commands; i++) {
		const struct object_schema *schema = commands[i].schema;

		if (commands[i].object == NULL || strcmp(commands[i].object, object) != 0 ||
		    schema == last || schema->n_keys == 0)
			continue;
		if (last == NULL)
			fputs("\nKeys:\n", out);
		else
			fprintf(out, "\nKeys: %s:\n", schema->help);
		last = schema;
		for (unsigned int k = 0; k < schema->n_keys; k++)
			if (!schema->keys[k].internal)
				print_key(&schema->keys[k], out);
	}
}

/* A command of one word that has options. */
static bool
print_word_alone(const char *word, FILE *out)
{
	for (size_t i = 0; i < n_commands; i++) {
		const struct command *command = &commands[i];

		if (command->object != NULL || command->options == NULL ||
		    strcmp(command->verb, word) != 0)
			continue;
		fprintf(out, "%s - %s\n\n  vsctl %s [%s]\n\n", word, command->help, word,
			command->metavar);
		option_print(command->options, out);
		return true;
	}
	return false;
}

int
help_print(const char *object, FILE *out, struct error *err)
{
	const struct object_schema *schema = NULL;
	char quoted[48];
	size_t i;

	if (object == NULL) {
		print_all(out);
		return 0;
	}
	for (i = 0; i < n_commands; i++) {
		if (commands[i].object == NULL || strcmp(commands[i].object, object) != 0)
			continue;
		if (schema == NULL)
			fprintf(out, "%s - %s\n\n", object, commands[i].schema->help);
		schema = commands[i].schema;
		print_syntax(&commands[i], out);
	}
	if (schema == NULL && print_word_alone(object, out))
		return 0;
	if (schema == NULL)
		return error_set(err, EINVAL, "there is no object %s; vsctl help lists them",
				 schema_quote(object, quoted, sizeof(quoted)));
	print_schemas(object, out);
	return 0;
}
