/* SPDX-License-Identifier: BSD-3-Clause */
#include "udp.h"

#include <errno.h>
#include <netinet/in.h>

#include "wire.h"

#define FRAGMENT_MASK 0x3fff /* more fragments, or an offset */
#define UDP_LEN 8
#define TCP_LEN 20
#define TTL 64

static uint16_t
header_sum(const uint8_t *ip, uint32_t len)
{
	return wire_checksum(wire_sum(0, ip, len));
}

/* Of the second header and the data, with its own field as it is. */
static uint16_t
l4_sum(const uint8_t *ip, uint32_t l4, uint32_t ip_len)
{
	const uint32_t len = ip_len - l4;

	return wire_checksum(wire_sum(wire_sum(ip[9] + len, ip + 12, 8), ip + l4, len));
}

/* Where the second checksum is. */
static uint32_t
l4_sum_at(const struct udp_packet *packet)
{
	return packet->l4 + (packet->proto == IPPROTO_UDP ? 6 : 16);
}

static int
check_l4(const uint8_t *ip, const struct udp_packet *packet, bool blank)
{
	const uint32_t len = packet->ip_len - packet->l4;
	const uint8_t *l4 = ip + packet->l4;

	if (packet->proto == IPPROTO_UDP) {
		if (len < UDP_LEN || wire_get16(l4 + 4) != len)
			return -EBADMSG;
		blank |= wire_get16(l4 + 6) == 0;
	} else if (len < TCP_LEN || (l4[12] >> 4) * 4u < TCP_LEN || (l4[12] >> 4) * 4u > len) {
		return -EBADMSG;
	}
	return blank || l4_sum(ip, packet->l4, packet->ip_len) == 0 ? 0 : -EBADMSG;
}

int
udp_read(const uint8_t *ip, uint32_t len, bool blank, struct udp_packet *ret_packet)
{
	struct udp_packet packet;

	if (len < WIRE_IPV4_LEN || ip[0] >> 4 != 4)
		return -EBADMSG;
	packet.l4 = (ip[0] & 0xf) * 4u;
	packet.ip_len = wire_get16(ip + 2);
	packet.proto = ip[9];
	if (packet.l4 < WIRE_IPV4_LEN || packet.ip_len > len || packet.ip_len < packet.l4 ||
	    (packet.proto != IPPROTO_UDP && packet.proto != IPPROTO_TCP) ||
	    (wire_get16(ip + 6) & FRAGMENT_MASK) != 0 || header_sum(ip, packet.l4) != 0 ||
	    check_l4(ip, &packet, blank) < 0)
		return -EBADMSG;
	memcpy(packet.src, ip + 12, 4);
	memcpy(packet.dst, ip + 16, 4);
	packet.sport = wire_get16(ip + packet.l4);
	packet.dport = wire_get16(ip + packet.l4 + 2);
	*ret_packet = packet;
	return 0;
}

static void
fill_sums(uint8_t *ip, const struct udp_packet *packet)
{
	const uint32_t at = l4_sum_at(packet);
	uint16_t sum;

	wire_put16(ip + 10, 0);
	wire_put16(ip + 10, header_sum(ip, packet->l4));
	wire_put16(ip + at, 0);
	sum = l4_sum(ip, packet->l4, packet->ip_len);
	/* RFC 768: 0 is none */
	wire_put16(ip + at, sum == 0 && packet->proto == IPPROTO_UDP ? 0xffff : sum);
}

uint32_t
udp_write(uint8_t *ip, const uint8_t src[4], const uint8_t dst[4], uint16_t sport, uint16_t dport,
	  uint32_t len)
{
	const struct udp_packet packet = {
		.proto = IPPROTO_UDP,
		.l4 = WIRE_IPV4_LEN,
		.ip_len = UDP_HEADERS_LEN + len,
	};

	memset(ip, 0, UDP_HEADERS_LEN);
	ip[0] = 0x45;
	wire_put16(ip + 2, (uint16_t)packet.ip_len);
	ip[8] = TTL;
	ip[9] = IPPROTO_UDP;
	memcpy(ip + 12, src, 4);
	memcpy(ip + 16, dst, 4);
	wire_put16(ip + packet.l4, sport);
	wire_put16(ip + packet.l4 + 2, dport);
	wire_put16(ip + packet.l4 + 4, (uint16_t)(UDP_LEN + len));
	fill_sums(ip, &packet);
	return packet.ip_len;
}

void
udp_readdress(uint8_t *ip, struct udp_packet *packet, const uint8_t *src, const uint8_t *dst)
{
	if (src != NULL) {
		memcpy(ip + 12, src, 4);
		memcpy(packet->src, src, 4);
	}
	if (dst != NULL) {
		memcpy(ip + 16, dst, 4);
		memcpy(packet->dst, dst, 4);
	}
	fill_sums(ip, packet);
}
