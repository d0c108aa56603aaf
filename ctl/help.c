/* SPDX-License-Identifier: BSD-3-Clause */
#include "help.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "command.h"
#include "error.h"
#include "examples.h"

#define WIDTH_MIN 40
#define WIDTH_MAX 100   /* longer lines are hard to read */
#define KEYS_FULL_MAX 5 /* more optional keys of a command are only counted */
#define INDENT 2
#define OBJECT_COLUMN 14
#define COMMAND_COLUMN 35
#define KEY_COLUMN 24
#define WORD_SIZE 128

const struct option_text vsctl_options[] = {
	[VSCTL_OPTION_JSON] = { "-j, --json", NULL, "JSON for every show" },
	[VSCTL_OPTION_WATCH] = { "-w, --watch", NULL,
				 "with a show: show it again as things change, and every 2 "
				 "seconds" },
	[VSCTL_OPTION_INTERVAL] = { "-n, --interval", "SECONDS",
				    "the same, every so many seconds" },
	[VSCTL_OPTION_SOCKET] = { "-s, --socket", "SOCKET",
				  "the socket of vswitchd (default: vswitchd.sock in "
				  "$VSWITCH_RUN_DIR "
				  "or /run/vswitch)" },
	[VSCTL_OPTION_COLOR] = { "--color", "auto|always|never",
				 "colours; auto (the default): on a terminal, unless $NO_COLOR is "
				 "set" },
	[VSCTL_OPTION_HELP] = { "-h, --help", NULL,
				"a short help; behind a command: of that command" },
	[VSCTL_OPTION_VERSION] = { "-V, --version", NULL, "the version of vsctl" },
	[VSCTL_OPTIONS] = { NULL },
};

/* Text that is wrapped. @indent: of lines that follow. */
struct page {
	FILE *out;
	int width;
	int column;
	int indent;
};

static void
put_line_end(struct page *page)
{
	putc('\n', page->out);
	page->column = 0;
}

static void
put_gap(struct page *page, int column)
{
	page->column += fprintf(page->out, "%*s", column - page->column, "");
}

/* To a column, on a new line if need be. */
static void
put_column(struct page *page, int column)
{
	if (page->column >= column)
		put_line_end(page);
	put_gap(page, column);
	page->indent = column;
}

/* A word that is not broken, with a blank in front unless it is the first one of its line. */
static void
put_word(struct page *page, const char *word, int len)
{
	if (page->column + 1 + len > page->width && page->column > page->indent) {
		put_line_end(page);
		put_gap(page, page->indent);
	}
	if (page->column > page->indent)
		page->column += fprintf(page->out, " ");
	page->column += fprintf(page->out, "%.*s", len, word);
}

static void __attribute__((format(printf, 2, 3)))
put_word_format(struct page *page, const char *fmt, ...)
{
	char word[WORD_SIZE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(word, sizeof(word), fmt, ap);
	va_end(ap);
	put_word(page, word, (int)strlen(word));
}

/* Text with blanks, at which it may be broken. */
static void
put_text(struct page *page, const char *text)
{
	int len;

	for (; *text != '\0'; text += len + (text[len] != '\0')) {
		len = (int)strcspn(text, " \n");
		put_word(page, text, len);
	}
}

static void
put_entry(struct page *page, int column, const char *name, const char *help)
{
	page->indent = INDENT;
	put_gap(page, INDENT);
	put_word(page, name, (int)strlen(name));
	put_column(page, column);
	put_text(page, help);
	put_line_end(page);
}

/* --- all of it --- */

/* "bridge add BRIDGE" */
static void
command_syntax(const struct command *command, char *ret_text, size_t size)
{
	const bool optional = command->name == NAME_OPTIONAL;

	snprintf(ret_text, size, "%s%s%s%s%s%s%s", command->object != NULL ? command->object : "",
		 command->object != NULL ? " " : "", command->verb,
		 command->metavar != NULL ? " " : "",
		 command->metavar != NULL && optional ? "[" : "",
		 command->metavar != NULL ? command->metavar : "",
		 command->metavar != NULL && optional ? "]" : "");
}

static void
print_commands(struct page *page)
{
	const char *object = NULL;
	char syntax[WORD_SIZE];

	for (size_t i = 0; i < n_commands; i++) {
		if (i > 0 && (commands[i].object == NULL || object == NULL ||
			      strcmp(object, commands[i].object) != 0))
			put_line_end(page);
		object = commands[i].object;
		command_syntax(&commands[i], syntax, sizeof(syntax));
		put_entry(page, COMMAND_COLUMN, syntax, commands[i].help);
	}
}

/* What commands of an object are about. */
static const struct object_schema *
schema_of(const char *object)
{
	for (size_t i = 0; i < n_commands; i++)
		if (commands[i].object != NULL && strcmp(commands[i].object, object) == 0)
			return commands[i].schema;
	return NULL;
}

/* Each object once: what it is, in short, and its verbs. */
static void
print_objects(struct page *page)
{
	const char *words[COMMAND_WORDS_MAX], *verbs[COMMAND_WORDS_MAX];
	size_t n = command_words(NULL, words, COMMAND_WORDS_MAX), n_verbs, len;
	char text[2 * WORD_SIZE];
	const char *help;

	for (size_t i = 0; i < n; i++) {
		n_verbs = command_words(words[i], verbs, COMMAND_WORDS_MAX);
		if (n_verbs == 0)
			continue;
		help = schema_of(words[i])->help;
		len = snprintf(text, sizeof(text), "%.*s (", (int)strcspn(help, ":"), help);
		for (size_t j = 0; j < n_verbs && len < sizeof(text); j++)
			len += snprintf(text + len, sizeof(text) - len, "%s%s", verbs[j],
					j + 1 < n_verbs ? ", " : ")");
		put_entry(page, OBJECT_COLUMN, words[i], text);
	}
}

static void
print_single_words(struct page *page)
{
	char syntax[WORD_SIZE];

	for (size_t i = 0; i < n_commands; i++) {
		if (commands[i].object != NULL)
			continue;
		command_syntax(&commands[i], syntax, sizeof(syntax));
		put_entry(page, COMMAND_COLUMN, syntax, commands[i].help);
	}
	put_entry(page, COMMAND_COLUMN, "brctl [COMMAND [ARGUMENT]...]",
		  "the same as brctl of bridge-utils, on vswitchd's bridges");
	put_entry(page, COMMAND_COLUMN, "help [OBJECT [VERB]]",
		  "what an object or a command is, its keys, and examples");
	put_entry(page, COMMAND_COLUMN, "help " HELP_COMMANDS, "all commands, one a line");
}

static void
print_all(struct page *page)
{
	fputs("usage: vsctl [OPTION]... OBJECT VERB [NAME] [KEY VALUE]...\n\n", page->out);
	fputs("Objects, and what can be done with them:\n", page->out);
	print_objects(page);
	fputs("\nOther commands:\n", page->out);
	print_single_words(page);
	fputs("\nOptions:\n", page->out);
	option_print(vsctl_options, page->out);
	fputs("\nObjects and verbs may be shortened while that is clear: \"vsctl br sh\".\n"
	      "Exit status: 0 done, 1 a bad value, vswitchd refused or is not running,\n"
	      "2 wrong usage.\n",
	      page->out);
}

/* --- an object, or a command --- */

/* May a command take this key? @required: must it have it, or may it? */
static bool
in_syntax(const struct command *command, const struct schema_key *key, bool required)
{
	return command_takes_key(command, key) &&
	       ((key->required & command->schema_verb) != 0) == required;
}

static void
put_keys(struct page *page, const struct command *command, bool required, bool full)
{
	char metavar[METAVAR_SIZE];
	unsigned int n = 0, i;

	for (i = 0; i < command->schema->n_keys; i++)
		n += in_syntax(command, &command->schema->keys[i], required);
	if (!required && !full && n > KEYS_FULL_MAX) {
		put_text(page, "[KEY VALUE]...");
		return;
	}
	for (i = 0; i < command->schema->n_keys; i++) {
		const struct schema_key *key = &command->schema->keys[i];

		if (in_syntax(command, key, required))
			put_word_format(page, required ? "%s%s%s" : "[%s%s%s]", key->name,
					key->type == VALUE_FLAG ? "" : " ",
					schema_metavar(key, metavar));
	}
}

static void
print_syntax(struct page *page, const struct command *command, bool full)
{
	char syntax[WORD_SIZE];

	command_syntax(command, syntax, sizeof(syntax));
	put_gap(page, INDENT);
	page->indent = INDENT;
	put_word_format(page, "vsctl %s", syntax);
	page->indent = 3 * INDENT;
	if (command->schema != NULL) {
		put_keys(page, command, true, full);
		put_keys(page, command, false, full);
	}
	put_line_end(page);
	put_column(page, 3 * INDENT);
	put_text(page, command->help);
	put_line_end(page);
}

const char *
help_key_limits(const struct object_schema *schema, const struct schema_key *key)
{
	unsigned int verbs = 0;

	for (unsigned int i = 0; i < schema->n_keys; i++)
		verbs |= schema->keys[i].verbs;
	if (!(verbs & VERB_ADD) || !(verbs & VERB_SET))
		return NULL;
	if ((key->verbs & VERB_ADD) && !(key->verbs & VERB_SET))
		return "only when added";
	if ((key->verbs & VERB_SET) && !(key->verbs & VERB_ADD))
		return "only with set";
	return NULL;
}

/* @limits: which commands take it; NULL: nothing is to be said of that. */
static void
print_key(struct page *page, const struct schema_key *key, const char *limits)
{
	char text[WORD_SIZE], metavar[METAVAR_SIZE];

	put_gap(page, INDENT);
	page->indent = INDENT;
	put_word_format(page, "%s %s", key->name, schema_metavar(key, metavar));
	put_column(page, KEY_COLUMN);
	put_text(page, key->help);
	put_line_end(page);
	put_column(page, KEY_COLUMN);
	fputc('(', page->out);
	page->column = page->indent; /* the parentheses are no words */
	page->width -= 2;
	put_text(page, schema_describe(key, text, sizeof(text)));
	if (key->def != NULL) {
		fputc(';', page->out);
		page->column++;
		put_word_format(page, "default: %s", key->def);
	}
	if (limits != NULL) {
		fputc(';', page->out);
		page->column++;
		put_text(page, limits);
	}
	page->width += 2;
	fputc(')', page->out);
	put_line_end(page);
}

/* @command: only the keys that this one takes; NULL: all. */
static void
print_keys(struct page *page, const struct object_schema *schema, const struct command *command)
{
	bool times = false;

	for (unsigned int i = 0; i < schema->n_keys; i++) {
		const struct schema_key *key = &schema->keys[i];

		if (command == NULL ? !key->internal : command_takes_key(command, key)) {
			print_key(page, key, command == NULL ? help_key_limits(schema, key) : NULL);
			times |= key->type == VALUE_SECONDS;
		}
	}
	if (times)
		fputs("  Seconds may have a unit: 90s, 15m, 12h, 7d.\n", page->out);
}

static bool
has_keys(const struct object_schema *schema, const struct command *command)
{
	for (unsigned int i = 0; schema != NULL && i < schema->n_keys; i++)
		if (command == NULL || command_takes_key(command, &schema->keys[i]))
			return true;
	return false;
}

static void
print_examples(struct page *page, const char *object, const char *verb)
{
	char line[EXAMPLE_LINE_SIZE];
	bool any = false;

	for (size_t i = 0; i < n_examples; i++) {
		const char *rest = examples[i].commands;

		if (!example_is_about(&examples[i], object, verb))
			continue;
		fputs(any ? "\n" : "\nExamples:\n", page->out);
		any = true;
		put_gap(page, INDENT);
		page->indent = INDENT;
		put_text(page, examples[i].purpose);
		fputs(":", page->out);
		put_line_end(page);
		while (example_line(&rest, line))
			fprintf(page->out, "%*svsctl %s\n", 2 * INDENT, "", line);
	}
}

/* The keys of an object's commands; those of one schema stand together. */
static void
print_schemas(struct page *page, const char *object)
{
	const struct object_schema *last = NULL, *schema;

	for (size_t i = 0; i < n_commands; i++) {
		schema = commands[i].schema;
		if (commands[i].object == NULL || strcmp(commands[i].object, object) != 0 ||
		    schema == last || !has_keys(schema, NULL))
			continue;
		if (last == NULL)
			fputs("\nKeys:\n", page->out);
		else
			fprintf(page->out, "\nKeys: %s:\n", schema->help);
		last = schema;
		print_keys(page, schema, NULL);
	}
}

static void
print_object(struct page *page, const char *object)
{
	bool first = true;

	for (size_t i = 0; i < n_commands; i++) {
		if (commands[i].object == NULL || strcmp(commands[i].object, object) != 0)
			continue;
		if (first) {
			page->indent = INDENT;
			put_text(page, object);
			put_text(page, "-");
			put_text(page, commands[i].schema->help);
			fputs("\n\n", page->out);
			page->column = 0;
		}
		first = false;
		print_syntax(page, &commands[i], false);
	}
	print_schemas(page, object);
	print_examples(page, object, NULL);
}

static void
print_command(struct page *page, const struct command *command)
{
	print_syntax(page, command, true);
	if (command->options != NULL) {
		fputs("\nOptions:\n", page->out);
		option_print(command->options, page->out);
	}
	if (!command->takes_words && has_keys(command->schema, command)) {
		fputs("\nKeys:\n", page->out);
		print_keys(page, command->schema, command);
	}
	print_examples(page, command->object != NULL ? command->object : command->verb,
		       command->object != NULL ? command->verb : NULL);
}

/* --- what about --- */

static bool
is_help_option(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

bool
help_wanted(int argc, char *const *argv, struct help_topic *ret_topic)
{
	const char *object;
	int at;

	*ret_topic = (struct help_topic){ NULL };
	if (argc >= 1 && strcmp(argv[0], "help") == 0) {
		ret_topic->object = argc > 1 ? argv[1] : NULL;
		ret_topic->verb = argc > 2 ? argv[2] : NULL;
		return true;
	}
	object = argc > 0 ? command_word(NULL, argv[0], NULL) : NULL;
	if (argc >= 2 && strcmp(argv[1], "help") == 0 &&
	    (object == NULL || command_has_verbs(object))) {
		ret_topic->object = argv[0];
		ret_topic->verb = argc > 2 ? argv[2] : NULL;
		return true;
	}
	for (at = 1; at < argc && !is_help_option(argv[at]); at++)
		;
	if (at >= argc)
		return false;
	ret_topic->object = argv[0];
	ret_topic->verb = at > 1 ? argv[1] : NULL;
	return true;
}

int
help_print(const struct help_topic *topic, int width, FILE *out, struct error *err)
{
	struct page page = {
		.out = out,
		.width = (width == 0 ? HELP_WIDTH : width) - 1,
	};
	const struct command *command;
	const char *object;
	char *words[2];

	if (page.width < WIDTH_MIN)
		page.width = WIDTH_MIN;
	if (page.width > WIDTH_MAX)
		page.width = WIDTH_MAX;
	if (topic->object == NULL || strcmp(topic->object, "help") == 0) {
		print_all(&page);
		return 0;
	}
	if (strcmp(topic->object, HELP_COMMANDS) == 0) {
		print_commands(&page);
		return 0;
	}
	object = command_word(NULL, topic->object, err);
	if (object == NULL)
		return err->code;
	if (command_has_verbs(object) && topic->verb == NULL) {
		print_object(&page, object);
		return 0;
	}
	words[0] = (char *)(uintptr_t)object;
	words[1] = (char *)(uintptr_t)topic->verb;
	command = command_find(topic->verb != NULL ? 2 : 1, words, err);
	if (command == NULL)
		return err->code;
	print_command(&page, command);
	return 0;
}
