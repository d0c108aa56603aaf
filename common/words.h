/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Words that somebody typed: which of those that there are was meant.
 *
 * How: the words' distance by Damerau and Levenshtein: letters to change, insert, remove or swap to
 * turn one into the other; upper and lower case are the same. One is near enough if that is one
 * letter in short words and two in longer ones, or if its beginning was typed. Another number is no
 * typo: of two that differ only in digits (vif1.0, vif2.0) neither stands for the other.
 *
 * Thread-safety: pure functions, any thread.
 */
#ifndef COMMON_WORDS_H
#define COMMON_WORDS_H

#include <stddef.h>

#define WORD_HINT_SIZE 72 /* bytes: of a hint with a name */

/* A search, word by word. @nearest: so far; NULL: none. */
struct word_search {
	const char *text;
	const char *nearest;
	unsigned int best;
};

/**
 * word_search_start() - look for the word that was probably meant
 * @text: what was given; stays the caller's
 */
void word_search_start(struct word_search *search, const char *text);

/** word_search_add() - one more candidate; @word must last as long as @search->nearest is used. */
void word_search_add(struct word_search *search, const char *word);

/**
 * word_nearest() - the same of an array
 * @text: what was given
 * @words: candidates
 * @n_words: their number
 *
 * Return: one of @words, or NULL: none is near.
 */
const char *word_nearest(const char *text, const char *const *words, size_t n_words);

/**
 * word_hint() - what a message says of it: "did you mean 'xenbr0'?"
 * @nearest: or NULL
 * @otherwise: what is said then
 * @ret_text: the text
 * @size: bytes at @ret_text; WORD_HINT_SIZE is enough for names
 *
 * Return: @ret_text.
 */
const char *word_hint(const char *nearest, const char *otherwise, char *ret_text, size_t size);

/**
 * words_join() - a list of words for a message: "this, that, ..."
 * @words: the words
 * @n_words: their number
 * @ret_text: as many of them as there is room for, and dots if those are not all
 * @size: bytes at @ret_text, at least 8
 *
 * Return: @ret_text.
 */
const char *words_join(const char *const *words, size_t n_words, char *ret_text, size_t size);

#endif /* COMMON_WORDS_H */
