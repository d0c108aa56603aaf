/* SPDX-License-Identifier: BSD-3-Clause */
#include "fake_host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netback_priv.h"

#define SETTLE_ROUNDS 1000 /* what has not settled by then goes round in circles */

/* ahead of any other: what was put off by that is due */
static uint64_t clock_msec = UINT64_C(1000000000000);

static uint64_t
host_clock(void)
{
	return clock_msec;
}

void
fake_host_pass_for(struct netback *netback, uint32_t msec)
{
	netback->clock = host_clock;
	clock_msec += msec;
	netback_process(netback);
}

void
fake_host_pass(struct fake_host *host, uint32_t msec)
{
	fake_host_pass_for(host->netback, msec);
}

static int
host_vif_added(void *arg, struct vif *vif, struct error *err)
{
	struct fake_host *host = arg;

	host->n_added += host->added_result == 0;
	return host->added_result == 0 ? 0 : error_set(err, host->added_result, "owner says no");
}

static void
host_vif_removed(void *arg, struct vif *vif)
{
	((struct fake_host *)arg)->n_removed++;
}

static void
host_vif_connected(void *arg, struct vif *vif)
{
	((struct fake_host *)arg)->n_connected++;
}

static void
host_vif_rate_changed(void *arg, struct vif *vif)
{
	struct fake_host *host = arg;

	host->n_rate_changed++;
}

static void
host_vif_disconnected(void *arg, struct vif *vif)
{
	((struct fake_host *)arg)->n_disconnected++;
}

static uint16_t
host_queue_worker(void *arg, struct vif *vif, uint16_t queue)
{
	return queue % ((struct fake_host *)arg)->n_threads;
}

static uint32_t
host_queue_cookie(void *arg, struct vif *vif, uint16_t queue)
{
	return (uint32_t)vif->domid << 8 | queue;
}

static void
host_message(void *arg, const struct vif *vif, const char *text)
{
	struct fake_host *host = arg;

	host->n_messages++;
	snprintf(host->message, sizeof(host->message), "%s: %.200s",
		 vif != NULL ? vif->name : "xen", text);
}

static void
host_retire(void *arg, struct rcu_item *item, void (*fn)(void *obj), void *obj)
{
	struct fake_host *host = arg;
	const struct rcu_item *pending;

	/* twice the same would lose others */
	TAILQ_FOREACH(pending, &host->retired, list)
		if (pending == item)
			abort();
	item->fn = fn;
	item->arg = obj;
	TAILQ_INSERT_TAIL(&host->retired, item, list);
	host->n_retired++;
}

static const struct netback_owner host_owner = {
	.vif_added = host_vif_added,
	.vif_removed = host_vif_removed,
	.vif_connected = host_vif_connected,
	.vif_disconnected = host_vif_disconnected,
	.vif_rate_changed = host_vif_rate_changed,
	.queue_worker = host_queue_worker,
	.queue_cookie = host_queue_cookie,
	.message = host_message,
	.retire = host_retire,
};

void
fake_host_retire(struct fake_host *host)
{
	struct rcu_item *item;

	/* what they retire in turn is for the next time */
	for (unsigned int n = host->n_retired; n > 0; n--) {
		item = TAILQ_FIRST(&host->retired);
		TAILQ_REMOVE(&host->retired, item, list);
		host->n_retired--;
		item->fn(item->arg);
	}
}

void
fake_host_start(struct fake_host *host)
{
	struct netback_config config = {
		.hv = fake_hypervisor_get(host->fake),
		.threads = host->threads,
		.n_threads = host->n_threads,
		.max_queues = host->max_queues,
		.owner = &host_owner,
		.owner_arg = host,
	};
	struct error err;

	for (uint16_t i = 0; i < host->n_threads; i++)
		host->threads[i] = vif_thread_create(config.hv);
	host->netback = netback_create(&config, &err);
	if (host->netback == NULL)
		abort();
}

void
fake_host_stop(struct fake_host *host)
{
	netback_destroy(host->netback);
	host->netback = NULL;
	for (uint16_t i = 0; i < host->n_threads; i++) {
		vif_thread_destroy(host->threads[i]);
		host->threads[i] = NULL;
	}
	/* what was retired before still has its memory to free */
	fake_host_retire(host);
}

struct fake_host *
fake_host_create(uint16_t n_threads, uint16_t max_queues)
{
	struct fake_host *host = calloc(1, sizeof(*host));

	if (host == NULL)
		abort();
	TAILQ_INIT(&host->retired);
	host->fake = fake_hypervisor_create();
	host->n_threads = n_threads;
	host->max_queues = max_queues;
	fake_host_start(host);
	return host;
}

void
fake_host_destroy(struct fake_host *host)
{
	if (host == NULL)
		return;
	if (host->netback != NULL)
		fake_host_stop(host);
	fake_hypervisor_destroy(host->fake);
	free(host);
}

void
fake_host_settle(struct fake_host *host, struct fake_frontend **frontends, unsigned int n)
{
	struct fake_store *store = fake_hypervisor_store(host->fake);

	for (int round = 0; round < SETTLE_ROUNDS; round++) {
		uint64_t writes = fake_store_writes(store);
		bool retired = false;

		if (host->netback != NULL)
			netback_process(host->netback);
		if (!host->hold_retired && host->n_retired > 0) {
			fake_host_retire(host);
			retired = true;
		}
		for (unsigned int i = 0; i < n; i++)
			if (frontends[i] != NULL)
				fake_frontend_step(frontends[i]);
		if (!retired && fake_store_writes(store) == writes)
			return;
	}
	abort();
}

struct vif *
fake_host_vif(struct fake_host *host, const struct fake_frontend_config *config)
{
	char name[VIF_NAME_SIZE];

	snprintf(name, sizeof(name), "vif%hu.%hu", config->domid, (uint16_t)config->devid);
	return netback_find(host->netback, name);
}

struct fake_frontend *
fake_host_connect(struct fake_host *host, const struct fake_frontend_config *config)
{
	struct fake_frontend *frontend;

	if (fake_toolstack_attach(host->fake, config) < 0)
		return NULL;
	frontend = fake_frontend_create(host->fake, config);
	fake_host_settle(host, &frontend, 1);
	if (!config->no_hotplug)
		fake_toolstack_hotplug(host->fake, config, "connected");
	fake_host_settle(host, &frontend, 1);
	if (frontend->state == XenbusStateConnected &&
	    fake_backend_state(host->fake, config) == XenbusStateConnected)
		return frontend;
	fake_frontend_destroy(frontend);
	return NULL;
}
