/* SPDX-License-Identifier: BSD-3-Clause */
#include "vif_grants.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include <rte_common.h>

#define GREF_FIRST 8 /* references below are of the hypervisor's making (vif_tx.c) */

static uint32_t
queue_share(uint16_t n_queues)
{
	return RTE_MIN(VIF_GRANTS_MAX, VIF_GRANTS_VIF_MAX / n_queues);
}

struct vif_grants *
vif_grants_create(const struct hypervisor *hv, uint16_t domid, uint16_t n_queues, uint32_t *total)
{
	struct vif_grants *grants = calloc(1, sizeof(*grants));

	static_assert((uint32_t)VIF_GRANTS_DELETED < GREF_FIRST, "no guest has these");
	if (grants == NULL)
		return NULL;
	grants->hv = hv;
	grants->domid = domid;
	grants->max = queue_share(n_queues);
	grants->total = total;
	return grants;
}

uint32_t
vif_grants_room(const struct vif_grants *grants, uint16_t n_queues, uint32_t total)
{
	uint32_t n = grants != NULL ? grants->n : 0;

	return RTE_MIN(queue_share(n_queues), n + VIF_GRANTS_TOTAL_MAX - total);
}

static struct vif_grants_slot *
slot_at(struct vif_grants *grants, uint32_t i)
{
	return &grants->slots[i % VIF_GRANTS_SLOTS];
}

/* The slot that has a reference's page, in sight or not. */
static struct vif_grants_slot *
slot_find(struct vif_grants *grants, uint32_t ref)
{
	for (uint32_t i = 0; i < VIF_GRANTS_PROBES; i++) {
		struct vif_grants_slot *slot = slot_at(grants, ref + i);

		if (slot->page != 0 && slot->own_ref == ref)
			return slot;
	}
	return NULL;
}

static struct vif_grants_slot *
slot_room(struct vif_grants *grants, uint32_t ref)
{
	for (uint32_t i = 0; i < VIF_GRANTS_PROBES; i++)
		if (slot_at(grants, ref + i)->page == 0)
			return slot_at(grants, ref + i);
	return NULL;
}

/* Unmap a page that no worker sees, and shorten the searches that came by here. */
static void
slot_unmap(struct vif_grants *grants, struct vif_grants_slot *slot)
{
	uint32_t i = (uint32_t)(slot - grants->slots) + VIF_GRANTS_SLOTS;

	grants->hv->ops->unmap(grants->hv->ctx,
			       (void *)(slot->page & ~(uintptr_t)VIF_GRANTS_READONLY));
	__atomic_store_n(&slot->page, 0, __ATOMIC_RELAXED);
	grants->n--;
	(*grants->total)--;
	while (slot_at(grants, i)->ref == VIF_GRANTS_DELETED && slot_at(grants, i)->page == 0 &&
	       slot_at(grants, i + 1)->ref == VIF_GRANTS_EMPTY) {
		__atomic_store_n(&slot_at(grants, i)->ref, VIF_GRANTS_EMPTY, __ATOMIC_RELAXED);
		i--;
	}
}

void
vif_grants_free(struct vif_grants *grants)
{
	if (grants == NULL)
		return;
	for (uint32_t i = 0; i < VIF_GRANTS_SLOTS; i++) {
		grants->slots[i].ref = VIF_GRANTS_DELETED;
		if (grants->slots[i].page != 0)
			slot_unmap(grants, &grants->slots[i]);
	}
	free(grants);
}

/* Map a page into a slot where no worker finds it yet. */
static int
slot_map(struct vif_grants *grants, const struct xen_netif_gref *entry)
{
	bool readonly = entry->flags & XEN_NETIF_CTRLF_GREF_readonly;
	struct vif_grants_slot *slot;
	void *page;

	if (entry->ref < GREF_FIRST || (entry->flags & ~XEN_NETIF_CTRLF_GREF_readonly))
		return -EINVAL;
	if (slot_find(grants, entry->ref) != NULL)
		return -EEXIST;
	slot = slot_room(grants, entry->ref);
	if (slot == NULL)
		return -ENOSPC;
	page = grants->hv->ops->map(grants->hv->ctx, grants->domid, entry->ref, !readonly);
	if (page == NULL)
		return -errno;
	__atomic_store_n(&slot->ref, VIF_GRANTS_DELETED, __ATOMIC_RELAXED);
	__atomic_store_n(&slot->page, (uintptr_t)page | (readonly ? VIF_GRANTS_READONLY : 0),
			 __ATOMIC_RELAXED);
	slot->own_ref = entry->ref;
	grants->n++;
	(*grants->total)++;
	return 0;
}

int
vif_grants_add(struct vif_grants *grants, const struct xen_netif_gref *list, uint32_t n)
{
	uint32_t done = 0;
	int ret = 0;

	if (n > grants->max - grants->n || n > VIF_GRANTS_TOTAL_MAX - *grants->total)
		return -ENOSPC;
	while (done < n && ret == 0) {
		ret = slot_map(grants, &list[done]);
		done += ret == 0;
	}
	if (ret < 0) {
		while (done-- > 0)
			slot_unmap(grants, slot_find(grants, list[done].ref));
		return ret;
	}
	for (uint32_t i = 0; i < n; i++)
		__atomic_store_n(&slot_find(grants, list[i].ref)->ref, list[i].ref,
				 __ATOMIC_RELEASE);
	return 0;
}

uint32_t
vif_grants_remove(struct vif_grants *grants, struct xen_netif_gref *list, uint32_t n)
{
	uint32_t n_removed = 0;

	for (uint32_t i = 0; i < n; i++) {
		struct vif_grants_slot *slot =
			grants != NULL ? slot_find(grants, list[i].ref) : NULL;

		/* named twice: removed once */
		if (slot == NULL || slot->ref == VIF_GRANTS_DELETED) {
			list[i].status = XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
			continue;
		}
		__atomic_store_n(&slot->ref, VIF_GRANTS_DELETED, __ATOMIC_RELEASE);
		list[i].status = XEN_NETIF_CTRL_STATUS_SUCCESS;
		n_removed++;
	}
	return n_removed;
}

void
vif_grants_unmap(struct vif_grants *grants)
{
	for (uint32_t i = 0; i < VIF_GRANTS_SLOTS; i++) {
		struct vif_grants_slot *slot = &grants->slots[i];

		if (slot->ref == VIF_GRANTS_DELETED && slot->page != 0)
			slot_unmap(grants, slot);
	}
}
