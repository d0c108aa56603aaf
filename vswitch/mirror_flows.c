/* SPDX-License-Identifier: BSD-3-Clause */
#include "mirror_flows.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ether.h>

#include "child.h"
#include "error.h"
#include "ingress.h"
#include "netlink.h"
#include "packet.h"
#include "switch_priv.h"

#define TIMEOUT_SIZE 32
#define PUSH_FRAMES 5 /* of the longest, which fill a block of libpcap's */
#define PUSH_LEN (PORT_MTU_MAX + RTE_ETHER_HDR_LEN)
#define PUSH_ETHERTYPE RTE_BE16(0x88b5) /* IEEE Std 802: for local use */

struct mirror_flows {
	struct vswitch *sw;
	struct switch_port *port;
	struct child *child;
	struct ingress_guard guard;
};

static struct switch_port *
tap_make(struct vswitch *sw, const char *name, struct error *err)
{
	/* whole packets, however long: their bytes are counted */
	struct port_config config = {
		.kind = PORT_KIND_TAP,
		.n_queues = 1,
		.mtu = PORT_MTU_MAX,
		.is_auto = true,
	};

	snprintf(config.name, sizeof(config.name), "%s", name);
	return switch_port_add(sw, NULL, &config, err) == 0 ? switch_port_find(sw, name) : NULL;
}

static struct child *
softflowd_create(struct vswitch *sw, const char *tap, const char *collector, uint32_t timeout,
		 struct error *err)
{
	static const char *const idle[] = { "tcp", "tcp.rst", "tcp.fin", "udp", "icmp", "general" };
	char longest[TIMEOUT_SIZE], check[TIMEOUT_SIZE], silent[RTE_DIM(idle)][TIMEOUT_SIZE];
	const uint32_t quarter = RTE_MAX(timeout / 4, 1u);
	/*
	 * 10 is IPFIX; tags tell flows apart. Packets are taken whole, as those that push are to
	 * fill a block; and so that bursts of them find room there are 8 MiB of it.
	 */
	const char *args[CHILD_ARGS_MAX + 1] = {
		"-d",    "-i",   tap,       "-n",   collector, "-v",    "10",
		"-T",    "vlan", "-c",      "none", "-m",      "65536", "-C",
		"65535", "-B",   "8388608", "-t",   longest,   "-t",    check,
	};
	const struct child_config config = {
		.name = "softflowd",
		.package = "softflowd",
		.area = "mirror",
		.user = "nobody",
		.rights = "-all,+net_raw",
		.args = args,
	};
	unsigned int n = 21;

	static_assert(21 + 2 * RTE_DIM(idle) <= CHILD_ARGS_MAX, "too many arguments");

	snprintf(longest, sizeof(longest), "maxlife=%u", timeout);
	snprintf(check, sizeof(check), "expint=%u", RTE_MIN(quarter, 5u));
	for (size_t i = 0; i < RTE_DIM(idle); i++) {
		snprintf(silent[i], sizeof(silent[i]), "%s=%u", idle[i], quarter);
		args[n++] = "-t";
		args[n++] = silent[i];
	}
	return child_create(&sw->children, &config, err);
}

struct mirror_flows *
mirror_flows_create(struct vswitch *sw, const char *name, const char *collector, uint32_t timeout,
		    struct switch_port **ret_port, struct error *err)
{
	struct mirror_flows *flows = calloc(1, sizeof(*flows));
	struct netlink_link link;

	if (flows == NULL) {
		error_set(err, ENOMEM, "no memory");
		return NULL;
	}
	flows->sw = sw;
	flows->child = softflowd_create(sw, name, collector, timeout, err);
	flows->port = flows->child != NULL ? tap_make(sw, name, err) : NULL;
	if (flows->port == NULL) {
		mirror_flows_destroy(flows);
		return NULL;
	}
	ingress_silence(name);
	if (netlink_link_get(sw->netlink, name, &link) == 0)
		ingress_guard_set(&flows->guard, sw->netlink, &link);
	child_restart(flows->child);
	*ret_port = flows->port;
	return flows;
}

void
mirror_flows_destroy(struct mirror_flows *flows)
{
	if (flows == NULL)
		return;
	child_destroy(flows->child);
	if (flows->port != NULL)
		switch_port_remove(flows->sw, flows->port);
	free(flows);
}

/* Return: a frame as long as can be, or NULL: no buffers. */
static struct rte_mbuf *
push_frame(struct rte_mempool *pool)
{
	struct rte_mbuf *frame = NULL, **next = &frame, *segment;
	const uint16_t type = PUSH_ETHERTYPE;
	uint32_t left = PUSH_LEN;

	while (left > 0) {
		const bool is_first = frame == NULL;
		uint16_t len;

		segment = is_first ? rte_pktmbuf_alloc(pool) : packet_tail(pool);
		if (segment == NULL) {
			rte_pktmbuf_free(frame);
			return NULL;
		}
		len = RTE_MIN(left, (uint32_t)rte_pktmbuf_tailroom(segment));
		memset(rte_pktmbuf_append(segment, len), 0, len);
		*next = segment;
		next = &segment->next;
		left -= len;
		if (!is_first)
			frame->nb_segs++;
	}
	frame->pkt_len = PUSH_LEN;
	memcpy(rte_pktmbuf_mtod_offset(frame, void *, 12), &type, sizeof(type));
	return frame;
}

void
mirror_flows_push(const struct mirror_flows *flows)
{
	const struct port *port = flows->port->dp;
	struct worker *worker = flows->sw->dp->workers[port->rxq[0].worker];
	struct rte_mbuf *frame = push_frame(flows->sw->pool);

	if (frame == NULL)
		return;
	rte_pktmbuf_refcnt_update(frame, PUSH_FRAMES);
	for (int i = 0; i < PUSH_FRAMES; i++)
		if (worker_send(worker, port, frame) < 0)
			rte_pktmbuf_free(frame);
	rte_pktmbuf_free(frame);
}

pid_t
mirror_flows_pid(const struct mirror_flows *flows)
{
	return child_pid(flows->child);
}

const char *
mirror_flows_reason(const struct mirror_flows *flows)
{
	return child_reason(flows->child);
}
