/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The frame of a flow that an operator asks about (common/flow_text.h): with the MACs that it would
 * have, as far as the switch knows who is who.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_EXPLAIN_FLOW_H
#define VSWITCH_EXPLAIN_FLOW_H

#include <stdint.h>

#include <jansson.h>

struct error;
struct flow;
struct switch_port;
struct vswitch;

#define EXPLAIN_FLOW_SIZE 128 /* bytes of a frame */

/**
 * explain_flow() - make it.
 * @port: that it comes in by.
 * @ret_frame: EXPLAIN_FLOW_SIZE bytes.
 * @assumed: array; gets a sentence for each thing that was not said.
 * Return: bytes of the frame; or -EINVAL: who has the destination is not known.
 */
int explain_flow(struct vswitch *sw, struct switch_port *port, const struct flow *flow,
		 uint8_t *ret_frame, json_t *assumed, struct error *err);

#endif /* VSWITCH_EXPLAIN_FLOW_H */
