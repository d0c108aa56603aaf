/* SPDX-License-Identifier: BSD-3-Clause */
#include "nd.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "wire.h"

#define HOP_LIMIT 255 /* less, and it has come from elsewhere */
#define ICMP (WIRE_ETHER_LEN + WIRE_IPV6_LEN)
#define MESSAGE_LEN 24 /* without options */
#define OPTION_SOURCE 1
#define OPTION_TARGET 2
#define OPTION_UNIT 8

static const uint8_t unspecified[16];

/* The link-layer address among the options. Return: 0 or -EBADMSG. */
static int
read_options(const uint8_t *at, uint32_t len, uint8_t wanted, struct nd *nd)
{
	while (len > 0) {
		uint32_t size = len >= 2 ? at[1] * OPTION_UNIT : 0;

		if (size == 0 || size > len)
			return -EBADMSG;
		if (at[0] == wanted && size == OPTION_UNIT && !(at[2] & 1)) {
			nd->has_mac = true;
			memcpy(nd->mac, at + 2, 6);
		}
		at += size;
		len -= size;
	}
	return 0;
}

int
nd_read(const uint8_t *frame, uint32_t len, struct nd *ret_nd)
{
	const uint8_t *ip = frame + WIRE_ETHER_LEN, *icmp = frame + ICMP;
	struct nd nd = { 0 };
	uint32_t payload;

	if (len < ICMP + 4 || wire_get16(frame + 12) != WIRE_TYPE_IPV6 || ip[0] >> 4 != 6 ||
	    ip[6] != IPPROTO_ICMPV6)
		return -EBADMSG;
	if (icmp[0] != ND_SOLICIT && icmp[0] != ND_ADVERT)
		return -ENOENT;
	payload = wire_get16(ip + 4);
	if (payload > len - ICMP || payload < MESSAGE_LEN || ip[7] != HOP_LIMIT || icmp[1] != 0)
		return -EBADMSG;
	if (wire_sum(wire_ipv6_sum(ip + 8, payload, IPPROTO_ICMPV6), icmp, payload) != 0xffff)
		return -EBADMSG;
	nd.type = icmp[0];
	nd.flags = nd.type == ND_ADVERT ? icmp[4] : 0;
	memcpy(nd.src, ip + 8, 16);
	memcpy(nd.dst, ip + 24, 16);
	memcpy(nd.target, icmp + 8, 16);
	if (nd.target[0] == 0xff || nd.src[0] == 0xff)
		return -EBADMSG;
	/* 7.1.2: who is asked by a group cannot have asked */
	if (nd.type == ND_ADVERT && nd.dst[0] == 0xff && (nd.flags & ND_SOLICITED))
		return -EBADMSG;
	if (read_options(icmp + MESSAGE_LEN, payload - MESSAGE_LEN,
			 nd.type == ND_SOLICIT ? OPTION_SOURCE : OPTION_TARGET, &nd) < 0)
		return -EBADMSG;
	/* 7.1.1: a station that has no address yet, asks a group, and does not say its MAC */
	if (memcmp(nd.src, unspecified, 16) == 0 &&
	    (nd.type == ND_ADVERT || nd.dst[0] != 0xff || nd.has_mac))
		return -EBADMSG;
	*ret_nd = nd;
	return 0;
}

uint32_t
nd_write(uint8_t *frame, const uint8_t *dst_mac, const uint8_t src_mac[6], const struct nd *nd)
{
	const uint32_t payload = MESSAGE_LEN + (nd->has_mac ? OPTION_UNIT : 0);
	uint8_t *ip = frame + WIRE_ETHER_LEN, *icmp = frame + ICMP;
	uint8_t group[6] = { 0x33, 0x33 };

	memcpy(group + 2, nd->dst + 12, 4); /* RFC 2464 7 */
	wire_ether(frame, dst_mac != NULL ? dst_mac : group, src_mac, WIRE_TYPE_IPV6);
	wire_put32(ip, 6u << 28);
	wire_put16(ip + 4, (uint16_t)payload);
	ip[6] = IPPROTO_ICMPV6;
	ip[7] = HOP_LIMIT;
	memcpy(ip + 8, nd->src, 16);
	memcpy(ip + 24, nd->dst, 16);
	memset(icmp, 0, payload);
	icmp[0] = nd->type;
	icmp[4] = nd->type == ND_ADVERT ? nd->flags : 0;
	memcpy(icmp + 8, nd->target, 16);
	if (nd->has_mac) {
		icmp[MESSAGE_LEN] = nd->type == ND_SOLICIT ? OPTION_SOURCE : OPTION_TARGET;
		icmp[MESSAGE_LEN + 1] = 1;
		memcpy(icmp + MESSAGE_LEN + 2, nd->mac, 6);
	}
	wire_put16(icmp + 2, wire_checksum(wire_sum(wire_ipv6_sum(ip + 8, payload, IPPROTO_ICMPV6),
						    icmp, payload)));
	return ICMP + payload;
}

void
nd_solicited_node(const uint8_t target[16], uint8_t ret_group[16])
{
	static const uint8_t head[13] = { 0xff, 2, [11] = 1, 0xff };

	memcpy(ret_group, head, sizeof(head));
	memcpy(ret_group + 13, target + 13, 3);
}

void
nd_link_local(const uint8_t mac[6], uint8_t ret_addr[16])
{
	memset(ret_addr, 0, 16);
	ret_addr[0] = 0xfe;
	ret_addr[1] = 0x80;
	memcpy(ret_addr + 8, mac, 3);
	ret_addr[8] ^= 2;
	ret_addr[11] = 0xff;
	ret_addr[12] = 0xfe;
	memcpy(ret_addr + 13, mac + 3, 3);
}
