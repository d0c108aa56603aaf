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

#include "object.h"
#include "rpc.h"

struct config;
struct error;
struct vswitch;

/* What rpc_server_create() is given; their ctx is the struct vswitch. */
extern const struct rpc_method rpc_methods[];
extern const size_t n_rpc_methods;

/**
 * config_apply() - make the bridges, ports and bonds that a configuration names
 * @config: checked configuration
 * @sw: switch that has none of them yet
 * @err: names the section that could not be made
 *
 * Sections are made in the order: bridges, ports, bonds, and what [port NAME] says of a bond. At
 * the first that fails, those made before are removed again. A kernel interface that is not there
 * (yet) is no failure: its port is down.
 *
 * Return: 0 or -errno. Context: control.
 */
int config_apply(const struct config *config, struct vswitch *sw, struct error *err);

#endif
