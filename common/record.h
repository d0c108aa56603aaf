/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Records: what is configured, in little space: for each object its kind, its name, and the text of
 * each key that was set. The running configuration is a list of them, and so is a file's.
 *
 * How: texts are canonical, as struct value has them, so that equal values have equal texts. What
 * is not set has its default; record_effective() does not tell the two apart, record_equal() does.
 *
 * Thread-safety: a record and a list belong to their caller.
 */
#ifndef COMMON_RECORD_H
#define COMMON_RECORD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "object.h"

struct config;

struct record {
	TAILQ_ENTRY(record) list;
	const struct object_schema *schema;
	uint32_t owner;              /* for who keeps it; not compared */
	char name[OBJECT_NAME_SIZE]; /* as object_title() has it */
	char *texts[];               /* by key of the schema; NULL: not set */
};
TAILQ_HEAD(record_list, record);

/* Memory ends the process that runs out of it: all of these succeed. */

/** record_new() - a record without keys. Return: it; record_free() it. Context: any thread. */
struct record *record_new(const struct object_schema *schema, const char *name);

/** record_copy() - Return: a copy that is on no list. Context: any thread. */
struct record *record_copy(const struct record *record);

/** record_free() - free one that is on no list. NULL is legal. Context: any thread. */
void record_free(struct record *record);

/** record_set() - give a key a canonical text; NULL: it is not set. Context: any thread. */
void record_set(struct record *record, unsigned int key, const char *text);

/**
 * record_merge() - take over the keys that are set of an object, and belong into a file
 * @record: of the same kind
 * @object: they are read from it
 *
 * Context: any thread.
 */
void record_merge(struct record *record, const struct object *object);

/**
 * record_default() - the canonical text of a key that is not set
 *
 * Return: it; or NULL: it has none, so that it cannot be set back. Context: any thread.
 */
const char *record_default(const struct schema_key *key);

/** record_effective() - the text of a key, or its default; NULL: none. Context: any thread. */
const char *record_effective(const struct record *record, unsigned int key);

/** record_word() - a canonical text as a person writes it: "none" for no name. */
const char *record_word(const struct schema_key *key, const char *text);

/** record_equal() - the same kind, name, keys and texts? Context: any thread. */
bool record_equal(const struct record *a, const struct record *b);

/** record_find() - Return: the record of a kind and name, or NULL. Context: any thread. */
struct record *record_find(const struct record_list *list, const struct object_schema *schema,
			   const char *name);

/** record_list_add() - append a copy of a record. Context: any thread. */
void record_list_add(struct record_list *list, const struct record *record);

/** record_list_copy() - append copies of all records of a list. Context: any thread. */
void record_list_copy(struct record_list *to, const struct record_list *from);

/** record_list_free() - free all records; the list is empty afterwards. Context: any thread. */
void record_list_free(struct record_list *list);

/** record_list_equal() - the same records, in whatever order? Context: any thread. */
bool record_list_equal(const struct record_list *a, const struct record_list *b);

/** record_list_of() - append a record for each section of a file. Context: any thread. */
void record_list_of(struct record_list *list, const struct config *config);

/** record_is_guests() - does it come and go with a guest: a vif's port, or what is on it or behind
 * it? */
bool record_is_guests(const struct record *record);

/** record_name_is_guests() - the same by its name. */
bool record_name_is_guests(const struct object_schema *schema, const char *name);

#endif
