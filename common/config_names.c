/* SPDX-License-Identifier: BSD-3-Clause */
#include "config_names.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "memory.h"
#include "record.h"
#include "words.h"

/* What has a name that others may say. */
enum named { NAMED_BRIDGE, NAMED_PORT, NAMED_BOND, NAMED_KINDS };

static const struct object_schema *const named_schemas[NAMED_KINDS] = {
	[NAMED_BRIDGE] = &bridge_schema,
	[NAMED_PORT] = &port_schema,
	[NAMED_BOND] = &bond_schema,
};

/* A name, and whose it is. */
struct entry {
	const char *name;
	const struct config_section *section;
};

struct index {
	struct entry *entries; /* sorted */
	size_t n;
};

struct checker {
	const struct config *config;
	struct config_faults *faults;
	enum config_care care;
	struct index named[NAMED_KINDS];
	struct index members; /* of bonds */
	struct index taps;    /* that a port adopts */
	bool masquerades;     /* a rule of NAT does, or may */
	bool members_unread;  /* those of a bond: any port may be one */
	int ret;              /* of the first fault */
};

/* A key whose value is a name. */
struct reference {
	const struct object_schema *schema;
	unsigned int key;
	bool port, bridge; /* what it may be the name of */
	bool waits;        /* until there is something of that name */
};

static const struct reference references[] = {
	{ &addr_schema, ADDR_KEY_PORT, true, false, false },
	{ &addr_schema, ADDR_KEY_BRIDGE, false, true, false },
	{ &fdb_schema, FDB_KEY_PORT, true, false, false },
	{ &route_schema, ROUTE_KEY_PORT, true, false, true },
	{ &nat_schema, NAT_RULE_KEY_MASQUERADE, true, true, true },
	{ &nat_schema, NAT_RULE_KEY_OUT, true, true, true },
	{ &nat_schema, NAT_RULE_KEY_GUEST, true, false, true },
	{ &mirror_schema, MIRROR_KEY_PORT, true, false, true },
	{ &mirror_schema, MIRROR_KEY_BRIDGE, false, true, true },
	{ &mirror_schema, MIRROR_KEY_TO, true, false, true },
};

/* --- names --- */

/* Of the same name, the first of the file first. */
static int
compare(const void *one, const void *other)
{
	const struct entry *a = one, *b = other;
	const int ret = strcmp(a->name, b->name);

	return ret != 0 ? ret : (a->section > b->section) - (a->section < b->section);
}

static void
index_add(struct index *index, const char *name, const struct config_section *section)
{
	/* grown by doubling: n is the size whenever it is a power of two */
	if ((index->n & (index->n - 1)) == 0)
		index->entries = memory_need(reallocarray(
			index->entries, index->n == 0 ? 1 : 2 * index->n, sizeof(struct entry)));
	index->entries[index->n++] = (struct entry){ name, section };
}

static void
index_sort(struct index *index)
{
	if (index->n > 0)
		qsort(index->entries, index->n, sizeof(struct entry), compare);
}

/* The first section of that name; NULL: there is none. */
static const struct config_section *
index_find(const struct index *index, const char *name)
{
	size_t low = 0, high = index->n;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (strcmp(index->entries[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < index->n && strcmp(index->entries[low].name, name) == 0 ?
		       index->entries[low].section :
		       NULL;
}

/* Is there such a port, or may there be, or need there not be one? */
static bool
port_is_known(const struct checker *checker, const char *name)
{
	unsigned int number;
	int len = 0;

	if (checker->members_unread || index_find(&checker->named[NAMED_PORT], name) != NULL ||
	    index_find(&checker->named[NAMED_BOND], name) != NULL ||
	    index_find(&checker->members, name) != NULL)
		return true;
	/* a guest's, or one that the router makes */
	return record_name_is_guests(&port_schema, name) ||
	       (sscanf(name, "gw%u%n", &number, &len) == 1 && name[len] == '\0');
}

/* A bridge, or where @port is true, too, a VLAN of one. */
static bool
bridge_is_known(const struct checker *checker, const char *name, bool vlans)
{
	char bridge[NAME_MAX_LEN + 1];
	unsigned int vid;

	if (index_find(&checker->named[NAMED_BRIDGE], name) != NULL)
		return true;
	return vlans && vlan_name_parse(name, bridge, sizeof(bridge), &vid) == 0 &&
	       index_find(&checker->named[NAMED_BRIDGE], bridge) != NULL;
}

static void
add_words(const struct index *index, struct word_search *search)
{
	for (size_t i = 0; i < index->n; i++)
		word_search_add(search, index->entries[i].name);
}

/* --- faults --- */

/* Keep what is in @err, at the line of a key. */
static void
fault(struct checker *checker, const struct config_section *section, unsigned int key,
      struct error *err)
{
	if (checker->ret == 0)
		checker->ret = err->code;
	config_fault(checker->config, section, key, err);
	config_faults_add(checker->faults, err);
}

static void
unknown(struct checker *checker, const struct config_section *section,
	const struct reference *reference, const char *name)
{
	const struct object *object = &section->object;
	struct word_search search;
	char hint[WORD_HINT_SIZE];
	struct error err;

	word_search_start(&search, name);
	if (reference->port) {
		add_words(&checker->named[NAMED_PORT], &search);
		add_words(&checker->named[NAMED_BOND], &search);
	}
	if (reference->bridge)
		add_words(&checker->named[NAMED_BRIDGE], &search);
	error_set(&err, ENOENT, "%s %s: %s: there is no section [%s %s]%s%s%s%s%s",
		  object->schema->kind, object->name, object->schema->keys[reference->key].name,
		  reference->port ? "port" : "bridge", name,
		  reference->port && reference->bridge ? " or [bridge " : "",
		  reference->port && reference->bridge ? name : "",
		  reference->port && reference->bridge ? "]" : "",
		  search.nearest != NULL ? "; " : "",
		  word_hint(search.nearest, "", hint, sizeof(hint)));
	fault(checker, section, reference->key, &err);
}

static void
check_references(struct checker *checker, const struct config_section *section)
{
	for (size_t i = 0; i < sizeof(references) / sizeof(references[0]); i++) {
		const struct reference *reference = &references[i];
		const struct value *value = &section->object.values[reference->key];

		if (section->object.schema != reference->schema || !value->is_set ||
		    value->text[0] == '\0' ||
		    (reference->waits && checker->care != CONFIG_CARE_ALL))
			continue;
		if ((reference->port && port_is_known(checker, value->text)) ||
		    (reference->bridge && bridge_is_known(checker, value->text, reference->port)))
			continue;
		unknown(checker, section, reference, value->text);
	}
}

/* What a section with faults says of itself is not to be relied on: they have been told. */
static bool
is_faulty(const struct config_section *section)
{
	return section->has_faults || section->is_wrong;
}

/* The bridge that a port or bond is on by its sections; "": none; NULL: nobody knows. */
static const char *
bridge_of(const struct checker *checker, const char *name)
{
	const struct config_section *port = index_find(&checker->named[NAMED_PORT], name);
	const struct config_section *bond = index_find(&checker->named[NAMED_BOND], name);

	if (port != NULL && is_faulty(port))
		return NULL;
	if (port != NULL && port->object.values[PORT_KEY_BRIDGE].is_set)
		return port->object.values[PORT_KEY_BRIDGE].text;
	if (bond != NULL)
		return is_faulty(bond) ? NULL : bond->object.values[BOND_KEY_BRIDGE].text;
	return port == NULL && checker->members_unread ? NULL : "";
}

/* What is on a bridge has no addresses of its own; and an entry of a bridge's FDB is on it. */
static void
check_bridges(struct checker *checker, const struct config_section *section)
{
	const struct object *object = &section->object;
	const struct value *values = object->values;
	const char *bridge;
	struct error err;

	if (object->schema == &addr_schema && values[ADDR_KEY_PORT].is_set) {
		bridge = bridge_of(checker, values[ADDR_KEY_PORT].text);
		if (bridge == NULL || *bridge == '\0')
			return;
		error_set(&err, EBUSY,
			  "addr %s: port %s is on bridge %s; give the address to the bridge: "
			  "bridge = %s",
			  object->name, values[ADDR_KEY_PORT].text, bridge, bridge);
		fault(checker, section, ADDR_KEY_PORT, &err);
	}
	if (object->schema == &fdb_schema && port_is_known(checker, values[FDB_KEY_PORT].text) &&
	    !record_name_is_guests(&port_schema, values[FDB_KEY_PORT].text)) {
		bridge = bridge_of(checker, values[FDB_KEY_PORT].text);
		if (bridge == NULL || strcmp(bridge, object->name) == 0)
			return;
		error_set(&err, ENOENT, "fdb %s: port %s is not on this bridge", object->name,
			  values[FDB_KEY_PORT].text);
		fault(checker, section, FDB_KEY_PORT, &err);
	}
}

/* A bond has its members to itself. */
static void
check_members(struct checker *checker, const struct config_section *section)
{
	char names[BOND_MEMBERS_MAX][NAME_MAX_LEN + 1];
	const struct object *object = &section->object;
	const struct config_section *other;
	const char *bridge;
	struct error err;
	int n = 0;

	if (object->schema == &bond_schema)
		n = names_parse(object->values[BOND_KEY_MEMBERS].text, names, BOND_MEMBERS_MAX);
	for (int i = 0; i < n; i++) {
		other = index_find(&checker->members, names[i]);
		bridge = bridge_of(checker, names[i]);
		if (other != section)
			error_set(&err, EBUSY, "bond %s: members: %s is a member of bond %s",
				  object->name, names[i], other->object.name);
		else if (bridge != NULL && *bridge != '\0')
			error_set(&err, EBUSY,
				  "bond %s: members: %s is on bridge %s; a member is on none: "
				  "bridge = none",
				  object->name, names[i], bridge);
		else
			continue;
		fault(checker, section, BOND_KEY_MEMBERS, &err);
	}
}

static void
check_adopt(struct checker *checker, const struct config_section *section)
{
	const struct object *object = &section->object;
	const struct config_section *other;
	struct error err;

	if (object->schema != &port_schema || object->values[PORT_KEY_ADOPT].text[0] == '\0')
		return;
	other = index_find(&checker->taps, object->values[PORT_KEY_ADOPT].text);
	if (other == section)
		return;
	error_set(&err, EBUSY, "port %s: adopt: %s has the addresses of %s already", object->name,
		  object->values[PORT_KEY_ADOPT].text, other->object.name);
	fault(checker, section, PORT_KEY_ADOPT, &err);
}

/* Rules of NAT without a way out have that of the first that masquerades. */
static void
check_out(struct checker *checker, const struct config_section *section)
{
	const struct object *object = &section->object;
	struct error err;

	if (checker->care != CONFIG_CARE_ALL || object->schema != &nat_schema ||
	    section->is_wrong || checker->masquerades ||
	    object->values[NAT_RULE_KEY_OUT].text[0] != '\0')
		return;
	error_set(&err, EINVAL,
		  "nat %s: out is missing: the routed port, or bridge, on the outside; or a rule "
		  "that masquerades, for its port",
		  object->name);
	fault(checker, section, CONFIG_NO_KEY, &err);
}

/* --- all of it --- */

/* A rule that has faults, and of which nothing else is known, may be meant to. */
static bool
may_masquerade(const struct object *rule)
{
	const struct value *values = rule->values;

	return rule->schema == &nat_schema &&
	       (values[NAT_RULE_KEY_MASQUERADE].is_set ||
		(!values[NAT_RULE_KEY_SNAT].is_set && !values[NAT_RULE_KEY_DNAT].is_set));
}

/* Names of members are not the file's, but copies. */
static void
index_members(struct checker *checker, const struct config_section *section)
{
	char names[BOND_MEMBERS_MAX][NAME_MAX_LEN + 1];
	int n = names_parse(section->object.values[BOND_KEY_MEMBERS].text, names, BOND_MEMBERS_MAX);

	for (int i = 0; i < n; i++)
		index_add(&checker->members, memory_need(strdup(names[i])), section);
}

static void
index_section(struct checker *checker, const struct config_section *section)
{
	const struct object *object = &section->object;

	for (size_t i = 0; i < NAMED_KINDS; i++)
		if (object->schema == named_schemas[i])
			index_add(&checker->named[i], object->name, section);
	if (object->schema == &bond_schema)
		index_members(checker, section);
	checker->members_unread |= object->schema == &bond_schema && is_faulty(section) &&
				   !object->values[BOND_KEY_MEMBERS].is_set;
	if (object->schema == &port_schema && object->values[PORT_KEY_ADOPT].text[0] != '\0')
		index_add(&checker->taps, object->values[PORT_KEY_ADOPT].text, section);
	checker->masquerades |= may_masquerade(object);
}

int
config_names_check(const struct config *config, enum config_care care, struct config_faults *faults)
{
	struct checker checker = { .config = config, .faults = faults, .care = care };

	for (size_t i = 0; i < config->n_sections; i++)
		index_section(&checker, &config->sections[i]);
	for (size_t i = 0; i < NAMED_KINDS; i++)
		index_sort(&checker.named[i]);
	index_sort(&checker.members);
	index_sort(&checker.taps);
	for (size_t i = 0; i < config->n_sections; i++) {
		if (config->sections[i].has_faults)
			continue;
		check_references(&checker, &config->sections[i]);
		check_bridges(&checker, &config->sections[i]);
		check_members(&checker, &config->sections[i]);
		check_adopt(&checker, &config->sections[i]);
		check_out(&checker, &config->sections[i]);
	}
	for (size_t i = 0; i < checker.members.n; i++)
		free((char *)(uintptr_t)checker.members.entries[i].name);
	for (size_t i = 0; i < NAMED_KINDS; i++)
		free(checker.named[i].entries);
	free(checker.members.entries);
	free(checker.taps.entries);
	return checker.ret;
}
