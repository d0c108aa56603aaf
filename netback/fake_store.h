/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A xenstore in memory, for the fake hypervisor: a tree of values with transactions and watches.
 *
 * It behaves as C xenstored does where backends can tell: a watch has one event at once and one per
 * change at or below its path; removing a node fires watches below it; relative paths are those of
 * the backend's domain, and events of relative watches have relative paths; a transaction fails
 * with EAGAIN if anything else has changed meanwhile. Permissions are not modelled: guests' writes
 * are the same calls with absolute paths.
 *
 * Thread-safety: any thread; one lock.
 */
#ifndef NETBACK_FAKE_STORE_H
#define NETBACK_FAKE_STORE_H

#include <stdbool.h>
#include <stdint.h>

struct fake_store;

/** fake_store_create() - an empty store. Return: it, or NULL. */
struct fake_store *fake_store_create(void);

/** fake_store_destroy() - free it. NULL is legal. */
void fake_store_destroy(struct fake_store *store);

/** fake_store_set_self() - which domain the backend is in, 0 unless told; before it starts. */
void fake_store_set_self(struct fake_store *store, uint16_t domid);

/** fake_store_self() - the backend's domain. */
uint16_t fake_store_self(const struct fake_store *store);

/* As in struct hypervisor_ops. */
char *fake_store_read(struct fake_store *store, uint32_t transaction, const char *path);
int fake_store_write(struct fake_store *store, uint32_t transaction, const char *path,
		     const char *value);
int fake_store_rm(struct fake_store *store, uint32_t transaction, const char *path);
char **fake_store_directory(struct fake_store *store, uint32_t transaction, const char *path);
int fake_store_transaction_start(struct fake_store *store, uint32_t *ret_transaction);
int fake_store_transaction_end(struct fake_store *store, uint32_t transaction, bool abort);
int fake_store_watch(struct fake_store *store, const char *path, const char *token);
int fake_store_unwatch(struct fake_store *store, const char *path, const char *token);
int fake_store_fd(struct fake_store *store);
int fake_store_next_event(struct fake_store *store, char *ret_path, char *ret_token);

/** fake_store_fire() - an event for watches on a special path such as "@releaseDomain". */
void fake_store_fire(struct fake_store *store, const char *path);

/** fake_store_interfere() - have the next @n commits fail with EAGAIN. */
void fake_store_interfere(struct fake_store *store, unsigned int n);

/** fake_store_watches() - number of watches. */
unsigned int fake_store_watches(struct fake_store *store);

/** fake_store_writes() - number of changes so far. */
uint64_t fake_store_writes(struct fake_store *store);

#endif /* NETBACK_FAKE_STORE_H */
