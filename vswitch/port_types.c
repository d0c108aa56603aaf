/* SPDX-License-Identifier: BSD-3-Clause */
/* The kinds of ports there are. */
#include <assert.h>

#include "bond.h"
#include "ethtool.h"
#include "port_gateway.h"
#include "port_types.h"
#include "port_vhost.h"
#include "port_vif.h"
#include "port_vlan.h"
#include "port_vxlan.h"
#include "switch.h"

const struct port_type *const port_types[PORT_KINDS] = {
	[PORT_KIND_NETDEV] = &port_type_netdev, [PORT_KIND_TAP] = &port_type_tap,
	[PORT_KIND_ETH] = &port_type_eth,       [PORT_KIND_VIF] = &port_type_vif,
	[PORT_KIND_VHOST] = &port_type_vhost,   [PORT_KIND_BOND] = &port_type_bond,
	[PORT_KIND_VLAN] = &port_type_vlan,     [PORT_KIND_GATEWAY] = &port_type_gateway,
	[PORT_KIND_VXLAN] = &port_type_vxlan,
};
static_assert(PORT_KINDS == 9, "enter every kind of port");

/* Guests have no device besides the rings, which their workers read. */
static void (*const device_stats[PORT_KINDS])(struct port *port, struct port_stats *sum) = {
	[PORT_KIND_NETDEV] = port_netdev_stats,
	[PORT_KIND_TAP] = port_tap_stats,
	[PORT_KIND_ETH] = port_eth_stats,
};

const char *
port_device_mode(const struct switch_port *port)
{
	return port->config.kind == PORT_KIND_NETDEV ? port_netdev_mode(port->dp) : "";
}

uint32_t
port_device_speed(const struct switch_port *port, bool *ret_full_duplex)
{
	*ret_full_duplex = true;
	if (port->config.kind == PORT_KIND_ETH)
		return port_eth_speed(port->dp, ret_full_duplex);
	return port->config.kind == PORT_KIND_NETDEV ?
		       ethtool_speed(port->config.name, ret_full_duplex) :
		       0;
}

void
port_device_watch(const struct switch_port *port, bool closely)
{
	if (port->config.kind == PORT_KIND_ETH)
		port_eth_watch(port->dp, closely);
	else if (port->config.kind == PORT_KIND_NETDEV)
		port_netdev_watch(port->dp, closely);
}

void
port_device_stats(const struct switch_port *port, struct port_stats *sum)
{
	if (device_stats[port->config.kind] != NULL)
		device_stats[port->config.kind](port->dp, sum);
}

void
port_passed_stats(const struct switch_port *port, struct port_stats *sum)
{
	const struct port_passed *passed = port->dp->passed;

	for (uint16_t w = 0; passed != NULL && w < port->sw->dp->n_workers; w++) {
		sum->rx_packets += __atomic_load_n(&passed[w].rx_packets, __ATOMIC_RELAXED);
		sum->rx_bytes += __atomic_load_n(&passed[w].rx_bytes, __ATOMIC_RELAXED);
		sum->tx_packets += __atomic_load_n(&passed[w].tx_packets, __ATOMIC_RELAXED);
		sum->tx_bytes += __atomic_load_n(&passed[w].tx_bytes, __ATOMIC_RELAXED);
	}
	if (port->bond != NULL)
		bond_sum_members(port->bond, sum);
}
