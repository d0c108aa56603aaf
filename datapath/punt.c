/* SPDX-License-Identifier: BSD-3-Clause */
#include "punt.h"

#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "egress.h"
#include "vlan.h"

/* Which budget a packet takes from. */
static unsigned int
punt_purpose(enum punt_kind kind)
{
	if (kind >= PUNT_NEIGHBOUR)
		return 2;
	return kind == PUNT_LOCAL;
}

bool
punt_allowed(struct worker *worker, const struct port *port, enum punt_kind kind)
{
	return budget_take(&worker->punt_budget[port->id][punt_purpose(kind)], PUNT_PER_MSEC,
			   PUNT_BURST);
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

	if (punt_allowed(worker, port, kind))
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
