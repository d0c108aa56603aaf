/* SPDX-License-Identifier: BSD-3-Clause */
#include "packet_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_common.h>

#include "vlan.h"

#define TX_IOV_MAX 512 /* pieces of the packets of one sendmmsg(): all of a usual burst */
#define VLAN_TAG_LEN 4
#define VLAN_TPID_DEFAULT 0x8100
#define MAC_PAIR_LEN 12         /* destination and source, in front of the tags */
#define SOCKET_BUFFER (8 << 20) /* bytes, each way; about a hundred super-packets */

/* What one recvmmsg() needs besides mbufs. */
struct packet_rx {
	struct mmsghdr msgs[PORT_BURST_MAX];
	struct iovec iov[PORT_BURST_MAX][VNET_RX_IOV];
	struct virtio_net_hdr hdrs[PORT_BURST_MAX];
	union {
		char space[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
		struct cmsghdr align;
	} control[PORT_BURST_MAX];
};

/* --- control --- */

static int
set_option(int fd, int option, int value)
{
	return setsockopt(fd, SOL_PACKET, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

static void
set_buffers(int fd)
{
	const int size = SOCKET_BUFFER;

	/* without CAP_NET_ADMIN over the host only up to net.core.*mem_max */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

static int
set_filter(int fd, struct sock_filter *filter, uint16_t len)
{
	const struct sock_fprog prog = { .len = len, .filter = filter };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) < 0 ? -errno : 0;
}

/* Take nothing yet: sockets of a fanout group are bound one after the other. */
static int
set_filter_closed(int fd)
{
	struct sock_filter none[] = { BPF_STMT(BPF_RET | BPF_K, 0) };

	return set_filter(fd, none, RTE_DIM(none));
}

/* What the host sends through the interface is not received (PACKET_IGNORE_OUTGOING does not reach
 * into fanout groups). */
static int
set_filter_open(int fd)
{
	struct sock_filter incoming[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};

	return set_filter(fd, incoming, RTE_DIM(incoming));
}

static int
set_promiscuous(int fd, int ifindex)
{
	const struct packet_mreq request = { .mr_ifindex = ifindex, .mr_type = PACKET_MR_PROMISC };

	return setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &request, sizeof(request)) < 0 ?
		       -errno :
		       0;
}

/* Join the group of @first, or found one: the kernel finds a number that is free. */
static int
join_fanout(int fd, int first)
{
	int id = 0;
	socklen_t len = sizeof(id);

	if (first < 0)
		return set_option(fd, PACKET_FANOUT,
				  (PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_UNIQUEID) << 16);
	if (getsockopt(first, SOL_PACKET, PACKET_FANOUT, &id, &len) < 0)
		return -errno;
	return set_option(fd, PACKET_FANOUT, (id & 0xffff) | PACKET_FANOUT_HASH << 16);
}

static int
set_up(int fd, int ifindex, bool grouped, int first)
{
	const struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = ifindex,
	};
	int ret;

	set_buffers(fd);
	set_option(fd, PACKET_IGNORE_OUTGOING, 1);
	if ((ret = set_option(fd, PACKET_VNET_HDR, 1)) < 0 ||
	    (ret = set_option(fd, PACKET_AUXDATA, 1)) < 0 || (ret = set_filter_closed(fd)) < 0)
		return ret;
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	if (grouped && (ret = join_fanout(fd, first)) < 0)
		return ret;
	ret = set_promiscuous(fd, ifindex);
	return ret < 0 ? ret : set_filter_open(fd);
}

int
packet_socket_open(struct packet_socket *ps, int ifindex, const struct packet_socket *first)
{
	int ret;

	*ps = (struct packet_socket){ .fd = -1 };
	/* protocol 0: receives nothing until it is bound */
	ps->fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (ps->fd < 0)
		return -errno;
	ret = set_up(ps->fd, ifindex, first != NULL, first == NULL || first == ps ? -1 : first->fd);
	if (ret < 0)
		packet_socket_close(ps);
	return ret;
}

void
packet_socket_close(struct packet_socket *ps)
{
	if (ps->fd >= 0)
		close(ps->fd);
	ps->fd = -1;
}

int
packet_socket_promiscuous(int ifindex)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), ret;

	if (fd < 0)
		return -errno;
	ret = set_promiscuous(fd, ifindex);
	if (ret == 0)
		return fd;
	close(fd);
	return ret;
}

uint64_t
packet_socket_losses(const struct packet_socket *ps)
{
	struct tpacket_stats stats;
	socklen_t len = sizeof(stats);

	return getsockopt(ps->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len) == 0 ?
		       stats.tp_drops :
		       0;
}

/* --- workers --- */

static void
rx_prepare(struct worker *worker, struct packet_rx *rx, struct rte_mbuf **pkts, uint16_t n)
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
rx_packet(struct worker *worker, struct packet_rx *rx, uint16_t i, struct rte_mbuf *pkt)
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
rx_count_losses(struct worker *worker, struct port *port, struct packet_socket *ps)
{
	uint64_t lost;

	if (likely(ps->stats_read == worker->now))
		return;
	ps->stats_read = worker->now;
	lost = packet_socket_losses(ps);
	if (lost > 0)
		port_rx_drop(worker, port, DROP_RX_ERROR, lost);
}

uint16_t
packet_socket_rx(struct worker *worker, struct port *port, struct packet_socket *ps,
		 struct rte_mbuf **pkts, uint16_t n)
{
	struct packet_rx rx;
	uint16_t had, kept = 0;
	bool big = false;
	int got;

	had = vnet_pace_next(&ps->pace, RTE_MIN(n, PORT_BURST_MAX));
	had = vnet_rx_alloc(worker, pkts, had);
	if (unlikely(had == 0)) {
		vnet_rx_discard(worker, port, ps->fd);
		rx_count_losses(worker, port, ps);
		return 0;
	}
	rx_prepare(worker, &rx, pkts, had);
	got = recvmmsg(ps->fd, rx.msgs, had, MSG_DONTWAIT, NULL);
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
	vnet_pace_learn(&ps->pace, had, got, big);
	rx_count_losses(worker, port, ps);
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

/* One C-tag may be more than the MTU, and nothing else: packet_snd() of Linux. */
bool
packet_socket_refuses(const struct port *port, const struct rte_mbuf *pkt)
{
	const bool tagged = vlan_type_at(pkt, VLAN_OFFSET) == VLAN_TPID_BE;

	return pkt->pkt_len > port->max_frame + (tagged ? VLAN_TAG_LEN : 0);
}

uint16_t
packet_socket_tx(struct worker *worker, struct port *port, struct packet_socket *ps,
		 struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t sent = 0;
	int ret;

	while (sent < n) {
		ret = tx_some(ps->fd, &pkts[sent], n - sent);
		if (ret > 0)
			sent += ret;
		else if (ret < 0 && vnet_tx_refused(worker, port, pkts[sent], -ret))
			sent++;
		else
			break;
	}
	rte_pktmbuf_free_bulk(pkts, sent);
	return sent;
}
