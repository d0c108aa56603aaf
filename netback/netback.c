/* SPDX-License-Identifier: BSD-3-Clause */
#include "netback.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>

#include "error.h"
#include "netback_priv.h"
#include "store.h"
#include "vif.h"
#include "vif_ctrl.h"

#define TOKEN_BACKEND "vif"     /* of the watch on all backend directories */
#define TOKEN_RELEASE "release" /* of the watch for domains that end */
#define TOKEN_MCAST "/mcast"    /* of request-multicast-control, behind the device */
#define EVENTS_PER_CALL 1024    /* taken before they are acted on; the rest is for the next call */
#define DEVID_MAX 65535         /* "vif32751.65535" is the longest name */
#define SCAN_MSEC 1000          /* until the store is asked again after it has failed */
#define CTRL_EVENTS_MAX 64      /* control rings looked at in one call */

/* netback.domains */
enum domain_known {
	DOMAIN_NOT_ASKED,
	DOMAIN_DEAD,
	DOMAIN_ALIVE,
	DOMAIN_UNKNOWN,
};

void
netback_log(struct netback *netback, const struct vif *vif, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	netback->config.owner->message(netback->config.owner_arg, vif, text);
}

static struct vif_list *
netback_bucket(struct netback *netback, uint16_t domid, uint32_t devid)
{
	return &netback->vifs[(domid * 31 + devid) % NETBACK_BUCKETS];
}

static struct vif *
netback_lookup(struct netback *netback, uint16_t domid, uint32_t devid)
{
	struct vif *vif;

	LIST_FOREACH(vif, netback_bucket(netback, domid, devid), list)
		if (vif->domid == domid && vif->devid == devid)
			return vif;
	return NULL;
}

uint64_t
netback_now(const struct netback *netback)
{
	return netback->clock();
}

static uint64_t
clock_monotonic(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Wake up at @at, or earlier if that is set already. */
void
netback_timer(struct netback *netback, uint64_t at)
{
	struct itimerspec spec = {
		.it_value = {
			.tv_sec = (time_t)(at / 1000),
			.tv_nsec = (long)(at % 1000) * 1000000,
		},
	};

	if (netback->timer_at != 0 && netback->timer_at <= at)
		return;
	netback->timer_at = at;
	timerfd_settime(netback->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

void
netback_retry_later(struct vif *vif, uint32_t msec)
{
	vif->retry_at = netback_now(vif->netback) + msec;
	netback_timer(vif->netback, vif->retry_at);
}

/* The store has failed: look at all of it again later. */
static void
netback_scan_later(struct netback *netback)
{
	netback->scan_wanted = true;
	netback_timer(netback, netback_now(netback) + SCAN_MSEC);
}

/* Many events, one look. */
void
netback_changed(struct netback *netback, struct vif *vif)
{
	if (vif->changed)
		return;
	vif->changed = true;
	TAILQ_INSERT_TAIL(&netback->changed, vif, changed_list);
}

/*
 * The frontend's own words: only its state is watched, and the one setting that it may change at
 * any time, so a guest can make no other events.
 */
static const struct frontend_watch {
	const char *key;
	const char *token; /* behind the device */
} frontend_watches[] = {
	{ "state", "" },
	{ "request-multicast-control", TOKEN_MCAST },
};

static void
frontend_watch_paths(const struct vif *vif, const struct frontend_watch *watch,
		     char path[STORE_PATH_SIZE], char token[32])
{
	snprintf(path, STORE_PATH_SIZE, "%s/%s", vif->frontend, watch->key);
	snprintf(token, 32, "%u/%u%s", vif->domid, vif->devid, watch->token);
}

static void
netback_unwatch_first(const struct vif *vif, unsigned int n)
{
	const struct hypervisor *hv = vif->netback->config.hv;
	char path[STORE_PATH_SIZE], token[32];

	for (unsigned int i = 0; i < n; i++) {
		frontend_watch_paths(vif, &frontend_watches[i], path, token);
		hv->ops->unwatch(hv->ctx, path, token);
	}
}

int
netback_watch(struct vif *vif)
{
	struct netback *netback = vif->netback;
	const struct hypervisor *hv = netback->config.hv;
	char path[STORE_PATH_SIZE], token[32];
	unsigned int i;
	int ret = 0;

	if (vif->watched)
		return 0;
	for (i = 0; i < RTE_DIM(frontend_watches) && ret == 0; i++) {
		frontend_watch_paths(vif, &frontend_watches[i], path, token);
		ret = hv->ops->watch(hv->ctx, path, token);
	}
	vif->watched = ret == 0;
	if (ret == 0)
		return 0;
	netback_log(netback, vif, "cannot watch the frontend's %s: %s", frontend_watches[i - 1].key,
		    strerror(-ret));
	netback_unwatch_first(vif, i - 1);
	return ret;
}

static void
netback_unwatch(struct vif *vif)
{
	if (vif->watched)
		netback_unwatch_first(vif, RTE_DIM(frontend_watches));
	vif->watched = false;
}

static void
netback_probe(struct netback *netback, uint16_t domid, uint32_t devid)
{
	struct vif *vif = netback_lookup(netback, domid, devid);

	if (vif == NULL) {
		vif = vif_create(netback, domid, devid);
		if (vif == NULL) {
			if (errno != ENOENT && errno != EINVAL)
				netback_scan_later(netback);
			return;
		}
		LIST_INSERT_HEAD(netback_bucket(netback, domid, devid), vif, list);
	}
	netback_changed(netback, vif);
}

void
netback_forget(struct vif *vif)
{
	struct netback *netback = vif->netback;
	uint16_t domid = vif->domid;
	uint32_t devid = vif->devid;

	netback_unwatch(vif);
	vif_clear_error(netback->config.hv, domid, devid);
	if (vif->changed)
		TAILQ_REMOVE(&netback->changed, vif, changed_list);
	vif->changed = false;
	LIST_REMOVE(vif, list);
	vif_leave(vif);
	if (vif->accepted)
		netback->config.owner->vif_removed(netback->config.owner_arg, vif);
	vif_put(vif);
	/* it may have been made again already */
	netback_probe(netback, domid, devid);
}

/* "D", "D/N" or "D/N/anything" into numbers. Return: how many there are. */
static int
parse_device(const char *path, uint16_t *ret_domid, uint32_t *ret_devid)
{
	char domid_text[16], devid_text[16];
	uint32_t domid, devid;
	int n;

	n = sscanf(path, "%15[^/]/%15[^/]", domid_text, devid_text);
	if (n < 1 || parse_u32(domid_text, &domid) < 0 || domid >= DOMID_FIRST_RESERVED)
		return 0;
	*ret_domid = (uint16_t)domid;
	if (n < 2 || parse_u32(devid_text, &devid) < 0 || devid > DEVID_MAX)
		return 1;
	*ret_devid = devid;
	return 2;
}

/* All devices of a domain: those in the store, and those that are known. */
static void
netback_scan_domain(struct netback *netback, uint16_t domid)
{
	const struct hypervisor *hv = netback->config.hv;
	char path[STORE_PATH_SIZE];
	struct vif *vif;
	char **names;

	for (int i = 0; i < NETBACK_BUCKETS; i++) {
		LIST_FOREACH(vif, &netback->vifs[i], list)
			if (vif->domid == domid)
				netback_changed(netback, vif);
	}
	snprintf(path, sizeof(path), NETBACK_PATH "/%u", domid);
	names = hv->ops->directory(hv->ctx, 0, path);
	if (names == NULL && errno != ENOENT)
		netback_scan_later(netback);
	for (char **name = names; name != NULL && *name != NULL; name++) {
		uint32_t devid;

		if (parse_u32(*name, &devid) == 0 && devid <= DEVID_MAX)
			netback_probe(netback, domid, devid);
	}
	free(names);
}

/* The messages about a domain's devices that are not there. */
static void
clear_errors_of_domain(struct netback *netback, uint16_t domid)
{
	const struct hypervisor *hv = netback->config.hv;
	char path[STORE_PATH_SIZE];
	char **names;
	uint32_t devid;

	snprintf(path, sizeof(path), VIF_ERROR_PATH "/%u", domid);
	names = hv->ops->directory(hv->ctx, 0, path);
	for (char **name = names; name != NULL && *name != NULL; name++)
		if (parse_u32(*name, &devid) == 0 && netback_lookup(netback, domid, devid) == NULL)
			vif_clear_error(hv, domid, devid);
	free(names);
}

/* Messages of a backend before us, about devices that went while no backend was there. */
static void
netback_clear_errors(struct netback *netback)
{
	const struct hypervisor *hv = netback->config.hv;
	char **names = hv->ops->directory(hv->ctx, 0, VIF_ERROR_PATH);
	uint16_t domid;
	uint32_t devid;

	for (char **name = names; name != NULL && *name != NULL; name++)
		if (parse_device(*name, &domid, &devid) == 1)
			clear_errors_of_domain(netback, domid);
	free(names);
}

static void
netback_scan(struct netback *netback)
{
	const struct hypervisor *hv = netback->config.hv;
	char **names = hv->ops->directory(hv->ctx, 0, NETBACK_PATH);
	struct vif *vif;
	uint16_t domid;
	uint32_t devid;

	netback->scan_wanted = false;
	if (names == NULL && errno != ENOENT)
		netback_scan_later(netback);
	for (vif = netback_next(netback, NULL); vif != NULL; vif = netback_next(netback, vif))
		netback_changed(netback, vif);
	for (char **name = names; name != NULL && *name != NULL; name++)
		if (parse_device(*name, &domid, &devid) == 1)
			netback_scan_domain(netback, domid);
	free(names);
	/* not before all devices are known */
	if (!netback->scan_wanted)
		netback_clear_errors(netback);
}

/* Of what is below a device only the rate is read again. */
static void
rate_event(struct netback *netback, uint16_t domid, uint32_t devid, const char *path)
{
	struct vif *vif = netback_lookup(netback, domid, devid);

	if (vif != NULL && strcmp(strrchr(path, '/'), "/rate") == 0)
		vif->rate_changed = true;
}

/* An event at or below backend/vif; the path may be absolute or relative. */
static void
backend_event(struct netback *netback, const char *path)
{
	const char *at = strstr(path, NETBACK_PATH);
	uint16_t domid;
	uint32_t devid;

	if (at == NULL)
		return;
	at += strlen(NETBACK_PATH);
	if (*at != '/') {
		netback_scan(netback);
		return;
	}
	switch (parse_device(at + 1, &domid, &devid)) {
	case 1:
		netback_scan_domain(netback, domid);
		break;
	case 2:
		netback_probe(netback, domid, devid);
		rate_event(netback, domid, devid, at);
		break;
	}
}

/* Is the vif's domain alive? Each domain is asked for once. */
static enum domain_known
netback_domain(struct netback *netback, uint16_t domid)
{
	const struct hypervisor *hv = netback->config.hv;
	int ret;

	if (netback->domains[domid] != DOMAIN_NOT_ASKED)
		return netback->domains[domid];
	ret = hv->ops->domain_alive(hv->ctx, domid);
	netback->domains[domid] = ret < 0 ? DOMAIN_UNKNOWN : ret == 0 ? DOMAIN_DEAD : DOMAIN_ALIVE;
	return netback->domains[domid];
}

/* Some domain has ended: rings of dead guests keep their memory from being freed. */
static void
netback_read_released(struct netback *netback)
{
	enum domain_known known;
	struct vif *vif;

	if (!netback->released)
		return;
	netback->released = false;
	memset(netback->domains, DOMAIN_NOT_ASKED, sizeof(netback->domains));
	for (vif = netback_next(netback, NULL); vif != NULL; vif = netback_next(netback, vif)) {
		if (vif->rings == NULL && !vif->domain_dead)
			continue;
		known = netback_domain(netback, vif->domid);
		if (known == DOMAIN_UNKNOWN) {
			netback->released = true;
			netback_timer(netback, netback_now(netback) + SCAN_MSEC);
		} else if (vif->domain_dead != (known == DOMAIN_DEAD)) {
			vif->domain_dead = known == DOMAIN_DEAD;
			netback_changed(netback, vif);
		}
	}
}

static void
frontend_event(struct netback *netback, const char *token)
{
	struct vif *vif;
	uint16_t domid;
	uint32_t devid;

	if (parse_device(token, &domid, &devid) != 2)
		return;
	vif = netback_lookup(netback, domid, devid);
	if (vif == NULL)
		return;
	vif->mcast_changed |= strstr(token, TOKEN_MCAST) != NULL;
	netback_changed(netback, vif);
}

static void
netback_read_events(struct netback *netback)
{
	const struct hypervisor *hv = netback->config.hv;
	char path[STORE_PATH_SIZE], token[STORE_PATH_SIZE];

	for (int i = 0; i < EVENTS_PER_CALL; i++) {
		if (hv->ops->next_event(hv->ctx, path, token) <= 0)
			return;
		if (strcmp(token, TOKEN_BACKEND) == 0)
			backend_event(netback, path);
		else if (strcmp(token, TOKEN_RELEASE) == 0)
			netback->released = true;
		else
			frontend_event(netback, token);
	}
}

/* What workers have found out about a vif's rings. */
static void
netback_read_rings(struct netback *netback, struct vif *vif)
{
	const char *why = vif_rings_broken(vif->rings);
	int error = vif_rings_copy_errno(vif->rings);

	if (error != 0) {
		vif->copy_errno = error;
		netback_log(netback, vif, "grant copies fail: %s", strerror(error));
	}
	if (why != NULL) {
		vif->ring_errors++;
		vif_fatal(vif, why);
	}
}

static void
netback_read_reports(struct netback *netback)
{
	struct vif *vif;
	uint64_t count;

	if (read(netback->broken_fd, &count, sizeof(count)) < 0)
		return;
	for (uint16_t i = 0; i < netback->config.n_threads; i++) {
		const struct vif_thread *thread = netback->config.threads[i];
		uint64_t lost = __atomic_load_n(&thread->lost_events, __ATOMIC_RELAXED);

		if (lost != netback->lost_events[i])
			netback_log(
				netback, NULL,
				"worker %u: event channels cannot be read: %s; %" PRIu64
				" times so far, all queues were looked at instead",
				i, strerror(__atomic_load_n(&thread->lost_errno, __ATOMIC_RELAXED)),
				lost);
		netback->lost_events[i] = lost;
	}
	for (vif = netback_next(netback, NULL); vif != NULL; vif = netback_next(netback, vif))
		if (vif->rings != NULL)
			netback_read_rings(netback, vif);
}

/* The device is to be removed: if its guest has not answered by @now, go on without it. */
static void
netback_answer_due(struct netback *netback, struct vif *vif, uint64_t now)
{
	if (vif->answer_by > now) {
		netback_timer(netback, vif->answer_by);
	} else if (vif->answer_by != 0) {
		vif->answer_by = 0;
		vif->unanswered = true;
		netback_log(netback, vif, "removed without an answer from the guest");
		netback_changed(netback, vif);
	}
}

/* What was put off: take up what is due at @now, and have the rest wake us in time. */
static void
netback_retry_due(struct netback *netback, uint64_t now)
{
	struct vif *vif;

	netback->timer_at = 0;
	if (netback->scan_wanted)
		netback_scan(netback);
	for (vif = netback_next(netback, NULL); vif != NULL; vif = netback_next(netback, vif)) {
		if (vif->ctrl != NULL)
			vif_ctrl_serve_due(vif->ctrl, now);
		if (vif->retry_at > now) {
			netback_timer(netback, vif->retry_at);
		} else if (vif->retry_at != 0) {
			vif->retry_at = 0;
			netback_changed(netback, vif);
		}
		netback_answer_due(netback, vif, now);
	}
}

static void
netback_read_timer(struct netback *netback)
{
	uint64_t count, now = netback_now(netback);
	bool fired = read(netback->timer_fd, &count, sizeof(count)) == sizeof(count);

	if (fired || (netback->timer_at != 0 && netback->timer_at <= now))
		netback_retry_due(netback, now);
}

/* Guests have sent something by their control rings. */
static void
netback_read_control(struct netback *netback)
{
	const struct hypervisor_ops *ops = netback->config.hv->ops;
	uint32_t cookies[CTRL_EVENTS_MAX];
	struct vif *vif;
	int n;

	n = ops->events(netback->control, cookies, CTRL_EVENTS_MAX);
	for (int i = 0; i < n; i++) {
		vif = netback_lookup(netback, (uint16_t)(cookies[i] >> 16), cookies[i] & 0xffff);
		if (vif != NULL && vif->ctrl != NULL)
			vif_ctrl_serve(vif->ctrl);
	}
	if (likely(n >= 0))
		return;
	netback_log(netback, NULL, "event channels of control rings cannot be read: %s",
		    strerror(-n));
	for (vif = netback_next(netback, NULL); vif != NULL; vif = netback_next(netback, vif))
		if (vif->ctrl != NULL)
			vif_ctrl_serve(vif->ctrl);
}

/* Is there an event of a control ring? */
static bool
netback_control_ready(const struct netback *netback)
{
	struct pollfd poll_fd = {
		.fd = netback->config.hv->ops->events_fd(netback->control),
		.events = POLLIN,
	};

	return poll(&poll_fd, 1, 0) > 0;
}

void
netback_process(struct netback *netback)
{
	struct vif *vif;

	netback_read_reports(netback);
	netback_read_timer(netback);
	netback_read_events(netback);
	netback_read_released(netback);
	if (netback_control_ready(netback))
		netback_read_control(netback);
	while ((vif = TAILQ_FIRST(&netback->changed)) != NULL) {
		TAILQ_REMOVE(&netback->changed, vif, changed_list);
		vif->changed = false;
		vif_update(vif);
	}
}

void
netback_report(struct netback *netback)
{
	uint64_t one = 1;

	/* an eventfd's counter cannot fill up by ones; nothing to do about a failure here */
	if (write(netback->broken_fd, &one, sizeof(one)) < 0)
		return;
}

static int
netback_poll_add(struct netback *netback, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(netback->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int
netback_open(struct netback *netback)
{
	const struct hypervisor *hv = netback->config.hv;
	int ret;

	netback->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	netback->broken_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	netback->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (netback->epoll_fd < 0 || netback->broken_fd < 0 || netback->timer_fd < 0)
		return -errno;
	netback->control = hv->ops->thread_create(hv->ctx);
	if (netback->control == NULL)
		return -errno;
	ret = netback_poll_add(netback, netback->broken_fd);
	if (ret == 0)
		ret = netback_poll_add(netback, netback->timer_fd);
	if (ret == 0)
		ret = netback_poll_add(netback, hv->ops->store_fd(hv->ctx));
	if (ret == 0)
		ret = netback_poll_add(netback, hv->ops->events_fd(netback->control));
	if (ret == 0)
		ret = hv->ops->watch(hv->ctx, NETBACK_PATH, TOKEN_BACKEND);
	if (ret == 0)
		ret = hv->ops->watch(hv->ctx, "@releaseDomain", TOKEN_RELEASE);
	return ret;
}

struct netback *
netback_create(const struct netback_config *config, struct error *err)
{
	struct netback *netback = calloc(1, sizeof(*netback));
	int ret;

	if (netback == NULL) {
		error_set(err, ENOMEM, "netback: no memory");
		return NULL;
	}
	if (config->n_threads > NETBACK_THREADS_MAX) {
		error_set(err, ERANGE, "netback: more than %u threads", NETBACK_THREADS_MAX);
		free(netback);
		return NULL;
	}
	netback->config = *config;
	netback->clock = clock_monotonic;
	if (netback->config.max_queues == 0)
		netback->config.max_queues = config->n_threads;
	netback->config.max_queues = RTE_MIN(netback->config.max_queues, NETBACK_QUEUES_MAX);
	netback->epoll_fd = netback->broken_fd = netback->timer_fd = -1;
	TAILQ_INIT(&netback->changed);
	ret = netback_open(netback);
	if (ret < 0) {
		error_set(err, ret, "netback: cannot watch " NETBACK_PATH " in xenstore: %s",
			  strerror(-ret));
		netback_destroy(netback);
		return NULL;
	}
	return netback;
}

void
netback_destroy(struct netback *netback)
{
	const struct hypervisor *hv;
	struct vif *vif;

	if (netback == NULL)
		return;
	hv = netback->config.hv;
	for (int i = 0; i < NETBACK_BUCKETS; i++) {
		while ((vif = LIST_FIRST(&netback->vifs[i])) != NULL) {
			netback_unwatch(vif);
			LIST_REMOVE(vif, list);
			vif_abandon(vif);
			vif_put(vif);
		}
	}
	/* those that were forgotten with their grace period not over yet */
	while ((vif = LIST_FIRST(&netback->retired)) != NULL)
		vif_abandon(vif);
	hv->ops->unwatch(hv->ctx, NETBACK_PATH, TOKEN_BACKEND);
	hv->ops->unwatch(hv->ctx, "@releaseDomain", TOKEN_RELEASE);
	hv->ops->thread_destroy(netback->control);
	if (netback->broken_fd >= 0)
		close(netback->broken_fd);
	if (netback->timer_fd >= 0)
		close(netback->timer_fd);
	if (netback->epoll_fd >= 0)
		close(netback->epoll_fd);
	free(netback);
}

int
netback_fd(const struct netback *netback)
{
	return netback->epoll_fd;
}

void *
netback_owner_arg(const struct netback *netback)
{
	return netback->config.owner_arg;
}

uint16_t
netback_max_queues(const struct netback *netback)
{
	return netback->config.max_queues;
}

struct vif *
netback_find(const struct netback *netback, const char *name)
{
	struct vif *vif;

	for (vif = netback_next(netback, NULL); vif != NULL; vif = netback_next(netback, vif))
		if (strcmp(vif->name, name) == 0)
			return vif;
	return NULL;
}

struct vif *
netback_next(const struct netback *netback, const struct vif *vif)
{
	unsigned int i = 0;

	if (vif != NULL) {
		if (LIST_NEXT(vif, list) != NULL)
			return LIST_NEXT(vif, list);
		i = (vif->domid * 31 + vif->devid) % NETBACK_BUCKETS + 1;
	}
	for (; i < NETBACK_BUCKETS; i++)
		if (!LIST_EMPTY(&netback->vifs[i]))
			return LIST_FIRST(&netback->vifs[i]);
	return NULL;
}
