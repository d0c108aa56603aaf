/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ingress guard: keep the host's own network stack off an interface that belongs to the switch.
 *
 * A packet socket gets copies; the originals go on to the host's stack, which would answer ARP for
 * all of its addresses on this wire and take in broadcasts that reach it through the bridge as
 * well. So a filter is put where the stack takes frames over from the driver, behind packet
 * sockets: tc's clsact qdisc with one classic BPF instruction, "taken" (modules sch_ingress and
 * cls_bpf). Where the kernel has them not, the interface is at least told to answer no ARP and to
 * do no IPv6, and the log says so.
 *
 * The filter outlives a crash, so that the stack stays off until the next start finds it again.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_INGRESS_H
#define VSWITCH_INGRESS_H

#include <net/if.h>
#include <stdbool.h>

struct netlink_link;
struct netlink_monitor;

struct ingress_guard {
	int ifindex; /* 0: nothing is set */
	char name[IFNAMSIZ];
	bool filter;    /* the filter is there */
	bool qdisc;     /* the qdisc is ours, too */
	int arp_ignore; /* what it was before; -1: not changed */
	int disable_ipv6;
};

/** ingress_guard_set() - keep the stack off @link. What does not work is logged, not fatal. */
void ingress_guard_set(struct ingress_guard *guard, struct netlink_monitor *nl,
		       const struct netlink_link *link);

/** ingress_guard_clear() - give the interface back to the stack. Harmless if it is gone. */
void ingress_guard_clear(struct ingress_guard *guard, struct netlink_monitor *nl);

/** ingress_guard_forget() - the same for what a process that was killed has left on @link. */
void ingress_guard_forget(struct netlink_monitor *nl, const struct netlink_link *link);

/** ingress_silence() - have the host do no IPv6 on an interface: it says nothing there unasked. */
void ingress_silence(const char *name);

#endif /* VSWITCH_INGRESS_H */
