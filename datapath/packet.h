/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packet: the buffers that packets are in - a pool of either kind, and what every place that makes
 * or changes packets has to know of them.
 *
 * A pool has its buffers behind its mbufs, as is usual with DPDK: best in hugepages. Or it is one
 * of pages: each buffer is a whole page of memory that somebody else has laid out, so that a page
 * of a guest fits one buffer, and a buffer can be granted (hypervisor_xen_pages.h). In DPDK's terms
 * those are pinned external buffers: each mbuf has its own for life, and RTE_MBUF_F_EXTERNAL always
 * set. Without that flag DPDK would take an mbuf's data to lie behind it, and corrupt memory as
 * soon as somebody attaches another mbuf to it. rte_pktmbuf_copy() and some drivers clear it.
 *
 * A packet's first buffer keeps its headroom, for tags. Those behind it need none: see
 * packet_tail().
 *
 * Thread-safety: creating is for the control thread; all else for whoever owns the packet.
 */
#ifndef DATAPATH_PACKET_H
#define DATAPATH_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#define PACKET_PAGE_SIZE 4096

/**
 * packet_pool_create() - a pool of packet buffers. Control thread.
 * @n: how many.
 * @cache: of these, in each thread's cache.
 * @pages: @n pages in a row, which must outlive the pool; NULL: buffers of DPDK's default size.
 * Return: the pool, or NULL with rte_errno.
 */
struct rte_mempool *packet_pool_create(const char *name, uint32_t n, uint32_t cache, void *pages);

/** packet_pool_flags() - what must be set in ol_flags of every mbuf of a pool. Any thread. */
static inline uint64_t
packet_pool_flags(struct rte_mempool *pool)
{
	return rte_pktmbuf_priv_flags(pool) & RTE_PKTMBUF_POOL_F_PINNED_EXT_BUF ?
		       RTE_MBUF_F_EXTERNAL :
		       0;
}

/**
 * packet_writable() - may the data of a packet's first segment be changed? Not if somebody else
 * has the packet, too, or another mbuf for the same data.
 */
static inline bool
packet_writable(const struct rte_mbuf *pkt)
{
	return rte_mbuf_refcnt_read(pkt) == 1 && !RTE_MBUF_CLONED(pkt) &&
	       (!RTE_MBUF_HAS_EXTBUF(pkt) || rte_mbuf_ext_refcnt_read(pkt->shinfo) == 1);
}

/**
 * packet_copy() - a packet of one's own with the same data and marks.
 * Return: it, or NULL: no buffers.
 */
static inline struct rte_mbuf *
packet_copy(const struct rte_mbuf *pkt, struct rte_mempool *pool)
{
	struct rte_mbuf *copy = rte_pktmbuf_copy(pkt, pool, 0, UINT32_MAX);

	if (copy != NULL)
		copy->ol_flags |= packet_pool_flags(pool);
	return copy;
}

/** packet_tail() - an empty buffer for all but the start of a packet. Return: it, or NULL. */
static inline struct rte_mbuf *
packet_tail(struct rte_mempool *pool)
{
	struct rte_mbuf *tail = rte_pktmbuf_alloc(pool);

	if (tail != NULL)
		tail->data_off = 0;
	return tail;
}

#endif /* DATAPATH_PACKET_H */
