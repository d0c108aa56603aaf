/* SPDX-License-Identifier: BSD-3-Clause */
#include "port_vhost.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/event.h>
#include <rte_log.h>
#include <rte_rcu_qsbr.h>
#include <rte_vhost.h>

#include "error.h"
#include "events.h"
#include "l4.h"
#include "log.h"
#include "offload.h"
#include "switch.h"

#define RUN_DIR_DEFAULT "/run/vswitch"
#define PATH_SIZE sizeof(((struct sockaddr_un *)0)->sun_path)
#define VHOST_BURST 32 /* rte_vhost moves no more in one call */
#define WAIT_USEC 20
#define SCTP_CSUM_OFFSET 8

/* Rings of queue pair q, named as the guest does: it receives on the even ones. */
#define RING_TO_GUEST(q) (2 * (q))
#define RING_FROM_GUEST(q) (2 * (q) + 1)

#define DRIVER_FLAGS                                                                               \
	(RTE_VHOST_USER_NET_COMPLIANT_OL_FLAGS | /* a packet of a hostile guest takes no more than \
						    one buffer */                                  \
	 RTE_VHOST_USER_EXTBUF_SUPPORT | RTE_VHOST_USER_LINEARBUF_SUPPORT)

/* Not offered: fragmentation of UDP, which cannot be passed on, and what nobody needs. */
#define FEATURES_OFF                                                      \
	(1ULL << VIRTIO_NET_F_HOST_UFO | 1ULL << VIRTIO_NET_F_GUEST_UFO | \
	 1ULL << VIRTIO_F_RING_PACKED | 1ULL << VIRTIO_F_IOMMU_PLATFORM)

/* The guest as the protocol's thread has it. registry_lock */
struct vhost_peer {
	int vid;                       /* DPDK's number of the connection; -1: none */
	bool ready;                    /* its driver has set up the rings */
	bool many;                     /* it uses more queues than there can be */
	uint32_t serial;               /* counts the times it became ready */
	uint32_t to_guest, from_guest; /* rings in use, a bit for each queue pair */
	uint64_t features;
	int kicks[PORT_QUEUES_MAX]; /* descriptors for the control thread to take; -1: none */
};

/* A descriptor that is closed after a grace period. */
struct vhost_kick {
	int fd;
	struct rcu_item retired;
};

struct vhost_queue {
	int kick;                 /* control: rw (atomic), worker: ro; -1: none */
	bool armed;               /* worker: the guest was asked to kick */
	struct vhost_kick *owned; /* control: whose fd is kick; or NULL */
} __rte_cache_aligned;

struct vhost {
	int vid;               /* what workers use; -1: none. Set by control, cleared by protocol */
	uint16_t n_from_guest; /* queue pairs to poll; control: rw, worker: ro */
	uint16_t n_to_guest;   /* queue pairs that the guest receives on; the same */
	struct vhost_queue queues[PORT_QUEUES_MAX];

	LIST_ENTRY(vhost) list; /* registry_lock */
	struct vhost_peer peer; /* registry_lock */
	bool closing;           /* registry_lock */
	uint32_t serial;        /* control: of the guest that is, or will be, published */
	int event_fd;           /* protocol -> control: peer has changed */
	struct event *event;
	struct rcu_item publish; /* control: vhost_caps_settled() is to come */
	bool publishing;
	struct port *port;
	struct vswitch *sw;
	struct rte_mempool *pool; /* that guests' packets are received into */
	bool registered;
	char name[SWITCH_NAME_SIZE];
	char path[PATH_SIZE];
};

/* rte_vhost's callbacks name a guest by its socket only. */
static LIST_HEAD(, vhost) registry = LIST_HEAD_INITIALIZER(registry);
static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;

/* --- the protocol's thread --- */

/* The port of a connection, with the lock held; or NULL, without. */
static struct vhost *
vhost_lock(int vid)
{
	struct vhost *vhost;
	char path[PATH_SIZE];

	if (rte_vhost_get_ifname(vid, path, sizeof(path)) < 0)
		return NULL;
	pthread_mutex_lock(&registry_lock);
	LIST_FOREACH(vhost, &registry, list)
		if (strcmp(vhost->path, path) == 0)
			return vhost;
	pthread_mutex_unlock(&registry_lock);
	return NULL;
}

static void
vhost_unlock(struct vhost *vhost)
{
	eventfd_write(vhost->event_fd, 1);
	pthread_mutex_unlock(&registry_lock);
}

static int
on_connect(int vid)
{
	struct vhost *vhost = vhost_lock(vid);
	int ret = -1;

	if (vhost == NULL)
		return -1;
	/* a port has one guest */
	if (vhost->peer.vid == -1 && !vhost->closing) {
		vhost->peer.vid = vid;
		vhost->peer.many = false;
		ret = 0;
	}
	vhost_unlock(vhost);
	return ret;
}

static void
on_disconnect(int vid)
{
	struct vhost *vhost = vhost_lock(vid);

	if (vhost == NULL)
		return;
	if (vhost->peer.vid == vid) {
		vhost->peer.vid = -1;
		vhost->peer.to_guest = vhost->peer.from_guest = 0;
	}
	vhost_unlock(vhost);
}

static int
on_ready(int vid)
{
	struct vhost *vhost = vhost_lock(vid);
	int ret = -1;

	if (vhost == NULL)
		return -1;
	if (vhost->peer.vid == vid) {
		ret = rte_vhost_get_negotiated_features(vid, &vhost->peer.features);
		vhost->peer.ready = ret == 0;
		vhost->peer.serial++;
	}
	vhost_unlock(vhost);
	return ret;
}

/* When this returns the guest's memory goes: no worker may be in the middle of it. */
static void
on_stop(int vid)
{
	struct vhost *vhost = vhost_lock(vid);
	struct rte_rcu_qsbr *qsbr;
	uint64_t token;

	if (vhost == NULL)
		return;
	if (vhost->peer.vid != vid) {
		vhost_unlock(vhost);
		return;
	}
	vhost->peer.ready = false;
	__atomic_store_n(&vhost->vid, -1, __ATOMIC_RELEASE);
	/* a port that is being closed has passed its grace period, and this is the control thread
	 */
	qsbr = vhost->closing ? NULL : vhost->sw->dp->qsbr;
	vhost_unlock(vhost);
	if (qsbr == NULL)
		return;
	/* bounded by the longest turn of a worker; those that sleep or have ended do not count */
	token = rte_rcu_qsbr_start(qsbr);
	while (rte_rcu_qsbr_check(qsbr, token, false) == 0)
		usleep(WAIT_USEC);
}

/* A descriptor of our own, since the guest's may be closed at its next message. */
static int
kick_copy(int vid, uint16_t ring)
{
	struct rte_vhost_vring vring;

	if (rte_vhost_get_vhost_vring(vid, ring, &vring) < 0 || vring.kickfd < 0)
		return -1;
	return fcntl(vring.kickfd, F_DUPFD_CLOEXEC, 0);
}

static int
on_ring(int vid, uint16_t ring, int enable)
{
	struct vhost *vhost = vhost_lock(vid);
	const uint16_t q = ring / 2;
	uint32_t *rings;

	if (vhost == NULL)
		return 0;
	if (vhost->peer.vid != vid) {
		vhost_unlock(vhost);
		return 0;
	}
	if (q >= PORT_QUEUES_MAX) {
		vhost->peer.many |= enable;
		vhost_unlock(vhost);
		return 0;
	}
	rings = ring == RING_TO_GUEST(q) ? &vhost->peer.to_guest : &vhost->peer.from_guest;
	if (enable)
		*rings |= 1u << q;
	else
		*rings &= ~(1u << q);
	if (enable && ring == RING_FROM_GUEST(q)) {
		if (vhost->peer.kicks[q] >= 0)
			close(vhost->peer.kicks[q]);
		vhost->peer.kicks[q] = kick_copy(vid, ring);
	}
	vhost_unlock(vhost);
	return 0;
}

static const struct rte_vhost_device_ops vhost_ops = {
	.new_connection = on_connect,
	.destroy_connection = on_disconnect,
	.new_device = on_ready,
	.destroy_device = on_stop,
	.vring_state_changed = on_ring,
};

/* --- control --- */

static void
kick_close(void *arg)
{
	struct vhost_kick *kick = arg;

	if (kick == NULL)
		return;
	close(kick->fd);
	free(kick);
}

static struct worker *
queue_worker(const struct vhost *vhost, uint16_t q)
{
	return vhost->sw->dp->workers[vhost->port->rxq[q].worker];
}

/* Take a queue's descriptor for kicks away from its worker. */
static void
kick_forget(struct vhost *vhost, uint16_t q)
{
	struct vhost_kick *kick = vhost->queues[q].owned;

	if (kick == NULL)
		return;
	worker_unwatch(queue_worker(vhost, q), kick->fd);
	__atomic_store_n(&vhost->queues[q].kick, -1, __ATOMIC_RELAXED);
	vhost->queues[q].owned = NULL;
	rcu_retire(vhost->sw->rcu, &kick->retired, kick_close, kick);
}

static void
kick_use(struct vhost *vhost, uint16_t q, int fd)
{
	struct vhost_kick *kick = malloc(sizeof(*kick));

	kick_forget(vhost, q);
	/* what cannot be waited for (a file) is none: the queue is polled */
	if (kick == NULL ||
	    worker_watch(queue_worker(vhost, q), fd, RXQ_COOKIE(vhost->port->id, q)) < 0) {
		close(fd);
		free(kick);
		return;
	}
	kick->fd = fd;
	vhost->queues[q].owned = kick;
	__atomic_store_n(&vhost->queues[q].kick, fd, __ATOMIC_RELAXED);
}

static uint32_t
caps_of(uint64_t features)
{
	uint32_t caps = 0;

	if (!(features & 1ULL << VIRTIO_NET_F_GUEST_CSUM))
		return 0;
	caps |= PORT_CAP_CSUM_IPV4 | PORT_CAP_CSUM_IPV6 | PORT_CAP_TAGGED;
	if (features & 1ULL << VIRTIO_NET_F_GUEST_TSO4)
		caps |= PORT_CAP_TSO_IPV4;
	if (features & 1ULL << VIRTIO_NET_F_GUEST_TSO6)
		caps |= PORT_CAP_TSO_IPV6;
	return caps;
}

/* Pairs from the first one on, without a gap: how many. */
static uint16_t
count_pairs(uint32_t rings)
{
	uint16_t n = 0;

	while (n < PORT_QUEUES_MAX && (rings & 1u << n))
		n++;
	return n;
}

/* Has its guest come, or gone? */
static void
vhost_tell(const struct vhost *vhost, bool connected)
{
	const struct switch_port *port = switch_port_of(vhost->sw, vhost->port);

	if (port->link == connected)
		return;
	if (connected)
		events_emit(vhost->sw->events, EVENT_CONNECT, port->config.name,
			    json_pack("{s:i}", "queues", (int)vhost->n_to_guest),
			    "its guest has connected, with %u queue%s", vhost->n_to_guest,
			    vhost->n_to_guest == 1 ? "" : "s");
	else
		events_emit(vhost->sw->events, EVENT_DISCONNECT, port->config.name, NULL,
			    "its guest has left");
}

/* @vid: what workers have. */
static void
vhost_report(struct vhost *vhost, const struct vhost_peer *peer, int vid)
{
	const char *reason = "";

	if (peer->vid < 0)
		reason = "no guest is connected to its socket";
	else if (peer->many)
		reason = "the guest uses more than 16 queues";
	else if (vid < 0 || vhost->n_to_guest == 0)
		reason = "the guest has not set up its interface";
	vhost_tell(vhost, reason[0] == '\0');
	switch_port_status(vhost->sw, vhost->port, reason[0] == '\0', reason);
}
static_assert(PORT_QUEUES_MAX == 16, "and a reason says so");

/* All workers have seen the port's caps: let them have the guest, if it is still the same. */
static void
vhost_publish(struct vhost *vhost)
{
	struct vhost_peer peer;
	int vid;

	if (datapath_port(vhost->sw->dp, vhost->port->id) != vhost->port)
		return; /* is being closed */
	pthread_mutex_lock(&registry_lock);
	peer = vhost->peer;
	if (peer.ready && peer.serial == vhost->serial)
		__atomic_store_n(&vhost->vid, peer.vid, __ATOMIC_RELEASE);
	vid = vhost->vid;
	pthread_mutex_unlock(&registry_lock);
	vhost_report(vhost, &peer, vid);
	for (uint16_t q = 0; q < vhost->n_from_guest; q++)
		worker_activate(queue_worker(vhost, q), RXQ_COOKIE(vhost->port->id, q));
}

static void
vhost_caps_settled(void *arg)
{
	struct vhost *vhost = arg;

	vhost->publishing = false;
	vhost_publish(vhost);
}

/* Take over what the protocol's thread has noted. */
static void
vhost_changed(evutil_socket_t fd, short what, void *arg)
{
	struct vhost *vhost = arg;
	struct vhost_peer peer;
	eventfd_t ignored;

	eventfd_read(vhost->event_fd, &ignored);
	if (datapath_port(vhost->sw->dp, vhost->port->id) != vhost->port)
		return; /* is being closed */
	pthread_mutex_lock(&registry_lock);
	peer = vhost->peer;
	for (uint16_t q = 0; q < PORT_QUEUES_MAX; q++)
		vhost->peer.kicks[q] = -1;
	pthread_mutex_unlock(&registry_lock);

	__atomic_store_n(&vhost->n_from_guest, count_pairs(peer.from_guest), __ATOMIC_RELAXED);
	__atomic_store_n(&vhost->n_to_guest, count_pairs(peer.to_guest), __ATOMIC_RELAXED);
	for (uint16_t q = 0; q < PORT_QUEUES_MAX; q++) {
		if (peer.kicks[q] >= 0)
			kick_use(vhost, q, peer.kicks[q]);
		else if (peer.vid < 0)
			kick_forget(vhost, q);
	}
	if (peer.ready && peer.serial != vhost->serial) {
		vhost->serial = peer.serial;
		switch_port_caps(vhost->sw, vhost->port, caps_of(peer.features));
		/* one that waits for the caps of before begins anew */
		if (vhost->publishing)
			rcu_cancel(vhost->sw->rcu, &vhost->publish);
		vhost->publishing = true;
		rcu_retire(vhost->sw->rcu, &vhost->publish, vhost_caps_settled, vhost);
	} else if (peer.ready) {
		/* queues may have come to a guest that is there already, or soon will be */
		if (!vhost->publishing)
			vhost_publish(vhost);
	} else {
		vhost_report(vhost, &peer, -1);
	}
}

/* Is this a socket that nobody listens on any more? Then it goes. */
static int
remove_stale(const struct vhost *vhost, struct error *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct stat st;
	int fd, ret;

	if (lstat(vhost->path, &st) < 0)
		return 0; /* what else is wrong with it, bind() will say */
	if (!S_ISSOCK(st.st_mode))
		return error_set(err, EEXIST, "port %s: path %s is there already, and is no socket",
				 vhost->name, vhost->path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_set(err, errno, "port %s: %s", vhost->name, strerror(errno));
	memcpy(addr.sun_path, vhost->path, sizeof(addr.sun_path));
	ret = connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ? -errno : 0;
	close(fd);
	if (ret != -ECONNREFUSED)
		return error_set(err, EADDRINUSE, "port %s: path %s is in use by another program",
				 vhost->name, vhost->path);
	unlink(vhost->path);
	return 0;
}

static int
choose_path(struct vhost *vhost, const struct port_config *config, struct error *err)
{
	const char *run_dir = config->sw->run_dir;
	const struct vhost *other;
	int len;

	if (config->path[0] != '\0')
		len = snprintf(vhost->path, sizeof(vhost->path), "%s", config->path);
	else
		len = snprintf(vhost->path, sizeof(vhost->path), "%s/%s.sock",
			       run_dir != NULL ? run_dir : RUN_DIR_DEFAULT, config->name);
	if ((size_t)len >= sizeof(vhost->path))
		return error_set(err, ENAMETOOLONG,
				 "port %s: path: a socket's has at most %zu bytes", config->name,
				 sizeof(vhost->path) - 1);
	/* only the control thread changes the registry */
	LIST_FOREACH(other, &registry, list)
		if (strcmp(other->path, vhost->path) == 0)
			return error_set(err, EADDRINUSE, "port %s: path %s is port %s's",
					 config->name, vhost->path, other->name);
	return remove_stale(vhost, err);
}

/* Listen on the socket. From here on callbacks may come. */
static int
vhost_listen(struct vhost *vhost, struct error *err)
{
	/* guests can cause lines about single packets, as many as they like */
	rte_log_set_level_pattern("lib.vhost.data", RTE_LOG_CRIT);
	pthread_mutex_lock(&registry_lock);
	LIST_INSERT_HEAD(&registry, vhost, list);
	pthread_mutex_unlock(&registry_lock);
	if (rte_vhost_driver_register(vhost->path, DRIVER_FLAGS) < 0)
		return error_set(err, ENOSPC, "port %s: DPDK takes no more vhost sockets",
				 vhost->name);
	vhost->registered = true;
	if (rte_vhost_driver_disable_features(vhost->path, FEATURES_OFF) < 0 ||
	    rte_vhost_driver_callback_register(vhost->path, &vhost_ops) < 0 ||
	    rte_vhost_driver_start(vhost->path) < 0)
		return error_set(err, EINVAL,
				 "port %s: cannot listen on %s; does its folder exist?",
				 vhost->name, vhost->path);
	/* as the control socket: for root, and a group that it may be given to */
	if (chmod(vhost->path, 0660) < 0)
		return error_set(err, errno, "port %s: path %s: %s", vhost->name, vhost->path,
				 strerror(errno));
	return 0;
}

static void
vhost_close(struct port *port)
{
	struct vhost *vhost = port->priv;

	if (vhost == NULL)
		return;
	pthread_mutex_lock(&registry_lock);
	vhost->closing = true;
	pthread_mutex_unlock(&registry_lock);
	/* ends the connection, removes the socket, and waits for callbacks under way */
	if (vhost->registered)
		rte_vhost_driver_unregister(vhost->path);
	pthread_mutex_lock(&registry_lock);
	LIST_REMOVE(vhost, list);
	pthread_mutex_unlock(&registry_lock);
	for (uint16_t q = 0; q < PORT_QUEUES_MAX; q++) {
		kick_forget(vhost, q);
		if (vhost->peer.kicks[q] >= 0)
			close(vhost->peer.kicks[q]);
	}
	if (vhost->event != NULL)
		event_free(vhost->event);
	close(vhost->event_fd);
	free(vhost);
	port->priv = NULL;
}

static struct vhost *
vhost_create(struct port *port, const struct port_config *config)
{
	struct vhost *vhost = NULL;

	if (posix_memalign((void **)&vhost, RTE_CACHE_LINE_SIZE, sizeof(*vhost)) != 0)
		return NULL;
	memset(vhost, 0, sizeof(*vhost));
	vhost->vid = vhost->peer.vid = -1;
	for (uint16_t q = 0; q < PORT_QUEUES_MAX; q++)
		vhost->queues[q].kick = vhost->peer.kicks[q] = -1;
	vhost->port = port;
	vhost->sw = config->sw;
	snprintf(vhost->name, sizeof(vhost->name), "%s", config->name);
	vhost->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (vhost->event_fd < 0) {
		free(vhost);
		return NULL;
	}
	return vhost;
}

static int
vhost_open(struct port *port, const struct port_config *config, struct error *err)
{
	struct vhost *vhost = vhost_create(port, config);
	int ret;

	if (vhost == NULL)
		return error_set(err, ENOMEM, "port %s: no memory", config->name);
	vhost->pool = switch_device_pool(config->sw, config->name, err);
	ret = vhost->pool != NULL ? choose_path(vhost, config, err) : -ENOMEM;
	if (ret < 0) {
		close(vhost->event_fd);
		free(vhost);
		return ret;
	}
	port->priv = vhost;
	/* the guest says how many queues it uses; those that it does not use cost nothing */
	port->n_rxq = PORT_QUEUES_MAX;
	/* rte_vhost has a lock for each ring */
	port->n_txq = RTE_MIN(config->sw->dp->n_workers, PORT_QUEUES_MAX);
	ret = vhost_listen(vhost, err);
	if (ret < 0)
		goto err;
	vhost->event = event_new(vhost->sw->base, vhost->event_fd, EV_READ | EV_PERSIST,
				 vhost_changed, vhost);
	if (vhost->event == NULL || event_add(vhost->event, NULL) < 0) {
		ret = error_set(err, ENOMEM, "port %s: no memory", config->name);
		goto err;
	}
	vhost_report(vhost, &vhost->peer, -1);
	return 0;
err:
	vhost_close(port);
	return ret;
}

void
port_vhost_info(const struct port *port, struct vhost_info *ret_info)
{
	const struct vhost *vhost = port->priv;

	ret_info->path = vhost->path;
	ret_info->n_queues = vhost->n_from_guest;
}

/* --- workers --- */

/* A guest's packet with something to it: bring it into canonical form. Return 0 or -EBADMSG. */
static int
rx_describe(struct rte_mbuf *pkt)
{
	const uint64_t flags = pkt->ol_flags;
	const uint16_t mss = pkt->tso_segsz;
	const uint32_t l3 = pkt->packet_type & RTE_PTYPE_L3_MASK;
	struct l4 l4;
	int ret;

	pkt->ol_flags &= RTE_MBUF_F_EXTERNAL | RTE_MBUF_F_INDIRECT;
	pkt->tx_offload = 0;
	pkt->packet_type = 0;
	if (pkt->data_len < RTE_ETHER_HDR_LEN)
		return -EBADMSG;
	if (flags & RTE_MBUF_F_RX_LRO)
		return offload_describe_gso(pkt, mss, RTE_ETH_IS_IPV6_HDR(l3));
	/* two bits, of which GOOD is one and NONE is both */
	if ((flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) != RTE_MBUF_F_RX_L4_CKSUM_NONE)
		return 0;
	ret = offload_describe(pkt);
	if (ret == -EPROTONOSUPPORT && l4_parse(pkt, &l4) == 0 && l4.proto == IPPROTO_SCTP)
		ret = offload_complete_at(pkt, l4.l2_len + l4.l3_len, SCTP_CSUM_OFFSET);
	return ret;
}

/* Look at what rte_vhost has received; most packets are canonical as they are. */
static uint16_t
rx_finish(struct worker *worker, struct port *port, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t kept = 0;
	bool special = false;

	for (uint16_t i = 0; i < n; i++)
		special |= pkts[i]->ol_flags != 0 || pkts[i]->data_len < RTE_ETHER_HDR_LEN;
	if (likely(!special))
		return n;
	for (uint16_t i = 0; i < n; i++) {
		if (rx_describe(pkts[i]) == 0) {
			pkts[kept++] = pkts[i];
			continue;
		}
		port_rx_drop(worker, port, DROP_RX_ERROR, 1);
		rte_pktmbuf_free(pkts[i]);
	}
	return kept;
}

static uint16_t
vhost_rx_burst(struct worker *worker, struct port *port, uint16_t q, struct rte_mbuf **pkts,
	       uint16_t n)
{
	struct vhost *vhost = port->priv;
	const int vid = __atomic_load_n(&vhost->vid, __ATOMIC_ACQUIRE);
	uint16_t got = 0, part;

	if (vid < 0 || q >= __atomic_load_n(&vhost->n_from_guest, __ATOMIC_RELAXED))
		return 0;
	if (vhost->queues[q].armed) {
		vhost->queues[q].armed = false;
		rte_vhost_enable_guest_notification(vid, RING_FROM_GUEST(q), 0);
	}
	do {
		part = rte_vhost_dequeue_burst(vid, RING_FROM_GUEST(q), vhost->pool, &pkts[got],
					       n - got);
		got += part;
	} while (part == VHOST_BURST && got < n);
	return rx_finish(worker, port, pkts, got);
}

/*
 * Empty the eventfd of a guest's kicks. It is the guest's side that says whether reading blocks, so
 * it is asked each time. Return: whether it can be waited for.
 */
static bool
kick_drain(int fd)
{
	eventfd_t count;
	struct iovec iov = { .iov_base = &count, .iov_len = sizeof(count) };

	return preadv2(fd, &iov, 1, -1, RWF_NOWAIT) > 0 || errno == EAGAIN;
}

static bool
vhost_rx_arm(struct worker *worker, struct port *port, uint16_t q)
{
	struct vhost *vhost = port->priv;
	const int vid = __atomic_load_n(&vhost->vid, __ATOMIC_ACQUIRE);
	int kick = __atomic_load_n(&vhost->queues[q].kick, __ATOMIC_RELAXED);

	/* nothing to wait for: the control thread activates the queue when it is there */
	if (vid < 0 || q >= __atomic_load_n(&vhost->n_from_guest, __ATOMIC_RELAXED))
		return false;
	if (kick < 0 || !kick_drain(kick))
		return true;
	vhost->queues[q].armed = true;
	rte_vhost_enable_guest_notification(vid, RING_FROM_GUEST(q), 1);
	rte_atomic_thread_fence(__ATOMIC_SEQ_CST);
	return rte_vhost_rx_queue_count(vid, RING_FROM_GUEST(q)) > 0;
}

/*
 * A packet as two pieces of itself, the first of which ends before the transport header. rte_vhost
 * would write a sum of the pseudo header into it, for a super-packet one without the length, which
 * is not virtio's; but not if the headers are apart. It only reads pieces, and keeps none.
 */
static struct rte_mbuf *
tx_view(const struct rte_mbuf *pkt, struct rte_mbuf view[2])
{
	const uint16_t len = pkt->l2_len + pkt->l3_len;

	view[0] = view[1] = *pkt;
	view[0].data_len = len;
	view[0].next = &view[1];
	view[0].nb_segs++;
	view[1].data_off += len;
	view[1].data_len -= len;
	return &view[0];
}

/* Up to VHOST_BURST packets, of which some have offloads. */
static uint16_t
tx_offloads(int vid, uint16_t ring, struct rte_mbuf **pkts, uint16_t n)
{
	struct rte_mbuf views[VHOST_BURST][2], *list[VHOST_BURST];

	for (uint16_t i = 0; i < n; i++)
		list[i] = pkts[i]->ol_flags & OFFLOAD_BLANK_MASK ? tx_view(pkts[i], views[i]) :
								   pkts[i];
	return rte_vhost_enqueue_burst(vid, ring, list, n);
}

static uint16_t
tx_part(int vid, uint16_t ring, struct rte_mbuf **pkts, uint16_t n)
{
	uint64_t flags = 0;

	for (uint16_t i = 0; i < n; i++)
		flags |= pkts[i]->ol_flags;
	if (flags & OFFLOAD_BLANK_MASK)
		return tx_offloads(vid, ring, pkts, n);
	return rte_vhost_enqueue_burst(vid, ring, pkts, n);
}

static uint16_t
vhost_tx_burst(struct worker *worker, struct port *port, uint16_t q, struct rte_mbuf **pkts,
	       uint16_t n)
{
	struct vhost *vhost = port->priv;
	const int vid = __atomic_load_n(&vhost->vid, __ATOMIC_ACQUIRE);
	const uint16_t n_queues = __atomic_load_n(&vhost->n_to_guest, __ATOMIC_RELAXED);
	uint16_t sent = 0, part;

	if (unlikely(vid < 0 || n_queues == 0))
		return 0;
	do {
		part = tx_part(vid, RING_TO_GUEST(q % n_queues), &pkts[sent],
			       RTE_MIN(n - sent, VHOST_BURST));
		sent += part;
	} while (part == VHOST_BURST && sent < n);
	rte_pktmbuf_free_bulk(pkts, sent);
	return sent;
}

const struct port_type port_type_vhost = {
	.name = "vhost",
	.wait = PORT_WAIT_EVENT,
	.open = vhost_open,
	.close = vhost_close,
	.rx_burst = vhost_rx_burst,
	.tx_burst = vhost_tx_burst,
	.rx_arm = vhost_rx_arm,
};
