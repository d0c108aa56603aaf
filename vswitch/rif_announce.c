/* SPDX-License-Identifier: BSD-3-Clause */
/* Telling a link who answers for an address: once it is given, and when the link comes up. */
#include <string.h>

#include "announce.h"
#include "routing_priv.h"

void
rif_announce(struct switch_rif *rif, const struct ip_addr *addr)
{
	struct announce_address address = { .family = addr->family };
	uint8_t frame[ANNOUNCE_FRAME_SIZE];

	if (!rif->port->dp->open)
		return;
	memcpy(address.bytes, addr->bytes, sizeof(address.bytes));
	rif_send_bytes(rif, frame, announce_frame(rif->mac, &address, frame));
}
