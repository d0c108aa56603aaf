/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The steps of a packet (datapath/trace.h) as sentences.
 *
 * What the datapath has decided is in the steps; what it means to an operator - the names of ports
 * and guests, the route, the neighbour, the rule - is looked up as it is now.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_EXPLAIN_TEXT_H
#define VSWITCH_EXPLAIN_TEXT_H

#include <stdbool.h>

#include <jansson.h>

struct trace;
struct vswitch;

/**
 * explain_json() - {"packet": what it was, "steps": [{"step", "port", "text"}], "sent": [{"port",
 * "length", "frame"}], "dropped": [{"port", "reason", "text"}], "verdict": in a sentence}.
 * @dry: nothing of it has happened: it would.
 * Return: a new object.
 */
json_t *explain_json(struct vswitch *sw, const struct trace *trace, bool dry);

#endif /* VSWITCH_EXPLAIN_TEXT_H */
