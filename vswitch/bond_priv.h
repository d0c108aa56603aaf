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

/* --- bond_arp.c --- */

/* bond_arp_start() - start, change or stop the monitor, as the settings say. Return: 0, -ENOMEM. */
int bond_arp_start(struct bond *bond);
void bond_arp_stop(struct bond *bond);

/* bond_arp_link() - a member's link (after delays) has changed: it has to prove itself again. */
void bond_arp_link(struct bond_member *member);

#endif /* VSWITCH_BOND_PRIV_H */
