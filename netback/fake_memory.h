/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory of guests on the fake hypervisor: pages of a file in memory, mapped between two pages that
 * nobody may touch, so that what runs past the end of a granted page faults.
 *
 * Thread-safety: any thread.
 */
#ifndef NETBACK_FAKE_MEMORY_H
#define NETBACK_FAKE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/**
 * fake_memory_map() - map part of a file.
 * @offset, @size: whole pages.
 * @prot: PROT_*.
 * Return: where, or NULL with errno.
 */
void *fake_memory_map(int fd, size_t offset, size_t size, int prot);

/** fake_memory_unmap() - of what is mapped; aborts if it is not. */
void fake_memory_unmap(void *at, size_t size);

/** fake_memory_untouched() - has nobody ever read or written the file from @offset on? */
bool fake_memory_untouched(int fd, size_t offset);

#endif /* NETBACK_FAKE_MEMORY_H */
