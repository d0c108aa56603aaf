/* SPDX-License-Identifier: BSD-3-Clause */
#include "port_note.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "guest_note.h"
#include "log.h"
#include "stp_note.h"
#include "store.h"
#include "switch.h"
#include "switch_priv.h"
#include "vif.h"
#include "vlans.h"

static uint32_t
note_read_u32(const struct vif *vif, const char *key, uint32_t max)
{
	char *text = vif_note_read(vif, key);
	uint32_t value = 0;

	if (text != NULL && (parse_u32(text, &value) < 0 || value > max))
		value = 0;
	free(text);
	return value;
}

static bool
note_is(const struct vif *vif, const char *key, const char *value)
{
	char *text = vif_note_read(vif, key);
	bool is = text != NULL && strcmp(text, value) == 0;

	free(text);
	return is;
}

/* As written by another version, or by hand: settings that contradict must not open anything. */
static void
note_read_vlan(const struct vif *vif, struct vlan_config *vlan)
{
	char *trunk = vif_note_read(vif, "trunk");
	struct error err;

	*vlan = (struct vlan_config){
		.vid = note_read_u32(vif, "vid", VLAN_VID_MAX),
		.tunnel = note_read_u32(vif, "tunnel", VLAN_VID_MAX),
		.native = note_read_u32(vif, "native", VLAN_VID_MAX),
		.service = note_is(vif, "tpid", "0x88a8"),
	};
	vlan->trunk = trunk != NULL && vlans_parse(trunk, vlan->allowed) == 0;
	free(trunk);
	if (switch_vlan_check(vlan, vif->name, &err) < 0) {
		log_line(LOG_WARNING, "%s; so say its notes in xenstore: nothing passes it",
			 err.msg);
		/* a trunk of no VLANs */
		*vlan = (struct vlan_config){ .trunk = true };
	}
}

char *
port_note_read(const struct vif *vif, struct port_config *config)
{
	char *bridge = vif_note_read(vif, "bridge");

	note_read_vlan(vif, &config->vlan);
	config->isolated = note_is(vif, "isolated", "yes");
	config->hairpin = note_is(vif, "hairpin", "yes");
	config->no_flood = note_read_u32(vif, "no-flood", UINT8_MAX);
	config->mtu = note_read_u32(vif, "mtu", PORT_MTU_MAX);
	config->fdb_limit = note_read_u32(vif, "fdb-limit", UINT32_MAX);
	config->carrier_off = note_is(vif, "carrier", "off");
	config->checksum_full = note_is(vif, "checksum", "full");
	stp_note_read(vif, &config->stp);
	config->fast_leave = note_is(vif, "fast-leave", "yes");
	config->mrouter = note_is(vif, "mrouter", "yes") ? MEMBERSHIP_ROUTER_YES :
			  note_is(vif, "mrouter", "no")  ? MEMBERSHIP_ROUTER_NO :
							   MEMBERSHIP_ROUTER_AUTO;
	config->group_limit = note_read_u32(vif, "group-limit", UINT32_MAX);
	config->nat_sessions = note_read_u32(vif, "nat-sessions", UINT32_MAX);
	config->nat_rate = note_read_u32(vif, "nat-rate", UINT32_MAX);
	guest_note_read(vif, &config->guest);
	if (config->guest.mode != PORT_MODE_BRIDGE) {
		free(bridge);
		bridge = NULL;
	}
	return bridge;
}

bool
port_note_has(const struct vif *vif, const char *key)
{
	char *text = vif_note_read(vif, key);

	free(text);
	return text != NULL;
}

void
port_note(struct vif *vif, const char *key, const char *value)
{
	char *old = vif_note_read(vif, key);
	bool same = old != NULL && value != NULL ? strcmp(old, value) == 0 : old == value;
	int ret = 0;

	free(old);
	if (!same)
		ret = vif_note_write(vif, key, value);
	if (ret < 0 && ret != -ENOENT)
		log_line(LOG_WARNING,
			 "%s: cannot note its %s in xenstore: %s; it will not be found "
			 "again after a restart",
			 vif->name, key, strerror(-ret));
}

static void
note_write_u32(struct vif *vif, const char *key, uint32_t value)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", value);
	port_note(vif, key, value != 0 ? text : NULL);
}

static void
note_write_vlan(struct vif *vif, const struct vlan_config *vlan)
{
	char list[VLANS_TEXT_SIZE];

	note_write_u32(vif, "vid", vlan->vid);
	note_write_u32(vif, "tunnel", vlan->tunnel);
	note_write_u32(vif, "native", vlan->native);
	port_note(vif, "trunk",
		  vlan->trunk ? vlans_format(vlan->allowed, list, sizeof(list)) : NULL);
	port_note(vif, "tpid", vlan->service ? "0x88a8" : NULL);
}

static const char *const mrouter_notes[] = {
	[MEMBERSHIP_ROUTER_AUTO] = NULL,
	[MEMBERSHIP_ROUTER_YES] = "yes",
	[MEMBERSHIP_ROUTER_NO] = "no",
};

void
port_note_write(struct vif *vif, const struct port_config *config, const char *bridge)
{
	port_note(vif, "bridge", bridge);
	guest_note_write(vif, &config->guest);
	note_write_vlan(vif, &config->vlan);
	port_note(vif, "isolated", config->isolated ? "yes" : NULL);
	port_note(vif, "hairpin", config->hairpin ? "yes" : NULL);
	note_write_u32(vif, "no-flood", config->no_flood);
	note_write_u32(vif, "mtu", config->mtu);
	note_write_u32(vif, "fdb-limit", config->fdb_limit);
	port_note(vif, "checksum", config->checksum_full ? "full" : NULL);
	stp_note_write(vif, &config->stp);
	port_note(vif, "fast-leave", config->fast_leave ? "yes" : NULL);
	port_note(vif, "mrouter", mrouter_notes[config->mrouter]);
	note_write_u32(vif, "group-limit", config->group_limit);
	note_write_u32(vif, "nat-sessions", config->nat_sessions);
	note_write_u32(vif, "nat-rate", config->nat_rate);
}

void
port_note_forget(struct vif *vif)
{
	static const char *const keys[] = {
		"bridge",     "vid",      "tunnel",      "native",       "tpid",      "trunk",
		"mtu",        "isolated", "hairpin",     "no-flood",     "fdb-limit", "checksum",
		"fast-leave", "mrouter",  "group-limit", "nat-sessions", "nat-rate",
	};

	for (size_t i = 0; i < RTE_DIM(keys); i++)
		port_note(vif, keys[i], NULL);
	stp_note_write(vif, NULL);
	guest_note_write(vif, NULL);
}
