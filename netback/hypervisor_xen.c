/* SPDX-License-Identifier: BSD-3-Clause */
#include "hypervisor_xen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xen/grant_table.h>
#include <xen/sys/evtchn.h>
#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>
#include <xentoollog.h>

#include "error.h"
#include "hypervisor_xen_pages.h"

#define SEGMENTS 256        /* of one grant copy ioctl; the kernel makes hypercalls of 16 each */
#define PORTS_MAX (1 << 17) /* event channels of a domain, by the FIFO ABI */

struct xen {
	struct xs_handle *xs;
	xengnttab_handle *gnttab; /* ring pages and static grants */
	const struct own_pages *pages;
};

struct hypervisor_thread {
	xengnttab_handle *gnttab; /* copies */
	xenevtchn_handle *evtchn;
	const struct own_pages *pages; /* or NULL */
	/* by local port, plus one: 0 is none. control: rw, worker: ro (relaxed) */
	uint32_t *cookies;
	xengnttab_grant_copy_segment_t segments[SEGMENTS];
};

/* The libraries log each failure, and guests can cause some: those are reported by errno alone. */
static void
quiet_message(struct xentoollog_logger *logger, xentoollog_level level, int errno_value,
	      const char *context, const char *format, va_list al)
{
}

static void
quiet_progress(struct xentoollog_logger *logger, const char *context, const char *doing_what,
	       int percent, unsigned long done, unsigned long total)
{
}

static void
quiet_destroy(struct xentoollog_logger *logger)
{
}

static struct xentoollog_logger quiet = {
	.vmessage = quiet_message,
	.progress = quiet_progress,
	.destroy = quiet_destroy,
};

static char *
xen_read(void *ctx, uint32_t transaction, const char *path)
{
	struct xen *xen = ctx;
	unsigned int len;
	char *value = xs_read(xen->xs, transaction, path, &len);

	/* the library adds a '\0' behind the value */
	if (value != NULL && memchr(value, '\0', len) != NULL) {
		free(value);
		errno = EINVAL;
		return NULL;
	}
	return value;
}

static int
xen_write(void *ctx, uint32_t transaction, const char *path, const char *value)
{
	struct xen *xen = ctx;

	return xs_write(xen->xs, transaction, path, value, (unsigned int)strlen(value)) ? 0 :
											  -errno;
}

static int
xen_rm(void *ctx, uint32_t transaction, const char *path)
{
	struct xen *xen = ctx;

	return xs_rm(xen->xs, transaction, path) || errno == ENOENT ? 0 : -errno;
}

static char **
xen_directory(void *ctx, uint32_t transaction, const char *path)
{
	struct xen *xen = ctx;
	unsigned int n;
	char **names = xs_directory(xen->xs, transaction, path, &n), **list, *at;
	size_t size = sizeof(*list);

	if (names == NULL)
		return NULL;
	for (unsigned int i = 0; i < n; i++)
		size += sizeof(*list) + strlen(names[i]) + 1;
	list = malloc(size);
	if (list != NULL) {
		at = (char *)&list[n + 1];
		for (unsigned int i = 0; i < n; i++) {
			list[i] = at;
			at = stpcpy(at, names[i]) + 1;
		}
		list[n] = NULL;
	}
	free(names);
	return list;
}

static int
xen_transaction_start(void *ctx, uint32_t *ret_transaction)
{
	struct xen *xen = ctx;

	*ret_transaction = xs_transaction_start(xen->xs);
	return *ret_transaction != XBT_NULL ? 0 : -errno;
}

static int
xen_transaction_end(void *ctx, uint32_t transaction, bool abort)
{
	struct xen *xen = ctx;

	return xs_transaction_end(xen->xs, transaction, abort) ? 0 : -errno;
}

static int
xen_watch(void *ctx, const char *path, const char *token)
{
	struct xen *xen = ctx;

	return xs_watch(xen->xs, path, token) ? 0 : -errno;
}

static int
xen_unwatch(void *ctx, const char *path, const char *token)
{
	struct xen *xen = ctx;

	return xs_unwatch(xen->xs, path, token) ? 0 : -errno;
}

static int
xen_store_fd(void *ctx)
{
	struct xen *xen = ctx;

	return xs_fileno(xen->xs);
}

static int
xen_next_event(void *ctx, char ret_path[STORE_PATH_SIZE], char ret_token[STORE_PATH_SIZE])
{
	struct xen *xen = ctx;
	char **event;

	while ((event = xs_check_watch(xen->xs)) != NULL) {
		bool fits = strlen(event[XS_WATCH_PATH]) < STORE_PATH_SIZE &&
			    strlen(event[XS_WATCH_TOKEN]) < STORE_PATH_SIZE;

		if (fits) {
			strcpy(ret_path, event[XS_WATCH_PATH]);
			strcpy(ret_token, event[XS_WATCH_TOKEN]);
		}
		free(event);
		if (fits)
			return 1;
	}
	return errno == EAGAIN ? 0 : -errno;
}

static int
xen_domain_alive(void *ctx, uint16_t domid)
{
	struct xen *xen = ctx;

	/* xenstored forgets a domain as soon as it is dying; the library says no for errors, too */
	errno = 0;
	return xs_is_domain_introduced(xen->xs, domid) ? 1 : -errno;
}

static void *
xen_map(void *ctx, uint16_t domid, uint32_t ref, bool writable)
{
	struct xen *xen = ctx;

	return xengnttab_map_grant_ref(xen->gnttab, domid, ref,
				       PROT_READ | (writable ? PROT_WRITE : 0));
}

static void
xen_unmap(void *ctx, void *page)
{
	struct xen *xen = ctx;

	xengnttab_unmap(xen->gnttab, page, 1);
}

static void
xen_thread_destroy(struct hypervisor_thread *thread)
{
	if (thread == NULL)
		return;
	if (thread->evtchn != NULL)
		xenevtchn_close(thread->evtchn);
	if (thread->gnttab != NULL)
		xengnttab_close(thread->gnttab);
	free(thread->cookies);
	free(thread);
}

static struct hypervisor_thread *
xen_thread_create(void *ctx)
{
	const struct xen *xen = ctx;
	struct hypervisor_thread *thread = calloc(1, sizeof(*thread));
	int fd;

	if (thread == NULL)
		return NULL;
	thread->pages = xen->pages;
	thread->cookies = calloc(PORTS_MAX, sizeof(*thread->cookies));
	thread->gnttab = xengnttab_open(&quiet, 0);
	thread->evtchn = xenevtchn_open(&quiet, 0);
	if (thread->cookies == NULL || thread->gnttab == NULL || thread->evtchn == NULL) {
		int saved = errno;

		xen_thread_destroy(thread);
		errno = saved;
		return NULL;
	}
	fd = xenevtchn_fd(thread->evtchn);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	return thread;
}

/* The near side of a copy, or another guest's. Return: whether it is a grant. */
static bool
near_fill(const struct own_pages *pages, union xengnttab_copy_ptr *near,
	  const struct grant_copy *piece)
{
	if (piece->is_foreign) {
		near->foreign.ref = piece->from.ref;
		near->foreign.offset = piece->from.offset;
		near->foreign.domid = piece->from.domid;
		return true;
	}
	if (own_pages_ref(pages, piece->local, piece->len, &near->foreign.ref,
			  &near->foreign.offset)) {
		near->foreign.domid = pages->domid;
		return true;
	}
	near->virt = piece->local;
	return false;
}

static void
segment_fill(const struct own_pages *pages, xengnttab_grant_copy_segment_t *segment,
	     const struct grant_copy *piece)
{
	union xengnttab_copy_ptr near;
	bool both = near_fill(pages, &near, piece);
	union xengnttab_copy_ptr foreign = {
		.foreign = {
			.ref = piece->ref,
			.offset = piece->offset,
			.domid = piece->domid,
		},
	};

	segment->source = piece->to_guest ? near : foreign;
	segment->dest = piece->to_guest ? foreign : near;
	segment->len = piece->len;
	segment->flags = piece->to_guest ? GNTCOPY_dest_gref : GNTCOPY_source_gref;
	if (both)
		segment->flags = GNTCOPY_source_gref | GNTCOPY_dest_gref;
	segment->status = GNTST_okay;
}

static int
xen_copy(struct hypervisor_thread *thread, struct grant_copy *pieces, uint32_t n)
{
	for (uint32_t done = 0, batch; done < n; done += batch) {
		batch = n - done < SEGMENTS ? n - done : SEGMENTS;
		for (uint32_t i = 0; i < batch; i++)
			segment_fill(thread->pages, &thread->segments[i], &pieces[done + i]);
		if (xengnttab_grant_copy(thread->gnttab, batch, thread->segments) != 0)
			return -errno;
		for (uint32_t i = 0; i < batch; i++)
			pieces[done + i].status = thread->segments[i].status;
	}
	return 0;
}

/*
 * libxenevtchn asks not to share a handle between threads because pending() may block then. Only
 * the worker reads; binding, unbinding, notifying and unmasking are one system call each, which the
 * driver serialises.
 */
static int
xen_bind(struct hypervisor_thread *thread, uint16_t domid, uint32_t remote_port, uint32_t cookie)
{
	xenevtchn_port_or_error_t port =
		xenevtchn_bind_interdomain(thread->evtchn, domid, remote_port);

	if (port < 0)
		return -errno;
	if (port >= PORTS_MAX) {
		xenevtchn_unbind(thread->evtchn, (evtchn_port_t)port);
		return -ENOSPC;
	}
	/* an event that comes before this is lost: the owner polls a new queue once anyway */
	__atomic_store_n(&thread->cookies[port], cookie + 1, __ATOMIC_RELAXED);
	return port;
}

static void
xen_unbind(struct hypervisor_thread *thread, uint32_t port)
{
	__atomic_store_n(&thread->cookies[port], 0, __ATOMIC_RELAXED);
	xenevtchn_unbind(thread->evtchn, port);
}

static void
xen_notify(struct hypervisor_thread *thread, uint32_t port)
{
	xenevtchn_notify(thread->evtchn, port);
}

static int
xen_events_fd(struct hypervisor_thread *thread)
{
	return xenevtchn_fd(thread->evtchn);
}

/*
 * What xenevtchn_pending() does, for all ports that wait at once: read(2) gives port numbers. It
 * fails when the driver's buffer has overflown (EFBIG), and goes on failing until that is emptied.
 */
static int
xen_events(struct hypervisor_thread *thread, uint32_t *ret_cookies, uint32_t n)
{
	evtchn_port_t ports[64];
	int n_cookies = 0;
	ssize_t size;

	n = n < 64 ? n : 64;
	size = read(xenevtchn_fd(thread->evtchn), ports, n * sizeof(ports[0]));
	if (size < 0 && errno != EAGAIN && errno != EINTR) {
		int ret = -errno;

		ioctl(xenevtchn_fd(thread->evtchn), IOCTL_EVTCHN_RESET);
		return ret;
	}
	for (ssize_t i = 0; i < size / (ssize_t)sizeof(ports[0]); i++) {
		uint32_t cookie = 0;

		if (ports[i] < PORTS_MAX)
			cookie = __atomic_load_n(&thread->cookies[ports[i]], __ATOMIC_RELAXED);
		if (cookie != 0)
			ret_cookies[n_cookies++] = cookie - 1;
	}
	return n_cookies;
}

static void
xen_unmask(struct hypervisor_thread *thread, uint32_t port)
{
	xenevtchn_unmask(thread->evtchn, port);
}

static const struct hypervisor_ops xen_ops = {
	.name = "xen",
	.read = xen_read,
	.write = xen_write,
	.rm = xen_rm,
	.directory = xen_directory,
	.transaction_start = xen_transaction_start,
	.transaction_end = xen_transaction_end,
	.watch = xen_watch,
	.unwatch = xen_unwatch,
	.store_fd = xen_store_fd,
	.next_event = xen_next_event,
	.domain_alive = xen_domain_alive,
	.map = xen_map,
	.unmap = xen_unmap,
	.thread_create = xen_thread_create,
	.thread_destroy = xen_thread_destroy,
	.copy = xen_copy,
	.bind = xen_bind,
	.unbind = xen_unbind,
	.notify = xen_notify,
	.events_fd = xen_events_fd,
	.events = xen_events,
	.unmask = xen_unmask,
};

int
hypervisor_xen_open(struct hypervisor *ret_hv, const struct own_pages *pages, struct error *err)
{
	struct xen *xen = calloc(1, sizeof(*xen));
	int ret;

	if (xen == NULL)
		return error_set(err, ENOMEM, "xen: no memory");
	*ret_hv = (struct hypervisor){ .ops = &xen_ops, .ctx = xen };
	xen->pages = pages;
	xen->xs = xs_open(0);
	if (xen->xs == NULL) {
		ret = error_set(err, errno, "xen: cannot connect to xenstored: %s",
				strerror(errno));
		goto err_close;
	}
	xen->gnttab = xengnttab_open(&quiet, 0);
	if (xen->gnttab == NULL) {
		ret = error_set(err, errno,
				"xen: cannot open /dev/xen/gntdev: %s; is the module "
				"xen-gntdev loaded?",
				strerror(errno));
		goto err_close;
	}
	return 0;

err_close:
	hypervisor_xen_close(ret_hv);
	return ret;
}

void
hypervisor_xen_close(struct hypervisor *hv)
{
	struct xen *xen = hv->ctx;

	if (xen == NULL)
		return;
	if (xen->gnttab != NULL)
		xengnttab_close(xen->gnttab);
	xs_close(xen->xs);
	free(xen);
	*hv = (struct hypervisor){ 0 };
}

bool
hypervisor_xen_kernel_netback(void)
{
	return access("/sys/bus/xen-backend/drivers/vif", F_OK) == 0;
}
