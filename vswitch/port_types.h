/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The port types that have no header of their own; see struct port_type for what they are.
 */
#ifndef VSWITCH_PORT_TYPES_H
#define VSWITCH_PORT_TYPES_H

#include "port.h"

/* A kernel interface by name, over AF_PACKET sockets. */
extern const struct port_type port_type_netdev;

/* The host's own interface, over /dev/net/tun. */
extern const struct port_type port_type_tap;

/* A DPDK device, by PCI address or devargs. */
extern const struct port_type port_type_eth;

#endif /* VSWITCH_PORT_TYPES_H */
