/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Emulated: the NIC that QEMU shows to an HVM guest beside its vif, with the same MAC. QEMU makes a
 * tap for it, vifD.N-emu, and the hotplug script puts that on the vif's bridge as a netdev port.
 *
 * Unlike other netdev ports it belongs to a guest. It goes for good when QEMU closes the tap, which
 * the guest has it do as soon as its own driver has taken over, and with the vif at the latest; and
 * it comes back with the vif when vswitchd is restarted, since nobody runs the script again then.
 * For that it is noted below the vif's directory in xenstore.
 *
 * Ports of other names, or without such a vif, are none of its business: for them, these calls do
 * nothing.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_EMULATED_H
#define VSWITCH_EMULATED_H

#include <stdbool.h>

struct port_config;
struct switch_port;
struct vif;
struct vswitch;

#define EMULATED_SUFFIX "-emu" /* of the tap's name, behind the vif's */

/** emulated_is_named() - has a port the name of an emulated NIC, whether there is its vif or not?
 */
bool emulated_is_named(const struct switch_port *port);

/** emulated_is() - is a port that of an emulated NIC? */
bool emulated_is(const struct vswitch *sw, const struct switch_port *port);

/** emulated_added() - a netdev port was made: note it if it is an emulated NIC's. */
void emulated_added(struct vswitch *sw, const struct switch_port *port);

/** emulated_deleted() - a netdev port is about to be removed: forget the note. */
void emulated_deleted(struct vswitch *sw, const struct switch_port *port);

/** emulated_gone() - a netdev port's interface has gone: remove it if it is an emulated NIC's. */
void emulated_gone(struct vswitch *sw, const struct switch_port *port);

/**
 * emulated_restore() - a vif is back where it was before a restart: so is its emulated NIC, if it
 * had one that is still there.
 * @bridge: the vif's; NULL: none.
 * @config: the vif's; VLAN, MTU and mode are those of both.
 */
void emulated_restore(struct vswitch *sw, struct vif *vif, const char *bridge,
		      const struct port_config *config);

/** emulated_end() - the vif is removed, and its emulated NIC with it. */
void emulated_end(struct vswitch *sw, const struct vif *vif);

#endif /* VSWITCH_EMULATED_H */
