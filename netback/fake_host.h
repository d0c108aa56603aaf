/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A netback on the fake hypervisor with everything around it in one thread: for tests and fuzzing
 * of netback alone, without a switch. Grace periods are over when the host says so.
 *
 * Thread-safety: one thread.
 */
#ifndef NETBACK_FAKE_HOST_H
#define NETBACK_FAKE_HOST_H

#include "error.h"
#include "fake_frontend.h"
#include "netback.h"
#include "vif.h"

#define FAKE_HOST_THREADS 4
#define FAKE_HOST_ANYTHING 2000 /* ms; netback puts nothing off for longer */

struct fake_host {
	struct fake_hypervisor *fake;
	struct netback *netback;
	uint16_t n_threads;
	uint16_t max_queues;
	struct vif_thread *threads[FAKE_HOST_THREADS];
	bool hold_retired; /* grace periods do not end */
	unsigned int n_retired;
	struct rcu_item_list retired;
	int added_result; /* of vif_added(); 0 */
	unsigned int n_added, n_removed, n_connected, n_disconnected, n_rate_changed;
	unsigned int n_messages;
	char message[256]; /* the last one */
};

/**
 * fake_host_create() - a hypervisor and a running netback.
 * @n_threads: 1 .. FAKE_HOST_THREADS workers' contexts.
 * @max_queues: of a vif; 0: n_threads.
 * Return: the host; it does not fail but aborts, as memory is all that it needs.
 */
struct fake_host *fake_host_create(uint16_t n_threads, uint16_t max_queues);

/** fake_host_destroy() - stop the netback if it runs, and free all. NULL is legal. */
void fake_host_destroy(struct fake_host *host);

/** fake_host_stop() - the backend process ends; guests, store and hypervisor stay. */
void fake_host_stop(struct fake_host *host);

/** fake_host_start() - the backend process starts (again). */
void fake_host_start(struct fake_host *host);

/**
 * fake_host_settle() - let netback and the frontends act until nothing changes any more.
 * @frontends: guests that behave; NULL entries are skipped.
 */
void fake_host_settle(struct fake_host *host, struct fake_frontend **frontends, unsigned int n);

/**
 * fake_host_pass() - let @msec pass, and netback take up what is due. Its clock stands still from
 * then on, but for further calls.
 */
void fake_host_pass(struct fake_host *host, uint32_t msec);

/** fake_host_pass_for() - the same for a netback without a host. */
void fake_host_pass_for(struct netback *netback, uint32_t msec);

/** fake_host_retire() - let the grace periods end of all that is retired now. */
void fake_host_retire(struct fake_host *host);

/**
 * fake_host_connect() - attach a device, run its script, connect a frontend.
 * Return: the frontend, connected; NULL if it did not come to that.
 */
struct fake_frontend *fake_host_connect(struct fake_host *host,
					const struct fake_frontend_config *config);

/** fake_host_vif() - the vif of a device, or NULL. */
struct vif *fake_host_vif(struct fake_host *host, const struct fake_frontend_config *config);

#endif /* NETBACK_FAKE_HOST_H */
