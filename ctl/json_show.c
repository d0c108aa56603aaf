/* SPDX-License-Identifier: BSD-3-Clause */
#include "json_show.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "fields.h"

#define NAME_SIZE 64

static void
put(json_t *object, const char *path, const char *type)
{
	const size_t len = strcspn(path, ".[");
	const bool is_array = path[len] == '[', is_last = path[len + (is_array ? 2 : 0)] == '\0';
	const char *rest = path + len + (is_array ? 3 : 1);
	json_t *member, *element;
	char name[NAME_SIZE];
	size_t i;

	snprintf(name, sizeof(name), "%.*s", (int)len, path);
	member = json_object_get(object, name);
	if (member == NULL || (is_array && json_is_null(member))) {
		if (is_last)
			json_object_set_new(object, name, is_array ? json_array() : json_null());
		return;
	}
	if (is_last && is_array && show_fields_find(type) != NULL)
		json_complete(type, member); /* rows of another show */
	else if (!is_last && is_array)
		json_array_foreach(member, i, element)
			put(element, rest, type);
	else if (!is_last && json_is_object(member))
		put(member, rest, type);
}

void
json_complete(const char *command, json_t *json)
{
	const struct show_fields *show = show_fields_find(command);
	json_t *row;
	size_t i;

	if (show == NULL)
		return;
	if (json_is_array(json)) {
		json_array_foreach(json, i, row)
			json_complete(command, row);
		return;
	}
	for (i = 0; json_is_object(json) && i < show->n_fields; i++)
		put(json, show->fields[i].path, show->fields[i].type);
}

static const char *
name_of(const struct command *command, char name[NAME_SIZE])
{
	snprintf(name, NAME_SIZE, "%s%s%s", command->object != NULL ? command->object : "",
		 command->object != NULL ? " " : "", command->verb);
	return name;
}

void
json_show(const struct command *command, json_t *json)
{
	char name[NAME_SIZE];

	json_complete(name_of(command, name), json);
	json_dumpf(json, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
	putchar('\n');
}

void
json_row(const struct command *command, json_t *row)
{
	char name[NAME_SIZE];

	json_complete(name_of(command, name), row);
	json_dumpf(row, stdout, 0);
}
