/* SPDX-License-Identifier: BSD-3-Clause */
/* What is changed of a port while it is there. */
#include <errno.h>

#include "adopt.h"
#include "bond.h"
#include "error.h"
#include "nat_control.h"
#include "port_vif.h"
#include "port_vlan.h"
#include "routing.h"
#include "switch_priv.h"

static int
switch_port_set_mtu(struct switch_port *port, uint32_t mtu, struct error *err)
{
	int ret = 0;

	/* a bond's is the least of its members' */
	if (mtu == port->dp->mtu && port->config.kind != PORT_KIND_BOND)
		return 0;
	if (port->dp->type->set_mtu != NULL)
		ret = port->dp->type->set_mtu(port->dp, mtu, err);
	if (ret == 0) {
		port_mtu_set(port->dp, mtu);
		port_vlan_follow(port->sw, port);
	}
	bond_port_changed(port);
	return ret;
}

/* Back to the device's own. */
static int
switch_port_own_mtu(struct switch_port *port, struct error *err)
{
	int ret = 0;

	if (port->config.mtu == 0 || port->config.kind == PORT_KIND_VIF)
		return 0;
	if (port->dp->type->set_mtu != NULL)
		ret = port->dp->type->set_mtu(port->dp, 0, err);
	else
		port_mtu_set(port->dp, PORT_MTU_DEFAULT);
	if (ret == 0)
		port_vlan_follow(port->sw, port);
	bond_port_changed(port);
	return ret;
}

static void
switch_port_set_carrier(struct switch_port *port, bool off)
{
	if (!off) {
		switch_port_unshut(port);
		loop_port_reset(port);
	}
	if (port->config.carrier_off == off)
		return;
	port->config.carrier_off = off;
	__atomic_store_n(&port->dp->carrier_off, off, __ATOMIC_RELAXED);
	if (port->dp->type->set_carrier != NULL)
		port->dp->type->set_carrier(port->dp, !off);
	switch_port_judge(port);
}

static void
switch_port_set_checksum(struct switch_port *port, bool full)
{
	port->config.checksum_full = full;
	switch_port_apply_caps(port);
	port_vlan_follow(port->sw, port);
}

static void
switch_port_set_isolated(struct switch_port *port, bool isolated)
{
	port->config.isolated = isolated;
	__atomic_store_n(&port->dp->isolated, isolated, __ATOMIC_RELAXED);
}

static void
switch_port_set_floods(struct switch_port *port, uint8_t no_flood)
{
	port->config.no_flood = no_flood;
	__atomic_store_n(&port->dp->no_flood, no_flood, __ATOMIC_RELAXED);
}

static void
switch_port_set_hairpin(struct switch_port *port, bool hairpin)
{
	port->config.hairpin = hairpin;
	__atomic_store_n(&port->dp->hairpin, hairpin, __ATOMIC_RELAXED);
}

/* What snooping heeds of @fields. */
static void
switch_port_set_snoop(struct switch_port *port, unsigned int fields,
		      const struct port_config *config)
{
	if (fields & PORT_SET_MROUTER)
		port->config.mrouter = config->mrouter;
	if (fields & PORT_SET_FAST_LEAVE)
		port->config.fast_leave = config->fast_leave;
	if (fields & PORT_SET_GROUP_LIMIT)
		port->config.group_limit = config->group_limit;
	snoop_port_changed(port);
}

void
switch_port_apply(struct vswitch *sw, struct switch_port *port, unsigned int fields,
		  const struct port_config *config, const struct vlan_settings *vlan)
{
	if (fields & PORT_SET_VLAN) {
		port->config.vlan = config->vlan;
		switch_vlan_apply(port, vlan);
	}
	if (fields & PORT_SET_MTU)
		port->config.mtu = config->mtu;
	if (fields & PORT_SET_FDB_LIMIT)
		port->config.fdb_limit = config->fdb_limit;
	if (fields & PORT_SET_ISOLATED)
		switch_port_set_isolated(port, config->isolated);
	if (fields & PORT_SET_FLOOD)
		switch_port_set_floods(port, config->no_flood);
	if (fields & PORT_SET_HAIRPIN)
		switch_port_set_hairpin(port, config->hairpin);
	if (fields & PORT_SET_CHECKSUM)
		switch_port_set_checksum(port, config->checksum_full);
	if (fields & PORT_SET_PROXY)
		routing_set_proxy(port, config->proxy);
	if (fields & PORT_SET_NAT) {
		port->config.nat_sessions = config->nat_sessions;
		port->config.nat_rate = config->nat_rate;
		nat_control_changed(sw);
	}
	if (fields & PORT_SET_STP) {
		port->config.stp = config->stp;
		stp_port_changed(port);
		loop_port_changed(port);
	}
	switch_port_set_snoop(port, fields, config);
	if (fields & PORT_SET_CARRIER)
		switch_port_set_carrier(port, config->carrier_off);
}

/* What a device or xenstore may refuse: all of it, or nothing. */
static int
switch_port_set_device(struct switch_port *port, unsigned int fields,
		       const struct port_config *config, struct error *err)
{
	const uint32_t mtu = port->dp->mtu;
	int ret = 0;

	if (fields & PORT_SET_MTU)
		ret = config->mtu != 0 ? switch_port_set_mtu(port, config->mtu, err) :
					 switch_port_own_mtu(port, err);
	if (ret < 0 || !(fields & PORT_SET_RATE))
		return ret;
	ret = port_vif_set_rate(port, &config->rate, err);
	if (ret < 0)
		switch_port_set_mtu(port, mtu, NULL);
	return ret;
}

/* Static entries name the port's bridge and VLANs; they are the operator's: not lost in passing. */
static int
switch_port_may_move(const struct switch_port *port, struct error *err)
{
	if (port->bridge == NULL || fdb_port_statics(port->bridge->dp->fdb, port->dp->id) == 0)
		return 0;
	return error_set(
		err, EBUSY,
		"port %s: has static FDB entries on bridge %s; \"vsctl fdb del\" them first",
		port->config.name, port->bridge->name);
}

int
switch_port_prepare(struct vswitch *sw, struct switch_port *port, struct switch_bridge *bridge,
		    unsigned int fields, const struct port_config *config,
		    const struct vlan_settings **ret_vlan, struct error *err)
{
	const struct vlan_settings *vlan = NULL;
	int ret;

	if (fields & PORT_SET_STP) {
		ret = stp_port_config_check(&config->stp, port->config.name, err);
		if (ret < 0)
			return ret;
	}
	if (fields & PORT_SET_VLAN) {
		ret = switch_vlan_check(&config->vlan, port->config.name, err);
		if (ret < 0)
			return ret;
		vlan = switch_vlan_get(sw, &config->vlan, port->subports);
		if (vlan == NULL)
			return error_set(err, ENOMEM, "port %s: no memory for its VLANs",
					 port->config.name);
		ret = switch_vlan_may_leave(port, vlan, err);
		if (ret == 0)
			ret = port_vlan_may_have(port, vlan, err);
		if (ret < 0)
			goto err_vlan;
	}
	if (bridge != NULL && (ret = switch_port_announce(sw, port, bridge, err)) < 0)
		goto err_vlan;
	ret = switch_port_set_device(port, fields, config, err);
	if (ret < 0)
		goto err_bridge;
	*ret_vlan = vlan;
	return 0;

err_bridge:
	if (bridge != NULL)
		bridge_flood_remove(bridge->dp, sw->rcu, port->dp->id);
err_vlan:
	switch_vlan_put(sw, vlan);
	return ret;
}

/* The bridge that a change moves the port to; NULL: to none, or it stays. */
static int
switch_port_target(struct vswitch *sw, const struct switch_port *port, const char *name,
		   const struct port_config *config, struct switch_bridge **ret_bridge,
		   bool *ret_moves, struct error *err)
{
	struct switch_bridge *bridge = NULL;

	if (name != NULL) {
		bridge = switch_bridge_need(sw, name, err);
		if (bridge == NULL)
			return -ENOENT;
	} else if (port->config.kind == PORT_KIND_VIF && config->guest.mode == PORT_MODE_BRIDGE) {
		return error_set(
			err, EINVAL,
			"port %s: \"vsctl port del %s\" takes a guest's vif off its bridge",
			port->config.name, port->config.name);
	}
	if (bridge != NULL && port->member != NULL)
		return switch_port_is_member(port, err);
	*ret_moves = bridge != port->bridge;
	*ret_bridge = *ret_moves ? bridge : NULL;
	if (*ret_moves &&
	    (routing_may_go(port, err) < 0 || (bridge == NULL && adopt_may_go(sw, port, err) < 0)))
		return -EBUSY;
	return *ret_moves ? switch_port_may_move(port, err) : 0;
}

/* In route or NAT mode a port is on no bridge. */
static int
switch_port_check_mode(const struct switch_port *port, unsigned int fields, const char *bridge,
		       const struct guest_config *config, struct error *err)
{
	const bool moves = fields & PORT_SET_BRIDGE;

	if (!(fields & (PORT_SET_BRIDGE | PORT_SET_GUEST)))
		return 0;
	if (config->mode == PORT_MODE_BRIDGE || (moves ? bridge : (void *)port->bridge) == NULL)
		return 0;
	if (!(fields & PORT_SET_GUEST))
		return error_set(err, EBUSY,
				 "port %s: is in mode %s; give mode bridge as well to put it on a "
				 "bridge",
				 port->config.name,
				 config->mode == PORT_MODE_NAT ? "nat" : "route");
	return error_set(err, EBUSY,
			 "port %s: is on bridge %s; give bridge none as well to take it off",
			 port->config.name, moves ? bridge : port->bridge->name);
}

int
switch_port_set(struct vswitch *sw, const char *name, unsigned int fields, const char *bridge_name,
		const struct port_config *config, struct error *err)
{
	struct switch_port *port = switch_port_need(sw, name, err);
	const struct vlan_settings *vlan;
	struct switch_bridge *bridge = NULL;
	bool moves = false, was_guest;
	int ret;

	if (port == NULL)
		return -ENOENT;
	was_guest = guest_is(port);
	ret = switch_port_check_mode(port, fields, bridge_name, &config->guest, err);
	if (ret < 0)
		return ret;
	if (fields & PORT_SET_BRIDGE) {
		ret = switch_port_target(sw, port, bridge_name, config, &bridge, &moves, err);
		if (ret < 0)
			return ret;
	}
	if ((fields & PORT_SET_GUEST) && (ret = guest_begin(port, &config->guest, err)) < 0)
		return ret;
	ret = switch_port_prepare(sw, port, bridge, fields, config, &vlan, err);
	if (ret < 0) {
		if (fields & PORT_SET_GUEST)
			guest_abort(port, &config->guest);
		return ret;
	}
	/* nothing fails from here on */
	if (moves)
		switch_port_detach(sw, port);
	switch_port_apply(sw, port, fields, config, vlan);
	if (fields & PORT_SET_GUEST)
		guest_commit(port, &config->guest);
	if (bridge != NULL)
		switch_port_join(port, bridge);
	if (port->config.kind != PORT_KIND_VIF)
		return 0;
	if (port->bridge != NULL || guest_is(port))
		port_vif_attached(sw, port);
	else if (was_guest)
		port_vif_detached(sw, port);
	return 0;
}
