/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vhost: the network interface of a virtual machine that has virtio (KVM, or DPDK's virtio-user),
 * by the vhost-user protocol. The switch listens on a socket, the machine's QEMU connects to it.
 *
 * rte_vhost of DPDK does the protocol, in a thread of its own, and moves the packets. That thread
 * only notes what it hears under a lock and wakes the control thread by an eventfd; the control
 * thread publishes a guest to the workers after a grace period, so that no packet prepared for one
 * guest's offloads reaches another. Taking a guest away cannot wait for the control thread, since
 * its memory goes when the callback returns: there the protocol's thread hides it from the workers
 * and waits until each of them has passed a quiescent state.
 *
 * An idle guest costs nothing: a queue that stays empty asks the guest for a kick, an eventfd that
 * wakes the worker.
 *
 * What the guest can do: rte_vhost checks rings, descriptors and addresses against the guest's
 * memory, and a packet is copied once, before it is looked at. A packet is at most 64 KiB, in one
 * piece (larger ones are dropped by rte_vhost). QEMU itself is trusted as far as the eventfds go:
 * it can make a write to its own one block.
 *
 * Thread-safety: control thread.
 */
#ifndef VSWITCH_PORT_VHOST_H
#define VSWITCH_PORT_VHOST_H

#include <stdint.h>

#include "port.h"

extern const struct port_type port_type_vhost;

/* What is to be shown of a vhost port. */
struct vhost_info {
	const char *path;  /* of its socket; valid until the port is closed */
	uint16_t n_queues; /* pairs that the guest uses; 0: no guest */
};

/** port_vhost_info() - read it. @port: of type vhost. */
void port_vhost_info(const struct port *port, struct vhost_info *ret_info);

#endif /* VSWITCH_PORT_VHOST_H */
