/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Daemon: what any Unix daemon does - one instance per run directory, the background, readiness.
 *
 * Thread-safety: the main thread, before other threads exist.
 */
#ifndef VSWITCH_DAEMON_H
#define VSWITCH_DAEMON_H

struct error;

/**
 * daemon_lock() - make the run directory and be the only instance on it.
 * @run_dir: made with mode 0755 if it does not exist.
 *
 * Holds a lock on RUN_DIR/vswitchd.pid until the process ends, however it ends.
 * Return: 0, -EALREADY (another one runs; @err names its pid), or another -errno.
 */
int daemon_lock(const char *run_dir, struct error *err);

/** daemon_write_pid() - note the pid of this process, after daemon_detach(). Return: 0, -errno. */
int daemon_write_pid(void);

/** daemon_clear_pid() - the process ends: its pid means nothing from here on. */
void daemon_clear_pid(void);

/**
 * daemon_detach() - go on in a child in the background. The parent waits in here for
 * daemon_ready() and exits with 0, or with 1 if the child ends first.
 * Return: 0 in the child, or -errno.
 */
int daemon_detach(struct error *err);

/** daemon_ready() - tell the waiting parent and systemd that all is up. */
void daemon_ready(void);

#endif /* VSWITCH_DAEMON_H */
