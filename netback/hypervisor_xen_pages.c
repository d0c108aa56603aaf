/* SPDX-License-Identifier: BSD-3-Clause */
#include "hypervisor_xen_pages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xen/sys/gntalloc.h>
#include <xenstore.h>

#include "error.h"

#define DEVICE "/dev/xen/gntalloc"
#define LIMIT "/sys/module/xen_gntalloc/parameters/limit"
#define LIMIT_OTHERS 1024u /* for other programs: the module's default */
#define GRANTED_MAX 16384u /* half of what a domain's grant table has room for by default */
#define CHUNK 512u         /* pages of one call */

static size_t
bytes(uint32_t n)
{
	return (size_t)n * HYPERVISOR_PAGE_SIZE;
}

/* Let the module give us so many. Without the right to do so, the limit stays what it is. */
static void
raise_limit(uint32_t n)
{
	FILE *file = fopen(LIMIT, "r+e");
	unsigned int limit;

	if (file == NULL)
		return;
	if (fscanf(file, "%u", &limit) == 1 && limit < n + LIMIT_OTHERS) {
		rewind(file);
		fprintf(file, "%u\n", n + LIMIT_OTHERS);
	}
	fclose(file);
}

/* Who we are. Return the domid, or -errno. */
static int
own_domid(void)
{
	struct xs_handle *xs = xs_open(0);
	unsigned int domid;
	int ret;
	char *text;

	if (xs == NULL)
		return -errno;
	text = xs_read(xs, XBT_NULL, "domid", NULL);
	ret = text == NULL ? -errno : sscanf(text, "%u", &domid) != 1 ? -EINVAL : (int)domid;
	free(text);
	xs_close(xs);
	return ret;
}

/* Have the next @n pages granted and mapped in their place. Return 0 or -errno. */
static int
grant_chunk(struct own_pages *pages, uint32_t n)
{
	struct ioctl_gntalloc_dealloc_gref undo = { .count = n };
	struct ioctl_gntalloc_alloc_gref *request;
	int ret = 0;

	request = calloc(1, sizeof(*request) + n * sizeof(request->gref_ids[0]));
	if (request == NULL)
		return -ENOMEM;
	request->domid = pages->domid;
	request->flags = GNTALLOC_FLAG_WRITABLE;
	request->count = n;
	if (ioctl(pages->fd, IOCTL_GNTALLOC_ALLOC_GREF, request) < 0) {
		ret = -errno;
	} else if (mmap(pages->base + bytes(pages->n_granted), bytes(n), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_FIXED, pages->fd, (off_t)request->index) == MAP_FAILED) {
		ret = -errno;
		undo.index = request->index;
		ioctl(pages->fd, IOCTL_GNTALLOC_DEALLOC_GREF, &undo);
	} else {
		memcpy(&pages->refs[pages->n_granted], request->gref_ids,
		       n * sizeof(request->gref_ids[0]));
		pages->n_granted += n;
	}
	free(request);
	return ret;
}

/* As many as Xen gives. Return 0, or -errno with @err: some are not. */
static int
grant_pages(struct own_pages *pages, struct error *err)
{
	const uint32_t wanted = pages->n < GRANTED_MAX ? pages->n : GRANTED_MAX;
	uint32_t chunk = CHUNK;
	int ret = own_domid();

	if (ret < 0)
		return error_set(err, ret, "no domid in xenstore: %s", strerror(-ret));
	pages->domid = (uint16_t)ret;
	pages->refs = calloc(wanted, sizeof(*pages->refs));
	if (pages->refs == NULL)
		return error_set(err, ENOMEM, "no memory");
	pages->fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	if (pages->fd < 0)
		return error_set(err, errno, DEVICE ": %s; is the module xen-gntalloc loaded?",
				 strerror(errno));
	raise_limit(wanted);
	while (pages->n_granted < wanted) {
		uint32_t left = wanted - pages->n_granted;

		ret = grant_chunk(pages, left < chunk ? left : chunk);
		if (ret < 0 && chunk == 1)
			return error_set(err, ret, "no more grants (see " LIMIT "): %s",
					 strerror(-ret));
		if (ret < 0)
			chunk /= 2;
	}
	if (wanted < pages->n)
		return error_set(err, ENOSPC, "%u is the most that may be", wanted);
	return 0;
}

struct own_pages *
own_pages_create(uint32_t n, bool grant, struct error *ret_reason)
{
	struct own_pages *pages = calloc(1, sizeof(*pages));
	uint32_t n_plain;

	if (pages == NULL)
		return NULL;
	pages->fd = -1;
	pages->n = n;
	pages->base =
		mmap(NULL, bytes(n), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (pages->base == MAP_FAILED) {
		free(pages);
		return NULL;
	}
	if (grant)
		grant_pages(pages, ret_reason);
	n_plain = n - pages->n_granted;
	/* populated: no packet is to wait for memory, or to find that there is none */
	if (n_plain > 0 &&
	    mmap(pages->base + bytes(pages->n_granted), bytes(n_plain), PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_POPULATE, -1, 0) == MAP_FAILED) {
		int saved = errno;

		own_pages_destroy(pages);
		errno = saved;
		return NULL;
	}
	return pages;
}

void
own_pages_destroy(struct own_pages *pages)
{
	if (pages == NULL)
		return;
	munmap(pages->base, bytes(pages->n));
	if (pages->fd >= 0)
		close(pages->fd);
	free(pages->refs);
	free(pages);
}
