/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fuzz target: any frames through the router, with NAT on the way, and what it hands to the control
 * thread through ARP, neighbour discovery and ICMP.
 *
 * The input: frames one after the other, each a byte of choices and two of length, then the frame.
 * Frames are heap blocks of their exact size. What leaves has a right IPv4 header, one hop less to
 * go, and fits; every packet is counted once; ICMP errors and replies have right checksums.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <rte_eal.h>
#include <rte_ether.h>
#include <rte_rcu_qsbr.h>

#include "arp.h"
#include "datapath.h"
#include "fib.h"
#include "icmp.h"
#include "nat.h"
#include "nd.h"
#include "offload.h"
#include "packet.h"
#include "punt.h"
#include "rcu.h"
#include "router.h"
#include "vlan.h"
#include "wire.h"
#include "worker.h"

#define PORTS 3
#define FRAMES_MAX 32
#define HEADER_LEN 18 /* bytes of a buffer that may be read, whatever the frame's length */
#define NARROW 400    /* MTU of port 2 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum choice {
	CHOICE_PORT = 3,         /* 0, 1, 2: where it comes in; 3: as 0 */
	CHOICE_MAC = 1 << 2,     /* to the router's MAC */
	CHOICE_SEAL = 1 << 3,    /* make the header checksum right */
	CHOICE_ADDRESS = 1 << 4, /* from port 0's network to port 1's or 2's */
	CHOICE_BLANK = 1 << 5,   /* its checksum is blank, if it has one */
	CHOICE_TYPE = 1 << 6,    /* the Ethertype is what the version says */
};

static struct datapath *dp;
static struct worker *worker;
static struct rcu *rcu;
static struct router *router;
static struct rte_mempool *pool;
static struct port ports[PORTS];

static void
must(bool truth, const char *what)
{
	if (truth)
		return;
	fprintf(stderr, "fuzz_router: %s\n", what);
	abort();
}

/* What leaves by a port. */
static uint16_t
check_tx(struct worker *w, struct port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		const uint8_t *frame = rte_pktmbuf_mtod(pkts[i], const uint8_t *);

		must(pkts[i]->data_len >= 34, "a short frame leaves");
		must(offload_frame_len(pkts[i]) <= port->max_frame, "too long");
		must(frame[5] == 0xb0 + port->id && frame[11] == 0xa0 + port->id, "wrong MACs");
		if (frame[12] == 8)
			must(wire_sum(0, frame + 14, (frame[14] & 15) * 4u) == 0xffff,
			     "wrong IPv4 header checksum");
		must(frame[frame[12] == 8 ? 22 : 21] > 0, "no hop left");
		rte_pktmbuf_free(pkts[i]);
	}
	return n;
}

static const struct port_type type = { .name = "fuzz", .tx_burst = check_tx };

static void
start_ports(void)
{
	for (uint16_t id = 0; id < PORTS; id++) {
		struct next_hop *next_hop = &router->next_hops[1 + id];
		const uint8_t mac[6] = { 2, 0, 0, 0, 0, (uint8_t)(0xb0 + id) };
		const uint8_t net4[4] = { 10, (uint8_t)id }, net6[16] = { 0xfd, (uint8_t)id };
		struct rif *rif;

		ports[id].type = &type;
		ports[id].id = id;
		ports[id].generation = 1;
		ports[id].n_txq = 1;
		ports[id].vlan = &vlan_default;
		ports[id].caps = id == 1 ? PORT_CAPS_OFFLOAD : 0;
		port_state_set(&ports[id], true, PORT_FORWARDING);
		port_mtu_set(&ports[id], id == 2 ? NARROW : 1500);
		rif = rif_create(router, &ports[id], 0);
		must(rif != NULL, "no memory");
		memcpy(rif->mac, "\2\0\0\0\0", 5);
		rif->mac[5] = (uint8_t)(0xa0 + id);
		rif->side = id == 0 ? NAT_INSIDE : NAT_OUTSIDE;
		ports[id].rif = rif;
		dp->ports[id] = &ports[id];
		*next_hop = (struct next_hop){ .kind = NEXT_HOP_NEIGHBOUR, .rif = id };
		next_hop_set_mac(next_hop, mac);
		fib_set(router->fib4, net4, 16, 1 + id);
		fib_set(router->fib6, net6, 16, 1 + id);
	}
	router->next_hops[PORTS + 1].kind = NEXT_HOP_LOCAL;
	fib_set(router->fib4, "\x0a\1\0\1", 32, PORTS + 1);
	fib_set(router->fib6, "\xfd\1\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 128, PORTS + 1);
}

static void
start_nat(void)
{
	static const uint32_t ext = RTE_BE32(0x0a010001);
	static const struct nat_snat snat = {
		.inside = RTE_BE32(0x0a000000),
		.inside_len = 17,
		.guest = NAT_GUEST_ANY,
		.out = 1,
		.ext = &ext,
		.n_ext = 1,
		.port_low = NAT_PORT_LOW,
		.port_high = NAT_PORT_HIGH,
	};
	const struct nat_config config = {
		.max_sessions = NAT_SESSIONS_MIN,
		.n_workers = 1,
		.rcu = rcu,
		.qsbr = dp->qsbr,
	};
	uint32_t bad;

	router->nat = nat_create(&config);
	must(router->nat != NULL, "no NAT");
	must(nat_rules_set(router->nat, &snat, 1, NULL, 0, &bad) == 0, "no rules");
}

static void
start(void)
{
	static char args[][24] = {
		"fuzz",           "--no-huge", "--no-shconf",       "--no-pci",
		"--no-telemetry", "-m320",     "--log-level=error", "--iova-mode=va"
	};
	static char *argv[RTE_DIM(args) + 1];

	for (size_t i = 0; i < RTE_DIM(args); i++)
		argv[i] = args[i];
	must(rte_eal_init(RTE_DIM(args), argv) >= 0, "no EAL");
	pool = packet_pool_create("fuzz", 4095, 0, NULL);
	dp = datapath_create();
	must(pool != NULL && dp != NULL, "no memory");
	worker = worker_create(dp, 0, pool);
	rcu = rcu_create(dp->qsbr);
	router = router_create();
	must(worker != NULL && rcu != NULL && router != NULL, "no memory");
	router->fib4 = fib_create(AF_INET, 256, 64);
	router->fib6 = fib_create(AF_INET6, 256, 256);
	must(router->fib4 != NULL && router->fib6 != NULL, "no FIB");
	rte_rcu_qsbr_thread_online(dp->qsbr, 0);
	start_ports();
	start_nat();
}

static void
free_block(void *addr, void *arg)
{
	free(addr);
	free(arg);
}

/* A packet on a heap block of its exact size, the note of its references aside. */
static struct rte_mbuf *
wrap(const uint8_t *bytes, uint16_t len)
{
	struct rte_mbuf_ext_shared_info *shared = malloc(sizeof(*shared));
	struct rte_mbuf *pkt = rte_pktmbuf_alloc(pool);
	const uint16_t room = RTE_MAX(len, HEADER_LEN);
	uint8_t *block = calloc(1, room);

	must(pkt != NULL && block != NULL && shared != NULL, "no memory");
	memcpy(block, bytes, len);
	shared->free_cb = free_block;
	shared->fcb_opaque = shared;
	rte_mbuf_ext_refcnt_set(shared, 1);
	rte_pktmbuf_attach_extbuf(pkt, block, 0, room, shared);
	pkt->data_off = 0;
	pkt->data_len = len;
	pkt->pkt_len = len;
	return pkt;
}

/* Help a frame on its way, as far as its choices say. */
static void
prepare(uint8_t *frame, uint16_t len, uint8_t choice, uint16_t port)
{
	if (len < 34)
		return;
	if (choice & CHOICE_MAC) {
		memcpy(frame, "\2\0\0\0\0", 5);
		frame[5] = (uint8_t)(0xa0 + port);
	}
	if (choice & CHOICE_TYPE)
		wire_put16(frame + 12, frame[14] >> 4 == 6 ? WIRE_TYPE_IPV6 : WIRE_TYPE_IPV4);
	if (frame[12] != 8) {
		if ((choice & CHOICE_ADDRESS) && len >= 54) {
			memcpy(frame + 22, "\xfd\0", 2);
			memcpy(frame + 38, len & 1 ? "\xfd\1" : "\xfd\2", 2);
		}
		return;
	}
	if (choice & CHOICE_ADDRESS) {
		memcpy(frame + 26, "\x0a\0", 2);
		memcpy(frame + 30, len & 1 ? "\x0a\1" : "\x0a\2", 2);
	}
	if ((choice & CHOICE_SEAL) && 14 + (frame[14] & 15) * 4u <= len) {
		wire_put16(frame + 24, 0);
		wire_put16(frame + 24,
			   wire_checksum(wire_sum(0, frame + 14, (frame[14] & 15) * 4u)));
	}
}

/* The control thread's part: with a block of the exact size again. */
static void
control(const struct punt *punt)
{
	const uint32_t len = RTE_MIN(rte_pktmbuf_pkt_len(punt->pkt), 2048u);
	uint8_t *frame = malloc(len), error[ICMP_ERROR_MAX];
	struct ip_addr to, from;
	struct arp arp;
	struct nd nd;

	must(frame != NULL, "no memory");
	memcpy(frame, rte_pktmbuf_read(punt->pkt, 0, len, frame), len);
	arp_read(frame, len, &arp);
	nd_read(frame, len, &nd);
	for (int fault = ICMP_NO_ROUTE; fault <= ICMP_NO_PROTOCOL; fault++) {
		uint32_t size;

		if (!icmp_may_tell(frame, len, fault, &to))
			continue;
		from = to;
		size = icmp_error(frame, len, fault, 1400, &from, 1, error);
		must(size > 0 && size <= sizeof(error), "an error of no size");
		if (error[12] == 8)
			must(wire_sum(0, error + 34, size - 34) == 0xffff, "error's checksum");
	}
	if (icmp_local(frame, len) == ICMP_LOCAL_ECHO)
		icmp_echo_reply(frame);
	free(frame);
}

static void
check_balance(void)
{
	uint64_t in = 0, out = 0;

	for (uint32_t id = 0; id < PORTS; id++) {
		const struct port_stats *stats = &worker->stats[id];

		in += stats->rx_packets + stats->copies;
		out += stats->tx_packets + stats->merged + stats->punted;
		for (unsigned int r = 0; r < DROP_REASONS; r++)
			out += stats->drops[r];
	}
	must(in == out, "packets are not counted once each");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t frame[UINT16_MAX];
	struct punt punt;

	if (dp == NULL)
		start();
	for (int n = 0; n < FRAMES_MAX && size > 3; n++) {
		const uint8_t choice = data[0];
		const uint16_t port = (choice & CHOICE_PORT) % PORTS;
		uint16_t len = RTE_MIN((size_t)(data[1] << 8 | data[2]), size - 3);
		struct rte_mbuf *pkt;

		len = RTE_MIN(len, 60000);
		memcpy(frame, data + 3, len);
		data += 3 + len;
		size -= 3 + len;
		if (len == 0)
			continue;
		prepare(frame, len, choice, port);
		pkt = wrap(frame, len);
		if (choice & CHOICE_BLANK)
			offload_describe(pkt);
		worker->stats[port].rx_packets++;
		worker_enter(worker, &ports[port], &pkt, 1);
	}
	worker_turn(worker);
	while (punts_take(worker, &punt, 1) == 1) {
		control(&punt);
		rte_pktmbuf_free(punt.pkt);
	}
	check_balance();
	must(rte_mempool_in_use_count(pool) == 0, "buffers are lost");
	return 0;
}
