/* SPDX-License-Identifier: BSD-3-Clause */
/* Neighbours of IPv4, by ARP: RFC 826, 1027 (proxy), 5227 (conflicts). */
#include <string.h>

#include "addr.h"
#include "arp.h"
#include "routing_priv.h"

#define DEFEND_SEC 10 /* RFC 5227 2.4: DEFEND_INTERVAL */

void
neighbour_ask_arp(const struct neighbour *neighbour, bool unicast)
{
	struct switch_rif *rif = neighbour->rif;
	struct arp arp = { .op = ARP_REQUEST };
	uint8_t frame[ARP_FRAME_LEN];
	struct ip_addr from;

	memcpy(arp.sender_mac, rif->mac, 6);
	memcpy(arp.target_ip, neighbour->addr.bytes, 4);
	/* without any address of ours: as RFC 5227 probes do */
	if (addr_source(rif->routing, rif, &neighbour->addr, &from))
		memcpy(arp.sender_ip, from.bytes, 4);
	arp_write(frame, unicast ? neighbour->mac : NULL, &arp);
	rif_send_bytes(rif, frame, sizeof(frame));
}

static void
send_reply(struct switch_rif *rif, const struct arp *request)
{
	struct arp reply = { .op = ARP_REPLY };
	uint8_t frame[ARP_FRAME_LEN];

	memcpy(reply.sender_mac, rif->mac, 6);
	memcpy(reply.sender_ip, request->target_ip, 4);
	memcpy(reply.target_mac, request->sender_mac, 6);
	memcpy(reply.target_ip, request->sender_ip, 4);
	arp_write(frame, request->sender_mac, &reply);
	rif_send_bytes(rif, frame, sizeof(frame));
}

/* Another station says that one of our addresses is its own. */
static void
conflict(struct switch_rif *rif, const struct arp *arp, const struct ip_addr *addr)
{
	char text[IP_ADDR_TEXT_SIZE], mac[MAC_TEXT_SIZE];
	const uint32_t now = (uint32_t)(routing_now() / 1000);

	rif->conflicts++;
	rif->conflict.msec = routing_now();
	rif->conflict.addr = *addr;
	memcpy(rif->conflict.mac, arp->sender_mac, sizeof(rif->conflict.mac));
	log_limited(&rif->log_limit, LOG_WARNING,
		    "port %s: station %s has our address %s, too: one of the two must go",
		    rif->port->config.name, mac_format(arp->sender_mac, mac),
		    ip_addr_format(addr, text));
	if (rif->defended != 0 && now - rif->defended < DEFEND_SEC)
		return;
	rif->defended = now;
	rif_announce(rif, addr);
}

void
neighbour_receive_arp(struct switch_rif *rif, const struct slow_frame *frame)
{
	struct ip_addr sender, target;
	struct neighbour *neighbour;
	struct arp arp;
	bool own, answers;

	if (arp_read(frame->bytes, frame->len, &arp) < 0 ||
	    memcmp(arp.sender_mac, rif->mac, 6) == 0)
		return;
	sender = ip_addr_make(AF_INET, arp.sender_ip);
	target = ip_addr_make(AF_INET, arp.target_ip);
	if (rif_has_addr(rif, &sender)) {
		conflict(rif, &arp, &sender);
		return;
	}
	answers = arp.op == ARP_REQUEST && neighbour_answers(rif, &target, &own);
	if (!ip_addr_is_station(&sender)) {
		/* somebody looks whether an address is free (RFC 5227 2.1.1): ours is not */
		static const uint8_t zero[4];

		if (answers && own && memcmp(arp.sender_ip, zero, sizeof(zero)) == 0)
			send_reply(rif, &arp);
		return;
	}
	neighbour = neighbour_find(rif->routing, rif, &sender);
	/* it has no business here, unless a route by this port says so */
	if (rif_on_link(rif->routing, &sender) != rif &&
	    (neighbour == NULL || (neighbour->refs == 0 && !neighbour->is_on_link)))
		return;
	if (neighbour == NULL && answers && neighbour_is_on_link(rif, &sender))
		neighbour = neighbour_get(rif, &sender);
	/* only what answers us, by our own MAC, proves that packets get there */
	if (neighbour != NULL)
		neighbour_heard(neighbour, arp.sender_mac,
				arp.op == ARP_REPLY && memcmp(frame->bytes, rif->mac, 6) == 0);
	if (answers)
		send_reply(rif, &arp);
}
