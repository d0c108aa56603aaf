/* SPDX-License-Identifier: BSD-3-Clause */
/* The relay agent's side of DHCP, packets that are given other addresses, and lists of leases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>

#include "dhcp.h"
#include "lan.h"
#include "lease.h"
#include "udp.h"
#include "wire.h"

#define BOOTP 42 /* bytes of a frame before it */
#define OPTIONS (BOOTP + 240)

static const uint8_t guest_mac[6] = { 0, 0x16, 0x3e, 1, 2, 3 };
static const uint8_t router_mac[6] = { 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff };
static const uint8_t relay[4] = { 169, 254, 53, 1 }, server[4] = { 169, 254, 53, 2 };
static const uint8_t everybody[4] = { 255, 255, 255, 255 }, nobody[4];
static const struct dhcp_circuit circuit = {
	.port = 7,
	.generation = 513,
	.link = { 10, 0, 0, 2 },
	.router = { 10, 0, 0, 1 },
};

/* A frame that is being made. */
struct frame {
	uint8_t bytes[DHCP_FRAME_MAX + 64];
	uint32_t len;
};

static void
add_option(struct frame *frame, uint8_t code, const void *data, uint8_t len)
{
	frame->bytes[frame->len++] = code;
	frame->bytes[frame->len++] = len;
	memcpy(frame->bytes + frame->len, data, len);
	frame->len += len;
}

static void
start_frame(struct frame *frame, uint8_t op, uint8_t type)
{
	uint8_t *bootp = frame->bytes + BOOTP;

	memset(frame, 0, sizeof(*frame));
	bootp[0] = op;
	bootp[1] = 1;
	bootp[2] = 6;
	wire_put32(bootp + 4, 0x12345678);
	memcpy(bootp + 28, guest_mac, 6);
	memcpy(bootp + 236, (uint8_t[]){ 99, 130, 83, 99 }, 4);
	frame->len = OPTIONS;
	add_option(frame, 53, &type, 1);
}

/* End the options, and put the headers in front. */
static void
end_frame(struct frame *frame, const uint8_t *src, const uint8_t *dst, uint16_t sport)
{
	static const uint8_t all[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

	frame->bytes[frame->len++] = 255;
	wire_ether(frame->bytes, all, guest_mac, WIRE_TYPE_IPV4);
	udp_write(frame->bytes + WIRE_ETHER_LEN, src, dst, sport, DHCP_SERVER_PORT,
		  frame->len - BOOTP);
}

static void
discover(struct frame *frame)
{
	start_frame(frame, 1, DHCP_DISCOVER);
	end_frame(frame, nobody, everybody, DHCP_CLIENT_PORT);
}

/* Data of an option in a message; NULL: it is not there. */
static const uint8_t *
option(const uint8_t *bootp, uint32_t len, uint8_t code, uint8_t *ret_len)
{
	for (uint32_t at = 240; at + 1 < len && bootp[at] != 255;
	     at += bootp[at] == 0 ? 1 : 2u + bootp[at + 1]) {
		if (bootp[at] == code) {
			*ret_len = bootp[at + 1];
			return bootp + at + 2;
		}
	}
	return NULL;
}

static int
read_frame(const struct frame *frame, struct dhcp_message *message)
{
	return dhcp_read_request(frame->bytes, frame->len, false, message);
}

static void
test_request(void **state)
{
	static const uint8_t agent[] = { 1, 4, 0, 7, 2, 1, 5, 4, 10, 0, 0, 2, 11, 4, 10, 0, 0, 1 };
	const uint8_t *bootp, *found;
	struct dhcp_message request;
	uint8_t packet[DHCP_PACKET_MAX], len;
	struct udp_packet udp;
	struct frame frame;
	uint32_t n;

	(void)state;
	start_frame(&frame, 1, DHCP_REQUEST);
	add_option(&frame, 12, "Web.example.org", 15);
	add_option(&frame, 50, (uint8_t[]){ 10, 0, 0, 9 }, 4);
	end_frame(&frame, nobody, everybody, DHCP_CLIENT_PORT);
	assert_int_equal(read_frame(&frame, &request), 0);
	assert_int_equal(request.type, DHCP_REQUEST);
	assert_string_equal(request.name, "web");
	assert_memory_equal(request.mac, guest_mac, 6);
	assert_false(request.broadcast);

	n = dhcp_write_request(&request, &circuit, request.name, relay, server, packet);
	assert_int_equal(udp_read(packet, n, false, &udp), 0);
	assert_int_equal(udp.ip_len, n);
	assert_memory_equal(udp.src, relay, 4);
	assert_memory_equal(udp.dst, server, 4);
	assert_int_equal(udp.sport, 67);
	assert_int_equal(udp.dport, 67);
	bootp = packet + UDP_HEADERS_LEN;
	n -= UDP_HEADERS_LEN;
	assert_true(n >= 300);
	assert_int_equal(bootp[3], 1);
	assert_memory_equal(bootp + 24, relay, 4);
	assert_memory_equal(bootp + 4, frame.bytes + BOOTP + 4, 4);
	found = option(bootp, n, 12, &len);
	assert_int_equal(len, 3);
	assert_memory_equal(found, "web", 3);
	found = option(bootp, n, 50, &len);
	assert_memory_equal(found, ((uint8_t[]){ 10, 0, 0, 9 }), 4);
	found = option(bootp, n, 82, &len);
	assert_int_equal(len, sizeof(agent));
	assert_memory_equal(found, agent, sizeof(agent));
	assert_null(option(bootp, n, 81, &len));
}

static void
test_names(void **state)
{
	static const struct {
		uint8_t code, len;
		const char *data, *name;
	} rows[] = {
		{ 12, 3, "web", "web" },
		{ 12, 4, "web\0", "web" },
		{ 12, 4, "-web", "" },
		{ 12, 4, "web-", "" },
		{ 12, 5, "a b c", "" },
		{ 12, 7, "we\nhost", "" },
		{ 12, 0, "", "" },
		{ 12, 1, ".", "" },
		{ 81, 6, "\1\0\0WEB", "web" },
		{ 81, 10, "\1\0\0web.lan", "web" },
		{ 81, 8, "\5\0\0\3web\0", "web" },
		{ 81, 8,
		  "\5\0\0\xff"
		  "web\0",
		  "" },
		{ 81, 4, "\5\0\0\1", "" },
		{ 81, 3, "\5\0\0", "" },
		{ 81, 1, "\5", "" },
	};
	struct dhcp_message request;
	struct frame frame;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		start_frame(&frame, 1, DHCP_DISCOVER);
		add_option(&frame, rows[i].code, rows[i].data, rows[i].len);
		end_frame(&frame, nobody, everybody, DHCP_CLIENT_PORT);
		assert_int_equal(read_frame(&frame, &request), 0);
		assert_string_equal(request.name, rows[i].name);
	}
	assert_false(dhcp_name_is_valid("0123456789012345678901234567890123456789012345678901234567"
					"890123"));
}

/* Sums right again after a byte of the message was changed. */
static void
resum(struct frame *frame)
{
	struct udp_packet udp;

	assert_int_equal(
		udp_read(frame->bytes + WIRE_ETHER_LEN, frame->len - WIRE_ETHER_LEN, true, &udp),
		0);
	udp_readdress(frame->bytes + WIRE_ETHER_LEN, &udp, NULL, NULL);
}

static void
test_refused(void **state)
{
	static const struct {
		uint32_t at;
		uint8_t value;
		int ret;
	} rows[] = {
		{ BOOTP, 2, -EBADMSG },       { BOOTP + 1, 6, -EBADMSG },
		{ BOOTP + 2, 7, -EBADMSG },   { BOOTP + 236, 0, -EBADMSG },
		{ OPTIONS, 52, -EBADMSG },    { OPTIONS, 82, -EPERM },
		{ OPTIONS + 1, 2, -EBADMSG }, { OPTIONS + 1, 200, -EBADMSG },
		{ OPTIONS + 2, 2, -EPROTO },  { OPTIONS + 2, 5, -EPROTO },
		{ OPTIONS + 2, 10, -EPROTO }, { BOOTP + 3, 1, -EPERM },
		{ BOOTP + 24, 10, -EPERM },   { BOOTP + 33, 9, -EPERM },
		{ BOOTP + 28, 1, -EPERM },
	};
	struct dhcp_message request;
	struct frame frame;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		discover(&frame);
		frame.bytes[rows[i].at] = rows[i].value;
		resum(&frame);
		assert_int_equal(read_frame(&frame, &request), rows[i].ret);
	}
	/* whoever has an address speaks by it */
	start_frame(&frame, 1, DHCP_REQUEST);
	memcpy(frame.bytes + BOOTP + 12, (uint8_t[]){ 10, 0, 0, 2 }, 4);
	end_frame(&frame, (uint8_t[]){ 10, 0, 0, 2 }, circuit.router, DHCP_CLIENT_PORT);
	assert_int_equal(read_frame(&frame, &request), 0);
	end_frame(&frame, (uint8_t[]){ 10, 0, 0, 3 }, circuit.router, DHCP_CLIENT_PORT);
	assert_int_equal(read_frame(&frame, &request), -EPERM);
	/* cut anywhere */
	discover(&frame);
	for (uint32_t len = 0; len < frame.len; len++)
		assert_int_equal(dhcp_read_request(frame.bytes, len, false, &request), -EBADMSG);
	/* a wrong checksum, none, and one that is not filled in yet */
	frame.bytes[40] ^= 1;
	assert_int_equal(read_frame(&frame, &request), -EBADMSG);
	assert_int_equal(dhcp_read_request(frame.bytes, frame.len, true, &request), 0);
	frame.bytes[40] = frame.bytes[41] = 0;
	assert_int_equal(read_frame(&frame, &request), 0);
	/* a fragment */
	frame.bytes[20] = 0x20;
	wire_put16(frame.bytes + 24, 0);
	wire_put16(frame.bytes + 24, wire_checksum(wire_sum(0, frame.bytes + 14, 20)));
	assert_int_equal(read_frame(&frame, &request), -EBADMSG);
}

static void
test_too_long(void **state)
{
	struct dhcp_message request;
	uint8_t packet[DHCP_PACKET_MAX], fill[200] = { 0 };
	struct frame frame;

	(void)state;
	start_frame(&frame, 1, DHCP_DISCOVER);
	for (int i = 0; i < 6; i++)
		add_option(&frame, 43, fill, sizeof(fill));
	end_frame(&frame, nobody, everybody, DHCP_CLIENT_PORT);
	assert_int_equal(read_frame(&frame, &request), 0);
	assert_int_equal(dhcp_write_request(&request, &circuit, "x", relay, server, packet), 0);
}

/* What the server makes of a request: the same with another type, and an address. */
static uint32_t
serve(const struct frame *frame, uint8_t type, const uint8_t *address, uint8_t *packet)
{
	struct dhcp_message request;
	struct udp_packet udp;
	uint32_t n;

	assert_int_equal(read_frame(frame, &request), 0);
	n = dhcp_write_request(&request, &circuit, "", relay, server, packet);
	packet[UDP_HEADERS_LEN] = 2;
	packet[UDP_HEADERS_LEN + 242] = type;
	memcpy(packet + UDP_HEADERS_LEN + 16, address, 4);
	assert_int_equal(udp_read(packet, n, true, &udp), 0);
	udp_readdress(packet, &udp, server, relay);
	return n;
}

static void
test_reply(void **state)
{
	static const uint8_t address[4] = { 10, 0, 0, 2 },
			     all[6] = { 255, 255, 255, 255, 255, 255 };
	uint8_t packet[DHCP_PACKET_MAX], out[DHCP_FRAME_MAX], len;
	struct dhcp_message reply;
	struct udp_packet udp;
	struct frame frame;
	uint32_t n;

	(void)state;
	discover(&frame);
	n = serve(&frame, DHCP_OFFER, address, packet);
	assert_int_equal(dhcp_read_reply(packet, n, relay, server, &reply), 0);
	assert_memory_equal(&reply.circuit, &circuit, sizeof(circuit));
	n = dhcp_write_reply(&reply, router_mac, circuit.router, out);
	assert_memory_equal(out, guest_mac, 6);
	assert_memory_equal(out + 6, router_mac, 6);
	assert_int_equal(udp_read(out + 14, n - 14, false, &udp), 0);
	assert_memory_equal(udp.src, circuit.router, 4);
	assert_memory_equal(udp.dst, address, 4);
	assert_int_equal(udp.dport, 68);
	assert_null(option(out + BOOTP, n - BOOTP, 82, &len));
	assert_memory_equal(out + BOOTP + 24, nobody, 4);

	/* to a guest that cannot take it otherwise */
	frame.bytes[BOOTP + 10] = 0x80;
	resum(&frame);
	n = serve(&frame, DHCP_OFFER, address, packet);
	assert_int_equal(dhcp_read_reply(packet, n, relay, server, &reply), 0);
	n = dhcp_write_reply(&reply, router_mac, circuit.router, out);
	assert_memory_equal(out, all, 6);
	assert_memory_equal(out + 30, everybody, 4);
	frame.bytes[BOOTP + 10] = 0;
	resum(&frame);
	n = serve(&frame, DHCP_NAK, nobody, packet);
	assert_int_equal(dhcp_read_reply(packet, n, relay, server, &reply), 0);
	dhcp_write_reply(&reply, router_mac, circuit.router, out);
	assert_memory_equal(out, all, 6);
}

static void
test_bad_reply(void **state)
{
	static const uint8_t address[4] = { 10, 0, 0, 2 };
	uint8_t packet[DHCP_PACKET_MAX], whole[DHCP_PACKET_MAX];
	struct dhcp_message reply;
	struct udp_packet udp;
	struct frame frame;
	uint32_t n;

	(void)state;
	discover(&frame);
	n = serve(&frame, DHCP_ACK, address, whole);
	assert_int_equal(dhcp_read_reply(whole, n, relay, server, &reply), 0);
	assert_int_equal(dhcp_read_reply(whole, n, server, relay, &reply), -EBADMSG);
	for (uint32_t len = 0; len < n; len++)
		assert_int_equal(dhcp_read_reply(whole, len, relay, server, &reply), -EBADMSG);
	for (uint32_t at = UDP_HEADERS_LEN + 240; at < UDP_HEADERS_LEN + 263; at++) {
		memcpy(packet, whole, n);
		packet[at] ^= 0xff;
		assert_int_equal(udp_read(packet, n, true, &udp), 0);
		udp_readdress(packet, &udp, NULL, NULL);
		if (dhcp_read_reply(packet, n, relay, server, &reply) == 0)
			assert_memory_not_equal(&reply.circuit, &circuit, sizeof(circuit));
	}
}

static void
test_release(void **state)
{
	uint8_t packet[DHCP_PACKET_MAX], len;
	struct udp_packet udp;
	uint32_t n = dhcp_write_release(guest_mac, circuit.link, &circuit, relay, server, packet);
	const uint8_t *bootp = packet + UDP_HEADERS_LEN;

	(void)state;
	assert_int_equal(udp_read(packet, n, false, &udp), 0);
	n -= UDP_HEADERS_LEN;
	assert_memory_equal(bootp + 12, circuit.link, 4);
	assert_memory_equal(bootp + 28, guest_mac, 6);
	assert_int_equal(option(bootp, n, 53, &len)[0], DHCP_RELEASE);
	assert_memory_equal(option(bootp, n, 54, &len), circuit.router, 4);
	assert_non_null(option(bootp, n, 82, &len));
}

/* A question for a name over TCP, with options of IP and a sum that is to be right. */
static void
test_readdress(void **state)
{
	uint8_t ip[24 + 20 + 5] = { 0x46, 0, 0, sizeof(ip), 0, 1, 0x40, 0, 64, IPPROTO_TCP };
	struct udp_packet packet;

	(void)state;
	memcpy(ip + 12, (uint8_t[]){ 10, 0, 0, 2, 10, 0, 0, 1, 1, 1, 1, 0 }, 12);
	wire_put16(ip + 24, 40000);
	wire_put16(ip + 26, UDP_PORT_DNS);
	ip[36] = 5 << 4;
	wire_put16(ip + 10, wire_checksum(wire_sum(0, ip, 24)));
	assert_int_equal(udp_read(ip, sizeof(ip), false, &packet), -EBADMSG);
	assert_int_equal(udp_read(ip, sizeof(ip), true, &packet), 0);
	assert_int_equal(packet.dport, UDP_PORT_DNS);
	udp_readdress(ip, &packet, NULL, server);
	assert_int_equal(udp_read(ip, sizeof(ip), false, &packet), 0);
	assert_memory_equal(packet.dst, server, 4);
	/* a header that is longer than the packet */
	ip[36] = 15 << 4;
	assert_int_equal(udp_read(ip, sizeof(ip), true, &packet), -EBADMSG);
}

static void
test_lease_lines(void **state)
{
	static const char *const bad[] = { "",
					   "duid 00:01",
					   "x 00:16:3e:01:02:03 10.0.0.2 web *",
					   "1 00:16:3e:01:02 10.0.0.2 web *",
					   "1 00:16:3e:01:02:03 10.0.0 web *",
					   "1 00:16:3e:01:02:03 10.0.0.2" };
	struct lease lease;

	(void)state;
	assert_int_equal(lease_line_read("1700000000 00:16:3e:01:02:03 10.0.0.2 web *\n", &lease),
			 0);
	assert_int_equal(lease.expires, 1700000000);
	assert_memory_equal(lease.mac, guest_mac, 6);
	assert_memory_equal(lease.address, circuit.link, 4);
	assert_string_equal(lease.name, "web");
	assert_int_equal(lease_line_read("0 00:16:3e:01:02:03 10.0.0.2 * ff:00\n", &lease), 0);
	assert_string_equal(lease.name, "");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(lease_line_read(bad[i], &lease), -EBADMSG);
}

static void
test_lan(void **state)
{
	struct ip_prefix prefix;
	struct lan_range range;

	(void)state;
	assert_true(lan_domain_is_valid("lan"));
	assert_true(lan_domain_is_valid("a-1.example.org"));
	assert_false(lan_domain_is_valid(""));
	assert_false(lan_domain_is_valid("a..b"));
	assert_false(lan_domain_is_valid(".a"));
	assert_false(lan_domain_is_valid("a."));
	assert_false(lan_domain_is_valid("-a"));
	assert_false(lan_domain_is_valid("a-.b"));
	assert_false(lan_domain_is_valid("a/b"));
	assert_false(lan_domain_is_valid("a,b"));
	assert_int_equal(lan_range_parse("10.0.0.5-10.0.0.9", &range), 0);
	assert_int_equal(range.low, 0x0a000005);
	assert_int_equal(range.high, 0x0a000009);
	assert_int_equal(lan_range_parse("10.0.0.9-10.0.0.5", &range), -EINVAL);
	assert_int_equal(lan_range_parse("10.0.0.9", &range), -EINVAL);
	assert_int_equal(lan_range_parse("10.0.0.9-", &range), -EINVAL);
	assert_int_equal(ip_prefix_parse("10.1.2.3/16", &prefix), 0);
	range = lan_range_of(&prefix);
	assert_int_equal(range.low, 0x0a010001);
	assert_int_equal(range.high, 0x0a01fffe);
	prefix.len = 31;
	assert_int_equal(lan_range_of(&prefix).low, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request),     cmocka_unit_test(test_names),
		cmocka_unit_test(test_refused),     cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_reply),       cmocka_unit_test(test_bad_reply),
		cmocka_unit_test(test_release),     cmocka_unit_test(test_readdress),
		cmocka_unit_test(test_lease_lines), cmocka_unit_test(test_lan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
