/* SPDX-License-Identifier: BSD-3-Clause */
/* The packets that ip_parse() leaves: options, fragments, ICMP, IPv6, and what is wrong. */
#include "ip.h"

#include <errno.h>
#include <netinet/ip_icmp.h>

#include "l4.h"

#define IPV6_LEN 40

static enum ip_l4
kind_of(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return IP_L4_TCP;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		return IP_L4_UDP;
	case IPPROTO_ICMP:
		return IP_L4_ICMP;
	default:
		return IP_L4_NONE;
	}
}

/* Ports of a transport header that is all there. */
static bool
parse_l4(struct ip_meta *meta, enum ip_l4 kind, const uint8_t *l4, uint32_t len)
{
	static const uint8_t need[IP_L4_KINDS] = {
		[IP_L4_TCP] = 20,
		[IP_L4_UDP] = 8,
		[IP_L4_ICMP] = 8,
	};

	if (len < need[kind])
		return false;
	if (kind == IP_L4_NONE)
		return true;
	if (kind == IP_L4_TCP)
		meta->tcp_flags = l4[13];
	memcpy(&meta->sport, l4, 4);
	return true;
}

/* RFC 792: queries have an identifier, errors quote a packet. The rest is for nobody to change. */
static void
parse_icmp(struct ip_meta *meta, const uint8_t *l4)
{
	meta->sport = 0;
	meta->dport = 0;
	switch (l4[0]) {
	case ICMP_ECHO:
	case ICMP_ECHOREPLY:
	case ICMP_TIMESTAMP:
	case ICMP_TIMESTAMPREPLY:
	case ICMP_INFO_REQUEST:
	case ICMP_INFO_REPLY:
	case ICMP_ADDRESS:
	case ICMP_ADDRESSREPLY:
		meta->kind = IP_L4_ICMP;
		meta->sport = get16(l4 + 4);
		meta->dport = meta->sport;
		break;
	case ICMP_DEST_UNREACH:
	case ICMP_SOURCE_QUENCH:
	case ICMP_REDIRECT:
	case ICMP_TIME_EXCEEDED:
	case ICMP_PARAMETERPROB:
		meta->flags |= IP_ICMP_ERROR;
		break;
	default:
		break;
	}
}

static void
parse_ipv4(struct ip_meta *meta, const uint8_t *ip, uint32_t readable)
{
	uint32_t header = (ip[0] & 0x0f) * 4u, total;
	struct csum csum = { 0 };
	uint16_t fragment;
	enum ip_l4 kind;

	if (readable < IPV4_HEADER_LEN)
		goto bad;
	total = rte_be_to_cpu_16(get16(ip + 2));
	if (header < IPV4_HEADER_LEN || total < header || header > readable ||
	    meta->l3 + total > meta->pkt->pkt_len)
		goto bad;
	csum_add(&csum, ip, header);
	if (csum_fold(csum.sum) != 0xffff) {
		meta->drop = DROP_BAD_CHECKSUM;
		return;
	}
	memcpy(&meta->src, ip + 12, 8);
	meta->route_dst = meta->dst;
	meta->l4 = meta->l3 + header;
	meta->l4_len = total - header;
	meta->proto = ip[9];
	meta->ttl = ip[8];
	meta->tos = ip[1];
	if (header > IPV4_HEADER_LEN)
		meta->flags |= IP_HAS_OPTIONS;
	fragment = get16(ip + 6) & IPV4_FRAGMENT_BE;
	if (fragment & IPV4_OFFSET_BE) {
		meta->flags |= IP_FRAG_LATER;
		return;
	}
	if (fragment != 0)
		meta->flags |= IP_FRAG_FIRST;
	kind = kind_of(meta->proto);
	if (!parse_l4(meta, kind, ip + header, RTE_MIN(readable - header, meta->l4_len))) {
		meta->flags |= IP_NO_L4;
		return;
	}
	meta->kind = kind;
	if (kind == IP_L4_ICMP) {
		meta->kind = IP_L4_NONE;
		parse_icmp(meta, ip + header);
	}
	return;
bad:
	meta->drop = DROP_BAD_FRAME;
}

/* What is behind extension headers that l4_parse() does not walk has no ports. */
static void
parse_ipv6(struct ip_meta *meta, const uint8_t *ip, uint32_t readable)
{
	uint32_t payload;
	enum ip_l4 kind;
	struct l4 l4;
	int ret;

	meta->flags |= IP_IS_IPV6;
	payload = readable < IPV6_LEN ? 0 : rte_be_to_cpu_16(get16(ip + 4));
	if (readable < IPV6_LEN || meta->l3 + IPV6_LEN + payload > meta->pkt->pkt_len) {
		meta->drop = DROP_BAD_FRAME;
		return;
	}
	meta->l4 = meta->l3 + IPV6_LEN;
	meta->l4_len = payload;
	meta->proto = ip[6];
	meta->ttl = ip[7];
	meta->tos = ip[0] << 4 | ip[1] >> 4;
	ret = l4_parse(meta->pkt, &l4);
	if (ret == -EBADMSG)
		meta->drop = DROP_BAD_FRAME;
	if (ret != 0 || !l4.is_ipv6 || l4.l2_len != meta->l3)
		return;
	meta->l4 = meta->l3 + l4.l3_len;
	meta->l4_len = l4.l4_len;
	meta->proto = l4.proto;
	kind = kind_of(meta->proto);
	if (kind != IP_L4_TCP && kind != IP_L4_UDP)
		return;
	if (parse_l4(meta, kind, ip + l4.l3_len, RTE_MIN(readable - l4.l3_len, l4.l4_len)))
		meta->kind = kind;
	else
		meta->flags |= IP_NO_L4;
}

void
ip_parse_slow(struct ip_meta *ret_meta, struct rte_mbuf *pkt, uint16_t l3)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(pkt, const uint8_t *, l3);
	uint32_t readable = pkt->data_len > l3 ? pkt->data_len - l3 : 0;

	*ret_meta = (struct ip_meta){ .pkt = pkt, .l3 = l3, .drop = IP_KEEP };
	if (readable > 0 && ip[0] >> 4 == 4)
		parse_ipv4(ret_meta, ip, readable);
	else if (readable > 0 && ip[0] >> 4 == 6)
		parse_ipv6(ret_meta, ip, readable);
	else
		ret_meta->drop = DROP_BAD_FRAME;
}
