/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes the man pages vsctl(8), vswitchd(8) and vswitch.conf(5) from the tables of commands,
 * options and keys; run by the build: manpage vsctl|vswitchd|conf.
 */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "event_kind.h"
#include "help.h"
#include "options.h"
#include "top.h"
#include "version.h"

struct file_text {
	const char *path;
	const char *help;
};

static const struct file_text vsctl_files[] = {
	{ RUN_DIR_DEFAULT "/vswitchd.sock",
	  "The socket that vswitchd listens on: JSON\\-RPC 2.0, one object per line" },
	{ CONFIG_DEFAULT, "What vswitchd starts with; see the config commands" },
	{ NULL },
};

static const struct file_text vswitchd_files[] = {
	{ CONFIG_DEFAULT, "The bridges and ports to start with" },
	{ RUN_DIR_DEFAULT "/vswitchd.sock",
	  "The socket for vsctl: root changes, the group vswitch (if there is one) reads" },
	{ RUN_DIR_DEFAULT "/vswitchd.pid", "Its process id; locked while it runs" },
	{ STATE_DIR_DEFAULT "/history",
	  "The configurations that were, and who changed them (vsctl config history)" },
	{ RUN_DIR_DEFAULT "/lacp.state", "What LACP has agreed on, for the next process" },
	{ NULL },
};

static const struct {
	const char *purpose;
	const char *command;
} vsctl_examples[] = {
	{ "How is everything", "vsctl show" },
	{ "A bridge with a kernel NIC and an interface of the host's",
	  "vsctl bridge add xenbr1\nvsctl port add eth1 bridge xenbr1\n"
	  "vsctl port add xenbr1 bridge xenbr1 type tap" },
	{ "A NIC that DPDK drives", "vsctl port add p0 bridge xenbr1 devargs 0000:03:00.0" },
	{ "A port of VLAN 100 alone", "vsctl port add eth2 bridge xenbr1 vid 100" },
	{ "A trunk of some VLANs", "vsctl port set eth1 trunk 10,20-30 native 5" },
	{ "VLAN 100 of a NIC, on a bridge of its own", "vsctl port add eth1.100 bridge xenbr2" },
	{ "A bond of two NICs: one carries all, the other takes over",
	  "vsctl bond add bond0 members eth2,eth3 bridge xenbr1\nvsctl bond show bond0" },
	{ "Change the configuration file, and what runs, without being locked out",
	  "vsctl config check\nvsctl config diff\nvsctl config apply --confirm 60\n"
	  "vsctl config confirm" },
	{ "Have the file say what was changed by hand", "vsctl config save" },
	{ "Which MAC address is where", "vsctl fdb show xenbr1" },
	{ "A spanning tree, and no bridge behind a port",
	  "vsctl bridge set xenbr1 stp rstp\nvsctl port set eth2 bpdu guard\nvsctl stp show" },
	{ "Which multicast groups hosts have joined, and who asks them",
	  "vsctl group show xenbr1\nvsctl querier show xenbr1" },
	{ "Which packets were dropped, and why", "vsctl stats show" },
	{ "Who sends, who loses packets, and what it costs, live",
	  "vsctl top\nvsctl top --sort drop/s type vif" },
	{ "What happens to a guest and on a bridge, as it happens", "vsctl monitor vif3.0 xenbr1" },
	{ "Links and failovers of the last hours", "vsctl event show link failover" },
	{ "A bond, shown again as it changes", "vsctl -w bond show bond0" },
	{ "The same bridges as brctl has them", "vsctl brctl show" },
	{ "The same for a program", "vsctl -j stats show" },
};

static const char vsctl_brctl[] =
	".SH BRCTL\n"
	"\\fBvsctl brctl\\fR [\\fICOMMAND\\fR [\\fIARGUMENT\\fR]...], or vsctl under the name "
	"\\fBbrctl\\fR, is \\fBbrctl\\fR(8) of bridge\\-utils 1.7 on vswitchd's bridges, with its "
	"output, messages and exit statuses. addbr also makes the host's interface, a tap of the "
	"bridge's name, which is no port to brctl. Values that vswitchd cannot take are refused "
	"as out of range: times that are not whole seconds, an ageing time of 0, bridge "
	"priorities that are not multiples of 4096, port priorities that are not multiples of "
	"4.\n";

static const char vswitchd_behaviour[] =
	".SH SIGNALS\n"
	".TP\n"
	"SIGTERM, SIGINT\n"
	"Stop. Kernel interfaces go back to the host's network stack; interfaces of type tap "
	"stay, without carrier, with the host's addresses. Guests stay connected: the next "
	"vswitchd takes them over.\n"
	".TP\n"
	"SIGKILL, a crash\n"
	"As above, but kernel interfaces do not go back: a filter keeps the host's stack off "
	"them, so that it does not speak up in between, until the next vswitchd has them and "
	"stops in order. If none is to come, \\fBtc qdisc del dev\\fR \\fINAME\\fR "
	"\\fBclsact\\fR gives one back.\n"
	".SH ENVIRONMENT\n"
	".TP\n"
	"NOTIFY_SOCKET\n"
	"Where systemd is told that it is ready, or stops.\n"
	".TP\n"
	"JOURNAL_STREAM\n"
	"If set, as by systemd, lines on stderr begin with their priority.\n"
	".SH EXIT STATUS\n"
	"0: stopped by a signal; or it is ready, and in the background. 1: it could not start "
	"or go on, and said why. 2: wrong usage.\n"
	".SH LOG\n"
	"With \\-\\-foreground, lines go to stderr. Without, what keeps it from starting goes "
	"to the stderr of who starts it, and everything after that to syslog (daemon). Lines "
	"of DPDK, which begin with a word such as EAL, say more about devices; they go to "
	"stderr and to syslog either way. So under systemd all of them are in \\fBjournalctl "
	"\\-u vswitchd\\fR, and of a daemon started by hand in \\fBjournalctl \\-t "
	"vswitchd\\fR or in /var/log/syslog.\n"
	".PP\n"
	"Each change, and each that was refused, is a line \"change: WHO: WHAT: done\" or "
	"\"... refused: WHY\"; who is the user, the process and its parent, the terminal, and who "
	"had logged in.\n"
	".SH NOTES\n"
	"A NIC by PCI address wants the vfio\\-pci driver (\\fBdpdk\\-devbind.py \\-b "
	"vfio\\-pci\\fR \\fIADDRESS\\fR, of Debian's package dpdk) and hugepages, reserved "
	"(\\fBsysctl vm.nr_hugepages=128\\fR) before vswitchd starts. A PV dom0 has neither "
	"hugepages nor an IOMMU to offer: it uses NICs of the kernel.\n";

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
	/* no hyphens in what is to be typed */
	printf(".TH %s %d \"\" \"vswitch %s\"\n.nh\n.ad l\n.SH NAME\n%s \\- %s\n", page, section,
	       VSWITCH_VERSION, page, purpose);
}

static void
print_options(const char *heading, const struct option_text *option)
{
	printf(".SH %s\n", heading);
	for (; option->words != NULL; option++) {
		fputs(".TP\n\\fB", stdout);
		print_text(option->words);
		fputs("\\fR", stdout);
		if (option->metavar != NULL)
			printf(" \\fI%s\\fR", option->metavar);
		putchar('\n');
		print_text(option->help);
		fputs(".\n", stdout);
	}
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
print_files(const struct file_text *file)
{
	fputs(".SH FILES\n", stdout);
	for (; file->path != NULL; file++) {
		fputs(".TP\n.I ", stdout);
		print_text(file->path);
		printf("\n%s.\n", file->help);
	}
}

static void
print_events(void)
{
	fputs(".SH EVENTS\n"
	      "\\fBvsctl monitor\\fR and \\fBvsctl event show\\fR take kinds, and names of "
	      "bridges and ports or MAC addresses: of these kinds, about these names. With \\-j "
	      "each event is an object, of monitor in one line, with seq, time, kind, object, "
	      "text, left_out (how many others it stands for), and the members below; string? is "
	      "a string, or null if there is none.\n",
	      stdout);
	for (unsigned int kind = 0; kind < EVENT_KINDS; kind++) {
		const struct event_field *field = event_kinds[kind].fields;

		printf(".TP\n\\fB%s\\fR\n", event_kinds[kind].name);
		print_text(event_kinds[kind].help);
		fputs(".\n", stdout);
		for (unsigned int f = 0; f < EVENT_FIELDS_MAX && field[f].name != NULL; f++) {
			printf(".br\n\\fI%s\\fR (%s): ", field[f].name, field[f].type);
			print_text(field[f].help);
			fputs(".\n", stdout);
		}
	}
}

static void
print_vsctl(void)
{
	size_t i;

	print_head("vsctl", 8, "control the virtual switch vswitchd");
	fputs(".SH SYNOPSIS\n"
	      ".B vsctl\n"
	      "[\\fB\\-jw\\fR] [\\fB\\-s\\fR \\fISOCKET\\fR] \\fIOBJECT VERB\\fR [\\fINAME\\fR] "
	      "[\\fIKEY VALUE\\fR]...\n"
	      ".SH DESCRIPTION\n"
	      "vsctl tells a running \\fBvswitchd\\fR(8) what to do, and asks it how it is. "
	      "What it changes lasts until vswitchd stops; \\fBvswitch.conf\\fR(5) is what "
	      "that starts with. \\fBvsctl help\\fR lists the commands, \\fBvsctl\\fR "
	      "\\fIOBJECT\\fR \\fBhelp\\fR explains the keys of an object.\n",
	      stdout);
	print_options("OPTIONS", vsctl_options);
	fputs(vsctl_brctl, stdout);
	fputs(".SH COMMANDS\n", stdout);
	for (i = 0; i < n_commands; i++)
		print_command(&commands[i]);
	print_options("OPTIONS OF top", top_options);
	print_events();
	for (i = 0; i < OBJECT_SCHEMAS; i++) {
		if (object_schemas[i]->n_keys == 0 || object_schemas[i] == &vswitchd_schema)
			continue;
		printf(".SH KEYS OF %s\n", object_schemas[i]->kind);
		print_keys(object_schemas[i], ~0U);
	}
	fputs(".SH ENVIRONMENT\n"
	      ".TP\nVSWITCH_RUN_DIR\nThe folder of the socket.\n"
	      ".TP\nCOLUMNS\nHow wide tables may be on a terminal; default: as it is.\n"
	      ".TP\nNO_COLOR\nIf set and not empty, there are no colours unless asked for.\n"
	      ".SH EXIT STATUS\n"
	      "0: done. 1: a bad value, vswitchd refused or is not running. 2: wrong usage.\n",
	      stdout);
	print_files(vsctl_files);
	fputs(".SH EXAMPLES\n", stdout);
	for (i = 0; i < sizeof(vsctl_examples) / sizeof(vsctl_examples[0]); i++) {
		printf(".TP\n%s:\n.nf\n\\fB", vsctl_examples[i].purpose);
		print_text(vsctl_examples[i].command);
		fputs("\\fR\n.fi\n", stdout);
	}
	fputs(".SH SEE ALSO\n.BR vswitchd (8),\n.BR vswitch.conf (5)\n", stdout);
}

static void
print_vswitchd(void)
{
	print_head("vswitchd", 8, "virtual network switch for Xen guests");
	fputs(".SH SYNOPSIS\n.B vswitchd\n[\\fIOPTION\\fR]...\n"
	      ".SH DESCRIPTION\n"
	      "vswitchd is the backend of Xen guests' network interfaces and the learning "
	      "bridges between them, physical NICs and the host. It starts with the bridges "
	      "and ports of \\fBvswitch.conf\\fR(5); \\fBvsctl\\fR(8) shows and changes what "
	      "it does; guests come by way of \\fBxl\\fR(1).\n"
	      ".PP\n"
	      "It goes to the background when it is ready, unless it is told not to.\n",
	      stdout);
	print_options("OPTIONS", vswitchd_options);
	fputs(vswitchd_behaviour, stdout);
	print_files(vswitchd_files);
	fputs(".SH SEE ALSO\n.BR vsctl (8),\n.BR vswitch.conf (5),\n.BR xl.cfg (5)\n", stdout);
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
		printf(".SH [%s%s", object_schemas[i]->kind,
		       object_schemas[i]->named ? " NAME" : "");
		for (unsigned int j = 0; j < object_schemas[i]->n_keys; j++)
			if (object_schemas[i]->keys[j].in_title)
				printf(object_schemas[i]->keys[j].required ? " %s" : " [%s]",
				       object_schemas[i]->keys[j].metavar);
		puts("]");
		print_text(object_schemas[i]->help);
		fputs(".\n", stdout);
		print_keys(object_schemas[i], VERB_CONFIG);
	}
	fputs(".SH NOTES\n"
	      "A kernel interface that is not there when vswitchd starts is waited for: its port "
	      "is down until then. What a port changed on a kernel interface (the MTU, and that it "
	      "is up) is put back when the port is deleted or the start fails, but not when "
	      "vswitchd stops.\n.PP\n"
	      "The kernel counts an 802.1ad tag, and a second tag of any kind, as payload of what "
	      "a netdev port sends. Frames of full size that have one are dropped (mtu_exceeded) "
	      "unless the port's mtu has room for it: 4 bytes for each such tag.\n.PP\n"
	      "Guests' vifs have no section: xl.cfg names their bridge.\n",
	      stdout);
	fputs(".SH EXAMPLE\n.nf\n[bridge xenbr0]\nageing = 300\n\n[port eth1]\nbridge = xenbr0\n\n"
	      "[port xenbr0]\nbridge = xenbr0\ntype = tap\n.fi\n"
	      ".SH SEE ALSO\n.BR vswitchd (8),\n.BR vsctl (8)\n",
	      stdout);
}

int
main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "vsctl") == 0)
		print_vsctl();
	else if (argc == 2 && strcmp(argv[1], "vswitchd") == 0)
		print_vswitchd();
	else if (argc == 2 && strcmp(argv[1], "conf") == 0)
		print_conf();
	else
		return 2;
	return fflush(stdout) == 0 ? 0 : 1;
}
