/* SPDX-License-Identifier: BSD-3-Clause */
#include "complete.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include <jansson.h>

#include "brctl.h"
#include "command.h"
#include "drop.h"
#include "event_kind.h"
#include "help.h"
#include "live_names.h"
#include "nat_text.h"
#include "top_table.h"
#include "usage.h"

#define OPTION_WORD_SIZE 32
#define N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

/* What is being completed. @words, @n: in front of it. */
struct completion {
	FILE *out;
	const char *word;
	size_t begin;  /* of what is to be completed in it, behind the commas of a list */
	json_t *taken; /* names that do not fit, or NULL */
	struct live_names names;
};

/* Where names of other kinds are right as well. @key: NULL: the object's name itself. */
static const struct {
	const char *object;
	const char *verb;
	const char *key;
	const char *metavar;
} also[] = {
	{ "port", "add", NULL, "NIC" },
	{ "port", "add", NULL, "BRIDGE" }, /* the host's interface has its bridge's name */
	{ "bond", "add", "members", "NIC" },
	{ "bond", "set", "members", "NIC" },
	{ "nat", "add", "masquerade", "BRIDGE" },
	{ "nat", "set", "masquerade", "BRIDGE" },
	{ "nat", "add", "out", "BRIDGE" },
	{ "nat", "set", "out", "BRIDGE" },
};

/* A word that fits, if it goes on as the one that is begun. */
static void
put(struct completion *c, const char *word)
{
	const char *begun = c->word + c->begin;

	if (strncmp(word, begun, strlen(begun)) == 0)
		fprintf(c->out, "%.*s%s\n", (int)c->begin, c->word, word);
}

/* Is it an element of the list that is begun? */
static bool
is_listed(const struct completion *c, const char *name)
{
	const char *element = c->word, *end = c->word + c->begin;
	size_t len;

	for (; element < end; element += len + 1) {
		len = strcspn(element, ",");
		if (len == strlen(name) && strncmp(element, name, len) == 0)
			return true;
	}
	return false;
}

static void
put_name(void *arg, const char *name)
{
	struct completion *c = arg;

	if (!is_listed(c, name) && json_object_get(c->taken, name) == NULL)
		put(c, name);
}

static void
take_name(void *arg, const char *name)
{
	json_object_set_new(arg, name, json_true());
}

/* --- what is to be named --- */

/* @object: of the command. @bridge: that it names, or NULL. */
struct place {
	const char *object;
	const char *bridge;
};

static bool
is_metavar(const char *text, size_t len, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(words[i]) == len && strncmp(words[i], text, len) == 0)
			return true;
	return false;
}

/* One of the words between "|". */
static void
put_kind(struct completion *c, const struct place *place, const char *kind, size_t len)
{
	static const char *const files[] = { "FILE", "SOCKET", "PATH" };
	static const char *const folders[] = { "DIR" };
	const struct name_query query = {
		.metavar = kind,
		.len = len,
		.object = place->object,
		.bridge = place->bridge,
	};
	static const char *const bridges = "BRIDGE", *const ports = "PORT";
	char word[USAGE_TEXT_SIZE];

	if (islower((unsigned char)*kind) || isdigit((unsigned char)*kind)) {
		snprintf(word, sizeof(word), "%.*s", (int)len, kind);
		put(c, word);
	} else if (is_metavar(kind, len, files, N_ELEMENTS(files))) {
		fputs(COMPLETE_FILES "\n", c->out);
	} else if (is_metavar(kind, len, folders, N_ELEMENTS(folders))) {
		fputs(COMPLETE_FOLDERS "\n", c->out);
	} else if (len == strlen("KIND") && strncmp(kind, "KIND", len) == 0) {
		for (unsigned int i = 0; i < EVENT_KINDS; i++)
			put(c, event_kinds[i].name);
	} else if (len == strlen("REASON") && strncmp(kind, "REASON", len) == 0) {
		for (unsigned int i = 0; i < DROP_REASONS; i++)
			put(c, drop_reason_names[i]);
	} else if (len == strlen("COLUMN") && strncmp(kind, "COLUMN", len) == 0) {
		for (enum top_column column = 0; column < TOP_COLUMNS; column++)
			put(c, top_column_key(column));
	} else if (len == strlen("TYPE") && strncmp(kind, "TYPE", len) == 0) {
		for (const char *const *type = top_types; *type != NULL; type++)
			put(c, *type);
	} else if (len == strlen("NAME") && strncmp(kind, "NAME", len) == 0) {
		put_kind(c, place, bridges, strlen(bridges));
		put_kind(c, place, ports, strlen(ports));
	} else {
		live_names_each(&c->names, &query, put_name, c);
	}
}

/* What a metavar stands for: "BRIDGE", "yes|no", "FILE|-", "PORT,PORT". */
static void
put_metavar(struct completion *c, const struct place *place, const char *metavar)
{
	const char *comma = strchr(metavar, ',');
	size_t len;

	if (comma != NULL) {
		const char *last = strrchr(c->word, ',');

		c->begin = last != NULL ? (size_t)(last - c->word) + 1 : 0;
		put_kind(c, place, metavar, (size_t)(comma - metavar));
		return;
	}
	for (; *metavar != '\0'; metavar += len + (metavar[len] == '|')) {
		len = strcspn(metavar, "|");
		put_kind(c, place, metavar, len);
	}
}

/* --- keys and values --- */

/* Words that the type of a value knows. */
static void
put_value_words(struct completion *c, const struct schema_key *key)
{
	static const char *const forwardings[] = { "tcp", "udp", "icmp", "any" };

	for (const char *const *word = key->words; word != NULL && *word != NULL; word++)
		put(c, *word);
	if (key->zero_word != NULL)
		put(c, key->zero_word);
	if (key->type == VALUE_VLANS)
		put(c, "all");
	for (size_t i = 0; key->type == VALUE_DNAT && i < N_ELEMENTS(forwardings); i++)
		put(c, forwardings[i]);
}

static void
put_also(struct completion *c, const struct command *command, const struct place *place,
	 const char *key)
{
	for (size_t i = 0; i < N_ELEMENTS(also); i++)
		if (strcmp(also[i].object, command->object) == 0 &&
		    strcmp(also[i].verb, command->verb) == 0 &&
		    (key == NULL ? also[i].key == NULL :
				   also[i].key != NULL && strcmp(also[i].key, key) == 0))
			put_kind(c, place, also[i].metavar, strlen(also[i].metavar));
}

static void
put_value(struct completion *c, const struct command *command, const struct place *place,
	  const struct schema_key *key)
{
	put_value_words(c, key);
	if (key->type == VALUE_ENUM)
		return;
	put_metavar(c, place, key->metavar);
	put_also(c, command, place, key->name);
}

/* The object's name. One that is made has none that there is. */
static void
put_own_name(struct completion *c, const struct command *command, const struct place *place)
{
	const struct name_query ports = { .metavar = "PORT", .len = strlen("PORT") };

	if (command->schema_verb != VERB_ADD ||
	    !live_names_are_of(command->metavar, command->object)) {
		put_metavar(c, place, command->metavar);
		return;
	}
	c->taken = json_object();
	if (strcmp(command->object, "port") == 0)
		live_names_each(&c->names, &ports, take_name, c->taken);
	put_also(c, command, place, NULL);
	json_decref(c->taken);
	c->taken = NULL;
}

/*
 * How many words behind a key are its value, of @n that there are. Return: -1: the value is what
 * is being typed.
 */
static int
value_words(const struct schema_key *key, char *const *words, int n)
{
	if (key->type == VALUE_FLAG)
		return 0;
	if (key->type != VALUE_DNAT)
		return n > 0 ? 1 : -1;
	for (int i = 0; i < n; i++) {
		if (i == 0 && strpbrk(words[i], " \t") != NULL)
			return 1;
		if (strcmp(words[i], "to") == 0 || strcmp(words[i], "->") == 0)
			return i + 1 < n ? i + 2 : -1;
	}
	return -1;
}

/* The words of a forwarding that is begun: of tcp and udp the port stands in front of "to". */
static void
put_forwarding(struct completion *c, const struct command *command, const struct place *place,
	       const struct schema_key *key, char *const *words, int n)
{
	if (n == 0)
		put_value(c, command, place, key);
	else if (n == NAT_DNAT_WORDS_MAX - 2 ||
		 (n == 1 && strcmp(words[0], "tcp") != 0 && strcmp(words[0], "udp") != 0))
		put(c, "to");
}

static void
put_keys(struct completion *c, const struct command *command, struct place *place,
	 char *const *words, int n)
{
	const struct object_schema *schema = command->schema;
	bool given[SCHEMA_KEYS_MAX] = { false };
	const struct schema_key *key;
	int i, len;

	for (i = 0; i < n; i += 1 + len) {
		key = schema_key_find(schema, words[i]);
		len = 1;
		if (key == NULL)
			continue;
		given[key - schema->keys] = true;
		len = value_words(key, words + i + 1, n - i - 1);
		if (len < 0 && key->type == VALUE_DNAT)
			put_forwarding(c, command, place, key, words + i + 1, n - i - 1);
		else if (len < 0)
			put_value(c, command, place, key);
		if (len < 0)
			return;
	}
	for (unsigned int k = 0; k < schema->n_keys; k++)
		if (!given[k] && command_takes_key(command, &schema->keys[k]))
			put(c, schema->keys[k].name);
}

static void
put_object(struct completion *c, const struct command *command, char *const *words, int n)
{
	struct place place = { .object = command->object };
	const bool optional = command->name == NAME_OPTIONAL;

	if (command->schema == NULL)
		return;
	if (n == 0 && command->name != NAME_NONE)
		put_own_name(c, command, &place);
	if (n == 0 && command->name == NAME_REQUIRED)
		return;
	if (n > 0 && command->name != NAME_NONE &&
	    !(optional && schema_key_find(command->schema, words[0]) != NULL)) {
		place.bridge = strcmp(command->metavar, "BRIDGE") == 0 ? words[0] : NULL;
		words++;
		n--;
	}
	put_keys(c, command, &place, words, n);
}

/* --- commands that read their words themselves --- */

static const struct usage_item *
literal_find(const struct usage_item *items, unsigned int n_items, const char *word)
{
	for (unsigned int i = 0; i < n_items; i++)
		if (items[i].literal && strcmp(items[i].text, word) == 0)
			return &items[i];
	return NULL;
}

static void
put_usage(struct completion *c, const struct place *place, const struct usage_item *items,
	  unsigned int n_items, char *const *words, int n)
{
	bool given[USAGE_ITEMS_MAX] = { false };
	const struct usage_item *item;
	unsigned int at = 0, i;

	for (int w = 0; w < n; w++) {
		item = literal_find(items, n_items, words[w]);
		if (item != NULL) {
			given[item - items] = !item->repeats;
			if (item->value[0] == '\0')
				continue;
			if (++w == n)
				put_metavar(c, place, item->value);
			if (w == n)
				return;
			continue;
		}
		while (at < n_items && items[at].literal)
			at++;
		at += at < n_items && !items[at].repeats;
	}
	while (at < n_items && items[at].literal)
		at++;
	if (at < n_items && *c->word != '-')
		put_metavar(c, place, items[at].text);
	for (i = 0; i < n_items; i++)
		/* what may be left away is offered when it is wanted, or nothing else is left */
		if (items[i].literal && !given[i] &&
		    (*c->word == '-' || at >= n_items || items[i].text[0] != '-'))
			put(c, items[i].text);
}

/* "<bridge> {on|off}\tturn stp on/off" is the usage "BRIDGE on|off". */
static void
brctl_metavar(const char *subcommand, const char *arguments, char *ret_text, size_t size)
{
	const bool adds = strcmp(subcommand, "addif") == 0;
	size_t len = 0, n;
	const char *name;

	ret_text[0] = '\0';
	for (; *arguments != '\0' && *arguments != '\t'; arguments += n) {
		n = 1;
		if (*arguments != '<' && *arguments != '{')
			continue;
		n = strcspn(arguments, ">}");
		name = strncmp(arguments, "<bridge", n) == 0 ? "BRIDGE" :
		       strncmp(arguments, "<port", n) == 0   ? "PORT" :
		       strncmp(arguments, "<device", n) != 0 ? "VALUE" :
		       adds                                  ? "NIC" :
							       "PORT";
		len += snprintf(ret_text + len, size - len, "%s%.*s", len > 0 ? " " : "",
				*arguments == '{' ? (int)n - 1 : (int)strlen(name),
				*arguments == '{' ? arguments + 1 : name);
	}
}

static void
put_brctl(struct completion *c, char *const *words, int n)
{
	struct usage_item items[USAGE_ITEMS_MAX];
	struct place place = { .bridge = n > 1 ? words[1] : NULL };
	const char *name, *arguments;
	char metavar[USAGE_TEXT_SIZE];

	for (size_t i = 0; (name = brctl_usage(i, &arguments)) != NULL; i++) {
		if (n == 0) {
			put(c, name);
			continue;
		}
		if (strcmp(name, words[0]) != 0)
			continue;
		brctl_metavar(name, arguments, metavar, sizeof(metavar));
		put_usage(c, &place, items, usage_read(metavar, items), words + 1, n - 1);
	}
}

/* --- words --- */

static void
put_words(struct completion *c, const char *object)
{
	const char *words[COMMAND_WORDS_MAX];
	const size_t n = command_words(object, words, COMMAND_WORDS_MAX);

	for (size_t i = 0; i < n; i++)
		put(c, words[i]);
}

static void
put_help_topic(struct completion *c, char *const *words, int n)
{
	const char *object = n > 0 ? command_word(NULL, words[0], NULL) : NULL;

	if (n == 0) {
		put_words(c, NULL);
		put(c, "brctl");
		put(c, HELP_COMMANDS);
	} else if (n == 1 && object != NULL) {
		put_words(c, object);
	}
}

/* --- options --- */

/* The words of an option, one by one: "-s, --socket". Return: what is left, or NULL. */
static const char *
option_word(const char *words, char *ret_word, size_t size)
{
	const size_t len = strcspn(words, ",");

	snprintf(ret_word, size, "%.*s", (int)len, words);
	return words[len] == ',' ? words + len + strspn(words + len, ", ") : NULL;
}

/* What an option wants as its value: "SOCKET"; or NULL. Of "type TYPE" that stands in its words. */
static const char *
option_value(const struct option_text *options, const char *given)
{
	const size_t len = strlen(given);
	char word[OPTION_WORD_SIZE];

	for (; options->words != NULL; options++) {
		if (len > 0 && strncmp(options->words, given, len) == 0 &&
		    options->words[len] == ' ')
			return options->words + len + 1;
		for (const char *rest = options->words; rest != NULL;) {
			rest = option_word(rest, word, sizeof(word));
			if (strcmp(word, given) == 0)
				return options->metavar;
		}
	}
	return NULL;
}

static void
put_options(struct completion *c, const struct option_text *options)
{
	char word[OPTION_WORD_SIZE];

	for (; options->words != NULL; options++)
		for (const char *rest = options->words; rest != NULL;) {
			rest = option_word(rest, word, sizeof(word));
			word[strcspn(word, " ")] = '\0';
			/* dashes are offered to who has begun with one */
			if (*word != '[' && (*word != '-' || *c->word == '-'))
				put(c, word);
		}
}

/* "--color=al": what is behind the sign is its value. False: it is none of these. */
static bool
put_joined_value(struct completion *c, const struct option_text *options)
{
	const struct place nowhere = { NULL };
	const char *sign = strchr(c->word, '='), *value;
	char name[OPTION_WORD_SIZE];

	if (strncmp(c->word, "--", 2) != 0 || sign == NULL)
		return false;
	snprintf(name, sizeof(name), "%.*s", (int)(sign - c->word), c->word);
	value = option_value(options, name);
	c->begin = (size_t)(sign + 1 - c->word);
	if (value != NULL)
		put_metavar(c, &nowhere, value);
	return true;
}

/* --- commands --- */

static void
put_command(struct completion *c, const struct command *command, char *const *words, int n)
{
	const struct place place = { .object = command->object };
	struct usage_item items[USAGE_ITEMS_MAX];
	const char *value;

	if (*c->word == '-')
		put(c, "--help");
	if (*c->word == '-' && (command->schema_verb == VERB_SHOW ||
				(command->schema == NULL && !command->takes_words))) {
		put(c, "-j");
		if (strcmp(command->verb, "show") == 0)
			put(c, "-w");
	}
	/* what is captured comes before its options */
	if (command->options != NULL && (n > 0 || strncmp(command->metavar, "OPTION", 6) == 0)) {
		value = n > 0 ? option_value(command->options, words[n - 1]) : NULL;
		if (value != NULL)
			put_metavar(c, &place, value);
		else if (!put_joined_value(c, command->options))
			put_options(c, command->options);
	} else if (command->takes_words)
		put_usage(c, &place, items,
			  usage_read(command->metavar != NULL ? command->metavar : "", items),
			  words, n);
	else
		put_object(c, command, words, n);
}

/* @n: words in front of the one that is being typed, from the command on. */
static void
put_line(struct completion *c, char *const *words, int n)
{
	const struct command *command;
	const char *object;

	if (n == 0) {
		put_words(c, NULL);
		put(c, "brctl");
		put(c, "help");
		return;
	}
	if (strcmp(words[0], "brctl") == 0) {
		put_brctl(c, words + 1, n - 1);
		return;
	}
	if (strcmp(words[0], "help") == 0) {
		put_help_topic(c, words + 1, n - 1);
		return;
	}
	object = command_word(NULL, words[0], NULL);
	if (object == NULL)
		return;
	if (command_has_verbs(object) && (n == 1 || strcmp(words[1], "help") == 0)) {
		if (n <= 2)
			put_words(c, object);
		if (n == 1) {
			put(c, "help");
			if (*c->word == '-')
				put(c, "--help");
		}
		return;
	}
	command = command_find(n, words, NULL);
	if (command != NULL)
		put_command(c, command, words + (command->object != NULL ? 2 : 1),
			    n - (command->object != NULL ? 2 : 1));
}

/* Read the options. Return: how many words they are, or -1: one of them is being typed. */
static int
read_options(struct completion *c, int argc, char *const *argv)
{
	static const char socket[] = "--socket=";
	const struct place nowhere = { NULL };
	const char *value;
	int i;

	for (i = 0; i + 1 < argc && argv[i][0] == '-'; i++) {
		if (strncmp(argv[i], socket, strlen(socket)) == 0)
			c->names.socket = argv[i] + strlen(socket);
		value = option_value(vsctl_options, argv[i]);
		if (value == NULL)
			continue;
		if (i + 2 >= argc) {
			put_metavar(c, &nowhere, value);
			return -1;
		}
		if (strcmp(value, "SOCKET") == 0)
			c->names.socket = argv[i + 1];
		i++;
	}
	if (i + 1 == argc && argv[i][0] == '-') {
		if (!put_joined_value(c, vsctl_options))
			put_options(c, vsctl_options);
		return -1;
	}
	return i;
}

void
complete_print(int argc, char *const *argv, const char *socket, FILE *out)
{
	struct completion c = { .out = out };
	int n;

	if (argc < 1)
		return;
	c.word = argv[argc - 1];
	live_names_start(&c.names, socket);
	n = read_options(&c, argc, argv);
	if (n >= 0)
		put_line(&c, argv + n, argc - 1 - n);
	live_names_end(&c.names);
}
