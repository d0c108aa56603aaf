/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Subport: one VLAN of a port (its parent), as a port of its own, which can be on another bridge.
 *
 * What comes in by the parent with the VLAN's tag has the tag taken off and enters by the subport;
 * the rest goes on as the parent's. What leaves by the subport gets the tag and a place in the
 * parent's batch, so that the parent's queues and counters are the only ones that packets pass;
 * the subport's own counters are kept beside.
 *
 * Which tags count is said by the parent's VLAN settings (vlan.h), and which VLANs are still its
 * own as well: the control thread takes those of subports out of them.
 *
 * Thread-safety: subport_table and subport.counts say who writes what. A subport is hidden from
 * workers before its parent is, so that its pointer to the parent holds.
 */
#ifndef DATAPATH_SUBPORT_H
#define DATAPATH_SUBPORT_H

#include "rcu.h"
#include "vlan.h"
#include "worker.h"

#define SUBPORT_NONE 0xffff

/* The subports of a port: its demux. */
struct subport_table {
	struct port_demux demux;
	struct rcu_item retired;          /* control only */
	uint16_t n;                       /* control only */
	uint16_t ports[VLAN_VID_MAX + 1]; /* ids by VID, or SUBPORT_NONE; control: rw, worker: ro */
};

/* What a subport's port has as priv. */
struct subport {
	struct port *parent; /* constant */
	uint16_t vid;        /* constant */
	struct port_passed passed[WORKER_MAX + 1];
};

/** subport_table_init() - a table without subports. Control thread. */
void subport_table_init(struct subport_table *table);

/** subport_table_set() - let a VLAN go to a port (SUBPORT_NONE: to the parent). Control thread. */
void subport_table_set(struct subport_table *table, uint16_t vid, uint16_t port_id);

/** subport_tx_burst() - tx_burst of subports; see struct port_type. */
uint16_t subport_tx_burst(struct worker *worker, struct port *port, uint16_t queue,
			  struct rte_mbuf **pkts, uint16_t n);

#endif /* DATAPATH_SUBPORT_H */
