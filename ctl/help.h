/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Help: read off the table of commands, the object schemas and the examples.
 *
 * Thread-safety: none needed.
 */
#ifndef CTL_HELP_H
#define CTL_HELP_H

#include <stdbool.h>
#include <stdio.h>

#include "option.h"

struct error;
struct object_schema;
struct schema_key;

#define HELP_COMMANDS "commands" /* "vsctl help commands": all of them */
#define HELP_WIDTH 80            /* columns where nobody knows better */

enum vsctl_option {
	VSCTL_OPTION_JSON,
	VSCTL_OPTION_WATCH,
	VSCTL_OPTION_INTERVAL,
	VSCTL_OPTION_SOCKET,
	VSCTL_OPTION_COLOR,
	VSCTL_OPTION_HELP,
	VSCTL_OPTION_VERSION,
	VSCTL_OPTIONS
};

/* What stands in front of the command. */
extern const struct option_text vsctl_options[];

/* What help is wanted about: nothing, an object, or an object and a verb. */
struct help_topic {
	const char *object; /* or a word alone; NULL: everything */
	const char *verb;   /* or NULL */
};

/**
 * help_wanted() - do words ask for help: "help [OBJECT [VERB]]", "OBJECT help [VERB]", or --help
 * or -h anywhere behind a command
 * @argc, @argv: words behind vsctl's options
 * @ret_topic: what about, as it was typed
 */
bool help_wanted(int argc, char *const *argv, struct help_topic *ret_topic);

/**
 * help_print() - explain it
 * @topic: words of it may be shortened
 * @width: columns that lines may have; 0: HELP_WIDTH
 * @out: where to
 * @err: there is no such object or verb
 *
 * Return: 0 or -EINVAL.
 */
int help_print(const struct help_topic *topic, int width, FILE *out, struct error *err);

/**
 * help_key_limits() - when a key may be given, if not always: "only when added", or NULL
 * @schema: whose key it is
 */
const char *help_key_limits(const struct object_schema *schema, const struct schema_key *key);

#endif
