/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vif ports: guests of a Xen host, connected by netback.
 *
 * netback makes the devices, so no one adds a vif port by hand: as soon as the toolstack has made a
 * device, a port vifD.N is there, on no bridge. `vsctl port add vifD.N bridge B`
 * (scripts/vif-bridge) puts it on a bridge; that is noted in xenstore below the device's backend
 * directory, so that the vif finds its bridge again when vswitchd is restarted under a running
 * guest. The port is up while the guest is connected.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_PORT_VIF_H
#define VSWITCH_PORT_VIF_H

#include "port.h"

struct announce_address;
struct error;
struct hypervisor;
struct rate;
struct switch_port;
struct vif;
struct vif_info;
struct vif_load;
struct vswitch;

extern const struct port_type port_type_vif;

/**
 * port_vif_init() - open netback on a hypervisor and serve its guests.
 * @sw: with its workers created, none of them running; bridges and ports of the configuration are
 *	best there already, since guests that are connected are attached at once in the first turn
 *	of the event loop. Sets sw->netback, each worker's hypervisor and event source.
 * @hv: outlives the switch.
 * Return: 0, or -errno with @err filled.
 */
int port_vif_init(struct vswitch *sw, const struct hypervisor *hv, struct error *err);

/**
 * port_vif_fini() - let go of all guests, who stay connected in xenstore's eyes. Workers must have
 * ended; call it before switch_destroy(). Does nothing if port_vif_init() was not called.
 */
void port_vif_fini(struct vswitch *sw);

/**
 * port_vif_attached() - a vif port was put on a bridge, or is routed, or its settings changed: note
 * them in the store for the next start of vswitchd. Called by the switch; nothing for other kinds
 * of ports.
 */
void port_vif_attached(struct vswitch *sw, const struct switch_port *port);

/** port_vif_detached() - the operator took the port off its bridge, or the router: forget it. */
void port_vif_detached(struct vswitch *sw, const struct switch_port *port);

/**
 * port_vif_set_rate() - limit what a vif's guest may send, in xenstore and at once.
 * Return: 0, or -errno with @err filled: not a vif, or the store has failed.
 */
int port_vif_set_rate(const struct switch_port *port, const struct rate *rate, struct error *err);

/**
 * port_vif_rate() - what a vif's guest may send.
 * Return: true with @ret_rate filled, or false: not a vif.
 */
bool port_vif_rate(const struct switch_port *port, struct rate *ret_rate);

/**
 * port_vif_load() - how busy a vif is right now.
 * Return: true with @ret_load filled, or false: not a vif.
 */
bool port_vif_load(const struct switch_port *port, struct vif_load *ret_load);

/**
 * port_vif_kept() - what is known about a vif without asking the store: all but its hotplug status.
 * Return: true with @ret_info filled, or false: not a vif.
 */
bool port_vif_kept(const struct switch_port *port, struct vif_info *ret_info);

/** port_vif_mac() - the MAC of a vif's guest. Return: false: it is no vif. */
bool port_vif_mac(const struct switch_port *port, uint8_t ret_mac[6]);

/**
 * port_vif_addresses() - what the toolstack has told of the IP addresses of a station at a port.
 * @ret_addresses: valid until the guest is announced again.
 * Return: how many; 0 if it is not a vif, or the station not its guest.
 */
unsigned int port_vif_addresses(const struct switch_port *port, const uint8_t mac[6],
				const struct announce_address **ret_addresses);

/**
 * port_vif_bridge_added() - a bridge has come into being: put those vifs on it that were on one of
 * this name before a restart.
 */
void port_vif_bridge_added(struct vswitch *sw, const char *bridge);

/**
 * port_vif_info() - read what is known about each vif.
 * @cursor: NULL at first; then as left by the call before. No vif may come or go meanwhile.
 * Return: true with @ret_info filled, or false at the end.
 */
bool port_vif_info(const struct vswitch *sw, const void **cursor, struct vif_info *ret_info);

#endif /* VSWITCH_PORT_VIF_H */
