/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Brctl: the bridge-utils' command, on vswitchd's bridges.
 *
 * How: the words, output, messages and exit statuses are those of bridge-utils 1.7, so that scripts
 * need not know; what they say becomes calls of vswitchd's methods. A bridge that is added gets a
 * tap of its own name: the host's interface, which a Linux bridge is by itself. It is no port to
 * brctl. What vswitchd cannot do is refused as the kernel refuses a value: "Numerical result out of
 * range".
 *
 * Thread-safety: none needed.
 */
#ifndef CTL_BRCTL_H
#define CTL_BRCTL_H

#include <stdbool.h>
#include <stddef.h>

/**
 * brctl_is_called() - is it brctl's name that the program is called by?
 * @program: argv[0]
 */
bool brctl_is_called(const char *program);

/**
 * brctl_usage() - the subcommands
 * @number: from 0
 * @ret_arguments: "<bridge> <device>", then a tab and what it does
 *
 * Return: its name, or NULL: there are no more.
 */
const char *brctl_usage(size_t number, const char **ret_arguments);

/**
 * brctl_main() - do what brctl's command line says
 * @argc, @argv: from "brctl" on; options may stand anywhere
 * @socket: vswitchd's
 *
 * Return: exit status, 0 or 1. Output may still have to be flushed.
 */
int brctl_main(int argc, char **argv, const char *socket);

#endif
