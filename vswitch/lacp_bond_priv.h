/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of LACP on bonds (lacp_bond.c, lacp_show.c) share with each other alone.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_LACP_BOND_PRIV_H
#define VSWITCH_LACP_BOND_PRIV_H

#include <jansson.h>

#include "bond.h"
#include "lacp.h"
#include "lacp_keepalive.h"
#include "lacp_state.h"

/* Of all bonds: sw->lacp. */
struct lacp_shared {
	struct lacp_state *state; /* NULL: the file cannot be had */
	struct lacp_keepalive *keepalive;
};

/* bond->protocol */
struct lacp_bond {
	struct bond *bond;
	struct lacp lacp; /* ports by slot */
	struct event *timer;
	uint64_t due;      /* ms: what the timer is set to; LACP_NEVER: it is not */
	uint64_t late_max; /* ms: how late the timer was, at most */
};

/* member->protocol */
struct lacp_member {
	struct bond_member *member;
	struct lacp_kept *kept;
	int cursor; /* lacp_state_put() */
	uint64_t tx_failures;
};

/* For "bond show". */
json_t *lacp_bond_show(const struct bond *bond);
json_t *lacp_member_show(const struct bond_member *member);

#endif /* VSWITCH_LACP_BOND_PRIV_H */
