/* SPDX-License-Identifier: BSD-3-Clause */
#include "vif_hash.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>

#include "l4.h"

#define MIX_FACTOR 0x9e3779b97f4a7c15 /* 2^64 divided by the golden ratio */

/* The key's 32 bits from @bit on. */
static uint32_t
key_window(const uint8_t *key, uint32_t bit)
{
	const uint8_t *from = &key[bit / 8];
	uint64_t bits = 0;

	for (int i = 0; i < 5; i++)
		bits = bits << 8 | from[i];
	return (uint32_t)(bits >> (8 - bit % 8));
}

struct vif_hash *
vif_hash_create(const struct vif_hash_config *config)
{
	struct vif_hash *hash = malloc(sizeof(*hash));

	static_assert(RTE_DIM(hash->table) * 4 + 32 <= VIF_HASH_KEY_MAX * 8, "windows in the key");
	if (hash == NULL)
		return NULL;
	hash->types = config->types;
	hash->mapping_size = config->mapping_size;
	for (uint32_t i = 0; i < VIF_HASH_MAPPING_MAX; i++)
		hash->mapping[i] = (uint8_t)config->mapping[i];
	for (uint32_t i = 0; i < RTE_DIM(hash->table); i++) {
		uint32_t *row = hash->table[i];

		row[0] = 0;
		for (uint32_t bit = 0; bit < 4; bit++)
			row[8 >> bit] = key_window(config->key, i * 4 + bit);
		/* the lowest bit, and the rest */
		for (uint32_t value = 3; value < 16; value++)
			row[value] = row[value & (value - 1)] ^ row[value & -value];
	}
	return hash;
}

uint32_t
vif_hash_toeplitz(const struct vif_hash *hash, const uint8_t *bytes, uint32_t n)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sum ^= hash->table[2 * i][bytes[i] >> 4] ^ hash->table[2 * i + 1][bytes[i] & 15];
	return sum;
}

/* The ports behind the addresses, if the packet shows them. */
static void
flow_ports(struct vif_flow *flow, const struct rte_mbuf *pkt, uint32_t l4, uint8_t proto)
{
	if ((proto != IPPROTO_TCP && proto != IPPROTO_UDP) ||
	    l4 + VIF_FLOW_PORTS_LEN > pkt->data_len)
		return;
	flow->proto = proto;
	memcpy(flow->tuple + flow->n_addresses, rte_pktmbuf_mtod_offset(pkt, uint8_t *, l4),
	       VIF_FLOW_PORTS_LEN);
}

static void
flow_ipv4(struct vif_flow *flow, const struct rte_mbuf *pkt, uint32_t l3)
{
	const struct rte_ipv4_hdr *ip =
		rte_pktmbuf_mtod_offset(pkt, const struct rte_ipv4_hdr *, l3);

	if (l3 + sizeof(*ip) > pkt->data_len || ip->version_ihl < 0x45 || ip->version_ihl > 0x4f)
		return;
	flow->n_addresses = VIF_FLOW_IPV4_LEN;
	memcpy(flow->tuple, &ip->src_addr, VIF_FLOW_IPV4_LEN);
	/* neither more fragments to come nor some before */
	if ((ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK)) == 0)
		flow_ports(flow, pkt, l3 + (ip->version_ihl & 15) * 4, ip->next_proto_id);
}

static void
flow_ipv6(struct vif_flow *flow, const struct rte_mbuf *pkt, uint32_t l3)
{
	const struct rte_ipv6_hdr *ip =
		rte_pktmbuf_mtod_offset(pkt, const struct rte_ipv6_hdr *, l3);
	struct l4 l4;

	if (l3 + sizeof(*ip) > pkt->data_len || *(const uint8_t *)ip >> 4 != 6)
		return;
	flow->n_addresses = VIF_FLOW_IPV6_LEN;
	memcpy(flow->tuple, ip->src_addr, VIF_FLOW_IPV6_LEN);
	if (likely(ip->proto == IPPROTO_TCP || ip->proto == IPPROTO_UDP))
		flow_ports(flow, pkt, l3 + sizeof(*ip), ip->proto);
	else if (ip->proto != IPPROTO_ICMPV6 && l4_parse(pkt, &l4) == 0)
		flow_ports(flow, pkt, (uint32_t)l4.l2_len + l4.l3_len, l4.proto);
}

void
vif_flow_parse(const struct rte_mbuf *pkt, struct vif_flow *flow)
{
	const uint8_t *frame = rte_pktmbuf_mtod(pkt, const uint8_t *);
	uint32_t l3 = RTE_ETHER_HDR_LEN;
	uint16_t type;

	memset(flow, 0, sizeof(*flow));
	if (unlikely(pkt->data_len < l3))
		return;
	type = (uint16_t)(frame[l3 - 2] << 8 | frame[l3 - 1]);
	while ((type == RTE_ETHER_TYPE_VLAN || type == RTE_ETHER_TYPE_QINQ) &&
	       l3 + RTE_VLAN_HLEN <= pkt->data_len && l3 < RTE_ETHER_HDR_LEN + 2 * RTE_VLAN_HLEN) {
		l3 += RTE_VLAN_HLEN;
		type = (uint16_t)(frame[l3 - 2] << 8 | frame[l3 - 1]);
	}
	if (type == RTE_ETHER_TYPE_IPV4)
		flow_ipv4(flow, pkt, l3);
	else if (type == RTE_ETHER_TYPE_IPV6)
		flow_ipv6(flow, pkt, l3);
}

/* The most that the guest has chosen for a packet of this kind. */
static uint8_t
hash_type(uint32_t types, const struct vif_flow *flow)
{
	bool ipv6 = flow->n_addresses == VIF_FLOW_IPV6_LEN;
	uint8_t tcp =
		ipv6 ? _XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP : _XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP;
	uint8_t ip = ipv6 ? _XEN_NETIF_CTRL_HASH_TYPE_IPV6 : _XEN_NETIF_CTRL_HASH_TYPE_IPV4;

	if (flow->n_addresses == 0)
		return VIF_HASH_TYPE_NONE;
	if (flow->proto == IPPROTO_TCP && (types & 1u << tcp))
		return tcp;
	return types & 1u << ip ? ip : VIF_HASH_TYPE_NONE;
}

struct vif_hash_value
vif_hash_packet(const struct vif_hash *hash, const struct rte_mbuf *pkt)
{
	struct vif_hash_value value = { .type = VIF_HASH_TYPE_NONE };
	struct vif_flow flow;
	uint32_t n;

	vif_flow_parse(pkt, &flow);
	value.type = hash_type(hash->types, &flow);
	if (value.type == VIF_HASH_TYPE_NONE)
		return value;
	n = flow.n_addresses;
	if (value.type == _XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP ||
	    value.type == _XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP)
		n += VIF_FLOW_PORTS_LEN;
	value.value = vif_hash_toeplitz(hash, flow.tuple, n);
	return value;
}

uint16_t
vif_hash_queue(const struct vif_hash *hash, uint32_t value, uint16_t n_queues)
{
	if (hash->mapping_size == 0)
		return (uint16_t)(value % n_queues);
	/* checked when it was set; a queue that is not there must not be used in any case */
	return hash->mapping[value % hash->mapping_size] % n_queues;
}

static inline uint64_t
mix(uint64_t sum, uint64_t value)
{
	sum = (sum ^ value) * MIX_FACTOR;
	return sum ^ sum >> 32;
}

uint16_t
vif_hash_own(const struct rte_mbuf *pkt, uint16_t n_queues)
{
	struct vif_flow flow;
	uint64_t sum = 0, addresses;
	uint32_t ports, n;

	vif_flow_parse(pkt, &flow);
	n = flow.n_addresses;
	/* anything else: by its Ethernet addresses */
	if (unlikely(n == 0) && pkt->data_len >= RTE_ETHER_HDR_LEN) {
		memcpy(flow.tuple, rte_pktmbuf_mtod(pkt, void *), 2 * RTE_ETHER_ADDR_LEN);
		n = sizeof(addresses);
	}
	for (uint32_t i = 0; i < n; i += sizeof(addresses)) {
		memcpy(&addresses, flow.tuple + i, sizeof(addresses));
		sum = mix(sum, addresses);
	}
	memcpy(&ports, flow.tuple + n, sizeof(ports));
	sum = mix(sum, ports) * MIX_FACTOR;
	return (uint16_t)((sum >> 32) * n_queues >> 32);
}
