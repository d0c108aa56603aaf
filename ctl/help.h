/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Help: read off the table of commands and the object schemas.
 *
 * Thread-safety: none needed.
 */
#ifndef CTL_HELP_H
#define CTL_HELP_H

#include <stdio.h>

#include "option.h"

struct error;

/* What stands in front of the command. */
extern const struct option_text vsctl_options[];

/**
 * help_print() - "vsctl help", "vsctl bridge help"
 * @object: explain only this kind of object; NULL: all commands
 * @out: where to
 * @err: there is no such object
 *
 * Return: 0 or -EINVAL.
 */
int help_print(const char *object, FILE *out, struct error *err);

#endif
