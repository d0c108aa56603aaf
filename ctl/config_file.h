/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Configuration files as vsctl reads and writes them, and records as JSON.
 *
 * Thread-safety: none needed.
 */
#ifndef CTL_CONFIG_FILE_H
#define CTL_CONFIG_FILE_H

#include <stdbool.h>

#include <jansson.h>

#include "config.h"
#include "record.h"

struct error;

/** file_read() - the text of a file, "-" being stdin. Return: 0 or -errno. Free() it. */
int file_read(const char *path, char **ret_text, struct error *err);

/** file_is_same() - do two paths, of files that need not exist, lead to the same place? */
bool file_is_same(const char *path, const char *other);

/** file_check() - may it be written: a file, or nothing yet? Return: 0 or -errno. */
int file_check(const char *path, struct error *err);

/**
 * file_write() - replace a file, at one go: whoever reads it has the old text or the new one, also
 * after a crash. Mode and owner stay; a symbolic link stays one. Return: 0 or -errno.
 */
int file_write(const char *path, const char *text, struct error *err);

/**
 * config_file_read() - read and check a file
 * @care: of names that the file lacks
 * @ret_config: config_free() it
 *
 * All that is wrong is written to stderr, a line each.
 * Return: 0 or -errno.
 */
int config_file_read(const char *path, enum config_care care, struct config *ret_config,
		     struct error *err);

/** config_objects() - the sections as vswitchd takes them. Return: new reference. */
json_t *config_objects(const struct config *config);

/** records_read() - append what "config.show" gives as "objects". Return: 0 or -errno. */
int records_read(const json_t *objects, struct record_list *list, struct error *err);

#endif
