/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Slow protocols: packets that workers have for the control thread (datapath/punt.h), and packets
 * that the control thread sends.
 *
 * Each kind of packet has one handler, called with a contiguous private copy of the frame's start,
 * so that a protocol sees bytes and no mbuf. What comes is hostile: handlers check all of it.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_SLOW_H
#define VSWITCH_SLOW_H

#include <stdint.h>

struct punt;
struct rte_mbuf;
struct switch_port;
struct vswitch;

/* Bytes of a frame that a handler may see; longer frames come with only these. */
#define SLOW_FRAME_MAX 2048

/* What a handler is given. */
struct slow_frame {
	const uint8_t *bytes;
	uint32_t len;            /* of these */
	uint16_t vid;            /* VLAN_NONE: no VLAN of the port's */
	struct rte_mbuf *pkt;    /* all of it, as it came in; slow_handle()'s caller frees it */
	const struct punt *punt; /* what else the worker has said */
};

/**
 * slow_receive() - hand on all that workers have for the control thread.
 */
void slow_receive(struct vswitch *sw);

/**
 * slow_send() - send a frame by a port, whatever state the port is in, if its link is up.
 * @frame: complete, tags included, without FCS; it is padded to 60 bytes.
 * @len: bytes, 14 .. SLOW_FRAME_MAX.
 * Also for a thread that keeps @port from being deleted meanwhile.
 * Return: 0, or -ENOMEM or -ENOBUFS: it is not sent.
 */
int slow_send(struct vswitch *sw, const struct switch_port *port, const uint8_t *frame,
	      uint32_t len);

/**
 * slow_flush() - wait until a port's worker has sent what slow_send() gave it: for the last words
 * by a port that is about to go. Takes what a worker needs to wake up, and SLOW_FLUSH_USEC at most.
 */
#define SLOW_FLUSH_USEC 20000
void slow_flush(struct vswitch *sw, const struct switch_port *port);

#endif /* VSWITCH_SLOW_H */
