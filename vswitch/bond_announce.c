/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who is reached by a bond, and telling the network so.
 *
 * The stations of a bond are those that the FDBs of its bridges have behind other ports. When they
 * have moved to another member, a RARP is sent for each of them, in its VLAN, with the station as
 * the source: so the switches on the other side learn it where it is now. Of guests whose IP
 * addresses the toolstack has told, ARP and neighbour advertisements follow (announce.h).
 *
 * The first STEP_FIRST frames leave at once, the others STEP each millisecond, so that neither the
 * control thread nor the network is held up; all of it ROUNDS times, since RARP is not answered.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "announce.h"
#include "bond_priv.h"
#include "fdb.h"
#include "port_vif.h"
#include "port_vlan.h"
#include "vlan.h"

#define STEP_FIRST 256
#define STEP 64
#define STEP_USEC 1000

/* Between a round and the next. */
static const struct timeval pauses[] = { { .tv_usec = 200000 }, { .tv_usec = 600000 } };

struct bond_announcer {
	struct bond *bond;
	struct event *timer;
	struct bond_cursor cursor;
	bool buckets[LAG_BUCKETS]; /* those to announce */
	unsigned int round;        /* pauses made */
	bool busy;                 /* in a round, or between two */
	uint64_t sent;
};

/* --- stations --- */

/* Does the bond carry what leaves by a port? */
static bool
is_carried(const struct bond *bond, const struct switch_port *port)
{
	return port == bond->port || port_vlan_parent(port) == bond->port;
}

/* The VLAN of the tag that a frame wears beyond the bond; 0: none. */
static uint16_t
wire_vid(const struct switch_port *carrier, uint16_t vid)
{
	if (carrier->config.kind == PORT_KIND_VLAN)
		return carrier->config.parent_vid;
	return vid != carrier->dp->vlan->untagged ? vid : 0;
}

bool
bond_station_next(const struct bond *bond, struct bond_cursor *cursor, struct bond_station *ret)
{
	const struct vswitch *sw = bond->sw;

	for (; cursor->carrier < PORT_MAX; cursor->carrier++, cursor->fdb = 0) {
		const struct switch_port *carrier = sw->owners[cursor->carrier];
		const struct fdb_entry *entry;
		uint64_t key;

		if (carrier == NULL || carrier->bridge == NULL || !is_carried(bond, carrier))
			continue;
		while ((entry = fdb_next(carrier->bridge->dp->fdb, &cursor->fdb, &key)) != NULL) {
			const uint16_t vid = key >> FDB_VID_SHIFT & VLAN_VID_MASK;
			const uint32_t at = entry->dest & FDB_DEST_PORT;

			if (at == carrier->dp->id || !vlan_member(carrier->dp, vid) ||
			    at >= PORT_MAX || sw->owners[at] == NULL)
				continue;
			memcpy(ret->mac, &key, sizeof(ret->mac));
			ret->vid = vid;
			ret->wire_vid = wire_vid(carrier, vid);
			ret->at = sw->owners[at];
			ret->carrier = carrier;
			return true;
		}
	}
	return false;
}

uint32_t
bond_station_bucket(const struct bond_station *station)
{
	uint64_t mac = 0;

	memcpy(&mac, station->mac, sizeof(station->mac));
	return lag_bucket_source(mac, station->wire_vid);
}

/* --- announcing --- */

/* @address: NULL: RARP. */
static int
send_one(struct bond_announcer *announcer, const struct bond_station *station,
	 const struct announce_address *address)
{
	struct vswitch *sw = announcer->bond->sw;
	struct port *out = station->carrier->dp;
	struct rte_mbuf *pkt = rte_pktmbuf_alloc(sw->pool);
	uint8_t *frame;
	int ret = -ENOMEM;

	if (pkt == NULL)
		return -ENOMEM;
	frame = (uint8_t *)rte_pktmbuf_append(pkt, ANNOUNCE_FRAME_SIZE);
	if (frame == NULL)
		goto err;
	rte_pktmbuf_trim(pkt, ANNOUNCE_FRAME_SIZE - announce_frame(station->mac, address, frame));
	ret = vlan_egress(out->vlan, pkt, station->vid,
			  vlan_egress_change(out->vlan, pkt, station->vid));
	if (ret < 0)
		goto err;
	ret = worker_send(sw->dp->workers[out->rxq[0].worker], out, pkt);
	if (ret < 0)
		goto err;
	announcer->sent++;
	return 0;
err:
	rte_pktmbuf_free(pkt);
	return ret;
}

/* Return: frames sent, or -errno: try again. */
static int
announce_station(struct bond_announcer *announcer, const struct bond_station *station)
{
	const struct announce_address *addresses;
	unsigned int n = port_vif_addresses(station->at, station->mac, &addresses);
	int ret = send_one(announcer, station, NULL);

	for (unsigned int i = 0; i < n && ret == 0; i++)
		ret = send_one(announcer, station, &addresses[i]);
	return ret < 0 ? ret : (int)n + 1;
}

static bool
is_wanted(const struct bond_announcer *announcer, const struct bond_station *station)
{
	return station->carrier->dp->open && announcer->buckets[bond_station_bucket(station)];
}

/* Return: false: the round is over. */
static bool
announce_some(struct bond_announcer *announcer, int budget)
{
	struct bond_cursor before = announcer->cursor;
	struct bond_station station;

	while (budget > 0 && bond_station_next(announcer->bond, &announcer->cursor, &station)) {
		int n = is_wanted(announcer, &station) ? announce_station(announcer, &station) : 0;

		if (n < 0) { /* no room: begin with it next time */
			announcer->cursor = before;
			return true;
		}
		before = announcer->cursor;
		budget -= n;
	}
	return budget <= 0;
}

static void
announce_step(struct bond_announcer *announcer, int budget)
{
	static const struct timeval soon = { .tv_usec = STEP_USEC };

	if (announce_some(announcer, budget)) {
		evtimer_add(announcer->timer, &soon);
		return;
	}
	announcer->cursor = (struct bond_cursor){ 0 };
	announcer->busy = announcer->round < RTE_DIM(pauses);
	if (announcer->busy)
		evtimer_add(announcer->timer, &pauses[announcer->round++]);
}

static void
announce_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	announce_step(arg, STEP);
}

void
bond_announce(struct bond_announcer *announcer, const bool buckets[LAG_BUCKETS])
{
	if (!announcer->bond->port->dp->up)
		return;
	for (uint32_t b = 0; b < LAG_BUCKETS; b++) /* what is under way is not forgotten */
		announcer->buckets[b] =
			buckets == NULL || buckets[b] || (announcer->busy && announcer->buckets[b]);
	announcer->busy = true;
	announcer->round = 0;
	announcer->cursor = (struct bond_cursor){ 0 };
	announce_step(announcer, STEP_FIRST);
	/* a switch that snoops gives groups to the member where they were asked for */
	if (buckets == NULL)
		snoop_renew(announcer->bond->port);
}

uint64_t
bond_announced(const struct bond_announcer *announcer)
{
	return announcer->sent;
}

struct bond_announcer *
bond_announcer_create(struct bond *bond)
{
	struct bond_announcer *announcer = calloc(1, sizeof(*announcer));

	if (announcer == NULL)
		return NULL;
	announcer->bond = bond;
	announcer->timer = evtimer_new(bond->sw->base, announce_timer, announcer);
	if (announcer->timer != NULL)
		return announcer;
	free(announcer);
	return NULL;
}

void
bond_announcer_destroy(struct bond_announcer *announcer)
{
	if (announcer == NULL)
		return;
	event_free(announcer->timer);
	free(announcer);
}
