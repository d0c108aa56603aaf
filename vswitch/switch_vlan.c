/* SPDX-License-Identifier: BSD-3-Clause */
/* The VLANs of ports: what an operator says, and what workers see of it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agree.h"
#include "error.h"
#include "subport.h"
#include "switch_priv.h"
#include "vlans.h"

static_assert(VLANS_WORDS == VLAN_WORDS && VLANS_MAX == VLAN_VID_MAX, "sets of VLANs differ");

/* Settings that at least one port has. */
struct switch_vlan {
	LIST_ENTRY(switch_vlan) list;
	uint32_t refs;
	struct rcu_item retired;
	struct vlan_settings settings;
};

int
switch_vlan_check(const struct vlan_config *config, const char *name, struct error *err)
{
	const struct agree_vlans vlans = {
		.vid = config->vid,
		.tunnel = config->tunnel,
		.native = config->native,
		.trunk = config->trunk,
		.untagged = config->trunk && vlans_has(config->allowed, 0),
		.service = config->service,
	};

	return agree_vlans(&vlans, name, err);
}

bool
switch_vlan_equal(const struct vlan_config *a, const struct vlan_config *b)
{
	return a->vid == b->vid && a->tunnel == b->tunnel && a->native == b->native &&
	       a->trunk == b->trunk && a->service == b->service &&
	       (!a->trunk || memcmp(a->allowed, b->allowed, sizeof(a->allowed)) == 0);
}

static void
switch_vlan_build(const struct vlan_config *config, struct vlan_settings *settings)
{
	const uint16_t tpid = config->service ? VLAN_TPID_SERVICE_BE : VLAN_TPID_BE;

	if (config->vid != 0)
		vlan_set_access(settings, config->vid);
	else if (config->tunnel != 0)
		vlan_set_tunnel(settings, config->tunnel);
	else if (config->trunk)
		vlan_set_trunk(settings, config->allowed, config->native, tpid);
	else
		vlan_set_trunk(settings, vlan_default.allowed, 0, tpid);
}

static bool
vlan_settings_equal(const struct vlan_settings *a, const struct vlan_settings *b)
{
	return a->untagged == b->untagged && a->tpid == b->tpid && a->tagged == b->tagged &&
	       memcmp(a->allowed, b->allowed, sizeof(a->allowed)) == 0;
}

const struct vlan_settings *
switch_vlan_get(struct vswitch *sw, const struct vlan_config *config,
		const struct subport_table *subports)
{
	struct vlan_settings settings;
	struct switch_vlan *vlan;

	switch_vlan_build(config, &settings);
	for (unsigned int vid = 1; subports != NULL && vid <= VLAN_VID_MAX; vid++)
		if (subports->ports[vid] != SUBPORT_NONE)
			vlans_remove(settings.allowed, vid);
	if (vlan_settings_equal(&settings, &vlan_default))
		return &vlan_default;
	LIST_FOREACH(vlan, &sw->vlans, list) {
		if (!vlan_settings_equal(&settings, &vlan->settings))
			continue;
		vlan->refs++;
		return &vlan->settings;
	}
	vlan = calloc(1, sizeof(*vlan));
	if (vlan == NULL)
		return NULL;
	vlan->settings = settings;
	vlan->refs = 1;
	LIST_INSERT_HEAD(&sw->vlans, vlan, list);
	return &vlan->settings;
}

void
switch_vlan_put(struct vswitch *sw, const struct vlan_settings *settings)
{
	struct switch_vlan *vlan;

	if (settings == NULL || settings == &vlan_default)
		return;
	LIST_FOREACH(vlan, &sw->vlans, list)
		if (&vlan->settings == settings)
			break;
	if (vlan == NULL || --vlan->refs > 0)
		return;
	LIST_REMOVE(vlan, list);
	rcu_retire(sw->rcu, &vlan->retired, free, vlan);
}

/* Is an entry the port's, and of a VLAN that @vlan has not? */
static bool
switch_vlan_lost(const struct switch_port *port, const struct vlan_settings *vlan,
		 const struct fdb_entry *entry, uint64_t key)
{
	return (entry->dest & FDB_DEST_PORT) == port->dp->id &&
	       !vlan_allowed(vlan, key >> FDB_VID_SHIFT & VLAN_VID_MASK);
}

static void
switch_vlan_forget(const struct switch_port *port)
{
	struct fdb *fdb = port->bridge->dp->fdb;
	const struct fdb_entry *entry;
	uint32_t cursor = 0;
	uint64_t key;

	while (fdb_port_learnt(fdb, port->dp->id) > 0 &&
	       (entry = fdb_next(fdb, &cursor, &key)) != NULL)
		if (switch_vlan_lost(port, port->dp->vlan, entry, key))
			fdb_remove(fdb, key);
}

void
switch_vlan_apply(struct switch_port *port, const struct vlan_settings *vlan)
{
	const struct vlan_settings *old = port->dp->vlan;

	__atomic_store_n(&port->dp->vlan, vlan, __ATOMIC_RELEASE);
	switch_vlan_put(port->sw, old);
	if (vlan == old || port->bridge == NULL)
		return;
	switch_vlan_forget(port);
	snoop_port_reset(port);
}

int
switch_vlan_may_leave(const struct switch_port *port, const struct vlan_settings *vlan,
		      struct error *err)
{
	const struct fdb *fdb = port->bridge != NULL ? port->bridge->dp->fdb : NULL;
	const struct fdb_entry *entry;
	uint32_t cursor = 0;
	uint64_t key;

	if (fdb == NULL || fdb_port_statics(fdb, port->dp->id) == 0)
		return 0;
	while ((entry = fdb_next(fdb, &cursor, &key)) != NULL)
		if ((entry->dest & FDB_DEST_STATIC) && switch_vlan_lost(port, vlan, entry, key))
			return error_set(
				err, EBUSY,
				"port %s: has static FDB entries in VLAN %u; \"vsctl fdb del\" "
				"them first",
				port->config.name,
				(unsigned int)(key >> FDB_VID_SHIFT & VLAN_VID_MASK));
	return 0;
}

const char *
switch_vlan_text(const struct vlan_config *config, char *ret_text, size_t size)
{
	char list[VLANS_TEXT_SIZE], text[VLANS_TEXT_SIZE + 64] = "";
	int len = 0;

	if (config->vid != 0)
		len = snprintf(text, sizeof(text), "%u", config->vid);
	else if (config->tunnel != 0)
		len = snprintf(text, sizeof(text), "tunnel %u", config->tunnel);
	else if (config->trunk)
		len = snprintf(text, sizeof(text), "trunk %s",
			       vlans_format(config->allowed, list, sizeof(list)));
	if (config->native != 0)
		len += snprintf(text + len, sizeof(text) - len, " native %u", config->native);
	if (config->service)
		len += snprintf(text + len, sizeof(text) - len, "%s0x88a8", len > 0 ? " " : "");
	if ((size_t)len < size)
		snprintf(ret_text, size, "%s", text);
	else
		snprintf(ret_text, size, "%.*s...", (int)size - 4, text);
	return ret_text;
}
