/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Files that a capture is written to: one, or a ring of them, or stdout. Each begins with the
 * section and the interfaces that there are so far, so that it can be read without the others.
 *
 * Names are as tcpdump has them: FILE, FILE1, FILE2, ...; with a largest number of files FILE0,
 * FILE1, ... with as many digits as the last one has.
 *
 * Thread-safety: none needed.
 */
#ifndef CTL_CAPTURE_FILE_H
#define CTL_CAPTURE_FILE_H

#include <stddef.h>
#include <stdint.h>

struct capture_file;
struct error;

/**
 * capture_file_open() - begin
 * @name: "-" is stdout
 * @size: bytes after which another file is begun; 0: never
 * @files: how many there may be; 0: no limit
 *
 * Return: it, or NULL with @err filled.
 */
struct capture_file *capture_file_open(const char *name, uint64_t size, unsigned int files,
				       struct error *err);

/**
 * capture_file_put() - write a block, sooner or later
 * Return: 0; -EPIPE: nobody reads; -ETIMEDOUT: interrupted, and nobody reads; or another -errno.
 * After an error there is only capture_file_close() left.
 */
int capture_file_put(struct capture_file *file, const void *block, size_t len, struct error *err);

/** capture_file_flush() - have what was put be there. Return: as above. */
int capture_file_flush(struct capture_file *file, struct error *err);

/**
 * capture_file_close() - NULL is legal
 * @ret_packets: how many have been written, whole; NULL: nobody asks
 * Return: as above.
 */
int capture_file_close(struct capture_file *file, uint64_t *ret_packets, struct error *err);

#endif
