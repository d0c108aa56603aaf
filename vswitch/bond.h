/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bonds: several ports (members) that are one port to bridges.
 *
 * A bond is an object of its own, and a port (kind PORT_KIND_BOND) of the same name, which is put
 * on bridges like any other. Its members are ports on no bridge. Packets go their way by lag.h;
 * here it is decided which members take part, and that is written into the next lag_table.
 *
 * A member is *usable* when its link is up, has been so for updelay, and the ARP monitor gets
 * answers (or is off). By mode:
 *  - active-backup: one usable member, the active one, sends and receives;
 *  - balance-slb, balance-xor: all usable members do;
 *  - lacp: those that the protocol (struct bond_protocol) has agreed on with the partner, by
 *    bond_member_negotiated(); or one member as in active-backup, by bond_fallback().
 * Buckets stay on their member as long as it may have them.
 *
 * Whenever stations of ours move to another member (or the bond comes up), the network is told by
 * RARP for every one of them, in their VLAN: see bond_announce.c.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_BOND_H
#define VSWITCH_BOND_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <jansson.h>

#include "lag.h"
#include "schema.h"
#include "switch.h"

struct bond_announcer;
struct bond_arp;
struct bond_protocol;
struct bond_rebalancer;
struct error;
struct event;

/* In the order of the words of the key "mode". */
enum bond_mode { BOND_ACTIVE_BACKUP, BOND_BALANCE_SLB, BOND_BALANCE_XOR, BOND_LACP, BOND_MODES };

/* Checked settings. */
struct bond_config {
	enum bond_mode mode;
	enum lag_hash hash;    /* of balance-xor and lacp */
	uint32_t updelay;      /* ms that a link must be up before it is used */
	uint32_t downdelay;    /* ms that a link must be down before it is given up */
	uint32_t rebalance;    /* balance-slb: seconds between rounds; 0: never */
	uint32_t arp_interval; /* ms between probes */
	uint16_t arp_vid;      /* VLAN tag of the probes; 0: none */
	uint8_t n_arp_targets; /* 0: no ARP monitor */
	uint8_t n_members;
	bool lacp_passive;  /* lacp: speak only when spoken to */
	bool lacp_fast;     /* want a LACPDU every second */
	bool lacp_fallback; /* to active-backup when no partner answers */
	uint8_t min_links;  /* lacp: fewer are none */
	uint16_t lacp_system_priority;
	uint16_t lacp_port_priority; /* of the first member; one more for each that follows */
	struct in_addr arp_targets[BOND_ARP_TARGETS_MAX];
	char members[LAG_MEMBERS_MAX][SWITCH_NAME_SIZE];
};

/* Which fields of a bond_config bond_set() takes. */
enum bond_set {
	BOND_SET_MODE = 1 << 0,
	BOND_SET_HASH = 1 << 1,
	BOND_SET_UPDELAY = 1 << 2,
	BOND_SET_DOWNDELAY = 1 << 3,
	BOND_SET_REBALANCE = 1 << 4,
	BOND_SET_ARP_TARGETS = 1 << 5,
	BOND_SET_ARP_INTERVAL = 1 << 6,
	BOND_SET_ARP_VID = 1 << 7,
	BOND_SET_MEMBERS = 1 << 8,
	BOND_SET_LACP = 1 << 9,
	BOND_SET_LACP_RATE = 1 << 10,
	BOND_SET_MIN_LINKS = 1 << 11,
	BOND_SET_FALLBACK = 1 << 12,
	BOND_SET_SYSTEM_PRIORITY = 1 << 13,
	BOND_SET_PORT_PRIORITY = 1 << 14,
};

struct bond_member {
	struct bond *bond;
	struct switch_port *port;
	struct lag_member *demux; /* workers see it */
	uint8_t slot;             /* its number in the bond: 0 .. LAG_MEMBERS_MAX - 1 */
	bool owned;               /* its port was opened for the bond, and goes with it */
	uint32_t mtu_before;      /* set of its port before the bond's was; 0: its own */
	uint32_t mtu_given;       /* by the bond; 0: none */
	bool carrier;             /* of the port, as seen last */
	bool linked;              /* carrier, after the delays */
	bool usable;              /* linked, and answered by ARP targets */
	bool collecting;          /* lacp: see bond_member_negotiated() */
	bool distributing;
	struct event *delay; /* until linked becomes carrier */
	uint64_t since;      /* ms of CLOCK_MONOTONIC: last change of usable */
	uint64_t failures;   /* times that it stopped being usable */
	bool arp_answers;    /* bond_arp.c: has got an answer lately */
	uint64_t arp_seen;   /* ms of CLOCK_MONOTONIC: the last one */
	void *protocol;      /* struct bond_protocol's part */
};

struct bond {
	LIST_ENTRY(bond) list;
	char name[SWITCH_NAME_SIZE];
	struct vswitch *sw;
	struct bond_config config;
	struct switch_port *port; /* its own */
	struct lag *lag;
	struct bond_member *members[LAG_MEMBERS_MAX]; /* by slot; NULL: none */
	struct bond_member *active;                   /* or NULL */
	bool fallback;                                /* lacp: see bond_fallback() */
	uint32_t moves;                               /* numbers lag_table.moved */
	uint64_t failovers;                 /* times that stations moved since a member failed */
	uint64_t last_change;               /* seconds of CLOCK_REALTIME; 0: never */
	char last_reason[96];               /* of the last change of members that carry something */
	struct bond_rebalancer *rebalancer; /* balance-slb; or NULL */
	uint64_t bucket_moves;              /* by rebalancing */
	struct bond_announcer *announcer;
	struct bond_arp *arp;                /* monitor; NULL: off */
	const struct bond_protocol *running; /* of the mode that runs; NULL: none */
	void *protocol;                      /* struct bond_protocol's part */
};

/**
 * struct bond_protocol - what a mode adds that talks to the other side (LACP: lacp.c).
 * @start: the bond begins to use it; its members follow by @member_start. Sets bond->protocol.
 * @stop: the bond uses it no more; all members are stopped before.
 * @configured: settings of the bond (bond->config) may have changed.
 * @member_start: sets member->protocol. The link is told by @member_link afterwards.
 * @member_stop: the member leaves.
 * @member_link: the member's link (after delays) is @up, with @mbps (0: not known).
 *	Also called at changes of speed.
 * @receive: a frame to 01:80:c2:00:00:02 came by the member; hostile, untagged or not.
 * @show, @member_show: fields for "bond show": a new object each.
 *
 * Members' state is given back by bond_member_negotiated(), which may be called from any of these.
 * Frames are sent by slow_send(bond->sw, member->port, ...).
 */
struct bond_protocol {
	int (*start)(struct bond *bond, struct error *err);
	void (*stop)(struct bond *bond);
	void (*configured)(struct bond *bond);
	int (*member_start)(struct bond_member *member, struct error *err);
	void (*member_stop)(struct bond_member *member);
	void (*member_link)(struct bond_member *member, bool up, uint32_t mbps, bool full_duplex);
	void (*receive)(struct bond_member *member, const uint8_t *frame, uint32_t len);
	json_t *(*show)(const struct bond *bond);
	json_t *(*member_show)(const struct bond_member *member);
};

/* By mode; NULL: the mode needs none. */
extern const struct bond_protocol *const bond_protocols[BOND_MODES];

/* --- for protocols --- */

/**
 * bond_member_negotiated() - what a member may do now, by its protocol. Takes effect at once.
 * @collecting: what comes in by it is the bond's.
 * @distributing: packets may leave by it.
 * @reason: for the operator, if something changes: "partner timed out".
 */
void bond_member_negotiated(struct bond_member *member, bool collecting, bool distributing,
			    const char *reason);

/**
 * bond_fallback() - no partner answers: go on as active-backup with the usable members, or stop
 * doing so.
 */
void bond_fallback(struct bond *bond, bool on, const char *reason);

/** bond_mac() - the bond's own MAC (its first member's): the system ID of a protocol. */
const uint8_t *bond_mac(const struct bond *bond);

/**
 * bond_receive() - for slow.c: a frame to 01:80:c2:00:00:02 was punted by a port.
 * Return: true if the port is a member whose bond's protocol has taken it.
 */
bool bond_receive(struct switch_port *port, const uint8_t *frame, uint32_t len);

/** bond_receive_arp() - for slow.c: ARP to the MAC of a port, for the ARP monitor. Hostile. */
void bond_receive_arp(struct switch_port *port, const uint8_t *frame, uint32_t len);

/* --- for an operator --- */

/**
 * bond_add() - make a bond and its port. Members that are no ports yet are opened (netdev, or eth
 * by PCI address).
 * @bridge: the bridge that its port is on; NULL: none yet.
 * Return: 0, -EEXIST, -EBUSY (a member is on a bridge or in another bond), -ENOENT, -EINVAL, or
 * what opening a member said.
 */
int bond_add(struct vswitch *sw, const char *name, const char *bridge,
	     const struct bond_config *config, struct error *err);

/** bond_del() - take it apart; ports that were there before stay. Return: 0 or -ENOENT, -EBUSY. */
int bond_del(struct vswitch *sw, const char *name, struct error *err);

/**
 * bond_set() - change settings while it runs: all, or nothing.
 * @fields: bits of enum bond_set: those of @config that are to be changed.
 * @active: member that is to become the active one; NULL: as it is.
 * Return: 0, or as bond_add().
 */
int bond_set(struct vswitch *sw, const char *name, unsigned int fields,
	     const struct bond_config *config, const char *active, struct error *err);

/** bond_sum_members() - add what the members have received and sent to @stats. */
void bond_sum_members(const struct bond *bond, struct port_stats *stats);

struct bond *bond_find(struct vswitch *sw, const char *name);

/* --- for the switch --- */

/** bond_port_changed() - link, caps or MTU of a port that is a member may have changed. */
void bond_port_changed(struct switch_port *port);

/** bond_port_removed() - a port is being removed: if it is a member, it is one no more. */
void bond_port_removed(struct switch_port *port);

/** bond_has_port() - is the port a member of a bond? */
bool bond_has_port(const struct switch_port *port);

/** bonds_destroy() - the daemon ends: take apart all bonds, before the ports go. */
void bonds_destroy(struct vswitch *sw);

#endif /* VSWITCH_BOND_H */
