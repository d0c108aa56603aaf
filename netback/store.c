/* SPDX-License-Identifier: BSD-3-Clause */
#include "store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define TRANSACTION_TRIES 100 /* a store that is that busy is broken */

int
parse_u32(const char *text, uint32_t *ret_value)
{
	uint64_t value = 0;

	if (*text == '\0')
		return -EINVAL;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		value = value * 10 + (uint64_t)(*text - '0');
		if (value > UINT32_MAX)
			return -EINVAL;
	}
	*ret_value = (uint32_t)value;
	return 0;
}

static int
store_path(char path[STORE_PATH_SIZE], const char *dir, const char *key)
{
	int len = snprintf(path, STORE_PATH_SIZE, "%s/%s", dir, key);

	return len < 0 || len >= STORE_PATH_SIZE ? -ENAMETOOLONG : 0;
}

char *
store_read(const struct hypervisor *hv, const char *dir, const char *key)
{
	char path[STORE_PATH_SIZE];

	if (store_path(path, dir, key) < 0) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	return hv->ops->read(hv->ctx, 0, path);
}

int
store_read_u32(const struct hypervisor *hv, const char *dir, const char *key, uint32_t *ret_value)
{
	char *text = store_read(hv, dir, key);
	int ret;

	if (text == NULL)
		return -errno;
	ret = parse_u32(text, ret_value);
	free(text);
	return ret;
}

static int
store_write_once(const struct hypervisor *hv, uint32_t transaction, const char *dir,
		 uint32_t expected, const struct store_entry *entries, unsigned int n)
{
	char path[STORE_PATH_SIZE];
	uint32_t value;
	char *state;
	int ret;

	ret = store_path(path, dir, "state");
	if (ret < 0)
		return ret;
	state = hv->ops->read(hv->ctx, transaction, path);
	if (state == NULL)
		return -errno;
	if (expected != STORE_STATE_ANY && (parse_u32(state, &value) < 0 || value != expected))
		ret = -ESTALE;
	free(state);
	if (ret < 0)
		return ret;

	for (unsigned int i = 0; i < n; i++) {
		ret = store_path(path, dir, entries[i].key);
		if (ret == 0 && entries[i].value != NULL)
			ret = hv->ops->write(hv->ctx, transaction, path, entries[i].value);
		else if (ret == 0)
			ret = hv->ops->rm(hv->ctx, transaction, path);
		if (ret < 0)
			return ret;
	}
	return 0;
}

int
store_write(const struct hypervisor *hv, const char *dir, uint32_t expected,
	    const struct store_entry *entries, unsigned int n)
{
	int ret = -EAGAIN;

	for (int try = 0; try < TRANSACTION_TRIES && ret == -EAGAIN; try++) {
		uint32_t transaction;
		int end;

		ret = hv->ops->transaction_start(hv->ctx, &transaction);
		if (ret < 0)
			return ret;
		ret = store_write_once(hv, transaction, dir, expected, entries, n);
		end = hv->ops->transaction_end(hv->ctx, transaction, ret < 0);
		if (ret == 0)
			ret = end;
	}
	return ret;
}
