/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Adopted NICs: what the host's IP has on a NIC that belongs to the switch is on a tap instead.
 *
 * How: a netdev port with the key `adopt` names a tap port. As long as the NIC is a port, the tap
 * has its MAC, its MTU, and all of its addresses, routes and the like (ip_move.h), which are moved
 * when the port is added, and moved back when it goes: when it is deleted, and when the daemon
 * stops, while the tap is still there. What somebody - ifupdown, a DHCP client that renews its
 * lease - gives the NIC later follows a moment after. If somebody deletes the tap, its port makes
 * it again, and it gets what was noted of the one before; or the NIC, if that goes first.
 *
 * The interface's alias says whose addresses a tap has. So what a daemon that was killed has left
 * is found: its successor goes on with it if its configuration says the same, and else, or if there
 * is no successor (adopt_recover()), it goes back to the NIC.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_ADOPT_H
#define VSWITCH_ADOPT_H

struct adoption;
struct error;
struct netlink_monitor;
struct port_config;
struct switch_port;
struct vswitch;

/**
 * adopt_port_add() - switch_port_add(), for ports that may adopt: all of it, or nothing
 *
 * At the start, when the tap may be still to come, adopt_start() does the rest.
 *
 * Return: as switch_port_add(), or -EINVAL, -EBUSY: the tap cannot be it; or what the kernel said.
 */
int adopt_port_add(struct vswitch *sw, const char *bridge, const struct port_config *config,
		   struct error *err);

/** adopt_start() - the ports of the configuration file are there. Return: 0 or -errno. */
int adopt_start(struct vswitch *sw, struct error *err);

/** adopt_stop() - give all back, while the workers still run: the daemon stops. */
void adopt_stop(struct vswitch *sw);

/* For switch_port.c: a port is about to be removed; it is off its bridge, and nobody polls it. */
void adopt_leaving(struct vswitch *sw, const struct switch_port *port);
void adopt_left(struct vswitch *sw, const struct switch_port *port);

/** adopt_may_go() - may a port be deleted? -EBUSY: it is a tap that has a NIC's addresses. */
int adopt_may_go(struct vswitch *sw, const struct switch_port *port, struct error *err);

/** adopt_of_tap() - the NIC whose addresses a tap has, or NULL. */
const char *adopt_of_tap(const struct vswitch *sw, const char *tap);

/**
 * adopt_recover() - give back what vswitchds that are no more have adopted
 * @sw: what its ports say is left alone; NULL: there is no switch
 */
void adopt_recover(const struct vswitch *sw, struct netlink_monitor *nl);

#endif /* VSWITCH_ADOPT_H */
