/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Netlink: what the kernel says about its interfaces (rtnetlink, by libnl-3).
 *
 * One socket listens to link changes (RTNLGRP_LINK) in the event loop and tells those who watch a
 * name: an interface that goes and comes back, or is renamed, is the same name with another index.
 * If the kernel had to leave messages out (ENOBUFS), all watched names are asked for again. A
 * second socket carries requests, which the kernel answers at once.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_NETLINK_H
#define VSWITCH_NETLINK_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

struct error;
struct event_base;
struct netlink_monitor;
struct netlink_watch;
struct nl_msg;
struct nlmsghdr;

struct netlink_link {
	int ifindex;
	char name[IFNAMSIZ];
	unsigned int flags; /* IFF_* */
	uint16_t type;      /* ARPHRD_* */
	uint32_t mtu;       /* bytes of payload */
	uint32_t master;    /* ifindex of the bridge or bond that it belongs to; 0: none */
	uint8_t mac[6];
	char kind[16];       /* "veth", "tun", …; empty for hardware */
	char alias[48];      /* IFLA_IFALIAS, cut short */
	uint64_t rx_missed;  /* packets that the NIC had no room for, since it was made */
	uint64_t tx_dropped; /* packets that it was given and did not send */
};

/**
 * netlink_link_fn - an interface has come, changed, or gone.
 * @link: what it is like now; NULL: there is none of that name.
 */
typedef void (*netlink_link_fn)(void *arg, const struct netlink_link *link);

/** netlink_object_fn - @header: an object that a dump lists. */
typedef void (*netlink_object_fn)(void *arg, const struct nlmsghdr *header);

/** netlink_ip_fn - an address or a route was made on the interface @ifindex. */
typedef void (*netlink_ip_fn)(void *arg, int ifindex);

/** netlink_monitor_create() - start listening. Return: the monitor, or NULL with @err filled. */
struct netlink_monitor *netlink_monitor_create(struct event_base *base, struct error *err);

/** netlink_monitor_destroy() - stop; watches that are left are forgotten. NULL is legal. */
void netlink_monitor_destroy(struct netlink_monitor *nl);

/**
 * netlink_watch_add() - call @fn at each change of the interface called @name, from the event loop.
 * Return: the watch, or NULL (no memory).
 */
struct netlink_watch *netlink_watch_add(struct netlink_monitor *nl, const char *name,
					netlink_link_fn fn, void *arg);

/** netlink_watch_del() - stop calling; also from within the callback. NULL is legal. */
void netlink_watch_del(struct netlink_watch *watch);

/** netlink_link_get() - read an interface by name. Return: 0, -ENODEV, or another -errno. */
int netlink_link_get(struct netlink_monitor *nl, const char *name, struct netlink_link *ret_link);

/** netlink_link_get_index() - read an interface by index. Return: as netlink_link_get(). */
int netlink_link_get_index(struct netlink_monitor *nl, int ifindex, struct netlink_link *ret_link);

/**
 * netlink_link_losses() - read rx_missed and tx_dropped of an interface by index, and no more: in a
 * fraction of the time. Return: as netlink_link_get().
 */
int netlink_link_losses(struct netlink_monitor *nl, int ifindex, struct netlink_link *ret_link);

/* Changes to the interface with index @ifindex. Return: 0 or -errno. */
int netlink_link_set_up(struct netlink_monitor *nl, int ifindex, bool up);
int netlink_link_set_mtu(struct netlink_monitor *nl, int ifindex, uint32_t mtu);
int netlink_link_set_mac(struct netlink_monitor *nl, int ifindex, const uint8_t mac[6]);
int netlink_link_set_alias(struct netlink_monitor *nl, int ifindex, const char *alias);

/**
 * netlink_request() - send a request and wait for the kernel's acknowledgement.
 * @msg: complete but for sequence number and flags NLM_F_REQUEST and NLM_F_ACK; is freed. NULL is
 *	legal (-ENOMEM), so that callers need not check after nlmsg_alloc_simple().
 * Return: 0 or -errno.
 */
int netlink_request(struct netlink_monitor *nl, struct nl_msg *msg);

/**
 * netlink_count() - send a dump request and count the objects that it lists.
 * @msg: as for netlink_request(), with NLM_F_DUMP.
 * Return: how many, or -errno.
 */
int netlink_count(struct netlink_monitor *nl, struct nl_msg *msg);

/**
 * netlink_dump() - send a dump request and look at all that it lists.
 * @msg: as for netlink_request(), with NLM_F_DUMP.
 * @fn: must not make requests.
 * Return: 0; -EINTR: it was changed meanwhile, ask again; or another -errno.
 */
int netlink_dump(struct netlink_monitor *nl, struct nl_msg *msg, netlink_object_fn fn, void *arg);

/**
 * netlink_links() - look at all interfaces.
 * @fn: as for netlink_dump(); netlink_link_read() reads its messages.
 * Return: 0 or -errno.
 */
int netlink_links(struct netlink_monitor *nl, netlink_object_fn fn, void *arg);

/** netlink_link_read() - read a message about an interface. Return: is it one? */
bool netlink_link_read(const struct nlmsghdr *header, struct netlink_link *ret_link);

/**
 * netlink_ip_watch() - be told of addresses and routes that are made, from now on.
 * @fn: NULL: no more. There is one at a time.
 * Return: 0 or -errno.
 */
int netlink_ip_watch(struct netlink_monitor *nl, netlink_ip_fn fn, void *arg);

#endif /* VSWITCH_NETLINK_H */
