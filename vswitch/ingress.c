/* SPDX-License-Identifier: BSD-3-Clause */
#include "ingress.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include <netlink/attr.h>
#include <netlink/msg.h>

#include "log.h"
#include "netlink.h"

#define FILTER_PRIORITY 1    /* before any other: the interface is the switch's */
#define FILTER_HANDLE 0x7673 /* by which it is found again */
#define GUARD_ARP_IGNORE 8   /* answer nobody */
#define QDISC_HANDLE TC_H_MAKE(TC_H_CLSACT, 0)
#define INGRESS_PARENT TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)
#define EGRESS_PARENT TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)

static struct nl_msg *
tc_message(int type, int flags, struct tcmsg tc)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);

	if (msg != NULL && nlmsg_append(msg, &tc, sizeof(tc), NLMSG_ALIGNTO) < 0) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

static struct nl_msg *
qdisc_message(int type, int flags, int ifindex)
{
	const struct tcmsg tc = {
		.tcm_ifindex = ifindex,
		.tcm_parent = TC_H_CLSACT,
		.tcm_handle = QDISC_HANDLE,
	};
	struct nl_msg *msg = tc_message(type, flags, tc);

	if (msg != NULL)
		nla_put_string(msg, TCA_KIND, "clsact");
	return msg;
}

static struct nl_msg *
filter_message(int type, int flags, int ifindex)
{
	const struct tcmsg tc = {
		.tcm_ifindex = ifindex,
		.tcm_parent = INGRESS_PARENT,
		.tcm_handle = FILTER_HANDLE,
		.tcm_info = TC_H_MAKE(FILTER_PRIORITY << 16, htons(ETH_P_ALL)),
	};
	struct nl_msg *msg = tc_message(type, flags, tc);

	if (msg != NULL)
		nla_put_string(msg, TCA_KIND, "bpf");
	return msg;
}

static int
filter_add(struct netlink_monitor *nl, int ifindex)
{
	/* "Stolen" is taken by somebody; "shot" would count as a drop of the interface. */
	const struct sock_filter taken = BPF_STMT(BPF_RET | BPF_K, TC_ACT_STOLEN);
	struct nl_msg *msg = filter_message(RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, ifindex);
	struct nlattr *options;

	if (msg == NULL)
		return -ENOMEM;
	options = nla_nest_start(msg, TCA_OPTIONS);
	if (options == NULL || nla_put_u16(msg, TCA_BPF_OPS_LEN, 1) < 0 ||
	    nla_put(msg, TCA_BPF_OPS, sizeof(taken), &taken) < 0 ||
	    nla_put_u32(msg, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT) < 0) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	nla_nest_end(msg, options);
	return netlink_request(nl, msg);
}

/* Returns the number of filters that hang on one side of the qdisc, or -errno. */
static int
filters_count(struct netlink_monitor *nl, int ifindex, uint32_t parent)
{
	const struct tcmsg tc = { .tcm_ifindex = ifindex, .tcm_parent = parent };

	return netlink_count(nl, tc_message(RTM_GETTFILTER, NLM_F_DUMP, tc));
}

/* Returns what the setting was before, or -1 if it was not changed. */
static int
sysctl_set(const char *family, const char *name, const char *key, int value)
{
	char path[128];
	FILE *file;
	int old = -1;

	snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", family, name, key);
	file = fopen(path, "r+e");
	if (file == NULL)
		return -1;
	if (fscanf(file, "%d", &old) != 1 || old == value)
		old = -1;
	if (old != -1) {
		rewind(file);
		fprintf(file, "%d\n", value);
	}
	fclose(file);
	return old;
}

void
ingress_guard_set(struct ingress_guard *guard, struct netlink_monitor *nl,
		  const struct netlink_link *link)
{
	int qdisc, filter;

	*guard = (struct ingress_guard){ .ifindex = link->ifindex,
					 .arp_ignore = -1,
					 .disable_ipv6 = -1 };
	snprintf(guard->name, sizeof(guard->name), "%s", link->name);
	qdisc = netlink_request(
		nl, qdisc_message(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, link->ifindex));
	filter = filter_add(nl, link->ifindex);
	/* a filter that is there already was left by a crash, and so was the qdisc */
	guard->filter = filter == 0 || filter == -EEXIST;
	guard->qdisc = qdisc == 0 || filter == -EEXIST;
	if (guard->filter)
		return;
	log_line(LOG_WARNING,
		 "port %s: the kernel offers no tc filter (modules sch_ingress, cls_bpf): %s; the "
		 "host's own stack still listens on %s, with ARP and IPv6 switched off",
		 link->name, strerror(-filter), link->name);
	guard->arp_ignore = sysctl_set("ipv4", link->name, "arp_ignore", GUARD_ARP_IGNORE);
	guard->disable_ipv6 = sysctl_set("ipv6", link->name, "disable_ipv6", 1);
}

void
ingress_guard_clear(struct ingress_guard *guard, struct netlink_monitor *nl)
{
	if (guard->ifindex == 0)
		return;
	if (guard->filter)
		netlink_request(nl, filter_message(RTM_DELTFILTER, 0, guard->ifindex));
	/* somebody may have hung filters on our qdisc since: then it is theirs */
	if (guard->qdisc && filters_count(nl, guard->ifindex, INGRESS_PARENT) == 0 &&
	    filters_count(nl, guard->ifindex, EGRESS_PARENT) == 0)
		netlink_request(nl, qdisc_message(RTM_DELQDISC, 0, guard->ifindex));
	if (guard->arp_ignore != -1)
		sysctl_set("ipv4", guard->name, "arp_ignore", guard->arp_ignore);
	if (guard->disable_ipv6 != -1)
		sysctl_set("ipv6", guard->name, "disable_ipv6", guard->disable_ipv6);
	guard->ifindex = 0;
}

void
ingress_guard_forget(struct netlink_monitor *nl, const struct netlink_link *link)
{
	struct ingress_guard guard = {
		.ifindex = link->ifindex,
		.filter = true,
		.qdisc = true,
		.arp_ignore = -1,
		.disable_ipv6 = -1,
	};
	int old = -1;

	/* without a filter: what it was before is not known any more, but as a rule it is this */
	if (filters_count(nl, link->ifindex, INGRESS_PARENT) <= 0)
		old = sysctl_set("ipv4", link->name, "arp_ignore", 0);
	if (old == GUARD_ARP_IGNORE)
		sysctl_set("ipv6", link->name, "disable_ipv6", 0);
	else if (old != -1)
		sysctl_set("ipv4", link->name, "arp_ignore", old); /* somebody else's */
	snprintf(guard.name, sizeof(guard.name), "%s", link->name);
	ingress_guard_clear(&guard, nl);
}

void
ingress_silence(const char *name)
{
	sysctl_set("ipv6", name, "disable_ipv6", 1);
}
