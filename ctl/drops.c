/* SPDX-License-Identifier: BSD-3-Clause */
#include "drops.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client.h"
#include "command.h"
#include "drop.h"
#include "error.h"
#include "json_show.h"
#include "table.h"
#include "terminal.h"
#include "words.h"

#define N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))
#define TEXT_WIDTH 80 /* where stdout is no terminal */
#define DETAILS 4     /* of a reason that are shown */

static const struct column drops_columns[] = {
	{ .heading = "REASON", .field = "reason" },
	{ .heading = "PORT", .field = "port" },
	{ .heading = "VLAN", .field = "vlan", .kind = CELL_NUMBER, .width = 4 },
	{ .heading = "PACKETS", .field = "packets", .kind = CELL_NUMBER },
	{ .heading = "PER SECOND", .field = "rate", .kind = CELL_NUMBER },
	{ .heading = "LAST", .field = "last" },
};

/* --- words --- */

/* Put a word where it belongs. Return: 0 or -ENOEXEC. */
static int
word_take(json_t *params, const char *word, struct error *err)
{
	const char *key = drop_reason_find(word) < DROP_REASONS ? "reason" : "port", *nearest;
	json_t *text = json_string(word);
	char quoted[48], hint[WORD_HINT_SIZE];

	schema_quote(word, quoted, sizeof(quoted));
	if (text == NULL || *word == '-' || json_object_get(params, key) != NULL) {
		json_decref(text);
		return error_set(err, ENOEXEC, "drops: unexpected %s", quoted);
	}
	nearest = word_nearest(word, drop_reason_names, DROP_REASONS);
	if (strcmp(key, "port") == 0 && strchr(word, '_') != NULL && nearest != NULL) {
		json_decref(text);
		return error_set(err, ENOEXEC, "drops: there is no reason %s; %s", quoted,
				 word_hint(nearest, "", hint, sizeof(hint)));
	}
	json_object_set_new(params, key, text);
	return 0;
}

static bool
is_last(const struct request *request)
{
	return request->argc > 0 && strcmp(request->argv[0], "last") == 0;
}

bool
drops_can_watch(const struct request *request)
{
	return request->command->run == drops_run && !is_last(request);
}

/* @ret_file: of -w, or NULL. */
static int
words_read(const struct request *request, json_t *params, bool *ret_last, const char **ret_file,
	   struct error *err)
{
	int i = 0, ret = 0;

	*ret_file = NULL;
	*ret_last = is_last(request);
	for (i = *ret_last; i < request->argc && ret == 0; i++) {
		if (!*ret_last || *ret_file != NULL || strcmp(request->argv[i], "-w") != 0)
			ret = word_take(params, request->argv[i], err);
		else if (++i == request->argc)
			ret = error_set(err, ENOEXEC, "drops: -w needs a file");
		else
			*ret_file = request->argv[i];
	}
	return ret;
}

/* --- rates --- */

static json_int_t
integer(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* Of the same port, reason and VLAN. */
static json_t *
row_key(const json_t *row)
{
	char key[128];

	snprintf(key, sizeof(key), "%" JSON_INTEGER_FORMAT " %s %" JSON_INTEGER_FORMAT,
		 integer(row, "instance"), json_string_value(json_object_get(row, "reason")),
		 json_is_integer(json_object_get(row, "vlan")) ? integer(row, "vlan") : -1);
	return json_string(key);
}

/* Packets by row_key(). */
static json_t *
rows_index(const json_t *reply)
{
	const json_t *row;
	json_t *index = json_object(), *key;
	size_t i;

	json_array_foreach(json_object_get(reply, "rows"), i, row) {
		key = row_key(row);
		json_object_set(index, json_string_value(key), json_object_get(row, "packets"));
		json_decref(key);
	}
	return index;
}

void
drops_rate(json_t *reply, const json_t *before)
{
	const double seconds = (integer(reply, "time_usec") - integer(before, "time_usec")) / 1e6;
	const bool comparable = before != NULL && seconds > 0 &&
				integer(reply, "started_usec") == integer(before, "started_usec");
	json_t *index = rows_index(before), *row, *key;
	size_t i;

	json_array_foreach(json_object_get(reply, "rows"), i, row) {
		json_int_t grown;

		key = row_key(row);
		grown = integer(row, "packets") - integer(index, json_string_value(key));
		json_object_set_new(row, "per_second",
				    comparable ? json_real(grown > 0 ? grown / seconds : 0) :
						 json_null());
		json_decref(key);
	}
	json_decref(index);
}

static double
rate_of(const json_t *row)
{
	return json_real_value(json_object_get(row, "per_second"));
}

static int
compare_rows(const void *one, const void *two)
{
	const json_t *a = *(json_t *const *)one, *b = *(json_t *const *)two;

	if (rate_of(a) != rate_of(b))
		return rate_of(a) < rate_of(b) ? 1 : -1;
	return (integer(a, "packets") < integer(b, "packets")) -
	       (integer(a, "packets") > integer(b, "packets"));
}

void
drops_sort(json_t *rows)
{
	const size_t n = json_array_size(rows);
	json_t **sorted = calloc(n + 1, sizeof(sorted[0]));

	if (sorted == NULL)
		return; /* unsorted is as true */
	for (size_t i = 0; i < n; i++)
		sorted[i] = json_incref(json_array_get(rows, i));
	qsort(sorted, n, sizeof(sorted[0]), compare_rows);
	json_array_clear(rows);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(rows, sorted[i]);
	free(sorted);
}

/* --- text --- */

/* A text with a port, by what it is called in the row, and VLAN of a row in it. */
static const char *
text_of(const char *text, const char *port, const json_t *row, char ret_line[DROP_TEXT_SIZE])
{
	return drop_text_fill(text, json_string_value(json_object_get(row, port)),
			      (unsigned int)integer(row, "vlan"), ret_line);
}

/* Print a text, broken at blanks, from a column on. */
static void
print_wrapped(int column, const char *text)
{
	const int width = terminal_width() > 0 ? terminal_width() : TEXT_WIDTH;
	int len;

	for (; *text != '\0'; text += len + (text[len] == ' ')) {
		len = (int)strcspn(text, " ");
		if (column + 1 + len > width)
			column = printf("\n ") - 1;
		column += printf(" %.*s", len, text);
	}
}

/* What is behind the rows of a reason, once each. */
static void
print_details(const json_t *rows, const char *reason)
{
	const char *detail, *last = "";
	unsigned int n = 0;
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		detail = json_string_value(json_object_get(row, "detail"));
		if (detail == NULL || strcmp(detail, last) == 0 || n == DETAILS ||
		    strcmp(json_string_value(json_object_get(row, "reason")), reason) != 0)
			continue;
		last = detail;
		print_wrapped(printf("\n  Here:") - 1, detail);
		n++;
	}
}

/* Why, of each reason once, and what to do. */
static void
print_reasons(const json_t *rows)
{
	bool told[DROP_REASONS] = { false };
	char line[DROP_TEXT_SIZE];
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		const enum drop_reason reason =
			drop_reason_find(json_string_value(json_object_get(row, "reason")));
		const struct drop_text *text = &drop_texts[reason];

		/* a newer daemon may have others */
		if (reason == DROP_REASONS || told[reason])
			continue;
		told[reason] = true;
		putchar('\n');
		terminal_heading(drop_reason_names[reason]);
		putchar(':');
		print_wrapped((int)strlen(drop_reason_names[reason]) + 1, text->what);
		print_details(rows, drop_reason_names[reason]);
		print_wrapped(printf("\n  Cause:") - 1, text->cause);
		print_wrapped(printf("\n  To do:") - 1, text_of(text->mend, "at_fault", row, line));
		printf("\n  Look: vsctl %s\n", text_of(text->show, "port", row, line));
	}
}

static json_t *
last_text(const json_t *row)
{
	const json_t *age = json_object_get(row, "age");
	const json_int_t seconds = json_integer_value(age);

	if (rate_of(row) > 0 || (age != NULL && seconds <= 1))
		return json_string("now");
	if (age == NULL)
		return json_null();
	if (seconds < 120)
		return json_sprintf("%d s ago", (int)seconds);
	return seconds < 7200 ? json_sprintf("%d min ago", (int)(seconds / 60)) :
				json_sprintf("%d h ago", (int)(seconds / 3600));
}

/* What no drop tells of, though packets are lost. */
static void
print_faults(const json_t *faults)
{
	const json_t *fault;
	size_t i;

	json_array_foreach(faults, i, fault) {
		const char *object = json_string_value(json_object_get(fault, "object"));
		const char *check = json_string_value(json_object_get(fault, "check"));

		putchar('\n');
		if (i == 0)
			puts("No port counts what is lost by these (vsctl health):\n");
		terminal_heading(object);
		print_wrapped((int)strlen(object) + printf(" (%s):", check),
			      json_string_value(json_object_get(fault, "text")));
		print_wrapped(printf("\n  To do:") - 1,
			      json_string_value(json_object_get(fault, "remedy")));
		putchar('\n');
	}
}

static void
print_rows(json_t *rows)
{
	struct table table;
	json_t *row;
	size_t i;

	if (json_array_size(rows) == 0) {
		puts("No packets were dropped.");
		return;
	}
	json_array_foreach(rows, i, row) {
		const json_t *rate = json_object_get(row, "per_second");

		if (json_is_real(rate))
			json_object_set_new(row, "rate",
					    json_sprintf("%.*f",
							 rate_of(row) > 0 && rate_of(row) < 10,
							 rate_of(row)));
		json_object_set_new(row, "last", last_text(row));
	}
	table_init(&table, drops_columns, N_ELEMENTS(drops_columns), 0);
	table_print(&table, rows, stdout);
	print_reasons(rows);
}

/* --- */

/* A program reads faults as rows without a reason. */
static void
faults_add(json_t *rows, const json_t *faults)
{
	json_t *fault;
	size_t i;

	json_array_foreach(faults, i, fault)
		json_array_append_new(
			rows,
			json_pack("{s:n, s:O, s:n, s:i, s:n, s:O, s:O, s:s}", "reason", "port",
				  json_object_get(fault, "object"), "vlan", "packets", 0,
				  "per_second", "what", json_object_get(fault, "text"), "mend",
				  json_object_get(fault, "remedy"), "look", "vsctl health"));
}

/* What a program reads: the texts in each row, so that it need not know the reasons. */
static void
rows_explain(json_t *rows)
{
	char line[DROP_TEXT_SIZE];
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		const enum drop_reason reason =
			drop_reason_find(json_string_value(json_object_get(row, "reason")));

		json_object_del(row, "instance");
		if (reason == DROP_REASONS)
			continue;
		json_object_set_new(row, "what", json_string(drop_texts[reason].what));
		json_object_set_new(row, "cause", json_string(drop_texts[reason].cause));
		json_object_set_new(
			row, "mend",
			json_string(text_of(drop_texts[reason].mend, "at_fault", row, line)));
		json_object_set_new(row, "look",
				    json_sprintf("vsctl %s", text_of(drop_texts[reason].show,
								     "port", row, line)));
		json_object_del(row, "at_fault");
	}
}

static int
drops_show(struct client *client, const struct request *request, json_t *params, struct error *err)
{
	static json_t *before; /* the last reply: with -w this is called again and again */
	const struct timespec second = { .tv_sec = 1 };
	json_t *reply, *rows;
	int ret;

	if (before == NULL) {
		ret = client_call(client, "drops.show", json_incref(params), &before, err);
		if (ret < 0)
			return ret;
		nanosleep(&second, NULL);
	}
	ret = client_call(client, "drops.show", json_incref(params), &reply, err);
	if (ret < 0)
		return ret;
	drops_rate(reply, before);
	json_decref(before);
	before = json_deep_copy(reply);
	rows = json_object_get(reply, "rows");
	drops_sort(rows);
	if (request->json) {
		rows_explain(rows);
		faults_add(rows, json_object_get(reply, "faults"));
		json_show(request->command, rows);
	} else {
		print_rows(rows);
		print_faults(json_object_get(reply, "faults"));
	}
	json_decref(reply);
	return 0;
}

int
drops_run(struct client *client, const struct request *request, struct error *err)
{
	json_t *params = json_object();
	const char *file;
	bool last;
	int ret = words_read(request, params, &last, &file, err);

	if (ret == 0)
		ret = last ? drops_last(client, request, params, file, err) :
			     drops_show(client, request, params, err);
	json_decref(params);
	return ret;
}
