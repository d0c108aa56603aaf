/* SPDX-License-Identifier: BSD-3-Clause */
#include "route_import.h"

#include <errno.h>
#include <net/if.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include "error.h"
#include "log.h"
#include "port_gateway.h"
#include "routing_priv.h"

#define RX_BUFFER (4 << 20) /* bytes: thousands of routes that change at once */
#define AGAIN_USEC 100000   /* until the next round, so that many reasons for one make one */

/* What is asked for, one after the other, to begin with and after messages were lost. */
enum import_dump { DUMP_ROUTES4, DUMP_ROUTES6, DUMP_NEIGHBOURS, DUMPS };

struct route_import {
	struct routing *routing;
	struct nl_sock *socket;
	struct event *event;
	struct event *timer;   /* pending: the next round is wanted */
	enum import_dump dump; /* under way; DUMPS: none */
	uint32_t seq;          /* of its request */
	bool broken;   /* messages were lost: what was not seen in this round may be there */
	bool shadowed; /* a route was not taken since another of its prefix counts */
	uint8_t mark;  /* of routes that were seen in this round */
	unsigned long ignored; /* routes that there was no room for, say */
};

/* --- messages --- */

/* The port that an interface of the kernel's is here; NULL: none. */
static const struct switch_port *
port_of_interface(struct vswitch *sw, int ifindex)
{
	char name[IF_NAMESIZE];
	struct switch_port *port;

	if (ifindex == 0 || if_indextoname(ifindex, name) == NULL)
		return NULL;
	port = switch_port_find(sw, name);
	if (port == NULL || port->bridge == NULL)
		return port;
	return port_gateway_of(sw, port->bridge->name, port->config.vlan.vid, false, NULL);
}

/* Ask for everything again, soon. */
static void
import_again(struct route_import *import)
{
	static const struct timeval soon = { .tv_usec = AGAIN_USEC };

	if (!event_pending(import->timer, EV_TIMEOUT, NULL))
		event_add(import->timer, &soon);
}

static int
read_gateway(struct routing *routing, struct route_config *config, uint8_t family, int ifindex,
	     struct nlattr *gateway)
{
	const struct switch_port *port = port_of_interface(routing->sw, ifindex);
	const bool is_routed = port != NULL && rif_find(routing, port) != NULL;

	if (gateway != NULL &&
	    (nla_len(gateway) < ip_addr_bits(family) / 8 || config->n_via == ROUTE_VIAS_MAX))
		return -EINVAL;
	if (gateway == NULL && (!is_routed || config->n_via > 0))
		return -ENODEV; /* a network of the kernel's alone */
	if (is_routed && config->port[0] == '\0' && config->n_via == 0)
		memcpy(config->port, port->config.name, sizeof(config->port));
	else if (!is_routed || strcmp(config->port, port->config.name) != 0)
		config->port[0] = '\0'; /* several: each by its own network */
	if (gateway == NULL) {
		config->kind = ROUTE_PORT;
		return 0;
	}
	config->kind = ROUTE_VIA;
	config->via[config->n_via++] = ip_addr_make(family, nla_data(gateway));
	return 0;
}

static int
read_multipath(struct routing *routing, struct route_config *config, uint8_t family,
	       struct nlattr *multipath)
{
	const struct rtnexthop *hop = nla_data(multipath);
	int left = nla_len(multipath);

	while (left >= (int)sizeof(*hop) && hop->rtnh_len >= sizeof(*hop) &&
	       hop->rtnh_len <= left) {
		struct nlattr *attrs[RTA_MAX + 1] = { NULL };
		int ret = 0;

		nla_parse(attrs, RTA_MAX, (struct nlattr *)(uintptr_t)(hop + 1),
			  (int)(hop->rtnh_len - sizeof(*hop)), NULL);
		if (attrs[RTA_VIA] != NULL || attrs[RTA_ENCAP] != NULL)
			return -EINVAL;
		if (!(hop->rtnh_flags & RTNH_F_DEAD))
			ret = read_gateway(routing, config, family, hop->rtnh_ifindex,
					   attrs[RTA_GATEWAY]);
		if (ret < 0)
			return ret;
		left -= (int)NLMSG_ALIGN(hop->rtnh_len);
		hop = (const struct rtnexthop *)((const char *)hop + NLMSG_ALIGN(hop->rtnh_len));
	}
	return config->n_via > 0 ? 0 : -EINVAL;
}

static int
read_target(struct routing *routing, const struct rtmsg *info, struct nlattr **attrs,
	    struct route_config *config)
{
	int ifindex = attrs[RTA_OIF] != NULL ? (int)nla_get_u32(attrs[RTA_OIF]) : 0;

	*config = (struct route_config){ .kind = ROUTE_VIA };
	switch (info->rtm_type) {
	case RTN_BLACKHOLE:
		config->kind = ROUTE_BLACKHOLE;
		return 0;
	case RTN_UNREACHABLE:
	case RTN_PROHIBIT:
		config->kind = ROUTE_UNREACHABLE;
		return 0;
	case RTN_UNICAST:
		break;
	default:
		return -EINVAL;
	}
	/* gateways of the other family, tunnels, interfaces that are down */
	if (attrs[RTA_VIA] != NULL || attrs[RTA_ENCAP] != NULL || (info->rtm_flags & RTNH_F_DEAD))
		return -EINVAL;
	if (attrs[RTA_MULTIPATH] != NULL)
		return read_multipath(routing, config, info->rtm_family, attrs[RTA_MULTIPATH]);
	return read_gateway(routing, config, info->rtm_family, ifindex, attrs[RTA_GATEWAY]);
}

/* Is it a route that we care for? */
static bool
read_prefix(const struct rtmsg *info, struct nlattr **attrs, struct ip_prefix *prefix)
{
	static const uint8_t zero[16];
	const uint32_t table =
		attrs[RTA_TABLE] != NULL ? nla_get_u32(attrs[RTA_TABLE]) : info->rtm_table;
	const uint8_t bytes = info->rtm_family == AF_INET ? 4 : 16;

	if ((info->rtm_family != AF_INET && info->rtm_family != AF_INET6) ||
	    table != RT_TABLE_MAIN || (info->rtm_flags & RTM_F_CLONED) || info->rtm_src_len != 0 ||
	    info->rtm_dst_len > 8 * bytes || (info->rtm_family == AF_INET && info->rtm_tos != 0))
		return false;
	if (attrs[RTA_DST] != NULL && nla_len(attrs[RTA_DST]) < bytes)
		return false;
	prefix->addr = ip_addr_make(info->rtm_family,
				    attrs[RTA_DST] != NULL ? nla_data(attrs[RTA_DST]) : zero);
	prefix->len = info->rtm_dst_len;
	*prefix = ip_prefix_net(prefix);
	/* each link has these for itself */
	return !(prefix->addr.family == AF_INET6 &&
		 (ip_addr_is_link_local(&prefix->addr) || prefix->addr.bytes[0] == 0xff));
}

/* A route is gone, or, of IPv6, one of its gateways. */
static void
import_gone(struct route_import *import, const struct ip_prefix *prefix, uint32_t metric,
	    const struct route_config *config)
{
	const struct route *route = route_find(import->routing, prefix, ROUTE_KERNEL);

	if (route == NULL || route->metric != metric)
		return;
	if (config == NULL || !route_leads(import->routing, route, config) || import->shadowed)
		import_again(import);
	if (config != NULL && route_leads(import->routing, route, config))
		route_uninstall(import->routing, prefix, ROUTE_KERNEL);
}

/*
 * Does the kernel take this one of the routes of a prefix? The one with the lowest metric, and the
 * first of those; in a dump it comes first.
 * @route: the one that was taken here; NULL: none.
 */
static bool
import_counts(struct route_import *import, const struct nlmsghdr *header,
	      const struct ip_prefix *prefix, const struct route *route, uint32_t metric)
{
	bool counts = true;

	if (route == NULL)
		return true;
	if (header->nlmsg_flags & NLM_F_MULTI)
		counts = route->mark != import->mark;
	else if (route->metric == metric)
		/* of IPv6 it says all gateways that there are now */
		counts = prefix->addr.family == AF_INET6 || !(header->nlmsg_flags & NLM_F_APPEND);
	else
		counts = route->metric > metric;
	import->shadowed |= !counts || !(header->nlmsg_flags & (NLM_F_MULTI | NLM_F_REPLACE));
	return counts;
}

static void
import_route(struct route_import *import, struct nlmsghdr *header)
{
	struct routing *routing = import->routing;
	const struct rtmsg *info = nlmsg_data(header);
	struct nlattr *attrs[RTA_MAX + 1];
	struct route_config config;
	struct ip_prefix prefix;
	struct route *route;
	struct error err;
	uint32_t metric;
	bool readable;

	if (nlmsg_parse(header, sizeof(*info), attrs, RTA_MAX, NULL) < 0 ||
	    !read_prefix(info, attrs, &prefix))
		return;
	metric = attrs[RTA_PRIORITY] != NULL ? nla_get_u32(attrs[RTA_PRIORITY]) : 0;
	readable = read_target(routing, info, attrs, &config) == 0;
	if (header->nlmsg_type == RTM_DELROUTE) {
		import_gone(import, &prefix, metric, readable ? &config : NULL);
		return;
	}
	route = route_find(routing, &prefix, ROUTE_KERNEL);
	if (!import_counts(import, header, &prefix, route, metric))
		return;
	if (!readable) {
		/* it may be instead of one that we have */
		if (route != NULL && !(header->nlmsg_flags & NLM_F_MULTI))
			import_again(import);
		return;
	}
	if (route_set(routing, &prefix, ROUTE_KERNEL, &config, &err) < 0) {
		if (import->ignored++ == 0)
			log_line(LOG_WARNING, "route import: %s", err.msg);
		return;
	}
	route = route_find(routing, &prefix, ROUTE_KERNEL);
	route->metric = metric;
	route->mark = import->mark;
}

/* IPv4 routes go with their interface or source address without a word. */
static void
import_link(struct route_import *import, struct nlmsghdr *header)
{
	const struct ifinfomsg *info = nlmsg_data(header);

	if (header->nlmsg_type == RTM_NEWLINK && (nlmsg_datalen(header) < (int)sizeof(*info) ||
						  !(info->ifi_change & (IFF_UP | IFF_RUNNING))))
		return;
	import_again(import);
}

static void
import_neighbour(struct route_import *import, struct nlmsghdr *header)
{
	struct routing *routing = import->routing;
	const struct ndmsg *info = nlmsg_data(header);
	const struct switch_port *port;
	struct nlattr *attrs[NDA_MAX + 1];
	struct neighbour *neighbour;
	struct switch_rif *rif;
	struct ip_addr addr;

	if (nlmsg_parse(header, sizeof(*info), attrs, NDA_MAX, NULL) < 0 ||
	    (info->ndm_family != AF_INET && info->ndm_family != AF_INET6) ||
	    attrs[NDA_DST] == NULL || attrs[NDA_LLADDR] == NULL ||
	    nla_len(attrs[NDA_DST]) < ip_addr_bits(info->ndm_family) / 8 ||
	    nla_len(attrs[NDA_LLADDR]) != 6 || header->nlmsg_type != RTM_NEWNEIGH ||
	    !(info->ndm_state & (NUD_REACHABLE | NUD_PERMANENT)))
		return;
	addr = ip_addr_make(info->ndm_family, nla_data(attrs[NDA_DST]));
	port = port_of_interface(routing->sw, info->ndm_ifindex);
	rif = port != NULL ? rif_find(routing, port) : NULL;
	if (rif == NULL || !ip_addr_is_station(&addr) || !neighbour_is_on_link(rif, &addr))
		return;
	neighbour = neighbour_get(rif, &addr);
	if (neighbour == NULL || neighbour_is_known(neighbour))
		return;
	neighbour_heard(neighbour, nla_data(attrs[NDA_LLADDR]), false);
}

static int
import_message(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *header = nlmsg_hdr(msg);
	struct route_import *import = arg;

	/* of a round that was given up */
	if ((header->nlmsg_flags & NLM_F_MULTI) &&
	    (header->nlmsg_seq != import->seq || import->dump == DUMPS))
		return NL_OK;
	switch (header->nlmsg_type) {
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		import_route(import, header);
		break;
	case RTM_NEWNEIGH:
		import_neighbour(import, header);
		break;
	case RTM_NEWLINK:
	case RTM_DELLINK:
	case RTM_DELADDR:
		import_link(import, header);
		break;
	default:
		break;
	}
	return NL_OK;
}

/* --- rounds --- */

static void
round_give_up(struct route_import *import)
{
	import->dump = DUMPS;
	import_again(import);
}

/* Ask for what is next; or, at the end, remove what the kernel has no more. */
static void
dump_next(struct route_import *import)
{
	static const struct {
		int type;
		int family;
	} dumps[DUMPS] = {
		[DUMP_ROUTES4] = { RTM_GETROUTE, AF_INET },
		[DUMP_ROUTES6] = { RTM_GETROUTE, AF_INET6 },
		[DUMP_NEIGHBOURS] = { RTM_GETNEIGH, AF_UNSPEC },
	};
	struct rtmsg info = { 0 };
	struct nl_msg *msg;

	if (import->dump == DUMPS) {
		if (import->broken)
			import_again(import);
		else
			routes_sweep(import->routing, ROUTE_KERNEL, import->mark);
		return;
	}
	info.rtm_family = (unsigned char)dumps[import->dump].family;
	msg = nlmsg_alloc_simple(dumps[import->dump].type, NLM_F_DUMP);
	if (msg == NULL || nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO) < 0 ||
	    nl_send_auto(import->socket, msg) < 0)
		round_give_up(import);
	else
		import->seq = nlmsg_hdr(msg)->nlmsg_seq;
	nlmsg_free(msg);
}

static void
round_begin(struct route_import *import)
{
	import->broken = false;
	import->shadowed = false;
	import->mark++;
	import->dump = DUMP_ROUTES4;
	dump_next(import);
}

static void
import_timer(evutil_socket_t fd, short what, void *arg)
{
	struct route_import *import = arg;

	(void)fd;
	(void)what;
	if (import->dump == DUMPS)
		round_begin(import);
	else
		import_again(import);
}

static int
import_done(struct nl_msg *msg, void *arg)
{
	struct route_import *import = arg;

	if (import->dump == DUMPS || nlmsg_hdr(msg)->nlmsg_seq != import->seq)
		return NL_OK;
	import->dump++;
	dump_next(import);
	return NL_OK;
}

/* Routes have changed while the kernel listed them: it may have left some out. */
static int
import_interrupted(struct nl_msg *msg, void *arg)
{
	struct route_import *import = arg;

	(void)msg;
	import->broken = true;
	return NL_OK;
}

static void
import_readable(evutil_socket_t fd, short what, void *arg)
{
	struct route_import *import = arg;
	int ret;

	(void)fd;
	(void)what;
	do {
		errno = 0;
		ret = nl_recvmsgs_default(import->socket);
	} while (ret == 0);
	if (ret == -NLE_AGAIN)
		return;
	/* messages were lost; or a request was refused, which nothing more comes of */
	import->broken = true;
	if (ret == -NLE_NOMEM)
		import_again(import);
	else
		round_give_up(import);
}

/* A rif has come: routes by it may be taken now. */
static void
import_addr_changed(void *arg, const struct rif_addr *addr, bool added)
{
	struct routing *routing = arg;

	(void)addr;
	if (added && routing->import != NULL)
		import_again(routing->import);
}

static int
import_listen(struct route_import *import)
{
	struct nl_sock *socket = import->socket;
	int ret = nl_connect(socket, NETLINK_ROUTE);

	if (ret < 0)
		return ret;
	nl_socket_disable_seq_check(socket);
	nl_socket_set_buffer_size(socket, RX_BUFFER, 0);
	nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_CUSTOM, import_message, import);
	nl_socket_modify_cb(socket, NL_CB_FINISH, NL_CB_CUSTOM, import_done, import);
	nl_socket_modify_cb(socket, NL_CB_DUMP_INTR, NL_CB_CUSTOM, import_interrupted, import);
	ret = nl_socket_set_nonblocking(socket);
	if (ret < 0)
		return ret;
	return nl_socket_add_memberships(socket, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,
					 RTNLGRP_NEIGH, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR,
					 RTNLGRP_NONE);
}

static void
import_free(struct route_import *import)
{
	if (import->event != NULL)
		event_free(import->event);
	if (import->timer != NULL)
		event_free(import->timer);
	nl_socket_free(import->socket);
	free(import);
}

int
route_import_start(struct routing *routing, struct error *err)
{
	struct route_import *import;
	int ret;

	if (routing->import != NULL)
		return 0;
	import = calloc(1, sizeof(*import));
	if (import == NULL || (import->socket = nl_socket_alloc()) == NULL) {
		free(import);
		return error_set(err, ENOMEM, "route import: no memory for it");
	}
	import->routing = routing;
	ret = import_listen(import);
	import->timer = event_new(routing->sw->base, -1, 0, import_timer, import);
	if (ret == 0)
		import->event = event_new(routing->sw->base, nl_socket_get_fd(import->socket),
					  EV_READ | EV_PERSIST, import_readable, import);
	if (ret < 0 || import->event == NULL || import->timer == NULL ||
	    event_add(import->event, NULL) < 0) {
		error_set(err, EIO, "route import: cannot listen to the kernel's routes: %s",
			  ret < 0 ? nl_geterror(ret) : "no memory");
		import_free(import);
		return -EIO;
	}
	if (!routing->import_watches)
		addr_on_change(routing, import_addr_changed, routing);
	routing->import_watches = true;
	routing->import = import;
	round_begin(import);
	return 0;
}

void
route_import_stop(struct routing *routing)
{
	if (routing->import == NULL)
		return;
	import_free(routing->import);
	routing->import = NULL;
	route_flush(routing, ROUTE_KERNEL);
}
