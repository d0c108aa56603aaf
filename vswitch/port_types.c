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
