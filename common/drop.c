/* SPDX-License-Identifier: BSD-3-Clause */
#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

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
	[DROP_NOT_ROUTED] = "not_routed",
	[DROP_SPOOFED] = "spoofed_source",
	[DROP_NO_ROUTE] = "no_route",
	[DROP_NEIGHBOUR] = "neighbour_unresolved",
	[DROP_TTL] = "ttl_exceeded",
	[DROP_BAD_CHECKSUM] = "bad_checksum",
	[DROP_NAT_SESSIONS] = "nat_sessions",
	[DROP_NAT_RATE] = "nat_rate",
	[DROP_NAT_FULL] = "nat_full",
	[DROP_NAT_PORTS] = "nat_ports",
	[DROP_NAT_NO_SESSION] = "nat_no_session",
	[DROP_NAT_FRAGMENT] = "nat_fragment",
	[DROP_NAT_BAD] = "nat_bad",
};
static_assert(DROP_REASONS == 34, "name every drop reason");

enum drop_reason
drop_reason_find(const char *name)
{
	unsigned int reason = 0;

	while (reason < DROP_REASONS &&
	       (name == NULL || strcmp(name, drop_reason_names[reason]) != 0))
		reason++;
	return (enum drop_reason)reason;
}

static bool
is_word(const char *text, size_t len, const char *word)
{
	return len == strlen(word) && strncmp(text, word, len) == 0;
}

const char *
drop_text_fill(const char *text, const char *port, unsigned int vid, char ret_text[DROP_TEXT_SIZE])
{
	size_t len = 0, n;

	for (; *text != '\0' && len < DROP_TEXT_SIZE; text += n) {
		n = strcspn(text, " .'");
		if (port != NULL && is_word(text, n, "PORT"))
			len += (size_t)snprintf(ret_text + len, DROP_TEXT_SIZE - len, "%s", port);
		else if (vid != 0 && is_word(text, n, "VID"))
			len += (size_t)snprintf(ret_text + len, DROP_TEXT_SIZE - len, "%u", vid);
		else
			len += (size_t)snprintf(ret_text + len, DROP_TEXT_SIZE - len, "%.*s",
						(int)(n += n == 0), text);
	}
	return ret_text;
}
