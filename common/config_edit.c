/* SPDX-License-Identifier: BSD-3-Clause */
#include "config_edit.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "error.h"
#include "memory.h"

/* A line of the file, with its newline. */
struct line {
	char *text;  /* NULL: it goes */
	char *after; /* new lines behind it; NULL: none */
};

struct editor {
	const struct config *config;
	struct line *lines; /* by number; [0] stands for the file's beginning */
	size_t n_lines;     /* lines[1] .. lines[n_lines] */
};

static int
read_config(const char *text, const char *path, struct config *config, struct error *err)
{
	FILE *file;
	int ret;

	*config = (struct config){ 0 };
	if (*text == '\0')
		return 0;
	/* only read: "r" does not write to the buffer */
	file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
	if (file == NULL)
		return error_set(err, errno, "%s: %s", path, strerror(errno));
	ret = config_read(file, path, config, err);
	fclose(file);
	return ret;
}

int
config_parse(const char *text, const char *path, struct record_list *records, struct error *err)
{
	struct config config;
	int ret = read_config(text, path, &config, err);

	if (ret < 0)
		return ret;
	record_list_of(records, &config);
	config_free(&config);
	return 0;
}

static void
lines_split(struct editor *editor, const char *text)
{
	size_t n = 1;

	for (const char *c = text; *c != '\0'; c++)
		n += *c == '\n';
	editor->lines = memory_need(calloc(n + 1, sizeof(*editor->lines)));
	while (*text != '\0') {
		const size_t len = strcspn(text, "\n");

		editor->lines[++editor->n_lines].text =
			memory_need(strndup(text, len + (text[len] == '\n')));
		text += len + (text[len] == '\n');
	}
}

static void
line_delete(struct line *line)
{
	free(line->text);
	line->text = NULL;
}

/* Put a text behind a line and what is there already. */
static void
line_append(struct line *line, const char *text)
{
	char *joined;

	if (asprintf(&joined, "%s%s", line->after != NULL ? line->after : "", text) < 0)
		memory_need(NULL);
	free(line->after);
	line->after = joined;
}

static bool
is_blank(const struct line *line)
{
	return line->text != NULL && line->text[strspn(line->text, " \t\r\n")] == '\0';
}

static bool
is_comment(const struct line *line)
{
	const char *text = line->text != NULL ? line->text + strspn(line->text, " \t") : "";

	return *text == '#' || *text == ';';
}

/* "key = value ; comment": another value, and nothing else. */
static void
line_set_value(struct line *line, const char *value)
{
	char *text = line->text, *changed;
	size_t start = strcspn(text, "=:") + 1, end;

	start += strspn(text + start, " \t");
	for (end = start; text[end] != '\0' && text[end] != '\r' && text[end] != '\n'; end++)
		if (text[end] == ';' && end > 0 && isspace((unsigned char)text[end - 1]))
			break;
	while (end > start && isspace((unsigned char)text[end - 1]))
		end--;
	if (asprintf(&changed, "%.*s%s%s", (int)start, text, value, text + end) < 0)
		memory_need(NULL);
	free(text);
	line->text = changed;
}

/*
 * The last line of a section: that of its last key, and the comment right below that, unless it
 * stands right above the next section.
 */
static size_t
section_end(const struct editor *editor, size_t section)
{
	const struct config_section *sections = editor->config->sections;
	const bool is_last = section + 1 == editor->config->n_sections;
	size_t end = sections[section].line, below;

	for (unsigned int i = 0; i < SCHEMA_KEYS_MAX; i++)
		if (sections[section].key_lines[i] > end)
			end = sections[section].key_lines[i];
	below = end;
	while (below < editor->n_lines && is_comment(&editor->lines[below + 1]))
		below++;
	return is_last || below + 1 < sections[section + 1].line ? below : end;
}

/* With the comment right above it, unless the file begins with that: it is about the file. */
static void
section_delete(struct editor *editor, size_t section)
{
	size_t first = editor->config->sections[section].line;
	const size_t end = section_end(editor, section);
	size_t above = first;

	while (above > 1 && is_comment(&editor->lines[above - 1]))
		above--;
	if (above > 1)
		first = above;
	for (size_t i = first; i <= end; i++)
		line_delete(&editor->lines[i]);
	for (size_t i = end + 1; i <= editor->n_lines && is_blank(&editor->lines[i]); i++)
		line_delete(&editor->lines[i]);
}

/* "key = value" lines for those keys that @wanted says. Return: free() it. */
static char *
keys_text(const struct record *record, const bool *wanted, const char *indent)
{
	char *text = memory_need(strdup("")), *longer;

	for (unsigned int i = 0; i < record->schema->n_keys; i++) {
		const struct schema_key *key = &record->schema->keys[i];

		if (record->texts[i] == NULL || (wanted != NULL && !wanted[i]))
			continue;
		if (asprintf(&longer, "%s%s%s = %s\n", text, indent, key->name,
			     record_word(key, record->texts[i])) < 0)
			memory_need(NULL);
		free(text);
		text = longer;
	}
	return text;
}

/* Have a section say what is configured of its object. */
static void
section_change(struct editor *editor, size_t n, const struct record *old, const struct record *new)
{
	const struct config_section *section = &editor->config->sections[n];
	bool added[SCHEMA_KEYS_MAX] = { false };
	size_t last = section->line;
	char indent[16] = "", *text;

	for (unsigned int i = 0; i < new->schema->n_keys; i++) {
		struct line *line = &editor->lines[section->key_lines[i]];

		if (section->key_lines[i] > last) {
			last = section->key_lines[i];
			snprintf(indent, sizeof(indent), "%.*s", (int)strspn(line->text, " \t"),
				 line->text);
		}
		added[i] = old->texts[i] == NULL && new->texts[i] != NULL;
		if (old->texts[i] != NULL && new->texts[i] != NULL &&
		    strcmp(old->texts[i], new->texts[i]) != 0)
			line_set_value(line, record_word(&new->schema->keys[i], new->texts[i]));
	}
	text = keys_text(new, added, indent);
	line_append(&editor->lines[last], text);
	free(text);
	for (unsigned int i = 0; i < new->schema->n_keys; i++)
		if (old->texts[i] != NULL && new->texts[i] == NULL)
			line_delete(&editor->lines[section->key_lines[i]]);
}

char *
config_text(const struct record_list *records)
{
	const struct record *record;
	char *text = NULL, *keys;
	size_t size;
	FILE *file = memory_need(open_memstream(&text, &size));

	TAILQ_FOREACH(record, records, list) {
		keys = keys_text(record, NULL, "");
		fprintf(file, "%s[%s%s%s]\n%s", record != TAILQ_FIRST(records) ? "\n" : "",
			record->schema->kind, record->schema->named ? " " : "", record->name, keys);
		free(keys);
	}
	fclose(file);
	return text;
}

/* A new section behind the last of its kind, or at the end. */
static void
section_add(struct editor *editor, const struct record *record)
{
	const struct config *config = editor->config;
	size_t at = editor->n_lines;
	char *keys = keys_text(record, NULL, ""), *text;

	while (at > 0 && (editor->lines[at].text == NULL || is_blank(&editor->lines[at])) &&
	       editor->lines[at].after == NULL)
		at--;
	for (size_t i = config->n_sections; i-- > 0;)
		if (config->sections[i].object.schema == record->schema) {
			at = section_end(editor, i);
			break;
		}
	if (asprintf(&text, "%s[%s%s%s]\n%s", at > 0 || editor->lines[0].after != NULL ? "\n" : "",
		     record->schema->kind, record->schema->named ? " " : "", record->name,
		     keys) < 0)
		memory_need(NULL);
	line_append(&editor->lines[at], text);
	free(text);
	free(keys);
}

static char *
lines_join(struct editor *editor)
{
	size_t size = 0;
	char *text;
	FILE *file = memory_need(open_memstream(&text, &size));

	for (size_t i = 0; i <= editor->n_lines; i++) {
		struct line *line = &editor->lines[i];

		if (line->text != NULL)
			fputs(line->text, file);
		if (line->after == NULL)
			continue;
		/* the last line may lack its newline */
		if (line->text != NULL && line->text[strlen(line->text) - 1] != '\n')
			fputc('\n', file);
		fputs(line->after, file);
	}
	fclose(file);
	return text;
}

static void
edit(struct editor *editor, const struct record_list *old, const struct record_list *new)
{
	const struct record *record, *other;
	size_t n = 0;

	TAILQ_FOREACH(record, old, list) {
		other = record_find(new, record->schema, record->name);
		if (other != NULL && !record_equal(record, other))
			section_change(editor, n, record, other);
		n++;
	}
	TAILQ_FOREACH(record, new, list)
		if (record_find(old, record->schema, record->name) == NULL)
			section_add(editor, record);
	n = 0;
	TAILQ_FOREACH(record, old, list) {
		if (record_find(new, record->schema, record->name) == NULL)
			section_delete(editor, n);
		n++;
	}
}

/* What was written is what is read: there is no other proof. */
static int
check(const char *text, const char *path, const struct record_list *records, struct error *err)
{
	struct record_list again = TAILQ_HEAD_INITIALIZER(again);
	struct error why;
	int ret = config_parse(text, path, &again, &why);

	if (ret < 0)
		ret = error_set(err, ret, "no file can say what is configured: %s", why.msg);
	else if (!record_list_equal(&again, records))
		ret = error_set(err, EILSEQ,
				"no file can say what is configured: a value has a comment in it");
	record_list_free(&again);
	return ret;
}

int
config_edit(const char *text, const char *path, const struct record_list *records, char **ret_text,
	    struct error *err)
{
	struct record_list old = TAILQ_HEAD_INITIALIZER(old);
	struct editor editor = { .n_lines = 0 };
	struct config config;
	int ret = read_config(text, path, &config, err);

	if (ret < 0)
		return ret;
	record_list_of(&old, &config);
	if (record_list_equal(&old, records)) {
		*ret_text = memory_need(strdup(text));
	} else {
		editor.config = &config;
		lines_split(&editor, text);
		edit(&editor, &old, records);
		*ret_text = lines_join(&editor);
		ret = check(*ret_text, path, records, err);
		if (ret < 0)
			free(*ret_text);
	}
	for (size_t i = 0; editor.lines != NULL && i <= editor.n_lines; i++) {
		free(editor.lines[i].text);
		free(editor.lines[i].after);
	}
	free(editor.lines);
	record_list_free(&old);
	config_free(&config);
	return ret;
}
