/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a frontend has written about itself: rings, event channels, features (xen/io/netif.h).
 *
 * The guest may write anything and change it at any time, so all of it is read once, when the
 * frontend says Connected, checked, and only the copy is used from then on.
 *
 * Thread-safety: control thread only.
 */
#ifndef NETBACK_VIF_KEYS_H
#define NETBACK_VIF_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "netback.h"

struct vif_queue_keys {
	uint32_t tx_ref; /* grant of the ring guest -> switch */
	uint32_t rx_ref; /* grant of the ring switch -> guest */
	uint32_t tx_channel;
	uint32_t rx_channel; /* the same as tx_channel unless split */
	bool split;
};

struct vif_keys {
	uint16_t n_queues; /* 1 .. NETBACK_QUEUES_MAX */
	bool sg;           /* takes packets of several slots */
	bool csum_ipv4;    /* takes blank TCP and UDP checksums over IPv4 */
	bool csum_ipv6;
	bool gso_ipv4; /* takes TCP super-packets; only with sg */
	bool gso_ipv6;
	bool ctrl;         /* has a control ring */
	uint32_t ctrl_ref; /* grant of it */
	uint32_t ctrl_channel;
	struct vif_queue_keys queues[NETBACK_QUEUES_MAX];
};

/**
 * vif_keys_read() - read and check the frontend's keys.
 * @frontend: its directory.
 * @max_queues: what it was offered.
 * Return: 0, or -errno with @err naming the key.
 */
int vif_keys_read(const struct hypervisor *hv, const char *frontend, uint16_t max_queues,
		  struct vif_keys *ret_keys, struct error *err);

#endif /* NETBACK_VIF_KEYS_H */
