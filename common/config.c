/* SPDX-License-Identifier: BSD-3-Clause */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <ini.h>

#include "config_names.h"
#include "error.h"
#include "words.h"

#define SECTIONS_MAX 16384
#define SLOTS (2 * SECTIONS_MAX) /* a power of two */

/* What is being read. */
struct reader {
	FILE *file;
	const char *path;
	unsigned int line;
	bool in_section;
	bool skips;     /* the keys of a section that is wrong itself */
	bool has_holes; /* there was such a section */
	struct config config;
	uint16_t slots[SLOTS]; /* sections by hash of kind and title, number + 1; 0: none */
	struct config_faults *faults;
	enum config_care care;
	struct error err; /* being made */
	int ret;          /* of the first fault */
	bool ended;       /* no use going on */
};

/* "FILE:LINE: " in front of the message that is in err; a long path leaves room for the message. */
static int
prefix_line(const char *path, unsigned int line, struct error *err)
{
	size_t len = strlen(path);
	const char *tail = path;

	if (len > 80)
		tail += len - 80;
	return error_prefix(err, "%s%s:%u: ", tail != path ? "..." : "", tail, line);
}

void
config_faults_add(struct config_faults *faults, const struct error *err)
{
	struct error *errors;

	if (faults->n == CONFIG_FAULTS_MAX) {
		faults->n_more++;
		return;
	}
	errors = reallocarray(faults->errors, faults->n + 1, sizeof(*errors));
	if (errors == NULL) {
		faults->n_more++;
		return;
	}
	faults->errors = errors;
	faults->errors[faults->n++] = *err;
}

/* Keep the fault that is in reader->err. */
static void
fault_keep(struct reader *reader)
{
	if (reader->ret == 0)
		reader->ret = reader->err.code;
	config_faults_add(reader->faults, &reader->err);
}

static void
fault_at(struct reader *reader, unsigned int line)
{
	prefix_line(reader->path, line, &reader->err);
	fault_keep(reader);
}

void
config_faults_free(struct config_faults *faults)
{
	free(faults->errors);
	*faults = (struct config_faults){ 0 };
}

/* The slot of a section, or the one that waits for it. */
static uint16_t *
section_slot(struct reader *reader, const struct object_schema *schema, const char *title)
{
	const struct object *object;
	char other[OBJECT_NAME_SIZE];
	uint32_t hash = 2166136261u ^ (uint32_t)((uintptr_t)schema >> 4); /* FNV-1a */
	uint16_t *slot;

	for (const char *c = title; *c != '\0'; c++)
		hash = (hash ^ (uint8_t)*c) * 16777619u;
	for (;; hash++) {
		slot = &reader->slots[hash % SLOTS];
		if (*slot == 0)
			return slot;
		object = &reader->config.sections[*slot - 1].object;
		if (object->schema == schema && strcmp(object_title(object, other), title) == 0)
			return slot;
	}
}

static const struct config_section *
section_find(struct reader *reader, const struct object_schema *schema, const char *title)
{
	const uint16_t n = *section_slot(reader, schema, title);

	return n != 0 ? &reader->config.sections[n - 1] : NULL;
}

/* "[vswitchd], [bridge NAME], ..." */
static const char *
kinds_join(char *ret_text, size_t size)
{
	static const char *const names[] = {
		[NAME_IS_WORD] = " NAME",
		[NAME_IS_PREFIX] = " IP/LEN",
		[NAME_IS_ADDRESS] = " IP",
	};
	const struct object_schema *schema;
	size_t len = 0;

	ret_text[0] = '\0';
	for (size_t i = 0; i < OBJECT_SCHEMAS && len < size; i++) {
		schema = object_schemas[i];
		if (!schema->in_config)
			continue;
		len += snprintf(ret_text + len, size - len, "%s[%s%s", len > 0 ? ", " : "",
				schema->kind, schema->named ? names[schema->name_kind] : "");
		for (unsigned int j = 0; j < schema->n_keys && len < size; j++)
			if (schema->keys[j].in_title && schema->keys[j].required != 0)
				len += snprintf(ret_text + len, size - len, " %s",
						schema->keys[j].metavar);
		if (len < size)
			len += snprintf(ret_text + len, size - len, "]");
	}
	return ret_text;
}

static const struct object_schema *
kind_find(const char *kind, struct error *err)
{
	const struct object_schema *schema = schema_find(kind);
	const char *words[OBJECT_SCHEMAS] = { NULL };
	const char *nearest;
	char quoted[48], list[200], hint[WORD_HINT_SIZE];
	size_t n = 0, i;

	if (schema != NULL && schema->in_config)
		return schema;
	for (i = 0; i < OBJECT_SCHEMAS; i++)
		if (object_schemas[i]->in_config)
			words[n++] = object_schemas[i]->kind;
	schema_quote(kind, quoted, sizeof(quoted));
	nearest = word_nearest(kind, words, n);
	if (nearest != NULL)
		error_set(err, EINVAL, "unknown section %s; %s", quoted,
			  word_hint(nearest, "", hint, sizeof(hint)));
	else
		error_set(err, EINVAL, "unknown section %s; known: %s", quoted,
			  kinds_join(list, sizeof(list)));
	return NULL;
}

static int
section_check(struct reader *reader, struct object *object, const char *name, struct error *err)
{
	const struct config_section *other;
	char title[OBJECT_NAME_SIZE];
	int ret;

	if (object->schema->named && *name == '\0')
		return error_set(err, EINVAL, "[%s] needs a name: [%s NAME]", object->schema->kind,
				 object->schema->kind);
	if (*name != '\0') {
		ret = object_set_title(object, name, err);
		if (ret < 0)
			return ret;
	}
	other = section_find(reader, object->schema, object_title(object, title));
	if (other != NULL)
		return error_set(err, EEXIST, "[%s%s%s] is given twice, first in line %u",
				 object->schema->kind, *name != '\0' ? " " : "", name, other->line);
	return 0;
}

static int
section_append(struct reader *reader, const struct object *object)
{
	struct config *config = &reader->config;
	struct config_section *sections, *section;
	char title[OBJECT_NAME_SIZE];

	/* Grown by doubling: n is the size whenever it is a power of two. */
	if ((config->n_sections & (config->n_sections - 1)) == 0) {
		size_t size = config->n_sections == 0 ? 1 : 2 * config->n_sections;

		if (size > SECTIONS_MAX)
			return error_set(&reader->err, E2BIG, "more than %d sections",
					 SECTIONS_MAX);
		sections = reallocarray(config->sections, size, sizeof(*sections));
		if (sections == NULL)
			return error_set(&reader->err, ENOMEM, "%s", strerror(ENOMEM));
		config->sections = sections;
	}
	section = &config->sections[config->n_sections++];
	/* what is never touched takes no memory: values of keys that there are not */
	memcpy(&section->object, object, offsetof(struct object, values[object->schema->n_keys]));
	memset(section->key_lines, 0, sizeof(section->key_lines));
	section->line = reader->line;
	section->has_faults = section->is_wrong = false;
	*section_slot(reader, object->schema, object_title(object, title)) =
		(uint16_t)config->n_sections;
	return 0;
}

/* "[bridge xenbr0]"; inih would not tell us of a section without keys. */
static int
section_open(struct reader *reader, char *header)
{
	const struct object_schema *schema;
	struct object object;
	char *end, *kind, *name;
	int ret;

	end = strchr(header, ']');
	if (end == NULL)
		return error_set(&reader->err, EINVAL, "']' is missing after the section's name");
	*end++ = '\0';
	end += strspn(end, " \t\r\n");
	if (*end != '\0' && *end != ';' && *end != '#')
		return error_set(&reader->err, EINVAL, "there is text after ']'");

	kind = header + 1 + strspn(header + 1, " \t");
	name = kind + strcspn(kind, " \t");
	if (*name != '\0')
		*name++ = '\0';
	name += strspn(name, " \t");
	for (end = name + strlen(name); end > name && isblank((unsigned char)end[-1]); end--)
		end[-1] = '\0';

	schema = kind_find(kind, &reader->err);
	if (schema == NULL)
		return -EINVAL;
	object_init(&object, schema);
	ret = section_check(reader, &object, name, &reader->err);
	if (ret < 0)
		return ret;
	ret = section_append(reader, &object);
	if (ret < 0)
		reader->ended = true;
	return ret;
}

/* Has a line, which is no header, what separates a key from its value? */
static bool
line_is_legal(const char *line)
{
	size_t len;

	if (*line == ';' || *line == '#' || line[strspn(line, " \t\r\n")] == '\0')
		return true;
	len = strcspn(line, "=:");
	if (line[len] == '\0')
		return false;
	for (size_t i = 1; i < len; i++) /* not in a comment at the line's end */
		if (line[i] == ';' && isspace((unsigned char)line[i - 1]))
			return false;
	return true;
}

/* Check a line of the file, less the blanks in front. */
static int
line_check(struct reader *reader, const char *line, size_t len, size_t room)
{
	char header[CONFIG_LINE_MAX + 2];
	int ret;

	if (strlen(line) != len)
		return error_set(&reader->err, EINVAL, "this is not a text file");
	if (strcspn(line, "\r\n") > CONFIG_LINE_MAX || len >= room)
		return error_set(&reader->err, EINVAL, "the line is longer than %d characters",
				 CONFIG_LINE_MAX);
	if (*line != '[')
		return line_is_legal(line) ?
			       0 :
			       error_set(&reader->err, EINVAL,
					 "this is neither KEY = VALUE nor a [section]");
	snprintf(header, sizeof(header), "%s", line);
	ret = section_open(reader, header);
	reader->in_section = true;
	reader->skips = ret < 0;
	reader->has_holes |= ret < 0;
	return ret;
}

/*
 * inih's source of lines. Counts them, since inih tells the handler no numbers; strips what is in
 * front, since inih takes an indented line for a part of the one before; and does not show it what
 * it would silently split, or stop at.
 */
static char *
read_line(char *str, int num, void *stream)
{
	struct reader *reader = stream;
	char *line = NULL;
	size_t size = 0, start;
	ssize_t len;

	if (reader->ended)
		return NULL;
	len = getline(&line, &size, reader->file);
	if (len < 0) {
		free(line);
		if (ferror(reader->file)) {
			error_set(&reader->err, EIO, "%s: cannot be read", reader->path);
			fault_keep(reader);
		}
		return NULL;
	}
	reader->line++;
	/* what editors of Windows begin a file with */
	start = reader->line == 1 && strncmp(line, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
	start += strspn(line + start, " \t");
	if (line_check(reader, line + start, len - start, num) == 0) {
		memcpy(str, line + start, len - start + 1);
	} else {
		fault_at(reader, reader->line);
		if (reader->in_section && !reader->skips)
			reader->config.sections[reader->config.n_sections - 1].is_wrong = true;
		snprintf(str, num, "\n");
	}
	free(line);
	return str;
}

/* "ageing = 60 # short": what looks like a comment is read as a part of the value. */
static void
hint_comment(struct error *err)
{
	const size_t len = strlen(err->msg);

	snprintf(err->msg + len, sizeof(err->msg) - len,
		 "; a comment behind a value begins with ;");
}

/* inih's handler: 1 is success. */
static int
on_key(void *user, const char *section, const char *name, const char *value)
{
	struct reader *reader = user;
	const struct schema_key *key;
	struct config_section *last;
	int ret;

	(void)section;
	if (reader->skips)
		return 1;
	if (!reader->in_section) {
		error_set(&reader->err, EINVAL,
			  "a key needs a section above it, such as [bridge NAME]");
		fault_at(reader, reader->line);
		reader->skips = true;
		return 1;
	}
	last = &reader->config.sections[reader->config.n_sections - 1];
	key = schema_key_find(last->object.schema, name);
	ret = object_set(&last->object, VERB_CONFIG, name, value, &reader->err);
	if (ret < 0 && (strstr(value, " #") != NULL || strstr(value, "\t#") != NULL))
		hint_comment(&reader->err);
	if (ret < 0)
		fault_at(reader, reader->line);
	if (key != NULL && last->key_lines[key - last->object.schema->keys] == 0)
		last->key_lines[key - last->object.schema->keys] = reader->line;
	if (ret < 0)
		last->has_faults = true;
	return 1;
}

static int
object_check_bridge(struct reader *reader, const struct object *object, struct error *err)
{
	const struct config *config = &reader->config;
	char hint[WORD_HINT_SIZE];
	struct word_search search;
	const char *bridge;

	if (object->schema == &port_schema)
		bridge = object->values[PORT_KEY_BRIDGE].text;
	else if (object->schema == &bond_schema)
		bridge = object->values[BOND_KEY_BRIDGE].text;
	else if (object->schema == &fdb_schema)
		bridge = object->name;
	else
		return 0;
	if (*bridge == '\0' || section_find(reader, &bridge_schema, bridge) != NULL)
		return 0;
	word_search_start(&search, bridge);
	for (size_t i = 0; i < config->n_sections; i++)
		if (config->sections[i].object.schema == &bridge_schema)
			word_search_add(&search, config->sections[i].object.name);
	return error_set(err, ENOENT, "%s %s: there is no section [bridge %s]%s%s",
			 object->schema->kind, object->name, bridge,
			 search.nearest != NULL ? "; " : "",
			 word_hint(search.nearest, "", hint, sizeof(hint)));
}

/* netback makes a vif and its hotplug script attaches it, as the guest's configuration says. */
static int
object_check_type(const struct object *object, struct error *err)
{
	if (object->schema != &port_schema || port_type_resolve(object) != PORT_TYPE_VIF)
		return 0;
	return error_set(err, EINVAL, "port %s: a guest's vif is attached by its xl.cfg, not here",
			 object->name);
}

/* The tap that a NIC's addresses go to. */
static int
object_check_adopt(struct reader *reader, const struct object *object, struct error *err)
{
	const char *tap = object->values[PORT_KEY_ADOPT].text;
	const struct config_section *section;

	if (object->schema != &port_schema || *tap == '\0')
		return 0;
	section = section_find(reader, &port_schema, tap);
	if (section != NULL &&
	    (section->has_faults || port_type_resolve(&section->object) == PORT_TYPE_TAP))
		return 0;
	return error_set(err, ENOENT,
			 "port %s: adopt: there is no section [port %s] with type = tap",
			 object->name, tap);
}

/* The line of a key, or of the section that lacks it. */
static unsigned int
key_line(const struct config_section *section, const char *name)
{
	const struct schema_key *key = schema_key_find(section->object.schema, name);
	const unsigned int line =
		key != NULL ? section->key_lines[key - section->object.schema->keys] : 0;

	return line != 0 ? line : section->line;
}

/* What can only be said when all sections are known. */
static void
check_whole(struct reader *reader)
{
	struct config_section *section;
	unsigned int line;
	size_t i;
	int ret;

	for (i = 0; i < reader->config.n_sections; i++) {
		section = &reader->config.sections[i];
		/* what follows from a fault that has been told is no news */
		ret = section->has_faults ?
			      0 :
			      object_check(&section->object, VERB_CONFIG, &reader->err);
		if (ret == 0)
			ret = object_check_type(&section->object, &reader->err);
		line = section->line;
		if (ret == 0 && !reader->has_holes) {
			ret = object_check_bridge(reader, &section->object, &reader->err);
			if (ret < 0)
				line = key_line(section, "bridge");
		}
		if (ret == 0 && !reader->has_holes) {
			ret = object_check_adopt(reader, &section->object, &reader->err);
			if (ret < 0)
				line = key_line(section, "adopt");
		}
		section->is_wrong |= ret < 0;
		if (ret < 0)
			fault_at(reader, line);
	}
}

static int
check(struct reader *reader, struct config *ret_config)
{
	int ret;

	reader->config.path = strdup(reader->path);
	/* inih would split lines of more than 197 bytes; Debian's can be told otherwise */
	ini_use_stack = false;
	ini_max_line = ini_initial_alloc = CONFIG_LINE_MAX + 3;
	if (reader->config.path == NULL ||
	    ini_parse_stream(read_line, reader, on_key, reader) < 0) {
		error_set(&reader->err, ENOMEM, "%s: %s", reader->path, strerror(ENOMEM));
		fault_keep(reader);
	} else if (!reader->ended) {
		check_whole(reader);
		ret = reader->care != CONFIG_CARE_NONE && !reader->has_holes ?
			      config_names_check(&reader->config, reader->care, reader->faults) :
			      0;
		reader->ret = reader->ret == 0 ? ret : reader->ret;
	}
	if (reader->ret < 0 || ret_config == NULL) {
		config_free(&reader->config);
		return reader->ret;
	}
	*ret_config = reader->config;
	return 0;
}

int
config_check(FILE *file, const char *path, enum config_care care, struct config *ret_config,
	     struct config_faults *faults)
{
	struct reader reader = { .file = file, .path = path, .faults = faults, .care = care };

	return check(&reader, ret_config);
}

int
config_read(FILE *file, const char *path, struct config *ret_config, struct error *err)
{
	struct config_faults faults = { .n = 0 };
	struct reader reader = { .file = file, .path = path, .faults = &faults };
	int ret = check(&reader, ret_config);

	if (ret < 0 && err != NULL) {
		if (faults.n > 0)
			*err = faults.errors[0];
		else
			error_set(err, ret, "%s: %s", path, strerror(-ret));
	}
	config_faults_free(&faults);
	return ret;
}

int
config_load(const char *path, struct config *ret_config, struct error *err)
{
	struct stat st;
	FILE *file;
	int ret;

	file = fopen(path, "re");
	if (file == NULL)
		return error_set(err, errno, "%s: %s", path, strerror(errno));
	if (fstat(fileno(file), &st) == 0 && S_ISDIR(st.st_mode))
		ret = error_set(err, EISDIR, "%s: %s", path, strerror(EISDIR));
	else
		ret = config_read(file, path, ret_config, err);
	fclose(file);
	return ret;
}

const struct config_section *
config_next(const struct config *config, const struct object_schema *schema,
	    const struct config_section *section)
{
	const struct config_section *end;

	if (config->n_sections == 0)
		return NULL; /* nor is there an array */
	end = config->sections + config->n_sections;
	section = section == NULL ? config->sections : section + 1;
	for (; section < end; section++)
		if (section->object.schema == schema)
			return section;
	return NULL;
}

int
config_fault(const struct config *config, const struct config_section *section, unsigned int key,
	     struct error *err)
{
	unsigned int line = section != NULL ? section->line : 0;

	if (section == NULL)
		return err->code;
	if (key != CONFIG_NO_KEY && section->key_lines[key] != 0)
		line = section->key_lines[key];
	return prefix_line(config->path, line, err);
}

void
config_free(struct config *config)
{
	free(config->sections);
	free(config->path);
	*config = (struct config){ 0 };
}
