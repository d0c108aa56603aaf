/* SPDX-License-Identifier: BSD-3-Clause */
#include "health.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include "bond.h"
#include "drop_detail.h"
#include "drop_log.h"
#include "fdb.h"
#include "health_priv.h"
#include "port_types.h"

#define USEC UINT64_C(1000000)

const char *const health_severity_names[HEALTH_SEVERITIES] = {
	[HEALTH_OK] = "ok",
	[HEALTH_NOTE] = "note",
	[HEALTH_WARNING] = "warning",
	[HEALTH_ERROR] = "error",
};

const struct health_check health_checks[] = {
	{ "xen-netback", "the kernel's backend, which takes guests away from vswitchd",
	  health_xen_netback },
	{ "hugepages", "PCI NICs that are bound to DPDK's drivers while there are no hugepages",
	  health_hugepages },
	{ "carrier", "NICs and host taps without link", health_carrier },
	{ "nic", "packets that a NIC or the kernel lost in front of the workers",
	  health_drop_rows },
	{ "checksum", "wrong IPv4 header checksums, and checksums that cannot be completed",
	  health_drop_rows },
	{ "bond", "bonds with members that carry nothing, with one or none left; LACP partners",
	  health_bond },
	{ "loop", "ports that are blocked, or shut by a guard; what sends back what it gets",
	  health_loop, .uncounted = true },
	{ "flapping", "stations that move to and fro between ports", health_flapping,
	  .uncounted = true },
	{ "duplicate-mac",
	  "guests with one MAC, or with that of the host or of a station elsewhere",
	  health_duplicate_mac, .uncounted = true },
	{ "mtu", "MTUs that differ on a bridge, in a VLAN or a bond; packets too large for a port",
	  health_mtu },
	{ "vlan", "access VLANs with one member; frames that a port's VLANs refuse", health_vlan },
	{ "port", "ports that are in use with reservations, or on no bridge", health_port },
	{ "guest", "guests that are not connected, or break the protocol of their rings",
	  health_guest },
	{ "ring", "guests and devices that do not take their packets; guests' packets that wait",
	  health_ring },
	{ "spoofed", "guests that send from addresses which are not theirs", health_drop_rows },
	{ "duplicate-ip", "stations that have an address of the router's, too",
	  health_duplicate_ip },
	{ "route",
	  "packets without a route, without a neighbour, or that go round; gateways that do not "
	  "answer",
	  health_route },
	{ "nat", "NAT sessions that were refused: table, caps, external ports", health_drop_rows },
	{ "table",
	  "addresses, DHCP ranges, NAT sessions, routes, next hops, neighbours, groups near their "
	  "limit",
	  health_table },
	{ "worker", "threads that forward, and have no time left", health_worker },
	{ "control", "the control thread: how late it is, and what was too much for it",
	  health_control },
	{ "buffers", "packet buffers that are nearly all in use", health_buffers },
	{ "config", "changes that nobody has confirmed, that have failed, or that no file has",
	  health_config },
};
const size_t n_health_checks = RTE_DIM(health_checks);

/* Readings that were taken, the last one first. */
struct health {
	struct health_reading *readings[2];
};

/* --- readings --- */

static struct health_reading *
reading_take(const struct vswitch *sw)
{
	const struct switch_port *port;
	struct health_reading *reading;
	uint32_t n = 0;
	size_t size;

	LIST_FOREACH(port, &sw->ports, list)
		n++;
	size = RTE_ALIGN_CEIL(sizeof(*reading) + n * sizeof(reading->stats[0]),
			      RTE_CACHE_LINE_SIZE);
	reading = aligned_alloc(RTE_CACHE_LINE_SIZE, size);
	if (reading == NULL)
		return NULL;
	memset(reading, 0, size);
	LIST_FOREACH(port, &sw->ports, list) {
		switch_port_stats(sw, port, &reading->stats[reading->n]);
		port_device_stats(port, &reading->stats[reading->n]);
		reading->ports[port->dp->id].place = ++reading->n;
		reading->ports[port->dp->id].generation = port->dp->generation;
	}
	for (uint16_t w = 0; w < sw->dp->n_workers; w++)
		reading->busy[w] =
			__atomic_load_n(&sw->dp->workers[w]->busy_cycles, __ATOMIC_RELAXED);
	reading->tsc = rte_rdtsc();
	reading->usec = switch_usec();
	return reading;
}

static bool
is_of_age(const struct health_reading *reading, uint64_t min_usec)
{
	const uint64_t age = reading != NULL ? switch_usec() - reading->usec : 0;

	return reading != NULL && age >= min_usec && age <= HEALTH_SECONDS_MAX * USEC;
}

static void
reading_keep(struct health *health, struct health_reading *reading)
{
	free(health->readings[1]);
	health->readings[1] = health->readings[0];
	health->readings[0] = reading;
}

void
health_ask(struct vswitch *sw)
{
	if (sw->health == NULL)
		sw->health = calloc(1, sizeof(*sw->health));
	if (sw->health != NULL && !is_of_age(sw->health->readings[0], 0))
		reading_keep(sw->health, reading_take(sw));
}

bool
health_is_due(const struct vswitch *sw)
{
	const struct health *health = sw->health;

	return health == NULL || health->readings[0] == NULL ||
	       is_of_age(health->readings[0], HEALTH_SECONDS_MIN * USEC) ||
	       is_of_age(health->readings[1], HEALTH_SECONDS_MIN * USEC);
}

void
health_destroy(struct health *health)
{
	if (health == NULL)
		return;
	free(health->readings[0]);
	free(health->readings[1]);
	free(health);
}

/* --- for checks --- */

void
health_found(struct health_round *round, enum health_severity severity, const char *object,
	     json_t *text, json_t *remedy)
{
	round->worst = RTE_MAX(round->worst, severity);
	json_array_append_new(round->findings,
			      json_pack("{s:s, s:s, s:s, s:o, s:o}", "check", round->check->name,
					"severity", health_severity_names[severity], "object",
					object, "text", text, "remedy", remedy));
}

void
health_stats(const struct health_round *round, const struct switch_port *port,
	     struct port_stats *ret_sum, struct port_stats *ret_recent)
{
	const uint16_t id = port->dp->id;
	const struct health_reading *before = round->before, *now = round->now;
	uint64_t *recent = (uint64_t *)ret_recent;
	const uint64_t *was;

	static_assert(sizeof(struct port_stats) % sizeof(uint64_t) == 0, "all counters");
	memset(ret_sum, 0, sizeof(*ret_sum));
	if (now->ports[id].place > 0)
		*ret_sum = now->stats[now->ports[id].place - 1];
	*ret_recent = *ret_sum;
	if (before->ports[id].place == 0 || before->ports[id].generation != port->dp->generation)
		return;
	was = (const uint64_t *)&before->stats[before->ports[id].place - 1];
	/* a device may have been set back */
	for (size_t i = 0; i < sizeof(*ret_recent) / sizeof(*recent); i++)
		recent[i] -= RTE_MIN(recent[i], was[i]);
}

bool
health_is_nic(const struct switch_port *port)
{
	return (port->config.kind == PORT_KIND_NETDEV || port->config.kind == PORT_KIND_ETH) &&
	       !switch_port_is_guest(port);
}

/* --- drops --- */

/* @remedy: %s is the port. */
static const struct {
	const char *check;
	enum drop_reason reason;
	enum health_severity severity;
	const char *why;
	const char *remedy;
	const char *eth_remedy; /* of a device that the host's tools do not know; NULL: the same */
} drop_rows[] = {
	{ "nic", DROP_RX_ERROR, HEALTH_WARNING, "lost before a worker took them, or damaged",
	  "see \"ethtool -S %s\" and \"vsctl top\"; more workers take more packets: workers of "
	  "[vswitchd]",
	  "see \"vsctl worker show\" and \"vsctl top\"; more workers take more packets of %s: "
	  "workers of [vswitchd]; more mbufs of [vswitchd] hold more" },
	{ "checksum", DROP_BAD_CHECKSUM, HEALTH_WARNING, "their IPv4 header checksum is wrong",
	  "look for a broken NIC, cable or driver behind %s: \"vsctl capture %s at drop\"" },
	{ "checksum", DROP_OFFLOAD, HEALTH_WARNING, "a checksum or segments could not be completed",
	  "see what they are: \"vsctl capture %s at drop\"" },
	{ "vlan", DROP_VLAN_MISMATCH, HEALTH_WARNING, "their VLAN is none of the port's",
	  "correct the sender's tags, or let %s have the VLAN: \"vsctl port set %s vid N\", of a "
	  "trunk its list: \"vsctl port set %s trunk LIST\"" },
	{ "guest", DROP_BAD_REQUEST, HEALTH_WARNING, "the guest breaks the protocol of its ring",
	  "update the driver in the guest; \"vsctl vif show %s\"" },
	{ "guest", DROP_TX_ERROR, HEALTH_WARNING, "its buffers cannot be written",
	  "update the driver in the guest; \"vsctl vif show %s\"" },
	{ "spoofed", DROP_SPOOFED, HEALTH_WARNING, "their source is none of the guest's addresses",
	  "correct the address in the guest, or let it have more: \"vsctl port set %s ip LIST\"" },
	{ "route", DROP_NO_ROUTE, HEALTH_NOTE, "there is no route to their destination",
	  "\"vsctl route add IP/LEN via GATEWAY\"; \"vsctl capture %s at drop\" shows where to" },
	{ "route", DROP_NEIGHBOUR, HEALTH_NOTE, "the station that they are for does not answer",
	  "see who is asked for: \"vsctl neigh show\"; \"vsctl capture %s at drop\"" },
	{ "route", DROP_TTL, HEALTH_NOTE, "their TTL is used up: traceroute, or routes in a circle",
	  "compare routes of both routers: \"vsctl route show\"; \"vsctl capture %s at drop\"" },
	{ "nat", DROP_NAT_FULL, HEALTH_ERROR, "the table of NAT sessions is full",
	  "end those of who has most: \"vsctl nat flush guest PORT\", or let no guest have so "
	  "many: \"vsctl port set PORT nat-sessions N\"; shorter timeouts: \"vsctl nat-table set "
	  "udp N\"; sessions-max of [nat-table], and a restart" },
	{ "nat", DROP_NAT_SESSIONS, HEALTH_WARNING, "the guest has all NAT sessions that it may",
	  "see them: \"vsctl nat sessions guest %s\"; more: \"vsctl port set %s nat-sessions N\"" },
	{ "nat", DROP_NAT_RATE, HEALTH_WARNING, "the guest makes NAT sessions faster than it may",
	  "see them: \"vsctl nat sessions guest %s\"; more: \"vsctl port set %s nat-rate N\"" },
	{ "nat", DROP_NAT_PORTS, HEALTH_ERROR, "no external port is left",
	  "more addresses: \"vsctl nat set RULE snat POOL\"; or \"vsctl nat-table set mapping "
	  "address-port-dependent\"; see \"vsctl nat sessions guest %s\"" },
	{ "control", DROP_PUNT, HEALTH_WARNING,
	  "more ARP, ND, BPDUs or such than the control thread takes from one port",
	  "look for who floods: \"vsctl capture %s at drop\"" },
	{ "buffers", DROP_NO_BUFFER, HEALTH_ERROR, "no packet buffer was free",
	  "more mbufs of [vswitchd], and a restart; who holds them: \"vsctl top\", column of %s" },
};

/* The name of a port wherever the pattern has "%s". */
static json_t *
remedy_json(const char *pattern, const struct switch_port *port)
{
	char text[256];
	size_t len = 0;

	while (*pattern != '\0' && len < sizeof(text) - SWITCH_NAME_SIZE) {
		if (pattern[0] == '%' && pattern[1] == 's') {
			len += snprintf(text + len, sizeof(text) - len, "%s", port->config.name);
			pattern += 2;
		} else {
			text[len++] = *pattern++;
		}
	}
	return json_stringn(text, len);
}

/*
 * A trunk to a switch that has more VLANs gets broadcasts of these for good. It is one, if there
 * are stations behind it in VLANs that it has.
 */
static bool
gets_other_vlans(const struct switch_port *port)
{
	const struct switch_port *owner = port->member != NULL ? port->member->bond->port : port;

	return owner->config.vlan.trunk && !switch_port_is_guest(owner) && owner->bridge != NULL &&
	       fdb_port_learnt(owner->bridge->dp->fdb, owner->dp->id) > 0;
}

void
health_drops(struct health_round *round, const struct switch_port *port, enum drop_reason reason,
	     enum health_severity severity, const char *why, const char *remedy)
{
	struct port_stats sum, recent;
	json_t *text;

	if (reason == DROP_VLAN_MISMATCH && gets_other_vlans(port))
		severity = HEALTH_NOTE;
	health_stats(round, port, &sum, &recent);
	if (recent.drops[reason] > 0)
		text = json_sprintf("%llu packet%s dropped %s, %llu in all: %s",
				    (unsigned long long)recent.drops[reason],
				    recent.drops[reason] == 1 ? " was" : "s were", round->span,
				    (unsigned long long)sum.drops[reason], why);
	else if (sum.drops[reason] > 0 && severity > HEALTH_NOTE)
		text = json_sprintf("%llu packet%s dropped since it was added, none %s: %s",
				    (unsigned long long)sum.drops[reason],
				    sum.drops[reason] == 1 ? " was" : "s were", round->span, why);
	else
		return;
	health_found(round, recent.drops[reason] > 0 ? severity : HEALTH_NOTE, port->config.name,
		     text, remedy_json(remedy, port));
}

void
health_drop_rows(struct health_round *round)
{
	char detail[DROP_DETAIL_SIZE], why[2 * DROP_DETAIL_SIZE];
	const struct switch_port *port;

	LIST_FOREACH(port, &round->sw->ports, list)
		for (size_t i = 0; i < RTE_DIM(drop_rows); i++) {
			if (strcmp(drop_rows[i].check, round->check->name) != 0)
				continue;
			snprintf(why, sizeof(why), "%s%s%s", drop_rows[i].why,
				 drop_detail(port, drop_rows[i].reason, DROP_VLAN_UNKNOWN, detail) ?
					 "; " :
					 "",
				 detail);
			health_drops(round, port, drop_rows[i].reason, drop_rows[i].severity, why,
				     port->config.kind == PORT_KIND_ETH &&
						     drop_rows[i].eth_remedy != NULL ?
					     drop_rows[i].eth_remedy :
					     drop_rows[i].remedy);
		}
}

/* --- all of them --- */

static void
round_run(struct health_round *round, json_t *checks, enum health_severity *ret_worst)
{
	for (size_t i = 0; i < n_health_checks; i++) {
		round->check = &health_checks[i];
		round->worst = HEALTH_OK;
		round->check->run(round);
		*ret_worst = RTE_MAX(*ret_worst, round->worst);
		json_array_append_new(checks,
				      json_pack("{s:s, s:s, s:s}", "check", round->check->name,
						"status", health_severity_names[round->worst],
						"looks_at", round->check->looks_at));
	}
}

json_t *
health_uncounted(struct vswitch *sw)
{
	struct health_round round = { .sw = sw, .findings = json_array() };

	for (size_t i = 0; i < n_health_checks; i++) {
		round.check = &health_checks[i];
		if (round.check->uncounted)
			round.check->run(&round);
	}
	return round.findings;
}

json_t *
health_look(struct vswitch *sw)
{
	struct health_reading *now = reading_take(sw);
	struct health_round round = { .sw = sw, .now = now };
	enum health_severity worst = HEALTH_OK;
	struct health_reading **readings;
	json_t *checks, *json;
	double seconds;
	bool keep;

	if (sw->health == NULL || sw->health->readings[0] == NULL || now == NULL) {
		free(now);
		return NULL;
	}
	readings = sw->health->readings;
	/* whoever asks very often does not make it look at moments only */
	keep = is_of_age(readings[0], HEALTH_SECONDS_MIN * USEC) || !is_of_age(readings[1], 0);
	round.before = keep ? readings[0] : readings[1];
	seconds = (double)(now->usec - round.before->usec) / USEC;
	snprintf(round.span, sizeof(round.span), "in the last %.0f s", RTE_MAX(seconds, 1.));
	checks = json_array();
	round.findings = json_array();
	round_run(&round, checks, &worst);
	json = json_pack("{s:s, s:f, s:o, s:o}", "status", health_severity_names[worst], "seconds",
			 seconds, "checks", checks, "findings", round.findings);
	if (keep)
		reading_keep(sw->health, now);
	else
		free(now);
	return json;
}
