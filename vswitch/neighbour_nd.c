/* SPDX-License-Identifier: BSD-3-Clause */
/* Neighbours of IPv6, by neighbour discovery: RFC 4861, 4389 (proxy). */
#include <string.h>

#include "guest.h"
#include "nd.h"
#include "routing_priv.h"

static const uint8_t unspecified[16];
static const uint8_t all_nodes[16] = { 0xff, 2, [15] = 1 };

void
neighbour_ask_nd(const struct neighbour *neighbour, bool unicast)
{
	struct switch_rif *rif = neighbour->rif;
	struct nd nd = { .type = ND_SOLICIT, .has_mac = true };
	uint8_t frame[ND_FRAME_MAX];

	memcpy(nd.mac, rif->mac, 6);
	memcpy(nd.src, rif->link_local.bytes, 16);
	memcpy(nd.target, neighbour->addr.bytes, 16);
	if (unicast)
		memcpy(nd.dst, nd.target, 16);
	else
		nd_solicited_node(nd.target, nd.dst);
	rif_send_bytes(rif, frame, nd_write(frame, unicast ? neighbour->mac : NULL, rif->mac, &nd));
}

/* One's own that is asked for; else the one that fits who asks, of this rif. */
static void
advert_source(struct switch_rif *rif, const struct nd *solicit, bool own, uint8_t ret_src[16])
{
	const struct ip_addr to = ip_addr_make(AF_INET6, solicit->src);
	struct ip_addr from = rif->link_local;

	if (own)
		from = ip_addr_make(AF_INET6, solicit->target);
	else if (ip_addr_is_station(&to) &&
		 (!addr_source(rif->routing, rif, &to, &from) || !rif_has_addr(rif, &from)))
		from = rif->link_local;
	memcpy(ret_src, from.bytes, 16);
}

static void
send_advert(struct switch_rif *rif, const struct nd *solicit, bool own)
{
	const bool is_probe = memcmp(solicit->src, unspecified, 16) == 0;
	/* on others' behalf (7.2.8): the target is no router, and may answer by itself */
	struct nd nd = {
		.type = ND_ADVERT,
		.flags = (own ? ND_ROUTER | ND_OVERRIDE : 0) | (is_probe ? 0 : ND_SOLICITED),
		.has_mac = true,
	};
	uint8_t frame[ND_FRAME_MAX];

	memcpy(nd.mac, rif->mac, 6);
	memcpy(nd.dst, is_probe ? all_nodes : solicit->src, 16);
	advert_source(rif, solicit, own, nd.src);
	memcpy(nd.target, solicit->target, 16);
	rif_send_bytes(rif, frame,
		       nd_write(frame, !is_probe && solicit->has_mac ? solicit->mac : NULL,
				rif->mac, &nd));
}

static bool
is_guests(struct switch_rif *rif, const struct ip_addr *addr)
{
	const struct switch_rif *out = rif_on_link(rif->routing, addr);

	return out != NULL && guest_is(out->port);
}

static void
receive_solicit(struct switch_rif *rif, const struct slow_frame *frame, struct nd *nd)
{
	const struct ip_addr target = ip_addr_make(AF_INET6, nd->target);
	const struct ip_addr src = ip_addr_make(AF_INET6, nd->src);
	struct neighbour *neighbour;
	bool own;

	if (!neighbour_answers(rif, &target, &own))
		return;
	if (!ip_addr_is_station(&src)) {
		/* somebody looks whether an address is free: ours are not, and guests' are not */
		if (own || is_guests(rif, &target))
			send_advert(rif, nd, own);
		return;
	}
	if (!ip_addr_is_link_local(&src) && rif_on_link(rif->routing, &src) != rif)
		return;
	/* without the option: 4.3 allows that for unicast, and then the frame says it */
	if (!nd->has_mac) {
		nd->has_mac = true;
		memcpy(nd->mac, frame->bytes + 6, 6);
	}
	neighbour = neighbour_is_on_link(rif, &src) ? neighbour_get(rif, &src) : NULL;
	if (neighbour != NULL)
		neighbour_heard(neighbour, nd->mac, false);
	send_advert(rif, nd, own);
}

/* RFC 4861 7.2.5 */
static void
receive_advert(struct switch_rif *rif, const struct nd *nd)
{
	const struct ip_addr target = ip_addr_make(AF_INET6, nd->target);
	struct neighbour *neighbour = neighbour_find(rif->routing, rif, &target);
	const bool solicited = nd->flags & ND_SOLICITED;
	bool differs;

	if (neighbour == NULL)
		return;
	neighbour->is_router = nd->flags & ND_ROUTER;
	if (!neighbour_is_known(neighbour)) {
		if (nd->has_mac)
			neighbour_heard(neighbour, nd->mac, solicited);
		return;
	}
	differs = nd->has_mac && memcmp(nd->mac, neighbour->mac, 6) != 0;
	if (differs && !(nd->flags & ND_OVERRIDE))
		return;
	if (differs || solicited)
		neighbour_heard(neighbour, nd->has_mac ? nd->mac : neighbour->mac, solicited);
}

void
neighbour_receive_nd(struct switch_rif *rif, const struct slow_frame *frame)
{
	struct nd nd;

	if (nd_read(frame->bytes, frame->len, &nd) < 0 ||
	    memcmp(frame->bytes + 6, rif->mac, 6) == 0)
		return;
	if (nd.type == ND_SOLICIT)
		receive_solicit(rif, frame, &nd);
	else
		receive_advert(rif, &nd);
}
