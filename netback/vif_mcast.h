/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Multicast control: which multicast packets a guest wants ("feature-multicast-control" in
 * xen/io/netif.h).
 *
 * The guest adds and removes addresses by messages on its transmit ring, whose worker takes them;
 * the filter acts while the guest has request-multicast-control set. Adding an address twice makes
 * two entries, and removing one that is not there is no error: as with the kernel's netback.
 *
 * A backend that takes over a connected guest does not know what it had asked for, so the filter
 * does not act until the guest connects anew.
 *
 * Thread-safety: messages under a lock, any worker; looking up is lock-free; vif_mcast_set() is for
 * the control thread.
 */
#ifndef NETBACK_VIF_MCAST_H
#define NETBACK_VIF_MCAST_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_branch_prediction.h>
#include <rte_mbuf.h>
#include <rte_spinlock.h>

#define VIF_MCAST_MAX 64 /* addresses; XEN_NETBK_MCAST_MAX of the kernel's netback */

struct vif_mcast {
	bool filter;  /* acts. control: rw, worker: ro (relaxed) */
	bool wanted;  /* request-multicast-control. control only */
	bool unknown; /* what the guest has asked of a backend before us. Constant */
	uint16_t end; /* addresses[] from here on are empty. under lock: rw, worker: ro */
	uint16_t n;   /* entries. under lock: rw, control: ro */
	rte_spinlock_t lock;
	uint64_t addresses[VIF_MCAST_MAX]; /* as vif_mcast_key() has them; 0: none */
};

/** vif_mcast_init() - empty. @unknown: the guest was connected before. */
void vif_mcast_init(struct vif_mcast *mcast, bool unknown);

/** vif_mcast_set() - what the guest's request-multicast-control says now. Control thread. */
void vif_mcast_set(struct vif_mcast *mcast, bool wanted);

/**
 * vif_mcast_add() - a message of the guest. Any worker.
 * Return: 0, or -ENOSPC: VIF_MCAST_MAX are there already.
 */
int vif_mcast_add(struct vif_mcast *mcast, const uint8_t address[6]);

/** vif_mcast_remove() - a message of the guest. Any worker. */
void vif_mcast_remove(struct vif_mcast *mcast, const uint8_t address[6]);

/** vif_mcast_wants() - is a packet to be given to the guest, as the filter acts? Any worker. */
bool vif_mcast_wants(const struct vif_mcast *mcast, const struct rte_mbuf *pkt);

/** vif_mcast_filters() - does the filter act? Any thread. */
static inline bool
vif_mcast_filters(const struct vif_mcast *mcast)
{
	return __atomic_load_n(&mcast->filter, __ATOMIC_RELAXED);
}

#endif /* NETBACK_VIF_MCAST_H */
