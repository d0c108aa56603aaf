/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes the man pages vsctl(8), vswitchd(8) and vswitch.conf(5) from the tables of commands,
 * options, keys and examples; run by the build: manpage vsctl|vswitchd|conf.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "drop.h"
#include "event_kind.h"
#include "examples.h"
#include "help.h"
#include "manpage_text.h"
#include "options.h"
#include "version.h"

/* Text as roff: no hyphenation of what is to be typed, no line that reads as a request. */
static void
print_text(const char *text)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", stdout);
	for (; *text != '\0'; text++) {
		if (*text == '-')
			fputs("\\-", stdout);
		else if (*text == '\\')
			fputs("\\e", stdout);
		else if (*text == '~')
			fputs("\\(ti", stdout);
		else if (*text == '^')
			fputs("\\(ha", stdout);
		else
			putchar(*text);
	}
}

/* A sentence: its first letter is a capital, unless what it begins with is to be typed. */
static void
print_sentence(const char *text)
{
	const size_t len = strcspn(text, " ");

	if (islower((unsigned char)*text) && strcspn(text, ":,;") >= len) {
		putchar(toupper((unsigned char)*text));
		text++;
	}
	print_text(text);
	fputs(".\n", stdout);
}

static void
print_head(const char *page, int section, const char *purpose)
{
	/* no hyphens in what is to be typed */
	printf(".TH %s %d \"\" \"vswitch %s\"\n.nh\n.ad l\n.SH NAME\n%s \\- %s\n", page, section,
	       VSWITCH_VERSION, page, purpose);
}

static void
print_option_list(const struct option_text *option)
{
	for (; option->words != NULL; option++) {
		fputs(".TP\n\\fB", stdout);
		print_text(option->words);
		fputs("\\fR", stdout);
		if (option->metavar != NULL)
			printf(" \\fI%s\\fR", option->metavar);
		putchar('\n');
		print_sentence(option->help);
	}
}

static void
print_options(const struct option_text *option)
{
	fputs(".SH OPTIONS\n", stdout);
	print_option_list(option);
}

static void
print_files(const struct file_text *file)
{
	fputs(".SH FILES\n", stdout);
	for (; file->path != NULL; file++) {
		fputs(".TP\n.I ", stdout);
		print_text(file->path);
		printf("\n%s.\n", file->help);
	}
}

/* --- keys --- */

static void
print_metavar(const struct schema_key *key)
{
	char metavar[METAVAR_SIZE];

	fputs("\\fI", stdout);
	print_text(schema_metavar(key, metavar));
	fputs("\\fR", stdout);
}

/* "KEY VALUE" in bold and italics, as it is the custom; a flag has no value. */
static void
print_key_syntax(const struct schema_key *key)
{
	fputs("\\fB", stdout);
	print_text(key->name);
	fputs("\\fR", stdout);
	if (key->type == VALUE_FLAG)
		return;
	putchar(' ');
	print_metavar(key);
}

/* What it is, and what its value may be, up to the end of the second sentence. */
static void
print_key(const struct schema_key *key)
{
	char text[128];

	fputs(".TP\n", stdout);
	print_key_syntax(key);
	putchar('\n');
	print_sentence(key->help);
	fputs(".br\n", stdout);
	schema_describe(key, text, sizeof(text));
	if (key->type != VALUE_DNAT) /* whose first word is to be typed */
		text[0] = (char)toupper((unsigned char)text[0]);
	print_text(text);
	if (key->def != NULL) {
		fputs("; default: ", stdout);
		print_text(key->def);
	}
}

/* Which commands take a key, and which must have it. */
static void
print_key_verbs(const char *object, const struct object_schema *schema,
		const struct schema_key *key)
{
	const char *before = "; with ";

	for (size_t i = 0; i < n_commands; i++) {
		if (commands[i].object == NULL || strcmp(commands[i].object, object) != 0 ||
		    commands[i].schema != schema || !command_takes_key(&commands[i], key))
			continue;
		printf("%s\\fB%s\\fR%s", before, commands[i].verb,
		       key->required & commands[i].schema_verb ? " (required)" : "");
		before = ", ";
	}
	fputs(".\n", stdout);
}

/* --- vsctl(8) --- */

/* Of few keys all, of many only that there are some: they are listed below. */
#define KEYS_FULL_MAX 5

static void
print_command_keys(const struct command *command, bool required)
{
	const struct object_schema *schema = command->schema;
	unsigned int n = 0, i;

	for (i = 0; i < schema->n_keys; i++)
		n += command_takes_key(command, &schema->keys[i]) &&
		     !(schema->keys[i].required & command->schema_verb);
	if (!required && n > KEYS_FULL_MAX) {
		fputs(" [\\fIKEY VALUE\\fR]...", stdout);
		return;
	}
	for (i = 0; i < schema->n_keys; i++) {
		const struct schema_key *key = &schema->keys[i];

		if (!command_takes_key(command, key) ||
		    ((key->required & command->schema_verb) != 0) != required)
			continue;
		fputs(required ? " " : " [", stdout);
		print_key_syntax(key);
		if (!required)
			putchar(']');
	}
}

/* Words of a metavar: what is typed as it stands is bold, what it stands for in italics. */
static void
print_command_metavar(const char *metavar, bool optional)
{
	fputs(optional ? " [" : " ", stdout);
	while (*metavar != '\0') {
		const size_t len = strcspn(metavar, " []|.");
		char word[64];

		if (len == 0) {
			putchar(*metavar++);
			continue;
		}
		snprintf(word, sizeof(word), "%.*s", (int)len, metavar);
		fputs(isupper((unsigned char)*word) ? "\\fI" : "\\fB", stdout);
		print_text(word);
		fputs("\\fR", stdout);
		metavar += len;
	}
	if (optional)
		putchar(']');
}

static void
print_command(const struct command *command)
{
	printf(".TP\n\\fBvsctl %s%s", command->object != NULL ? command->object : "",
	       command->object != NULL ? " " : "");
	print_text(command->verb);
	fputs("\\fR", stdout);
	if (command->metavar != NULL)
		print_command_metavar(command->metavar, command->name == NAME_OPTIONAL);
	if (command->schema != NULL) {
		print_command_keys(command, true);
		print_command_keys(command, false);
	}
	putchar('\n');
	print_sentence(command->help);
	if (command->options == NULL)
		return;
	fputs(".RS\n", stdout);
	print_option_list(command->options);
	fputs(".RE\n", stdout);
}

/* The keys of a schema, behind the commands of an object that take them. */
static void
print_schema_keys(const char *object, const struct object_schema *schema)
{
	for (unsigned int i = 0; i < schema->n_keys; i++) {
		if (schema->keys[i].internal)
			continue;
		print_key(&schema->keys[i]);
		print_key_verbs(object, schema, &schema->keys[i]);
	}
}

static void
print_object(const char *object)
{
	const struct object_schema *schema = NULL;
	size_t i;

	for (i = 0; i < n_commands; i++) {
		if (commands[i].object == NULL || strcmp(commands[i].object, object) != 0)
			continue;
		if (schema == NULL) {
			fputs(".SS ", stdout);
			print_text(object);
			putchar('\n');
			print_sentence(commands[i].schema->help);
		} else if (schema != commands[i].schema) {
			print_schema_keys(object, schema);
		}
		schema = commands[i].schema;
		print_command(&commands[i]);
	}
	print_schema_keys(object, schema);
}

static void
print_commands(void)
{
	const char *words[COMMAND_WORDS_MAX];
	const size_t n = command_words(NULL, words, COMMAND_WORDS_MAX);
	size_t i;

	fputs(".SH COMMANDS\n"
	      "Objects come with their commands and, below them, the keys that these take.\n",
	      stdout);
	for (i = 0; i < n; i++)
		if (command_has_verbs(words[i]))
			print_object(words[i]);
	fputs(".SS Other commands\n", stdout);
	for (i = 0; i < n_commands; i++)
		if (commands[i].object == NULL)
			print_command(&commands[i]);
	fputs(".TP\n\\fBvsctl help\\fR [\\fIOBJECT\\fR [\\fIVERB\\fR]]\n"
	      "All of it in short, an object with its keys, or a command.\n"
	      ".TP\n\\fBvsctl help " HELP_COMMANDS "\\fR\n"
	      "All commands, one a line.\n",
	      stdout);
}

static void
print_events(void)
{
	fputs(vsctl_events, stdout);
	for (unsigned int kind = 0; kind < EVENT_KINDS; kind++) {
		const struct event_field *field = event_kinds[kind].fields;

		printf(".TP\n\\fB%s\\fR\n", event_kinds[kind].name);
		print_sentence(event_kinds[kind].help);
		for (unsigned int f = 0; f < EVENT_FIELDS_MAX && field[f].name != NULL; f++) {
			printf(".br\n\\fI%s\\fR (%s): ", field[f].name, field[f].type);
			print_text(field[f].help);
			fputs(".\n", stdout);
		}
	}
}

static void
print_drop_reasons(void)
{
	fputs(".SH DROP REASONS\n"
	      "Each packet that does not leave the switch is counted for one of these, on the port "
	      "that "
	      "it came by or that it was to leave by. PORT stands for that port.\n",
	      stdout);
	for (unsigned int i = 0; i < DROP_REASONS; i++) {
		const struct drop_text *text = &drop_texts[i];

		fputs(".TP\n\\fB", stdout);
		print_text(drop_reason_names[i]);
		fputs("\\fR\n", stdout);
		print_text(text->what);
		putchar('\n');
		print_text(text->cause);
		fputs("\n.br\n", stdout);
		print_text(text->mend);
		fputs("\n.br\n\\fBvsctl ", stdout);
		print_text(text->show);
		fputs("\\fR\n", stdout);
	}
}

static void
print_examples(void)
{
	char line[EXAMPLE_LINE_SIZE];

	fputs(".SH EXAMPLES\n", stdout);
	for (size_t i = 0; i < n_examples; i++) {
		const char *rest = examples[i].commands;

		fputs(".TP\n", stdout);
		print_text(examples[i].purpose);
		fputs(":\n.nf\n", stdout);
		while (example_line(&rest, line)) {
			fputs("\\fBvsctl ", stdout);
			print_text(line);
			fputs("\\fR\n", stdout);
		}
		fputs(".fi\n", stdout);
	}
}

static void
print_vsctl(void)
{
	print_head("vsctl", 8, "control the virtual switch vswitchd");
	fputs(".SH SYNOPSIS\n"
	      "\\fBvsctl\\fR [\\fIOPTION\\fR]... \\fIOBJECT VERB\\fR [\\fINAME\\fR] "
	      "[\\fIKEY VALUE\\fR]...\n"
	      ".br\n"
	      "\\fBvsctl\\fR [\\fIOPTION\\fR]... \\fICOMMAND\\fR [\\fIARGUMENT\\fR]...\n"
	      ".br\n"
	      "\\fBbrctl\\fR [\\fICOMMAND\\fR [\\fIARGUMENT\\fR]...]\n",
	      stdout);
	fputs(vsctl_description, stdout);
	print_options(vsctl_options);
	fputs(vsctl_values, stdout);
	print_commands();
	print_events();
	print_drop_reasons();
	fputs(vsctl_after_commands, stdout);
	print_files(vsctl_files);
	print_examples();
	fputs(vsctl_see_also, stdout);
}

/* --- vswitchd(8) --- */

static void
print_vswitchd(void)
{
	print_head("vswitchd", 8, "virtual network switch for Xen guests");
	fputs(".SH SYNOPSIS\n\\fBvswitchd\\fR", stdout);
	for (const struct option_text *option = vswitchd_options; option->words != NULL; option++) {
		fputs(" [\\fB", stdout);
		print_text(option->words);
		fputs("\\fR", stdout);
		if (option->metavar != NULL)
			printf(" \\fI%s\\fR", option->metavar);
		putchar(']');
	}
	putchar('\n');
	fputs(vswitchd_description, stdout);
	print_options(vswitchd_options);
	fputs(vswitchd_after_options, stdout);
	print_files(vswitchd_files);
	fputs(vswitchd_see_also, stdout);
}

/* --- vswitch.conf(5) --- */

/* "[fdb NAME MAC [VID]]" */
static void
print_title(const struct object_schema *schema)
{
	static const char *const names[] = {
		[NAME_IS_WORD] = " NAME",
		[NAME_IS_PREFIX] = " IP/LEN",
		[NAME_IS_ADDRESS] = " IP",
	};

	fputs(".SH [", stdout);
	print_text(schema->kind);
	fputs(schema->named ? names[schema->name_kind] : "", stdout);
	for (unsigned int i = 0; i < schema->n_keys; i++)
		if (schema->keys[i].in_title)
			printf(schema->keys[i].required != 0 ? " %s" : " [%s]",
			       schema->keys[i].metavar);
	fputs("]\n", stdout);
}

static void
print_section(const struct object_schema *schema)
{
	print_title(schema);
	print_sentence(schema->help);
	for (unsigned int i = 0; i < schema->n_keys; i++) {
		const struct schema_key *key = &schema->keys[i];

		if (key->internal || !((key->verbs & VERB_CONFIG) || key->in_title))
			continue;
		print_key(key);
		fputs(key->in_title               ? "; in the section's title.\n" :
		      key->required & VERB_CONFIG ? "; required.\n" :
						    ".\n",
		      stdout);
	}
}

static void
print_conf_examples(void)
{
	fputs(".SH EXAMPLES\n", stdout);
	for (size_t i = 0; i < n_config_examples; i++) {
		const char *rest = config_examples[i].commands;
		char line[EXAMPLE_LINE_SIZE];

		fputs(".TP\n", stdout);
		print_text(config_examples[i].purpose);
		fputs(":\n.nf\n", stdout);
		while (example_line(&rest, line)) {
			print_text(line);
			putchar('\n');
		}
		fputs(".fi\n", stdout);
	}
}

static void
print_conf(void)
{
	print_head("vswitch.conf", 5, "configuration of the virtual switch vswitchd");
	fputs(".SH SYNOPSIS\n.I " CONFIG_DEFAULT "\n", stdout);
	fputs(conf_description, stdout);
	for (size_t i = 0; i < OBJECT_SCHEMAS; i++)
		if (object_schemas[i]->in_config)
			print_section(object_schemas[i]);
	fputs(conf_notes, stdout);
	print_files(conf_files);
	print_conf_examples();
	fputs(conf_see_also, stdout);
}

int
main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "vsctl") == 0)
		print_vsctl();
	else if (argc == 2 && strcmp(argv[1], "vswitchd") == 0)
		print_vswitchd();
	else if (argc == 2 && strcmp(argv[1], "conf") == 0)
		print_conf();
	else
		return 2;
	return fflush(stdout) == 0 ? 0 : 1;
}
