/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tracer: has workers trace the packets that match a filter (datapath/trace.h), and sends what they
 * tell to the client that wants to see it.
 *
 * A few clients at once, each with a filter and rings of its own. What workers have noted is looked
 * for fifty times a second while somebody traces; a client that does not read, or a filter that
 * matches too much, makes workers find their rings full: those packets go their way untraced, and
 * are counted.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_TRACER_H
#define VSWITCH_TRACER_H

#include <jansson.h>

#include "filter.h"

struct error;
struct rpc_stream;
struct vswitch;

/**
 * tracer_begin() - trace for a client.
 * @ops, @n_ops: its filter; NULL: everything. @text: as it was typed.
 * @ret_id: of its row in tracer_json(), as long as it traces.
 * Return: 0, -EBUSY (TRACE_JOBS_MAX do already), -EALREADY (the connection follows something else),
 * -EINVAL (no filter), -ENOMEM.
 */
int tracer_begin(struct vswitch *sw, struct rpc_stream *stream, const struct sock_filter *ops,
		 size_t n_ops, const char *text, unsigned int *ret_id, struct error *err);

/** tracer_json() - [{"id", "filter", "matched", "missed"}], or []. Return: a new array. */
json_t *tracer_json(const struct vswitch *sw);

#endif /* VSWITCH_TRACER_H */
