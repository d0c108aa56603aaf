/* SPDX-License-Identifier: BSD-3-Clause */
/* Guests' ports: what the port methods read and show of them. */
#include <string.h>

#include "guest.h"
#include "rpc_methods_priv.h"
#include "switch.h"

unsigned int
rpc_guest_read(const struct value *values, struct guest_config *config)
{
	const struct value *mode = &values[PORT_KEY_MODE], *ip = &values[PORT_KEY_IP],
			   *gateway = &values[PORT_KEY_GATEWAY];

	if (mode->is_set)
		config->mode = (uint8_t)mode->number;
	/* back in mode bridge a port has none of these, unless they are given by mistake */
	if (config->mode == PORT_MODE_BRIDGE)
		config->n_ips = config->n_gateways = 0;
	if (ip->is_set)
		guest_config_set_ips(config, ip->text);
	if (gateway->is_set)
		guest_config_set_gateways(config, gateway->text);
	return mode->is_set || ip->is_set || gateway->is_set ? PORT_SET_GUEST : 0;
}

void
rpc_guest_json(const struct guest_config *config, json_t *json)
{
	json_t *ips = json_array(), *gateways = json_array();
	char text[IP_PREFIX_TEXT_SIZE];

	json_object_set_new(json, "mode",
			    json_string(port_schema.keys[PORT_KEY_MODE].words[config->mode]));
	for (unsigned int i = 0; i < config->n_ips; i++)
		json_array_append_new(
			ips, json_string(ip_prefix_is_host(&config->ips[i]) ?
						 ip_addr_format(&config->ips[i].addr, text) :
						 ip_prefix_format(&config->ips[i], text)));
	for (unsigned int i = 0; i < config->n_gateways; i++)
		json_array_append_new(gateways,
				      json_string(ip_addr_format(&config->gateways[i], text)));
	json_object_set_new(json, "ip", ips);
	json_object_set_new(json, "gateway", gateways);
}
