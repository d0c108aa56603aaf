/* SPDX-License-Identifier: BSD-3-Clause */
/* "vsctl top" on a terminal. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tty.h"
#include "top.h"

#define FIRST_MSEC 500 /* until there are the first rates */
#define WORKER_LINES 4
#define PROMPT_SIZE 80
#define WORDS_MAX 8

struct screen {
	struct top *top;
	struct tty tty;
	size_t first; /* row that the table begins with */
	bool is_paused;
	bool has_help;
	bool has_prompt;          /* the last line asks what to filter by: */
	char prompt[PROMPT_SIZE]; /* what was typed so far */
	char message[sizeof(((struct error *)NULL)->msg)];
	/* of the table as it was drawn */
	size_t n_rows;
	size_t page; /* of these, fit */
	bool is_shown[TOP_COLUMNS];
};

static const char help_line[] = "q quit  h help  < > sort  r reverse  / filter  space pause  + - "
				"interval";

static const char help_text[] =
	"vsctl top: what passes each port, and what it costs\n"
	"\n"
	"  q             quit\n"
	"  space         pause, and go on\n"
	"  + -           longer, shorter interval\n"
	"  /             which ports: type vif, bridge xenbr0, or a part of a name\n"
	"                (of port or guest); nothing: all\n"
	"  < > or arrows sort by the column to the left, to the right\n"
	"  r             reverse the order\n"
	"  n g y b       sort by name, guest, type, bridge\n"
	"  i o I O t     by bits in, bits out, packets in, packets out; bits both ways\n"
	"  d D c         by drops a second, drops so far, CPU\n"
	"  arrows, page up, page down, home, end: other rows\n"
	"\n"
	"RX is what the switch receives: what a guest sends. DROP/S and REASON are\n"
	"since the last round. CPU% is of one core: the workers' time for what came in\n"
	"by the port. RX-RING and TX-RING of a guest: how much of its ring is full of\n"
	"packets from it, and how many of its buffers are used up.\n"
	"A narrow terminal leaves columns out.\n"
	"\n"
	"Any key goes back.\n";

static void
draw_heading(const struct top_table *table, FILE *out)
{
	int start, len;
	char *text = NULL;
	size_t size;
	FILE *line = open_memstream(&text, &size);

	if (line == NULL)
		return;
	top_table_heading(table, &start, &len, line);
	if (fclose(line) == 0) {
		text[strcspn(text, "\n")] = '\0';
		/* reversed, but for the column that is sorted by; the last one may be shorter */
		start = start < (int)strlen(text) ? start : 0;
		if (len > (int)strlen(text) - start)
			len = strlen(text) - start;
		fprintf(out, "\033[7m%.*s\033[0;1m%.*s\033[0;7m%s\033[0m\n", start, text, len,
			text + start, text + start + len);
	}
	free(text);
}

/* The last line: what is asked, what is wrong, or which keys there are. */
static void
draw_bottom(const struct screen *screen, FILE *out)
{
	const struct top_view *view = &screen->top->options.view;

	if (screen->has_prompt)
		fprintf(out, "filter (type TYPE, bridge BRIDGE, or a name): %s\033[7m \033[0m",
			screen->prompt);
	else if (screen->top->is_lost)
		fprintf(out, "\033[7mtrying again: %s\033[0m", screen->top->error.msg);
	else if (screen->message[0] != '\0')
		fprintf(out, "\033[7m%s\033[0m", screen->message);
	else if (view->type[0] != '\0' || view->bridge[0] != '\0' || view->name[0] != '\0')
		fprintf(out, "only%s%s%s%s%s%s; / and Enter for all", view->type[0] ? " type " : "",
			view->type, view->bridge[0] ? " bridge " : "", view->bridge,
			view->name[0] ? " name " : "", view->name);
	else
		fputs(help_line, out);
}

static void
draw_table(struct screen *screen, int lines, int columns, FILE *out)
{
	const struct top_options *options = &screen->top->options;
	const struct top_title title = {
		.host = screen->top->host,
		.delay = options->delay,
		.note = screen->top->is_lost ? "not connected" :
			screen->is_paused    ? "paused" :
					       NULL,
	};
	struct top_table table;
	size_t i;
	int used;

	if (top_table_make(&table, &screen->top->round, &options->view, columns) < 0)
		return;
	for (size_t column = 0; column < TOP_COLUMNS; column++)
		screen->is_shown[column] = table.widths[column] > 0 || column == TOP_BPS;
	used = top_table_title(&table, &title, columns, WORKER_LINES, out);
	draw_heading(&table, out);
	used += 2; /* with the last line */
	screen->n_rows = table.n_rows;
	screen->page = lines > used ? lines - used : 0;
	if (screen->first + screen->page > table.n_rows)
		screen->first = table.n_rows > screen->page ? table.n_rows - screen->page : 0;
	for (i = 0; i < screen->page; i++)
		if (screen->first + i < table.n_rows)
			top_table_row(&table, table.rows[screen->first + i], out);
		else
			fputc('\n', out);
	draw_bottom(screen, out);
	top_table_free(&table);
}

static int
draw(struct screen *screen)
{
	int lines, columns, ret;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		return -ENOMEM;
	tty_size(&lines, &columns);
	if (screen->has_help)
		fputs(help_text, out);
	else
		draw_table(screen, lines, columns, out);
	ret = fclose(out) == 0 ? tty_draw(text) : -ENOMEM;
	free(text);
	return ret;
}

/* --- keys --- */

static void
filter_read(struct screen *screen)
{
	struct top_view *view = &screen->top->options.view, wanted = *view;
	char *words[WORDS_MAX], *word, *rest;
	struct error err;
	int n = 0;

	for (word = strtok_r(screen->prompt, " ", &rest); word != NULL && n < WORDS_MAX;
	     word = strtok_r(NULL, " ", &rest))
		words[n++] = word;
	if (top_view_filter(&wanted, n, words, &err) < 0 ||
	    top_view_check(screen->top, &wanted, &err) < 0)
		snprintf(screen->message, sizeof(screen->message), "%s", err.msg);
	else
		*view = wanted;
	screen->first = 0;
}

static void
prompt_key(struct screen *screen, int key)
{
	const size_t len = strlen(screen->prompt);

	switch (key) {
	case '\r':
	case '\n':
		filter_read(screen);
		screen->has_prompt = false;
		break;
	case KEY_ESCAPE:
		screen->has_prompt = false;
		break;
	case '\b':
	case 127:
		if (len > 0)
			screen->prompt[len - 1] = '\0';
		break;
	case 'U' - '@': /* ^U */
		screen->prompt[0] = '\0';
		break;
	default:
		if (key >= ' ' && key <= '~' && len + 1 < sizeof(screen->prompt)) {
			screen->prompt[len] = (char)key;
			screen->prompt[len + 1] = '\0';
		}
	}
}

static void
sort_by(struct screen *screen, enum top_column column)
{
	screen->top->options.view.sort = column;
	screen->first = 0;
}

/* @step: 1: the next one that is shown; TOP_COLUMNS - 1: the one before. */
static void
sort_by_next(struct screen *screen, int step)
{
	enum top_column column = screen->top->options.view.sort;

	do
		column = (column + step) % TOP_COLUMNS;
	while (!screen->is_shown[column]);
	sort_by(screen, column);
}

/* 1, 2, 5, 10, ...: from any, the next one. */
static double
delay_step(double delay, bool longer)
{
	static const double steps[] = { 0.1, 0.2, 0.5, 1,   2,   3,   5,    10,
					20,  30,  60,  120, 300, 600, 1800, TOP_DELAY_MAX };
	const size_t n = sizeof(steps) / sizeof(steps[0]);
	size_t i = 0;

	if (longer) {
		while (i < n - 1 && steps[i] <= delay)
			i++;
		return steps[i];
	}
	i = n - 1;
	while (i > 0 && steps[i] >= delay)
		i--;
	return steps[i];
}

static void
move_to(struct screen *screen, long rows)
{
	const long first = (long)screen->first + rows;

	screen->first = first > 0 ? first : 0;
}

/* Return: false to end. */
static bool
take_key(struct screen *screen, int key)
{
	struct top_options *options = &screen->top->options;
	enum top_column column;

	if (key == KEY_QUIT)
		return false;
	if (key == KEY_NONE)
		return true;
	screen->message[0] = '\0';
	if (screen->has_prompt) {
		prompt_key(screen, key);
		return true;
	}
	if (screen->has_help) {
		screen->has_help = false;
		return true;
	}
	switch (key) {
	case 'q':
		return false;
	case 'h':
	case '?':
		screen->has_help = true;
		break;
	case ' ':
		screen->is_paused = !screen->is_paused;
		break;
	case '+':
	case '-':
		options->delay = delay_step(options->delay, key == '+');
		break;
	case '/':
		screen->has_prompt = true;
		screen->prompt[0] = '\0';
		break;
	case 'r':
		options->view.reverse = !options->view.reverse;
		break;
	case '<':
	case KEY_LEFT:
		sort_by_next(screen, TOP_COLUMNS - 1);
		break;
	case '>':
	case KEY_RIGHT:
		sort_by_next(screen, 1);
		break;
	case KEY_UP:
		move_to(screen, -1);
		break;
	case KEY_DOWN:
		move_to(screen, 1);
		break;
	case KEY_PAGE_UP:
		move_to(screen, -(long)screen->page);
		break;
	case KEY_PAGE_DOWN:
		move_to(screen, screen->page);
		break;
	case KEY_HOME:
		screen->first = 0;
		break;
	case KEY_END:
		screen->first = screen->n_rows;
		break;
	default:
		column = top_column_letter(key);
		if (column < TOP_COLUMNS)
			sort_by(screen, column);
	}
	return true;
}

/* --- the loop --- */

static int
loop(struct screen *screen)
{
	const struct top_options *options = &screen->top->options;
	long long last = top_msec(), delay, left;
	unsigned long rounds = 0;
	int ret = 0, key = KEY_NONE;

	while (ret == 0 && take_key(screen, key)) {
		delay = options->delay * 1000;
		if (rounds == 0 && delay > FIRST_MSEC)
			delay = FIRST_MSEC;
		left = last + delay - top_msec();
		if (left <= 0 && !screen->is_paused) {
			if (options->rounds != 0 && rounds == options->rounds)
				break;
			top_sample(screen->top);
			/* in step, unless it was too long */
			last = left > -delay ? last + delay : top_msec();
			left = last + delay - top_msec();
			left = left > 0 ? left : 0;
			rounds++;
		}
		ret = draw(screen);
		if (ret == 0)
			key = tty_wait(&screen->tty, screen->is_paused ? -1 : (int)left);
	}
	return ret;
}

int
top_screen_run(struct top *top, struct error *err)
{
	struct screen screen = { .top = top };
	int ret = tty_open(&screen.tty, err);

	if (ret < 0)
		return ret;
	ret = loop(&screen);
	tty_close(&screen.tty);
	/* what started it sees how it has ended */
	if (screen.tty.signal != 0)
		raise(screen.tty.signal);
	return ret < 0 ? error_set(err, ret, "terminal: %s", strerror(-ret)) : 0;
}
