/* SPDX-License-Identifier: BSD-3-Clause */
#include "metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <rte_common.h>

#include "delay.h"

#define TEXT_ROOM_FIRST 65536
#define WHOLE_MAX 9007199254740992.0 /* 2^53: whole numbers are exact up to here */

const char *const metrics_content_types[METRICS_FORMATS] = {
	[METRICS_TEXT] = "text/plain; version=0.0.4; charset=utf-8",
	[METRICS_OPEN] = "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

const char *const metric_type_names[METRIC_TYPES] = {
	[METRIC_COUNTER] = "counter",
	[METRIC_GAUGE] = "gauge",
	[METRIC_INFO] = "info",
	[METRIC_HISTOGRAM] = "histogram",
};

const char *
metric_suffix(const struct metric_family *family)
{
	switch (family->type) {
	case METRIC_COUNTER:
		return "_total";
	case METRIC_INFO:
		return "_info";
	default:
		return "";
	}
}

/* --- text --- */

static void
put(struct metrics_text *text, const char *data, size_t len)
{
	if (text->room - text->len < len) {
		const size_t room =
			RTE_MAX(RTE_MAX(text->room * 2, text->len + len), (size_t)TEXT_ROOM_FIRST);
		char *more = text->failed ? NULL : realloc(text->data, room);

		if (more == NULL) {
			text->failed = true;
			return;
		}
		text->data = more;
		text->room = room;
	}
	memcpy(text->data + text->len, data, len);
	text->len += len;
}

static void
puts_text(struct metrics_text *text, const char *string)
{
	put(text, string, strlen(string));
}

static void
put_number(struct metrics_text *text, double number)
{
	char digits[32];
	char *at = digits + sizeof(digits);
	uint64_t whole;

	if (!(number >= 0 && number < WHOLE_MAX && number == floor(number))) {
		put(text, digits, snprintf(digits, sizeof(digits), "%.9g", number));
		return;
	}
	/* nearly all numbers are such, and there are thousands */
	whole = (uint64_t)number;
	do {
		*--at = (char)('0' + whole % 10);
		whole /= 10;
	} while (whole != 0);
	put(text, at, digits + sizeof(digits) - at);
}

/* A guest may have chosen them: what is not ASCII, and printable, is none. */
static void
put_label_value(struct metrics_text *text, const char *value)
{
	for (; *value != '\0'; value++) {
		if (*value == '\\' || *value == '"')
			put(text, "\\", 1);
		if (*value == '\n')
			put(text, "\\n", 2);
		else
			put(text, *value >= ' ' && *value <= '~' ? value : "?", 1);
	}
}

/* --- rows --- */

static struct metrics_row *
row_new(struct metrics_table *table)
{
	if (table->n_rows == table->room) {
		const size_t room = RTE_MAX(table->room * 2, (size_t)16);
		struct metrics_row *rows =
			table->failed ? NULL : reallocarray(table->rows, room, sizeof(*rows));

		if (rows == NULL) {
			table->failed = true;
			return &table->scrap;
		}
		table->rows = rows;
		table->room = room;
	}
	return &table->rows[table->n_rows++];
}

double *
metrics_row(struct metrics_table *table, const char *const *values)
{
	struct metrics_text *text = &table->text;
	struct metrics_row *row = row_new(table);

	row->labels = text->len;
	for (size_t i = 0; table->labels[i] != NULL; i++) {
		if (i > 0)
			put(text, ",", 1);
		puts_text(text, table->labels[i]);
		put(text, "=\"", 2);
		if (values[i] != NULL)
			put_label_value(text, values[i]);
		put(text, "\"", 1);
	}
	row->labels_len = text->len - row->labels;
	for (unsigned int i = 0; i < METRICS_COLUMNS_MAX; i++)
		row->values[i] = NAN;
	return row->values;
}

/* --- families --- */

static void
put_head(struct metrics_text *text, const struct metric_family *family, enum metrics_format format)
{
	const bool open = format == METRICS_OPEN;
	const char *const suffix = open ? "" : metric_suffix(family);
	/* the old format has no such type */
	const char *const type = !open && family->type == METRIC_INFO ?
					 metric_type_names[METRIC_GAUGE] :
					 metric_type_names[family->type];
	char line[512];
	int len;

	len = snprintf(line, sizeof(line), "# HELP %s%s %s\n# TYPE %s%s %s\n", family->name, suffix,
		       family->help, family->name, suffix, type);
	put(text, line, RTE_MIN((size_t)len, sizeof(line) - 1));
	if (open && family->unit != NULL) {
		len = snprintf(line, sizeof(line), "# UNIT %s %s\n", family->name, family->unit);
		put(text, line, RTE_MIN((size_t)len, sizeof(line) - 1));
	}
}

/* @le: of a bucket; NULL: it is none. */
static void
put_sample(struct metrics_text *text, const char *name, const char *suffix,
	   const struct metrics_table *table, const struct metrics_row *row, const char *le,
	   double value)
{
	puts_text(text, name);
	puts_text(text, suffix);
	if (row->labels_len > 0 || le != NULL) {
		put(text, "{", 1);
		put(text, table->text.data + row->labels, row->labels_len);
		if (le != NULL) {
			puts_text(text, row->labels_len > 0 ? ",le=\"" : "le=\"");
			puts_text(text, le);
			put(text, "\"", 1);
		}
		put(text, "}", 1);
	}
	put(text, " ", 1);
	put_number(text, value);
	put(text, "\n", 1);
}

static void
put_histogram(struct metrics_text *text, const struct metric_family *family,
	      const struct metrics_table *table, const struct metrics_row *row)
{
	const double *values = row->values + family->column;
	double sum = 0;

	for (unsigned int i = 0; i < DELAY_BUCKETS; i++) {
		sum += values[i];
		put_sample(text, family->name, "_bucket", table, row, delay_bounds[i].text, sum);
	}
	put_sample(text, family->name, "_sum", table, row, NULL, values[DELAY_BUCKETS]);
	put_sample(text, family->name, "_count", table, row, NULL, sum);
}

static void
put_family(struct metrics_text *text, const struct metric_family *family,
	   enum metrics_format format, const struct metrics_table *table)
{
	bool any = false;

	for (size_t i = 0; i < table->n_rows; i++) {
		const struct metrics_row *row = &table->rows[i];

		if (isnan(row->values[family->column]))
			continue;
		if (!any)
			put_head(text, family, format);
		any = true;
		if (family->type == METRIC_HISTOGRAM)
			put_histogram(text, family, table, row);
		else
			put_sample(text, family->name, metric_suffix(family), table, row, NULL,
				   row->values[family->column]);
	}
}

static void
table_free(struct metrics_table *table)
{
	free(table->rows);
	free(table->text.data);
	*table = (struct metrics_table){ .stats = table->stats };
}

int
metrics_render(struct vswitch *sw, enum metrics_format format, struct metrics_text *ret_text)
{
	struct metrics_text text = { 0 };
	struct metrics_table table = { 0 };
	bool failed = false;

	/* families of one subject stand together */
	for (size_t i = 0; i < n_metric_families; i++) {
		const struct metrics_subject *subject = metric_families[i].subject;

		if (i == 0 || subject != metric_families[i - 1].subject) {
			table_free(&table);
			table.labels = subject->labels;
			subject->collect(sw, &table);
			failed |= table.failed || table.text.failed;
		}
		if (!failed)
			put_family(&text, &metric_families[i], format, &table);
	}
	table_free(&table);
	free(table.stats);
	if (format == METRICS_OPEN)
		puts_text(&text, "# EOF\n");
	if (failed || text.failed) {
		free(text.data);
		return -ENOMEM;
	}
	*ret_text = text;
	return 0;
}

/* --- what a client wants --- */

/* The next element up to @end (a character of the header's grammar), without blanks around it. */
static const char *
element(const char *at, char end, const char **ret_begin, size_t *ret_len)
{
	const char *stop = strchrnul(at, end);

	at += strspn(at, " \t");
	*ret_begin = at;
	*ret_len = stop > at ? (size_t)(stop - at) : 0;
	while (*ret_len > 0 && strchr(" \t", at[*ret_len - 1]) != NULL)
		--*ret_len;
	return *stop == end ? stop + 1 : NULL;
}

static bool
is_word(const char *begin, size_t len, const char *word)
{
	return len == strlen(word) && strncasecmp(begin, word, len) == 0;
}

/* One media range of an Accept header. */
struct range {
	enum metrics_format format; /* METRICS_FORMATS: none of ours */
	double weight;
};

static void
range_parse(const char *text, struct range *ret_range)
{
	bool is_open, is_text, right = true;
	const char *begin, *rest;
	size_t len;

	*ret_range = (struct range){ METRICS_FORMATS, 1 };
	rest = element(text, ';', &begin, &len);
	is_open = is_word(begin, len, "application/openmetrics-text");
	is_text = is_word(begin, len, "text/plain") || is_word(begin, len, "text/*") ||
		  is_word(begin, len, "*/*");
	while (rest != NULL) {
		rest = element(rest, ';', &begin, &len);
		if (len > 2 && strncasecmp(begin, "q=", 2) == 0)
			ret_range->weight = strtod(begin + 2, NULL);
		else if (len > 8 && strncasecmp(begin, "version=", 8) == 0)
			right = is_word(begin + 8, len - 8, is_open ? "1.0.0" : "0.0.4");
	}
	if (right && (is_open || is_text))
		ret_range->format = is_open ? METRICS_OPEN : METRICS_TEXT;
}

enum metrics_format
metrics_format_of(const char *accept)
{
	double best[METRICS_FORMATS] = { 0 };
	char text[256];

	while (accept != NULL) {
		struct range range;
		const char *begin;
		size_t len;

		accept = element(accept, ',', &begin, &len);
		snprintf(text, sizeof(text), "%.*s", (int)RTE_MIN(len, sizeof(text) - 1), begin);
		range_parse(text, &range);
		if (range.format != METRICS_FORMATS && range.weight > best[range.format])
			best[range.format] = range.weight;
	}
	return best[METRICS_OPEN] > 0 && best[METRICS_OPEN] >= best[METRICS_TEXT] ? METRICS_OPEN :
										    METRICS_TEXT;
}
