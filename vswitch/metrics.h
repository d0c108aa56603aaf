/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Metrics: what Prometheus is told, as text: the format 0.0.4, or OpenMetrics 1.0.
 *
 * How: a *subject* is a kind of thing that has numbers: ports, workers, bonds. One function per
 * subject goes through its things once and puts a row for each into a metrics_table: its labels,
 * and its numbers by column. A *family* is a line of the table metric_families: a name, what it
 * means, and which column of which subject it is. So each thing is looked at once per scrape, and
 * a new number is a column and a line. docs/metrics.md lists the families; a test compares.
 *
 * Names follow Prometheus' conventions: base units, counters end in _total, the label "port" is the
 * same for all that belongs to a port, and what describes a thing in words is in a family of its
 * own (vswitch_port_info), to be joined. Drops are told by reason where there were any; the sum of
 * each port always.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_METRICS_H
#define VSWITCH_METRICS_H

#include <stdbool.h>
#include <stddef.h>

struct port_stats;
struct vswitch;

#define METRICS_COLUMNS_MAX 24
#define METRICS_LABELS_MAX 6

enum metrics_format {
	METRICS_TEXT, /* https://prometheus.io/docs/instrumenting/exposition_formats/, 0.0.4 */
	METRICS_OPEN, /* OpenMetrics 1.0.0 */
	METRICS_FORMATS
};

/** metrics_content_types - of HTTP, by format. */
extern const char *const metrics_content_types[METRICS_FORMATS];

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_INFO, METRIC_HISTOGRAM, METRIC_TYPES };

/* A text that grows. */
struct metrics_text {
	char *data; /* not NUL-terminated; of malloc() */
	size_t len;
	size_t room;
	bool failed; /* no memory: it is not whole */
};

struct metrics_row {
	size_t labels; /* where its labels are in the table's text, and how long: a="b",c="d" */
	size_t labels_len;
	double values[METRICS_COLUMNS_MAX]; /* NaN: there is no such number of this thing */
};

/* The things of a subject. */
struct metrics_table {
	const char *const *labels; /* names, NULL at the end */
	struct metrics_row *rows;
	size_t n_rows;
	size_t room;
	struct metrics_text text;
	bool failed;
	/* counters of sw->ports, in order, read once for all subjects of a rendering; NULL: not yet
	 */
	struct port_stats *stats;
	struct metrics_row scrap; /* where rows go for which there is no memory */
};

/**
 * struct metrics_subject - a kind of things.
 * @labels: names of their labels, NULL at the end.
 * @collect: adds a row for each by metrics_row().
 */
struct metrics_subject {
	const char *labels[METRICS_LABELS_MAX + 1];
	void (*collect)(struct vswitch *sw, struct metrics_table *table);
};

/**
 * struct metric_family - numbers of one meaning.
 * @name: without "_total" and "_info", which its type adds.
 * @type: METRIC_HISTOGRAM: its columns are the buckets of delay.h, not summed up, and the sum.
 * @subject: whose.
 * @column: of that; the first one of a histogram.
 * @unit: NULL, or what the name ends in: "seconds".
 * @help: one sentence.
 */
struct metric_family {
	const char *name;
	enum metric_type type;
	const struct metrics_subject *subject;
	unsigned int column;
	const char *unit;
	const char *help;
};

extern const struct metric_family metric_families[];
extern const size_t n_metric_families;

/** metric_type_names - "counter", by type, of OpenMetrics. */
extern const char *const metric_type_names[METRIC_TYPES];

/** metric_suffix() - what a family's samples have behind its name: "_total". */
const char *metric_suffix(const struct metric_family *family);

/**
 * metrics_row() - add a thing
 * @values: of its labels, in the order of their names; any bytes. NULL: empty.
 *
 * Return: its numbers, by column, none of them there yet. Never NULL.
 */
double *metrics_row(struct metrics_table *table, const char *const *values);

/**
 * metrics_render() - all there is to tell now
 * @ret_text: initialised here; its data is the caller's to free.
 *
 * Return: 0 or -ENOMEM, then there is nothing to free.
 */
int metrics_render(struct vswitch *sw, enum metrics_format format, struct metrics_text *ret_text);

/**
 * metrics_format_of() - what a client wants
 * @accept: HTTP's header Accept (RFC 9110 12.5.1), hostile; NULL: there is none
 *
 * Return: METRICS_OPEN if version 1.0.0 of that is named, and nothing that the text format would
 * satisfy has a higher weight; else METRICS_TEXT.
 */
enum metrics_format metrics_format_of(const char *accept);

#endif /* VSWITCH_METRICS_H */
