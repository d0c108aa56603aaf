/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the toolstack has written about a vif beside its states, read for the state machine. What
 * others may ask for, and the notes that the switch keeps in the same directory, are in vif.h.
 *
 * Thread-safety: control thread only.
 */
#ifndef NETBACK_VIF_SETTINGS_H
#define NETBACK_VIF_SETTINGS_H

#include "error.h"
#include "vif.h"

/** vif_read_mac() - read the toolstack's MAC. Return: 0 or -errno with @err filled. */
int vif_read_mac(struct vif *vif, struct error *err);

/**
 * vif_read_rate() - read the toolstack's rate, if it is new, and have it take effect.
 * Return: 0, or -errno: not the toolstack's fault.
 */
int vif_read_rate(struct vif *vif);

#endif /* NETBACK_VIF_SETTINGS_H */
