/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * netdev: a kernel interface by name, over AF_XDP or AF_PACKET sockets.
 *
 * AF_XDP (xdp_device.h) costs fewer cycles per packet, above all where the NIC works on the
 * sockets' memory (zero-copy): so a port takes it by itself there, and only there. It has no
 * offloads and takes frames of one piece. AF_PACKET (packet_socket.h) works on every interface, and
 * with checksums and segments left to do, as virtual interfaces have them; several queues share the
 * traffic by flow. "xdp = on" asks for AF_XDP in the best mode that the driver has, "off" forbids
 * it. An interface whose MTU becomes too large for AF_XDP goes on with AF_PACKET, and back; one
 * whose number of queues is changed ("ethtool -L", of which the kernel tells nobody in particular:
 * it is looked at once a second) starts anew, since frames of a queue without a socket are lost.
 *
 * What the switch receives the host's own stack does not: under AF_XDP since the program takes all
 * frames, under AF_PACKET by a filter (ingress.h). The filter is there in both cases, so that there
 * is no gap when one takes over from the other, or when the daemon crashes. After a crash the
 * kernel takes the XDP program off, and the next vswitchd finds the interface as after AF_PACKET;
 * "tc qdisc del dev NAME clsact" gives it to the host instead.
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
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "carrier.h"
#include "claim.h"
#include "emulated.h"
#include "error.h"
#include "ethtool.h"
#include "ingress.h"
#include "ip_move.h"
#include "link_change.h"
#include "log.h"
#include "netlink.h"
#include "packet_socket.h"
#include "port_types.h"
#include "schema.h"
#include "switch.h"
#include "unknown.h"
#include "words.h"
#include "xdp_device.h"
#include "xdp_socket.h"

/* IFF_LOWER_UP: carrier. Its header does not go with <net/if.h>. */
#define LINK_LOWER_UP (1u << 16)

struct netdev_conn {
	struct netdev *dev;
	int ifindex;
	uint32_t mtu;           /* control: of the interface, when AF_XDP was chosen or not; 0: it
				 * is to be considered again as soon as it can be */
	uint16_t nic_queues;    /* control: the NIC's, then; 0: they are not known, or no matter */
	uint16_t n_queues;      /* packet sockets; 0: AF_XDP */
	struct xdp_device *xdp; /* or NULL */
	struct packet_socket queues[PORT_QUEUES_MAX];
	struct rcu_item retired; /* control */
};

struct netdev {
	struct netdev_conn *conn; /* control: rw (release), worker: ro (acquire); NULL: is gone */
	uint32_t n_retired;       /* connections whose XDP sockets, one per queue, may be in use */
	struct port *port;
	struct vswitch *sw;
	struct netlink_watch *watch;
	struct carrier_entry *carrier; /* is looked at closely; or NULL */
	struct event *check;           /* of the NIC's queues; NULL: it never has AF_XDP */
	int claim;                     /* of the interface that it has; -1: none */
	struct ingress_guard guard;
	struct link_change change;
	uint64_t lost;            /* packets that the NIC had no room for */
	uint64_t lost_seen;       /* the interface's own count, as read last */
	uint32_t mtu;             /* asked for, each time it comes back; 0: the interface's own */
	enum xdp_word xdp;        /* asked for */
	uint16_t n_packet_queues; /* asked for */
	char mode[128];           /* what it uses and why, or empty */
	char name[IFNAMSIZ];
};

/* --- control: the connection --- */

static void
netdev_conn_free(void *arg)
{
	struct netdev_conn *conn = arg;

	for (uint16_t q = 0; q < conn->n_queues; q++)
		packet_socket_close(&conn->queues[q]);
	xdp_device_close(conn->xdp);
	free(conn);
}

static void netdev_consider(struct netdev *dev);

/* A connection that workers have seen. */
static void
netdev_conn_retired(void *arg)
{
	struct netdev_conn *conn = arg;
	struct netdev *dev = conn->dev;
	const bool had_xdp = conn->xdp != NULL;

	netdev_conn_free(conn);
	if (had_xdp && --dev->n_retired == 0)
		netdev_consider(dev);
}

static int
open_packet_sockets(struct netdev_conn *conn, uint16_t n, struct error *err)
{
	int ret;

	for (uint16_t q = 0; q < n; q++) {
		ret = packet_socket_open(&conn->queues[q], conn->ifindex,
					 n > 1 ? &conn->queues[0] : NULL);
		if (ret < 0)
			return error_set(err, ret, "port %s: no packet socket on interface %s: %s",
					 conn->dev->name, conn->dev->name, strerror(-ret));
		conn->n_queues++;
	}
	return 0;
}

/* Virtual interfaces have no zero-copy, and frames whose checksums wait for somebody, too. */
static bool
may_have_xdp(enum xdp_word xdp, const struct netlink_link *link)
{
	return xdp == XDP_ON || (xdp == XDP_AUTO && link->kind[0] == '\0');
}

/* Open AF_XDP as far as it is wanted, and say in dev->mode what came of it. */
static struct xdp_device *
try_xdp(struct netdev *dev, const struct netlink_link *link)
{
	char reason[XDP_REASON_SIZE] = "xdp is off";
	struct xdp_device *xdp = NULL;

	if (dev->n_retired > 0)
		rcu_poll(dev->sw->rcu);
	if (may_have_xdp(dev->xdp, link) && dev->n_retired > 0) {
		snprintf(reason, sizeof(reason), "its XDP sockets are still in use");
	} else if (may_have_xdp(dev->xdp, link)) {
		xdp = xdp_device_open(link, dev->xdp == XDP_ON ? XSK_GENERIC : XSK_ZERO_COPY,
				      dev->port->n_rxq, reason);
	} else if (dev->xdp == XDP_AUTO) {
		snprintf(reason, sizeof(reason), "%s has no zero-copy", link->kind);
	}
	if (xdp != NULL)
		snprintf(dev->mode, sizeof(dev->mode), "%s", xdp_device_mode_name(xdp));
	else
		snprintf(dev->mode, sizeof(dev->mode), "af_packet: %s", reason);
	return xdp;
}

/* What it was chosen by: AF_XDP, or not. */
static void
note_choice(struct netdev_conn *conn, const struct netlink_link *link)
{
	uint16_t n_rxq = 0, n_txq;

	/* netdev_conn_retired() comes back to it */
	conn->mtu = conn->xdp == NULL && conn->dev->n_retired > 0 ? 0 : link->mtu;
	if (may_have_xdp(conn->dev->xdp, link))
		ethtool_queues(link->name, &n_rxq, &n_txq);
	conn->nic_queues = n_rxq;
}

/* @xdp: becomes the connection's; NULL: AF_PACKET. */
static struct netdev_conn *
netdev_conn_create(struct netdev *dev, const struct netlink_link *link, struct xdp_device *xdp,
		   struct error *err)
{
	struct netdev_conn *conn = NULL;

	if (posix_memalign((void **)&conn, RTE_CACHE_LINE_SIZE, sizeof(*conn)) != 0) {
		xdp_device_close(xdp);
		error_set(err, ENOMEM, "port %s: no memory", dev->name);
		return NULL;
	}
	memset(conn, 0, sizeof(*conn));
	conn->dev = dev;
	conn->ifindex = link->ifindex;
	conn->xdp = xdp;
	note_choice(conn, link);
	if (xdp != NULL || open_packet_sockets(conn, dev->n_packet_queues, err) == 0)
		return conn;
	netdev_conn_free(conn);
	return NULL;
}

/* The fd of a queue, or -1. */
static int
netdev_conn_fd(const struct netdev_conn *conn, uint16_t queue)
{
	if (conn->xdp != NULL)
		return queue < conn->xdp->n_queues ? xdp_socket_fd(conn->xdp->sockets[queue]) : -1;
	return queue < conn->n_queues ? conn->queues[queue].fd : -1;
}

/* Has the NIC other queues than it had? */
static bool
netdev_conn_outgrown(const struct netdev_conn *conn)
{
	uint16_t n_rxq, n_txq;

	return conn->nic_queues != 0 && ethtool_queues(conn->dev->name, &n_rxq, &n_txq) == 0 &&
	       n_rxq != conn->nic_queues;
}

/* May it stay when the interface is like @link, or is AF_XDP's part to be considered again? */
static bool
netdev_conn_fits(const struct netdev_conn *conn, const struct netlink_link *link)
{
	if (netdev_conn_outgrown(conn))
		return false;
	if (conn->xdp != NULL)
		return xdp_device_fits(conn->xdp, link->mtu);
	return link->mtu == conn->mtu || !may_have_xdp(conn->dev->xdp, link);
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

/* Sockets drop what workers do not fetch in time. */
static void
count_socket_losses(struct netdev *dev)
{
	if (dev->conn->xdp != NULL)
		dev->lost += xdp_device_losses(dev->conn->xdp);
	for (uint16_t q = 0; q < dev->conn->n_queues; q++)
		dev->lost += packet_socket_losses(&dev->conn->queues[q]);
}

void
port_netdev_stats(struct port *port, struct port_stats *sum)
{
	struct netdev *dev = port->priv;
	struct netlink_link link;

	if (dev->conn != NULL) {
		count_socket_losses(dev);
		if (netlink_link_losses(dev->sw->netlink, dev->conn->ifindex, &link) == 0)
			count_losses(dev, &link);
	}
	sum->rx_packets += dev->lost;
	sum->drops[DROP_RX_ERROR] += dev->lost;
}

/* Tell the switch how the link is. */
static void
report_link(struct netdev *dev, const struct netlink_link *link)
{
	char reason[96] = "";

	if (!(link->flags & IFF_UP))
		snprintf(reason, sizeof(reason), "interface %s is down; \"ip link set %s up\"",
			 link->name, link->name);
	else if (!(link->flags & IFF_RUNNING) || !(link->flags & LINK_LOWER_UP))
		snprintf(reason, sizeof(reason), "interface %s has no carrier", link->name);
	if (dev->carrier != NULL)
		carrier_watch_up(dev->carrier, reason[0] == '\0');
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
warn_address(struct netlink_monitor *nl, const struct netlink_link *link)
{
	const struct ip_place place = { .ifindex = link->ifindex };
	char text[IP_MESSAGE_ADDR_SIZE];

	if (ip_move_addr(nl, &place, text, sizeof(text)) != NULL)
		log_line(LOG_WARNING,
			 "port %s: interface %s carries an IP address, %s, which the host cannot "
			 "use while the switch has the interface; \"vsctl bridge adopt\" would "
			 "have moved it",
			 link->name, link->name, text);
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

static void
release_claim(struct netdev *dev)
{
	if (dev->claim >= 0)
		close(dev->claim);
	dev->claim = -1;
}

/* What the workers may make of packets for the port, and of packets from it. */
static void
take_mode(struct netdev *dev, bool xdp)
{
	switch_port_caps(dev->sw, dev->port, xdp ? 0 : PORT_CAPS_OFFLOAD | PORT_CAP_TAGGED);
	__atomic_store_n(&dev->port->wire, xdp, __ATOMIC_RELAXED);
}

/* Let workers use the interface. @xdp: as for netdev_conn_create(). */
static int
netdev_connect(struct netdev *dev, const struct netlink_link *link, struct xdp_device *xdp,
	       struct error *err)
{
	struct netdev_conn *conn = netdev_conn_create(dev, link, xdp, err);

	if (conn == NULL)
		return err != NULL ? err->code : -EIO;
	__atomic_store_n(&dev->conn, conn, __ATOMIC_RELEASE);
	take_mode(dev, xdp != NULL);
	return 0;
}

static void
watch_queues(struct netdev *dev)
{
	for (uint16_t q = 0; q < dev->port->n_rxq; q++) {
		int fd = netdev_conn_fd(dev->conn, q);

		if (fd >= 0 && worker_watch(dev->sw->dp->workers[dev->port->rxq[q].worker], fd,
					    RXQ_COOKIE(dev->port->id, q)) < 0)
			log_line(LOG_ERR, "port %s: cannot wait for its packets", dev->name);
	}
}

/* Workers must not touch the sockets any more. */
static void
netdev_disconnect(struct netdev *dev)
{
	struct netdev_conn *conn = dev->conn;

	count_socket_losses(dev);
	for (uint16_t q = 0; q < dev->port->n_rxq; q++) {
		int fd = netdev_conn_fd(conn, q);

		if (fd >= 0)
			worker_unwatch(dev->sw->dp->workers[dev->port->rxq[q].worker], fd);
	}
	/* packets that are queued from now on suit both kinds of sockets */
	take_mode(dev, true);
	__atomic_store_n(&dev->conn, NULL, __ATOMIC_RELEASE);
	if (conn->xdp != NULL) {
		xdp_device_detach(conn->xdp);
		dev->n_retired++;
	}
	rcu_retire(dev->sw->rcu, &conn->retired, netdev_conn_retired, conn);
}

/* Choose between AF_XDP and AF_PACKET anew; packet sockets that stay are left alone. */
static int
netdev_reconnect(struct netdev *dev, const struct netlink_link *link, struct error *err)
{
	struct xdp_device *xdp;
	int ret;

	if (dev->conn != NULL && dev->conn->xdp != NULL)
		netdev_disconnect(dev);
	xdp = try_xdp(dev, link);
	if (dev->conn != NULL && xdp == NULL) {
		note_choice(dev->conn, link);
		return 0;
	}
	if (dev->conn != NULL)
		netdev_disconnect(dev);
	ret = netdev_connect(dev, link, xdp, err);
	if (ret < 0)
		return ret;
	watch_queues(dev);
	log_line(LOG_NOTICE, "port %s: mtu %u, %s", dev->name, link->mtu, dev->mode);
	return 0;
}

/*
 * Set the interface up and open sockets on it. @link: as it is; is read again. @strict: "xdp = on"
 * means it. If that fails, the claim is still to be released.
 */
static int
netdev_attach(struct netdev *dev, struct netlink_link *link, bool strict, struct error *err)
{
	struct xdp_device *xdp;
	int ret;

	ret = check_link(link, err);
	if (ret < 0)
		return ret;
	ret = claim_interface(link, err);
	if (ret < 0)
		return ret;
	dev->claim = ret;
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
	dev->lost_seen = link->rx_missed;
	netlink_link_get_index(dev->sw->netlink, link->ifindex, link);
	xdp = try_xdp(dev, link);
	if (xdp == NULL && strict && dev->xdp == XDP_ON)
		return error_set(err, EOPNOTSUPP,
				 "port %s: xdp on: %s; with \"xdp auto\" it would use AF_PACKET",
				 dev->name, strchr(dev->mode, ':') + 2);
	ret = netdev_connect(dev, link, xdp, err);
	if (ret < 0)
		return ret;
	ingress_guard_set(&dev->guard, dev->sw->netlink, link);
	take_settings(dev, link);
	return 0;
}

/* The interface is gone, or cannot be used. */
static void
netdev_detach(struct netdev *dev)
{
	if (dev->conn != NULL)
		netdev_disconnect(dev);
	/* if it was only renamed */
	ingress_guard_clear(&dev->guard, dev->sw->netlink);
	link_change_undo(&dev->change, dev->sw->netlink);
	release_claim(dev);
}

static void
netdev_gone(struct netdev *dev)
{
	char reason[64];

	if (dev->conn != NULL)
		netdev_detach(dev);
	snprintf(reason, sizeof(reason), "interface %s is gone", dev->name);
	switch_port_status(dev->sw, dev->port, false, reason);
	emulated_gone(dev->sw, switch_port_of(dev->sw, dev->port));
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
		if (netdev_attach(dev, &link, false, &err) < 0) {
			release_claim(dev);
			switch_port_status(dev->sw, dev->port, false, err.msg);
			return;
		}
		watch_queues(dev);
		log_line(LOG_NOTICE, "port %s: interface %s is here", dev->name, dev->name);
	} else if (!netdev_conn_fits(dev->conn, &link) && netdev_reconnect(dev, &link, &err) < 0) {
		netdev_detach(dev);
		switch_port_status(dev->sw, dev->port, false, err.msg);
		return;
	}
	link_change_seen(&dev->change, &link);
	count_losses(dev, &link);
	take_settings(dev, &link);
	report_link(dev, &link);
}

/* The driver says so, before netlink does. */
static void
netdev_carrier_lost(void *arg)
{
	struct netdev *dev = arg;
	char reason[64];

	carrier_watch_up(dev->carrier, false);
	if (dev->conn == NULL || datapath_port(dev->sw->dp, dev->port->id) != dev->port)
		return;
	snprintf(reason, sizeof(reason), "interface %s has no carrier", dev->name);
	switch_port_status(dev->sw, dev->port, false, reason);
}

void
port_netdev_watch(struct port *port, bool closely)
{
	struct netdev *dev = port->priv;
	struct vswitch *sw = dev->sw;

	if (!closely) {
		carrier_watch_del(dev->carrier);
		dev->carrier = NULL;
		return;
	}
	if (sw->carrier == NULL)
		sw->carrier = carrier_watch_create(sw->base);
	if (sw->carrier == NULL || dev->carrier != NULL)
		return; /* netlink will tell, too */
	dev->carrier = carrier_watch_add(sw->carrier, dev->name, netdev_carrier_lost, dev);
	if (dev->carrier != NULL)
		carrier_watch_up(dev->carrier, switch_port_of(sw, port)->link);
}

/* Look at the interface as if it had changed. */
static void
netdev_consider(struct netdev *dev)
{
	struct netlink_link link;

	if (dev->conn != NULL && netlink_link_get(dev->sw->netlink, dev->name, &link) == 0)
		netdev_changed(dev, &link);
}

static void
netdev_check(evutil_socket_t fd, short what, void *arg)
{
	struct netdev *dev = arg;

	if (dev->conn != NULL && netdev_conn_outgrown(dev->conn))
		netdev_consider(dev);
}

static int
netdev_check_start(struct netdev *dev)
{
	static const struct timeval second = { .tv_sec = 1 };

	dev->check = event_new(dev->sw->base, -1, EV_PERSIST, netdev_check, dev);
	return dev->check != NULL && event_add(dev->check, &second) == 0 ? 0 : -ENOMEM;
}

static void
netdev_close(struct port *port)
{
	struct netdev *dev = port->priv;

	if (dev == NULL)
		return;
	netlink_watch_del(dev->watch);
	carrier_watch_del(dev->carrier);
	if (dev->check != NULL)
		event_free(dev->check);
	ingress_guard_clear(&dev->guard, dev->sw->netlink);
	if (dev->conn != NULL)
		netdev_conn_free(dev->conn);
	if (switch_gives_back(dev->sw))
		link_change_undo(&dev->change, dev->sw->netlink);
	release_claim(dev);
	free(dev);
	port->priv = NULL;
}

/* @may_xdp: the interface may have use for AF_XDP. */
static struct netdev *
netdev_create(struct port *port, const struct port_config *config, bool may_xdp)
{
	struct netdev *dev = calloc(1, sizeof(*dev));

	if (dev == NULL)
		return NULL;
	dev->port = port;
	dev->sw = config->sw;
	dev->claim = -1;
	dev->mtu = config->mtu;
	snprintf(dev->name, sizeof(dev->name), "%s", config->name);
	port->priv = dev;
	dev->xdp = config->xdp;
	dev->n_packet_queues = RTE_MAX(1, RTE_MIN(config->n_queues, PORT_QUEUES_MAX));
	/* AF_XDP has those of the NIC, whatever NIC will have the name */
	port->n_rxq = may_xdp ? PORT_QUEUES_MAX : dev->n_packet_queues;
	/* sending on one socket from many threads is the kernel's business: no lock needed here */
	port->n_txq = RTE_MIN(config->sw->dp->n_workers, PORT_QUEUES_MAX);
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
	struct netlink_link link = { 0 };
	char hint[WORD_HINT_SIZE];
	struct netdev *dev;
	bool is_here, may_xdp;
	int ret;

	ret = netlink_link_get(config->sw->netlink, config->name, &link);
	is_here = ret == 0;
	if (!is_here && !(ret == -ENODEV && config->may_wait))
		return error_set(err, ret, "port %s: there is no interface %s here; %s",
				 config->name, config->name,
				 unknown_interface_hint(config->name, hint));
	may_xdp = may_have_xdp(config->xdp, &link);
	dev = netdev_create(port, config, may_xdp);
	if (dev == NULL)
		return error_set(err, ENOMEM, "port %s: no memory", config->name);
	if (is_here && (ret = netdev_attach(dev, &link, true, err)) < 0)
		goto err;
	dev->watch = netlink_watch_add(dev->sw->netlink, dev->name, netdev_changed, dev);
	if (dev->watch == NULL || (may_xdp && netdev_check_start(dev) < 0)) {
		ret = error_set(err, ENOMEM, "port %s: no memory", config->name);
		goto err;
	}
	if (!is_here) {
		netdev_await(dev);
		return 0;
	}
	if (config->adopt[0] == '\0')
		warn_address(dev->sw->netlink, &link);
	report_link(dev, &link);
	return 0;
err:
	netdev_close(port);
	return ret;
}

/* A driver may refuse an MTU that its XDP cannot have: so the sockets change over before. */
static int
change_mtu(struct netdev *dev, struct netlink_link *link, uint32_t mtu, struct error *err)
{
	struct netlink_link wanted = *link;
	int ret, connected;
	bool fits;

	wanted.mtu = mtu;
	fits = netdev_conn_fits(dev->conn, &wanted);
	if (!fits && dev->conn->xdp != NULL)
		netdev_disconnect(dev);
	ret = link_change_mtu(&dev->change, dev->sw->netlink, link, mtu);
	if (fits)
		return ret;
	netlink_link_get_index(dev->sw->netlink, link->ifindex, link);
	connected = netdev_reconnect(dev, link, err);
	if (connected < 0) {
		netdev_detach(dev);
		switch_port_status(dev->sw, dev->port, false, "its sockets are lost");
	}
	return ret < 0 ? ret : connected;
}

static int
netdev_set_mtu(struct port *port, uint32_t mtu, struct error *err)
{
	struct netdev *dev = port->priv;
	const bool back = mtu == 0;
	struct netlink_link link;
	uint32_t own = port->mtu;
	int ret;

	if (dev->conn != NULL) {
		ret = netlink_link_get_index(dev->sw->netlink, dev->conn->ifindex, &link);
		if (ret == 0)
			own = link_change_own_mtu(&dev->change, &link);
		mtu = back ? own : mtu;
		if (ret == 0)
			ret = change_mtu(dev, &link, mtu, err);
		if (ret < 0)
			return error_set(err, ret, "port %s: mtu %u: interface %s refuses it: %s",
					 dev->name, mtu, dev->name, strerror(-ret));
	}
	dev->mtu = back ? 0 : mtu;
	if (back)
		port_mtu_set(port, RTE_MIN(RTE_MAX(own, PORT_MTU_MIN), PORT_MTU_MAX));
	return 0;
}

static int
netdev_rx_fd(struct port *port, uint16_t queue)
{
	const struct netdev *dev = port->priv;

	return dev->conn != NULL ? netdev_conn_fd(dev->conn, queue) : -1;
}

void
port_netdev_unguard(struct port *port)
{
	struct netdev *dev = port->priv;

	ingress_guard_clear(&dev->guard, dev->sw->netlink);
}

const char *
port_netdev_mode(const struct port *port)
{
	const struct netdev *dev = port->priv;

	return dev->conn != NULL ? dev->mode : "";
}

/* --- workers --- */

static uint16_t
netdev_rx_burst(struct worker *worker, struct port *port, uint16_t q, struct rte_mbuf **pkts,
		uint16_t n)
{
	struct netdev *dev = port->priv;
	struct netdev_conn *conn = __atomic_load_n(&dev->conn, __ATOMIC_ACQUIRE);

	if (unlikely(conn == NULL))
		return 0;
	if (conn->xdp != NULL)
		return q < conn->xdp->n_queues ?
			       xdp_socket_rx(worker, port, conn->xdp->sockets[q], pkts, n) :
			       0;
	return q < conn->n_queues ? packet_socket_rx(worker, port, &conn->queues[q], pkts, n) : 0;
}

static uint16_t
netdev_tx_burst(struct worker *worker, struct port *port, uint16_t q, struct rte_mbuf **pkts,
		uint16_t n)
{
	struct netdev *dev = port->priv;
	struct netdev_conn *conn = __atomic_load_n(&dev->conn, __ATOMIC_ACQUIRE);

	if (unlikely(conn == NULL))
		return 0;
	if (conn->xdp != NULL)
		return xdp_socket_tx(worker, port, conn->xdp->sockets[q % conn->xdp->n_txq], pkts,
				     n);
	return packet_socket_tx(worker, port, &conn->queues[q % conn->n_queues], pkts, n);
}

static enum drop_reason
netdev_refuses(const struct port *port, const struct rte_mbuf *pkt)
{
	const struct netdev *dev = port->priv;
	const bool has_sockets = dev->conn != NULL && dev->conn->xdp == NULL;

	return has_sockets && packet_socket_refuses(port, pkt) ? DROP_MTU_EXCEEDED : DROP_REASONS;
}

const struct port_type port_type_netdev = {
	.name = "netdev",
	.wait = PORT_WAIT_FD,
	.closes_slowly = true,
	.open = netdev_open,
	.close = netdev_close,
	.set_mtu = netdev_set_mtu,
	.rx_burst = netdev_rx_burst,
	.tx_burst = netdev_tx_burst,
	.refuses = netdev_refuses,
	.rx_fd = netdev_rx_fd,
};
