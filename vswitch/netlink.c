/* SPDX-License-Identifier: BSD-3-Clause */
#include "netlink.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <event2/event.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <rte_common.h>

#include "error.h"
#include "log.h"

#define MONITOR_RX_BUFFER (1 << 20) /* bytes: a thousand interfaces that change at once */

struct netlink_watch {
	LIST_ENTRY(netlink_watch) list;
	char name[IFNAMSIZ];
	int ifindex; /* that had the name last; 0: none */
	netlink_link_fn fn;
	void *arg;
	bool deleted; /* while a message is given out, watches are only marked */
	struct netlink_monitor *nl;
};

LIST_HEAD(netlink_watches, netlink_watch);

struct netlink_monitor {
	struct nl_sock *listener;
	struct nl_sock *requests;
	struct event *event;
	struct netlink_watches watches;
	unsigned int walking; /* depth of loops over the watches */
	bool swept;           /* a watch was deleted in a loop */
	netlink_ip_fn ip_fn;  /* NULL: addresses and routes are not listened to */
	void *ip_arg;
	/* the answer to the request under way */
	netlink_object_fn dump_fn; /* or NULL */
	void *dump_arg;
	int error; /* what the kernel said, exactly */
	struct netlink_link answer;
	bool answered;
	bool done;
	int n_answers;
};

/* libnl's errors are its own; the ones that matter here have an errno. */
static int
errno_of(int nl_error, int exact)
{
	switch (-nl_error) {
	case NLE_SUCCESS:
		return 0;
	case NLE_NODEV:
	case NLE_OBJ_NOTFOUND:
		return -ENODEV;
	case NLE_EXIST:
		return -EEXIST;
	case NLE_PERM:
	case NLE_NOACCESS:
		return -EPERM;
	case NLE_NOMEM:
		return -ENOMEM;
	case NLE_BUSY:
		return -EBUSY;
	case NLE_RANGE:
		return -ERANGE;
	case NLE_OPNOTSUPP:
		return -EOPNOTSUPP;
	case NLE_AGAIN:
		return -EAGAIN;
	case NLE_DUMP_INTR:
		return -EINTR;
	default:
		return exact < 0 ? exact : -EINVAL;
	}
}

static void
read_kind(struct nlattr *linkinfo, struct netlink_link *link)
{
	struct nlattr *attrs[IFLA_INFO_MAX + 1];

	if (nla_parse_nested(attrs, IFLA_INFO_MAX, linkinfo, NULL) == 0 &&
	    attrs[IFLA_INFO_KIND] != NULL)
		nla_strlcpy(link->kind, attrs[IFLA_INFO_KIND], sizeof(link->kind));
}

static void
read_counters(struct nlattr *attr, struct netlink_link *link)
{
	struct rtnl_link_stats64 stats = { 0 };

	/* newer kernels have more at the end */
	memcpy(&stats, nla_data(attr), RTE_MIN((size_t)nla_len(attr), sizeof(stats)));
	link->rx_missed = stats.rx_missed_errors;
	link->tx_dropped = stats.tx_dropped;
}

/* The answer to RTM_GETSTATS. */
static bool
read_stats(struct nlmsghdr *header, struct netlink_link *link)
{
	struct nlattr *attrs[IFLA_STATS_MAX + 1];
	const struct if_stats_msg *info;

	if (header->nlmsg_type != RTM_NEWSTATS ||
	    nlmsg_parse(header, sizeof(*info), attrs, IFLA_STATS_MAX, NULL) < 0 ||
	    attrs[IFLA_STATS_LINK_64] == NULL)
		return false;
	info = nlmsg_data(header);
	*link = (struct netlink_link){ .ifindex = (int)info->ifindex };
	read_counters(attrs[IFLA_STATS_LINK_64], link);
	return true;
}

bool
netlink_link_read(const struct nlmsghdr *message, struct netlink_link *link)
{
	struct nlmsghdr *header = (struct nlmsghdr *)(uintptr_t)message;
	struct nlattr *attrs[IFLA_MAX + 1];
	const struct ifinfomsg *info;

	if (header->nlmsg_type != RTM_NEWLINK && header->nlmsg_type != RTM_DELLINK)
		return false;
	if (nlmsg_parse(header, sizeof(*info), attrs, IFLA_MAX, NULL) < 0)
		return false;
	info = nlmsg_data(header);
	/* a bridge's own messages about its ports come by the same types */
	if (info->ifi_family != AF_UNSPEC || attrs[IFLA_IFNAME] == NULL)
		return false;
	*link = (struct netlink_link){
		.ifindex = info->ifi_index,
		.flags = info->ifi_flags,
		.type = info->ifi_type,
	};
	nla_strlcpy(link->name, attrs[IFLA_IFNAME], sizeof(link->name));
	if (attrs[IFLA_MTU] != NULL)
		link->mtu = nla_get_u32(attrs[IFLA_MTU]);
	if (attrs[IFLA_MASTER] != NULL)
		link->master = nla_get_u32(attrs[IFLA_MASTER]);
	if (attrs[IFLA_ADDRESS] != NULL && nla_len(attrs[IFLA_ADDRESS]) == sizeof(link->mac))
		memcpy(link->mac, nla_data(attrs[IFLA_ADDRESS]), sizeof(link->mac));
	if (attrs[IFLA_IFALIAS] != NULL)
		nla_strlcpy(link->alias, attrs[IFLA_IFALIAS], sizeof(link->alias));
	if (attrs[IFLA_LINKINFO] != NULL)
		read_kind(attrs[IFLA_LINKINFO], link);
	if (attrs[IFLA_STATS64] != NULL)
		read_counters(attrs[IFLA_STATS64], link);
	return true;
}

static void
watches_enter(struct netlink_monitor *nl)
{
	nl->walking++;
}

static void
watches_leave(struct netlink_monitor *nl)
{
	struct netlink_watch *watch, *next;

	if (--nl->walking > 0 || !nl->swept)
		return;
	nl->swept = false;
	for (watch = LIST_FIRST(&nl->watches); watch != NULL; watch = next) {
		next = LIST_NEXT(watch, list);
		if (!watch->deleted)
			continue;
		LIST_REMOVE(watch, list);
		free(watch);
	}
}

/* What a message says may be out of date already: tell what is so now. */
static void
tell(struct netlink_watch *watch)
{
	struct netlink_link link;
	int ret = netlink_link_get(watch->nl, watch->name, &link);

	if (ret != 0 && ret != -ENODEV)
		return;
	watch->ifindex = ret == 0 ? link.ifindex : 0;
	watch->fn(watch->arg, ret == 0 ? &link : NULL);
}

/* An address or a route that was made. Of a route of many ways the first one counts. */
static void
tell_ip(const struct netlink_monitor *nl, struct nlmsghdr *header)
{
	const struct nlattr *attr;

	if (nl->ip_fn == NULL)
		return;
	if (header->nlmsg_type == RTM_NEWADDR &&
	    nlmsg_valid_hdr(header, sizeof(struct ifaddrmsg))) {
		nl->ip_fn(nl->ip_arg,
			  (int)((const struct ifaddrmsg *)nlmsg_data(header))->ifa_index);
	} else if (header->nlmsg_type == RTM_NEWROUTE &&
		   nlmsg_valid_hdr(header, sizeof(struct rtmsg))) {
		attr = nlmsg_find_attr(header, sizeof(struct rtmsg), RTA_OIF);
		if (attr == NULL)
			attr = nlmsg_find_attr(header, sizeof(struct rtmsg), RTA_MULTIPATH);
		if (attr == NULL || nla_len(attr) < (int)sizeof(uint32_t))
			return;
		nl->ip_fn(nl->ip_arg,
			  nla_type(attr) == RTA_OIF ?
				  (int)nla_get_u32(attr) :
				  ((const struct rtnexthop *)nla_data(attr))->rtnh_ifindex);
	}
}

static int
monitor_message(struct nl_msg *msg, void *arg)
{
	struct netlink_monitor *nl = arg;
	struct netlink_watch *watch;
	struct netlink_link link;

	tell_ip(nl, nlmsg_hdr(msg));
	if (!netlink_link_read(nlmsg_hdr(msg), &link))
		return NL_SKIP;
	watches_enter(nl);
	LIST_FOREACH(watch, &nl->watches, list) {
		/* by index as well: it may have another name now */
		if (!watch->deleted &&
		    (watch->ifindex == link.ifindex || strcmp(watch->name, link.name) == 0))
			tell(watch);
	}
	watches_leave(nl);
	return NL_OK;
}

/* Messages were lost: ask for everything again. */
static void
monitor_resync(struct netlink_monitor *nl)
{
	struct netlink_watch *watch;

	log_line(LOG_NOTICE, "netlink: messages were lost; reading all interfaces again");
	watches_enter(nl);
	LIST_FOREACH(watch, &nl->watches, list)
		if (!watch->deleted)
			tell(watch);
	watches_leave(nl);
}

static void
monitor_readable(evutil_socket_t fd, short what, void *arg)
{
	struct netlink_monitor *nl = arg;
	int ret;

	(void)fd;
	(void)what;
	do {
		errno = 0;
		ret = nl_recvmsgs_default(nl->listener);
	} while (ret == 0);
	/* libnl says NLE_NOMEM both for ENOBUFS and for a lack of memory: the cure is the same */
	if (ret == -NLE_NOMEM)
		monitor_resync(nl);
}

static int
request_answer(struct nl_msg *msg, void *arg)
{
	struct netlink_monitor *nl = arg;

	nl->n_answers++;
	if (nl->dump_fn != NULL)
		nl->dump_fn(nl->dump_arg, nlmsg_hdr(msg));
	if (netlink_link_read(nlmsg_hdr(msg), &nl->answer) ||
	    read_stats(nlmsg_hdr(msg), &nl->answer))
		nl->answered = true;
	return NL_OK;
}

/* The acknowledgement, or the end of a dump. */
static int
request_done(struct nl_msg *msg, void *arg)
{
	struct netlink_monitor *nl = arg;

	(void)msg;
	nl->done = true;
	return NL_STOP;
}

/* libnl keeps of the kernel's error only what it has a word for. */
static int
request_error(struct sockaddr_nl *from, struct nlmsgerr *error, void *arg)
{
	struct netlink_monitor *nl = arg;

	(void)from;
	nl->error = error->error;
	return NL_STOP;
}

static struct nl_sock *
monitor_socket(nl_recvmsg_msg_cb_t fn, struct netlink_monitor *nl, int *ret_error)
{
	struct nl_sock *socket = nl_socket_alloc();
	int ret;

	*ret_error = -ENOMEM;
	if (socket == NULL)
		return NULL;
	ret = nl_connect(socket, NETLINK_ROUTE);
	if (ret == 0)
		ret = nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_CUSTOM, fn, nl);
	if (ret < 0) {
		*ret_error = errno_of(ret, 0);
		nl_socket_free(socket);
		return NULL;
	}
	return socket;
}

/* The listener hears link changes, without blocking and without sequence numbers. */
static int
monitor_listen(struct netlink_monitor *nl, struct event_base *base)
{
	int ret;

	nl_socket_disable_seq_check(nl->listener);
	nl_socket_set_buffer_size(nl->listener, MONITOR_RX_BUFFER, 0);
	ret = nl_socket_set_nonblocking(nl->listener);
	if (ret == 0)
		ret = nl_socket_add_memberships(nl->listener, RTNLGRP_LINK, RTNLGRP_NONE);
	if (ret < 0)
		return errno_of(ret, 0);
	nl->event = event_new(base, nl_socket_get_fd(nl->listener), EV_READ | EV_PERSIST,
			      monitor_readable, nl);
	if (nl->event == NULL || event_add(nl->event, NULL) < 0)
		return -ENOMEM;
	return 0;
}

struct netlink_monitor *
netlink_monitor_create(struct event_base *base, struct error *err)
{
	struct netlink_monitor *nl = calloc(1, sizeof(*nl));
	int ret = -ENOMEM;

	if (nl == NULL)
		goto err;
	LIST_INIT(&nl->watches);
	nl->listener = monitor_socket(monitor_message, nl, &ret);
	if (nl->listener == NULL)
		goto err;
	nl->requests = monitor_socket(request_answer, nl, &ret);
	if (nl->requests == NULL)
		goto err;
	nl_socket_modify_cb(nl->requests, NL_CB_ACK, NL_CB_CUSTOM, request_done, nl);
	nl_socket_modify_cb(nl->requests, NL_CB_FINISH, NL_CB_CUSTOM, request_done, nl);
	nl_socket_modify_err_cb(nl->requests, NL_CB_CUSTOM, request_error, nl);
	ret = monitor_listen(nl, base);
	if (ret == 0)
		return nl;
err:
	error_set(err, ret, "netlink: cannot listen to the kernel's interfaces: %s",
		  strerror(-ret));
	netlink_monitor_destroy(nl);
	return NULL;
}

void
netlink_monitor_destroy(struct netlink_monitor *nl)
{
	struct netlink_watch *watch;

	if (nl == NULL)
		return;
	while ((watch = LIST_FIRST(&nl->watches)) != NULL) {
		LIST_REMOVE(watch, list);
		free(watch);
	}
	if (nl->event != NULL)
		event_free(nl->event);
	nl_socket_free(nl->listener);
	nl_socket_free(nl->requests);
	free(nl);
}

struct netlink_watch *
netlink_watch_add(struct netlink_monitor *nl, const char *name, netlink_link_fn fn, void *arg)
{
	struct netlink_watch *watch = calloc(1, sizeof(*watch));
	struct netlink_link link;

	if (watch == NULL)
		return NULL;
	strncpy(watch->name, name, sizeof(watch->name) - 1);
	watch->fn = fn;
	watch->arg = arg;
	watch->nl = nl;
	if (netlink_link_get(nl, name, &link) == 0)
		watch->ifindex = link.ifindex;
	LIST_INSERT_HEAD(&nl->watches, watch, list);
	return watch;
}

void
netlink_watch_del(struct netlink_watch *watch)
{
	if (watch == NULL)
		return;
	if (watch->nl->walking > 0) {
		watch->deleted = true;
		watch->nl->swept = true;
		return;
	}
	LIST_REMOVE(watch, list);
	free(watch);
}

/* Send, and read datagrams until the kernel says that this was all. */
int
netlink_request(struct netlink_monitor *nl, struct nl_msg *msg)
{
	int ret;

	if (msg == NULL)
		return -ENOMEM;
	nl->answered = false;
	nl->n_answers = 0;
	nl->done = false;
	nl->error = 0;
	ret = nl_send_auto(nl->requests, msg);
	nlmsg_free(msg);
	while (ret >= 0 && !nl->done)
		ret = nl_recvmsgs_default(nl->requests);
	return ret < 0 ? errno_of(ret, nl->error) : 0;
}

int
netlink_count(struct netlink_monitor *nl, struct nl_msg *msg)
{
	int ret = netlink_request(nl, msg);

	return ret < 0 ? ret : nl->n_answers;
}

int
netlink_dump(struct netlink_monitor *nl, struct nl_msg *msg, netlink_object_fn fn, void *arg)
{
	int ret;

	nl->dump_fn = fn;
	nl->dump_arg = arg;
	ret = netlink_request(nl, msg);
	nl->dump_fn = NULL;
	return ret;
}

int
netlink_ip_watch(struct netlink_monitor *nl, netlink_ip_fn fn, void *arg)
{
	static const int groups[] = { RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE,
				      RTNLGRP_IPV6_ROUTE };
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < RTE_DIM(groups) && (fn == NULL) != (nl->ip_fn == NULL);
	     i++)
		ret = fn != NULL ? nl_socket_add_membership(nl->listener, groups[i]) :
				   nl_socket_drop_membership(nl->listener, groups[i]);
	nl->ip_fn = fn;
	nl->ip_arg = arg;
	return ret < 0 ? errno_of(ret, 0) : 0;
}

/* A message about one interface, by index, or by name if @ifindex is 0. */
static struct nl_msg *
link_message(int type, int ifindex, unsigned int flags, unsigned int change)
{
	struct ifinfomsg info = { .ifi_index = ifindex, .ifi_flags = flags, .ifi_change = change };
	struct nl_msg *msg = nlmsg_alloc_simple(type, 0);

	if (msg != NULL && nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO) < 0) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

int
netlink_links(struct netlink_monitor *nl, netlink_object_fn fn, void *arg)
{
	struct nl_msg *msg = link_message(RTM_GETLINK, 0, 0, 0);

	if (msg != NULL)
		nlmsg_hdr(msg)->nlmsg_flags |= NLM_F_DUMP;
	return netlink_dump(nl, msg, fn, arg);
}

/* Ask for an interface by @msg, which is freed. */
static int
link_read(struct netlink_monitor *nl, struct nl_msg *msg, struct netlink_link *ret_link)
{
	int ret = netlink_request(nl, msg);

	if (ret < 0)
		return ret;
	if (!nl->answered)
		return -ENODEV;
	*ret_link = nl->answer;
	return 0;
}

int
netlink_link_get(struct netlink_monitor *nl, const char *name, struct netlink_link *ret_link)
{
	struct nl_msg *msg = link_message(RTM_GETLINK, 0, 0, 0);

	if (msg != NULL && nla_put_string(msg, IFLA_IFNAME, name) < 0) {
		nlmsg_free(msg);
		return -EINVAL;
	}
	return link_read(nl, msg, ret_link);
}

int
netlink_link_get_index(struct netlink_monitor *nl, int ifindex, struct netlink_link *ret_link)
{
	return link_read(nl, link_message(RTM_GETLINK, ifindex, 0, 0), ret_link);
}

int
netlink_link_losses(struct netlink_monitor *nl, int ifindex, struct netlink_link *ret_link)
{
	struct if_stats_msg info = {
		.ifindex = (uint32_t)ifindex,
		.filter_mask = IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64),
	};
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETSTATS, 0);

	if (msg != NULL && nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO) < 0) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	return link_read(nl, msg, ret_link);
}

int
netlink_link_set_up(struct netlink_monitor *nl, int ifindex, bool up)
{
	return netlink_request(nl, link_message(RTM_NEWLINK, ifindex, up ? IFF_UP : 0, IFF_UP));
}

/* Set one attribute of an interface. */
static int
link_set(struct netlink_monitor *nl, int ifindex, int attribute, const void *data, int len)
{
	struct nl_msg *msg = link_message(RTM_NEWLINK, ifindex, 0, 0);

	if (msg != NULL && nla_put(msg, attribute, len, data) < 0) {
		nlmsg_free(msg);
		return -EINVAL;
	}
	return netlink_request(nl, msg);
}

int
netlink_link_set_mtu(struct netlink_monitor *nl, int ifindex, uint32_t mtu)
{
	return link_set(nl, ifindex, IFLA_MTU, &mtu, sizeof(mtu));
}

int
netlink_link_set_mac(struct netlink_monitor *nl, int ifindex, const uint8_t mac[6])
{
	return link_set(nl, ifindex, IFLA_ADDRESS, mac, 6);
}

int
netlink_link_set_alias(struct netlink_monitor *nl, int ifindex, const char *alias)
{
	return link_set(nl, ifindex, IFLA_IFALIAS, alias, strlen(alias) + 1);
}
