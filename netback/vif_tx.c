/* SPDX-License-Identifier: BSD-3-Clause */
/* From the switch to the guest: the ring that the guest calls RX. */
#include <string.h>

#include <rte_branch_prediction.h>

#include "vif_queue.h"
#include "vif_steer.h"

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
	uint32_t n_lost;                 /* packets that are taken, but not delivered */
	uint32_t n_filtered;             /* packets that the guest does not want */
	const struct vif_grants *grants; /* static ones of the queue, or NULL */
	bool has_filter;                 /* of multicast */
	bool is_plain;                   /* no filter, no static grants, no hash to be told */
	uint8_t *losses; /* NULL, or: enum vif_loss by packet, for whom they are shown to */
};

/*
 * Which of the guest's pages a packet goes to. What costs is grant copies, and a part of it that
 * lies across two pages takes two. Pages filled in order are the fewest; a page for each part makes
 * for fewer copies if its parts are pages themselves, as those of a packet from a guest are.
 */
struct tx_layout {
	uint32_t n_pages;
	uint32_t n_pieces; /* grant copies */
	bool by_part;      /* each part has a page of its own */
};

/* A layout is chosen by adding a packet's parts one by one to both. */
struct tx_layouts {
	uint32_t n_parts;
	uint32_t at;       /* bytes of the parts so far */
	uint32_t n_pieces; /* with pages filled in order */
	bool fit;          /* each part fits a page */
};

/* Linux's netfront takes 17 pages, and one more if the first has nothing but headers. */
#define PAGES_MAX (XEN_NETIF_NR_SLOTS_MIN - 1)
#define FIRST_SMALL PORT_HEADER_LEN
#define PAGES_MORE \
	2 /* that may be taken, if that saves more copies: pages cost the guest as much */

/* Pages that a packet fills, each of them but the last one. */
static inline uint32_t
pages_needed(const struct rte_mbuf *pkt)
{
	return (pkt->pkt_len + HYPERVISOR_PAGE_SIZE - 1) / HYPERVISOR_PAGE_SIZE;
}

static inline void
layouts_add(struct tx_layouts *layouts, uint32_t len)
{
	uint32_t in_page = layouts->at % HYPERVISOR_PAGE_SIZE;

	layouts->n_parts++;
	layouts->n_pieces += (in_page + len + HYPERVISOR_PAGE_SIZE - 1) / HYPERVISOR_PAGE_SIZE;
	layouts->at += len;
	layouts->fit &= len > 0 && len <= HYPERVISOR_PAGE_SIZE;
}

/* How a packet is laid out in the guest's pages. */
static inline struct tx_layout
layout_choose(const struct tx_burst *burst, const struct rte_mbuf *pkt)
{
	struct tx_layouts layouts = { .fit = true };
	uint32_t n_pages = pages_needed(pkt), n_max;

	if (unlikely(pkt->ol_flags & PORT_PENDING)) {
		struct vif_pending *pending = &burst->thread->pending;
		const struct vif_pending_packet *packet = vif_pending_of(pending, pkt);

		layouts_add(&layouts, pkt->data_len);
		for (uint16_t i = 0; i < packet->n_fragments; i++)
			layouts_add(&layouts, pending->fragments[packet->fragment + i].len);
	} else {
		for (const struct rte_mbuf *seg = pkt; seg != NULL; seg = seg->next)
			layouts_add(&layouts, seg->data_len);
	}
	n_max = RTE_MIN(n_pages + PAGES_MORE, PAGES_MAX + (pkt->data_len <= FIRST_SMALL));
	if (n_pages > 1 && layouts.fit && layouts.n_parts <= n_max &&
	    2 * layouts.n_parts < layouts.n_pieces + n_pages)
		return (struct tx_layout){ layouts.n_parts, layouts.n_parts, true };
	return (struct tx_layout){ n_pages, layouts.n_pieces, false };
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

/* The hash that the guest is told of packet @i of the burst, or NULL. */
static inline const struct vif_hash_value *
told_hash(const struct tx_burst *burst, uint16_t i)
{
	const struct vif_hash_value *hashes = burst->thread->hashes;

	return unlikely(hashes != NULL) && vif_hash_is_told(&hashes[i]) ? &hashes[i] : NULL;
}

/* The buffer posted next is given up for what is to be known of a super-packet. */
static void
put_gso(struct tx_burst *burst, const struct rte_mbuf *pkt, bool more)
{
	struct vif_slot *slot = &burst->thread->slots[burst->n_slots++];

	slot->is_extra = true;
	slot->extra = (struct netif_extra_info){
		.type = XEN_NETIF_EXTRA_TYPE_GSO,
		.flags = more ? XEN_NETIF_EXTRA_FLAG_MORE : 0,
		.u.gso = {
			.size = pkt->tso_segsz,
			.type = pkt->ol_flags & RTE_MBUF_F_TX_IPV4 ? XEN_NETIF_GSO_TYPE_TCPV4 :
								     XEN_NETIF_GSO_TYPE_TCPV6,
		},
	};
}

/* The next one for its hash. */
static void
put_hash(struct tx_burst *burst, const struct vif_hash_value *hash)
{
	struct vif_slot *slot = &burst->thread->slots[burst->n_slots++];

	slot->is_extra = true;
	slot->extra = (struct netif_extra_info){
		.type = XEN_NETIF_EXTRA_TYPE_HASH,
		.u.hash = {
			.type = hash->type,
			.algorithm = XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ,
		},
	};
	memcpy(slot->extra.u.hash.value, &hash->value, sizeof(hash->value));
}

/* In the order of the kernel's netback: by type. */
static void
put_extras(struct tx_burst *burst, const struct rte_mbuf *pkt, const struct vif_hash_value *hash)
{
	if (is_super(pkt))
		put_gso(burst, pkt, hash != NULL);
	if (hash != NULL)
		put_hash(burst, hash);
}

/* Have a part of a packet copied, or copy it if the guest keeps the buffer mapped. */
static inline void
plan_piece(struct tx_burst *burst, uint8_t *page, const struct grant_copy *part,
	   struct vif_slot *slot)
{
	if (page != NULL && !part->is_foreign) {
		memcpy(page + part->offset, part->local, part->len);
		burst->queue->rx.stats.static_copies++;
	} else {
		burst->n_pieces++; /* it was planned where it belongs */
		slot->n_pieces++;
		burst->queue->rx.stats.direct_copies += part->is_foreign;
	}
	slot->status = (int16_t)(slot->status + part->len);
}

/* A packet that is being planned. */
struct tx_plan {
	const struct rte_mbuf *pkt;
	const struct vif_hash_value *hash; /* for the guest, or NULL */
	uint32_t left;                     /* bytes of the packet */
	uint32_t page_at;                  /* in the page: where the next part goes */
	uint32_t page_room;                /* bytes that are to go there from then on */
	bool by_part;                      /* see struct tx_layout */
	uint32_t gref;
	uint8_t *page; /* mapped, or NULL */
	struct vif_slot *slot;
};

/* On to the guest's next page, for @len bytes. */
static __rte_always_inline void
plan_page(struct tx_burst *burst, struct tx_plan *plan, uint32_t len)
{
	bool is_first = plan->slot == NULL;
	bool has_extra = is_first && (is_super(plan->pkt) || plan->hash != NULL);
	uint16_t flags = is_first ? response_flags(plan->pkt) : 0;

	plan->page_at = 0;
	plan->page_room = len;
	plan->gref = next_buffer(burst, flags | (has_extra ? NETRXF_extra_info : 0), &plan->slot);
	plan->page = vif_grants_page(burst->grants, plan->gref, true);
	if (plan->left > len)
		plan->slot->flags |= NETRXF_more_data;
	if (has_extra)
		put_extras(burst, plan->pkt, plan->hash);
}

/* Plan the grant copies of @len bytes of a packet that lie in one place: @local, or @from. */
static __rte_always_inline void
plan_part(struct tx_burst *burst, struct tx_plan *plan, uint8_t *local,
	  const struct vif_fragment *from, uint16_t from_domid, uint32_t len)
{
	for (uint32_t done = 0, part; done < len; done += part) {
		struct grant_copy *piece = &burst->thread->pieces[burst->n_pieces];

		if (plan->page_room == 0)
			plan_page(burst, plan, plan->by_part ? len : HYPERVISOR_PAGE_SIZE);
		part = RTE_MIN(len - done, plan->page_room);
		piece->to_guest = true;
		piece->is_foreign = from != NULL;
		if (from != NULL) {
			piece->from.ref = from->ref;
			piece->from.domid = from_domid;
			piece->from.offset = (uint16_t)(from->offset + done);
		} else {
			piece->local = local + done;
		}
		piece->ref = plan->gref;
		piece->domid = burst->queue->rings->domid;
		piece->offset = (uint16_t)plan->page_at;
		piece->len = (uint16_t)part;
		plan_piece(burst, plan->page, piece, plan->slot);
		plan->page_at += part;
		plan->page_room -= part;
		plan->left -= part;
	}
}

/* The rest of a pending packet: from the other guest's pages. */
static __rte_noinline void
plan_pending(struct tx_burst *burst, struct tx_plan *plan)
{
	struct vif_pending *pending = &burst->thread->pending;
	const struct vif_pending_packet *packet = vif_pending_of(pending, plan->pkt);
	const struct vif_fragment *fragment = &pending->fragments[packet->fragment];

	packet->queue->tx.direct_wait = 0;
	for (uint16_t i = 0; i < packet->n_fragments; i++, fragment++)
		plan_part(burst, plan, NULL, fragment, packet->queue->rings->domid, fragment->len);
}

/* Plan the grant copies of a packet: data at offset 0 of each page. */
static void
plan_packet(struct tx_burst *burst, const struct rte_mbuf *pkt, const struct vif_hash_value *hash,
	    bool by_part)
{
	struct tx_plan plan = {
		.pkt = pkt, .hash = hash, .left = pkt->pkt_len, .by_part = by_part
	};
	bool is_pending = pkt->ol_flags & PORT_PENDING;

	for (const struct rte_mbuf *seg = pkt; seg != NULL; seg = seg->next) {
		plan_part(burst, &plan, rte_pktmbuf_mtod(seg, uint8_t *), NULL, 0, seg->data_len);
		if (unlikely(is_pending)) {
			plan_pending(burst, &plan);
			break;
		}
	}
}

/* Packet @i is taken, but the guest does not get it. */
static inline void
note_loss(struct tx_burst *burst, uint16_t i, enum vif_loss why)
{
	if (unlikely(burst->losses != NULL))
		burst->losses[i] = why;
}

/* It cannot be delivered. */
static void
packet_failed(struct tx_burst *burst, uint16_t i, uint32_t len)
{
	note_loss(burst, i, VIF_COPY_FAILED);
	burst->lost->copy_failed++;
	burst->lost->copy_failed_bytes += len;
	burst->n_lost++;
}

/*
 * A packet in one place, for one page of a guest that wants nothing special: nearly all are.
 * False: nothing was done, look closer.
 */
static inline bool
take_simple(struct tx_burst *burst, const struct rte_mbuf *pkt)
{
	struct grant_copy *piece = &burst->thread->pieces[burst->n_pieces];
	struct vif_slot *slot;

	if (unlikely(pkt->nb_segs != 1 || pkt->pkt_len > HYPERVISOR_PAGE_SIZE || is_super(pkt) ||
		     burst->n_slots == burst->n_available || burst->n_pieces == VIF_PIECES_MAX))
		return false;
	piece->ref = next_buffer(burst, response_flags(pkt), &slot);
	slot->status = (int16_t)pkt->data_len;
	slot->n_pieces = 1;
	piece->local = rte_pktmbuf_mtod(pkt, void *);
	piece->domid = burst->queue->rings->domid;
	piece->offset = 0;
	piece->len = pkt->data_len;
	piece->to_guest = true;
	piece->is_foreign = false;
	burst->n_pieces++;
	return true;
}

/* Why the guest does not get a packet, whatever room it has; VIF_DELIVERED: it does. */
static inline enum vif_loss
refusal(const struct vif_rings *rings, bool has_filter, const struct rte_mbuf *pkt)
{
	if (unlikely(has_filter) && !vif_mcast_wants(&rings->mcast, pkt))
		return VIF_FILTERED;
	if (unlikely(pages_needed(pkt) > (rings->sg ? XEN_NETIF_NR_SLOTS_MIN : 1)))
		return VIF_TOO_BIG;
	return VIF_DELIVERED;
}

enum vif_loss
vif_refusal(const struct vif_rings *rings, const struct rte_mbuf *pkt)
{
	return refusal(rings, vif_mcast_filters(&rings->mcast), pkt);
}

/* Plan packet @i of the burst; false if this burst, or the guest, has no room for it. */
static bool
take_packet(struct tx_burst *burst, const struct rte_mbuf *pkt, uint16_t i)
{
	const struct vif_hash_value *hash = told_hash(burst, i);
	const enum vif_loss why = refusal(burst->queue->rings, burst->has_filter, pkt);
	struct tx_layout layout;
	uint32_t n_slots;

	if (unlikely(why == VIF_FILTERED)) {
		burst->lost->filtered++;
		burst->lost->filtered_bytes += pkt->pkt_len;
		burst->n_filtered++;
		note_loss(burst, i, VIF_FILTERED);
		return true;
	}
	if (unlikely(why == VIF_TOO_BIG)) {
		burst->lost->too_big++;
		burst->lost->too_big_bytes += pkt->pkt_len;
		burst->n_lost++;
		note_loss(burst, i, VIF_TOO_BIG);
		return true;
	}
	if (unlikely(pkt->nb_segs > VIF_PIECES_MAX / 2)) {
		packet_failed(burst, i, pkt->pkt_len);
		return true;
	}
	layout = layout_choose(burst, pkt);
	n_slots = layout.n_pages + is_super(pkt) + (hash != NULL);
	if (unlikely(burst->n_slots + n_slots > burst->n_available)) {
		burst->queue->rx.stats.full++;
		return false;
	}
	if (unlikely(burst->n_pieces + layout.n_pieces > VIF_PIECES_MAX))
		return false;
	plan_packet(burst, pkt, hash, layout.by_part);
	return true;
}

/* The next packet that has slots, from @i on; 0 if nobody wants to know. */
static uint16_t
next_planned(const struct tx_burst *burst, uint16_t i)
{
	while (burst->losses != NULL && i < VIF_BURST_MAX && burst->losses[i] != VIF_DELIVERED)
		i++;
	return burst->losses != NULL ? i : 0;
}

/*
 * Give slots whose copy failed a negative status; the packet's other slots stay as they are, and
 * the guest drops it as a whole.
 */
static void
check_pieces(struct tx_burst *burst)
{
	const struct grant_copy *piece = burst->thread->pieces;
	uint16_t packet = next_planned(burst, 0);
	uint32_t packet_len = 0;
	bool packet_bad = false;

	for (uint32_t i = 0; i < burst->n_slots; i++) {
		struct vif_slot *slot = &burst->thread->slots[i];
		int16_t failed = 0;

		if (slot->is_extra)
			continue;
		packet_len += (uint16_t)slot->status;
		for (uint32_t k = 0; k < slot->n_pieces; k++, piece++)
			failed |= piece->status;
		if (unlikely(failed != 0)) {
			slot->status = NETIF_RSP_ERROR;
			packet_bad = true;
		}
		if (slot->flags & NETRXF_more_data)
			continue;
		if (unlikely(packet_bad))
			packet_failed(burst, packet, packet_len);
		if (i + 1 < burst->n_slots)
			packet = next_planned(burst, packet + 1);
		packet_len = 0;
		packet_bad = false;
	}
}

/* Return: whether all of them could be copied. */
static bool
copy_pieces(struct tx_burst *burst)
{
	struct vif_thread *thread = burst->thread;
	int16_t failed = 0;
	int ret;

	/* all of it went to pages that the guest keeps mapped */
	if (burst->n_pieces == 0)
		return true;
	ret = thread->hv->ops->copy(thread->hvt, thread->pieces, burst->n_pieces);
	if (unlikely(ret < 0)) {
		vif_rings_copy_failed(burst->queue->rings, -ret);
		burst->queue->rx.stats.copy_failures++;
		for (uint32_t i = 0; i < burst->n_pieces; i++)
			thread->pieces[i].status = NETIF_RSP_ERROR;
	}
	burst->queue->rx.stats.copy_calls++;
	burst->queue->rx.stats.copies += burst->n_pieces;
	for (uint32_t i = 0; i < burst->n_pieces; i++)
		failed |= thread->pieces[i].status;
	return failed == 0;
}

static bool
foreign_failed(const struct tx_burst *burst)
{
	const struct grant_copy *piece = burst->thread->pieces;

	for (uint32_t i = 0; i < burst->n_pieces; i++)
		if (piece[i].is_foreign && piece[i].status != 0)
			return true;
	return false;
}

/*
 * Other guests' pages could not be copied: this guest is not to see an error for what they do. So
 * all that is pending is brought here, what does not come is lost, and the rest is planned anew;
 * nothing has been published yet. @before: what was lost before the burst. Return: packets taken.
 */
static __rte_noinline uint16_t
plan_again(struct tx_burst *burst, struct rte_mbuf **pkts, uint16_t n,
	   const struct vif_lost *before)
{
	uint16_t taken;

	vif_pending_fill(burst->thread, pkts, n);
	*burst->lost = *before;
	if (burst->losses != NULL)
		memset(burst->losses, VIF_DELIVERED, n);
	burst->n_slots = burst->n_pieces = burst->n_lost = burst->n_filtered = 0;
	for (taken = 0; taken < n; taken++) {
		if (pkts[taken]->ol_flags & PORT_PENDING)
			packet_failed(burst, taken, pkts[taken]->pkt_len);
		else if (!take_packet(burst, pkts[taken], taken))
			break;
	}
	return taken;
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
	struct vif_lost before;
	uint16_t taken = 0;
	bool all_copied;

	burst->n_available = ring_load(&queue->rx.ring->req_prod) - queue->rx.index;
	if (unlikely(burst->n_available > NETIF_RING_SLOTS)) {
		vif_rings_break(queue->rings, "more buffers posted than the ring has slots");
		return 0;
	}
	burst->grants = __atomic_load_n(&queue->grants, __ATOMIC_ACQUIRE);
	burst->has_filter = vif_mcast_filters(&queue->rings->mcast);
	burst->is_plain =
		burst->grants == NULL && !burst->has_filter && burst->thread->hashes == NULL;
	if (unlikely(burst->thread->pending.n_packets != 0))
		before = *burst->lost;
	while (taken < n && (likely(burst->is_plain && take_simple(burst, pkts[taken])) ||
			     take_packet(burst, pkts[taken], taken)))
		taken++;
	all_copied = copy_pieces(burst);
	if (unlikely(!all_copied) && foreign_failed(burst)) {
		taken = plan_again(burst, pkts, taken, &before);
		all_copied = copy_pieces(burst);
	}
	if (unlikely(!all_copied))
		check_pieces(burst);
	if (likely(burst->n_slots > 0))
		publish(burst);
	queue->rx.stats.slots += burst->n_slots;
	queue->rx.stats.packets += taken - burst->n_lost - burst->n_filtered;
	queue->rx.stats.errors += burst->n_lost;
	return taken;
}

static __rte_noinline void
show_lost(const struct tx_burst *burst, struct rte_mbuf *const *pkts, uint16_t taken)
{
	for (uint16_t i = 0; i < taken; i++)
		if (burst->losses[i] != VIF_DELIVERED)
			burst->lost->show(burst->lost->arg, pkts[i], burst->losses[i]);
}

uint16_t
vif_tx_burst(struct vif_thread *thread, struct vif_queue *queue, struct rte_mbuf **pkts, uint16_t n,
	     struct vif_lost *lost)
{
	struct tx_burst burst = { .thread = thread, .queue = queue, .lost = lost };
	uint8_t losses[VIF_BURST_MAX];
	uint16_t taken;

	if (unlikely(vif_rings_broken(queue->rings) != NULL))
		return 0;
	if (lost->show != NULL) {
		n = RTE_MIN(n, (uint16_t)VIF_BURST_MAX);
		memset(losses, VIF_DELIVERED, sizeof(losses));
		burst.losses = losses;
	}
	rte_spinlock_lock(&queue->rx.lock);
	taken = send_locked(&burst, pkts, n);
	rte_spinlock_unlock(&queue->rx.lock);
	if (unlikely(burst.losses != NULL && burst.n_lost + burst.n_filtered > 0))
		show_lost(&burst, pkts, taken);
	rte_pktmbuf_free_bulk(pkts, taken);
	return taken;
}
