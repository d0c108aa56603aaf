/* SPDX-License-Identifier: BSD-3-Clause */
#include "explain_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "bond.h"
#include "drop_detail.h"
#include "drop_log.h"
#include "frame_text.h"
#include "lag.h"
#include "moves.h"
#include "nat_control.h"
#include "nat_session.h"
#include "netback.h"
#include "neighbour.h"
#include "port_vif.h"
#include "punt.h"
#include "router.h"
#include "routing_priv.h"
#include "switch.h"
#include "trace.h"

#define TEXT_SIZE 512 /* a verdict has VERDICT_NAMES ports and reasons, 444 bytes at most */
#define NAME_SIZE 64
#define VERDICT_NAMES 8 /* ports that are named in a verdict */
#define FULL_SECONDS 10 /* a port that had no room since may have none */

/* A packet that is being told of. */
struct tale {
	struct vswitch *sw;
	const struct trace *trace;
	bool dry;
};

/* What a step says, into TEXT_SIZE bytes. */
typedef void (*step_fn)(const struct tale *tale, const struct trace_step *step, char *text);

/* --- names --- */

static const struct switch_port *
port_of(const struct tale *tale, uint16_t id, uint16_t generation)
{
	const struct switch_port *port = id < PORT_MAX ? tale->sw->owners[id] : NULL;

	return port != NULL && port->dp->generation == generation ? port : NULL;
}

/* "vif3.0 (web1)" */
static const char *
name_of(const struct switch_port *port, char name[NAME_SIZE])
{
	struct vif_load load;

	if (port == NULL)
		return "a port that is gone";
	if (port_vif_load(port, &load) && load.guest[0] != '\0')
		snprintf(name, NAME_SIZE, "%s (%.40s)", port->config.name, load.guest);
	else
		snprintf(name, NAME_SIZE, "%s", port->config.name);
	return name;
}

static const char *
name_of_id(const struct tale *tale, uint32_t id, char name[NAME_SIZE])
{
	return name_of(id < PORT_MAX ? tale->sw->owners[id] : NULL, name);
}

static const char *
step_port(const struct tale *tale, const struct trace_step *step, char name[NAME_SIZE])
{
	return name_of(port_of(tale, step->port, step->generation), name);
}

static const char *
mac_text(uint64_t word, char text[MAC_TEXT_SIZE])
{
	uint8_t mac[MAC_LEN];

	memcpy(mac, &word, MAC_LEN);
	return mac_format(mac, text);
}

static const char *
vlan_text(uint16_t vid, char text[16])
{
	if (vid == 0)
		return "no VLAN";
	snprintf(text, 16, "VLAN %u", vid);
	return text;
}

/* --- steps: a bridge's --- */

static void
tell_in(const struct tale *tale, const struct trace_step *step, char *text)
{
	const struct switch_port *port = port_of(tale, step->port, step->generation);
	const char *place = "on no bridge", *name = "";
	char buffer[NAME_SIZE];

	if (port != NULL && port->bridge != NULL) {
		place = "bridge ";
		name = port->bridge->name;
	} else if (port != NULL && port->member != NULL) {
		place = "member of ";
		name = port->member->bond->port->config.name;
	} else if (port != NULL && port->dp->rif != NULL) {
		place = "routed";
	}
	snprintf(text, TEXT_SIZE, "%s, %s%s, %" PRIu64 " bytes%s%s%s", name_of(port, buffer), place,
		 name, step->arg[0],
		 port != NULL && port->reason[0] != '\0' ? "; now unusable: " : "",
		 port != NULL ? port->reason : "",
		 port != NULL && !port->dp->up && port->reason[0] == '\0' ? "; its link is down" :
									    "");
}

static void
tell_vlan(const struct tale *tale, const struct trace_step *step, char *text)
{
	const uint16_t tag = step->arg[0], vid = tag & VLAN_VID_MASK;

	if (tag & VLAN_TAGGED)
		snprintf(text, TEXT_SIZE,
			 vid == step->arg[1] && vid != 0 ? "tagged: VLAN %u, which "
							   "is the untagged one" :
							   "tagged: VLAN %u",
			 vid);
	else if (vid == 0)
		snprintf(text, TEXT_SIZE, "untagged: no VLAN");
	else
		snprintf(text, TEXT_SIZE, "untagged: VLAN %u, the port's own", vid);
}

/* A station that is now here, now there. @text: TEXT_SIZE bytes; the end of a step's. */
static void
tell_moves(const struct tale *tale, const struct trace_step *step, char *text)
{
	const struct switch_port *port = port_of(tale, step->port, step->generation);
	const json_int_t vid = step->arg[0] >> FDB_VID_SHIFT & VLAN_VID_MASK;
	char mac[MAC_TEXT_SIZE];
	const size_t len = strlen(text);
	json_t *stations, *event;
	const char *key;

	/* of each live packet it would take too long */
	if (!tale->dry || port == NULL || port->bridge == NULL)
		return;
	stations = moves_find(tale->sw, mac_text(step->arg[0], mac));
	json_object_foreach(stations, key, event) {
		const json_int_t n = json_integer_value(json_object_get(event, "moves"));

		if (n >= MOVES_MIN && json_integer_value(json_object_get(event, "vid")) == vid &&
		    strcmp(json_string_value(json_object_get(event, "bridge")),
			   port->bridge->name) == 0)
			snprintf(text + len, TEXT_SIZE - len,
				 "; it has moved %lld times in the last %d s, between %s and %s: "
				 "two stations with one MAC, or a loop",
				 (long long)n, MOVES_SECONDS,
				 json_string_value(json_object_get(event, "from")),
				 json_string_value(json_object_get(event, "to")));
	}
	json_decref(stations);
}

static void
tell_source(const struct tale *tale, const struct trace_step *step, char *text)
{
	const uint32_t dest = step->arg[1], id = dest & FDB_DEST_PORT;
	char mac[MAC_TEXT_SIZE], name[NAME_SIZE];

	mac_text(step->arg[0], mac);
	if (dest == FDB_DEST_NONE)
		snprintf(text, TEXT_SIZE, "source %s is not known yet", mac);
	else if (dest & FDB_DEST_STATIC)
		snprintf(text, TEXT_SIZE, "source %s is fixed to %s%s", mac,
			 name_of_id(tale, id, name),
			 id == step->port ? "" : ", and stays there in the table");
	else if (id == step->port)
		snprintf(text, TEXT_SIZE, "source %s is known here, heard %" PRIu64 " s ago", mac,
			 step->arg[2]);
	else
		snprintf(text, TEXT_SIZE,
			 "source %s is known behind %s, heard there %" PRIu64 " s ago", mac,
			 name_of_id(tale, id, name), step->arg[2]);
	tell_moves(tale, step, text);
}

static void
tell_learn(const struct tale *tale, const struct trace_step *step, char *text)
{
	char mac[MAC_TEXT_SIZE];

	snprintf(text, TEXT_SIZE, "%s %s learnt here", mac_text(step->arg[0], mac),
		 tale->dry ? "would be" : "is");
}

static void
tell_station(const struct tale *tale, const struct trace_step *step, char *text)
{
	const uint32_t dest = step->arg[1];
	char mac[MAC_TEXT_SIZE], name[NAME_SIZE], buffer[16], ago[32];
	const char *vlan = vlan_text(step->arg[0] >> FDB_VID_SHIFT & VLAN_VID_MASK, buffer);

	snprintf(ago, sizeof(ago), ", %" PRIu64 " s ago", step->arg[2]);
	mac_text(step->arg[0], mac);
	if (dest == FDB_DEST_NONE)
		snprintf(text, TEXT_SIZE, "%s in %s: not known", mac, vlan);
	else
		snprintf(text, TEXT_SIZE, "%s in %s: %s, %s%s", mac, vlan,
			 name_of_id(tale, dest & FDB_DEST_PORT, name),
			 dest & FDB_DEST_STATIC ? "static" : "learnt",
			 dest & FDB_DEST_STATIC ? "" : ago);
	tell_moves(tale, step, text);
}

static void
tell_flood(const struct tale *tale, const struct trace_step *step, char *text)
{
	const struct switch_port *in = port_of(tale, step->port, step->generation);
	const char *why = "those that have joined the group";

	if (step->arg[0] == PORT_FLOOD_UNKNOWN)
		why = "all other ports, as the destination is not known";
	else if (step->arg[0] == PORT_FLOOD_MULTICAST)
		why = "all other ports, as it is to a group";
	else if (step->arg[0] == PORT_FLOOD_BROADCAST)
		why = "all other ports, as it is a broadcast";
	snprintf(text, TEXT_SIZE, "to %s%s%s", why,
		 in != NULL && in->bridge != NULL ? ", on bridge " : "",
		 in != NULL && in->bridge != NULL ? in->bridge->name : "");
}

static void
tell_skip(const struct tale *tale, const struct trace_step *step, char *text)
{
	static const char *const why[] = {
		[FLOOD_CLOSED] = "is down, or does not forward",
		[FLOOD_VLAN] = "is not in this VLAN",
		[FLOOD_ISOLATED] = "is isolated, as the port that it came in by is",
		[FLOOD_REFUSED] = "takes no such floods",
	};
	const struct switch_port *port = port_of(tale, step->port, step->generation);
	const bool closed = step->arg[0] == FLOOD_CLOSED && port != NULL && port->reason[0] != '\0';
	char name[NAME_SIZE];

	snprintf(text, TEXT_SIZE, "not %s: it %s%s%s%s", step_port(tale, step, name),
		 why[step->arg[0]], closed ? " (" : "", closed ? port->reason : "",
		 closed ? ")" : "");
}

/* --- the router's --- */

static void
tell_router(const struct tale *tale, const struct trace_step *step, char *text)
{
	char name[NAME_SIZE];

	snprintf(text, TEXT_SIZE, "the router gets it by %s", step_port(tale, step, name));
}

/* The rule that translates to, or from, an external end; or NULL. */
static const char *
nat_rule_of(const struct tale *tale, uint64_t ext)
{
	const uint16_t port = rte_be_to_cpu_16(nat_end_port(ext));
	const uint32_t ip = nat_end_ip(ext);
	const struct nat_rule *rule, *found = NULL;

	if (tale->sw->nat == NULL)
		return NULL;
	TAILQ_FOREACH(rule, nat_rules_all(tale->sw->nat), list) {
		const struct nat_rule_config *config = &rule->config;
		bool matches = rule->state.ext == ip;

		for (unsigned int i = 0; i < config->n_pool && !matches; i++)
			matches = config->pool[i].s_addr == ip;
		if (!matches || rule->state.reason[0] != '\0')
			continue;
		if (config->kind == NAT_RULE_DNAT && config->dnat.proto == nat_end_proto(ext) &&
		    port >= config->dnat.ext_low && port <= config->dnat.ext_high)
			return config->name;
		if (found == NULL && (config->kind != NAT_RULE_DNAT || config->dnat.proto == 0))
			found = rule;
	}
	return found != NULL ? found->config.name : NULL;
}

static void
tell_nat(const struct tale *tale, const struct trace_step *step, char *text)
{
	const uint64_t inside = step->arg[0], ext = step->arg[1], what = step->arg[3];
	const uint32_t ips[] = { nat_end_ip(inside), nat_end_ip(ext) };
	const bool out = (what & TRACE_NAT_IS) == IP_NAT_OUT;
	const char *rule = nat_rule_of(tale, ext);
	char ends[2][FRAME_END_SIZE], age[64];

	frame_end_text(AF_INET, &ips[0], rte_be_to_cpu_16(nat_end_port(inside)), ends[0]);
	frame_end_text(AF_INET, &ips[1], rte_be_to_cpu_16(nat_end_port(ext)), ends[1]);
	if ((what & TRACE_NAT_IS) == IP_NAT_MISS) {
		snprintf(text, TEXT_SIZE,
			 "%s is an external address, and neither session nor forwarding matches",
			 ends[1]);
		return;
	}
	if ((what & TRACE_NAT_DRY) && out && nat_end_port(inside) != nat_end_port(ext))
		snprintf(age, sizeof(age), "a session would begin, with this port or another");
	else if (what & TRACE_NAT_DRY)
		snprintf(age, sizeof(age), "a session would begin");
	else if (what & TRACE_NAT_NEW)
		snprintf(age, sizeof(age), "a new session");
	else
		snprintf(age, sizeof(age), "session of %u s", (unsigned int)(what >> 8));
	snprintf(text, TEXT_SIZE, "%s %s becomes %s (%s%s%s)", out ? "source" : "destination",
		 ends[out ? 0 : 1], ends[out ? 1 : 0], age, rule != NULL ? ", rule " : "",
		 rule != NULL ? rule : "");
}

/* "via 192.0.2.1 by eth0" */
static void
way_text(const struct route_info *route, char *text)
{
	char addr[IP_ADDR_TEXT_SIZE];
	const char *port = route->ports[0] != NULL ? route->ports[0] : "?";

	switch (route->kind) {
	case NEXT_HOP_LOCAL:
		snprintf(text, TEXT_SIZE, "the router's own");
		break;
	case NEXT_HOP_BLACKHOLE:
		snprintf(text, TEXT_SIZE, "blackhole");
		break;
	case NEXT_HOP_UNREACHABLE:
		snprintf(text, TEXT_SIZE, "unreachable");
		break;
	case NEXT_HOP_CONNECTED:
		snprintf(text, TEXT_SIZE, "on the link of %s", port);
		break;
	default:
		if (route->n_via == 0)
			snprintf(text, TEXT_SIZE, "leads nowhere now");
		else
			snprintf(text, TEXT_SIZE, "via %s by %s%s",
				 ip_addr_format(&route->via[0], addr), port,
				 route->n_via > 1 ? ", or others" : "");
	}
}

/* The route, but for that of the station itself: how one knows it is the neighbour's step. */
static void
tell_route(const struct tale *tale, const struct trace_step *step, char *text)
{
	const uint8_t family = (uint8_t)step->arg[3];
	const struct ip_addr addr = ip_addr_make(family, &step->arg[1]);
	char dst[IP_ADDR_TEXT_SIZE], prefix[IP_PREFIX_TEXT_SIZE], way[TEXT_SIZE];
	struct route_info route;

	ip_addr_format(&addr, dst);
	if (step->arg[0] == NEXT_HOP_NUMBER_NONE || tale->sw->routing == NULL ||
	    !route_match(tale->sw->routing, &addr, &route)) {
		snprintf(text, TEXT_SIZE, "no route to %s", dst);
		return;
	}
	if (route.origin == ROUTE_NEIGHBOUR) {
		snprintf(text, TEXT_SIZE, "%s is a station on the link of %s", dst,
			 route.ports[0] != NULL ? route.ports[0] : "?");
		return;
	}
	way_text(&route, way);
	snprintf(text, TEXT_SIZE, "to %s: %s, %s, %.200s", dst,
		 ip_prefix_format(&route.prefix, prefix), route_origin_names[route.origin], way);
}

static void
tell_way(const struct tale *tale, const struct trace_step *step, char *text)
{
	const struct routing *routing = tale->sw->routing;
	const struct neighbour *neighbour = routing != NULL && step->arg[1] < NEXT_HOPS_MAX ?
						    routing->slots[step->arg[1]].neighbour :
						    NULL;
	char mac[MAC_TEXT_SIZE], name[NAME_SIZE], addr[IP_ADDR_TEXT_SIZE];

	snprintf(text, TEXT_SIZE, "%s%s%s%s%s by %s%s",
		 neighbour != NULL ? ip_addr_format(&neighbour->addr, addr) : "",
		 neighbour != NULL ? " is " : "", mac_text(step->arg[0], mac),
		 neighbour != NULL ? ", " : "",
		 neighbour != NULL ? neighbour_state_names[neighbour->state] : "",
		 step_port(tale, step, name),
		 step->arg[3] ? "; it is too long for its MTU, and is cut in fragments" : "");
}

/* --- the way out --- */

static void
tell_lag(const struct tale *tale, const struct trace_step *step, char *text)
{
	static const char *const hashes[] = {
		[LAG_HASH_L2] = "MACs and VLAN",
		[LAG_HASH_L34] = "addresses and ports",
		[LAG_HASH_SOURCE] = "source MAC and VLAN",
	};
	char name[NAME_SIZE], member[NAME_SIZE];

	step_port(tale, step, name);
	if (step->arg[0] == LAG_PORT_NONE)
		snprintf(text, TEXT_SIZE, "%s has no member that sends", name);
	else if (step->arg[1] == LAG_BUCKETS)
		snprintf(text, TEXT_SIZE, "%s sends all by %s, its active member", name,
			 name_of_id(tale, step->arg[0], member));
	else
		snprintf(text, TEXT_SIZE, "%s's member %s, by %s (bucket %" PRIu64 ")", name,
			 name_of_id(tale, step->arg[0], member), hashes[step->arg[2]],
			 step->arg[1]);
}

static void
tell_segments(const struct tale *tale, const struct trace_step *step, char *text)
{
	char name[NAME_SIZE];

	snprintf(text, TEXT_SIZE, "cut into %" PRIu64 " segments, as %s takes no larger ones",
		 step->arg[0], step_port(tale, step, name));
}

static void
tell_checksum(const struct tale *tale, const struct trace_step *step, char *text)
{
	char name[NAME_SIZE];

	snprintf(text, TEXT_SIZE, "the checksum that the sender left open is filled in for %s",
		 step_port(tale, step, name));
}

static void
tell_mirror(const struct tale *tale, const struct trace_step *step, char *text)
{
	char name[NAME_SIZE];

	snprintf(text, TEXT_SIZE, "a mirror sends a copy by %s", step_port(tale, step, name));
}

static const struct trace_frame *
frame_of(const struct tale *tale, const struct trace_step *step)
{
	return step->frame < tale->trace->n_frames ? &tale->trace->frames[step->frame] : NULL;
}

static void
tell_out(const struct tale *tale, const struct trace_step *step, char *text)
{
	const struct trace_frame *frame = frame_of(tale, step);
	char name[NAME_SIZE], what[FRAME_TEXT_SIZE] = "", many[48] = "";

	if (frame != NULL)
		frame_text(frame->data, frame->len, what);
	if (step->arg[0] > 1)
		snprintf(many, sizeof(many), "%" PRIu64 " packets, the first of ", step->arg[0]);
	snprintf(text, TEXT_SIZE, "%s: %s%" PRIu64 " bytes%s%s", step_port(tale, step, name), many,
		 step->arg[1], what[0] != '\0' ? ", " : "", what);
}

static const char *const punt_texts[PUNT_KINDS] = {
	[PUNT_LINK_LOCAL] = "a frame of the link itself: LACP, spanning tree",
	[PUNT_ARP] = "ARP",
	[PUNT_ND] = "neighbour discovery",
	[PUNT_PROBE] = "a loop probe of this switch",
	[PUNT_MEMBERSHIP] = "IGMP or MLD; once noted, it is passed on to whom it concerns",
	[PUNT_LOCAL] = "to the router's own address",
	[PUNT_NEIGHBOUR] = "it waits until the station's MAC is known, which is asked for",
	[PUNT_NO_ROUTE] = "the sender is told by ICMP that there is no way",
	[PUNT_TTL] = "the sender is told by ICMP that the TTL is used up",
	[PUNT_TOO_BIG] = "the sender is told by ICMP to send smaller packets",
	[PUNT_DHCP] = "DHCP",
};

/* A station that packets wait for in vain; or NULL. */
static const struct neighbour *
silent_station(const struct tale *tale, const struct trace_step *step)
{
	const uint32_t number = (uint32_t)step->arg[1], ip = (uint32_t)step->arg[2];
	const struct ip_addr addr = ip_addr_make(AF_INET, &ip);
	struct routing *routing = tale->sw->routing;
	const struct neighbour *neighbour;
	const struct switch_rif *rif;

	if (step->arg[0] != PUNT_NEIGHBOUR || routing == NULL || number >= NEXT_HOPS_MAX)
		return NULL;
	neighbour = routing->slots[number].neighbour;
	rif = rif_of(routing, routing->dp->next_hops[number].rif);
	/* a network on the link: of IPv4 the address is told, too */
	if (neighbour == NULL && rif != NULL && ip != 0)
		neighbour = neighbour_find(routing, rif, &addr);
	return neighbour != NULL && neighbour->has_failed ? neighbour : NULL;
}

static void
tell_punt(const struct tale *tale, const struct trace_step *step, char *text)
{
	const struct neighbour *neighbour = silent_station(tale, step);
	char addr[IP_ADDR_TEXT_SIZE];

	if (neighbour == NULL)
		snprintf(text, TEXT_SIZE, "%s", punt_texts[step->arg[0]]);
	else
		snprintf(text, TEXT_SIZE,
			 "%s by %s has not answered: it is asked for again, and if it stays silent "
			 "the packet is dropped (%s)",
			 ip_addr_format(&neighbour->addr, addr), neighbour->rif->port->config.name,
			 drop_reason_names[DROP_NEIGHBOUR]);
}

/* The VLAN that it was of, as far as it was told. */
static uint16_t
vlan_of_step(const struct tale *tale, const struct trace_step *step)
{
	while (step-- > tale->trace->steps && step->kind != TRACE_IN)
		if (step->kind == TRACE_VLAN)
			return step->arg[0] & VLAN_VID_MASK;
	return DROP_VLAN_UNKNOWN;
}

static bool
detail_of(const struct tale *tale, const struct trace_step *step, char detail[DROP_DETAIL_SIZE])
{
	const struct switch_port *port = port_of(tale, step->port, step->generation);

	return port != NULL &&
	       drop_detail(port, (enum drop_reason)step->arg[0], vlan_of_step(tale, step), detail);
}

static void
tell_drop(const struct tale *tale, const struct trace_step *step, char *text)
{
	char name[NAME_SIZE], detail[DROP_DETAIL_SIZE];

	snprintf(text, TEXT_SIZE, "%s, counted on %s: %s", drop_reason_names[step->arg[0]],
		 step_port(tale, step, name),
		 detail_of(tale, step, detail) ? detail : drop_texts[step->arg[0]].what);
}

static const struct {
	const char *word;
	step_fn tell;
} steps[TRACE_KINDS] = {
	[TRACE_IN] = { "in", tell_in },
	[TRACE_VLAN] = { "vlan", tell_vlan },
	[TRACE_SOURCE] = { "source", tell_source },
	[TRACE_LEARN] = { "learn", tell_learn },
	[TRACE_STATION] = { "fdb", tell_station },
	[TRACE_FLOOD] = { "flood", tell_flood },
	[TRACE_SKIP] = { "skip", tell_skip },
	[TRACE_ROUTER] = { "router", tell_router },
	[TRACE_NAT] = { "nat", tell_nat },
	[TRACE_ROUTE] = { "route", tell_route },
	[TRACE_WAY] = { "neigh", tell_way },
	[TRACE_LAG] = { "bond", tell_lag },
	[TRACE_SEGMENTS] = { "cut", tell_segments },
	[TRACE_CHECKSUM] = { "checksum", tell_checksum },
	[TRACE_MIRROR] = { "mirror", tell_mirror },
	[TRACE_OUT] = { "out", tell_out },
	[TRACE_PUNT] = { "control", tell_punt },
	[TRACE_DROP] = { "drop", tell_drop },
};

/* --- the whole --- */

static json_t *
hex_json(const struct trace_frame *frame)
{
	char text[2 * TRACE_FRAME_LEN + 1];

	for (uint16_t i = 0; i < frame->len; i++)
		sprintf(text + 2 * i, "%02x", frame->data[i]);
	return json_stringn(text, 2u * frame->len);
}

static json_t *
port_json(const struct tale *tale, const struct trace_step *step)
{
	const struct switch_port *port = port_of(tale, step->port, step->generation);

	return port != NULL ? json_string(port->config.name) : json_null();
}

/* Is a drop for the reason of one before it? */
static bool
is_again(const json_t *dropped, size_t i)
{
	const json_t *reason = json_object_get(json_array_get(dropped, i), "reason");
	size_t first = 0;

	while (first < i &&
	       !json_equal(json_object_get(json_array_get(dropped, first), "reason"), reason))
		first++;
	return first < i;
}

/* What has come of it. */
static void
verdict_text(const json_t *sent, const json_t *dropped, bool punted, size_t n_full, char *text)
{
	const size_t n = json_array_size(sent);
	const json_t *row;
	size_t len = 0, i;

	len += (size_t)snprintf(text, TEXT_SIZE, "%s", n > 0 ? "sent by " : "");
	json_array_foreach(sent, i, row) {
		const char *name = json_string_value(json_object_get(row, "port"));

		if (i < VERDICT_NAMES)
			len += (size_t)snprintf(text + len, TEXT_SIZE - len, "%s%s",
						i > 0 ? ", " : "", name != NULL ? name : "?");
	}
	if (n > VERDICT_NAMES)
		len += (size_t)snprintf(text + len, TEXT_SIZE - len, " and %zu more",
					n - VERDICT_NAMES);
	if (n_full > 0)
		len += (size_t)snprintf(text + len, TEXT_SIZE - len, ", if there is room");
	if (punted)
		len += (size_t)snprintf(text + len, TEXT_SIZE - len, "%s",
					n > 0 ? "; given to the control thread, too" :
						"given to the control thread");
	json_array_foreach(dropped, i, row) {
		const char *reason = json_string_value(json_object_get(row, "reason"));

		if (i < VERDICT_NAMES && !is_again(dropped, i))
			len += (size_t)snprintf(text + len, TEXT_SIZE - len, "%sdropped: %s",
						len > 0 ? "; " : "", reason);
	}
	if (len == 0)
		snprintf(text, TEXT_SIZE, "nothing came of it");
}

/* When a port had no room for a packet. */
struct port_full {
	uint16_t port;
	uint64_t when; /* as struct drop_count; 0: never */
};

static void
full_see(void *arg, uint16_t port_id, const struct drop_count *count)
{
	struct port_full *full = arg;

	if (port_id == full->port && count->reason == DROP_TX_FULL)
		full->when = RTE_MAX(full->when, count->when);
}

/* Of guests of Xen the ring tells whether there is room; of others only what they did not take. */
static bool
room_text(struct vswitch *sw, const struct switch_port *port, char text[DROP_DETAIL_SIZE])
{
	struct port_full full = { .port = port->dp->id };
	const uint64_t now = switch_usec() / 1000000;

	if (drop_detail(port, DROP_TX_FULL, DROP_VLAN_UNKNOWN, text))
		return true;
	for (uint16_t w = 0; w < sw->dp->n_workers; w++)
		drop_log_each(sw->dp->workers[w], full_see, &full);
	if (full.when == 0 || full.when + FULL_SECONDS < now)
		return false;
	snprintf(text, DROP_DETAIL_SIZE,
		 "port %s had no room %" PRIu64
		 " s ago (tx_full): what is behind it is stalled, or "
		 "too slow",
		 port->config.name, now - RTE_MIN(now, full.when));
	return true;
}

/* Tell of ports that may have no room. Return: how many. */
static size_t
rooms_tell(const struct tale *tale, const json_t *sent, json_t *rows)
{
	char text[DROP_DETAIL_SIZE];
	const json_t *row;
	size_t i, n = 0;

	json_array_foreach(sent, i, row) {
		const char *name = json_string_value(json_object_get(row, "port"));
		const struct switch_port *port =
			name != NULL ? switch_port_find(tale->sw, name) : NULL;

		if (port == NULL || !tale->dry || !room_text(tale->sw, port, text))
			continue;
		json_array_append_new(rows, json_pack("{s:s, s:s, s:s}", "step", "room", "port",
						      name, "text", text));
		n++;
	}
	return n;
}

/* What a port was given and did not send after all. */
static void
sent_less(json_t *sent, const char *port, uint64_t n)
{
	json_t *row;
	size_t i;

	json_array_foreach(sent, i, row) {
		const json_int_t left =
			json_integer_value(json_object_get(row, "packets")) - (json_int_t)n;
		const char *name = json_string_value(json_object_get(row, "port"));

		if (name == NULL || strcmp(name, port) != 0)
			continue;
		if (left > 0)
			json_object_set_new(row, "packets", json_integer(left));
		else
			json_array_remove(sent, i);
		return;
	}
}

static json_t *
drop_json(const struct tale *tale, const struct trace_step *step)
{
	const struct switch_port *port = port_of(tale, step->port, step->generation);
	const struct drop_text *about = &drop_texts[step->arg[0]];
	const uint16_t vid = vlan_of_step(tale, step);
	char detail[DROP_DETAIL_SIZE], remedy[DROP_TEXT_SIZE];

	drop_text_fill(about->mend,
		       port != NULL ? drop_at_fault(port, (enum drop_reason)step->arg[0]) : NULL,
		       vid != DROP_VLAN_UNKNOWN ? vid : 0, remedy);
	return json_pack("{s:o, s:s, s:s, s:s?, s:s}", "port", port_json(tale, step), "reason",
			 drop_reason_names[step->arg[0]], "text", about->what, "detail",
			 detail_of(tale, step, detail) ? detail : NULL, "remedy", remedy);
}

/* Where steps lead out of the switch, one way or another. */
static void
outcome_add(const struct tale *tale, const struct trace_step *step, json_t *sent, json_t *dropped,
	    bool *punted)
{
	const struct switch_port *port = port_of(tale, step->port, step->generation);
	const struct trace_frame *frame = frame_of(tale, step);

	if (step->kind == TRACE_OUT && step->arg[2] == 0) {
		json_array_append_new(
			sent,
			json_pack("{s:o, s:I, s:I, s:o}", "port", port_json(tale, step), "packets",
				  (json_int_t)step->arg[0], "length", (json_int_t)step->arg[1],
				  "frame", frame != NULL ? hex_json(frame) : json_null()));
	} else if (step->kind == TRACE_DROP) {
		if (port != NULL)
			sent_less(sent, port->config.name, step->arg[1]);
		json_array_append_new(dropped, drop_json(tale, step));
	} else if (step->kind == TRACE_PUNT) {
		/* the others are the start of a packet, whose sender is told */
		*punted |= step->arg[0] != PUNT_NO_ROUTE && step->arg[0] != PUNT_TTL &&
			   step->arg[0] != PUNT_TOO_BIG;
	}
}

json_t *
explain_json(struct vswitch *sw, const struct trace *trace, bool dry)
{
	const struct tale tale = { .sw = sw, .trace = trace, .dry = dry };
	json_t *rows = json_array(), *sent = json_array(), *dropped = json_array();
	char text[TEXT_SIZE], packet[FRAME_TEXT_SIZE] = "?";
	bool punted = false;

	for (uint16_t i = 0; i < trace->n_steps; i++) {
		const struct trace_step *step = &trace->steps[i];

		steps[step->kind].tell(&tale, step, text);
		json_array_append_new(rows,
				      json_pack("{s:s, s:o, s:s}", "step", steps[step->kind].word,
						"port", port_json(&tale, step), "text", text));
		outcome_add(&tale, step, sent, dropped, &punted);
	}
	if (trace->n_lost > 0)
		json_array_append_new(
			rows, json_pack("{s:s, s:n, s:o}", "step", "more", "port", "text",
					json_sprintf("%u steps are left out", trace->n_lost)));
	if (trace->n_frames > 0)
		frame_text(trace->frames[0].data, trace->frames[0].len, packet);
	verdict_text(sent, dropped, punted, rooms_tell(&tale, sent, rows), text);
	return json_pack("{s:s, s:o, s:o, s:o, s:s}", "packet", packet, "steps", rows, "sent", sent,
			 "dropped", dropped, "verdict", text);
}
