/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Metrics: their names, their text in both formats, hostile labels, what is negotiated, guests'
 * numbers; and that docs/metrics.md lists what there is. "test_metrics md" prints that list.
 */
#include "vif_bed.h"

#include <ctype.h>
#include <math.h>

#include <rte_common.h>

#include "delay.h"
#include "listen.h"
#include "metrics.h"

static const struct fake_frontend_config configs[GUESTS] = {
	{ .domid = 1 },
	{ .domid = 2 },
	{ .domid = 3 },
};

/* --- the table --- */

static bool
ends_in(const char *text, const char *end)
{
	return strlen(text) > strlen(end) && strcmp(text + strlen(text) - strlen(end), end) == 0;
}

/* What Prometheus' conventions and the formats ask of names and helps. */
static void
test_names(void **state)
{
	static const char *const reserved[] = { "_total", "_info",   "_created", "_count",
						"_sum",   "_bucket", NULL };

	for (size_t i = 0; i < n_metric_families; i++) {
		const struct metric_family *family = &metric_families[i];
		char end[32];

		if (strncmp(family->name, "vswitch_", 8) != 0 ||
		    family->name[strspn(family->name, "abcdefghijklmnopqrstuvwxyz_")] != '\0')
			fail_msg("%s: not a name", family->name);
		for (size_t j = 0; reserved[j] != NULL; j++)
			if (ends_in(family->name, reserved[j]))
				fail_msg("%s: %s is reserved", family->name, reserved[j]);
		snprintf(end, sizeof(end), "_%s", family->unit != NULL ? family->unit : "");
		if (family->unit != NULL && !ends_in(family->name, end))
			fail_msg("%s: does not end in %s", family->name, end);
		if (!ends_in(family->help, ".") || strpbrk(family->help, "\\\n\"|") != NULL ||
		    strlen(family->help) > 200)
			fail_msg("%s: help: %s", family->name, family->help);
		for (size_t j = 0; j < i; j++) {
			if (strcmp(family->name, metric_families[j].name) == 0)
				fail_msg("%s: is there twice", family->name);
			/* what there is between two of a subject is of it, too */
			if (metric_families[j].subject == family->subject &&
			    metric_families[i - 1].subject != family->subject)
				fail_msg("%s: stands apart from its subject", family->name);
		}
	}
}

static const char *
doc_row(const struct metric_family *family, char *row, size_t size)
{
	size_t len;

	len = (size_t)snprintf(row, size, "| `%s%s` | %s | ", family->name, metric_suffix(family),
			       metric_type_names[family->type]);
	for (const char *const *label = family->subject->labels; *label != NULL; label++)
		len += (size_t)snprintf(row + len, size - len, "%s%s",
					label != family->subject->labels ? ", " : "", *label);
	snprintf(row + len, size - len, "%s| %s |\n", row[len - 2] != '|' ? " " : "", family->help);
	return row;
}

static void
test_doc(void **state)
{
	static char doc[262144];
	FILE *file = fopen(METRICS_DOC, "r");
	size_t len, rows = 0;
	char row[512];

	assert_non_null(file);
	len = fread(doc, 1, sizeof(doc) - 1, file);
	fclose(file);
	doc[len] = '\0';
	for (size_t i = 0; i < n_metric_families; i++)
		if (strstr(doc, doc_row(&metric_families[i], row, sizeof(row))) == NULL)
			fail_msg("docs/metrics.md lacks: %s", row);
	for (const char *at = doc; (at = strstr(at, "\n| `vswitch_")) != NULL; at++)
		rows++;
	assert_int_equal(rows, n_metric_families);
}

/* --- text --- */

static void
test_labels(void **state)
{
	static const char *const names[] = { "guest", "domid", NULL };
	static const char expected[] = "guest=\"a\\\"\\\\\\nb???\",domid=\"\"";
	struct metrics_table table = { .labels = names };
	double *values = metrics_row(&table, (const char *const[]){ "a\"\\\nb\r\xc3\x7f", NULL });

	assert_true(isnan(values[0]) && isnan(values[METRICS_COLUMNS_MAX - 1]));
	assert_int_equal(table.n_rows, 1);
	assert_int_equal(table.rows[0].labels_len, strlen(expected));
	assert_memory_equal(table.text.data + table.rows[0].labels, expected, strlen(expected));
	free(table.rows);
	free(table.text.data);
}

static void
test_negotiation(void **state)
{
	static const struct {
		const char *accept;
		enum metrics_format format;
	} cases[] = {
		{ NULL, METRICS_TEXT },
		{ "", METRICS_TEXT },
		{ "*/*", METRICS_TEXT },
		{ "text/html, */*;q=0.1", METRICS_TEXT },
		{ "application/openmetrics-text", METRICS_OPEN },
		{ "application/openmetrics-text; version=1.0.0; charset=utf-8", METRICS_OPEN },
		{ "APPLICATION/OpenMetrics-Text ; Version=1.0.0", METRICS_OPEN },
		{ "application/openmetrics-text; version=0.0.1", METRICS_TEXT },
		{ "application/openmetrics-text;q=0", METRICS_TEXT },
		{ "application/openmetrics-text;q=nan", METRICS_TEXT },
		{ "application/openmetrics-text;q=0.5,text/plain;q=0.9", METRICS_TEXT },
		{ "application/openmetrics-text;q=0.5,text/plain;version=1.2;q=0.9", METRICS_OPEN },
		{ "text/plain;q=0.5,application/openmetrics-text;q=0.9", METRICS_OPEN },
		/* Prometheus 2.42 */
		{ "application/openmetrics-text;version=1.0.0,application/openmetrics-text;"
		  "version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
		  METRICS_OPEN },
		{ ",,;;=;q=,application/openmetrics-text;;version=1.0.0,", METRICS_OPEN },
		{ ";;;;", METRICS_TEXT },
	};
	char longest[8192];

	for (size_t i = 0; i < RTE_DIM(cases); i++)
		if (metrics_format_of(cases[i].accept) != cases[i].format)
			fail_msg("%s: the other format", cases[i].accept);
	memset(longest, ';', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(metrics_format_of(longest), METRICS_TEXT);
}

static void
test_listen(void **state)
{
	static const struct {
		const char *text;
		int family; /* 0: refused */
	} cases[] = {
		{ "127.0.0.1:9477", AF_INET },
		{ "127.1.2.3:1", AF_INET },
		{ "[::1]:65535", AF_INET6 },
		{ "unix:/run/vswitch/metrics.sock", AF_UNIX },
		{ "0.0.0.0:9477", 0 },
		{ "192.0.2.1:9477", 0 },
		{ "[::]:9477", 0 },
		{ "[::ffff:127.0.0.1]:9477", 0 },
		{ "::1:9477", 0 },
		{ "[127.0.0.1]:9477", 0 },
		{ "[::1:9477", 0 },
		{ "[]:9477", 0 },
		{ "127.0.0.1", 0 },
		{ "127.0.0.1:", 0 },
		{ "127.0.0.1:0", 0 },
		{ "127.0.0.1:65536", 0 },
		{ "127.0.0.1:+1", 0 },
		{ ":9477", 0 },
		{ "", 0 },
		{ "localhost:9477", 0 },
		{ "unix:", 0 },
		{ "unix:/", 0 },
		{ "unix:metrics.sock", 0 },
		{ "unix:/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		  0 },
	};

	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct listen_address address = { .size = 0 };
		const char *fault = NULL;
		int ret = listen_parse(cases[i].text, &address, &fault);

		if (ret != (cases[i].family != 0 ? 0 : -EINVAL) ||
		    address.addr.any.sa_family != cases[i].family)
			fail_msg("%s: %d", cases[i].text, ret);
	}
}

/* --- a switch with guests --- */

static char *
render(struct bed *bed, enum metrics_format format)
{
	struct metrics_text text;
	char *copy;

	assert_int_equal(metrics_render(bed->sw, format, &text), 0);
	copy = strndup(text.data, text.len);
	assert_int_equal(strlen(copy), text.len);
	free(text.data);
	return copy;
}

static void
expect_line(const char *text, const char *line)
{
	char wanted[256];

	snprintf(wanted, sizeof(wanted), "\n%s\n", line);
	if (strstr(text, wanted) == NULL)
		fail_msg("there is no line %s in\n%s", line, text);
}

static void
test_guests(void **state)
{
	struct bed *bed = *state;
	uint8_t frame[100];
	char *text;

	fake_store_write(fake_hypervisor_store(bed->fake), 0, "/local/domain/1/name",
			 "we\"b\\\n\xfc");
	start_guests(bed);
	for (int i = 0; i < 5; i++) {
		send_frame(bed, 0, frame, make_frame(frame, -1, 0, sizeof(frame)));
		run(bed);
	}
	delay_count(&bed->sw->request_time, 60000);
	delay_count(&bed->sw->request_time, 2000000000);
	text = render(bed, METRICS_TEXT);
	expect_line(text, "# TYPE vswitch_port_info gauge");
	expect_line(text, "vswitch_port_info{port=\"vif1.0\",type=\"vif\",bridge=\"xenbr0\","
			  "bond=\"\",guest=\"we\\\"b\\\\??\",domid=\"1\"} 1");
	expect_line(text, "# TYPE vswitch_port_receive_packets_total counter");
	expect_line(text, "vswitch_port_receive_packets_total{port=\"vif1.0\"} 5");
	expect_line(text, "vswitch_port_receive_bytes_total{port=\"vif1.0\"} 500");
	expect_line(text, "vswitch_port_transmit_packets_total{port=\"vif2.0\"} 5");
	expect_line(text, "vswitch_port_fdb_learnt{port=\"vif1.0\"} 1");
	expect_line(text, "vswitch_vif_connected{port=\"vif3.0\"} 1");
	expect_line(text, "vswitch_vif_receive_slots_total{port=\"vif1.0\"} 5");
	expect_line(text, "vswitch_bridge_ports{bridge=\"xenbr0\"} 3");
	expect_line(text, "vswitch_control_request_seconds_bucket{le=\"5e-05\"} 0");
	expect_line(text, "vswitch_control_request_seconds_bucket{le=\"0.0001\"} 1");
	expect_line(text, "vswitch_control_request_seconds_bucket{le=\"1.0\"} 1");
	expect_line(text, "vswitch_control_request_seconds_bucket{le=\"+Inf\"} 2");
	expect_line(text, "vswitch_control_request_seconds_sum 2.00006");
	expect_line(text, "vswitch_control_request_seconds_count 2");
	assert_null(strstr(text, "# UNIT"));
	assert_null(strstr(text, "# EOF"));
	assert_null(strstr(text, "vswitch_nat_"));
	free(text);

	text = render(bed, METRICS_OPEN);
	expect_line(text, "# TYPE vswitch_port info");
	expect_line(text, "# TYPE vswitch_port_receive_bytes counter");
	expect_line(text, "# UNIT vswitch_port_receive_bytes bytes");
	expect_line(text, "vswitch_port_receive_bytes_total{port=\"vif1.0\"} 500");
	assert_true(ends_in(text, "\n# EOF\n"));
	free(text);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_doc),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_negotiation),
		cmocka_unit_test(test_listen),
		cmocka_unit_test_setup_teardown(test_guests, setup, teardown),
	};
	char row[512];

	for (size_t i = 0; argc > 1 && i < n_metric_families; i++)
		fputs(doc_row(&metric_families[i], row, sizeof(row)), stdout);
	if (argc > 1)
		return 0;
	start_eal();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
