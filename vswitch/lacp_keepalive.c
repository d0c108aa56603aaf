/* SPDX-License-Identifier: BSD-3-Clause */
#include "lacp_keepalive.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

#include "slow.h"
#include "switch.h"

struct lacp_kept {
	LIST_ENTRY(lacp_kept) list;
	const struct switch_port *port;
	uint8_t frame[LACP_FRAME_LEN];
	uint32_t period; /* ms; 0: not watched over */
	uint64_t fresh;  /* ms: when the control thread has sent it */
	uint64_t sent;   /* ms: when anybody has */
	uint64_t repeats;
};

LIST_HEAD(kept_list, lacp_kept);

struct lacp_keepalive {
	struct vswitch *sw;
	pthread_t thread;
	pthread_mutex_t mutex; /* of all that follows */
	pthread_cond_t cond;   /* something is to be watched over sooner, or the end */
	struct kept_list list;
	uint64_t wake; /* ms: when the thread wakes up by itself */
	bool stop;
};

static uint64_t
msec_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * UINT64_C(1000) + ts.tv_nsec / 1000000;
}

/* When is it to be sent once more? */
static uint64_t
kept_due(const struct lacp_kept *kept)
{
	const uint64_t at = kept->sent + kept->period + kept->period / 2;

	if (kept->period == 0 || at > kept->fresh + LACP_KEEPALIVE_MAX)
		return UINT64_MAX;
	return at;
}

/* Send what is late. Return: when something is late next. */
static uint64_t
repeat_late(struct lacp_keepalive *keepalive, uint64_t now)
{
	uint64_t next = UINT64_MAX;
	struct lacp_kept *kept;

	LIST_FOREACH(kept, &keepalive->list, list) {
		if (kept_due(kept) <= now) {
			if (slow_send(keepalive->sw, kept->port, kept->frame, LACP_FRAME_LEN) == 0)
				kept->repeats++;
			kept->sent = now;
		}
		next = RTE_MIN(next, kept_due(kept));
	}
	return next;
}

static void *
keepalive_run(void *arg)
{
	struct lacp_keepalive *keepalive = arg;

	pthread_mutex_lock(&keepalive->mutex);
	while (!keepalive->stop) {
		struct timespec until;

		keepalive->wake = repeat_late(keepalive, msec_now());
		if (keepalive->wake == UINT64_MAX) {
			pthread_cond_wait(&keepalive->cond, &keepalive->mutex);
			continue;
		}
		until.tv_sec = keepalive->wake / 1000;
		until.tv_nsec = keepalive->wake % 1000 * 1000000;
		pthread_cond_timedwait(&keepalive->cond, &keepalive->mutex, &until);
	}
	pthread_mutex_unlock(&keepalive->mutex);
	return NULL;
}

struct lacp_keepalive *
lacp_keepalive_create(struct vswitch *sw)
{
	struct lacp_keepalive *keepalive = calloc(1, sizeof(*keepalive));
	pthread_condattr_t attr;
	sigset_t all, before;
	int ret;

	if (keepalive == NULL)
		return NULL;
	keepalive->sw = sw;
	keepalive->wake = UINT64_MAX;
	LIST_INIT(&keepalive->list);
	pthread_mutex_init(&keepalive->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&keepalive->cond, &attr);
	pthread_condattr_destroy(&attr);
	/* signals are the control thread's */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ret = pthread_create(&keepalive->thread, NULL, keepalive_run, keepalive);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (ret != 0) {
		pthread_cond_destroy(&keepalive->cond);
		pthread_mutex_destroy(&keepalive->mutex);
		free(keepalive);
		errno = ret;
		return NULL;
	}
	pthread_setname_np(keepalive->thread, "lacp");
	return keepalive;
}

void
lacp_keepalive_destroy(struct lacp_keepalive *keepalive)
{
	if (keepalive == NULL)
		return;
	pthread_mutex_lock(&keepalive->mutex);
	keepalive->stop = true;
	pthread_cond_signal(&keepalive->cond);
	pthread_mutex_unlock(&keepalive->mutex);
	pthread_join(keepalive->thread, NULL);
	pthread_cond_destroy(&keepalive->cond);
	pthread_mutex_destroy(&keepalive->mutex);
	free(keepalive);
}

struct lacp_kept *
lacp_keepalive_add(struct lacp_keepalive *keepalive, const struct switch_port *port)
{
	struct lacp_kept *kept = calloc(1, sizeof(*kept));

	if (kept == NULL)
		return NULL;
	kept->port = port;
	pthread_mutex_lock(&keepalive->mutex);
	LIST_INSERT_HEAD(&keepalive->list, kept, list);
	pthread_mutex_unlock(&keepalive->mutex);
	return kept;
}

void
lacp_keepalive_del(struct lacp_keepalive *keepalive, struct lacp_kept *kept)
{
	if (kept == NULL)
		return;
	pthread_mutex_lock(&keepalive->mutex);
	LIST_REMOVE(kept, list);
	pthread_mutex_unlock(&keepalive->mutex);
	free(kept);
}

void
lacp_keepalive_sent(struct lacp_keepalive *keepalive, struct lacp_kept *kept, const uint8_t *frame,
		    uint32_t period)
{
	pthread_mutex_lock(&keepalive->mutex);
	memcpy(kept->frame, frame, LACP_FRAME_LEN);
	kept->period = period;
	kept->fresh = kept->sent = msec_now();
	if (kept_due(kept) < keepalive->wake)
		pthread_cond_signal(&keepalive->cond);
	pthread_mutex_unlock(&keepalive->mutex);
}

uint64_t
lacp_keepalive_repeats(struct lacp_keepalive *keepalive, const struct lacp_kept *kept)
{
	uint64_t repeats;

	pthread_mutex_lock(&keepalive->mutex);
	repeats = kept->repeats;
	pthread_mutex_unlock(&keepalive->mutex);
	return repeats;
}
