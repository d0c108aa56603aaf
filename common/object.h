/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Objects: what was asked for - a bridge, a port - as a name and a value for each key.
 *
 * How: object_init() gives every key its default, object_set() reads one key and its text, and
 * object_check() says what is missing. Absent = default, always; values[].is_set tells the two
 * apart where a verb changes only what was named. The values' indices are the enums of schema.h.
 *
 * Thread-safety: a struct object belongs to its caller.
 */
#ifndef COMMON_OBJECT_H
#define COMMON_OBJECT_H

#include "schema.h"

/* Whether what is to be done needs a name. */
enum name_rule { NAME_NONE, NAME_OPTIONAL, NAME_REQUIRED };

/* An object as it was asked for: its name and a value for each key of its schema, by index. */
struct object {
	const struct object_schema *schema;
	char name[OBJECT_NAME_SIZE]; /* empty: none given */
	struct value values[SCHEMA_KEYS_MAX];
};

/**
 * object_init() - an object with all its defaults
 * @obj: the object
 * @schema: its kind
 *
 * Context: any thread.
 */
void object_init(struct object *obj, const struct object_schema *schema);

/**
 * object_set_name() - give an object its name
 * @obj: object of a named kind
 * @name: 1-15 letters, digits or . _ - + @ ~ (a PCI address is legal for a port); or as the kind's
 *	name_kind has it, which is written as prefix.h does
 * @err: says what would be right
 *
 * Return: 0 or -EINVAL. Context: any thread.
 */
int object_set_name(struct object *obj, const char *name, struct error *err);

/**
 * object_set_title() - give an object what stands behind its kind in a section's header
 * @obj: object of a named kind
 * @title: its name, and a word for each of the keys that are part of it (in_title) in their order,
 *of which the last ones may be missing if nothing requires them: "xenbr0 52:54:00:12:34:56 10"
 * @err: says what would be right
 *
 * Return: 0 or -EINVAL. Context: any thread.
 */
int object_set_title(struct object *obj, const char *title, struct error *err);

/**
 * object_title() - what object_set_title() reads
 * @ret_text: at least OBJECT_NAME_SIZE bytes
 *
 * Return: @ret_text. Context: any thread.
 */
const char *object_title(const struct object *obj, char *ret_text);

/**
 * object_set() - give an object one key and its value
 * @obj: the object; unchanged on failure
 * @verb: what is being done, which decides whether the key is legal
 * @key: name of the key
 * @text: its value
 * @err: names object, key, text and what would be right
 *
 * Return: 0, -EINVAL, or -ERANGE for a number out of range. Context: any thread.
 */
int object_set(struct object *obj, enum schema_verb verb, const char *key, const char *text,
	       struct error *err);

/**
 * object_check() - are all keys there that a verb requires, and do they agree
 * @obj: the object
 * @verb: what is being done
 * @err: names object and key
 *
 * Return: 0 or -EINVAL. Context: any thread.
 */
int object_check(const struct object *obj, enum schema_verb verb, struct error *err);

/**
 * devargs_next_path() - the next option of a DPDK device that names a file
 * @devargs: "net_pcap0,rx_pcap=/tmp/a.pcap", or where to go on
 *
 * Return: the file's name in @devargs, which ends at a comma or the end; or NULL. Context: any
 * thread.
 */
const char *devargs_next_path(const char *devargs);

/**
 * port_type_resolve() - the type of a port, from its name where "type" is not given
 * @port: object of port_schema
 *
 * vifD.N is a vif; a port with devargs, or named by a PCI address, is an eth; one with a parent is
 * a vlan; all else is a netdev, unless it is named PARENT.VID by a port that there is: then it is a
 * vlan of that, which the caller knows.
 *
 * Return: a word other than PORT_TYPE_AUTO. Context: any thread.
 */
enum port_type_word port_type_resolve(const struct object *port);

#endif
