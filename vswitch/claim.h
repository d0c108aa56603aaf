/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Claim: one vswitchd at a time for a kernel interface.
 *
 * Packet sockets, and taps with several queues, would let two of them share it: each would have
 * some of the packets, and remove the other's ingress filter when it goes. So the one that takes an
 * interface listens on an abstract unix socket that is named by the interface's index: the kernel
 * keeps such names apart by network namespace, as it does the interfaces, and forgets them with the
 * process, however that ends.
 *
 * Thread-safety: any thread.
 */
#ifndef VSWITCH_CLAIM_H
#define VSWITCH_CLAIM_H

struct error;
struct netlink_link;

/**
 * claim_interface() - be the only vswitchd that uses an interface.
 * @err: names the process that has it.
 *
 * Return: a descriptor, to be closed when the interface is given up; -EBUSY, or another -errno.
 */
int claim_interface(const struct netlink_link *link, struct error *err);

#endif /* VSWITCH_CLAIM_H */
