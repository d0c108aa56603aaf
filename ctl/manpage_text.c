/* SPDX-License-Identifier: BSD-3-Clause */
#include "manpage_text.h"

#include <stddef.h>

#include "options.h"

/* --- vsctl(8) --- */

const struct file_text vsctl_files[] = {
	{ RUN_DIR_DEFAULT "/vswitchd.sock",
	  "The socket that vswitchd listens on: JSON\\-RPC 2.0, one object per line" },
	{ CONFIG_DEFAULT, "What vswitchd starts with; see the config commands" },
	{ NULL },
};

const char vsctl_description[] =
	".SH DESCRIPTION\n"
	"vsctl tells a running \\fBvswitchd\\fR(8) what to do, and asks it how it is. What it "
	"changes lasts until vswitchd stops; \\fBvswitch.conf\\fR(5) is what that starts with, "
	"and \\fBvsctl config save\\fR has the file say what runs.\n"
	".PP\n"
	"Objects and verbs may be shortened while that is clear: \\fBvsctl br sh\\fR is "
	"\\fBvsctl bridge show\\fR. In scripts they should not be: a word that is clear today "
	"may not be so when there are more. Names and keys are never shortened. In keys "
	"\"_\" is the same as \"\\-\".\n"
	".PP\n"
	"\\fBvsctl help\\fR lists all of it, \\fBvsctl help\\fR \\fIOBJECT\\fR "
	"[\\fIVERB\\fR] explains an object or a command, as does \\fB\\-\\-help\\fR behind a "
	"command. bash, with its package bash\\-completion, completes words, values, and names of "
	"what there is.\n";

const char vsctl_values[] =
	".SH VALUES\n"
	".TP\n"
	"yes or no\n"
	"on and off, true and false, 1 and 0 are as good.\n"
	".TP\n"
	"seconds\n"
	"A number of seconds, or a number with a unit: 90s, 15m, 12h, 7d.\n"
	".TP\n"
	"rates\n"
	"Bytes or bits a second, and the interval at which there is credit for more, as in "
	"xl.cfg: 100Mb/s, 20MB/s@20ms.\n"
	".TP\n"
	"lists\n"
	"Their elements have commas between them and no blanks; of VLANs and cores also ranges: "
	"10,20\\-30.\n"
	".TP\n"
	"names\n"
	"1\\-15 letters, digits or . _ \\- + @ ~; of a port also a PCI address.\n"
	".PP\n"
	"What is not given has its default when an object is added, and stays as it is when one "
	"is set.\n";

const char vsctl_events[] =
	".SH EVENTS\n"
	"\\fBvsctl monitor\\fR and \\fBvsctl event show\\fR take kinds, and names of bridges and "
	"ports or MAC addresses: of these kinds, about these names. With \\-j each event is an "
	"object, of monitor in one line, with seq, time, kind, object, text, left_out (how many "
	"others it stands for), and the members below; string? is a string, or null if there is "
	"none.\n";

const char vsctl_after_commands[] =
	".SH BRCTL\n"
	"\\fBvsctl brctl\\fR [\\fICOMMAND\\fR [\\fIARGUMENT\\fR]...], or vsctl under the name "
	"\\fBbrctl\\fR, is \\fBbrctl\\fR(8) of bridge\\-utils 1.7 on vswitchd's bridges, with its "
	"output, messages and exit statuses. addbr also makes the host's interface, a tap of the "
	"bridge's name, which is no port to brctl. Values that vswitchd cannot take are refused "
	"as out of range: times that are not whole seconds, an ageing time of 0, bridge "
	"priorities that are not multiples of 4096, port priorities that are not multiples of "
	"4.\n"
	".SH EXIT STATUS\n"
	".TP\n"
	"0\n"
	"It is done.\n"
	".TP\n"
	"1\n"
	"A value is not legal, a file has errors, vswitchd refused or is not running; stderr "
	"says which, and what would be right.\n"
	".TP\n"
	"2\n"
	"Wrong usage: an option, a command or a key that there is not, or one that is missing.\n"
	".TP\n"
	"3\n"
	"\\fBhealth\\fR alone: there are warnings.\n"
	".TP\n"
	"4\n"
	"\\fBhealth\\fR alone: there are errors.\n"
	".SH ENVIRONMENT\n"
	".TP\n"
	"VSWITCH_RUN_DIR\n"
	"Where vswitchd's socket is, unless \\fB\\-s\\fR says it; as vswitchd's "
	"\\fB\\-\\-run\\-dir\\fR.\n"
	".TP\n"
	"COLUMNS\n"
	"How wide tables may be on a terminal; default: as it is.\n"
	".TP\n"
	"NO_COLOR\n"
	"If set and not empty, there are no colours unless asked for.\n";

const char vsctl_see_also[] = ".SH SEE ALSO\n"
			      ".BR vswitchd (8),\n"
			      ".BR vswitch.conf (5),\n"
			      ".BR brctl (8),\n"
			      ".BR bridge (8),\n"
			      ".BR ip (8),\n"
			      ".BR xl (1)\n";

/* --- vswitchd(8) --- */

const struct file_text vswitchd_files[] = {
	{ CONFIG_DEFAULT, "What there is to start with" },
	{ RUN_DIR_DEFAULT "/vswitchd.sock",
	  "The socket for vsctl: root changes, the group vswitch (if there is one) reads" },
	{ RUN_DIR_DEFAULT "/vswitchd.pid", "Its process id; locked while it runs" },
	{ STATE_DIR_DEFAULT "/history",
	  "The configurations that were, and who changed them (vsctl config history)" },
	{ RUN_DIR_DEFAULT "/lacp.state", "What LACP has agreed on, for the next process" },
	{ NULL },
};

const char vswitchd_description[] =
	".SH DESCRIPTION\n"
	"vswitchd is the backend of Xen guests' network interfaces and the learning bridges "
	"between them, physical NICs and the host; it routes, translates addresses, and bonds "
	"NICs. It starts with what \\fBvswitch.conf\\fR(5) says; \\fBvsctl\\fR(8) shows and "
	"changes what it does; guests come by way of \\fBxl\\fR(1).\n"
	".PP\n"
	"It goes to the background when it is ready, unless it is told not to.\n";

const char vswitchd_after_options[] =
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
	".SH EXIT STATUS\n"
	".TP\n"
	"0\n"
	"Stopped by a signal; or it is ready, and in the background.\n"
	".TP\n"
	"1\n"
	"It could not start or go on, and said why.\n"
	".TP\n"
	"2\n"
	"Wrong usage.\n"
	".SH ENVIRONMENT\n"
	".TP\n"
	"NOTIFY_SOCKET\n"
	"Where systemd is told that it is ready, or stops.\n"
	".TP\n"
	"JOURNAL_STREAM\n"
	"If set, as by systemd, lines on stderr begin with their priority.\n"
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
	"hugepages nor an IOMMU to offer: it uses NICs of the kernel.\n"
	".SH EXAMPLES\n"
	".TP\n"
	"As the service of the host, which its package brings along:\n"
	".nf\n"
	"\\fBsystemctl enable \\-\\-now vswitchd\\fR\n"
	".fi\n"
	".TP\n"
	"To try it without Xen and beside another one, from a terminal:\n"
	".nf\n"
	"\\fBvswitchd \\-\\-no\\-xen \\-\\-foreground \\-\\-run\\-dir /tmp/vs "
	"\\-\\-config try.conf\\fR\n"
	"\\fBVSWITCH_RUN_DIR=/tmp/vs vsctl show\\fR\n"
	".fi\n";

const char vswitchd_see_also[] = ".SH SEE ALSO\n"
				 ".BR vsctl (8),\n"
				 ".BR vswitch.conf (5),\n"
				 ".BR xl (1),\n"
				 ".BR xl.cfg (5),\n"
				 ".BR tc (8),\n"
				 ".BR journalctl (1)\n";

/* --- vswitch.conf(5) --- */

const struct file_text conf_files[] = {
	{ CONFIG_DEFAULT, "The file, unless vswitchd's \\-\\-config names another" },
	{ NULL },
};

const char conf_description[] =
	".SH DESCRIPTION\n" CONFIG_DEFAULT
	" says what \\fBvswitchd\\fR(8) starts with: the daemon's own settings, "
	"and its objects, which \\fBvsctl\\fR(8) knows by the same words. What is not there has "
	"its default. It need not exist.\n"
	".PP\n"
	"A line is one of these, whatever blanks are in front of it:\n"
	".TP\n"
	"[\\fIKIND NAME\\fR]\n"
	"The beginning of a section, which is an object; each is there once. [vswitchd] and "
	"[nat\\-table] have no names.\n"
	".TP\n"
	"\\fIKEY\\fR = \\fIVALUE\\fR\n"
	"A key of the section above, each once. \":\" is as good as \"=\", and \"_\" in a key as "
	"\"\\-\". What stands behind a blank and \";\" is a comment.\n"
	".TP\n"
	"# or ; and text\n"
	"A comment.\n"
	".PP\n"
	"A line has 1021 bytes at most. The order of sections does not matter. A file with an "
	"error is refused as a whole; \\fBvsctl config check\\fR lists all of its errors, with "
	"their lines. \\fBvsctl config diff\\fR says what would change, \\fBvsctl config "
	"apply\\fR changes it without a restart, and \\fBvsctl config save\\fR has the file say "
	"what runs, comments and order kept.\n"
	".PP\n"
	"Values are as on vsctl's command line: see VALUES there. A word that stands alone "
	"there (blackhole) is yes or no here.\n";

const char conf_notes[] =
	".SH NOTES\n"
	"A key that is only given when an object is added is no obstacle to \\fBvsctl config "
	"apply\\fR: the object is deleted and added again. Keys of [vswitchd] but route\\-import "
	"wait for the next start.\n"
	".PP\n"
	"A kernel interface that is not there when vswitchd starts is waited for: its port "
	"is down until then. What a port changed on a kernel interface (the MTU, and that it "
	"is up) is put back when the port is deleted or the start fails, but not when "
	"vswitchd stops.\n"
	".PP\n"
	"The kernel counts an 802.1ad tag, and a second tag of any kind, as payload of what "
	"a netdev port sends. Frames of full size that have one are dropped (mtu_exceeded) "
	"unless the port's mtu has room for it: 4 bytes for each such tag.\n"
	".PP\n"
	"Guests' vifs have no section: xl.cfg names their bridge.\n";

const char conf_see_also[] = ".SH SEE ALSO\n"
			     ".BR vswitchd (8),\n"
			     ".BR vsctl (8),\n"
			     ".BR xl.cfg (5)\n";
