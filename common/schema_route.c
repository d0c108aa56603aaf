/* SPDX-License-Identifier: BSD-3-Clause */
/* The kinds of objects of the router, and the networks of its guests. */
#include "schema_priv.h"

#include <assert.h>

static const struct schema_key addr_keys[] = {
	[ADDR_KEY_PORT] = {
		.name = "port", .type = VALUE_NAME, .verbs = CREATE | VERB_DEL | VERB_SHOW,
		.metavar = "PORT",
		.help = "the port that it is an address of; it is on no bridge",
	},
	[ADDR_KEY_BRIDGE] = {
		.name = "bridge", .type = VALUE_NAME, .verbs = CREATE | VERB_DEL | VERB_SHOW,
		.metavar = "BRIDGE",
		.help = "the bridge that it is an address of: the router is a station there",
	},
	[ADDR_KEY_VID] = {
		.name = "vid", .type = VALUE_UINT, .verbs = CREATE | VERB_DEL,
		.min = 1, .max = 4094, .zero_word = "none", .def = "none", .metavar = "VID",
		.help = "VLAN of the bridge",
	},
};
static_assert(N_ELEMENTS(addr_keys) == ADDR_KEYS, "a key has no description");
static_assert(ADDR_KEYS <= SCHEMA_KEYS_MAX, "struct object is too small");

const struct object_schema addr_schema = {
	.kind = "addr",
	.named = true,
	.name_kind = NAME_IS_PREFIX,
	.in_config = true,
	.help = "an address of the router's own, with the length of its network",
	.keys = addr_keys,
	.n_keys = ADDR_KEYS,
};

static const struct schema_key route_keys[] = {
	[ROUTE_KEY_VIA] = {
		.name = "via", .type = VALUE_IPS, .verbs = CREATE,
		.min = 1, .max = ROUTE_VIA_WORDS_MAX, .metavar = "IP,IP",
		.help = "gateways; of several, each flow takes one",
	},
	[ROUTE_KEY_PORT] = {
		.name = "port", .type = VALUE_NAME, .verbs = CREATE | VERB_SHOW, .metavar = "PORT",
		.help = "the routed port whose link the gateways, or the stations themselves, "
			"are on",
	},
	[ROUTE_KEY_BLACKHOLE] = {
		.name = "blackhole", .type = VALUE_FLAG, .verbs = CREATE, .metavar = "",
		.help = "drop the packets in silence",
	},
	[ROUTE_KEY_UNREACHABLE] = {
		.name = "unreachable", .type = VALUE_FLAG, .verbs = CREATE, .metavar = "",
		.help = "drop the packets and tell their senders",
	},
	[ROUTE_KEY_MATCH] = {
		.name = "match", .type = VALUE_IPS, .verbs = VERB_SHOW,
		.min = 1, .max = 1, .metavar = "IP",
		.help = "only the route that packets to this address take",
	},
	[ROUTE_KEY_CURSOR] = {
		.name = "cursor", .type = VALUE_STRING, .verbs = VERB_SHOW, .internal = true,
		.min = 1, .max = 31, .metavar = "CURSOR",
		.help = "where to go on: next of the reply before",
	},
	[ROUTE_KEY_LIMIT] = {
		.name = "limit", .type = VALUE_UINT, .verbs = VERB_SHOW, .internal = true,
		.min = 1, .max = 4096, .def = "1024", .metavar = "N",
		.help = "routes to look at for one reply",
	},
};
static_assert(N_ELEMENTS(route_keys) == ROUTE_KEYS, "a key has no description");
static_assert(ROUTE_KEYS <= SCHEMA_KEYS_MAX, "struct object is too small");

const struct object_schema route_schema = {
	.kind = "route",
	.named = true,
	.name_kind = NAME_IS_PREFIX,
	.in_config = true,
	.help = "a route: where packets to a prefix go",
	.keys = route_keys,
	.n_keys = ROUTE_KEYS,
};

const struct object_schema route_import_schema = {
	.kind = "route",
	.named = true,
	.help = "whose routes are taken",
};

static const struct schema_key neigh_keys[] = {
	[NEIGH_KEY_PORT] = {
		.name = "port", .type = VALUE_NAME,
		.verbs = CREATE | VERB_DEL | VERB_SHOW | VERB_FLUSH,
		.metavar = "PORT",
		.help = "the routed port that it is behind; of a bridge, the gateway port of \"addr "
			"show\"; default: the one whose network it is in",
	},
	[NEIGH_KEY_MAC] = {
		.name = "mac", .type = VALUE_MAC, .verbs = CREATE,
		.required = VERB_ADD | VERB_CONFIG, .metavar = "MAC",
		.help = "its MAC address",
	},
};
static_assert(N_ELEMENTS(neigh_keys) == NEIGH_KEYS, "a key has no description");

const struct object_schema neigh_schema = {
	.kind = "neigh",
	.named = true,
	.name_kind = NAME_IS_ADDRESS,
	.in_config = true,
	.help = "a station on a routed port's link",
	.keys = neigh_keys,
	.n_keys = NEIGH_KEYS,
};

static const struct schema_key network_keys[] = {
	[NETWORK_KEY_DHCP] = {
		.name = "dhcp", .type = VALUE_BOOL, .verbs = SETTABLE, .def = "off",
		.metavar = "on|off",
		.help = "give guests of the network their addresses, and answer their questions for "
			"names, by dnsmasq",
	},
	[NETWORK_KEY_DOMAIN] = {
		.name = "domain", .type = VALUE_STRING, .verbs = SETTABLE,
		.min = 1, .max = 127, .def = "none", .metavar = "NAME",
		.help = "domain that the names of its guests are in, or none",
	},
	[NETWORK_KEY_LEASE] = {
		.name = "lease", .type = VALUE_SECONDS, .verbs = SETTABLE,
		.min = 120, .max = 31536000, .def = "43200", .metavar = "TIME",
		.help = "how long a guest may keep its address without asking again: seconds, or "
			"such as 30m, 12h, 7d",
	},
	[NETWORK_KEY_RANGE] = {
		.name = "range", .type = VALUE_STRING, .verbs = SETTABLE,
		.min = 1, .max = 31, .def = "auto", .metavar = "LOW-HIGH",
		.help = "addresses for guests that have none of their own; auto: the upper half of "
			"the network",
	},
	[NETWORK_KEY_DNS] = {
		.name = "dns", .type = VALUE_STRING, .verbs = SETTABLE,
		.min = 1, .max = 63, .def = "auto", .metavar = "IP,IP",
		.help = "servers that its guests are to ask for names; auto: the router, which asks "
			"dnsmasq, and that those of the host's resolv.conf",
	},
};
static_assert(N_ELEMENTS(network_keys) == NETWORK_KEYS, "a key has no description");

const struct object_schema network_schema = {
	.kind = "network",
	.named = true,
	.name_kind = NAME_IS_PREFIX,
	.in_config = true,
	.help = "a network of guests, and what these are told about it",
	.keys = network_keys,
	.n_keys = NETWORK_KEYS,
};
