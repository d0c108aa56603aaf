/* SPDX-License-Identifier: BSD-3-Clause */
#include "vlans.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A number of up to four digits at *@text, which moves behind it. */
static int
vid_parse(const char **text, unsigned int *ret_vid)
{
	size_t n = strspn(*text, "0123456789");
	unsigned int vid = 0;

	if (n == 0)
		return -EINVAL;
	if (n > 4)
		return -ERANGE;
	while (n-- > 0)
		vid = vid * 10 + (unsigned int)(*(*text)++ - '0');
	if (vid > VLANS_MAX)
		return -ERANGE;
	*ret_vid = vid;
	return 0;
}

static void
vlans_set_all(uint64_t set[VLANS_WORDS])
{
	memset(set, 0xff, VLANS_WORDS * sizeof(set[0]));
	vlans_remove(set, 0);
	vlans_remove(set, VLANS_MAX + 1);
}

int
vlans_parse(const char *text, uint64_t ret_set[VLANS_WORDS])
{
	uint64_t set[VLANS_WORDS] = { 0 };
	unsigned int first, last;
	int ret;

	if (strcmp(text, VLANS_ALL) == 0) {
		vlans_set_all(set);
		goto out;
	}
	for (;;) {
		ret = vid_parse(&text, &first);
		last = first;
		if (ret == 0 && *text == '-') {
			text++;
			ret = vid_parse(&text, &last);
		}
		if (ret < 0)
			return ret;
		if (last < first)
			return -EINVAL;
		for (unsigned int vid = first; vid <= last; vid++) {
			if (vlans_has(set, vid))
				return -EINVAL;
			vlans_add(set, vid);
		}
		if (*text == '\0')
			break;
		if (*text++ != ',')
			return -EINVAL;
	}
out:
	if (ret_set != NULL)
		memcpy(ret_set, set, sizeof(set));
	return 0;
}

const char *
vlans_format(const uint64_t set[VLANS_WORDS], char *ret_text, size_t size)
{
	uint64_t all[VLANS_WORDS];
	size_t len = 0;

	vlans_set_all(all);
	if (memcmp(set, all, sizeof(all)) == 0) {
		snprintf(ret_text, size, VLANS_ALL);
		return ret_text;
	}
	ret_text[0] = '\0';
	for (unsigned int vid = 0; vid <= VLANS_MAX; vid++) {
		unsigned int last = vid;
		char item[16];
		int n;

		if (!vlans_has(set, vid))
			continue;
		while (last < VLANS_MAX && vlans_has(set, last + 1))
			last++;
		/* two neighbours are shorter with a comma */
		if (last == vid + 1)
			last = vid;
		n = snprintf(item, sizeof(item), last > vid ? "%s%u-%u" : "%s%u",
			     len > 0 ? "," : "", vid, last);
		if (len + (size_t)n >= size)
			break;
		memcpy(ret_text + len, item, (size_t)n + 1);
		len += (size_t)n;
		vid = last;
	}
	return ret_text;
}
