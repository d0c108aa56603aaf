/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Carrier watch: notice within CARRIER_POLL_MSEC that a kernel interface has lost its carrier.
 *
 * The kernel tells of it by netlink, but at most once a second for all interfaces together
 * (net/core/link_watch.c), unless the interface is a port of the kernel's own bonding. A bond
 * cannot wait for that. So a thread asks the driver (ETHTOOL_GLINK) about those interfaces that it
 * is told to watch; it is a thread since the question waits for the kernel's RTNL lock, which
 * others may hold for long. While nothing is watched it sleeps.
 *
 * Thread-safety: the functions are for the control thread, and so is the callback.
 */
#ifndef VSWITCH_CARRIER_H
#define VSWITCH_CARRIER_H

#include <stdbool.h>

struct carrier_entry;
struct carrier_watch;
struct event_base;

#define CARRIER_POLL_MSEC 10

typedef void (*carrier_fn)(void *arg);

/** carrier_watch_create() - start the thread. Return: the watch, or NULL: no memory. */
struct carrier_watch *carrier_watch_create(struct event_base *base);

/** carrier_watch_destroy() - end it; all entries are gone before. NULL is legal. */
void carrier_watch_destroy(struct carrier_watch *watch);

/**
 * carrier_watch_add() - watch an interface.
 * @name: of the interface; it may come and go.
 * @fn: called while the interface has no carrier, but the entry says that it is up.
 * Return: the entry, or NULL: no memory.
 */
struct carrier_entry *carrier_watch_add(struct carrier_watch *watch, const char *name,
					carrier_fn fn, void *arg);

/** carrier_watch_del() - watch it no more; @fn is not called after this. NULL is legal. */
void carrier_watch_del(struct carrier_entry *entry);

/** carrier_watch_up() - is the interface taken for up, so that it is worth asking? At first: no. */
void carrier_watch_up(struct carrier_entry *entry, bool up);

#endif /* VSWITCH_CARRIER_H */
