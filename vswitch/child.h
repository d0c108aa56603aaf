/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Child: another program that works for the daemon, such as dnsmasq or softflowd, and is kept
 * running.
 *
 * It runs in the foreground, as a user of its own (else nobody) from its first instruction on:
 * setpriv(1) starts it with the capabilities that it needs, no way to any others, and SIGTERM for
 * when the daemon ends, however that ends. What it says goes to the log. If it ends unasked it is
 * started again, later each time it ends soon. One that is not wanted any more is told to end, and
 * killed if it has not after a second; nobody waits for that but another of its name, which starts
 * when it is gone.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_CHILD_H
#define VSWITCH_CHILD_H

#include <stdbool.h>
#include <sys/queue.h>
#include <sys/types.h>

struct child;
struct error;
struct event;
struct event_base;

/* All children of the daemon. */
struct children {
	struct event_base *base;
	struct event *signal; /* SIGCHLD; NULL: there has been none */
	LIST_HEAD(, child) list;
};

#define CHILD_ARGS_MAX 40
#define CHILD_DELAY_MSEC 500 /* until it is started again at first; twice as long each time */
#define CHILD_DELAY_MSEC_MAX 60000
#define CHILD_CALM_SEC 60 /* if it has run for this long all is well again */

/**
 * child_prepare_fn - it is about to be started, and does not run: write its files.
 * Return: 0, or -errno: it is tried again later.
 */
typedef int (*child_prepare_fn)(void *arg);

/**
 * struct child_config - what is to be run.
 * @name: of the program; @package: that it is in; @area: what the log says it is for.
 * @user: whose process it is; else nobody's.
 * @rights: capabilities, as setpriv(1) has them: "-all,+net_raw".
 * @args: up to CHILD_ARGS_MAX, and NULL; copied.
 * @prepare: or NULL; @arg: for it.
 * All but @args must last as long as the child.
 */
struct child_config {
	const char *name, *package, *area, *user, *rights;
	const char *const *args;
	child_prepare_fn prepare;
	void *arg;
};

/** children_init() - there are none */
void children_init(struct children *children, struct event_base *base);

/** children_end() - end all, and wait for that, a second at most */
void children_end(struct children *children);

/**
 * child_create() - find the program; nothing is started.
 * Return: it, or NULL with @err filled: it is not installed.
 */
struct child *child_create(struct children *children, const struct child_config *config,
			   struct error *err);

/** child_destroy() - have it end, sooner or later; it is not waited for. NULL is legal. */
void child_destroy(struct child *child);

/** child_restart() - start it, or end the one that runs and start it again. */
void child_restart(struct child *child);

/** child_reload() - have it read its lists again (SIGHUP); if it does not run it will anyway. */
void child_reload(struct child *child);

/** child_pid() - of the process; 0: none runs. */
pid_t child_pid(const struct child *child);

/** child_reason() - why none runs; empty if one does. */
const char *child_reason(const struct child *child);

/** child_user() - whose process it is, for files that it writes. */
uid_t child_user(const struct child *child);

#endif /* VSWITCH_CHILD_H */
