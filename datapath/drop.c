/* SPDX-License-Identifier: BSD-3-Clause */
#include <assert.h>

#include "drop.h"

const char *const drop_reason_names[DROP_REASONS] = {
	[DROP_NO_BRIDGE] = "no_bridge",
	[DROP_BAD_FRAME] = "bad_frame",
	[DROP_BAD_SOURCE] = "bad_source",
	[DROP_RESERVED_MAC] = "reserved_mac",
	[DROP_VLAN_MISMATCH] = "vlan_mismatch",
	[DROP_ISOLATED] = "isolated",
	[DROP_SAME_PORT] = "same_port",
	[DROP_NO_DESTINATION] = "no_destination",
	[DROP_RX_ERROR] = "rx_error",
	[DROP_BAD_REQUEST] = "bad_request",
	[DROP_MTU_EXCEEDED] = "mtu_exceeded",
	[DROP_PORT_DOWN] = "port_down",
	[DROP_TX_FULL] = "tx_full",
	[DROP_NO_BUFFER] = "no_buffer",
	[DROP_OFFLOAD] = "offload",
	[DROP_MULTICAST] = "multicast_filter",
	[DROP_TX_ERROR] = "tx_error",
	[DROP_BOND_INACTIVE] = "bond_inactive",
	[DROP_BOND_ECHO] = "bond_echo",
	[DROP_PUNT] = "punt_limit",
	[DROP_BLOCKED] = "blocked",
};
static_assert(DROP_REASONS == 21, "name every drop reason");
