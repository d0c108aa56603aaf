/* SPDX-License-Identifier: BSD-3-Clause */
#include "port_gateway.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "router.h"
#include "routing.h"
#include "stable_mac.h"
#include "switch.h"
#include "unknown.h"

#define PASSED_SIZE ((WORKER_MAX + 1) * sizeof(struct port_passed))

static int
gateway_open(struct port *port, const struct port_config *config, struct error *err)
{
	char name[SWITCH_NAME_SIZE + 16];

	if (posix_memalign((void **)&port->passed, RTE_CACHE_LINE_SIZE, PASSED_SIZE) != 0) {
		port->passed = NULL;
		return error_set(err, ENOMEM, "port %s: no memory for it", config->name);
	}
	memset(port->passed, 0, PASSED_SIZE);
	/* nothing is received from it: packets come in by worker_enter() */
	port->n_rxq = 0;
	port->n_txq = 1;
	snprintf(name, sizeof(name), "gateway/%s/%u", config->gateway_bridge, config->vlan.vid);
	stable_mac(name, port->mac);
	/* whatever they lack is completed where they leave the switch */
	switch_port_caps(config->sw, port, PORT_CAPS_OFFLOAD | PORT_CAP_TAGGED);
	switch_port_status(config->sw, port, true, "");
	return 0;
}

static void
gateway_close(struct port *port)
{
	free(port->passed);
}

static uint16_t
gateway_rx(struct worker *worker, struct port *port, uint16_t queue, struct rte_mbuf **pkts,
	   uint16_t n)
{
	(void)worker;
	(void)port;
	(void)queue;
	(void)pkts;
	(void)n;
	return 0;
}

static uint16_t
gateway_tx(struct worker *worker, struct port *port, uint16_t queue, struct rte_mbuf **pkts,
	   uint16_t n)
{
	const struct rif *rif = __atomic_load_n(&port->rif, __ATOMIC_ACQUIRE);
	uint64_t bytes = 0;

	(void)queue;
	for (uint16_t i = 0; i < n; i++)
		bytes += pkts[i]->pkt_len;
	if (likely(rif != NULL)) {
		port_passed_out(worker, port, n, bytes);
		router_burst(worker, rif, port, pkts, n);
	} else {
		for (uint16_t i = 0; i < n; i++)
			port_drop(worker, port, pkts[i], DROP_NOT_ROUTED);
	}
	port_tx_handed_on(worker, n, bytes);
	return n;
}

const struct port_type port_type_gateway = {
	.name = "gateway",
	.wait = PORT_WAIT_NONE,
	.takes_pending = true,
	.hands_on = true,
	.open = gateway_open,
	.close = gateway_close,
	.rx_burst = gateway_rx,
	.tx_burst = gateway_tx,
};

static struct switch_port *
gateway_find(struct vswitch *sw, const struct switch_bridge *bridge, uint16_t vid)
{
	struct switch_port *port;

	LIST_FOREACH(port, &sw->ports, list)
		if (port->config.kind == PORT_KIND_GATEWAY && port->bridge == bridge &&
		    port->config.vlan.vid == vid)
			return port;
	return NULL;
}

/* A name that no port has. */
static void
gateway_name(struct vswitch *sw, char name[SWITCH_NAME_SIZE])
{
	for (unsigned int i = 0; i <= PORT_MAX; i++) {
		snprintf(name, SWITCH_NAME_SIZE, "gw%u", i);
		if (switch_port_find(sw, name) == NULL && !switch_port_closing(sw, name))
			return;
	}
}

static struct switch_port *
gateway_make(struct vswitch *sw, const char *bridge, uint16_t vid, struct error *err)
{
	struct port_config config = {
		.kind = PORT_KIND_GATEWAY,
		.vlan.vid = vid,
		.n_queues = 1,
		.is_auto = true,
	};
	struct switch_port *port;
	struct rte_ether_addr mac;

	gateway_name(sw, config.name);
	snprintf(config.gateway_bridge, sizeof(config.gateway_bridge), "%s", bridge);
	if (switch_port_add(sw, bridge, &config, err) < 0)
		return NULL;
	port = switch_port_find(sw, config.name);
	memcpy(&mac, port->dp->mac, sizeof(mac));
	if (switch_fdb_add(sw, bridge, &mac, vid, config.name, err) == 0)
		return port;
	switch_port_del(sw, config.name, NULL);
	return NULL;
}

struct switch_port *
port_gateway_of(struct vswitch *sw, const char *name, uint16_t vid, bool make, struct error *err)
{
	struct switch_bridge *bridge = switch_bridge_find(sw, name);
	struct switch_port *port;

	if (bridge == NULL) {
		unknown_bridge(sw, name, err);
		return NULL;
	}
	port = gateway_find(sw, bridge, vid);
	if (port != NULL || make)
		return port != NULL ? port : gateway_make(sw, name, vid, err);
	error_set(err, ENOENT, "bridge %s: has no address%s; see \"vsctl addr show\"", name,
		  vid != 0 ? " in this VLAN" : "");
	return NULL;
}
