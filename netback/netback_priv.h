/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What vif.c and netback.c share.
 *
 * Thread-safety: control thread only.
 */
#ifndef NETBACK_NETBACK_PRIV_H
#define NETBACK_NETBACK_PRIV_H

#include "netback.h"
#include "vif.h"

#define NETBACK_PATH "backend/vif"

LIST_HEAD(vif_list, vif);
TAILQ_HEAD(vif_changed_list, vif);

#define NETBACK_BUCKETS 256

struct netback {
	struct netback_config config;
	int epoll_fd;            /* store, control rings, broken_fd and timer_fd in one */
	int broken_fd;           /* eventfd: a worker has something to report */
	int timer_fd;            /* what was put off is due */
	uint64_t timer_at;       /* ms; 0: not armed */
	uint64_t (*clock)(void); /* ms of CLOCK_MONOTONIC; a test has one of its own */
	bool scan_wanted;        /* what is in the store is not known for sure */
	bool released;           /* a domain has ended: see whose vifs are concerned */
	struct vif_list vifs[NETBACK_BUCKETS]; /* by domid and devid */
	struct vif_changed_list changed;
	struct vif_list retired; /* vifs with rings that wait for their grace period */
	uint64_t lost_events[NETBACK_THREADS_MAX]; /* by thread; as told before */
	struct hypervisor_thread *control;         /* of control rings */
	uint32_t n_grants;                         /* static grants of all vifs */
	uint64_t names_since;                      /* ms; guests' names read since then: n_names */
	unsigned int n_names;
	uint8_t domains[DOMID_FIRST_RESERVED]; /* enum: what is known, for one look at all */
};

/** netback_log() - one line about a vif, to the owner. */
void netback_log(struct netback *netback, const struct vif *vif, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** netback_changed() - have the vif updated once all events at hand are taken. */
void netback_changed(struct netback *netback, struct vif *vif);

/**
 * netback_watch() - watch the frontend's state and what else it may change at any time, if it is
 * not yet watched. Return: 0 or -errno.
 */
int netback_watch(struct vif *vif);

/** netback_retry_later() - update the vif again in @msec ms, and set its retry_at until then. */
void netback_retry_later(struct vif *vif, uint32_t msec);

/** netback_now() - ms, by netback->clock. */
uint64_t netback_now(const struct netback *netback);

/** netback_timer() - have netback_process() see what is due at @at, ms, or earlier. */
void netback_timer(struct netback *netback, uint64_t at);

/** netback_ctrl_cookie() - names a vif in events of its control ring. */
static inline uint32_t
netback_ctrl_cookie(const struct vif *vif)
{
	return (uint32_t)vif->domid << 16 | vif->devid;
}

/** netback_forget() - the vif's directory is gone: unwatch, tell the owner, drop the reference. */
void netback_forget(struct vif *vif);

#endif /* NETBACK_NETBACK_PRIV_H */
