/* SPDX-License-Identifier: BSD-3-Clause */
/* Health of the program and its host: threads, buffers, tables, configuration. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_mempool.h>

#include "addr.h"
#include "events.h"
#include "fdb.h"
#include "health_priv.h"
#include "history.h"
#include "lease.h"
#include "nat_control.h"
#include "neighbour.h"
#include "network.h"
#include "routing_priv.h"
#include "snoop.h"
#include "transaction.h"

#define NEAR_PERCENT 90      /* of a limit */
#define FDB_FEW 10           /* a limit below is meant exactly, as that of one address */
#define BUSY_PERCENT 95      /* of a worker's time */
#define BUFFERS_PERCENT 5    /* that should be free */
#define LATE_SECONDS 60      /* that it matters for */
#define CONFLICT_SECONDS 300 /* that a station's claim is told of */
#define PCI_CLASS_NETWORK 2u /* PCI Code and ID Assignment 1.2 */

void
health_xen_netback_at(struct health_round *round, const char *sys)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/bus/xen-backend/drivers/vif", sys);
	if (access(path, F_OK) != 0)
		return;
	health_found(
		round, HEALTH_ERROR, "xen-netback",
		json_string("the kernel's backend is loaded, and takes guests' interfaces away "
			    "from vswitchd"),
		json_string("\"rmmod xen-netback\", blacklist it in /etc/modprobe.d, and restart "
			    "the guests that it has"));
}

void
health_xen_netback(struct health_round *round)
{
	if (round->sw->netback != NULL)
		health_xen_netback_at(round, "/sys");
}

static bool
is_network(const char *folder, const char *device)
{
	unsigned int class = 0;
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s/class", folder, device);
	file = fopen(path, "re");
	if (file == NULL)
		return false;
	if (fscanf(file, "%x", &class) != 1)
		class = 0;
	fclose(file);
	return class >> 16 == PCI_CLASS_NETWORK;
}

void
health_hugepages_at(struct health_round *round, const char *sys, bool has_hugepages)
{
	static const char *const drivers[] = { "vfio-pci", "uio_pci_generic", "igb_uio" };
	const struct dirent *entry;
	char folder[160];
	DIR *dir;

	for (size_t i = 0; i < RTE_DIM(drivers) && !has_hugepages; i++) {
		snprintf(folder, sizeof(folder), "%s/bus/pci/drivers/%s", sys, drivers[i]);
		dir = opendir(folder);
		while (dir != NULL && (entry = readdir(dir)) != NULL)
			if (is_network(folder, entry->d_name))
				health_found(
					round, HEALTH_WARNING, entry->d_name,
					json_sprintf("is a NIC bound to %s, but vswitchd was "
						     "started without hugepages and cannot use "
						     "it",
						     drivers[i]),
					json_string("\"sysctl vm.nr_hugepages=128\", in "
						    "/etc/sysctl.d too, and restart vswitchd"));
		if (dir != NULL)
			closedir(dir);
	}
}

void
health_hugepages(struct health_round *round)
{
	health_hugepages_at(round, "/sys", rte_eal_has_hugepages());
}

void
health_worker(struct health_round *round)
{
	const uint64_t span = round->now->tsc - round->before->tsc;
	char name[HEALTH_TEXT_SIZE];

	for (uint16_t w = 0; w < round->sw->dp->n_workers; w++) {
		const uint64_t busy = round->now->busy[w] - round->before->busy[w];
		const double percent = span > 0 ? 100. * (double)busy / (double)span : 0;

		if (percent < BUSY_PERCENT)
			continue;
		snprintf(name, sizeof(name), "worker %u", w);
		health_found(
			round, HEALTH_WARNING, name,
			json_sprintf("was busy for %.0f %% of the time %s", RTE_MIN(percent, 100.),
				     round->span),
			json_string("see whose packets they are: \"vsctl top --sort cpu\"; more "
				    "workers: workers of [vswitchd], and a restart"));
	}
}

void
health_control(struct health_round *round)
{
	const struct switch_beat *beat = &round->sw->beat;
	const uint64_t ago = switch_usec() - beat->late_at;

	if (beat->n_late > 0 && ago < LATE_SECONDS * UINT64_C(1000000))
		health_found(round, HEALTH_WARNING, "control thread",
			     json_sprintf("was held up for %.1f s, %.0f s ago; %u times since the "
					  "start, %.1f s at most",
					  (double)beat->late_usec / 1e6, (double)ago / 1e6,
					  beat->n_late, (double)beat->worst_usec / 1e6),
			     json_string("give it CPU time: is the host overloaded, or swapping? "
					 "cores of [vswitchd] leaves a core to it"));
	health_drop_rows(round);
}

static void
pool_check(struct health_round *round, const struct rte_mempool *pool)
{
	const unsigned int left = rte_mempool_avail_count(pool);

	if (left < pool->size / 100 * BUFFERS_PERCENT)
		health_found(
			round, HEALTH_ERROR, pool->name,
			json_sprintf("%u of %u packet buffers are left", left, pool->size),
			json_string("more mbufs of [vswitchd], and a restart; a guest that does "
				    "not take its packets may hold them: the check ring"));
}

void
health_buffers(struct health_round *round)
{
	const struct vswitch *sw = round->sw;

	pool_check(round, sw->pool);
	if (sw->device_pool != NULL && sw->device_pool != sw->pool)
		pool_check(round, sw->device_pool);
	health_drop_rows(round);
}

/* --- tables --- */

/* @remedy: taken over. */
static void
limit_check(struct health_round *round, const char *object, const char *what, uint64_t used,
	    uint64_t limit, const char *remedy)
{
	if (limit == 0 || used * 100 < limit * NEAR_PERCENT)
		return;
	health_found(round, used >= limit ? HEALTH_ERROR : HEALTH_WARNING, object,
		     json_sprintf("%llu of %llu %s are in use", (unsigned long long)used,
				  (unsigned long long)limit, what),
		     json_string(remedy));
}

static void
port_limits(struct health_round *round, const struct switch_port *port)
{
	const bool is_guest =
		port->config.kind == PORT_KIND_VIF || port->config.kind == PORT_KIND_VHOST;
	struct nat *nat = round->sw->nat != NULL ? nat_table(round->sw->nat) : NULL;
	const char *name = port->config.name;
	struct membership_port_info groups;
	struct nat_guest_info sessions;
	uint32_t limit;

	limit = port->config.fdb_limit != 0 ? port->config.fdb_limit :
		is_guest                    ? VIF_FDB_LIMIT_DEFAULT :
					      0;
	if (port->bridge != NULL && (limit >= FDB_FEW || port->learn_refused > 0))
		limit_check(round, name, "addresses that may be learnt behind it",
			    fdb_port_learnt(port->bridge->dp->fdb, port->dp->id), limit,
			    "more, if they are right: fdb-limit of the port; who they are: \"vsctl "
			    "fdb show\"");
	limit = port->config.group_limit != 0 ? port->config.group_limit :
		is_guest                      ? VIF_GROUP_LIMIT_DEFAULT :
						0;
	if (snoop_port_info(port, &groups))
		limit_check(round, name, "multicast groups that it may join", groups.n_groups,
			    limit, "more: group-limit of the port; which: \"vsctl group show\"");
	if (nat == NULL)
		return;
	nat_guest_info(nat, port->dp->id + 1, &sessions);
	limit_check(round, name, "NAT sessions that it may have", sessions.sessions,
		    sessions.max_sessions,
		    "see them: \"vsctl nat sessions\"; more: nat-sessions of the port");
}

static void
routing_limits(struct health_round *round, const struct routing *routing)
{
	static const char *const families[] = { "IPv4 routes", "IPv6 routes" };
	const struct switch_rif *rif = NULL;

	for (unsigned int i = 0; i < RTE_DIM(families); i++) {
		const struct route_table *table = &routing->tables[i];

		limit_check(round, "router", families[i],
			    table->n_by_origin[ROUTE_STATIC] + table->n_by_origin[ROUTE_KERNEL] +
				    table->n_by_origin[ROUTE_GUEST],
			    routing->max_routes, "more: routes-max of [vswitchd], and a restart");
	}
	limit_check(round, "router", "next hops", routing->next_number - routing->n_free,
		    NEXT_HOPS_MAX, "fewer neighbours and gateways: \"vsctl neigh show\"");
	while ((rif = rif_next(routing, rif)) != NULL)
		limit_check(round, rif->port->config.name, "neighbours that it may have",
			    rif->n_neighbours,
			    rif->is_guest ? NEIGHBOURS_GUEST_MAX : NEIGHBOURS_MAX,
			    "look for who scans the network: \"vsctl neigh show\"");
}

/* Addresses that DHCP may still give away. */
static void
network_limits(struct health_round *round, const struct network *network)
{
	const uint64_t now = (uint64_t)time(NULL);
	char name[IP_PREFIX_TEXT_SIZE];
	const struct lease *leases = NULL;
	const unsigned int n = network_leases(round->sw, &leases);
	struct network_info info;
	uint64_t used = 0;

	network_info(round->sw, network, &info);
	if (!info.config.dhcp || info.range.low == 0)
		return;
	for (unsigned int i = 0; i < n; i++) {
		uint32_t ip;

		memcpy(&ip, leases[i].address, sizeof(ip));
		ip = rte_be_to_cpu_32(ip);
		used += ip >= info.range.low && ip <= info.range.high &&
			(leases[i].expires == 0 || leases[i].expires > now);
	}
	limit_check(round, ip_prefix_format(&info.prefix, name), "addresses of its DHCP range",
		    used, (uint64_t)info.range.high - info.range.low + 1,
		    "who has them: \"vsctl network show\"; more, or for a shorter time: \"vsctl "
		    "network set IP/LEN range LOW-HIGH\", \"vsctl network set IP/LEN lease 1h\"");
}

void
health_table(struct health_round *round)
{
	const struct vswitch *sw = round->sw;
	const struct network *network = NULL;
	const struct switch_bridge *bridge;
	const struct switch_port *port;

	LIST_FOREACH(bridge, &sw->bridges, list)
		limit_check(round, bridge->name, "addresses that it may know",
			    fdb_count(bridge->dp->fdb), bridge->config.fdb_limit,
			    "more, if they are right: \"vsctl bridge set BRIDGE fdb-limit N\"; who "
			    "has so many: \"vsctl fdb show\"");
	LIST_FOREACH(port, &sw->ports, list)
		port_limits(round, port);
	if (sw->routing != NULL)
		routing_limits(round, sw->routing);
	while ((network = network_next(sw, network)) != NULL)
		network_limits(round, network);
	if (sw->nat != NULL && nat_table(sw->nat) != NULL)
		limit_check(round, "nat-table", "NAT sessions", nat_count(nat_table(sw->nat)),
			    nat_table_get(sw->nat)->max_sessions,
			    "who has so many: \"vsctl nat sessions\"; caps: nat-sessions of ports; "
			    "sessions-max of [nat-table], and a restart");
}

/* --- the router --- */

void
health_duplicate_ip(struct health_round *round)
{
	const struct routing *routing = round->sw->routing;
	char addr[IP_ADDR_TEXT_SIZE], mac[MAC_TEXT_SIZE];
	const struct switch_rif *rif = NULL;

	while (routing != NULL && (rif = rif_next(routing, rif)) != NULL) {
		const uint64_t sec = (routing_now() - rif->conflict.msec) / 1000;

		if (rif->conflict.msec == 0 || sec >= CONFLICT_SECONDS ||
		    !rif_has_addr(rif, &rif->conflict.addr))
			continue;
		health_found(
			round, HEALTH_ERROR, rif->port->config.name,
			json_sprintf("station %s has its address %s, too, and said so %u s ago",
				     mac_format(rif->conflict.mac, mac),
				     ip_addr_format(&rif->conflict.addr, addr), (unsigned int)sec),
			json_sprintf("give one of the two another address; where the station "
				     "is: \"vsctl fdb show\", \"vsctl addr show\""));
	}
}

void
health_route(struct health_round *round)
{
	const struct routing *routing = round->sw->routing;
	const struct neighbour *neighbour;
	const struct switch_rif *rif = NULL;
	char addr[IP_ADDR_TEXT_SIZE];

	while (routing != NULL && (rif = rif_next(routing, rif)) != NULL)
		LIST_FOREACH(neighbour, &rif->neighbours, list)
			/*
			 * Not somebody who was only asked for: a route leads there. Nor a guest,
			 * which need not use all of its addresses.
			 */
			if (neighbour->has_failed && neighbour->refs > 0 && !rif->is_guest)
				health_found(
					round, HEALTH_WARNING, rif->port->config.name,
					json_sprintf("gateway %s does not answer, and a route "
						     "leads there",
						     ip_addr_format(&neighbour->addr, addr)),
					json_string("is it up, does it have this address, and is "
						    "it in this VLAN? \"vsctl neigh show\", "
						    "\"vsctl route show\""));
	health_drop_rows(round);
}

/* --- configuration --- */

void
health_config(struct health_round *round)
{
	static const struct events_filter changes = { .kinds = 1u << EVENT_CONFIG };
	const struct vswitch *sw = round->sw;
	json_t *events = events_list(sw->events, &changes, 1), *last, *error;
	int left = sw->transactions != NULL ? transaction_confirm_left(sw->transactions) : -1;
	const char *folder;
	int ret;

	folder = sw->transactions != NULL ?
			 history_fault(transaction_history(sw->transactions), &ret) :
			 NULL;
	if (folder != NULL)
		health_found(round, HEALTH_WARNING, "configuration",
			     json_sprintf("the last change is noted nowhere: %s: %s", folder,
					  strerror(-ret)),
			     json_string("make room on that disk, or let it be written; the next "
					 "change is noted again; \"vsctl config save\" keeps what "
					 "runs"));
	if (left >= 0)
		health_found(round, HEALTH_WARNING, "configuration",
			     json_sprintf("is undone in %d s, unless somebody confirms it", left),
			     json_string("\"vsctl config confirm\", or \"vsctl config rollback\""));
	last = json_array_get(events, 0);
	error = json_object_get(last, "error");
	if (json_is_string(error))
		health_found(round, HEALTH_WARNING, "configuration",
			     json_sprintf("the last change, %s, has failed and was taken back: %s",
					  json_string_value(json_object_get(last, "what")),
					  json_string_value(error)),
			     json_string("correct it and try again; \"vsctl event show config\""));
	json_decref(events);
}
