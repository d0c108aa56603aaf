/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of bonds (bond.c, bond_select.c, bond_announce.c, bond_arp.c) share with each
 * other alone.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_BOND_PRIV_H
#define VSWITCH_BOND_PRIV_H

#include <time.h>

#include "bond.h"

/* bond_msec() - milliseconds of CLOCK_MONOTONIC. */
static inline uint64_t
bond_msec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * UINT64_C(1000) + ts.tv_nsec / 1000000;
}

/* --- bond_select.c --- */

/* bond_update() - choose anew who takes part, and let workers know. @reason: for the operator. */
void bond_update(struct bond *bond, const char *reason);

/* bond_assign() - move buckets: @slots for all of them. */
void bond_assign(struct bond *bond, const uint8_t slots[LAG_BUCKETS], const char *reason);

/* bond_member_judge() - what became of linked and the ARP monitor's view. */
void bond_member_judge(struct bond_member *member, const char *reason);

/* --- bond_rebalance.c --- */

/* bond_rebalance_start() - start or stop the rounds, as the settings say. Return: 0 or -ENOMEM. */
int bond_rebalance_start(struct bond *bond);
void bond_rebalance_stop(struct bond *bond);

/* bond_rebalance_cancel() - members have changed: what was about to be moved stays. */
void bond_rebalance_cancel(struct bond *bond);

/*
 * bond_rebalance_plan() - one round.
 * @loads: bytes by bucket.
 * @slots: where the buckets are; changed to where they should be.
 * Return: how many have moved.
 */
unsigned int bond_rebalance_plan(const struct bond *bond, const uint64_t loads[LAG_BUCKETS],
				 uint8_t slots[LAG_BUCKETS]);

/* --- bond_announce.c --- */

/* bond_announcer_create() - quiet so far. Return: it, or NULL: no memory. */
struct bond_announcer *bond_announcer_create(struct bond *bond);
void bond_announcer_destroy(struct bond_announcer *announcer);

/*
 * bond_announce() - tell the network behind the bond where the stations are that it carries: at
 * once, and some times again. Does nothing while the bond is down.
 * @buckets: only stations in these; NULL: all.
 */
void bond_announce(struct bond_announcer *announcer, const bool buckets[LAG_BUCKETS]);

/* A walk through the stations; all zero at first. */
struct bond_cursor {
	uint32_t carrier; /* port id */
	uint32_t fdb;     /* of its bridge */
};

/* A station that the network behind the bond reaches by it. */
struct bond_station {
	uint8_t mac[6];
	uint16_t vid;                      /* on the bridge */
	uint16_t wire_vid;                 /* its tag beyond the bond; 0: none */
	const struct switch_port *at;      /* where it is */
	const struct switch_port *carrier; /* by which it leaves the bridge: the bond's port */
};

/* bond_station_next() - the next one. Return: false: there is no other. */
bool bond_station_next(const struct bond *bond, struct bond_cursor *cursor,
		       struct bond_station *ret_station);

/* bond_station_bucket() - its bucket in mode balance-slb. */
uint32_t bond_station_bucket(const struct bond_station *station);

/* bond_announced() - frames sent so far. */
uint64_t bond_announced(const struct bond_announcer *announcer);

/* --- bond_member.c --- */

struct bond_member *bond_member_find(const struct bond *bond, const char *name);

/* bond_refresh() - what the bond's port can carry is what all members can. */
void bond_refresh(struct bond *bond);

/* bond_member_tell_protocol() - what its link is like. */
void bond_member_tell_protocol(struct bond_member *member);

/* bond_member_set_mtu() - @mtu: 0: as it was before the bond set it. Return: 0 or -errno. */
int bond_member_set_mtu(struct bond_member *member, uint32_t mtu, struct error *err);

/*
 * bond_member_create() - a member that is not one yet: for that nothing can fail later. It is found
 * among the ports, or opened. Return: it, or NULL with @err filled; bond_member_free() it.
 */
struct bond_member *bond_member_create(struct bond *bond, const char *name, struct error *err);
void bond_member_free(struct bond_member *member);

/* bond_member_join() - from here on it is a member; bond_update() is to follow. */
void bond_member_join(struct bond_member *member);

/*
 * bond_member_leave() - it receives no more, and is not chosen any more; bond_update() and
 * bond_member_free() are to follow.
 */
void bond_member_leave(struct bond_member *member);

/* bond_member_set_punts() - what packets of it the control thread wants. */
void bond_member_set_punts(struct bond_member *member);

/* These two: the mode's protocol, if it has one. */
void bond_member_start_protocol(struct bond_member *member);
void bond_member_stop_protocol(struct bond_member *member);

/* --- bond_arp.c --- */

/* bond_arp_start() - start, change or stop the monitor, as the settings say. Return: 0, -ENOMEM. */
int bond_arp_start(struct bond *bond);
void bond_arp_stop(struct bond *bond);

/* bond_arp_link() - a member's link (after delays) has changed: it has to prove itself again. */
void bond_arp_link(struct bond_member *member);

#endif /* VSWITCH_BOND_PRIV_H */
