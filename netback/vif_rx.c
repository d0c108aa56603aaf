/* SPDX-License-Identifier: BSD-3-Clause */
/* From the guest to the switch: the ring that the guest calls TX. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_ether.h>
#include <rte_ip.h>

#include "l4.h"
#include "offload.h"
#include "vif_queue.h"

#define FRAGMENTS_MAX XEN_NETIF_NR_SLOTS_MIN /* after the first one; more: error response */
#define FRAGMENTS_FATAL 20 /* more after the first one: fatal_skb_slots of the kernel's netback */

/* What came of looking at one packet's requests. */
enum take {
	TAKE_NEXT,   /* dealt with; on to the next */
	TAKE_LATER,  /* no room in this burst */
	TAKE_BROKEN, /* the ring cannot be trusted any more */
};

/* A burst under way. */
struct rx_burst {
	struct vif_thread *thread;
	struct vif_queue *queue;
	struct rte_mempool *pool;
	struct vif_lost *lost;
	const struct vif_grants *grants; /* static ones of the queue, or NULL */
	struct vif_rate *rate;           /* or NULL: unlimited */
	const char *broken;
	uint32_t n_available; /* requests in the ring */
	uint32_t n_slots;     /* requests taken */
	uint32_t n_pieces;
	uint32_t n_packets;
	uint32_t n_mbufs; /* left of those that were allocated for the burst */
	struct rte_mbuf *mbufs[VIF_BURST_MAX];
};

/* A packet's requests, private and checked. */
struct rx_request {
	struct netif_tx_request first;
	uint32_t size; /* of the whole packet */
	uint16_t mss;  /* of a super-packet; 0: it is none */
	bool is_gso_ipv6;
	bool is_control; /* a multicast message, not a packet */
	bool is_removal; /* ... and which */
	uint8_t address[RTE_ETHER_ADDR_LEN];
	bool is_bad; /* to be answered with an error */
	uint16_t n_extras;
	uint32_t n_fragments; /* after the first */
	struct netif_tx_request fragments[FRAGMENTS_MAX];
};

static enum take
burst_broken(struct rx_burst *burst, const char *why)
{
	burst->broken = why;
	return TAKE_BROKEN;
}

/* Take one entry of the ring and make its answer; false if there is none. */
static inline bool
burst_slot(struct rx_burst *burst, struct netif_tx_request *ret_request)
{
	struct vif_slot *slot = &burst->thread->slots[burst->n_slots];

	if (unlikely(burst->n_slots >= burst->n_available))
		return false;
	ring_copy_tx(burst->queue->tx.ring, burst->queue->tx.index + burst->n_slots, ret_request);
	slot->id = ret_request->id;
	slot->status = NETIF_RSP_OKAY;
	burst->n_slots++;
	return true;
}

/* The extra_info slots that follow the first request. */
static enum take
take_extras(struct rx_burst *burst, struct rx_request *request)
{
	struct netif_tx_request entry;
	struct netif_extra_info extra;

	do {
		if (!burst_slot(burst, &entry))
			return burst_broken(burst, "extra info announced but missing");
		burst->thread->slots[burst->n_slots - 1].status = NETIF_RSP_NULL;
		request->n_extras++;
		memcpy(&extra, &entry, sizeof(extra));
		switch (extra.type) {
		case XEN_NETIF_EXTRA_TYPE_GSO:
			if (extra.u.gso.size == 0)
				return burst_broken(burst, "GSO size is 0");
			if (extra.u.gso.type != XEN_NETIF_GSO_TYPE_TCPV4 &&
			    extra.u.gso.type != XEN_NETIF_GSO_TYPE_TCPV6)
				return burst_broken(burst, "unknown GSO type");
			request->mss = extra.u.gso.size;
			request->is_gso_ipv6 = extra.u.gso.type == XEN_NETIF_GSO_TYPE_TCPV6;
			break;
		case XEN_NETIF_EXTRA_TYPE_MCAST_ADD:
		case XEN_NETIF_EXTRA_TYPE_MCAST_DEL:
			request->is_control = true;
			request->is_removal = extra.type == XEN_NETIF_EXTRA_TYPE_MCAST_DEL;
			memcpy(request->address, extra.u.mcast.addr, RTE_ETHER_ADDR_LEN);
			break;
		case XEN_NETIF_EXTRA_TYPE_HASH:
			break;
		default:
			return burst_broken(burst, "unknown type of extra info");
		}
	} while (extra.flags & XEN_NETIF_EXTRA_FLAG_MORE);
	return TAKE_NEXT;
}

/* The other fragments' requests. first.size comes as the whole packet's, leaves as its own. */
static enum take
take_fragments(struct rx_burst *burst, struct rx_request *request)
{
	struct netif_tx_request entry;
	uint32_t rest = request->size, n = 0;

	do {
		if (n >= FRAGMENTS_FATAL)
			return burst_broken(burst, "packet of too many slots");
		if (!burst_slot(burst, &entry))
			return burst_broken(burst, "more fragments announced but missing");
		if ((uint32_t)entry.offset + entry.size > HYPERVISOR_PAGE_SIZE)
			return burst_broken(burst, "fragment crosses its page");
		/* guests that send 64 KiB or more have size wrapped: one packet lost, no more */
		if (n >= FRAGMENTS_MAX || entry.size > rest)
			request->is_bad = true;
		n++;
		if (request->is_bad)
			continue;
		rest -= entry.size;
		request->fragments[request->n_fragments++] = entry;
	} while (entry.flags & NETTXF_more_data);
	request->first.size = (uint16_t)rest;
	return TAKE_NEXT;
}

static enum take
take_request(struct rx_burst *burst, struct rx_request *request)
{
	enum take take;

	request->n_fragments = 0;
	request->n_extras = 0;
	request->mss = 0;
	request->is_gso_ipv6 = false;
	request->is_control = false;
	request->is_bad = false;
	burst_slot(burst, &request->first);
	request->size = request->first.size;

	if (unlikely(request->first.flags & NETTXF_extra_info)) {
		take = take_extras(burst, request);
		if (take != TAKE_NEXT)
			return take;
		/* carried on a request of its own, without data */
		if (request->is_control)
			return TAKE_NEXT;
	}
	if (request->first.flags & NETTXF_more_data) {
		take = take_fragments(burst, request);
		if (take != TAKE_NEXT)
			return take;
	}
	if (request->is_bad)
		return TAKE_NEXT;
	if (unlikely(request->first.size < RTE_ETHER_HDR_LEN))
		request->is_bad = true;
	else if (unlikely((uint32_t)request->first.offset + request->first.size >
			  HYPERVISOR_PAGE_SIZE))
		return burst_broken(burst, "packet crosses its page");
	return TAKE_NEXT;
}

/* Answer all slots of a packet with an error, but for its extras. */
static void
refuse_slots(struct vif_thread *thread, uint32_t slot, uint32_t n)
{
	for (uint32_t i = slot; i < slot + n; i++) {
		if (thread->slots[i].status != NETIF_RSP_NULL)
			thread->slots[i].status = NETIF_RSP_ERROR;
	}
}

/* A multicast message. */
static void
take_control(struct rx_burst *burst, const struct rx_request *request, uint32_t slot)
{
	struct vif_mcast *mcast = &burst->queue->rings->mcast;

	if (request->is_removal) {
		vif_mcast_remove(mcast, request->address);
	} else if (vif_mcast_add(mcast, request->address) < 0) {
		refuse_slots(burst->thread, slot, burst->n_slots - slot);
		burst->queue->tx.stats.errors++;
	}
}

/* Have a part of a fragment copied, or copy it if the guest keeps its page mapped. */
static inline void
plan_piece(struct rx_burst *burst, const uint8_t *page, void *local, uint32_t ref, uint32_t offset,
	   uint32_t len)
{
	struct grant_copy *piece = &burst->thread->pieces[burst->n_pieces];

	if (page != NULL) {
		memcpy(local, page + offset, len);
		burst->queue->tx.stats.static_copies++;
		return;
	}
	piece->local = local;
	piece->ref = ref;
	piece->domid = burst->queue->rings->domid;
	piece->offset = (uint16_t)offset;
	piece->len = (uint16_t)len;
	piece->to_guest = false;
	piece->is_foreign = false;
	burst->n_pieces++;
}

static inline struct rte_mbuf *
burst_mbuf(struct rx_burst *burst)
{
	if (likely(burst->n_mbufs > 0))
		return burst->mbufs[--burst->n_mbufs];
	return rte_pktmbuf_alloc(burst->pool);
}

/*
 * How much of a fragment goes into the last mbuf of a packet. Each part costs a grant copy, so a
 * fragment that does not fit is not cut but begins an mbuf.
 */
static inline uint32_t
fragment_part(const struct rte_mbuf *last, uint32_t len)
{
	const uint32_t room = rte_pktmbuf_tailroom(last);

	if (likely(len <= room))
		return len;
	return last->data_len == 0 ? room : 0;
}

/* Chain one more mbuf to a packet. Return: it, or NULL: there are none. */
static struct rte_mbuf *
append_mbuf(struct rx_burst *burst, struct rte_mbuf *pkt, struct rte_mbuf *last)
{
	struct rte_mbuf *next = burst_mbuf(burst);

	if (unlikely(next == NULL))
		return NULL;
	next->data_off = 0; /* tags go in front of the first only */
	last->next = next;
	pkt->nb_segs++;
	return next;
}

/* Plan the grant copies of one fragment, into the last mbuf and as many more as it takes. */
static struct rte_mbuf *
plan_fragment(struct rx_burst *burst, struct rte_mbuf *pkt, struct rte_mbuf *last,
	      const struct netif_tx_request *fragment)
{
	const uint8_t *page = vif_grants_page(burst->grants, fragment->gref, false);
	uint32_t offset = fragment->offset, len = fragment->size;

	while (len > 0) {
		uint32_t part = fragment_part(last, len);

		if (part == 0) {
			last = append_mbuf(burst, pkt, last);
			if (unlikely(last == NULL))
				return NULL;
			continue;
		}
		plan_piece(burst, page, rte_pktmbuf_mtod_offset(last, void *, last->data_len),
			   fragment->gref, offset, part);
		last->data_len += part;
		pkt->pkt_len += part;
		offset += part;
		len -= part;
	}
	return last;
}

static struct rte_mbuf *
plan_packet(struct rx_burst *burst, const struct rx_request *request)
{
	struct rte_mbuf *pkt = burst_mbuf(burst);
	struct rte_mbuf *last = pkt;

	if (unlikely(pkt == NULL))
		return NULL;
	last = plan_fragment(burst, pkt, last, &request->first);
	for (uint32_t i = 0; i < request->n_fragments && last != NULL; i++)
		last = plan_fragment(burst, pkt, last, &request->fragments[i]);
	if (unlikely(last == NULL)) {
		rte_pktmbuf_free(pkt);
		return NULL;
	}
	return pkt;
}

/*
 * Is a packet best left with the guest for now? Only if it may go to another guest, and there is
 * room to note it. What lies in pages that the guest keeps mapped is at hand.
 */
static bool
is_direct(struct rx_burst *burst, const struct rx_request *request)
{
	const struct vif_pending *pending = &burst->thread->pending;

	if (likely(request->size <= burst->thread->direct_min))
		return false;
	if (burst->queue->tx.direct_skip > 0) {
		burst->queue->tx.direct_skip--;
		return false;
	}
	return burst->grants == NULL && pending->n_packets < VIF_PENDING_PACKETS &&
	       pending->n_fragments + 1 + request->n_fragments <= VIF_PENDING_FRAGMENTS;
}

/* Note where a part of a packet stays, but for @n_header bytes that are copied at once. */
static void
plan_pending_fragment(struct rx_burst *burst, struct rte_mbuf *pkt, struct netif_tx_request part,
		      uint16_t n_header)
{
	struct vif_pending *pending = &burst->thread->pending;
	struct netif_tx_request header = part;

	header.size = RTE_MIN(part.size, n_header);
	plan_fragment(burst, pkt, pkt, &header);
	part.offset += header.size;
	part.size -= header.size;
	if (part.size > 0)
		pending->fragments[pending->n_fragments++] = (struct vif_fragment){
			.ref = part.gref,
			.offset = part.offset,
			.len = part.size,
		};
}

/* Mbufs for the fragments from @i on, whose data is to come: laid out as if it came now. */
static bool
alloc_pending(struct rx_burst *burst, struct rte_mbuf *pkt, uint16_t i)
{
	const struct vif_pending *pending = &burst->thread->pending;
	struct rte_mbuf *last = pkt;

	for (; i < pending->n_fragments; i++) {
		uint32_t len = pending->fragments[i].len;

		while (len > 0) {
			/* the first one holds what is here */
			uint32_t part = last == pkt ? 0 : fragment_part(last, len);

			if (part == 0) {
				last = append_mbuf(burst, pkt, last);
				if (unlikely(last == NULL))
					return false;
				continue;
			}
			last->data_len += part;
			pkt->pkt_len += part;
			len -= part;
		}
	}
	return true;
}

/* A packet of which the headers are copied, and no more for now. */
static __rte_noinline struct rte_mbuf *
plan_pending(struct rx_burst *burst, const struct rx_request *request, uint32_t slot)
{
	struct vif_pending *pending = &burst->thread->pending;
	struct vif_pending_packet *packet = &pending->packets[pending->n_packets];
	struct rte_mbuf *pkt = burst_mbuf(burst);
	uint16_t n_fragments = pending->n_fragments;

	if (unlikely(pkt == NULL))
		return NULL;
	plan_pending_fragment(burst, pkt, request->first, PORT_HEADER_LEN);
	for (uint32_t i = 0; i < request->n_fragments; i++)
		plan_pending_fragment(burst, pkt, request->fragments[i],
				      PORT_HEADER_LEN - pkt->data_len);
	if (unlikely(!alloc_pending(burst, pkt, n_fragments))) {
		pending->n_fragments = n_fragments;
		rte_pktmbuf_free(pkt);
		return NULL;
	}
	*packet = (struct vif_pending_packet){
		.queue = burst->queue,
		.index = burst->queue->tx.index + slot,
		.n_slots = (uint16_t)(burst->n_slots - slot),
		.n_extras = request->n_extras,
		.fragment = n_fragments,
		.n_fragments = (uint16_t)(pending->n_fragments - n_fragments),
	};
	pkt->ol_flags |= PORT_PENDING;
	pkt->hash.usr = pending->n_packets++;
	if (!burst->queue->tx.open)
		pending->queues[pending->n_queues++] = burst->queue;
	burst->queue->tx.open = true;
	return pkt;
}

/* Has this burst room for the grant copies of a packet? */
static inline bool
has_room(const struct rx_burst *burst, const struct rx_request *request)
{
	uint32_t room = rte_pktmbuf_data_room_size(burst->pool) - RTE_PKTMBUF_HEADROOM;
	uint32_t n_max = 1 + request->n_fragments + request->size / room + 1;

	return request->is_control || request->is_bad || burst->n_pieces + n_max <= VIF_PIECES_MAX;
}

/* Has the guest credit for a packet? If so, it is paid for. */
static __rte_noinline bool
take_credit(struct rx_burst *burst, uint32_t size)
{
	uint64_t wait = vif_rate_take(burst->rate, size, burst->thread->clock());

	burst->queue->tx.wait_usec = wait;
	return wait == 0;
}

/*
 * A packet of one slot that fits an mbuf, of a guest without a rate or pages that stay mapped:
 * nearly all are. False: nothing was done, look closer.
 */
static inline bool
take_simple(struct rx_burst *burst, struct vif_packet *packet)
{
	struct vif_slot *slot = &burst->thread->slots[burst->n_slots];
	struct netif_tx_request request;
	struct rte_mbuf *pkt;

	if (unlikely(burst->n_mbufs == 0 || burst->n_pieces == VIF_PIECES_MAX))
		return false;
	ring_copy_tx(burst->queue->tx.ring, burst->queue->tx.index + burst->n_slots, &request);
	pkt = burst->mbufs[burst->n_mbufs - 1];
	if (unlikely((request.flags & (NETTXF_extra_info | NETTXF_more_data)) ||
		     request.size < RTE_ETHER_HDR_LEN ||
		     (uint32_t)request.offset + request.size > HYPERVISOR_PAGE_SIZE ||
		     request.size > RTE_MIN((uint32_t)rte_pktmbuf_tailroom(pkt),
					    burst->thread->direct_min)))
		return false;
	burst->n_mbufs--;
	slot->id = request.id;
	slot->status = NETIF_RSP_OKAY;
	packet->pkt = pkt;
	packet->slot = (uint16_t)burst->n_slots++;
	packet->n_slots = 1;
	packet->piece = (uint16_t)burst->n_pieces;
	packet->n_pieces = 1;
	packet->flags = request.flags;
	packet->mss = 0;
	plan_piece(burst, NULL, rte_pktmbuf_mtod(pkt, void *), request.gref, request.offset,
		   request.size);
	pkt->data_len = request.size;
	pkt->pkt_len = request.size;
	burst->n_packets++;
	return true;
}

/* Take the next packet out of the ring and plan what is to be copied for it. */
static enum take
take_packet(struct rx_burst *burst)
{
	struct vif_packet *packet = &burst->thread->packets[burst->n_packets];
	uint32_t slot = burst->n_slots, piece = burst->n_pieces;
	struct rx_request request;
	enum take take;

	if (likely(burst->grants == NULL && burst->rate == NULL && take_simple(burst, packet)))
		return TAKE_NEXT;
	take = take_request(burst, &request);
	if (unlikely(take != TAKE_NEXT)) {
		burst->n_slots = slot;
		return take;
	}
	if (unlikely(!has_room(burst, &request)) ||
	    unlikely(burst->rate != NULL && !take_credit(burst, request.size))) {
		burst->n_slots = slot;
		return TAKE_LATER;
	}
	if (unlikely(request.is_control)) {
		take_control(burst, &request, slot);
		return TAKE_NEXT;
	}
	if (unlikely(request.is_bad)) {
		refuse_slots(burst->thread, slot, burst->n_slots - slot);
		burst->lost->bad_request++;
		burst->queue->tx.stats.errors++;
		return TAKE_NEXT;
	}
	packet->pkt = unlikely(is_direct(burst, &request)) ? plan_pending(burst, &request, slot) :
							     plan_packet(burst, &request);
	if (unlikely(packet->pkt == NULL)) {
		burst->n_pieces = piece;
		refuse_slots(burst->thread, slot, burst->n_slots - slot);
		burst->lost->no_buffer++;
		burst->queue->tx.stats.errors++;
		return TAKE_NEXT;
	}
	packet->slot = (uint16_t)slot;
	packet->n_slots = (uint16_t)(burst->n_slots - slot);
	packet->piece = (uint16_t)piece;
	packet->n_pieces = (uint16_t)(burst->n_pieces - piece);
	packet->flags = request.first.flags;
	packet->mss = request.mss;
	packet->is_gso_ipv6 = request.is_gso_ipv6;
	burst->n_packets++;
	return TAKE_NEXT;
}

static bool
pieces_copied(const struct grant_copy *pieces, uint32_t n)
{
	int16_t status = 0;

	for (uint32_t i = 0; i < n; i++)
		status |= pieces[i].status;
	return status == 0;
}

/* The transport protocol of an IPv6 packet whose transport header cannot be reached. */
static uint8_t
ipv6_proto(const struct rte_mbuf *pkt, uint16_t l2_len)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(pkt, const uint8_t *, l2_len);

	/* a fragment: its header is the first of the packet, as a rule */
	if (ip[6] == IPPROTO_FRAGMENT && pkt->data_len > l2_len + sizeof(struct rte_ipv6_hdr))
		return ip[sizeof(struct rte_ipv6_hdr)];
	return ip[6];
}

/*
 * Said to have a blank checksum, and none is found to be filled in: is it known to be neither TCP
 * nor UDP, where some guests (NetBSD) set the flag too? Otherwise nobody could complete it later.
 */
static bool
blank_is_harmless(const struct rte_mbuf *pkt)
{
	const uint8_t *frame = rte_pktmbuf_mtod(pkt, const uint8_t *);
	uint16_t type;
	struct l4 l4;

	if (l4_parse(pkt, &l4) != 0 && l4.l3_len == 0 && l4.l2_len != 0) {
		type = (uint16_t)(frame[l4.l2_len - 2] << 8 | frame[l4.l2_len - 1]);
		if (type == RTE_ETHER_TYPE_VLAN || type == RTE_ETHER_TYPE_QINQ ||
		    type == RTE_ETHER_TYPE_IPV4)
			return false;
		if (type != RTE_ETHER_TYPE_IPV6)
			return true;
		if (pkt->data_len < l4.l2_len + sizeof(struct rte_ipv6_hdr))
			return false;
		l4.proto = ipv6_proto(pkt, l4.l2_len);
		if (l4.proto == IPPROTO_HOPOPTS || l4.proto == IPPROTO_ROUTING ||
		    l4.proto == IPPROTO_DSTOPTS || l4.proto == IPPROTO_AH ||
		    l4.proto == IPPROTO_FRAGMENT)
			return false;
	}
	return l4.l2_len != 0 && l4.proto != IPPROTO_TCP && l4.proto != IPPROTO_UDP;
}

/*
 * Note what the guest has left undone, by what the packet's headers say. A super-packet counts as
 * checksum-blank whether its sender says so or not, as with the kernel's netback.
 */
static bool
describe_packet(const struct vif_packet *packet, struct rte_mbuf *pkt)
{
	int ret;

	if (packet->mss != 0)
		return offload_describe_gso(pkt, packet->mss, packet->is_gso_ipv6) == 0;
	if (packet->flags & NETTXF_csum_blank) {
		ret = offload_describe(pkt);
		return ret == 0 || (ret != -EBADMSG && blank_is_harmless(pkt));
	}
	if (packet->flags & NETTXF_data_validated)
		pkt->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	return true;
}

/*
 * Headers that the guest has put into a large fragment behind a small one: to the others. The
 * fragment did not fit the first mbuf, so there is more in it than that.
 */
static __rte_noinline void
pull_headers(struct rte_mbuf *pkt)
{
	const uint16_t len = PORT_HEADER_LEN - pkt->data_len;
	struct rte_mbuf *next = pkt->next;

	memcpy(rte_pktmbuf_mtod_offset(pkt, void *, pkt->data_len),
	       rte_pktmbuf_mtod(next, const void *), len);
	pkt->data_len += len;
	next->data_off += len;
	next->data_len -= len;
}

/* The packet's data is private now: see that it came, and describe it. */
static struct rte_mbuf *
finish_packet(struct rx_burst *burst, const struct vif_packet *packet)
{
	struct rte_mbuf *pkt = packet->pkt;

	if (unlikely(!pieces_copied(&burst->thread->pieces[packet->piece], packet->n_pieces))) {
		refuse_slots(burst->thread, packet->slot, packet->n_slots);
		burst->lost->copy_failed++;
		burst->queue->tx.stats.errors++;
		rte_pktmbuf_free(pkt);
		return NULL;
	}
	if (unlikely(pkt->nb_segs > 1 && pkt->data_len < PORT_HEADER_LEN))
		pull_headers(pkt);
	if (unlikely(!describe_packet(packet, pkt))) {
		burst->lost->bad_frame++;
		rte_pktmbuf_free(pkt);
		return NULL;
	}
	return pkt;
}

void
vif_rx_publish(struct vif_queue *queue)
{
	struct netif_tx_sring *ring = queue->tx.ring;
	uint32_t old = queue->tx.published;

	queue->tx.published = queue->tx.index;
	if (ring_publish(&ring->rsp_prod, &ring->rsp_event, old, queue->tx.index)) {
		const struct vif_channel *channel = &queue->tx.channel;

		channel->thread->hv->ops->notify(channel->thread->hvt, channel->port);
		queue->tx.stats.notifies++;
	}
}

/* Answer all requests taken, in one go. */
static void
answer(struct rx_burst *burst)
{
	struct netif_tx_sring *ring = burst->queue->tx.ring;
	uint32_t index = burst->queue->tx.index;

	for (uint32_t i = 0; i < burst->n_slots; i++) {
		const struct vif_slot *slot = &burst->thread->slots[i];
		struct netif_tx_response *response = &ring->ring[(index + i) & NETIF_RING_MASK].rsp;

		if (likely(slot->status != NETIF_RSP_NULL))
			response->id = slot->id;
		response->status = slot->status;
	}
	burst->queue->tx.index = index + burst->n_slots;
	if (likely(!burst->queue->tx.open))
		vif_rx_publish(burst->queue);
}

static void
copy_pieces(struct rx_burst *burst)
{
	struct vif_thread *thread = burst->thread;
	int ret;

	if (burst->n_pieces == 0)
		return;
	ret = thread->hv->ops->copy(thread->hvt, thread->pieces, burst->n_pieces);
	if (unlikely(ret < 0)) {
		vif_rings_copy_failed(burst->queue->rings, -ret);
		burst->queue->tx.stats.copy_failures++;
		for (uint32_t i = 0; i < burst->n_pieces; i++)
			thread->pieces[i].status = NETIF_RSP_ERROR;
	}
	burst->queue->tx.stats.copy_calls++;
	burst->queue->tx.stats.copies += burst->n_pieces;
}

/* All of a burst but what is needed only if there are requests; the mbufs are not cleared. */
static inline void
burst_start(struct rx_burst *burst, struct vif_thread *thread, struct vif_queue *queue)
{
	burst->thread = thread;
	burst->queue = queue;
	burst->grants = __atomic_load_n(&queue->grants, __ATOMIC_ACQUIRE);
	burst->rate = __atomic_load_n(&queue->rings->rate, __ATOMIC_ACQUIRE);
	burst->broken = NULL;
	burst->n_available = ring_load(&queue->tx.ring->req_prod) - queue->tx.index;
	burst->n_slots = 0;
	burst->n_pieces = 0;
	burst->n_packets = 0;
}

uint16_t
vif_rx_burst(struct vif_thread *thread, struct vif_queue *queue, struct rte_mempool *pool,
	     struct rte_mbuf **pkts, uint16_t n, struct vif_lost *lost)
{
	struct rx_burst burst;
	enum take take = TAKE_NEXT;
	uint16_t n_pkts = 0;

	if (unlikely(queue->tx.wait_usec != 0))
		queue->tx.wait_usec = 0;
	if (unlikely(vif_rings_broken(queue->rings) != NULL))
		return 0;
	burst_start(&burst, thread, queue);
	if (burst.n_available == 0)
		return 0;
	if (unlikely(burst.n_available > NETIF_RING_SLOTS)) {
		vif_rings_break(queue->rings, "more requests than the ring has slots");
		return 0;
	}
	n = RTE_MIN(n, (uint16_t)VIF_BURST_MAX);
	burst.pool = pool;
	burst.lost = lost;
	burst.n_mbufs = RTE_MIN((uint32_t)n, burst.n_available);
	/* if there are too few of them: one by one, as long as there are any */
	if (unlikely(rte_pktmbuf_alloc_bulk(pool, burst.mbufs, burst.n_mbufs) != 0))
		burst.n_mbufs = 0;
	while (take == TAKE_NEXT && burst.n_slots < burst.n_available && burst.n_packets < n)
		take = take_packet(&burst);
	if (unlikely(burst.n_mbufs > 0))
		rte_pktmbuf_free_bulk(burst.mbufs, burst.n_mbufs);

	copy_pieces(&burst);
	for (uint32_t i = 0; i < burst.n_packets; i++) {
		pkts[n_pkts] = finish_packet(&burst, &thread->packets[i]);
		n_pkts += pkts[n_pkts] != NULL;
	}
	if (burst.n_slots > 0)
		answer(&burst);
	queue->tx.stats.slots += burst.n_slots;
	queue->tx.stats.packets += n_pkts;
	if (unlikely(take == TAKE_BROKEN))
		vif_rings_break(queue->rings, burst.broken);
	return n_pkts;
}

void
vif_rx_refuse(struct vif_queue *queue)
{
	struct netif_tx_sring *ring = queue->tx.ring;
	uint32_t index = queue->tx.index, end = ring_load(&ring->req_prod);
	bool more = false, has_extra = false;

	if (end - index > NETIF_RING_SLOTS) {
		vif_rings_break(queue->rings, "more requests than the ring has slots");
		return;
	}
	/* ids, flags and all of an extra that is looked at here are not overlaid by answers */
	for (; index != end; index++) {
		struct netif_tx_response *response = &ring->ring[index & NETIF_RING_MASK].rsp;
		struct netif_tx_request request;
		struct netif_extra_info extra;

		ring_copy_tx(ring, index, &request);
		if (has_extra) {
			memcpy(&extra, &request, sizeof(extra));
			has_extra = extra.flags & XEN_NETIF_EXTRA_FLAG_MORE;
			/* a multicast message has no fragments */
			more &= extra.type != XEN_NETIF_EXTRA_TYPE_MCAST_ADD &&
				extra.type != XEN_NETIF_EXTRA_TYPE_MCAST_DEL;
			response->status = NETIF_RSP_NULL;
			continue;
		}
		has_extra = !more && (request.flags & NETTXF_extra_info);
		if (!more)
			queue->tx.stats.errors++;
		more = request.flags & NETTXF_more_data;
		response->id = request.id;
		response->status = NETIF_RSP_ERROR;
	}
	queue->tx.stats.slots += end - queue->tx.index;
	queue->tx.index = queue->tx.published = end;
	__atomic_store_n(&ring->rsp_prod, end, __ATOMIC_RELEASE);
}

bool
vif_rx_arm(struct vif_queue *queue)
{
	const struct vif_channel *channel = &queue->tx.channel;
	struct netif_tx_sring *ring = queue->tx.ring;

	if (unlikely(vif_rings_broken(queue->rings) != NULL))
		return false;
	if (ring_arm(&ring->req_event, &ring->req_prod, queue->tx.index))
		return true;
	/* late: an event that came since the wish was stored waits at the masked port */
	channel->thread->hv->ops->unmask(channel->thread->hvt, channel->port);
	return false;
}
