/* SPDX-License-Identifier: BSD-3-Clause */
#include "port_vxlan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>
#include <rte_vxlan.h>

#include "egress.h"
#include "error.h"
#include "offload.h"
#include "router.h"
#include "routing.h"
#include "switch_priv.h"
#include "unaligned.h"

#define TTL 65                  /* the router takes one off */
#define SOURCE_PORT_FIRST 49152 /* RFC 6335: dynamic ports */
#define VXLAN_FLAG_VNI RTE_BE32(UINT32_C(0x08000000))

/* What is put in front of a frame; the same for all but lengths, source port and checksums. */
struct vxlan_headers {
	struct rcu_item retired;
	uint8_t family;
	uint8_t len;
	struct ip_addr local;
	uint8_t bytes[RTE_ETHER_HDR_LEN + 40 + 8 + 8];
};

struct vxlan {
	struct vxlan_config config;
	struct vxlan_headers *headers; /* control: rw (release), worker: ro; NULL: no way there */
	struct vswitch *sw;
};

/* --- control --- */

/* @mac: the router's on the port. */
static struct vxlan_headers *
headers_create(const struct vxlan_config *config, const struct ip_addr *local, const uint8_t *mac)
{
	struct vxlan_headers *headers = calloc(1, sizeof(*headers));
	const bool is_ipv6 = local->family == AF_INET6;
	const uint16_t type = rte_cpu_to_be_16(is_ipv6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4);
	struct rte_vxlan_hdr vxlan = { .vx_flags = VXLAN_FLAG_VNI };
	struct rte_udp_hdr udp = { .dst_port = rte_cpu_to_be_16(config->port) };
	uint8_t *at;

	if (headers == NULL)
		return NULL;
	at = headers->bytes;
	headers->family = local->family;
	headers->local = *local;
	memcpy(at, mac, RTE_ETHER_ADDR_LEN);
	memcpy(at + RTE_ETHER_ADDR_LEN, mac, RTE_ETHER_ADDR_LEN);
	memcpy(at + 12, &type, sizeof(type));
	at += RTE_ETHER_HDR_LEN;
	if (is_ipv6) {
		struct rte_ipv6_hdr ip = {
			.vtc_flow = rte_cpu_to_be_32(UINT32_C(6) << 28),
			.proto = IPPROTO_UDP,
			.hop_limits = TTL,
		};

		memcpy(ip.src_addr, local->bytes, 16);
		memcpy(ip.dst_addr, config->remote.bytes, 16);
		memcpy(at, &ip, sizeof(ip));
		at += sizeof(ip);
	} else {
		struct rte_ipv4_hdr ip = {
			.version_ihl = RTE_IPV4_VHL_DEF,
			.fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG),
			.time_to_live = TTL,
			.next_proto_id = IPPROTO_UDP,
		};

		memcpy(&ip.src_addr, local->bytes, 4);
		memcpy(&ip.dst_addr, config->remote.bytes, 4);
		memcpy(at, &ip, sizeof(ip));
		at += sizeof(ip);
	}
	memcpy(at, &udp, sizeof(udp));
	at += sizeof(udp);
	vxlan.vx_vni = rte_cpu_to_be_32(config->vni << 8);
	memcpy(at, &vxlan, sizeof(vxlan));
	headers->len = (uint8_t)(at + sizeof(vxlan) - headers->bytes);
	return headers;
}

static void
headers_publish(struct vxlan *vxlan, struct vxlan_headers *new)
{
	struct vxlan_headers *old = vxlan->headers;

	__atomic_store_n(&vxlan->headers, new, __ATOMIC_RELEASE);
	if (old != NULL)
		rcu_retire(vxlan->sw->rcu, &old->retired, free, old);
}

/* The headers, MTU and link that the way to the other end asks for. @ret_reason: there is none. */
static bool
vxlan_resolve(struct switch_port *port, struct vxlan *vxlan, char ret_reason[SWITCH_REASON_SIZE])
{
	struct routing *routing = vxlan->sw->routing;
	const struct ip_addr *remote = &vxlan->config.remote;
	const struct switch_rif *out = rif_on_link(routing, remote);
	const struct switch_rif *own = rif_find(routing, port);
	struct vxlan_headers *headers = vxlan->headers;
	struct ip_addr local;
	char text[IP_ADDR_TEXT_SIZE];
	uint32_t len;

	ip_addr_format(remote, text);
	if (own == NULL || out == NULL) {
		snprintf(ret_reason, SWITCH_REASON_SIZE, "the router has no route to %s", text);
		return false;
	}
	if (!addr_source(routing, out, remote, &local)) {
		snprintf(ret_reason, SWITCH_REASON_SIZE, "the router has no IPv%c address",
			 remote->family == AF_INET ? '4' : '6');
		return false;
	}
	if (headers == NULL || !ip_addr_equal(&headers->local, &local) ||
	    memcmp(headers->bytes, own->mac, sizeof(own->mac)) != 0) {
		headers = headers_create(&vxlan->config, &local, own->mac);
		if (headers == NULL) {
			snprintf(ret_reason, SWITCH_REASON_SIZE, "no memory");
			return false;
		}
		headers_publish(vxlan, headers);
	}
	/* the frame's own Ethernet header is payload */
	len = headers->len;
	port_mtu_set(port->dp, RTE_MAX(out->port->dp->mtu, len + PORT_MTU_MIN) - len);
	return true;
}

void
port_vxlan_renew(struct switch_port *port)
{
	struct vxlan *vxlan = port->dp->priv;
	char reason[SWITCH_REASON_SIZE] = "";
	const bool up = vxlan_resolve(port, vxlan, reason);

	if (!up && vxlan->headers != NULL)
		headers_publish(vxlan, NULL);
	if (up != port->link || strcmp(reason, port->link_reason) != 0)
		switch_port_status(vxlan->sw, port->dp, up, reason);
}

struct switch_port *
port_vxlan_make(struct vswitch *sw, const char *name, const struct vxlan_config *config,
		struct error *err)
{
	const struct rif_config rif = { .keeps_source = true };
	struct port_config made = {
		.kind = PORT_KIND_VXLAN,
		.n_queues = 1,
		.is_auto = true,
		.vxlan = config,
	};
	struct switch_port *port;

	if (sw->routing == NULL) {
		error_set(err, ENOTSUP, "there is no router here");
		return NULL;
	}
	snprintf(made.name, sizeof(made.name), "%s", name);
	if (switch_port_add(sw, NULL, &made, err) < 0)
		return NULL;
	port = switch_port_find(sw, name);
	port->config.vxlan = NULL; /* it is the caller's */
	if (rif_set(sw->routing, port, &rif, err) < 0) {
		switch_port_remove(sw, port);
		return NULL;
	}
	port_vxlan_renew(port);
	return port;
}

void
port_vxlan_end(struct switch_port *port)
{
	struct vswitch *sw = port->sw;

	rif_clear(sw->routing, port);
	switch_port_remove(sw, port);
}

static int
vxlan_open(struct port *port, const struct port_config *config, struct error *err)
{
	struct vxlan *vxlan = calloc(1, sizeof(*vxlan));

	if (vxlan == NULL)
		return error_set(err, ENOMEM, "port %s: no memory", config->name);
	vxlan->config = *config->vxlan;
	vxlan->sw = config->sw;
	port->priv = vxlan;
	port->n_rxq = 0;
	port->n_txq = 1;
	switch_port_caps(config->sw, port, 0);
	return 0;
}

static void
vxlan_close(struct port *port)
{
	struct vxlan *vxlan = port->priv;

	if (vxlan == NULL)
		return;
	free(vxlan->headers);
	free(vxlan);
	port->priv = NULL;
}

/* --- workers --- */

static uint16_t
vxlan_rx(struct worker *worker, struct port *port, uint16_t queue, struct rte_mbuf **pkts,
	 uint16_t n)
{
	(void)worker;
	(void)port;
	(void)queue;
	(void)pkts;
	(void)n;
	return 0;
}

static uint32_t
mix(uint32_t hash, const uint8_t *at, unsigned int words)
{
	for (unsigned int i = 0; i < words; i++)
		hash = (hash ^ get32(at + 4 * i)) * UINT32_C(0x9e3779b1);
	return hash ^ hash >> 15;
}

/* By the frame's addresses, and those and the ports behind an IPv4 header or most of an IPv6 one.
 */
static uint16_t
source_port(const struct rte_mbuf *pkt)
{
	const uint8_t *frame = rte_pktmbuf_mtod(pkt, const uint8_t *);
	const uint32_t len = pkt->data_len;
	const uint32_t l3 = RTE_ETHER_HDR_LEN + vlan_tags_len(pkt);
	const uint16_t type = vlan_type_at(pkt, l3 - 2);
	uint32_t hash = len >= 12 ? mix(0, frame, 3) : 0;

	if (type == RTE_BE16(RTE_ETHER_TYPE_IPV4) && len >= l3 + 24)
		hash = mix(hash, frame + l3 + 12, 3);
	else if (type == RTE_BE16(RTE_ETHER_TYPE_IPV6) && len >= l3 + 44)
		hash = mix(hash, frame + l3 + 8, 9);
	return SOURCE_PORT_FIRST + hash % (UINT16_MAX + 1 - SOURCE_PORT_FIRST);
}

/* Put the headers in front. Return: 0 or -errno. */
static int
encapsulate(const struct vxlan_headers *headers, struct rte_mbuf *pkt)
{
	const uint16_t source = rte_cpu_to_be_16(source_port(pkt));
	const uint16_t udp_len = rte_cpu_to_be_16(pkt->pkt_len + sizeof(struct rte_udp_hdr) +
						  sizeof(struct rte_vxlan_hdr));
	uint8_t *frame = (uint8_t *)rte_pktmbuf_prepend(pkt, headers->len), *ip, *udp;

	if (frame == NULL)
		return -ENOBUFS;
	memcpy(frame, headers->bytes, headers->len);
	ip = frame + RTE_ETHER_HDR_LEN;
	udp = frame + headers->len - sizeof(struct rte_vxlan_hdr) - sizeof(struct rte_udp_hdr);
	memcpy(udp, &source, sizeof(source));
	memcpy(udp + 4, &udp_len, sizeof(udp_len));
	/* what is known of checksums is about the frame within */
	pkt->ol_flags &= RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL;
	pkt->ol_flags |= PORT_MIRRORED;
	if (headers->family == AF_INET) {
		const uint16_t len = rte_cpu_to_be_16(pkt->pkt_len - RTE_ETHER_HDR_LEN);
		uint16_t sum;

		memcpy(ip + 2, &len, sizeof(len));
		sum = rte_ipv4_cksum((const struct rte_ipv4_hdr *)ip);
		memcpy(ip + 10, &sum, sizeof(sum));
		return 0;
	}
	memcpy(ip + 4, &udp_len, sizeof(udp_len));
	/* the checksum is made where the packet leaves */
	return offload_describe(pkt);
}

static uint16_t
vxlan_tx(struct worker *worker, struct port *port, uint16_t queue, struct rte_mbuf **pkts,
	 uint16_t n)
{
	const struct vxlan *vxlan = port->priv;
	const struct vxlan_headers *headers = __atomic_load_n(&vxlan->headers, __ATOMIC_ACQUIRE);
	const struct rif *rif = __atomic_load_n(&port->rif, __ATOMIC_ACQUIRE);
	uint64_t bytes = 0;
	uint16_t k = 0;

	(void)queue;
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *pkt = pkts[i];

		bytes += pkt->pkt_len;
		/* a mirror's copies are its own; else it is the router's, about the port */
		if (unlikely(rif == NULL || headers == NULL || !(pkt->ol_flags & PORT_MIRRORED)))
			port_drop(worker, port, pkt, DROP_NO_ROUTE);
		else if (unlikely(encapsulate(headers, pkt) < 0))
			port_drop(worker, port, pkt, DROP_NO_BUFFER);
		else
			pkts[k++] = pkt;
	}
	if (likely(k > 0))
		router_burst(worker, rif, port, pkts, k);
	port_tx_handed_on(worker, n, bytes);
	return n;
}

const struct port_type port_type_vxlan = {
	.name = "vxlan",
	.wait = PORT_WAIT_NONE,
	.hands_on = true,
	.open = vxlan_open,
	.close = vxlan_close,
	.rx_burst = vxlan_rx,
	.tx_burst = vxlan_tx,
};
