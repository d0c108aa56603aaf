/* SPDX-License-Identifier: BSD-3-Clause */
/* The vif methods. */
#include <errno.h>
#include <string.h>

#include "error.h"
#include "netback.h"
#include "port_vif.h"
#include "rpc_methods_priv.h"
#include "rpc_params.h"
#include "switch.h"
#include "unknown.h"

static json_t *
vif_features_json(const struct vif_info *info)
{
	json_t *features = json_array();

	if (info->sg)
		json_array_append_new(features, json_string("sg"));
	if (info->csum_ipv4)
		json_array_append_new(features, json_string("csum-ipv4"));
	if (info->csum_ipv6)
		json_array_append_new(features, json_string("csum-ipv6"));
	if (info->gso_ipv4)
		json_array_append_new(features, json_string("gso-tcpv4"));
	if (info->gso_ipv6)
		json_array_append_new(features, json_string("gso-tcpv6"));
	if (info->ctrl_ring)
		json_array_append_new(features, json_string("ctrl-ring"));
	if (info->hash_types != 0)
		json_array_append_new(features, json_string("hash-toeplitz"));
	if (info->mcast_filter)
		json_array_append_new(features, json_sprintf("mcast-filter:%u", info->n_mcast));
	if (info->n_static_grants > 0)
		json_array_append_new(features,
				      json_sprintf("static-grants:%u", info->n_static_grants));
	return features;
}

/*
 * Counters as port show has them: rx is what came in from the guest, though the guest's ring for it
 * is called tx.
 */
static json_t *
vif_counters_json(const struct vif_info *info)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
			 "rx_packets", (json_int_t)info->tx_packets, "tx_packets",
			 (json_int_t)info->rx_packets, "rx_requests", (json_int_t)info->tx_requests,
			 "tx_requests", (json_int_t)info->rx_requests, "rx_errors",
			 (json_int_t)info->tx_errors, "tx_errors", (json_int_t)info->rx_errors,
			 "tx_full", (json_int_t)info->rx_full, "copies", (json_int_t)info->copies,
			 "copy_calls", (json_int_t)info->copy_calls, "notifies",
			 (json_int_t)info->notifies, "ring_errors", (json_int_t)info->ring_errors,
			 "copy_failures", (json_int_t)info->copy_failures);
}

/* What the guest has set up beyond its rings, and how it is used. */
static json_t *
vif_setup_json(const struct vif_info *info)
{
	return json_pack("{s:I, s:I, s:b, s:i, s:I, s:I, s:I, s:I}", "hash_types",
			 (json_int_t)info->hash_types, "hash_mapping_size",
			 (json_int_t)info->hash_mapping_size, "mcast_unknown", info->mcast_unknown,
			 "mcast_addresses", (int)info->n_mcast, "static_grants",
			 (json_int_t)info->n_static_grants, "static_copies",
			 (json_int_t)info->static_copies, "ctrl_requests",
			 (json_int_t)info->ctrl_requests, "direct_copies",
			 (json_int_t)info->direct_copies);
}

static json_t *
vif_json(const struct vif_info *info, const struct switch_port *port)
{
	const char *bridge = port != NULL && port->bridge != NULL ? port->bridge->name : NULL;
	char rate_text[RATE_TEXT_SIZE];
	json_t *json;

	json = json_pack("{s:s, s:i, s:I, s:s?, s:o, s:s, s:s, s:s, s:i, s:i, s:b, s:o}", "vif",
			 info->name, "domid", (int)info->domid, "devid", (json_int_t)info->devid,
			 "bridge", bridge, "mac", rpc_mac_json(info->mac), "state", info->state,
			 "frontend_state", info->frontend, "hotplug_status", info->hotplug,
			 "queues", (int)info->n_queues, "max_queues", (int)info->max_queues,
			 "split_event_channels", info->split_channels, "features",
			 vif_features_json(info));
	json_object_update_new(json, vif_setup_json(info));
	if (port != NULL)
		rpc_guest_json(&port->config.guest, json);
	json_object_set_new(json, "rate", json_string(rate_format(&info->rate, rate_text)));
	json_object_update_new(json, vif_counters_json(info));
	if (info->error[0] != '\0')
		json_object_set_new(json, "reason", json_string(info->error));
	return json;
}

int
rpc_vif_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct switch_port *port;
	struct vif_info info;
	const void *cursor = NULL;
	const char *bridge, *wanted;
	struct object obj;
	int ret;

	ret = rpc_params_read(params, &vif_schema, VERB_SHOW, NAME_OPTIONAL, &obj, err);
	if (ret < 0)
		return ret;
	wanted = obj.values[VIF_KEY_BRIDGE].text;
	if (*wanted != '\0' && switch_bridge_find(ctx, wanted) == NULL)
		return unknown_bridge(ctx, wanted, err);
	*ret_result = json_array();
	while (port_vif_info(ctx, &cursor, &info)) {
		port = switch_port_find(ctx, info.name);
		bridge = port != NULL && port->bridge != NULL ? port->bridge->name : NULL;
		if (obj.name[0] != '\0' && strcmp(obj.name, info.name) != 0)
			continue;
		if (*wanted != '\0' && (bridge == NULL || strcmp(bridge, wanted) != 0))
			continue;
		json_array_append_new(*ret_result, vif_json(&info, port));
	}
	if (obj.name[0] != '\0' && json_array_size(*ret_result) == 0)
		return unknown_vif(ctx, obj.name, err);
	return 0;
}
