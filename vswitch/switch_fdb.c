/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>

#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "addr.h"
#include "agree.h"
#include "error.h"
#include "events.h"
#include "slow.h"
#include "switch_priv.h"
#include "vlan.h"

#define LEARN_BATCH 64

/*
 * An address that moves may do so since there is a loop.
 * Return: the port that it was behind; NULL: it does not move.
 */
static const struct switch_port *
switch_learn_move(struct vswitch *sw, struct switch_port *to, uint64_t key)
{
	const struct fdb_table *table = to->bridge->dp->table;
	const struct fdb_entry *entry = fdb_lookup(table, key, fdb_hash(table, key));
	const uint16_t vid = key >> FDB_VID_SHIFT & VLAN_VID_MASK;
	struct switch_port *from;

	if (entry == NULL || (entry->dest & (FDB_DEST_PORT | FDB_DEST_STATIC)) == to->dp->id)
		return NULL;
	from = sw->owners[entry->dest & FDB_DEST_PORT];
	if (from != NULL)
		loop_suspect(from, vid);
	loop_suspect(to, vid);
	return entry->dest & FDB_DEST_STATIC ? NULL : from;
}

static void
switch_tell_move(const struct switch_port *from, const struct switch_port *to, uint64_t key)
{
	const uint16_t vid = key >> FDB_VID_SHIFT & VLAN_VID_MASK;
	const char *bridge = to->bridge->name, *name = to->config.name;
	char mac[MAC_TEXT_SIZE], vlan[16] = "";

	if (events_is_over(to->sw->events, EVENT_MOVE, name))
		return;
	mac_format((const uint8_t *)&key, mac);
	if (vid != 0)
		snprintf(vlan, sizeof(vlan), ", VLAN %u", vid);
	events_emit(to->sw->events, EVENT_MOVE, name,
		    json_pack("{s:s, s:i, s:s, s:s, s:s}", "mac", mac, "vid", vid, "from",
			      from->config.name, "to", name, "bridge", bridge),
		    "%s is here now, not behind %s (bridge %s%s)", mac, from->config.name, bridge,
		    vlan);
}

static void
switch_learn_one(struct vswitch *sw, const struct learn_event *event)
{
	struct port *port = datapath_port(sw->dp, event->port);
	const struct switch_port *from;
	struct switch_port *owner;
	uint32_t limit;
	int ret;

	if (port == NULL || port->generation != event->generation || port->bridge == NULL ||
	    port->bridge->id != event->bridge)
		return;
	/* reported before its link went down, or before it changed its VLAN */
	if (!port->up || !vlan_member(port, event->key >> FDB_VID_SHIFT & VLAN_VID_MASK))
		return;
	owner = switch_port_of(sw, port);
	limit = owner->config.fdb_limit;
	if (limit == 0 &&
	    (owner->config.kind == PORT_KIND_VIF || owner->config.kind == PORT_KIND_VHOST))
		limit = VIF_FDB_LIMIT_DEFAULT;
	from = switch_learn_move(sw, owner, event->key);
	ret = fdb_set(port->bridge->fdb, event->key, port->id, limit, switch_now());
	if (ret == 0 && from != NULL)
		switch_tell_move(from, owner, event->key);
	if (ret == -ENOSPC || ret == -ENOMEM) {
		owner->learn_refused++;
		loop_suspect(owner, event->key >> FDB_VID_SHIFT & VLAN_VID_MASK);
		log_limited(&owner->log_limit, LOG_WARNING,
			    "port %s: a station behind it cannot be learnt: %s; frames to it are "
			    "flooded",
			    owner->config.name,
			    ret == -ENOMEM ? "no memory" :
					     "the fdb-limit of port or bridge is reached");
	}
}

void
switch_learn(evutil_socket_t fd, short what, void *arg)
{
	struct learn_event events[LEARN_BATCH];
	struct vswitch *sw = arg;
	eventfd_t ignored;

	(void)what;
	eventfd_read(fd, &ignored);
	/* from here on workers kick again; what they queued before is read below */
	__atomic_store_n(&sw->dp->event_wanted, 1, __ATOMIC_SEQ_CST);
	for (uint16_t w = 0; w < sw->dp->n_workers; w++) {
		struct rte_ring *ring = sw->dp->workers[w]->events;
		unsigned int rest = rte_ring_count(ring);

		while (rest > 0) {
			unsigned int n = rte_ring_sc_dequeue_burst_elem(
				ring, events, sizeof(events[0]), RTE_MIN(rest, LEARN_BATCH), NULL);

			for (unsigned int i = 0; i < n; i++)
				switch_learn_one(sw, &events[i]);
			if (n == 0)
				break;
			rest -= n;
		}
	}
	slow_receive(sw);
}

static uint64_t
switch_fdb_key(const struct rte_ether_addr *mac, uint16_t vid)
{
	uint64_t word = 0;

	memcpy(&word, mac->addr_bytes, sizeof(mac->addr_bytes));
	return fdb_key(word, vid);
}

static struct switch_port *
switch_fdb_port(struct vswitch *sw, const struct switch_bridge *bridge, const char *name,
		struct error *err)
{
	struct switch_port *port = switch_port_find(sw, name);

	if (port == NULL || port->bridge != bridge) {
		error_set(err, ENOENT, "fdb %s: port %s is not on this bridge", bridge->name, name);
		return NULL;
	}
	return port;
}

/* Without a VLAN it is that of the port's untagged frames. */
static uint16_t
station_vid(const struct switch_port *port, uint16_t vid)
{
	const uint16_t untagged = port->dp->vlan->untagged;

	return vid == 0 && untagged != VLAN_NONE ? untagged : vid;
}

/* The port that a static entry leads to, or NULL. */
static const struct switch_port *
switch_fdb_static(const struct vswitch *sw, const struct switch_bridge *bridge, uint64_t key)
{
	const struct fdb_table *table = bridge->dp->table;
	const struct fdb_entry *entry = fdb_lookup(table, key, fdb_hash(table, key));

	if (entry == NULL || !(entry->dest & FDB_DEST_STATIC))
		return NULL;
	return sw->owners[entry->dest & FDB_DEST_PORT];
}

int
switch_fdb_add(struct vswitch *sw, const char *bridge_name, const struct rte_ether_addr *mac,
	       uint16_t vid, const char *port_name, struct error *err)
{
	struct switch_bridge *bridge = switch_bridge_need(sw, bridge_name, err);
	const struct switch_port *other;
	struct switch_port *port;
	char text[MAC_TEXT_SIZE];
	uint64_t key;
	int ret;

	if (bridge == NULL)
		return -ENOENT;
	port = switch_fdb_port(sw, bridge, port_name, err);
	if (port == NULL)
		return -ENOENT;
	if (agree_station(mac->addr_bytes, bridge_name, err) < 0)
		return -EINVAL;
	vid = station_vid(port, vid);
	if (!vlan_member(port->dp, vid))
		return error_set(err, EINVAL,
				 "fdb %s: port %s is not in VLAN %u; \"vsctl port show %s\" tells "
				 "its VLANs",
				 bridge_name, port_name, vid, port_name);
	key = switch_fdb_key(mac, vid);
	other = switch_fdb_static(sw, bridge, key);
	if (other != NULL && other != port)
		return error_set(err, EEXIST,
				 "fdb %s: mac %s is static behind port %s already; \"vsctl fdb del "
				 "%s mac %s\" first",
				 bridge_name, mac_format(mac->addr_bytes, text), other->config.name,
				 bridge_name, text);
	ret = fdb_set(bridge->dp->fdb, key, port->dp->id | FDB_DEST_STATIC, 0, switch_now());
	if (ret == -ENOSPC)
		return error_set(err, ENOSPC, "fdb %s: full: %u entries is the bridge's fdb-limit",
				 bridge_name, bridge->config.fdb_limit);
	if (ret < 0)
		return error_set(err, -ret, "fdb %s: no memory for another entry", bridge_name);
	return 0;
}

bool
switch_fdb_has(struct vswitch *sw, const char *bridge_name, const struct rte_ether_addr *mac,
	       uint16_t vid, const char *port_name)
{
	const struct switch_bridge *bridge = switch_bridge_find(sw, bridge_name);
	const struct switch_port *port = switch_port_find(sw, port_name);

	if (bridge == NULL || port == NULL || port->bridge != bridge)
		return false;
	return switch_fdb_static(sw, bridge, switch_fdb_key(mac, station_vid(port, vid))) == port;
}

/* In how many VLANs is a MAC known? @ret_vid: one of them. */
static unsigned int
switch_fdb_vids(const struct switch_bridge *bridge, const struct rte_ether_addr *mac,
		uint16_t *ret_vid)
{
	uint64_t word = switch_fdb_key(mac, 0) & FDB_MAC_MASK, key;
	uint32_t cursor = 0;
	unsigned int n = 0;

	while (fdb_next(bridge->dp->fdb, &cursor, &key) != NULL) {
		if ((key & FDB_MAC_MASK) != word)
			continue;
		*ret_vid = key >> FDB_VID_SHIFT & VLAN_VID_MASK;
		n++;
	}
	return n;
}

int
switch_fdb_del(struct vswitch *sw, const char *bridge_name, const struct rte_ether_addr *mac,
	       uint16_t vid, struct error *err)
{
	struct switch_bridge *bridge = switch_bridge_need(sw, bridge_name, err);
	char text[MAC_TEXT_SIZE];
	unsigned int n;

	if (bridge == NULL)
		return -ENOENT;
	mac_format(mac->addr_bytes, text);
	if (vid == FDB_VID_ANY) {
		n = switch_fdb_vids(bridge, mac, &vid);
		if (n > 1)
			return error_set(err, EINVAL,
					 "fdb %s: mac %s is in %u VLANs; say which by vid",
					 bridge_name, text, n);
		if (n == 0)
			return error_set(err, ENOENT, "fdb %s: no entry for mac %s", bridge_name,
					 text);
	}
	if (fdb_remove(bridge->dp->fdb, switch_fdb_key(mac, vid)) < 0)
		return error_set(err, ENOENT, "fdb %s: no entry for mac %s vid %u", bridge_name,
				 text, vid);
	return 0;
}

int
switch_fdb_flush(struct vswitch *sw, const char *bridge_name, const char *port_name,
		 struct error *err)
{
	struct switch_bridge *bridge = switch_bridge_need(sw, bridge_name, err);
	struct switch_port *port = NULL;

	if (bridge == NULL)
		return -ENOENT;
	if (port_name != NULL) {
		port = switch_fdb_port(sw, bridge, port_name, err);
		if (port == NULL)
			return -ENOENT;
	}
	fdb_flush(bridge->dp->fdb, port != NULL ? port->dp->id : FDB_DEST_NONE, false);
	return 0;
}

int
switch_fdb_read(struct vswitch *sw, const char *bridge_name, uint32_t *cursor,
		struct switch_fdb_row *rows, unsigned int n_rows, struct error *err)
{
	struct switch_bridge *bridge = switch_bridge_need(sw, bridge_name, err);
	uint32_t now = switch_now();
	unsigned int n = 0;
	uint64_t key;

	if (bridge == NULL)
		return -ENOENT;
	while (n < n_rows) {
		const struct fdb_entry *entry = fdb_next(bridge->dp->fdb, cursor, &key);
		struct switch_fdb_row *row = &rows[n];
		struct port *port;

		if (entry == NULL) {
			*cursor = 0;
			break;
		}
		port = datapath_port(sw->dp, entry->dest & FDB_DEST_PORT);
		if (port == NULL)
			continue;
		memcpy(row->mac.addr_bytes, &key, sizeof(row->mac.addr_bytes));
		row->vid = key >> FDB_VID_SHIFT & 0xfff;
		row->port = switch_port_of(sw, port)->config.name;
		row->is_static = entry->dest & FDB_DEST_STATIC;
		row->age =
			row->is_static || (int32_t)(now - entry->seen) < 0 ? 0 : now - entry->seen;
		n++;
	}
	return n;
}
