/* SPDX-License-Identifier: BSD-3-Clause */
/* Writes docs/drop-reasons.md, from the tables that vsctl has. */
#include <stdio.h>

#include "drop.h"

/* In a table "|" is between cells, and what is in quotes is typed. */
static void
print_cell(const char *text)
{
	fputs(" ", stdout);
	for (; *text != '\0'; text++)
		if (*text == '|')
			fputs("\\|", stdout);
		else
			putchar(*text);
	fputs(" |", stdout);
}

int
main(void)
{
	puts("<!-- SPDX-License-Identifier: BSD-3-Clause -->\n"
	     "# Drop reasons\n\n"
	     "Written by `ninja drops-md` from the table that `vsctl drops` shows; see\n"
	     "[troubleshooting](troubleshooting.md). PORT is the port that counts the packet;\n"
	     "`vsctl drops` itself says which one is to be changed.\n\n"
	     "| reason | what has happened | usually because | what to do | look at |\n"
	     "|---|---|---|---|---|");
	for (unsigned int i = 0; i < DROP_REASONS; i++) {
		printf("| `%s` |", drop_reason_names[i]);
		print_cell(drop_texts[i].what);
		print_cell(drop_texts[i].cause);
		print_cell(drop_texts[i].mend);
		printf(" `vsctl %s` |\n", drop_texts[i].show);
	}
	return fflush(stdout) == 0 ? 0 : 1;
}
