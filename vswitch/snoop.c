/* SPDX-License-Identifier: BSD-3-Clause */
#include "snoop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <event2/event.h>

#include "agree.h"
#include "error.h"
#include "group.h"
#include "log.h"
#include "stable_mac.h"
#include "switch.h"
#include "vlan.h"

#define FRAME_LEN_MIN 60 /* bytes without FCS */

struct snoop {
	struct vswitch *sw;
	struct switch_bridge *bridge;
	struct membership *membership;
	struct event *timer;
	bool kicked; /* the timer runs as soon as what is under way is done */
};

static uint64_t
snoop_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int
snoop_check(const char *bridge, const struct snoop_config *config, struct error *err)
{
	return agree_queries(config->snooping, config->query_interval / 1000,
			     config->query_response / 1000, bridge, err);
}

static uint64_t
snoop_key(const uint8_t mac[MCAST_MAC_LEN], uint16_t vid)
{
	uint64_t word = 0;

	memcpy(&word, mac, MCAST_MAC_LEN);
	return fdb_key(word, vid);
}

static int
snoop_set_group(void *ctx, uint16_t vid, const uint8_t mac[MCAST_MAC_LEN], const uint16_t *ports,
		uint32_t n)
{
	const struct snoop *snoop = ctx;

	return group_set(snoop->bridge->dp, snoop->sw->rcu, snoop_key(mac, vid), ports, n);
}

static void
snoop_unset_group(void *ctx, uint16_t vid, const uint8_t mac[MCAST_MAC_LEN])
{
	const struct snoop *snoop = ctx;

	group_unset(snoop->bridge->dp, snoop->sw->rcu, snoop_key(mac, vid));
}

static uint64_t
snoop_other_key(uint16_t vid, enum mcast_family family)
{
	return fdb_key(family == MCAST_IPV4 ? GROUP_OTHER_IPV4 : GROUP_OTHER_IPV6, vid);
}

static int
snoop_set_other(void *ctx, uint16_t vid, enum mcast_family family, const uint16_t *ports,
		uint32_t n)
{
	const struct snoop *snoop = ctx;

	return group_set(snoop->bridge->dp, snoop->sw->rcu, snoop_other_key(vid, family), ports, n);
}

static void
snoop_unset_other(void *ctx, uint16_t vid, enum mcast_family family)
{
	const struct snoop *snoop = ctx;

	group_unset(snoop->bridge->dp, snoop->sw->rcu, snoop_other_key(vid, family));
}

/* The worker that polls a port's first queue: no other has its counters in the cache. */
static struct worker *
snoop_worker(const struct vswitch *sw, const struct switch_port *port)
{
	return sw->dp->workers[port->dp->rxq[0].worker];
}

static struct switch_port *
snoop_any_port(const struct snoop *snoop)
{
	struct switch_port *port;

	LIST_FOREACH(port, &snoop->sw->ports, list)
		if (port->bridge == snoop->bridge)
			return port;
	return NULL;
}

static void
snoop_send(void *ctx, void *user, uint16_t vid, const uint8_t *frame, uint32_t len)
{
	const struct snoop *snoop = ctx;
	struct switch_port *port = user != NULL ? user : snoop_any_port(snoop);
	uint32_t padded = RTE_MAX(len, (uint32_t)FRAME_LEN_MIN);
	struct rte_mbuf *pkt;
	char *data;

	if (port == NULL || (user != NULL && !vlan_member(port->dp, vid)))
		return;
	pkt = rte_pktmbuf_alloc(snoop->sw->pool);
	data = pkt != NULL ? rte_pktmbuf_append(pkt, padded) : NULL;
	if (data == NULL) {
		rte_pktmbuf_free(pkt);
		return;
	}
	memcpy(data, frame, len);
	memset(data + len, 0, padded - len);
	if (worker_send_vlan(snoop_worker(snoop->sw, port), port->dp, pkt, vid, user == NULL) < 0)
		rte_pktmbuf_free(pkt);
}

static const struct membership_ops snoop_ops = {
	.set_group = snoop_set_group,
	.unset_group = snoop_unset_group,
	.set_other = snoop_set_other,
	.unset_other = snoop_unset_other,
	.send = snoop_send,
};

static void
snoop_timer(evutil_socket_t fd, short what, void *arg)
{
	struct snoop *snoop = arg;
	uint64_t now = snoop_now(), next;
	struct timeval wait;

	(void)fd;
	(void)what;
	snoop->kicked = false;
	next = membership_tick(snoop->membership, now);
	if (next == MEMBERSHIP_NEVER)
		return;
	next = next > now ? next - now : 0;
	wait.tv_sec = next / 1000;
	wait.tv_usec = next % 1000 * 1000;
	evtimer_add(snoop->timer, &wait);
}

/* Look at what is due when all that has been received is known. */
static void
snoop_kick(struct snoop *snoop)
{
	static const struct timeval at_once;

	if (!snoop->kicked) {
		snoop->kicked = true;
		evtimer_add(snoop->timer, &at_once);
	}
}

static struct membership_config
snoop_bridge_config(const struct switch_bridge *bridge)
{
	const struct snoop_config *config = &bridge->config.snoop;
	struct membership_config ret = {
		.querier = config->querier,
		.interval = config->query_interval,
		.response = config->query_response,
		.last_response = config->last_member_interval,
		.robustness = config->robustness,
		.group_limit = config->group_limit,
	};
	char name[SWITCH_NAME_SIZE + 16];

	/* not that of the tap which may have the bridge's name */
	snprintf(name, sizeof(name), "%s querier", bridge->name);
	stable_mac(name, ret.mac);
	memcpy(ret.address, config->querier_address, sizeof(ret.address));
	return ret;
}

static struct membership_port_config
snoop_port_config(struct switch_port *port)
{
	const struct vlan_settings *vlan = vlan_of(port->dp);
	const struct port_config *config = &port->config;
	uint32_t limit = config->group_limit;

	if (limit == 0 && (config->kind == PORT_KIND_VIF || config->kind == PORT_KIND_VHOST))
		limit = VIF_GROUP_LIMIT_DEFAULT;
	return (struct membership_port_config){
		.id = port->dp->id,
		.user = port,
		.vid = vlan->untagged != VLAN_NONE ? vlan->untagged : MEMBERSHIP_VID_NONE,
		.router = config->mrouter,
		.fast_leave = config->fast_leave,
		.group_limit = limit != 0 ? limit : UINT32_MAX,
	};
}

static void
snoop_free(struct snoop *snoop)
{
	if (snoop == NULL)
		return;
	membership_destroy(snoop->membership);
	if (snoop->timer != NULL)
		event_free(snoop->timer);
	free(snoop);
}

static struct snoop *
snoop_create(struct vswitch *sw, struct switch_bridge *bridge)
{
	struct membership_config config = snoop_bridge_config(bridge);
	struct snoop *snoop = calloc(1, sizeof(*snoop));
	uint64_t seed;

	if (snoop == NULL)
		return NULL;
	snoop->sw = sw;
	snoop->bridge = bridge;
	snoop->timer = evtimer_new(sw->base, snoop_timer, snoop);
	if (snoop->timer == NULL || getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		goto err;
	snoop->membership = membership_create(&config, &snoop_ops, snoop, seed);
	if (snoop->membership == NULL)
		goto err;
	return snoop;

err:
	snoop_free(snoop);
	return NULL;
}

void
snoop_bridge_gone(struct switch_bridge *bridge)
{
	struct snoop *snoop = bridge->snoop;
	struct switch_port *port;

	if (snoop == NULL)
		return;
	__atomic_store_n(&bridge->dp->snooping, false, __ATOMIC_RELAXED);
	LIST_FOREACH(port, &snoop->sw->ports, list)
		if (port->bridge == bridge)
			port->membership = NULL;
	bridge->snoop = NULL;
	snoop_free(snoop);
}

int
snoop_bridge_set(struct vswitch *sw, struct switch_bridge *bridge)
{
	struct membership_config config = snoop_bridge_config(bridge);
	struct switch_port *port;

	if (!bridge->config.snoop.snooping) {
		snoop_bridge_gone(bridge);
		return 0;
	}
	if (bridge->snoop != NULL) {
		membership_set(bridge->snoop->membership, &config, snoop_now());
		snoop_kick(bridge->snoop);
		return 0;
	}
	bridge->snoop = snoop_create(sw, bridge);
	if (bridge->snoop == NULL)
		return -ENOMEM;
	__atomic_store_n(&bridge->dp->snooping, true, __ATOMIC_RELAXED);
	LIST_FOREACH(port, &sw->ports, list)
		if (port->bridge == bridge)
			snoop_port_join(port);
	snoop_kick(bridge->snoop);
	return 0;
}

void
snoop_port_join(struct switch_port *port)
{
	struct membership_port_config config = snoop_port_config(port);
	struct snoop *snoop = port->bridge->snoop;

	if (snoop == NULL)
		return;
	port->membership = membership_port_add(snoop->membership, &config);
	if (port->membership == NULL) {
		log_limited(&port->log_limit, LOG_ERR,
			    "bridge %s: no memory to snoop for port %s: multicast is flooded from "
			    "now on",
			    port->bridge->name, port->config.name);
		snoop_bridge_gone(port->bridge);
		return;
	}
	snoop_port_changed(port);
}

void
snoop_port_leave(struct switch_port *port)
{
	if (port->membership == NULL)
		return;
	membership_port_del(port->membership, snoop_now());
	port->membership = NULL;
	snoop_kick(port->bridge->snoop);
}

void
snoop_port_changed(struct switch_port *port)
{
	struct membership_port_config config;
	uint64_t now = snoop_now();

	if (port->membership == NULL)
		return;
	config = snoop_port_config(port);
	membership_port_set(port->membership, &config, now);
	membership_port_open(port->membership, port->dp->open, now);
	snoop_kick(port->bridge->snoop);
}

void
snoop_port_reset(struct switch_port *port)
{
	if (port->membership == NULL)
		return;
	membership_port_open(port->membership, false, snoop_now());
	snoop_port_changed(port);
}

void
snoop_resync(struct switch_bridge *bridge)
{
	if (bridge->snoop == NULL)
		return;
	membership_resync(bridge->snoop->membership, snoop_now());
	snoop_kick(bridge->snoop);
}

void
snoop_renew(struct switch_port *port)
{
	if (port->membership == NULL)
		return;
	membership_renew(port->bridge->snoop->membership, port->membership, snoop_now());
	snoop_kick(port->bridge->snoop);
}

/* Send a packet on that the caller keeps a reference of. @out: NULL: to all. */
static void
snoop_pass(struct vswitch *sw, const struct switch_port *in, const struct port *out,
	   struct rte_mbuf *pkt)
{
	rte_pktmbuf_refcnt_update(pkt, 1);
	if (worker_pass(snoop_worker(sw, in), in->dp, out, pkt) < 0)
		rte_pktmbuf_free(pkt);
}

static void
snoop_pass_to_routers(struct snoop *snoop, const struct switch_port *in, uint16_t vid,
		      enum mcast_family family, struct rte_mbuf *pkt)
{
	static uint16_t ids[PORT_MAX]; /* control thread only; too big a stack */
	uint32_t n =
		membership_routers(snoop->membership, vid, family, in->membership, ids, PORT_MAX);

	for (uint32_t i = 0; i < n; i++) {
		const struct port *out = datapath_port(snoop->sw->dp, ids[i]);

		if (out != NULL && vlan_member(out, vid) && out->open)
			snoop_pass(snoop->sw, in, out, pkt);
	}
}

static enum membership_way
snoop_learn(struct switch_port *port, const struct rte_mbuf *pkt, const uint8_t *frame,
	    uint32_t len, uint16_t vid, enum mcast_family *ret_family)
{
	uint64_t now = snoop_now();

	if (len == pkt->pkt_len)
		return membership_receive(port->membership, vid, frame, len, now, ret_family);
	membership_cut(port->membership, now);
	return MEMBERSHIP_FLOOD;
}

void
snoop_receive(struct vswitch *sw, struct switch_port *port, struct rte_mbuf *pkt,
	      const uint8_t *frame, uint32_t len, uint16_t vid)
{
	struct snoop *snoop = port->bridge != NULL ? port->bridge->snoop : NULL;
	struct membership_port_info before, after;
	enum mcast_family family = MCAST_IPV4;
	enum membership_way way;

	if (port->bridge == NULL)
		return;
	/* snooping has ended since the worker met it */
	if (snoop == NULL || port->membership == NULL || vid == VLAN_NONE) {
		snoop_pass(sw, port, NULL, pkt);
		return;
	}
	snoop_port_info(port, &before);
	way = snoop_learn(port, pkt, frame, len, vid, &family);
	if (way == MEMBERSHIP_FLOOD)
		snoop_pass(sw, port, NULL, pkt);
	else if (way == MEMBERSHIP_TO_ROUTERS)
		snoop_pass_to_routers(snoop, port, vid, family, pkt);
	snoop_port_info(port, &after);
	if (after.refused != before.refused)
		log_limited(&port->log_limit, LOG_WARNING,
			    "port %s: a multicast group cannot be entered: the group-limit of port "
			    "or bridge is reached; the port gets all groups meanwhile",
			    port->config.name);
	snoop_kick(snoop);
}

const struct membership *
snoop_membership(const struct switch_bridge *bridge, uint64_t *ret_now)
{
	*ret_now = snoop_now();
	return bridge->snoop != NULL ? bridge->snoop->membership : NULL;
}

bool
snoop_port_info(const struct switch_port *port, struct membership_port_info *ret_info)
{
	if (port->membership == NULL)
		return false;
	membership_port_info(port->membership, ret_info);
	return true;
}
