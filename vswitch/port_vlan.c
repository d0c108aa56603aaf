/* SPDX-License-Identifier: BSD-3-Clause */
#include "port_vlan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "mirrors.h"
#include "subport.h"
#include "switch_priv.h"

struct switch_port *
port_vlan_parent(const struct switch_port *port)
{
	const struct subport *subport = port->dp->priv;

	if (port->config.kind != PORT_KIND_VLAN || subport == NULL)
		return NULL;
	return switch_port_of(port->sw, subport->parent);
}

struct switch_port *
port_vlan_next(const struct switch_port *parent, const struct switch_port *last)
{
	const struct subport_table *table = parent->subports;
	uint16_t vid = last != NULL ? ((const struct subport *)last->dp->priv)->vid + 1 : 1;

	for (; table != NULL && vid <= VLAN_VID_MAX; vid++)
		if (table->ports[vid] != SUBPORT_NONE)
			return parent->sw->owners[table->ports[vid]];
	return NULL;
}

int
port_vlan_may_go(const struct switch_port *port, struct error *err)
{
	if (port->subports == NULL)
		return 0;
	return error_set(
		err, EBUSY, "port %s: %u VLAN port(s) such as %s are on it; delete them first",
		port->config.name, port->subports->n, port_vlan_next(port, NULL)->config.name);
}

int
port_vlan_may_have(const struct switch_port *port, const struct vlan_settings *vlan,
		   struct error *err)
{
	const struct switch_port *subport = port_vlan_next(port, NULL);

	if (subport == NULL)
		return 0;
	if (vlan->tpid == VLAN_TPID_NONE)
		return error_set(err, EBUSY,
				 "port %s: a tunnel has no VLANs to give away, and %s is one",
				 port->config.name, subport->config.name);
	if (vlan->untagged == 0 || vlan->untagged == VLAN_NONE ||
	    port->subports->ports[vlan->untagged] == SUBPORT_NONE)
		return 0;
	subport = port->sw->owners[port->subports->ports[vlan->untagged]];
	return error_set(err, EBUSY,
			 "port %s: VLAN %u cannot be that of its untagged frames: it is the port "
			 "%s",
			 port->config.name, vlan->untagged, subport->config.name);
}

/* The parent's own VLANs are those that are left. Without memory it keeps what it has. */
static void
vlan_settings_renew(struct switch_port *parent)
{
	const struct vlan_settings *vlan =
		switch_vlan_get(parent->sw, &parent->config.vlan, parent->subports);

	if (vlan != NULL)
		switch_vlan_apply(parent, vlan);
}

static int
vlan_parent_check(const struct switch_port *parent, const struct port_config *config,
		  struct error *err)
{
	const struct vlan_settings *vlan = parent->dp->vlan;

	if (parent->config.kind == PORT_KIND_VIF || parent->config.kind == PORT_KIND_VLAN)
		return error_set(err, EINVAL,
				 "port %s: its parent %s is of type %s, whose VLANs cannot be "
				 "ports of their own",
				 config->name, parent->config.name,
				 port_types[parent->config.kind]->name);
	if (parent->subports == NULL && parent->dp->demux != NULL)
		return error_set(err, EBUSY,
				 "port %s: its parent %s is a member of a bond; the bond has the "
				 "VLANs",
				 config->name, parent->config.name);
	if (parent->is_mirror_end) {
		mirror_end_is_busy(parent, err);
		return error_prefix(err, "port %s: ", config->name);
	}
	if (vlan->tpid == VLAN_TPID_NONE || vlan->untagged == config->parent_vid)
		return error_set(err, EBUSY,
				 "port %s: VLAN %u is that of the untagged frames of %s; see "
				 "\"vsctl port show %s\"",
				 config->name, config->parent_vid, parent->config.name,
				 parent->config.name);
	if (parent->subports != NULL && parent->subports->ports[config->parent_vid] != SUBPORT_NONE)
		return error_set(err, EEXIST, "port %s: VLAN %u of %s is the port %s already",
				 config->name, config->parent_vid, parent->config.name,
				 parent->sw->owners[parent->subports->ports[config->parent_vid]]
					 ->config.name);
	if (config->mtu > parent->dp->mtu)
		return error_set(err, EINVAL, "port %s: mtu %u: its parent %s has %u", config->name,
				 config->mtu, parent->config.name, parent->dp->mtu);
	return 0;
}

/* Static entries of the parent's in that VLAN would lead nowhere. */
static int
vlan_take(struct switch_port *parent, uint16_t vid, uint16_t id, struct error *err)
{
	struct subport_table *table = parent->subports;
	const struct vlan_settings *vlan;
	int ret;

	if (table == NULL)
		table = malloc(sizeof(*table));
	if (table == NULL)
		return error_set(err, ENOMEM, "no memory");
	if (parent->subports == NULL)
		subport_table_init(table);
	table->ports[vid] = id; /* as switch_vlan_get() is to see it; workers' turn is below */
	vlan = switch_vlan_get(parent->sw, &parent->config.vlan, table);
	table->ports[vid] = SUBPORT_NONE;
	if (vlan == NULL)
		ret = error_set(err, ENOMEM, "no memory");
	else
		ret = switch_vlan_may_leave(parent, vlan, err);
	if (ret < 0) {
		switch_vlan_put(parent->sw, vlan);
		if (parent->subports == NULL)
			free(table);
		return ret;
	}
	switch_vlan_apply(parent, vlan);
	subport_table_set(table, vid, id);
	if (parent->subports == NULL) {
		parent->subports = table;
		__atomic_store_n(&parent->dp->demux, &table->demux, __ATOMIC_RELEASE);
	}
	return 0;
}

static uint32_t
vlan_caps(const struct port *parent)
{
	return (parent->caps & PORT_CAP_TAGGED) ? parent->caps : 0;
}

/* Link, MTU and caps are the parent's. */
static void
vlan_follow(struct vswitch *sw, const struct switch_port *parent, struct switch_port *port)
{
	const uint32_t mtu = port->config.mtu;
	char reason[96] = "";

	port_mtu_set(port->dp, mtu != 0 ? RTE_MIN(mtu, parent->dp->mtu) : parent->dp->mtu);
	switch_port_caps(sw, port->dp, vlan_caps(parent->dp));
	if (!parent->dp->up)
		snprintf(reason, sizeof(reason), "%s is down", parent->config.name);
	else if (mtu > parent->dp->mtu)
		snprintf(reason, sizeof(reason), "mtu %u is set, but %s has %u", mtu,
			 parent->config.name, parent->dp->mtu);
	switch_port_status(sw, port->dp, parent->dp->up, reason);
}

void
port_vlan_follow(struct vswitch *sw, const struct switch_port *parent)
{
	struct switch_port *port = NULL;

	while ((port = port_vlan_next(parent, port)) != NULL)
		vlan_follow(sw, parent, port);
}

static int
port_vlan_open(struct port *port, const struct port_config *config, struct error *err)
{
	struct vswitch *sw = config->sw;
	struct switch_port *parent = switch_port_find(sw, config->parent);
	struct subport *subport;
	int ret;

	if (parent == NULL)
		return error_set(err, ENOENT, "port %s: there is no port %s whose VLAN %u it is",
				 config->name, config->parent, config->parent_vid);
	ret = vlan_parent_check(parent, config, err);
	if (ret < 0)
		return ret;
	if (posix_memalign((void **)&subport, RTE_CACHE_LINE_SIZE, sizeof(*subport)) != 0)
		return error_set(err, ENOMEM, "port %s: no memory for it", config->name);
	memset(subport, 0, sizeof(*subport));
	subport->parent = parent->dp;
	subport->vid = config->parent_vid;
	port->priv = subport;
	port->passed = subport->passed;
	port->n_rxq = 1;
	port->n_txq = PORT_QUEUES_MAX;
	memcpy(port->mac, parent->dp->mac, sizeof(port->mac));
	port->echo = parent->dp->echo;
	ret = vlan_take(parent, subport->vid, port->id, err);
	if (ret < 0) {
		port->priv = NULL;
		free(subport);
		return ret;
	}
	vlan_follow(sw, parent, switch_port_of(sw, port));
	return 0;
}

static void
port_vlan_close(struct port *port)
{
	free(port->priv);
	port->priv = NULL;
}

void
port_vlan_removed(struct vswitch *sw, struct switch_port *port)
{
	struct switch_port *parent = port_vlan_parent(port), *subport;
	struct subport_table *table;

	while ((subport = port_vlan_next(port, NULL)) != NULL)
		switch_port_remove(sw, subport);
	if (parent == NULL)
		return;
	table = parent->subports;
	subport_table_set(table, ((const struct subport *)port->dp->priv)->vid, SUBPORT_NONE);
	if (table->n == 0) {
		parent->subports = NULL;
		__atomic_store_n(&parent->dp->demux, NULL, __ATOMIC_RELEASE);
		rcu_retire(sw->rcu, &table->retired, free, table);
	}
	vlan_settings_renew(parent);
}

static int
port_vlan_set_mtu(struct port *port, uint32_t mtu, struct error *err)
{
	const struct subport *subport = port->priv;
	const struct port *parent = subport->parent;

	if (mtu == 0)
		port_mtu_set(port, parent->mtu);
	if (mtu <= parent->mtu)
		return 0;
	return error_set(err, EINVAL, "mtu %u: its parent has %u", mtu, parent->mtu);
}

/* It has no queue: what comes in is its parent's to give. */
static uint16_t
port_vlan_rx_burst(struct worker *worker, struct port *port, uint16_t queue, struct rte_mbuf **pkts,
		   uint16_t n)
{
	return 0;
}

static int
port_vlan_rx_fd(struct port *port, uint16_t queue)
{
	return -1;
}

const struct port_type port_type_vlan = {
	.name = "vlan",
	.wait = PORT_WAIT_FD,
	.hands_on = true,
	.open = port_vlan_open,
	.close = port_vlan_close,
	.set_mtu = port_vlan_set_mtu,
	.rx_burst = port_vlan_rx_burst,
	.tx_burst = subport_tx_burst,
	.rx_fd = port_vlan_rx_fd,
};
