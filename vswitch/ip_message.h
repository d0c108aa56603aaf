/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests to the kernel that make, or delete, on one interface what a dump has told of another:
 * addresses, routes, policy rules, neighbours.
 *
 * How: a message of a dump is copied attribute by attribute, so that what this code knows nothing
 * of - metrics, encapsulations, priorities - goes along; what names the interface is replaced, and
 * what only the kernel may say is left out.
 *
 * Thread-safety: pure functions.
 */
#ifndef VSWITCH_IP_MESSAGE_H
#define VSWITCH_IP_MESSAGE_H

#include <linux/netlink.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

struct nl_msg;

#define IP_MESSAGE_ADDR_SIZE 52 /* bytes of an address with its network's length */

/* An interface, as messages name it. */
struct ip_place {
	int ifindex;
	char name[IFNAMSIZ];
};

/**
 * ip_message_copy() - a request about the same as @header, at @to instead of @from
 * @header: RTM_NEWADDR, RTM_NEWROUTE, RTM_NEWRULE or RTM_NEWNEIGH, as the kernel sends it
 * @from, @to: may be the same
 * @type: RTM_NEW… or RTM_DEL… of the same kind
 * @flags: NLM_F_*
 *
 * An IPv6 address is made without duplicate address detection, if it has been through that.
 *
 * Return: the request, or NULL: no memory.
 */
struct nl_msg *ip_message_copy(const struct nlmsghdr *header, const struct ip_place *from,
			       const struct ip_place *to, int type, int flags);

/**
 * ip_message_settle() - the request that takes back, on an IPv6 address just made by the one above,
 * the mark that there was no duplicate address detection. Return: it, or NULL: no memory.
 */
struct nl_msg *ip_message_settle(const struct nlmsghdr *header, const struct ip_place *from,
				 const struct ip_place *to);

/** ip_message_is_at() - does an address, route, rule or neighbour name the interface? */
bool ip_message_is_at(const struct nlmsghdr *header, const struct ip_place *place);

/** ip_label_map() - an address label ("eth0:1") for another interface; cut off if it is too long.
 */
void ip_label_map(const char *label, const char *from, const char *to, char ret_label[IFNAMSIZ]);

/* What a message says. */
uint32_t ip_addr_flags(const struct nlmsghdr *header); /* IFA_F_* */
bool ip_addr_same(const struct nlmsghdr *a, const struct nlmsghdr *b);
bool ip_addr_is_link_local6(const struct nlmsghdr *header);
/* ip_addr_text() - "192.0.2.1/24". @size: IP_MESSAGE_ADDR_SIZE. Return: @ret_text. */
const char *ip_addr_text(const struct nlmsghdr *header, char *ret_text, size_t size);

uint32_t ip_route_table(const struct nlmsghdr *header);
uint32_t ip_route_metric(const struct nlmsghdr *header);
uint32_t ip_route_expires(const struct nlmsghdr *header); /* seconds; 0: it stays */
bool ip_route_has(const struct nlmsghdr *header, int attribute);
/** ip_route_same_key() - may only one of both be there, unless one is appended? */
bool ip_route_same_key(const struct nlmsghdr *a, const struct nlmsghdr *b);
/** ip_route_is_kernels() - one that comes with each address or interface by itself. */
bool ip_route_is_kernels(const struct nlmsghdr *header);
/** ip_route_is_ra() - a default route of IPv6 that a router advertisement has made. */
bool ip_route_is_ra(const struct nlmsghdr *header);
/* ip_route_text() - "default table 5". Return: @ret_text. */
const char *ip_route_text(const struct nlmsghdr *header, char *ret_text, size_t size);

#endif /* VSWITCH_IP_MESSAGE_H */
