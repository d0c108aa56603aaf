/* SPDX-License-Identifier: BSD-3-Clause */
#include "ip_message.h"

#include <arpa/inet.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <netlink/msg.h>
#include <rte_common.h>

#define ROOM 512 /* bytes that a request may be longer than what it is copied from */
/* what may be given of an address; the rest is for the kernel to say */
#define ADDR_FLAGS \
	(IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR | IFA_F_NOPREFIXROUTE | IFA_F_MCAUTOJOIN)
#define ADDR_UNPROVEN (IFA_F_TENTATIVE | IFA_F_OPTIMISTIC | IFA_F_DADFAILED)

static const struct nlattr *
find(const struct nlmsghdr *header, size_t size, int attribute)
{
	return nlmsg_find_attr((struct nlmsghdr *)(uintptr_t)header, (int)size, attribute);
}

/* A new request that begins with @info. */
static struct nl_msg *
request_begin(const struct nlmsghdr *header, int type, int flags, const void *info, size_t size)
{
	struct nl_msg *msg = nlmsg_alloc_size(header->nlmsg_len + ROOM);

	if (msg == NULL)
		return NULL;
	if (nlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, type, 0, flags) != NULL &&
	    nlmsg_append(msg, (void *)(uintptr_t)info, size, NLMSG_ALIGNTO) == 0)
		return msg;
	nlmsg_free(msg);
	return NULL;
}

static bool
is_one_of(int attribute, const int *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == attribute)
			return true;
	return false;
}

/* Copy all attributes but some. Return: 0 or negative. */
static int
copy_others(struct nl_msg *msg, const struct nlmsghdr *header, size_t size, const int *but,
	    size_t n_but)
{
	const struct nlattr *attr;
	int rest, ret = 0;

	nlmsg_for_each_attr(attr, (struct nlmsghdr *)(uintptr_t)header, (int)size,
			    rest) if (ret == 0 && !is_one_of(nla_type(attr), but, n_but)) ret =
		nla_put(msg, attr->nla_type, nla_len(attr), nla_data(attr));
	return ret;
}

static struct nl_msg *
request_end(struct nl_msg *msg, int ret)
{
	if (ret >= 0)
		return msg;
	nlmsg_free(msg);
	return NULL;
}

/* --- addresses --- */

uint32_t
ip_addr_flags(const struct nlmsghdr *header)
{
	const struct ifaddrmsg *info = nlmsg_data(header);
	const struct nlattr *flags = find(header, sizeof(*info), IFA_FLAGS);

	return flags != NULL ? nla_get_u32(flags) : info->ifa_flags;
}

static const struct nlattr *
addr_own(const struct nlmsghdr *header)
{
	const struct nlattr *local = find(header, sizeof(struct ifaddrmsg), IFA_LOCAL);

	return local != NULL ? local : find(header, sizeof(struct ifaddrmsg), IFA_ADDRESS);
}

bool
ip_addr_same(const struct nlmsghdr *a, const struct nlmsghdr *b)
{
	const struct ifaddrmsg *one = nlmsg_data(a), *two = nlmsg_data(b);
	const struct nlattr *own = addr_own(a), *other = addr_own(b);

	return one->ifa_family == two->ifa_family && one->ifa_prefixlen == two->ifa_prefixlen &&
	       own != NULL && other != NULL && nla_len(own) == nla_len(other) &&
	       memcmp(nla_data(own), nla_data(other), nla_len(own)) == 0;
}

bool
ip_addr_is_link_local6(const struct nlmsghdr *header)
{
	const struct ifaddrmsg *info = nlmsg_data(header);
	const struct nlattr *own = addr_own(header);

	return info->ifa_family == AF_INET6 && own != NULL && nla_len(own) == 16 &&
	       IN6_IS_ADDR_LINKLOCAL((const struct in6_addr *)nla_data(own));
}

const char *
ip_addr_text(const struct nlmsghdr *header, char *ret_text, size_t size)
{
	const struct ifaddrmsg *info = nlmsg_data(header);
	const struct nlattr *own = addr_own(header);
	char text[INET6_ADDRSTRLEN] = "?";

	if (own != NULL && nla_len(own) >= (info->ifa_family == AF_INET ? 4 : 16))
		inet_ntop(info->ifa_family, nla_data(own), text, sizeof(text));
	snprintf(ret_text, size, "%s/%u", text, info->ifa_prefixlen);
	return ret_text;
}

void
ip_label_map(const char *label, const char *from, const char *to, char ret_label[IFNAMSIZ])
{
	const size_t len = strlen(from), to_len = strlen(to);
	const bool is_its =
		strncmp(label, from, len) == 0 && (label[len] == '\0' || label[len] == ':');

	memset(ret_label, 0, IFNAMSIZ);
	if (!is_its) {
		strncpy(ret_label, label, IFNAMSIZ - 1);
		return;
	}
	strncpy(ret_label, to, IFNAMSIZ - 1);
	if (to_len + strlen(label + len) < IFNAMSIZ)
		strcpy(ret_label + to_len, label + len);
}

static struct nl_msg *
addr_request(const struct nlmsghdr *header, const struct ip_place *from, const struct ip_place *to,
	     int type, int flags, uint32_t extra)
{
	static const int others[] = { IFA_LABEL, IFA_FLAGS, IFA_TARGET_NETNSID };
	struct ifaddrmsg info = *(const struct ifaddrmsg *)nlmsg_data(header);
	const struct nlattr *label = find(header, sizeof(info), IFA_LABEL);
	const uint32_t known = (ip_addr_flags(header) & ADDR_FLAGS) | extra;
	char mapped[IFNAMSIZ];
	struct nl_msg *msg;
	int ret;

	info.ifa_index = (unsigned int)to->ifindex;
	info.ifa_flags = (uint8_t)known;
	msg = request_begin(header, type, flags, &info, sizeof(info));
	if (msg == NULL)
		return NULL;
	ret = copy_others(msg, header, sizeof(info), others, RTE_DIM(others));
	if (ret == 0 && label != NULL) {
		ip_label_map(nla_data(label), from->name, to->name, mapped);
		ret = nla_put_string(msg, IFA_LABEL, mapped);
	}
	if (ret == 0)
		ret = nla_put_u32(msg, IFA_FLAGS, known);
	return request_end(msg, ret);
}

struct nl_msg *
ip_message_settle(const struct nlmsghdr *header, const struct ip_place *from,
		  const struct ip_place *to)
{
	return addr_request(header, from, to, RTM_NEWADDR, NLM_F_REPLACE,
			    ip_addr_flags(header) & IFA_F_NODAD);
}

/* --- routes --- */

bool
ip_route_has(const struct nlmsghdr *header, int attribute)
{
	return find(header, sizeof(struct rtmsg), attribute) != NULL;
}

uint32_t
ip_route_table(const struct nlmsghdr *header)
{
	const struct rtmsg *info = nlmsg_data(header);
	const struct nlattr *table = find(header, sizeof(*info), RTA_TABLE);

	return table != NULL ? nla_get_u32(table) : info->rtm_table;
}

uint32_t
ip_route_metric(const struct nlmsghdr *header)
{
	const struct nlattr *metric = find(header, sizeof(struct rtmsg), RTA_PRIORITY);

	return metric != NULL ? nla_get_u32(metric) : 0;
}

uint32_t
ip_route_expires(const struct nlmsghdr *header)
{
	const struct nlattr *attr = find(header, sizeof(struct rtmsg), RTA_CACHEINFO);
	const long hertz = sysconf(_SC_CLK_TCK);
	struct rta_cacheinfo cache = { 0 };

	if (attr == NULL)
		return 0;
	memcpy(&cache, nla_data(attr), RTE_MIN((size_t)nla_len(attr), sizeof(cache)));
	return cache.rta_expires > 0 ? RTE_MAX(1u, (uint32_t)cache.rta_expires / (uint32_t)hertz) :
				       0;
}

static bool
attr_equal(const struct nlmsghdr *a, const struct nlmsghdr *b, int attribute)
{
	const struct nlattr *one = find(a, sizeof(struct rtmsg), attribute);
	const struct nlattr *two = find(b, sizeof(struct rtmsg), attribute);

	if (one == NULL || two == NULL)
		return one == two;
	return nla_len(one) == nla_len(two) &&
	       memcmp(nla_data(one), nla_data(two), nla_len(one)) == 0;
}

bool
ip_route_same_key(const struct nlmsghdr *a, const struct nlmsghdr *b)
{
	const struct rtmsg *one = nlmsg_data(a), *two = nlmsg_data(b);

	return one->rtm_family == two->rtm_family && one->rtm_dst_len == two->rtm_dst_len &&
	       one->rtm_src_len == two->rtm_src_len && one->rtm_tos == two->rtm_tos &&
	       ip_route_table(a) == ip_route_table(b) && ip_route_metric(a) == ip_route_metric(b) &&
	       attr_equal(a, b, RTA_DST) && attr_equal(a, b, RTA_SRC);
}

bool
ip_route_is_kernels(const struct nlmsghdr *header)
{
	static const uint8_t link_local[8] = { 0xfe, 0x80 };
	const struct rtmsg *info = nlmsg_data(header);
	const struct nlattr *dst = find(header, sizeof(*info), RTA_DST);

	if (info->rtm_flags & RTM_F_CLONED)
		return true;
	if (info->rtm_protocol == RTPROT_REDIRECT)
		return true;
	if (info->rtm_protocol != RTPROT_KERNEL)
		return false;
	if (ip_route_table(header) == RT_TABLE_LOCAL)
		return true;
	return info->rtm_family == AF_INET6 && dst != NULL && nla_len(dst) == 16 &&
	       (((const uint8_t *)nla_data(dst))[0] == 0xff ||
		(info->rtm_dst_len == 64 && memcmp(nla_data(dst), link_local, 8) == 0));
}

bool
ip_route_is_ra(const struct nlmsghdr *header)
{
	const struct rtmsg *info = nlmsg_data(header);

	/* the second: one that was made by SIOCADDRT, to be like those of the kernel's */
	return info->rtm_family == AF_INET6 && info->rtm_dst_len == 0 &&
	       ip_route_table(header) == RT_TABLE_MAIN && ip_route_has(header, RTA_GATEWAY) &&
	       ip_route_has(header, RTA_OIF) &&
	       (info->rtm_protocol == RTPROT_RA ||
		(info->rtm_protocol == RTPROT_BOOT && ip_route_expires(header) > 0));
}

const char *
ip_route_text(const struct nlmsghdr *header, char *ret_text, size_t size)
{
	const struct rtmsg *info = nlmsg_data(header);
	const struct nlattr *dst = find(header, sizeof(*info), RTA_DST);
	const uint32_t table = ip_route_table(header);
	char text[INET6_ADDRSTRLEN] = "?", where[24] = "";

	if (table != RT_TABLE_MAIN)
		snprintf(where, sizeof(where), " table %u", table);
	if (dst != NULL)
		inet_ntop(info->rtm_family, nla_data(dst), text, sizeof(text));
	if (info->rtm_dst_len == 0)
		snprintf(ret_text, size, "%sdefault%s", info->rtm_family == AF_INET6 ? "IPv6 " : "",
			 where);
	else
		snprintf(ret_text, size, "%s/%u%s", text, info->rtm_dst_len, where);
	return ret_text;
}

static const struct rtnexthop *
hop_next(const struct rtnexthop *hop, int *left)
{
	*left -= (int)NLMSG_ALIGN(hop->rtnh_len);
	return (const struct rtnexthop *)((const char *)hop + NLMSG_ALIGN(hop->rtnh_len));
}

static bool
hop_is_whole(const struct rtnexthop *hop, int left)
{
	return left >= (int)sizeof(*hop) && hop->rtnh_len >= sizeof(*hop) && hop->rtnh_len <= left;
}

static bool
route_is_at(const struct nlmsghdr *header, const struct ip_place *place)
{
	const struct nlattr *oif = find(header, sizeof(struct rtmsg), RTA_OIF);
	const struct nlattr *multipath = find(header, sizeof(struct rtmsg), RTA_MULTIPATH);
	const struct rtnexthop *hop;
	int left;

	if (oif != NULL && (int)nla_get_u32(oif) == place->ifindex)
		return true;
	if (multipath == NULL)
		return false;
	left = nla_len(multipath);
	for (hop = nla_data(multipath); hop_is_whole(hop, left); hop = hop_next(hop, &left))
		if (hop->rtnh_ifindex == place->ifindex)
			return true;
	return false;
}

/* The ways of a route, with those by @from going by @to. */
static int
put_multipath(struct nl_msg *msg, const struct nlattr *multipath, const struct ip_place *from,
	      const struct ip_place *to)
{
	struct nlattr *copy = nla_reserve(msg, multipath->nla_type, nla_len(multipath));
	struct rtnexthop *hop;
	int left = nla_len(multipath);

	if (copy == NULL)
		return -1;
	memcpy(nla_data(copy), nla_data(multipath), (size_t)left);
	for (hop = nla_data(copy); hop_is_whole(hop, left);
	     hop = (struct rtnexthop *)(uintptr_t)hop_next(hop, &left)) {
		hop->rtnh_flags &= RTNH_F_ONLINK;
		if (hop->rtnh_ifindex == from->ifindex)
			hop->rtnh_ifindex = to->ifindex;
	}
	return 0;
}

static struct nl_msg *
route_request(const struct nlmsghdr *header, const struct ip_place *from, const struct ip_place *to,
	      int type, int flags)
{
	static const int others[] = { RTA_OIF, RTA_MULTIPATH, RTA_CACHEINFO, RTA_EXPIRES };
	struct rtmsg info = *(const struct rtmsg *)nlmsg_data(header);
	const struct nlattr *oif = find(header, sizeof(info), RTA_OIF);
	const struct nlattr *multipath = find(header, sizeof(info), RTA_MULTIPATH);
	const uint32_t expires = ip_route_expires(header);
	struct nl_msg *msg;
	int ret;

	info.rtm_flags &= RTNH_F_ONLINK;
	msg = request_begin(header, type, flags, &info, sizeof(info));
	if (msg == NULL)
		return NULL;
	ret = copy_others(msg, header, sizeof(info), others, RTE_DIM(others));
	if (ret == 0 && multipath != NULL)
		ret = put_multipath(msg, multipath, from, to);
	if (ret == 0 && oif != NULL)
		ret = nla_put_u32(msg, RTA_OIF,
				  (int)nla_get_u32(oif) == from->ifindex ? (uint32_t)to->ifindex :
									   nla_get_u32(oif));
	if (ret == 0 && expires > 0 && type == RTM_NEWROUTE)
		ret = nla_put_u32(msg, RTA_EXPIRES, expires);
	return request_end(msg, ret);
}

/* --- rules --- */

static bool
rule_names(const struct nlmsghdr *header, int attribute, const char *name)
{
	const struct nlattr *attr = find(header, sizeof(struct fib_rule_hdr), attribute);

	return attr != NULL && strcmp(nla_get_string(attr), name) == 0;
}

static struct nl_msg *
rule_request(const struct nlmsghdr *header, const struct ip_place *from, const struct ip_place *to,
	     int type, int flags)
{
	static const int names[] = { FRA_IIFNAME, FRA_OIFNAME };
	struct fib_rule_hdr info = *(const struct fib_rule_hdr *)nlmsg_data(header);
	struct nl_msg *msg;
	int ret;

	info.flags &= FIB_RULE_INVERT;
	msg = request_begin(header, type, flags, &info, sizeof(info));
	if (msg == NULL)
		return NULL;
	ret = copy_others(msg, header, sizeof(info), names, RTE_DIM(names));
	for (size_t i = 0; ret == 0 && i < RTE_DIM(names); i++) {
		const struct nlattr *attr = find(header, sizeof(info), names[i]);

		if (attr != NULL)
			ret = nla_put_string(msg, names[i],
					     rule_names(header, names[i], from->name) ?
						     to->name :
						     nla_get_string(attr));
	}
	return request_end(msg, ret);
}

/* --- neighbours --- */

static struct nl_msg *
neigh_request(const struct nlmsghdr *header, const struct ip_place *to, int type, int flags)
{
	static const int kept[] = { NDA_DST, NDA_LLADDR, NDA_PROTOCOL };
	struct ndmsg info = *(const struct ndmsg *)nlmsg_data(header);
	struct nl_msg *msg;
	int ret = 0;

	info.ndm_ifindex = to->ifindex;
	info.ndm_flags &= NTF_PROXY | NTF_ROUTER;
	if (!(info.ndm_state & NUD_PERMANENT))
		info.ndm_state = NUD_STALE; /* good until it is proved wrong */
	msg = request_begin(header, type, flags, &info, sizeof(info));
	for (size_t i = 0; msg != NULL && ret == 0 && i < RTE_DIM(kept); i++) {
		const struct nlattr *attr = find(header, sizeof(info), kept[i]);

		if (attr != NULL)
			ret = nla_put(msg, attr->nla_type, nla_len(attr), nla_data(attr));
	}
	return msg != NULL ? request_end(msg, ret) : NULL;
}

/* --- all --- */

bool
ip_message_is_at(const struct nlmsghdr *header, const struct ip_place *place)
{
	switch (header->nlmsg_type) {
	case RTM_NEWADDR:
		return (int)((const struct ifaddrmsg *)nlmsg_data(header))->ifa_index ==
		       place->ifindex;
	case RTM_NEWROUTE:
		return route_is_at(header, place);
	case RTM_NEWRULE:
		return rule_names(header, FRA_IIFNAME, place->name) ||
		       rule_names(header, FRA_OIFNAME, place->name);
	case RTM_NEWNEIGH:
		return ((const struct ndmsg *)nlmsg_data(header))->ndm_ifindex == place->ifindex;
	default:
		return false;
	}
}

struct nl_msg *
ip_message_copy(const struct nlmsghdr *header, const struct ip_place *from,
		const struct ip_place *to, int type, int flags)
{
	const struct ifaddrmsg *info = nlmsg_data(header);
	uint32_t extra = 0;

	switch (header->nlmsg_type) {
	case RTM_NEWADDR:
		if (info->ifa_family == AF_INET6 && type == RTM_NEWADDR &&
		    !(ip_addr_flags(header) & ADDR_UNPROVEN))
			extra = IFA_F_NODAD;
		return addr_request(header, from, to, type, flags, extra);
	case RTM_NEWROUTE:
		return route_request(header, from, to, type, flags);
	case RTM_NEWRULE:
		return rule_request(header, from, to, type, flags);
	case RTM_NEWNEIGH:
		return neigh_request(header, to, type, flags);
	default:
		return NULL;
	}
}
