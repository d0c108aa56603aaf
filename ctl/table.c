/* SPDX-License-Identifier: BSD-3-Clause */
#include "table.h"

#include <stdlib.h>
#include <string.h>

#include "terminal.h"

#define NUMBER_SIZE 32
#define GAP 2         /* blanks between columns */
#define CONTINUE 4    /* blanks in front of the second line of a row */
#define TEXT_LEAST 16 /* so narrow does text get, if its words let it, */
#define TEXT_NARROW 9 /* or so narrow, if all of a row is on one line then */

/* A line may end behind these. */
static const char heading_breaks[] = "-", cell_breaks[] = " ,;";

/* Room for what a cell says. */
struct room {
	char number[NUMBER_SIZE];
	char *list; /* free() it */
};

static json_int_t
sum_of(json_t *object)
{
	json_int_t sum = 0;
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
		sum += json_integer_value(value);
	return sum;
}

static const char *
join(const json_t *array, struct room *room)
{
	const json_t *value;
	size_t size, i;
	FILE *out = open_memstream(&room->list, &size);

	if (out == NULL)
		return "?";
	json_array_foreach(array, i, value)
		fprintf(out, "%s%s", i > 0 ? "," : "",
			json_is_string(value) ? json_string_value(value) : "?");
	fclose(out);
	return room->list != NULL && room->list[0] != '\0' ? room->list : "-";
}

static const char *
number(json_int_t value, struct room *room)
{
	snprintf(room->number, sizeof(room->number), "%" JSON_INTEGER_FORMAT, value);
	return room->number;
}

static const char *
cell(const struct column *column, const json_t *row, struct room *room)
{
	json_t *value = json_object_get(row, column->field);

	room->list = NULL;
	if (column->kind == CELL_COUNT && json_is_array(value))
		return number((json_int_t)json_array_size(value), room);
	if (column->kind == CELL_SUM && json_is_object(value))
		return number(sum_of(value), room);
	if (json_is_string(value))
		return json_string_value(value);
	if (json_is_integer(value))
		return number(json_integer_value(value), room);
	if (json_is_boolean(value))
		return json_is_true(value) ? "yes" : "no";
	if (json_is_array(value))
		return join(value, room);
	return "-";
}

static void
widen(int *width, int len)
{
	if (*width < len)
		*width = len;
}

/* How far a line of at most @width goes; further, if the first word does. */
static int
piece_len(const char *text, const char *breaks, int width)
{
	const int len = (int)strlen(text);
	int end = 0, next;

	if (len <= width)
		return len;
	for (;;) {
		next = end + (int)strcspn(text + end, breaks);
		next += (int)strspn(text + next, breaks);
		/* a blank at its end does not count */
		if (end > 0 && next - (text[next - 1] == ' ') > width)
			return end;
		end = next;
		if (end >= len || end > width)
			return end;
	}
}

/* The longest word: no line of it can be shorter. */
static int
longest_piece(const char *text, const char *breaks)
{
	int longest = 0;

	while (*text != '\0') {
		const int len = piece_len(text, breaks, 0);

		widen(&longest, len - (text[len - 1] == ' '));
		text += len;
	}
	return longest;
}

void
table_init(struct table *table, const struct column *columns, unsigned int n_columns, int indent)
{
	unsigned int i;

	*table = (struct table){
		.columns = columns,
		.n_columns = n_columns,
		.indent = indent,
		.max_width = terminal_width(),
		.n_lines = 1,
	};
	for (i = 0; i < n_columns; i++) {
		table->own[i].width = columns[i].width;
		table->own[i].least = longest_piece(columns[i].heading, heading_breaks);
		widen(&table->own[i].least, columns[i].width);
		table->own[i].narrow = table->own[i].least;
		widen(&table->own[i].width, (int)strlen(columns[i].heading));
	}
}

static int
lesser(int a, int b)
{
	return a < b ? a : b;
}

static void
measure_cell(struct table_column *own, int len, int piece)
{
	widen(&own->width, len);
	widen(&own->least, piece);
	widen(&own->least, lesser(len, TEXT_LEAST));
	widen(&own->narrow, piece);
	widen(&own->narrow, lesser(len, TEXT_NARROW));
}

void
table_measure(struct table *table, const json_t *rows)
{
	const char *said;
	struct room room;
	unsigned int i;
	size_t n;

	if (table->fitted && table->max_width > 0)
		return;
	for (n = 0; n < json_array_size(rows); n++) {
		for (i = 0; i < table->n_columns; i++) {
			struct table_column *own = &table->own[i];

			said = cell(&table->columns[i], json_array_get(rows, n), &room);
			measure_cell(own, (int)strlen(said),
				     /* a name is never broken */
				     i == 0 || table->columns[i].kind != CELL_TEXT ?
					     (int)strlen(said) :
					     longest_piece(said, cell_breaks));
			own->has_data |= strcmp(said, "-") != 0;
			free(room.list);
		}
	}
}

static int
total_width(const struct table *table)
{
	int total = table->indent - GAP;

	for (unsigned int i = 0; i < table->n_columns; i++)
		if (!table->own[i].left_out)
			total += table->own[i].width + GAP;
	return total;
}

/* Make columns narrower, the widest first. False: that is not enough. */
static bool
shrink(struct table *table, bool narrow)
{
	while (total_width(table) > table->max_width) {
		struct table_column *found = NULL;

		for (unsigned int i = 0; i < table->n_columns; i++) {
			struct table_column *own = &table->own[i];

			if (!own->left_out && own->width > (narrow ? own->narrow : own->least) &&
			    (found == NULL || own->width > found->width))
				found = own;
		}
		if (found == NULL)
			return false;
		found->width--;
	}
	return true;
}

/* Columns get back of their width what the line has room for. */
static void
use_room(struct table *table, int line, int room)
{
	for (unsigned int i = 0; i < table->n_columns; i++) {
		struct table_column *own = &table->own[i];
		const int more = lesser(own->whole - own->width, room);

		if (own->line != line || more <= 0)
			continue;
		own->width += more;
		room -= more;
	}
}

static void
to_lines(struct table *table)
{
	int used = table->indent;

	for (unsigned int i = 0; i < table->n_columns; i++)
		table->own[i].line = -1;
	for (unsigned int i = 0; i < table->n_columns; i++) {
		struct table_column *own = &table->own[i];

		if (own->left_out)
			continue;
		own->width = own->least;
		if (i > 0 && used + own->width > table->max_width) {
			use_room(table, table->n_lines - 1, table->max_width - (used - GAP));
			table->n_lines++;
			used = table->indent + CONTINUE;
		}
		own->line = table->n_lines - 1;
		used += own->width + GAP;
	}
	use_room(table, table->n_lines - 1, table->max_width - (used - GAP));
}

static void
fit(struct table *table)
{
	table->fitted = true;
	if (table->max_width == 0)
		return;
	for (unsigned int i = table->n_columns; i-- > 0;) {
		struct table_column *own = &table->own[i];

		own->whole = own->width;
		if (i > 0 && !table->more && !own->has_data &&
		    total_width(table) > table->max_width)
			own->left_out = true;
	}
	if (!shrink(table, false) && !shrink(table, true))
		to_lines(table);
}

/* A cell that is printed line by line. */
struct part {
	const char *text; /* what is left of it */
	const char *breaks;
	struct room room;
	enum shade shade;
};

/*
 * The next line of a cell. Blanks that are owed to the left are paid before what comes next, so
 * that no line ends in one.
 */
static void
print_part(const struct table *table, unsigned int i, struct part *part, int *owed, FILE *out)
{
	const int width = table->own[i].width;
	const int len = table->max_width > 0 ? piece_len(part->text, part->breaks, width) :
					       (int)strlen(part->text);
	const int shown =
		len > 0 && part->text[len] != '\0' && part->text[len - 1] == ' ' ? len - 1 : len;
	const int fill = width > shown ? width - shown : 0;

	if (shown == 0) {
		*owed += width + GAP;
	} else if (table->columns[i].kind == CELL_TEXT) {
		fprintf(out, "%*s", *owed, "");
		*owed = fill + GAP;
	} else {
		fprintf(out, "%*s", *owed + fill, "");
		*owed = GAP;
	}
	terminal_put(part->shade, part->text, (size_t)shown, out);
	part->text += len;
}

/* One line of a row, as many lines of the terminal as its cells need. */
static void
print_line(const struct table *table, int line, struct part *parts, FILE *out)
{
	bool left = true;

	while (left) {
		int owed = table->indent + (line > 0 ? CONTINUE : 0);

		left = false;
		for (unsigned int i = 0; i < table->n_columns; i++) {
			if (table->own[i].left_out || table->own[i].line != line)
				continue;
			print_part(table, i, &parts[i], &owed, out);
			left |= *parts[i].text != '\0';
		}
		fputc('\n', out);
	}
}

void
table_head(struct table *table, FILE *out)
{
	struct part parts[TABLE_COLUMNS_MAX];

	if (!table->fitted)
		fit(table);
	for (unsigned int i = 0; i < table->n_columns; i++) {
		parts[i].text = table->columns[i].heading;
		parts[i].breaks = heading_breaks;
		parts[i].shade = SHADE_HEADING;
	}
	for (int line = 0; line < table->n_lines; line++)
		print_line(table, line, parts, out);
}

void
table_row(const struct table *table, const json_t *row, FILE *out)
{
	struct part parts[TABLE_COLUMNS_MAX];

	for (unsigned int i = 0; i < table->n_columns; i++) {
		parts[i].text = cell(&table->columns[i], row, &parts[i].room);
		parts[i].breaks = cell_breaks;
		parts[i].shade = terminal_shade(table->columns[i].field, parts[i].text);
	}
	for (int line = 0; line < table->n_lines; line++)
		print_line(table, line, parts, out);
	for (unsigned int i = 0; i < table->n_columns; i++)
		free(parts[i].room.list);
}

void
table_print(struct table *table, const json_t *rows, FILE *out)
{
	size_t n;

	table_measure(table, rows);
	table_head(table, out);
	for (n = 0; n < json_array_size(rows); n++)
		table_row(table, json_array_get(rows, n), out);
}

/* A row and its sort key. */
struct sort_row {
	const char *key;
	size_t place; /* rows with the same key stay in their order */
	json_t *row;
};

static int
compare_rows(const void *a, const void *b)
{
	const struct sort_row *row_a = a, *row_b = b;

	int ret = strverscmp(row_a->key, row_b->key);

	return ret != 0 ? ret : (row_a->place > row_b->place) - (row_a->place < row_b->place);
}

void
rows_sort(json_t *rows, const char *field)
{
	size_t n = json_array_size(rows), i;
	struct sort_row *sorted;
	const char *key;

	sorted = calloc(n > 0 ? n : 1, sizeof(*sorted));
	if (sorted == NULL)
		return; /* unsorted is as true */
	for (i = 0; i < n; i++) {
		sorted[i].row = json_incref(json_array_get(rows, i));
		key = json_string_value(json_object_get(sorted[i].row, field));
		sorted[i].key = key != NULL ? key : "";
		sorted[i].place = i;
	}
	qsort(sorted, n, sizeof(*sorted), compare_rows);
	json_array_clear(rows);
	for (i = 0; i < n; i++)
		json_array_append_new(rows, sorted[i].row);
	free(sorted);
}
