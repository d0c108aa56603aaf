/* SPDX-License-Identifier: BSD-3-Clause */
#include "link_change.h"

#include <net/if.h>

#include "netlink.h"

/* Another interface has the name now: what was changed on the one before is of no use. */
static void
change_begin(struct link_change *change, const struct netlink_link *link)
{
	if (change->ifindex != link->ifindex)
		*change = (struct link_change){ .ifindex = link->ifindex };
}

int
link_change_mtu(struct link_change *change, struct netlink_monitor *nl,
		const struct netlink_link *link, uint32_t mtu)
{
	int ret;

	change_begin(change, link);
	if (mtu == link->mtu)
		return 0;
	ret = netlink_link_set_mtu(nl, link->ifindex, mtu);
	if (ret < 0)
		return ret;
	if (change->mtu_before == 0 || change->mtu_set != link->mtu)
		change->mtu_before = link->mtu;
	change->mtu_set = mtu;
	return 0;
}

uint32_t
link_change_own_mtu(const struct link_change *change, const struct netlink_link *link)
{
	if (change->ifindex != link->ifindex || change->mtu_before == 0 ||
	    change->mtu_set != link->mtu)
		return link->mtu;
	return change->mtu_before;
}

int
link_change_up(struct link_change *change, struct netlink_monitor *nl,
	       const struct netlink_link *link)
{
	int ret;

	change_begin(change, link);
	ret = netlink_link_set_up(nl, link->ifindex, true);
	if (ret == 0 && !(link->flags & IFF_UP))
		change->set_up = true;
	return ret;
}

void
link_change_seen(struct link_change *change, const struct netlink_link *link)
{
	if (link->ifindex != change->ifindex)
		return;
	if (link->mtu != change->mtu_set)
		change->mtu_before = 0;
	if (!(link->flags & IFF_UP))
		change->set_up = false;
}

void
link_change_undo(struct link_change *change, struct netlink_monitor *nl)
{
	struct netlink_link link;

	if (change->ifindex != 0 && netlink_link_get_index(nl, change->ifindex, &link) == 0) {
		link_change_seen(change, &link);
		if (change->mtu_before != 0)
			netlink_link_set_mtu(nl, link.ifindex, change->mtu_before);
		if (change->set_up)
			netlink_link_set_up(nl, link.ifindex, false);
	}
	*change = (struct link_change){ 0 };
}
