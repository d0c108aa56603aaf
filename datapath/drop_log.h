/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Drop log: what a worker remembers of packets that it dropped, beside their counters
 * (port_stats.drops): how many of which VLAN, and how the last ones began.
 *
 * Rows: packets by port, reason and VLAN, in a table of fixed size. A row is looked for in one
 * bucket only; if that is full, or the port has more rows than are its due, the packet has no row.
 * Nor have packets that nobody can look at: lost by a device, or a guest's request that is none. So
 * the rows are exact, but need not be all: what is of no known VLAN is the counter less the sum of
 * the rows. A worker makes rows and never frees one: that of a port that is gone is taken for
 * another, when one is needed.
 *
 * Kept packets: the first bytes of the last ones, by reason. Ports share DROP_KEPT_SETS rings for
 * each, so that one with a storm of drops hides those of few others, and a budget makes the copies
 * cheap in a storm: then it is some of the last ones that are kept.
 *
 * Thread-safety: a log is its worker's. The control thread reads without a lock: a row's key and a
 * kept packet's number say whether it has changed meanwhile.
 */
#ifndef DATAPATH_DROP_LOG_H
#define DATAPATH_DROP_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "drop.h"
#include "port.h"
#include "vlan.h"
#include "worker.h"

#define DROP_VLAN_UNKNOWN 0xffff
#define DROP_ROWS 8192     /* of a worker: a power of two */
#define DROP_ROW_WAYS 8    /* rows of a bucket */
#define DROP_PORT_ROWS 512 /* of one port: one with all VLANs leaves room for others */
#define DROP_KEPT_SETS 4   /* rings of a reason; a port has one of them */
#define DROP_KEPT 8        /* packets of a ring */
#define DROP_KEPT_LEN 128  /* bytes of a packet */

/* worker: rw, control: ro. */
struct drop_row {
	uint64_t key; /* drop_key(); 0: free */
	uint64_t packets;
	uint64_t when; /* seconds of CLOCK_MONOTONIC: the last one */
};

struct drop_kept {
	uint32_t number; /* odd: is being written. worker: rw, control: ro, as the rest */
	uint16_t port;   /* id */
	uint16_t generation;
	uint64_t tsc;
	uint32_t len; /* bytes of the packet */
	uint16_t data_len;
	uint16_t vlan; /* or DROP_VLAN_UNKNOWN */
	uint8_t data[DROP_KEPT_LEN];
};

struct drop_ring {
	uint32_t n; /* packets that were kept, ever */
	struct budget budget;
	struct drop_kept kept[DROP_KEPT];
};

struct drop_log {
	struct drop_row rows[DROP_ROWS];
	struct {
		uint16_t generation;
		uint16_t n;
	} ports[PORT_MAX]; /* rows of each port */
	struct drop_ring rings[DROP_REASONS][DROP_KEPT_SETS];
};

/**
 * drop_log_packet() - a packet is being dropped. Worker.
 * @pkt: canonical form.
 * @tag: tag word (vlan.h) of its VLAN; VLAN_NONE: see for yourself.
 */
void drop_log_packet(struct worker *worker, const struct port *port, const struct rte_mbuf *pkt,
		     enum drop_reason reason, uint16_t tag);

/**
 * drop_log_count() - packets of a VLAN are being dropped. Worker.
 * @vid: 0 .. VLAN_VID_MAX.
 */
void drop_log_count(struct worker *worker, const struct port *port, enum drop_reason reason,
		    uint16_t vid, uint64_t n);

/* Of one worker. */
struct drop_count {
	enum drop_reason reason;
	uint16_t vlan;
	uint64_t packets;
	uint64_t when; /* as struct drop_row */
};

typedef void (*drop_count_fn)(void *arg, uint16_t port_id, const struct drop_count *count);

/**
 * drop_log_each() - call @fn with each row of the ports that there are. Control thread.
 *
 * The ports' counters are to be read before: then no row seems to be missing because of packets
 * that are dropped meanwhile.
 */
void drop_log_each(const struct worker *worker, drop_count_fn fn, void *arg);

/**
 * drop_log_kept() - read a kept packet. Control thread.
 * @set, @i: below DROP_KEPT_SETS, DROP_KEPT.
 * Return: is there one, of a port that there is?
 */
bool drop_log_kept(const struct worker *worker, enum drop_reason reason, unsigned int set,
		   unsigned int i, struct drop_kept *ret_kept);

#endif /* DATAPATH_DROP_LOG_H */
