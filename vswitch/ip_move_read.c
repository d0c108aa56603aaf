/* SPDX-License-Identifier: BSD-3-Clause */
/* What an interface has that can be moved. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include <netlink/msg.h>

#include "error.h"
#include "ip_move_priv.h"
#include "netlink.h"

#define READ_TRIES 10
#define NEIGHBOURS_MAX 1024 /* that are not permanent: others are asked for again */

void
ip_move_objects_free(struct ip_objects *objects)
{
	struct ip_object *object;

	while ((object = TAILQ_FIRST(objects)) != NULL) {
		TAILQ_REMOVE(objects, object, list);
		free(object->header);
		free(object);
	}
}

static struct nlmsghdr *
header_copy(const struct nlmsghdr *header)
{
	struct nlmsghdr *copy = malloc(header->nlmsg_len);

	return copy != NULL ? memcpy(copy, header, header->nlmsg_len) : NULL;
}

static struct ip_object *
keep(struct ip_move *move, struct ip_objects *objects, const struct nlmsghdr *header)
{
	struct ip_object *object = calloc(1, sizeof(*object));

	if (object != NULL)
		object->header = header_copy(header);
	if (object == NULL || object->header == NULL) {
		free(object);
		move->ret = -ENOMEM;
		return NULL;
	}
	TAILQ_INSERT_TAIL(objects, object, list);
	return object;
}

uint8_t
ip_move_family(const struct ip_object *object)
{
	return ((const struct ifaddrmsg *)nlmsg_data(object->header))->ifa_family;
}

/* In the order in which they are to be made: of IPv6 the one that was made last comes first. */
static void
read_addr(void *arg, const struct nlmsghdr *header)
{
	struct ip_move *move = arg;
	struct ip_object *object, *other;

	if (header->nlmsg_type != RTM_NEWADDR)
		return;
	if (ip_message_is_at(header, &move->to))
		keep(move, &move->there, header);
	if (!ip_message_is_at(header, &move->from))
		return;
	object = keep(move, &move->addrs, header);
	if (object == NULL || ip_move_family(object) != AF_INET6)
		return;
	TAILQ_FOREACH(other, &move->addrs, list)
		if (ip_move_family(other) == AF_INET6)
			break;
	if (other == object)
		return;
	TAILQ_REMOVE(&move->addrs, object, list);
	TAILQ_INSERT_BEFORE(other, object, list);
}

bool
ip_move_has_gateway(const struct nlmsghdr *header)
{
	return ip_route_has(header, RTA_GATEWAY) || ip_route_has(header, RTA_MULTIPATH) ||
	       ip_route_has(header, RTA_VIA);
}

/*
 * Routes of one key stand together, in the order in which they count. Where the first of several
 * is ours, what takes its place must be the first, too.
 */
static void
read_route(void *arg, const struct nlmsghdr *header)
{
	struct ip_move *move = arg;
	struct ip_object *object = NULL;
	bool first;

	if (header->nlmsg_type != RTM_NEWROUTE)
		return;
	first = move->last == NULL || !ip_route_same_key(move->last, header);
	if (!ip_route_is_kernels(header) && ip_message_is_at(header, &move->from))
		object = keep(move, &move->routes, header);
	if (!first && object == NULL && move->group != NULL &&
	    ((const struct rtmsg *)nlmsg_data(header))->rtm_family == AF_INET &&
	    !ip_message_is_at(header, &move->to))
		move->group->swaps = true;
	if (first) {
		move->group = object;
		free(move->last);
		move->last = header_copy(header);
	}
	if (object != NULL && ((const struct rtmsg *)nlmsg_data(header))->rtm_family == AF_INET6 &&
	    !ip_route_is_ra(header))
		object->swaps = ip_move_has_gateway(header);
}

static void
read_rule(void *arg, const struct nlmsghdr *header)
{
	struct ip_move *move = arg;

	if (header->nlmsg_type == RTM_NEWRULE && ip_message_is_at(header, &move->from))
		keep(move, &move->rules, header);
}

static void
read_neighbour(void *arg, const struct nlmsghdr *header)
{
	const struct ndmsg *info = nlmsg_data(header);
	struct ip_move *move = arg;

	if (header->nlmsg_type != RTM_NEWNEIGH || !ip_message_is_at(header, &move->from) ||
	    (info->ndm_family != AF_INET && info->ndm_family != AF_INET6))
		return;
	if (!(info->ndm_flags & NTF_PROXY) &&
	    ((info->ndm_state & (NUD_NOARP | NUD_FAILED | NUD_INCOMPLETE)) ||
	     info->ndm_state == NUD_NONE))
		return;
	if (!(info->ndm_flags & NTF_PROXY) && !(info->ndm_state & NUD_PERMANENT) &&
	    move->count.neighbours++ >= NEIGHBOURS_MAX)
		return;
	keep(move, &move->neighbours, header);
}

/* Dumps of all four begin with the family, and @size bytes are enough. */
static int
dump(struct ip_move *move, int type, uint8_t family, uint8_t ndm_flags, netlink_object_fn fn)
{
	union {
		struct ifaddrmsg addr;
		struct rtmsg route;
		struct fib_rule_hdr rule;
		struct ndmsg neigh;
	} info = { 0 };
	struct nl_msg *msg = nlmsg_alloc_simple(type, NLM_F_DUMP);
	size_t size = sizeof(struct rtmsg);
	int ret;

	if (type == RTM_GETADDR)
		size = sizeof(info.addr);
	else if (type == RTM_GETRULE)
		size = sizeof(info.rule);
	info.route.rtm_family = family;
	if (type == RTM_GETNEIGH) {
		size = sizeof(info.neigh);
		info.neigh = (struct ndmsg){ .ndm_family = family, .ndm_flags = ndm_flags };
	}
	if (msg != NULL && nlmsg_append(msg, &info, size, NLMSG_ALIGNTO) < 0) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	ret = netlink_dump(move->nl, msg, fn, move);
	if (ret != -EINTR)
		return ret;
	/* something has changed meanwhile; what is read is worth having all the same */
	move->interrupted = true;
	return 0;
}

static int
read_family(struct ip_move *move, uint8_t family)
{
	int ret;

	free(move->last);
	move->last = NULL;
	move->group = NULL;
	ret = dump(move, RTM_GETROUTE, family, 0, read_route);
	/* a kernel may have no policy rules */
	if (ret == 0)
		dump(move, RTM_GETRULE, family, 0, read_rule);
	return ret;
}

int
ip_move_read_once(struct ip_move *move)
{
	const struct ip_object *object;
	int ret;

	ip_move_objects_free(&move->addrs);
	ip_move_objects_free(&move->there);
	ip_move_objects_free(&move->routes);
	ip_move_objects_free(&move->rules);
	ip_move_objects_free(&move->neighbours);
	move->count = (struct ip_move_count){ 0 };
	move->interrupted = false;
	ret = dump(move, RTM_GETADDR, AF_UNSPEC, 0, read_addr);
	if (ret == 0)
		ret = read_family(move, AF_INET);
	if (ret == 0)
		ret = read_family(move, AF_INET6);
	if (ret == 0)
		ret = dump(move, RTM_GETNEIGH, AF_UNSPEC, 0, read_neighbour);
	if (ret == 0)
		ret = dump(move, RTM_GETNEIGH, AF_UNSPEC, NTF_PROXY, read_neighbour);
	TAILQ_FOREACH(object, &move->addrs, list)
		move->count.addrs++;
	TAILQ_FOREACH(object, &move->rules, list)
		move->count.rules++;
	TAILQ_FOREACH(object, &move->routes, list)
		move->count.routes++;
	return ret < 0 ? ret : move->ret;
}

int
ip_move_read(struct ip_move *move, struct error *err)
{
	const struct ip_object *object;
	char text[IP_MOVE_WHAT_SIZE];
	int ret, tries = 0;

	/* it may be that some are missed, but that they change all the time is no reason to give up
	 */
	do
		ret = ip_move_read_once(move);
	while (ret == 0 && move->interrupted && ++tries < READ_TRIES);
	if (ret < 0)
		return error_set(err, ret, "cannot read addresses and routes of %s: %s",
				 move->from.name, strerror(-ret));
	TAILQ_FOREACH(object, &move->routes, list) {
		/* who made it, a routing daemon as a rule, knows it by that object's number */
		if (ip_route_has(object->header, RTA_NH_ID) && !move->lenient)
			return error_set(
				err, EOPNOTSUPP,
				"route %s by %s is one of a nexthop object (\"ip nexthop\", "
				"as routing daemons make them), which cannot be moved",
				ip_route_text(object->header, text, sizeof(text)), move->from.name);
	}
	return 0;
}

const char *
ip_move_addr(struct netlink_monitor *nl, const struct ip_place *place, char *ret_text, size_t size)
{
	struct ip_move reader = { .nl = nl, .from = *place };
	const struct ip_object *object;
	const char *text = NULL;

	TAILQ_INIT(&reader.addrs);
	TAILQ_INIT(&reader.there);
	dump(&reader, RTM_GETADDR, AF_UNSPEC, 0, read_addr);
	TAILQ_FOREACH(object, &reader.addrs, list)
		if (!ip_addr_is_link_local6(object->header))
			text = ip_addr_text(object->header, ret_text, size);
	ip_move_objects_free(&reader.addrs);
	ip_move_objects_free(&reader.there);
	return text;
}
