/* SPDX-License-Identifier: BSD-3-Clause */
/* What the port methods read and show of VLANs, isolation, floods and hairpins. */
#include <string.h>

#include "port_vlan.h"
#include "rpc_methods_priv.h"
#include "schema.h"
#include "switch.h"
#include "vlans.h"

static const struct {
	enum port_key key;
	enum port_floods kind;
	const char *field; /* in JSON */
} floods[] = {
	{ PORT_KEY_FLOOD_UNKNOWN, PORT_FLOOD_UNKNOWN, "flood_unknown" },
	{ PORT_KEY_FLOOD_MULTICAST, PORT_FLOOD_MULTICAST, "flood_multicast" },
	{ PORT_KEY_FLOOD_BROADCAST, PORT_FLOOD_BROADCAST, "flood_broadcast" },
};

/* @all: also those that are not given, which are defaults. Return: enum port_set. */
static unsigned int
vlan_config_read(const struct value *values, bool all, struct vlan_config *vlan)
{
	const struct value *trunk = &values[PORT_KEY_TRUNK];
	const struct {
		enum port_key key;
		uint16_t *vid;
	} vids[] = {
		{ PORT_KEY_VID, &vlan->vid },
		{ PORT_KEY_NATIVE, &vlan->native },
		{ PORT_KEY_TUNNEL, &vlan->tunnel },
	};
	unsigned int fields = 0;

	for (size_t i = 0; i < RTE_DIM(vids); i++) {
		if (!all && !values[vids[i].key].is_set)
			continue;
		*vids[i].vid = values[vids[i].key].number;
		fields = PORT_SET_VLAN;
	}
	if (all || values[PORT_KEY_TPID].is_set) {
		vlan->service = values[PORT_KEY_TPID].number == TPID_SERVICE;
		fields = PORT_SET_VLAN;
	}
	if (all || trunk->is_set) {
		/* checked when it was read: the one text that is no list is "none" */
		vlan->trunk = vlans_parse(trunk->text, vlan->allowed) == 0;
		fields = PORT_SET_VLAN;
	}
	return fields;
}

static unsigned int
config_read(const struct value *values, bool all, struct port_config *config)
{
	unsigned int fields = vlan_config_read(values, all, &config->vlan);

	if (all || values[PORT_KEY_ISOLATED].is_set) {
		config->isolated = values[PORT_KEY_ISOLATED].number;
		fields |= PORT_SET_ISOLATED;
	}
	if (all || values[PORT_KEY_HAIRPIN].is_set) {
		config->hairpin = values[PORT_KEY_HAIRPIN].number;
		fields |= PORT_SET_HAIRPIN;
	}
	for (size_t i = 0; i < RTE_DIM(floods); i++) {
		if (!all && !values[floods[i].key].is_set)
			continue;
		config->no_flood &= ~floods[i].kind;
		if (!values[floods[i].key].number)
			config->no_flood |= floods[i].kind;
		fields |= PORT_SET_FLOOD;
	}
	return fields;
}

void
rpc_vlan_read(const struct value *values, struct port_config *config)
{
	config_read(values, true, config);
}

unsigned int
rpc_vlan_update(const struct value *values, struct port_config *config)
{
	return config_read(values, false, config);
}

static json_t *
vid_json(uint16_t vid)
{
	return vid != 0 ? json_integer(vid) : json_null();
}

/* Whose VLAN it is, or which of its VLANs are ports. */
static void
subports_json(const struct switch_port *port, json_t *json)
{
	const struct switch_port *subport = NULL;
	json_t *names;

	if (port->config.kind == PORT_KIND_VLAN) {
		json_object_set_new(json, "parent", json_string(port->config.parent));
		json_object_set_new(json, "parent_vid", json_integer(port->config.parent_vid));
	}
	if (port->subports == NULL)
		return;
	names = json_array();
	while ((subport = port_vlan_next(port, subport)) != NULL)
		json_array_append_new(names, json_string(subport->config.name));
	json_object_set_new(json, "subports", names);
}

void
rpc_vlan_json(const struct switch_port *port, json_t *json)
{
	const struct port_config *config = &port->config;
	const struct vlan_config *vlan = &config->vlan;
	char list[VLANS_TEXT_SIZE], text[VLAN_TEXT_SIZE];

	switch_vlan_text(vlan, text, sizeof(text));
	json_object_set_new(json, "vlan", text[0] != '\0' ? json_string(text) : json_null());
	json_object_set_new(json, "vid", vid_json(vlan->vid));
	vlans_format(vlan->allowed, list, sizeof(list));
	json_object_set_new(json, "trunk", vlan->trunk ? json_string(list) : json_null());
	json_object_set_new(json, "native", vid_json(vlan->native));
	json_object_set_new(json, "tunnel", vid_json(vlan->tunnel));
	json_object_set_new(json, "tpid", json_string(vlan->service ? "0x88a8" : "0x8100"));
	json_object_set_new(json, "isolated", json_boolean(config->isolated));
	json_object_set_new(json, "hairpin", json_boolean(config->hairpin));
	for (size_t i = 0; i < RTE_DIM(floods); i++)
		json_object_set_new(json, floods[i].field,
				    json_boolean(!(config->no_flood & floods[i].kind)));
	subports_json(port, json);
}
