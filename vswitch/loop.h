/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Loop: detect that what leaves by a port comes back by another, and block one of them, where no
 * spanning tree does it (key loop-detect of a bridge; a port that filters BPDUs, too).
 *
 * How: probes (protocol/loop_probe.h) are sent by ports that may be part of a loop; workers give
 * those of their own bridge to the control thread instead of forwarding them. Since a probe wakes
 * who is behind a port, guests and stations get them only while there is a reason, which every loop
 * that carries traffic gives soon enough:
 *  - the port's link came up, or it joined the bridge, LOOP_UP_SECONDS ago at most;
 *  - an address behind it moved to another port, or from there to it, or could not be learnt, in
 * the last LOOP_MOVE_SECONDS;
 *  - it is blocked, or the port is that another one is blocked for.
 * Only where a bridge has two uplinks or more, these send probes every second. All of it costs an
 * idle switch next to nothing.
 *
 * Which one is blocked: a guest's port rather than the host's tap, that rather than an uplink, else
 * the one with the higher id. A guest that is sent a probe and repeats it, or has another guest
 * repeat it, has his own port blocked, or that one's; an uplink that only its own probes come back
 * to is never blocked, since anybody out there can do that, but it is told. A port is blocked until
 * no probe has come back for LOOP_CALM_SECONDS; twice as long each time that the loop is there
 * again soon after, up to an hour. The operator's "carrier on" opens it at once.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_LOOP_H
#define VSWITCH_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct switch_port;
struct vswitch;

#define LOOP_UP_SECONDS 5
#define LOOP_MOVE_SECONDS 10
#define LOOP_CALM_SECONDS 30
#define LOOP_CALM_MAX 3600
#define LOOP_RELAPSE_SECONDS 600 /* "soon after" */

/* What there is of it in a port. Times are ms of CLOCK_MONOTONIC. */
struct loop_port {
	bool blocked;
	char reason[64]; /* blocked: why */
	uint16_t peer;   /* blocked: the other end of the loop, by id and generation */
	uint16_t generation;
	uint16_t vid;     /* VLAN that is suspected; 0: none, untagged */
	uint64_t since;   /* addresses have moved since then, */
	uint64_t moved;   /* and did so last then */
	uint64_t suspect; /* probes are sent until then */
	uint64_t sent;    /* last probe */
	uint64_t seen;    /* blocked: last proof */
	uint64_t freed;   /* end of the last time that it was blocked; 0: none */
	uint32_t calm;    /* seconds without proof that end it */
	uint64_t n_loops; /* times that it was found to be part of a loop */
};

/** loop_init() - choose the secret of this process. Return: 0 or -errno. */
int loop_init(struct vswitch *sw);

/** loop_tick() - once a second. */
void loop_tick(struct vswitch *sw);

/** loop_port_changed() - it joined or left a bridge, its link came or went, settings changed. */
void loop_port_changed(struct switch_port *port);

/** loop_port_reset() - the operator plugs it in again: it is not blocked any more. */
void loop_port_reset(struct switch_port *port);

/**
 * loop_suspect() - an address moved from or to this port, or could not be learnt.
 * @vid: its VLAN.
 */
void loop_suspect(struct switch_port *port, uint16_t vid);

/**
 * loop_receive() - a frame that looks like one of our probes has come in.
 * @frame, @len: hostile.
 */
void loop_receive(struct switch_port *port, const uint8_t *frame, uint32_t len);

#endif /* VSWITCH_LOOP_H */
