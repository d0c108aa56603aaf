/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The words behind "vsctl capture".
 *
 *	[port] PORT | bridge BRIDGE | any
 *	[dir in|out|both] [at rx|tx|drop|pre-nat|post-nat]... [FILTER...]
 *
 * What is no word of these begins the filter. Options may stand anywhere, as those of tcpdump; what
 * is behind "--" is the filter's.
 *
 * Thread-safety: none needed.
 */
#ifndef CTL_CAPTURE_WORDS_H
#define CTL_CAPTURE_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

struct error;

#define CAPTURE_PRINT_MAX 16 /* options that are handed on to who prints */

struct capture_words {
	json_t *params;                           /* of capture.start, but for the program */
	const char *file;                         /* -w; NULL: lines */
	uint64_t count;                           /* -c; 0: no end */
	uint64_t size;                            /* -C, in bytes; 0: no limit */
	unsigned int files;                       /* -W; 0: no limit */
	char *filter;                             /* or empty */
	const char *print[CAPTURE_PRINT_MAX + 1]; /* what tcpdump is to be told, too */
};

/**
 * capture_words_read() - read them
 * @ret_words: capture_words_free()
 *
 * Return: 0, -ENOEXEC (wrong usage), -ENOMEM.
 */
int capture_words_read(int argc, char *const *argv, struct capture_words *ret_words,
		       struct error *err);

void capture_words_free(struct capture_words *words);

#endif
