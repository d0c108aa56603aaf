/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of moves (ip_move.c: doing and undoing; ip_move_read.c: what there is to be moved)
 * share with each other alone.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_IP_MOVE_PRIV_H
#define VSWITCH_IP_MOVE_PRIV_H

#include <linux/netlink.h>
#include <sys/queue.h>

#include "ip_move.h"

struct nl_msg;

#define IP_MOVE_WHAT_SIZE 80

/* Something that the old interface has, or an address of the new one. */
struct ip_object {
	TAILQ_ENTRY(ip_object) list;
	struct nlmsghdr *header;
	bool swaps; /* route: it changes over at the commit, in one step */
};
TAILQ_HEAD(ip_objects, ip_object);

/* Takes back one request: another, or an SIOCADDRT. */
struct ip_undo {
	TAILQ_ENTRY(ip_undo) list;
	struct nl_msg *msg;
	const struct ip_object *ra;
	int ifindex;
};
TAILQ_HEAD(ip_undos, ip_undo);

struct ip_move {
	struct netlink_monitor *nl;
	struct ip_place from, to;
	struct ip_objects addrs, routes, rules, neighbours;
	struct ip_objects there; /* addresses that the new interface has */
	struct ip_undos undos;
	struct ip_move_count count;
	bool lenient;
	int rp_filter; /* of the new interface, before; negative: it is as it was */
	/* while routes are read */
	struct ip_object *group; /* the first of those with the same key, if it is ours */
	struct nlmsghdr *last;
	int ret;
	bool interrupted; /* something may be missing */
};

/**
 * ip_move_read() - read all that move->from has, again while it changes, up to a limit
 * Return: 0 or -errno.
 */
int ip_move_read(struct ip_move *move, struct error *err);

/** ip_move_read_once() - the same, but once; see move->interrupted. */
int ip_move_read_once(struct ip_move *move);

/** ip_move_objects_free() - free all; the list is empty afterwards. */
void ip_move_objects_free(struct ip_objects *objects);

/** ip_move_family() - of an address. */
uint8_t ip_move_family(const struct ip_object *object);

/** ip_move_has_gateway() - has a route of either family one? */
bool ip_move_has_gateway(const struct nlmsghdr *header);

#endif /* VSWITCH_IP_MOVE_PRIV_H */
