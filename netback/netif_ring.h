/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Shared rings of xen/io/netif.h: layout, and the few operations a backend needs (xen/io/ring.h).
 *
 * The other end of a ring is hostile: an entry is copied out of the page exactly once and only the
 * copy is looked at; indices are compared by unsigned subtraction.
 *
 * Thread-safety: plain functions; the caller is the only user of its end of the ring.
 */
#ifndef NETBACK_NETIF_RING_H
#define NETBACK_NETIF_RING_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <xen/xen.h>
#include <xen/io/netif.h>

#define NETIF_RING_SLOTS 256 /* of both rings: (4096 - 64) / 12 or / 8, down to a power of two */
#define NETIF_RING_MASK (NETIF_RING_SLOTS - 1)

static_assert(__CONST_RING_SIZE(netif_tx, 4096) == NETIF_RING_SLOTS, "TX ring size");
static_assert(__CONST_RING_SIZE(netif_rx, 4096) == NETIF_RING_SLOTS, "RX ring size");

/* ring_load() - the peer's producer index; what it published before is visible afterwards. */
static inline uint32_t
ring_load(const RING_IDX *index)
{
	return __atomic_load_n(index, __ATOMIC_ACQUIRE);
}

/*
 * ring_publish() - publish entries up to @index and see whether the peer asked to be told.
 * @producer: the shared producer index, of which only this end writes.
 * @event: the index at which the peer wants an event.
 * Return: true if a notification is due.
 */
static inline bool
ring_publish(RING_IDX *producer, const RING_IDX *event, uint32_t old, uint32_t index)
{
	__atomic_store_n(producer, index, __ATOMIC_RELEASE);
	/* the store must be seen before the peer's wish is read, or both would go to sleep */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return index - __atomic_load_n(event, __ATOMIC_RELAXED) < index - old;
}

/* ring_arm() - ask for an event at the next entry. Return: true if one is there already. */
static inline bool
ring_arm(RING_IDX *event, const RING_IDX *producer, uint32_t consumer)
{
	__atomic_store_n(event, consumer + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(producer, __ATOMIC_ACQUIRE) != consumer;
}

/* ring_copy_tx() - one entry of the ring guest -> switch (12 bytes), read once. */
static inline void
ring_copy_tx(const struct netif_tx_sring *ring, uint32_t index, void *ret_entry)
{
	const volatile uint32_t *from =
		(const volatile uint32_t *)&ring->ring[index & NETIF_RING_MASK];
	uint32_t entry[3] = { from[0], from[1], from[2] };

	static_assert(sizeof(ring->ring[0]) == sizeof(entry), "TX entry size");
	memcpy(ret_entry, entry, sizeof(entry));
}

/* ring_copy_rx() - one entry of the ring switch -> guest (8 bytes), read once. */
static inline void
ring_copy_rx(const struct netif_rx_sring *ring, uint32_t index, struct netif_rx_request *ret_entry)
{
	const volatile uint32_t *from =
		(const volatile uint32_t *)&ring->ring[index & NETIF_RING_MASK];
	uint32_t entry[2] = { from[0], from[1] };

	static_assert(sizeof(*ret_entry) == sizeof(entry), "RX entry size");
	memcpy(ret_entry, entry, sizeof(entry));
}

#endif /* NETBACK_NETIF_RING_H */
