/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pages of one's own, which packets are in: as many as possible granted to the own domain.
 *
 * A grant copy between a guest's page and a piece of a process's memory makes the kernel (gntdev)
 * look up and pin that memory each time, which costs more than the copy. If the near side is a
 * grant as well, it is passed to the hypervisor as it is. So the pages come from the grant
 * allocator, /dev/xen/gntalloc, and each remembers its reference. Where Xen or the kernel gives no
 * more of them - there is a limit of the module's, which is raised if that may be done, and the
 * size of the domain's grant table - the rest is plain memory, which works, too.
 *
 * The kernel takes the grants back when the process ends, however it ends.
 *
 * Thread-safety: created and destroyed by the control thread; constant in between.
 */
#ifndef NETBACK_HYPERVISOR_XEN_PAGES_H
#define NETBACK_HYPERVISOR_XEN_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hypervisor.h"

struct error;

struct own_pages {
	uint8_t *base;
	uint32_t n;
	uint32_t n_granted; /* the first of them */
	uint32_t *refs;     /* of those */
	uint16_t domid;     /* the own one */
	int fd;             /* of the grant allocator, or -1 */
};

/**
 * own_pages_create() - allocate pages in a row. After the process has daemonised. Control thread.
 * @n: how many, > 0.
 * @grant: this is to run on Xen: grant them, as far as possible.
 * @ret_reason: if not all are granted that should be: why. Else untouched.
 * Return: the pages, or NULL with errno.
 */
struct own_pages *own_pages_create(uint32_t n, bool grant, struct error *ret_reason);

/** own_pages_destroy() - give all back; NULL is legal. Nobody may use them any more. Control. */
void own_pages_destroy(struct own_pages *pages);

/**
 * own_pages_ref() - the grant that a piece of memory lies in. Any thread.
 * @pages: or NULL.
 * @at, @len: the piece, > 0 bytes.
 * @ret_ref, @ret_offset: filled: of the page, and in it.
 * Return: false if it is not in one page that is granted.
 */
static inline bool
own_pages_ref(const struct own_pages *pages, const void *at, uint32_t len, uint32_t *ret_ref,
	      uint16_t *ret_offset)
{
	size_t offset;

	if (pages == NULL)
		return false;
	/* what lies before them is far behind, too */
	offset = (uintptr_t)at - (uintptr_t)pages->base;
	if (offset >= (size_t)pages->n_granted * HYPERVISOR_PAGE_SIZE ||
	    offset % HYPERVISOR_PAGE_SIZE + len > HYPERVISOR_PAGE_SIZE)
		return false;
	*ret_ref = pages->refs[offset / HYPERVISOR_PAGE_SIZE];
	*ret_offset = (uint16_t)(offset % HYPERVISOR_PAGE_SIZE);
	return true;
}

#endif /* NETBACK_HYPERVISOR_XEN_PAGES_H */
