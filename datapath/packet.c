/* SPDX-License-Identifier: BSD-3-Clause */
/* rte_pktmbuf_pool_create_extbuf() */
#define ALLOW_EXPERIMENTAL_API
#include "packet.h"

struct rte_mempool *
packet_pool_create(const char *name, uint32_t n, uint32_t cache, void *pages)
{
	const struct rte_pktmbuf_extmem memory = {
		.buf_ptr = pages,
		.buf_iova = RTE_BAD_IOVA, /* no device is to touch them */
		.buf_len = (size_t)n * PACKET_PAGE_SIZE,
		.elt_size = PACKET_PAGE_SIZE,
	};

	if (pages == NULL)
		return rte_pktmbuf_pool_create(name, n, cache, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
					       SOCKET_ID_ANY);
	return rte_pktmbuf_pool_create_extbuf(name, n, cache, 0, PACKET_PAGE_SIZE, SOCKET_ID_ANY,
					      &memory, 1);
}
