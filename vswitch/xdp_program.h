/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The XDP program of an interface: each frame goes to the AF_XDP socket of the queue that it came
 * in by, and none to the host's stack.
 *
 * libxdp's own program would let frames of a queue without a socket pass to the host, and it is
 * attached in a way that outlives the process. This one is five instructions, drops such frames,
 * and hangs on a bpf_link: the kernel takes it off the interface when the last descriptor of the
 * link is closed, however the process ends.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_XDP_PROGRAM_H
#define VSWITCH_XDP_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

/* Descriptors; -1: none. */
struct xdp_program {
	int map;
	int prog;
	int link;
};

/**
 * xdp_program_load() - make a program for @n_queues queues, attached to nothing.
 * Return: 0 or -errno; then nothing is left.
 */
int xdp_program_load(struct xdp_program *program, uint16_t n_queues);

/** xdp_program_enter() - frames of @queue go to the socket @fd. Return: 0 or -errno. */
int xdp_program_enter(struct xdp_program *program, uint16_t queue, int fd);

/**
 * xdp_program_attach() - let it have the interface's frames.
 * @generic: in the kernel's receive path, for drivers that know nothing of XDP; else in the driver.
 * Return: 0; -EBUSY: there is another program; -EOPNOTSUPP; or another -errno of the driver's.
 */
int xdp_program_attach(struct xdp_program *program, int ifindex, bool generic);

/** xdp_program_detach() - take it off the interface. Harmless if it is not attached. */
void xdp_program_detach(struct xdp_program *program);

/** xdp_program_close() - detach it and free it. */
void xdp_program_close(struct xdp_program *program);

#endif /* VSWITCH_XDP_PROGRAM_H */
