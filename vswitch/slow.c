/* SPDX-License-Identifier: BSD-3-Clause */
#include "slow.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include <rte_rcu_qsbr.h>

#include "bond.h"
#include "punt.h"
#include "routing.h"
#include "snoop.h"
#include "switch.h"

#define TAKE_BATCH 32
#define FLUSH_NAP_USEC 50
#define FRAME_LEN_MIN 60             /* bytes without FCS */
#define BRIDGE_GROUP_MAC_LAST 0x00   /* IEEE 802.1Q table 8-1 */
#define SLOW_PROTOCOLS_MAC_LAST 0x02 /* IEEE 802.3 annex 57A */

typedef void (*slow_handler)(struct vswitch *sw, struct switch_port *port,
			     const struct slow_frame *frame);

/* Destinations 01:80:c2:00:00:0x: by the last byte. */
static void
slow_link_local(struct vswitch *sw, struct switch_port *port, const struct slow_frame *frame)
{
	(void)sw;
	if (frame->bytes[5] == BRIDGE_GROUP_MAC_LAST)
		stp_receive(port, frame->bytes, frame->len);
	else if (frame->bytes[5] == SLOW_PROTOCOLS_MAC_LAST)
		bond_receive(port, frame->bytes, frame->len);
}

/* ARP to the MAC of a bond's member, or by a routed port. */
static void
slow_arp(struct vswitch *sw, struct switch_port *port, const struct slow_frame *frame)
{
	if (port->member != NULL)
		bond_receive_arp(port, frame->bytes, frame->len);
	else
		routing_receive(sw, port, frame);
}

static void
slow_probe(struct vswitch *sw, struct switch_port *port, const struct slow_frame *frame)
{
	(void)sw;
	loop_receive(port, frame->bytes, frame->len);
}

static void
slow_membership(struct vswitch *sw, struct switch_port *port, const struct slow_frame *frame)
{
	snoop_receive(sw, port, frame->pkt, frame->bytes, frame->len, frame->vid);
}

static const slow_handler handlers[PUNT_KINDS] = {
	[PUNT_LINK_LOCAL] = slow_link_local, [PUNT_ARP] = slow_arp,
	[PUNT_PROBE] = slow_probe,           [PUNT_MEMBERSHIP] = slow_membership,
	[PUNT_ND] = routing_receive,         [PUNT_LOCAL] = routing_receive,
	[PUNT_NEIGHBOUR] = routing_receive,  [PUNT_NO_ROUTE] = routing_receive,
	[PUNT_TTL] = routing_receive,        [PUNT_TOO_BIG] = routing_receive,
	[PUNT_DHCP] = routing_receive,
};

static void
slow_handle(struct vswitch *sw, const struct punt *punt)
{
	struct port *port = datapath_port(sw->dp, punt->port);
	uint8_t buffer[SLOW_FRAME_MAX];
	struct slow_frame frame = {
		.len = RTE_MIN(punt->pkt->pkt_len, (uint32_t)sizeof(buffer)),
		.vid = punt->vid,
		.pkt = punt->pkt,
		.punt = punt,
	};

	if (port == NULL || port->generation != punt->generation)
		return;
	frame.bytes = rte_pktmbuf_read(punt->pkt, 0, frame.len, buffer);
	handlers[punt->kind](sw, switch_port_of(sw, port), &frame);
}

void
slow_receive(struct vswitch *sw)
{
	struct punt punts[TAKE_BATCH];

	for (uint16_t w = 0; w < sw->dp->n_workers; w++) {
		unsigned int n;

		while ((n = punts_take(sw->dp->workers[w], punts, TAKE_BATCH)) > 0) {
			for (unsigned int i = 0; i < n; i++) {
				slow_handle(sw, &punts[i]);
				rte_pktmbuf_free(punts[i].pkt);
			}
		}
	}
}

int
slow_send(struct vswitch *sw, const struct switch_port *port, const uint8_t *frame, uint32_t len)
{
	const uint32_t padded = RTE_MAX(len, (uint32_t)FRAME_LEN_MIN);
	struct rte_mbuf *pkt = rte_pktmbuf_alloc(sw->pool);
	char *data = pkt != NULL ? rte_pktmbuf_append(pkt, padded) : NULL;
	int ret;

	if (data == NULL) {
		rte_pktmbuf_free(pkt);
		return -ENOMEM;
	}
	memcpy(data, frame, len);
	memset(data + len, 0, padded - len);
	/* the worker that polls the port: no other has its counters in the cache */
	ret = worker_send(sw->dp->workers[port->dp->rxq[0].worker], port->dp, pkt);
	if (ret < 0)
		rte_pktmbuf_free(pkt);
	return ret;
}

void
slow_flush(struct vswitch *sw, const struct switch_port *port)
{
	const struct worker *worker = sw->dp->workers[port->dp->rxq[0].worker];
	const struct timespec nap = { .tv_nsec = FLUSH_NAP_USEC * 1000 };
	bool taken = false, sent = false;
	uint64_t token = 0;

	for (int i = 0; i < SLOW_FLUSH_USEC / FLUSH_NAP_USEC && !sent; i++) {
		/* taken out of the ring, then at the end of that turn */
		if (!taken && rte_ring_empty(worker->injected)) {
			taken = true;
			token = rte_rcu_qsbr_start(sw->dp->qsbr);
		}
		sent = taken && rte_rcu_qsbr_check(sw->dp->qsbr, token, false) == 1;
		if (!sent)
			nanosleep(&nap, NULL);
	}
}
