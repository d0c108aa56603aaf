/* SPDX-License-Identifier: BSD-3-Clause */
#include "usage.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Is it to be typed as it stands? Where there is a choice, it is not known yet what. */
static bool
is_literal(const char *text)
{
	return strchr(text, '|') == NULL && (*text == '-' || islower((unsigned char)*text));
}

/* A word without its brackets and dots. Return: does it open, or close, a bracket? */
static void
word_strip(const char *word, int len, struct usage_item *item, bool *ret_opens, bool *ret_closes)
{
	size_t n = 0;

	*ret_opens = *ret_closes = false;
	for (int i = 0; i < len; i++) {
		*ret_opens |= word[i] == '[' && i == 0;
		*ret_closes |= word[i] == ']';
		if (word[i] == '.' && i + 2 < len && word[i + 1] == '.' && word[i + 2] == '.') {
			item->repeats = true;
			i += 2;
		} else if (word[i] != '[' && word[i] != ']' && n + 1 < sizeof(item->text)) {
			item->text[n++] = word[i];
		}
	}
	item->text[n] = '\0';
}

unsigned int
usage_read(const char *metavar, struct usage_item ret_items[USAGE_ITEMS_MAX])
{
	struct usage_item *last = NULL;
	bool opens, closes, together = false; /* with the word before */
	unsigned int n = 0;
	int len;

	for (; *metavar != '\0'; metavar += len + (metavar[len] != '\0')) {
		struct usage_item item = { .repeats = false };

		len = (int)strcspn(metavar, " ");
		if (len == 0)
			continue;
		word_strip(metavar, len, &item, &opens, &closes);
		item.literal = is_literal(item.text);
		if (last != NULL && last->literal && together && !opens && !item.literal) {
			snprintf(last->value, sizeof(last->value), "%s", item.text);
			last->repeats |= item.repeats;
			together = false;
			continue;
		}
		if (n == USAGE_ITEMS_MAX)
			return n;
		last = &ret_items[n++];
		*last = item;
		together = !closes;
	}
	return n;
}
