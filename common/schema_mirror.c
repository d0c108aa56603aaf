/* SPDX-License-Identifier: BSD-3-Clause */
/* Mirrors, and nothing but tables; the other kinds of objects are in schema_tables.c. */
#include <assert.h>

#include "schema_priv.h"

static const char *const direction_words[] = {
	[MIRROR_DIRECTION_BOTH] = "both",
	[MIRROR_DIRECTION_IN] = "in",
	[MIRROR_DIRECTION_OUT] = "out",
	NULL,
};

static const struct schema_key mirror_keys[] = {
	[MIRROR_KEY_PORT] = {
		.name = "port", .type = VALUE_NAME, .verbs = CREATE, .metavar = "PORT",
		.help = "copy what comes in and leaves by this port, as it is on its wire",
	},
	[MIRROR_KEY_BRIDGE] = {
		.name = "bridge", .type = VALUE_NAME, .verbs = CREATE, .metavar = "BRIDGE",
		.help = "copy what comes in by any port of this bridge, once, with the 802.1Q tag of "
			"its VLAN",
	},
	[MIRROR_KEY_VLAN] = {
		.name = "vlan", .type = VALUE_UINT, .verbs = SETTABLE,
		.min = 1, .max = 4094, .zero_word = "any", .def = "any", .metavar = "VID",
		.help = "only what is of this VLAN",
	},
	[MIRROR_KEY_DIRECTION] = {
		.name = "direction", .type = VALUE_ENUM, .verbs = SETTABLE,
		.words = direction_words, .def = "both", .metavar = "WORD",
		.help = "port: only what comes in by it, or leaves by it",
	},
	[MIRROR_KEY_TO] = {
		.name = "to", .type = VALUE_NAME, .verbs = CREATE, .metavar = "PORT",
		.help = "send the copies by this port, which is on no bridge and has no other use",
	},
	[MIRROR_KEY_VXLAN] = {
		.name = "vxlan", .type = VALUE_IPS, .verbs = CREATE,
		.min = 1, .max = 1, .metavar = "IP",
		.help = "send the copies to this address in a VXLAN tunnel, by the router",
	},
	[MIRROR_KEY_VNI] = {
		.name = "vni", .type = VALUE_UINT, .verbs = CREATE,
		.min = 0, .max = 16777215, .metavar = "N",
		.help = "vxlan: the network identifier that the receiver has",
	},
	[MIRROR_KEY_VXLAN_PORT] = {
		.name = "vxlan-port", .type = VALUE_UINT, .verbs = CREATE,
		.min = 1, .max = 65535, .def = "4789", .metavar = "N",
		.help = "vxlan: the UDP port that the receiver listens on",
	},
	[MIRROR_KEY_IPFIX] = {
		.name = "ipfix", .type = VALUE_STRING, .verbs = CREATE,
		.min = 3, .max = 255, .metavar = "HOST:PORT",
		.help = "tell this collector of the flows by IPFIX; softflowd does it",
	},
	[MIRROR_KEY_IPFIX_TIMEOUT] = {
		.name = "ipfix-timeout", .type = VALUE_SECONDS, .verbs = CREATE,
		.min = 1, .max = 86400, .def = "60", .metavar = "SECONDS",
		.help = "ipfix: tell of a flow that lasts each time this has passed, and of one that "
			"is silent after a quarter of it",
	},
	[MIRROR_KEY_SNAPLEN] = {
		.name = "snaplen", .type = VALUE_UINT, .verbs = SETTABLE,
		.min = 60, .max = 65535, .zero_word = "none", .def = "none", .metavar = "BYTES",
		.help = "to, vxlan: cut longer copies to this length",
	},
};
static_assert(N_ELEMENTS(mirror_keys) == MIRROR_KEYS, "a key has no description");
static_assert(MIRROR_KEYS <= SCHEMA_KEYS_MAX, "struct object is too small");

const struct object_schema mirror_schema = {
	.kind = "mirror",
	.named = true,
	.in_config = true,
	.help = "copies of the packets of a port, a VLAN or a bridge, for somebody to look at",
	.keys = mirror_keys,
	.n_keys = MIRROR_KEYS,
};
