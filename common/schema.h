/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Object schemas: one const table per kind of object that an operator names.
 *
 * How: a table lists the keys of an object, with type, range, default, and the verbs that take the
 * key. The configuration file, the RPC, vsctl's arguments, its help and the man page are all read
 * off these tables, so that a key is described exactly once and refused with the same words
 * everywhere. A text becomes a struct value by one parser; object.h has all values of an object.
 *
 * Thread-safety: const tables and pure functions, any thread.
 */
#ifndef COMMON_SCHEMA_H
#define COMMON_SCHEMA_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "prefix.h"

struct error;

#define NAME_MAX_LEN 15      /* as IFNAMSIZ - 1: bridges, ports */
#define VALUE_TEXT_SIZE 1024 /* bytes: of a list of VLANs */
#define SCHEMA_KEYS_MAX 48
#define CORE_MAX 1023

enum value_type {
	VALUE_BOOL,     /* yes, no; on, off; true, false; 1, 0 */
	VALUE_UINT,     /* decimal number, min..max */
	VALUE_SECONDS,  /* the same, a time; also "90s", "15m", "12h", "7d" */
	VALUE_ENUM,     /* one of words */
	VALUE_NAME,     /* name of a bridge or port; zero_word is none */
	VALUE_NAMES,    /* min..max names, each once: "eth0,eth1" */
	VALUE_ADDRS,    /* up to max IPv4 addresses, each once: "10.0.0.1,10.0.0.2" */
	VALUE_IPS,      /* min..max IP addresses of either family: prefix.h; zero_word is none */
	VALUE_PREFIXES, /* min..max IP addresses or prefixes, each once; zero_word is none */
	VALUE_FLAG,     /* no value on a command line; yes or no elsewhere */
	VALUE_MAC,      /* MAC address */
	VALUE_CORES,    /* CPU cores: "1-3,5" */
	VALUE_RATE,     /* bytes in an interval: rate.h */
	VALUE_VLANS,    /* list of VLANs: vlans.h */
	VALUE_POOL,     /* IPv4 addresses and ranges of them: nat_text.h */
	VALUE_PORTS,    /* port, or a range of them: nat_text.h */
	VALUE_NETS,     /* up to max IPv4 prefixes: nat_text.h */
	VALUE_DNAT,     /* forwarding, one to four words on a command line: nat_text.h */
	VALUE_LISTEN,   /* where a service listens: listen.h; zero_word is nowhere */
	VALUE_STRING,   /* min..max bytes of printable text */
};

/* What an object can be told; bits, so that a key can say which verbs take it. */
enum schema_verb {
	VERB_ADD = 1 << 0,
	VERB_DEL = 1 << 1,
	VERB_SET = 1 << 2,
	VERB_SHOW = 1 << 3, /* as a filter */
	VERB_FLUSH = 1 << 4,
	VERB_CONFIG = 1 << 5, /* a section of the configuration file */
};

/**
 * struct schema_key - a key of a kind of object.
 * @name: as in "vsctl bridge add xenbr0 NAME value"; '_' and '-' are the same when read.
 * @type: how its text is read.
 * @verbs: bits of enum schema_verb that take it. VERB_ADD without VERB_SET: create-only.
 * @required: verbs that must have it.
 * @in_title: part of what names the object in the configuration file: it stands behind the name in
 *the section's header, and is no key there.
 * @internal: for programs only (paging); not in vsctl's grammar or the help.
 * @min, @max: range of a number, of a core number, or of the length of a string.
 * @zero_word: a word that stands for 0, or for nothing, such as "none"; or NULL.
 * @words: VALUE_ENUM: the words, NULL at the end; the first is value 0.
 * @def: default as text, or NULL: none.
 * @metavar: what help calls the value.
 * @help: one line.
 */
struct schema_key {
	const char *name;
	enum value_type type;
	unsigned int verbs;
	unsigned int required;
	bool in_title;
	bool internal;
	uint64_t min;
	uint64_t max;
	const char *zero_word;
	const char *const *words;
	const char *def;
	const char *metavar;
	const char *help;
};

/* What names objects of a kind. */
enum name_kind {
	NAME_IS_WORD,    /* name_is_valid() */
	NAME_IS_PREFIX,  /* an IP prefix or address, with its length; "default": 0.0.0.0/0 */
	NAME_IS_ADDRESS, /* an IP address */
};
#define OBJECT_NAME_SIZE IP_PREFIX_TEXT_SIZE

/**
 * struct object_schema - a kind of object.
 * @kind: "bridge", also the word of the section in the configuration file.
 * @named: objects of this kind have a name.
 * @name_kind: what that is.
 * @in_config: may be a section of the configuration file.
 * @help: one line.
 * @keys, @n_keys: its keys; indices are the enums below.
 */
struct object_schema {
	const char *kind;
	bool named;
	enum name_kind name_kind;
	bool in_config;
	const char *help;
	const struct schema_key *keys;
	unsigned int n_keys;
};

enum vswitchd_key {
	VSWITCHD_KEY_WORKERS,   /* 0: auto */
	VSWITCHD_KEY_CORES,     /* text; empty: any */
	VSWITCHD_KEY_MBUFS,     /* 0: auto */
	VSWITCHD_KEY_HUGEPAGES, /* enum hugepages_word */
	VSWITCHD_KEY_MEMORY,    /* MiB; 0: auto */
	VSWITCHD_KEY_ROUTES_MAX,
	VSWITCHD_KEY_ROUTE_IMPORT, /* enum route_import_word */
	VSWITCHD_KEYS
};

enum route_import_word { ROUTE_IMPORT_NONE, ROUTE_IMPORT_KERNEL };

enum hugepages_word { HUGEPAGES_AUTO, HUGEPAGES_YES, HUGEPAGES_NO };

enum metrics_key {
	METRICS_KEY_LISTEN, /* text, for listen_parse(); zero_word: not at all */
	METRICS_KEYS
};

enum bridge_key {
	BRIDGE_KEY_AGEING,
	BRIDGE_KEY_FDB_LIMIT,
	BRIDGE_KEY_ANNOUNCE,
	BRIDGE_KEY_STP, /* enum stp_word */
	BRIDGE_KEY_STP_PRIORITY,
	BRIDGE_KEY_HELLO,
	BRIDGE_KEY_MAX_AGE,
	BRIDGE_KEY_FORWARD_DELAY,
	BRIDGE_KEY_LOOP_DETECT,
	BRIDGE_KEY_SNOOPING,
	BRIDGE_KEY_QUERIER,
	BRIDGE_KEY_QUERIER_ADDRESS,
	BRIDGE_KEY_QUERY_INTERVAL,
	BRIDGE_KEY_QUERY_RESPONSE,
	BRIDGE_KEY_LAST_MEMBER, /* milliseconds */
	BRIDGE_KEY_ROBUSTNESS,
	BRIDGE_KEY_GROUP_LIMIT,
	BRIDGE_KEYS
};

enum port_key {
	PORT_KEY_BRIDGE,
	PORT_KEY_TYPE, /* enum port_type_word; see object.h */
	PORT_KEY_DEVARGS,
	PORT_KEY_VID,       /* 0: none */
	PORT_KEY_MTU,       /* 0: keep the device's own */
	PORT_KEY_FDB_LIMIT, /* 0: as the bridge */
	PORT_KEY_QUEUES,
	PORT_KEY_PATH,     /* vhost */
	PORT_KEY_CARRIER,  /* enum carrier_word */
	PORT_KEY_CHECKSUM, /* enum checksum_word */
	PORT_KEY_XDP,      /* enum xdp_word */
	PORT_KEY_ADOPT,    /* netdev: a tap; empty: none */
	PORT_KEY_RATE,     /* text, for rate_parse(); zero_word: unlimited */
	PORT_KEY_TRUNK,    /* text, for vlans_parse(); zero_word: no trunk */
	PORT_KEY_NATIVE,   /* 0: none */
	PORT_KEY_TUNNEL,   /* 0: none */
	PORT_KEY_TPID,     /* enum tpid_word */
	PORT_KEY_ISOLATED,
	PORT_KEY_HAIRPIN,
	PORT_KEY_FLOOD_UNKNOWN,
	PORT_KEY_FLOOD_MULTICAST,
	PORT_KEY_FLOOD_BROADCAST,
	PORT_KEY_PARENT,     /* vlan */
	PORT_KEY_PARENT_VID, /* vlan */
	PORT_KEY_STP_COST,   /* 0: by its speed */
	PORT_KEY_STP_PRIORITY,
	PORT_KEY_STP_EDGE,       /* enum tristate_word */
	PORT_KEY_STP_P2P,        /* enum tristate_word */
	PORT_KEY_STP_RESTRICTED, /* enum tristate_word */
	PORT_KEY_BPDU,           /* enum bpdu_word */
	PORT_KEY_MROUTER,        /* enum mrouter_word */
	PORT_KEY_FAST_LEAVE,
	PORT_KEY_GROUP_LIMIT,  /* 0: as the bridge */
	PORT_KEY_PROXY,        /* enum proxy_word */
	PORT_KEY_MODE,         /* enum port_mode_word */
	PORT_KEY_IP,           /* text, for ip_prefixes_parse(); zero_word: none */
	PORT_KEY_GATEWAY,      /* text, for ip_addrs_parse(); zero_word: none */
	PORT_KEY_NAT_SESSIONS, /* 0: as nat-table has it */
	PORT_KEY_NAT_RATE,     /* 0: as nat-table has it */
	PORT_KEY_BRIEF,
	PORT_KEYS
};

enum port_type_word {
	PORT_TYPE_AUTO,
	PORT_TYPE_NETDEV,
	PORT_TYPE_TAP,
	PORT_TYPE_ETH,
	PORT_TYPE_VIF,
	PORT_TYPE_VHOST,
	PORT_TYPE_VLAN,
	PORT_TYPE_WORDS
};

enum proxy_word { PROXY_WORD_NO, PROXY_WORD_GUESTS, PROXY_WORD_ALL };

/* The same as enum guest_mode. */
enum port_mode_word { PORT_MODE_BRIDGE, PORT_MODE_ROUTE, PORT_MODE_NAT };
#define PORT_IPS_MAX 32
#define PORT_GATEWAYS_MAX 8

enum carrier_word { CARRIER_ON, CARRIER_OFF };

enum checksum_word { CHECKSUM_OFFLOAD, CHECKSUM_FULL };

enum tpid_word { TPID_CUSTOMER, TPID_SERVICE };

enum stp_word { STP_OFF, STP_STP, STP_RSTP };

enum bpdu_word { BPDU_NORMAL, BPDU_GUARD, BPDU_FILTER };

enum tristate_word { TRISTATE_AUTO, TRISTATE_YES, TRISTATE_NO };
/* The same as enum membership_router. */
enum mrouter_word { MROUTER_AUTO, MROUTER_YES, MROUTER_NO };

enum xdp_word { XDP_AUTO, XDP_ON, XDP_OFF };

/* The name of an fdb object is its bridge. */
enum fdb_key { FDB_KEY_MAC, FDB_KEY_VID, FDB_KEY_PORT, FDB_KEY_CURSOR, FDB_KEY_LIMIT, FDB_KEYS };

/* In the order of enum bond_mode. */
enum bond_mode_word {
	BOND_MODE_ACTIVE_BACKUP,
	BOND_MODE_BALANCE_SLB,
	BOND_MODE_BALANCE_XOR,
	BOND_MODE_LACP,
	BOND_MODE_WORDS
};

enum bond_hash_word { BOND_HASH_L2, BOND_HASH_L34, BOND_HASH_WORDS };

enum bond_key {
	BOND_KEY_MODE, /* enum bond_mode_word */
	BOND_KEY_MEMBERS,
	BOND_KEY_BRIDGE,
	BOND_KEY_ACTIVE,
	BOND_KEY_HASH, /* enum bond_hash_word */
	BOND_KEY_UPDELAY,
	BOND_KEY_DOWNDELAY,
	BOND_KEY_REBALANCE, /* 0: never */
	BOND_KEY_ARP_TARGETS,
	BOND_KEY_ARP_INTERVAL,
	BOND_KEY_ARP_VID,   /* 0: none */
	BOND_KEY_LACP,      /* enum lacp_word */
	BOND_KEY_LACP_RATE, /* enum lacp_rate_word */
	BOND_KEY_MIN_LINKS,
	BOND_KEY_FALLBACK,
	BOND_KEY_SYSTEM_PRIORITY,
	BOND_KEY_PORT_PRIORITY,
	BOND_KEYS
};

enum lacp_word { LACP_WORD_ACTIVE, LACP_WORD_PASSIVE };

enum lacp_rate_word { LACP_RATE_SLOW, LACP_RATE_FAST };

#define BOND_MEMBERS_MAX 8
#define BOND_ARP_TARGETS_MAX 8

/* The name of a group or querier object is its bridge. */
enum group_key { GROUP_KEY_VID, GROUP_KEY_PORT, GROUP_KEYS };

/* The name of an addr object is the address with its network's length. */
enum addr_key { ADDR_KEY_PORT, ADDR_KEY_BRIDGE, ADDR_KEY_VID, ADDR_KEYS };

enum route_key {
	ROUTE_KEY_VIA,
	ROUTE_KEY_PORT,
	ROUTE_KEY_BLACKHOLE,
	ROUTE_KEY_UNREACHABLE,
	ROUTE_KEY_MATCH,
	ROUTE_KEY_CURSOR,
	ROUTE_KEY_LIMIT,
	ROUTE_KEYS
};
#define ROUTE_VIA_WORDS_MAX 16

enum neigh_key { NEIGH_KEY_PORT, NEIGH_KEY_MAC, NEIGH_KEYS };

/* A rule of NAT is one of masquerade, snat and dnat. */
enum nat_rule_key {
	NAT_RULE_KEY_MASQUERADE,
	NAT_RULE_KEY_SNAT,
	NAT_RULE_KEY_DNAT,
	NAT_RULE_KEY_OUT,
	NAT_RULE_KEY_FROM,
	NAT_RULE_KEY_GUEST,
	NAT_RULE_KEY_PORTS,
	NAT_RULE_KEY_MAPPING,   /* enum nat_mapping_word */
	NAT_RULE_KEY_FILTERING, /* enum nat_filtering_word */
	NAT_RULE_KEYS
};

/* The first is: as nat-table has it; the others are in the order of enum nat_mapping, */
enum nat_mapping_word { NAT_MAPPING_TABLE, NAT_MAPPING_ENDPOINT, NAT_MAPPING_ADDRESS_PORT };

/* and of enum nat_filtering. */
enum nat_filtering_word {
	NAT_FILTERING_TABLE,
	NAT_FILTERING_ADDRESS_PORT,
	NAT_FILTERING_ADDRESS,
	NAT_FILTERING_ENDPOINT
};

enum nat_table_key {
	NAT_TABLE_KEY_SESSIONS_MAX,
	NAT_TABLE_KEY_MAPPING,   /* enum nat_mapping_word less 1 */
	NAT_TABLE_KEY_FILTERING, /* enum nat_filtering_word less 1 */
	NAT_TABLE_KEY_TCP_ESTABLISHED,
	NAT_TABLE_KEY_TCP_TRANSITORY,
	NAT_TABLE_KEY_UDP,
	NAT_TABLE_KEY_UDP_NEW,
	NAT_TABLE_KEY_ICMP,
	NAT_TABLE_KEY_OTHER,
	NAT_TABLE_KEY_GUEST_SESSIONS, /* 0: no cap */
	NAT_TABLE_KEY_GUEST_RATE,     /* 0: no cap */
	NAT_TABLE_KEYS
};

enum nat_sessions_key {
	NAT_SESSIONS_KEY_PROTO, /* enum nat_proto_word */
	NAT_SESSIONS_KEY_INSIDE,
	NAT_SESSIONS_KEY_REMOTE,
	NAT_SESSIONS_KEY_EXT,
	NAT_SESSIONS_KEY_PORT, /* 0: any */
	NAT_SESSIONS_KEY_GUEST,
	NAT_SESSIONS_KEY_CURSOR,
	NAT_SESSIONS_KEY_LIMIT,
	NAT_SESSIONS_KEYS
};

enum nat_proto_word {
	NAT_PROTO_ANY,
	NAT_PROTO_TCP,
	NAT_PROTO_UDP,
	NAT_PROTO_ICMP,
	NAT_PROTO_GRE,
	NAT_PROTO_ESP,
	NAT_PROTO_SCTP,
	NAT_PROTO_UDPLITE,
	NAT_PROTO_WORDS
};

/* The name of a network object is its prefix. */
enum network_key {
	NETWORK_KEY_DHCP,
	NETWORK_KEY_DOMAIN, /* "none" */
	NETWORK_KEY_LEASE,
	NETWORK_KEY_RANGE, /* "auto", or for lan_range_parse() */
	NETWORK_KEY_DNS,   /* "auto", or for ip_addrs_parse() */
	NETWORK_KEYS
};
#define NETWORK_DNS_WORDS_MAX 4

/* A mirror is of a port or a bridge, and goes to one of to, vxlan and ipfix. */
enum mirror_key {
	MIRROR_KEY_PORT,
	MIRROR_KEY_BRIDGE,
	MIRROR_KEY_VLAN,      /* 0: any */
	MIRROR_KEY_DIRECTION, /* enum mirror_direction_word */
	MIRROR_KEY_TO,
	MIRROR_KEY_VXLAN,
	MIRROR_KEY_VNI,
	MIRROR_KEY_VXLAN_PORT,
	MIRROR_KEY_IPFIX,
	MIRROR_KEY_IPFIX_TIMEOUT,
	MIRROR_KEY_SNAPLEN, /* 0: whole packets */
	MIRROR_KEYS
};

enum mirror_direction_word { MIRROR_DIRECTION_BOTH, MIRROR_DIRECTION_IN, MIRROR_DIRECTION_OUT };

enum vif_key { VIF_KEY_BRIDGE, VIF_KEYS };

extern const struct object_schema vswitchd_schema;
extern const struct object_schema bridge_schema;
extern const struct object_schema port_schema;
extern const struct object_schema fdb_schema;
extern const struct object_schema bond_schema;
extern const struct object_schema addr_schema;
extern const struct object_schema route_schema;
extern const struct object_schema route_import_schema; /* what "route import" takes: no object */
extern const struct object_schema neigh_schema;
extern const struct object_schema nat_schema;
extern const struct object_schema nat_sessions_schema; /* which sessions: show and flush only */
extern const struct object_schema nat_table_schema;
extern const struct object_schema metrics_schema;
extern const struct object_schema network_schema;
extern const struct object_schema mirror_schema;
extern const struct object_schema group_schema;   /* show only */
extern const struct object_schema querier_schema; /* show only */
extern const struct object_schema vif_schema;     /* show only */
extern const struct object_schema stp_schema;     /* show only */
extern const struct object_schema stats_schema;   /* show only */
extern const struct object_schema worker_schema;  /* show only */

#define OBJECT_SCHEMAS 20
extern const struct object_schema *const object_schemas[OBJECT_SCHEMAS];

/**
 * struct value - a value of a key.
 * @is_set: it was given; otherwise the rest is the default.
 * @number: VALUE_UINT, VALUE_SECONDS; VALUE_ENUM: index of the word; VALUE_BOOL: 0 or 1.
 * @mac: VALUE_MAC.
 * @text: VALUE_NAME, VALUE_NAMES, VALUE_ADDRS, VALUE_IPS, VALUE_PREFIXES, VALUE_STRING,
 * VALUE_CORES, VALUE_RATE, VALUE_VLANS, VALUE_POOL, VALUE_PORTS, VALUE_NETS, VALUE_DNAT,
 * VALUE_LISTEN; for the others, the canonical text.
 */
struct value {
	bool is_set;
	uint64_t number;
	uint8_t mac[MAC_LEN];
	char text[VALUE_TEXT_SIZE];
};

/**
 * schema_find() - a kind of object by its word
 * @kind: "bridge"
 *
 * Return: the schema, or NULL. Context: any thread.
 */
const struct object_schema *schema_find(const char *kind);

/**
 * schema_key_find() - a key by its name
 * @schema: kind of object
 * @name: '_' and '-' are the same
 *
 * Return: the key, or NULL. Context: any thread.
 */
const struct schema_key *schema_key_find(const struct object_schema *schema, const char *name);

/**
 * name_is_valid() - is it a name for a bridge or port
 * @text: any text
 *
 * Narrower than what the kernel takes: a name must fit on a command line, into an INI section and
 * into a message without quoting, and "%" would make the kernel invent a number. A PCI address is
 * a valid name too.
 *
 * Return: true if it is. Context: any thread.
 */
bool name_is_valid(const char *text);

/**
 * schema_parse_value() - read the value of a key
 * @key: key of any schema
 * @text: what was given
 * @ret_value: the value, is_set; untouched on failure
 * @err: names the key, the text and what would be right
 *
 * Return: 0, -EINVAL, or -ERANGE for a number out of range. Context: any thread.
 */
int schema_parse_value(const struct schema_key *key, const char *text, struct value *ret_value,
		       struct error *err);

/**
 * names_parse() - read a list of names
 * @text: "eth0,eth1"
 * @ret_names: the names, in order; NULL: only check
 * @max: room at @ret_names, and most names
 *
 * Return: how many, or -EINVAL (also if one is given twice), or -ERANGE for more than @max.
 * Context: any thread.
 */
int names_parse(const char *text, char (*ret_names)[NAME_MAX_LEN + 1], unsigned int max);

/**
 * addrs_parse() - read a list of IPv4 addresses
 * @text: "10.0.0.1,10.0.0.2"
 * @ret_addrs: the addresses, in order; NULL: only check
 * @max: as for names_parse()
 *
 * Return: as names_parse(). Context: any thread.
 */
int addrs_parse(const char *text, struct in_addr *ret_addrs, unsigned int max);

/**
 * schema_describe() - what a value of a key looks like
 * @key: the key
 * @ret_text: "a number from 1 to 16"
 * @size: bytes at @ret_text
 *
 * Return: @ret_text. Context: any thread.
 */
const char *schema_describe(const struct schema_key *key, char *ret_text, size_t size);

#define METAVAR_SIZE 32

/**
 * schema_metavar() - what help calls the value of a key
 * @key: the key
 * @ret_text: its words with "|" between them, if they are few and short; or @metavar
 *
 * Return: @ret_text. Context: any thread.
 */
const char *schema_metavar(const struct schema_key *key, char ret_text[METAVAR_SIZE]);

/**
 * schema_quote() - make a text fit for a message: short, and printable ASCII only
 * @text: what was given
 * @ret_text: the same in quotes
 * @size: bytes at @ret_text, at least 8
 *
 * Return: @ret_text. Context: any thread.
 */
const char *schema_quote(const char *text, char *ret_text, size_t size);

/**
 * cores_parse() - read a list of CPU cores
 * @text: "1-3,5"
 * @ret_cores: the cores, ascending; NULL: only check
 * @max: room at @ret_cores
 *
 * Return: how many cores @text names (possibly more than @max), or -EINVAL (also if one is named
 * twice), or -ERANGE for a core above CORE_MAX. Context: any thread.
 */
int cores_parse(const char *text, uint16_t *ret_cores, unsigned int max);

#endif
