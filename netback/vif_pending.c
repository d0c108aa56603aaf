/* SPDX-License-Identifier: BSD-3-Clause */
#include "vif_pending.h"

#include <rte_branch_prediction.h>
#include <rte_errno.h>
#include <rte_mbuf_dyn.h>

#include "vif_queue.h"

int
vif_pending_register(void)
{
	static const struct rte_mbuf_dynflag flag = { .name = "vswitch_dynflag_pending" };

	return rte_mbuf_dynflag_register_bitnum(&flag, PORT_PENDING_BIT) < 0 ? -rte_errno : 0;
}

/* A packet's data could not be copied: its slots are to say so. */
static void
fill_failed(struct vif_pending_packet *packet)
{
	struct netif_tx_sring *ring = packet->queue->tx.ring;

	if (packet->failed)
		return;
	packet->failed = true;
	for (uint32_t i = 0; i < packet->n_slots; i++)
		if (i == 0 || i > packet->n_extras)
			ring->ring[(packet->index + i) & NETIF_RING_MASK].rsp.status =
				NETIF_RSP_ERROR;
	packet->queue->tx.stats.packets--;
	packet->queue->tx.stats.errors++;
}

/* Plan the copies of a packet's fragments into its mbufs. Return: pieces. */
static uint32_t
plan_fill(struct vif_thread *thread, const struct rte_mbuf *pkt, struct grant_copy *pieces)
{
	const struct vif_pending_packet *packet = vif_pending_of(&thread->pending, pkt);
	const struct vif_fragment *fragment = &thread->pending.fragments[packet->fragment];
	const struct rte_mbuf *seg = pkt->next;
	uint32_t n = 0, at = 0, part;

	for (uint16_t i = 0; i < packet->n_fragments; i++, fragment++) {
		for (uint32_t done = 0; done < fragment->len; done += part) {
			part = RTE_MIN(fragment->len - done, seg->data_len - at);
			pieces[n++] = (struct grant_copy){
				.local = rte_pktmbuf_mtod_offset(seg, void *, at),
				.ref = fragment->ref,
				.domid = packet->queue->rings->domid,
				.offset = (uint16_t)(fragment->offset + done),
				.len = (uint16_t)part,
			};
			at += part;
			if (at == seg->data_len) {
				seg = seg->next;
				at = 0;
			}
		}
	}
	return n;
}

/* A packet of the queue had to be filled: the next ones will, too. */
static void
wait_longer(struct vif_queue *queue)
{
	uint16_t wait = queue->tx.direct_wait * 2 + 1;

	queue->tx.direct_wait = (uint8_t)RTE_MIN(wait, VIF_DIRECT_WAIT_MAX);
	queue->tx.direct_skip = queue->tx.direct_wait;
}

/* Copy what is planned for the first @n_packets of thread->packets, and see what came of it. */
static void
fill_planned(struct vif_thread *thread, uint32_t n_packets, uint32_t n_pieces)
{
	struct vif_queue *queue;
	int ret;

	if (n_packets == 0)
		return;
	/* of the call as such: on the account of the first */
	queue = vif_pending_of(&thread->pending, thread->packets[0].pkt)->queue;
	ret = thread->hv->ops->copy(thread->hvt, thread->pieces, n_pieces);
	queue->tx.stats.copy_calls++;
	queue->tx.stats.copies += n_pieces;
	if (unlikely(ret < 0)) {
		vif_rings_copy_failed(queue->rings, -ret);
		queue->tx.stats.copy_failures++;
	}
	for (uint32_t i = 0; i < n_packets; i++) {
		const struct vif_packet *packet = &thread->packets[i];
		int16_t status = ret < 0 ? NETIF_RSP_ERROR : 0;

		for (uint32_t k = 0; k < packet->n_pieces; k++)
			status |= thread->pieces[packet->piece + k].status;
		wait_longer(vif_pending_of(&thread->pending, packet->pkt)->queue);
		if (likely(status == 0))
			packet->pkt->ol_flags &= ~PORT_PENDING;
		else
			fill_failed(vif_pending_of(&thread->pending, packet->pkt));
	}
}

void
vif_pending_fill(struct vif_thread *thread, struct rte_mbuf **pkts, uint16_t n)
{
	uint32_t n_packets = 0, n_pieces = 0;

	for (uint16_t i = 0; i < n; i++) {
		const struct vif_pending_packet *packet;
		uint32_t n_max;

		if (!(pkts[i]->ol_flags & PORT_PENDING))
			continue;
		packet = vif_pending_of(&thread->pending, pkts[i]);
		n_max = packet->n_fragments + pkts[i]->nb_segs;
		if (n_packets == VIF_BURST_MAX || n_pieces + n_max > VIF_PIECES_MAX) {
			fill_planned(thread, n_packets, n_pieces);
			n_packets = n_pieces = 0;
		}
		thread->packets[n_packets].pkt = pkts[i];
		thread->packets[n_packets].piece = (uint16_t)n_pieces;
		thread->packets[n_packets].n_pieces =
			(uint16_t)plan_fill(thread, pkts[i], &thread->pieces[n_pieces]);
		n_pieces += thread->packets[n_packets++].n_pieces;
	}
	fill_planned(thread, n_packets, n_pieces);
}

void
vif_pending_done(struct vif_thread *thread)
{
	struct vif_pending *pending = &thread->pending;

	for (uint16_t i = 0; i < pending->n_queues; i++) {
		pending->queues[i]->tx.open = false;
		vif_rx_publish(pending->queues[i]);
	}
	pending->n_queues = 0;
	pending->n_packets = 0;
	pending->n_fragments = 0;
}
