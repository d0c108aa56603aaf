/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes docs/json.md from the tables of fields; run by the build: jsondoc md. With "fields" it
 * writes COMMAND, PATH and TYPE with tabs between, for the test that compares them with what vsctl
 * says.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "fields.h"

static const char intro[] =
	"<!-- SPDX-License-Identifier: BSD-3-Clause -->\n"
	"<!-- Written by ctl/jsondoc from ctl/fields.c: change that, and run \"ninja json-md\". "
	"-->\n"
	"# JSON\n"
	"\n"
	"`vsctl -j` gives every show as JSON, for programs. It is stable:\n"
	"\n"
	"- Every field of a table below is always there. One without a value is `null`, which a "
	"`?` "
	"behind its type\n"
	"  tells of; an array without elements is empty.\n"
	"- Fields may come to be in a later version: a program passes over those that it does not "
	"know. None goes,\n"
	"  and none gets another type or unit.\n"
	"- Numbers are numbers, in the unit of the table; counters count from when the object was "
	"made, and do not\n"
	"  go back. Yes and no are booleans. MAC addresses are in lower case.\n"
	"- `a.b` is the field b of the object a; `a[]` are the elements of the array a, `a[].b` a "
	"field "
	"of each. The\n"
	"  names of a map are data: reasons, keys.\n"
	"- Rows come sorted by name, but the rules of `nat show`, whose order means something.\n"
	"- Errors are text on stderr with exit status 1 or 2, and nothing is on stdout.\n"
	"- Commands that change something say nothing, but `config apply`, `config rollback`, "
	"`bridge adopt` and\n"
	"  `bridge release`; nor does `config check`. `config history N` gives a file's text as a "
	"string.\n";

static void
print_row(const struct field *field)
{
	printf("| `%s` | %s | %s | %s |\n", field->path, field->type,
	       field->unit != NULL ? field->unit : "", field->help);
}

static void
print_markdown(void)
{
	fputs(intro, stdout);
	for (size_t i = 0; i < n_show_fields; i++) {
		const struct show_fields *show = &show_fields[i];
		size_t same = 0;

		while (show_fields[same].fields != show->fields ||
		       show_fields[same].n_fields != show->n_fields)
			same++;
		printf("\n## %s\n\n", show->command);
		if (same < i) {
			printf("As `%s`.\n", show_fields[same].command);
			continue;
		}
		puts(show->is_list ? "An array; each element:\n" : "An object:\n");
		puts("| field | type | unit | what it says |\n|---|---|---|---|");
		for (size_t j = 0; j < show->n_fields; j++)
			print_row(&show->fields[j]);
	}
}

static void
print_fields(void)
{
	for (size_t i = 0; i < n_show_fields; i++)
		for (size_t j = 0; j < show_fields[i].n_fields; j++)
			printf("%s\t%s\t%s\n", show_fields[i].command,
			       show_fields[i].fields[j].path, show_fields[i].fields[j].type);
}

int
main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "md") == 0)
		print_markdown();
	else if (argc == 2 && strcmp(argv[1], "fields") == 0)
		print_fields();
	else
		return 2;
	return fflush(stdout) == 0 ? 0 : 1;
}
