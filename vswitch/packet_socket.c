/* SPDX-License-Identifier: BSD-3-Clause */
#include "packet_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_common.h>

#define SOCKET_BUFFER (8 << 20) /* bytes, each way; about a hundred super-packets */

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
packet_socket_open(int ifindex, bool grouped, int first)
{
	int fd, ret;

	/* protocol 0: receives nothing until it is bound */
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	ret = set_up(fd, ifindex, grouped, first);
	if (ret == 0)
		return fd;
	close(fd);
	return ret;
}
