/* SPDX-License-Identifier: BSD-3-Clause */
#include "capture_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "interrupt.h"
#include "pcapng.h"

#define NAME_EXTRA 16 /* a number and more */
#define BUFFER_SIZE (1u << 18)

struct capture_file {
	const char *name;
	int fd;        /* -1: none is open */
	uint64_t size; /* 0: no limit */
	unsigned int files;
	unsigned int number; /* of this file */
	uint64_t put;        /* bytes that are, or are to be, in it */
	bool has_packets;    /* in it */
	uint64_t packets;    /* that have been written whole, to any of them */
	uint8_t *head;       /* section and interfaces so far */
	size_t head_len, head_size;
	uint8_t *buffer; /* whole blocks */
	size_t len;
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
	file->fd = strcmp(file->name, "-") == 0 ?
			   STDOUT_FILENO :
			   open(file->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (file->fd < 0)
		return failed(file, errno, err);
	file->put = 0;
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
	file->buffer = malloc(BUFFER_SIZE);
	if (file->buffer == NULL)
		error_set(err, ENOMEM, "%s", strerror(ENOMEM));
	else if (begin(file, err) == 0)
		return file;
	free(file->buffer);
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

/* The whole blocks of what begins with one. Return: their bytes. */
static size_t
whole_blocks(const uint8_t *bytes, size_t len, uint64_t *ret_packets)
{
	struct pcapng_block head;
	size_t whole = 0, block;

	*ret_packets = 0;
	while ((block = pcapng_block_len(bytes + whole, len - whole)) != 0 && block != SIZE_MAX) {
		memcpy(&head, bytes + whole, sizeof(head));
		*ret_packets += head.type == PCAPNG_PACKET;
		whole += block;
	}
	return whole;
}

/* Write blocks. What a full disk has cut through is taken back: a file ends with a whole block. */
static int
write_out(struct capture_file *file, const uint8_t *bytes, size_t len, struct error *err)
{
	uint64_t packets;
	size_t written;
	int ret = interrupt_write(file->fd, bytes, len, &written);
	size_t whole = whole_blocks(bytes, written, &packets);
	off_t end;

	file->packets += packets;
	if (ret == 0)
		return 0;
	/* what is no file has no end */
	end = lseek(file->fd, 0, SEEK_CUR);
	if (end >= 0 && whole < written && ftruncate(file->fd, end - (off_t)(written - whole)) == 0)
		lseek(file->fd, 0, SEEK_END);
	if (ret == -ETIMEDOUT)
		return error_set(err, ETIMEDOUT, "capture: %s: nobody reads it", file->path);
	return failed(file, -ret, err);
}

int
capture_file_flush(struct capture_file *file, struct error *err)
{
	const size_t len = file->len;

	file->len = 0;
	return len > 0 ? write_out(file, file->buffer, len, err) : 0;
}

static int
add(struct capture_file *file, const void *bytes, size_t len, struct error *err)
{
	int ret = BUFFER_SIZE - file->len < len ? capture_file_flush(file, err) : 0;

	file->put += len;
	if (ret < 0 || len > BUFFER_SIZE)
		return ret < 0 ? ret : write_out(file, bytes, len, err);
	memcpy(file->buffer + file->len, bytes, len);
	file->len += len;
	return 0;
}

static int
end(struct capture_file *file, struct error *err)
{
	const int fd = file->fd;
	int ret = fd >= 0 ? capture_file_flush(file, err) : 0;

	file->fd = -1;
	if (fd >= 0 && fd != STDOUT_FILENO && close(fd) < 0 && ret == 0)
		ret = failed(file, errno, err);
	return ret;
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
	return ret == 0 ? add(file, file->head, file->head_len, err) : ret;
}

int
capture_file_put(struct capture_file *file, const void *block, size_t len, struct error *err)
{
	struct pcapng_block head;
	int ret = 0;

	memcpy(&head, block, sizeof(head));
	if (head.type == PCAPNG_PACKET) {
		if (file->size > 0 && file->has_packets && file->put + len > file->size)
			ret = next(file, err);
		file->has_packets = true;
	} else if (head.type == PCAPNG_SECTION || head.type == PCAPNG_INTERFACE) {
		ret = head_add(file, block, len, err);
	}
	return ret == 0 ? add(file, block, len, err) : ret;
}

int
capture_file_close(struct capture_file *file, uint64_t *ret_packets, struct error *err)
{
	int ret;

	if (file == NULL)
		return 0;
	ret = end(file, err);
	if (ret_packets != NULL)
		*ret_packets = file->packets;
	free(file->buffer);
	free(file->head);
	free(file);
	return ret;
}
