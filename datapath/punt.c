/* SPDX-License-Identifier: BSD-3-Clause */
#include "punt.h"

#include <string.h>

#include <rte_ether.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "bridge.h"
#include "egress.h"
#include "fdb.h"
#include "router.h"
#include "trace.h"
#include "vlan.h"

/* Which budget a packet takes from. */
static unsigned int
punt_purpose(enum punt_kind kind)
{
	if (kind == PUNT_DHCP)
		return 3;
	if (kind >= PUNT_NEIGHBOUR)
		return 2;
	return kind == PUNT_LOCAL;
}

static bool
take(struct worker *worker, uint16_t payer, enum punt_kind kind)
{
	return budget_take(worker, &worker->punt_budget[payer][punt_purpose(kind)], PUNT_PER_MSEC,
			   PUNT_BURST);
}

bool
punt_allowed(struct worker *worker, const struct port *port, enum punt_kind kind)
{
	return take(worker, port->id, kind);
}

/*
 * Whose budget a packet is to be paid from. By a bridge's gateway come those of all its stations:
 * each pays from that of the port that it is behind, so that none takes it from the others.
 */
static uint16_t
punt_payer(const struct port *port, const struct rte_mbuf *pkt)
{
	const struct rif *rif = __atomic_load_n(&port->rif, __ATOMIC_ACQUIRE);
	const struct bridge *bridge = __atomic_load_n(&port->bridge, __ATOMIC_ACQUIRE);
	const uint16_t vid = vlan_of(port)->untagged;
	const struct fdb_table *table;
	const struct fdb_entry *entry;
	uint64_t mac = 0, key;
	uint32_t dest;

	if (rif == NULL || !rif->gateway || bridge == NULL || vid == VLAN_NONE ||
	    pkt->data_len < RTE_ETHER_HDR_LEN)
		return port->id;
	memcpy(&mac, rte_pktmbuf_mtod_offset(pkt, const uint8_t *, RTE_ETHER_ADDR_LEN),
	       RTE_ETHER_ADDR_LEN);
	key = fdb_key(mac, vid);
	table = __atomic_load_n(&bridge->table, __ATOMIC_ACQUIRE);
	entry = fdb_lookup(table, key, fdb_hash(table, key));
	if (entry == NULL)
		return port->id;
	dest = __atomic_load_n(&entry->dest, __ATOMIC_RELAXED);
	return dest & FDB_DEST_GROUP ? port->id : dest & FDB_DEST_PORT;
}

void
punt(struct worker *worker, const struct port *port, struct rte_mbuf *pkt, enum punt_kind kind,
     uint16_t tag)
{
	struct punt entry = {
		.pkt = pkt,
		.vid = tag == VLAN_NONE ? VLAN_NONE : tag & VLAN_VID_MASK,
		.kind = kind,
	};

	if (take(worker, punt_payer(port, pkt), kind))
		punt_queue(worker, port, &entry);
	else
		port_drop(worker, port, pkt, DROP_PUNT);
}

void
punt_queue(struct worker *worker, const struct port *port, struct punt *entry)
{
	entry->port = port->id;
	entry->generation = port->generation;
	if (!egress_fill(worker, entry->pkt))
		return;
	if (unlikely(worker->trace != NULL))
		trace_add(worker, TRACE_PUNT, port, NULL, entry->kind, entry->next_hop, entry->dst,
			  0);
	if (unlikely(worker_is_dry(worker))) {
		rte_pktmbuf_free(entry->pkt);
		return;
	}
	if (rte_ring_sp_enqueue_elem(worker->punts, entry, sizeof(*entry)) != 0) {
		port_drop(worker, port, entry->pkt, DROP_PUNT);
		return;
	}
	worker_stats(worker, port)->punted++;
	worker->told = true;
}

unsigned int
punts_take(struct worker *worker, struct punt *ret_punts, unsigned int n)
{
	return rte_ring_sc_dequeue_burst_elem(worker->punts, ret_punts, sizeof(ret_punts[0]), n,
					      NULL);
}
