/* SPDX-License-Identifier: BSD-3-Clause */
/* The kinds of objects, and nothing but tables; the router's and NAT's are in files of their own.
 */
#include "schema_priv.h"

#include <assert.h>

#include "listen.h"

static const char *const hugepages_words[] = {
	[HUGEPAGES_AUTO] = "auto",
	[HUGEPAGES_YES] = "yes",
	[HUGEPAGES_NO] = "no",
	NULL,
};

static const char *const route_import_words[] = {
	[ROUTE_IMPORT_NONE] = "none",
	[ROUTE_IMPORT_KERNEL] = "kernel",
	NULL,
};

static const struct schema_key vswitchd_keys[] = {
	[VSWITCHD_KEY_WORKERS] = {
		.name = "workers", .type = VALUE_UINT, .verbs = VERB_CONFIG,
		.min = 1, .max = 64, .zero_word = "auto", .def = "auto", .metavar = "N",
		.help = "threads that forward packets; auto: one for each of cores, else one",
	},
	[VSWITCHD_KEY_CORES] = {
		.name = "cores", .type = VALUE_CORES, .verbs = VERB_CONFIG,
		.min = 0, .max = CORE_MAX, .metavar = "LIST",
		.help = "CPU cores for the workers, such as 1-3,5; default: the last ones",
	},
	[VSWITCHD_KEY_MBUFS] = {
		.name = "mbufs", .type = VALUE_UINT, .verbs = VERB_CONFIG,
		.min = 1024, .max = 8388608, .zero_word = "auto", .def = "auto", .metavar = "N",
		.help = "packet buffers; auto: 65536 in hugepages (fewer if they are few), else "
			"16384",
	},
	[VSWITCHD_KEY_HUGEPAGES] = {
		.name = "hugepages", .type = VALUE_ENUM, .verbs = VERB_CONFIG,
		.words = hugepages_words, .def = "auto", .metavar = "WORD",
		.help = "use hugepages; auto: if there are any",
	},
	[VSWITCHD_KEY_MEMORY] = {
		.name = "memory", .type = VALUE_UINT, .verbs = VERB_CONFIG,
		.min = 32, .max = 1048576, .zero_word = "auto", .def = "auto", .metavar = "MB",
		.help = "memory for tables and packet buffers, in MB; auto: as needed",
	},
	[VSWITCHD_KEY_ROUTES_MAX] = {
		.name = "routes-max", .type = VALUE_UINT, .verbs = VERB_CONFIG,
		.min = 256, .max = 4194304, .def = "16384", .metavar = "N",
		.help = "most routes of each IP family, beside 8192 stations that are known; there is "
			"no table before the first one, which takes 64 MB and about a kilobyte for "
			"each of N and of them",
	},
	[VSWITCHD_KEY_ROUTE_IMPORT] = {
		.name = "route-import", .type = VALUE_ENUM, .verbs = VERB_CONFIG,
		.words = route_import_words, .def = "none", .metavar = "WORD",
		.help = "kernel: take the routes and neighbours of the host's kernel, and follow "
			"them as they change",
	},
};
static_assert(N_ELEMENTS(vswitchd_keys) == VSWITCHD_KEYS, "a key has no description");
static_assert(VSWITCHD_KEYS <= SCHEMA_KEYS_MAX, "struct object is too small");

const struct object_schema vswitchd_schema = {
	.kind = "vswitchd",
	.in_config = true,
	.help = "the daemon itself",
	.keys = vswitchd_keys,
	.n_keys = VSWITCHD_KEYS,
};

static const struct schema_key metrics_keys[] = {
	[METRICS_KEY_LISTEN] = {
		.name = "listen", .type = VALUE_LISTEN, .verbs = VERB_SET | VERB_CONFIG,
		.zero_word = "off", .def = "off", .metavar = "ADDRESS",
		.help = "serve metrics to Prometheus by HTTP, at /metrics: " LISTEN_FORMS,
	},
};
static_assert(N_ELEMENTS(metrics_keys) == METRICS_KEYS, "a key has no description");

const struct object_schema metrics_schema = {
	.kind = "metrics",
	.in_config = true,
	.help = "what a monitoring system is told, in numbers",
	.keys = metrics_keys,
	.n_keys = METRICS_KEYS,
};

static const char *const stp_words[] = {
	[STP_OFF] = "off",
	[STP_STP] = "stp",
	[STP_RSTP] = "rstp",
	NULL,
};

static const char *const bpdu_words[] = {
	[BPDU_NORMAL] = "normal",
	[BPDU_GUARD] = "guard",
	[BPDU_FILTER] = "filter",
	NULL,
};

static const char *const tristate_words[] = {
	[TRISTATE_AUTO] = "auto",
	[TRISTATE_YES] = "yes",
	[TRISTATE_NO] = "no",
	NULL,
};

static const struct schema_key bridge_keys[] = {
	[BRIDGE_KEY_AGEING] = {
		.name = "ageing", .type = VALUE_SECONDS, .verbs = SETTABLE,
		.min = 0, .max = 1000000, .def = "300", .metavar = "SECONDS",
		.help = "forget an address after this time of silence; 0: never",
	},
	[BRIDGE_KEY_FDB_LIMIT] = {
		.name = "fdb-limit", .type = VALUE_UINT, .verbs = SETTABLE,
		.min = 1, .max = 4194304, .def = "65536", .metavar = "N",
		.help = "most addresses that the bridge learns",
	},
	[BRIDGE_KEY_ANNOUNCE] = {
		.name = "announce", .type = VALUE_BOOL, .verbs = SETTABLE,
		.def = "yes", .metavar = "yes|no",
		.help = "tell the network by RARP, ARP and neighbour advertisements where a guest "
			"is that has just been connected",
	},
	[BRIDGE_KEY_STP] = {
		.name = "stp", .type = VALUE_ENUM, .verbs = SETTABLE,
		.words = stp_words, .def = "off", .metavar = "WORD",
		.help = "spanning tree: rstp (which speaks STP with neighbours that do), or stp "
			"alone; off: BPDUs are dropped, see loop-detect",
	},
	[BRIDGE_KEY_STP_PRIORITY] = {
		.name = "stp-priority", .type = VALUE_UINT, .verbs = SETTABLE,
		.min = 0, .max = 61440, .def = "32768", .metavar = "N",
		.help = "the bridge with the lowest is the root of the tree; in steps of 4096",
	},
	[BRIDGE_KEY_HELLO] = {
		.name = "hello", .type = VALUE_SECONDS, .verbs = SETTABLE,
		.min = 1, .max = 10, .def = "2", .metavar = "SECONDS",
		.help = "spanning tree: time between BPDUs",
	},
	[BRIDGE_KEY_MAX_AGE] = {
		.name = "max-age", .type = VALUE_SECONDS, .verbs = SETTABLE,
		.min = 6, .max = 40, .def = "20", .metavar = "SECONDS",
		.help = "spanning tree: how old the root's word may be, if this bridge is the root; "
			"also most bridges in a row",
	},
	[BRIDGE_KEY_FORWARD_DELAY] = {
		.name = "forward-delay", .type = VALUE_SECONDS, .verbs = SETTABLE,
		.min = 0, .max = 30, .def = "15", .metavar = "SECONDS",
		.help = "spanning tree: time that a port learns, and waits, where neighbours do not "
			"speak RSTP, if this bridge is the root; less than 4 only while there is no "
			"spanning tree",
	},
	[BRIDGE_KEY_LOOP_DETECT] = {
		.name = "loop-detect", .type = VALUE_BOOL, .verbs = SETTABLE,
		.def = "yes", .metavar = "yes|no",
		.help = "without spanning tree: notice when what leaves by a port comes back by "
			"another, and block one of them until that is over",
	},
	[BRIDGE_KEY_SNOOPING] = {
		.name = "snooping", .type = VALUE_BOOL, .verbs = SETTABLE,
		.def = "yes", .metavar = "yes|no",
		.help = "send multicast only where hosts have asked for it by IGMP or MLD, while "
			"a querier is known; no: always to all ports",
	},
	[BRIDGE_KEY_QUERIER] = {
		.name = "querier", .type = VALUE_BOOL, .verbs = SETTABLE,
		.def = "no", .metavar = "yes|no",
		.help = "ask hosts for their multicast groups where no router or switch does",
	},
	[BRIDGE_KEY_QUERIER_ADDRESS] = {
		.name = "querier-address", .type = VALUE_ADDRS, .verbs = SETTABLE,
		.min = 1, .max = 1, .zero_word = "none", .def = "none", .metavar = "IP",
		.help = "source of the bridge's own IGMP queries: the querier with the lowest "
			"address is elected; none: 0.0.0.0, and any other is",
	},
	[BRIDGE_KEY_QUERY_INTERVAL] = {
		.name = "query-interval", .type = VALUE_SECONDS, .verbs = SETTABLE,
		.min = 2, .max = 31744, .def = "125", .metavar = "SECONDS",
		.help = "time between the querier's queries",
	},
	[BRIDGE_KEY_QUERY_RESPONSE] = {
		.name = "query-response", .type = VALUE_SECONDS, .verbs = SETTABLE,
		.min = 1, .max = 3000, .def = "10", .metavar = "SECONDS",
		.help = "time that hosts have to answer; less than query-interval",
	},
	[BRIDGE_KEY_LAST_MEMBER] = {
		.name = "last-member-interval", .type = VALUE_UINT, .verbs = SETTABLE,
		.min = 100, .max = 25500, .def = "1000", .metavar = "MS",
		.help = "milliseconds that others have to answer when a host has left a group",
	},
	[BRIDGE_KEY_ROBUSTNESS] = {
		.name = "robustness", .type = VALUE_UINT, .verbs = SETTABLE,
		.min = 1, .max = 7, .def = "2", .metavar = "N",
		.help = "queries without an answer after which a host has left",
	},
	[BRIDGE_KEY_GROUP_LIMIT] = {
		.name = "group-limit", .type = VALUE_UINT, .verbs = SETTABLE,
		.min = 1, .max = 32000, .def = "4096", .metavar = "N",
		.help = "most multicast groups of the bridge; a port that wants one more gets all",
	},
};
static_assert(N_ELEMENTS(bridge_keys) == BRIDGE_KEYS, "a key has no description");
static_assert(BRIDGE_KEYS <= SCHEMA_KEYS_MAX, "struct object is too small");

const struct object_schema bridge_schema = {
	.kind = "bridge",
	.named = true,
	.in_config = true,
	.help = "a learning bridge",
	.keys = bridge_keys,
	.n_keys = BRIDGE_KEYS,
};

static const char *const port_type_words[] = {
	[PORT_TYPE_AUTO] = "auto", [PORT_TYPE_NETDEV] = "netdev",
	[PORT_TYPE_TAP] = "tap",   [PORT_TYPE_ETH] = "eth",
	[PORT_TYPE_VIF] = "vif",   [PORT_TYPE_VHOST] = "vhost",
	[PORT_TYPE_VLAN] = "vlan", NULL,
};
static_assert(N_ELEMENTS(port_type_words) == PORT_TYPE_WORDS + 1, "a type has no word");

static const char *const checksum_words[] = {
	[CHECKSUM_OFFLOAD] = "offload",
	[CHECKSUM_FULL] = "full",
	NULL,
};

static const char *const carrier_words[] = {
	[CARRIER_ON] = "on",
	[CARRIER_OFF] = "off",
	NULL,
};

static const char *const tpid_words[] = {
	[TPID_CUSTOMER] = "0x8100",
	[TPID_SERVICE] = "0x88a8",
	NULL,
};

static const char *const mrouter_words[] = {
	[MROUTER_AUTO] = "auto",
	[MROUTER_YES] = "yes",
	[MROUTER_NO] = "no",
	NULL,
};

static const char *const proxy_words[] = {
	[PROXY_WORD_NO] = "no",
	[PROXY_WORD_GUESTS] = "guests",
	[PROXY_WORD_ALL] = "all",
	NULL,
};

static const char *const port_mode_words[] = {
	[PORT_MODE_BRIDGE] = "bridge",
	[PORT_MODE_ROUTE] = "route",
	[PORT_MODE_NAT] = "nat",
	NULL,
};

static const char *const xdp_words[] = {
	[XDP_AUTO] = "auto",
	[XDP_ON] = "on",
	[XDP_OFF] = "off",
	NULL,
};

static const struct schema_key port_keys[] = {
	[PORT_KEY_BRIDGE] = {
		.name = "bridge", .type = VALUE_NAME, .verbs = SETTABLE | VERB_SHOW,
		.required = VERB_ADD | VERB_CONFIG, .zero_word = "none", .metavar = "BRIDGE",
		.help = "the bridge that the port is on, or none",
	},
	[PORT_KEY_TYPE] = {
		.name = "type", .type = VALUE_ENUM, .verbs = CREATE,
		.words = port_type_words, .def = "auto", .metavar = "TYPE",
		.help = "netdev: kernel interface; tap: host's own; eth: DPDK device; vif: guest; "
			"vhost: virtual machine with virtio; vlan: one VLAN of another port",
	},
	[PORT_KEY_DEVARGS] = {
		.name = "devargs", .type = VALUE_STRING, .verbs = CREATE,
		.min = 1, .max = 255, .metavar = "DEVARGS",
		.help = "DPDK device: PCI address (needs hugepages), or virtual device with its "
			"arguments; paths in it are absolute, or relative to where vsctl is run",
	},
	[PORT_KEY_VID] = {
		.name = "vid", .type = VALUE_UINT, .verbs = SETTABLE,
		.min = 1, .max = 4094, .zero_word = "none", .def = "none", .metavar = "VID",
		.help = "access port: the VLAN that its frames, which are untagged, belong to",
	},
	[PORT_KEY_MTU] = {
		.name = "mtu", .type = VALUE_UINT, .verbs = SETTABLE,
		.min = 68, .max = 65517, .zero_word = "keep", .def = "keep", .metavar = "BYTES",
		.help = "largest packet, without Ethernet header; keep: the device's own",
	},
	[PORT_KEY_FDB_LIMIT] = {
		.name = "fdb-limit", .type = VALUE_UINT, .verbs = SETTABLE,
		.min = 1, .max = 4194304, .zero_word = "bridge", .def = "bridge", .metavar = "N",
		.help = "most addresses learnt behind this port; bridge: only the bridge's limit, "
			"and 4096 behind a guest",
	},
	[PORT_KEY_QUEUES] = {
		.name = "queues", .type = VALUE_UINT, .verbs = CREATE,
		.min = 1, .max = 16, .def = "1", .metavar = "N",
		.help = "queues of the port, each way; a guest has as many as it wants",
	},
	[PORT_KEY_PATH] = {
		.name = "path", .type = VALUE_STRING, .verbs = CREATE,
		.min = 1, .max = 107, .metavar = "FILE",
		.help = "vhost: the socket that QEMU connects to, absolute; default NAME.sock "
			"where the daemon's own socket is",
	},
	[PORT_KEY_CHECKSUM] = {
		.name = "checksum", .type = VALUE_ENUM, .verbs = SETTABLE,
		.words = checksum_words, .def = "offload", .metavar = "WORD",
		.help = "full: send it only ordinary packets with their checksums, as a guest that "
			"forwards them may need (FreeBSD, pfSense); offload: what it says it takes",
	},
	[PORT_KEY_CARRIER] = {
		.name = "carrier", .type = VALUE_ENUM, .verbs = SETTABLE,
		.words = carrier_words, .def = "on", .metavar = "WORD",
		.help = "off: as if its cable were unplugged; guests and taps are told",
	},
	[PORT_KEY_XDP] = {
		.name = "xdp", .type = VALUE_ENUM, .verbs = CREATE,
		.words = xdp_words, .def = "auto", .metavar = "WORD",
		.help = "netdev: AF_XDP instead of AF_PACKET; auto: if the NIC does it without "
			"copying; on: in any mode that works; \"port show\" says which (DRIVER)",
	},
	[PORT_KEY_ADOPT] = {
		.name = "adopt", .type = VALUE_NAME, .verbs = CREATE,
		.zero_word = "none", .metavar = "TAP",
		.help = "netdev: as long as it is a port, this tap has what the host has on the "
			"interface: MAC, addresses, routes; none: they stay, and are of no use",
	},
	[PORT_KEY_RATE] = {
		.name = "rate", .type = VALUE_RATE, .verbs = SETTABLE,
		.zero_word = "none", .metavar = "RATE",
		.help = "vif: most that the guest may send, with the interval at which it gets its "
			"credit, as in xl.cfg: 100Mb/s, 20MB/s@20ms; none: unlimited; default: "
			"what the toolstack says",
	},
	[PORT_KEY_TRUNK] = {
		.name = "trunk", .type = VALUE_VLANS, .verbs = SETTABLE,
		.zero_word = "none", .def = "none", .metavar = "LIST",
		.help = "trunk: the VLANs whose tagged frames pass, such as 10,20-30 or all; 0: and "
			"untagged ones, which belong to no VLAN",
	},
	[PORT_KEY_NATIVE] = {
		.name = "native", .type = VALUE_UINT, .verbs = SETTABLE,
		.min = 1, .max = 4094, .zero_word = "none", .def = "none", .metavar = "VID",
		.help = "trunk: VLAN that untagged frames belong to; none: they are refused",
	},
	[PORT_KEY_TUNNEL] = {
		.name = "tunnel", .type = VALUE_UINT, .verbs = SETTABLE,
		.min = 1, .max = 4094, .zero_word = "none", .def = "none", .metavar = "VID",
		.help = "dot1q-tunnel (QinQ): VLAN that carries all of the port's frames whole, with "
			"the tags that they have",
	},
	[PORT_KEY_TPID] = {
		.name = "tpid", .type = VALUE_ENUM, .verbs = SETTABLE,
		.words = tpid_words, .def = "0x8100", .metavar = "TPID",
		.help = "trunk: what its tags are known by: 0x8100 (802.1Q) or 0x88a8 (802.1ad)",
	},
	[PORT_KEY_ISOLATED] = {
		.name = "isolated", .type = VALUE_BOOL, .verbs = SETTABLE,
		.def = "no", .metavar = "yes|no",
		.help = "yes: a private port, which reaches only ports that are not isolated",
	},
	[PORT_KEY_HAIRPIN] = {
		.name = "hairpin", .type = VALUE_BOOL, .verbs = SETTABLE,
		.def = "no", .metavar = "yes|no",
		.help = "yes: frames that come in by the port may leave by it, for stations behind "
			"it that reach each other by this bridge alone",
	},
	[PORT_KEY_FLOOD_UNKNOWN] = {
		.name = "flood-unknown", .type = VALUE_BOOL, .verbs = SETTABLE,
		.def = "yes", .metavar = "yes|no",
		.help = "no: send it no frames to stations that the bridge does not know",
	},
	[PORT_KEY_FLOOD_MULTICAST] = {
		.name = "flood-multicast", .type = VALUE_BOOL, .verbs = SETTABLE,
		.def = "yes", .metavar = "yes|no",
		.help = "no: send it no multicast by flooding; IPv6 needs it",
	},
	[PORT_KEY_FLOOD_BROADCAST] = {
		.name = "flood-broadcast", .type = VALUE_BOOL, .verbs = SETTABLE,
		.def = "yes", .metavar = "yes|no",
		.help = "no: send it no broadcasts; ARP and DHCP need them",
	},
	[PORT_KEY_PARENT] = {
		.name = "parent", .type = VALUE_NAME, .verbs = CREATE, .metavar = "PORT",
		.help = "vlan: the port whose VLAN it is; default: as its name says, PARENT.VID",
	},
	[PORT_KEY_PARENT_VID] = {
		.name = "parent-vid", .type = VALUE_UINT, .verbs = CREATE,
		.min = 1, .max = 4094, .metavar = "VID",
		.help = "vlan: which VLAN of its parent; default: as its name says",
	},
	[PORT_KEY_STP_COST] = {
		.name = "stp-cost", .type = VALUE_UINT, .verbs = SETTABLE,
		.min = 1, .max = 200000000, .zero_word = "auto", .def = "auto", .metavar = "N",
		.help = "spanning tree: cost of the way by this port; auto: 20000000 over its speed "
			"in Mb/s",
	},
	[PORT_KEY_STP_PRIORITY] = {
		.name = "stp-priority", .type = VALUE_UINT, .verbs = SETTABLE,
		.min = 0, .max = 240, .def = "128", .metavar = "N",
		.help = "spanning tree: of several ports to one LAN the lowest is taken; in steps "
			"of 16",
	},
	[PORT_KEY_STP_EDGE] = {
		.name = "stp-edge", .type = VALUE_ENUM, .verbs = SETTABLE,
		.words = tristate_words, .def = "auto", .metavar = "WORD",
		.help = "spanning tree: only stations are behind it, it forwards at once, until a "
			"BPDU comes; auto: guests and taps, others after 3 s without a BPDU",
	},
	[PORT_KEY_STP_P2P] = {
		.name = "stp-p2p", .type = VALUE_ENUM, .verbs = SETTABLE,
		.words = tristate_words, .def = "auto", .metavar = "WORD",
		.help = "spanning tree: one other bridge at most is behind it, so that they agree "
			"in no time; auto: unless its link is half duplex",
	},
	[PORT_KEY_STP_RESTRICTED] = {
		.name = "stp-restricted", .type = VALUE_ENUM, .verbs = SETTABLE,
		.words = tristate_words, .def = "auto", .metavar = "WORD",
		.help = "spanning tree: the root is never looked for behind it, and changes behind "
			"it stay there; auto: guests",
	},
	[PORT_KEY_BPDU] = {
		.name = "bpdu", .type = VALUE_ENUM, .verbs = SETTABLE,
		.words = bpdu_words, .def = "normal", .metavar = "WORD",
		.help = "guard: a BPDU that comes in takes the port out of use until its link goes "
			"or carrier is set on; filter: BPDUs neither come nor go",
	},
	[PORT_KEY_MROUTER] = {
		.name = "mrouter", .type = VALUE_ENUM, .verbs = SETTABLE,
		.words = mrouter_words, .def = "auto", .metavar = "WORD",
		.help = "a multicast router is behind the port, which gets all groups: auto: while "
			"it sends queries, or others of its messages; no: drop such",
	},
	[PORT_KEY_FAST_LEAVE] = {
		.name = "fast-leave", .type = VALUE_BOOL, .verbs = SETTABLE,
		.def = "no", .metavar = "yes|no",
		.help = "a group ends with the first host that leaves it, without asking for "
			"others: for ports with one host",
	},
	[PORT_KEY_GROUP_LIMIT] = {
		.name = "group-limit", .type = VALUE_UINT, .verbs = SETTABLE,
		.min = 1, .max = 32000, .zero_word = "bridge", .def = "bridge", .metavar = "N",
		.help = "most multicast groups of this port, which gets all if it wants more; "
			"bridge: only the bridge's limit, and 256 for a guest",
	},
	[PORT_KEY_PROXY] = {
		.name = "proxy", .type = VALUE_ENUM, .verbs = SETTABLE,
		.words = proxy_words, .def = "no", .metavar = "WORD",
		.help = "routed port: answer ARP and IPv6 neighbour solicitations on behalf of "
			"guests that are routed to, or of all that is routed elsewhere",
	},
	[PORT_KEY_MODE] = {
		.name = "mode", .type = VALUE_ENUM, .verbs = SETTABLE,
		.words = port_mode_words, .def = "bridge", .metavar = "MODE",
		.help = "how a guest is attached: bridge; route: on no bridge, the router takes all "
			"of its packets; nat: the same, and it is behind the NAT that there is",
	},
	[PORT_KEY_IP] = {
		.name = "ip", .type = VALUE_PREFIXES, .verbs = SETTABLE,
		.min = 1, .max = PORT_IPS_MAX, .zero_word = "none", .def = "none",
		.metavar = "LIST",
		.help = "mode route, nat: addresses and networks of the guest: they are routed to "
			"it, and it may send from no others; none: from all",
	},
	[PORT_KEY_GATEWAY] = {
		.name = "gateway", .type = VALUE_IPS, .verbs = SETTABLE,
		.min = 1, .max = PORT_GATEWAYS_MAX, .zero_word = "none", .def = "none",
		.metavar = "LIST",
		.help = "mode route, nat: addresses of the router's own towards the guest; others "
			"may have the same ones",
	},
	[PORT_KEY_NAT_SESSIONS] = {
		.name = "nat-sessions", .type = VALUE_UINT, .verbs = SETTABLE,
		.min = 1, .max = 16777216, .zero_word = "default", .def = "default", .metavar = "N",
		.help = "routed port: most NAT sessions of the stations behind it; default: "
			"guest-sessions of nat-table for a guest, else no cap",
	},
	[PORT_KEY_NAT_RATE] = {
		.name = "nat-rate", .type = VALUE_UINT, .verbs = SETTABLE,
		.min = 1, .max = 100000000, .zero_word = "default", .def = "default",
		.metavar = "N",
		.help = "routed port: most new NAT sessions in a second of the stations behind it; "
			"default: guest-rate of nat-table for a guest, else no cap",
	},
	[PORT_KEY_BRIEF] = {
		.name = "brief", .type = VALUE_BOOL, .verbs = VERB_SHOW, .internal = true,
		.def = "no", .metavar = "yes|no",
		.help = "only what an overview has",
	},
};
static_assert(N_ELEMENTS(port_keys) == PORT_KEYS, "a key has no description");
static_assert(PORT_KEYS <= SCHEMA_KEYS_MAX, "struct object is too small");

const struct object_schema port_schema = {
	.kind = "port",
	.named = true,
	.in_config = true,
	.help = "a port of a bridge",
	.keys = port_keys,
	.n_keys = PORT_KEYS,
};

static const struct schema_key fdb_keys[] = {
	[FDB_KEY_MAC] = {
		.name = "mac", .type = VALUE_MAC, .verbs = VERB_ADD | VERB_DEL | VERB_SHOW,
		.required = VERB_ADD | VERB_DEL, .in_title = true, .metavar = "MAC",
		.help = "the address",
	},
	[FDB_KEY_VID] = {
		.name = "vid", .type = VALUE_UINT, .verbs = VERB_ADD | VERB_DEL | VERB_SHOW,
		.in_title = true, .min = 1, .max = 4094, .zero_word = "none", .def = "none",
		.metavar = "VID",
		.help = "VLAN of the address",
	},
	[FDB_KEY_PORT] = {
		.name = "port", .type = VALUE_NAME,
		.verbs = VERB_ADD | VERB_SHOW | VERB_FLUSH | VERB_CONFIG,
		.required = VERB_ADD | VERB_CONFIG, .metavar = "PORT",
		.help = "the port that the address is behind",
	},
	[FDB_KEY_CURSOR] = {
		.name = "cursor", .type = VALUE_STRING, .verbs = VERB_SHOW, .internal = true,
		.min = 1, .max = 31, .metavar = "CURSOR",
		.help = "where to go on: next of the reply before",
	},
	[FDB_KEY_LIMIT] = {
		.name = "limit", .type = VALUE_UINT, .verbs = VERB_SHOW, .internal = true,
		.min = 1, .max = 4096, .def = "1024", .metavar = "N",
		.help = "entries to look at for one reply",
	},
};
static_assert(N_ELEMENTS(fdb_keys) == FDB_KEYS, "a key has no description");
static_assert(FDB_KEYS <= SCHEMA_KEYS_MAX, "struct object is too small");

const struct object_schema fdb_schema = {
	.kind = "fdb",
	.named = true,
	.in_config = true,
	.help = "the addresses that a bridge knows",
	.keys = fdb_keys,
	.n_keys = FDB_KEYS,
};

static const char *const bond_mode_words[] = {
	[BOND_MODE_ACTIVE_BACKUP] = "active-backup",
	[BOND_MODE_BALANCE_SLB] = "balance-slb",
	[BOND_MODE_BALANCE_XOR] = "balance-xor",
	[BOND_MODE_LACP] = "lacp",
	NULL,
};
static_assert(N_ELEMENTS(bond_mode_words) == BOND_MODE_WORDS + 1, "a mode has no word");

static const char *const bond_hash_words[] = {
	[BOND_HASH_L2] = "l2",
	[BOND_HASH_L34] = "l3+4",
	NULL,
};

static const char *const lacp_words[] = {
	[LACP_WORD_ACTIVE] = "active",
	[LACP_WORD_PASSIVE] = "passive",
	NULL,
};

static const char *const lacp_rate_words[] = {
	[LACP_RATE_SLOW] = "slow",
	[LACP_RATE_FAST] = "fast",
	NULL,
};

static const struct schema_key bond_keys[] = {
	[BOND_KEY_MODE] = {
		.name = "mode", .type = VALUE_ENUM, .verbs = SETTABLE,
		.words = bond_mode_words, .def = "active-backup", .metavar = "MODE",
		.help = "which members carry what: active-backup: one of them all; balance-slb: "
			"each some stations, the switch need not know; balance-xor: each some "
			"flows, the switch has a static group; lacp: the same by IEEE 802.1AX",
	},
	[BOND_KEY_MEMBERS] = {
		.name = "members", .type = VALUE_NAMES, .verbs = SETTABLE,
		.required = VERB_ADD | VERB_CONFIG,
		.min = 1, .max = BOND_MEMBERS_MAX, .metavar = "PORT,PORT",
		.help = "ports of the bond, the preferred one first: ports on no bridge, kernel "
			"interfaces or PCI addresses",
	},
	[BOND_KEY_BRIDGE] = {
		.name = "bridge", .type = VALUE_NAME, .verbs = CREATE | VERB_SHOW,
		.zero_word = "none", .metavar = "BRIDGE",
		.help = "the bridge that the bond's port is on, or none; the port's other settings are "
			"those of \"port add\" and \"port set\"",
	},
	[BOND_KEY_ACTIVE] = {
		.name = "active", .type = VALUE_NAME, .verbs = VERB_SET, .metavar = "PORT",
		.help = "make this member the active one; it stays until it fails",
	},
	[BOND_KEY_HASH] = {
		.name = "hash", .type = VALUE_ENUM, .verbs = SETTABLE,
		.words = bond_hash_words, .def = "l3+4", .metavar = "WORD",
		.help = "balance-xor, lacp: spread by MAC addresses and VLAN (l2), or by IP "
			"addresses and TCP and UDP ports (l3+4)",
	},
	[BOND_KEY_UPDELAY] = {
		.name = "updelay", .type = VALUE_UINT, .verbs = SETTABLE,
		.min = 0, .max = 3600000, .def = "0", .metavar = "MS",
		.help = "milliseconds that a link must be up before it is used, unless there is no "
			"other",
	},
	[BOND_KEY_DOWNDELAY] = {
		.name = "downdelay", .type = VALUE_UINT, .verbs = SETTABLE,
		.min = 0, .max = 3600000, .def = "0", .metavar = "MS",
		.help = "milliseconds that a link must be down before it is given up",
	},
	[BOND_KEY_REBALANCE] = {
		.name = "rebalance", .type = VALUE_SECONDS, .verbs = SETTABLE,
		.min = 1, .max = 86400, .zero_word = "never", .def = "10", .metavar = "SECONDS",
		.help = "balance-slb: time between moves of stations to members with less load",
	},
	[BOND_KEY_ARP_TARGETS] = {
		.name = "arp-targets", .type = VALUE_ADDRS, .verbs = SETTABLE,
		.min = 1, .max = BOND_ARP_TARGETS_MAX, .zero_word = "none", .def = "none",
		.metavar = "IP,IP",
		.help = "members are used only while one of these hosts answers by them",
	},
	[BOND_KEY_ARP_INTERVAL] = {
		.name = "arp-interval", .type = VALUE_UINT, .verbs = SETTABLE,
		.min = 10, .max = 60000, .def = "1000", .metavar = "MS",
		.help = "milliseconds between ARP probes; three without an answer are too many",
	},
	[BOND_KEY_ARP_VID] = {
		.name = "arp-vid", .type = VALUE_UINT, .verbs = SETTABLE,
		.min = 1, .max = 4094, .zero_word = "none", .def = "none", .metavar = "VID",
		.help = "VLAN tag of the ARP probes",
	},
	[BOND_KEY_LACP] = {
		.name = "lacp", .type = VALUE_ENUM, .verbs = SETTABLE,
		.words = lacp_words, .def = "active", .metavar = "WORD",
		.help = "mode lacp: speak first (active), or only when spoken to (passive)",
	},
	[BOND_KEY_LACP_RATE] = {
		.name = "lacp-rate", .type = VALUE_ENUM, .verbs = SETTABLE,
		.words = lacp_rate_words, .def = "slow", .metavar = "WORD",
		.help = "how often the partner is to speak: fast: every second, and a link is given "
			"up after 3 s of silence; slow: every 30 s, and after 90 s",
	},
	[BOND_KEY_MIN_LINKS] = {
		.name = "min-links", .type = VALUE_UINT, .verbs = SETTABLE,
		.min = 1, .max = BOND_MEMBERS_MAX, .def = "1", .metavar = "N",
		.help = "mode lacp: with fewer links the bond is down",
	},
	[BOND_KEY_FALLBACK] = {
		.name = "fallback", .type = VALUE_BOOL, .verbs = SETTABLE,
		.def = "no", .metavar = "yes|no",
		.help = "mode lacp: use one link, as active-backup does, while no partner answers",
	},
	[BOND_KEY_SYSTEM_PRIORITY] = {
		.name = "system-priority", .type = VALUE_UINT, .verbs = SETTABLE,
		.min = 1, .max = 65535, .def = "32768", .metavar = "N",
		.help = "mode lacp: of two systems the one with the lower number chooses the links",
	},
	[BOND_KEY_PORT_PRIORITY] = {
		.name = "port-priority", .type = VALUE_UINT, .verbs = SETTABLE,
		.min = 1, .max = 65535, .def = "32768", .metavar = "N",
		.help = "mode lacp: of the first member, and one more for each that follows; the "
			"lower number is chosen",
	},
};
static_assert(N_ELEMENTS(bond_keys) == BOND_KEYS, "a key has no description");
static_assert(BOND_KEYS <= SCHEMA_KEYS_MAX, "struct object is too small");

const struct object_schema bond_schema = {
	.kind = "bond",
	.named = true,
	.in_config = true,
	.help = "several ports that are one: if a link fails, the others go on",
	.keys = bond_keys,
	.n_keys = BOND_KEYS,
};

static const struct schema_key group_keys[] = {
	[GROUP_KEY_VID] = {
		.name = "vid", .type = VALUE_UINT, .verbs = VERB_SHOW,
		.min = 1, .max = 4094, .zero_word = "none", .metavar = "VID",
		.help = "only this VLAN's",
	},
	[GROUP_KEY_PORT] = {
		.name = "port", .type = VALUE_NAME, .verbs = VERB_SHOW, .metavar = "PORT",
		.help = "only this port's",
	},
};
static_assert(N_ELEMENTS(group_keys) == GROUP_KEYS, "a key has no description");

const struct object_schema group_schema = {
	.kind = "group",
	.named = true,
	.help = "the multicast groups that hosts have joined",
	.keys = group_keys,
	.n_keys = GROUP_KEYS,
};

const struct object_schema querier_schema = {
	.kind = "querier",
	.named = true,
	.help = "who asks the hosts of a VLAN for their groups, and where routers are",
};

static const struct schema_key vif_keys[] = {
	[VIF_KEY_BRIDGE] = {
		.name = "bridge", .type = VALUE_NAME, .verbs = VERB_SHOW, .metavar = "BRIDGE",
		.help = "only the vifs on this bridge",
	},
};
static_assert(N_ELEMENTS(vif_keys) == VIF_KEYS, "a key has no description");

const struct object_schema vif_schema = {
	.kind = "vif",
	.named = true,
	.help = "the guests' network interfaces",
	.keys = vif_keys,
	.n_keys = VIF_KEYS,
};

const struct object_schema stp_schema = {
	.kind = "stp",
	.named = true,
	.help = "spanning trees of bridges",
};

const struct object_schema stats_schema = {
	.kind = "stats",
	.named = true,
	.help = "what ports counted, and why packets were dropped",
};

const struct object_schema worker_schema = {
	.kind = "worker",
	.help = "the threads that forward packets, and how busy they are",
};

const struct object_schema *const object_schemas[OBJECT_SCHEMAS] = {
	&vswitchd_schema, &bridge_schema, &port_schema,    &bond_schema,         &addr_schema,
	&route_schema,    &neigh_schema,  &nat_schema,     &nat_sessions_schema, &nat_table_schema,
	&vif_schema,      &fdb_schema,    &group_schema,   &querier_schema,      &stp_schema,
	&stats_schema,    &worker_schema, &network_schema, &mirror_schema,       &metrics_schema,
};
