/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a port changes on an interface of the host (the MTU, and that it is up), so that the
 * interface can be given back as it was found.
 *
 * Only what was changed here is put back, and only if nobody else has changed it since: that shows
 * in link_change_seen(), which is told what the kernel reports, and once more at the end.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_LINK_CHANGE_H
#define VSWITCH_LINK_CHANGE_H

#include <stdbool.h>
#include <stdint.h>

struct netlink_link;
struct netlink_monitor;

/* All zero: nothing was changed. */
struct link_change {
	int ifindex;
	uint32_t mtu_before; /* 0: not changed */
	uint32_t mtu_set;
	bool set_up; /* it was down before */
};

/** link_change_mtu() - set the MTU of @link, which says what it is now. Return: 0 or -errno. */
int link_change_mtu(struct link_change *change, struct netlink_monitor *nl,
		    const struct netlink_link *link, uint32_t mtu);

/** link_change_own_mtu() - the MTU that @link, which says what it is now, had before, or has. */
uint32_t link_change_own_mtu(const struct link_change *change, const struct netlink_link *link);

/** link_change_up() - set @link up. Return: 0 or -errno. */
int link_change_up(struct link_change *change, struct netlink_monitor *nl,
		   const struct netlink_link *link);

/** link_change_seen() - forget what somebody else has changed. @link: what it is like now. */
void link_change_seen(struct link_change *change, const struct netlink_link *link);

/** link_change_undo() - put back what was changed, and forget it. Harmless if @link is gone. */
void link_change_undo(struct link_change *change, struct netlink_monitor *nl);

#endif /* VSWITCH_LINK_CHANGE_H */
