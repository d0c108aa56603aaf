/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rate: how much a guest may send (xenstore key "rate" of the backend's directory; rate.h).
 *
 * A token bucket for all queues of a vif: so many bytes of credit at the beginning of each
 * interval, up to VIF_RATE_BURST or one interval's credit, whichever is more, as with the kernel's
 * netback (xenvif_tx_add_credit(); there each queue has a bucket of its own). A packet costs its
 * size.
 *
 * What has been given since the first packet follows from the clock, so all there is to share
 * between workers is what has been used. A change of the rate is a new bucket, which is full.
 *
 * Thread-safety: made and freed by the control thread (freed after a grace period); vif_rate_take()
 * by any worker.
 */
#ifndef NETBACK_VIF_RATE_H
#define NETBACK_VIF_RATE_H

#include <stdint.h>

#include "rate.h"
#include "rcu.h"

#define VIF_RATE_BURST 131072 /* bytes, at least; more than any packet has */

struct vif_rate {
	struct rate rate; /* as it was told. const */
	uint64_t bytes;   /* of credit at each interval. const */
	uint64_t burst;   /* bytes that the bucket holds. const */
	uint64_t start; /* usec: beginning of the first interval; 0: not begun. workers: set once */
	uint64_t used;  /* bytes, modulo 2^64. workers: rw */
	struct rcu_item retired; /* control */
};

/**
 * vif_rate_create() - a full bucket.
 * @rate: limited.
 * Return: it, for free(); or NULL: no memory.
 */
struct vif_rate *vif_rate_create(const struct rate *rate);

/**
 * vif_rate_take() - pay for a packet.
 * @size: bytes, up to VIF_RATE_BURST.
 * @now: microseconds of any clock that goes on from more than 0; the same for all calls.
 * Return: 0, or how long to wait, usec: until there is enough credit, if nobody else takes it.
 */
uint64_t vif_rate_take(struct vif_rate *rate, uint32_t size, uint64_t now);

#endif /* NETBACK_VIF_RATE_H */
