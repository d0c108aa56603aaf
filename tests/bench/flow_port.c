/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A generator port for tests/bench/run: more flows than a pcap replay can have, since that keeps
 * one buffer per packet and is slowed down by its own cache misses.
 *
 * To be preloaded (LD_PRELOAD) into any program that uses DPDK's shared libraries. Debian's
 * libdpdk-dev has not the headers that a driver needs, so this is none: the devices are DPDK's
 * net_null, and their receive function is replaced when they are started. What is sent by them is
 * freed, as net_null does it.
 *
 * VSWITCH_BENCH_FLOWS says what they receive, words apart by spaces: DEVICE=SIDE:FLOWS. SIDE is
 * `inside`: packets of FLOWS flows to remote hosts, or `outside`: the answers to them, sent to the
 * external address; flows and addresses are those of nat_flow() in traffic.py. The flows come one
 * after the other in an order that no cache foresees; the destination MAC is the device's own.
 *
 * Thread-safety: one thread per port.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>

#define FRAME_LEN 60
#define STEP 618033u /* modulo the number of flows: what has no factors but 2 and 5 */
/* as in traffic.py */
#define INSIDE 0x0a000000u
#define REMOTE 0x20000000u
#define EXTERNAL 0xc0000205u
#define ENDPOINTS 62500u
#define LOW_PORT 1024
#define REMOTE_PORT 9

struct frame {
	struct rte_ether_hdr ether;
	struct rte_ipv4_hdr ip;
	struct rte_udp_hdr udp;
	uint8_t payload[FRAME_LEN - sizeof(struct rte_ether_hdr) - sizeof(struct rte_ipv4_hdr) -
			sizeof(struct rte_udp_hdr)];
} __rte_packed __rte_aligned(2);

struct flow_port {
	struct rte_mempool *pool;
	uint32_t n_flows;
	uint32_t step; /* from flow to flow: coprime to their number */
	uint32_t next;
	bool inside;
	struct frame frame; /* that of all flows */
	uint32_t sum;       /* of its IP header, without addresses */
	void *queue;        /* rxq.data[0] */
};

static struct flow_port ports[RTE_MAX_ETHPORTS];

static void
write_frame(const struct flow_port *port, uint32_t flow, struct frame *frame)
{
	const uint16_t endpoint = flow % ENDPOINTS;
	const uint32_t remote = REMOTE + flow;
	const uint32_t src = port->inside ? INSIDE + endpoint : remote;
	const uint32_t dst = port->inside ? remote : EXTERNAL;
	const uint16_t own_port = rte_cpu_to_be_16(LOW_PORT + endpoint);
	uint32_t sum = port->sum + (src >> 16) + (src & 0xffff) + (dst >> 16) + (dst & 0xffff);

	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	*frame = port->frame;
	frame->ip.src_addr = rte_cpu_to_be_32(src);
	frame->ip.dst_addr = rte_cpu_to_be_32(dst);
	frame->ip.hdr_checksum = rte_cpu_to_be_16(~sum);
	if (port->inside)
		frame->udp.src_port = own_port;
	else
		frame->udp.dst_port = own_port;
}

static uint16_t
receive(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct flow_port *port = queue;

	if (rte_pktmbuf_alloc_bulk(port->pool, pkts, n) != 0)
		return 0;
	for (uint16_t i = 0; i < n; i++) {
		write_frame(port, port->next, rte_pktmbuf_mtod(pkts[i], struct frame *));
		pkts[i]->data_len = FRAME_LEN;
		pkts[i]->pkt_len = FRAME_LEN;
		port->next += port->step;
		if (port->next >= port->n_flows)
			port->next -= port->n_flows;
	}
	return n;
}

static void
prepare(struct flow_port *port, uint16_t id)
{
	struct frame *frame = &port->frame;
	struct rte_ether_addr mac;

	port->next = 0;
	port->step = STEP % port->n_flows;
	rte_eth_macaddr_get(id, &mac);
	frame->ether.dst_addr = mac;
	frame->ether.src_addr.addr_bytes[0] = 0x02;
	frame->ether.src_addr.addr_bytes[5] = (uint8_t)(id + 1);
	frame->ether.ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	frame->ip.version_ihl = 0x45;
	frame->ip.total_length = RTE_BE16(FRAME_LEN - sizeof(struct rte_ether_hdr));
	frame->ip.fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG);
	frame->ip.time_to_live = 64;
	frame->ip.next_proto_id = IPPROTO_UDP;
	frame->udp.src_port = RTE_BE16(REMOTE_PORT);
	frame->udp.dst_port = RTE_BE16(REMOTE_PORT);
	frame->udp.dgram_len = RTE_BE16(sizeof(frame->udp) + sizeof(frame->payload));
	port->sum = 0x4500 + FRAME_LEN - sizeof(struct rte_ether_hdr) + RTE_IPV4_HDR_DF_FLAG +
		    (64 << 8) + IPPROTO_UDP;
}

/* What a device is to receive. Return: false: nothing of ours. */
static bool
find_flows(const char *device, struct flow_port *port)
{
	const char *words = getenv("VSWITCH_BENCH_FLOWS");
	char copy[512], side[16], *word, *rest = copy;
	const size_t len = strlen(device);

	if (words == NULL || strlen(words) >= sizeof(copy))
		return false;
	strcpy(copy, words);
	while ((word = strsep(&rest, " ")) != NULL) {
		if (strncmp(word, device, len) != 0 || word[len] != '=' ||
		    sscanf(word + len + 1, "%15[a-z]:%u", side, &port->n_flows) != 2)
			continue;
		port->inside = strcmp(side, "inside") == 0;
		return port->n_flows > 0;
	}
	return false;
}

/* The function that this library's one of the same name hides. */
static void *
hidden(const char *name)
{
	void *function = dlsym(RTLD_NEXT, name);

	if (function == NULL) {
		fprintf(stderr, "flow_port: no %s\n", name);
		abort();
	}
	return function;
}

int
rte_eth_rx_queue_setup(uint16_t port_id, uint16_t queue, uint16_t n, unsigned int socket,
		       const struct rte_eth_rxconf *conf, struct rte_mempool *pool)
{
	int (*setup)(uint16_t, uint16_t, uint16_t, unsigned int, const struct rte_eth_rxconf *,
		     struct rte_mempool *) = hidden("rte_eth_rx_queue_setup");

	if (port_id < RTE_MAX_ETHPORTS && queue == 0)
		ports[port_id].pool = pool;
	return setup(port_id, queue, n, socket, conf, pool);
}

int
rte_eth_dev_start(uint16_t port_id)
{
	int (*start)(uint16_t) = hidden("rte_eth_dev_start");
	char device[RTE_ETH_NAME_MAX_LEN];
	struct flow_port *port;
	int ret = start(port_id);

	if (ret < 0 || rte_eth_dev_get_name_by_port(port_id, device) < 0)
		return ret;
	port = &ports[port_id];
	if (!find_flows(device, port))
		return ret;
	prepare(port, port_id);
	port->queue = port;
	rte_eth_fp_ops[port_id].rxq.data = &port->queue;
	rte_eth_fp_ops[port_id].rx_pkt_burst = receive;
	return ret;
}
