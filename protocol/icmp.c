/* SPDX-License-Identifier: BSD-3-Clause */
#include "icmp.h"

#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#include "wire.h"

#define ICMP_HEADER_LEN 8
#define IPV4_ERROR_MAX 576  /* RFC 1812 4.3.2.3 */
#define IPV6_ERROR_MAX 1280 /* RFC 4443 2.4c */
#define IPV4_OFFSET 0x1fff
#define IPV4_FRAGMENT 0x3fff
#define PRECEDENCE_CONTROL 0xc0 /* RFC 1812 4.3.2.5 */
#define TOS_MASK 0x1e

/* Where things are in a packet. */
struct parts {
	const uint8_t *ip;
	uint32_t ip_len; /* bytes of it that are here */
	bool is_ipv6;
	uint8_t proto;
	const uint8_t *l4; /* NULL: not here */
	uint32_t l4_len;   /* bytes of it that are here */
	uint32_t proto_at; /* IPv6: where proto is said */
	bool later;        /* a fragment but the first */
	bool fragment;
};

/* Skip extension headers: @parts->l4 and proto. */
static void
walk_ipv6(struct parts *parts)
{
	uint32_t at = WIRE_IPV6_LEN;

	parts->proto = parts->ip[6];
	parts->proto_at = 6;
	while (parts->ip_len >= at + 8) {
		const uint8_t *header = parts->ip + at;

		if (parts->proto == IPPROTO_FRAGMENT) {
			parts->fragment = true;
			parts->later = (wire_get16(header + 2) & 0xfff8) != 0;
			parts->proto = header[0];
			parts->proto_at = at;
			at += 8;
			if (parts->later)
				return;
		} else if (parts->proto == IPPROTO_HOPOPTS || parts->proto == IPPROTO_ROUTING ||
			   parts->proto == IPPROTO_DSTOPTS) {
			parts->proto = header[0];
			parts->proto_at = at;
			at += (header[1] + 1u) * 8;
		} else {
			break;
		}
	}
	if (at >= parts->ip_len)
		return;
	parts->l4 = parts->ip + at;
	parts->l4_len = parts->ip_len - at;
}

static bool
parts_find(const uint8_t *frame, uint32_t len, struct parts *parts)
{
	const uint8_t *ip = frame + WIRE_ETHER_LEN;
	uint32_t header, whole;

	if (len < WIRE_ETHER_LEN + WIRE_IPV4_LEN)
		return false;
	*parts = (struct parts){ .ip = ip, .ip_len = len - WIRE_ETHER_LEN };
	if (wire_get16(frame + 12) == WIRE_TYPE_IPV6) {
		if (parts->ip_len < WIRE_IPV6_LEN || ip[0] >> 4 != 6)
			return false;
		whole = WIRE_IPV6_LEN + wire_get16(ip + 4);
		parts->is_ipv6 = true;
		parts->ip_len = whole < parts->ip_len ? whole : parts->ip_len;
		walk_ipv6(parts);
		return true;
	}
	header = (ip[0] & 15) * 4u;
	whole = wire_get16(ip + 2);
	if (wire_get16(frame + 12) != WIRE_TYPE_IPV4 || ip[0] >> 4 != 4 || header < WIRE_IPV4_LEN ||
	    whole < header || header > parts->ip_len)
		return false;
	parts->ip_len = whole < parts->ip_len ? whole : parts->ip_len;
	parts->proto = ip[9];
	parts->fragment = (wire_get16(ip + 6) & IPV4_FRAGMENT) != 0;
	parts->later = (wire_get16(ip + 6) & IPV4_OFFSET) != 0;
	if (!parts->later && header < parts->ip_len) {
		parts->l4 = ip + header;
		parts->l4_len = parts->ip_len - header;
	}
	return true;
}

/* Is it an ICMP message that nobody is told about: anything but a query? */
static bool
is_icmp_error(const struct parts *parts)
{
	static const uint8_t queries[] = { ICMP_ECHOREPLY,      ICMP_ECHO,         ICMP_TIMESTAMP,
					   ICMP_TIMESTAMPREPLY, ICMP_INFO_REQUEST, ICMP_INFO_REPLY,
					   ICMP_ADDRESS,        ICMP_ADDRESSREPLY };

	if (parts->proto != (parts->is_ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
		return false;
	if (parts->l4 == NULL)
		return true;
	if (parts->is_ipv6)
		return parts->l4[0] < 128 || parts->l4[0] == ND_REDIRECT;
	return memchr(queries, parts->l4[0], sizeof(queries)) == NULL;
}

bool
icmp_may_tell(const uint8_t *frame, uint32_t len, enum icmp_fault fault, struct ip_addr *ret_src)
{
	struct parts parts;
	struct ip_addr dst;

	if (!parts_find(frame, len, &parts) || (frame[0] & 1) || is_icmp_error(&parts))
		return false;
	if (parts.is_ipv6) {
		*ret_src = ip_addr_make(AF_INET6, parts.ip + 8);
		dst = ip_addr_make(AF_INET6, parts.ip + 24);
	} else {
		*ret_src = ip_addr_make(AF_INET, parts.ip + 12);
		dst = ip_addr_make(AF_INET, parts.ip + 16);
	}
	/* RFC 1812 4.3.2.7: of fragments, only the first; IPv6 has no such rule */
	if (!parts.is_ipv6 && parts.later)
		return false;
	return ip_addr_is_station(ret_src) && (ip_addr_is_station(&dst) || fault == ICMP_TOO_BIG);
}

struct icmp_code {
	uint8_t type;
	uint8_t code;
};

static const struct icmp_code codes[][2] = {
	[ICMP_NO_ROUTE] = { { ICMP_DEST_UNREACH, ICMP_NET_UNREACH },
			    { ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_NOROUTE } },
	[ICMP_HOST_UNREACHABLE] = { { ICMP_DEST_UNREACH, ICMP_HOST_UNREACH },
				    { ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_ADDR } },
	[ICMP_TTL_EXCEEDED] = { { ICMP_TIME_EXCEEDED, ICMP_EXC_TTL },
				{ ICMP6_TIME_EXCEEDED, ICMP6_TIME_EXCEED_TRANSIT } },
	[ICMP_TOO_BIG] = { { ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED }, { ICMP6_PACKET_TOO_BIG, 0 } },
	[ICMP_NO_PORT] = { { ICMP_DEST_UNREACH, ICMP_PORT_UNREACH },
			   { ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_NOPORT } },
	[ICMP_NO_PROTOCOL] = { { ICMP_DEST_UNREACH, ICMP_PROT_UNREACH },
			       { ICMP6_PARAM_PROB, ICMP6_PARAMPROB_NEXTHEADER } },
};

/* The second word of the message: an MTU, or where the fault is. */
static uint32_t
error_word(const struct parts *parts, enum icmp_fault fault, uint32_t mtu)
{
	if (fault == ICMP_TOO_BIG)
		return parts->is_ipv6 || mtu < 0xffff ? mtu : 0xffff;
	/* the field of the last header before what is not known */
	return fault == ICMP_NO_PROTOCOL && parts->is_ipv6 ? parts->proto_at : 0;
}

static void
put_ipv4(uint8_t *ip, const uint8_t *old, uint32_t len, const struct ip_addr *from, uint16_t id)
{
	memset(ip, 0, WIRE_IPV4_LEN);
	ip[0] = 0x45;
	ip[1] = (old[1] & TOS_MASK) | PRECEDENCE_CONTROL;
	wire_put16(ip + 2, (uint16_t)len);
	wire_put16(ip + 4, id);
	ip[8] = ICMP_HOPS;
	ip[9] = IPPROTO_ICMP;
	memcpy(ip + 12, from->bytes, 4);
	memcpy(ip + 16, old + 12, 4);
	wire_put16(ip + 10, wire_checksum(wire_sum(0, ip, WIRE_IPV4_LEN)));
}

static void
put_ipv6(uint8_t *ip, const uint8_t *old, uint32_t len, const struct ip_addr *from)
{
	wire_put32(ip, 6u << 28);
	wire_put16(ip + 4, (uint16_t)(len - WIRE_IPV6_LEN));
	ip[6] = IPPROTO_ICMPV6;
	ip[7] = ICMP_HOPS;
	memcpy(ip + 8, from->bytes, 16);
	memcpy(ip + 24, old + 8, 16);
}

uint32_t
icmp_error(const uint8_t *frame, uint32_t len, enum icmp_fault fault, uint32_t mtu,
	   const struct ip_addr *from, uint16_t id, uint8_t *ret_frame)
{
	uint8_t *ip = ret_frame + WIRE_ETHER_LEN, *icmp;
	uint32_t header, most, quote, sum;
	struct parts parts;

	if (!parts_find(frame, len, &parts))
		return 0;
	header = parts.is_ipv6 ? WIRE_IPV6_LEN : WIRE_IPV4_LEN;
	most = (parts.is_ipv6 ? IPV6_ERROR_MAX : IPV4_ERROR_MAX) - header - ICMP_HEADER_LEN;
	quote = parts.ip_len < most ? parts.ip_len : most;
	icmp = ip + header;
	memset(ret_frame, 0, WIRE_ETHER_LEN);
	wire_put16(ret_frame + 12, parts.is_ipv6 ? WIRE_TYPE_IPV6 : WIRE_TYPE_IPV4);
	icmp[0] = codes[fault][parts.is_ipv6].type;
	icmp[1] = codes[fault][parts.is_ipv6].code;
	wire_put16(icmp + 2, 0);
	wire_put32(icmp + 4, error_word(&parts, fault, mtu));
	memcpy(icmp + ICMP_HEADER_LEN, parts.ip, quote);
	len = ICMP_HEADER_LEN + quote;
	if (parts.is_ipv6) {
		put_ipv6(ip, parts.ip, header + len, from);
		sum = wire_ipv6_sum(ip + 8, len, IPPROTO_ICMPV6);
	} else {
		put_ipv4(ip, parts.ip, header + len, from, id);
		sum = 0;
	}
	wire_put16(icmp + 2, wire_checksum(wire_sum(sum, icmp, len)));
	return WIRE_ETHER_LEN + header + len;
}

enum icmp_local
icmp_local(const uint8_t *frame, uint32_t len)
{
	struct parts parts;

	if (!parts_find(frame, len, &parts) || parts.fragment)
		return ICMP_LOCAL_SILENT;
	switch (parts.proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
		return ICMP_LOCAL_PORT;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		if (parts.is_ipv6 != (parts.proto == IPPROTO_ICMPV6))
			return ICMP_LOCAL_PROTOCOL;
		/* without options or extension headers: nobody else needs it */
		if (parts.l4 != parts.ip + (parts.is_ipv6 ? WIRE_IPV6_LEN : WIRE_IPV4_LEN) ||
		    parts.l4_len < ICMP_HEADER_LEN)
			return ICMP_LOCAL_SILENT;
		return parts.l4[0] == (parts.is_ipv6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO) &&
				       parts.l4[1] == 0 ?
			       ICMP_LOCAL_ECHO :
			       ICMP_LOCAL_SILENT;
	case IPPROTO_IGMP:
	case IPPROTO_NONE:
		return ICMP_LOCAL_SILENT;
	default:
		return ICMP_LOCAL_PROTOCOL;
	}
}

/* Change the type, and the checksum with it. */
static void
change_type(uint8_t *icmp, uint8_t type)
{
	/* RFC 1624 eqn. 3: ~(~field + ~old + new); the code is 0 */
	const uint32_t sum = (uint16_t)~wire_get16(icmp + 2) + (uint16_t) ~(icmp[0] << 8) +
			     ((uint32_t)type << 8);

	const uint16_t field = wire_checksum(sum);

	icmp[0] = type;
	/* both stand for 0, but where all else is 0 only this one will do */
	wire_put16(icmp + 2, field != 0 ? field : 0xffff);
}

void
icmp_echo_reply(uint8_t *frame)
{
	uint8_t *ip = frame + WIRE_ETHER_LEN, addr[16];

	if (wire_get16(frame + 12) == WIRE_TYPE_IPV6) {
		memcpy(addr, ip + 8, 16);
		memcpy(ip + 8, ip + 24, 16);
		memcpy(ip + 24, addr, 16);
		ip[7] = ICMP_HOPS;
		change_type(ip + WIRE_IPV6_LEN, ICMP6_ECHO_REPLY);
		return;
	}
	memcpy(addr, ip + 12, 4);
	memcpy(ip + 12, ip + 16, 4);
	memcpy(ip + 16, addr, 4);
	ip[8] = ICMP_HOPS;
	wire_put16(ip + 6, 0);
	wire_put16(ip + 10, 0);
	wire_put16(ip + 10, wire_checksum(wire_sum(0, ip, WIRE_IPV4_LEN)));
	change_type(ip + WIRE_IPV4_LEN, ICMP_ECHOREPLY);
}
