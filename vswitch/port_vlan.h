/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * VLAN ports: one VLAN of a port (its parent) as a port of its own, "eth0.100".
 *
 * The parent is any port but a guest's or another VLAN port. It may be on a bridge itself, which
 * then has its other VLANs; on none; or a bond. What packets do is in datapath/subport.h. Link, MTU
 * and offloads are the parent's.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_PORT_VLAN_H
#define VSWITCH_PORT_VLAN_H

#include <stdbool.h>

#include "port.h"

struct error;
struct port_stats;
struct switch_port;
struct vlan_settings;
struct vswitch;

extern const struct port_type port_type_vlan;

/**
 * port_vlan_next() - the VLAN ports of a parent, one after the other.
 * @last: the one before; NULL: the first.
 * Return: a port, or NULL at the end.
 */
struct switch_port *port_vlan_next(const struct switch_port *parent,
				   const struct switch_port *last);

/** port_vlan_parent() - the parent of a VLAN port; NULL: it is none. */
struct switch_port *port_vlan_parent(const struct switch_port *port);

/**
 * port_vlan_may_go() - may a port be deleted, or become a bond's member?
 * Return: 0, or -EBUSY: it has VLAN ports.
 */
int port_vlan_may_go(const struct switch_port *port, struct error *err);

/**
 * port_vlan_may_have() - may a port, as a parent, have these settings of its own?
 * Return: 0, or -EBUSY: one of its VLAN ports stands against it.
 */
int port_vlan_may_have(const struct switch_port *port, const struct vlan_settings *vlan,
		       struct error *err);

/**
 * port_vlan_removed() - a port is about to be hidden from workers: a VLAN port leaves its parent,
 * a parent loses its VLAN ports.
 */
void port_vlan_removed(struct vswitch *sw, struct switch_port *port);

/** port_vlan_follow() - link, MTU or caps of a port have changed: tell its VLAN ports. */
void port_vlan_follow(struct vswitch *sw, const struct switch_port *parent);

#endif /* VSWITCH_PORT_VLAN_H */
