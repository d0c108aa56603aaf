/* SPDX-License-Identifier: BSD-3-Clause */
#include "record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "memory.h"

struct record *
record_new(const struct object_schema *schema, const char *name)
{
	struct record *record =
		memory_need(calloc(1, sizeof(*record) + schema->n_keys * sizeof(record->texts[0])));

	record->schema = schema;
	snprintf(record->name, sizeof(record->name), "%s", name);
	return record;
}

struct record *
record_copy(const struct record *record)
{
	struct record *copy = record_new(record->schema, record->name);

	copy->owner = record->owner;
	for (unsigned int i = 0; i < record->schema->n_keys; i++)
		record_set(copy, i, record->texts[i]);
	return copy;
}

void
record_free(struct record *record)
{
	if (record == NULL)
		return;
	for (unsigned int i = 0; i < record->schema->n_keys; i++)
		free(record->texts[i]);
	free(record);
}

void
record_set(struct record *record, unsigned int key, const char *text)
{
	char *copy = text != NULL ? memory_need(strdup(text)) : NULL;

	free(record->texts[key]);
	record->texts[key] = copy;
}

void
record_merge(struct record *record, const struct object *object)
{
	const struct object_schema *schema = record->schema;

	for (unsigned int i = 0; i < schema->n_keys; i++)
		if (object->values[i].is_set && (schema->keys[i].verbs & VERB_CONFIG))
			record_set(record, i, object->values[i].text);
}

const char *
record_default(const struct schema_key *key)
{
	/* no name is an empty text */
	if (key->type == VALUE_NAME && key->zero_word != NULL)
		return key->def == NULL || strcmp(key->def, key->zero_word) == 0 ? "" : key->def;
	if (key->type == VALUE_FLAG)
		return "no";
	if (key->type == VALUE_BOOL && key->def != NULL)
		return strcmp(key->def, "yes") == 0 || strcmp(key->def, "on") == 0 ? "yes" : "no";
	return key->def;
}

const char *
record_effective(const struct record *record, unsigned int key)
{
	return record->texts[key] != NULL ? record->texts[key] :
					    record_default(&record->schema->keys[key]);
}

const char *
record_word(const struct schema_key *key, const char *text)
{
	return *text == '\0' && key->zero_word != NULL ? key->zero_word : text;
}

static bool
text_equal(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool
record_equal(const struct record *a, const struct record *b)
{
	if (a->schema != b->schema || strcmp(a->name, b->name) != 0)
		return false;
	for (unsigned int i = 0; i < a->schema->n_keys; i++)
		if (!text_equal(a->texts[i], b->texts[i]))
			return false;
	return true;
}

struct record *
record_find(const struct record_list *list, const struct object_schema *schema, const char *name)
{
	struct record *record;

	TAILQ_FOREACH(record, list, list)
		if (record->schema == schema && strcmp(record->name, name) == 0)
			return record;
	return NULL;
}

void
record_list_add(struct record_list *list, const struct record *record)
{
	struct record *copy = record_copy(record);

	TAILQ_INSERT_TAIL(list, copy, list);
}

void
record_list_copy(struct record_list *to, const struct record_list *from)
{
	const struct record *record;

	TAILQ_FOREACH(record, from, list)
		record_list_add(to, record);
}

void
record_list_free(struct record_list *list)
{
	struct record *record;

	while ((record = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, record, list);
		record_free(record);
	}
}

bool
record_list_equal(const struct record_list *a, const struct record_list *b)
{
	const struct record *record, *other;
	size_t n = 0;

	TAILQ_FOREACH(record, b, list)
		n++;
	TAILQ_FOREACH(record, a, list) {
		other = record_find(b, record->schema, record->name);
		if (other == NULL || !record_equal(record, other))
			return false;
		n--;
	}
	return n == 0;
}

void
record_list_of(struct record_list *list, const struct config *config)
{
	char title[OBJECT_NAME_SIZE];
	struct record *record;

	for (size_t i = 0; i < config->n_sections; i++) {
		const struct object *object = &config->sections[i].object;

		record = record_new(object->schema, object_title(object, title));
		record_merge(record, object);
		TAILQ_INSERT_TAIL(list, record, list);
	}
}

bool
record_name_is_guests(const struct object_schema *schema, const char *name)
{
	unsigned int domid, devid;
	int len = 0;

	return schema == &port_schema && sscanf(name, "vif%u.%u%n", &domid, &devid, &len) == 2 &&
	       (name[len] == '\0' || name[len] == '.' || strcmp(name + len, "-emu") == 0);
}

bool
record_is_guests(const struct record *record)
{
	if (record_name_is_guests(record->schema, record->name))
		return true;
	if (record->schema == &fdb_schema && record->texts[FDB_KEY_PORT] != NULL)
		return record_name_is_guests(&port_schema, record->texts[FDB_KEY_PORT]);
	return record->schema == &port_schema && record->texts[PORT_KEY_TYPE] != NULL &&
	       strcmp(record->texts[PORT_KEY_TYPE], "vif") == 0;
}
