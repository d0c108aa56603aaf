/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Examples: what is done with vsctl, for its help and its man page.
 *
 * How: which object an example is for follows from its commands; a test reads all of them as vsctl
 * does, and wants one for each object.
 *
 * Thread-safety: const table.
 */
#ifndef CTL_EXAMPLES_H
#define CTL_EXAMPLES_H

#include <stdbool.h>
#include <stddef.h>

/* @commands: as typed behind "vsctl ", one a line. */
struct example {
	const char *purpose;
	const char *commands;
};

extern const struct example examples[];
extern const size_t n_examples;

/* The same of the configuration file: @commands are its lines. */
extern const struct example config_examples[];
extern const size_t n_config_examples;

#define EXAMPLE_LINE_SIZE 128

/**
 * example_line() - go through the commands of an example
 * @rest: @commands of it at first; then what is left
 * @ret_line: the next one
 *
 * Return: false at the end.
 */
bool example_line(const char **rest, char ret_line[EXAMPLE_LINE_SIZE]);

/**
 * example_is_about() - has an example such a command?
 * @object: "bridge", or a word alone
 * @verb: "add", or NULL: any
 */
bool example_is_about(const struct example *example, const char *object, const char *verb);

#endif
