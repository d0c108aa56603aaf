/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Store: reading values of xenstore strictly, and writing groups of them that belong together.
 *
 * What a guest writes is read with the same functions as what the toolstack writes: a number is
 * decimal digits and nothing else, within its range, or it is an error.
 *
 * Thread-safety: control thread only.
 */
#ifndef NETBACK_STORE_H
#define NETBACK_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "hypervisor.h"

/**
 * parse_u32() - a decimal number, all of @text.
 * Return: 0, or -EINVAL (not a number, or more than UINT32_MAX) with @ret_value untouched.
 */
int parse_u32(const char *text, uint32_t *ret_value);

/**
 * store_read() - the value of @dir/@key.
 * Return: malloc'd string, or NULL with errno (ENOENT, EACCES …, ENAMETOOLONG).
 */
char *store_read(const struct hypervisor *hv, const char *dir, const char *key);

/**
 * store_read_u32() - the number in @dir/@key.
 * Return: 0, -ENOENT, -EINVAL (not a number) or another error of the store.
 */
int store_read_u32(const struct hypervisor *hv, const char *dir, const char *key,
		   uint32_t *ret_value);

/* One key to write; a value of NULL removes the key. */
struct store_entry {
	const char *key;
	const char *value;
};

#define STORE_STATE_ANY UINT32_MAX

/**
 * store_write() - write several keys of a device's directory in one transaction.
 * @dir: the directory; unless @dir/state exists nothing is written, since the toolstack may have
 *	removed the directory and a write would bring it back.
 * @expected: nothing is written if @dir/state is not this number any more, since somebody else -
 *	the toolstack - has said something meanwhile; or STORE_STATE_ANY.
 * Return: 0, -ENOENT (directory gone), -ESTALE (not @expected) or another error of the store.
 */
int store_write(const struct hypervisor *hv, const char *dir, uint32_t expected,
		const struct store_entry *entries, unsigned int n);

#endif /* NETBACK_STORE_H */
