/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What "vsctl top" needs of a moment: counters of all ports and workers, and when they were read.
 * Rates are the reader's to work out, who knows what he has read before.
 */
#include <errno.h>

#include "drop.h"
#include "error.h"
#include "netback.h"
#include "port_types.h"
#include "port_vif.h"
#include "rpc_methods_priv.h"
#include "switch.h"

static json_t *
drops_json(const struct port_stats *stats)
{
	json_t *drops = json_object();

	for (unsigned int i = 0; i < DROP_REASONS; i++)
		if (stats->drops[i] != 0)
			json_object_set_new_nocheck(drops, drop_reason_names[i],
						    json_integer((json_int_t)stats->drops[i]));
	return drops;
}

/* The workers that poll a port's queues, and what these have cost them. */
static json_t *
port_workers_json(const struct vswitch *sw, const struct port *port, uint16_t n_queues)
{
	json_t *rows = json_array();

	for (uint16_t w = 0; w < sw->dp->n_workers; w++) {
		const struct port_stats *stats = &sw->dp->workers[w]->stats[port->id];
		const uint64_t cycles = __atomic_load_n(&stats->cycles, __ATOMIC_RELAXED);
		uint16_t polled = 0;

		for (uint16_t queue = 0; queue < n_queues; queue++)
			polled += port->rxq[queue].worker == w;
		if (polled > 0 || cycles > 0)
			json_array_append_new(
				rows,
				json_pack("{s:i, s:i, s:I, s:I}", "worker", (int)w, "queues",
					  (int)polled, "cycles", (json_int_t)cycles, "rx_packets",
					  (json_int_t)__atomic_load_n(&stats->rx_packets,
								      __ATOMIC_RELAXED)));
	}
	return rows;
}

/* Does what is counted on it count on other ports, too? */
static bool
is_inner(const struct switch_port *port)
{
	return port->config.kind == PORT_KIND_VLAN || port->config.kind == PORT_KIND_BOND ||
	       port->config.kind == PORT_KIND_GATEWAY;
}

static json_t *
port_json(const struct vswitch *sw, const struct switch_port *port)
{
	/* of all the ports that ever had this name or id, which one it is */
	const json_int_t instance = (json_int_t)port->dp->generation << 16 | port->dp->id;
	uint16_t n_queues = port->dp->n_rxq;
	struct port_stats stats;
	struct vif_load load;
	json_t *json;
	bool is_vif;

	switch_port_stats(sw, port, &stats);
	port_device_stats(port, &stats);
	port_passed_stats(port, &stats);
	is_vif = port_vif_load(port, &load);
	if (is_vif)
		n_queues = load.n_queues;
	json = json_pack("{s:s, s:I, s:s, s:s?, s:s, s:b, s:I, s:I, s:I, s:I, s:i, s:o, s:o}",
			 "port", port->config.name, "instance", instance, "type",
			 port_types[port->config.kind]->name, "bridge",
			 port->bridge != NULL ? port->bridge->name : NULL, "link",
			 port->dp->up ? "up" : "down", "inner", (int)is_inner(port), "rx_packets",
			 (json_int_t)stats.rx_packets, "rx_bytes", (json_int_t)stats.rx_bytes,
			 "tx_packets", (json_int_t)stats.tx_packets, "tx_bytes",
			 (json_int_t)stats.tx_bytes, "queues", (int)n_queues, "workers",
			 port_workers_json(sw, port->dp, n_queues), "drops", drops_json(&stats));
	if (!is_vif)
		return json;
	json_object_set_new(json, "domid", json_integer(load.domid));
	if (load.guest[0] != '\0')
		json_object_set_new(json, "guest", json_string(load.guest));
	if (load.n_queues > 0) {
		json_object_set_new(json, "ring_rx_percent", json_integer(load.from));
		json_object_set_new(json, "ring_tx_percent", json_integer(load.towards));
	}
	return json;
}

int
rpc_top_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	const struct vswitch *sw = ctx;
	const uint64_t now = switch_usec();
	const struct switch_port *port;
	json_t *ports;

	if (json_object_size(params) > 0)
		return error_set(err, EINVAL, "top: takes no parameters");
	ports = json_array();
	LIST_FOREACH(port, &sw->ports, list)
		json_array_append_new(ports, port_json(sw, port));
	*ret_result =
		json_pack("{s:I, s:I, s:o, s:o}", "time_usec", (json_int_t)now, "started_usec",
			  (json_int_t)sw->created, "workers", rpc_workers_json(sw), "ports", ports);
	return 0;
}
