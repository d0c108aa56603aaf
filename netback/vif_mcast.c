/* SPDX-License-Identifier: BSD-3-Clause */
#include "vif_mcast.h"

#include <errno.h>
#include <string.h>

#include <rte_ether.h>

#define KEY_USED (1ull << 63) /* so that no address has the key 0 */

static uint64_t
mcast_key(const uint8_t address[6])
{
	uint64_t key = 0;

	memcpy(&key, address, RTE_ETHER_ADDR_LEN);
	return key | KEY_USED;
}

void
vif_mcast_init(struct vif_mcast *mcast, bool unknown)
{
	memset(mcast, 0, sizeof(*mcast));
	rte_spinlock_init(&mcast->lock);
	mcast->unknown = unknown;
}

void
vif_mcast_set(struct vif_mcast *mcast, bool wanted)
{
	mcast->wanted = wanted;
	__atomic_store_n(&mcast->filter, wanted && !mcast->unknown, __ATOMIC_RELAXED);
}

int
vif_mcast_add(struct vif_mcast *mcast, const uint8_t address[6])
{
	int ret = -ENOSPC;

	rte_spinlock_lock(&mcast->lock);
	for (uint16_t i = 0; i < VIF_MCAST_MAX; i++) {
		if (mcast->addresses[i] != 0)
			continue;
		__atomic_store_n(&mcast->addresses[i], mcast_key(address), __ATOMIC_RELAXED);
		if (i >= mcast->end)
			__atomic_store_n(&mcast->end, i + 1, __ATOMIC_RELEASE);
		__atomic_store_n(&mcast->n, mcast->n + 1, __ATOMIC_RELAXED);
		ret = 0;
		break;
	}
	rte_spinlock_unlock(&mcast->lock);
	return ret;
}

void
vif_mcast_remove(struct vif_mcast *mcast, const uint8_t address[6])
{
	uint64_t key = mcast_key(address);

	rte_spinlock_lock(&mcast->lock);
	for (uint16_t i = 0; i < mcast->end; i++) {
		uint16_t end = mcast->end;

		if (mcast->addresses[i] != key)
			continue;
		__atomic_store_n(&mcast->addresses[i], 0, __ATOMIC_RELAXED);
		while (end > 0 && mcast->addresses[end - 1] == 0)
			end--;
		__atomic_store_n(&mcast->end, end, __ATOMIC_RELEASE);
		__atomic_store_n(&mcast->n, mcast->n - 1, __ATOMIC_RELAXED);
		break;
	}
	rte_spinlock_unlock(&mcast->lock);
}

bool
vif_mcast_wants(const struct vif_mcast *mcast, const struct rte_mbuf *pkt)
{
	const uint8_t *frame = rte_pktmbuf_mtod(pkt, const uint8_t *);
	const struct rte_ether_addr *destination = (const void *)frame;
	uint16_t end = __atomic_load_n(&mcast->end, __ATOMIC_ACQUIRE);
	uint64_t key;

	if (likely(!rte_is_multicast_ether_addr(destination)) ||
	    rte_is_broadcast_ether_addr(destination))
		return true;
	key = mcast_key(frame);
	for (uint16_t i = 0; i < end; i++)
		if (__atomic_load_n(&mcast->addresses[i], __ATOMIC_RELAXED) == key)
			return true;
	return false;
}
