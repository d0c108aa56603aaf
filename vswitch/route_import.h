/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Route import: the routes and neighbours of the host's kernel, taken over rtnetlink (libnl-3) and
 * followed as they change. So a routing daemon (FRR, BIRD) that programs the kernel programs the
 * switch.
 *
 * Taken are unicast, blackhole, unreachable and prohibit routes of the main table. An interface of
 * the kernel's is here the port of its name; a tap that is on a bridge is that bridge's gateway
 * port, since what the host reaches by its own interface on a bridge the router reaches by its own.
 * Of routes by other interfaces the gateways are looked for on our own networks; what is not there
 * is inactive. Of several routes to one prefix the one with the lowest metric is taken.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_ROUTE_IMPORT_H
#define VSWITCH_ROUTE_IMPORT_H

struct error;
struct routing;

/** route_import_start() - begin; harmless if it has begun. Return: 0, or -errno with @err filled.
 */
int route_import_start(struct routing *routing, struct error *err);

/** route_import_stop() - end, and forget what was taken. Harmless if it has not begun. */
void route_import_stop(struct routing *routing);

#endif /* VSWITCH_ROUTE_IMPORT_H */
