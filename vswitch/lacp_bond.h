/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * LACP of bonds: what bond.h calls a protocol, around the machines of protocol/lacp.h.
 *
 * Each bond with mode lacp has a struct lacp, whose ports are its members by slot, and one timer.
 * What the machines decide goes to the bond by bond_member_negotiated() and bond_fallback(). The
 * system is named by the bond's MAC, so each bond is a system of its own.
 *
 * All bonds share the file that remembers across a restart (lacp_state.h) and the thread that
 * helps a control thread that is late (lacp_keepalive.h). A timer that is late first takes what the
 * partner has sent meanwhile, so that nobody is given up for our own absence.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_LACP_BOND_H
#define VSWITCH_LACP_BOND_H

struct bond_protocol;
struct vswitch;

extern const struct bond_protocol lacp_bond_protocol;

/**
 * lacp_bonds_ready() - all bonds of the configuration are made: begin, and forget what was
 * remembered of others.
 */
void lacp_bonds_ready(struct vswitch *sw);

/**
 * lacp_bonds_stopping() - the daemon is about to end, and workers still run: say once more how
 * things are, so that partners have all of their patience left for the next process.
 */
void lacp_bonds_stopping(struct vswitch *sw);

/**
 * lacp_bonds_destroy() - give up what bonds share; after all bonds are gone.
 */
void lacp_bonds_destroy(struct vswitch *sw);

#endif /* VSWITCH_LACP_BOND_H */
