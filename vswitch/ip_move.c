/* SPDX-License-Identifier: BSD-3-Clause */
#include "ip_move_priv.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/ipv6_route.h>
#include <linux/neighbour.h>
#include <linux/route.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <netlink/msg.h>
#include <rte_common.h>

#include "error.h"
#include "ip_settings.h"
#include "log.h"
#include "netlink.h"

/* --- doing and undoing --- */

/* Room to take back what is done next; without it nothing may be done. */
static struct ip_undo *
undo_new(struct ip_move *move)
{
	struct ip_undo *undo = calloc(1, sizeof(*undo));

	if (undo != NULL)
		TAILQ_INSERT_HEAD(&move->undos, undo, list);
	return undo;
}

static void
undo_drop(struct ip_move *move, struct ip_undo *undo)
{
	TAILQ_REMOVE(&move->undos, undo, list);
	if (undo->msg != NULL)
		nlmsg_free(undo->msg);
	free(undo);
}

/* Make a request. @back: what takes it back; NULL is legal for neither. Both are freed. */
static int
step(struct ip_move *move, struct nl_msg *msg, struct nl_msg *back)
{
	struct ip_undo *undo = msg != NULL && back != NULL ? undo_new(move) : NULL;
	int ret;

	if (undo == NULL) {
		if (msg != NULL)
			nlmsg_free(msg);
		if (back != NULL)
			nlmsg_free(back);
		return -ENOMEM;
	}
	undo->msg = back;
	ret = netlink_request(move->nl, msg);
	if (ret < 0)
		undo_drop(move, undo);
	return ret;
}

/* Make @object on @place, from where it is taken away if that is to be undone; or the reverse. */
static int
make(struct ip_move *move, const struct ip_object *object, const struct ip_place *place, int flags)
{
	const struct nlmsghdr *header = object->header;

	return step(move,
		    ip_message_copy(header, &move->from, place, header->nlmsg_type,
				    NLM_F_CREATE | flags),
		    ip_message_copy(header, &move->from, place, header->nlmsg_type + 1, 0));
}

static int
unmake(struct ip_move *move, const struct ip_object *object, const struct ip_place *place)
{
	const struct nlmsghdr *header = object->header;

	if (header->nlmsg_type == RTM_NEWADDR && ip_move_family(object) == AF_INET6) {
		/* after it is back; harmless if it has never been away */
		struct ip_undo *undo = undo_new(move);

		if (undo == NULL)
			return -ENOMEM;
		undo->msg = ip_message_settle(header, &move->from, place);
	}
	return step(move, ip_message_copy(header, &move->from, place, header->nlmsg_type + 1, 0),
		    ip_message_copy(header, &move->from, place, header->nlmsg_type,
				    NLM_F_CREATE | NLM_F_APPEND));
}

/*
 * Default routes of router advertisements have flags of the kernel's, by which it finds them again
 * when the router speaks next; only the old ioctl takes these.
 */
static int
ra_route(const struct ip_object *object, int ifindex, unsigned long request)
{
	const struct nlattr *gateway =
		nlmsg_find_attr(object->header, sizeof(struct rtmsg), RTA_GATEWAY);
	const struct nlattr *preference =
		nlmsg_find_attr(object->header, sizeof(struct rtmsg), RTA_PREF);
	struct in6_rtmsg route = {
		.rtmsg_flags = RTF_UP | RTF_GATEWAY | RTF_DEFAULT | RTF_ADDRCONF | RTF_EXPIRES,
		.rtmsg_metric = ip_route_metric(object->header),
		.rtmsg_info = ip_route_expires(object->header) * (uint32_t)sysconf(_SC_CLK_TCK),
		.rtmsg_ifindex = ifindex,
	};
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), ret = 0;

	if (fd < 0)
		return -errno;
	memcpy(&route.rtmsg_gateway, nla_data(gateway), sizeof(route.rtmsg_gateway));
	if (preference != NULL)
		route.rtmsg_flags |= RTF_PREF((uint32_t)nla_get_u8(preference));
	if (route.rtmsg_info == 0)
		route.rtmsg_flags &= ~(uint32_t)RTF_EXPIRES;
	if (ioctl(fd, request, &route) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static int
ra_make(struct ip_move *move, const struct ip_object *object)
{
	const struct nlmsghdr *header = object->header;
	struct ip_undo *undo = undo_new(move);
	int ret = -ENOMEM;

	if (undo == NULL)
		return ret;
	undo->msg = ip_message_copy(header, &move->from, &move->to, RTM_DELROUTE, 0);
	if (undo->msg != NULL)
		ret = ra_route(object, move->to.ifindex, SIOCADDRT);
	if (ret < 0)
		undo_drop(move, undo);
	return ret;
}

static int
ra_unmake(struct ip_move *move, const struct ip_object *object)
{
	struct ip_undo *undo = undo_new(move);
	int ret;

	if (undo == NULL)
		return -ENOMEM;
	undo->ra = object;
	undo->ifindex = move->from.ifindex;
	ret = netlink_request(move->nl, ip_message_copy(object->header, &move->from, &move->from,
							RTM_DELROUTE, 0));
	if (ret < 0)
		undo_drop(move, undo);
	return ret;
}

/* What is there, or gone, already is what was wanted. */
static bool
is_made(int ret)
{
	return ret == 0 || ret == -EEXIST;
}

static bool
is_gone(int ret)
{
	return ret == 0 || ret == -ENODEV || ret == -ENOENT || ret == -ESRCH ||
	       ret == -EADDRNOTAVAIL;
}

/* Return: 0 if it is taken back, as far as it was there. */
static int
undo_try(struct ip_move *move, struct ip_undo *undo)
{
	int ret;

	if (undo->msg == NULL && undo->ra == NULL)
		return 0; /* there was no memory for it */
	if (undo->ra != NULL) {
		ret = ra_route(undo->ra, undo->ifindex, SIOCADDRT);
	} else {
		nlmsg_get(undo->msg); /* a request lets go of it */
		nlmsg_hdr(undo->msg)->nlmsg_seq = NL_AUTO_SEQ;
		ret = netlink_request(move->nl, undo->msg);
	}
	return is_made(ret) || is_gone(ret) ? 0 : ret;
}

/* In rounds, too: if one could not be done it may be for another, which could not be undone then.
 */
static void
take_back(struct ip_move *move)
{
	struct ip_undo *undo, *next;
	bool progress = true;
	int last = 0, ret;

	while (progress && !TAILQ_EMPTY(&move->undos)) {
		progress = false;
		for (undo = TAILQ_FIRST(&move->undos); undo != NULL; undo = next) {
			next = TAILQ_NEXT(undo, list);
			ret = undo_try(move, undo);
			if (ret == 0)
				undo_drop(move, undo);
			else
				last = ret;
			progress |= ret == 0;
		}
	}
	if (!TAILQ_EMPTY(&move->undos))
		log_line(LOG_ERR, "%s: cannot take back all of what was changed: %s",
			 move->from.name, strerror(-last));
	while ((undo = TAILQ_FIRST(&move->undos)) != NULL)
		undo_drop(move, undo);
}

/* Something cannot be done. Return: is it an error, or, with this move, a pity? */
static bool
gives_up(const struct ip_move *move, const struct error *err)
{
	if (!move->lenient)
		return true;
	log_line(LOG_ERR, "%s", err->msg);
	return false;
}

/* --- the link --- */

static struct nl_msg *
link_message(const struct ip_place *place, int attribute, const void *data, int len)
{
	struct ifinfomsg info = { .ifi_index = place->ifindex };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_NEWLINK, 0);

	if (msg != NULL && (nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO) < 0 ||
			    nla_put(msg, attribute, len, data) < 0)) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

/* Is the new interface there? Not even a lenient move can do without. */
static int
link_check(const struct ip_move *move, struct netlink_link *ret_link, struct error *err)
{
	const int ret = netlink_link_get_index(move->nl, move->to.ifindex, ret_link);

	if (ret < 0)
		return error_set(err, ret, "%s: %s", move->to.name, strerror(-ret));
	return 0;
}

static int
set_link(struct ip_move *move, const uint8_t *mac, uint32_t mtu, struct error *err)
{
	struct netlink_link link;
	int ret = link_check(move, &link, err);

	if (ret < 0)
		return ret;
	if (mac != NULL && memcmp(mac, link.mac, sizeof(link.mac)) != 0)
		ret = step(move, link_message(&move->to, IFLA_ADDRESS, mac, sizeof(link.mac)),
			   link_message(&move->to, IFLA_ADDRESS, link.mac, sizeof(link.mac)));
	if (ret < 0) {
		error_set(err, ret, "%s refuses the MAC address of %s: %s", move->to.name,
			  move->from.name, strerror(-ret));
		return gives_up(move, err) ? ret : 0;
	}
	if (mtu != 0 && mtu != link.mtu)
		ret = step(move, link_message(&move->to, IFLA_MTU, &mtu, sizeof(mtu)),
			   link_message(&move->to, IFLA_MTU, &link.mtu, sizeof(link.mtu)));
	if (ret < 0)
		return error_set(err, ret, "%s refuses mtu %u, as %s has it: %s", move->to.name,
				 mtu, move->from.name, strerror(-ret));
	return 0;
}

/* --- making --- */

/* Link-local addresses of the new interface's own. One of these may be the same, but unproven. */
static int
clear_link_local(struct ip_move *move)
{
	const struct ip_object *object;
	bool any = false;
	int ret;

	TAILQ_FOREACH(object, &move->addrs, list)
		any |= ip_addr_is_link_local6(object->header);
	TAILQ_FOREACH(object, &move->there, list) {
		if (!any || !ip_addr_is_link_local6(object->header))
			continue;
		/* if it is to be there again, as its own */
		ret = step(move,
			   ip_message_copy(object->header, &move->to, &move->to, RTM_DELADDR, 0),
			   ip_message_copy(object->header, &move->to, &move->to, RTM_NEWADDR,
					   NLM_F_CREATE));
		if (!is_gone(ret))
			return ret;
	}
	return 0;
}

static int
make_addr(struct ip_move *move, const struct ip_object *object)
{
	const struct ip_object *other;
	int ret;

	TAILQ_FOREACH(other, &move->there, list)
		if (!ip_addr_is_link_local6(object->header) &&
		    ip_addr_same(other->header, object->header))
			/* with other lifetimes, perhaps; it was there before */
			return netlink_request(
				move->nl, ip_message_copy(object->header, &move->from, &move->to,
							  RTM_NEWADDR, NLM_F_REPLACE));
	ret = make(move, object, &move->to, NLM_F_EXCL);
	if (ret == 0 && ip_move_family(object) == AF_INET6)
		ret = netlink_request(move->nl,
				      ip_message_settle(object->header, &move->from, &move->to));
	return ret;
}

static int
make_addrs(struct ip_move *move, struct error *err)
{
	const struct ip_object *object;
	char text[IP_MOVE_WHAT_SIZE];
	int ret = clear_link_local(move);

	if (ret < 0) {
		error_set(err, ret, "cannot take %s its link-local address: %s", move->to.name,
			  strerror(-ret));
		if (gives_up(move, err))
			return ret;
	}
	TAILQ_FOREACH(object, &move->addrs, list) {
		ret = make_addr(move, object);
		if (is_made(ret))
			continue;
		error_set(err, ret, "cannot give %s the address %s: %s", move->to.name,
			  ip_addr_text(object->header, text, sizeof(text)), strerror(-ret));
		if (gives_up(move, err))
			return ret;
	}
	return 0;
}

/* Put those routes that change over at the commit, and have a gateway or not, behind the others. */
static void
take_swaps(struct ip_move *move, struct ip_objects *sorted, bool gateway)
{
	struct ip_object *object, *next;

	for (object = TAILQ_FIRST(&move->routes); object != NULL; object = next) {
		next = TAILQ_NEXT(object, list);
		if (!object->swaps || ip_move_has_gateway(object->header) != gateway)
			continue;
		TAILQ_REMOVE(&move->routes, object, list);
		TAILQ_INSERT_TAIL(sorted, object, list);
	}
}

/* One round. Return: has it made any? */
static bool
make_some_routes(struct ip_move *move, struct ip_objects *sorted, struct error *err)
{
	struct ip_object *object, *next;
	char text[IP_MOVE_WHAT_SIZE];
	bool any = false;
	int ret;

	for (object = TAILQ_FIRST(&move->routes); object != NULL; object = next) {
		next = TAILQ_NEXT(object, list);
		if (object->swaps)
			continue;
		ret = ip_route_is_ra(object->header) ? ra_make(move, object) :
						       make(move, object, &move->to, NLM_F_APPEND);
		if (is_made(ret)) {
			any = true;
			TAILQ_REMOVE(&move->routes, object, list);
			TAILQ_INSERT_TAIL(sorted, object, list);
		} else {
			error_set(err, ret, "cannot make route %s by %s: %s",
				  ip_route_text(object->header, text, sizeof(text)), move->to.name,
				  strerror(-ret));
		}
	}
	return any;
}

/*
 * Routes need others first, by which their gateways are reached: they are made in rounds, as long
 * as that helps, and listed in an order in which they can be made.
 */
static int
make_routes(struct ip_move *move, struct error *err)
{
	struct ip_objects sorted = TAILQ_HEAD_INITIALIZER(sorted);
	bool left;

	take_swaps(move, &sorted, false);
	while (make_some_routes(move, &sorted, err))
		;
	take_swaps(move, &sorted, true);
	left = !TAILQ_EMPTY(&move->routes);
	TAILQ_CONCAT(&sorted, &move->routes, list);
	TAILQ_CONCAT(&move->routes, &sorted, list);
	return left && gives_up(move, err) ? err->code : 0;
}

/* Is it somebody's, and not what the kernel has found out? */
static bool
neighbour_stays(const struct ip_object *object)
{
	const struct ndmsg *info = nlmsg_data(object->header);

	return (info->ndm_state & NUD_PERMANENT) || (info->ndm_flags & NTF_PROXY);
}

static int
make_others(struct ip_move *move, struct error *err)
{
	const struct ip_object *object;
	int ret;

	TAILQ_FOREACH(object, &move->rules, list) {
		/* one that is there already, as after a crash, would be there twice */
		ret = make(move, object, &move->to, NLM_F_EXCL);
		if (is_made(ret))
			continue;
		error_set(err, ret, "cannot make a policy rule of %s for %s: %s", move->from.name,
			  move->to.name, strerror(-ret));
		if (gives_up(move, err))
			return ret;
	}
	TAILQ_FOREACH(object, &move->neighbours, list) {
		ret = make(move, object, &move->to, NLM_F_EXCL);
		/* others are asked for again */
		if (is_made(ret) || !neighbour_stays(object))
			continue;
		error_set(err, ret, "cannot make a neighbour of %s for %s: %s", move->from.name,
			  move->to.name, strerror(-ret));
		if (gives_up(move, err))
			return ret;
	}
	return 0;
}

static struct ip_move *
move_new(struct netlink_monitor *nl, const struct ip_place *from, const struct ip_place *to,
	 bool lenient)
{
	struct ip_move *move = calloc(1, sizeof(*move));

	if (move == NULL)
		return NULL;
	move->nl = nl;
	move->lenient = lenient;
	move->from = *from;
	move->to = *to;
	move->rp_filter = -1;
	TAILQ_INIT(&move->addrs);
	TAILQ_INIT(&move->there);
	TAILQ_INIT(&move->routes);
	TAILQ_INIT(&move->rules);
	TAILQ_INIT(&move->neighbours);
	TAILQ_INIT(&move->undos);
	return move;
}

struct ip_move *
ip_move_begin(struct netlink_monitor *nl, const struct ip_place *from, const struct ip_place *to,
	      const uint8_t *mac, uint32_t mtu, bool lenient, struct error *err)
{
	struct ip_move *move = move_new(nl, from, to, lenient);
	struct error own = { 0 };

	err = err != NULL ? err : &own;
	if (move == NULL) {
		error_set(err, ENOMEM, "no memory");
		return NULL;
	}
	/* frames come by the new one before all that is sent goes by it */
	move->rp_filter = ip_settings_relax(to->name);
	if (ip_move_read(move, err) == 0 && set_link(move, mac, mtu, err) == 0 &&
	    make_addrs(move, err) == 0 && make_routes(move, err) == 0 &&
	    make_others(move, err) == 0)
		return move;
	ip_move_abort(move);
	return NULL;
}

struct ip_move *
ip_move_note(struct netlink_monitor *nl, const struct ip_place *place, bool *ret_whole)
{
	struct ip_move *note = move_new(nl, place, place, true);

	if (note != NULL && ip_move_read_once(note) == 0) {
		*ret_whole = !note->interrupted;
		return note;
	}
	ip_move_free(note);
	return NULL;
}

/* Put all that is to be made behind what the other has, which is the same interface's. */
static void
give_objects(struct ip_move *from, struct ip_move *to)
{
	TAILQ_CONCAT(&to->addrs, &from->addrs, list);
	TAILQ_CONCAT(&to->routes, &from->routes, list);
	TAILQ_CONCAT(&to->rules, &from->rules, list);
	TAILQ_CONCAT(&to->neighbours, &from->neighbours, list);
}

int
ip_move_again(struct ip_move *note, const struct ip_place *to, const uint8_t *mac, uint32_t mtu,
	      struct error *err)
{
	struct ip_move *move = move_new(note->nl, &note->from, to, true);
	struct netlink_link link;
	struct ip_object *object;
	int ret;

	if (move == NULL)
		return error_set(err, ENOMEM, "no memory");
	/* what the new one has by itself */
	ret = ip_move_read(move, err);
	/* rules that name it are there still, and noted */
	ip_move_objects_free(&move->addrs);
	ip_move_objects_free(&move->routes);
	ip_move_objects_free(&move->rules);
	ip_move_objects_free(&move->neighbours);
	if (ret == 0)
		ret = set_link(move, mac, mtu, err);
	if (ret == 0) {
		give_objects(note, move);
		TAILQ_FOREACH(object, &move->routes, list)
			object->swaps = false; /* there is none to change over from */
		make_addrs(move, err);
		make_routes(move, err);
		make_others(move, err);
		give_objects(move, note);
		/* somebody may have deleted it meanwhile */
		ret = link_check(move, &link, err);
	}
	ip_move_free(move);
	return ret;
}

const struct ip_move_count *
ip_move_count(const struct ip_move *move)
{
	return &move->count;
}

/* --- taking away --- */

/* The kernel has made a route for the address already, which is not the first one. */
static int
swap_route(struct ip_move *move, const struct ip_object *object)
{
	const struct nlmsghdr *header = object->header;
	const struct rtmsg *info = nlmsg_data(header);
	const bool twins = info->rtm_family == AF_INET;
	struct ip_undo *undo;
	int ret = 0;

	if (twins)
		ret = unmake(move, object, &move->to);
	if (!is_gone(ret))
		return ret;
	ret = step(move,
		   ip_message_copy(header, &move->from, &move->to, RTM_NEWROUTE,
				   NLM_F_CREATE | NLM_F_REPLACE),
		   ip_message_copy(header, &move->from, &move->from, RTM_NEWROUTE,
				   NLM_F_CREATE | NLM_F_REPLACE));
	if (ret < 0 || !twins)
		return ret;
	/* and if that is undone, it has made one for the address that is back */
	undo = undo_new(move);
	if (undo == NULL)
		return -ENOMEM;
	undo->msg = ip_message_copy(header, &move->from, &move->from, RTM_DELROUTE, 0);
	return undo->msg != NULL ? 0 : -ENOMEM;
}

static int
commit_routes(struct ip_move *move, struct error *err)
{
	const struct ip_object *object;
	char text[IP_MOVE_WHAT_SIZE];
	int ret;

	TAILQ_FOREACH_REVERSE(object, &move->routes, ip_objects, list)
	{
		if (object->swaps)
			ret = swap_route(move, object);
		else if (ip_route_is_ra(object->header))
			ret = ra_unmake(move, object);
		else
			ret = unmake(move, object, &move->from);
		if (object->swaps ? ret == 0 : is_gone(ret))
			continue;
		error_set(err, ret, "cannot move route %s from %s to %s: %s",
			  ip_route_text(object->header, text, sizeof(text)), move->from.name,
			  move->to.name, strerror(-ret));
		if (gives_up(move, err))
			return ret;
	}
	return 0;
}

static int
commit_addrs(struct ip_move *move, struct error *err)
{
	const struct ip_object *object;
	char text[IP_MOVE_WHAT_SIZE];
	int ret;

	/* a primary address would take the others of its network with it */
	TAILQ_FOREACH_REVERSE(object, &move->addrs, ip_objects, list)
	{
		ret = unmake(move, object, &move->from);
		if (is_gone(ret))
			continue;
		error_set(err, ret, "cannot take the address %s off %s: %s",
			  ip_addr_text(object->header, text, sizeof(text)), move->from.name,
			  strerror(-ret));
		if (gives_up(move, err))
			return ret;
	}
	return 0;
}

static int
commit_others(struct ip_move *move, struct error *err)
{
	const struct ip_object *object;
	int ret = 0;

	TAILQ_FOREACH(object, &move->rules, list)
		if (is_gone(ret))
			ret = unmake(move, object, &move->from);
	TAILQ_FOREACH(object, &move->neighbours, list)
		if (is_gone(ret) && neighbour_stays(object))
			ret = unmake(move, object, &move->from);
	if (is_gone(ret))
		return 0;
	error_set(err, ret, "cannot take policy rules and neighbours off %s: %s", move->from.name,
		  strerror(-ret));
	return gives_up(move, err) ? ret : 0;
}

static void
filter_again(struct ip_move *move)
{
	ip_settings_restore(move->to.name, move->rp_filter);
	move->rp_filter = -1;
}

int
ip_move_commit(struct ip_move *move, struct error *err)
{
	struct error own = { 0 };

	err = err != NULL ? err : &own;
	/* neighbours first: with its last address the kernel forgets those of an interface */
	if (commit_others(move, err) == 0 && commit_routes(move, err) == 0 &&
	    commit_addrs(move, err) == 0) {
		filter_again(move);
		return 0;
	}
	take_back(move);
	return err->code;
}

void
ip_move_abort(struct ip_move *move)
{
	if (move != NULL)
		take_back(move);
	ip_move_free(move);
}

void
ip_move_free(struct ip_move *move)
{
	struct ip_undo *undo;

	if (move == NULL)
		return;
	filter_again(move);
	while ((undo = TAILQ_FIRST(&move->undos)) != NULL)
		undo_drop(move, undo);
	ip_move_objects_free(&move->addrs);
	ip_move_objects_free(&move->there);
	ip_move_objects_free(&move->routes);
	ip_move_objects_free(&move->rules);
	ip_move_objects_free(&move->neighbours);
	free(move->last);
	free(move);
}
