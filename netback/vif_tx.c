/* SPDX-License-Identifier: BSD-3-Clause */
/* From the switch to the guest: the ring that the guest calls RX. */
#include <string.h>

#include <rte_branch_prediction.h>

#include "vif_queue.h"

/* Grants below are of the hypervisor's making (xenstore's ring, the console), never of a driver's.
 */
#define GREF_FIRST 8
#define GREF_NONE UINT32_MAX

/* A burst under way. */
struct tx_burst {
	struct vif_thread *thread;
	struct vif_queue *queue;
	struct vif_lost *lost;
	uint32_t n_available; /* buffers that the guest has posted */
	uint32_t n_slots;     /* of these, used */
	uint32_t n_pieces;
	uint32_t n_lost; /* packets that are taken, but not delivered */
};

/* Pages that a packet fills, each of them but the last one. */
static inline uint32_t
pages_needed(const struct rte_mbuf *pkt)
{
	return (pkt->pkt_len + HYPERVISOR_PAGE_SIZE - 1) / HYPERVISOR_PAGE_SIZE;
}

static inline bool
is_super(const struct rte_mbuf *pkt)
{
	return (pkt->ol_flags & RTE_MBUF_F_TX_TCP_SEG) != 0;
}

static uint16_t
response_flags(const struct rte_mbuf *pkt)
{
	if (pkt->ol_flags & RTE_MBUF_F_TX_L4_MASK)
		return NETRXF_csum_blank | NETRXF_data_validated;
	if (pkt->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_GOOD)
		return NETRXF_data_validated;
	return 0;
}

/* The next posted buffer and its answer: the same slot, the same id. */
static inline uint32_t
next_buffer(struct tx_burst *burst, uint16_t flags, struct vif_slot **ret_slot)
{
	struct vif_slot *slot = &burst->thread->slots[burst->n_slots];
	struct netif_rx_request request;

	ring_copy_rx(burst->queue->rx.ring, burst->queue->rx.index + burst->n_slots, &request);
	burst->n_slots++;
	slot->is_extra = false;
	slot->id = request.id;
	slot->flags = flags;
	slot->status = 0;
	slot->n_pieces = 0;
	*ret_slot = slot;
	return likely(request.gref >= GREF_FIRST) ? request.gref : GREF_NONE;
}

/* The buffer posted next is given up for what is to be known of a super-packet. */
static void
put_gso(struct tx_burst *burst, const struct rte_mbuf *pkt)
{
	struct vif_slot *slot = &burst->thread->slots[burst->n_slots++];

	slot->is_extra = true;
	slot->extra = (struct netif_extra_info){
		.type = XEN_NETIF_EXTRA_TYPE_GSO,
		.u.gso = {
			.size = pkt->tso_segsz,
			.type = pkt->ol_flags & RTE_MBUF_F_TX_IPV4 ? XEN_NETIF_GSO_TYPE_TCPV4 :
								     XEN_NETIF_GSO_TYPE_TCPV6,
		},
	};
}

/* Plan the grant copies of a packet: data at offset 0 of each page, pages filled in order. */
static void
plan_packet(struct tx_burst *burst, const struct rte_mbuf *pkt)
{
	uint32_t left = pkt->pkt_len, page_room = 0, gref = 0;
	uint16_t flags = response_flags(pkt) | (is_super(pkt) ? NETRXF_extra_info : 0);
	struct vif_slot *slot = NULL;

	for (const struct rte_mbuf *seg = pkt; seg != NULL; seg = seg->next) {
		for (uint32_t done = 0, part; done < seg->data_len; done += part) {
			struct grant_copy *piece = &burst->thread->pieces[burst->n_pieces];

			if (page_room == 0) {
				page_room = HYPERVISOR_PAGE_SIZE;
				gref = next_buffer(burst, flags, &slot);
				if (left > HYPERVISOR_PAGE_SIZE)
					slot->flags |= NETRXF_more_data;
				if (flags & NETRXF_extra_info)
					put_gso(burst, pkt);
				flags = 0;
			}
			part = RTE_MIN(seg->data_len - done, page_room);
			piece->local = rte_pktmbuf_mtod_offset(seg, void *, done);
			piece->ref = gref;
			piece->domid = burst->queue->rings->domid;
			piece->offset = (uint16_t)(HYPERVISOR_PAGE_SIZE - page_room);
			piece->len = (uint16_t)part;
			piece->to_guest = true;
			burst->n_pieces++;
			slot->n_pieces++;
			slot->status = (int16_t)(slot->status + part);
			page_room -= part;
			left -= part;
		}
	}
}

/* A packet is taken and cannot be delivered. */
static void
packet_failed(struct tx_burst *burst, uint32_t len)
{
	burst->lost->copy_failed++;
	burst->lost->copy_failed_bytes += len;
	burst->n_lost++;
}

/* Plan one packet; false if this burst, or the guest, has no room for it. */
static bool
take_packet(struct tx_burst *burst, const struct rte_mbuf *pkt)
{
	uint32_t n_pages = pages_needed(pkt), n_slots = n_pages + is_super(pkt);

	if (unlikely(n_pages > (burst->queue->rings->sg ? XEN_NETIF_NR_SLOTS_MIN : 1))) {
		burst->lost->too_big++;
		burst->lost->too_big_bytes += pkt->pkt_len;
		burst->n_lost++;
		return true;
	}
	if (unlikely(pkt->nb_segs > VIF_PIECES_MAX / 2)) {
		packet_failed(burst, pkt->pkt_len);
		return true;
	}
	if (unlikely(burst->n_slots + n_slots > burst->n_available)) {
		burst->queue->rx.stats.full++;
		return false;
	}
	if (unlikely(burst->n_pieces + pkt->nb_segs + n_pages > VIF_PIECES_MAX))
		return false;
	plan_packet(burst, pkt);
	return true;
}

/*
 * Give slots whose copy failed a negative status; the packet's other slots stay as they are, and
 * the guest drops it as a whole.
 */
static void
check_pieces(struct tx_burst *burst)
{
	const struct grant_copy *piece = burst->thread->pieces;
	uint32_t packet_len = 0;
	bool packet_bad = false;

	for (uint32_t i = 0; i < burst->n_slots; i++) {
		struct vif_slot *slot = &burst->thread->slots[i];
		int16_t failed = 0;

		if (slot->is_extra)
			continue;
		for (uint32_t k = 0; k < slot->n_pieces; k++, piece++) {
			failed |= piece->status;
			packet_len += piece->len;
		}
		if (unlikely(failed != 0)) {
			slot->status = NETIF_RSP_ERROR;
			packet_bad = true;
		}
		if (slot->flags & NETRXF_more_data)
			continue;
		if (unlikely(packet_bad))
			packet_failed(burst, packet_len);
		packet_len = 0;
		packet_bad = false;
	}
}

static void
copy_pieces(struct tx_burst *burst)
{
	struct vif_thread *thread = burst->thread;
	int ret = thread->hv->ops->copy(thread->hvt, thread->pieces, burst->n_pieces);

	if (unlikely(ret < 0)) {
		vif_rings_copy_failed(burst->queue->rings, -ret);
		burst->queue->rx.stats.copy_failures++;
		for (uint32_t i = 0; i < burst->n_pieces; i++)
			thread->pieces[i].status = NETIF_RSP_ERROR;
	}
	burst->queue->rx.stats.copy_calls++;
	burst->queue->rx.stats.copies += burst->n_pieces;
	check_pieces(burst);
}

/* Whole packets only: the guest takes rsp_prod in the middle of one for an error. */
static void
publish(struct tx_burst *burst)
{
	struct netif_rx_sring *ring = burst->queue->rx.ring;
	uint32_t index = burst->queue->rx.index;

	for (uint32_t i = 0; i < burst->n_slots; i++) {
		const struct vif_slot *slot = &burst->thread->slots[i];

		struct netif_rx_response *response = &ring->ring[(index + i) & NETIF_RING_MASK].rsp;

		if (unlikely(slot->is_extra))
			memcpy(response, &slot->extra, sizeof(slot->extra));
		else
			*response = (struct netif_rx_response){
				.id = slot->id,
				.offset = 0,
				.flags = slot->flags,
				.status = slot->status,
			};
	}
	burst->queue->rx.index = index + burst->n_slots;
	if (ring_publish(&ring->rsp_prod, &ring->rsp_event, index, index + burst->n_slots)) {
		const struct vif_channel *channel = burst->queue->rx.notify;

		channel->thread->hv->ops->notify(channel->thread->hvt, channel->port);
		burst->queue->rx.stats.notifies++;
	}
}

/* The burst under the queue's lock. Return: packets taken. */
static uint16_t
send_locked(struct tx_burst *burst, struct rte_mbuf **pkts, uint16_t n)
{
	struct vif_queue *queue = burst->queue;
	uint16_t taken = 0;

	burst->n_available = ring_load(&queue->rx.ring->req_prod) - queue->rx.index;
	if (unlikely(burst->n_available > NETIF_RING_SLOTS)) {
		vif_rings_break(queue->rings, "more buffers posted than the ring has slots");
		return 0;
	}
	while (taken < n && take_packet(burst, pkts[taken]))
		taken++;
	if (burst->n_slots > 0) {
		copy_pieces(burst);
		publish(burst);
	}
	queue->rx.stats.slots += burst->n_slots;
	queue->rx.stats.packets += taken - burst->n_lost;
	queue->rx.stats.errors += burst->n_lost;
	return taken;
}

uint16_t
vif_tx_burst(struct vif_thread *thread, struct vif_queue *queue, struct rte_mbuf **pkts, uint16_t n,
	     struct vif_lost *lost)
{
	struct tx_burst burst = { .thread = thread, .queue = queue, .lost = lost };
	uint16_t taken;

	if (unlikely(vif_rings_broken(queue->rings) != NULL))
		return 0;
	rte_spinlock_lock(&queue->rx.lock);
	taken = send_locked(&burst, pkts, n);
	rte_spinlock_unlock(&queue->rx.lock);
	rte_pktmbuf_free_bulk(pkts, taken);
	return taken;
}
