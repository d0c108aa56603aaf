/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Options: the command line of vswitchd.
 *
 * Thread-safety: main thread only.
 */
#ifndef VSWITCH_OPTIONS_H
#define VSWITCH_OPTIONS_H

#include <stdbool.h>

#include "option.h"

#define CONFIG_DEFAULT "/etc/vswitch/vswitch.conf"
#define RUN_DIR_DEFAULT "/run/vswitch"
#define STATE_DIR_DEFAULT "/var/lib/vswitch"

struct options {
	const char *config; /* NULL: the default, which need not exist */
	const char *run_dir;
	const char *state_dir; /* NULL: the default, or "state" below a run_dir that is not */
	bool xen;
	bool foreground;
	bool give_back; /* and nothing else */
};

/* What --help and the man page say of each. */
extern const struct option_text vswitchd_options[];

/**
 * options_read() - read the command line, and do what --help and --version ask for
 * @options: set, with defaults for what is not there
 *
 * Return: -1 to go on, or the status to exit with.
 */
int options_read(int argc, char **argv, struct options *options);

#endif /* VSWITCH_OPTIONS_H */
