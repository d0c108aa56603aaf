/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Queues of a connected vif: the shared rings, and moving bursts of packets through them.
 *
 * A queue has two rings. On the one from the guest, a burst of requests is copied to private memory
 * and checked, one batch of grant copies brings all data straight into mbufs, and every slot is
 * answered, in ring order, before anything is published. Answers of a burst that has pending
 * packets (vif_pending.h) are published at the end of the worker's turn. So no request is ever
 * under way between two turns, and the ring's shared indices tell a backend that takes over where
 * to go on.
 *
 * But answers overlay requests: a backend that was killed between writing its answers and
 * publishing them leaves requests whose grant reference (the first four bytes) is an id and a
 * status instead, and may well name another page that the guest has granted. Which ones cannot be
 * told, so all that wait at a takeover are answered with an error, unread; guests lose those
 * packets. On the ring to the guest a reference is overwritten by flags and length, which makes it
 * 65536 or more: a guest has no such grants (its table would need more than 128 frames; xl's
 * default is 64), so that a copy to it fails. Where an extra_info lies there instead, the reference
 * is a super-packet's type, 1 or 2, which are reserved: such are never copied to; or a hash, and
 * those of less than 65536 are not told (vif_hash.h).
 *
 * On the ring to the guest one batch of grant copies fills the pages that the guest
 * has posted; packets that find none are the caller's to drop.
 *
 * A guest that breaks the protocol so that the ring can no longer be trusted has all queues of its
 * vif disabled ("broken"); the control thread is told by an eventfd and closes the vif. What kernel
 * netback answers with an error is answered with an error here (netback.c of Linux).
 *
 * Thread-safety: the ring from the guest (vif_rx_burst, vif_rx_arm) belongs to the worker that
 * polls the queue. The ring to the guest has a lock; any worker may call vif_tx_burst. Queues are
 * opened and closed by the control thread, closed after a grace period.
 */
#ifndef NETBACK_VIF_QUEUE_H
#define NETBACK_VIF_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_common.h>
#include <rte_mbuf.h>
#include <rte_spinlock.h>

#include "hypervisor.h"
#include "netif_ring.h"
#include "vif_grants.h"
#include "vif_hash.h"
#include "vif_keys.h"
#include "vif_mcast.h"
#include "vif_pending.h"
#include "vif_rate.h"

struct error;

#define VIF_BURST_MAX 64    /* packets of one burst */
#define VIF_PIECES_MAX 1024 /* grant copies of one burst */

/* A request's answer, collected until the whole burst is done. */
struct vif_slot {
	union {
		struct {
			uint16_t id;
			int16_t status;
			uint16_t flags;    /* to the guest only */
			uint16_t n_pieces; /* to the guest only: grant copies that fill it */
		};
		struct netif_extra_info extra; /* to the guest only, if @is_extra */
	};
	bool is_extra;
};

/* A packet of the burst from the guest. */
struct vif_packet {
	struct rte_mbuf *pkt;
	uint16_t slot; /* first slot in vif_thread.slots */
	uint16_t n_slots;
	uint16_t piece; /* first grant copy in vif_thread.pieces */
	uint16_t n_pieces;
	uint16_t flags; /* of the first request */
	uint16_t mss;   /* of a super-packet, or 0 */
	bool is_gso_ipv6;
};

/* A burst on its way to a guest's queues (vif_steer.h). */
struct vif_steer {
	uint16_t queues[VIF_BURST_MAX];
	struct vif_hash_value hashes[VIF_BURST_MAX];
	/* the part for one queue */
	struct rte_mbuf *part[VIF_BURST_MAX];
	struct vif_hash_value part_hashes[VIF_BURST_MAX];
};

/* A worker's context: its handles, and room for one burst. Its worker only. */
struct vif_thread {
	const struct hypervisor *hv;
	struct hypervisor_thread *hvt;
	uint32_t direct_min;     /* bytes: larger packets are left pending; UINT32_MAX: none are */
	uint64_t (*clock)(void); /* microseconds; asked for guests with a rate only */
	struct vif_pending pending;
	struct grant_copy pieces[VIF_PIECES_MAX];
	struct vif_slot slots[NETIF_RING_SLOTS];
	struct vif_packet packets[VIF_BURST_MAX];
	struct vif_steer steer;
	const struct vif_hash_value *hashes; /* of packets for vif_tx_burst() to tell; or NULL */
	uint64_t lost_events; /* times that events() has failed. worker: rw, control: ro */
	int lost_errno;       /* why, the last time; as lost_events */
};

/* Why a guest does not get a packet that was taken. */
enum vif_loss { VIF_DELIVERED, VIF_FULL, VIF_FILTERED, VIF_TOO_BIG, VIF_COPY_FAILED, VIF_LOSSES };

/* Packets that a burst had to throw away, for the caller to count. */
struct vif_lost {
	uint32_t bad_request;       /* broke the protocol; answered with an error */
	uint32_t bad_frame;         /* blank checksum, but headers make no sense */
	uint32_t copy_failed;       /* the grant could not be copied */
	uint32_t no_buffer;         /* no mbuf */
	uint32_t too_big;           /* more than the guest takes in one packet */
	uint32_t filtered;          /* multicast that the guest does not want */
	uint32_t full;              /* no buffers posted (vif_steer.h; vif_tx_burst leaves them) */
	uint64_t copy_failed_bytes; /* to the guest only, as are the following */
	uint64_t too_big_bytes;
	uint64_t filtered_bytes;
	uint64_t full_bytes;
	/* NULL, or: is shown each packet that the guest does not get, before it is freed */
	void (*show)(void *arg, struct rte_mbuf *pkt, enum vif_loss why);
	void *arg;
};

/* An event channel. */
struct vif_channel {
	struct vif_thread *thread; /* on whose handle it is bound */
	uint32_t port;
	bool bound;
};

/* Counters of one ring. Its user: rw, control: ro (relaxed). */
struct vif_ring_stats {
	uint64_t slots;
	uint64_t packets;
	uint64_t errors;
	uint64_t full;
	uint64_t copies;
	uint64_t copy_calls;
	uint64_t copy_failures; /* calls that failed as a whole */
	uint64_t direct_copies; /* pieces from guest to guest, of copies */
	uint64_t static_copies; /* pieces in static grants, which need no grant copy */
	uint64_t notifies;
};

struct vif_queue {
	struct vif_rings *rings;
	struct vif_grants *grants; /* or NULL. control: sets once (release), worker: ro (acquire) */

	struct {
		struct netif_tx_sring *ring;
		uint32_t index; /* all requests before it are answered, none from it on is taken */
		uint32_t published;  /* all answers before it; the others at the end of the turn */
		bool open;           /* there are others */
		uint8_t direct_skip; /* large packets that are copied at once, from now on */
		uint8_t direct_wait; /* how many it is to be next time */
		uint64_t wait_usec;  /* until the guest has credit again; 0: it has */
		struct vif_channel channel;
		struct vif_ring_stats stats;
	} tx __rte_cache_aligned; /* guest -> switch; the worker that polls the queue */

	struct {
		rte_spinlock_t lock;
		struct netif_rx_sring *ring;
		uint32_t index;
		struct vif_channel *notify; /* own one, or that of tx */
		struct vif_channel channel;
		struct vif_ring_stats stats;
	} rx __rte_cache_aligned; /* switch -> guest; any worker under the lock */
};

/* All queues of one connection. Constant while workers can see it, except where said. */
struct vif_rings {
	const struct hypervisor *hv;
	uint16_t domid;
	uint16_t n_queues;
	bool sg;
	int broken_fd;  /* eventfd, for the control thread: netback_report() */
	int copy_errno; /* of a copy that failed as a whole. Any worker: sets; control: clears */
	const char *broken;    /* why it is disabled, or NULL. Any worker: sets once; all: ro */
	struct vif_hash *hash; /* or NULL. control: rw (release), worker: ro (acquire) */
	struct vif_rate *rate; /* or NULL: unlimited. control: rw (release), worker: ro (acquire) */
	struct vif_mcast mcast;
	struct vif_queue queues[];
};

/**
 * struct vif_rings_config - what to open.
 * @keys: of the frontend, checked.
 * @rate: of what the guest sends, or NULL.
 * @threads, @cookies: by queue: the worker that polls it, and what its events are to be called.
 * @broken_fd: eventfd to kick when a ring breaks.
 * @reattach: the rings may have been used by a backend before us.
 */
struct vif_rings_config {
	const struct hypervisor *hv;
	uint16_t domid;
	const struct vif_keys *keys;
	struct vif_rate *rate;
	struct vif_thread *threads[NETBACK_QUEUES_MAX];
	uint32_t cookies[NETBACK_QUEUES_MAX];
	int broken_fd;
	bool reattach;
};

/**
 * vif_thread_create() - a worker's context. Control thread.
 * Return: it, or NULL with errno.
 */
struct vif_thread *vif_thread_create(const struct hypervisor *hv);

/** vif_thread_destroy() - all queues on it must be closed. NULL is legal. Control thread. */
void vif_thread_destroy(struct vif_thread *thread);

/**
 * vif_rings_open() - map the rings, check them, bind the channels. Control thread.
 *
 * The rings are entered where the backend before us - or nobody: 0 - has left them.
 * What the guest has sent and got no answer for is answered with an error if it was connected
 * before.
 * Return: the rings, or NULL with @err filled and nothing left behind. err->code is -EINVAL for
 * what is wrong with the guest's part.
 */
struct vif_rings *vif_rings_open(const struct vif_rings_config *config, struct error *err);

/**
 * vif_rings_close() - unbind and unmap; a second call does nothing. No worker may see the rings any
 * more. Control thread.
 */
void vif_rings_close(struct vif_rings *rings);

/** vif_rings_free() - close and free. NULL is legal. Control thread. */
void vif_rings_free(struct vif_rings *rings);

/** vif_rings_kick() - notify every channel once, after a restart. Control thread. */
void vif_rings_kick(struct vif_rings *rings);

/**
 * vif_rings_break() - disable all queues of the vif and tell the control thread. Any thread.
 * @reason: constant string for the operator.
 */
void vif_rings_break(struct vif_rings *rings, const char *reason);

/** vif_rings_grants() - static grants of all queues. Control thread. */
uint32_t vif_rings_grants(const struct vif_rings *rings);

/** vif_rings_broken() - why the queues are disabled, or NULL. Any thread. */
static inline const char *
vif_rings_broken(const struct vif_rings *rings)
{
	return __atomic_load_n(&rings->broken, __ATOMIC_RELAXED);
}

/** vif_rings_copy_failed() - a grant copy has failed as a whole: tell control. Any thread. */
void vif_rings_copy_failed(struct vif_rings *rings, int error);

/** vif_rings_copy_errno() - errno of a copy that failed since the last call, or 0. Control. */
static inline int
vif_rings_copy_errno(struct vif_rings *rings)
{
	return __atomic_exchange_n(&rings->copy_errno, 0, __ATOMIC_RELAXED);
}

/**
 * vif_rx_refuse() - answer all requests that wait with an error, without looking at data.
 * Control thread, before workers see the queue. The rings break if there are more than fit.
 */
void vif_rx_refuse(struct vif_queue *queue);

/**
 * vif_rx_burst() - take packets that the guest has sent. The worker that polls the queue.
 * @thread: the worker's context.
 * @pool: for mbufs; packets larger than one become chains.
 * @pkts, @n: where to put up to @n <= VIF_BURST_MAX packets in canonical form (datapath/port.h);
 *	large ones may be pending: see @thread->direct_min and vif_pending_done().
 * @lost: counters to add to.
 * Return: number of packets. If the guest has used up its credit the rest stays in the ring, and
 * @queue->tx.wait_usec says when to look again.
 */
uint16_t vif_rx_burst(struct vif_thread *thread, struct vif_queue *queue, struct rte_mempool *pool,
		      struct rte_mbuf **pkts, uint16_t n, struct vif_lost *lost);

/** vif_rx_publish() - let the guest see the answers that there are. The worker that polls it. */
void vif_rx_publish(struct vif_queue *queue);

/**
 * vif_rx_arm() - ask for an event at the guest's next packet. The worker that polls the queue.
 * Return: true if there is one already.
 */
bool vif_rx_arm(struct vif_queue *queue);

/**
 * vif_tx_burst() - give packets to the guest. Any worker.
 * @thread: the worker's context.
 * @pkts, @n: packets, pending ones of this @thread among them; those taken are freed. Their
 *	hashes, if the guest is to be told, are @thread->hashes.
 * @lost: counters to add to, for packets that were taken but cannot, or are not to, be delivered.
 * Return: how many were taken, from the front. The others find no buffers posted, or more pieces
 * than one burst copies (VIF_PIECES_MAX), or the rings are broken.
 */
uint16_t vif_tx_burst(struct vif_thread *thread, struct vif_queue *queue, struct rte_mbuf **pkts,
		      uint16_t n, struct vif_lost *lost);

#endif /* NETBACK_VIF_QUEUE_H */
