/* SPDX-License-Identifier: BSD-3-Clause */
/* What there is to tell, read off the switch: one function per subject. */
#include "metrics_subjects.h"

#include <inttypes.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_mempool.h>
#include <rte_version.h>

#include "bond_priv.h"
#include "drop.h"
#include "fdb.h"
#include "metrics_server.h"
#include "nat_control.h"
#include "netback.h"
#include "port_types.h"
#include "port_vif.h"
#include "switch.h"
#include "version.h"

#define NSEC_PER_SEC 1e9
#define NUMBER_TEXT_SIZE 16
#define REMOVED_PORTS "(removed)" /* as in "stats show"; no port can have this name */
#define VALUES(...) ((const char *const[]){ __VA_ARGS__ })

/* A counter of a thread that goes on counting. */
static double
counter(const uint64_t *value)
{
	return (double)__atomic_load_n(value, __ATOMIC_RELAXED);
}

static const char *
number_text(char text[NUMBER_TEXT_SIZE], uint32_t number)
{
	snprintf(text, NUMBER_TEXT_SIZE, "%" PRIu32, number);
	return text;
}

/* --- the program --- */

static void
collect_build(struct vswitch *sw, struct metrics_table *table)
{
	metrics_row(table, VALUES(VSWITCH_VERSION, rte_version()))[INFO_ONE] = 1;
}

static void
collect_process(struct vswitch *sw, struct metrics_table *table)
{
	metrics_row(table, NULL)[PROCESS_STARTED] = (double)metrics_started(sw->metrics);
}

static void
collect_control(struct vswitch *sw, struct metrics_table *table)
{
	double *values = metrics_row(table, NULL);
	struct metrics_status status;
	struct timespec cpu;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
	values[CONTROL_CPU] = (double)cpu.tv_sec + (double)cpu.tv_nsec / NSEC_PER_SEC;
	metrics_status(sw->metrics, &status);
	values[CONTROL_RENDERS] = (double)status.renders;
	values[CONTROL_RENDER_TIME] = (double)status.render_nsec / NSEC_PER_SEC;
}

static void
collect_delay(const struct delay_histogram *delay, struct metrics_table *table)
{
	double *values = metrics_row(table, NULL) + DELAY_FIRST;

	for (unsigned int i = 0; i < DELAY_BUCKETS; i++)
		values[i] = (double)delay->buckets[i];
	values[DELAY_BUCKETS] = (double)delay->nsec / NSEC_PER_SEC;
}

static void
collect_timer_delay(struct vswitch *sw, struct metrics_table *table)
{
	collect_delay(&sw->timer_delay, table);
}

static void
collect_request(struct vswitch *sw, struct metrics_table *table)
{
	collect_delay(&sw->request_time, table);
}

/* --- ports --- */

static void
collect_port_info(struct vswitch *sw, struct metrics_table *table)
{
	const struct switch_port *port;

	LIST_FOREACH(port, &sw->ports, list) {
		const char *bond = port->member != NULL ? port->member->bond->name : NULL;
		struct vif_load load = { .guest = NULL };
		char domid[NUMBER_TEXT_SIZE] = "";

		if (port_vif_load(port, &load))
			number_text(domid, load.domid);
		metrics_row(table, VALUES(port->config.name, port_types[port->config.kind]->name,
					  port->bridge != NULL ? port->bridge->name : NULL, bond,
					  load.guest, domid))[INFO_ONE] = 1;
	}
}

static void
stats_values(const struct port_stats *stats, uint64_t learn_refused, double *values)
{
	uint64_t dropped = 0;

	for (unsigned int i = 0; i < DROP_REASONS; i++)
		dropped += stats->drops[i];
	values[PORT_RX_PACKETS] = (double)stats->rx_packets;
	values[PORT_RX_BYTES] = (double)stats->rx_bytes;
	values[PORT_TX_PACKETS] = (double)stats->tx_packets;
	values[PORT_TX_BYTES] = (double)stats->tx_bytes;
	values[PORT_DROPPED] = (double)dropped;
	values[PORT_COPIES] = (double)stats->copies;
	values[PORT_MERGED] = (double)stats->merged;
	values[PORT_PUNTED] = (double)stats->punted;
	values[PORT_UNLEARNT] = (double)(stats->learn_lost + learn_refused);
	values[PORT_CYCLES] = (double)stats->cycles;
}

/* As "port show" has it. Devices are asked, which takes time. Return: NULL: no memory. */
static const struct port_stats *
ports_read(const struct vswitch *sw, struct metrics_table *table)
{
	const struct switch_port *port;
	size_t n = 0;

	if (table->stats != NULL)
		return table->stats;
	LIST_FOREACH(port, &sw->ports, list)
		n++;
	table->stats = aligned_alloc(alignof(struct port_stats), (n + 1) * sizeof(*table->stats));
	if (table->stats == NULL) {
		table->failed = true;
		return NULL;
	}
	n = 0;
	LIST_FOREACH(port, &sw->ports, list) {
		switch_port_stats(sw, port, &table->stats[n]);
		port_device_stats(port, &table->stats[n]);
		port_passed_stats(port, &table->stats[n++]);
	}
	return table->stats;
}

static void
collect_port(struct vswitch *sw, struct metrics_table *table)
{
	const struct nat *nat = sw->nat != NULL ? nat_table(sw->nat) : NULL;
	const struct port_stats *stats = ports_read(sw, table);
	const struct switch_port *port;
	struct nat_guest_info guest;

	if (stats == NULL)
		return;
	LIST_FOREACH(port, &sw->ports, list) {
		double *values = metrics_row(table, VALUES(port->config.name));

		stats_values(stats++, port->learn_refused, values);
		values[PORT_UP] = port->dp->up;
		values[PORT_MTU] = port->dp->mtu;
		if (port->bridge != NULL) {
			values[PORT_FDB_LEARNT] =
				fdb_port_learnt(port->bridge->dp->fdb, port->dp->id);
			values[PORT_FDB_STATIC] =
				fdb_port_statics(port->bridge->dp->fdb, port->dp->id);
		}
		if (nat != NULL && port->dp->rif != NULL) {
			nat_guest_info(nat, port->dp->id + 1, &guest);
			values[PORT_NAT_SESSIONS] = guest.sessions;
		}
	}
	stats_values(&sw->removed, 0, metrics_row(table, VALUES(REMOVED_PORTS)));
}

static void
drop_rows(struct metrics_table *table, const char *port, const struct port_stats *stats)
{
	for (unsigned int i = 0; i < DROP_REASONS; i++)
		if (stats->drops[i] != 0)
			metrics_row(table, VALUES(port, drop_reason_names[i]))[DROP_PACKETS] =
				(double)stats->drops[i];
}

static void
collect_drop(struct vswitch *sw, struct metrics_table *table)
{
	const struct port_stats *stats = ports_read(sw, table);
	const struct switch_port *port;

	if (stats == NULL)
		return;
	LIST_FOREACH(port, &sw->ports, list)
		drop_rows(table, port->config.name, stats++);
	drop_rows(table, REMOVED_PORTS, &sw->removed);
}

/* --- guests' interfaces --- */

/* Counters as "vif show" has them: received is what came in from the guest. */
static void
vif_values(const struct vif_info *info, const struct vif_load *load, double *values)
{
	values[VIF_CONNECTED] = info->n_queues > 0;
	values[VIF_QUEUES] = info->n_queues;
	values[VIF_RX_SLOTS] = (double)info->tx_requests;
	values[VIF_TX_SLOTS] = (double)info->rx_requests;
	values[VIF_RX_ERRORS] = (double)info->tx_errors;
	values[VIF_TX_ERRORS] = (double)info->rx_errors;
	values[VIF_TX_FULL] = (double)info->rx_full;
	values[VIF_COPIES] = (double)info->copies;
	values[VIF_COPY_CALLS] = (double)info->copy_calls;
	values[VIF_DIRECT_COPIES] = (double)info->direct_copies;
	values[VIF_STATIC_COPIES] = (double)info->static_copies;
	values[VIF_COPY_FAILURES] = (double)info->copy_failures;
	values[VIF_NOTIFICATIONS] = (double)info->notifies;
	values[VIF_RING_ERRORS] = (double)info->ring_errors;
	if (load->n_queues > 0) {
		values[VIF_RX_FILL] = load->from / 100.0;
		values[VIF_TX_FILL] = load->towards / 100.0;
	}
}

static void
collect_vif(struct vswitch *sw, struct metrics_table *table)
{
	const struct switch_port *port;
	struct vif_info info;
	struct vif_load load;

	LIST_FOREACH(port, &sw->ports, list)
		if (port_vif_kept(port, &info) && port_vif_load(port, &load))
			vif_values(&info, &load, metrics_row(table, VALUES(port->config.name)));
}

/* --- bridges and bonds --- */

static void
collect_bridge(struct vswitch *sw, struct metrics_table *table)
{
	const struct switch_bridge *bridge;

	LIST_FOREACH(bridge, &sw->bridges, list) {
		double *values = metrics_row(table, VALUES(bridge->name));

		values[BRIDGE_FDB] = fdb_count(bridge->dp->fdb);
		values[BRIDGE_FDB_MAX] = bridge->config.fdb_limit;
		values[BRIDGE_PORTS] = bridge->n_ports;
	}
}

static void
collect_bond(struct vswitch *sw, struct metrics_table *table)
{
	const struct bond *bond;

	LIST_FOREACH(bond, &sw->bonds, list) {
		double *values = metrics_row(table, VALUES(bond->name));

		values[BOND_FAILOVERS] = (double)bond->failovers;
		values[BOND_BUCKET_MOVES] = (double)bond->bucket_moves;
		values[BOND_ANNOUNCEMENTS] = (double)bond_announced(bond->announcer);
	}
}

static void
member_values(const struct bond_member *member, double *values)
{
	const struct lag_table *lag = member->bond->lag->table;
	unsigned int n_buckets = 0;

	for (unsigned int b = 0; b < LAG_BUCKETS; b++)
		n_buckets += lag->slots[b] == member->slot;
	values[MEMBER_CARRIER] = member->carrier;
	values[MEMBER_USABLE] = member->usable;
	values[MEMBER_ACTIVE] = lag->collecting >> member->slot & 1;
	values[MEMBER_BUCKETS] = n_buckets;
	values[MEMBER_FAILURES] = (double)member->failures;
}

static void
collect_member(struct vswitch *sw, struct metrics_table *table)
{
	const struct bond *bond;

	LIST_FOREACH(bond, &sw->bonds, list)
		for (unsigned int slot = 0; slot < LAG_MEMBERS_MAX; slot++)
			if (bond->members[slot] != NULL)
				member_values(
					bond->members[slot],
					metrics_row(
						table,
						VALUES(bond->name,
						       bond->members[slot]->port->config.name)));
}

/* --- NAT --- */

static bool
nat_read(const struct vswitch *sw, struct nat_stats *ret_stats)
{
	const struct nat *nat = sw->nat != NULL ? nat_table(sw->nat) : NULL;

	if (nat != NULL)
		nat_stats_get(nat, ret_stats);
	return nat != NULL;
}

static void
collect_nat(struct vswitch *sw, struct metrics_table *table)
{
	struct nat_stats stats;
	double *values;

	if (!nat_read(sw, &stats))
		return;
	values = metrics_row(table, NULL);
	values[NAT_SESSIONS] = nat_count(nat_table(sw->nat));
	values[NAT_SESSIONS_LIMIT] = nat_table_get(sw->nat)->max_sessions;
	values[NAT_CREATED] = (double)stats.created;
	values[NAT_ERRORS] = (double)stats.errors;
	values[NAT_FRAGMENTS] = (double)stats.fragments;
	values[NAT_MISSES] = (double)stats.misses;
}

static void
collect_nat_packets(struct vswitch *sw, struct metrics_table *table)
{
	struct nat_stats stats;

	if (!nat_read(sw, &stats))
		return;
	metrics_row(table, VALUES("out"))[NAT_PACKETS] = (double)stats.out;
	metrics_row(table, VALUES("in"))[NAT_PACKETS] = (double)stats.in;
	metrics_row(table, VALUES("hairpin"))[NAT_PACKETS] = (double)stats.hairpin;
}

static void
collect_nat_refused(struct vswitch *sw, struct metrics_table *table)
{
	struct nat_stats stats;

	if (!nat_read(sw, &stats))
		return;
	metrics_row(table, VALUES("guest_sessions"))[NAT_REFUSED] = (double)stats.refused_sessions;
	metrics_row(table, VALUES("guest_rate"))[NAT_REFUSED] = (double)stats.refused_rate;
	metrics_row(table, VALUES("full"))[NAT_REFUSED] = (double)stats.refused_full;
	metrics_row(table, VALUES("ports"))[NAT_REFUSED] = (double)stats.refused_ports;
}

/* --- workers --- */

static void
collect_worker(struct vswitch *sw, struct metrics_table *table)
{
	for (uint16_t w = 0; w < sw->dp->n_workers; w++) {
		const struct worker *worker = sw->dp->workers[w];
		char number[NUMBER_TEXT_SIZE];
		double *values = metrics_row(table, VALUES(number_text(number, w)));

		values[WORKER_BUSY_CYCLES] = counter(&worker->busy_cycles);
		values[WORKER_BUSY] = values[WORKER_BUSY_CYCLES] / (double)rte_get_tsc_hz();
		values[WORKER_PACKETS] = counter(&worker->busy_packets);
		values[WORKER_TURNS] = counter(&worker->busy_turns);
		values[WORKER_SLEEPS] = counter(&worker->sleeps);
		values[WORKER_QUEUES] = __atomic_load_n(&worker->n_active, __ATOMIC_RELAXED);
	}
}

static void
collect_host(struct vswitch *sw, struct metrics_table *table)
{
	double *values = metrics_row(table, NULL);

	values[HOST_TSC] = (double)rte_get_tsc_hz();
	if (sw->pool == NULL)
		return;
	values[HOST_BUFFERS] = sw->pool->size;
	values[HOST_BUFFERS_FREE] = rte_mempool_avail_count(sw->pool);
}

#define PORT_INFO_LABELS                                           \
	{                                                          \
		"port", "type", "bridge", "bond", "guest", "domid" \
	}

const struct metrics_subject subject_build = { { "version", "dpdk" }, collect_build },
			     subject_process = { { NULL }, collect_process },
			     subject_control = { { NULL }, collect_control },
			     subject_timer_delay = { { NULL }, collect_timer_delay },
			     subject_request = { { NULL }, collect_request },
			     subject_port_info = { PORT_INFO_LABELS, collect_port_info },
			     subject_port = { { "port" }, collect_port },
			     subject_drop = { { "port", "reason" }, collect_drop },
			     subject_vif = { { "port" }, collect_vif },
			     subject_bridge = { { "bridge" }, collect_bridge },
			     subject_bond = { { "bond" }, collect_bond },
			     subject_member = { { "bond", "port" }, collect_member },
			     subject_nat = { { NULL }, collect_nat },
			     subject_nat_packets = { { "direction" }, collect_nat_packets },
			     subject_nat_refused = { { "reason" }, collect_nat_refused },
			     subject_worker = { { "worker" }, collect_worker },
			     subject_host = { { NULL }, collect_host };
