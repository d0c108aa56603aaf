/* SPDX-License-Identifier: BSD-3-Clause */
/* The router's datapath beyond its ports: gateways of bridges, DHCP, NAT. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>

#include <cmocka.h>

#include "nat.h"
#include "port_gateway.h"
#include "router_bed.h"

static struct router_bed bed;
static struct port_passed passed[WORKER_MAX + 1]; /* by the gateway */
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

#define GATEWAY 9

/* A bridge with two stations' ports (7, 8), whose gateway leads to the router. */
static void
gateway_setup(struct port *gateway)
{
	static const uint8_t net[4] = { 10, GATEWAY, 0, 0 };
	const uint8_t mac[6] = { 0x02, 0x0b, 0, 0, 0, GATEWAY };
	struct next_hop *next_hop = &bed.router->next_hops[HOP_FREE];

	memset(gateway, 0, sizeof(*gateway));
	memset(passed, 0, sizeof(passed));
	gateway->type = &port_type_gateway;
	gateway->passed = passed;
	gateway->id = GATEWAY;
	gateway->generation = 1;
	gateway->vlan = &vlan_default;
	gateway->n_txq = 1;
	gateway->caps = PORT_CAPS_OFFLOAD | PORT_CAP_TAGGED;
	port_state_set(gateway, true, PORT_FORWARDING);
	port_mtu_set(gateway, PORT_MTU_DEFAULT);
	router_bed_rif(&bed, gateway, 0);
	((struct rif *)(uintptr_t)gateway->rif)->gateway = true;
	gateway->bridge = bed.sw.bridge;
	bed.sw.dp->ports[GATEWAY] = gateway;
	assert_int_equal(bridge_flood_add(bed.sw.bridge, bed.sw.rcu, GATEWAY), 0);
	*next_hop = (struct next_hop){ .kind = NEXT_HOP_NEIGHBOUR, .rif = GATEWAY };
	next_hop_set_mac(next_hop, mac);
	fib_set(bed.router->fib4, net, 16, HOP_FREE);
}

static void
gateway_teardown(struct port *gateway)
{
	bridge_flood_remove(bed.sw.bridge, bed.sw.rcu, GATEWAY);
	bed.sw.dp->ports[GATEWAY] = NULL;
	free((void *)(uintptr_t)gateway->rif);
}

static void
test_gateway(void **state)
{
	struct fake_port *a = fake_port_add(&bed.sw, 7, 0), *b = fake_port_add(&bed.sw, 8, 0);
	static struct port gateway;
	struct rte_mbuf *pkt;

	gateway_setup(&gateway);
	/* into the bridge: to the station, not known yet; and to it alone when it is */
	for (int known = 0; known < 2; known++) {
		for (int i = 0; i < 5; i++) {
			router_bed_frame(&frame, 1, GATEWAY);
			fake_send(&bed.sw, bed.ports[1],
				  l4_frame_mbuf(&frame, bed.sw.pool, 1500, 1500));
		}
		fake_run(&bed.sw);
		router_bed_routed(&frame, GATEWAY);
		for (int i = 0; i < (known ? 5 : 10); i++) {
			pkt = fake_take(i < 5 ? a : b);
			assert_non_null(pkt);
			l4_frame_read(&got, pkt, &frame);
			assert_memory_equal(got.bytes, frame.bytes, frame.len);
			rte_pktmbuf_free(pkt);
		}
		assert_int_equal(a->n_out + b->n_out, 0);
		/* out of the bridge; from now on both are known there */
		router_bed_frame(&frame, GATEWAY, 2);
		fake_send(&bed.sw, a, l4_frame_mbuf(&frame, bed.sw.pool, 1500, 1500));
		fake_run(&bed.sw);
		assert_int_equal(b->n_out, 0);
		router_bed_expect(&bed, &frame, 2);
	}
	/* for the balance it counts where it came in and went out, not at the gateway in between */
	assert_int_equal(bed.sw.worker->stats[GATEWAY].tx_packets, 0);
	assert_int_equal(bed.sw.worker->stats[GATEWAY].rx_packets, 0);
	assert_int_equal(passed[0].rx_packets, 10);
	assert_int_equal(passed[0].rx_bytes, 10 * frame.len);
	assert_int_equal(passed[0].tx_packets, 2);
	assert_int_equal(passed[0].tx_bytes, 2 * frame.len);
	/* a flood reaches the router, too: one copy is its own */
	router_bed_frame(&frame, GATEWAY, 2);
	memset(frame.bytes, 0xff, 6);
	l4_frame_put(&frame, 12, 0x0806, 2);
	fake_send(&bed.sw, a, l4_frame_mbuf(&frame, bed.sw.pool, 1500, 1500));
	fake_run(&bed.sw);
	assert_int_equal(router_bed_punt(&bed)->port, GATEWAY);
	rte_pktmbuf_free(fake_take(b));
	gateway_teardown(&gateway);
}

/* From a bridge to the same bridge, and more than a batch of it. */
static void
test_gateway_full(void **state)
{
	struct fake_port *a = fake_port_add(&bed.sw, 7, 0);
	static struct port gateway;

	gateway_setup(&gateway);
	router_bed_frame(&frame, 1, GATEWAY);
	router_bed_send(&bed, &frame, 1, 0); /* the bridge knows the gateway */
	rte_pktmbuf_free(fake_take(a));
	for (int i = 0; i < 300; i++) {
		router_bed_frame(&frame, GATEWAY, GATEWAY);
		fake_send(&bed.sw, a, l4_frame_mbuf(&frame, bed.sw.pool, 1500, 1500));
	}
	fake_run(&bed.sw);
	/* to the station that sent them: learnt, so not back by the port where it is... */
	assert_int_equal(a->n_out, 300);
	while (a->n_out > 0)
		rte_pktmbuf_free(fake_take(a));
	/* without a router behind it */
	free((void *)(uintptr_t)gateway.rif);
	gateway.rif = NULL;
	router_bed_frame(&frame, GATEWAY, 2);
	fake_send(&bed.sw, a, l4_frame_mbuf(&frame, bed.sw.pool, 1500, 1500));
	fake_run(&bed.sw);
	assert_int_equal(bed.sw.worker->stats[GATEWAY].drops[DROP_NOT_ROUTED], 1);
	bridge_flood_remove(bed.sw.bridge, bed.sw.rcu, GATEWAY);
	bed.sw.dp->ports[GATEWAY] = NULL;
}

/* A broadcast from a station of its own behind a port of the bridge. */
static void
send_broadcast(struct fake_port *port, uint16_t type)
{
	router_bed_frame(&frame, GATEWAY, 2);
	memset(frame.bytes, 0xff, 6);
	frame.bytes[11] = (uint8_t)port->port.id;
	l4_frame_put(&frame, 12, type, 2);
	fake_send(&bed.sw, port, l4_frame_mbuf(&frame, bed.sw.pool, 1500, 1500));
}

/* How many punts of a port there are. */
static unsigned int
punts_count(uint16_t port)
{
	const struct punt *punt;
	unsigned int n = 0;

	while ((punt = router_bed_punt(&bed)) != NULL)
		n += punt->port == port;
	return n;
}

/* One station of a bridge that wants all of the control thread leaves the others theirs. */
static void
test_gateway_budget(void **state)
{
	struct fake_port *a = fake_port_add(&bed.sw, 7, 0), *b = fake_port_add(&bed.sw, 8, 0);
	static struct port gateway;

	gateway_setup(&gateway);
	send_broadcast(a, 0x0806);
	send_broadcast(b, 0x0806);
	fake_run(&bed.sw); /* known from here on */
	assert_int_equal(punts_count(GATEWAY), 2);
	for (int i = 0; i < 4 * PUNT_BURST; i++) {
		send_broadcast(a, 0x0806);
		if (i % 32 == 0)
			fake_run(&bed.sw);
	}
	fake_run(&bed.sw);
	assert_true(punts_count(GATEWAY) >= PUNT_BURST - 1);
	assert_true(bed.sw.worker->stats[GATEWAY].drops[DROP_PUNT] > 0);
	send_broadcast(b, 0x0806);
	fake_run(&bed.sw);
	assert_int_equal(punts_count(GATEWAY), 1);
	while (a->n_out > 0)
		rte_pktmbuf_free(fake_take(a));
	while (b->n_out > 0)
		rte_pktmbuf_free(fake_take(b));
	gateway_teardown(&gateway);
}

/* Messages to DHCP servers, if there is one behind the router. */
static void
test_dhcp(void **state)
{
	const struct punt *punt;

	for (int wanted = 0; wanted < 2; wanted++) {
		bed.router->dhcp = wanted;
		router_bed_frame(&frame, 1, 2);
		memset(frame.bytes, 0xff, 6);
		l4_frame_put(&frame, frame.l4 + 2, 67, 2);
		frame.bytes[23] = IPPROTO_UDP;
		router_bed_send(&bed, &frame, 1, 0);
		punt = router_bed_punt(&bed);
		assert_int_equal(punt != NULL, wanted);
		if (wanted)
			assert_int_equal(punt->kind, PUNT_DHCP);
		/* to another port, and cut short */
		l4_frame_put(&frame, frame.l4 + 2, 68, 2);
		router_bed_send(&bed, &frame, 1, 0);
		assert_null(router_bed_punt(&bed));
		l4_frame_put(&frame, frame.l4 + 2, 67, 2);
		for (uint32_t len = 14; len < frame.l4 + 8; len++) {
			frame.len = len;
			router_bed_send(&bed, &frame, 1, 0);
			assert_null(router_bed_punt(&bed));
		}
	}
	assert_int_equal(fake_drops(&bed.sw, bed.ports[1], DROP_NOT_ROUTED),
			 3 + 2 * (frame.l4 + 8 - 14));
}

static void
test_nat(void **state)
{
	const uint32_t ext = rte_cpu_to_be_32(0x0a020001); /* the router's own on port 2 */
	const struct nat_snat snat = {
		.inside = rte_cpu_to_be_32(0x0a010000),
		.inside_len = 16,
		.guest = NAT_GUEST_ANY,
		.out = 2,
		.ext = &ext,
		.n_ext = 1,
		.port_low = NAT_PORT_LOW,
		.port_high = NAT_PORT_HIGH,
	};
	const struct nat_config config = {
		.max_sessions = NAT_SESSIONS_MIN,
		.n_workers = 1,
		.rcu = bed.sw.rcu,
		.qsbr = bed.sw.dp->qsbr,
	};
	struct rte_mbuf *pkt;
	uint32_t bad;

	bed.router->nat = nat_create(&config);
	assert_non_null(bed.router->nat);
	assert_int_equal(nat_rules_set(bed.router->nat, &snat, 1, NULL, 0, &bad), 0);
	bed.rifs[1]->side = NAT_INSIDE;
	frame.udp = true;
	router_bed_frame(&frame, 1, 2);
	l4_frame_put(&frame, frame.l4, 5000, 2);
	l4_frame_put(&frame, frame.l4 + 2, 53, 2);
	l4_frame_seal(&frame);
	router_bed_send(&bed, &frame, 1, 0);
	pkt = fake_take(bed.ports[2]);
	assert_non_null(pkt);
	router_bed_routed(&frame, 2);
	l4_frame_put(&frame, frame.l3 + 12, 0x0a020001, 4);
	l4_frame_seal(&frame);
	l4_frame_read(&got, pkt, &frame);
	assert_memory_equal(got.bytes, frame.bytes, frame.len);
	rte_pktmbuf_free(pkt);
	/* the answer */
	router_bed_frame(&frame, 2, 1);
	l4_frame_put(&frame, frame.l3 + 16, 0x0a020001, 4);
	l4_frame_put(&frame, frame.l4, 53, 2);
	l4_frame_put(&frame, frame.l4 + 2, 5000, 2);
	l4_frame_seal(&frame);
	router_bed_send(&bed, &frame, 2, 0);
	l4_frame_put(&frame, frame.l3 + 16, 0x0a010009, 4);
	l4_frame_seal(&frame);
	router_bed_expect(&bed, &frame, 1);
	/* nobody's: it is for the router itself, which has the address */
	router_bed_frame(&frame, 2, 1);
	l4_frame_put(&frame, frame.l3 + 16, 0x0a020001, 4);
	l4_frame_put(&frame, frame.l4 + 2, 6000, 2);
	l4_frame_seal(&frame);
	router_bed_send(&bed, &frame, 2, 0);
	assert_int_equal(router_bed_punt(&bed)->kind, PUNT_LOCAL);
	/* by another interface it is not translated */
	router_bed_frame(&frame, 1, 3);
	router_bed_send(&bed, &frame, 1, 0);
	router_bed_expect(&bed, &frame, 3);
	bed.rifs[1]->side = NAT_OUTSIDE;
	nat_destroy(bed.router->nat);
	bed.router->nat = NULL;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_gateway, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gateway_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gateway_budget, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dhcp, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nat, setup, teardown),
	};

	fake_eal_start_memory("320");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
