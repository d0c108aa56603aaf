/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dnsmasq: the child process that keeps leases and answers names (network.h says what it is told).
 *
 * It runs in the foreground, as a user of its own (dnsmasq, else nobody) from its first instruction
 * on: setpriv(1) starts it with the capabilities for low ports and net_admin, which it insists on,
 * no way to any others, and SIGTERM for when the daemon ends, however that ends. What it says goes
 * to the log. If it ends unasked it is started again, later each time it ends soon.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_DNSMASQ_H
#define VSWITCH_DNSMASQ_H

#include <stdbool.h>
#include <sys/types.h>

struct dnsmasq;
struct error;
struct event_base;

#define DNSMASQ_DELAY_MSEC 500 /* until it is started again at first; twice as long each time */
#define DNSMASQ_DELAY_MSEC_MAX 60000
#define DNSMASQ_CALM_SEC 60 /* if it has run for this long all is well again */

/**
 * dnsmasq_prepare_fn - it is about to be started, and does not run: write its files.
 * Return: 0, or -errno: it is tried again later.
 */
typedef int (*dnsmasq_prepare_fn)(void *arg);

/**
 * dnsmasq_create() - find the program; nothing is started.
 * @config: path of its configuration.
 * Return: it, or NULL with @err filled: it is not installed.
 */
struct dnsmasq *dnsmasq_create(struct event_base *base, const char *config,
			       dnsmasq_prepare_fn prepare, void *arg, struct error *err);

/** dnsmasq_destroy() - end it, and wait for that, a second at most. NULL is legal. */
void dnsmasq_destroy(struct dnsmasq *dnsmasq);

/** dnsmasq_restart() - start it, or end the one that runs and start it again. */
void dnsmasq_restart(struct dnsmasq *dnsmasq);

/** dnsmasq_reload() - have it read its lists again (SIGHUP); if it does not run it will anyway. */
void dnsmasq_reload(struct dnsmasq *dnsmasq);

/** dnsmasq_pid() - of the process; 0: none runs. */
pid_t dnsmasq_pid(const struct dnsmasq *dnsmasq);

/** dnsmasq_reason() - why none runs; empty if one does. */
const char *dnsmasq_reason(const struct dnsmasq *dnsmasq);

/** dnsmasq_user() - whose process it is, for files that it writes. */
uid_t dnsmasq_user(const struct dnsmasq *dnsmasq);

#endif /* VSWITCH_DNSMASQ_H */
