/* SPDX-License-Identifier: BSD-3-Clause */
#include "netback.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_common.h>

#include "error.h"
#include "netback_priv.h"
#include "store.h"
#include "vif.h"

#define TOKEN_BACKEND "vif"     /* of the watch on all backend directories */
#define TOKEN_RELEASE "release" /* of the watch for domains that end */
#define EVENTS_PER_CALL 1024 /* taken before they are acted on; the rest waits for the next call \
			      */
#define DEVID_MAX 65535      /* "vif32751.65535" is the longest name */

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

	LIST_FOREACH (vif, netback_bucket(netback, domid, devid), list)
		if (vif->domid == domid && vif->devid == devid)
			return vif;
	return NULL;
}

/* Have the vif updated once all events at hand are taken: many events, one look. */
static void
netback_changed(struct netback *netback, struct vif *vif)
{
	if (vif->changed)
		return;
	vif->changed = true;
	TAILQ_INSERT_TAIL(&netback->changed, vif, changed_list);
}

/* The frontend's own words: only its state is watched, so a guest can make no other events. */
static void
frontend_watch_paths(const struct vif *vif, char path[STORE_PATH_SIZE], char token[32])
{
	snprintf(path, STORE_PATH_SIZE, "%s/state", vif->frontend);
	snprintf(token, 32, "%u/%u", vif->domid, vif->devid);
}

static void
netback_probe(struct netback *netback, uint16_t domid, uint32_t devid)
{
	const struct hypervisor *hv = netback->config.hv;
	char path[STORE_PATH_SIZE], token[32];
	struct vif *vif = netback_lookup(netback, domid, devid);
	int ret;

	if (vif != NULL) {
		netback_changed(netback, vif);
		return;
	}
	vif = vif_create(netback, domid, devid);
	if (vif == NULL)
		return;
	LIST_INSERT_HEAD(netback_bucket(netback, domid, devid), vif, list);
	netback->n_vifs++;
	frontend_watch_paths(vif, path, token);
	ret = hv->ops->watch(hv->ctx, path, token);
	if (ret < 0)
		netback_log(netback, vif, "cannot watch the frontend's state: %s", strerror(-ret));
	netback_changed(netback, vif);
}

void
netback_forget(struct vif *vif)
{
	struct netback *netback = vif->netback;
	const struct hypervisor *hv = netback->config.hv;
	char path[STORE_PATH_SIZE], token[32];
	uint16_t domid = vif->domid;
	uint32_t devid = vif->devid;

	frontend_watch_paths(vif, path, token);
	hv->ops->unwatch(hv->ctx, path, token);
	if (vif->changed)
		TAILQ_REMOVE(&netback->changed, vif, changed_list);
	vif->changed = false;
	LIST_REMOVE(vif, list);
	netback->n_vifs--;
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
		LIST_FOREACH (vif, &netback->vifs[i], list)
			if (vif->domid == domid)
				netback_changed(netback, vif);
	}
	snprintf(path, sizeof(path), NETBACK_PATH "/%u", domid);
	names = hv->ops->directory(hv->ctx, 0, path);
	for (char **name = names; name != NULL && *name != NULL; name++) {
		uint32_t devid;

		if (parse_u32(*name, &devid) == 0 && devid <= DEVID_MAX)
			netback_probe(netback, domid, devid);
	}
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

	for (vif = netback_next(netback, NULL); vif != NULL; vif = netback_next(netback, vif))
		netback_changed(netback, vif);
	for (char **name = names; name != NULL && *name != NULL; name++)
		if (parse_device(*name, &domid, &devid) == 1)
			netback_scan_domain(netback, domid);
	free(names);
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
		break;
	}
}

/* Some domain has ended: rings of dead guests keep their memory from being freed. */
static void
release_event(struct netback *netback)
{
	const struct hypervisor *hv = netback->config.hv;
	struct vif *vif;

	for (int i = 0; i < NETBACK_BUCKETS; i++) {
		LIST_FOREACH (vif, &netback->vifs[i], list) {
			if (vif->rings == NULL || hv->ops->domain_alive(hv->ctx, vif->domid))
				continue;
			vif->domain_dead = true;
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
	if (vif != NULL)
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
			release_event(netback);
		else
			frontend_event(netback, token);
	}
}

/* Workers have disabled rings: see whose, and tell the guests. */
static void
netback_read_broken(struct netback *netback)
{
	struct vif *vif;
	uint64_t count;

	if (read(netback->broken_fd, &count, sizeof(count)) < 0)
		return;
	for (int i = 0; i < NETBACK_BUCKETS; i++) {
		LIST_FOREACH (vif, &netback->vifs[i], list) {
			const char *why = vif->rings != NULL ? vif_rings_broken(vif->rings) : NULL;

			if (why == NULL)
				continue;
			vif->ring_errors++;
			vif_fatal(vif, why);
		}
	}
}

void
netback_process(struct netback *netback)
{
	struct vif *vif;

	netback_read_broken(netback);
	netback_read_events(netback);
	while ((vif = TAILQ_FIRST(&netback->changed)) != NULL) {
		TAILQ_REMOVE(&netback->changed, vif, changed_list);
		vif->changed = false;
		vif_update(vif);
	}
}

void
netback_retry(struct netback *netback)
{
	struct vif *vif;

	for (int i = 0; i < NETBACK_BUCKETS; i++) {
		LIST_FOREACH (vif, &netback->vifs[i], list)
			if (!vif->accepted && !vif->refused)
				netback_changed(netback, vif);
	}
	netback_process(netback);
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
	if (netback->epoll_fd < 0 || netback->broken_fd < 0)
		return -errno;
	ret = netback_poll_add(netback, netback->broken_fd);
	if (ret == 0)
		ret = netback_poll_add(netback, hv->ops->store_fd(hv->ctx));
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
	netback->config = *config;
	if (netback->config.max_queues == 0)
		netback->config.max_queues = config->n_threads;
	netback->config.max_queues = RTE_MIN(netback->config.max_queues, NETBACK_QUEUES_MAX);
	netback->epoll_fd = netback->broken_fd = -1;
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
			char path[STORE_PATH_SIZE], token[32];

			frontend_watch_paths(vif, path, token);
			hv->ops->unwatch(hv->ctx, path, token);
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
	if (netback->broken_fd >= 0)
		close(netback->broken_fd);
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
