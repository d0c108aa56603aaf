/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * LAG: a bond as workers see it (IEEE 802.1AX link aggregation) - which member a packet leaves by,
 * and which packets of a member are the bond's.
 *
 * A bond is a port (struct port) without queues. What is sent by it is hashed to one of LAG_BUCKETS
 * buckets; the table, immutable and published by RCU, says to which member a bucket belongs, and
 * the packet goes on into that member's batch. What comes in by a member, whose port->demux is a
 * struct lag_member, is admitted or refused by the same table and enters by the bond's port.
 *
 * Source load balancing (SLB) is for physical switches that know nothing of the bond: they flood to
 * all members, and send what we flood back to us by the other members. So with table->by_bucket:
 *  - frames to groups are admitted on one member only;
 *  - frames to a station are admitted on the member that this station sends by (so that the switch
 *    has learnt it there). After a bucket has moved, also on the member before, until the first
 *    frame comes by the new one;
 *  - frames whose source is a station of ours come back from our own flood and are refused
 *    (lag_echoes()), unless the station says by a gratuitous ARP or RARP that it has moved away.
 *
 * Thread-safety: struct lag and its tables are written by the control thread and read by workers
 * between two quiescent states; fields that workers write say so.
 */
#ifndef DATAPATH_LAG_H
#define DATAPATH_LAG_H

#include "datapath.h"
#include "port.h"
#include "rcu.h"

#define LAG_BUCKETS 256
#define LAG_MEMBERS_MAX 8
#define LAG_NONE 0xff            /* slot: no member */
#define LAG_PORT_NONE UINT16_MAX /* port id: no member */
#define LAG_SOURCES 1024         /* stations that are remembered as senders */

/* What a packet is spread by. */
enum lag_hash {
	LAG_HASH_L2,     /* MACs and VLAN */
	LAG_HASH_L34,    /* addresses and ports of IP; without ports for fragments; else as L2 */
	LAG_HASH_SOURCE, /* source MAC and VLAN */
};

/* Immutable once published. A slot is a member's number in its bond. */
struct lag_table {
	uint16_t ports[LAG_MEMBERS_MAX]; /* port ids by slot, or LAG_PORT_NONE */
	uint8_t hash;                    /* enum lag_hash */
	uint8_t only;                    /* slot that all packets leave by; LAG_NONE: by bucket */
	uint8_t collecting;              /* bits: slots whose packets are the bond's */
	bool by_bucket;                  /* SLB: see above */
	uint8_t groups;                  /* SLB: slot whose frames to groups are the bond's */
	uint8_t slots[LAG_BUCKETS];      /* by bucket; LAG_NONE: nowhere */
	uint8_t before[LAG_BUCKETS];     /* SLB: where the bucket was before, or LAG_NONE */
	uint32_t moved[LAG_BUCKETS];     /* SLB: number of the move that it came to its slot by */
	struct rcu_item retired;         /* control only */
};

/* Bytes sent. worker: rw, control: ro (relaxed). */
struct lag_counters {
	uint64_t bytes[LAG_BUCKETS];
} __rte_cache_aligned;

/* What was sent lately, by which packets that come back are known. worker: rw. */
struct lag_echo {
	uint64_t seed;                 /* constant */
	uint32_t until;                /* control: rw: seconds; packets may come back until then */
	uint32_t garps[LAG_BUCKETS];   /* seconds: gratuitous ARP or RARP was sent last; 0: never */
	uint64_t sources[LAG_SOURCES]; /* MAC, and 16 bits of seconds above it */
};

struct lag {
	struct port *port;       /* the bond's */
	void *owner;             /* control only */
	struct lag_table *table; /* control: rw (release), worker: ro; never NULL */
	uint64_t seed[2];        /* of the hash: nobody can aim at a member */
	struct lag_counters *counters[WORKER_MAX + 1]; /* by worker id */
	uint32_t settled[LAG_BUCKETS];                 /* SLB: last move that is over; worker: rw */
	struct lag_echo echo;
};

/* What port->demux of a member is. */
struct lag_member {
	struct port_demux demux;
	struct lag *lag;
	uint8_t slot;
	struct rcu_item retired; /* control only */
};

/* What port->type of a bond is made of, but for what the control thread does. */
uint16_t lag_rx_burst(struct worker *worker, struct port *port, uint16_t queue,
		      struct rte_mbuf **pkts, uint16_t n);
/* @port: priv is a struct lag. */
uint16_t lag_tx_burst(struct worker *worker, struct port *port, uint16_t queue,
		      struct rte_mbuf **pkts, uint16_t n);

/**
 * lag_create() - a bond without members.
 * @n_workers: that will send by it.
 * Return: it, or NULL with errno ENOMEM. Control thread, like the next ones.
 */
struct lag *lag_create(struct port *port, uint16_t n_workers);

/** lag_destroy() - free a bond that no worker can see. NULL is legal. */
void lag_destroy(struct lag *lag);

/** lag_member_create() - what port->demux of a member becomes. Return: it, or NULL. free() it. */
struct lag_member *lag_member_create(struct lag *lag, uint8_t slot);

/** lag_table_init() - a table without members. */
void lag_table_init(struct lag_table *table);

/** lag_bucket() - the bucket of a packet, 0 .. LAG_BUCKETS - 1. Any thread. */
uint32_t lag_bucket(const struct lag *lag, enum lag_hash hash, const struct rte_mbuf *pkt);

/**
 * lag_bucket_source() - the bucket of a station by LAG_HASH_SOURCE, in all bonds. Any thread.
 * @mac: as the first six bytes of a little-endian word; higher bits are ignored.
 */
uint32_t lag_bucket_source(uint64_t mac, uint16_t vid);

/** lag_bytes() - bytes sent so far by bucket, of all workers. Control thread. */
void lag_bytes(const struct lag *lag, uint64_t ret_bytes[LAG_BUCKETS]);

/**
 * lag_echoes() - is a packet one that the switch itself has sent, and that came back? Worker.
 * @in: port with port->echo, whose FDB does not say that the packet's source is behind it.
 * @known: the FDB says that the source is behind another port; else it knows nothing of it.
 */
bool lag_echoes(const struct worker *worker, const struct port *in, const struct rte_mbuf *pkt,
		bool known);

#endif /* DATAPATH_LAG_H */
