/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bridge: learning and forwarding of one burst (IEEE 802.1Q clause 8).
 *
 * Learning: a source that is not in the FDB, or leads elsewhere, is reported to the control thread
 * through the worker's event ring; the control thread enters it. Until then frames to it are
 * flooded. Forwarding: one lookup per packet; unknown unicast, multicast and broadcast go to the
 * flood list.
 *
 * Thread-safety: struct bridge is written by the control thread, read by workers between two
 * quiescent states. bridge_burst() is for workers; the rest for the control thread.
 */
#ifndef DATAPATH_BRIDGE_H
#define DATAPATH_BRIDGE_H

#include "fdb.h"
#include "port.h"
#include "rcu.h"

struct group_table;
struct worker;

/*
 * A loop probe, as far as a worker tells one of its bridge's own from all else: this destination
 * and Ethertype, and eight bytes behind it the bridge's probe_id (protocol/loop_probe.h). In the
 * destination only "locally administered" differs from the reserved addresses, so that one
 * comparison finds both.
 */
#define BRIDGE_PROBE_MAC UINT64_C(0x0f0000c28003) /* 03:80:c2:00:00:0f in a little-endian word */
#define BRIDGE_PROBE_ETHERTYPE 0x88b5
#define BRIDGE_PROBE_ID_OFFSET 8

/* Ports that a flood goes to. Immutable once published. */
struct flood_list {
	struct rcu_item retired;
	uint32_t n;
	uint16_t ports[]; /* port ids */
};

struct bridge {
	uint16_t id;                /* constant */
	struct fdb_table *table;    /* control: rw (release), worker: ro */
	struct flood_list *floods;  /* control: rw (release), worker: ro; never NULL */
	struct group_table *groups; /* control: rw (release), worker: ro; NULL: none yet */
	uint64_t probe_id;          /* constant: random number in its loop probes */
	bool snooping;              /* look at what goes to groups (group.h); control: rw */
	struct fdb *fdb;            /* control only, as what follows */
	uint32_t n_groups;
	uint32_t next_group; /* where to look for a free place in groups */
	struct rcu_item retired;
};

/* Worker -> control: @key was seen as a source on a port. */
struct learn_event {
	uint64_t key;
	uint16_t port;
	uint16_t generation; /* of the port */
	uint16_t bridge;
	uint16_t pad;
};

/**
 * bridge_burst() - forward a burst that came in by a port on this bridge.
 * @pkts: canonical form (port.h); each is sent, queued for its ports, or dropped with a reason.
 * @n: 1 .. PORT_BURST_MAX.
 */
void bridge_burst(struct worker *worker, struct bridge *bridge, struct port *in,
		  struct rte_mbuf **pkts, uint16_t n);

/**
 * bridge_pass() - forward a packet that the control thread has taken and looked at: as its port's
 * VLANs and state have it, but wherever its destination is. Worker.
 * @in: the port that it came in by, on this bridge.
 * @out: the port that it goes to; NULL: all others.
 */
void bridge_pass(struct worker *worker, struct bridge *bridge, struct port *in, struct port *out,
		 struct rte_mbuf *pkt);

/**
 * bridge_send() - send an untagged frame of the switch's own in a VLAN, with the tag it needs at
 * each port; ports that do not forward are left out. Worker.
 * @vid: 0 .. 4094.
 */
void bridge_send(struct worker *worker, const struct bridge *bridge, struct rte_mbuf *pkt,
		 uint16_t vid);

/**
 * bridge_create() - a bridge without ports.
 * @id: differs between bridges of one datapath.
 * @fdb_limit: entries, 1 .. FDB_LIMIT_MAX.
 * Return: the bridge, or NULL with errno ENOMEM.
 */
struct bridge *bridge_create(uint16_t id, struct rcu *rcu, uint32_t fdb_limit);

/** bridge_destroy() - free a bridge no worker can see. NULL is legal. Fits rcu_retire(). */
void bridge_destroy(void *bridge);

/**
 * bridge_flood_add() - add a port to the flood list, or bridge_flood_remove() take it off.
 * Return: 0 or -ENOMEM.
 */
int bridge_flood_add(struct bridge *bridge, struct rcu *rcu, uint16_t port_id);
int bridge_flood_remove(struct bridge *bridge, struct rcu *rcu, uint16_t port_id);

#endif /* DATAPATH_BRIDGE_H */
