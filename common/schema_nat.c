/* SPDX-License-Identifier: BSD-3-Clause */
/* The kinds of objects of NAT, and nothing but tables; the others are in schema_tables.c. */
#include <assert.h>

#include "schema_priv.h"

#define TABLE (VERB_CONFIG | VERB_SET)

static const char *const nat_mapping_words[] = {
	[NAT_MAPPING_TABLE] = "default",
	[NAT_MAPPING_ENDPOINT] = "endpoint-independent",
	[NAT_MAPPING_ADDRESS_PORT] = "address-port-dependent",
	NULL,
};

static const char *const nat_filtering_words[] = {
	[NAT_FILTERING_TABLE] = "default",
	[NAT_FILTERING_ADDRESS_PORT] = "address-port-dependent",
	[NAT_FILTERING_ADDRESS] = "address-dependent",
	[NAT_FILTERING_ENDPOINT] = "endpoint-independent",
	NULL,
};

static const struct schema_key nat_keys[] = {
	[NAT_RULE_KEY_MASQUERADE] = {
		.name = "masquerade", .type = VALUE_NAME, .verbs = SETTABLE, .metavar = "PORT",
		.help = "source NAT: what leaves by this routed port, or by the router's address of "
			"this bridge, gets the address that the router has there, whatever it is now",
	},
	[NAT_RULE_KEY_SNAT] = {
		.name = "snat", .type = VALUE_POOL, .verbs = SETTABLE, .metavar = "ADDR-ADDR",
		.help = "source NAT: what leaves by out gets one of these addresses, each inside "
			"address always the same; the router answers for those in out's network",
	},
	[NAT_RULE_KEY_DNAT] = {
		.name = "dnat", .type = VALUE_DNAT, .verbs = SETTABLE, .metavar = "FORWARDING",
		.help = "destination NAT: \"tcp 8080 -> 10.0.0.2:80\": what comes to port 8080 of "
			"out's address goes to 10.0.0.2, port 80; \"to\" is the same as \"->\"",
	},
	[NAT_RULE_KEY_OUT] = {
		.name = "out", .type = VALUE_NAME, .verbs = SETTABLE, .metavar = "PORT",
		.help = "snat, dnat: the routed port, or bridge, on the outside; default: that of "
			"the first masquerade",
	},
	[NAT_RULE_KEY_FROM] = {
		.name = "from", .type = VALUE_NETS, .verbs = SETTABLE,
		.min = 1, .max = 32, .metavar = "IP/LEN,IP/LEN",
		.help = "source NAT: only of these inside addresses; default: of all",
	},
	[NAT_RULE_KEY_GUEST] = {
		.name = "guest", .type = VALUE_NAME, .verbs = SETTABLE,
		.zero_word = "all", .def = "all", .metavar = "PORT",
		.help = "source NAT: only of the guest behind this routed port, such as vif1.0; "
			"its rules come before those of all",
	},
	[NAT_RULE_KEY_PORTS] = {
		.name = "ports", .type = VALUE_PORTS, .verbs = SETTABLE,
		.def = "1024-65535", .metavar = "LOW-HIGH",
		.help = "source NAT: external ports to use",
	},
	[NAT_RULE_KEY_MAPPING] = {
		.name = "mapping", .type = VALUE_ENUM, .verbs = SETTABLE,
		.words = nat_mapping_words, .def = "default", .metavar = "WORD",
		.help = "source NAT: as nat-table's; default: what is set there",
	},
	[NAT_RULE_KEY_FILTERING] = {
		.name = "filtering", .type = VALUE_ENUM, .verbs = SETTABLE,
		.words = nat_filtering_words, .def = "default", .metavar = "WORD",
		.help = "source NAT: as nat-table's; default: what is set there",
	},
};
static_assert(N_ELEMENTS(nat_keys) == NAT_RULE_KEYS, "a key has no description");
static_assert(NAT_RULE_KEYS <= SCHEMA_KEYS_MAX, "struct object is too small");

const struct object_schema nat_schema = {
	.kind = "nat",
	.named = true,
	.in_config = true,
	.help = "a rule of NAT for IPv4: addresses of guests are translated to those of the host, "
		"or what comes from outside is forwarded to a guest",
	.keys = nat_keys,
	.n_keys = NAT_RULE_KEYS,
};

static const struct schema_key nat_table_keys[] = {
	[NAT_TABLE_KEY_SESSIONS_MAX] = {
		.name = "sessions-max", .type = VALUE_UINT, .verbs = TABLE,
		.min = 1024, .max = 16777216, .def = "1048576", .metavar = "N",
		.help = "most sessions; changed only while there is no rule. A session takes up to "
			"116 bytes, when it is used",
	},
	[NAT_TABLE_KEY_MAPPING] = {
		.name = "mapping", .type = VALUE_ENUM, .verbs = TABLE,
		.words = nat_mapping_words + 1, .def = "endpoint-independent", .metavar = "WORD",
		.help = "endpoint-independent: an inside address and port is always seen as the "
			"same external port, which is nobody else's (RFC 4787); "
			"address-port-dependent: ports are used for other remote hosts again, so "
			"that one address is enough for millions of sessions",
	},
	[NAT_TABLE_KEY_FILTERING] = {
		.name = "filtering", .type = VALUE_ENUM, .verbs = TABLE,
		.words = nat_filtering_words + 1, .def = "address-port-dependent",
		.metavar = "WORD",
		.help = "who may send to an external port that a guest uses: only whom the guest "
			"has sent to (address-port-dependent), all ports of such hosts, or "
			"everybody (endpoint-independent); the latter two need "
			"endpoint-independent mapping",
	},
	[NAT_TABLE_KEY_TCP_ESTABLISHED] = {
		.name = "tcp-established", .type = VALUE_SECONDS, .verbs = TABLE,
		.min = 1, .max = 1000000, .def = "7440", .metavar = "SECONDS",
		.help = "silence after which a TCP connection is forgotten",
	},
	[NAT_TABLE_KEY_TCP_TRANSITORY] = {
		.name = "tcp-transitory", .type = VALUE_SECONDS, .verbs = TABLE,
		.min = 1, .max = 1000000, .def = "240", .metavar = "SECONDS",
		.help = "the same of one that opens, closes or was reset",
	},
	[NAT_TABLE_KEY_UDP] = {
		.name = "udp", .type = VALUE_SECONDS, .verbs = TABLE,
		.min = 1, .max = 1000000, .def = "300", .metavar = "SECONDS",
		.help = "the same of a UDP flow",
	},
	[NAT_TABLE_KEY_UDP_NEW] = {
		.name = "udp-new", .type = VALUE_SECONDS, .verbs = TABLE,
		.min = 1, .max = 1000000, .def = "120", .metavar = "SECONDS",
		.help = "the same of one that has had packets of one direction only",
	},
	[NAT_TABLE_KEY_ICMP] = {
		.name = "icmp", .type = VALUE_SECONDS, .verbs = TABLE,
		.min = 1, .max = 1000000, .def = "60", .metavar = "SECONDS",
		.help = "the same of ICMP queries",
	},
	[NAT_TABLE_KEY_OTHER] = {
		.name = "other", .type = VALUE_SECONDS, .verbs = TABLE,
		.min = 1, .max = 1000000, .def = "300", .metavar = "SECONDS",
		.help = "the same of all other protocols",
	},
	[NAT_TABLE_KEY_GUEST_SESSIONS] = {
		.name = "guest-sessions", .type = VALUE_UINT, .verbs = TABLE,
		.min = 1, .max = 16777216, .zero_word = "none", .def = "16384", .metavar = "N",
		.help = "most sessions of one guest; none: no cap; of one guest: nat-sessions of "
			"its port",
	},
	[NAT_TABLE_KEY_GUEST_RATE] = {
		.name = "guest-rate", .type = VALUE_UINT, .verbs = TABLE,
		.min = 1, .max = 100000000, .zero_word = "none", .def = "10000", .metavar = "N",
		.help = "most new sessions of one guest in a second, a tenth of them at once; none: "
			"no cap; of one guest: nat-rate of its port",
	},
};
static_assert(N_ELEMENTS(nat_table_keys) == NAT_TABLE_KEYS, "a key has no description");
static_assert(NAT_TABLE_KEYS <= SCHEMA_KEYS_MAX, "struct object is too small");

const struct object_schema nat_table_schema = {
	.kind = "nat-table",
	.in_config = true,
	.help = "the table of NAT sessions",
	.keys = nat_table_keys,
	.n_keys = NAT_TABLE_KEYS,
};

static const char *const nat_proto_words[] = {
	[NAT_PROTO_ANY] = "any",   [NAT_PROTO_TCP] = "tcp",         [NAT_PROTO_UDP] = "udp",
	[NAT_PROTO_ICMP] = "icmp", [NAT_PROTO_GRE] = "gre",         [NAT_PROTO_ESP] = "esp",
	[NAT_PROTO_SCTP] = "sctp", [NAT_PROTO_UDPLITE] = "udplite", NULL,
};
static_assert(N_ELEMENTS(nat_proto_words) == NAT_PROTO_WORDS + 1, "a protocol has no word");

#define WHICH (VERB_SHOW | VERB_FLUSH)

static const struct schema_key nat_sessions_keys[] = {
	[NAT_SESSIONS_KEY_PROTO] = {
		.name = "proto", .type = VALUE_ENUM, .verbs = WHICH,
		.words = nat_proto_words, .def = "any", .metavar = "WORD",
		.help = "only this protocol",
	},
	[NAT_SESSIONS_KEY_INSIDE] = {
		.name = "inside", .type = VALUE_NETS, .verbs = WHICH,
		.min = 1, .max = 1, .metavar = "IP/LEN",
		.help = "only these inside addresses",
	},
	[NAT_SESSIONS_KEY_REMOTE] = {
		.name = "remote", .type = VALUE_NETS, .verbs = WHICH,
		.min = 1, .max = 1, .metavar = "IP/LEN",
		.help = "only with these hosts outside",
	},
	[NAT_SESSIONS_KEY_EXT] = {
		.name = "ext", .type = VALUE_ADDRS, .verbs = WHICH,
		.min = 1, .max = 1, .metavar = "IP",
		.help = "only by this external address",
	},
	[NAT_SESSIONS_KEY_PORT] = {
		.name = "port", .type = VALUE_UINT, .verbs = WHICH,
		.min = 1, .max = 65535, .metavar = "PORT",
		.help = "only with this port inside, outside or of the remote host; of ICMP: its id",
	},
	[NAT_SESSIONS_KEY_GUEST] = {
		.name = "guest", .type = VALUE_NAME, .verbs = WHICH, .metavar = "PORT",
		.help = "only of what is behind this routed port, such as vif1.0",
	},
	[NAT_SESSIONS_KEY_CURSOR] = {
		.name = "cursor", .type = VALUE_STRING, .verbs = VERB_SHOW, .internal = true,
		.min = 1, .max = 31, .metavar = "CURSOR",
		.help = "where to go on: next of the reply before",
	},
	[NAT_SESSIONS_KEY_LIMIT] = {
		.name = "limit", .type = VALUE_UINT, .verbs = VERB_SHOW, .internal = true,
		.min = 1, .max = 4096, .def = "1024", .metavar = "N",
		.help = "most sessions of one reply",
	},
};
static_assert(N_ELEMENTS(nat_sessions_keys) == NAT_SESSIONS_KEYS, "a key has no description");

const struct object_schema nat_sessions_schema = {
	.kind = "nat sessions",
	.help = "which sessions of NAT are meant",
	.keys = nat_sessions_keys,
	.n_keys = NAT_SESSIONS_KEYS,
};
