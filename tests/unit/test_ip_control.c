/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages of the router's control side: prefixes, ARP, neighbour discovery, ICMP. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <stdio.h>
#include <netinet/in.h>
#include <string.h>

#include <cmocka.h>

#include "arp.h"
#include "icmp.h"
#include "nd.h"
#include "prefix.h"
#include "wire.h"

static const uint8_t mac_a[6] = { 2, 0, 0, 0, 0, 0xa }, mac_b[6] = { 2, 0, 0, 0, 0, 0xb };

static void
test_prefixes(void **state)
{
	static const struct {
		const char *text, *format, *net;
	} good[] = {
		{ "192.0.2.1/24", "192.0.2.1/24", "192.0.2.0/24" },
		{ "192.0.2.1", "192.0.2.1/32", "192.0.2.1/32" },
		{ "default", "0.0.0.0/0", "0.0.0.0/0" },
		{ "255.255.255.255/1", "255.255.255.255/1", "128.0.0.0/1" },
		{ "10.0.0.255/25", "10.0.0.255/25", "10.0.0.128/25" },
		{ "2001:DB8::1/64", "2001:db8::1/64", "2001:db8::/64" },
		{ "::/0", "::/0", "::/0" },
		{ "ffff::ffff/127", "ffff::ffff/127", "ffff::fffe/127" },
		{ "2001:db8::1", "2001:db8::1/128", "2001:db8::1/128" },
	};
	static const char *const bad[] = { "",
					   "/",
					   "10.0.0.1/",
					   "10.0.0.1/33",
					   "10.0.0.1/-1",
					   "10.0.0.1/+8",
					   "10.0.0.1/08",
					   "10.0.0.1/8 ",
					   "10.0.0.1/8/8",
					   "10.0.0/8",
					   "010.0.0.1/8",
					   "::1/129",
					   "fe80::1%eth0/64",
					   "10.0.0.1/99999999999",
					   "1111:2222:3333:4444:5555:6666:7777:8888:9999/64" };
	char text[IP_PREFIX_TEXT_SIZE];
	struct ip_prefix prefix, net;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(ip_prefix_parse(good[i].text, &prefix), 0);
		assert_string_equal(ip_prefix_format(&prefix, text), good[i].format);
		net = ip_prefix_net(&prefix);
		assert_string_equal(ip_prefix_format(&net, text), good[i].net);
		assert_true(ip_prefix_has(&net, &prefix.addr));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ip_prefix_parse(bad[i], &prefix), -EINVAL);
	ip_prefix_parse("10.0.0.0/9", &net);
	ip_prefix_parse("10.128.0.0", &prefix);
	assert_false(ip_prefix_has(&net, &prefix.addr));
	ip_prefix_parse("10.127.255.255", &prefix);
	assert_true(ip_prefix_has(&net, &prefix.addr));
	ip_prefix_parse("::", &prefix);
	assert_false(ip_prefix_has(&net, &prefix.addr));
}

/* Lists of them, each once; what is behind a length is kept. */
static void
test_prefix_lists(void **state)
{
	static const char *const bad[] = {
		"",
		",",
		"10.0.0.1,",
		",10.0.0.1",
		"10.0.0.1,,10.0.0.2",
		"10.0.0.1 10.0.0.2",
		"10.0.0.1,10.0.0.1",
		"10.0.0.1,10.0.0.1/32",
		"10.0.0.0/33",
		"none",
		"2001:0db8:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000/64",
	};
	struct ip_prefix prefixes[3];
	char text[IP_PREFIX_TEXT_SIZE], many[64 * 12 + 16] = "10.0.0.0";

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ip_prefixes_parse(bad[i], prefixes, 3), -EINVAL);
	assert_int_equal(ip_prefixes_parse("10.0.0.1,10.0.0.1/24,fd00::1/64", prefixes, 3), 3);
	assert_string_equal(ip_prefix_format(&prefixes[0], text), "10.0.0.1/32");
	assert_string_equal(ip_prefix_format(&prefixes[1], text), "10.0.0.1/24");
	assert_string_equal(ip_prefix_format(&prefixes[2], text), "fd00::1/64");
	assert_int_equal(ip_prefixes_parse("10.0.0.1,10.0.0.2", NULL, 1), -E2BIG);
	for (int i = 1; i <= 64; i++)
		sprintf(many + strlen(many), ",10.0.1.%d", i);
	assert_int_equal(ip_prefixes_parse(many, NULL, 1000), -E2BIG);
}

static void
test_address_lists(void **state)
{
	struct ip_addr addrs[3];

	assert_int_equal(ip_addrs_parse("10.0.0.1", addrs, 3), 1);
	assert_int_equal(ip_addrs_parse("10.0.0.1,::1,10.0.0.3", addrs, 3), 3);
	assert_int_equal(addrs[1].family, AF_INET6);
	assert_int_equal(ip_addrs_parse("10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4", addrs, 3), -E2BIG);
	assert_int_equal(ip_addrs_parse("", addrs, 3), -EINVAL);
	assert_int_equal(ip_addrs_parse("10.0.0.1,", addrs, 3), -EINVAL);
	assert_int_equal(ip_addrs_parse(",10.0.0.1", addrs, 3), -EINVAL);
}

static void
test_arp(void **state)
{
	const struct arp arp = {
		.op = ARP_REPLY,
		.sender_mac = { 2, 0, 0, 0, 0, 0xa },
		.sender_ip = { 10, 0, 0, 1 },
		.target_mac = { 2, 0, 0, 0, 0, 0xb },
		.target_ip = { 10, 0, 0, 2 },
	};
	uint8_t frame[ARP_FRAME_LEN];
	struct arp got;

	arp_write(frame, mac_b, &arp);
	assert_memory_equal(frame, mac_b, 6);
	assert_memory_equal(frame + 6, mac_a, 6);
	assert_int_equal(arp_read(frame, sizeof(frame), &got), 0);
	assert_memory_equal(&got, &arp, sizeof(arp));
	for (uint32_t len = 0; len < sizeof(frame); len++)
		assert_int_equal(arp_read(frame, len, &got), -EBADMSG);
	/* hardware, protocol, lengths, operation, a sender that nobody is */
	static const struct {
		uint8_t at, value;
	} wrong[] = { { 15, 6 }, { 16, 9 }, { 18, 8 }, { 19, 6 }, { 20, 1 }, { 21, 3 }, { 22, 3 } };
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		arp_write(frame, NULL, &arp);
		assert_int_equal(frame[0], 0xff);
		frame[wrong[i].at] = wrong[i].value;
		assert_int_equal(arp_read(frame, sizeof(frame), &got), -EBADMSG);
	}
	arp_write(frame, NULL, &arp);
	memset(frame + 22, 0, 6);
	assert_int_equal(arp_read(frame, sizeof(frame), &got), -EBADMSG);
}

static void
seal_nd(uint8_t *frame, uint32_t len)
{
	uint8_t *icmp = frame + 54;

	wire_put16(icmp + 2, 0);
	wire_put16(icmp + 2, wire_checksum(wire_sum(wire_ipv6_sum(frame + 22, len - 54, 58), icmp,
						    len - 54)));
}

static void
test_nd(void **state)
{
	struct nd nd = {
		.type = ND_SOLICIT,
		.has_mac = true,
		.mac = { 2, 0, 0, 0, 0, 0xa },
		.src = { 0xfe, 0x80, [15] = 1 },
		.target = { 0xfd, 1, [13] = 0x12, 0x34, 0x56 },
	};
	uint8_t frame[ND_FRAME_MAX];
	struct nd got;
	uint32_t len;

	nd_solicited_node(nd.target, nd.dst);
	assert_memory_equal(nd.dst, "\xff\2\0\0\0\0\0\0\0\0\0\1\xff\x12\x34\x56", 16);
	len = nd_write(frame, NULL, mac_a, &nd);
	assert_int_equal(len, ND_FRAME_MAX);
	assert_memory_equal(frame, "\x33\x33\xff\x12\x34\x56", 6);
	assert_int_equal(nd_read(frame, len, &got), 0);
	assert_memory_equal(&got, &nd, sizeof(nd));
	for (uint32_t cut = 0; cut < len; cut++)
		assert_int_not_equal(nd_read(frame, cut, &got), 0);
	/* from elsewhere; another message; wrong checksum; an option of no length */
	frame[21] = 254;
	assert_int_equal(nd_read(frame, len, &got), -EBADMSG);
	frame[21] = 255;
	frame[54] = 134;
	assert_int_equal(nd_read(frame, len, &got), -ENOENT);
	frame[54] = ND_SOLICIT;
	frame[56] ^= 1;
	assert_int_equal(nd_read(frame, len, &got), -EBADMSG);
	frame[79] = 0;
	seal_nd(frame, len);
	assert_int_equal(nd_read(frame, len, &got), -EBADMSG);
	frame[79] = 2;
	seal_nd(frame, len);
	assert_int_equal(nd_read(frame, len, &got), -EBADMSG);
	/* an advertisement to a group that says it was asked for */
	nd = (struct nd){ .type = ND_ADVERT,
			  .flags = ND_OVERRIDE,
			  .src = { 0xfe, 0x80, [15] = 1 },
			  .dst = { 0xff, 2, [15] = 1 },
			  .target = { 0xfd } };
	len = nd_write(frame, NULL, mac_a, &nd);
	assert_int_equal(nd_read(frame, len, &got), 0);
	assert_int_equal(got.flags, ND_OVERRIDE);
	assert_false(got.has_mac);
	frame[58] |= ND_SOLICITED;
	seal_nd(frame, len);
	assert_int_equal(nd_read(frame, len, &got), -EBADMSG);
	/* a station without an address tells no MAC */
	nd = (struct nd){ .type = ND_SOLICIT, .dst = { 0xff, 2, [15] = 1 }, .target = { 0xfd } };
	len = nd_write(frame, NULL, mac_a, &nd);
	assert_int_equal(nd_read(frame, len, &got), 0);
	nd.has_mac = true;
	len = nd_write(frame, NULL, mac_a, &nd);
	assert_int_equal(nd_read(frame, len, &got), -EBADMSG);
	nd_link_local((const uint8_t *)"\x02\x11\x22\x33\x44\x55", got.src);
	assert_memory_equal(got.src, "\xfe\x80\0\0\0\0\0\0\0\x11\x22\xff\xfe\x33\x44\x55", 16);
}

/* A frame with an IP packet that has @len bytes behind its header. */
static uint32_t
put_ip(uint8_t *frame, bool is_ipv6, uint8_t proto, uint32_t len)
{
	uint8_t *ip = frame + 14;

	memset(frame, 0, 14 + 40 + len);
	wire_ether(frame, mac_b, mac_a, is_ipv6 ? WIRE_TYPE_IPV6 : WIRE_TYPE_IPV4);
	if (is_ipv6) {
		ip[0] = 0x60;
		wire_put16(ip + 4, (uint16_t)len);
		ip[6] = proto;
		ip[7] = 9;
		ip[8] = ip[24] = 0xfd;
		ip[23] = 1;
		ip[39] = 2;
		return 14 + 40 + len;
	}
	ip[0] = 0x45;
	wire_put16(ip + 2, (uint16_t)(20 + len));
	ip[8] = 9;
	ip[9] = proto;
	memcpy(ip + 12, "\x0a\0\0\1\x0a\0\0\2", 8);
	return 14 + 20 + len;
}

static void
test_icmp_errors(void **state)
{
	static uint8_t frame[3000], error[ICMP_ERROR_MAX];
	struct ip_addr to, from;

	for (int v6 = 0; v6 < 2; v6++) {
		const uint32_t header = v6 ? 40 : 20, most = v6 ? 1280 : 576;

		ip_addr_parse(v6 ? "fd00::99" : "10.0.0.99", &from);
		for (uint32_t len = 8; len < 2000; len += 97) {
			uint32_t size = put_ip(frame, v6, IPPROTO_UDP, len), quote, made;
			const uint8_t *icmp = error + 14 + header;

			assert_true(icmp_may_tell(frame, size, ICMP_TOO_BIG, &to));
			assert_memory_equal(to.bytes, frame + 14 + (v6 ? 8 : 12), v6 ? 16 : 4);
			made = icmp_error(frame, size, ICMP_TOO_BIG, 1400, &from, 7, error);
			quote = most - header - 8;
			quote = header + len < quote ? header + len : quote;
			assert_int_equal(made, 14 + header + 8 + quote);
			assert_memory_equal(icmp + 8, frame + 14, quote);
			assert_int_equal(wire_get16(icmp + 6), 1400);
			assert_int_equal(wire_sum(v6 ? wire_ipv6_sum(error + 22, 8 + quote, 58) : 0,
						  icmp, 8 + quote),
					 0xffff);
			if (!v6)
				assert_int_equal(wire_sum(0, error + 14, 20), 0xffff);
		}
	}
}

/* Where an IPv6 packet says what nobody knows: in the last header before it. */
static void
test_icmp_pointer(void **state)
{
	static uint8_t frame[300], error[ICMP_ERROR_MAX];
	const uint32_t size = put_ip(frame, true, 200, 40);
	struct ip_addr from;

	ip_addr_parse("fd00::99", &from);
	icmp_error(frame, size, ICMP_NO_PROTOCOL, 0, &from, 7, error);
	assert_int_equal(error[54], 4);
	assert_int_equal(error[55], 1);
	assert_int_equal(wire_get16(error + 60), 6);
	frame[20] = IPPROTO_DSTOPTS;
	frame[54] = IPPROTO_ROUTING;
	frame[55] = 0;
	frame[62] = 200;
	frame[63] = 1;
	icmp_error(frame, size, ICMP_NO_PROTOCOL, 0, &from, 7, error);
	assert_int_equal(wire_get16(error + 60), 48);
}

static void
test_icmp_silence(void **state)
{
	static uint8_t frame[3000];
	struct ip_addr to;
	uint32_t len;

	/* about errors, to groups, from nobody, about later fragments */
	for (unsigned int type = 0; type < 256; type++) {
		len = put_ip(frame, false, IPPROTO_ICMP, 30);
		frame[34] = (uint8_t)type;
		assert_int_equal(icmp_may_tell(frame, len, ICMP_TTL_EXCEEDED, &to),
				 type == 0 || type == 8 || (type >= 13 && type <= 18));
		len = put_ip(frame, true, IPPROTO_ICMPV6, 30);
		frame[54] = (uint8_t)type;
		assert_int_equal(icmp_may_tell(frame, len, ICMP_TTL_EXCEEDED, &to),
				 type >= 128 && type != 137);
	}
	len = put_ip(frame, false, IPPROTO_UDP, 30);
	frame[0] |= 1;
	assert_false(icmp_may_tell(frame, len, ICMP_NO_PORT, &to));
	frame[0] &= 0xfe;
	frame[21] = 1;
	assert_false(icmp_may_tell(frame, len, ICMP_NO_PORT, &to));
	frame[21] = 0;
	frame[20] = 0x20;
	assert_true(icmp_may_tell(frame, len, ICMP_NO_PORT, &to));
	frame[20] = 0;
	frame[26] = 0;
	assert_false(icmp_may_tell(frame, len, ICMP_NO_PORT, &to));
	frame[26] = 224;
	assert_false(icmp_may_tell(frame, len, ICMP_NO_PORT, &to));
	for (uint32_t cut = 0; cut < 34; cut++)
		assert_false(icmp_may_tell(frame, cut, ICMP_NO_PORT, &to));
}

static void
test_icmp_local(void **state)
{
	static uint8_t frame[3000];
	uint32_t len;

	for (int v6 = 0; v6 < 2; v6++) {
		len = put_ip(frame, v6, IPPROTO_UDP, 30);
		assert_int_equal(icmp_local(frame, len), ICMP_LOCAL_PORT);
		len = put_ip(frame, v6, IPPROTO_TCP, 30);
		assert_int_equal(icmp_local(frame, len), ICMP_LOCAL_PORT);
		len = put_ip(frame, v6, 200, 30);
		assert_int_equal(icmp_local(frame, len), ICMP_LOCAL_PROTOCOL);
		len = put_ip(frame, v6, v6 ? IPPROTO_ICMP : IPPROTO_ICMPV6, 30);
		assert_int_equal(icmp_local(frame, len), ICMP_LOCAL_PROTOCOL);
		len = put_ip(frame, v6, v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, 30);
		assert_int_equal(icmp_local(frame, len), ICMP_LOCAL_SILENT);
		frame[v6 ? 54 : 34] = v6 ? 128 : 8;
		assert_int_equal(icmp_local(frame, len), ICMP_LOCAL_ECHO);
		assert_int_equal(icmp_local(frame, len - 23), ICMP_LOCAL_SILENT);
	}
	/* the first of several fragments */
	len = put_ip(frame, false, IPPROTO_ICMP, 30);
	frame[34] = 8;
	frame[20] = 0x20;
	assert_int_equal(icmp_local(frame, len), ICMP_LOCAL_SILENT);
}

static void
test_echo(void **state)
{
	static uint8_t frame[300];

	for (int v6 = 0; v6 < 2; v6++) {
		const uint32_t at = v6 ? 54 : 34;

		for (uint32_t id = 0; id < 65536; id += 257) {
			uint32_t sum;

			put_ip(frame, v6, v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, 40);
			frame[at] = v6 ? 128 : 8;
			wire_put16(frame + at + 4, (uint16_t)id);
			sum = v6 ? wire_ipv6_sum(frame + 22, 40, 58) : 0;
			wire_put16(frame + at + 2, wire_checksum(wire_sum(sum, frame + at, 40)));
			icmp_echo_reply(frame);
			assert_int_equal(frame[at], v6 ? 129 : 0);
			assert_int_equal(wire_sum(sum, frame + at, 40), 0xffff);
			assert_int_equal(frame[v6 ? 21 : 22], ICMP_HOPS);
			if (!v6)
				assert_int_equal(wire_sum(0, frame + 14, 20), 0xffff);
			assert_int_equal(frame[v6 ? 37 : 29], 2);
			assert_int_equal(frame[v6 ? 53 : 33], 1);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_prefix_lists),
		cmocka_unit_test(test_address_lists),
		cmocka_unit_test(test_arp),
		cmocka_unit_test(test_nd),
		cmocka_unit_test(test_icmp_errors),
		cmocka_unit_test(test_icmp_silence),
		cmocka_unit_test(test_icmp_local),
		cmocka_unit_test(test_echo),
		cmocka_unit_test(test_icmp_pointer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
