/* SPDX-License-Identifier: BSD-3-Clause */
#include "options.h"

#include <stdio.h>
#include <stdlib.h>

#include "version.h"

enum {
	OPT_CONFIG,
	OPT_RUN_DIR,
	OPT_STATE_DIR,
	OPT_NO_XEN,
	OPT_FOREGROUND,
	OPT_GIVE_BACK,
	OPT_VERSION,
	OPT_HELP,
	N_OPTIONS
};

const struct option_text vswitchd_options[] = {
	[OPT_CONFIG] = { "--config", "FILE",
			 "bridges and ports to start with (default " CONFIG_DEFAULT ", "
			 "which need not exist)" },
	[OPT_RUN_DIR] = { "--run-dir", "DIR",
			  "where the socket and the pid file are (default " RUN_DIR_DEFAULT ")" },
	[OPT_STATE_DIR] = { "--state-dir", "DIR",
			    "where the history of the configuration is (default " STATE_DIR_DEFAULT
			    ", or state below --run-dir)" },
	[OPT_NO_XEN] = { "--no-xen", NULL,
			 "do not connect to Xen: no guests, bridges and NICs only" },
	[OPT_FOREGROUND] = { "--foreground", NULL, "stay in the foreground and log to stderr" },
	[OPT_GIVE_BACK] = { "--give-back", NULL,
			    "start nothing: give NICs that a vswitchd which is no more had "
			    "adopted\n"
			    "back to the host, with their addresses, and exit" },
	[OPT_VERSION] = { "--version", NULL, "print the version" },
	[OPT_HELP] = { "--help", NULL, "print a short help" },
	[N_OPTIONS] = { NULL },
};

static void
print_help(void)
{
	fputs("Usage: vswitchd [OPTION]...\n"
	      "A virtual switch for Xen guests: netback, bridges, and physical NICs by DPDK.\n\n",
	      stdout);
	option_print(vswitchd_options, stdout);
	fputs("\nvsctl(8) shows and changes what it does; \"vsctl help\" tells how.\n", stdout);
}

int
options_read(int argc, char **argv, struct options *options)
{
	struct option_getopt table;
	int opt;

	option_getopt_make(vswitchd_options, &table);
	*options = (struct options){ .run_dir = RUN_DIR_DEFAULT, .xen = true };
	while ((opt = getopt_long(argc, argv, table.letters, table.longs, NULL)) != -1) {
		switch (opt - OPTION_LONG) {
		case OPT_CONFIG:
			options->config = optarg;
			break;
		case OPT_RUN_DIR:
			options->run_dir = optarg;
			break;
		case OPT_STATE_DIR:
			options->state_dir = optarg;
			break;
		case OPT_NO_XEN:
			options->xen = false;
			break;
		case OPT_FOREGROUND:
			options->foreground = true;
			break;
		case OPT_GIVE_BACK:
			options->give_back = true;
			break;
		case OPT_VERSION:
			printf("vswitchd %s\n", VSWITCH_VERSION);
			return EXIT_SUCCESS;
		case OPT_HELP:
			print_help();
			return EXIT_SUCCESS;
		default:
			fputs("Try \"vswitchd --help\".\n", stderr);
			return 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "vswitchd: unexpected argument \"%s\"; try \"vswitchd --help\"\n",
			argv[optind]);
		return 2;
	}
	return -1;
}
