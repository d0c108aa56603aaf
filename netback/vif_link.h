/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vif_link: what the switch tells a guest about its link through xenstore, and what the toolstack
 * has said about its addresses.
 *
 * The frontend's directory is the guest's: it is written to as long as it is there, and never
 * brought back. A key that has the value already is left alone.
 *
 * Thread-safety: control thread only.
 */
#ifndef NETBACK_VIF_LINK_H
#define NETBACK_VIF_LINK_H

#include <stdbool.h>
#include <stdint.h>

struct vif;

/**
 * vif_link_carrier() - plug the guest's cable in or out: `carrier` of the backend
 * (xen/io/netif.h), and `disconnect` of the frontend, where Windows guests look.
 * Return: 0, or -errno; -ENOENT: the device is going.
 */
int vif_link_carrier(struct vif *vif, bool on);

/**
 * vif_link_mtu() - tell the guest its MTU, `mtu` of the frontend.
 * @mtu: bytes.
 * Return: 0, or -errno; -ENOENT: the device is going.
 */
int vif_link_mtu(struct vif *vif, uint32_t mtu);

/**
 * vif_link_addresses() - the guest's addresses as the toolstack has them, free text; may be absent.
 * Return: malloc'd string, or NULL.
 */
char *vif_link_addresses(const struct vif *vif);

#endif /* NETBACK_VIF_LINK_H */
