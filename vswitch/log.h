/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Log: what an operator should read later, on stderr or in syslog.
 *
 * In the foreground lines go to stderr, with the priority in front ("<4>") when stderr is not a
 * terminal, as systemd's journal reads it; a daemon in the background writes to syslog.
 *
 * Thread-safety: any thread but workers, which never log.
 */
#ifndef VSWITCH_LOG_H
#define VSWITCH_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <syslog.h>

/** log_open() - choose where lines go. @use_syslog: else stderr. */
void log_open(bool use_syslog);

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
