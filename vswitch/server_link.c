/* SPDX-License-Identifier: BSD-3-Clause */
#include "server_link.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <event2/event.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include "error.h"
#include "ingress.h"
#include "netlink.h"
#include "switch.h"

#define NAME "vswitch"
#define PACKETS_MAX 64 /* in one turn of the event loop */
#define TABLE 53169    /* of routes, for the first; and the next ones */

/* 169.254.53.0/24, four addresses each: 1 is the relay's, 2 the server's */
static const uint8_t first_relay[4] = { 169, 254, 53, 1 };

static void
readable(evutil_socket_t fd, short what, void *arg)
{
	struct server_link *link = arg;
	uint8_t packet[SERVER_LINK_MTU];

	(void)what;
	for (int i = 0; i < PACKETS_MAX; i++) {
		ssize_t n = read(fd, packet, sizeof(packet));

		if (n <= 0)
			return;
		link->receive(link->arg, packet, (uint32_t)n);
	}
}

int
server_link_send(const struct server_link *link, const uint8_t *ip, uint32_t len)
{
	if (link->fd < 0)
		return -ENODEV;
	return write(link->fd, ip, len) == (ssize_t)len ? 0 : -errno;
}

/* --- what the kernel is told --- */

static struct nl_msg *
message(int type, int flags, void *header, size_t len)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);

	if (msg != NULL && nlmsg_append(msg, header, len, NLMSG_ALIGNTO) < 0) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

static int
set_address(const struct server_link *link)
{
	struct ifaddrmsg header = {
		.ifa_family = AF_INET,
		.ifa_prefixlen = 32,
		.ifa_scope = RT_SCOPE_LINK,
		.ifa_index = (unsigned int)link->ifindex,
	};
	struct nl_msg *msg =
		message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &header, sizeof(header));

	if (msg != NULL && (nla_put(msg, IFA_LOCAL, 4, link->server) < 0 ||
			    nla_put(msg, IFA_ADDRESS, 4, link->relay) < 0)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return netlink_request(link->sw->netlink, msg);
}

static uint32_t
table_of(const struct server_link *link)
{
	return TABLE + link->relay[3] / 4;
}

/* All that is looked up in the table leaves by the interface. */
static int
set_route(const struct server_link *link)
{
	struct rtmsg header = {
		.rtm_family = AF_INET,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = RT_SCOPE_LINK,
		.rtm_type = RTN_UNICAST,
	};
	struct nl_msg *msg =
		message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &header, sizeof(header));

	if (msg != NULL && (nla_put_u32(msg, RTA_TABLE, table_of(link)) < 0 ||
			    nla_put_u32(msg, RTA_OIF, (uint32_t)link->ifindex) < 0)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return netlink_request(link->sw->netlink, msg);
}

/* What is from the server is looked up in the table. */
static int
set_rule(const struct server_link *link, bool add)
{
	struct fib_rule_hdr header = {
		.family = AF_INET,
		.src_len = 32,
		.action = FR_ACT_TO_TBL,
	};
	struct nl_msg *msg = message(add ? RTM_NEWRULE : RTM_DELRULE,
				     add ? NLM_F_CREATE | NLM_F_EXCL : 0, &header, sizeof(header));
	int ret;

	if (msg != NULL && (nla_put(msg, FRA_SRC, 4, link->server) < 0 ||
			    nla_put_u32(msg, FRA_TABLE, table_of(link)) < 0)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	ret = netlink_request(link->sw->netlink, msg);
	return ret == -EEXIST && add ? 0 : ret; /* one who was killed has left it */
}

/* --- the interface --- */

static int
make_interface(struct server_link *link, struct error *err)
{
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	struct netlink_link info;
	unsigned int number;
	int ret;

	link->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	/* the kernel chooses a number that is free */
	snprintf(request.ifr_name, sizeof(request.ifr_name), NAME "%%d");
	if (link->fd < 0 || ioctl(link->fd, TUNSETIFF, &request) < 0)
		return error_set(err, errno, "network: no interface for dnsmasq can be made: %s",
				 strerror(errno));
	snprintf(link->name, sizeof(link->name), "%s", request.ifr_name);
	if (sscanf(link->name, NAME "%u", &number) != 1 || number >= SERVER_LINKS_MAX)
		return error_set(err, ENOSPC, "network: there are %u interfaces " NAME "N already",
				 SERVER_LINKS_MAX);
	memcpy(link->relay, first_relay, 4);
	link->relay[3] = (uint8_t)(link->relay[3] + 4 * number);
	memcpy(link->server, link->relay, 4);
	link->server[3]++;
	ret = netlink_link_get(link->sw->netlink, link->name, &info);
	if (ret == 0) {
		link->ifindex = info.ifindex;
		ingress_silence(link->name); /* there is nothing for IPv6 to say */
		ret = netlink_link_set_up(link->sw->netlink, link->ifindex, true);
	}
	if (ret == 0)
		ret = set_address(link);
	if (ret == 0)
		ret = set_route(link);
	if (ret == 0)
		ret = set_rule(link, true);
	return ret == 0 ? 0 :
			  error_set(err, ret, "network: interface %s cannot be set up: %s",
				    link->name, strerror(-ret));
}

int
server_link_open(struct server_link *link, struct vswitch *sw, server_link_fn receive, void *arg,
		 struct error *err)
{
	int ret;

	*link = (struct server_link){ .fd = -1, .sw = sw, .receive = receive, .arg = arg };
	ret = make_interface(link, err);
	if (ret == 0) {
		link->event = event_new(sw->base, link->fd, EV_READ | EV_PERSIST, readable, link);
		if (link->event == NULL || event_add(link->event, NULL) < 0)
			ret = error_set(err, ENOMEM, "network: no memory");
	}
	if (ret < 0)
		server_link_close(link);
	return ret;
}

void
server_link_close(struct server_link *link)
{
	if (link->fd < 0)
		return;
	if (link->event != NULL)
		event_free(link->event);
	link->event = NULL;
	if (link->ifindex != 0)
		set_rule(link, false);
	close(link->fd);
	link->fd = -1;
}
