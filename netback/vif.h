/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vif: one paravirtual network device of a guest, from the toolstack's making its directory in
 * xenstore to its removing it.
 *
 * The state machine is that of Linux' xenbus backends (drivers/net/xen-netback/xenbus.c) with
 * QEMU's additions for frontends that are not there: each event has vif_update() read the states
 * of both ends, decide on a target state, and go there step by step, every step written out. Taking
 * a connection down needs a grace period in the middle; the walk goes on when it is over. Nothing
 * here waits.
 *
 * A guest that is connected when its backend starts loses its device for good if it sees state 5,
 * so that is written only if the guest itself has something wrong. What else fails - memory, the
 * store, channels that the backend before has not let go of yet - is tried again until it works.
 *
 * A guest that connects anew in a loop gets to do so a few times, and then once a second: until
 * then its closed device stays closed.
 *
 * The vif stays in InitWait until the hotplug script has said "connected" once in the life of the
 * directory: a script that fails leaves a vif that never carries a packet.
 *
 * Thread-safety: control thread, except vif_rings() and vif_queue().
 */
#ifndef NETBACK_VIF_H
#define NETBACK_VIF_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <xen/io/xenbus.h>

#include "netback.h"
#include "rcu.h"
#include "vif_queue.h"

/* Where messages for the operator are, as those of Linux' xenbus_dev_fatal() */
#define VIF_ERROR_PATH "error/backend/vif"

#define VIF_GUEST_SIZE 80 /* bytes; longer names are cut */

/* Sums of a vif's ring counters, for connections that are over. */
struct vif_totals {
	struct vif_ring_stats tx, rx;
};

struct vif {
	/* control: rw (release), worker: ro (acquire); NULL: not connected */
	struct vif_rings *rings;

	/* control only, from here on */
	struct netback *netback; /* NULL: gone, only references are left */
	void *owner_data;        /* for the owner */
	LIST_ENTRY(vif) list;
	TAILQ_ENTRY(vif) changed_list;
	bool changed; /* on the list of those to update */
	unsigned int n_refs;

	uint16_t domid;
	uint32_t devid;
	uint8_t mac[6];
	char name[VIF_NAME_SIZE];
	char backend[64];  /* backend/vif/D/N */
	char frontend[64]; /* /local/domain/D/device/vif/N */

	enum xenbus_state state;  /* as written to the store, but for 8 while 4 */
	enum xenbus_state target; /* where the walk goes */
	uint32_t store_state;     /* that the store had when it was read or written last */
	enum xenbus_state frontend_state;
	bool frontend_absent;
	bool hotplug_done; /* once said "connected", or no script is to say so */
	bool broken;       /* fatal error: no new connection until the frontend has gone down */
	bool domain_dead;
	bool accepted;      /* the owner has made its part */
	bool refused;       /* ... or cannot */
	bool adopted;       /* looked at for the first time */
	bool watched;       /* the frontend's state is, and request-multicast-control */
	bool mcast_changed; /* the latter */
	bool taken_over;    /* its frontend has talked to a backend before us, if it is up */
	char error[160];
	uint64_t retry_at;   /* ms; connecting is put off until then; 0: is not */
	uint32_t retry_msec; /* how long it was put off last */
	uint64_t reopen_at;  /* ms; until then it has used up times to connect anew */
	bool reopen_held;    /* it has to wait for the next one */
	bool reopen_told;    /* and that was logged */
	uint64_t answer_by;  /* ms; how long its frontend has to let it be removed; 0: it is not */
	bool unanswered;     /* it has let that pass */

	struct vif_rings *retired; /* of the connection before: wait for their grace period */
	LIST_ENTRY(vif) retired_list;
	bool in_retired;
	struct rcu_item retired_item;
	struct rcu_item delete_item; /* a DEL_GREF_MAPPING under way; one at most (vif_ctrl.c) */

	struct vif_keys keys;    /* of the present connection */
	struct vif_ctrl *ctrl;   /* its control ring, or NULL */
	int64_t ctrl_credit;     /* for requests on any control ring that it makes (vif_ctrl.c) */
	uint64_t ctrl_credit_at; /* ms; when it was filled up last */
	struct vif_totals totals;
	struct vif_rate *rate;      /* of what the guest sends, or NULL: unlimited */
	bool rate_changed;          /* in the store */
	char guest[VIF_GUEST_SIZE]; /* name of the domain, as of then: */
	uint64_t guest_at;          /* ms; 0: not asked for yet */
	uint64_t ring_errors;
	int copy_errno; /* of the last grant copy that failed as a whole */
};

/**
 * vif_create() - take up a device directory that is complete.
 * Return: the vif, not yet updated, or NULL with errno: ENOENT or EINVAL if it is not (yet)
 * complete, else the store or memory has failed.
 */
struct vif *vif_create(struct netback *netback, uint16_t domid, uint32_t devid);

/**
 * vif_update() - read the states of both ends and act. To be called for each event that concerns
 * the vif. May remove the vif (netback_forget()).
 */
void vif_update(struct vif *vif);

/**
 * vif_fatal() - disable the vif with a message to the operator (error/PATH in the store).
 */
void vif_fatal(struct vif *vif, const char *message);

/** vif_clear_error() - remove the message of vif_fatal() from the store. */
void vif_clear_error(const struct hypervisor *hv, uint16_t domid, uint32_t devid);

/**
 * vif_leave() - the directory is gone: end the connection, after a grace period. The vif must not
 * be used any more but by vif_put().
 */
void vif_leave(struct vif *vif);

/**
 * vif_abandon() - end the connection at once without touching the store; the program ends. No
 * worker may run.
 */
void vif_abandon(struct vif *vif);

/** vif_get(), vif_put() - keep a vif from being freed, and let it go. */
void vif_get(struct vif *vif);
void vif_put(struct vif *vif);

/**
 * vif_note_write() - keep a setting in the vif's directory in the store, for a restart: it goes
 * when the device goes.
 * @key: below vswitch/. @value: NULL removes it.
 * Return: 0 or -errno.
 */
int vif_note_write(struct vif *vif, const char *key, const char *value);

/** vif_note_read() - Return: malloc'd value, or NULL. */
char *vif_note_read(const struct vif *vif, const char *key);

/**
 * vif_rate_write() - limit what the guest may send, as the toolstack does it: in the vif's
 * directory, from where it is read again.
 * @rate: unlimited if its bytes are 0.
 * Return: 0 or -errno.
 */
int vif_rate_write(struct vif *vif, const struct rate *rate);

/** vif_mtu() - the MTU that the toolstack has given, or 0: none. */
uint32_t vif_mtu(const struct vif *vif);

/** vif_info_kept() - all there is to show, but for what is read in the store: hotplug. */
void vif_info_kept(const struct vif *vif, struct vif_info *ret_info);

/** vif_info() - all there is to show. */
void vif_info(const struct vif *vif, struct vif_info *ret_info);

/**
 * vif_load() - how busy it is right now.
 * @ret_load: its guest is valid until the vif is gone.
 */
void vif_load(struct vif *vif, struct vif_load *ret_load);

/** vif_totals_add() - add the counters of rings. */
void vif_totals_add(struct vif_totals *sum, const struct vif_rings *rings);

/** vif_state_name() - such as "connected". */
const char *vif_state_name(enum xenbus_state state);

/**
 * vif_rings() - the connection there is. Worker (valid until it reports quiescence).
 * Return: it, or NULL.
 */
static inline struct vif_rings *
vif_rings(const struct vif *vif)
{
	return __atomic_load_n(&vif->rings, __ATOMIC_ACQUIRE);
}

/**
 * vif_queue() - a queue of the connection there is. Worker (valid until it reports quiescence).
 * @spread: use queue @i modulo the number of queues, rather than none if there are fewer.
 * Return: the queue, or NULL.
 */
static inline struct vif_queue *
vif_queue(const struct vif *vif, uint16_t i, bool spread)
{
	struct vif_rings *rings = vif_rings(vif);

	if (rings == NULL)
		return NULL;
	if (i >= rings->n_queues) {
		if (!spread)
			return NULL;
		i %= rings->n_queues;
	}
	return &rings->queues[i];
}

#endif /* NETBACK_VIF_H */
