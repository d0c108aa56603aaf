/* SPDX-License-Identifier: BSD-3-Clause */
#include "loop.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <rte_byteorder.h>

#include "events.h"
#include "loop_probe.h"
#include "slow.h"
#include "switch_priv.h"
#include "vlan.h"

static_assert(LOOP_PROBE_ETHERTYPE == BRIDGE_PROBE_ETHERTYPE &&
		      LOOP_PROBE_BRIDGE_OFFSET == BRIDGE_PROBE_ID_OFFSET,
	      "workers look for what is sent");

/* ms between probes of a port that addresses move from and to: while that is new, and later */
#define PROBE_PAUSE_NEW 100
#define PROBE_PAUSE 1000

/* What is blocked first. */
enum rank { RANK_GUEST, RANK_HOST, RANK_UPLINK };

static uint64_t
now_msec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * UINT64_C(1000) + ts.tv_nsec / 1000000;
}

static enum rank
rank_of(const struct switch_port *port)
{
	if (switch_port_is_guest(port))
		return RANK_GUEST;
	return port->config.kind == PORT_KIND_TAP ? RANK_HOST : RANK_UPLINK;
}

/* Is it watched? */
static bool
is_watched(const struct switch_port *port)
{
	/* a router ends every loop */
	return port->bridge != NULL && port->bridge->config.stp.loop_detect &&
	       port->config.kind != PORT_KIND_GATEWAY && port->stp_state == PORT_FORWARDING &&
	       port->stp == NULL;
}

int
loop_init(struct vswitch *sw)
{
	if (getrandom(&sw->loop_key, sizeof(sw->loop_key), 0) != sizeof(sw->loop_key))
		return -errno;
	rte_eth_random_addr(sw->loop_mac);
	return 0;
}

static void
send_probe(struct switch_port *port, uint64_t now)
{
	struct vswitch *sw = port->sw;
	const struct vlan_settings *vlan = vlan_of(port->dp);
	struct loop_probe probe = {
		.bridge = port->bridge->dp->probe_id,
		.port = port->dp->id,
		.generation = port->dp->generation,
		.msec = now,
	};
	uint8_t frame[LOOP_PROBE_FRAME_SIZE];
	uint16_t tpid = 0;
	const uint8_t *src;
	size_t len;

	/* as a frame of that VLAN would leave by it */
	if (port->loop.vid != 0 && vlan->tagged && port->loop.vid != vlan->untagged &&
	    vlan_allowed(vlan, port->loop.vid)) {
		tpid = rte_be_to_cpu_16(vlan->tpid);
		probe.vid = port->loop.vid;
	}
	/* out there a NIC may be allowed to speak by its own address alone */
	src = rank_of(port) == RANK_UPLINK && switch_port_has_mac(port) ? port->dp->mac :
									  sw->loop_mac;
	len = loop_probe_build(&sw->loop_key, &probe, tpid, src, frame);
	port->loop.sent = now;
	slow_send(sw, port, frame, len);
}

static void
tell(const struct switch_port *port, const char *state, const char *reason,
     const struct switch_port *peer)
{
	events_emit(port->sw->events, EVENT_LOOP, port->config.name,
		    json_pack("{s:s, s:s, s:s*, s:s*}", "state", state, "reason", reason, "peer",
			      peer != NULL ? peer->config.name : NULL, "bridge",
			      port->bridge != NULL ? port->bridge->name : NULL),
		    "%s", reason);
}

static void
block(struct switch_port *port, const struct switch_port *peer, uint64_t now)
{
	struct loop_port *loop = &port->loop;
	bool relapse = loop->freed != 0 && now - loop->freed < LOOP_RELAPSE_SECONDS * 1000;

	loop->calm = relapse ? RTE_MIN(2 * loop->calm, (uint32_t)LOOP_CALM_MAX) : LOOP_CALM_SECONDS;
	loop->blocked = true;
	loop->seen = now;
	loop->peer = peer->dp->id;
	loop->generation = peer->dp->generation;
	if (peer == port)
		snprintf(loop->reason, sizeof(loop->reason), "blocked: what it is sent comes back");
	else
		snprintf(loop->reason, sizeof(loop->reason), "blocked: a loop with port %s",
			 peer->config.name);
	log_limited(&port->log_limit, LOG_WARNING,
		    "port %s: %s; until that has not been seen for %u s", port->config.name,
		    loop->reason, loop->calm);
	tell(port, "blocked", loop->reason, peer);
	switch_port_judge(port);
	/* stations that were seen by way of the loop are not there */
	fdb_flush(port->bridge->dp->fdb, port->dp->id, false);
}

static void
unblock(struct switch_port *port, const char *why)
{
	struct loop_port *loop = &port->loop;
	char reason[96];

	loop->blocked = false;
	loop->freed = now_msec();
	loop->reason[0] = '\0';
	log_limited(&port->log_limit, LOG_NOTICE, "port %s: not blocked any more: %s",
		    port->config.name, why);
	snprintf(reason, sizeof(reason), "not blocked any more: %s", why);
	tell(port, "free", reason, NULL);
	switch_port_judge(port);
}

/* The port that @port is blocked for, or NULL: it is gone. */
static struct switch_port *
peer_of(const struct switch_port *port)
{
	struct port *dp = datapath_port(port->sw->dp, port->loop.peer);

	if (dp == NULL || dp->generation != port->loop.generation)
		return NULL;
	return switch_port_of(port->sw, dp);
}

void
loop_receive(struct switch_port *port, const uint8_t *frame, uint32_t len)
{
	uint64_t now = now_msec();
	struct switch_port *from, *victim;
	struct loop_probe probe;
	struct port *dp;

	if (!is_watched(port) ||
	    loop_probe_parse(&port->sw->loop_key, frame, len, now, &probe) < 0 ||
	    probe.bridge != port->bridge->dp->probe_id)
		return;
	dp = datapath_port(port->sw->dp, probe.port);
	if (dp == NULL || dp->generation != probe.generation)
		return;
	from = switch_port_of(port->sw, dp);
	if (from->bridge != port->bridge || !is_watched(from))
		return;
	if (from->loop.blocked || port->loop.blocked) {
		if (from->loop.blocked)
			from->loop.seen = now;
		if (port->loop.blocked)
			port->loop.seen = now;
		return;
	}
	victim = from;
	if (rank_of(port) < rank_of(from) ||
	    (rank_of(port) == rank_of(from) && port->dp->id > from->dp->id))
		victim = port;
	if (from == port && rank_of(port) == RANK_UPLINK) {
		/* once per suspicion: it is no reason for more */
		if (now - port->loop.seen >= LOOP_CALM_SECONDS * 1000) {
			port->loop.n_loops++;
			log_limited(&port->log_limit, LOG_WARNING,
				    "port %s: something behind it sends back what it is sent",
				    port->config.name);
			tell(port, "seen", "something behind it sends back what it is sent", port);
		}
		port->loop.seen = now;
		return;
	}
	victim->loop.n_loops++;
	block(victim, victim == from ? port : from, now);
}

void
loop_suspect(struct switch_port *port, uint16_t vid)
{
	uint64_t now;

	if (!is_watched(port) || !port->dp->up)
		return;
	now = now_msec();
	/* a probe may be lost in a storm; but guests that make addresses move wake their neighbours
	 */
	if (now - port->loop.moved >= LOOP_MOVE_SECONDS * 1000)
		port->loop.since = now;
	port->loop.moved = now;
	port->loop.vid = vid;
	port->loop.suspect = now + LOOP_MOVE_SECONDS * 1000;
	if (now - port->loop.sent >=
	    (now - port->loop.since < PROBE_PAUSE ? PROBE_PAUSE_NEW : PROBE_PAUSE))
		send_probe(port, now);
}

void
loop_port_changed(struct switch_port *port)
{
	bool watched = is_watched(port);
	uint8_t punts = port->dp->punts & ~PORT_PUNT_PROBE;
	uint64_t now = now_msec();

	__atomic_store_n(&port->dp->punts, punts | (watched ? PORT_PUNT_PROBE : 0),
			 __ATOMIC_RELAXED);
	if (port->loop.blocked && (!watched || !port->dp->up))
		unblock(port, watched ? "its link is gone" : "nobody watches it now");
	if (!watched || !port->dp->up)
		return;
	port->loop.vid = 0;
	port->loop.suspect = RTE_MAX(port->loop.suspect, now + LOOP_UP_SECONDS * 1000);
	if (now - port->loop.sent >= PROBE_PAUSE_NEW)
		send_probe(port, now);
}

void
loop_port_reset(struct switch_port *port)
{
	if (!port->loop.blocked)
		return;
	unblock(port, "by the operator");
	port->loop.freed = port->loop.seen = 0;
	loop_port_changed(port);
}

/* A blocked port: is the loop gone? And let it show itself if not. */
static void
tick_blocked(struct switch_port *port, uint64_t now)
{
	struct switch_port *peer = peer_of(port);

	if (now - port->loop.seen >= port->loop.calm * UINT64_C(1000)) {
		unblock(port, "the loop has not been seen for a while");
		return;
	}
	if (peer != NULL && peer->bridge == port->bridge)
		peer->loop.suspect = RTE_MAX(peer->loop.suspect, now + 1000);
}

void
loop_tick(struct vswitch *sw)
{
	uint64_t now = now_msec();
	struct switch_port *port;

	LIST_FOREACH(port, &sw->ports, list)
		if (port->bridge != NULL)
			port->bridge->n_uplinks = 0;
	LIST_FOREACH(port, &sw->ports, list) {
		if (port->loop.blocked)
			tick_blocked(port, now);
		if (port->dp->up && is_watched(port) && rank_of(port) == RANK_UPLINK)
			port->bridge->n_uplinks++;
	}
	LIST_FOREACH(port, &sw->ports, list) {
		if (!port->dp->up || !is_watched(port))
			continue;
		if (port->loop.blocked || port->loop.suspect > now ||
		    (port->bridge->n_uplinks > 1 && rank_of(port) == RANK_UPLINK))
			send_probe(port, now);
	}
}
