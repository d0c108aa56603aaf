/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pending packets: large packets of guests whose data stays with the guest until it is known where
 * it is to go.
 *
 * Of such a packet only the headers are copied when it is received; the mbufs for the rest are
 * there, but empty, and a record says where the rest lies (PORT_PENDING, port.h). For another guest
 * it is copied from guest to guest, in one go; for anybody else vif_pending_fill() brings it here
 * first. Until then the guest gets no answer for its slots: they are answered, still in the ring's
 * order, by vif_pending_done(), when nothing of a worker's turn is under way any more.
 *
 * A packet that has to be filled costs a call more than one that is copied at once, and where it
 * goes is only known afterwards. So a queue whose packets had to be filled leaves none pending for
 * a while, twice as long each time, until one goes to another guest.
 *
 * If a page turns out to be unreadable on the way to a guest, what is pending for that guest is
 * brought here first and then sent (vif_tx.c): it sees errors of its own doing only.
 *
 * The guest may change its pages meanwhile. So may any guest that sends: what was looked at - the
 * headers - is not read again.
 *
 * Thread-safety: a worker's own, as the struct vif_thread that all of it lives in.
 */
#ifndef NETBACK_VIF_PENDING_H
#define NETBACK_VIF_PENDING_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "port.h"

struct vif_queue;
struct vif_thread;

#define VIF_PENDING_PACKETS 512    /* of one turn; what is more is copied at once */
#define VIF_PENDING_FRAGMENTS 4096 /* of these packets together */
#define VIF_DIRECT_MIN 2048u       /* bytes; what fits an mbuf takes fewer copies by way of it */
#define VIF_DIRECT_WAIT_MAX 255    /* packets copied at once, between two that are tried */

/* A part of a packet in a guest's page. */
struct vif_fragment {
	uint32_t ref;
	uint16_t offset;
	uint16_t len;
};

/* A pending packet: its data but for the first mbuf's. */
struct vif_pending_packet {
	struct vif_queue *queue;
	uint32_t index; /* of its first slot in the ring */
	uint16_t n_slots;
	uint16_t n_extras; /* of these, behind the first one */
	uint16_t fragment; /* first in vif_pending.fragments */
	uint16_t n_fragments;
	bool failed; /* its slots say so */
};

/* All of a worker's turn so far. */
struct vif_pending {
	uint16_t n_packets;
	uint16_t n_fragments;
	uint16_t n_queues;
	struct vif_queue *queues[VIF_PENDING_PACKETS]; /* with slots to be published */
	struct vif_pending_packet packets[VIF_PENDING_PACKETS];
	struct vif_fragment fragments[VIF_PENDING_FRAGMENTS];
};

/** vif_pending_register() - reserve the mbuf flag. Return: 0 or -errno. Control thread. */
int vif_pending_register(void);

/** vif_pending_of() - the record of a packet with PORT_PENDING. */
static inline struct vif_pending_packet *
vif_pending_of(struct vif_pending *pending, const struct rte_mbuf *pkt)
{
	return &pending->packets[pkt->hash.usr];
}

/**
 * vif_pending_fill() - bring the data of packets here, by one batch of grant copies.
 * @pkts, @n: up to VIF_BURST_MAX; those that are not pending are left alone. Afterwards those are
 *	still pending whose guest could not be read; they are good for nothing but
 *rte_pktmbuf_free().
 */
void vif_pending_fill(struct vif_thread *thread, struct rte_mbuf **pkts, uint16_t n);

/**
 * vif_pending_done() - no pending packet is left anywhere: let guests see the answers. To be called
 * before a quiescent state is reported.
 */
void vif_pending_done(struct vif_thread *thread);

#endif /* NETBACK_VIF_PENDING_H */
