/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Command line options as text: what a program's --help and its man page are read off.
 *
 * Thread-safety: none needed.
 */
#ifndef COMMON_OPTION_H
#define COMMON_OPTION_H

#include <stdio.h>

/* The last one of a table has no @words. */
struct option_text {
	const char *words;   /* "-s, --socket" */
	const char *metavar; /* what its value is; NULL: it has none */
	const char *help;    /* of one or more lines */
};

/** option_print() - a table as --help has it, an option with its help beside it. */
void option_print(const struct option_text *options, FILE *out);

#endif /* COMMON_OPTION_H */
