/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Control ring: a guest's messages about hashing and static grants ("Control ring" in
 * xen/io/netif.h).
 *
 * It is served by the control thread, on an event channel handle of its own. Each request is copied
 * out of the ring once, checked, carried out and answered. What it refers to in the guest's memory
 * is copied to private memory, checked, and only then used.
 *
 * A guest may send as much as it likes: requests cost credit, of which it has some for each period,
 * however often it connects. What is left when that is used up waits, with the event channel
 * masked, for the next one.
 *
 * Requests are answered in order. One that takes mapped pages away (DEL_GREF_MAPPING) waits until
 * no worker uses them, and those behind it wait, too.
 *
 * With a new connection all is as it was at first: no hashing, no pages. That goes for a backend
 * that takes over a connected guest as well, and requests that it finds waiting are refused: they
 * may be overlaid by answers that were never published.
 *
 * Thread-safety: control thread only.
 */
#ifndef NETBACK_VIF_CTRL_H
#define NETBACK_VIF_CTRL_H

#include <stdbool.h>
#include <stdint.h>

#include "vif_keys.h"

struct error;
struct vif;
struct vif_ctrl;
struct vif_info;
struct vif_rings;

/**
 * vif_ctrl_open() - map the ring and bind its channel, as vif->keys says.
 * @vif: has no connection yet.
 * @rings: that workers will see.
 * @reattach: a backend before us may have used the ring.
 * Return: the control ring, or NULL with @err filled.
 */
struct vif_ctrl *vif_ctrl_open(struct vif *vif, struct vif_rings *rings, bool reattach,
			       struct error *err);

/** vif_ctrl_close() - unbind, unmap and free. NULL is legal. */
void vif_ctrl_close(struct vif_ctrl *ctrl);

/**
 * vif_ctrl_serve() - answer what waits, as far as the guest's credit goes. May disable the vif, and
 * with it free @ctrl.
 */
void vif_ctrl_serve(struct vif_ctrl *ctrl);

/**
 * vif_ctrl_serve_due() - go on if credit has come. May disable the vif.
 * @now: ms.
 */
void vif_ctrl_serve_due(struct vif_ctrl *ctrl, uint64_t now);

/** vif_ctrl_info() - fill in what is to show. */
void vif_ctrl_info(const struct vif_ctrl *ctrl, struct vif_info *info);

#endif /* NETBACK_VIF_CTRL_H */
