/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes the man pages vsctl(8) and vswitch.conf(5) from the tables of commands and keys; run by
 * the build: manpage vsctl|conf.
 */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "version.h"

/* Text as roff: no hyphenation of what is to be typed, no line that reads as a request. */
static void
print_text(const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '-')
			fputs("\\-", stdout);
		else if (*text == '\\')
			fputs("\\e", stdout);
		else
			putchar(*text);
	}
}

static void
print_head(const char *page, int section, const char *purpose)
{
	printf(".TH %s %d \"\" \"vswitch %s\"\n.SH NAME\n%s \\- %s\n", page, section,
	       VSWITCH_VERSION, page, purpose);
}

/* "[KEY VALUE]" or "KEY VALUE", bold and italic as it is the custom. */
static void
print_key_syntax(const struct schema_key *key, bool required)
{
	fputs(required ? " \\fB" : " [\\fB", stdout);
	print_text(key->name);
	printf("\\fR \\fI%s\\fR%s", key->metavar, required ? "" : "]");
}

static void
print_command(const struct command *command)
{
	const struct schema_key *key;
	unsigned int i, pass;

	printf(".TP\n\\fBvsctl %s%s%s\\fR", command->object != NULL ? command->object : "",
	       command->object != NULL ? " " : "", command->verb);
	if (command->metavar != NULL)
		printf(command->name == NAME_OPTIONAL ? " [\\fI%s\\fR]" : " \\fI%s\\fR",
		       command->metavar);
	for (pass = 0; command->schema != NULL && pass < 2; pass++) {
		for (i = 0; i < command->schema->n_keys; i++) {
			key = &command->schema->keys[i];
			if (!(key->verbs & command->schema_verb) || key->internal ||
			    ((key->required & command->schema_verb) == 0) != pass)
				continue;
			print_key_syntax(key, pass == 0);
		}
	}
	putchar('\n');
	print_text(command->help);
	fputs(".\n", stdout);
}

static void
print_keys(const struct object_schema *schema, unsigned int verbs)
{
	const struct schema_key *key;
	char text[128];
	unsigned int i;

	for (i = 0; i < schema->n_keys; i++) {
		key = &schema->keys[i];
		if (key->internal || !(key->verbs & verbs))
			continue;
		fputs(".TP\n\\fB", stdout);
		print_text(key->name);
		printf("\\fR \\fI%s\\fR\n", key->metavar);
		print_text(key->help);
		fputs(".\n.br\n", stdout);
		print_text(schema_describe(key, text, sizeof(text)));
		if (key->def != NULL) {
			fputs("; default: ", stdout);
			print_text(key->def);
		}
		fputs(".\n", stdout);
	}
}

static void
print_vsctl(void)
{
	size_t i;

	print_head("vsctl", 8, "control the virtual switch vswitchd");
	fputs(".SH SYNOPSIS\n"
	      ".B vsctl\n"
	      "[\\fB\\-j\\fR] [\\fB\\-s\\fR \\fISOCKET\\fR] \\fIOBJECT VERB\\fR [\\fINAME\\fR] "
	      "[\\fIKEY VALUE\\fR]...\n"
	      ".SH OPTIONS\n"
	      ".TP\n\\fB\\-j\\fR, \\fB\\-\\-json\\fR\nJSON for every show.\n"
	      ".TP\n\\fB\\-s\\fR, \\fB\\-\\-socket\\fR \\fISOCKET\\fR\n"
	      "The socket of vswitchd; default: vswitchd.sock in $VSWITCH_RUN_DIR or "
	      "/run/vswitch.\n"
	      ".TP\n\\fB\\-h\\fR, \\fB\\-\\-help\\fR\nA short help; \\fBvsctl\\fR \\fIOBJECT\\fR "
	      "\\fBhelp\\fR explains an object.\n"
	      ".TP\n\\fB\\-V\\fR, \\fB\\-\\-version\\fR\nThe version of vsctl.\n"
	      ".SH COMMANDS\n",
	      stdout);
	for (i = 0; i < n_commands; i++)
		print_command(&commands[i]);
	for (i = 0; i < OBJECT_SCHEMAS; i++) {
		if (object_schemas[i]->n_keys == 0 || object_schemas[i] == &vswitchd_schema)
			continue;
		printf(".SH KEYS OF %s\n", object_schemas[i]->kind);
		print_keys(object_schemas[i], ~0U);
	}
	fputs(".SH EXIT STATUS\n"
	      "0: done. 1: vswitchd refused or is not running. 2: wrong usage.\n"
	      ".SH SEE ALSO\n.BR vswitch.conf (5)\n",
	      stdout);
}

static void
print_conf(void)
{
	size_t i;

	print_head("vswitch.conf", 5, "configuration of the virtual switch vswitchd");
	fputs(".SH DESCRIPTION\n"
	      "/etc/vswitch/vswitch.conf names the bridges and ports that vswitchd starts with. A "
	      "line is a section, a key of the section above it as KEY = VALUE, a comment after # "
	      "or ;, or empty. What is not there has its default. A file with a fault is refused "
	      "as a whole, with the line.\n",
	      stdout);
	for (i = 0; i < OBJECT_SCHEMAS; i++) {
		if (!object_schemas[i]->in_config)
			continue;
		printf(".SH [%s%s]\n", object_schemas[i]->kind,
		       object_schemas[i]->named ? " NAME" : "");
		print_text(object_schemas[i]->help);
		fputs(".\n", stdout);
		print_keys(object_schemas[i], VERB_CONFIG);
	}
	fputs(".SH NOTES\n"
	      "A kernel interface that is not there when vswitchd starts is waited for: its port is "
	      "down until then. What a port changed on a kernel interface (the MTU, and that it is "
	      "up) is put back when the port is deleted or the start fails, but not when vswitchd "
	      "stops.\n.PP\n"
	      "The kernel counts an 802.1ad tag, and a second tag of any kind, as payload of what a "
	      "netdev port sends. Frames of full size that have one are dropped (mtu_exceeded) "
	      "unless the port's mtu has room for it: 4 bytes for each such tag.\n.PP\n"
	      "Guests' vifs have no section: xl.cfg names their bridge.\n",
	      stdout);
	fputs(".SH EXAMPLE\n.nf\n[bridge xenbr0]\nageing = 300\n\n[port eth1]\nbridge = xenbr0\n\n"
	      "[port xenbr0]\nbridge = xenbr0\ntype = tap\n.fi\n"
	      ".SH SEE ALSO\n.BR vsctl (8)\n",
	      stdout);
}

int
main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "vsctl") == 0)
		print_vsctl();
	else if (argc == 2 && strcmp(argv[1], "conf") == 0)
		print_conf();
	else
		return 2;
	return fflush(stdout) == 0 ? 0 : 1;
}
