/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A hypervisor in memory, for tests, fuzzing and benchmarks without Xen: grants are pages of a
 * memfd per domain, event channels are queues with an eventfd, the store is fake_store.h.
 *
 * It checks what Xen checks: a grant must exist, a copy must stay in its page, a channel can be
 * bound once. Mapped pages are mappings of their own between pages that fault, so that using one
 * after unmapping faults, and so does what runs past its end. And it counts what is open, so that a
 * test can see it all closed.
 *
 * The calls below are the guests' and the toolstack's side; netback's is the struct hypervisor.
 *
 * Thread-safety: any thread, except create and destroy. A guest may run beside the backend.
 */
#ifndef NETBACK_HYPERVISOR_FAKE_H
#define NETBACK_HYPERVISOR_FAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "fake_store.h"
#include "hypervisor.h"

#define FAKE_DOMAINS 1024  /* domids 1 .. FAKE_DOMAINS - 1 */
#define FAKE_CHANNELS 64   /* of a domain; ports 1 .. FAKE_CHANNELS - 1 */
#define FAKE_GRANT_FIRST 8 /* references below it are Xen's own */

struct fake_hypervisor;

/* What can be made to fail. */
enum fake_op {
	FAKE_OP_READ, /* of the store */
	FAKE_OP_WATCH,
	FAKE_OP_TRANSACTION,
	FAKE_OP_ALIVE,
	FAKE_OP_MAP,
	FAKE_OP_BIND,
	FAKE_OP_COPY,
	FAKE_OP_EVENTS,
	FAKE_OPS
};

/* What is open, and what was done. */
struct fake_counts {
	unsigned int maps;    /* pages mapped now */
	unsigned int bound;   /* channels bound now */
	unsigned int watches; /* watches now */
	unsigned int threads; /* struct hypervisor_thread now */
	uint64_t copies;      /* pieces copied or refused so far */
	uint64_t copy_calls;
	uint64_t copy_errors;   /* pieces refused */
	uint64_t copy_reserved; /* pieces to grants that Xen keeps for itself */
	uint64_t copy_foreign;  /* pieces from guest to guest */
	uint64_t notifies;      /* backend -> guest */
	uint64_t unmasks;
};

/** fake_hypervisor_create() - with no domains. Return: it, or NULL. */
struct fake_hypervisor *fake_hypervisor_create(void);

/** fake_hypervisor_destroy() - free all of it, pages included. NULL is legal. */
void fake_hypervisor_destroy(struct fake_hypervisor *fake);

/** fake_hypervisor_get() - the backend's side. Valid as long as @fake. */
const struct hypervisor *fake_hypervisor_get(struct fake_hypervisor *fake);

/** fake_hypervisor_store() - its store. */
struct fake_store *fake_hypervisor_store(struct fake_hypervisor *fake);

/** fake_hypervisor_counts() - what is open, and what was done. */
struct fake_counts fake_hypervisor_counts(struct fake_hypervisor *fake);

/** fake_fail() - have the next @n calls of @op by the backend fail with errno @error. */
void fake_fail(struct fake_hypervisor *fake, enum fake_op op, unsigned int n, int error);

/** fake_before() - call @fn(@arg) before the next call of @op by the backend. */
void fake_before(struct fake_hypervisor *fake, enum fake_op op, void (*fn)(void *arg), void *arg);

/** fake_calls() - how often the backend has called @op. */
uint64_t fake_calls(struct fake_hypervisor *fake, enum fake_op op);

/**
 * fake_domain_create() - a domain that can grant up to @n_pages pages.
 * Return: 0 or -errno.
 */
int fake_domain_create(struct fake_hypervisor *fake, uint16_t domid, uint32_t n_pages);

/** fake_domain_kill() - it is dying: xenstored forgets it and tells @releaseDomain. */
void fake_domain_kill(struct fake_hypervisor *fake, uint16_t domid);

/**
 * fake_domain_destroy() - nothing is left of it, and the domid is free to be used again. No channel
 * of it may still be bound.
 */
void fake_domain_destroy(struct fake_hypervisor *fake, uint16_t domid);

/**
 * fake_grant() - a zeroed page of the domain, granted to the backend.
 * Return: the page, or NULL if there are no more.
 */
void *fake_grant(struct fake_hypervisor *fake, uint16_t domid, uint32_t *ret_ref);

/**
 * fake_secret() - a page of the domain that is not granted and never will be, with contents that
 * fake_intact() knows.
 * Return: the page, or NULL if there are no more.
 */
const void *fake_secret(struct fake_hypervisor *fake, uint16_t domid);

/**
 * fake_intact() - is all that no guest has ever granted as it was? Secrets must be unchanged, and
 * nobody may have so much as read a page that was never handed out.
 */
bool fake_intact(struct fake_hypervisor *fake);

/**
 * fake_on_copy() - have @fn see each piece that the backend wants copied, before it is: above all,
 * whether its own side of it is a place to copy to. No backend may run. NULL: nobody sees them.
 */
void fake_on_copy(struct fake_hypervisor *fake,
		  void (*fn)(void *arg, const struct grant_copy *piece), void *arg);

/** fake_grant_readonly() - let the backend only read the page from now on. */
void fake_grant_readonly(struct fake_hypervisor *fake, uint16_t domid, uint32_t ref);

/** fake_ungrant() - take the grant back; the page stays. */
void fake_ungrant(struct fake_hypervisor *fake, uint16_t domid, uint32_t ref);

/** fake_channel_alloc() - an unbound channel of the domain. Return: port, or 0. */
uint32_t fake_channel_alloc(struct fake_hypervisor *fake, uint16_t domid);

/** fake_channel_free() - the guest closes its end. */
void fake_channel_free(struct fake_hypervisor *fake, uint16_t domid, uint32_t port);

/** fake_channel_notify() - the guest kicks the backend. */
void fake_channel_notify(struct fake_hypervisor *fake, uint16_t domid, uint32_t port);

/** fake_channel_take() - events for the guest since the last call. */
uint64_t fake_channel_take(struct fake_hypervisor *fake, uint16_t domid, uint32_t port);

#endif /* NETBACK_HYPERVISOR_FAKE_H */
