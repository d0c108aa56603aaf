/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * eth: a DPDK device, by PCI address or devargs ("net_pcap0,rx_pcap=a.pcap").
 *
 * Debian's DPDK has room for RTE_MAX_ETHPORTS (32) of them. Its drivers tell of link changes in a
 * thread of their own, if at all, so the link is read by a timer.
 *
 * Receiving is as thin as can be: what the driver delivers is canonical already but for flags that
 * some drivers set unasked (net_pcap: a time stamp), which a burst pays for only if it has them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_tcp.h>

#include "addr.h"
#include "error.h"
#include "log.h"
#include "offload.h"
#include "packet.h"
#include "port_types.h"
#include "switch.h"

#define RX_DESCRIPTORS 1024
#define TX_DESCRIPTORS 1024
#define LINK_POLL_USEC 500000
#define LINK_POLL_CLOSE_USEC 10000 /* of a bond's member */
#define RX_FLAGS_KEPT (RTE_MBUF_F_RX_L4_CKSUM_GOOD | RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL)

/* RX_L4_CKSUM_NONE is GOOD with another bit, and says nothing about the checksum. */
#define RX_CSUM_OFFLOADS                                                \
	(RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM | \
	 RTE_ETH_RX_OFFLOAD_TCP_CKSUM)
#define TX_CSUM_OFFLOADS                                                \
	(RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM | \
	 RTE_ETH_TX_OFFLOAD_TCP_CKSUM)

struct eth {
	uint16_t port_id;     /* DPDK's number */
	bool tx_offloads;     /* packets may come that want something of the device */
	bool link_known_down; /* control: as last told */
	struct port *port;
	struct vswitch *sw;
	struct event *link_timer;
	struct rte_device *device;
	bool nombuf_is_loss;      /* without a buffer the driver drops the packet */
	uint32_t mtu_max;         /* with the receive buffers as they are configured */
	struct rte_mempool *pool; /* that it receives into */
	char name[SWITCH_NAME_SIZE];
};

/* --- control --- */

/* The device that @config names, as DPDK writes it: devargs, or the port's name if that is one. */
static const char *
device_args(const struct port_config *config)
{
	return config->devargs[0] != '\0' ? config->devargs : config->name;
}

static int
probe_error(const char *name, const char *args, int ret, struct error *err)
{
	/* the port's name stands for devargs that were not given */
	if (args == name && !pci_addr_is_valid(args))
		return error_set(
			err, ret,
			"port %s: devargs is missing, and \"%s\" is no DPDK device: type eth "
			"wants a PCI address, or DRIVER and options such as "
			"net_pcap0,iface=eth0",
			name, name);
	if (pci_addr_is_valid(args))
		return error_set(
			err, ret,
			"port %s: devargs: no usable PCI device %s; is it there, and bound "
			"to vfio-pci (\"dpdk-devbind.py -s\")?",
			name, args);
	if (ret == -EEXIST)
		return error_set(err, ret, "port %s: devargs: device %.*s is in use already", name,
				 (int)strcspn(args, ","), args);
	/* DPDK's error numbers tell less than its own lines in the log */
	return error_set(
		err, ret,
		"port %s: devargs: DPDK cannot make device \"%.60s\" (its lines in "
		"\"journalctl -u vswitchd\" or stderr say why); it wants a PCI address, or "
		"DRIVER and options such as net_pcap0,iface=eth0",
		name, args);
}

/* DPDK lets PCI devices write to hugepages alone: without, it does not look at the PCI bus. */
static int
check_hugepages(const char *name, const char *device, struct error *err)
{
	if (!pci_addr_is_valid(device) || rte_eal_has_hugepages())
		return 0;
	return error_set(
		err, ENOTSUP,
		"port %s: devargs: PCI device %s needs hugepages, and vswitchd was started "
		"without: \"sysctl vm.nr_hugepages=128\" reserves 256 MiB; then start it "
		"again",
		name, device);
}

/* Make the device known to DPDK. Return its number, or -errno. */
static int
probe_device(const char *name, const char *args, struct error *err)
{
	char device[SWITCH_DEVARGS_SIZE];
	struct rte_dev_iterator iterator;
	uint16_t port_id, found = RTE_MAX_ETHPORTS;
	int ret;

	snprintf(device, sizeof(device), "%.*s", (int)strcspn(args, ","), args);
	ret = check_hugepages(name, device, err);
	if (ret < 0)
		return ret;
	if (rte_eth_dev_get_port_by_name(device, &port_id) == 0)
		return probe_error(name, args, -EEXIST, err);
	if (rte_eth_dev_count_total() >= RTE_MAX_ETHPORTS)
		return error_set(err, ENOSPC,
				 "port %s: DPDK has room for %u devices, and all are taken; kernel "
				 "interfaces (type netdev) are not limited",
				 name, RTE_MAX_ETHPORTS);
	ret = rte_dev_probe(args);
	if (ret < 0)
		return probe_error(name, args, ret, err);
	if (rte_eth_dev_get_port_by_name(device, &port_id) == 0)
		return port_id;
	RTE_ETH_FOREACH_MATCHING_DEV(port_id, args, &iterator)
	if (found == RTE_MAX_ETHPORTS)
		found = port_id;
	if (found != RTE_MAX_ETHPORTS)
		return found;
	rte_eal_hotplug_remove(pci_addr_is_valid(device) ? "pci" : "vdev", device);
	return error_set(err, ENODEV, "port %s: devargs: \"%.80s\" is no network device", name,
			 args);
}

static uint32_t
overhead(const struct rte_eth_dev_info *info)
{
	if (info->max_mtu != UINT16_MAX && info->max_rx_pktlen > info->max_mtu)
		return info->max_rx_pktlen - info->max_mtu;
	return RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN;
}

/* Return: the caps that the port has with it. */
static uint32_t
choose_config(struct eth *eth, const struct rte_eth_dev_info *info, uint32_t mtu,
	      struct rte_eth_conf *conf)
{
	const uint32_t room = rte_pktmbuf_data_room_size(eth->pool) - RTE_PKTMBUF_HEADROOM;
	uint64_t tx = info->tx_offload_capa;
	uint32_t caps;

	conf->rxmode.mtu = mtu;
	conf->rxmode.offloads = info->rx_offload_capa & RX_CSUM_OFFLOADS;
	/* a driver without the offload chains on its own accord (net_pcap), or has no limit */
	eth->mtu_max = PORT_MTU_MAX;
	if (info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER) {
		if (mtu + overhead(info) > room)
			conf->rxmode.offloads |= RTE_ETH_RX_OFFLOAD_SCATTER;
		else
			eth->mtu_max = room - overhead(info);
	}
	if (eth->port->n_rxq > 1) {
		conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf->rx_adv_conf.rss_conf.rss_hf =
			info->flow_type_rss_offloads &
			(RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP);
	}
	/* never MBUF_FAST_FREE: packets may be shared and from any pool */
	conf->txmode.offloads = tx & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	if ((tx & TX_CSUM_OFFLOADS) != TX_CSUM_OFFLOADS)
		return 0;
	conf->txmode.offloads |= TX_CSUM_OFFLOADS;
	caps = PORT_CAP_CSUM_IPV4 | PORT_CAP_CSUM_IPV6 | PORT_CAP_TAGGED;
	/* net_tap of 22.11 compares a segment's whole frame with its MTU, and drops full-sized ones
	 */
	if ((tx & RTE_ETH_TX_OFFLOAD_TCP_TSO) && (tx & RTE_ETH_TX_OFFLOAD_MULTI_SEGS) &&
	    strcmp(info->driver_name, "net_tap") != 0) {
		conf->txmode.offloads |= RTE_ETH_TX_OFFLOAD_TCP_TSO;
		caps |= PORT_CAP_TSO_IPV4 | PORT_CAP_TSO_IPV6;
	}
	return caps;
}

static int
setup_queues(struct eth *eth, const struct rte_eth_dev_info *info, const struct rte_eth_conf *conf)
{
	const int socket = rte_eth_dev_socket_id(eth->port_id);
	struct rte_eth_rxconf rx = info->default_rxconf;
	struct rte_eth_txconf tx = info->default_txconf;
	uint16_t n_rx = RX_DESCRIPTORS, n_tx = TX_DESCRIPTORS;
	int ret;

	ret = rte_eth_dev_configure(eth->port_id, eth->port->n_rxq, eth->port->n_txq, conf);
	if (ret == 0)
		ret = rte_eth_dev_adjust_nb_rx_tx_desc(eth->port_id, &n_rx, &n_tx);
	rx.offloads = conf->rxmode.offloads;
	tx.offloads = conf->txmode.offloads;
	for (uint16_t q = 0; ret == 0 && q < eth->port->n_rxq; q++)
		ret = rte_eth_rx_queue_setup(eth->port_id, q, n_rx, socket, &rx, eth->pool);
	for (uint16_t q = 0; ret == 0 && q < eth->port->n_txq; q++)
		ret = rte_eth_tx_queue_setup(eth->port_id, q, n_tx, socket, &tx);
	return ret;
}

/*
 * Packet buffers that a device took for its receive rings must leave some for all else: every
 * worker keeps some in its cache, and so does the control thread. Most virtual devices take none.
 * @free_before: buffers that were free before the queues were set up.
 */
static int
check_buffers(struct eth *eth, uint32_t free_before, int ret, struct error *err)
{
	const struct rte_mempool *pool = eth->pool;
	const struct port *port = eth->port;
	uint32_t wanted = port->n_rxq * RX_DESCRIPTORS;
	uint32_t others =
		(eth->sw->dp->n_workers + 1) * (pool->cache_size * 3 / 2 + PORT_BURST_MAX);
	uint32_t free_now = rte_mempool_avail_count(pool);
	bool lacking;

	if (ret == 0) /* it took them, and too many? */
		lacking = free_now < others && free_now + wanted / 2 <= free_before;
	else /* some drivers have no better error than -1 */
		lacking = wanted + others > free_before && (ret == -ENOMEM || ret == -1);
	if (!lacking)
		return ret;
	return error_set(err, ENOBUFS,
			 "port %s: %u queue(s) of %u packet buffers: of %u, %u were free; give it "
			 "fewer queues, or set mbufs of [vswitchd] to %u or more",
			 eth->name, port->n_rxq, RX_DESCRIPTORS, pool->size, free_before,
			 pool->size - free_before + wanted + others + port->n_txq * TX_DESCRIPTORS);
}

/*
 * rx_nombuf is no loss with most drivers: the packet stays in the ring, and what then finds the
 * ring full is in imissed.
 */
void
port_eth_stats(struct port *port, struct port_stats *sum)
{
	const struct eth *eth = port->priv;
	struct rte_eth_stats stats;
	uint64_t lost;

	if (rte_eth_stats_get(eth->port_id, &stats) < 0)
		return;
	lost = stats.imissed + (eth->nombuf_is_loss ? stats.rx_nombuf : 0);
	sum->rx_packets += lost;
	sum->drops[DROP_RX_ERROR] += lost;
}

static void
eth_report(struct eth *eth)
{
	struct rte_eth_link link = { 0 };
	bool up;

	up = rte_eth_link_get_nowait(eth->port_id, &link) == 0 &&
	     link.link_status == RTE_ETH_LINK_UP;
	if (up == eth->port->up && up != eth->link_known_down)
		return;
	eth->link_known_down = !up;
	switch_port_status(eth->sw, eth->port, up, up ? "" : "the device has no link");
}

static void
eth_link_timer(evutil_socket_t fd, short what, void *arg)
{
	struct eth *eth = arg;

	if (datapath_port(eth->sw->dp, eth->port->id) == eth->port)
		eth_report(eth);
}

uint32_t
port_eth_speed(const struct port *port, bool *ret_full_duplex)
{
	const struct eth *eth = port->priv;
	struct rte_eth_link link = { 0 };

	if (rte_eth_link_get_nowait(eth->port_id, &link) < 0 ||
	    link.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN)
		return 0;
	*ret_full_duplex = link.link_duplex == RTE_ETH_LINK_FULL_DUPLEX;
	return link.link_speed;
}

void
port_eth_watch(struct port *port, bool closely)
{
	const struct timeval period = { .tv_usec =
						closely ? LINK_POLL_CLOSE_USEC : LINK_POLL_USEC };
	struct eth *eth = port->priv;

	event_add(eth->link_timer, &period);
}

static int
watch_link(struct eth *eth)
{
	const struct timeval period = { .tv_usec = LINK_POLL_USEC };

	eth->link_timer = event_new(eth->sw->base, -1, EV_PERSIST, eth_link_timer, eth);
	if (eth->link_timer == NULL)
		return -ENOMEM;
	return event_add(eth->link_timer, &period) < 0 ? -ENOMEM : 0;
}

static int
configure(struct eth *eth, const struct port_config *config, struct error *err)
{
	struct port *port = eth->port;
	struct rte_eth_dev_info info;
	struct rte_eth_conf conf = { 0 };
	struct rte_ether_addr mac;
	uint32_t free_before, caps;
	int ret;

	ret = rte_eth_dev_info_get(eth->port_id, &info);
	if (ret < 0)
		return error_set(err, ret, "port %s: the device does not answer: %s", eth->name,
				 strerror(-ret));
	eth->device = info.device;
	port->n_rxq =
		RTE_MAX(1, RTE_MIN(RTE_MIN(config->n_queues, PORT_QUEUES_MAX), info.max_rx_queues));
	port->n_txq = RTE_MAX(
		1, RTE_MIN(RTE_MIN(eth->sw->dp->n_workers, PORT_QUEUES_MAX), info.max_tx_queues));
	caps = choose_config(eth, &info, port->mtu, &conf);
	eth->tx_offloads = caps != 0;
	switch_port_caps(eth->sw, port, caps);
	if (info.max_mtu != 0 && port->mtu > info.max_mtu)
		return error_set(err, ERANGE, "port %s: mtu %u: the device takes %u at most",
				 eth->name, port->mtu, info.max_mtu);
	eth->nombuf_is_loss = strcmp(info.driver_name, "net_pcap") == 0 ||
			      strcmp(info.driver_name, "net_tap") == 0;
	free_before = rte_mempool_avail_count(eth->pool);
	ret = setup_queues(eth, &info, &conf);
	if (ret < 0)
		error_set(err, ret, "port %s: mtu %u with %u queue(s): the device refuses: %s",
			  eth->name, port->mtu, port->n_rxq, strerror(-ret));
	else if ((ret = rte_eth_dev_start(eth->port_id)) < 0)
		error_set(err, ret, "port %s: the device does not start: %s", eth->name,
			  strerror(-ret));
	ret = check_buffers(eth, free_before, ret, err);
	if (ret < 0)
		return ret;
	rte_eth_promiscuous_enable(eth->port_id); /* virtual devices may not know it */
	if (rte_eth_macaddr_get(eth->port_id, &mac) == 0)
		memcpy(port->mac, &mac, sizeof(port->mac));
	return 0;
}

static void
eth_close(struct port *port)
{
	struct eth *eth = port->priv;

	if (eth == NULL)
		return;
	if (eth->link_timer != NULL)
		event_free(eth->link_timer);
	if (rte_eth_dev_is_valid_port(eth->port_id)) {
		rte_eth_dev_stop(eth->port_id);
		rte_eth_dev_close(eth->port_id);
	}
	if (eth->device != NULL && rte_dev_remove(eth->device) < 0)
		log_line(LOG_WARNING, "port %s: DPDK keeps the device", eth->name);
	free(eth);
	port->priv = NULL;
}

static int
eth_open(struct port *port, const struct port_config *config, struct error *err)
{
	struct eth *eth;
	int ret;

	ret = probe_device(config->name, device_args(config), err);
	if (ret < 0)
		return ret;
	eth = calloc(1, sizeof(*eth));
	if (eth == NULL)
		return error_set(err, ENOMEM, "port %s: no memory", config->name);
	eth->port_id = ret;
	eth->port = port;
	port->wire = true;
	eth->sw = config->sw;
	snprintf(eth->name, sizeof(eth->name), "%s", config->name);
	port->priv = eth;
	eth->pool = switch_device_pool(eth->sw, eth->name, err);
	ret = eth->pool != NULL ? configure(eth, config, err) : -ENOMEM;
	if (ret < 0)
		goto err;
	ret = watch_link(eth);
	if (ret < 0) {
		error_set(err, ret, "port %s: no memory", config->name);
		goto err;
	}
	eth_report(eth);
	return 0;
err:
	eth_close(port);
	return ret;
}

static int
eth_set_mtu(struct port *port, uint32_t mtu, struct error *err)
{
	struct eth *eth = port->priv;
	const bool back = mtu == 0;
	int ret;

	mtu = back ? PORT_MTU_DEFAULT : mtu;
	if (mtu > eth->mtu_max)
		return error_set(err, ERANGE,
				 "port %s: mtu %u: the device runs with buffers for %u; delete the "
				 "port and add it again with this mtu",
				 eth->name, mtu, eth->mtu_max);
	ret = rte_eth_dev_set_mtu(eth->port_id, mtu);
	if (ret == -ENOTSUP)
		ret = 0; /* a virtual device without an MTU of its own */
	if (ret < 0)
		error_set(err, ret, "port %s: mtu %u: the device refuses it: %s", eth->name, mtu,
			  strerror(-ret));
	else if (back)
		port_mtu_set(port, mtu);
	return ret;
}

/* --- workers --- */

/* Leave the flags that the canonical form has. */
static void
clean_flags(struct rte_mbuf **pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		uint64_t flags = pkts[i]->ol_flags & RX_FLAGS_KEPT;

		if (pkts[i]->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_BAD)
			flags &= ~RTE_MBUF_F_RX_L4_CKSUM_GOOD;
		pkts[i]->ol_flags = flags;
	}
}

static uint16_t
eth_rx_burst(struct worker *worker, struct port *port, uint16_t queue, struct rte_mbuf **pkts,
	     uint16_t n)
{
	const struct eth *eth = port->priv;
	uint64_t flags = 0;
	uint16_t got;

	got = rte_eth_rx_burst(eth->port_id, queue, pkts, n);
	for (uint16_t i = 0; i < got; i++)
		flags |= pkts[i]->ol_flags;
	if (unlikely(flags != 0))
		clean_flags(pkts, got);
	return got;
}

/*
 * What DPDK wants of a packet with offloads: for TCP segmentation, a pseudo header without the
 * length and the IPv4 checksum asked for. It is written into a copy if others have the packet, too.
 * Return: the packet to send, or NULL: no buffers.
 */
static struct rte_mbuf *
tx_prepare_one(struct worker *worker, struct rte_mbuf *pkt)
{
	struct rte_mbuf *own = pkt;
	struct rte_tcp_hdr *tcp;
	void *ip;

	if (!packet_writable(pkt))
		own = packet_copy(pkt, worker->pool);
	if (own == NULL || !(own->ol_flags & RTE_MBUF_F_TX_TCP_SEG))
		return own;
	ip = rte_pktmbuf_mtod_offset(own, void *, own->l2_len);
	tcp = rte_pktmbuf_mtod_offset(own, struct rte_tcp_hdr *, own->l2_len + own->l3_len);
	if (own->ol_flags & RTE_MBUF_F_TX_IPV4) {
		own->ol_flags |= RTE_MBUF_F_TX_IP_CKSUM;
		((struct rte_ipv4_hdr *)ip)->hdr_checksum = 0;
		tcp->cksum = rte_ipv4_phdr_cksum(ip, own->ol_flags);
	} else {
		tcp->cksum = rte_ipv6_phdr_cksum(ip, own->ol_flags);
	}
	return own;
}

/* Packets of which some have offloads: prepare those, and send until the first that fails. */
static uint16_t
tx_burst_offloads(struct worker *worker, const struct eth *eth, uint16_t queue,
		  struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t i, ready, sent;
	struct rte_mbuf *own;

	for (i = 0; i < n; i++) {
		if (!(pkts[i]->ol_flags & OFFLOAD_BLANK_MASK))
			continue;
		own = tx_prepare_one(worker, pkts[i]);
		if (own == NULL)
			break;
		if (own != pkts[i]) {
			rte_pktmbuf_free(pkts[i]);
			pkts[i] = own;
		}
	}
	ready = rte_eth_tx_prepare(eth->port_id, queue, pkts, i);
	sent = rte_eth_tx_burst(eth->port_id, queue, pkts, ready);
	if (sent == ready && ready < i) {
		/* the driver can never send this one: put it behind the others, and go on */
		own = pkts[ready];
		memmove(&pkts[ready], &pkts[ready + 1], (n - ready - 1) * sizeof(pkts[0]));
		pkts[n - 1] = own;
		sent += tx_burst_offloads(worker, eth, queue, &pkts[ready], n - ready - 1);
	}
	return sent;
}

static uint16_t
eth_tx_burst(struct worker *worker, struct port *port, uint16_t queue, struct rte_mbuf **pkts,
	     uint16_t n)
{
	const struct eth *eth = port->priv;

	if (likely(!eth->tx_offloads))
		return rte_eth_tx_burst(eth->port_id, queue, pkts, n);
	return tx_burst_offloads(worker, eth, queue, pkts, n);
}

const struct port_type port_type_eth = {
	.name = "eth",
	.wait = PORT_WAIT_NONE,
	.open = eth_open,
	.close = eth_close,
	.set_mtu = eth_set_mtu,
	.rx_burst = eth_rx_burst,
	.tx_burst = eth_tx_burst,
};
