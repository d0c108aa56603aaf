/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DHCP's relay agent, between guests and a server that are both not to be trusted; packets that are
 * given other addresses; lines of the file of leases.
 *
 * The first byte says which; bit 7: the rest is a whole frame or packet, otherwise a message that
 * gets right headers.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dhcp.h"
#include "lease.h"
#include "wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { REQUEST, REPLY, PACKET, LINE, KINDS };
#define WHOLE 0x80
#define BLANK 0x40

static const uint8_t relay[4] = { 169, 254, 53, 1 }, server[4] = { 169, 254, 53, 2 };
static const uint8_t router_mac[6] = { 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff };
static const struct dhcp_circuit circuit = {
	.port = 7,
	.generation = 513,
	.link = { 10, 0, 0, 2 },
	.router = { 10, 0, 0, 1 },
};

static void
must(int condition)
{
	if (!condition)
		abort();
}

/* A buffer of exactly this size, so that a byte too far is seen. */
static uint8_t *
exact(const uint8_t *data, size_t size, size_t in_front)
{
	uint8_t *copy = malloc(in_front + size + (in_front + size == 0));

	must(copy != NULL);
	memset(copy, 0, in_front);
	memcpy(copy + in_front, data, size);
	return copy;
}

/* What goes to the server is what the relay says, and comes back as such. */
static void
check_passed_on(const struct dhcp_message *request)
{
	uint8_t packet[DHCP_PACKET_MAX];
	struct dhcp_message reply;
	struct udp_packet udp;
	uint32_t len = dhcp_write_request(request, &circuit, request->name, relay, server, packet);

	must(len <= sizeof(packet));
	if (len == 0)
		return;
	must(udp_read(packet, len, false, &udp) == 0 && udp.ip_len == len);
	must(memcmp(packet + UDP_HEADERS_LEN + 24, relay, 4) == 0 &&
	     packet[UDP_HEADERS_LEN + 3] == 1);
	must(request->name[0] == '\0' || dhcp_name_is_valid(request->name));
	/* an answer with the guest's own options in it */
	packet[UDP_HEADERS_LEN] = 2;
	udp_readdress(packet, &udp, server, relay);
	if (dhcp_read_reply(packet, len, relay, server, &reply) == 0)
		must(memcmp(&reply.circuit, &circuit, sizeof(circuit)) == 0);
}

static void
fuzz_request(const uint8_t *data, size_t size, uint8_t flags)
{
	const size_t headers = flags & WHOLE ? 0 : WIRE_ETHER_LEN + UDP_HEADERS_LEN;
	uint8_t *frame = exact(data, size, headers);
	struct dhcp_message request;

	if (headers > 0) {
		wire_put16(frame + 12, WIRE_TYPE_IPV4);
		if (size >= 34)
			memcpy(frame + 6, data + 28, 6);
		udp_write(frame + WIRE_ETHER_LEN, size >= 16 ? data + 12 : relay, server,
			  DHCP_CLIENT_PORT, DHCP_SERVER_PORT, (uint32_t)size);
	}
	if (dhcp_read_request(frame, (uint32_t)(headers + size), flags & BLANK, &request) == 0) {
		must(memcmp(request.mac, frame + 6, 6) == 0);
		check_passed_on(&request);
	}
	free(frame);
}

static void
fuzz_reply(const uint8_t *data, size_t size, uint8_t flags)
{
	const size_t headers = flags & WHOLE ? 0 : UDP_HEADERS_LEN;
	uint8_t *packet = exact(data, size, headers), frame[DHCP_FRAME_MAX];
	struct dhcp_message reply;
	struct udp_packet udp;
	uint32_t len;

	if (headers > 0)
		udp_write(packet, server, relay, DHCP_SERVER_PORT, DHCP_SERVER_PORT,
			  (uint32_t)size);
	if (dhcp_read_reply(packet, (uint32_t)(headers + size), relay, server, &reply) == 0) {
		len = dhcp_write_reply(&reply, router_mac, circuit.router, frame);
		must(len <= sizeof(frame));
		if (len > 0)
			must(udp_read(frame + WIRE_ETHER_LEN, len - WIRE_ETHER_LEN, false, &udp) ==
			     0);
	}
	free(packet);
}

static void
fuzz_packet(const uint8_t *data, size_t size, uint8_t flags)
{
	uint8_t *ip = exact(data, size, 0);
	struct udp_packet packet, again;

	if (udp_read(ip, (uint32_t)size, flags & BLANK, &packet) == 0) {
		udp_readdress(ip, &packet, relay, server);
		must(udp_read(ip, (uint32_t)size, false, &again) == 0);
		must(memcmp(again.src, relay, 4) == 0 && memcmp(again.dst, server, 4) == 0);
	}
	free(ip);
}

static void
fuzz_line(const uint8_t *data, size_t size)
{
	char *line = malloc(size + 1);
	struct lease lease;

	must(line != NULL);
	memcpy(line, data, size);
	line[size] = '\0';
	if (lease_line_read(line, &lease) == 0)
		must(lease.name[0] == '\0' || dhcp_name_is_valid(lease.name));
	free(line);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1 || size > 1401)
		return 0;
	switch (data[0] % KINDS) {
	case REQUEST:
		fuzz_request(data + 1, size - 1, data[0]);
		break;
	case REPLY:
		fuzz_reply(data + 1, size - 1, data[0]);
		break;
	case PACKET:
		fuzz_packet(data + 1, size - 1, data[0]);
		break;
	default:
		fuzz_line(data + 1, size - 1);
		break;
	}
	return 0;
}
