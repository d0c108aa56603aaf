/* SPDX-License-Identifier: BSD-3-Clause */
/* Telling a link who answers for an address: once it is given, and when the link comes up. */
#include <string.h>

#include "announce.h"
#include "nd.h"
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

void
rif_announce_guest(struct switch_rif *rif, const struct ip_addr *addr)
{
	/* it is not ours, so that it is no source; what the link knows of it is void */
	struct nd nd = {
		.type = ND_ADVERT,
		.flags = ND_OVERRIDE,
		.has_mac = true,
		.dst = { 0xff, 2, [15] = 1 },
	};
	uint8_t frame[ND_FRAME_MAX];

	if (addr->family == AF_INET) {
		rif_announce(rif, addr);
		return;
	}
	if (!rif->port->dp->open)
		return;
	memcpy(nd.mac, rif->mac, sizeof(nd.mac));
	memcpy(nd.src, rif->link_local.bytes, sizeof(nd.src));
	memcpy(nd.target, addr->bytes, sizeof(nd.target));
	rif_send_bytes(rif, frame, nd_write(frame, NULL, rif->mac, &nd));
}
