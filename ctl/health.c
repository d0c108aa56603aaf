/* SPDX-License-Identifier: BSD-3-Clause */
#include "health.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "command.h"
#include "error.h"
#include "json_show.h"
#include "table.h"
#include "terminal.h"

#define WIDTH 80   /* where there is no terminal */
#define INDENT 2   /* of all lines below a heading */
#define FINDINGS 8 /* of one check that are shown, without -v */

const struct option_text health_options[] = {
	{ "-v, --verbose", NULL,
	  "also the checks and what each looks at, and all findings where there are many" },
	{ NULL },
};

static const struct {
	const char *name, *plural;
	int status;
	enum shade shade;
} severities[] = {
	{ "error", "errors", HEALTH_EXIT_ERROR, SHADE_BAD },
	{ "warning", "warnings", HEALTH_EXIT_WARNING, SHADE_NOTE },
	{ "note", "notes", 0, SHADE_PLAIN },
};
#define N_SEVERITIES (sizeof(severities) / sizeof(severities[0]))

static const struct column check_columns[] = {
	{ .heading = "CHECK", .field = "check" },
	{ .heading = "STATUS", .field = "status" },
	{ .heading = "LOOKS-AT", .field = "looks_at" },
};

static const char *
member(const json_t *json, const char *name)
{
	const char *text = json_string_value(json_object_get(json, name));

	return text != NULL ? text : "";
}

/* Text at @indent, broken at blanks. @column: where it goes on. */
static void
put_wrapped(const char *text, int column, int width)
{
	int len;

	for (; *text != '\0'; text += len + (text[len] != '\0')) {
		len = (int)strcspn(text, " ");
		if (column > INDENT && column + 1 + len > width) {
			putchar('\n');
			column = 0;
		}
		column += column > INDENT ? printf(" ") : printf("%*s", INDENT - column, "");
		terminal_put(SHADE_PLAIN, text, (size_t)len, stdout);
		column += len;
	}
	putchar('\n');
}

static void
put_finding(const json_t *finding, enum shade shade, int width)
{
	const char *severity = member(finding, "severity");

	terminal_put(shade, severity, strlen(severity), stdout);
	printf(": %s (%s)\n", member(finding, "object"), member(finding, "check"));
	put_wrapped(member(finding, "text"), 0, width);
	put_wrapped(member(finding, "remedy"), printf("%*sremedy:", INDENT, ""), width);
}

/* The findings of a severity: of each check only so many. Return: how many there are. */
static size_t
put_findings(const json_t *findings, unsigned int severity, bool all, int width)
{
	const char *check = "";
	size_t n = 0, of_check = 0, i;
	const json_t *finding;

	json_array_foreach(findings, i, finding) {
		if (strcmp(member(finding, "severity"), severities[severity].name) != 0)
			continue;
		if (strcmp(check, member(finding, "check")) != 0) {
			if (of_check > FINDINGS && !all)
				printf("and %zu more of %s: -v shows them\n", of_check - FINDINGS,
				       check);
			of_check = 0;
		}
		check = member(finding, "check");
		n++;
		if (++of_check <= FINDINGS || all)
			put_finding(finding, severities[severity].shade, width);
	}
	if (of_check > FINDINGS && !all)
		printf("and %zu more of %s: -v shows them\n", of_check - FINDINGS, check);
	return n;
}

static void
put_all(json_t *health, bool verbose)
{
	const int width = terminal_width() > 0 ? terminal_width() : WIDTH;
	json_t *checks = json_object_get(health, "checks");
	size_t n, faults = 0, len = 0;
	char counts[160] = "";
	struct table table;

	if (verbose) {
		table_init(&table, check_columns, 3, 0);
		table.max_width = width;
		table_print(&table, checks, stdout);
		putchar('\n');
	}
	for (unsigned int i = 0; i < N_SEVERITIES; i++) {
		n = put_findings(json_object_get(health, "findings"), i, verbose, width);
		faults += severities[i].status != 0 ? n : 0;
		if (n > 0)
			len += (size_t)snprintf(counts + len, sizeof(counts) - len, "%zu %s; ", n,
						n == 1 ? severities[i].name : severities[i].plural);
	}
	snprintf(counts + len, sizeof(counts) - len, "counters: of the last %.0f s",
		 json_number_value(json_object_get(health, "seconds")));
	put_wrapped(counts,
		    printf(faults > 0 ? "%zu checks:" : "all %zu checks passed;",
			   json_array_size(checks)),
		    width);
}

int
health_run(struct client *client, const struct request *request, struct error *err)
{
	bool verbose = false;
	int status = 0, ret;
	json_t *health;

	for (int i = 0; i < request->argc; i++) {
		if (strcmp(request->argv[i], "-v") != 0 &&
		    strcmp(request->argv[i], "--verbose") != 0)
			return error_set(err, ENOEXEC, "health: takes no word but -v, not '%s'",
					 request->argv[i]);
		verbose = true;
	}
	ret = client_call(client, "health.show", json_object(), &health, err);
	if (ret < 0)
		return ret;
	for (unsigned int i = 0; i < N_SEVERITIES; i++)
		if (strcmp(member(health, "status"), severities[i].name) == 0)
			status = severities[i].status;
	if (request->json)
		json_show(request->command, health);
	else
		put_all(health, verbose);
	json_decref(health);
	return status;
}
