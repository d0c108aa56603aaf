/* SPDX-License-Identifier: BSD-3-Clause */
#include "vif_steer.h"

#include <rte_branch_prediction.h>

/* Choose a queue for each packet. Return: a bit for each queue that has some. */
static uint32_t
steer_choose(struct vif_steer *steer, const struct vif_hash *hash, uint16_t n_queues,
	     struct rte_mbuf *const *pkts, uint16_t n)
{
	uint32_t used = 0;

	for (uint16_t i = 0; i < n; i++) {
		uint16_t queue;

		if (hash != NULL) {
			steer->hashes[i] = vif_hash_packet(hash, pkts[i]);
			queue = vif_hash_queue(hash, steer->hashes[i].value, n_queues);
		} else {
			queue = vif_hash_own(pkts[i], n_queues);
		}
		steer->queues[i] = queue;
		used |= 1u << queue;
	}
	return used;
}

/* The packets of one queue, in their order. What finds no room is lost. */
static void
steer_send(struct vif_thread *thread, struct vif_queue *queue, uint16_t index,
	   struct rte_mbuf *const *pkts, uint16_t n, struct vif_lost *lost)
{
	struct vif_steer *steer = &thread->steer;
	uint16_t n_part = 0, taken;

	for (uint16_t i = 0; i < n; i++) {
		if (steer->queues[i] != index)
			continue;
		steer->part_hashes[n_part] = steer->hashes[i];
		steer->part[n_part++] = pkts[i];
	}
	taken = vif_tx_burst(thread, queue, steer->part, n_part, lost);
	if (likely(taken == n_part))
		return;
	lost->full += n_part - taken;
	for (uint16_t i = taken; i < n_part; i++) {
		lost->full_bytes += steer->part[i]->pkt_len;
		if (unlikely(lost->show != NULL))
			lost->show(lost->arg, steer->part[i], VIF_FULL);
	}
	rte_pktmbuf_free_bulk(&steer->part[taken], n_part - taken);
}

uint16_t
vif_send(struct vif_thread *thread, struct vif_rings *rings, struct rte_mbuf **pkts, uint16_t n,
	 struct vif_lost *lost)
{
	const struct vif_hash *hash = __atomic_load_n(&rings->hash, __ATOMIC_ACQUIRE);
	uint32_t used;

	if (hash == NULL && rings->n_queues == 1)
		return vif_tx_burst(thread, &rings->queues[0], pkts, n, lost);

	n = RTE_MIN(n, (uint16_t)VIF_BURST_MAX);
	used = steer_choose(&thread->steer, hash, rings->n_queues, pkts, n);
	if (unlikely(used == 0))
		return 0;
	if ((used & (used - 1)) == 0) {
		/* all of them: the caller's own order and count */
		thread->hashes = hash != NULL ? thread->steer.hashes : NULL;
		n = vif_tx_burst(thread, &rings->queues[__builtin_ctz(used)], pkts, n, lost);
	} else {
		thread->hashes = hash != NULL ? thread->steer.part_hashes : NULL;
		for (; used != 0; used &= used - 1) {
			uint16_t queue = (uint16_t)__builtin_ctz(used);

			steer_send(thread, &rings->queues[queue], queue, pkts, n, lost);
		}
	}
	thread->hashes = NULL;
	return n;
}
