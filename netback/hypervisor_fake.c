/* SPDX-License-Identifier: BSD-3-Clause */
#include "hypervisor_fake.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fake_memory.h"

#define GNTST_general_error (-1)
#define GNTST_bad_domain (-2)
#define GNTST_bad_gntref (-3)
#define GNTST_bad_copy_arg (-10)
#define COPY_INVALID INT16_MIN /* no status of Xen's */
#define SECRET_BYTE 0x5e

struct fake_channel {
	bool exists;                      /* the guest's end */
	struct hypervisor_thread *thread; /* backend's end, or NULL */
	uint32_t cookie;
	bool masked;
	bool pending;    /* an event came while masked */
	bool queued;     /* on its thread's queue */
	uint64_t events; /* for the guest (atomic) */
};

/* What a grant lets the backend do. */
enum fake_access {
	ACCESS_NONE,
	ACCESS_READ,
	ACCESS_WRITE,
	PAGE_SECRET = 0x80, /* none, and never any */
};

struct fake_domain {
	int memfd;
	uint8_t *pages;
	uint32_t n_pages;
	uint32_t n_used;
	bool alive;
	uint8_t *granted; /* by page, enum fake_access (atomic) */
	struct fake_channel channels[FAKE_CHANNELS];
};

/* What is to happen to calls of an operation (atomic). */
struct fake_plan {
	uint64_t n_calls;
	unsigned int n_fail;
	int error;
	void (*fn)(void *arg);
	void *arg;
};

struct fake_hypervisor {
	struct hypervisor hv;
	struct fake_store *store;
	pthread_mutex_t lock;
	struct fake_domain *domains[FAKE_DOMAINS]; /* set once (atomic) */
	struct fake_counts counts;                 /* copies etc.: atomic */
	struct fake_plan plans[FAKE_OPS];
	void (*on_copy)(void *arg, const struct grant_copy *piece);
	void *on_copy_arg;
};

#define QUEUE_SIZE (FAKE_DOMAINS * FAKE_CHANNELS)
struct hypervisor_thread {
	struct fake_hypervisor *fake;
	int event_fd;
	uint32_t n_queued;
	uint32_t queue[QUEUE_SIZE]; /* local ports with an event */
};

static struct fake_domain *
fake_domain(struct fake_hypervisor *fake, uint16_t domid)
{
	return domid < FAKE_DOMAINS ? __atomic_load_n(&fake->domains[domid], __ATOMIC_ACQUIRE) :
				      NULL;
}

/* A call of the backend. Return: 0, or the errno with which it is to fail. */
static int
fake_call(struct fake_hypervisor *fake, enum fake_op op)
{
	struct fake_plan *plan = &fake->plans[op];
	void (*fn)(void *arg) = __atomic_exchange_n(&plan->fn, NULL, __ATOMIC_ACQ_REL);

	__atomic_add_fetch(&plan->n_calls, 1, __ATOMIC_RELAXED);
	if (fn != NULL)
		fn(plan->arg);
	if (__atomic_load_n(&plan->n_fail, __ATOMIC_ACQUIRE) == 0)
		return 0;
	__atomic_sub_fetch(&plan->n_fail, 1, __ATOMIC_RELAXED);
	return plan->error;
}

void
fake_fail(struct fake_hypervisor *fake, enum fake_op op, unsigned int n, int error)
{
	fake->plans[op].error = error;
	__atomic_store_n(&fake->plans[op].n_fail, n, __ATOMIC_RELEASE);
}

void
fake_before(struct fake_hypervisor *fake, enum fake_op op, void (*fn)(void *arg), void *arg)
{
	fake->plans[op].arg = arg;
	__atomic_store_n(&fake->plans[op].fn, fn, __ATOMIC_RELEASE);
}

uint64_t
fake_calls(struct fake_hypervisor *fake, enum fake_op op)
{
	return __atomic_load_n(&fake->plans[op].n_calls, __ATOMIC_RELAXED);
}

/* A local port names the guest and its port. */
static uint32_t
local_port(uint16_t domid, uint32_t port)
{
	return domid * FAKE_CHANNELS + port;
}

static struct fake_channel *
fake_channel(struct fake_hypervisor *fake, uint32_t local)
{
	struct fake_domain *domain = fake_domain(fake, (uint16_t)(local / FAKE_CHANNELS));

	return domain != NULL ? &domain->channels[local % FAKE_CHANNELS] : NULL;
}

static uint8_t *
page_at(const struct fake_domain *domain, uint32_t page)
{
	return domain->pages + (size_t)page * HYPERVISOR_PAGE_SIZE;
}

static uint8_t *
granted_page(struct fake_domain *domain, uint32_t ref, enum fake_access access)
{
	uint32_t page = ref - FAKE_GRANT_FIRST;
	uint8_t granted;

	if (ref < FAKE_GRANT_FIRST || page >= domain->n_pages)
		return NULL;
	granted = __atomic_load_n(&domain->granted[page], __ATOMIC_ACQUIRE);
	if (granted < access || granted == PAGE_SECRET)
		return NULL;
	return page_at(domain, page);
}

/* The store, by its own functions. */
static char *
fake_read(void *ctx, uint32_t transaction, const char *path)
{
	struct fake_hypervisor *fake = ctx;
	int error = fake_call(fake, FAKE_OP_READ);

	if (error == 0)
		return fake_store_read(fake->store, transaction, path);
	errno = error;
	return NULL;
}

static int
fake_write(void *ctx, uint32_t transaction, const char *path, const char *value)
{
	return fake_store_write(((struct fake_hypervisor *)ctx)->store, transaction, path, value);
}

static int
fake_rm(void *ctx, uint32_t transaction, const char *path)
{
	return fake_store_rm(((struct fake_hypervisor *)ctx)->store, transaction, path);
}

static char **
fake_directory(void *ctx, uint32_t transaction, const char *path)
{
	return fake_store_directory(((struct fake_hypervisor *)ctx)->store, transaction, path);
}

static int
fake_transaction_start(void *ctx, uint32_t *ret_transaction)
{
	struct fake_hypervisor *fake = ctx;
	int error = fake_call(fake, FAKE_OP_TRANSACTION);

	return error != 0 ? -error : fake_store_transaction_start(fake->store, ret_transaction);
}

static int
fake_transaction_end(void *ctx, uint32_t transaction, bool abort)
{
	return fake_store_transaction_end(((struct fake_hypervisor *)ctx)->store, transaction,
					  abort);
}

static int
fake_watch(void *ctx, const char *path, const char *token)
{
	struct fake_hypervisor *fake = ctx;
	int error = fake_call(fake, FAKE_OP_WATCH);

	return error != 0 ? -error : fake_store_watch(fake->store, path, token);
}

static int
fake_unwatch(void *ctx, const char *path, const char *token)
{
	return fake_store_unwatch(((struct fake_hypervisor *)ctx)->store, path, token);
}

static int
fake_fd(void *ctx)
{
	return fake_store_fd(((struct fake_hypervisor *)ctx)->store);
}

static int
fake_next_event(void *ctx, char ret_path[STORE_PATH_SIZE], char ret_token[STORE_PATH_SIZE])
{
	return fake_store_next_event(((struct fake_hypervisor *)ctx)->store, ret_path, ret_token);
}

static int
fake_domain_alive(void *ctx, uint16_t domid)
{
	struct fake_hypervisor *fake = ctx;
	struct fake_domain *domain = fake_domain(fake, domid);
	int error = fake_call(fake, FAKE_OP_ALIVE);

	if (error != 0)
		return -error;

	return domain != NULL && __atomic_load_n(&domain->alive, __ATOMIC_ACQUIRE);
}

static void *
fake_map(void *ctx, uint16_t domid, uint32_t ref, bool writable)
{
	struct fake_hypervisor *fake = ctx;
	struct fake_domain *domain = fake_domain(fake, domid);
	enum fake_access access = writable ? ACCESS_WRITE : ACCESS_READ;
	uint8_t *page = domain != NULL ? granted_page(domain, ref, access) : NULL;
	int error = fake_call(fake, FAKE_OP_MAP);
	void *map;

	if (page == NULL || error != 0) {
		errno = error != 0 ? error : EINVAL;
		return NULL;
	}
	map = fake_memory_map(domain->memfd, (size_t)(page - domain->pages), HYPERVISOR_PAGE_SIZE,
			      PROT_READ | (writable ? PROT_WRITE : 0));
	if (map == NULL)
		return NULL;
	__atomic_add_fetch(&fake->counts.maps, 1, __ATOMIC_RELAXED);
	return map;
}

static void
fake_unmap(void *ctx, void *page)
{
	struct fake_hypervisor *fake = ctx;

	fake_memory_unmap(page, HYPERVISOR_PAGE_SIZE);
	__atomic_sub_fetch(&fake->counts.maps, 1, __ATOMIC_RELAXED);
}

static struct hypervisor_thread *
fake_thread_create(void *ctx)
{
	struct fake_hypervisor *fake = ctx;
	struct hypervisor_thread *thread = calloc(1, sizeof(*thread));

	if (thread == NULL)
		return NULL;
	thread->fake = fake;
	thread->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	__atomic_add_fetch(&fake->counts.threads, 1, __ATOMIC_RELAXED);
	return thread;
}

static void
fake_thread_destroy(struct hypervisor_thread *thread)
{
	if (thread == NULL)
		return;
	__atomic_sub_fetch(&thread->fake->counts.threads, 1, __ATOMIC_RELAXED);
	close(thread->event_fd);
	free(thread);
}

/* The page that a side of a copy names. Return: 0, or GNTST_*. */
static inline int16_t
fake_copy_page(struct fake_hypervisor *fake, uint16_t domid, uint32_t ref, enum fake_access access,
	       uint8_t **ret_page)
{
	struct fake_domain *domain = fake_domain(fake, domid);

	if (domain == NULL)
		return GNTST_bad_domain;
	*ret_page = granted_page(domain, ref, access);
	return *ret_page != NULL ? 0 : GNTST_bad_gntref;
}

/* From guest to guest. */
static __attribute__((noinline)) int16_t
fake_copy_foreign(struct fake_hypervisor *fake, const struct grant_copy *piece, uint8_t *to)
{
	uint8_t *from;
	int16_t status =
		fake_copy_page(fake, piece->from.domid, piece->from.ref, ACCESS_READ, &from);

	/* the driver refuses the whole call for this */
	if (!piece->to_guest || piece->from.offset + piece->len > HYPERVISOR_PAGE_SIZE)
		return COPY_INVALID;
	__atomic_add_fetch(&fake->counts.copy_foreign, 1, __ATOMIC_RELAXED);
	/* a guest may name one page twice */
	if (status == 0)
		memmove(to, from + piece->from.offset, piece->len);
	return status;
}

static int16_t
fake_copy_piece(struct fake_hypervisor *fake, const struct grant_copy *piece)
{
	uint8_t *page;
	int16_t status = fake_copy_page(fake, piece->domid, piece->ref,
					piece->to_guest ? ACCESS_WRITE : ACCESS_READ, &page);

	if (status != 0)
		return status;
	if (__builtin_expect(piece->is_foreign, 0))
		return fake_copy_foreign(fake, piece, page + piece->offset);
	if (piece->to_guest)
		memcpy(page + piece->offset, piece->local, piece->len);
	else
		memcpy(piece->local, page + piece->offset, piece->len);
	return 0;
}

static int
fake_copy(struct hypervisor_thread *thread, struct grant_copy *pieces, uint32_t n)
{
	struct fake_hypervisor *fake = thread->fake;
	int error = fake_call(fake, FAKE_OP_COPY);
	uint64_t errors = 0, reserved = 0;

	if (error != 0)
		return -error;

	/* the driver refuses the whole call for this */
	for (uint32_t i = 0; i < n; i++)
		if (pieces[i].len == 0 || pieces[i].offset + pieces[i].len > HYPERVISOR_PAGE_SIZE)
			return -EINVAL;
	for (uint32_t i = 0; i < n && __builtin_expect(fake->on_copy != NULL, 0); i++)
		fake->on_copy(fake->on_copy_arg, &pieces[i]);
	for (uint32_t i = 0; i < n; i++) {
		pieces[i].status = fake_copy_piece(fake, &pieces[i]);
		if (pieces[i].status == COPY_INVALID)
			return -EINVAL;
		errors += pieces[i].status != 0;
		reserved += pieces[i].to_guest && pieces[i].ref < FAKE_GRANT_FIRST;
	}
	__atomic_add_fetch(&fake->counts.copies, n, __ATOMIC_RELAXED);
	__atomic_add_fetch(&fake->counts.copy_calls, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&fake->counts.copy_errors, errors, __ATOMIC_RELAXED);
	__atomic_add_fetch(&fake->counts.copy_reserved, reserved, __ATOMIC_RELAXED);
	return 0;
}

/* Report an event to the backend, or keep it until unmasked. Lock held. */
static void
channel_raise(struct fake_channel *channel, uint32_t local)
{
	struct hypervisor_thread *thread = channel->thread;
	uint64_t one = 1;

	if (thread == NULL)
		return;
	if (channel->masked) {
		channel->pending = true;
		return;
	}
	channel->masked = true;
	channel->pending = false;
	if (channel->queued)
		return;
	channel->queued = true;
	if (thread->n_queued == 0 && write(thread->event_fd, &one, sizeof(one)) < 0)
		abort();
	thread->queue[thread->n_queued++] = local;
}

static int
fake_bind(struct hypervisor_thread *thread, uint16_t domid, uint32_t remote_port, uint32_t cookie)
{
	struct fake_hypervisor *fake = thread->fake;
	struct fake_domain *domain = fake_domain(fake, domid);
	uint32_t local = local_port(domid, remote_port);
	struct fake_channel *channel;
	int ret = -EINVAL, error = fake_call(fake, FAKE_OP_BIND);

	if (error != 0)
		return -error;
	if (domain == NULL || remote_port == 0 || remote_port >= FAKE_CHANNELS)
		return -EINVAL;
	channel = &domain->channels[remote_port];
	pthread_mutex_lock(&fake->lock);
	if (channel->exists && channel->thread == NULL) {
		channel->thread = thread;
		channel->cookie = cookie;
		channel->masked = false;
		fake->counts.bound++;
		/* as Xen does, to cover events that nobody was there to take */
		channel_raise(channel, local);
		ret = (int)local;
	}
	pthread_mutex_unlock(&fake->lock);
	return ret;
}

static void
fake_unbind(struct hypervisor_thread *thread, uint32_t port)
{
	struct fake_hypervisor *fake = thread->fake;
	struct fake_channel *channel = fake_channel(fake, port);
	uint64_t count;

	pthread_mutex_lock(&fake->lock);
	if (channel == NULL || channel->thread != thread)
		abort();
	channel->thread = NULL;
	fake->counts.bound--;
	/* what it has reported and nobody has taken yet goes with it */
	for (uint32_t i = 0; channel->queued && i < thread->n_queued; i++) {
		if (thread->queue[i] != port)
			continue;
		memmove(&thread->queue[i], &thread->queue[i + 1],
			(thread->n_queued - i - 1) * sizeof(thread->queue[0]));
		channel->queued = false;
		if (--thread->n_queued == 0 && read(thread->event_fd, &count, sizeof(count)) < 0)
			abort();
	}
	pthread_mutex_unlock(&fake->lock);
}

static void
fake_notify(struct hypervisor_thread *thread, uint32_t port)
{
	struct fake_hypervisor *fake = thread->fake;
	struct fake_channel *channel = fake_channel(fake, port);

	if (channel == NULL)
		abort();
	__atomic_add_fetch(&channel->events, 1, __ATOMIC_RELEASE);
	__atomic_add_fetch(&fake->counts.notifies, 1, __ATOMIC_RELAXED);
}

static int
fake_events_fd(struct hypervisor_thread *thread)
{
	return thread->event_fd;
}

static int
fake_events(struct hypervisor_thread *thread, uint32_t *ret_cookies, uint32_t n)
{
	struct fake_hypervisor *fake = thread->fake;
	uint32_t n_cookies = 0, n_taken = 0;
	int error = fake_call(fake, FAKE_OP_EVENTS);
	uint64_t count;

	pthread_mutex_lock(&fake->lock);
	while (n_taken < thread->n_queued && n_cookies < n) {
		struct fake_channel *channel = fake_channel(fake, thread->queue[n_taken++]);

		channel->queued = false;
		/* a buffer that has overflown: all of it is lost, and the ports stay masked */
		if (error == 0 && channel->thread == thread &&
		    channel->cookie != HYPERVISOR_COOKIE_NONE)
			ret_cookies[n_cookies++] = channel->cookie;
	}
	memmove(thread->queue, &thread->queue[n_taken],
		(thread->n_queued - n_taken) * sizeof(thread->queue[0]));
	thread->n_queued -= n_taken;
	if (n_taken > 0 && thread->n_queued == 0 &&
	    read(thread->event_fd, &count, sizeof(count)) < 0)
		abort();
	pthread_mutex_unlock(&fake->lock);
	return error != 0 ? -error : (int)n_cookies;
}

static void
fake_unmask(struct hypervisor_thread *thread, uint32_t port)
{
	struct fake_hypervisor *fake = thread->fake;
	struct fake_channel *channel = fake_channel(fake, port);

	if (channel == NULL)
		abort();
	pthread_mutex_lock(&fake->lock);
	fake->counts.unmasks++;
	channel->masked = false;
	if (channel->pending)
		channel_raise(channel, port);
	pthread_mutex_unlock(&fake->lock);
}

static const struct hypervisor_ops fake_ops = {
	.name = "fake",
	.read = fake_read,
	.write = fake_write,
	.rm = fake_rm,
	.directory = fake_directory,
	.transaction_start = fake_transaction_start,
	.transaction_end = fake_transaction_end,
	.watch = fake_watch,
	.unwatch = fake_unwatch,
	.store_fd = fake_fd,
	.next_event = fake_next_event,
	.domain_alive = fake_domain_alive,
	.map = fake_map,
	.unmap = fake_unmap,
	.thread_create = fake_thread_create,
	.thread_destroy = fake_thread_destroy,
	.copy = fake_copy,
	.bind = fake_bind,
	.unbind = fake_unbind,
	.notify = fake_notify,
	.events_fd = fake_events_fd,
	.events = fake_events,
	.unmask = fake_unmask,
};

struct fake_hypervisor *
fake_hypervisor_create(void)
{
	struct fake_hypervisor *fake = calloc(1, sizeof(*fake));

	if (fake == NULL)
		return NULL;
	fake->hv = (struct hypervisor){ .ops = &fake_ops, .ctx = fake };
	fake->store = fake_store_create();
	pthread_mutex_init(&fake->lock, NULL);
	return fake;
}

static void
domain_free(struct fake_domain *domain)
{
	fake_memory_unmap(domain->pages, (size_t)domain->n_pages * HYPERVISOR_PAGE_SIZE);
	close(domain->memfd);
	free(domain->granted);
	free(domain);
}

void
fake_hypervisor_destroy(struct fake_hypervisor *fake)
{
	if (fake == NULL)
		return;
	for (unsigned int i = 0; i < FAKE_DOMAINS; i++)
		if (fake->domains[i] != NULL)
			domain_free(fake->domains[i]);
	fake_store_destroy(fake->store);
	pthread_mutex_destroy(&fake->lock);
	free(fake);
}

const struct hypervisor *
fake_hypervisor_get(struct fake_hypervisor *fake)
{
	return &fake->hv;
}

struct fake_store *
fake_hypervisor_store(struct fake_hypervisor *fake)
{
	return fake->store;
}

struct fake_counts
fake_hypervisor_counts(struct fake_hypervisor *fake)
{
	struct fake_counts counts;

	pthread_mutex_lock(&fake->lock);
	counts = fake->counts;
	pthread_mutex_unlock(&fake->lock);
	counts.watches = fake_store_watches(fake->store);
	return counts;
}

int
fake_domain_create(struct fake_hypervisor *fake, uint16_t domid, uint32_t n_pages)
{
	struct fake_domain *domain;
	size_t size = (size_t)n_pages * HYPERVISOR_PAGE_SIZE;

	if (domid == 0 || domid >= FAKE_DOMAINS || fake->domains[domid] != NULL)
		return -EINVAL;
	domain = calloc(1, sizeof(*domain));
	if (domain == NULL)
		return -ENOMEM;
	domain->granted = calloc(n_pages, 1);
	domain->memfd = memfd_create("domain", MFD_CLOEXEC);
	if (domain->granted == NULL || domain->memfd < 0 ||
	    ftruncate(domain->memfd, (off_t)size) < 0)
		goto err_free;
	domain->pages = fake_memory_map(domain->memfd, 0, size, PROT_READ | PROT_WRITE);
	if (domain->pages == NULL)
		goto err_free;
	domain->n_pages = n_pages;
	domain->alive = true;
	__atomic_store_n(&fake->domains[domid], domain, __ATOMIC_RELEASE);
	return 0;

err_free:
	if (domain->memfd >= 0)
		close(domain->memfd);
	free(domain->granted);
	free(domain);
	return -ENOMEM;
}

void
fake_domain_kill(struct fake_hypervisor *fake, uint16_t domid)
{
	struct fake_domain *domain = fake_domain(fake, domid);

	if (domain == NULL)
		return;
	__atomic_store_n(&domain->alive, false, __ATOMIC_RELEASE);
	fake_store_fire(fake->store, "@releaseDomain");
}

/* A page from the first @from on that is not in use, or NULL. */
static uint8_t *
take_page(struct fake_hypervisor *fake, struct fake_domain *domain, uint32_t from, uint8_t use)
{
	const uint8_t *free_one;
	uint32_t page;

	pthread_mutex_lock(&fake->lock);
	free_one = memchr(&domain->granted[from], ACCESS_NONE, domain->n_used - from);
	page = free_one != NULL ? (uint32_t)(free_one - domain->granted) : domain->n_used;
	if (page == domain->n_used && domain->n_used < domain->n_pages)
		domain->n_used++;
	if (page < domain->n_used)
		__atomic_store_n(&domain->granted[page], use, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&fake->lock);
	return page < domain->n_used ? page_at(domain, page) : NULL;
}

void
fake_domain_destroy(struct fake_hypervisor *fake, uint16_t domid)
{
	struct fake_domain *domain = fake_domain(fake, domid);

	for (uint32_t port = 0; port < FAKE_CHANNELS; port++)
		if (domain->channels[port].thread != NULL)
			abort();
	fake->domains[domid] = NULL;
	domain_free(domain);
}

void *
fake_grant(struct fake_hypervisor *fake, uint16_t domid, uint32_t *ret_ref)
{
	struct fake_domain *domain = fake_domain(fake, domid);
	uint32_t n_used = domain->n_used;
	uint8_t *page = take_page(fake, domain, 0, ACCESS_WRITE);

	if (page == NULL)
		return NULL;
	*ret_ref = (uint32_t)((page - domain->pages) / HYPERVISOR_PAGE_SIZE) + FAKE_GRANT_FIRST;
	/* one that never was in use is empty, and costs nothing before it is */
	return page < page_at(domain, n_used) ? memset(page, 0, HYPERVISOR_PAGE_SIZE) : page;
}

/* Not one that was granted before: that would have been anybody's. */
const void *
fake_secret(struct fake_hypervisor *fake, uint16_t domid)
{
	struct fake_domain *domain = fake_domain(fake, domid);
	uint8_t *page = take_page(fake, domain, domain->n_used, PAGE_SECRET);

	return page != NULL ? memset(page, SECRET_BYTE, HYPERVISOR_PAGE_SIZE) : NULL;
}

static bool
secret_intact(const uint8_t *page)
{
	/* all bytes are the same if each is as the one before */
	return page[0] == SECRET_BYTE && memcmp(page, page + 1, HYPERVISOR_PAGE_SIZE - 1) == 0;
}

bool
fake_intact(struct fake_hypervisor *fake)
{
	for (uint16_t domid = 1; domid < FAKE_DOMAINS; domid++) {
		const struct fake_domain *domain = fake_domain(fake, domid);

		if (domain == NULL)
			continue;
		for (uint32_t page = 0; page < domain->n_used; page++)
			if (domain->granted[page] == PAGE_SECRET &&
			    !secret_intact(page_at(domain, page)))
				return false;
		if (domain->n_used < domain->n_pages &&
		    !fake_memory_untouched(domain->memfd,
					   (size_t)domain->n_used * HYPERVISOR_PAGE_SIZE))
			return false;
	}
	return true;
}

void
fake_on_copy(struct fake_hypervisor *fake, void (*fn)(void *arg, const struct grant_copy *piece),
	     void *arg)
{
	fake->on_copy_arg = arg;
	fake->on_copy = fn;
}

static void
grant_change(struct fake_hypervisor *fake, uint16_t domid, uint32_t ref, enum fake_access access)
{
	struct fake_domain *domain = fake_domain(fake, domid);

	if (granted_page(domain, ref, ACCESS_READ) != NULL)
		__atomic_store_n(&domain->granted[ref - FAKE_GRANT_FIRST], access,
				 __ATOMIC_RELEASE);
}

void
fake_ungrant(struct fake_hypervisor *fake, uint16_t domid, uint32_t ref)
{
	grant_change(fake, domid, ref, ACCESS_NONE);
}

void
fake_grant_readonly(struct fake_hypervisor *fake, uint16_t domid, uint32_t ref)
{
	grant_change(fake, domid, ref, ACCESS_READ);
}

uint32_t
fake_channel_alloc(struct fake_hypervisor *fake, uint16_t domid)
{
	struct fake_domain *domain = fake_domain(fake, domid);
	uint32_t port;

	pthread_mutex_lock(&fake->lock);
	for (port = 1; port < FAKE_CHANNELS; port++)
		if (!domain->channels[port].exists && domain->channels[port].thread == NULL)
			break;
	if (port < FAKE_CHANNELS) {
		domain->channels[port].exists = true;
		domain->channels[port].events = 0;
		domain->channels[port].pending = false;
	}
	pthread_mutex_unlock(&fake->lock);
	return port < FAKE_CHANNELS ? port : 0;
}

void
fake_channel_free(struct fake_hypervisor *fake, uint16_t domid, uint32_t port)
{
	struct fake_domain *domain = fake_domain(fake, domid);

	pthread_mutex_lock(&fake->lock);
	domain->channels[port].exists = false;
	pthread_mutex_unlock(&fake->lock);
}

void
fake_channel_notify(struct fake_hypervisor *fake, uint16_t domid, uint32_t port)
{
	uint32_t local = local_port(domid, port);
	struct fake_channel *channel = fake_channel(fake, local);

	pthread_mutex_lock(&fake->lock);
	if (channel->exists)
		channel_raise(channel, local);
	pthread_mutex_unlock(&fake->lock);
}

uint64_t
fake_channel_take(struct fake_hypervisor *fake, uint16_t domid, uint32_t port)
{
	struct fake_channel *channel = fake_channel(fake, local_port(domid, port));

	return __atomic_exchange_n(&channel->events, 0, __ATOMIC_ACQUIRE);
}
