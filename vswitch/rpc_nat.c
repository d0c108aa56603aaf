/* SPDX-License-Identifier: BSD-3-Clause */
/* The methods of NAT: rules, sessions, the table. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "nat_control.h"
#include "routing.h"
#include "rpc_methods_priv.h"
#include "rpc_params.h"
#include "unknown.h"

#define TEXT_POOL_MAX 512 /* bytes of a pool in a table */

static const uint8_t proto_numbers[NAT_PROTO_WORDS] = {
	[NAT_PROTO_TCP] = IPPROTO_TCP,         [NAT_PROTO_UDP] = IPPROTO_UDP,
	[NAT_PROTO_ICMP] = IPPROTO_ICMP,       [NAT_PROTO_GRE] = IPPROTO_GRE,
	[NAT_PROTO_ESP] = IPPROTO_ESP,         [NAT_PROTO_SCTP] = IPPROTO_SCTP,
	[NAT_PROTO_UDPLITE] = IPPROTO_UDPLITE,
};

static int
nat_need(const struct vswitch *sw, struct error *err)
{
	return sw->nat != NULL ? 0 : error_set(err, ENOTSUP, "there is no NAT here");
}

/* --- rules --- */

static void
name_copy(char ret_name[SWITCH_NAME_SIZE], const struct value *value)
{
	snprintf(ret_name, SWITCH_NAME_SIZE, "%.15s", value->text);
}

/* What says where to: masquerade, snat or dnat. */
static void
read_kind(const struct value *values, struct nat_rule_config *config)
{
	const char *fault;
	int n;

	if (values[NAT_RULE_KEY_MASQUERADE].is_set) {
		config->kind = NAT_RULE_MASQUERADE;
		name_copy(config->out, &values[NAT_RULE_KEY_MASQUERADE]);
	} else if (values[NAT_RULE_KEY_SNAT].is_set) {
		config->kind = NAT_RULE_SNAT;
		n = nat_pool_parse(values[NAT_RULE_KEY_SNAT].text, config->pool);
		config->n_pool = n > 0 ? (unsigned int)n : 0;
	} else if (values[NAT_RULE_KEY_DNAT].is_set) {
		config->kind = NAT_RULE_DNAT;
		nat_dnat_parse(values[NAT_RULE_KEY_DNAT].text, &config->dnat, &fault);
	}
}

/* Take what was given (all, when the rule is new) over into @config. It was checked when read. */
static void
config_read(const struct object *obj, bool is_new, struct nat_rule_config *config)
{
	const struct value *values = obj->values;
	int n;

	snprintf(config->name, sizeof(config->name), "%.15s", obj->name);
	read_kind(values, config);
	if (values[NAT_RULE_KEY_OUT].is_set)
		name_copy(config->out, &values[NAT_RULE_KEY_OUT]);
	if (values[NAT_RULE_KEY_GUEST].is_set)
		name_copy(config->guest, &values[NAT_RULE_KEY_GUEST]);
	if (values[NAT_RULE_KEY_FROM].is_set) {
		n = nat_nets_parse(values[NAT_RULE_KEY_FROM].text, config->from, NAT_NETS_MAX);
		config->n_from = n > 0 ? (unsigned int)n : 0;
	}
	if (is_new || values[NAT_RULE_KEY_PORTS].is_set)
		nat_ports_parse(values[NAT_RULE_KEY_PORTS].text, &config->port_low,
				&config->port_high);
	if (is_new || values[NAT_RULE_KEY_MAPPING].is_set)
		config->mapping = values[NAT_RULE_KEY_MAPPING].number;
	if (is_new || values[NAT_RULE_KEY_FILTERING].is_set)
		config->filtering = values[NAT_RULE_KEY_FILTERING].number;
}

int
rpc_nat_make(struct vswitch *sw, const struct object *obj, struct error *err)
{
	struct nat_rule_config config = { .port_low = 0 };
	int ret = nat_need(sw, err);

	if (ret < 0)
		return ret;
	config_read(obj, true, &config);
	return nat_rule_add(sw->nat, &config, err);
}

void
rpc_nat_undo(struct vswitch *sw, const struct object *obj)
{
	nat_rule_del(sw->nat, obj->name, NULL);
}

int
rpc_nat_add(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct object obj;
	int ret;

	ret = rpc_params_read(params, &nat_schema, VERB_ADD, NAME_REQUIRED, &obj, err);
	return ret < 0 ? ret : rpc_nat_make(ctx, &obj, err);
}

int
rpc_nat_del(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct vswitch *sw = ctx;
	struct object obj;
	int ret;

	ret = rpc_params_read(params, &nat_schema, VERB_DEL, NAME_REQUIRED, &obj, err);
	if (ret < 0 || (ret = nat_need(sw, err)) < 0)
		return ret;
	return nat_rule_del(sw->nat, obj.name, err);
}

/* Do the keys that are given belong to a rule of this kind? */
static int
set_check(const struct nat_rule *rule, const struct object *obj, struct error *err)
{
	static const struct {
		enum nat_rule_key key;
		unsigned int kinds; /* bits */
	} keys[] = {
		{ NAT_RULE_KEY_MASQUERADE, 1 << NAT_RULE_MASQUERADE },
		{ NAT_RULE_KEY_SNAT, 1 << NAT_RULE_SNAT },
		{ NAT_RULE_KEY_DNAT, 1 << NAT_RULE_DNAT },
		{ NAT_RULE_KEY_OUT, 1 << NAT_RULE_SNAT | 1 << NAT_RULE_DNAT },
		{ NAT_RULE_KEY_FROM, 1 << NAT_RULE_SNAT | 1 << NAT_RULE_MASQUERADE },
		{ NAT_RULE_KEY_GUEST, 1 << NAT_RULE_SNAT | 1 << NAT_RULE_MASQUERADE },
		{ NAT_RULE_KEY_PORTS, 1 << NAT_RULE_SNAT | 1 << NAT_RULE_MASQUERADE },
		{ NAT_RULE_KEY_MAPPING, 1 << NAT_RULE_SNAT | 1 << NAT_RULE_MASQUERADE },
		{ NAT_RULE_KEY_FILTERING, 1 << NAT_RULE_SNAT | 1 << NAT_RULE_MASQUERADE },
	};

	for (size_t i = 0; i < RTE_DIM(keys); i++)
		if (obj->values[keys[i].key].is_set && !(keys[i].kinds & 1U << rule->config.kind))
			return error_set(err, EINVAL, "nat %s: %s: it is a rule of kind %s",
					 obj->name, nat_schema.keys[keys[i].key].name,
					 nat_rule_kind_names[rule->config.kind]);
	return 0;
}

int
rpc_nat_set(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct nat_rule_config config;
	const struct nat_rule *rule;
	struct vswitch *sw = ctx;
	struct object obj;
	int ret;

	ret = rpc_params_read(params, &nat_schema, VERB_SET, NAME_REQUIRED, &obj, err);
	if (ret < 0 || (ret = nat_need(sw, err)) < 0)
		return ret;
	rule = nat_rule_find(sw->nat, obj.name);
	if (rule == NULL)
		return unknown_nat_rule(sw->nat, obj.name, err);
	ret = set_check(rule, &obj, err);
	if (ret < 0)
		return ret;
	config = rule->config;
	config_read(&obj, false, &config);
	return nat_rule_set(sw->nat, &config, err);
}

static json_t *
ip_json(uint32_t ip)
{
	char text[INET_ADDRSTRLEN];

	return ip != 0 ? json_string(inet_ntop(AF_INET, &ip, text, sizeof(text))) : json_null();
}

/* Addresses in a row as "first-last". */
static json_t *
pool_json(const struct nat_rule_config *config)
{
	char text[TEXT_POOL_MAX], addr[INET_ADDRSTRLEN];
	size_t len = 0;

	text[0] = '\0';
	for (unsigned int i = 0, end; i < config->n_pool && len < sizeof(text); i = end) {
		for (end = i + 1; end < config->n_pool; end++)
			if (ntohl(config->pool[end].s_addr) !=
			    ntohl(config->pool[i].s_addr) + (end - i))
				break;
		len += snprintf(text + len, sizeof(text) - len, "%s%s", i > 0 ? "," : "",
				inet_ntop(AF_INET, &config->pool[i], addr, sizeof(addr)));
		if (end > i + 1 && len < sizeof(text))
			len += snprintf(
				text + len, sizeof(text) - len, "-%s",
				inet_ntop(AF_INET, &config->pool[end - 1], addr, sizeof(addr)));
	}
	return json_string(text);
}

/* What only source NAT has. */
static void
source_json(const struct nat_rule *rule, json_t *json)
{
	const struct nat_rule_config *config = &rule->config;
	json_t *from = json_array();
	char text[IP_PREFIX_TEXT_SIZE];

	for (unsigned int i = 0; i < config->n_from; i++)
		json_array_append_new(from, json_string(ip_prefix_format(&config->from[i], text)));
	json_object_set_new(json, "from", from);
	snprintf(text, sizeof(text), "%u-%u", config->port_low, config->port_high);
	json_object_set_new(json, "ports", json_string(text));
	json_object_set_new(json, "guest",
			    config->guest[0] != '\0' ? json_string(config->guest) : json_null());
	json_object_set_new(
		json, "mapping",
		json_string(
			nat_table_schema.keys[NAT_TABLE_KEY_MAPPING].words[rule->state.mapping]));
	json_object_set_new(json, "filtering",
			    json_string(nat_table_schema.keys[NAT_TABLE_KEY_FILTERING]
						.words[rule->state.filtering]));
}

static json_t *
rule_json(const struct nat_rule *rule)
{
	const struct nat_rule_config *config = &rule->config;
	const struct nat_rule_state *state = &rule->state;
	char text[NAT_DNAT_TEXT_SIZE];
	json_t *json, *to;

	if (config->kind == NAT_RULE_SNAT)
		to = pool_json(config);
	else if (config->kind == NAT_RULE_DNAT)
		to = json_string(nat_dnat_format(&config->dnat, text));
	else
		to = ip_json(state->ext);
	json = json_pack("{s:s, s:s, s:s?, s:o, s:b, s:s?}", "nat", config->name, "kind",
			 nat_rule_kind_names[config->kind], "out",
			 state->out[0] != '\0'  ? state->out :
			 config->out[0] != '\0' ? config->out :
						  NULL,
			 "to", to, "active", state->reason[0] == '\0', "reason",
			 state->reason[0] != '\0' ? state->reason : NULL);
	if (config->kind == NAT_RULE_DNAT)
		json_object_set_new(json, "address", ip_json(state->ext));
	else
		source_json(rule, json);
	return json;
}

int
rpc_nat_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	const struct nat_rule *rule;
	struct vswitch *sw = ctx;
	struct object obj;
	int ret;

	ret = rpc_params_read(params, &nat_schema, VERB_SHOW, NAME_OPTIONAL, &obj, err);
	if (ret < 0 || (ret = nat_need(sw, err)) < 0)
		return ret;
	if (obj.name[0] != '\0' && nat_rule_find(sw->nat, obj.name) == NULL)
		return unknown_nat_rule(sw->nat, obj.name, err);
	*ret_result = json_array();
	TAILQ_FOREACH(rule, nat_rules_all(sw->nat), list)
		if (obj.name[0] == '\0' || strcmp(obj.name, rule->config.name) == 0)
			json_array_append_new(*ret_result, rule_json(rule));
	return 0;
}

/* --- sessions --- */

static void
net_filter(const struct value *value, uint32_t *ret_ip, uint8_t *ret_len)
{
	struct ip_prefix net;

	if (!value->is_set || nat_nets_parse(value->text, &net, 1) != 1)
		return;
	memcpy(ret_ip, net.addr.bytes, sizeof(*ret_ip));
	*ret_len = net.len;
}

static int
filter_read(struct vswitch *sw, const struct object *obj, struct nat_filter *ret_filter,
	    struct error *err)
{
	const struct value *values = obj->values;
	const struct switch_port *port;
	struct in_addr ext;

	*ret_filter = (struct nat_filter){
		.proto = proto_numbers[values[NAT_SESSIONS_KEY_PROTO].number],
		.port = htons((uint16_t)values[NAT_SESSIONS_KEY_PORT].number),
	};
	net_filter(&values[NAT_SESSIONS_KEY_INSIDE], &ret_filter->inside, &ret_filter->inside_len);
	net_filter(&values[NAT_SESSIONS_KEY_REMOTE], &ret_filter->remote, &ret_filter->remote_len);
	if (values[NAT_SESSIONS_KEY_EXT].is_set &&
	    addrs_parse(values[NAT_SESSIONS_KEY_EXT].text, &ext, 1) == 1)
		ret_filter->ext = ext.s_addr;
	if (!values[NAT_SESSIONS_KEY_GUEST].is_set)
		return 0;
	port = switch_port_find(sw, values[NAT_SESSIONS_KEY_GUEST].text);
	if (port == NULL)
		return unknown_port(sw, values[NAT_SESSIONS_KEY_GUEST].text, err);
	ret_filter->guest = port->dp->id + 1;
	return 0;
}

static json_t *
proto_json(uint8_t proto)
{
	for (unsigned int i = 1; i < NAT_PROTO_WORDS; i++)
		if (proto_numbers[i] == proto)
			return json_string(
				nat_sessions_schema.keys[NAT_SESSIONS_KEY_PROTO].words[i]);
	return json_sprintf("%u", proto);
}

static json_t *
port_json(const struct nat_session_info *info, uint16_t port)
{
	return port != 0 || info->inside_port != 0 ? json_integer(ntohs(port)) : json_null();
}

static json_t *
session_json(const struct vswitch *sw, const struct nat_session_info *info)
{
	const struct switch_port *port =
		info->guest != NAT_GUEST_NONE ? sw->owners[info->guest - 1] : NULL;
	const bool is_icmp = info->proto == IPPROTO_ICMP;

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:s?, s:I, s:I, s:I}", "proto",
			 proto_json(info->proto), "inside", ip_json(info->inside), "inside_port",
			 port_json(info, info->inside_port), "ext", ip_json(info->ext), "ext_port",
			 port_json(info, info->ext_port), "remote", ip_json(info->remote),
			 "remote_port", is_icmp ? json_null() : port_json(info, info->remote_port),
			 "state", info->state, "guest", port != NULL ? port->config.name : NULL,
			 "idle", (json_int_t)info->idle, "age", (json_int_t)info->age, "expires",
			 (json_int_t)info->expires);
}

static int
cursor_read(const struct value *value, uint32_t *ret_cursor, struct error *err)
{
	*ret_cursor = 0;
	if (value->is_set && sscanf(value->text, "%" SCNu32, ret_cursor) != 1)
		return error_set(err, EINVAL, "nat sessions: cursor: it is not from a reply");
	return 0;
}

int
rpc_nat_sessions(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct nat_session_info info;
	struct nat_filter filter;
	struct vswitch *sw = ctx;
	struct object obj;
	json_t *entries;
	uint32_t cursor;
	char next[16];
	int ret;

	ret = rpc_params_read(params, &nat_sessions_schema, VERB_SHOW, NAME_NONE, &obj, err);
	if (ret < 0 || (ret = nat_need(sw, err)) < 0 ||
	    (ret = filter_read(sw, &obj, &filter, err)) < 0 ||
	    (ret = cursor_read(&obj.values[NAT_SESSIONS_KEY_CURSOR], &cursor, err)) < 0)
		return ret;
	entries = json_array();
	ret = 0;
	for (uint64_t n = 0; n < obj.values[NAT_SESSIONS_KEY_LIMIT].number; n++) {
		ret = nat_table(sw->nat) != NULL ?
			      nat_session_next(nat_table(sw->nat), &cursor, &filter,
					       nat_control_now(), &info) :
			      0;
		if (ret != 1)
			break;
		json_array_append_new(entries, session_json(sw, &info));
	}
	snprintf(next, sizeof(next), "%" PRIu32, cursor);
	*ret_result = json_pack("{s:o, s:s?}", "entries", entries, "next", ret != 0 ? next : NULL);
	return 0;
}

int
rpc_nat_flush(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct nat_filter filter;
	struct vswitch *sw = ctx;
	struct object obj;
	int ret;

	ret = rpc_params_read(params, &nat_sessions_schema, VERB_FLUSH, NAME_NONE, &obj, err);
	if (ret < 0 || (ret = nat_need(sw, err)) < 0 ||
	    (ret = filter_read(sw, &obj, &filter, err)) < 0)
		return ret;
	return nat_flush(sw->nat, &filter, err);
}

bool
rpc_nat_flush_pending(void *ctx, const json_t *params)
{
	const struct vswitch *sw = ctx;

	return sw->nat != NULL && nat_flushing(sw->nat);
}

/* --- the table --- */

/* What are plain numbers. */
static uint32_t *
table_number(struct nat_table_config *config, enum nat_table_key key)
{
	switch (key) {
	case NAT_TABLE_KEY_SESSIONS_MAX:
		return &config->max_sessions;
	case NAT_TABLE_KEY_TCP_ESTABLISHED:
		return &config->timeouts.tcp_established;
	case NAT_TABLE_KEY_TCP_TRANSITORY:
		return &config->timeouts.tcp_transitory;
	case NAT_TABLE_KEY_UDP:
		return &config->timeouts.udp;
	case NAT_TABLE_KEY_UDP_NEW:
		return &config->timeouts.udp_new;
	case NAT_TABLE_KEY_ICMP:
		return &config->timeouts.icmp;
	case NAT_TABLE_KEY_OTHER:
		return &config->timeouts.other;
	case NAT_TABLE_KEY_GUEST_SESSIONS:
		return &config->guest_sessions;
	case NAT_TABLE_KEY_GUEST_RATE:
		return &config->guest_rate;
	default:
		return NULL;
	}
}

int
rpc_nat_table_make(struct vswitch *sw, const struct object *obj, struct error *err)
{
	struct nat_table_config config;
	int ret = nat_need(sw, err);

	if (ret < 0)
		return ret;
	config = *nat_table_get(sw->nat);
	for (unsigned int i = 0; i < NAT_TABLE_KEYS; i++) {
		uint32_t *number = table_number(&config, i);

		if (!obj->values[i].is_set)
			continue;
		if (number != NULL)
			*number = (uint32_t)obj->values[i].number;
		else if (i == NAT_TABLE_KEY_MAPPING)
			config.mapping = obj->values[i].number;
		else
			config.filtering = obj->values[i].number;
	}
	return nat_table_set(sw->nat, &config, err);
}

int
rpc_nat_table_set(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct object obj;
	int ret;

	ret = rpc_params_read(params, &nat_table_schema, VERB_SET, NAME_NONE, &obj, err);
	return ret < 0 ? ret : rpc_nat_table_make(ctx, &obj, err);
}

static json_t *
settings_json(const struct nat_table_config *config)
{
	struct nat_table_config copy = *config;
	json_t *json = json_object();
	char field[32];

	for (unsigned int i = 0; i < NAT_TABLE_KEYS; i++) {
		const struct schema_key *key = &nat_table_schema.keys[i];
		const uint32_t *number = table_number(&copy, i);
		json_t *value;

		if (number == NULL)
			value = json_string(key->words[i == NAT_TABLE_KEY_MAPPING ?
							       (unsigned int)copy.mapping :
							       (unsigned int)copy.filtering]);
		else if (*number == 0)
			value = json_null();
		else
			value = json_integer(*number);
		snprintf(field, sizeof(field), "%s", key->name);
		for (char *c = field; *c != '\0'; c++)
			if (*c == '-')
				*c = '_';
		json_object_set_new(json, field, value);
	}
	return json;
}

int
rpc_nat_table_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct nat_stats stats = { 0 };
	struct vswitch *sw = ctx;
	double per_session = 0;
	const struct nat *nat;
	size_t total = 0;
	struct object obj;
	int ret;

	ret = rpc_params_read(params, &nat_table_schema, VERB_SHOW, NAME_NONE, &obj, err);
	if (ret < 0 || (ret = nat_need(sw, err)) < 0)
		return ret;
	nat = nat_table(sw->nat);
	if (nat != NULL) {
		nat_stats_get(nat, &stats);
		nat_memory(nat, &per_session, &total);
	}
	*ret_result = json_pack(
		"{s:s, s:I, s:I, s:f, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
		"s:{s:I, s:I, s:I, s:I}, s:o}",
		"table", nat != NULL ? "in use" : "not made: there is no rule", "sessions",
		(json_int_t)(nat != NULL ? nat_count(nat) : 0), "sessions_max",
		(json_int_t)nat_table_get(sw->nat)->max_sessions, "bytes_per_session", per_session,
		"bytes_when_full", (json_int_t)total, "created", (json_int_t)stats.created, "out",
		(json_int_t)stats.out, "in", (json_int_t)stats.in, "hairpin",
		(json_int_t)stats.hairpin, "errors", (json_int_t)stats.errors, "fragments",
		(json_int_t)stats.fragments, "misses", (json_int_t)stats.misses, "refused",
		"guest_sessions", (json_int_t)stats.refused_sessions, "guest_rate",
		(json_int_t)stats.refused_rate, "full", (json_int_t)stats.refused_full, "ports",
		(json_int_t)stats.refused_ports, "set", settings_json(nat_table_get(sw->nat)));
	return 0;
}
