/* SPDX-License-Identifier: BSD-3-Clause */
#include "capture_file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "pcapng.h"

#define NAME_EXTRA 16 /* a number and more */

struct capture_file {
	const char *name;
	FILE *out;
	uint64_t size; /* 0: no limit */
	unsigned int files;
	unsigned int number; /* of this file */
	uint64_t written;    /* bytes in it */
	bool has_packets;    /* in it */
	uint8_t *head;       /* section and interfaces so far */
	size_t head_len, head_size;
	char path[]; /* of this file */
};

static int
failed(const struct capture_file *file, int error, struct error *err)
{
	return error_set(err, error, "capture: %s: %s", file->path, strerror(error));
}

static int
digits(unsigned int number)
{
	int n = 1;

	while (number >= 10) {
		number /= 10;
		n++;
	}
	return n;
}

/* What the file of this number is called. */
static void
path_set(struct capture_file *file)
{
	const size_t size = strlen(file->name) + NAME_EXTRA;

	if (file->files > 0)
		snprintf(file->path, size, "%s%0*u", file->name, digits(file->files - 1),
			 file->number);
	else if (file->number > 0)
		snprintf(file->path, size, "%s%u", file->name, file->number);
	else
		snprintf(file->path, size, "%s", file->name);
}

static int
begin(struct capture_file *file, struct error *err)
{
	path_set(file);
	file->out = strcmp(file->name, "-") == 0 ? stdout : fopen(file->path, "we");
	if (file->out == NULL)
		return failed(file, errno, err);
	file->written = 0;
	file->has_packets = false;
	return 0;
}

struct capture_file *
capture_file_open(const char *name, uint64_t size, unsigned int files, struct error *err)
{
	struct capture_file *file = calloc(1, sizeof(*file) + strlen(name) + NAME_EXTRA);

	if (file == NULL) {
		error_set(err, ENOMEM, "%s", strerror(ENOMEM));
		return NULL;
	}
	file->name = name;
	file->size = size;
	file->files = files;
	if (begin(file, err) == 0)
		return file;
	free(file);
	return NULL;
}

/* Keep a block for the files to come. */
static int
head_add(struct capture_file *file, const void *block, size_t len, struct error *err)
{
	uint8_t *head;

	if (file->head_size - file->head_len < len) {
		head = realloc(file->head, 2 * file->head_size + len);
		if (head == NULL)
			return error_set(err, ENOMEM, "%s", strerror(ENOMEM));
		file->head = head;
		file->head_size = 2 * file->head_size + len;
	}
	memcpy(file->head + file->head_len, block, len);
	file->head_len += len;
	return 0;
}

static int
write_out(struct capture_file *file, const void *bytes, size_t len, struct error *err)
{
	errno = 0;
	file->written += len;
	if (fwrite(bytes, 1, len, file->out) == len)
		return 0;
	return failed(file, errno != 0 ? errno : EIO, err);
}

static int
end(struct capture_file *file, struct error *err)
{
	FILE *out = file->out;

	file->out = NULL;
	if (out == NULL)
		return 0;
	errno = 0;
	if ((out == stdout ? fflush(out) : fclose(out)) != 0)
		return failed(file, errno != 0 ? errno : EIO, err);
	return 0;
}

/* The next file of the ring, or of the row. */
static int
next(struct capture_file *file, struct error *err)
{
	int ret = end(file, err);

	file->number++;
	if (file->files > 0)
		file->number %= file->files;
	if (ret == 0)
		ret = begin(file, err);
	return ret == 0 ? write_out(file, file->head, file->head_len, err) : ret;
}

int
capture_file_put(struct capture_file *file, const void *block, size_t len, struct error *err)
{
	struct pcapng_block head;
	int ret = 0;

	memcpy(&head, block, sizeof(head));
	if (head.type == PCAPNG_PACKET) {
		if (file->size > 0 && file->has_packets && file->written + len > file->size)
			ret = next(file, err);
		file->has_packets = true;
	} else if (head.type == PCAPNG_SECTION || head.type == PCAPNG_INTERFACE) {
		ret = head_add(file, block, len, err);
	}
	return ret == 0 ? write_out(file, block, len, err) : ret;
}

int
capture_file_flush(struct capture_file *file, struct error *err)
{
	errno = 0;
	return fflush(file->out) == 0 ? 0 : failed(file, errno != 0 ? errno : EIO, err);
}

int
capture_file_close(struct capture_file *file, struct error *err)
{
	int ret;

	if (file == NULL)
		return 0;
	ret = end(file, err);
	free(file->head);
	free(file);
	return ret;
}
