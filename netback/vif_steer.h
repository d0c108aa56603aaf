/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Steering: which of a guest's queues a packet goes to.
 *
 * A burst is divided by flow hash (vif_hash.h) over all queues of the connection; packets of a flow
 * stay in order, as they always take the same queue. Guests with one queue and no hashing pay
 * nothing for it.
 *
 * Thread-safety: any worker.
 */
#ifndef NETBACK_VIF_STEER_H
#define NETBACK_VIF_STEER_H

#include <stdint.h>

#include "vif_queue.h"

/**
 * vif_send() - give packets to the guest. Any worker.
 * @thread: the worker's context.
 * @rings: the guest's connection.
 * @pkts, @n: packets; those taken are freed.
 * @lost: counters to add to, for packets that were taken but not delivered. If the packets were for
 *	more than one queue, those that one of these had no room for are among them (lost->full).
 * Return: how many were taken, from the front.
 */
uint16_t vif_send(struct vif_thread *thread, struct vif_rings *rings, struct rte_mbuf **pkts,
		  uint16_t n, struct vif_lost *lost);

/**
 * vif_refusal() - why the guest would not get a packet, whatever room it has
 * @rings: the guest's connection; its own filter and what it takes as one packet count.
 * Return: VIF_FILTERED, VIF_TOO_BIG, or VIF_DELIVERED. Any thread that may look at @rings.
 */
enum vif_loss vif_refusal(const struct vif_rings *rings, const struct rte_mbuf *pkt);

#endif /* NETBACK_VIF_STEER_H */
