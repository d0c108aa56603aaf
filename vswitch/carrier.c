/* SPDX-License-Identifier: BSD-3-Clause */
#include "carrier.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#define BATCH 64 /* names that are copied at once */

struct carrier_entry {
	LIST_ENTRY(carrier_entry) list;
	struct carrier_watch *watch;
	char name[IFNAMSIZ];
	carrier_fn fn;
	void *arg;
	bool up;   /* asked about; under the lock */
	bool lost; /* the thread has found it without carrier; under the lock */
};

struct carrier_watch {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop;                          /* under the lock */
	unsigned int up;                    /* entries that are; under the lock */
	LIST_HEAD(, carrier_entry) entries; /* control: rw under the lock, thread: ro under it */
	int event_fd;
	int socket;
	struct event *event;
};

/* --- the thread --- */

/* The driver says that there is no carrier. An interface that is gone is netlink's business. */
static bool
is_lost(int fd, const char *name)
{
	struct ethtool_value value = { .cmd = ETHTOOL_GLINK };
	struct ifreq ifr = { .ifr_data = (void *)&value };

	memcpy(ifr.ifr_name, name, sizeof(ifr.ifr_name));
	return ioctl(fd, SIOCETHTOOL, &ifr) == 0 && value.data == 0;
}

/* Names to ask about, from @skip on. Return: how many. */
static unsigned int
copy_names(const struct carrier_watch *watch, unsigned int skip, char names[BATCH][IFNAMSIZ])
{
	const struct carrier_entry *entry;
	unsigned int n = 0;

	LIST_FOREACH(entry, &watch->entries, list) {
		if (!entry->up || skip-- > 0)
			continue;
		memcpy(names[n++], entry->name, IFNAMSIZ);
		if (n == BATCH)
			break;
	}
	return n;
}

static bool
mark_lost(struct carrier_watch *watch, const char *name)
{
	struct carrier_entry *entry;
	bool news = false;

	LIST_FOREACH(entry, &watch->entries, list) {
		if (!entry->up || entry->lost || strcmp(entry->name, name) != 0)
			continue;
		entry->lost = news = true;
	}
	return news;
}

/* Called with the lock held, which is given up while the kernel is asked. */
static void
ask_all(struct carrier_watch *watch)
{
	char names[BATCH][IFNAMSIZ];
	unsigned int done = 0, n;
	bool news = false;

	while ((n = copy_names(watch, done, names)) > 0) {
		pthread_mutex_unlock(&watch->lock);
		for (unsigned int i = 0; i < n; i++)
			if (!is_lost(watch->socket, names[i]))
				names[i][0] = '\0';
		pthread_mutex_lock(&watch->lock);
		for (unsigned int i = 0; i < n; i++)
			news |= names[i][0] != '\0' && mark_lost(watch, names[i]);
		done += n;
	}
	if (news)
		eventfd_write(watch->event_fd, 1);
}

static void *
carrier_thread(void *arg)
{
	const struct timespec pause = { .tv_nsec = CARRIER_POLL_MSEC * 1000000L };
	struct carrier_watch *watch = arg;

	pthread_setname_np(pthread_self(), "carrier");
	pthread_mutex_lock(&watch->lock);
	while (!watch->stop) {
		if (watch->up == 0) {
			pthread_cond_wait(&watch->wake, &watch->lock);
			continue;
		}
		ask_all(watch);
		pthread_mutex_unlock(&watch->lock);
		nanosleep(&pause, NULL);
		pthread_mutex_lock(&watch->lock);
	}
	pthread_mutex_unlock(&watch->lock);
	return NULL;
}

/* --- control --- */

/* One that is lost, and is so no more by this; or NULL. */
static struct carrier_entry *
take_lost(struct carrier_watch *watch)
{
	struct carrier_entry *entry;

	pthread_mutex_lock(&watch->lock);
	LIST_FOREACH(entry, &watch->entries, list)
		if (entry->lost)
			break;
	if (entry != NULL)
		entry->lost = false;
	pthread_mutex_unlock(&watch->lock);
	return entry;
}

static void
carrier_event(evutil_socket_t fd, short what, void *arg)
{
	struct carrier_watch *watch = arg;
	struct carrier_entry *entry;
	eventfd_t ignored;

	(void)what;
	eventfd_read(fd, &ignored);
	/* from the start each time: a callback may delete entries */
	while ((entry = take_lost(watch)) != NULL)
		entry->fn(entry->arg);
}

static int
start_thread(struct carrier_watch *watch)
{
	sigset_t all, before;
	int ret;

	/* signals are the control thread's */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ret = pthread_create(&watch->thread, NULL, carrier_thread, watch);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -ret;
}

static void
watch_free(struct carrier_watch *watch)
{
	if (watch->event != NULL)
		event_free(watch->event);
	if (watch->event_fd >= 0)
		close(watch->event_fd);
	if (watch->socket >= 0)
		close(watch->socket);
	pthread_cond_destroy(&watch->wake);
	pthread_mutex_destroy(&watch->lock);
	free(watch);
}

struct carrier_watch *
carrier_watch_create(struct event_base *base)
{
	struct carrier_watch *watch = calloc(1, sizeof(*watch));

	if (watch == NULL)
		return NULL;
	LIST_INIT(&watch->entries);
	pthread_mutex_init(&watch->lock, NULL);
	pthread_cond_init(&watch->wake, NULL);
	watch->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	watch->socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (watch->event_fd >= 0)
		watch->event = event_new(base, watch->event_fd, EV_READ | EV_PERSIST, carrier_event,
					 watch);
	if (watch->socket >= 0 && watch->event != NULL && event_add(watch->event, NULL) == 0 &&
	    start_thread(watch) == 0)
		return watch;
	watch_free(watch);
	return NULL;
}

void
carrier_watch_destroy(struct carrier_watch *watch)
{
	if (watch == NULL)
		return;
	pthread_mutex_lock(&watch->lock);
	watch->stop = true;
	pthread_cond_signal(&watch->wake);
	pthread_mutex_unlock(&watch->lock);
	pthread_join(watch->thread, NULL);
	watch_free(watch);
}

struct carrier_entry *
carrier_watch_add(struct carrier_watch *watch, const char *name, carrier_fn fn, void *arg)
{
	struct carrier_entry *entry = calloc(1, sizeof(*entry));

	if (entry == NULL)
		return NULL;
	entry->watch = watch;
	entry->fn = fn;
	entry->arg = arg;
	snprintf(entry->name, sizeof(entry->name), "%s", name);
	pthread_mutex_lock(&watch->lock);
	LIST_INSERT_HEAD(&watch->entries, entry, list);
	pthread_mutex_unlock(&watch->lock);
	return entry;
}

void
carrier_watch_del(struct carrier_entry *entry)
{
	struct carrier_watch *watch;

	if (entry == NULL)
		return;
	watch = entry->watch;
	pthread_mutex_lock(&watch->lock);
	LIST_REMOVE(entry, list);
	watch->up -= entry->up;
	pthread_mutex_unlock(&watch->lock);
	free(entry);
}

void
carrier_watch_up(struct carrier_entry *entry, bool up)
{
	struct carrier_watch *watch = entry->watch;

	pthread_mutex_lock(&watch->lock);
	watch->up += up - entry->up;
	entry->up = up;
	entry->lost = false;
	if (up)
		pthread_cond_signal(&watch->wake);
	pthread_mutex_unlock(&watch->lock);
}
