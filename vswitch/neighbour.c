/* SPDX-License-Identifier: BSD-3-Clause */
#include "neighbour.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "guest.h"
#include "icmp.h"
#include "nat_control.h"
#include "routing_priv.h"

#define BUCKETS 16384u
#define TICK_USEC 100000
#define REVIVE_MSEC 5000 /* when a gateway is asked for again, even if no packet goes there */
#define FAILED_MSEC 1000 /* in which it is not asked for again */
#define CHECK_USEC 10000 /* after routes have changed: many may do so at once */
#define ROOM_TRIES 16    /* stations that go so that another has its host route */

const char *const neighbour_state_names[NEIGHBOUR_STATES] = {
	[NEIGHBOUR_NEW] = "none",
	[NEIGHBOUR_INCOMPLETE] = "incomplete",
	[NEIGHBOUR_REACHABLE] = "reachable",
	[NEIGHBOUR_STALE] = "stale",
	[NEIGHBOUR_PROBE] = "probe",
	[NEIGHBOUR_FAILED] = "failed",
	[NEIGHBOUR_PERMANENT] = "permanent",
};

/* --- the table --- */

static struct neighbour **
bucket_of(struct routing *routing, const struct switch_rif *rif, const struct ip_addr *addr)
{
	uint64_t words[2], hash;

	memcpy(words, addr->bytes, sizeof(words));
	hash = (words[0] ^ (uint64_t)rif->port->dp->id << 48) * UINT64_C(0x9e3779b97f4a7c15);
	hash = (hash ^ words[1] ^ hash >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
	return &routing->neighbours[(hash >> 32) & (BUCKETS - 1)];
}

struct neighbour *
neighbour_find(struct routing *routing, const struct switch_rif *rif, const struct ip_addr *addr)
{
	struct neighbour *neighbour;

	for (neighbour = *bucket_of(routing, rif, addr); neighbour != NULL;
	     neighbour = neighbour->hash_next)
		if (neighbour->rif == rif && ip_addr_equal(&neighbour->addr, addr))
			return neighbour;
	return NULL;
}

/* When a packet went to it last: worker.now; 0: none has. */
static uint32_t
last_use(const struct neighbour *neighbour)
{
	const struct next_hop *next_hop =
		&neighbour->rif->routing->dp->next_hops[neighbour->number];

	return __atomic_load_n(&next_hop->used, __ATOMIC_RELAXED);
}

/*
 * Which of a rif's can be done without best: one that nobody needs, least recently used, then least
 * recently heard of. So who claims thousands of addresses loses those, and not the others theirs.
 * @but: not this one.
 */
static struct neighbour *
neighbour_least(struct switch_rif *rif, const struct neighbour *but)
{
	struct neighbour *neighbour, *least = NULL;
	uint32_t least_used = 0;

	LIST_FOREACH(neighbour, &rif->neighbours, list) {
		const uint32_t used = last_use(neighbour);

		if (neighbour == but || neighbour->refs > 0 ||
		    neighbour->state == NEIGHBOUR_PERMANENT ||
		    neighbour->state == NEIGHBOUR_INCOMPLETE)
			continue;
		if (least == NULL || used < least_used ||
		    (used == least_used && neighbour->updated < least->updated)) {
			least = neighbour;
			least_used = used;
		}
	}
	return least;
}

/* Forget a station of the rif that has the most. @but: not this one. Return: false: there is none.
 */
static bool
neighbours_make_room(struct routing *routing, const struct neighbour *but)
{
	struct switch_rif *rif, *most = NULL;
	struct neighbour *least;

	LIST_FOREACH(rif, &routing->rifs, list)
		if (most == NULL || rif->n_neighbours > most->n_neighbours)
			most = rif;
	least = most != NULL ? neighbour_least(most, but) : NULL;
	if (least != NULL)
		neighbour_del(least);
	return least != NULL;
}

struct neighbour *
neighbour_get(struct switch_rif *rif, const struct ip_addr *addr)
{
	struct routing *routing = rif->routing;
	struct neighbour *neighbour = neighbour_find(routing, rif, addr), *least, **bucket;

	if (neighbour != NULL)
		return neighbour;
	if (rif->n_neighbours >= (rif->is_guest ? NEIGHBOURS_GUEST_MAX : NEIGHBOURS_MAX)) {
		least = neighbour_least(rif, NULL);
		if (least == NULL)
			return NULL;
		neighbour_del(least);
	}
	neighbour = calloc(1, sizeof(*neighbour));
	if (neighbour == NULL)
		return NULL;
	neighbour->target = calloc(1, sizeof(*neighbour->target));
	neighbour->number = neighbour->target != NULL ?
				    number_new(routing, NEXT_HOP_NEIGHBOUR, rif->port->dp->id) :
				    NEXT_HOP_NUMBER_NONE;
	if (neighbour->number == NEXT_HOP_NUMBER_NONE) {
		free(neighbour->target);
		free(neighbour);
		/* numbers are free after a grace period: the next one has more luck */
		neighbours_make_room(routing, NULL);
		return NULL;
	}
	neighbour->rif = rif;
	neighbour->asker = rif->port->dp->id;
	neighbour->addr = *addr;
	neighbour->is_on_link = neighbour_is_on_link(rif, addr);
	neighbour->updated = routing_now();
	neighbour->target->kind = NEXT_HOP_NEIGHBOUR;
	neighbour->target->number = neighbour->number;
	neighbour->target->owner = neighbour;
	routing->slots[neighbour->number].neighbour = neighbour;
	bucket = bucket_of(routing, rif, addr);
	neighbour->hash_next = *bucket;
	*bucket = neighbour;
	LIST_INSERT_HEAD(&rif->neighbours, neighbour, list);
	rif->n_neighbours++;
	routing->n_neighbours++;
	return neighbour;
}

void
neighbour_ref(struct neighbour *neighbour)
{
	neighbour->refs++;
}

void
neighbour_unref(struct neighbour *neighbour)
{
	neighbour->refs--;
}

bool
neighbour_is_known(const struct neighbour *neighbour)
{
	return neighbour->state == NEIGHBOUR_REACHABLE || neighbour->state == NEIGHBOUR_STALE ||
	       neighbour->state == NEIGHBOUR_PROBE || neighbour->state == NEIGHBOUR_PERMANENT;
}

/* --- packets that wait --- */

static void
queue_take(struct neighbour *neighbour, struct neighbour_packet *packet)
{
	*packet = neighbour->queue[0];
	neighbour->n_queued--;
	neighbour->rif->routing->n_queued--;
	memmove(&neighbour->queue[0], &neighbour->queue[1],
		neighbour->n_queued * sizeof(neighbour->queue[0]));
}

/* The port that a packet came in by; NULL: none, or it is gone. */
static const struct port *
packet_port(const struct routing *routing, const struct neighbour_packet *packet)
{
	const struct port *port = packet->own ? NULL : datapath_port(routing->sw->dp, packet->port);

	return port != NULL && port->generation == packet->generation ? port : NULL;
}

/* A packet that has waited in vain, or cannot wait. */
static void
packet_drop(const struct routing *routing, const struct neighbour_packet *packet)
{
	const struct port *port = packet_port(routing, packet);

	if (port == NULL || worker_drop(routing->sw->dp->workers[port->rxq[0].worker], port,
					packet->pkt, DROP_NEIGHBOUR) < 0)
		rte_pktmbuf_free(packet->pkt);
}

/* The station is known: what waits for it goes. */
static void
queue_send(struct neighbour *neighbour)
{
	struct vswitch *sw = neighbour->rif->routing->sw;
	struct neighbour_packet packet;

	while (neighbour->n_queued > 0) {
		const struct port *port;

		queue_take(neighbour, &packet);
		if (packet.own) {
			uint8_t *frame = rte_pktmbuf_mtod(packet.pkt, uint8_t *);

			memcpy(frame, neighbour->mac, 6);
			memcpy(frame + 6, neighbour->rif->mac, 6);
			rif_send(neighbour->rif, packet.pkt);
			continue;
		}
		port = packet_port(neighbour->rif->routing, &packet);
		if (port == NULL ||
		    worker_route(sw->dp->workers[port->rxq[0].worker], port, packet.pkt) < 0)
			rte_pktmbuf_free(packet.pkt);
	}
}

/*
 * The station of a packet does not answer: its sender is told, and the packet is gone. That may
 * have stations made and others forgotten: nobody who walks through them calls it.
 */
static void
packet_refuse(struct routing *routing, const struct neighbour_packet *packet)
{
	struct switch_rif *in = rif_of(routing, packet->port);
	uint8_t buffer[SLOW_FRAME_MAX];
	const uint32_t len = RTE_MIN(packet->pkt->pkt_len, (uint32_t)sizeof(buffer));

	if (!packet->own && in != NULL)
		routing_tell(in, rte_pktmbuf_read(packet->pkt, 0, len, buffer), len,
			     ICMP_HOST_UNREACHABLE, 0);
	packet_drop(routing, packet);
}

/* --- states --- */

static void
busy_begin(struct neighbour *neighbour)
{
	static const struct timeval tick = { .tv_usec = TICK_USEC };
	struct routing *routing = neighbour->rif->routing;

	if (neighbour->is_busy)
		return;
	if (LIST_EMPTY(&routing->busy))
		event_add(routing->timer, &tick);
	neighbour->is_busy = true;
	LIST_INSERT_HEAD(&routing->busy, neighbour, busy);
}

static void
busy_end(struct neighbour *neighbour)
{
	struct routing *routing = neighbour->rif->routing;

	if (!neighbour->is_busy)
		return;
	neighbour->is_busy = false;
	LIST_REMOVE(neighbour, busy);
	if (LIST_EMPTY(&routing->busy))
		event_del(routing->timer);
}

static void
count_incomplete(const struct neighbour *neighbour, int by)
{
	struct switch_rif *asker = rif_of(neighbour->rif->routing, neighbour->asker);

	/* that id may be another rif's by now */
	if (asker != NULL && (by > 0 || asker->n_incomplete > 0))
		asker->n_incomplete += by;
}

/*
 * With or without the host route that spares workers asking. Return: -ENOSPC: there is no room for
 * it; else 0.
 */
static int
route_renew(struct neighbour *neighbour)
{
	struct routing *routing = neighbour->rif->routing;
	const struct ip_prefix host = ip_prefix_host(&neighbour->addr);
	const bool wanted = neighbour_is_known(neighbour) && neighbour->is_on_link &&
			    !ip_addr_is_link_local(&neighbour->addr);
	int ret = 0;

	if (wanted && !neighbour->has_route) {
		ret = route_install(routing, &host, ROUTE_NEIGHBOUR, neighbour->target);
		neighbour->has_route = ret == 0;
	} else if (!wanted && neighbour->has_route) {
		neighbour->has_route = route_uninstall(routing, &host, ROUTE_NEIGHBOUR) < 0;
	}
	return ret == -ENOSPC ? ret : 0;
}

/* The same; others go if there is no room for it. For who does not walk through stations. */
static void
route_renew_forced(struct neighbour *neighbour)
{
	for (int i = 0; i < ROOM_TRIES && route_renew(neighbour) < 0; i++)
		if (!neighbours_make_room(neighbour->rif->routing, neighbour))
			return;
}

bool
neighbour_need_route(struct neighbour *neighbour)
{
	route_renew_forced(neighbour);
	return neighbour->has_route;
}

static void
state_set(struct neighbour *neighbour, enum neighbour_state state)
{
	struct routing *routing = neighbour->rif->routing;
	struct next_hop *next_hop = &routing->dp->next_hops[neighbour->number];
	const enum neighbour_state before = neighbour->state;
	const bool was_known = neighbour_is_known(neighbour);

	neighbour->state = state;
	if ((before == NEIGHBOUR_INCOMPLETE) != (state == NEIGHBOUR_INCOMPLETE))
		count_incomplete(neighbour, state == NEIGHBOUR_INCOMPLETE ? 1 : -1);
	if (state == NEIGHBOUR_INCOMPLETE || state == NEIGHBOUR_PROBE)
		busy_begin(neighbour);
	else
		busy_end(neighbour);
	next_hop_set_mac(next_hop, neighbour_is_known(neighbour) ? neighbour->mac : NULL);
	if (was_known != neighbour_is_known(neighbour))
		route_renew(neighbour);
	if (neighbour->has_failed ? neighbour_is_known(neighbour) : state == NEIGHBOUR_FAILED) {
		neighbour->has_failed = !neighbour->has_failed;
		targets_neighbour_changed(routing, neighbour);
	}
}

static void
neighbour_ask(const struct neighbour *neighbour, bool unicast)
{
	if (neighbour->addr.family == AF_INET)
		neighbour_ask_arp(neighbour, unicast);
	else
		neighbour_ask_nd(neighbour, unicast);
}

static void
ask_again(struct neighbour *neighbour)
{
	neighbour->probes++;
	neighbour->due = routing_now() + NEIGHBOUR_RETRY_MSEC;
	neighbour_ask(neighbour, neighbour->state == NEIGHBOUR_PROBE);
}

static void
ask_begin(struct neighbour *neighbour, enum neighbour_state state)
{
	state_set(neighbour, state);
	neighbour->probes = 0;
	ask_again(neighbour);
}

int
neighbour_wait(struct neighbour *neighbour, struct switch_rif *asker,
	       const struct neighbour_packet *packet)
{
	struct routing *routing = neighbour->rif->routing;
	struct neighbour_packet oldest;
	int ret = 0;

	if (neighbour->state == NEIGHBOUR_FAILED &&
	    routing_now() - neighbour->updated < FAILED_MSEC)
		ret = -EHOSTUNREACH;
	else if (neighbour->state != NEIGHBOUR_INCOMPLETE && asker != NULL &&
		 asker->n_incomplete >= NEIGHBOUR_INCOMPLETE_MAX)
		ret = -ENOBUFS;
	else if (routing->n_queued >= NEIGHBOUR_QUEUED_MAX)
		ret = -ENOBUFS;
	if (ret < 0) {
		packet_drop(routing, packet);
		return ret;
	}
	if (neighbour->n_queued == NEIGHBOUR_QUEUE) {
		/* RFC 4861 7.2.2: the oldest goes */
		queue_take(neighbour, &oldest);
		packet_drop(routing, &oldest);
	}
	neighbour->queue[neighbour->n_queued++] = *packet;
	routing->n_queued++;
	if (neighbour_is_known(neighbour)) {
		queue_send(neighbour);
	} else if (neighbour->state != NEIGHBOUR_INCOMPLETE) {
		neighbour->asker =
			asker != NULL ? asker->port->dp->id : neighbour->rif->port->dp->id;
		ask_begin(neighbour, NEIGHBOUR_INCOMPLETE);
	}
	return 0;
}

void
neighbour_heard(struct neighbour *neighbour, const uint8_t mac[6], bool confirmed)
{
	const bool same = memcmp(neighbour->mac, mac, 6) == 0;

	if (neighbour->state == NEIGHBOUR_PERMANENT || (mac[0] & 1))
		return;
	neighbour->updated = routing_now();
	memcpy(neighbour->mac, mac, 6);
	if (confirmed) {
		neighbour->due = neighbour->updated + NEIGHBOUR_REACHABLE_MSEC;
		state_set(neighbour, NEIGHBOUR_REACHABLE);
	} else if (!same || !neighbour_is_known(neighbour)) {
		/* it will be asked when it is used */
		state_set(neighbour, NEIGHBOUR_STALE);
	}
	route_renew_forced(neighbour);
	queue_send(neighbour);
}

/* @ret_packets: those that have waited in vain. Return: how many. */
static unsigned int
neighbour_fail(struct neighbour *neighbour, struct neighbour_packet *ret_packets)
{
	unsigned int n = 0;

	neighbour->updated = routing_now();
	state_set(neighbour, NEIGHBOUR_FAILED);
	while (neighbour->n_queued > 0)
		queue_take(neighbour, &ret_packets[n++]);
	return n;
}

void
neighbour_set(struct neighbour *neighbour, const uint8_t *mac)
{
	if (mac != NULL) {
		memcpy(neighbour->mac, mac, 6);
		state_set(neighbour, NEIGHBOUR_PERMANENT);
		queue_send(neighbour);
	} else if (neighbour->state == NEIGHBOUR_PERMANENT) {
		state_set(neighbour, NEIGHBOUR_STALE);
	}
}

void
neighbour_del(struct neighbour *neighbour)
{
	struct switch_rif *rif = neighbour->rif;
	struct routing *routing = rif->routing;
	struct neighbour_packet packet;
	struct neighbour **at;

	while (neighbour->n_queued > 0) {
		queue_take(neighbour, &packet);
		rte_pktmbuf_free(packet.pkt);
	}
	state_set(neighbour, NEIGHBOUR_NEW);
	if (neighbour->refs > 0)
		return;
	at = bucket_of(routing, rif, &neighbour->addr);
	while (*at != neighbour)
		at = &(*at)->hash_next;
	*at = neighbour->hash_next;
	LIST_REMOVE(neighbour, list);
	rif->n_neighbours--;
	routing->n_neighbours--;
	number_free(routing, neighbour->number);
	free(neighbour->target);
	free(neighbour);
}

void
neighbours_flush(struct switch_rif *rif, bool all)
{
	struct neighbour *neighbour, *next;

	for (neighbour = LIST_FIRST(&rif->neighbours); neighbour != NULL; neighbour = next) {
		next = LIST_NEXT(neighbour, list);
		if (all || neighbour->state != NEIGHBOUR_PERMANENT)
			neighbour_del(neighbour);
	}
}

/* Is a station where routes lead to? Else it goes, or what routes need of it stays. */
static void
neighbour_check(struct neighbour *neighbour)
{
	neighbour->is_on_link = neighbour->state == NEIGHBOUR_PERMANENT ||
				neighbour_is_on_link(neighbour->rif, &neighbour->addr);
	if (!neighbour->is_on_link && neighbour->refs == 0)
		neighbour_del(neighbour);
	else
		route_renew(neighbour);
}

void
neighbours_check(struct switch_rif *rif)
{
	struct neighbour *neighbour, *next;

	for (neighbour = LIST_FIRST(&rif->neighbours); neighbour != NULL; neighbour = next) {
		next = LIST_NEXT(neighbour, list);
		if (neighbour->state == NEIGHBOUR_PERMANENT &&
		    !neighbour_is_on_link(rif, &neighbour->addr))
			neighbour_del(neighbour);
		else
			neighbour_check(neighbour);
	}
}

/* All of them: routes have changed. */
static void
check_all(evutil_socket_t fd, short what, void *arg)
{
	struct routing *routing = arg;
	struct neighbour *neighbour, *next;
	struct switch_rif *rif;

	(void)fd;
	(void)what;
	LIST_FOREACH(rif, &routing->rifs, list) {
		for (neighbour = LIST_FIRST(&rif->neighbours); neighbour != NULL;
		     neighbour = next) {
			next = LIST_NEXT(neighbour, list);
			neighbour_check(neighbour);
		}
	}
}

void
neighbours_check_soon(struct routing *routing)
{
	static const struct timeval soon = { .tv_usec = CHECK_USEC };

	if (routing->n_neighbours > 0 && !event_pending(routing->check, EV_TIMEOUT, NULL))
		event_add(routing->check, &soon);
}

/* --- time --- */

static void
busy_tick(evutil_socket_t fd, short what, void *arg)
{
	struct neighbour_packet refused[NEIGHBOUR_QUEUED_MAX];
	struct routing *routing = arg;
	struct neighbour *neighbour, *next;
	const uint64_t now = routing_now();
	unsigned int n = 0;

	(void)fd;
	(void)what;
	for (neighbour = LIST_FIRST(&routing->busy); neighbour != NULL; neighbour = next) {
		next = LIST_NEXT(neighbour, busy);
		if (now < neighbour->due)
			continue;
		if (neighbour->probes < NEIGHBOUR_PROBES)
			ask_again(neighbour);
		else
			n += neighbour_fail(neighbour, &refused[n]);
	}
	for (unsigned int i = 0; i < n; i++)
		packet_refuse(routing, &refused[i]);
}

/* Has a packet gone to it in the last @sec seconds? */
static bool
neighbour_used(const struct neighbour *neighbour, uint32_t sec)
{
	const uint32_t used = last_use(neighbour);

	return used != 0 && switch_now() - used <= sec;
}

static void
neighbour_age(struct neighbour *neighbour, uint64_t now)
{
	const bool forgotten = now - neighbour->updated > NEIGHBOUR_FORGET_SEC * UINT64_C(1000);

	switch (neighbour->state) {
	case NEIGHBOUR_REACHABLE:
		if (now < neighbour->due)
			return;
		state_set(neighbour, NEIGHBOUR_STALE);
		break;
	case NEIGHBOUR_STALE:
		if (neighbour_used(neighbour, 2))
			ask_begin(neighbour, NEIGHBOUR_PROBE);
		else if (forgotten && !neighbour_used(neighbour, NEIGHBOUR_FORGET_SEC))
			neighbour_del(neighbour);
		break;
	case NEIGHBOUR_NEW:
	case NEIGHBOUR_FAILED:
		if (neighbour->refs == 0 && now - neighbour->updated > 2 * FAILED_MSEC)
			neighbour_del(neighbour);
		else if (neighbour->has_failed && now - neighbour->updated > REVIVE_MSEC &&
			 neighbour->refs > 0 && !neighbour->rif->is_guest)
			ask_begin(neighbour, NEIGHBOUR_INCOMPLETE);
		break;
	default:
		break;
	}
}

void
neighbours_tick(struct routing *routing)
{
	struct neighbour *neighbour, *next;
	const uint64_t now = routing_now();
	struct switch_rif *rif;

	if (routing->n_neighbours == 0)
		return;
	LIST_FOREACH(rif, &routing->rifs, list) {
		for (neighbour = LIST_FIRST(&rif->neighbours); neighbour != NULL;
		     neighbour = next) {
			next = LIST_NEXT(neighbour, list);
			neighbour_age(neighbour, now);
		}
	}
}

int
neighbours_create(struct routing *routing)
{
	LIST_INIT(&routing->busy);
	routing->neighbours = calloc(BUCKETS, sizeof(routing->neighbours[0]));
	routing->timer = event_new(routing->sw->base, -1, EV_PERSIST, busy_tick, routing);
	routing->check = event_new(routing->sw->base, -1, 0, check_all, routing);
	return routing->neighbours != NULL && routing->timer != NULL && routing->check != NULL ?
		       0 :
		       -ENOMEM;
}

void
neighbours_destroy(struct routing *routing)
{
	if (routing->timer != NULL)
		event_free(routing->timer);
	if (routing->check != NULL)
		event_free(routing->check);
	routing->timer = routing->check = NULL;
	free(routing->neighbours);
	routing->neighbours = NULL;
}

/* --- whom a rif answers for --- */

bool
neighbour_is_on_link(struct switch_rif *rif, const struct ip_addr *addr)
{
	const struct target *target;

	if (ip_addr_is_link_local(addr))
		return true;
	/* that it is known, says nothing */
	target = route_lookup_but(rif->routing, addr, ROUTE_NEIGHBOUR);
	if (target == NULL || target_rif(target) != rif)
		return false;
	/* what is behind a gateway on the link is not on it */
	return target->kind == NEXT_HOP_CONNECTED ||
	       (target->config.n_via == 1 && ip_addr_equal(&target->config.via[0], addr));
}

bool
neighbour_answers(struct switch_rif *rif, const struct ip_addr *addr, bool *ret_own)
{
	const struct target *target;
	const struct switch_rif *out;

	*ret_own = rif_has_addr(rif, addr) || nat_control_answers(rif, addr);
	if (*ret_own)
		return true;
	if (rif->proxy == PROXY_NO || !ip_addr_is_station(addr) || ip_addr_is_link_local(addr))
		return false;
	target = route_lookup(rif->routing, addr);
	if (target == NULL)
		return false;
	if (target->kind == NEXT_HOP_LOCAL)
		return rif->proxy == PROXY_ALL;
	out = target_rif(target);
	if (out == NULL || out == rif)
		return false;
	return rif->proxy == PROXY_ALL || guest_is(out->port);
}
