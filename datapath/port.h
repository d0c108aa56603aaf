/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Port: where packets enter and leave the switch, as the workers see it.
 *
 * A port has a type (eth, netdev, tap, vif, test): a const table of functions. struct port holds
 * only what a worker touches per burst; names, settings and timers live in the control thread's
 * object around it (vswitch/switch.h).
 *
 * Packets between ports are mbufs in one canonical form:
 *  - the frame starts at the destination MAC, without FCS; VLAN tags are in the frame (never in
 *    mbuf->vlan_tci);
 *  - the first segment holds all headers: at least min(pkt_len, PORT_HEADER_LEN) bytes;
 *  - "checksum blank": RTE_MBUF_F_TX_TCP_CKSUM or RTE_MBUF_F_TX_UDP_CKSUM with
 *    RTE_MBUF_F_TX_IPV4/IPV6 set, l2_len (Ethernet + tags) and l3_len (with IPv6 extension headers)
 *    filled, and the L4 checksum field holds the sum of the pseudo header *including the length*,
 *    as Linux (virtio, netif.h) has it;
 *  - "super-packet": additionally RTE_MBUF_F_TX_TCP_SEG with l4_len and tso_segsz (the MSS); or
 *    RTE_MBUF_F_TX_UDP_SEG, which no port's caps take, so that egress always cuts it;
 *  - "checksum verified": RTE_MBUF_F_RX_L4_CKSUM_GOOD;
 *  - "pending": PORT_PENDING, only between workers and types that know it;
 *  - no other ol_flags but PORT_MIRRORED and RTE_MBUF_F_INDIRECT/EXTERNAL are set.
 * A port type's rx_burst delivers this form; its tx_burst takes it, and gets checksum-blank packets
 * or super-packets only if its caps say so (the egress step completes them otherwise).
 * A packet given to tx_burst may be shared (refcnt > 1): tx_burst never writes to it.
 *
 * Thread-safety: fields say who writes and who reads them. A worker may use a port between two of
 * its quiescent states; the control thread frees it only after a grace period.
 */
#ifndef DATAPATH_PORT_H
#define DATAPATH_PORT_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_common.h>
#include <rte_mbuf.h>
#include <rte_spinlock.h>

#include "drop.h"

/*
 * A packet whose data is elsewhere but for the first segment, which holds all headers: the others
 * have their length, and nothing is in them. Where it is only its port's type knows, by hash.usr;
 * it brings it by worker->fill(). Only types that say so (port_type.takes_pending) get such packets
 * by tx_burst, and they must be gone when worker->pending_done() is called.
 */
#define PORT_PENDING_BIT 40
#define PORT_PENDING (UINT64_C(1) << PORT_PENDING_BIT)
static_assert(PORT_PENDING == RTE_MBUF_F_LAST_FREE, "taken");

/* A mirror's copy: it is not copied again (mirror.h). In mbufs that nobody else has. */
#define PORT_MIRRORED_BIT 39
#define PORT_MIRRORED (UINT64_C(1) << PORT_MIRRORED_BIT)

struct bridge;
struct error;
struct lag_echo;
struct port;
struct port_demux;
struct port_config;
struct rif;
struct vlan_settings;
struct worker;

#define PORT_MAX 4096      /* ports of one switch; ids are 0 .. PORT_MAX - 1 */
#define PORT_QUEUES_MAX 16 /* queues of one port, each way */
#define PORT_BURST_MAX 64  /* packets of one burst */
/*
 * Bytes of headers that are contiguous in the first segment, if a packet is longer than that. Two
 * tags, IPv6 and a TCP header with all options leave 134 for extension headers, or seven hops of
 * segment routing. What has more is not understood: forwarded as it is, or dropped (DROP_BAD_FRAME)
 * if a checksum or segments have yet to be made. Linux' backend has the same limit
 * (MAX_IPV6_HDR_LEN, net/core/skbuff.c).
 */
#define PORT_HEADER_LEN 256
#define PORT_MTU_MIN 68
#define PORT_MTU_MAX 65517 /* 65535 less an Ethernet header and one tag */
#define PORT_MTU_DEFAULT 1500

/* What a port's tx_burst can carry. */
enum port_caps {
	PORT_CAP_CSUM_IPV4 = 1 << 0, /* checksum-blank TCP and UDP over IPv4 */
	PORT_CAP_CSUM_IPV6 = 1 << 1, /* the same over IPv6 */
	PORT_CAP_TSO_IPV4 = 1 << 2,  /* TCPv4 super-packets */
	PORT_CAP_TSO_IPV6 = 1 << 3,  /* TCPv6 super-packets */
	PORT_CAP_TAGGED = 1 << 4,    /* all of these also in frames with VLAN tags */
};

/* The caps that a port loses by `checksum full`: it gets complete, ordinary packets only. */
#define PORT_CAPS_OFFLOAD \
	(PORT_CAP_CSUM_IPV4 | PORT_CAP_CSUM_IPV6 | PORT_CAP_TSO_IPV4 | PORT_CAP_TSO_IPV6)

/* What the spanning tree, or a loop that was found, lets a port do. */
enum port_state {
	PORT_FORWARDING,
	PORT_LEARNING, /* stations are learnt, nothing is forwarded */
	PORT_BLOCKED,
};

/* Floods that a port is not given, though it is of the VLAN: bits. */
enum port_floods {
	PORT_FLOOD_UNKNOWN = 1 << 0,   /* to stations that are not known */
	PORT_FLOOD_MULTICAST = 1 << 1, /* to groups */
	PORT_FLOOD_BROADCAST = 1 << 2,
};

/* Frames that the control thread wants of a port (punt.h): bits. */
enum port_punts {
	PORT_PUNT_LINK_LOCAL = 1 << 0, /* to 01:80:c2:00:00:0x */
	PORT_PUNT_ARP = 1 << 1,        /* ARP to the MAC of a bond's member */
	PORT_PUNT_PROBE = 1 << 3,      /* loop probes that the port's own bridge has sent */
};

/* How a receive queue lets a worker sleep. */
enum port_wait {
	PORT_WAIT_NONE,  /* must be polled; an idle worker polls it at growing intervals */
	PORT_WAIT_FD,    /* an fd that is readable while packets wait: see rx_fd */
	PORT_WAIT_EVENT, /* the type activates the queue itself (event channel): see rx_arm */
};

/**
 * struct port_type - a kind of port.
 * @name: as in configuration, such as "netdev".
 * @wait: how its receive queues let a worker sleep.
 * @takes_pending: its tx_burst takes packets with PORT_PENDING.
 * @closes_slowly: the kernel lets @close wait, so that of many ports each is closed by itself.
 * @hands_on: its tx_burst gives packets to other ports and has no queue to lock.
 * @open: control. Open the device of @port by @config: fill priv, n_rxq, n_txq, caps, mtu, mac, up.
 *	Return 0 or -errno with @err filled.
 * @close: control, after the grace period: no worker will touch @port again. Frees priv.
 * @set_mtu: control. Change the MTU (bytes of payload, without Ethernet header). 0: back to the
 *	device's own, which it puts into @port. NULL: any accepted.
 * @set_carrier: control. The operator has unplugged the port, or plugged it in again; also after
 *	opening one that is unplugged. Tells the other side, if it can. NULL: it cannot.
 * @rx_burst: worker. Up to @n packets of @queue in canonical form into @pkts; returns how many.
 *	What it has to throw away it counts by port_rx_drop().
 * @tx_burst: worker. Takes the first k of @n packets of @pkts and returns k; the caller frees and
 *	counts the others (DROP_TX_FULL). Packets taken are the type's to free. Of those, what it
 *	then could not deliver it counts as dropped, with port_tx_lost().
 *	The caller holds tx_lock[queue] if other workers use the queue.
 * @refuses: control, of a packet that a dry worker (trace.h) sends: the reason for which tx_burst
 *	would throw it away, whatever room there is; DROP_REASONS: none. NULL: there never is one.
 * @rx_fd: control. PORT_WAIT_FD: the fd of @queue for epoll (level-triggered).
 * @rx_arm: worker. PORT_WAIT_EVENT: ask for an event at the next packet. Return true if packets
 *	came in meanwhile (then the queue stays active and will be polled).
 */
struct port_type {
	const char *name;
	enum port_wait wait;
	bool takes_pending;
	bool closes_slowly;
	bool hands_on;
	int (*open)(struct port *port, const struct port_config *config, struct error *err);
	void (*close)(struct port *port);
	int (*set_mtu)(struct port *port, uint32_t mtu, struct error *err);
	void (*set_carrier)(struct port *port, bool on);
	uint16_t (*rx_burst)(struct worker *worker, struct port *port, uint16_t queue,
			     struct rte_mbuf **pkts, uint16_t n);
	uint16_t (*tx_burst)(struct worker *worker, struct port *port, uint16_t queue,
			     struct rte_mbuf **pkts, uint16_t n);
	enum drop_reason (*refuses)(const struct port *port, const struct rte_mbuf *pkt);
	int (*rx_fd)(struct port *port, uint16_t queue);
	bool (*rx_arm)(struct worker *worker, struct port *port, uint16_t queue);
};

/* A receive queue: who polls it. */
struct port_rxq {
	uint16_t worker; /* id of the only worker that polls it; control: before publishing */
	bool kick;       /* control: sets, worker: clears: put it on the list */
	bool active;     /* worker: on that worker's list of queues to poll */
	uint16_t idle;   /* worker: polls in a row that found nothing */
	uint64_t wake;   /* worker: TSC, when it wakes up (sleepers.h); 0: it does not sleep */
};

/*
 * What comes in by the port belongs to others (to the bond that it is a member of, to the VLANs of
 * a NIC): @burst gives them their packets by worker_enter(), and takes all of them off the caller.
 * Embedded in what it needs to know; immutable once published.
 */
struct port_demux {
	void (*burst)(struct worker *worker, struct port *port, const struct port_demux *demux,
		      struct rte_mbuf **pkts, uint16_t n);
};

/*
 * What has passed a port on its way to or from another one, which counts it for the balance of
 * drop.h: on one worker. worker: rw, control: ro (relaxed).
 */
struct port_passed {
	uint64_t rx_packets;
	uint64_t rx_bytes;
	uint64_t tx_packets;
	uint64_t tx_bytes;
} __rte_cache_aligned;

struct port {
	const struct port_type *type; /* control: set at open; worker: ro */
	void *priv;                   /* the type's own; control: set at open */
	struct bridge *bridge;        /* control: rw (atomic), worker: ro; NULL: on no bridge */
	/* control: rw (release), worker: ro, by vlan_of(); never NULL; the same object for equal
	 * settings */
	const struct vlan_settings *vlan;
	const struct port_demux *demux; /* control: rw (release), worker: ro; NULL: none */
	const struct rif *rif;          /* the same: routed interface (router.h); NULL: none */
	/* packets sent by it may come back by it: see lag.h. control: rw (release), worker: ro;
	 * NULL: they do not */
	struct lag_echo *echo;
	uint32_t max_frame;  /* bytes, untagged, mtu + 14; control: rw, worker: ro */
	uint16_t id;         /* index in datapath.ports */
	uint16_t generation; /* differs between ports that use one id in turn */
	bool open;           /* up and forwarding: may be sent to; as up */
	uint8_t state;       /* enum port_state; control: rw, worker: ro */
	uint8_t punts;       /* enum port_punts; control: rw, worker: ro */
	uint8_t isolated;    /* 1: reaches none that are; control: rw, worker: ro */
	bool carrier_off;    /* by the operator; nothing enters; control: rw, worker: ro */
	bool tx_shared;      /* n_txq < workers: tx_burst needs tx_lock */
	bool wire;           /* packets come as on a wire: worth merging (gro.h) */
	bool up;             /* link and peer there; control: rw, worker: ro */
	uint32_t caps;       /* enum port_caps; control: rw, worker: ro */
	uint16_t n_rxq;      /* 0 .. PORT_QUEUES_MAX; 0: packets come by other ports */
	uint16_t n_txq;      /* 1 .. PORT_QUEUES_MAX */
	uint8_t no_flood;    /* enum port_floods; control: rw, worker: ro */
	bool hairpin;        /* frames may leave by it that came in by it; as no_flood */
	uint32_t mtu;        /* control only */
	uint8_t mac[6];      /* all zero if the port has none of its own; control: rw,
			      * worker (of a bond's member): ro, a MAC that changes is
			      * in nobody's way */
	uint8_t mac_pad[2];  /* it is read as a word */
	/* constant, by worker id, WORKER_MAX + 1 of them; NULL: it counts in struct port_stats */
	struct port_passed *passed;
	/* written by workers: away from what all workers read */
	struct port_rxq rxq[PORT_QUEUES_MAX] __rte_cache_aligned;
	rte_spinlock_t tx_lock[PORT_QUEUES_MAX] __rte_cache_aligned;
} __rte_cache_aligned;

/**
 * port_mtu_set() - set mtu and max_frame together. Control thread.
 * @port: the port.
 * @mtu: bytes of payload, PORT_MTU_MIN .. PORT_MTU_MAX.
 */
static inline void
port_mtu_set(struct port *port, uint32_t mtu)
{
	port->mtu = mtu;
	__atomic_store_n(&port->max_frame, mtu + 14, __ATOMIC_RELAXED);
}

/**
 * port_state_set() - set up, state and what follows from them. Control thread.
 * @up: link and peer are there.
 * @state: enum port_state.
 */
static inline void
port_state_set(struct port *port, bool up, enum port_state state)
{
	__atomic_store_n(&port->state, state, __ATOMIC_RELAXED);
	__atomic_store_n(&port->up, up, __ATOMIC_RELAXED);
	__atomic_store_n(&port->open, up && state == PORT_FORWARDING, __ATOMIC_RELAXED);
}

#endif /* DATAPATH_PORT_H */
