/* SPDX-License-Identifier: BSD-3-Clause */
#include "l4.h"

#include <errno.h>
#include <netinet/in.h>

#include <rte_ether.h>
#include <rte_ip.h>

#define IPV6_LEN 40

/* Can @len bytes of headers be read? */
static int
need(const struct rte_mbuf *pkt, uint32_t len)
{
	if (len > pkt->pkt_len)
		return -EBADMSG;
	return len > pkt->data_len ? -EPROTONOSUPPORT : 0;
}

static uint16_t
read_be16(const uint8_t *p)
{
	return (uint16_t)p[0] << 8 | p[1];
}

static int
parse_ether(const struct rte_mbuf *pkt, const uint8_t *frame, struct l4 *l4, uint16_t *ret_type)
{
	uint16_t len = RTE_ETHER_HDR_LEN, type;
	int tags, ret;

	ret = need(pkt, len);
	if (ret != 0)
		return ret;
	type = read_be16(frame + 12);
	for (tags = 0; tags < 2 && (type == RTE_ETHER_TYPE_VLAN || type == RTE_ETHER_TYPE_QINQ);
	     tags++) {
		len += RTE_VLAN_HLEN;
		ret = need(pkt, len);
		if (ret != 0)
			return ret;
		type = read_be16(frame + len - 2);
	}
	l4->l2_len = len;
	*ret_type = type;
	return 0;
}

static int
parse_ipv4(const struct rte_mbuf *pkt, const uint8_t *ip, struct l4 *l4)
{
	uint32_t total, header;
	int ret;

	ret = need(pkt, l4->l2_len + sizeof(struct rte_ipv4_hdr));
	if (ret != 0)
		return ret;
	header = (ip[0] & 0x0f) * 4u;
	total = read_be16(ip + 2);
	if (ip[0] >> 4 != 4 || header < sizeof(struct rte_ipv4_hdr) || total < header ||
	    l4->l2_len + total > pkt->pkt_len)
		return -EBADMSG;
	ret = need(pkt, l4->l2_len + header);
	if (ret != 0)
		return ret;
	l4->l3_len = header;
	l4->l4_len = total - header;
	l4->proto = ip[9];
	/* More fragments, or not the first: what follows is no whole transport packet. */
	return read_be16(ip + 6) & 0x3fff ? -EPROTONOSUPPORT : 0;
}

/* The length of the extension header @p of type @proto, or 0 if it is none that can be skipped. */
static uint32_t
ipv6_extension_len(uint8_t proto, const uint8_t *p)
{
	switch (proto) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
		return (p[1] + 1u) * 8;
	case IPPROTO_AH:
		return (p[1] + 2u) * 4; /* RFC 4302 2.2 */
	default:
		return 0;
	}
}

static int
parse_ipv6(const struct rte_mbuf *pkt, const uint8_t *ip, struct l4 *l4)
{
	uint32_t at = IPV6_LEN, end, len;
	uint8_t proto;
	int i, ret;

	ret = need(pkt, l4->l2_len + IPV6_LEN);
	if (ret != 0)
		return ret;
	end = IPV6_LEN + read_be16(ip + 4);
	if (ip[0] >> 4 != 6 || l4->l2_len + end > pkt->pkt_len)
		return -EBADMSG;
	proto = ip[6];
	for (i = 0; i < L4_IPV6_HEADERS_MAX; i++) {
		if (proto != IPPROTO_HOPOPTS && proto != IPPROTO_ROUTING &&
		    proto != IPPROTO_DSTOPTS && proto != IPPROTO_AH)
			break;
		if (at + 8 > end)
			return -EBADMSG;
		ret = need(pkt, l4->l2_len + at + 8);
		if (ret != 0)
			return ret;
		len = ipv6_extension_len(proto, ip + at);
		if (at + len > end)
			return -EBADMSG;
		if (proto == IPPROTO_ROUTING && ip[at + 3] != 0)
			l4->is_routed = true;
		proto = ip[at];
		at += len;
		ret = need(pkt, l4->l2_len + at);
		if (ret != 0)
			return ret;
	}
	/* Too many headers, a fragment, or none behind: nothing to find here. */
	if (i == L4_IPV6_HEADERS_MAX || proto == IPPROTO_FRAGMENT || proto == IPPROTO_NONE)
		return -EPROTONOSUPPORT;
	l4->is_ipv6 = true;
	l4->l3_len = at;
	l4->l4_len = end - at;
	l4->proto = proto;
	return 0;
}

int
l4_parse(const struct rte_mbuf *pkt, struct l4 *ret_l4)
{
	const uint8_t *frame = rte_pktmbuf_mtod(pkt, const uint8_t *);
	uint16_t type;
	int ret;

	*ret_l4 = (struct l4){ 0 };
	ret = parse_ether(pkt, frame, ret_l4, &type);
	if (ret != 0)
		return ret;
	if (type == RTE_ETHER_TYPE_IPV4)
		return parse_ipv4(pkt, frame + ret_l4->l2_len, ret_l4);
	if (type == RTE_ETHER_TYPE_IPV6)
		return parse_ipv6(pkt, frame + ret_l4->l2_len, ret_l4);
	return -EPROTONOSUPPORT;
}
