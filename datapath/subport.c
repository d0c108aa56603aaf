/* SPDX-License-Identifier: BSD-3-Clause */
#include "subport.h"

#include <string.h>

#include "egress.h"
#include "packet.h"

/* Whose packet it is: the id of a subport, or SUBPORT_NONE. */
static uint16_t
subport_of(const struct subport_table *table, uint16_t tpid, const struct rte_mbuf *pkt)
{
	const uint8_t *frame = rte_pktmbuf_mtod(pkt, const uint8_t *);
	uint16_t type, vid;

	memcpy(&type, frame + 12, sizeof(type));
	if (type != tpid || pkt->data_len < 18)
		return SUBPORT_NONE;
	vid = (uint16_t)(frame[14] << 8 | frame[15]) & VLAN_VID_MASK;
	if (vid > VLAN_VID_MAX)
		return SUBPORT_NONE;
	return __atomic_load_n(&table->ports[vid], __ATOMIC_RELAXED);
}

/* Take the tags off and let the packets enter by the subport. */
static void
subport_enter(struct worker *worker, struct port *parent, struct port *port, struct rte_mbuf **pkts,
	      uint16_t n)
{
	uint64_t bytes = 0;
	uint16_t k = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *pkt = pkts[i];

		if (!egress_fill(worker, pkt))
			continue;
		pkt = egress_writable(worker, pkt);
		if (unlikely(pkt == NULL)) {
			port_drop(worker, parent, pkt, DROP_NO_BUFFER);
			continue;
		}
		vlan_pop(pkt);
		bytes += pkt->pkt_len;
		pkts[k++] = pkt;
	}
	port_passed_in(worker, port, k, bytes);
	if (likely(k > 0))
		worker_enter(worker, port, pkts, k);
}

static void
subport_deliver(struct worker *worker, struct port *parent, uint16_t id, struct rte_mbuf **pkts,
		uint16_t n)
{
	struct port *port;

	if (id == SUBPORT_NONE) {
		worker_forward(worker, parent, pkts, n);
		return;
	}
	port = datapath_port(worker->dp, id);
	if (likely(port != NULL)) {
		subport_enter(worker, parent, port, pkts, n);
		return;
	}
	/* it goes, or comes, just now */
	for (uint16_t i = 0; i < n; i++)
		port_drop(worker, parent, pkts[i], DROP_NO_BRIDGE);
}

/* Sort a burst by subports, each one's packets in their order. */
static void
subport_burst(struct worker *worker, struct port *parent, const struct port_demux *demux,
	      struct rte_mbuf **pkts, uint16_t n)
{
	const struct subport_table *table = (const struct subport_table *)demux;
	const uint16_t tpid = vlan_of(parent)->tpid;
	struct rte_mbuf *group[PORT_BURST_MAX];
	uint16_t ids[PORT_BURST_MAX];

	/* nothing enters by a port that is unplugged */
	if (unlikely(__atomic_load_n(&parent->carrier_off, __ATOMIC_RELAXED))) {
		worker_forward(worker, parent, pkts, n);
		return;
	}
	for (uint16_t i = 0; i < n; i++)
		ids[i] = subport_of(table, tpid, pkts[i]);
	while (n > 0) {
		const uint16_t id = ids[0];
		uint16_t k = 0, rest = 0;

		for (uint16_t i = 0; i < n; i++) {
			if (ids[i] == id) {
				group[k++] = pkts[i];
				continue;
			}
			pkts[rest] = pkts[i];
			ids[rest++] = ids[i];
		}
		n = rest;
		subport_deliver(worker, parent, id, group, k);
	}
}
static_assert(offsetof(struct subport_table, demux) == 0, "a demux is its table");

void
subport_table_init(struct subport_table *table)
{
	table->demux.burst = subport_burst;
	table->n = 0;
	for (uint16_t vid = 0; vid <= VLAN_VID_MAX; vid++)
		table->ports[vid] = SUBPORT_NONE;
}

void
subport_table_set(struct subport_table *table, uint16_t vid, uint16_t port_id)
{
	table->n += (port_id != SUBPORT_NONE) - (table->ports[vid] != SUBPORT_NONE);
	__atomic_store_n(&table->ports[vid], port_id, __ATOMIC_RELAXED);
}

uint16_t
subport_tx_burst(struct worker *worker, struct port *port, uint16_t queue, struct rte_mbuf **pkts,
		 uint16_t n)
{
	struct subport *subport = port->priv;
	struct port *parent = subport->parent;
	const uint16_t tpid = vlan_of(parent)->tpid;
	uint64_t lost_bytes = 0, bytes = 0;
	uint16_t lost = 0;

	(void)queue;
	/* its own bridge may have closed the parent: that says nothing about this VLAN */
	if (unlikely(!__atomic_load_n(&parent->up, __ATOMIC_RELAXED))) {
		for (uint16_t i = 0; i < n; i++) {
			bytes += pkts[i]->pkt_len;
			port_drop_seen(worker, port, pkts[i], DROP_PORT_DOWN);
			rte_pktmbuf_free(pkts[i]);
		}
		port_tx_lost(worker, port, DROP_PORT_DOWN, n, bytes);
		return n;
	}
	for (uint16_t i = 0; i < n; i++) {
		const uint32_t len = pkts[i]->pkt_len;
		struct rte_mbuf *pkt = pkts[i];

		if (!packet_writable(pkt))
			pkt = packet_copy(pkt, worker->pool);
		if (unlikely(pkt == NULL || vlan_push(pkt, tpid, subport->vid) < 0)) {
			/* as it was given to this port: so it is known by who captures */
			port_drop_seen(worker, port, pkts[i], DROP_NO_BUFFER);
			if (pkt != pkts[i])
				rte_pktmbuf_free(pkt);
			rte_pktmbuf_free(pkts[i]);
			lost++;
			lost_bytes += len;
			continue;
		}
		if (pkt != pkts[i])
			rte_pktmbuf_free(pkts[i]);
		bytes += len;
		egress_queue(worker, parent, pkt);
	}
	port_passed_out(worker, port, n - lost, bytes);
	/* last: a full batch of the parent's is sent meanwhile, which starts these sums anew */
	port_tx_lost(worker, port, DROP_NO_BUFFER, lost, lost_bytes);
	port_tx_handed_on(worker, n - lost, bytes);
	return n;
}
