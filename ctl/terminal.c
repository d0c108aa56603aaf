/* SPDX-License-Identifier: BSD-3-Clause */
#include "terminal.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WIDTH_MIN 20 /* less is no terminal's width, but a mistake */
#define WIDTH_MAX 10000

static struct {
	int width;
	bool colors;
} terminal;

/* SGR, ECMA-48 8.3.117 */
static const char *const codes[SHADES] = {
	[SHADE_PLAIN] = "",  [SHADE_HEADING] = "1", [SHADE_GOOD] = "32",
	[SHADE_NOTE] = "33", [SHADE_BAD] = "31",
};

/* All that is in colour. */
static const struct {
	const char *field;
	const char *text; /* NULL: anything but nothing and 0 */
	enum shade shade;
} palette[] = {
	{ "link", "up", SHADE_GOOD },
	{ "link", "down", SHADE_BAD },
	{ "state", "forwarding", SHADE_GOOD },
	{ "state", "active", SHADE_GOOD },
	{ "state", "connected", SHADE_GOOD },
	{ "state", "reachable", SHADE_GOOD },
	{ "state", "learning", SHADE_NOTE },
	{ "state", "blocked", SHADE_NOTE },
	{ "state", "not-agreed", SHADE_NOTE },
	{ "state", "down", SHADE_BAD },
	{ "state", "failed", SHADE_BAD },
	{ "state", "closed", SHADE_NOTE },
	{ "frontend_state", "connected", SHADE_GOOD },
	{ "frontend_state", "closed", SHADE_NOTE },
	{ "drops", NULL, SHADE_NOTE },
	{ "packets", NULL, SHADE_NOTE }, /* that were dropped */
	{ "failures", NULL, SHADE_NOTE },
	{ "rx_bad", NULL, SHADE_NOTE },
	{ "expiries", NULL, SHADE_NOTE },
	{ "churn", NULL, SHADE_BAD },
	{ "conflicts", NULL, SHADE_BAD },
	{ "reason", NULL, SHADE_BAD },
};

int
color_when_parse(const char *word)
{
	static const char *const words[] = {
		[COLOR_AUTO] = "auto",
		[COLOR_ALWAYS] = "always",
		[COLOR_NEVER] = "never",
	};

	for (unsigned int i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i], word) == 0)
			return (int)i;
	return -EINVAL;
}

static int
width_read(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	long width = columns != NULL ? strtol(columns, NULL, 10) : 0;

	if (width >= WIDTH_MIN && width <= WIDTH_MAX)
		return (int)width;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col < WIDTH_MIN)
		return 0; /* a serial line may not know */
	return size.ws_col;
}

void
terminal_init(enum color_when when)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	const bool is_terminal = isatty(STDOUT_FILENO) == 1;

	terminal.width = is_terminal ? width_read() : 0;
	terminal.colors = when == COLOR_ALWAYS || (when == COLOR_AUTO && is_terminal &&
						   (no_color == NULL || *no_color == '\0') &&
						   (term == NULL || strcmp(term, "dumb") != 0));
}

int
terminal_width(void)
{
	return terminal.width;
}

enum shade
terminal_shade(const char *field, const char *text)
{
	for (size_t i = 0; i < sizeof(palette) / sizeof(palette[0]); i++) {
		if (strcmp(palette[i].field, field) != 0)
			continue;
		if (palette[i].text == NULL ? strcmp(text, "-") != 0 && strcmp(text, "0") != 0 :
					      strcmp(palette[i].text, text) == 0)
			return palette[i].shade;
	}
	return SHADE_PLAIN;
}

/* C0, DEL, and C1 as UTF-8 has it: what a terminal might obey. Return: its bytes. */
static size_t
control_size(const unsigned char *text, size_t size)
{
	if (*text < ' ' || *text == 0x7f)
		return 1;
	return size > 1 && text[0] == 0xc2 && text[1] >= 0x80 && text[1] < 0xa0 ? 2 : 0;
}

void
terminal_put(enum shade shade, const char *text, size_t size, FILE *out)
{
	const bool colored = terminal.colors && *codes[shade] != '\0' && size > 0;
	const unsigned char *bytes = (const unsigned char *)text;
	size_t i = 0, control;

	if (colored)
		fprintf(out, "\033[%sm", codes[shade]);
	while (i < size) {
		control = control_size(&bytes[i], size - i);
		putc(control > 0 ? '?' : bytes[i], out);
		i += control > 0 ? control : 1;
	}
	if (colored)
		fputs("\033[0m", out);
}

int
terminal_flush(void)
{
	static int failed;

	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	if (failed == 0)
		failed = errno != 0 ? errno : EIO;
	return -failed;
}

void
terminal_heading(const char *text)
{
	terminal_put(SHADE_HEADING, text, strlen(text), stdout);
}

void
terminal_field(const char *field, const char *text)
{
	terminal_put(terminal_shade(field, text), text, strlen(text), stdout);
}

void
terminal_time(const char *text)
{
	struct tm tm = { 0 };
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	char local[32];
	time_t when;

	when = timegm(&tm);
	if (rest == NULL || localtime_r(&when, &tm) == NULL) {
		fputs(text, stdout);
		return;
	}
	strftime(local, sizeof(local), "%Y-%m-%d %H:%M:%S", &tm);
	printf("%s%.4s", local, rest);
}
