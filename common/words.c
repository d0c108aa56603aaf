/* SPDX-License-Identifier: BSD-3-Clause */
#include "words.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define WORD_MAX_LEN 31 /* longer texts are not compared with words */
#define SHORT_LEN 4     /* of a word in which only one letter may be wrong */
#define BEGINNING_LEN 3 /* of a text that stands for a longer word */

static char
lower(char c)
{
	return (char)tolower((unsigned char)c);
}

static unsigned int
word_distance(const char *a, const char *b)
{
	unsigned int row[3][WORD_MAX_LEN + 1];
	unsigned int *before = row[0], *last = row[1], *now = row[2], *spare;
	size_t a_len = strlen(a), b_len = strlen(b), i, j;

	for (j = 0; j <= b_len; j++)
		last[j] = j;
	for (i = 1; i <= a_len; i++) {
		now[0] = i;
		for (j = 1; j <= b_len; j++) {
			now[j] = last[j - 1] + (lower(a[i - 1]) != lower(b[j - 1]));
			if (now[j] > last[j] + 1)
				now[j] = last[j] + 1;
			if (now[j] > now[j - 1] + 1)
				now[j] = now[j - 1] + 1;
			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
			    lower(a[i - 2]) == lower(b[j - 1]) && now[j] > before[j - 2] + 1)
				now[j] = before[j - 2] + 1;
		}
		spare = before;
		before = last;
		last = now;
		now = spare;
	}
	return last[b_len];
}

/* Have both digits, and are they the same without them? */
static bool
numbers_differ(const char *a, const char *b)
{
	bool a_has = false, b_has = false;

	for (;;) {
		for (; isdigit((unsigned char)*a); a++)
			a_has = true;
		for (; isdigit((unsigned char)*b); b++)
			b_has = true;
		if (lower(*a) != lower(*b))
			return false;
		if (*a == '\0')
			return a_has && b_has;
		a++;
		b++;
	}
}

/* Is it the beginning of the word, and not of a number in it? */
static bool
is_beginning(const char *text, const char *word)
{
	const size_t len = strlen(text);

	return len >= BEGINNING_LEN && strncasecmp(text, word, len) == 0 &&
	       !(isdigit((unsigned char)text[len - 1]) && isdigit((unsigned char)word[len]));
}

void
word_search_start(struct word_search *search, const char *text)
{
	*search = (struct word_search){
		.text = text,
		.best = strlen(text) <= SHORT_LEN ? 2 : 3,
	};
}

void
word_search_add(struct word_search *search, const char *word)
{
	const size_t len = strlen(search->text);
	unsigned int distance;

	if (len > WORD_MAX_LEN || strlen(word) > WORD_MAX_LEN)
		return;
	if (strcasecmp(search->text, word) != 0 && numbers_differ(search->text, word))
		return;
	distance = word_distance(search->text, word);
	/* something of it must have been right */
	if (distance < search->best && distance < len) {
		search->best = distance;
		search->nearest = word;
	} else if (search->nearest == NULL && is_beginning(search->text, word)) {
		search->nearest = word;
	}
}

const char *
word_nearest(const char *text, const char *const *words, size_t n_words)
{
	struct word_search search;

	word_search_start(&search, text);
	for (size_t i = 0; i < n_words; i++)
		word_search_add(&search, words[i]);
	return search.nearest;
}

const char *
word_hint(const char *nearest, const char *otherwise, char *ret_text, size_t size)
{
	if (nearest != NULL)
		snprintf(ret_text, size, "did you mean '%s'?", nearest);
	else
		snprintf(ret_text, size, "%s", otherwise);
	return ret_text;
}

const char *
words_join(const char *const *words, size_t n_words, char *ret_text, size_t size)
{
	static const char more[] = ", ...";
	size_t len = 0, i;

	ret_text[0] = '\0';
	for (i = 0; i < n_words; i++) {
		size_t rest = i + 1 < n_words ? sizeof(more) : 1;

		if (len + strlen(words[i]) + strlen(", ") + rest > size) {
			snprintf(ret_text + len, size - len, "%s", more);
			break;
		}
		len += snprintf(ret_text + len, size - len, "%s%s", i > 0 ? ", " : "", words[i]);
	}
	return ret_text;
}
