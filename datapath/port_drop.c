/* SPDX-License-Identifier: BSD-3-Clause */
/* What is said of a packet that dies, to all who want to hear it. Declared in worker.h. */
#include "drop_log.h"
#include "mirror.h"
#include "trace.h"
#include "vlan.h"
#include "worker.h"

static inline void
drop_seen(struct worker *worker, const struct port *port, struct rte_mbuf *pkt,
	  enum drop_reason reason, uint16_t tag)
{
	const struct capture_set *captures = capture_set_of(worker->dp);

	if (unlikely(worker->trace != NULL))
		trace_add(worker, TRACE_DROP, port, NULL, reason, 1, 0, 0);
	if (unlikely(worker->held != NULL))
		mirror_lose(worker->held, pkt);
	if (unlikely(worker->drop_log == NULL))
		return;
	if (unlikely(pkt == NULL)) {
		if (tag != VLAN_NONE)
			drop_log_count(worker, port, reason, tag & VLAN_VID_MASK, 1);
		return;
	}
	drop_log_packet(worker, port, pkt, reason, tag);
	if (unlikely(captures != NULL))
		capture_drop(worker, captures, port, pkt, reason);
}

void
port_drop_seen(struct worker *worker, const struct port *port, struct rte_mbuf *pkt,
	       enum drop_reason reason)
{
	drop_seen(worker, port, pkt, reason, VLAN_NONE);
}

void
port_drop_tag(struct worker *worker, const struct port *port, struct rte_mbuf *pkt,
	      enum drop_reason reason, uint16_t tag)
{
	worker_stats(worker, port)->drops[reason]++;
	drop_seen(worker, port, pkt, reason, tag);
	rte_pktmbuf_free(pkt);
}

void
port_drop(struct worker *worker, const struct port *port, struct rte_mbuf *pkt,
	  enum drop_reason reason)
{
	port_drop_tag(worker, port, pkt, reason, VLAN_NONE);
}

void
port_tx_lost(struct worker *worker, const struct port *port, enum drop_reason reason, uint32_t n,
	     uint64_t bytes)
{
	worker_stats(worker, port)->drops[reason] += n;
	worker->tx_lost += n;
	worker->tx_lost_bytes += bytes;
}
