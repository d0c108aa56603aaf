/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vxlan: the port that a mirror sends to if its copies leave by a VXLAN tunnel (RFC 7348).
 *
 * It has no device: what is sent by it gets an IP, a UDP and a VXLAN header and is given to the
 * router, as if a routed port had brought it. So routes, neighbours and the counters of what is
 * dropped for want of them are the router's; the port is a routed interface of its own, without
 * addresses.
 *
 * The outer packet is never cut to fragments (RFC 7348 4.3): the port's MTU is that of the way to
 * the other end, less the headers, and what is longer is dropped as mtu_exceeded. A flow has one
 * UDP source port (RFC 7348 5). Over IPv4 there is no UDP checksum, over IPv6 there is one.
 *
 * Nothing comes in by it: it is one way.
 *
 * Thread-safety: control thread, but for what struct port_type says.
 */
#ifndef VSWITCH_PORT_VXLAN_H
#define VSWITCH_PORT_VXLAN_H

#include <stdint.h>

#include "port.h"
#include "prefix.h"

struct error;
struct switch_port;
struct vswitch;

extern const struct port_type port_type_vxlan;

/* Where a tunnel leads. */
struct vxlan_config {
	struct ip_addr remote;
	uint32_t vni;
	uint16_t port; /* UDP */
};

/**
 * port_vxlan_make() - the end of a tunnel.
 * @name: of the port.
 * Return: the port, or NULL with @err filled.
 */
struct switch_port *port_vxlan_make(struct vswitch *sw, const char *name,
				    const struct vxlan_config *config, struct error *err);

/** port_vxlan_end() - take it away. */
void port_vxlan_end(struct switch_port *port);

/**
 * port_vxlan_renew() - routes or addresses may have changed: have the port's link, MTU and headers
 * say so.
 */
void port_vxlan_renew(struct switch_port *port);

#endif /* VSWITCH_PORT_VXLAN_H */
