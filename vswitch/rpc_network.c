/* SPDX-License-Identifier: BSD-3-Clause */
/* The methods of networks: DHCP and DNS for guests. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "network.h"
#include "routing.h"
#include "rpc_methods_priv.h"
#include "rpc_params.h"

/* As it was checked when it was read. */
static struct ip_prefix
prefix_of(const struct object *obj)
{
	struct ip_prefix prefix = { 0 };

	ip_prefix_parse(obj->name, &prefix);
	return ip_prefix_net(&prefix);
}

static void
read_dns(const char *text, struct network_config *config)
{
	struct ip_addr addrs[NETWORK_DNS_MAX];
	int n = strcmp(text, "auto") == 0 ? 0 : ip_addrs_parse(text, addrs, NETWORK_DNS_MAX);

	config->n_dns = n > 0 ? (unsigned int)n : 0;
	for (unsigned int i = 0; i < config->n_dns; i++)
		memcpy(config->dns[i], addrs[i].bytes, 4);
}

/* Take what was given (all, when the network is new) over into @config. */
static void
config_read(const struct object *obj, bool is_new, struct network_config *config)
{
	const struct value *values = obj->values;

	if (is_new || values[NETWORK_KEY_DHCP].is_set)
		config->dhcp = values[NETWORK_KEY_DHCP].number;
	if (is_new || values[NETWORK_KEY_DOMAIN].is_set) {
		const char *domain = values[NETWORK_KEY_DOMAIN].text;

		snprintf(config->domain, sizeof(config->domain), "%.*s", LAN_DOMAIN_SIZE - 1,
			 strcmp(domain, "none") == 0 ? "" : domain);
	}
	if (is_new || values[NETWORK_KEY_LEASE].is_set)
		config->lease = (uint32_t)values[NETWORK_KEY_LEASE].number;
	if (is_new || values[NETWORK_KEY_RANGE].is_set) {
		config->range = (struct lan_range){ 0 };
		lan_range_parse(values[NETWORK_KEY_RANGE].text, &config->range);
	}
	if (is_new || values[NETWORK_KEY_DNS].is_set)
		read_dns(values[NETWORK_KEY_DNS].text, config);
}

int
rpc_network_make(struct vswitch *sw, const struct object *obj, struct error *err)
{
	const struct ip_prefix prefix = prefix_of(obj);
	struct network_config config = { 0 };

	if (sw->routing == NULL)
		return error_set(err, ENOTSUP, "there is no router here");
	config_read(obj, true, &config);
	return network_add(sw, &prefix, &config, err);
}

void
rpc_network_undo(struct vswitch *sw, const struct object *obj)
{
	const struct ip_prefix prefix = prefix_of(obj);

	network_del(sw, &prefix, NULL);
}

int
rpc_network_add(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct object obj;
	int ret;

	ret = rpc_params_read(params, &network_schema, VERB_ADD, NAME_REQUIRED, &obj, err);
	return ret < 0 ? ret : rpc_network_make(ctx, &obj, err);
}

int
rpc_network_del(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct ip_prefix prefix;
	struct object obj;
	int ret;

	ret = rpc_params_read(params, &network_schema, VERB_DEL, NAME_REQUIRED, &obj, err);
	if (ret < 0)
		return ret;
	prefix = prefix_of(&obj);
	return network_del(ctx, &prefix, err);
}

static int
unknown(const struct object *obj, struct error *err)
{
	return error_set(err, ENOENT,
			 "network %s: there is no such network; see \"vsctl network show\"",
			 obj->name);
}

int
rpc_network_set(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	const struct network *network;
	struct network_config config;
	struct network_info info;
	struct ip_prefix prefix;
	struct object obj;
	int ret;

	ret = rpc_params_read(params, &network_schema, VERB_SET, NAME_REQUIRED, &obj, err);
	if (ret < 0)
		return ret;
	prefix = prefix_of(&obj);
	network = network_find(ctx, &prefix);
	if (network == NULL)
		return unknown(&obj, err);
	network_info(ctx, network, &info);
	config = info.config;
	config_read(&obj, false, &config);
	return network_set(ctx, &prefix, &config, err);
}

/* --- show --- */

static json_t *
dotted_json(const uint8_t address[4])
{
	char text[INET_ADDRSTRLEN];

	return json_string(inet_ntop(AF_INET, address, text, sizeof(text)));
}

static json_t *
range_json(const struct lan_range *range)
{
	const uint32_t low = htonl(range->low), high = htonl(range->high);
	char first[INET_ADDRSTRLEN], last[INET_ADDRSTRLEN];

	if (range->low == 0)
		return json_null();
	return json_sprintf("%s-%s", inet_ntop(AF_INET, &low, first, sizeof(first)),
			    inet_ntop(AF_INET, &high, last, sizeof(last)));
}

static json_t *
leases_json(const struct vswitch *sw, const struct network *network)
{
	json_t *rows = json_array();
	const struct lease *leases = NULL;
	const unsigned int n = network_leases(sw, &leases);

	for (unsigned int i = 0; i < n; i++) {
		const struct lease *lease = &leases[i];

		if (!network_has_lease(network, lease))
			continue;
		json_array_append_new(
			rows,
			json_pack("{s:o, s:o, s:s?, s:o}", "address", dotted_json(lease->address),
				  "mac", rpc_mac_json(lease->mac), "name",
				  lease->name[0] != '\0' ? lease->name : NULL, "expires",
				  lease->expires != 0 ? json_integer(lease->expires) :
							json_null()));
	}
	return rows;
}

/* The ports by which guests of the network are reached. */
static json_t *
links_json(const struct vswitch *sw, const struct network *network)
{
	json_t *names = json_array();
	const struct switch_rif *rif = NULL;
	struct network_link link;

	while ((rif = rif_next(sw->routing, rif)) != NULL)
		if (network_link(sw, rif, &link) && link.network == network)
			json_array_append_new(names, json_string(rif->port->config.name));
	return names;
}

static json_t *
refused_json(const uint64_t *refusals)
{
	json_t *refused = json_object();

	for (int why = 0; why < NETWORK_REFUSALS; why++)
		json_object_set_new(refused, network_refusal_names[why],
				    json_integer((json_int_t)refusals[why]));
	return refused;
}

static json_t *
network_json(const struct vswitch *sw, const struct network *network)
{
	char prefix[IP_PREFIX_TEXT_SIZE];
	json_t *dns = json_array();
	struct network_info info;

	network_info(sw, network, &info);
	for (unsigned int i = 0; i < info.config.n_dns; i++)
		json_array_append_new(dns, dotted_json(info.config.dns[i]));
	return json_pack("{s:s, s:s, s:s?, s:I, s:o, s:o, s:o, s:o, s:o, s:s?, s:o}", "network",
			 ip_prefix_format(&info.prefix, prefix), "dhcp",
			 info.config.dhcp ? "on" : "off", "domain",
			 info.config.domain[0] != '\0' ? info.config.domain : NULL, "lease",
			 (json_int_t)info.config.lease, "range", range_json(&info.range), "dns",
			 dns, "links", links_json(sw, network), "leases", leases_json(sw, network),
			 "pid", info.pid != 0 ? json_integer(info.pid) : json_null(), "reason",
			 info.reason, "refused", refused_json(info.refusals));
}

int
rpc_network_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	const struct network *network = NULL;
	struct ip_prefix prefix;
	struct object obj;
	int ret;

	ret = rpc_params_read(params, &network_schema, VERB_SHOW, NAME_OPTIONAL, &obj, err);
	if (ret < 0)
		return ret;
	prefix = prefix_of(&obj);
	if (obj.name[0] != '\0' && network_find(ctx, &prefix) == NULL)
		return unknown(&obj, err);
	*ret_result = json_array();
	while ((network = network_next(ctx, network)) != NULL)
		if (obj.name[0] == '\0' || network == network_find(ctx, &prefix))
			json_array_append_new(*ret_result, network_json(ctx, network));
	return 0;
}
