/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Log: what an operator should read later, on stderr or in syslog.
 *
 * In the foreground lines go to stderr, under systemd with the priority in front ("<4>") as its
 * journal reads it. A daemon in the background writes errors to the stderr of who started it until
 * it is ready, and everything to syslog from then on.
 *
 * Thread-safety: any thread but workers, which never log.
 */
#ifndef VSWITCH_LOG_H
#define VSWITCH_LOG_H

#include <stdint.h>
#include <syslog.h>

/* Where lines go. */
enum log_target {
	LOG_TO_STDERR,        /* all of them */
	LOG_TO_STDERR_ERRORS, /* only LOG_ERR */
	LOG_TO_SYSLOG,        /* all of them */
};

/** log_open() - choose where lines go. Main thread. */
void log_open(enum log_target target);

/** log_line() - write a line. @priority: LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO. */
void log_line(int priority, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* For what a guest, a packet or a client can trigger: LOG_LIMIT_BURST lines in LOG_LIMIT_SEC. */
struct log_limit {
	uint32_t since; /* seconds */
	uint32_t lines;
	uint32_t lost;
};

#define LOG_LIMIT_SEC 10
#define LOG_LIMIT_BURST 10

/** log_limited() - write a line unless @limit is used up; tells later how many were left out. */
void log_limited(struct log_limit *limit, int priority, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif /* VSWITCH_LOG_H */
