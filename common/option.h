/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Command line options: what a program reads, its --help, its man page and shell completion are all
 * read off one table.
 *
 * Thread-safety: none needed.
 */
#ifndef COMMON_OPTION_H
#define COMMON_OPTION_H

#include <getopt.h>
#include <stdio.h>

/* The last one of a table has no @words. */
struct option_text {
	const char *words;   /* "-s, --socket" */
	const char *metavar; /* what its value is; NULL: it has none */
	const char *help;    /* is wrapped at blanks */
};

#define OPTIONS_MAX 24
#define OPTION_LONG 256 /* without a letter: this and its index */

/* The same for getopt_long(). */
struct option_getopt {
	char letters[2 * OPTIONS_MAX + 2];
	struct option longs[OPTIONS_MAX + 1];
};

/**
 * option_getopt_make() - what getopt_long() wants to know
 * @options: at most OPTIONS_MAX; @words is "--long" or "-l, --long"
 * @ret_getopt: its strings are those of @options. An option is its letter, or else OPTION_LONG +
 *its index. The letters begin with '+': what follows the first word that is no option is not looked
 *at.
 */
void option_getopt_make(const struct option_text *options, struct option_getopt *ret_getopt);

/** option_print() - a table as --help has it, an option with its help beside it. */
void option_print(const struct option_text *options, FILE *out);

#endif /* COMMON_OPTION_H */
