/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tap: an interface of the host's own on the bridge, over /dev/net/tun.
 *
 * A virtio_net_hdr with each packet (IFF_VNET_HDR) carries partial checksums and GSO both ways.
 * The interface is persistent, so that the host keeps its addresses and routes while the daemon is
 * restarted (without carrier in between); it goes when an operator deletes the port. One that was
 * there before and was not made here is used, and left behind.
 *
 * The queues' descriptors of one life of the interface are in a struct tap_conn, which is replaced
 * if somebody deletes the interface: the port then makes a new one.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "claim.h"
#include "error.h"
#include "link_change.h"
#include "log.h"
#include "netlink.h"
#include "port_types.h"
#include "stable_mac.h"
#include "switch.h"
#include "vnet_io.h"

#define TUN_DEVICE "/dev/net/tun"
#define TX_IOV_MAX 512
#define CHAINS_AFTER_BIG 64 /* packets: after a big one, others like it may follow */

struct tap_queue {
	int fd;
	struct vnet_pace pace; /* worker: rw */
	uint16_t n_chains;     /* packets that are to be received into chains; worker: rw */
} __rte_cache_aligned;

struct tap_conn {
	int ifindex;
	uint16_t n_queues;
	struct tap_queue queues[PORT_QUEUES_MAX];
	struct rcu_item retired; /* control */
};

struct tap {
	struct tap_conn *conn; /* control: rw (release), worker: ro (acquire); NULL: is gone */
	struct port *port;
	struct vswitch *sw;
	struct netlink_watch *watch;
	struct link_change change; /* of an interface that stays */
	uint64_t lost;             /* packets that the interface had no room for */
	uint64_t lost_seen;        /* the interface's own count, as read last */
	uint32_t mtu;              /* asked for; 0: the interface's own */
	bool carrier_off;          /* by the operator; each attach gives the interface one */
	bool goes;                 /* is a mirror's own: no longer there than the process */
	bool ours;                 /* made by a vswitchd: goes with the port */
	bool made;                 /* made by this one */
	int claim;                 /* of the interface that it has; negative: none */
	char name[IFNAMSIZ];
};

/* --- control --- */

static void
tap_conn_free(void *arg)
{
	struct tap_conn *conn = arg;

	for (uint16_t q = 0; q < conn->n_queues; q++)
		if (conn->queues[q].fd >= 0)
			close(conn->queues[q].fd);
	free(conn);
}

/* Why TUNSETIFF refused. */
static int
tap_error(const char *name, int ret, bool multi, struct error *err)
{
	if (ret == -EBUSY)
		return error_set(err, ret, "port %s: tap %s is in use by another program", name,
				 name);
	if (ret == -EINVAL)
		return error_set(
			err, ret,
			"port %s: interface %s exists and is no %stap; choose another name, or "
			"\"ip link del %s\"",
			name, name, multi ? "multi-queue " : "", name);
	return error_set(err, ret, "port %s: cannot make tap %s: %s", name, name, strerror(-ret));
}

/* Attach to the interface, or make it. @flags: IFF_MULTI_QUEUE or 0. Return the fd or -errno. */
static int
attach_queue(const char *name, int flags)
{
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | flags };
	int fd, ret;

	fd = open(TUN_DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (ioctl(fd, TUNSETIFF, &request) == 0)
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}

/*
 * One of @n_queues. A tap that may have many queues costs the kernel megabytes (256 queueing
 * disciplines), so a port with one does not ask for it, but takes what it finds.
 */
static int
open_queue(const char *name, uint16_t n_queues, struct error *err)
{
	const int hdr_size = sizeof(struct virtio_net_hdr);
	int fd, ret;

	fd = attach_queue(name, n_queues > 1 ? IFF_MULTI_QUEUE : 0);
	if (fd == -EINVAL && n_queues == 1)
		fd = attach_queue(name, IFF_MULTI_QUEUE);
	if (fd < 0)
		return tap_error(name, fd, n_queues > 1, err);
	if (ioctl(fd, TUNSETVNETHDRSZ, &hdr_size) < 0 ||
	    ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN) < 0) {
		ret = error_set(err, errno, "port %s: tap %s takes no offloads: %s", name, name,
				strerror(errno));
		close(fd);
		return ret;
	}
	return fd;
}

static struct tap_conn *
tap_conn_create(const char *name, uint16_t n_queues, struct error *err)
{
	struct tap_conn *conn = NULL;

	if (posix_memalign((void **)&conn, RTE_CACHE_LINE_SIZE, sizeof(*conn)) != 0) {
		error_set(err, ENOMEM, "port %s: no memory", name);
		return NULL;
	}
	memset(conn, 0, sizeof(*conn));
	for (uint16_t q = 0; q < n_queues; q++) {
		conn->queues[q].fd = open_queue(name, n_queues, err);
		if (conn->queues[q].fd < 0) {
			tap_conn_free(conn);
			return NULL;
		}
		conn->n_queues++;
	}
	return conn;
}

/* What the host sends faster than workers read, the interface drops and counts (tx_dropped). */
static void
tap_count_losses(struct tap *tap, const struct netlink_link *link)
{
	if (link->tx_dropped > tap->lost_seen)
		tap->lost += link->tx_dropped - tap->lost_seen;
	tap->lost_seen = link->tx_dropped;
}

void
port_tap_stats(struct port *port, struct port_stats *sum)
{
	struct tap *tap = port->priv;
	struct netlink_link link;

	if (tap->conn != NULL &&
	    netlink_link_losses(tap->sw->netlink, tap->conn->ifindex, &link) == 0)
		tap_count_losses(tap, &link);
	sum->rx_packets += tap->lost;
	sum->drops[DROP_RX_ERROR] += tap->lost;
}

static void
tap_report(struct tap *tap, const struct netlink_link *link)
{
	char reason[96] = "";

	tap_count_losses(tap, link);
	link_change_seen(&tap->change, link);

	memcpy(tap->port->mac, link->mac, sizeof(tap->port->mac));
	if (link->mtu != tap->port->mtu)
		port_mtu_set(tap->port, RTE_MIN(RTE_MAX(link->mtu, PORT_MTU_MIN), PORT_MTU_MAX));
	if (!(link->flags & IFF_UP))
		snprintf(reason, sizeof(reason), "interface %s is down; \"ip link set %s up\"",
			 link->name, link->name);
	else if (!(link->flags & IFF_RUNNING))
		snprintf(reason, sizeof(reason), "interface %s has no carrier", link->name);
	switch_port_status(tap->sw, tap->port, reason[0] == '\0', reason);
}

/* The host sees what the operator of the switch has done to its cable. */
static void
tap_set_carrier(struct port *port, bool on)
{
	struct tap *tap = port->priv;
	const int carrier = on;

	tap->carrier_off = !on;
	if (tap->conn == NULL)
		return;
	if (ioctl(tap->conn->queues[0].fd, TUNSETCARRIER, &carrier) < 0)
		log_line(LOG_WARNING, "port %s: cannot set the carrier of tap %s: %s", tap->name,
			 tap->name, strerror(errno));
}

/* Settings of an interface that was made just now. */
static int
tap_equip(struct tap *tap, const struct netlink_link *link)
{
	uint8_t mac[6];

	stable_mac(tap->name, mac);
	netlink_link_set_alias(tap->sw->netlink, link->ifindex, PORT_TAP_ALIAS);
	return netlink_link_set_mac(tap->sw->netlink, link->ifindex, mac);
}

/* The kernel would let another vswitchd have queues of the same interface, and half the packets. */
static int
tap_claim(struct tap *tap, const struct netlink_link *link, struct error *err)
{
	tap->claim = claim_interface(link, err);
	return RTE_MIN(tap->claim, 0);
}

static void
tap_release_claim(struct tap *tap)
{
	if (tap->claim >= 0)
		close(tap->claim);
	tap->claim = -1;
}

/* Give the interface what it needs. */
static int
tap_setup(struct tap *tap, const struct tap_conn *conn, bool existed, struct netlink_link *link)
{
	struct netlink_monitor *nl = tap->sw->netlink;
	int ret = 0;

	if (!existed)
		ret = tap_equip(tap, link);
	if (ret == 0 && tap->mtu != 0)
		ret = link_change_mtu(&tap->change, nl, link, tap->mtu);
	if (ret == 0)
		ret = link_change_up(&tap->change, nl, link);
	if (ret == 0)
		ret = netlink_link_get(nl, tap->name, link);
	if (ret == 0 && ioctl(conn->queues[0].fd, TUNSETPERSIST, !tap->goes) < 0)
		ret = -errno;
	return ret;
}

/* Make the interface, or take the one that is there. @ret_link: what it is like in the end. */
static int
tap_attach(struct tap *tap, struct netlink_link *ret_link, struct error *err)
{
	struct netlink_monitor *nl = tap->sw->netlink;
	bool existed = netlink_link_get(nl, tap->name, ret_link) == 0;
	struct tap_conn *conn = NULL;
	int ret;

	if (existed && (ret = tap_claim(tap, ret_link, err)) < 0)
		return ret;
	conn = tap_conn_create(tap->name, tap->port->n_rxq, err);
	if (conn == NULL) {
		ret = err->code;
		goto err;
	}
	ret = netlink_link_get(nl, tap->name, ret_link);
	if (ret == 0 && !existed && (ret = tap_claim(tap, ret_link, err)) < 0)
		goto err;
	if (ret == 0)
		ret = tap_setup(tap, conn, existed, ret_link);
	if (ret < 0) {
		error_set(err, ret, "port %s: cannot set up tap %s: %s", tap->name, tap->name,
			  strerror(-ret));
		goto err;
	}
	conn->ifindex = ret_link->ifindex;
	tap->lost_seen = ret_link->tx_dropped;
	tap->made = !existed;
	/* there may be more to it: adopt.c */
	tap->ours =
		tap->made || strncmp(ret_link->alias, PORT_TAP_ALIAS, strlen(PORT_TAP_ALIAS)) == 0;
	__atomic_store_n(&tap->conn, conn, __ATOMIC_RELEASE);
	return 0;
err:
	if (conn != NULL)
		tap_conn_free(conn);
	tap_release_claim(tap);
	return ret;
}

static void
tap_detach(struct tap *tap)
{
	struct tap_conn *conn = tap->conn;

	for (uint16_t q = 0; q < conn->n_queues; q++)
		worker_unwatch(tap->sw->dp->workers[tap->port->rxq[q].worker], conn->queues[q].fd);
	__atomic_store_n(&tap->conn, NULL, __ATOMIC_RELEASE);
	rcu_retire(tap->sw->rcu, &conn->retired, tap_conn_free, conn);
	tap_release_claim(tap);
}

/* Somebody deleted the interface, or gave the name to another: make it again. */
static void
tap_renew(struct tap *tap)
{
	struct netlink_link link;
	struct error err = { 0 };

	if (tap->conn != NULL)
		tap_detach(tap);
	if (tap_attach(tap, &link, &err) < 0) {
		switch_port_status(tap->sw, tap->port, false, err.msg);
		return;
	}
	for (uint16_t q = 0; q < tap->conn->n_queues; q++)
		if (worker_watch(tap->sw->dp->workers[tap->port->rxq[q].worker],
				 tap->conn->queues[q].fd, RXQ_COOKIE(tap->port->id, q)) < 0)
			log_line(LOG_ERR, "port %s: cannot wait for its packets", tap->name);
	log_line(LOG_NOTICE, "port %s: interface %s was deleted and made again", tap->name,
		 tap->name);
	if (tap->carrier_off)
		tap_set_carrier(tap->port, false);
	tap_report(tap, &link);
}

static void
tap_changed(void *arg, const struct netlink_link *link)
{
	struct tap *tap = arg;

	if (datapath_port(tap->sw->dp, tap->port->id) != tap->port)
		return; /* is being closed */
	if (link == NULL || tap->conn == NULL || link->ifindex != tap->conn->ifindex)
		tap_renew(tap);
	else
		tap_report(tap, link);
}

/*
 * Does the interface go with the port? If an operator deletes the port, but not if the daemon
 * stops; and a start that fails takes back what it made, and only that.
 */
static bool
tap_goes(const struct tap *tap)
{
	if (!tap->sw->started)
		return tap->made;
	return tap->ours && !tap->sw->stopping;
}

static void
tap_close(struct port *port)
{
	struct tap *tap = port->priv;

	if (tap == NULL)
		return;
	netlink_watch_del(tap->watch);
	if (tap->conn != NULL) {
		if (tap_goes(tap))
			ioctl(tap->conn->queues[0].fd, TUNSETPERSIST, 0);
		tap_conn_free(tap->conn);
	}
	if (switch_gives_back(tap->sw))
		link_change_undo(&tap->change, tap->sw->netlink);
	tap_release_claim(tap);
	free(tap);
	port->priv = NULL;
}

static int
tap_open(struct port *port, const struct port_config *config, struct error *err)
{
	struct error own = { 0 };
	struct netlink_link link;
	struct tap *tap;
	int ret;

	tap = calloc(1, sizeof(*tap));
	if (tap == NULL)
		return error_set(err, ENOMEM, "port %s: no memory", config->name);
	tap->port = port;
	tap->sw = config->sw;
	tap->mtu = config->mtu;
	tap->goes = config->is_auto;
	tap->claim = -1;
	snprintf(tap->name, sizeof(tap->name), "%s", config->name);
	port->priv = tap;
	port->n_rxq = RTE_MAX(1, RTE_MIN(config->n_queues, PORT_QUEUES_MAX));
	/* writing to one descriptor from many threads is the kernel's business: no lock needed */
	port->n_txq = RTE_MIN(config->sw->dp->n_workers, PORT_QUEUES_MAX);
	switch_port_caps(config->sw, port, PORT_CAPS_OFFLOAD | PORT_CAP_TAGGED);
	ret = tap_attach(tap, &link, err != NULL ? err : &own);
	if (ret < 0)
		goto err;
	tap->watch = netlink_watch_add(tap->sw->netlink, tap->name, tap_changed, tap);
	if (tap->watch == NULL) {
		ret = error_set(err, ENOMEM, "port %s: no memory", config->name);
		goto err;
	}
	tap_report(tap, &link);
	return 0;
err:
	tap_close(port);
	return ret;
}

static int
tap_set_mtu(struct port *port, uint32_t mtu, struct error *err)
{
	struct tap *tap = port->priv;
	struct netlink_link link;
	const bool back = mtu == 0;
	uint32_t own = port->mtu;
	int ret;

	if (tap->conn != NULL) {
		ret = netlink_link_get(tap->sw->netlink, tap->name, &link);
		if (ret == 0)
			own = link_change_own_mtu(&tap->change, &link);
		mtu = back ? own : mtu;
		if (ret == 0)
			ret = link_change_mtu(&tap->change, tap->sw->netlink, &link, mtu);
		if (ret < 0)
			return error_set(err, ret, "port %s: mtu %u: tap %s refuses it: %s",
					 tap->name, mtu, tap->name, strerror(-ret));
	}
	tap->mtu = back ? 0 : mtu;
	if (back)
		port_mtu_set(port, RTE_MIN(RTE_MAX(own, PORT_MTU_MIN), PORT_MTU_MAX));
	return 0;
}

static int
tap_rx_fd(struct port *port, uint16_t queue)
{
	const struct tap *tap = port->priv;

	return tap->conn != NULL ? tap->conn->queues[queue].fd : -1;
}

bool
port_tap_is_ours(const struct port *port)
{
	return ((const struct tap *)port->priv)->ours;
}

/* --- workers --- */

/*
 * Read a packet. Return its length with the header, or -1 if there is none: EAGAIN, or the
 * interface is down or gone, which the monitor will say. @ret_reason: 0, or the negative reason to
 * drop it for.
 */
static ssize_t
rx_packet(struct worker *worker, struct tap_queue *queue, struct rte_mbuf *pkt, int *ret_reason)
{
	const uint32_t room = rte_pktmbuf_tailroom(pkt);
	struct iovec iov[VNET_CHAIN_IOV];
	struct virtio_net_hdr hdr;
	uint16_t n_chain = 0;
	ssize_t len;

	if (queue->n_chains > 0)
		n_chain = vnet_chain_iov(worker, &hdr, pkt, iov);
	if (n_chain == 0)
		vnet_rx_iov(worker, 0, &hdr, pkt, iov);
	len = readv(queue->fd, iov, n_chain > 0 ? n_chain : VNET_RX_IOV);
	*ret_reason = 0;
	if (len < (ssize_t)sizeof(hdr)) {
		*ret_reason = -DROP_RX_ERROR;
		return len;
	}
	if (len - sizeof(hdr) > room)
		queue->n_chains = CHAINS_AFTER_BIG;
	else if (queue->n_chains > 0)
		queue->n_chains--;
	if (n_chain > 0)
		vnet_chain_finish(worker, pkt, len - sizeof(hdr));
	else if (vnet_rx_finish(worker, 0, pkt, len - sizeof(hdr)) < 0)
		*ret_reason = -DROP_NO_BUFFER;
	if (*ret_reason == 0 && vnet_hdr_read(pkt, &hdr, 0) < 0)
		*ret_reason = -DROP_RX_ERROR;
	return len;
}

static uint16_t
tap_rx_burst(struct worker *worker, struct port *port, uint16_t q, struct rte_mbuf **pkts,
	     uint16_t n)
{
	struct tap *tap = port->priv;
	struct tap_conn *conn = __atomic_load_n(&tap->conn, __ATOMIC_ACQUIRE);
	uint16_t had, got, kept = 0;
	struct tap_queue *queue;
	int ret;

	if (unlikely(conn == NULL))
		return 0;
	queue = &conn->queues[q];
	had = vnet_pace_next(&queue->pace, RTE_MIN(n, PORT_BURST_MAX));
	had = vnet_rx_alloc(worker, pkts, had);
	if (unlikely(had == 0)) {
		vnet_rx_discard(worker, port, queue->fd);
		return 0;
	}
	for (got = 0; got < had; got++) {
		struct rte_mbuf *pkt = pkts[got];

		if (rx_packet(worker, queue, pkt, &ret) < 0)
			break;
		if (likely(ret == 0)) {
			pkts[kept++] = pkt;
			continue;
		}
		port_rx_drop(worker, port, -ret, 1);
		rte_pktmbuf_free(pkt);
	}
	if (got < had)
		rte_pktmbuf_free_bulk(&pkts[got], had - got);
	vnet_pace_learn(&queue->pace, had, got, false);
	return kept;
}

static uint16_t
tap_tx_burst(struct worker *worker, struct port *port, uint16_t q, struct rte_mbuf **pkts,
	     uint16_t n)
{
	struct tap *tap = port->priv;
	struct tap_conn *conn = __atomic_load_n(&tap->conn, __ATOMIC_ACQUIRE);
	struct virtio_net_hdr hdr;
	struct iovec iov[TX_IOV_MAX];
	uint16_t sent = 0, entries;
	int fd;

	if (unlikely(conn == NULL))
		return 0;
	fd = conn->queues[q % conn->n_queues].fd;
	while (sent < n) {
		entries = vnet_tx_iov(pkts[sent], &hdr, iov, TX_IOV_MAX);
		if (entries > 0 && writev(fd, iov, entries) >= 0)
			sent++;
		else if (vnet_tx_refused(worker, port, pkts[sent], entries == 0 ? E2BIG : errno))
			sent++; /* this packet can never be sent */
		else
			break;
	}
	rte_pktmbuf_free_bulk(pkts, sent);
	return sent;
}

const struct port_type port_type_tap = {
	.name = "tap",
	.wait = PORT_WAIT_FD,
	.closes_slowly = true,
	.open = tap_open,
	.close = tap_close,
	.set_mtu = tap_set_mtu,
	.set_carrier = tap_set_carrier,
	.rx_burst = tap_rx_burst,
	.tx_burst = tap_tx_burst,
	.rx_fd = tap_rx_fd,
};
