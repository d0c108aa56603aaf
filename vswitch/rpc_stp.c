/* SPDX-License-Identifier: BSD-3-Clause */
/* What the bridge and port methods read and show of spanning trees and loops, and "stp.show". */
#include <stdio.h>
#include <string.h>

#include "rpc_methods_priv.h"
#include "rpc_params.h"
#include "rstp.h"
#include "switch.h"
#include "unknown.h"

#define ID_TEXT_SIZE 24

static const char *const states[] = {
	[PORT_FORWARDING] = "forwarding",
	[PORT_LEARNING] = "learning",
	[PORT_BLOCKED] = "blocked",
};

static const char *const roles[] = {
	[RSTP_ROLE_DISABLED] = "disabled",     [RSTP_ROLE_ROOT] = "root",
	[RSTP_ROLE_DESIGNATED] = "designated", [RSTP_ROLE_ALTERNATE] = "alternate",
	[RSTP_ROLE_BACKUP] = "backup",
};

static const char *const rstp_states[] = {
	[RSTP_DISCARDING] = "discarding",
	[RSTP_LEARNING] = "learning",
	[RSTP_FORWARDING] = "forwarding",
};

int
rpc_stp_read_bridge(const struct object *obj, bool is_new, struct stp_bridge_config *config,
		    struct error *err)
{
	const struct value *values = obj->values;

	if (is_new || values[BRIDGE_KEY_STP].is_set)
		config->mode = values[BRIDGE_KEY_STP].number;
	if (is_new || values[BRIDGE_KEY_STP_PRIORITY].is_set)
		config->priority = values[BRIDGE_KEY_STP_PRIORITY].number;
	if (is_new || values[BRIDGE_KEY_HELLO].is_set)
		config->hello = values[BRIDGE_KEY_HELLO].number;
	if (is_new || values[BRIDGE_KEY_MAX_AGE].is_set)
		config->max_age = values[BRIDGE_KEY_MAX_AGE].number;
	if (is_new || values[BRIDGE_KEY_FORWARD_DELAY].is_set)
		config->forward_delay = values[BRIDGE_KEY_FORWARD_DELAY].number;
	if (is_new || values[BRIDGE_KEY_LOOP_DETECT].is_set)
		config->loop_detect = values[BRIDGE_KEY_LOOP_DETECT].number;
	return stp_config_check(config, obj->name, err);
}

unsigned int
rpc_stp_read_port(const struct value *values, bool is_new, struct stp_port_config *config)
{
	const struct {
		enum port_key key;
		uint8_t *word;
	} words[] = {
		{ PORT_KEY_STP_PRIORITY, &config->priority },
		{ PORT_KEY_STP_EDGE, &config->edge },
		{ PORT_KEY_STP_P2P, &config->p2p },
		{ PORT_KEY_STP_RESTRICTED, &config->restricted },
		{ PORT_KEY_BPDU, &config->bpdu },
	};
	unsigned int fields = 0;

	if (is_new || values[PORT_KEY_STP_COST].is_set) {
		config->cost = values[PORT_KEY_STP_COST].number;
		fields = PORT_SET_STP;
	}
	for (size_t i = 0; i < RTE_DIM(words); i++) {
		if (!is_new && !values[words[i].key].is_set)
			continue;
		*words[i].word = values[words[i].key].number;
		fields = PORT_SET_STP;
	}
	return fields;
}

static void
set_word(json_t *json, const char *field, const struct object_schema *schema, unsigned int key,
	 unsigned int word)
{
	json_object_set_new(json, field, json_string(schema->keys[key].words[word]));
}

/* "8000.001122334455", as brctl has it */
static json_t *
id_json(uint64_t id)
{
	char text[ID_TEXT_SIZE];

	snprintf(text, sizeof(text), "%04x.%012llx", (unsigned int)(id >> 48),
		 (unsigned long long)(id & 0xffffffffffff));
	return json_string(text);
}

void
rpc_stp_bridge_json(struct vswitch *sw, const struct switch_bridge *bridge, json_t *json)
{
	const struct stp_bridge_config *config = &bridge->config.stp;

	json_object_set_new(json, "id", id_json(stp_bridge_id(sw, bridge)));
	set_word(json, "stp", &bridge_schema, BRIDGE_KEY_STP, config->mode);
	json_object_set_new(json, "stp_priority", json_integer(config->priority));
	json_object_set_new(json, "hello", json_integer(config->hello));
	json_object_set_new(json, "max_age", json_integer(config->max_age));
	json_object_set_new(json, "forward_delay", json_integer(config->forward_delay));
	json_object_set_new(json, "loop_detect", json_boolean(config->loop_detect));
}

const char *
rpc_stp_state(const struct switch_port *port)
{
	return states[port->dp->state];
}

void
rpc_stp_port_json(const struct switch_port *port, json_t *json)
{
	const struct stp_port_config *config = &port->config.stp;

	json_object_set_new(json, "state", json_string(states[port->dp->state]));
	if (port->bridge != NULL)
		json_object_set_new(json, "number", json_integer(stp_port_number(port)));
	json_object_set_new(json, "loops", json_integer(port->loop.n_loops));
	json_object_set_new(json, "stp_cost",
			    config->cost != 0 ? json_integer(config->cost) : json_null());
	json_object_set_new(json, "stp_priority", json_integer(config->priority));
	set_word(json, "stp_edge", &port_schema, PORT_KEY_STP_EDGE, config->edge);
	set_word(json, "stp_p2p", &port_schema, PORT_KEY_STP_P2P, config->p2p);
	set_word(json, "stp_restricted", &port_schema, PORT_KEY_STP_RESTRICTED, config->restricted);
	set_word(json, "bpdu", &port_schema, PORT_KEY_BPDU, config->bpdu);
}

static json_t *
port_id_json(uint16_t id)
{
	char text[ID_TEXT_SIZE];

	snprintf(text, sizeof(text), "%04x", id);
	return json_string(text);
}

static json_t *
time_json(uint16_t time)
{
	return json_real((double)time / BPDU_SECOND);
}

static json_t *
msec_json(uint64_t msec)
{
	return json_real((double)msec / 1000);
}

static void
counters_json(const struct rstp_port_status *status, uint64_t n_limited, json_t *json)
{
	static const char *const types[] = {
		[BPDU_CONFIG] = "config",
		[BPDU_TCN] = "tcn",
		[BPDU_RST] = "rst",
	};
	char field[16];

	for (unsigned int type = 0; type < RTE_DIM(types); type++) {
		snprintf(field, sizeof(field), "rx_%s", types[type]);
		json_object_set_new(json, field, json_integer(status->rx[type]));
		snprintf(field, sizeof(field), "tx_%s", types[type]);
		json_object_set_new(json, field, json_integer(status->tx[type]));
	}
	json_object_set_new(json, "rx_bad", json_integer(status->rx_bad));
	json_object_set_new(json, "rx_too_many", json_integer(n_limited));
	json_object_set_new(json, "became_forwarding", json_integer(status->n_forwarding));
	json_object_set_new(json, "disputes", json_integer(status->n_disputes));
}

static json_t *
port_json(const struct switch_port *port)
{
	struct rstp_port_status status;
	uint64_t n_limited;
	json_t *json;

	if (!stp_port_status(port, &status, &n_limited))
		return json_pack("{s:s, s:s, s:s, s:I}", "port", port->config.name, "role",
				 port->stp_state == PORT_FORWARDING ? "none" : "no memory", "state",
				 states[port->stp_state], "cost", (json_int_t)stp_port_cost(port));
	json = json_pack(
		"{s:s, s:o, s:s, s:s, s:I, s:i, s:s, s:b, s:b, s:b, s:s, s:b, s:b, s:b, s:o, s:I, "
		"s:o, s:o}",
		"port", port->config.name, "id", port_id_json(status.id), "role",
		roles[status.role], "state", rstp_states[status.state], "cost",
		(json_int_t)status.config.cost, "priority", (int)status.config.priority, "link",
		status.enabled ? "up" : "down", "edge", (int)status.edge, "p2p",
		(int)status.config.p2p, "restricted", (int)status.config.restricted, "protocol",
		status.sends_rstp ? "rstp" : "stp", "proposing", (int)status.proposing, "agreed",
		(int)status.agreed, "topology_change", (int)status.topology_change,
		"designated_root", id_json(status.vector.root), "designated_cost",
		(json_int_t)status.vector.cost, "designated_bridge", id_json(status.vector.bridge),
		"designated_port", port_id_json(status.vector.port));
	json_object_set_new(json, "message_age", time_json(status.times.message_age));
	json_object_set_new(json, "message_age_timer", msec_json(status.info_left));
	json_object_set_new(json, "forward_delay_timer", msec_json(status.forward_left));
	json_object_set_new(json, "hello_timer", msec_json(status.hello_left));
	json_object_set_new(json, "topology_change_timer", msec_json(status.change_left));
	counters_json(&status, n_limited, json);
	return json;
}

static void
status_json(const struct switch_bridge *bridge, json_t *json)
{
	const struct switch_port *root_port = stp_root_port(bridge);
	struct rstp_status status;

	if (!stp_status(bridge, &status))
		return;
	json_object_set_new(json, "id", id_json(status.id));
	json_object_set_new(json, "root", id_json(status.root));
	json_object_set_new(json, "root_cost", json_integer(status.root_cost));
	json_object_set_new(json, "root_port",
			    root_port != NULL ? json_string(root_port->config.name) : json_null());
	json_object_set_new(json, "max_age", time_json(status.times.max_age));
	json_object_set_new(json, "hello", time_json(status.times.hello));
	json_object_set_new(json, "forward_delay", time_json(status.times.forward_delay));
	json_object_set_new(json, "bridge_max_age", time_json(status.own_times.max_age));
	json_object_set_new(json, "bridge_hello", time_json(status.own_times.hello));
	json_object_set_new(json, "bridge_forward_delay",
			    time_json(status.own_times.forward_delay));
	json_object_set_new(json, "topology_change", json_boolean(status.topology_change));
	json_object_set_new(json, "topology_changes", json_integer(status.n_changes));
	json_object_set_new(json, "since_change",
			    status.n_changes > 0 ? msec_json(status.last_change) : json_null());
}

static json_t *
bridge_json(struct vswitch *sw, const struct switch_bridge *bridge)
{
	json_t *json = json_pack("{s:s}", "bridge", bridge->name), *ports = json_array();
	const struct switch_port *port;

	set_word(json, "stp", &bridge_schema, BRIDGE_KEY_STP, bridge->config.stp.mode);
	json_object_set_new(json, "ageing", json_integer(bridge->config.ageing));
	status_json(bridge, json);
	LIST_FOREACH(port, &sw->ports, list)
		if (port->bridge == bridge)
			json_array_append_new(ports, port_json(port));
	json_object_set_new(json, "ports", ports);
	return json;
}

int
rpc_stp_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct vswitch *sw = ctx;
	struct switch_bridge *bridge;
	struct object obj;
	int ret;

	ret = rpc_params_read(params, &stp_schema, VERB_SHOW, NAME_OPTIONAL, &obj, err);
	if (ret < 0)
		return ret;
	if (obj.name[0] != '\0' && switch_bridge_find(sw, obj.name) == NULL)
		return unknown_bridge(ctx, obj.name, err);
	*ret_result = json_array();
	LIST_FOREACH(bridge, &sw->bridges, list)
		if (obj.name[0] == '\0' || strcmp(obj.name, bridge->name) == 0)
			json_array_append_new(*ret_result, bridge_json(sw, bridge));
	return 0;
}
