/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the switch (switch.c, switch_port.c, switch_fdb.c) share with each other alone.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_SWITCH_PRIV_H
#define VSWITCH_SWITCH_PRIV_H

#include <stdio.h>
#include <time.h>

#include <event2/util.h>

#include "switch.h"

/* switch_now() - the seconds that FDB entries are stamped with; the same clock as the workers'. */
static inline uint32_t
switch_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return ts.tv_sec;
}

/* switch_bridge_need() - switch_bridge_find(), with @err filled if there is none. */
struct switch_bridge *switch_bridge_need(struct vswitch *sw, const char *name, struct error *err);

/* switch_port_remove() - take a port away from all, and close it after a grace period. */
void switch_port_remove(struct vswitch *sw, struct switch_port *port);

/* switch_learn() - event callback: take what workers have reported and punted. @arg: the switch. */
void switch_learn(evutil_socket_t fd, short what, void *arg);

#endif /* VSWITCH_SWITCH_PRIV_H */
