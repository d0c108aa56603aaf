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
	int epoll_fd;  /* store and broken_fd in one */
	int broken_fd; /* eventfd: a worker has disabled a ring */
	unsigned int n_vifs;
	struct vif_list vifs[NETBACK_BUCKETS]; /* by domid and devid */
	struct vif_changed_list changed;
	struct vif_list retired; /* vifs with rings that wait for their grace period */
};

/** netback_log() - one line about a vif, to the owner. */
void netback_log(struct netback *netback, const struct vif *vif, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** netback_forget() - the vif's directory is gone: unwatch, tell the owner, drop the reference. */
void netback_forget(struct vif *vif);

#endif /* NETBACK_NETBACK_PRIV_H */
