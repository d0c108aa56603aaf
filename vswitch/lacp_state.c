/* SPDX-License-Identifier: BSD-3-Clause */
#include "lacp_state.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "error.h"

#define MAGIC "vswitch lacp 1"
#define BOOT_SIZE 40 /* bytes: a UUID as text */

struct entry {
	struct lacp_record record; /* no name: free */
	uint64_t check;
};

struct file {
	char magic[16];
	char boot[BOOT_SIZE];
	uint32_t entry_size;
	struct entry entries[LACP_STATE_MEMBERS_MAX];
};

struct lacp_state {
	struct file *file;
	bool used[LACP_STATE_MEMBERS_MAX]; /* by this process */
};

/* FNV-1a: against half-written records, not against anybody. */
static uint64_t
checksum(const struct lacp_record *record)
{
	const uint8_t *bytes = (const uint8_t *)record;
	uint64_t sum = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < sizeof(*record); i++)
		sum = (sum ^ bytes[i]) * UINT64_C(0x100000001b3);
	return sum;
}

static bool
is_sound(const struct entry *entry)
{
	const struct lacp_record *record = &entry->record;

	return record->bond[0] != '\0' && entry->check == checksum(record) &&
	       memchr(record->bond, '\0', sizeof(record->bond)) != NULL &&
	       memchr(record->member, '\0', sizeof(record->member)) != NULL;
}

static void
boot_id(char ret_boot[BOOT_SIZE])
{
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

	memset(ret_boot, 0, BOOT_SIZE);
	if (file == NULL)
		return;
	if (fgets(ret_boot, BOOT_SIZE, file) == NULL)
		ret_boot[0] = '\0';
	fclose(file);
}

static void
file_begin(struct file *file)
{
	char boot[BOOT_SIZE];

	boot_id(boot);
	if (strncmp(file->magic, MAGIC, sizeof(file->magic)) == 0 &&
	    memcmp(file->boot, boot, sizeof(boot)) == 0 && file->entry_size == sizeof(struct entry))
		return;
	memset(file, 0, sizeof(*file));
	snprintf(file->magic, sizeof(file->magic), "%s", MAGIC);
	memcpy(file->boot, boot, sizeof(boot));
	file->entry_size = sizeof(struct entry);
}

struct lacp_state *
lacp_state_open(const char *path, struct error *err)
{
	struct lacp_state *state = calloc(1, sizeof(*state));
	int fd, ret;

	if (state == NULL) {
		error_set(err, ENOMEM, "%s: no memory", path);
		return NULL;
	}
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || ftruncate(fd, sizeof(struct file)) < 0)
		goto err;
	/* all of it now: a full disk must not be met as a signal later */
	ret = posix_fallocate(fd, 0, sizeof(struct file));
	if (ret != 0) {
		errno = ret;
		goto err;
	}
	state->file = mmap(NULL, sizeof(struct file), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (state->file == MAP_FAILED)
		goto err;
	close(fd);
	file_begin(state->file);
	return state;

err:
	error_set(err, errno, "%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	free(state);
	return NULL;
}

void
lacp_state_close(struct lacp_state *state)
{
	if (state == NULL)
		return;
	munmap(state->file, sizeof(*state->file));
	free(state);
}

static int
entry_find(const struct lacp_state *state, const char *bond, const char *member)
{
	for (int i = 0; i < LACP_STATE_MEMBERS_MAX; i++) {
		const struct entry *entry = &state->file->entries[i];

		if (is_sound(entry) && strcmp(entry->record.bond, bond) == 0 &&
		    strcmp(entry->record.member, member) == 0)
			return i;
	}
	return -1;
}

bool
lacp_state_find(const struct lacp_state *state, const char *bond, const char *member,
		struct lacp_record *ret_record)
{
	int i = entry_find(state, bond, member);

	if (i >= 0)
		*ret_record = state->file->entries[i].record;
	return i >= 0;
}

/* A place that nobody uses: best one without a record. */
static int
entry_free(const struct lacp_state *state)
{
	int stale = -1;

	for (int i = 0; i < LACP_STATE_MEMBERS_MAX; i++) {
		if (!state->used[i] && !is_sound(&state->file->entries[i]))
			return i;
		if (!state->used[i])
			stale = i;
	}
	return stale;
}

void
lacp_state_put(struct lacp_state *state, const struct lacp_record *record, int *cursor)
{
	struct entry entry = { 0 };

	if (*cursor < 0)
		*cursor = entry_find(state, record->bond, record->member);
	if (*cursor < 0)
		*cursor = entry_free(state);
	if (*cursor < 0)
		return;
	state->used[*cursor] = true;
	/* byte by byte, so that padding is as in the sum */
	memcpy(&entry.record, record, sizeof(*record));
	entry.check = checksum(&entry.record);
	memcpy(&state->file->entries[*cursor], &entry, sizeof(entry));
}

void
lacp_state_drop(struct lacp_state *state, int *cursor)
{
	if (*cursor < 0)
		return;
	memset(&state->file->entries[*cursor], 0, sizeof(struct entry));
	state->used[*cursor] = false;
	*cursor = -1;
}

void
lacp_state_keep(struct lacp_state *state)
{
	for (int i = 0; i < LACP_STATE_MEMBERS_MAX; i++)
		if (!state->used[i])
			memset(&state->file->entries[i], 0, sizeof(struct entry));
}
