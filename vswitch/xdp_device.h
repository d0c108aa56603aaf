/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * XDP device: an interface that the switch has by AF_XDP - a socket for each of the NIC's queues
 * (xdp_socket.h), and the program that gives them the frames (xdp_program.h).
 *
 * Modes, best first: zero-copy (the NIC works on the sockets' memory), native copy (the driver's
 * receive path copies into it), generic (the kernel's receive path does, for any driver).
 *
 * A NIC that takes VLAN tags out of frames would lose them, since an XDP program sees the frame
 * only, so that is switched off (rx-vlan-offload of ethtool(8)); so is, for generic mode, the
 * kernel's GRO, whose packets fit no frame. Both are put back when the device is closed; after a
 * crash they stay off, which costs nothing but speed, while sockets, program and promiscuous mode
 * end with the process.
 *
 * Thread-safety: control thread; the sockets are for workers.
 */
#ifndef VSWITCH_XDP_DEVICE_H
#define VSWITCH_XDP_DEVICE_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "port.h"
#include "xdp_program.h"

struct netlink_link;
struct xdp_socket;

enum xsk_mode { XSK_ZERO_COPY, XSK_NATIVE, XSK_GENERIC, XSK_MODES };

#define XDP_REASON_SIZE 96

struct xdp_device {
	enum xsk_mode mode;
	uint16_t n_queues; /* sockets: all of the NIC's receive queues */
	uint16_t n_txq;    /* the first of them that can send, 1 .. n_queues */
	struct xdp_socket *sockets[PORT_QUEUES_MAX];
	struct xdp_program program;
	int promiscuous;   /* packet socket that keeps the NIC so */
	uint32_t features; /* that were switched off: bits */
	int ifindex;
	char name[IFNAMSIZ];
};

/**
 * xdp_device_open() - take an interface that is up.
 * @worst: try the modes up to this one.
 * @queues_max: 1 .. PORT_QUEUES_MAX; a NIC with more queues is not taken.
 * @ret_reason: why not, in words for an operator, such as "driver e1000e has no zero-copy".
 *
 * Waits for a moment (0.1 s) for queues that were closed a moment ago. Without zero-copy, finding
 * that out leaves the NIC alone.
 * Return: the device, or NULL.
 */
struct xdp_device *xdp_device_open(const struct netlink_link *link, enum xsk_mode worst,
				   uint16_t queues_max, char ret_reason[XDP_REASON_SIZE]);

/**
 * xdp_device_detach() - take the program off, so that the interface is free for other uses; the
 * sockets stay for workers that still look at them.
 */
void xdp_device_detach(struct xdp_device *xdp);

/** xdp_device_close() - free it; workers must not see it any more. NULL is legal. */
void xdp_device_close(struct xdp_device *xdp);

/** xdp_device_mode_name() - "af_xdp, zero-copy" and so on. */
const char *xdp_device_mode_name(const struct xdp_device *xdp);

/** xdp_device_fits() - may the interface's MTU be @mtu? */
bool xdp_device_fits(const struct xdp_device *xdp, uint32_t mtu);

/** xdp_device_losses() - frames that the kernel dropped since the last call. */
uint64_t xdp_device_losses(struct xdp_device *xdp);

#endif /* VSWITCH_XDP_DEVICE_H */
