/* SPDX-License-Identifier: BSD-3-Clause */
#include "fake_memory.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hypervisor.h"

#define GUARD HYPERVISOR_PAGE_SIZE

void *
fake_memory_map(int fd, size_t offset, size_t size, int prot)
{
	uint8_t *area = mmap(NULL, size + 2 * GUARD, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int saved;

	if (area == MAP_FAILED)
		return NULL;
	if (mmap(area + GUARD, size, prot, MAP_SHARED | MAP_FIXED, fd, (off_t)offset) != MAP_FAILED)
		return area + GUARD;
	saved = errno;
	munmap(area, size + 2 * GUARD);
	errno = saved;
	return NULL;
}

void
fake_memory_unmap(void *at, size_t size)
{
	/* msync() knows what is mapped; munmap() does not mind if nothing is */
	if (msync(at, size, MS_ASYNC) < 0 || munmap((uint8_t *)at - GUARD, size + 2 * GUARD) < 0)
		abort();
}

bool
fake_memory_untouched(int fd, size_t offset)
{
	/* a page that is only read gets its place in the file as well */
	return lseek(fd, (off_t)offset, SEEK_DATA) < 0 && errno == ENXIO;
}
