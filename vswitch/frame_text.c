/* SPDX-License-Identifier: BSD-3-Clause */
#include "frame_text.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <rte_ether.h>

#include "addr.h"
#include "prefix.h"

/* Text that grows. */
struct text {
	char *at;
	size_t left;
};

__attribute__((format(printf, 2, 3))) static void
text_add(struct text *text, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text->at, text->left, format, args);
	va_end(args);
	if (n > 0 && (size_t)n < text->left) {
		text->at += n;
		text->left -= (size_t)n;
	}
}

static uint16_t
be16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

char *
frame_end_text(uint8_t family, const void *ip, uint16_t port, char ret_text[FRAME_END_SIZE])
{
	const struct ip_addr addr = ip_addr_make(family, ip);
	const bool brackets = family == AF_INET6 && port != 0;
	char text[IP_ADDR_TEXT_SIZE];
	int n = snprintf(ret_text, FRAME_END_SIZE, "%s%s%s", brackets ? "[" : "",
			 ip_addr_format(&addr, text), brackets ? "]" : "");

	if (port != 0)
		snprintf(ret_text + n, FRAME_END_SIZE - (size_t)n, ":%u", port);
	return ret_text;
}

static void
add_flow(struct text *text, uint8_t family, const uint8_t *src, const uint8_t *dst, uint8_t proto,
	 const uint8_t *l4, size_t len)
{
	const bool ports = (proto == IPPROTO_TCP || proto == IPPROTO_UDP) && len >= 4;
	char from[FRAME_END_SIZE], to[FRAME_END_SIZE], number[16];
	const char *name = number;

	snprintf(number, sizeof(number), "ip proto %u", proto);
	if (proto == IPPROTO_TCP)
		name = "tcp";
	else if (proto == IPPROTO_UDP)
		name = "udp";
	else if (proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6)
		name = "icmp";
	text_add(text, "%s %s -> %s", name, frame_end_text(family, src, ports ? be16(l4) : 0, from),
		 frame_end_text(family, dst, ports ? be16(l4 + 2) : 0, to));
}

static void
add_ipv4(struct text *text, const uint8_t *ip, size_t len)
{
	const size_t head = (ip[0] & 0xf) * 4u;
	const bool later = len >= 20 && (be16(ip + 6) & 0x1fff) != 0;

	if (len < 20 || head < 20 || head > len) {
		text_add(text, "IPv4, cut short");
		return;
	}
	add_flow(text, AF_INET, ip + 12, ip + 16, ip[9], ip + head, later ? 0 : len - head);
	if (later || (ip[6] & 0x20))
		text_add(text, ", a fragment");
}

static void
add_arp(struct text *text, const uint8_t *arp, size_t len)
{
	char from[FRAME_END_SIZE], to[FRAME_END_SIZE];

	if (len < 28) {
		text_add(text, "ARP, cut short");
		return;
	}
	frame_end_text(AF_INET, arp + 14, 0, from);
	frame_end_text(AF_INET, arp + 24, 0, to);
	if (be16(arp + 6) == 1)
		text_add(text, "arp: %s asks for %s", from, to);
	else
		text_add(text, "arp: %s answers %s", from, to);
}

char *
frame_text(const uint8_t *frame, size_t len, char ret_text[FRAME_TEXT_SIZE])
{
	struct text text = { .at = ret_text, .left = FRAME_TEXT_SIZE };
	char src[MAC_TEXT_SIZE], dst[MAC_TEXT_SIZE];
	size_t at = 12;
	uint16_t type = 0;

	*ret_text = '\0';
	if (len < 14) {
		text_add(&text, "no frame: shorter than a header");
		return ret_text;
	}
	while (at + 2 <= len) {
		type = be16(frame + at);
		if ((type != RTE_ETHER_TYPE_VLAN && type != RTE_ETHER_TYPE_QINQ) || at + 6 > len)
			break;
		at += 4;
	}
	at += 2;
	if (type == RTE_ETHER_TYPE_IPV4 && at < len)
		add_ipv4(&text, frame + at, len - at);
	else if (type == RTE_ETHER_TYPE_IPV6 && at + 40 <= len)
		add_flow(&text, AF_INET6, frame + at + 8, frame + at + 24, frame[at + 6],
			 frame + at + 40, len - at - 40);
	else if (type == RTE_ETHER_TYPE_ARP)
		add_arp(&text, frame + at, len - at);
	else
		text_add(&text, "type 0x%04x", type);
	text_add(&text, ", %s > %s", mac_format(frame + 6, src), mac_format(frame, dst));
	for (size_t tag = 12; tag + 2 < at; tag += 4)
		text_add(&text, ", %s %u",
			 be16(frame + tag) == RTE_ETHER_TYPE_QINQ ? "S-tag" : "tag",
			 be16(frame + tag + 2) & 0xfff);
	return ret_text;
}
