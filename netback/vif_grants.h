/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Static grants: pages that a guest lets its backend keep mapped, so that packets in them are
 * copied by the processor and need no grant copy ("Static Grants" in xen/io/netif.h; control ring
 * messages 8 to 10).
 *
 * Each queue has a table from grant reference to page, made when the guest first maps something.
 * The control thread fills and empties its slots in place. A slot taken out keeps its page until
 * the grace period is over, and is only then unmapped and free to be used again; so what a worker
 * has found stays good until it reports quiescence. A worker that does not find a page makes a
 * grant copy, which is right for any grant at any time.
 *
 * Each mapping is one of a limited number that the kernel has. So a vif has a share, and a guest
 * that uses all of its own leaves enough for others; those that come when all are in use make do
 * with grant copies.
 *
 * A guest picks its references, and with them their slots. So that it cannot make look-ups long, a
 * page that finds no slot close to its own is refused.
 *
 * Thread-safety: vif_grants_page() is for workers, all else for the control thread.
 */
#ifndef NETBACK_VIF_GRANTS_H
#define NETBACK_VIF_GRANTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_branch_prediction.h>
#include <xen/xen.h>
#include <xen/io/netif.h>

#include "hypervisor.h"

#define VIF_GRANTS_MAX 512         /* pages of a queue: as many as both of its rings have slots */
#define VIF_GRANTS_VIF_MAX 1024    /* of a vif: its queues share them evenly */
#define VIF_GRANTS_TOTAL_MAX 16384 /* of all vifs: each is a mapping, and the kernel has 65530 */
#define VIF_GRANTS_SLOTS 2048
#define VIF_GRANTS_PROBES 32   /* slots looked at for one reference */
#define VIF_GRANTS_READONLY 1u /* in the page's address: only to read */

struct vif_grants_slot {
	uint32_t ref; /* enum vif_grants_ref or a reference. control: rw, worker: ro (acquire) */
	uint32_t own_ref; /* the reference, as long as there is a page; control only */
	uintptr_t page;   /* | VIF_GRANTS_READONLY; 0: none */
};

struct vif_grants {
	const struct hypervisor *hv;
	uint16_t domid;
	uint32_t n;      /* pages mapped */
	uint32_t max;    /* pages that may be */
	uint32_t *total; /* pages mapped, of all vifs */
	struct vif_grants_slot slots[VIF_GRANTS_SLOTS];
};

/* Slots without a page to be found. Guests have no such grants: they are Xen's own. */
enum vif_grants_ref {
	VIF_GRANTS_EMPTY,   /* the search may end here */
	VIF_GRANTS_DELETED, /* the search goes on */
};

/**
 * vif_grants_create() - an empty table.
 * @n_queues: of the vif, one of which has this table.
 * @total: counts the pages of all tables.
 * Return: it, or NULL: no memory.
 */
struct vif_grants *vif_grants_create(const struct hypervisor *hv, uint16_t domid, uint16_t n_queues,
				     uint32_t *total);

/**
 * vif_grants_room() - how many pages a queue may have mapped, with those that it has.
 * @grants: its table, or NULL: it has none yet.
 */
uint32_t vif_grants_room(const struct vif_grants *grants, uint16_t n_queues, uint32_t total);

/** vif_grants_free() - unmap all and free; no worker sees the table any more. NULL is legal. */
void vif_grants_free(struct vif_grants *grants);

/**
 * vif_grants_add() - map pages and let workers find them: all or none.
 * Return: 0, -ENOSPC (too many, or slots too crowded), -EEXIST (mapped already), -EINVAL
 * (references or flags that cannot be) or what mapping failed with.
 */
int vif_grants_add(struct vif_grants *grants, const struct xen_netif_gref *list, uint32_t n);

/**
 * vif_grants_remove() - take pages out of sight. They stay mapped: see vif_grants_unmap().
 * @list: status is filled for each entry: XEN_NETIF_CTRL_STATUS_SUCCESS, or _INVALID_PARAMETER if
 *	there is no such page. @grants: NULL is legal, and has none.
 * Return: how many were removed.
 */
uint32_t vif_grants_remove(struct vif_grants *grants, struct xen_netif_gref *list, uint32_t n);

/** vif_grants_unmap() - unmap what was removed, after a grace period. */
void vif_grants_unmap(struct vif_grants *grants);

/**
 * vif_grants_page() - the page of a reference. Worker, valid until it reports quiescence.
 * @grants: NULL is legal, and has none.
 * @write: to write to.
 * Return: the page, or NULL: it is not mapped.
 */
static inline uint8_t *
vif_grants_page(const struct vif_grants *grants, uint32_t ref, bool write)
{
	if (likely(grants == NULL) || unlikely(ref <= VIF_GRANTS_DELETED))
		return NULL;
	for (uint32_t i = 0; i < VIF_GRANTS_PROBES; i++) {
		const struct vif_grants_slot *slot = &grants->slots[(ref + i) % VIF_GRANTS_SLOTS];
		uint32_t found = __atomic_load_n(&slot->ref, __ATOMIC_ACQUIRE);
		uintptr_t page;

		if (found == VIF_GRANTS_EMPTY)
			return NULL;
		if (found != ref)
			continue;
		page = __atomic_load_n(&slot->page, __ATOMIC_RELAXED);
		if (write && (page & VIF_GRANTS_READONLY))
			return NULL;
		return (uint8_t *)(page & ~(uintptr_t)VIF_GRANTS_READONLY);
	}
	return NULL;
}

#endif /* NETBACK_VIF_GRANTS_H */
