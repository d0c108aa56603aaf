/* SPDX-License-Identifier: BSD-3-Clause */
/* Health of addresses: who has the same, and which move. */
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "health_priv.h"
#include "moves.h"
#include "port_vif.h"

struct mac_owner {
	uint8_t mac[6];
	const struct switch_port *port;
};

static int
owner_compare(const void *a, const void *b)
{
	return memcmp(((const struct mac_owner *)a)->mac, ((const struct mac_owner *)b)->mac, 6);
}

/*
 * Whose address is known: guests', by their configuration, and the host's own. A NIC may have that
 * of the tap that has what the host had there.
 */
static bool
owner_find(const struct switch_port *port, struct mac_owner *ret_owner)
{
	ret_owner->port = port;
	if (port->bridge == NULL || !port->dp->up)
		return false;
	if (port_vif_mac(port, ret_owner->mac))
		return true;
	memcpy(ret_owner->mac, port->dp->mac, sizeof(ret_owner->mac));
	return (port->config.kind == PORT_KIND_TAP || port->config.kind == PORT_KIND_GATEWAY) &&
	       switch_port_has_mac(port);
}

static void
mac_found(struct health_round *round, const struct mac_owner *owner, json_t *text)
{
	health_found(round, HEALTH_ERROR, owner->port->config.name, text,
		     switch_port_is_guest(owner->port) ?
			     json_string("give each guest a MAC of its own: \"mac=\" of vif in its "
					 "xl.cfg") :
			     json_string("give the guest another MAC"));
}

/* Does it send from another port than its own? */
static void
owner_seen(struct health_round *round, const struct mac_owner *owner)
{
	const struct switch_port *port = owner->port, *other;
	const struct fdb_table *table = fdb_table(&port->bridge->dp->table);
	const uint16_t vid = vlan_of(port->dp)->untagged;
	char text[MAC_TEXT_SIZE];
	const struct fdb_entry *entry;
	uint64_t mac = 0, key;
	uint32_t dest;

	memcpy(&mac, owner->mac, sizeof(owner->mac));
	key = fdb_key(mac, vid != VLAN_NONE ? vid : 0);
	entry = fdb_lookup(table, key, fdb_hash(table, key));
	dest = entry != NULL ? __atomic_load_n(&entry->dest, __ATOMIC_RELAXED) : FDB_DEST_GROUP;
	if ((dest & (FDB_DEST_GROUP | FDB_DEST_STATIC)) || (dest & FDB_DEST_PORT) == port->dp->id)
		return;
	other = round->sw->owners[dest & FDB_DEST_PORT];
	/* the emulated NIC beside a vif is the same guest's */
	if (other == NULL ||
	    strncmp(other->config.name, port->config.name, strlen(port->config.name)) == 0)
		return;
	mac_format(owner->mac, text);
	mac_found(round, owner,
		  json_sprintf("its MAC %s sends from port %s, too", text, other->config.name));
}

static void
owners_compare(struct health_round *round, const struct mac_owner *owners, uint32_t n)
{
	char text[MAC_TEXT_SIZE];

	for (uint32_t i = 0; i < n; i++)
		for (uint32_t j = i + 1; j < n && owner_compare(&owners[i], &owners[j]) == 0; j++) {
			if (owners[i].port->bridge != owners[j].port->bridge ||
			    vlan_of(owners[i].port->dp)->untagged !=
				    vlan_of(owners[j].port->dp)->untagged)
				continue;
			mac_format(owners[i].mac, text);
			mac_found(round, &owners[i],
				  json_sprintf("has the MAC of port %s, %s, on the same bridge %s",
					       owners[j].port->config.name, text,
					       owners[i].port->bridge->name));
		}
}

/* --- addresses that move --- */

static const char *
member(const json_t *json, const char *name)
{
	const char *text = json_string_value(json_object_get(json, name));

	return text != NULL ? text : "";
}

static void
moves_tell(struct health_round *round, const json_t *event, bool of_guests)
{
	const char *from = member(event, "from"), *to = member(event, "to");
	const struct switch_port *a = switch_port_find(round->sw, from);
	const struct switch_port *b = switch_port_find(round->sw, to);
	const long long n = json_integer_value(json_object_get(event, "moves"));

	if (n < MOVES_MIN || a == NULL || b == NULL || a->loop.blocked || b->loop.blocked ||
	    (switch_port_is_guest(a) && switch_port_is_guest(b)) != of_guests)
		return;
	if (of_guests)
		health_found(
			round, HEALTH_ERROR, to,
			json_sprintf("sends from MAC %s, as %s does: it has moved %lld times in "
				     "the last %d s",
				     member(event, "mac"), from, n, MOVES_SECONDS),
			json_string("give each guest a MAC of its own: \"mac=\" of vif in its "
				    "xl.cfg, or within the guest"));
	else
		health_found(
			round, HEALTH_WARNING, to,
			json_sprintf("station %s moves between it and %s: %lld times in the last "
				     "%d s",
				     member(event, "mac"), from, n, MOVES_SECONDS),
			json_sprintf("two stations with one MAC, or a loop outside: look behind "
				     "both; \"vsctl monitor %s\"",
				     member(event, "mac")));
}

static void
moves_check(struct health_round *round, bool of_guests)
{
	json_t *stations = moves_find(round->sw, NULL), *event;
	const char *key;

	json_object_foreach(stations, key, event)
		moves_tell(round, event, of_guests);
	json_decref(stations);
}

void
health_flapping(struct health_round *round)
{
	moves_check(round, false);
}

void
health_duplicate_mac(struct health_round *round)
{
	struct mac_owner *owners = calloc(PORT_MAX, sizeof(*owners));
	const struct switch_port *port;
	uint32_t n = 0;

	LIST_FOREACH(port, &round->sw->ports, list)
		if (owners != NULL && owner_find(port, &owners[n]))
			n++;
	if (n > 0)
		qsort(owners, n, sizeof(owners[0]), owner_compare);
	owners_compare(round, owners, n);
	for (uint32_t i = 0; i < n; i++)
		if (i == 0 || owner_compare(&owners[i - 1], &owners[i]) != 0)
			owner_seen(round, &owners[i]);
	free(owners);
	moves_check(round, true);
}
