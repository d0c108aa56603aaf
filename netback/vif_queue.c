/* SPDX-License-Identifier: BSD-3-Clause */
#include "vif_queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "error.h"

static uint64_t
clock_usec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

struct vif_thread *
vif_thread_create(const struct hypervisor *hv)
{
	struct vif_thread *thread;

	thread = aligned_alloc(RTE_CACHE_LINE_SIZE,
			       RTE_ALIGN_CEIL(sizeof(*thread), RTE_CACHE_LINE_SIZE));
	if (thread == NULL)
		return NULL;
	memset(thread, 0, sizeof(*thread));
	thread->hv = hv;
	thread->clock = clock_usec;
	thread->direct_min = UINT32_MAX;
	thread->hvt = hv->ops->thread_create(hv->ctx);
	if (thread->hvt == NULL) {
		int saved = errno;

		free(thread);
		errno = saved;
		return NULL;
	}
	return thread;
}

void
vif_thread_destroy(struct vif_thread *thread)
{
	if (thread == NULL)
		return;
	thread->hv->ops->thread_destroy(thread->hvt);
	free(thread);
}

static int
channel_bind(struct vif_channel *channel, struct vif_thread *thread, uint16_t domid,
	     uint32_t remote_port, uint32_t cookie)
{
	int port = thread->hv->ops->bind(thread->hvt, domid, remote_port, cookie);

	if (port < 0)
		return port;
	channel->thread = thread;
	channel->port = (uint32_t)port;
	channel->bound = true;
	return 0;
}

static void
channel_unbind(struct vif_channel *channel)
{
	if (!channel->bound)
		return;
	channel->thread->hv->ops->unbind(channel->thread->hvt, channel->port);
	channel->bound = false;
}

/*
 * An event means that the guest has sent something; buffers it posts are found when needed. What
 * the guest has wrong cannot be told from a backend before us that has not closed its end yet.
 */
static int
queue_bind(struct vif_queue *queue, const struct vif_rings_config *config, uint16_t i,
	   struct error *err)
{
	const struct vif_queue_keys *keys = &config->keys->queues[i];
	int ret;

	ret = channel_bind(&queue->tx.channel, config->threads[i], config->domid, keys->tx_channel,
			   config->cookies[i]);
	if (ret < 0)
		return error_set(err, config->reattach ? EAGAIN : ret,
				 "cannot bind event channel %u of queue %u: %s", keys->tx_channel,
				 i, strerror(-ret));
	queue->rx.notify = &queue->tx.channel;
	if (!keys->split)
		return 0;
	ret = channel_bind(&queue->rx.channel, config->threads[i], config->domid, keys->rx_channel,
			   HYPERVISOR_COOKIE_NONE);
	if (ret < 0)
		return error_set(err, config->reattach ? EAGAIN : ret,
				 "cannot bind event channel %u of queue %u: %s", keys->rx_channel,
				 i, strerror(-ret));
	queue->rx.notify = &queue->rx.channel;
	return 0;
}

/* Enter a ring at the shared response index; requests that wait must fit the ring. */
static int
ring_attach(const RING_IDX *req_prod, const RING_IDX *rsp_prod, uint32_t *ret_index)
{
	uint32_t index = ring_load(rsp_prod);

	if (ring_load(req_prod) - index > NETIF_RING_SLOTS)
		return -EINVAL;
	*ret_index = index;
	return 0;
}

static int
queue_map(struct vif_queue *queue, const struct vif_rings_config *config, uint16_t i,
	  struct error *err)
{
	const struct vif_queue_keys *keys = &config->keys->queues[i];
	const struct hypervisor *hv = config->hv;

	queue->tx.ring = hv->ops->map(hv->ctx, config->domid, keys->tx_ref, true);
	if (queue->tx.ring == NULL)
		return error_set(err, errno, "cannot map tx-ring-ref %u of queue %u: %s",
				 keys->tx_ref, i, strerror(errno));
	queue->rx.ring = hv->ops->map(hv->ctx, config->domid, keys->rx_ref, true);
	if (queue->rx.ring == NULL)
		return error_set(err, errno, "cannot map rx-ring-ref %u of queue %u: %s",
				 keys->rx_ref, i, strerror(errno));
	if (ring_attach(&queue->tx.ring->req_prod, &queue->tx.ring->rsp_prod, &queue->tx.index) <
		    0 ||
	    ring_attach(&queue->rx.ring->req_prod, &queue->rx.ring->rsp_prod, &queue->rx.index) < 0)
		return error_set(err, EINVAL, "ring indices of queue %u make no sense", i);
	return 0;
}

struct vif_rings *
vif_rings_open(const struct vif_rings_config *config, struct error *err)
{
	uint16_t n = config->keys->n_queues;
	struct vif_rings *rings;
	size_t size;

	size = RTE_ALIGN_CEIL(sizeof(*rings) + n * sizeof(rings->queues[0]), RTE_CACHE_LINE_SIZE);
	rings = aligned_alloc(RTE_CACHE_LINE_SIZE, size);
	if (rings == NULL) {
		error_set(err, ENOMEM, "no memory for %u queues", n);
		return NULL;
	}
	memset(rings, 0, size);
	rings->hv = config->hv;
	rings->domid = config->domid;
	rings->n_queues = n;
	rings->sg = config->keys->sg;
	rings->rate = config->rate;
	rings->broken_fd = config->broken_fd;
	vif_mcast_init(&rings->mcast, config->reattach);

	for (uint16_t i = 0; i < n; i++) {
		struct vif_queue *queue = &rings->queues[i];

		queue->rings = rings;
		rte_spinlock_init(&queue->rx.lock);
		if (queue_map(queue, config, i, err) < 0 || queue_bind(queue, config, i, err) < 0) {
			vif_rings_free(rings);
			return NULL;
		}
	}
	for (uint16_t i = 0; i < n; i++)
		rings->queues[i].tx.published = rings->queues[i].tx.index;
	for (uint16_t i = 0; config->reattach && i < n; i++)
		vif_rx_refuse(&rings->queues[i]);
	return rings;
}

void
vif_rings_close(struct vif_rings *rings)
{
	for (uint16_t i = 0; i < rings->n_queues; i++) {
		struct vif_queue *queue = &rings->queues[i];

		channel_unbind(&queue->rx.channel);
		channel_unbind(&queue->tx.channel);
		if (queue->tx.ring != NULL)
			rings->hv->ops->unmap(rings->hv->ctx, queue->tx.ring);
		if (queue->rx.ring != NULL)
			rings->hv->ops->unmap(rings->hv->ctx, queue->rx.ring);
		queue->tx.ring = NULL;
		queue->rx.ring = NULL;
		vif_grants_free(queue->grants);
		queue->grants = NULL;
	}
}

void
vif_rings_free(struct vif_rings *rings)
{
	if (rings == NULL)
		return;
	vif_rings_close(rings);
	free(rings->hash);
	free(rings);
}

static void
channel_notify(const struct vif_channel *channel)
{
	channel->thread->hv->ops->notify(channel->thread->hvt, channel->port);
}

void
vif_rings_kick(struct vif_rings *rings)
{
	for (uint16_t i = 0; i < rings->n_queues; i++) {
		struct vif_queue *queue = &rings->queues[i];

		channel_notify(&queue->tx.channel);
		if (queue->rx.channel.bound)
			channel_notify(&queue->rx.channel);
	}
}

/* Wake the control thread. */
static void
rings_report(struct vif_rings *rings)
{
	uint64_t one = 1;

	/* an eventfd's counter cannot fill up by ones; nothing to do about a failure here */
	if (write(rings->broken_fd, &one, sizeof(one)) < 0)
		return;
}

void
vif_rings_break(struct vif_rings *rings, const char *reason)
{
	const char *none = NULL;

	if (__atomic_compare_exchange_n(&rings->broken, &none, reason, false, __ATOMIC_RELAXED,
					__ATOMIC_RELAXED))
		rings_report(rings);
}

void
vif_rings_copy_failed(struct vif_rings *rings, int error)
{
	/* once until the control thread has seen it */
	if (__atomic_exchange_n(&rings->copy_errno, error, __ATOMIC_RELAXED) == 0)
		rings_report(rings);
}

uint32_t
vif_rings_grants(const struct vif_rings *rings)
{
	uint32_t n = 0;

	for (uint16_t i = 0; i < rings->n_queues; i++)
		if (rings->queues[i].grants != NULL)
			n += rings->queues[i].grants->n;
	return n;
}
