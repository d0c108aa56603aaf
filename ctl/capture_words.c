/* SPDX-License-Identifier: BSD-3-Clause */
#include "capture_words.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture.h"
#include "error.h"
#include "words.h"

#define MEGABYTE 1000000u /* as tcpdump counts them */
#define COUNT_MAX 1000000000
#define SIZE_MAX_MB 1000000
#define FILES_MAX 100000
#define LENGTH_MAX 131072  /* bytes of a packet */
#define BUFFER_MAX 1048576 /* KiB */
#define BUFFER_MIN 512

const struct option_text capture_options[] = {
	{ "bridge", "BRIDGE", "in place of a port: the ports that are on it; or any: all ports" },
	{ "-w", "FILE", "write pcapng to a file, or to stdout (-)" },
	{ "-c", "N", "end after so many packets" },
	{ "-s", "BYTES", "of each packet at most (default, and 0: all of it)" },
	{ "-C", "MB", "with -w: another file when one has so many million bytes" },
	{ "-W", "N", "with -C: no more files than this, the oldest is written over" },
	{ "-B", "KIB", "that may wait for a slow disk (default: 4096)" },
	{ "-e, -q, -v, -vv, -x, -X, -A", NULL, "what is printed of a packet: as of tcpdump(8)" },
	{ "dir", "in|out|both", "which way they go (default: both)" },
	{ "at", "rx|tx|drop|pre-nat|post-nat",
	  "where they are looked at, in place of dir; may be given more than once" },
	{ NULL },
};

/* --- options --- */

static int
number_read(char option, const char *text, uint64_t min, uint64_t max, uint64_t *ret_number,
	    struct error *err)
{
	char *end = NULL;

	errno = 0;
	*ret_number = text != NULL ? strtoull(text, &end, 10) : 0;
	if (text == NULL || *text < '0' || *text > '9' || *end != '\0' || errno != 0 ||
	    *ret_number < min || *ret_number > max)
		return error_set(err, ENOEXEC, "capture: -%c needs a number from %llu to %llu",
				 option, (unsigned long long)min, (unsigned long long)max);
	return 0;
}

static int
param_read(char option, const char *text, uint64_t min, uint64_t max, uint64_t unit,
	   const char *key, json_t *params, struct error *err)
{
	uint64_t number = 0;
	int ret = number_read(option, text, min, max, &number, err);

	if (ret == 0 && number > 0)
		json_object_set_new(params, key, json_integer((json_int_t)(number * unit)));
	return ret;
}

static int
print_add(struct capture_words *words, const char *option, struct error *err)
{
	unsigned int n = 0;

	while (words->print[n] != NULL)
		n++;
	if (n == CAPTURE_PRINT_MAX)
		return error_set(err, ENOEXEC, "capture: too many options");
	words->print[n] = option;
	return 0;
}

/*
 * An option, with its value in the same word or in the next one.
 * @i: its place; moved on if the next word is its value.
 */
static int
option_read(int argc, char *const *argv, int *i, struct capture_words *words, struct error *err)
{
	const char *word = argv[*i], *value = word + 2;
	const bool wants_value = strchr("wcsCWB", word[1]) != NULL;
	uint64_t number = 0;
	int ret = 0;

	if (wants_value && *value == '\0')
		value = ++*i < argc ? argv[*i] : NULL;
	switch (word[1]) {
	case 'w':
		words->file = value;
		return value != NULL ? 0 :
				       error_set(err, ENOEXEC, "capture: -w needs a file, or -");
	case 'c':
		return number_read('c', value, 1, COUNT_MAX, &words->count, err);
	case 's':
		return param_read('s', value, 0, LENGTH_MAX, 1, "length", words->params, err);
	case 'B':
		return param_read('B', value, BUFFER_MIN, BUFFER_MAX, 1024, "buffer", words->params,
				  err);
	case 'C':
		ret = number_read('C', value, 1, SIZE_MAX_MB, &words->size, err);
		words->size *= MEGABYTE;
		return ret;
	case 'W':
		ret = number_read('W', value, 1, FILES_MAX, &number, err);
		words->files = (unsigned int)number;
		return ret;
	default:
		if (word[1 + strspn(word + 1, "AelnqSUvxX")] == '\0')
			return print_add(words, word, err);
		return error_set(err, ENOEXEC,
				 "capture: unknown option '%s': 'vsctl help capture' explains them",
				 word);
	}
}

/* --- words --- */

/* Which points are meant. */
struct points {
	bool in, out; /* dir */
	bool has_dir;
	json_t *at;
};

static int
dir_read(const char *word, struct points *points, struct error *err)
{
	if (word == NULL ||
	    (strcmp(word, "in") != 0 && strcmp(word, "out") != 0 && strcmp(word, "both") != 0))
		return error_set(err, ENOEXEC, "capture: dir is in, out or both");
	points->has_dir = true;
	points->in = strcmp(word, "out") != 0;
	points->out = strcmp(word, "in") != 0;
	return 0;
}

static int
at_read(const char *word, struct points *points, struct error *err)
{
	static const char *const names[] = { "rx", "tx", "drop", "pre-nat", "post-nat" };

	for (size_t i = 0; word != NULL && i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(word, names[i]) == 0)
			return json_array_append_new(points->at, json_string(word));
	return error_set(err, ENOEXEC,
			 "capture: at is rx, tx, drop, pre-nat or post-nat; more than one: at rx "
			 "at drop");
}

/* Words without options; the first @n_plain came before "--". */
struct rest {
	const char **words;
	int n;
	int n_plain;
};

/* A filter may have a minus in it, or a number below zero. */
static bool
is_option(const char *word)
{
	return word[0] == '-' && word[1] != '\0' && !isdigit((unsigned char)word[1]);
}

/* Options may stand anywhere. @ret_rest: the other words, of which there are @argc at most. */
static int
options_take(int argc, char *const *argv, struct capture_words *words, struct rest *ret_rest,
	     struct error *err)
{
	int i = 0, ret = 0;

	for (; ret == 0 && i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (is_option(argv[i]))
			ret = option_read(argc, argv, &i, words, err);
		else
			ret_rest->words[ret_rest->n++] = argv[i];
	}
	ret_rest->n_plain = ret_rest->n;
	for (i++; i < argc; i++)
		ret_rest->words[ret_rest->n++] = argv[i];
	return ret;
}

/* @rest: begins with the filter. */
static int
filter_join(const struct rest *rest, int from, struct capture_words *words, struct error *err)
{
	size_t size = 1;

	for (int i = from; i < rest->n; i++)
		size += strlen(rest->words[i]) + 1;
	words->filter = calloc(1, size);
	if (words->filter == NULL)
		return error_set(err, ENOMEM, "%s", strerror(ENOMEM));
	for (int i = from; i < rest->n; i++) {
		strcat(words->filter, i > from ? " " : "");
		strcat(words->filter, rest->words[i]);
	}
	if (rest->n > from)
		json_object_set_new(words->params, "filter", json_string(words->filter));
	return 0;
}

/* Return: how many words it takes, or -ENOEXEC. */
static int
place_read(const struct rest *rest, json_t *params, struct error *err)
{
	const char *first = rest->n_plain > 0 ? rest->words[0] : NULL;
	const bool has_kind =
		first != NULL && (strcmp(first, "bridge") == 0 || strcmp(first, "port") == 0);

	if (first == NULL)
		return error_set(err, ENOEXEC, "capture: say of what: PORT, bridge BRIDGE or any");
	if (has_kind && rest->n_plain < 2)
		return error_set(err, ENOEXEC, "capture: %s needs a name", first);
	if (strcmp(first, "any") == 0)
		return 1;
	json_object_set_new(params, has_kind ? first : "port",
			    json_string(rest->words[has_kind ? 1 : 0]));
	return 1 + has_kind;
}

static int
rest_read(const struct rest *rest, struct capture_words *words, struct points *points,
	  struct error *err)
{
	int i = place_read(rest, words->params, err), ret = i;

	for (; ret >= 0 && i < rest->n_plain; i += 2) {
		const char *next = i + 1 < rest->n_plain ? rest->words[i + 1] : NULL;

		if (strcmp(rest->words[i], "dir") == 0)
			ret = dir_read(next, points, err);
		else if (strcmp(rest->words[i], "at") == 0)
			ret = at_read(next, points, err);
		else
			break;
	}
	return ret < 0 ? ret : filter_join(rest, i, words, err);
}

static int
words_read(int argc, char *const *argv, struct capture_words *words, struct points *points,
	   struct error *err)
{
	struct rest rest = { .words = calloc((size_t)argc + 1, sizeof(rest.words[0])) };
	int ret;

	if (rest.words == NULL)
		return error_set(err, ENOMEM, "%s", strerror(ENOMEM));
	ret = options_take(argc, argv, words, &rest, err);
	if (ret == 0)
		ret = rest_read(&rest, words, points, err);
	free(rest.words);
	return ret;
}

/* Without "at" it is what comes in and what goes out. */
static int
points_set(struct points *points, json_t *params, struct error *err)
{
	if (points->has_dir && json_array_size(points->at) > 0)
		return error_set(err, ENOEXEC, "capture: dir or at: rx is in, tx is out");
	if (json_array_size(points->at) == 0) {
		if (points->in)
			json_array_append_new(points->at, json_string("rx"));
		if (points->out)
			json_array_append_new(points->at, json_string("tx"));
	}
	json_object_set(params, "points", points->at);
	return 0;
}

static int
words_check(const struct capture_words *words, struct error *err)
{
	if (words->file == NULL && words->size > 0)
		return error_set(err, ENOEXEC, "capture: -C goes with -w FILE");
	if (words->file != NULL && strcmp(words->file, "-") == 0 && words->size > 0)
		return error_set(err, ENOEXEC, "capture: -C goes with a file, not with stdout");
	if (words->files > 0 && words->size == 0)
		return error_set(err, ENOEXEC, "capture: -W goes with -C MB");
	return 0;
}

int
capture_words_read(int argc, char *const *argv, struct capture_words *ret_words, struct error *err)
{
	struct points points = { .in = true, .out = true, .at = json_array() };
	int ret;

	*ret_words = (struct capture_words){ .params = json_object() };
	ret = words_read(argc, argv, ret_words, &points, err);
	if (ret == 0)
		ret = words_check(ret_words, err);
	if (ret == 0)
		ret = points_set(&points, ret_words->params, err);
	json_decref(points.at);
	if (ret < 0)
		capture_words_free(ret_words);
	return ret;
}

void
capture_words_free(struct capture_words *words)
{
	json_decref(words->params);
	free(words->filter);
	words->params = NULL;
	words->filter = NULL;
}
