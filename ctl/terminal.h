/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Terminal: how wide stdout is, what is in colour on it, and whether it is written at all.
 *
 * How: one palette says which words of which fields are in which shade. Where stdout is no
 * terminal, it has no width and no colours, unless these are asked for: what a program reads stays
 * as it is, whatever the window was like.
 *
 * Thread-safety: none needed.
 */
#ifndef CTL_TERMINAL_H
#define CTL_TERMINAL_H

#include <stddef.h>
#include <stdio.h>

enum color_when {
	COLOR_AUTO, /* on a terminal, unless NO_COLOR is set (https://no-color.org) or it is dumb */
	COLOR_ALWAYS,
	COLOR_NEVER,
};

enum shade {
	SHADE_PLAIN,
	SHADE_HEADING,
	SHADE_GOOD,
	SHADE_NOTE, /* worth a look */
	SHADE_BAD,
	SHADES
};

/** color_when_parse() - "auto", "always" or "never". Return: it, or -EINVAL. */
int color_when_parse(const char *word);

/** terminal_init() - look at stdout. Before it, there is neither width nor colour. */
void terminal_init(enum color_when when);

/** terminal_width() - columns of stdout: $COLUMNS, or as the terminal says; 0: it is none. */
int terminal_width(void);

/** terminal_shade() - the shade of what a field says. @text: "-" is nothing. */
enum shade terminal_shade(const char *field, const char *text);

/**
 * terminal_put() - print text in a shade, if there are colours
 * @shade: which
 * @text: @size bytes of it; control characters show as "?"
 * @size: bytes
 * @out: where to
 */
void terminal_put(enum shade shade, const char *text, size_t size, FILE *out);

/**
 * terminal_flush() - write out what was printed on stdout
 * Return: 0, or -errno of the first time that it failed: what was lost is not written later.
 */
int terminal_flush(void);

/** terminal_time() - print "2026-11-21T15:04:05.678901Z" as the clock on the wall has it. */
void terminal_time(const char *text);

/** terminal_heading() - print a heading on stdout. */
void terminal_heading(const char *text);

/** terminal_field() - print what a field says on stdout, in the shade of that. */
void terminal_field(const char *field, const char *text);

#endif
