/* SPDX-License-Identifier: BSD-3-Clause */
/* The router's datapath: frames in, frames, punts and reasons out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "offload.h"
#include "router_bed.h"

static struct router_bed bed;
static struct l4_frame frame, got;

static int
setup(void **state)
{
	memset(&frame, 0, offsetof(struct l4_frame, bytes));
	frame.payload = 100;
	return router_bed_setup(&bed);
}

static int
teardown(void **state)
{
	router_bed_teardown(&bed);
	return 0;
}

/* Nothing has left; the control thread has the packet, or its start, as it came. */
static const struct punt *
expect_punt(enum punt_kind kind)
{
	const struct punt *punt = router_bed_punt(&bed);

	assert_non_null(punt);
	assert_int_equal(punt->kind, kind);
	assert_int_equal(punt->port, 1);
	l4_frame_read(&got, punt->pkt, &frame);
	assert_memory_equal(got.bytes, frame.bytes, RTE_MIN(frame.len, (uint32_t)ROUTER_QUOTE_LEN));
	for (uint8_t id = 1; id <= ROUTER_PORTS; id++)
		assert_int_equal(bed.ports[id]->n_out, 0);
	return punt;
}

static uint64_t
drops(enum drop_reason reason)
{
	return fake_drops(&bed.sw, bed.ports[1], reason);
}

static void
test_forward(void **state)
{
	for (int shape = 0; shape < 16; shape++) {
		frame.ipv6 = shape & 1;
		frame.udp = shape & 2;
		frame.ip_options = shape & 4 ? 16 : 0;
		frame.payload = shape & 8 ? 1400 : 0;
		router_bed_frame(&frame, 1, 2);
		router_bed_send(&bed, &frame, 1, shape & 8 ? 200 : 0);
		router_bed_expect(&bed, &frame, 2);
	}
	assert_int_equal(bed.router->next_hops[HOP_STATION + 1].used, bed.sw.worker->now);
	assert_int_equal(bed.router->next_hops[HOP_STATION + 2].used, 0);
}

/* The header's checksum over all values that the field with the TTL can have. */
static void
test_ttl_checksum(void **state)
{
	router_bed_frame(&frame, 1, 2);
	for (uint32_t ttl = 2; ttl < 256; ttl++) {
		for (uint32_t id = 0; id < 65536; id += 4369) {
			l4_frame_put(&frame, frame.l3 + 8, ttl, 1);
			l4_frame_put(&frame, frame.l3 + 4, id, 2);
			l4_frame_seal(&frame);
			memcpy(frame.bytes, "\x02\x0a\0\0\0\1", 6);
			router_bed_send(&bed, &frame, 1, 0);
			router_bed_expect(&bed, &frame, 2);
		}
	}
}

static void
test_ttl(void **state)
{
	for (int shape = 0; shape < 4; shape++) {
		frame.ipv6 = shape & 1;
		router_bed_frame(&frame, 1, 2);
		l4_frame_put(&frame, frame.l3 + (frame.ipv6 ? 7 : 8), shape / 2, 1);
		l4_frame_seal(&frame);
		router_bed_send(&bed, &frame, 1, 0);
		expect_punt(PUNT_TTL);
		assert_int_equal(drops(DROP_TTL), shape + 1);
	}
	/* what is for the router itself has arrived */
	frame.ipv6 = false;
	router_bed_frame(&frame, 1, 2);
	l4_frame_put(&frame, frame.l3 + 16, 0x0a020001, 4);
	l4_frame_put(&frame, frame.l3 + 8, 1, 1);
	l4_frame_seal(&frame);
	router_bed_send(&bed, &frame, 1, 0);
	expect_punt(PUNT_LOCAL);
}

static void
test_no_route(void **state)
{
	static const uint8_t black[4] = { 10, 99, 0, 0 }, refused[4] = { 10, 98, 0, 0 };

	fib_set(bed.router->fib4, black, 16, HOP_BLACKHOLE);
	fib_set(bed.router->fib4, refused, 16, HOP_UNREACHABLE);
	router_bed_frame(&frame, 1, 77);
	router_bed_send(&bed, &frame, 1, 0);
	assert_int_equal(expect_punt(PUNT_NO_ROUTE)->next_hop, HOP_NONE);
	router_bed_frame(&frame, 1, 98);
	router_bed_send(&bed, &frame, 1, 0);
	assert_int_equal(expect_punt(PUNT_NO_ROUTE)->next_hop, HOP_UNREACHABLE);
	router_bed_frame(&frame, 1, 99);
	router_bed_send(&bed, &frame, 1, 0);
	assert_null(router_bed_punt(&bed));
	frame.ipv6 = true;
	router_bed_frame(&frame, 1, 77);
	router_bed_send(&bed, &frame, 1, 0);
	expect_punt(PUNT_NO_ROUTE);
	assert_int_equal(drops(DROP_NO_ROUTE), 4);
}

/* A router without any route of a family. */
static void
test_no_fib(void **state)
{
	struct fib *fibs[2] = { bed.router->fib4, bed.router->fib6 };

	bed.router->fib4 = bed.router->fib6 = NULL;
	for (int v6 = 0; v6 < 2; v6++) {
		frame.ipv6 = v6;
		router_bed_frame(&frame, 1, 2);
		router_bed_send(&bed, &frame, 1, 0);
		expect_punt(PUNT_NO_ROUTE);
	}
	bed.router->fib4 = fibs[0];
	bed.router->fib6 = fibs[1];
}

/* Send a copy of the frame with some bytes changed, and the header's checksum right. */
static void
send_changed(uint32_t offset, uint32_t value, int bytes)
{
	static struct l4_frame changed;

	memcpy(&changed, &frame, sizeof(changed));
	l4_frame_put(&changed, offset, value, bytes);
	if (!changed.ipv6 && (offset == changed.l3 + 12 || offset == changed.l3 + 16))
		l4_frame_seal(&changed);
	router_bed_send(&bed, &changed, 1, 0);
	assert_int_equal(bed.ports[1]->n_out + bed.ports[2]->n_out + bed.ports[3]->n_out, 0);
	assert_null(router_bed_punt(&bed));
}

static void
test_refused(void **state)
{
	uint64_t n = 0;

	router_bed_frame(&frame, 1, 2);
	/* to others than the router, whose MAC is 02:0a:00:00:00:01 */
	send_changed(5, 9, 1);
	send_changed(0, 0xffffffff, 4);
	send_changed(12, 0x8100, 2);
	send_changed(12, 0x1234, 2);
	/* who cannot be a sender, who cannot be a receiver beyond a link */
	static const uint32_t bad[] = { 0x00000000, 0x7f000001, 0xe0000001, 0xffffffff,
					0xf0000001 };
	n = drops(DROP_NOT_ROUTED);
	for (unsigned int i = 0; i < RTE_DIM(bad); i++) {
		send_changed(frame.l3 + 12, bad[i], 4);
		send_changed(frame.l3 + 16, bad[i], 4);
	}
	assert_int_equal(drops(DROP_NOT_ROUTED), n + 2 * RTE_DIM(bad));
	send_changed(frame.l3 + 10, 0x1234, 2);
	assert_int_equal(drops(DROP_BAD_CHECKSUM), 1);
	n = drops(DROP_BAD_FRAME);
	send_changed(frame.l3, 0x65, 1); /* IPv6 by its version, IPv4 by its Ethertype */
	send_changed(frame.l3 + 2, 2000, 2);
	send_changed(frame.l3 + 2, 10, 2);
	assert_int_equal(drops(DROP_BAD_FRAME), n + 3);
}

static void
test_refused_ipv6(void **state)
{
	static const uint8_t bad[][16] = { { 0 }, { [15] = 1 }, { 0xff, 0x0e, [15] = 1 } };

	frame.ipv6 = true;
	for (unsigned int i = 0; i < RTE_DIM(bad); i++) {
		for (unsigned int which = 0; which < 2; which++) {
			router_bed_frame(&frame, 1, 2);
			memcpy(frame.bytes + frame.l3 + 8 + 16 * which, bad[i], 16);
			router_bed_send(&bed, &frame, 1, 0);
			assert_int_equal(bed.ports[2]->n_out, 0);
			assert_int_equal(drops(DROP_NOT_ROUTED), 2 * i + which + 1);
		}
	}
	/* link-local addresses do not leave the link, but reach the router */
	router_bed_frame(&frame, 1, 2);
	l4_frame_put(&frame, frame.l3 + 8, 0xfe800000, 4);
	router_bed_send(&bed, &frame, 1, 0);
	assert_int_equal(drops(DROP_NOT_ROUTED), 7);
	l4_frame_put(&frame, frame.l3 + 24, 0xfe800000, 4);
	router_bed_send(&bed, &frame, 1, 0);
	expect_punt(PUNT_LOCAL);
}

static void
test_short_frames(void **state)
{
	for (uint32_t len = 1; len < 60; len++) {
		router_bed_frame(&frame, 1, 2);
		frame.len = len;
		router_bed_send(&bed, &frame, 1, 0);
		assert_int_equal(bed.ports[2]->n_out, 0);
	}
	assert_int_equal(drops(DROP_BAD_FRAME), 59);
}

static void
test_control_thread(void **state)
{
	/* ARP, whoever it is for */
	router_bed_frame(&frame, 1, 2);
	memset(frame.bytes, 0xff, 6);
	l4_frame_put(&frame, 12, 0x0806, 2);
	router_bed_send(&bed, &frame, 1, 0);
	expect_punt(PUNT_ARP);
	/* neighbour discovery, whoever it is for, if it comes from this link */
	frame.ipv6 = true;
	for (unsigned int group = 0; group < 2; group++) {
		router_bed_frame(&frame, 1, 2);
		if (group)
			memcpy(frame.bytes, "\x33\x33\0\0\0\1", 6);
		l4_frame_put(&frame, frame.l3 + 6, IPPROTO_ICMPV6, 1);
		l4_frame_put(&frame, frame.l3 + 7, 255, 1);
		for (uint32_t type = 133; type <= 137; type++) {
			l4_frame_put(&frame, frame.l3 + 40, type, 1);
			router_bed_send(&bed, &frame, 1, 0);
			if (type == 135 || type == 136)
				expect_punt(PUNT_ND);
			else if (!group)
				rte_pktmbuf_free(fake_take(bed.ports[2]));
		}
		l4_frame_put(&frame, frame.l3 + 40, 135, 1);
		l4_frame_put(&frame, frame.l3 + 7, 254, 1);
		router_bed_send(&bed, &frame, 1, 0);
		if (!group)
			rte_pktmbuf_free(fake_take(bed.ports[2]));
	}
	assert_int_equal(drops(DROP_NOT_ROUTED), 4);
	/* own addresses, of any interface */
	frame.ipv6 = false;
	for (uint32_t net = 1; net <= ROUTER_PORTS; net++) {
		router_bed_frame(&frame, 1, 2);
		l4_frame_put(&frame, frame.l3 + 16, 0x0a000001 | net << 16, 4);
		l4_frame_seal(&frame);
		router_bed_send(&bed, &frame, 1, 0);
		expect_punt(PUNT_LOCAL);
	}
}

/* Who floods the router's own address from afar takes nothing from its neighbours or bonds. */
static void
test_punt_budgets(void **state)
{
	unsigned int n = 0;

	router_bed_frame(&frame, 1, 2);
	l4_frame_put(&frame, frame.l3 + 16, 0x0a000001 | 1 << 16, 4);
	l4_frame_seal(&frame);
	while (drops(DROP_PUNT) == 0 && n++ < 100000) {
		router_bed_send(&bed, &frame, 1, 0);
		while (router_bed_punt(&bed) != NULL)
			;
	}
	assert_int_equal(drops(DROP_PUNT), 1);
	router_bed_frame(&frame, 1, 2);
	memset(frame.bytes, 0xff, 6);
	l4_frame_put(&frame, 12, 0x0806, 2);
	router_bed_send(&bed, &frame, 1, 0);
	expect_punt(PUNT_ARP);
}

static void
test_sources(void **state)
{
	static const uint8_t own[4] = { 10, 1, 0, 8 }, own6[16] = { 0xfd, 1 };
	struct rif *rif = router_bed_rif(&bed, &bed.ports[1]->port, 2);

	rif->check_sources = true;
	rif->sources[0] = (struct rif_source){ .family = AF_INET, .len = 31 };
	memcpy(rif->sources[0].prefix, own, 4);
	rif->sources[1] = (struct rif_source){ .family = AF_INET6, .len = 20 };
	memcpy(rif->sources[1].prefix, own6, 16);
	router_bed_frame(&frame, 1, 2); /* from 10.1.0.9 */
	router_bed_send(&bed, &frame, 1, 0);
	router_bed_expect(&bed, &frame, 2);
	router_bed_frame(&frame, 1, 2);
	send_changed(frame.l3 + 12, 0x0a01000a, 4);
	send_changed(frame.l3 + 12, 0x0b010009, 4);
	assert_int_equal(drops(DROP_SPOOFED), 2);
	frame.ipv6 = true;
	router_bed_frame(&frame, 1, 2);
	router_bed_send(&bed, &frame, 1, 0);
	router_bed_expect(&bed, &frame, 2);
	router_bed_frame(&frame, 1, 2);
	send_changed(frame.l3 + 8, 0xfd011000, 4);
	assert_int_equal(drops(DROP_SPOOFED), 3);
	/* to the router itself by link-local addresses: neighbour discovery */
	l4_frame_put(&frame, frame.l3 + 8, 0xfe800000, 4);
	l4_frame_put(&frame, frame.l3 + 24, 0xfe800000, 4);
	router_bed_send(&bed, &frame, 1, 0);
	expect_punt(PUNT_LOCAL);
	bed.ports[1]->port.rif = bed.rifs[1];
	free(rif);
}

static void
test_unknown_station(void **state)
{
	static const uint8_t net[4] = { 10, 50, 0, 0 }, net6[16] = { 0xfd, 50 };
	const struct punt *punt;

	fib_set(bed.router->fib4, net, 16, HOP_CONNECTED + 1);
	fib_set(bed.router->fib6, net6, 16, HOP_CONNECTED + 1);
	next_hop_set_mac(&bed.router->next_hops[HOP_STATION + 2], NULL);
	router_bed_frame(&frame, 1, 50);
	router_bed_send(&bed, &frame, 1, 0);
	punt = expect_punt(PUNT_NEIGHBOUR);
	assert_int_equal(punt->next_hop, HOP_CONNECTED + 1);
	assert_int_equal(punt->dst, rte_cpu_to_be_32(0x0a320009));
	router_bed_frame(&frame, 1, 3);
	router_bed_send(&bed, &frame, 1, 0);
	assert_int_equal(expect_punt(PUNT_NEIGHBOUR)->next_hop, HOP_STATION + 2);
	frame.ipv6 = true;
	router_bed_frame(&frame, 1, 50);
	router_bed_send(&bed, &frame, 1, 0);
	assert_int_equal(expect_punt(PUNT_NEIGHBOUR)->next_hop, HOP_CONNECTED + 1);
	/* more than the control thread takes */
	frame.ipv6 = false;
	router_bed_frame(&frame, 1, 50);
	for (int i = 0; i < 4 * PUNT_BURST; i++)
		router_bed_send(&bed, &frame, 1, 0);
	assert_in_range(drops(DROP_NEIGHBOUR), 1, 4 * PUNT_BURST);
}

/* A packet that has waited is routed as if it had just come in. */
static void
test_routed_again(void **state)
{
	const struct punt *punt;

	next_hop_set_mac(&bed.router->next_hops[HOP_STATION + 1], NULL);
	router_bed_frame(&frame, 1, 2);
	router_bed_send(&bed, &frame, 1, 0);
	punt = expect_punt(PUNT_NEIGHBOUR);
	next_hop_set_mac(&bed.router->next_hops[HOP_STATION + 1],
			 (const uint8_t *)"\x02\x0b\0\0\0\2");
	rte_pktmbuf_refcnt_update(punt->pkt, 1);
	assert_int_equal(worker_route(bed.sw.worker, &bed.ports[1]->port, punt->pkt), 0);
	assert_null(router_bed_punt(&bed));
	fake_run(&bed.sw);
	router_bed_expect(&bed, &frame, 2);
	/* by a port that is no longer routed */
	router_bed_frame(&frame, 1, 2);
	bed.ports[1]->port.rif = NULL;
	worker_route(bed.sw.worker, &bed.ports[1]->port,
		     l4_frame_mbuf(&frame, bed.sw.pool, 1500, 1500));
	fake_run(&bed.sw);
	assert_int_equal(drops(DROP_NOT_ROUTED), 1);
}

/* Flows keep their way, all ways are taken, and a member that goes takes its flows only with it. */
static void
test_group(void **state)
{
	static const uint8_t net[4] = { 10, 60, 0, 0 };
	struct next_hop *group = &bed.router->next_hops[HOP_GROUP];
	unsigned int n[ROUTER_PORTS + 1] = { 0 };

	bed.members =
		(struct next_hop_members){ .n = 2,
					   .next_hops = { HOP_STATION + 1, HOP_STATION + 2 } };
	*group = (struct next_hop){ .kind = NEXT_HOP_GROUP, .members = &bed.members };
	fib_set(bed.router->fib4, net, 16, HOP_GROUP);
	for (uint32_t flow = 0; flow < 256; flow++) {
		uint8_t way = 0;

		for (int packet = 0; packet < 3; packet++) {
			router_bed_frame(&frame, 1, 60);
			l4_frame_put(&frame, frame.l4, 1000 + flow, 2);
			l4_frame_put(&frame, frame.data, packet, 4);
			l4_frame_seal(&frame);
			router_bed_send(&bed, &frame, 1, 0);
			if (packet == 0)
				way = bed.ports[2]->n_out > 0 ? 2 : 3;
			router_bed_expect(&bed, &frame, way);
		}
		n[way]++;
	}
	assert_in_range(n[2], 64, 192);
	/* all fragments of a packet go one way */
	for (uint32_t id = 0; id < 32; id++) {
		uint8_t way = 0;

		for (int piece = 0; piece < 3; piece++) {
			router_bed_frame(&frame, 1, 60);
			l4_frame_put(&frame, frame.l3 + 16, 0x0a3c0100 + id, 4);
			l4_frame_put(&frame, frame.l3 + 6, (piece < 2 ? 0x2000 : 0) | piece * 15,
				     2);
			l4_frame_put(&frame, frame.l4, 1000 * piece, 2);
			l4_frame_seal(&frame);
			router_bed_send(&bed, &frame, 1, 0);
			if (piece == 0)
				way = bed.ports[2]->n_out > 0 ? 2 : 3;
			assert_int_equal(bed.ports[way]->n_out, 1);
			rte_pktmbuf_free(fake_take(bed.ports[way]));
			assert_int_equal(bed.ports[2]->n_out + bed.ports[3]->n_out, 0);
		}
	}
}

static void
test_too_big(void **state)
{
	port_mtu_set(&bed.ports[2]->port, 1000);
	frame.payload = 1200;
	for (int v6 = 0; v6 < 2; v6++) {
		frame.ipv6 = v6;
		router_bed_frame(&frame, 1, 2);
		if (!v6) {
			l4_frame_put(&frame, frame.l3 + 6, 0x4000, 2);
			l4_frame_seal(&frame);
		}
		router_bed_send(&bed, &frame, 1, 0);
		assert_int_equal(expect_punt(PUNT_TOO_BIG)->next_hop, HOP_STATION + 1);
		assert_int_equal(drops(DROP_MTU_EXCEEDED), v6 + 1);
	}
	/* exactly what fits */
	frame.ipv6 = false;
	frame.payload = 1000 - 40;
	router_bed_frame(&frame, 1, 2);
	l4_frame_put(&frame, frame.l3 + 6, 0x4000, 2);
	l4_frame_seal(&frame);
	router_bed_send(&bed, &frame, 1, 0);
	router_bed_expect(&bed, &frame, 2);
}

/* A frame that may be cut. */
static void
frame_to_cut(void)
{
	router_bed_frame(&frame, 1, 2);
	l4_frame_put(&frame, frame.l3 + 6, 0, 2);
	l4_frame_seal(&frame);
}

/* Put pieces together and compare them with what was sent. */
static void
expect_pieces(uint8_t out, uint32_t mtu, uint32_t expected_pieces)
{
	static uint8_t data[L4_FRAME_MAX];
	uint32_t at = 0, n = 0;
	bool more = true;
	struct rte_mbuf *pkt;

	router_bed_routed(&frame, out);
	while ((pkt = fake_take(bed.ports[out])) != NULL) {
		uint32_t header, field;

		l4_frame_read(&got, pkt, &frame);
		header = (got.bytes[got.l3] & 15) * 4u;
		field = l4_frame_be(&got, got.l3 + 6, 2);
		assert_true(more);
		assert_true(got.len - got.l3 <= mtu);
		assert_int_equal(l4_frame_be(&got, got.l3 + 2, 2), got.len - got.l3);
		assert_int_equal((field & 0x1fff) * 8, at);
		assert_memory_equal(got.bytes, frame.bytes, 14);
		assert_memory_equal(got.bytes + got.l3 + 4, frame.bytes + frame.l3 + 4, 2);
		assert_memory_equal(got.bytes + got.l3 + 8, frame.bytes + frame.l3 + 8, 2);
		assert_memory_equal(got.bytes + got.l3 + 12, frame.bytes + frame.l3 + 12, 8);
		assert_true(l4_frame_ipv4_ok(&got));
		more = field & 0x2000;
		memcpy(data + at, got.bytes + got.l3 + header, got.len - got.l3 - header);
		at += got.len - got.l3 - header;
		n++;
		rte_pktmbuf_free(pkt);
	}
	assert_false(more);
	assert_int_equal(n, expected_pieces);
	assert_int_equal(at, frame.len - frame.l4);
	assert_memory_equal(data, frame.bytes + frame.l4, at);
}

static void
test_pieces(void **state)
{
	port_mtu_set(&bed.ports[2]->port, 600);
	frame.udp = true;
	frame.payload = 1400;
	frame_to_cut();
	router_bed_send(&bed, &frame, 1, 300);
	expect_pieces(2, 600, 3);
	frame.payload = 60000;
	frame_to_cut();
	router_bed_send(&bed, &frame, 1, 256);
	expect_pieces(2, 600, (60008 + 575) / 576);
	port_mtu_set(&bed.ports[2]->port, PORT_MTU_MIN);
	frame_to_cut();
	router_bed_send(&bed, &frame, 1, 256);
	expect_pieces(2, PORT_MTU_MIN, (60008 + 47) / 48);
}

/* Blank checksums stay so; the ones of pieces are made, since nobody could later. */
static void
test_blank(void **state)
{
	struct rte_mbuf *pkt;

	for (int v6 = 0; v6 < 2; v6++) {
		frame.ipv6 = v6;
		router_bed_frame(&frame, 1, 2);
		pkt = l4_frame_mbuf(&frame, bed.sw.pool, 1500, 1500);
		assert_int_equal(offload_describe(pkt), 0);
		bed.ports[2]->port.caps = PORT_CAPS_OFFLOAD;
		fake_send(&bed.sw, bed.ports[1], pkt);
		fake_run(&bed.sw);
		pkt = fake_take(bed.ports[2]);
		assert_non_null(pkt);
		assert_true(pkt->ol_flags & RTE_MBUF_F_TX_TCP_CKSUM);
		router_bed_routed(&frame, 2);
		l4_frame_read(&got, pkt, &frame);
		assert_int_equal(l4_frame_field(&got), l4_frame_pseudo(&frame));
		assert_true(l4_frame_ipv4_ok(&got));
		rte_pktmbuf_free(pkt);
	}
	/* a port without offloads gets it whole */
	bed.ports[2]->port.caps = 0;
	frame.ipv6 = false;
	router_bed_frame(&frame, 1, 2);
	pkt = l4_frame_mbuf(&frame, bed.sw.pool, 1500, 1500);
	assert_int_equal(offload_describe(pkt), 0);
	fake_send(&bed.sw, bed.ports[1], pkt);
	fake_run(&bed.sw);
	router_bed_expect(&bed, &frame, 2);
	/* in pieces */
	frame.payload = 1400;
	port_mtu_set(&bed.ports[2]->port, 600);
	frame_to_cut();
	pkt = l4_frame_mbuf(&frame, bed.sw.pool, 1500, 1500);
	assert_int_equal(offload_describe(pkt), 0);
	fake_send(&bed.sw, bed.ports[1], pkt);
	fake_run(&bed.sw);
	expect_pieces(2, 600, 3);
}

static void
send_super(uint16_t mss)
{
	struct rte_mbuf *pkt = l4_frame_mbuf(&frame, bed.sw.pool, 256, 1500);

	assert_int_equal(offload_describe_gso(pkt, mss, frame.ipv6), 0);
	fake_send(&bed.sw, bed.ports[1], pkt);
	fake_run(&bed.sw);
}

/* A super-packet passes as one; its segments, not itself, have to fit. */
static void
test_super(void **state)
{
	struct rte_mbuf *pkt;

	frame.payload = 30000;
	frame.tcp_flags = 0x10;
	for (int v6 = 0; v6 < 2; v6++) {
		frame.ipv6 = v6;
		bed.ports[2]->port.caps = PORT_CAPS_OFFLOAD;
		port_mtu_set(&bed.ports[2]->port, 1500);
		router_bed_frame(&frame, 1, 2);
		send_super(1400);
		pkt = fake_take(bed.ports[2]);
		assert_non_null(pkt);
		assert_int_equal(pkt->pkt_len, frame.len);
		assert_int_equal(pkt->tso_segsz, 1400);
		assert_true(pkt->ol_flags & RTE_MBUF_F_TX_TCP_SEG);
		rte_pktmbuf_free(pkt);
		assert_int_equal(bed.ports[2]->n_out, 0);
		/* segments that do not fit */
		port_mtu_set(&bed.ports[2]->port, 1300);
		router_bed_frame(&frame, 1, 2);
		if (!v6) {
			l4_frame_put(&frame, frame.l3 + 6, 0x4000, 2);
			l4_frame_seal(&frame);
		}
		send_super(1400);
		assert_non_null(router_bed_punt(&bed));
		assert_int_equal(drops(DROP_MTU_EXCEEDED), v6 + 1);
		assert_int_equal(bed.ports[2]->n_out, 0);
	}
}

/* Without the bit that forbids it, segments that do not fit are cut like others. */
static void
test_super_pieces(void **state)
{
	static uint8_t data[L4_FRAME_MAX];
	uint32_t at = 0, n = 0;
	struct rte_mbuf *pkt;

	bed.ports[2]->port.caps = PORT_CAPS_OFFLOAD;
	port_mtu_set(&bed.ports[2]->port, 1000);
	frame.payload = 14000;
	frame.tcp_flags = 0x10;
	frame_to_cut();
	send_super(1400);
	while ((pkt = fake_take(bed.ports[2])) != NULL) {
		uint32_t offset;

		assert_true(pkt->pkt_len <= 1014);
		assert_int_equal(pkt->ol_flags & OFFLOAD_BLANK_MASK, 0);
		l4_frame_read(&got, pkt, &frame);
		assert_true(l4_frame_ipv4_ok(&got));
		offset = (l4_frame_be(&got, got.l3 + 6, 2) & 0x1fff) == 0 ? got.data : got.l4;
		memcpy(data + at, got.bytes + offset, got.len - offset);
		at += got.len - offset;
		n++;
		rte_pktmbuf_free(pkt);
	}
	assert_int_equal(n, 20);
	assert_int_equal(at, frame.payload);
	assert_memory_equal(data, frame.bytes + frame.data, at);
}

/* What somebody else has too is not written to. */
static void
test_shared(void **state)
{
	struct rte_mbuf *pkt;

	frame.payload = 1400;
	router_bed_frame(&frame, 1, 2);
	pkt = l4_frame_mbuf(&frame, bed.sw.pool, 300, 500);
	rte_pktmbuf_refcnt_update(pkt, 1);
	fake_send(&bed.sw, bed.ports[1], pkt);
	fake_run(&bed.sw);
	l4_frame_read(&got, pkt, &frame);
	assert_memory_equal(got.bytes, frame.bytes, frame.len);
	rte_pktmbuf_free(pkt);
	router_bed_expect(&bed, &frame, 2);
}

/* A burst of all sorts: each packet its own way, in order. */
static void
test_burst(void **state)
{
	unsigned int expected[ROUTER_PORTS + 1] = { 0 };
	struct rte_mbuf *pkt;

	for (uint32_t i = 0; i < PORT_BURST_MAX; i++) {
		uint8_t out = 2 + i % 3; /* 4: nowhere */

		frame.ipv6 = i & 8;
		router_bed_frame(&frame, 1, out);
		if (i % 7 == 6)
			l4_frame_put(&frame, frame.l3 + (frame.ipv6 ? 7 : 8), 1, 1);
		l4_frame_put(&frame, frame.data, i, 4);
		l4_frame_seal(&frame);
		fake_send(&bed.sw, bed.ports[1], l4_frame_mbuf(&frame, bed.sw.pool, 1500, 1500));
		if (out <= ROUTER_PORTS && i % 7 != 6)
			expected[out]++;
	}
	fake_run(&bed.sw);
	for (uint8_t out = 2; out <= ROUTER_PORTS; out++) {
		uint32_t last = 0;

		assert_int_equal(bed.ports[out]->n_out, expected[out]);
		while ((pkt = fake_take(bed.ports[out])) != NULL) {
			const uint8_t *bytes = rte_pktmbuf_mtod(pkt, const uint8_t *);
			uint32_t number = bytes[pkt->pkt_len - 100 + 3];

			assert_int_equal(bytes[5], out);
			assert_true(last == 0 || number > last);
			last = number;
			rte_pktmbuf_free(pkt);
		}
	}
	assert_int_equal(drops(DROP_TTL), 9);
	assert_int_equal(drops(DROP_NO_ROUTE), PORT_BURST_MAX - 9 - expected[2] - expected[3]);
}

/* A port that is gone, that is down, that is unplugged. */
static void
test_ports(void **state)
{
	router_bed_frame(&frame, 1, 2);
	bed.ports[2]->port.rif = NULL;
	router_bed_send(&bed, &frame, 1, 0);
	assert_int_equal(drops(DROP_PORT_DOWN), 1);
	bed.ports[2]->port.rif = bed.rifs[2];
	port_state_set(&bed.ports[2]->port, false, PORT_FORWARDING);
	router_bed_send(&bed, &frame, 1, 0);
	assert_int_equal(fake_drops(&bed.sw, bed.ports[2], DROP_PORT_DOWN), 1);
	port_state_set(&bed.ports[2]->port, true, PORT_FORWARDING);
	bed.ports[1]->port.carrier_off = true;
	router_bed_send(&bed, &frame, 1, 0);
	assert_int_equal(drops(DROP_PORT_DOWN), 2);
	bed.ports[1]->port.carrier_off = false;
	router_bed_send(&bed, &frame, 1, 0);
	router_bed_expect(&bed, &frame, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_forward, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ttl_checksum, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ttl, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_route, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_fib, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused_ipv6, setup, teardown),
		cmocka_unit_test_setup_teardown(test_short_frames, setup, teardown),
		cmocka_unit_test_setup_teardown(test_control_thread, setup, teardown),
		cmocka_unit_test_setup_teardown(test_punt_budgets, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sources, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unknown_station, setup, teardown),
		cmocka_unit_test_setup_teardown(test_routed_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_group, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_big, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pieces, setup, teardown),
		cmocka_unit_test_setup_teardown(test_blank, setup, teardown),
		cmocka_unit_test_setup_teardown(test_super, setup, teardown),
		cmocka_unit_test_setup_teardown(test_super_pieces, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shared, setup, teardown),
		cmocka_unit_test_setup_teardown(test_burst, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ports, setup, teardown),
	};

	fake_eal_start_memory("320");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
