/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Usage: what stands behind a command that reads its words itself, as its metavar has it:
 *
 *	[FILE] [--confirm SECONDS]
 *	BRIDGE NIC
 *	FILE|- [KIND]...
 *
 * How: a word of capitals is something to be named there; words of small letters, or that begin
 * with "-", are typed as they stand, and if capitals follow one within its brackets, those are its
 * value; "|" is between words of which one is given; "..." is behind one that may be repeated.
 *
 * Thread-safety: pure functions.
 */
#ifndef CTL_USAGE_H
#define CTL_USAGE_H

#include <stdbool.h>

#define USAGE_ITEMS_MAX 16
#define USAGE_TEXT_SIZE 64

struct usage_item {
	char text[USAGE_TEXT_SIZE];  /* "FILE|-", "--confirm" */
	char value[USAGE_TEXT_SIZE]; /* of a word that is typed as it stands: "SECONDS", or empty */
	bool literal;                /* it is such a word, and may be anywhere */
	bool repeats;
};

/**
 * usage_read() - take it apart
 * @metavar: what help says of the words
 * @ret_items: in order
 *
 * Return: how many.
 */
unsigned int usage_read(const char *metavar, struct usage_item ret_items[USAGE_ITEMS_MAX]);

#endif
