/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "log.h"

static bool to_syslog;

void
log_open(bool use_syslog)
{
	to_syslog = use_syslog;
	if (use_syslog)
		openlog("vswitchd", LOG_PID, LOG_DAEMON);
}

static void
log_write(int priority, const char *fmt, va_list args)
{
	char line[1024];

	vsnprintf(line, sizeof(line), fmt, args);
	if (to_syslog)
		syslog(priority, "%s", line);
	else if (isatty(STDERR_FILENO))
		fprintf(stderr, "%s\n", line);
	else
		fprintf(stderr, "<%d>%s\n", priority, line);
}

void
log_line(int priority, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_write(priority, fmt, args);
	va_end(args);
}

void
log_limited(struct log_limit *limit, int priority, const char *fmt, ...)
{
	struct timespec now;
	va_list args;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	if ((uint32_t)now.tv_sec - limit->since >= LOG_LIMIT_SEC) {
		if (limit->lost > 0)
			log_line(priority, "(%u similar lines left out)", limit->lost);
		*limit = (struct log_limit){ .since = now.tv_sec };
	}
	if (limit->lines++ >= LOG_LIMIT_BURST) {
		limit->lost++;
		return;
	}
	va_start(args, fmt);
	log_write(priority, fmt, args);
	va_end(args);
}
