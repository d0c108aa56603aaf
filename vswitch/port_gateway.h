/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The port type `gateway`: where the router meets a bridge. What the bridge sends by it the router
 * takes; what the router sends by it comes into the bridge there.
 *
 * One is made for the first address of a bridge, or of one of its VLANs, and goes with the last.
 * The bridge knows its MAC by a static entry, so that no guest can take it over.
 *
 * Thread-safety: control thread only; of the type's functions, as struct port_type says.
 */
#ifndef VSWITCH_PORT_GATEWAY_H
#define VSWITCH_PORT_GATEWAY_H

#include <stdbool.h>
#include <stdint.h>

#include "port.h"

struct error;
struct switch_port;
struct vswitch;

extern const struct port_type port_type_gateway;

/**
 * port_gateway_of() - the gateway port of a bridge.
 * @vid: of which VLAN; 0: of untagged frames.
 * @make: make it if there is none.
 * Return: it, or NULL with @err filled.
 */
struct switch_port *port_gateway_of(struct vswitch *sw, const char *bridge, uint16_t vid, bool make,
				    struct error *err);

#endif /* VSWITCH_PORT_GATEWAY_H */
