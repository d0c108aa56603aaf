/* SPDX-License-Identifier: BSD-3-Clause */
/* The methods of mirrors. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "mirrors.h"
#include "rpc_methods_priv.h"
#include "rpc_params.h"
#include "unknown.h"

static void
direction_read(const struct value *value, struct mirror_config *config)
{
	config->in = value->number != MIRROR_DIRECTION_OUT;
	config->out = value->number != MIRROR_DIRECTION_IN;
}

static void
config_read(const struct object *obj, struct mirror_config *config)
{
	const struct value *values = obj->values;

	*config = (struct mirror_config){
		.vlan = values[MIRROR_KEY_VLAN].number,
		.length = values[MIRROR_KEY_SNAPLEN].number,
		.kind = values[MIRROR_KEY_VXLAN].is_set ? MIRROR_TO_VXLAN :
			values[MIRROR_KEY_IPFIX].is_set ? MIRROR_TO_IPFIX :
							  MIRROR_TO_PORT,
		.vxlan.vni = values[MIRROR_KEY_VNI].number,
		.vxlan.port = values[MIRROR_KEY_VXLAN_PORT].number,
		.ipfix_timeout = values[MIRROR_KEY_IPFIX_TIMEOUT].number,
	};
	direction_read(&values[MIRROR_KEY_DIRECTION], config);
	snprintf(config->name, sizeof(config->name), "%.15s", obj->name);
	snprintf(config->port, sizeof(config->port), "%.15s", values[MIRROR_KEY_PORT].text);
	snprintf(config->bridge, sizeof(config->bridge), "%.15s", values[MIRROR_KEY_BRIDGE].text);
	snprintf(config->to, sizeof(config->to), "%.15s", values[MIRROR_KEY_TO].text);
	snprintf(config->ipfix, sizeof(config->ipfix), "%.255s", values[MIRROR_KEY_IPFIX].text);
	if (config->kind == MIRROR_TO_VXLAN)
		ip_addrs_parse(values[MIRROR_KEY_VXLAN].text, &config->vxlan.remote, 1);
}

int
rpc_mirror_make(struct vswitch *sw, const struct object *obj, struct error *err)
{
	struct mirror_config config;

	config_read(obj, &config);
	return mirror_add(sw, &config, err);
}

int
rpc_mirror_add(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct object obj;
	int ret;

	ret = rpc_params_read(params, &mirror_schema, VERB_ADD, NAME_REQUIRED, &obj, err);
	return ret < 0 ? ret : rpc_mirror_make(ctx, &obj, err);
}

int
rpc_mirror_del(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct object obj;
	int ret;

	ret = rpc_params_read(params, &mirror_schema, VERB_DEL, NAME_REQUIRED, &obj, err);
	return ret < 0 ? ret : mirror_del(ctx, obj.name, err);
}

int
rpc_mirror_set(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	const struct mirror_config *old;
	const struct value *values;
	struct mirror_config config;
	struct object obj;
	int ret;

	ret = rpc_params_read(params, &mirror_schema, VERB_SET, NAME_REQUIRED, &obj, err);
	if (ret < 0)
		return ret;
	old = mirror_find(ctx, obj.name);
	if (old == NULL)
		return unknown_mirror(ctx, obj.name, err);
	config = *old;
	values = obj.values;
	if (values[MIRROR_KEY_DIRECTION].is_set && config.bridge[0] != '\0' &&
	    values[MIRROR_KEY_DIRECTION].number != MIRROR_DIRECTION_BOTH)
		return error_set(err, EINVAL,
				 "mirror %s: direction is for a port's mirror, not a bridge's",
				 obj.name);
	if (values[MIRROR_KEY_SNAPLEN].number != 0 && config.kind == MIRROR_TO_IPFIX)
		return error_set(err, EINVAL,
				 "mirror %s: snaplen is not for ipfix, which counts bytes",
				 obj.name);
	if (values[MIRROR_KEY_DIRECTION].is_set)
		direction_read(&values[MIRROR_KEY_DIRECTION], &config);
	if (values[MIRROR_KEY_VLAN].is_set)
		config.vlan = values[MIRROR_KEY_VLAN].number;
	if (values[MIRROR_KEY_SNAPLEN].is_set)
		config.length = values[MIRROR_KEY_SNAPLEN].number;
	return mirror_set(ctx, &config, err);
}

/* --- show --- */

static const char *
text_or_null(const char *text)
{
	return text[0] != '\0' ? text : NULL;
}

static json_t *
number_or_null(uint64_t number)
{
	return number != 0 ? json_integer((json_int_t)number) : json_null();
}

static json_t *
mirror_json(const struct mirror_job *job)
{
	const struct mirror_config *config;
	char remote[IP_ADDR_TEXT_SIZE] = "";
	json_t *drops = json_object();
	struct mirror_info info;
	bool vxlan;

	mirror_info(job, &info);
	config = info.config;
	vxlan = config->kind == MIRROR_TO_VXLAN;
	if (vxlan)
		ip_addr_format(&config->vxlan.remote, remote);
	for (unsigned int i = 0; i < DROP_REASONS; i++)
		if (info.drops[i] != 0)
			json_object_set_new(drops, drop_reason_names[i],
					    json_integer((json_int_t)info.drops[i]));
	return json_pack(
		"{s:s, s:s?, s:s?, s:o, s:s?, s:o, s:s, s:s?, s:o, s:o, s:s?, s:o, s:o, s:s?, "
		"s:I, s:I, s:o}",
		"mirror", config->name, "port", text_or_null(config->port), "bridge",
		text_or_null(config->bridge), "vlan", number_or_null(config->vlan), "direction",
		config->bridge[0] != '\0' ? NULL :
		config->in && config->out ? "both" :
		config->in                ? "in" :
					    "out",
		"snaplen", number_or_null(config->length), "to", info.out, "vxlan",
		text_or_null(remote), "vni", vxlan ? json_integer(config->vxlan.vni) : json_null(),
		"vxlan_port", vxlan ? json_integer(config->vxlan.port) : json_null(), "ipfix",
		text_or_null(config->ipfix), "ipfix_timeout",
		config->kind == MIRROR_TO_IPFIX ? json_integer(config->ipfix_timeout) : json_null(),
		"pid", number_or_null((uint64_t)info.pid), "reason", text_or_null(info.reason),
		"packets", (json_int_t)info.packets, "bytes", (json_int_t)info.bytes, "drops",
		drops);
}

int
rpc_mirror_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	const struct mirror_job *job = NULL;
	struct mirror_info info;
	struct object obj;
	int ret;

	ret = rpc_params_read(params, &mirror_schema, VERB_SHOW, NAME_OPTIONAL, &obj, err);
	if (ret < 0)
		return ret;
	if (obj.name[0] != '\0' && mirror_find(ctx, obj.name) == NULL)
		return unknown_mirror(ctx, obj.name, err);
	*ret_result = json_array();
	while ((job = mirror_next(ctx, job)) != NULL) {
		mirror_info(job, &info);
		if (obj.name[0] == '\0' || strcmp(info.config->name, obj.name) == 0)
			json_array_append_new(*ret_result, mirror_json(job));
	}
	return 0;
}
