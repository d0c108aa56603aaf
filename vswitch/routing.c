/* SPDX-License-Identifier: BSD-3-Clause */
/* The router as a whole: what workers hand over, and what it says itself. */
#include "routing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "error.h"
#include "icmp.h"
#include "network.h"
#include "packet.h"
#include "punt.h"
#include "route_import.h"
#include "routing_priv.h"

#define ERRORS_PER_SEC 1000 /* ICMP errors that what comes in by one rif may cause */
#define ERRORS_BURST 50

uint64_t
routing_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int
fixed_target(struct routing *routing, struct target *target, enum next_hop_kind kind)
{
	target->kind = kind;
	target->refs = 1;
	target->number = number_new(routing, kind, 0);
	return target->number != NEXT_HOP_NUMBER_NONE ? 0 : -ENOMEM;
}

struct routing *
routing_create(struct vswitch *sw, uint32_t max_routes, struct error *err)
{
	struct routing *routing = calloc(1, sizeof(*routing));

	if (routing == NULL)
		goto err;
	routing->sw = sw;
	routing->max_routes = max_routes;
	routing->next_number = NEXT_HOP_NUMBER_NONE + 1;
	LIST_INIT(&routing->rifs);
	LIST_INIT(&routing->targets);
	routing->dp = router_create();
	routing->slots = calloc(NEXT_HOPS_MAX, sizeof(routing->slots[0]));
	routing->free_numbers = calloc(NEXT_HOPS_MAX, sizeof(routing->free_numbers[0]));
	if (routing->slots == NULL || routing->free_numbers == NULL || routing->dp == NULL ||
	    neighbours_create(routing) < 0 ||
	    fixed_target(routing, &routing->local, NEXT_HOP_LOCAL) < 0 ||
	    fixed_target(routing, &routing->blackhole, NEXT_HOP_BLACKHOLE) < 0 ||
	    fixed_target(routing, &routing->unreachable, NEXT_HOP_UNREACHABLE) < 0)
		goto err;
	return routing;
err:
	if (routing != NULL) {
		neighbours_destroy(routing);
		router_destroy(routing->dp);
		free(routing->free_numbers);
		free(routing->slots);
	}
	free(routing);
	error_set(err, ENOMEM, "no memory for the router");
	return NULL;
}

/* The last of what was retired by it: workers know nothing of it any more. */
static void
routing_retired(void *arg)
{
	struct routing *routing = arg;

	router_destroy(routing->dp);
	free(routing->free_numbers);
	free(routing->slots);
	free(routing);
}

void
routing_destroy(struct routing *routing)
{
	struct switch_rif *rif;

	if (routing == NULL)
		return;
	while ((rif = LIST_FIRST(&routing->rifs)) != NULL)
		routing_port_removed(rif->port);
	route_import_stop(routing);
	routes_destroy(routing);
	neighbours_destroy(routing);
	rcu_retire(routing->sw->rcu, &routing->retired, routing_retired, routing);
}

/* --- what it says itself --- */

static struct ip_addr
destination(const uint8_t *frame)
{
	const uint8_t *ip = frame + RTE_ETHER_HDR_LEN;

	return ip[0] >> 4 == 6 ? ip_addr_make(AF_INET6, ip + 24) : ip_addr_make(AF_INET, ip + 16);
}

/* The station that packets of the router's own to an address go to; NULL: none. */
static struct neighbour *
station_for(struct routing *routing, struct switch_rif *rif, const struct ip_addr *to)
{
	const struct target *target;

	if (ip_addr_is_link_local(to))
		return rif != NULL ? neighbour_get(rif, to) : NULL;
	target = route_lookup(routing, to);
	if (target == NULL)
		return NULL;
	if (target->kind == NEXT_HOP_CONNECTED)
		return target->rif != NULL ? neighbour_get(target->rif, to) : NULL;
	if (target->owner != NULL)
		return target->owner;
	for (unsigned int i = 0; i < target->config.n_via; i++)
		if (target->neighbours[i] != NULL && target->neighbours[i]->rif->port->dp->open)
			return target->neighbours[i];
	return NULL;
}

void
routing_output(struct routing *routing, struct switch_rif *rif, struct rte_mbuf *pkt)
{
	const struct ip_addr to = destination(rte_pktmbuf_mtod(pkt, const uint8_t *));
	struct neighbour *neighbour = station_for(routing, rif, &to);
	const struct neighbour_packet packet = { .pkt = pkt, .own = true };

	if (neighbour == NULL)
		rte_pktmbuf_free(pkt);
	else
		neighbour_wait(neighbour, rif, &packet);
}

/* May one more error be sent about what comes in by a rif (RFC 1812 4.3.2.8, RFC 4443 2.4f)? */
static bool
error_allowed(struct switch_rif *rif)
{
	const uint64_t now = routing_now();

	if (rif->icmp_msec == 0)
		rif->icmp_tokens = ERRORS_BURST;
	else
		rif->icmp_tokens += (now - rif->icmp_msec) * ERRORS_PER_SEC / 1000;
	rif->icmp_tokens = RTE_MIN(rif->icmp_tokens, (uint64_t)ERRORS_BURST);
	rif->icmp_msec = now;
	if (rif->icmp_tokens == 0)
		return false;
	rif->icmp_tokens--;
	return true;
}

void
routing_tell(struct switch_rif *in, const uint8_t *frame, uint32_t len, int fault, uint32_t mtu)
{
	struct routing *routing = in->routing;
	const struct neighbour *station;
	uint8_t error[ICMP_ERROR_MAX];
	struct ip_addr to, from;
	struct rte_mbuf *pkt;
	char *data;

	if (!icmp_may_tell(frame, len, fault, &to) || !error_allowed(in))
		return;
	station = station_for(routing, in, &to);
	if (station == NULL)
		return;
	/* what was sent to us is answered by the address that it was sent to */
	from = destination(frame);
	if (!addr_is_own(routing, &from) && !addr_source(routing, station->rif, &to, &from))
		return;
	len = icmp_error(frame, len, fault, mtu, &from, routing->next_id++, error);
	pkt = len > 0 ? rte_pktmbuf_alloc(routing->sw->pool) : NULL;
	data = pkt != NULL ? rte_pktmbuf_append(pkt, (uint16_t)len) : NULL;
	if (data == NULL) {
		rte_pktmbuf_free(pkt);
		return;
	}
	memcpy(data, error, len);
	routing_output(routing, in, pkt);
}

/* --- what workers hand over --- */

static void
echo(struct switch_rif *rif, const struct slow_frame *frame)
{
	struct rte_mbuf *pkt = packet_copy(frame->pkt, rif->routing->sw->pool);

	if (pkt == NULL)
		return;
	icmp_echo_reply(rte_pktmbuf_mtod(pkt, uint8_t *));
	routing_output(rif->routing, rif, pkt);
}

/* A packet to the router itself. */
static void
receive_local(struct switch_rif *rif, const struct slow_frame *frame)
{
	const struct ip_addr to = destination(frame->bytes);

	/* workers do not know who has which one, and none goes on to another link */
	if (ip_addr_is_link_local(&to) && !ip_addr_equal(&rif->link_local, &to))
		return;
	if (networks_receive(rif, frame))
		return;
	switch (icmp_local(frame->bytes, frame->len)) {
	case ICMP_LOCAL_ECHO:
		echo(rif, frame);
		break;
	case ICMP_LOCAL_PORT:
		routing_tell(rif, frame->bytes, frame->len, ICMP_NO_PORT, 0);
		break;
	case ICMP_LOCAL_PROTOCOL:
		routing_tell(rif, frame->bytes, frame->len, ICMP_NO_PROTOCOL, 0);
		break;
	case ICMP_LOCAL_SILENT:
		break;
	}
}

/* The station that a worker wanted to send to. */
static struct neighbour *
wanted_station(struct routing *routing, const struct slow_frame *frame)
{
	const uint32_t number = frame->punt->next_hop;
	const struct next_hop *next_hop;
	struct switch_rif *rif;
	struct ip_addr to;

	if (number >= NEXT_HOPS_MAX)
		return NULL;
	if (routing->slots[number].neighbour != NULL)
		return routing->slots[number].neighbour;
	next_hop = &routing->dp->next_hops[number];
	if (next_hop->kind != NEXT_HOP_CONNECTED)
		return NULL;
	rif = rif_of(routing, next_hop->rif);
	to = destination(frame->bytes);
	/* NAT may have other ideas of where it goes than its header says */
	if (to.family == AF_INET)
		memcpy(to.bytes, &frame->punt->dst, 4);
	return rif != NULL && ip_addr_is_station(&to) ? neighbour_get(rif, &to) : NULL;
}

/* A packet to a station that is not known: it waits, and is routed once more. */
static void
receive_neighbour(struct switch_rif *rif, const struct slow_frame *frame)
{
	struct neighbour *neighbour = wanted_station(rif->routing, frame);
	const struct neighbour_packet packet = {
		.pkt = frame->pkt,
		.port = frame->punt->port,
		.generation = frame->punt->generation,
	};

	if (neighbour == NULL)
		return;
	/* known, but not to workers, which had it from its network's route: they need its own */
	if (neighbour_is_known(neighbour) && frame->punt->next_hop != neighbour->number &&
	    !neighbour_need_route(neighbour))
		return;
	rte_pktmbuf_refcnt_update(frame->pkt, 1);
	if (neighbour_wait(neighbour, rif, &packet) == -EHOSTUNREACH)
		routing_tell(rif, frame->bytes, frame->len, ICMP_HOST_UNREACHABLE, 0);
}

/* The MTU of where a packet was to go. */
static uint32_t
wanted_mtu(struct routing *routing, const struct slow_frame *frame)
{
	const uint32_t number = frame->punt->next_hop;
	const struct switch_rif *rif =
		number < NEXT_HOPS_MAX ? rif_of(routing, routing->dp->next_hops[number].rif) : NULL;

	return rif != NULL ? rif->port->dp->mtu : 0;
}

void
routing_receive(struct vswitch *sw, struct switch_port *port, const struct slow_frame *frame)
{
	struct switch_rif *rif =
		sw->routing != NULL && port != NULL ? rif_find(sw->routing, port) : NULL;
	uint32_t mtu;

	if (rif == NULL)
		return;
	switch (frame->punt->kind) {
	case PUNT_ARP:
		neighbour_receive_arp(rif, frame);
		break;
	case PUNT_ND:
		neighbour_receive_nd(rif, frame);
		break;
	case PUNT_LOCAL:
		receive_local(rif, frame);
		break;
	case PUNT_DHCP:
		networks_receive(rif, frame);
		break;
	case PUNT_NEIGHBOUR:
		receive_neighbour(rif, frame);
		break;
	case PUNT_NO_ROUTE:
		routing_tell(rif, frame->bytes, frame->len,
			     frame->punt->next_hop == sw->routing->unreachable.number ?
				     ICMP_HOST_UNREACHABLE :
				     ICMP_NO_ROUTE,
			     0);
		break;
	case PUNT_TTL:
		routing_tell(rif, frame->bytes, frame->len, ICMP_TTL_EXCEEDED, 0);
		break;
	case PUNT_TOO_BIG:
		mtu = wanted_mtu(sw->routing, frame);
		/* 0: the way is gone, and the next packet takes another */
		if (mtu > 0)
			routing_tell(rif, frame->bytes, frame->len, ICMP_TOO_BIG, mtu);
		break;
	default:
		break;
	}
}
