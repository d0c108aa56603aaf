/* SPDX-License-Identifier: BSD-3-Clause */
/* The kinds of ports there are. */
#include <assert.h>

#include "port_types.h"
#include "port_vif.h"
#include "switch.h"

const struct port_type *const port_types[PORT_KINDS] = {
	[PORT_KIND_NETDEV] = &port_type_netdev,
	[PORT_KIND_TAP] = &port_type_tap,
	[PORT_KIND_ETH] = &port_type_eth,
	[PORT_KIND_VIF] = &port_type_vif,
};
static_assert(PORT_KINDS == 4, "enter every kind of port");

/* A vif has no device besides the rings, which its workers read. */
static void (*const device_stats[PORT_KINDS])(struct port *port, struct port_stats *sum) = {
	[PORT_KIND_NETDEV] = port_netdev_stats,
	[PORT_KIND_TAP] = port_tap_stats,
	[PORT_KIND_ETH] = port_eth_stats,
};

void
port_device_stats(const struct switch_port *port, struct port_stats *sum)
{
	if (device_stats[port->config.kind] != NULL)
		device_stats[port->config.kind](port->dp, sum);
}
