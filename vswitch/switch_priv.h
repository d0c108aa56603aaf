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

/*
 * switch_port_judge() - set anew what a port may do: by its link, by the operator, by a guard, by
 * the spanning tree, by a loop; and what is to be said of it.
 */
void switch_port_judge(struct switch_port *port);

/* switch_port_state() - by spanning tree and loop detection. */
enum port_state switch_port_state(const struct switch_port *port);

/*
 * switch_port_shut() - take a port out of use, whatever its link, until its link goes or the
 * operator sets carrier on. @reason: for the operator.
 */
void switch_port_shut(struct switch_port *port, const char *reason);
void switch_port_unshut(struct switch_port *port);

/* switch_port_is_guest() - is a guest behind it, which is not trusted? */
bool switch_port_is_guest(const struct switch_port *port);

/* switch_port_has_mac() - has it an address of its own? */
bool switch_port_has_mac(const struct switch_port *port);

/* switch_port_need() - switch_port_find(), or NULL with @err filled. */
struct switch_port *switch_port_need(struct vswitch *sw, const char *name, struct error *err);

/*
 * A port joins a bridge in two steps, so that what can fail comes before anything is changed:
 * switch_port_announce() - onto its flood list, where floods do not heed a port that is not (yet)
 *on the bridge. Return: 0 or -ENOMEM. switch_port_join() - onto the bridge.
 */
int switch_port_announce(struct vswitch *sw, struct switch_port *port, struct switch_bridge *bridge,
			 struct error *err);
void switch_port_join(struct switch_port *port, struct switch_bridge *bridge);

/* switch_port_detach() - off its bridge, if it is on one. */
void switch_port_detach(struct vswitch *sw, struct switch_port *port);

/*
 * switch_port_prepare() - what may fail of a change of settings that includes a move to a bridge:
 * all of it, or nothing.
 * @bridge: NULL: it does not move to one. @fields: enum port_set_fields.
 * @ret_vlan: with PORT_SET_VLAN, what workers are to see of config->vlan.
 * Return: 0 or -errno.
 */
int switch_port_prepare(struct vswitch *sw, struct switch_port *port, struct switch_bridge *bridge,
			unsigned int fields, const struct port_config *config,
			const struct vlan_settings **ret_vlan, struct error *err);

/* switch_port_apply() - what cannot fail of it. @vlan: of switch_port_prepare(). */
void switch_port_apply(struct vswitch *sw, struct switch_port *port, unsigned int fields,
		       const struct port_config *config, const struct vlan_settings *vlan);

/* switch_port_apply_caps() - have workers see the type's caps, less what the operator forbids. */
void switch_port_apply_caps(struct switch_port *port);

/* switch_port_is_member() - say that a port belongs to its bond. Return: -EBUSY. */
int switch_port_is_member(const struct switch_port *port, struct error *err);

/* switch_port_remove() - take a port away from all, and close it after a grace period. */
void switch_port_remove(struct vswitch *sw, struct switch_port *port);

/*
 * switch_vlan_check() - do the settings agree with each other? @name: of the port, for @err.
 * Return: 0 or -EINVAL.
 */
int switch_vlan_check(const struct vlan_config *config, const char *name, struct error *err);

/* switch_vlan_equal() - do they say the same? */
bool switch_vlan_equal(const struct vlan_config *a, const struct vlan_config *b);

/*
 * switch_vlan_get() - what workers are to see of settings, and a reference to it.
 * @subports: whose VLANs are not the port's own; NULL: none.
 * Return: settings for struct port.vlan, the same object for equal settings; NULL: no memory.
 */
const struct vlan_settings *switch_vlan_get(struct vswitch *sw, const struct vlan_config *config,
					    const struct subport_table *subports);

/* switch_vlan_put() - give a reference back; workers may still look at it. NULL is legal. */
void switch_vlan_put(struct vswitch *sw, const struct vlan_settings *vlan);

/*
 * switch_vlan_apply() - let a port have settings from now on, with the caller's reference to them.
 * What was learnt behind it in VLANs that it is in no more is forgotten.
 */
void switch_vlan_apply(struct switch_port *port, const struct vlan_settings *vlan);

/*
 * switch_vlan_may_leave() - may a port have these settings, by its static FDB entries?
 * Return: 0, or -EBUSY: one is in a VLAN that it would leave.
 */
int switch_vlan_may_leave(const struct switch_port *port, const struct vlan_settings *vlan,
			  struct error *err);

/* switch_learn() - event callback: take what workers have reported and punted. @arg: the switch. */
void switch_learn(evutil_socket_t fd, short what, void *arg);

#endif /* VSWITCH_SWITCH_PRIV_H */
