/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * netdev: a kernel interface by name, over AF_PACKET sockets.
 *
 * A virtio_net_hdr with each packet (PACKET_VNET_HDR) carries partial checksums and GSO both ways;
 * the VLAN tag that the kernel takes out of received frames is put back from the auxiliary data
 * (packet(7), tp_vlan_*). Several queues share the traffic by flow (PACKET_FANOUT). What the switch
 * receives the host's own stack does not (ingress.h).
 *
 * The sockets and what belongs to one life of the interface are in a struct netdev_conn. When the
 * interface goes, the connection is retired; when one of that name comes, there is a new one, while
 * the port and its counters stay.
 *
 * The kernel lets a packet socket send frames of the interface's MTU, with one 802.1Q tag besides.
 * An 802.1ad tag, or a second one, counts as payload: such frames of full size are dropped
 * (mtu_exceeded) until the interface's MTU has room for it.
 */
#include <errno.h>
#include <ifaddrs.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "error.h"
#include "ingress.h"
#include "link_change.h"
#include "log.h"
#include "netlink.h"
#include "packet_socket.h"
#include "port_types.h"
#include "switch.h"
#include "vnet_io.h"

#define TX_IOV_MAX 512 /* pieces of the packets of one sendmmsg(): all of a usual burst */
#define VLAN_TAG_LEN 4
#define VLAN_TPID_DEFAULT 0x8100
#define MAC_PAIR_LEN 12 /* destination and source, in front of the tags */

struct netdev_queue {
	int fd;
	struct vnet_pace pace; /* worker: rw */
	uint32_t stats_read;   /* worker: rw; second in which the socket's losses were read last */
} __rte_cache_aligned;

struct netdev_conn {
	int ifindex;
	uint16_t n_queues;
	struct netdev_queue queues[PORT_QUEUES_MAX];
};

struct netdev {
	struct netdev_conn *conn; /* control: rw (release), worker: ro (acquire); NULL: is gone */
	struct port *port;
	struct vswitch *sw;
	struct netlink_watch *watch;
	struct ingress_guard guard;
	struct link_change change;
	struct vnet_faults faults; /* worker: rw, control: ro */
	uint64_t lost;             /* packets that the NIC had no room for */
	uint64_t lost_seen;        /* the interface's own count, as read last */
	uint32_t mtu;              /* asked for, each time it comes back; 0: the interface's own */
	char name[IFNAMSIZ];
};

/* What one recvmmsg() needs besides mbufs. */
struct netdev_rx {
	struct mmsghdr msgs[PORT_BURST_MAX];
	struct iovec iov[PORT_BURST_MAX][VNET_RX_IOV];
	struct virtio_net_hdr hdrs[PORT_BURST_MAX];
	union {
		char space[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
		struct cmsghdr align;
	} control[PORT_BURST_MAX];
};

/* --- control: the connection --- */

static void
netdev_conn_free(void *arg)
{
	struct netdev_conn *conn = arg;

	for (uint16_t q = 0; q < conn->n_queues; q++)
		if (conn->queues[q].fd >= 0)
			close(conn->queues[q].fd);
	free(conn);
}

static struct netdev_conn *
netdev_conn_create(const struct netlink_link *link, uint16_t n_queues, struct error *err)
{
	struct netdev_conn *conn = NULL;
	int ret;

	if (posix_memalign((void **)&conn, RTE_CACHE_LINE_SIZE, sizeof(*conn)) != 0) {
		error_set(err, ENOMEM, "port %s: no memory", link->name);
		return NULL;
	}
	memset(conn, 0, sizeof(*conn));
	conn->ifindex = link->ifindex;
	conn->n_queues = n_queues;
	for (uint16_t q = 0; q < n_queues; q++)
		conn->queues[q].fd = -1;
	for (uint16_t q = 0; q < n_queues; q++) {
		ret = packet_socket_open(conn->ifindex, n_queues > 1, conn->queues[0].fd);
		if (ret >= 0) {
			conn->queues[q].fd = ret;
			continue;
		}
		error_set(err, ret, "port %s: no packet socket on interface %s: %s", link->name,
			  link->name, strerror(-ret));
		netdev_conn_free(conn);
		return NULL;
	}
	return conn;
}

/* --- control: the interface --- */

/* The NIC dropped packets since its ring was full (rx_missed_errors). */
static void
count_losses(struct netdev *dev, const struct netlink_link *link)
{
	if (link->rx_missed > dev->lost_seen)
		dev->lost += link->rx_missed - dev->lost_seen;
	dev->lost_seen = link->rx_missed;
}

/* Sockets drop what workers do not fetch in time; reading the count sets it back. */
static uint64_t
socket_losses(int fd)
{
	struct tpacket_stats stats;
	socklen_t len = sizeof(stats);

	return getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len) == 0 ? stats.tp_drops :
										  0;
}

static void
count_socket_losses(struct netdev *dev)
{
	for (uint16_t q = 0; q < dev->conn->n_queues; q++)
		dev->lost += socket_losses(dev->conn->queues[q].fd);
}

void
port_netdev_stats(struct port *port, struct port_stats *sum)
{
	struct netdev *dev = port->priv;
	struct netlink_link link;

	if (dev->conn != NULL) {
		count_socket_losses(dev);
		if (netlink_link_get(dev->sw->netlink, dev->name, &link) == 0 &&
		    link.ifindex == dev->conn->ifindex)
			count_losses(dev, &link);
	}
	sum->rx_packets += dev->lost;
	sum->drops[DROP_RX_ERROR] += dev->lost;
	vnet_fault_stats(&dev->faults, sum);
}

/* Tell the switch how the link is. */
static void
report_link(struct netdev *dev, const struct netlink_link *link)
{
	char reason[96] = "";

	if (!(link->flags & IFF_UP))
		snprintf(reason, sizeof(reason), "interface %s is down; \"ip link set %s up\"",
			 link->name, link->name);
	else if (!(link->flags & IFF_RUNNING))
		snprintf(reason, sizeof(reason), "interface %s has no carrier", link->name);
	switch_port_status(dev->sw, dev->port, reason[0] == '\0', reason);
}

static void
take_settings(struct netdev *dev, const struct netlink_link *link)
{
	memcpy(dev->port->mac, link->mac, sizeof(dev->port->mac));
	if (link->mtu != dev->port->mtu)
		port_mtu_set(dev->port, RTE_MIN(RTE_MAX(link->mtu, PORT_MTU_MIN), PORT_MTU_MAX));
}

/* The host's addresses on a NIC stop working when the switch takes it: say so. */
static void
warn_address(const char *name)
{
	struct ifaddrs *all, *a;

	if (getifaddrs(&all) < 0)
		return;
	for (a = all; a != NULL; a = a->ifa_next) {
		const struct sockaddr_in6 *in6 = (const void *)a->ifa_addr;

		if (a->ifa_addr == NULL || strcmp(a->ifa_name, name) != 0)
			continue;
		if (a->ifa_addr->sa_family != AF_INET &&
		    (a->ifa_addr->sa_family != AF_INET6 || IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr)))
			continue;
		log_line(LOG_WARNING,
			 "port %s: interface %s carries an IP address, which the host cannot use "
			 "while the switch has the interface; move it to a tap port of the bridge",
			 name, name);
		break;
	}
	freeifaddrs(all);
}

static int
check_link(const struct netlink_link *link, struct error *err)
{
	char master[IFNAMSIZ] = "?";

	if ((link->flags & IFF_LOOPBACK) || link->type != ARPHRD_ETHER)
		return error_set(err, EINVAL, "port %s: interface %s is not an Ethernet interface",
				 link->name, link->name);
	if (link->master != 0) {
		if_indextoname(link->master, master);
		return error_set(err, EBUSY,
				 "port %s: interface %s belongs to %s; \"ip link set %s nomaster\" "
				 "frees it",
				 link->name, link->name, master, link->name);
	}
	return 0;
}

/* Set the interface up and open sockets on it. @link: as it is; is read again. */
static int
netdev_attach(struct netdev *dev, struct netlink_link *link, struct error *err)
{
	struct netdev_conn *conn;
	int ret;

	ret = check_link(link, err);
	if (ret < 0)
		return ret;
	if (dev->mtu != 0) {
		ret = link_change_mtu(&dev->change, dev->sw->netlink, link, dev->mtu);
		if (ret < 0)
			return error_set(err, ret, "port %s: mtu %u: interface %s refuses it: %s",
					 dev->name, dev->mtu, dev->name, strerror(-ret));
	}
	ret = link_change_up(&dev->change, dev->sw->netlink, link);
	if (ret < 0)
		return error_set(err, ret, "port %s: cannot set interface %s up: %s", dev->name,
				 dev->name, strerror(-ret));
	conn = netdev_conn_create(link, dev->port->n_rxq, err);
	if (conn == NULL)
		return err != NULL ? err->code : -EIO;
	ingress_guard_set(&dev->guard, dev->sw->netlink, link);
	dev->lost_seen = link->rx_missed;
	__atomic_store_n(&dev->conn, conn, __ATOMIC_RELEASE);
	if (netlink_link_get(dev->sw->netlink, dev->name, link) == 0)
		take_settings(dev, link);
	return 0;
}

static void
watch_queues(struct netdev *dev)
{
	for (uint16_t q = 0; q < dev->conn->n_queues; q++)
		if (worker_watch(dev->sw->dp->workers[dev->port->rxq[q].worker],
				 dev->conn->queues[q].fd, RXQ_COOKIE(dev->port->id, q)) < 0)
			log_line(LOG_ERR, "port %s: cannot wait for its packets", dev->name);
}

/* The interface is gone: workers must not touch its sockets any more. */
static void
netdev_detach(struct netdev *dev)
{
	struct netdev_conn *conn = dev->conn;

	count_socket_losses(dev);
	for (uint16_t q = 0; q < conn->n_queues; q++)
		worker_unwatch(dev->sw->dp->workers[dev->port->rxq[q].worker], conn->queues[q].fd);
	__atomic_store_n(&dev->conn, NULL, __ATOMIC_RELEASE);
	rcu_retire(dev->sw->rcu, netdev_conn_free, conn);
	/* if it was only renamed */
	ingress_guard_clear(&dev->guard, dev->sw->netlink);
	link_change_undo(&dev->change, dev->sw->netlink);
}

static void
netdev_gone(struct netdev *dev)
{
	char reason[64];

	if (dev->conn != NULL)
		netdev_detach(dev);
	snprintf(reason, sizeof(reason), "interface %s is gone", dev->name);
	switch_port_status(dev->sw, dev->port, false, reason);
}

/* The monitor says: there is such an interface now, it changed, or it is gone. */
static void
netdev_changed(void *arg, const struct netlink_link *now)
{
	struct netdev *dev = arg;
	struct netlink_link link;
	struct error err = { 0 };

	if (datapath_port(dev->sw->dp, dev->port->id) != dev->port)
		return; /* is being closed */
	if (now == NULL) {
		netdev_gone(dev);
		return;
	}
	link = *now;
	if (dev->conn != NULL && dev->conn->ifindex != link.ifindex)
		netdev_detach(dev);
	if (dev->conn == NULL) {
		if (netdev_attach(dev, &link, &err) < 0) {
			switch_port_status(dev->sw, dev->port, false, err.msg);
			return;
		}
		watch_queues(dev);
		log_line(LOG_NOTICE, "port %s: interface %s is here", dev->name, dev->name);
	}
	link_change_seen(&dev->change, &link);
	count_losses(dev, &link);
	take_settings(dev, &link);
	report_link(dev, &link);
}

static void
netdev_close(struct port *port)
{
	struct netdev *dev = port->priv;

	if (dev == NULL)
		return;
	netlink_watch_del(dev->watch);
	ingress_guard_clear(&dev->guard, dev->sw->netlink);
	if (dev->conn != NULL)
		netdev_conn_free(dev->conn);
	if (switch_gives_back(dev->sw))
		link_change_undo(&dev->change, dev->sw->netlink);
	free(dev);
	port->priv = NULL;
}

static struct netdev *
netdev_create(struct port *port, const struct port_config *config)
{
	struct netdev *dev = calloc(1, sizeof(*dev));

	if (dev == NULL)
		return NULL;
	dev->port = port;
	dev->sw = config->sw;
	dev->mtu = config->mtu;
	snprintf(dev->name, sizeof(dev->name), "%s", config->name);
	port->priv = dev;
	port->n_rxq = RTE_MAX(1, RTE_MIN(config->n_queues, PORT_QUEUES_MAX));
	/* sending on one socket from many threads is the kernel's business: no lock needed here */
	port->n_txq = RTE_MIN(config->sw->dp->n_workers, PORT_QUEUES_MAX);
	port->caps =
		PORT_CAP_CSUM_IPV4 | PORT_CAP_CSUM_IPV6 | PORT_CAP_TSO_IPV4 | PORT_CAP_TSO_IPV6 |
		PORT_CAP_TAGGED;
	return dev;
}

/* There is no such interface yet; netdev_changed() goes on when it comes. */
static void
netdev_await(struct netdev *dev)
{
	char reason[64];

	snprintf(reason, sizeof(reason), "there is no interface %s", dev->name);
	log_line(LOG_WARNING, "port %s: %s; it is waited for", dev->name, reason);
	switch_port_status(dev->sw, dev->port, false, reason);
}

static int
netdev_open(struct port *port, const struct port_config *config, struct error *err)
{
	struct netlink_link link;
	struct netdev *dev;
	bool is_here;
	int ret;

	ret = netlink_link_get(config->sw->netlink, config->name, &link);
	is_here = ret == 0;
	if (!is_here && !(ret == -ENODEV && config->may_wait))
		return error_set(err, ret,
				 "port %s: there is no interface %s here; see \"ip link\"",
				 config->name, config->name);
	dev = netdev_create(port, config);
	if (dev == NULL)
		return error_set(err, ENOMEM, "port %s: no memory", config->name);
	if (is_here && (ret = netdev_attach(dev, &link, err)) < 0)
		goto err;
	dev->watch = netlink_watch_add(dev->sw->netlink, dev->name, netdev_changed, dev);
	if (dev->watch == NULL) {
		ret = error_set(err, ENOMEM, "port %s: no memory", config->name);
		goto err;
	}
	if (!is_here) {
		netdev_await(dev);
		return 0;
	}
	warn_address(dev->name);
	report_link(dev, &link);
	return 0;
err:
	netdev_close(port);
	return ret;
}

static int
netdev_set_mtu(struct port *port, uint32_t mtu, struct error *err)
{
	struct netdev *dev = port->priv;
	struct netlink_link link;
	int ret;

	if (dev->conn != NULL) {
		ret = netlink_link_get_index(dev->sw->netlink, dev->conn->ifindex, &link);
		if (ret == 0)
			ret = link_change_mtu(&dev->change, dev->sw->netlink, &link, mtu);
		if (ret < 0)
			return error_set(err, ret, "port %s: mtu %u: interface %s refuses it: %s",
					 dev->name, mtu, dev->name, strerror(-ret));
	}
	dev->mtu = mtu;
	return 0;
}

static int
netdev_rx_fd(struct port *port, uint16_t queue)
{
	const struct netdev *dev = port->priv;

	return dev->conn != NULL ? dev->conn->queues[queue].fd : -1;
}

/* --- workers --- */

static void
rx_prepare(struct worker *worker, struct netdev_rx *rx, struct rte_mbuf **pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		vnet_rx_iov(worker, i, &rx->hdrs[i], pkts[i], rx->iov[i]);
		rx->msgs[i] = (struct mmsghdr){ .msg_hdr = {
							.msg_iov = rx->iov[i],
							.msg_iovlen = VNET_RX_IOV,
							.msg_control = &rx->control[i],
							.msg_controllen = sizeof(rx->control[i]),
						} };
	}
}

/* Put back the tag that the kernel took out of the frame. Return its length, or 0. */
static uint16_t
restore_tag(struct rte_mbuf *pkt, struct msghdr *msg)
{
	struct cmsghdr *control = CMSG_FIRSTHDR(msg);
	struct tpacket_auxdata aux;
	uint16_t tag[2];
	uint8_t *frame;

	if (control == NULL || control->cmsg_level != SOL_PACKET ||
	    control->cmsg_type != PACKET_AUXDATA || control->cmsg_len < CMSG_LEN(sizeof(aux)))
		return 0;
	memcpy(&aux, CMSG_DATA(control), sizeof(aux));
	if (!(aux.tp_status & TP_STATUS_VLAN_VALID))
		return 0;
	tag[0] = htons(aux.tp_status & TP_STATUS_VLAN_TPID_VALID ? aux.tp_vlan_tpid :
								   VLAN_TPID_DEFAULT);
	tag[1] = htons(aux.tp_vlan_tci);
	frame = (uint8_t *)rte_pktmbuf_prepend(pkt, VLAN_TAG_LEN);
	if (frame == NULL)
		return 0;
	memmove(frame, frame + VLAN_TAG_LEN, MAC_PAIR_LEN);
	memcpy(frame + MAC_PAIR_LEN, tag, sizeof(tag));
	return VLAN_TAG_LEN;
}

/* Make a canonical packet of message @i. Return 0 or the negative reason that it is dropped for. */
static int
rx_packet(struct worker *worker, struct netdev_rx *rx, uint16_t i, struct rte_mbuf *pkt)
{
	const uint32_t len = rx->msgs[i].msg_len;
	uint16_t tag_len;

	if ((rx->msgs[i].msg_hdr.msg_flags & MSG_TRUNC) ||
	    len < sizeof(struct virtio_net_hdr) + ETH_HLEN)
		return -DROP_RX_ERROR;
	if (vnet_rx_finish(worker, i, pkt, len - sizeof(struct virtio_net_hdr)) < 0)
		return -DROP_NO_BUFFER;
	tag_len = restore_tag(pkt, &rx->msgs[i].msg_hdr);
	if (vnet_hdr_read(pkt, &rx->hdrs[i], tag_len) < 0)
		return -DROP_RX_ERROR;
	return 0;
}

/* Once a second while packets come: the kernel's count is of 32 bits. */
static void
rx_count_losses(struct worker *worker, struct port *port, struct netdev_queue *queue)
{
	uint64_t lost;

	if (likely(queue->stats_read == worker->now))
		return;
	queue->stats_read = worker->now;
	lost = socket_losses(queue->fd);
	if (lost > 0)
		port_rx_drop(worker, port, DROP_RX_ERROR, lost);
}

static uint16_t
netdev_rx_burst(struct worker *worker, struct port *port, uint16_t q, struct rte_mbuf **pkts,
		uint16_t n)
{
	struct netdev *dev = port->priv;
	struct netdev_conn *conn = __atomic_load_n(&dev->conn, __ATOMIC_ACQUIRE);
	struct netdev_queue *queue;
	struct netdev_rx rx;
	uint16_t had, kept = 0;
	bool big = false;
	int got;

	if (unlikely(conn == NULL))
		return 0;
	queue = &conn->queues[q];
	had = vnet_pace_next(&queue->pace, RTE_MIN(n, PORT_BURST_MAX));
	had = vnet_rx_alloc(worker, pkts, had);
	if (unlikely(had == 0)) {
		vnet_rx_discard(worker, port, queue->fd);
		rx_count_losses(worker, port, queue);
		return 0;
	}
	rx_prepare(worker, &rx, pkts, had);
	got = recvmmsg(queue->fd, rx.msgs, had, MSG_DONTWAIT, NULL);
	if (got < 0) {
		/* a packet that no virtio_net_hdr can describe (EINVAL) is lost; the rest is no
		 * loss */
		if (errno == EINVAL)
			port_rx_drop(worker, port, DROP_RX_ERROR, 1);
		got = 0;
	}
	for (int i = 0; i < got; i++) {
		struct rte_mbuf *pkt = pkts[i];
		int ret = rx_packet(worker, &rx, i, pkt);

		big |= pkt->nb_segs > 1;
		if (likely(ret == 0)) {
			pkts[kept++] = pkt;
			continue;
		}
		port_rx_drop(worker, port, -ret, 1);
		rte_pktmbuf_free(pkt);
	}
	if (got < had)
		rte_pktmbuf_free_bulk(&pkts[got], had - got);
	vnet_pace_learn(&queue->pace, had, got, big);
	rx_count_losses(worker, port, queue);
	return kept;
}

/* Send what fits one sendmmsg() of pkts[0..n). Return how many were sent, or -errno. */
static int
tx_some(int fd, struct rte_mbuf **pkts, uint16_t n)
{
	struct virtio_net_hdr hdrs[PORT_BURST_MAX];
	struct mmsghdr msgs[PORT_BURST_MAX];
	struct iovec iov[TX_IOV_MAX];
	uint16_t used = 0, i, entries;
	int sent;

	for (i = 0; i < RTE_MIN(n, PORT_BURST_MAX); i++) {
		entries = vnet_tx_iov(pkts[i], &hdrs[i], &iov[used], TX_IOV_MAX - used);
		if (entries == 0)
			break;
		msgs[i] = (struct mmsghdr){ .msg_hdr = {
						    .msg_iov = &iov[used],
						    .msg_iovlen = entries,
					    } };
		used += entries;
	}
	if (i == 0)
		return -E2BIG;
	sent = sendmmsg(fd, msgs, i, MSG_DONTWAIT);
	return sent < 0 ? -errno : sent;
}

static uint16_t
netdev_tx_burst(struct worker *worker, struct port *port, uint16_t q, struct rte_mbuf **pkts,
		uint16_t n)
{
	struct netdev *dev = port->priv;
	struct netdev_conn *conn = __atomic_load_n(&dev->conn, __ATOMIC_ACQUIRE);
	uint16_t sent = 0;
	int ret, fd;

	if (unlikely(conn == NULL))
		return 0;
	fd = conn->queues[q % conn->n_queues].fd;
	while (sent < n) {
		ret = tx_some(fd, &pkts[sent], n - sent);
		if (ret > 0)
			sent += ret;
		else if (ret < 0 && vnet_fault_count(&dev->faults, -ret))
			vnet_tx_skip(pkts, sent, n--);
		else
			break;
	}
	rte_pktmbuf_free_bulk(pkts, sent);
	return sent;
}

const struct port_type port_type_netdev = {
	.name = "netdev",
	.wait = PORT_WAIT_FD,
	.open = netdev_open,
	.close = netdev_close,
	.set_mtu = netdev_set_mtu,
	.rx_burst = netdev_rx_burst,
	.tx_burst = netdev_tx_burst,
	.rx_fd = netdev_rx_fd,
};
