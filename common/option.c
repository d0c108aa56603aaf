/* SPDX-License-Identifier: BSD-3-Clause */
#include "option.h"

#define OPTION_WIDTH 22 /* of an option and its value */
#define OPTION_INDENT 2

void
option_print(const struct option_text *options, FILE *out)
{
	const struct option_text *option;
	char syntax[64];
	const char *c;

	for (option = options; option->words != NULL; option++) {
		snprintf(syntax, sizeof(syntax), "%s%s%s", option->words,
			 option->metavar != NULL ? " " : "",
			 option->metavar != NULL ? option->metavar : "");
		fprintf(out, "%*s%-*s ", OPTION_INDENT, "", OPTION_WIDTH, syntax);
		for (c = option->help; *c != '\0'; c++) {
			putc(*c, out);
			if (*c == '\n')
				fprintf(out, "%*s", OPTION_INDENT + OPTION_WIDTH + 1, "");
		}
		putc('\n', out);
	}
}
