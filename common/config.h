/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Configuration file: INI sections that describe objects, [bridge NAME], [port NAME] and so on, and
 * the daemon itself, [vswitchd].
 *
 *	[bridge xenbr0]
 *	ageing = 300
 *	[port eth1]
 *	bridge = xenbr0
 *
 * How: inih splits the lines, the object schemas say which sections, keys and values there are.
 * The whole file is read and checked before anything is done with it: the result has every section
 * with its values, defaults where the file says nothing, or there are errors, each with its line.
 *
 * Thread-safety: none needed; a struct config belongs to its caller.
 */
#ifndef COMMON_CONFIG_H
#define COMMON_CONFIG_H

#include <stddef.h>
#include <stdio.h>

#include "error.h"
#include "object.h"

#define CONFIG_LINE_MAX 1021 /* bytes of a line: inih's buffer, less newline and NUL */

struct config_section {
	struct object object;
	unsigned int line;                       /* of its [header] */
	unsigned int key_lines[SCHEMA_KEYS_MAX]; /* of its keys; 0: not given */
	bool has_faults;                         /* in its keys; only while it is checked */
	bool is_wrong;                           /* otherwise; the same */
};

/* Sections in the order of the file. An empty struct config is all zero. */
struct config {
	struct config_section *sections;
	size_t n_sections;
	char *path; /* for messages */
};

#define CONFIG_FAULTS_MAX 100 /* that are kept; more are counted */

/* What is wrong with a file. All zero: nothing so far. */
struct config_faults {
	struct error *errors; /* "FILE:LINE: what is wrong and what would be right", read first,
				 then whole sections */
	size_t n;
	size_t n_more; /* that were not kept */
};

/* How far the names that sections call each other by are looked at. */
enum config_care {
	CONFIG_CARE_NONE,
	CONFIG_CARE_NEEDED, /* without which there is an error; rules, routes and mirrors wait */
	CONFIG_CARE_ALL,
};

/**
 * config_check() - read a configuration and find all that is wrong with it
 * @file: read from where it stands to its end; not closed
 * @path: name for messages
 * @care: of names that the file lacks
 * @ret_config: its sections if nothing is wrong; config_free() it. Untouched on failure. NULL: only
 *	check
 * @faults: gets the faults; config_faults_free() it
 *
 * Return: 0, or the -errno of the first fault. Context: any thread.
 */
int config_check(FILE *file, const char *path, enum config_care care, struct config *ret_config,
		 struct config_faults *faults);

/** config_faults_add() - one more, a copy of @err. */
void config_faults_add(struct config_faults *faults, const struct error *err);

/** config_faults_free() - free what config_check() kept; the struct is empty afterwards. */
void config_faults_free(struct config_faults *faults);

/**
 * config_load() - read and check a configuration file
 * @path: the file
 * @ret_config: its sections; config_free() it. Untouched on failure
 * @err: "FILE:LINE: what is wrong and what would be right"
 *
 * Return: 0, -ENOENT if there is no such file, or another -errno. Context: any thread.
 */
int config_load(const char *path, struct config *ret_config, struct error *err);

/**
 * config_read() - the same from an open stream; names that sections call each other by are not
 * looked at but for bridges: what is there is vswitchd's to know
 * @file: read from where it stands to its end; not closed
 * @path: name for messages
 * @ret_config: as config_load()
 * @err: as config_load()
 *
 * Return: 0 or -errno. Context: any thread.
 */
int config_read(FILE *file, const char *path, struct config *ret_config, struct error *err);

/**
 * config_next() - go through the sections of one kind
 * @config: the configuration
 * @schema: kind of object
 * @section: the one before, or NULL to start
 *
 * Return: the next section, or NULL at the end. Context: any thread.
 */
const struct config_section *config_next(const struct config *config,
					 const struct object_schema *schema,
					 const struct config_section *section);

#define CONFIG_NO_KEY SCHEMA_KEYS_MAX

/**
 * config_fault() - say where in the file a fault comes from that was found later
 * @config: the configuration
 * @section: the section at fault; NULL: it is not from the file, and nothing is said
 * @key: index of the key at fault, or CONFIG_NO_KEY
 * @err: the message; gets "FILE:LINE: " in front, the line of the key if it was given
 *
 * Return: the code of @err. Context: any thread.
 */
int config_fault(const struct config *config, const struct config_section *section,
		 unsigned int key, struct error *err);

/**
 * config_free() - free what config_load() allocated
 * @config: may be empty; is empty afterwards
 *
 * Context: any thread.
 */
void config_free(struct config *config);

#endif
