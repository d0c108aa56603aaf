/* SPDX-License-Identifier: BSD-3-Clause */
#include "capture_thread.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "drop.h"
#include "pcapng.h"
#include "version.h"

#define NSEC UINT64_C(1000000000)
#define NAP_MSEC 1             /* between two looks at the rings */
#define NAP_MSEC_IDLE 4        /* the same when there was nothing */
#define ROUND_BYTES (1u << 20) /* of records, before clients are written to */
#define PATIENCE_MSEC 5000     /* with a client that is to be sent the rest and does not read */
#define PORTS_KEPT 4           /* that used an id in turn */
#define BLOCK_ROOM 4096 /* bytes of a packet's block beside its data, and of an interface's */
#define END_ROOM (2 * BLOCK_ROOM) /* kept for an interface and the totals, however full it is */

/* Which interface of a client's a port is. */
struct known_port {
	uint16_t generation;
	uint32_t number; /* + 1; 0: none so far */
};

struct capture_client {
	const struct capture *capture;
	const char *name, *filter;
	unsigned int slot;
	enum capture_state state; /* under the lock; thread: rw, control: ro */
	bool go, finish;          /* under the lock; control: rw, thread: ro */
	/* the thread's */
	int fd;
	uint8_t *buffer;
	size_t size, start, end;
	size_t limit;   /* where what is to be sent ends, to go on at 0; 0: at end */
	bool has_ended; /* it wants no more, but for what there is */
	bool is_dead;   /* and not that, either */
	bool may_write, is_last, is_blocked;
	uint64_t begun;    /* ns */
	uint64_t progress; /* ns: when it read something last */
	uint64_t delivered;
	uint64_t lost_now; /* since the last packet that it was sent */
	uint64_t unread;   /* thread: rw, control: ro (relaxed) */
	uint32_t n_interfaces;
	struct known_port known[PORT_MAX];
};

struct port_entry {
	LIST_ENTRY(port_entry) list;
	struct capture_port port;
};
LIST_HEAD(port_list, port_entry);

struct capture_thread {
	pthread_t thread;
	pthread_mutex_t lock;
	int wake_fd;                                  /* control -> thread */
	int told_fd;                                  /* thread -> control */
	bool stop;                                    /* under the lock */
	struct capture_client *clients[CAPTURES_MAX]; /* under the lock; by slot */
	struct port_list ports[PORT_MAX];             /* under the lock; newest first */
	/* the thread's */
	struct capture_client *served[CAPTURES_MAX]; /* as of this round */
	struct capture_ring *const *rings;
	uint16_t n_rings;
	uint64_t tsc, tsc_nsec; /* a moment, by either clock */
	char os[160];
};

/* --- time --- */

static uint64_t
clock_nsec(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * NSEC + now.tv_nsec;
}

/* Once a second: what NTP does to the clock, packets follow. */
static void
time_renew(struct capture_thread *thread)
{
	const uint64_t tsc = rte_rdtsc();

	if (thread->tsc != 0 && tsc - thread->tsc < rte_get_tsc_hz())
		return;
	thread->tsc_nsec = clock_nsec(CLOCK_REALTIME);
	thread->tsc = tsc;
}

static uint64_t
time_of(const struct capture_thread *thread, uint64_t tsc)
{
	const int64_t ticks = (int64_t)(tsc - thread->tsc);

	return thread->tsc_nsec +
	       (int64_t)((__int128)ticks * (int64_t)NSEC / (int64_t)rte_get_tsc_hz());
}

/* --- clients --- */

/*
 * Have so much room in one piece, if that can be had. What is there is not moved: others wait
 * meanwhile, and it can be a gigabyte. It goes on at the beginning.
 */
static bool
has_room(struct capture_client *client, size_t len)
{
	if (client->limit != 0)
		return client->start - client->end >= len;
	if (client->size - client->end >= len)
		return true;
	if (client->start < len)
		return false;
	client->limit = client->end;
	client->end = 0;
	return true;
}

static uint8_t *
room(const struct capture_client *client, size_t *ret_len)
{
	*ret_len = (client->limit != 0 ? client->start : client->size) - client->end;
	return client->buffer + client->end;
}

static bool
is_empty(const struct capture_client *client)
{
	return client->limit == 0 && client->start == client->end;
}

/* Write what there is, as far as it is read. */
static void
client_write(struct capture_client *client)
{
	client->is_blocked = false;
	while (client->may_write && !is_empty(client)) {
		const size_t end = client->limit != 0 ? client->limit : client->end;
		const ssize_t n = send(client->fd, client->buffer + client->start,
				       end - client->start, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		client->is_blocked = n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
		if (client->is_blocked)
			return;
		if (n < 0) {
			client->has_ended = client->is_dead = true;
			client->start = client->end = client->limit = 0;
			return;
		}
		client->start += (size_t)n;
		client->progress = clock_nsec(CLOCK_MONOTONIC);
		if (client->start == client->limit)
			client->start = client->limit = 0;
	}
	if (is_empty(client))
		client->start = client->end = 0;
}

/* What an interface's block says of a port. */
static void
port_find(struct capture_thread *thread, uint16_t id, uint16_t generation,
	  struct capture_port *ret_port)
{
	struct port_entry *entry;

	*ret_port = (struct capture_port){ .id = id, .generation = generation };
	snprintf(ret_port->name, sizeof(ret_port->name), "port%u", id);
	pthread_mutex_lock(&thread->lock);
	LIST_FOREACH(entry, &thread->ports[id], list)
		if (entry->port.generation == generation)
			break;
	if (entry != NULL)
		*ret_port = entry->port;
	pthread_mutex_unlock(&thread->lock);
}

static void
interface_put(struct capture_client *client, const char *name, const struct capture_port *port)
{
	static const uint8_t none[6];
	struct pcapng_interface interface = {
		.name = name,
		.filter = client->filter,
		.length = client->capture->length,
	};
	size_t len;
	uint8_t *to = room(client, &len);

	if (port != NULL) {
		interface.description = port->description;
		interface.mac = memcmp(port->mac, none, 6) != 0 ? port->mac : NULL;
	}
	client->end += pcapng_interface(to, len, &interface);
	client->n_interfaces++;
}

/* The number of a port's interface, which is made if it is new. */
static uint32_t
interface_of(struct capture_thread *thread, struct capture_client *client,
	     const struct capture_record *record)
{
	struct known_port *known = &client->known[record->port];
	struct capture_port port;

	if (known->number != 0 && known->generation == record->generation)
		return known->number - 1;
	port_find(thread, record->port, record->generation, &port);
	known->generation = record->generation;
	known->number = client->n_interfaces + 1;
	interface_put(client, port.name, &port);
	return known->number - 1;
}

/* By which way did a packet come or go that was dropped, as its reason says? */
static enum pcapng_direction
drop_direction(enum drop_reason reason)
{
	switch (reason) {
	case DROP_NO_BUFFER:
	case DROP_PORT_DOWN:
	case DROP_BLOCKED:
		return PCAPNG_UNKNOWN;
	default:
		return reason < DROP_MTU_EXCEEDED ? PCAPNG_IN : PCAPNG_OUT;
	}
}

static void
describe(const struct capture_record *record, char comment[64], struct pcapng_packet *packet)
{
	switch (record->point) {
	case CAPTURE_RX:
		packet->direction = PCAPNG_IN;
		return;
	case CAPTURE_TX:
		packet->direction = PCAPNG_OUT;
		return;
	case CAPTURE_DROP:
		packet->direction = drop_direction(record->reason);
		snprintf(comment, 64, "drop: %s", drop_reason_names[record->reason]);
		break;
	case CAPTURE_PRE_NAT:
		packet->direction = PCAPNG_IN;
		snprintf(comment, 64, "pre-nat");
		break;
	default:
		packet->direction = PCAPNG_IN;
		snprintf(comment, 64, "post-nat");
	}
	packet->comment = comment;
}

static void
client_packet(struct capture_thread *thread, struct capture_client *client,
	      const struct capture_record *record)
{
	struct pcapng_packet packet = {
		.time = time_of(thread, record->tsc),
		.len = record->len,
		.data_len = RTE_MIN(record->data_len, client->capture->length),
		.data = record->data,
		.lost = client->lost_now,
	};
	char comment[64];
	uint8_t *to;
	size_t len;

	if (client->is_dead)
		return;
	if (!has_room(client, packet.data_len + BLOCK_ROOM + END_ROOM)) {
		/* one that reads too slowly is asked once a round: others wait for it */
		if (!client->is_blocked)
			client_write(client);
		if (!has_room(client, packet.data_len + BLOCK_ROOM + END_ROOM)) {
			client->lost_now++;
			__atomic_store_n(&client->unread, client->unread + 1, __ATOMIC_RELAXED);
			return;
		}
	}
	describe(record, comment, &packet);
	packet.interface = interface_of(thread, client, record);
	to = room(client, &len);
	client->end += pcapng_packet(to, len, &packet);
	client->delivered++;
	client->lost_now = 0;
}

static void
client_totals(struct capture_client *client)
{
	struct capture_count sum;
	size_t len;
	uint8_t *to;

	if (client->is_dead || !has_room(client, END_ROOM))
		return;
	if (client->n_interfaces == 0)
		interface_put(client, client->name, NULL);
	capture_count(client->capture, &sum);
	to = room(client, &len);
	client->end += pcapng_statistics(
		to, len,
		&(struct pcapng_statistics){
			.time = clock_nsec(CLOCK_REALTIME),
			.begun = client->begun,
			.seen = sum.seen,
			.matched = sum.matched,
			.missed = sum.missed + client->unread,
			.delivered = client->delivered,
			.comment = client->n_interfaces > 1 ? "of all interfaces" : NULL,
		});
}

/* --- rings --- */

/* The oldest record of all rings, and whose it is. */
static const struct capture_record *
rings_peek(const struct capture_thread *thread, struct capture_ring **ret_ring)
{
	const struct capture_record *oldest = NULL;

	for (uint16_t i = 0; i < thread->n_rings; i++) {
		const struct capture_record *record = capture_ring_peek(thread->rings[i]);

		if (record == NULL || (oldest != NULL && oldest->tsc <= record->tsc))
			continue;
		oldest = record;
		*ret_ring = thread->rings[i];
	}
	return oldest;
}

/* Give records to clients. @max: bytes. Return: how many bytes there were. */
static size_t
rings_take(struct capture_thread *thread, size_t max)
{
	const struct capture_record *record;
	struct capture_ring *ring;
	size_t taken = 0;

	while (taken < max && (record = rings_peek(thread, &ring)) != NULL) {
		for (uint32_t left = record->captures; left != 0; left &= left - 1) {
			struct capture_client *client = thread->served[__builtin_ctz(left)];

			if (client != NULL)
				client_packet(thread, client, record);
		}
		taken += record->size;
		capture_ring_next(ring);
	}
	return taken;
}

/* --- the thread --- */

/* Say what has become of a client. */
static void
client_say(struct capture_thread *thread, struct capture_client *client, enum capture_state state)
{
	pthread_mutex_lock(&thread->lock);
	client->state = state;
	pthread_mutex_unlock(&thread->lock);
	eventfd_write(thread->told_fd, 1);
}

static bool
client_is_patient(const struct capture_client *client)
{
	return clock_nsec(CLOCK_MONOTONIC) - client->progress < PATIENCE_MSEC * (NSEC / 1000);
}

/*
 * All has been recorded and taken: the rest, and the end. True: it is done, and the control
 * thread's.
 */
static bool
client_finish(struct capture_thread *thread, struct capture_client *client)
{
	if (!client->is_last) {
		client->is_last = true;
		client->progress = clock_nsec(CLOCK_MONOTONIC);
		client_totals(client);
	}
	client_write(client);
	if (!is_empty(client) && client_is_patient(client))
		return false;
	close(client->fd);
	client->fd = -1;
	client_say(thread, client, CAPTURE_DONE);
	return true;
}

/* Which clients there are in this round, and who of them is to be finished. Return: go on? */
static bool
round_begin(struct capture_thread *thread, bool finish[CAPTURES_MAX])
{
	bool stop;

	time_renew(thread);
	pthread_mutex_lock(&thread->lock);
	for (unsigned int i = 0; i < CAPTURES_MAX; i++) {
		struct capture_client *client = thread->clients[i];

		if (client != NULL && client->state == CAPTURE_DONE)
			client = NULL;
		finish[i] = client != NULL && client->finish;
		if (client != NULL)
			client->may_write = client->go;
		thread->served[i] = client;
	}
	stop = thread->stop;
	pthread_mutex_unlock(&thread->lock);
	return !stop;
}

/* Has a client said something? It has nothing to say but that it is enough. */
static void
client_heard(struct capture_thread *thread, struct capture_client *client, short events)
{
	char text[256];
	ssize_t n = -1;

	if (events & POLLIN)
		n = recv(client->fd, text, sizeof(text), MSG_DONTWAIT);
	if (n > 0)
		return;
	if (!(events & (POLLHUP | POLLERR)) && n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	client->has_ended = true;
	client_say(thread, client, CAPTURE_ENDED);
}

/* Sleep until somebody says something, can be written to again, or @msec are over. */
static void
thread_wait(struct capture_thread *thread, int msec)
{
	struct pollfd fds[CAPTURES_MAX + 1] = { { .fd = thread->wake_fd, .events = POLLIN } };
	eventfd_t ignored;

	for (unsigned int i = 0; i < CAPTURES_MAX; i++) {
		const struct capture_client *client = thread->served[i];

		fds[i + 1].fd = client != NULL ? client->fd : -1;
		if (client == NULL || client->fd < 0)
			continue;
		fds[i + 1].events =
			(client->has_ended ? 0 : POLLIN) | (client->is_blocked ? POLLOUT : 0);
		/* one that has gone would say so all the time */
		if (fds[i + 1].events == 0)
			fds[i + 1].fd = -1;
	}
	if (poll(fds, CAPTURES_MAX + 1, msec) <= 0)
		return;
	if (fds[0].revents != 0)
		eventfd_read(thread->wake_fd, &ignored);
	for (unsigned int i = 0; i < CAPTURES_MAX; i++) {
		struct capture_client *client = thread->served[i];

		if (client != NULL && !client->has_ended &&
		    (fds[i + 1].revents & (POLLIN | POLLHUP | POLLERR)))
			client_heard(thread, client, fds[i + 1].revents);
	}
}

/* Return: bytes that there were. */
static size_t
thread_round(struct capture_thread *thread, const bool finish[CAPTURES_MAX])
{
	const size_t taken = rings_take(thread, ROUND_BYTES);

	for (unsigned int i = 0; i < CAPTURES_MAX; i++) {
		struct capture_client *client = thread->served[i];
		bool had_ended;

		if (client == NULL)
			continue;
		had_ended = client->has_ended;
		client_write(client);
		if (client->has_ended && !had_ended)
			client_say(thread, client, CAPTURE_ENDED);
		/* what was recorded for it before it was to be finished has been taken */
		if (finish[i] && taken < ROUND_BYTES && client_finish(thread, client))
			thread->served[i] = NULL;
	}
	return taken;
}

static void *
thread_run(void *arg)
{
	struct capture_thread *thread = arg;
	bool finish[CAPTURES_MAX];

	while (round_begin(thread, finish)) {
		const size_t taken = thread_round(thread, finish);

		thread_wait(thread, taken >= ROUND_BYTES ? 0 :
				    taken > 0            ? NAP_MSEC :
							   NAP_MSEC_IDLE);
	}
	return NULL;
}

/* --- the control thread's side --- */

static int
thread_start(struct capture_thread *thread)
{
	sigset_t all, before;
	int ret;

	/* signals are the control thread's */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ret = pthread_create(&thread->thread, NULL, thread_run, thread);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (ret == 0)
		pthread_setname_np(thread->thread, "capture");
	return ret;
}

struct capture_thread *
capture_thread_create(struct capture_ring *const *rings, uint16_t n_rings)
{
	struct capture_thread *thread = calloc(1, sizeof(*thread));
	struct utsname name;
	int ret;

	if (thread == NULL)
		return NULL;
	thread->rings = rings;
	thread->n_rings = n_rings;
	if (uname(&name) == 0)
		snprintf(thread->os, sizeof(thread->os), "%s %s", name.sysname, name.release);
	thread->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	thread->told_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ret = errno;
	pthread_mutex_init(&thread->lock, NULL);
	if (thread->wake_fd >= 0 && thread->told_fd >= 0)
		ret = thread_start(thread);
	if (ret == 0)
		return thread;
	if (thread->wake_fd >= 0)
		close(thread->wake_fd);
	if (thread->told_fd >= 0)
		close(thread->told_fd);
	pthread_mutex_destroy(&thread->lock);
	free(thread);
	errno = ret;
	return NULL;
}

static void
client_free(struct capture_client *client)
{
	if (client == NULL)
		return;
	if (client->fd >= 0)
		close(client->fd);
	free(client->buffer);
	free(client);
}

void
capture_thread_destroy(struct capture_thread *thread)
{
	struct port_entry *entry;

	if (thread == NULL)
		return;
	pthread_mutex_lock(&thread->lock);
	thread->stop = true;
	pthread_mutex_unlock(&thread->lock);
	eventfd_write(thread->wake_fd, 1);
	pthread_join(thread->thread, NULL);
	for (unsigned int i = 0; i < CAPTURES_MAX; i++)
		client_free(thread->clients[i]);
	for (unsigned int id = 0; id < PORT_MAX; id++)
		while ((entry = LIST_FIRST(&thread->ports[id])) != NULL) {
			LIST_REMOVE(entry, list);
			free(entry);
		}
	close(thread->wake_fd);
	close(thread->told_fd);
	pthread_mutex_destroy(&thread->lock);
	free(thread);
}

int
capture_thread_fd(const struct capture_thread *thread)
{
	return thread->told_fd;
}

/* What is known of ports that had an id before, as long as records of them may be in the rings. */
static void
ports_forget(struct port_list *ports)
{
	struct port_entry *entry = LIST_FIRST(ports), *old;

	for (unsigned int i = 1; i < PORTS_KEPT && entry != NULL; i++)
		entry = LIST_NEXT(entry, list);
	if (entry == NULL || (old = LIST_NEXT(entry, list)) == NULL)
		return;
	LIST_REMOVE(old, list);
	free(old);
}

int
capture_thread_port(struct capture_thread *thread, const struct capture_port *port)
{
	struct port_entry *entry;

	pthread_mutex_lock(&thread->lock);
	LIST_FOREACH(entry, &thread->ports[port->id], list)
		if (entry->port.generation == port->generation)
			break;
	if (entry == NULL && (entry = calloc(1, sizeof(*entry))) != NULL)
		LIST_INSERT_HEAD(&thread->ports[port->id], entry, list);
	if (entry != NULL)
		entry->port = *port;
	ports_forget(&thread->ports[port->id]);
	pthread_mutex_unlock(&thread->lock);
	return entry != NULL ? 0 : -ENOMEM;
}

struct capture_client *
capture_thread_add(struct capture_thread *thread, const struct capture_order *order)
{
	struct capture_client *client = calloc(1, sizeof(*client));

	if (client == NULL)
		return NULL;
	client->capture = order->capture;
	client->slot = order->slot;
	client->name = order->name;
	client->filter = order->filter;
	client->size = order->buffer;
	client->buffer = malloc(client->size);
	if (client->buffer == NULL) {
		free(client);
		return NULL;
	}
	client->fd = order->fd;
	client->begun = clock_nsec(CLOCK_REALTIME);
	client->end = pcapng_section(client->buffer, client->size, thread->os,
				     "vswitch " VSWITCH_VERSION);
	pthread_mutex_lock(&thread->lock);
	thread->clients[client->slot] = client;
	pthread_mutex_unlock(&thread->lock);
	return client;
}

enum capture_state
capture_client_state(struct capture_thread *thread, const struct capture_client *client)
{
	enum capture_state state;

	pthread_mutex_lock(&thread->lock);
	state = client->state;
	pthread_mutex_unlock(&thread->lock);
	return state;
}

void
capture_thread_go(struct capture_thread *thread, struct capture_client *client)
{
	pthread_mutex_lock(&thread->lock);
	client->go = true;
	pthread_mutex_unlock(&thread->lock);
	eventfd_write(thread->wake_fd, 1);
}

void
capture_thread_finish(struct capture_thread *thread, struct capture_client *client)
{
	pthread_mutex_lock(&thread->lock);
	client->finish = true;
	pthread_mutex_unlock(&thread->lock);
	eventfd_write(thread->wake_fd, 1);
}

void
capture_thread_remove(struct capture_thread *thread, struct capture_client *client)
{
	pthread_mutex_lock(&thread->lock);
	thread->clients[client->slot] = NULL;
	pthread_mutex_unlock(&thread->lock);
	client_free(client);
}

uint64_t
capture_client_unread(const struct capture_client *client)
{
	return __atomic_load_n(&client->unread, __ATOMIC_RELAXED);
}
