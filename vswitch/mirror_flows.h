/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mirror flows: the flows in a mirror's copies, told to a collector by IPFIX (RFC 7011).
 *
 * softflowd finds them: it listens on a tap that the copies are sent to, as a child (child.h) with
 * no rights but to open a packet socket. The tap is the mirror's own port; nothing of what is on
 * it gets into the host's stack (ingress.h), and nothing that the host says on it is a flow.
 *
 * softflowd's libpcap gives it packets in blocks of 256 KiB, and a block that is not full after
 * more than a minute, or, by newer kernels, never. So fill the block (mirror_flows_push()).
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_MIRROR_FLOWS_H
#define VSWITCH_MIRROR_FLOWS_H

#include <stdint.h>
#include <sys/types.h>

struct error;
struct mirror_flows;
struct switch_port;
struct vswitch;

/**
 * mirror_flows_create() - make the tap and start softflowd.
 * @name: of the tap.
 * @collector: HOST:PORT.
 * @timeout: seconds after which a flow is told of.
 * @ret_port: the tap.
 * Return: it, or NULL with @err filled: softflowd is not installed, no tap can be made.
 */
struct mirror_flows *mirror_flows_create(struct vswitch *sw, const char *name,
					 const char *collector, uint32_t timeout,
					 struct switch_port **ret_port, struct error *err);

/** mirror_flows_destroy() - end softflowd, and take the tap away. NULL is legal. */
void mirror_flows_destroy(struct mirror_flows *flows);

/**
 * mirror_flows_push() - packets have been copied: have softflowd see them now. At most once a
 * second: it takes 320 KiB of frames that are no flow's.
 */
void mirror_flows_push(const struct mirror_flows *flows);

/** mirror_flows_pid() - of softflowd; 0: it does not run. */
pid_t mirror_flows_pid(const struct mirror_flows *flows);

/** mirror_flows_reason() - why it does not; empty if it does. */
const char *mirror_flows_reason(const struct mirror_flows *flows);

#endif /* VSWITCH_MIRROR_FLOWS_H */
