/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Switch: the objects an operator names - bridges, ports, static FDB entries - and what may be done
 * to them. The RPC and the configuration file both end here.
 *
 * Every call checks first and changes then: it does all of what it was asked or nothing, and
 * explains a refusal in its struct error. No call waits for a worker: what is taken away is freed
 * later, when no worker can still see it (datapath/rcu.h).
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_SWITCH_H
#define VSWITCH_SWITCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <rte_ether.h>

#include "bridge.h"
#include "child.h"
#include "datapath.h"
#include "delay.h"
#include "guest.h"
#include "rcu.h"
#include "log.h"
#include "loop.h"
#include "loop_probe.h"
#include "rate.h"
#include "stp.h"
#include "snoop.h"
#include "vlan.h"
#include "worker.h"

struct bond;
struct carrier_watch;
struct bond_member;
struct captures;
struct error;
struct event;
struct event_base;
struct events;
struct health;
struct lacp_shared;
struct mirrors;
struct metrics;
struct netback;
struct netlink_monitor;
struct nat_control;
struct networks;
struct routing;
struct running;
struct subport_table;
struct tracer;
struct transactions;
struct vxlan_config;

#define SWITCH_NAME_SIZE 16 /* bytes, as IFNAMSIZ: bridges, ports */
#define SWITCH_DEVARGS_SIZE 256
#define SWITCH_REASON_SIZE 128 /* bytes: why a port is not usable */
#define SWITCH_BRIDGES_MAX 1024
#define VLAN_TEXT_SIZE 40          /* bytes of a port's VLANs in a table */
#define VIF_FDB_LIMIT_DEFAULT 4096 /* of a guest that is given no limit of its own */
#define FDB_VID_ANY 0xffff         /* switch_fdb_del(): whatever VLAN the MAC is in */

enum port_kind {
	PORT_KIND_NETDEV,
	PORT_KIND_TAP,
	PORT_KIND_ETH,
	PORT_KIND_VIF,
	PORT_KIND_VHOST,
	PORT_KIND_BOND,
	PORT_KIND_VLAN,
	PORT_KIND_GATEWAY, /* port_gateway.h */
	PORT_KIND_VXLAN,   /* port_vxlan.h */
	PORT_KINDS
};

/* The port types by kind; names are port_types[kind]->name. */
extern const struct port_type *const port_types[PORT_KINDS];

struct bridge_config {
	uint32_t ageing;              /* seconds; 0: entries never age */
	uint32_t fdb_limit;           /* entries, 1 .. FDB_LIMIT_MAX */
	bool announce;                /* guests that are connected (announce.h) */
	struct stp_bridge_config stp; /* checked, if it is not off: stp_config_check() */
	struct snoop_config snoop;
};

/* VLANs of a port, as an operator says it: at most one of vid, trunk and tunnel. */
struct vlan_config {
	uint16_t vid;    /* access VLAN, or 0 */
	uint16_t tunnel; /* service VLAN, or 0 */
	uint16_t native; /* trunk: VLAN of untagged frames, or 0 */
	bool trunk;      /* @allowed is given */
	bool service;    /* tags are S-tags, 0x88a8 */
	uint64_t allowed[VLAN_WORDS];
};

/* What a port's type reads when it opens, and port show prints. */
struct port_config {
	char name[SWITCH_NAME_SIZE];
	enum port_kind kind;
	char devargs[SWITCH_DEVARGS_SIZE]; /* eth: PCI address or vdev; empty: the name is it */
	char path[108];                    /* vhost: its socket; empty: NAME.sock in run_dir */
	char parent[SWITCH_NAME_SIZE];     /* vlan: the port whose VLAN it is, */
	uint16_t parent_vid;               /* and which */
	struct vlan_config vlan;
	bool isolated;      /* reaches only ports that are not */
	uint8_t no_flood;   /* enum port_floods */
	bool hairpin;       /* frames may leave by the port that they came in by */
	uint32_t mtu;       /* 0: keep the device's own */
	uint32_t fdb_limit; /* learnt entries of this port; 0: only the bridge's limit,
			     * or for a vif VIF_FDB_LIMIT_DEFAULT */
	uint16_t n_queues;  /* asked for; 1 .. PORT_QUEUES_MAX */
	bool may_wait;      /* netdev: the interface may come later */
	bool carrier_off;   /* the operator has unplugged it */
	bool checksum_full; /* gets no blank checksums and no super-packets */
	bool has_rate;      /* vif, add: @rate is given */
	struct rate rate;   /* vif: what its guest may send; not kept here but in xenstore */
	uint16_t xdp;       /* netdev: enum xdp_word */
	char adopt[SWITCH_NAME_SIZE]; /* netdev: the tap that has what the host had here; or empty
				       */
	struct stp_port_config stp;
	uint8_t mrouter;      /* enum membership_router */
	bool fast_leave;      /* one station only wants multicast groups here */
	uint32_t group_limit; /* multicast groups of this port; 0: as fdb_limit */
	uint8_t proxy;        /* enum proxy_word: routed */
	struct guest_config guest;
	uint32_t nat_sessions; /* caps; 0: as nat-table has it */
	uint32_t nat_rate;
	bool is_auto; /* it comes and goes by itself: gateway, mirrors' own */
	char gateway_bridge[SWITCH_NAME_SIZE]; /* gateway: name of the bridge that it is made for */
	const struct vxlan_config *vxlan;      /* vxlan: while it is opened */
	struct vswitch *sw; /* for types that need the event loop, netback, pool */
};

struct switch_bridge {
	LIST_ENTRY(switch_bridge) list;
	char name[SWITCH_NAME_SIZE];
	struct bridge_config config;
	struct bridge *dp;   /* the part that workers see */
	struct snoop *snoop; /* NULL: does not snoop */
	uint32_t n_ports;
	uint32_t n_uplinks;     /* loop.c: that send probes all the time */
	struct stp_bridge *stp; /* or NULL: no spanning tree */
};

struct switch_port {
	LIST_ENTRY(switch_port) list;
	struct port_config config;
	struct switch_bridge *bridge;    /* or NULL: a vif that no script has attached yet, a member
					  * of a bond, a port to be one */
	struct bond_member *member;      /* of a bond; or NULL */
	struct bond *bond;               /* PORT_KIND_BOND: it is this bond's */
	struct port *dp;                 /* the part that workers see */
	uint32_t caps;                   /* enum port_caps: what the type says, whatever is set */
	struct subport_table *subports;  /* its VLAN ports, by port_vlan.c; NULL: none */
	char reason[SWITCH_REASON_SIZE]; /* why it is not usable, or empty */
	bool link;                       /* what the type says, whatever the operator wants */
	char link_reason[SWITCH_REASON_SIZE];
	char shut_reason[SWITCH_REASON_SIZE]; /* not empty: switch_port_shut() */
	enum port_state stp_state;            /* what the spanning tree lets it do */
	struct stp_port *stp;                 /* its part of the tree; NULL: it is in none */
	struct guest *guest;                  /* guest.c; NULL: in mode bridge */
	struct loop_port loop;
	bool is_mirror_end;                 /* mirrors send to it: mirrors.c */
	struct membership_port *membership; /* NULL: its bridge does not snoop */
	uint64_t learn_refused;             /* sources not learnt: a limit of the FDB was reached */
	struct log_limit log_limit;         /* what the other side can trigger */
	struct rcu_item retired;
	STAILQ_ENTRY(switch_port) closing; /* vswitch.closing */
	struct vswitch *sw;
};

struct switch_vlan;

LIST_HEAD(switch_bridge_list, switch_bridge);
LIST_HEAD(switch_port_list, switch_port);
STAILQ_HEAD(switch_port_queue, switch_port);
LIST_HEAD(bond_list, bond);
LIST_HEAD(adoption_list, adoption);
LIST_HEAD(switch_vlan_list, switch_vlan);

/* The tick of every second, and when it was late: how the control thread is. Microseconds. */
#define SWITCH_LATE_USEC 250000 /* is late */
struct switch_beat {
	uint64_t late_at;   /* CLOCK_MONOTONIC: the last time that it was late, */
	uint64_t late_usec; /* by so much */
	uint64_t worst_usec;
	uint32_t n_late; /* times */
};

struct vswitch {
	struct event_base *base;
	struct datapath *dp;
	struct rcu *rcu;
	struct events *events;           /* what others are told of */
	struct rte_mempool *pool;        /* what workers make packets from */
	struct rte_mempool *device_pool; /* switch_device_pool(); NULL: nobody asked yet */
	struct netback *netback;         /* NULL with --no-xen */
	struct netlink_monitor *netlink; /* link changes of netdev ports */
	struct carrier_watch *carrier;   /* the same of bonds' members, sooner; NULL: none so far */
	struct routing *routing;         /* NULL: no router */
	struct nat_control *nat;         /* NULL: no NAT */
	struct captures *captures;       /* NULL: nobody captures */
	struct health *health;           /* NULL: nobody has asked how it is */
	struct tracer *tracer;           /* NULL: nobody traces */
	struct mirrors *mirrors;         /* NULL: there are none */
	struct metrics *metrics;         /* NULL: there is no server for them */
	struct children children;        /* other programs that run for it */
	struct networks *networks;       /* DHCP and DNS for guests; NULL: none */
	bool networks_told;              /* they hear of addresses that come and go */
	const char *run_dir;             /* where sockets are; NULL: /run/vswitch */
	const char *config_path;         /* the configuration file */
	struct running *running;         /* what is configured */
	struct transactions *transactions;
	bool may_wait; /* kernel interfaces that are to be ports may come later */
	struct switch_bridge_list bridges;
	struct switch_port_list ports;
	struct switch_port_queue closing; /* no worker sees them any more; switch_ports_close() */
	struct bond_list bonds;
	struct adoption_list adoptions; /* adopt.c */
	struct lacp_shared *lacp;       /* of bonds that run LACP; NULL: there was none yet */
	struct switch_vlan_list vlans;  /* settings that ports have: switch_vlan.c */
	uint16_t next_generation;
	struct event *learn_event; /* dp->event_fd */
	struct event *rcu_timer;   /* 1 ms, while something is retired; at once for @closing */
	struct event *tick;        /* 1 s: ageing */
	uint64_t tick_due;         /* when it is due next, as switch_usec(); 0: not known */
	struct switch_beat beat;   /* of it */
	struct delay_histogram timer_delay;  /* how late it came */
	struct delay_histogram request_time; /* of clients */
	uint16_t next_bridge_id;
	uint64_t created;       /* microseconds of CLOCK_MONOTONIC */
	bool started;           /* until then a failure takes back what was made */
	bool stopping;          /* the daemon ends: host taps and guests stay as they are */
	bool id_used[PORT_MAX]; /* ids of ports, until no worker can see them */
	struct switch_port *owners[PORT_MAX]; /* by port id, as long as the id is used */
	uint32_t n_ports[WORKER_MAX];         /* whose first queue each worker polls */
	struct port_stats removed;            /* sum of ports that are gone: keeps the balance */
	struct loop_key loop_key;             /* loop.c */
	uint8_t loop_mac[6];
};

/**
 * switch_gives_back() - does a port that is closed now put back what it changed on the host's
 * interface? If an operator deletes it or the start fails, but not if the daemon stops: then the
 * next one goes on with the interface as it is.
 */
static inline bool
switch_gives_back(const struct vswitch *sw)
{
	return !sw->started || !sw->stopping;
}

/**
 * switch_create() - an empty switch on a datapath whose workers are made (running or not yet).
 * Return: the switch, or NULL with @err filled.
 */
struct vswitch *switch_create(struct event_base *base, struct datapath *dp,
			      struct rte_mempool *pool, struct error *err);

/**
 * switch_destroy() - close all ports and free all; workers must have ended. NULL is legal.
 * Ports that outlive the process by design (host taps, connected guests) are left as they are.
 */
void switch_destroy(struct vswitch *sw);

/** switch_usec() - microseconds of CLOCK_MONOTONIC. */
uint64_t switch_usec(void);

/**
 * switch_device_pool() - what drivers of DPDK and rte_vhost may receive into: some look for the
 * data behind the mbuf, or attach other buffers, whatever the pool is like (packet.h). So it is the
 * switch's pool if that is of DPDK's usual kind, or one of the same size that is made for them.
 * @port: name of the port that asks.
 * Return: the pool, or NULL with @err filled. Control thread.
 */
struct rte_mempool *switch_device_pool(struct vswitch *sw, const char *port, struct error *err);

/* Bridges. Return 0, or -EEXIST, -ENOENT, -EBUSY (ports on it), -EINVAL, -ENOMEM. */
int switch_bridge_add(struct vswitch *sw, const char *name, const struct bridge_config *config,
		      struct error *err);
int switch_bridge_del(struct vswitch *sw, const char *name, struct error *err);
int switch_bridge_set(struct vswitch *sw, const char *name, const struct bridge_config *config,
		      struct error *err);
struct switch_bridge *switch_bridge_find(struct vswitch *sw, const char *name);

/**
 * switch_port_add() - open a port and put it on a bridge.
 * @bridge: name of the bridge. NULL: on no bridge (yet), or in route or NAT mode.
 * @config: name and settings; a vif must exist already (netback made it) and is attached, and so is
 *	the port of a bond.
 *
 * Return: 0, or -EAGAIN (a port of this name is still being closed: takes a moment), -EEXIST (such
 * a port is on a bridge already), -ENOENT (no such bridge, device or
 * vif), -ENOSPC (no free port), -EINVAL, or what opening the device said.
 */
int switch_port_add(struct vswitch *sw, const char *bridge, const struct port_config *config,
		    struct error *err);

/**
 * switch_port_del() - take a port off its bridge and close it. A vif or a bond is only detached.
 * Return: 0, -ENOENT, or -EBUSY (a member of a bond).
 */
int switch_port_del(struct vswitch *sw, const char *name, struct error *err);

/**
 * switch_port_closing() - is a port of this name, deleted a moment ago, still to be closed? Its
 * device and the name are free when it is not.
 */
bool switch_port_closing(struct vswitch *sw, const char *name);

/** switch_ports_closing() - how many ports are? */
unsigned int switch_ports_closing(struct vswitch *sw);

/**
 * switch_ports_close() - close ports whose time has come, but no more of those that take the kernel
 * long once @usec have passed. Called by a timer while there are any.
 * Return: true if some are left.
 */
bool switch_ports_close(struct vswitch *sw, uint64_t usec);

/* Which fields of a port_config switch_port_set() takes. */
enum port_set {
	PORT_SET_VLAN = 1,
	PORT_SET_MTU = 2,
	PORT_SET_FDB_LIMIT = 4,
	PORT_SET_BRIDGE = 8,
	PORT_SET_CARRIER = 16,
	PORT_SET_CHECKSUM = 32,
	PORT_SET_RATE = 64,
	PORT_SET_ISOLATED = 128,
	PORT_SET_FLOOD = 256,
	PORT_SET_STP = 512,
	PORT_SET_MROUTER = 1024,
	PORT_SET_FAST_LEAVE = 2048,
	PORT_SET_GROUP_LIMIT = 4096,
	PORT_SET_PROXY = 8192,
	PORT_SET_GUEST = 16384,
	PORT_SET_NAT = 32768,
	PORT_SET_HAIRPIN = 65536,
	/* what a hotplug script says of a vif */
	PORT_SET_ATTACH = PORT_SET_VLAN | PORT_SET_MTU | PORT_SET_FDB_LIMIT | PORT_SET_CARRIER |
			  PORT_SET_CHECKSUM | PORT_SET_ISOLATED | PORT_SET_FLOOD | PORT_SET_STP |
			  PORT_SET_MROUTER | PORT_SET_FAST_LEAVE | PORT_SET_GROUP_LIMIT |
			  PORT_SET_HAIRPIN,
};

/**
 * switch_port_set() - change settings of a port while it runs.
 * @fields: bits of enum port_set: those of @config (and @bridge) that are to be changed.
 * @bridge: for PORT_SET_BRIDGE; NULL: to be on none.
 * A port with static FDB entries keeps its bridge and their VLANs: -EBUSY.
 * Return: 0, -ENOENT, -EINVAL, -EBUSY, or what the device said.
 */
int switch_port_set(struct vswitch *sw, const char *name, unsigned int fields, const char *bridge,
		    const struct port_config *config, struct error *err);

/**
 * switch_vlan_text() - what a port does with VLANs, in short: "10", "trunk 10,20 native 5".
 * @ret_text: cut at the end if it does not fit @size bytes. Empty: it has no settings.
 * Return: @ret_text.
 */
const char *switch_vlan_text(const struct vlan_config *config, char *ret_text, size_t size);

struct switch_port *switch_port_find(struct vswitch *sw, const char *name);
struct switch_port *switch_port_of(struct vswitch *sw, const struct port *port);

/**
 * switch_port_status() - a port's link or usability changed; called by port types and monitors.
 * @up: link and peer are there.
 * @reason: why it is not usable, or "".
 */
void switch_port_status(struct vswitch *sw, struct port *port, bool up, const char *reason);

/**
 * switch_port_caps() - what a port's other side can take; called by port types when they open a
 * port, and whenever it changes. The port gets these caps, or fewer if so set (`checksum full`).
 * @caps: enum port_caps.
 */
void switch_port_caps(struct vswitch *sw, struct port *port, uint32_t caps);

/* switch_port_stats() - sum of all workers' counters of a port since it was added. */
void switch_port_stats(const struct vswitch *sw, const struct switch_port *port,
		       struct port_stats *ret_sum);

/**
 * switch_remove_vif() - netback's vif is gone: delete its port wherever it is. No error if none.
 */
void switch_remove_vif(struct vswitch *sw, const char *name);

/*
 * FDB. @vid 0..4094; of switch_fdb_del() also FDB_VID_ANY. @port: NULL where optional. A learnt
 * entry becomes static; a static one of another port stays: -EEXIST. -ENOENT, -ENOSPC, -EINVAL,
 * -ENOMEM.
 */
int switch_fdb_add(struct vswitch *sw, const char *bridge, const struct rte_ether_addr *mac,
		   uint16_t vid, const char *port, struct error *err);
int switch_fdb_del(struct vswitch *sw, const char *bridge, const struct rte_ether_addr *mac,
		   uint16_t vid, struct error *err);
int switch_fdb_flush(struct vswitch *sw, const char *bridge, const char *port, struct error *err);

/* switch_fdb_has() - is there a static entry of a MAC behind a port? @vid as of switch_fdb_add().
 */
bool switch_fdb_has(struct vswitch *sw, const char *bridge, const struct rte_ether_addr *mac,
		    uint16_t vid, const char *port);

struct switch_fdb_row {
	struct rte_ether_addr mac;
	uint16_t vid;
	const char *port; /* valid until the next call that changes ports */
	bool is_static;
	uint32_t age; /* seconds since last seen; 0 for static */
};

/**
 * switch_fdb_read() - read the FDB of a bridge piece by piece.
 * @cursor: in: 0 at first; out: where to go on, or 0 at the end.
 * @rows, @n_rows: where to put up to n_rows rows.
 * Return: number of rows, or -ENOENT.
 */
int switch_fdb_read(struct vswitch *sw, const char *bridge, uint32_t *cursor,
		    struct switch_fdb_row *rows, unsigned int n_rows, struct error *err);

#endif /* VSWITCH_SWITCH_H */
