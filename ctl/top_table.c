/* SPDX-License-Identifier: BSD-3-Clause */
#include "top_table.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "error.h"
#include "object.h"
#include "words.h"

#define N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))
#define GAP 1 /* blanks between columns */

enum kind {
	TEXT,
	COUNT,   /* a whole number */
	SCALED,  /* the same, short; in JSON, too, whole */
	RATE,    /* short; in JSON with a fraction */
	PERCENT, /* with a fraction */
};

/* By priority, 0 first, columns are shown as long as they fit. No heading: never. */
static const struct {
	const char *heading;
	const char *key;
	const char *json;
	enum kind kind;
	int width; /* at least, so that they do not jump */
	int priority;
	char letter;   /* that sorts by it, or 0 */
	bool if_known; /* not shown if nothing is known of any port */
} columns[TOP_COLUMNS] = {
	[TOP_PORT] = { "PORT", "port", "port", TEXT, 8, 0, 'n' },
	[TOP_DOMID] = { "DOMID", "domid", "domid", COUNT, 5, 11, 0, true },
	[TOP_GUEST] = { "GUEST", "guest", "guest", TEXT, 8, 9, 'g', true },
	[TOP_TYPE] = { "TYPE", "type", "type", TEXT, 6, 12, 'y' },
	[TOP_BRIDGE] = { "BRIDGE", "bridge", "bridge", TEXT, 7, 10, 'b' },
	[TOP_LINK] = { "LINK", "link", "link", TEXT, 4, 14, 0 },
	[TOP_RX_BPS] = { "RX-BPS", "rx-bps", "rx_bits_per_second", RATE, 6, 1, 'i' },
	[TOP_RX_PPS] = { "RX-PPS", "rx-pps", "rx_packets_per_second", RATE, 6, 3, 'I' },
	[TOP_TX_BPS] = { "TX-BPS", "tx-bps", "tx_bits_per_second", RATE, 6, 2, 'o' },
	[TOP_TX_PPS] = { "TX-PPS", "tx-pps", "tx_packets_per_second", RATE, 6, 4, 'O' },
	[TOP_DROP_RATE] = { "DROP/S", "drop/s", "drops_per_second", RATE, 6, 5, 'd' },
	[TOP_REASON] = { "REASON", "reason", "drop_reason", TEXT, 14, 7, 0 },
	[TOP_CPU] = { "CPU%", "cpu", "cpu_percent", PERCENT, 5, 6, 'c' },
	[TOP_QUEUES] = { "QUEUES", "queues", "queues", COUNT, 6, 8, 0 },
	[TOP_WORKERS] = { "WORKERS", "workers", "workers", TEXT, 7, 13, 0 },
	[TOP_RX_RING] = { "RX-RING%", "rx-ring", "rx_ring_percent", COUNT, 8, 15, 0, true },
	[TOP_TX_RING] = { "TX-RING%", "tx-ring", "tx_ring_percent", COUNT, 8, 16, 0, true },
	[TOP_RX_PACKETS] = { "RX-PACKETS", "rx-packets", "rx_packets", SCALED, 10, 17, 0 },
	[TOP_TX_PACKETS] = { "TX-PACKETS", "tx-packets", "tx_packets", SCALED, 10, 18, 0 },
	[TOP_DROPS] = { "DROPS", "drops", "drops", SCALED, 6, 19, 'D' },
	[TOP_BPS] = { NULL, "bps", NULL, RATE, 0, TOP_COLUMNS, 't' },
};

const char *
top_column_key(enum top_column column)
{
	return columns[column].key;
}

enum top_column
top_column_find(const char *key)
{
	enum top_column column = 0;

	while (column < TOP_COLUMNS && strcmp(columns[column].key, key) != 0)
		column++;
	return column;
}

enum top_column
top_column_letter(int letter)
{
	enum top_column column = 0;

	while (column < TOP_COLUMNS && (letter == 0 || columns[column].letter != letter))
		column++;
	return column;
}

const char *const top_types[] = { "vif",  "netdev", "tap",     "eth",   "vhost",
				  "bond", "vlan",   "gateway", "vxlan", NULL };

static int
type_check(const char *type, struct error *err)
{
	char quoted[48], list[128], known[160], hint[160];
	size_t n = 0;

	for (; top_types[n] != NULL; n++)
		if (strcmp(type, top_types[n]) == 0)
			return 0;
	snprintf(known, sizeof(known), "known: %s", words_join(top_types, n, list, sizeof(list)));
	return error_set(err, EINVAL, "type: there is no %s; %s",
			 schema_quote(type, quoted, sizeof(quoted)),
			 word_hint(word_nearest(type, top_types, n), known, hint, sizeof(hint)));
}

int
top_view_filter(struct top_view *view, int n_words, char *const *words, struct error *err)
{
	struct top_view wanted = { .sort = view->sort, .reverse = view->reverse };
	char quoted[48];

	for (int i = 0; i < n_words; i++) {
		char *to = strcmp(words[i], "type") == 0   ? wanted.type :
			   strcmp(words[i], "bridge") == 0 ? wanted.bridge :
			   strcmp(words[i], "name") == 0   ? wanted.name :
							     NULL;

		if (to != NULL && ++i == n_words)
			return error_set(err, EINVAL, "%s: its value is missing", words[i - 1]);
		to = to != NULL ? to : wanted.name;
		if (*to != '\0')
			return error_set(err, EINVAL,
					 "unexpected %s: say type TYPE, bridge "
					 "BRIDGE, or a part of a name",
					 schema_quote(words[i], quoted, sizeof(quoted)));
		snprintf(to, TOP_WORD_SIZE, "%s", words[i]);
	}
	if (wanted.type[0] != '\0' && type_check(wanted.type, err) < 0)
		return err->code;
	*view = wanted;
	return 0;
}

/* --- numbers --- */

const char *
top_number(double number, char ret_text[TOP_NUMBER_SIZE])
{
	static const char units[] = "kMGTPE";
	const char *unit = units;

	if (isnan(number)) {
		snprintf(ret_text, TOP_NUMBER_SIZE, "-");
		return ret_text;
	}
	if (number < 999.5) {
		const bool whole = number >= 99.95 || number == floor(number);

		snprintf(ret_text, TOP_NUMBER_SIZE, "%.*f", whole ? 0 : 1, number);
		return ret_text;
	}
	for (number /= 1000; number >= 999.5 && unit[1] != '\0'; unit++)
		number /= 1000;
	snprintf(ret_text, TOP_NUMBER_SIZE, "%.*f%c",
		 number < 9.995 ? 2 :
		 number < 99.95 ? 1 :
				  0,
		 number, *unit);
	return ret_text;
}

/* What a cell says; @text is room for it. */
static const char *
cell_text(const struct top_port *port, enum top_column column, char text[TOP_NUMBER_SIZE])
{
	const struct top_cell *cell = &port->cells[column];

	if (columns[column].kind == TEXT)
		return cell->text != NULL ? cell->text : "-";
	if (isnan(cell->number))
		return "-";
	if (columns[column].kind == SCALED || columns[column].kind == RATE)
		return top_number(cell->number, text);
	snprintf(text, TOP_NUMBER_SIZE, "%.*f", columns[column].kind == PERCENT ? 1 : 0,
		 cell->number);
	return text;
}

/* --- rows --- */

static bool
is_part_of(const char *part, const char *text)
{
	return text != NULL && strcasestr(text, part) != NULL;
}

bool
top_port_is_named(const struct top_port *port, const char *part)
{
	return is_part_of(part, port->cells[TOP_PORT].text) ||
	       is_part_of(part, port->cells[TOP_GUEST].text);
}

static bool
is_wanted(const struct top_view *view, const struct top_port *port)
{
	const struct top_cell *cells = port->cells;

	if (view->type[0] != '\0' &&
	    (cells[TOP_TYPE].text == NULL || strcmp(cells[TOP_TYPE].text, view->type) != 0))
		return false;
	if (view->bridge[0] != '\0' &&
	    (cells[TOP_BRIDGE].text == NULL || strcmp(cells[TOP_BRIDGE].text, view->bridge) != 0))
		return false;
	return view->name[0] == '\0' || top_port_is_named(port, view->name);
}

/* Most first, names from A; what is not known last, whatever the order. */
static int
compare_rows(const void *a, const void *b, void *arg)
{
	const struct top_view *view = arg;
	const struct top_port *port_a = *(const struct top_port *const *)a;
	const struct top_port *port_b = *(const struct top_port *const *)b;
	const struct top_cell *cell_a = &port_a->cells[view->sort];
	const struct top_cell *cell_b = &port_b->cells[view->sort];
	const bool is_text = columns[view->sort].kind == TEXT;
	const bool known_a = is_text ? cell_a->text != NULL : !isnan(cell_a->number);
	const bool known_b = is_text ? cell_b->text != NULL : !isnan(cell_b->number);
	int order = known_b - known_a;

	if (order == 0 && known_a) {
		order = is_text ? strverscmp(cell_a->text, cell_b->text) :
				  (cell_a->number < cell_b->number) -
					  (cell_a->number > cell_b->number);
		if (view->reverse)
			order = -order;
	}
	return order != 0 ? order :
			    strverscmp(port_a->cells[TOP_PORT].text, port_b->cells[TOP_PORT].text);
}

static void
measure(struct top_table *table, enum top_column column)
{
	bool is_known = !columns[column].if_known;
	char text[TOP_NUMBER_SIZE];
	int width = columns[column].width;

	/* all ports, not only those that are wanted: columns stay where they are */
	for (size_t i = 0; i < table->round->n_ports; i++) {
		const struct top_port *port = &table->round->ports[i];
		const int len = strlen(cell_text(port, column, text));

		is_known = is_known || port->cells[column].text != NULL ||
			   !isnan(port->cells[column].number);
		width = len > width ? len : width;
	}
	table->widths[column] = is_known ? width : 0;
}

/* Take columns in, the most important first, until one does not fit. */
static void
fit(struct top_table *table, int width)
{
	int left = width + GAP;

	for (int priority = 0; priority < TOP_COLUMNS; priority++) {
		enum top_column column = 0;

		while (column < TOP_COLUMNS && columns[column].priority != priority)
			column++;
		if (column == TOP_COLUMNS)
			continue;
		measure(table, column);
		if (table->widths[column] == 0)
			continue;
		left -= table->widths[column] + GAP;
		if (left < 0 && priority > 0) {
			table->widths[column] = 0;
			return;
		}
	}
}

int
top_table_make(struct top_table *table, const struct top_round *round, const struct top_view *view,
	       int width)
{
	*table = (struct top_table){ .view = view, .round = round };
	table->rows = calloc(round->n_ports + 1, sizeof(*table->rows));
	if (table->rows == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < round->n_ports; i++)
		if (is_wanted(view, &round->ports[i]))
			table->rows[table->n_rows++] = &round->ports[i];
	qsort_r(table->rows, table->n_rows, sizeof(*table->rows), compare_rows,
		(void *)(uintptr_t)view);
	fit(table, width);
	return 0;
}

void
top_table_free(struct top_table *table)
{
	free(table->rows);
	table->rows = NULL;
}

/* --- text --- */

static void
print_uptime(double seconds, FILE *out)
{
	const long minutes = seconds / 60;

	if (minutes >= 24 * 60)
		fprintf(out, "%ldd ", minutes / (24 * 60));
	fprintf(out, "%02ld:%02ld", minutes / 60 % 24, minutes % 60);
}

/* As many on a line as fit. Return: lines. */
static int
print_workers(const struct top_round *round, int width, int max_lines, FILE *out)
{
	static const char label[] = "workers busy:";
	int column = fprintf(out, "%s", label), lines = 1;
	char text[64];

	for (size_t w = 0; w < round->n_workers; w++) {
		const struct top_worker *worker = &round->workers[w];
		int len = snprintf(text, sizeof(text), " %" JSON_INTEGER_FORMAT " ", worker->id);

		if (!isnan(worker->busy))
			len += snprintf(text + len, sizeof(text) - len, "%.1f%% ", worker->busy);
		len += snprintf(text + len, sizeof(text) - len, "%.16s%s", worker->state,
				w + 1 < round->n_workers ? "," : "");
		if (column + len > width && w > 0) {
			if (lines == max_lines) {
				fputs(" ...", out);
				break;
			}
			lines++;
			column = fprintf(out, "\n%*s", (int)strlen(label), "") - 1;
		}
		fputs(text, out);
		column += len;
	}
	fputc('\n', out);
	return lines;
}

static void
print_total(const struct top_total *total, FILE *out)
{
	char texts[5][TOP_NUMBER_SIZE];

	fprintf(out, "total: in %s bit/s %s p/s, out %s bit/s %s p/s, drops %s/s",
		top_number(total->rx_bps, texts[0]), top_number(total->rx_pps, texts[1]),
		top_number(total->tx_bps, texts[2]), top_number(total->tx_pps, texts[3]),
		top_number(total->drop_rate, texts[4]));
	if (total->reason != NULL)
		fprintf(out, " (%s)", total->reason);
	if (!isnan(total->cpu))
		fprintf(out, ", cpu %.1f%%", total->cpu);
	fputc('\n', out);
}

int
top_table_title(const struct top_table *table, const struct top_title *title, int width,
		int max_workers, FILE *out)
{
	const struct top_round *round = table->round;
	const time_t now = time(NULL);
	struct tm local;
	char text[16];

	strftime(text, sizeof(text), "%H:%M:%S", localtime_r(&now, &local));
	fprintf(out, "vsctl top: %s %s, up ", title->host, text);
	print_uptime(round->time - round->started, out);
	fprintf(out, ", %zu", table->n_rows);
	if (table->n_rows != round->n_ports)
		fprintf(out, " of %zu", round->n_ports);
	fprintf(out, " ports, every %g s, by %s%s", title->delay, columns[table->view->sort].key,
		table->view->reverse ? " reversed" : "");
	if (title->note != NULL)
		fprintf(out, ", %s", title->note);
	fputc('\n', out);
	width = print_workers(round, width, max_workers, out);
	print_total(&round->total, out);
	return width + 2;
}

/* Blanks that a cell to the left still owes are paid before the next. Return: its width. */
static int
print_cell(const struct top_table *table, enum top_column column, const char *text, int *owed,
	   FILE *out)
{
	const int fill = table->widths[column] - (int)strlen(text);

	if (columns[column].kind == TEXT) {
		fprintf(out, "%*s%s", *owed, "", text);
		*owed = fill + GAP;
	} else {
		fprintf(out, "%*s%s", *owed + fill, "", text);
		*owed = GAP;
	}
	return table->widths[column] + GAP;
}

void
top_table_heading(const struct top_table *table, int *ret_start, int *ret_len, FILE *out)
{
	int owed = 0, at = 0;

	*ret_start = *ret_len = 0;
	for (enum top_column column = 0; column < TOP_COLUMNS; column++) {
		if (table->widths[column] == 0)
			continue;
		if (column == table->view->sort) {
			*ret_start = at;
			*ret_len = table->widths[column];
		}
		at += print_cell(table, column, columns[column].heading, &owed, out);
	}
	fputc('\n', out);
}

void
top_table_row(const struct top_table *table, const struct top_port *port, FILE *out)
{
	char text[TOP_NUMBER_SIZE];
	int owed = 0;

	for (enum top_column column = 0; column < TOP_COLUMNS; column++)
		if (table->widths[column] > 0)
			print_cell(table, column, cell_text(port, column, text), &owed, out);
	fputc('\n', out);
}

/* --- JSON --- */

static json_t *
real_json(double number)
{
	return isnan(number) ? json_null() : json_real(round(number * 10) / 10);
}

static json_t *
cell_json(const struct top_port *port, enum top_column column)
{
	const struct top_cell *cell = &port->cells[column];

	switch (columns[column].kind) {
	case TEXT:
		return cell->text != NULL ? json_string(cell->text) : json_null();
	case COUNT:
	case SCALED:
		return isnan(cell->number) ? json_null() : json_integer((json_int_t)cell->number);
	default:
		return real_json(cell->number);
	}
}

/* Numbers, not what fits a column. */
static json_t *
port_workers_json(const struct top_port *port)
{
	const json_t *workers = json_object_get(port->row, "workers"), *worker;
	json_t *ids = json_array();
	size_t i;

	json_array_foreach(workers, i, worker)
		if (json_integer_value(json_object_get(worker, "queues")) > 0)
			json_array_append(ids, json_object_get(worker, "worker"));
	return ids;
}

static json_t *
port_json(const struct top_port *port)
{
	json_t *json = json_object();

	for (enum top_column column = 0; column < TOP_COLUMNS; column++)
		if (column == TOP_WORKERS)
			json_object_set_new(json, columns[column].json, port_workers_json(port));
		else if (columns[column].json != NULL)
			json_object_set_new(json, columns[column].json, cell_json(port, column));
	return json;
}

json_t *
top_table_json(const struct top_table *table, const struct top_title *title)
{
	const struct top_round *round = table->round;
	const struct top_total *total = &round->total;
	json_t *workers = json_array(), *ports = json_array();
	struct timespec now;

	for (size_t w = 0; w < round->n_workers; w++)
		json_array_append_new(workers,
				      json_pack("{s:I, s:s, s:o}", "worker", round->workers[w].id,
						"state", round->workers[w].state, "busy_percent",
						real_json(round->workers[w].busy)));
	for (size_t i = 0; i < table->n_rows; i++)
		json_array_append_new(ports, port_json(table->rows[i]));
	clock_gettime(CLOCK_REALTIME, &now);
	return json_pack(
		"{s:s, s:f, s:I, s:o, s:o, s:{s:o, s:o, s:o, s:o, s:o, s:s?, s:o}, s:o}", "host",
		title->host, "time", now.tv_sec + now.tv_nsec / 1000000 / 1e3, "uptime_seconds",
		(json_int_t)(round->time - round->started), "interval_seconds",
		isnan(round->interval) ? json_null() :
					 json_real(floor(round->interval * 1e3) / 1e3),
		"workers", workers, "total", "rx_bits_per_second", real_json(total->rx_bps),
		"rx_packets_per_second", real_json(total->rx_pps), "tx_bits_per_second",
		real_json(total->tx_bps), "tx_packets_per_second", real_json(total->tx_pps),
		"drops_per_second", real_json(total->drop_rate), "drop_reason", total->reason,
		"cpu_percent", real_json(total->cpu), "ports", ports);
}
