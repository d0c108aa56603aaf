/* SPDX-License-Identifier: BSD-3-Clause */
#include "guest_note.h"

#include <stdlib.h>

#include "guest.h"
#include "port_note.h"
#include "vif.h"

/* The value of a key as the schema reads it, or its default. Return: false: nonsense. */
static bool
read_value(const struct vif *vif, enum port_key index, struct value *ret_value)
{
	const struct schema_key *key = &port_schema.keys[index];
	char *text = vif_note_read(vif, key->name);
	const bool is_good =
		schema_parse_value(key, text != NULL ? text : key->def, ret_value, NULL) == 0;

	free(text);
	return is_good;
}

void
guest_note_read(const struct vif *vif, struct guest_config *ret_config)
{
	struct value mode, ips, gateways;

	*ret_config = (struct guest_config){ .mode = PORT_MODE_BRIDGE };
	if (!read_value(vif, PORT_KEY_MODE, &mode) || !read_value(vif, PORT_KEY_IP, &ips) ||
	    !read_value(vif, PORT_KEY_GATEWAY, &gateways) || mode.number == PORT_MODE_BRIDGE)
		return;
	ret_config->mode = (uint8_t)mode.number;
	guest_config_set_ips(ret_config, ips.text);
	guest_config_set_gateways(ret_config, gateways.text);
}

void
guest_note_write(struct vif *vif, const struct guest_config *config)
{
	static const struct guest_config none = { .mode = PORT_MODE_BRIDGE };
	const struct schema_key *keys = port_schema.keys;
	char list[VALUE_TEXT_SIZE];

	if (config == NULL)
		config = &none;
	port_note(vif, keys[PORT_KEY_MODE].name,
		  config->mode != PORT_MODE_BRIDGE ? keys[PORT_KEY_MODE].words[config->mode] :
						     NULL);
	port_note(vif, keys[PORT_KEY_IP].name,
		  config->n_ips > 0 ? guest_ips_text(config, list) : NULL);
	port_note(vif, keys[PORT_KEY_GATEWAY].name,
		  config->n_gateways > 0 ? guest_gateways_text(config, list) : NULL);
}
