/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>
#include <rte_rcu_qsbr.h>

#include "router_bed.h"

#define FIRST_MAX 1500

static void
set_next_hop(struct router_bed *bed, uint32_t number, enum next_hop_kind kind, uint8_t port)
{
	struct next_hop *next_hop = &bed->router->next_hops[number];
	const uint8_t mac[6] = { 0x02, 0x0b, 0, 0, 0, port };

	*next_hop = (struct next_hop){ .kind = kind, .rif = port };
	if (kind == NEXT_HOP_NEIGHBOUR)
		next_hop_set_mac(next_hop, mac);
}

struct rif *
router_bed_rif(struct router_bed *bed, struct port *port, uint16_t n_sources)
{
	struct rif *rif = rif_create(bed->router, port, n_sources);
	const uint8_t mac[6] = { 0x02, 0x0a, 0, 0, 0, (uint8_t)port->id };

	assert_non_null(rif);
	memcpy(rif->mac, mac, 6);
	port->rif = rif;
	return rif;
}

int
router_bed_setup(struct router_bed *bed)
{
	memset(bed, 0, sizeof(*bed));
	fake_switch_setup(&bed->sw);
	bed->router = router_create();
	assert_non_null(bed->router);
	bed->router->fib4 = fib_create(AF_INET, 1024, 256);
	bed->router->fib6 = fib_create(AF_INET6, 1024, 1024);
	assert_non_null(bed->router->fib4);
	assert_non_null(bed->router->fib6);
	set_next_hop(bed, HOP_LOCAL, NEXT_HOP_LOCAL, 0);
	set_next_hop(bed, HOP_BLACKHOLE, NEXT_HOP_BLACKHOLE, 0);
	set_next_hop(bed, HOP_UNREACHABLE, NEXT_HOP_UNREACHABLE, 0);
	for (uint8_t id = 1; id <= ROUTER_PORTS; id++) {
		const uint8_t net4[4] = { 10, id, 0, 0 }, own4[4] = { 10, id, 0, 1 };
		const uint8_t net6[16] = { 0xfd, id }, own6[16] = { 0xfd, id, [15] = 1 };

		bed->ports[id] = fake_port_add(&bed->sw, id, 0);
		bed->ports[id]->port.bridge = NULL;
		bed->rifs[id] = router_bed_rif(bed, &bed->ports[id]->port, 0);
		set_next_hop(bed, HOP_STATION + id - 1, NEXT_HOP_NEIGHBOUR, id);
		set_next_hop(bed, HOP_CONNECTED + id - 1, NEXT_HOP_CONNECTED, id);
		fib_set(bed->router->fib4, net4, 16, HOP_STATION + id - 1);
		fib_set(bed->router->fib4, own4, 32, HOP_LOCAL);
		fib_set(bed->router->fib6, net6, 32, HOP_STATION + id - 1);
		fib_set(bed->router->fib6, own6, 128, HOP_LOCAL);
	}
	return 0;
}

void
router_bed_teardown(struct router_bed *bed)
{
	while (router_bed_punt(bed) != NULL)
		;
	fake_assert_balance(&bed->sw);
	for (uint8_t id = 1; id <= ROUTER_PORTS; id++) {
		bed->ports[id]->port.rif = NULL;
		free(bed->rifs[id]);
	}
	fib_destroy(bed->router->fib4);
	fib_destroy(bed->router->fib6);
	router_destroy(bed->router);
	fake_switch_teardown(&bed->sw);
}

static void
put_address(struct l4_frame *frame, uint32_t offset, uint8_t port)
{
	if (!frame->ipv6) {
		l4_frame_put(frame, frame->l3 + 12 + offset * 4, 0x0a000009 | port << 16, 4);
		return;
	}
	memset(frame->bytes + frame->l3 + 8 + offset * 16, 0, 16);
	frame->bytes[frame->l3 + 8 + offset * 16] = 0xfd;
	frame->bytes[frame->l3 + 9 + offset * 16] = port;
	frame->bytes[frame->l3 + 23 + offset * 16] = 9;
}

void
router_bed_frame(struct l4_frame *frame, uint8_t in, uint8_t out)
{
	const uint8_t macs[12] = { 0x02, 0x0a, 0, 0, 0, in, 0x02, 0x0b, 0, 0, 0, in };

	l4_frame_build(frame);
	memcpy(frame->bytes, macs, sizeof(macs));
	put_address(frame, 0, in);
	put_address(frame, 1, out);
	frame->bytes[frame->l3 + (frame->ipv6 ? 7 : 8)] = 64;
	l4_frame_seal(frame);
}

void
router_bed_routed(struct l4_frame *frame, uint8_t out)
{
	const uint8_t macs[12] = { 0x02, 0x0b, 0, 0, 0, out, 0x02, 0x0a, 0, 0, 0, out };

	memcpy(frame->bytes, macs, sizeof(macs));
	frame->bytes[frame->l3 + (frame->ipv6 ? 7 : 8)]--;
	l4_frame_seal(frame);
}

void
router_bed_send(struct router_bed *bed, const struct l4_frame *frame, uint8_t in, uint32_t first)
{
	struct rte_mbuf *pkt =
		l4_frame_mbuf(frame, bed->sw.pool, first != 0 ? first : FIRST_MAX, FIRST_MAX);

	fake_send(&bed->sw, bed->ports[in], pkt);
	fake_run(&bed->sw);
}

const struct punt *
router_bed_punt(struct router_bed *bed)
{
	static struct punt punt;

	rte_pktmbuf_free(punt.pkt);
	punt.pkt = NULL;
	return punts_take(bed->sw.worker, &punt, 1) == 1 ? &punt : NULL;
}

void
router_bed_expect(struct router_bed *bed, struct l4_frame *frame, uint8_t out)
{
	static struct l4_frame got;
	struct rte_mbuf *pkt = fake_take(bed->ports[out]);

	assert_non_null(pkt);
	router_bed_routed(frame, out);
	l4_frame_read(&got, pkt, frame);
	assert_int_equal(got.len, frame->len);
	assert_memory_equal(got.bytes, frame->bytes, frame->len);
	rte_pktmbuf_free(pkt);
	for (uint8_t id = 1; id <= ROUTER_PORTS; id++)
		assert_int_equal(bed->ports[id]->n_out, 0);
	assert_null(router_bed_punt(bed));
}
