/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The daemon's methods: "bridge.add", "port.show", ... - JSON to struct object to switch.h, and the
 * switch's objects to JSON. Configuration sections end in the same functions, so that a file and a
 * request mean the same.
 *
 * Results: add, del, set and flush give null. Shows give arrays of objects (fdb.show: an object
 * with "entries" and "next", see there); a field that has no value is null or absent. Counters are
 * numbers since the port was added.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_RPC_METHODS_H
#define VSWITCH_RPC_METHODS_H

#include <stddef.h>

#include "rpc.h"

/* What rpc_server_create() is given; their ctx is the struct vswitch. */
extern const struct rpc_method rpc_methods[];
extern const size_t n_rpc_methods;

#endif
