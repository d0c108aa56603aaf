/* SPDX-License-Identifier: BSD-3-Clause */
#include "option.h"

#include <stdbool.h>
#include <string.h>

#define OPTION_WIDTH 22 /* of an option and its value */
#define OPTION_INDENT 2
#define OPTION_LINE_WIDTH 79

void
option_getopt_make(const struct option_text *options, struct option_getopt *ret_getopt)
{
	size_t len = 0;

	memset(ret_getopt, 0, sizeof(*ret_getopt));
	ret_getopt->letters[len++] = '+';
	for (unsigned int i = 0; options[i].words != NULL && i < OPTIONS_MAX; i++) {
		const char *words = options[i].words;
		const bool has_letter = words[1] != '-', has_value = options[i].metavar != NULL;

		ret_getopt->longs[i] = (struct option){
			.name = strstr(words, "--") + strlen("--"),
			.has_arg = has_value ? required_argument : no_argument,
			.val = has_letter ? words[1] : OPTION_LONG + (int)i,
		};
		if (!has_letter)
			continue;
		ret_getopt->letters[len++] = words[1];
		if (has_value)
			ret_getopt->letters[len++] = ':';
	}
}

void
option_print(const struct option_text *options, FILE *out)
{
	const int indent = OPTION_INDENT + OPTION_WIDTH;
	const struct option_text *option;
	char syntax[64];
	const char *c;
	int len, column;

	for (option = options; option->words != NULL; option++) {
		snprintf(syntax, sizeof(syntax), "%s%s%s", option->words,
			 option->metavar != NULL ? " " : "",
			 option->metavar != NULL ? option->metavar : "");
		column = fprintf(out, "%*s%-*s", OPTION_INDENT, "", OPTION_WIDTH, syntax);
		if (column > indent)
			column = fprintf(out, "\n%*s", indent, "") - 1;
		for (c = option->help; *c != '\0'; c += len + (c[len] != '\0')) {
			len = (int)strcspn(c, " \n");
			if (column + 1 + len > OPTION_LINE_WIDTH)
				column = fprintf(out, "\n%*s", indent, "") - 1;
			column += fprintf(out, " %.*s", len, c);
		}
		putc('\n', out);
	}
}
