/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Netback: the backend of Xen's paravirtual network devices (xen/io/netif.h), in user space.
 *
 * It watches backend/vif in xenstore, keeps one struct vif for each device that the toolstack makes
 * there, and drives its state machine (vif.h) until the guest's rings are connected. Workers move
 * packets through those rings (vif_queue.h). What a vif is to the rest of the program - a port - is
 * the owner's affair: netback tells it by struct netback_owner.
 *
 * Stopping does not touch xenstore: guests stay Connected, and the next start attaches to the same
 * rings. Only what is under way is lost.
 *
 * Thread-safety: control thread only, except netback_report() and what vif_queue.h offers to
 * workers.
 */
#ifndef NETBACK_NETBACK_H
#define NETBACK_NETBACK_H

#include <stdbool.h>
#include <stdint.h>

#include "hypervisor.h"
#include "rate.h"

struct error;
struct netback;
struct rcu_item;
struct vif;
struct vif_thread;

#define NETBACK_QUEUES_MAX 8 /* queues of a vif; what the kernel's backend offers at most */
#define NETBACK_THREADS_MAX 64
#define VIF_NAME_SIZE 16 /* "vifD.N" */

/**
 * struct netback_owner - what netback tells and asks its owner. Control thread.
 * @vif_added: a device has appeared; it goes on to InitWait or, after a restart, to its rings only
 *	if this returns 0. -EAGAIN: not now; it is asked again soon. Any other -errno, with @err
 *	filled: this device cannot be served; asked again if its guest is connected already.
 * @vif_removed: its directory is gone; disconnected before. @vif is valid until vif_put() of the
 *	last reference (vif.h).
 * @vif_connected: the rings are published to workers. The owner has each queue polled once, as no
 *	event comes for what is in the rings already.
 * @vif_disconnected: workers will not find the rings any more. Also when netback_destroy() ends
 *	a connection.
 * @vif_rate_changed: what the guest may send (while connected): queues that wait for credit are to
 *	be polled.
 * @queue_worker: which worker polls @queue of the vif: 0 .. n_threads - 1; constant.
 * @queue_cookie: the cookie of events of @queue.
 * @message: a line for the log; the guest may be its cause, so limit the rate. @vif may be NULL.
 * @retire: call @fn(@obj) after a grace period, when no worker can see what it could see before;
 *	as rcu_retire().
 */
struct netback_owner {
	int (*vif_added)(void *arg, struct vif *vif, struct error *err);
	void (*vif_removed)(void *arg, struct vif *vif);
	void (*vif_connected)(void *arg, struct vif *vif);
	void (*vif_disconnected)(void *arg, struct vif *vif);
	void (*vif_rate_changed)(void *arg, struct vif *vif);
	uint16_t (*queue_worker)(void *arg, struct vif *vif, uint16_t queue);
	uint32_t (*queue_cookie)(void *arg, struct vif *vif, uint16_t queue);
	void (*message)(void *arg, const struct vif *vif, const char *text);
	void (*retire)(void *arg, struct rcu_item *item, void (*fn)(void *obj), void *obj);
};

struct netback_config {
	const struct hypervisor *hv;       /* outlives the netback */
	struct vif_thread *const *threads; /* by worker id; outlive the netback */
	uint16_t n_threads;                /* 1 .. NETBACK_THREADS_MAX */
	uint16_t max_queues;               /* of a vif, 1 .. NETBACK_QUEUES_MAX; 0: by n_threads */
	const struct netback_owner *owner;
	void *owner_arg;
};

/* What `vsctl vif show` prints of a vif. */
struct vif_info {
	char name[VIF_NAME_SIZE];
	uint16_t domid;
	uint32_t devid;
	uint8_t mac[6];            /* by the toolstack; the guest's own idea is not asked */
	const char *state;         /* "connected"; of the backend */
	const char *frontend;      /* the same of the frontend; "absent" if its directory is gone */
	char hotplug[32];          /* hotplug-status */
	char error[160];           /* why it is not connected, or what else is wrong, or empty */
	uint16_t n_queues;         /* connected ones; 0: not connected */
	uint16_t max_queues;       /* as offered; a backend before us may have offered more */
	bool split_channels;       /* one event channel for each direction */
	bool sg;                   /* the guest takes packets of more than a page */
	bool csum_ipv4, csum_ipv6; /* the guest takes packets with blank checksums */
	bool gso_ipv4, gso_ipv6;   /* ... and TCP super-packets */
	bool ctrl_ring;            /* the guest has made a control ring */
	uint32_t hash_types; /* XEN_NETIF_CTRL_HASH_TYPE_* that it has asked for; 0: no hashing */
	uint32_t hash_mapping_size; /* of its table from hash to queue; 0: queues by modulo */
	bool mcast_filter;          /* it gets the multicast only that it has asked for */
	bool mcast_unknown;       /* ... it would, but has told so a backend before us: gets all */
	uint16_t n_mcast;         /* addresses that it has asked for */
	uint32_t n_static_grants; /* pages that it keeps mapped with us */
	struct rate rate;         /* of what the guest sends */
	/* since the vif appeared, all connections and queues */
	uint64_t tx_requests; /* slots taken from the guest */
	uint64_t tx_packets;
	uint64_t tx_errors;   /* packets answered with an error */
	uint64_t rx_requests; /* slots given to the guest */
	uint64_t rx_packets;  /* delivered */
	uint64_t rx_errors;   /* packets that could not be copied to the guest, or too big for it */
	uint64_t rx_full;     /* bursts that found too few buffers posted */
	uint64_t copies;      /* pieces of grant copies */
	uint64_t copy_calls;  /* batches of them */
	uint64_t direct_copies; /* of these pieces, from another guest's pages to this guest's */
	uint64_t static_copies; /* pieces in mapped pages, which need no grant copy */
	uint64_t ctrl_requests; /* answered on the control ring, of this connection */
	uint64_t copy_failures; /* of these, failed as a whole: not the guest's doing */
	int copy_errno;         /* of the last failure */
	uint64_t notifies;
	uint64_t ring_errors; /* times a broken ring had the vif disabled */
};

/* What `vsctl top` prints of a vif. */
struct vif_load {
	uint16_t domid;
	const char *guest; /* name of the domain, printable ASCII; empty: not known (yet) */
	uint16_t n_queues; /* connected ones; 0: not connected */
	/* of the fullest queue: percent of the ring that are packets from the guest, waiting; and
	 * of its buffers for packets to it that are used up */
	unsigned int from;
	unsigned int towards;
};

/**
 * netback_create() - start serving backend/vif. Devices that exist are found by the first
 * netback_process().
 * @config: copied.
 * Return: the netback, or NULL with @err filled.
 */
struct netback *netback_create(const struct netback_config *config, struct error *err);

/**
 * netback_destroy() - let go of all vifs, for a program that ends: the store is not touched, guests
 * stay connected. Workers must have ended. Calls vif_disconnected, not vif_removed. NULL is legal.
 */
void netback_destroy(struct netback *netback);

/** netback_fd() - readable when netback_process() has work. */
int netback_fd(const struct netback *netback);

/**
 * netback_process() - do what has come up: store events, reports of workers, retries that are due.
 * Never waits for events.
 */
void netback_process(struct netback *netback);

/** netback_report() - have netback_process() see what a worker has to report. Any thread. */
void netback_report(struct netback *netback);

/** netback_owner_arg() - as configured. */
void *netback_owner_arg(const struct netback *netback);

/** netback_max_queues() - of one vif, as offered to guests. */
uint16_t netback_max_queues(const struct netback *netback);

/** netback_find() - a vif by name. Return: it, or NULL. */
struct vif *netback_find(const struct netback *netback, const char *name);

/**
 * netback_next() - go through all vifs.
 * @vif: NULL at first, then the one before.
 * Return: the next, or NULL. Vifs must not be added or removed meanwhile.
 */
struct vif *netback_next(const struct netback *netback, const struct vif *vif);

#endif /* NETBACK_NETBACK_H */
