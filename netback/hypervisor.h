/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hypervisor: all that netback wants of Xen, behind one table of functions.
 *
 * Two implementations: "xen" (hypervisor_xen.h: libxengnttab, libxenevtchn, libxenstore) and "fake"
 * (hypervisor_fake.h: shared memory, eventfds, a store in memory) for tests, fuzzing and benchmarks
 * on machines without Xen. Nothing else in netback includes a libxen header; public layouts of
 * xen/io/ are used by both sides.
 *
 * The store's calls wait for xenstored's answer, which is the only waiting the control thread does.
 * Paths without a leading '/' are relative to the own domain (/local/domain/SELF/).
 *
 * Thread-safety: calls that take @ctx are for the control thread. A struct hypervisor_thread has
 * one owner, a worker or the control thread: only it calls copy() and events(), and waits for
 * events_fd(). bind() and unbind() on it are for the control thread, while the owner may run;
 * notify() and unmask() may be called from any thread, since a packet for a guest is sent by the
 * worker that received it.
 */
#ifndef NETBACK_HYPERVISOR_H
#define NETBACK_HYPERVISOR_H

#include <stdbool.h>
#include <stdint.h>

struct hypervisor_thread; /* one owner's handles; each implementation has its own */

#define HYPERVISOR_PAGE_SIZE 4096         /* of grants and rings, whatever the guest's pages are */
#define HYPERVISOR_COOKIE_NONE UINT32_MAX /* an event that nobody waits for */
#define STORE_PATH_SIZE 256               /* bytes of any path that netback builds or takes */

/**
 * struct grant_copy - one piece of a batched grant copy: between own memory and a guest's page, or
 * from one guest's page to another's.
 * @local: own memory; may cross page boundaries.
 * @from: if @is_foreign, a page of another guest (or the same), in place of @local.
 * @ref: the guest's grant; out of its hands, any value.
 * @domid: the guest.
 * @offset: in the guest's page; @offset + @len <= HYPERVISOR_PAGE_SIZE is the caller's to check.
 * @len: bytes, > 0.
 * @to_guest: direction; true if @is_foreign.
 * @status: filled: 0, or negative (GNTST_*) if this piece was not copied.
 */
struct grant_copy {
	union {
		void *local;
		struct {
			uint32_t ref;
			uint16_t domid;
			uint16_t offset;
		} from;
	};
	uint32_t ref;
	uint16_t domid;
	uint16_t offset;
	uint16_t len;
	bool to_guest;
	bool is_foreign;
	int16_t status;
};

/**
 * struct hypervisor_ops - see the members. All return 0 (or what is said) or -errno.
 *
 * Store, control thread. @transaction: 0, or from transaction_start.
 * @read: value as a malloc'd string ('\0' ends it; values with a '\0' inside are refused: EINVAL),
 *	or NULL with errno.
 * @write: creates missing parents.
 * @rm: removes the node and all below; 0 if there was none.
 * @directory: malloc'd NULL-ended array of names (one free() for all), or NULL with errno.
 * @transaction_start: a transaction number > 0.
 * @transaction_end: commits unless @abort; -EAGAIN: somebody else interfered, do it all again.
 * @watch: events for @path and all below it, marked with @token; one comes at once.
 * @store_fd: readable (level) while next_event() has something.
 * @next_event: takes one event; 1 with both filled, 0: none now; never waits. Paths or tokens that
 *	do not fit are dropped.
 * @domain_alive: 1: the domain exists and is not being torn down; 0: it does not; -errno: unknown.
 *
 * Grants, control thread.
 * @map: maps one page, to write to or only to read; NULL with errno.
 * @unmap: of a page from @map.
 *
 * Per worker, and for control rings.
 * @thread_create: for one owner, control thread; NULL with errno.
 * @thread_destroy: closes all of it, channels included. NULL is legal.
 * @copy: does all pieces in one go and sets each status. -errno: nothing is known about any.
 * @bind: @remote_port of @domid, reported by events() as @cookie. Returns the local port, or
 *	-errno. The port is unmasked and may have an event at once.
 * @unbind: no more events and cookies of @port.
 * @notify: kick the guest's end.
 * @events_fd: readable (level) while events() has something.
 * @events: takes up to @n cookies of ports with events, returns how many; each such port is masked
 *	until unmask(). To be called when events_fd is readable. -errno: events are lost, and any
 *	queue may have one; events_fd is not readable on that account any more.
 * @unmask: let the port report events again.
 */
struct hypervisor_ops {
	const char *name;
	char *(*read)(void *ctx, uint32_t transaction, const char *path);
	int (*write)(void *ctx, uint32_t transaction, const char *path, const char *value);
	int (*rm)(void *ctx, uint32_t transaction, const char *path);
	char **(*directory)(void *ctx, uint32_t transaction, const char *path);
	int (*transaction_start)(void *ctx, uint32_t *ret_transaction);
	int (*transaction_end)(void *ctx, uint32_t transaction, bool abort);
	int (*watch)(void *ctx, const char *path, const char *token);
	int (*unwatch)(void *ctx, const char *path, const char *token);
	int (*store_fd)(void *ctx);
	int (*next_event)(void *ctx, char ret_path[STORE_PATH_SIZE],
			  char ret_token[STORE_PATH_SIZE]);
	int (*domain_alive)(void *ctx, uint16_t domid);

	void *(*map)(void *ctx, uint16_t domid, uint32_t ref, bool writable);
	void (*unmap)(void *ctx, void *page);

	struct hypervisor_thread *(*thread_create)(void *ctx);
	void (*thread_destroy)(struct hypervisor_thread *thread);
	int (*copy)(struct hypervisor_thread *thread, struct grant_copy *pieces, uint32_t n);
	int (*bind)(struct hypervisor_thread *thread, uint16_t domid, uint32_t remote_port,
		    uint32_t cookie);
	void (*unbind)(struct hypervisor_thread *thread, uint32_t port);
	void (*notify)(struct hypervisor_thread *thread, uint32_t port);
	int (*events_fd)(struct hypervisor_thread *thread);
	int (*events)(struct hypervisor_thread *thread, uint32_t *ret_cookies, uint32_t n);
	void (*unmask)(struct hypervisor_thread *thread, uint32_t port);
};

/* An open hypervisor. */
struct hypervisor {
	const struct hypervisor_ops *ops;
	void *ctx;
};

#endif /* NETBACK_HYPERVISOR_H */
