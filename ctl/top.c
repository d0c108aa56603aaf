/* SPDX-License-Identifier: BSD-3-Clause */
#include "top.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client.h"
#include "command.h"
#include "help.h"
#include "terminal.h"
#include "tty.h"
#include "words.h"

#define DELAY_DEFAULT 3  /* seconds */
#define ANSWER_SECONDS 2 /* that the daemon may take: keys wait meanwhile */
#define BATCH_WORKER_LINES 100
#define ROUNDS_MAX 1000000000

const struct option_text top_options[] = {
	{ "-b, --batch", NULL, "print rounds one below the other, as without a terminal" },
	{ "-n, --rounds", "N", "end after so many" },
	{ "-d, --delay", "SECONDS", "between two rounds, 0.1 to 3600 (default: 3)" },
	{ "--sort", "COLUMN",
	  "port, guest, rx-bps, drop/s, cpu and others (default: bps,\n"
	  "which is rx-bps and tx-bps together)" },
	{ "-r, --reverse", NULL, "least first" },
	{ "-j, --json", NULL, "a JSON object per round, a line each; batch mode" },
	{ "type", "TYPE", "only ports of this type: vif, netdev, tap, bond and others" },
	{ "bridge", "BRIDGE", "only those on this bridge" },
	{ "[name]", "TEXT", "only those with this in the name of the port or its guest" },
	{ NULL },
};

/* --- words --- */

static int
delay_read(const char *text, double *ret_delay, struct error *err)
{
	char *end;

	*ret_delay = strtod(text, &end);
	if (end == text || *end != '\0' ||
	    !(*ret_delay >= TOP_DELAY_MIN && *ret_delay <= TOP_DELAY_MAX))
		return error_set(err, ENOEXEC, "top: --delay needs seconds from %g to %d",
				 TOP_DELAY_MIN, TOP_DELAY_MAX);
	return 0;
}

static int
rounds_read(const char *text, unsigned long *ret_rounds, struct error *err)
{
	char *end;

	*ret_rounds = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end != '\0' || *ret_rounds < 1 ||
	    *ret_rounds > ROUNDS_MAX)
		return error_set(err, ENOEXEC, "top: --rounds needs a number from 1 to %d",
				 ROUNDS_MAX);
	return 0;
}

static int
sort_read(const char *text, enum top_column *ret_column, struct error *err)
{
	const char *keys[TOP_COLUMNS], *nearest;
	char quoted[48], list[256];

	*ret_column = top_column_find(text);
	if (*ret_column < TOP_COLUMNS)
		return 0;
	for (enum top_column column = 0; column < TOP_COLUMNS; column++)
		keys[column] = top_column_key(column);
	nearest = word_nearest(text, keys, TOP_COLUMNS);
	schema_quote(text, quoted, sizeof(quoted));
	if (nearest != NULL)
		return error_set(err, ENOEXEC, "top: --sort: no column %s; did you mean '%s'?",
				 quoted, nearest);
	return error_set(err, ENOEXEC, "top: --sort: no column %s; known: %s", quoted,
			 words_join(keys, TOP_COLUMNS, list, sizeof(list)));
}

static int
option_read(int option, struct top_options *options, struct error *err)
{
	switch (option) {
	case 'b':
		options->is_batch = true;
		return 0;
	case 'n':
		return rounds_read(optarg, &options->rounds, err);
	case 'd':
		return delay_read(optarg, &options->delay, err);
	case 's':
		return sort_read(optarg, &options->view.sort, err);
	case 'r':
		options->view.reverse = true;
		return 0;
	case 'j':
		options->is_json = true;
		return 0;
	case 'h':
		return 1;
	default:
		return error_set(err, ENOEXEC,
				 "top: wrong option or no value for it: 'vsctl help top' explains "
				 "them");
	}
}

int
top_options_read(const struct request *request, struct top_options *ret_options, struct error *err)
{
	static const struct option long_options[] = {
		{ "batch", no_argument, NULL, 'b' },
		{ "rounds", required_argument, NULL, 'n' },
		{ "delay", required_argument, NULL, 'd' },
		{ "sort", required_argument, NULL, 's' },
		{ "reverse", no_argument, NULL, 'r' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	char *const *argv = request->argv - 1;
	const int argc = request->argc + 1;
	int option, ret = 0;

	*ret_options = (struct top_options){
		.is_json = request->json,
		.delay = DELAY_DEFAULT,
		.view.sort = TOP_BPS,
	};
	optind = 0; /* anew: the options of vsctl itself were read before */
	opterr = 0;
	while (ret == 0 && (option = getopt_long(argc, argv, "bn:d:rjh", long_options, NULL)) != -1)
		ret = option_read(option, ret_options, err);
	if (ret != 0)
		return ret;
	ret = top_view_filter(&ret_options->view, argc - optind, argv + optind, err);
	if (ret < 0) {
		error_prefix(err, "top: ");
		return -ENOEXEC;
	}
	return 0;
}

/* --- rounds --- */

long long
top_msec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

int
top_sample(struct top *top)
{
	struct top_round round = { NULL };
	json_t *reply = NULL;
	int ret = -ENOTCONN;

	if (!top->is_lost)
		ret = client_call(top->client, "top.show", json_object(), &reply, &top->error);
	/* the next daemon may be there already; one that does not answer is left alone for now */
	if (ret < 0 && (ret != -ETIMEDOUT || top->is_lost)) {
		ret = client_reopen(top->client, &top->error);
		if (ret == 0)
			ret = client_call(top->client, "top.show", json_object(), &reply,
					  &top->error);
	}
	if (ret == 0)
		ret = top_round_read(reply, &top->round, &round, &top->error);
	top->is_lost = ret < 0;
	if (ret < 0) {
		top_round_free(&round);
		return ret;
	}
	top_round_free(&top->round);
	top->round = round;
	return 0;
}

/* Whoever mistypes a name would wait for a port that never comes. */
static int
name_check(const struct top_round *round, const char *name, struct error *err)
{
	char quoted[48], hint[WORD_HINT_SIZE];
	struct word_search search;

	word_search_start(&search, name);
	for (size_t i = 0; i < round->n_ports; i++) {
		const struct top_cell *cells = round->ports[i].cells;

		if (top_port_is_named(&round->ports[i], name))
			return 0;
		word_search_add(&search, cells[TOP_PORT].text);
		if (cells[TOP_GUEST].text != NULL)
			word_search_add(&search, cells[TOP_GUEST].text);
	}
	return error_set(
		err, ENOENT, "no port and no guest has %s in its name; %s",
		schema_quote(name, quoted, sizeof(quoted)),
		word_hint(search.nearest, "\"vsctl port show\" lists them", hint, sizeof(hint)));
}

int
top_view_check(const struct top *top, const struct top_view *view, struct error *err)
{
	json_t *bridge = NULL;
	int ret = 0;

	if (top->is_lost)
		return 0;
	/* one without ports is in no row */
	if (view->bridge[0] != '\0') {
		ret = client_call(top->client, "bridge.show",
				  json_pack("{s:s}", "name", view->bridge), &bridge, err);
		json_decref(bridge);
	}
	if (ret < 0)
		return ret;
	return view->name[0] != '\0' ? name_check(&top->round, view->name, err) : 0;
}

/* --- batch mode --- */

static int
batch_print(const struct top *top, bool is_first)
{
	const struct top_title title = { .host = top->host, .delay = top->options.delay };
	const int columns = terminal_width(), width = columns > 0 ? columns : TOP_WIDTH_MAX;
	struct top_table table;
	int start, len;
	json_t *json;

	if (top_table_make(&table, &top->round, &top->options.view, width) < 0)
		return -ENOMEM;
	if (top->options.is_json) {
		json = top_table_json(&table, &title);
		json_dumpf(json, stdout, JSON_COMPACT | JSON_REAL_PRECISION(15));
		putchar('\n');
		json_decref(json);
	} else {
		if (!is_first)
			putchar('\n');
		top_table_title(&table, &title, width < TOP_WIDTH_MAX ? width : 100,
				BATCH_WORKER_LINES, stdout);
		top_table_heading(&table, &start, &len, stdout);
		for (size_t i = 0; i < table.n_rows; i++)
			top_table_row(&table, table.rows[i], stdout);
	}
	top_table_free(&table);
	return 0;
}

static void
sleep_until(long long msec)
{
	const struct timespec until = { msec / 1000, msec % 1000 * 1000000 };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

/* A round tells of the time before it, so the first one comes after one interval. */
static int
batch_run(struct top *top, struct error *err)
{
	long long next = top_msec();
	unsigned long printed = 0;
	bool was_lost = false;
	int ret = 0;

	for (unsigned long i = 0; top->options.rounds == 0 || i < top->options.rounds; i++) {
		next += top->options.delay * 1000;
		if (next < top_msec())
			next = top_msec();
		sleep_until(next);
		ret = top_sample(top);
		if (ret == 0)
			ret = batch_print(top, printed++ == 0);
		else if (!was_lost)
			fprintf(stderr, "vsctl: %s\n", top->error.msg);
		was_lost = top->is_lost;
		if (terminal_flush() < 0)
			break;
	}
	return ret < 0 ? error_set(err, ret, "%s", top->error.msg) : 0;
}

int
top_run(struct client *client, const struct request *request, struct error *err)
{
	static const struct help_topic topic = { .object = "top" };
	struct top top = { .client = client };
	int ret = top_options_read(request, &top.options, err);

	if (ret == 1)
		return help_print(&topic, terminal_width(), stdout, err);
	if (ret < 0)
		return ret;
	gethostname(top.host, sizeof(top.host) - 1);
	client_set_timeout(client, ANSWER_SECONDS);
	ret = top_sample(&top);
	if (ret < 0)
		ret = error_set(err, ret, "%s", top.error.msg);
	else if (top_view_check(&top, &top.options.view, err) < 0)
		ret = error_prefix(err, "top: ");
	else if (top.options.is_batch || top.options.is_json || !tty_is_there())
		ret = batch_run(&top, err);
	else
		ret = top_screen_run(&top, err);
	top_round_free(&top.round);
	return ret;
}
